"""Best-of-n beside the tilted policy of the same divergence."""

import numpy as np
import pytest

import alignment_fast as af
from oracles import best_of_n as oracle

CASES = [case for case in oracle.STORED["bon_discrete"] if "D_pi_phi_matched" in case]
SATURATED = [case for case in oracle.STORED["bon_discrete"] if case.get("alpha_matched") == "inf"]


def numbers(strings):
    from fractions import Fraction

    return np.array([float(Fraction(s)) for s in strings])


def stored_law(case):
    if "p" in case:
        return af.best_of_n.BestOfN(numbers(case["p"]), numbers(case["reward"]))
    return af.best_of_n.BestOfN(numbers(case["log_p"]), numbers(case["reward"]), log=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"log_n={float(case['logN']):.3g}")
def test_stored_cases(case):
    matched = stored_law(case).aligned(log_n=float(case["logN"]))
    assert matched.policy.alpha == pytest.approx(float(case["alpha_matched"]), rel=1e-10)
    assert matched.policy.expected_reward == pytest.approx(float(case["phi_matched_E_reward"]), rel=1e-11)
    assert matched.divergence == pytest.approx(float(case["D_pi_phi_matched"]), rel=1e-8, abs=1e-28)


@pytest.mark.parametrize("case", SATURATED, ids=lambda case: f"log_n={float(case['logN']):.3g}")
def test_saturated_cases(case):
    law = stored_law(case)
    matched = law.aligned(log_n=float(case["logN"]))
    # Infinite, or so large that no outcome but the best has mass.
    assert matched.policy.pi @ numbers(case["reward"]) == pytest.approx(numbers(case["reward"]).max(), rel=1e-15)


def test_budget_is_met_and_reward_is_not_less():
    random = np.random.default_rng(5)
    p, reward = random.dirichlet(np.ones(50)), random.normal(size=50)
    law = af.best_of_n.BestOfN(p, reward)
    n = np.array([1.0, 1.5, 4.0, 32.0, 1e3])
    matched = law.aligned(n)
    assert matched.policy.log_pi.shape == (5, 50)
    np.testing.assert_allclose(matched.policy.kl, law.kl(n), rtol=1e-12, atol=1e-30)
    assert (matched.policy.expected_reward >= law.expected_reward(n) - 1e-14).all()
    assert matched.divergence[0] == pytest.approx(0.0, abs=1e-28)
    gap = af.policy.optimality_gap(law.pmf(n[2]), p, reward, law.kl(n[2]))
    assert matched.divergence[2] == pytest.approx(gap, rel=1e-10)


def test_batches_and_dtypes():
    random = np.random.default_rng(6)
    p, reward = random.random((3, 1, 8)), random.normal(size=(2, 8))
    matched = af.best_of_n.BestOfN(p, reward).aligned([2.0, 5.0])
    assert matched.divergence.shape == (3, 2, 2)
    one = af.best_of_n.BestOfN(p[2, 0], reward[1]).aligned(5.0)
    np.testing.assert_array_equal(matched.policy.log_pi[2, 1, 1], one.policy.log_pi)
    single = af.best_of_n.BestOfN(p[0, 0].astype(np.float32), reward[0].astype(np.float32)).aligned(3.0)
    assert {x.dtype for x in (*single.policy, single.divergence)} == {np.dtype(np.float32)}


def test_infinite_rewards_have_no_tilt():
    with pytest.raises(ValueError, match="reward in row 0 is infinite"):
        af.best_of_n.BestOfN([0.5, 0.5], [0.0, np.inf]).aligned(2)


def test_a_near_tie_of_the_best_two_makes_the_divergence_large_and_not_infinite():
    """The tilt that tells them apart leaves no double to the third outcome, which best-of-n still has."""
    p, reward = np.array([0.9, 0.05, 0.05]), np.array([0.0, 1.0, 1.001])
    law = af.best_of_n.BestOfN(p, reward)
    matched = law.aligned(60.0)
    assert matched.policy.pi[0] == 0 < law.pmf(60.0)[0]
    with np.errstate(under="ignore"):
        log_phi = np.log(p) + matched.policy.alpha * reward - matched.policy.log_partition
    expected = law.pmf(60.0) @ (law.log_pmf(60.0) - log_phi)
    assert matched.divergence == pytest.approx(expected, rel=1e-9)
    assert 1 < matched.divergence < np.inf
