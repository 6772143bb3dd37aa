"""The one reader of tables: CSV, TSV, JSONL, Parquet and npz, plain or gzip, in chunks.

`column_names` says what a file holds, `choose_column` picks one column by request or by a good guess, and
`read_columns` streams the chosen columns as float64, or as text. Every complaint is a `TableError` that says where:
file, line (counted as an editor counts: header and blank lines included, from 1) and column.

CSV and TSV go through pyarrow's streaming reader, which is fast but does not know line numbers. When it, or a check on
its values, finds something wrong, the file is read a second time by the standard library's slow reader, only to say
which line it was. pyarrow is imported on first use and comes with the extra ``app``; JSONL and npz do not need it.
"""

import abc
import contextlib
import csv
import gzip
import io
import itertools
import json
import math
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from alignment_fast.errors import BackendUnavailableError

__all__ = ["TableError", "choose_column", "column_names", "place_of_row", "read_columns"]

Chunk = dict[str, np.ndarray]
Progress = Callable[[int, int], None]

CHUNK_ROWS = 65_536
CHUNK_BYTES = 4 << 20
GZIP_MAGIC = b"\x1f\x8b"


class TableError(ValueError):
    """A table cannot be read; the message names the file and, where there is one, the line and the column."""


def column_names(path: str | PathLike[str]) -> tuple[str, ...]:
    r"""Return the names of the columns of the table in `path` (JSONL: the keys of its first object).

    Parameters
    ----------
    path : path
        A file whose name ends in .csv, .tsv, .jsonl, .ndjson, .parquet or .npz, possibly followed by .gz.

    Raises
    ------
    TableError
        If there is no such file, or it is not a table of its kind.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from alignment_fast import tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "letters.csv"
    ...     _ = path.write_text("letter,count\nA,8\nB,1\n")
    ...     tables.column_names(path)
    ('letter', 'count')

    """
    table = _table(path)
    with _errors_of(table.path):
        return table.names()


def choose_column(
    path: str | PathLike[str], names: Sequence[str], requested: str | None, guesses: Sequence[str] = ()
) -> str | None:
    """Return the column that `requested` names, or else the first guess that is there, or else None.

    Parameters
    ----------
    path : path
        The file, for the error message.
    names : sequence of str
        The columns it has.
    requested : str or None
        The column that the user asked for. Upper and lower case count only where two columns differ by nothing else.
    guesses : sequence of str
        Lower-case names to look for when nothing was asked for, best first.

    Raises
    ------
    TableError
        If the requested column does not exist; the message lists the columns that do.

    Examples
    --------
    >>> from alignment_fast import tables
    >>> tables.choose_column("votes.csv", ("Letter", "Count"), None, ("p", "count"))
    'Count'

    """
    if requested in names:
        return requested
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    wanted = guesses if requested is None else (requested.casefold(),)
    found = next((folded[name] for name in wanted if name in folded), None)
    if found is None and requested is not None:
        raise TableError(f"{path} has no column {requested!r}; its columns are: {', '.join(names)}")
    return found


def place_of_row(path: str | PathLike[str], row: int) -> str:
    r"""Return where row number `row` (from 0) of a table is, for messages: a line of text, a row of Parquet or npz.

    Parameters
    ----------
    path : path
        As in `column_names`; a table that was read before.
    row : int
        As the chunks of `read_columns` count.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from alignment_fast import tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "votes.csv"
    ...     _ = path.write_text("winner,loser\na,b\n\nb,b\n")
    ...     tables.place_of_row(path, 1)
    'line 4'

    """
    table = _table(path)
    with _errors_of(table.path):
        return table.place(row)


