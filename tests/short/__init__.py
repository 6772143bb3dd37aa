"""Small calls that the short path of every family takes: a file of `CALLS` each, walked by tests/test_short_path.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Call:
    """A public function, or a method, with small and good arguments.

    Parameters
    ----------
    name : str
        Below `alignment_fast`: "information.renyi_divergence".
    arguments : tuple
        Float64 arrays, C-contiguous, and parameters; arrays are also passed in float32, strided, read-only, as lists
        and as a subclass.
    options : mapping of str to object
        Arguments by keyword; arrays among them are treated alike.
    bad : tuple of tuple
        (position or keyword of an array, flat index, value): what the array then holds is refused by both ways alike.
    float32 : bool
        Whether the short path takes float32 arrays too.
    python_calls : int
        Calls of Python functions that it may make at most, its own included: what shows that the short path was taken.
    constructed : int
        Of a method: how many of the first arguments its class takes, which makes the object from them.
    wraps : callable, optional
        Of a function of an object: makes it from the first `constructed` arguments.

    """

    name: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    bad: tuple[tuple[int | str, int, float], ...] = ()
    float32: bool = True
    python_calls: int = 4
    constructed: int = 0
    wraps: Callable[..., Any] | None = None

    @property
    def id(self):
        """Return what the test is called by."""
        options = ", ".join(f"{name}={value}" for name, value in self.options.items() if not hasattr(value, "shape"))
        numbers = ", ".join(str(value) for value in self.arguments if not hasattr(value, "shape"))
        return f"{self.name}({numbers}{', ' if numbers and options else ''}{options})"
