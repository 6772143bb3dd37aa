"""Best-of-n beside the KL-regularised optimum of the same divergence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from alignment_fast.information._solve import relative_entropy_term
from alignment_fast.policy.tilting import TiltedPolicy, matched

# Above this, log π/φ − 1 loses no digits.
FAR = 2.0


class AlignedPolicy(NamedTuple):
    """The tilted policy φ with D(φ ‖ p) = D(π_n ‖ p), and how far best-of-n is from it.

    Parameters
    ----------
    policy : TiltedPolicy
        φ; its alpha is inf where best-of-n has saturated.
    divergence : array (..., [T])
        D(π_n ‖ φ).

    """

    policy: TiltedPolicy
    divergence: Any


def align(log_p, reward, log_pi, kl, num_threads):
    """Return the `AlignedPolicy` of laws log_pi (rows, T, V) of divergence `kl` (rows, T) from log_p (rows, V)."""
    policy = matched(log_p, reward, kl, _deficit(log_p, reward, log_pi), num_threads)
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


def _deficit(log_p, reward, log_pi):
    """Return D_max − D(π ‖ p), D_max = −log P(best reward), as a sum of positive terms.

    Let η be the mass of π off the best reward. Outcomes there give π (D_max − log π/p), the best ones −(1 − η)
    log1p(−η).
    """
    best = np.where(log_p > -np.inf, reward, -np.inf).max(axis=-1, keepdims=True)
    top = (reward == best) & (log_p > -np.inf)
    log_top = np.log(np.exp(np.where(top, log_p, -np.inf)).sum(axis=-1, keepdims=True))
    missed = ~top[:, None, :] & (log_pi > -np.inf)
    log_ratio = np.where(missed, log_pi, 0.0) - np.where(log_p > -np.inf, log_p, 0.0)[:, None, :]
    mass = np.where(missed, np.exp(log_pi), 0.0)
    off = np.minimum(mass.sum(axis=-1), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(off < 1.0, -(1 - off) * np.log1p(-off), 0.0)
    return (mass * (-log_top[:, None, :] - log_ratio)).sum(axis=-1) + kept
