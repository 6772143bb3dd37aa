"""The achievable gain from samples: the identities behind it, its errors, and what proxies leave of it."""

import re

import numpy as np
import pytest
from scipy import special

from alignment_fast.policy import achievable_gain, gains, kl_constrained, proxy_gap, tilt
from oracles import gains as oracle

X = np.random.default_rng(0).normal(size=30)
STATED = {"achievable_gain": r"Accuracy: (1e-11) of the range of rewards"}


@pytest.mark.parametrize("beta", [0.05, 0.7, 3.0, 500.0])
def test_the_gain_is_beta_times_the_divergence_of_jeffreys_and_a_covariance(beta):
    found = achievable_gain(X, beta=beta)
    gain, forward, backward = oracle.gain_at_beta(X.tolist(), [1] * 30, beta)
    stated = float(re.search(STATED["achievable_gain"], achievable_gain.__doc__)[1]) * np.ptp(X)
    assert abs(found.gain - float(gain)) <= stated
    assert abs(found.gain - float(oracle.covariance_form(X.tolist(), beta))) <= stated
    assert found.kl == pytest.approx(float(forward), abs=1e-12)
    assert found.jeffreys == pytest.approx(float(forward + backward), rel=1e-9)
    assert found.beta == pytest.approx(beta, rel=1e-15)


@pytest.mark.parametrize("beta", [1e-300, 1e-100, 1e-16, 1e-9, 1e-4])
@pytest.mark.parametrize("rewards", [X, [1.0, 2.0, 2.0], [5.0, 5.0]], ids=["one best", "two best", "all alike"])
def test_a_divergence_near_that_of_the_best_sample_keeps_its_digits(rewards, beta):
    found = achievable_gain(rewards, beta=beta)
    _, forward, _ = oracle.gain_at_beta(list(rewards), [1] * len(rewards), beta)
    assert found.kl == pytest.approx(float(forward), abs=1e-12)


@pytest.mark.parametrize("weights", [None, [1, 1, 1, 1]])
@pytest.mark.parametrize(("rewards", "best"), [([3, 3, 1, 0], 2), ([5, 5, 5, 5], 4), ([0, 1, 2, 3], 1)])
def test_beyond_every_tilt_the_best_samples_carry_the_policy(rewards, best, weights):
    found = achievable_gain(rewards, kl=100, weights=weights)
    assert (found.effective_samples, found.beta) == (best, 0)
    assert found.kl == pytest.approx(np.log(4 / best))
    assert found.jeffreys == (0 if best == 4 else np.inf)
    assert not np.signbit([found.gain, found.kl]).any()


def test_weights_are_importance_weights():
    weight = np.random.default_rng(1).random(30)
    weight[3] = 0.0
    found = achievable_gain(X, beta=0.8, weights=weight)
    gain, forward, _ = oracle.gain_at_beta(X.tolist(), weight.tolist(), 0.8)
    assert found.gain == pytest.approx(float(gain), abs=1e-12)
    assert found.kl == pytest.approx(float(forward), abs=1e-12)
    twice = achievable_gain(np.repeat(X, 2), kl=0.5)
    assert achievable_gain(X, kl=0.5, weights=np.full(30, 7.0)).gain == pytest.approx(twice.gain, abs=1e-12)


