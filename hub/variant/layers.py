"""Layers that ``kernelize`` puts in the place of modules of these names: stateless, as it asks."""

from torch import nn

from .linear import linear_logprobs
from .preference import preference_loss


class PreferenceLoss(nn.Module):
    """The mean sigmoid loss of pairs."""

    has_backward = True
    can_torch_compile = True

    def forward(self, policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta=0.1):
        """Return the loss of log-probabilities (...,)."""
        return preference_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta=beta)


class LinearLogprobs(nn.Module):
    """Log-probabilities of tokens from hidden states."""

    has_backward = True
    can_torch_compile = True

    def forward(self, hidden, weight, ids, mask=None):
        """Return them for hidden states (..., T, H), an output layer (V, H) and tokens (..., T)."""
        return linear_logprobs(hidden, weight, ids, mask)
