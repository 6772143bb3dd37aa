"""Preference losses and log-probabilities of tokens, differentiable, in one compiled pass each."""

from . import layers
from ._dispatch import calls
from .linear import linear_logprobs
from .margins import margin_loss
from .preference import preference_loss
from .sequence import sequence_logprobs
from .unpaired import unpaired_loss

__all__ = [
    "calls",
    "layers",
    "linear_logprobs",
    "margin_loss",
    "preference_loss",
    "sequence_logprobs",
    "unpaired_loss",
]
