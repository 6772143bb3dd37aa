"""Axioms of social choice on preference matrices: winners, Smith sets, dominance, transitivity, cycles. NumPy, batched.

Everything reads `comparable` matrices, M = P − 1/2 rounded to a grid, so that equality is an equivalence relation and
σ(d) and 1 − σ(−d), which differ by a rounding error, count as equal. i beats j if M_ij > 0, and ties j if M_ij = 0.

Reference: arXiv:2602.12180; Landau, Bull. Math. Biophys. 15 (1953) 143 (scores of tournaments); Fishburn, J. Math.
Psychol. 10 (1973) 327 (stochastic transitivity).
"""

import numpy as np

# Four decimal digits above the rounding errors of probabilities near one half.
_GRID = 2.0**40


def comparable(P):
    """Return M = P − 1/2 rounded to multiples of 2^-40, exactly skew."""
    return np.rint((0.5 * _GRID) * (P - np.swapaxes(P, -1, -2))) / _GRID


def condorcet_winner(M):
    """Return the response that beats every other one, −1 where there is none."""
    wins = (M > 0).sum(axis=-1)
    return np.where(wins.max(axis=-1) == M.shape[-1] - 1, wins.argmax(axis=-1), -1)


def smith_set(M):
    """Return a mask of the smallest set whose members beat everyone outside of it.

    Score 2 for each win and 1 for each tie. A dominating set of size s scores s(s − 1) inside and 2 s(K − s) outside,
    which no other set of that size reaches, so it is a prefix in the order of the scores: O(K²) in all.
    """
    K = M.shape[-1]
    score = 2 * (M > 0).sum(axis=-1) + (M == 0).sum(axis=-1) - 1
    order = np.argsort(-score, axis=-1, kind="stable")
    size = np.arange(1, K + 1)
    prefix = np.cumsum(np.take_along_axis(score, order, axis=-1), axis=-1)
    smallest = np.argmax(prefix == size * (size - 1) + 2 * size * (K - size), axis=-1)
    mask = np.empty(score.shape, dtype=bool)
    np.put_along_axis(mask, order, np.arange(K) <= smallest[..., None], axis=-1)
    return mask


def dominance_order(M):
    """Return responses sorted by their rows, lexicographically and best first: the order of row dominance if it exists.

    Lexicographic, because a row that dominates another stands before it whatever the rounding of a row's sum.
    """
    return np.lexsort(np.moveaxis(-M, -1, 0)[::-1], axis=-1)


def is_row_dominant(M, strict):
    """Return whether in some order every row is at least (strict: above) the next one in every column."""
    return _neighbours_decrease(_sorted_rows(M, dominance_order(M)), strict)


def is_strongly_transitive(M, strict):
    """Return whether M_ij ≥ 0 and M_jk ≥ 0 imply M_ik ≥ max(M_ij, M_jk) for all distinct i, j, k.

    Strict: no ties, and M_ik > max(M_ij, M_jk); that is strict row dominance.
    """
    return is_row_dominant(M, True) if strict else transitivity(M)[1]


def transitivity(M):
    """Return (row dominant, strongly transitive), neither of them strict.

    Strong transitivity is row dominance in which responses that tie have equal rows: if i ties j, each of the two
    implies the inequality between their rows one way.
    """
    order = dominance_order(M)
    rows = _sorted_rows(M, order)
    dominant = _neighbours_decrease(rows, False)
    equal = (rows[..., :-1, :] == rows[..., 1:, :]).all(axis=-1)
    tied = np.take_along_axis(rows[..., :-1, :], order[..., 1:, None], axis=-1)[..., 0] == 0
    return dominant, dominant & (equal | ~tied).all(axis=-1)


def _sorted_rows(M, order):
    return np.take_along_axis(M, order[..., None], axis=-2)


def _neighbours_decrease(rows, strict):
    upper, lower = rows[..., :-1, :], rows[..., 1:, :]
    return ((upper > lower) if strict else (upper >= lower)).all(axis=(-2, -1))


def count_cycles(M):
    """Return the number of cyclic triples i beats j beats k beats i.

    Without ties C(K, 3) − Σ C(wins, 2): every other triple has one response that wins twice. With ties the trace of the
    cubed win matrix over 3, in float32 where the counts are exact.
    """
    K = M.shape[-1]
    beats = M > 0
    wins = beats.sum(axis=-1)
    if ((M == 0).sum(axis=(-2, -1)) == K).all():
        return K * (K - 1) * (K - 2) // 6 - (wins * (wins - 1) // 2).sum(axis=-1)
    edges = beats.astype(np.float32)
    two_steps = np.matmul(edges, edges)
    return (two_steps * np.swapaxes(edges, -1, -2)).sum(axis=(-2, -1), dtype=np.float64).astype(np.int64) // 3


def is_cyclic(M):
    """Return whether there is a cycle, of any length, of responses each of which beats the next."""
    beats = (M > 0).astype(np.float32)
    left = np.ones(M.shape[:-1], dtype=np.float32)
    while True:
        # Who is beaten by nobody that is left is in no cycle.
        beaten = np.matmul(left[..., None, :], beats)[..., 0, :] > 0
        remaining = left * beaten
        if (remaining == left).all():
            return left.any(axis=-1)
        left = remaining


def is_order_preserving(M, scores):
    """Return whether every winner of a pair has the larger score."""
    larger = scores[..., :, None] > scores[..., None, :]
    return (larger | (M <= 0)).all(axis=(-2, -1))


def is_top(members, scores):
    """Return whether every response of the mask `members` has a larger score than every other one."""
    inside = np.where(members, scores, np.inf).min(axis=-1)
    outside = np.where(members, -np.inf, scores).max(axis=-1)
    return ~(inside <= outside)


def total_order(M):
    """Return (order, found): responses sorted best first, and whether each of them beats all that follow."""
    wins = (M > 0).sum(axis=-1)
    K = M.shape[-1]
    found = (np.sort(wins, axis=-1) == np.arange(K)).all(axis=-1)
    return np.argsort(-wins, axis=-1, kind="stable"), found
