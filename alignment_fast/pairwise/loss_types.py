"""The table of preference losses: what each needs, where it comes from, and which compiled formula computes it.

A new loss is a row here and, unless it is an old formula of other scores, a function in
``kernels/pairwise/formulas.h``. Public functions, tests and the page ``docs/generated/losses.md`` read this table.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite
from types import MappingProxyType
from typing import Any, NamedTuple

from alignment_fast._border.words import as_word, shown
from alignment_fast.kernels.pairwise.structures import Loss
from alignment_fast.pairwise._number import number, required_number

__all__ = ["LOSS_TYPES", "SCORES", "LossType", "Plan", "Settings", "find", "plan"]


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
    margin_kernel : str or None
        The compiled formula of the loss of a margin; None where the loss is no function of the margin alone.
    beyond_margin : tuple of str
        Parameters that make the loss use more than the margin.
    matched : {"differences", "ratios"} or None
        What a loss sorts that matches its batch quantile by quantile, giving `kernel` the differences of two sorted
        lists as margins: a_w - a_l and b_w - b_l, or ρ_w and ρ_l.
    power_scores : bool
        Whether scores are (1 - e^{-αx})/α of the log-probabilities.
    averages_tokens : bool
        Whether lengths do not divide scores but make the mean one over tokens.
    lengths_first : bool
        Whether lengths divide log-probabilities, and rewards, before the score map; elsewhere they divide scores.
    has_reference_point : bool
        Whether rewards are measured from a reference point, `kl`.

    """

    formula: str
    inputs: tuple[str, ...]
    parameters: Mapping[str, float]
    source: str
    kernel: str
    smoothing: str | None = None
    has_scores: bool = False
    needs_lengths: bool = False
    margin_kernel: str | None = None
    beyond_margin: tuple[str, ...] = ()
    matched: str | None = None
    power_scores: bool = False
    averages_tokens: bool = False
    lengths_first: bool = False
    has_reference_point: bool = False

    @property
    def has_reference(self) -> bool:
        """Whether the loss uses the reference policy."""
        return "ref" in self.inputs or "ref_chosen" in self.inputs

    @property
    def is_paired(self) -> bool:
        """Whether the loss compares a chosen with a rejected answer."""
        return "policy_chosen" in self.inputs

    @property
    def is_matched(self) -> bool:
        """Whether the loss sorts its batch."""
        return self.matched is not None


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
            "(1-ε) l(βΔ) + ε l(-βΔ)",
            _ALL,
            "DPO, arXiv:2305.18290; cDPO",
            "sigmoid",
            smoothing=_UNIT,
            has_scores=True,
            margin_kernel="sigmoid",
        ),
        "robust": _row(
            "[(1-ε) l(βΔ) - ε l(-βΔ)] / (1-2ε)",
            _ALL,
            "robust DPO, arXiv:2403.00409",
            "robust",
            smoothing="[0, 1/2)",
            has_scores=True,
            margin_kernel="robust",
        ),
        "hinge": _row(
            "max(0, 1 - βΔ)",
            _ALL,
            "SLiC, arXiv:2305.10425; RSO, arXiv:2309.06657",
            "hinge",
            has_scores=True,
            margin_kernel="hinge",
        ),
        "ipo": _row(
            "(Δ - 1/(2β))²",
            _ALL,
            "IPO, arXiv:2310.12036",
            "ipo",
            has_scores=True,
            margin_kernel="ipo",
        ),
        "exo_pair": _row(
            "q (log q - log(1-ε)) + (1-q) (log(1-q) - log ε), q = σ(βΔ)",
            _ALL,
            "EXO, arXiv:2402.00856",
            "exo_pair",
            smoothing="(0, 1)",
            has_scores=True,
            margin_kernel="exo_pair",
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
            matched="differences",
        ),
        "aot_unpaired": _row(
            "(1-ε) l(βΔ) + ε l(-βΔ), Δ = sort(ρ_w) - sort(ρ_l)",
            _ALL,
            "AOT, arXiv:2406.05882",
            "sigmoid",
            smoothing=_UNIT,
            matched="ratios",
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
            margin_kernel="discopop",
        ),
        "sigmoid_norm": _row(
            "l(β(s_w/n_w - s_l/n_l))",
            (*_ALL, *_LENGTHS),
            "length-normalised DPO, Tulu 3, arXiv:2411.15124",
            "sigmoid",
            has_scores=True,
            needs_lengths=True,
            margin_kernel="sigmoid",
        ),
        "sft": _row(
            "-a_w; with lengths, mean over tokens",
            ("policy_chosen",),
            "maximum likelihood",
            "sft",
            averages_tokens=True,
            lengths_first=True,
        ),
        "simpo": _row(
            "l(β(a_w/n_w - a_l/n_l) - γ)",
            _POLICY,
            "SimPO, arXiv:2405.14734",
            "sigmoid",
            parameters={"gamma": 0.5},
            margin_kernel="sigmoid",
            lengths_first=True,
        ),
        "cpo": _row(
            "(1-ε) l(βm) + ε l(-βm) - λ a_w, m = a_w - a_l",
            _POLICY,
            "CPO, arXiv:2401.08417",
            "cpo",
            parameters={"lam": 1.0},
            smoothing=_UNIT,
            lengths_first=True,
        ),
        "orpo": _row(
            "-x_w + λ l(log odds_w - log odds_l), x = a/n, log odds = x - log(1 - e^x)",
            _POLICY,
            "ORPO, arXiv:2403.07691",
            "orpo",
            parameters={"lam": 0.1},
            lengths_first=True,
        ),
        "slic": _row(
            "max(0, δ - (a_w - a_l)) - λ a_w",
            _POLICY,
            "SLiC-HF, arXiv:2305.10425",
            "slic",
            parameters={"delta": 1.0, "lam": 1.0},
            lengths_first=True,
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
            power_scores=True,
            lengths_first=True,
        ),
        "tpo_l": _row(
            "(1-ε) l(βm - γ) + ε l(γ - βm) - λ x_w, m = x_w - x_l, x = a/n",
            _POLICY,
            "TPO, arXiv:2405.16681",
            "cpo",
            parameters={"gamma": 0.5, "lam": 1.0},
            smoothing=_UNIT,
            lengths_first=True,
        ),
        "bradley_terry": _row(
            "l(a_w - a_l - γ) + λ (a_w + a_l)², a rewards",
            _POLICY,
            "Bradley & Terry, Biometrika 39 (1952) 324; centring: arXiv:2312.09244",
            "bradley_terry",
            parameters={"gamma": 0.0, "lam": 0.0},
            margin_kernel="sigmoid",
            beyond_margin=("lam",),
            lengths_first=True,
        ),
        "simper": _row(
            "-e^{x_w} + e^{x_l}, x = a/n",
            _POLICY,
            "SimPER, arXiv:2502.00883",
            "simper",
            lengths_first=True,
        ),
        "kto": _row(
            "λ_w σ(z - βρ) desirable, λ_l σ(βρ - z) undesirable, z = max(0, kl)",
            (*_UNPAIRED, "kl"),
            "KTO, arXiv:2402.01306",
            "kto",
            has_reference_point=True,
        ),
        "apo_zero_unpaired": _row(
            "λ_w (1 - σ(βρ)) desirable, λ_l σ(βρ) undesirable", _UNPAIRED, "APO, arXiv:2408.06266", "kto"
        ),
    }
)


