"""Comparisons whose own outcomes decide how much fits vary: soft ones, weighted ones, and clusters of them.

Counts of hard outcomes say all there is to know: n wins are n independent outcomes. Ten comparisons of weight 2.5, or a
hundred that all give 0.6 of the win to one side, are not; their sums over a cell do not tell how far they spread. So
these comparisons are kept one by one, next to the cells, and so are those of clusters, whose outcomes may depend on
each other. The gradient of the log-likelihood is a sum of one term per comparison: over those of a cluster terms are
added up, and the sum of squares over clusters is the observed variance of the gradient.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking import _labels
from alignment_fast.ranking._rows import ParsedRows

Reals = NDArray[np.float64]
# Code of a comparison that is a cluster of its own.
ALONE = -1


@dataclass(frozen=True)
class Outcomes:
    """Comparisons one by one: their cell by its items and home side, and what they add to its counts.

    Parameters
    ----------
    first, second : array of int32 (M,)
        As in `Cells`.
    home : array of uint8 (M,)
        As in `Cells`, never empty.
    wins_first, wins_second, ties : array (M,)
        Weight of each result: of one comparison, whose win may be shared.
    cluster : array of int64 (M,)
        Number of the cluster, or `ALONE`.
    clusters : tuple
        Names of the clusters by number.
    cell : array (M,), optional
        The cell of each comparison, where pairs have more than one.

    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    home: NDArray[np.uint8]
    wins_first: Reals
    wins_second: Reals
    ties: Reals
    cluster: NDArray[np.int64]
    clusters: tuple[Hashable, ...] = ()
    cell: NDArray[np.intp] | None = None

    def take(self, index: NDArray[Any]) -> Outcomes:
        """Return the comparisons of an index or mask."""
        return Outcomes(**{name: getattr(self, name)[index] for name in ARRAYS}, clusters=self.clusters)

    def plus(self, other: Outcomes) -> Outcomes:
        """Return the comparisons of both; clusters of one name are one."""
        number = {name: code for code, name in enumerate(self.clusters)}
        codes = np.array([number.setdefault(name, len(number)) for name in other.clusters], dtype=np.int64)
        cluster = other.cluster.copy()
        cluster[cluster != ALONE] = codes[cluster[cluster != ALONE]]
        theirs = replace(other, cluster=cluster)
        joined = {name: np.concatenate([getattr(self, name), getattr(theirs, name)]) for name in ARRAYS}
        return Outcomes(**joined, clusters=tuple(number))

    def minus(self, other: Outcomes) -> Outcomes | None:
        """Return these comparisons without those of `other`, or None if some of them are not among these."""
        left: dict[Any, list[int]] = {}
        for position, key in enumerate(self._keys()):
            left.setdefault(key, []).append(position)
        kept = np.ones(len(self.first), dtype=bool)
        for key in other._keys():
            if not left.get(key):
                return None
            kept[left[key].pop()] = False
        return self.take(kept)

    def _keys(self) -> list[Any]:
        names = [None if code == ALONE else self.clusters[code] for code in self.cluster.tolist()]
        arrays: list[NDArray[Any]] = [self.first, self.second, self.home, self.wins_first, self.wins_second, self.ties]
        return list(zip(*(array.tolist() for array in arrays), names, strict=True))

    def renumbered(self, number: NDArray[np.int32]) -> Outcomes:
        """Return the comparisons between items whose new `number` is not negative."""
        first, second = number[self.first], number[self.second]
        inside = self.take((first >= 0) & (second >= 0))
        first, second = number[inside.first], number[inside.second]
        swapped = (first > second) & (inside.home == 0)
        return Outcomes(
            np.where(swapped, second, first),
            np.where(swapped, first, second),
            inside.home,
            np.where(swapped, inside.wins_second, inside.wins_first),
            np.where(swapped, inside.wins_first, inside.wins_second),
            inside.ties,
            inside.cluster,
            inside.clusters,
        )

    def cells_in(self, cells: Cells) -> NDArray[np.intp]:
        """Return the number of the cell of each comparison; cells ascend by (first, second, home)."""
        if self.cell is not None:
            return self.cell
        return places_in(cells, self.first, self.second, self.home)

    def groups(self) -> tuple[NDArray[np.intp], int]:
        """Return the number of each comparison's cluster, those alone counting as one each, and how many there are."""
        alone = self.cluster == ALONE
        _, group = np.unique(self.cluster[~alone], return_inverse=True)
        named = int(group.max()) + 1 if group.size else 0
        out = np.empty(len(self.cluster), dtype=np.intp)
        out[~alone], out[alone] = group, named + np.arange(int(alone.sum()))
        return out, named + int(alone.sum())


