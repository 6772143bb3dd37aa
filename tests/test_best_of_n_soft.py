"""Relatives of best-of-n against enumeration, stored values and their limits."""

import numpy as np
import pytest
import search

from alignment_fast.best_of_n import (
    BestOfN,
    best_of_poisson,
    inference_time_pessimism,
    kl_upper_bound,
    soft_best_of_n,
    win_rate_optimal,
)
from bounds import bound
from oracles import pool as oracle

SOFT = oracle.STORED["soft_bon"]
P, REWARD = (np.array([float(text) for text in SOFT[key]]) for key in ("p", "reward"))


def random_law(seed, size=30):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(size, 0.4)), rng.integers(0, 9, size) / 3.0


@pytest.mark.parametrize("row", SOFT["rows"], ids=lambda row: f"n={row['n']}-{row['lambda']}")
def test_stored_laws(row):
    exact = [float(text) for text in row["pmf"]]
    np.testing.assert_allclose(soft_best_of_n(P, REWARD, row["n"], float(row["lambda"])), exact, rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 30.0])
def test_soft_against_enumeration(temperature):
    p, reward = [0.125, 0.0, 0.375, 0.5], [0.0, 9.0, 1.0, 1.0]
    exact = [float(x) for x in oracle.soft_best_of_n(p, reward, 4, temperature)]
    np.testing.assert_allclose(soft_best_of_n(p, reward, 4, temperature), exact, rtol=1e-12, atol=0)


@pytest.mark.parametrize("n", [1.0, 1.5, 7, 1000, 1e9])
@pytest.mark.parametrize("temperature", [0.01, 0.5, 20.0])
def test_soft_sums_to_one(n, temperature):
    p, reward = random_law(2)
    assert soft_best_of_n(p, reward, n, temperature).sum() == pytest.approx(1.0, abs=1e-12)


# ---- soft best-of-n where n is no integer: M(s)^(n-1) branches at the zeros of M, close to the line ----


def test_soft_of_a_rare_bad_outcome_and_real_n():
    rare = soft_best_of_n([0.9999, 1e-4], [0.0, -5.0], 1.5, 1.0)[1]
    assert rare == pytest.approx(2.8996688658317401035e-6, rel=1e-12)


@pytest.mark.parametrize(
    ("p", "reward", "n", "temperature"),
    [
        ([0.9999, 1e-4], [0.0, -5.0], 1.5, 1.0),
        ([1 - 1e-9, 1e-9], [0.0, -3.0], 2.25, 0.5),
        ([1e-30, 1.0], [0.0, -1.0], 40.5, 0.3),
        ([0.3, 0.3, 0.4], [0.0, 1.0, 2.0], 7.75, 1.0),
    ],
)
def test_soft_of_real_n_by_quadrature(p, reward, n, temperature):
    exact = [float(x) for x in oracle.soft_best_of_n_of_real_n(p, reward, n, temperature)]
    np.testing.assert_allclose(soft_best_of_n(p, reward, n, temperature), exact, rtol=1e-12)


@pytest.mark.search
def test_soft_search_over_rare_outcomes_and_real_n():
    """Seeded: n from 1.03 to 33, where the law changes most, masses down to 1e-60, the best outcome rare or common."""
    generator, worst = np.random.default_rng(26), search.Worst("N5", "soft_best_of_n of real n")
    for case in range(search.cases(40)):
        size = int(generator.integers(2, 5))
        p = 10 ** generator.uniform(-generator.choice([4, 12, 60]), 0, size)
        p = np.sort(p) if case % 2 else p
        reward = np.sort(generator.normal(size=size)) * 10 ** generator.uniform(-0.5, 1.3)
        n = 1 + 10 ** generator.uniform(-1.5, 1.5)
        temperature = max(10 ** generator.uniform(-0.5, 0.5), np.ptp(reward) / 60)
        found = soft_best_of_n(p, reward, n, temperature)
        for spacing in (2e-2, 5e-3, 1e-3, 2e-4):  # where the first do not settle it, finer steps
            exact = oracle.soft_best_of_n_by_fine_steps(p, reward, n, temperature, spacing)
            error = (np.abs(found - exact) / (1e-12 * np.abs(exact) + 1e-300)).max()
            if error < 0.3:
                break
        worst.see(error, 1.0, (p, reward, n, temperature))
    worst.hold()


def test_soft_of_real_n_lies_between_its_neighbours():
    """The probability of the best outcome grows with n."""
    p, reward = [0.99, 1e-3, 9e-3], [0.0, 4.0, -4.0]
    best = [soft_best_of_n(p, reward, n, 0.5)[1] for n in (1.0, 1.25, 1.5, 2.0, 2.001, 2.999, 3.0, 3.5)]
    assert np.all(np.diff(best) > 0)


