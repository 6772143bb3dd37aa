"""Samplers of many responses: the scores P μ rank them as an axiom asks. Linear programmes with certificates.

Both programmes maximise the margin m by which scores of one group stay above those of another. By duality the best
margin is min_w max_k (wᵀP)_k over the signed weights w that compare the groups: every feasible w bounds the margin of
every sampler from above, so a w with max_k (wᵀP)_k ≤ 0 proves that no sampler exists.

Reference: arXiv:2602.12180; von Neumann's minimax theorem. Solver: SciPy's HiGHS.
"""

import numpy as np


def separating_sampler(P, members):
    """Return (mu, w) for one P (K, K): mu maximises min_{i∈S} (P μ)_i − max_{j∉S} (P μ)_j, S the mask `members`.

    w ≥ 0 on S and ≤ 0 elsewhere, of mass one on each side. Unknowns of the programme: μ, and the two scores in between,
    so it has K rows instead of one for every pair. S must be neither empty nor everything.
    """
    K = len(P)
    sign = np.where(members, 1.0, -1.0)
    # sign_i (score_i − level of its side) ≥ 0; the levels of S and of the rest are the last two unknowns.
    levels = np.stack([members, ~members], axis=1)
    constraints = np.concatenate([-P, levels], axis=1) * sign[:, None]
    mu, prices = _solve(constraints, np.concatenate([np.zeros(K), [-1.0, 1.0]]), K)
    return mu, _normalised(prices * members) - _normalised(prices * ~members)


def ordering_sampler(P, order):
    """Return (mu, q) for one P (K, K): mu maximises the least difference of the scores P μ of neighbours in `order`.

    q (K − 1,) are weights of the differences of neighbouring rows, w = Σ_t q_t (e_{order[t]} − e_{order[t+1]}).
    """
    K = len(P)
    differences = P[order[:-1]] - P[order[1:]]
    constraints = np.concatenate([-differences, np.ones((K - 1, 1))], axis=1)
    mu, prices = _solve(constraints, np.concatenate([np.zeros(K), [-1.0]]), K)
    return mu, _normalised(prices)


def _solve(constraints, cost, K):
    """Minimise cost·x, constraints x ≤ 0, where the first K unknowns are a distribution and the others are free."""
    from scipy.optimize import linprog

    mass = (np.arange(len(cost)) < K).astype(np.float64)[None]
    bounds = [(0, None)] * K + [(None, None)] * (len(cost) - K)
    result = linprog(cost, constraints, np.zeros(len(constraints)), mass, [1.0], bounds, method="highs")
    if result.status != 0:
        raise RuntimeError(f"the linear programme of the sampler was not solved: {result.message}")
    return _normalised(result.x[:K]), -result.ineqlin.marginals


def _normalised(weights):
    """Return weights as a distribution: the solver's may be negative by its tolerance."""
    positive = np.maximum(weights, 0.0)
    return positive / positive.sum()
