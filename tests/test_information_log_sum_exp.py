"""Logarithms of sums of exponentials: what log(1 + tiny) keeps, ties, weights of any sign, and SciPy's limits."""

import math
import warnings

import mpmath
import numpy as np
import pytest
import search
from scipy import special

import alignment_fast as af
from alignment_fast._operations import operations
from bounds import bound
from oracles import information as oracle

OPS = operations("special")
DTYPES = ("float64", "float32")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
INF, NAN = np.inf, np.nan


def log_sum_exp(x, b=None, dtype="float64"):
    """Return the logarithm and the sign of one row."""
    weights = None if b is None else np.array([b], dtype)
    values, signs = OPS.log_sum_exp(np.array([x], dtype), weights)
    assert values.dtype == signs.dtype == dtype
    return values[0], signs[0]


# ---- what is small beside the largest ----


@each_dtype
@pytest.mark.parametrize("distance", [1e-3, 1.0, 17.0, 40.0, 80.0, 87.5, 95.0, 300.0, 700.0, 709.0, 740.0])
def test_what_others_add_to_a_logarithm_of_one_keeps_its_digits(distance, dtype):
    exact = oracle.log_sum_exp([0.0, -float(np.dtype(dtype).type(distance))])[0]
    found, sign = log_sum_exp([0.0, -distance], dtype=dtype)
    smallest = float(np.finfo(dtype).smallest_subnormal)
    assert abs(found - exact) <= bound("special.log_sum_exp", dtype) * exact + smallest
    assert sign == 1


def test_a_log_mgf_of_0_and_minus_40_plus_log_n_loses_what_this_keeps():
    assert af.information.log_mgf([0.0, -40.0], 1.0) + np.log(2) == 0.0
    assert log_sum_exp([0.0, -40.0])[0] == pytest.approx(4.248354255291589e-18, rel=1e-15)


@each_dtype
@pytest.mark.parametrize("place", [0, 1, 2047, 2048, 4999])
@pytest.mark.parametrize("letters", [1, 2, 15, 16, 33, 2047, 2048, 2049, 5000])
def test_the_largest_may_stand_anywhere(letters, place, dtype):
    x = np.random.default_rng(letters).normal(size=letters).astype(dtype) - np.dtype(dtype).type(50)
    x[place % letters] = 0
    exact = np.log1p(math.fsum(np.exp(x[x < 0].astype(float))))
    found = log_sum_exp(x.tolist(), dtype=dtype)[0]
    assert found == pytest.approx(exact, rel=bound("special.log_sum_exp", dtype), abs=1e-320)


@each_dtype
def test_ties_are_counted(dtype):
    for count in (2, 3, 16, 5000):
        for value in (0.0, 2.5):
            found = log_sum_exp([-1e30] + [value] * count, dtype=dtype)[0]
            assert found == pytest.approx(value + np.log(count), rel=float(np.finfo(dtype).eps))


def test_weights_whose_ties_cancel_leave_the_others():
    value, sign = log_sum_exp([0.0, 0.0, -40.0], [1.0, -1.0, 1.0])
    assert (value, sign) == (-40.0, 1.0)
    value, sign = log_sum_exp([0.0, -1.0], [1.0, -5.0])
    assert (value, sign) == (pytest.approx(np.log(5 * np.exp(-1) - 1), rel=1e-14), -1.0)


# ---- limits, as SciPy has them ----


