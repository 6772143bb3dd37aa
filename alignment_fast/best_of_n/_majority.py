r"""Chances that a majority of k samples of a pool is right, exactly.

Of M samples, :math:`c_0` give the right answer and :math:`c_1, c_2, \dots` other ones. Over all k-subsets, each drawn
with equal chance, let the right answer be given j times, and every other one at most j times, t of them exactly j
times; the tie is broken at random, so the right answer wins with chance :math:`1/(1+t) = \int_0^1 y^t dy`. Hence

.. math:: U = \binom{M}{k}^{-1} \sum_{j \ge 1} \binom{c_0}{j} \int_0^1
          [x^{k-j}] \prod_a \Big( \sum_{i<j} \binom{c_a}{i} x^i + y \binom{c_a}{j} x^j \Big)\, dy .

The integrand is a polynomial in y of degree at most (k - j)/j, which Gauss-Legendre nodes integrate exactly. Binomial
coefficients are multiplied by :math:`\theta^i (1-\theta)^{c-i}`, θ = k/M: those factors leave the ratio as it is, and
all terms are chances, positive and at most 1.

The mean of the product over pairs of disjoint k-subsets is the same sum over two counts of each answer, with
multinomial coefficients :math:`c!/(i!\, i'!\, (c-i-i')!)`; U squared less that mean is an unbiased estimate of the
variance of U.
"""

from functools import cache, lru_cache

import numpy as np

from alignment_fast._scipy import special

# Terms of the sum over pairs of subsets, for one problem: more take seconds.
MOST_TERMS = 3e8


def chance(right, others, k):
    """Return U for counts `right` of the right answer and `others` of the other ones."""
    if right == 0:
        return 0.0
    size, (least, y, weight) = right + sum(others), _nodes(k)
    theta = k / size
    state = np.zeros((len(least), k + 1))
    state[:, 0] = 1.0
    for place, count in enumerate(others):
        most = min(count, k)
        factors = _binomial(count, theta)[: most + 1] * _factor(np.arange(most + 1), least[:, None], y[:, None])
        if place == 0:
            state[:, : most + 1] = factors
            continue
        new = np.zeros_like(state)
        for i in range(most + 1):
            new[:, i:] += factors[:, i : i + 1] * state[:, : k + 1 - i]
        state = new
    share = np.zeros(k + 1)
    own = _binomial(right, theta)[: k + 1]
    share[: len(own)] = own
    total = (weight * share[least] * state[np.arange(len(least)), k - least]).sum()
    return float(min(total / _binomial(size, theta)[k], 1.0))


def product(right, others, k):
    """Return the mean over disjoint pairs of k-subsets of the product of what `chance` averages; None: too many."""
    if right < 2:
        return 0.0
    size, (least, y, weight) = right + sum(others), _nodes(k)
    pairs = sum(min(c, k) ** 2 for c in others) + 1
    if float(len(least)) ** 2 * (k + 1) ** 2 * pairs > MOST_TERMS:
        return None
    theta = k / size
    state = np.zeros((len(least), len(least), k + 1, k + 1))
    state[:, :, 0, 0] = 1.0
    for count in others:
        share = _trinomial(count, theta)
        new = np.zeros_like(state)
        for i in range(min(count, k) + 1):
            first = _factor(i, least, y)[:, None]
            for j in range(min(count - i, k) + 1):
                factor = (share[i, j] * first * _factor(j, least, y))[:, :, None, None]
                new[:, :, i:, j:] += factor * state[:, :, : k + 1 - i, : k + 1 - j]
        state = new
    own = np.zeros((k + 1, k + 1))
    share = _trinomial(right, theta)[: k + 1, : k + 1]
    own[: len(share), : len(share)] = share
    left = k - least
    at = np.arange(len(least))
    picked = state[at[:, None], at, left[:, None], left]
    total = (np.outer(weight, weight) * own[least[:, None], least] * picked).sum()
    return float(total / _trinomial(size, theta)[k, k])


@cache
def _nodes(k):
    """Return (count j of the right answer, node y, weight) of every term, j = 1..k."""
    rows = []
    for j in range(1, k + 1):
        node, weight = np.polynomial.legendre.leggauss((k - j) // j // 2 + 1)
        rows += [(j, (1 + x) / 2, w / 2) for x, w in zip(node, weight, strict=True)]
    least, y, weight = (np.array(column) for column in zip(*rows, strict=True))
    return least.astype(np.int64), y, weight


def _factor(i, least, y):
    """Return 1 where i is below the count of the right answer, y where they tie, 0 above."""
    return np.where(i < least, 1.0, np.where(i == least, y, 0.0))


@lru_cache(maxsize=64)  # of one pool: its answers have few different counts
def _binomial(count, theta):
    """Return the chances of 0..count successes."""
    i = np.arange(count + 1)
    log = special.gammaln(count + 1) - special.gammaln(i + 1) - special.gammaln(count - i + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = log + i * np.log(theta) + np.where(i == count, 0.0, (count - i) * np.log1p(-theta))
    return np.exp(log)


def _trinomial(count, theta):
    """Return the chances of i and j of two kinds, each of chance theta <= 1/2, i + j <= count."""
    i = np.arange(count + 1)
    rest = count - i[:, None] - i
    left = np.maximum(rest, 0)
    log = (
        special.gammaln(count + 1)
        - special.gammaln(i[:, None] + 1)
        - special.gammaln(i + 1)
        - special.gammaln(left + 1)
    )
    log = log + (i[:, None] + i) * np.log(theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = log + np.where(left > 0, left * np.log1p(-2 * theta), 0.0)
    return np.where(rest >= 0, np.exp(log), 0.0)
