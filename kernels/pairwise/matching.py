"""What losses that match two lists of differences need on CPU arrays: sorted lists, gradients put back in place."""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.pairwise import cpu

_SORTING, _SCATTERING, _REWARDING = 60.0, 3.0, 1.0  # nanoseconds per element, roughly
# Pairs that can be sorted at most: the order is kept as int32.
MOST_SORTED = 2**31 - 1


def sorted_differences(first, second, num_threads=None):
    """Return (x - y in ascending order, where each comes from) of two pairs (x, y) of flat arrays."""
    size = first[0].size
    results = [(np.empty(size, first[0].dtype), np.empty(size, np.int32)) for _ in range(2)]

    def run(begin, end):
        for pair, (values, order) in list(zip((first, second), results, strict=True))[begin:end]:
            cpu.sort_differences(*pair, values, order)

    threads.for_blocks(run, 2, work=2 * _SORTING * size, num_threads=num_threads)
    return results


def scattered(values, order, out, sign=1.0):
    """Write ``out[order] = sign * values`` into the flat array `out`; `sign` is 1 or -1."""
    threads.for_blocks(lambda first, last: cpu.scatter(values, order, out, sign), 1, work=_SCATTERING * values.size)


def matched_rewards(policy, reference, beta, out):
    """Write the rewards beta (policy - reference) into the flat array `out`."""
    work = _REWARDING * policy.size
    threads.for_blocks(lambda first, last: cpu.matched_rewards(policy, reference, beta, out), 1, work=work)
