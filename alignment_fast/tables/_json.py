"""JSON: one object per line, or one array of objects; pieces of whole objects, each read at once.

Of plain objects, one per line, the cells that are asked for are found by one pass that checks the rest and leaves it;
Arrow parses all others. Where Arrow is not installed, or finds something wrong or unusual, the standard library reads
a piece: it says which row is wrong, or returns the values.
"""

from __future__ import annotations

import abc
import contextlib
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.tables import _table
from alignment_fast.tables._arrow import arrow_module, has_arrow
from alignment_fast.tables._contents import Number, Rules, shortened, shown
from alignment_fast.tables._quotes import LINE_END, lines_in
from alignment_fast.tables._source import MARK, TableError, refuse_wide_letters, row_limit, row_too_long
from alignment_fast.tables._table import Chunk, Table

__all__ = ["Json"]

BLANK = re.compile(rb"[ \t\r\n]*")
BACKSLASH, QUOTE, COMMA = b'\\",'
# 1 for the bytes that structure is told by.
IS_MARK = bytes(letter in b'{}[],"' for letter in range(256))
# What each byte outside of strings adds to the depth.
DEPTHS = np.zeros(256, dtype=np.int8)
DEPTHS[list(b"{[")] = 1
DEPTHS[list(b"}]")] = -1
# So many objects say which columns there are: one that misses a key may be the first.
LOOKED_AT = 100


class JsonPiece(NamedTuple):
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


class _Repeated:
    """The value of a key that stands in an object more than once."""


