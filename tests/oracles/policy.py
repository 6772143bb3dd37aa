"""Preference optima and axioms straight from their definitions: sums over pairs, 50 digits, all subsets and orders."""

import itertools
import json
import math
from pathlib import Path

import mpmath
import numpy as np

DIGITS = 50
FILE = {
    vector["id"]: vector
    for vector in json.loads((Path(__file__).parent / "policy_dynamics.json").read_text("utf-8"))["vectors"]
}


def of_kind(kind):
    """Return the vectors of one kind in the file."""
    return [vector for vector in FILE.values() if vector["kind"] == kind]


def random_preferences(random, K, shape=()):
    """Return matrices with uniform entries, P + Pᵀ = 1 to the last bit."""
    upper = np.triu(random.random((*shape, K, K)), 1)
    lower = np.tril(1 - np.swapaxes(upper, -1, -2), -1)
    return upper + lower + 0.5 * np.eye(K)


def bradley_terry(rewards):
    """Return σ(r_i − r_j)."""
    return 1 / (1 + np.exp(np.subtract.outer(rewards, rewards).T))


# ---- optima ----


def exact(values):
    return [exact(value) for value in values] if np.ndim(values) else mpmath.mpf(float(values))


def ipo_loss(h, P, mu, beta):
    """Return E (h_w − h_l − beta/2)² over ordered pairs and their winners, with 50 digits."""
    with mpmath.workdps(DIGITS):
        h, P, mu, beta = exact(h), exact(P), exact(mu), exact(beta)
        return (
            mpmath.fsum(
                mu[i] * mu[j] * (P[i][j] * (h[i] - h[j] - beta / 2) ** 2 + P[j][i] * (h[j] - h[i] - beta / 2) ** 2)
                for i, j in itertools.product(range(len(mu)), repeat=2)
            )
            / mpmath.fsum(mu) ** 2
        )


def dpo_loss(r, P, mu):
    """Return −E log σ(r_w − r_l) over ordered pairs and their winners, with 50 digits."""
    with mpmath.workdps(DIGITS):
        r, P, mu = exact(r), exact(P), exact(mu)
        return (
            mpmath.fsum(
                mu[i] * mu[j] * (P[i][j] * mpmath.log1p(mpmath.exp(r[j] - r[i])))
                + mu[i] * mu[j] * (P[j][i] * mpmath.log1p(mpmath.exp(r[i] - r[j])))
                for i, j in itertools.product(range(len(mu)), repeat=2)
            )
            / mpmath.fsum(mu) ** 2
        )


def dpo_rewards(P, mu, start):
    """Return the mean-zero solution of Σ_j μ_j (P_ij − σ(r_i − r_j)) = 0 near `start`, by mpmath's root finder.

    One equation follows from the others: that of the most sampled response, since 50 digits do not hold a rare one.
    """
    fixed = int(np.argmax(mu))
    with mpmath.workdps(DIGITS):
        P, mu, start = exact(P), exact(mu), exact(start)
        others = [i for i in range(len(mu)) if i != fixed]

        def rewards(free):
            r = dict(zip(others, free, strict=True)) | {fixed: mpmath.mpf(0)}
            return [r[i] for i in range(len(mu))]

        def equations(*free):
            r = rewards(free)
            return [
                mpmath.fsum(mu[j] * (P[i][j] - 1 / (1 + mpmath.exp(r[j] - r[i]))) for j in range(len(mu)))
                for i in others
            ]

        r = rewards(mpmath.findroot(equations, [start[i] - start[fixed] for i in others]))
        mean = mpmath.fsum(r) / len(r)
        return [float(x - mean) for x in r]


def tilted(ref, scores, beta, digits=400):
    """Return log π of π ∝ ref e^{beta s}, its entropy and D(π‖ref), ref being normalised."""
    with mpmath.workdps(digits):
        ref, scores = exact(ref), exact(scores)
        prior = [p / mpmath.fsum(ref) for p in ref]
        weights = [p * mpmath.exp(mpmath.mpf(beta) * s) for p, s in zip(prior, scores, strict=True)]
        pi = [w / mpmath.fsum(weights) for w in weights]
        kl = mpmath.fsum(x * mpmath.log(x / p) for x, p in zip(pi, prior, strict=True) if x)
        entropy = mpmath.fsum(-x * mpmath.log(x) for x in pi if x)
        return [float(mpmath.log(x)) if x else -math.inf for x in pi], float(entropy), float(kl)


def laplacian(weights):
    """Return Σ_{i<j} w_ij (e_i − e_j)(e_i − e_j)ᵀ of symmetric weights."""
    return np.diag(weights.sum(axis=1)) - weights


def covariance(hessian_weights, score_weights, mu):
    """Return the sandwich H⁻ V H⁻ of two weighted Laplacians, moved into the gauge μᵀ x = 0, with 50 digits."""
    K = len(mu)
    with mpmath.workdps(DIGITS):
        H, V = (
            mpmath.matrix(laplacian(weights.astype(object) * mpmath.mpf(1)).tolist())
            for weights in (hessian_weights, score_weights)
        )
        inverse = mpmath.zeros(K)  # with the last response fixed
        inverse[: K - 1, : K - 1] = H[: K - 1, : K - 1] ** -1
        gauge = mpmath.eye(K) - mpmath.ones(K, 1) * mpmath.matrix([exact(mu)]) / mpmath.fsum(exact(mu))
        return np.array((gauge * inverse * V * inverse.T * gauge.T).tolist(), dtype=np.float64)


# ---- axioms ----


def smith_set(P):
    """Return the smallest set whose members beat all others, among all subsets."""
    K = len(P)
    for size in range(1, K + 1):
        for subset in itertools.combinations(range(K), size):
            if all(P[i][j] > 0.5 for i in subset for j in set(range(K)) - set(subset)):
                return [i in subset for i in range(K)]
    raise AssertionError("the set of all responses dominates")


def has_dominance_order(P, strict):
    """Return whether some order of the rows decreases in every column, among all orders."""
    K = len(P)
    above = np.array([[(P[i] > P[j]).all() if strict else (P[i] >= P[j]).all() for j in range(K)] for i in range(K)])
    return any(all(above[i, j] for i, j in itertools.pairwise(order)) for order in itertools.permutations(range(K)))


def is_strongly_transitive(P, strict):
    """Return the implication P_ij, P_jk ≥ 1/2 ⇒ P_ik ≥ max over all triples; strict: no ties, and >."""
    if strict and any(P[i, j] == 0.5 for i, j in itertools.combinations(range(len(P)), 2)):
        return False
    for i, j, k in itertools.permutations(range(len(P)), 3):
        if P[i, j] >= 0.5 and P[j, k] >= 0.5:
            bound = max(P[i, j], P[j, k])
            if not (P[i, k] > bound if strict else P[i, k] >= bound):
                return False
    return True


def cyclic_triples(P):
    """Return the number of rotations i beats j beats k beats i, over three."""
    triples = itertools.permutations(range(len(P)), 3)
    return sum(P[i, j] > 0.5 and P[j, k] > 0.5 and P[k, i] > 0.5 for i, j, k in triples) // 3


def is_cyclic(P):
    """Return whether some sequence of distinct responses beats its way round, among all sequences."""
    K = len(P)
    return any(
        all(P[cycle[t], cycle[(t + 1) % size]] > 0.5 for t in range(size))
        for size in range(3, K + 1)
        for cycle in itertools.permutations(range(K), size)
    )
