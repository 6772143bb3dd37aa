"""Write ``losses.md`` from the table of preference losses: python -P docs/generated/losses.py."""

from pathlib import Path

import alignment_fast as af
from alignment_fast.pairwise.loss_types import SCORES

PAGE = Path(__file__).with_suffix(".md")
HEAD = """\
# Preference losses

Written by `docs/generated/losses.py` from `af.pairwise.LOSS_TYPES`; a test keeps it current. `l(x) = -log σ(x)`; `a`
are log-probabilities under the policy, `b` under the reference, `ρ = a - b`, `n` lengths; `w` is the chosen answer, `l`
the rejected one; `Δ = s(ρ_w) - s(ρ_l)` with the score map `s` of `score=`; β is `beta`, the KL coefficient, ε
`label_smoothing`, γ `gamma`, λ `lam`, α `alpha`, τ `tau`, δ `delta`. λ_w and λ_l of single answers are
`desirable_weight` and `undesirable_weight`.

| loss_type | loss of one pair | parameters | label smoothing | score maps | source |
|---|---|---|---|---|---|
"""
SCORE_HEAD = """
## Score maps

| score | s(ρ) |
|---|---|
"""
SCORE_FOOT = """
The exponential maps saturate for finite log-ratios at 2^110 in float32 and 2^900 in float64, so that losses and
gradients of finite log-probabilities are finite. Squares of margins and exponentials of scores saturate there too.
"""
LIBRARIES = """
## Other libraries

- Label smoothing of `sigmoid`: TRL ignores it from 0.29 on (leave it 0); TRL before, OpenRLHF, torchtune and Liger have
  the form here. TRL and Liger smooth `simpo` too; the paper and this library do not.
- Scores of `ipo`: divided by lengths in TRL from 0.28 on (give `chosen_length` and `rejected_length`), not in OpenRLHF
  or the paper (do not).
- `exo_pair` with ε = 0: an error here and in TRL from 0.29 on, 1e-3 in TRL before.
- Shift of `bco_pair`: a running mean of rewards in TRL up to 0.28; here `delta`.
- Negative log-likelihood of `cpo` and `orpo`: a token mean over the batch in TRL; here −a_w of each pair, divided
  by its length where lengths are given.
- Reference point of `kto`: TRL's estimate is in nats, inside β (ρ − KL); here `kl` is in units of the reward, as
  `af.pairwise.batch_kl` computes it.
"""


def row(name, loss):
    """Return the line of one loss."""
    parameters = ", ".join(f"{key} = {value:g}" for key, value in loss.parameters.items())
    cells = f"`{name}`", loss.formula, parameters, loss.smoothing or "", "yes" if loss.has_scores else "", loss.source
    return f"| {' | '.join(cells)} |"


def page():
    """Return the text of the page."""
    losses = "".join(f"{row(*item)}\n" for item in af.pairwise.LOSS_TYPES.items())
    scores = "".join(f"| `{name}` | {score.formula} |\n" for name, score in SCORES.items())
    return HEAD + losses + SCORE_HEAD + scores + SCORE_FOOT + LIBRARIES


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
