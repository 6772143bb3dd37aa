"""The operations of this family on CPU arrays: losses of pairs and margins, matched lists, tokens, vocabularies."""

from alignment_fast.kernels.pairwise.cpu import (
    short_batch_kl,
    short_margin_loss,
    short_preference_loss,
    short_sequence_logprobs,
    short_sequence_logprobs_grad,
    short_sequence_logprobs_hidden,
    short_sequence_logprobs_hidden_grad,
    short_unpaired_loss,
    sum_of_differences,
)
from alignment_fast.kernels.pairwise.losses import (
    FFI_LAYOUT,
    FFI_PAIRS,
    FORMULAS_BY_NAME,
    MARGIN_FORMULAS,
    SCORES,
    evaluate,
    labels,
    reduced_loss,
    reduced_metrics,
    total,
)
from alignment_fast.kernels.pairwise.matching import MOST_SORTED, matched_rewards, scattered, sorted_differences
from alignment_fast.kernels.pairwise.sequence import logit_gradients, sequence_sums, token_logprobs
from alignment_fast.kernels.pairwise.vocabulary import add_letters, letter_gradients, no_letters

__all__ = [
    "FFI_LAYOUT",
    "FFI_PAIRS",
    "FORMULAS_BY_NAME",
    "MARGIN_FORMULAS",
    "MOST_SORTED",
    "SCORES",
    "add_letters",
    "evaluate",
    "labels",
    "letter_gradients",
    "logit_gradients",
    "matched_rewards",
    "no_letters",
    "reduced_loss",
    "reduced_metrics",
    "scattered",
    "sequence_sums",
    "short_batch_kl",
    "short_margin_loss",
    "short_preference_loss",
    "short_sequence_logprobs",
    "short_sequence_logprobs_grad",
    "short_sequence_logprobs_hidden",
    "short_sequence_logprobs_hidden_grad",
    "short_unpaired_loss",
    "sorted_differences",
    "sum_of_differences",
    "token_logprobs",
    "total",
]
