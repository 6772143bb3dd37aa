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

from alignment_fast._operations import operations
from alignment_fast._scipy import special

# Terms of the sum over pairs of subsets, for one problem: more take seconds.
MOST_TERMS = 3e8


def chance(right, others, k):
    """Return U for counts `right` of the right answer and `others` of the other ones, ascending."""
    return _sums(k, right + sum(others)).chance(right, others)


def product(right, others, k):
    """Return the mean over disjoint pairs of k-subsets of the product of what `chance` averages; None: too many."""
    if right < 2:
        return 0.0
    pairs = sum(min(c, k) ** 2 for c in others) + 1
    if float(len(_nodes(k)[0])) ** 2 * (k + 1) ** 2 * pairs > MOST_TERMS:
        return None
    return _sums(k, right + sum(others)).product(right, others)


def _sums(k, size):
    """Return the sums over subsets of k of `size` samples; pools about as large share what they need."""
    return _sums_below(k, size.bit_length())


@lru_cache(maxsize=64)
def _sums_below(k, bits):
    return operations("best_of_n").Majorities(k, *_nodes(k), _log_factorials(bits))


@cache
def _log_factorials(bits):
    """Return the logarithms of 0!, 1!, ... of numbers of so many bits."""
    return special.gammaln(np.arange(1.0, 2.0**bits + 1))


@cache
def _nodes(k):
    """Return (count j of the right answer, node y, weight) of every term, j = 1..k."""
    rows = []
    for j in range(1, k + 1):
        node, weight = np.polynomial.legendre.leggauss((k - j) // j // 2 + 1)
        rows += [(j, (1 + x) / 2, w / 2) for x, w in zip(node, weight, strict=True)]
    least, y, weight = (np.array(column) for column in zip(*rows, strict=True))
    return least.astype(np.int64), y, weight
