"""Fits with covariates of each comparison: style control, order, features of the context."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_floating
from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Cells, Covariates
from alignment_fast.ranking._outcomes import Outcomes, cluster_codes, outcomes_of
from alignment_fast.ranking._rows import ParsedRows, parse
from alignment_fast.ranking.comparisons import Comparisons
from alignment_fast.ranking.fit import MaximumSearch, check_existence, maximum, specify
from alignment_fast.ranking.result import RatingFit

__all__ = ["fit_contextual"]


def fit_contextual(
    winner: Any,
    loser: Any,
    covariates: Any,
    model: str = "bradley-terry",
    *,
    weight: Any = None,
    tied: Any = None,
    outcome: Any = None,
    home: Any = None,
    cluster: Any = None,
    n_items: int | None = None,
    labels: Sequence[Hashable] | None = None,
    l2: float = 0.0,
    gamma_shape: float = 1.0,
    start: RatingFit | Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    num_threads: int | None = None,
) -> RatingFit:
    r"""Fit scores, and coefficients of covariates of each comparison, by maximum likelihood.

    The difference that the model of `fit` is about becomes

    .. math:: d = θ_{winner} - θ_{loser} + x^T β

    Parameters
    ----------
    winner, loser, weight, tied, outcome, home, cluster, n_items, labels
        The comparisons, as in `Comparisons`; with `home`, its advantage is fitted.
    covariates : array (M, q) or SciPy sparse array
        x of each comparison: the feature on the winner's side less that on the loser's, such as the difference of the
        lengths of two answers.
    model, l2, gamma_shape, start, tol, max_iter, num_threads
        As in `fit`; priors are on the scores only.

    Returns
    -------
    RatingFit
        `coefficients` is β; `parameter_errors` gives its standard errors, behind that of the home advantage. Its
        bootstrap draws comparisons.

    Raises
    ------
    ValueError, ConvergenceError
        As in `Comparisons` and `fit`; also where a covariate is constant within every pair's differences of score, or
        separates wins from losses, which ends in ConvergenceError.

    Notes
    -----
    Cost: comparisons are not compressed; about 8 ns, and 1.3 ns for each covariate (4 ns for each that is not 0, where
    most are), for each of them and each of about seven Newton steps; 0.25 µs for each with four covariates in all.
    Centre and scale covariates as you like: the scores do not depend on it.

    Examples
    --------
    >>> import alignment_fast as af
    >>> longer = [[1], [1], [-1], [1], [-1], [1], [1], [-1]]
    >>> result = af.ranking.fit_contextual([0, 0, 0, 1, 1, 1, 2, 2], [1, 2, 1, 0, 2, 0, 0, 1], longer)
    >>> result.coefficients.round(4)
    array([0.5752])

    """
    ops = operations("ranking")
    specification = specify(model, l2=l2, gamma_shape=gamma_shape, home=home is not None)
    search = MaximumSearch(start, tol, max_iter, num_threads)
    rows = parse(winner, loser, weight=weight, tied=tied, outcome=outcome, home=home, n_items=n_items, labels=labels)
    compressed = rows.compressed(ops, num_threads)
    check_existence(Comparisons._of(compressed, rows.labels), specification)
    design = _design(covariates, len(rows.winner))
    if rows.home is not None:
        from scipy.sparse import csr_array, hstack

        design = hstack([csr_array(rows.home[:, None].astype(np.float64)), csr_array(design)])
    order = _pair_by_pair(rows, compressed.n_items)
    table = Covariates.of(design.tocsr()[order] if hasattr(design, "tocsr") else design.take(order, axis=0))
    cells = _one_by_one(rows, order, compressed.n_items)
    each = Comparisons._of(cells, rows.labels, _outcomes(cells, outcomes_of(rows, cluster), cluster))
    return maximum(ops, each, specification, table, search)


def _pair_by_pair(rows: ParsedRows, n_items: int) -> NDArray[np.intp]:
    """Return comparisons in the order of (winner, loser): each run of a pair reads and writes its scores once."""
    short = np.iinfo(np.uint16).max  # short integers are sorted by their digits
    if n_items**2 <= short:
        return np.argsort((rows.winner * n_items + rows.loser).astype(np.uint16), kind="stable")
    if n_items > short:
        return np.lexsort((rows.loser, rows.winner))
    order = np.argsort(rows.loser.astype(np.uint16), kind="stable")
    return order[np.argsort(rows.winner.astype(np.uint16)[order], kind="stable")]


def _design(covariates: Any, size: int) -> Any:
    if hasattr(covariates, "tocsr"):
        design, values = covariates, covariates.tocoo().data
    else:
        design = values = as_floating(covariates, "covariates").astype(np.float64)
    if len(design.shape) != 2 or design.shape[0] != size or design.shape[1] == 0:
        raise ValueError(f"covariates must have one row for each of {size} comparisons; their shape is {design.shape}")
    if not np.isfinite(values).all():
        raise ValueError("covariates must be finite")
    return design


def _one_by_one(rows: ParsedRows, order: NDArray[np.intp], n_items: int) -> Cells:
    """Return one cell for each comparison, in that order, the winner first."""
    weight = np.ones(len(order)) if rows.weight is None else rows.weight[order]
    lost = np.zeros(len(order)) if rows.outcome is None else weight * (1.0 - rows.outcome[order])
    won, ties = weight if rows.outcome is None else weight * rows.outcome[order], np.empty(0)
    if rows.tied is not None and rows.tied.any():
        tied = rows.tied[order]
        won, lost, ties = np.where(tied, 0.0, won), np.where(tied, 0.0, lost), np.where(tied, weight, 0.0)
    first, second = (side.astype(np.int32)[order] for side in (rows.winner, rows.loser))
    return Cells(n_items, first, second, won, lost, ties, row=order.astype(np.int32))


def _outcomes(cells: Cells, found: Outcomes | None, cluster: Any) -> Outcomes | None:
    """Return the outcomes of comparisons that are a cell each, if they are more than counts: in the order of draws."""
    if found is None:
        return None
    codes, names = cluster_codes(cluster, len(cells.row))
    place = np.lexsort((cells.row, cells.first))
    ties = cells.ties if cells.ties.size else np.zeros(len(place))
    return Outcomes(
        cells.first[place],
        cells.second[place],
        np.zeros(len(place), dtype=np.uint8),
        cells.wins_first[place],
        cells.wins_second[place],
        ties[place],
        codes[cells.row[place]],
        names,
        place,
    )
