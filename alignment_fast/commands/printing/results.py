"""Results of the reproductions: rows of named tuples as cells of printed tables, as CSV files, and their figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignment_fast._files import replacing
from alignment_fast.commands.printing.terminal import csv_bytes

__all__ = ["cell", "save"]


def cell(value: Any, style: str) -> str:
    """Return `value` in the format `style`; empty for NaN, which says that there is no such number."""
    return "" if value != value else format(value, style)


def save(folder: Path, results: Mapping[str, Sequence[Any]], figures: Mapping[str, Any]) -> None:
    """Write each table of `results` as NAME.csv, and each matplotlib figure as NAME.png."""
    for name, rows in results.items():
        with replacing(folder / f"{name}.csv") as file:
            file.write(csv_bytes(rows[0]._fields, rows))
    for name, figure in figures.items():
        with replacing(folder / f"{name}.png") as file:
            figure.savefig(file, format="png", dpi=150)
