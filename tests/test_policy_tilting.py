"""Tilted policies and the tilt of given divergence, against 50-digit arithmetic and the published values."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from oracles import information as oracle

P = np.array([0.2, 0.3, 0.5])
REWARD = np.log([6.0, 1.0, 2.0])
V64 = oracle.FILE["cumulants_V64"]


def relative_error(value, reference):
    return float(abs(oracle.exact(float(value)) / reference - 1))


def v64():
    p, q = (np.array([float(oracle.exact(x)) for x in V64[key]]) for key in "pq")
    return p, np.log(q / q.sum())


def problems(max_size=30):
    size = st.integers(2, max_size)
    return size.flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.float64, n, elements=st.floats(1e-4, 1.0)),
            # Rewards are equal or differ: near ties below rounding of their range have no well-conditioned tilt.
            hnp.arrays(np.float64, n, elements=st.integers(-3000, 3000).map(lambda i: i / 1000)),
        )
    )


# ---- tilt ----


@pytest.mark.parametrize("alpha", [-1e3, -3.0, -1e-9, 0.0, 1e-12, 1e-5, 0.1, 1.0, 7.5, 40.0, 1e3])
def test_tilt(alpha):
    policy = af.policy.tilt(P, REWARD, alpha)
    expected = oracle.tilted(P, REWARD, alpha)
    np.testing.assert_allclose(policy.pi, [float(x) for x in expected], rtol=2e-14 + 2e-16 * abs(alpha))
    np.testing.assert_array_equal(policy.pi, np.exp(policy.log_pi))
    mean, variance = oracle.cumulants(P, REWARD, alpha, 2)
    assert relative_error(policy.expected_reward, mean) <= 1e-15 + 2e-16 * abs(alpha)
    assert policy.reward_variance == pytest.approx(float(variance), rel=1e-14, abs=1e-300)
    assert float(policy.log_partition) == pytest.approx(float(oracle.log_mgf(P, REWARD, alpha)), rel=1e-15, abs=1e-16)
    if alpha:
        assert relative_error(policy.kl, oracle.tilted_divergence(P, REWARD, alpha)) <= 1e-14
    else:
        assert policy.kl == 0.0


def test_lemma_10_composition():
    twice = af.policy.tilt(af.policy.tilt(P, REWARD, 0.3).log_pi, REWARD, 0.4, log=True)
    once = af.policy.tilt(P, REWARD, 0.7)
    np.testing.assert_allclose(once.pi, [0.386607886305227, 0.165445931796846, 0.447946181897927], rtol=4e-15)
    np.testing.assert_allclose(twice.log_pi, once.log_pi, rtol=2e-15)


@given(problems(), st.floats(-5, 5), st.floats(-5, 5))
def test_tilts_compose(problem, a, b):
    p, reward = problem
    twice = af.policy.tilt(af.policy.tilt(p, reward, a).log_pi, reward, b, log=True)
    np.testing.assert_allclose(twice.log_pi, af.policy.tilt(p, reward, a + b).log_pi, rtol=1e-13, atol=1e-13)


@given(problems(), st.floats(-5, 5), st.floats(-50, 50))
def test_shift_of_the_reward(problem, alpha, shift):
    p, reward = problem
    plain, moved = af.policy.tilt(p, reward, alpha), af.policy.tilt(p, reward + shift, alpha)
    np.testing.assert_allclose(moved.log_pi, plain.log_pi, rtol=1e-12, atol=1e-12)
    assert moved.log_partition == pytest.approx(plain.log_partition + alpha * shift, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("alpha", "expected"), [(np.inf, [0.4, 0.0, 0.6]), (-np.inf, [0.0, 1.0, 0.0])])
def test_infinite_tilts_condition_on_the_extreme(alpha, expected):
    policy = af.policy.tilt([0.2, 0.5, 0.3], [1.0, 0.0, 1.0], [alpha, 0.0])
    np.testing.assert_allclose(policy.pi[0], expected, rtol=1e-15)
    np.testing.assert_allclose(policy.pi[1], [0.2, 0.5, 0.3], rtol=1e-15)
    assert policy.kl[0] == pytest.approx(np.log(2), rel=1e-15)
    assert policy.reward_variance[0] == 0.0
    # log_partition → alpha · extreme; the least reward is 0, where it is log p(extreme).
    assert policy.log_partition[0] == (np.inf if alpha > 0 else -np.log(2))


def test_letters_without_mass_keep_none_whatever_their_reward():
    policy = af.policy.tilt([0.5, 0.0, 0.5], [0.0, np.inf, 1.0], [1.0, np.inf])
    np.testing.assert_array_equal(policy.pi[:, 1], 0.0)
    logits = af.policy.tilt(np.array([0.0, -np.inf, 0.0]), np.array([0.0, 5.0, 1.0]), [1.0, np.inf], log=True)
    np.testing.assert_array_equal(logits.log_pi, policy.log_pi)


def test_uniform_reference():
    np.testing.assert_array_equal(
        af.policy.tilt(None, REWARD, 2.0).log_pi, af.policy.tilt(np.ones(3), REWARD, 2.0).log_pi
    )


# ---- the tilt of given divergence ----


@pytest.mark.parametrize(
    ("kl", "alpha", "expected_reward"),
    [
        (0.01, 0.2218304023182017, -1.4032793294579640),
        (0.10, 0.6770683692514457, -1.2043391986086773),
        (0.11, 0.7091380845456231, -1.1899113775159243),
        (0.5, 1.5429901623194293, -0.8390228012131609),
        (1.0, 2.4838142964548835, -0.5839313018520488),
        (1.6, 7.0588151839579901, -0.4066497371474413),
    ],
)
def test_ternary_example(kl, alpha, expected_reward):
    policy = af.policy.kl_constrained(P, REWARD - np.log(9), kl)
    assert policy.alpha == pytest.approx(alpha, rel=3e-14 if kl == 1.6 else 1e-15)  # 1.6: D_max − kl = 0.0094
    assert policy.expected_reward == pytest.approx(expected_reward, rel=1e-14)
    assert policy.kl == pytest.approx(kl, rel=1e-14)


@pytest.mark.parametrize("row", oracle.FILE["alpha_V64"], ids=lambda row: row["delta"])
def test_alpha_of_the_file(row):
    p, reward = v64()
    policy = af.policy.kl_constrained(p, reward, float(row["delta"]))
    printed = oracle.exact(row["alpha"])
    reference = oracle.alpha_of_divergence(p, reward, float(row["delta"]), printed)
    assert relative_error(policy.alpha, reference) <= 1e-14
    # Against the file: the alphabet of 64 rounded to doubles moves alpha by a few units of its last places.
    assert relative_error(policy.alpha, printed) <= 1e-14 + abs(float(reference / printed - 1))


@pytest.mark.parametrize("kl", [1e-300, 1e-100, 1e-40])
def test_tiny_budgets_follow_the_variance(kl):
    variance = oracle.cumulants(P, REWARD, 0.0, 2)[1]
    alpha = af.policy.kl_constrained(P, REWARD, kl).alpha
    assert alpha == pytest.approx(float((2 * oracle.exact(kl) / variance) ** 0.5), rel=1e-14)


@pytest.mark.parametrize("kl", [1e-30, 1e-15, 1e-8, 1e-3, 0.3, 0.8, 1.2, 1.6, 1.6094, 1.6094379124340])
def test_alpha_from_tiny_budgets_to_saturation(kl):
    alpha = af.policy.kl_constrained(P, REWARD, kl).alpha
    expected = oracle.alpha_of_divergence(P, REWARD, kl, float(alpha))
    # Near saturation alpha depends on D_max − kl, of which rounding of D_max = log 5 leaves only so many digits.
    conditioning = 1e-16 / abs(np.log(5) - kl)
    assert relative_error(alpha, expected) <= 1e-14 + conditioning


@given(problems(), st.floats(0.001, 0.999))
def test_divergence_is_the_budget(problem, share):
    p, reward = problem
    largest = af.policy.kl_constrained(p, reward, np.inf).kl
    policy = af.policy.kl_constrained(p, reward, share * largest)
    assert policy.kl == pytest.approx(share * largest, rel=1e-11, abs=1e-300)
    if np.isfinite(policy.alpha):
        identity = policy.alpha * policy.expected_reward - policy.log_partition
        assert policy.kl == pytest.approx(identity, rel=1e-9, abs=1e-9 * (1 + policy.alpha))


@pytest.mark.parametrize("kl", [np.log(5), 1.7, 50.0, np.inf])
def test_saturation(kl):
    policy = af.policy.kl_constrained(P, REWARD, kl)
    assert policy.alpha == np.inf
    np.testing.assert_array_equal(policy.pi, [1.0, 0.0, 0.0])
    assert policy.kl == pytest.approx(np.log(5), rel=1e-15)


def test_no_budget_is_the_reference():
    policy = af.policy.kl_constrained(P, REWARD, 0.0)
    assert policy.alpha == 0.0
    np.testing.assert_allclose(policy.pi, P, rtol=1e-15)


@pytest.mark.parametrize("kl", [0.1, np.inf])
def test_constant_rewards_saturate_at_once(kl):
    for p, reward in ((P, np.ones(3)), ([2.0], [7.0])):
        policy = af.policy.kl_constrained(p, reward, kl)
        assert policy.alpha == np.inf
        assert policy.kl == 0.0
        np.testing.assert_allclose(policy.pi, np.array(p) / np.sum(p), rtol=1e-15)


def test_a_start_changes_the_work_only():
    p, reward = v64()
    budgets = np.array([1e-6, 0.1, 1.0, 3.0, 3.4])
    cold = af.policy.kl_constrained(p, reward, budgets)
    warm = af.policy.kl_constrained(p, reward, budgets, start=1.1 * cold.alpha)
    np.testing.assert_allclose(warm.alpha, cold.alpha, rtol=1e-14)


def test_rows_and_grids():
    random = np.random.default_rng(3)
    p, reward = random.random((4, 1, 50)), random.normal(size=(3, 50))
    budgets = [1e-9, 0.2, 2.0, 60.0]
    whole = af.policy.kl_constrained(p, reward, budgets)
    assert whole.alpha.shape == (4, 3, 4)
    assert whole.log_pi.shape == (4, 3, 4, 50)
    for i, j in np.ndindex(4, 3):
        part = af.policy.kl_constrained(p[i, 0], reward[j], budgets)
        np.testing.assert_array_equal(part.alpha, whole.alpha[i, j])
        np.testing.assert_array_equal(part.log_pi, whole.log_pi[i, j])
    own = af.policy.kl_constrained(p[:, 0], reward[0], np.full((4, 1), 0.2))
    np.testing.assert_array_equal(own.alpha[:, 0], whole.alpha[:, 0, 1])


def test_threads_do_not_change_the_bits():
    random = np.random.default_rng(4)
    p, reward = random.random((30, 4000)), random.normal(size=(30, 4000))
    one = af.policy.kl_constrained(p, reward, [0.1, 3.0], num_threads=1)
    for threads in (2, 7):
        many = af.policy.kl_constrained(p, reward, [0.1, 3.0], num_threads=threads)
        np.testing.assert_array_equal(many.alpha, one.alpha)
        np.testing.assert_array_equal(many.log_pi, one.log_pi)


def test_float32_stays():
    policy = af.policy.kl_constrained(P.astype(np.float32), REWARD.astype(np.float32), 0.11)
    assert {field.dtype for field in policy} == {np.dtype(np.float32)}
    assert policy.alpha == pytest.approx(0.7091380845456231, rel=1e-6)


# ---- lemma 2 ----


def test_lemma_2_optimality_gap():
    gap = af.policy.optimality_gap([0.38, 0.17, 0.45], P, REWARD, 0.11)
    assert gap == pytest.approx(0.000237578965400781, rel=1e-11)
    logs = af.policy.optimality_gap(np.log([0.38, 0.17, 0.45]), np.log(P), REWARD, 0.11, log=True)
    assert logs == pytest.approx(gap, rel=1e-11)


def test_optimality_gap_shapes_and_support():
    random = np.random.default_rng(6)
    psi = random.random((5, 3))
    gaps = af.policy.optimality_gap(psi, P, REWARD, [0.1, 0.2, 7.0])
    assert gaps.shape == (5, 3)
    for row, gap in zip(psi, gaps, strict=True):
        np.testing.assert_array_equal(af.policy.optimality_gap(row, P, REWARD, [0.1, 0.2, 7.0]), gap)
    assert np.isinf(gaps[:, 2]).all()  # saturated: psi has mass where the optimum has none
    best = af.policy.kl_constrained(P, REWARD, 0.1)
    assert af.policy.optimality_gap(best.pi, P, REWARD, 0.1) == pytest.approx(0.0, abs=1e-15)


@given(problems(), st.floats(0.05, 0.9), st.integers(0, 2**32 - 1))
def test_gap_is_at_most_alpha_times_the_reward_missed(problem, share, seed):
    p, reward = problem
    largest = af.policy.kl_constrained(p, reward, np.inf).kl
    if not largest > 1e-3:
        return
    best = af.policy.kl_constrained(p, reward, share * largest)
    psi = af.policy.tilt(p, reward + 0.1 * np.random.default_rng(seed).normal(size=len(p)), 0.9 * best.alpha)
    if af.information.kl_divergence(psi.log_pi, np.log(p), log=True) <= share * largest:
        missed = best.expected_reward - np.sum(psi.pi * reward)
        gap = af.policy.optimality_gap(psi.pi, p, reward, share * largest)
        assert -1e-12 <= gap <= best.alpha * missed + 1e-10


# ---- bad input ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.tilt([0.5, -0.5], [0.0, 1.0], 1.0), r"p\[1\] = -0.5 is negative"),
        (lambda f: f.tilt([0.5, 0.5], [0.0, np.nan], 1.0), r"reward\[1\] = nan is NaN"),
        (lambda f: f.tilt([0.5, 0.5], [0.0, np.inf], 1.0), "reward is infinite on a letter of positive weight"),
        (lambda f: f.tilt(np.ones((2, 2)), [[0.0, 1.0], [0.0, -np.inf]], 1.0), "reward in row 1 is infinite"),
        (lambda f: f.tilt([0.0, 0.0], [0.0, 1.0], 1.0), "p has no positive mass"),
        (lambda f: f.tilt([0.5, 0.5], [0.0, 1.0], np.nan), "alpha is NaN"),
        (lambda f: f.tilt([0.5, 0.5], [0.0, 1.0, 2.0], 1.0), "last axes"),
        (lambda f: f.tilt([], [], 1.0), "empty alphabet"),
        (lambda f: f.tilt(np.ones(4096), np.ones(4096), np.ones(1 << 20)), "would take 32 GiB"),
        (lambda f: f.kl_constrained(P, REWARD, -0.1), "kl must not be negative: got -0.1"),
        (lambda f: f.kl_constrained(P, REWARD, [0.1, np.nan]), r"kl\[1\] is NaN"),
        (lambda f: f.kl_constrained(P, REWARD, 0.1, start=0.0), "start must be positive and finite"),
        (lambda f: f.kl_constrained(P, REWARD, 0.1, start=[1.0, 2.0]), "does not broadcast"),
        (lambda f: f.optimality_gap([0.5, np.nan, 0.5], P, REWARD, 0.1), r"psi\[1\] = nan is NaN"),
        (lambda f: f.optimality_gap([0.0, 0.0, 0.0], P, REWARD, 0.1), "psi has no positive mass"),
        (lambda f: f.kl_constrained_gradient(P, REWARD, 2.0), "kl must lie strictly between 0 and"),
        (lambda f: f.tilt_gradient(P, REWARD, np.inf), "alpha must be finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(af.policy)
