"""Comparisons as the host takes them, as arrays: numbers of elements, winners, weights."""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from alignment_fast._operations import operations
from alignment_fast.interop.evalica._results import LengthMismatchError, MatricesResult

# Names of elements that equal nothing of another type, so that a dictionary finds what pandas finds.
_PLAIN_NAMES = ({str}, {int})
_LARGEST = 2**63


class Votes(NamedTuple):
    """Comparisons, numbered: elements are places in `index`; `winner` is 0 (a tie), 1, 2, or another number: neither.

    Where `numbers` is given, elements are values instead, and ``numbers[value] - 1`` their places: millions of places
    are not written only to be counted.
    """

    first: np.ndarray
    second: np.ndarray
    winner: np.ndarray
    weight: np.ndarray | None
    index: Any
    numbers: np.ndarray | None = None

    def coded(self) -> "Votes":
        """Return the same votes with places for elements."""
        if self.numbers is None:
            return self
        first, second = (
            operations("ranking").codes_of_small_integers(side, self.numbers) for side in (self.first, self.second)
        )
        return self._replace(first=first, second=second, numbers=None)


def _plain(names: list) -> bool:
    return {type(name) for name in names} in _PLAIN_NAMES and (
        type(names[0]) is str or all(-_LARGEST <= name < _LARGEST for name in names)
    )


def _numbered(xs: Any, ys: Any) -> Any:
    """Return (xs, ys, names, numbers) of elements as `Votes` has them, names in the order in which they first appear.

    Return None where pandas must look.
    """
    ranking = operations("ranking")
    if isinstance(xs, pd.Series) and isinstance(ys, pd.Series):
        xs, ys = xs.tolist(), ys.tolist()  # what iterating over them gives
    if type(xs) in (list, tuple) and type(ys) in (list, tuple):
        try:
            codes, names = ranking.encode_objects([*xs, *ys])
        except TypeError:  # not hashable
            return None
        return (codes[: len(xs)], codes[len(xs) :], names, None) if names and _plain(names) else None
    if not (_is_vector(xs) and _is_vector(ys) and xs.dtype == ys.dtype):
        return None
    if xs.dtype == object:
        return _numbered(xs.tolist(), ys.tolist())
    if xs.dtype.kind not in "iu" or not len(xs):
        return None
    first, second = (side.astype(np.int64, copy=False) for side in (xs, ys))
    found = ranking.number_small_integers(first, second)
    if found is not None:
        return first, second, list(found[1].astype(xs.dtype)), found[0]
    codes, values = pd.factorize(np.concatenate([xs, ys]))
    codes = codes.astype(np.int32)
    return codes[: len(xs)], codes[len(xs) :], list(values), None


def _is_vector(value: Any) -> bool:
    return type(value) is np.ndarray and value.ndim == 1 and value.flags.c_contiguous


def numbered(xs: Any, ys: Any, index: Any) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray | None]:
    """Return `xs`, `ys`, the index (a new one where it is None), and numbers, as `Votes` has them."""
    found = _numbered(xs, ys)
    if found is None:
        if index is None:
            index = pd.Index(list(dict.fromkeys([*xs, *ys])))
        first, second = (index.get_indexer(side).astype(np.int32) for side in (xs, ys))
        if (first < 0).any() or (second < 0).any():
            raise TypeError("Unknown element in reindexing")
        return first, second, index, None
    first, second, names, numbers = found
    if index is None:
        return first, second, pd.Index(names), numbers
    places = index.get_indexer(names).astype(np.int32)
    if (places < 0).any():
        raise TypeError("Unknown element in reindexing")
    if numbers is None:
        return places[first], places[second], index, None
    return first, second, index, np.concatenate([[0], places + 1]).astype(np.int32)[numbers]


def indexing(xs: Any, ys: Any, index: Any = None) -> tuple[list[int], list[int], Any]:
    """Return the places of `xs` and `ys` in an index, and the index, as ``evalica.indexing``."""
    first, second, index, numbers = numbered(xs, ys, index)
    votes = Votes(first, second, np.empty(0, np.int8), None, index, numbers).coded()
    return votes.first.tolist(), votes.second.tolist(), index


def winners_of(winners: Any) -> np.ndarray:
    """Return winners as int8; whatever is no winner is not in 0, 1, 2."""
    found = operations("common").read_codes(winners, 3)
    if found is not None:
        return found
    given = np.asarray(winners)
    if given.size and given.dtype.kind not in "biu":
        raise TypeError(f"winners must be integers, not {given.dtype}")
    if given.dtype.itemsize > 1 and given.size and not (given.min() >= 0 and given.max() < 3):
        given = np.where((given >= 0) & (given < 3), given, 3)
    given = np.ascontiguousarray(given)
    return given.view(np.int8) if given.dtype.itemsize == 1 else given.astype(np.int8)


