"""Trajectories of iterated preference optimisation: values, statistics, shapes, bits, errors."""

import pickle
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from bounds import bound
from fresh import output_of
from oracles import dynamics as oracle

STATED = {"simulate": r"a round of IPO adds at most 2\^-(\d+) \(1 \+ β \+ \|log π\|\), in float64"}
PATHS = [v for v in oracle.VECTORS.values() if v["kind"] in ("mrs_ipo_trajectory", "mrs_dpo_trajectory")]
CYCLE = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
RPS = 0.5 + 0.4 * CYCLE
START = [0.5, 0.3, 0.2]


def matrix(K, seed=0):
    skew = np.random.default_rng(seed).uniform(-0.45, 0.45, (K, K))
    return 0.5 + (skew - skew.T) / 2


def policy(K, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(K))


# ---- values ----


@pytest.mark.parametrize("vector", PATHS, ids=lambda v: v["id"])
def test_trajectories_have_the_known_values(vector):
    given, expected = vector["inputs"], vector["expected"]
    run = af.dynamics.simulate(
        given["P"],
        alpha=given["alpha"],
        beta=given["beta"],
        lam=given["lam"],
        init=given["init"],
        sampler=given["off"],
        ref=given["ref"],
        steps=given["T"],
        record=expected["t"],
        method=vector["kind"][4:7],
    )
    np.testing.assert_allclose(np.exp(run.path), expected["pi"], rtol=1e-10, atol=1e-13)
    if "log_pi" in expected:  # 50 digits do not resolve log(1 - 1e-50): atol
        np.testing.assert_allclose(run.path, expected["log_pi"], rtol=1e-11, atol=1e-48)
    if "var_coord_burn0" in expected:
        np.testing.assert_allclose(run.variance, expected["var_coord_burn0"], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_a_round_of_ipo_adds_no_more_than_its_docstring_says(seed):
    random = np.random.default_rng(seed)
    K, beta, (alpha, lam) = int(random.integers(2, 7)), float(10 ** random.uniform(-2, 1.5)), random.random(2)
    P, init = matrix(K, seed), policy(K, seed)
    found = af.dynamics.simulate(P, alpha=alpha, beta=beta, lam=lam, init=init, steps=1).log_pi
    with mpmath.workdps(40):
        total = mpmath.fsum(init.tolist())
        pi = [mpmath.mpf(x) / total for x in init.tolist()]
        mu = [lam * x + (1 - mpmath.mpf(lam)) / K for x in pi]
        gain = [mpmath.fdot(row, mu) for row in P.tolist()]
        kept = [alpha * mpmath.log(x) - (1 - mpmath.mpf(alpha)) * mpmath.log(K) for x in pi]
        log = [x + beta * score for x, score in zip(kept, gain, strict=True)]
        exact = [x - mpmath.log(mpmath.fsum(map(mpmath.exp, log))) for x in log]
        off = max(abs(x - y) for x, y in zip(found.tolist(), exact, strict=True))
        stated = 2.0 ** -int(re.search(STATED["simulate"], af.dynamics.simulate.__doc__)[1])
        assert off <= stated * (1 + beta + max(map(abs, exact)))


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [2, 3, 4, 5, 8, 9, 17])
@pytest.mark.parametrize("points", [1, 3, 17])
def test_trajectories_follow_the_definition(K, points, method):
    """Every layout: unrolled and general loops, matrices shared by lanes or not, lanes left over."""
    P, init, sampler, ref = matrix(K), policy(K, 1), policy(K, 2), policy(K, 3)
    random = np.random.default_rng(4)
    alpha, beta, lam = random.uniform(0, 1, points), random.uniform(0.1, 2, points), random.uniform(0, 1, points)
    run = af.dynamics.simulate(
        P, alpha=alpha, beta=beta, lam=lam, init=init, sampler=sampler, ref=ref, steps=6, burn_in=2, method=method
    )
    for point in {0, points // 2, points - 1}:
        parameters = alpha[point], beta[point], lam[point]
        path = oracle.trajectory(P, *parameters, init, sampler, ref, 6, method)
        mean, variance, entropy = oracle.statistics(path, 2)
        size = 6 * max(1, abs(path).max())
        assert abs(run.log_pi[point] - path[-1]).max() <= bound("dynamics.run") * size
        allowed = bound("dynamics.finish") * size
        assert abs(run.mean[point] - mean).max() <= allowed
        assert abs(run.variance[point] - variance).max() <= allowed
        assert abs(run.entropy[point] - entropy[-1]) <= allowed
        assert abs(run.entropy_min[point] - entropy.min()) <= allowed
        assert abs(run.entropy_max[point] - entropy.max()) <= allowed


def test_large_matrices_go_through_one_product_for_all_points():
    K, alpha = 200, np.linspace(0.1, 0.9, 20)
    P, init = matrix(K), policy(K, 1)
    run = af.dynamics.simulate([P, P.T], alpha=alpha, beta=3.0, lam=0.7, init=init, steps=5, record=[0, 3])
    for row, Q in enumerate((P, P.T)):
        path = oracle.trajectory(Q, alpha[7], 3.0, 0.7, init, np.ones(K), np.ones(K), 5)
        allowed = bound("dynamics.advance") * 5 * max(1, abs(path).max())
        assert abs(run.log_pi[row, 7] - path[-1]).max() <= allowed
        assert abs(run.path[row, 7] - path[[0, 3]]).max() <= allowed


def test_entropy_of_a_collapsing_policy_keeps_its_digits():
    P, init = [[0.5, 0.9, 0.95], [0.1, 0.5, 0.7], [0.05, 0.3, 0.5]], [0.2, 0.3, 0.5]
    run = af.dynamics.simulate(P, alpha=1.0, beta=1.0, lam=1.0, init=init, steps=1700)
    assert run.entropy < 1e-290
    assert run.entropy == pytest.approx(oracle.collapsing_entropy(P, 1.0, init, 1700), rel=1e-9, abs=0)
    assert run.log_pi[0] == 0 or run.log_pi[0] > -1e-290


def test_at_alpha_and_lambda_1_every_round_leads_away_from_the_centre_of_a_cycle():
    """KL(uniform || policy) grows: multiplicative weights spiral to the boundary."""
    run = af.dynamics.simulate(
        0.5 + 0.5 * CYCLE, alpha=1.0, beta=0.7, lam=1.0, init=[0.4, 0.35, 0.25], steps=200, record=1
    )
    divergence = -np.log(3) - run.path.mean(-1)
    assert (np.diff(divergence) > 0).all()
    np.testing.assert_allclose(
        divergence[[0, 50, 100, 200]], [0.01885678, 0.11521711, 0.42653748, 1.29489499], rtol=1e-6
    )


def test_bradley_terry_preferences_move_dpo_on_a_straight_line():
    """theta_t = alpha^t theta_0 + (1 - alpha^t)(theta_ref + beta v / (1 - alpha)), whatever lambda and the sampler."""
    v, alpha, beta, steps = np.array([1.2, 0.3, -0.4, -1.0]), 0.7, 0.8, 12
    P = 1 / (1 + np.exp(v - v[:, None]))
    init, ref = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    run = af.dynamics.simulate(
        P, alpha=alpha, beta=beta, lam=0.6, init=init, ref=ref, sampler=[1, 2, 5, 1], steps=steps, method="dpo"
    )
    exact = alpha**steps * np.log(init) + (1 - alpha**steps) * (np.log(ref) + beta * v / (1 - alpha))
    difference = run.log_pi - exact
    np.testing.assert_allclose(difference, difference[0], atol=1e-13)


def test_dpo_finds_rewards_where_sampling_is_very_concentrated():
    """Rows are scaled by their mass: rare responses keep their digits. Values: mpmath."""
    P = [[0.5, 0.7, 0.35, 0.9], [0.3, 0.5, 0.8, 0.6], [0.65, 0.2, 0.5, 0.55], [0.1, 0.4, 0.45, 0.5]]
    mu = [1 - 3e-6, 1e-6, 1e-6, 1e-6]
    run = af.dynamics.simulate(P, alpha=0.0, beta=1.0, lam=0.0, init=[1, 1, 1, 1], sampler=mu, steps=1, method="dpo")
    expected = [0.6063697824, -0.240926085686, 1.225404568612, -1.590848265326]
    np.testing.assert_allclose(run.log_pi - run.log_pi.mean(), expected, atol=1e-11)


def test_responses_without_mass_stay_without_where_the_past_counts_and_come_back_where_it_does_not():
    forgets = af.dynamics.simulate(RPS, alpha=[0.0, 0.5], beta=1.0, lam=1.0, init=[0.5, 0.5, 0], steps=3)
    assert (forgets.pi[0] > 0).all()
    assert forgets.pi[1, 2] == 0
    assert np.isfinite(forgets.entropy).all()
    assert forgets.log_pi[1, 2] == -np.inf


@given(
    K=st.integers(2, 6),
    alpha=st.floats(0, 1),
    beta=st.floats(0, 50),
    lam=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    method=st.sampled_from(["ipo", "dpo"]),
)
def test_policies_stay_policies(K, alpha, beta, lam, seed, method):
    run = af.dynamics.simulate(
        matrix(K, seed), alpha=alpha, beta=beta, lam=lam, init=policy(K, seed) + 1e-9, steps=30, method=method
    )
    assert run.pi.sum() == pytest.approx(1.0, rel=1e-13)
    assert 0 <= run.entropy_min <= run.entropy <= run.entropy_max <= np.log(K) * (1 + 1e-15)
    assert run.mean.sum() == pytest.approx(1.0, rel=1e-13)


# ---- period, convergence ----


def test_amplitude_and_period_close_to_the_onset_of_oscillation():
    vector = oracle.VECTORS["neimark_sacker_rps"]
    rows = np.array(vector["expected"]["rows"])
    init = np.exp(vector["inputs"]["init_logits"])
    run = af.dynamics.simulate(RPS, alpha=rows[:, 1], beta=rows[:, 2], lam=1.0, init=init, steps=60_000, burn_in=40_000)
    np.testing.assert_allclose(run.cycle_strength, rows[:, 3], rtol=1e-9)
    np.testing.assert_allclose(run.period, rows[:, 5], rtol=1e-5)
    np.testing.assert_allclose(run.rotation_number, 1 / rows[:, 5], rtol=1e-5)


def test_a_locked_orbit_has_an_exact_period():
    """alpha = 0 locks to period 3 at kappa = a beta lambda / sqrt(3) = 2 and 5."""
    beta = np.array([2.0, 5.0]) * 3**0.5 / 0.4
    run = af.dynamics.simulate(RPS, alpha=0.0, beta=beta, lam=1.0, init=START, steps=3000, burn_in=2000)
    np.testing.assert_allclose(run.period, 3.0, rtol=1e-12)


def test_converged_trajectories_have_no_period():
    run = af.dynamics.simulate(RPS, alpha=0.5, beta=4.0, lam=0.5, init=START, steps=3000)
    assert run.converged
    assert np.isnan(run.period)
    assert not af.dynamics.simulate(RPS, alpha=0.5, beta=4.0, lam=0.5, init=START, steps=10).converged


# ---- time ----


def test_statistics_run_from_burn_in_to_the_last_round():
    run = af.dynamics.simulate(RPS, alpha=0.9, beta=6.0, lam=0.7, init=START, steps=40, burn_in=13, record=1)
    tail = np.exp(run.path[13:])
    np.testing.assert_allclose(run.mean, tail.mean(0), rtol=1e-13)
    np.testing.assert_allclose(run.variance, tail.var(0), rtol=1e-12)
    assert run.path.shape == (41, 3)


def test_no_step_gives_back_the_start():
    run = af.dynamics.simulate(RPS, alpha=0.9, beta=6.0, lam=0.7, init=START, steps=0)
    np.testing.assert_allclose(run.pi, START, rtol=1e-15)
    assert (run.variance == 0).all()


@pytest.mark.parametrize(("record", "times"), [(4, [0, 4, 8]), ([1, 2, 10], [1, 2, 10]), ([], []), (None, None)])
def test_rounds_are_recorded_by_stride_or_by_list(record, times):
    run = af.dynamics.simulate(RPS, alpha=0.9, beta=6.0, lam=0.7, init=START, steps=10, record=record)
    if times is None:
        assert run.path is None
        assert run.times is None
        return
    assert run.times.tolist() == times
    path = oracle.trajectory(RPS, 0.9, 6.0, 0.7, START, np.ones(3), np.ones(3), 10)
    np.testing.assert_allclose(run.path, path[times].reshape(-1, 3), rtol=1e-12)


@pytest.mark.parametrize("name", ["alpha", "beta", "lam"])
def test_parameters_may_change_with_time(name):
    values = np.linspace(0.2, 0.9, 8)
    parameters = {"alpha": 0.7, "beta": 2.0, "lam": 0.6}
    scheduled = {**parameters, name: af.dynamics.Schedule(values)}
    run = af.dynamics.simulate(RPS, **scheduled, init=START, steps=8)
    path = oracle.trajectory(
        RPS, **{**parameters, name: values}, init=START, sampler=np.ones(3), ref=np.ones(3), steps=8
    )
    np.testing.assert_allclose(run.log_pi, path[-1], rtol=1e-12)


# ---- shapes ----


@pytest.mark.parametrize(
    ("P", "init", "alpha", "beta", "shape"),
    [
        ((3, 3), (3,), (), (), ()),
        ((3, 3), (3,), (5,), (), (5,)),
        ((2, 3, 3), (3,), (5,), (5,), (2, 5)),
        ((2, 3, 3), (4, 1, 3), (5,), (), (4, 2, 5)),
        ((2, 3, 3), (3,), (2, 1), (), (2, 1)),
        ((3, 3), (3,), (2, 5), (), (2, 5)),
        ((0, 3, 3), (3,), (5,), (), (0, 5)),
        ((3, 3), (3,), (0,), (), (0,)),
    ],
)
def test_leading_axes_come_first_and_the_axis_of_parameters_after_them(P, init, alpha, beta, shape):
    run = af.dynamics.simulate(
        np.broadcast_to(RPS, P),
        init=np.broadcast_to(START, init),
        alpha=np.full(alpha, 0.5),
        beta=np.full(beta, 2.0),
        lam=0.5,
        steps=3,
        record=1,
    )
    assert run.log_pi.shape == (*shape, 3)
    assert run.entropy.shape == run.period.shape == run.converged.shape == shape
    assert run.path.shape == (*shape, 4, 3)


def test_float32_stays_float32():
    run = af.dynamics.simulate(
        RPS.astype(np.float32), alpha=0.5, beta=2.0, lam=0.5, init=np.array(START, np.float32), steps=3, record=1
    )
    assert {a.dtype.name for a in (run.log_pi, run.mean, run.variance, run.entropy, run.path)} == {"float32"}


def test_trajectories_can_be_pickled_and_say_what_they_hold():
    run = af.dynamics.simulate(RPS, alpha=[0.5, 0.9], beta=2.0, lam=0.5, init=START, steps=3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(run)).log_pi, run.log_pi)
    assert "log_pi: (2, 3)" in repr(run)
    assert "path" not in repr(run)


