"""Sweeps of the dynamics, against the same rounds batched in NumPy, and DPO's against a loop over scipy.optimize."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

import alignment_fast as af
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender

RANDOM = np.random.default_rng(1)


def preferences(count, K):
    skew = RANDOM.uniform(-0.45, 0.45, (count, K, K))
    return 0.5 + (skew - skew.transpose(0, 2, 1)) / 2


def parameters(points):
    return {"alpha": RANDOM.uniform(0.3, 0.9, points), "beta": RANDOM.uniform(0.5, 2.0, points), "lam": 0.7}


def numpy_sweep(P, alpha, beta, lam, init, steps):
    """Return the mean policy of every trajectory: batched, with preallocated arrays, statistics as streams."""
    B, K = P.shape[:2]
    M = np.ascontiguousarray(np.swapaxes(P - 0.5, -1, -2))
    theta = np.log(np.broadcast_to(init, (B, len(alpha), K)))
    pi, score, anchor = np.exp(theta), np.empty(theta.shape), beta[:, None] * (1 - lam) * (M.mean(1)[:, None])
    mean, squares, scratch = pi.copy(), np.zeros(theta.shape), np.empty(theta.shape)
    lowest, highest = np.full(theta.shape[:2], np.inf), np.full(theta.shape[:2], -np.inf)
    for t in range(1, steps + 1):
        np.matmul(pi, M, out=score)
        score *= lam * beta[:, None]
        theta = theta * alpha[:, None]
        theta += score
        theta += anchor
        theta -= theta.max(-1, keepdims=True)
        np.exp(theta, out=pi)
        total = pi.sum(-1, keepdims=True)
        pi /= total
        theta -= np.log(total)
        np.subtract(pi, mean, out=scratch)
        mean += scratch / (t + 1)
        scratch *= pi - mean
        squares += scratch
        entropy = -np.einsum("...k,...k", pi, theta)
        np.minimum(lowest, entropy, out=lowest)
        np.maximum(highest, entropy, out=highest)
    return mean


def plain_sweep(P, alpha, beta, lam, init, steps):
    """Return the same as one writes it down."""
    theta = np.log(np.broadcast_to(init, (len(P), len(alpha), P.shape[1])))
    policies, entropies = [np.exp(theta)], []
    for _ in range(steps):
        mu = lam * np.exp(theta) + (1 - lam) / P.shape[1]
        theta = alpha[:, None] * theta + beta[:, None] * np.einsum("bij,bsj->bsi", P, mu)
        theta = theta - logsumexp(theta, axis=-1, keepdims=True)
        policies.append(np.exp(theta))
        entropies.append(-(policies[-1] * theta).sum(-1))
    return np.mean(policies, axis=0)


def sweep_case(K, matrices, points, steps, target):
    P, grid, init = preferences(matrices, K), parameters(points), np.ones(K) + np.arange(K) / K
    init /= init.sum()
    expected = numpy_sweep(P, **grid, init=init, steps=steps)
    elements = matrices * points * steps

    def close(mean):
        np.testing.assert_allclose(mean, expected, rtol=1e-7)

    return Case(
        f"sweep, K = {K}, {matrices} x {points}, per round and trajectory",
        {
            OURS: Contender(
                lambda: af.dynamics.sweep(P, **grid, init=init, steps=steps, num_threads=1).mean, elements, close
            ),
            "NumPy, as written down": Contender(
                lambda: plain_sweep(P, **grid, init=init, steps=steps), elements, close
            ),
            "NumPy, preallocated": Contender(lambda: numpy_sweep(P, **grid, init=init, steps=steps), elements, close),
        },
        floor={"exp_f64": K + 1},
        targets=(Target("NumPy, as written down", target),),
    )


def shared_case(K=1024, points=256, steps=30):
    P, grid, init = preferences(1, K)[0], parameters(points), np.full(K, 1 / K)
    init[0] *= 2
    pi = np.full((K, points), 1 / K)

    def products():
        for _ in range(steps):
            result = P @ pi
        return result

    def policies(mean):
        np.testing.assert_allclose(mean.sum(-1), 1.0, rtol=1e-12)

    return Case(
        f"sweep, K = {K}, one P, {points} points, per round",
        {
            OURS: Contender(
                lambda: af.dynamics.sweep(P, **grid, init=init, steps=steps, num_threads=1).mean, steps, policies
            ),
            "matrix product alone": Contender(products, steps, lambda _: None),
        },
        targets=(Target("matrix product alone", 1 / 1.5),),
    )


def scipy_dpo(P, alpha, beta, lam, init, steps):
    """Return the last policy of MRS-DPO, the rewards of each round by BFGS from those of the last one."""
    K = len(P)
    theta, r = np.log(init), np.zeros(K)
    i, j = np.triu_indices(K, 1)
    for _ in range(steps):
        mu = lam * np.exp(theta) + (1 - lam) / K
        weight = mu[i] * mu[j]

        def loss(r, weight=weight):
            gap = r[i] - r[j]
            rest = P[i, j] - expit(gap)
            gradient = np.bincount(j, weight * rest, K) - np.bincount(i, weight * rest, K)
            return (weight * (np.logaddexp(0, gap) - P[i, j] * gap)).sum(), gradient

        r = minimize(loss, r, jac=True, method="BFGS", options={"gtol": 1e-10}).x
        theta = alpha * theta + beta * r
        theta -= np.log(np.exp(theta).sum())
    return np.exp(theta)


def dpo_case(K=4, points=64, steps=200):
    P, grid, init = preferences(1, K)[0], parameters(points), np.array([0.4, 0.3, 0.2, 0.1])
    expected = scipy_dpo(P, grid["alpha"][0], grid["beta"][0], grid["lam"], init, steps=5)

    def ours():
        return af.dynamics.sweep(P, **grid, init=init, steps=steps, method="dpo", num_threads=1)

    def same(_):
        short = af.dynamics.sweep(P, **grid, init=init, steps=5, method="dpo")
        np.testing.assert_allclose(short.pi[0], expected, rtol=1e-5)

    return Case(
        f"sweep of DPO, K = {K}, per round and trajectory",
        {
            OURS: Contender(ours, points * steps, same),
            "scipy.optimize": Contender(
                lambda: scipy_dpo(P, grid["alpha"][0], grid["beta"][0], grid["lam"], init, steps=5),
                5,
                lambda pi: np.testing.assert_allclose(pi, expected, rtol=1e-12),
            ),
        },
        targets=(Target("scipy.optimize", 50.0),),
    )


def lyapunov_case(points=64, steps=2000):
    cycle = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]])
    grid = {"alpha": np.linspace(0.1, 0.6, points), "beta": np.linspace(20, 40, points), "lam": 1.0}
    start = {"init": [0.4, 0.35, 0.25], "steps": steps}

    def finite(result):
        assert np.isfinite(result).all()

    return Case(
        "Lyapunov exponent, K = 3, per round and trajectory",
        {
            OURS: Contender(
                lambda: af.dynamics.lyapunov_exponent(cycle, **grid, **start, burn_in=0, num_threads=1),
                points * steps,
                finite,
            ),
            "simulate": Contender(
                lambda: af.dynamics.simulate(cycle, **grid, **start, num_threads=1).mean, points * steps, finite
            ),
        },
    )


CASES = [
    sweep_case(4, 16, 64, 500, 60.0),
    sweep_case(16, 4, 64, 400, 10.0),
    sweep_case(128, 1, 64, 200, 4.0),
    shared_case(),
    dpo_case(),
    lyapunov_case(),
]


@pytest.mark.kernels("dynamics.run", "dynamics.advance", "dynamics.finish", "dynamics.lyapunov_run")
@each_contender(CASES)
def test_dynamics(case, name, timed):
    timed(case, name)
