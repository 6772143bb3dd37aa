"""pass@k from few samples: fits against SciPy's law and optimisers, intervals against simulation."""

import numpy as np
import pytest
import scipy.special

from alignment_fast.best_of_n import fit_pass_at_k, pass_at_k
from alignment_fast.best_of_n._difficulty import likelihood
from alignment_fast.errors import ConvergenceError
from oracles import difficulty as oracle


def problems(seed, count, total, a, b, z=0.0):
    """Return counts of right samples: chances Beta(a, b), a share z of them 0."""
    rng = np.random.default_rng(seed)
    return rng.binomial(total, rng.beta(a, b, count) * (rng.random(count) >= z))


# ---- the fit ----


@pytest.mark.parametrize(("count", "total", "a", "b"), [(60, 8, 0.4, 1.5), (200, 3, 1.0, 1.0), (40, 100, 2.0, 9.0)])
def test_the_fit_is_the_maximum_that_a_general_optimiser_finds(count, total, a, b):
    correct = problems(1, count, total, a, b)
    fit = fit_pass_at_k(total, correct)
    exact = oracle.maximum(total, correct, np.log([a, b]))
    np.testing.assert_allclose((fit.alpha, fit.beta), exact[:2], rtol=1e-5)
    assert fit.zero == 0


def test_the_zero_inflated_fit_is_the_maximum_too():
    correct = problems(2, 400, 12, 0.8, 2.0, 0.3)
    fit = fit_pass_at_k(12, correct, model="zero-inflated")
    exact = oracle.maximum(12, correct, [np.log(0.8), np.log(2.0), -0.8])
    np.testing.assert_allclose((fit.alpha, fit.beta, fit.zero), exact, rtol=1e-4)
    assert fit.covariance.shape == (3, 3)


def test_a_share_that_is_not_seen_is_zero_and_the_fit_the_plain_one():
    correct = problems(0, 300, 20, 2.0, 2.0)
    plain, inflated = fit_pass_at_k(20, correct), fit_pass_at_k(20, correct, model="zero-inflated")
    assert inflated.zero == 0
    assert (inflated.alpha, inflated.beta) == (plain.alpha, plain.beta)


@pytest.mark.parametrize("size", [2, 3])
def test_derivatives_are_those_of_differences(size):
    total, correct = np.array([3.0, 5.0, 8.0, 8.0]), np.array([0.0, 5.0, 0.0, 3.0])
    data, x = np.array([total, correct, [2.0, 1.0, 3.0, 4.0]]), np.array([-0.3, 0.8, -1.1][:size])
    value, slope, curvature = likelihood(x, data)
    for i in range(size):
        step = np.zeros(size)
        step[i] = 1e-5
        up, down = likelihood(x + step, data), likelihood(x - step, data)
        assert (up[0] - down[0]) / 2e-5 == pytest.approx(slope[i], rel=1e-7)
        np.testing.assert_allclose((up[1] - down[1]) / 2e-5, curvature[i], rtol=1e-6, atol=1e-7)
    assert np.isfinite(value)


@pytest.mark.parametrize(
    ("a", "b", "m", "c"),
    [
        (0.3, 1.2, 20, 0),
        (0.3, 1.2, 20, 7),
        (1e-5, 40.0, 5, 5),
        (2e5, 3e5, 90, 31),
        (0.5, 2.0, 10**6, 0),
        (9.5, 0.6, 1, 1),
    ],
)
def test_likelihoods_are_those_of_beta_functions(a, b, m, c):
    """Derivatives are a and b times differences of digamma functions, which lose what a and b have before the point."""
    value, *slope = oracle.log_beta_factor(a, b, m, c)
    found = likelihood(np.log([a, b]), np.array([[m], [c], [1.0]], dtype=float))
    assert found[0] == pytest.approx(value, rel=1e-13, abs=1e-13)
    np.testing.assert_allclose(found[1], slope, rtol=1e-13, atol=1e-13 + 1e-14 * (a + b))


@pytest.mark.parametrize("x", [[-1.2, 0.7], [6.0, 7.5], [-0.4, 1.1, -0.6]])
def test_many_cells_have_the_likelihood_of_each_of_them(x):
    """Rising factors of many cells are counted, those of a single one are differences of Stirling's series."""
    cells = [[m, c, 1.0 + (m + c) % 3] for m in (18, 20) for c in range(m + 1)]
    data = np.array(cells).T.copy()
    together = likelihood(np.array(x), data)
    alone = [likelihood(np.array(x), np.ascontiguousarray(cell[:, None])) for cell in data.T]
    for found, parts in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(found, sum(parts), rtol=1e-11, atol=1e-11 * np.abs(parts).sum(axis=0).max())


