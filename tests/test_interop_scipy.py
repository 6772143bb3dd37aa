"""SciPy's functions: beside mpmath for their digits, beside SciPy itself for shapes, types, limits and errors."""

import re
import warnings

import mpmath
import numpy as np
import pytest
from scipy import special, stats

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.interop import scipy as ours
from bounds import bound, rows_of
from oracles import special as oracle

OPS = operations("special")
DTYPES = ("float64", "float32")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
INF, NAN = np.inf, np.nan
RANDOM = np.random.default_rng(0)


def relative(found, exact):
    """Return the relative error; absolute in units of the smallest number where the result is subnormal."""
    smallest = float(np.finfo(np.asarray(found).dtype).tiny)
    return abs(mpmath.mpf(float(found)) - exact) / max(abs(exact), mpmath.mpf(smallest))


# ---- digits ----

LENGTHS = [1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 2047, 2048, 2049]


@each_dtype
@pytest.mark.parametrize("spread", [0.1, 3.0, 60.0, 600.0])
@pytest.mark.parametrize("letters", [1, 2, 3, 17, 33, 100])
def test_softmax_and_its_logarithm_have_the_digits_of_their_rows(letters, spread, dtype):
    x = (spread * np.random.default_rng(letters).standard_normal(letters)).astype(dtype)
    for name in ("softmax", "log_softmax"):
        limit, exact = rows_of("special")[name].bound(dtype), getattr(oracle, name)(x)
        for found, value in zip(getattr(ours, name)(x), exact, strict=True):
            assert relative(found, value) <= limit, name


