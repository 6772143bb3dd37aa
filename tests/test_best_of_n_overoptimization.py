"""Over-optimisation: fits against SciPy's optimiser, error bars against the scatter of repeated experiments."""

import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from alignment_fast.best_of_n import fit_overoptimization, kl_upper_bound, proxy_versus_gold
from oracles import pools as oracle

KL = np.array([0.0, 0.19, 0.64, 1.2, 1.84, 2.5, 3.2, 3.9])
D = np.sqrt(KL)
LAWS = {
    "best-of-n": lambda d, alpha, beta: d * (alpha - beta * d),
    "reinforcement-learning": lambda d, alpha, beta: d * (alpha - beta * np.log(np.where(d > 0, d, 1))),
}


def noisy(form, seed=0):
    """Return gains of the law with alpha = 1, beta = 0.3, and errors of different sizes."""
    rng = np.random.default_rng(seed)
    error = np.where(KL > 0, rng.uniform(0.01, 0.1, KL.size), 0)
    return LAWS[form](D, 1.0, 0.3) + error * rng.normal(size=KL.size), error


# ---- the fit ----


@pytest.mark.parametrize("form", LAWS)
def test_a_gain_that_follows_the_law_gives_it_back(form):
    fit = fit_overoptimization(KL, LAWS[form](D, 1.0, 0.3), form=form)
    assert (fit.alpha, fit.beta) == pytest.approx((1.0, 0.3), rel=1e-13)
    np.testing.assert_allclose(fit.covariance, 0, atol=1e-28)
    np.testing.assert_allclose(fit.gain(KL), LAWS[form](D, 1.0, 0.3), atol=1e-14)
    assert fit.gain(0.0) == 0


@pytest.mark.parametrize("form", LAWS)
@pytest.mark.parametrize("known", ["standard errors", "covariance", "nothing"])
def test_fit_and_covariance_are_those_of_scipy(form, known):
    gain, error = noisy(form)
    sigma = None if known == "nothing" else error[1:]
    right, covariance = curve_fit(LAWS[form], D[1:], gain[1:], sigma=sigma, absolute_sigma=True, p0=(1, 0))
    options = {"standard errors": {"standard_error": error}, "covariance": {"covariance": np.diag(error**2)}}
    if known == "nothing":
        right, covariance = curve_fit(LAWS[form], D[1:], gain[1:], p0=(1, 0))
    fit = fit_overoptimization(KL, gain, form=form, **options.get(known, {}))
    np.testing.assert_allclose((fit.alpha, fit.beta), right, rtol=1e-6)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-5)
    np.testing.assert_allclose(fit.standard_errors, np.sqrt(np.diag(covariance)), rtol=1e-5)


def test_an_error_common_to_all_points_does_not_average_out():
    """With gains off by u d for one random u, alpha is off by u, however many points there are."""
    spread = 0.2
    noise = np.diag(np.where(KL > 0, 1e-12, 0.0))
    fit = fit_overoptimization(KL, LAWS["best-of-n"](D, 1.0, 0.3), covariance=spread**2 * np.outer(D, D) + noise)
    alpha, beta = fit.standard_errors
    assert alpha == pytest.approx(spread, rel=1e-6)
    assert beta == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("form", LAWS)
def test_the_error_of_a_prediction_is_that_of_its_coefficients(form):
    gain, error = noisy(form)
    fit = fit_overoptimization(KL, gain, form=form, standard_error=error)
    rng = np.random.default_rng(1)
    draws = rng.multivariate_normal((fit.alpha, fit.beta), fit.covariance, 20_000)
    scatter = np.std([LAWS[form](D, *draw) for draw in draws], axis=0)
    np.testing.assert_allclose(fit.standard_error(KL), scatter, rtol=0.03)


@pytest.mark.parametrize("form", LAWS)
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.3), (0.2, 0.5), (-1.0, 0.5)])
def test_the_peak_is_where_the_gain_is_largest(form, alpha, beta):
    fit = fit_overoptimization(KL, LAWS[form](D, alpha, beta), form=form)
    grid = np.linspace(0, 3 * fit.peak_kl + 1, 20_001)
    assert fit.gain(fit.peak_kl) >= fit.gain(grid).max() - 1e-12


