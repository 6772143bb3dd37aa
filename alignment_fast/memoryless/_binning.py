"""Rewards off every lattice put on one: by a split that keeps the mean, or rounded to one side for rigorous bounds.

A reward between two points of the lattice is split between them in proportion: the mean stays, the variance grows by
at most h²/4, and expectations of smooth functions of the sum change by O(h²). Rounding down (up) makes every sum
smaller (larger) by less than m h, so that its law and the law of best-of-n are stochastically smaller (larger).
"""

from typing import NamedTuple

import numpy as np


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
    share = place - step
    if rule != "split":
        share = np.where((share > 0) & (share < 1), float(rule == "up"), share)
    weight = np.bincount(step, p * (1 - share), intervals + 1) + np.bincount(step + 1, p * share, intervals + 1)
    return Bins(weight, low, span, step, share)
