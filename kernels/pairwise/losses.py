"""Losses over a batch of pairs or margins on CPU arrays: one compiled pass, threads over tiles."""

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.pairwise import cpu
from alignment_fast.kernels.pairwise.structures import Sums

FFI_PAIRS = cpu.FFI_PAIRS  # address of the handler that XLA calls, and what its frames look like
FFI_LAYOUT = cpu.FFI_LAYOUT
FORMULAS_BY_NAME, SCORES = cpu.FORMULAS_BY_NAME, cpu.SCORES
MARGIN_FORMULAS = cpu.MARGIN_FORMULAS  # those with second derivatives, and with targets
_COST = 4.0  # nanoseconds per pair, roughly
_SMALL = 1000  # pairs that are not worth a look at the number of threads


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