def test_problems_of_different_sizes_and_the_same_ones_grouped():
    total, correct = np.repeat([2, 5, 9], 50), problems(3, 150, np.repeat([2, 5, 9], 50), 0.7, 1.3)
    fit = fit_pass_at_k(total, correct)
    exact = oracle.maximum(total, correct, np.log([0.7, 1.3]))
    np.testing.assert_allclose((fit.alpha, fit.beta), exact[:2], rtol=1e-5)
    wide = fit_pass_at_k(np.append(total, 10**6), np.append(correct, 3))  # pairs too far apart for a table
    assert wide.alpha < fit.alpha


# ---- curves ----


@pytest.mark.parametrize("k", [1, 7, 50])
def test_the_curve_is_the_mean_over_difficulties(k):
    fit = fit_pass_at_k(10, problems(4, 300, 10, 0.8, 2.0, 0.2), model="zero-inflated")
    exact = oracle.pass_at_k(fit.alpha, fit.beta, fit.zero, k)
    assert fit.pass_at_k(k).mean == pytest.approx(exact, rel=1e-6)


def test_the_curve_ends_in_a_power_law_of_exponent_alpha():
    fit = fit_pass_at_k(10, problems(4, 300, 10, 0.5, 1.0))
    missed = 1 - fit.pass_at_k([10**6, 10**7]).mean
    assert np.log10(missed[0] / missed[1]) == pytest.approx(fit.alpha, rel=1e-5)
    assert 0 < fit.exponent_error < fit.alpha


@pytest.mark.parametrize("k", [1, 30])
def test_ends_of_the_interval_are_those_of_the_likelihood_ratio(k):
    correct = problems(5, 80, 6, 0.6, 1.5)
    fit = fit_pass_at_k(6, correct)
    exact = oracle.interval(6, correct, k, 0.9, (fit.alpha, fit.beta))
    found = fit.pass_at_k(k, level=0.9)
    assert (found.lower, found.upper) == pytest.approx(exact, abs=1e-3)
    assert found.lower < found.mean < found.upper


@pytest.mark.optimised
@pytest.mark.parametrize(("total", "a", "b", "k"), [(10, 0.4, 1.2, 5), (10, 0.4, 1.2, 200), (4, 1.0, 3.0, 50)])
def test_intervals_cover_as_often_as_they_say(total, a, b, k):
    """95 % of 500 samples of 200 problems, within 1.5 % and an error of the simulation."""
    truth, covered = oracle.closed_pass_at_k(a, b, k), 0
    for seed in range(500):
        found = fit_pass_at_k(total, problems(10_000 + seed, 200, total, a, b)).pass_at_k(k)
        covered += found.lower <= truth <= found.upper
    assert abs(covered / 500 - 0.95) < 0.015 + np.sqrt(0.95 * 0.05 / 500)


@pytest.mark.optimised
def test_intervals_of_the_inflated_model_cover_at_least_as_often():
    truth, covered = 0.8 * oracle.closed_pass_at_k(0.8, 2.0, 100), 0
    for seed in range(60):
        fit = fit_pass_at_k(10, problems(seed, 200, 10, 0.8, 2.0, 0.2), model="zero-inflated")
        found = fit.pass_at_k(100)
        covered += found.lower <= truth <= found.upper
    assert covered >= 54


def test_a_share_never_solved_is_in_the_interval_also_where_none_is_seen():
    correct = problems(0, 300, 20, 2.0, 2.0)
    plain = fit_pass_at_k(20, correct).pass_at_k(10**5)
    inflated = fit_pass_at_k(20, correct, model="zero-inflated").pass_at_k(10**5)
    assert inflated.mean == plain.mean
    assert inflated.lower < plain.lower - 1e-4
    assert inflated.upper == pytest.approx(plain.upper, abs=1e-9)


def test_counts_that_are_not_those_of_the_model_say_nothing_beyond_them():
    """Half of the problems at 0.3 and half at 0.7: a beta distribution does not fit."""
    rng = np.random.default_rng(0)
    correct = rng.binomial(40, np.repeat([0.1, 0.7], 300))
    fit = fit_pass_at_k(40, correct)
    assert fit.is_rejected
    mean = pass_at_k(40, correct, 40)
    found = fit.pass_at_k([1, 40, 41, 1000])
    np.testing.assert_array_equal(found.upper[2:], 1.0)
    np.testing.assert_allclose(found.lower[1:], found.lower[1])
    share = correct / 40
    reach = 1.959964 * share.std(ddof=1) / np.sqrt(600)
    np.testing.assert_allclose(
        (found.lower[0], found.upper[0]), (share.mean() - reach, share.mean() + reach), rtol=1e-6
    )
    assert found.upper[1] <= 1.0
    assert mean.mean() >= found.lower[1]


