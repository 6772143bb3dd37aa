"""The operations of this family on CPU arrays: losses of pairs and margins, matched lists, tokens."""

from alignment_fast.kernels.pairwise.cpu import (
    short_batch_kl,
    short_margin_loss,
    short_preference_loss,
    short_sequence_logprobs,
    short_sequence_logprobs_grad,
    short_unpaired_loss,
    sum_of_differences,
)
from alignment_fast.kernels.pairwise.losses import evaluate
from alignment_fast.kernels.pairwise.matching import MOST_SORTED, scattered, sorted_differences
from alignment_fast.kernels.pairwise.sequence import logit_gradients, sequence_sums, token_logprobs

__all__ = [
    "MOST_SORTED",
    "evaluate",
    "logit_gradients",
    "scattered",
    "sequence_sums",
    "short_batch_kl",
    "short_margin_loss",
    "short_preference_loss",
    "short_sequence_logprobs",
    "short_sequence_logprobs_grad",
    "short_unpaired_loss",
    "sorted_differences",
    "sum_of_differences",
    "token_logprobs",
]
