"""Tail estimates from their definitions, slow and obvious."""

import math

import mpmath


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


def pareto(excess):
    """Return index >= -1/2 and scale of the generalised Pareto law of largest likelihood.

    With θ = index/scale, at most 30 over the mean, the best index is the mean of log(1 + θ x): the best of many θ, and
    halving the interval around it where the slope of the likelihood changes its sign.
    """
    mean = math.fsum(excess) / len(excess)
    x = [one / mean for one in excess]

    def index(theta):
        return math.fsum(math.log1p(theta * one) for one in x) / len(x)

    def value(theta):
        return math.log(theta / index(theta)) - index(theta) if index(theta) > -0.5 else -math.inf

    def rises(theta):
        q = math.fsum(one / (1 + theta * one) for one in x) / len(x)
        left = math.fsum(math.log1p(theta * one) - theta * one / (1 + theta * one) for one in x) / len(x)
        return index(theta) <= -0.5 or left / (index(theta) * theta) > q

    points = [-(1 - i / 40) / max(x) for i in range(1, 40)] + [30 / 1.3**i for i in reversed(range(32))]
    best = max(range(len(points)), key=lambda i: value(points[i]))
    low, high = points[max(best - 1, 0)], points[min(best + 1, len(points) - 1)]
    for _ in range(60):
        theta = (low + high) / 2
        low, high = (theta, high) if rises(theta) else (low, theta)
    return index(theta), index(theta) / theta * mean


def extrapolated(scores, top, n, excess_of):
    """Return the expected best of n: ranks below the `top` highest scores as they are, above the threshold u the law.

    ``excess_of(power)`` is what the law says of a score, from the expectation of (tail probability / share)^power.
    """
    ascending = sorted(scores)
    size, share = len(scores), mpmath.mpf(top + 0.5) / (len(scores) + 0.5)
    with mpmath.workdps(20):

        def power(a):
            integral = mpmath.quad(lambda t: t ** (-a) * (1 - t) ** (n - 1), [0, share / n, 8 * share / n, share])
            return share**a * n * integral

        ranks = ((mpmath.mpf(i + 1) / size) ** n - (mpmath.mpf(i) / size) ** n for i in range(size - top))
        known = mpmath.fsum(weight * x for weight, x in zip(ranks, ascending, strict=False))
        return float(known + excess_of(power, ascending[-top - 1]))


def extrapolated_by_power_law(scores, top, n):
    """Return it by Hill's index."""
    index = hill(scores, top)
    return extrapolated(scores, top, n, lambda power, u: u * power(index))


def extrapolated_by_generalised_pareto(scores, top, n):
    """Return it by the law of largest likelihood less its bias (Giles, Feng & Godwin 2016)."""
    ascending = sorted(scores)
    xi, sigma = pareto([x - ascending[-top - 1] for x in ascending[-top:]])
    x = max(xi, -0.2)
    sigma *= max(1 - (3 + 5 * x + 4 * x**2) / (1 + 3 * x) / top, 0.1)
    xi += (1 + x) * (3 + x) / (1 + 3 * x) / top
    return extrapolated(scores, top, n, lambda power, u: u * power(0) + sigma / mpmath.mpf(xi) * (power(xi) - power(0)))
