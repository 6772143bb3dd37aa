"""What ``alignment-fast best-of-n`` prints and writes."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.inputs.outcomes import OutcomeTable
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import BOUND_NOTE, csv_bytes, print_table, say, short_error
from alignment_fast.tables import display_name


@dataclasses.dataclass(frozen=True)
class BestOfNRow:
    """One n: exact values, bounds, and Monte Carlo estimates with their standard errors (``_se``).

    Where all replicates agree there is no standard error, and ``_error_bound`` holds what is known instead: with 95 %
    confidence the error is at most that.
    """

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
    expected_reward_error_bound: float
    win_rate_error_bound: float


def print_rows(file: Path, outcomes: OutcomeTable, rows: list[BestOfNRow], replicates: int, seed: int) -> None:
    """Print the outcomes that were read, and two tables of the rows."""
    weight, reward = outcomes.columns
    kind = "log-probability" if outcomes.log else "weight"
    say(f"{display_name(file)}: {len(outcomes.weight)} outcomes; {kind} {weight!r}, reward {reward!r}")
    say(f"Monte Carlo: {replicates} replicates for each n, seed {seed}\n")
    print_table(
        ("n", "expected reward", "estimate", "s.e.", "sd of reward", "method"),
        (
            (
                _short_n(row),
                f"{row.expected_reward:.6g}",
                f"{row.expected_reward_estimate:.6g}",
                short_error(row.expected_reward_se, row.expected_reward_error_bound),
                f"{row.reward_sd:.4g}",
                row.method,
            )
            for row in rows
        ),
        left=("method",),
    )
    say()
    print_table(
        ("n", "KL", "KL bound", "win rate", "estimate", "s.e.", "n/(n+1)"),
        (
            (
                _short_n(row),
                f"{row.kl:.6g}",
                f"{row.kl_bound:.6g}",
                f"{row.win_rate:.6g}",
                f"{row.win_rate_estimate:.6g}",
                short_error(row.win_rate_se, row.win_rate_error_bound),
                f"{row.win_rate_continuous:.6g}",
            )
            for row in rows
        ),
    )
    say(
        "\nKL in nats from the reference; bound log n - (n-1)/n. Win rate against one draw, ties one half; n/(n+1) is "
        "its value for continuous rewards. Methods: brute draws n outcomes and keeps the best; order draws the "
        "best at once, as an order statistic."
    )
    if any(not math.isnan(row.expected_reward_error_bound) for row in rows):
        say(BOUND_NOTE.format(what="replicates"))


def _short_n(row: BestOfNRow) -> str:
    return f"{row.n:.6g}" if math.isfinite(row.n) else f"exp({row.log_n:g})"


def save(folder: Path, rows: list[BestOfNRow], curves: dict[str, np.ndarray], title: str) -> None:
    """Write ``best_of_n.csv`` and ``best_of_n.png``."""
    from alignment_fast.plot import best_of_n_figure

    folder.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in dataclasses.fields(BestOfNRow)]
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in names}
    figure = best_of_n_figure(columns, title, curves=curves)
    with replacing(folder / "best_of_n.csv") as file:
        file.write(csv_bytes(names, map(dataclasses.astuple, rows)))
    save_figure(folder / "best_of_n.png", figure)
