"""What a fit of comparisons gives: scores, how sure they are, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from numbers import Real
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import is_array, like, model_of
from alignment_fast._border.rng import BOOTSTRAP, Seed, seed_sequence, stream_key
from alignment_fast._border.scalars import as_level, as_number
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Covariates
from alignment_fast.ranking._covariance import covariance, sandwich
from alignment_fast.ranking._frame import frame_of
from alignment_fast.ranking._models import FIRST_WINS, MODELS, TIED, effective_model
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking._replicates import replicates, replicates_of_outcomes
from alignment_fast.ranking.bootstrap import Bootstrap, number_of_replicates
from alignment_fast.ranking.comparisons import Comparisons
from alignment_fast.ranking.existence import Question

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
        Certificate: √(gᵀH⁻¹g) at the scores or before the last step that led to them, the distance from the maximum in
        standard errors; and the largest entry of that step, in logits.
    iterations : int
        Newton steps.
    converged : bool
        Whether a finite maximum exists, `newton_decrement` is at most `tol` (or 2^-50 of the square root of the total
        weight, if that is more), and `last_step` is, or is as small as rounding allows.
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
    covariates: Covariates = field(repr=False)
    unknowns: NDArray[np.float64] = field(repr=False)
    refit: Callable[[Any, Any], Any] = field(repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value for name, value in vars(self).items() if name not in ("_objective", "_model")
        }  # pointers into the cells

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
        ascending = self.scores.copy()
        ascending.sort()
        return len(ascending) + 1 - ascending.searchsorted(self.scores, side="right")

    def elo(
        self,
        scale: float = 400.0,
        base: float = 10.0,
        mean: float = 1000.0,
        *,
        anchor: tuple[Hashable, float] | None = None,
    ) -> NDArray[np.float64]:
        """Return the scores on Elo's scale: mean + scale / log(base) times the score.

        With `anchor`, an item and its rating, all are moved so that it has that rating.
        """
        scale, base, mean = as_number(scale, "scale"), as_number(base, "base"), as_number(mean, "mean")
        if not (np.isfinite(scale) and np.isfinite(mean) and 0 < base < np.inf and base != 1):
            raise ValueError(f"scale {scale}, base {base}, mean {mean}: all must be finite, base positive and not 1")
        ratings = mean + scale / np.log(base) * self.scores
        return ratings if anchor is None else anchored(ratings, anchor, self.comparisons.index)

    def update(self, comparisons: Any) -> Self:
        """Return the fit to the comparisons so far and these new ones: the same as a fit to all of them.

        Parameters
        ----------
        comparisons : Comparisons, or Rankings of a fit of rankings
            A day's new votes; they may be about new items, whose indices come behind the old ones.

        Returns
        -------
        RatingFit
            With the model and the priors of this fit, which is where the search starts.

        Raises
        ------
        TypeError
            If these are other comparisons than those of the fit.
        ValueError
            If the fit has covariates of each comparison; and as `fit`.

        Notes
        -----
        Accuracy: that of `fit`, whatever came before. Cost: votes so far are not read again, and about half of the
        steps of a fit are left.

        Examples
        --------
        >>> import alignment_fast as af
        >>> old = af.ranking.Comparisons(["a", "b", "a"], ["b", "a", "b"])
        >>> new = af.ranking.Comparisons(["c", "a"], ["a", "c"])
        >>> af.ranking.fit(old).update(new).scores.round(4)
        array([ 0.231 , -0.4621,  0.231 ])

        """
        return self.refit(self, comparisons)

    def to_frame(
        self,
        level: float = 0.95,
        kind: str = "information",
        *,
        anchor: tuple[Hashable, float] | None = None,
    ) -> Any:
        """Return the leaderboard as a pandas DataFrame, the best item first.

        Parameters
        ----------
        level : float
            Confidence of the intervals, of ranks too.
        kind : {"information", "sandwich"}
            Which errors, as in `covariance`.
        anchor : (label or index, float), optional
            An item and its Elo rating, as in `elo`.

        Returns
        -------
        DataFrame
            Columns rank, item, score, standard_error, low, high, elo, elo_low, elo_high, best_rank, worst_rank.

        Raises
        ------
        BackendUnavailableError
            If pandas is not installed.

        """
        return frame_of(board_columns(self, level, kind, anchor))

    def predict(self, i: Any, j: Any, *, home: float = 0.0) -> Any:
        """Return the probability that item i beats item j.

        Parameters
        ----------
        i, j : label, index, or array, column or list of labels or of indices
            Items; arrays broadcast. Integers in an array are indices.
        home : float
            1 where i is at home, -1 where j is, 0 on neutral ground.

        Returns
        -------
        float or array
            Of the caller's kind. In models with ties, the probability of a win outright; see `predict_tie`.

        Raises
        ------
        ItemIndexError
            If an index is negative or too large.
        ValueError
            If a label is unknown.

        """
        return self._probability(i, j, home, FIRST_WINS)

    def predict_tie(self, i: Any, j: Any, *, home: float = 0.0) -> Any:
        """Return the probability that items i and j tie; 0 in models without ties. Parameters as in `predict`."""
        return self._probability(i, j, home, TIED)

    def _probability(self, i: Any, j: Any, home: float, outcome: int) -> Any:
        if type(home) is not float or not isfinite(home):
            home = _as_side(home)
        shift = home * (self.home_advantage or 0.0)
        if type(i) is np.ndarray and type(j) is np.ndarray and not self.comparisons._has_number_labels:
            number, tie = self._chances
            found = operations("ranking").short_predictions(self.scores, i, j, float(shift), number, tie, outcome)
            if found is not None:
                return found
        return like(self._predicted(self._index(i), self._index(j), shift, outcome), model_of((i, j)))

    def _predicted(self, one: Any, other: Any, shift: float, outcome: int) -> Any:
        """Return the probability of an outcome for indices, `shift` being added to the difference of the scores."""
        number, tie = self._chances
        found = operations("ranking").short_predict(self.scores, one, other, shift, number, tie, outcome)
        if found is not None:
            return found
        d = np.asarray(self.scores[one] - self.scores[other]) + shift
        return MODELS[self._model].probability(outcome, d, tie)[()]

    @cached_property
    def _chances(self) -> tuple[int, float]:
        """Number of the model, and the logarithm of its tie parameter."""
        model = MODELS[self._model]
        return model.number(operations("ranking")), float(self.unknowns[-1]) if model.tie else 0.0

    @cached_property
    def _model(self) -> str:
        return effective_model(self.specification.model, self.comparisons.cells)

    def _index(self, item: Any) -> Any:
        many = is_array(item) or isinstance(item, list)
        return self.comparisons.indices(item) if many else self.comparisons.index(item)

    # ---- how sure ----

    @cached_property
    def _objective(self) -> Objective:
        return Objective(
            operations("ranking"),
            self.comparisons.cells,
            self._model,
            covariates=self.covariates,
            ridge=self.specification.l2,
            gamma=self.specification.gamma,
        )

    @property
    def _question(self) -> Question:
        asked = self.specification
        return Question(self.comparisons.cells, self.labels, asked.model, self.covariates, asked.home, asked.has_prior)

    def _check_size(self) -> None:
        if len(self.unknowns) > LARGEST_COVARIANCE:
            raise ValueError(
                f"the covariance of {len(self.unknowns)} unknowns is more than {LARGEST_COVARIANCE}² numbers; "
                "bootstrap() gives standard errors of any number of items"
            )

    def _parameter_covariance(self, kind: str) -> NDArray[np.float64]:
        as_word(kind, "kind", ("information", "sandwich"))
        self._check_size()
        if kind == "sandwich":
            return sandwich(self._objective, self.unknowns, self.comparisons._content)
        return covariance(self._objective, self.unknowns)

    def covariance(self, kind: str = "information") -> NDArray[np.float64]:
        """Return the covariance of the scores.

        Parameters
        ----------
        kind : {"information", "sandwich"}
            Inverse of the observed information (with a prior: of the curvature of the posterior): right where the model
            is, and each comparison is one independent outcome of its weight 1 (or of as many as it counts). Or the
            sandwich with the observed variance of the gradient, which holds where the model does not, where outcomes
            are soft or weighted, and where those of a cluster depend on each other; it takes comparisons, or
            ``Comparisons(..., cluster=...)``, as independent, and many. With fewer than about 50 clusters it is too
            small.

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
        return np.sqrt(self.covariance(kind).diagonal())

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
        """Return `n` fits to comparisons drawn anew.

        Every count becomes a Poisson variable with that mean, as if each comparison were drawn Poisson(1) times: the
        bootstrap for large samples in which their number varies too. Where outcomes are soft, weights are no whole
        numbers, or there are clusters, each comparison or cluster itself is drawn Poisson(1) times. What is assumed is
        what the sandwich assumes.

        Parameters
        ----------
        n : int
            Number of replicates.
        rng : None, int, SeedSequence or Generator
            Seed. Counts of replicate r depend on the seed and r only.
        num_threads : int, optional
            Default `get_num_threads`. The result has the same bits for any number.

        Returns
        -------
        Bootstrap
            A replicate without a finite maximum is NaN, counted in `degenerate` and left out of intervals.

        Raises
        ------
        ValueError
            If n < 1, or the fit was made with `bias_reduction`.

        Notes
        -----
        Cost for each replicate, one thread: 2 ns per count drawn, 9 to 20 where it is to be drawn around 256 or more or
        no whole number, and about five steps by the factor of the fit itself, each a pass over pairs; Newton's own
        where these do not shrink. From 32 items on, without covariates, tie parameter and Gamma prior, sixteen
        replicates go side by side in a fifth of that, and are drawn together even where fewer are asked for. With
        covariates or home advantage a pass and a factor more, which prove that the maximum is finite ("thurstone",
        "rao-kupper": twice as much). Soft, weighted and clustered outcomes take about 30 ns each.

        Coverage of 95 % intervals by simulation (900 votes on 6 items): sandwich 94.9 % for hard votes, 95.1 % for soft
        ones, 94.3 % with weights, 94.7 % for clusters of four; bootstrap 94.9, 94.3, 94.4 and 93.5 %.

        References
        ----------
        Hanley and MacGibbon, Comput. Methods Programs Biomed. 83 (2006) 57-62.

        Examples
        --------
        >>> import alignment_fast as af
        >>> votes = af.ranking.Comparisons.from_matrix([[0, 30, 20], [10, 0, 25], [15, 12, 0]])
        >>> af.ranking.fit(votes).bootstrap(1000, rng=7)
        Bootstrap(1000 replicates of 3 items, 0 without a finite maximum)

        """
        count = number_of_replicates(n)
        if self.specification.bias_reduction:
            raise ValueError(
                "a fit with bias_reduction has no bootstrap: its correction assumes the counts as they are"
            )
        seed, content = seed_sequence(rng, "rng"), self.comparisons._content
        asked = self._objective, self._question, self.unknowns
        if content.outcomes is None:
            found = replicates(*asked, stream_key(seed, BOOTSTRAP), count, num_threads=num_threads)
        else:
            found = replicates_of_outcomes(*asked, seed=seed, count=count, content=content)
        return Bootstrap._of(found, self.labels, self.scores)


