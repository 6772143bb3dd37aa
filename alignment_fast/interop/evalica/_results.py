"""What functions return and raise: records with the names and fields of the host's."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable


class Winner(IntEnum):
    """How a comparison ended."""

    Draw = 0
    X = 1
    Y = 2


WINNERS = list(Winner)


class LengthMismatchError(ValueError):
    """Sequences of comparisons differ in length, or a winner is none."""


class ScoreDimensionError(ValueError):
    """Scores are not one-dimensional."""

    def __init__(self, ndim: int) -> None:
        super().__init__(f"scores should be one-dimensional, {ndim} was provided")


class InsufficientRatingsError(ValueError):
    """No unit has two ratings."""

    def __init__(self) -> None:
        super().__init__("No units have at least 2 ratings.")


class UnknownDistanceError(ValueError):
    """A distance is neither a known name nor a function."""

    def __init__(self, distance: object) -> None:
        super().__init__(f"Unknown distance '{distance}'")


@runtime_checkable
class Result(Protocol):
    """Scores of elements, from the best on, and the elements in the order of the data."""

    scores: Any
    index: Any


@runtime_checkable
class RankingMethod(Protocol):
    """A function from comparisons to a `Result`."""

    def __call__(self, xs: Any, ys: Any, winners: Any, index: Any = None, weights: Any = None, **kwargs: Any) -> Result:
        """Return the scores."""
        ...


@dataclass(frozen=True)
class MatricesResult:
    """How often row beat column, and how often they tied, as weights."""

    win_matrix: Any
    tie_matrix: Any
    index: Any


@dataclass(frozen=True)
class CountingResult:
    """What `counting` returns."""

    scores: Any
    index: Any
    win_weight: float
    tie_weight: float
    solver: str


@dataclass(frozen=True)
class AverageWinRateResult(CountingResult):
    """What `average_win_rate` returns."""


@dataclass(frozen=True)
class BradleyTerryResult(CountingResult):
    """What `bradley_terry` returns: positive strengths of geometric mean 1."""

    tolerance: float
    iterations: int
    limit: int


@dataclass(frozen=True)
class EigenResult(BradleyTerryResult):
    """What `eigen` returns: a vector of length 1."""


@dataclass(frozen=True)
class NewmanResult:
    """What `newman` returns: strengths, and the tie parameter `v`."""

    scores: Any
    index: Any
    v: float
    v_init: float
    win_weight: float
    tie_weight: float
    solver: str
    tolerance: float
    iterations: int
    limit: int


@dataclass(frozen=True)
class EloResult:
    """What `elo` returns: points."""

    scores: Any
    index: Any
    initial: float
    base: float
    scale: float
    k: float
    win_weight: float
    tie_weight: float
    solver: str


@dataclass(frozen=True)
class PageRankResult:
    """What `pagerank` returns: a distribution."""

    scores: Any
    index: Any
    damping: float
    win_weight: float
    tie_weight: float
    solver: str
    tolerance: float
    iterations: int
    limit: int


@dataclass(frozen=True)
class BootstrapResult:
    """What `bootstrap` returns: the result of the data, intervals, standard errors, scores of every resample."""

    result: Any
    low: Any
    high: Any
    stderr: Any
    distribution: Any = field(repr=False)
    index: Any


@dataclass(frozen=True)
class AlphaResult:
    """What `alpha` returns: Krippendorff's alpha, 1 - observed / expected disagreement."""

    alpha: float
    observed: float
    expected: float
    solver: str


@dataclass(frozen=True)
class AlphaBootstrapResult(AlphaResult):
    """What `alpha_bootstrap` returns."""

    low: float
    high: float
    distribution: Any
    n_resamples: int
    confidence_level: float
