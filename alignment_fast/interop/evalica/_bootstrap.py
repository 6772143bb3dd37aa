"""Bootstrap intervals: resamples of the comparisons, drawn as SciPy draws them, scored by tables of wins and ties.

Percentile and basic intervals, and BCa (Efron and Tibshirani, An Introduction to the Bootstrap, 14.3 and 15.4). Its
jackknife scores every kind of comparison once: leaving out either of two that are equal is the same.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import DegenerateDataWarning

from alignment_fast.interop.evalica import _scores as scores
from alignment_fast.interop.evalica._results import BootstrapResult
from alignment_fast.interop.evalica._votes import Tables, Votes, tables_of, votes_of

_OF_TABLES: dict[Any, Callable[..., Any]] = {
    scores.counting: scores.counted,
    scores.average_win_rate: scores.win_rates,
    scores.bradley_terry: scores.strengths,
    scores.newman: scores.tied_strengths,
    scores.eigen: scores.eigenvector,
    scores.pagerank: scores.stationary,
}
# Drawn places that are held at a time.
_DRAWN = 1 << 24


def _options(method: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a method, its defaults among them."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    return {**defaults, **given}


class _Scorer:
    """Scores of resamples by one of the methods here, elements in the order of the result."""

    def __init__(self, method: Any, votes: Votes, options: dict[str, Any], order: np.ndarray) -> None:
        self.method, self.votes, self.order = method, votes, order
        self.options = _options(method, options)

    def _of(self, votes: Votes, tables: Tables | None = None) -> np.ndarray:
        if self.method is scores.elo:
            return scores.points_after(votes, **self.options)[self.order]
        tables = tables_of(votes, self.options["solver"]) if tables is None else tables
        return _OF_TABLES[self.method](tables, **self.options)[0][self.order]

    def resampled(self, places: np.ndarray) -> np.ndarray:
        """Return the scores of comparisons at rows of `places`, one column for each row."""
        first, second, winner, weight, index, _ = self.votes
        out = np.empty((len(self.order), len(places)))
        for column, row in enumerate(places):
            weights = None if weight is None else weight[row]
            out[:, column] = self._of(Votes(first[row], second[row], winner[row], weights, index))
        return out

    def left_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores without one comparison of each kind, in columns, and how many there are of the kind."""
        first, second, winner, weight, *_ = self.votes
        if self.method is scores.elo:  # every comparison has a place of its own in the order
            places = np.arange(len(first))
            every = np.array([np.delete(places, left) for left in places])
            return self.resampled(every), np.ones(len(first))
        kinds = np.column_stack([first, second, winner, np.ones(len(first)) if weight is None else weight])
        distinct, times = np.unique(kinds, axis=0, return_counts=True)
        whole = tables_of(self.votes, self.options["solver"])
        out = np.empty((len(self.order), len(distinct)))
        for column, (one, other, kind, much) in enumerate(distinct):
            without = Tables(whole.wins.copy(), whole.ties.copy())
            i, j = int(one), int(other)
            if kind == 0:
                without.ties[i, j] -= much
                without.ties[j, i] -= much
            elif kind < 3:
                without.wins[(i, j) if kind == 1 else (j, i)] -= much
            out[:, column] = self._of(self.votes, without)
        return out, times.astype(np.float64)


