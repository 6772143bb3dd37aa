r"""The reward that alignment can gain within a divergence or at a KL coefficient, from samples of the reference.

The best policy at KL coefficient β is :math:`\pi \propto p\, e^{r/\beta}`. With t = 1/β, :math:`\Lambda(t) = \log E_0
e^{t r}`, its gain over the reference is

.. math:: G = E_\pi r - E_0 r = \frac{\mathrm{Cov}_0(r, e^{t r})}{E_0 e^{t r}} = \Lambda'(t) - \Lambda'(0)
            = \beta\, \big(D(\pi \| p) + D(p \| \pi)\big),

because :math:`D(\pi\|p) = t\Lambda' - \Lambda` and :math:`D(p\|\pi) = \Lambda - t\Lambda'(0)`: the gain is β times the
divergence of Jeffreys. All of it are expectations under the reference, so samples of it are enough.

Errors. A sample :math:`x_i` of weight :math:`w_i` (they sum to 1) moves the plug-in estimate at a given β by
:math:`w_i` times its influence, and with a given divergence K, where :math:`G = \min_t (K + \Lambda(t))/t - E_0 r`, by
the envelope theorem by that of the minimand at the minimiser:

.. math:: \psi_i = \frac{e^{t x_i}}{E_0 e^{t r}} (x_i - E_\pi r) - (x_i - E_0 r), \qquad
          \psi_i = \frac{1}{t} \Big( \frac{e^{t x_i}}{E_0 e^{t r}} - 1 \Big) - (x_i - E_0 r);

the variance of the estimate is :math:`\sum w_i^2 \psi_i^2`, a polynomial in nine sums over samples (kernels/policy).
Both are of no use where few samples carry the tilted policy: :math:`(\sum e_i)^2 / \sum e_i^2` of the tilted weights
says how many do.

A proxy that is tilted by has the gold gain :math:`\mathrm{Cov}_0(g, e^{t x})/E_0 e^{t x}`, of influence
:math:`(e^{t x_i}/E_0 e^{t x})(g_i - E_\pi g) - (g_i - E_0 g)`. At a given divergence t moves with the samples, by
:math:`-(t (e_i/Z)(x_i - E_\pi x) - (e_i/Z - 1)) / (t \mathrm{Var}_\pi x)`, and the gain by :math:`\mathrm{Cov}_\pi(x,
g)` times that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_floating, as_parameter
from alignment_fast._border.call import give
from alignment_fast._border.scalars import as_level
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast._statistics.means import mean_of_rows
from alignment_fast.policy._gain_intervals import Masses, ends, normal_quantile, second_order

__all__ = ["Gain", "ProxyGap", "achievable_gain", "proxy_gap"]

# Fewer effective samples than this, and than most of all samples, leave the upper end of an interval open.
FEWEST = 1000.0
# Accelerations above this leave it open too.
SKEWED = 0.03
# Tilts times the distance of the best reward from the mean from which on divergences are taken from the best reward.
FAR = 100.0
# Tilts in units of the range of rewards below which t Λ' − Λ has fewer digits than the integral of s Λ'' by two points.
NEAR = 1e-3
# Below this one the standard error of a gain at a given divergence is the same share of it, and would be all rounding.
STEADY = 1e-2
# The first tilt that is tried is at most this, in the same units: far beyond it a divergence is all rounding.
FIRST = 1000.0
# Samples from which on sums over them are taken from moments in bins; samples for each bin, and the most bins: their
# moments fit the second-level cache.
MANY, PER_BIN, BINS = 2048, 4, 4096
# A step of the logarithm of a tilt below this is the last: Newton's next would be about its square, and the gain, least
# at the tilt that is right, is off by the square of that.
SETTLED = 1e-6


@dataclass(frozen=True)
class Gain:
    """The best gain in reward over the reference, with the divergences that it costs.

    Parameters
    ----------
    gain : array (..., [T])
        Expected reward of the best policy less that of the reference.
    kl : array (..., [T])
        Its divergence from the reference, in nats.
    jeffreys : array (..., [T])
        D(π‖p) + D(p‖π) = gain / beta.
    beta : array (..., [T])
        KL coefficient at which that policy is best; 0 where a divergence takes no more.
    standard_error : array (..., [T])
        Of `gain`; NaN where beta is 0, and where weights that differ by 1e100 leave no squares of them.
    effective_samples : array (..., [T])
        How many samples carry the tilted policy.
    samples : int
        How many there are.
    acceleration, bias_correction, curvature : array (..., [T])
        Constants of the ABC interval: a sixth of the skewness of the estimate, how far its median is off in standard
        errors, and how it bends along its own influence.

    """

    gain: Any
    kl: Any
    jeffreys: Any
    beta: Any
    standard_error: Any
    effective_samples: Any
    samples: int
    acceleration: Any = 0.0
    bias_correction: Any = 0.0
    curvature: Any = 0.0

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the ends of intervals of the gain: the band of the frontier over a grid of budgets.

        The upper end is that of the ABC interval, which takes skewness, bias and curvature into account; the lower end
        is the lower one of that and of the normal interval. Where fewer than 1000 samples carry the tilted policy, and
        less than 0.7 of all, or where the acceleration is above 0.03, the estimate misses what lies beyond the best
        samples: the upper end is inf, which says so.
        """
        z, fewest = normal_quantile(as_level(level)), min(FEWEST, 0.7 * self.samples)
        constants = self.acceleration, self.bias_correction, self.curvature
        fields = (self.gain, self.standard_error, self.effective_samples, *constants)
        found: tuple[Any, Any] | None = operations("policy").short_gain_ends(z, fewest, SKEWED, fields)
        if found is not None:
            return found
        known = np.where(np.isnan(self.standard_error), 0.0, self.standard_error)
        lower, upper = ends(self.gain, known, constants, z)
        few = ~(np.asarray(self.effective_samples) >= fewest)
        skewed = np.asarray(self.acceleration) > SKEWED
        return lower, np.where(few | skewed, np.inf, upper)[()]


