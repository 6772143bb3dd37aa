"""Drawings of the columns that the other modules of this package give; they need the extra ``app``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alignment_fast.plot import (
    BOUND,
    ESTIMATE,
    EXACT,
    FAMILY,
    PALETTE,
    REFERENCE,
    draw_estimates,
    finish,
    new_figure,
)
from alignment_fast.reproduce.asymptotics.simplex import DRAWINGS, CurvePoint, Drawing, MarkedPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["convergence_figure", "cumulants_figure", "ensembles_figure", "rates_figure", "simplex_figure"]

Columns = Mapping[str, np.ndarray]
# Rates above this are deviations that nobody will see; those of best-of-n on its worse side are far above.
HIGHEST_RATE = 1.6


def simplex_figure(curves: Sequence[CurvePoint], points: Sequence[MarkedPoint]) -> Figure:
    """Draw Figure 1 twice, as its caption says and as it is plotted; from `simplex_curves` and `simplex_points`."""
    figure = new_figure((11, 6), "The aligned family and best-of-n in the simplex, m = 10")
    for axes, drawing in zip(figure.subplots(1, 2), DRAWINGS, strict=True):
        _simplex(
            axes,
            drawing,
            [curve for curve in curves if curve.drawing == drawing.name],
            [point for point in points if point.drawing == drawing.name],
        )
    return figure


def _simplex(axes: Axes, drawing: Drawing, curves: Sequence[CurvePoint], points: Sequence[MarkedPoint]) -> None:
    axes.plot(*_cartesian(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])), color=REFERENCE, lw=0.8)
    for corner, place in (("(1,0,0)", "left"), ("(0,1,0)", "center"), ("(0,0,1)", "right")):
        (x,), (y,) = _cartesian(np.eye(3)[[int(corner[1:-1].split(",").index("1"))]])
        axes.annotate(corner, (x, y), (0, 4 if y > 0 else -14), textcoords="offset points", ha=place, fontsize="small")
    styles = {
        "divergence": (FAMILY, "-", f"D(v‖p) = {drawing.divergence:.4g}"),
        "cross_entropy": (ESTIMATE, "-", f"H(v‖q) = {drawing.level:.5f}"),
        "aligned": (EXACT, "-", "aligned family"),
    }
    for name, (color, style, label) in styles.items():
        axes.plot(
            *_cartesian(_vectors([c for c in curves if c.curve == name])), style, color=color, lw=1.2, label=label
        )
    colors = {"p": FAMILY, "q": BOUND, "aligned": EXACT}
    rings = itertools.cycle((("#c98a1b", 11), ("#7a4e9c", 7)))  # points that fall on one spot stay apart
    for point in points:
        label = {"aligned": f"aligned, D = {point.kl:.4g}"}.get(point.point, point.point)
        at = _cartesian(_vectors([point]))
        if point.point in colors:
            axes.plot(*at, "o", ms=5, color=colors[point.point], label=label)
        else:
            color, size = next(rings)
            axes.plot(*at, "o", ms=size, mfc="none", mec=color, mew=1.6, ls="none", label=label)
    axes.set_title(
        f"as {'its caption says' if drawing.name == 'caption' else 'plotted in the paper'}", fontsize="medium"
    )
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_ylim(-0.36, 0.95)  # room for the legend below the triangle
    axes.legend(frameon=False, fontsize="small", loc="lower center", ncols=3)


def _vectors(points: Sequence[CurvePoint] | Sequence[MarkedPoint]) -> np.ndarray:
    return np.array([(point.v0, point.v1, point.v2) for point in points])


def _cartesian(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of distributions (T, 3): the first letter is at the right corner, the second on top."""
    return v[:, 0] + v[:, 1] / 2, v[:, 1] * np.sqrt(0.75)


def convergence_figure(columns: Columns, title: str, *, curves: Columns | None = None) -> Figure:
    """Draw rewards and divergences against the length of sequences, from the columns of `convergence`.

    Exact curves are those of `curves`, the columns of `exact_convergence`, where given.
    """
    curves = columns if curves is None else curves
    figure = new_figure((13, 4.9), f"Best-of-n with n = exp(δ m) over sequences of m letters: {title}")
    reward, reference, aligned = figure.subplots(1, 3)
    m, dense = columns["m"], curves["m"]

    reward.axhline(columns["reward_limit"][0], color=REFERENCE, ls=":", label="limit, the aligned policy")
    reward.plot(dense, curves["reward_second_order"], color=BOUND, ls="--", label="second order")
    reward.plot(dense, curves["reward"], color=EXACT, label="exact")
    draw_estimates(reward, m, columns["reward_estimate"], 2 * columns["reward_se"])
    reward.set(ylabel="expected reward per token", title="Reward")

    log_n, estimate = curves["log_n"], columns["log_n"] - columns["kl_reference_estimate"]
    reference.plot(dense, log_n - curves["kl_reference_second_order"], color=BOUND, ls="--", label="second order")
    reference.plot(dense, log_n - curves["kl_reference"], color=EXACT, label="exact")
    bound = log_n - curves["kl_reference_bound"]
    reference.plot(dense, bound, color=PALETTE[3], ls=":", lw=2, label="bound  1 − 1/n, on the exact curve")
    draw_estimates(reference, m, estimate, 2 * columns["kl_reference_se"])
    reference.set(ylabel="log n − D(π‖pᵐ) / nats", title="Divergence from the reference")

    aligned.plot(dense, curves["kl_aligned_second_order"], color=BOUND, ls="--", label="second order")
    aligned.plot(dense, curves["kl_aligned"], color=EXACT, label="exact")
    draw_estimates(aligned, m, columns["kl_aligned_estimate"], 2 * columns["kl_aligned_se"])
    aligned.set(ylabel="D(π‖φᵐ) / nats", title="Divergence from the aligned policy")

    for axes in (reward, reference, aligned):
        axes.set(xscale="log", xlabel="m")
        finish(axes)
    return figure


