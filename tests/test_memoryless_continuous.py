"""Rewards off every lattice: saddlepoint expansions, transforms on fine lattices, rigorous bounds."""

import math

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.kernels.information import operations as ops
from alignment_fast.memoryless import _saddlepoint as saddlepoint
from alignment_fast.memoryless._binned import binned

TERNARY = af.memoryless.MemorylessModel([1 / 5, 3 / 10, 1 / 2], [2 / 3, 1 / 9, 2 / 9])


def random_model(letters, seed=1):
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(letters)), random.normal(size=letters)


P, REWARD = random_model(1000)
MANY = af.memoryless.MemorylessModel(P, reward=REWARD)


# ---- against an exact law: m exponential letters have a Gamma sum ----


def exponential_letters():
    """Return probabilities and rewards of an exponential letter in so many cells that sums are Gamma to 1e-6."""
    edges = np.linspace(0.0, 200.0, 200_001)
    p = np.exp(-edges[:-1]) * -np.expm1(-(edges[1] - edges[0]))
    # The conditional mean of each cell keeps the mean exactly and the variance to 1e-7.
    return p / p.sum(), edges[:-1] + 1 - (edges[1] - edges[0]) / np.expm1(edges[1] - edges[0])


@pytest.mark.parametrize("level", [1.5, 3.0, 6.0])
def test_tails_of_gamma_sums(level):
    from scipy import stats

    m = 10
    rows = saddlepoint.rows_of(ops, *exponential_letters())
    theta = np.array([1 - 1 / level])  # the mean under the tilt is `level`
    k = saddlepoint.moments(ops, rows, theta, 6)
    tail = saddlepoint.log_tails(theta, k, m)
    expected = stats.gamma(m).logsf(m * k[1])
    assert abs(tail - expected) < 2 * np.abs(saddlepoint.truncation(k, m)) + 1e-6
    assert abs(tail - expected) < 1e-4


def test_lower_tails_are_those_of_the_reflected_reward():
    p, reward = random_model(50)
    theta = np.array([-0.7])
    below = saddlepoint.log_tails(theta, saddlepoint.moments(ops, saddlepoint.rows_of(ops, p, reward), theta, 4), 30)
    above = saddlepoint.log_tails(-theta, saddlepoint.moments(ops, saddlepoint.rows_of(ops, p, -reward), -theta, 4), 30)
    assert below == pytest.approx(above, rel=1e-13)


# ---- methods against each other ----


@pytest.mark.parametrize(("m", "delta"), [(100, 0.3), (100, 0.05), (20, 0.3), (100, 0.0), (300, 0.4)])
def test_saddlepoint_and_transforms_agree_within_their_bounds(m, delta):
    a, b = (MANY.best_of_n(m, delta=delta, method=method) for method in ("saddlepoint", "fft"))
    assert abs(a.expected_reward - b.expected_reward) <= a.error_bound + b.error_bound
    assert a.error_bound < 1e-5 * math.sqrt(a.reward_variance) * max(1, 1000 / m)
    assert a.reward_variance == pytest.approx(b.reward_variance, rel=1e-5)
    assert a.kl_to_reference == pytest.approx(b.kl_to_reference, abs=1e-6)
    # Letters far out, d standard deviations, are known to d⁴/m² relative.
    assert np.abs(a.token_marginal - b.token_marginal).sum() < 2 / m**2
    lower, upper = MANY.reward_bounds(m, delta=delta)
    assert lower < a.expected_reward < upper
    assert upper - lower < 0.01 * m


def test_a_large_vocabulary_at_any_n():
    p, reward = random_model(50_257)
    law = af.memoryless.MemorylessModel(p, reward=reward).best_of_n(1000, log_n=300.0)
    assert law.method == "saddlepoint"
    assert law.error_bound < 1e-6
    assert law.kl_to_reference == pytest.approx(299.0, abs=1e-9)
    assert 1000 * law.token_marginal @ reward == pytest.approx(law.expected_reward, rel=1e-9)
    limit = 1000 * float(af.policy.kl_constrained(p, reward, 0.3).expected_reward)
    assert law.expected_reward < limit


def test_few_letters_are_seen_to_be_no_density():
    """Sums of three irregular rewards ripple: the estimate of the error knows, and auto takes types."""
    exact, estimate = (TERNARY.best_of_n(100, delta=0.11, method=method) for method in ("types", "saddlepoint"))
    assert abs(exact.expected_reward - estimate.expected_reward) <= estimate.error_bound
    assert estimate.error_bound > 1e-2
    assert TERNARY.best_of_n(100, delta=0.11).method == "types"


def test_auto_leaves_the_saddlepoint_where_it_is_not_good():
    short = MANY.best_of_n(3, delta=0.2)
    assert short.method == "fft"
    saturated = MANY.best_of_n(50, delta=20.0)
    assert saturated.method == "fft"
    assert saturated.alpha == math.inf
    assert saturated.expected_reward == pytest.approx(50 * REWARD.max(), rel=1e-4)
    with pytest.raises(ValueError, match="no saddlepoint"):
        MANY.best_of_n(50, delta=20.0, method="saddlepoint")


def test_one_letter_is_exact():
    law = MANY.best_of_n(1, log_n=2.0)
    direct = af.best_of_n.BestOfN(P, REWARD)
    assert law.method == "types"
    assert law.expected_reward == pytest.approx(float(direct.expected_reward(log_n=2.0)), rel=1e-13)
    np.testing.assert_allclose(law.token_marginal, direct.pmf(log_n=2.0), rtol=1e-11)


@pytest.mark.parametrize("method", ["saddlepoint", "fft"])
def test_laws_have_the_moments_and_tails_of_the_sum(method):
    law = MANY.reward_law(100, method=method)
    mass = np.exp(law.log_pmf)
    mean, variance = P @ REWARD, P @ (REWARD - P @ REWARD) ** 2
    assert mass.sum() == pytest.approx(1.0, abs=1e-10)
    assert mass @ law.support == pytest.approx(100 * mean, abs=1e-3)
    cell = np.diff(law.support)[0]
    assert mass @ (law.support - 100 * mean) ** 2 == pytest.approx(100 * variance, rel=1e-4, abs=cell**2)
    far = 100 * (mean + np.sqrt(variance))
    tail = np.logaddexp.reduce(law.log_pmf[law.support >= far])
    theta = af.information.rate_function(REWARD, far / 100, p=P).t
    rows = saddlepoint.rows_of(ops, P, REWARD)
    expected = saddlepoint.log_tails(np.array([theta]), saddlepoint.moments(ops, rows, np.array([theta]), 4), 100)
    assert tail == pytest.approx(float(expected[0]), abs=theta * cell)


# ---- binning ----


@pytest.mark.parametrize("intervals", [2, 64, 1000])
def test_a_split_keeps_mass_and_mean_and_rounding_goes_one_way(intervals):
    bins = {rule: binned(P, REWARD, intervals, rule) for rule in ("split", "down", "up")}
    means = {}
    for rule, found in bins.items():
        assert found.weight.sum() == pytest.approx(1.0, abs=1e-13)
        means[rule] = found.weight @ (found.low + found.span * np.arange(intervals + 1))
    mean = P @ REWARD
    assert means["split"] == pytest.approx(mean, rel=1e-12)
    assert mean - bins["down"].span < means["down"] < mean < means["up"] < mean + bins["up"].span