@dataclass(frozen=True)
class ProxyGap:
    """What tilting by a proxy leaves of the gain that tilting by the gold reward has.

    Parameters
    ----------
    gap : array (..., [T])
        `achievable` less `gold_gain`.
    gold_gain : array (..., [T])
        Gold reward of the policy that is best for the proxy, less that of the reference.
    achievable : array (..., [T])
        The best gold gain at the same divergence or KL coefficient.
    kl, beta : array (..., [T])
        Divergence and KL coefficient of the policy that is best for the proxy.
    standard_error : array (..., [T])
        Of `gap`.

    """

    gap: Any
    gold_gain: Any
    achievable: Any
    kl: Any
    beta: Any
    standard_error: Any


def achievable_gain(rewards: Any, *, beta: Any = None, kl: Any = None, weights: Any = None) -> Gain:
    r"""Estimate the best gain in expected reward at a KL coefficient or within a divergence, from reference samples.

    .. math:: G = \frac{\mathrm{Cov}_0(r, e^{r/\beta})}{E_0\, e^{r/\beta}} = \beta (D(\pi\|p) + D(p\|\pi)), \qquad
              \pi \propto p\, e^{r/\beta}

    Parameters
    ----------
    rewards : array (..., M)
        Rewards of independent samples of the reference; finite. Leading axes are problems for themselves.
    beta : float or array (T,), optional
        KL coefficients, positive.
    kl : float or array (T,), optional
        Divergences D(π‖p) in nats, not negative. Exactly one of the two is given; a grid of it is the frontier.
    weights : array (M,), optional
        Importance weights of the samples, if they do not come from the reference itself; normalised here.

    Returns
    -------
    Gain
        float64. Where the divergence is more than the best sample has, the gain is that of the best sample.

    Raises
    ------
    ValueError
        If a reward is not finite, there are no samples, a budget is out of range, both or none are given, or weights
        are negative, not finite or all zero.

    Notes
    -----
    Accuracy: 1e-11 of the range of rewards, apart from the estimation.
    Cost: up to 2000 samples one exponential for each of them and budget, six times as much for `kl`. More samples are
    put into bins: 40 ns for each of them and 0.3 ms for each budget, half the time of `log_mgf` at 40 orders;
    exponentials again at tilts above 200 over the range of rewards.

    References
    ----------
    "Theoretical limits of language model alignment", arXiv:2605.07105 (the gain as divergence of Jeffreys).

    Examples
    --------
    >>> import numpy as np, alignment_fast as af
    >>> rewards = np.random.default_rng(0).normal(size=20_000)  # the gain is then √(2 KL)
    >>> found = af.policy.achievable_gain(rewards, kl=[0.125, 0.5, 1.0])
    >>> found.gain.round(2), found.standard_error.round(3)
    (array([0.5 , 0.99, 1.4 ]), array([0.003, 0.006, 0.01 ]))
    >>> lower, upper = found.interval()

    """
    array = as_floating(rewards, "rewards")
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"rewards of shape {array.shape} hold no samples")
    refuse(~np.isfinite(array), array, "rewards", "is not finite")
    weight = _weights(weights, array.shape[-1])
    budgets, given = _budgets(beta, kl)
    grid = budgets.reshape(-1)
    wide = array.astype(np.float64, copy=False).reshape(-1, array.shape[-1])
    rows = [_gains(row, weight, grid, given) for row in wide]
    shape = (*array.shape[:-1], len(grid)) if budgets.ndim else array.shape[:-1]
    columns = np.array(rows).reshape(len(rows), 9, len(grid))
    gain, kls, jeffreys, betas, error, effective, *constants = (
        give(np.ascontiguousarray(columns[:, i]), rewards, shape=shape) for i in range(9)
    )
    return Gain(gain, kls, jeffreys, betas, error, effective, array.shape[-1], *constants)


