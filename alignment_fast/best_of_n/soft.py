"""Relatives of best-of-n: soft best-of-n, best-of-Poisson, the win-rate-optimal policy, inference-time pessimism."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.scalars import as_number
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations

# For real n the integrand of soft best-of-n branches at the zeros of M(s), at angles of about pi / log(ratio of two
# masses). Half the spacing makes the error of the trapezoidal rule smaller still: where it changes no more than this
# part of the result, nothing more is needed.
SETTLED = 1e-13
# Elsewhere Gauss panels, of this width in log s at first, are halved until halves agree to this part of the result.
PANEL, NODES, AGREEMENT = 2.0, 16, 1e-14
# The integrand falls like s on the left of these and like exp(-s weight) on the right: to exp(-45) and exp(-800).
LEFT, RIGHT = 45.0, math.log(800.0)
# Numbers of the table (panels, outcomes) that are held at once.
HELD = 2**18
# Divergences of win-rate-optimal policies from here on ask for strengths beyond 1e300.
LARGEST_KL = 687.0


@dataclass(frozen=True)
class WinRateOptimal:
    """The policy of the highest win rate at its divergence.

    Parameters
    ----------
    pmf : array (V,)
        Its probabilities.
    strength : float
        c: the policy is proportional to p exp(c quantile).
    kl, win_rate : float
        Divergence from the reference in nats, and probability to beat one draw of it, for a continuous reward.

    """

    pmf: Any
    strength: float
    kl: float
    win_rate: float


@dataclass(frozen=True)
class Pessimism:
    """Weights of inference-time pessimism.

    Parameters
    ----------
    threshold : float
        λ: samples of no higher reward get no weight.
    weights : array (M,)
        Probability to return each sample; they sum to 1.

    """

    threshold: float
    weights: Any


def soft_best_of_n(p: Any, reward: Any, n: float, temperature: float) -> Any:
    r"""Return the law of soft best-of-n: of n draws from p, one is returned with weight exp(reward / temperature).

    With :math:`w_y = e^{r(y)/\lambda}` and :math:`M(s) = \sum_y p(y) e^{-s w_y}`, exactly, for any real n >= 1,

    .. math:: \pi_n(y) = n\, p(y)\, w_y \int_0^\infty e^{-s w_y} M(s)^{n-1} \mathrm{d}s,

    by quadrature in log s. It tends to best-of-n as the temperature falls, and to the tilted policy
    :math:`p\, e^{r/\lambda}` as n grows.

    Parameters
    ----------
    p : array (V,)
        Reference probabilities, normalised here.
    reward : array (V,)
        Finite rewards.
    n : float
        Number of draws, any real >= 1.
    temperature : float
        λ > 0.

    Returns
    -------
    array of float64 (V,)
        Relative error below 1e-12 for ranges of reward / temperature up to 1000, and beyond in proportion; a gap
        between neighbours counts as 2000 + log n at most.

    Raises
    ------
    ValueError
        If p has a negative, NaN or infinite entry or no mass, a reward is not finite, shapes differ, n < 1, or the
        temperature is not positive.

    Notes
    -----
    Cost: two exponentials for each outcome and node; nodes are five for each unit of log n + 50 + the range of
    reward / temperature, gaps as above, for integer n, twice as many for other n, and ten times where outcomes are
    rare.

    References
    ----------
    Verdun et al., "Soft best-of-n sampling for model alignment", arXiv:2505.03156.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.soft_best_of_n([0.25, 0.25, 0.5], [1.0, 0.0, 2.0], 4, 0.5).round(4)
    array([0.1185, 0.0218, 0.8597])

    """
    ops = operations("best_of_n")
    found = None if p is None else ops.short_soft_best_of_n(p, reward, n, temperature)
    if found is not None:
        return found
    given = in_callers_kind(soft_best_of_n, {"p": p, "reward": reward}, n=n, temperature=temperature)
    if given is not None:
        return given
    masses, rewards = _outcomes(p, reward)
    n, temperature = _number(n, "n", 1.0), _positive(temperature, "temperature")
    if n.is_integer():
        return ops.soft_best_of_n(masses, rewards, n, temperature)
    mass, scaled = ops.soft_outcomes(masses, rewards, temperature, n)
    low, high = -LEFT - math.log(n), RIGHT - scaled.min()
    total = ops.soft_trapezes(mass, scaled, n, 0.0)
    between = ops.soft_trapezes(mass, scaled, n, 0.5)
    finer = 0.5 * (total + between)
    settled = (np.abs(total - between) <= (SETTLED + (high - low) * 2.0**-52) * finer).all()
    return n * mass * (finer if settled else _by_panels(ops, mass, scaled, n, (low, high), finer))


def _over(ops, panels, mass, scaled, n):
    """Return the integrals over `panels` (P, 2) of log s by Gauss-Legendre rules: (P, V)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = 0.5 * (panels[:, 1:] - panels[:, :1])
    return ops.soft_sums(panels[:, :1] + half * (1.0 + nodes), half * weights, mass, scaled, n)


