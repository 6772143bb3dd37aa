"""The operations of this family on CPU arrays: losses of pairs and margins, matched lists, tokens."""

from alignment_fast.kernels.pairwise.losses import MARGIN_FORMULAS, evaluate
from alignment_fast.kernels.pairwise.matching import MOST_SORTED, scattered, sorted_differences
from alignment_fast.kernels.pairwise.sequence import logit_gradients, token_logprobs

__all__ = [
    "MARGIN_FORMULAS",
    "MOST_SORTED",
    "evaluate",
    "logit_gradients",
    "scattered",
    "sorted_differences",
    "token_logprobs",
]
