"""Trajectories of MRS-IPO and MRS-DPO, by the definition and one round at a time; in mpmath where digits matter."""

import json
from pathlib import Path

import numpy as np
from mpmath import mp, mpf
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

VECTORS = {
    vector["id"]: vector
    for vector in json.loads((Path(__file__).parent / "policy_dynamics.json").read_text("utf-8"))["vectors"]
}


def ipo_scores(P, mu):
    return P @ mu


def dpo_rewards(P, mu):
    """Return the minimiser of the population loss of DPO, mean zero: Newton on the loss itself, from zero."""
    r = np.zeros(len(mu))
    for _ in range(200):
        sigma = expit(r[:, None] - r[None, :])
        gradient = -mu * ((P - sigma) @ mu)
        weight = np.outer(mu, mu) * sigma * sigma.T
        hessian = np.diag(weight.sum(1)) - weight
        step = -np.linalg.pinv(hessian.astype(np.float64), rcond=1e-14) @ gradient
        r = r + step * min(1.0, 1.0 / max(np.ptp(step), 1e-300))
        if np.ptp(step) < 1e-13:
            break
    return r - r.mean()


def trajectory(P, alpha, beta, lam, init, sampler, ref, steps, method="ipo"):
    """Return log-policies of rounds 0..steps, (steps + 1, K)."""
    P, sampler, ref = np.array(P), np.array(sampler), np.array(ref)
    score = {"ipo": ipo_scores, "dpo": dpo_rewards}[method]
    alpha, beta, lam = (np.broadcast_to(value, (steps,)) for value in (alpha, beta, lam))
    log_pi = [np.log(init) - np.log(np.sum(init))]
    for t in range(steps):
        pi = np.exp(log_pi[-1])
        theta = alpha[t] * log_pi[-1] + (1 - alpha[t]) * np.log(ref / ref.sum())
        theta = theta + beta[t] * score(P, lam[t] * pi + (1 - lam[t]) * sampler / sampler.sum())
        log_pi.append(theta - logsumexp(theta))
    return np.array(log_pi)


def statistics(log_pi, burn_in):
    """Return mean, variance, and entropy of rounds burn_in.. of a path."""
    pi = np.exp(log_pi[burn_in:])
    return pi.mean(0), pi.var(0), -(pi * log_pi[burn_in:]).sum(1)


def collapsing_entropy(P, beta, init, steps, digits=400):
    """Return the entropy after `steps` rounds of MRS-IPO with alpha = lambda = 1, in mpmath."""
    with mp.workdps(digits):
        M = [[(mpf(float(P[i][j])) - mpf(float(P[j][i]))) / 2 for j in range(len(P))] for i in range(len(P))]
        pi = [mpf(float(x)) for x in init]
        pi = [x / sum(pi) for x in pi]
        for _ in range(steps):
            pi = [
                x * mp.exp(mpf(float(beta)) * sum(m * y for m, y in zip(row, pi, strict=True)))
                for x, row in zip(pi, M, strict=True)
            ]
            total = sum(pi)
            pi = [x / total for x in pi]
        return float(-sum(x * mp.log(x) for x in pi))


def round_map(P, alpha, beta, lam, sampler, ref, method):
    """Return theta -> theta of the next round, with mean zero."""

    def step(theta):
        log_pi = theta - logsumexp(theta)
        after = trajectory(P, alpha, beta, lam, np.exp(log_pi), sampler, ref, 1, method)[1]
        return after - after.mean()

    return step


def jacobian(step, theta, h=1e-5):
    """Return the derivative of a map by central differences."""
    return np.stack([(step(theta + h * e) - step(theta - h * e)) / (2 * h) for e in np.eye(len(theta))], axis=1)


def lyapunov_exponent(P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method="ipo", distance=1e-7):
    """Return the mean growth of the distance of two nearby trajectories, brought back to `distance` every round."""
    step = round_map(P, alpha, beta, lam, sampler, ref, method)
    here = np.log(init) - np.mean(np.log(init))
    offset = 1.0 / np.arange(1, len(here) + 1)
    offset -= offset.mean()
    growth = 0.0
    for t in range(steps):
        offset *= distance / np.linalg.norm(offset)
        there = step(here + offset)
        here = step(here)
        offset = there - here
        growth += np.log(np.linalg.norm(offset) / distance) if t >= burn_in else 0.0
    return growth / (steps - burn_in)


def tangent_growth(P, alpha, beta, lam, init, sampler, ref, steps, burn_in):
    """Return the mean growth of a tangent of MRS-IPO, v <- alpha v + beta lambda P Sigma v, in extended precision."""
    P, init, sampler, ref = (np.asarray(array, np.longdouble) for array in (P, init, sampler, ref))
    path = np.exp(trajectory(P, *map(np.longdouble, (alpha, beta, lam)), init, sampler, ref, steps))
    v = 1 / np.arange(1, len(init) + 1, dtype=np.longdouble)
    v -= v.mean()
    growth = np.longdouble(0)
    for t in range(steps):
        v /= np.sqrt((v * v).sum())
        v = alpha * v + np.longdouble(beta) * lam * (P @ (path[t] * (v - (path[t] * v).sum())))
        v -= v.mean()
        growth += np.log((v * v).sum()) / 2 if t >= burn_in else 0
    return growth / (steps - burn_in)


def least_squares_score(wins, prior, mu):
    """Return IPO's score from counts of wins: the minimiser of sum (s_w - s_l - 1/2)^2 over pairs and pseudo-pairs."""
    K = len(mu)
    pseudo = prior * np.outer(mu, mu) / 2

    def loss(s):
        gap = s[:, None] - s[None, :] - 0.5
        return ((wins + pseudo) * gap**2).sum()

    result = minimize(loss, np.zeros(K), method="BFGS", options={"gtol": 1e-10})
    return result.x - result.x.mean()
