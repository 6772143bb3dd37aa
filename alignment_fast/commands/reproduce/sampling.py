"""``alignment-fast reproduce sampling``: "How sampling shapes LLM alignment", computed again."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alignment_fast._files import require_folder
from alignment_fast.commands.options import Version
from alignment_fast.commands.printing.results import print_results, save
from alignment_fast.commands.printing.sampling import TABLES, summary_rows
from alignment_fast.commands.printing.terminal import print_after, progress_bar, require_memory

if TYPE_CHECKING:
    from alignment_fast.reproduce.sampling import Matrices, StoredSweep

__all__ = ["sampling"]

# What the sweep keeps of each trajectory: its statistics, at least.
BYTES_PER_TRAJECTORY = 32


def sampling(
    out: Annotated[Path, typer.Option(help="Write CSV files, figures and the blocks of the sweep here.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Sweep over these matrices: a table of scored responses in the layout of HelpSteer, or a folder of "
            "data sets. Default: matrices of scores drawn at random."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=3, help="Rounds of each trajectory of the sweep.")] = 3_000,
    points: Annotated[int, typer.Option(min=2, help="Points of the sweep's grid along α, and along β.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the attributes drawn for pairs, and of scores.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use. Default: all.")] = None,
    version: Version = False,
) -> None:
    """Compute the findings of "How Sampling Shapes LLM Alignment" (arXiv:2602.12180) again.

    Oscillation on a cycle against its exact threshold, for IPO and for DPO; Lyapunov exponents and bifurcations;
    collapse of entropy on strongly transitive preferences; and a sweep over many matrices. Finished blocks of the sweep
    are stored in DIR/blocks, and the same command goes on from there after it was stopped.

    Exit codes: 0 success; 2 bad options, bad input, or files that cannot be written; 130 interrupted.
    """
    import alignment_fast as af

    require_folder(out)
    sources = _matrices(data, seed)
    trajectories = points**2 * max(len(matrices.P) for matrices in sources)
    require_memory(BYTES_PER_TRAJECTORY * trajectories, f"--points {points}")
    with af.num_threads(threads or af.get_num_threads()):
        results = _synthetic()
        with print_after(lambda: print_results(TABLES, results)):
            save(out, results, _figures(results))
        swept = _sweep(out / "blocks", sources, rounds, points)
    with print_after(lambda: print_results(summary_rows(swept["sweep"]), swept)):
        save(out, swept, _figures(swept))


def _matrices(data: Path | None, seed: int) -> "list[Matrices]":
    from alignment_fast.reproduce import sampling as paper

    if data is None:
        return [paper.drawn(seed)]
    found = list(paper.of_folder(data, seed)) if data.is_dir() else [paper.of_scored_responses(data, seed)]
    kept = [matrices for matrices in found if len(matrices.P)]
    if not kept:
        raise ValueError(f"{data}: none of its preference matrices is cyclic or strongly transitive")
    return kept


def _synthetic() -> dict[str, list[Any]]:
    from alignment_fast.reproduce import sampling as paper

    parts: dict[str, Callable[[], Iterable[Any]]] = {
        "oscillation": paper.oscillations,
        "paths": paper.paths,
        "thresholds": paper.thresholds,
        "phase_diagram": paper.phase_diagram,
        "exponents": paper.exponents,
        "visits": paper.visits,
        "collapse": paper.collapses,
        "collapse_paths": paper.collapse_paths,
    }
    with progress_bar() as progress:
        task = progress.add_task("", total=len(parts))
        results = {}
        for name, rows in parts.items():
            progress.update(task, description=name.replace("_", " "))
            results[name] = list(rows())
            progress.advance(task)
    return results


def _sweep(folder: Path, sources: "list[Matrices]", rounds: int, points: int) -> dict[str, list[Any]]:
    from alignment_fast.reproduce import sampling as paper

    rows: dict[str, list[Any]] = {"matrices": [], "sweep": []}
    with progress_bar() as progress:
        for matrices in sources:
            rows["matrices"] += paper.matrix_rows(matrices)
        for source, sweep in _sweeps(sources, rounds, points):
            total = len(sweep.P) * points**2
            task = progress.add_task(f"sweep of {source}, {sweep.method}", total=total)
            advance = partial(progress.advance, task)
            found = sweep.run(folder / f"{source}-{sweep.method}-{sweep.key}", advance)
            rows["sweep"] += paper.summary(source, sweep, found)
    return rows


def _sweeps(sources: "list[Matrices]", rounds: int, points: int) -> "Iterator[tuple[str, StoredSweep]]":
    from alignment_fast.reproduce import sampling as paper

    for matrices in sources:
        for method in paper.methods(matrices.P.shape[-1]):
            alpha, beta = paper.grid(method, points)
            yield matrices.source, paper.StoredSweep(matrices.P, method, alpha, beta, rounds)


def _figures(results: dict[str, list[Any]]) -> dict[str, Any]:
    from alignment_fast.reproduce.sampling import figures

    return {name: draw(results) for name, draw in figures.FIGURES.items() if name in results}
