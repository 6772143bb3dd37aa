r"""Votes taken away from comparisons: what can go, and what Bradley-Terry scores of the rest are.

A unit is what goes together: one vote, or all votes of a person or on a task. Units that are alike are counted. To
first order, taking away a unit with the gradient g moves the scores by :math:`-H^{-1} g`, H being the negated
Hessian; so the lead of i over j falls by :math:`z^T g`, :math:`H z = e_i - e_j`, which is the influence of the unit
on it.

Where the rest has no finite maximum, items are in the order in which the likelihood rises for ever: that of a fit
with a normal prior of variance 10^6. Items of components that never met are in no order.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking import _graph as graph
from alignment_fast.ranking import _newton as newton
from alignment_fast.ranking._covariance import covariance
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking._outcomes import ALONE, Outcomes, places_in
from alignment_fast.ranking.comparisons import Comparisons

Reals = NDArray[np.float64]
MODEL = "bradley-terry"
SEARCH = {"tolerance": 1e-8, "limit": 100}
# Precision of the prior where there is no finite maximum.
WEAK = 1e-6


@dataclass(frozen=True)
class Units:
    """What can be taken away: rows of cells with the weight of each result, the unit of each row, how many of it."""

    cell: NDArray[np.intp]
    wins_first: Reals
    wins_second: Reals
    ties: Reals
    unit: NDArray[np.intp]
    count: Reals
    names: tuple[Hashable, ...] = ()

    def sums(self, per_row: Reals) -> Reals:
        """Return the sum of what rows have, for each unit."""
        return np.bincount(self.unit, per_row, len(self.count)).astype(np.float64, copy=False)

    def slopes(self, p: Reals) -> Reals:
        """Return the slope of the log-likelihood of each row in the difference, where the first wins with `p`."""
        p = p[self.cell]
        return self.wins_first * (1.0 - p) - self.wins_second * p + self.ties * (0.5 - p)


def units_of(comparisons: Comparisons, cells: Cells, kind: str) -> Units:
    """Return the units of a kind, over `cells` of the comparisons; ValueError where these do not know of clusters."""
    outcomes, counted = comparisons._outcomes, comparisons._counted
    if kind == "votes":
        parts = [] if counted is None else [_counted(counted, cells)]
        parts += [] if outcomes is None else [_one_by_one(outcomes, cells, np.arange(len(outcomes.first)))]
        return parts[0] if len(parts) == 1 else _joined(*parts)
    if outcomes is None or counted is not None or (outcomes.cluster == ALONE).any():
        raise ValueError(f"kind {kind!r} needs to know who each vote is of: give Comparisons(..., cluster=...)")
    found, group = np.unique(outcomes.cluster, return_inverse=True)
    return _one_by_one(outcomes, cells, group, tuple(outcomes.clusters[code] for code in found.tolist()))


def _counted(counted: Cells, cells: Cells) -> Units:
    place = places_in(cells, counted.first, counted.second, counted.home)
    results = [counted.wins_first, counted.wins_second, counted.ties]
    rows = [(place[count > 0], result, count[count > 0]) for result, count in enumerate(results) if count.size]
    cell = np.concatenate([where for where, _, _ in rows])
    result = np.concatenate([np.full(len(where), number) for where, number, _ in rows])
    ones = [(result == number).astype(np.float64) for number in range(3)]
    number = np.concatenate([count for _, _, count in rows])
    return Units(cell, ones[0], ones[1], ones[2], np.arange(len(cell)), number)


def _one_by_one(outcomes: Outcomes, cells: Cells, unit: NDArray[np.intp], names: tuple[Hashable, ...] = ()) -> Units:
    place = places_in(cells, outcomes.first, outcomes.second, outcomes.home)
    one = np.ones(int(unit.max()) + 1)
    return Units(place, outcomes.wins_first, outcomes.wins_second, outcomes.ties, unit, one, names)


def _joined(one: Units, other: Units) -> Units:
    return Units(
        np.concatenate([one.cell, other.cell]),
        np.concatenate([one.wins_first, other.wins_first]),
        np.concatenate([one.wins_second, other.wins_second]),
        np.concatenate([one.ties, other.ties]),
        np.concatenate([one.unit, len(one.count) + other.unit]),
        np.concatenate([one.count, other.count]),
    )


RESULTS = ("wins_first", "wins_second", "ties")


@dataclass(frozen=True)
class Rest:
    """What is left after a removal: objective, scores, and the component of each item, None where all are one."""

    objective: Objective
    scores: Reals
    component: NDArray[np.int32] | None

    def lead(self, item: int, others: NDArray[np.intp]) -> Reals:
        """Return by how much the item is ahead of each of the others; inf where they cannot be compared."""
        lead = self.scores[item] - self.scores[others]
        if self.component is None:
            return lead
        return np.where(self.component[others] == self.component[item], lead, np.inf)

    @cached_property
    def covariance(self) -> Reals:
        """Covariance of the scores, of mean zero: the inverse of the information."""
        found: Reals = covariance(self.objective, self.scores)
        return found

    def influence(self, units: Units, item: int, other: int) -> Reals:
        """Return by how much the lead of `item` over `other` falls where one unit goes, to first order."""
        move = self.covariance[item] - self.covariance[other]
        cells = self.objective.cells
        apart = move[cells.first] - move[cells.second]
        return units.sums(units.slopes(self._chances) * apart[units.cell])

    @cached_property
    def _chances(self) -> Reals:
        """The chance that the first item of each cell wins."""
        return chances(self.objective.cells, self.scores)


def chances(cells: Cells, scores: Reals) -> Reals:
    """Return the probability that the first item of each cell wins."""
    from scipy.special import expit

    found: Reals = expit(scores[cells.first] - scores[cells.second])
    return found


class Removals:
    """Fits to what is left of cells where units go, each from the scores of the one before."""

    def __init__(self, ops: ModuleType, comparisons: Comparisons, kind: str) -> None:
        self.whole = Objective(ops, comparisons.cells, MODEL)
        self.cells = self.whole.cells
        self.units = units_of(comparisons, self.cells, kind)
        found = newton.maximize(self.whole, self.whole.start(), tolerance=1e-10, limit=100)
        self.value = found.value
        self.start = Rest(self.whole, found.unknowns, None)
        self._last = found.unknowns

    def left(self, taken: Reals) -> Cells:
        """Return the cells without `taken` of each unit."""
        units = self.units
        times = taken[units.unit]
        counts = {}
        for name in RESULTS:
            count = getattr(self.cells, name)
            if count.size:
                gone = np.bincount(units.cell, times * getattr(units, name), len(count))
                rest = count - gone
                counts[name] = np.where(rest > 1e-9 * count, rest, 0.0)
        return replace(self.cells, **counts)

    def without(self, taken: Reals) -> Rest:
        """Return what is left without `taken` of each unit, fitted."""
        objective = self.whole.over(self.left(taken))
        if objective.ops.connected(objective.problem):
            found = newton.maximize(objective, self._last, **SEARCH)
            if found.converged:
                self._last = found.unknowns
                return Rest(objective, found.unknowns, None)
        component = graph.connected(_compared(objective.cells))
        weak = Objective(objective.ops, objective.cells, MODEL, ridge=WEAK)
        found = newton.maximize(weak, np.zeros_like(self._last), **SEARCH)
        return Rest(weak, found.unknowns, component)


def _compared(cells: Cells) -> Cells:
    """Return the cells in which something is left."""
    total = cells.wins_first + cells.wins_second + (cells.ties if cells.ties.size else 0.0)
    kept = total > 0
    return replace(
        cells,
        first=cells.first[kept],
        second=cells.second[kept],
        wins_first=cells.wins_first[kept],
        wins_second=cells.wins_second[kept],
        ties=cells.ties[kept] if cells.ties.size else cells.ties,
        home=cells.home[kept] if cells.home.size else cells.home,
    )
