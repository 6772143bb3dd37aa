"""The functions with SciPy's names beside SciPy's own, on small rows, on logits of a vocabulary and elementwise."""

import numpy as np
import pytest
from scipy import special, stats

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.interop import scipy as ours

RANDOM = np.random.default_rng(0)


def case(name, group, arguments, *, rtol=1e-12, atol=0.0, speed=None, **options):
    host = stats.entropy if name == "entropy" else getattr(special, name)
    expected = host(*arguments, **options)

    def right(result):
        np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol)

    size = np.size(arguments[0])
    return Case(
        f"{name}, {group}",
        {
            OURS: Contender(lambda: getattr(ours, name)(*arguments, **options), size, right),
            "SciPy": Contender(lambda: host(*arguments, **options), size, right),
        },
        targets=() if speed is None else (Target("SciPy", speed),),
    )


SMALL = RANDOM.normal(size=10)
LOGITS = RANDOM.normal(size=(64, 50_257))
SHARES, OTHERS = RANDOM.random((2, 100_000)) + 1e-3

SUMS = [
    *(
        case(name, f"10 numbers, {kind}", [SMALL if kind == "array" else SMALL.tolist()], speed=speed)
        for name, speed in (("logsumexp", 20), ("softmax", 8), ("log_softmax", 8))
        for kind in ("array", "list")
    ),
    *(
        case(
            name,
            f"64 x 50257, {dtype}",
            [LOGITS.astype(dtype)],
            axis=1,
            rtol=1e-4 if dtype == "float32" else 1e-12,
            speed=speed,
        )
        for name, speed in (("logsumexp", 8), ("softmax", 3), ("log_softmax", 3))
        for dtype in ("float64", "float32")
    ),
]
ENTROPIES = [
    case("entropy", "10 masses", [np.exp(SMALL)], speed=20),
    case("entropy", "10 masses from 10", [np.exp(SMALL), np.exp(SMALL[::-1])], speed=20),
    case("entropy", "64 x 50257", [np.exp(LOGITS)], axis=1),
]
ELEMENTS = [
    case("entr", "100000 numbers", [SHARES]),
    case("rel_entr", "100000 pairs", [SHARES, OTHERS]),
    case("kl_div", "100000 pairs", [SHARES, OTHERS], rtol=1e-5),
    case("log_ndtr", "100000 numbers", [8 * (SHARES - OTHERS)]),
    # Near a quantile of 0 half a unit of the argument moves it by 1.4e-16.
    case("ndtri_exp", "100000 numbers", [-30 * SHARES], atol=2.0**-52),
]


@pytest.mark.kernels("special.softmax", "special.log_softmax")
@each_contender(SUMS)
def test_sums_of_exponentials(case, name, timed):
    timed(case, name)


@each_contender(ENTROPIES)
def test_entropies(case, name, timed):
    timed(case, name)


@pytest.mark.kernels("special.entr", "special.rel_entr", "special.kl_div", "special.log_ndtr", "special.ndtri_exp")
@each_contender(ELEMENTS)
def test_elementwise_functions(case, name, timed):
    timed(case, name)
