"""``alignment-fast bench``: how fast this package is here, beside other packages and the floors of the processor."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignment_fast._files import replacing, require_folder
from alignment_fast.commands.options import Version
from alignment_fast.commands.printing.terminal import numbers, progress_bar, say

if TYPE_CHECKING:
    from alignment_fast.benchmarks.running import Record, Settings

__all__ = ["bench"]

NAME = "bench"
MOST_THREADS = 1024
MOST_SIZE = 10**12
SMALLEST_MIB = 256  # what a process takes that has only imported what it needs
SHARE_OF_MEMORY = 0.75
QUICK = (3, 0.05)  # rounds, seconds of a case
THOROUGH = (15, 1.0)


def bench(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="A public name, or a part of the name of an operation, with * for anything."),
    ] = None,
    family: Annotated[list[str] | None, typer.Option(help="Family: best_of_n, ranking, ... Default: all.")] = None,
    isa: Annotated[
        str, typer.Option(help="Instruction sets, by commas: native, avx512, avx2, baseline.")
    ] = "native,avx2",
    threads: Annotated[str, typer.Option(help="Numbers of threads, by commas. Default: 1,2.", show_default=False)] = "",
    sizes: Annotated[
        str | None, typer.Option(help="Sizes, by commas, of public names alone. Default: those of the table.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for bench.json, bench.md and pictures.")] = Path("bench"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes, few rounds: minutes, and rough figures.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="Most seconds of a case.")] = 60.0,
    memory_mib: Annotated[
        int | None, typer.Option("--memory-mib", min=SMALLEST_MIB, help="Most MiB. Default: three quarters of all.")
    ] = None,
    version: Version = False,
) -> None:
    """Time every public name and operation beside its peers, and write a report: JSON, a page, pictures.

    Each result is checked before it is timed. A peer that is not installed, fails, takes too long or too much memory is
    a line of the report. Ctrl-C ends it with a report of what was measured. All of it takes hours.

    Exit codes: 0 success; 2 bad options, after one line on standard error; 130 interrupted.
    """
    settings = _settings(only or [], family or [], isa, threads, sizes, quick, seconds, memory_mib)
    require_folder(out)
    from alignment_fast.benchmarks.running import Record, run

    record = Record(settings)
    with progress_bar() as progress:
        task = progress.add_task("looking for what there is", total=None)
        try:
            run(record, lambda done, total, what: progress.update(task, completed=done, total=total, description=what))
        finally:
            if record.rows:
                write(record, out)
    if not record.rows:
        raise ValueError("there is nothing to measure: no operation is called so; --only '*' has them all")
    say(f"{len(record.rows)} measurements: {out / NAME}.md")


def _settings(
    only: Sequence[str],
    families: Sequence[str],
    isas: str,
    threads: str,
    sizes: str | None,
    quick: bool,
    seconds: float,
    memory_mib: int | None,
) -> "Settings":
    try:
        from alignment_fast.benchmarks.running import Settings, instruction_sets
        from alignment_fast.benchmarks.selection import FAMILIES, Selection
        from alignment_fast.benchmarks.timing import Limits
    except ModuleNotFoundError as error:
        raise ImportError(f'benchmarks need {error.name}: pip install "alignment-fast[bench]"') from error
    for family in families:
        if family not in FAMILIES:
            raise ValueError(f"--family: {family!r} is none of {', '.join(FAMILIES)}")
    try:
        sets = instruction_sets([one.strip() for one in isas.split(",")])
    except ValueError as error:
        raise ValueError(f"--isa: {error}") from None
    rounds, further = QUICK if quick else THOROUGH
    return Settings(
        Selection(tuple(only), tuple(families), _whole(sizes, "--sizes", MOST_SIZE), quick),
        sets,
        _whole(threads, "--threads", MOST_THREADS) or _default_threads(),
        Limits(rounds, further, seconds),
        memory_mib or _default_memory(),
    )


def _whole(text: str | None, option: str, most: int) -> tuple[int, ...]:
    """Return the whole numbers of an option without repetition."""
    found = []
    for number in numbers(text or None, option, 1.0):
        if not number.is_integer() or number > most:
            raise ValueError(f"{option}: {number:g} is no whole number of at most {most}")
        found.append(int(number))
    return tuple(dict.fromkeys(found))


def _default_threads() -> tuple[int, ...]:
    return (1, 2) if (os.cpu_count() or 1) > 1 else (1,)


def _default_memory() -> int:
    from alignment_fast.benchmarks.environment import memory

    return max(int(SHARE_OF_MEMORY * (memory() or 8192)), SMALLEST_MIB)


def write(record: "Record", out: Path) -> None:
    """Write the report into a folder: bench.json, bench.md and a picture of each family."""
    from alignment_fast.benchmarks import figures, page

    out.mkdir(parents=True, exist_ok=True)
    document = record.document()
    with replacing(out / f"{NAME}.json") as file:
        file.write((json.dumps(document, indent=1) + "\n").encode())
    pictures = {}
    for family in dict.fromkeys(row["family"] for row in document["rows"]):
        figure = figures.family_figure(family, [row for row in document["rows"] if row["family"] == family])
        if figure is not None:
            pictures[family] = f"{NAME}-{family}.png"
            with replacing(out / pictures[family]) as file:
                figure.savefig(file, format="png", dpi=110)
    with replacing(out / f"{NAME}.md") as file:
        file.write(page.text(document, pictures).encode())
