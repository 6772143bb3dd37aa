"""Random streams against NumPy's generators: nanoseconds per call for 2^16 draws, written to a preallocated array."""

import numpy as np
import pytest

from alignment_fast.random import Stream

N = 2**16
STREAM = Stream(1)
NUMPY = np.random.Generator(np.random.PCG64(1))

# Name of the case, dtype, ours, NumPy's. NumPy has no words into an existing array.
CASES = {
    "uint32": (np.uint32, STREAM.uint32, lambda out: NUMPY.integers(2**32, size=N, dtype=np.uint32)),
    "uint64": (np.uint64, STREAM.uint64, lambda out: NUMPY.bit_generator.random_raw(N)),
    "uniform float32": (np.float32, STREAM.uniform, lambda out: NUMPY.random(out=out, dtype=np.float32)),
    "uniform float64": (np.float64, STREAM.uniform, lambda out: NUMPY.random(out=out)),
    "normal float32": (np.float32, STREAM.normal, lambda out: NUMPY.standard_normal(out=out, dtype=np.float32)),
    "normal float64": (np.float64, STREAM.normal, lambda out: NUMPY.standard_normal(out=out)),
}


@pytest.mark.kernels("random.uint32", "random.uint64", "random.uniform", "random.normal")
@pytest.mark.parametrize("peer", ["alignment_fast", "numpy"])
@pytest.mark.parametrize("case", CASES)
def test_streams(benchmark, case, peer):
    dtype, ours, numpys = CASES[case]
    benchmark.group = f"random {case} n={N}"
    out = np.empty(N, dtype)
    options = {"dtype": dtype} if np.issubdtype(dtype, np.floating) else {}
    np.testing.assert_array_equal(
        ours(N, out=out, num_threads=1, **options)[1000:], ours(N - 1000, draw=1000, **options)
    )
    if peer == "numpy":
        benchmark(numpys, out)
    else:
        benchmark(lambda: ours(N, out=out, num_threads=1, **options))
