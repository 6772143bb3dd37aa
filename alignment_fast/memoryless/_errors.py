r"""What is not known of the law of a sum, and what that does to best-of-n: bounds, and what is needed for them.

Let the tail Q(s) = P(S >= s) lie between two numbers at every point s_1 < s_2 < ... The chance that the best of n sums
reaches s is G = 1 - (1 - Q)^n, increasing in Q, and therefore off by at most δ(s) = G(Q_high) - G(Q_low). With that,

    E h(best) = h(s_1) + Σ (h(s_i) - h(s_{i-1})) G(s_i)      is off by at most  Σ |h(s_i) - h(s_{i-1})| δ(s_i).

The divergence D = Σ π log(π/P) changes with the boundary F = 1 - Q between two sums of ratios ρ = π/P by

    ∂D/∂F = g (x - 1 - log x) - g (y - 1 - log y),    g = n F^{n-1},  x = ρ_above/g >= 1 >= y = ρ_below/g,

and g dF is what G changes by: where tails are known to `SMALL`, and -n log(1 - Q) to 1, D is off by at most
Σ δ(s) max(x - 1 - log x, y - 1 - log y) to first order, which is doubled for the rest. Elsewhere it is off by at most
ρ_above (Q_high - Q_low) + δ log(ρ_above/ρ_below), without first orders. In any case 0 <= D <= log n - 1 + 1/n.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

# Unit of rounding.
UNIT = np.finfo(np.float64).eps / 2
# Logarithms of tails must be known to this for the first order to be good to a factor of 2.
SMALL = 1e-2
# Of tails Q whose logarithm is below this, -log(1 - Q) is Q in double precision.
FAR_TAIL = -36


class Tails(NamedTuple):
    """Tails of a sum, between bounds.

    Parameters
    ----------
    support : array (S,)
        Points, ascending. The first one is the least sum that there is: its tail is 1.
    low, high : array (S,)
        Logarithms of bounds of P(sum >= point).

    """

    support: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Summary(NamedTuple):
    """Best-of-n over sums, without what depends on the aligned policy.

    Parameters
    ----------
    expected_reward, reward_variance, kl : float
        As in `BestOfNLaw`.
    marginal : array (J,)
        Token marginal of the distinct rewards.
    errors : Errors
        Their errors.

    """

    expected_reward: float
    reward_variance: float
    kl: float
    marginal: np.ndarray
    errors: "Errors"


class Errors(NamedTuple):
    """Absolute errors of best-of-n: of the figures that the law of the sum decides.

    Parameters
    ----------
    expected_reward, reward_variance, kl : float
        Of what `Summary` calls so.
    marginal : float
        Of any entry of the token marginal.
    bound : bool
        Whether they are bounds; if not, they are estimates.

    """

    expected_reward: float
    reward_variance: float
    kl: float
    marginal: float
    bound: bool


def relative_tails(support, log_pmf, error):
    """Return the `Tails` of probabilities with relative `error` (S,) of all of them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_errors = log_pmf + np.log(error)
        log_tail, off = (np.logaddexp.accumulate(each[::-1])[::-1] for each in (log_pmf, log_errors))
        uncertainty = np.exp(off - log_tail)
        below = np.concatenate([[-np.inf], np.logaddexp.accumulate(np.logaddexp(log_pmf, log_errors))[:-1]])
        certain = np.log1p(-np.exp(np.minimum(below + uncertainty[0], 0.0)))
    low, high = (
        log_tail - uncertainty - uncertainty[0],
        log_tail + uncertainty + uncertainty[0],
    )  # a share of the whole, which is not known better
    return Tails(support, np.maximum(low, certain), np.minimum(high, 0.0))


def most_divergence(log_n):
    """Return log n - 1 + 1/n: the divergence of best-of-n without ties, and the largest that there is."""
    return log_n + math.expm1(-log_n)


def log_rate(log_tail, log_n):
    """Return log(-n log(1 - Q)) for the logarithms of tails Q: none of n reaches with chance exp(-exp(that))."""
    log_tail = np.minimum(log_tail, 0.0)
    with np.errstate(divide="ignore"):
        return log_n + np.where(log_tail < FAR_TAIL, log_tail, np.log(-np.log1p(-np.exp(log_tail))))


