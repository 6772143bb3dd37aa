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
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise BackendUnavailableError('figures need matplotlib: pip install "alignment-fast[app]"') from error

    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"Best-of-n: {title}", parse_math=False)
    reward, kl, win = figure.subplots(1, 3)
    x = columns["log_n"] / np.log(10)  # an axis of n itself would end where n overflows

    mean, spread = columns["expected_reward"], columns["reward_sd"]
    reward.fill_between(x, mean - spread, mean + spread, color=EXACT, alpha=0.12, lw=0, label="± 1 standard deviation")
    reward.plot(x, mean, color=EXACT, label="exact")
    _estimates(reward, x, columns["expected_reward_estimate"], columns["expected_reward_se"])
    reward.set(ylabel="expected reward", title="Reward of the best of n")

    kl.plot(x, columns["kl_bound"], color=BOUND, ls="--", label="bound  log n − (n − 1)/n")
    kl.plot(x, columns["kl"], color=EXACT, label="exact")
    kl.set(ylabel="KL from the reference / nats", title="Distance from the reference")

    win.plot(x, columns["win_rate_continuous"], color=BOUND, ls="--", label="continuous rewards  n/(n + 1)")
    win.plot(x, columns["win_rate"], color=EXACT, label="exact")
    _estimates(win, x, columns["win_rate_estimate"], columns["win_rate_se"])
    win.set(ylabel="win rate against one draw, ties ½", title="Win rate")

    for axes in (reward, kl, win):
        axes.set_xlabel("n")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.set_major_formatter(_power_of_ten)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small")
    return figure


def _estimates(axes: "Axes", x: np.ndarray, mean: np.ndarray, standard_error: np.ndarray) -> None:
    axes.errorbar(
        x, mean, 2 * standard_error, fmt="o", ms=3.5, lw=1, capsize=2, color=ESTIMATE, label="Monte Carlo ± 2 s.e."
    )


def _power_of_ten(position: float, _: Any) -> str:
    return f"$10^{{{position:g}}}$"
