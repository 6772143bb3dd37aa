"""Sums over chunks, whose number depends on the problem only: the same bits for any number of threads."""

import numpy as np

from alignment_fast.kernels.common.threads import for_blocks

CHUNK, MOST_CHUNKS = 1 << 16, 64


def in_chunks(count, width, work, run, num_threads):
    """Return the sum of what ``run(first, last, out)`` adds to arrays of `width` over chunks of `count` terms.

    `work` is that of one term, in nanoseconds.
    """
    chunk = max(CHUNK, -(-count // MOST_CHUNKS))
    chunks = -(-count // chunk)
    partial = np.zeros((chunks, width))

    def blocks(first, last):
        for block in range(first, last):
            run(block * chunk, min(count, (block + 1) * chunk), partial[block])

    for_blocks(blocks, chunks, work=work * count, num_threads=num_threads)
    return partial[0] if chunks == 1 else partial.sum(axis=0)
