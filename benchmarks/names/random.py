"""Streams of random numbers beside NumPy's generator."""

import numpy as np

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

DRAWS = (1, 32, 1000, 50_000, 10_000_000)


def drawn(ours, plain):
    def calls(size, dtype):
        stream, rng = af.random.Stream(1), np.random.default_rng(1)
        return lambda: ours(stream, size, dtype), lambda: plain(rng, size, dtype)

    return calls


def made(size, _dtype):
    return lambda: [af.random.Stream(i) for i in range(size)], lambda: [np.random.default_rng(i) for i in range(size)]


DRAWN = "random numbers of two generators"
DIFFERENT = {
    "random.Stream": "the peer returns a generator",
    **{f"random.Stream.{kind}": DRAWN for kind in ("normal", "uint32", "uint64", "uniform")},
}
NAMES = {
    "random.Stream.from_key": NotTimed("keeps the key it is given"),
    "random.Stream": Timed("default_rng(seed)", "streams", (1, 1000), made, ("float64",)),
    "random.Stream.uint32": Timed(
        "Generator.integers, uint32",
        "draws",
        DRAWS,
        drawn(lambda s, n, _: s.uint32(n), lambda g, n, _: g.integers(0, 2**32, n, dtype=np.uint32)),
        ("float64",),
    ),
    "random.Stream.uint64": Timed(
        "Generator.integers, uint64",
        "draws",
        DRAWS,
        drawn(lambda s, n, _: s.uint64(n), lambda g, n, _: g.integers(0, 2**64 - 1, n, dtype=np.uint64)),
        ("float64",),
    ),
    "random.Stream.uniform": Timed(
        "Generator.random",
        "draws",
        DRAWS,
        drawn(lambda s, n, dtype: s.uniform(n, dtype=dtype.type), lambda g, n, dtype: g.random(n, dtype=dtype)),
    ),
    "random.Stream.normal": Timed(
        "Generator.standard_normal",
        "draws",
        DRAWS,
        drawn(lambda s, n, dtype: s.normal(n, dtype=dtype.type), lambda g, n, dtype: g.standard_normal(n, dtype=dtype)),
    ),
}