def test_soft_limits():
    p, reward = random_law(3)
    np.testing.assert_allclose(soft_best_of_n(p, reward, 1, 0.3), p, rtol=1e-12)
    np.testing.assert_allclose(soft_best_of_n(p, reward, 5, 1e-4), BestOfN(p, reward).pmf(5), rtol=1e-11, atol=1e-300)
    tilted = p * np.exp(reward / 0.7)
    np.testing.assert_allclose(soft_best_of_n(p, reward, 1e12, 0.7), tilted / tilted.sum(), rtol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 2.5, 40])
@pytest.mark.parametrize(
    ("reward", "temperature"),
    [
        ([0.0, 1.0, 2.0], 1e-308),
        ([-1e308, 0.0, 1e308], 1.0),
        ([1.0, 1e17, 1e300], 1e-3),
        ([0.0, 1e6, 2e6], 1.0),
    ],
)
def test_soft_of_rewards_however_far_apart_is_best_of_n(reward, temperature, n):
    """Found by search: all zeros where the range overflows, no end where it is 1e17."""
    p = [0.2, 0.5, 0.3]
    np.testing.assert_allclose(soft_best_of_n(p, reward, n, temperature), BestOfN(p, reward).pmf(n), rtol=1e-11)


@pytest.mark.parametrize("n", [3, 3.3, 1e9])
def test_soft_of_neighbours_far_from_others_does_not_know_how_far(n):
    p, near, far = [0.2, 0.3, 0.2, 0.3], [0.0, 1900.0, 1901.0, 3800.0], [0.0, 1e9, 1e9 + 1, 1e300]
    np.testing.assert_allclose(soft_best_of_n(p, far, n, 1.0), soft_best_of_n(p, near, n, 1.0), rtol=1e-11)


def test_pessimism_of_rewards_that_overflow():
    """Found by search: weights inf, threshold -inf."""
    assert inference_time_pessimism([1e308, -1e308], 1e308).weights.tolist() == [1.0, 0.0]
    found = inference_time_pessimism([1e308, 0.0, 5e307], 1e308)
    np.testing.assert_allclose(found.weights, [1 / 2, 1 / 6, 1 / 3], rtol=1e-14)
    assert found.threshold == pytest.approx(-5e307, rel=1e-14)
    for beta in (1e-300, 1.0, 1e300):
        assert inference_time_pessimism([1e308, -1e308], beta).weights.tolist() == [1.0, 0.0]


def numbers(exact):
    return [float(x) for x in exact]


@pytest.mark.parametrize("seed", range(5))
def test_relatives_keep_the_bounds_of_their_kernels(seed):
    p, reward = random_law(seed, 9)
    p[0] = 0.0
    masses, rewards = p.tolist(), reward.tolist()
    for x in (1e-3, 0.5, 3.0, 20.0):
        exact = numbers(oracle.best_of_poisson(masses, rewards, x))
        np.testing.assert_allclose(best_of_poisson(p, reward, x), exact, rtol=bound("best_of_n.best_of_poisson"))
        exact, found = numbers(oracle.win_rate_optimal(masses, rewards, x)), win_rate_optimal(p, reward, strength=x)
        np.testing.assert_allclose(found.pmf, exact, rtol=bound("best_of_n.win_rate_optimal"))
        exact, found = numbers(oracle.pessimism(masses, rewards, x)), inference_time_pessimism(reward, x, p=p)
        np.testing.assert_allclose(found.weights, exact, rtol=0, atol=bound("best_of_n.pessimism"))
    p, reward = p[1:5] + 1e-3, reward[1:5]
    for n in (1, 2, 4):
        exact = numbers(oracle.soft_best_of_n((p / p.sum()).tolist(), reward.tolist(), n, 0.7))
        np.testing.assert_allclose(soft_best_of_n(p, reward, n, 0.7), exact, rtol=bound("best_of_n.soft_best_of_n"))


@pytest.mark.parametrize("row", oracle.STORED["best_of_poisson"], ids=lambda row: f"mu={row['mu']}")
def test_stored_poisson(row):
    """Stored for a continuous reward: 4000 equal steps of it are off by the square of a step."""
    size = 4000
    pmf = best_of_poisson(np.ones(size), np.arange(size), float(row["mu"]))
    assert pmf @ ((np.arange(size) + 0.5) / size) == pytest.approx(float(row["E_u"]), abs=1e-6)
    assert pmf @ np.log(pmf * size) == pytest.approx(float(row["KL"]), abs=1e-5)


