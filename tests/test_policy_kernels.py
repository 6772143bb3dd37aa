"""Compiled preferences over a few responses: batches are their rows, and the linear algebra is NumPy's to rounding."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast._operations import operations
from bounds import bound
from oracles import policy as oracle

POLICY, DYNAMICS = operations("policy"), operations("dynamics")
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 40]
POINT = {"alpha": 0.5, "beta": 4.0, "lam": 0.75}


def preferences(size, rows, seed=0):
    random = np.random.default_rng(seed + size)
    upper = np.triu(0.02 + 0.96 * random.random((rows, size, size)), 1)
    P = upper + np.tril(1 - np.swapaxes(upper, 1, 2), -1) + 0.5 * np.eye(size)
    return P, random.dirichlet(np.ones(size), rows), random.normal(size=(rows, size))


def skew(size, rows, seed=0):
    P, _, _ = preferences(size, rows, seed)
    return np.ascontiguousarray(0.5 * (P - np.swapaxes(P, 1, 2)))


CALLS = {
    "classify": lambda P, mu, h: af.policy.classify(P),
    "smith_set": lambda P, mu, h: af.policy.smith_set(P),
    "is_smith_top": lambda P, mu, h: af.policy.is_smith_top(P, h),
    "is_condorcet_top": lambda P, mu, h: af.policy.is_condorcet_top(P, h),
    "is_order_preserving": lambda P, mu, h: af.policy.is_order_preserving(P, h),
    "ipo": lambda P, mu, h: af.policy.ipo(P, mu, mu, 2.0),
    "ipo_pairs": lambda P, mu, h: af.policy.ipo_pairs(P, mu[..., None] * mu[..., None, :], mu, 2.0),
    "dpo": lambda P, mu, h: af.policy.dpo(P, mu, mu, 2.0),
    "ipo_loss": lambda P, mu, h: af.policy.ipo_loss(h, P, mu, 2.0),
    "dpo_loss": lambda P, mu, h: af.policy.dpo_loss(h, P, mu),
    "dpo_sensitivity": lambda P, mu, h: af.policy.dpo_sensitivity(P, mu, h),
    "ipo_covariance": lambda P, mu, h: af.policy.ipo_covariance(P, mu, 2.0),
    "dpo_covariance": lambda P, mu, h: af.policy.dpo_covariance(P, mu),
    "fixed_point": lambda P, mu, h: af.dynamics.fixed_point(P, sampler=mu, ref=mu, **POINT),
    "spectral_radius": lambda P, mu, h: af.dynamics.spectral_radius(P, np.log(mu), **POINT),
    "stability_bounds": lambda P, mu, h: af.dynamics.stability_bounds(P, **POINT),
    "collapse_rates": lambda P, mu, h: af.dynamics.collapse_rates(P, beta=2.0, lam=0.75, sampler=mu),
    "simulate": lambda P, mu, h: tuple(vars(af.dynamics.simulate(P, init=mu, steps=9, **POINT)).values()),
}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("name", CALLS)
def test_a_batch_has_the_bits_of_its_rows(name, size):
    P, mu, h = preferences(size, 5)
    whole = CALLS[name](P, mu, h)
    for row in range(5):
        part = CALLS[name](P[row].copy(), mu[row].copy(), h[row].copy())
        pairs = zip(part, whole, strict=True) if isinstance(part, tuple) else [(part, whole)]
        for one, all_rows in pairs:
            if one is not None:
                np.testing.assert_array_equal(one, all_rows[row])


@pytest.mark.parametrize("size", SIZES)
def test_the_largest_frequency_is_the_spectral_norm(size):
    M = skew(size, 20)
    pi = np.random.default_rng(1).dirichlet(np.ones(size), 20)
    root = np.sqrt(pi)[..., None]
    Q = np.eye(size) - root * np.swapaxes(root, 1, 2)
    form = Q @ (root * M * np.swapaxes(root, 1, 2)) @ Q
    expected = np.linalg.norm(form, 2, axis=(1, 2))
    np.testing.assert_allclose(DYNAMICS.frequencies(M, pi), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("scale", [1.0, 1e-160, 1e-300])
@pytest.mark.parametrize("size", SIZES)
def test_constants_of_matrices_of_any_size(size, scale):
    M = skew(size, 20)
    centred = M - M.mean(axis=1, keepdims=True) - M.mean(axis=2, keepdims=True)
    gaps = M[:, :, None, :] - M[:, None, :, :]
    found = DYNAMICS.constants(scale * M) / scale
    expected = (
        np.linalg.norm(M, 2, axis=(1, 2)),
        np.linalg.norm(centred, 2, axis=(1, 2)),
        np.ptp(gaps, axis=3).max(axis=(1, 2)),
        np.abs(M).max(axis=(1, 2)),
    )
    for column, exact in zip(found.T, expected, strict=True):
        np.testing.assert_allclose(column, exact, rtol=1e-14, atol=1e-15)


def test_two_equal_frequencies_do_not_cost_digits():
    """Where both pairs of eigenvalues of four responses are one, the characteristic polynomial has a double root."""
    M = np.zeros((1, 4, 4))
    M[0, 0, 1], M[0, 2, 3] = 0.3, 0.3 * (1 + 1e-9)
    found = DYNAMICS.constants(M - np.swapaxes(M, 1, 2))[0, 0]
    assert found == pytest.approx(0.3 * (1 + 1e-9), rel=1e-15)


@pytest.mark.parametrize("size", [3, 8, 9, 130, 1000])
def test_distributions_are_divided_by_numpys_sum(size):
    masses = np.random.default_rng(size).random((3, size))
    np.testing.assert_array_equal(POLICY.normalised(masses), masses / masses.sum(axis=1, keepdims=True))


def test_distributions_of_any_total_are_normalised():
    for masses in ([1.5e308, 1.5e308], [5e-324, 5e-324], [1e-320, 3e-320]):
        probabilities = POLICY.normalised(np.array([masses]))[0]
        np.testing.assert_allclose(
            probabilities, np.array(masses) / masses[0] / (1 + masses[1] / masses[0]), rtol=1e-12
        )
    assert POLICY.normalised(np.array([[1.0, 2.0], [0.0, 0.0]])) is None
    assert POLICY.normalised(np.array([[1.0, np.nan]])) is None


@pytest.mark.parametrize("beta", [1e-150, 1e-8, 1.0, 1e3, 1e300])
def test_divergence_and_entropy_of_any_strength(beta):
    """Against 400 digits; the reference has letters of 1e-300 and of no mass at all."""
    ref = np.array([0.25, 1e-300, 0.0, 0.75])
    scores = np.array([0.5, 0.75, 1.0, -0.25])
    found = POLICY.tilted(ref[None], scores[None], np.array([[beta]]))
    log_pi, entropy, kl = oracle.tilted(ref, scores, beta)
    tolerance = bound("policy.tilted")
    np.testing.assert_allclose(found.log_pi[0, 0], log_pi, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.entropy[0, 0], entropy, rtol=tolerance, atol=1e-320)
    np.testing.assert_allclose(found.kl[0, 0], kl, rtol=tolerance)


@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_rewards_against_50_digits(size, spread):
    random = np.random.default_rng(size)
    log_odds = np.triu(spread * random.normal(size=(size, size)), 1)
    P, mu = 1 / (1 + np.exp(log_odds.T - log_odds)), random.dirichlet(np.ones(size))
    found, width = POLICY.rewards(P[None], mu[None], 1e-12, 100)
    expected = oracle.dpo_rewards(P, mu, found[0])
    assert width[0] <= 1e-12
    assert np.abs(found[0] - expected).max() <= bound("policy.rewards") * (1 + np.ptp(expected))


def test_cyclic_triples_with_ties_beyond_a_word_of_bits():
    random = np.random.default_rng(3)
    P = np.full((70, 70), 0.5)
    for i in range(70):
        for j in range(i):
            P[i, j] = random.choice([0.25, 0.5, 0.75])
            P[j, i] = 1 - P[i, j]
    beats = (P > 0.5).astype(np.int64)
    assert af.policy.count_cycles(P) == np.trace(beats @ beats @ beats) // 3
    assert af.policy.classify(P).cyclic
