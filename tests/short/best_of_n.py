"""Small calls of the best-of-N functions and of the methods of `BestOfN`."""

import numpy as np

from alignment_fast.best_of_n import Curve, Gaussian, Table, Uniform
from short import Call

P = np.array([0.2, 0.3, 0.0, 0.1, 0.4])
REWARD = np.array([3.0, 1.0, 7.0, 1.0, -2.0])
DRAWS = np.array([1.0, 2.5, 100.0, 1e9])
COUNTS = np.array([1, 3, 5])
SCORES = np.array([0.5, -1.0, 0.25, 0.5, 2.0, 0.0, 1.5])
GOLD = np.array([1.0, 0.0, 0.5, -1.0, 2.0, 3.0, 0.25])
LONG = np.sin(np.arange(1.0, 90.0))
OUTSIDE = ((0, 1, np.nan), (0, 0, 0.5), (0, 2, np.inf))
NOT_FINITE = ((0, 1, np.nan), (0, 0, np.inf))

FORMS = ("kl", "reverse_kl", "chi2", "tv", "hellinger2", "win_rate")
ORDERS = (-np.inf, -2.0, 0.0, 0.25, 0.5, 1.0, 1.5, 7.0, np.inf)
ONE_N = (4, 2.5, np.float64(7.5), np.int64(3), np.int32(9), 10**30)


def closed_forms():
    for name in ("kl_upper_bound", "win_rate_continuous", *(f"continuous.{form}" for form in FORMS)):
        yield Call(f"best_of_n.{name}", (DRAWS,), bad=OUTSIDE)
        yield Call(f"best_of_n.{name}", (), {"log_n": DRAWS})
        yield Call(f"best_of_n.{name}", (COUNTS,), float32=False)
        yield Call(f"best_of_n.{name}", (), {"log_n": 700.0}, float32=False)
    for n in ONE_N:
        yield Call("best_of_n.kl_upper_bound", (n,), float32=False)
    for order in ORDERS:
        yield Call("best_of_n.continuous.renyi", (DRAWS,), {"order": order})
        yield Call("best_of_n.continuous.renyi", (3.5,), {"order": order}, float32=False)


def estimators():
    p, bad = np.array([0.2, 1.0, 1e-300]), ((0, 0, 0.0), (0, 1, 1.5), (0, 2, np.nan))
    yield Call("best_of_n.kl_estimator", (p, 10), bad=bad, float32=False)
    yield Call("best_of_n.kl_estimator", (p, DRAWS), bad=((1, 1, 0.5),), float32=False)
    yield Call("best_of_n.kl_estimator", (0.25, DRAWS), float32=False)
    yield Call("best_of_n.kl_estimator", (np.log(p),), {"log_n": 3.0, "log": True}, float32=False)
    yield Call("best_of_n.kl_estimator", (0.25, 10), float32=False)


def laws():
    bad = ((0, 1, np.nan), (0, 0, -1.0), (1, 2, np.nan))
    yield Call("best_of_n.BestOfN", (P, REWARD), bad=bad, python_calls=5)
    yield Call("best_of_n.BestOfN", (None, REWARD), python_calls=5)
    for n in (3, DRAWS, COUNTS):
        for method in ("kl", "pmf", "log_pmf", "win_rate", "expected_reward", "reward_variance", "kl_estimate"):
            yield Call(f"best_of_n.BestOfN.{method}", (P, REWARD, n), constructed=2)
        for kind in ("reverse_kl", "chi2", "tv", "hellinger2"):
            yield Call("best_of_n.BestOfN.divergence", (P, REWARD, kind, n), constructed=2)
        yield Call(
            "best_of_n.BestOfN.divergence", (P, REWARD, "renyi", n), {"order": 0.5}, constructed=2, python_calls=5
        )
    yield Call("best_of_n.BestOfN.kl", (P, REWARD), {"log_n": 3.0}, constructed=2)
    yield Call("best_of_n.BestOfN.sample", (P, REWARD, 100, 3), {"rng": 5}, constructed=2, python_calls=6)


def aligned():
    for n in (3, COUNTS):
        yield Call("best_of_n.BestOfN.aligned", (P, REWARD, n), constructed=2)
    yield Call("best_of_n.BestOfN.aligned", (P, REWARD, DRAWS), constructed=2, bad=((2, 0, np.nan),))
    yield Call("best_of_n.BestOfN.aligned", (None, REWARD), {"log_n": 5.0}, constructed=2)
    yield Call("best_of_n.BestOfN.aligned", (P, np.where(P > 0, REWARD, np.inf), 2), constructed=2)


def normals():
    yield Call("best_of_n.continuous.gaussian_reward", (DRAWS,), bad=OUTSIDE)
    yield Call("best_of_n.continuous.gaussian_reward", (COUNTS,), float32=False)
    for n in ONE_N:
        yield Call("best_of_n.continuous.gaussian_reward", (n,), float32=False)
    yield Call("best_of_n.continuous.gaussian_reward", (), {"log_n": 649.0}, float32=False)


def prompts():
    rows = np.sin(np.arange(12.0)).reshape(4, 3)
    rows[1, 2] = np.nan
    yield Call(
        "best_of_n.mean_over_prompts", (rows,), constructed=1, wraps=lambda mean: Curve(COUNTS, mean), python_calls=5
    )
    yield Call("best_of_n.mean_over_prompts", (GOLD,), constructed=1, wraps=lambda mean: Curve(3, mean), python_calls=5)


