"""The radix sort of large pools: the order of NumPy's sort, whatever the values have in common."""

import numpy as np
import pytest

from alignment_fast.best_of_n import curve
from alignment_fast.kernels.best_of_n import cpu, pool

VALUES = {
    "normals": lambda rng, size: rng.standard_normal(size),
    "float32 values": lambda rng, size: rng.standard_normal(size).astype(np.float32).astype(np.float64),
    "few integers": lambda rng, size: rng.integers(-3, 3, size).astype(np.float64),
    "one value": lambda rng, size: np.full(size, -2.5),
    "both zeros": lambda rng, size: rng.choice([0.0, -0.0, 1.0], size),
    "a cluster and one far away": lambda rng, size: np.append(1e300, 1.0 + 1e-12 * rng.standard_normal(size - 1)),
    "nested clusters": lambda rng, size: 1.0 + rng.choice([0.0, 1e-8], size) + rng.integers(0, 64, size) * 2.0**-52,
    "all magnitudes": lambda rng, size: rng.choice([-1.0, 1.0], size) * 10.0 ** rng.uniform(-320, 308, size),
}


@pytest.mark.parametrize("size", [1, 2, 24, 25, 1000, 50_000])
@pytest.mark.parametrize("kind", VALUES)
def test_pools_are_in_ascending_order(kind, size):
    given = np.stack([VALUES[kind](np.random.default_rng(seed), size) for seed in range(3)])
    found = given.copy()
    cpu.pool_sort(found)
    assert (found == np.sort(given, axis=-1)).all()


@pytest.mark.parametrize("kind", VALUES)
def test_a_curve_has_the_same_bits_whoever_sorts(kind, monkeypatch):
    scores = VALUES[kind](np.random.default_rng(1), pool.LARGE_POOL)
    found = []
    for numpy_sorts in (True, False):
        monkeypatch.setattr(pool, "numpy_sorts_faster", lambda answer=numpy_sorts: answer)
        found.append(np.asarray(curve(scores, [1, 7, 1000]).mean))
    assert found[0].tobytes() == found[1].tobytes()
