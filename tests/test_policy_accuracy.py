"""What docstrings of preferences and dynamics say of accuracy, read from them and held against exact arithmetic."""

import inspect
import re
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import alignment_fast as af
from oracles import policy as oracle

SIZES = [2, 3, 8, 17, 40]


def stated(function, pattern):
    """Return the numbers that a docstring gives behind "Accuracy:" in a sentence of this form."""
    doc = " ".join(inspect.getdoc(function).split())
    return [float(number) for number in re.search("Accuracy: " + pattern, doc).groups()]


def preferences(size, seed=0):
    random = np.random.default_rng(seed + size)
    return oracle.random_preferences(random, size), random.dirichlet(np.ones(size)), random.normal(size=size)


def exact(array):
    return [exact(row) if np.ndim(row) else Fraction(float(row)) for row in array]


def normalised(masses):
    masses = exact(masses)
    return [mass / sum(masses) for mass in masses]


def skew(P):
    P, K = exact(P), len(P)
    return [[(P[i][j] - P[j][i]) / 2 for j in range(K)] for i in range(K)]


def exact_advantages(P, mu):
    return [sum(m * weight for m, weight in zip(row, mu, strict=True)) for row in skew(P)]


@pytest.mark.parametrize("beta", [1e-3, 1.0, 300.0])
@pytest.mark.parametrize("size", SIZES)
def test_scores_and_log_probabilities_of_ipo(size, beta):
    of_scores, of_logs = stated(af.policy.ipo, r"([\d.e-]+) of the scores, ([\d.e-]+) · \(1 \+ beta \+ \|log π\|\)")
    P, mu, _ = preferences(size)
    ref = np.exp(-20 * np.random.default_rng(size).random(size))
    found = af.policy.ipo(P, mu, ref, beta)
    advantage = exact_advantages(P, normalised(mu))
    errors = [Fraction(float(s)) - a - Fraction(1, 2) for s, a in zip(found.scores, advantage, strict=True)]
    assert max(map(abs, errors)) <= of_scores
    with mpmath.workdps(50):
        exponents = [beta * mpmath.mpf(a.numerator) / a.denominator for a in advantage]
        logs = [mpmath.log(mpmath.mpf(p)) + x for p, x in zip(ref, exponents, strict=True)]
        total = mpmath.log(mpmath.fsum(map(mpmath.exp, logs)))
        for ours, log in zip(found.log_pi, logs, strict=True):
            assert abs(ours - (log - total)) <= of_logs * (1 + beta + abs(log - total))


@pytest.mark.parametrize("rare", [0.1, 1e-8, 1e-200])
@pytest.mark.parametrize("size", [2, 3, 8])
def test_scores_of_pair_designs(size, rare):
    (bound,) = stated(af.policy.ipo_pairs, r"([\d.e-]+) · \(1 \+ largest \|z\|\)")
    P, _, _ = preferences(size)
    random = np.random.default_rng(size)
    rho = random.random((size, size)) * np.where(random.random((size, size)) < 0.5, rare, 1.0)
    with mpmath.workdps(600):
        S = [[(mpmath.mpf(rho[i, j]) + mpmath.mpf(rho[j, i])) / 2 * (i != j) for j in range(size)] for i in range(size)]
        M = skew(P)
        pull = [
            mpmath.fsum(S[i][j] * mpmath.mpf(M[i][j].numerator) / M[i][j].denominator for j in range(size))
            for i in range(size)
        ]
        laplacian = mpmath.matrix(size, size)
        for i in range(size):
            for j in range(size):
                laplacian[i, j] = (mpmath.fsum(S[i]) if i == j else 0) - S[i][j] + mpmath.mpf(1) / size
        z = mpmath.lu_solve(laplacian, mpmath.matrix(pull))
    found = af.policy.ipo_pairs(P, rho, None, 1.0).scores
    assert max(abs(f - x) for f, x in zip(found, z, strict=True)) <= bound * (1 + max(map(abs, z)))


@pytest.mark.parametrize("depth", [5, 300])
@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_rewards_of_dpo(depth, spread):
    (bound,) = stated(af.policy.dpo, r"([\d.e-]+) · \(1 \+ range of r\) of rewards, for chances down to e⁻⁵⁰")
    random = np.random.default_rng(depth)
    log_odds = np.triu(spread * random.normal(size=(5, 5)), 1)
    P = 1 / (1 + np.exp(log_odds.T - log_odds))
    mu = np.exp(-depth * random.random(5))
    found = af.policy.dpo(P, mu, None, 1.0).scores
    expected = oracle.dpo_rewards(P, mu, found)
    assert np.abs(found - expected).max() <= bound * (1 + np.ptp(expected))


@pytest.mark.parametrize("size", SIZES)
def test_loss_of_ipo(size):
    (bound,) = stated(af.policy.ipo_loss, r"([\d.e-]+) K relative to the larger term")
    P, mu, h = preferences(size)
    mean, M, at = normalised(mu), skew(P), exact(h)
    P_exact = [[m + Fraction(1, 2) for m in row] for row in M]
    loss = sum(
        mean[i] * mean[j] * ((at[i] - at[j] - 2 * M[i][j]) ** 2 + 4 * P_exact[i][j] * P_exact[j][i])
        for i in range(size)
        for j in range(size)
    )
    found = af.policy.ipo_loss(h, P, mu, 2.0).value
    assert abs(Fraction(float(found)) - loss) <= bound * size * max(1, loss)


