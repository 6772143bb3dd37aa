"""What ``alignment-fast pass-at-k`` prints and writes."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import csv_bytes, print_table, say
from alignment_fast.tables import display_name

if TYPE_CHECKING:
    from alignment_fast.best_of_n import PassAtKFit


def print_columns(
    file: Path, read: str, total: np.ndarray, columns: dict[str, np.ndarray], fit: "PassAtKFit", level: float
) -> None:
    """Print what was read, the fit, and a table of the columns."""
    each = f"{total.min()}" if total.min() == total.max() else f"{total.min()} to {total.max()}"
    say(f"{display_name(file)}: {len(total)} problems, {each} samples each; {read}")
    never = f", {100 * fit.zero:.3g} % never solved" if fit.zero > 0 else ""
    say(f"Difficulty ({fit.model}): Beta({fit.alpha:.4g}, {fit.beta:.4g}){never}; p-value {_known(fit.p_value)}")
    say(f"Exponent of the power law in k: {fit.alpha:.3g} (s.e. {fit.exponent_error:.2g})\n")
    titles = ("k", "pass@k", "s.e.", "pass^k", "s.e.", "fitted", "low", "high")
    names = ("k", "pass", "pass_se", "pass_all", "pass_all_se", "fit", "fit_low", "fit_high")
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    print_table(titles, ([f"{row[0]:d}", *map(_cell, row[1:])] for row in rows))
    say(
        f"\npass@k: one of k samples is right; pass^k: all are. Unbiased where k samples are there; fitted: by the "
        f"difficulty of problems, with intervals of level {level:g}."
    )
    if fit.is_rejected:
        say("The counts speak against this difficulty: intervals are those without it, and open beyond the samples.")


def _known(p_value: float) -> str:
    return "unknown" if math.isnan(p_value) else f"{p_value:.2g}"


def _cell(number: float) -> str:
    return "-" if math.isnan(number) else f"{number:.4f}"


def save(folder: Path, columns: dict[str, np.ndarray], title: str) -> None:
    """Write ``pass_at_k.csv`` and ``pass_at_k.png``."""
    from alignment_fast.plot import pass_at_k_figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = pass_at_k_figure(columns, title)
    with replacing(folder / "pass_at_k.csv") as file:
        file.write(csv_bytes(columns, zip(*(column.tolist() for column in columns.values()), strict=True)))
    save_figure(folder / "pass_at_k.png", figure)
