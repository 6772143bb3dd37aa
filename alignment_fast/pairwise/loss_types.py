"""The table of preference losses: what each needs, where it comes from, and which compiled formula computes it.

A new loss is a row here and, unless it is an old formula of other scores, a function in
``kernels/pairwise/losses.inc``. Public functions, tests and the page ``docs/generated/losses.md`` read this table.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite
from types import MappingProxyType
from typing import NamedTuple

from alignment_fast.kernels.pairwise import cpu

__all__ = ["LOSS_TYPES", "SCORES", "LossType", "Plan", "find", "plan"]


@dataclass(frozen=True)
class LossType:
    """One preference loss.

    Parameters
    ----------
    formula : str
        Loss of one pair; ``l(x) = -log σ(x)``, ``a`` log-probabilities under the policy, ``b`` under the reference,
        ``ρ = a - b``, ``Δ = s(ρ_w) - s(ρ_l)`` with the score map s, ``n`` lengths; ``w`` chosen, ``l`` rejected.
    inputs : tuple of str
        The arrays it needs, by argument name.
    parameters : mapping of str to float
        Its parameters besides beta, with their defaults.
    source : str
        Where the formula comes from.
    kernel : str
        The compiled formula.
    smoothing : str or None
        Interval of `label_smoothing` ε; None where the formula has no ε, and the argument does nothing.
    has_scores : bool
        Whether the score maps of f-divergences apply.
    needs_lengths : bool
        Whether the loss is another one without lengths; all others take lengths too, and divide their scores by them.

    """

    formula: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, float]
    source: str
    kernel: str
    smoothing: str | None = None
    has_scores: bool = False
    needs_lengths: bool = False

    @property
    def has_reference(self) -> bool:
        """Whether the loss looks at the reference policy."""
        return any(name.startswith("ref") for name in self.inputs)

    @property
    def is_paired(self) -> bool:
        """Whether the loss compares a chosen with a rejected answer."""
        return "policy_chosen" in self.inputs

    @property
    def is_matched(self) -> bool:
        """Whether the loss sorts its batch: `kernel` gets differences of sorted lists as margins."""
        return self.kernel == "sigmoid" and "sort" in self.formula

    @property
    def margin_kernel(self) -> str | None:
        """The compiled formula of the loss of a margin; None where the loss is no function of the margin alone."""
        if self.kernel == "bradley_terry":
            return "sigmoid"
        of_margin = self.kernel in cpu.MARGIN_FORMULAS and self.is_paired and not self.is_matched
        return self.kernel if of_margin and "alpha" not in self.parameters else None


_POLICY = ("policy_chosen", "policy_rejected")
_ALL = (*_POLICY, "ref_chosen", "ref_rejected")
_LENGTHS = ("chosen_length", "rejected_length")
_UNPAIRED = ("policy", "ref", "desirable")
_UNIT = "[0, 1]"


def _row(formula: str, inputs: tuple[str, ...], source: str, kernel: str, *, parameters=None, **options) -> LossType:
    return LossType(formula, inputs, MappingProxyType(parameters or {}), source, kernel, **options)


LOSS_TYPES: Mapping[str, LossType] = MappingProxyType(
    {
        "sigmoid": _row(
            "(1-ε) l(βΔ) + ε l(-βΔ)", _ALL, "DPO, arXiv:2305.18290; cDPO", "sigmoid", smoothing=_UNIT, has_scores=True
        ),
        "robust": _row(
            "[(1-ε) l(βΔ) - ε l(-βΔ)] / (1-2ε)",
            _ALL,
            "robust DPO, arXiv:2403.00409",
            "robust",
            smoothing="[0, 1/2)",
            has_scores=True,
        ),
        "hinge": _row(
            "max(0, 1 - βΔ)", _ALL, "SLiC, arXiv:2305.10425; RSO, arXiv:2309.06657", "hinge", has_scores=True
        ),
        "ipo": _row("(Δ - 1/(2β))²", _ALL, "IPO, arXiv:2310.12036", "ipo", has_scores=True),
        "exo_pair": _row(
            "q (log q - log(1-ε)) + (1-q) (log(1-q) - log ε), q = σ(βΔ)",
            _ALL,
            "EXO, arXiv:2402.00856",
            "exo_pair",
            smoothing="(0, 1)",
            has_scores=True,
        ),
        "nca_pair": _row("l(βρ_w) + l(-βρ_w)/2 + l(-βρ_l)/2", _ALL, "NCA, arXiv:2402.05369", "nca_pair"),
        "bco_pair": _row(
            "l(βρ_w - δ) + l(-(βρ_l - δ))", _ALL, "BCO, arXiv:2404.04656", "bco_pair", parameters={"delta": 0.0}
        ),
        "sppo_hard": _row("(ρ_w - 1/(2β))² + (ρ_l + 1/(2β))²", _ALL, "SPPO, arXiv:2405.00675", "sppo_hard"),
        "aot": _row(
            "(1-ε) l(βΔ) + ε l(-βΔ), Δ = sort(a_w - a_l) - sort(b_w - b_l)",
            _ALL,
            "AOT, arXiv:2406.05882",
            "sigmoid",
            smoothing=_UNIT,
        ),
        "aot_unpaired": _row(
            "(1-ε) l(βΔ) + ε l(-βΔ), Δ = sort(ρ_w) - sort(ρ_l)",
            _ALL,
            "AOT, arXiv:2406.05882",
            "sigmoid",
            smoothing=_UNIT,
        ),
        "apo_zero": _row("1 - σ(βρ_w) + σ(βρ_l)", _ALL, "APO, arXiv:2408.06266", "apo_zero"),
        "apo_down": _row("σ(βρ_w) + 1 - σ(β(ρ_w - ρ_l))", _ALL, "APO, arXiv:2408.06266", "apo_down"),
        "discopop": _row(
            "l(x) (1-m) + e^-x m, x = βΔ, m = σ(x/τ)",
            _ALL,
            "DiscoPOP, arXiv:2406.08414",
            "discopop",
            parameters={"tau": 0.05},
            has_scores=True,
        ),
        "sigmoid_norm": _row(
            "l(β(s_w/n_w - s_l/n_l))",
            (*_ALL, *_LENGTHS),
            "length-normalised DPO, Tulu 3, arXiv:2411.15124",
            "sigmoid",
            has_scores=True,
            needs_lengths=True,
        ),
        "sft": _row("-a_w; with lengths, mean over tokens", ("policy_chosen",), "maximum likelihood", "sft"),
        "simpo": _row(
            "l(β(a_w/n_w - a_l/n_l) - γ)",
            _POLICY,
            "SimPO, arXiv:2405.14734",
            "sigmoid",
            parameters={"gamma": 0.5},
        ),
        "cpo": _row(
            "(1-ε) l(βm) + ε l(-βm) - λ a_w, m = a_w - a_l",
            _POLICY,
            "CPO, arXiv:2401.08417",
            "cpo",
            parameters={"lam": 1.0},
            smoothing=_UNIT,
        ),
        "orpo": _row(
            "-x_w + λ l(log odds_w - log odds_l), x = a/n, log odds = x - log(1 - e^x)",
            _POLICY,
            "ORPO, arXiv:2403.07691",
            "orpo",
            parameters={"lam": 0.1},
        ),
        "slic": _row(
            "max(0, δ - (a_w - a_l)) - λ a_w",
            _POLICY,
            "SLiC-HF, arXiv:2305.10425",
            "slic",
            parameters={"delta": 1.0, "lam": 1.0},
        ),
        "dpop": _row(
            "l(βΔ - λβ max(0, b_w - a_w))",
            _ALL,
            "DPO-positive, arXiv:2402.13228",
            "dpop",
            parameters={"lam": 50.0},
        ),
        "alphapo": _row(
            "l(β(r_w - r_l) - γ), r = (1 - e^{-αx})/α, x = a/n",
            _POLICY,
            "AlphaPO, arXiv:2501.03884",
            "sigmoid",
            parameters={"gamma": 0.5, "alpha": 0.25},
        ),
        "tpo_l": _row(
            "(1-ε) l(βm - γ) + ε l(γ - βm) - λ x_w, m = x_w - x_l, x = a/n",
            _POLICY,
            "TPO, arXiv:2405.16681",
            "cpo",
            parameters={"gamma": 0.5, "lam": 1.0},
            smoothing=_UNIT,
        ),
        "bradley_terry": _row(
            "l(a_w - a_l - γ) + λ (a_w + a_l)², a rewards",
            _POLICY,
            "Bradley & Terry, Biometrika 39 (1952) 324; centring: arXiv:2312.09244",
            "bradley_terry",
            parameters={"gamma": 0.0, "lam": 0.0},
        ),
        "kto": _row(
            "λ_w σ(z - βρ) desirable, λ_l σ(βρ - z) undesirable, z = max(0, kl)",
            (*_UNPAIRED, "kl"),
            "KTO, arXiv:2402.01306",
            "kto",
        ),
        "apo_zero_unpaired": _row(
            "λ_w (1 - σ(βρ)) desirable, λ_l σ(βρ) undesirable", _UNPAIRED, "APO, arXiv:2408.06266", "kto"
        ),
    }
)

SCORES = ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence")
_ALPHA_DIVERGENCE = 0.5
# Names that people type for a loss of `LOSS_TYPES`.
ALIASES: Mapping[str, str] = MappingProxyType({"dpo": "sigmoid"})

_INTERVALS: Mapping[str, Callable[[float], bool]] = {
    "[0, 1]": lambda epsilon: 0.0 <= epsilon <= 1.0,
    "[0, 1/2)": lambda epsilon: 0.0 <= epsilon < 0.5,
    "(0, 1)": lambda epsilon: 0.0 < epsilon < 1.0,
}


class Plan(NamedTuple):
    """A loss with its parameters, as the kernels take it, and what decides on its inputs.

    `counts_tokens`: lengths do not divide scores but make the mean one over tokens.
    """

    row: LossType
    formula: int
    score: int
    parameters: tuple[float, ...]
    has_reference: bool
    is_matched: bool
    counts_tokens: bool


def find(loss_type: str, *, fits: Callable[[LossType], object], where: str) -> LossType:
    """Return the row of `loss_type`, or raise ValueError that lists near names among the rows that `fits` accepts."""
    row = LOSS_TYPES.get(ALIASES.get(loss_type, loss_type)) if isinstance(loss_type, str) else None
    if row is not None and fits(row):
        return row
    names = [name for name, other in LOSS_TYPES.items() if fits(other)]
    alike = [name for name in names if name.startswith(str(loss_type))]
    near = alike or difflib.get_close_matches(str(loss_type), names, n=3, cutoff=0.5) or names
    known = "is no loss of" if row is not None else "is not known to"
    raise ValueError(f"loss_type {loss_type!r} {known} {where}; near it: {', '.join(near)}")


@lru_cache(maxsize=256)
def plan(
    loss_type: str,
    margin: bool,
    score: str,
    beta: float,
    label_smoothing: float,
    gamma: float | None,
    lam: float | None,
    alpha: float | None,
    tau: float | None,
    delta: float | None,
) -> Plan:
    """Return the `Plan` of a paired loss (`margin`: of its margin alone), or raise ValueError for what does not fit."""
    if margin:
        row = find(loss_type, fits=lambda row: row.margin_kernel, where="margin_loss")
    else:
        row = find(loss_type, fits=lambda row: row.is_paired, where="preference_loss")
    given = {"gamma": gamma, "lam": lam, "tau": tau, "delta": delta, "alpha": alpha}
    taken = {**row.parameters, **({"alpha": _ALPHA_DIVERGENCE} if score == "alpha_divergence" else {})}
    if margin and row.kernel == "bradley_terry":
        del taken["lam"]  # centring looks at both rewards
    for name, value in given.items():
        if value is not None and name not in taken:
            takes = ", ".join(taken) or "none besides beta"
            raise ValueError(f"loss_type {loss_type!r} takes no {name}; its parameters: {takes}")
        if value is not None and not isfinite(value):
            raise ValueError(f"{name} must be finite, not {value}")
    values = {**taken, **{name: value for name, value in given.items() if value is not None}}
    if not 0.0 < beta < inf:
        raise ValueError(f"beta must be positive and finite, not {beta}")
    if not 0.0 < values.get("tau", 1.0) <= 1.0:
        raise ValueError(f"tau must lie in (0, 1], where the loss grows no faster than the margin, not {values['tau']}")
    map_, exponent = _score_map(row, loss_type, score, values.get("alpha"))
    kernel = (row.margin_kernel if margin else None) or row.kernel
    return Plan(
        row,
        cpu.FORMULAS_BY_NAME[kernel],
        cpu.SCORES[map_],
        (
            beta,
            _checked_smoothing(row, loss_type, label_smoothing),
            values.get("gamma", 0.0),
            values.get("lam", 0.0),
            values.get("tau", 1.0),
            values.get("delta", 0.0),
            exponent,
        ),
        row.has_reference,
        row.is_matched,
        row.kernel == "sft",
    )


def _checked_smoothing(row: LossType, loss_type: str, epsilon: float) -> float:
    """Return ε of the formula: `epsilon`, or 0 where the formula has none."""
    interval = row.smoothing or _UNIT
    if not _INTERVALS[interval](epsilon):
        raise ValueError(f"label_smoothing must lie in {interval} for loss_type {loss_type!r}, not {epsilon}")
    return epsilon if row.smoothing else 0.0


def _score_map(row: LossType, loss_type: str, score: str, alpha: float | None) -> tuple[str, float]:
    """Return the kernel's score map and its exponent."""
    if score not in SCORES:
        raise ValueError(f"score {score!r} is not one of {', '.join(SCORES)}")
    if score != "reverse_kl" and not row.has_scores:
        fitting = ", ".join(name for name, other in LOSS_TYPES.items() if other.has_scores)
        raise ValueError(f"score {score!r} does not apply to loss_type {loss_type!r}; it does to {fitting}")
    exponent = {"forward_kl": -1.0, "alpha_divergence": (alpha or 0.0) - 1.0}.get(score, 0.0)
    if score == "reverse_kl" and "alpha" in row.parameters:
        exponent = -(alpha or 0.0)
    if score == "js_divergence":
        return "jensen_shannon", 0.0
    return ("exponential", exponent) if exponent else ("identity", 0.0)
