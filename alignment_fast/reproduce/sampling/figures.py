"""Drawings of the rows that the other modules of this package give; they need the extra ``app``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alignment_fast.plot import BOUND, ESTIMATE, EXACT, finish, new_figure
from alignment_fast.reproduce.sampling.cycle import CASES, SIGNAL, exact_threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES"]

Results = Mapping[str, Sequence[Any]]
# Colours span at least this much.
_SMALLEST_RANGE = 1e-6
NAMES = {"ipo": "IPO", "dpo": "DPO"}
RESPONSES = (EXACT, BOUND, "#3f8f5f")


def _columns(rows: Sequence[Any], **where: Any) -> dict[str, np.ndarray]:
    """Return the rows whose fields have the values in `where` as columns by name."""
    chosen = [row for row in rows if all(getattr(row, field) == value for field, value in where.items())]
    return {field: np.array([getattr(row, field) for row in chosen]) for field in rows[0]._fields}


def oscillation_figure(results: Results) -> Figure:
    """Draw the first hundred rounds of each case, for IPO above and for DPO below."""
    figure = new_figure((13, 6), "Three responses in a cycle: probabilities round by round")
    for line, method in zip(figure.subplots(2, 3, sharex=True, sharey=True), NAMES, strict=True):
        for axes, case in zip(line, CASES, strict=True):
            of = _columns(results["paths"], method=method, case=case)
            for number, color in enumerate(RESPONSES):
                axes.plot(of["t"], of[f"pi_{number}"], color=color, lw=1.2, label=f"response {number}")
            alpha, beta = CASES[case]
            axes.set_title(f"{NAMES[method]}: {case}, α = {alpha:g}, β = {beta * SIGNAL[method]:g}", fontsize="medium")
            finish(axes)
    for axes in line:
        axes.set_xlabel("round")
    return figure


def phase_figure(results: Results) -> Figure:
    """Draw cycle strength over α and β·λ, and the exact threshold on top."""
    figure = new_figure((11, 4.6), "Three responses in a cycle: cycle strength and the exact threshold")
    for axes, method in zip(figure.subplots(1, 2), NAMES, strict=True):
        of = _columns(results["phase_diagram"], method=method)
        alpha = np.linspace(0.0, 1.0, 400)
        exact = [exact_threshold(a, method) for a in alpha]
        _heat(figure, axes, of, "feedback", "cycle_strength", "cycle strength")
        label = f"α² + {'16 ' if method == 'dpo' else ''}a²β²λ²/3 = 1"
        axes.plot(alpha, exact, color="white", ls="--", lw=1.5, label=label)
        axes.set(ylabel="β·λ", title=NAMES[method])
        axes.legend(fontsize="small", loc="lower left", facecolor="0.25", labelcolor="white")
    return figure


def _heat(figure: Figure, axes: Axes, of: Mapping[str, np.ndarray], y: str, field: str, label: str) -> None:
    alpha, height = np.unique(of["alpha"]), np.unique(of[y])
    values = of[field].reshape(len(alpha), len(height)).T
    most = max(float(values.max()), _SMALLEST_RANGE)  # what rounding leaves is no pattern
    image = axes.pcolormesh(
        alpha, height, values, cmap="viridis", vmin=0.0, vmax=most, shading="nearest", rasterized=True
    )
    figure.colorbar(image, ax=axes, label=label)
    axes.set_xlabel("α")


def bifurcation_figure(results: Results) -> Figure:
    """Draw the last policies visited at each β, and below them the largest Lyapunov exponent."""
    figure = new_figure((13, 7), "Three responses in a cycle, α = 0.48, λ = 1: bifurcations")
    above, below = figure.subplots(2, 2, sharex="col")
    for visited, exponent, method in zip(above, below, NAMES, strict=True):
        of = _columns(results["visits"], method=method)
        visited.plot(of["beta"], of["pi_0"], ",", color=ESTIMATE, alpha=0.5)
        visited.set(ylabel="π₀ of the last 64 rounds", title=NAMES[method])
        of = _columns(results["exponents"], method=method)
        # Where a direction dies at once the exponent is −∞; what matters is its sign.
        exponent.plot(of["beta"], np.maximum(of["lyapunov"], -1.0), color=EXACT, lw=0.8, label="exponent")
        exponent.axhline(0.0, color=BOUND, lw=0.8)
        exponent.set(xlabel="β", ylabel="largest Lyapunov exponent / nats per round", ylim=(-1.05, 0.65))
        finish(exponent)
    return figure


def collapse_figure(results: Results) -> Figure:
    """Draw entropy against β/(1 − α), and round by round at α = 1."""
    figure = new_figure((11, 4.4), "Strongly transitive preferences: entropy collapses")
    ratio, rounds = figure.subplots(1, 2)
    for method, color in zip(NAMES, RESPONSES, strict=False):
        of = _columns(results["collapse"], method=method)
        ratio.plot(of["ratio"], of["entropy"], "o", ms=4, color=color, label=NAMES[method])
        of = _columns(results["collapse_paths"], method=method)
        rounds.plot(of["t"], of["entropy"], "o-", ms=3.5, color=color, label=f"{NAMES[method]}, α = λ = 1, β = 0.5")
    ratio.set(xscale="log", yscale="log", xlabel="β/(1 − α)", ylabel="entropy after 3000 rounds / nats")
    rounds.set(yscale="log", xlabel="round", ylabel="entropy / nats")
    for axes in (ratio, rounds):
        finish(axes)
    return figure


def sweep_figure(results: Results) -> Figure:
    """Draw cycle strength and entropy over α and β, one line for each source, method and kind of matrices."""
    rows = results["sweep"]
    parts = list(dict.fromkeys((row.source, row.method, row.kind, row.matrices) for row in rows))
    figure = new_figure((10, 3.6 * len(parts)), "Sweep over matrices, λ = 1: means")
    for line, (source, method, kind, count) in zip(figure.subplots(len(parts), 2, squeeze=False), parts, strict=True):
        of = _columns(rows, source=source, method=method, kind=kind)
        for axes, field in zip(line, ("cycle_strength", "entropy"), strict=True):
            _heat(figure, axes, of, "beta", field, field.replace("_", " "))
            axes.set(yscale="log", ylabel="β")
            title = f"{source}, {NAMES[method]}: {count} {kind}"
            axes.set_title(title, fontsize="medium", parse_math=False)
    return figure


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "paths": oscillation_figure,
    "phase_diagram": phase_figure,
    "exponents": bifurcation_figure,
    "collapse": collapse_figure,
    "sweep": sweep_figure,
}