def read_columns(
    path: str | PathLike[str],
    columns: Mapping[str, str],
    *,
    nonnegative: Collection[str] = (),
    finite: Collection[str] = (),
    zero_one: Collection[str] = (),
    text: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Chunk]:
    r"""Read columns of a table, chunk by chunk: numbers as float64, text as str.

    Parameters
    ----------
    path : path
        As in `column_names`.
    columns : mapping of str to str
        Role (a key of the chunks) to name of the column. The first of zero_one, finite, nonnegative and text that
        lists a role counts.
    nonnegative : collection of str
        Roles in which a value below zero is an error.
    finite : collection of str
        Roles in which an infinite value is an error.
    zero_one : collection of str
        Roles in which only 0, 1 and the truth values (of JSONL, Parquet and npz; ``true`` and ``false`` as text, in
        upper or lower case) are allowed.
    text : collection of str
        Roles that are read as text, say the names of prompts: arrays of dtype object that hold str. Integers stand
        for their decimal digits; any other number is an error, as it has no one spelling.
    progress : callable, optional
        Called after every chunk with the bytes of the file consumed so far and its size.

    Yields
    ------
    dict of str to ndarray (rows,)
        One float64 array per role, or one of str for text. The rows of all chunks, in order, are those of the file.
        An integer above 2^53 is rounded to the nearest float64; infinities are values; NaN, empty cells and nulls
        are errors.

    Raises
    ------
    TableError
        For the first cell that is empty, not a number, NaN, or outside of what its role allows; for ragged rows,
        columns that do not exist, empty, truncated or undecodable files. ``letters.csv, line 7, column 'count': 'abc'
        is not a number``. Rows of Parquet and npz are counted from 1.
    BackendUnavailableError
        If pyarrow is needed and not installed.

    Notes
    -----
    Memory is bounded by a chunk (about 65 000 rows), except for npz, whose arrays are loaded whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from alignment_fast import tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "letters.csv"
    ...     _ = path.write_text("letter,count\nA,8\nB,1\n")
    ...     [chunk["weight"] for chunk in tables.read_columns(path, {"weight": "count"})]
    [array([8., 1.])]

    """
    table = _table(path)
    rows = 0
    with _errors_of(table.path):
        size = table.path.stat().st_size
        names = table.names()
        for name in columns.values():
            if names.count(name) != 1:
                problem = "more than one column" if name in names else "no column"
                raise TableError(f"{path} has {problem} {name!r}; its columns are: {', '.join(names)}")
        contents = {_ZERO_ONE: zero_one, _FINITE: finite, _NON_NEGATIVE: nonnegative, _TEXT: text}
        rules = {
            role: (name, next((content for content, roles in contents.items() if role in roles), _NUMBER))
            for role, name in columns.items()
        }
        for chunk, consumed in table.chunks(rules):
            rows += len(next(iter(chunk.values())))
            yield chunk
            if progress is not None:
                progress(min(consumed, size), size)
    if rows == 0:
        raise table.no_rows()


class _Number:
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
        arrow = _arrow("compute")
        if not _textual(cells.type):
            return cells.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        trimmed = arrow.compute.ascii_trim_whitespace(cells)
        try:
            return arrow.compute.cast(trimmed, "float64").to_numpy()
        except ValueError:
            # What Arrow takes is a subset of what `cell` takes ("1_000"), which has the last word.
            return self.array([self.cell(cell) for cell in trimmed.to_pylist()])

    def arrow_type(self, kind: Any) -> bool:
        """Return whether a Parquet column of this type can hold such values."""
        types = _arrow().types
        return _textual(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


class _NonNegative(_Number):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value < 0:
            raise ValueError(f"{cell} is negative")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return super().acceptable(values) and not (values < 0).any()


class _Finite(_Number):
    def cell(self, cell: Any) -> Any:
        value = super().cell(cell)
        if value in (math.inf, -math.inf):
            raise ValueError(f"{cell} is infinite")
        return value

    def acceptable(self, values: np.ndarray) -> bool:
        return bool(np.isfinite(values).all())


class _ZeroOne(_Number):
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
        return bool(_arrow().types.is_boolean(kind)) or super().arrow_type(kind)


class _Text(_Number):
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
        return _textual(kind) or bool(_arrow().types.is_integer(kind))


_NUMBER, _NON_NEGATIVE, _FINITE, _ZERO_ONE, _TEXT = _Number(), _NonNegative(), _Finite(), _ZeroOne(), _Text()

Rules = Mapping[str, tuple[str, _Number]]  # role -> (column, what it holds)


class _Table(abc.ABC):
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

    def bad_cell(self, cells: Iterable[Any], before: int, name: str, content: _Number) -> TableError:
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


class _Delimited(_Table):
    delimiter: str

    @contextlib.contextmanager
    def records(self) -> Iterator[Iterator[tuple[int, int, list[str]]]]:
        """Open the slow reader: first line, last line and cells of each record that is not blank."""
        with self.stream() as (stream, _):
            # Undecodable bytes become visible text: they matter only where a number was to stand.
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline="")
            reader = csv.reader(text, delimiter=self.delimiter)

            def numbered() -> Iterator[tuple[int, int, list[str]]]:
                before = 0
                for cells in reader:
                    if cells:
                        yield before + 1, reader.line_num, cells
                    before = reader.line_num

            yield numbered()

    def place(self, row: int) -> str:
        with self.records() as records:
            line, _, _ = next(itertools.islice(records, row + 1, None))  # after the header
            return f"line {line}"

    def header(self) -> tuple[int, tuple[str, ...]]:
        """Return the last line of the header and the names in it."""
        with self.records() as records:
            for _, last, cells in records:
                return last, tuple(cell.strip() for cell in cells)
        raise TableError(f"{self.path} is empty")

    def names(self) -> tuple[str, ...]:
        return self.header()[1]

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        arrow = _arrow("csv")
        header_lines, names = self.header()
        # Columns go by position, because names may repeat outside of what is wanted.
        position = {role: str(names.index(name)) for role, (name, _) in rules.items()}
        with self.stream() as (stream, raw):
            try:
                reader = arrow.csv.open_csv(
                    stream,
                    arrow.csv.ReadOptions(
                        use_threads=False,
                        block_size=CHUNK_BYTES,
                        skip_rows=header_lines,
                        column_names=[str(index) for index in range(len(names))],
                    ),
                    arrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                    # Cells stay text here, so that what is a number is decided by one rule, that of its content.
                    arrow.csv.ConvertOptions(
                        include_columns=sorted(set(position.values())),
                        column_types={index: arrow.string() for index in position.values()},
                        check_utf8=False,
                    ),
                )
                for batch in reader:
                    chunk = {role: rules[role][1].from_arrow(batch.column(index)) for role, index in position.items()}
                    if not all(rules[role][1].acceptable(values) for role, values in chunk.items()):
                        raise ValueError("a value is out of its domain")
                    yield chunk, raw.tell()
            except ValueError:
                self.explain(rules)
                raise

    def explain(self, rules: Rules) -> None:
        """Raise TableError for the first thing wrong in the file, read record by record; return if there is none."""
        with self.records() as records:
            _, _, names = next(records)
            names = [name.strip() for name in names]
            wanted = [(names.index(name), name, content) for name, content in rules.values()]
            wanted.sort(key=lambda column: column[0])  # the first bad cell of a line is the leftmost
            line = None
            for line, _, cells in records:
                if len(cells) != len(names):
                    raise self.error(f"line {line}", f"{len(cells)} cells under a header of {len(names)}")
                for index, name, content in wanted:
                    try:
                        content.cell(cells[index])
                    except ValueError as reason:
                        raise self.error(f"line {line}, column {name!r}", reason) from None
        if line is None:
            raise self.no_rows()


