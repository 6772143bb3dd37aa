"""Write ``models.md`` from the table of comparison models: python -P docs/generated/models.py."""

from pathlib import Path

from alignment_fast.ranking._models import MODELS

PAGE = Path(__file__).with_suffix(".md")
HEAD = """\
# Comparison models

Written by `docs/generated/models.py` from the table of models behind `af.ranking.fit`; a test keeps it current. `d` is
the score of the first item less that of the second, with the home advantage of who is at home and `xᵀβ` of covariates;
P(second wins) is P(first wins) at `-d`. `σ(x) = 1/(1 + e^-x)`, `Φ` is the normal distribution function.

| model | P(first wins) | a tie is | tie parameter | scores in | priors | bias reduction | source |
|---|---|---|---|---|---|---|---|
"""
FOOT = r"""
## Finite maxima

Without a prior the maximum is finite if and only if no direction raises the likelihood for ever: no differences `D` of
the scores (with home advantage and covariates), and `κ`, the change of `log θ` or of `2 log ν`, for which all outcomes
seen stay possible, but not all of them stay as they are.

| a tie is | first wins | second wins | tie |
|---|---|---|---|
| half a win for each | D ≥ 0 | −D ≥ 0 | D = 0 |
| an outcome of its own | D ≥ κ | −D ≥ κ | κ ≥ \|D\| |

`Comparisons.existence` and the fits decide this; a prior on the scores leaves only directions of the other parameters.

## Common to all

Where nothing was tied, a model with a tie parameter is Bradley-Terry, and the parameter has its least value. The prior
`l2` is Gaussian, `gamma_shape` that of a Gamma distribution of `e^θ`. All models take a home advantage, covariates of
each comparison, and the bootstrap. Rankings (`af.ranking.fit_plackett_luce`) are sequences of choices, each with the
probability `e^θ_chosen / Σ e^θ` over what is left; two items are compared as by Bradley-Terry.
"""


def row(name, model):
    """Return the line of one model."""
    tie = "an outcome of its own" if model.tie else "half a win for each"
    parameter = f"{model.tie.symbol}, {model.tie.condition}" if model.tie else ""
    priors, reduction = ", ".join(f"`{prior}`" for prior in model.priors), "yes" if model.has_bias_reduction else ""
    cells = (f"`{name}`", model.formula, tie, parameter, model.unit, priors, reduction, model.source)
    return f"| {' | '.join(cells)} |"


def page():
    """Return the text of the page."""
    return HEAD + "\n".join(row(*item) for item in MODELS.items()) + "\n" + FOOT


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
