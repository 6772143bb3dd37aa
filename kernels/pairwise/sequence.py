"""Log-probabilities of tokens from logits on CPU arrays, and their gradients; threads over rows."""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.pairwise import cpu

# Nanoseconds per logit, for the choice of the number of threads only.
_COST = 0.3


def token_logprobs(logits, storage, token_ids, num_threads=None):
    """Return (log p, log Σ e^z) of every row, float64, for `logits` (sequences, tokens, letters).

    `storage` is "own", "float16" or "bfloat16", and a negative token id masks its row.
    """
    log_partition, out = np.empty(token_ids.shape), np.empty(token_ids.shape)

    def run(first, last):
        cpu.token_logprobs(logits, cpu.STORAGE[storage], token_ids, log_partition, out, first, last)

    if logits.size:
        threads.for_blocks(run, token_ids.size, work=_COST * logits.size, num_threads=num_threads)
    return out, log_partition


def logit_gradients(logits, storage, token_ids, log_partition, factor, out, num_threads=None):
    """Write factor ∂ log p / ∂ z of every row to `out`, which may be `logits`.

    `log_partition` as `token_logprobs` returns it, or None; other arguments as there.
    """

    def run(first, last):
        cpu.logit_gradients(logits, cpu.STORAGE[storage], token_ids, log_partition, factor, out, first, last)

    if logits.size:
        threads.for_blocks(run, token_ids.size, work=_COST * logits.size, num_threads=num_threads)


def sequence_sums(values):
    """Return the sums of `values` over their last axis, the tokens of a sequence."""
    out = np.empty(values.shape[:-1])
    cpu.row_sums(values.reshape(out.size, values.shape[-1]), out.reshape(-1))
    return out
