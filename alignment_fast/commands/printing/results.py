"""Results of the reproductions: rows of named tuples as printed tables, as CSV files, and their figures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from alignment_fast._files import replacing
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import csv_bytes, print_table, say

__all__ = ["Printed", "print_results", "save"]


class Printed(NamedTuple):
    """A printed table.

    Parameters
    ----------
    name : str
        Of the results whose rows it shows.
    title : str
        What stands above it.
    columns : dict
        For each field of a row its heading and its format.
    note : str
        What stands below it, if anything.
    chosen : callable
        Whether a row is printed.

    """

    name: str
    title: str
    columns: dict[str, tuple[str, str]]
    note: str = ""
    chosen: Callable[[Any], bool] = lambda row: True


def print_results(tables: Iterable[Printed], results: Mapping[str, Sequence[Any]]) -> None:
    """Print tables of `results`, rows by name, on standard output."""
    for part in tables:
        rows = filter(part.chosen, results[part.name])
        cells = ([_cell(row, field, style) for field, (_, style) in part.columns.items()] for row in rows)
        say(f"\n{part.title}")
        print_table([heading for heading, _ in part.columns.values()], cells)
        if part.note:
            say(part.note)


def _cell(row: Any, field: str, style: str) -> str:
    """Return a field in the format `style`; for NaN, no such number, the bound that stands in its place, or nothing."""
    value = getattr(row, field)
    if value == value:
        return format(value, style)
    bound = getattr(row, f"{field.removesuffix('_se')}_error_bound", value)
    return "" if bound != bound else f"<{format(bound, style)}"


def save(folder: Path, results: Mapping[str, Sequence[Any]], figures: Mapping[str, Any]) -> None:
    """Write each table of `results` as NAME.csv, and each matplotlib figure as NAME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in results.items():
        with replacing(folder / f"{name}.csv") as file:
            file.write(csv_bytes(rows[0]._fields, rows))
    for name, figure in figures.items():
        save_figure(folder / f"{name}.png", figure)
