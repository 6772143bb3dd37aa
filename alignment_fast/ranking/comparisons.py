"""Comparisons, checked once and compressed once: who beat whom, and how often."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_array, as_parameter
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.words import shown
from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking import _graph as graph
from alignment_fast.ranking import _labels
from alignment_fast.ranking import _merge as merge
from alignment_fast.ranking._outcomes import Outcomes, outcomes_of
from alignment_fast.ranking._rows import ItemIndexError, distinct, parse, small_cells
from alignment_fast.ranking.existence import Existence, existence_of

__all__ = ["Comparisons", "ItemIndexError"]


class Comparisons:
    """Comparisons of pairs of items, compressed to one cell per pair that met.

    Parameters
    ----------
    winner, loser : array (M,) of integers or labels
        Items of each comparison. Integers are indices from 0; anything else, text above all, is a label. Columns of
        pandas, polars and pyarrow are read as they are. Where a comparison was tied, or its win is shared, the two
        names mean nothing more than one side and the other.
    weight : array (M,), optional
        How much each comparison counts, finite and at least 0; comparisons of weight 0 are left out. Default: 1. Where
        all weights are whole numbers and no win is shared, they are counts: weight 3 is three comparisons. Otherwise
        each row is one comparison, whose outcome counts that much, which sandwich errors and bootstraps know.
    tied : array (M,) of bool, optional
        True where the two tied.
    outcome : array (M,), optional
        Soft outcome in [0, 1]: the share of the win that goes to `winner`; the rest goes to `loser`. Not together
        with `tied`.
    home : array (M,) of integers, optional
        1 where `winner` was at home (or was shown first), -1 where `loser` was, 0 on neutral ground. Comparisons of
        one pair are then kept apart by who was at home, for models with a home advantage.
    cluster : array (M,) of labels or numbers, optional
        Who gave the outcome, or what else makes outcomes depend on each other, such as the prompt: sandwich errors and
        bootstraps take clusters, not comparisons, as independent. Clusters of the same name stay one in sums.
    n_items : int, optional
        Number of items. Default: the number of labels, or one more than the highest index.
    labels : sequence, optional
        Names of the items, in the order of their indices. Default: the labels found, ascending; or, for indices, None.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Attributes
    ----------
    cells : Cells
        What the fits read: one cell per pair that met, and per home side where there are any, ascending by (first,
        second, home), with the total weight of each result.
    labels : tuple or None
        Names of the items.

    Raises
    ------
    ItemIndexError
        If an index is negative or not below `n_items`; a ValueError and an IndexError.
    ValueError
        If there are no comparisons, an item is compared with itself, a weight is NaN, negative or infinite, an
        outcome is not in [0, 1], a label is missing or unknown, or lengths differ. The message names the argument,
        the value and its position.
    TypeError
        If items are floats or truth values.

    Notes
    -----
    Accuracy: counts are exact; weights of a cell are added in the order of the comparisons, so the result has the same
    bits however it is computed. Cost: one pass, about 1 ns for each comparison of a hundred items; with tens of
    thousands of items a radix sort, 20 to 60 ns, and about 32 bytes of memory per comparison, result included.
    Labels cost 10 to 100 ns more for each. At most 2^31 comparisons at a time: larger sets are summed by ``+``.

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons(["a", "b", "a", "c"], ["b", "a", "c", "b"], tied=[False, False, True, False])
    >>> votes
    Comparisons(n_items=3, pairs=3, weight=4)
    >>> votes.labels
    ('a', 'b', 'c')
    >>> wins, ties = votes.to_matrix()
    >>> wins
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.]])

    """

    cells: Cells
    labels: tuple[Hashable, ...] | None

    def __init__(
        self,
        winner: Any,
        loser: Any,
        *,
        weight: Any = None,
        tied: Any = None,
        outcome: Any = None,
        home: Any = None,
        cluster: Any = None,
        n_items: int | None = None,
        labels: Sequence[Hashable] | None = None,
        num_threads: int | None = None,
    ) -> None:
        ops = operations("ranking")
        if outcome is None and cluster is None and labels is None and num_threads is None:
            small = small_cells(ops, winner, loser, n_items, tied, home, weight)
            if small is not None:
                self._set(small, None, None, small)
                return
            plain = n_items is None and weight is None and home is None
            named = ops.short_names(winner, loser, tied) if plain else None
            if named is not None:
                self._set_named(named)
                return
        rows = parse(
            winner, loser, weight=weight, tied=tied, outcome=outcome, home=home, n_items=n_items, labels=labels
        )
        cells = rows.compressed(ops, num_threads)
        self._fill(cells, rows.labels, outcomes_of(rows, cluster))

    def _fill(
        self,
        cells: Cells,
        labels: tuple[Hashable, ...] | None,
        outcomes: Outcomes | None = None,
        counted: Cells | None = None,
    ) -> None:
        if not len(cells.first):
            raise ValueError("there are no comparisons: all of them have weight 0")
        with np.errstate(over="ignore"):
            total = cells.wins_first.sum() + cells.wins_second.sum() + cells.ties.sum()
        if total == np.inf:
            raise ValueError("the weights of all comparisons add up to more than the largest double")
        # Comparisons that are known one by one, and counts of all others.
        self._set(cells, labels, outcomes, cells if outcomes is None else counted)

    def _set(
        self,
        cells: Cells,
        labels: tuple[Hashable, ...] | None,
        outcomes: Outcomes | None,
        counted: Cells | None,
    ) -> None:
        """Set what comparisons are made of; the arrays of their cells cannot be written to from now on."""
        for array in vars(cells).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)
        self.cells, self.labels = cells, labels
        self._outcomes, self._counted = outcomes, counted

    def _set_named(self, named: tuple[Any, ...]) -> None:
        """Set what `short_names` found."""
        names, *arrays = named
        cells = Cells(*arrays)
        self._set(cells, names, None, cells)

    @classmethod
    def _of(
        cls,
        cells: Cells,
        labels: tuple[Hashable, ...] | None,
        outcomes: Outcomes | None = None,
        counted: Cells | None = None,
    ) -> Self:
        comparisons = cls.__new__(cls)
        comparisons._fill(cells, labels, outcomes, counted)
        return comparisons

    @classmethod
    def from_matrix(cls, wins: Any, ties: Any = None, *, labels: Sequence[Hashable] | None = None) -> Self:
        """Return the comparisons behind a matrix of wins.

        Parameters
        ----------
        wins : array (K, K) or SciPy sparse array
            ``wins[i, j]``: how often (or with what weight) item i beat item j. The diagonal is zero.
        ties : array (K, K), optional
            Symmetric: ``ties[i, j] = ties[j, i]`` is how often items i and j tied.
        labels : sequence, optional
            Names of the K items.

        Raises
        ------
        ValueError
            If a matrix is not square, has a NaN, negative or infinite entry or one on its diagonal, `ties` is not
            symmetric, or nothing was compared.

        Examples
        --------
        >>> import alignment_fast as af
        >>> af.ranking.Comparisons.from_matrix([[0, 3], [1, 0]], labels=["new", "old"])
        Comparisons(n_items=2, pairs=1, weight=4)

        """
        small = _dense_cells(wins, ties)
        if small is not None and (labels is None or len(labels) == small.n_items):
            comparisons = cls.__new__(cls)
            comparisons._set(small, None if labels is None else distinct(labels), None, small)
            return comparisons
        won = _matrix(wins, "wins")
        n_items = won.size
        tied = None if ties is None else _matrix(ties, "ties")
        if tied is not None and tied.size != n_items:
            raise ValueError(f"ties has {tied.size} rows, wins has {n_items}")
        names = None if labels is None else distinct(labels)
        if names is not None and len(names) != n_items:
            raise ValueError(f"labels has {len(names)} names for {n_items} items")
        first, second, weight = won.row, won.column, won.value
        kind = None
        if tied is not None:
            _check_symmetric(tied)
            upper = tied.row < tied.column
            first, second = np.concatenate([first, tied.row[upper]]), np.concatenate([second, tied.column[upper]])
            kind = np.concatenate([np.zeros(len(weight), np.uint8), np.ones(int(upper.sum()), np.uint8)])
            weight = np.concatenate([weight, tied.value[upper]])
        if not len(weight):
            raise ValueError("there are no comparisons: wins is all zero")
        compress = operations("ranking").compress
        cells, _ = compress(first, second, n_items, kind=kind, ties=kind is not None, weight=weight)
        return cls._of(cells, names)

    @classmethod
    def from_frame(
        cls,
        df: Any,
        *,
        labels: Sequence[Hashable] | None = None,
        home: bool = False,
        outcomes: Mapping[Hashable, Any] | None = None,
        **columns: str,
    ) -> Self:
        """Return the comparisons in a table of votes: a pandas, polars or pyarrow frame, or a mapping of columns.

        Parameters
        ----------
        df : DataFrame, Table or mapping of str to array
            One row per vote: winner and loser, perhaps whether they tied; or two sides and an outcome; or two sides and
            how often either won, and how often they tied. Perhaps a weight.
        labels : sequence, optional
            Names of the items in the order of their indices. Default: those found, ascending. Numbers are names, too,
            unless they are all the numbers from 0 on.
        home : bool
            Whether the first side was at home (or shown first).
        outcomes : mapping, optional
            What each word of the outcomes stands for: ``"first"``, ``"second"``, ``"tie"``, or the share of the win
            that goes to the first side. Default: what is known of such columns, see the notes.
        **columns : str
            Names of columns by role: winner, loser, tied, first, second, outcome, wins_first, wins_second, ties,
            weight. What is not named is guessed (``model_a``, ``model_b`` and ``winner``, say).

        Raises
        ------
        ValueError
            If a column does not exist, nothing fits, or a row means nothing; and as `Comparisons`.
        TypeError
            If a role does not exist.

        Notes
        -----
        The column of outcomes is read as a whole. Where each names one of the two items of its row, or begins with
        ``tie``, ``draw``, ``both``, ..., the winner is named. Else all belong to one code: a side (the name of its
        column, ``left``, ``model_a``, ...); ``A>B``; a score such as ``1-0``; H/D/A; 1/X/2; −1/0/1; a number from 0
        to 1, the share of the win that goes to the first side, where 0.5 is a tie; a number from 1, the first, to 2,
        the second; whether the first won. A column that fits two codes with different meanings is an error.

        Examples
        --------
        >>> import alignment_fast as af
        >>> votes = {"model_a": ["x", "y", "x"], "model_b": ["y", "z", "z"], "winner": ["model_a", "tie", "model_b"]}
        >>> af.ranking.Comparisons.from_frame(votes)
        Comparisons(n_items=3, pairs=3, weight=3)

        """
        from alignment_fast.ranking import votes

        home = as_flag(home, "home")
        names = getattr(df, "column_names", getattr(df, "columns", None))
        if names is None and not hasattr(df, "keys"):
            raise TypeError(f"df must be a table with named columns, not {shown(df)}")
        layout = votes.layout_of(tuple(df.keys() if names is None else names), columns)
        twice = [name for name in layout.given.values() if names is not None and list(names).count(name) > 1]
        if twice:
            raise ValueError(f"the table has more than one column {twice[0]!r}")
        if labels is None and not home and layout.given.keys() == {"winner", "loser"}:
            named = operations("ranking").short_names(df[layout.winner], df[layout.loser], None)
            if named is not None:
                comparisons = cls.__new__(cls)
                comparisons._set_named(named)
                return comparisons
        cells = {role: _labels.as_column(df[name], name) for role, name in layout.given.items()}
        sides = [(layout.given[role], cells[role]) for role in layout.sides]
        if all(_labels.is_index_column(column, name) for name, column in sides) and labels is None:
            (one, other), found = _labels.number_names(sides)
        else:
            (one, other), found = _labels.unite(sides, None if labels is None else distinct(labels))
        weight = cells.get("weight")
        if layout.winner:
            arguments: dict[str, Any] = {"winner": one, "loser": other, "tied": cells.get("tied"), "weight": weight}
            at_home = np.ones(len(one), dtype=np.int8)
        elif layout.wins_first:
            counts = [_labels.as_numbers(cells[role], layout.given[role]) for role in ("wins_first", "wins_second")]
            ties = _labels.as_numbers(cells["ties"], str(layout.ties)) if layout.ties else None
            arguments = votes.arguments_of_counts(one, other, counts, ties)
            at_home = np.where(np.tile(one, len(arguments["winner"]) // len(one)) == arguments["winner"], 1, -1)
        else:
            codes, words = _labels.encode(cells["outcome"], str(layout.outcome), numbers=True)
            columns_of_sides = (str(layout.first), str(layout.second))
            named = range(1 + int(max(one.max(initial=-1), other.max(initial=-1)))) if found is None else found
            shares = votes.shares_of(codes, words, one, other, named, sides=columns_of_sides, meanings=outcomes)
            arguments = votes.arguments_of_shares(shares, one, other, weight)
            at_home = np.where(arguments["winner"] == one, 1, -1)
        return cls(**arguments, home=at_home if home else None, labels=found)

    @property
    def _content(self) -> merge.Content:
        return merge.Content(self.cells, self._outcomes, self._counted)

    @property
    def n_items(self) -> int:
        """Number of items, whether they met anybody or not."""
        return self.cells.n_items

    @property
    def weight(self) -> float:
        """Total weight of all comparisons: their number where each counts one."""
        cells = self.cells
        return float(cells.wins_first.sum() + cells.wins_second.sum() + cells.ties.sum())

    def __repr__(self) -> str:
        return f"Comparisons(n_items={self.n_items}, pairs={len(self.cells.first)}, weight={self.weight:.12g})"

    def index(self, item: Hashable) -> int:
        """Return the index of an item from its label; where labels are no numbers, `item` may be the index itself."""
        _labels.check_hashable(item, "item")
        if self.labels is not None and item in self._numbers:
            return self._numbers[item]
        try:
            number = operator.index(item)  # type: ignore[arg-type]
        except TypeError:
            raise ValueError(f"{_labels.shown(item)} is not one of the {self.n_items} items") from None
        if self._has_number_labels:
            raise ItemIndexError(f"{number} is not one of the {self.n_items} items, whose names are numbers")
        if not 0 <= number < self.n_items:
            raise ItemIndexError(f"{number} is not the index of one of {self.n_items} items")
        return number

    def indices(self, items: Any) -> NDArray[np.intp]:
        """Return the indices of an array of labels; integers are indices already, unless labels are numbers."""
        array = as_array(items, "items")
        if array.dtype.kind not in "iu" or self._has_number_labels:
            return np.array([self.index(item) for item in array.ravel().tolist()], dtype=np.intp).reshape(array.shape)
        outside = array[(array < 0) | (array >= self.n_items)]
        if outside.size:
            raise ItemIndexError(f"{outside[0]} is not the index of one of {self.n_items} items")
        return array.astype(np.intp, copy=False)

    @cached_property
    def _has_number_labels(self) -> bool:
        return any(isinstance(label, int | np.integer) for label in self.labels or ())

    @cached_property
    def _numbers(self) -> dict[Hashable, int]:
        return {label: number for number, label in enumerate(self.labels or ())}

    def to_matrix(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (wins, ties), arrays (K, K): wins[i, j] of i over j, and symmetric ties; home sides are forgotten."""
        cells, shape = self.cells, (self.n_items, self.n_items)
        wins, ties = np.zeros(shape), np.zeros(shape)
        np.add.at(wins, (cells.first, cells.second), cells.wins_first)
        np.add.at(wins, (cells.second, cells.first), cells.wins_second)
        if cells.ties.size:
            np.add.at(ties, (cells.first, cells.second), cells.ties)
            np.add.at(ties, (cells.second, cells.first), cells.ties)
        return wins, ties

    # ---- changes: every one returns new comparisons, over which a fit can start from the last one's scores ----

    def __add__(self, other: Comparisons) -> Comparisons:
        """Return all comparisons of both. New labels get new indices behind the old ones, which stay."""
        return self._merge(other, 1.0)

    def __sub__(self, other: Comparisons) -> Comparisons:
        """Return these comparisons without those of `other`, which must be among them; all items stay."""
        return self._merge(other, -1.0)

    def _merge(self, other: Comparisons, sign: float) -> Comparisons:
        if not isinstance(other, Comparisons):
            return NotImplemented
        if (self.labels is None) != (other.labels is None):
            raise ValueError("one of the two has labels and the other has none")
        names, theirs = self.labels, other._content
        if self.labels is not None and other.labels is not None and other.labels != self.labels:
            names = tuple(dict.fromkeys([*self.labels, *other.labels]))
            number = {label: index for index, label in enumerate(names)}
            moved = np.array([number[label] for label in other.labels], dtype=np.int32)
            theirs = theirs.renumbered(moved, len(names))
        content = self._content.merged(theirs, max(self.n_items, theirs.cells.n_items), sign)
        missing = content.first_deficit() if sign < 0 else None
        if missing is not None:
            one, another = missing if names is None else (repr(names[item]) for item in missing)
            raise ValueError(f"there are fewer comparisons of {one} and {another} than are to be taken away")
        return self._of(content.cells, names, content.outcomes, content.counted)

    def among(self, items: Any) -> Comparisons:
        """Return the comparisons among some items only, which are numbered anew in the order given.

        Parameters
        ----------
        items : array of indices or labels, or mask (K,) of bool
            Items to keep: one of `connected_components`, say.

        Raises
        ------
        ItemIndexError, ValueError
            If an item is none, or is there twice, or a mask has another length.
        TypeError
            If items are floats.

        """
        kept = self._kept(items)
        number = np.full(self.n_items, -1, dtype=np.int32)
        number[kept] = np.arange(len(kept), dtype=np.int32)
        content = self._content.renumbered(number, len(kept))
        if not len(content.cells.first):
            raise ValueError(f"none of the {len(kept)} items was compared with another of them")
        labels = None if self.labels is None else tuple(self.labels[i] for i in kept.tolist())
        return self._of(content.cells, labels, content.outcomes, content.counted)

    def _kept(self, items: Any) -> NDArray[np.intp]:
        array = as_array(items, "items")
        if array.ndim != 1:
            raise ValueError(f"items must have one axis; they have shape {array.shape}")
        if array.dtype == np.bool_:
            if len(array) != self.n_items:
                raise ValueError(f"a mask of items must have one entry for each of {self.n_items}, not {len(array)}")
            return np.flatnonzero(array)
        if array.dtype.kind in "fcmM":
            raise TypeError(f"items hold {array.dtype}; they are indices, labels, or a mask")
        kept = self.indices(array)
        found, count = np.unique(kept, return_counts=True)
        if (count > 1).any():
            item = int(found[count > 1][0])
            name = item if self.labels is None else _labels.shown(self.labels[item])
            raise ValueError(f"item {name} is there twice")
        return kept

    # ---- what can be estimated ----

    @cached_property
    def connected_components(self) -> tuple[NDArray[np.int64], ...]:
        """Indices of the items of each connected component, the largest first: scores compare only within one.

        Items that never met anybody are components of their own.
        """
        return graph.members(graph.connected(self.cells))

    def existence(self, model: str = "bradley-terry", *, home: bool = False) -> Existence:
        """Return whether the maximum-likelihood scores exist, and which items have no finite one, and why.

        A finite maximum of the Bradley-Terry and Thurstone likelihoods exists if and only if, however the items are
        split into two groups, someone of either group has beaten, or tied with, someone of the other: the graph of
        wins is strongly connected (Zermelo 1929; Ford 1957). A tie counts for both. A tie parameter or a home advantage
        may be infinite in spite of that; then, where the graph does not decide, a linear programme does.

        Parameters
        ----------
        model : {"bradley-terry", "thurstone", "stern", "rao-kupper", "davidson"}
            Model, without a prior.
        home : bool
            Whether a home advantage is estimated, too.

        Raises
        ------
        ValueError
            If home advantage cannot be told from the scores, or nobody was at home.

        Examples
        --------
        >>> import alignment_fast as af
        >>> votes = af.ranking.Comparisons(["a", "b"], ["b", "a"], tied=[False, True])
        >>> votes.existence().finite
        True
        >>> votes.existence("davidson").parameters
        {'tie parameter': 1.0}

        """
        return existence_of(self.cells, self.labels, model, as_flag(home, "home"))


