"""What ``alignment-fast rank`` prints and writes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import csv_bytes, print_table, say, short_error
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.commands.inputs.votes import VoteTable
    from alignment_fast.ranking import RatingFit

# So many items are printed, and drawn.
MOST_PRINTED, MOST_DRAWN = 50, 300


def print_board(file: Path, votes: "VoteTable", result: "RatingFit", columns: dict[str, Any], level: float) -> None:
    """Print the votes that were read, and the first items of the leaderboard."""
    items = len(result.scores)
    say(f"{display_name(file)}: {votes.rows} rows, {items} items; {votes.columns}")
    extras = [f"log-likelihood {result.log_likelihood:.8g}", f"largest last step {result.last_step:.1g}"]
    if result.tie_parameter is not None:
        extras.append(f"tie parameter {result.tie_parameter:.6g}")
    if result.home_advantage is not None:
        extras.append(f"home advantage {result.home_advantage:.6g}")
    say(f"Model {result.specification.model}: {', '.join(extras)}\n")
    titles, rows = ["rank", "item", "score"], [columns["rank"], columns["item"], columns["score"]]
    formats = ["d", "s", ".4f"]
    if "low" in columns:
        titles += ["s.e.", f"{level:.4g} interval", "ranks"]
        rows += [
            [short_error(error, np.nan) for error in columns["standard_error"]],
            *(_span(columns[a], columns[b], f) for a, b, f in SPANS),
        ]
        formats += ["s", "s", "s"]
    titles += ["Elo", "comparisons", "wins"]
    rows += [columns["elo"], columns["comparisons"], columns["wins"]]
    formats += [".1f", ".6g", ".6g"]
    shown = [[format(value, how) for value in column[:MOST_PRINTED]] for column, how in zip(rows, formats, strict=True)]
    print_table(titles, zip(*shown, strict=True), left=("item",))
    if items > MOST_PRINTED:
        say(f"... and {items - MOST_PRINTED} more (--out writes all)")
    if "low" in columns and np.isnan(columns["low"]).any():
        say("\ns.e. ?: all replicates agree, which says nothing about the error.")


SPANS = (("low", "high", "+.3f"), ("best_rank", "worst_rank", "d"))


def _span(low: np.ndarray, high: np.ndarray, how: str) -> list[str]:
    return ["?" if np.isnan(a) else f"{a:{how}} to {b:{how}}" for a, b in zip(low, high, strict=True)]


class FigureText(NamedTuple):
    """What a picture says besides its numbers: where the votes came from, the scale of scores, the level."""

    title: str
    scale: str
    level: float


def save(
    folder: Path, result: "RatingFit", columns: dict[str, Any], drawing: FigureText, escape_formulas: bool
) -> None:
    """Write ``rank.csv`` and ``rank.png``."""
    from alignment_fast.plot import rank_figure

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {name: values[:MOST_DRAWN] for name, values in columns.items()}
    index = np.array([result.comparisons.index(item) for item in drawn["item"]])
    drawn["win_probability"] = result.predict(index[:, None], index[None])
    left_out = len(result.scores) - len(index)
    figure = rank_figure(drawn, drawing.title, scale=drawing.scale, level=drawing.level, left_out=left_out)
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    with replacing(folder / "rank.csv") as file:
        file.write(csv_bytes(columns, rows, escape_formulas=escape_formulas))
    save_figure(folder / "rank.png", figure)
