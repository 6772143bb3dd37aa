"""Elementwise functions (af_math.h) through ``kernels.common.cpu``: stated bounds, edges, symmetries, same bits.

The bound is tested on the instruction set in use and on the Python twin, which equals the baseline bit for bit
(test_scalar_twins.py): so one process covers both arithmetic classes.
"""

import functools
from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_fast.kernels.common import cpu, scalar
from alignment_fast.kernels.common.functions import MEASURED
from bounds import rows_of
from oracles import scalar as oracle

DTYPES = ("float64", "float32")
POINTS = 150
ROWS = rows_of("common", "FUNCTIONS")
each_function = pytest.mark.parametrize("name", ROWS)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def apply(name, x):
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    getattr(cpu, name)(x, out)
    return out


def twin(name, x):
    return scalar.numpy_functions(str(x.dtype))[name.removesuffix("_rn")](x)


# Factors for bounds that speak of the lower and the upper end of the range of the dtype's logarithms.
REACH = {"float64": (1.0, 1.0), "float32": (0.139, 0.125)}


def line(low, high):
    """Return a sampler, uniform between `low` and `high`."""

    def draw(rng, reach):
        ends = (bound * reach[bound > 0] if abs(bound) > 30 else bound for bound in (low, high))
        return rng.uniform(*ends, POINTS)

    return draw


def scale(low, high):
    """Return a sampler, logarithmic between exp(low) and exp(high)."""
    exponent = line(low, high)
    return lambda rng, reach: np.exp(exponent(rng, reach))


def negative(sampler):
    return lambda rng, reach: -sampler(rng, reach)


def one_minus(sampler):
    return lambda rng, reach: 1.0 - sampler(rng, reach)


# Where errors are largest: around the seams of pieces and the exponent's change, in the tails, next to zeros.
SMALL = (scale(-740, 0), negative(scale(-740, 0)))
PROBABILITIES = (line(0, 1), line(0.05, 0.1), line(0.4, 0.6), scale(-744, -0.7), one_minus(scale(-36, -1)))
SAMPLERS = {
    "exp": (line(-1, 1), line(-745, 709), line(-745, -708), *SMALL),
    "expm1": (line(-1, 1), line(0.3, 0.5), line(-40, 40), line(-745, 709), *SMALL),
    "log": (line(0, 2), line(0.65, 0.75), line(1.38, 1.45), line(0.99, 1.01), scale(-744, 709)),
    "log1p": (line(-1, 1), line(-0.32, -0.27), line(0.38, 0.45), scale(0, 709), negative(scale(-36, 0)), *SMALL),
    "log1mexp": (line(0, 2), line(0.6, 0.8), line(0.9, 1.1), line(0, 745), scale(-744, 6)),
    "softplus": (line(-3, 3), line(-745, 40), line(-40, 40), *SMALL),
    "sigmoid": (line(-6, 6), line(-745, 40), line(-40, 40), *SMALL),
    "normal_cdf": (
        line(-3, 3),
        line(-10, 0),
        line(-38.4, 8.5),
        line(-14.3, -12.8),
        line(-38.5, -37.4),
        line(-2, -0.5),
        *SMALL,
    ),
    "log_normal_cdf": (
        line(-3, 3),
        line(0, 1),
        line(-60, 9),
        negative(scale(0, 350)),
        line(4, 38),
        line(5, 14),
        *SMALL,
    ),
    "normal_ppf": PROBABILITIES,
    "normal_isf": PROBABILITIES,
    "normal_ppf_rn": PROBABILITIES,
}


@functools.cache
def sample(name, dtype):
    """Return (x, exact values), x finite and inside the open domain."""
    rng = np.random.default_rng(list(name.encode()))
    x = np.concatenate([sampler(rng, REACH[dtype]) for sampler in SAMPLERS[name]]).astype(dtype)
    ((low, high),) = ROWS[name].domain
    x = x[np.isfinite(x) & (x > low) & (x < high)]
    return x, [getattr(oracle, name)(oracle.mp.mpf(float(value))) for value in x]


def largest_finite(dtype):
    return float(np.finfo(dtype).max)


@each_dtype
@each_function
@pytest.mark.parametrize("implementation", [apply, twin])
def test_error_is_within_the_stated_bound(implementation, name, dtype):
    x, exact = sample(name, dtype)
    for argument, actual, value in zip(x, implementation(name, x), exact, strict=True):
        if abs(value) <= largest_finite(dtype):
            error = oracle.error_in_ulp(float(actual), value, dtype)
            assert error <= ROWS[name].bound(dtype), f"{name}({argument!r}) = {actual!r}: {float(error):.2f} ulp"


def test_measured_errors_are_recorded_and_below_the_bounds():
    assert set(MEASURED) == set(ROWS)
    for name, errors in MEASURED.items():
        assert max(errors) < ROWS[name].bound("float64")


