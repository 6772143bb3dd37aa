"""Samplers that keep an axiom: margins at the distribution returned, and duality against any other one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alignment_fast as af
from oracles import policy as oracle

IMPOSSIBLE = oracle.FILE["order_impossible_k4"]
RPS = np.array([[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]])


def chain(random, K):
    """Transitive preferences: response i beats every later one."""
    P = 0.5 + 0.5 * np.triu(random.random((K, K)), 1)
    return np.triu(P) + np.tril(1 - P.T, -1)


# ---- the Smith set on top ----


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_a_sampler_always_puts_the_smith_set_on_top(K, seed):
    random = np.random.default_rng(seed)
    P = oracle.random_preferences(random, K)
    sampler = af.policy.smith_sampler(P)
    np.testing.assert_array_equal(sampler.smith_set, oracle.smith_set(P))
    assert sampler.margin > 0
    assert sampler.mu.min() >= 0
    assert sampler.mu.sum() == pytest.approx(1, rel=1e-14)
    assert af.policy.is_smith_top(P, af.policy.ipo(P, sampler.mu, None, 1e-3).log_pi)
    if sampler.smith_set.all():
        assert sampler.margin == np.inf
        return
    w, S = sampler.certificate, sampler.smith_set
    np.testing.assert_allclose([w[S].sum(), w[~S].sum()], [1.0, -1.0], rtol=1e-14)
    assert w[S].min() >= 0 >= w[~S].max()
    assert sampler.margin == pytest.approx((w @ P).max(), abs=1e-9)  # no sampler does better than this bound
    scores = P @ random.dirichlet(np.ones(K), size=100).T
    assert (scores[S].min(axis=0) - scores[~S].max(axis=0)).max() <= sampler.margin + 1e-9


def test_a_reference_policy_only_moves_the_beta_from_which_the_scores_win():
    P, ref = [[0.5, 0.45, 0.0], [0.55, 0.5, 0.55], [1.0, 0.45, 0.5]], [0.2, 0.1, 0.7]
    sampler = af.policy.smith_sampler(P, ref)
    np.testing.assert_array_equal(sampler.mu, af.policy.smith_sampler(P).mu)
    below, above = (af.policy.ipo(P, sampler.mu, ref, sampler.beta * x).log_pi for x in (1 - 1e-9, 1 + 1e-9))
    assert not af.policy.is_smith_top(P, below)
    assert af.policy.is_smith_top(P, above)


@pytest.mark.parametrize(("ref", "beta"), [(None, 0.0), ([0.0, 1.0, 1.0], 0.0), ([1.0, 0.0, 1.0], np.inf)])
def test_the_beta_of_references_without_mass(ref, beta):
    """Response 1 is the Condorcet winner; what has no mass is never on top."""
    P = [[0.5, 0.45, 0.0], [0.55, 0.5, 0.55], [1.0, 0.45, 0.5]]
    assert af.policy.smith_sampler(P, ref).beta == beta


def test_a_cycle_of_all_responses_asks_for_nothing():
    sampler = af.policy.smith_sampler(RPS)
    np.testing.assert_allclose(sampler.mu, 1 / 3)
    assert sampler.margin == np.inf
    assert sampler.beta == 0.0
    np.testing.assert_array_equal(sampler.certificate, 0.0)


# ---- the order ----


def test_the_impossible_order_of_the_file():
    P, expected = IMPOSSIBLE["inputs"]["P"], IMPOSSIBLE["expected"]
    sampler = af.policy.order_sampler(P)
    np.testing.assert_array_equal(sampler.order, IMPOSSIBLE["inputs"]["chain"])
    assert sampler.margin == pytest.approx(expected["lp_margin"], abs=1e-9)
    assert not sampler.exists
    np.testing.assert_allclose(sampler.certificate, np.array(expected["certificate_q"]) / 2, atol=1e-9)
    np.testing.assert_allclose(2 * sampler.certificate @ -np.diff(P, axis=0), expected["certificate"], atol=1e-9)


@given(st.integers(2, 8), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_margins_of_orders_are_certified(K, seed):
    random = np.random.default_rng(seed)
    order = random.permutation(K)
    P = np.empty((K, K))
    P[np.ix_(order, order)] = chain(random, K)
    sampler = af.policy.order_sampler(P)
    np.testing.assert_array_equal(sampler.order, order)
    bound = (sampler.certificate @ -np.diff(P[order], axis=0)).max()
    assert sampler.margin == pytest.approx(bound, abs=1e-9)
    optimum = af.policy.ipo(P, sampler.mu, None, 1.0)
    assert sampler.exists == af.policy.is_order_preserving(P, optimum.log_pi)
    others = P[order] @ random.dirichlet(np.ones(K), size=100).T
    assert (others[:-1] - others[1:]).min(axis=0).max() <= bound + 1e-12


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_three_responses_always_have_an_order_sampler(seed):
    P = chain(np.random.default_rng(seed), 3)
    assert af.policy.order_sampler(P).margin >= min(P[0, 1], P[1, 2]) - 0.5 - 1e-12


@pytest.mark.parametrize("P", [RPS, np.full((2, 2), 0.5)])
def test_without_an_order_there_is_nothing_to_keep(P):
    with pytest.raises(ValueError, match="P is not a total order without ties"):
        af.policy.order_sampler(P)
    with pytest.raises(ValueError, match=r"P\[1\] is not a total order"):
        af.policy.order_sampler([oracle.bradley_terry(np.arange(len(P))), P])
    with pytest.raises(ValueError, match="at least two responses"):
        af.policy.order_sampler([[0.5]])


def test_batches_are_solved_one_by_one():
    random = np.random.default_rng(1)
    P = np.stack([chain(random, 5) for _ in range(6)]).reshape(2, 3, 5, 5)
    for function in (af.policy.smith_sampler, af.policy.order_sampler):
        whole = function(P)
        for index in np.ndindex(2, 3):
            for part, field in zip(function(P[index]), whole, strict=True):
                np.testing.assert_array_equal(part, field[index])


# ---- both: games of many responses, and of many equal ones ----


def rounded(random, K, levels):
    """Return a chain whose chances take few values: many vertices of the game have the same value."""
    P = 0.5 + np.triu(random.integers(1, levels, (K, K)) / (2 * levels), 1)
    return np.triu(P) + np.tril(1 - P.T, -1)


@pytest.mark.parametrize("levels", [2, 3, 1000])
@pytest.mark.parametrize("K", [2, 5, 16, 40, 64, 70])
def test_no_sampler_does_better_than_the_certificate(K, levels):
    P = rounded(np.random.default_rng(K), K, levels)
    keeps, top = af.policy.order_sampler(P), af.policy.smith_sampler(P)
    tolerance = 1e-12 if K <= 64 else 1e-6
    order = keeps.order
    bound = (keeps.certificate @ (P[order[:-1]] - P[order[1:]])).max()
    assert keeps.margin == pytest.approx(bound, abs=tolerance)
    assert top.margin == pytest.approx((top.certificate @ P).max(), abs=tolerance)


def test_a_batch_of_samplers_is_each_by_itself():
    random = np.random.default_rng(3)
    P = np.stack([chain(random, 6) for _ in range(5)])
    for sampler in (af.policy.order_sampler, af.policy.smith_sampler):
        for field, rows in zip(sampler(P), zip(*map(sampler, P), strict=True), strict=True):
            np.testing.assert_array_equal(field, rows)
