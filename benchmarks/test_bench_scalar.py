"""Elementwise functions against NumPy and SciPy, in the first level of cache, into preallocated arrays."""

import numpy as np
import pytest
from scipy import special

from alignment_fast.benchmarks.cases import OURS, Case, Contender, each_contender
from alignment_fast.kernels.common import cpu

N = 4096
# Function -> (where it is timed, NumPy's or SciPy's way in its best form).
FUNCTIONS = {
    "exp": ((-20.0, 20.0), lambda x, out: np.exp(x, out=out)),
    "expm1": ((-5.0, 5.0), lambda x, out: np.expm1(x, out=out)),
    "log": ((1e-3, 1e3), lambda x, out: np.log(x, out=out)),
    "log1p": ((-0.9, 10.0), lambda x, out: np.log1p(x, out=out)),
    "log1mexp": ((1e-3, 20.0), lambda x, out: np.log(-np.expm1(np.negative(x, out=out), out=out), out=out)),
    "softplus": ((-20.0, 20.0), lambda x, out: np.logaddexp(x, 0, out=out)),
    "sigmoid": ((-20.0, 20.0), lambda x, out: special.expit(x, out=out)),
    "normal_cdf": ((-8.0, 8.0), lambda x, out: special.ndtr(x, out=out)),
    "log_normal_cdf": ((-20.0, 8.0), lambda x, out: special.log_ndtr(x, out=out)),
    "normal_ppf": ((1e-6, 1 - 1e-6), lambda x, out: special.ndtri(x, out=out)),
    "normal_isf": ((1e-6, 1 - 1e-6), lambda x, out: np.negative(special.ndtri(x, out=out), out=out)),
    "normal_ppf_rn": ((1e-6, 1 - 1e-6), lambda x, out: special.ndtri(x, out=out)),
}


def case(name, dtype):
    (low, high), peer = FUNCTIONS[name]
    x = np.random.default_rng(0).uniform(low, high, N).astype(dtype)
    reference = peer(x.astype(np.float64), np.empty(N))
    tolerance = 1e-12 if dtype == "float64" else 1e-5

    def check(result):
        np.testing.assert_allclose(result, reference, rtol=tolerance, atol=tolerance)

    out, function = np.empty(N, dtype), getattr(cpu, name)

    def ours():
        function(x, out)
        return out

    return Case(
        f"{name} {dtype}, {N} elements",
        {
            OURS: Contender(ours, N, check),
            "NumPy or SciPy": Contender(lambda: peer(x, out), N, check),
        },
        floor={f"exp_f{dtype[5:]}": 1},
    )


CASES = [case(name, dtype) for name in FUNCTIONS for dtype in ("float64", "float32")]


@pytest.mark.kernels(
    "common.exp",
    "common.expm1",
    "common.log",
    "common.log1p",
    "common.log1mexp",
    "common.softplus",
    "common.sigmoid",
    "common.normal_cdf",
    "common.log_normal_cdf",
    "common.normal_ppf",
    "common.normal_isf",
    "common.normal_ppf_rn",
)
@each_contender(CASES)
def test_functions(case, name, timed):
    timed(case, name)