TINY = {"float64": 5e-324, "float32": float(np.float32(1e-45))}
EDGES = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (inf, inf), (-inf, 0.0), (1e30, inf), (-1e30, 0.0), ("tiny", 1.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -1.0), (1e30, inf), (-1e30, -1.0), ("tiny", "tiny")],
    "log": [(1.0, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-1.0, nan), (-inf, nan)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -inf), (inf, inf), (-1.5, nan), (-inf, nan), ("tiny", "tiny")],
    "log1mexp": [(0.0, -inf), (-0.0, -inf), (inf, 0.0), (-1.0, nan), (-inf, nan)],
    "softplus": [(inf, inf), (-inf, 0.0), (1e30, 1e30), (-1e30, 0.0), (0.0, log(2.0)), (-0.0, log(2.0))],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (inf, 1.0), (-inf, 0.0), (1e30, 1.0), (-1e30, 0.0)],
    "normal_cdf": [(0.0, 0.5), (-0.0, 0.5), (inf, 1.0), (-inf, 0.0), (1e30, 1.0), (-1e30, 0.0)],
    "log_normal_cdf": [(inf, 0.0), (-inf, -inf), (1e30, 0.0)],
    "normal_ppf": [(0.0, -inf), (-0.0, -inf), (0.5, 0.0), (1.0, inf), (-0.1, nan), (1.1, nan), (inf, nan)],
    "normal_isf": [(0.0, inf), (-0.0, inf), (0.5, 0.0), (1.0, -inf), (-0.1, nan), (1.1, nan), (-inf, nan)],
    "normal_ppf_rn": [(0.0, -inf), (-0.0, -inf), (0.5, 0.0), (1.0, inf), (-0.1, nan), (1.1, nan), (inf, nan)],
}


@each_dtype
@pytest.mark.parametrize(
    ("name", "argument", "expected"), [(name, *edge) for name, edges in EDGES.items() for edge in edges]
)
def test_edges(name, argument, expected, dtype):
    argument, expected = (TINY[dtype] if value == "tiny" else value for value in (argument, expected))
    (actual,) = apply(name, np.array([argument], dtype))
    expected = np.dtype(dtype).type(expected)
    assert np.isnan(actual) if np.isnan(expected) else actual == expected
    if expected == 0.0 and name in ("expm1", "log1p"):
        assert np.signbit(actual) == np.signbit(expected)


@each_dtype
@each_function
def test_domain_is_total(name, dtype):
    """Every bit pattern has a value; it is NaN outside the domain and for NaN, and only there."""
    unsigned = "uint64" if dtype == "float64" else "uint32"
    patterns = np.random.default_rng(0).integers(0, np.iinfo(unsigned).max, 100_000, unsigned, endpoint=True)
    x = patterns.view(dtype)
    ((low, high),) = ROWS[name].domain
    outside = np.isnan(x) | (x < low) | (x > high)
    assert np.array_equal(np.isnan(apply(name, x)), outside)


@pytest.mark.parametrize("start", range(3))
@each_dtype
@each_function
def test_bits_do_not_depend_on_position_or_length(name, dtype, start):
    x = sample(name, dtype)[0][:97]
    whole = apply(name, x)
    for stop in range(start + 1, start + 40):
        assert apply(name, x[start:stop]).tobytes() == whole[start:stop].tobytes()


@each_dtype
@each_function
def test_out_may_be_the_input_and_the_input_read_only(name, dtype):
    x = sample(name, dtype)[0].copy()
    x.flags.writeable = False
    in_place = x.copy()
    getattr(cpu, name)(in_place, in_place)
    assert in_place.tobytes() == apply(name, x).tobytes()


@each_function
def test_empty_input_and_wrong_length(name):
    assert apply(name, np.empty(0)).size == 0
    with pytest.raises(ValueError, match="out has 3 elements, x has 2"):
        getattr(cpu, name)(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("name", ["exp", "log", "expm1", "log1p", "normal_cdf", "sigmoid", "softplus", "normal_ppf"])
@each_dtype
def test_monotone_up_to_the_bound_across_every_seam(name, dtype):
    x = np.sort(sample(name, dtype)[0])
    y = apply(name, x)
    y = y[np.isfinite(y)]
    assert np.all(y[1:] >= y[:-1] - 2 * ROWS[name].bound(dtype) * np.spacing(np.abs(y[1:])))


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_numbers_beside_those_with_subnormal_exponentials_have_the_bits_that_they_have_alone(name):
    x = np.random.default_rng(0).normal(size=(40, 32))
    for row, far in enumerate([0.0, 690.0, 708.0, 708.5, 709.0, 745.0, 746.0, 1e300, np.inf, np.nan]):
        x[4 * row : 4 * row + 4, [0, 5, 18, 31]] = far * np.array([[1.0], [-1.0], [0.25], [-0.25]])
    alone = np.array([apply(name, x.reshape(-1)[i : i + 1])[0] for i in range(x.size)])
    np.testing.assert_array_equal(apply(name, x.reshape(-1)), alone)


PROBABILITY = st.floats(2.0**-52, 1.0 - 2.0**-52).map(lambda p: round(p * 2.0**52) * 2.0**-52)  # 1 - p is exact


@given(PROBABILITY)
@pytest.mark.parametrize("name", ["normal_ppf", "normal_isf", "normal_ppf_rn"])
def test_quantile_is_odd_about_one_half(name, p):
    left, right = apply(name, np.array([p, 1.0 - p]))
    assert left == -right


@given(st.floats(0.0, 1.0))
def test_survival_quantile_is_the_negative_quantile(p):
    assert apply("normal_isf", np.array([p])) == -apply("normal_ppf", np.array([p]))


@given(st.floats(-1e3, 1e3))
@pytest.mark.parametrize("name", ["sigmoid", "normal_cdf"])
def test_complements_add_up_to_one(name, x):
    left, right = apply(name, np.array([x, -x]))
    assert abs(left + right - 1.0) <= 2.0**-52


@given(st.floats(-700.0, 700.0))
def test_logarithm_undoes_the_exponential(x):
    (back,) = apply("log", apply("exp", np.array([x])))
    assert abs(back - x) <= 2.0**-51 + 2 * np.spacing(abs(x))


@given(st.floats(-30.0, 8.0))
def test_quantile_undoes_the_distribution_function(x):
    (p,) = apply("normal_cdf", np.array([x]))
    (back,) = apply("normal_ppf", np.array([p]))
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    assert abs(back - x) <= 5 * np.spacing(p) / density + 4 * np.spacing(abs(x))