def exceedances(low, high):
    """Return δ (S,), by how much the chance that best-of-n reaches each point may be off, from bounds of log-rates."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        between = np.exp(high) * -np.expm1(np.minimum(low - high, 0.0))
        delta = np.exp(-np.exp(low)) * -np.expm1(-between)
    delta[np.isnan(delta)] = 0.0
    return delta


def moments(tails, delta, mean):
    """Return bounds of the errors of mean and variance, `mean` being the one that is taken for it."""
    steps = tails.support[1:] - tails.support[:-1]
    off = float(steps @ delta[1:])
    with np.errstate(over="ignore", invalid="ignore"):  # rewards of 1e154 have an infinite variance
        squares = steps * np.abs(tails.support[1:] + tails.support[:-1] - 2 * mean)
        off_variance = float(squares @ delta[1:]) + off * off
    return off, off_variance if off_variance >= 0 else math.inf


def divergence(tails, rates, delta, log_ratio, log_n, kl):
    """Return a bound of the error of `kl`, from bounds of the logarithms of `rates`.

    `log_ratio` (S,) is log(π/P) at the points that are atoms, NaN at others.
    """
    missing, delta, low, high = np.isnan(log_ratio), delta[1:], tails.low[1:], tails.high[1:]
    below = np.maximum.accumulate(np.where(missing, -np.inf, log_ratio))[:-1]  # ratios ascend
    above = np.minimum.accumulate(np.where(missing, np.inf, log_ratio)[::-1])[::-1][1:]
    above = np.minimum(above, log_n)
    with np.errstate(all="ignore"):
        rate, most_rate = (np.exp(log_rates[1:]) for log_rates in rates)
        log_g = log_n - rate * -math.expm1(-log_n)
        x, y = np.maximum(above - log_g, 0.0), np.maximum(log_g - below, 0.0)
        close = (high - low <= SMALL) & (most_rate - rate <= 1)
        first = np.where(close, 2 * delta * np.maximum(np.expm1(x) - x, np.expm1(-y) + y), np.inf)
        logs = np.fmin(above - below, log_n + 2 - np.log(delta))
        by_difference = np.exp(above + high) * -np.expm1(low - high) + np.where(delta > 0, delta * logs, 0.0)
        off = float(np.fmin(first, np.where(high > -np.inf, by_difference, 0.0)).sum())
    return min(off, max(kl, most_divergence(log_n) - kl))


def single_share(letters, m, theta):
    """Return about what part of a tail a single sum is.

    That is the most probable type under the tilt, in units of the density, or what ties on a lattice make of it.

    It is next to nothing where letters are many and m is large. Where it is not, the law of the sum is no density, and
    methods that take it for one cannot be trusted. inf at an infinite tilt.
    """
    if not math.isfinite(theta):
        return math.inf
    reward, span = letters.reward, letters.keys.span or 0.0
    exponent = np.log(letters.p) + theta * reward
    weight = np.exp(exponent - exponent.max())
    weight /= weight.sum()
    deviation = math.sqrt(m * float(weight @ (reward - weight @ reward) ** 2))
    counts = m * weight
    log_type = special.gammaln(m + 1) - special.gammaln(counts + 1).sum() + special.xlogy(counts, weight).sum()
    of_type = max(theta * deviation, 1.0) * math.sqrt(2 * math.pi) * math.exp(min(log_type, 0.0))
    return max(of_type, theta * span)


def figure_errors(tails, log_ratio, log_n, figures, size):
    """Return `Errors`, bounds, of the `figures` mean, variance and kl over sums of which `tails` are known.

    `size` is the largest that a sum can be: its rounding, and that of best-of-n from the law, come to the rest.
    """
    mean, variance, kl = figures
    rates = log_rate(tails.low, log_n), log_rate(tails.high, log_n)
    delta = exceedances(*rates)
    off_mean, off_variance = moments(tails, delta, mean)
    off_kl = divergence(tails, rates, delta, log_ratio, log_n, kl)
    rounded = 16 * UNIT * (1 + log_n)
    variance, place = float(variance), float(8 * UNIT * size)
    deviation = math.sqrt(max(variance, 0.0))
    of_mean = off_mean + rounded * deviation + place
    of_variance = off_variance + 2 * rounded * variance + 2 * place * deviation + place * place
    of_tokens = min(1.0, float(delta[1:].sum()) + rounded)
    return Errors(float(of_mean), float(of_variance), float(off_kl + rounded * kl), of_tokens, True)
