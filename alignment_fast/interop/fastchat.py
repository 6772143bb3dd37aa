"""Front end for the ratings of FastChat: ``fastchat.serve.monitor.rating_systems``, change one import line.

Battles are a data frame with the columns model_a, model_b and winner ("model_a", "model_b"; anything else is a tie),
and conv_metadata for the control of style. Ratings are in points of the Elo scale, a baseline model at 1114 where it is
among them, as in the host.

Fits take the steps of the host's minimiser on one row for each two models that met; they end where the host ends, which
is not the maximum of the likelihood: L-BFGS-B stops after 100 steps, or where the loss hardly falls, without a word.
``strict=True`` gives the maximum, or `alignment_fast.errors.ConvergenceError` where there is none.

Needs pandas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.errors import BackendUnavailableError, ConvergenceError
from alignment_fast.interop._paired import Pairs, by_host_steps, maximum

try:
    import pandas as pd
except ImportError as error:
    raise BackendUnavailableError("alignment_fast.interop.fastchat needs pandas: pip install pandas") from error

__all__ = [
    "compute_bootstrap_bt",
    "compute_bootstrap_elo",
    "compute_bootstrap_style_control",
    "compute_bt",
    "compute_elo",
    "compute_style_control",
    "fit_bt",
]

BASELINE, BASELINE_RATING = "mixtral-8x7b-instruct-v0.1", 1114
STYLE = ("sum_assistant_{}_tokens", "header_count_{}", "list_count_{}", "bold_count_{}")
_STEPS = 100
# Codes of outcomes: twice the share of model_a.
_LOST, _TIED, _WON = 0, 1, 2


# ---- battles ----


def _coded(battles: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]:
    """Return numbers of both models of each battle, codes of the outcomes, and the models as they first appear."""
    n = len(battles)
    numbers, models = pd.factorize(pd.concat([battles["model_a"], battles["model_b"]]))
    if not n or numbers.min() < 0:
        raise ValueError("battles: a model is missing" if n else "battles: there are none")
    codes, words = pd.factorize(battles["winner"])
    meaning = np.array([{"model_a": _WON, "model_b": _LOST}.get(word, _TIED) for word in words] + [_TIED])  # -1: none
    return numbers[:n], numbers[n:], meaning[codes], list(models)


def _counted(battles: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[Any]]:
    """Return (first, second, share, count, models) of the results that occur, in the host's order."""
    first, second, outcome, models = _coded(battles)
    k = len(models)
    count = np.bincount((first * k + second) * 3 + outcome, minlength=3 * k * k)
    kinds = np.flatnonzero(count)
    return kinds // 3 // k, kinds // 3 % k, kinds % 3 / 2.0, count[kinds].astype(np.float64), models


def _style_of(battles: Any) -> np.ndarray:
    """Return the normalised differences of style, (battles, 4)."""
    columns = [element.format(side) for side in "ab" for element in STYLE]
    counts = np.array(
        [[_number(record[name]) for name in columns] for record in battles["conv_metadata"]], dtype=np.int32
    )
    ours, theirs = (side.astype(float) for side in np.split(counts.reshape(-1, len(columns)), 2, axis=1))
    found = (ours - theirs) / (ours + theirs + 1.0)
    return (found - found.mean(axis=0)) / found.std(axis=0)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else sum(value.values())


# ---- ratings ----


def _on_scale(ratings: np.ndarray, models: list[Any], scale: float, init_rating: float) -> np.ndarray:
    found = ratings * scale + init_rating
    if BASELINE in models:
        found = found + (BASELINE_RATING - found[..., [models.index(BASELINE)]])
    return found


def _best_first(ratings: np.ndarray, models: list[Any]) -> Any:
    return pd.Series(ratings, index=models).sort_values(ascending=False)


def _best_median_first(ratings: np.ndarray, models: list[Any]) -> Any:
    frame = pd.DataFrame(ratings, columns=models)
    return frame[frame.median().sort_values(ascending=False).index]


def fit_bt(
    matchups: np.ndarray,
    outcomes: np.ndarray,
    weights: np.ndarray,
    n_models: int,
    alpha: float,
    tol: float = 1e-6,
    strict: bool = False,
) -> np.ndarray:
    """Return the ratings r of the model logit P = alpha (r_a − r_b), as FastChat's function does.

    Parameters
    ----------
    matchups : array of int (M, 2)
        Numbers of both models.
    outcomes : array (M,)
        1 where the first won, 0 where it lost, 0.5 for a tie.
    weights : array (M,)
        How often each occurred.
    n_models : int
        Number of models.
    alpha : float
        Logits in a unit of rating.
    tol : float, default 1e-6
        Largest entry of the gradient where the minimiser stops.
    strict : bool, default False
        Give the maximum of the likelihood, whatever `tol`.

    Returns
    -------
    array of float64 (n_models,)

    Raises
    ------
    ConvergenceError
        With `strict`, if no finite ratings are best.

    """
    pairs = _pairs(matchups[:, 0], matchups[:, 1], outcomes, weights, n_models)
    return _fitted(pairs.merged(), alpha, tol, strict)


