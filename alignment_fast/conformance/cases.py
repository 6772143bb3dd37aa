"""The cases, as the files of vectors hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

__all__ = ["Case", "cases"]

FORMAT = 1
_NUMBERS = {"inf", "-inf", "nan"}


@dataclass(frozen=True)
class Case:
    """Arguments of a function, and what it gives.

    Parameters
    ----------
    id : str
        Function, what it is about, and a number.
    function, dtype : str
        What is computed, in which dtype arrays of real numbers are given.
    arguments : mapping
        By name; numbers are exact.
    expected : mapping of str to str or list of str
        Results in decimals, arrays flattened in the order of C. Empty where there is none.
    tolerance : mapping of str to float or list of float
        Largest absolute errors, one for a result or one for each of its numbers.
    raises : str, optional
        Why there is no result.

    """

    id: str
    function: str
    dtype: str
    arguments: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Mapping[str, Any] = field(default_factory=dict)
    raises: str | None = None

    @property
    def group(self) -> str:
        """The id without its number."""
        return self.id.rpartition("/")[0]


def _numbers(value: Any) -> Any:
    """Return an argument with numbers in the place of "inf", "-inf" and "nan"."""
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return float(value) if isinstance(value, str) and value in _NUMBERS else value


def cases() -> Iterator[Case]:
    """Yield all cases, file by file."""
    folder = files("alignment_fast.conformance") / "vectors"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        content = json.loads(file.read_text("utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"{file.name} is of format {content['format']}, not {FORMAT}")
        for one in content["cases"]:
            yield Case(**{**one, "arguments": {name: _numbers(value) for name, value in one["arguments"].items()}})
