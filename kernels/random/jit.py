"""The streams inside a user's own ``@numba.njit`` code: the same values as `alignment_fast.random.Stream`.

Nothing is compiled before the first call, and nothing is cached on disk: a cache next to an installed package breaks
where the installation is read-only.
"""

import numpy as np
from numba import njit

from alignment_fast.kernels.random import scalar

# Inlined by Numba itself: LLVM inlines it too late for its loop vectoriser, which makes fill_uniform five times slower.
philox4x32 = njit(nogil=True, inline="always")(scalar.philox4x32)
_word64 = njit(nogil=True, inline="always")(scalar.word64)
_uniform_f64 = njit(nogil=True, inline="always")(scalar.uniform_f64)

_ONE = np.uint64(1)


@njit(nogil=True)
def uniform(key, replicate, draw):
    """Return the float64 uniform number `draw` of one replicate's stream; all arguments unsigned 64-bit."""
    w0, w1, w2, w3 = philox4x32(key, replicate, np.uint64(draw) >> _ONE)
    odd = np.uint64(draw) & _ONE
    return _uniform_f64(_word64(w2, w3) if odd else _word64(w0, w1))


@njit(nogil=True)
def fill_uniform(key, replicate, draw, out):
    """Write float64 uniforms ``draw, draw + 1, ...`` of one replicate's stream into the one-dimensional `out`.

    Two per block, in a loop that LLVM vectorises: with a buffer of some thousand, ten times faster than `uniform`.
    """
    head = min(np.int64(np.uint64(draw) & _ONE), out.size)
    if head:
        out[0] = uniform(key, replicate, draw)
    start = np.uint64(draw) + np.uint64(head)
    body = out[head:]
    for i in range(body.size // 2):
        w0, w1, w2, w3 = philox4x32(key, replicate, (start >> _ONE) + np.uint64(i))
        body[2 * i] = _uniform_f64(_word64(w0, w1))
        body[2 * i + 1] = _uniform_f64(_word64(w2, w3))
    if body.size % 2:
        body[body.size - 1] = uniform(key, replicate, start + np.uint64(body.size - 1))
