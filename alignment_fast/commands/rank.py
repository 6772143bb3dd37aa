"""``alignment-fast rank``: a leaderboard from a table of votes."""

from collections.abc import Hashable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from alignment_fast._files import require_folder
from alignment_fast._text import visible
from alignment_fast.commands.options import RowMib, UnpackedMib, Version, check_level
from alignment_fast.commands.printing.rank import Drawing, print_board, save
from alignment_fast.commands.printing.terminal import (
    print_after,
    progress_bar,
    require_memory,
)
from alignment_fast.tables import display_name, limits

if TYPE_CHECKING:
    from alignment_fast.commands.inputs.votes import Votes
    from alignment_fast.ranking import RatingFit

__all__ = ["rank"]

NO_FIT = 3
# Scores closer than this are the same but for rounding.
SAME = 1e-9
WITH_PRIOR = "; --l2 1 makes all scores finite"
# Beyond so many items a covariance matrix is not worth its time: then there are no intervals without --bootstrap.
MOST_INTERVALS = 2048


class Model(StrEnum):
    """Probabilities of the results."""

    BRADLEY_TERRY = "bradley-terry"
    THURSTONE = "thurstone"
    STERN = "stern"
    RAO_KUPPER = "rao-kupper"
    DAVIDSON = "davidson"


class Scale(StrEnum):
    """Units of scores."""

    ELO = "elo"
    LOGITS = "logits"


