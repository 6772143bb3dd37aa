"""What the commands share: options, bars for people, tables that stay whole in a file or a pipe, CSV files."""

import contextlib
import csv
import io
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from alignment_fast._files import require_folder
from alignment_fast._text import shortened_apart, visible, width_of
from alignment_fast.tables import limits

__all__ = [
    "BOUND_NOTE",
    "csv_bytes",
    "numbers",
    "print_after",
    "print_table",
    "progress_bar",
    "require_memory",
    "say",
    "short_error",
    "terminal_width",
    "working",
]

# Names are not made shorter than this: what does not fit then goes over to the next line.
SHORTEST_NAME = 12
BETWEEN = "  "
BOUND_NOTE = "s.e. <x: all {what} agree; with 95 % confidence the estimate is off by less than x."
# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def numbers(text: str | None, option: str, lowest: float) -> Iterator[float]:
    """Yield the numbers of an option, separated by commas; one below `lowest` or not finite is a ValueError."""
    for item in text.split(",") if text is not None else ():
        try:
            value = float(item)
        except ValueError:
            raise ValueError(f"{option}: {item.strip()!r} is not a number") from None
        if not lowest <= value < math.inf:
            raise ValueError(f"{option}: {item.strip()} is not a finite number of at least {lowest:g}")
        yield value


def require_memory(needed: float, option: str) -> None:
    """Raise ValueError where more bytes are needed than this machine has: before hours of work, not after."""
    try:
        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # a system that does not say
        return
    if needed > most:
        raise ValueError(f"{option} would need {_bytes(needed)} of memory; this machine has {_bytes(most)}")


def _bytes(number: float) -> str:
    exponent = min(int(math.log(number, 1024)), 5)
    return f"{number / 1024**exponent:.3g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')[exponent]}"


def short_error(error: float, bound: float) -> str:
    """Return a standard error for a table, or the bound that stands in its place; ``?`` where neither is known."""
    if not math.isnan(bound):
        return f"<{bound:.2g}" if bound else "0"
    return "?" if math.isnan(error) else f"{error:.2g}"


def progress_bar() -> Progress:
    """Return a progress bar on standard error, silent where that is no terminal, gone when it is done."""
    return Progress(console=Console(stderr=True, quiet=not sys.stderr.isatty()), transient=True)


@contextlib.contextmanager
def working(
    *, out: Path | None, row_mib: int | None, unpacked_mib: int | None, threads: int | None = None
) -> Iterator[Progress]:
    """Refuse a folder that cannot be written to, then work by so many threads and within these limits, with a bar."""
    import alignment_fast as af

    if out is not None:
        require_folder(out)
    with (
        af.num_threads(threads or af.get_num_threads()),
        limits(row_mib=row_mib, unpacked_mib=unpacked_mib),
        progress_bar() as progress,
    ):
        yield progress


@contextlib.contextmanager
def print_after(show: Callable[[], None]) -> Iterator[None]:
    """Call `show` behind a ``with`` block that writes files; where one cannot be written, its error comes last."""
    try:
        yield
    except OSError:
        show()
        raise
    show()


def terminal_width() -> int | None:
    """Return the columns of the terminal that standard output is, or None: in a file or a pipe nothing is folded."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def say(text: str = "") -> None:
    """Print lines of text, folded on a terminal that is narrower."""
    width = terminal_width()
    for line in text.split("\n"):
        shown = visible(line)
        if width is not None and width_of(shown) > width:
            shown = textwrap.fill(shown, width, break_long_words=False, break_on_hyphens=False)
        print(shown)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[str] = ()) -> None:
    """Print a table without lines; columns are flush right, but for those with titles in `left`, which hold names.

    On a terminal that is too narrow names lose their middle, unless two would look the same; numbers lose nothing.
    """
    columns = [
        [visible(title), *map(visible, cells)] for title, cells in zip(titles, zip(*rows, strict=True), strict=True)
    ]
    widths = [max(map(width_of, column)) for column in columns]
    names = [place for place, title in enumerate(titles) if title in left]
    available = terminal_width()
    if available is not None and names:
        spare = available - sum(widths) - len(BETWEEN) * (len(widths) - 1)
        for place in sorted(names, key=lambda place: -widths[place]):
            if spare < 0:
                before = widths[place]
                columns[place] = shortened_apart(columns[place], max(before + spare, SHORTEST_NAME))
                widths[place] = max(map(width_of, columns[place]))
                spare += before - widths[place]
    for row in zip(*columns, strict=True):
        cells = (
            cell + " " * (width - width_of(cell)) if place in names else " " * (width - width_of(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(BETWEEN.join(cells).rstrip())


def csv_bytes(header: Iterable[str], rows: Iterable[Iterable[object]], *, escape_formulas: bool = False) -> bytes:
    """Return a CSV file; floats are written so that they read back to the same bits.

    Half a surrogate pair, which UTF-8 cannot hold, is escaped as Python writes it. With `escape_formulas` an apostrophe
    stands before text that a spreadsheet would take for a formula.
    """
    lines = [_csv_line(header)]
    for row in rows:
        lines.append(_csv_line(f"'{cell}" if escape_formulas and _is_formula(cell) else cell for cell in row))
    return "".join(lines).encode("utf-8", "backslashreplace")


def _csv_line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)  # only so is a cell with a carriage return quoted
    return text.getvalue().removesuffix("\r\n") + "\n"


def _is_formula(cell: object) -> bool:
    return isinstance(cell, str) and cell.startswith(FORMULA)
