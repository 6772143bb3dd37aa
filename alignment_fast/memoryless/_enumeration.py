"""The law of a sum of m rewards by enumeration of types: host side of ``types.inc``."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.memoryless import cpu

# Nanoseconds per type on one core: enumeration; sorting.
COST = 3.0
# Below this Γ itself is evaluated; above it Stirling's series, whose next term is then under 1e-17.
STIRLING = 32


def count(letters, m):
    """Return the number of types of m letters, C(m + letters - 1, letters - 1)."""
    return math.comb(m + letters - 1, letters - 1)


def factorial_rest(n):
    """Return log n! - (n log n - n), which is 0 for n = 0 and ½ log(2πn) + 1/(12n) - ... for large n."""
    n = np.asarray(n, dtype=np.float64)
    large = np.maximum(n, STIRLING)
    series = 0.5 * np.log(2 * np.pi * large) + (1 / 12 - (1 / 360 - (1 / 1260) / large**2) / large**2) / large
    small = np.minimum(n, STIRLING)
    return np.where(n < STIRLING, special.gammaln(small + 1) - special.xlogy(small, small) + small, series)


def deviance(n, mean):
    """Return n log(n/mean) - n + mean >= 0, by log1p where n is near the mean: an error of u |n - mean| there."""
    x = (n - mean) / mean
    near = np.abs(x) < 0.5
    x = np.where(near, x, 0.0)
    return np.where(near, mean * ((1 + x) * np.log1p(x) - x), special.xlogy(n, n / mean) - n + mean)


def terms(p, m):
    """Return the table (letters, m + 1) of deviance(n, m p_k) + factorial_rest(n), and factorial_rest(m)."""
    n = np.arange(m + 1.0)
    return np.ascontiguousarray(deviance(n, m * p[:, None]) + factorial_rest(n)), float(factorial_rest(m))


class Types(NamedTuple):
    """Types of m letters of distinct rewards, in order of reward, and the law of the sum of rewards.

    Parameters
    ----------
    support, log_pmf : array (S,)
        Sums, ascending and distinct, and the logarithms of their probabilities.
    order : array (types,)
        Enumeration index of the types in ascending order of reward.
    sum_of : array (types,) or None
        Which sum each of them has, None where no two tie.
    log_mass : array (types,)
        Log-probabilities in enumeration order.

    """

    support: np.ndarray
    log_pmf: np.ndarray
    order: np.ndarray
    sum_of: np.ndarray | None
    log_mass: np.ndarray


def starts(letters, m):
    """Return where each block of `cpu.types` begins: block b holds the types with n_1 = b."""
    if letters == 2:
        return np.zeros(1, dtype=np.int64)
    sizes = [math.comb(m - b + letters - 2, letters - 2) for b in range(m)]
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def enumerate_types(p, keys, m, num_threads=None):
    """Return the `Types` of m letters with probabilities `p` of the rewards of `keys`, at least two of them."""
    letters = len(p)
    if m == 1:  # for any number of letters
        return Types(keys.reward, np.log(p), np.arange(letters, dtype=np.int32)[::-1], None, np.log(p[::-1]))
    size, start = count(letters, m), starts(letters, m)
    table, constant = terms(p, m)
    reward, log_mass = np.empty(size), np.empty(size)

    def run(first, last):
        cpu.types(constant, table, keys.exponents, keys.generators, start, first, last, reward, log_mass)

    threads.for_blocks(run, len(start), work=COST * size, num_threads=num_threads)
    reward += m * keys.offset
    order, support = np.empty(size, dtype=np.int32), np.empty(size)
    cpu.sort(reward, np.empty((3, size), dtype=np.uint64), order, support)
    log_pmf = log_mass[order]
    tolerance = 0.0 if keys.exact else 4 * m * np.finfo(np.float64).eps * np.abs(keys.reward).max()
    apart = np.diff(support) > tolerance
    if apart.all():
        return Types(support, log_pmf, order, None, log_mass)
    first = np.concatenate([[0], np.flatnonzero(apart) + 1])
    sum_of = np.concatenate([[0], np.cumsum(apart)])
    return Types(support[first], np.logaddexp.reduceat(log_pmf, first), order, sum_of, log_mass)


def mean_counts(types, letters, m, log_ratio, num_threads=None):
    """Return E n_k of the types under the law P(n) e^{log_ratio(sum of n)}; `log_ratio` (S,)."""
    size = len(types.order)
    weight = np.empty(size)
    of_type = log_ratio if types.sum_of is None else log_ratio[types.sum_of]
    weight[types.order] = of_type
    weight += types.log_mass
    np.exp(weight, out=weight)
    return weighted_counts(letters, m, weight, num_threads)


def weighted_counts(letters, m, weight, num_threads=None):
    """Return Σ weight n_k over the types in enumeration order."""
    if m == 1:
        return weight[::-1]
    start = starts(letters, m)
    sums = np.empty((len(start), letters))

    def run(first, last):
        cpu.types_means(letters, m, start, weight, first, last, sums)

    threads.for_blocks(run, len(start), work=COST * weight.size, num_threads=num_threads)
    return sums.sum(axis=0)
