"""Fixed points, their stability, Lyapunov exponents, the onset of oscillation, rates of collapse."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from oracles import dynamics as oracle

CYCLE = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
RPS = 0.5 + 0.4 * CYCLE
UNIFORM = np.log(np.full(3, 1 / 3))
FIXED_POINTS = [v for v in oracle.VECTORS.values() if v["kind"] == "fixed_point"]
CONSTANTS = [v for v in oracle.VECTORS.values() if v["kind"] == "contraction_constants"]


def matrix(K, seed=0):
    skew = np.random.default_rng(seed).uniform(-0.45, 0.45, (K, K))
    return 0.5 + (skew - skew.T) / 2


# ---- fixed points ----


@pytest.mark.parametrize("vector", FIXED_POINTS, ids=lambda v: v["id"])
def test_fixed_points_have_the_known_values(vector):
    given, expected = vector["inputs"], vector["expected"]
    point = af.dynamics.fixed_point(
        given["P"], alpha=given["alpha"], beta=given["beta"], lam=given["lam"], sampler=given["off"], ref=given["ref"]
    )
    np.testing.assert_allclose(np.exp(point.log_pi), expected["pi"], rtol=1e-11)
    assert point.frequency == pytest.approx(expected["omega"], rel=1e-9)
    assert point.spectral_radius == pytest.approx(expected["rho"], rel=1e-11)
    assert point.residual < 1e-13


@given(
    K=st.integers(2, 6),
    alpha=st.floats(0, 0.99),
    strength=st.floats(0, 300),
    lam=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    method=st.sampled_from(["ipo", "dpo"]),
)
def test_a_fixed_point_stays_where_it_is(K, alpha, strength, lam, seed, method):
    """Strength is beta / (1 - alpha), on which IPO's fixed point depends alone."""
    random = np.random.default_rng(seed)
    P, sampler, ref = matrix(K, seed), random.dirichlet(np.ones(K)), random.dirichlet(np.full(K, 3.0)) + 1e-6
    beta = strength * (1 - alpha) / (4 if method == "dpo" else 1)
    arguments = {"alpha": alpha, "beta": beta, "lam": lam, "sampler": sampler, "ref": ref, "method": method}
    point = af.dynamics.fixed_point(P, **arguments)
    after = af.dynamics.simulate(P, **arguments, init=np.exp(point.log_pi) + 1e-305, steps=1)
    scale = max(1.0, np.abs(point.log_pi).max())
    np.testing.assert_allclose(after.log_pi, point.log_pi, atol=1e-10 * scale)


def test_strong_signals_lead_to_the_maximal_lottery():
    """lambda = 1, beta / (1 - alpha) -> inf: no response beats the fixed point."""
    P = np.array([[0.5, 0.9, 0.3, 0.8], [0.1, 0.5, 0.8, 0.7], [0.7, 0.2, 0.5, 0.9], [0.2, 0.3, 0.1, 0.5]])
    point = af.dynamics.fixed_point(P, alpha=0.5, beta=5e4, lam=1.0)
    advantage = (P - 0.5) @ np.exp(point.log_pi)
    assert advantage.max() < 1e-4
    assert advantage[3] < -0.1


def test_fixed_points_of_grids_and_stacks():
    P = np.stack([matrix(4, 1), matrix(4, 2)])
    point = af.dynamics.fixed_point(P, alpha=[0.1, 0.5, 0.9], beta=2.0, lam=0.5)
    assert point.log_pi.shape == (2, 3, 4)
    one = af.dynamics.fixed_point(P[1], alpha=0.9, beta=2.0, lam=0.5)
    np.testing.assert_allclose(point.log_pi[1, 2], one.log_pi, rtol=1e-12)
    radius = af.dynamics.spectral_radius(P, point.log_pi, alpha=[0.1, 0.5, 0.9], beta=2.0, lam=0.5)
    np.testing.assert_allclose(radius, point.spectral_radius, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": [0.5, 1.0]}, r"alpha\[1\] = 1 has no unique fixed point"),
        ({"ref": [0.5, 0.5, 0.0]}, "ref has no mass at response 2"),
        ({"beta": af.dynamics.Schedule([1.0])}, "beta is a Schedule, and this function knows no rounds"),
    ],
)
def test_fixed_points_need_a_reference_that_holds(change, message):
    with pytest.raises(ValueError, match=message):
        af.dynamics.fixed_point(RPS, **{"alpha": 0.5, "beta": 1.0, "lam": 1.0, **change})