def _pairs(first: np.ndarray, second: np.ndarray, share: np.ndarray, weight: np.ndarray, n_items: int) -> Pairs:
    first, second = (np.asarray(side, dtype=np.intp) for side in (first, second))
    share, weight = (np.asarray(values, dtype=np.float64) for values in (share, weight))
    return Pairs(n_items, first, second, share, weight, np.empty((len(share), 0)))


def _fitted(pairs: Pairs, alpha: float, tol: float, strict: bool) -> np.ndarray:
    nothing = np.zeros(pairs.unknowns)
    if strict:
        return maximum(pairs, nothing) / alpha
    return by_host_steps(pairs, nothing, np.full(pairs.unknowns, alpha), {"maxiter": _STEPS, "gtol": tol})


def compute_bt(
    df: Any,
    base: float = 10.0,
    scale: float = 400.0,
    init_rating: float = 1000,
    tol: float = 1e-6,
    strict: bool = False,
) -> Any:
    """Return Bradley-Terry ratings of the models, best first, as FastChat's function does.

    Parameters
    ----------
    df : DataFrame
        Battles: model_a, model_b, winner.
    base, scale, init_rating : float
        A lead of `scale` points is odds of `base`; the mean, where the baseline model is not among the models.
    tol, strict
        As in `fit_bt`.

    Returns
    -------
    Series

    Raises
    ------
    ConvergenceError
        With `strict`, if no finite ratings are best.

    """
    first, second, share, count, models = _counted(df)
    ratings = _fitted(_pairs(first, second, share, count, len(models)).merged(), math.log(base), tol, strict)
    return _best_first(_on_scale(ratings, models, scale, init_rating), models)


def compute_bootstrap_bt(
    battles: Any,
    num_round: int,
    base: float = 10.0,
    scale: float = 400.0,
    init_rating: float = 1000.0,
    tol: float = 1e-6,
    num_cpu: int | None = None,
    strict: bool = False,
) -> Any:
    """Return ratings of `num_round` resamples, a row each, as FastChat's function does.

    Parameters
    ----------
    battles : DataFrame
        Battles: model_a, model_b, winner.
    num_round : int
        Resamples; the draws are the host's, which are the same every time.
    base, scale, init_rating, tol
        As in `compute_bt`.
    num_cpu : int, optional
        Taken and not used: no processes are started.
    strict : bool, default False
        Give the maxima; rows of resamples without one are NaN.

    Returns
    -------
    DataFrame
        Columns from the best median on; rows in the order of the draws, where the host has them in the order in which
        its processes ended.

    """
    first, second, share, count, models = _counted(battles)
    pairs = _pairs(first, second, share, count, len(models))
    drawn = np.random.default_rng(seed=0).multinomial(len(battles), count / count.sum(), size=num_round)
    alpha = float(np.log(base))
    ratings = np.array([_resampled(pairs, row / len(battles), alpha, tol, strict) for row in drawn])
    return _best_median_first(_on_scale(ratings, models, scale, init_rating), models)


def _resampled(pairs: Pairs, weight: np.ndarray, alpha: float, tol: float, strict: bool) -> np.ndarray:
    try:
        return _fitted(pairs.weighing(weight).merged(), alpha, tol, strict)
    except ConvergenceError:
        return np.full(pairs.n_items, np.nan)


# ---- control of style ----


def _style_pairs(df: Any) -> tuple[Pairs, list[Any]]:
    first, second, outcome, models = _coded(df)
    pairs = _pairs(first, second, outcome / 2.0, np.ones(len(first)), len(models))
    return Pairs(pairs.n_items, pairs.first, pairs.second, pairs.share, pairs.weight, _style_of(df)), models


def _fitted_with_style(pairs: Pairs, alpha: float, reg: float, tol: float, strict: bool) -> np.ndarray:
    scale = np.concatenate([np.full(pairs.n_items, alpha), np.ones(pairs.unknowns - pairs.n_items)])
    penalty = np.full(pairs.unknowns, reg)
    if strict:
        return maximum(pairs, penalty / scale**2) / scale
    return by_host_steps(pairs, penalty, scale, {"maxiter": _STEPS, "gtol": tol})


