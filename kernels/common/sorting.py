"""Sorts of rows on a CUDA device: the passes of cuda_sort.inc, one behind the other on the stream of their array."""

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import blocks_for, blocks_for_warps, run

_LIBRARY = images.library("common")
DIGITS, SLICE, SMALL, TILE = 256, 2048, 64, 1024  # of cuda_sort.inc
_INT32, _INT64, _FLOAT64 = np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.float64)
# Key of each type, by name of its kernels.
_KEYS = {"f32": np.dtype(np.uint32), "f64": np.dtype(np.uint64)}


def _both(name, kinds):
    return {suffix: driver.Kernel(_LIBRARY, f"{name}_{suffix}", kinds) for suffix in _KEYS}


_MAKE_KEYS, _VALUES = _both("sort_keys", "qpp"), _both("sort_values", "qpp")
_COUNTS, _SCATTER = _both("sort_counts", "qqpqp"), _both("sort_scatter", "qqppqppp")
_SORT_SMALL = _both("sort_small", "qqppp")
_SUM_TILES = driver.Kernel(_LIBRARY, "sum_tiles", "qpp")
_RUNNING_SUMS = driver.Kernel(_LIBRARY, "running_sums", "qpp")


def type_of(dtype):
    """Return "f32" or "f64": what the kernels for arrays of this dtype are called by."""
    return "f64" if dtype == _FLOAT64 else "f32"


def sorted_keys(x, *, ordered=False):
    """Return the keys of the rows of `x` (rows, size), float32 or float64, ascending; `sorted_values` reads them.

    With `ordered` also the place of each in its row, int32: equal keys are in the order of their places. NaN is the
    caller's business.
    """
    (rows, size), place, suffix = x.shape, x.place, type_of(x.dtype)
    keys = place.empty(x.shape, _KEYS[suffix])
    run(_MAKE_KEYS[suffix], blocks_for, x.size, place, x.size, x, keys)
    other = place.empty(x.shape, keys.dtype)
    if size <= SMALL:
        order = place.empty(x.shape, _INT32) if ordered else None
        run(_SORT_SMALL[suffix], blocks_for_warps, rows, place, rows, size, keys, other, order)
        return (other, order) if ordered else other
    orders = [place.empty(x.shape, _INT32) for _ in range(2)] if ordered else [None, None]
    slices = -(-size // SLICE)
    counts = place.empty((rows * DIGITS * slices,), _INT64)
    buffers = [(keys, orders[0]), (other, orders[1])]
    for shift in range(0, 8 * keys.dtype.itemsize, 8):  # an even number of passes: the last one ends in `keys`
        (source, own), (target, own_target) = buffers
        run(_COUNTS[suffix], blocks_for_warps, rows * slices, place, rows, size, source, shift, counts)
        add_up(counts)
        arguments = (rows, size, source, own if shift else None, shift, counts, target)
        run(_SCATTER[suffix], blocks_for_warps, rows * slices, place, *arguments, own_target)
        buffers.reverse()
    return buffers[0] if ordered else keys


def sorted_values(keys):
    """Return the numbers of keys as float64."""
    suffix = "f64" if keys.dtype == _KEYS["f64"] else "f32"
    out = keys.place.empty(keys.shape, _FLOAT64)
    run(_VALUES[suffix], blocks_for, keys.size, keys.place, keys.size, keys, out)
    return out


def add_up(x):
    """Write over each integer of `x` (n,) int64 the sum of those before it."""
    tiles, before = -(-x.size // TILE), None
    if tiles > 1:
        before = x.place.empty((tiles,), _INT64)
        run(_SUM_TILES, blocks_for_warps, tiles, x.place, x.size, x, before)
        add_up(before)
    run(_RUNNING_SUMS, blocks_for_warps, tiles, x.place, x.size, before, x)