def rank(
    file: Annotated[Path, typer.Argument(help="Table of votes: .csv .tsv .jsonl .parquet .npz, plain or .gz.")],
    winner: Annotated[str | None, typer.Option(help="Column of winners, with --loser.")] = None,
    loser: Annotated[str | None, typer.Option(help="Column of losers.")] = None,
    tied: Annotated[str | None, typer.Option(help="Column of 0 and 1: whether winner and loser tied.")] = None,
    first: Annotated[str | None, typer.Option(help="Column of one side, with --second and --outcome.")] = None,
    second: Annotated[str | None, typer.Option(help="Column of the other side.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Column of outcomes: a side, a name, tie, or a number.")] = None,
    outcomes: Annotated[
        str | None,
        typer.Option(help="What outcomes mean, where they are no known code: CODE=first,CODE=second,CODE=tie."),
    ] = None,
    wins_first: Annotated[str | None, typer.Option(help="Column of counts: wins of the first side.")] = None,
    wins_second: Annotated[str | None, typer.Option(help="Column of counts: wins of the second side.")] = None,
    ties: Annotated[str | None, typer.Option(help="Column of counts: ties.")] = None,
    weight: Annotated[str | None, typer.Option(help="Column of weights.")] = None,
    model: Annotated[Model, typer.Option(help="Model of the results.")] = Model.BRADLEY_TERRY,
    home: Annotated[bool, typer.Option("--home", help="Fit what being the first side adds.")] = False,
    l2: Annotated[float, typer.Option(min=0, help="Prior: one over the variance of the scores.")] = 0.0,
    level: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1.")] = 0.95,
    bootstrap: Annotated[int, typer.Option(min=0, help="Intervals from so many replicates, not the curvature.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    scale: Annotated[Scale, typer.Option(help="Scale of the scores in rank.png.")] = Scale.ELO,
    out: Annotated[Path | None, typer.Option(help="Write rank.csv and rank.png here.")] = None,
    escape_formulas: Annotated[
        bool,
        typer.Option("--escape-formulas", help="In rank.csv, put ' before names that a spreadsheet would run."),
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use. Default: all.")] = None,
    row_mib: RowMib = None,
    unpacked_mib: UnpackedMib = None,
    version: Version = False,
) -> int:
    """Scores of everything that was compared, with intervals, ranks and their intervals.

    FILE holds one vote per row: a winner and a loser; or two sides and who won; or two sides and how often either won.
    Columns that are not named are guessed. Scores have mean zero; a difference of 1 means odds of e (thurstone: a
    probability of Φ(1)). Elo: 1000 + 400 / ln 10 times the score.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 3 the votes have no finite
    scores (somebody won or lost everything, or groups that never met), after one line that says who: --l2 makes them
    finite; 130 interrupted.
    """
    import alignment_fast as af
    from alignment_fast.commands.inputs.votes import read_votes
    from alignment_fast.errors import ConvergenceError
    from alignment_fast.ranking import fit
    from alignment_fast.ranking.votes import Layout

    check_level(level)
    if out is not None:
        require_folder(out)
    requested = Layout(winner, loser, tied, first, second, outcome, wins_first, wins_second, ties, weight)
    with (
        af.num_threads(threads or af.get_num_threads()),
        limits(row_mib=row_mib, unpacked_mib=unpacked_mib),
        progress_bar() as progress,
    ):
        task = progress.add_task("reading", total=None)
        votes = read_votes(
            file,
            requested,
            home=home,
            outcomes=_meanings(outcomes),
            progress=lambda done, size: progress.update(task, completed=done, total=size),
        )
        require_memory(8 * bootstrap * votes.comparisons.n_items, f"--bootstrap {bootstrap}")
        progress.update(task, description="fitting", completed=0, total=None)
        existence = votes.comparisons.existence()
        if l2 == 0 and not existence.finite:
            return _no_fit(file, f"{existence.explain()}{WITH_PRIOR}")
        try:
            result = fit(votes.comparisons, model.value, l2=l2, home=home)
        except ConvergenceError as error:
            return _no_fit(file, f"{str(error).removesuffix('; give a prior (l2)')}{_way_out(votes, model, l2, home)}")
        columns = _columns(result, level, bootstrap, seed)
    with print_after(lambda: print_board(file, votes, result, columns, level)):
        if out is not None:
            drawing = Drawing(Path(display_name(file)).name, scale.value, level)
            save(out, result, columns, drawing, escape_formulas)
    return 0


def _meanings(option: str | None) -> dict[Hashable, str] | None:
    """Return what each code of an option ``CODE=first,...`` stands for."""
    if option is None:
        return None
    from alignment_fast.ranking.votes import meaning_of

    found: dict[Hashable, str] = {}
    for part in option.split(","):
        code, equals, meaning = part.rpartition("=")
        if not equals or not code.strip():
            raise ValueError(f"--outcomes: {part.strip()!r} is not of the form CODE=first, CODE=second or CODE=tie")
        try:
            meaning_of(meaning)
        except ValueError as error:
            raise ValueError(f"--outcomes: {error}") from None
        found[code.strip()] = meaning
    return found


def _no_fit(file: Path, reason: str) -> int:
    typer.echo(visible(f"error: {display_name(file)}: {reason}"), err=True)
    return NO_FIT


def _way_out(votes: "Votes", model: Model, l2: float, home: bool) -> str:
    """Return what would make everything finite, for the end of a message."""
    from alignment_fast.errors import ConvergenceError
    from alignment_fast.ranking import fit

    if l2 == 0:
        try:
            fit(votes.comparisons, model.value, l2=1.0, home=home)
        except ConvergenceError:
            return "; a prior on the scores (--l2) does not help: leave --home away" if home else ""
        return WITH_PRIOR
    return "; leave --home away" if home else ""


def _columns(result: "RatingFit", level: float, replicates: int, seed: int) -> dict[str, Any]:
    """Return the columns of the result by name, the best item first."""
    order = np.argsort(-result.scores, kind="stable")
    wins, comparisons = _tallies(result)
    columns: dict[str, Any] = {
        "rank": result.ranks,
        "item": np.array(result.labels, dtype=object),
        "score": result.scores,
        "elo": result.elo(),
    }
    if replicates:
        sample = result.bootstrap(replicates, rng=seed)
        error = sample.standard_errors()
        (low, high), (best, worst) = sample.interval(level), sample.rank_interval(level)
        # Replicates that all agree say nothing about the error.
        error, low, high = (np.where(error < SAME, np.nan, values) for values in (error, low, high))
        columns |= {"standard_error": error, "low": low, "high": high, "best_rank": best, "worst_rank": worst}
    elif len(result.scores) <= MOST_INTERVALS:
        columns["standard_error"] = result.standard_errors()
        (low, high), (best, worst) = result.interval(level), result.rank_interval(level)
        columns |= {"low": low, "high": high, "best_rank": best, "worst_rank": worst}
    columns |= {"comparisons": comparisons, "wins": wins}
    return {name: values[order] for name, values in columns.items()}


def _tallies(result: "RatingFit") -> tuple[np.ndarray, np.ndarray]:
    """Return (wins, comparisons) of every item; a tie is half a win."""
    cells = result.comparisons.cells
    halves = 0.5 * cells.ties if cells.ties.size else 0.0
    wins, comparisons = np.zeros((2, cells.n_items))
    both = cells.wins_first + cells.wins_second + 2 * halves
    for side, won in ((cells.first, cells.wins_first), (cells.second, cells.wins_second)):
        wins += np.bincount(side, won + halves, cells.n_items)
        comparisons += np.bincount(side, both, cells.n_items)
    return wins, comparisons