ARRAYS = ("first", "second", "home", "wins_first", "wins_second", "ties", "cluster")


def places_in(cells: Cells, first: NDArray[Any], second: NDArray[Any], home: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the numbers of the cells of pairs that have one; cells ascend by (first, second, home)."""

    def key(one: NDArray[Any], other: NDArray[Any], at_home: NDArray[np.uint8]) -> NDArray[np.int64]:
        return (one.astype(np.int64) * cells.n_items + other) * 2 + (at_home if at_home.size else 0)

    return np.searchsorted(key(cells.first, cells.second, cells.home), key(first, second, home))


def spread_over(cells: Cells, counted: Cells) -> Cells:
    """Return the counts of `counted` over all of `cells`, among which its own are."""
    place = places_in(cells, counted.first, counted.second, counted.home)

    def spread(counts: Reals, size: int) -> Reals:
        out = np.zeros(size)
        if counts.size:
            out[place] = counts
        return out

    count = len(cells.first)
    return replace(
        cells,
        wins_first=spread(counted.wins_first, count),
        wins_second=spread(counted.wins_second, count),
        ties=spread(counted.ties, cells.ties.size),
    )


def outcomes_of(rows: ParsedRows, cluster: Any) -> Outcomes | None:
    """Return the `Outcomes` of rows that have been checked, or None where counts say all: hard outcomes, whole weights.

    `cluster` is a column of names or numbers, or None.
    """
    weight, share = rows.weight, rows.outcome
    soft = share is not None and bool(((share > 0) & (share < 1)).any())
    whole = weight is None or bool((weight == np.round(weight)).all())
    if cluster is None and whole and not soft:
        return None
    size = len(rows.winner)
    weight = np.ones(size) if weight is None else weight
    share = np.ones(size) if share is None else share
    tied = np.zeros(size, dtype=bool) if rows.tied is None else rows.tied
    home = np.zeros(size, dtype=np.int8) if rows.home is None else rows.home
    won, lost = np.where(tied, 0.0, weight * share), np.where(tied, 0.0, weight * (1.0 - share))
    winner_first = np.where(home == 0, rows.winner < rows.loser, home == 1)
    codes, names = cluster_codes(cluster, size)
    found = Outcomes(
        np.where(winner_first, rows.winner, rows.loser).astype(np.int32),
        np.where(winner_first, rows.loser, rows.winner).astype(np.int32),
        np.abs(home).astype(np.uint8),
        np.where(winner_first, won, lost),
        np.where(winner_first, lost, won),
        np.where(tied, weight, 0.0),
        codes,
        names,
    )
    return found if (weight > 0).all() else found.take(weight > 0)


def cluster_codes(cluster: Any, size: int, name: str = "cluster") -> tuple[NDArray[np.int64], tuple[Hashable, ...]]:
    """Return the number of the cluster of each comparison, and the names of the clusters."""
    if cluster is None:
        return np.full(size, ALONE, dtype=np.int64), ()
    codes, names = _labels.encode(_labels.as_column(cluster, name), name, numbers=True)
    if len(codes) != size:
        raise ValueError(f"{name} must have one value for each of {size} comparisons; it has {len(codes)}")
    return codes.astype(np.int64), tuple(names)
