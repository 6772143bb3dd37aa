"""Differences of scores, their errors, and draws of how far all of them are off together.

Whatever ranks are to be told from, a fit, its replicates or paired scores, is brought to this form: estimates θ̂, errors
σ_ij of the differences θ̂_i - θ̂_j, and draws of θ̂ - θ. Fits and paired scores draw from the normal law of their
covariance, which is the multiplier bootstrap of the gradient, linearised; tasks and clusters may be few, so how many
degrees of freedom their errors have is told too. Replicates are taken as they are.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_array
from alignment_fast._border.rng import BOOTSTRAP
from alignment_fast.random import Stream
from alignment_fast.ranking.bootstrap import Bootstrap
from alignment_fast.ranking.paired import PairedScores
from alignment_fast.ranking.plackett_luce import PlackettLuceFit
from alignment_fast.ranking.result import RatingFit

# Draws of the normal law: the error of a level of 95 % is 0.22 %.
DRAWS = 10_000
# Degrees of freedom for each item below which draws of so low a rank understate how far the largest difference goes.
FEW = 5
# A variance that is this part of what it is the difference of is rounding.
ROUNDING = 2.0**-46


@dataclass(frozen=True)
class Differences:
    """What is known of differences of scores.

    `error` (K, K) is 0 where nothing is known of a difference; `deviation` (K, n), float32, is in units of `unit`, and
    None where draws say nothing. `freedom`: degrees of freedom of the errors, None for many. `agreed`: the number of
    independent tasks that may all agree on a difference, or 0 where that says nothing.
    """

    estimate: NDArray[np.float64]
    error: NDArray[np.float64]
    deviation: NDArray[np.float32] | None
    unit: float
    labels: tuple[Hashable, ...] | None
    freedom: int | None = None
    agreed: int = 0


def differences_of(source: Any) -> Differences:
    """Return the `Differences` behind a fit, replicates or paired scores; raise TypeError for anything else."""
    if isinstance(source, Bootstrap):
        return _of_replicates(source)
    if isinstance(source, PairedScores):
        means = as_array(source.means, "means") / source.unit
        return _of_covariance(
            means, as_array(source.relative, "relative"), source.labels, source.clusters - 1, source.clusters
        )
    if isinstance(source, RatingFit):
        covariance, freedom = _covariance_of(source)
        return _of_covariance(source.scores, covariance, source.labels, freedom)
    kinds = "RatingFit, Bootstrap or PairedScores"
    raise TypeError(f"ranks need a {kinds}, not {type(source).__name__}")


def _covariance_of(fit: RatingFit) -> tuple[NDArray[np.float64], int | None]:
    """Return the covariance of scores and its degrees of freedom, None for many.

    Outcomes that are known one by one are soft, weighted or clustered: only the sandwich sees how they scatter.
    """
    outcomes = fit.comparisons._outcomes
    if outcomes is None or isinstance(fit, PlackettLuceFit):
        return fit.covariance(), None
    _, groups = outcomes.groups()
    if fit.comparisons._counted is not None or groups < 2:
        return fit.covariance("sandwich"), None
    return groups / (groups - 1) * fit.covariance("sandwich"), groups - 1


def _of_replicates(source: Bootstrap) -> Differences:
    finite = source._finite
    if len(finite) < 2:
        raise ValueError(f"ranks need at least two replicates with a finite maximum, not {len(finite)}")
    estimate = finite.mean(axis=0) if source.estimate is None else source.estimate
    error = errors_of(np.cov(finite, rowvar=False).reshape(len(estimate), -1))
    unit = float(error.max()) or 1.0
    return Differences(
        estimate, error, np.ascontiguousarray((finite - estimate).T / unit, dtype=np.float32), unit, source.labels
    )


def errors_of(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard errors of differences; 0 where all that is left is rounding."""
    variance = np.diag(covariance)
    total = variance[:, None] + variance
    square = total - 2.0 * covariance
    return np.sqrt(np.where(square > ROUNDING * total, square, 0.0))


def _of_covariance(
    estimate: NDArray[np.float64],
    covariance: NDArray[np.float64],
    labels: tuple[Hashable, ...] | None,
    freedom: int | None,
    agreed: int = 0,
) -> Differences:
    error = errors_of(covariance)
    unit = float(error.max()) or 1.0
    few = freedom is not None and freedom < FEW * len(estimate)
    deviation = None if few else _draws(estimate, covariance / unit**2)
    return Differences(estimate, error, deviation, unit, labels, freedom, agreed)


def _draws(estimate: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return draws (K, DRAWS) of the normal law of this covariance.

    They belong to places in the ranking, so that they do not depend on how items are numbered.
    """
    from scipy.linalg.lapack import dpstrf

    place = np.lexsort((np.diag(covariance), -estimate))
    factor, pivot, rank, _ = dpstrf(covariance[np.ix_(place, place)], lower=1)
    lower = np.zeros((len(estimate), rank), dtype=np.float32)
    lower[place[pivot - 1]] = np.tril(factor)[:, :rank]
    normal = Stream(0, purpose=BOOTSTRAP).normal((rank, DRAWS), dtype=np.float32)
    return lower @ normal
