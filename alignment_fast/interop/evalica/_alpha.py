"""Krippendorff's alpha: agreement of observers beyond chance.

alpha = 1 - observed / expected disagreement, from the matrix of coincidences: how often two values were given to one
unit. Krippendorff, Content Analysis (2018).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from alignment_fast.interop.evalica._results import (
    AlphaBootstrapResult,
    AlphaResult,
    InsufficientRatingsError,
    UnknownDistanceError,
)


def _codes(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return ratings of units with at least two, (unit, observer), as codes (-1: none), and the values coded."""
    frame = data.loc[:, data.notna().sum(axis=0) > 1].T
    if frame.empty:
        raise InsufficientRatingsError
    ratings = frame.to_numpy()
    codes, values = pd.factorize(ratings.ravel(), sort=True)
    try:
        values = values.astype(np.float64)
    except (ValueError, TypeError):
        values = np.arange(len(values), dtype=np.float64)
    return codes.reshape(ratings.shape), values


def _coincidences(codes: np.ndarray, n_values: int) -> np.ndarray:
    """Return how often two values were given to one unit, each unit weighing as much as it has ratings."""
    unit, observer = np.nonzero(codes >= 0)
    places = unit * n_values + codes[unit, observer]
    counts = np.bincount(places, minlength=len(codes) * n_values).reshape(len(codes), n_values).astype(np.float64)
    ratings = counts.sum(axis=1)
    weighted = counts / np.where(ratings >= 2, ratings - 1, np.inf)[:, None]
    return weighted.T @ counts - np.diag(weighted.sum(axis=0))


def _distances(distance: Any, values: np.ndarray, coincidences: np.ndarray, solver: str) -> np.ndarray:
    if callable(distance):
        one, other = values.astype(object)[:, None], values.astype(object)
        found = np.vectorize(lambda left, right: float(distance(left, right)), otypes=[np.float64])(one, other)
        np.fill_diagonal(found, 0.0)
        return found
    if distance == "nominal":
        return 1.0 - np.eye(len(values))
    if distance == "interval":
        return (values[:, None] - values) ** 2
    if distance == "ordinal":
        totals = coincidences.sum(axis=1)
        middles = np.cumsum(totals) - totals / 2.0
        return (middles[:, None] - middles) ** 2
    if distance == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = ((values[:, None] - values) / (values[:, None] + values)) ** 2
        equal = values[:, None] == values
        if solver == "pyo3":  # where values whose sum is 0 are equal, too
            equal |= values[:, None] + values == 0.0
        return np.where(equal, 0.0, shares)
    raise UnknownDistanceError(distance)


def _disagreements(
    codes: np.ndarray, values: np.ndarray, distance: Any, solver: str
) -> tuple[float, float, np.ndarray]:
    """Return observed and expected disagreement, and the distances."""
    coincidences = _coincidences(codes, len(values))
    distances = _distances(distance, values, coincidences, solver)
    totals = coincidences.sum(axis=1)
    expected = np.outer(totals, totals)
    np.fill_diagonal(expected, totals * (totals - 1))
    total = totals.sum()
    chance = float((expected * distances).sum() / (total - 1)) if total > 1 else 0.0
    return float((coincidences * distances).sum()), chance, distances


def _alpha(observed: float, expected: float) -> float:
    if expected == 0.0:
        return 1.0 if observed == 0.0 else 0.0
    return 1.0 - observed / expected


def alpha(data: Any, distance: str | Callable[[Any, Any], float] = "nominal", solver: str = "pyo3") -> AlphaResult:
    """Return Krippendorff's alpha of ratings, observers in rows and units in columns, as ``evalica.alpha``.

    `distance` is "nominal", "ordinal", "interval", "ratio" or a function of two values.
    """
    observed, expected, _ = _disagreements(*_codes(data), distance, solver)
    return AlphaResult(_alpha(observed, expected), observed, expected, solver)


def _resampled(codes: np.ndarray, distances: np.ndarray, expected: float, n_resamples: int, seed: Any) -> np.ndarray:
    """Return alphas of resamples: pairs of ratings of a unit are drawn from all pairs."""
    per_unit = [row[row >= 0] for row in codes]
    pairs = [np.triu_indices(len(row), 1) for row in per_unit]
    errors = np.concatenate([distances[row[i], row[j]] for row, (i, j) in zip(per_unit, pairs, strict=True)])
    errors = 2.0 * errors / expected
    counts = [len(i) for i, _ in pairs]
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, errors.size, size=(n_resamples, sum(counts)), dtype=np.int64)
    out, start = np.ones(n_resamples), 0
    for row, count in zip(per_unit, counts, strict=True):
        drawn = draws[:, start : start + count]
        start += count
        if count >= 2:
            again = drawn[:, 1] == drawn[:, 0]
            drawn[again, 1] = rng.integers(0, errors.size, size=again.sum(), dtype=np.int64)
        out -= errors[drawn].sum(axis=1) / (len(row) - 1)
    return np.maximum(out, -1.0)


def alpha_bootstrap(
    data: Any,
    distance: str | Callable[[Any, Any], float] = "nominal",
    solver: str = "pyo3",
    *,
    n_resamples: int = 5000,
    confidence_level: float = 0.95,
    random_state: int | None = None,
) -> AlphaBootstrapResult:
    """Return Krippendorff's alpha with a bootstrap interval (Hayes), as ``evalica.alpha_bootstrap``.

    Resamples are those of the host's ``solver="naive"``, whichever `solver` is named.
    """
    if n_resamples <= 0:
        raise ValueError("n_resamples must be a positive integer")
    if not 0.0 < confidence_level < 1.0:
        raise ValueError("confidence_level must be in (0, 1)")
    if random_state is not None and random_state < 0:
        raise ValueError("random_state must be a non-negative integer or None")
    codes, values = _codes(data)
    observed, expected, distances = _disagreements(codes, values, distance, solver)
    if expected <= 0.0:
        raise ValueError("Bootstrapping is not defined when expected disagreement is zero.")
    distribution = _resampled(codes, distances, expected, n_resamples, random_state)
    tail = (1.0 - confidence_level) / 2.0
    low, high = np.quantile(distribution, [tail, 1.0 - tail])
    return AlphaBootstrapResult(
        _alpha(observed, expected),
        observed,
        expected,
        solver,
        float(low),
        float(high),
        pd.Series(distribution, name="alpha"),
        n_resamples,
        confidence_level,
    )