def samples():
    log_p = np.log(np.linspace(0.05, 1.0, len(SCORES)))
    bad = ((0, 2, np.nan),)
    for n in (3, COUNTS, np.array([7, 2, 2])):
        yield Call("best_of_n.divergence_from_samples", (SCORES, n), bad=bad, python_calls=6)
        yield Call(
            "best_of_n.divergence_from_samples",
            (SCORES, n),
            {"log_p": log_p},
            bad=(*bad, ("log_p", 1, 0.5), ("log_p", 0, -np.inf)),
            python_calls=6,
        )


def overoptimization():
    scores = np.sin(np.arange(1.0, 61.0)).reshape(5, 12)
    gold = np.cos(np.arange(1.0, 61.0)).reshape(5, 12)
    for n in (None, np.array([1, 2, 12])):
        yield Call("best_of_n.proxy_versus_gold", (scores, gold, n), bad=((0, 3, np.nan), (1, 4, np.inf)))
    long = np.sin(np.arange(200.0)).reshape(2, 100)
    yield Call("best_of_n.proxy_versus_gold", (long, long[::-1].copy()))
    kl, gain = np.array([0.0, 0.5, 1.0, 2.0, 4.0]), np.array([0.0, 0.5, 0.7, 0.6, 0.2])
    square = np.diag([0.0, 1.0, 2.0, 1.0, 0.5]) + 0.1
    bad = ((0, 1, -1.0), (1, 0, np.nan), (0, 2, np.inf))
    for form in ("best-of-n", "reinforcement-learning"):
        yield Call("best_of_n.fit_overoptimization", (kl, gain), {"form": form}, bad=bad)
        yield Call(
            "best_of_n.fit_overoptimization",
            (kl, gain),
            {"form": form, "standard_error": 1.0 + kl},
            bad=(*bad, ("standard_error", 1, 0.0)),
        )
        yield Call(
            "best_of_n.fit_overoptimization",
            (kl, gain),
            {"form": form, "covariance": square},
            bad=(*bad, ("covariance", 6, -1.0)),
        )
        for points in (kl, 0.5):
            fit = form, 0.9, 0.25, np.array([[2.0, 0.5], [0.5, 1.0]])
            for method in ("gain", "standard_error"):
                name = f"best_of_n.OveroptimizationFit.{method}"
                yield Call(name, (*fit, points), constructed=4, float32=points is kl and method == "gain")


def simulations():
    yield Call("best_of_n.Table", (P, REWARD), bad=((0, 0, -1.0), (0, 1, np.nan), (1, 1, np.nan)))
    sources = ((), Gaussian), ((), Uniform), ((P, REWARD), Table)
    options = {}, {"method": "order"}, {"return_maxima": True}, {"replicate": 4093}
    for arrays, source in sources:
        for n in (1, 100, 10**9):
            for how in options:
                yield Call(
                    "best_of_n.simulate",
                    (*arrays, n, 30),
                    {"seed": 3, **how},
                    constructed=len(arrays),
                    wraps=source,
                    python_calls=14,
                    float32=False,
                )


def pools():
    for scores in (SCORES, LONG):
        for n in (None, 3, COUNTS):
            yield Call("best_of_n.curve", (scores, n), bad=NOT_FINITE, python_calls=5)
            yield Call("best_of_n.curve", (scores, n), {"estimator": "v"}, python_calls=5)
            yield Call("best_of_n.curve", (scores, n), {"variance": "jackknife"}, python_calls=5)
    for n in (None, 3, COUNTS):
        yield Call(
            "best_of_n.curve",
            (SCORES, n),
            {"values": GOLD},
            bad=(*NOT_FINITE[:1], ("values", 0, np.inf)),
            python_calls=5,
        )
        for variance in ("unbiased", "jackknife"):
            yield Call("best_of_n.curve", (SCORES, n), {"values": GOLD, "variance": variance}, python_calls=5)
    for correct in (3, np.array([0, 3, 9])):
        for k in (2, COUNTS):
            yield Call("best_of_n.pass_at_k", (10, correct, k), float32=False)
    yield Call(
        "best_of_n.pass_at_k", (np.array([9, 10]), np.array([0, 3]), 2), bad=((1, 0, 11), (0, 1, 1)), float32=False
    )


def relatives():
    bad = ((0, 0, np.nan), (0, 1, -1.0), (1, 2, np.nan))
    yield Call("best_of_n.best_of_poisson", (P, REWARD, 3), bad=bad)
    yield Call("best_of_n.win_rate_optimal", (P, REWARD), {"strength": 2.0}, bad=bad, python_calls=5)
    yield Call("best_of_n.win_rate_optimal", (P, REWARD), {"kl": 0.5}, python_calls=5)
    yield Call("best_of_n.soft_best_of_n", (P, REWARD, 4, 0.5), bad=(*bad, (1, 0, np.inf)))
    yield Call("best_of_n.inference_time_pessimism", (REWARD, 0.5), bad=NOT_FINITE, python_calls=5)
    yield Call("best_of_n.inference_time_pessimism", (REWARD, 0.5), {"p": P}, python_calls=5)


CALLS = [
    *(*relatives(), *closed_forms(), *estimators(), *laws(), *aligned(), *normals()),
    *(*pools(), *prompts(), *samples(), *overoptimization(), *simulations()),
]

SOURCE = "a source of `simulate`, whose small calls are those of best_of_n.simulate"
WITHOUT = {
    "best_of_n.Uniform": SOURCE,
    "best_of_n.Quantile": "calls a Python function of its user",
    "best_of_n.Sampler": "runs a user's function that numba compiles",
}
