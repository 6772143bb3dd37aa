r"""How many units must go at least before an order turns: a bound that no search can fall below.

Let ℓ be the log-likelihood of all votes, s its maximum, and s' that of what is left of them, at which j is not behind
i; :math:`D(s') = ℓ(s) - ℓ(s')`. Since s' is better than s for the rest, the votes that went, x, were better off at s:

.. math:: D(s') \le \sum_u x_u [ℓ_u(s) - ℓ_u(s')] \le \sum_u x_u λ_u(s'),

λ_u the weight of the unit times the change of its differences (ties: half of it), since log σ has slopes of at most
1. Let :math:`ρ_e(D)` be the largest change of the difference of pair e at which ℓ has lost no more than D. It is
concave in D, and 0 at 0. So if the units that went reach D(s'), they also reach any smaller D in the units of ρ_e(D):
none smaller than the least m for which m units with the largest :math:`λ_u = \sum ρ_e(D)` reach D, D being the least
that ℓ loses where j is not behind i.

Bounds of both: for changes Δ_e of all pairs, :math:`ℓ` loses :math:`\sum_e κ_e (e^{-|Δ_e|} + |Δ_e| - 1)` at least,
κ_e the curvature of the pair (the slope of log σ'' is at most log σ''), and with that :math:`\sum_e κ_e Δ_e^2 / (2 +
|Δ_e|)`. With M the largest |Δ_e|, and R_e the effective resistance of the pair for conductances κ: :math:`M^2 \le
R_{max} (2 + M) D` and :math:`ρ_e^2 \le R_e (2 + M) D`; again with conductances :math:`κ_e / (2 + ρ_e)`, as often as
it helps. And the least loss for a lead L is at least :math:`L^2 / (R_{ij} (2 + L \sqrt{R_{max} / R_{ij}}))`, by
convexity along the line.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alignment_fast.ranking import _newton as newton
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking._removal import MODEL, Removals, chances

Reals = NDArray[np.float64]
# So many challengers are looked at closely, so many items at most, and conductances are weakened so often.
CLOSE, MOST_ITEMS, ROUNDS = 6, 1536, 3
# What rounding and the weak prior of fits without a maximum may take from a loss.
SLACK = 1e-3


def least_removal(removals: Removals, item: int, others: NDArray[np.intp]) -> int:
    """Return a number of units, at least 1, with fewer of which gone `item` is still ahead of all `others`."""
    scores, inverse = removals.start.scores, removals.start.covariance
    variance = np.diag(inverse)
    cells = removals.cells
    resistance = variance[cells.first] + variance[cells.second] - 2.0 * inverse[cells.first, cells.second]
    met = (cells.wins_first + cells.wins_second + (cells.ties if cells.ties.size else 0.0)) > 0
    largest = float(resistance[met].max())
    apart = variance[item] + variance[others] - 2.0 * inverse[item, others]
    lead = scores[item] - scores[others]
    loss = lead**2 / (apart * (2.0 + lead * np.sqrt(largest / apart)))
    reach = np.sqrt(np.maximum(resistance, 0.0))
    sizes = _sizes(removals, reach)
    bounds = np.array([sizes.fewest(1.0, d / math.sqrt((2.0 + _widest(largest, d)) * d)) for d in _less(loss)])
    refined: set[int] = set()
    while len(others) and int(bounds.argmin()) not in refined and len(refined) < CLOSE and len(scores) <= MOST_ITEMS:
        place = int(bounds.argmin())
        refined.add(place)
        bounds[place] = max(bounds[place], _close(removals, item, int(others[place]), resistance, met, largest))
    return max(1, int(min(bounds.min(), removals.units.count.sum()))) if len(others) else 1


def _less(loss: Reals) -> list[float]:
    return np.maximum(loss - SLACK * np.minimum(loss, 1.0), 1e-300).tolist()


def _widest(resistance: float, loss: float) -> float:
    """Return the largest M with M² <= R (2 + M) D."""
    product = resistance * loss
    return 0.5 * (product + math.sqrt(product * (product + 8.0)))


class _Sizes:
    """Units by how much each can reach, the farthest first."""

    def __init__(self, reach: Reals, count: Reals) -> None:
        order = np.argsort(-reach)
        self.reach, count = reach[order], count[order]
        self.ends = np.cumsum(count)
        self.total = np.cumsum(self.reach * count)

    def fewest(self, scale: float, needed: float) -> int:
        """Return the fewest units whose reach, times `scale`, is `needed`; all where all of them do not do."""
        place = int(np.searchsorted(self.total, needed / scale))
        if place >= len(self.total):
            return int(self.ends[-1])
        before, reached = (self.ends[place - 1], self.total[place - 1]) if place else (0.0, 0.0)
        more = (needed / scale - reached) / self.reach[place]
        return math.ceil(before + more * (1.0 - 1e-9))


def _sizes(removals: Removals, reach: Reals) -> _Sizes:
    units = removals.units
    weight = units.wins_first + units.wins_second + 0.5 * units.ties
    return _Sizes(units.sums(weight * reach[units.cell]), units.count)


def _close(removals: Removals, item: int, other: int, resistance: Reals, met: NDArray[np.bool_], largest: float) -> int:
    """Return the bound for one challenger by the loss that its draw level takes, and by weakened conductances."""
    cells = removals.cells
    (loss,) = _less(np.array([_loss_of_a_draw(removals, item, other)]))
    p = chances(cells, removals.start.scores)
    total = cells.wins_first + cells.wins_second + (cells.ties if cells.ties.size else 0.0)
    curvature = np.where(met, total * p * (1.0 - p), 0.0)
    reach = np.minimum(_widest(largest, loss), np.sqrt(resistance * (2.0 + _widest(largest, loss)) * loss))
    items = cells.n_items
    for _ in range(ROUNDS):
        laplacian = np.full((items, items), 1.0 / items)
        weak = curvature / (2.0 + reach)
        np.subtract.at(laplacian, (cells.first, cells.second), weak)
        np.subtract.at(laplacian, (cells.second, cells.first), weak)
        np.fill_diagonal(laplacian, 0.0)
        np.fill_diagonal(laplacian, 1.0 - laplacian.sum(axis=1))
        inverse = np.linalg.inv(laplacian)
        variance = np.diag(inverse)
        apart = variance[cells.first] + variance[cells.second] - 2.0 * inverse[cells.first, cells.second]
        reach = np.minimum(reach, np.sqrt(np.maximum(apart, 0.0) * loss * (1.0 + 1e-9)))
    return _sizes(removals, reach).fewest(1.0, loss)


def _loss_of_a_draw(removals: Removals, item: int, other: int) -> float:
    """Return how much log-likelihood is lost where both have one score: they are one item, which never meets itself."""
    cells, scores = removals.cells, removals.start.scores
    number = np.arange(cells.n_items, dtype=np.int32)
    number[number > other] -= 1
    number[other] = number[item]
    first, second = number[cells.first], number[cells.second]
    between = first == second
    total = cells.wins_first + cells.wins_second + (cells.ties if cells.ties.size else 0.0)
    fixed = float(total[between].sum()) * math.log(0.5)
    merged = replace(
        cells,
        n_items=cells.n_items - 1,
        first=first[~between],
        second=second[~between],
        wins_first=cells.wins_first[~between],
        wins_second=cells.wins_second[~between],
        ties=cells.ties[~between] if cells.ties.size else cells.ties,
        home=cells.home[~between] if cells.home.size else cells.home,
    )
    value = 0.0
    if len(merged.first):
        objective = Objective(removals.whole.ops, merged, MODEL)
        start = np.delete(scores, other)
        value = newton.maximize(objective, start - start.mean(), tolerance=1e-10, limit=100).value
    return max(removals.value - value - fixed - 1e-12 * abs(removals.value), 0.0)
