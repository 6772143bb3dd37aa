"""What ``alignment-fast compare`` prints and writes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import csv_bytes, print_table, say, short_error
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.commands.inputs.scores import TaskScores
    from alignment_fast.ranking import PairedScores

# So many systems are printed, and drawn.
MOST_PRINTED, MOST_DRAWN = 50, 300


def print_systems(
    file: Path,
    table: "TaskScores",
    result: "PairedScores",
    columns: dict[str, Any],
    apart: np.ndarray,
    level: float,
) -> None:
    """Print the scores that were read, the first systems, and how many pairs can be told apart."""
    tasks, systems = table.scores.shape
    clusters = "" if table.cluster is None else f" in {result.clusters} clusters"
    say(f"{display_name(file)}: {systems} systems on {tasks} tasks{clusters}; {table.columns}\n")
    titles = ["tier", "rank", "system", "mean", "s.e.", f"{level:.4g} interval", "ranks"]
    intervals = (f"{low:.4g} to {high:.4g}" for low, high in zip(columns["low"], columns["high"], strict=True))
    ranks = (f"{best} to {worst}" for best, worst in zip(columns["best_rank"], columns["worst_rank"], strict=True))
    rows = [
        map(str, columns["tier"].tolist()),
        map(str, columns["rank"].tolist()),
        map(str, columns["item"].tolist()),
        (f"{score:.4f}" for score in columns["score"]),
        (short_error(error, np.nan) for error in columns["standard_error"]),
        intervals,
        ranks,
    ]
    print_table(titles, list(zip(*rows, strict=True))[:MOST_PRINTED], left=("system",))
    if systems > MOST_PRINTED:
        say(f"... and {systems - MOST_PRINTED} more (--out writes all)")
    say(f"\n{told_apart(apart, level)}")


def told_apart(apart: np.ndarray, level: float) -> str:
    """Return how many pairs of items in order, and how many neighbours, can be told apart, for people."""
    items = len(apart)
    pairs, neighbours = items * (items - 1) // 2, int(np.diag(apart, 1).sum())
    return (
        f"{int(apart.sum())} of {pairs} pairs, and {neighbours} of {max(items - 1, 0)} neighbours in the order, "
        f"can be told apart with {100 * level:.4g} % confidence in all of them together."
    )


def save(
    folder: Path, columns: dict[str, Any], title: str, level: float, escape_formulas: bool, *, for_print: bool
) -> None:
    """Write ``compare.csv``, ``compare.png``, and ``compare.pdf`` for print."""
    from alignment_fast.plot import board_figure

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {name: values[:MOST_DRAWN] for name, values in columns.items()}
    left_out = len(columns["item"]) - len(drawn["item"])
    figure = board_figure(drawn, f"Systems: {title}", axis="mean score", level=level, left_out=left_out)
    named = {"system" if name == "item" else "mean" if name == "score" else name: columns[name] for name in columns}
    rows = zip(*(column.tolist() for column in named.values()), strict=True)
    with replacing(folder / "compare.csv") as file:
        file.write(csv_bytes(named, rows, escape_formulas=escape_formulas))
    save_figure(folder / "compare.png", figure)
    if for_print:
        save_figure(folder / "compare.pdf", figure)
