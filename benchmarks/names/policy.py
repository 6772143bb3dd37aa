"""Axioms and optima of preferences beside their plain formulas."""

import numpy as np
from scipy.optimize import linprog
from scipy.special import softmax

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

RESULT = "a result; the function that returns it is timed"
SMALL = (3, 32, 128)
ALL = (3, 32, 128, 1000)
SMOOTH = (3, 32, 256)


def preferences(size, dtype, seed=0):
    """Return a preference matrix, a sampling distribution and a vector over `size` responses."""
    random = np.random.default_rng(seed)
    upper = np.triu(0.02 + 0.96 * random.random((size, size)), 1)
    P = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(size)
    return P.astype(dtype), random.dirichlet(np.ones(size)).astype(dtype), random.normal(size=size).astype(dtype)


def ordered(size, dtype):
    """Return preferences that are row dominant, so that nothing is decided early."""
    scores = np.linspace(2, -2, size)
    return (1 / (1 + np.exp(scores - scores[:, None]))).astype(dtype)


def of_matrix(function, formula, matrix=ordered):
    """Return the calls of a function of the matrix alone."""

    def calls(size, dtype):
        P = matrix(size, dtype)
        return lambda: function(P), lambda: formula(P)

    return calls


def of_scores(function, formula):
    """Return the calls of a function of the matrix and scores in its order."""

    def calls(size, dtype):
        P, scores = ordered(size, dtype), np.linspace(1, 0, size).astype(dtype)
        return lambda: function(P, scores), lambda: formula(P, scores)

    return calls


# ---- axioms ----


def winner(P):
    wins = (P > 0.5).sum(axis=1)
    return wins.argmax() if wins.max() == len(P) - 1 else -1


def smith_set(P):
    score = 2 * (P > 0.5).sum(axis=1) + (P == 0.5).sum(axis=1) - 1
    order, size = np.argsort(-score), np.arange(1, len(P) + 1)
    last = np.argmax(np.cumsum(score[order]) == size * (size - 1) + 2 * size * (len(P) - size))
    members = np.zeros(len(P), dtype=bool)
    members[order[: last + 1]] = True
    return members


def row_dominant(P):
    rows = P[np.argsort(-P.sum(axis=1))]
    return (rows[:-1] >= rows[1:]).all()


def cycles(P):
    wins = (P > 0.5).sum(axis=1)
    K = len(P)
    return K * (K - 1) * (K - 2) // 6 - (wins * (wins - 1) // 2).sum()


def cyclic(P):
    beats = P > 0.5
    left = np.ones(len(P), dtype=bool)
    while True:
        remaining = left & beats[left].any(axis=0)
        if (remaining == left).all():
            return left.any()
        left = remaining


def all_classes(P):
    return cyclic(P), row_dominant(P), winner(P), smith_set(P).sum(), cycles(P)


def top_is_above(P, scores, members):
    return members.all() or scores[members].min() > scores[~members].max()


def condorcet_top(P, scores):
    best = winner(P)
    return best < 0 or top_is_above(P, scores, np.arange(len(P)) == best)


def order_kept(P, scores):
    return ((scores[:, None] > scores) | (P <= 0.5)).all()


# ---- optima ----


def tilted(ref, scores, beta):
    log_pi = np.log(ref) + beta * scores
    pi = softmax(log_pi)
    log_pi = log_pi - log_pi.max() - np.log(np.exp(log_pi - log_pi.max()).sum())
    return log_pi, -(pi * log_pi).sum(), (pi * (log_pi - np.log(ref))).sum()


def ipo(P, mu, ref, beta):
    scores = P @ mu
    mean = mu @ scores
    return (*tilted(ref, scores, beta), beta**2 * (0.25 - 2 * mu @ (scores - mean) ** 2))


def ipo_pairs(P, rho, ref, beta):
    S = (rho + rho.T) / 2
    laplacian = np.diag(S.sum(axis=1)) - S
    return tilted(ref, np.linalg.lstsq(laplacian, (S * (P - 0.5)).sum(axis=1))[0], beta)


def linearised(P, mu, r):
    """Return F and A of Σ_j μ_j (P_ij − σ(r_i − r_j)) = 0, the mean of r being zero."""
    model = 1 / (1 + np.exp(r - r[:, None]))
    slope = model * (1 - model) * mu
    return (P - model) @ mu, np.diag(slope.sum(axis=1)) - slope + 1 / len(P)


