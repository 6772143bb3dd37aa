"""Sweeps: every matrix at every point, block by block, with sampled pairs or exact scores."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.dynamics.noise import binomial_quantile
from oracles import dynamics as oracle

CYCLE = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
P4 = np.array([[0.5, 0.7, 0.35, 0.9], [0.3, 0.5, 0.8, 0.6], [0.65, 0.2, 0.5, 0.55], [0.1, 0.4, 0.45, 0.5]])
SWEEPS = [v for v in oracle.VECTORS.values() if v["kind"] == "sweep"]
FIELDS = ("log_pi", "mean", "variance", "entropy", "entropy_min", "entropy_max", "period", "converged")


def matrices(count, K, seed=0):
    skew = np.random.default_rng(seed).uniform(-0.4, 0.4, (count, K, K))
    return 0.5 + (skew - skew.transpose(0, 2, 1)) / 2


# ---- values ----


@pytest.mark.parametrize("vector", SWEEPS, ids=lambda v: v["id"])
def test_sweeps_have_the_known_values(vector):
    given, rows = vector["inputs"], np.array(vector["expected"]["rows"])
    alpha, beta = np.unique(rows[:, 0]), np.unique(rows[:, 1])
    run = af.dynamics.sweep(
        given["P"],
        alpha=alpha[:, None],
        beta=beta,
        lam=given["lam"],
        init=given["init"],
        sampler=given["off"],
        ref=given["ref"],
        steps=given["T"],
        burn_in=given["burn"],
    )
    assert run.path is None
    assert run.entropy.shape == (len(alpha), len(beta))
    np.testing.assert_allclose(run.cycle_strength.ravel(), rows[:, 2], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(run.entropy.ravel(), rows[:, 3], rtol=1e-6, atol=1e-9)


def test_limits_of_strongly_transitive_preferences_depend_on_beta_over_1_minus_alpha_only():
    vector = oracle.VECTORS["sweep_k4_strong"]["inputs"]
    alpha = np.array([0.6, 0.8, 0.9, 0.95])
    run = af.dynamics.sweep(vector["P"], alpha=alpha, beta=10 * (1 - alpha), lam=1.0, init=vector["init"], steps=3000)
    np.testing.assert_allclose(run.entropy, 0.46269, atol=5e-6)


@pytest.mark.parametrize("K", [4, 12])
def test_a_sweep_is_the_outer_product_of_single_runs(K):
    P, alpha, beta = matrices(6, K).reshape(2, 3, K, K), np.array([0.2, 0.8, 0.9]), np.array([0.5, 1.0])
    init = np.arange(1.0, K + 1)
    whole = af.dynamics.sweep(P, alpha=alpha[:, None], beta=beta, lam=0.5, init=init, steps=30)
    assert whole.log_pi.shape == (2, 3, 3, 2, K)
    one = af.dynamics.simulate(P[1, 2], alpha=0.9, beta=0.5, lam=0.5, init=init, steps=30)
    np.testing.assert_array_equal(whole.log_pi[1, 2, 2, 0], one.log_pi)


# ---- blocks ----


@pytest.mark.parametrize("noise", [None, af.dynamics.FreshPairs(5), af.dynamics.FrozenEstimate(40, prior=1.0)])
@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("block", [1, 3, None])
def test_blocks_put_together_are_the_sweep(noise, method, block):
    arguments = {"alpha": [0.3, 0.9], "beta": 2.0, "lam": 0.8, "init": [1, 2, 3, 4], "steps": 20, "burn_in": 5}
    arguments |= {"noise": noise, "seed": 3, "method": method}
    P = matrices(7, 4)
    whole = af.dynamics.sweep(P, **arguments)
    blocks = list(af.dynamics.sweep_blocks(P, **arguments, block=block))
    assert [b.first for b in blocks] == [0, *(b.last for b in blocks[:-1])]
    resumed = list(af.dynamics.sweep_blocks(P, **arguments, block=2, start=blocks[0].last))
    for parts in (blocks, [blocks[0], *resumed]):
        for name in FIELDS:
            joined = np.concatenate([getattr(part.result, name) for part in parts])
            np.testing.assert_array_equal(joined, getattr(whole, name))


def test_progress_counts_matrices():
    seen = []
    af.dynamics.sweep(
        matrices(5, 3),
        alpha=0.5,
        beta=1.0,
        lam=1.0,
        init=[1, 2, 3],
        steps=3,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (5, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"block": 0}, "block must be a positive integer, not 0"), ({"start": 3}, "start must be .* 2, not 3")],
)
def test_wrong_blocks_are_refused_at_the_call(change, message):
    with pytest.raises(ValueError, match=message):
        af.dynamics.sweep_blocks(matrices(2, 3), alpha=0.5, beta=1.0, lam=1.0, init=[1, 2, 3], steps=3, **change)


# ---- fresh pairs ----


def one_round(count, replicates, method, prior=1e-3, seed=0):
    """Return scores, mean zero under mu, that pairs of P4 and mu = (.4, .3, .2, .1) give: (replicates, 4)."""
    mu = np.array([0.4, 0.3, 0.2, 0.1])
    run = af.dynamics.simulate(
        P4,
        alpha=0.0,
        beta=1.0,
        lam=0.0,
        init=np.ones((replicates, 4)),
        sampler=mu,
        steps=1,
        method=method,
        noise=af.dynamics.FreshPairs(count, prior=prior),
        seed=seed,
    )
    return run.log_pi - (run.log_pi @ mu)[:, None]


@pytest.mark.parametrize(
    ("method", "variance"),
    [
        ("ipo", np.array([0.677575, 1.085433333, 2.1369, 3.3963])),
        ("dpo", np.array([3.1273, 4.7013, 9.2305, 21.4998])),
    ],
)
def test_scores_from_pairs_scatter_as_the_covariance_says(method, variance):
    """IPO's covariance is that of beta times the score: at beta = 2 it is given, at 1 the residual differs."""
    count, replicates = 2000, 1500
    scores = one_round(count, replicates, method)
    beta = 2.0 if method == "ipo" else 1.0
    np.testing.assert_allclose(count * (beta * scores).var(0), variance, rtol=0.15)
    exact = (
        oracle.ipo_scores(P4, [0.4, 0.3, 0.2, 0.1])
        if method == "ipo"
        else oracle.dpo_rewards(P4, np.array([0.4, 0.3, 0.2, 0.1]))
    )
    exact = exact - exact @ [0.4, 0.3, 0.2, 0.1]
    np.testing.assert_allclose(scores.mean(0), exact, atol=6 * np.sqrt(scores.var(0).max() / replicates))


