"""The argument ``num_threads``, for ways that start no threads: they refuse what all others refuse."""

from alignment_fast.kernels.common import threads


def check_num_threads(num_threads):
    """Raise ValueError unless `num_threads` is None or a positive integer."""
    if num_threads is not None:
        threads.check(num_threads)
