"""``alignment-fast rank``: a leaderboard from a table of votes."""

from collections.abc import Hashable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from alignment_fast._text import visible
from alignment_fast.commands.options import RowMib, UnpackedMib, Version, check_level
from alignment_fast.commands.printing.rank import Board, FigureText, print_board, save
from alignment_fast.commands.printing.terminal import print_after, require_memory, working
from alignment_fast.commands.rank_columns import Wanted, board_of, notes_of
from alignment_fast.commands.rank_fits import WITH_PRIOR, Asked, features_of, fit_votes, further_columns, slices_of
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.commands.inputs.votes import VoteTable

__all__ = ["rank"]

NO_FIT = 3
# Replicates where --intervals bootstrap does not say how many.
REPLICATES = 1000


class Model(StrEnum):
    """Probabilities of the results."""

    BRADLEY_TERRY = "bradley-terry"
    THURSTONE = "thurstone"
    STERN = "stern"
    RAO_KUPPER = "rao-kupper"
    DAVIDSON = "davidson"


class Intervals(StrEnum):
    """Where errors come from."""

    INFORMATION = "information"
    SANDWICH = "sandwich"
    BOOTSTRAP = "bootstrap"


class Kind(StrEnum):
    """What is taken away until the top place turns."""

    VOTES = "votes"
    VOTERS = "voters"
    TASKS = "tasks"


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
    intervals: Annotated[
        Intervals | None,
        typer.Option(help="Where errors come from. Default: the curvature; with --cluster sandwich."),
    ] = None,
    bootstrap: Annotated[int, typer.Option(min=0, help="Intervals from so many replicates, not the curvature.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    cluster: Annotated[str | None, typer.Option(help="Column of who voted, or on what: votes may depend.")] = None,
    tiers: Annotated[bool, typer.Option("--tiers", help="Groups that the votes can tell apart.")] = False,
    by: Annotated[str | None, typer.Option(help="Column whose values are slices: a board each, side by side.")] = None,
    covariate: Annotated[
        list[str] | None, typer.Option(help="Column of a feature, first side less second, to control for; repeatable.")
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option(help="Two columns, FIRST,SECOND, of what either side has, to control for; repeatable."),
    ] = None,
    anchor: Annotated[str | None, typer.Option(help="NAME=RATING: the Elo rating that an item is to have.")] = None,
    fragility: Annotated[
        Kind | None, typer.Option(help="Say how few votes (or voters, tasks: --cluster) hold the top place.")
    ] = None,
    update: Annotated[
        Path | None, typer.Option(help="Table of the votes so far: FILE has new ones; ratings are of both.")
    ] = None,
    scale: Annotated[Scale, typer.Option(help="Scale of the scores in rank.png.")] = Scale.ELO,
    out: Annotated[
        Path | None,
        typer.Option(help="Write rank.csv and rank.png here; with --by slices.csv; with --tiers board.png."),
    ] = None,
    for_print: Annotated[
        bool, typer.Option("--print", help="With --out: board.pdf too, for print, with bands of tiers.")
    ] = False,
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
    probability of Φ(1)). Elo: 1000 + 400 / ln 10 times the score, or so that --anchor has its rating. --covariate and
    --style are fitted with the scores, in units of their root mean square. Items of one tier cannot be told apart.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 3 the votes have no finite
    scores (somebody won or lost everything, or groups that never met), after one line that says who: --l2 makes them
    finite; 130 interrupted.
    """
    from alignment_fast.commands.inputs.votes import read_votes
    from alignment_fast.errors import ConvergenceError
    from alignment_fast.ranking.votes import Layout

    check_level(level)
    covariates, styles = covariate or [], style or []
    asked, anchored = Asked(model.value, l2, home), _anchor(anchor)
    further = further_columns(by, cluster, covariates, styles)
    _check_together(asked, further.numbers, update, fragility, by, cluster)
    how = _intervals(intervals, bootstrap, cluster)
    if for_print and out is None:
        raise ValueError("--print needs --out: the folder of board.pdf")
    replicates = bootstrap or (REPLICATES if how == Intervals.BOOTSTRAP else 0)
    requested = Layout(winner, loser, tied, first, second, outcome, wins_first, wins_second, ties, weight)
    with working(out=out, row_mib=row_mib, unpacked_mib=unpacked_mib, threads=threads) as progress:
        task = progress.add_task("reading", total=None)

        def read(path: Path) -> "VoteTable":
            return read_votes(
                path,
                requested,
                home=home,
                outcomes=_meanings(outcomes),
                further=further,
                progress=lambda done, size: progress.update(task, completed=done, total=size),
            )

        votes, before = read(file), None if update is None else read(update)
        require_memory(8 * replicates * votes.comparisons.n_items, f"--bootstrap {replicates}")
        progress.update(task, description="fitting", completed=0, total=None)
        earliest = votes.comparisons if before is None else before.comparisons
        existence = earliest.existence()
        if l2 == 0 and not existence.finite:
            return _no_fit(file if update is None else update, f"{existence.explain()}{WITH_PRIOR}")
        features = features_of(votes, covariates, styles)
        try:
            if before is None:
                old = None
                result = fit_votes(votes.arguments, votes.comparisons.labels, asked, features)
            else:
                old = fit_votes(before.arguments, before.comparisons.labels, asked, None)
                result = old.update(votes.comparisons)
        except ConvergenceError as error:
            return _no_fit(file, f"{str(error).removesuffix('; give a prior (l2)')}{_way_out(votes, model, l2, home)}")
        found = board_of(result, Wanted(level, how.value, replicates, seed, tiers, anchored), old)
        notes = notes_of(result, found, features, level, None if fragility is None else fragility.value)
        slices = [] if by is None else slices_of(votes, asked, features)
    board = Board(votes, result, found.columns, level, notes, slices, anchored)
    with print_after(lambda: print_board(file, board)):
        if out is not None:
            drawing = FigureText(Path(display_name(file)).name, scale.value, for_print)
            save(out, board, drawing, escape_formulas)
    return 0


def _anchor(option: str | None) -> tuple[str, float] | None:
    """Return the item and the rating of an option ``NAME=RATING``."""
    if option is None:
        return None
    name, equals, rating = option.rpartition("=")
    try:
        number = float(rating)
    except ValueError:
        number = np.nan
    if not equals or not name or not np.isfinite(number):
        raise ValueError(f"--anchor: {option!r} is not of the form NAME=RATING")
    return name, number


def _intervals(intervals: Intervals | None, replicates: int, cluster: str | None) -> Intervals:
    """Return where errors come from, as options say it together."""
    if intervals is None:
        return Intervals.BOOTSTRAP if replicates else Intervals.SANDWICH if cluster else Intervals.INFORMATION
    if replicates and intervals != Intervals.BOOTSTRAP:
        raise ValueError(f"--intervals {intervals.value} has no replicates: leave --bootstrap away")
    return intervals


def _check_together(
    asked: Asked,
    numbers: Mapping[str, str],
    update: Path | None,
    fragility: Kind | None,
    by: str | None,
    cluster: str | None,
) -> None:
    """Raise ValueError for options that do not go together."""
    if update is not None and (numbers or by is not None):
        raise ValueError("--update goes without --by, --covariate and --style: rank both tables as one")
    if fragility is not None and (numbers or asked.home or asked.l2 or asked.model != Model.BRADLEY_TERRY):
        raise ValueError(
            "--fragility is of the model bradley-terry, without --home, --l2, --covariate and --style: "
            "the top place of another fit may be another's"
        )
    if fragility is not None and fragility != Kind.VOTES and cluster is None:
        raise ValueError(f"--fragility {fragility.value} needs --cluster: the column of who voted, or on what")


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


def _way_out(votes: "VoteTable", model: Model, l2: float, home: bool) -> str:
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
