"""Log-probabilities of token sequences under a language model, and their gradients: log-softmax, gather, mask and sum.

From logits, or from hidden states and the matrix that makes logits of them, without anything of the logits' size beside
the logits, and in the second case without these.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import (
    as_array,
    as_floating,
    as_parameter,
    as_stored,
    common_device,
    like_stored,
)
from alignment_fast._border.call import give, operations_of
from alignment_fast._border.outputs import refuse_overlap
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import place, refuse
from alignment_fast._operations import operations
from alignment_fast.pairwise._device_tokens import IGNORED, device_gradients, device_logprobs
from alignment_fast.pairwise._hidden import hidden_gradients, hidden_logprobs

# What frameworks write in place of a token that does not count.


class HiddenGradient(NamedTuple):
    """Gradients with respect to hidden states (..., T, D) and weights (V, D)."""

    hidden: Any
    weight: Any


def sequence_logprobs(
    logits: ArrayLike,
    token_ids: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    average: bool = False,
    return_log_partition: bool = False,
    num_threads: int | None = None,
) -> Any:
    r"""Return the log-probabilities of token sequences, :math:`\sum_t m_t (z_{t, y_t} - \log\sum_v e^{z_{t,v}})`.

    Logits at place t are those for token t: shift them against the tokens before the call (a view will do).

    Parameters
    ----------
    logits : array_like (..., T, V)
        Unnormalised log-probabilities z; float32, float64, float16 or bfloat16. Any strides, and no copy is made, if
        the last axis is contiguous and the axes before T follow a common stride.
    token_ids : array_like of int (..., T)
        Tokens y. -100 counts as masked.
    mask : array_like of bool (..., T), optional
        Which tokens count (m; also as numbers 0 and 1), broadcast to `token_ids`. Default: all. Logits and token ids of
        the others are not read.
    average : bool, default False
        Whether to divide by the number of tokens that count.
    return_log_partition : bool, default False
        Whether to return :math:`\log\sum_v e^{z_{t,v}}` too, which saves `sequence_logprobs_grad` a pass.
    num_threads : int, optional
        Threads over tokens; the result has the same bits for any number.

    Returns
    -------
    array (...)
        float64 for float64 logits, else float32. NaN where a row of logits that counts has a NaN or no finite logit.
    array (..., T), float64
        With `return_log_partition`; NaN where masked.

    Raises
    ------
    IndexError
        For a token id below 0 or not below V where the mask is on; the message gives its position.
    ValueError
        For shapes that do not fit, V = 0, a mask that is neither 0 nor 1, `average` of a sequence without tokens.
    TypeError
        For logits that are not floating-point, token ids that are not integers.

    Notes
    -----
    Accuracy: for each token (6 + 2 E|d|) u + u |log p| absolutely, u = 2^-24 for float32 (float64: 2^-53), E|d| the
    mean distance of a logit from the largest under the softmax: of order 1e-6. Sums over tokens are float64. Cost: one
    exponential per logit, one pass over memory. Reference: arXiv:1805.02867.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> logits = np.log([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]])
    >>> af.pairwise.sequence_logprobs(logits, [[0, 2]]).round(6)
    array([-1.049822])
    >>> af.pairwise.sequence_logprobs(logits, [[-100, 2]], average=True).round(6)
    array([-0.356675])

    """
    if num_threads is None:
        short = operations("pairwise").short_sequence_logprobs
        found = short(logits, token_ids, mask, average, return_log_partition)
        if found is not None:
            return found
    average, return_log_partition = as_flag(average, "average"), as_flag(return_log_partition, "return_log_partition")
    device = common_device(logits=logits, token_ids=token_ids, mask=mask)
    if device != "cpu":
        ops = operations_of("pairwise", logits=logits)
        return device_logprobs(ops, logits, token_ids, mask, average, return_log_partition)
    ops = operations("pairwise")
    stored, storage, tokens = _logits_and_tokens(logits, token_ids, mask)
    counts = tokens.counts() if average else 1
    values, log_partition = ops.token_logprobs(_three_axes(stored), storage, tokens.ids, num_threads)
    result = give(tokens.sums(ops, values) / counts, logits, dtype=np.result_type(stored.dtype, np.float32))
    return (result, give(log_partition, logits, shape=tokens.shape)) if return_log_partition else result


def sequence_logprobs_grad(
    logits: ArrayLike,
    token_ids: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    upstream: ArrayLike | None = None,
    average: bool = False,
    log_partition: ArrayLike | None = None,
    out: np.ndarray | None = None,
    num_threads: int | None = None,
) -> Any:
    r"""Return the gradient of `sequence_logprobs` with respect to the logits.

    :math:`\partial L/\partial z_{t,v} = g\, m_t (1[v = y_t] - e^{z_{t,v}} / \sum_w e^{z_{t,w}})` with the incoming
    gradient g of each sequence, divided by the number of tokens that count if `average`.

    Parameters
    ----------
    logits, token_ids, mask, average, num_threads
        As in `sequence_logprobs`.
    upstream : array_like (...), optional
        Incoming gradient g, broadcast over sequences. Default: 1.
    log_partition : array_like (..., T), optional
        What `sequence_logprobs` returned with ``return_log_partition=True``: saves a pass over each row of logits.
    out : ndarray (..., T, V), optional
        Where to write, of the dtype of `logits`, last axis contiguous. It may be the logits themselves, and shares no
        memory with them or with other arguments else.

    Returns
    -------
    array (..., T, V)
        In the dtype of `logits`; zeros where masked. `out` if given.

    Raises
    ------
    IndexError, ValueError, TypeError
        As `sequence_logprobs`; for an `out` that does not fit.

    Notes
    -----
    Accuracy: of each probability (6 + 2 |d|) u relative, d the distance of its logit from the largest, u = 2^-24 for
    float32 (float64: 2^-53), and the rounding to 16 bits where that is the dtype; with `log_partition` 2^-53 of its
    magnitude more. Probabilities below e^-87 (float64: e^-708) are taken as 0. Cost: one exponential per logit, two
    without `log_partition`; one read and one write of memory. Reference: arXiv:1805.02867.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> logits = np.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    >>> af.pairwise.sequence_logprobs_grad(logits, [0, 2], upstream=2.0).round(6)
    array([[ 1. , -0.5, -0.5],
           [-0.2, -0.4,  0.6]])

    """
    if out is None and num_threads is None:
        short = operations("pairwise").short_sequence_logprobs_grad
        found = short(logits, token_ids, mask, upstream, average, log_partition)
        if found is not None:
            return found
    average = as_flag(average, "average")
    device = common_device(logits=logits, token_ids=token_ids, mask=mask)
    if device != "cpu":
        ops = operations_of("pairwise", logits=logits)
        return device_gradients(ops, logits, token_ids, mask, upstream, average, out)
    ops = operations("pairwise")
    stored, storage, tokens = _logits_and_tokens(logits, token_ids, mask)
    factor = tokens.factor(upstream, average)
    known = None
    if log_partition is not None:
        known = _of_tokens(as_parameter(log_partition, "log_partition"), tokens.shape, "log_partition")
    target = np.empty(stored.shape, stored.dtype)
    if out is not None:
        target = _writable(out, stored, storage)
        read = {"token_ids": tokens.ids, "log_partition": known, "upstream": factor}
        refuse_overlap({"out": target}, read if _is_same(target, stored) else {"logits": stored} | read)
    rows = _three_axes(stored), storage, tokens.ids
    ops.logit_gradients(*rows, known, factor, _three_axes(target), num_threads)
    return like_stored(target, storage, logits) if out is None else out


def sequence_logprobs_hidden(
    hidden: ArrayLike,
    weight: ArrayLike,
    token_ids: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    average: bool = False,
    chunk: int | None = None,
    num_threads: int | None = None,
) -> Any:
    r"""Return `sequence_logprobs` of the logits :math:`z_t = W h_t`, of which only a chunk exists at a time.

    Parameters
    ----------
    hidden : array_like (..., T, D)
        Hidden states h.
    weight : array_like (V, D)
        Rows of the output layer W, one per letter.
    token_ids, mask, average
        As in `sequence_logprobs`; nothing is computed where masked.
    chunk : int, optional
        Tokens at a time. Default: as many as make 32 MiB of logits.
    num_threads : int, optional
        Threads of what follows the matrix product, which runs on those of NumPy's BLAS.

    Returns
    -------
    array (...)
        float32 unless `hidden` or `weight` is float64.

    Raises
    ------
    IndexError, ValueError, TypeError
        As `sequence_logprobs`; for states and weights that do not fit each other, a chunk below 1.

    Notes
    -----
    16-bit `hidden` and `weight` are widened to float32, a copy of their size. Accuracy: that of the matrix product (in
    float32 D u Σ|W h| at worst) and of `sequence_logprobs`; bits may depend on `chunk` and on BLAS. Cost: 2 V D
    operations per token. Reference: Hsu et al. (2024), Liger Kernel, arXiv:2410.10989.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> hidden, weight = np.eye(2), np.log([[0.5, 0.1], [0.25, 0.2], [0.25, 0.7]])
    >>> round(float(af.pairwise.sequence_logprobs_hidden(hidden, weight, [0, 2])), 6)
    -1.049822

    """
    if mask is None and chunk is None and num_threads is None:
        found = operations("pairwise").short_sequence_logprobs_hidden(hidden, weight, token_ids, average)
        if found is not None:
            return found
    average = as_flag(average, "average")
    ops = operations_of("pairwise", hidden=hidden, weight=weight, token_ids=token_ids, mask=mask)
    states, layer, tokens = _states_and_tokens(hidden, weight, token_ids, mask)
    counts = tokens.counts() if average else 1
    values = hidden_logprobs(ops, _two_axes(states), layer, tokens.ids, _chunk(chunk), num_threads)
    return give(tokens.sums(ops, values) / counts, hidden, dtype=states.dtype)


def sequence_logprobs_hidden_grad(
    hidden: ArrayLike,
    weight: ArrayLike,
    token_ids: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    upstream: ArrayLike | None = None,
    average: bool = False,
    chunk: int | None = None,
    num_threads: int | None = None,
) -> HiddenGradient:
    r"""Return the gradients of `sequence_logprobs_hidden` with respect to `hidden` and `weight`.

    With :math:`G_t = \partial L/\partial z_t` of `sequence_logprobs_grad`: :math:`W^\top G_t` and
    :math:`\sum_t G_t h_t^\top`. Logits are made again, chunk by chunk, and turn into G where they are.

    Parameters
    ----------
    hidden, weight, token_ids, mask, average, chunk, num_threads
        As in `sequence_logprobs_hidden`.
    upstream : array_like (...), optional
        Incoming gradient of each sequence. Default: 1.

    Returns
    -------
    HiddenGradient
        Of the shapes of `hidden` and `weight`; float32 unless one of them is float64.

    Raises
    ------
    IndexError, ValueError, TypeError
        As `sequence_logprobs_hidden`.

    Notes
    -----
    Accuracy and 16-bit storage as in `sequence_logprobs_hidden`. Cost: 6 V D operations per token. Reference: Hsu et
    al. (2024), Liger Kernel, arXiv:2410.10989.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> hidden, weight = np.eye(2), np.log([[0.5, 0.1], [0.25, 0.2], [0.25, 0.7]])
    >>> af.pairwise.sequence_logprobs_hidden_grad(hidden, weight, [0, 2]).weight.round(6)
    array([[ 0.5 , -0.1 ],
           [-0.25, -0.2 ],
           [-0.25,  0.3 ]])

    """
    if mask is None and chunk is None and num_threads is None:
        found = operations("pairwise").short_sequence_logprobs_hidden_grad(hidden, weight, token_ids, upstream, average)
        if found is not None:
            return tuple.__new__(HiddenGradient, found)
    average = as_flag(average, "average")
    ops = operations_of("pairwise", hidden=hidden, weight=weight, token_ids=token_ids, mask=mask)
    states, layer, tokens = _states_and_tokens(hidden, weight, token_ids, mask)
    factor = tokens.factor(upstream, average)
    rows = _two_axes(states), layer, tokens.ids
    of_hidden, of_weight = hidden_gradients(ops, *rows, factor, _chunk(chunk), num_threads)
    return HiddenGradient(give(of_hidden, hidden, shape=states.shape), give(of_weight, weight))


# ---- arguments ----


@dataclass(frozen=True)
class _Tokens:
    """Token ids `ids`, one per row of logits and -1 where masked, of sequences of shape (..., T)."""

    ids: np.ndarray
    shape: tuple[int, ...]

    def sums(self, ops, values):
        return ops.sequence_sums(values.reshape(self.shape))

    def counts(self):
        """Return how many tokens count in each sequence, at least one."""
        counts = (self.ids >= 0).reshape(self.shape).sum(axis=-1)
        empty = np.flatnonzero(counts == 0)
        if empty.size:
            where = place(int(empty[0]), counts.shape)
            raise ValueError(f"average: sequence{where} has no token that counts")
        return counts

    def factor(self, upstream, average):
        """Return the factor of every row's gradient: the incoming one, shared out among tokens if `average`."""
        factor = np.ones(()) if upstream is None else as_parameter(upstream, "upstream")
        if average:
            factor = factor / self.counts()
        try:
            factor = np.broadcast_to(factor[..., None], self.shape)
        except ValueError:
            raise ValueError(
                f"upstream of shape {factor.shape} does not broadcast to the sequences {self.shape[:-1]}"
            ) from None
        return np.ascontiguousarray(factor).reshape(-1)


