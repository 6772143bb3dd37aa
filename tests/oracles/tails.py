"""Tail estimates from their definitions, slow and obvious."""

import math


def hill(scores, top):
    """Return the mean logarithm of the `top` highest scores over the next one below."""
    ascending = sorted(scores)
    threshold = ascending[-top - 1]
    return math.fsum(math.log(x / threshold) for x in ascending[-top:]) / top


def best_of_n_of_pareto(index, n):
    """Return E[max of n] of the law P(X > x) = x^(-1/index), x >= 1: Γ(1 − index) Γ(n + 1) / Γ(n + 1 − index)."""
    return math.exp(math.lgamma(1 - index) + math.lgamma(n + 1) - math.lgamma(n + 1 - index))


def best_of_n_of_generalised_pareto(index, n):
    """Return the same of P(X > x) = (1 + index x)^(-1/index), x >= 0."""
    if index == 0:
        return math.fsum(1 / i for i in range(1, n + 1))
    return (best_of_n_of_pareto(index, n) - 1) / index


def largest_likelihood(excess):
    """Return index and scale of the generalised Pareto law of largest likelihood, by the simplex method."""
    from scipy.optimize import minimize
    from scipy.stats import genpareto

    found = minimize(
        lambda x: -genpareto(x[0], scale=math.exp(x[1])).logpdf(excess).sum() if -0.5 < x[0] < 5 else 1e9,
        [0.1, math.log(sum(excess) / len(excess))],
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 5000},
    )
    return found.x[0], math.exp(found.x[1])