REPEATED = _Repeated()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; what stands in it twice has no value that anybody could mean."""
    value = dict(pairs)
    if len(value) < len(pairs):
        value |= {key: REPEATED for key, times in Counter(key for key, _ in pairs).items() if times > 1}
    return value


class _Undecoded(dict[str, Any]):
    """An object whose bytes are not all UTF-8; that matters only where somebody looks."""


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class Item(NamedTuple):
    """One object, and where it stands, for people."""

    where: str
    value: dict[str, Any]


class _Objects(abc.ABC):
    """A way to write a table of objects: how its text is cut, and read slowly."""

    def __init__(self, table: Json) -> None:
        self.table = table

    @abc.abstractmethod
    def pieces(self, stream: Any) -> Iterator[JsonPiece]:
        """Yield the objects of an open file in pieces of some MiB."""

    @abc.abstractmethod
    def for_arrow(self, piece: JsonPiece) -> tuple[bytes, int]:
        """Return a piece as objects with white space between them, and their number."""

    def cells(self, piece: JsonPiece, names: tuple[bytes, ...], numbers: tuple[bool, ...]) -> Any:
        """Return (offsets, text) of the cells of every name, or None where there is something unusual in a piece."""
        return None

    @abc.abstractmethod
    def items(self, piece: JsonPiece) -> Iterator[Item]:
        """Yield the objects of a piece; the first thing that is no object is a TableError."""

    def too_long(self, where: str) -> TableError:
        return self.table.error(where, f"the row is {row_too_long()}")

    def loads(self, text: bytes, where: str) -> dict[str, Any]:
        try:
            value = json.loads(text.decode(errors="surrogateescape"), object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            raise self.table.error(where, f"not JSON: {error.msg} at character {error.pos + 1}") from None
        except ValueError as error:  # an integer of thousands of digits
            raise self.table.error(where, error) from None
        except RecursionError:
            raise self.table.error(where, "JSON nested too deeply") from None
        if not isinstance(value, dict):
            raise self.table.error(where, "not a JSON object")
        return value if _is_utf8(text) else _Undecoded(value)


class _PerLine(_Objects):
    """One object per line."""

    def pieces(self, stream: Any) -> Iterator[JsonPiece]:
        rest, line, mark = b"", 0, MARK
        while block := stream.read(_table.CHUNK_BYTES).removeprefix(mark):
            # A carriage return at the end of a block may belong to a line feed.
            end = max(block.rfind(b"\n"), block.rfind(b"\r", 0, len(block) - 1)) + 1
            if end:
                text = b"".join((rest, memoryview(block)[:end]))
                yield JsonPiece(text, line)
                line += lines_in(text)
                rest = b""
            rest, mark = rest + block[end:], b""
            if len(rest) > row_limit():
                raise self.too_long(f"line {line + 1}")
        if rest:
            yield JsonPiece(rest, line)

    def for_arrow(self, piece: JsonPiece) -> tuple[bytes, int]:
        starts = Counter(line.lstrip()[:1] for line in _lines(piece.text))
        count = starts[b"{"]
        whole = count + starts[b""] == starts.total()  # else objects begin and end within lines
        return piece.text + b"\n", count if whole else -1

    def cells(self, piece: JsonPiece, names: tuple[bytes, ...], numbers: tuple[bool, ...]) -> Any:
        return operations("common").read_json_cells(piece.text, names, numbers)

    def items(self, piece: JsonPiece) -> Iterator[Item]:
        for line, text in enumerate(_lines(piece.text), start=piece.before + 1):
            if not text.isspace():
                yield Item(f"line {line}", self.loads(text, f"line {line}"))


def _lines(text: bytes) -> Iterator[bytes]:
    """Yield the lines of `text` with their ends; a line may end in a carriage return alone."""
    if b"\r" not in text:
        yield from io.BytesIO(text)
        return
    start = 0
    for end in LINE_END.finditer(text):
        yield text[start : end.end()]
        start = end.end()
    if start < len(text):
        yield text[start:]


class _Array(_Objects):
    """One array of objects: cut at the commas between them."""

    def pieces(self, stream: Any) -> Iterator[JsonPiece]:
        start = stream.read(_table.CHUNK_BYTES).removeprefix(MARK)
        bracket = start.index(b"[") + 1
        text, row = start[bracket:], 0
        ended = False
        while True:
            commas, close = _separators(text)
            if close is not None:
                if text[:close].strip() or row:
                    yield JsonPiece(text[:close], row, [*commas.tolist(), close])  # its faults come first
                if rest := (text[close + 1 :] + stream.read(_table.CHUNK_BYTES)).strip():
                    where, followed = f"behind row {row + len(commas) + 1}", rest[:80].decode(errors="replace")
                    raise self.table.error(where, f"the array is followed by {shown(followed)}")
                return
            if ended:
                raise self.table.error(f"row {row + 1}", "the array is not closed: the file is cut")
            if len(commas):
                end = int(commas[-1]) + 1
                yield JsonPiece(text[:end], row, commas.tolist())
                row += len(commas)
                text = text[end:]
            if len(text) > row_limit():
                raise self.too_long(f"row {row + 1}")
            block = stream.read(max(_table.CHUNK_BYTES, len(text)))
            ended = not block
            text += block

    def for_arrow(self, piece: JsonPiece) -> tuple[bytes, int]:
        letters = np.frombuffer(piece.text + b"\n", dtype=np.uint8).copy()
        letters[piece.ends] = ord(" ")
        return letters.tobytes(), len(piece.ends)

    def items(self, piece: JsonPiece) -> Iterator[Item]:
        start = 0
        for row, end in enumerate(piece.ends, start=piece.before + 1):
            yield Item(f"row {row}", self.loads(piece.text[start:end], f"row {row}"))
            start = end + 1


def _separators(text: bytes) -> tuple[np.ndarray, int | None]:
    """Return where the commas between the elements of an array stand, behind its bracket, and where it is closed."""
    letters = np.frombuffer(text, dtype=np.uint8)
    marks = np.flatnonzero(np.frombuffer(text.translate(IS_MARK), dtype=bool))
    kinds = letters[marks]
    quotes = kinds == QUOTE
    quotes[quotes] = ~_escaped(letters, marks[quotes])
    outside = np.cumsum(quotes) % 2 == 0
    places, kinds = marks[outside], kinds[outside]
    depth = np.cumsum(DEPTHS[kinds])
    closed = np.flatnonzero(depth < 0)
    close = int(places[closed[0]]) if closed.size else None
    commas = places[(depth == 0) & (kinds == COMMA)]
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
    def objects(self) -> Iterator[tuple[_Objects, Iterator[JsonPiece], Any]]:
        """Open the file: how it is written, its pieces, and the file itself."""
        with self.source.stream() as (stream, _):
            start = stream.read(_table.CHUNK_BYTES).removeprefix(MARK)
            refuse_wide_letters(start, self.source.name)
            blank = BLANK.match(start)
            first = start[blank.end() if blank else 0 :][:1]
        kind = _Array if first == b"[" else _PerLine
        with self.source.stream() as (stream, raw):
            objects = kind(self)
            yield objects, objects.pieces(stream), raw

    def items(self) -> Generator[Item, None, None]:
        with self.objects() as (objects, pieces, _):
            for piece in pieces:
                yield from objects.items(piece)

    def first(self) -> list[dict[str, Any]]:
        """Return the first objects; a fault behind one of them is found when all are read, in its order."""
        found: list[dict[str, Any]] = []
        try:
            with contextlib.closing(self.items()) as items:
                found.extend(item.value for item in itertools.islice(items, LOOKED_AT))
        except TableError:
            if not found:
                raise
        if not found:
            raise TableError(f"{self.source.name} is empty")
        return found

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(itertools.chain.from_iterable(self.first())))

    def holds_lists(self, name: str) -> bool:
        return any(isinstance(value.get(name), list) for value in self.first())

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

    def _by_arrow(self, objects: _Objects, piece: JsonPiece, rules: Rules) -> Chunk | None:
        """Return the columns of a piece, or None where there is something wrong, or unusual, in them."""
        item = next(objects.items(piece), None)
        types: dict[str, Any] = {}
        for name, content in rules.values():
            kind = content.arrow_type_of(item.value[name]) if item is not None and name in item.value else None
            if kind is None or types.get(name, kind) != kind:
                return None
            types[name] = kind
        arrow = arrow_module("json")
        columns = self._plain_cells(objects, piece, rules, types)
        try:
            if columns is None:
                columns = self._parsed(objects, piece, types)
            if columns is None:
                return None
            chunk = {role: content.from_arrow(columns[name]) for role, (name, content) in rules.items()}
        except (ValueError, arrow.ArrowException):
            return None
        if any(values.dtype == np.float64 and np.isinf(values).any() for values in chunk.values()):
            return None  # infinity itself, or an integer that is too large
        return chunk if all(rules[role][1].acceptable(values) for role, values in chunk.items()) else None

    def _plain_cells(
        self, objects: _Objects, piece: JsonPiece, rules: Rules, types: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Return columns of strings and numbers as they are written, found without parsing what is not asked for."""
        arrow = arrow_module()
        numbers = {name: types[name] == arrow.float64() for name, _ in rules.values()}
        for name, content in rules.values():
            if types[name] != arrow.string() and not (numbers[name] and content.json_types == Number.json_types):
                return None
        try:
            names = tuple(name.encode() for name in numbers)
        except UnicodeEncodeError:
            return None
        found = objects.cells(piece, names, tuple(numbers.values()))
        if found is None:
            return None
        return {
            name: arrow.StringArray.from_buffers(len(offsets) - 1, arrow.py_buffer(offsets), arrow.py_buffer(text))
            for name, (offsets, text) in zip(numbers, found, strict=True)
        }

    def _parsed(self, objects: _Objects, piece: JsonPiece, types: dict[str, Any]) -> dict[str, Any] | None:
        """Return columns by Arrow's parser, or None where an object, or a cell, is missing."""
        arrow = arrow_module("json")
        text, count = objects.for_arrow(piece)
        table = arrow.json.read_json(
            arrow.BufferReader(text),
            arrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            arrow.json.ParseOptions(
                explicit_schema=arrow.schema(list(types.items())), unexpected_field_behavior="ignore"
            ),
        )
        columns = {name: table.column(name).combine_chunks() for name in types}
        complete = table.num_rows == count and not any(column.null_count for column in columns.values())
        return columns if complete else None

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
        if cell is REPEATED:
            raise self.error(where, "the key stands there more than once")
        if isinstance(value, _Undecoded):
            for text in cell if isinstance(cell, list) else [cell]:
                self.check_decoded(text, where)
        if type(cell) not in content.json_types:
            raise self.error(where, f"{shortened(json.dumps(cell, default=str))} is not {content.noun}")
        try:
            return content.cell(cell)
        except ValueError as reason:
            raise self.error(where, reason) from None
