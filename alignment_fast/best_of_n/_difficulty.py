r"""Likelihood of the difficulty of problems: beta-distributed chances of success, some of them zero.

A share z of problems is never solved; the chance p of the others is Beta(α, β), so that c of m samples are right with

.. math:: P(c) = z [c = 0] + (1 - z) \binom{m}{c} \frac{B(\alpha + c, \beta + m - c)}{B(\alpha, \beta)} .

With :math:`\theta = (\log\alpha, \log\beta)`, :math:`l = \log z/(1-z)`, b the logarithm of the beta-binomial factor
without the coefficient, and :math:`s = e^l / (e^l + e^{b_0})` the chance that a problem without a right sample is one
of the share, the logarithm is :math:`b - \log(1 + e^l)` for c > 0 and :math:`\log(e^l + e^{b}) - \log(1 + e^l)` for c =
0:

.. math:: \partial_\theta: (1-s)\, b', \quad \partial_l: s - z, \quad
          \partial_\theta^2: (1-s)\, b'' + s(1-s)\, b' b'^T, \quad \partial_l^2: s(1-s) - z(1-z), \quad
          \partial_\theta \partial_l: -s(1-s)\, b'

(s = 0 for c > 0). Sums over rising factorials are differences of (di-, tri-)gamma functions or, of few samples in many
cells, sums over the factors, each counted once for all cells. Problems of the same m and c are one term, so a fit costs
as much for a million problems as for all pairs (m, c) there are.
"""

from typing import NamedTuple

import numpy as np

from alignment_fast._operations import operations
from alignment_fast._scipy import special

# Newton's method from the moments takes about ten steps; what takes more has its maximum at infinity.
STEPS = 100
# Changes of log-parameters below this end it.
SETTLED = 1e-10
# Log-parameters, or their mean where they grow together, beyond this are taken for infinite.
INFINITE = 14.0
# A logit of the share of problems that are never solved below this is that of none.
NO_SHARE = -14.0


class Maximum(NamedTuple):
    """Log-parameters (log α, log β[, logit z]) of the largest likelihood, its value, and their covariance."""

    parameters: np.ndarray
    log_likelihood: float
    covariance: np.ndarray


def cells(total, correct):
    """Return m, c and the number of problems of every pair there is, floats (3, pairs)."""
    width = int(total.max()) + 1
    if width * width <= 1 << 22:
        number = np.bincount(total * width + correct)
        at = np.flatnonzero(number)
        return np.array([at // width, at % width, number[at]], dtype=np.float64)
    pairs, number = np.unique(np.stack([total, correct]), axis=1, return_counts=True)
    return np.array([*pairs, number], dtype=np.float64)


def log_beta_factor(a, b, m, c):
    """Return log B(a + c, b + m - c) / B(a, b)."""
    return special.betaln(a + c, b + m - c) - special.betaln(a, b)


def likelihood(parameters, data, logit=None):
    """Return the log-likelihood of the cells less that of their coefficients, its gradient and Hessian.

    `parameters` are log α, log β and maybe the logit of z, which may also be given for itself; without, z is 0.
    """
    size = len(parameters)
    slope, curvature = np.empty(size), np.empty((size, size))
    value = operations("best_of_n").difficulty_likelihood(_all_of(parameters, logit), size, data, slope, curvature)
    return value, slope, curvature


def _all_of(parameters, logit):
    """Return the parameters, the logit among them where it is given for itself."""
    return parameters if logit is None else np.array([*parameters[:2], logit])


def log_missed(parameters, k, logit=None):
    """Return the logarithm of the chance that k samples all fail, its gradient and Hessian: that of c = 0, m = k."""
    return likelihood(parameters, np.array([[float(k)], [0.0], [1.0]]), logit)


def maximise(start, data, logit=None):
    """Return the `Maximum` of the likelihood from `start`, or None where it has none at finite parameters."""
    x = np.array(start)
    value, slope, curvature = likelihood(x, data, logit)
    for _ in range(STEPS):
        step = _ascent(slope, curvature)
        size = 1.0
        for _ in range(40):
            new = likelihood(x + size * step, data, logit)
            if new[0] >= value - 1e-12 * abs(value):
                break
            size /= 2
        x, (value, slope, curvature) = x + size * step, new
        if np.abs(x[:2]).max() > INFINITE or (len(x) == 3 and x[2] < NO_SHARE):
            return None
        if np.abs(size * step).max() < SETTLED:
            break
    eigenvalues = np.linalg.eigvalsh(-curvature)
    if eigenvalues[0] <= 1e-9 * eigenvalues[-1]:
        return None
    return Maximum(x, float(value), np.linalg.inv(-curvature))


def _ascent(slope, curvature):
    """Return Newton's step, in the directions that are not concave along the gradient, of length 2 at most."""
    values, vectors = np.linalg.eigh(curvature)
    along = vectors.T @ slope
    step = vectors @ (along / np.maximum(np.abs(values), 1e-9 * np.abs(values).max() + 1e-300))
    return step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))


def moments(data):
    """Return log-parameters of a beta distribution of the mean and about the spread of the shares of right samples."""
    m, c, number = data
    share = (c + 0.5) / (m + 1)
    mean = number @ share / number.sum()
    spread = number @ (share - mean) ** 2 / number.sum()
    typical = number @ m / number.sum()
    spread = max(spread - mean * (1 - mean) / typical, 0.02 * mean * (1 - mean))
    strength = max(mean * (1 - mean) / spread - 1, 0.05)
    return np.log([mean * strength, (1 - mean) * strength])


def extreme(start, least, k, sign, data, logit=None):
    """Return the largest (`sign` 1) or least (-1) log-chance that k samples all fail where the likelihood is `least`.

    `start` are parameters near it; None where Newton's method, on the gradient of the Lagrangian, does not get there.
    """
    found = operations("best_of_n").difficulty_extreme(_all_of(start, logit), len(start), data, least, float(k), sign)
    return None if np.isnan(found) else found


def fits(data, parameters):
    """Return the p-value of the counts under the fit, by Pearson's statistic; NaN where there are too few of them.

    Counts of the same m are merged from c = 0 upwards until five problems are expected in each cell.
    """
    m, c, number = data
    statistic, freedom = 0.0, -len(parameters)
    for size in np.unique(m):
        here = m == size
        problems = number[here].sum()
        observed = np.zeros(int(size) + 1)
        observed[c[here].astype(int)] = number[here]
        every = np.arange(size + 1)
        a, b = np.exp(parameters[:2])
        chance = np.exp(
            log_beta_factor(a, b, size, every)
            + special.gammaln(size + 1)
            - special.gammaln(every + 1)
            - special.gammaln(size - every + 1)
        )
        if len(parameters) == 3:
            z = 1 / (1 + np.exp(-parameters[2]))
            chance = (1 - z) * chance + z * (every == 0)
        expected, seen, wanted, found = [], [], 0.0, 0.0
        for e, o in zip(problems * chance, observed, strict=True):
            wanted, found = wanted + e, found + o
            if wanted >= 5:
                expected.append(wanted)
                seen.append(found)
                wanted = found = 0.0
        if expected:
            expected[-1] += wanted
            seen[-1] += found
            statistic += sum((o - e) ** 2 / e for o, e in zip(seen, expected, strict=True))
            freedom += len(expected) - 1
    return float(special.chdtrc(freedom, statistic)) if freedom > 0 else float("nan")
