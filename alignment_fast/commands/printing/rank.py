"""What ``alignment-fast rank`` prints and writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import csv_bytes, print_table, say, short_error
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.commands.inputs.votes import VoteTable
    from alignment_fast.commands.rank_fits import Slice
    from alignment_fast.ranking import RatingFit

# So many items are printed, and drawn; so many slices stand beside each other.
MOST_PRINTED, MOST_DRAWN, MOST_SLICES = 50, 300, 8
SPANS = (("low", "high", "+.3f"), ("best_rank", "worst_rank", "d"))


class Board(NamedTuple):
    """A leaderboard: the votes, the fit, its columns, the level, what is said below, slices, an item and its rating."""

    votes: "VoteTable"
    result: "RatingFit"
    columns: dict[str, Any]
    level: float
    notes: Sequence[str]
    slices: "Sequence[Slice]"
    anchor: tuple[str, float] | None


def print_board(file: Path, board: Board) -> None:
    """Print the votes that were read, the first items of the leaderboard, and slices beside each other."""
    result, columns = board.result, board.columns
    items = len(result.scores)
    say(f"{display_name(file)}: {board.votes.rows} rows, {items} items; {board.votes.columns}")
    extras = [f"log-likelihood {result.log_likelihood:.8g}", f"largest last step {result.last_step:.1g}"]
    if result.tie_parameter is not None:
        extras.append(f"tie parameter {result.tie_parameter:.6g}")
    if result.home_advantage is not None:
        extras.append(f"home advantage {result.home_advantage:.6g}")
    say(f"Model {result.specification.model}: {', '.join(extras)}\n")
    print_table(*_cells(columns, board.level), left=("item",))
    if items > MOST_PRINTED:
        say(f"... and {items - MOST_PRINTED} more (--out writes all)")
    if "low" in columns and np.isnan(columns["low"]).any():
        say("\ns.e. ?: all replicates agree, which says nothing about the error.")
    for note in board.notes:
        say(f"\n{note}")
    if board.slices:
        _print_slices(board)


def _cells(columns: dict[str, Any], level: float) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return titles and rows of the table of the first items."""
    parts: list[tuple[str, Any, str]] = []
    if "tier" in columns:
        parts.append(("tier", columns["tier"], "d"))
    parts += [("rank", columns["rank"], "d"), ("item", columns["item"], "s"), ("score", columns["score"], ".4f")]
    if "low" in columns:
        parts.append(("s.e.", [short_error(error, np.nan) for error in columns["standard_error"]], "s"))
        spans = (_span(columns[a], columns[b], how) for a, b, how in SPANS)
        parts += [(title, span, "s") for title, span in zip((f"{level:.4g} interval", "ranks"), spans, strict=True)]
    parts.append(("Elo", columns["elo"], ".1f"))
    if "elo_change" in columns:
        changes = zip(columns["elo_change"].tolist(), columns["rank_change"].tolist(), strict=True)
        moved = ["new" if np.isnan(elo) else f"{elo:+.1f}, {_places(rank)}" for elo, rank in changes]
        parts.append(("since", moved, "s"))
    parts += [("comparisons", columns["comparisons"], ".6g"), ("wins", columns["wins"], ".6g")]
    shown = [[format(value, how) for value in column[:MOST_PRINTED]] for _, column, how in parts]
    return [title for title, _, _ in parts], list(zip(*shown, strict=True))


def _places(change: float) -> str:
    return "=" if change == 0 else f"{'up' if change > 0 else 'down'} {abs(change):.0f}"


def _span(low: np.ndarray, high: np.ndarray, how: str) -> list[str]:
    return ["?" if np.isnan(a) else f"{a:{how}} to {b:{how}}" for a, b in zip(low, high, strict=True)]


