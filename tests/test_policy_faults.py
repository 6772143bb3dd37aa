"""Tilts and budgets of any size: faults that were found, named after their kinds, and a search for more."""

import math
import re

import mpmath
import numpy as np
import pytest
import search

import alignment_fast as af

tilt, kl_constrained = af.policy.tilt, af.policy.kl_constrained
MET = 1e-13
STATED = {
    "optimality_gap": r"Accuracy: ([\d.e-]+) relative, and ([\d.e-]+) · \(3 \+",
    "kl_constrained": r"`kl` is the budget to ([\d.e-]+) relative, for .* down to ([\d.e-]+); "
    r"alpha is ([\d.e-]+) relative",
}


def tilted_divergence(p, reward, alpha, near=1e-300):
    """Return D(T‖p) of T ∝ p e^{α r} from its definition, p and r taken exactly, in digits for a value of `near`."""
    with mpmath.workdps(60 + math.ceil(-math.log10(min(max(near, 1e-300), 1.0)))):
        p = [mpmath.mpf(float(x)) for x in p]
        total, best = mpmath.fsum(p), (max if alpha > 0 else min)(float(r) for r in reward)
        p = [x / total for x in p]
        gap = [mpmath.mpf(float(r)) - mpmath.mpf(best) for r in reward]
        weights = [x * mpmath.exp(mpmath.mpf(float(alpha)) * d) for x, d in zip(p, gap, strict=True)]
        log_total = mpmath.log(mpmath.fsum(weights))
        return mpmath.fsum(
            w * (mpmath.mpf(float(alpha)) * d - log_total) for w, d in zip(weights, gap, strict=True)
        ) / mpmath.fsum(weights)


# ---- rewards of any size ----


@pytest.mark.parametrize("alpha", [1.0, -1.0])
def test_a_policy_of_huge_rewards_sums_to_one(alpha):
    policy = tilt([0.5, 0.5], [alpha * 1e12, alpha], alpha)
    assert abs(policy.pi.sum() - 1) <= 4e-16
    assert policy.log_pi.max() <= 0
    assert policy.kl == pytest.approx(np.log(2), rel=1e-14)


def test_the_best_letter_takes_all_where_rewards_are_beyond_exponents():
    policy = tilt([1 / 3] * 3, [1e300, 1.0, 0.0], 1.0)
    assert policy.log_pi[0] == 0
    assert policy.kl == pytest.approx(np.log(3), rel=1e-14)
    assert policy.expected_reward == 1e300


@pytest.mark.parametrize("offset", [2.0**30, -(2.0**40), 2.0**50])
@pytest.mark.parametrize("alpha", [0.7, -0.7, 0.0])
def test_a_constant_added_to_rewards_changes_no_policy(alpha, offset):
    p, reward = np.array([0.5, 0.3, 0.2]), np.array([1.0, 2.0, 3.5])
    policy, moved = tilt(p, reward, alpha), tilt(p, reward + offset, alpha)
    np.testing.assert_array_equal(policy.log_pi, moved.log_pi)
    np.testing.assert_allclose(policy.kl, moved.kl, rtol=1e-14)


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e200, 1e308])
def test_reference_policies_of_any_total(size):
    policy, expected = tilt([size, size], [0.0, 1.0], 1.0), tilt([0.5, 0.5], [0.0, 1.0], 1.0)
    np.testing.assert_allclose(policy.log_pi, expected.log_pi, rtol=1e-15)
    assert policy.kl == pytest.approx(float(expected.kl), rel=1e-14)


def test_policies_whose_logarithms_are_small_differences_sum_to_one():
    """Of two near 80, that of a rare letter or what the rarest would make; of those of a count and of all counts."""
    for p, reward, alpha in (
        ([5.87495599e89, 2.74876505e40, 1.68935914e125], [-1.42673968e8, 1.83814322e8, -6.15202717e7], -1.00009525e-6),
        ([0.5, 0.5, 1e-200], [0.0, 0.1, 81.3], 1.0),
        ([0.3, 0.3, 0.4, 1e-290], [0.0, 0.1, 0.17, 351.3], 1.7),
        ([1614.64395576, 3851.01188448, 2866.06476803], [1.0, 1.0, 1.0], 1.0),
    ):
        assert abs(tilt(p, reward, alpha).pi.sum() - 1) <= 1e-15


def test_a_tilt_far_steeper_than_rewards_resolve_has_moments():
    policy = tilt([0.3, 0.3, 0.4], [-0.477, -0.4771, -0.7], 1e24)
    assert policy.expected_reward == -0.477
    assert policy.reward_variance == 0


def test_a_range_of_rewards_beyond_double_is_refused():
    with pytest.raises(ValueError, match=r"reward ranges from -1e\+308 to 1e\+308"):
        tilt([0.5, 0.5], [1e308, -1e308], 1e-308)


