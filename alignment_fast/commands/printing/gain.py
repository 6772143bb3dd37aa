"""What ``alignment-fast gain`` prints and writes."""

import math
from pathlib import Path

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import csv_bytes, print_table, say
from alignment_fast.tables import display_name

TITLES = {
    "kl": "KL",
    "gain": "gain",
    "gain_low": "low",
    "gain_high": "high",
    "beta": "beta",
    "effective_samples": "carried by",
    "best_of_n": "best-of-n",
    "gold_gain": "gold gain",
    "gold_achievable": "best gold",
    "gap": "gap",
    "gap_se": "s.e.",
}


def print_columns(file: Path, read: str, samples: int, columns: dict[str, np.ndarray], level: float) -> None:
    """Print what was read and a table of the columns."""
    say(f"{display_name(file)}: {samples} samples; {read}\n")
    rows = zip(*(columns[name].tolist() for name in TITLES if name in columns), strict=True)
    print_table([title for name, title in TITLES.items() if name in columns], ([_cell(x) for x in row] for row in rows))
    say(
        f"\ngain: expected reward of the best policy within KL nats of the reference, less the reference's, with "
        f"intervals of level {level:g}; beta: the KL coefficient that leads there; best-of-n: its gain at that KL."
    )
    if np.isinf(columns["gain_high"]).any():
        say("high inf: few samples carry that policy, and what lies beyond the best of them is not known.")
    if "gap" in columns:
        say("gold gain: that of the policy that is best for the reward; best gold: what the gold reward itself allows.")


def _cell(number: float) -> str:
    return "-" if math.isnan(number) else f"{number:.4g}"


def save(folder: Path, columns: dict[str, np.ndarray], title: str) -> None:
    """Write ``gain.csv`` and ``gain.png``."""
    from alignment_fast.plot import gain_figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = gain_figure(columns, title)
    with replacing(folder / "gain.csv") as file:
        file.write(csv_bytes(columns, zip(*(column.tolist() for column in columns.values()), strict=True)))
    save_figure(folder / "gain.png", figure)
