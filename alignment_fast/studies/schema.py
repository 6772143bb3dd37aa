"""The keys of a spec: their names, types and ranges. The only place that knows pydantic."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from alignment_fast._border.scalars import MOST
from alignment_fast.best_of_n.simulation import LARGEST_LOG_N
from alignment_fast.studies.values import not_preferences

__all__ = ["ESTIMANDS", "SOURCES", "EstimandTable", "SpecTable", "Target"]

Positive = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Function = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Name = Annotated[str, Field(pattern=r"^[\w.+-]+$")]


def _check_draws(n: float) -> float:
    if math.log(n) > LARGEST_LOG_N:
        raise ValueError(f"the logarithm of n should be at most {LARGEST_LOG_N:g}")
    return n


Number = TypeVar("Number", int, float)
Count = Annotated[int, Field(ge=1, le=MOST)]
Draws = Annotated[Number, Field(ge=1), AfterValidator(_check_draws)]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _check_masses(p: list[float] | None, name: str) -> None:
    if p is not None and not sum(p) > 0:
        raise ValueError(f"{name} should have a positive sum")


def _check_lengths(**lists: list[float] | None) -> None:
    lengths = {name: len(values) for name, values in lists.items() if values is not None}
    if len({*lengths.values()}) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"lists that go side by side need one length, but {shown}")


# ---- sources ----


class TableSource(_Keys):
    """Outcomes in a file: a column of rewards and one of probabilities, log-probabilities or counts."""

    kind: Literal["table"]
    name: Name = "table"
    file: str
    reward: str = "reward"
    p: str | None = None
    log_p: str | None = None

    @model_validator(mode="after")
    def _one_weight(self) -> TableSource:
        if self.p is not None and self.log_p is not None:
            raise ValueError("give p or log_p, not both")
        return self


class OutcomesSource(_Keys):
    """Outcomes in the spec itself."""

    kind: Literal["outcomes"]
    name: Name = "outcomes"
    reward: Annotated[list[float], Field(min_length=1)]
    p: list[Annotated[float, Field(ge=0)]] | None = None

    @model_validator(mode="after")
    def _side_by_side(self) -> OutcomesSource:
        _check_masses(self.p, "p")
        _check_lengths(p=self.p, reward=self.reward)
        return self


class PoolSource(_Keys):
    """Scores of samples in a file, each as likely as any other."""

    kind: Literal["pool"]
    name: Name = "pool"
    file: str
    score: str = "score"


class GaussianSource(_Keys):
    """Normal reward."""

    kind: Literal["gaussian"]
    name: Name = "gaussian"
    mean: float = 0.0
    std: Positive = 1.0


class UniformSource(_Keys):
    """Reward uniform on (0, 1)."""

    kind: Literal["uniform"]
    name: Name = "uniform"


class QuantileSource(_Keys):
    """A continuous distribution of scipy.stats by its name, and its parameters."""

    kind: Literal["quantile"]
    name: Name = "quantile"
    distribution: Name
    parameters: dict[str, float] = {}


class MemorylessSource(_Keys):
    """Sequences of m independent letters, whose rewards add up."""

    kind: Literal["memoryless"]
    name: Name = "memoryless"
    p: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    reward: list[float] | None = None
    q: list[Annotated[float, Field(ge=0)]] | None = None
    m: Count

    @model_validator(mode="after")
    def _side_by_side(self) -> MemorylessSource:
        _check_masses(self.p, "p")
        _check_masses(self.q, "q")
        _check_lengths(p=self.p, q=self.q, reward=self.reward)
        if self.q is None and self.reward is None:
            raise ValueError("give q or reward")
        return self


class SamplerSource(_Keys):
    """Reward computed by a function of uniforms, ``"module:function"``."""

    kind: Literal["sampler"]
    name: Name = "sampler"
    function: Function
    uniforms: Count


class PreferencesSource(_Keys):
    """A preference matrix: P[i][j] is the chance that i beats j."""

    kind: Literal["preferences"]
    name: Name = "preferences"
    P: Annotated[list[list[Share]], Field(min_length=2)]

    @field_validator("P")
    @classmethod
    def _preferences(cls, P: list[list[float]]) -> list[list[float]]:
        if problem := not_preferences(P):
            raise ValueError(problem)
        return P


class MatrixSource(_Keys):
    """A preference matrix in a file of K columns and K rows."""

    kind: Literal["matrix"]
    name: Name = "matrix"
    file: str


class RandomPreferencesSource(_Keys):
    """A new preference matrix for every replicate: independent uniform entries, or those of normal strengths."""

    kind: Literal["random_preferences"]
    name: Name = "random_preferences"
    responses: Annotated[int, Field(ge=2, le=128)]
    law: Literal["uniform", "bradley-terry"] = "uniform"
    scale: Positive = 1.0


class VotesSource(_Keys):
    """Votes in a file: winner and loser, or two sides and an outcome; columns that are not named are guessed."""

    kind: Literal["votes"]
    name: Name = "votes"
    file: str
    winner: str | None = None
    loser: str | None = None
    first: str | None = None
    second: str | None = None
    outcome: str | None = None


class StrengthsSource(_Keys):
    """True scores of items, from which votes are drawn."""

    kind: Literal["strengths"]
    name: Name = "strengths"
    scores: Annotated[list[float], Field(min_length=2)]


SOURCES: dict[str, type[_Keys]] = {
    "table": TableSource,
    "outcomes": OutcomesSource,
    "pool": PoolSource,
    "gaussian": GaussianSource,
    "uniform": UniformSource,
    "quantile": QuantileSource,
    "memoryless": MemorylessSource,
    "sampler": SamplerSource,
    "preferences": PreferencesSource,
    "matrix": MatrixSource,
    "random_preferences": RandomPreferencesSource,
    "votes": VotesSource,
    "strengths": StrengthsSource,
}


# ---- estimands: the parameters of one cell ----


class BestOfN(_Keys):
    """Reward, divergence from the reference and win rate of the best of n draws."""

    n: Draws[float]


class SoftBestOfN(_Keys):
    """The same of one of n draws, taken with weight exp(reward / temperature)."""

    n: Annotated[int, Field(ge=1, le=65_536)]
    temperature: Positive


class Tilted(_Keys):
    """Reward, divergence and free energy of the tilted policy, estimated from samples of the reference."""

    alpha: float
    samples: Annotated[int, Field(ge=2, le=1 << 20)]


class Dynamics(_Keys):
    """What becomes of a random policy under iterated preference optimisation."""

    alpha: Share
    beta: Annotated[float, Field(ge=0)]
    lam: Share
    steps: Count = 1000
    burn_in: Annotated[int, Field(ge=0)] = 0
    method: Literal["ipo", "dpo"] = "ipo"

    @model_validator(mode="after")
    def _burns_in_before_the_end(self) -> Dynamics:
        if self.burn_in > self.steps:
            raise ValueError("burn_in must not exceed steps")
        return self


class RatingBootstrap(_Keys):
    """Scores of items over bootstrap replicates of their votes."""

    model: Literal["bradley-terry", "thurstone", "stern", "rao-kupper", "davidson"] = "bradley-terry"
    l2: Annotated[float, Field(ge=0)] = 0.0


class CoverageOfMean(_Keys):
    """How often the interval of a mean of best-of-n rewards covers what it is an interval of."""

    samples: Annotated[int, Field(ge=2, le=1 << 20)]
    n: Draws[int] = 1
    level: Probability = 0.95


class CoverageOfRatings(_Keys):
    """How often the intervals of fitted scores cover the true ones."""

    votes_per_pair: Count
    level: Probability = 0.95


class User(_Keys):
    """A user's functions ``"module:function"``: generate(parameters, rng), analyse(parameters, data), and a summary."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)
    generate: Function
    analyse: Function
    summarise: Function | None = None