def weights_of(weights: Any) -> np.ndarray | None:
    """Return finite weights as float64, or None where all are 1; lists and arrays are taken, as by the host."""
    if weights is None:
        return None
    if isinstance(weights, np.ndarray):
        found = np.ascontiguousarray(weights, np.float64)
    else:
        assert isinstance(weights, list), "weights must be a list"
        found = operations("common").read_reals(weights)
        if found is None:
            assert all(math.isfinite(weight) for weight in weights), "weights must be finite"
            found = np.array(weights, np.float64)
    assert np.isfinite(found).all(), "weights must be finite"
    return found


def _mismatch(solver: str) -> LengthMismatchError:
    return LengthMismatchError("mismatching input shapes" if solver == "pyo3" else "")


def _checked(votes: Votes, solver: str) -> Votes:
    first, second, winner, weight = votes[:4]
    if not len(first) == len(second) == len(winner) == (len(first) if weight is None else len(weight)):
        raise _mismatch(solver)
    return votes


def refuse_unknown(unknown: int, solver: str) -> None:
    """Raise LengthMismatchError where winners are none: what the compiled solver says; the other passes them over."""
    if unknown and solver == "pyo3":
        raise _mismatch(solver)


def votes_of(xs: Any, ys: Any, winners: Any, index: Any, weights: Any, solver: str) -> Votes:
    """Return comparisons as arrays, checked in the host's order.

    Raises
    ------
    TypeError
        For an element that is not in the index.
    AssertionError
        For weights that are no list and no array, or not finite.
    LengthMismatchError
        For sequences of different lengths; the compiled solver has it for winners that are none, too.

    """
    first, second, index, numbers = numbered(xs, ys, index)
    weight = weights_of(weights)
    return _checked(Votes(first, second, winners_of(winners), weight, index, numbers), solver)


class Tables(NamedTuple):
    """How often row beat column, and how often they tied, as weights; ties stand at both places."""

    wins: np.ndarray
    ties: np.ndarray


def tables_of(votes: Votes, solver: str) -> Tables:
    """Return the tables of votes; of none the compiled solver makes empty ones."""
    n = len(votes.index) if len(votes.first) or solver != "pyo3" else 0
    tables = Tables(np.zeros((n, n)), np.zeros((n, n)))
    if votes.numbers is None:
        unknown = operations("ranking").vote_matrices(*votes[:4], *tables)
    else:
        elements = votes.first, votes.second, votes.numbers
        unknown = operations("ranking").integer_vote_matrices(*elements, votes.winner, votes.weight, *tables)
    refuse_unknown(unknown, solver)
    return tables


def tabulated(xs: Any, ys: Any, winners: Any, index: Any, weights: Any, solver: str) -> tuple[Tables, Any]:
    """Return the tables of comparisons and their index; errors are those of `votes_of`."""
    found = _counted(xs, ys, winners) if index is None and weights is None else None
    if found is not None:
        return found
    votes = votes_of(xs, ys, winners, index, weights, solver)
    return tables_of(votes, solver), votes.index


def _counted(xs: Any, ys: Any, winners: Any) -> tuple[Tables, Any] | None:
    """Return tables and index of arrays of small integers, counted as they are read; None for anything else."""
    if not (_is_vector(xs) and _is_vector(ys) and _is_vector(winners)):
        return None
    if xs.dtype != ys.dtype or xs.dtype.kind not in "iu" or winners.dtype not in (np.int8, np.uint8):
        return None
    if not len(xs) == len(ys) == len(winners):
        return None
    first, second = (side.astype(np.int64, copy=False) for side in (xs, ys))
    found = operations("ranking").count_small_integers(first, second, winners.view(np.int8))
    if found is None:
        return None
    values, wins, ties = found
    return Tables(wins, ties), pd.Index(values if xs.dtype == np.int64 else list(values.astype(xs.dtype)))


def matrices(
    xs_indexed: Any, ys_indexed: Any, winners: Any, index: Any, weights: Any = None, solver: str = "pyo3"
) -> MatricesResult:
    """Return how often elements beat each other and tied, as ``evalica.matrices``."""
    weight = weights_of(weights)
    first, second = (np.asarray(side, dtype=np.int32) for side in (xs_indexed, ys_indexed))
    votes = _checked(Votes(first, second, winners_of(winners), weight, index), solver)
    n = len(index)
    for side in (first, second):
        if len(side) and not (side.min() >= 0 and side.max() < n):
            raise LengthMismatchError("mismatching input shapes")
    return MatricesResult(*tables_of(votes, solver), index)
