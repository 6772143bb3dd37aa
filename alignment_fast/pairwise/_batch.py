"""One batch of pairs: from the caller's arrays to the compiled pass, and its results back as the caller's arrays."""

import math
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import as_floating, common_device, library_of, like
from alignment_fast._border.status import place
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs, Sums

REDUCTIONS = ("mean", "sum", "none")
_SIXTEEN = {"torch.float16": "float16", "torch.bfloat16": "bfloat16", "float16": "float16", "bfloat16": "bfloat16"}
_REAL = (np.dtype(np.float32), np.dtype(np.float64))


class Metrics(NamedTuple):
    """What trainers log, over the batch.

    Parameters
    ----------
    chosen_reward, rejected_reward : float
        Mean rewards.
    margin : float
        Difference of the two.
    accuracy : float
        Fraction of pairs whose chosen reward is the larger one.

    """

    chosen_reward: float
    rejected_reward: float
    margin: float
    accuracy: float


class Batch(NamedTuple):
    """Arrays of one shape and storage type.

    Parameters
    ----------
    arrays : tuple
        C-contiguous NumPy arrays or None, in the order given.
    storage : str
        Of these arrays: "own", "float16" or "bfloat16".
    dtype : numpy.dtype
        Of everything else: float32 or float64.
    shape : tuple of int
        Common shape.
    size : int
        Number of pairs.
    model : object
        Argument whose kind of array the results take.

    """

    arrays: tuple[Any, ...]
    storage: str
    dtype: Any
    shape: tuple[int, ...]
    size: int
    model: Any

    def extra(self, value: Any, name: str) -> Any:
        """Return the array `value` (weights, lengths, targets) in this batch's shape and dtype; None stays."""
        if value is None:
            return None
        common_device(**{name: value})
        array = as_floating(value, name).astype(self.dtype, order="C", copy=False)
        if array.shape != self.shape:
            raise ValueError(f"{name} of shape {array.shape} and log-probabilities of shape {self.shape} differ")
        return array

    def lengths(self, value: Any, name: str) -> Any:
        """Return lengths as `extra` does; ValueError unless they are positive."""
        array = self.extra(value, name)
        if array is not None:
            refuse(~(array > 0), array, name, "is not a positive number of tokens")
        return array

    def give(self, array: Any) -> Any:
        """Return a result as the caller's kind of array."""
        return array if array is None or type(self.model) is np.ndarray else like(array, self.model)


def number(value: Any, name: str) -> Any:
    """Return the parameter `value` as a float; None stays."""
    if value is None:
        return value
    try:
        return float(value + 0)  # a string has no sum with 0
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be one number, not {value!r}") from None


def refuse(bad: Any, array: Any, name: str, why: str) -> None:
    """Raise ValueError for the first element of `array` that is `bad`."""
    flat = np.flatnonzero(bad)
    if flat.size:
        first = int(flat[0])
        raise ValueError(f"{name}{place(first, array.shape)} = {array.reshape(-1)[first]:g} {why}")


def batch(names: tuple[str, ...], arrays: tuple[Any, ...], *, floating_only: bool = True) -> Batch:
    """Return the `Batch` of arrays of one shape; one that is None is absent.

    With `floating_only`, integers are a TypeError: log-probabilities cannot be meant.
    """
    model = arrays[0]
    if type(model) is np.ndarray and model.dtype in _REAL:
        dtype, shape = model.dtype, model.shape
        for array in arrays:
            if array is not None and not (
                type(array) is np.ndarray and array.dtype is dtype and array.shape == shape and array.flags.c_contiguous
            ):
                break
        else:  # the common case, and the fast one
            return Batch(arrays, "own", dtype, shape, model.size, model)
    return _converted(names, arrays, floating_only)


