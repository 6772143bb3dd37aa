r"""Weights of samples whose gradient is that of the expected best of k draws, or of pass@k.

For n independent draws :math:`x_1, \dots, x_n` of a policy, and the mean over all k-subsets of the best reward in each,

.. math:: \nabla E[\max_{i \le k} r(x_i)] = E\Big[\sum_i w_i \nabla \log p(x_i)\Big], \qquad
          w_i = \binom{n}{k}^{-1} \sum_{I \ni i,\, |I| = k} \max_{j \in I} r(x_j),

because the maximum over a subset depends on its own samples only, and the score of every other sample has mean zero.
For the same reason anything that does not depend on :math:`x_i` may be subtracted: ``"leave-one-out"`` subtracts the
estimate of the best of k from the other n - 1 samples, :math:`b_i`, for each of the subsets, which are a share k/n of
all.

With :math:`g_{(1)} \le \dots \le g_{(n)}`, :math:`c_i = \binom{i-1}{k-1} / \binom{n}{k}` and
:math:`c'_i = \binom{i-1}{k-1} / \binom{n-1}{k}` these are linear in the ordered rewards: a subset that holds rank i has
its maximum there in :math:`\binom{i-1}{k-1}` cases and at rank j > i in :math:`\binom{j-2}{k-2}`; one that lacks rank i
has it at j < i in :math:`\binom{j-1}{k-1}` and at j > i in :math:`\binom{j-2}{k-1}`. So

========================  ===============  =================  ======================================================
coefficient of            the own reward   a lower rank j     a higher rank j
========================  ===============  =================  ======================================================
``"none"``                :math:`c_i`      0                  :math:`c_j (k-1)/(j-1)`
``"leave-one-out"``       :math:`c_i`      -(k/n) c'_j        :math:`c_j (k-1)/(j-1)` - (k/n) c'_{j-1}
========================  ===============  =================  ======================================================

The test enumerates all draws from small alphabets.
"""

from __future__ import annotations

import operator
from functools import cache
from typing import Any, Literal

import numpy as np

from alignment_fast._border.arrays import as_floating, common_device
from alignment_fast._border.call import give, operations_of
from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast.best_of_n._device_pools import device_max_weights

__all__ = ["max_at_k_weights"]


