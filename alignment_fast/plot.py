"""Figures, by matplotlib's object-oriented interface: no display, no global state. Needs the extra ``app``."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from alignment_fast._border.words import as_word
from alignment_fast._text import shortened_apart, visible, width_of
from alignment_fast.errors import BackendUnavailableError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# The palette of all figures: colours that most eyes tell apart, in print too.
EXACT, BOUND, ESTIMATE, REFERENCE, FAMILY = "#1b5e8c", "#b0463c", "#222222", "#8a8a8a", "#3f8f5f"
PALETTE = (EXACT, BOUND, FAMILY, "#c98a1b", "#7a4e9c")
# Below so many powers of ten an axis of n shows numbers, not powers.
FEW_DECADES = 2.2
# A ranking is drawn in columns of at most so many items; in cells of a matrix of so many items numbers can be read,
# and beside so many every place.
ITEMS_IN_COLUMN, MOST_NUMBERED, MOST_PLACES = 60, 30, 40
# Size of a number by that of its cell.
NUMBER_IN_CELL = 0.47
LONGEST_NAME = 28
# A fit that misses by less goes through its points.
NOTHING = 1e-9
# Inches from axes down to their legend: room for ticks and a label.
LEGEND_BELOW = 0.55


def best_of_n_figure(
    columns: Mapping[str, np.ndarray], title: str, *, curves: Mapping[str, np.ndarray] | None = None
) -> "Figure":
    """Draw expected reward, KL divergence and win rate of best-of-N against n.

    Parameters
    ----------
    columns : mapping of str to ndarray (T,)
        One entry per value of n: ``log_n``, ``expected_reward``, ``reward_sd``, ``expected_reward_estimate``,
        ``expected_reward_se``, ``kl`` (nats), ``kl_bound``, ``win_rate``, ``win_rate_continuous``,
        ``win_rate_estimate``, ``win_rate_se``.
    title : str
        What was aligned, for the title.
    curves : mapping of str to ndarray (S,), optional
        The exact columns on a denser grid. Default: those of `columns`.

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
    curves = columns if curves is None else curves
    figure = new_figure((13, 4.8), f"Best-of-n: {title}")
    reward, kl, win = figure.subplots(1, 3)
    # An axis of n itself would end where n overflows.
    x, dense = columns["log_n"] / np.log(10), curves["log_n"] / np.log(10)

    mean, spread = curves["expected_reward"], curves["reward_sd"]
    low, high = mean - spread, mean + spread
    reward.fill_between(dense, low, high, color=EXACT, alpha=0.12, lw=0, label="± 1 standard deviation")
    reward.plot(dense, mean, color=EXACT, label="exact")
    draw_estimates(reward, x, columns["expected_reward_estimate"], _spread(columns, "expected_reward"))
    reward.set(ylabel="expected reward", title="Reward of the best of n")

    kl.plot(dense, curves["kl_bound"], color=BOUND, ls="--", label="bound  log n − (n − 1)/n")
    kl.plot(dense, curves["kl"], color=EXACT, label="exact")
    kl.set(ylabel="KL from the reference / nats", title="Distance from the reference")

    win.plot(dense, curves["win_rate_continuous"], color=BOUND, ls="--", label="continuous rewards  n/(n + 1)")
    win.plot(dense, curves["win_rate"], color=EXACT, label="exact")
    draw_estimates(win, x, columns["win_rate_estimate"], _spread(columns, "win_rate"))
    win.set(ylabel="win rate against one draw, ties ½", title="Win rate")

    for axes in (reward, kl, win):
        axes.set_xlabel("n")
        _ticks_of_n(axes, x)
        finish(axes, 1)
    return figure


