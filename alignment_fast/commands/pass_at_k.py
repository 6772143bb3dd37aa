"""``alignment-fast pass-at-k``: pass@k and pass^k, from few samples and beyond them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from alignment_fast.commands.inputs.pools import PoolColumns, PoolTable, read_pools
from alignment_fast.commands.options import RowMib, UnpackedMib, Version, check_level
from alignment_fast.commands.printing.pass_at_k import print_columns, save
from alignment_fast.commands.printing.terminal import numbers, print_after, working
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.best_of_n import PassAtKFit

__all__ = ["pass_at_k"]

DRAWS = (1, 2, 5, 10, 20, 50, 100, 1000)


class Model(StrEnum):
    """How the difficulty of problems is distributed."""

    BETA_BINOMIAL = "beta-binomial"
    ZERO_INFLATED = "zero-inflated"


def pass_at_k(
    file: Annotated[Path, typer.Argument(help="Table of samples: .csv .tsv .jsonl .parquet .npz, plain or .gz.")],
    correct: Annotated[str | None, typer.Option("--correct", help="Column of 0 and 1, or of counts.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="Column that names the problem of a sample.")] = None,
    samples: Annotated[
        str | None, typer.Option("--samples", help="Column of counts: samples of the problem, --correct of them right.")
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="One row per problem, one column per sample; columns by pattern: 's*'.")
    ] = False,
    first: Annotated[int | None, typer.Option(min=2, help="Use only so many first samples of every problem.")] = None,
    k: Annotated[str | None, typer.Option("--k", help="Values of k, by commas, of any size.")] = None,
    model: Annotated[Model, typer.Option(help="How the difficulty of problems is distributed.")] = Model.ZERO_INFLATED,
    level: Annotated[float, typer.Option(help="Level of intervals, between 0 and 1.")] = 0.95,
    out: Annotated[Path | None, typer.Option(help="Write pass_at_k.csv and pass_at_k.png here.")] = None,
    row_mib: RowMib = None,
    unpacked_mib: UnpackedMib = None,
    version: Version = False,
) -> None:
    """Pass@k and pass^k with errors, and pass@k beyond the samples there are, by the difficulty of problems.

    FILE holds one sample per row, right or wrong, and the problem it belongs to; or one problem per row, with lists,
    with counts, or with --wide a column per sample. Columns that are not named are guessed. The distribution of the
    chances of success over problems is fitted; where the data speak against it, intervals beyond the samples are open.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 130 interrupted.
    """
    from alignment_fast.best_of_n import fit_pass_at_k
    from alignment_fast.errors import ConvergenceError

    check_level(level)
    draws = _draws(k)
    with working(out=out, row_mib=row_mib, unpacked_mib=unpacked_mib) as progress:
        task = progress.add_task("reading", total=None)
        pools = read_pools(
            file,
            PoolColumns(None, None, correct, prompt, samples),
            wide=wide,
            progress=lambda done, size: progress.update(task, completed=done, total=size),
        )
    if not pools.correct:
        raise ValueError(f"{display_name(file)}: no column says what is right: name one with --correct")
    total, right = _counts(pools, first)
    try:
        fit = fit_pass_at_k(total, right, model=model.value)
    except (ValueError, ConvergenceError) as error:
        raise ValueError(f"{display_name(file)}: {error}") from None
    columns = _columns(total, right, draws, fit, level)
    with print_after(lambda: print_columns(file, pools.columns, total, columns, fit, level)):
        if out is not None:
            save(out, columns, Path(display_name(file)).name)


def _draws(given: str | None) -> np.ndarray:
    requested = sorted(set(numbers(given, "--k", 1.0)))
    for number in requested:
        if not number.is_integer() or number >= 2**53:
            raise ValueError(f"--k: {number:g} is not a whole number below 2^53")
    return np.array(requested or DRAWS, dtype=np.int64)


def _counts(pools: PoolTable, first: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of samples and of right ones, of every problem."""
    used = [pool[:first] for pool in pools.scores]
    return np.array([len(pool) for pool in used]), np.array([int(np.sum(pool)) for pool in used])


def _columns(
    total: np.ndarray, right: np.ndarray, draws: np.ndarray, fit: "PassAtKFit", level: float
) -> dict[str, np.ndarray]:
    """Return the columns of the result by name; estimates that need more samples are NaN."""
    from alignment_fast import best_of_n as library

    columns = {"k": draws}
    known = draws[draws <= total.min()]
    rest = np.full(len(draws) - len(known), np.nan)
    passed = library.mean_over_prompts(library.Curve(known, library.pass_at_k(total, right, known)))
    every = library.mean_over_prompts(library.pass_all_k(total, right, known))
    for name, result in (("pass", passed), ("pass_all", every)):
        columns[name] = np.append(result.mean, rest)
        columns[f"{name}_se"] = np.append(result.standard_error, rest)
    fitted = fit.pass_at_k(draws, level=level)
    return columns | {"fit": fitted.mean, "fit_low": fitted.lower, "fit_high": fitted.upper}