# ---- linear stability ----


def test_spectral_radii_on_the_cycle_have_the_known_values():
    for a, alpha, feedback, ipo, dpo, _ in oracle.VECTORS["rps_spectral_radius_grid"]["expected"]["rows"]:
        arguments = {"alpha": alpha, "beta": feedback, "lam": 1.0}
        P = 0.5 + a * CYCLE
        assert af.dynamics.spectral_radius(P, UNIFORM, **arguments) == pytest.approx(ipo, rel=1e-12)
        assert af.dynamics.spectral_radius(P, UNIFORM, **arguments, method="dpo") == pytest.approx(dpo, rel=1e-10)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_eigenvalues_are_those_of_a_numerical_jacobian(K, seed, method):
    random = np.random.default_rng(seed)
    P, sampler = matrix(K, seed), random.dirichlet(np.ones(K))
    alpha, beta, lam = random.uniform(0.2, 0.9), random.uniform(0.5, 3.0), random.uniform(0.3, 1.0)
    arguments = {"alpha": alpha, "beta": beta, "lam": lam, "sampler": sampler, "method": method}
    point = af.dynamics.fixed_point(P, **arguments)
    step = oracle.round_map(P, alpha, beta, lam, sampler, np.ones(K), method)
    eigenvalues = np.linalg.eigvals(oracle.jacobian(step, point.log_pi - point.log_pi.mean()))
    assert np.abs(eigenvalues).max() == pytest.approx(point.spectral_radius, rel=1e-6)
    if method == "ipo":  # all but the direction of ones lie on the line Re = alpha
        moving = eigenvalues[np.abs(eigenvalues) > 1e-6]
        np.testing.assert_allclose(moving.real, alpha, atol=1e-7)
        assert np.abs(moving.imag).max() == pytest.approx(beta * lam * point.frequency, abs=1e-7)


