"""Best-of-n beside the tilted policy of the same divergence."""

import mpmath
import numpy as np
import pytest
import search

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


# ---- any n: what best-of-n leaves to the other outcomes may be below every double ----


@pytest.mark.parametrize("top", [0.5, 0.9, 1e-3, 1e-12])
@pytest.mark.parametrize("log_n", [1e-9, 0.5, 4.0, 7.0, 7.6, 30.0, 300.0, 700.0])
def test_of_two_outcomes_best_of_n_is_the_aligned_policy(top, log_n):
    """(1 - p)^n is the mass of the lower one, so alpha = log((1 - (1 - p)^n) / (1 - p)^n) - log(p / (1 - p))."""
    with mpmath.workdps(400):
        p = mpmath.mpf(top)
        log_low = mpmath.exp(mpmath.mpf(log_n)) * mpmath.log1p(-p)
        exact = mpmath.log(-mpmath.expm1(log_low)) - log_low - mpmath.log(p / (1 - p))
    matched = af.best_of_n.BestOfN([1 - top, top], [0.0, 1.0]).aligned(log_n=log_n)
    assert matched.policy.alpha == pytest.approx(float(exact), rel=1e-10)
    assert matched.policy.kl == pytest.approx(af.best_of_n.BestOfN([1 - top, top], [0.0, 1.0]).kl(log_n=log_n))


@pytest.mark.parametrize("n", [3, [1, 3, 200]])
def test_rewards_common_to_all_rows(n):
    """Found by search: rows of p that share their rewards ended in an error of memory layout."""
    p, reward = [[0.2, 0.5, 0.3], [0.1, 0.8, 0.1]], [0.0, 1.0, 2.0]
    found = af.best_of_n.BestOfN(p, reward).aligned(n)
    for row, one in enumerate(p):
        alone = af.best_of_n.BestOfN(one, reward).aligned(n)
        np.testing.assert_array_equal(found.policy.alpha[row], alone.policy.alpha)
        np.testing.assert_array_equal(found.divergence[row], alone.divergence)


@pytest.mark.search
def test_aligned_search_over_rare_outcomes_and_any_n():
    """Two outcomes: that best-of-n leaves next to nothing to the lower one, or changes next to nothing."""
    generator, worst = np.random.default_rng(31), search.Worst("N8", "BestOfN.aligned, alpha of two outcomes")
    for _ in range(search.cases(150)):
        top, log_n = 10 ** generator.uniform(-12, -1e-3), 10 ** generator.uniform(-9, 2.84)
        masses, rewards = [1 - top, top], [0.0, 10 ** generator.uniform(-3, 3)]
        with mpmath.workdps(400):
            share = mpmath.mpf(masses[1]) / (mpmath.mpf(masses[0]) + mpmath.mpf(masses[1]))
            log_low = mpmath.exp(mpmath.mpf(log_n)) * mpmath.log1p(-share)
            ratio = mpmath.log(-mpmath.expm1(log_low)) - log_low - mpmath.log(share / (1 - share))
            exact = ratio / mpmath.mpf(rewards[1])
        alpha = af.best_of_n.BestOfN(masses, rewards).aligned(log_n=log_n).policy.alpha
        worst.see(abs(alpha - float(exact)), 1e-10 * float(exact), (masses, rewards, log_n))
    worst.hold()


@pytest.mark.parametrize("n", [3.0, 60.0, 1100.0, 2000.0, 1e4, 1e7, 1e15])
def test_alpha_of_three_outcomes_at_any_n(n):
    """D_max - D of a tilt and of best-of-n, equal in many digits at the alpha returned."""
    p, reward = [0.2, 0.3, 0.5], [0.0, 1.5, 2.0]
    alpha = af.best_of_n.BestOfN(p, reward).aligned(n).policy.alpha
    with mpmath.workdps(60):
        masses, rewards = [mpmath.mpf(x) for x in p], [mpmath.mpf(x) for x in reward]
        total = mpmath.fsum(masses)
        masses = [x / total for x in masses]
        low = [mpmath.exp(n * mpmath.log(x)) for x in (masses[0], masses[0] + masses[1])]
        law = [low[0], low[1] - low[0]]
        goal = log_missing(masses, law)

        def gap(at):
            weights = [m * mpmath.exp(at * (r - rewards[-1])) for m, r in zip(masses, rewards, strict=True)]
            return log_missing(masses, [w / mpmath.fsum(weights) for w in weights[:2]]) - goal

        near = mpmath.mpf(float(alpha))
        slope = (gap(near * (1 + mpmath.mpf("1e-20"))) - gap(near)) / (near * mpmath.mpf("1e-20"))
        assert abs(gap(near) / slope / near) < 1e-11


def log_missing(masses, law):
    """log(D_max - D) of a law given off the best outcome."""
    off = mpmath.fsum(law)
    terms = [x * (-mpmath.log(masses[-1]) - mpmath.log(x / m)) for x, m in zip(law, masses, strict=False)]
    return mpmath.log(mpmath.fsum(terms) - (1 - off) * mpmath.log1p(-off))


@pytest.mark.parametrize("n", [1100, 2000, 1e5])
def test_the_divergence_of_saturated_laws_is_finite(n):
    assert af.best_of_n.BestOfN([0.5, 0.5], [0.0, 1.0]).aligned(n).divergence == pytest.approx(0.0, abs=1e-20)
    assert af.best_of_n.BestOfN([0.2, 0.3, 0.5], [0.0, 1.0, 2.0]).aligned(n).divergence < 1e-20
