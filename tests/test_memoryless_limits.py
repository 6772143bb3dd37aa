"""Rate functions, scaled cumulants and second-order terms: the paper's statements, and the one that is wrong."""

import math

import numpy as np
import pytest

import alignment_fast as af
from oracles.memoryless import STORED

TERNARY = af.memoryless.MemorylessModel([1 / 5, 3 / 10, 1 / 2], [2 / 3, 1 / 9, 2 / 9])
DYADIC = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], [4 / 7, 2 / 7, 1 / 7])
DELTA = 0.11


@pytest.mark.parametrize("row", STORED["ldp_ternary"]["rate"], ids=lambda row: row["tau"])
@pytest.mark.parametrize(("which", "key"), [("reference", "J0"), ("aligned", "J_delta"), ("best_of_n", "J_bon")])
def test_rate_functions(row, which, key):
    found = TERNARY.rate(float(row["tau"]), delta=DELTA, which=which)
    assert found == pytest.approx(float(row[key]), rel=1e-12, abs=1e-15)


def test_best_of_n_and_the_aligned_policy_have_different_rate_functions():
    """The conjecture at the end of section 4.2 of arXiv:2404.01730 is false: they differ by α (τ_δ - τ) below τ_δ."""
    policy = TERNARY.aligned(DELTA)
    typical = -float(policy.expected_reward)
    tau = typical - np.array([0.4, 0.2, 0.05])
    difference = TERNARY.rate(tau, delta=DELTA, which="best_of_n") - TERNARY.rate(tau, delta=DELTA, which="aligned")
    np.testing.assert_allclose(difference, float(policy.alpha) * (typical - tau), rtol=1e-11)
    assert TERNARY.rate(typical + 1e-3, delta=DELTA, which="best_of_n") == math.inf


def test_the_exact_law_at_m_1600_shows_which_rate_is_right():
    m = 1600
    law = TERNARY.reward_law(m)
    best = af.best_of_n.BestOfN(law.log_pmf, law.support, log=True).log_pmf(log_n=DELTA * m)
    better = -np.logaddexp.reduce(best[law.support >= -m]) / m
    assert better == pytest.approx(0.177751, abs=5e-7)
    right, wrong = (TERNARY.rate(1.0, delta=DELTA, which=which) for which in ("best_of_n", "aligned"))
    assert abs(better - right) < 0.003 < 0.1 < abs(better - wrong)


def test_rates_beyond_the_largest_divergence():
    best = -float(TERNARY.tilt(math.inf).expected_reward)
    assert TERNARY.rate(best, delta=2.0, which="best_of_n") == 0.0
    assert TERNARY.rate(best + 0.1, delta=2.0, which="best_of_n") == math.inf
    assert TERNARY.rate(best, delta=2.0, which="aligned") == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("model", [TERNARY, DYADIC])
def test_best_of_one_has_the_limits_of_the_reference(model):
    tau, rho = np.linspace(0.2, 2.5, 24), np.linspace(-3.0, 3.0, 13)
    for limit, at in ((model.rate, tau), (model.scaled_cumulant, rho)):
        one, reference = limit(at, delta=0.0, which="best_of_n"), limit(at, which="reference")
        np.testing.assert_array_equal(one, reference)
        np.testing.assert_allclose(limit(at, delta=0.0, which="aligned"), reference, rtol=1e-12, atol=1e-14)
    assert TERNARY.rate(1.6, delta=0.0, which="best_of_n") == pytest.approx(0.015675948, abs=5e-10)


@pytest.mark.parametrize("row", STORED["ldp_ternary"]["scaled_cgf_limit"], ids=lambda row: row["rho"])
def test_scaled_cumulants_and_the_freezing_transition(row):
    rho = float(row["rho"])
    aligned, best = (TERNARY.scaled_cumulant(rho, delta=DELTA, which=which) for which in ("aligned", "best_of_n"))
    assert aligned == pytest.approx(float(row["klrl"]), rel=1e-13)
    if row["bon"] is not None:
        assert best == pytest.approx(float(row["bon"]), rel=1e-13)


def test_scaled_cumulants_of_order_0_are_means():
    assert TERNARY.scaled_cumulant(0.0, which="reference") == pytest.approx(-1.4922990931106357 + 5.3e-11, abs=1e-9)
    assert TERNARY.scaled_cumulant([0.0], delta=DELTA)[0] == pytest.approx(-1.1899113775159243, rel=1e-13)


@pytest.mark.parametrize("row", STORED["second_order_ternary"], ids=lambda row: str(row["m"]))
def test_second_order_terms(row):
    found = TERNARY.second_order(row["m"], DELTA)
    assert found.span is None
    assert found.expected_reward / row["m"] == pytest.approx(float(row["E_reward_per_token_pred"]), rel=1e-13)
    assert found.kl_to_aligned == pytest.approx(float(row["D_bon_phi_pred"]), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("m", [1600, 1601, 1602, 1603])
def test_second_order_terms_follow_the_phase_of_a_lattice(m):
    exact, predicted = DYADIC.best_of_n(m, delta=DELTA), DYADIC.second_order(m, DELTA)
    assert predicted.span == pytest.approx(math.log(2), rel=1e-14)
    assert predicted.expected_reward == pytest.approx(exact.expected_reward, abs=0.03)
    assert predicted.kl_to_reference == pytest.approx(exact.kl_to_reference, abs=2e-3)
    assert predicted.kl_to_aligned == pytest.approx(exact.kl_to_aligned, abs=0.03)


def test_errors_of_the_second_order_vanish():
    errors = [
        abs(TERNARY.best_of_n(m, delta=DELTA).kl_to_aligned - TERNARY.second_order(m, DELTA).kl_to_aligned)
        for m in (100, 400, 1600)
    ]
    assert errors[0] > 1.9 * errors[1] > 3.6 * errors[2]


@pytest.mark.parametrize("delta", [0.0, -1.0, 1.7, math.nan])
def test_expansions_exist_between_0_and_the_largest_divergence(delta):
    with pytest.raises(ValueError, match=r"not between 0 and delta_max = 1\.609"):
        TERNARY.second_order(10, delta)


def test_unknown_laws_and_bad_divergences_are_refused():
    with pytest.raises(ValueError, match="which must be one of 'reference', 'aligned', 'best_of_n', not 'both'"):
        TERNARY.rate(1.0, which="both")
    with pytest.raises(ValueError, match=r"delta = -0\.5 is not a number >= 0"):
        TERNARY.scaled_cumulant(1.0, delta=-0.5)


def test_limits_beyond_every_level_and_budget():
    """Two were NaN with a warning."""
    model = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], reward=[0.0, 1.0, 2.0])
    levels = [-1.0, -3.0, -2.0, np.inf]
    np.testing.assert_array_equal(model.rate(levels, delta=np.inf, which="best_of_n"), [np.inf, np.inf, 0.0, np.inf])
    for level in (-np.inf, -1e308):
        assert model.tail_probability(5, level, 2)[:2] == (0.0, 0.0)
