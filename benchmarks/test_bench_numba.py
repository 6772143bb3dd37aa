"""Compiled user code over 1e6 numbers: the kernels beside the plain formula that Numba compiles."""

import math

import numba
import numpy as np

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.interop import numba as fast

SIZE = 1_000_000
FORMULAS = {
    "exp": (math.exp, 2),
    "log": (math.log, 2),
    "log1p": (math.log1p, 5),
    "softplus": (numba.njit(lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x)))), 5),
    "sigmoid": (numba.njit(lambda x: 1.0 / (1.0 + math.exp(-x))), 5),
}


def plain(formula):
    """Return the loop that a user writes, which Numba compiles."""

    @numba.njit
    def loop(x, out):
        for i in range(len(x)):
            out[i] = formula(x[i])
        return out

    return loop


def case(name):
    fast.register()
    formula, speed = FORMULAS[name]
    function = getattr(fast, name)
    x, out = np.random.default_rng(0).uniform(0.1, 9.0, SIZE), np.empty(SIZE)
    ours, theirs = numba.njit(lambda x, out: function(x, out=out)), plain(formula)
    expected = theirs(x, np.empty(SIZE))

    def right(result):
        np.testing.assert_allclose(result, expected, rtol=1e-14)

    return Case(
        f"{name} of {SIZE} numbers in compiled code",
        {
            OURS: Contender(lambda: ours(x, out), SIZE, right),
            "Numba": Contender(lambda: theirs(x, out), SIZE, right),
        },
        targets=(Target("Numba", speed),),
    )


@each_contender([case(name) for name in FORMULAS])
def test_arrays_in_compiled_code(case, name, timed):
    timed(case, name)
