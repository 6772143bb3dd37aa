"""Hosts under acceleration and by themselves, on hostile arguments: value, type, warnings, error and its text.

Each call is made twice in the same process, by the function as it was and as it is replaced.
"""

import warnings

import numpy as np
import pytest

from alignment_fast import accel
from alignment_fast.accel import _install

pytestmark = [pytest.mark.frontends, pytest.mark.same_everywhere]


class Items(list):
    pass


class Pair(tuple):
    __slots__ = ()


class Number(int):
    pass


class Array(np.ndarray):
    pass


class Opaque:
    def __repr__(self):
        return "Opaque()"


def outcome(function, arguments):
    """Return what became of a call: (error and text, or result), warnings; numpy's generator starts anew."""
    np.random.seed(3)  # noqa: NPY002  of which `ep_pairwise` draws
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = function(**arguments) if type(arguments) is dict else function(*arguments)
        except Exception as error:
            found = error
    return found, {(one.category, str(one.message)) for one in said}


def assert_close(found, expected, tolerance):
    """Compare numbers: narrow ones to some units in their last place."""
    tolerance = max(tolerance, 8 * np.finfo(np.asarray(expected).dtype).eps)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def assert_same(found, expected, tolerance):
    """Compare results field by field."""
    assert type(found) is type(expected), (found, expected)
    if isinstance(expected, Exception):
        assert str(found) == str(expected)
    elif isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other, tolerance)
    elif hasattr(expected, "__dataclass_fields__"):
        for name in expected.__dataclass_fields__:
            assert_same(getattr(found, name), getattr(expected, name), tolerance)
    elif hasattr(expected, "columns"):  # pandas
        assert_same(found.columns, expected.columns, tolerance)
        assert_same(found.to_numpy(), expected.to_numpy(), tolerance)
    elif hasattr(expected, "index") and hasattr(expected, "dtype") and hasattr(expected, "array"):  # pandas
        assert (found.dtype, found.name, type(found.index)) == (expected.dtype, expected.name, type(expected.index))
        assert repr(list(found.index)) == repr(list(expected.index))
        assert_same(found.to_numpy(), expected.to_numpy(), tolerance)
    elif isinstance(expected, np.ma.MaskedArray):
        assert str(found) == str(expected)
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        if expected.dtype.kind in "fc":
            assert_close(found, expected, tolerance)
        else:
            np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, float | complex | np.floating):
        assert_close(found, expected, tolerance)
    elif hasattr(expected, "dtype"):  # an index, a scalar
        assert found.dtype == expected.dtype
        assert repr(found) == repr(expected)
    else:
        assert found == expected


@pytest.fixture(scope="module", autouse=True)
def nothing_installed():
    yield
    accel.uninstall()


def compare(host, module, name, cases, tolerance=1e-6):
    """Call ``module.name`` by itself and accelerated with every case; return how many calls were accelerated.

    `cases` are pairs of words and a function that makes the arguments anew, iterators included.
    """
    accel.uninstall()
    module = pytest.importorskip(module)
    function = getattr(module, name)
    expected = [outcome(function, make()) for _, make in cases]
    accel.install(host)
    counts = _install._active[host][f"{module.__name__}.{name}"].counts
    before, wrong = counts[0], []
    for (words, make), (value, said) in zip(cases, expected, strict=True):
        found, warned = outcome(function, make())
        try:
            assert_same(found, value, tolerance)
            assert warned == said, (warned, said)
        except (AssertionError, TypeError, ValueError) as error:
            wrong.append(f"{words}: {str(error)[:300]}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)}", *wrong])
    return counts[0] - before


# ---- choix ----

PLAIN = [(0, 1), (1, 2), (2, 0), (0, 2), (1, 0)]
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4", ">i8")
MAKERS = {  # of an item from 0, 1, 2
    "bool": lambda i: bool(i) if i < 2 else i,
    "all bool": lambda i: bool(i % 2),
    "float": float,
    "negative": lambda i: i - 3,
    "one negative": lambda i: -1 if i == 2 else i,
    "beyond": lambda i: i + 1,
    "far beyond": lambda i: i + 2**40,
    "larger than any": lambda i: i + 2**80,
    "subclass": Number,
    "None": lambda i: None if i == 2 else i,
    "string": str,
    "list": lambda i: [i],
    "tuple": lambda i: (i,),
    "slice": slice,
    "array of one": lambda i: np.array([i]),
    "array of none": lambda i: np.array(i),
    "complex": complex,
    "nan": lambda i: np.nan if i == 2 else i,
    "opaque": lambda i: Opaque() if i == 2 else i,
    **{kind: np.dtype(kind).type for kind in (*INTEGERS[:8], "bool_", "float32", "float64")},
}


