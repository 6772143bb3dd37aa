"""Preference losses of log-probabilities, with rewards and gradients from one compiled pass.

`preference_loss` takes pairs of chosen and rejected answers, `unpaired_loss` single answers that are marked desirable
or not, `margin_loss` margins; `LOSS_TYPES` lists every loss with its formula, inputs, parameters and source. β is the
KL coefficient as trainers use it: the inverse of the `beta` of `alignment_fast.policy` and `alignment_fast.dynamics`.
`sequence_logprobs` makes the log-probabilities, from logits or from hidden states.
"""

from alignment_fast.pairwise._batch import Metrics
from alignment_fast.pairwise.loss_types import LOSS_TYPES, LossType
from alignment_fast.pairwise.margins import MarginLoss, margin_loss
from alignment_fast.pairwise.preference import PreferenceLoss, preference_loss
from alignment_fast.pairwise.sequence import (
    HiddenGradient,
    sequence_logprobs,
    sequence_logprobs_grad,
    sequence_logprobs_hidden,
    sequence_logprobs_hidden_grad,
)
from alignment_fast.pairwise.unpaired import UnpairedLoss, batch_kl, unpaired_loss

__all__ = [
    "LOSS_TYPES",
    "HiddenGradient",
    "LossType",
    "MarginLoss",
    "Metrics",
    "PreferenceLoss",
    "UnpairedLoss",
    "batch_kl",
    "margin_loss",
    "preference_loss",
    "sequence_logprobs",
    "sequence_logprobs_grad",
    "sequence_logprobs_hidden",
    "sequence_logprobs_hidden_grad",
    "unpaired_loss",
]
