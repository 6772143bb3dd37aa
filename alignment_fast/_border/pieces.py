"""Long work of NumPy and SciPy in pieces, between which Ctrl-C can come."""

from collections.abc import Callable

from alignment_fast.kernels.common import threads


def in_pieces(run: Callable[[int, int], None], count: int, work: float) -> None:
    """Call ``run(first, last)`` over ranges of `count` items that take `work` nanoseconds together.

    A range takes about 10 ms at most; where a single item takes longer, this thread waits for another one that does it.
    """
    threads.for_blocks(run, count, work=work, num_threads=1)
