"""Sorts and exclusive sums on CUDA: stable, of every size, and the same for any launch."""

import numpy as np
import pytest

from alignment_fast.kernels.common import sorting, streams

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

# Shapes on both sides of what changes the passes: one key, halves of a warp, rows by counting, slices.
SIZES = [(1, 1), (3, 33), (5, 64), (2, 65), (1, 2048), (2, 2049), (0, 70)]
LAUNCHES = [(1, 32, 0), (3, 96, 1), (64, 256, 5)]


def there(values):
    return streams.Place(0, streams.LEGACY).copy(np.ascontiguousarray(values))


def numbers(kind, shape, dtype):
    """Numbers of every order of magnitude and both signs, many of them equal, or few values, zeros of both signs."""
    generator = np.random.default_rng(7)
    if kind == "ties":
        return generator.choice(np.array([0.0, -0.0, 1.0, -2.5, np.inf, -np.inf]), shape).astype(dtype)
    if kind == "descending":
        return -np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    values = generator.normal(size=shape) * 10.0 ** generator.integers(-30, 30, shape)
    values[generator.random(shape) < 0.1] = 1e-40
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["wide", "ties", "descending"])
@pytest.mark.parametrize("shape", SIZES)
def test_rows_are_sorted_stably(cuda, shape, kind, dtype):
    x = numbers(kind, shape, dtype)
    keys, order = sorting.sorted_keys(there(x), ordered=True)
    expected = np.argsort(x, axis=-1, kind="stable")
    assert (order.numpy() == expected).all()
    assert (sorting.sorted_values(keys).numpy() == np.take_along_axis(x, expected, -1)).all()
    assert (sorting.sorted_keys(there(x)).numpy() == keys.numpy()).all()


@pytest.mark.parametrize("launch", LAUNCHES)
def test_the_launch_does_not_show(cuda, shaped, launch):
    x = numbers("ties", (2, 4500), "float32")
    shaped(*launch)
    keys, order = sorting.sorted_keys(there(x), ordered=True)
    assert (order.numpy() == np.argsort(x, axis=-1, kind="stable")).all()
    assert (sorting.sorted_values(keys).numpy() == np.sort(x, axis=-1)).all()


@pytest.mark.parametrize("size", [1, 31, 1024, 1025, 5000])
@pytest.mark.parametrize("launch", LAUNCHES)
def test_sums_of_those_before(cuda, shaped, size, launch):
    shaped(*launch)
    counts = np.random.default_rng(size).integers(0, 2**40, size)
    x = there(counts)
    sorting.add_up(x)
    assert (x.numpy() == np.cumsum(counts) - counts).all()
