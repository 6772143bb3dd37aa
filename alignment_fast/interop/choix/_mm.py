"""Minorisation-maximisation (MM): the host's iterations, on counts.

w_i <- (wins of i + alpha) / (Σ over choices in which i took part of 1 / Σ weights of the alternatives + alpha): Hunter,
MM algorithms for generalized Bradley-Terry models (2004). ChoiceRank: Maystre & Grossglauser (2017).
"""

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.interop.choix._data import (
    Data,
    choices_of,
    counts_of,
    number_of_wins,
    rankings_of,
    remaining,
)
from alignment_fast.interop.choix._strict import edges_of, refuse_unbounded
from alignment_fast.interop.choix._transforms import exp_transform, iterated, log_transform

__all__ = ["choicerank", "mm_pairwise", "mm_rankings", "mm_top1"]


def _iterate(wins, terms, initial_params, alpha, max_iter, tol):
    """Return the MM estimate, where ``terms(weights)`` gives the sums below the fraction."""
    start = np.zeros(len(wins)) if initial_params is None else initial_params

    def step(params):
        return log_transform((wins + alpha) / (terms(exp_transform(params)) + alpha))

    return iterated(step, start, max_iter, tol)


def mm_pairwise(
    n_items: int,
    data: Data,
    initial_params: Data = None,
    alpha: float = 0.0,
    max_iter: int = 10_000,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the MM estimate from pairs (winner, loser), as ``choix.mm_pairwise``."""
    counts = counts_of(n_items, data)
    if strict and not alpha:
        refuse_unbounded(n_items, counts.winner, counts.loser)
    wins = np.bincount(counts.winner, weights=counts.times, minlength=n_items)

    def terms(weights):
        sums = np.zeros(n_items)
        operations("ranking").pair_sums(counts.winner, counts.loser, counts.times, weights, sums)
        return sums

    return _iterate(wins, terms, initial_params, alpha, max_iter, tol)


def _of_rows(n_items, rows, initial_params, alpha, max_iter, tol, strict):
    if strict and not alpha:
        refuse_unbounded(n_items, *edges_of(rows))

    def terms(weights):
        total = np.zeros(n_items)
        for part in rows:
            each = np.cumsum(1.0 / remaining(weights, part), axis=1)
            behind = np.repeat(each[:, -1:], part.items.shape[1] - part.stages, axis=1)  # there at every stage
            each = np.concatenate([each, behind], axis=1)
            total += np.bincount(part.items.ravel(), weights=each.ravel(), minlength=n_items)
        return total

    return _iterate(number_of_wins(n_items, rows), terms, initial_params, alpha, max_iter, tol)


def mm_rankings(
    n_items: int,
    data: Data,
    initial_params: Data = None,
    alpha: float = 0.0,
    max_iter: int = 10_000,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the MM estimate from rankings, as ``choix.mm_rankings``."""
    return _of_rows(n_items, rankings_of(n_items, data), initial_params, alpha, max_iter, tol, strict)


def mm_top1(
    n_items: int,
    data: Data,
    initial_params: Data = None,
    alpha: float = 0.0,
    max_iter: int = 10_000,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the MM estimate from choices (winner, losers), as ``choix.mm_top1``."""
    return _of_rows(n_items, choices_of(n_items, data), initial_params, alpha, max_iter, tol, strict)


def choicerank(
    digraph: Data,
    traffic_in: Data,
    traffic_out: Data,
    weight: str | None = None,
    initial_params: Data = None,
    alpha: float = 1.0,
    max_iter: int = 10_000,
    tol: float = 1e-8,
) -> np.ndarray:
    """Return the ChoiceRank estimate from the traffic at the nodes of a networkx graph, as ``choix.choicerank``.

    Nodes are 0, ..., N − 1. Works with networkx 3, too, where the host's own function does not.
    """
    import networkx

    adjacency = networkx.to_scipy_sparse_array(digraph, nodelist=np.arange(len(digraph)), weight=weight, dtype=float)
    backwards = adjacency.T.tocsr()
    arriving, leaving = np.asarray(traffic_in), np.asarray(traffic_out)

    def terms(weights):
        with np.errstate(invalid="ignore"):  # nodes without successors, which nobody leaves: 0 / 0 times nothing
            return backwards.dot(leaving / adjacency.dot(weights))

    return _iterate(arriving, terms, initial_params, alpha, max_iter, tol)
