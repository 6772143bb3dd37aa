"""What k samples do together, against all subsets of small pools; unbiased by enumeration of all pools."""

import re
from fractions import Fraction

import numpy as np
import pytest

from alignment_fast.best_of_n import (
    best_at_k,
    coverage_at_cost,
    curve,
    majority_at_k,
    mean_over_prompts,
    pass_all_k,
    pass_at_k,
)
from oracles import repeated as oracle

P = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
LETTERS = ["a", "b", "c"]
POOLS = ["aab", "abc", "aaaa", "bbc", "a", "abbcc", "aabbc", "aaabbbcd", "abbbbbcd"]


def right(answers):
    return oracle.majority(answers, "a")


# ---- pass^k ----


@pytest.mark.parametrize("total", [1, 2, 5, 6])
def test_pass_all_k_is_the_mean_over_subsets(total):
    for correct in range(total + 1):
        pool = [True] * correct + [False] * (total - correct)
        for k in range(1, total + 1):
            found = pass_all_k(total, correct, k)
            assert found.mean == pytest.approx(float(oracle.mean_over_subsets(pool, k, oracle.all_right)), abs=1e-15)
            if 2 * k <= total:
                exact = float(oracle.unbiased_variance(pool, k, oracle.all_right))
                assert found.variance == pytest.approx(exact, abs=1e-15)
            else:
                assert np.isnan(found.variance)


@pytest.mark.parametrize(("total", "k"), [(2, 1), (4, 1), (4, 2), (5, 2), (6, 3)])
def test_pass_all_k_and_its_variance_are_unbiased(total, k):
    p = [Fraction(2, 3), Fraction(1, 3)]

    def estimate(pool):
        found = pass_all_k(total, sum(pool), k)
        return np.array([float(found.mean), float(found.mean) ** 2, float(found.variance)])

    mean, second, variance = oracle.expectation(p, [True, False], total, estimate)
    assert mean == pytest.approx(float(p[0] ** k), abs=1e-14)
    assert variance == pytest.approx(second - mean**2, abs=1e-14)


def test_pass_all_k_at_1_is_pass_at_1_and_shapes_are_those_of_counts():
    total, correct = np.array([[7], [9]]), np.array([0, 3, 7])
    found = pass_all_k(total, correct, [1, 4])
    assert found.mean.shape == found.variance.shape == (2, 3, 2)
    np.testing.assert_allclose(found.mean[..., 0], pass_at_k(total, correct, 1), rtol=1e-15)
    assert pass_all_k(7, 3, 2).mean == pytest.approx(3 * 2 / (7 * 6))
    assert pass_all_k(np.zeros((0,), int), 0, [1]).mean.shape == (0, 1)
    np.testing.assert_array_equal(pass_all_k(10**6, [0, 10**6], 10**5).mean, [0.0, 1.0])


def test_pass_all_k_keeps_its_stated_accuracy():
    stated = float(re.search(r"Accuracy: relative error below (4e-16) k", pass_all_k.__doc__)[1])
    from math import comb

    for k in (3, 40, 400):
        exact = Fraction(comb(700, k), comb(1000, k))
        assert abs(Fraction(float(pass_all_k(1000, 700, k).mean)) / exact - 1) <= stated * k


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((5, 6, 1), ValueError, "num_correct = 6 exceeds num_samples = 5"),
        ((5, 2, 6), ValueError, "^k = 6 exceeds num_samples = 5$"),
        (([9, 5], 2, [2, 6]), ValueError, r"^k\[1\] = 6 exceeds num_samples\[1\] = 5$"),
        ((5, 2, 0), ValueError, "k = 0 is below 1"),
        ((5, -1, 1), ValueError, "num_correct = -1 is below 0"),
        ((5, 2.0, 1), TypeError, "num_correct must be integers"),
        ((5, np.nan, 1), TypeError, "num_correct must be integers"),
    ],
    ids=str,
)
@pytest.mark.parametrize("function", [pass_all_k, coverage_at_cost])
def test_bad_counts(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(*arguments)


# ---- best@k ----


def test_best_at_k_is_the_mean_over_subsets_with_its_variance():
    pool = [0.5, -1.0, 2.0, 0.5, 3.0, 1.0]
    for k in range(1, 7):
        found = best_at_k(pool, k)
        assert found.mean == pytest.approx(float(oracle.mean_over_subsets(pool, k, oracle.best)), abs=1e-14)
        if 2 * k <= 6:
            exact = float(oracle.unbiased_variance(pool, k, oracle.best))
            assert found.variance == pytest.approx(exact, abs=1e-13)
        else:
            assert np.isnan(found.variance)


def test_best_at_k_is_the_curve_of_ragged_pools_judged_by_others():
    scores, values = [[1.0, 2.0, 3.0, 4.0], [5.0, 0.0]], [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0]]
    found, whole = best_at_k(scores, [1, 2, 4], values=values), curve(scores, [1, 2, 4], values=values)
    np.testing.assert_array_equal(found.mean, whole.mean)
    clusters = mean_over_prompts(best_at_k(np.eye(4), 2), clusters=[0, 0, 1, 1])
    assert clusters.standard_error == 0  # all clusters have the same mean