def _budgets(beta, kl):
    """Return the budgets, an array of at most one axis, and the name they were given by."""
    if (beta is None) == (kl is None):
        raise ValueError("give exactly one of beta and kl" + (", not both" if beta is not None else ""))
    name, value = ("beta", beta) if kl is None else ("kl", kl)
    budgets = as_parameter(value, name)
    if budgets.ndim > 1:
        raise ValueError(f"{name} must be a number or one-dimensional, not of shape {budgets.shape}")
    bad = ~(budgets > 0) if name == "beta" else ~(budgets >= 0)
    refuse(bad | np.isinf(budgets), budgets, name, "is not a finite number" + (" > 0" if name == "beta" else " >= 0"))
    return budgets, name


def _weights(weights, size):
    if weights is None:
        return None
    array = as_floating(weights, "weights").astype(np.float64)
    if array.shape != (size,):
        raise ValueError(f"weights of shape {array.shape} are not one for each of the {size} samples")
    refuse(~((array >= 0) & np.isfinite(array)), array, "weights", "is not a finite number >= 0")
    if not array.any():
        raise ValueError("weights are all 0")
    return array / array.max()


class _Samples:
    """Samples of the reference, and the sums over them at tilts.

    Rewards are taken from the largest one of positive weight, deviations from the mean.
    """

    def __init__(self, x, weight):
        positive = x if weight is None else x[weight > 0]
        self.top = positive.max()
        self.below = np.minimum(x - self.top, 0.0)
        self.weight = weight
        self.total = float(len(x)) if weight is None else weight.sum()
        self.centre = float(mean_of_rows(self.below) if weight is None else weight @ self.below / self.total)

    @cached_property
    def bins(self):
        """Bins of the samples, None of few."""
        return self._bins_of(self.weight)

    @cached_property
    def square_bins(self):
        """Bins of the samples with squares of their weights, None of few."""
        return self.bins if self.weight is None else self._bins_of(self.weight * self.weight)

    def _bins_of(self, weight):
        if len(self.below) < MANY or self.variance == 0.0:
            return None
        count = min(BINS, 2 ** int(np.log2(len(self.below) / PER_BIN)))
        return operations("policy").gain_bins(self.below, weight, count)

    @cached_property
    def variance(self):
        """The variance of rewards."""
        d = self.below - self.centre
        return float((d * d).sum() / self.total if self.weight is None else self.weight @ (d * d) / self.total)

    @cached_property
    def squares(self):
        """Sums of w² d^j, j = 0, 1, 2, over the square of the total."""
        d = self.below - self.centre
        square = np.ones(1) if self.weight is None else self.weight * self.weight
        powers = [float((square * d**j).sum()) if self.weight is not None or j else float(len(d)) for j in range(3)]
        return np.array(powers) / self.total**2

    @cached_property
    def _best(self):
        """The total weight of the best samples, and how many samples they count as."""
        best = self.below == 0.0
        if self.weight is None:
            return float(best.sum()), float(best.sum())
        weight = self.weight[best]
        scaled = np.ldexp(weight, -np.frexp(weight.max())[1])  # squares of rare weights must not vanish
        return weight.sum(), scaled.sum() ** 2 / (scaled**2).sum()

    @property
    def most_kl(self):
        """The divergence of the best samples from all."""
        return abs(np.log(self._best[0] / self.total))

    @property
    def best_samples(self):
        """How many samples the best ones count as."""
        return self._best[1]

    def within(self, t):
        """Return at which tilts (T,) bins serve."""
        return np.zeros(len(t), dtype=bool) if self.bins is None else t <= self.bins.largest_tilt

    def masses(self):
        """Return the samples as `Masses`."""
        share = np.full(len(self.below), 1.0 / self.total) if self.weight is None else self.weight / self.total
        return Masses(self.below - self.centre, share, share**2, share**3)

    def binned_masses(self):
        """Return the means of samples in each bin as `Masses`."""
        count, off = self.bins.moments[:2]
        used = np.flatnonzero(count)
        centres = -self.bins.width * (used + 0.5) + 0.5 * self.bins.width * off[used] / count[used]
        if self.weight is None:
            third = count[used] / self.total
        else:
            cubes = operations("policy").gain_bins(self.below, self.weight**3, self.bins.moments.shape[1])
            third = cubes.moments[0, used] / self.total
        powers = count[used] / self.total, self.square_bins.moments[0, used] / self.total**2, third / self.total**2
        return Masses(centres - self.centre, *powers)

    def sums(self, t, centre):
        """Return Σ e d^j, Σ e w d^j, Σ e² d^j of e = w exp(t x), d = x − centre, (T, 3, 3), from bins if they serve."""
        out = np.empty((len(t), 3, 3))
        near = self.within(2.0 * t)
        ops = operations("policy")
        if near.any():
            parts = (self.bins, t[near]), (self.square_bins, t[near]), (self.square_bins, 2.0 * t[near])
            out[near] = np.stack([ops.gain_sums_of_bins(bins, centre, at) for bins, at in parts], axis=1)
        if not near.all():
            out[~near] = ops.gain_sums(self.below, self.weight, centre, t[~near])
        return out

    def moments(self, t):
        """Return (log E e^{t d}, mean and variance under the tilt) at tilts (T,), deviations d from the mean."""
        first = np.empty((len(t), 3))
        near = self.within(t)
        ops = operations("policy")
        if near.any():
            first[near] = ops.gain_sums_of_bins(self.bins, self.centre, t[near])
        if not near.all():
            first[~near] = ops.gain_sums(self.below, self.weight, self.centre, t[~near])[:, 0]
        return self.moments_of(t, first)

    def moments_of(self, t, first):
        """Return the same from the sums of e d^j (T, 3)."""
        mean = first[:, 1] / first[:, 0]
        variance = np.maximum(first[:, 2] / first[:, 0] - mean**2, 0.0)
        return np.log(first[:, 0] / self.total) - t * self.centre, mean, variance


