"""Sums of rewards off every lattice by transforms: on two lattices, extrapolated, and between rigorous bounds.

A reward between two points of a lattice is split between them in proportion: the mean stays, the variance grows by
at most h²/4, and expectations of smooth functions of the sum change by O(h²). Rounding down (up) makes every sum
smaller (larger) by less than m h, so that its law and the law of best-of-n are stochastically smaller (larger).
"""

import math
from typing import NamedTuple

import numpy as np

from alignment_fast.memoryless import _lattice
from alignment_fast.memoryless._errors import Errors, Summary, most_divergence, single_share
from alignment_fast.memoryless._keys import Keys, Letters
from alignment_fast.memoryless.results import Law

# Points of the sum, and the least and largest number of intervals that one reward gets.
POINTS = 1 << 21
LEAST, MOST = 64, 1 << 12
# What two extrapolations differ by is stated so many times over, and all that lattices differ by is doubled: where
# single sums weigh, these may be small by accident (found by search: up to 1.7 times too small among 1e5 figures).
SAFETY = 8.0


def intervals_for(m):
    """Return the number of intervals of the lattice, even."""
    return max(LEAST, min(MOST, POINTS // m)) // 2 * 2


class Bins(NamedTuple):
    """Rewards on a lattice.

    Parameters
    ----------
    weight : array (J + 1,)
        Probability of the point low + j span, j = 0..J.
    low, span : float
        The lattice.
    step : array (V,)
        Point at or below each reward.
    share : array (V,)
        Part of each reward that goes to the next point.

    """

    weight: np.ndarray
    low: float
    span: float
    step: np.ndarray
    share: np.ndarray


def binned(p, reward, intervals, rule):
    """Return the `Bins` of `intervals` equal intervals; `rule` is "split", "down" or "up"."""
    low = float(reward.min())
    span = (float(reward.max()) - low) / intervals
    place = (reward - low) / span
    step = np.minimum(np.floor(place).astype(np.int64), intervals - 1)
    share = np.clip(place - step, 0.0, 1.0)
    if rule != "split":
        share = np.where((share > 0) & (share < 1), float(rule == "up"), share)
    weight = np.bincount(step, p * (1 - share), intervals + 1) + np.bincount(step + 1, p * share, intervals + 1)
    return Bins(weight, low, span, step, share)


def points(m):
    """Return the number of points of the lattice of the sum."""
    return m * intervals_for(m) + 1


def on_lattice(letters, intervals, rule):
    """Return the letters that `rule` makes of `letters`, and the bins."""
    bins = binned(letters.p, letters.reward, intervals, rule)
    steps = np.flatnonzero(bins.weight)
    low = bins.low + bins.span * steps[0]
    reward = bins.low + bins.span * steps
    exponents = (steps - steps[0]).astype(np.float64)[None]
    keys = Keys(reward, np.arange(len(steps)), exponents, np.array([bins.span]), low, True)
    return Letters(bins.weight[steps], keys), bins, steps


def law(ops, letters, m, num_threads):
    """Return the `Law` of the sum on the finer lattice; the error is that of probabilities of the coarser one."""
    fine, _, _ = on_lattice(letters, intervals_for(m), "split")
    found = _lattice.law(ops, fine, m, num_threads)
    spread = fine.keys.span**2 / 4 / float(letters.p @ (letters.reward - letters.p @ letters.reward) ** 2)
    return Law(found.support, found.log_pmf, "fft", found.error_bound + spread * abs(float(found.log_pmf.min())))


def summary(ops, asked):
    """Return the `Summary` of best-of-n, extrapolated from intervals h and 2h.

    Errors are O(h²) where the law is smooth on the scale of h; the estimate is what lattices differ by, a third one
    included whose points are elsewhere. Where single sums weigh, the split of a letter between two points moves sums by
    as much as h for each such letter, and makes ties into differences: all of that is stated.
    """
    letters, m = asked.letters, asked.m
    intervals = intervals_for(m)
    coarse, far_marginal = _on(ops, asked, intervals // 2)
    fine, marginal = _on(ops, asked, intervals)
    third, _ = _on(ops, asked, round(intervals / math.sqrt(2)))
    mean, off_mean = _extrapolated("expected_reward", fine, coarse, third)
    variance, off_variance = _extrapolated("reward_variance", fine, coarse, third)
    _, off_kl = _extrapolated("kl", fine, coarse, third)
    weight = min(1.0, 4 * single_share(letters, m, asked.alpha))
    bins = binned(letters.p, letters.reward, intervals, "split")
    split = (bins.share > 0) & (bins.share < 1)
    up = 1 - bins.share[split]
    number = m * float(marginal[split] @ up)
    moved = weight * bins.span * number
    # Moves and sums may go together: by Cauchy and Schwarz, of the root mean square of what sums are moved by.
    square = (weight * bins.span) ** 2 * (m * float(marginal[split] @ up**2) + number**2)
    spread = weight * bins.span**2 * m * float(marginal[split] @ (up * bins.share[split]))
    variance, most = max(variance, 0.0), most_divergence(asked.log_n)
    of_tokens = 2 * float(np.abs(marginal - far_marginal).max()) + fine.errors.marginal + coarse.errors.marginal
    errors = Errors(
        off_mean + moved,
        off_variance + 2 * math.sqrt(variance * square) + 2 * square + spread,
        # Letters that share an interval are one letter here, whatever the divergence between them is.
        min(off_kl + weight * (1 + most), max(fine.kl, most - fine.kl)),
        min(1.0, of_tokens + weight),
        False,
    )
    return Summary(mean, variance, fine.kl, marginal, errors)


def _extrapolated(figure, fine, coarse, third):
    """Return a figure extrapolated from the `Summary` of intervals h and 2h, and how far off it may be."""
    near, far, other = (getattr(found, figure) for found in (fine, coarse, third))
    value = (4 * near - far) / 3
    proved = getattr(fine.errors, figure) + getattr(coarse.errors, figure)
    return value, 2 * (abs(near - far) + abs(near - other) + SAFETY * abs(2 * near - other - value)) + proved


def ratio(ops, asked):
    """Return the `Ratio` of best-of-n of the rewards on the finer lattice, taken as a smooth function of the sum."""
    fine, _, _ = on_lattice(asked.letters, intervals_for(asked.m), "split")
    return _lattice.ratio(ops, asked._replace(letters=fine))._replace(smooth=True)


def _on(ops, asked, intervals):
    """Return the `Summary` on a lattice of so many intervals, and the token marginal of the letters themselves."""
    letters = asked.letters
    lattice, bins, steps = on_lattice(letters, intervals, "split")
    found = _lattice.summary(ops, asked._replace(letters=lattice))
    ratio = np.zeros(intervals + 1)
    ratio[steps] = found.marginal / bins.weight[steps]
    marginal = letters.p * ((1 - bins.share) * ratio[bins.step] + bins.share * ratio[bins.step + 1])
    return found, marginal / marginal.sum()


def bounds(ops, asked):
    """Return numbers below and above the expected reward of best-of-n, for certain."""
    ends = []
    for rule, side in (("down", -1), ("up", 1)):
        lattice, _, _ = on_lattice(asked.letters, intervals_for(asked.m), rule)
        found = _lattice.summary(ops, asked._replace(letters=lattice))
        ends.append(float(found.expected_reward + side * found.errors.expected_reward))
    return tuple(ends)
