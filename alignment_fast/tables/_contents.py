"""What a column may hold: how one cell of it is read, and how many at once."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from alignment_fast.tables._arrow import arrow_module, as_plain_text, is_text

__all__ = [
    "COUNT",
    "FINITE",
    "NON_NEGATIVE",
    "NUMBER",
    "TEXT",
    "WORD",
    "ZERO_ONE",
    "ListOf",
    "Number",
    "Rules",
    "shortened",
    "shown",
]


class Number:
    """What a column holds: how one cell of it is read, and how many at once. Here: any number but NaN."""

    noun = "a number"
    plural = "numbers"
    json_types: frozenset[type] = frozenset({int, float})
    numpy_kinds = "iuf"

    def cell(self, cell: Any) -> Any:
        """Return the value of a cell, or raise ValueError with the reason."""
        if isinstance(cell, str) and not cell.strip():
            raise ValueError("the cell is empty")
        try:
            value = float(cell)
        except (ValueError, TypeError):
            raise ValueError(f"{shown(cell)} is not a number") from None
        except OverflowError:
            raise ValueError("the integer is too large") from None
        if value != value:
            raise ValueError(f"{cell!r} is not a number")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        """Return whether `cell` would take every one of these values."""
        return not np.isnan(values).any()

    def array(self, cells: Any) -> np.ndarray:
        """Return an array of values of `cell`, or of what `numpy_kinds` lists."""
        return np.asarray(cells, dtype=np.float64)

    def from_arrow(self, cells: Any) -> np.ndarray:
        """Return an Arrow array of text or of an `arrow_type`; ValueError where `cell` would raise it."""
        arrow = arrow_module("compute")
        if arrow.types.is_float16(cells.type):  # pyarrow 15 cannot cast it
            return cells.to_numpy(zero_copy_only=False).astype(np.float64)
        if not is_text(cells.type):
            return cells.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        trimmed = arrow.compute.ascii_trim_whitespace(as_plain_text(cells))
        try:
            return arrow.compute.cast(trimmed, "float64").to_numpy(zero_copy_only=False)
        except ValueError:
            # What Arrow takes is a subset of what `cell` takes ("1_000"), which has the last word.
            return self.array([self.cell(cell) for cell in trimmed.to_pylist()])

    def arrow_type(self, kind: Any) -> bool:
        """Return whether a Parquet column of this type can hold such values."""
        types = arrow_module().types
        return is_text(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)

    def arrow_type_of(self, value: Any) -> Any:
        """Return the Arrow type of a column of JSON values like this one, or None."""
        arrow = arrow_module()
        return arrow.float64() if type(value) in self.json_types else None


class _NonNegative(Number):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value < 0:
            raise ValueError(f"{shortened(str(cell))} is negative")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return super().acceptable(values) and not (values < 0).any()


class _Finite(Number):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value in (math.inf, -math.inf):
            raise ValueError(f"{shortened(str(cell))} is infinite")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return bool(np.isfinite(values).all())


class _Truth(Number):
    """Numbers, where truth values stand for 1 and 0."""

    json_types = frozenset({bool, int, float})
    numpy_kinds = "biuf"
    words: Mapping[str, float] = {"true": 1.0, "false": 0.0}

    def cell(self, cell: Any) -> Any:
        word = cell.strip().lower() if isinstance(cell, str) else cell
        return self.words[word] if word in self.words else super().cell(cell)

    def arrow_type(self, kind: Any) -> bool:
        return bool(arrow_module().types.is_boolean(kind)) or super().arrow_type(kind)

    def arrow_type_of(self, value: Any) -> Any:
        return arrow_module().bool_() if type(value) is bool else super().arrow_type_of(value)


class _ZeroOne(_Truth):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value not in (0.0, 1.0):
            raise ValueError(f"{shortened(str(cell))} is neither 0 nor 1")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return bool(((values == 0) | (values == 1)).all())


class _Count(_Truth, _NonNegative):
    pass


class _Text(Number):
    """Text without the spaces around it, or the digits of an integer."""

    noun = "text or an integer"
    plural = "text"
    json_types = frozenset({str, int})
    numpy_kinds = "Uiu"

    def cell(self, cell: Any) -> Any:
        text = str(cell).strip()
        if not text:
            raise ValueError("the cell is empty")
        return text

    def acceptable(self, values: np.ndarray) -> bool:
        return all(values)

    def array(self, cells: Any) -> np.ndarray:
        return np.array([str(cell).strip() for cell in cells], dtype=object)

    def from_arrow(self, cells: Any) -> np.ndarray:
        arrow = arrow_module("compute")
        cells = as_plain_text(cells) if is_text(cells.type) else cells.cast(arrow.string())
        # Cells of a CSV file need not be UTF-8 where nobody reads them; a name must be.
        cells.validate(full=True)
        coded = cells.dictionary_encode()  # names repeat: each becomes one str
        names = self.array(coded.dictionary.to_pylist())
        if not self.acceptable(names):
            raise ValueError("the cell is empty")
        return names[coded.indices.to_numpy(zero_copy_only=False)]

    def arrow_type(self, kind: Any) -> bool:
        return is_text(kind) or bool(arrow_module().types.is_integer(kind))

    def arrow_type_of(self, value: Any) -> Any:
        arrow = arrow_module()
        return {str: arrow.string(), int: arrow.int64()}.get(type(value))


class _Word(_Text):
    """Text, or any number or truth value as Python writes it."""

    noun = "text, a number or a truth value"
    plural = "text, numbers or truth values"
    json_types = frozenset({str, int, float, bool})
    numpy_kinds = "Uiufb"

    def cell(self, cell: Any) -> Any:
        if cell != cell:
            raise ValueError(f"{cell!r} is not a number")
        return super().cell(cell)

    def from_arrow(self, cells: Any) -> np.ndarray:
        types = arrow_module().types
        if is_text(cells.type) or types.is_integer(cells.type):
            return super().from_arrow(cells)
        return np.array([self.cell(cell) for cell in cells.to_pylist()], dtype=object)

    def arrow_type(self, kind: Any) -> bool:
        types = arrow_module().types
        return super().arrow_type(kind) or bool(types.is_floating(kind) or types.is_boolean(kind))

    def arrow_type_of(self, value: Any) -> Any:
        arrow = arrow_module()
        return {float: arrow.float64(), bool: arrow.bool_()}.get(type(value), super().arrow_type_of(value))


class ListOf(Number):
    """Lists of what another content reads: one array per cell."""

    json_types = frozenset({list})
    numpy_kinds = ""

    def __init__(self, element: Number) -> None:
        self.element = element
        self.noun, self.plural = f"a list of {element.plural}", f"lists of {element.plural}"

    def cell(self, cell: Any) -> Any:
        if not isinstance(cell, list):
            raise ValueError("the cell is empty" if cell == "" else f"{shown(cell)} is not {self.noun}")
        values = []
        for number, value in enumerate(cell, start=1):
            try:
                if type(value) not in self.element.json_types:
                    raise ValueError(f"{shown(value)} is not {self.element.noun}")
                values.append(self.element.cell(value))
            except ValueError as reason:
                raise ValueError(f"element {number}: {reason}") from None
        return self.element.array(values)

    def acceptable(self, values: np.ndarray) -> bool:
        return True  # `cell` and `from_arrow` have checked every element

    def array(self, cells: Any) -> np.ndarray:
        out = np.empty(len(cells), dtype=object)
        out[:] = [cell if isinstance(cell, np.ndarray) else self.cell(cell) for cell in cells]
        return out

    def from_arrow(self, cells: Any) -> np.ndarray:
        arrow = arrow_module("compute")
        flat = cells.flatten()
        values = self.element.from_arrow(flat)
        if flat.null_count or not self.element.acceptable(values):
            raise ValueError("an element is not acceptable")
        lengths = arrow.compute.list_value_length(cells).to_numpy(zero_copy_only=False)
        out = np.empty(len(cells), dtype=object)
        out[:] = np.split(values, np.cumsum(lengths)[:-1]) if len(cells) else []
        return out

    def arrow_type(self, kind: Any) -> bool:
        types = arrow_module().types
        lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        return bool(lists) and self.element.arrow_type(kind.value_type)

    def arrow_type_of(self, value: Any) -> Any:
        element = self.element.arrow_type_of(value[0]) if isinstance(value, list) and value else None
        return arrow_module().list_(element) if element is not None else None


def shown(cell: Any) -> str:
    """Return a cell for a message, shortened in the middle."""
    return shortened(repr(cell) if isinstance(cell, str) else str(cell))


def shortened(text: str, most: int = 80) -> str:
    """Return `text`, without its middle where it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-(most // 2) :]}"


NUMBER, NON_NEGATIVE, COUNT, FINITE, ZERO_ONE, TEXT, WORD = (
    *(Number(), _NonNegative(), _Count(), _Finite(), _ZeroOne()),
    *(_Text(), _Word()),
)

Rules = Mapping[str, tuple[str, Number]]  # role -> (column, what it holds)
