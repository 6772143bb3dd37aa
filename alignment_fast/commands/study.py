"""``alignment-fast study``: simulations described in a file."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alignment_fast._files import replacing
from alignment_fast.commands.outputs import check_output
from alignment_fast.commands.printing.study import json_text, observing, print_plan, print_results, print_status
from alignment_fast.commands.printing.terminal import say

if TYPE_CHECKING:
    from alignment_fast.studies import Results, Study

__all__ = ["app"]

SET_ASIDE = 4

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    help="Studies: simulations described in a file, run in blocks, stored, resumed and reproduced.",
    epilog="Exit codes: 0 success; 2 bad options, a bad spec, or a store that cannot be used; 4 finished, but some "
    "blocks could not be computed and were set aside, or a summary failed; 130 interrupted.",
)

Spec = Annotated[Path, typer.Argument(help="The spec, a TOML file.")]
StorePath = Annotated[Path, typer.Option(help="The store, an SQLite file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
STORE = Path("study.db")
PAGES = (".html", ".htm")
PART = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="Kind of estimand, say best_of_n; without one they are listed.")] = "",
    file: Annotated[Path | None, typer.Argument(help="Where to write. Default: standard output.")] = None,
) -> None:
    """Write a commented spec to begin with."""
    from alignment_fast.studies.templates import KINDS, template

    if not kind:
        say("kinds: " + ", ".join(KINDS))
        return
    text = template(kind)
    if file is None:
        typer.echo(text, nl=False)
        return
    if file.exists():
        raise ValueError(f"{file} is there already")
    with replacing(file) as opened:
        opened.write(text.encode())


@app.command()
def validate(spec: Spec) -> None:
    """Check a spec: every key that is wrong is named with its path."""
    study = _read(spec)
    study.plan()  # reads its files
    say(f"{spec}: {len(study.spec.cells)} cells, hash {study.spec.hash[:16]}")


@app.command()
def plan(
    spec: Spec,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of workers. Default: all CPUs.")] = None,
    as_json: Json = False,
) -> None:
    """Print cells, blocks, and about how much time and memory they take; nothing runs."""
    import alignment_fast as af

    study = _read(spec)
    cells = study.plan()
    if as_json:
        fields = [
            {**{key: value for key, value in dataclasses.asdict(one).items() if key != "cell"}, "cell": str(one.cell)}
            for one in cells
        ]
        typer.echo(json_text(fields))
    else:
        print_plan(cells, workers or af.get_num_threads(), study.spec.target is not None)


@app.command()
def run(
    spec: Spec,
    store: StorePath = STORE,
    executor: Annotated[
        str,
        typer.Option(help="threads, processes, loky, dask, dask://ADDRESS, mpi, ray, MODULE:FACTORY beside the spec."),
    ] = "threads",
    workers: Annotated[int | None, typer.Option(min=1, help="Number of workers. Default: all CPUs.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the table here: .csv or .parquet.")] = None,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Go on with another version or class of arithmetic than it was begun with.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Compute part I of N into files beside the store, for `study fold`."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where workers compute: cpu, cuda.")] = "cpu",
    as_json: Json = False,
) -> None:
    """Run a study, or go on with it: what is stored is not computed again. Blocks set aside are tried again."""
    from alignment_fast.studies import StudyError

    study = _read(spec)
    if part is not None:
        if out is not None:
            raise ValueError("--out: a part writes no table; `study fold`, then `study export` write that of all")
        _run_part(study, part, store, executor, workers, device, as_json)
        return
    write = None if out is None else _writer(out, study, spec, store)
    try:
        with observing(as_json) as observer:
            results = study.run(executor, store=store, progress=observer, workers=workers, mixed=mixed, device=device)
    except StudyError as error:
        raise ValueError(str(error)) from None
    if write is not None:
        write(results)
    if as_json:
        _echo_json(results)
    else:
        print_results(results)
    if results.set_aside or results.failed_summaries:
        raise typer.Exit(SET_ASIDE)


def _run_part(
    study: "Study", part: str, store: Path, executor: str, workers: int | None, device: str, as_json: bool
) -> None:
    from alignment_fast.studies import StudyError

    found = PART.fullmatch(part)
    number, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= parts:
        raise ValueError(f"--part {part}: give I/N, I from 1 to N, say 3/40")
    try:
        with observing(as_json) as observer:
            done = study.run_part(
                number, parts, executor, store=store, progress=observer, workers=workers, device=device
            )
    except StudyError as error:
        raise ValueError(str(error)) from None
    if as_json:
        typer.echo(json_text(dataclasses.asdict(done)))
    else:
        say(f"part {part}: {done.blocks} blocks computed; {done.waiting} cells wait for other parts")
    if done.set_aside:
        say(f"{done.set_aside} blocks set aside")
        raise typer.Exit(SET_ASIDE)


@app.command()
def fold(
    spec: Spec,
    store: StorePath = STORE,
    mixed: Annotated[bool, typer.Option("--mixed", help="Take in parts of other versions or arithmetics.")] = False,
) -> None:
    """Take the files that parts of a study left beside the store into it; `study run` computes what is missing."""
    results = _read(spec).fold(store, mixed=mixed)
    print_results(results)
    if not results.is_complete:
        say("the study is not complete: `study run` computes what is missing")


@app.command()
def status(spec: Spec, store: StorePath = STORE, as_json: Json = False) -> None:
    """Say how far a study is, and who is running it."""
    found = _read(spec).status(store)
    if as_json:
        typer.echo(json_text(dataclasses.asdict(found)))
    else:
        print_status(found)


@app.command()
def export(
    spec: Spec,
    out: Annotated[Path, typer.Option(help="The file to write: .csv, .parquet, or .nc (by xarray).")],
    store: StorePath = STORE,
) -> None:
    """Write the table of what is stored, complete or not."""
    study = _read(spec)
    write = _writer(out, study, spec, store)
    results = study.results(store)
    write(results)
    if not results.is_complete:
        say("the study is not complete: see the columns complete and blocks_set_aside")


@app.command()
def report(
    spec: Spec,
    out: Annotated[Path, typer.Option(help="The page to write: .html or .htm.")] = Path("report.html"),
    store: StorePath = STORE,
) -> None:
    """Write what is stored as one HTML page that needs nothing else: tables, pictures, spec, versions, the command."""
    study = _read(spec)
    check_output(out, PAGES, _inputs(study, spec, store))
    command = f"alignment-fast study run {spec.name} --store {store.name}"
    study.report(out, store, text=spec.read_text("utf-8-sig"), command=command)
    say(f"written: {out}")


@app.command()
def replay(
    spec: Spec,
    cell: Annotated[int, typer.Option(min=0, help="Number of the cell, as in the table.")],
    replicate: Annotated[int, typer.Option(min=0, help="Number of the replicate.")],
) -> None:
    """Compute one replicate again, alone, by its address."""
    study = _read(spec)
    for name, value in study.replicate(cell, replicate).items():
        say(f"{name} = {value!r}")


def _read(path: Path) -> "Study":
    from alignment_fast.studies import SpecError, Study

    try:
        return Study.from_toml(path)
    except SpecError as error:
        raise ValueError(f"{path}: " + "; ".join(str(error).splitlines())) from None


def _echo_json(results: "Results") -> None:
    aside = [dataclasses.asdict(one) for one in results.set_aside]
    typer.echo(json_text({"name": results.name, "hash": results.hash, "rows": results.rows, "set_aside": aside}))


def _inputs(study: "Study", spec: Path, store: Path) -> dict[str, Path]:
    """Return the files that no table and no page may take the place of, by what they are."""
    keys = [cell.source_keys or {} for cell in study.spec.cells]
    files = {one["file"] for one in keys if "file" in one}
    sources = {f"{name}, a source of the study": study.spec.folder / name for name in sorted(files)}
    return {"the store": store, "the spec": spec, **sources}


def _writer(out: Path, study: "Study", spec: Path, store: Path) -> "Callable[[Results], None]":
    """Return what writes a table into `out`: before anything runs, a name that cannot be taken is wrong."""
    from alignment_fast.studies import Results

    def netcdf(results: "Results", path: Path) -> None:
        results.to_xarray().to_netcdf(path)

    writers: dict[str, Any] = {".csv": Results.to_csv, ".parquet": Results.to_parquet, ".nc": netcdf}
    check_output(out, writers, _inputs(study, spec, store))
    return lambda results: writers[out.suffix](results, out)
