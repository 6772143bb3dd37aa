"""``alignment-fast best-of-n``: what best-of-N does to a reference distribution, exactly and by simulation."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from alignment_fast._files import replacing
from alignment_fast.commands.inputs.outcomes import Outcomes, read_outcomes
from alignment_fast.commands.printing.terminal import csv_bytes, numbers, output, progress_bar, table
from alignment_fast.tables import display_name

__all__ = ["best_of_n"]

DEFAULT_N = "1,2,4,8,16,32,64,128,256,512,1024,3e3,1e4,1e5,1e6"
# Draws that brute force may take per row: about half a second on one core. Above, the order statistic is drawn
# instead, which has the same law and costs the same for every n.
BRUTE_DRAWS = 1_000_000_000
# exp of more than this overflows: such an n is known by its logarithm only.
LARGEST_LOG_N = 709.0


@dataclasses.dataclass(frozen=True)
class Row:
    """One n: exact values, bounds, and Monte Carlo estimates with their standard errors (``_se``)."""

    n: float
    log_n: float
    expected_reward: float
    reward_variance: float
    reward_sd: float
    kl: float
    kl_bound: float
    win_rate: float
    win_rate_continuous: float
    method: str
    replicates: int
    expected_reward_estimate: float
    expected_reward_se: float
    win_rate_estimate: float
    win_rate_se: float


def best_of_n(
    file: Annotated[Path, typer.Argument(help="Table of outcomes: .csv .tsv .jsonl .parquet .npz, plain or .gz.")],
    p: Annotated[str | None, typer.Option("--p", help="Column of probabilities.")] = None,
    log_p: Annotated[str | None, typer.Option("--log-p", help="Column of log-probabilities.")] = None,
    count: Annotated[str | None, typer.Option("--count", help="Column of counts.")] = None,
    reward: Annotated[str | None, typer.Option("--reward", help="Column of rewards.")] = None,
    n: Annotated[str | None, typer.Option("--n", help=f"Values of n, by commas. Default: {DEFAULT_N}")] = None,
    log_n: Annotated[str | None, typer.Option("--log-n", help="Further values of n, as natural logarithms.")] = None,
    replicates: Annotated[int, typer.Option(min=2, help="Monte Carlo replicates for each n.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the Monte Carlo.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write best_of_n.csv and best_of_n.png here.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use. Default: all.")] = None,
) -> None:
    """Exact expected reward, KL divergence from the reference and win rate of best-of-N, beside simulations of them.

    FILE holds one outcome per row: a probability, log-probability or count (normalised here) and a reward. Columns
    that are not named are guessed. Estimates of different n use the same random stream.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 130 interrupted.
    """
    import alignment_fast as af

    grid = _grid(DEFAULT_N if n is None and log_n is None else n, log_n)
    with af.num_threads(threads or af.get_num_threads()), progress_bar() as progress:
        reading = progress.add_task("reading", total=None)
        outcomes = read_outcomes(
            file,
            {"p": p, "log_p": log_p, "count": count},
            reward,
            lambda done, size: progress.update(reading, completed=done, total=size),
        )
        rows = list(progress.track(_rows(outcomes, grid, replicates, seed), len(grid), description="best-of-n"))
    _print(file, outcomes, rows, replicates, seed)
    if out is not None:
        _save(out, rows, Path(display_name(file)).name)


def _grid(n: str | None, log_n: str | None) -> list[tuple[float, float]]:
    """Return the pairs (n, log n) that the options list, ascending, each once; n is inf where it overflows."""
    pairs = {(value, math.log(value)) for value in numbers(n, "--n", 1.0)}
    for value in numbers(log_n, "--log-n", 0.0):
        pairs.add((math.exp(value) if value <= LARGEST_LOG_N else math.inf, value))
    return sorted(pairs, key=lambda pair: pair[1])


def _rows(outcomes: Outcomes, grid: list[tuple[float, float]], replicates: int, seed: int) -> Iterator[Row]:
    from alignment_fast import best_of_n as library

    law = library.BestOfN(outcomes.weight, outcomes.reward, log=outcomes.log)
    wins = outcomes.mid_distribution()
    for n, log_n in grid:
        size: dict[str, Any] = {"n": n} if math.isfinite(n) else {"log_n": log_n}
        if n.is_integer() and n * replicates <= BRUTE_DRAWS:
            method = "brute"
            estimates = [_brute(outcomes, score, int(n), replicates, seed) for score in (outcomes.reward, wins)]
        else:
            method = "order"
            best = law.sample(replicates, rng=seed, **size)
            estimates = [_mean(score[best]) for score in (outcomes.reward, wins)]
        (reward, reward_se), (win, win_se) = estimates
        variance = float(law.reward_variance(**size))
        yield Row(
            n=n,
            log_n=log_n,
            expected_reward=float(law.expected_reward(**size)),
            reward_variance=variance,
            reward_sd=math.sqrt(variance),
            kl=float(law.kl(**size)),
            kl_bound=float(library.kl_upper_bound(**size)),
            win_rate=float(law.win_rate(**size)),
            win_rate_continuous=float(library.win_rate_continuous(**size)),
            method=method,
            replicates=replicates,
            expected_reward_estimate=reward,
            expected_reward_se=reward_se,
            win_rate_estimate=win,
            win_rate_se=win_se,
        )


def _brute(outcomes: Outcomes, score: np.ndarray, n: int, replicates: int, seed: int) -> tuple[float, float]:
    """Return mean and standard error of the best `score` of n draws, the same draws for every score."""
    from alignment_fast import best_of_n as library

    source = library.Table(outcomes.weight, score, log=outcomes.log)
    result = library.simulate(source, n, replicates, seed=seed, method="brute")
    return float(result.mean), float(result.standard_error)


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Return the mean of independent `values` and its standard error."""
    with np.errstate(invalid="ignore"):  # infinite rewards have no standard error: NaN
        deviations = values - values[0]  # exactly zero where all values agree
        return float(values.mean()), float(deviations.std(ddof=1) / math.sqrt(len(values)))


