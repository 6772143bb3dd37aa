"""Cells put together, taken apart and renumbered: what changes of compressed comparisons come down to."""

from dataclasses import replace

import numpy as np

from alignment_fast.kernels.ranking.structures import Cells

COUNTS = ("wins_first", "wins_second", "ties")
# What subtracting a sum of weights from itself, added up in another order, may leave of it.
ROUNDING = 1e-12


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