@each_dtype
@pytest.mark.parametrize("letters", LENGTHS)
def test_rows_of_every_length_sum_to_one(letters, dtype):
    x = np.random.default_rng(letters).standard_normal(letters).astype(dtype)
    shares, plain = ours.softmax(x), np.exp(x.astype(float)) / np.exp(x.astype(float)).sum()
    np.testing.assert_allclose(shares, plain, rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(ours.log_softmax(x), np.log(plain), rtol=20 * np.finfo(dtype).eps, atol=1e-6)


@each_dtype
@pytest.mark.parametrize("letters", [3, 40, 5000])  # a last group, groups of every instruction set, blocks
def test_shares_that_are_no_normal_numbers_are_rounded_once(letters, dtype):
    # Beside 1, powers from the smallest normal number down to below the smallest of all: their shares are themselves.
    information = np.finfo(dtype)
    lowest, least = np.log(float(information.tiny)), float(information.smallest_subnormal)
    x = np.linspace(lowest, np.log(least) - 2, letters).astype(dtype)
    x[0] = 0
    found, limit = ours.softmax(x), mpmath.mpf(rows_of("special")["softmax"].bound(dtype))
    for at in range(1, letters, max(1, letters // 40)):
        exact = mpmath.exp(mpmath.mpf(float(x[at])))
        assert abs(mpmath.mpf(float(found[at])) - exact) <= limit * exact + mpmath.mpf(least) / 2
    assert found[-1] == 0


@pytest.mark.parametrize("distance", [5.0, 40.0, 300.0, 740.0])
def test_a_logarithm_of_nearly_1_keeps_its_digits(distance):
    found = ours.log_softmax([0.0, -distance])[0]
    assert relative(found, -mpmath.log1p(mpmath.exp(-distance))) < 1e-13
    assert special.log_softmax([0.0, -40.0])[0] == 0.0


ELEMENTS = {
    "entr": ([1e-300, 1e-8, 0.3, 1 - 1e-12, 1.0 + 2**-40, 2.0, 1e300],),
    "rel_entr": (
        [1e-300, 0.3, 0.5, 1.0, 1.0, 3.0, 1e-200, 1e200],
        [0.5, 0.3 + 1e-9, 0.2, 1 + 1e-12, 2.5, 1e-9, 1e200, 1e-100],
    ),
    "kl_div": ([1e-30, 0.3, 0.5, 1.0, 1.0, 3.0, 1e-200], [0.5, 0.3 + 1e-9, 0.2, 1 + 1e-12, 2.5, 1e-9, 1e-205]),
    "log_ndtr": ([-1e150, -1e6, -38.0, -5.0, -1.0, -1e-9, 0.0, 0.7, 5.0, 8.0, 37.0],),
    "ndtri_exp": ([-1e300, -1e6, -745.0, -600.0, -599.0, -38.0, -2.0, -0.7, -0.69, -0.1, -1e-3, -1e-10, -1e-300],),
}


@each_dtype
@pytest.mark.parametrize("name", ELEMENTS)
def test_elementwise_functions_have_their_digits(name, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        columns = [np.array(column).astype(dtype) for column in ELEMENTS[name]]
    inside = np.all([np.isfinite(column) & (column != 0) for column in columns], axis=0)
    inside |= name == "log_ndtr"
    columns = [column[inside & np.isfinite(columns[0])] for column in columns]
    limit = rows_of("special")[name].bound(dtype)
    for found, *arguments in zip(getattr(ours, name)(*columns), *columns, strict=True):
        exact = getattr(oracle, name)(*arguments)
        if abs(exact) < np.finfo(dtype).max:
            assert relative(found, exact) <= limit, arguments


def test_a_divergence_of_near_numbers_keeps_what_scipy_loses():
    x, y = 1.0, 1.0 + 2.0**-40
    assert relative(ours.kl_div(x, y), oracle.kl_div(x, y)) < bound("special.kl_div")
    assert relative(special.kl_div(x, y), oracle.kl_div(x, y)) > 1e-5


@pytest.mark.parametrize("letters", [2, 10, 1000])
def test_entropies_and_divergences_are_those_of_the_package(letters):
    p, q = RANDOM.random((2, letters))
    assert ours.entropy(p) == af.information.entropy(p)
    assert ours.entropy(p, q) == af.information.kl_divergence(p, q)


# ---- SciPy's results, types and errors ----

ARRAYS = {
    "list": [1.0, 2.0],
    "integers": [1, 2],
    "int32": np.array([1, 2], np.int32),
    "int8": np.array([1, 2], np.int8),
    "uint8": np.array([1, 2], np.uint8),
    "booleans": [True, False],
    "float16": np.array([1, 2], np.float16),
    "float32": np.array([1, 2], np.float32),
    "longdouble": np.array([1, 2], np.longdouble),
    "big-endian": np.array([1, 2], ">f8"),
    "complex": [1 + 2j, 3],
    "objects": np.array([1.0, 2.0], object),
    "number": 5.0,
    "NumPy number": np.float32(0.5),
    "no axis": np.array(0.5),
    "three axes": RANDOM.normal(size=(2, 3, 4)),
    "Fortran": np.asfortranarray(RANDOM.normal(size=(3, 4))),
    "strided": RANDOM.normal(size=(6, 8))[::-2, ::3],
    "read-only": np.broadcast_to(np.array([1.0, 2.0, 4.0]), (2, 3)),
    "masked": np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]),
    "ragged": [[1.0, 2.0], [3.0]],
    "text": "text",
    "nothing": None,
    "empty": [],
    "no rows": np.ones((0, 3)),
    "no letters": np.ones((3, 0)),
    "inf": [INF, 1.0],
    "-inf": [-INF, -INF],
    "inf and -inf": [INF, -INF, 0.0],
    "two inf": [INF, INF],
    "NaN": [NAN, 1.0],
    "far": [1e308, -1e308],
    "zeros": [0.0, -0.0],
}
AXES = [None, 0, 1, -1, (0, 1), (-1,), (0, 0), (), 7, 1.0, True, "text"]
each_array = pytest.mark.parametrize("key", ARRAYS)
HOSTS = {"entropy": stats.entropy} | {name: getattr(special, name) for name in ours.__all__ if name != "entropy"}


def outcome(function, *arguments, **options):
    """Return what a call returns, or the type and the text of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **options)
        except Exception as error:
            return type(error), str(error)


def assert_as_scipy(name, *arguments, **options):
    """Assert that results are of the same type, dtype, shape and value, or errors the same."""
    theirs, mine = (outcome(function, *arguments, **options) for function in (HOSTS[name], getattr(ours, name)))
    if isinstance(theirs, tuple) and isinstance(theirs[0], type):
        assert mine == theirs
        return
    for one, other in zip(*(part if isinstance(part, tuple) else (part,) for part in (mine, theirs)), strict=True):
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        if one.dtype.kind in "fc":
            # of a type narrower than float64 SciPy's own rounding is what is compared
            np.testing.assert_allclose(one, other, rtol=1e-13 if one.dtype.itemsize >= 8 else 2e-6, atol=1e-15)
        else:
            assert (one == other).all()


@each_array
@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_sums_of_exponentials_are_as_scipys(name, key):
    assert_as_scipy(name, ARRAYS[key])
    for axis in AXES:
        assert_as_scipy(name, ARRAYS[key], axis=axis)
        if name == "logsumexp":
            assert_as_scipy(name, ARRAYS[key], axis=axis, keepdims=True, return_sign=True)


WEIGHTS = [
    RANDOM.normal(size=(2, 3, 4)),
    RANDOM.normal(size=(1, 3, 1)),
    np.array([1, 0, -1, 2]),
    2,
    -1.5,
    np.float32(3),
    np.ones(7),
    1j,
    [INF, 0.0, -INF, NAN],
]


@each_dtype
@pytest.mark.parametrize("b", WEIGHTS, ids=range(len(WEIGHTS)))
def test_weights_of_any_sign_are_as_scipys(b, dtype):
    a = ARRAYS["three axes"].astype(dtype)
    for options in ({}, {"axis": 1}, {"axis": (0, 2), "return_sign": True}, {"keepdims": True, "return_sign": True}):
        assert_as_scipy("logsumexp", a, b=b, **options)
        assert_as_scipy("logsumexp", [1, 2, 3, 4], b=b, **options)


@each_array
def test_entropies_are_as_scipys(key):
    for options in ({}, {"axis": -1}, {"axis": None}, {"axis": (0, 1)}, {"base": 2, "keepdims": True}, {"base": -1}):
        assert_as_scipy("entropy", ARRAYS[key], **options)
        assert_as_scipy("entropy", ARRAYS[key], ARRAYS[key], **options)


@pytest.mark.parametrize("nan_policy", ["propagate", "omit", "raise", "text"])
@pytest.mark.parametrize("p", [[0.5, NAN], [0.0, 0.0], [-1.0, 2.0], [INF, 1.0], [0.2, 0.8]])
def test_distributions_that_are_none_are_as_scipys(p, nan_policy):
    for q in (None, [0.5, 0.5], [0.0, 1.0], [0.0, 0.0], [-1.0, 2.0], [NAN, 1.0]):
        assert_as_scipy("entropy", p, q, nan_policy=nan_policy)
        assert_as_scipy("entropy", [p, [0.5, 0.5]], None if q is None else [q, q], axis=1, nan_policy=nan_policy)


@each_array
@pytest.mark.parametrize("name", ["entr", "log_ndtr", "ndtri_exp"])
def test_elementwise_functions_are_as_scipys(name, key):
    assert_as_scipy(name, ARRAYS[key])


ENDS = [INF, -INF, NAN, 0.0, -0.0, 1.0, -1.0, 0.5, 1e300, 1e-300, 5e-324]


@each_dtype
@pytest.mark.parametrize("name", ["rel_entr", "kl_div"])
def test_ends_of_functions_of_two_are_as_scipys(name, dtype):
    with np.errstate(all="ignore"):
        x, y = (part.astype(dtype) for part in np.meshgrid(ENDS, ENDS))
        theirs, mine = HOSTS[name](x, y), getattr(ours, name)(x, y)
        ratio = np.abs(np.log(x.astype(float)) - np.log(y.astype(float)))
    beyond = (ratio > 600) & np.isfinite(ratio)  # there x/y is no number, and SciPy's x log(x/y) none
    same = ~beyond if name == "kl_div" else np.full(x.shape, True)
    np.testing.assert_allclose(mine[same], theirs[same], rtol=2e-7 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("name", ["rel_entr", "kl_div"])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (0.5, 0.25),
        (np.float32(0.5), 0.25),
        (np.array([0.5, 1], np.float32), 0.25),
        (np.array([0.5, 1], np.float32), np.array([0.5, 1])),
        (RANDOM.random((3, 1)), RANDOM.random((1, 4))),
        ([0.5, 1], [1, 2]),
        (np.ones(3), np.ones(2)),
        (1j, 2.0),
        (0.5, None),
        (None, 0.5),
        ([0.5, 1], None),
        (np.array([1, 2], np.int8), np.array([1, 2], np.int8)),
    ],
)
def test_functions_of_two_broadcast_as_scipys(name, x, y):
    assert_as_scipy(name, x, y)


def test_options_of_ufuncs_are_scipys():
    out = np.empty(2)
    assert ours.entr([0.5, 1.0], out=out) is out
    np.testing.assert_array_equal(out, special.entr([0.5, 1.0]))
    assert ours.kl_div(0.5, 0.25, dtype=np.float32).dtype == np.float32


# ---- bits ----


@each_dtype
@pytest.mark.parametrize("letters", LENGTHS)
def test_lists_arrays_strides_and_batches_have_the_same_bits(letters, dtype):
    x = RANDOM.normal(size=(3, letters)).astype(dtype)
    for name in ("logsumexp", "softmax", "log_softmax"):
        function = getattr(ours, name)
        batch = function(x, axis=1)
        for row, found in zip(x, batch, strict=True):
            np.testing.assert_array_equal(function(row), found)
            np.testing.assert_array_equal(function(np.repeat(row, 2)[::2]), found)
            if dtype == "float64":
                np.testing.assert_array_equal(function(row.tolist()), found)
        np.testing.assert_array_equal(
            function(np.ascontiguousarray(x.T), axis=0), batch if name == "logsumexp" else batch.T
        )


@each_dtype
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_rows_have_the_same_bits_for_any_number_of_threads(name, dtype):
    x = RANDOM.normal(size=(40, 3000)).astype(dtype)
    alone = getattr(OPS, name)(x, 1)
    for threads in (2, 7):
        np.testing.assert_array_equal(getattr(OPS, name)(x, threads), alone)


@each_dtype
@pytest.mark.parametrize("name", ELEMENTS)
def test_elements_have_the_same_bits_wherever_they_stand(name, dtype):
    with np.errstate(all="ignore"):
        columns = [np.resize(np.array(column), 70_001).astype(dtype) for column in ELEMENTS[name]]
    whole = getattr(ours, name)(*columns)
    np.testing.assert_array_equal(whole, OPS.elementwise(name, *columns, num_threads=2))
    for i in (0, 4096, 70_000):
        np.testing.assert_array_equal(getattr(ours, name)(*(column[i : i + 1] for column in columns))[0], whole[i])


def test_large_rows_leave_the_short_way_with_the_same_bits():
    x = RANDOM.normal(size=70_000)
    np.testing.assert_array_equal(ours.softmax(x), OPS.softmax(x[None])[0])
    assert ours.logsumexp(x) == OPS.log_sum_exp(x[None])[0][0]


# ---- what the docstrings state ----

STATED = {
    "logsumexp": (r"Accuracy: ([\d.e-]+) relative", ("log_sum_exp", "float64")),
    "softmax": (r"Accuracy: ([\d.e-]+) \(float32: ([\d.e-]+)\) relative", ("softmax", "float64", "float32")),
    "log_softmax": (r"Accuracy: ([\d.e-]+) \(float32: ([\d.e-]+)\) relative", ("log_softmax", "float64", "float32")),
    "entr": (r"Accuracy: ([\d.e-]+) relative", ("entr", "float64")),
    "rel_entr": (r"Accuracy: ([\d.e-]+) relative", ("rel_entr", "float64")),
    "kl_div": (r"Accuracy: ([\d.e-]+) relative", ("kl_div", "float64")),
    "log_ndtr": (r"Accuracy: ([\d.e-]+) \(float32: ([\d.e-]+)\) relative", ("log_ndtr", "float64", "float32")),
    "ndtri_exp": (r"Accuracy: ([\d.e-]+) relative", ("ndtri_exp", "float64")),
}


@pytest.mark.parametrize("name", STATED)
def test_accuracies_stated_are_the_bounds_tested(name):
    pattern, (kernel, *dtypes) = STATED[name]
    found = re.search(pattern, " ".join(getattr(ours, name).__doc__.split()))
    assert [float(number) for number in found.groups()] == [rows_of("special")[kernel].bound(dtype) for dtype in dtypes]


@pytest.mark.parametrize(("name", "pattern"), [("entropy", r"Accuracy: ([\d.e-]+) relative, that of")])
def test_entropies_and_divergences_of_near_equal_masses_are_as_near_as_stated(name, pattern):
    function = getattr(ours, name)
    stated = float(re.search(pattern, " ".join(function.__doc__.split()))[1])
    random = np.random.default_rng(8)
    for scale in 10.0 ** np.arange(-14, 0):
        p = random.integers(1, 10**6, 6) * 10.0 ** random.integers(-200, 200)
        q = p * (1 + scale * random.normal(size=6))
        with mpmath.workdps(60):
            exact = [[mpmath.mpf(x) for x in row.tolist()] for row in (p, q)]
            (one, other) = ([x / mpmath.fsum(row) for x in row] for row in exact)
            entropy = -mpmath.fsum(x * mpmath.log(x) for x in one)
            divergence = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(one, other, strict=True))
            assert abs(function(p) - entropy) <= stated * entropy
            assert abs(function(p, q) - divergence) <= stated * divergence


@pytest.mark.parametrize("name", ours.__all__)
def test_signatures_are_scipys(name):
    """Names and order of arguments; ufuncs have none to compare."""
    import inspect

    if isinstance(HOSTS[name], np.ufunc):
        assert HOSTS[name].nin == sum(
            parameter.kind is parameter.POSITIONAL_ONLY
            for parameter in inspect.signature(getattr(ours, name)).parameters.values()
        )
    else:
        theirs, mine = inspect.signature(HOSTS[name]).parameters, inspect.signature(getattr(ours, name)).parameters
        assert list(mine) == list(theirs)
        assert [parameter.default for parameter in mine.values()] == [
            parameter.default for parameter in theirs.values()
        ]
