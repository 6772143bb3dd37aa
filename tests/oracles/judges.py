"""Judges with discriminations: the likelihood vote by vote, its maximum by SciPy, errors by bordered information."""

import math

import numpy as np
from scipy.optimize import minimize


def difference(scores, gamma, bias, vote):
    """Return the logit of a vote (winner, loser, judge, h), h = 1 if the winner came first, -1 if the loser did."""
    winner, loser, judge, h = vote
    return gamma[judge] * (scores[winner] - scores[loser]) + bias[judge] * h


def log_likelihood(scores, gamma, bias, votes):
    return -math.fsum(math.log1p(math.exp(-difference(scores, gamma, bias, vote))) for vote in votes)


def split(u, items, judges, position):
    bias = u[items + judges :] if position else np.zeros(judges)
    return u[:items], u[items : items + judges], bias


def normalised(u, items, judges, votes):
    """Return unknowns with scores of mean zero, discriminations of mean square 1 over votes, most of them positive."""
    u = u.copy()
    count = np.bincount([vote[2] for vote in votes], minlength=judges)
    gamma = u[items : items + judges]
    size = math.sqrt(count @ gamma**2 / len(votes)) * (1 if count @ gamma > 0 else -1)
    u[:items] = (u[:items] - u[:items].mean()) * size
    u[items : items + judges] /= size
    return u


def maximum(votes, items, judges, position, l2=0.0, prior=0.0):
    """Return the unknowns of largest penalised likelihood, of several starts."""

    def negated(u):
        scores, gamma, bias = split(u, items, judges, position)
        near = ((gamma - 1) ** 2).sum() + (bias**2).sum()
        return -log_likelihood(scores, gamma, bias, votes) + 0.5 * (l2 * (scores**2).sum() + prior * near)

    rng, best = np.random.default_rng(0), None
    for _ in range(3):
        start = np.concatenate([rng.normal(size=items), np.ones(judges), np.zeros(judges * position)])
        found = minimize(negated, start, method="BFGS", options={"gtol": 1e-7})
        best = found if best is None or found.fun < best.fun else best
    return best.x


def covariance(u, votes, items, judges, position):
    """Return the inverse of the expected information under the two constraints, by Lagrange's multipliers."""
    scores, gamma, bias = split(u, items, judges, position)
    information = np.zeros((len(u), len(u)))
    for vote in votes:
        winner, loser, judge, h = vote
        slope = np.zeros(len(u))
        slope[winner], slope[loser] = gamma[judge], -gamma[judge]
        slope[items + judge] = scores[winner] - scores[loser]
        if position:
            slope[items + judges + judge] = h
        p = 1 / (1 + math.exp(-difference(scores, gamma, bias, vote)))
        information += p * (1 - p) * np.outer(slope, slope)
    count = np.bincount([vote[2] for vote in votes], minlength=judges)
    constraints = np.zeros((2, len(u)))
    constraints[0, :items] = 1.0
    constraints[1, items : items + judges] = count * gamma
    bordered = np.block([[information, constraints.T], [constraints, np.zeros((2, 2))]])
    return np.linalg.inv(bordered)[: len(u), : len(u)]


def alpha(rows, difference_of):
    """Return Krippendorff's alpha of rows of ratings, None where there is none, pair by pair."""
    units = [[value for value in row if value is not None] for row in rows]
    units = [row for row in units if len(row) > 1]
    everything = [value for row in units for value in row]
    n = len(everything)
    observed = sum(
        difference_of(row[a], row[b], everything) / (len(row) - 1)
        for row in units
        for a in range(len(row))
        for b in range(len(row))
        if a != b
    )
    expected = sum(
        difference_of(everything[a], everything[b], everything) for a in range(n) for b in range(n) if a != b
    ) / (n - 1)
    return 1 - observed / expected


def nominal(one, other, _):
    return float(one != other)


def interval(one, other, _):
    return (one - other) ** 2


def ordinal(one, other, everything):
    low, high = min(one, other), max(one, other)
    if low == high:
        return 0.0
    between = sum(low <= value <= high for value in everything)
    ends = (sum(value == low for value in everything) + sum(value == high for value in everything)) / 2
    return (between - ends) ** 2
