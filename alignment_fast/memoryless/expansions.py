"""Limits as sequences grow: rate functions, scaled cumulants, and the second-order terms of best-of-n."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from alignment_fast._border.arrays import as_parameter
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast.information.moments import log_mgf, rate_function

WHICH = ("reference", "aligned", "best_of_n")
# The discretised Gumbel law is summed over this many units of its scale below and above its centre.
BELOW, ABOVE = 5.0, 45.0
# Points of a lattice over which that law is summed: some gigabytes.
MOST_POINTS = 1 << 26


class SecondOrder(NamedTuple):
    """Best-of-n over sequences of m letters, n = exp(m delta), up to terms that vanish as m grows.

    Parameters
    ----------
    expected_reward : float
        Of the sum; the error per token is o(1/m).
    kl_to_reference, kl_to_aligned : float
        D(best-of-n ‖ p^m) and D(best-of-n ‖ φ^m), nats; the latter grows like log(m)/2.
    alpha, variance : float
        Tilt of φ and the variance of the reward of one of its letters.
    span : float or None
        Span of the lattice of the rewards, None if they lie on none.

    """

    expected_reward: float
    kl_to_reference: float
    kl_to_aligned: float
    alpha: float
    variance: float
    span: float | None


def check_which(which):
    """Raise ValueError unless `which` names one of the three laws."""
    as_word(which, "which", WHICH)


def rate(p, reward, policy, tau, *, delta, which):
    """Return the rate function of -reward/m at `tau`; `policy` is the aligned one of divergence `delta`."""
    levels = -as_parameter(tau, "tau")
    if np.logical_or.reduce(np.isnan(levels), axis=None):
        refuse(np.isnan(levels), levels, "tau", "is NaN")
    if which == "aligned":
        return rate_function(reward, levels, p=policy.log_pi, log=True).value
    plain = rate_function(reward, levels, p=p).value
    if which == "reference" or delta == 0:  # best of one is the reference
        return plain
    # Rewards below the typical one need all n draws to fail: more than exponentially rare.
    possible = (levels >= policy.expected_reward) & (plain < np.inf)
    return np.where(possible, np.maximum(np.where(possible, plain, 0.0) - delta, 0.0), np.inf)[()]


def scaled_cumulant(p, reward, policy, rho, *, delta, which):
    """Return lim (1/m)(1/ρ) log E exp(ρ sum of rewards); of infinite ρ the extreme reward."""
    if type(rho) is float and rho != 0 and math.isfinite(rho) and (which != "best_of_n" or delta == 0):
        log = which == "aligned"
        return log_mgf(reward, rho, p=policy.log_pi if log else p, log=log) / rho
    rho = as_parameter(rho, "rho")
    refuse(np.isnan(rho), rho, "rho", "is NaN")
    infinite = np.isinf(rho)
    if infinite.any():
        found = scaled_cumulant(p, reward, policy, np.where(infinite, 1.0, rho), delta=delta, which=which)
        least = policy.expected_reward if which == "best_of_n" and delta > 0 else reward[p > 0].min()
        return np.where(infinite, np.where(rho > 0, reward[p > 0].max(), least), found)[()]
    zero = rho == 0
    safe = np.where(zero, 1.0, rho)[()]
    if which == "aligned":
        value, mean = log_mgf(reward, safe, p=policy.log_pi, log=True) / safe, policy.expected_reward
    else:
        value, mean = log_mgf(reward, safe, p=p) / safe, np.average(reward, weights=p) if zero.any() else 0.0
    if which == "best_of_n" and delta > 0:
        # Up to rho = alpha the typical best sequence decides, beyond it one that is exponentially rarer.
        return np.where(rho <= policy.alpha, policy.expected_reward, value + delta / safe)[()]
    return np.where(zero, mean, value)[()]


def second_order(policy, m, delta, span, offset):
    """Return `SecondOrder`; `policy` is the aligned one, the rewards lie on offset + span ℤ if span is not None."""
    alpha, variance = float(policy.alpha), float(policy.reward_variance)
    centre = m * float(policy.expected_reward)
    spread = math.sqrt(2 * math.pi * m * variance)
    if span is None:
        expected = centre - (math.log(alpha * spread) - np.euler_gamma) / alpha
        kl = m * delta - 1
        return SecondOrder(expected, kl, math.log(alpha * spread) - 1 - float(np.euler_gamma), alpha, variance, None)
    expected, kl = _on_lattice(alpha, centre, spread, m * delta, span=span, offset=m * offset)
    gap = kl - alpha * expected + m * float(policy.log_partition)
    return SecondOrder(expected, kl, gap, alpha, variance, span)


def _on_lattice(alpha, centre, spread, log_n, *, span, offset):
    """Return mean and divergence from the reference of the discretised Gumbel law on offset + span ℤ.

    n Q(s) = exp(-α (s - s₀)) with Q(s) = P(S >= s), so that the best sum is s with probability
    exp(-n Q(s + h)) - exp(-n Q(s)), and P(S = s) = Q(s)(1 - e^{-αh}).
    """
    local = -math.expm1(-alpha * span)
    origin = centre + math.log(span / (local * spread)) / alpha
    first = math.floor((origin - BELOW / alpha - offset) / span)
    last = math.ceil((origin + ABOVE / alpha - offset) / span)
    if last - first > MOST_POINTS:
        raise ValueError(f"delta is too small: the best sum is spread over {last - first:.1g} points of the lattice")
    sums = offset + span * np.arange(first, last + 1)
    hits = np.exp(-alpha * (sums - origin))
    log_pi = -hits * math.exp(-alpha * span) + np.log(-np.expm1(-hits * local))
    pi = np.exp(log_pi)
    expected = float(pi @ sums) / float(pi.sum())
    log_mass = np.log(hits) - log_n + math.log(local)
    return expected, float(pi @ (log_pi - log_mass)) / float(pi.sum())
