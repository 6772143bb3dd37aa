"""Evaluation from samples beside its plain formulas: pass@k and its relatives, gradients of the best of k."""

from math import comb

import numpy as np

import alignment_fast as af
from names import NotTimed, Timed

DOUBLE = ("float64",)


def generator():
    return np.random.default_rng(0)


def correct_of(size):
    return generator().integers(0, 21, size)


def plain_share(total, part, k):
    """Return C(part, k) / C(total, k) problem by problem."""
    return np.array([comb(int(c), k) / comb(total, k) for c in part])


def pass_all_k(size, _dtype):
    correct = correct_of(size)

    def plain():
        share = plain_share(20, correct, 4)
        return share, share**2 - plain_share(20, correct, 8)

    return lambda: af.best_of_n.pass_all_k(20, correct, 4), plain


def best_at_k(size, dtype):
    scores = generator().normal(size=(size, 16)).astype(dtype)
    weight = np.array([comb(i, 3) / comb(16, 4) for i in range(16)])
    return (
        lambda: af.best_of_n.best_at_k(scores, 4, variance=None),
        lambda: np.sort(scores, axis=-1).astype(np.float64) @ weight,
    )


def majority_at_k(size, _dtype):
    right = generator().random((size, 16)) < 0.4

    def plain():
        own = right.sum(axis=1)
        subsets = [[comb(int(c), j) * comb(16 - int(c), 5 - j) for j in (3, 4, 5)] for c in own]
        return np.array(subsets, dtype=float).sum(axis=1) / comb(16, 5)

    return lambda: af.best_of_n.majority_at_k(right, 5, variance=None).mean, plain


def coverage_at_cost(size, _dtype):
    correct = correct_of(size)

    def plain():
        missed = np.stack([plain_share(20, 20 - correct, k) for k in range(9)])
        return missed[:8].sum(axis=0).mean(), 1 - missed[8].mean()

    return lambda: af.best_of_n.coverage_at_cost(20, correct, 8), plain


def max_at_k_weights(size, dtype):
    rewards = generator().normal(size=(size, 64)).astype(dtype)
    own = np.array([comb(i, 7) / comb(64, 8) for i in range(64)])
    above = own * 7 / np.maximum(np.arange(64), 1)

    def plain():
        order = np.argsort(rewards, axis=-1)
        ascending = np.take_along_axis(rewards, order, axis=-1)
        ranked = own * ascending
        ranked[:, :-1] += np.cumsum((above * ascending)[:, :0:-1], axis=-1)[:, ::-1]
        out = np.empty_like(ranked)
        np.put_along_axis(out, order, ranked, axis=-1)
        return out

    return lambda: af.best_of_n.max_at_k_weights(rewards, 8), plain


NAMES = {
    "best_of_n.pass_all_k": Timed("binomial coefficients", "problems", (10, 1000, 50_000), pass_all_k, DOUBLE),
    "best_of_n.best_at_k": Timed("sort, a product", "prompts", (10, 1000, 100_000), best_at_k),
    "best_of_n.majority_at_k": Timed("two answers: hypergeometric", "problems", (10, 1000), majority_at_k, DOUBLE),
    "best_of_n.coverage_at_cost": Timed("binomial coefficients", "problems", (10, 1000), coverage_at_cost, DOUBLE),
    "best_of_n.max_at_k_weights": Timed("argsort, cumsum, put", "prompts", (10, 1000, 10_000), max_at_k_weights),
    "best_of_n.Coverage": NotTimed("a result without work of its own"),
}
