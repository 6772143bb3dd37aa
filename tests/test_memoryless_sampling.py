"""Draws of best-of-n sequences and of rare events, against exact laws with fixed seeds."""

import math

import numpy as np
import pytest
from scipy import stats

import alignment_fast as af
from oracles import memoryless as oracle

TERNARY = af.memoryless.MemorylessModel([1 / 5, 3 / 10, 1 / 2], [2 / 3, 1 / 9, 2 / 9])
DYADIC = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], [4 / 7, 2 / 7, 1 / 7])


def test_sequences_have_the_law_of_best_of_n():
    """All 81 sequences of four letters, one of which shares its reward with another: a chi-square test."""
    p, reward, m, n, draws = [0.2, 0.3, 0.1, 0.4], [2.0, 1.0, 1.0, 0.0], 3, 5, 60_000
    model = af.memoryless.MemorylessModel(p, reward=reward)
    sequences = model.sample_sequences(m, draws, log_n=math.log(n), rng=11)
    law = oracle.best_of_n_sequences(p, reward, m, n)
    code = sequences @ [16, 4, 1]
    expected = np.array([float(law[y]) for y in sorted(law)]) * draws
    found = np.bincount(code, minlength=64)
    rare = expected < 5
    found, expected = (np.append(x[~rare], x[rare].sum()) for x in (found, expected))
    assert stats.chisquare(found, expected * found.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("model", "m", "delta"),
    [(TERNARY, 10, 0.11), (TERNARY, 400, 0.11), (TERNARY, 60, 0.0), (DYADIC, 200, 0.3), (TERNARY, 8, 1.7)],
)
def test_sums_and_letters_of_sequences(model, m, delta):
    draws = 4000
    sequences = model.sample_sequences(m, draws, delta=delta, rng=5)
    assert sequences.shape == (draws, m)
    law = model.best_of_n(m, delta=delta)
    reward = np.log([2 / 3, 1 / 9, 2 / 9] if model is TERNARY else [4 / 7, 2 / 7, 1 / 7])
    sums = reward[sequences].sum(axis=1)
    error = math.sqrt(law.reward_variance / draws)
    assert abs(sums.mean() - law.expected_reward) < 4 * error
    assert sums.var() == pytest.approx(law.reward_variance, rel=0.15)
    for place in (0, m - 1):  # exchangeable: any position has the marginal
        share = np.bincount(sequences[:, place], minlength=3) / draws
        assert np.abs(share - law.token_marginal).max() < 4 * 0.5 / math.sqrt(draws)


def test_many_letters_are_drawn_one_by_one():
    random = np.random.default_rng(1)
    p, reward = random.dirichlet(np.ones(1000)), random.normal(size=1000)
    model = af.memoryless.MemorylessModel(p, reward=reward)
    sums = reward[model.sample_sequences(100, 2000, delta=0.3, rng=2)].sum(axis=1)
    law = model.best_of_n(100, delta=0.3)
    assert abs(sums.mean() - law.expected_reward) < 4 * math.sqrt(law.reward_variance / 2000)


def test_draws_do_not_depend_on_earlier_calls():
    model = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], [4 / 7, 2 / 7, 1 / 7])
    for m, delta in ((20, 0.1), (20, 0.1), (20, 0.3), (50, 0.1), (20, 0.1)):
        found = model.sample_sequences(m, 5, delta=delta, rng=3)
        np.testing.assert_array_equal(found, DYADIC.sample_sequences(m, 5, delta=delta, rng=3))
        new = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], [4 / 7, 2 / 7, 1 / 7])
        np.testing.assert_array_equal(found, new.sample_sequences(m, 5, delta=delta, rng=3))


def test_draws_depend_on_the_seed_only():
    a, b, c = (TERNARY.sample_sequences(20, 5, delta=0.1, rng=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    assert TERNARY.sample_sequences(20, 0, delta=0.1).shape == (0, 20)


def test_constant_rewards_give_the_reference():
    model = af.memoryless.MemorylessModel([0.25, 0.0, 0.75], reward=[1.0, 5.0, 1.0])
    letters = model.sample_sequences(10, 4000, log_n=100.0, rng=1)
    assert set(np.unique(letters)) == {0, 2}
    assert (letters == 0).mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("model", "m", "level"), [(TERNARY, 100, -100.0), (DYADIC, 100, -60.0), (TERNARY, 50, -200.0)])
def test_rare_events(model, m, level):
    law = model.reward_law(m)
    exact = np.logaddexp.reduce(law.log_pmf[law.support >= level - 1e-9])
    estimate = model.tail_probability(m, level, 20_000, rng=1)
    assert abs(estimate.log_probability - exact) < 4 * estimate.relative_error + 1e-13
    assert estimate.relative_error < 0.03


def test_the_relative_error_of_rare_events_hardly_grows_with_their_rarity():
    small, large = (TERNARY.tail_probability(m, -0.8 * m, 20_000, rng=1) for m in (25, 1600))
    assert large.log_probability < -900
    assert large.relative_error < 4 * small.relative_error


def test_levels_at_the_ends_of_the_range():
    top = 20 * math.log(2 / 3)
    assert TERNARY.tail_probability(20, top, 10).log_probability == pytest.approx(20 * math.log(0.2), rel=1e-12)
    assert TERNARY.tail_probability(20, top + 1, 10).log_probability == -math.inf
    with pytest.raises(ValueError, match="level is NaN"):
        TERNARY.tail_probability(20, math.nan, 10)
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        TERNARY.tail_probability(20, top, 0)
