"""Luce spectral ranking (LSR), iterated (I-LSR), and Rank Centrality: the host's iterations, on counts.

LSR takes as weights the stationary distribution of the chain that moves from every alternative that was not chosen to
the one that was, at rate 1 / Σ weights of the alternatives. Maystre & Grossglauser, Fast and accurate inference of
Plackett-Luce models (2015); Negahban, Oh & Shah, Rank Centrality (2012).
"""

from functools import partial

import numpy as np

from alignment_fast.interop.choix._data import (
    Data,
    choices_of,
    count_matrix,
    pieces,
    rankings_of,
    remaining,
)
from alignment_fast.interop.choix._strict import edges_of, refuse_unbounded
from alignment_fast.interop.choix._transforms import exp_transform, iterated, log_transform, statdist_in_place

__all__ = [
    "ilsr_pairwise",
    "ilsr_pairwise_dense",
    "ilsr_rankings",
    "ilsr_top1",
    "lsr_pairwise",
    "lsr_pairwise_dense",
    "lsr_rankings",
    "lsr_top1",
    "rank_centrality",
]


def _stationary(rates):
    """Return the parameters of the chain with these rates between different items, which are overwritten."""
    rates.flat[:: len(rates) + 1] -= rates.sum(axis=1)
    return log_transform(statdist_in_place(rates))


def _weights(n_items, params):
    return np.ones(n_items) if params is None else exp_transform(params)


def _losses(wins):
    """Return how often i lost to j, from the matrix of wins, as a matrix of its own."""
    return np.array(wins.T, order="C").astype(np.float64, casting="same_kind", copy=False)


def _of_losses(losses, alpha, params):
    """Return a step of LSR from how often i lost to j."""
    weights = _weights(len(losses), params)
    rates = np.add.outer(weights, weights)
    np.divide(losses, rates, out=rates)
    rates += alpha
    return _stationary(rates)


# Moves whose places in the matrix are kept from one step to the next.
_KEPT = 1 << 24


class _Moves:
    """The moves from items that were left to the items that were chosen before them, of rankings or choices."""

    def __init__(self, n_items, rows):
        self.n_items = n_items
        self.rows = list(pieces(rows, lambda part: part.stages * part.items.shape[1]))
        few = sum(part.items.shape[0] * part.stages * part.items.shape[1] for part in self.rows) <= _KEPT
        self.kept = [self._placed(part) for part in self.rows] if few else None

    def _placed(self, part):
        """Return rows, the stage of each move of a row, and where the moves are in the matrix."""
        chosen, left = np.triu_indices(part.items.shape[1], 1)
        chosen, left = chosen[chosen < part.stages], left[chosen < part.stages]
        return part, chosen, part.items[:, left] * self.n_items + part.items[:, chosen]

    def rates(self, weights):
        """Return the rates of all moves, (n_items, n_items)."""
        total = np.zeros(self.n_items * self.n_items)
        for part, chosen, keys in map(self._placed, self.rows) if self.kept is None else self.kept:
            rate = (1.0 / remaining(weights, part))[:, chosen]
            total += np.bincount(keys.ravel(), weights=rate.ravel(), minlength=total.size)
        return total.reshape(self.n_items, self.n_items)

    def step(self, alpha, params):
        """Return a step of LSR."""
        return _stationary(alpha + self.rates(_weights(self.n_items, params)))


def _wins(n_items, data, alpha, strict):
    wins = count_matrix(n_items, data)
    _check(wins, alpha, strict)
    return wins


def _check(wins, alpha, strict):
    if strict and not alpha:
        refuse_unbounded(len(wins), *wins.nonzero())


def _moves(n_items, rows, alpha, strict):
    if strict and not alpha:
        refuse_unbounded(n_items, *edges_of(rows))
    return _Moves(n_items, rows)


