"""Figures, by matplotlib's object-oriented interface: no display, no global state. Needs the extra ``app``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from alignment_fast.errors import BackendUnavailableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXACT, BOUND, ESTIMATE = "#1b5e8c", "#b0463c", "#222222"


def best_of_n_figure(columns: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw expected reward, KL divergence and win rate of best-of-N against n.

    Parameters
    ----------
    columns : mapping of str to ndarray (T,)
        One entry per value of n: ``log_n``, ``expected_reward``, ``reward_sd``, ``expected_reward_estimate``,
        ``expected_reward_se``, ``kl`` (nats), ``kl_bound``, ``win_rate``, ``win_rate_continuous``,
        ``win_rate_estimate``, ``win_rate_se``.
    title : str
        What was aligned, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        With its own Agg canvas; ``figure.savefig(file)`` writes it.

    Raises
    ------
    BackendUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.plot import best_of_n_figure
    >>> names = ["log_n", "expected_reward", "reward_sd", "expected_reward_estimate", "expected_reward_se"]
    >>> names += ["kl", "kl_bound", "win_rate", "win_rate_continuous", "win_rate_estimate", "win_rate_se"]
    >>> figure = best_of_n_figure({name: np.array([0.0, 1.0, 2.0]) for name in names}, "three points")
    >>> len(figure.axes)
    3

    """
    figure = new_figure((13, 4.2), f"Best-of-n: {title}")
    from matplotlib.ticker import MaxNLocator

    reward, kl, win = figure.subplots(1, 3)
    x = columns["log_n"] / np.log(10)  # an axis of n itself would end where n overflows

    mean, spread = columns["expected_reward"], columns["reward_sd"]
    reward.fill_between(x, mean - spread, mean + spread, color=EXACT, alpha=0.12, lw=0, label="± 1 standard deviation")
    reward.plot(x, mean, color=EXACT, label="exact")
    draw_estimates(reward, x, columns["expected_reward_estimate"], columns["expected_reward_se"])
    reward.set(ylabel="expected reward", title="Reward of the best of n")

    kl.plot(x, columns["kl_bound"], color=BOUND, ls="--", label="bound  log n − (n − 1)/n")
    kl.plot(x, columns["kl"], color=EXACT, label="exact")
    kl.set(ylabel="KL from the reference / nats", title="Distance from the reference")

    win.plot(x, columns["win_rate_continuous"], color=BOUND, ls="--", label="continuous rewards  n/(n + 1)")
    win.plot(x, columns["win_rate"], color=EXACT, label="exact")
    draw_estimates(win, x, columns["win_rate_estimate"], columns["win_rate_se"])
    win.set(ylabel="win rate against one draw, ties ½", title="Win rate")

    for axes in (reward, kl, win):
        axes.set_xlabel("n")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.set_major_formatter(_power_of_ten)
        finish(axes)
    return figure