def curve_figure(
    columns: Mapping[str, np.ndarray], title: str, *, fitted: tuple[np.ndarray, np.ndarray] | None = None
) -> "Figure":
    """Draw best-of-n curves that were estimated from pools of samples, with bands of two standard errors.

    Parameters
    ----------
    columns : mapping of str to ndarray (T,)
        One entry per value of n: ``n``, ``kl_bound`` (nats), and ``score`` or ``pass``, each with ``..._se``. With
        ``value`` and ``value_se`` there is a second panel: gold values against √KL, and the curve fitted to them if
        there is ``value_fit``.
    title : str
        Where the samples came from, for the title.
    fitted : tuple of ndarray (S,), optional
        The fitted curve on a denser grid: √KL and values. Default: ``value_fit`` at every n.

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
    figure = new_figure((5.2 * panels, 4.6), f"Best-of-n from samples: {title}")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    x = np.log10(columns["n"])
    _band(axes[0], x, columns[name], _spread(columns, name), "estimate ± 2 s.e.", (0, 1) if name == "pass" else None)
    axes[0].set(xlabel="n", ylabel=label)
    _ticks_of_n(axes[0], x)
    if panels == 2:
        d = np.sqrt(columns["kl_bound"])
        _band(axes[1], d, columns["value"], _spread(columns, "value"), "gold value ± 2 s.e.")
        if "value_fit" in columns:
            miss = float(np.max(np.abs(columns["value"] - columns["value_fit"])))
            off = f"off by at most {miss:.2g}" if miss > NOTHING else "through all points"
            curve = (d, columns["value_fit"]) if fitted is None else fitted
            axes[1].plot(*curve, color=BOUND, ls="--", label=f"fit  d (α − β d), {off}")
        axes[1].set(xlabel="d = √KL bound / √nats", ylabel="expected gold value")
    for panel in axes:
        finish(panel, 1)
    return figure


def pass_at_k_figure(columns: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw pass@k by the difficulty of problems, with its interval, and unbiased estimates as far as they go.

    Parameters
    ----------
    columns : mapping of str to ndarray (T,)
        ``k``, ascending; ``pass`` and ``pass_all`` with ``..._se``, NaN beyond the samples; ``fit``, ``fit_low``,
        ``fit_high``.
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
    >>> from alignment_fast.plot import pass_at_k_figure
    >>> names = ["k", "pass", "pass_se", "pass_all", "pass_all_se", "fit", "fit_low", "fit_high"]
    >>> len(pass_at_k_figure({name: np.array([0.1, 0.2, 0.4]) for name in names}, "three points").axes)
    1

    """
    figure = new_figure((6.4, 4.8), f"Pass@k: {title}")
    axes = figure.subplots(1, 1)
    x = np.log10(columns["k"])
    axes.fill_between(x, columns["fit_low"], columns["fit_high"], color=EXACT, alpha=0.15, lw=0, label="interval")
    axes.plot(x, columns["fit"], color=EXACT, label="pass@k, by the difficulty of problems")
    draw_estimates(axes, x, columns["pass"], _spread(columns, "pass"))
    axes.plot(x, columns["pass_all"], color=BOUND, ls="--", label="pass^k, all right")
    axes.set(xlabel="k", ylabel="chance", ylim=(-0.02, 1.02))
    _ticks_of_n(axes, x)
    finish(axes, 1)
    return figure


