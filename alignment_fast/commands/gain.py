"""``alignment-fast gain``: the best gain in reward within a divergence, from samples of the reference."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from alignment_fast.commands.inputs.pools import PoolColumns, read_pools
from alignment_fast.commands.options import RowMib, UnpackedMib, Version, check_level
from alignment_fast.commands.printing.gain import print_columns, save
from alignment_fast.commands.printing.terminal import numbers, print_after, working
from alignment_fast.tables import display_name

__all__ = ["gain"]

BUDGETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0)


def gain(
    file: Annotated[Path, typer.Argument(help="Table of samples: .csv .tsv .jsonl .parquet .npz, plain or .gz.")],
    reward: Annotated[
        str | None, typer.Option("--reward", help="Column of rewards of samples of the reference.")
    ] = None,
    gold: Annotated[
        str | None, typer.Option("--gold", help="Column of gold rewards: what the reward leaves of these.")
    ] = None,
    kl: Annotated[str | None, typer.Option("--kl", help="Divergences in nats, by commas.")] = None,
    level: Annotated[float, typer.Option(help="Level of intervals, between 0 and 1.")] = 0.95,
    out: Annotated[Path | None, typer.Option(help="Write gain.csv and gain.png here.")] = None,
    row_mib: RowMib = None,
    unpacked_mib: UnpackedMib = None,
    version: Version = False,
) -> None:
    """Show the frontier of reward against divergence: what no policy exceeds, and where best-of-n stands.

    FILE holds one sample of the reference per row, with its reward; and perhaps a gold reward, of which the table then
    shows what is gained by the policy that is best for the reward, beside what is best.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 130 interrupted.
    """
    check_level(level)
    budgets = np.array(sorted(set(numbers(kl, "--kl", 0.0))) or BUDGETS)
    with working(out=out, row_mib=row_mib, unpacked_mib=unpacked_mib) as progress:
        task = progress.add_task("reading", total=None)
        pools = read_pools(
            file,
            PoolColumns(reward, gold, None, None),
            wide=False,
            progress=lambda done, size: progress.update(task, completed=done, total=size),
        )
    if len(pools.scores) > 1:
        raise ValueError(
            f"{display_name(file)}: {len(pools.scores)} prompts: a frontier is that of one prompt's samples"
        )
    if pools.correct:
        raise ValueError(f"{display_name(file)}: no column looks like rewards: name one with --reward")
    columns = _columns(pools.scores[0], None if pools.values is None else pools.values[0], budgets, level)
    with print_after(lambda: print_columns(file, pools.columns, len(pools.scores[0]), columns, level)):
        if out is not None:
            save(out, columns, Path(display_name(file)).name)


def _columns(rewards: np.ndarray, gold: np.ndarray | None, budgets: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Return the columns of the result by name."""
    from alignment_fast.policy import achievable_gain, proxy_gap

    found = achievable_gain(rewards, kl=budgets)
    low, high = found.interval(level)
    columns = {
        "kl": budgets,
        "gain": found.gain,
        "gain_low": low,
        "gain_high": high,
        "beta": found.beta,
        "effective_samples": found.effective_samples,
        "best_of_n": best_of_n_gains(rewards, budgets),
    }
    if gold is not None:
        gap = proxy_gap(rewards, gold, kl=budgets)
        columns |= {"gold_gain": gap.gold_gain, "gold_achievable": gap.achievable, "gap": gap.gap}
        columns["gap_se"] = gap.standard_error
    return columns


def best_of_n_gains(rewards: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """Return the gain of best-of-n at the real n whose divergence, over the samples, is each budget; NaN beyond."""
    from alignment_fast.best_of_n import BestOfN

    law = BestOfN(None, rewards)
    low, high = np.zeros(len(budgets)), np.full(len(budgets), 60.0)  # of log n
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = law.kl(log_n=middle) < budgets
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    gains = law.expected_reward(log_n=0.5 * (low + high)) - np.mean(rewards)
    return np.where(high < 59.0, gains, np.nan)