@each_dtype
@pytest.mark.parametrize(
    ("x", "b"),
    [
        ([-INF], None),
        ([-INF, -INF], None),
        ([INF, 0], None),
        ([INF, INF], None),
        ([INF, -INF], None),
        ([NAN, 0], None),
        ([NAN, INF], None),
        ([0] * 40 + [NAN], None),
        ([INF, INF], [1, -1]),
        ([INF, 0], [-1, 1]),
        ([NAN, 0], [0, 1]),
        ([INF, 3], [0, 1]),
        ([0, 0], [0, 0]),
        ([0, 0], [1, -1]),
        ([0, 0], [1, -2]),
        ([0, 1], [INF, 1]),
        ([0, 0], [1, NAN]),
        ([0, -INF], [-1, -1]),
        ([-INF], [-1]),
        ([1, 2, 3], [1, 0, -1]),
    ],
)
def test_limits_are_those_of_scipy(x, b, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = special.logsumexp(x, b=b, return_sign=True)
    found = log_sum_exp(x, b, dtype)
    np.testing.assert_allclose(found[0], expected[0], rtol=np.finfo(dtype).eps)
    if not np.isnan(expected[0]):
        assert found[1] == expected[1]


@each_dtype
def test_no_letters_have_no_mass(dtype):
    values, signs = OPS.log_sum_exp(np.empty((3, 0), dtype))
    assert (values.tolist(), signs.tolist()) == ([-INF] * 3, [0.0] * 3)
    values, signs = OPS.log_sum_exp(np.empty((0, 5), dtype))
    assert values.shape == signs.shape == (0,)


# ---- rows ----


@each_dtype
def test_a_batch_has_the_bits_of_its_rows_for_any_number_of_threads(dtype):
    random = np.random.default_rng(2)
    x, b = random.normal(size=(40, 3000)).astype(dtype), random.normal(size=(40, 3000)).astype(dtype)
    for weights in (None, b, b[:1]):
        alone = [OPS.log_sum_exp(x[i : i + 1], weights if weights is None else weights[-1:]) for i in (39,)]
        for threads in (1, 2, 7):
            values, signs = OPS.log_sum_exp(x, weights, threads)
            assert values[39] == alone[0][0][0]
            assert signs[39] == alone[0][1][0]
            np.testing.assert_array_equal(values, OPS.log_sum_exp(x, weights)[0])


def any_sums(random, dtype, rows=100):
    """Return rows (x, b): near and far letters, ties, weights of one sign or both, logarithms of nearly 1."""
    shape, each, uniform = (rows, int(random.integers(1, 40))), (rows, 1), random.uniform
    x = -(10 ** (-3 + uniform(0, 1, shape) * (3 + random.choice([0.5, 2.8], each)))) * (random.random(shape) < 0.9)
    shift = random.choice([0.0, 0.0, 1.0, np.nan, 1e3], each)
    x = (x + np.where(np.isnan(shift), -x.max(axis=1, keepdims=True), shift)).astype(dtype)
    b = np.where(random.random(each) < 0.5, 1.0, 10 ** uniform(-3, 3, shape))
    return x, (b * np.where(random.random(each) < 0.2, random.choice([1, -1], shape), 1)).astype(dtype)


def sums_of_rows(x, b):
    """Return logarithms, signs, Σ |b| e^x/|Σ b e^x| and both parts of the logarithms of rows in extended precision."""
    x, b = x.astype(np.longdouble), b.astype(np.longdouble)
    top = x.max(axis=1)
    terms = b * np.exp(x - top[:, None])
    at, rest = (np.where(keep, terms, 0).sum(axis=1) for keep in (x == top[:, None], x < top[:, None]))
    with np.errstate(divide="ignore", invalid="ignore"):
        frame, added = top + np.log(np.abs(at)), np.log1p(rest / at)
        values = np.where((b > 0).all(axis=1), frame + added, top + np.log(np.abs(at + rest)))
        return values, np.sign(at + rest), np.abs(terms).sum(axis=1) / np.abs(at + rest), np.abs(frame), np.abs(added)


@pytest.mark.search
@each_dtype
def test_a_search_finds_no_sum_beyond_its_bound(dtype):
    """Of one sign: relative to what the others add to the largest, and some roundings of the largest's logarithm."""
    random, worst = np.random.default_rng(33), search.Worst("N15", f"log_sum_exp, {dtype}")
    relative, tiny, rounding = bound("special.log_sum_exp", dtype), np.finfo(dtype).tiny, np.finfo(dtype).eps
    for _ in range(max(2, search.cases(1000) // 100)):
        x, b = any_sums(random, dtype)
        found, sign = OPS.log_sum_exp(x, b)
        exact, direction, lost, frame, added = sums_of_rows(x, b)
        mixed, ties = (b < 0).any(axis=1), (x == x.max(axis=1, keepdims=True)).sum(axis=1) > 1
        size = np.where(mixed, np.abs(exact) + np.abs(x).max(axis=1) + lost, np.abs(exact) + added)
        limit = relative * size + np.where(mixed, 0, 2 * rounding * (frame + ties)) + tiny
        told = limit < 0.5  # elsewhere the sum cancels to nothing
        np.testing.assert_array_equal(sign[told], direction[told])
        share = np.where(
            told, np.abs(np.where(told, found, 0) - np.where(told, exact, 0)) / np.where(told, limit, 1), 0
        )
        row = int(np.argmax(share))
        worst.see_all(share, (x[row], b[row]))
    value, direction = oracle.log_sum_exp(x[row].tolist(), b[row].tolist())
    assert direction == sums_of_rows(x, b)[1][row]
    assert float(value) == pytest.approx(float(exact[row]), rel=1e-15, abs=1e-17 * float(lost[row] + frame[row]))
    worst.hold()


# ---- where the library takes one ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("letters", [2, 100, 5000, 20_000])
@pytest.mark.parametrize("distance", [5.0, 25.0, 45.0])
def test_log_probabilities_of_nearly_certain_tokens_keep_their_digits(letters, distance, dtype):
    logits = np.random.default_rng(letters).normal(size=(1, 1, letters)).astype(dtype) - np.dtype(dtype).type(distance)
    token = letters // 3
    logits[0, 0, token] = 3.0
    with mpmath.workdps(40):
        rest = mpmath.fsum(mpmath.exp(mpmath.mpf(float(z)) - 3) for i, z in enumerate(logits[0, 0]) if i != token)
        exact = -mpmath.log1p(rest)
    found = af.pairwise.sequence_logprobs(logits, np.array([[token]]))[0]
    assert abs(found - exact) <= bound("special.log_sum_exp", dtype) * abs(exact)


@pytest.mark.parametrize("distance", [1.0, 20.0, 40.0, 300.0])
def test_log_probabilities_of_nearly_certain_letters_of_a_policy_keep_their_digits(distance):
    exact = [float(-mpmath.log1p(mpmath.exp(-distance))), float(-distance - mpmath.log1p(mpmath.exp(-distance)))]
    for p, reward, alpha, log in (
        ([0.0, -distance], [0.0, 0.0], 1.0, True),
        ([0.5, 0.5], [distance, 0.0], 1.0, False),
        ([1.0, 1.0], [0.0, distance], -1.0, False),
    ):
        np.testing.assert_allclose(af.policy.tilt(p, reward, alpha, log=log).log_pi, exact, rtol=1e-14)
