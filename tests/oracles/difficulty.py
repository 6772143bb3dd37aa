"""The distribution of difficulty: likelihoods by SciPy's beta-binomial law, maxima by general optimisers."""

import mpmath
import numpy as np
from scipy.integrate import quad
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import beta as beta_law
from scipy.stats import betabinom, chi2


def log_likelihood(a, b, z, total, correct):
    """Return the log-likelihood, problem by problem, coefficients and all."""
    chance = (1 - z) * betabinom(total, a, b).pmf(correct) + z * (np.asarray(correct) == 0)
    return float(np.log(chance).sum())


def log_beta_factor(a, b, m, c):
    """Return log B(a + c, b + m - c) / B(a, b) and its derivatives by log a and log b, in 40 digits."""
    with mpmath.workdps(40):
        a, b = mpmath.mpf(a), mpmath.mpf(b)

        def value(x, y):
            return mpmath.log(mpmath.beta(x + c, y + m - c) / mpmath.beta(x, y))

        def slope(one, new):
            return one * (mpmath.psi(0, new) - mpmath.psi(0, one) - mpmath.psi(0, a + b + m) + mpmath.psi(0, a + b))

        return float(value(a, b)), float(slope(a, a + c)), float(slope(b, b + m - c))


def unpack(x):
    return np.exp(x[0]), np.exp(x[1]), (1 / (1 + np.exp(-x[2])) if len(x) == 3 else 0.0)


def maximum(total, correct, start):
    """Return (a, b, z) by the simplex method, from `start` (log a, log b[, logit z])."""
    found = minimize(
        lambda x: -log_likelihood(*unpack(x), total, correct),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000},
    )
    return unpack(found.x)


def pass_at_k(a, b, z, k):
    """Return pass@k of the population by integration over the chance of success."""
    return (1 - z) * quad(lambda p: (1 - (1 - p) ** k) * beta_law(a, b).pdf(p), 0, 1, limit=400, points=(1e-3, 0.05))[0]


def closed_pass_at_k(a, b, k):
    """Return the same without a share never solved, as a product."""
    return 1 - np.prod([(b + i) / (a + b + i) for i in range(k)])


def interval(total, correct, k, level, best):
    """Return the least and largest pass@k of (a, b) whose likelihood ratio is not rejected, by going through all b."""
    least = log_likelihood(*best, 0.0, total, correct) - chi2.ppf(level, 1) / 2
    ends = []
    for log_b in np.log(best[1]) + np.linspace(-2.5, 2.5, 61):

        def short(log_a, log_b=log_b):
            return log_likelihood(np.exp(log_a), np.exp(log_b), 0.0, total, correct) - least

        top = minimize_scalar(lambda x: -short(x), bounds=(np.log(best[0]) - 4, np.log(best[0]) + 4), method="bounded")
        if -top.fun < 0:
            continue
        for side in (-1, 1):
            inside, outside = top.x, top.x + 6 * side
            for _ in range(60):
                middle = (inside + outside) / 2
                inside, outside = (middle, outside) if short(middle) > 0 else (inside, middle)
            ends.append(closed_pass_at_k(np.exp(inside), np.exp(log_b), k))
    return min(ends), max(ends)
