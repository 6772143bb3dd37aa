"""What a column may hold: how one cell of it is read, and how many at once."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from alignment_fast.tables._arrow import arrow_module, is_text

__all__ = ["FINITE", "NON_NEGATIVE", "NUMBER", "TEXT", "ZERO_ONE", "Number", "Rules"]


class Number:
    """What a column holds: how one cell of it is read, and how many at once. Here: any number but NaN."""

    noun = "a number"
    plural = "numbers"
    json_types = frozenset({int, float})
    numpy_kinds = "iuf"

    def cell(self, cell: Any) -> Any:
        """Return the value of a cell, or raise ValueError with the reason."""
        if isinstance(cell, str) and not cell.strip():
            raise ValueError("the cell is empty")
        try:
            value = float(cell)
        except (ValueError, TypeError):
            raise ValueError(f"{cell!r} is not a number") from None
        except OverflowError:
            raise ValueError("the integer is too large") from None
        if value != value:
            raise ValueError(f"{cell!r} is not a number")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        """Return whether `cell` would take every one of these values."""
        return not np.isnan(values).any()

    def array(self, cells: Any) -> np.ndarray:
        """Return a list of cells of `json_types`, or an array of one of `numpy_kinds`."""
        return np.asarray(cells, dtype=np.float64)

    def from_arrow(self, cells: Any) -> np.ndarray:
        """Return an Arrow array of text or of an `arrow_type`; ValueError where `cell` would raise it."""
        arrow = arrow_module("compute")
        if not is_text(cells.type):
            return cells.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        trimmed = arrow.compute.ascii_trim_whitespace(cells)
        try:
            return arrow.compute.cast(trimmed, "float64").to_numpy()
        except ValueError:
            # What Arrow takes is a subset of what `cell` takes ("1_000"), which has the last word.
            return self.array([self.cell(cell) for cell in trimmed.to_pylist()])

    def arrow_type(self, kind: Any) -> bool:
        """Return whether a Parquet column of this type can hold such values."""
        types = arrow_module().types
        return is_text(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


class NonNegative(Number):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value < 0:
            raise ValueError(f"{cell} is negative")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return super().acceptable(values) and not (values < 0).any()


class Finite(Number):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value in (math.inf, -math.inf):
            raise ValueError(f"{cell} is infinite")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return bool(np.isfinite(values).all())


class ZeroOne(Number):
    json_types = frozenset({bool, int, float})
    numpy_kinds = "biuf"
    words: Mapping[str, float] = {"true": 1.0, "false": 0.0}

    def cell(self, cell: Any) -> Any:
        word = cell.strip().lower() if isinstance(cell, str) else cell
        value = self.words[word] if word in self.words else super().cell(cell)
        if value not in (0.0, 1.0):
            raise ValueError(f"{cell} is neither 0 nor 1")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return bool(((values == 0) | (values == 1)).all())

    def arrow_type(self, kind: Any) -> bool:
        return bool(arrow_module().types.is_boolean(kind)) or super().arrow_type(kind)


class Text(Number):
    noun = "text or an integer"
    plural = "text"
    json_types = frozenset({str, int})
    numpy_kinds = "Uiu"

    def cell(self, cell: Any) -> Any:
        if not str(cell).strip():
            raise ValueError("the cell is empty")
        return str(cell)

    def acceptable(self, values: np.ndarray) -> bool:
        return all(map(str.strip, values))

    def array(self, cells: Any) -> np.ndarray:
        return np.array(list(map(str, cells)), dtype=object)

    def from_arrow(self, cells: Any) -> np.ndarray:
        # Cells of a CSV file need not be UTF-8 where nobody looks at them; a name must be.
        cells.validate(full=True)
        return self.array(cells.to_pylist())

    def arrow_type(self, kind: Any) -> bool:
        return is_text(kind) or bool(arrow_module().types.is_integer(kind))


NUMBER, NON_NEGATIVE, FINITE, ZERO_ONE, TEXT = Number(), NonNegative(), Finite(), ZeroOne(), Text()

Rules = Mapping[str, tuple[str, Number]]  # role -> (column, what it holds)
