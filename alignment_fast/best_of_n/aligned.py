"""Best-of-n beside the KL-regularised optimum of the same divergence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from alignment_fast.information._weak import relative_entropy_term
from alignment_fast.policy.tilting import TiltedPolicy, matched

# Above this, log π/φ − 1 loses no digits.
FAR = 2.0


class AlignedPolicy(NamedTuple):
    """The tilted policy φ with D(φ ‖ p) = D(π_n ‖ p), and how far best-of-n is from it.

    Parameters
    ----------
    policy : TiltedPolicy
        φ; its alpha is inf where best-of-n has saturated: where it leaves less than the log-probabilities of a double
        can tell.
    divergence : array (..., [T])
        D(π_n ‖ φ).

    """

    policy: TiltedPolicy
    divergence: Any


def align(log_p, reward, log_pi, kl, num_threads):
    """Return the `AlignedPolicy` of laws log_pi (rows, T, V) of divergence `kl` (rows, T) from log_p (rows, V)."""
    policy = matched(log_p, reward, kl, _log_deficit(log_p, reward, log_pi), num_threads)
    with np.errstate(invalid="ignore"):  # -inf − -inf: an outcome that neither law has
        ratio = log_pi - policy.log_pi
    ratio = np.where(log_pi == -np.inf, -np.inf, ratio)
    phi = np.exp(policy.log_pi)
    with np.errstate(over="ignore", invalid="ignore"):
        # A term φ h(log π/φ) each, all of one sign; far above φ as π (log π/φ − 1) + φ, where φ may underflow. Where φ
        # has no mass and π has, the sum is infinite.
        far = np.where(ratio == np.inf, np.inf, np.exp(log_pi) * (ratio - 1) + phi)
        terms = np.where(ratio > FAR, far, phi * relative_entropy_term(np.minimum(ratio, FAR)))
    return AlignedPolicy(policy, terms.sum(axis=-1))


def _log_deficit(log_p, reward, log_pi):
    """Return log(D_max − D(π ‖ p)), D_max = −log P(best reward), from a sum of positive terms.

    Let η be the mass of π off the best reward. Outcomes there give π (D_max − log π/p), the best ones −(1 − η)
    log1p(−η). All terms are summed relative to the largest π off the best reward, which may be below any double.
    """
    best = np.where(log_p > -np.inf, reward, -np.inf).max(axis=-1, keepdims=True)
    top = (reward == best) & (log_p > -np.inf)
    log_of_top = np.where(top, log_p, -np.inf)
    greatest = log_of_top.max(axis=-1, keepdims=True)
    log_top = greatest + np.log(np.exp(log_of_top - greatest).sum(axis=-1, keepdims=True))
    missed = ~top[:, None, :] & (log_pi > -np.inf)
    scale = np.where(missed, log_pi, -np.inf).max(axis=-1, keepdims=True)
    log_ratio = np.where(missed, log_pi, 0.0) - np.where(log_p > -np.inf, log_p, 0.0)[:, None, :]
    with np.errstate(invalid="ignore"):
        mass = np.exp(np.where(missed, log_pi - scale, -np.inf))
    off = np.minimum((mass * np.exp(scale)).sum(axis=-1), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_mass = np.where(off > 0.0, -np.log1p(-off) / off, 1.0)
        kept = np.where(off < 1.0, (1 - off) * per_mass, 0.0) * mass.sum(axis=-1)
        total = (mass * (-log_top[:, None, :] - log_ratio)).sum(axis=-1) + kept
        return scale[..., 0] + np.log(total)
