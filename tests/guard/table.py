"""The table of guarded results: how a case is entered, how its result becomes one hash, how its inputs are made.

A case calls public functions with fixed inputs. Its hash covers every bit of every number in the result, so that a
change anywhere below the public layer shows. Cases are of two kinds:

- ``own``: only this project's kernels and exact operations of NumPy (sums, products, square roots, sorting) take part,
  so one instruction set gives the same bits on every machine;
- ``library``: exponentials or logarithms of NumPy or of the C library, BLAS, LAPACK, FFT or SciPy take part, whose last
  bits differ between processors and versions.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

import alignment_fast as af


@dataclass(frozen=True)
class Case:
    """One result.

    Attributes
    ----------
    name : str
        ``family/what``.
    uses : tuple of str
        Public names that it exercises, without ``alignment_fast.``; methods as ``module.Class.method``.
    compute : callable
        Makes the result, without arguments.
    own : bool
        Whether the bits are this project's own.
    """

    name: str
    uses: tuple[str, ...]
    compute: Callable[[], object]
    own: bool

    @property
    def family(self):
        return self.name.partition("/")[0]


CASES: dict[str, Case] = {}


def add(name, uses, function, *args, own=True, **options):
    """Enter the case `name`: ``function(*args, **options)``; `uses` are public names, separated by blanks."""
    if name in CASES:
        raise ValueError(f"two cases are called {name}")
    CASES[name] = Case(name, tuple(uses.split()), lambda: function(*args, **options), own)


# ---- hashes ----


DIGITS = 20


def digest(value):
    """Return the hash of a result: the first hexadecimal digits of SHA-256, enough to tell a change."""
    state = hashlib.sha256()
    _feed(value, state.update)
    return state.hexdigest()[:DIGITS]


def _feed(value, write):
    """Write `value` to the hash: a letter for the kind, the length where there is one, the contents."""
    if value is None or isinstance(value, str):
        _text(repr(value), write)
    elif isinstance(value, np.ndarray | np.generic | bool):
        _array(np.asarray(value), write)
    elif isinstance(value, float):
        _array(np.asarray(value, dtype=np.float64), write)
    elif isinstance(value, int):
        _text(f"int {value}", write) if abs(value) >= 2**63 else _array(np.asarray(value, dtype=np.int64), write)
    elif parts := _parts(value):
        kind, items = parts
        write(kind + struct.pack("<q", len(items)))
        for name, item in items:
            _text(name, write)
            _feed(item, write)
    else:
        raise TypeError(f"a case returned {type(value).__name__}, which has no canonical form")


def _parts(value):
    """Return (letter, [(name, part), ...]) of what is made of parts, or None."""
    if hasattr(value, "_asdict"):
        return b"N", list(value._asdict().items())
    if is_dataclass(value):
        return b"N", [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return b"M", [(repr(name), item) for name, item in value.items()]
    if isinstance(value, tuple | list):
        return b"T", [("", item) for item in value]
    return None


def _text(text, write):
    data = text.encode()
    write(b"S" + struct.pack("<q", len(data)) + data)


def _array(array, write):
    """Write dtype, shape and bytes, little endian and in C order; all NaN are one."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"an array of {array.dtype} has no canonical form")
    array = np.ascontiguousarray(array).reshape(array.shape).astype(array.dtype.newbyteorder("<"))
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array).astype(array.dtype)
    _text(f"{array.dtype.str} {array.shape}", write)
    write(array.tobytes())


# ---- inputs: from random streams of this project and from whole numbers, by exact or correctly rounded operations ----

FLOATS = {"f64": np.float64, "f32": np.float32}


def whole(seed, shape, low, high):
    """Return integers from `low` to `high` - 1."""
    return np.random.default_rng(seed).integers(low, high, shape)


def reals(seed, shape, low=0.0, high=1.0, dtype=np.float64):
    """Return numbers between `low` and `high`."""
    size = int(np.prod(shape))
    return (low + (high - low) * af.random.Stream(seed).uniform(size)).reshape(shape).astype(dtype)


def masses(seed, shape, dtype=np.float64, *, zeros=False):
    """Return positive weights of a wide range, some of them zero if asked for."""
    weights = reals(seed, shape) ** 2 * whole(seed, shape, 1, 50)
    if zeros:
        weights[..., 1::4] = 0.0
    return weights.astype(dtype)


def tied(seed, shape, levels=4, dtype=np.float64):
    """Return rewards of a few levels, so that many are equal."""
    return (whole(seed, shape, 0, levels) * 0.75 - 1.0).astype(dtype)


def preferences(seed, shape, size, dtype=np.float64, *, low=1, high=1000):
    """Return matrices P with P + Pᵀ = 1 of leading `shape`, made of thousandths."""
    wins = np.triu(whole(seed, (*shape, size, size), low, high), 1)
    P = (wins + np.tril(1000 - np.swapaxes(wins, -1, -2), -1)) / 1000
    P[..., np.arange(size), np.arange(size)] = 0.5
    return P.astype(dtype)


def chosen(result, names):
    """Return the attributes `names` (separated by blanks) of a result, by name."""
    return {name: getattr(result, name) for name in names.split()}


def refusal(function, *args, **options):
    """Return type and message of the error that a call raises."""
    try:
        function(*args, **options)
    except Exception as error:
        return type(error).__name__, str(error)
    raise AssertionError("the call raised no error")
