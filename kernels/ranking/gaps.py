"""The largest studentised differences of replicates, over blocks of them."""

import numpy as np

from alignment_fast.kernels.common.threads import for_blocks
from alignment_fast.kernels.ranking import cpu

# Nanoseconds of one pair of one replicate.
COST = 0.1


def largest_gaps(above, below, deviation, *, each_item, num_threads=None):
    """Return the largest (d_i - d_j) a_ij or (d_j - d_i) b_ij, at least 0, of every column d of the deviations.

    Deviations are (items, count). The shape is (1, count) for all pairs, over i < j, or (items, count) for pairs of
    every item i with all j, where `each_item` is set. All in float32.
    """
    items, count = deviation.shape
    out = np.zeros((items if each_item else 1, count), dtype=np.float32)
    pairs = items * items if each_item else items * (items - 1) // 2

    def run(first, last):
        cpu.largest_gaps(above, below, deviation, first, last, out)

    for_blocks(run, -(-count // cpu.GAPS_LANES), work=COST * pairs * count, num_threads=num_threads)
    return out
