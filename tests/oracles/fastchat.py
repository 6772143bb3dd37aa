"""FastChat's ratings, battle by battle, from their definition: the same loss and minimiser, and Elo by loops."""

import math

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

BASELINE, BASELINE_RATING = "mixtral-8x7b-instruct-v0.1", 1114
LOG_10 = math.log(10.0)
STYLE_CONTROL_ELEMENTS_V1 = [
    *("sum_assistant_a_tokens", "header_count_a", "list_count_a", "bold_count_a"),
    *("sum_assistant_b_tokens", "header_count_b", "list_count_b", "bold_count_b"),
]


def battles_of(df):
    """Return numbers of both models, shares of the first, and the models as they first appear."""
    models = list(dict.fromkeys([*df["model_a"], *df["model_b"]]))
    number = {model: place for place, model in enumerate(models)}
    first, second = (np.array([number[model] for model in df[side]]) for side in ("model_a", "model_b"))
    share = np.array([{"model_a": 1.0, "model_b": 0.0}.get(word, 0.5) for word in df["winner"]])
    return first, second, share, models


def results_of(df):
    """Return the results that occur, in order, and how often."""
    first, second, share, models = battles_of(df)
    kinds = sorted(zip(first.tolist(), second.tolist(), share.tolist(), strict=True))
    distinct = sorted(set(kinds))
    counts = np.array([float(kinds.count(kind)) for kind in distinct])
    return np.array([kind[:2] for kind in distinct]), np.array([kind[2] for kind in distinct]), counts, models


def minimised(design, share, weight, reg, tol):
    """Return where the minimiser ends of Σ w [log(1 + e^d) - s d] + reg/2 p², d = design p."""

    def objective(p):
        d = design @ p
        value = (weight * (np.logaddexp(0, d) - share * d)).sum() + reg / 2 * p @ p
        return value, design.T @ (weight * (expit(d) - share)) + reg * p

    options = {"maxiter": 100, "gtol": tol}
    return minimize(objective, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options=options).x


def design_of(matchups, n_models):
    return np.eye(n_models)[matchups[:, 0]] - np.eye(n_models)[matchups[:, 1]]


def fit_bt(matchups, outcomes, weights, n_models, alpha, tol=1e-6):
    return minimised(alpha * design_of(matchups, n_models), outcomes, weights, 0.0, tol)


def on_scale(ratings, models, scale, init_rating):
    found = np.asarray(ratings) * scale + init_rating
    if BASELINE in models:
        found = found + BASELINE_RATING - found[..., [models.index(BASELINE)]]
    return found


def by_median(ratings, models):
    frame = pd.DataFrame(ratings, columns=models)
    return frame[frame.median().sort_values(ascending=False).index]


def compute_bt(df, base=10.0, scale=400.0, init_rating=1000, tol=1e-6):
    matchups, share, weight, models = results_of(df)
    ratings = fit_bt(matchups, share, weight, len(models), math.log(base), tol)
    return pd.Series(on_scale(ratings, models, scale, init_rating), index=models).sort_values(ascending=False)


def compute_bootstrap_bt(battles, num_round, base=10.0, scale=400.0, init_rating=1000.0, tol=1e-6, num_cpu=None):
    matchups, share, weight, models = results_of(battles)
    drawn = np.random.default_rng(0).multinomial(len(battles), weight / weight.sum(), num_round) / len(battles)
    ratings = [fit_bt(matchups, share, row, len(models), math.log(base), tol) for row in drawn]
    return by_median(on_scale(ratings, models, scale, init_rating), models)


def style_of(df):
    def number(value):
        return value if isinstance(value, int) else sum(value.values())

    counts = np.array([[number(row[name]) for name in STYLE_CONTROL_ELEMENTS_V1] for row in df["conv_metadata"]])
    found = (counts[:, :4] - counts[:, 4:]) / (counts[:, :4] + counts[:, 4:] + 1)
    return (found - found.mean(axis=0)) / found.std(axis=0)


def with_style(design, style, share, alpha, reg, tol):
    return minimised(np.hstack([alpha * design, style]), share, np.ones(len(share)), reg, tol)


def compute_style_control(df, alpha=LOG_10, reg=0.5, init_rating=1000.0, scale=400.0, tol=1e-6):
    first, second, share, models = battles_of(df)
    design = design_of(np.column_stack([first, second]), len(models))
    found = with_style(design, style_of(df), share, alpha, reg, tol)
    ratings = on_scale(found[: len(models)], models, scale, init_rating)
    return pd.Series(ratings, index=models).sort_values(ascending=False), found[len(models) :]


def compute_bootstrap_style_control(
    df, num_round, alpha=LOG_10, reg=0.5, init_rating=1000.0, scale=400.0, tol=1e-6, num_cpu=None
):
    first, second, share, models = battles_of(df)
    design, style = design_of(np.column_stack([first, second]), len(models)), style_of(df)
    drawn = np.random.randint(0, len(share), (num_round, len(share)))  # noqa: NPY002
    found = np.array([with_style(design[row], style[row], share[row], alpha, reg, tol) for row in drawn])
    ratings = on_scale(found[:, : len(models)], models, scale, init_rating)
    return by_median(ratings, models), found[:, len(models) :]


def points_after(first, second, share, n_models, k, alpha, start):
    points = [start] * n_models
    for a, b, s in zip(first, second, share, strict=True):
        gained = k * (s - 1 / (1 + math.exp(alpha * (points[b] - points[a]))))
        points[a] += gained
        points[b] -= gained
    return points


def compute_elo(df, k=4.0, base=10.0, init_rating=1000.0, scale=400.0):
    first, second, share, models = battles_of(df)
    points = points_after(first, second, share, len(models), k, math.log(base) / scale, init_rating)
    return dict(zip(models, points, strict=True))


def compute_bootstrap_elo(df, num_round=100, k=4.0, base=10.0, init_rating=1000.0, scale=400.0):
    first, second, share, models = battles_of(df)
    drawn = np.random.randint(0, len(df), (len(df), num_round))  # noqa: NPY002
    alpha = math.log(base) / scale
    ratings = [points_after(first[row], second[row], share[row], len(models), k, alpha, 0.0) for row in drawn.T]
    return by_median(np.array(ratings) + init_rating, models)
