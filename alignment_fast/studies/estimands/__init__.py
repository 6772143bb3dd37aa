"""What the replicates of a cell are, kind by kind: `ESTIMATORS` maps each kind to what computes them."""

from collections.abc import Callable

from alignment_fast.studies.estimands import best_of_n, coverage, dynamics, ratings, samples, user
from alignment_fast.studies.estimands.base import CellSetting, Estimator

__all__ = ["ESTIMATORS", "CellSetting", "Estimator"]

ESTIMATORS: dict[str, Callable[[CellSetting], Estimator]] = {
    "best_of_n": best_of_n.BestOfN,
    "soft_best_of_n": samples.SoftBestOfN,
    "tilted": samples.Tilted,
    "dynamics": dynamics.Dynamics,
    "rating_bootstrap": ratings.RatingBootstrap,
    "coverage_of_mean": coverage.CoverageOfMean,
    "coverage_of_ratings": coverage.CoverageOfRatings,
    "user": user.User,
}
