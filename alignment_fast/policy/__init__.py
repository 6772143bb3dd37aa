"""Policies: tilting of a reference policy, optima of preference objectives, axioms and preference matrices.

In tilting, ``alpha`` multiplies the reward: the tilted policy p·e^{α r} is the optimum of E r − D(·‖p)/α. In preference
optima ``beta`` does the same to scores, so it is the inverse of a KL coefficient, and of the beta of `af.pairwise`.
"""

from alignment_fast.policy.axioms import (
    PreferenceClasses,
    classify,
    condorcet_winner,
    count_cycles,
    is_condorcet_top,
    is_order_preserving,
    is_row_dominant,
    is_smith_top,
    is_strongly_transitive,
    smith_set,
)
from alignment_fast.policy.decomposition import Hodge, hodge
from alignment_fast.policy.estimators import (
    KLEstimatorMoments,
    KLEstimators,
    kl_estimator_moments,
    kl_estimators,
)
from alignment_fast.policy.gains import Gain, ProxyGap, achievable_gain, proxy_gap
from alignment_fast.policy.gradients import (
    ConstrainedGradient,
    PolicyGradient,
    TiltGradient,
    kl_constrained_gradient,
    tilt_gradient,
)
from alignment_fast.policy.preference_matrix import (
    PromptScores,
    preference_matrix,
    preference_matrix_from_scores,
    read_scores,
)
from alignment_fast.policy.preference_optimum import (
    LossGradient,
    PreferenceOptimum,
    dpo,
    dpo_covariance,
    dpo_loss,
    dpo_sensitivity,
    ipo,
    ipo_covariance,
    ipo_loss,
    ipo_pairs,
)
from alignment_fast.policy.samplers import OrderSampler, SmithSampler, order_sampler, smith_sampler
from alignment_fast.policy.tilting import TiltedPolicy, kl_constrained, optimality_gap, tilt

__all__ = [
    "ConstrainedGradient",
    "Gain",
    "Hodge",
    "KLEstimatorMoments",
    "KLEstimators",
    "LossGradient",
    "OrderSampler",
    "PolicyGradient",
    "PreferenceClasses",
    "PreferenceOptimum",
    "PromptScores",
    "ProxyGap",
    "SmithSampler",
    "TiltGradient",
    "TiltedPolicy",
    "achievable_gain",
    "classify",
    "condorcet_winner",
    "count_cycles",
    "dpo",
    "dpo_covariance",
    "dpo_loss",
    "dpo_sensitivity",
    "hodge",
    "ipo",
    "ipo_covariance",
    "ipo_loss",
    "ipo_pairs",
    "is_condorcet_top",
    "is_order_preserving",
    "is_row_dominant",
    "is_smith_top",
    "is_strongly_transitive",
    "kl_constrained",
    "kl_constrained_gradient",
    "kl_estimator_moments",
    "kl_estimators",
    "optimality_gap",
    "order_sampler",
    "preference_matrix",
    "preference_matrix_from_scores",
    "proxy_gap",
    "read_scores",
    "smith_sampler",
    "smith_set",
    "tilt",
    "tilt_gradient",
]
