"""The one reader of tables: CSV, TSV, JSONL, Parquet and npz, plain or gzip, in chunks.

`column_names` says what a file holds, `choose_column` picks one column by request or by a good guess, and
`read_columns` streams the chosen columns as float64, or as text. Every complaint is a `TableError` that says where:
file, line (counted as an editor counts: header and blank lines included, from 1) and column.

CSV and TSV go through pyarrow's streaming reader, which is fast but does not know line numbers. When it, or a check on
its values, finds something wrong, the file is read a second time by the standard library's slow reader, only to say
which line it was. pyarrow is imported on first use and comes with the extra ``app``; JSONL and npz do not need it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path

from alignment_fast.tables._contents import FINITE, NON_NEGATIVE, NUMBER, TEXT, ZERO_ONE
from alignment_fast.tables._delimited import Csv, Tsv
from alignment_fast.tables._json_lines import JsonLines
from alignment_fast.tables._npz import Npz
from alignment_fast.tables._parquet import Parquet
from alignment_fast.tables._table import Chunk, Table, TableError, errors_of

__all__ = ["TableError", "choose_column", "column_names", "place_of_row", "read_columns"]

Progress = Callable[[int, int], None]

GZIP_MAGIC = b"\x1f\x8b"


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
    table = _table_in(path)
    with errors_of(table.path):
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
    table = _table_in(path)
    with errors_of(table.path):
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
    table = _table_in(path)
    rows = 0
    with errors_of(table.path):
        size = table.path.stat().st_size
        names = table.names()
        for name in columns.values():
            if names.count(name) != 1:
                problem = "more than one column" if name in names else "no column"
                raise TableError(f"{path} has {problem} {name!r}; its columns are: {', '.join(names)}")
        contents = {ZERO_ONE: zero_one, FINITE: finite, NON_NEGATIVE: nonnegative, TEXT: text}
        rules = {
            role: (name, next((content for content, roles in contents.items() if role in roles), NUMBER))
            for role, name in columns.items()
        }
        for chunk, consumed in table.chunks(rules):
            rows += len(next(iter(chunk.values())))
            yield chunk
            if progress is not None:
                progress(min(consumed, size), size)
    if rows == 0:
        raise table.no_rows()


_FORMATS: dict[str, type[Table]] = {
    ".csv": Csv,
    ".tsv": Tsv,
    ".jsonl": JsonLines,
    ".ndjson": JsonLines,
    ".parquet": Parquet,
    ".npz": Npz,
}


def _table_in(path: str | PathLike[str]) -> Table:
    """Return the table in `path`, by the end of its name; by its first bytes it is gzip or not."""
    path = Path(path)
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in _FORMATS:
        raise TableError(f"{path}: the name must end in one of {', '.join(_FORMATS)}, possibly followed by .gz")
    with errors_of(path):
        if path.exists() and not path.is_file():  # a pipe could be read only once
            raise TableError(f"{path} is not a file")
        with open(path, "rb") as file:
            return _FORMATS[suffix](path, file.read(len(GZIP_MAGIC)) == GZIP_MAGIC)
