"""Arrays that results are written into: how large new ones may be, and which ones of the caller fit."""

import itertools
import math

import numpy as np

from alignment_fast._border.arrays import library_of

# Larger results are refused: they are grids that somebody forgot to cut, and the message says how large they are.
_LARGEST = 1 << 31


def is_too_large(shape):
    """Return whether a result of `shape` exceeds the limit on results, 2^31 numbers (16 GiB of float64)."""
    return math.prod(shape) > _LARGEST


def refuse_large(shape, what):
    """Raise ValueError if a result of `shape` exceeds the limit."""
    if is_too_large(shape):
        size = 8 * math.prod(shape) / 2**30
        raise ValueError(f"{what} of shape {shape} would take {size:.0f} GiB; give the grid in pieces")


def in_place(value):
    """Return the array that `value`, an array or tensor on the CPU, is a view of; what is neither comes as it is."""
    return value.numpy() if library_of(value) == "torch" else value


def fits(array, dtype, shape):
    """Return whether `array`, NumPy's or on a device, is writable, C-contiguous and of `dtype` and `shape`."""
    if type(array) is not np.ndarray:
        return getattr(array, "writable", False) and array.dtype == dtype and array.shape == shape  # on a device
    return array.dtype == dtype and array.shape == shape and array.flags.carray


def refuse_overlap(outputs, inputs):
    """Raise ValueError if an array of `outputs` shares memory with another one of them or of `inputs`.

    Both are dicts of arrays, or None, by the names that the caller knows them by. A kernel reads inputs after it has
    begun to write.
    """
    written, read = (
        [(name, array) for name, array in arrays.items() if array is not None] for arrays in (outputs, inputs)
    )
    pairs = itertools.chain(itertools.combinations(written, 2), itertools.product(written, read))
    for (name, array), (other, second) in pairs:
        if _share_memory(array, second):
            raise ValueError(f"{name} shares memory with {other}, and would be written over it")


def _share_memory(array, other):
    if not isinstance(array, np.ndarray):  # both on a device, contiguous
        return array.pointer < other.pointer + other.nbytes and other.pointer < array.pointer + array.nbytes
    if not np.may_share_memory(array, other):
        return False
    try:
        return np.shares_memory(array, other, max_work=1000)
    except np.exceptions.TooHardError:
        return True
