"""Cutting CSV into pieces of whole records, by where quoted cells begin and end.

Arrow reads a piece at a time: its own cutter takes a carriage return inside a quoted cell for the end of a record where
one of its blocks ends, and says nothing of a quote that is never closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from alignment_fast.tables import _table
from alignment_fast.tables._source import row_limit, row_too_long

__all__ = ["CsvPiece", "QuoteError", "lines_in", "pieces", "without_lines"]

QUOTE, LINE_FEED, CARRIAGE_RETURN = b'"\n\r'
LINE_END = re.compile(rb"\r\n|\n|\r")


class CsvPiece(NamedTuple):
    """Whole records.

    Parameters
    ----------
    text : bytes
        The records; all that was read so far if they are not `regular`.
    line : int
        Lines of the file before them.
    regular : bool
        Whether every quote begins or ends a cell or is doubled inside of one. Where some do not, nobody can tell from
        quotes alone where records end.

    """

    text: bytes
    line: int
    regular: bool


class QuoteError(ValueError):
    """A record goes on for too long, or for ever.

    Attributes
    ----------
    line : int
        Where it begins, or where its last quote opens.

    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def lines_in(text: bytes) -> int:
    """Return the number of line ends in `text`, as an editor counts."""
    letters = np.frombuffer(text, dtype=np.uint8)
    feeds = int(np.count_nonzero(letters == LINE_FEED))  # many at a time, which bytes.count does not
    if b"\r" not in text:
        return feeds
    return feeds + text.count(b"\r") - text.count(b"\r\n")


def without_lines(text: bytes, lines: int) -> bytes | None:
    """Return what follows the first `lines` lines of `text`, or None where it has fewer."""
    at = 0
    for _ in range(lines):
        end = LINE_END.search(text, at)
        if end is None:
            return None
        at = end.end()
    return text[at:]


def pieces(stream: Any, delimiter: bytes, skipped: int) -> Iterator[CsvPiece]:
    """Yield the records of `stream` behind the first `skipped` lines, in pieces of some MiB.

    A piece that is not regular is the last one: what follows it is still in the stream.

    Raises
    ------
    QuoteError
        If a quote is never closed, or a row is longer than `row_limit`.

    """
    text, line, limit = _behind_header(stream, skipped), skipped, row_limit()
    ended = False
    while text or not ended:
        positions = _quotes_in(text)
        if positions.size and not _regular(text, positions, delimiter):
            yield CsvPiece(text, line, False)
            return
        end = len(text) if ended else _last_end(text, positions)
        if ended and positions.size % 2:
            opened = line + 1 + lines_in(text[: positions[-1]])
            raise QuoteError(opened, "the quote that opens here is never closed")
        if end:
            yield CsvPiece(text[:end], line, True)
            line += lines_in(text[:end])
            text = text[end:]
        if len(text) > limit:
            inside = positions.size % 2
            opened = line + 1 + (lines_in(text[: positions[-1]]) if inside and not end else 0)
            what = "what the quote that opens here encloses" if inside else "the row"
            raise QuoteError(opened, f"{what} is {row_too_long()}")
        if ended:
            return
        block = stream.read(max(_table.CHUNK_BYTES, len(text)))  # doubles while a row does not end
        ended = not block
        text += block


def _quotes_in(text: bytes) -> np.ndarray:
    """Return where the quotes in `text` stand."""
    if b'"' not in text:  # found out many times as fast
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == QUOTE)


def _behind_header(stream: Any, lines: int) -> bytes:
    text = b""
    while (rest := without_lines(text, lines)) is None:
        block = stream.read(_table.CHUNK_BYTES)
        if not block:
            return b""
        text += block + (stream.read(1) if block.endswith(b"\r") else b"")  # a line feed may belong to it
    return rest


def _regular(text: bytes, quotes: np.ndarray, delimiter: bytes) -> bool:
    """Return whether every quote opens a cell, closes one, or stands beside another quote inside of one."""
    letters = np.frombuffer(text, dtype=np.uint8)
    edge = np.zeros(256, dtype=bool)
    edge[[QUOTE, LINE_FEED, CARRIAGE_RETURN, delimiter[0]]] = True
    opening, closing = quotes[::2], quotes[1::2]
    before = letters[opening[opening > 0] - 1]
    after = letters[closing[closing < len(letters) - 1] + 1]
    return bool(edge[before].all() and edge[after].all())


def _last_end(text: bytes, quotes: np.ndarray) -> int:
    """Return the length of all whole records in `text`: up to the last line end outside of quotes."""
    stop = len(text) - text.endswith(b"\r")  # its line feed may be still to come
    while True:
        end = max(text.rfind(b"\n", 0, stop), text.rfind(b"\r", 0, stop)) + 1
        before = int(np.searchsorted(quotes, end))
        if before % 2 == 0:
            return end
        stop = int(quotes[before - 1])  # inside of a cell: go back to before its quote, which stands outside