def arrays(data):
    """Return hostile arrays of rows of one length, by name."""
    plain = np.array(data)
    strided = np.repeat(plain, 2, axis=1)[:, ::2]
    frozen = plain.copy()
    frozen.flags.writeable = False
    return {
        **{f"array of {kind}": plain.astype(kind) for kind in (*INTEGERS, "bool", "float32", "float64", "complex128")},
        "object array": plain.astype(object),
        "array of strings": plain.astype(str),
        "negative array": plain - 3,
        "array beyond": plain + 1,
        "strided": strided,
        "reversed": plain[::-1],
        "Fortran": np.asfortranarray(plain),
        "read-only": frozen,
        "subclass": plain.view(Array),
        "masked": np.ma.masked_equal(plain, 1),
        "3-d": plain[None],
        "1-d": plain[0],
        "structured": plain.astype([("item", int)]),
        "dates": plain.astype("datetime64[D]"),
        "empty": plain[:0],
        "no columns": plain[:, :0],
        "one column": plain[:, :1],
        "many columns": np.concatenate([plain, plain], axis=1),
    }


def containers(data):
    """Return data in other containers, by name, as functions that make them."""
    return {
        "list": lambda: data,
        "tuple": lambda: tuple(data),
        "lists": lambda: [list(row) for row in data],
        "set of rows": lambda: set(data),
        "sets": lambda: [set(row) for row in data],
        "frozensets": lambda: [frozenset(row) for row in data],
        "dicts": lambda: [dict.fromkeys(row) for row in data],
        "generator": lambda: (row for row in data),
        "iterator": lambda: iter(data),
        "rows that are iterators": lambda: [iter(row) for row in data],
        "rows that are generators": lambda: [(item for item in row) for row in data],
        "subclass of list": lambda: Items(data),
        "subclasses of list": lambda: [Items(row) for row in data],
        "subclasses of tuple": lambda: [Pair(row) for row in data],
        "arrays": lambda: [np.array(row) for row in data],
        "arrays of small integers": lambda: tuple(np.array(row, np.int8) for row in data),
        "arrays of unsigned": lambda: tuple(np.array(row, np.uint64) for row in data),
        "arrays of bools": lambda: [np.array(row) > 0 for row in data],
        "arrays of floats": lambda: [np.array(row, float) for row in data],
        "arrays of objects": lambda: [np.array(row, object) for row in data],
        "masked arrays": lambda: [np.ma.masked_equal(row, 1) for row in data],
        "subclasses of arrays": lambda: [np.array(row).view(Array) for row in data],
        "nested": lambda: [(row,) for row in data],
        "too long": lambda: [(*row, 1) for row in data],
        "too short": lambda: [row[:1] for row in data],
        "empty rows": lambda: [() for row in data],
        "one empty row": lambda: [*data, ()],
        "one short row": lambda: [*data, (1,)],
        "one long row": lambda: [*data, (0, 1, 2, 1)],
        "one row that is None": lambda: [*data, None],
        "one row that is a string": lambda: [*data, "01"],
        "one row that is bytes": lambda: [*data, b"\x00\x01"],
        "one row that is a range": lambda: [*data, range(2)],
        "the same item twice": lambda: [*data, (1, 1)],
        "empty": list,
        "empty tuple": tuple,
        "None": lambda: None,
        "string": lambda: "012",
        "bytes": lambda: b"\x00\x01",
        "a number": lambda: 3,
        "opaque": Opaque,
        "dict": lambda: dict.fromkeys(data),
        "range": lambda: range(3),
    }


def of_data(data, of_items, columns=True):
    """Return (words, function that makes data) for hostile data; `of_items` maps a function over the items of a row."""
    made = [(f"items: {words}", lambda to=to: [of_items(to, row) for row in data]) for words, to in MAKERS.items()]
    if columns:
        made += [(f"array: {words}", lambda array=array: array) for words, array in arrays(data).items()]
    made += [
        (f"container: {words}", make) for words, make in containers(data).items() if columns or "array" not in words
    ]
    return made


def flat(to, row):
    return tuple(to(item) for item in row)