def _tokens(token_ids, mask, shape, letters):
    """Return the `_Tokens` of sequences of `shape` over an alphabet of `letters`."""
    ids = as_array(token_ids, "token_ids")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"token_ids must be integers, not of dtype {ids.dtype}")
    if ids.shape != shape:
        raise ValueError(f"token_ids of shape {ids.shape} do not fit tokens of shape {shape}")
    # Two reductions instead of eight arrays, where every token counts.
    if mask is None and ids.size and ids.min() >= 0 and ids.max() < letters:
        return _Tokens(np.ascontiguousarray(ids, dtype=np.int64).reshape(-1), shape)
    counts = (ids != IGNORED) & _mask(mask, shape)
    outside = np.flatnonzero(counts & ((ids < 0) | (ids >= letters)))
    if outside.size:
        first = int(outside[0])
        where, token = place(first, shape), ids.reshape(-1)[first]
        raise IndexError(f"token_ids{where} = {token} is not one of the {letters} letters, and the mask is on there")
    return _Tokens(np.where(counts, ids, -1).astype(np.int64).reshape(-1), shape)


def _mask(mask, shape):
    if mask is None:
        return np.True_
    mask = as_array(mask, "mask")
    if mask.dtype.kind not in "biuf":
        raise TypeError(f"mask must be booleans, not of dtype {mask.dtype}")
    refuse((mask != 0) & (mask != 1), mask, "mask", "is neither 0 nor 1")
    try:
        return np.broadcast_to(mask != 0, shape)
    except ValueError:
        raise ValueError(f"mask of shape {mask.shape} does not broadcast to tokens of shape {shape}") from None