# ---- budgets ----


def test_a_budget_for_a_best_letter_of_mass_1e_minus_200():
    policy = kl_constrained([1e-200, 1.0], [1.0, 0.0], 1e-6)
    assert policy.alpha == pytest.approx(440.61560731777031398, rel=1e-14)
    assert policy.kl == pytest.approx(1e-6, rel=MET)


def test_budgets_are_promised_for_the_masses_that_are_tested():
    text = " ".join(kl_constrained.__doc__.split())
    assert [float(x) for x in re.search(STATED["kl_constrained"], text).groups()] == [MET, 1e-300, 1e-13]


@pytest.mark.parametrize("mass", [1e-300, 1e-60, 1e-10, 0.3])
@pytest.mark.parametrize("budget", [1e-300, 1e-200, 1e-20, 1e-6, 0.1, 1.0, 300.0, 600.0])
def test_budgets_are_met_for_any_mass_of_the_best_letter(budget, mass):
    p, reward = np.array([mass, 1 - mass]), np.array([1.0, 0.0])
    policy = kl_constrained(p, reward, budget)
    if budget >= -np.log(mass):
        assert policy.alpha == np.inf
        return
    assert policy.kl == pytest.approx(budget, rel=MET)
    assert abs(tilted_divergence(p, reward, policy.alpha) / mpmath.mpf(budget) - 1) <= MET


def test_a_budget_between_neighbouring_doubles_of_alpha_is_refused_with_the_best_tilt():
    """The tilt is subnormal: it has five digits."""
    with pytest.raises(af.ConvergenceError, match=r"kl\[1\] = 1e-30: the best tilt found") as caught:
        kl_constrained([0.5, 0.5], [0.0, 1e305], [0.1, 1e-30])
    np.testing.assert_allclose(caught.value.result.kl, [0.1, 1e-30], rtol=1e-3)


# A rare letter far below beside a near tie at the top; what is lost of a budget there was 2.5e-11, or 6e-9, of it.
NEAR_TIES = [
    ([1.0, 1.8e-4, 1.8e-6], [1.0, 1.0 - 1e-6, -1.0], 3.4e5),
    ([1.0, 5e-35, 6e-43], [1.0, 1.0 - 2.0**-40, 0.0], 3000.0),
    (
        [2.2956474450021303e-12, 4.06418755900739e-16, 4.23294144682857e-18, 2.142327683922935e-24],
        [1.2985356267492774, 1.298534700976563, -0.18643087618003598, 0.9187419492686816],
        339253.76147654,
    ),
]


def test_rare_letters_far_below_a_near_tie_cost_no_digits():
    for p, reward, alpha in NEAR_TIES:
        divergence = tilted_divergence(p, reward, alpha)
        assert abs(tilt(p, reward, alpha).kl / divergence - 1) < 1e-13
        policy = kl_constrained(p, reward, float(divergence))
        assert abs(tilted_divergence(p, reward, policy.alpha) / divergence - 1) < 2e-13


def any_tilts(random, rows=50):
    """Return rows (p, reward, alpha): rare letters, totals of any size, rewards and tilts from 1e-20 on."""
    shape, each, uniform = (rows, int(random.integers(2, 6))), (rows, 1), random.uniform
    p = np.exp(-uniform(0, 1, shape) * random.choice([1.0, 30.0, 600.0], each)) * 2.0 ** random.integers(
        -60, 1000, each
    )
    reward = random.normal(size=shape) * 10 ** uniform(-20, 300, each) + random.choice([0.0, 1e12, -1e6], each)
    return p, reward, random.choice([-1.0, 1.0], each) * 10 ** uniform(-20, 8, each)


def tilted_divergences(p, reward, alpha):
    """Return what `tilted_divergence` does, of rows in extended precision, and what that may have lost."""
    p, reward, alpha = (array.astype(np.longdouble) for array in (p, reward, alpha))
    p /= p.sum(axis=1, keepdims=True)
    best = np.where(alpha > 0, reward.max(axis=1, keepdims=True), reward.min(axis=1, keepdims=True))
    exponent = alpha * (reward - best)
    largest = (np.log(p) + exponent).max(axis=1, keepdims=True)
    weight = np.exp(np.log(p) + exponent - largest)
    total = weight.sum(axis=1, keepdims=True)
    log_total, share = largest + np.log(total), weight / total
    terms = np.where(share > 0, exponent - log_total, 0)
    lost = np.where(share > 0, np.abs(exponent) + np.abs(log_total) + np.abs(np.log(p)), 0)
    return (share * terms).sum(axis=1), 1e-17 * (1 + share * lost * (1 + np.abs(terms))).sum(axis=1)


