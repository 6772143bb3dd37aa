"""Luce spectral ranking and minorisation-maximisation as loops over the data, written from their formulas."""

import numpy as np


def shifted(params):
    params = np.asarray(params, dtype=float)
    return params - params.mean()


def weights_of(n, params):
    weights = np.exp(shifted(np.zeros(n) if params is None else params))
    return weights * n / weights.sum()


def choices(data, kind):
    """Return (item chosen, items left) of pairs, rankings or choices."""
    if kind == "pairwise":
        return [(winner, [winner, loser]) for winner, loser in data]
    if kind == "top1":
        return [(winner, [winner, *losers]) for winner, losers in data]
    return [(ranking[i], list(ranking[i:])) for ranking in data for i in range(len(ranking) - 1)]


def stationary(rates):
    """Return the stationary distribution of a chain with one absorbing class, scaled to mean 1."""
    n = len(rates)
    generator = rates - np.diag(rates.sum(axis=1))
    system = np.vstack([generator.T, np.ones(n)])
    return np.linalg.lstsq(system, np.append(np.zeros(n), float(n)), rcond=None)[0]


def lsr(n, data, kind, alpha=0.0, params=None):
    weights, rates = weights_of(n, params), np.full((n, n), float(alpha))
    for chosen, left in choices(data, kind):
        for item in left:
            if item != chosen:
                rates[item, chosen] += 1 / sum(weights[one] for one in left)
    return shifted(np.log(stationary(rates)))


def mm(n, data, kind, alpha=0.0, params=None):
    weights, wins, terms = weights_of(n, params), np.zeros(n), np.zeros(n)
    for chosen, left in choices(data, kind):
        wins[chosen] += 1
        for item in left:
            terms[item] += 1 / sum(weights[one] for one in left)
    return shifted(np.log((wins + alpha) / (terms + alpha)))


def rank_centrality(n, data, alpha=0.0):
    moves = np.full((n, n), float(alpha))
    for winner, loser in data:
        moves[loser, winner] += 1
    rates = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j and moves[i, j] > 0:
                rates[i, j] = moves[i, j] / (moves[i, j] + moves[j, i])
    return shifted(np.log(stationary(rates)))


def log_likelihood(data, kind, params):
    total = 0.0
    for chosen, left in choices(data, kind):
        total -= np.log(np.sum(np.exp(np.array([params[item] for item in left]) - params[chosen])))
    return total
