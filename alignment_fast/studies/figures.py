"""Pictures of a study: reward against divergence, curves with bands, phase diagrams, coverage."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignment_fast import best_of_n, plot, policy
from alignment_fast._text import visible
from alignment_fast.studies.sources import OutcomesLaw, law_of
from alignment_fast.studies.spec import Cell, Spec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figures_of"]

# Panels of a picture, lines of a panel, and values of an axis from which on there is a picture.
MOST_PANELS, MOST_LINES = 6, 5
MOST_TICKS = 8
IN_CURVE, IN_PHASE = 2, 4
# An axis whose values span more than this factor is logarithmic.
WIDE = 30.0

Row = Mapping[str, Any]


def figures_of(spec: Spec, table: Sequence[Row]) -> dict[str, Figure]:
    """Return the pictures that the rows of a table have, by title."""
    found = dict(_frontiers(spec, table))
    for estimand in dict.fromkeys(cell.estimand for cell in spec.cells):
        rows = [row for row in table if row["estimand"] == estimand and row.get("mean") is not None]
        cells = [cell for cell in spec.cells if cell.estimand == estimand]
        axes = {name: values for name, values in _axes(cells).items() if len(values) >= IN_CURVE}
        wide = [name for name, values in axes.items() if len(values) >= IN_PHASE]
        if len(wide) == 2:
            found[f"{estimand} by {wide[0]} and {wide[1]}"] = _phases(rows, estimand, (wide[0], wide[1]))
        elif axes:
            along = max(axes, key=lambda name: len(axes[name]))
            found[f"{estimand} by {along}"] = _curves(rows, cells[0], along)
    return found


def _axes(cells: Sequence[Cell]) -> dict[str, list[float]]:
    """Return the values of each parameter that varies and is a number, in ascending order."""
    values: dict[str, list[Any]] = {}
    for cell in cells:
        for name, value in cell.axes.items():
            values.setdefault(name, []).append(value)
    return {
        name: sorted({*found})
        for name, found in values.items()
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)
    }


# ---- reward against divergence ----


class _Point(NamedTuple):
    """Reward and divergence of one cell, each with two standard errors."""

    kl: float
    reward: float
    kl_spread: float
    reward_spread: float


def _frontiers(spec: Spec, table: Sequence[Row]) -> Iterator[tuple[str, Figure]]:
    points: dict[str, dict[str, list[_Point]]] = {}
    for number, of_cell in itertools.groupby(table, key=lambda row: row["cell"]):
        rows = {row["column"]: row for row in of_cell}
        cell = spec.cells[number]
        if {"reward", "kl"} <= {*rows} and cell.source is not None:
            reward, kl = rows["reward"], rows["kl"]
            point = _Point(kl["mean"], reward["mean"], _spread(kl), _spread(reward))
            points.setdefault(cell.source, {}).setdefault(cell.estimand, []).append(point)
    drawn = {name: found for name, found in points.items() if sum(map(len, found.values())) > 2}
    if not drawn:
        return
    panels = list(drawn.items())[:MOST_PANELS]
    figure, grid = _panels(len(panels), "Reward against divergence from the reference")
    keys = {cell.source: cell.source_keys for cell in spec.cells}
    estimands = dict.fromkeys(estimand for _, found in panels for estimand in found)
    colours = dict(zip(estimands, itertools.cycle(plot.PALETTE), strict=False))
    for axes, (source, found) in zip(grid, panels, strict=False):
        farthest = max(point.kl for group in found.values() for point in group)
        optimum = _optimum(spec, keys[source], 1.1 * max(farthest, 1e-3))
        if optimum is not None:
            axes.plot(*optimum, color=plot.REFERENCE, label="tilted optimum")
        for estimand, group in found.items():
            kl, reward, kl_spread, reward_spread = np.array(sorted(group)).T
            axes.errorbar(
                *(kl, reward, reward_spread, kl_spread),
                fmt="o",
                ms=3.5,
                lw=1,
                capsize=2,
                color=colours[estimand],
                label=f"{estimand} ± 2 s.e.",
            )
        axes.set(xlabel="KL from the reference / nats", ylabel="expected reward", title=source)
        plot.finish(axes, 2)
    yield "reward against divergence", figure


def _optimum(spec: Spec, keys: Mapping[str, Any] | None, farthest: float) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return divergence and reward of the tilted policies, which no policy is above; None where they are unknown."""
    law = law_of(keys or {}, spec.folder)
    if isinstance(law.source, best_of_n.Gaussian):
        kl = np.linspace(0.0, farthest, 200)
        return kl, law.source.mean + law.source.std * np.sqrt(2.0 * kl)
    if not isinstance(law, OutcomesLaw):
        return None
    deviation = math.sqrt(float(law.law.reward_variance(1))) or 1.0
    alpha = np.r_[0.0, np.geomspace(1e-3, 1e3, 400)] / deviation
    tilted = policy.tilt(law.p, law.reward, alpha, num_threads=1)
    kl, reward = np.asarray(tilted.kl), np.asarray(tilted.expected_reward)
    near = kl <= farthest
    return kl[near], reward[near]