@pytest.mark.parametrize(("K", "omega"), [(3, 0.173205080757), (5, 0.184661012231), (7, 0.187769411466)])
def test_frequencies_of_generalised_cycles(K, omega):
    """Response i beats the next (K - 1) / 2."""
    ahead = (np.arange(K) - np.arange(K)[:, None]) % K
    P = 0.5 + 0.3 * np.where(ahead == 0, 0, np.where(ahead <= K // 2, 1, -1))
    point = af.dynamics.fixed_point(P, alpha=0.5, beta=1.0, lam=1.0)
    assert point.frequency == pytest.approx(omega, rel=1e-10)


def test_the_threshold_of_the_cycle_by_bisection():
    """Unstable iff alpha^2 + a^2 beta^2 lambda^2 / 3 > 1."""
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        stable = af.dynamics.spectral_radius(RPS, UNIFORM, alpha=0.6, beta=middle, lam=0.7) < 1
        low, high = (middle, high) if stable else (low, middle)
    assert low == pytest.approx(np.sqrt(3 * (1 - 0.36)) / (0.4 * 0.7), rel=1e-10)


@pytest.mark.parametrize("vector", CONSTANTS, ids=lambda v: v["id"])
def test_constants_of_contraction_have_the_known_values(vector):
    bounds = af.dynamics.stability_bounds(vector["inputs"]["P"], alpha=0.5, beta=1.0, lam=1.0)
    for name in ("norm2", "norm2_projected", "span_D", "max_abs"):
        assert getattr(bounds, name) == pytest.approx(vector["expected"][name], rel=1e-12)


def test_conditions_turn_at_their_thresholds():
    """For the cycle: alpha + (sqrt 3 / 2) a x, alpha + 0.75 a x and (a x)^2 against 1, 1 and alpha (1 - alpha)."""
    alpha, a = 0.5, 0.4
    beta = {"by_norm": 0.5 / (np.sqrt(0.75) * a), "by_span": 0.5 / (0.75 * a), "by_mirror_descent": 0.5 / a}
    for name, threshold in beta.items():
        below, above = (
            getattr(af.dynamics.stability_bounds(RPS, alpha=alpha, beta=threshold * f, lam=1.0), name)
            for f in (1 - 1e-9, 1 + 1e-9)
        )
        assert below
        assert not above


@given(K=st.integers(2, 5), alpha=st.floats(0, 0.95), feedback=st.floats(0.01, 20), seed=st.integers(0, 2**32 - 1))
def test_sufficient_conditions_imply_local_stability(K, alpha, feedback, seed):
    P = matrix(K, seed)
    bounds = af.dynamics.stability_bounds(P, alpha=alpha, beta=feedback, lam=1.0)
    if bounds.stable:
        assert af.dynamics.fixed_point(P, alpha=alpha, beta=feedback, lam=1.0).spectral_radius < 1 + 1e-12


def test_nothing_is_stable_that_forgets_no_reference():
    """At alpha = 1 policies stay where they start (no signal), or go to a vertex: no condition may hold."""
    P = [[0.5, 0.9], [0.1, 0.5]]
    bounds = af.dynamics.stability_bounds(P, alpha=1.0, beta=[0.0, 1.0, 1.0], lam=[1.0, 0.0, 1e-300])
    assert not bounds.stable.any()
    ends = [af.dynamics.simulate(P, alpha=1.0, beta=1.0, lam=0.0, init=p, steps=999).pi for p in ([1, 9], [9, 1])]
    np.testing.assert_allclose(ends, [[1, 0], [1, 0]], atol=1e-12)


CORNERS = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)


@given(
    K=st.integers(2, 5),
    alpha=CORNERS | st.floats(0.9, 1),
    beta=st.sampled_from([0.0, 1e-300]) | st.floats(0, 20),
    lam=CORNERS,
    seed=st.integers(0, 2**32 - 1),
)
def test_where_a_condition_holds_all_policies_go_to_one_that_is_interior(K, alpha, beta, lam, seed):
    P = matrix(K, seed)
    bounds = af.dynamics.stability_bounds(P, alpha=alpha, beta=beta, lam=lam)
    if not bounds.stable or 1 - alpha < 1e-3:
        assert alpha < 1 or not bounds.stable
        return
    start = np.eye(K) + 1e-6
    run = af.dynamics.simulate(P, alpha=alpha, beta=beta, lam=lam, init=start, steps=60_000)
    assert np.ptp(run.log_pi, axis=0).max() < 1e-5
    point = af.dynamics.fixed_point(P, alpha=alpha, beta=beta, lam=lam)
    np.testing.assert_allclose(run.log_pi[0], point.log_pi, atol=1e-5)
    assert np.isfinite(point.log_pi).all()


@pytest.mark.parametrize(
    ("log_pi", "message"),
    [([0.0, 0.0], r"log_pi must have shape \(\.\.\., 3\)"), ([0.0, np.nan, 0.0], r"log_pi\[1\] = nan")],
)
def test_log_policies_are_checked(log_pi, message):
    with pytest.raises(ValueError, match=message):
        af.dynamics.spectral_radius(RPS, log_pi, alpha=0.5, beta=1.0, lam=1.0)


THREE = [[0.5, 0.9, 0.8], [0.1, 0.5, 0.7], [0.2, 0.3, 0.5]]
FOUR = [[0.5, 0.9, 0.8, 0.7], [0.1, 0.5, 0.7, 0.6], [0.2, 0.3, 0.5, 0.8], [0.3, 0.4, 0.2, 0.5]]


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize(
    ("P", "log_pi"),
    [
        (THREE, [0.0, -800.0, -900.0]),
        (THREE, [0.0, -740.0, -744.0]),
        (THREE, [0.0, -720.0, -744.0]),
        (THREE, [0.0, -400.0, -700.0]),
        (THREE, [-np.inf, 0.0, -np.inf]),
        (FOUR, [0.0, -735.0, -740.0, -744.0]),
        (FOUR, [-800.0, -1000.0, 0.0, -900.0]),
        (FOUR, [0.0, -300.0, -736.0, -740.0]),
    ],
)
def test_a_policy_that_has_collapsed_below_double_turns_with_alpha_alone(P, log_pi, method):
    """The gain is 0 there, or so small that products of its entries underflow."""
    assert af.dynamics.spectral_radius(P, log_pi, alpha=0.9, beta=1.0, lam=1.0, method=method) == pytest.approx(
        0.9, rel=1e-12
    )


def test_the_fixed_point_of_a_collapse_below_double_is_stable():
    point = af.dynamics.fixed_point(THREE, alpha=0.99, beta=10.0, lam=1.0, method="dpo")
    assert point.spectral_radius == pytest.approx(0.99, rel=1e-12)
    assert (point.frequency, point.period) == (0.0, np.inf)


# ---- the long run ----


def test_lyapunov_exponents_of_chaos_rotation_and_locking():
    vector = oracle.VECTORS["lyapunov_rps"]
    rows = np.array(vector["expected"]["rows"])
    exponents = af.dynamics.lyapunov_exponent(
        vector["inputs"]["P"],
        alpha=rows[:, 0],
        beta=rows[:, 1],
        lam=1.0,
        init=np.exp(vector["inputs"]["init_logits"]),
        steps=200_000,
        burn_in=20_000,
    )
    np.testing.assert_allclose(exponents, rows[:, 2], rtol=0.02, atol=0.002)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [3, 5])
