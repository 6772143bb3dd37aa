"""Comparisons as they are given, one row each: read, checked, compressed."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_parameter
from alignment_fast.errors import check_status
from alignment_fast.kernels.common import status
from alignment_fast.kernels.ranking import compress as kernel
from alignment_fast.kernels.ranking.cells import Cells
from alignment_fast.ranking import _labels

# Without n_items, this many rows say how many items there probably are; a later, higher index costs a second pass.
GLANCE = 1 << 16
LARGEST_SIZE = 2**31
HOME_CODES = np.array([kernel.LOSER_AT_HOME, kernel.NEUTRAL, kernel.WINNER_AT_HOME], dtype=np.uint8)


class ItemIndexError(ValueError, IndexError):
    """An index is not that of an item."""


@dataclass(frozen=True)
class Rows:
    """Rows whose lengths, types and labels are checked; `compressed` checks their values.

    Parameters
    ----------
    winner, loser : array (M,) of int32 or int64
        Indices.
    n_items : int or None
        Their number, where it is known.
    labels : tuple or None
        Names of the items.
    kind : array (M,) of uint8, or None
        tied + 2 home, as the kernel has it.
    ties, homes : bool
        Whether there may be any.
    weight, outcome : array (M,), or None
        Both 1 where None.

    """

    winner: NDArray[Any]
    loser: NDArray[Any]
    n_items: int | None
    labels: tuple[Hashable, ...] | None
    kind: NDArray[np.uint8] | None
    ties: bool
    homes: bool
    weight: NDArray[np.float64] | None
    outcome: NDArray[np.float64] | None

    def compressed(self, num_threads: int | None = None) -> Cells:
        """Return the cells, or raise for the first bad row."""
        known = self.n_items is not None
        n_items = self.n_items if self.n_items is not None else self._glance()
        cells, words = self._attempt(n_items, num_threads)
        if cells is None and not known:
            highest = max(int(self.winner.max()), int(self.loser.max()))
            if highest >= n_items:
                n_items = highest + 1
                cells, words = self._attempt(n_items, num_threads)
        if cells is None:
            self._refuse(words, n_items)
        return cells

    def _attempt(self, n_items: int, num_threads: int | None) -> Any:
        return kernel.compress(
            self.winner,
            self.loser,
            n_items,
            kind=self.kind,
            ties=self.ties,
            homes=self.homes,
            weight=self.weight,
            outcome=self.outcome,
            num_threads=num_threads,
        )

    def _glance(self) -> int:
        return max(1, int(self.winner[:GLANCE].max()) + 1, int(self.loser[:GLANCE].max()) + 1)

    def _refuse(self, words: NDArray[np.uint64], n_items: int) -> None:
        for name, side, word in (("winner", self.winner, words[0]), ("loser", self.loser, words[1])):
            if word != status.OK:
                position, _ = status.decode(word)
                index = int(side[position])
                reason = "negative" if index < 0 else f"not below the number of items, {n_items}"
                raise ItemIndexError(f"{name}[{position}] = {index} is {reason}")
        if words[kernel.SELF] != status.OK:
            position, _ = status.decode(words[kernel.SELF])
            item = int(self.winner[position])
            named = f"item {item}" if self.labels is None else repr(self.labels[item])
            raise ValueError(f"winner[{position}] and loser[{position}] are both {named}: nothing is compared")
        if self.weight is not None:
            check_status(words[kernel.WEIGHT], "weight", self.weight)
        if self.outcome is not None and words[kernel.OUTCOME] != status.OK:
            position, _ = status.decode(words[kernel.OUTCOME])
            raise ValueError(f"outcome[{position}] = {self.outcome[position]:g} is not between 0 and 1")


def parse(
    winner: Any,
    loser: Any,
    weight: Any,
    tied: Any,
    outcome: Any,
    home: Any,
    n_items: int | None,
    labels: Sequence[Hashable] | None,
) -> Rows:
    """Return the `Rows` of the arguments of `Comparisons`."""
    if tied is not None and outcome is not None:
        raise ValueError(
            "give tied or outcome, not both: an outcome of 0.5 shares the win, a tie is a result of its own"
        )
    names = None if labels is None else distinct(labels)
    sides = [("winner", _labels.as_column(winner, "winner")), ("loser", _labels.as_column(loser, "loser"))]
    if len({len(column) for _, column in sides}) > 1:
        raise ValueError(f"lengths differ: winner has {len(sides[0][1])}, loser has {len(sides[1][1])}")
    size = len(sides[0][1])
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
    kind = _kinds(tied, home, size)
    weights = None if weight is None else _reals(weight, "weight", size)
    outcomes = None if outcome is None else _reals(outcome, "outcome", size)
    homes = home is not None
    return Rows(indices[0], indices[1], total, names, kind, tied is not None, homes, weights, outcomes)


def distinct(labels: Sequence[Hashable]) -> tuple[Hashable, ...]:
    """Return labels as a tuple; one that occurs twice is a ValueError."""
    names = tuple(labels.tolist() if isinstance(labels, np.ndarray) else labels)
    seen: set[Hashable] = set()
    for position, name in enumerate(names):
        if name in seen:
            raise ValueError(f"labels[{position}] = {name!r} occurs twice")
        seen.add(name)
    return names


def number_of_items(n_items: int | None, names: tuple[Hashable, ...] | None) -> int | None:
    """Return the number of items that is asked for, or that there are labels for, or None."""
    if n_items is None:
        return None if names is None else len(names)
    number = operator.index(n_items)
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


def _kinds(tied: Any, home: Any, size: int) -> NDArray[np.uint8] | None:
    """Return tied + 2 home for the kernel, or None."""
    if tied is None and home is None:
        return None
    kinds = np.zeros(size, dtype=np.uint8)
    if tied is not None:
        kinds += _among(tied, "tied", (0, 1), size).astype(np.uint8)
    if home is not None:
        kinds += 2 * HOME_CODES[_among(home, "home", (-1, 0, 1), size) + 1]
    return kinds


def _among(value: Any, name: str, allowed: tuple[int, ...], size: int) -> NDArray[np.int8]:
    array = _reals(value, name, size)
    wrong = np.flatnonzero(~np.isin(array, allowed))
    if wrong.size:
        listed = ", ".join(map(str, allowed))
        raise ValueError(f"{name}[{wrong[0]}] = {array[wrong[0]]:g} is not one of {listed}")
    return array.astype(np.int8)