def compute_style_control(
    df: Any,
    alpha: float = math.log(10.0),
    reg: float = 0.5,
    init_rating: float = 1000.0,
    scale: float = 400.0,
    tol: float = 1e-6,
    strict: bool = False,
) -> tuple[Any, np.ndarray]:
    """Return ratings, best first, and coefficients of style, as FastChat's function does.

    Parameters
    ----------
    df : DataFrame
        Battles, with conv_metadata: dictionaries of the numbers of tokens, headers, lists and bold words of both sides.
    alpha : float, default log 10
        Logits in a unit of rating.
    reg : float, default 0.5
        Penalty ½ reg ‖·‖² on ratings and coefficients.
    init_rating, scale : float
        As in `compute_bt`.
    tol, strict
        As in `fit_bt`.

    Returns
    -------
    ratings : Series
    coefficients : array of float64 (4,)
        Of the normalised differences of tokens, headers, lists and bold words.

    Raises
    ------
    ConvergenceError
        With `strict` and without a penalty, if no finite ratings are best.

    """
    pairs, models = _style_pairs(df)
    found = _fitted_with_style(pairs, alpha, reg, tol, strict)
    ratings = _on_scale(found[: len(models)], models, scale, init_rating)
    return _best_first(ratings, models), found[len(models) :]


def compute_bootstrap_style_control(
    df: Any,
    num_round: int,
    alpha: float = math.log(10.0),
    reg: float = 0.5,
    init_rating: float = 1000.0,
    scale: float = 400.0,
    tol: float = 1e-6,
    num_cpu: int | None = None,
    strict: bool = False,
) -> tuple[Any, np.ndarray]:
    """Return ratings and coefficients of `num_round` resamples, as FastChat's function does.

    Parameters
    ----------
    df, alpha, reg, init_rating, scale, tol
        As in `compute_style_control`.
    num_round : int
        Resamples, which are the host's: drawn from NumPy's global generator.
    num_cpu : int, optional
        Taken and not used: no processes are started.
    strict : bool, default False
        Give the maxima.

    Returns
    -------
    ratings : DataFrame
        A row of each resample, columns from the best median on.
    coefficients : array of float64 (num_round, 4)

    Raises
    ------
    ConvergenceError
        As `compute_style_control`.

    """
    pairs, models = _style_pairs(df)
    n = len(pairs.first)
    drawn = np.random.randint(low=0, high=n, size=(num_round, n))  # noqa: NPY002  the host's generator
    found = np.array(
        [_fitted_with_style(_times(pairs, np.bincount(row, minlength=n)), alpha, reg, tol, strict) for row in drawn]
    )
    ratings = _on_scale(found[:, : len(models)], models, scale, init_rating)
    return _best_median_first(ratings, models), found[:, len(models) :]


def _times(pairs: Pairs, times: np.ndarray) -> Pairs:
    """Return each row as often as it was drawn, as its weight; those that were not are left out."""
    drawn = np.flatnonzero(times)
    first, second, share = (one[drawn] for one in (pairs.first, pairs.second, pairs.share))
    return Pairs(pairs.n_items, first, second, share, times[drawn].astype(np.float64), pairs.features[drawn])


# ---- Elo ----


def _points(
    battles: Sequence[np.ndarray], n_models: int, k: float, base: float, start: float, scale: float
) -> np.ndarray:
    """Return Elo points after the battles, in their order."""
    first, second, outcome = battles
    winner = np.array([2, 0, 1], dtype=np.int8)[outcome]  # who won, or neither
    points = np.full(n_models, float(start))
    places = (side.astype(np.int32) for side in (first, second))
    rules = math.log(base) / scale, k, 1.0, 0.5
    operations("ranking").vote_points(*places, winner, None, rules, True, points)
    return points


def compute_elo(
    df: Any, k: float = 4.0, base: float = 10.0, init_rating: float = 1000.0, scale: float = 400.0
) -> dict[Any, float]:
    """Return Elo ratings after all battles in their order, as FastChat's function does.

    Parameters
    ----------
    df : DataFrame
        Battles: model_a, model_b, winner.
    k : float, default 4
        Points at stake.
    base, init_rating, scale : float
        As in `compute_bt`; all models start at `init_rating`.

    Returns
    -------
    dict
        model -> rating.

    """
    *battles, models = _coded(df)
    return dict(zip(models, _points(battles, len(models), k, base, init_rating, scale), strict=True))


def compute_bootstrap_elo(
    df: Any,
    num_round: int = 100,
    k: float = 4.0,
    base: float = 10.0,
    init_rating: float = 1000.0,
    scale: float = 400.0,
) -> Any:
    """Return Elo ratings of `num_round` resamples, a row each, as FastChat's function does.

    Parameters
    ----------
    df, k, base, init_rating, scale
        As in `compute_elo`.
    num_round : int, default 100
        Resamples, which are the host's: drawn from NumPy's global generator.

    Returns
    -------
    DataFrame
        Columns from the best median on.

    """
    *battles, models = _coded(df)
    drawn = np.random.randint(low=0, high=len(df), size=(len(df), num_round))  # noqa: NPY002  the host's generator
    ratings = np.array(
        [_points([one[row] for one in battles], len(models), k, base, 0.0, scale) for row in drawn.T.copy()]
    )
    return _best_median_first(ratings + init_rating, models)