def _as_side(home: Any) -> float:
    """Return how much item i is at home, a finite number."""
    side = as_number(home, "home")
    if not isfinite(side):
        raise ValueError(f"home must be finite, not {side}")
    return side


def anchored(
    ratings: NDArray[np.float64], anchor: tuple[Hashable, float], index: Callable[[Hashable], int]
) -> NDArray[np.float64]:
    """Return ratings moved so that one item has a given one; `index` gives its place."""
    if not isinstance(anchor, (tuple, list)) or len(anchor) != 2 or not isinstance(anchor[1], Real):
        raise TypeError(f"anchor must be (item, rating), not {anchor!r}")
    item, rating = anchor
    if not np.isfinite(rating):
        raise ValueError(f"anchor: the rating of {item!r} must be finite, not {rating}")
    return ratings + (rating - ratings[index(item)])


def board_columns(
    fit: RatingFit, level: float, kind: str, anchor: tuple[Hashable, float] | None
) -> dict[str, NDArray[Any]]:
    """Return the columns of a leaderboard, the best item first."""
    order = np.argsort(-fit.scores, kind="stable")
    (low, high), (best, worst) = fit.interval(level, kind), fit.rank_interval(level, kind)
    elo = fit.elo(anchor=anchor)
    columns = {
        "rank": fit.ranks,
        "item": np.arange(len(order)) if fit.labels is None else np.array(fit.labels, dtype=object),
        "score": fit.scores,
        "standard_error": fit.standard_errors(kind),
        "low": low,
        "high": high,
        "elo": elo,
        "elo_low": elo + on_elo(low - fit.scores),
        "elo_high": elo + on_elo(high - fit.scores),
        "best_rank": best,
        "worst_rank": worst,
    }
    return {name: values[order] for name, values in columns.items()}


def on_elo(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores in points of Elo, 0 for 0."""
    return 400.0 / np.log(10.0) * scores


def normal_width(level: float) -> float:
    """Return how many standard errors an interval at confidence `level` reaches to either side."""
    level = as_level(level)
    return NormalDist().inv_cdf(0.5 + 0.5 * level)
