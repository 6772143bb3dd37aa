"""Policies: tilting of a reference policy, optima of preference objectives.

Here ``alpha`` multiplies the reward: the tilted policy p·e^{α r} is the optimum of E r − D(·‖p)/α.
"""

from alignment_fast.policy.gradients import (
    ConstrainedGradient,
    PolicyGradient,
    TiltGradient,
    kl_constrained_gradient,
    tilt_gradient,
)
from alignment_fast.policy.tilting import TiltedPolicy, kl_constrained, optimality_gap, tilt

__all__ = [
    "ConstrainedGradient",
    "PolicyGradient",
    "TiltGradient",
    "TiltedPolicy",
    "kl_constrained",
    "kl_constrained_gradient",
    "optimality_gap",
    "tilt",
    "tilt_gradient",
]