class ScoreMap(NamedTuple):
    """A map of log-ratios to scores.

    Parameters
    ----------
    formula : str
        The score of ρ.
    kernel : str
        The compiled map.
    exponent : function
        The exponent c of (e^{cρ} - 1)/c, from α.

    """

    formula: str
    kernel: str
    exponent: Callable[[float], float] = lambda alpha: 0.0


SCORES: Mapping[str, ScoreMap] = MappingProxyType(
    {
        "reverse_kl": ScoreMap("ρ", "identity"),
        "forward_kl": ScoreMap("1 − e^−ρ", "exponential", lambda alpha: -1.0),
        "js_divergence": ScoreMap("log 2 + log σ(ρ)", "jensen_shannon"),
        "alpha_divergence": ScoreMap(
            "(e^((α−1)ρ) − 1)/(α − 1), α = 0.5 by default", "exponential", lambda alpha: alpha - 1.0
        ),
    }
)
# That of losses with `power_scores`.
_POWER_SCORE = ScoreMap("(1 − e^−αx)/α", "exponential", lambda alpha: -alpha)
_ALPHA_DIVERGENCE = 0.5
# Exponents c below this make (e^{cx} - 1)/c the identity for |x| up to 1e13, and c x may underflow.
_FLAT = 1e-30
# Names that people type for a loss of `LOSS_TYPES`.
ALIASES: Mapping[str, str] = MappingProxyType({"dpo": "sigmoid"})

_INTERVALS: Mapping[str, Callable[[float], bool]] = {
    "[0, 1]": lambda epsilon: 0.0 <= epsilon <= 1.0,
    "[0, 1/2)": lambda epsilon: 0.0 <= epsilon < 0.5,
    "(0, 1)": lambda epsilon: 0.0 < epsilon < 1.0,
}


class Settings(NamedTuple):
    """What a caller chooses of a loss; parameters that are None take their defaults.

    `margin`: the loss is one of margins.
    """

    loss_type: str
    beta: float
    label_smoothing: float = 0.0
    score: str = "reverse_kl"
    gamma: float | None = None
    lam: float | None = None
    alpha: float | None = None
    tau: float | None = None
    delta: float | None = None
    margin: bool = False


_PARAMETERS = ("gamma", "lam", "alpha", "tau", "delta")
_LONGEST = 60  # letters of a name that is compared with those of losses


class Plan(NamedTuple):
    """A row of the table, its loss as the kernels take it, and what of the row a small call asks.

    `lengths`: whether they must be given; None where they may be, and divide scores.
    """

    row: LossType
    loss: Loss
    has_reference: bool
    has_rejected: bool
    lengths: bool | None
    matched: str | None


def find(loss_type: str, *, fits: Callable[[LossType], object], where: str) -> LossType:
    """Return the row of `loss_type`, or raise ValueError that lists near names among the rows that `fits` accepts."""
    row = LOSS_TYPES.get(ALIASES.get(loss_type, loss_type)) if isinstance(loss_type, str) else None
    if row is not None and fits(row):
        return row
    names = [name for name, other in LOSS_TYPES.items() if fits(other)]
    asked = str(loss_type)[:_LONGEST] if isinstance(loss_type, str) else ""
    alike = [name for name in names if asked and name.startswith(asked)]
    near = alike or difflib.get_close_matches(asked, names, n=3, cutoff=0.5) or names
    known = "is no loss of" if row is not None else "is not known to"
    raise ValueError(f"loss_type {shown(loss_type)} {known} {where}; near it: {', '.join(near)}")


def plan(*chosen: Any) -> Plan:
    """Return the `Plan` of a paired loss with these `Settings`, or raise ValueError for what does not fit.

    TypeError that names the first parameter that is no number.
    """
    try:
        return _plan(*chosen)
    except (TypeError, OverflowError):  # a word without a hash, or a parameter that is no plain number
        settings = Settings(*chosen)
        _row_of(settings)
        as_word(settings.score, "score", SCORES)
        given: dict[str, Any] = {
            name: required_number(getattr(settings, name), name) for name in ("beta", "label_smoothing")
        }
        given |= {name: number(getattr(settings, name), name) for name in _PARAMETERS}
        return _plan(*settings._replace(**given))


def _row_of(settings: Settings) -> LossType:
    if settings.margin:
        return find(settings.loss_type, fits=lambda row: row.margin_kernel, where="margin_loss")
    return find(settings.loss_type, fits=lambda row: row.is_paired, where="preference_loss")


@lru_cache(maxsize=256)
def _plan(*chosen: Any) -> Plan:
    settings = Settings(*chosen)
    loss_type, row = settings.loss_type, _row_of(settings)
    taken = {**row.parameters, **({"alpha": _ALPHA_DIVERGENCE} if settings.score == "alpha_divergence" else {})}
    if settings.margin:
        taken = {name: value for name, value in taken.items() if name not in row.beyond_margin}
    given = {name: value for name in _PARAMETERS if (value := getattr(settings, name)) is not None}
    for name, value in given.items():
        if name not in taken:
            takes = ", ".join(taken) or "none besides beta"
            raise ValueError(f"loss_type {loss_type!r} takes no {name}; its parameters: {takes}")
        if not isfinite(value):
            raise ValueError(f"{name} must be finite, not {value}")
    values = {**taken, **given}
    if not 0.0 < settings.beta < inf:
        raise ValueError(f"beta must be positive and finite, not {settings.beta}")
    if not 0.0 < values.get("tau", 1.0) <= 1.0:
        raise ValueError(f"tau must lie in (0, 1], where the loss grows no faster than the margin, not {values['tau']}")
    score, exponent = _score_map(row, loss_type, settings.score, values.pop("alpha", 0.0))
    loss = Loss(
        (row.margin_kernel if settings.margin else None) or row.kernel,
        score,
        float(settings.beta),
        _checked_smoothing(row, loss_type, settings.label_smoothing),
        exponent=exponent,
        **values,
    )
    lengths = True if row.needs_lengths else False if row.averages_tokens or row.is_matched else None
    return Plan(row, loss, row.has_reference, "policy_rejected" in row.inputs, lengths, row.matched)


def _checked_smoothing(row: LossType, loss_type: str, epsilon: float) -> float:
    """Return ε of the formula: `epsilon`, or 0 where the formula has none."""
    interval = row.smoothing or _UNIT
    if not _INTERVALS[interval](epsilon):
        raise ValueError(f"label_smoothing must lie in {interval} for loss_type {loss_type!r}, not {epsilon}")
    return epsilon if row.smoothing else 0.0


def _score_map(row: LossType, loss_type: str, score: str, alpha: float) -> tuple[str, float]:
    """Return the kernel's score map and its exponent."""
    as_word(score, "score", SCORES)
    if score != "reverse_kl" and not row.has_scores:
        fitting = ", ".join(name for name, other in LOSS_TYPES.items() if other.has_scores)
        raise ValueError(f"score {score!r} does not apply to loss_type {loss_type!r}; it does to {fitting}")
    chosen = _POWER_SCORE if row.power_scores else SCORES[score]
    exponent = chosen.exponent(alpha)
    if chosen.kernel == "exponential" and abs(exponent) <= _FLAT:
        return "identity", 0.0
    return chosen.kernel, exponent
