"""Scores of elements from comparisons, by the host's own steps."""

import math
from typing import Any

import numpy as np
import pandas as pd

from alignment_fast._operations import operations
from alignment_fast.interop.evalica import _results as results
from alignment_fast.interop.evalica._strict import davidson_scores, maximum_scores, refuse_unconverged
from alignment_fast.interop.evalica._votes import Tables, Votes, refuse_unknown, tables_of, tabulated, votes_of

# Entries of a table of all pairs that is made only for counting.
_FEW = 1 << 20


def _number(values: Any, nan: float = 0.0) -> np.ndarray:
    return np.nan_to_num(values, nan=nan)


def _sorted(scores: np.ndarray, index: Any, name: str) -> Any:
    """Return scores from the best on; equal ones keep their order."""
    if len(scores) != len(index) or np.isnan(scores).any():
        return pd.Series(scores, index=index, name=name).sort_values(ascending=False, kind="stable")
    order = np.argsort(-scores, kind="stable")
    return pd.Series(scores[order], index=index[order], name=name)


def _check_weights(win_weight: float, tie_weight: float) -> None:
    assert np.isfinite(win_weight), "win_weight must be finite"
    assert np.isfinite(tie_weight), "tie_weight must be finite"


def _points(tables: Tables, win_weight: float, tie_weight: float, nan: float) -> np.ndarray:
    """Return the matrix of wins with ties as parts of them."""
    with np.errstate(all="ignore"):
        points = win_weight * tables.wins
        points += tie_weight * tables.ties
        if np.isfinite(points.sum()):  # so is everything that it was made of, and stays as it is
            return points
        return _number(win_weight * _number(tables.wins, nan) + tie_weight * _number(tables.ties, nan), nan)


# ---- from matrices: scores in the order of the index, and the number of sweeps ----


def counted(tables: Tables, *, win_weight: float, tie_weight: float, **_: Any) -> tuple[np.ndarray, int]:
    """Return weighted numbers of wins and ties."""
    with np.errstate(all="ignore"):
        return _number(win_weight * tables.wins.sum(axis=1) + tie_weight * tables.ties.sum(axis=1)), 0


def win_rates(tables: Tables, *, win_weight: float, tie_weight: float, **_: Any) -> tuple[np.ndarray, int]:
    """Return mean shares of points over opponents."""
    matrix = _points(tables, win_weight, tie_weight, 0.0)
    with np.errstate(all="ignore"):
        shares = matrix / _number(matrix + matrix.T)
        met = ~np.isnan(shares)
        return _number(np.where(met, shares, 0.0).sum(axis=1) / met.sum(axis=1)), 0


def strengths(
    tables: Tables, *, win_weight: float, tie_weight: float, tolerance: float, limit: int, strict: bool, **_: Any
) -> tuple[np.ndarray, int]:
    """Return Bradley-Terry strengths."""
    matrix = _points(tables, win_weight, tie_weight, tolerance)
    if strict:
        return maximum_scores(matrix)
    scores = np.ones(len(matrix))
    return scores, operations("ranking").strengths(matrix, np.ascontiguousarray(matrix.T), tolerance, limit, scores)


def tied_strengths(
    tables: Tables,
    *,
    v_init: float,
    win_weight: float,
    tie_weight: float,
    solver: str,
    tolerance: float,
    limit: int,
    strict: bool,
    **_: Any,
) -> tuple[np.ndarray, int, float]:
    """Return strengths, sweeps and the tie parameter of Davidson's model."""
    with np.errstate(all="ignore"):
        wins, ties = win_weight * _number(tables.wins, tolerance), tie_weight * _number(tables.ties, tolerance)
        if solver != "pyo3":
            wins, ties = _number(wins, tolerance), _number(ties, tolerance)
        points = _number(_number(wins, tolerance) + _number(ties, tolerance) * 0.5, tolerance)
    if strict:
        return davidson_scores(wins, ties)
    scores = np.ones(len(wins))
    lost = np.ascontiguousarray(points.T)
    sweeps, v, _ = operations("ranking").tied_strengths(points, lost, wins, ties, v_init, tolerance, limit, scores)
    return scores, sweeps, v


def _leading(matrix: np.ndarray, solver: str, tolerance: float, limit: int, strict: bool) -> tuple[np.ndarray, int]:
    """Return the leading eigenvector of the transpose, and the number of sweeps that is reported."""
    n = len(matrix)
    scores = np.full(n, 1.0 / n) if n else np.zeros(0)
    sweeps = operations("ranking").power(matrix, tolerance, limit, scores)
    if strict:
        refuse_unconverged(sweeps, limit)
    return scores, limit if solver == "pyo3" and not strict else sweeps