class _Csv(_Delimited):
    delimiter = ","


class _Tsv(_Delimited):
    delimiter = "\t"


class _JsonLines(_Table):
    """One JSON object per line, by the standard library: exact lines and keys, at a few microseconds per line."""

    @contextlib.contextmanager
    def objects(self) -> Iterator[tuple[Iterator[tuple[int, dict[str, Any]]], BinaryIO]]:
        with self.stream() as (stream, raw):

            def numbered() -> Iterator[tuple[int, dict[str, Any]]]:
                for line, text in enumerate(stream, start=1):
                    if text.strip():
                        yield line, self.parse(line, text)

            yield numbered(), raw

    def place(self, row: int) -> str:
        with self.objects() as (objects, _):
            line, _ = next(itertools.islice(objects, row, None))
            return f"line {line}"

    def parse(self, line: int, text: bytes) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except UnicodeDecodeError as error:
            raise self.error(f"line {line}", f"byte {error.start + 1} is not {error.encoding}") from None
        except json.JSONDecodeError as error:
            raise self.error(f"line {line}", f"not JSON: {error.msg} at character {error.colno}") from None
        except ValueError as error:  # an integer of thousands of digits
            raise self.error(f"line {line}", error) from None
        except RecursionError:
            raise self.error(f"line {line}", "JSON nested too deeply") from None
        if not isinstance(value, dict):
            raise self.error(f"line {line}", "not a JSON object")
        return value

    def names(self) -> tuple[str, ...]:
        with self.objects() as (objects, _):
            for _, first in objects:
                return tuple(first)
        raise TableError(f"{self.path} is empty")

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        with self.objects() as (objects, raw):
            try:
                while items := [item for _, item in itertools.islice(objects, CHUNK_ROWS)]:
                    yield {role: self.column(items, *rule) for role, rule in rules.items()}, raw.tell()
            except (ValueError, KeyError, OverflowError):
                self.explain(rules)
                raise

    def column(self, items: list[dict[str, Any]], name: str, content: _Number) -> np.ndarray:
        cells = [item[name] for item in items]
        if not set(map(type, cells)) <= content.json_types:
            raise ValueError(f"a value is not {content.noun}")
        values = content.array(cells)
        if not content.acceptable(values):
            raise ValueError("a value is out of its domain")
        return values

    def explain(self, rules: Rules) -> None:
        """Raise TableError for the first thing wrong in the file, read line by line."""
        with self.objects() as (objects, _):
            for line, item in objects:
                for name, content in rules.values():
                    where = f"line {line}, key {name!r}"
                    if name not in item:
                        raise self.error(where, "the key is missing")
                    if type(item[name]) not in content.json_types:
                        raise self.error(where, f"{json.dumps(item[name])} is not {content.noun}")
                    try:
                        content.cell(item[name])
                    except ValueError as reason:
                        raise self.error(where, reason) from None