def rates_figure(columns: Columns, typical: float, title: str, *, curves: Columns | None = None) -> Figure:
    """Draw the three rate functions with their values at one m, from the columns of `rate_functions`.

    The functions are those of `curves`, which `rate_curves` gives, where given.
    """
    curves = columns if curves is None else curves
    m = columns["m"][0]
    figure = new_figure((8, 6), f"Rate functions: {title}")
    axes = figure.subplots()
    tau = columns["tau"]
    for name, label, color in (
        ("reference", "reference", REFERENCE),
        ("aligned", "aligned policy", EXACT),
        ("best_of_n", "best-of-n (infinite beyond the typical level)", BOUND),
    ):
        finite = np.where(np.isfinite(curves[name]), curves[name], np.nan)
        axes.plot(curves["tau"], finite, color=color, label=label)
        # Beyond its typical level best-of-n has one value that a picture could hold, a cross on its own: left out.
        drawn = np.isfinite(columns[name]) & (columns[f"{name}_exact"] <= HIGHEST_RATE)
        exact = np.where(drawn, columns[f"{name}_exact"], np.nan)
        axes.plot(tau, exact, "+", ms=6, color=color, label=f"{label.partition(' (')[0]}: −log P/m, m = {m}")
    axes.axvline(typical, color=ESTIMATE, ls=":", lw=1, label="typical level of the aligned policy")
    axes.set(xlabel="τ = −reward per token", ylabel="rate / nats per token", ylim=(-0.03, HIGHEST_RATE))
    finish(axes)
    return figure


def cumulants_figure(columns: Columns, alpha: float, title: str, *, curves: Columns | None = None) -> Figure:
    """Draw the scaled cumulants of the three laws, from the columns of `scaled_cumulants`.

    The limits are those of `curves`, which `cumulant_curves` gives, where given.
    """
    curves = columns if curves is None else curves
    m = columns["m"][0]
    figure = new_figure((8, 6), f"Scaled cumulants  log E exp(ρ S)/(m ρ): {title}")
    axes = figure.subplots()
    rho = columns["rho"]
    axes.plot(curves["rho"], curves["reference"], color=REFERENCE, label="reference")
    axes.plot(curves["rho"], curves["aligned"], color=EXACT, label="aligned policy")
    axes.plot(curves["rho"], curves["best_of_n"], color=BOUND, label="best-of-n, limit")
    axes.plot(rho, columns["best_of_n_exact"], "o", ms=9, mfc="none", color=BOUND, label=f"best-of-n, m = {m}, exact")
    draw_estimates(axes, rho, columns["best_of_n_estimate"], 2 * columns["best_of_n_se"])
    axes.axvline(alpha, color=ESTIMATE, ls=":", lw=1, label="α: best-of-n is frozen below")
    axes.set(xlabel="ρ", ylabel="scaled cumulant / nats per token")
    finish(axes)
    return figure


def ensembles_figure(columns: Columns) -> Figure:
    """Draw the share of random pairs that keep to the paper's bound, from the columns of `random_ensembles`."""
    figure = new_figure((12, 4.8), "Random p and q: share of pairs with D(π‖φ) below what the paper says")
    kinds = list(dict.fromkeys(columns["q"]))
    panels = figure.subplots(1, len(kinds), sharey=True)
    for axes, q in zip(panels, kinds, strict=True):
        for color, letters in zip(PALETTE, dict.fromkeys(columns["letters"]), strict=False):
            rows = (columns["q"] == q) & (columns["letters"] == letters)
            bound = columns["bound"][rows][0]
            axes.errorbar(
                columns["n"][rows],
                columns["within"][rows],
                np.fmax(2 * columns["within_se"], columns["within_error_bound"])[rows],
                fmt="o-",
                color=color,
                ms=3.5,
                capsize=2,
                label=f"{letters} letters, below {bound:g}",
            )
        axes.set(xscale="log", xlabel="n", title=f"q: {q}", ylim=(-0.05, 1.1))
        finish(axes, legend=False)
    panels[0].set_ylabel(f"share of {columns['pairs'][0]} pairs ± 2 s.e.")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure
