"""The streams inside a user's own njit code."""

import numba
import numpy as np
import pytest

from alignment_fast.kernels.random import jit
from alignment_fast.random import Stream

pytestmark = pytest.mark.same_everywhere

KEY = 0x123456789ABCDEF0
U64 = np.uint64


@pytest.mark.parametrize("draw", [0, 1, 7, 2**33 - 5, 2**63 + 1, 2**64 - 100])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 100])
def test_fill_uniform_is_the_stream(draw, n):
    out = np.full(n + 2, -1.0)
    jit.fill_uniform(U64(KEY), U64(2**32 + 3), U64(draw), out[1:-1])
    np.testing.assert_array_equal(out[1:-1], Stream.from_key(KEY).uniform(n, replicate=2**32 + 3, draw=draw))
    assert out[0] == out[-1] == -1.0


def test_uniform_inside_user_code():
    @numba.njit
    def three(key, replicate, draw):
        out = np.empty(3)
        for i in range(3):
            out[i] = jit.uniform(key, replicate, draw + np.uint64(i))
        return out

    for draw in (0, 5, 2**64 - 3):
        expected = Stream.from_key(KEY).uniform(3, replicate=9, draw=draw)
        np.testing.assert_array_equal(three(U64(KEY), U64(9), U64(draw)), expected)


def test_small_signed_counters_are_accepted():
    assert jit.uniform(5, 3, 9) == Stream.from_key(5).uniform(1, replicate=3, draw=9)[0]
