"""Cells put together, taken apart and renumbered: what changes of compressed comparisons come down to."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking._outcomes import Outcomes

COUNTS = ("wins_first", "wins_second", "ties")
# What subtracting a sum of weights from itself, added up in another order, may leave of it.
ROUNDING = 1e-12


class Content(NamedTuple):
    """What comparisons hold: cells of all of them, those known one by one, and counts of all others."""

    cells: Cells
    outcomes: Outcomes | None
    counted: Cells | None

    def merged(self, other, n_items, sign):
        """Return the content of both, or of these without those of `other`, which may leave deficits."""
        cells = add(self.cells, other.cells, n_items, sign)
        counted = self.counted
        if other.counted is not None:
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
        counted = None if self.counted is None else renumber(self.counted, number, n_items)
        return Content(renumber(self.cells, number, n_items), outcomes, counted)._without_nothing()

    def first_deficit(self):
        """Return the first two items of which fewer than no comparisons are left, or None."""
        for cells in (self.cells, self.counted):
            if cells is not None:
                least = np.minimum(np.minimum(cells.wins_first, cells.wins_second), _filled(cells, "ties"))
                found = np.flatnonzero(least < 0)
                if found.size:
                    return int(cells.first[found[0]]), int(cells.second[found[0]])
        return None


def none(n_items):
    """Return no cells."""
    return Cells(n_items, np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0))


def add(a, b, n_items, sign=1.0):
    """Return the cells of a + sign b; counts that rounding alone keeps from 0 are 0, true deficits are negative."""
    parts = {
        "first": np.concatenate([a.first, b.first]),
        "second": np.concatenate([a.second, b.second]),
        "home": np.concatenate([_filled(a, "home", np.uint8), _filled(b, "home", np.uint8)]),
    }
    key = (parts["first"].astype(np.int64) * n_items + parts["second"]) * 2 + parts["home"]
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    merged = {name: array[order][starts] for name, array in parts.items()}
    for name in COUNTS:
        mine, other = _filled(a, name), _filled(b, name)
        signed = np.concatenate([mine, sign * other])[order]
        total = np.add.reduceat(signed, starts)
        size = np.add.reduceat(np.abs(signed), starts)
        merged[name] = np.where(np.abs(total) <= ROUNDING * size, 0.0, total)
    kept = (merged["wins_first"] != 0.0) | (merged["wins_second"] != 0.0) | (merged["ties"] != 0.0)
    if not (a.ties.size or b.ties.size):
        del merged["ties"]
    if not (a.home.size or b.home.size):
        del merged["home"]
    return Cells(n_items, **{name: array[kept] for name, array in merged.items()})


def _filled(cells, name, dtype=np.float64):
    array = getattr(cells, name)
    return array if array.size else np.zeros(len(cells.first), dtype=dtype)


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