def test_a_round_is_the_fit_to_its_pairs():
    """Pairs are counted from the stream itself: word 0 and 1 pick responses, word 2 the winner."""
    count, prior, seed = 12, 0.7, 5
    mu = np.array([0.4, 0.3, 0.2, 0.1])
    words = af.random.Stream(seed, purpose=3).uint32((1, 4 * count)).reshape(count, 4)
    uniform = (words + 0.5) / 2**32
    first, second = (np.searchsorted(np.cumsum(mu)[:-1], uniform[:, side], side="right") for side in (0, 1))
    wins = np.zeros((4, 4))
    for i, j, u in zip(first, second, uniform[:, 2], strict=True):
        wins[(i, j) if u < P4[i, j] else (j, i)] += 1
    np.fill_diagonal(wins, 0)
    scores = one_round(count, 1, "ipo", prior, seed)[0]
    exact = oracle.least_squares_score(wins, prior, mu)
    np.testing.assert_allclose(scores - scores.mean(), exact, atol=1e-6)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
def test_one_pair_a_round_is_enough_for_a_finite_policy(method):
    run = af.dynamics.simulate(
        P4, alpha=0.9, beta=1.0, lam=1.0, init=[1, 2, 3, 4], steps=50, method=method,
        noise=af.dynamics.FreshPairs(1), seed=1,
    )  # fmt: skip
    assert np.isfinite(run.log_pi).all()


def test_realisations_differ_and_repeat():
    arguments = {"alpha": 0.8, "beta": 2.0, "lam": 1.0, "init": np.ones((3, 4)), "steps": 10}
    noise = af.dynamics.FreshPairs(50)
    run = af.dynamics.simulate(P4, **arguments, noise=noise, seed=1)
    assert len(np.unique(run.log_pi[:, 0])) == 3
    np.testing.assert_array_equal(run.log_pi, af.dynamics.simulate(P4, **arguments, noise=noise, seed=1).log_pi)
    assert (run.log_pi != af.dynamics.simulate(P4, **arguments, noise=noise, seed=2).log_pi).any()


# ---- frozen estimates ----


def test_a_frozen_estimate_is_used_in_every_round():
    counts = np.array([[0, 20, 30, 5], [20, 0, 10, 40], [30, 10, 0, 8], [5, 40, 8, 0]])
    noise = af.dynamics.FrozenEstimate(counts, prior=2.0)
    uniforms = af.random.Stream(9, purpose=3).uniform((1, 6))[0]
    estimate = np.full((4, 4), 0.5)
    for u, (i, j) in zip(uniforms, zip(*np.triu_indices(4, 1), strict=True), strict=True):
        wins = binomial_quantile(np.array([u]), counts[i, j], P4[i, j])[0]
        estimate[i, j], estimate[j, i] = (wins + 1) / (counts[i, j] + 2), 1 - (wins + 1) / (counts[i, j] + 2)
    arguments = {"alpha": 0.8, "beta": 2.0, "lam": 0.5, "init": [1, 2, 3, 4], "steps": 20}
    run = af.dynamics.simulate(P4, **arguments, noise=noise, seed=9)
    np.testing.assert_allclose(run.log_pi, af.dynamics.simulate(estimate, **arguments).log_pi, rtol=1e-12)


def test_binomials_by_inversion_have_their_law():
    from scipy.stats import binom

    u = np.array([1e-9, 0.2, 0.5, 0.9, 1 - 1e-12])
    for n, p in ((0, 0.3), (1, 0.3), (17, 0.0), (17, 1.0), (40, 0.35), (10**6, 0.9)):
        np.testing.assert_array_equal(binomial_quantile(u, np.array(n), np.array(p)), np.maximum(binom.ppf(u, n, p), 0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: af.dynamics.FreshPairs(0), "count must be an integer from 1"),
        (lambda: af.dynamics.FreshPairs(10**6), "count must be an integer from 1 to 65536, not 1000000"),
        (lambda: af.dynamics.FreshPairs(5, prior=0.0), "prior must be finite and at least"),
        (lambda: af.dynamics.FrozenEstimate(-1), "counts must be a non-negative integer"),
        (lambda: af.dynamics.FrozenEstimate([[0, 1], [2, 0]]), "symmetric"),
        (lambda: af.dynamics.FrozenEstimate(3, prior=-1.0), "prior must be finite and not negative"),
    ],
)
def test_impossible_noise_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_counts_must_fit_the_matrix():
    noise = af.dynamics.FrozenEstimate(np.zeros((3, 3), dtype=int))
    with pytest.raises(ValueError, match=r"counts of shape \(3, 3\) do not fit P of 4 responses"):
        af.dynamics.simulate(P4, alpha=0.5, beta=1.0, lam=1.0, init=[1, 2, 3, 4], steps=1, noise=noise, seed=0)
