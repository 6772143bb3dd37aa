"""Exact draws: sequences of best-of-n by rejection, rare events by importance sampling; cost independent of n."""

import math
from typing import NamedTuple

import numpy as np
from scipy import optimize

# Letters proposed at once: memory of one batch of proposals.
BATCH = 1 << 20
# Sums within this part of the gap to the next one are that sum, rounded.
NEAREST = 1e-3

# Relative error of a sum.
ROUNDING = 1e-14


class Proposals:
    """Sequences of m tilted letters, drawn as counts of the distinct rewards where those are few.

    Parameters
    ----------
    letters : Letters
        Distinct rewards.
    m : int
        Length of sequences.
    theta : float
        Tilt.
    generator : numpy.random.Generator
        Source of random numbers.

    """

    def __init__(self, letters, m, theta, generator):
        exponent = np.log(letters.p) + theta * letters.reward
        weight = np.exp(exponent - exponent.max())
        self.weight, self.log_mgf = weight / weight.sum(), float(exponent.max() + np.log(weight.sum()))
        self.letters, self.m, self.generator = letters, m, generator
        self.by_counts = len(letters.p) <= m
        self._cdf = np.cumsum(self.weight)

    @property
    def batch(self):
        """Sequences that one call of `draw` should propose."""
        return max(1, BATCH // min(self.m, len(self.letters.p)))

    def draw(self, count):
        """Return `count` proposals and the sums of their rewards: counts (count, J), or letters (count, m)."""
        if self.by_counts:
            counts = self.generator.multinomial(self.m, self.weight, size=count)
            return counts, counts @ self.letters.reward
        places = np.searchsorted(self._cdf, self.generator.random((count, self.m)) * self._cdf[-1], side="right")
        places = np.minimum(places, len(self._cdf) - 1)
        return places, self.letters.reward[places].sum(axis=1)

    def sequences(self, proposals):
        """Return distinct rewards (count, m) in an order that is as random as that of the letters of a sequence."""
        if not self.by_counts:
            return proposals
        rewards = np.tile(np.arange(proposals.shape[1]), len(proposals))
        sequences = np.repeat(rewards, proposals.ravel()).reshape(len(proposals), self.m)
        return self.generator.permuted(sequences, axis=1)


class Ratio(NamedTuple):
    """log π(s)/P(s) of best-of-n at the sums where it is known.

    Parameters
    ----------
    support, log_ratio : array (S,)
        Sums, ascending, and the logarithm of the ratio there.
    smooth : bool
        Whether the ratio is a smooth function between them; if not, other sums do not occur.

    """

    support: np.ndarray
    log_ratio: np.ndarray
    smooth: bool

    def at(self, sums):
        """Return the logarithm of the ratio at `sums`, -inf where best-of-n has no mass."""
        if self.smooth:
            return np.interp(sums, self.support, self.log_ratio, left=-np.inf)
        right = np.clip(np.searchsorted(self.support, sums), 1, len(self.support) - 1)
        left_gap, right_gap = sums - self.support[right - 1], self.support[right] - sums
        nearest = np.where(left_gap < right_gap, right - 1, right)
        distance, gap = np.minimum(np.abs(left_gap), np.abs(right_gap)), self.support[right] - self.support[right - 1]
        return np.where(distance < np.maximum(NEAREST * gap, 0.0), self.log_ratio[nearest], -np.inf)


def best_of_n(letters, m, ratio, tilt, *, size, generator):
    """Return distinct rewards (size, m) of best-of-n sequences: tilted proposals accepted with probability w/max w.

    w(s) = (π(s)/P(s)) e^{m Λ(a) - a s}, a the `tilt`.
    """
    proposals = Proposals(letters, m, tilt, generator)
    log_most = _log_most(ratio, tilt, proposals.log_mgf, m)
    found, missing = [np.empty((0, m), dtype=np.int64)], size
    while missing:
        count = min(proposals.batch, math.ceil(1.1 * missing * math.exp(log_most)) + 16)
        drawn, sums = proposals.draw(count)
        log_weight = ratio.at(sums) + m * proposals.log_mgf - tilt * sums
        accepted = np.flatnonzero(np.log(generator.random(count)) < log_weight - log_most)[:missing]
        found.append(proposals.sequences(drawn[accepted]))
        missing -= len(accepted)
    return np.concatenate(found)


def _log_most(ratio, tilt, log_mgf, m):
    return float((ratio.log_ratio - tilt * ratio.support).max()) + m * log_mgf


def best_tilt(letters, m, ratio, highest):
    """Return the tilt <= `highest` of fewest proposals per draw: they grow like √m and do not depend on n."""

    def cost(tilt):
        return _log_most(ratio, tilt, np.logaddexp.reduce(np.log(letters.p) + tilt * letters.reward), m)

    if highest == 0:
        return 0.0
    return float(optimize.minimize_scalar(cost, bounds=(0.5 * highest, 1.05 * highest), method="bounded").x)


def tail(letters, m, level, theta, *, size, generator):
    """Return log of the mean, and the relative standard error, of 1{S >= level} dP/dP_θ over `size` draws from P_θ."""
    proposals = Proposals(letters, m, theta, generator)
    # Weights at the level itself are the largest: measured from there they are at most 1.
    scale = m * proposals.log_mgf - theta * level
    total = square = 0.0
    for first in range(0, size, proposals.batch):
        _, sums = proposals.draw(min(proposals.batch, size - first))
        # A sum at the level up to rounding reaches it.
        above = sums[sums >= level - ROUNDING * m * np.abs(letters.reward).max()]
        weights = np.exp(-theta * (above - level))
        total += float(weights.sum())
        square += float((weights**2).sum())
    if total == 0:
        return -math.inf, math.inf
    mean = total / size
    return scale + math.log(mean), math.sqrt(max(square / size - mean**2, 0.0) / size) / mean