def _quantiles(distribution: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return quantiles of each row, interpolated, at the levels of its own; NaN at NaN."""
    ordered = np.sort(distribution, axis=1)
    last = ordered.shape[1] - 1
    with np.errstate(invalid="ignore"):
        place = levels * last
        below = np.clip(np.nan_to_num(np.floor(place)), 0, last).astype(np.intp)
        above = np.minimum(below + 1, last)
        low, high = np.take_along_axis(ordered, below, 1), np.take_along_axis(ordered, above, 1)
        return low + (high - low) * (place - below)


def _bca_levels(scorer: _Scorer, theta: np.ndarray, distribution: np.ndarray, alpha: float) -> np.ndarray:
    """Return the levels of both ends, corrected for bias and for acceleration."""
    below = (distribution < theta[:, None]).sum(axis=1) + (distribution <= theta[:, None]).sum(axis=1)
    with np.errstate(all="ignore"):
        bias = ndtri(below / (2.0 * distribution.shape[1]))
        left_out, times = scorer.left_out()
        n = times.sum()
        parts = (n - 1) * ((left_out * times).sum(axis=1, keepdims=True) / n - left_out)
        acceleration = (parts**3 * times).sum(axis=1) / n**3 / 6 / ((parts**2 * times).sum(axis=1) / n**2) ** 1.5
        ends = []
        for z in (ndtri(alpha), -ndtri(alpha)):
            ends.append(ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))))
    return np.column_stack(ends)


def _draw(rng: Any, n: int, count: int) -> np.ndarray:
    return rng.integers(0, n, (count, n)) if isinstance(rng, np.random.Generator) else rng.randint(0, n, (count, n))


def _generator(random_state: Any) -> Any:
    if random_state is None:
        return np.random.mtrand._rand
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    return np.random.RandomState(random_state)


def _check(n: int, n_resamples: int, bootstrap_method: str) -> str:
    if n <= 1:
        raise ValueError("each sample in `data` must contain two or more observations along `axis`.")
    if n_resamples != int(n_resamples) or n_resamples < 1:
        raise ValueError("`n_resamples` must be a positive integer.")
    method = bootstrap_method.lower()
    if method not in ("percentile", "basic", "bca"):
        raise ValueError("`method` must be one of 'percentile', 'basic', 'BCa'")
    return method


def bootstrap(
    method: Any,
    xs: Any,
    ys: Any,
    winners: Any,
    weights: Any = None,
    index: Any = None,
    win_weight: float = 1.0,
    tie_weight: float = 0.5,
    solver: str = "pyo3",
    *,
    n_resamples: int = 1000,
    confidence_level: float = 0.95,
    bootstrap_method: str = "BCa",
    random_state: Any = None,
    **kwargs: Any,
) -> BootstrapResult:
    """Return scores with bootstrap intervals, as ``evalica.bootstrap``; `method` is one of the functions here.

    Resamples are those that the host draws from the same `random_state`.
    """
    if method is not scores.elo and method not in _OF_TABLES:
        raise ValueError(f"method: {method!r} is none of the methods of alignment_fast.interop.evalica")
    options = {"win_weight": win_weight, "tie_weight": tie_weight, "solver": solver, **kwargs}
    votes = votes_of(xs, ys, winners, index, weights, solver).coded()
    result = method(xs=xs, ys=ys, winners=winners, weights=weights, index=votes.index, **options)
    n = len(votes.first)
    kind = _check(n, n_resamples, bootstrap_method)
    scorer = _Scorer(method, votes, options, votes.index.get_indexer(result.scores.index))
    rng, step = _generator(random_state), max(1, _DRAWN // n)
    parts = [
        scorer.resampled(_draw(rng, n, min(step, n_resamples - done))) for done in range(0, int(n_resamples), step)
    ]
    distribution, theta = np.concatenate(parts, axis=1), result.scores.to_numpy()
    alpha = (1 - confidence_level) / 2
    if kind == "bca":
        levels = _bca_levels(scorer, theta, distribution, alpha)
    else:
        levels = np.broadcast_to([alpha, 1 - alpha], (len(theta), 2))
    low, high = _quantiles(distribution, levels).T
    if np.isnan(low).any() or np.isnan(high).any():
        message = (
            "The BCa confidence interval cannot be calculated. This problem is known to occur when the distribution "
            "is degenerate or the statistic is np.min."
        )
        warnings.warn(DegenerateDataWarning(message), stacklevel=2)
    if kind == "basic":
        low, high = 2 * theta - high, 2 * theta - low
    with np.errstate(all="ignore"):
        errors = distribution.std(axis=1, ddof=1) if distribution.shape[1] > 1 else np.full(len(theta), np.nan)
    columns = result.scores.index
    return BootstrapResult(
        result=result,
        low=pd.Series(low, index=columns, name="low"),
        high=pd.Series(high, index=columns, name="high"),
        stderr=pd.Series(errors, index=columns, name="stderr"),
        distribution=pd.DataFrame(distribution.T, columns=columns),
        index=votes.index,
    )