def chosen(to, row):
    return to(row[0]), tuple(to(item) for item in row[1])


CHOICES = [(0, (1, 2)), (1, (2,)), (2, (0, 1)), (1, (0, 2))]
LOSERS = {
    "list": list,
    "set": set,
    "frozenset": frozenset,
    "iterator": iter,
    "generator": lambda losers: (item for item in losers),
    "array": np.array,
    "array of bools": lambda losers: np.array(losers) > 0,
    "array of floats": lambda losers: np.array(losers, float),
    "array of objects": lambda losers: np.array(losers, object),
    "array of unsigned": lambda losers: np.array(losers, np.uint64),
    "2-d array": lambda losers: np.array([losers]),
    "masked": lambda losers: np.ma.masked_equal(losers, 1),
    "first only": lambda losers: losers[0],
    "none": lambda losers: (),
    "empty array": lambda losers: np.array([], int),
    "None": lambda losers: None,
    "string": str,
    "subclass of list": Items,
    "subclass of tuple": Pair,
    "nested": lambda losers: (losers,),
    "dict": dict.fromkeys,
    "range": lambda losers: range(2),
    "twice": lambda losers: (*losers, losers[0]),
}
DATA = {
    "pairwise": of_data(PLAIN, flat),
    "rankings": of_data([(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)], flat),
    "top1": [
        *of_data(CHOICES, chosen, columns=False),
        *((f"array: {words}", lambda array=array: array) for words, array in arrays(PLAIN).items()),
        *(
            (f"losers: {words}", lambda to=to: [(w, to(losers)) for w, losers in CHOICES])
            for words, to in LOSERS.items()
        ),
        ("winner among its losers", lambda: [*CHOICES, (1, (1, 2))]),
    ],
}
START = np.array([0.2, -0.3, 0.1])
PARAMS = {
    "list": START.tolist,
    "tuple": lambda: tuple(START),
    "list of ints": lambda: [1, 0, 2],
    "list of bools": lambda: [True, False, True],
    "array of ints": lambda: np.array([1, 0, 2]),
    "float32": lambda: START.astype(np.float32),
    "float16": lambda: START.astype(np.float16),
    "longdouble": lambda: START.astype(np.longdouble),
    "big-endian": lambda: START.astype(">f8"),
    "strided": lambda: np.repeat(START, 2)[::2],
    "complex": lambda: START + 0j,
    "really complex": lambda: START + 1j,
    "object": lambda: START.astype(object),
    "bool": lambda: START > 0,
    "2-d": lambda: START[None],
    "column": lambda: START[:, None],
    "square": lambda: np.outer(START, START),
    "0-d": lambda: np.array(0.5),
    "number": lambda: 0.5,
    "masked": lambda: np.ma.masked_less(START, 0),
    "subclass": lambda: START.view(Array),
    "iterator": lambda: iter(START),
    "set": lambda: set(START),
    "dict": lambda: dict(enumerate(START)),
    "short": lambda: START[:2],
    "long": lambda: np.append(START, 0.0),
    "empty": lambda: np.array([]),
    "nan": lambda: np.array([0.0, np.nan, 1.0]),
    "infinite": lambda: np.array([0.0, np.inf, 1.0]),
    "minus infinite": lambda: np.array([0.0, -np.inf, 1.0]),
    "large": lambda: np.array([0.0, 800.0, -800.0]),
    "larger": lambda: np.array([0.0, 1e4, -1e4]),
    "huge": lambda: np.array([0.0, 1e308, -1e308]),
    "string": lambda: "012",
    "strings": lambda: ["0", "1", "2"],
    "ragged": lambda: [1.0, [2.0], 3.0],
    "None": lambda: None,
    "opaque": Opaque,
}
NUMBERS = {
    "negative": -0.5,
    "small negative": -1e-3,
    "int": 1,
    "zero": 0,
    "minus zero": -0.0,
    "bool": True,
    "float32": np.float32(0.5),
    "float64": np.float64(0.5),
    "longdouble": np.longdouble(0.5),
    "array": np.array(0.5),
    "vector": np.array([0.5, 0.1, 0.2]),
    "list": [0.5],
    "complex": 0.5 + 0j,
    "nan": np.nan,
    "infinite": np.inf,
    "huge": 1e308,
    "tiny": 1e-320,
    "large int": 10**400,
    "None": None,
    "string": "0.5",
    "opaque": Opaque(),
}
ITEMS = {
    "none": 0,
    "negative": -1,
    "one": 1,
    "few": 2,
    "more": 5,
    "bool": True,
    "float": 3.0,
    "int64": np.int64(3),
    "uint8": np.uint8(3),
    "subclass": Number(3),
    "None": None,
    "string": "3",
    "tuple": (3,),
    "array": np.array(3),
}
STEPS = {
    "none": 0,
    "one": 1,
    "negative": -3,
    "bool": True,
    "float": 5.0,
    "int64": np.int64(50),
    "None": None,
    "str": "5",
}
MODULES = {"lsr": "choix.lsr", "ilsr": "choix.lsr", "mm": "choix.mm", "opt": "choix.opt", "log": "choix.utils"}
# Names of arguments in their order; `mm_*` have the start before alpha.
ORDER = {
    "lsr": ("n", "data", "alpha", "start"),
    "ilsr": ("n", "data", "alpha", "start", "steps", "tolerance"),
    "mm": ("n", "data", "start", "alpha", "steps", "tolerance"),
    "opt": ("n", "data", "alpha", "method", "start", "steps", "tolerance"),
    "log_likelihood": ("data", "params"),
}
USUAL = {"n": 3, "alpha": 0.1, "start": None, "steps": 200, "tolerance": 1e-6, "method": "Newton-CG", "params": START}


