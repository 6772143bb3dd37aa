"""Drawings of the rows that the other modules of this package give; they need the extra ``app``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alignment_fast.plot import BOUND, ESTIMATE, EXACT, PALETTE, decades, finish, legend_below, new_figure
from alignment_fast.reproduce.sampling.cycle import CASES, SIGNAL, exact_threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES"]

Results = Mapping[str, Sequence[Any]]
# Colours span at least this much.
_SMALLEST_RANGE = 1e-6
NAMES = {"ipo": "IPO", "dpo": "DPO"}
RESPONSES = PALETTE[:3]


def _columns(rows: Sequence[Any], **where: Any) -> dict[str, np.ndarray]:
    """Return the rows whose fields have the values in `where` as columns by name."""
    chosen = [row for row in rows if all(getattr(row, field) == value for field, value in where.items())]
    return {field: np.array([getattr(row, field) for row in chosen]) for field in rows[0]._fields}


def oscillation_figure(results: Results) -> Figure:
    """Draw the first hundred rounds of each case, for IPO above and for DPO below."""
    figure = new_figure((13, 6.4), "Three responses in a cycle: probabilities round by round")
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    for line, method in zip(panels, NAMES, strict=True):
        for axes, case in zip(line, CASES, strict=True):
            of = _columns(results["paths"], method=method, case=case)
            for number, color in enumerate(RESPONSES):
                axes.plot(of["t"], of[f"pi_{number}"], color=color, lw=1.2, label=f"response {number}")
            alpha, beta = CASES[case]
            axes.set_title(f"{NAMES[method]}: {case}, α = {alpha:g}, β = {beta * SIGNAL[method]:g}", fontsize="medium")
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel("probability")
    for axes in panels[-1]:
        axes.set_xlabel("round")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def phase_figure(results: Results) -> Figure:
    """Draw cycle strength over α and β·λ, and the exact threshold on top."""
    figure = new_figure((11, 5.2), "Three responses in a cycle: cycle strength and the exact threshold")
    of = {method: _columns(results["phase_diagram"], method=method) for method in NAMES}
    most = max(float(columns["cycle_strength"].max()) for columns in of.values())
    panels = figure.subplots(1, 2)
    for axes, method in zip(panels, NAMES, strict=True):
        image = _heat(axes, of[method], "feedback", "cycle_strength", most)
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        alpha = np.linspace(max(left, 0.0), min(right, 1.0), 400)
        exact = np.array([exact_threshold(a, method) for a in alpha])
        label = f"exact: α² + {'16 ' if method == 'dpo' else ''}a²β²λ²/3 = 1"
        inside = (exact >= bottom) & (exact <= top)
        axes.plot(alpha[inside], exact[inside], color="white", ls="--", lw=1.5, label=label)
        axes.set(ylabel="β·λ", title=NAMES[method], xlim=(left, right), ylim=(bottom, top))
        legend_below(axes, 1)
        axes.get_legend().set(frame_on=True)
        axes.get_legend().get_frame().set(facecolor="0.35", edgecolor="none")
        axes.get_legend().get_texts()[0].set_color("white")
    figure.colorbar(image, ax=list(panels), label="cycle strength", shrink=0.8)
    return figure


def _heat(axes: Axes, of: Mapping[str, np.ndarray], y: str, field: str, most: float) -> Any:
    """Draw a field over α and y, the same colours from 0 to `most` in all panels; return what a colour bar takes."""
    alpha, height = np.unique(of["alpha"]), np.unique(of[y])
    values = of[field].reshape(len(alpha), len(height)).T
    most = max(most, _SMALLEST_RANGE)
    image = axes.pcolormesh(
        alpha, height, values, cmap="viridis", vmin=0.0, vmax=most, shading="nearest", rasterized=True
    )
    axes.margins(0)
    axes.set_xlabel("α")
    if values.max() <= _SMALLEST_RANGE:  # what rounding leaves is no pattern
        axes.text(0.5, 0.5, "below 10⁻⁶ everywhere", color="white", ha="center", transform=axes.transAxes)
    return image


def bifurcation_figure(results: Results) -> Figure:
    """Draw the last policies visited at each β, and below them the largest Lyapunov exponent."""
    figure = new_figure((13, 7), "Three responses in a cycle, α = 0.48, λ = 1: bifurcations")
    above, below = figure.subplots(2, 2, sharex="col")
    for visited, exponent, method in zip(above, below, NAMES, strict=True):
        of = _columns(results["visits"], method=method)
        visited.plot(of["beta"], of["pi_0"], ".", ms=1.4, mew=0, color=ESTIMATE, rasterized=True)
        visited.set(ylabel="π₀ of the last 64 rounds", title=NAMES[method])
        of = _columns(results["exponents"], method=method)
        # Where a direction dies at once the exponent is −∞; what matters is its sign.
        exponent.plot(of["beta"], np.maximum(of["lyapunov"], -1.0), color=EXACT, lw=0.8)
        exponent.axhline(0.0, color=BOUND, lw=0.8)
        exponent.set(xlabel="β", ylabel="largest exponent / nats per round", ylim=(-1.05, 0.65))
        for axes in (visited, exponent):
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def collapse_figure(results: Results) -> Figure:
    """Draw entropy against β/(1 − α), and round by round at α = 1."""
    figure = new_figure((11, 5), "Strongly transitive preferences: entropy collapses")
    ratio, rounds = figure.subplots(1, 2)
    # Rings around smaller points: markers that fall on one spot both stay visible.
    for method, color, size, face in zip(NAMES, RESPONSES, (8, 3.5), ("none", None), strict=False):
        style: dict[str, Any] = {"color": color, "ms": size, "mfc": face or color}
        of = _columns(results["collapse"], method=method)
        ratio.plot(np.log10(of["ratio"]), _log10(of["entropy"]), "o", label=NAMES[method], **style)
        of = _columns(results["collapse_paths"], method=method)
        label = f"{NAMES[method]}, α = λ = 1, β = 0.5"
        rounds.plot(of["t"], _log10(of["entropy"]), "o-", label=label, **style)
    ratio.set(xlabel="β/(1 − α)", ylabel="entropy after 3000 rounds / nats")
    rounds.set(xlabel="round", ylabel="entropy / nats")
    for axis in (ratio.xaxis, ratio.yaxis, rounds.yaxis):
        decades(axis)
    for axes in (ratio, rounds):
        finish(axes)
    return figure


def _log10(values: np.ndarray) -> np.ndarray:
    """Return common logarithms, NaN where a value is no longer positive."""
    return np.log10(np.where(values > 0, values, np.nan))


def sweep_figure(results: Results) -> Figure:
    """Draw cycle strength and entropy over α and β, one line for each source, method and kind of matrices."""
    rows = results["sweep"]
    parts = list(dict.fromkeys((row.source, row.method, row.kind, row.matrices) for row in rows))
    fields = {"cycle_strength": "mean cycle strength", "entropy": "mean entropy / nats"}
    figure = new_figure((11, 3.4 * len(parts)), "Sweep over matrices, λ = 1")
    panels = figure.subplots(len(parts), 2, squeeze=False)
    for column, (field, label) in zip(panels.T, fields.items(), strict=True):
        most = max(getattr(row, field) for row in rows)
        for axes, (source, method, kind, count) in zip(column, parts, strict=True):
            of = _columns(rows, source=source, method=method, kind=kind)
            image = _heat(axes, of, "beta", field, most)
            axes.set(yscale="log", ylabel="β")
            axes.set_title(f"{source}, {NAMES[method]}: {count} {kind}", fontsize="medium", parse_math=False)
        figure.colorbar(image, ax=list(column), label=label, aspect=40, shrink=0.6)
    return figure


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "paths": oscillation_figure,
    "phase_diagram": phase_figure,
    "exponents": bifurcation_figure,
    "collapse": collapse_figure,
    "sweep": sweep_figure,
}
