"""Rankings with ties: the probability of every set that could be chosen, one by one, and SciPy's maximum."""

import itertools
import math
from collections import Counter

import numpy as np
from scipy.optimize import minimize


def chances(left, theta, delta):
    """Return {set: probability} of choices from `left`; delta is {size: parameter}, of size 1 it is 1."""
    weight = {}
    for size, parameter in {1: 1.0, **delta}.items():
        for chosen in itertools.combinations(sorted(left), size):
            weight[chosen] = parameter * math.prod(math.exp(theta[item]) for item in chosen) ** (1 / size)
    total = math.fsum(weight.values())
    return {chosen: value / total for chosen, value in weight.items()}


def log_likelihood(rankings, theta, delta, weights=None):
    """Return the log-likelihood of rankings, lists of tuples of tied items."""
    total = []
    for number, ranking in enumerate(rankings):
        left = [item for place in ranking for item in place]
        for place in ranking:
            if len(left) > 1:
                found = math.log(chances(left, theta, delta)[tuple(sorted(place))])
                total.append(found * (1.0 if weights is None else weights[number]))
            left = [item for item in left if item not in place]
    return math.fsum(total)


def maximum(rankings, items, sizes, *, weights=None, features=None, l2=0.0, gamma=0.0):
    """Return (scores, {size: parameter}, coefficients) of largest penalised likelihood."""
    width = items if features is None else features.shape[1]

    def parts(u):
        free = u[:width]
        theta = free if features is None else features @ free
        return theta, dict(zip(sizes, np.exp(u[width:]).tolist(), strict=True)), free

    def negated(u):
        theta, delta, free = parts(u)
        prior = -0.5 * l2 * (free**2).sum() + gamma * (free - np.exp(free)).sum()
        return -log_likelihood(rankings, theta.tolist(), delta, weights) - prior

    return parts(minimize(negated, np.zeros(width + len(sizes)), method="BFGS", options={"gtol": 1e-8}).x)


def maximum_with_adherence(rankings, who, items, rankers, prior):
    """Return (scores of mean zero, tie parameter of two, adherences) of largest penalised likelihood.

    Without a prior the mean of the squares of adherences over choices is 1.
    """
    rows = Counter(zip(map(tuple, rankings), who, strict=True))
    choices = np.bincount(who, [sum(1 for _ in row) - (len(row[-1]) == 1) for row in rankings], rankers)

    def negated(u):
        theta, delta, eta = u[:items], {2: math.exp(u[items])}, u[items + 1 :]
        value = sum(
            times * log_likelihood([row], (eta[one] * theta).tolist(), delta) for (row, one), times in rows.items()
        )
        return 0.5 * prior * ((eta - 1) ** 2).sum() - value

    start = np.concatenate([np.linspace(0.5, -0.5, items), [0.0], np.ones(rankers)])
    u = minimize(negated, start, method="BFGS", options={"gtol": 1e-6}).x
    scores, eta = u[:items] - u[:items].mean(), u[items + 1 :]
    size = 1.0 if prior > 0 else math.sqrt(choices @ eta**2 / choices.sum())
    return scores * size, math.exp(u[items]), eta / size
