"""Random streams against NumPy's generators, into preallocated arrays where the peer can do that."""

import numpy as np
import pytest

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.random import Stream

STREAM = Stream(1)
PEERS = {name: np.random.Generator(getattr(np.random, name)(1)) for name in ("PCG64", "SFC64", "Philox")}
# Words of 32 bits per draw.
WORDS = {"uint32": 1, "uint64": 2, "uniform float32": 1, "uniform float64": 2, "normal float32": 1, "normal float64": 2}


def looks_like(kind):
    """Return a check of mean and variance: eight standard errors, so that only a wrong generator fails."""
    name = kind.split()[0]
    mean, variance, fourth = {"normal": (0.0, 1.0, 3.0)}.get(name, (0.5, 1 / 12, 1 / 80))
    scale = {"uint32": 2.0**-32, "uint64": 2.0**-64}.get(name, 1.0)

    def check(draws):
        x = np.asarray(draws[: 2**16], np.float64) * scale
        assert abs(x.mean() - mean) < 8 * np.sqrt(variance / len(x))
        assert abs(((x - mean) ** 2).mean() - variance) < 8 * np.sqrt((fourth - variance**2) / len(x))

    return check


def random_access(kind, call, n):
    """Return a check that a part drawn by itself is that part of the whole."""

    def check(draws):
        looks_like(kind)(draws)
        np.testing.assert_array_equal(draws[n // 3 :], call(n - n // 3, draw=n // 3))

    return check


def ours(kind, n):
    name, _, dtype = kind.partition(" ")
    options = {"dtype": np.dtype(dtype)} if dtype else {}
    method = getattr(STREAM, name)
    out = np.empty(n, dtype or name)
    return Contender(
        lambda: method(n, out=out, num_threads=1, **options),
        n,
        random_access(kind, lambda count, draw: method(count, draw=draw, **options), n),
    )


def numpys(generator, kind, n):
    name, _, dtype = kind.partition(" ")
    out = np.empty(n, dtype or name)
    call = {
        "uint32": lambda: generator.integers(2**32, size=n, dtype=np.uint32),
        "uint64": lambda: generator.integers(2**64, size=n, dtype=np.uint64),
        "uniform": lambda: generator.random(out=out, dtype=out.dtype),
        "normal": lambda: generator.standard_normal(out=out, dtype=out.dtype),
    }[name]
    return Contender(call, n, looks_like(kind))


def case(kind, n, floor=None, targets=()):
    return Case(
        f"random {kind}, {n} draws",
        {OURS: ours(kind, n), **{f"NumPy {name}": numpys(peer, kind, n) for name, peer in PEERS.items()}},
        floor=floor or {"philox": WORDS[kind]},
        targets=targets,
    )


CASES = [
    *(case(kind, 2**16) for kind in WORDS if kind != "uniform float32"),
    case("uniform float32", 2**16, targets=(Target("NumPy PCG64", 10.0), Target("floor", 0.6))),
    case("uniform float32", 2**24, floor={"philox": 1, "write": 4}),
]


@pytest.mark.kernels("random.uint32", "random.uint64", "random.uniform", "random.normal")
@each_contender(CASES)
def test_streams(case, name, timed):
    timed(case, name)
