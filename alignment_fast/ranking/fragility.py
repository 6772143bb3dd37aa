"""How few votes hold an order: the fewest whose removal turns it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.words import as_word, shown
from alignment_fast._operations import operations
from alignment_fast.ranking._fragility_bound import least_removal
from alignment_fast.ranking._removal import Removals, Rest
from alignment_fast.ranking.comparisons import Comparisons, check_comparisons
from alignment_fast.ranking.fit import check_existence, specify

__all__ = ["Fragility", "RemovedVotes", "fragility"]

Reals = NDArray[np.float64]
KINDS = ("votes", "voters", "tasks")
# Scores that differ by less are equal.
EQUAL = 1e-9
# Challengers whose removals are sought, rounds of influences, and sets that are tried one by one to close a gap.
CHALLENGERS, ROUNDS, MOST_TRIED = 8, 3, 2000


class RemovedVotes(NamedTuple):
    """Votes of one kind that go: who won, who lost, whether they tied instead, and their weight: their number."""

    winner: Hashable
    loser: Hashable
    tied: bool
    weight: float


@dataclass(frozen=True, eq=False)
class Fragility:
    """The fewest votes found whose removal turns an order, and how few they can be at all.

    Attributes
    ----------
    removed : int or None
        Number of votes, or of voters or tasks. 0 where the order does not hold anyway; None where none was found.
    share : float
        The same as a share of all; NaN where none was found.
    lower_bound : int
        Removing fewer turns nothing, that is certain. Where it is `removed`, that is the fewest.
    cells : tuple of RemovedVotes
        What goes, most votes first.
    scores : array (K,)
        Scores of what is left.
    challenger : label or int, or None
        Who is then ahead.
    names : tuple
        Voters or tasks that go.

    """

    removed: int | None
    share: float
    lower_bound: int
    cells: tuple[RemovedVotes, ...]
    scores: NDArray[np.float64]
    challenger: Hashable
    names: tuple[Hashable, ...]

    def __repr__(self) -> str:
        if self.removed is None:
            return f"Fragility(no removal found, lower_bound={self.lower_bound})"
        return (
            f"Fragility(removed={self.removed}, share={self.share:.4g}, lower_bound={self.lower_bound}, "
            f"challenger={self.challenger!r})"
        )


def fragility(comparisons: Comparisons, target: tuple[Any, ...] = ("top",), *, kind: str = "votes") -> Fragility:
    r"""Return the fewest votes whose removal turns an order of Bradley-Terry scores.

    .. math:: \min_{x \le n} \sum_u x_u \quad \text{such that} \quad θ_i(n - x) < θ_j(n - x)

    Parameters
    ----------
    comparisons : Comparisons
        Votes; a tie is half a win for each. For voters and tasks they need ``cluster=``: who gave each, or on what.
    target : ("top",) or ("order", i, j)
        That the best item stays the best; or that i, which is ahead of j, stays ahead.
    kind : {"votes", "voters", "tasks"}
        What is removed: votes one by one, or all votes of a cluster together.

    Returns
    -------
    Fragility
        The removal that was found, and a lower bound that is certain.

    Raises
    ------
    ValueError
        If the comparisons fall into components, `target` or `kind` is none, an item is unknown, i is not ahead of j, or
        clusters are not known.
    ConvergenceError
        If the scores of all votes are not finite.

    Notes
    -----
    Votes go by their influence, to first order, on the lead of one challenger after another; then by that at the scores
    which are left, a few times over; each set is fitted, and the fewest that turn the order are kept. Where the sets of
    fewer votes are few, all of them are fitted. The lower bound follows from how much likelihood a draw costs, and how
    much one vote can give; it may be well below what is found, and is exact where all sets were tried.
    Cost: that of some 100 fits which start near their maximum; for 1e6 votes on 100 items about 0.1 s.

    References
    ----------
    Broderick, Giordano and Meager, arXiv:2011.14999 (2020). Huang, Shen, Wei and Broderick, arXiv:2508.11847 (2025).

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons.from_matrix([[0, 9, 7], [6, 0, 8], [4, 5, 0]], labels=["a", "b", "c"])
    >>> found = af.ranking.fragility(votes)
    >>> found
    Fragility(removed=4, share=0.1026, lower_bound=4, challenger='b')
    >>> found.cells
    (RemovedVotes(winner='a', loser='b', tied=False, weight=4.0),)

    """
    check_comparisons(comparisons)
    as_word(kind, "kind", KINDS)
    check_existence(comparisons, specify("bradley-terry", l2=0.0, gamma_shape=1.0, home=False))
    removals = Removals(operations("ranking"), comparisons, kind)
    item, others = _target(comparisons, target, removals.start.scores)
    search = Search(removals, item, others)
    if search.turned(removals.start):
        return _result(comparisons, search, np.zeros(len(removals.units.count)), 0)
    found = search.fewest()
    least = least_removal(removals, item, others)
    taken, least = search.closed(found, least)
    return _result(comparisons, search, taken, least)


def _target(comparisons: Comparisons, target: tuple[Any, ...], scores: Reals) -> tuple[int, NDArray[np.intp]]:
    """Return the item that is to stay ahead, and those of whom."""
    kind = target[0] if isinstance(target, tuple) and target and isinstance(target[0], str) else None
    if kind == "top" and len(target) == 1:
        best = int(scores.argmax())
        return best, np.delete(np.arange(len(scores)), best)
    if kind != "order" or len(target) != 3:
        raise ValueError(f"target must be ('top',) or ('order', i, j), not {shown(target)}")
    one, other = comparisons.index(target[1]), comparisons.index(target[2])
    if not scores[one] - scores[other] > EQUAL:
        raise ValueError(f"target: {target[1]!r} is not ahead of {target[2]!r}")
    return one, np.array([other])


class Search:
    """The search for a small removal after which `item` is no more ahead of all `others`."""

    def __init__(self, removals: Removals, item: int, others: NDArray[np.intp]) -> None:
        self.removals, self.item, self.others = removals, item, others
        self.count = removals.units.count

    def lead(self, rest: Rest) -> float:
        """Return the least lead over others."""
        return float(rest.lead(self.item, self.others).min()) if len(self.others) else np.inf

    def turned(self, rest: Rest) -> bool:
        """Return whether somebody is ahead."""
        return self.lead(rest) < -EQUAL

    def fewest(self) -> Reals | None:
        """Return how many of each unit go in the smallest removal found, or None."""
        best: Reals | None = None
        for challenger, guess, influence in self._challengers():
            if best is not None and guess > 1.5 * best.sum():
                continue
            for _ in range(ROUNDS):
                taken = self._along(influence, None if best is None else int(best.sum()))
                if taken is None:
                    break
                improved = best is None or taken.sum() < best.sum()
                best = taken if improved else best
                if not improved:
                    break
                influence = self.removals.without(taken).influence(self.removals.units, self.item, challenger)
        return best

    def _challengers(self) -> list[tuple[int, float, Reals]]:
        """Return the challengers that are nearest by their influences: who, how many units, influences."""
        start, units = self.removals.start, self.removals.units
        lead = start.lead(self.item, self.others)
        near = np.argsort(lead, kind="stable")[: 2 * CHALLENGERS]
        found = []
        for place in near.tolist():
            influence = start.influence(units, self.item, int(self.others[place]))
            order = np.argsort(-influence, kind="stable")
            gain = np.cumsum(np.maximum(influence[order], 0.0) * self.count[order])
            reached = int(np.searchsorted(gain, lead[place]))
            guess = float(self.count[order[: reached + 1]].sum()) if reached < len(gain) else np.inf
            found.append((int(self.others[place]), guess, influence))
        return sorted(found, key=lambda entry: entry[1])[:CHALLENGERS]

    def _along(self, influence: Reals, most: int | None) -> Reals | None:
        """Return the fewest units in the order of their influence that turn it, fewer than `most`; None for none."""
        order = np.argsort(-influence, kind="stable")
        order = order[influence[order] > 0]
        before = np.cumsum(self.count[order]) - self.count[order]
        total = int(self.count[order].sum())

        def taken(number: int) -> Reals:
            out = np.zeros(len(self.count))
            out[order] = np.clip(number - before, 0.0, self.count[order])
            return out

        lead = self.lead(self.removals.start)
        gain = np.cumsum(influence[order] * self.count[order])
        low, low_lead = 0, lead
        high = total if most is None else min(total, most - 1)
        if high < 1:
            return None
        guess = high
        if (place := int(np.searchsorted(gain, lead))) < len(order):
            reached = gain[place - 1] if place else 0.0
            guess = int(before[place] + math.ceil((lead - reached) / influence[order[place]]))
        turned_at: int | None = None
        high_lead = -np.inf
        while turned_at is None or turned_at - low > 1:
            top = high if turned_at is None else turned_at - 1
            guess = min(max(guess, low + 1), top)
            there = self.lead(self.removals.without(taken(guess)))
            if there < -EQUAL:
                turned_at, high_lead = guess, there
            else:
                if guess == high and turned_at is None:
                    return None
                low, low_lead = guess, there
            if turned_at is None:
                rise = lead - low_lead
                guess = math.ceil(low * lead / rise) + 1 if 0 < rise < np.inf else 2 * low
            else:
                share = low_lead / (low_lead - high_lead) if np.isfinite(low_lead) else 0.5
                step = math.ceil(share * (turned_at - low))
                guess = low + min(max(step, 1), turned_at - low - 1)
        return taken(turned_at)

    def closed(self, found: Reals | None, least: int) -> tuple[Reals | None, int]:
        """Return the removal and its bound, after all sets between them have been tried, as long as these are few."""
        units = len(self.count)
        most = units + 1 if found is None else int(found.sum())
        size = least
        while size < most and math.comb(units + size - 1, size) <= MOST_TRIED:
            for taken in self._sets(size):
                if self.turned(self.removals.without(taken)):
                    return taken, size
            size += 1
        return found, min(size, most) if found is not None else size

    def _sets(self, size: int) -> Iterator[Reals]:
        """Yield all removals of so many units."""
        for chosen in itertools.combinations_with_replacement(range(len(self.count)), size):
            taken = np.bincount(chosen, minlength=len(self.count)).astype(np.float64)
            if (taken <= self.count).all():
                yield taken


def _result(comparisons: Comparisons, search: Search, taken: Reals | None, least: int) -> Fragility:
    removals = search.removals
    if taken is None:
        return Fragility(None, np.nan, least, (), removals.start.scores, None, ())
    rest = removals.without(taken) if taken.any() else removals.start
    ahead = int(search.others[rest.lead(search.item, search.others).argmin()]) if len(search.others) else search.item
    labels = comparisons.labels
    number = round(float(taken.sum()))
    return Fragility(
        number,
        number / float(search.count.sum()),
        min(least, number),
        _cells(comparisons, removals, taken),
        rest.scores - rest.scores.mean(),
        ahead if labels is None else labels[ahead],
        tuple(removals.units.names[unit] for unit in np.flatnonzero(taken)) if removals.units.names else (),
    )


def _cells(comparisons: Comparisons, removals: Removals, taken: Reals) -> tuple[RemovedVotes, ...]:
    """Return what is gone of each cell and result, most votes first."""
    units, cells = removals.units, removals.cells
    names = comparisons.labels or range(cells.n_items)
    times = taken[units.unit]
    found = []
    for result in ("wins_first", "wins_second", "ties"):
        gone = np.bincount(units.cell, times * getattr(units, result), len(cells.first))
        winner, loser = (cells.second, cells.first) if result == "wins_second" else (cells.first, cells.second)
        found += [
            RemovedVotes(names[winner[cell]], names[loser[cell]], result == "ties", float(gone[cell]))
            for cell in np.flatnonzero(gone).tolist()
        ]
    return tuple(sorted(found, key=lambda votes: -votes.weight))