def eigenvector(
    tables: Tables,
    *,
    win_weight: float,
    tie_weight: float,
    solver: str,
    tolerance: float,
    limit: int,
    strict: bool,
    **_: Any,
) -> tuple[np.ndarray, int]:
    """Return the leading eigenvector of the points that elements lost."""
    matrix = _points(tables, win_weight, tie_weight, tolerance)
    return _leading(matrix, solver, tolerance, limit, strict)


def stationary(
    tables: Tables,
    *,
    damping: float,
    win_weight: float,
    tie_weight: float,
    solver: str,
    tolerance: float,
    limit: int,
    strict: bool,
    **_: Any,
) -> tuple[np.ndarray, int]:
    """Return where a walk ends that moves from losers to winners, or anywhere."""
    lost = np.ascontiguousarray(_points(tables, win_weight, tie_weight, tolerance).T)
    with np.errstate(all="ignore"):
        anywhere = 1.0 / len(lost) if len(lost) else 0.0
        total = lost.sum(axis=1, keepdims=True)
        moves = damping * np.where(total == 0.0, anywhere, lost / total) + (1.0 - damping) * anywhere
        scores, sweeps = _leading(_number(moves) if solver != "pyo3" else moves, solver, tolerance, limit, strict)
        return scores / scores.sum(), sweeps


# ---- from votes in their order ----


def counted_votes(votes: Votes, *, win_weight: float, tie_weight: float, solver: str) -> np.ndarray:
    """Return weighted numbers of wins and ties, without a table of all pairs."""
    refuse_unknown(int((votes.winner.view(np.uint8) > 2).sum()), solver)
    votes = votes.coded()
    n, weight = len(votes.index) if len(votes.first) else 0, np.ones(1) if votes.weight is None else votes.weight
    scores = np.zeros(n)
    with np.errstate(all="ignore"):
        for kind, side, worth in ((1, 0, win_weight), (2, 1, win_weight), (0, 0, tie_weight), (0, 1, tie_weight)):
            chosen = votes.winner == kind
            each = np.broadcast_to(weight, chosen.shape)[chosen] * worth
            scores += np.bincount((votes.first, votes.second)[side][chosen], weights=each, minlength=n)
        return _number(scores)


def points_after(
    votes: Votes,
    *,
    initial: float,
    base: float,
    scale: float,
    k: float,
    win_weight: float,
    tie_weight: float,
    solver: str,
    strict: bool,
    **_: Any,
) -> np.ndarray:
    """Return Elo points after all votes."""
    points = np.full(len(votes.index) if len(votes.first) else 0, float(initial))
    if not (0.0 < base < math.inf and 0.0 < abs(scale) < math.inf):
        raise ValueError(f"base {base} and scale {scale} make no chances")
    rules = math.log(base) / scale, k, win_weight, tie_weight
    refuse_unknown(operations("ranking").vote_points(*votes.coded()[:4], rules, strict, points), solver)
    return _number(points)


# ---- the host's functions ----


def counting(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    **kwargs: Any,
) -> results.CountingResult:
    """Return the weighted number of wins and ties of each element, as ``evalica.counting``."""
    _check_weights(win_weight, tie_weight)
    votes = votes_of(xs, ys, winners, index, weights, solver)
    if votes.weight is None and len(votes.first) and len(votes.index) ** 2 <= _FEW:
        scores, _ = counted(tables_of(votes, solver), win_weight=win_weight, tie_weight=tie_weight)
    else:
        scores = counted_votes(votes, win_weight=win_weight, tie_weight=tie_weight, solver=solver)
    return results.CountingResult(_sorted(scores, votes.index, "counting"), votes.index, win_weight, tie_weight, solver)


def average_win_rate(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    **kwargs: Any,
) -> results.AverageWinRateResult:
    """Return the mean over opponents of each element's share of the points, as ``evalica.average_win_rate``."""
    _check_weights(win_weight, tie_weight)
    tables, names = tabulated(xs, ys, winners, index, weights, solver)
    scores, _ = win_rates(tables, win_weight=win_weight, tie_weight=tie_weight)
    series = _sorted(scores, names, "average_win_rate")
    return results.AverageWinRateResult(series, names, win_weight, tie_weight, solver)


def bradley_terry(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    tolerance: float = 1e-6,
    limit: int = 100,
    strict: bool = False,
    **kwargs: Any,
) -> results.BradleyTerryResult:
    """Return Bradley-Terry strengths of geometric mean 1, as ``evalica.bradley_terry``.

    With `strict` they are the maximum of the likelihood; where there is none, `ConvergenceError` is raised.
    """
    _check_weights(win_weight, tie_weight)
    tables, names = tabulated(xs, ys, winners, index, weights, solver)
    scores, sweeps = strengths(
        tables,
        win_weight=win_weight,
        tie_weight=tie_weight,
        tolerance=tolerance,
        limit=limit,
        strict=strict,
    )
    series = _sorted(scores, names, "bradley_terry")
    return results.BradleyTerryResult(series, names, win_weight, tie_weight, solver, tolerance, sweeps, limit)


