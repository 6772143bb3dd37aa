"""Log-probabilities of tokens from hidden states, by chunks of rows: logits of one chunk exist at a time."""

import numpy as np

# Bytes of logits that exist at a time: enough rows for a matrix product to run at full speed, few enough to be found in
# the third-level cache by what follows the product.
_CHUNK = 1 << 25


def hidden_logprobs(ops, hidden, weight, token_ids, chunk=None, num_threads=None):
    """Return log p of every row for logits `hidden` (rows, D) times the transpose of `weight` (letters, D)."""
    out = np.zeros(token_ids.shape)
    for rows, _, logits in _logits_by_chunks(hidden, weight, token_ids, chunk):
        out[rows], _ = ops.token_logprobs(logits[None], "own", token_ids[rows], num_threads)
    return out


def hidden_gradients(ops, hidden, weight, token_ids, factor, chunk=None, num_threads=None):
    """Return the gradients of Σ factor log p with respect to `hidden` and `weight`."""
    of_hidden, of_weight = np.zeros_like(hidden), np.zeros_like(weight)
    with np.errstate(over="ignore", invalid="ignore"):
        _add_gradients(ops, hidden, weight, token_ids, factor, chunk, num_threads, of_hidden, of_weight)
    return of_hidden, of_weight


def _add_gradients(ops, hidden, weight, token_ids, factor, chunk, num_threads, of_hidden, of_weight):
    for number, (rows, states, logits) in enumerate(_logits_by_chunks(hidden, weight, token_ids, chunk)):
        ops.logit_gradients(logits[None], "own", token_ids[rows], None, factor[rows], logits[None], num_threads)
        of_hidden[rows] = logits @ weight
        if number:
            _add_product(of_weight, logits, states)
        else:
            np.matmul(logits.T, states, out=of_weight)


def _logits_by_chunks(hidden, weight, token_ids, chunk):
    """Yield (rows, their hidden states, their logits) until every row that is not masked was seen.

    The logits of one chunk take the place of those before.
    """
    seen = np.flatnonzero(token_ids >= 0)
    if chunk is None:
        chunk = max(1, _CHUNK // (len(weight) * weight.itemsize))
    scratch = np.empty((min(chunk, seen.size), len(weight)), dtype=weight.dtype)
    for first in range(0, seen.size, chunk):
        rows = seen[first : first + chunk]
        states = hidden[rows]
        with np.errstate(over="ignore", invalid="ignore"):  # infinite states and weights: NaN goes on
            logits = np.matmul(states, weight.T, out=scratch[: rows.size])
        yield rows, states, logits


def _add_product(total, left, right):
    """Add the transpose of `left` times `right` to `total`, in place; NumPy would need the product's size once more."""
    from scipy.linalg import get_blas_funcs

    (gemm,) = get_blas_funcs(("gemm",), (total,))
    gemm(1.0, right.T, left.T, beta=1.0, c=total.T, trans_b=True, overwrite_c=True)
