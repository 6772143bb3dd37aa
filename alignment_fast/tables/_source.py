"""Where a table comes from: a file or standard input, plain or gzip, within stated limits."""

import contextlib
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Source", "TableError", "display_name", "row_limit", "unpacked_limit"]

GZIP_MAGIC = b"\x1f\x8b"
STANDARD_INPUT = "-"
# Kinds of a table whose name says nothing, by its first bytes.
MAGIC = ((b"PAR1", ".parquet"), (b"PK", ".npz"), (b"{", ".jsonl"), (b"[", ".json"))
PEEKED = 1 << 16

_spooled: list[Any] = []  # the stream that was standard input, and the file that it was copied to


class TableError(ValueError):
    """A table cannot be read; the message names the file and, where there is one, the line and the column."""


def row_limit() -> int:
    """Return the most bytes that one row of text may have: 16 MiB, or ``ALIGNMENT_FAST_ROW_MIB``."""
    return _limit("ALIGNMENT_FAST_ROW_MIB", 16)


def unpacked_limit() -> int:
    """Return the most bytes that are unpacked to one place: 8 GiB, or ``ALIGNMENT_FAST_UNPACKED_MIB``."""
    return _limit("ALIGNMENT_FAST_UNPACKED_MIB", 8192)


def _limit(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{variable} is {text!r}, not a number of MiB")
    return int(text) << 20


def display_name(path: str | PathLike[str]) -> str:
    """Return what messages call a file."""
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
            start = stream.read(PEEKED).removeprefix(b"\xef\xbb\xbf").lstrip()
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
                limit = unpacked_limit()
                while block := stream.read(1 << 20):
                    unpacked.write(block)
                    if unpacked.tell() > limit:
                        raise TableError(
                            f"{self.name} is larger than {limit >> 20} MiB unpacked; ALIGNMENT_FAST_UNPACKED_MIB "
                            "raises the limit"
                        )
                unpacked.seek(0)
                yield unpacked


def _standard_input() -> str:
    """Return the path of a temporary file that holds what stood on standard input; it goes with the process."""
    if not _spooled or _spooled[0] is not sys.stdin:
        file = tempfile.NamedTemporaryFile(prefix="alignment_fast_")  # noqa: SIM115
        shutil.copyfileobj(getattr(sys.stdin, "buffer", sys.stdin), file)
        file.flush()
        _spooled[:] = [sys.stdin, file]
    return str(_spooled[1].name)
