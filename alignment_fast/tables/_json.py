"""JSON: one object per line, or one array of objects; pieces of whole objects, each read by Arrow.

Where Arrow is not installed, or finds something wrong or unusual, the standard library reads a piece: it says which row
is wrong, or returns the values.
"""

from __future__ import annotations

import abc
import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from alignment_fast.tables import _table
from alignment_fast.tables._arrow import arrow_module, has_arrow
from alignment_fast.tables._contents import Number, Rules, shortened, shown
from alignment_fast.tables._quotes import LINE_END, lines_in
from alignment_fast.tables._source import TableError, row_limit
from alignment_fast.tables._table import Chunk, Table

__all__ = ["Json"]

MARK = b"\xef\xbb\xbf"
BLANK = re.compile(rb"[ \t\r\n]*")
BACKSLASH, QUOTE, COMMA, FIRST_BRACKET = b'\\",['
# What each byte outside of strings adds to the depth.
DEPTHS = np.zeros(256, dtype=np.int8)
DEPTHS[list(b"{[")] = 1
DEPTHS[list(b"}]")] = -1


class Piece(NamedTuple):
    """Whole objects.

    Parameters
    ----------
    text : bytes
        The objects, and what stands between them.
    before : int
        Lines of the file before them, or in an array rows.
    ends : list of int
        Where each element of an array ends in `text`.

    """

    text: bytes
    before: int
    ends: Sequence[int] = ()


class Item(NamedTuple):
    """One object, and where it stands, for people."""

    where: str
    value: dict[str, Any]


class _Objects(abc.ABC):
    """A way to write a table of objects: how its text is cut, and read slowly."""

    def __init__(self, table: Json) -> None:
        self.table = table

    @abc.abstractmethod
    def pieces(self, stream: Any) -> Iterator[Piece]:
        """Yield the objects of an open file in pieces of some MiB."""

    @abc.abstractmethod
    def for_arrow(self, piece: Piece) -> tuple[bytes, int]:
        """Return a piece as objects with white space between them, and their number."""

    @abc.abstractmethod
    def items(self, piece: Piece) -> Iterator[Item]:
        """Yield the objects of a piece; the first thing that is no object is a TableError."""

    def too_long(self, where: str) -> TableError:
        reason = f"the row is longer than {row_limit() >> 20} MiB; ALIGNMENT_FAST_ROW_MIB raises the limit"
        return self.table.error(where, reason)

    def loads(self, text: bytes, where: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except UnicodeDecodeError as error:
            raise self.table.error(where, f"byte {error.start + 1} is not {error.encoding}") from None
        except json.JSONDecodeError as error:
            raise self.table.error(where, f"not JSON: {error.msg} at character {error.pos + 1}") from None
        except ValueError as error:  # an integer of thousands of digits
            raise self.table.error(where, error) from None
        except RecursionError:
            raise self.table.error(where, "JSON nested too deeply") from None
        if not isinstance(value, dict):
            raise self.table.error(where, "not a JSON object")
        return value


class _PerLine(_Objects):
    """One object per line."""

    def pieces(self, stream: Any) -> Iterator[Piece]:
        text, line = stream.read(_table.CHUNK_BYTES).removeprefix(MARK), 0
        while text:
            block = stream.read(_table.CHUNK_BYTES)
            end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, len(text) - 1)) + 1 if block else len(text)
            if end:
                yield Piece(text[:end], line)
                line += lines_in(text[:end])
            text = text[end:] + block
            if len(text) > row_limit() + _table.CHUNK_BYTES:
                raise self.too_long(f"line {line + 1}")

    def for_arrow(self, piece: Piece) -> tuple[bytes, int]:
        return piece.text + b"\n", sum(1 for line in _lines(piece.text) if line and not line.isspace())

    def items(self, piece: Piece) -> Iterator[Item]:
        for line, text in enumerate(_lines(piece.text), start=piece.before + 1):
            if text and not text.isspace():
                yield Item(f"line {line}", self.loads(text, f"line {line}"))


def _lines(text: bytes) -> list[bytes]:
    return LINE_END.split(text) if b"\r" in text else text.split(b"\n")


class _Array(_Objects):
    """One array of objects: cut at the commas between them."""

    def pieces(self, stream: Any) -> Iterator[Piece]:
        start = stream.read(_table.CHUNK_BYTES).removeprefix(MARK)
        bracket = start.index(b"[") + 1
        text, line, row = start[bracket:], lines_in(start[:bracket]), 0
        ended = False
        while True:
            commas, close = _separators(text)
            if close is not None:
                if rest := (text[close + 1 :] + stream.read(_table.CHUNK_BYTES)).strip():
                    where = f"line {line + 1 + lines_in(text[:close])}"
                    raise self.table.error(
                        where, f"the array is followed by {shown(rest[:80].decode(errors='replace'))}"
                    )
                if text[:close].strip() or row:
                    yield Piece(text[:close], row, [*commas.tolist(), close])
                return
            if ended:
                raise self.table.error(f"row {row + 1}", "the array is not closed: the file is cut")
            if len(commas):
                end = int(commas[-1]) + 1
                yield Piece(text[:end], row, commas.tolist())
                row += len(commas)
                line += lines_in(text[:end])
                text = text[end:]
            if len(text) > row_limit():
                raise self.too_long(f"row {row + 1}")
            block = stream.read(max(_table.CHUNK_BYTES, len(text)))
            ended = not block
            text += block

    def for_arrow(self, piece: Piece) -> tuple[bytes, int]:
        letters = np.frombuffer(piece.text + b"\n", dtype=np.uint8).copy()
        letters[piece.ends] = ord(" ")
        return letters.tobytes(), len(piece.ends)

    def items(self, piece: Piece) -> Iterator[Item]:
        start = 0
        for row, end in enumerate(piece.ends, start=piece.before + 1):
            yield Item(f"row {row}", self.loads(piece.text[start:end], f"row {row}"))
            start = end + 1


