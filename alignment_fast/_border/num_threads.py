"""The argument `num_threads` of public functions."""

from alignment_fast.kernels.common import threads


def check_num_threads(num_threads: int | None) -> None:
    """Raise ValueError unless `num_threads` is None or a positive integer.

    Operations that cut work for threads check it themselves; a function that may return without one of them, or that
    works for long before, calls this first. A short path is for None alone.
    """
    if num_threads is not None:
        threads.check(num_threads)