def rewards(P, mu):
    r = np.zeros(len(P))
    for _ in range(50):
        F, A = linearised(P, mu, r)
        step = np.linalg.solve(A, F)
        r = r + step
        if np.abs(step).max() < 1e-12 * max(1, np.abs(r).max()):
            break
    return r


def dpo_loss(r, P, mu):
    gap = r[:, None] - r
    pairs = P * np.logaddexp(0, -gap) + P.T * np.logaddexp(0, gap)
    return mu @ pairs @ mu, -2 * mu * ((P - 1 / (1 + np.exp(-gap))) @ mu)


def dpo(P, mu, ref, beta):
    r = rewards(P, mu)
    return (*tilted(ref, r, beta), dpo_loss(r, P, mu)[0])


def ipo_loss(h, P, mu, beta):
    off = h[:, None] - h - beta * (P - 0.5)
    return mu @ (off**2 + beta**2 * P * P.T) @ mu, 4 * mu * (off @ mu)


def dpo_sensitivity(P, mu, direction):
    r = rewards(P, mu)
    _, A = linearised(P, mu, r)
    return np.linalg.solve(A, (P - 1 / (1 + np.exp(r - r[:, None]))) @ direction)


def ipo_covariance(P, mu, beta):
    h = (P - 0.5) @ mu
    v = (h[:, None] - h - (P - 0.5)) ** 2 + P * P.T
    np.fill_diagonal(v, 0)
    return beta**2 * (np.diag(v @ mu / (2 * mu)) - 0.5 * v)


def dpo_covariance(P, mu):
    r = rewards(P, mu)
    model = 1 / (1 + np.exp(r - r[:, None]))

    def laplacian(weight):
        weight = 2 * mu[:, None] * mu * weight
        return np.diag(weight.sum(axis=1)) - weight

    half = np.linalg.pinv(laplacian(model * (1 - model)))
    return half @ laplacian(P * P.T + (P - model) ** 2) @ half


def of_optimum(function, formula, *names, last=()):
    """Return the calls of a function of "P", "mu", "ref", "rho" and "h", and further arguments."""

    def calls(size, dtype):
        P, mu, h = preferences(size, dtype)
        given = {"P": P, "mu": mu, "ref": mu[::-1].copy(), "h": h, "rho": np.outer(mu, mu)}
        arguments = (*(given[name] for name in names), *last)
        return lambda: function(*arguments), lambda: formula(*arguments)

    return calls


# ---- samplers and matrices ----


def separating(P):
    members = smith_set(P)
    sign = np.where(members, 1.0, -1.0)
    constraints = np.concatenate([-P, np.stack([members, ~members], axis=1)], axis=1) * sign[:, None]
    return programme(constraints, np.concatenate([np.zeros(len(P)), [-1.0, 1.0]]), len(P))


def ordering(P):
    constraints = np.concatenate([np.diff(P, axis=0), np.ones((len(P) - 1, 1))], axis=1)
    return programme(constraints, np.concatenate([np.zeros(len(P)), [-1.0]]), len(P))


def programme(constraints, cost, K):
    mass = (np.arange(len(cost)) < K)[None]
    bounds = [(0, None)] * K + [(None, None)] * (len(cost) - K)
    return linprog(cost, constraints, np.zeros(len(constraints)), mass, [1.0], bounds)


def preference_matrix(size, dtype):
    random = np.random.default_rng(0)
    winner, loser = np.sort(random.permuted(np.tile(np.arange(10), (size, 1)), axis=1)[:, :2]).T.copy()

    def shares():
        wins = np.zeros((10, 10))
        np.add.at(wins, (winner, loser), 1.0)
        total = wins + wins.T
        return np.divide(wins, total, out=np.full((10, 10), 0.5), where=total > 0)

    return lambda: af.policy.preference_matrix(winner, loser, 10), shares


def preference_matrix_from_scores(size, dtype):
    scores = np.random.default_rng(0).normal(size=(size, 4, 5)).astype(dtype)
    first, second = np.triu_indices(4, 1)

    def formula():
        random = np.random.default_rng(1)
        attribute = random.integers(5, size=(size, 6, 1))
        gaps = np.take_along_axis(scores[:, first] - scores[:, second], attribute, axis=2)[..., 0]
        P = np.full((size, 4, 4), 0.5, dtype)
        P[:, first, second] = 1 / (1 + np.exp(-gaps))
        P[:, second, first] = 1 - P[:, first, second]
        return P

    return lambda: af.policy.preference_matrix_from_scores(scores, rng=1), formula


