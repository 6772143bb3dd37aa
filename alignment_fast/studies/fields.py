"""Columns of the table of a study; the parameters that vary get columns beside them."""

__all__ = ["FIGURES", "LAST", "PLACE", "QUANTILE", "is_field"]

PLACE = ("cell", "estimand", "source", "column")
FIGURES = ("replicates", "dropped", "mean", "standard_error", "low", "high", "variance", "minimum", "maximum", "exact")
# What columns of quantiles begin with.
QUANTILE = "q_"
LAST = ("blocks", "blocks_set_aside", "complete", "note")


def is_field(name: str) -> bool:
    """Return whether the table has a column of this name in every study, or in those with quantiles."""
    return name in (*PLACE, *FIGURES, *LAST) or name.startswith(QUANTILE)
