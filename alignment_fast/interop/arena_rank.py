"""Front end for ``arena_rank`` 0.1: Bradley-Terry ratings with intervals from data frames, with features or without.

`BradleyTerry` and `ContextualBradleyTerry` have the host's arguments and results, as NumPy arrays and without JAX. Fits
are the maximum of the likelihood, where the host stops within a few hundredths of a point of it; where there is none,
they end where L-BFGS meets the host's rule, on values that mean as little as the host's. Bootstraps draw from NumPy's
generator, not from JAX's, and start no processes.

Standard errors are the host's, and wrong in three ways; ``strict=True`` gives the right ones, and an error where there
is no maximum:

* A ridge of ``hessian_reg`` times the number of battles goes into the Hessian: the more battles there are, the narrower
  are the intervals of models that took part in few of them. Strict ones have none.
* With features the Hessian lacks the penalty ``reg`` on their coefficients, though the estimate has it.
* With features the gradient's variance is corrected by ``reg**2 / n`` times the square of the coefficients, where
  ``reg**2`` is due.

Needs pandas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from alignment_fast.errors import BackendUnavailableError, ConvergenceError
from alignment_fast.interop._paired import Pairs, by_host_steps, maximum

try:
    import pandas as pd
except ImportError as error:
    raise BackendUnavailableError("alignment_fast.interop.arena_rank needs pandas: pip install pandas") from error

__all__ = ["BradleyTerry", "ContextualBradleyTerry", "ContextualPairDataset", "PairDataset", "default_outcome_map"]

SIDES = ("model_a", "model_b")


def default_outcome_map(outcome: Any) -> float:
    """Return the share of model_a: 1, 0 for "model_b", 0.5 for anything else."""
    return {"model_a": 1.0, "model_b": 0.0}.get(outcome, 0.5)


# ---- data ----


def _numbered(df: Any, sides: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    numbers, names = pd.factorize(pd.concat([df[sides[0]], df[sides[1]]]), sort=True)
    if not len(numbers) or numbers.min() < 0:
        raise ValueError("df: a competitor is missing" if len(numbers) else "df: there are no battles")
    return numbers[: len(df)], numbers[len(df) :], list(names)


def _shares(column: Any, outcome_map: Callable[[Any], float]) -> np.ndarray:
    codes, words = pd.factorize(column)
    meaning = [outcome_map(word) for word in words] + ([outcome_map(math.nan)] if (codes < 0).any() else [])
    return np.array(meaning, dtype=np.float64)[codes]


def _times_met(first: np.ndarray, second: np.ndarray, count: np.ndarray, n_items: int) -> np.ndarray:
    """Return for each row how often its two competitors met, whoever was first."""
    pair = np.minimum(first, second) * n_items + np.maximum(first, second)
    _, place = np.unique(pair, return_inverse=True)
    return np.bincount(place, count)[place]


class _Dataset:
    """What both kinds of data have."""

    def __init__(self, competitors: list[Any], pairs: np.ndarray, outcomes: np.ndarray, weights: np.ndarray) -> None:
        self.competitors, self.n_competitors = competitors, len(competitors)
        self.competitor_to_index = {name: place for place, name in enumerate(competitors)}
        self.pairs, self.outcomes, self.weights, self.n_pairs = pairs, outcomes, weights, len(outcomes)

    def _rows(self, weight: np.ndarray, features: np.ndarray) -> Pairs:
        first, second = self.pairs.T
        return Pairs(self.n_competitors, first, second, self.outcomes, weight, features)


class PairDataset(_Dataset):
    """Battles counted: one row for every two competitors, in the order in which they were shown, and outcome.

    Attributes
    ----------
    competitors : list
        Sorted.
    pairs : array of int (U, 2)
        Their numbers.
    outcomes, counts, weights, opt_weights : array of float64 (U,)
        Share of the first; how often; weight of each battle; count times weight.

    """

    def __init__(
        self,
        competitors: list[Any],
        pairs: np.ndarray,
        outcomes: np.ndarray,
        counts: np.ndarray,
        weights: np.ndarray,
        opt_weights: np.ndarray,
    ) -> None:
        super().__init__(competitors, pairs, outcomes, weights)
        self.counts, self.opt_weights = counts, opt_weights

    @classmethod
    def from_pandas(
        cls,
        df: Any,
        competitor_cols: Sequence[str] = SIDES,
        outcome_col: str = "winner",
        outcome_map: Callable[[Any], float] = default_outcome_map,
        reweighted: bool = False,
        min_pair_count: int = 50,
    ) -> PairDataset:
        """Return the battles of a data frame.

        Parameters
        ----------
        df : DataFrame
            A battle in each row.
        competitor_cols : sequence of str
            Columns of both sides.
        outcome_col : str
            Column of outcomes.
        outcome_map : callable
            From an outcome to the share of the first; called once for each kind of outcome.
        reweighted : bool, default False
            Weigh every battle by 1 / max(battles of the same two competitors, `min_pair_count`).
        min_pair_count : int, default 50
            See `reweighted`.

        Returns
        -------
        PairDataset

        Raises
        ------
        ValueError
            If a competitor is missing, or there are no battles.

        """
        first, second, competitors = _numbered(df, competitor_cols)
        k = len(competitors)
        values, code = np.unique(_shares(df[outcome_col], outcome_map), return_inverse=True)
        kinds, counts = np.unique((first * k + second) * len(values) + code, return_counts=True)
        pairs, outcomes = kinds // len(values), values[kinds % len(values)]
        pairs, counts = np.column_stack([pairs // k, pairs % k]), counts.astype(np.float64)
        met = _times_met(pairs[:, 0], pairs[:, 1], counts, k)
        weights = 1.0 / np.maximum(met, min_pair_count) if reweighted else np.ones(len(counts))
        return cls(competitors, pairs, outcomes, counts, weights, weights * counts)


class ContextualPairDataset(_Dataset):
    """Battles with features, one row each.

    Attributes
    ----------
    competitors : list
        Sorted.
    pairs : array of int (M, 2)
        Their numbers.
    outcomes, weights : array of float64 (M,)
        Share of the first; weight.
    features : array of float64 (M, q)
        Features of each battle.

    """

    def __init__(
        self,
        competitors: list[Any],
        pairs: np.ndarray,
        outcomes: np.ndarray,
        features: np.ndarray,
        weights: np.ndarray,
    ) -> None:
        super().__init__(competitors, pairs, outcomes, weights)
        self.features, self.n_features = features, features.shape[1]

    @classmethod
    def from_pandas(
        cls,
        df: Any,
        feature_cols: Sequence[str],
        competitor_cols: Sequence[str] = SIDES,
        outcome_col: str = "winner",
        outcome_map: Callable[[Any], float] = default_outcome_map,
        reweighted: bool = True,
        min_pair_count: int = 50,
        normalize_features: bool = True,
    ) -> ContextualPairDataset:
        """Return the battles of a data frame with their features.

        Parameters
        ----------
        df, competitor_cols, outcome_col, outcome_map, min_pair_count
            As in `PairDataset.from_pandas`.
        feature_cols : sequence of str
            Columns of features.
        reweighted : bool, default True
            As there, scaled to mean 1.
        normalize_features : bool, default True
            Shift and scale every feature to mean 0 and standard deviation 1; a constant one is only shifted.

        Returns
        -------
        ContextualPairDataset

        Raises
        ------
        ValueError
            If a competitor is missing, or there are no battles.

        """
        first, second, competitors = _numbered(df, competitor_cols)
        outcomes = _shares(df[outcome_col], outcome_map)
        features = df[list(feature_cols)].to_numpy(dtype=np.float64)
        if normalize_features:
            spread = features.std(axis=0)
            features = (features - features.mean(axis=0)) / np.where(spread == 0, 1.0, spread)
        weights = np.ones(len(outcomes))
        if reweighted:
            weights = 1.0 / np.maximum(_times_met(first, second, weights, len(competitors)), min_pair_count)
            weights = weights / weights.mean()
        return cls(competitors, np.column_stack([first, second]), outcomes, features, weights)


# ---- models ----


def _without_shift(matrix: np.ndarray, n_items: int) -> np.ndarray:
    """Return the inverse of a Hessian in which all scores may move alike, on scores of mean zero."""
    shift = np.zeros_like(matrix)
    shift[:n_items, :n_items] = matrix.trace() / n_items**2
    return np.linalg.inv(matrix + shift)


class _Model:
    """What both models have: scale of ratings, stopping rule, intervals."""

    def __init__(
        self,
        n_competitors: int,
        scale: float,
        base: float,
        init_rating: float,
        hessian_reg: float,
        max_iter: int,
        ftol: float,
        gtol: float,
        strict: bool,
    ) -> None:
        self.n_competitors, self.scale, self.base, self.init_rating = n_competitors, scale, base, init_rating
        self.hessian_reg, self.strict = hessian_reg, strict
        self.max_iter, self.ftol, self.gtol = max_iter, ftol, gtol
        self.alpha = scale / math.log(base)

    def _fitted(self, rows: Pairs, penalty: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        try:
            return maximum(rows, penalty, start)
        except ConvergenceError:
            if self.strict:
                raise
        options = {"maxiter": self.max_iter, "ftol": self.ftol, "gtol": self.gtol}
        return by_host_steps(rows, penalty, np.ones(rows.unknowns), options)

    def _replicate(self, rows: Pairs, penalty: np.ndarray, start: np.ndarray) -> np.ndarray:
        try:
            return self._fitted(rows, penalty, start)
        except ConvergenceError:
            return np.full(rows.unknowns, np.nan)

    def _on_scale(self, scores: np.ndarray) -> np.ndarray:
        return scores * self.alpha + self.init_rating

    def _normal(self, scores: np.ndarray, variances: np.ndarray, significance_level: float) -> dict[str, np.ndarray]:
        width = ndtri(1.0 - significance_level / 2.0) * np.sqrt(variances)
        return {
            "ratings": self._on_scale(scores),
            "rating_lower": self._on_scale(scores - width),
            "rating_upper": self._on_scale(scores + width),
            "variances": variances * self.alpha**2,
        }

    def _resampled(self, scores: np.ndarray, samples: np.ndarray, significance_level: float) -> dict[str, np.ndarray]:
        ratings = self._on_scale(samples[~np.isnan(samples).any(axis=1)])
        low, high = np.quantile(ratings, [significance_level / 2.0, 1.0 - significance_level / 2.0], axis=0)
        return {
            "ratings": self._on_scale(scores),
            "rating_lower": low,
            "rating_upper": high,
            "variances": ratings.var(axis=0),
        }


def _check_method(ci_method: str) -> None:
    if not isinstance(ci_method, str) or ci_method not in ("sandwich", "bootstrap"):
        raise ValueError(f"Unknown ci_method: {ci_method}")


class BradleyTerry(_Model):
    """Bradley-Terry ratings with intervals, as ``arena_rank.models.bradley_terry.BradleyTerry``.

    Parameters
    ----------
    n_competitors : int
        Number of competitors.
    scale, base, init_rating : float
        A lead of `scale` points is odds of `base`; the mean rating.
    hessian_reg : float, default 1e-5
        Ridge in the sandwich's Hessian, times the number of battles where none is reweighted; none where `strict`.
    max_iter, ftol, gtol
        Where L-BFGS stops, if there is no maximum: steps, relative change of the loss, largest entry of its gradient.
    dtype, verbose
        Taken and not used: everything is float64 and silent.
    strict : bool, default False
        Sandwich without a ridge; `alignment_fast.errors.ConvergenceError` where there is no maximum.

    """

    def __init__(
        self,
        n_competitors: int,
        scale: float = 400.0,
        base: float = 10.0,
        init_rating: float = 1000.0,
        hessian_reg: float = 1e-5,
        max_iter: int = 1000,
        ftol: float = 1e-9,
        gtol: float = 1e-9,
        dtype: Any = np.float64,
        verbose: bool = False,
        strict: bool = False,
    ) -> None:
        super().__init__(n_competitors, scale, base, init_rating, hessian_reg, max_iter, ftol, gtol, strict)
        self.fitted, self.params = False, {"ratings": np.zeros(n_competitors)}

    def _mean_loss(self, dataset: PairDataset, counts: np.ndarray) -> Pairs:
        weight = counts * dataset.weights
        return dataset._rows(weight / weight.sum(), np.empty((dataset.n_pairs, 0))).merged()

    def fit(self, dataset: PairDataset) -> BradleyTerry:
        """Fit the ratings, from 0 on, and return the model.

        Raises
        ------
        ConvergenceError
            With `strict`, if no finite ratings are best.

        """
        self.params = {"ratings": self._fitted(self._mean_loss(dataset, dataset.counts), np.zeros(self.n_competitors))}
        self.fitted = True
        return self

    def _variances(self, dataset: PairDataset, scores: np.ndarray) -> np.ndarray:
        rows = dataset._rows(dataset.opt_weights, np.empty((dataset.n_pairs, 0)))
        chance = 1.0 / (1.0 + np.exp(-rows.differences(scores)))
        squares = rows.matrix(((dataset.outcomes - chance) * dataset.opt_weights) ** 2 / dataset.counts)
        hessian = rows.curvature(scores)
        if self.strict:
            inverse = _without_shift(hessian, self.n_competitors)
        else:
            battles = dataset.counts.sum() if np.allclose(dataset.weights, 1.0) else 1.0
            inverse = np.linalg.inv(hessian + self.hessian_reg * battles * np.eye(self.n_competitors))
        return np.diag(inverse @ squares @ inverse)

    def compute_ratings_and_cis(
        self,
        dataset: PairDataset,
        significance_level: float = 0.05,
        ci_method: str = "sandwich",
        num_bootstrap: int = 100,
        seed: int = 42,
        n_jobs: int = -1,
    ) -> dict[str, Any]:
        """Return ratings with intervals; fit first, unless that has been done.

        Parameters
        ----------
        dataset : PairDataset
            Battles.
        significance_level : float, default 0.05
            One less the level of the intervals.
        ci_method : {"sandwich", "bootstrap"}
            Normal intervals, or quantiles of resamples of battles.
        num_bootstrap, seed : int
            Resamples, and the seed of NumPy's generator that draws them.
        n_jobs : int
            Taken and not used: no processes are started.

        Returns
        -------
        dict
            competitors, ratings, rating_lower, rating_upper, variances.

        Raises
        ------
        ValueError
            For another method.
        ConvergenceError
            With `strict`, if no finite ratings are best; resamples without them are left out.

        """
        _check_method(ci_method)
        if not self.fitted:
            self.fit(dataset)
        scores = self.params["ratings"]
        if ci_method == "sandwich":
            found = self._normal(scores, self._variances(dataset, scores), significance_level)
        else:
            total, nothing = dataset.counts.sum(), np.zeros(self.n_competitors)
            drawn = np.random.default_rng(seed).multinomial(int(total), dataset.counts / total, size=num_bootstrap)
            samples = np.array([self._replicate(self._mean_loss(dataset, row), nothing, scores) for row in drawn])
            found = self._resampled(scores, samples, significance_level)
        return {"competitors": dataset.competitors, **found}


class ContextualBradleyTerry(_Model):
    """Bradley-Terry ratings with coefficients of features, as ``arena_rank``'s class of this name.

    Parameters
    ----------
    n_competitors, n_features : int
        Numbers of competitors and of features.
    scale, base, init_rating, max_iter, ftol, gtol, dtype, verbose
        As in `BradleyTerry`.
    reg : float, default 1
        Penalty ½ reg ‖coefficients‖² on the mean loss.
    hessian_reg : float, default 1e-5
        Ridge in the sandwich's Hessian; none where `strict`.
    strict : bool, default False
        As in `BradleyTerry`; the sandwich's Hessian has the penalty, and its gradient's variance the right correction.

    """

    def __init__(
        self,
        n_competitors: int,
        n_features: int,
        scale: float = 400.0,
        base: float = 10.0,
        init_rating: float = 1000.0,
        reg: float = 1.0,
        hessian_reg: float = 1e-5,
        max_iter: int = 1000,
        ftol: float = 1e-9,
        gtol: float = 1e-9,
        dtype: Any = np.float64,
        verbose: bool = False,
        strict: bool = False,
    ) -> None:
        super().__init__(n_competitors, scale, base, init_rating, hessian_reg, max_iter, ftol, gtol, strict)
        self.n_features, self.reg, self.fitted = n_features, reg, False
        self.params = {"ratings": np.zeros(n_competitors), "coeffs": np.zeros(n_features)}

    @property
    def _penalty(self) -> np.ndarray:
        return np.concatenate([np.zeros(self.n_competitors), np.full(self.n_features, self.reg)])

    def fit(self, dataset: ContextualPairDataset) -> ContextualBradleyTerry:
        """Fit ratings and coefficients, from 0 on, and return the model.

        Raises
        ------
        ConvergenceError
            With `strict`, if no finite ratings are best.

        """
        rows = dataset._rows(dataset.weights / dataset.n_pairs, dataset.features)
        ratings, coeffs = np.split(self._fitted(rows, self._penalty), [self.n_competitors])
        self.params, self.fitted = {"ratings": ratings, "coeffs": coeffs}, True
        return self

    def _variances(self, dataset: ContextualPairDataset, u: np.ndarray) -> np.ndarray:
        n = dataset.n_pairs
        rows = dataset._rows(dataset.weights / n, dataset.features)
        chance = 1.0 / (1.0 + np.exp(-rows.differences(u)))
        squares = rows.matrix(((dataset.outcomes - chance) * dataset.weights) ** 2 / n)
        drift = self._penalty * u  # the mean of the gradients is its opposite
        if self.strict:
            inverse = _without_shift(rows.curvature(u) + np.diag(self._penalty), self.n_competitors)
            squares -= np.outer(drift, drift)
        else:
            inverse = np.linalg.inv(rows.curvature(u) + self.hessian_reg * np.eye(len(u)))
            squares -= np.outer(drift, drift) / n
        return np.diag(inverse @ squares @ inverse)[: self.n_competitors] / n

    def compute_ratings_and_cis(
        self,
        dataset: ContextualPairDataset,
        significance_level: float = 0.05,
        ci_method: str = "sandwich",
        num_bootstrap: int = 100,
        seed: int = 42,
        n_jobs: int = -1,
    ) -> dict[str, Any]:
        """Return ratings with intervals, and coefficients; fit first, unless that has been done.

        Parameters, results and errors are those of `BradleyTerry.compute_ratings_and_cis`; the dictionary has the
        coefficients as "coeffs" too.
        """
        _check_method(ci_method)
        if not self.fitted:
            self.fit(dataset)
        u = np.concatenate([self.params["ratings"], self.params["coeffs"]])
        scores = self.params["ratings"]
        if ci_method == "sandwich":
            found = self._normal(scores, self._variances(dataset, u), significance_level)
        else:
            rng, n = np.random.default_rng(seed), dataset.n_pairs
            drawn = (np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(num_bootstrap))
            all_rows = dataset._rows(dataset.weights / n, dataset.features)
            samples = [self._replicate(all_rows.weighing(all_rows.weight * row), self._penalty, u) for row in drawn]
            found = self._resampled(scores, np.array(samples)[:, : self.n_competitors], significance_level)
        return {"competitors": dataset.competitors, "coeffs": self.params["coeffs"], **found}
