"""The operations that belong to no family, on arrays of a CUDA device."""

import numpy as np

from alignment_fast.kernels.common import cpu, driver, images
from alignment_fast.kernels.common.launches import blocks_for, blocks_for_warps, run

__all__ = ["BLOCK", "add_moments", "cast", "first_not_finite"]

# Elements of a block of a sum, as on the CPU: totals have the same bits.
BLOCK = cpu.BLOCK
_LIBRARY = images.library("common")
_MOMENTS = driver.Kernel(_LIBRARY, "moments_blocks", "qpp")
_NOT_FINITE = {bits: driver.Kernel(_LIBRARY, f"first_not_finite_f{bits}", "qpqp") for bits in (32, 64)}
_CAST = {"float64": driver.Kernel(_LIBRARY, "widened", "qpp"), "float32": driver.Kernel(_LIBRARY, "narrowed", "qpp")}
NONE = 2**64 - 1  # no place


def add_moments(x, total, num_threads=None):
    """Merge the moments (count, mean, M2, M3, M4, min, max) of the blocks of `x` into the host's `total` (7,)."""
    blocks = -(-x.size // BLOCK)
    if not blocks:
        return
    place = x.place
    found = place.empty((blocks, 7), np.dtype(np.float64))
    arguments = (x.size, x.pointer, found.pointer)
    _MOMENTS.launch(place.device, place.stream, *blocks_for_warps(blocks, place.device), arguments)
    cpu.moments_fold(found.numpy(), total)


def no_place(place):
    """Return NONE on the device, for kernels that lower it to the first place where something holds."""
    return place.copy(np.full(1, NONE, np.uint64))


def first_not_finite(x, *, infinity_is_good=False):
    """Return the flat place of the first NaN or infinity of `x`, float32 or float64, or None; waits for the device."""
    first = no_place(x.place)
    kernel = _NOT_FINITE[8 * x.dtype.itemsize]
    run(kernel, blocks_for, x.size, x.place, x.size, x, infinity_is_good, first)
    return found_place(first)


def found_place(first):
    """Return what kernels left of the place NONE in `first` (1,), or None; waits for the device."""
    place = int(first.numpy()[0])
    return None if place == NONE else place


def cast(x, dtype):
    """Return `x`, float32 or float64, in one of the two dtypes."""
    if x.dtype == dtype:
        return x
    out = x.place.empty(x.shape, dtype)
    run(_CAST[out.dtype.name], blocks_for, x.size, x.place, x.size, x, out)
    return out