def test_lyapunov_exponents_are_the_growth_of_small_distances(K, method):
    """Transients included, where the exponent depends on the path: 40 rounds."""
    P, sampler = matrix(K, 3), np.random.default_rng(1).dirichlet(np.ones(K))
    arguments = (0.6, 2.0, 0.8, np.arange(1.0, K + 1), sampler, np.ones(K))
    expected = oracle.lyapunov_exponent(P, *arguments, steps=40, burn_in=10, method=method)
    alpha, beta, lam, init, sampler, ref = arguments
    exponent = af.dynamics.lyapunov_exponent(
        P, alpha=alpha, beta=beta, lam=lam, init=init, sampler=sampler, ref=ref, steps=40, burn_in=10, method=method
    )
    assert exponent == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [3, 8, 20, 97])
def test_lyapunov_exponents_do_not_depend_on_how_many_there_are(K, method):
    """Few trajectories advance one by one, many side by side: the same bits."""
    P, init = np.stack([matrix(K, seed) for seed in range(6)]), np.arange(1.0, K + 1)
    options = {"alpha": 0.7, "beta": 1.5, "lam": 0.6, "init": init, "steps": 9, "burn_in": 2, "method": method}
    many = af.dynamics.lyapunov_exponent(P, **options)
    alone = [af.dynamics.lyapunov_exponent(one, **options) for one in P]
    assert many.tobytes() == np.array(alone).tobytes()


def test_at_a_stable_fixed_point_the_exponent_is_the_logarithm_of_the_spectral_radius():
    exponent = af.dynamics.lyapunov_exponent(
        RPS, alpha=0.5, beta=2.0, lam=0.8, init=[0.5, 0.3, 0.2], steps=4000, burn_in=1000
    )
    radius = af.dynamics.spectral_radius(RPS, UNIFORM, alpha=0.5, beta=2.0, lam=0.8)
    assert exponent == pytest.approx(np.log(radius), abs=1e-3)


@pytest.mark.parametrize("trajectories", [1, 3])
@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("burn_in", [0, 1, 5])
@pytest.mark.parametrize(
    ("alpha", "exponent"), [(0.0, -np.inf), (1e-200, np.log(1e-200)), (1e-300, np.log(1e-300)), (0.5, np.log(0.5))]
)
def test_a_direction_that_dies_has_the_exponent_minus_infinity(alpha, exponent, burn_in, method, trajectories):
    """Without feedback v is alpha v: its square underflows long before it does, and once 0 it stays 0."""
    P = [[0.5, 0.6], [0.4, 0.5]]
    arguments = {"beta": 1.0, "lam": 0.0, "init": [0.2, 0.8], "steps": 20, "burn_in": burn_in, "method": method}
    found = af.dynamics.lyapunov_exponent(P, alpha=np.full(trajectories, alpha), **arguments)
    np.testing.assert_allclose(found, np.full(trajectories, exponent), rtol=1e-13)


def test_a_direction_that_grows_beyond_the_root_of_double_keeps_its_exponent():
    arguments = {"alpha": 1.0, "lam": 1.0, "init": [0.2, 0.3, 0.5], "steps": 1, "burn_in": 0}
    found = af.dynamics.lyapunov_exponent(RPS, beta=1e200, **arguments)
    moderate = af.dynamics.lyapunov_exponent(RPS, beta=1e100, **arguments)
    assert found - moderate == pytest.approx(100 * np.log(10), rel=1e-12)


