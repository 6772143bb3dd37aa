"""The array arguments of one call: read together, broadcast to rows and grids, and results in the caller's kind."""

import math

import numpy as np

from alignment_fast._border.arrays import (
    FLOAT32,
    FLOAT64,
    all_plain,
    as_floating,
    common_device,
    common_dtype,
    is_foreign,
    like,
    model_of,
    parameter_grid,
)
from alignment_fast._border.status import check_status, place
from alignment_fast._operations import operations
from alignment_fast.errors import BackendUnavailableError


class Arguments:
    """Array arguments by name, what they have in common, and how results go back.

    Families derive from it: `accept` says what they ask of their arrays, `core` how many of their last axes belong to
    one problem. All other axes are leading ones, and broadcast.

    Parameters
    ----------
    values : dict of str to array_like or None
        The arguments as the caller gave them.
    floating_only : collection of str
        Which of them must be floating-point (log-probabilities).
    optional : collection of str
        Which of them may be None, and are left out then.
    on_devices : bool
        Whether arrays on a CUDA device are taken, as they are.

    Attributes
    ----------
    arrays : dict of str to array
        What `accept` makes of the arguments, with their own leading axes.
    device : str
        Where they all are.
    dtype : dtype
        What they are computed in, and that of results: float32 or float64.
    leading : tuple of int
        Broadcast leading axes.
    model : object
        The argument whose kind of array the results take.

    """

    __slots__ = ("arrays", "device", "dtype", "leading", "model")

    def __init__(self, values, floating_only=(), optional=(), on_devices=False):
        given = {name: value for name, value in values.items() if value is not None}
        if len(given) < len(values):
            refuse_none(values, optional)
        first = next(iter(given.values()))
        if all_plain(given.values()):
            self.device, self.model, self.dtype, arrays = "cpu", first, first.dtype, given
        else:
            self.device = common_device(**given)
            self.model = model_of(given.values())
            if on_devices and self.device == "cuda":
                arrays = arrays_on_device(given)
            else:
                arrays = {n: as_floating(value, n, floating_only=n in floating_only) for n, value in given.items()}
            self.dtype = common_dtype(arrays.values())
        self.arrays = self.accept(arrays)
        self.leading = self._common_leading(given)

    def __getitem__(self, name):
        return self.arrays[name]

    def accept(self, arrays):
        """Return `arrays` as they are computed with; what the family cannot take raises."""
        dtype = self.dtype
        return {n: array if array.dtype is dtype else array.astype(dtype) for n, array in arrays.items()}

    def core(self, _name):
        """Return how many of the last axes of an argument belong to one problem."""
        return 1

    def operations(self, family):
        """Return the table of operations of `family` on the device of the arrays."""
        return operations(family, self.device)

    def count(self, leading=None):
        """Return the number of rows of `leading` axes."""
        return math.prod(self.leading if leading is None else leading)

    def rows(self, name, leading=None, dtype=None):
        """Return an array as (rows of `leading`, or 1 that all of them share, *core axes), C-contiguous."""
        return rows_of(self.arrays[name], self.core(name), self.leading if leading is None else leading, dtype)

    def grid(self, value, name):
        """Return the `Grid` of the parameter `value` over the leading axes; NaN is a ValueError."""
        grid = parameter_grid(value, self.leading, name)
        bad = np.isnan(grid.values)
        if bad.any():
            where = place(int(bad.argmax()), bad.shape) if np.ndim(value) else ""
            raise ValueError(f"{name}{where} is NaN")
        return grid

    def give(self, result, shape=None, *, dtype=None):
        """Return `result`, in `shape`, in `dtype` or that of the arguments, as the caller's kind of array or scalar."""
        return give(result, self.model, dtype=self.dtype if dtype is None else dtype, shape=shape)

    def check(self, words, leading=None):
        """Raise ValueError for the first bad value that one of the (name of argument or None, status word) reports."""
        for name, word in words:
            if name is not None:
                check_status(word, name, self.arrays[name], self.leading if leading is None else leading)

    def _common_leading(self, given):
        leading = {array.shape[: array.ndim - self.core(name)] for name, array in self.arrays.items()}
        if len(leading) == 1:
            return leading.pop()
        try:
            return np.broadcast_shapes(*leading)
        except ValueError:
            raise ValueError(f"leading axes do not broadcast: {shapes({n: self.arrays[n] for n in given})}") from None


def arrays_on_device(given):
    """Return arrays on a device as they are there: of one dtype, which must be float32 or float64."""
    from alignment_fast._border.devices import views

    _, found = views(given)
    kinds = {name: array.dtype if array.storage == "own" else array.storage for name, array in found.items()}
    if len(set(kinds.values())) > 1:
        raise TypeError("dtypes differ: " + ", ".join(f"{name} is {kind}" for name, kind in kinds.items()))
    name, kind = next(iter(kinds.items()))
    if kind not in (FLOAT32, FLOAT64):
        raise TypeError(f"{name} must be float32 or float64 on a CUDA device, not {kind}")
    return found


def operations_of(family, **arguments):
    """Return the table of operations of `family` on the device that the array `arguments` share.

    Where there is none, the error names an argument that is there.
    """
    device = common_device(**arguments)
    try:
        return operations(family, device)
    except BackendUnavailableError as error:
        if device == "cpu":
            raise
        name = next(name for name, value in arguments.items() if value is not None)
        raise BackendUnavailableError(f"{name} is a {device.upper()} array: {error}") from error


def refuse_none(values, optional=()):
    """Raise TypeError if one of `values`, by name, is None and not among the `optional` ones, or if all are None."""
    missing = next((name for name, value in values.items() if value is None and name not in optional), None)
    if missing is not None:
        raise TypeError(f"{missing} must be an array, not None")
    if all(value is None for value in values.values()):
        raise ValueError(f"{' or '.join(values)} is required")


def give(result, model, *, dtype=None, shape=None):
    """Return `result`, in `dtype` and `shape`, as the kind of array that `model` is, or as a scalar of NumPy's.

    What is on a device has its dtype and its kind already.
    """
    if hasattr(result, "given"):
        return (result if shape is None else result.reshape(shape)).given()
    result = np.asarray(result)
    if dtype is not None and result.dtype != dtype:
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite
            result = result.astype(dtype)
    if shape is not None:
        result = result.reshape(shape)
    return like(result, model) if is_foreign(model) else result[()]


def require_alphabet(arrays):
    """Raise ValueError if one of `arrays`, by name, has no letters in its last axis."""
    for name, array in arrays.items():
        if array.ndim == 0:
            raise ValueError(f"{name} must have at least one axis, the letters of the alphabet")
        if array.shape[-1] == 0:
            raise ValueError(f"{name} of shape {array.shape} has an empty alphabet: its last axis has length 0")


def rows_of(array, core, leading, dtype=None):
    """Return `array`, of `core` axes of its own, as contiguous (rows of `leading`, or 1 that all share, *core axes)."""
    axes = array.ndim - core
    own, last = array.shape[:axes], array.shape[axes:]
    if math.prod(own) == 1:
        own = (1,)
    elif own != leading and hasattr(array, "given"):
        raise ValueError(f"leading axes of arrays on a CUDA device must be the same or 1: {own} is to be {leading}")
    elif own != leading:
        array, own = np.broadcast_to(array, (*leading, *last)), leading
    if hasattr(array, "given"):  # on a device
        return array.reshape(math.prod(own), *last)
    return np.ascontiguousarray(array, dtype=dtype).reshape(math.prod(own), *last)


def shapes(arrays):
    """Return the shapes of `arrays`, by name, as an error message lists them."""
    return ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
