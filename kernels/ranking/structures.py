"""What the operations of this family take and return, as data: nothing here is compiled."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignment_fast.kernels.common import status

Reals = NDArray[np.float64]
NOTHING: Reals = np.empty(0)


def _none() -> Reals:
    return np.empty(0)


def _nobody() -> NDArray[np.uint8]:
    return np.empty(0, dtype=np.uint8)


def _together() -> NDArray[np.int32]:
    return np.empty(0, dtype=np.int32)


# ---- comparisons ----


class Counts(NamedTuple):
    """How often the comparisons of cells ended in each way, as `Cells` has them."""

    wins_first: Reals
    wins_second: Reals
    ties: Reals


@dataclass(frozen=True)
class Cells:
    """Comparisons of pairs of items, counted.

    Parameters
    ----------
    n_items : int
        Number of items K; they are numbered 0 .. K-1.
    first, second : array of int32 (C,)
        The two items of each cell, different from each other. Compressed cells are unique and sorted by (first,
        second); the solver also takes repeated ones in any order, such as one per comparison.
    wins_first, wins_second : array of float64 (C,)
        Weight of the comparisons that `first` won, and that `second` won.
    ties : array of float64 (C,) or (0,)
        Weight of those that ended equal; empty when there are none.
    home : array of uint8 (C,) or (0,)
        1 where `first` has the advantage of home or order, 0 on neutral ground, where first < second; a pair may have
        both kinds of cell, the neutral one first. Empty when nobody is ever at home.
    row : array of int32 (C,) or (0,)
        Of comparisons that are a cell each their numbers, 0 .. C-1 in any order; empty where cells are compressed.
        Bootstraps draw the cells in the order of (first, row).

    """

    n_items: int
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    wins_first: Reals
    wins_second: Reals
    ties: Reals = field(default_factory=_none)
    home: NDArray[np.uint8] = field(default_factory=_nobody)
    row: NDArray[np.int32] = field(default_factory=_together)

    @classmethod
    def unwritten(cls, n_items: int, count: int, *, ties: bool, homes: bool) -> "Cells":
        """Return cells whose arrays are to be written.

        All but `home` lie in one array: NumPy asks for large pages from 4 MiB on, and small ones are slower to touch
        first.
        """
        items, *counts = np.empty((4 if ties else 3, count))
        first, second = items.view(np.int32).reshape(2, count)
        home = np.empty(count if homes else 0, dtype=np.uint8)
        return cls(n_items, first, second, counts[0], counts[1], counts[2] if ties else _none(), home)


class RowFault(NamedTuple):
    """The first bad row of an argument of `compress`, and its status word.

    `argument` is "winner" or "loser" (no index of an item), "both" (an item against itself), "weight" or "outcome".
    """

    argument: str
    word: int

    @property
    def position(self) -> int:
        """The number of the row."""
        return status.decode(self.word)[0]


class Games(NamedTuple):
    """Games in the order in which they were played; outcome and weight may be None, which is 1."""

    winner: NDArray[np.int32]
    loser: NDArray[np.int32]
    outcome: Reals | None
    weight: Reals | None


# ---- models of comparisons ----


@dataclass(frozen=True)
class Covariates:
    """A sparse matrix by rows, one row per cell: start (C + 1,), column and value (entries,), and its width.

    `columns` (width C,) has all its entries by columns, zeros too, where most of them are not 0; otherwise it is empty.
    """

    width: int
    start: NDArray[np.int64]
    column: NDArray[np.int32]
    value: Reals
    columns: Reals = field(default_factory=_none)

    @classmethod
    def of(cls, matrix: Any) -> "Covariates":
        """Return the covariates of a SciPy sparse matrix with sorted columns, or of a dense one."""
        if isinstance(matrix, np.ndarray) and matrix.all():  # no zeros to leave out
            rows, width = matrix.shape
            column = np.tile(np.arange(width, dtype=np.int32), rows)
            value = np.ascontiguousarray(matrix, dtype=np.float64)
            start = np.arange(0, rows * width + 1, width, dtype=np.int64)
            return cls(width, start, column, value.reshape(-1), value.T.reshape(-1))
        from scipy.sparse import csr_array

        rows = csr_array(matrix)
        rows.sum_duplicates()
        start, column = rows.indptr.astype(np.int64), rows.indices.astype(np.int32)
        value, size = rows.data.astype(np.float64), rows.shape[0] * rows.shape[1]
        columns = rows.toarray().T.astype(np.float64).reshape(-1) if 2 * len(value) > size else _none()
        return cls(rows.shape[1], start, column, value, columns)


NO_COVARIATES = Covariates(0, np.empty(0, np.int64), np.empty(0, np.int32), NOTHING)


class CellTerms(NamedTuple):
    """Terms of every cell, (C,) each: log-likelihood, slope and curvature in the difference and in the tie parameter.

    Curvatures are negated second derivatives. Those with the tie parameter are 0 in models without one.
    """

    value: Reals
    slope: Reals
    curvature: Reals
    tie_slope: Reals
    mixed: Reals
    tie_curvature: Reals


class CellCurvatures(NamedTuple):
    """A symmetric form over unknowns: along the difference of each cell, mixed with the tie parameter, and in that one.

    `mixed` is empty, and `tie` 0, in models without a tie parameter.
    """

    difference: Reals
    mixed: Reals
    tie: float


class Prior(NamedTuple):
    """Logarithm of a prior at a point, its slope, and its curvature, which is diagonal."""

    value: float
    slope: Reals
    curvature: Reals


@dataclass(frozen=True)
class Evaluation:
    """An objective at one point: value, gradient, diagonal of the negated Hessian; curvatures of cells, or None."""

    value: float
    gradient: Reals
    diagonal: Reals
    curvatures: CellCurvatures | None = None


class NewtonConstants(NamedTuple):
    """Constants of Newton's method, which every way to take its steps shares.

    Below `chord` a factor is kept; steps no longer than it are rounding where the decrement is below `floor`. The
    objective has the relative rounding `slack`; a step is halved at most `halvings` times.
    """

    chord: float
    floor: float
    slack: float
    halvings: int


class NewtonRun(NamedTuple):
    """Where Newton's method came to: √(gᵀH⁻¹g) before its last step, that step's largest entry, steps taken.

    `finished` says that there is no point in going on: it has converged, or the matrix was singular.
    """

    unknowns: Reals
    decrement: float
    step: float
    iterations: int
    converged: bool
    finished: bool


class DenseMaximum(NamedTuple):
    """Where Newton's method with dense factors ended, the objective and the largest entry of its gradient there.

    `decrement` is √(gᵀH⁻¹g) before the last step, `step` that step's largest entry, of which `iterations` were taken.
    """

    unknowns: Reals
    value: float
    gradient_norm: float
    decrement: float
    step: float
    iterations: int
    converged: bool


# ---- rankings ----


class OrderedItems(NamedTuple):
    """Rankings: places, where each ranking starts (N + 1), how many are chosen in order (N), weights (N) or None."""

    item: NDArray[np.int32]
    start: NDArray[np.int64]
    depth: NDArray[np.int32]
    weight: Reals | None
    n_items: int
