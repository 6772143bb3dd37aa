"""Data as choix takes it, as arrays: pairs (winner, loser), rankings from the best on, choices (winner, losers).

A choice among alternatives happens at every stage of a ranking but the last: its item there is chosen among itself and
those behind it. Of (winner, losers) only the first stage counts.
"""

import operator
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._operations import operations

# Pairs of items are counted in a square of all pairs up to this size; it then fits in cache.
_DENSE = 1 << 20
# Entries of a temporary array over all pairs of positions of rankings.
_BLOCK = 1 << 22


def index_in(value, n_items):
    """Return `value` as an index of one of `n_items` items; negative ones count from the end, as in the host."""
    index = operator.index(value)
    if not -n_items <= index < n_items:
        raise IndexError(f"index {index} is out of bounds for axis 0 with size {n_items}")
    return index % n_items


def _in_range(array, n_items):
    """Return whether `array` is an array of integers that are all indices of items from the start."""
    return (
        type(array) is np.ndarray
        and array.dtype.kind in "iu"
        and (array.size == 0 or (array.min() >= 0 and array.max() < n_items))
    )


def _rows_of(data):
    """Return the rows of data that is no plain list of integers; rows that reading would use up are refused.

    An unchanged program whose call is accelerated must find its data as they were, should the host read them again.
    """
    rows = data if isinstance(data, list | tuple | np.ndarray) else list(data)
    for row in rows:
        if hasattr(row, "__next__"):
            raise TypeError(f"a row of the data is a {type(row).__name__}, which can be read only once")
    return rows


def pairs_of(n_items, data):
    """Return pairs (winner, loser) as an int64 array (M, 2)."""
    if _in_range(data, n_items) and data.ndim == 2 and data.shape[1] == 2:
        return data.astype(np.int64, copy=False)
    found = operations("common").read_index_pairs(data, n_items)
    if found is not None:
        return found
    rows = [(index_in(winner, n_items), index_in(loser, n_items)) for winner, loser in _rows_of(data)]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


class PairCounts(NamedTuple):
    """How often one item won against another.

    Parameters
    ----------
    winner, loser : int64 array (C,)
        The ordered pairs that occur.
    times : float64 array (C,)
        How often they do.

    """

    winner: np.ndarray
    loser: np.ndarray
    times: np.ndarray


def count_matrix(n_items, data):
    """Return how often item i won against item j in pairs (winner, loser), at [i, j]."""
    matrix = operations("common").count_index_pairs(data, n_items)
    if matrix is not None:
        return matrix
    pairs = pairs_of(n_items, data)
    keys = pairs[:, 0] * n_items + pairs[:, 1]
    return np.bincount(keys, minlength=n_items * n_items).reshape(n_items, n_items).astype(np.float64)


def counts_of(n_items, data):
    """Return the `PairCounts` of pairs, without a square of all pairs where that would be much larger than the data."""
    if n_items * n_items <= _DENSE:
        matrix = count_matrix(n_items, data)
        winner, loser = (np.ascontiguousarray(side) for side in matrix.nonzero())
        return PairCounts(winner, loser, matrix[winner, loser])
    pairs = pairs_of(n_items, data)
    keys, times = np.unique(pairs[:, 0] * n_items + pairs[:, 1], return_counts=True)
    return PairCounts(keys // n_items, keys % n_items, times.astype(np.float64))


class RankingRows(NamedTuple):
    """Rankings, or choices, of one length.

    Parameters
    ----------
    items : int64 array (R, L)
        From the best on; the winner first.
    stages : int
        At how many positions, from the first on, an item is chosen.

    """

    items: np.ndarray
    stages: int


def _of_each_length(flat, lengths, stages_of):
    """Return a `RankingRows` for each length that occurs among consecutive rows of `flat` and has stages."""
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    found = []
    for length in np.unique(lengths).tolist():
        if stages_of(length) > 0:
            first = starts[lengths == length]
            found.append(RankingRows(flat[first[:, None] + np.arange(length)], stages_of(length)))
    return found


def rankings_of(n_items, data):
    """Return the `RankingRows` of rankings; rankings of fewer than two items say nothing."""
    if _in_range(data, n_items) and data.ndim == 2:
        return (
            [RankingRows(data.astype(np.int64, copy=False), data.shape[1] - 1)]
            if data.shape[1] > 1 and len(data)
            else []
        )
    found = operations("common").read_index_rows(data, n_items)
    if found is None:
        rows = [
            np.array([index_in(item, n_items) for item in ranking], np.int64)
            if not _in_range(ranking, n_items)
            else ranking
            for ranking in _rows_of(data)
        ]
        found = np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int64), np.array([len(row) for row in rows])
    return _of_each_length(*found, lambda length: length - 1)


def choices_of(n_items, data):
    """Return the `RankingRows` of choices (winner, losers)."""
    found = operations("common").read_choices(data, n_items)
    if found is None:
        rows = [[index_in(item, n_items) for item in (winner, *losers)] for winner, losers in _rows_of(data)]
        flat = [item for row in rows for item in row]
        found = np.array(flat, dtype=np.int64), np.array([len(row) for row in rows], dtype=np.int64)
    return _of_each_length(*found, lambda length: 1)


def pieces(rows, entries):
    """Yield `RankingRows` in parts whose temporary arrays of `entries` numbers per row stay small."""
    for part in rows:
        step = max(1, _BLOCK // max(1, entries(part)))
        for first in range(0, len(part.items), step):
            yield RankingRows(part.items[first : first + step], part.stages)


def remaining(weights, rows):
    """Return the total weight of the items that are left at each stage, (R, stages)."""
    return np.cumsum(weights[rows.items][:, ::-1], axis=1)[:, ::-1][:, : rows.stages]


def number_of_wins(n_items, rows):
    """Return how often each item was chosen."""
    chosen = [part.items[:, : part.stages].ravel() for part in rows]
    return np.bincount(np.concatenate([np.empty(0, np.int64), *chosen]), minlength=n_items).astype(np.float64)


Data = Any  # sequences of sequences of integers, of any kind that the host takes
