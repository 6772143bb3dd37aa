r"""Closed forms for best-of-n under a continuous reward, where no two outcomes tie.

There the quantile U of the selected reward has density :math:`n u^{n-1}` on (0, 1) whatever the reference is, so every
divergence depends on n alone. By data processing each is an upper bound of its value under any discrete reference
(and of negative orders of the Rényi divergence, a lower one). Every function takes `n` or `log_n` (exactly one), scalar
or array; results are float64 of the same shape, with a relative error below 1e-14 given the argument, as n -> 1 too.

References
----------
Mroueh, "Information theoretic guarantees for policy alignment in large language models", arXiv:2406.05883.
Beirami et al., "Theoretical guarantees on the best-of-n alignment policy", arXiv:2401.01879.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.best_of_n._count import draws_grid, renyi_order

__all__ = ["GaussianReward", "chi2", "gaussian_reward", "hellinger2", "kl", "renyi", "reverse_kl", "tv", "win_rate"]


def _evaluate(kind, n, log_n, order=0.0):
    ops = operations("best_of_n")
    found = ops.short_continuous(ops.VALUES[kind], n, log_n, order)
    if found is not None:
        return found
    grid, is_log = draws_grid(n, log_n, ())
    out = ops.continuous_values(ops.VALUES[kind], grid.values.reshape(-1), is_log, order)
    return out.reshape(grid.shape) if grid.shape else float(out[0])


def kl(n: Any = None, *, log_n: Any = None) -> Any:
    """Return D(π ‖ p) = log n − (n − 1)/n.

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> round(continuous.kl(10), 6)
    1.402585

    """
    return _evaluate("kl", n, log_n)


def reverse_kl(n: Any = None, *, log_n: Any = None) -> Any:
    """Return D(p ‖ π) = n − 1 − log n.

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> round(continuous.reverse_kl(10), 6)
    6.697415

    """
    return _evaluate("reverse_kl", n, log_n)


def chi2(n: Any = None, *, log_n: Any = None) -> Any:
    """Return ∫ π²/p − 1 = (n − 1)² / (2n − 1).

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> continuous.chi2([1, 2, 5]).round(6)
    array([0.      , 0.333333, 1.777778])

    """
    return _evaluate("chi2", n, log_n)


def tv(n: Any = None, *, log_n: Any = None) -> Any:
    """Return the total variation distance n^(−1/(n−1)) − n^(−n/(n−1)).

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> continuous.tv(2)
    0.25

    """
    return _evaluate("tv", n, log_n)


def hellinger2(n: Any = None, *, log_n: Any = None) -> Any:
    """Return the squared Hellinger distance 1 − ∫ √(π p) = 1 − 2√n / (n + 1).

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> round(continuous.hellinger2(4), 6)
    0.2

    """
    return _evaluate("hellinger2", n, log_n)


def renyi(n: Any = None, *, order: float, log_n: Any = None) -> Any:
    """Return the Rényi divergence D_a(π ‖ p) = log(n^a / (a(n − 1) + 1)) / (a − 1) of order a.

    Any real order: 1 is `kl`, inf is log n, and from a = −1/(n − 1) down it is −inf.

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> round(continuous.renyi(10, order=2), 6), round(continuous.renyi(10, order=1), 6)
    (1.660731, 1.402585)

    """
    return _evaluate("renyi", n, log_n, renyi_order(order))


def win_rate(n: Any = None, *, log_n: Any = None) -> Any:
    """Return the probability n / (n + 1) that best-of-n beats one draw of the reference.

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> continuous.win_rate(4)
    0.8

    """
    return _evaluate("win_rate", n, log_n)


class GaussianReward(NamedTuple):
    """Mean and variance of the best of n standard normal rewards.

    Parameters
    ----------
    mean, variance : float or array
        In the shape of n.

    """

    mean: Any
    variance: Any


def gaussian_reward(n: Any = None, *, log_n: Any = None) -> GaussianReward:
    r"""Return mean and variance of the largest of n independent standard normals, at any n.

    With x = Φ⁻¹(1 − τ) and n · (−log(1 − τ)) = e^v, the variable v has the Gumbel density e^{v − e^v} whatever n is:

    .. math:: E\max = \int x(v)\, e^{v - e^v}\, dv .

    The integrand is analytic and decays exponentially on one side, doubly exponentially on the other, so the
    trapezoidal rule over 256 nodes is exact to rounding; τ is kept as a logarithm.

    Parameters
    ----------
    n, log_n : float or array
        Number of draws, real and at least 1, or its logarithm; exactly one of both.

    Returns
    -------
    GaussianReward
        ``(mean, variance)``.

    Raises
    ------
    ValueError
        If n < 1, or both or neither of `n` and `log_n` are given.

    Notes
    -----
    Accuracy: 1e-14 relative for n >= 2. Cost: 256 quantiles per n, by SciPy's ``ndtri_exp`` above log n = 650.

    Examples
    --------
    >>> from alignment_fast.best_of_n import continuous
    >>> mean, variance = continuous.gaussian_reward(2)
    >>> round(mean, 12), round(variance, 12)  # 1/sqrt(pi), 1 - 1/pi
    (0.564189583548, 0.681690113816)
    >>> round(continuous.gaussian_reward(log_n=1000.0).mean, 9)
    44.62866763

    """
    ops = operations("best_of_n")
    found = ops.short_gaussian_reward(n, log_n, _NODES, _WEIGHTS, LARGEST_LOG_N)
    if found is not None:
        return tuple.__new__(GaussianReward, found)
    grid, is_log = draws_grid(n, log_n, ())
    counts = ops.log_draws(grid.values.reshape(-1), is_log)
    within = counts.max(initial=0.0) <= LARGEST_LOG_N
    mean, variance = ops.gaussian_best(counts, _NODES, _WEIGHTS) if within else _far_normals(counts)
    if grid.shape:
        return GaussianReward(mean.reshape(grid.shape), variance.reshape(grid.shape))
    return GaussianReward(float(mean[0]), float(variance[0]))


def _far_normals(log_n):
    """Return mean and variance of the best of n normals where tail probabilities are below any double."""
    from scipy.special import ndtri_exp

    rate = _NODES - log_n[:, None]  # log(-log(1 - tau))
    small = np.exp(np.minimum(rate, 0.0))
    large = np.exp(np.maximum(rate, 0.0))
    # log(1 - exp(-e^rate)): below e^-30 its argument is e^rate up to the factor 1 - e^rate / 2.
    tiny = rate - 0.5 * small
    middle = np.log(-np.expm1(-np.exp(np.clip(rate, -30.0, 0.0))))
    log_tail = np.where(rate < -30.0, tiny, np.where(rate < 0.0, middle, np.log1p(-np.exp(-large))))
    reward = -ndtri_exp(log_tail)
    mean = reward @ _WEIGHTS
    return mean, (reward - mean[:, None]) ** 2 @ _WEIGHTS


# Beyond this, tail probabilities at the nodes are no normal doubles.
LARGEST_LOG_N = 650.0
# e^{v - e^v} is below 2^-60 outside of this range.
_NODES = np.linspace(-42.0, 4.2, 256)
_WEIGHTS = np.exp(_NODES - np.exp(_NODES))
_WEIGHTS /= _WEIGHTS.sum()
