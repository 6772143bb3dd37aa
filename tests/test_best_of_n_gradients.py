"""Weights for the gradient of the best of k: their definition, and unbiasedness over all draws of small alphabets."""

from fractions import Fraction

import numpy as np
import pytest

from alignment_fast.best_of_n import curve, max_at_k_weights
from bounds import bound
from oracles import gradients as oracle

BASELINES = ("none", "leave-one-out")
LETTERS = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
each_baseline = pytest.mark.parametrize("baseline", BASELINES)


def most(k, size, baseline):
    return k <= size - (baseline != "none")


@each_baseline
@pytest.mark.parametrize("reward", [[0.0, 1.0, 4.0], [0.0, 0.0, 1.0], [2.0, -1.0, 2.0]], ids=str)
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1), (3, 2), (4, 2), (4, 3), (4, 4), (5, 3)])
def test_the_gradient_is_unbiased_over_all_draws(reward, n, k, baseline):
    """By enumeration in fractions: also for pass@k, which is the best of rewards that are 0 or 1."""
    if not most(k, n, baseline):
        return
    exact = oracle.gradient(LETTERS, reward, k)
    found = oracle.expected_estimate(
        LETTERS, reward, n, lambda drawn: max_at_k_weights(drawn, k, baseline=baseline).tolist()
    )
    np.testing.assert_allclose([float(x) for x in found], [float(x) for x in exact], rtol=0, atol=1e-13)


def test_the_oracle_of_weights_is_unbiased_itself():
    exact = oracle.gradient(LETTERS, [0.0, 1.0, 4.0], 2)
    for baseline in BASELINES:
        found = oracle.expected_estimate(
            LETTERS, [0.0, 1.0, 4.0], 3, lambda drawn, how=baseline: oracle.weights(drawn, 2, how)
        )
        assert found == exact


@each_baseline
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9])
def test_weights_are_those_of_the_definition(size, baseline):
    rng = np.random.default_rng(size)
    rewards = np.concatenate([rng.normal(size=(5, size)), rng.integers(0, 3, (4, size)).astype(float)])
    for k in range(1, size + 1):
        if not most(k, size, baseline):
            continue
        found = max_at_k_weights(rewards, k, baseline=baseline)
        exact = [[float(w) for w in oracle.weights(row.tolist(), k, baseline)] for row in rewards]
        scale = bound("best_of_n.max_weights") * np.abs(rewards).max() * k / size
        np.testing.assert_allclose(found, exact, rtol=0, atol=scale)


@each_baseline
@pytest.mark.parametrize("size", [65, 300])
@pytest.mark.parametrize("k", [1, 7, 64])
def test_large_pools_continue_small_ones(size, k, baseline):
    """Sums of weights are k times the best of k, or nothing; one right sample has the weights that its subsets say."""
    rewards = np.random.default_rng(3).normal(size=(3, size))
    weights = max_at_k_weights(rewards, k, baseline=baseline)
    expected = k * curve(rewards, k).mean if baseline == "none" else np.zeros(3)
    np.testing.assert_allclose(weights.sum(axis=-1), expected, rtol=1e-12, atol=1e-12)
    one = np.zeros(size)
    one[5] = 1.0  # pass@k with one right sample: it is in a share k/n of subsets, with any other in k(k-1)/(n(n-1))
    found = max_at_k_weights(one, k, baseline=baseline)
    other = k * (k - 1) / (size * (size - 1)) - (k / size * k / (size - 1) if baseline != "none" else 0.0)
    np.testing.assert_allclose(found[5], k / size, rtol=1e-12)
    np.testing.assert_allclose(np.delete(found, 5), other, rtol=1e-11, atol=1e-15)


def test_at_k_1_the_baseline_is_that_of_reinforce_leave_one_out():
    rewards = np.random.default_rng(0).normal(size=(3, 16))
    others = (rewards.sum(axis=-1, keepdims=True) - rewards) / 15
    np.testing.assert_allclose(max_at_k_weights(rewards, 1), rewards / 16, rtol=1e-14)
    found = max_at_k_weights(rewards, 1, baseline="leave-one-out")
    np.testing.assert_allclose(found, (rewards - others) / 16, atol=1e-15)


@pytest.mark.parametrize("size", [6, 70])
def test_a_baseline_makes_weights_blind_to_a_common_offset(size):
    rewards = np.random.default_rng(1).normal(size=size)
    plain = max_at_k_weights(rewards, 4, baseline="leave-one-out")
    shifted = max_at_k_weights(rewards + 2.0**20, 4, baseline="leave-one-out")
    np.testing.assert_allclose(shifted, plain, atol=1e-9)
    np.testing.assert_allclose(max_at_k_weights(np.full(size, 7.0), 4, baseline="leave-one-out"), 0.0, atol=0)