def _logits_and_tokens(logits, token_ids, mask):
    stored, storage = as_stored(logits, "logits")
    if stored.ndim < 2 or stored.shape[-1] == 0:
        raise ValueError(f"logits of shape {stored.shape} have no axes (T, V) of tokens and letters, V at least 1")
    return stored, storage, _tokens(token_ids, mask, stored.shape[:-1], stored.shape[-1])


def _states_and_tokens(hidden, weight, token_ids, mask):
    states, layer = as_floating(hidden, "hidden", floating_only=True), as_floating(weight, "weight", floating_only=True)
    dtype = np.result_type(states, layer)
    if states.ndim < 2 or layer.ndim != 2 or states.shape[-1] != layer.shape[-1] or layer.size == 0:
        raise ValueError(
            f"hidden of shape {states.shape} and weight of shape {layer.shape} are not (..., T, D) and (V, D)"
        )
    tokens = _tokens(token_ids, mask, states.shape[:-1], layer.shape[0])
    return states.astype(dtype, copy=False), layer.astype(dtype, copy=False), tokens


def _chunk(chunk):
    if chunk is not None and (not hasattr(chunk, "__index__") or chunk.__index__() < 1):
        raise ValueError(f"chunk must be a positive integer, not {chunk!r}")
    return chunk