def max_at_k_weights(
    rewards: Any,
    k: int,
    *,
    baseline: Literal["none", "leave-one-out"] = "none",
    num_threads: int | None = None,
) -> Any:
    r"""Return weights w of samples for which Σ w ∇log p(x) is an unbiased estimate of ∇E[max of k rewards].

    .. math:: w_i = \binom{n}{k}^{-1} \sum_{I \ni i,\, |I| = k} \Big(\max_{j \in I} r_j - b_i\Big)

    with :math:`b_i = 0`, or for ``"leave-one-out"`` the estimate of the same maximum from the other n − 1 samples. For
    rewards that are 0 or 1 it is the gradient of pass@k. At k = 1 the weights are r/n, and with the baseline those of
    REINFORCE leave-one-out, divided by n.

    Parameters
    ----------
    rewards : array (..., n)
        Rewards of n independent samples of each prompt; finite. Equal rewards have equal weights.
    k : int
        Draws whose best counts, 1 to n; below n with a baseline.
    baseline : {"none", "leave-one-out"}
        What is subtracted. The expectation of the gradient does not change, its variance does.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    array (..., n)
        float32 for float32 rewards, else float64.

    Raises
    ------
    ValueError
        If a reward is NaN or infinite, a pool is empty, k is out of range, or `baseline` is another word.
    TypeError
        If k is no integer.

    Notes
    -----
    Accuracy: 1e-12 of the largest |reward| times k/n. Cost: one sort of every pool; two NumPy sorts in all where n is
    at most 64, an argsort and six passes above. Rewards on a CUDA device are sorted there, and each pool is a thread's;
    the call waits for the check of the rewards. To use the weights in a loss, take the mean over prompts of
    −Σ w log p(x), with w held constant.

    References
    ----------
    Walder & Karkhanis, "Pass@K policy optimization", arXiv:2505.15201.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.max_at_k_weights([1.0, 0.0, 3.0, 1.0], 2).round(4)
    array([0.8333, 0.8333, 1.5   , 0.8333])
    >>> af.best_of_n.max_at_k_weights([1.0, 0.0, 3.0, 1.0], 2, baseline="leave-one-out").round(4)
    array([-0.3333, -0.3333,  1.    , -0.3333])

    """
    check_num_threads(num_threads)
    as_word(baseline, "baseline", ("none", "leave-one-out"))
    ops = operations_of("best_of_n", rewards=rewards)

    def given_of(shape):
        if not shape or shape[-1] == 0:
            raise ValueError(f"rewards of shape {shape} hold no samples")
        centred = baseline != "none"
        return centred, *_coefficients(shape[-1], _draws(k, shape[-1], baseline), centred)

    if common_device(rewards=rewards) == "cuda":
        return device_max_weights(ops, rewards, given_of, _refuse_infinite)
    array = as_floating(rewards, "rewards")
    centred, *coefficients = given_of(array.shape)
    size = array.shape[-1]
    pools = array.astype(np.float64, copy=False).reshape(-1, size)

    def weights_of(pools):
        if size <= ops.SMALL_POOL:
            return ops.max_weights(pools, centred, *coefficients, num_threads=num_threads)
        good = bool(np.isfinite(pools).all())
        return (_of_large_pools(pools, centred, *coefficients) if good else pools), good

    with np.errstate(over="ignore", invalid="ignore"):
        weights, good = weights_of(pools)
        if not good:
            _refuse_infinite(array)
        wide = np.flatnonzero(~np.isfinite(weights[:, 0]))  # a difference of rewards overflowed: then all are NaN
        if wide.size:
            weights[wide] = weights_of(0.25 * pools[wide])[0] * 4.0
    return give(weights, rewards, dtype=array.dtype, shape=array.shape)


def _refuse_infinite(array):
    refuse(~np.isfinite(array), array, "rewards", "is not finite")


def _draws(k, size, baseline):
    try:
        draws = operator.index(k)
    except TypeError:
        raise TypeError(f"k must be an integer, not {k!r}") from None
    if not 1 <= draws <= size:
        raise ValueError(f"k = {draws} is not between 1 and the {size} samples of a pool")
    if baseline != "none" and draws == size:
        raise ValueError(f"k = {draws} leaves nothing to a leave-one-out baseline from {size} samples: k must be below")
    return draws


def _best_of(size, k):
    """Return C(i-1, k-1) / C(size, k) at i = 1..size."""
    rank = np.arange(1.0, size)
    return np.append(np.cumprod((np.maximum(rank + 1 - k, 0.0) / rank)[::-1])[::-1], 1.0) * (k / size)


@cache
def _coefficients(size, k, centred):
    """Return the coefficients of the own, of lower and of higher ranks."""
    own, rank = _best_of(size, k), np.arange(1.0, size + 1)
    above = own * (k - 1) / np.maximum(rank - 1, 1.0)
    below = np.zeros(size)
    if centred:
        without = _best_of(size - 1, k) * (k / size)
        below[:-1] = -without
        above[1:] -= without
    for array in (own, below, above):
        array.setflags(write=False)
    return own, below, above


def _of_large_pools(pools, centred, own, below, above):
    """Return the same weights where pools are too large for the kernel."""
    order = np.argsort(pools, axis=-1)
    ascending = np.take_along_axis(pools, order, axis=-1)
    if centred:
        ascending -= ascending[:, -1:].copy()
    ranked = own * ascending
    ranked[:, 1:] += np.cumsum((below * ascending)[:, :-1], axis=-1)
    ranked[:, :-1] += np.cumsum((above * ascending)[:, :0:-1], axis=-1)[:, ::-1]
    weights = np.empty_like(pools)
    np.put_along_axis(weights, order, ranked, axis=-1)
    return weights