# ---- the same bits ----

BITS = """
import hashlib, numpy as np, alignment_fast as af
random = np.random.default_rng(0)
digest = hashlib.sha256()
cases = (3, 40, "ipo"), (4, 5, "dpo"), (7, 3, "ipo"), (12, 20, "ipo"), (12, 3, "ipo"), (101, 2, "ipo"), (10, 20, "dpo")
for K, points, method in cases:
    skew = random.uniform(-0.4, 0.4, (7, K, K))
    P = 0.5 + (skew - skew.transpose(0, 2, 1)) / 2
    run = af.dynamics.simulate(
        P, alpha=random.uniform(0, 1, points), beta=3.0, lam=0.8, init=random.dirichlet(np.ones(K)), steps=60,
        method=method, burn_in=20, num_threads={threads})
    for array in (run.log_pi, run.mean, run.variance, run.entropy, run.period):
        digest.update(array.tobytes())
noise = af.dynamics.FreshPairs(20)
digest.update(af.dynamics.simulate(P, alpha=0.5, beta=1.0, lam=0.5, init=np.ones(10) / 10, steps=9, noise=noise, seed=1,
                                   num_threads={threads}).log_pi.tobytes())
print(digest.hexdigest())
"""


def test_bits_depend_neither_on_threads_nor_on_avx2_or_avx512():
    from alignment_fast.kernels.common import cpu

    expected = output_of(BITS.format(threads=1))
    assert output_of(BITS.format(threads=7)) == expected
    for isa in set(cpu.supported_isas()) - {"baseline"} if cpu.ISA != "baseline" else ():
        assert output_of(BITS.format(threads=2), ALIGNMENT_FAST_ISA=isa) == expected


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [2, 3, 4, 5, 8, 9, 15, 17, 33, 95])
def test_a_trajectory_by_itself_has_the_bits_of_one_among_many(K, method):
    """Few trajectories advance along the responses, many side by side."""
    options = {"beta": 3.0, "lam": 0.8, "init": np.arange(1.0, K + 1), "steps": 5, "method": method}
    alpha = np.linspace(0.3, 1.0, 20)
    among = af.dynamics.simulate(matrix(K), alpha=alpha, **options)
    alone = af.dynamics.simulate(matrix(K), alpha=alpha[7], **options)
    for name in ("log_pi", "mean", "variance", "entropy", "entropy_min", "entropy_max"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(among, name)[7], err_msg=name)


