"""The one reader of tables: CSV, TSV, JSON, Parquet and npz, plain or gzip, from a file or standard input, in chunks.

`column_names` says what a file holds, `choose_column` picks one column by request or by a good guess, and
`read_columns` streams the chosen columns as float64, or as text. Every complaint is a `TableError` that says where:
file, line (counted as an editor counts: header and blank lines included, from 1) and column.

CSV, TSV and JSON are cut into pieces of some MiB that hold whole rows, and each piece is read by pyarrow, which is fast
but does not know line numbers; of plain JSON lines one compiled pass finds the cells that are asked for. Where either,
or a check on its values, finds something wrong, the standard library's slow reader goes through the same piece: it says
which line it was, or returns the values. pyarrow is imported on first use and comes with the extra ``app``; JSON
(slowly) and npz do without it.

A row of text may have 16 MiB, and what must be unpacked before it can be read 8 GiB: beyond, a small compressed file
could fill all memory or disk. `limits` sets other limits, and so do ``ALIGNMENT_FAST_ROW_MIB`` and
``ALIGNMENT_FAST_UNPACKED_MIB``.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from os import PathLike

from alignment_fast.tables._contents import (
    COUNT,
    FINITE,
    NON_NEGATIVE,
    NUMBER,
    TEXT,
    WORD,
    ZERO_ONE,
    ListOf,
    Number,
    shortened,
    shown,
)
from alignment_fast.tables._delimited import Csv, Tsv
from alignment_fast.tables._json import Json
from alignment_fast.tables._npz import Npz
from alignment_fast.tables._parquet import Parquet
from alignment_fast.tables._source import Source, TableError, display_name, limits
from alignment_fast.tables._table import Chunk, Table, errors_of

__all__ = [
    "TableError",
    "choose_column",
    "column_names",
    "display_name",
    "holds_lists",
    "limits",
    "listed",
    "place_of_row",
    "read_columns",
]

Progress = Callable[[int, int], None]


def column_names(path: str | PathLike[str]) -> tuple[str, ...]:
    r"""Return the names of the columns of the table in `path` (JSON: the keys of its first objects).

    Parameters
    ----------
    path : path
        A file whose name ends in .csv, .tsv, .json, .jsonl, .ndjson, .parquet or .npz, possibly followed by .gz; or
        ``-``, standard input, whose format is told by its first bytes. JSON is one object per line, or an array.

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
    with errors_of(table.source.name):
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
        raise TableError(f"{display_name(path)} has no column {shown(requested)}; its columns are: {listed(names)}")
    return found


def listed(names: Sequence[str], most: int = 30) -> str:
    """Return the names of columns for a message, the first of them where they are many."""
    listed = ", ".join(shortened(name) for name in names[:most])
    return listed if len(names) <= most else f"{listed}, ... ({len(names)} in all)"


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
    with errors_of(table.source.name):
        return table.place(row)


def holds_lists(path: str | PathLike[str], column: str) -> bool:
    r"""Return whether the cells of a column are lists: those of JSON and Parquet can be.

    Parameters
    ----------
    path : path
        As in `column_names`.
    column : str
        One of the columns.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from alignment_fast import tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "samples.jsonl"
    ...     _ = path.write_text('{"task": "a", "is_correct": [true, false]}\n')
    ...     tables.holds_lists(path, "is_correct")
    True

    """
    table = _table_in(path)
    with errors_of(table.source.name):
        return table.holds_lists(column)


def read_columns(
    path: str | PathLike[str],
    columns: Mapping[str, str],
    *,
    nonnegative: Collection[str] = (),
    counts: Collection[str] = (),
    finite: Collection[str] = (),
    zero_one: Collection[str] = (),
    text: Collection[str] = (),
    words: Collection[str] = (),
    lists: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Chunk]:
    r"""Read columns of a table, chunk by chunk: numbers as float64, text as str.

    Parameters
    ----------
    path : path
        As in `column_names`.
    columns : mapping of str to str
        Role (a key of the chunks) to name of the column. The first of zero_one, finite, counts, nonnegative, text
        and words that lists a role is what holds for it.
    nonnegative : collection of str
        Roles in which a value below zero is an error.
    counts : collection of str
        Roles in which a value below zero is an error, and truth values stand for 1 and 0.
    finite : collection of str
        Roles in which an infinite value is an error.
    zero_one : collection of str
        Roles in which only 0, 1 and the truth values (of JSON, Parquet and npz; ``true`` and ``false`` as text, in
        upper or lower case) are allowed.
    text : collection of str
        Roles that are read as text, say the names of prompts: arrays of dtype object that hold str, without the
        spaces around them. Integers stand for their decimal digits; any other number is an error, as it has no one
        spelling.
    words : collection of str
        Roles that are read as text where numbers and truth values may stand too, as Python writes them: what people
        call outcomes.
    lists : collection of str
        Roles whose cells are lists (of JSON and Parquet) of what the other collections say: arrays of dtype object
        that hold one array each.
    progress : callable, optional
        Called after every chunk with the bytes of the file consumed so far and its size.

    Yields
    ------
    dict of str to ndarray (rows,)
        One float64 array per role, or one of str for text and words, or one of arrays for lists. The rows of all
        chunks, in order, are those of the file. An integer above 2^53 is rounded to the nearest float64; infinities
        are values; NaN, empty cells and nulls are errors.

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
    Memory is bounded by a chunk (4 MiB of text or one row, 65 536 rows of Parquet) and the chosen columns of it, except
    for npz, whose arrays are loaded whole.

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
    with errors_of(table.source.name):
        size = table.size
        names = table.names()
        found = Counter(names)
        for name in columns.values():
            if found[name] != 1:
                problem = "more than one column" if name in found else "no column"
                raise TableError(f"{table.source.name} has {problem} {shown(name)}; its columns are: {listed(names)}")
        contents = {ZERO_ONE: zero_one, FINITE: finite, COUNT: counts, NON_NEGATIVE: nonnegative}
        contents |= {TEXT: text, WORD: words}
        rules: dict[str, tuple[str, Number]] = {}
        for role, name in columns.items():
            content = next((content for content, roles in contents.items() if role in roles), NUMBER)
            rules[role] = name, ListOf(content) if role in lists else content
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
    ".jsonl": Json,
    ".ndjson": Json,
    ".json": Json,
    ".parquet": Parquet,
    ".npz": Npz,
}


def _table_in(path: str | PathLike[str]) -> Table:
    """Return the table in `path`, by the end of its name; by its first bytes it is gzip or not."""
    with errors_of(display_name(path)):
        source = Source.of(path)
        if source.kind() not in _FORMATS:
            endings = ", ".join(_FORMATS)
            raise TableError(f"{source.name}: the name must end in one of {endings}, possibly followed by .gz")
        return _FORMATS[source.kind()](source)