def test_p_values_of_right_models_are_spread_and_of_few_counts_unknown():
    values = np.array([fit_pass_at_k(8, problems(seed, 300, 8, 0.7, 1.5)).p_value for seed in range(200)])
    assert 0.02 < (values < 0.1).mean() < 0.2
    assert np.isnan(fit_pass_at_k(2, problems(0, 300, 2, 0.7, 1.5)).p_value)


# ---- single problems ----


def test_posteriors_are_beta_with_a_mass_at_zero():
    fit = fit_pass_at_k(6, problems(6, 500, 6, 0.8, 2.0, 0.3), model="zero-inflated")
    found = fit.posterior(6, [0, 1, 6], [1, 10])
    assert found.mean.shape == found.lower.shape == (3, 2)
    rng = np.random.default_rng(1)
    p = rng.beta(fit.alpha, fit.beta, 4_000_000) * (rng.random(4_000_000) >= fit.zero)
    c = rng.binomial(6, p)
    for row, right in enumerate((0, 1, 6)):
        own = p[c == right]
        solved = 1 - (1 - own) ** 10
        assert found.mean[row, 1] == pytest.approx(solved.mean(), abs=4e-3)
        ends = np.quantile(solved, [0.025, 0.975])
        np.testing.assert_allclose((found.lower[row, 1], found.upper[row, 1]), ends, atol=8e-3)
    assert found.lower[0, 1] == 0
    assert np.ndim(fit.posterior(6, 3, 5).mean) == 0


@pytest.mark.parametrize("model", ["beta-binomial", "zero-inflated"])
def test_posteriors_of_many_problems_leave_room_for_ctrl_c(model, monkeypatch):
    """They go to SciPy in pieces, with the bits of each alone."""
    sizes, quantile = [], scipy.special.betaincinv

    def noted(a, b, share):
        sizes.append(a.size)
        return quantile(a, b, share)

    monkeypatch.setattr(scipy.special, "betaincinv", noted)
    fit = fit_pass_at_k(6, problems(6, 500, 6, 0.8, 2.0, 0.3), model=model)
    correct = np.random.default_rng(2).integers(0, 7, (100, 100))
    found = fit.posterior(6, correct, [2, 9])
    assert sum(sizes) == 2 * correct.size
    assert max(sizes) < correct.size
    of_one = [fit.posterior(6, right, [2, 9]) for right in range(7)]
    for field in found._fields:
        each = np.array([getattr(one, field) for one in of_one])
        np.testing.assert_array_equal(getattr(found, field), each[correct])


# ---- bad and tiny input ----


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((4, [0, 0, 0]), ValueError, "num_correct: all samples are wrong"),
        ((4, [4, 4, 4]), ValueError, "num_correct: all samples are right"),
        ((1, [0, 1, 1]), ValueError, "no problem has two samples"),
        (([], []), TypeError, "must be integers"),
        ((np.zeros(0, int), np.zeros(0, int)), ValueError, "no problem has two samples"),
        ((4, [0, 4, 4, 0]), ConvergenceError, "every problem is solved always or never"),
        ((10, [5, 5, 5, 5]), ConvergenceError, "spread no more than those of equally hard problems"),
        ((10, [5]), ConvergenceError, "spread no more than those"),
        ((4, [0, 5]), ValueError, r"num_correct\[1\] = 5 exceeds num_samples\[1\] = 4"),
        ((0, [0, 0]), ValueError, "num_samples.* = 0 is below 1"),
        ((4, [0.5, 1]), TypeError, "num_correct must be integers"),
    ],
    ids=str,
)
def test_bad_counts(arguments, error, message):
    for model in ("beta-binomial", "zero-inflated"):
        with pytest.raises(error, match=message):
            fit_pass_at_k(*arguments, model=model)


def test_bad_options():
    correct = problems(0, 50, 5, 1.0, 1.0)
    with pytest.raises(ValueError, match="model must be one of 'beta-binomial', 'zero-inflated', not 'normal'"):
        fit_pass_at_k(5, correct, model="normal")
    fit = fit_pass_at_k(5, correct)
    for k, message in ((0, "k = 0 is below 1"), (1.5, "k must be an integer"), ([[1]], "k must be an integer")):
        with pytest.raises(ValueError, match=message):
            fit.pass_at_k(k)
    with pytest.raises(ValueError, match="level must be between 0 and 1, not 1"):
        fit.pass_at_k(3, level=1)
    with pytest.raises(ValueError, match="level must be between 0 and 1, not 0"):
        fit.posterior(5, 3, 3, level=0)