def _dense_cells(wins: Any, ties: Any) -> Cells | None:
    """Return the cells of arrays of good numbers by one compiled call, or None."""
    won = _dense(wins)
    tied = None if ties is None else _dense(ties)
    if won is None or (ties is not None and tied is None):
        return None
    found = operations("ranking").short_matrix(won, tied)
    return None if found is None else Cells(*found)


def _dense(matrix: Any) -> NDArray[np.float64] | None:
    """Return an exact array of numbers of two axes in float64, or None for what is none."""
    if type(matrix) is not np.ndarray or matrix.ndim != 2 or matrix.dtype.kind not in "iuf":
        return None
    return np.ascontiguousarray(matrix, dtype=np.float64)


def check_comparisons(value: Any) -> Comparisons:
    """Return `value`, or raise TypeError where it is no `Comparisons`."""
    if not isinstance(value, Comparisons):
        raise TypeError(f"comparisons must be Comparisons, not {type(value).__name__}")
    return value


class _Entries(NamedTuple):
    """The entries other than zero of a square matrix of `size` rows."""

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    value: NDArray[np.float64]
    size: int


def _matrix(value: Any, name: str) -> _Entries:
    """Return the `_Entries` of a matrix of counts."""
    if hasattr(value, "tocoo"):
        sparse = value.tocoo()
        shape, entries = sparse.shape, np.asarray(sparse.data, dtype=np.float64)
        row, column = (np.asarray(index, dtype=np.int32) for index in (sparse.row, sparse.col))
    else:
        dense = as_parameter(value, name)
        shape = dense.shape
        if len(shape) == 2:
            row, column = (index.astype(np.int32) for index in np.nonzero(dense))
            entries = dense[row, column]
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"{name} must be a square matrix; it has shape {shape}")
    bad = np.flatnonzero(~((entries >= 0) & (entries < np.inf)) | ((row == column) & (entries != 0)))
    if bad.size:
        at = bad[0]
        reason = "is on the diagonal" if row[at] == column[at] else "is not a finite number of at least 0"
        raise ValueError(f"{name}[{row[at]}, {column[at]}] = {entries[at]:g} {reason}")
    return _Entries(row, column, entries, shape[0])


def _check_symmetric(ties: _Entries) -> None:
    def ordered(one: NDArray[np.int32], other: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        key = one.astype(np.int64) * ties.size + other
        order = np.argsort(key)
        return key[order], ties.value[order]

    for one, other in zip(ordered(ties.row, ties.column), ordered(ties.column, ties.row), strict=True):
        if not np.array_equal(one, other):
            raise ValueError("ties is not symmetric: ties[i, j] and ties[j, i] are the same ties")