def _gains(x, weight, budgets, given):
    """Return gain, kl, jeffreys, beta, standard error, effective samples and constants of intervals, each (T,)."""
    scale = _scale(x)
    samples = _Samples(x / scale, weight)
    with np.errstate(over="ignore"):
        t = np.minimum(scale / budgets, 1e308) if given == "beta" else tilts_of(samples, budgets)
    finite = np.isfinite(t)
    at = np.where(finite, t, 0.0)
    sums = samples.sums(at, samples.centre)
    log_mgf, tilted, spread = samples.moments_of(at, sums[:, 0])
    mean = tilted
    kl = _divergences(samples, t, log_mgf, mean, spread) if given == "beta" else budgets
    variance = _variance_of_beta(samples, mean, sums)
    constants = t, log_mgf, tilted
    if given == "kl":
        known = (t > 0) & finite
        safe = np.where(known, t, 1.0)
        mean = np.where(known & (t >= NEAR), (budgets + log_mgf) / safe, mean)
        steady = np.maximum(safe, STEADY)
        of_steady = sums if (steady == safe).all() else samples.sums(steady, samples.centre)
        variance = np.where(known, _variance_of_kl(samples, steady, of_steady) * (safe / steady) ** 2, 0.0)
        if of_steady is not sums:
            moments = samples.moments_of(steady, of_steady[:, 0])
            constants = (np.where(known, *pair) for pair in zip((steady, *moments), constants, strict=False))
        mean = np.where(finite, mean, abs(samples.centre))
        kl = np.where(finite, kl, samples.most_kl)
        variance = np.where(finite, variance, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = 1.0 / t
        jeffreys = np.where((t == 0) | (mean == 0), 0.0, t * mean)
        effective = np.where(finite, sums[:, 0, 0] ** 2 / sums[:, 2, 0], samples.best_samples)
    error = np.sqrt(np.maximum(variance, 0.0)) * scale
    return mean * scale, kl, jeffreys, beta * scale, error, effective, *_constants(samples, *constants, given)


def _constants(samples, t, log_mgf, mean, given):
    """Return the constants of intervals (3, T): from bins where these serve."""
    out = np.zeros((3, len(t)))
    some = (t > 0) & np.isfinite(t) & (samples.variance > 0.0)
    near = samples.within(t)
    for served, masses in ((some & near, samples.binned_masses), (some & ~near, samples.masses)):
        if served.any():
            with np.errstate(over="ignore", invalid="ignore"):  # of weights too rare for squares
                out[:, served] = second_order(masses(), t[served], log_mgf[served], mean[served], given)
    return out


def _scale(x):
    """Return a power of two about as large as rewards are: squares of them must not overflow."""
    return 2.0 ** min(max(math.frexp(max(x.max(), -x.min()))[1], -1000), 1000)


def _divergences(samples, t, log_mgf, mean, variance):
    """Return t Λ' − Λ; where t is small or large that is a small difference, and other expressions are not."""
    kl = np.maximum(t * mean - log_mgf, 0.0)
    small = t < NEAR
    kl[small] = _near_divergences(samples, t[small], variance[small])
    far = -t * samples.centre > FAR
    if far.any():
        first = samples.sums(t[far], 0.0)[:, 0]
        kl[far] = t[far] * (first[:, 1] / first[:, 0]) - np.log(first[:, 0] / samples.total)
    return kl


def _near_divergences(samples, t, variance):
    """Return the same at small tilts: the integral of s Λ''(s) from 0 to t, along which Λ'' is all but straight."""
    return t**2 * (samples.variance / 6 + variance / 3)


def _variance_of_beta(samples, mean, sums):
    first, given, square = sums[:, 0], sums[:, 1], sums[:, 2]
    with np.errstate(invalid="ignore"):  # of weights too rare for squares
        tilted = (square[:, 2] - 2 * mean * square[:, 1] + mean**2 * square[:, 0]) / first[:, 0] ** 2
    both = (given[:, 2] - mean * given[:, 1]) / (samples.total * first[:, 0])
    return tilted - 2 * both + samples.squares[2]


def _variance_of_kl(samples, t, sums):
    first, given, square = sums[:, 0], sums[:, 1], sums[:, 2]
    share = samples.total * first[:, 0]
    with np.errstate(invalid="ignore"):  # of weights too rare for squares
        partition = square[:, 0] / first[:, 0] ** 2 - 2 * given[:, 0] / share + samples.squares[0]
    both = given[:, 1] / share - samples.squares[1]
    return partition / t**2 - 2 * both / t + samples.squares[2]


def tilts_of(samples, budgets):
    """Return the tilts t of divergences `budgets` (T,): 0 for none, inf where there is no such tilt."""
    t = np.where(budgets > 0, np.inf, 0.0)
    if samples.variance == 0.0:
        return t
    todo = np.flatnonzero((budgets > 0) & (budgets < samples.most_kl * (1 - 1e-12)))
    t[todo] = np.minimum(np.sqrt(2 * budgets[todo] / samples.variance), FIRST)
    low, high = np.zeros(len(t)), np.full(len(t), np.inf)
    for _ in range(100):
        if not todo.size:
            break
        at = t[todo]
        log_mgf, mean, variance = samples.moments(at)
        kl = np.where(at < NEAR, _near_divergences(samples, at, variance), at * mean - log_mgf)
        below = kl < budgets[todo]
        low[todo], high[todo] = np.where(below, at, low[todo]), np.where(below, high[todo], at)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.log(budgets[todo] / kl) * kl / (at * at * variance)
            new = at * np.exp(np.clip(step, -2.0, 2.0))
        inside = (new > low[todo]) & (new < high[todo])
        middle = np.where(np.isinf(high[todo]), 4 * at, np.sqrt(np.maximum(low[todo], 1e-3 * high[todo]) * high[todo]))
        new = np.where(inside, new, np.where(np.isfinite(middle), middle, 4 * at))
        t[todo] = new
        todo = todo[~(np.abs(np.log(new / at)) < SETTLED)]
    return t


def proxy_gap(proxy: Any, gold: Any, *, beta: Any = None, kl: Any = None) -> ProxyGap:
    r"""Estimate the gold reward that is lost by tilting by a proxy, or by the mean of an ensemble of them.

    Parameters
    ----------
    proxy : array (M,) or (J, M)
        Proxy rewards of independent samples of the reference: one, or J members of an ensemble. With members, the first
        axis of results is the size 1..J of the ensemble: the mean over the J ensembles of so many neighbours in a
        circle, rewards averaged within each.
    gold : array (M,)
        Gold rewards of the same samples.
    beta, kl : float or array (T,), optional
        KL coefficients or divergences, as in `achievable_gain`; exactly one is given.

    Returns
    -------
    ProxyGap
        At the same `kl` the gap is not negative; at the same `beta` it may be, as the proxy's policy may go further.

    Raises
    ------
    ValueError
        As `achievable_gain`, and if samples of `proxy` and `gold` differ in number.

    Notes
    -----
    Cost: an exponential and ten passes for each sample, budget and ensemble.

    References
    ----------
    arXiv:2605.07105 (gaps of proxies and of ensembles).

    Examples
    --------
    >>> import numpy as np, alignment_fast as af
    >>> rng = np.random.default_rng(0)
    >>> gold = rng.normal(size=20_000)
    >>> found = af.policy.proxy_gap(gold + rng.normal(size=(4, 20_000)), gold, kl=0.5)
    >>> found.gap.round(2)  # of ensembles of 1, 2, 3, 4
    array([0.3 , 0.19, 0.14, 0.11])

    """
    found = operations("policy").short_proxy_gap(proxy, gold, beta) if kl is None else None
    if found is not None:
        return ProxyGap(*found)
    given, target = as_floating(proxy, "proxy").astype(np.float64), as_floating(gold, "gold").astype(np.float64)
    if target.ndim != 1 or target.size == 0:
        raise ValueError(f"gold of shape {target.shape} is no row of samples")
    if given.ndim not in (1, 2) or given.shape[-1] != target.size or given.size == 0:
        raise ValueError(f"proxy of shape {given.shape} does not fit gold of shape {target.shape}")
    for name, array in (("proxy", given), ("gold", target)):
        refuse(~np.isfinite(array), array, name, "is not finite")
    budgets, named = _budgets(beta, kl)
    grid = budgets.reshape(-1)
    members = given.reshape(-1, target.size)
    best, influence = _gold_gains(target, target, grid, named)
    rows = []
    for size in range(1, len(members) + 1):
        circle = 1 if size == len(members) else len(members)
        parts = [mean_of_rows(np.roll(members, -first, axis=0)[:size]) for first in range(circle)]
        found = [_gold_gains(part, target, grid, named) for part in parts]
        values, moved = (mean_of_rows([one[kind] for one in found]) for kind in (0, 1))
        error = np.sqrt(((influence - moved) ** 2).sum(axis=1)) / target.size
        rows.append([best[0] - values[0], values[0], best[0], values[1], values[2], error])
    shape = (*((len(rows),) if given.ndim == 2 else ()), *((len(grid),) if budgets.ndim else ()))
    columns = np.array(rows)
    return ProxyGap(*(give(np.ascontiguousarray(columns[:, i]), gold, shape=shape) for i in range(6)))


def _gold_gains(proxy, gold, budgets, given):
    """Return (gold gain, kl, beta), each (T,), and influences of samples on the gain (T, M); NaN beyond the best."""
    scale = _scale(proxy)
    samples = _Samples(proxy / scale, None)
    t = scale / budgets if given == "beta" else tilts_of(samples, budgets)
    values, influences = np.empty((3, len(t))), np.empty((len(t), len(gold)))
    away, ops = gold - mean_of_rows(gold), operations("policy")
    for i, tilt in enumerate(t.tolist()):
        if math.isfinite(tilt):
            held = given == "kl" and tilt > 0
            gain, mean, log_share = ops.gain_of_gold(samples.below, samples.centre, away, tilt, held, influences[i])
            kl = tilt * mean - (log_share - tilt * samples.centre)
        else:
            gain, kl = mean_of_rows(away[samples.below == 0.0]), samples.most_kl
            influences[i] = np.nan
        values[:, i] = gain, kl, scale / tilt if tilt else np.inf
    return values, influences