# ---- curves and phase diagrams ----


def _curves(rows: Sequence[Row], cell: Cell, along: str) -> Figure:
    """Draw each column against one parameter, a line for each combination of the others."""
    columns = [*dict.fromkeys(row["column"] for row in rows)][:MOST_PANELS]
    figure, grid = _panels(len(columns), f"{cell.estimand} by {along}")
    for axes, column in zip(grid, columns, strict=False):
        lines: dict[str, list[Row]] = {}
        for row in rows:
            if row["column"] == column and row.get(along) is not None:
                others = [f"{name} = {row[name]}" for name in cell.axes if name != along]
                lines.setdefault(", ".join([*([row["source"]] if row["source"] else []), *others]), []).append(row)
        for colour, (label, line) in zip(plot.PALETTE, list(lines.items())[:MOST_LINES], strict=False):
            _line(axes, sorted(line, key=lambda row: float(row[along])), along, visible(label), colour)
        if cell.kind.startswith("coverage") and column.startswith("covered"):
            axes.axhline(cell.parameters["level"], color=plot.BOUND, ls="--", lw=1, label="level")
        values = [float(row[along]) for row in rows if row.get(along) is not None]
        if min(values) > 0 and max(values) / min(values) > WIDE:
            axes.set_xscale("log")
        axes.set(xlabel=visible(along), ylabel=visible(column))
        plot.finish(axes, 1)
    return figure


def _line(axes: Axes, rows: Sequence[Row], along: str, label: str, colour: str) -> None:
    x, mean = (np.array([row[name] for row in rows], dtype=float) for name in (along, "mean"))
    spread = np.array([_spread(row) for row in rows])
    low, high = (
        np.array([row[end] if row.get(end) is not None else other for row, other in zip(rows, others, strict=True)])
        for end, others in (("low", mean - spread), ("high", mean + spread))
    )
    axes.fill_between(x, low.astype(float), high.astype(float), color=colour, alpha=0.18, lw=0)
    axes.plot(x, mean, "o-", ms=3.5, color=colour, label=label or "estimate")
    exact = np.array([math.nan if row.get("exact") is None else row["exact"] for row in rows])
    if np.isfinite(exact).any():
        axes.plot(x, exact, ls="--", lw=1, color=plot.ESTIMATE, label=f"exact, {label}" if label else "exact")


def _phases(rows: Sequence[Row], estimand: str, names: tuple[str, str]) -> Figure:
    """Draw each column over two parameters, where cells differ in others too their mean."""
    columns = [*dict.fromkeys(row["column"] for row in rows)][:MOST_PANELS]
    figure, grid = _panels(len(columns), f"{estimand} by {names[0]} and {names[1]}")
    x, y = (np.array(sorted({row[name] for row in rows}), dtype=float) for name in names)
    for axes, column in zip(grid, columns, strict=False):
        sums, counts = np.zeros((2, len(y), len(x)))
        for row in rows:
            if row["column"] == column:
                place = np.searchsorted(y, row[names[1]]), np.searchsorted(x, row[names[0]])
                sums[place] += row["mean"]
                counts[place] += 1
        with np.errstate(invalid="ignore"):
            mesh = axes.pcolormesh(sums / counts, cmap="viridis", rasterized=True)
        figure.colorbar(mesh, ax=axes)
        for axis, values in ((axes.xaxis, x), (axes.yaxis, y)):  # values may be anyhow far apart
            places = np.arange(0, len(values), -(-len(values) // MOST_TICKS))
            axis.set_ticks(places + 0.5, [f"{value:.3g}" for value in values[places]])
        axes.set(xlabel=visible(names[0]), ylabel=visible(names[1]), title=visible(column))
    return figure


def _spread(row: Row) -> float:
    error = row.get("standard_error")
    return 0.0 if error is None else 2.0 * float(error)


def _panels(number: int, title: str) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many panels, in rows of three."""
    across = min(number, 3)
    down = -(-number // across)
    figure = plot.new_figure((4.6 * across, 4.2 * down), visible(title))
    panels = np.atleast_1d(figure.subplots(down, across)).reshape(-1).tolist()
    for unused in panels[number:]:
        unused.set_axis_off()
    return figure, panels[:number]