def _separators(text: bytes) -> tuple[np.ndarray, int | None]:
    """Return where the commas between the elements of an array stand, behind its bracket, and where it is closed."""
    letters = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(letters == QUOTE)
    quotes = quotes[~_escaped(letters, quotes)]
    depths = DEPTHS[letters]
    places = np.flatnonzero((depths != 0) | (letters == COMMA))
    places = places[np.searchsorted(quotes, places) % 2 == 0]  # those outside of strings
    depth = np.cumsum(depths[places])
    closed = np.flatnonzero(depth < 0)
    close = int(places[closed[0]]) if closed.size else None
    commas = places[(depth == 0) & (letters[places] == COMMA)]
    return (commas if close is None else commas[commas < close]), close


def _escaped(letters: np.ndarray, quotes: np.ndarray) -> np.ndarray:
    """Return which quotes stand behind an odd number of backslashes."""
    slashes = np.flatnonzero(letters == BACKSLASH)
    if not slashes.size:
        return np.zeros(len(quotes), dtype=bool)
    first = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)  # of each run
    run = np.searchsorted(slashes[first], quotes) - 1
    start = slashes[first[np.maximum(run, 0)]]
    length = np.append(first[1:], len(slashes)) - first
    behind = (run >= 0) & (start + length[np.maximum(run, 0)] == quotes)
    return behind & (length[np.maximum(run, 0)] % 2 == 1)


class Json(Table):
    """A table of JSON objects: columns are the keys of the first one."""

    @contextlib.contextmanager
    def objects(self) -> Iterator[tuple[_Objects, Iterator[Piece], Any]]:
        """Open the file: how it is written, its pieces, and the file itself."""
        with self.source.stream() as (stream, _):
            start = stream.read(_table.CHUNK_BYTES).removeprefix(MARK)
            blank = BLANK.match(start)
            first = start[blank.end() if blank else 0 :][:1]
        kind = _Array if first == b"[" else _PerLine
        with self.source.stream() as (stream, raw):
            objects = kind(self)
            yield objects, objects.pieces(stream), raw

    def items(self) -> Iterator[Item]:
        with self.objects() as (objects, pieces, _):
            for piece in pieces:
                yield from objects.items(piece)

    def first(self) -> dict[str, Any]:
        for item in self.items():
            return item.value
        raise TableError(f"{self.source.name} is empty")

    def names(self) -> tuple[str, ...]:
        return tuple(self.first())

    def holds_lists(self, name: str) -> bool:
        return isinstance(self.first().get(name), list)

    def place(self, row: int) -> str:
        for number, item in enumerate(self.items()):
            if number == row:
                return item.where
        raise IndexError(row)

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        fast = has_arrow()
        with self.objects() as (objects, pieces, raw):
            for piece in pieces:
                chunk = self._by_arrow(objects, piece, rules) if fast else None
                chunk = self._by_items(objects.items(piece), rules) if chunk is None else chunk
                if chunk is not None:
                    yield chunk, raw.tell()

    def _by_arrow(self, objects: _Objects, piece: Piece, rules: Rules) -> Chunk | None:
        """Return the columns of a piece, or None where there is something wrong, or unusual, in them."""
        item = next(objects.items(piece), None)
        types: dict[str, Any] = {}
        for name, content in rules.values():
            kind = content.arrow_type_of(item.value[name]) if item is not None and name in item.value else None
            if kind is None or types.get(name, kind) != kind:
                return None
            types[name] = kind
        arrow = arrow_module("json")
        text, count = objects.for_arrow(piece)
        try:
            table = arrow.json.read_json(
                arrow.BufferReader(text),
                arrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1),
                arrow.json.ParseOptions(
                    explicit_schema=arrow.schema(list(types.items())), unexpected_field_behavior="ignore"
                ),
            )
            columns = {name: table.column(name).combine_chunks() for name in types}
            if table.num_rows != count or any(column.null_count for column in columns.values()):
                return None
            chunk = {role: content.from_arrow(columns[name]) for role, (name, content) in rules.items()}
        except (ValueError, arrow.ArrowException):
            return None
        if any(values.dtype == np.float64 and np.isinf(values).any() for values in chunk.values()):
            return None  # infinity itself, or an integer that is too large
        return chunk if all(rules[role][1].acceptable(values) for role, values in chunk.items()) else None

    def _by_items(self, items: Iterator[Item], rules: Rules) -> Chunk | None:
        """Return the columns of objects; the first thing wrong in them is a TableError."""
        values: dict[str, list[Any]] = {role: [] for role in rules}
        for where, value in items:
            for role, (name, content) in rules.items():
                values[role].append(self._cell(where, value, name, content))
        if not next(iter(values.values())):
            return None
        return {role: content.array(values[role]) for role, (_, content) in rules.items()}

    def _cell(self, where: str, value: dict[str, Any], name: str, content: Number) -> Any:
        where = f"{where}, key {name!r}"
        if name not in value:
            raise self.error(where, "the key is missing")
        cell = value[name]
        if type(cell) not in content.json_types:
            raise self.error(where, f"{shortened(json.dumps(cell))} is not {content.noun}")
        try:
            return content.cell(cell)
        except ValueError as reason:
            raise self.error(where, reason) from None