def _of_tokens(array, shape, name):
    if array.shape != shape:
        raise ValueError(f"{name} of shape {array.shape} does not fit tokens of shape {shape}")
    return np.ascontiguousarray(array).reshape(-1)


def _writable(out, stored, storage):
    """Return `out` as the kernel writes it, if it fits the logits `stored`."""
    if not isinstance(out, np.ndarray) or not out.flags.writeable:
        raise TypeError("out must be a writable NumPy array")
    target, kind = as_stored(out, "out")
    if (target.shape, target.dtype, kind) != (stored.shape, stored.dtype, storage):
        raise ValueError(f"out of shape {out.shape} and dtype {out.dtype} does not fit logits of shape {stored.shape}")
    if target.size and not np.shares_memory(_three_axes(target), out):
        raise ValueError("out must have a contiguous last axis, and a common stride in the axes before the last two")
    return target


def _is_same(target, stored):
    """Return whether every gradient is written where its own logit was."""
    return target.ctypes.data == stored.ctypes.data and target.strides == stored.strides


def _three_axes(array):
    """Return `array` as (sequences, tokens, letters) with contiguous letters; a view unless its strides forbid it."""
    *leading, tokens, letters = array.shape
    rows = array.reshape(math.prod(leading), tokens, letters)
    whole = all(stride % rows.itemsize == 0 for stride in rows.strides)
    return rows if whole and rows.strides[-1] == rows.itemsize else np.ascontiguousarray(rows)


def _two_axes(states):
    return states.reshape(-1, states.shape[-1])