def timed(peer, sizes, calls, axis="responses"):
    return Timed(peer, axis, sizes, calls)


NAMES = {
    **{
        f"policy.{name}": NotTimed(RESULT)
        for name in ("LossGradient", "OrderSampler", "PreferenceClasses", "PreferenceOptimum", "PromptScores")
    },
    "policy.SmithSampler": NotTimed(RESULT),
    "policy.read_scores": NotTimed("reads a file: its time is that of the reader, timed under tables"),
    "policy.classify": timed("NumPy, axiom by axiom", SMALL, of_matrix(af.policy.classify, all_classes)),
    "policy.condorcet_winner": timed("(P > 1/2).sum(1)", ALL, of_matrix(af.policy.condorcet_winner, winner)),
    "policy.count_cycles": timed("Kendall's formula", ALL, of_matrix(af.policy.count_cycles, cycles)),
    "policy.smith_set": timed("sorted scores", ALL, of_matrix(af.policy.smith_set, smith_set)),
    "policy.is_row_dominant": timed("sorted rows", ALL, of_matrix(af.policy.is_row_dominant, row_dominant)),
    "policy.is_strongly_transitive": timed(
        "sorted rows", ALL, of_matrix(af.policy.is_strongly_transitive, row_dominant)
    ),
    "policy.is_condorcet_top": timed("(P > 1/2).sum(1)", ALL, of_scores(af.policy.is_condorcet_top, condorcet_top)),
    "policy.is_smith_top": timed(
        "sorted scores", ALL, of_scores(af.policy.is_smith_top, lambda P, s: top_is_above(P, s, smith_set(P)))
    ),
    "policy.is_order_preserving": timed("all pairs", ALL, of_scores(af.policy.is_order_preserving, order_kept)),
    "policy.ipo": timed("P @ mu and softmax", ALL, of_optimum(af.policy.ipo, ipo, "P", "mu", "ref", last=(2.0,))),
    "policy.ipo_pairs": timed(
        "numpy.linalg.lstsq", SMOOTH, of_optimum(af.policy.ipo_pairs, ipo_pairs, "P", "rho", "ref", last=(2.0,))
    ),
    "policy.dpo": timed("Newton, NumPy", SMOOTH, of_optimum(af.policy.dpo, dpo, "P", "mu", "ref", last=(2.0,))),
    "policy.ipo_loss": timed(
        "sum over pairs", ALL, of_optimum(af.policy.ipo_loss, ipo_loss, "h", "P", "mu", last=(2.0,))
    ),
    "policy.dpo_loss": timed("sum over pairs", ALL, of_optimum(af.policy.dpo_loss, dpo_loss, "h", "P", "mu")),
    "policy.dpo_sensitivity": timed(
        "Newton, NumPy", SMOOTH, of_optimum(af.policy.dpo_sensitivity, dpo_sensitivity, "P", "mu", "h")
    ),
    "policy.ipo_covariance": timed(
        "sum over pairs", ALL, of_optimum(af.policy.ipo_covariance, ipo_covariance, "P", "mu", last=(2.0,))
    ),
    "policy.dpo_covariance": timed(
        "Newton and pinv, NumPy", SMOOTH, of_optimum(af.policy.dpo_covariance, dpo_covariance, "P", "mu")
    ),
    "policy.smith_sampler": timed("scipy linprog", (4, 32), of_matrix(af.policy.smith_sampler, separating)),
    "policy.order_sampler": timed("scipy linprog", (4, 32), of_matrix(af.policy.order_sampler, ordering)),
    "policy.preference_matrix": Timed(
        "numpy.add.at", "comparisons", (10, 1000, 50_000, 1_000_000), preference_matrix, ("float64",)
    ),
    "policy.preference_matrix_from_scores": timed(
        "NumPy", (1, 1000, 100_000), preference_matrix_from_scores, "matrices"
    ),
}

OPERATIONS = "the peer does the operations of the formula in another normalisation; its numbers are others"
DIFFERENT = {
    "policy.dpo_covariance": OPERATIONS,
    "policy.order_sampler": "the peer returns the distribution alone, of an optimum that need not be the only one",
    "policy.smith_sampler": "the peer returns the distribution alone, of an optimum that need not be the only one",
    "policy.preference_matrix_from_scores": "attributes are drawn at random",
}
