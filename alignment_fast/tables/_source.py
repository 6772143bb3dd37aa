"""Where a table comes from: a file or standard input, plain or gzip, within stated limits."""

import contextlib
import gzip
import os
import sys
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from alignment_fast._border.words import as_path

__all__ = [
    "MARK",
    "Source",
    "TableError",
    "display_name",
    "limits",
    "refuse_wide_letters",
    "row_limit",
    "row_too_long",
    "too_large",
    "unpacked_limit",
]

MARK = b"\xef\xbb\xbf"  # of byte order, in UTF-8
GZIP_MAGIC = b"\x1f\x8b"
STANDARD_INPUT = "-"
# Kinds of a table whose name says nothing, by its first bytes.
MAGIC = ((b"PAR1", ".parquet"), (b"PK", ".npz"), (b"{", ".jsonl"), (b"[", ".json"))
PEEKED = COPIED_AT_ONCE = 1 << 16
# Longer marks first: that of UTF-32 begins as one of UTF-16.
BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
WIDE_LETTERS = 8  # so many bytes tell

_spooled: list[Any] = []  # the stream that was standard input, and the file that it was copied to


class TableError(ValueError):
    """A table cannot be read; the message names the file and, where there is one, the line and the column."""


class Limits(NamedTuple):
    """The most MiB of one row of text, and of what is unpacked to one place; None is what the environment says."""

    row_mib: int | None = None
    unpacked_mib: int | None = None


_of_environment = Limits()
_limits = ContextVar("limits", default=_of_environment)


@contextlib.contextmanager
def limits(*, row_mib: int | None = None, unpacked_mib: int | None = None) -> Iterator[None]:
    r"""Read tables with other limits, within a ``with`` block.

    Parameters
    ----------
    row_mib : int, optional
        The most MiB that one row of text may have. Default: ``ALIGNMENT_FAST_ROW_MIB``, or 16.
    unpacked_mib : int, optional
        The most MiB that are unpacked, or copied from standard input, to one place. Default:
        ``ALIGNMENT_FAST_UNPACKED_MIB``, or 8192.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from alignment_fast import tables
    >>> with tempfile.TemporaryDirectory() as folder, tables.limits(row_mib=64):
    ...     path = pathlib.Path(folder) / "letters.csv"
    ...     _ = path.write_text("letter,count\nA,8\n")
    ...     tables.column_names(path)
    ('letter', 'count')

    """
    for name, value in (("row_mib", row_mib), ("unpacked_mib", unpacked_mib)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    token = _limits.set(Limits(row_mib, unpacked_mib))
    try:
        yield
    finally:
        _limits.reset(token)


def row_limit() -> int:
    """Return the most bytes that one row of text may have."""
    return _limit(_limits.get().row_mib, "ALIGNMENT_FAST_ROW_MIB", 16)


def unpacked_limit() -> int:
    """Return the most bytes that are unpacked to one place."""
    return _limit(_limits.get().unpacked_mib, "ALIGNMENT_FAST_UNPACKED_MIB", 8192)


def _limit(chosen: int | None, variable: str, default: int) -> int:
    if chosen is not None:
        return chosen << 20
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{variable} is {text!r}, not a number of MiB")
    return int(text) << 20


def row_too_long() -> str:
    """Return what is wrong with a row beyond `row_limit`."""
    return f"longer than {row_limit() >> 20} MiB; --row-mib or ALIGNMENT_FAST_ROW_MIB raises the limit"


def too_large(name: str) -> TableError:
    """Return the error of a file that is larger than `unpacked_limit`."""
    limit = f"{unpacked_limit() >> 20} MiB unpacked"
    return TableError(f"{name} is larger than {limit}; --unpacked-mib or ALIGNMENT_FAST_UNPACKED_MIB raises the limit")


def display_name(path: str | PathLike[str]) -> str:
    """Return what messages call a file."""
    if not isinstance(path, str):
        path = as_path(path)
    return "standard input" if str(path) == STANDARD_INPUT else os.fspath(path)


@dataclass(frozen=True)
class Source:
    """A file on disk.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What messages call it.
    zipped : bool
        Whether it is gzip.

    """

    path: Path
    name: str
    zipped: bool

    @classmethod
    def of(cls, path: str | PathLike[str]) -> "Source":
        """Return the source that `path` names; ``-`` is standard input, which is copied to a file first."""
        name = display_name(path)
        path = Path(_standard_input() if str(path) == STANDARD_INPUT else path)
        if path.exists() and not path.is_file():  # a pipe could be read only once
            raise TableError(f"{name} is not a file")
        with open(path, "rb") as file:
            return cls(path, name, file.read(len(GZIP_MAGIC)) == GZIP_MAGIC)

    def error(self, where: str, reason: object) -> TableError:
        """Return the error that says what is wrong at a place of this table."""
        return TableError(f"{self.name}, {where}: {reason}")

    def kind(self) -> str:
        """Return the ending that says which format this is: that of the name, or one that fits the first bytes."""
        if self.name == str(self.path):
            return Path(self.path.name.lower().removesuffix(".gz")).suffix
        with self.stream() as (stream, _):
            start = stream.read(PEEKED).removeprefix(MARK).lstrip()
        found = next((kind for magic, kind in MAGIC if start.startswith(magic)), None)
        header = start.partition(b"\n")[0]
        return found or (".tsv" if b"\t" in header and b"," not in header else ".csv")

    @contextlib.contextmanager
    def stream(self) -> Iterator[tuple[BinaryIO | gzip.GzipFile, BinaryIO]]:
        """Open the file: the decompressed bytes, and the file itself, whose position says how much was consumed."""
        with open(self.path, "rb") as raw:
            if self.zipped:
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream, raw
            else:
                yield raw, raw

    @contextlib.contextmanager
    def seekable(self) -> Iterator[Any]:
        """Open the file for formats that jump about: what is compressed goes to a temporary file first."""
        with self.stream() as (stream, _):
            if not self.zipped:
                yield stream
                return
            with tempfile.TemporaryFile() as unpacked:
                _copy(stream, unpacked, self.name)
                unpacked.seek(0)
                yield unpacked


def _standard_input() -> str:
    """Return the path of a temporary file that holds what stood on standard input; it goes with the process."""
    if sys.stdin is None:
        raise TableError("standard input is closed")
    if not _spooled or _spooled[0] is not sys.stdin:
        file = tempfile.NamedTemporaryFile(prefix="alignment_fast_")  # noqa: SIM115
        _copy(getattr(sys.stdin, "buffer", sys.stdin), file, display_name(STANDARD_INPUT))
        file.flush()
        _spooled[:] = [sys.stdin, file]
    return str(_spooled[1].name)


def _copy(stream: Any, file: Any, name: str) -> None:
    """Copy a stream to a file, up to `unpacked_limit`."""
    limit = unpacked_limit()
    while block := stream.read(COPIED_AT_ONCE):
        file.write(block)
        if file.tell() > limit:
            raise too_large(name)


def refuse_wide_letters(start: bytes, name: str) -> None:
    """Raise TableError where the first bytes of a text say that it is UTF-16 or UTF-32."""
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if start.startswith(mark)), None)
    pairs = start[:WIDE_LETTERS]
    if encoding is None and len(pairs) == WIDE_LETTERS and any(pairs[::2]) != any(pairs[1::2]):
        encoding = "UTF-16 or UTF-32"  # every other byte of Latin letters is zero
    if encoding is not None:
        raise TableError(f"{name}, line 1: the file is {encoding}, not UTF-8")