def newman(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    v_init: float = 0.5,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 1.0,
    solver: str = "pyo3",
    tolerance: float = 1e-6,
    limit: int = 100,
    strict: bool = False,
    **kwargs: Any,
) -> results.NewmanResult:
    """Return strengths and the tie parameter of Davidson's model by Newman's iteration, as ``evalica.newman``.

    The host does not scale strengths, so that theirs is the scale where the path ended. With `strict` strengths have
    geometric mean 1 and are, with `v`, the maximum of the likelihood.
    """
    _check_weights(win_weight, tie_weight)
    tables, names = tabulated(xs, ys, winners, index, weights, solver)
    scores, sweeps, v = tied_strengths(
        tables,
        v_init=v_init,
        win_weight=win_weight,
        tie_weight=tie_weight,
        solver=solver,
        tolerance=tolerance,
        limit=limit,
        strict=strict,
    )
    return results.NewmanResult(
        _sorted(scores, names, "newman"),
        names,
        v,
        v_init,
        win_weight,
        tie_weight,
        solver,
        tolerance,
        sweeps,
        limit,
    )


def elo(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    initial: float = 1000.0,
    base: float = 10.0,
    scale: float = 400.0,
    k: float = 4.0,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    strict: bool = False,
    **kwargs: Any,
) -> results.EloResult:
    """Return Elo points after all comparisons in their order, as ``evalica.elo``.

    Weights scale what was scored, not what was expected, as in the host. With `strict` large points do not overflow.
    """
    votes = votes_of(xs, ys, winners, index, weights, solver)
    scores = points_after(
        votes,
        initial=initial,
        base=base,
        scale=scale,
        k=k,
        win_weight=win_weight,
        tie_weight=tie_weight,
        solver=solver,
        strict=strict,
    )
    series = _sorted(scores, votes.index, "elo")
    return results.EloResult(series, votes.index, initial, base, scale, k, win_weight, tie_weight, solver)


def eigen(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    tolerance: float = 1e-6,
    limit: int = 100,
    strict: bool = False,
    **kwargs: Any,
) -> results.EigenResult:
    """Return the leading left eigenvector of the matrix of points, as ``evalica.eigen``."""
    _check_weights(win_weight, tie_weight)
    tables, names = tabulated(xs, ys, winners, index, weights, solver)
    scores, sweeps = eigenvector(
        tables,
        win_weight=win_weight,
        tie_weight=tie_weight,
        solver=solver,
        tolerance=tolerance,
        limit=limit,
        strict=strict,
    )
    series = _sorted(scores, names, "eigen")
    return results.EigenResult(series, names, win_weight, tie_weight, solver, tolerance, sweeps, limit)


def pagerank(
    xs: Any,
    ys: Any,
    winners: Any,
    index: Any = None,
    damping: float = 0.85,
    weights: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    tolerance: float = 1e-6,
    limit: int = 100,
    strict: bool = False,
    **kwargs: Any,
) -> results.PageRankResult:
    """Return where a walk ends that moves from losers to winners, or anywhere, as ``evalica.pagerank``."""
    _check_weights(win_weight, tie_weight)
    tables, names = tabulated(xs, ys, winners, index, weights, solver)
    scores, sweeps = stationary(
        tables,
        damping=damping,
        win_weight=win_weight,
        tie_weight=tie_weight,
        solver=solver,
        tolerance=tolerance,
        limit=limit,
        strict=strict,
    )
    return results.PageRankResult(
        _sorted(scores, names, "pagerank"),
        names,
        damping,
        win_weight,
        tie_weight,
        solver,
        tolerance,
        sweeps,
        limit,
    )


def pairwise_scores(scores: np.ndarray, solver: str = "pyo3") -> np.ndarray:
    """Return the share of row against column, s_i / (s_i + s_j), as ``evalica.pairwise_scores``."""
    if scores.ndim != 1:
        raise results.ScoreDimensionError(scores.ndim)
    if not scores.size:
        return np.zeros((0, 0))
    with np.errstate(all="ignore"):
        return _number(scores[:, None] / (scores[:, None] + scores)).astype(np.float64, copy=False)


def pairwise_frame(scores: Any) -> Any:
    """Return `pairwise_scores` of a Series as a DataFrame, as ``evalica.pairwise_frame``."""
    shares = pairwise_scores(np.asarray(scores.array, dtype=np.float64))
    return pd.DataFrame(shares, index=scores.index, columns=scores.index)
