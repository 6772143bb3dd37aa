"""How ``alignment-fast reproduce sampling`` prints its results: tables with their columns."""

from collections.abc import Iterator, Sequence
from typing import Any

from alignment_fast.commands.printing.results import Printed

__all__ = ["TABLES", "summary_rows"]


TABLES = (
    Printed(
        "oscillation",
        "Three responses in a cycle: 3000 rounds, statistics of the last 1000",
        {
            "method": ("method", ""),
            "case": ("case", ""),
            "alpha": ("α", "g"),
            "beta": ("β", "g"),
            "lam": ("λ", "g"),
            "spectral_radius": ("ρ", ".4f"),
            "cycle_strength": ("cycle strength", ".6f"),
            "period": ("period", ".2f"),
            "entropy_min": ("entropy from", ".4f"),
            "entropy_max": ("to", ".4f"),
        },
        "ρ < 1: the uniform policy attracts. Cycle strength is the variance over time, mean over responses.",
    ),
    Printed(
        "thresholds",
        "β·λ at which the uniform policy of the cycle loses its stability",
        {
            "method": ("method", ""),
            "alpha": ("α", "g"),
            "exact": ("exact", ".12f"),
            "bisection": ("by bisection", ".12f"),
            "below": ("strength 2 % below", ".1e"),
            "above": ("2 % above", ".1e"),
        },
        "Exact: α² + a²β²λ²/3 = 1 for IPO, α² + 16 a²β²λ²/3 = 1 for DPO, a = 0.4.",
    ),
    Printed(
        "exponents",
        "Largest Lyapunov exponent on the cycle, α = 0.48, λ = 1",
        {
            "method": ("method", ""),
            "beta": ("β", "g"),
            "spectral_radius": ("ρ", ".3f"),
            "lyapunov": ("exponent", ".4f"),
            "cycle_strength": ("cycle strength", ".6f"),
            "period": ("period", ".2f"),
        },
        "Negative: a fixed point or an orbit that has locked; zero: rotation; positive: chaos.",
        lambda row: round(row.beta * (4 if row.method == "dpo" else 1), 6) % 5 == 0,
    ),
    Printed(
        "collapse",
        "Entropy after 3000 rounds on strongly transitive preferences, λ = 1",
        {
            "method": ("method", ""),
            "alpha": ("α", "g"),
            "beta": ("β", "g"),
            "ratio": ("β/(1 − α)", ".4g"),
            "entropy": ("entropy", ".6g"),
            "top": ("largest π", ".9f"),
        },
        "It depends on α and β by way of β/(1 − α) only.",
        lambda row: row.beta == 1.0 or abs(row.ratio - 10) < 1e-9,
    ),
    Printed(
        "collapse_paths",
        "The same at α = λ = 1, β = 0.5: nothing holds the policy back",
        {
            "method": ("method", ""),
            "t": ("round", "d"),
            "entropy": ("entropy", ".6g"),
            "gap": ("log π₀/π₁", ".6f"),
            "growth": ("growth per round", ".9f"),
            "growth_predicted": ("in the end", ".9f"),
        },
    ),
)


def summary_rows(rows: Sequence[Any]) -> Iterator[Printed]:
    """Yield the table of the sweep: the corners of the grid of α and β of every source, method and kind."""
    alphas = {row.alpha for row in rows}
    betas = {method: {row.beta for row in rows if row.method == method} for method in {row.method for row in rows}}
    yield Printed(
        "sweep",
        "Sweep, λ = 1: the corners of its grid",
        {
            "source": ("source", ""),
            "method": ("method", ""),
            "kind": ("kind", ""),
            "matrices": ("matrices", "d"),
            "alpha": ("α", ".3g"),
            "beta": ("β", ".3g"),
            "oscillating": ("oscillating", ".3f"),
            "cycle_strength": ("cycle strength", ".3g"),
            "entropy": ("mean entropy", ".4g"),
            "entropy_low": ("5 %", ".3g"),
            "entropy_high": ("95 %", ".3g"),
        },
        "Oscillating: share of the matrices with a mean variance over time above 10⁻⁶ that have not converged.",
        lambda row: (
            row.alpha in (min(alphas), max(alphas)) and row.beta in (min(betas[row.method]), max(betas[row.method]))
        ),
    )
