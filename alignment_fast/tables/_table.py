"""What all formats share: opening a file, plain or gzip, and errors that say where."""

import abc
import contextlib
import csv
import gzip
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from alignment_fast.tables._contents import Number, Rules

__all__ = ["CHUNK_BYTES", "CHUNK_ROWS", "Chunk", "Table", "TableError", "errors_of"]

Chunk = dict[str, np.ndarray]

CHUNK_ROWS = 65_536
CHUNK_BYTES = 4 << 20


class TableError(ValueError):
    """A table cannot be read; the message names the file and, where there is one, the line and the column."""


class Table(abc.ABC):
    """A file on disk; subclasses know one format each."""

    def __init__(self, path: Path, zipped: bool) -> None:
        self.path = path
        self.zipped = zipped

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
            with tempfile.TemporaryFile() as unzipped:
                shutil.copyfileobj(stream, unzipped)
                unzipped.seek(0)
                yield unzipped

    def error(self, where: str, reason: object) -> TableError:
        return TableError(f"{self.path}, {where}: {reason}")

    def no_rows(self) -> TableError:
        return TableError(f"{self.path} has columns but no rows")

    def bad_cell(self, cells: Iterable[Any], before: int, name: str, content: Number) -> TableError:
        """Return the error for the first bad one of `cells`, which stand below `before` other rows."""
        for row, cell in enumerate(cells, start=before + 1):
            try:
                content.cell("" if cell is None else cell)
            except ValueError as reason:
                return self.error(f"row {row}, column {name!r}", reason)
        return TableError(f"{self.path}, column {name!r}: cannot be read as {content.plural}")

    def place(self, row: int) -> str:
        """Return where row number `row` (from 0) is, as people count."""
        return f"row {row + 1}"

    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""

    @abc.abstractmethod
    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        """Yield chunks and how many bytes of the file were consumed by then."""


@contextlib.contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Say which file it was when reading itself fails."""
    try:
        yield
    except TableError:
        raise
    except EOFError:
        raise TableError(f"{path}: the compressed file is truncated") from None
    except (OSError, ValueError, zlib.error, zipfile.BadZipFile, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise TableError(f"{path}: {reason}") from error
