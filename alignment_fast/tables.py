"""The one reader of tables: CSV, TSV, JSONL, Parquet and npz, plain or gzip, in chunks.

`column_names` says what a file holds, `choose_column` picks one column by request or by a good guess, and
`read_columns` streams the chosen columns as float64. Every complaint is a `TableError` that says where: file, line
(counted as an editor counts: header and blank lines included, from 1) and column.

CSV and TSV go through pyarrow's streaming reader, which is fast but does not know line numbers. When it, or a check on
its values, finds something wrong, the file is read a second time by the standard library's slow reader, only to say
which line it was. pyarrow is imported on first use and comes with the extra ``app``; JSONL and npz do not need it.
"""

import contextlib
import csv
import gzip
import io
import itertools
import json
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

__all__ = ["TableError", "choose_column", "column_names", "read_columns"]

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


def read_columns(
    path: str | PathLike[str],
    columns: Mapping[str, str],
    *,
    nonnegative: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Chunk]:
    r"""Read numeric columns of a table, chunk by chunk, as float64.

    Parameters
    ----------
    path : path
        As in `column_names`.
    columns : mapping of str to str
        Role (a key of the chunks) to name of the column.
    nonnegative : collection of str
        Roles in which a value below zero is an error.
    progress : callable, optional
        Called after every chunk with the bytes of the file consumed so far and its size.

    Yields
    ------
    dict of str to ndarray (rows,)
        One float64 array per role. The rows of all chunks, in order, are those of the file. An integer above 2^53 is
        rounded to the nearest float64; infinities are values; NaN, empty cells and nulls are errors.

    Raises
    ------
    TableError
        For the first cell that is not a number, is NaN, or is negative where that is forbidden; for ragged rows,
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
        rules = {role: (name, role in nonnegative) for role, name in columns.items()}
        for chunk, consumed in table.chunks(rules):
            rows += len(next(iter(chunk.values())))
            yield chunk
            if progress is not None:
                progress(min(consumed, size), size)
    if rows == 0:
        raise table.no_rows()


Rules = Mapping[str, tuple[str, bool]]  # role -> (column, whether values below zero are errors)


def _number(cell: Any, nonnegative: bool) -> float:
    """Return a cell as a float, or raise ValueError with the reason."""
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
    if nonnegative and value < 0:
        raise ValueError(f"{cell} is negative")
    return value


def _acceptable(values: np.ndarray, nonnegative: bool) -> bool:
    return not (np.isnan(values).any() or (nonnegative and (values < 0).any()))


class _Table:
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

    def bad_cell(self, cells: Iterable[Any], before: int, name: str, nonnegative: bool) -> TableError:
        """Return the error for the first bad one of `cells`, which stand below `before` other rows."""
        for row, cell in enumerate(cells, start=before + 1):
            try:
                _number("" if cell is None else cell, nonnegative)
            except ValueError as reason:
                return self.error(f"row {row}, column {name!r}", reason)
        return TableError(f"{self.path}, column {name!r}: cannot be read as numbers")

    def names(self) -> tuple[str, ...]:
        raise NotImplementedError

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        """Yield chunks and how many bytes of the file were consumed by then."""
        raise NotImplementedError


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
                    # Cells stay text here, so that what is a number is decided by one rule, `_number`'s.
                    arrow.csv.ConvertOptions(
                        include_columns=sorted(set(position.values())),
                        column_types={index: arrow.string() for index in position.values()},
                        check_utf8=False,
                    ),
                )
                for batch in reader:
                    chunk = {role: _parsed(batch.column(index)) for role, index in position.items()}
                    if not all(_acceptable(chunk[role], rules[role][1]) for role in chunk):
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
            wanted = sorted((names.index(name), name, nonnegative) for name, nonnegative in rules.values())
            line = None
            for line, _, cells in records:
                if len(cells) != len(names):
                    raise self.error(f"line {line}", f"{len(cells)} cells under a header of {len(names)}")
                for index, name, nonnegative in wanted:
                    try:
                        _number(cells[index], nonnegative)
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

    def column(self, items: list[dict[str, Any]], name: str, nonnegative: bool) -> np.ndarray:
        cells = [item[name] for item in items]
        if not set(map(type, cells)) <= {int, float}:
            raise ValueError("a value is not a number")
        values = np.array(cells, dtype=np.float64)
        if not _acceptable(values, nonnegative):
            raise ValueError("a value is out of its domain")
        return values

    def explain(self, rules: Rules) -> None:
        """Raise TableError for the first thing wrong in the file, read line by line."""
        with self.objects() as (objects, _):
            for line, item in objects:
                for name, nonnegative in rules.values():
                    where = f"line {line}, key {name!r}"
                    if name not in item:
                        raise self.error(where, "the key is missing")
                    if type(item[name]) not in (int, float):
                        raise self.error(where, f"{json.dumps(item[name])} is not a number")
                    try:
                        _number(item[name], nonnegative)
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
                    role: self.column(batch.column(name), done, name, nonnegative)
                    for role, (name, nonnegative) in rules.items()
                }
                done += batch.num_rows
                # The footer is read first, so the position in the file says nothing: count rows.
                yield chunk, size * done // max(total, 1)

    def column(self, cells: Any, before: int, name: str, nonnegative: bool) -> np.ndarray:
        arrow = _arrow()
        kind = cells.type
        if arrow.types.is_dictionary(kind):
            cells = cells.dictionary_decode()
            kind = cells.type
        textual = arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
        if not (
            textual or arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_decimal(kind)
        ):
            raise TableError(f"{self.path}, column {name!r}: holds {kind}, not numbers")
        if not cells.null_count:
            with contextlib.suppress(ValueError):
                values = _parsed(cells) if textual else cells.cast(arrow.float64(), safe=False).to_numpy()
                if _acceptable(values, nonnegative):
                    return values
        raise self.bad_cell(cells.to_pylist(), before, name, nonnegative)


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
            chunk = {role: self.column(file[name], name, nonnegative) for role, (name, nonnegative) in rules.items()}
        lengths = {rules[role][0]: len(values) for role, values in chunk.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise TableError(f"{self.path}: arrays differ in length: {listed}")
        yield chunk, self.path.stat().st_size

    def column(self, array: np.ndarray, name: str, nonnegative: bool) -> np.ndarray:
        if array.ndim != 1 or array.dtype.kind not in "iuf":
            raise TableError(
                f"{self.path}, column {name!r}: holds {array.dtype} of shape {array.shape}, not a row of numbers"
            )
        values = array.astype(np.float64)
        if not _acceptable(values, nonnegative):
            raise self.bad_cell(values.tolist(), 0, name, nonnegative)
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


def _parsed(cells: Any) -> np.ndarray:
    """Return an Arrow array of text as float64 numbers; ValueError if one of them is none."""
    compute = _arrow("compute").compute
    trimmed = compute.ascii_trim_whitespace(cells)
    try:
        return compute.cast(trimmed, "float64").to_numpy()
    except ValueError:
        # What Arrow takes is a subset of what float() takes ("1_000"); float() has the last word.
        return np.array([_number(cell, False) for cell in trimmed.to_pylist()])