@pytest.mark.parametrize(("form", "alpha", "beta"), [(form, 1.0, beta) for form in LAWS for beta in (0.0, -0.3)])
def test_a_gain_that_never_turns_has_its_peak_at_infinity(form, alpha, beta):
    fit = fit_overoptimization(KL, LAWS[form](D, alpha, beta - 1e-9), form=form)
    assert fit.peak_kl == math.inf


def test_a_peak_beyond_all_floats_is_at_infinity():
    fit = fit_overoptimization(KL, LAWS["reinforcement-learning"](D, 1.0, 1e-4), form="reinforcement-learning")
    assert fit.peak_kl == math.inf


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((KL, KL), {"form": "sft"}, "form must be one of 'best-of-n', 'reinforcement-learning', not 'sft'"),
        ((KL, KL[1:]), {}, r"gain has shape \(7,\), not \(8,\)"),
        ((KL[None], KL), {}, r"kl has shape \(1, 8\), not \(T,\)"),
        (([0.1, -0.5, 1], [0, 0, 0]), {}, r"kl\[1\] = -0.5 is not finite and at least 0"),
        (([0.1, 0.5, 1], [0, np.nan, 0]), {}, r"gain\[1\] = nan is not finite"),
        ((KL, KL), {"covariance": np.full((8, 8), np.inf)}, r"covariance\[0, 0\] = inf is not finite"),
        ((KL, KL), {"standard_error": KL, "covariance": np.eye(8)}, "only one of standard_error and covariance"),
        ((KL, KL), {"standard_error": 0 * KL}, "the variance of a gain at positive divergence is not positive"),
        (([0.0, 1.0, 2.0], [0, 1, 1]), {}, "kl holds fewer than 3 different positive values"),
        (([1.0, 1.0], [1, 1]), {"standard_error": [1, 1]}, "kl holds fewer than 2 different positive values"),
    ],
)
def test_bad_input_to_the_fit_is_a_value_error(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        fit_overoptimization(*arguments, **options)


# ---- proxy against gold ----


def experiment(seed, prompts, samples):
    """Return proxy and gold scores: prompts of different difficulty, a gold value that the proxy knows in part."""
    rng = np.random.default_rng(seed)
    proxy = rng.normal(size=(prompts, samples))
    gold = (0.5 + 0.3 * rng.normal(size=(prompts, 1))) * proxy + rng.normal(size=(prompts, samples))
    return proxy, gold


def test_curves_are_the_means_over_all_subsets():
    proxy, gold = experiment(0, 3, 7)
    result = proxy_versus_gold(proxy, gold, [2, 5])
    assert result.n.tolist() == [1, 2, 5]
    np.testing.assert_allclose(result.kl, np.array([0, *kl_upper_bound([2, 5])]), rtol=1e-15)
    for name, judged in (("proxy", proxy), ("gold", gold)):
        rows = [[oracle.curve(p, g, n) for n in (1, 2, 5)] for p, g in zip(proxy, judged, strict=True)]
        np.testing.assert_allclose(getattr(result, name), np.mean(rows, axis=0), rtol=1e-13)
        np.testing.assert_allclose(
            getattr(result, f"{name}_covariance"), np.cov(rows, rowvar=False) / 3, rtol=1e-11, atol=1e-15
        )
    assert result.blocks == 3


def test_pools_may_differ_in_size():
    proxy, gold = experiment(0, 3, 7)
    sizes = (7, 4, 7)
    ragged = [[list(row[:size]) for row, size in zip(rows, sizes, strict=True)] for rows in (proxy, gold)]
    result = proxy_versus_gold(*ragged)
    assert result.n.tolist() == [1, 2, 4]
    rows = [[oracle.curve(p, g, n) for n in (1, 2, 4)] for p, g in zip(*ragged, strict=True)]
    np.testing.assert_allclose(result.gold, np.mean(rows, axis=0), rtol=1e-13)


@pytest.mark.parametrize(("prompts", "samples"), [(40, 16), (1, 400)], ids=["prompts", "one pool"])
def test_error_bars_are_the_scatter_of_repeated_experiments(prompts, samples):
    n = [1, 2, 4, 8]
    runs = [proxy_versus_gold(*experiment_of_one_kind(seed, prompts, samples), n) for seed in range(200)]
    fits = [run.fit() for run in runs]
    for stated, found in (
        ([run.gold_covariance for run in runs], [run.gold for run in runs]),
        ([run.proxy_covariance for run in runs], [run.proxy for run in runs]),
        ([fit.covariance for fit in fits], [(fit.alpha, fit.beta) for fit in fits]),
    ):
        stated, scatter = np.mean(stated, axis=0), np.cov(found, rowvar=False)
        # 200 runs know a variance to some 10 %.
        np.testing.assert_allclose(np.diag(stated), np.diag(scatter), rtol=0.35)
        correlation = [c / np.sqrt(np.outer(np.diag(c), np.diag(c))) for c in (stated, scatter)]
        np.testing.assert_allclose(*correlation, atol=0.15)


def experiment_of_one_kind(seed, prompts, samples):
    """Return an experiment whose prompts share one slope if there is one prompt: its pool says nothing of others."""
    if prompts > 1:
        return experiment(seed, prompts, samples)
    rng = np.random.default_rng(seed)
    proxy = rng.normal(size=samples)
    return proxy, 0.5 * proxy + rng.normal(size=samples)


def test_the_random_groups_of_one_pool_come_from_the_seed():
    proxy, gold = experiment(0, 1, 100)
    first, again, other = (proxy_versus_gold(proxy[0], gold[0], seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.gold_covariance, again.gold_covariance)
    np.testing.assert_array_equal(first.gold, other.gold)
    assert (first.gold_covariance != other.gold_covariance).any()
    assert first.blocks == 20


@pytest.mark.parametrize("shape", [(6, 5), (40, 300), (1, 60)])
@pytest.mark.parametrize("exponent", [600, 1021])
def test_rewards_whose_products_are_beyond_double_have_finite_means(shape, exponent):
    """Their covariance is beyond double, too, and infinite."""
    scores, gold = np.random.default_rng(1).normal(size=(2, *shape))
    plain, far = proxy_versus_gold(scores, gold), proxy_versus_gold(scores, np.ldexp(gold, exponent))
    np.testing.assert_array_equal(far.proxy, plain.proxy)
    np.testing.assert_array_equal(far.gold, np.ldexp(plain.gold, exponent))
    np.testing.assert_array_equal(far.gold_covariance, np.copysign(np.inf, plain.gold_covariance))


def test_proxy_and_gold_can_both_be_fitted():
    result = proxy_versus_gold(*experiment(0, 50, 32))
    assert result.fit(reward="proxy").alpha > result.fit(reward="gold").alpha > 0
    assert result.fit("reinforcement-learning").form == "reinforcement-learning"
    with pytest.raises(ValueError, match="reward must be one of 'gold', 'proxy', not 'silver'"):
        result.fit(reward="silver")
    assert (result.gold_standard_error > 0).all()
    assert (result.proxy_standard_error > 0).all()


@pytest.mark.parametrize(
    ("scores", "values", "options", "message"),
    [
        ([1.0, 2.0], [1.0], {}, "values of shape"),
        ([[1.0, 2.0], [1.0]], [[1.0], [1.0, 2.0]], {}, r"values\[0\] and scores\[0\] differ in length"),
        (3.0, 3.0, {}, r"scores of shape \(\) hold no samples"),
        ([], [], {}, r"scores of shape \(0,\) hold no samples"),
        ([[1.0], []], [[1.0], []], {}, r"scores of shape \(2, 0\) hold no samples"),
        ([1.0, 2.0], [1.0, 2.0], {"groups": 1}, "groups = 1, of a pool of 2, is less than two"),
        (np.arange(10.0), np.arange(10.0), {"groups": 5, "n": [9]}, "n = 9 is more than the samples left"),
        ([[1.0, 2.0]] * 2, [[1.0, 2.0]] * 2, {"n": [3]}, "n = 3 exceeds the 2 samples of the smallest pool"),
        ([[1.0, 2.0]] * 2, [[1.0, 2.0]] * 2, {"n": [0]}, r"n\[0\] = 0 is below 1"),
        ([[1.0, np.nan]] * 2, [[1.0, 2.0]] * 2, {}, r"scores\[0, 1\] = nan is NaN"),
    ],
)
def test_bad_pools_are_a_value_error(scores, values, options, message):
    with pytest.raises(ValueError, match=message):
        proxy_versus_gold(scores, values, **options)