def gain_figure(columns: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw the frontier of reward against divergence with its band, and best-of-n below it.

    Parameters
    ----------
    columns : mapping of str to ndarray (T,)
        ``kl``, ascending; ``gain``, ``gain_low``, ``gain_high`` (inf where it is open), ``best_of_n``; with
        ``gold_gain`` and ``gold_achievable`` there is a second panel.
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
    >>> from alignment_fast.plot import gain_figure
    >>> names = ["kl", "gain", "gain_low", "gain_high", "best_of_n", "gold_gain", "gold_achievable"]
    >>> len(gain_figure({name: np.array([0.1, 0.2, 0.4]) for name in names}, "three points").axes)
    2

    """
    panels = 2 if "gold_gain" in columns else 1
    figure = new_figure((5.6 * panels, 4.8), f"Gain in reward: {title}")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    d = np.sqrt(columns["kl"])
    known = np.isfinite(columns["gain_high"])
    low, high = columns["gain_low"][known], columns["gain_high"][known]
    axes[0].fill_between(d[known], low, high, color=EXACT, alpha=0.15, lw=0, label="interval")
    axes[0].plot(d, columns["gain"], color=EXACT, label="the best policy")
    axes[0].plot(d, columns["best_of_n"], color=BOUND, ls="--", label="best-of-n")
    axes[0].set(xlabel="√KL / √nats", ylabel="gain in reward")
    if panels == 2:
        axes[1].plot(d, columns["gold_achievable"], color=EXACT, label="best for the gold reward")
        axes[1].plot(d, columns["gold_gain"], color=FAMILY, label="best for the reward")
        axes[1].set(xlabel="√KL / √nats", ylabel="gain in gold reward")
    for panel in axes:
        finish(panel, 1)
    return figure


def rank_figure(
    columns: Mapping[str, np.ndarray],
    title: str,
    *,
    scale: str = "elo",
    level: float | None = None,
    left_out: int = 0,
    mean: float = 1000.0,
) -> "Figure":
    """Draw scores with their intervals, the best item on top, and beside them who beats whom how surely.

    Parameters
    ----------
    columns : mapping of str to ndarray (K,)
        ``item`` and ``score`` (logits), the best first; perhaps ``low`` and ``high``; and ``win_probability`` (K, K),
        that of the row against the column.
    title : str
        Where the votes came from, for the title.
    scale : {"elo", "logits"}
        Units of the axis: Elo is `mean` + 400 / ln 10 times the score.
    level : float, optional
        Confidence of the intervals, for the caption.
    left_out : int
        How many items have a score and are not drawn, for the caption.
    mean : float
        Elo of the score 0.

    Returns
    -------
    matplotlib.figure.Figure
        With its own Agg canvas; ``figure.savefig(file)`` writes it. More than 60 items stand in several columns.

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
    names = shortened_apart([visible(str(item)) for item in columns["item"]], LONGEST_NAME)
    count = len(names)
    panels = -(-count // ITEMS_IN_COLUMN)
    rows = -(-count // panels)
    matrix_side = max(3.4, min(0.21 * count, 7.0))
    widths = [(2.6 if panels == 1 else 1.9) + 0.075 * max(map(width_of, names))] * panels + [matrix_side + 1.8]
    height = max(1.6 + 0.19 * rows, matrix_side + 1.2)
    figure = new_figure((sum(widths), height), f"Ranking: {title}")
    *scores, matrix = figure.subplots(1, panels + 1, width_ratios=widths, squeeze=False)[0]
    points = {name: _on_scale(columns[name], scale, mean) for name in ("score", "low", "high") if name in columns}
    for panel, axes in enumerate(scores):
        part = slice(panel * rows, min((panel + 1) * rows, count))
        _draw_scores(axes, names[part], {name: values[part] for name, values in points.items()}, part.start)
        axes.set(ylim=(rows - 0.5, -0.5), xlabel="Elo" if scale == "elo" else "score / logits")
    scores[0].set_title(_rank_caption("low" in columns, level, left_out), fontsize="small", loc="left")
    cell = 72 * matrix_side / count
    _draw_matrix(figure, matrix, np.asarray(columns["win_probability"]), min(NUMBER_IN_CELL * cell, 9.0))
    return figure


def board_figure(
    columns: Mapping[str, np.ndarray], title: str, *, axis: str, level: float | None = None, left_out: int = 0
) -> "Figure":
    """Draw scores with their intervals, the best item on top, over bands of the tiers they belong to.

    Parameters
    ----------
    columns : mapping of str to ndarray (K,)
        ``item`` and ``score``, the best first; perhaps ``low`` and ``high``; perhaps ``tier``.
    title : str
        Title of the figure.
    axis : str
        What scores are, and in which unit.
    level : float, optional
        Confidence of the intervals, for the caption.
    left_out : int
        How many items have a score and are not drawn, for the caption.

    Returns
    -------
    matplotlib.figure.Figure
        With its own Agg canvas; ``figure.savefig(file)`` writes it. More than 60 items stand in several columns.

    Raises
    ------
    BackendUnavailableError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.plot import board_figure
    >>> columns = {"item": np.array(["a", "b"]), "score": np.array([0.5, -0.5]), "tier": np.array([1, 2])}
    >>> len(board_figure(columns, "two items", axis="mean").axes)
    1

    """
    names = shortened_apart([visible(str(item)) for item in columns["item"]], LONGEST_NAME)
    count = len(names)
    panels = max(1, -(-count // ITEMS_IN_COLUMN))
    rows = -(-count // panels)
    width = (4.6 if panels == 1 else 2.6) + 0.075 * max(map(width_of, names))
    figure = new_figure((panels * width, 1.6 + 0.19 * max(rows, 2)), title)
    for panel, axes in enumerate(figure.subplots(1, panels, squeeze=False)[0]):
        part = slice(panel * rows, min((panel + 1) * rows, count))
        points = {name: np.asarray(columns[name])[part] for name in ("score", "low", "high") if name in columns}
        _draw_scores(axes, names[part], points, part.start)
        if "tier" in columns:
            _draw_tiers(axes, np.asarray(columns["tier"])[part])
        axes.set(ylim=(rows - 0.5, -0.5), xlabel=axis)
        if panel == 0:
            axes.set_title(_rank_caption("low" in columns, level, left_out), fontsize="small", loc="left")
    return figure


def _draw_tiers(axes: "Axes", tier: np.ndarray) -> None:
    """Shade every other run of items of one tier, and name its tier beside it."""
    starts = [0, *(np.flatnonzero(np.diff(tier)) + 1).tolist(), len(tier)]
    for start, end in pairwise(starts):
        if tier[start] % 2:
            axes.axhspan(start - 0.5, end - 0.5, color=EXACT, alpha=0.08, lw=0)
        middle, place = 0.5 * (start + end - 1), axes.get_yaxis_transform()
        text = axes.text(1.01, middle, f"tier {tier[start]}", transform=place, fontsize=7, color=REFERENCE)
        text.set(ha="left", va="center")


def _on_scale(score: np.ndarray, scale: str, mean: float) -> np.ndarray:
    as_word(scale, "scale", ("elo", "logits"))
    return mean + 400 / np.log(10) * score if scale == "elo" else np.asarray(score)


def _rank_caption(intervals: bool, level: float | None, left_out: int) -> str:
    parts = ["points: scores"]
    if intervals:
        parts.append("bars: intervals" if level is None else f"bars: {100 * level:.4g} % intervals")
    if left_out:
        parts.append(f"{left_out} more are not drawn")
    return "; ".join(parts)


def _draw_scores(axes: "Axes", names: Sequence[str], points: Mapping[str, np.ndarray], before: int) -> None:
    place = np.arange(len(names))
    if "low" in points:
        axes.hlines(place, points["low"], points["high"], color=EXACT, lw=1.6, alpha=0.55)
    axes.plot(points["score"], place, "o", ms=4, color=EXACT)
    axes.set_yticks(
        place,
        [f"{name}  {before + number}" for number, name in enumerate(names, start=1)],
        fontsize=8,
        parse_math=False,
    )
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_matrix(figure: "Figure", axes: "Axes", win: np.ndarray, number_size: float) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    count = len(win)
    colors = LinearSegmentedColormap.from_list("wins", [BOUND, "#f7f4ef", EXACT])
    shown = np.where(np.eye(count, dtype=bool), 0.5, win)
    spread = max(float(np.abs(shown - 0.5).max()), 0.01)
    image = axes.imshow(shown, cmap=colors, vmin=0.5 - spread, vmax=0.5 + spread, aspect="equal")
    figure.colorbar(image, ax=axes, label="P(row beats column)", shrink=0.6)
    if count <= MOST_NUMBERED:
        for (row, column), value in np.ndenumerate(shown):
            if row != column:
                color = "white" if abs(value - 0.5) > 0.6 * spread else ESTIMATE
                text = f"{100 * value:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=number_size, color=color)
        axes.set_title("percent", fontsize="small")
    step = 1 if count <= MOST_PLACES else next(step for step in (10, 20, 50, 100, 200, 500) if count <= 12 * step)
    places = [1, *range(max(step, 2), count + 1, step)]
    for ticks in (axes.set_xticks, axes.set_yticks):
        ticks([place - 1 for place in places], [str(place) for place in places], fontsize=8 if step > 1 else 7)
    axes.set(xlabel="place in the ranking", ylabel="place in the ranking")


def new_figure(size: tuple[float, float], title: str) -> "Figure":
    """Return an empty figure of a size in inches; without matplotlib, BackendUnavailableError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendUnavailableError('figures need matplotlib: pip install "alignment-fast[app]"') from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(visible(title), parse_math=False)
    return figure


def finish(axes: "Axes", legend_columns: int = 2, *, legend: bool = True) -> None:
    """Give `axes` the look of all figures: grid, legend below, no frame above and on the right."""
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        legend_below(axes, legend_columns)


def legend_below(axes: "Axes", columns: int = 2) -> None:
    """Put the legend of `axes` under their label, where nothing is drawn."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    axes.legend(
        frameon=False,
        fontsize="small",
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=axes.transAxes + ScaledTranslation(0, -LEGEND_BELOW, figure.dpi_scale_trans),
        ncols=columns,
        borderaxespad=0.0,
    )


def decades(axis: "Axis") -> None:
    """Let an axis of common logarithms show powers of ten, at even steps."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(_power_of_ten)


def _ticks_of_n(axes: "Axes", x: np.ndarray) -> None:
    """Let an axis of log10 n show n: powers of ten, or where these are few 1, 2, 5, 10, ..."""
    low, high = float(np.min(x)), float(np.max(x))
    if high - low > FEW_DECADES:
        decades(axes.xaxis)
        return
    steps = (1, 2, 3, 5) if high - low <= 1.5 else (1, 2, 5)
    values = [step * 10.0**power for power in range(int(low) - 1, int(high) + 2) for step in steps]
    ticks = [value for value in values if 10 ** (low - 1e-9) <= value <= 10 ** (high + 1e-9)]
    ticks = ticks if len(ticks) > 1 else sorted({round(10**low, 6), round(10**high, 6)})
    axes.set_xticks(np.log10(ticks), [f"{value:g}" for value in ticks])


def _spread(columns: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return two standard errors of each estimate, or the bound on its error where there is none of them."""
    spread = 2 * np.asarray(columns[f"{name}_se"])
    bound = columns.get(f"{name}_error_bound")
    return spread if bound is None else np.where(np.isnan(spread), bound, spread)


def _band(
    axes: "Axes",
    x: np.ndarray,
    mean: np.ndarray,
    spread: np.ndarray,
    label: str,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw estimates with a band of `spread`, which ends where no value can be."""
    low, high = mean - spread, mean + spread
    low, high = (low, high) if limits is None else (np.clip(low, *limits), np.clip(high, *limits))
    axes.fill_between(x, low, high, color=EXACT, alpha=0.18, lw=0)
    axes.plot(x, mean, "o-", ms=3.5, color=EXACT, label=label)


def draw_estimates(axes: "Axes", x: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> None:
    """Draw Monte Carlo estimates with bars of `spread`, two standard errors."""
    axes.errorbar(x, mean, spread, fmt="o", ms=3.5, lw=1, capsize=2, color=ESTIMATE, label="Monte Carlo ± 2 s.e.")


def _power_of_ten(position: float, _: Any) -> str:
    return f"$10^{{{position:g}}}$"
