"""Losses over a batch of pairs or margins on CPU arrays: one compiled pass, threads over tiles."""

import math

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.pairwise import cpu
from alignment_fast.kernels.pairwise.structures import Sums

FFI_PAIRS = cpu.FFI_PAIRS  # address of the handler that XLA calls, and what its frames look like
FFI_LAYOUT = cpu.FFI_LAYOUT
FORMULAS_BY_NAME, SCORES = cpu.FORMULAS_BY_NAME, cpu.SCORES
MARGIN_FORMULAS = cpu.MARGIN_FORMULAS  # those with second derivatives, and with targets
_COST = 4.0  # nanoseconds per pair, roughly
_SMALL = 1000  # so few pairs that asking for the number of threads would take longer than the loss


def evaluate(
    loss, inputs, outputs, *, storage, wide, size, factor=1.0, lengths_first=False, metrics=False, num_threads=None
):
    """Run the loss over `size` pairs: write `outputs`, gradients times `factor`, and return the `Sums`.

    `storage` is that of the log-probabilities, "own", "float16" or "bfloat16"; everything else is float64 if `wide`,
    else float32. With `lengths_first`, lengths divide log-probabilities before the score map, and rewards too.
    """
    pairs = cpu.Pairs(loss, storage, lengths_first, wide, size, inputs, outputs, factor, metrics)
    if size <= _SMALL and num_threads is None:
        pairs.evaluate(0, pairs.tiles())
    else:
        threads.for_blocks(pairs.evaluate, pairs.tiles(), work=_COST * size, num_threads=num_threads)
    return Sums(*pairs.sums())


def reduced_loss(sums, divisor, dtype):
    """Return the sum of the losses divided by `divisor` as a number of `dtype`; NaN for no pairs."""
    return dtype.type(_ratio(sums.loss, divisor))


def reduced_metrics(sums, size):
    """Return mean chosen and rejected rewards, their difference and the accuracy."""
    chosen, rejected = _ratio(sums.chosen_rewards, size), _ratio(sums.rejected_rewards, size)
    return chosen, rejected, chosen - rejected, _ratio(sums.wins, size)


def _ratio(total, count):
    return total / count if count else math.nan


def labels(desirable, dtype, weights):
    """Return targets 1 and 0, and the weight of each answer; None where both weights are 1."""
    return desirable, None if weights == (1.0, 1.0) else np.where(desirable == 1, *weights)


def total(lengths):
    """Return the sum of lengths."""
    return float(lengths.sum(dtype=np.float64))