def calls(order, data, plain, usual=USUAL):
    """Return cases where one argument after the other is hostile."""
    usual = {**usual, "data": plain}

    def case(**hostile):
        return lambda: [hostile[name]() if name in hostile else usual[name] for name in order]

    tables = {
        "n": {words: lambda value=value: value for words, value in ITEMS.items()},
        "alpha": {words: lambda value=value: value for words, value in NUMBERS.items()},
        "tolerance": {words: lambda value=value: value for words, value in NUMBERS.items()},
        "steps": {words: lambda value=value: value for words, value in STEPS.items()},
        "start": PARAMS,
        "params": PARAMS,
        "method": {words: lambda words=words: words for words in ("BFGS", "simplex", "", b"BFGS", None, 3)},
        "data": dict(data),
    }
    return [("plain", case())] + [
        (f"{name}: {words}", case(**{name: make}))
        for name in order
        for words, make in tables[name].items()
        # Where only rounding ends the iteration: the host's own calls the accelerated step.
        if not (name == "tolerance" and words in ("zero", "minus zero", "tiny"))
    ]


@pytest.mark.parametrize("kind", ["pairwise", "rankings", "top1"])
@pytest.mark.parametrize("method", ["lsr", "ilsr", "mm", "opt", "log_likelihood"])
def test_estimates_and_likelihoods_of_choix_are_its_own(method, kind):
    plain = {"pairwise": PLAIN, "rankings": [(0, 1, 2), (2, 1, 0), (1, 0)], "top1": CHOICES}[kind]
    module = MODULES[method.partition("_")[0]]
    # Newton's method stops where a step is small: rounding decides which one.
    tolerance = 1e-4 if method == "opt" else 1e-6
    count = compare("choix", module, f"{method}_{kind}", calls(ORDER[method], DATA[kind], plain), tolerance)
    assert count >= 3


def test_rank_centrality_of_choix_is_its_own():
    cases = calls(("n", "data", "alpha"), DATA["pairwise"], PLAIN)
    assert compare("choix", "choix.lsr", "rank_centrality", cases) >= 3


def test_posteriors_of_choix_are_its_own():
    cases = calls(("n", "data", "alpha"), DATA["pairwise"], PLAIN)
    cases += [(f"model {model}", lambda model=model: (3, PLAIN, 0.5, model)) for model in ("probit", "cauchit", None)]
    cases += [(f"steps {words}", lambda s=steps: (3, PLAIN, 0.5, "logit", s)) for words, steps in STEPS.items()]
    assert compare("choix", "choix.ep", "ep_pairwise", cases) >= 3