@pytest.mark.parametrize("kl", [1e-6, 0.1, 1.0, 3.0])
def test_gains_of_divergences_are_those_of_the_exact_policy(kl):
    found = achievable_gain(X, kl=kl)
    assert found.gain == pytest.approx(float(oracle.gain_at_kl(X.tolist(), kl)), rel=1e-9)
    assert 1 / found.beta == pytest.approx(kl_constrained(None, X, kl).alpha, rel=1e-6)
    again = achievable_gain(X, beta=found.beta)
    assert again.kl == pytest.approx(kl, rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("law", ["gumbel", "uniform", "exponential"])
def test_gains_of_many_samples_are_those_of_the_exact_policy(law, weighted):
    """Sums from bins, and over the samples where tilts are too steep for bins."""
    rng = np.random.default_rng(2)
    rewards = -getattr(rng, law)(size=20_000)
    weight = rng.integers(0, 3, size=20_000) if weighted else np.ones(20_000)
    p = weight / weight.sum()
    budgets = np.array([0.0, 1e-8, 0.01, 0.3, 1.5, 5.0, 7.0])
    found = achievable_gain(rewards, kl=budgets, weights=weight if weighted else None)
    alphas = kl_constrained(p, rewards, budgets[1:]).alpha
    expected = tilt(p, rewards, alphas).expected_reward - p @ rewards
    np.testing.assert_allclose(found.gain, [0.0, *expected], atol=1e-11 * np.ptp(rewards))
    one_by_one = [achievable_gain(rewards, beta=1 / a, weights=weight if weighted else None) for a in alphas]
    together = achievable_gain(rewards, beta=1 / alphas, weights=weight if weighted else None)
    for name in ("gain", "kl", "standard_error", "effective_samples"):
        each = [getattr(one, name) for one in one_by_one]
        np.testing.assert_allclose(getattr(together, name), each, rtol=1e-9, atol=1e-12)


# ---- errors ----


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("given", ["beta", "kl"])
def test_standard_errors_are_those_of_moving_the_weight_of_each_sample(given, weighted):
    base = np.random.default_rng(3).random(30) + 0.5 if weighted else np.ones(30)

    def estimate(weight):
        return float(achievable_gain(X, weights=np.array(weight) * base, **{given: 0.6}).gain)

    error = achievable_gain(X, weights=base if weighted else None, **{given: 0.6}).standard_error
    assert error == pytest.approx(oracle.infinitesimal_jackknife(estimate, 30), rel=1e-4)


@pytest.mark.optimised
@pytest.mark.parametrize(("size", "option", "truth"), [(3000, {"kl": 0.5}, 1.0), (2000, {"beta": 4.0}, 0.25)])
def test_intervals_cover_as_often_as_they_say(size, option, truth):
    """95 % of 1000 samples of a normal reward, whose gain is √(2 KL) and t, within 1.5 % and an error of simulation."""
    covered = 0
    for seed in range(1000):
        lower, upper = achievable_gain(np.random.default_rng(seed).normal(size=size), **option).interval()
        covered += lower <= truth <= upper
    assert abs(covered / 1000 - 0.95) < 0.015 + 0.007


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("budget", [{"beta": 0.8}, {"kl": 0.2}], ids=str)
def test_constants_of_intervals_are_derivatives_by_the_weights_of_samples(budget, weighted):
    weight = np.random.default_rng(6).random(9) + 0.5 if weighted else np.ones(9)
    found = achievable_gain(X[:9], weights=weight if weighted else None, **budget)
    exact = oracle.abc_constants(X[:9].tolist(), weight.tolist(), **budget)
    assert [found.acceleration, found.bias_correction, found.curvature] == pytest.approx(exact, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_constants_of_many_samples_are_those_of_all_of_them(weighted, monkeypatch):
    rewards = np.random.default_rng(7).normal(size=5000)
    weight = np.random.default_rng(8).random(5000) if weighted else None
    names = "acceleration", "bias_correction", "curvature"
    for budget in ({"kl": [1e-4, 0.1, 1.0]}, {"beta": [0.3, 3.0, 1e4]}):
        found = achievable_gain(rewards, weights=weight, **budget)
        with monkeypatch.context() as patch:
            patch.setattr(gains, "MANY", 10_000)
            exact = achievable_gain(rewards, weights=weight, **budget)
        for name in names:
            np.testing.assert_allclose(getattr(found, name), getattr(exact, name), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("size", "kl"), [(300, 0.1), (3000, 0.5)])
def test_intervals_of_verdicts_cover_too(size, kl):
    """Of right and wrong, 30 % right: normal intervals would miss at the lower end, up to 7 % of the time."""
    low, high = 0.3, 1.0 - 1e-12
    for _ in range(60):
        share = (low + high) / 2
        divergence = share * np.log(share / 0.3) + (1 - share) * np.log((1 - share) / 0.7)
        low, high = (share, high) if divergence < kl else (low, share)
    covered = 0
    for seed in range(600):
        lower, upper = achievable_gain(np.random.default_rng(seed).random(size) < 0.3, kl=kl).interval()
        covered += lower <= low - 0.3 <= upper
    assert abs(covered / 600 - 0.95) < 0.015 + 0.009


def test_skewed_estimates_have_intervals_that_are_open():
    """A tail that is exponential: at β = 3 the square of e^{r/β} has moments, its cube has none."""
    rewards = np.random.default_rng(0).gumbel(size=1000)
    found = achievable_gain(rewards, beta=[3.0, 30.0])
    assert found.acceleration[0] > 0.03
    np.testing.assert_array_equal(np.isinf(found.interval()[1]), found.acceleration > 0.03)


def test_intervals_are_open_where_few_samples_carry_the_policy():
    found = achievable_gain(np.random.default_rng(4).normal(size=2000), kl=[0.01, 2.0, 50.0])
    lower, upper = found.interval()
    np.testing.assert_array_equal(np.isinf(upper), [False, True, True])
    assert np.all(lower <= found.gain)
    assert np.isnan(found.standard_error[2])
    with pytest.raises(ValueError, match="level must be between 0 and 1, not 1"):
        found.interval(1)


# ---- degenerate samples ----


def test_beyond_the_best_sample_the_gain_is_its_own():
    found = achievable_gain([0.0, 1.0, 1.0, 2.0], kl=[0.0, 1.0, np.log(4), 9.0])
    np.testing.assert_allclose(found.gain[[0, 2, 3]], [0.0, 1.0, 1.0])
    np.testing.assert_allclose(found.beta, [np.inf, found.beta[1], 0.0, 0.0])
    np.testing.assert_allclose(found.kl[2:], np.log(4))


@pytest.mark.parametrize("option", [{"beta": [0.1, 2.0]}, {"kl": [0.0, 2.0]}])
@pytest.mark.parametrize("rewards", [[3.0], [5.0, 5.0, 5.0]])
def test_equal_rewards_have_nothing_to_gain(rewards, option):
    found = achievable_gain(rewards, **option)
    np.testing.assert_allclose(found.gain, 0.0, atol=0)
    np.testing.assert_allclose(found.kl, 0.0, atol=0)


def test_rewards_of_any_offset_and_scale():
    rewards = 1e6 + 1e-3 * X
    np.testing.assert_allclose(achievable_gain(rewards, kl=0.5).gain, 1e-3 * achievable_gain(X, kl=0.5).gain, rtol=1e-6)
    assert achievable_gain(1e300 * X, kl=0.5).gain == pytest.approx(1e300 * achievable_gain(X, kl=0.5).gain, rel=1e-9)


def test_tilts_that_leave_the_best_alone():
    found = achievable_gain([1.0, 2.0, 2.0, 0.5], beta=[1e-3, 1e-12, 1e-300, 1e300])
    np.testing.assert_allclose(found.kl, [np.log(2)] * 3 + [0.0], atol=1e-12)
    np.testing.assert_allclose(found.gain, [0.625] * 3 + [0.0], atol=1e-12)
    assert achievable_gain([1.0, 2.0], kl=[]).gain.shape == (0,)
    large = proxy_gap(1e200 * X, X, kl=0.2)
    assert large.gold_gain == pytest.approx(proxy_gap(X, X, kl=0.2).gold_gain, rel=1e-9)


def test_leading_axes_are_problems():
    rewards = np.random.default_rng(5).normal(size=(2, 3, 40)).astype(np.float32)
    found = achievable_gain(rewards, beta=[0.5, 1.0])
    assert found.gain.shape == (2, 3, 2)
    assert found.gain[1, 2, 0] == achievable_gain(rewards[1, 2], beta=0.5).gain
    assert achievable_gain(rewards, kl=0.5).gain.shape == (2, 3)


@pytest.mark.parametrize(
    ("rewards", "options", "message"),
    [
        ([], {"kl": 1.0}, r"^rewards of shape \(0,\) hold no samples$"),
        ([1.0, np.nan], {"kl": 1.0}, r"^rewards\[1\] = nan is not finite$"),
        ([1.0], {}, "^give exactly one of beta and kl$"),
        ([1.0], {"kl": 1.0, "beta": 1.0}, "not both"),
        ([1.0], {"kl": -1.0}, "kl = -1.0 is not a finite number >= 0"),
        ([1.0], {"beta": [1.0, 0.0]}, r"beta\[1\] = 0.0 is not a finite number > 0"),
        ([1.0], {"kl": np.inf}, "kl = inf is not a finite number"),
        ([1.0], {"kl": [[1.0]]}, "kl must be a number or one-dimensional"),
        ([1.0, 2.0], {"kl": 1.0, "weights": [1.0]}, "not one for each of the 2 samples"),
        ([1.0, 2.0], {"kl": 1.0, "weights": [0.0, 0.0]}, "^weights are all 0$"),
        ([1.0, 2.0], {"kl": 1.0, "weights": [1.0, -1.0]}, r"weights\[1\] = -1.0 is not a finite number >= 0"),
    ],
    ids=str,
)
def test_bad_input(rewards, options, message):
    with pytest.raises(ValueError, match=message):
        achievable_gain(rewards, **options)


# ---- proxies ----


def proxies(seed=0, size=400, members=3):
    rng = np.random.default_rng(seed)
    gold = rng.normal(size=size)
    return gold + rng.normal(size=(members, size)), gold


def test_a_proxy_that_is_gold_has_no_gap():
    _, gold = proxies()
    for option in ({"kl": [0.1, 1.0]}, {"beta": [0.5, 2.0]}):
        found = proxy_gap(gold, gold, **option)
        np.testing.assert_allclose(found.gap, 0.0, atol=1e-14)
        np.testing.assert_allclose(found.standard_error, 0.0, atol=1e-14)
        np.testing.assert_allclose(found.achievable, achievable_gain(gold, **option).gain, atol=1e-9)


@pytest.mark.parametrize("option", [{"kl": 0.4}, {"beta": 1.5}])
def test_the_gold_gain_is_that_of_the_proxys_policy(option):
    (proxy, *_), gold = proxies()
    found = proxy_gap(proxy, gold, **option)
    exact = float(oracle.gold_gain(proxy.tolist(), gold.tolist(), 1 / found.beta))
    assert found.gold_gain == pytest.approx(exact, abs=1e-12)
    assert found.gap == pytest.approx(float(achievable_gain(gold, **option).gain) - exact, abs=1e-9)


@pytest.mark.parametrize("option", [{"kl": 0.3}, {"beta": 1.5}])
def test_errors_of_gaps_are_the_scatter_of_repeated_experiments(option):
    found = [proxy_gap(proxies(seed)[0][0], proxies(seed)[1], **option) for seed in range(300)]
    scatter = np.std([one.gap for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(scatter, rel=0.12)


def test_ensembles_average_over_neighbours_in_a_circle():
    members, gold = proxies()
    found = proxy_gap(members, gold, kl=[0.2, 0.8])
    assert found.gap.shape == (3, 2)
    np.testing.assert_allclose(
        found.gap[0], np.mean([proxy_gap(one, gold, kl=[0.2, 0.8]).gap for one in members], axis=0)
    )
    pairs = [proxy_gap((members[i] + members[(i + 1) % 3]) / 2, gold, kl=[0.2, 0.8]).gap for i in range(3)]
    np.testing.assert_allclose(found.gap[1], np.mean(pairs, axis=0))
    np.testing.assert_allclose(found.gap[2], proxy_gap(members.mean(axis=0), gold, kl=[0.2, 0.8]).gap)
    assert np.all(np.diff(found.gap, axis=0) < 0)  # ensembles help


@pytest.mark.parametrize(
    ("proxy", "gold", "message"),
    [
        ([1.0], [1.0, 2.0], r"proxy of shape \(1,\) does not fit gold of shape \(2,\)"),
        ([1.0], 1.0, r"gold of shape \(\) is no row of samples"),
        ([1.0, np.nan], [1.0, 2.0], r"proxy\[1\] = nan is not finite"),
        ([1.0, 2.0], [np.inf, 2.0], r"gold\[0\] = inf is not finite"),
    ],
    ids=str,
)
def test_bad_proxies(proxy, gold, message):
    with pytest.raises(ValueError, match=message):
        proxy_gap(proxy, gold, kl=1.0)


# ---- budgets and weights of any size ----


@pytest.mark.parametrize("kl", [1e-40, 1e-20, 1e-15, 1e-12, 1e-10, 1e-8, 1e-7])
def test_gains_of_tiny_budgets_are_those_of_the_variance(kl):
    """sqrt(2 kl V) (1 + S sqrt(2 kl)/6), S the skewness; found by search: a hundred times too large at 1e-20."""
    rewards = np.array([0.0, 1.0, 2.0, 5.0, 3.0, 1.0])
    found = achievable_gain(rewards, kl=[kl, 1e-6])
    skewness = ((rewards - 2.0) ** 3).mean() / rewards.var() ** 1.5
    expected = np.sqrt(2 * kl * rewards.var()) * (1 + skewness * np.sqrt(2 * kl) / 6)
    assert found.gain[0] == pytest.approx(expected, abs=1e-11 * np.ptp(rewards))
    assert found.gain[0] == pytest.approx(expected, rel=1e-5, abs=1e-16)
    share = found.standard_error / np.sqrt(2 * np.array([kl, 1e-6]) * rewards.var())
    assert share[0] == pytest.approx(share[1], rel=1e-2)
    lower, upper = found.interval()
    assert (lower <= found.gain + 1e-16).all()
    assert (upper >= found.gain).all()


@pytest.mark.parametrize("beta", [1e3, 1e6, 1e12, 1e100])
def test_divergences_of_weak_tilts_are_those_of_the_variance(beta):
    rewards = np.array([0.0, 1.0, 2.0, 5.0, 3.0, 1.0])
    assert achievable_gain(rewards, beta=beta).kl == pytest.approx(rewards.var() / (2 * beta**2), rel=2e-3)


@pytest.mark.parametrize(("weight", "kl"), [(1e-200, 1e-6), (1e-60, 1e-12), (1e-60, 0.1), (1e-60, 5.0), (1e-10, 5.0)])
def test_gains_where_the_best_sample_has_next_to_no_weight(weight, kl):
    """Found by search: the gain of the best sample itself, whatever the budget is."""
    gain = achievable_gain([1.0, 0.0], kl=kl, weights=[weight, 1.0]).gain
    assert special.rel_entr(gain, weight) + special.rel_entr(1 - gain, 1 / (1 + weight)) == pytest.approx(kl, rel=1e-6)
