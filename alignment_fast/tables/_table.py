"""What all formats share: an open source, chunks of columns, and errors that say where."""

import abc
import contextlib
import csv
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._source import Source, TableError

__all__ = ["CHUNK_BYTES", "CHUNK_ROWS", "Chunk", "Table", "errors_of"]

Chunk = dict[str, np.ndarray]

CHUNK_ROWS = 65_536
CHUNK_BYTES = 4 << 20


class Table(abc.ABC):
    """A table; subclasses know one format each."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.size = source.path.stat().st_size

    def error(self, where: str, reason: object) -> TableError:
        """Return the error that says what is wrong at a place of this table."""
        return self.source.error(where, reason)

    def check_decoded(self, cell: object, where: str) -> None:
        """Raise TableError where a cell holds a byte that is no UTF-8, as ``surrogateescape`` keeps it."""
        if isinstance(cell, str) and not cell.isascii():
            wrong = next((ord(letter) - 0xDC00 for letter in cell if "\udc80" <= letter <= "\udcff"), None)
            if wrong is not None:
                raise self.error(where, f"byte 0x{wrong:02x} is not UTF-8")

    def no_rows(self) -> TableError:
        """Return the error of a table without rows."""
        return TableError(f"{self.source.name} has columns but no rows")

    def bad_cell(self, cells: Iterable[Any], before: int, name: str, content: Number) -> TableError:
        """Return the error for the first bad one of `cells`, which stand below `before` other rows."""
        for row, cell in enumerate(cells, start=before + 1):
            try:
                content.cell("" if cell is None else cell)
            except ValueError as reason:
                return self.error(f"row {row}, column {name!r}", reason)
        return TableError(f"{self.source.name}, column {name!r}: cannot be read as {content.plural}")

    def place(self, row: int) -> str:
        """Return where row number `row` (from 0) is, as people count."""
        return f"row {row + 1}"

    def holds_lists(self, name: str) -> bool:
        """Return whether the cells of a column are lists."""
        return False

    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""

    @abc.abstractmethod
    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        """Yield chunks and how many bytes of the file were consumed by then."""


# What reading a file that is broken, encrypted, absurd or not of its kind may end in, by libraries and their versions.
_FAULTS = (
    *(OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, csv.Error),
    *(NotImplementedError, RuntimeError, OverflowError, MemoryError, AttributeError, IndexError),
)


@contextlib.contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Say which file it was when reading itself fails."""
    try:
        yield
    except TableError:
        raise
    except EOFError:
        raise TableError(f"{name}: the compressed file is truncated") from None
    except MemoryError as error:
        raise TableError(f"{name}: there is not enough memory to read it") from error
    except _FAULTS as error:
        reason = getattr(error, "strerror", None) or error
        raise TableError(f"{name}: {reason}") from error