MATRIX = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [2.0, 1.0, 0.0]])
MATRICES = {
    "list": MATRIX.tolist,
    "tuple": lambda: tuple(map(tuple, MATRIX)),
    **{kind: lambda kind=kind: MATRIX.astype(kind) for kind in (*INTEGERS, "bool", "f2", "f4", ">f8", "g", "c16", "O")},
    "really complex": lambda: MATRIX + 1j,
    "strided": lambda: np.repeat(MATRIX, 2, axis=1)[:, ::2],
    "Fortran": lambda: np.asfortranarray(MATRIX),
    "subclass": lambda: MATRIX.view(Array),
    "masked": lambda: np.ma.masked_equal(MATRIX, 1),
    "not square": lambda: MATRIX[:2],
    "1-d": lambda: MATRIX[0],
    "3-d": lambda: MATRIX[None],
    "0-d": lambda: np.array(3.0),
    "empty": lambda: np.zeros((0, 0)),
    "one": lambda: np.ones((1, 1)),
    "negative": lambda: -MATRIX,
    "one negative": lambda: MATRIX - 1.5 * np.eye(3)[[1, 2, 0]],
    "diagonal": lambda: MATRIX + np.eye(3),
    "nan": lambda: np.where(MATRIX == 3, np.nan, MATRIX),
    "infinite": lambda: np.where(MATRIX == 3, np.inf, MATRIX),
    "nan on the diagonal": lambda: MATRIX + np.diag([np.nan, 0, 0]),
    "huge": lambda: MATRIX * 1e307,
    "zeros": lambda: np.zeros((3, 3)),
    "None": lambda: None,
    "string": lambda: "012",
    "opaque": Opaque,
}


@pytest.mark.parametrize("method", ["lsr", "ilsr"])
def test_estimates_of_choix_from_matrices_are_its_own(method):
    cases = calls(ORDER[method][1:], MATRICES, MATRIX)
    assert compare("choix", "choix.lsr", f"{method}_pairwise_dense", cases) >= 3


# ---- evalica ----

XS, YS = ["a", "b", "c", "a", "b", "c", "a"], ["b", "c", "a", "c", "a", "b", "b"]
WINS = [1, 2, 1, 0, 2, 1, 1]


def elements_of(values):
    """Return hostile containers and elements in the place of `values`, letters."""
    numbers = [ord(value) - 97 for value in values]
    found = {
        "list": lambda: values,
        "tuple": lambda: tuple(values),
        "array": lambda: np.array(values),
        "object array": lambda: np.array(values, object),
        "subclass of list": lambda: Items(values),
        "subclass of array": lambda: np.array(values).view(Array),
        "masked": lambda: np.ma.masked_equal(numbers, 1),
        "2-d": lambda: np.array([values]),
        "set": lambda: set(values),
        "dict": lambda: dict.fromkeys(values),
        "generator": lambda: (value for value in values),
        "string": lambda: "".join(values),
        "empty": list,
        "empty array": lambda: np.array([]),
        "short": lambda: values[:-1],
        "None": lambda: None,
        "number": lambda: 3,
        "strided": lambda: np.repeat(numbers, 2)[::2],
        "dates": lambda: np.array(numbers, "datetime64[D]"),
        "range": lambda: range(len(values)),
        "unhashable": lambda: [[value] for value in values],
        "tuples": lambda: [(value, 1) for value in values],
        "one None": lambda: [None if value == "b" else value for value in values],
        "one nan": lambda: [np.nan if value == "b" else value for value in values],
        "one True": lambda: [True if value == "b" else 1 for value in values],
        "one float": lambda: [0.0 if value == "b" else 1 for value in values],
        "mixed": lambda: [1 if value == "b" else value for value in values],
        **{
            f"dtype {kind}": lambda kind=kind: np.array(numbers).astype(kind)
            for kind in (*INTEGERS, "bool", "f4", "c16")
        },
    }
    return found | {
        f"items {words}": lambda to=to: [to(n) for n in numbers] for words, to in MAKERS.items() if words != "slice"
    }


