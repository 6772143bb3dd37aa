"""One-shot optima of IPO and DPO, their losses, sensitivities and covariances. NumPy and LAPACK, batched.

Arrays are float64: M or P (..., K, K), distributions mu and vectors (..., K), with leading axes that broadcast.

IPO: the minimiser of the pair loss is h = β M μ, in closed form. DPO: the reward r solves, for every response i,

    F_i(r) = Σ_j μ_j (P_ij − σ(r_i − r_j)) = 0,    −∂F/∂r = A,  A_ij = δ_ij Σ_k μ_k σ'_ik − μ_j σ'_ij.

A is the Hessian of the loss with each row divided by 2 μ_i. So scaled it stays well conditioned however concentrated μ
is, and responses with μ_i = 0, on which the loss is silent, get their limit as μ_i → 0 from their own row. The fit of
`ranking` has the same optimum, but its Newton measures progress by the likelihood, in which a response with μ_i below
1e-13 does not show: under sampling that concentrated it may stop logits away from the rewards of rare responses.

Reference: arXiv:2602.12180; Azar et al., arXiv:2310.12036 (IPO); Bach, Electron. J. Stat. 4 (2010) 384 (step length).
"""

import numpy as np

# Pairs of responses per block of matrices: the temporaries of one Newton step then stay in a cache.
_BLOCK_PAIRS = 1 << 15
# First iterate of DPO: log-odds, cut where a longer one would only put Newton's first step on a flat part.
_LARGEST_START = 10.0


def skew(P):
    """Return M = P − 1/2 of matrices that satisfy P + Pᵀ = 1, skew to the last bit."""
    return 0.5 * (P - np.swapaxes(P, -1, -2))


def advantages(M, mu):
    """Return M μ: how much more often than half each response beats a draw of μ. One matrix product for a shared M."""
    return mu @ M.T if M.ndim == 2 else np.matmul(M, mu[..., None])[..., 0]


def variance(mu, values):
    """Return the variance of `values` under μ."""
    mean = (mu * values).sum(axis=-1, keepdims=True)
    return (mu * (values - mean) ** 2).sum(axis=-1)


# ---- IPO ----


def ipo_excess(residual, mu):
    """Return the excess 2 Var_μ(x) of the pair loss over its minimum at h = β M μ + x, and its gradient 4 μ (x − x̄).

    The loss itself, Σ μ_i μ_j [(h_ij − β M_ij)² + β² (1/4 − M_ij²)], is β² (1/4 − 2 Var_μ(M μ)) plus this: no pass over
    pairs, and no cancellation between them.
    """
    centred = residual - (mu * residual).sum(axis=-1, keepdims=True)
    return 2 * (mu * centred**2).sum(axis=-1), 4 * mu * centred


def pair_potential(M, rho):
    """Return the minimum-norm solution z of Lap(S) z = (S∘M) 1, S = (ρ + ρᵀ)/2, and the loss ¼ − 2 zᵀ(S∘M)1 at β = 1.

    The optimum of IPO for pairs drawn from ρ is h = β z. z has mean zero over every connected component of S.
    """
    S = 0.5 * (rho + np.swapaxes(rho, -1, -2))
    pull = (S * M).sum(axis=-1)
    labels = components(S > 0, "weak")
    degree = S.sum(axis=-1)
    potential = _grounded_solve(S, pull[..., None], _heaviest(degree, labels))[..., 0]
    potential = potential - _component_means(potential, labels)
    return potential, 0.25 - 2 * (potential * pull).sum(axis=-1)


def ipo_covariance(P, mu):
    """Return m × covariance of the estimate of h from m pairs at β = 1, in the gauge μᵀh = 0; it scales as β².

    C_ij = −v_ij/2, C_ii = Σ_{k≠i} μ_k v_ik / (2 μ_i), v_ij = (h_ij − M_ij)² + P_ij P_ji.
    """
    M = skew(P)
    h = advantages(M, mu)
    v = (h[..., :, None] - h[..., None, :] - M) ** 2 + P * np.swapaxes(P, -1, -2)
    _clear_diagonal(v)
    C = -0.5 * v
    _diagonal(C)[...] = advantages(v, mu) / (2 * mu)
    return C


# ---- DPO ----


