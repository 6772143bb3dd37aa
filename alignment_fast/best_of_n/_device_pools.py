"""Pools and counts on a CUDA device: checked there, results in the caller's kind of array.

Bad values are looked for on the device; the checks of the CPU then say which one it is and where.
"""

import math

import numpy as np

from alignment_fast._border.arrays import FLOAT32, FLOAT64, as_array, is_foreign
from alignment_fast._border.devices import views
from alignment_fast._operations import operations
from alignment_fast.errors import BackendUnavailableError


def is_on_device(value):
    """Return whether `value` may be an array of a device, and no number of Python's or NumPy's."""
    return value is not None and (is_foreign(value) or hasattr(value, "__cuda_array_interface__"))


class DevicePools:
    """The arguments of `curve` on a device, as `_Input` of pool.py has those on the CPU: pools of one size."""

    lengths = None

    def __init__(self, scores, values, lengths, check):
        if lengths is not None:
            raise BackendUnavailableError("lengths of pools have no CUDA version: pass the arrays on the CPU")
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
        common = operations("common", "cuda")
        bad = common.first_not_finite(own, infinity_is_good=judged is not None)
        if bad is None and judged is not None:
            bad = common.first_not_finite(judged)
        if bad is not None:
            check(own.numpy(), None if judged is None else judged.numpy())
        self.leading, self.largest = own.shape[:-1], own.shape[-1]
        self.rows = math.prod(self.leading)
        self.dtype = FLOAT64 if any(array.dtype == FLOAT64 for array in found.values()) else FLOAT32
        self._arrays = own, judged
        self._common = common

    def by_length(self):
        """Return the one (rows, scores (rows, M), values or None) there is."""
        shape = self.rows, self.largest
        return [(slice(None), *(None if array is None else array.reshape(shape) for array in self._arrays))]

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


def device_pass_at_k(ops, num_samples, num_correct, k, check):
    """Return what `pass_at_k` does, of int64 arrays on a device; one of the two may be a number."""
    ks = as_array(k, "k")
    if ks.dtype.kind not in "iu" or ks.ndim > 1 or (ks < 1).any():
        check(1, 0, k)
    ks = ks.reshape(-1).astype(np.int64)
    given = {"num_samples": num_samples, "num_correct": num_correct}
    place, found = views({name: value for name, value in given.items() if is_on_device(value)})
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
    out = ops.pass_at_k(total, correct, ks)
    return out.reshape((*shape, len(ks)) if np.ndim(k) else shape).given()


def _number(value, name, place):
    """Return a number as an array of the device."""
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an array on the CUDA device of the other one, or an integer")
    return place.copy(number.astype(np.int64))
