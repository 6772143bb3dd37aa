"""Whether optima exist: components of the graphs of who can win against whom. Optima themselves are kernels/policy.

Arrays are float64: P (..., K, K), distributions mu (..., K).
"""

import numpy as np


def skew(P):
    """Return M = P − 1/2 of matrices that satisfy P + Pᵀ = 1, skew to the last bit."""
    return 0.5 * (P - np.swapaxes(P, -1, -2))


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
