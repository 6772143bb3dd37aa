"""The grid of a sweep over many matrices, and which methods can be afforded on it."""

from __future__ import annotations

import numpy as np

from alignment_fast.reproduce.sampling.cycle import SIGNAL

_WEAKEST, _STRONGEST, _LARGEST_ALPHA = 0.25, 16.0, 0.95
# A round of DPO solves a K × K system: at K = 100 a sweep of one matrix would take a quarter of an hour.
_LARGEST_DPO = 50


def grid(method: str, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `points` values of α and as many of β; those of DPO are a quarter of those of IPO.

    Examples
    --------
    >>> from alignment_fast.reproduce.sampling import grid
    >>> grid("dpo", 3)
    (array([0.   , 0.475, 0.95 ]), array([0.0625, 0.5   , 4.    ]))

    """
    alpha = np.linspace(0.0, _LARGEST_ALPHA, points)
    return alpha, SIGNAL[method] * np.geomspace(_WEAKEST, _STRONGEST, points)


def methods(responses: int) -> tuple[str, ...]:
    """Return the methods to run on matrices of so many responses: both, IPO alone if they are large."""
    return ("ipo", "dpo") if responses <= _LARGEST_DPO else ("ipo",)
