"""How ``alignment-fast study`` prints: plans, progress, tables."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from alignment_fast._text import visible
from alignment_fast.commands.printing.terminal import print_table, say

if TYPE_CHECKING:
    from alignment_fast.studies import PlannedCell, Progress, Results, Status

__all__ = ["json_text", "observing", "print_plan", "print_results", "print_status"]

# Rows of a table that are printed; all of them are in its file.
MOST_ROWS = 60
LINE_SECONDS = 10.0


@contextmanager
def observing(as_json: bool) -> Iterator[Callable[["Progress"], object]]:
    """Give what shows progress on standard error: a bar on a terminal, lines elsewhere, JSON lines if asked for."""
    if as_json:
        yield lambda progress: print(json_text(asdict(progress)), file=sys.stderr, flush=True)
    elif sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[more]}", markup=False),
        )
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("blocks", total=None, more="")

            def update(progress: "Progress") -> None:
                bar.update(task, completed=progress.blocks_done, total=progress.blocks, more=_more(progress))

            yield update
    else:
        yield _Lines()


class _Lines:
    """A line of progress every ten seconds, and one at the end."""

    def __init__(self) -> None:
        self.last = -LINE_SECONDS

    def __call__(self, progress: "Progress") -> None:
        """Print a line, if the last one is long enough ago."""
        done = progress.cells_done == progress.cells
        if progress.seconds - self.last < LINE_SECONDS and not done:
            return
        self.last = progress.seconds
        print(f"{progress.blocks_done}/{progress.blocks} blocks; {_more(progress)}", file=sys.stderr, flush=True)


def _more(progress: "Progress") -> str:
    parts = [f"{progress.rate:.3g} replicates/s"]
    if progress.seconds_left > 0:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.set_aside:
        parts.append(f"{progress.set_aside} set aside")
    estimates = [_estimate(name, *known) for name, known in progress.estimates.items()]
    if estimates:
        parts.append(f"{progress.where}: {', '.join(estimates[:2])}")
    return visible("; ".join(parts))  # parameters and columns have names of the user's


def _estimate(name: str, mean: float, error: float) -> str:
    return f"{name} {mean:.5g}" + ("" if math.isnan(error) else f" ± {error:.1g}")


def json_text(value: Any) -> str:
    """Return JSON, which has no infinities and no NaN: they become null."""
    return json.dumps(_without_nan(value), allow_nan=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 360_000 else f"{seconds / 86400:.0f} days"


def _bytes(number: float) -> str:
    exponent = min(int(math.log(max(number, 1.0), 1024)), 4)
    return f"{number / 1024**exponent:.3g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[exponent]}"


def print_plan(plan: "list[PlannedCell]", workers: int, targeted: bool) -> None:
    """Print what each cell takes, and all of them together."""
    least = "at least " if targeted else ""
    rows = [
        (str(one.cell), str(one.blocks), str(one.block), str(one.replicates), duration(one.seconds), _bytes(one.bytes))
        for one in plan[:MOST_ROWS]
    ]
    print_table(("cell", "blocks", "of", "replicates", "time", "memory"), rows, left=("cell",))
    if len(plan) > MOST_ROWS:
        say(f"... and {len(plan) - MOST_ROWS} more")
    seconds = sum(one.seconds for one in plan)
    blocks, replicates = sum(one.blocks for one in plan), sum(one.replicates for one in plan)
    memory = workers * max(one.bytes for one in plan)
    say(
        f"\n{len(plan)} cells, {least}{blocks} blocks, {least}{replicates} replicates; {least}about "
        f"{duration(seconds / workers)} and {_bytes(memory)} on {workers} workers"
    )


def print_status(status: "Status") -> None:
    """Print how far a study is."""
    if not status.known:
        say("not begun in this store")
    say(
        f"{status.blocks_done}/{status.blocks} blocks, {status.cells_done}/{status.cells} cells, "
        f"{status.replicates} replicates"
    )
    say(f"running: {status.writer}" if status.writer else "not running")
    if len(status.origins) > 1:
        for one in status.origins:
            say(f"mixed: {one.blocks} blocks by version {one.version}, {one.arithmetic}")
    print_set_aside(status.set_aside)


def print_set_aside(blocks: Any) -> None:
    """Print the blocks that could not be computed, with the last lines of their tracebacks."""
    for one in blocks[:10]:
        last = one.traceback.strip().splitlines()[-1] if one.traceback.strip() else "no reason"
        say(f"set aside: block {one.number} of cell {one.cell}: {last}")
    if len(blocks) > 10:
        say(f"... and {len(blocks) - 10} more")


def print_results(results: "Results") -> None:
    """Print the table of a study: estimates, intervals, and what is known exactly."""
    names = ["estimand", "source", *results.axes, "column"]
    names = [name for name in names if any(row.get(name) is not None for row in results.rows)]
    figures = {"mean": ".6g", "standard_error": ".2g", "low": ".6g", "high": ".6g", "exact": ".6g", "replicates": "d"}
    figures = {name: style for name, style in figures.items() if any(row.get(name) is not None for row in results.rows)}
    cells = [
        [
            *("" if row.get(name) is None else str(row[name]) for name in names),
            *("" if row.get(name) is None else format(row[name], style) for name, style in figures.items()),
        ]
        for row in results.rows[:MOST_ROWS]
    ]
    print_table([*names, *("s.e." if name == "standard_error" else name for name in figures)], cells, left=names)
    if len(results.rows) > MOST_ROWS:
        say(f"... and {len(results.rows) - MOST_ROWS} more rows; `study export` writes them all")
    for note in dict.fromkeys(row["note"] for row in results.rows if row["note"] and row["note"] != "summary"):
        say(f"no s.e.: {note}" if note.startswith("all agree") else note)
    print_set_aside(results.set_aside)