ESTIMANDS: dict[str, type[_Keys]] = {
    "best_of_n": BestOfN,
    "soft_best_of_n": SoftBestOfN,
    "tilted": Tilted,
    "dynamics": Dynamics,
    "rating_bootstrap": RatingBootstrap,
    "coverage_of_mean": CoverageOfMean,
    "coverage_of_ratings": CoverageOfRatings,
    "user": User,
}


# ---- the spec ----


class EstimandTable(BaseModel):
    """The keys of every estimand; the others are its parameters."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)
    kind: str
    name: Name | None = None
    source: Annotated[list[str], Field(min_length=1)] | None = None
    block: Count | None = None
    quantiles: list[Share] = []
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    zip: list[Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]] = []


class Target(_Keys):
    """When a cell has enough replicates."""

    standard_error: Positive
    column: str | None = None
    relative: bool = False
    at_least: Annotated[int, Field(ge=1000)] = 4096
    at_most: Annotated[int, Field(ge=1000, le=MOST)] = 100_000_000

    @model_validator(mode="after")
    def _ordered(self) -> Target:
        if self.at_least > self.at_most:
            raise ValueError("at_least must not exceed at_most")
        return self


class SpecTable(_Keys):
    """A whole spec; sources and estimands are checked by kind."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=1 << 128)] = 0
    level: Probability = 0.95
    replicates: Count | None = None
    target: Target | None = None
    source: list[dict[str, Any]] = []
    estimand: Annotated[list[dict[str, Any]], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_size(self) -> SpecTable:
        if (self.replicates is None) == (self.target is None):
            raise ValueError("give exactly one of replicates and target")
        return self
