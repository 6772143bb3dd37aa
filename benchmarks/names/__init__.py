"""Every public name beside the formula or peer that does its work: one file of `NAMES` per family.

``alignment-fast bench`` times them; tests/test_benchmark_names.py fails for a name that is missing.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from alignment_fast.benchmarks.cases import OURS, Case, Contender


@dataclass(frozen=True)
class Timed:
    """A public function or method, what it is compared with, and the sizes.

    Parameters
    ----------
    peer : str
        The formula or package in a few words.
    axis : str
        What the size counts: "letters", "pairs", "items", "prompts", ...
    sizes : tuple of int
        Ascending; the largest is what takes about 1 s or 1 GB.
    calls : callable (size, dtype) -> (callable, callable)
        Makes the data, and returns the call and the peer's; both return the result.
    dtypes : tuple of str
        The floating types that it computes in.

    """

    peer: str
    axis: str
    sizes: tuple[int, ...]
    calls: Callable[[int, str], tuple[Callable[[], object], Callable[[], object]]]
    dtypes: tuple[str, ...] = ("float64", "float32")


@dataclass(frozen=True)
class NotTimed:
    """A public name without work of its own, or whose work is timed under another name, and the reason."""

    reason: str


@cache
def all_names():
    """Return {name below alignment_fast: Timed or NotTimed} of all families."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        found.update(importlib.import_module(f"{__name__}.{info.name}").NAMES)
    return found


@cache
def all_different():
    """Return {name: why the peer's numbers are not ours} of all families: what `agree` is not asked of."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        found.update(getattr(importlib.import_module(f"{__name__}.{info.name}"), "DIFFERENT", {}))
    return found


def numbers_in(result):
    """Yield the arrays and numbers of a result, float64, in the order of its fields."""
    if dataclasses.is_dataclass(result):
        result = [getattr(result, field.name) for field in dataclasses.fields(result)]
    if isinstance(result, tuple | list):
        for part in result:
            yield from numbers_in(part)
    elif isinstance(result, float | int | np.ndarray | np.generic) and np.asarray(result).dtype.kind in "biuf":
        yield np.asarray(result, dtype=np.float64)


def agree(ours, theirs, dtype):
    """Return whether every array and number of the peer's result is one of ours, to what a plain formula keeps."""
    close = {"rtol": 1e-6, "atol": 1e-6} if np.dtype(dtype).itemsize == 8 else {"rtol": 1e-3, "atol": 1e-3}
    mine, others = list(numbers_in(ours)), list(numbers_in(theirs))
    return bool(others) and all(
        any(one.shape == other.shape and np.allclose(one, other, equal_nan=True, **close) for one in mine)
        for other in others
    )


def bytes_given(call):
    """Return the bytes of the arrays that a call closes over or has as arguments, each of them once."""
    arrays, left = {}, [call]
    while left:
        value = left.pop()
        if isinstance(value, np.ndarray):
            arrays[id(value)] = value.nbytes
        elif isinstance(value, tuple | list):
            left.extend(one for one in value if isinstance(one, np.ndarray))
        elif isinstance(value, partial):
            left += [value.args, *value.keywords.values()]
        elif value is call:
            left += [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
    return sum(arrays.values())


def case_of(name, size, dtype):
    """Return the comparison of a public name at one size; its results must agree unless they are different ones."""
    entry = all_names()[name]
    ours, theirs = entry.calls(size, np.dtype(dtype))
    kept = []

    def check(result):
        assert name in all_different() or all(agree(mine, result, dtype) for mine in kept), "another result than ours"
        kept.clear()

    return Case(
        f"{name}, {size} {entry.axis}, {dtype}",
        {OURS: Contender(ours, size, kept.append), entry.peer: Contender(theirs, size, check)},
        given=bytes_given(ours),
    )
