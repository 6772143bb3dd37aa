"""Small calls take the short path, and nobody can tell but by the time.

Strided arrays, lists and subclasses take the general path: results are the same bits and errors the same text.
"""

import contextlib
import ctypes
import gc
import importlib
import inspect
import operator
import os
import pathlib
import pkgutil
import sys
import tracemalloc
from functools import reduce

import numpy as np
import pytest
import short
from each import grouped
from search import cases

import alignment_fast as af
from alignment_fast.benchmarks.names import Timed, all_names

FAMILIES = [importlib.import_module(f"short.{info.name}") for info in pkgutil.iter_modules(short.__path__)]
CALLS = [call for family in FAMILIES for call in family.CALLS]
WITHOUT = {name: reason for family in FAMILIES for name, reason in getattr(family, "WITHOUT", {}).items()}
TIMED = [name for name, entry in all_names().items() if isinstance(entry, Timed)]
OF_BOTH_TYPES = [
    (call, dtype) for call in CALLS for dtype in (("float64", "float32") if call.float32 else ("float64",))
]


def each(pairs):
    """Make a test of a call in a dtype one of each public name."""
    return grouped((call.name, f"{call.id}-{dtype}", (call, dtype)) for call, dtype in pairs)


class Subclass(np.ndarray):
    pass


def strided(array):
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 0] = array
    return wide[..., 0]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@contextlib.contextmanager
def naming(what):
    """Let a failure say `what` it is of."""
    try:
        yield
    except Exception as error:
        error.add_note(what)
        raise


@pytest.mark.parametrize("name", TIMED)
def test_every_timed_name_has_small_calls_or_says_why_not(name):
    assert any(call.name == name for call in CALLS) != bool(WITHOUT.get(name))


LAYOUTS = {
    "strided": strided,
    "read-only": read_only,
    "subclass": lambda array: array.view(Subclass),
    "list": lambda array: array.tolist(),
    "Fortran order": lambda array: np.asfortranarray(array) if array.ndim > 1 else array[::-1].copy()[::-1],
}


def prepared(call, layout=np.copy, dtype="float64", replaced=None):
    """Return positional and keyword arguments: arrays in `dtype` and `layout`, one element of one of them replaced."""
    where, index, value = replaced or (None, 0, 0.0)

    def one(key, argument):
        if not isinstance(argument, np.ndarray):
            return argument
        array = argument.astype(dtype) if argument.dtype.kind == "f" else argument.copy()
        if key == where:
            array.reshape(-1)[index] = value
        return layout(array)

    positional = [one(key, argument) for key, argument in enumerate(call.arguments)]
    return positional, {key: one(key, argument) for key, argument in call.options.items()}


def bound(call, **how):
    """Return the function, or the method of an object that is made here, and its arguments."""
    positional, options = prepared(call, **how)
    path = call.name.split(".")
    if call.wraps:
        positional[: call.constructed] = [call.wraps(*positional[: call.constructed])]
    if call.wraps or not call.constructed:
        return reduce(getattr, path, af), positional, options
    owner = reduce(getattr, path[:-1], af)(*positional[: call.constructed])
    return getattr(owner, path[-1]), positional[call.constructed :], options


def called(call, **how):
    function, positional, options = bound(call, **how)
    return function(*positional, **options)


def takes_threads(call):
    return "num_threads" in inspect.signature(bound(call)[0]).parameters


