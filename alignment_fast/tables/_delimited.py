"""CSV and TSV: pieces of whole records, each read by Arrow, or record by record where Arrow finds something wrong.

The slow reader is the standard library's. It has the last word: it says which line is wrong, or returns the values.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from collections.abc import Iterator
from typing import Any

from alignment_fast.tables import _table
from alignment_fast.tables._arrow import arrow_module
from alignment_fast.tables._contents import Rules
from alignment_fast.tables._quotes import CsvPiece, QuoteError, pieces
from alignment_fast.tables._source import MARK, TableError, refuse_wide_letters, row_limit, row_too_long
from alignment_fast.tables._table import Chunk, Table

__all__ = ["Csv", "Tsv"]

PEEKED = 16  # bytes that say how the text is written


class _Joined(io.RawIOBase):
    """Bytes that were read already, and the stream that they came from, as one stream."""

    def __init__(self, start: bytes, rest: Any) -> None:
        self._start, self._rest = io.BytesIO(start), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._start.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _Lines:
    """The lines of a text, remembering those of the record that is being read."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.record: list[str] = []
        self._length = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(row_limit())
        if not line:
            raise StopIteration
        self.record.append(line)
        self._length += len(line)
        if self._length > row_limit():
            raise csv.Error("long")
        return line

    def next_record(self) -> None:
        self.record.clear()
        self._length = 0

    def opening_line(self) -> int:
        """Return the line, from 0, of the record in which its last quoted cell opens."""
        inside, opened = False, 0
        for number, line in enumerate(self.record):
            for letter in line:
                if letter == '"':
                    inside = not inside
                    opened = number if inside else opened
        return opened


class Delimited(Table):
    """Cells with a delimiter between them, quoted where needed."""

    delimiter: str

    @contextlib.contextmanager
    def open_text(self) -> Iterator[tuple[Any, Any]]:
        """Open the file behind its byte order mark."""
        with self.source.stream() as (stream, raw):
            start = stream.read(PEEKED)
            refuse_wide_letters(start, self.source.name)
            yield io.BufferedReader(_Joined(start.removeprefix(MARK), stream)), raw

    def records(self, stream: Any, before: int = 0) -> Iterator[tuple[int, int, list[str]]]:
        """Yield first line, last line and cells of each record that is not blank, by the slow reader."""
        # Bytes that are not UTF-8 matter only where somebody looks.
        lines = _Lines(io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline=""))
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        first = before
        while True:
            lines.next_record()
            try:
                with _cells_of_any_length():
                    cells = next(reader, None)
            except csv.Error as error:
                raise self._broken_record(lines, first, str(error)) from None
            if cells is None:
                return
            if cells:
                yield first + 1, before + reader.line_num, cells
            first = before + reader.line_num

    def _broken_record(self, lines: _Lines, first: int, reason: str) -> TableError:
        opened = first + 1 + lines.opening_line()
        last = first + len(lines.record)
        if reason == "long":
            return self.error(f"line {opened}", f"the row is {row_too_long()}")
        if reason == "unexpected end of data":
            return self.error(f"line {opened}", "the quote that opens here is never closed")
        where = "" if last == opened else f" in line {last}"
        return self.error(f"line {opened}", f"the quoted cell that opens here does not end at a delimiter{where}")

    def header(self) -> tuple[int, tuple[str, ...]]:
        """Return the last line of the header and the names in it."""
        with self.open_text() as (stream, _):
            for _, last, cells in self.records(stream):
                for cell in cells:
                    self.check_decoded(cell, f"line {last}")
                return last, tuple(cell.strip() for cell in cells)
        raise TableError(f"{self.source.name} is empty")

    def names(self) -> tuple[str, ...]:
        return self.header()[1]

    def place(self, row: int) -> str:
        with self.open_text() as (stream, _):
            line, _, _ = next(itertools.islice(self.records(stream), row + 1, None))  # after the header
            return f"line {line}"

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        arrow_module("csv")
        header_lines, names = self.header()
        # Columns go by position, because names may repeat outside of what is wanted.
        place_of = {name: place for place, name in enumerate(names)}
        position = {role: place_of[name] for role, (name, _) in rules.items()}
        with self.open_text() as (stream, raw):
            try:
                for piece in pieces(stream, self.delimiter.encode(), header_lines):
                    if piece.regular:
                        chunk = self._by_arrow(piece, rules, position, len(names))
                        if chunk is not None:
                            yield chunk, raw.tell()
                            continue
                        stream_of_piece: Any = io.BytesIO(piece.text)
                    else:
                        stream_of_piece = io.BufferedReader(_Joined(piece.text, stream))
                    records = self.records(stream_of_piece, piece.line)
                    for chunk in self._by_records(records, rules, position, len(names)):
                        yield chunk, raw.tell()
            except QuoteError as error:
                raise self.error(f"line {error.line}", error) from None

    def _by_arrow(self, piece: CsvPiece, rules: Rules, position: dict[str, int], width: int) -> Chunk | None:
        """Return the columns of a piece, or None where there is something wrong, or unusual, in them."""
        arrow = arrow_module("csv")
        if piece.text.startswith(MARK):  # Arrow would drop it, as at the beginning of a file
            return None
        wanted = sorted(set(position.values()))
        try:
            table = arrow.csv.read_csv(
                arrow.BufferReader(piece.text),
                arrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=len(piece.text) + 1,
                    column_names=[str(index) for index in range(width)],
                ),
                arrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                # Cells stay text here, so that what is a number is decided by one rule, that of its content.
                arrow.csv.ConvertOptions(
                    include_columns=[str(index) for index in wanted],
                    column_types={str(index): arrow.string() for index in wanted},
                    check_utf8=False,
                ),
            )
            columns = {index: table.column(str(index)).combine_chunks() for index in wanted}
            chunk = {role: rules[role][1].from_arrow(columns[index]) for role, index in position.items()}
        except ValueError:
            return None
        return chunk if all(rules[role][1].acceptable(values) for role, values in chunk.items()) else None

    def _by_records(
        self, records: Iterator[tuple[int, int, list[str]]], rules: Rules, position: dict[str, int], width: int
    ) -> Iterator[Chunk]:
        """Yield the columns of records; the first thing wrong in them is a TableError."""
        by_place = sorted(rules, key=position.__getitem__)  # the first bad cell of a line is the leftmost
        while True:
            values: dict[str, list[Any]] = {role: [] for role in rules}
            for line, _, cells in itertools.islice(records, _table.CHUNK_ROWS):
                if len(cells) != width:
                    raise self.error(f"line {line}", f"{len(cells)} cells under a header of {width}")
                for role in by_place:
                    name, content = rules[role]
                    where = f"line {line}, column {name!r}"
                    cell = cells[position[role]]
                    self.check_decoded(cell, where)
                    try:
                        values[role].append(content.cell(cell))
                    except ValueError as reason:
                        raise self.error(where, reason) from None
            if not values[by_place[0]]:
                return
            yield {role: rules[role][1].array(found) for role, found in values.items()}


class Csv(Delimited):
    """Commas between cells."""

    delimiter = ","


class Tsv(Delimited):
    """Tabs between cells."""

    delimiter = "\t"


@contextlib.contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the standard library's limit on the length of a cell; that of a row, `row_limit`, is kept elsewhere."""
    before = csv.field_size_limit(row_limit() + 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