def _print(file: Path, outcomes: Outcomes, rows: list[Row], replicates: int, seed: int) -> None:
    console = output()
    weight, reward = outcomes.columns
    kind = "log-probability" if outcomes.log else "weight"
    console.print(
        f"{display_name(file)}: {len(outcomes.weight)} outcomes; {kind} {weight!r}, reward {reward!r}", markup=False
    )
    console.print(f"Monte Carlo: {replicates} replicates for each n, seed {seed}\n", markup=False)
    console.print(
        table(
            ("n", "expected reward", "estimate", "s.e.", "sd of reward", "method"),
            (
                (
                    _short_n(row),
                    f"{row.expected_reward:.6g}",
                    f"{row.expected_reward_estimate:.6g}",
                    f"{row.expected_reward_se:.2g}",
                    f"{row.reward_sd:.4g}",
                    row.method,
                )
                for row in rows
            ),
            left="method",
        )
    )
    console.print()
    console.print(
        table(
            ("n", "KL", "KL bound", "win rate", "estimate", "s.e.", "n/(n+1)"),
            (
                (
                    _short_n(row),
                    f"{row.kl:.6g}",
                    f"{row.kl_bound:.6g}",
                    f"{row.win_rate:.6g}",
                    f"{row.win_rate_estimate:.6g}",
                    f"{row.win_rate_se:.2g}",
                    f"{row.win_rate_continuous:.6g}",
                )
                for row in rows
            ),
        )
    )
    console.print(
        "\nKL in nats from the reference; bound log n - (n-1)/n. Win rate against one draw, ties one half; n/(n+1) is "
        "its value for continuous rewards. Methods: brute draws n outcomes and keeps the best; order draws the "
        "best at once, as an order statistic.",
        markup=False,
    )


def _short_n(row: Row) -> str:
    return f"{row.n:.6g}" if math.isfinite(row.n) else f"exp({row.log_n:g})"


def _save(folder: Path, rows: list[Row], title: str) -> None:
    from alignment_fast.plot import best_of_n_figure

    folder.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in dataclasses.fields(Row)]
    figure = best_of_n_figure({name: np.array([getattr(row, name) for row in rows]) for name in names}, title)
    with replacing(folder / "best_of_n.csv") as file:
        file.write(csv_bytes(names, map(dataclasses.astuple, rows)))
    with replacing(folder / "best_of_n.png") as file:
        figure.savefig(file, format="png", dpi=150)