@pytest.mark.parametrize("mu", [0.0, 0.3, 8.0])
def test_poisson_is_a_mixture_of_best_of_n(mu):
    p, reward = random_law(4)
    chance, mixture = np.exp(-mu), np.zeros(len(p))
    for extra in range(80):
        mixture += chance * BestOfN(p, reward).pmf(1 + extra)
        chance *= mu / (1 + extra)
    np.testing.assert_allclose(best_of_poisson(p, reward, mu), mixture, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("row", oracle.STORED["bonbon_optimal"], ids=lambda row: f"n={row['n']}")
def test_stored_win_rates(row):
    best = win_rate_optimal(P, REWARD, kl=float(row["KL"]))
    assert best.strength == pytest.approx(float(row["c"]), rel=1e-12)
    assert best.win_rate == pytest.approx(float(row["opt_win"]), rel=1e-13)
    assert best.win_rate > float(row["bon_win"])


@pytest.mark.parametrize("strength", [0.0, 1e-6, 0.01, 0.999, 1.001, 40.0, 900.0])
def test_win_rate_optimal_is_consistent(strength):
    p, reward = random_law(5)
    best = win_rate_optimal(p, reward, strength=strength)
    assert best.pmf.sum() == pytest.approx(1.0, abs=1e-13)
    again = win_rate_optimal(p, reward, kl=best.kl)
    assert again.strength == pytest.approx(strength, rel=1e-9, abs=1e-12)
    size = 4000
    fine = win_rate_optimal(np.ones(size), np.arange(size), strength=min(strength, 40.0))
    assert fine.pmf @ ((np.arange(size) + 0.5) / size) == pytest.approx(fine.win_rate, abs=1e-5)
    assert fine.pmf @ np.log(fine.pmf * size) == pytest.approx(fine.kl, abs=1e-4)


def test_win_rate_optimal_of_a_budget_and_a_mass_whose_product_is_no_double():
    for options in ({"kl": 1e-300}, {"strength": 1e-150}, {"strength": 1e-300}):
        np.testing.assert_allclose(
            win_rate_optimal([1e-300, 1.0], [1.0, 0.0], **options).pmf, [1e-300, 1.0], rtol=1e-14
        )


def test_win_rate_optimal_beats_best_of_n_at_the_same_divergence():
    for n in (2, 5, 50):
        assert win_rate_optimal(P, REWARD, kl=kl_upper_bound(n)).win_rate > n / (n + 1)


@pytest.mark.parametrize("beta", [1e-3, 0.1, 1.0, 50.0])
def test_pessimism_solves_its_equation(beta):
    p, scores = random_law(6)
    result = inference_time_pessimism(scores, beta, p=p)
    np.testing.assert_allclose(result.weights, p * np.maximum(0, (scores - result.threshold) / beta), atol=1e-12)
    assert result.weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_pessimism_limits():
    scores = np.array([0.0, 3.0, 1.0, 3.0])
    np.testing.assert_allclose(inference_time_pessimism(scores, 1e-9).weights, [0, 0.5, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(inference_time_pessimism(scores, 1e9).weights, np.full(4, 0.25), atol=1e-8)


NAN = np.nan


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: soft_best_of_n([0.5, -0.5], [0, 1], 2, 1.0), r"p\[1\] = -0.5 is not allowed"),
        (lambda: soft_best_of_n([0.5, 0.5], [0, NAN], 2, 1.0), r"reward\[1\] = nan is not allowed"),
        (lambda: soft_best_of_n([0.0, 0.0], [0, 1], 2, 1.0), r"p has no positive mass"),
        (lambda: soft_best_of_n([1.0], [0, 1], 2, 1.0), r"p of shape \(1,\) and reward of shape \(2,\) differ"),
        (lambda: soft_best_of_n([], [], 2, 1.0), r"p must be one-dimensional and not empty"),
        (lambda: soft_best_of_n([1.0], [0], 0.5, 1.0), r"n = 0.5 is not a finite number >= 1"),
        (lambda: soft_best_of_n([1.0], [0], 2, 0.0), r"temperature = 0.0 is not a positive finite number"),
        (lambda: best_of_poisson([1.0], [0], -1.0), r"mu = -1.0 is not a finite number >= 0"),
        (lambda: win_rate_optimal([1.0], [0]), r"exactly one of strength and kl"),
        (lambda: win_rate_optimal([1.0], [0], strength=1.0, kl=1.0), r"not both"),
        (lambda: win_rate_optimal([1.0], [0], kl=NAN), r"kl = nan is not a finite number"),
        (lambda: inference_time_pessimism([0.0, NAN], 1.0), r"scores\[1\] = nan is not allowed"),
        (lambda: inference_time_pessimism([0.0], -1.0), r"beta = -1.0 is not a positive finite number"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rewards_whose_range_is_beyond_double():
    large = soft_best_of_n([0.5, 0.5], [1e308, -1e308], 2, 1e308)
    np.testing.assert_allclose(large, soft_best_of_n([0.5, 0.5], [1.0, -1.0], 2, 1.0), rtol=1e-12)