def test_no_round_is_no_exponent():
    with pytest.raises(ValueError, match="burn_in = 5 leaves none of 5 steps"):
        af.dynamics.lyapunov_exponent(RPS, alpha=0.5, beta=2.0, lam=1.0, init=[1, 2, 3], steps=5, burn_in=5)


def test_predictions_close_to_the_onset_of_oscillation():
    for a, alpha, beta, variance, predicted, period, predicted_period in oracle.VECTORS["neimark_sacker_rps"][
        "expected"
    ]["rows"]:
        onset = af.dynamics.three_cycle_onset(a, alpha=alpha, beta=beta, lam=1.0)
        assert onset.variance == pytest.approx(predicted, rel=1e-9)
        assert onset.period == pytest.approx(predicted_period, rel=1e-9)
        assert onset.variance == pytest.approx(variance, rel=0.01)
        assert onset.period == pytest.approx(period, rel=0.002)


def onset_in_many_digits(a, alpha, beta, lam):
    """Return variance and period by the formulas of the docstring."""
    with mpmath.workdps(500):
        kappa = mpmath.mpf(a) * mpmath.mpf(beta) * mpmath.mpf(lam) / mpmath.sqrt(3)
        rho, angle = mpmath.hypot(alpha, kappa), mpmath.atan2(kappa, alpha) if alpha or kappa else mpmath.mpf(0)
        if kappa == 0:
            return mpmath.mpf(0), mpmath.inf
        growth = max(rho - 1, 0) / kappa**2
        turning = 4 * growth / 3 * (kappa * alpha / 2 + kappa**2 / 4 * mpmath.cot(3 * angle / 2))
        return 8 * growth / 27, 2 * mpmath.pi / (angle - turning)


@pytest.mark.parametrize("a", [0.0, 1e-200, 1e-12, 0.1, 0.5])
@pytest.mark.parametrize(("beta", "lam"), [(0.0, 1.0), (1.0, 0.0), (1e-8, 1.0), (1.0, 1.0), (4.0, 0.5)])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1 - 1e-10, 1.0])
def test_onsets_are_right_without_a_signal_and_with_next_to_none(a, beta, lam, alpha):
    onset = af.dynamics.three_cycle_onset(a, alpha=alpha, beta=beta, lam=lam)
    variance, period = onset_in_many_digits(a, alpha, beta, lam)
    assert onset.variance == pytest.approx(float(variance), rel=1e-13, abs=1e-300)
    assert onset.period == pytest.approx(float(period), rel=1e-13)


@pytest.mark.parametrize("strength", [-1e-300, 0.5000001, np.nan, [0.1, 0.6]])
def test_strengths_of_a_cycle_lie_between_0_and_a_half(strength):
    with pytest.raises(ValueError, match=r"strength must lie in \[0, 1/2\]"):
        af.dynamics.three_cycle_onset(strength, alpha=0.5, beta=1.0, lam=1.0)


@pytest.mark.parametrize(("method", "gain"), [("ipo", 1.0), ("dpo", 4.0)])
def test_critical_beta_of_the_cycle(method, gain):
    threshold = af.dynamics.critical_beta(RPS, alpha=0.6, lam=0.7, method=method)
    assert threshold == pytest.approx(np.sqrt(3 * 0.64) / (0.4 * 0.7 * gain), rel=1e-9)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [3, 4, 9, 20])
