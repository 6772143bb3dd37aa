r"""Best-of-n beyond the pool: tails of scores fitted above a threshold, and when a fit must not be used.

Let u be the score below the k highest of M, and ζ = (k + ½)/(M + ½) the chance to exceed it. A score that exceeds u,
and whose tail probability is τ < ζ, is

.. math:: x = u (\tau/\zeta)^{-\gamma} \quad (\text{Hill}), \qquad
          x = u + \frac{\sigma}{\xi} \big((\tau/\zeta)^{-\xi} - 1\big) \quad (\text{generalised Pareto}),

with :math:`\hat\gamma = \frac1k \sum \log x/u`, and (ξ, σ) of largest likelihood, ξ at least -1/2. The tail
probability of the best of n has density :math:`n (1-\tau)^{n-1}`, so with :math:`I(a) = \zeta^{a} n \int_0^\zeta
\tau^{-a} (1-\tau)^{n-1} d\tau`

.. math:: E[\max] = \sum_{i \le M-k} x_{(i)} \frac{i^n - (i-1)^n}{M^n} + u\, I(\gamma), \quad\text{or}\quad
          \dots + u\, I(0) + \frac{\sigma}{\xi} \big(I(\xi) - I(0)\big),

which is finite for an index below 1. Intervals join those of independent parameters (MOVER): γ, of which :math:`k
\hat\gamma/\gamma` is Gamma(k); or ξ and ν = σ(1 + ξ), which are orthogonal with var log(1 + ξ) = 1/k and var log ν =
(1 + 2ξ)/k, after their bias of order 1/k, -(1 + ξ)(3 + ξ)/(1 + 3ξ)/k of ξ and σ (3 + 5ξ + 4ξ²)/(1 + 3ξ)/k of σ, is
taken away; and ζ, which is Beta(k + 1, M - k) at an order statistic. Each end is the estimate moved by the root of the
sum of squares of what each parameter's own end moves it by, all of it on the logarithm of what lies above u, where ν
and the rest add up.

An extrapolation is a statement about scores that nobody has seen. It is refused (``usable`` is False, and ``reason``
says why) where it has no finite value, or the scores themselves speak against it.

References
----------
Hill, Annals of Statistics 3 (1975) 1163; Zhang & Stephens, Technometrics 51 (2009) 316; Chavez-Demoulin & Davison,
Applied Statistics 54 (2005) 207 (orthogonal parameters); Giles, Feng & Godwin, Communications in Statistics 45 (2016)
2465 (bias); Zou & Donner, Statistics in Medicine 27 (2008) 1693 (MOVER).
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.polynomial import chebyshev

from alignment_fast._border.arrays import as_array, as_floating
from alignment_fast._border.call import give, operations_of
from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.scalars import MOST, as_level
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast._scipy import special

__all__ = ["Extrapolation", "TailIndex", "extrapolate", "hill"]

# Why an extrapolation must not be used, by its code.
REASONS = (
    "",
    "fewer than 10 scores above the threshold",
    "scores at the threshold are not positive: a power law has no meaning there",
    "an index of 1 or more is within the interval: the expectation may be infinite",
    "scores above the threshold do not follow the law",
    "scores above the threshold are tied: they are not draws of a continuous law",
    "n is above 10 pools, and fewer than 50 scores above the threshold do not tell where the tail ends",
)
FEW, NOT_POSITIVE, INFINITE, ANOTHER_LAW, TIED, FAR = range(1, 7)  # those of pool_tails.inc
_TEXTS = np.array(REASONS)
LEAST_TOP = 10
# Far beyond the pool the best of n lies near the end of a bounded tail, whose distance goes like 1/ξ. Fewer scores than
# these know next to nothing of it: of 18 and ξ = -1/2 intervals at n = 100 M held for 80 % of pools (by simulation).
# Estimates of ξ do not tell which: they choose pools that look long-tailed by chance, for which they hold less often.
LEAST_TOP_FAR, FAR_POOLS = 50, 10
# Of the polynomial behind I(a) for -1 <= a < 1, with a singularity at a = 2: (2 + √3)^-26 is 1e-15.
DEGREE = 26
# Cramér and von Mises' statistic that one in a hundred samples of the law exceeds: of an exponential law of unknown
# mean (Stephens 1974), and of a generalised Pareto law (by simulation; it hardly depends on the index).
LARGEST_DISTANCE = {"hill": 0.337, "gpd": 0.25}
# Degrees of freedom of Student's quantiles that stand for normal ones of logarithms of ξ and ν: with hundreds of scores
# above the threshold their spread is a few per cent more than what it tends to (found by simulation).
FREEDOM = 20
# Estimates of generalised Pareto indices below these vary by more than what their spread tends to: intervals reach
# farther, by as much of it as the index is below each (found by simulation, from 64 scores to 2000).
SHORT_TAILS = -0.1, -0.25


@dataclass(frozen=True)
class TailIndex:
    """Hill's estimate of the index of a power-law tail P(X > x) ~ x^(−1/index).

    Parameters
    ----------
    index : array (...)
        The estimate; NaN where the threshold is not positive.
    standard_error : array (...)
        index / √top.
    threshold : array (...)
        The score below the highest ones.
    top : int
        How many highest scores there are.

    """

    index: Any
    standard_error: Any
    threshold: Any
    top: int


@dataclass(frozen=True)
class Extrapolation:
    """Expected best of n, with n beyond the pool, and whether that may be used.

    Parameters
    ----------
    mean, lower, upper : array (..., [T])
        The estimate and the ends of its interval. Where it must not be used, NaN, −inf and inf.
    usable : array of bool (..., [T])
        Whether it may.
    reason : array of str (...), NumPy's
        Why not, empty where it may at every n.
    index : array (...)
        Of the tail: γ or ξ.

    """

    mean: Any
    lower: Any
    upper: Any
    usable: Any
    reason: Any
    index: Any


def hill(scores: Any, *, top: int | None = None, num_threads: int | None = None) -> TailIndex:
    r"""Return Hill's estimate of the tail index of pools of scores.

    .. math:: \hat\gamma = \frac{1}{k} \sum_{i=1}^{k} \log \frac{x_{(M+1-i)}}{x_{(M-k)}}

    Parameters
    ----------
    scores : array (..., M)
        Finite scores, one pool in each row.
    top : int, optional
        Highest scores k that are used, below M. Default: the integer part of M^0.6.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    TailIndex
        float64. It is meant for power laws: scores that may be shifted have no index that means anything.

    Raises
    ------
    ValueError
        If a score is not finite, there are fewer than two in a pool, or `top` is out of range.
    TypeError
        If `top` is no integer.

    Notes
    -----
    Accuracy: 1e-13 relative to max(1, index). Cost: less than a sort of the pools.

    References
    ----------
    Hill, Annals of Statistics 3 (1975) 1163; arXiv:2603.06797 (indices per prompt).

    Examples
    --------
    >>> import numpy as np, alignment_fast as af
    >>> scores = np.random.default_rng(0).pareto(2.0, 10_000) + 1  # of index 1/2
    >>> found = af.best_of_n.hill(scores)
    >>> round(float(found.index), 2), round(float(found.standard_error), 2), found.top
    (0.51, 0.03, 251)

    """
    check_num_threads(num_threads)
    array, pools = _pools(scores)
    highest = _top(top, pools.shape[1], pools.shape[1] ** 0.6)
    index, threshold = _hills(scores, array, pools, highest, num_threads)
    shape = array.shape[:-1]
    index, error, threshold = (give(part, scores, shape=shape) for part in (index, index / np.sqrt(highest), threshold))
    return TailIndex(index, error, threshold, highest)


def _pools(scores):
    array = as_floating(scores, "scores")
    if array.ndim == 0 or array.shape[-1] < 2:
        raise ValueError(f"scores of shape {array.shape} are no pools of two or more")
    return array, array.astype(np.float64, copy=False).reshape(-1, array.shape[-1])


def _top(top, size, default):
    if top is None:
        return max(min(int(default), size - 1), 1)
    try:
        highest = operator.index(top)
    except TypeError:
        raise TypeError(f"top must be an integer, not {top!r}") from None
    if not 1 <= highest < size:
        raise ValueError(f"top = {highest} is not between 1 and {size - 1}, one less than the samples of a pool")
    return highest


def _hills(scores, array, pools, top, num_threads=None):
    """Return indices and thresholds of pools (rows, M)."""
    ops = operations_of("best_of_n", scores=scores)
    if pools.shape[1] <= ops.SMALL_POOL:
        index, threshold, good = ops.hills(pools, top, num_threads=num_threads)
    else:
        good = bool(np.isfinite(pools).all())
        if good:
            index, threshold = _large_hills(pools, top)
    if not good:
        refuse(~np.isfinite(array), array, "scores", "is not finite")
    return index, threshold


def _large_hills(pools, top):
    highest = np.partition(pools, pools.shape[1] - top - 1, axis=-1)[:, -top - 1 :]
    threshold = highest[:, 0].copy()
    good = threshold > 0
    ratio = np.where(good[:, None], highest[:, 1:], 1.0) / np.where(good, threshold, 1.0)[:, None]
    return np.where(good, np.log(ratio).mean(axis=-1), np.nan), threshold


def extrapolate(
    scores: Any, n: Any, *, tail: Literal["gpd", "hill"] = "gpd", top: int | None = None, level: float = 0.95
) -> Extrapolation:
    r"""Return the expected best of n draws from a pool of M, for n beyond M too, by the tail of its scores.

    Parameters
    ----------
    scores : array (..., M)
        Finite scores; one pool for each prompt.
    n : int, float or array (T,)
        Numbers of draws, at least 1.
    tail : {"gpd", "hill"}
        A generalised Pareto law above the threshold, for scores of any offset, bounded or not; or a power law, for
        positive scores, which needs fewer of them.
    top : int, optional
        Highest scores that the tail is fitted to. Default: the integer part of M^0.7 ("gpd") or M^0.6 ("hill").
    level : float
        Level of the intervals.

    Returns
    -------
    Extrapolation
        float64. It must not be used, and says so, with fewer than 10 highest scores, where the expectation may be
        infinite, where the highest scores do not follow the law (by the statistic of Cramér and von Mises, at a level
        of about 1 %), and where they are tied; nor, of a "gpd" tail with fewer than 50 highest scores,
        for n above 10 M.

    Raises
    ------
    ValueError
        If a score is not finite, n is below 1, an option is out of range.
    TypeError
        If `top` is no integer.

    Notes
    -----
    The law is taken to hold above the threshold; that it does further out is an assumption. Where it does, intervals of
    level 95 % were seen to hold at least 93.5 % of the time that they are not refused, of generalised Pareto laws of
    index -0.5 to 0.2, from 64 scores on, for n up to 100 M; and to 0.5 from 500 scores on. Of fewer scores with heavier
    tails most pools are refused, and the others look lighter than they are: up to 5 % of all pools get an interval that
    misses. Cost: "hill" a sort and a few numbers
    for each pool and n; "gpd" a search for the law of largest likelihood in addition, 0.1 µs for each of the highest
    scores, in threads.

    References
    ----------
    arXiv:2602.01485 and arXiv:2605.10716 (tails of reward pools); the head of this module.

    Examples
    --------
    >>> import numpy as np, alignment_fast as af
    >>> scores = np.random.default_rng(0).normal(size=2000)
    >>> found = af.best_of_n.extrapolate(scores, 20_000)
    >>> bool(found.usable), round(float(found.lower), 1), round(float(found.mean), 1), round(float(found.upper), 1)
    (True, 3.0, 3.4, 4.4)
    >>> print(af.best_of_n.extrapolate(np.round(scores), 20_000).reason)
    scores above the threshold are tied: they are not draws of a continuous law

    """
    as_word(tail, "tail", ("gpd", "hill"))
    level = as_level(level)
    array, pools = _pools(scores)
    ordered, size = np.sort(pools, axis=-1), pools.shape[1]
    if not np.isfinite(ordered[:, :: size - 1]).all():  # NaN is sorted behind all others
        refuse(~np.isfinite(array), array, "scores", "is not finite")
    draws = _numbers_of_draws(n)
    highest = _top(top, size, size ** (0.7 if tail == "gpd" else 0.6))
    tail_of = _power_laws if tail == "hill" else _generalised_pareto_laws
    index, code, reach, (mean, lower, upper) = tail_of(ordered, highest, level, draws.reshape(-1).tolist())
    far = draws.reshape(-1) > reach
    bad = (code > 0)[:, None] | far
    if bad.any():
        mean[bad], lower[bad], upper[bad] = np.nan, -np.inf, np.inf
    leading = array.shape[:-1]
    shape = (*leading, draws.size) if draws.ndim else leading
    usable = give(~bad, scores, shape=shape)
    mean, lower, upper = (give(part, scores, shape=shape) for part in (mean, lower, upper))
    reason = _TEXTS[np.where(code == 0, FAR, code) if far.any() else code].reshape(leading)
    return Extrapolation(mean, lower, upper, usable, reason[()], give(index, scores, shape=leading))


def _numbers_of_draws(n):
    """Return numbers of draws as float64 of at most one axis; raise ValueError for a bad one."""
    if type(n) is int and 1 <= n <= MOST:
        return np.array(float(n))
    draws = as_array(n, "n").astype(np.float64)
    if draws.ndim > 1:
        raise ValueError(f"n must be a number or one-dimensional, not of shape {draws.shape}")
    refuse(~((draws >= 1) & np.isfinite(draws)), draws, "n", "is not a finite number >= 1")
    return draws


def _power_laws(ordered, top, level, draws):
    """Return index and code of power laws (rows,), the largest n they reach to, and estimates and ends (3, rows, n)."""
    ops = operations_of("best_of_n")
    laws = ops.hill_laws(ordered, top, _gamma_quantiles(top, level), LARGEST_DISTANCE["hill"], LEAST_TOP)
    out, size = np.empty((3, len(ordered), len(draws))), ordered.shape[1]
    for column, n in enumerate(draws):
        of_shares = _series_of_shares(top, size, level, n)
        out[:, :, column] = ops.hill_best(ordered, laws, _chances_below(size, top, n), *of_shares).T
    return laws[:, 1].copy(), laws[:, 4].astype(np.int64), np.inf, out  # power laws do not end


def _generalised_pareto_laws(ordered, top, level, draws):
    """Return the same of generalised Pareto laws."""
    fit = _GeneralisedPareto(ordered, top, level)
    out = np.empty((3, len(ordered), len(draws)))
    for column, n in enumerate(draws):
        out[:, :, column] = _ends(fit, ordered, top, n)
    return fit.index, fit.code, fit.reach, out


def _ends(fit, ordered, top, n):
    """Return the estimate and both ends at one n, (rows,) each."""
    size = ordered.shape[1]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        known = ordered[:, : size - top] @ _chances_below(size, top, n) + fit.known(n)
        estimate = fit.log_excess(n)
        down = up = 0.0
        for ends in fit.log_excesses(n, estimate):
            moved = ends - estimate
            moved[np.isnan(moved)] = 0.0  # infinite at both
            down = down + np.minimum(np.minimum(*moved), 0.0) ** 2
            up = up + np.maximum(np.maximum(*moved), 0.0) ** 2
        return tuple(known + np.exp(estimate + away) for away in (0.0, -np.sqrt(down), np.sqrt(up)))


@lru_cache(maxsize=64)
def _chances_below(size, top, n):
    """Return with what chance each of the scores up to the threshold is the best of n."""
    return np.diff((np.arange(size - top + 1) / size) ** n)


def _partial(a, n, share):
    """Return I(a): ζ^a n ∫_0^ζ τ^-a (1 - τ)^(n-1) dτ for a >= -1, inf for a >= 1.

    What is left of it without n^a ζ^a and the pole at 1 has no singularity nearer than 2: one polynomial serves all a.
    """
    at = np.asarray(a, dtype=np.float64, order="C")
    out = np.empty(at.shape)
    operations_of("best_of_n").partials(at.reshape(-1), math.log(share * n), _smooth(n, share), out.reshape(-1))
    return out[()]


@lru_cache(maxsize=256)  # of pools of one size and the same n, at both ends of every interval
def _smooth(n, share):
    """Return the Chebyshev coefficients of `_smooth_part`, which scores have no part in."""
    return chebyshev.chebinterpolate(_smooth_part, DEGREE, args=(n, share))


@lru_cache(maxsize=64)
def _share_ends(top, size, level):
    """Return both ends of the chance to exceed a threshold below the `top` highest scores."""
    return tuple(float(special.betaincinv(top + 1, size - top, tail)) for tail in ((1 - level) / 2, (1 + level) / 2))


@lru_cache(maxsize=64)
def _gamma_quantiles(top, level):
    """Return both ends of k γ̂/γ."""
    return special.gammaincinv(top, [(1 - level) / 2, (1 + level) / 2])


@lru_cache(maxsize=64)
def _series_of_shares(top, size, level, n):
    """Return log nζ, (3,), and the series of I, (3, terms), at the chance ζ above the threshold and both ends of it."""
    shares = (_share_above(top, size), *_share_ends(top, size, level))
    return np.array([math.log(share * n) for share in shares]), np.array([_smooth(n, share) for share in shares])


def _share_above(top, size):
    """Return the chance to exceed the score below the `top` highest."""
    return (top + 0.5) / (size + 0.5)


def _smooth_part(a, n, share):
    """Return log((1 - a) I(a) / (nζ)^a)."""
    b = 1 - a
    # log n^b Γ(n) / Γ(n + b); where n is large the difference of two logarithms would lose it.
    if n > 1000:
        ratio = -b * (b - 1) / (2 * n) * (1 - (2 * b - 1) / (6 * n) + b * (b - 1) / (6 * n) / n)
    else:
        ratio = special.gammaln(n) - special.gammaln(n + b) + b * np.log(n)
    return special.gammaln(1 + b) + ratio + np.log(special.betainc(b, n, share))


class _GeneralisedPareto:
    """Generalised Pareto laws above thresholds, one for each row of scores in ascending order."""

    def __init__(self, ordered, top, level):
        size = ordered.shape[1]
        self.threshold = ordered[:, -top - 1]
        excess = ordered[:, -top:] - self.threshold[:, None]
        self.index, sigma = without_bias(*operations_of("best_of_n").paretos(excess), top)
        self.scale = sigma * (1 + self.index)
        self.share = _share_above(top, size)
        farther = 1 + sum(np.maximum(short - self.index, 0.0) for short in SHORT_TAILS)
        reach = special.stdtrit(FREEDOM, (1 + level) / 2) / np.sqrt(top) * farther
        variance = np.maximum(1 + 2 * self.index, 0.25)
        self.ends = {
            "index": [(1 + self.index) * np.exp(0.5 / top + sign * reach) - 1 for sign in (-1, 1)],
            "scale": [self.scale * np.exp(0.5 * variance / top + sign * reach * np.sqrt(variance)) for sign in (-1, 1)],
            "share": _share_ends(top, size, level),
        }
        safe = np.where(sigma > 0, sigma, 1.0)
        off = _distance(_exponential(excess / safe[:, None], self.index)) > LARGEST_DISTANCE["gpd"]
        self.code = _code(ordered, top, off, self.ends["index"][1])
        self.reach = FAR_POOLS * size if top < LEAST_TOP_FAR else np.inf

    def known(self, n):
        """Return what the best of n adds above the threshold whatever the law is: the threshold itself."""
        return self.threshold * _partial(0.0, n, self.share)

    def log_excess(self, n, index=None, share=None):
        """Return the logarithm of what the best of n exceeds the threshold by, on average."""
        index, share = (self.index if index is None else index), (self.share if share is None else share)
        a = np.where(np.abs(index) < 1e-5, 1e-5, index)
        return np.log(self.scale / (1 + index) / a * (_partial(a, n, share) - _partial(0.0, n, share)))

    def log_excesses(self, n, estimate):
        """Yield what it is at both ends of each parameter."""
        for name in ("index", "share"):
            yield np.array([self.log_excess(n, **{name: end}) for end in self.ends[name]])
        yield np.array([estimate + np.log(end / self.scale) for end in self.ends["scale"]])


def without_bias(index, sigma, top):
    """Return ξ and σ less what they are off by on average, to first order in 1/k; of ξ down to -1/5."""
    x = np.maximum(index, -0.2)
    off = top * (1 + 3 * x)
    return index + (1 + x) * (3 + x) / off, sigma * np.maximum(1 - (3 + 5 * x + 4 * x**2) / off, 0.1)


def _exponential(scaled, index):
    """Return excesses in units of σ as the exponential variables that they are under the law."""
    a = np.where(np.abs(index) < 1e-9, 1e-9, index)[:, None]
    return np.log1p(np.maximum(a * scaled, -1 + 1e-12)) / a


def _distance(ascending):
    """Return Cramér and von Mises' statistic of ascending scores (rows, k) against the exponential law of mean 1."""
    k = ascending.shape[1]
    middle = (np.arange(k) + 0.5) / k
    return ((-np.expm1(-np.maximum(ascending, 0.0)) - middle) ** 2).sum(axis=-1) + 1 / (12 * k)


def _code(ordered, top, off, largest_index):
    """Return the code of why an extrapolation must not be used, 0 where it may, (rows,)."""
    ties = (np.diff(ordered[:, -top - 1 :], axis=-1) == 0).mean(axis=-1) > 0.1
    code = np.zeros(len(ordered), dtype=np.int64)
    for reason, wrong in (
        (ANOTHER_LAW, off),
        (INFINITE, ~(largest_index < 1)),
        (TIED, ties),
        (FEW, np.full(len(ordered), top < LEAST_TOP)),
    ):
        np.copyto(code, reason, where=wrong)
    return code
