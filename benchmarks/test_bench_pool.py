"""Curves from pools and pass@k, against sorts of the same scores and the ways people compute them."""

import math

import numpy as np
import pytest
from scipy.special import gammaln

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.best_of_n import curve, pass_at_k

RANDOM = np.random.default_rng(1)


def close_to(expected, rtol=1e-7):
    """Return a check of an array, or of the mean of a curve."""
    return lambda result: np.testing.assert_allclose(
        result if isinstance(result, np.ndarray) else result.mean, expected, rtol=rtol
    )


def is_sorted(result):
    assert np.all(np.diff(result, axis=-1) >= 0)


def gammaln_mean(ascending, n):
    """Return the mean at one n with weights from log-gamma functions, as public code does."""
    rank = np.arange(n, len(ascending) + 1)
    size = len(ascending)
    log_subsets = gammaln(size + 1) - gammaln(n + 1) - gammaln(size - n + 1)
    return np.exp(gammaln(rank) - gammaln(n) - gammaln(rank - n + 1) - log_subsets) @ ascending[n - 1 :]


def human_eval_loop(total, correct, k):
    """Return pass@k as the reference implementation computes it, problem by problem."""
    return np.array(
        [1.0 if total - c < k else 1.0 - np.prod(1.0 - k / np.arange(total - c + 1, total + 1)) for c in correct]
    )


def sorts_case(title, scores, n, target):
    ours = curve(scores, n)
    return Case(
        title,
        {
            OURS: Contender(lambda: curve(scores, n, num_threads=1), scores.size, close_to(ours.mean)),
            "NumPy sort": Contender(lambda: np.sort(scores, axis=-1), scores.size, is_sorted),
        },
        targets=(Target("NumPy sort", 1 / target),),
    )


def gammaln_case(size=10_000, count=20):
    scores = RANDOM.standard_normal(size)
    some = np.linspace(1, size, count).astype(int)
    expected = curve(scores, some).mean

    def peer():
        ascending = np.sort(scores)
        return np.array([gammaln_mean(ascending, int(n)) for n in some])

    return Case(
        f"curve, M = {size}, all n, per n",
        {
            OURS: Contender(
                lambda: curve(scores, num_threads=1).mean, size, lambda mean: close_to(expected)(mean[some - 1])
            ),
            "gammaln weights": Contender(peer, count, close_to(expected, 1e-6)),
        },
        targets=(Target("gammaln weights", 500.0),),
    )


def pass_case(problems=10_000, total=200, k=100):
    correct = RANDOM.integers(0, total + 1, problems)
    expected = [1 - math.comb(total - int(c), k) / math.comb(total, k) for c in correct]
    check = close_to(expected, 1e-12)
    return Case(
        f"pass@k, n = {total}, k = {k}, per problem",
        {
            OURS: Contender(lambda: pass_at_k(total, correct, k), problems, check),
            "loop over problems": Contender(lambda: human_eval_loop(total, correct, k), problems, check),
        },
        targets=(Target("loop over problems", 300.0),),
    )


def variance_case(size=100_000):
    scores, n = RANDOM.standard_normal(size), np.unique(np.geomspace(1, size // 2, 60).astype(int))
    expected = curve(scores, n).mean
    return Case(
        f"curve with variance, M = {size}, {len(n)} values of n, per sample",
        {
            OURS: Contender(lambda: curve(scores, n, variance="unbiased", num_threads=1), size, close_to(expected)),
            "jackknife": Contender(
                lambda: curve(scores, n, variance="jackknife", num_threads=1), size, close_to(expected)
            ),
            "NumPy sort": Contender(lambda: np.sort(scores), size, is_sorted),
        },
    )


LARGE = RANDOM.standard_normal(10**6)
CASES = [
    sorts_case("curve, M = 1e6, all n, per sample", LARGE, None, 3.0),
    sorts_case(
        "curve, M = 1e6, about 200 n, per sample", LARGE, np.unique(np.geomspace(1, 10**6, 230).astype(int)), 2.0
    ),
    sorts_case("curve, a million prompts of 16 samples, per sample", RANDOM.standard_normal((10**6, 16)), None, 1.5),
    gammaln_case(),
    pass_case(),
    variance_case(),
]


@pytest.mark.kernels(
    "best_of_n.pool_mean",
    "best_of_n.pool_dots",
    "best_of_n.pool_interpolate",
    "best_of_n.pool_variance",
    "best_of_n.pass_at_k",
)
@each_contender(CASES)
def test_pool(case, name, timed):
    timed(case, name)