def _converted(names, arrays, floating_only):
    given = {name: value for name, value in zip(names, arrays, strict=True) if value is not None}
    common_device(**given)
    model = next((v for v in given.values() if library_of(v) not in ("numpy", "builtins")), next(iter(given.values())))
    kinds = {_SIXTEEN.get(str(getattr(value, "dtype", ""))) for value in given.values()}
    storage = kinds.pop() if len(kinds) == 1 else None
    if storage is not None and not any(getattr(value, "requires_grad", False) for value in given.values()):
        views = {name: _words(value) for name, value in given.items()}
        dtype = np.dtype(np.float32)
    else:
        storage = "own"
        views = {name: as_floating(value, name, floating_only=floating_only) for name, value in given.items()}
        dtype = np.result_type(*views.values())
        views = {name: array.astype(dtype, copy=False) for name, array in views.items()}
    shapes = {array.shape for array in views.values()}
    if len(shapes) > 1:
        raise ValueError("shapes differ: " + ", ".join(f"{name} of shape {a.shape}" for name, a in views.items()))
    shape = shapes.pop()
    views = tuple(views.get(name) for name in names)
    return Batch(views, storage, dtype, shape, math.prod(shape), model)


def _words(value):
    """Return the 16-bit words of a float16 or bfloat16 array, C-contiguous, without converting them."""
    if library_of(value) == "torch":
        value = value.contiguous().view(sys.modules["torch"].int16).numpy()
    return np.ascontiguousarray(value).view(np.uint16).reshape(value.shape)


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is one of `REDUCTIONS`."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction!r} is not one of {', '.join(REDUCTIONS)}")


class Results:
    """The arrays of one call to write into: new ones, or those that the caller gave."""

    def __init__(self, of: Batch, out: Any, names: tuple[str, ...]):
        self._batch = of
        self._given = None
        if out is None:
            return
        self._given = out if type(out) is dict or not hasattr(out, "_asdict") else out._asdict()
        if not isinstance(self._given, Mapping):
            raise TypeError(f"out must be a mapping of names to arrays or an earlier result, not {type(out).__name__}")
        for name, value in self._given.items():
            if name not in names and (value is not None and self._given is out):
                raise ValueError(f"out[{name!r}] is no result of this function; results: {', '.join(names)}")

    def array(self, name: str, wanted: bool) -> Any:
        """Return the NumPy array that receives `name`, or None where it is not wanted.

        Once arrays were given, what is not among them is not wanted.
        """
        if not wanted:
            return None
        if self._given is None:
            return np.empty(self._batch.shape, self._batch.dtype)
        value = self._given.get(name)
        if value is None:
            return None
        array = value if type(value) is np.ndarray or library_of(value) != "torch" else value.numpy()
        if (
            type(array) is np.ndarray
            and array.dtype == self._batch.dtype
            and array.shape == self._batch.shape
            and array.flags.carray
        ):
            return array
        what = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(
            f"out[{name!r}] must be a writable C-contiguous {self._batch.dtype} array of shape "
            f"{self._batch.shape}, not {what}"
        )

    def give(self, name: str, array: Any) -> Any:
        """Return the result `array` as the caller's kind, or the very array that the caller gave for it."""
        if array is None or self._given is None:
            return self._batch.give(array)
        return self._given[name]


def evaluate(
    ops: ModuleType,
    of: Batch,
    loss: Loss,
    inputs: Inputs,
    outputs: Outputs,
    *,
    divisor: float = 1.0,
    lengths_first: bool = False,
    metrics: bool = False,
    num_threads: int | None = None,
) -> Sums:
    """Run the compiled pass over a batch, gradients divided by `divisor`; return the sums."""
    return ops.evaluate(
        loss,
        inputs,
        outputs,
        storage=of.storage,
        wide=of.dtype == _REAL[1],
        size=of.size,
        factor=1.0 / divisor if divisor else 1.0,
        lengths_first=lengths_first,
        metrics=metrics,
        num_threads=num_threads,
    )


def reduced(of: Batch, total: float) -> Any:
    """Return the reduced loss as a scalar of the batch's dtype and the caller's kind."""
    value = of.dtype.type(total)
    return value if type(of.model) is np.ndarray else like(value, of.model)


def ratio(total: float, count: float) -> float:
    """Return the mean of `count` terms; that of none is NaN, as elsewhere."""
    return total / count if count else math.nan
