"""One batch of pairs: from the caller's arrays to the compiled pass, and its results back as the caller's arrays."""

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import (
    FLOAT32,
    FLOAT64,
    as_floating,
    common_device,
    common_dtype,
    like,
    model_of,
    sixteen_bit,
    words_of,
)
from alignment_fast._border.call import shapes
from alignment_fast._border.devices import output, views
from alignment_fast._border.outputs import fits, in_place, refuse_overlap
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs, Sums

REDUCTIONS = ("mean", "sum", "none")
_REAL = (FLOAT32, FLOAT64)


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
        C-contiguous arrays, NumPy's or on a device, or None, in the order given.
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
    device : str
        Where all arrays are.
    place : object
        On a device: which one, and on which stream.

    """

    arrays: tuple[Any, ...]
    storage: str
    dtype: Any
    shape: tuple[int, ...]
    size: int
    model: Any
    device: str = "cpu"
    place: Any = None

    def empty(self) -> Any:
        """Return a new array for a result of this shape and dtype."""
        return np.empty(self.shape, self.dtype) if self.place is None else self.place.empty(self.shape, self.dtype)

    def view(self, value: Any, name: str) -> Any:
        """Return the array `value` on this batch's device, of this batch's shape and whatever dtype."""
        _, found = views({name: value}, self.place)
        if found[name].shape != self.shape:
            raise ValueError(f"{name} of shape {found[name].shape} and log-probabilities of shape {self.shape} differ")
        return found[name]

    def require(self, array: Any, name: str, holds: Any, reason: str) -> None:
        """Raise ValueError, with `reason`, for the first element for which ``holds`` fails; not read on a device."""
        if self.place is None:
            refuse(~holds(array), array, name, reason, "g")

    def extra(self, value: Any, name: str) -> Any:
        """Return the array `value` (weights, lengths, targets) in this batch's shape and dtype; None stays."""
        if value is None:
            return None
        common_device(**{"the batch": self.model, name: value})
        if self.place is not None:
            found = self.view(value, name)
            if found.dtype != self.dtype or found.storage != "own":
                raise TypeError(f"{name} must be {self.dtype} on a CUDA device, as the batch is computed")
            return found
        array = as_floating(value, name).astype(self.dtype, copy=False)
        if array.shape != self.shape:
            raise ValueError(f"{name} of shape {array.shape} and log-probabilities of shape {self.shape} differ")
        return array

    def booleans(self, value: Any, name: str) -> Any:
        """Return labels as `extra` does, 1 and 0; on a device as booleans, which they must be there."""
        if self.place is None:
            array = self.extra(value, name)
            if not (type(value) is np.ndarray and value.dtype == np.bool_):
                self.require(array, name, lambda x: (x == 0) | (x == 1), "is neither true nor false")
            return array
        common_device(**{"the batch": self.model, name: value})
        found = self.view(value, name)
        if found.dtype != np.bool_:
            raise TypeError(f"{name} must be booleans on a CUDA device, not {found.dtype}")
        return found

    def lengths(self, value: Any, name: str) -> Any:
        """Return lengths as `extra` does; ValueError unless they are positive."""
        array = self.extra(value, name)
        if array is not None:
            self.require(array, name, lambda lengths: lengths > 0, "is not a positive number of tokens")
        return array

    def give(self, array: Any) -> Any:
        """Return a result as the caller's kind of array."""
        return None if array is None else like(array, self.model)


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
    if arrays[0] is None:
        raise TypeError(f"{names[0]} must be an array, not None")
    device = common_device(**given)
    if device != "cpu":
        return _on_device(names, given)
    kinds = {sixteen_bit(value) for value in given.values()}
    storage = kinds.pop() if len(kinds) == 1 else None
    if storage is not None:
        dtype, views = FLOAT32, {name: words_of(value, name) for name, value in given.items()}
        views = {name: np.asarray(words, order="C") for name, words in views.items()}
    else:
        storage = "own"
        views = {name: as_floating(value, name, floating_only=floating_only) for name, value in given.items()}
        dtype = common_dtype(views.values())
        views = {name: array.astype(dtype, copy=False) for name, array in views.items()}
    if len({array.shape for array in views.values()}) > 1:
        raise ValueError(f"shapes differ: {shapes(views)}")
    shape = next(iter(views.values())).shape
    arrays = tuple(views.get(name) for name in names)
    return Batch(arrays, storage, dtype, shape, math.prod(shape), model_of(given.values()), device)


def _on_device(names, given):
    place, found = views(given)
    if len({array.shape for array in found.values()}) > 1:
        raise ValueError(f"shapes differ: {shapes(found)}")
    kinds = {name: array.dtype if array.storage == "own" else array.storage for name, array in found.items()}
    if len(set(kinds.values())) > 1:
        raise TypeError("dtypes differ: " + ", ".join(f"{name} is {kind}" for name, kind in kinds.items()))
    first = next(iter(found.values()))
    dtype = FLOAT32 if first.storage != "own" else first.dtype
    if dtype not in _REAL:
        raise TypeError(f"{names[0]} must be floating-point on a CUDA device, not {dtype}")
    arrays = tuple(found.get(name) for name in names)
    model = next(iter(given.values()))
    return Batch(arrays, first.storage, dtype, first.shape, first.size, model, "cuda", place)


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is one of `REDUCTIONS`."""
    as_word(reduction, "reduction", REDUCTIONS)


class LossOutputs:
    """The arrays of one call to write into: new ones, or those that the caller gave."""

    def __init__(self, of: Batch, out: Any, names: tuple[str, ...]):
        self._batch = of
        self._given = None
        self._written: dict[str, Any] = {}
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
            return self._batch.empty()
        value = self._given.get(name)
        if value is None:
            return None
        place = self._batch.place
        array = in_place(value) if place is None else output(value, f"out[{name!r}]", place)
        if fits(array, self._batch.dtype, self._batch.shape):
            self._written[f"out[{name!r}]"] = array
            return array
        what = f"{array.dtype} of shape {array.shape}" if hasattr(array, "shape") else type(array).__name__
        raise ValueError(
            f"out[{name!r}] must be a writable C-contiguous {self._batch.dtype} array of shape "
            f"{self._batch.shape}, not {what}"
        )

    def refuse_overlap(self, names: tuple[str, ...], **others: Any) -> None:
        """Raise ValueError if an array that the caller gave shares memory with another or with what is read.

        That is the batch, whose arrays have these `names`, and the `others`.
        """
        if self._written:
            refuse_overlap(self._written, dict(zip(names, self._batch.arrays, strict=True)) | others)

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


def reduced(ops: ModuleType, of: Batch, sums: Sums, divisor: float) -> Any:
    """Return the sum of the losses divided by `divisor` as a scalar of the batch's dtype and the caller's kind."""
    return like(ops.reduced_loss(sums, divisor, of.dtype), of.model)


def ratio(total: float, count: float) -> float:
    """Return the mean of `count` terms; that of none is NaN, as elsewhere."""
    return total / count if count else math.nan
