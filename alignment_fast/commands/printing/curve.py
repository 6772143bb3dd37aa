"""What ``alignment-fast curve`` prints and writes."""

from pathlib import Path

import numpy as np

from alignment_fast._files import replacing
from alignment_fast.commands.inputs.pools import PoolTable
from alignment_fast.commands.printing.figures import save_figure
from alignment_fast.commands.printing.terminal import BOUND_NOTE, csv_bytes, print_table, say, short_error
from alignment_fast.tables import display_name

ERRORS = {"score_se", "pass_se", "value_se"}


def print_columns(file: Path, pools: PoolTable, columns: dict[str, np.ndarray], variance: str, sentence: str) -> None:
    """Print the pools that were read, a table of the columns, and what a fit says."""
    size, prompt = pools.smallest
    largest = max(map(len, pools.scores))
    samples = f"{size} samples each" if size == largest else f"{size} to {largest} samples each"
    count = f"{len(pools.scores)} prompts, {samples}" if len(pools.scores) > 1 else f"one pool of {size} samples"
    say(f"{display_name(file)}: {count}; {pools.columns}")
    if pools.left_out:
        say(f"Left out: {pools.left_out} prompts with fewer samples")
    if size < largest:
        reason = f"{prompt} has no more samples; --at-least leaves out prompts with fewer"
        say(f"n ends at {size}: {reason}")
    say(f"Standard errors: {variance}\n")
    layout = {
        "n": ("n", "d"),
        "kl_bound": ("KL bound", ".6g"),
        "score": ("score", ".6g"),
        "score_se": ("s.e.", ".2g"),
        "pass": ("pass@n", ".6g"),
        "pass_se": ("s.e.", ".2g"),
        "value": ("value", ".6g"),
        "value_se": ("s.e.", ".2g"),
        "value_fit": ("fitted", ".6g"),
    }
    bounds = columns.get("pass_error_bound", np.full(len(columns["n"]), np.nan))
    cells = {
        name: [format(number, layout[name][1]) for number in column]
        for name, column in columns.items()
        if name in layout
    }
    for name in ERRORS & cells.keys():
        known = bounds if name == "pass_se" else np.full_like(bounds, np.nan)
        cells[name] = [short_error(*pair) for pair in zip(columns[name], known, strict=True)]
    print_table([layout[name][0] for name in cells], zip(*cells.values(), strict=True))
    say(
        "\nUnbiased estimates for the best of n of the samples at hand, ties at random, averaged over prompts. KL "
        "bound in nats from the reference: log n - (n-1)/n."
    )
    if not np.isnan(bounds).all():
        say(BOUND_NOTE.format(what="prompts" if variance == "clustered" else "samples"))
    if any("?" in cells[name] for name in ERRORS & cells.keys()):
        say("s.e. ?: these numbers say nothing about the error.")
    if sentence:
        say(f"\n{sentence}")


def save(
    folder: Path, columns: dict[str, np.ndarray], fitted: tuple[np.ndarray, np.ndarray] | None, title: str
) -> None:
    """Write ``curve.csv`` and ``curve.png``; `fitted` is a curve on a grid of its own."""
    from alignment_fast.plot import curve_figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = curve_figure(columns, title, fitted=fitted)
    with replacing(folder / "curve.csv") as file:
        file.write(csv_bytes(columns, zip(*(column.tolist() for column in columns.values()), strict=True)))
    save_figure(folder / "curve.png", figure)