@pytest.mark.parametrize("size", SIZES)
def test_loss_of_dpo(size):
    (bound,) = stated(af.policy.dpo_loss, r"([\d.e-]+) K relative")
    P, mu, r = preferences(size)
    assert af.policy.dpo_loss(r, P, mu).value == pytest.approx(float(oracle.dpo_loss(r, P, mu)), rel=bound * size)


@pytest.mark.parametrize("size", SIZES)
def test_covariance_of_ipo(size):
    (bound,) = stated(af.policy.ipo_covariance, r"([\d.e-]+) K relative to the largest term of each entry")
    P, mu, _ = preferences(size)
    mean, M = normalised(mu), skew(P)
    h = exact_advantages(P, mean)
    found = af.policy.ipo_covariance(P, mu, 1.0)
    for i in range(size):
        v = [(h[i] - h[k] - M[i][k]) ** 2 + Fraction(1, 4) - M[i][k] ** 2 for k in range(size)]
        for j in range(size):
            entry = -v[j] / 2 if i != j else sum(mean[k] * v[k] for k in range(size) if k != i) / (2 * mean[i])
            assert abs(Fraction(float(found[i, j])) - entry) <= bound * size * max(abs(entry), Fraction(1, 8))


def test_shares_of_comparisons_have_two_roundings():
    (roundings,) = stated(af.policy.preference_matrix, r"(\d) roundings for unit weights")
    random = np.random.default_rng(0)
    winner = random.integers(0, 5, 1000)
    loser = (winner + random.integers(1, 5, 1000)) % 5
    P = af.policy.preference_matrix(winner, loser, 5, prior=1.0)
    wins = np.zeros((5, 5), dtype=int)
    np.add.at(wins, (winner, loser), 1)
    for i in range(5):
        for j in range(5):
            share = Fraction(int(wins[i, j]) + 1, int(wins[i, j] + wins[j, i]) + 2)
            assert abs(Fraction(P[i, j]) - (share if i != j else Fraction(1, 2))) <= roundings * 2.0**-53


def test_preferences_from_scores():
    (bound,) = stated(af.policy.preference_matrix_from_scores, r"([\d.e-]+) absolute")
    scores = 20 * np.random.default_rng(0).normal(size=(30, 1))
    P = af.policy.preference_matrix_from_scores(scores, attribute=0)
    with mpmath.workdps(40):
        for i in range(30):
            for j in range(30):
                gap = mpmath.mpf(float(scores[i, 0] - scores[j, 0]))
                assert abs(P[i, j] - 1 / (1 + mpmath.exp(-gap))) <= bound


@pytest.mark.parametrize("size", SIZES)
def test_constants_of_stability(size):
    (bound,) = stated(af.dynamics.stability_bounds, r"([\d.e-]+) relative")
    P, _, _ = preferences(size)
    M = 0.5 * (P - P.T)
    centred = M - M.mean(axis=0) - M.mean(axis=1, keepdims=True)
    found = af.dynamics.stability_bounds(P, alpha=0.5, beta=1.0, lam=1.0)
    assert found.norm2 == pytest.approx(np.linalg.norm(M, 2), rel=bound)
    assert found.norm2_projected == pytest.approx(np.linalg.norm(centred, 2), rel=bound, abs=1e-16)
    assert found.span_D == pytest.approx(np.ptp(M[:, None] - M, axis=2).max(), rel=bound)


@pytest.mark.parametrize("size", SIZES)
def test_spectral_radii(size):
    of_ipo, of_dpo = stated(af.dynamics.spectral_radius, r"([\d.e-]+) relative for IPO, .*?; ([\d.e-]+) for DPO")
    P, mu, _ = preferences(size)
    point = {"alpha": 0.3, "beta": 4.0, "lam": 1.0}
    M, spread = 0.5 * (P - P.T), np.diag(mu) - np.outer(mu, mu)
    omega = np.abs(np.linalg.eigvals(M @ spread)).max()
    found = af.dynamics.spectral_radius(P, np.log(mu), **point)
    assert found == pytest.approx(np.hypot(0.3, 4 * omega), rel=max(of_ipo, 1e-14))
    rewards = af.policy.dpo(P, mu, None, 1.0).scores
    model = 1 / (1 + np.exp(rewards - rewards[:, None]))
    weight = model * (1 - model) * mu
    A = np.diag(weight.sum(axis=1)) - weight + 1 / size
    gain = np.linalg.solve(A, (P - model) @ spread)
    radius = np.abs(0.3 + 4 * np.linalg.eigvals(gain - gain.mean(axis=0))).max()
    found = af.dynamics.spectral_radius(P, np.log(mu), method="dpo", **point)
    assert found == pytest.approx(radius, rel=of_dpo)
