"""Markov sources: Rényi cross entropy rates and the aligned chain."""

import re

import mpmath
import numpy as np
import pytest

import alignment_fast as af
from oracles import information as oracle

FILE = oracle.FILE["markov"]
P, Q = (np.array([[float(oracle.exact(x)) for x in row] for row in FILE[key]]) for key in "PQ")
REWARD = np.log(Q)
rate = af.information.markov_renyi_cross_entropy_rate
STATED = {
    "markov_renyi_cross_entropy_rate": r"Accuracy: ([\d.e-]+) relative, also near t = 1",
    "markov_aligned": r"Accuracy: ([\d.e-]+) relative, also of the divergence rate",
}


def stated(name):
    """Return the relative accuracy that a docstring states."""
    return float(re.search(STATED[name], " ".join(getattr(af.information, name).__doc__.split())).group(1))


@pytest.mark.parametrize("row", FILE["rows"], ids=lambda row: row["t"])
def test_rates_of_the_file(row):
    allowed = stated("markov_renyi_cross_entropy_rate")
    assert rate(P, Q, float(row["t"])) == pytest.approx(float(row["rate"]), rel=allowed)


@pytest.mark.parametrize("offset", [1e-4, 1e-7, 1e-10, 1e-13, -1e-13, -1e-7])
def test_no_digit_is_lost_near_order_one(offset):
    with mpmath.workdps(50):
        rho = oracle.exact(1 + offset) - 1
        matrix = mpmath.matrix(
            [
                [oracle.exact(p) * oracle.exact(q) ** rho for p, q in zip(*rows, strict=True)]
                for rows in zip(P, Q, strict=True)
            ]
        )
        sums = [mpmath.fsum(oracle.exact(p) for p in row) for row in P]
        norms = [mpmath.fsum(oracle.exact(q) for q in row) for row in Q]
        for i in range(3):
            for j in range(3):
                matrix[i, j] /= sums[i] * norms[i] ** rho
        value = max(mpmath.re(x) for x in mpmath.eig(matrix, right=False))
        expected = float(mpmath.log(value) / -rho)
    assert rate(P, Q, 1 + offset) == pytest.approx(expected, rel=1e-14)


def rate_of_sequences(P, Q, order, initial, length):
    """(H_t of 2m tokens − H_t of m tokens) / m from the matrix recursion, in logarithms."""
    from scipy.special import logsumexp

    with np.errstate(divide="ignore"):
        step = np.log(P) + np.where(P > 0, (order - 1) * np.log(Q), 0.0)
        law = np.log(initial)
    sums = []
    for _ in range(2 * length):
        law = logsumexp(law[:, None] + step, axis=0)
        sums.append(logsumexp(law))
    return (sums[-1] - sums[length - 1]) / length / (1 - order)


@pytest.mark.parametrize("order", [-3.0, 0.5, 2.0, 6.0])
def test_random_chains_against_long_sequences(order):
    random = np.random.default_rng(11)
    P, Q = random.random((2, 6, 6)) * (random.random((2, 6, 6)) > 0.3)
    Q = np.where(P > 0, Q + 0.01, Q)
    P, Q = P / P.sum(axis=1, keepdims=True), Q / Q.sum(axis=1, keepdims=True)
    assert rate(P, Q, order) == pytest.approx(rate_of_sequences(P, Q, order, np.full(6, 1 / 6), 400), rel=1e-12)


@pytest.mark.parametrize("order", [200.0, 1000.0, -1000.0, 1e6])
def test_large_orders_do_not_overflow(order):
    limit = rate(P, Q, np.inf if order > 0 else -np.inf)
    assert rate(P, Q, order) == pytest.approx(limit, abs=40 / abs(order))


def test_infinite_orders_are_cycle_means():
    # Largest mean of log Q over cycles: 2 → 2 with 0.7; least: 0 → 2 → 0 with 0.2 · 0.1.
    np.testing.assert_allclose(rate(P, Q, [np.inf, -np.inf]), [-np.log(0.7), -0.5 * np.log(0.02)], rtol=1e-15)


def test_a_memoryless_source_has_the_rate_of_its_letters():
    p, q = np.array([0.2, 0.3, 0.5]), np.array([6.0, 1.0, 2.0]) / 9
    orders = [-np.inf, -2, 0, 0.5, 1, 1 + 1e-9, 2, 50, np.inf]
    rates = rate(np.tile(p, (3, 1)), np.tile(q, (3, 1)), orders)
    np.testing.assert_allclose(rates, af.information.renyi_cross_entropy(p, q, orders), rtol=3e-15)


def test_periodic_chain():
    P = [[0.0, 1.0], [1.0, 0.0]]
    Q = [[0.5, 0.5], [0.25, 0.75]]
    np.testing.assert_allclose(rate(P, Q, [-1, 0.5, 1, 2, np.inf]), -0.5 * np.log(0.125), rtol=1e-15)


def test_forbidden_transitions_of_q():
    Q = np.array([[1.0, 0.0, 0.0], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])
    np.testing.assert_array_equal(rate(P, Q, [-1, 0.5, 1]), np.inf)
    # Beyond order 1 they contribute nothing: state 0 loops, or is left alone by the other two.
    block = np.array([[0.4 * 0.6, 0.3 * 0.2], [0.25 * 0.2, 0.5 * 0.7]])
    block[1, 0] = P[2, 1] * Q[2, 1]
    expected = -np.log(max(P[0, 0], np.abs(np.linalg.eigvals(block)).max()))
    assert rate(P, Q, 2) == pytest.approx(expected, rel=1e-14)