def test_the_fixed_point_loses_its_stability_at_the_critical_beta(K, method):
    P = np.full((K, K), 0.5)
    ahead = (np.arange(K)[None] - np.arange(K)[:, None]) % K  # a cycle of all, of unequal strengths
    P += np.where(ahead == 0, 0.0, np.where(ahead <= K // 2, 0.3, -0.3)) * (ahead != K - ahead)
    P = np.triu(P * 0.98, 1) + 0.5 * np.eye(K) + np.tril(1 - 0.98 * P.T, -1)
    at = {"alpha": 0.6, "lam": 0.9, "method": method}
    threshold = af.dynamics.critical_beta(P, **at)
    betas = threshold * np.array([0.3, 0.6, 0.95, 1 - 1e-9, 1.0, 1 + 1e-9])
    radius = af.dynamics.fixed_point(P, beta=betas, **at).spectral_radius
    assert np.all(radius[:4] < 1)
    assert radius[4] == pytest.approx(1.0, abs=1e-11)
    assert radius[5] > 1


@pytest.mark.parametrize(("tol", "largest"), [(0.0, 1e4), (1e-3, 20.0), (1e-12, 1e10), (1e-12, 4.0)])
def test_a_critical_beta_does_not_depend_on_where_its_search_begins(tol, largest):
    threshold = af.dynamics.critical_beta(RPS, alpha=0.5, lam=1.0, tol=tol, largest=largest)
    assert threshold == pytest.approx(3.75, rel=max(tol, 1e-13))


@pytest.mark.parametrize("seed", range(60))
def test_no_policy_is_unstable_at_the_betas_that_a_search_leaves_out(seed):
    """They are stable by bounds of the eigenvalues that hold whatever the policy and the sampler."""
    rng = np.random.default_rng(seed)
    K, alpha, lam = int(rng.integers(2, 7)), rng.uniform(), rng.uniform()
    P = matrix(K, seed) if seed % 2 else 0.5 + rng.uniform(0.1, 0.49) * np.sign(matrix(K, seed) - 0.5)
    share, top = np.sqrt(0.5 * (1 - 1 / K)), P.max()
    slope = (1 / top - 1) ** (K - 1)
    bounds = {"ipo": (top - 0.5) * share * lam, "dpo": top * share * (1 + slope) ** 2 / slope}
    log_pi, sampler = np.log(rng.dirichlet(np.full(K, 0.5)) + 1e-9), rng.dirichlet(np.full(K, 0.5))
    for method, bound in bounds.items():
        at = {"alpha": alpha, "beta": (1 - alpha) / bound, "lam": lam, "sampler": sampler, "method": method}
        assert af.dynamics.spectral_radius(P, log_pi, **at) <= 1 + 1e-12


def test_a_search_that_ends_below_the_critical_beta_finds_none():
    assert af.dynamics.critical_beta(RPS, alpha=0.5, lam=1.0, largest=3.7) == np.inf


@pytest.mark.parametrize("seed", range(3))
def test_a_search_that_ends_where_the_policy_has_collapsed_misses_nothing(seed):
    """Random preferences: radii at every value of beta that the search would look at, most of them left out by it."""
    rng = np.random.default_rng(seed)
    for K, lam in ((3, 1.0), (4, 0.7), (5, 0.3)):
        upper = np.triu(rng.random((K, K)), 1)
        P = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(K)
        at = {"alpha": 0.3, "lam": lam, "sampler": rng.dirichlet(np.ones(K))}
        ref = rng.dirichlet(np.ones(K))
        beta = np.geomspace(1e-6, 100.0, 200)
        log_pi = af.dynamics.fixed_point(P, beta=beta, ref=ref, **at).log_pi
        radius = af.dynamics.spectral_radius(P, log_pi, beta=beta, **at)
        threshold = af.dynamics.critical_beta(P, ref=ref, largest=100.0, **at)
        assert (radius > 1).any() == np.isfinite(threshold)
        if np.isfinite(threshold):
            assert threshold == pytest.approx(beta[np.argmax(radius > 1)], rel=0.1)


def test_transitive_preferences_have_no_critical_beta():
    P = oracle.VECTORS["const_strong"]["inputs"]["P"]
    assert af.dynamics.critical_beta(P, alpha=0.5, lam=1.0) == np.inf


@pytest.mark.parametrize(("method", "key"), [("ipo", "ipo_rate_per_step"), ("dpo", "dpo_rate_per_step")])
def test_rates_of_collapse(method, key):
    vector = oracle.VECTORS["collapse_rates_alpha1"]
    P, beta = vector["inputs"]["P"], vector["inputs"]["beta"]
    rates = af.dynamics.collapse_rates(P, beta=beta, method=method)
    np.testing.assert_allclose(rates[1:], vector["expected"][key], rtol=1e-12)
    steps = 1500 if method == "ipo" else 300
    run = af.dynamics.simulate(
        P, alpha=1.0, beta=beta, lam=1.0, init=vector["inputs"]["init"], steps=steps, record=[steps - 1, steps],
        method=method,
    )  # fmt: skip
    growth = np.diff(run.path[:, :1] - run.path[:, 1:], axis=0)[0]
    np.testing.assert_allclose(growth, rates[1:], rtol=1e-6)


def test_collapse_rates_of_dpo_off_policy_are_refused():
    with pytest.raises(ValueError, match="lam = 1 only"):
        af.dynamics.collapse_rates(RPS, beta=1.0, lam=0.5, method="dpo")
