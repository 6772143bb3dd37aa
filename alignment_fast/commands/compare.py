"""``alignment-fast compare``: systems that met the same tasks, in tiers that the data can tell apart."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from alignment_fast.commands.inputs.scores import ScoreColumns, read_scores
from alignment_fast.commands.options import RowMib, UnpackedMib, Version, check_level
from alignment_fast.commands.printing.compare import print_systems, save
from alignment_fast.commands.printing.terminal import print_after, working
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.ranking import PairedScores

__all__ = ["compare"]


def compare(
    file: Annotated[Path, typer.Argument(help="Table of scores: .csv .tsv .jsonl .parquet .npz, plain or .gz.")],
    task: Annotated[str | None, typer.Option(help="Column that names the task.")] = None,
    system: Annotated[str | None, typer.Option(help="Column that names the system, where a row is one score.")] = None,
    score: Annotated[
        str | None, typer.Option(help="Column of scores; or a pattern such as 's*', where a column is a system.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column of what tasks belong to: those of one cluster may depend on each other.")
    ] = None,
    weight: Annotated[str | None, typer.Option(help="Column of weights of tasks.")] = None,
    lower: Annotated[bool, typer.Option("--lower", help="The lowest score is the best: errors, times.")] = False,
    level: Annotated[float, typer.Option(help="Confidence of all statements together, between 0 and 1.")] = 0.95,
    out: Annotated[Path | None, typer.Option(help="Write compare.csv and compare.png here.")] = None,
    for_print: Annotated[bool, typer.Option("--print", help="With --out: compare.pdf too, for print.")] = False,
    escape_formulas: Annotated[
        bool,
        typer.Option("--escape-formulas", help="In compare.csv, put ' before names that a spreadsheet would run."),
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use. Default: all.")] = None,
    row_mib: RowMib = None,
    unpacked_mib: UnpackedMib = None,
    version: Version = False,
) -> None:
    """Means of systems on the same tasks, with tiers and ranks that the differences allow.

    FILE holds one task per row and one column per system; or one score per row, with columns of tasks and systems.
    Columns that are not named are guessed. Errors are those of differences over tasks, or clusters of them. All
    ranks hold together with the confidence of --level; systems of one tier cannot be told apart.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 130 interrupted.
    """
    from alignment_fast.ranking import paired_scores

    check_level(level)
    if for_print and out is None:
        raise ValueError("--print needs --out: the folder of compare.pdf")
    with working(out=out, row_mib=row_mib, unpacked_mib=unpacked_mib, threads=threads) as progress:
        bar = progress.add_task("reading", total=None)
        table = read_scores(
            file,
            ScoreColumns(task, system, score, cluster, weight),
            lambda done, size: progress.update(bar, completed=done, total=size),
        )
        progress.update(bar, description="ranks", completed=0, total=None)
        scores = -table.scores if lower else table.scores
        result = paired_scores(scores, cluster=table.cluster, weight=table.weight, labels=table.systems)
        columns, apart = _columns(result, level, -1.0 if lower else 1.0)
    with print_after(lambda: print_systems(file, table, result, columns, apart, level)):
        if out is not None:
            save(out, columns, Path(display_name(file)).name, level, escape_formulas, for_print=for_print)


def _columns(result: "PairedScores", level: float, sign: float) -> tuple[dict[str, Any], np.ndarray]:
    """Return the columns of the result, the best system first, and which pairs of that order are apart."""
    from alignment_fast.ranking import rank_sets, separable_pairs, tiers

    order = np.argsort(-result.means, kind="stable")
    ascending = np.sort(result.means)
    sets, (low, high) = rank_sets(result, level=level), result.interval(level)
    columns: dict[str, Any] = {
        "tier": tiers(result, level=level),
        "rank": len(order) + 1 - np.searchsorted(ascending, result.means, side="right"),
        "item": np.array(result.labels, dtype=object),
        "score": sign * result.means,
        "standard_error": result.standard_errors(),
        "low": np.minimum(sign * low, sign * high),
        "high": np.maximum(sign * low, sign * high),
        "best_rank": sets.lower,
        "worst_rank": sets.upper,
    }
    better = separable_pairs(result, level=level)[np.ix_(order, order)]
    return {name: values[order] for name, values in columns.items()}, better
