"""The table of comparison models: probabilities, what a tie is, which compiled formula computes the likelihood.

Public functions, tests and the page ``docs/generated/models.md`` read this table. A new model is a row here and a
formula in ``kernels/ranking/formulas.h``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Cells

__all__ = ["FIRST_WINS", "MODELS", "TIED", "ComparisonModel", "TieParameter", "check_model", "effective_model"]

Array = NDArray[np.float64]
# Outcomes by number; 1 is that the second wins.
FIRST_WINS, TIED = 0, 2


@dataclass(frozen=True)
class TieParameter:
    """The parameter of a model in which a tie is an outcome of its own; the unknown of fits is its logarithm.

    Parameters
    ----------
    symbol : str
        How formulas write it.
    least : float
        It is greater than this; at this value nothing is ever tied, and the model is Bradley-Terry.
    condition : str
        The same in words.
    unknown : function
        The unknown for which ties between equals are as frequent as given by weights of ties, wins of either side.
    reach : float
        By how much the unknown must rise when a difference rises by 1, for a tie at that difference to stay as likely.

    """

    symbol: str
    least: float
    condition: str
    unknown: Callable[[float, float, float], float]
    reach: float

    @property
    def unknown_is_positive(self) -> bool:
        """Whether Newton's steps must keep the unknown positive."""
        return self.least > 0


@dataclass(frozen=True)
class ComparisonModel:
    """One model of the outcome of a comparison of items whose scores differ by d.

    Parameters
    ----------
    formula : str
        P(first wins), and of a tie where that is an outcome of its own; P(second wins) is that at -d.
    unit : str
        Of scores.
    source : str
        Where the model comes from.
    kernel : str
        The compiled formula.
    tie : TieParameter or None
        None: a tie counts as half a win for each.
    priors : tuple of str
        The priors on scores that its fits take, by argument.
    has_bias_reduction : bool
        Whether Firth's correction is known for it.
    steepness : float
        The curvature of an outcome's log-probability in d is at most so many times its slope, at d = 0 at least.
    steepens : bool
        Whether the slope of the log-likelihood in d grows with |d|, linearly, instead of being bounded, and with it the
        steepness.

    """

    formula: str
    unit: str
    source: str
    kernel: str
    tie: TieParameter | None = None
    priors: tuple[str, ...] = ("l2", "gamma_shape")
    has_bias_reduction: bool = False
    steepness: float = 1.0
    steepens: bool = False

    def number(self, ops: ModuleType) -> int:
        """Return the number of the model among the operations."""
        number: int = ops.MODELS_BY_NAME[self.kernel]
        return number

    def probability(self, outcome: int, d: Array, tie: float) -> Array:
        """Return the probability of an outcome at differences `d`, `tie` being the logarithm of the tie parameter."""
        ops = operations("ranking")
        found: Array = ops.probabilities(self.number(ops), d, tie, outcome)
        return found


# A share of ties from which on 1 less it has too few digits.
NEXT_TO_ALL = 1.0 - 2.0**-30


def _log_odds_of_ties(tied: float, won: float) -> float:
    """Return log(tied / won), won being no less than rounding of `tied` where nobody has won."""
    found: float = np.log(tied) - np.log(won or 2.0**-53 * tied)
    return found


def _threshold_of(tied: float, first: float, second: float) -> float:
    """Return log θ where (θ − 1)/2 is the number of ties for a win."""
    share = tied / (tied + first + second)
    few = share > NEXT_TO_ALL
    return np.log(2.0) + _log_odds_of_ties(tied, first + second) if few else 2.0 * np.arctanh(share)


def _tie_of(tied: float, first: float, second: float) -> float:
    """Return log ν where ν/2 is the number of ties for a win."""
    share = tied / (tied + first + second)
    few = share > NEXT_TO_ALL
    return np.log(2.0) + _log_odds_of_ties(tied, first + second) if few else np.log(2.0 * share / (1.0 - share))


MODELS: Mapping[str, ComparisonModel] = MappingProxyType(
    {
        "bradley-terry": ComparisonModel(
            formula="σ(d)",
            unit="logits",
            source="Bradley and Terry, Biometrika 39 (1952) 324-345",
            kernel="bradley_terry",
            has_bias_reduction=True,
        ),
        "thurstone": ComparisonModel(
            formula="Φ(d)",
            unit="standard deviations of a difference",
            source="Thurstone, Psychol. Rev. 34 (1927) 273-286, case V",
            kernel="thurstone",
            steepens=True,
        ),
        "stern": ComparisonModel(
            formula="σ(d)² (3 − 2 σ(d))",
            unit="log-ratios of rates",
            source="Stern, Biometrika 77 (1990) 265-273, gamma waiting times of shape 2",
            kernel="stern",
            steepness=2.0,
        ),
        "rao-kupper": ComparisonModel(
            formula="σ(d − log θ); tie: (θ² − 1) σ(d − log θ) σ(−d − log θ)",
            unit="logits",
            source="Rao and Kupper, JASA 62 (1967) 194-204",
            kernel="rao_kupper",
            tie=TieParameter("θ", 1.0, "above 1", _threshold_of, 1.0),
        ),
        "davidson": ComparisonModel(
            formula="win : tie : loss as e^(d/2) : ν : e^(−d/2)",
            unit="logits",
            source="Davidson, JASA 65 (1970) 317-328",
            kernel="davidson",
            tie=TieParameter("ν", 0.0, "positive", _tie_of, 0.5),
        ),
    }
)


def check_model(name: str) -> ComparisonModel:
    """Return the model of that name, or raise ValueError."""
    try:
        return MODELS[name]
    except (KeyError, TypeError):  # none of them, or without a hash
        pass
    return MODELS[as_word(name, "model", MODELS)]


def effective_model(name: str, cells: Cells) -> str:
    """Return the model whose likelihood is maximised: where nothing was tied, models with ties are Bradley-Terry."""
    return name if MODELS[name].tie is None or cells.ties.any() else "bradley-terry"