@pytest.mark.parametrize("K", [96, 97, 103, 128])
def test_half_of_a_large_matrix_gives_the_rounds_of_the_whole(K):
    P, steps = matrix(K), 4
    log_pi = np.full(K, -np.log(K))
    for _ in range(steps):
        z = 0.9 * log_pi + 3.0 * (P - 0.5) @ np.exp(log_pi)
        log_pi = z - np.log(np.exp(z).sum())
    found = af.dynamics.simulate(P, alpha=0.9, beta=3.0, lam=1.0, init=np.ones(K), steps=steps).log_pi
    centred = [a - a.mean() for a in (found, log_pi)]
    np.testing.assert_allclose(*centred, atol=1e-13)


# ---- bad input ----


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"P": RPS + 0.01}, ValueError, r"P\[0, 0\].*not complementary"),
        ({"P": RPS + CYCLE}, ValueError, r"P\[0, 1\] = 1.9 is not a probability"),
        ({"P": RPS[:2]}, ValueError, r"shape \(\.\.\., K, K\)"),
        ({"P": np.where(np.eye(3) > 0, np.nan, RPS)}, ValueError, r"P\[0, 0\] = nan is NaN"),
        ({"init": [0.5, -0.1, 0.6]}, ValueError, r"init\[1\] = -0.1 is negative"),
        ({"init": [0.0, 0.0, 0.0]}, ValueError, "init has no positive mass"),
        ({"init": [0.5, 0.5]}, ValueError, r"init must have shape \(\.\.\., 3\)"),
        ({"ref": [[1, 1, 1], [0, 0, 0]]}, ValueError, r"ref\[1\] has no positive mass"),
        ({"sampler": [1, 1, np.inf]}, ValueError, r"sampler\[2\] = inf is infinite"),
        ({"alpha": 1.5}, ValueError, "alpha = 1.5 must be between 0 and 1"),
        ({"alpha": [0.5, np.nan]}, ValueError, r"alpha\[1\] = nan must be between 0 and 1"),
        ({"beta": [1.0, -2.0]}, ValueError, r"beta\[1\] = -2.0 must be finite and not negative"),
        ({"lam": -0.1}, ValueError, "lam = -0.1 must be between 0 and 1"),
        ({"alpha": [0.1, 0.2], "beta": [1, 2, 3]}, ValueError, r"do not broadcast: alpha of shape \(2,\)"),
        ({"steps": -1}, ValueError, "steps = -1 must not be negative"),
        ({"steps": 2.0}, TypeError, "steps must be an integer"),
        ({"burn_in": 11}, ValueError, "burn_in = 11 must lie between 0 and steps = 10"),
        ({"record": 0}, ValueError, "record = 0 is not a stride"),
        ({"record": [3, 2]}, ValueError, r"record\[1\] = 2 does not exceed"),
        ({"record": [3, 11]}, ValueError, r"record\[1\] = 11 is not a round"),
        ({"record": 0.5}, TypeError, "a stride or a list"),
        ({"method": "ppo"}, ValueError, "method must be one of 'ipo', 'dpo', not 'ppo'"),
        ({"beta": af.dynamics.Schedule([1.0, 2.0])}, ValueError, r"Schedule of shape \(2,\).* 10 steps"),
        ({"beta": af.dynamics.Schedule([-1.0] * 10)}, ValueError, r"beta\[0\] = -1.0"),
        ({"noise": 3}, TypeError, "noise must be None, FreshPairs or FrozenEstimate, not int"),
        (
            {"P": [[0.5, 1, 1], [0, 0.5, 0.7], [0, 0.3, 0.5]], "method": "dpo"},
            ValueError,
            r"win graph of P falls into 2 strong components, \[0\], \[1, 2\]|\[1, 2\], \[0\]",
        ),
    ],
)
def test_what_is_wrong_is_named(change, error, message):
    arguments = {"P": RPS, "alpha": 0.5, "beta": 1.0, "lam": 0.5, "init": START, "steps": 10, **change}
    with pytest.raises(error, match=message):
        af.dynamics.simulate(arguments.pop("P"), **arguments)


def test_a_start_on_an_unstable_symmetric_point_is_a_warning():
    uniform = np.full(3, 1 / 3)
    with pytest.warns(UserWarning, match=r"unstable at \[1\]"):
        af.dynamics.simulate(RPS, alpha=[0.5, 0.95], beta=4.0, lam=0.5, init=uniform, steps=5)
    af.dynamics.simulate(RPS, alpha=0.5, beta=4.0, lam=0.5, init=uniform, steps=5)  # stable
    with pytest.warns(UserWarning, match="unstable"):  # DPO is four times as sensitive
        af.dynamics.simulate(RPS, alpha=0.5, beta=4.0, lam=0.5, init=uniform, steps=5, method="dpo")