def lsr_pairwise(
    n_items: int, data: Data, alpha: float = 0.0, initial_params: Data = None, strict: bool = False
) -> np.ndarray:
    """Return the LSR estimate from pairs (winner, loser); arguments and result are those of ``choix.lsr_pairwise``."""
    return lsr_pairwise_dense(_wins(n_items, data, alpha, strict), alpha, initial_params)


def ilsr_pairwise(
    n_items: int,
    data: Data,
    alpha: float = 0.0,
    initial_params: Data = None,
    max_iter: int = 100,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the estimate of iterated LSR from pairs, as ``choix.ilsr_pairwise``."""
    return ilsr_pairwise_dense(_wins(n_items, data, alpha, strict), alpha, initial_params, max_iter, tol)


def lsr_pairwise_dense(
    comp_mat: np.ndarray, alpha: float = 0.0, initial_params: Data = None, strict: bool = False
) -> np.ndarray:
    """Return the LSR estimate from the matrix of wins of i over j, as ``choix.lsr_pairwise_dense``."""
    wins = np.asarray(comp_mat)
    _check(wins, alpha, strict)
    return _of_losses(_losses(wins), alpha, initial_params)


def ilsr_pairwise_dense(
    comp_mat: np.ndarray,
    alpha: float = 0.0,
    initial_params: Data = None,
    max_iter: int = 100,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the estimate of iterated LSR from the matrix of wins, as ``choix.ilsr_pairwise_dense``."""
    wins = np.asarray(comp_mat)
    _check(wins, alpha, strict)
    return iterated(partial(_of_losses, _losses(wins), alpha), initial_params, max_iter, tol)


def rank_centrality(n_items: int, data: Data, alpha: float = 0.0, strict: bool = False) -> np.ndarray:
    """Return the Rank Centrality estimate from pairs, as ``choix.rank_centrality``."""
    return rank_centrality_dense(_wins(n_items, data, alpha, strict), alpha)


def rank_centrality_dense(comp_mat: np.ndarray, alpha: float = 0.0) -> np.ndarray:
    """Return the Rank Centrality estimate from the matrix of wins of i over j."""
    moves = _losses(comp_mat)
    moves += alpha
    both = moves + moves.T
    if not alpha:
        np.maximum(both, 1.0, out=both)  # counts of pairs; of those that never met there are no moves
    np.divide(moves, both, out=moves, where=alpha >= 0 or moves > 0)
    return _stationary(moves)


def lsr_rankings(
    n_items: int, data: Data, alpha: float = 0.0, initial_params: Data = None, strict: bool = False
) -> np.ndarray:
    """Return the LSR estimate from rankings, as ``choix.lsr_rankings``."""
    return _moves(n_items, rankings_of(n_items, data), alpha, strict).step(alpha, initial_params)


def ilsr_rankings(
    n_items: int,
    data: Data,
    alpha: float = 0.0,
    initial_params: Data = None,
    max_iter: int = 100,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the estimate of iterated LSR from rankings, as ``choix.ilsr_rankings``."""
    moves = _moves(n_items, rankings_of(n_items, data), alpha, strict)
    return iterated(partial(moves.step, alpha), initial_params, max_iter, tol)


def lsr_top1(
    n_items: int, data: Data, alpha: float = 0.0, initial_params: Data = None, strict: bool = False
) -> np.ndarray:
    """Return the LSR estimate from choices (winner, losers), as ``choix.lsr_top1``."""
    return _moves(n_items, choices_of(n_items, data), alpha, strict).step(alpha, initial_params)


def ilsr_top1(
    n_items: int,
    data: Data,
    alpha: float = 0.0,
    initial_params: Data = None,
    max_iter: int = 100,
    tol: float = 1e-8,
    strict: bool = False,
) -> np.ndarray:
    """Return the estimate of iterated LSR from choices, as ``choix.ilsr_top1``."""
    moves = _moves(n_items, choices_of(n_items, data), alpha, strict)
    return iterated(partial(moves.step, alpha), initial_params, max_iter, tol)