def _print_slices(board: Board) -> None:
    """Print Elo and rank of every item in every slice; say of slices without scores why."""
    shown = [one for one in board.slices if one.result is not None][:MOST_SLICES]
    ratings = [(one, _elo_of(one, board.anchor), one.result.ranks, _places_in(one)) for one in shown if one.result]
    rows = []
    for item, elo in zip(board.columns["item"][:MOST_PRINTED], board.columns["elo"], strict=False):
        cells = [str(item), f"{elo:.1f}"]
        for _, of_slice, ranks, place in ratings:
            at = place.get(item)
            cells.append("-" if at is None else f"{of_slice[at]:.1f} ({ranks[at]})")
        rows.append(cells)
    say("\nElo (rank) by slice")
    titles = ["item", "all", *(f"{one.name}, {one.votes:.6g} votes" for one in shown)]
    print_table(titles, rows, left=("item",))
    hidden = sum(one.result is not None for one in board.slices) - len(shown)
    if hidden > 0:
        say(f"... and {hidden} more slices (--out writes all)")
    for one in board.slices:
        if one.result is None:
            say(f"{one.name}, {one.votes:.6g} votes: {one.reason}")


def _elo_of(one: "Slice", anchor: tuple[str, float] | None) -> np.ndarray:
    """Return the ratings of a slice, by the anchor where the slice has it."""
    assert one.result is not None
    known = anchor is not None and anchor[0] in (one.result.labels or ())
    return one.result.elo(anchor=anchor if known else None)


def _places_in(one: "Slice") -> dict[Any, int]:
    assert one.result is not None
    return {label: place for place, label in enumerate(one.result.labels or ())}


class FigureText(NamedTuple):
    """What a picture says besides its numbers: where the votes came from, the scale of scores; and if it is printed."""

    title: str
    scale: str
    for_print: bool


def save(folder: Path, board: Board, drawing: FigureText, escape_formulas: bool) -> None:
    """Write ``rank.csv`` and ``rank.png``; ``slices.csv``; ``board.png`` with bands of tiers, and ``board.pdf``."""
    from alignment_fast.plot import board_figure, rank_figure

    result, columns = board.result, board.columns
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {name: values[:MOST_DRAWN] for name, values in columns.items()}
    index = np.array([result.comparisons.index(item) for item in drawn["item"]])
    drawn["win_probability"] = result.predict(index[:, None], index[None])
    left_out = len(result.scores) - len(index)
    mean = float(columns["elo"][0] - result.elo(mean=0.0)[index[0]])
    figure = rank_figure(drawn, drawing.title, scale=drawing.scale, level=board.level, left_out=left_out, mean=mean)
    _write(folder / "rank.csv", columns, escape_formulas)
    save_figure(folder / "rank.png", figure)
    if board.slices:
        _write(folder / "slices.csv", _slices(board), escape_formulas)
    if "tier" not in columns and not drawing.for_print:
        return
    ends = {"score": "elo", "low": "elo_low", "high": "elo_high"} if drawing.scale == "elo" else {}
    names = [name for name in ("item", "score", "low", "high", "tier") if name in drawn]
    shown: dict[str, Any] = {name: drawn[ends.get(name, name)] for name in names}
    axis = "Elo" if drawing.scale == "elo" else "score / logits"
    figure = board_figure(shown, f"Ranking: {drawing.title}", axis=axis, level=board.level, left_out=left_out)
    save_figure(folder / "board.png", figure)
    if drawing.for_print:
        save_figure(folder / "board.pdf", figure)


def _write(path: Path, columns: dict[str, Any], escape_formulas: bool) -> None:
    rows = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    with replacing(path) as file:
        file.write(csv_bytes(columns, rows, escape_formulas=escape_formulas))


def _slices(board: Board) -> dict[str, list[Any]]:
    """Return every item of every slice as columns."""
    out: dict[str, list[Any]] = {name: [] for name in ("slice", "votes", "rank", "item", "score", "elo")}
    for one in board.slices:
        if one.result is None:
            continue
        elo, known = _elo_of(one, board.anchor), one.result.labels or ()
        for item in np.argsort(-one.result.scores, kind="stable").tolist():
            row = (one.name, one.votes, int(one.result.ranks[item]), known[item])
            for name, value in zip(out, (*row, float(one.result.scores[item]), float(elo[item])), strict=True):
                out[name].append(value)
    return out
