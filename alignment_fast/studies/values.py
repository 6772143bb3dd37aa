"""Values in a spec that no type can tell: what JSON cannot hold, and matrices that are no preferences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["not_plain", "not_preferences"]

# How far P[i][j] + P[j][i] may be from 1: that of numbers written with a few digits.
TOLERANCE = 1e-9


def not_plain(value: Any, path: str) -> Iterator[str]:
    """Yield a line, with its path, for each value inside of `value` that JSON cannot hold."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from not_plain(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from not_plain(inner, f"{path}[{place}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: should be a finite number, not {value!r}"
    elif value is not None and not isinstance(value, bool | int | float | str):
        yield f"{path}: should be a number, text, list or table, not {value}: write a {type(value).__name__} as text"


def not_preferences(P: Sequence[Sequence[float]]) -> str:
    """Return what is wrong with a preference matrix, "" if nothing is: it is square, and P[i][j] + P[j][i] = 1."""
    for i, row in enumerate(P):
        if len(row) != len(P):
            return f"row {i} should have {len(P)} entries, as many as there are rows, not {len(row)}"
    for i, row in enumerate(P):
        for j, value in enumerate(row[: i + 1]):
            if not 0.0 <= value <= 1.0:
                return f"[{i}][{j}] should be a probability, not {value!r}"
            if not abs(value + P[j][i] - 1.0) <= TOLERANCE:
                return f"[{j}][{i}] and [{i}][{j}] should sum to 1, not to {value + P[j][i]!r}"
    return ""
