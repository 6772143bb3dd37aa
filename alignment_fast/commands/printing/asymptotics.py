"""How ``alignment-fast reproduce asymptotics`` prints its results: for each, the tables with their columns."""

from typing import Any

from alignment_fast.commands.printing.results import Printed
from alignment_fast.commands.printing.terminal import BOUND_NOTE

__all__ = ["TABLES"]


def _estimate(field: str, style: str) -> dict[str, tuple[str, str]]:
    return {f"{field}_estimate": ("estimate", style), f"{field}_se": ("s.e.", ".2g")}


def _law(law: str, heading: str, styles: tuple[str, str, str]) -> dict[str, tuple[str, str]]:
    limit, exact, estimate = styles
    columns = {law: (heading, limit), f"{law}_exact": ("exact", exact), **_estimate(law, estimate)}
    return {field: column for field, column in columns.items() if column[1]}


def _even(row: Any) -> bool:
    return round(20 * row.tau) % 2 == 0


# Columns fit into 80 characters or a little more; all of them are in the CSV files.
TABLES = (
    Printed(
        "table_1",
        "Table 1: the best of two sequences of two letters; p = (1/5, 3/10, 1/2), e^r = (6, 1, 2)",
        {
            "first": ("first", ""),
            "second": ("second", ""),
            "exact": ("exact", ""),
            "probability": ("probability", ".6f"),
            "estimate": ("estimate", ".6f"),
            "se": ("s.e.", ".2g"),
        },
        "Exchangeable, not independent; * is any letter.",
    ),
    Printed(
        "figure_1_points",
        "Figure 1: its points, as its caption says and as it is plotted; best-of-n is the mean type, m = 10",
        {
            "drawing": ("figure 1", ""),
            "point": ("point", ""),
            "v0": ("v0", ".6f"),
            **_estimate("v0", ".6f"),
            "v1": ("v1", ".6f"),
            "kl": ("D(v‖p)", ".6f"),
            "cross_entropy": ("H(v‖q)", ".6f"),
        },
        "The dot of the paper is the best of 8; that of exp(1.1), its caption's, is not near the aligned policy.",
    ),
    Printed(
        "convergence",
        "Best-of-n, n = exp(0.11 m): expected reward per token",
        {
            "m": ("m", "d"),
            "log_n": ("log n", ".4g"),
            "reward": ("reward", ".9f"),
            **_estimate("reward", ".6f"),
            "reward_second_order": ("second order", ".9f"),
            "reward_limit": ("limit", ".9f"),
            "method": ("method", ""),
        },
    ),
    Printed(
        "convergence",
        "Best-of-n, n = exp(0.11 m): divergence of whole sequences from the reference, nats",
        {
            "m": ("m", "d"),
            "kl_reference": ("D(π‖p^m)", ".8f"),
            **_estimate("kl_reference", ".4f"),
            "kl_reference_bound": ("bound", ".8f"),
            "kl_reference_second_order": ("second order", ".8f"),
        },
        "D(π‖p^m)/m tends to 0.11. The bound is log n - (n-1)/n, the second order 0.11 m - 1.",
    ),
    Printed(
        "convergence",
        "Best-of-n, n = exp(0.11 m): divergence of whole sequences from the aligned policy, nats",
        {
            "m": ("m", "d"),
            "kl_aligned": ("D(π‖φ^m)", ".8f"),
            **_estimate("kl_aligned", ".4f"),
            "kl_aligned_second_order": ("second order", ".8f"),
        },
        "D(π‖φ^m)/m tends to 0, but D(π‖φ^m) itself grows like log(m)/2.",
    ),
    Printed(
        "rate_functions",
        "Rate functions of τ = -reward per token; exact: -log(P)/m of τ or beyond at m = 1600",
        {
            "tau": ("τ", ".2f"),
            **_law("reference", "reference", (".6f", ".6f", ".6f")),
            **_law("aligned", "aligned", (".6f", ".6f", ".6f")),
        },
        chosen=_even,
    ),
    Printed(
        "rate_functions",
        "Rate function of best-of-n beside that of the aligned policy, which the paper conjectures it to be",
        {
            "tau": ("τ", ".2f"),
            "aligned": ("aligned", ".6f"),
            **_law("best_of_n", "best-of-n", (".6f", ".6g", ".6g")),
        },
        "They agree at the typical level 1.1899 only. Best-of-n is worse than typical with probabilities that are\n"
        "doubly exponentially small.",
        chosen=_even,
    ),
    Printed(
        "scaled_cumulants",
        "Scaled cumulants log E exp(ρ S)/(m ρ) of the reference and the aligned policy, the same for every m",
        {
            "rho": ("ρ", ".1f"),
            **_law("reference", "reference", (".6f", "", ".4f")),
            **_law("aligned", "aligned", (".6f", "", ".4f")),
        },
    ),
    Printed(
        "scaled_cumulants",
        "Scaled cumulants of best-of-n; exact: at m = 1600",
        {"rho": ("ρ", ".1f"), **_law("best_of_n", "limit", (".6f", ".6f", ".6f"))},
        "Frozen up to ρ = α = 0.7091. Further up every draw weighs the same, so that estimates are exact.",
    ),
    Printed(
        "random_ensembles",
        "Random p and q, 200 pairs each: D(π‖φ), φ the aligned policy of the same divergence from p",
        {
            "q": ("q", ""),
            "letters": ("letters", "d"),
            "n": ("n", "d"),
            "median": ("median", ".2g"),
            "largest": ("largest", ".3g"),
            "bound": ("paper: below", "g"),
            "within": ("share that is", ".3f"),
            "within_se": ("s.e.", ".2g"),
        },
        BOUND_NOTE.format(what="pairs"),
    ),
)
