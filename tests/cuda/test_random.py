"""Random streams on CUDA: the words, uniforms and normals of the processor, bit for bit."""

import itertools

import numpy as np
import pytest

from alignment_fast.random import Stream

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

KINDS = {
    "words_u32": lambda stream, *a, **k: stream.uint32(*a, **k),
    "words_u64": lambda stream, *a, **k: stream.uint64(*a, **k),
    "uniforms_f32": lambda stream, *a, **k: stream.uniform(*a, dtype="float32", **k),
    "uniforms_f64": lambda stream, *a, **k: stream.uniform(*a, **k),
    "normals_f32": lambda stream, *a, **k: stream.normal(*a, dtype="float32", **k),
    "normals_f64": lambda stream, *a, **k: stream.normal(*a, **k),
}
SHAPES = [(1, 1), (1, 1000), (3, 7), (5, 64), (2, 333)]
DRAWS = [0, 1, 2, 3, 2**34 - 1, 2**64 - 1000]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_have_the_bits_of_the_processor(kernels_of, kind):
    stream = Stream.from_key(0x0123456789ABCDEF)
    for shape, draw, replicate in itertools.product(SHAPES, DRAWS, (0, 2**64 - 5)):
        expected = KINDS[kind](stream, shape, draw=draw, replicate=replicate)
        found = np.empty_like(expected)
        numbers = np.array([stream.key, replicate, draw], np.uint64)
        kernels_of("random").launch(f"fill_{kind}", 3, 32, *numbers, *np.array(shape, np.int64), found)
        assert found.tobytes() == expected.tobytes(), (shape, draw, replicate)


@pytest.mark.parametrize("kind", KINDS)
def test_the_launch_does_not_show(kernels_of, kind):
    expected = KINDS[kind](Stream.from_key(7), (3, 101), draw=5)
    for grid, block, order in [(1, 1, 0), (1, 256, 1), (7, 96, 2)]:
        found = np.empty_like(expected)
        numbers = np.array([7, 0, 5], np.uint64)
        kernels_of("random").launch(f"fill_{kind}", grid, block, *numbers, *np.array([3, 101]), found, order=order)
        assert found.tobytes() == expected.tobytes()