WINNERS = {
    **{f"dtype {kind}": lambda kind=kind: np.array(WINS).astype(kind) for kind in (*INTEGERS, "bool", "f4", "O", "U")},
    "tuple": lambda: tuple(WINS),
    "floats": lambda: [float(one) for one in WINS],
    "bools": lambda: [bool(one) for one in WINS],
    "one bool": lambda: [True, *WINS[1:]],
    "numpy integers": lambda: [np.int64(one) for one in WINS],
    "numpy bytes": lambda: [np.uint8(one) for one in WINS],
    "subclasses": lambda: [Number(one) for one in WINS],
    "negative": lambda: [-1, *WINS[1:]],
    "unknown": lambda: [3, *WINS[1:]],
    "large": lambda: [256, *WINS[1:]],
    "huge": lambda: [2**80, *WINS[1:]],
    "None": lambda: None,
    "one None": lambda: [None, *WINS[1:]],
    "strings": lambda: [str(one) for one in WINS],
    "string": lambda: "1210211",
    "bytes": lambda: bytes(WINS),
    "generator": lambda: (one for one in WINS),
    "set": lambda: set(WINS),
    "dict": lambda: dict.fromkeys(WINS),
    "range": lambda: range(7),
    "short": lambda: WINS[1:],
    "long": lambda: [*WINS, 1],
    "empty": list,
    "ragged": lambda: [[1], *WINS[1:]],
    "2-d": lambda: np.array([WINS], np.uint8),
    "strided": lambda: np.repeat(np.array(WINS, np.uint8), 2)[::2],
    "masked": lambda: np.ma.masked_equal(np.array(WINS, np.uint8), 0),
    "subclass of list": lambda: Items(WINS),
    "subclass of array": lambda: np.array(WINS, np.uint8).view(Array),
}
WEIGHTS = {
    "ints": lambda: [1, 2, 1, 1, 3, 1, 1],
    "floats": lambda: [1.0, 0.5, 1.0, 2.0, 1.0, 0.0, 1.0],
    "bools": lambda: [True] * 7,
    "negative": lambda: [-1.0, *[1.0] * 6],
    "nan": lambda: [np.nan] * 7,
    "infinite": lambda: [np.inf] * 7,
    "huge": lambda: [1e308] * 7,
    "large ints": lambda: [10**400] * 7,
    "complex": lambda: [1j] * 7,
    "complex array": lambda: np.ones(7, complex),
    "really complex array": lambda: np.ones(7) * 1j,
    "array": lambda: np.linspace(0.5, 2, 7),
    "float32": lambda: np.linspace(0.5, 2, 7).astype(np.float32),
    "longdouble": lambda: np.linspace(0.5, 2, 7).astype(np.longdouble),
    "integer array": lambda: np.arange(7),
    "bool array": lambda: np.ones(7, bool),
    "object array": lambda: np.ones(7, object),
    "string array": lambda: np.array(["1"] * 7),
    "strings": lambda: ["1"] * 7,
    "column": lambda: np.ones((7, 1)),
    "0-d": lambda: np.array(1.0),
    "masked": lambda: np.ma.masked_equal(np.linspace(0.5, 2, 7), 2),
    "subclass": lambda: np.ones(7).view(Array),
    "subclass of list": lambda: Items([1.0] * 7),
    "numpy floats": lambda: list(np.linspace(0.5, 2, 7).astype(np.float32)),
    "tuple": lambda: (1.0,) * 7,
    "generator": lambda: (1.0 for _ in range(7)),
    "short": lambda: [1.0] * 6,
    "empty": list,
    "one None": lambda: [None, *[1.0] * 6],
    "nested": lambda: [[1.0]] * 7,
}
OPTIONS = (
    "win_weight",
    "tie_weight",
    "tolerance",
    "limit",
    "solver",
    "v_init",
    "damping",
    "initial",
    "base",
    "scale",
    "k",
)
HOSTILE_OPTIONS = {
    **NUMBERS,
    "unknown": "fast",
    "one": 1.0,
    "int64": np.int64(2),
    "large": 1e200,
}
METHODS = ("counting", "average_win_rate", "bradley_terry", "newman", "elo", "eigen", "pagerank")


@pytest.mark.parametrize("solver", ["pyo3", "naive"])
@pytest.mark.parametrize("method", METHODS)
def test_scores_of_evalica_are_its_own(method, solver):
    function = getattr(pytest.importorskip("evalica"), method)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    usual = dict(zip(names[-len(function.__defaults__) :], function.__defaults__, strict=True))
    usual |= {"xs": XS, "ys": YS, "winners": WINS, "solver": solver}

    def case(**hostile):
        return lambda: [hostile[name]() if name in hostile else usual[name] for name in names]

    xs, ys = elements_of(XS), elements_of(YS)
    cases = [("plain", case())]
    cases += [(f"elements: {words}", case(xs=xs[words], ys=ys[words])) for words in xs]
    cases += [(f"xs: {words}", case(xs=make)) for words, make in xs.items()]
    cases += [(f"ys: {words}", case(ys=make)) for words, make in ys.items()]
    cases += [(f"winners: {words}", case(winners=make)) for words, make in WINNERS.items()]
    cases += [(f"weights: {words}", case(weights=make)) for words, make in WEIGHTS.items()]
    cases += [("nothing", case(xs=list, ys=list, winners=list))]
    cases += [
        (f"{name}: {words}", case(**{name: lambda value=value: value}))
        for name in names
        if name in OPTIONS
        for words, value in (STEPS if name == "limit" else HOSTILE_OPTIONS).items()
    ]
    assert compare("evalica", "evalica", method, cases) >= 3