def curve_figure(columns: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw best-of-n curves that were estimated from pools of samples, with bands of two standard errors.

    Parameters
    ----------
    columns : mapping of str to ndarray (T,)
        One entry per value of n: ``n``, ``kl_bound`` (nats), and ``score`` or ``pass``, each with ``..._se``. With
        ``value`` and ``value_se`` there is a second panel: gold values against √KL, and the curve fitted to them if
        there is ``value_fit``.
    title : str
        Where the samples came from, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        With its own Agg canvas; ``figure.savefig(file)`` writes it.

    Raises
    ------
    BackendUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.plot import curve_figure
    >>> names = ["n", "kl_bound", "score", "score_se", "value", "value_se"]
    >>> figure = curve_figure({name: np.array([1.0, 2.0, 4.0]) for name in names}, "three points")
    >>> len(figure.axes)
    2

    """
    name, label = ("pass", "pass@n") if "pass" in columns else ("score", "expected score")
    panels = 2 if "value" in columns else 1
    figure = new_figure((5.2 * panels, 4.2), f"Best-of-n from samples: {title}")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _band(axes[0], columns["n"], columns[name], columns[f"{name}_se"], "estimate ± 2 s.e.")
    axes[0].set(xscale="log", xlabel="n", ylabel=label)
    if panels == 2:
        d = np.sqrt(columns["kl_bound"])
        _band(axes[1], d, columns["value"], columns["value_se"], "gold value ± 2 s.e.")
        if "value_fit" in columns:
            axes[1].plot(d, columns["value_fit"], color=BOUND, ls="--", label="fit  d (α − β d)")
        axes[1].set(xlabel="d = √KL bound / √nats", ylabel="expected gold value")
    for panel in axes:
        finish(panel)
    return figure


def rank_figure(columns: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw scores with their intervals, the best item on top, and beside them who beats whom how surely.

    Parameters
    ----------
    columns : mapping of str to ndarray (K,)
        ``item`` and ``score``, the best first; perhaps ``low`` and ``high``; and ``win_probability`` (K, K), that of
        the row against the column.
    title : str
        Where the votes came from, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        With its own Agg canvas; ``figure.savefig(file)`` writes it.

    Raises
    ------
    BackendUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.plot import rank_figure
    >>> columns = {"item": np.array(["a", "b"]), "score": np.array([0.5, -0.5]), "win_probability": np.eye(2)}
    >>> len(rank_figure(columns, "two items").axes)
    3

    """
    items, place = [str(item) for item in columns["item"]], np.arange(len(columns["item"]))
    height = max(4.2, 1.2 + 0.22 * len(items))
    figure = new_figure((2.2 * height, height), f"Ranking: {title}")
    scores, matrix = figure.subplots(1, 2)
    if "low" in columns:
        error = np.abs(np.stack([columns["low"], columns["high"]]) - columns["score"])
        scores.errorbar(
            columns["score"], place, xerr=error, fmt="none", ecolor=EXACT, lw=1.5, capsize=2, label="interval"
        )
    scores.plot(columns["score"], place, "o", ms=4, color=EXACT, label="score")
    scores.set(xlabel="score / logits", ylim=(len(items) - 0.5, -0.5))
    finish(scores)
    image = matrix.imshow(columns["win_probability"], cmap="RdBu", vmin=0.0, vmax=1.0, aspect="equal")
    figure.colorbar(image, ax=matrix, label="P(row beats column)", shrink=0.8)
    matrix.set_xticks(place, items, rotation=90, fontsize="x-small", parse_math=False)
    for axes in (scores, matrix):
        axes.set_yticks(place, items, fontsize="x-small", parse_math=False)
    return figure


def new_figure(size: tuple[float, float], title: str) -> "Figure":
    """Return an empty figure of a size in inches; without matplotlib, BackendUnavailableError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendUnavailableError('figures need matplotlib: pip install "alignment-fast[app]"') from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, parse_math=False)
    return figure


def finish(axes: "Axes") -> None:
    """Give `axes` the look of all figures: grid, legend, no frame above and on the right."""
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")


def _band(axes: "Axes", x: np.ndarray, mean: np.ndarray, standard_error: np.ndarray, label: str) -> None:
    axes.fill_between(x, mean - 2 * standard_error, mean + 2 * standard_error, color=EXACT, alpha=0.18, lw=0)
    axes.plot(x, mean, "o-", ms=3.5, color=EXACT, label=label)


def draw_estimates(axes: "Axes", x: np.ndarray, mean: np.ndarray, standard_error: np.ndarray) -> None:
    """Draw Monte Carlo estimates with bars of two standard errors."""
    axes.errorbar(
        x, mean, 2 * standard_error, fmt="o", ms=3.5, lw=1, capsize=2, color=ESTIMATE, label="Monte Carlo ± 2 s.e."
    )


def _power_of_ten(position: float, _: Any) -> str:
    return f"$10^{{{position:g}}}$"