# ---- maj@k ----


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_majority_is_the_mean_over_subsets(pool, k):
    if k > len(pool):
        return
    answers = list(pool)
    found = majority_at_k([answers], k, correct=["a"])
    assert found.mean[0] == pytest.approx(float(oracle.mean_over_subsets(answers, k, right)), abs=1e-13)
    if 2 * k <= len(pool):
        exact = float(oracle.unbiased_variance(answers, k, right))
        assert found.variance[0] == pytest.approx(exact, abs=1e-13)
    else:
        assert np.isnan(found.variance[0])
    jackknife = majority_at_k([answers], k, correct=["a"], variance="jackknife").variance[0]
    if k < len(pool):
        assert jackknife == pytest.approx(float(oracle.jackknife_variance(answers, k, right)), abs=1e-13)
    else:
        assert np.isnan(jackknife)


@pytest.mark.parametrize(("size", "k"), [(2, 1), (4, 2), (5, 2)])
def test_majority_and_its_variance_are_unbiased(size, k):
    def estimate(pool):
        found = majority_at_k([pool], k, correct=["a"])
        return np.array([found.mean[0], found.mean[0] ** 2, found.variance[0]])

    mean, second, variance = oracle.expectation(P, LETTERS, size, estimate)
    assert mean == pytest.approx(float(oracle.expectation(P, LETTERS, k, right)), abs=1e-13)
    assert variance == pytest.approx(second - mean**2, abs=1e-13)


def test_majority_of_booleans_integers_and_ragged_pools():
    flags = np.array([[True, True, False, False, True], [False] * 5, [True] * 5])
    found = majority_at_k(flags, [1, 3])
    np.testing.assert_allclose(found.mean, [[0.6, 0.7], [0, 0], [1, 1]], atol=1e-14)
    np.testing.assert_allclose(majority_at_k(flags.astype(int), [1, 3], correct=[1, 1, 1]).mean, found.mean)
    ragged = majority_at_k([[3, 3, 4], [3]], [1, 2], correct=[3, 4])
    np.testing.assert_allclose(ragged.mean, [[2 / 3, 2 / 3], [0, np.nan]], atol=1e-14)
    single = majority_at_k([1, 1, 2], 2, correct=1)
    assert single.mean == pytest.approx(2 / 3)
    assert majority_at_k([7], 1, correct=7).mean == 1


