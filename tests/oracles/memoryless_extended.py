"""Best-of-n over sums of letters in extended precision, each figure with what rounding may have cost it.

All terms of a law are positive, so their sums and products lose a few units of the last place each; tails are added up
from above and below, and powers of the distribution function are taken by log1p and expm1. A hundred times faster than
`memoryless.py`, which decides where these digits are too few.
"""

import functools
import itertools
import math

import numpy as np

EXTENDED = np.longdouble
WIDE = np.finfo(EXTENDED).maxexp > 16000  # long double is more than double
MOST_LOG_N = float(np.log(np.finfo(EXTENDED).max))  # n itself is a number of that type
# Roundings in a row: convolutions, sums of tails, logarithms, sums over the law (at most about a thousand sums).
ROUNDING = 1000 * float(np.finfo(EXTENDED).eps)


def powers(p, steps, m):
    """Return the law of m letters over 0, 1, ... for letters of whole `steps`."""
    letter, law = np.zeros(max(steps) + 1, EXTENDED), np.ones(1, EXTENDED)
    for mass, step in zip(p, steps, strict=True):
        letter[step] += mass
    for bit in bin(m)[2:] if m else "":
        law = np.convolve(law, law)
        law = np.convolve(law, letter) if bit == "1" else law
    return law


@functools.cache
def types(letters, m):
    """Return the counts of all types of m letters, and their numbers of sequences."""
    bars = np.array(list(itertools.combinations(range(m + letters - 1), letters - 1))).reshape(-1, letters - 1)
    ends = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, m + letters - 1)))
    counts = np.diff(ends, axis=1) - 1
    factorials = np.array([math.factorial(k) for k in range(m + 1)], EXTENDED)
    return counts, factorials[m] / factorials[counts].prod(axis=1)


class Law:
    """Sums of m letters in ascending order, their masses, and best-of-n over them."""

    def __init__(self, sums, mass, log_n):
        self.sums, self.mass = sums, mass
        n, above, upto = np.exp(EXTENDED(log_n)), np.cumsum(mass[::-1])[::-1], np.cumsum(mass)
        higher, lower = np.append(above[1:], 0), np.append(0, upto[:-1])
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            log_upto = np.where(higher < 0.5, np.log1p(-np.minimum(higher, 0.5)), np.log(upto))
            share = np.where(lower > 0, np.log1p(-np.minimum(mass / upto, 0.75)), -np.inf)
            share = np.where((lower > 0) & (mass > 0.5 * upto), np.log(lower) - np.log(upto), share)
            self.best = np.exp(n * log_upto) * -np.expm1(n * share)
            self.ratio = self.best / mass

    def figures(self, alpha, log_partition):
        """Return ((mean, variance, divergence, divergence from the tilt), what rounding may have cost each)."""
        best, logs = self.best, np.log(np.where(self.best > 0, self.ratio, 1))
        mean = (best * self.sums).sum()
        variance = (best * (self.sums - mean) ** 2).sum()
        kl = (best * logs).sum()
        sizes = [(best * np.abs(self.sums)).sum(), variance, (best * (1 + np.abs(logs))).sum()]
        sizes[1] += ROUNDING * sizes[0] ** 2
        gap = kl - alpha * mean + log_partition if math.isfinite(alpha) else EXTENDED(math.inf)
        sizes.append(sizes[2] + abs(alpha) * sizes[0] + abs(log_partition) if math.isfinite(alpha) else 0.0)
        return (mean, variance, kl, gap), [ROUNDING * float(size) for size in sizes]


def log_partition(p, reward, m, alpha):
    """Return m log Σ p e^(alpha r), NaN where alpha is infinite."""
    if not math.isfinite(alpha):
        return math.nan
    top = reward[np.argmax(alpha * reward)]
    return m * (alpha * top + np.log((p * np.exp(alpha * (reward - top))).sum()))


def on_a_lattice(p, steps, m, log_n, alpha):
    """Return figures, token marginal and what rounding may have cost them, for letters of whole rewards."""
    p = np.asarray(p, EXTENDED) / np.asarray(p, EXTENDED).sum()
    full, fewer = powers(p, steps, m), powers(p, steps, m - 1)
    kept = np.flatnonzero(full)
    law = Law(kept.astype(EXTENDED), full[kept], log_n)
    ratio = np.zeros(len(full), EXTENDED)
    ratio[kept] = law.ratio
    marginal = [mass * (fewer * ratio[step : step + len(fewer)]).sum() for mass, step in zip(p, steps, strict=True)]
    return *law.figures(alpha, log_partition(p, np.asarray(steps, EXTENDED), m, alpha)), marginal


def in_general_position(p, reward, m, log_n, alpha):
    """Return the same for real rewards; None where digits are too few to tell sums apart."""
    p, reward = np.asarray(p, EXTENDED) / np.asarray(p, EXTENDED).sum(), np.asarray(reward, EXTENDED)
    counts, numbers = types(len(p), m)
    sums, mass = counts @ reward, numbers * np.prod(p**counts, axis=1)
    order = np.argsort(sums)
    sums, mass = sums[order], mass[order]
    if np.diff(sums).min(initial=math.inf) <= ROUNDING * np.abs(reward).max() * m:
        return None
    law = Law(sums, mass, log_n)
    marginal = (law.best[:, None] * counts[order]).sum(axis=0) / m
    return *law.figures(alpha, log_partition(p, reward, m, alpha)), marginal
