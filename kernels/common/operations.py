"""The operations that belong to no family, on CPU arrays."""

import numpy as np

from alignment_fast.kernels.common import cpu, threads
from alignment_fast.kernels.common.cpu import (
    count_index_pairs,
    read_choices,
    read_codes,
    read_index_pairs,
    read_index_rows,
    read_reals,
)

__all__ = [
    "BLOCK",
    "add_moments",
    "count_index_pairs",
    "merge_moments",
    "read_choices",
    "read_codes",
    "read_index_pairs",
    "read_index_rows",
    "read_reals",
]

# Elements of a block of a sum: totals are the same bits however a sum is cut at whole blocks.
BLOCK = cpu.BLOCK
# Nanoseconds per element, which only decide about threads.
_COST = 2.0


def add_moments(x, total, num_threads=None):
    """Merge the moments (count, mean, M2, M3, M4, min, max) of the blocks of `x` into `total` (7,), in order."""
    n_blocks = -(-x.shape[0] // BLOCK)
    blocks = np.empty((n_blocks, 7))
    threads.for_blocks(
        lambda first, last: cpu.moments_blocks(x, first, last, blocks),
        n_blocks,
        work=_COST * x.size,
        num_threads=num_threads,
    )
    cpu.moments_fold(blocks, total)


def merge_moments(parts, total):
    """Merge moments (P, 7) of parts, in order, into `total` (7,)."""
    cpu.moments_fold(parts, total)