@pytest.mark.search
def test_a_search_finds_no_tilt_that_rewards_of_any_size_disturb():
    """Sums of 1, log-probabilities that are none above 0, and the divergence of the tilt that was asked for."""
    random = np.random.default_rng(30)
    sums, divergences = (search.Worst("N3", f"tilt, {quantity}") for quantity in ("sum of the policy", "divergence"))
    for _ in range(max(2, search.cases(150) // 50)):
        p, reward, alpha = any_tilts(random)
        policy = tilt(p, reward, alpha)
        assert policy.log_pi.max() <= 0
        off, row = abs(policy.pi.sum(axis=-1)[:, 0] - 1), 0
        row = int(np.argmax(off))
        sums.see_all(off / 1e-15, (p[row], reward[row], alpha[row, 0]))
        values, lost = tilted_divergences(p, reward, alpha)
        for row, (value, exact) in enumerate(zip(policy.kl[:, 0], values, strict=True)):
            case = p[row], reward[row], alpha[row, 0]
            if not lost[row] < 1e-15 * exact:
                exact = tilted_divergence(*case, value)
            allowed = 1e-13 * max(exact, mpmath.mpf(1e-300)) if isinstance(exact, mpmath.mpf) else 1e-13 * exact
            divergences.see(float(abs(value - exact) / allowed), 1.0, case)
    sums.hold()
    divergences.hold()


@pytest.mark.search
def test_a_search_finds_no_budget_missed_without_a_word():
    random = np.random.default_rng(4)
    worst = search.Worst("N7", "kl_constrained, divergence of its tilt against the budget")
    for _ in range(search.cases(150)):
        letters = int(random.integers(2, 6))
        p = np.exp(random.uniform(-random.choice([1.0, 30.0, 600.0]), 0, letters))
        reward = random.normal(size=letters) * 10 ** random.uniform(-5, 5) + random.choice([0.0, 1e6])
        largest = -np.log(p[np.argmax(reward)] / p.sum())
        budget = random.choice([10 ** random.uniform(-300, 0), largest * random.random(), 10 ** random.uniform(-20, 0)])
        if not budget < 0.999 * largest:
            continue
        try:
            policy = kl_constrained(p, reward, budget)
        except af.ConvergenceError:  # no double has that divergence, which is said
            continue
        error = abs(tilted_divergence(p, reward, policy.alpha, budget) / mpmath.mpf(float(budget)) - 1)
        worst.see(error, 2 * MET, (p, reward, budget))
        assert policy.kl == pytest.approx(budget, rel=MET), (p, reward, budget)
    assert worst.count > search.cases(150) / 2
    worst.hold()


# ---- distance from the optimum ----


def optimum(p, reward, budget, near):
    """Return the policy of divergence `budget` from p, and its alpha, in 60 digits."""
    p = [mpmath.mpf(float(x)) / mpmath.fsum(map(mpmath.mpf, map(float, p))) for x in p]

    def policy(alpha):
        weights = [x * mpmath.exp(alpha * mpmath.mpf(float(r))) for x, r in zip(p, reward, strict=True)]
        return [w / mpmath.fsum(weights) for w in weights]

    def missing(alpha):
        return mpmath.fsum(w * mpmath.log(w / x) for w, x in zip(policy(alpha), p, strict=True)) - mpmath.mpf(budget)

    alpha = mpmath.findroot(missing, mpmath.mpf(float(near)))
    return policy(alpha), alpha


@pytest.mark.parametrize("distance", [0.3, 1e-3, 1e-6, 1e-9, 1e-12])
def test_optimality_gaps_are_not_negative_and_as_accurate_as_stated(distance):
    pattern = STATED["optimality_gap"]
    relative, absolute = map(float, re.search(pattern, af.policy.optimality_gap.__doc__).groups())
    random = np.random.default_rng(round(-np.log10(distance)))
    for _ in range(10):
        p, reward, budget = random.dirichlet(np.ones(4)), random.normal(size=4), float(10 ** random.uniform(-3, -0.5))
        near = kl_constrained(p, reward, budget)
        if not np.isfinite(near.alpha):
            continue
        psi = near.pi * (1 + distance * random.uniform(-1, 1, 4))
        with mpmath.workdps(60):
            phi, alpha = optimum(p, reward, budget, near.alpha)
            total = mpmath.fsum(map(mpmath.mpf, map(float, psi)))
            law = [mpmath.mpf(float(x)) / total for x in psi]
            exact = mpmath.fsum(w * mpmath.log(w / x) for w, x in zip(law, phi, strict=True))
            spread = abs(alpha) * mpmath.mpf(float(np.ptp(reward)))
            allowed = relative * exact + absolute * (3 + spread) * mpmath.sqrt(exact)
        found = float(af.policy.optimality_gap(psi, p, reward, budget))
        assert found >= 0
        assert abs(found - exact) <= allowed
