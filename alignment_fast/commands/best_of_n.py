"""``alignment-fast best-of-n``: what best-of-N does to a reference distribution, exactly and by simulation."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from alignment_fast._error_bounds import error_bound
from alignment_fast.commands.inputs.outcomes import OutcomeTable, read_outcomes
from alignment_fast.commands.options import RowMib, UnpackedMib, Version
from alignment_fast.commands.printing.best_of_n import BestOfNRow, print_rows, save
from alignment_fast.commands.printing.terminal import (
    numbers,
    print_after,
    require_memory,
    working,
)
from alignment_fast.tables import display_name

__all__ = ["best_of_n"]

DEFAULT_N = "1,2,4,8,16,32,64,128,256,512,1024,3e3,1e4,1e5,1e6"
# Draws that brute force may take per row: about half a second on one core. Above, the order statistic is drawn
# instead, which has the same law and costs the same for every n.
BRUTE_DRAWS = 1_000_000_000
# What the draws of an order statistic hold of each replicate at once: its outcome, rank and score.
BYTES_PER_REPLICATE = 24
# Points of the exact curves in the picture.
CURVE_POINTS = 200
# exp of more than this overflows: such an n is known by its logarithm only.
LARGEST_LOG_N = 709.0


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
    row_mib: RowMib = None,
    unpacked_mib: UnpackedMib = None,
    version: Version = False,
) -> None:
    """Exact expected reward, KL divergence from the reference and win rate of best-of-N, beside simulations of them.

    FILE holds one outcome per row: a probability, log-probability or count (normalised here) and a reward. Columns
    that are not named are guessed. Estimates of different n use the same random stream.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 130 interrupted.
    """
    grid = _grid(DEFAULT_N if n is None and log_n is None else n, log_n)
    if not all(_by_brute_force(number, replicates) for number, _ in grid):
        require_memory(BYTES_PER_REPLICATE * replicates, f"--replicates {replicates}")
    with working(out=out, row_mib=row_mib, unpacked_mib=unpacked_mib, threads=threads) as progress:
        reading = progress.add_task("reading", total=None)
        outcomes = read_outcomes(
            file,
            {"p": p, "log_p": log_p, "count": count},
            reward,
            lambda done, size: progress.update(reading, completed=done, total=size),
        )
        rows = list(progress.track(_rows(outcomes, grid, replicates, seed), len(grid), description="best-of-n"))
        curves = _curves(outcomes, grid) if out is not None else {}
    with print_after(lambda: print_rows(file, outcomes, rows, replicates, seed)):
        if out is not None:
            save(out, rows, curves, Path(display_name(file)).name)


def _grid(n: str | None, log_n: str | None) -> list[tuple[float, float]]:
    """Return the pairs (n, log n) that the options list, ascending, each once; n is inf where it overflows."""
    pairs = {(value, math.log(value)) for value in numbers(n, "--n", 1.0)}
    for value in numbers(log_n, "--log-n", 0.0):
        pairs.add((math.exp(value) if value <= LARGEST_LOG_N else math.inf, value))
    return sorted(pairs, key=lambda pair: pair[1])


def _rows(outcomes: OutcomeTable, grid: list[tuple[float, float]], replicates: int, seed: int) -> Iterator[BestOfNRow]:
    from alignment_fast import best_of_n as library

    law = library.BestOfN(outcomes.weight, outcomes.reward, log=outcomes.log)
    wins = outcomes.mid_distribution()
    for n, log_n in grid:
        size: dict[str, Any] = {"n": n} if math.isfinite(n) else {"log_n": log_n}
        if _by_brute_force(n, replicates):
            method = "brute"
            estimates = [_brute(outcomes, score, int(n), replicates, seed) for score in (outcomes.reward, wins)]
        else:
            method = "order"
            best = law.sample(replicates, rng=seed, **size)
            estimates = [_mean(score[best]) for score in (outcomes.reward, wins)]
        (reward, reward_se, reward_bound), (win, win_se, win_bound) = (
            _uncertainty(*estimate, score, replicates)
            for estimate, score in zip(estimates, (outcomes.reward, wins), strict=True)
        )
        variance = float(law.reward_variance(**size))
        yield BestOfNRow(
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
            expected_reward_error_bound=reward_bound,
            win_rate_error_bound=win_bound,
        )


def _by_brute_force(n: float, replicates: int) -> bool:
    return n.is_integer() and n * replicates <= BRUTE_DRAWS


def _uncertainty(mean: float, error: float, score: np.ndarray, replicates: int) -> tuple[float, float, float]:
    """Return the estimate, its standard error and a bound on its error; one of the two is NaN."""
    if error > 0 or math.isnan(error):
        return mean, error, math.nan
    return mean, math.nan, error_bound(mean, float(score.min()), float(score.max()), replicates)


def _curves(outcomes: OutcomeTable, grid: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    """Return the exact columns on a dense grid over the same n."""
    from alignment_fast import best_of_n as library

    law = library.BestOfN(outcomes.weight, outcomes.reward, log=outcomes.log)
    log_n = np.linspace(grid[0][1], grid[-1][1], CURVE_POINTS)
    return {
        "log_n": log_n,
        "expected_reward": np.asarray(law.expected_reward(log_n=log_n)),
        "reward_sd": np.sqrt(law.reward_variance(log_n=log_n)),
        "kl": np.asarray(law.kl(log_n=log_n)),
        "kl_bound": np.asarray(library.kl_upper_bound(log_n=log_n)),
        "win_rate": np.asarray(law.win_rate(log_n=log_n)),
        "win_rate_continuous": np.asarray(library.win_rate_continuous(log_n=log_n)),
    }


def _brute(outcomes: OutcomeTable, score: np.ndarray, n: int, replicates: int, seed: int) -> tuple[float, float]:
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