def test_majority_of_large_pools_is_the_binomial_one():
    """Two answers: the majority of k is a hypergeometric tail, which scipy has."""
    from scipy.stats import hypergeom

    stated = float(re.search(r"Accuracy: (1e-12) absolute", majority_at_k.__doc__)[1])
    for size, own, k in ((200, 120, 51), (2000, 900, 201)):
        flags = np.arange(size) < own
        exact = hypergeom(size, own, k).sf(k // 2)
        assert abs(majority_at_k(flags, k, variance=None).mean - exact) < stated


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[1, 2]], 1), {}, "correct is needed where answers are not booleans"),
        (([[1, 2]], 1), {"correct": [1, 2]}, r"correct of shape \(2,\) and problems of shape \(1,\) differ"),
        (([[1, 2]], 3), {"correct": [1]}, "^k = 3 exceeds the 2 samples of the largest pool$"),
        (([[1, 2]], 0), {"correct": [1]}, "^k = 0 is below 1$"),
        (([[1, 2]], 1.0), {"correct": [1]}, "k must be an integer"),
        (([[]], 1), {"correct": [1]}, r"answers\[0\] of shape \(0,\) is no pool"),
        (([[1.0, np.nan]], 1), {"correct": [1]}, r"answers\[0\]\[1\] = nan is NaN"),
        (
            ([True, False], 1),
            {"variance": "bootstrap"},
            "variance must be one of None, 'unbiased', 'jackknife', not 'bootstrap'",
        ),
        ((np.repeat(np.arange(4), 64)[None], 64), {"correct": [1]}, "too many terms: ask for 'jackknife'"),
    ],
    ids=str,
)
def test_bad_votes(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        majority_at_k(*arguments, **options)


def test_answers_that_do_not_compare_are_named():
    with pytest.raises(TypeError, match=r"answers\[0\] holds answers that do not compare"):
        majority_at_k(np.array([[1, "a"]], dtype=object), 1, correct=np.array(["a"], dtype=object))


@pytest.mark.parametrize(
    ("scores", "k", "message"),
    [
        ([1.0, 2.0], 3, "^k = 3 exceeds the 2 samples of the largest pool$"),
        ([[1.0, 2.0], [3.0]], [1, 3], r"^k\[1\] = 3 exceeds the 2 samples of the largest pool$"),
        ([1.0, 2.0], 0, "^k = 0 is below 1$"),
        ([1.0, 2.0], 1.5, "^k must be an integer"),
        ([1.0, np.nan], 1, r"^scores\[1\] = nan is NaN$"),
        ([], 1, "^scores"),
    ],
)
def test_bad_best_at_k(scores, k, message):
    with pytest.raises(ValueError, match=message):
        best_at_k(scores, k)


@pytest.mark.parametrize(
    ("answers", "correct"), [([["1", "2"]], [1]), ([[1, 2]], ["1"]), ([["1"], ["2", "1"]], [1, 2]), ([1, 2], "1")]
)
def test_text_is_never_right_where_the_answer_is_a_number(answers, correct):
    with pytest.raises(TypeError, match="correct and answers must both be text, or both be numbers"):
        majority_at_k(answers, 1, correct=correct)
    objects = majority_at_k(np.array([["a", "b"]], dtype=object), 1, correct=["a"])
    assert objects.mean == [0.5]


# ---- coverage at cost ----


@pytest.mark.parametrize("total", [1, 3, 5])
def test_costs_are_attempts_over_all_orders(total):
    for correct in range(total + 1):
        for k in range(1, total + 1):
            found = coverage_at_cost(total, [correct], k)
            assert found.cost == pytest.approx(float(oracle.attempts(total, correct, k)), abs=1e-13)
            assert found.coverage == pytest.approx(pass_at_k(total, correct, k), abs=1e-13)


def test_coverage_has_the_errors_of_problems_and_of_clusters():
    correct = np.array([0, 3, 9, 9])
    found = coverage_at_cost(10, correct, [1, 4])
    chance = pass_at_k(10, correct, [1, 4])
    np.testing.assert_allclose(found.coverage_error, chance.std(axis=0, ddof=1) / 2)
    clustered = coverage_at_cost(10, np.repeat(correct, 2), [1, 4], clusters=np.repeat(np.arange(4), 2))
    np.testing.assert_allclose(clustered.coverage_error, found.coverage_error)
    with pytest.raises(ValueError, match="problems must be one-dimensional and at least one"):
        coverage_at_cost(10, np.zeros(0, int), 1)