def test_nothing_in_common_is_infinite():
    np.testing.assert_array_equal(rate(np.eye(2), np.eye(2)[::-1], [0.5, 1, 2, np.inf]), np.inf)


def test_reducible_chain_depends_on_the_start():
    P = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    Q = np.array([[0.4, 0.3, 0.3], [0.2, 0.6, 0.2], [0.5, 0.4, 0.1]])
    stay = -np.log([0.6, 0.1])
    assert rate(P, Q, 1, initial=[0, 1, 0]) == pytest.approx(stay[0], rel=1e-15)
    assert rate(P, Q, 1, initial=[1, 0, 0]) == pytest.approx(stay @ [3 / 8, 5 / 8], rel=1e-14)
    assert rate(P, Q, 1) == pytest.approx(stay @ [11 / 24, 13 / 24], rel=1e-14)
    np.testing.assert_allclose(rate(P, Q, [0.5, 2]), [stay[1], stay[0]], rtol=1e-15)
    np.testing.assert_allclose(rate(P, Q, [0.5, 2], initial=[0, 1, 0]), stay[0], rtol=1e-15)


def test_shapes_and_counts():
    counts = np.stack([10 * P, 20 * P[::-1, ::-1]])
    rates = rate(counts, Q, [0.5, 1.0])
    assert rates.shape == (2, 2)
    np.testing.assert_allclose(rates[0], rate(P, Q, [0.5, 1.0]), rtol=1e-14)
    assert rate(counts, Q, [[2.0], [3.0]]).shape == (2, 1)
    raw = rate(P, 2 * Q, 0.5, normalize_q=False)
    assert raw == pytest.approx(rate(P, Q, 0.5) - np.log(2), rel=1e-14)


# ---- the aligned chain ----


@pytest.mark.parametrize("row", oracle.FILE["markov_aligned"], ids=lambda row: row["alpha"])
def test_aligned_chains_of_the_file(row):
    policy, allowed = af.information.markov_aligned(P, REWARD, float(row["alpha"])), stated("markov_aligned")
    expected = [[float(x) for x in chain] for chain in row["tilted_chain"]]
    np.testing.assert_allclose(policy.P, expected, rtol=allowed)
    for name, key in (("log_perron", "log_perron"), ("kl_rate", "KL_rate"), ("reward_rate", "reward_rate")):
        assert getattr(policy, name) == pytest.approx(float(row[key]), rel=allowed), name
    assert policy.variance_rate == pytest.approx(float(row["asymptotic_variance"]), rel=allowed)


@pytest.mark.parametrize("alpha", [1e-2, 1e-5, 1e-8, 1e-12])
def test_weak_tilts_keep_their_divergence(alpha):
    still = af.information.markov_aligned(P, REWARD, 0.0)
    policy = af.information.markov_aligned(P, REWARD, [alpha, -alpha])
    # D = α² σ²/2 + O(α³), and the odd orders cancel between the two signs.
    assert policy.kl_rate.mean() == pytest.approx(
        0.5 * alpha**2 * float(still.variance_rate), rel=max(1e-13, 10 * alpha**2)
    )
    np.testing.assert_allclose(still.P, P, rtol=1e-15)
    assert still.kl_rate == 0.0


@pytest.mark.parametrize("alpha", [-2.0, 0.3, 5.0, 300.0, 1e5])
def test_aligned_chain_is_a_chain_and_its_rates_agree(alpha):
    policy = af.information.markov_aligned(P, REWARD, alpha)
    np.testing.assert_allclose(policy.P.sum(axis=1), 1.0, rtol=1e-14)
    assert policy.kl_rate == pytest.approx(alpha * policy.reward_rate - policy.log_perron, rel=1e-9, abs=1e-10)
    assert policy.log_perron == pytest.approx(alpha * -rate(P, Q, 1 + alpha), rel=1e-13)


def test_aligned_grid():
    policy = af.information.markov_aligned(np.stack([P, P.T]), REWARD, [0.5, 1.0])
    assert policy.P.shape == (2, 2, 3, 3)
    assert policy.kl_rate.shape == (2, 2)
    one = af.information.markov_aligned(P.T, REWARD, 1.0)
    np.testing.assert_array_equal(policy.P[1, 1], one.P)


# ---- bad input ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rate(np.ones((2, 3)), np.ones((2, 3)), 1), r"P must have shape \(..., K, K\), not \(2, 3\)"),
        (lambda: rate([[1, -1], [1, 1]], np.ones((2, 2)), 1), r"P\[0, 1\] = -1.0 is negative"),
        (lambda: rate(np.ones((2, 2)), [[1, 1], [np.nan, 1]], 1), r"Q\[1, 0\] = nan is NaN"),
        (lambda: rate(np.ones((2, 2)), [[1, 1], [0, 0]], 1), r"Q\[1\] \(a row\) has no positive mass"),
        (lambda: rate(P, Q, np.nan), "order is NaN"),
        (lambda: rate(P, Q, 1, initial=[1, 0]), r"initial must have shape \(3,\), not \(2,\)"),
        (lambda: rate(P, np.ones((2, 2)), 1), "differ"),
        (lambda: af.information.markov_aligned(np.eye(2), np.ones((2, 2)), 1), "P is reducible"),
        (lambda: af.information.markov_aligned(P, np.full((3, 3), np.inf), 1), r"reward\[0, 0\] = inf is not finite"),
        (lambda: af.information.markov_aligned(P, REWARD, np.inf), "alpha must be finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
