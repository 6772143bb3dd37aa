"""Cumulants, rate functions and the Rényi family of weighted rewards, in batches, by one kernel family.

With weights p over an alphabet and a reward r per letter, everything is the log-MGF K(ρ) = log Σ p e^{ρ r} or its
exponential mean E(ρ) = K(ρ)/ρ, E(0) = Σ p r, E(±inf) the largest and least reward of the support:

====================================  =========================================
`log_mgf`                             K(t)
`renyi_cross_entropy` H_t(p‖q)        −E(t − 1) with r = log q
`renyi_entropy` H_t(p)                −E(t − 1) with r = log p
`renyi_divergence` D_t(p‖q)           E(t − 1) with r = log p − log q
====================================  =========================================

E is evaluated without cancellation for every real ρ, so orders arbitrarily near 1 lose no digits.
"""

from alignment_fast.information.entropies import (
    cross_entropy,
    entropy,
    kl_divergence,
    renyi_cross_entropy,
    renyi_divergence,
    renyi_entropy,
)
from alignment_fast.information.gradients import (
    LogMgfGradient,
    RateFunctionGradient,
    RenyiGradient,
    log_mgf_gradient,
    rate_function_gradient,
    renyi_cross_entropy_gradient,
    renyi_divergence_gradient,
    renyi_entropy_gradient,
)
from alignment_fast.information.markov import MarkovPolicy, markov_aligned, markov_renyi_cross_entropy_rate
from alignment_fast.information.moments import (
    RateFunction,
    TiltedMoments,
    cumulants,
    log_mgf,
    rate_function,
    tilted_moments,
)

__all__ = [
    "LogMgfGradient",
    "MarkovPolicy",
    "RateFunction",
    "RateFunctionGradient",
    "RenyiGradient",
    "TiltedMoments",
    "cross_entropy",
    "cumulants",
    "entropy",
    "kl_divergence",
    "log_mgf",
    "log_mgf_gradient",
    "markov_aligned",
    "markov_renyi_cross_entropy_rate",
    "rate_function",
    "rate_function_gradient",
    "renyi_cross_entropy",
    "renyi_cross_entropy_gradient",
    "renyi_divergence",
    "renyi_divergence_gradient",
    "renyi_entropy",
    "renyi_entropy_gradient",
    "tilted_moments",
]
