"""The operations that belong to no family, on CPU arrays."""

import numpy as np

from alignment_fast.kernels.common import cpu, threads
from alignment_fast.kernels.common.cpu import (
    count_index_pairs,
    read_choices,
    read_codes,
    read_index_pairs,
    read_index_rows,
    read_indices,
    read_json_cells,
    read_reals,
)

__all__ = [
    "BLOCK",
    "add_moments",
    "count_index_pairs",
    "elementwise",
    "merge_moments",
    "read_choices",
    "read_codes",
    "read_index_pairs",
    "read_index_rows",
    "read_indices",
    "read_json_cells",
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


def elementwise(name, x, out, num_threads=None):
    """Write the function `name` ("exp", ...) of a vector x to `out`, of its length and dtype, which may be x."""
    kernel, size = getattr(cpu, name), x.shape[0]
    threads.for_blocks(
        lambda first, last: kernel(x[first * BLOCK : last * BLOCK], out[first * BLOCK : last * BLOCK]),
        -(-size // BLOCK),
        work=_COST * size,
        num_threads=num_threads,
    )


def merge_moments(parts, total):
    """Merge moments (P, 7) of parts, in order, into `total` (7,)."""
    cpu.moments_fold(parts, total)