@pytest.mark.parametrize("solver", ["pyo3", "naive"])
def test_shares_of_evalica_are_its_own(solver):
    cases = [(words, lambda make=make: (make(), solver)) for words, make in PARAMS.items()]
    compare("evalica", "evalica", "pairwise_scores", cases)


def test_places_of_evalica_are_its_own():
    xs, ys = elements_of(XS), elements_of(YS)
    cases = [(words, lambda words=words: (xs[words](), ys[words]())) for words in xs]
    assert compare("evalica", "evalica", "indexing", cases) >= 3


def test_matrices_of_evalica_are_its_own():
    pandas = pytest.importorskip("pandas")
    index, xs, ys = pandas.Index(["a", "b", "c"]), [0, 1, 2, 0, 1, 2, 0], [1, 2, 0, 2, 0, 1, 1]
    cases = [("plain", lambda: (xs, ys, WINS, index))]
    cases += [(f"winners: {words}", lambda make=make: (xs, ys, make(), index)) for words, make in WINNERS.items()]
    cases += [(f"weights: {words}", lambda make=make: (xs, ys, WINS, index, make())) for words, make in WEIGHTS.items()]
    cases += [(f"items: {words}", lambda to=to: ([to(x) for x in xs], ys, WINS, index)) for words, to in MAKERS.items()]
    assert compare("evalica", "evalica", "matrices", cases) >= 3


BOOTSTRAP_OPTIONS = {
    "n_resamples": {
        "one": 1,
        "none": 0,
        "negative": -3,
        "float": 9.0,
        "half": 9.5,
        "bool": True,
        "None": None,
        "string": "9",
    },
    "confidence_level": {
        "none": 0.0,
        "all": 1.0,
        "beyond": 1.5,
        "nan": np.nan,
        "None": None,
        "int": 1,
        "string": "0.9",
    },
    "bootstrap_method": {"basic": "basic", "BCa": "BCa", "unknown": "t", "None": None, "lower": "bca"},
    "random_state": {
        "int64": np.int64(3),
        "negative": -1,
        "large": 2**40,
        "None": None,
        "float": 1.0,
        "string": "1",
        "bool": True,
    },
}


def test_bootstraps_of_evalica_are_its_own():
    host = pytest.importorskip("evalica")
    usual = {"xs": XS * 3, "ys": YS * 3, "winners": WINS * 3, "n_resamples": 9, "random_state": 3}
    usual |= {"bootstrap_method": "percentile", "method": host.bradley_terry}

    def case(**hostile):
        return lambda: usual | {name: make() for name, make in hostile.items()}

    cases = [("plain", case())]
    cases += [(f"method: {name}", case(method=lambda name=name: getattr(host, name))) for name in METHODS]
    cases += [(f"method: {name}", case(method=lambda one=one: one)) for name, one in {"len": len, "None": None}.items()]
    elements = elements_of(XS)
    cases += [(f"xs: {words}", case(xs=make, ys=lambda: YS, winners=lambda: WINS)) for words, make in elements.items()]
    cases += [(f"winners: {w}", case(xs=lambda: XS, ys=lambda: YS, winners=make)) for w, make in WINNERS.items()]
    alone = {"xs": lambda: XS, "ys": lambda: YS, "winners": lambda: WINS}
    cases += [(f"weights: {words}", case(**alone, weights=make)) for words, make in WEIGHTS.items()]
    cases += [
        (f"{name}: {words}", case(**{name: lambda value=value: value}))
        for name, values in BOOTSTRAP_OPTIONS.items()
        for words, value in values.items()
        if not (name == "random_state" and value is None)  # which draws anew
    ]
    cases += [("separable", case(xs=lambda: ["a"] * 5, ys=lambda: ["b"] * 5, winners=lambda: [1] * 5))]
    cases += [("one vote", case(xs=lambda: ["a"], ys=lambda: ["b"], winners=lambda: [1]))]
    cases += [("an option of the method", case(tolerance=lambda: 1e-3)), ("no option", case(toleranz=lambda: 1e-3))]
    assert compare("evalica", "evalica", "bootstrap", cases) >= 10


def test_alphas_of_evalica_are_its_own():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("evalica")
    plain = [[1, 2, 3, 3, None, 2], [1, 2, 3, 2, 4, None], [None, 2, 3, 3, 4, 1]]

    def frame(to=lambda one: one, **options):
        return lambda: pandas.DataFrame([[None if one is None else to(one) for one in row] for row in plain], **options)

    def value(to):  # items are 0, 1, 2 there
        return lambda one: to(one % 3)

    data = {
        "plain": frame(),
        "strings": frame(str),
        "objects": frame(dtype=object),
        "float32": frame(dtype=np.float32),
        "Int64": lambda: frame()().astype("Int64"),
        "categories": lambda: frame(str)().astype("category"),
        "infinite": frame(lambda one: np.inf if one == 4 else one),
        "nothing": pandas.DataFrame,
        "all missing": lambda: pandas.DataFrame([[None, None], [None, None]]),
        "one row": lambda: pandas.DataFrame([[1, 2, 3]]),
        "one column": lambda: pandas.DataFrame([[1], [2], [1]]),
        "one value": lambda: pandas.DataFrame([[1, 1], [1, 1]]),
        "repeated names": frame(columns=list("aabbcc")),
        "array": lambda: np.array([[1.0, 2.0], [1.0, 1.0]]),
        "list": lambda: plain,
        "series": lambda: pandas.Series([1, 2, 3]),
        "None": lambda: None,
        **{
            f"items {words}": frame(value(to)) for words, to in MAKERS.items() if words not in ("slice", "array of one")
        },
    }
    distances = {
        **{name: lambda name=name: name for name in ("nominal", "ordinal", "interval", "ratio", "unknown", "")},
        "function": lambda: lambda one, other: abs(one - other),
        "None": lambda: None,
        "number": lambda: 3,
        "subclass": lambda: type("Text", (str,), {})("interval"),
    }
    cases = [
        (f"{words}, {distance}", lambda make=make, kind=kind, solver=solver: (make(), kind(), solver))
        for words, make in data.items()
        for distance, kind in distances.items()
        for solver in ("pyo3", "naive")
    ]
    cases += [(f"solver {one}", lambda one=one: (frame()(), "nominal", one)) for one in ("fast", None, 3)]
    assert compare("evalica", "evalica", "alpha", cases) >= 50


# ---- scipy ----

EXPONENTS = [
    *(
        [1.0, 2.0],
        (1, 2),
        3.0,
        2,
        np.float32(2),
        None,
        "text",
        [],
        [[1.0], [2.0, 3.0]],
        [True, False],
        [1j, 2.0],
        Opaque(),
    ),
    *(np.float32([1, 2]), np.int8([1, 2]), np.float16([1, 2]), np.array([1.0, 2.0], object), np.ones((3, 0))),
    *(
        np.array([1.0, 2.0]).view(Array),
        np.ma.array([1.0, 2.0], mask=[0, 1]),
        Items([1.0, 2.0]),
    ),
    *(
        [np.inf, 1.0],
        [-np.inf, -np.inf],
        [-np.inf, 1.0],
        [np.nan, 1.0],
        [np.inf, -np.inf],
        np.arange(12.0).reshape(3, 4),
    ),
]
ALONG = [None, 0, 1, -1, (0, 1), (), 5, True, np.int64(0), "text"]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_sums_of_exponentials_of_scipy_are_its_own(name):
    rest = [(None, False, False), ([1, -2], True, True), (0.0, False, True)] if name == "logsumexp" else [()]
    cases = [
        (f"{x!r}, {axis!r}, {more}", lambda x=x, axis=axis, more=more: (x, axis, *more))
        for x in EXPONENTS
        for axis in ALONG
        for more in rest
    ]
    assert compare("scipy", "scipy.special._logsumexp", name, cases, 1e-13) >= 15


def test_entropies_of_scipy_are_its_own():
    cases = [
        (f"{p!r}, {q!r}, {base!r}, {axis!r}", lambda p=p, q=q, base=base, axis=axis: (p, q, base, axis))
        for p in EXPONENTS
        for q in (None, [0.5, 0.5], [0.0, 1.0], [[1.0, 2.0]], 1.0, p)
        for base in (None, 2, -1.0)
        for axis in (0, None, -1)
    ]
    assert compare("scipy", "scipy.stats._entropy", "entropy", cases, 1e-12) >= 20
