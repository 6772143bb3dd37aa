"""The operations that belong to no family, on arrays of a CUDA device."""

import numpy as np

from alignment_fast.kernels.common import cpu, driver, images
from alignment_fast.kernels.common.launches import blocks_for_warps

__all__ = ["BLOCK", "add_moments"]

# Elements of a block of a sum, as on the CPU: totals have the same bits.
BLOCK = cpu.BLOCK
_MOMENTS = driver.Kernel(images.library("common"), "moments_blocks", "qpp")


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
