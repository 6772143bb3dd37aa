"""Pools and counts on a CUDA device: checked there, results in the caller's kind of array.

Bad values are looked for on the device; the checks of the CPU then say which one it is and where.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import FLOAT32, FLOAT64, as_array, common_device, is_foreign
from alignment_fast._border.call import operations_of
from alignment_fast._border.devices import view, views
from alignment_fast._operations import operations


def is_on_device(value):
    """Return whether `value` may be an array of a device, and no number of Python's or NumPy's."""
    return value is not None and (is_foreign(value) or hasattr(value, "__cuda_array_interface__"))


class DevicePools:
    """The arguments of `curve` on a device, as `_Input` of pool.py has those on the CPU.

    ``check(scores, values, lengths)`` raises for a bad value of arrays on the host, ``checked(lengths, shape)`` for bad
    lengths.
    """

    def __init__(self, scores, values, lengths, check, checked):
        given = {"scores": scores} | ({} if values is None else {"values": values})
        self._place, found = views(given)
        for name, array in found.items():
            if array.dtype not in (FLOAT32, FLOAT64):
                kind = array.dtype if array.storage == "own" else array.storage
                raise TypeError(f"{name} must be float32 or float64 on a CUDA device, not {kind}")
        own, judged = found["scores"], found.get("values")
        if own.ndim == 0 or own.shape[-1] == 0:
            raise ValueError(f"scores of shape {own.shape} have no samples")
        if judged is not None and judged.shape != own.shape:
            raise ValueError(f"values of shape {judged.shape} and scores of shape {own.shape} differ")
        if lengths is not None and common_device(lengths=lengths) == "cuda":
            lengths = view(lengths, "lengths", self._place).numpy()
        self.lengths = None if lengths is None else checked(lengths, own.shape)
        common = operations("common", "cuda")
        bad = common.first_not_finite(own, infinity_is_good=judged is not None)
        if bad is None and judged is not None:
            bad = common.first_not_finite(judged)
        if bad is not None:  # beyond the length of its row it is good
            check(own.numpy(), None if judged is None else judged.numpy(), lengths)
        self.leading = own.shape[:-1]
        self.largest = own.shape[-1] if lengths is None else int(self.lengths.max(initial=0))
        self.rows = math.prod(self.leading)
        self.dtype = FLOAT64 if any(array.dtype == FLOAT64 for array in found.values()) else FLOAT32
        self._arrays = own, judged
        self._common, self._ops = common, operations("best_of_n", "cuda")

    def by_length(self):
        """Return (rows, scores (rows, M), values or None) for each size M there is."""
        flat = [None if array is None else array.reshape(self.rows, array.shape[-1]) for array in self._arrays]
        if self.lengths is None:
            return [(slice(None), *flat)]
        parts, wide = [], [None if array is None else self._common.cast(array, FLOAT64) for array in flat]
        for size in np.unique(self.lengths):
            rows = np.flatnonzero(self.lengths == size)
            own = [None if array is None else self._ops.pool_rows(array, rows, int(size)) for array in wide]
            parts.append((rows, *own))
        return parts

    def joined(self, at, parts, count):
        """Return (rows, count), NaN but for the `parts`, which belong to the (rows, columns) of `at`."""
        out = self._place.copy(np.full((self.rows, count), np.nan))
        for (rows, columns), part in zip(at, parts, strict=True):
            if not isinstance(part, np.ndarray):  # of no columns
                self._ops.pool_put(part, rows, columns, out)
        return out

    def of_kind(self, array):
        """Return numbers of draws as they are: the host has read them, and a device need not wait for them."""
        return array

    def give(self, array, shape):
        """Return a result in the caller's kind and the dtype of the arguments; what is empty comes from the host."""
        if isinstance(array, np.ndarray):
            return self._place.empty(shape, self.dtype).given()
        return self._common.cast(array, self.dtype).reshape(shape).given()


def device_max_weights(ops, rewards, coefficients_of, check):
    """Return what `max_at_k_weights` does, of rewards on a device.

    ``coefficients_of(shape)`` returns whether they are centred and the coefficients that `max_weights` takes,
    ``check(array)`` raises for a bad reward of an array on the host.
    """
    _, found = views({"rewards": rewards})
    array = found["rewards"]
    if array.dtype not in (FLOAT32, FLOAT64):
        kind = array.dtype if array.storage == "own" else array.storage
        raise TypeError(f"rewards must be float32 or float64 on a CUDA device, not {kind}")
    given = coefficients_of(array.shape)
    common = operations("common", "cuda")
    if common.first_not_finite(array) is not None:
        check(array.numpy())
    weights, _ = ops.max_weights(array.reshape(-1, array.shape[-1]), *given)
    return common.cast(weights, array.dtype).reshape(array.shape).given()


def device_curves(mean):
    """Return the means of curves in float64 where they are, on a device; None on the CPU."""
    if not is_on_device(mean) or common_device(curves=mean) != "cuda":
        return None
    array = views({"curves": mean})[1]["curves"]
    if array.dtype not in (FLOAT32, FLOAT64):
        kind = array.dtype if array.storage == "own" else array.storage
        raise TypeError(f"curves must be float32 or float64 on a CUDA device, not {kind}")
    return operations("common", "cuda").cast(array, FLOAT64)


def device_counts(given, k, check):
    """Return the `DeviceCounts` of num_samples and num_correct, by name, of which one may be a number; None on the CPU.

    ``check(num_samples, num_correct, k)`` raises for a bad one on the host.
    """
    there = {name: value for name, value in given.items() if is_on_device(value)}
    if not there or common_device(**there) != "cuda":
        return None
    ops, ks = operations_of("best_of_n", **there), as_array(k, "k")
    if ks.dtype.kind not in "iu" or ks.ndim > 1 or (ks < 1).any():
        check(1, 0, k)
    ks = ks.reshape(-1).astype(np.int64)
    place, found = views(there)
    for name, value in given.items():
        array = found[name] if name in found else _number(value, name, place)
        if array.dtype != np.int64:
            raise TypeError(f"{name} must be int64 on a CUDA device, not {array.dtype}")
        found[name] = array
    total, correct = found["num_samples"], found["num_correct"]
    if total.size != 1 and correct.size != 1 and total.shape != correct.shape:
        raise ValueError(
            f"num_samples of shape {total.shape} and num_correct of shape {correct.shape} differ, on a CUDA device"
        )
    shape = np.broadcast_shapes(total.shape, correct.shape)
    if ops.pass_refused(total, correct, int(ks.max(initial=1))):
        check(total.numpy(), correct.numpy(), k)
    return DeviceCounts(ops, total, correct, ks, (*shape, len(ks)) if np.ndim(k) else shape)


class DeviceCounts(NamedTuple):
    """Counts on a device, checked, and numbers of draws; what `ask` gives has `shape`."""

    ops: Any
    total: Any
    correct: Any
    ks: np.ndarray
    shape: tuple[int, ...]

    def ask(self, operation):
        """Return the arrays that an operation on counts gives, as the caller's kind."""
        found = getattr(self.ops, operation)(self.total, self.correct, self.ks)
        found = found if isinstance(found, tuple) else (found,)
        return tuple(array.reshape(self.shape).given() for array in found)


def _number(value, name, place):
    """Return a number as an array of the device."""
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an array on the CUDA device of the other one, or an integer")
    return place.copy(number.astype(np.int64))
