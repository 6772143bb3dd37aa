"""What a fit of comparisons gives: scores, how sure they are, and what follows from them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast.ranking import _solve as solve
from alignment_fast.ranking.comparisons import Comparisons

if TYPE_CHECKING:
    from alignment_fast._border.rng import Seed
    from alignment_fast.ranking.bootstrap import Bootstrap

__all__ = ["RatingFit"]

# Largest covariance matrix, 0.5 GiB; beyond it the bootstrap gives standard errors.
LARGEST_COVARIANCE = 8192


@dataclass(frozen=True)
class Specification:
    """What was asked for: model, priors (gamma: shape less one), home advantage, bias reduction."""

    model: str
    l2: float
    gamma: float
    home: bool
    bias_reduction: bool

    @property
    def has_prior(self) -> bool:
        """Whether a prior makes every maximum finite."""
        return self.l2 > 0 or self.gamma > 0


@dataclass(frozen=True, eq=False)
class RatingFit:
    """Scores fitted to comparisons.

    Attributes
    ----------
    scores : array (K,)
        Scores of mean zero, in logits ("thurstone": in standard deviations of a difference).
    log_likelihood : float
        At the scores, without the prior.
    gradient_norm : float
        Largest entry of the gradient of what was maximised.
    newton_decrement, last_step : float
        Certificate: √(gᵀH⁻¹g), the distance from the maximum in standard errors, and the largest entry of the last
        Newton step, in logits, which was still taken.
    iterations : int
        Newton steps.
    converged : bool
        Whether `last_step` is at most `tol`, or as small as rounding allows.
    tie_parameter : float or None
        θ of "rao-kupper", ν of "davidson".
    home_advantage : float or None
        What being at home adds to a score.
    coefficients : array (q,)
        Those of covariates.
    labels : tuple or None
        Names of the items.

    """

    scores: NDArray[np.float64]
    log_likelihood: float
    gradient_norm: float
    newton_decrement: float
    last_step: float
    iterations: int
    converged: bool
    tie_parameter: float | None
    home_advantage: float | None
    coefficients: NDArray[np.float64]
    labels: tuple[Hashable, ...] | None
    specification: Specification = field(repr=False)
    comparisons: Comparisons = field(repr=False)
    covariates: solve.Covariates = field(repr=False)
    unknowns: NDArray[np.float64] = field(repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_objective"}  # pointers into the cells

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __repr__(self) -> str:
        order = np.argsort(-self.scores, kind="stable")[:3]
        best = ", ".join(
            f"{i if self.labels is None else self.labels[i]}: {self.scores[i]:.4g}" for i in order.tolist()
        )
        more = ", ..." if len(self.scores) > 3 else ""
        return (
            f"RatingFit({self.specification.model}, {len(self.scores)} items, {best}{more}; "
            f"log_likelihood={self.log_likelihood:.8g}, converged={self.converged})"
        )

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Rank of every item: one more than the number of items with a higher score."""
        ascending = np.sort(self.scores)
        return len(ascending) + 1 - np.searchsorted(ascending, self.scores, side="right")

    def elo(self, scale: float = 400.0, base: float = 10.0, mean: float = 1000.0) -> NDArray[np.float64]:
        """Return the scores on Elo's scale: mean + scale / log(base) times the score."""
        return mean + scale / np.log(base) * self.scores

    def predict(self, i: Any, j: Any, *, home: float = 0.0) -> Any:
        """Return the probability that item i beats item j.

        Parameters
        ----------
        i, j : label, index, or array or list of labels or of indices
            Items; arrays broadcast. Integers in an array are indices.
        home : float
            1 where i is at home, -1 where j is, 0 on neutral ground.

        Returns
        -------
        float or array
            In models with ties, the probability of a win outright; see `predict_tie`.

        Raises
        ------
        ItemIndexError
            If an index is negative or too large.
        ValueError
            If a label is unknown.

        """
        return self._probability(i, j, home, 0)

    def predict_tie(self, i: Any, j: Any, *, home: float = 0.0) -> Any:
        """Return the probability that items i and j tie; 0 in models without ties. Parameters as in `predict`."""
        return self._probability(i, j, home, 2)

    def _probability(self, i: Any, j: Any, home: float, outcome: int) -> Any:
        d = np.asarray(self.scores[self._index(i)] - self.scores[self._index(j)]) + home * (self.home_advantage or 0.0)
        tie = self.unknowns[-1] if self.tie_parameter else 0.0
        model = self.specification.model if self.tie_parameter is None or self._tied else "bradley-terry"
        return solve.probabilities(model, d, tie)[outcome][()]

    @property
    def _tied(self) -> bool:
        return bool(self.comparisons.cells.ties.any())

    def _index(self, item: Any) -> Any:
        return self.comparisons.indices(item) if isinstance(item, np.ndarray | list) else self.comparisons.index(item)

    # ---- how sure ----

    @cached_property
    def _objective(self) -> solve.Objective:
        model = self.specification.model
        return solve.objective(
            self.comparisons.cells,
            model if self.tie_parameter is None or self._tied else "bradley-terry",
            covariates=self.covariates,
            ridge=self.specification.l2,
            gamma=self.specification.gamma,
        )

    def _check_size(self) -> None:
        if len(self.unknowns) > LARGEST_COVARIANCE:
            raise ValueError(
                f"the covariance of {len(self.unknowns)} unknowns is more than {LARGEST_COVARIANCE}² numbers; "
                "bootstrap() gives standard errors of any number of items"
            )

    def _parameter_covariance(self, kind: str) -> NDArray[np.float64]:
        if kind not in ("information", "sandwich"):
            raise ValueError(f"kind must be 'information' or 'sandwich', not {kind!r}")
        self._check_size()
        return solve.covariance(self._objective, self.unknowns, sandwich=kind == "sandwich")

    def covariance(self, kind: str = "information") -> NDArray[np.float64]:
        """Return the covariance of the scores.

        Parameters
        ----------
        kind : {"information", "sandwich"}
            Inverse of the observed information (with a prior: of the curvature of the posterior), or the sandwich with
            the observed variance of the gradient, which holds also where the model does not.

        Returns
        -------
        array (K, K)
            That of scores of mean zero: its rows add up to zero. By LAPACK.

        Raises
        ------
        ValueError
            If there are more than 8192 items.

        """
        items = len(self.scores)
        return self._parameter_covariance(kind)[:items, :items].copy()

    def standard_errors(self, kind: str = "information") -> NDArray[np.float64]:
        """Return the standard errors of the scores; `kind` as in `covariance`."""
        return np.sqrt(np.diag(self.covariance(kind)))

    def parameter_errors(self, kind: str = "information") -> NDArray[np.float64]:
        """Return the standard errors of home advantage, coefficients, log of the tie parameter, as far as fitted."""
        return np.sqrt(np.diag(self._parameter_covariance(kind))[len(self.scores) :])

    def interval(
        self, level: float = 0.95, kind: str = "information"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (low, high), the intervals of the scores at confidence `level`, by their standard errors."""
        half = normal_width(level) * self.standard_errors(kind)
        return self.scores - half, self.scores + half

    def rank_interval(
        self, level: float = 0.95, kind: str = "information"
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (best, worst) rank of every item at confidence `level`.

        An item ranks behind those whose scores are surely higher, by the standard error of the difference, and before
        those whose scores are surely lower.
        """
        covariance = self.covariance(kind)
        variance = np.diag(covariance)
        error = np.sqrt(np.maximum(variance[:, None] + variance[None] - 2.0 * covariance, 0.0))
        surely = self.scores[:, None] - self.scores[None] > normal_width(level) * error
        np.fill_diagonal(surely, False)
        return 1 + surely.sum(axis=0), len(self.scores) - surely.sum(axis=1)

    def bootstrap(self, n: int, *, rng: Seed = None, num_threads: int | None = None) -> Bootstrap:
        """Return `n` fits to comparisons drawn anew, as `alignment_fast.ranking.bootstrap.bootstrap` does."""
        from alignment_fast.ranking.bootstrap import bootstrap

        return bootstrap(self, n, rng=rng, num_threads=num_threads)


def normal_width(level: float) -> float:
    """Return how many standard errors an interval at confidence `level` reaches to either side."""
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    return NormalDist().inv_cdf(0.5 + 0.5 * level)
