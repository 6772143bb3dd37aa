"""Over-optimisation: what best-of-n by a proxy reward does to the reward that is meant, and the curves fitted to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from alignment_fast._border.arrays import as_array, as_parameter
from alignment_fast._border.call import give
from alignment_fast._border.kinds import in_callers_kind, in_kind_of_its_arrays
from alignment_fast._border.rng import BOOTSTRAP, Seed
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.best_of_n.bounds import kl_upper_bound
from alignment_fast.best_of_n.pool import curve
from alignment_fast.random import Stream

__all__ = ["OveroptimizationFit", "ProxyVersusGold", "fit_overoptimization", "proxy_versus_gold"]

Form = Literal["best-of-n", "reinforcement-learning"]


@dataclass(frozen=True, eq=False)
class OveroptimizationFit:
    r"""A fitted gain over the reference, as a function of d = √KL.

    Parameters
    ----------
    form : str
        "best-of-n", d (α − β d), or "reinforcement-learning", d (α − β log d).
    alpha, beta : float
        The fitted coefficients.
    covariance : array (2, 2)
        Of (alpha, beta).

    """

    form: Form
    alpha: float
    beta: float
    covariance: Any

    @property
    def standard_errors(self) -> tuple[float, float]:
        """Standard errors of alpha and beta."""
        alpha, beta = np.sqrt(np.diag(as_array(self.covariance, "covariance"))).tolist()
        return alpha, beta

    @property
    def peak_kl(self) -> float:
        """KL divergence at which the fitted gain is largest; inf where it never turns."""
        if self.beta <= 0:
            return math.inf
        if self.form == "best-of-n":
            return max(self.alpha / (2 * self.beta), 0.0) ** 2
        exponent = 2 * (self.alpha / self.beta - 1)
        return math.exp(exponent) if exponent < 700 else math.inf  # beyond the range of floats

    def gain(self, kl: Any) -> Any:
        """Return the fitted gain at divergence `kl` in nats, scalar or array."""
        ops = operations("best_of_n")
        form = ops.FORMS[self.form]
        found = ops.short_gao_gains(form, kl, self.alpha, self.beta)
        if found is not None:
            return found
        points = as_parameter(kl, "kl")
        return give(ops.gao_gains(form, points.reshape(-1), self.alpha, self.beta), kl, shape=points.shape)

    def standard_error(self, kl: Any) -> Any:
        """Return the standard error of `gain`, as far as it comes from alpha and beta."""
        ops = operations("best_of_n")
        form = ops.FORMS[self.form]
        covariance = as_array(self.covariance, "covariance")
        found = ops.short_gao_errors(form, kl, covariance)
        if found is not None:
            return found
        points = as_parameter(kl, "kl")
        covariance = np.ascontiguousarray(covariance, dtype=np.float64)
        return give(ops.gao_errors(form, points.reshape(-1), covariance), kl, shape=points.shape)


def fit_overoptimization(
    kl: Any, gain: Any, *, form: Form = "best-of-n", standard_error: Any = None, covariance: Any = None
) -> OveroptimizationFit:
    r"""Fit the over-optimisation law of Gao et al. to gains over the reference.

    .. math:: R_{\mathrm{bon}}(d) = d (\alpha - \beta d), \qquad R_{\mathrm{RL}}(d) = d (\alpha - \beta \log d),
              \qquad d = \sqrt{D(\pi \| p)}

    Both are linear in α and β, so that weighted least squares has one solution, found without iterating.

    Parameters
    ----------
    kl : array (T,)
        Divergence from the reference in nats, >= 0. Points at 0 say nothing about α and β and are left out.
    gain : array (T,)
        Reward minus that of the reference.
    form : {"best-of-n", "reinforcement-learning"}
        The law to fit.
    standard_error : array (T,), optional
        Standard errors of independent gains: points weigh by their inverse squares.
    covariance : array (T, T), optional
        Covariance of the gains. Points weigh by its inverse diagonal; all of it goes into the covariance of the fit.
        Points of one curve are strongly correlated: without this, the fit looks better than it is.

    Returns
    -------
    OveroptimizationFit
        If neither is given, points weigh alike and their variance is estimated from the residuals.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite or out of its domain, both options are given, or fewer than two
        different positive divergences are left (three without `standard_error` or `covariance`).

    References
    ----------
    Gao, Schulman and Hilton, "Scaling laws for reward model overoptimization", arXiv:2210.10760, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.best_of_n import fit_overoptimization
    >>> kl = np.array([0.5, 1.0, 2.0, 4.0])
    >>> fit = fit_overoptimization(kl, np.sqrt(kl) * (1.0 - 0.25 * np.sqrt(kl)))
    >>> print(f"{fit.alpha:.6f} {fit.beta:.6f}, largest gain at KL = {fit.peak_kl:.6f}")
    1.000000 0.250000, largest gain at KL = 4.000000

    """
    ops = operations("best_of_n")
    if type(form) is not str or form not in ops.FORMS:
        as_word(form, "form", ops.FORMS)
    if standard_error is not None and covariance is not None:
        raise ValueError("only one of standard_error and covariance can be given")
    found = ops.short_gao_fit(ops.FORMS[form], kl, gain, standard_error, covariance)
    if found is not None:
        return OveroptimizationFit(form, *found)
    arrays = {"kl": kl, "gain": gain, "standard_error": standard_error, "covariance": covariance}
    given = in_callers_kind(fit_overoptimization, arrays, form=form)
    if given is not None:
        return cast(OveroptimizationFit, given)
    kl = _finite(kl, "kl", 1, lowest=0.0)
    gain = _finite(gain, "gain", 1, shape=kl.shape)
    variance, needed = None, 3
    if standard_error is not None:
        variance, needed = _finite(standard_error, "standard_error", 1, shape=kl.shape) ** 2, 2
    elif covariance is not None:
        covariance, needed = _finite(covariance, "covariance", 2, shape=kl.shape * 2), 2
    known = variance if covariance is None else np.diag(covariance)
    if known is not None and (known[kl > 0] <= 0).any():
        raise ValueError("the variance of a gain at positive divergence is not positive")
    different = np.unique(kl[kl > 0]).size
    found = ops.gao_fit(ops.FORMS[form], kl, gain, variance, covariance) if different >= needed else None
    if found is None:
        raise ValueError(f"kl holds fewer than {needed} different positive values")
    return OveroptimizationFit(form, *found)


def _finite(
    value: Any, name: str, ndim: int, *, shape: tuple[int, ...] | None = None, lowest: float = -math.inf
) -> np.ndarray:
    array = as_parameter(value, name)
    if array.ndim != ndim or (shape is not None and array.shape != shape):
        raise ValueError(f"{name} has shape {array.shape}, not {shape or '(T,)'}")
    bad = ~np.isfinite(array) | (array < lowest)
    refuse(bad, array, name, f"is not finite{'' if lowest < 0 else ' and at least 0'}")
    return np.ascontiguousarray(array)


@dataclass(frozen=True, eq=False)
class ProxyVersusGold:
    """Expected proxy and gold reward of best-of-n by the proxy, with the covariances of the estimates across n.

    Parameters
    ----------
    n : array (T,)
        Draws, ascending from 1.
    kl : array (T,)
        log n − (n − 1)/n, an upper bound of the divergence from the reference, exact for distinct scores.
    proxy, gold : array (T,)
        Estimates of the expected rewards.
    proxy_covariance, gold_covariance : array (T, T)
        Covariances of the estimates.
    blocks : int
        The independent blocks that the covariances come from: the prompts, or groups of one prompt's samples.

    """

    n: Any
    kl: Any
    proxy: Any
    gold: Any
    proxy_covariance: Any
    gold_covariance: Any
    blocks: int

    @property
    @in_kind_of_its_arrays
    def proxy_standard_error(self) -> Any:
        """Standard errors of `proxy`."""
        return np.sqrt(np.diag(self.proxy_covariance))

    @property
    @in_kind_of_its_arrays
    def gold_standard_error(self) -> Any:
        """Standard errors of `gold`."""
        return np.sqrt(np.diag(self.gold_covariance))

    @in_kind_of_its_arrays
    def fit(self, form: Form = "best-of-n", *, reward: Literal["gold", "proxy"] = "gold") -> OveroptimizationFit:
        """Fit the gain over n = 1 by `fit_overoptimization`, given how the points of the curve correlate."""
        as_word(reward, "reward", ("gold", "proxy"))
        mean, covariance = (
            (self.gold, self.gold_covariance) if reward == "gold" else (self.proxy, self.proxy_covariance)
        )
        gain = np.eye(self.n.size)
        gain[:, 0] -= 1  # rows: value at n minus value at 1
        return fit_overoptimization(self.kl, gain @ mean, form=form, covariance=gain @ covariance @ gain.T)


def proxy_versus_gold(scores: Any, values: Any, n: Any = None, *, groups: int = 20, seed: Seed = 0) -> ProxyVersusGold:
    r"""Return the proxy and the gold reward of best-of-n by the proxy, from pools of doubly scored samples.

    Estimates are the unbiased ones of `curve`, averaged over prompts. Their covariances across n come from the
    scatter of prompts; a single pool is cut at random into `groups` groups, each left out once (the delete-a-group
    jackknife), and the scatter of the pseudo-values :math:`G \hat R - (G-1) \hat R_{(-g)}` takes that place.

    Parameters
    ----------
    scores : array (..., M), or sequence of one-dimensional arrays
        Proxy rewards, which select: one pool for each prompt; pools may differ in size.
    values : like `scores`
        Gold rewards of the same samples, which judge.
    n : sequence of int, optional
        Draws; 1 is always added. Default: the powers of two up to the smallest pool, or up to half of a single one.
    groups : int
        Groups of a single pool, at least 2; M where the pool has fewer samples.
    seed : int, SeedSequence, Generator or None
        Of the random groups; not used for several prompts.

    Returns
    -------
    ProxyVersusGold
        The rewards, and ``.fit()`` for the law of Gao et al.

    Raises
    ------
    ValueError
        If pools are empty or disagree, a score is NaN, n is below 1 or exceeds the smallest pool, or a single pool
        keeps less than n samples when a group is left out.

    References
    ----------
    Gao, Schulman and Hilton, arXiv:2210.10760; Kott, "The delete-a-group jackknife", J. Official Statistics 17 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.best_of_n import proxy_versus_gold
    >>> rng = np.random.default_rng(0)
    >>> gold = rng.normal(size=(200, 64))
    >>> result = proxy_versus_gold(gold + rng.normal(size=gold.shape), gold)
    >>> print(result.n, result.gold.round(2))
    [ 1  2  4  8 16 32 64] [0.   0.4  0.72 0.99 1.21 1.38 1.52]
    >>> bool(result.fit().alpha > 0)
    True

    """
    found = operations("best_of_n").short_proxy_versus_gold(scores, values, n)
    if found is not None:
        draws, kl, proxy, proxy_covariance, gold, gold_covariance = found
        return ProxyVersusGold(draws, kl, proxy, gold, proxy_covariance, gold_covariance, len(scores))
    given = in_callers_kind(proxy_versus_gold, {"scores": scores, "values": values}, n=n, groups=groups, seed=seed)
    if given is not None:
        return cast(ProxyVersusGold, given)
    smallest, one = _smallest(scores)
    groups = min(groups, smallest)
    if n is None:
        largest = max(smallest // 2, 1) if one else smallest
        n = 2 ** np.arange(largest.bit_length())
    draws = np.unique(np.append(as_array(n, "n"), 1))
    if draws[-1] > smallest:
        raise ValueError(f"n = {draws[-1]} exceeds the {smallest} samples of the smallest pool")
    kept = _groups_left_out(smallest, groups, int(draws[-1]), seed) if one else None
    proxy, proxy_covariance, _ = _estimate(scores, scores, draws, kept)
    gold, gold_covariance, blocks = _estimate(scores, values, draws, kept)
    return ProxyVersusGold(draws, kl_upper_bound(draws), proxy, gold, proxy_covariance, gold_covariance, blocks)


def _smallest(scores: Any) -> tuple[int, bool]:
    """Return the size of the smallest pool, and whether it is the only one."""
    try:
        shape = np.shape(scores)
    except ValueError:  # pools that differ in size have no shape
        shape = (len(scores), min(map(len, scores)))
    if not shape or 0 in shape:
        raise ValueError(f"scores of shape {shape} hold no samples")
    return shape[-1], math.prod(shape[:-1]) == 1


def _groups_left_out(samples: int, groups: int, largest: int, seed: Seed) -> list[np.ndarray]:
    """Return for each random group which samples are not in it; groups differ by one sample at most."""
    if groups < 2:
        raise ValueError(f"groups = {groups}, of a pool of {samples}, is less than two")
    if largest > samples - math.ceil(samples / groups):
        raise ValueError(f"n = {largest} is more than the samples left when one of {groups} groups is left out")
    order = np.argsort(Stream(seed, purpose=BOOTSTRAP).uniform(samples), kind="stable")
    return [order % groups != group for group in range(groups)]


def _estimate(
    scores: Any, values: Any, n: np.ndarray, kept: list[np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the mean curve, its covariance, and the number of blocks behind that.

    Values whose sums or products are beyond double are scaled by a power of two; entries of the covariance that are
    beyond double are infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, covariance, count = _estimate_as_given(scores, values, n, kept)
        if np.isfinite(mean).all() and np.isfinite(covariance).all():
            return mean, covariance, count
        exponent = int(np.frexp(max(float(np.abs(pool).max()) for pool in _pools_of(values)))[1])
        scaled = [np.ldexp(pool, -exponent) for pool in _pools_of(values)]
        mean, covariance, count = _estimate_as_given(_pools_of(scores), scaled, n, kept)
        return np.ldexp(mean, exponent), np.ldexp(covariance, 2 * exponent), count


def _pools_of(scores: Any) -> list[np.ndarray]:
    """Return pools as a list of one-dimensional arrays."""
    if isinstance(scores, np.ndarray):
        return list(scores.reshape(-1, scores.shape[-1]))
    return [np.asarray(row) for pool in scores for row in np.reshape(pool, (-1, np.shape(pool)[-1]))]


def _estimate_as_given(
    scores: Any, values: Any, n: np.ndarray, kept: list[np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return what `_estimate` does.

    The covariance comes from the scatter of prompts, or from leaving out groups of the one pool.
    """
    blocks = _curves(scores, values, n)
    if kept is not None:
        mean = blocks[0]
        pool, judged = np.reshape(scores, -1), np.reshape(values, -1)
        pools = [pool[keep] for keep in kept]
        left_out = _curves(pools, pools if values is scores else [judged[keep] for keep in kept], n)
        blocks = len(kept) * mean - (len(kept) - 1) * left_out
    of_blocks, covariance = operations("best_of_n").mean_and_covariance(blocks)
    return of_blocks if kept is None else mean, covariance, len(blocks)


def _curves(scores: Any, values: Any, n: np.ndarray) -> np.ndarray:
    """Return the curves of all prompts, (P, T); values that are the scores themselves need not be carried along."""
    judged = None if values is scores else values
    mean = curve(scores, n, values=judged).mean
    return np.ascontiguousarray(mean, dtype=np.float64).reshape(-1, n.size)
