"""Cells put together, taken apart and renumbered: what changes of compressed comparisons come down to."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking._outcomes import Outcomes


class Content(NamedTuple):
    """What comparisons hold: cells of all of them, those known one by one, and counts of all others."""

    cells: Cells
    outcomes: Outcomes | None
    counted: Cells | None

    def merged(self, other, n_items, sign):
        """Return the content of both, or of these without those of `other`, which may leave deficits."""
        cells = add(self.cells, other.cells, n_items, sign)
        counted = self.counted
        if counted is self.cells and other.counted is other.cells:
            counted = cells
        elif other.counted is not None:
            counted = add(none(n_items) if counted is None else counted, other.counted, n_items, sign)
        outcomes = self.outcomes
        if other.outcomes is not None:
            mine = other.outcomes.take(np.zeros(0, dtype=np.intp)) if outcomes is None else outcomes
            outcomes = mine.plus(other.outcomes) if sign > 0 else mine.minus(other.outcomes)
            if outcomes is None:
                raise ValueError("some of the comparisons that are to be taken away are not among these")
        return Content(cells, outcomes, counted)._without_nothing()

    def _without_nothing(self):
        return self._replace(outcomes=None) if self.outcomes is not None and not len(self.outcomes.first) else self

    def renumbered(self, number, n_items):
        """Return what is between items whose new `number` is not negative."""
        outcomes = None if self.outcomes is None else self.outcomes.renumbered(number)
        cells = renumber(self.cells, number, n_items)
        counted = self.counted
        if counted is not None:
            counted = cells if counted is self.cells else renumber(counted, number, n_items)
        return Content(cells, outcomes, counted)._without_nothing()

    def first_deficit(self):
        """Return the first two items of which fewer than no comparisons are left, or None."""
        for cells in (self.cells, self.counted):
            if cells is not None:
                least = np.minimum(cells.wins_first, cells.wins_second)
                least = np.minimum(least, cells.ties) if cells.ties.size else least
                found = np.flatnonzero(least < 0)
                if found.size:
                    return int(cells.first[found[0]]), int(cells.second[found[0]])
        return None


def none(n_items):
    """Return no cells."""
    return Cells(n_items, np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0))


def add(a, b, n_items, sign=1.0):
    """Return the cells of a + sign b; counts that rounding alone keeps from 0 are 0, true deficits are negative."""
    return Cells(n_items, *operations("ranking").merged_cells(a, b, sign))


def renumber(cells, number, n_items):
    """Return the cells between items whose new `number` is not negative, under their new numbers and in order."""
    first, second = number[cells.first], number[cells.second]
    inside = np.flatnonzero((first >= 0) & (second >= 0))
    first, second = first[inside], second[inside]
    home = cells.home[inside] if cells.home.size else cells.home
    swapped = first > second
    if home.size:
        swapped &= home == 0
    won, lost = cells.wins_first[inside], cells.wins_second[inside]
    first, second = np.where(swapped, second, first), np.where(swapped, first, second)
    won, lost = np.where(swapped, lost, won), np.where(swapped, won, lost)
    order = np.lexsort([second, first] if not home.size else [home, second, first])
    return replace(
        cells,
        n_items=n_items,
        first=first[order],
        second=second[order],
        wins_first=won[order],
        wins_second=lost[order],
        ties=cells.ties[inside][order] if cells.ties.size else cells.ties,
        home=home[order] if home.size else home,
    )