def assert_same_bits(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            assert_same_bits(one, other)
    elif isinstance(expected, np.ndarray | np.generic):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
    elif hasattr(expected, "__dict__"):
        assert vars(found).keys() == vars(expected).keys()
        for name, value in vars(expected).items():
            if name != "_num_threads":  # what an object was told is no result
                assert_same_bits(getattr(found, name), value)
    elif type(expected).__eq__ is not object.__eq__:  # what has no equality is seen through its methods
        assert operator.eq(found, expected) or (found != found and expected != expected)


@each(OF_BOTH_TYPES)
def test_short_and_long_way_give_the_same_bits(call, dtype):
    short_way = called(call, dtype=dtype)
    for name, layout in LAYOUTS.items():
        if name == "list" and dtype == "float32":
            continue  # a list holds float64
        with naming(f"layout: {name}"):
            assert_same_bits(called(call, layout=layout, dtype=dtype), short_way)


@each(pair for pair in OF_BOTH_TYPES if takes_threads(pair[0]))
def test_a_number_of_threads_takes_the_long_way_to_the_same_bits(call, dtype):
    function, positional, options = bound(call, dtype=dtype)
    assert_same_bits(function(*positional, **options, num_threads=1), function(*positional, **options))


@each(pair for pair in OF_BOTH_TYPES if takes_threads(pair[0]))
def test_a_bad_number_of_threads_is_refused_everywhere(call, dtype):
    function, positional, options = bound(call, dtype=dtype)
    for number in (0, -5, 1.5, True, "2"):
        with pytest.raises(ValueError, match="num_threads must be a positive integer"):
            function(*positional, **options, num_threads=number)


@grouped((call.name, f"{call.id}-{bad[0]}[{bad[1]}]={bad[2]}", (call, bad)) for call in CALLS for bad in call.bad)
def test_bad_values_raise_the_same_error_on_either_way(call, replaced):
    errors = []
    for layout in (np.copy, strided):
        with pytest.raises((ValueError, TypeError, ArithmeticError)) as caught:
            called(call, layout=layout, replaced=replaced)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


@each(OF_BOTH_TYPES)
def test_a_small_call_is_few_python_calls(call, dtype):
    function, positional, options = bound(call, dtype=dtype)
    function(*positional, **options)  # what is imported on first use
    count = 0

    def counted(_frame, event, _argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        function(*positional, **options)
    finally:
        sys.setprofile(None)
    assert count <= call.python_calls


LEFT = 4000  # bytes of 500 calls: 8 for every one, less than any object


def growth(repeat):
    """Return the bytes that 500 calls leave."""
    before = tracemalloc.get_traced_memory()[0]
    repeat(500)
    return tracemalloc.get_traced_memory()[0] - before


@pytest.mark.interface
@pytest.mark.optimised
@each(OF_BOTH_TYPES)
def test_small_calls_leave_no_memory_and_no_references(call, dtype):
    function, positional, options = bound(call, dtype=dtype)
    arrays = [value for value in (*positional, *options.values()) if isinstance(value, np.ndarray)]

    def repeat(times):
        for _ in range(times):
            function(*positional, **options)
        gc.collect()

    gc.freeze()  # what is there already is not to be collected: that takes longer than the calls
    repeat(20)
    references = [sys.getrefcount(array) for array in arrays]
    tracemalloc.start()
    try:
        repeat(20)
        grown = growth(repeat)
        for _ in range(2):  # what another thread allocates meanwhile is not of these calls
            if grown >= LEFT:
                grown = min(grown, growth(repeat))
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert [sys.getrefcount(array) for array in arrays] == references
    assert grown < LEFT


class Mallinfo(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def malloc_bytes():
    """Return the bytes that malloc has given and not got back, exactly."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    found = mallinfo()
    return found.uordblks + found.hblkhd


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def assert_leaves_no_memory(calls, times):
    """Fail where `times` calls leave 8 bytes each of malloc's, or resident memory beyond what a heap has to spare."""
    measures = {malloc_bytes: 8 * times, resident_bytes: 4_000_000}

    def growth(times):
        before = [measure() for measure in measures]
        for _ in range(-(-times // len(calls))):
            for function, positional, options in calls:
                function(*positional, **options)
        return np.array([measure() - then for measure, then in zip(measures, before, strict=True)])

    growth(times // 10)
    grown = growth(times)
    if not (grown < list(measures.values())).all():  # what another thread allocates meanwhile is not of these calls
        grown = np.minimum(grown, growth(times))
    assert (grown < list(measures.values())).all(), grown


HAS_GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallinfo2")
needs_glibc = pytest.mark.skipif(not HAS_GLIBC, reason="memory is counted by glibc")


@needs_glibc
@pytest.mark.interface
@pytest.mark.optimised
@pytest.mark.search
@pytest.mark.parametrize("name", sorted({call.name for call in CALLS}))
def test_many_small_calls_leave_no_memory_of_malloc(name):
    """Nor resident memory. A million calls by hand: ``ALIGNMENT_FAST_SEARCH=1000000 pytest -m search -k malloc``."""
    calls = [bound(call, dtype=dtype) for call, dtype in OF_BOTH_TYPES if call.name == name]
    assert_leaves_no_memory(calls, cases(4_000))


@needs_glibc
@pytest.mark.interface
@pytest.mark.optimised
def test_memory_that_is_left_is_seen():
    malloc = ctypes.CDLL(None).malloc
    with pytest.raises(AssertionError):
        assert_leaves_no_memory([(malloc, (64,), {})], 2_000)
