"""Best-of-n beside the KL-regularised optimum of the same divergence."""

from __future__ import annotations

from typing import Any, NamedTuple

from alignment_fast.policy.tilting import TiltedPolicy, matched


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


def align(ops, log_p, reward, log_pi, kl, num_threads):
    """Return the `AlignedPolicy` of laws log_pi (rows, T, V) of divergence `kl` (rows, T) from log_p (rows, V)."""
    log_deficit = ops.aligned_log_deficits(log_p, reward, log_pi)
    policy = matched(log_p, reward, kl, log_deficit, num_threads)
    return AlignedPolicy(policy, ops.aligned_gaps(log_pi, policy.log_pi))