def _by_panels(ops, mass, scaled, n, ends, estimate):
    """Return the integrals of an integrand that is smooth on the line, by panels halved until halves agree."""
    low, high = ends
    marks = np.linspace(low, high, math.ceil((high - low) / PANEL) + 1)
    panels = np.stack([marks[:-1], marks[1:]], axis=1)
    rows = max(1, HELD // len(mass))
    # Rounding of log s + reward / temperature, whose parts may be as large as the range, is no disagreement.
    agreement = AGREEMENT + (high - low) * 2.0**-52
    enough = agreement * estimate
    total = np.zeros(len(mass))
    for start in range(0, len(panels), rows):
        chunk = panels[start : start + rows]
        pending = [(chunk, _over(ops, chunk, mass, scaled, n))]
        while pending:
            chunk, whole = pending.pop()
            middle = chunk.mean(axis=1, keepdims=True)
            halves = np.stack([chunk[:, :1], middle, middle, chunk[:, 1:]], axis=1).reshape(-1, 2)
            parts = _over(ops, halves, mass, scaled, n).reshape(len(chunk), 2, -1)
            good = (np.abs(whole - parts.sum(axis=1)) <= enough).all(axis=1)
            total += parts[good].sum(axis=(0, 1))
            if not good.all():
                left = halves.reshape(-1, 2, 2)[~good].reshape(-1, 2), parts[~good].reshape(-1, parts.shape[-1])
                pending += [tuple(array[i : i + rows] for array in left) for i in range(0, len(left[0]), rows)]
    return total


def best_of_poisson(p: Any, reward: Any, mu: float) -> Any:
    r"""Return the law of the best of 1 + Poisson(μ) draws, ties broken at random.

    With F and F⁻ as in `BestOfN`, :math:`\pi(y) = p(y) / P(y)\, (F e^{-\mu (1 - F)} - F^- e^{-\mu (1 - F^-)})`: a
    smooth path of policies between the reference (μ = 0) and the best outcome.

    Parameters
    ----------
    p : array (V,)
        Reference probabilities, normalised here.
    reward : array (V,)
        Rewards; equal ones are a tie.
    mu : float
        Mean number of draws beyond the first, at least 0.

    Returns
    -------
    array of float64 (V,)
        Relative error below 1e-14 (1 + μ S) + V 2^-53, S the mass of better outcomes.

    Raises
    ------
    ValueError
        As `soft_best_of_n`; rewards may be infinite.

    References
    ----------
    arXiv:2506.19248.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.best_of_poisson([0.25, 0.25, 0.5], [1.0, 0.0, 2.0], 3.0).round(4)
    array([0.0852, 0.0263, 0.8884])

    """
    ops = operations("best_of_n")
    found = None if p is None else ops.short_best_of_poisson(p, reward, mu)
    if found is not None:
        return found
    given = in_callers_kind(best_of_poisson, {"p": p, "reward": reward}, mu=mu)
    if given is not None:
        return given
    masses, rewards = _outcomes(p, reward, infinite=True)
    return ops.best_of_poisson(masses, rewards, _number(mu, "mu", 0.0))


def win_rate_optimal(p: Any, reward: Any, *, strength: float | None = None, kl: float | None = None) -> WinRateOptimal:
    r"""Return the policy with the highest win rate against the reference at a given divergence from it.

    It is proportional to :math:`p\, e^{c Q}`, Q the quantile of the reward, with ties sharing theirs. For a continuous
    reward

    .. math:: D = \frac{(c-1) e^c + 1}{e^c - 1} - \log \frac{e^c - 1}{c}, \qquad
              \mathrm{win} = \frac{(c-1) e^c + 1}{c (e^c - 1)};

    a discrete one has at most these.

    Parameters
    ----------
    p : array (V,)
        Reference probabilities, normalised here.
    reward : array (V,)
        Rewards; equal ones are a tie.
    strength : float, optional
        c >= 0.
    kl : float, optional
        D >= 0 for a continuous reward, such as `kl_upper_bound` of some n; gives c. Exactly one of the two.

    Returns
    -------
    WinRateOptimal

    Raises
    ------
    ValueError
        As `soft_best_of_n`, or if not exactly one of `strength` and `kl` is given.

    References
    ----------
    Gui, Gârbacea & Veitch, "BoNBoN alignment", arXiv:2406.00832.

    Examples
    --------
    >>> import alignment_fast as af
    >>> best = af.best_of_n.win_rate_optimal([0.25, 0.25, 0.5], [1.0, 0.0, 2.0], kl=af.best_of_n.kl_upper_bound(2))
    >>> round(best.strength, 6), round(best.win_rate, 6)
    (2.288641, 0.675907)
    >>> best.pmf.round(4)
    array([0.1544, 0.0871, 0.7585])

    """
    ops = operations("best_of_n")
    found = None if p is None else ops.short_win_rate_optimal(p, reward, strength, kl)
    if found is not None:
        return WinRateOptimal(*found)
    given = in_callers_kind(win_rate_optimal, {"p": p, "reward": reward}, strength=strength, kl=kl)
    if given is not None:
        return given
    if (strength is None) == (kl is None):
        raise ValueError("give exactly one of strength and kl" + (", not both" if kl is not None else ""))
    masses, rewards = _outcomes(p, reward, infinite=True)
    c = _number(strength, "strength", 0.0) if kl is None else _strength(ops, _number(kl, "kl", 0.0))
    return WinRateOptimal(ops.win_rate_optimal(masses, rewards, c), c, *ops.quantile_tilt(c))


def _strength(ops, kl):
    """Return c of a given divergence."""
    if kl >= LARGEST_KL:
        raise ValueError(f"kl = {kl} is larger than any policy here needs")
    return ops.quantile_strength(kl)


def inference_time_pessimism(scores: Any, beta: float, *, p: Any = None) -> Pessimism:
    r"""Return the weights of inference-time pessimism over a pool of samples: chi-square regularised selection.

    The weights are :math:`p_i \max(0, (r_i - \lambda)/\beta)` with λ such that they sum to 1. Unlike best-of-n they do
    not get worse as the pool grows, when scores are only estimates.

    Parameters
    ----------
    scores : array (M,)
        Estimated rewards, finite.
    beta : float
        β > 0; the larger, the closer to the pool itself.
    p : array (M,), optional
        Probabilities of the samples, normalised here. Default: equal.

    Returns
    -------
    Pessimism

    Raises
    ------
    ValueError
        As `soft_best_of_n`, with β for the temperature.

    References
    ----------
    Huang et al., "Is best-of-N the best of them?", arXiv:2503.21878.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.inference_time_pessimism([0.0, 1.0, 3.0, 3.5], 0.5)
    Pessimism(threshold=2.25, weights=array([0.   , 0.   , 0.375, 0.625]))

    """
    ops = operations("best_of_n")
    found = ops.short_pessimism(p, scores, beta)
    if found is not None:
        return Pessimism(*found)
    given = in_callers_kind(inference_time_pessimism, {"scores": scores, "p": p}, beta=beta)
    if given is not None:
        return given
    beta = _positive(beta, "beta")
    rewards = as_floating(scores, "scores")
    return Pessimism(
        *ops.pessimism(*_outcomes(np.ones(rewards.shape) if p is None else p, rewards, name="scores"), beta)
    )


def _outcomes(p, reward, *, name="reward", infinite=False):
    """Return (p, reward), both float64 (V,), or raise for the first bad entry."""
    mass, rewards = as_floating(p, "p").astype(np.float64), as_floating(reward, name).astype(np.float64)
    for label, array in (("p", mass), (name, rewards)):
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"{label} must be one-dimensional and not empty, not of shape {array.shape}")
    if mass.shape != rewards.shape:
        raise ValueError(f"p of shape {mass.shape} and {name} of shape {rewards.shape} differ")
    for label, array, bad in (
        ("p", mass, ~((mass >= 0.0) & np.isfinite(mass))),
        (name, rewards, np.isnan(rewards) if infinite else ~np.isfinite(rewards)),
    ):
        refuse(bad, array, label, "is not allowed")
    if not mass.any():
        raise ValueError("p has no positive mass")
    return mass, rewards


def _number(value, name, least):
    value = as_number(value, name)
    if not least <= value < math.inf:
        raise ValueError(f"{name} = {value} is not a finite number >= {least:g}")
    return value


def _positive(value, name):
    value = as_number(value, name)
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name} = {value} is not a positive finite number")
    return value
