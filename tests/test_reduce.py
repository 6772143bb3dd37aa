"""Fixed-order sums and mergeable moments (af_reduce.h), through ``kernels.common.cpu``."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_fast.kernels.common import cpu, threads
from bounds import bound
from fresh import output_of
from oracles import reduce as oracle

BLOCK = cpu.BLOCK
LANES = 32
LENGTHS = [1, 2, LANES - 1, LANES, LANES + 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17]
SCALES = {
    "standard": lambda x: x,
    "large offset": lambda x: x + 1e8,
    "tiny": lambda x: x * 1e-60,
    "skewed": lambda x: np.exp(3.0 * x),
    "constant": lambda x: np.full_like(x, 0.1),
}


def block_moments(x, num_threads=1):
    blocks = np.empty((-(-len(x) // BLOCK), 7))
    threads.for_blocks(
        lambda first, last: cpu.moments_blocks(x, first, last, blocks),
        len(blocks),
        work=threads.GRAIN * 8.0,
        num_threads=num_threads,
    )
    return blocks


def fold(blocks):
    total = np.zeros(7)
    cpu.moments_fold(np.ascontiguousarray(blocks), total)
    return total


def assert_moments(actual, values):
    """Check against exact rationals: the rounding of every addition, and in every term of M_k that of x - mean."""
    count, mean, m2, m3, m4, low, high = oracle.moments(values)
    largest = max(abs(float(v)) for v in values)
    depth = BLOCK / LANES + 5 + len(values) / BLOCK + 10
    assert actual[0] == count
    assert actual[5] == low
    assert actual[6] == high
    spread = bound("common.moments_blocks") * largest
    assert abs(actual[1] - mean) <= spread
    for order, value, exact, absolute in zip(
        (2, 3, 4), actual[2:5], (m2, m3, m4), oracle.absolute_moments(values), strict=True
    ):
        lower = float(absolute) ** ((order - 1) / order) * count ** (1 / order)  # bounds the sum of |x - mean|^(k-1)
        rounded = depth * bound("common.moments_fold") * float(absolute)
        assert abs(value - exact) <= rounded + order * spread * (lower + count * spread ** (order - 1)), f"M{order}"


@pytest.mark.optimised
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("length", LENGTHS)
def test_moments_agree_with_exact_arithmetic(length, scale):
    x = SCALES[scale](np.random.default_rng(length).standard_normal(length))
    assert_moments(fold(block_moments(x)), x)


def test_moments_agree_with_numpy_on_many_blocks():
    x = np.random.default_rng(1).exponential(size=300_001)
    count, mean, m2, m3, m4, low, high = fold(block_moments(x))
    centred = x - x.mean()
    assert (count, low, high) == (len(x), x.min(), x.max())
    np.testing.assert_allclose(mean, x.mean(), rtol=1e-14)
    np.testing.assert_allclose([m2, m3, m4], [(centred**k).sum() for k in (2, 3, 4)], rtol=1e-12)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_mean_and_second_moment_show_values_that_are_not_finite(bad):
    x = np.arange(100.0)
    x[37] = bad
    total = fold(block_moments(x))
    assert not np.isfinite(total[1])
    assert np.isnan(total[2])


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_any_number_of_threads_gives_the_same_bits(num_threads):
    x = np.random.default_rng(2).standard_normal(40 * BLOCK + 5)
    assert block_moments(x, num_threads).tobytes() == block_moments(x).tobytes()


def test_input_may_be_read_only():
    x = np.arange(10.0)
    x.flags.writeable = False
    assert fold(block_moments(x))[1] == 4.5


FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(FINITE, min_size=1, max_size=60), st.lists(FINITE, min_size=1, max_size=60))
def test_merging_is_concatenation(left, right):
    parts = np.vstack([block_moments(np.array(left)), block_moments(np.array(right))])
    assert_moments(fold(parts), left + right)


@given(st.lists(FINITE, min_size=1, max_size=60))
def test_an_empty_side_changes_nothing(values):
    block = block_moments(np.array(values))
    empty = np.zeros((1, 7))
    assert fold(np.vstack([block, empty])).tobytes() == block.tobytes()
    assert fold(np.vstack([empty, block])).tobytes() == block.tobytes()


@given(st.lists(FINITE, min_size=1, max_size=40), st.data())
def test_folding_does_not_depend_on_where_it_is_cut(values, data):
    blocks = np.vstack([block_moments(np.array([value])) for value in values])
    cut = data.draw(st.integers(0, len(values)))
    total = np.zeros(7)
    for part in (blocks[:cut], blocks[cut:]):
        cpu.moments_fold(np.ascontiguousarray(part), total)
    assert total.tobytes() == fold(blocks).tobytes()


DIGEST = """
import hashlib, numpy as np
from alignment_fast.kernels.common import cpu
x = np.random.default_rng(3).standard_normal(5 * cpu.BLOCK + 77)
blocks, total = np.empty((6, 7)), np.zeros(7)
cpu.moments_blocks(x, 0, 6, blocks)
cpu.moments_fold(blocks, total)
print(hashlib.sha256(blocks.tobytes() + total.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("isa", cpu.supported_isas())
def test_every_instruction_set_gives_the_same_bits(isa):
    x = np.random.default_rng(3).standard_normal(5 * BLOCK + 77)
    blocks = block_moments(x)
    here = hashlib.sha256(blocks.tobytes() + fold(blocks).tobytes()).hexdigest()
    assert output_of(DIGEST, ALIGNMENT_FAST_ISA=isa) == here
