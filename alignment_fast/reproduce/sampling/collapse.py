"""Four responses in a strict order: entropy collapses as the policy is tied to its own past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast import dynamics

__all__ = [
    "ALPHAS",
    "BETA",
    "FEEDBACKS",
    "INIT",
    "METHODS",
    "ORDERED",
    "RECORDED",
    "STRENGTHS",
    "Collapse",
    "CollapsePath",
    "collapse_paths",
    "collapses",
]

# Bradley-Terry with these strengths: strongly transitive and row dominant.
STRENGTHS = np.array([1.5, 0.5, -0.3, -1.2])
ORDERED = 1.0 / (1.0 + np.exp(STRENGTHS - STRENGTHS[:, None]))
INIT = np.array([0.1, 0.2, 0.3, 0.4])
ALPHAS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99)
FEEDBACKS = (0.25, 0.5, 1.0, 2.0, 4.0)
METHODS = ("ipo", "dpo")
# Of the paths at α = 1.
BETA = 0.5
RECORDED = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Collapse(NamedTuple):
    """The policy after 3000 rounds at λ = 1: its entropy in nats, its largest probability, β/(1 − α)."""

    method: str
    alpha: float
    beta: float
    ratio: float
    entropy: float
    top: float


class CollapsePath(NamedTuple):
    """One round at α = λ = 1: entropy, log(π_0/π_1), and its growth per round since the row above and in the end."""

    method: str
    t: int
    entropy: float
    gap: float
    growth: float
    growth_predicted: float


def collapses() -> Iterator[Collapse]:
    """Yield the last policy at each of `ALPHAS` and `FEEDBACKS`, for IPO and for DPO.

    Examples
    --------
    >>> from alignment_fast.reproduce.sampling import collapses
    >>> {round(row.entropy, 5) for row in collapses() if row.method == "ipo" and abs(row.ratio - 10) < 1e-9}
    {0.46269}

    """
    alpha, beta = np.array(ALPHAS)[:, None], np.array(FEEDBACKS)
    for method in METHODS:
        run = dynamics.sweep(ORDERED, alpha=alpha, beta=beta, lam=1.0, init=INIT, steps=3_000, method=method)
        top = run.pi.max(-1)
        for (i, a), (j, b) in ((x, y) for x in enumerate(ALPHAS) for y in enumerate(FEEDBACKS)):
            yield Collapse(method, a, b, b / (1.0 - a), float(run.entropy[i, j]), float(top[i, j]))


def collapse_paths() -> Iterator[CollapsePath]:
    """Yield the rounds `RECORDED` of a fully self-referential, fully on-policy run, for IPO and for DPO."""
    for method in METHODS:
        run = dynamics.simulate(
            ORDERED, alpha=1.0, beta=BETA, lam=1.0, init=INIT, steps=RECORDED[-1], record=RECORDED, method=method
        )
        predicted = float(dynamics.collapse_rates(ORDERED, beta=BETA, method=method)[1])
        gap = run.path[:, 0] - run.path[:, 1]
        entropy = -(np.exp(run.path) * run.path).sum(-1)
        growth = np.diff(gap, prepend=np.nan) / np.diff(RECORDED, prepend=-1)
        columns = entropy.tolist(), gap.tolist(), growth.tolist()
        for t, nats, log_odds, rate in zip(RECORDED, *columns, strict=True):
            yield CollapsePath(method, t, nats, log_odds, rate, predicted)
