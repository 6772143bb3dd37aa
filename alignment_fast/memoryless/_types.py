"""Sums of rewards by enumeration of types: counts of each of the distinct rewards among m letters."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from alignment_fast.best_of_n.law import BestOfN
from alignment_fast.kernels.memoryless.structures import TypesProblem
from alignment_fast.memoryless._errors import UNIT, Summary, figure_errors, relative_tails
from alignment_fast.memoryless._sampling import Ratio
from alignment_fast.memoryless.results import Law

# Below this Γ itself is evaluated; above it Stirling's series, whose next term is then under 1e-17.
STIRLING = 32
# Units of rounding in the logarithm of a probability, relative to m plus its size: one for each letter of a type, and
# these for its terms, for rounded p and for sums of equal rewards.
ROUNDED = 16

# Relative error of weighted means of types.
COUNTED = 1e-13
# Largest m whose parts of multinomial coefficients are kept for the next call.
KEPT = 4096
# Types at most: about 64 bytes each while they are sorted and weighed.
LARGEST = 1 << 27


def number_of_types(letters, m):
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
    with np.errstate(over="ignore"):  # of means below the smallest normal number
        x, ratio = (n - mean) / mean, n / mean
    near = np.abs(x) < 0.5
    x = np.where(near, x, 0.0)
    far = special.xlogy(n, ratio)
    if not np.isfinite(ratio).all():
        far = np.where(np.isfinite(ratio), far, special.xlogy(n, n) - special.xlogy(n, mean))
    return np.where(near, mean * ((1 + x) * np.log1p(x) - x), far - n + mean)


def terms(p, m):
    """Return the table (letters, m + 1) of deviance(n, m p_k) + factorial_rest(n), and factorial_rest(m)."""
    n = np.arange(m + 1.0)
    rest = factorial_rests(m) if m <= KEPT else factorial_rest(n)
    return np.ascontiguousarray(deviance(n, m * p[:, None]) + rest), float(rest[m])


@lru_cache(maxsize=64)
def factorial_rests(m):
    """Return `factorial_rest` of 0, ..., m."""
    return factorial_rest(np.arange(m + 1.0))


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
    """Return where each block of types begins: block b holds the types with n_1 = b."""
    if letters == 2:
        return np.zeros(1, dtype=np.int64)
    sizes = [math.comb(m - b + letters - 2, letters - 2) for b in range(m)]
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def enumerate_types(ops, p, keys, m, num_threads=None):
    """Return the `Types` of m letters with probabilities `p` of the rewards of `keys`, at least two of them."""
    letters = len(p)
    if m == 1:  # for any number of letters
        return Types(keys.reward, np.log(p), np.arange(letters, dtype=np.int32)[::-1], None, np.log(p[::-1]))
    table, constant = terms(p, m)
    problem = TypesProblem(constant, table, keys.exponents, keys.generators, starts(letters, m))
    sums = ops.types(problem, number_of_types(letters, m), num_threads)
    support, order = ops.sort(sums.reward + m * keys.offset)
    log_pmf = sums.log_mass[order]
    tolerance = 0.0 if keys.exact else 4 * m * np.finfo(np.float64).eps * np.abs(keys.reward).max()
    apart = np.diff(support) > tolerance
    if apart.all():
        return Types(support, log_pmf, order, None, sums.log_mass)
    first = np.concatenate([[0], np.flatnonzero(apart) + 1])
    sum_of = np.concatenate([[0], np.cumsum(apart)])
    return Types(support[first], np.logaddexp.reduceat(log_pmf, first), order, sum_of, sums.log_mass)


def mean_counts(ops, types, letters, m, log_ratio, *, num_threads=None):
    """Return E n_k of the types under the law P(n) e^{log_ratio(sum of n)}; `log_ratio` (S,)."""
    size = len(types.order)
    weight = np.empty(size)
    of_type = log_ratio if types.sum_of is None else log_ratio[types.sum_of]
    weight[types.order] = of_type
    weight += types.log_mass
    np.exp(weight, out=weight)
    return weighted_counts(ops, letters, m, weight, num_threads)


def weighted_counts(ops, letters, m, weight, num_threads=None):
    """Return Σ weight n_k over the types in enumeration order."""
    if m == 1:
        return weight[::-1]
    return ops.types_means(letters, m, starts(letters, m), weight, num_threads).sum(axis=0)


def count(ops, letters, m):
    """Return how many types there are, inf where they are not enumerated for so many letters."""
    return number_of_types(len(letters.p), m) if m == 1 or len(letters.p) <= ops.MOST_LETTERS else math.inf


def refuse_large(ops, letters, m):
    """Raise ValueError if enumeration would not fit."""
    if count(ops, letters, m) > LARGEST:
        size = number_of_types(len(letters.p), m)
        raise ValueError(
            f"m = {m} letters of {len(letters.p)} distinct rewards have {_short(size)} types, which would take "
            f"{_short(64 * size >> 30)} GiB; use method='auto'"
        )


def _short(number):
    """Return an integer of any size in few digits."""
    digits = str(number) if number < 10**15 else f"1e{math.floor(math.log10(number))}"
    return digits if number >= 10**15 or number < 10**6 else f"{number:.3g}"


def law(ops, letters, m, num_threads):
    """Return the `Law` of the sum."""
    refuse_large(ops, letters, m)
    types = enumerate_types(ops, letters.p, letters.keys, m, num_threads)
    return Law(types.support, types.log_pmf, "types", float(relative_error(letters, m, types.log_pmf.min())))


def relative_error(letters, m, log_pmf):
    """Return a bound of the relative error of probabilities: every term of a type is of one sign (types.inc)."""
    return UNIT * (len(letters.p) + ROUNDED) * (m - log_pmf)


def ratio(ops, asked):
    """Return the `Ratio` of best-of-n."""
    num_threads = asked.num_threads
    found = law(ops, asked.letters, asked.m, num_threads)
    best = BestOfN(found.log_pmf, found.support, log=True, num_threads=num_threads)
    return Ratio(found.support, best.log_pmf(log_n=asked.log_n, num_threads=num_threads) - found.log_pmf, False)


def summary(ops, asked):
    """Return the `Summary` of best-of-n; types need no tilt."""
    letters, m, log_n, num_threads = asked.letters, asked.m, asked.log_n, asked.num_threads
    refuse_large(ops, letters, m)
    types = enumerate_types(ops, letters.p, letters.keys, m, num_threads)
    best = BestOfN(types.log_pmf, types.support, log=True, num_threads=num_threads)
    log_ratio = best.log_pmf(log_n=log_n, num_threads=num_threads) - types.log_pmf
    counts = mean_counts(ops, types, len(letters.p), m, log_ratio, num_threads=num_threads)
    mean, variance, kl = (
        float(figure(log_n=log_n, num_threads=num_threads))
        for figure in (best.expected_reward, best.reward_variance, best.kl)
    )
    error = relative_error(letters, m, types.log_pmf)
    size = m * float(np.abs(letters.reward).max())
    tails = relative_tails(types.support, types.log_pmf, error + 4 * UNIT * log_n)
    errors = figure_errors(tails, log_ratio, log_n, (mean, variance, kl), size)
    of_counts = 2 * float(np.exp(log_ratio + types.log_pmf) @ error) + COUNTED
    return Summary(mean, variance, kl, counts / counts.sum(), errors._replace(marginal=errors.marginal + of_counts))