class _Parquet(_Table):
    def names(self) -> tuple[str, ...]:
        arrow = _arrow("parquet")
        with self.seekable() as stream:
            return tuple(arrow.parquet.ParquetFile(stream).schema_arrow.names)

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        arrow = _arrow("parquet")
        with self.seekable() as stream:
            file = arrow.parquet.ParquetFile(stream)
            size, total, done = self.path.stat().st_size, file.metadata.num_rows, 0
            wanted = list(dict.fromkeys(name for name, _ in rules.values()))
            for batch in file.iter_batches(CHUNK_ROWS, columns=wanted):
                chunk = {
                    role: self.column(batch.column(name), done, name, content)
                    for role, (name, content) in rules.items()
                }
                done += batch.num_rows
                # The footer is read first, so the position in the file says nothing: count rows.
                yield chunk, size * done // max(total, 1)

    def column(self, cells: Any, before: int, name: str, content: _Number) -> np.ndarray:
        if _arrow().types.is_dictionary(cells.type):
            cells = cells.dictionary_decode()
        if not content.arrow_type(cells.type):
            raise TableError(f"{self.path}, column {name!r}: holds {cells.type}, not {content.plural}")
        if not cells.null_count:
            with contextlib.suppress(ValueError):
                values = content.from_arrow(cells)
                if content.acceptable(values):
                    return values
        raise self.bad_cell(cells.to_pylist(), before, name, content)


class _Npz(_Table):
    @contextlib.contextmanager
    def archive(self) -> Iterator[Any]:
        with self.seekable() as stream:
            if not zipfile.is_zipfile(stream):
                raise TableError(f"{self.path} is not an npz archive")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                yield file

    def names(self) -> tuple[str, ...]:
        with self.archive() as file:
            return tuple(file.files)

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        with self.archive() as file:
            chunk = {role: self.column(file[name], name, content) for role, (name, content) in rules.items()}
        lengths = {rules[role][0]: len(values) for role, values in chunk.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise TableError(f"{self.path}: arrays differ in length: {listed}")
        yield chunk, self.path.stat().st_size

    def column(self, array: np.ndarray, name: str, content: _Number) -> np.ndarray:
        if array.ndim != 1 or array.dtype.kind not in content.numpy_kinds:
            raise TableError(
                f"{self.path}, column {name!r}: holds {array.dtype} of shape {array.shape}, "
                f"not a row of {content.plural}"
            )
        values = content.array(array)
        if not content.acceptable(values):
            raise self.bad_cell(values.tolist(), 0, name, content)
        return values


_FORMATS: dict[str, type[_Table]] = {
    ".csv": _Csv,
    ".tsv": _Tsv,
    ".jsonl": _JsonLines,
    ".ndjson": _JsonLines,
    ".parquet": _Parquet,
    ".npz": _Npz,
}


def _table(path: str | PathLike[str]) -> _Table:
    """Return the table in `path`, by the end of its name; by its first bytes it is gzip or not."""
    path = Path(path)
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in _FORMATS:
        raise TableError(f"{path}: the name must end in one of {', '.join(_FORMATS)}, possibly followed by .gz")
    with _errors_of(path):
        if path.exists() and not path.is_file():  # a pipe could be read only once
            raise TableError(f"{path} is not a file")
        with open(path, "rb") as file:
            return _FORMATS[suffix](path, file.read(len(GZIP_MAGIC)) == GZIP_MAGIC)


@contextlib.contextmanager
def _errors_of(path: Path) -> Iterator[None]:
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


def _arrow(module: str | None = None) -> Any:
    """Return pyarrow, with its submodule `module` loaded."""
    import importlib

    try:
        if module is not None:
            importlib.import_module(f"pyarrow.{module}")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise BackendUnavailableError(
            'reading CSV, TSV and Parquet needs pyarrow: pip install "alignment-fast[app]"'
        ) from error


def _textual(kind: Any) -> bool:
    types = _arrow().types
    return bool(types.is_string(kind) or types.is_large_string(kind))
