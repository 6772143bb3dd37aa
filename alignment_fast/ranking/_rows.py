"""Comparisons as they are given, one row each: read, checked, compressed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_parameter
from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.scalars import as_integer
from alignment_fast._border.status import check_status
from alignment_fast.kernels.ranking.structures import Cells, RowFault
from alignment_fast.ranking import _labels

# Without n_items, so many rows give a first guess at the number of items; a higher index later costs a second pass.
FIRST_ROWS = 1 << 16
LARGEST_SIZE = 2**31


class ItemIndexError(ValueError, IndexError):
    """An index is not that of an item."""


@dataclass(frozen=True)
class ParsedRows:
    """Rows whose lengths, types and labels are checked; `compressed` checks their values.

    Parameters
    ----------
    winner, loser : array (M,) of int32 or int64
        Indices.
    n_items : int or None
        Their number, where it is known.
    labels : tuple or None
        Names of the items.
    tied : array (M,) of bool, or None
        Whether the two tied.
    home : array (M,) of int8, or None
        1 where the winner was at home, -1 where the loser was, 0 on neutral ground.
    weight, outcome : array (M,), or None
        Both 1 where None.

    """

    winner: NDArray[Any]
    loser: NDArray[Any]
    n_items: int | None
    labels: tuple[Hashable, ...] | None
    tied: NDArray[np.bool_] | None
    home: NDArray[np.int8] | None
    weight: NDArray[np.float64] | None
    outcome: NDArray[np.float64] | None

    def compressed(self, ops: ModuleType, num_threads: int | None = None) -> Cells:
        """Return the cells, or raise for the first bad row."""
        check_num_threads(num_threads)
        if self.weight is None and self.outcome is None and self.home is None:
            small = small_cells(ops, self.winner, self.loser, self.n_items, self.tied)
            if small is not None:
                return small
        known = self.n_items is not None
        n_items = self.n_items if self.n_items is not None else self._guessed_n_items()
        cells, fault = self._attempt(ops, n_items, num_threads)
        if cells is None and not known:
            highest = max(int(self.winner.max()), int(self.loser.max()))
            if highest >= n_items:
                n_items = highest + 1
                cells, fault = self._attempt(ops, n_items, num_threads)
        if cells is None:
            self._refuse(fault, n_items)
        return cells

    def _attempt(self, ops: ModuleType, n_items: int, num_threads: int | None) -> Any:
        try:
            return ops.compress(
                self.winner,
                self.loser,
                n_items,
                kind=self._kinds(ops),
                ties=self.tied is not None,
                homes=self.home is not None,
                weight=self.weight,
                outcome=self.outcome,
                num_threads=num_threads,
            )
        except ValueError as error:
            if self.n_items is not None:
                raise
            raise ValueError(
                f"{error}: items are numbered from 0, and the highest number is {n_items - 1}. Where these numbers are "
                "names, give them as text, or number the items and give labels="
            ) from None

    def _kinds(self, ops: ModuleType) -> NDArray[np.uint8] | None:
        """Return tied + 2 home as the operations have it, or None."""
        if self.tied is None and self.home is None:
            return None
        kinds = np.zeros(len(self.winner), dtype=np.uint8)
        if self.tied is not None:
            kinds += self.tied.astype(np.uint8)
        if self.home is not None:
            codes = np.array([ops.LOSER_AT_HOME, ops.NEUTRAL, ops.WINNER_AT_HOME], dtype=np.uint8)
            kinds += 2 * codes[self.home + 1]
        return kinds

    def _guessed_n_items(self) -> int:
        return max(1, int(self.winner[:FIRST_ROWS].max()) + 1, int(self.loser[:FIRST_ROWS].max()) + 1)

    def _refuse(self, fault: RowFault, n_items: int) -> NoReturn:
        name, position = fault.argument, fault.position
        if name in ("winner", "loser"):
            index = int((self.winner if name == "winner" else self.loser)[position])
            reason = "negative" if index < 0 else f"not below the number of items, {n_items}"
            raise ItemIndexError(f"{name}[{position}] = {index} is {reason}")
        if name == "both":
            item = int(self.winner[position])
            named = f"item {item}" if self.labels is None else _labels.shown(self.labels[item])
            raise ValueError(f"winner[{position}] and loser[{position}] are both {named}: nothing is compared")
        if name == "weight":
            check_status(fault.word, "weight", self.weight)
        assert self.outcome is not None
        raise ValueError(f"outcome[{position}] = {self.outcome[position]:g} is not between 0 and 1")


def small_cells(
    ops: ModuleType, winner: Any, loser: Any, n_items: int | None, tied: Any, home: Any = None, weight: Any = None
) -> Cells | None:
    """Return the cells of few rows of indices, of whole weights, by one compiled call; None where it will not do."""
    found = ops.short_compress(winner, loser, n_items, tied, home, weight)
    return None if found is None else Cells(*found)


def parse(
    winner: Any,
    loser: Any,
    *,
    weight: Any,
    tied: Any,
    outcome: Any,
    home: Any,
    n_items: int | None,
    labels: Sequence[Hashable] | None,
) -> ParsedRows:
    """Return the `ParsedRows` of the arguments of `Comparisons`."""
    if tied is not None and outcome is not None:
        raise ValueError(
            "give tied or outcome, not both: an outcome of 0.5 shares the win, a tie is a result of its own"
        )
    names = None if labels is None else distinct(labels)
    winners, losers = _labels.as_column(winner, "winner"), _labels.as_column(loser, "loser")
    size = len(winners)
    if len(losers) != size:
        raise ValueError(f"lengths differ: winner has {size}, loser has {len(losers)}")
    sides = [("winner", winners), ("loser", losers)]
    if size == 0:
        raise ValueError("there are no comparisons: winner and loser are empty")
    if size >= LARGEST_SIZE:
        raise ValueError(f"{size} comparisons are too many at a time; add up several Comparisons with +")
    if all(_labels.is_index_column(column, name) for name, column in sides):
        indices = [_labels.as_indices(column, name) for name, column in sides]
        common = np.result_type(*indices)
        indices = [side.astype(common, copy=False) for side in indices]
    else:
        indices, names = _labels.unite(sides, names)
    total = number_of_items(n_items, names)
    ties = None if tied is None else _among(tied, "tied", (0, 1), size).astype(bool)
    homes = None if home is None else _among(home, "home", (-1, 0, 1), size)
    weights = None if weight is None else _reals(weight, "weight", size)
    outcomes = None if outcome is None else _reals(outcome, "outcome", size)
    return ParsedRows(indices[0], indices[1], total, names, ties, homes, weights, outcomes)


def distinct(labels: Sequence[Hashable]) -> tuple[Hashable, ...]:
    """Return labels as a tuple; one that occurs twice is a ValueError, one that is not hashable a TypeError."""
    names = tuple(labels.tolist() if isinstance(labels, np.ndarray) else labels)
    seen: set[Hashable] = set()
    for position, name in enumerate(names):
        _labels.check_hashable(name, f"labels[{position}]")
        if name in seen:
            raise ValueError(f"labels[{position}] = {_labels.shown(name)} occurs twice")
        seen.add(name)
    return names


def number_of_items(n_items: int | None, names: tuple[Hashable, ...] | None) -> int | None:
    """Return the number of items that is asked for, or that there are labels for, or None."""
    if n_items is None:
        return None if names is None else len(names)
    number = as_integer(n_items, "n_items")
    if not 1 <= number < 2**31:
        raise ValueError(f"n_items must be from 1 to 2^31 - 1, not {number}")
    if names is not None and number != len(names):
        raise ValueError(f"n_items = {number}, but there are {len(names)} labels")
    return number


def _reals(value: Any, name: str, size: int) -> NDArray[np.float64]:
    array = np.ascontiguousarray(as_parameter(value.to_numpy() if hasattr(value, "to_numpy") else value, name))
    if array.shape != (size,):
        raise ValueError(f"{name} must have one value for each of {size} comparisons; it has shape {array.shape}")
    return array


def _among(value: Any, name: str, allowed: tuple[int, ...], size: int) -> NDArray[np.int8]:
    array = _reals(value, name, size)
    wrong = np.flatnonzero(~np.logical_or.reduce([array == one for one in allowed]))
    if wrong.size:
        listed = ", ".join(map(str, allowed))
        raise ValueError(f"{name}[{wrong[0]}] = {array[wrong[0]]:g} is not one of {listed}")
    return array.astype(np.int8)