@pytest.mark.parametrize("size", [7, 64, 100])
def test_equal_rewards_have_equal_weights(size):
    rewards = np.random.default_rng(2).integers(0, 3, size).astype(float)
    weights = max_at_k_weights(rewards, 3)
    for value in np.unique(rewards):
        assert np.ptp(weights[rewards == value]) < 1e-15


def test_shapes_types_and_threads():
    rewards = np.random.default_rng(4).normal(size=(9, 1000, 12))
    weights = max_at_k_weights(rewards, 3, num_threads=1)
    assert weights.shape == rewards.shape
    np.testing.assert_array_equal(weights, max_at_k_weights(rewards, 3, num_threads=2))
    np.testing.assert_array_equal(weights[::2], max_at_k_weights(rewards[::2], 3))
    single = max_at_k_weights(rewards.astype(np.float32), 3)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, weights, atol=1e-5)
    assert max_at_k_weights(np.empty((0, 4)), 2).shape == (0, 4)
    assert max_at_k_weights([5.0], 1) == [5.0]
    np.testing.assert_allclose(max_at_k_weights([True, False], 2), [0.5 * 2, 0.5 * 2])


@pytest.mark.parametrize(
    ("rewards", "k", "options", "error", "message"),
    [
        ([[1.0, np.nan]], 1, {}, ValueError, r"^rewards\[0, 1\] = nan is not finite$"),
        (np.r_[np.ones(70), np.inf], 1, {}, ValueError, r"^rewards\[70\] = inf is not finite$"),
        ([1.0, 2.0], 0, {}, ValueError, r"^k = 0 is not between 1 and the 2 samples of a pool$"),
        ([1.0, 2.0], 3, {}, ValueError, r"^k = 3 is not between 1 and the 2 samples of a pool$"),
        ([1.0, 2.0], 1.5, {}, TypeError, r"^k must be an integer, not 1\.5$"),
        ([1.0, 2.0], 2, {"baseline": "leave-one-out"}, ValueError, "k = 2 leaves nothing to a leave-one-out baseline"),
        (
            [1.0, 2.0],
            1,
            {"baseline": "mean"},
            ValueError,
            "baseline must be one of 'none', 'leave-one-out', not 'mean'",
        ),
        ([], 1, {}, ValueError, r"^rewards of shape \(0,\) hold no samples$"),
        (3.0, 1, {}, ValueError, r"^rewards of shape \(\) hold no samples$"),
        ([[1.0, 2.0], [1.0]], 1, {}, ValueError, "^rewards is not an array"),
        (None, 1, {}, TypeError, "^rewards must be an array, not None$"),
    ],
    ids=str,
)
def test_bad_input(rewards, k, options, error, message):
    with pytest.raises(error, match=message):
        max_at_k_weights(rewards, k, **options)


STATED = {"max_at_k_weights": r"Accuracy: (1e-12) of the largest"}


@each_baseline
@pytest.mark.parametrize("size", [32, 64])
def test_the_stated_accuracy(size, baseline):
    import re

    stated = float(re.search(STATED["max_at_k_weights"], max_at_k_weights.__doc__)[1])
    rewards = np.random.default_rng(5).normal(size=size)
    for k in (2, 5, 17):
        exact = exact_by_ranks(rewards, k, baseline)
        error = np.abs(max_at_k_weights(rewards, k, baseline=baseline) - exact).max()
        assert error <= stated * np.abs(rewards).max() * k / size


def exact_by_ranks(rewards, k, baseline):
    """Return the weights of different rewards, in fractions: the subsets with and without each rank."""
    from math import comb

    n, order = len(rewards), np.argsort(rewards)
    g = [Fraction(float(x)) for x in rewards[order]]
    out = np.empty(n)
    for i in range(n):
        inside = comb(i, k - 1) * g[i] + sum(comb(j - 1, k - 2) * g[j] for j in range(i + 1, n) if k > 1)
        without = sum(comb(j, k - 1) * g[j] for j in range(i)) + sum(comb(j - 1, k - 1) * g[j] for j in range(i + 1, n))
        total = inside / comb(n, k)
        if baseline != "none":
            total -= Fraction(k, n) * without / comb(n - 1, k)
        out[order[i]] = float(total)
    return out


@each_baseline
@pytest.mark.parametrize("size", [4, 5, 70])
def test_weights_of_rewards_whose_differences_overflow(size, baseline):
    rewards = np.random.default_rng(size).choice([-1.0, -0.5, 0.3, 1.0], size=(3, size))
    rewards[:, :2] = 1.0, -1.0
    rewards[1] *= 1e-300
    for k in (1, size // 2):
        found = max_at_k_weights(1.7e308 * rewards, k, baseline=baseline)
        exact = max_at_k_weights(0.17 * rewards, k, baseline=baseline)
        np.testing.assert_allclose(found / 1e308, exact * 10, rtol=1e-12, atol=1e-12)