def pair_terms(P, r):
    """Return P_ij − σ(r_i − r_j) and σ'(r_i − r_j), from the digits of the rarer outcome."""
    gap = r[..., :, None] - r[..., None, :]
    ratio = np.exp(-np.abs(gap))
    rare = ratio / (1 + ratio)
    residual = np.where(gap > 0, rare - np.swapaxes(P, -1, -2), P - rare)
    return residual, rare / (1 + ratio)


def dpo_loss(P, mu, r):
    """Return Σ μ_i μ_j (−P_ij log σ(r_ij) − P_ji log σ(r_ji)) over ordered pairs, and its gradient −2 μ_i F_i."""
    gap = r[..., :, None] - r[..., None, :]
    # −log σ(x) = log(1 + e^{−|x|}) + max(−x, 0); the two orders of a pair give the factor of two.
    pairs = np.log1p(np.exp(-np.abs(gap))) + 2 * np.maximum(gap, 0.0) * np.swapaxes(P, -1, -2)
    loss = (mu * advantages(pairs, mu)).sum(axis=-1)
    return loss, -2 * mu * advantages(pair_terms(P, r)[0], mu)


def dpo_rewards(P, mu, tol, max_iter):
    """Return the rewards r (rows, K), mean zero, and the width (rows,) of the last Newton step.

    P is (rows or 1, K, K), mu (rows, K). A width of at most `tol` is the certificate, in logits, or as a share of the
    range of the rewards where that is above one logit; a finite optimum must exist (`dpo_obstacle`). Newton steps of
    width δ = max d − min d are shortened to log(1 + δ)/δ: the third derivative of the loss along d is at most δ times
    the second, so this never overshoots, from any start, and is quadratic in the end.
    """
    rows, K = mu.shape
    rewards, width = np.empty((rows, K)), np.empty(rows)
    step = max(1, _BLOCK_PAIRS // (K * K))
    for first in range(0, rows, step):
        block = slice(first, first + step)
        shared = P if len(P) == 1 else P[block]
        rewards[block], width[block] = _dpo_newton(shared, mu[block], tol, max_iter)
    return rewards - rewards.mean(axis=-1, keepdims=True), width


def _dpo_newton(P, mu, tol, max_iter):
    with np.errstate(divide="ignore"):
        log_odds = np.log(P) - np.log(np.swapaxes(P, -1, -2))
    # Exact where P is Bradley-Terry.
    rewards = np.matmul(np.clip(log_odds, -_LARGEST_START, _LARGEST_START), mu[..., None])[..., 0]
    width = np.full(len(mu), np.inf)
    active = np.arange(len(mu))
    for _ in range(max_iter):
        residual, slope = pair_terms(P if len(P) == 1 else P[active], rewards[active])
        direction = _dpo_solve(slope, mu[active], advantages(residual, mu[active])[..., None])[..., 0]
        delta = np.ptp(direction, axis=-1)
        length = np.where(delta > 0, np.log1p(delta) / np.where(delta > 0, delta, 1.0), 1.0)
        rewards[active] += length[:, None] * direction
        width[active] = delta / np.maximum(np.ptp(rewards[active], axis=-1), 1.0)
        active = active[~(width[active] <= tol)]
        if not active.size:
            break
    return rewards, width


def _dpo_solve(slope, mu, target):
    """Return X with A X = target, gauge X_k = 0 at the heaviest response k."""
    heaviest = np.arange(mu.shape[-1]) == np.argmax(mu, axis=-1)[..., None]
    return _grounded_solve(slope * mu[..., None, :], target, heaviest)


def dpo_sensitivity(P, mu, r, direction):
    """Return dr = A⁺ R dμ at the optimum r, R_ij = P_ij − σ(r_i − r_j), with mean zero; R μ = 0."""
    return dpo_sensitivities(P, mu, r, direction[..., None])[..., 0]


def dpo_sensitivities(P, mu, r, directions):
    """Return `dpo_sensitivity` for every column of `directions` (..., K, D)."""
    residual, slope = pair_terms(P, r)
    change = _dpo_solve(slope, mu, np.matmul(residual, directions))
    return change - change.mean(axis=-2, keepdims=True)


def dpo_covariance(P, mu, r):
    """Return m × covariance H⁺ V H⁺ of the estimate of r from m pairs, at the optimum r, in the gauge μᵀr = 0.

    H and V are Laplacians with weights 2 μ_i μ_j σ'_ij and 2 μ_i μ_j (P_ij P_ji + (P_ij − σ_ij)²). Both systems are
    solved with rows divided by 2 μ_i, as everything of DPO.
    """
    residual, slope = pair_terms(P, r)
    spread = (P * np.swapaxes(P, -1, -2) + residual**2) * mu[..., None, :]
    _clear_diagonal(spread)
    B = -spread
    _diagonal(B)[...] = spread.sum(axis=-1)
    half = _dpo_solve(slope, mu, B)
    C = _dpo_solve(slope, mu, np.swapaxes(half, -1, -2) / (2 * mu[..., :, None]))
    C = C - np.matmul(mu[..., None, :], C)
    C = C - np.matmul(C, mu[..., :, None])
    return 0.5 * (C + np.swapaxes(C, -1, -2))


def dpo_obstacle(P, mu):
    """Return None if a finite DPO optimum exists for one P (K, K) and mu (K,), else (reason, responses).

    Reasons: "components" with the list of strong components of the win graph among the sampled responses, "wins" or
    "losses" with the responses outside of the support that win (lose) every comparison with it.
    """
    sampled = np.flatnonzero(mu > 0)
    labels = components((P > 0)[np.ix_(sampled, sampled)], "strong")
    if labels.any():
        groups = [sampled[labels == label] for label in range(labels.max() + 1)]
        return "components", sorted(groups, key=lambda group: group[0])
    silent = np.flatnonzero(mu == 0)
    for reason, chance in (("wins", P[np.ix_(sampled, silent)]), ("losses", P[np.ix_(silent, sampled)].T)):
        stuck = silent[~(chance > 0).any(axis=0)]
        if stuck.size:
            return reason, stuck
    return None


# ---- Laplacians ----


def components(adjacency, connection):
    """Return the number (..., K) of the "weak" or "strong" component of each vertex; 0 throughout a connected graph."""
    # Imported here: complete graphs, the common case, do without SciPy, which takes long to load.
    K = adjacency.shape[-1]
    labels = np.zeros(adjacency.shape[:-1], dtype=np.int64)
    incomplete = ~(adjacency | np.eye(K, dtype=bool)).all(axis=(-2, -1))
    if incomplete.any():
        from scipy.sparse import csgraph, csr_array

        for index in np.argwhere(incomplete):
            graph = csr_array(adjacency[tuple(index)])
            labels[tuple(index)] = csgraph.connected_components(graph, directed=True, connection=connection)[1]
    return labels


def _heaviest(weight, labels):
    """Return a mask of the vertex of largest weight in each component."""
    same = labels[..., :, None] == labels[..., None, :]
    best = np.where(same, weight[..., None, :], -np.inf).max(axis=-1)
    heaviest = weight == best
    # Of equal weights, the first one.
    earlier = np.tril(np.ones(same.shape[-2:], dtype=bool), -1)
    return heaviest & ~(same & earlier & heaviest[..., None, :]).any(axis=-1)


def _component_means(values, labels):
    same = labels[..., :, None] == labels[..., None, :]
    return np.matmul(same / same.sum(axis=-1, keepdims=True), values[..., None])[..., 0]


def _grounded_solve(weights, target, ground):
    """Return X with (diag(W 1) − W) X = target but for the rows in mask `ground`, where X = 0.

    W ≥ 0 (..., K, K), target (..., K, R). Every row is divided by its weight: what is left is a diagonally dominant
    M-matrix with unit diagonal.
    """
    shape = np.broadcast_shapes(weights.shape[:-2], ground.shape[:-1])
    matrix = -np.broadcast_to(weights, (*shape, *weights.shape[-2:]))
    _clear_diagonal(matrix)
    total = -matrix.sum(axis=-1, keepdims=True)
    scale = np.where(ground[..., None], 1.0, total)
    matrix = np.where(ground[..., None], 0.0, matrix / scale)
    _diagonal(matrix)[...] = 1.0
    return np.linalg.solve(matrix, np.where(ground[..., None], 0.0, target / scale))


def _diagonal(matrix):
    """Return a writeable view of the diagonals."""
    return np.einsum("...ii->...i", matrix)


def _clear_diagonal(matrix):
    _diagonal(matrix)[...] = 0.0
