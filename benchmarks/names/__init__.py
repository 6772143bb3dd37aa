"""Every public name beside the formula or peer that does its work: one file of `NAMES` per family.

``python benchmarks/names_report.py`` times them; tests/test_benchmark_names.py fails for a name that is missing.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


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
