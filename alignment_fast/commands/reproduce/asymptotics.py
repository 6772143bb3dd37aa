"""``alignment-fast reproduce asymptotics``: "Asymptotics of language model alignment", computed again."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from alignment_fast._files import require_folder
from alignment_fast.commands.options import Version
from alignment_fast.commands.printing.asymptotics import TABLES
from alignment_fast.commands.printing.results import print_results, save
from alignment_fast.commands.printing.terminal import print_after, progress_bar, require_memory, say

__all__ = ["asymptotics"]

# What the estimates hold of each replicate at once, at least.
BYTES_PER_REPLICATE = 32


class ResultRows(NamedTuple):
    """The rows of one table or figure, by its name, and how many they are if that takes a while."""

    rows: Callable[[], Iterable[Any]]
    total: int | None = None


def asymptotics(
    replicates: Annotated[int, typer.Option(min=100, help="Monte Carlo replicates of each estimate.")] = 50_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the Monte Carlo.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write a CSV file for each table, and figures, here.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use. Default: all.")] = None,
    version: Version = False,
) -> None:
    """Compute "Asymptotics of Language Model Alignment" (arXiv:2404.01730) again, exactly and by simulation.

    Table 1 in rationals; Figure 1 as plotted and as captioned; best-of-N with N = exp(0.11 m) for m = 10 to 1600
    against its limits and second-order terms; rate functions; scaled cumulants; random ensembles. Less than a
    minute on two cores.

    Exit codes: 0 success; 2 bad options, or files that cannot be written; 130 interrupted.
    """
    import alignment_fast as af

    require_memory(BYTES_PER_REPLICATE * replicates, f"--replicates {replicates}")
    if out is not None:
        require_folder(out)
    results: dict[str, list[Any]] = {}
    with af.num_threads(threads or af.get_num_threads()), progress_bar() as progress:
        for name, part in _parts(replicates, seed).items():
            results[name] = list(progress.track(part.rows(), part.total, description=name.replace("_", " ")))
    with print_after(lambda: _print(results, replicates, seed)):
        if out is not None:
            save(out, results, _figures(results))


def _print(results: dict[str, list[Any]], replicates: int, seed: int) -> None:
    say(f"Monte Carlo: {replicates} replicates of each estimate, seed {seed}")
    print_results(TABLES, results)


def _parts(replicates: int, seed: int) -> dict[str, ResultRows]:
    from alignment_fast.reproduce import asymptotics as paper

    setting = paper.TERNARY
    return {
        "table_1": ResultRows(lambda: paper.table_one(replicates, seed)),
        "figure_1_curves": ResultRows(paper.simplex_curves),
        "figure_1_points": ResultRows(lambda: paper.simplex_points(replicates, seed)),
        "convergence": ResultRows(lambda: paper.convergence(setting, replicates, seed), len(paper.LENGTHS)),
        "rate_functions": ResultRows(lambda: paper.rate_functions(setting, replicates, seed), len(paper.TAUS)),
        "scaled_cumulants": ResultRows(lambda: paper.scaled_cumulants(setting, replicates, seed), len(paper.RHOS)),
        "random_ensembles": ResultRows(lambda: paper.random_ensembles(seed), paper.ENSEMBLE_ROWS),
    }


def _figures(results: dict[str, list[Any]]) -> dict[str, Any]:
    from alignment_fast.reproduce import asymptotics as paper
    from alignment_fast.reproduce.asymptotics import figures

    setting = paper.TERNARY
    title = f"ternary example, δ = {setting.delta}"
    columns = {name: paper.columns_of(rows) for name, rows in results.items()}
    lengths = paper.columns_of(list(paper.exact_convergence(setting)))
    return {
        "figure_1": figures.simplex_figure(results["figure_1_curves"], results["figure_1_points"]),
        "convergence": figures.convergence_figure(columns["convergence"], title, curves=lengths),
        "rate_functions": figures.rates_figure(
            columns["rate_functions"], setting.typical, title, curves=paper.rate_curves(setting)
        ),
        "scaled_cumulants": figures.cumulants_figure(
            columns["scaled_cumulants"], float(setting.policy.alpha), title, curves=paper.cumulant_curves(setting)
        ),
        "random_ensembles": figures.ensembles_figure(columns["random_ensembles"]),
    }
