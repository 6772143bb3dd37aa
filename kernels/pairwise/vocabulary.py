"""Tiles of a vocabulary on CPU arrays: what they add to the sums of every token's place, and their gradients."""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.pairwise import cpu
from alignment_fast.kernels.pairwise.structures import LetterSums

# Nanoseconds per logit, for the choice of the number of threads only.
_COST = 0.4


def no_letters(rows):
    """Return the `LetterSums` of `rows` before their first tile."""
    sums = np.zeros((rows, len(LetterSums._fields)))
    sums[:, [LetterSums._fields.index("frame"), LetterSums._fields.index("top")]] = -np.inf
    sums[:, [LetterSums._fields.index("token"), LetterSums._fields.index("top_id")]] = np.nan, -1.0
    return sums


def add_letters(sums, logits, token_ids, first_letter, *, storage="own", moments=False, num_threads=None):
    """Add a tile of `logits` (rows, letters), those from `first_letter` on, to `sums`; token ids below 0 mask.

    Without `moments` only the partition function, the largest logit and the token's own.
    """

    def run(first, last):
        cpu.vocabulary_sums(logits, cpu.STORAGE[storage], token_ids, first_letter, moments, sums, first, last)

    if logits.size:
        threads.for_blocks(run, len(logits), work=_COST * logits.size, num_threads=num_threads)


def letter_gradients(
    logits,
    token_ids,
    first_letter,
    log_partition,
    factor,
    out,
    *,
    storage="own",
    entropy_factor=None,
    entropy=None,
    num_threads=None,
):
    """Write factor ∂ log p / ∂ z + entropy_factor ∂ entropy / ∂ z of a tile to `out`, which may be `logits`."""
    code = cpu.STORAGE[storage]

    def run(first, last):
        cpu.vocabulary_gradients(
            logits, code, token_ids, first_letter, log_partition, factor, entropy_factor, entropy, out, first, last
        )

    if logits.size:
        threads.for_blocks(run, len(logits), work=_COST * logits.size, num_threads=num_threads)
