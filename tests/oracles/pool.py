"""Estimates from pools by their definition: averages over subsets, in fractions or many digits."""

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np

STORED = json.loads((Path(__file__).parent / "pool.json").read_text())


def best(scores, values, subset):
    """Value of the best of a subset of positions; the mean value of the best ones where several are."""
    top = max(scores[i] for i in subset)
    chosen = [values[i] for i in subset if scores[i] == top]
    return sum(chosen) / len(chosen)


def average(items):
    items = list(items)
    return sum(items) / len(items)


def mean_over_subsets(scores, values, n, members=None):
    """Average of `best` over all n-subsets of the positions `members`."""
    members = range(len(scores)) if members is None else members
    return average(best(scores, values, subset) for subset in itertools.combinations(members, n))


def variance(scores, values, n):
    """Square of the mean minus the average product over pairs of disjoint subsets, literally."""
    everyone = set(range(len(scores)))
    products = average(
        best(scores, values, subset) * mean_over_subsets(scores, values, n, sorted(everyone - set(subset)))
        for subset in itertools.combinations(sorted(everyone), n)
    )
    return mean_over_subsets(scores, values, n) ** 2 - products


def jackknife(statistic, size):
    """(M - 1)/M times the sum of squares of ``statistic(members)`` without each member in turn."""
    left_out = [statistic([i for i in range(size) if i != j]) for j in range(size)]
    centre = average(left_out)
    return sum((x - centre) ** 2 for x in left_out) * (size - 1) / size


def mean(ascending, n, with_replacement=False):
    """Weighted sum over ranks with exact integer or rational weights."""
    size = len(ascending)
    if with_replacement:
        weights = [Fraction(i**n - (i - 1) ** n, size**n) for i in range(1, size + 1)]
    else:
        weights = [Fraction(math.comb(i - 1, n - 1), math.comb(size, n)) for i in range(1, size + 1)]
    return float(sum(w * Fraction(float(v)) for w, v in zip(weights, ascending, strict=True)))


def missed_by_all(size, k, n):
    """C(size - k, n) / C(size, n) for real n, in 40 digits: the weight below the k highest ranks."""
    with mpmath.workdps(40):
        log_gamma = mpmath.loggamma
        top = log_gamma(size - k + 1) + log_gamma(size - n + 1)
        return mpmath.exp(top - log_gamma(size - k - n + 1) - log_gamma(size + 1))


def pass_at_k(total, correct, k):
    return 1 - Fraction(math.comb(total - correct, k), math.comb(total, k))


def soft_best_of_n(p, reward, n, temperature):
    """Law of soft best-of-n by enumeration of the n-tuples, in 40 digits."""
    with mpmath.workdps(40):
        weights = [mpmath.exp(mpmath.mpf(r) / temperature) for r in reward]
        law = [mpmath.mpf(0)] * len(p)
        for draws in itertools.product(range(len(p)), repeat=n):
            chance = mpmath.fprod(mpmath.mpf(p[i]) for i in draws) / mpmath.fsum(weights[i] for i in draws)
            for i in draws:
                law[i] += chance * weights[i]
        return law


def soft_best_of_n_of_real_n(p, reward, n, temperature):
    """Law of soft best-of-n for any real n: its integral over log s, in 20 digits over many short panels."""
    with mpmath.workdps(20):
        masses = [mpmath.mpf(x) for x in p]
        masses = [x / mpmath.fsum(masses) for x in masses]
        weights = [mpmath.exp((mpmath.mpf(r) - max(reward)) / temperature) for r in reward]
        low, high = -48 - mpmath.log(n), mpmath.log(60) - mpmath.log(min(weights))
        ends = mpmath.linspace(low, high, 2 * int(high - low))

        def integral(weight):
            def at(log_s):
                s = mpmath.exp(log_s)
                total = mpmath.fsum(m * mpmath.exp(-s * w) for m, w in zip(masses, weights, strict=True))
                return s * mpmath.exp(-s * weight) * total ** (mpmath.mpf(n) - 1)

            return mpmath.quad(at, ends, method="gauss-legendre", maxdegree=4)

        return [n * m * w * integral(w) for m, w in zip(masses, weights, strict=True)]


def soft_best_of_n_by_fine_steps(p, reward, n, temperature, spacing=1e-3):
    """The same by the trapezoidal rule with steps so short that branch points of M(s)^(n-1) are far away."""
    mass, log_w = np.asarray(p) / np.sum(p), (np.asarray(reward) - np.max(reward)) / temperature
    low, high = -46.0 - np.log(n), np.log(800.0) - log_w.min()
    total, count = np.zeros(len(mass)), int((high - low) / spacing)
    for first in range(0, count, 50_000):
        log_s = low + spacing * np.arange(first, min(first + 50_000, count))
        with np.errstate(over="ignore", under="ignore"):
            exponent = -np.exp(log_s[:, None] + log_w)
            near, above = np.expm1(exponent) @ mass, exponent.max(axis=1, keepdims=True)
            far = above[:, 0] + np.log(np.exp(exponent - above) @ mass)
            log_m = np.where(near > -0.5, np.log1p(np.maximum(near, -0.5)), far)[:, None]
            total += np.exp(exponent + (n - 1) * log_m + log_s[:, None] + log_w).sum(axis=0)
    return n * mass * spacing * total


def _cumulated(p, reward):
    """Return [(p, mass of its reward or 1 if there is none, mass of lower ones, mass of higher ones)]."""
    masses = [mpmath.mpf(x) / mpmath.fsum(map(mpmath.mpf, p)) for x in p]

    def mass_where(keep):
        return mpmath.fsum(m for m, r in zip(masses, reward, strict=True) if keep(r))

    return [
        (m, mass_where(lambda r, x=x: r == x) or 1, mass_where(lambda r, x=x: r < x), mass_where(lambda r, x=x: r > x))
        for m, x in zip(masses, reward, strict=True)
    ]


def best_of_poisson(p, reward, mu):
    """Law of the best of 1 + Poisson(mu) draws, in 40 digits."""
    with mpmath.workdps(40):
        rows = _cumulated(p, reward)
        return [
            m / own * ((low + own) * mpmath.exp(-mu * up) - low * mpmath.exp(-mu * (up + own)))
            for m, own, low, up in rows
        ]


def win_rate_optimal(p, reward, strength):
    """p exp(c Q) over the quantiles Q of each outcome, in 40 digits."""
    with mpmath.workdps(40):
        rows = _cumulated(p, reward)
        whole = mpmath.expm1(strength)
        return [m / own * mpmath.exp(strength * low) * mpmath.expm1(strength * own) / whole for m, own, low, up in rows]


def pessimism(p, reward, beta):
    """Weights p max(0, (r - threshold) / beta) that sum to 1, by trying every support, in 40 digits."""
    with mpmath.workdps(40):
        masses = [mpmath.mpf(x) / mpmath.fsum(map(mpmath.mpf, p)) for x in p]
        for lowest in sorted(set(reward)):
            kept = [(m, mpmath.mpf(r)) for m, r in zip(masses, reward, strict=True) if r >= lowest]
            threshold = (mpmath.fsum(m * r for m, r in kept) - beta) / mpmath.fsum(m for m, _ in kept)
            if threshold < lowest:
                return [m * max(0, (r - threshold) / beta) for m, r in zip(masses, reward, strict=True)]
        raise AssertionError("no support")
