"""What the commands share: lists of numbers as options, bars for people, tables that stay whole in a file or a pipe."""

import csv
import io
import math
import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

__all__ = ["csv_bytes", "numbers", "output", "progress_bar", "table"]


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


def progress_bar() -> Progress:
    """Return a progress bar on standard error, silent where nobody looks at it, gone when it is done."""
    return Progress(console=Console(stderr=True, quiet=not sys.stderr.isatty()), transient=True)


def output() -> Console:
    """Return the console of standard output; in a file or a pipe no line of a table is folded."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: str | None = None) -> Table:
    """Return a table without lines; columns are flush right, but for the one with title `left`."""
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        result.add_column(title, justify="left" if title == left else "right", no_wrap=True)
    for row in rows:
        result.add_row(*row)
    return result


def csv_bytes(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    """Return a CSV file; floats are written so that they read back to the same bits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
