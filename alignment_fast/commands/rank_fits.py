"""The fits behind ``alignment-fast rank``: of all votes, with features of both sides, and of slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alignment_fast.commands.inputs.votes import Further, VoteTable

if TYPE_CHECKING:
    from alignment_fast.ranking import RatingFit

__all__ = ["Asked", "Features", "Slice", "features_of", "fit_votes", "further_columns", "slices_of"]

WITH_PRIOR = "; --l2 1 makes all scores finite"


class Asked(NamedTuple):
    """Model, prior, and whether the first side is at home."""

    model: str
    l2: float
    home: bool


@dataclass(frozen=True)
class Features:
    """Features of both sides, one column each: how much more the winner has of it, in units of its root mean square."""

    names: Sequence[str]
    values: np.ndarray

    def rows(self, kept: np.ndarray) -> "Features":
        """Return the features of a mask of rows."""
        return Features(self.names, self.values[kept])


def further_columns(by: str | None, cluster: str | None, covariates: Sequence[str], styles: Sequence[str]) -> Further:
    """Return the columns that options ask for, by role."""
    text = {role: name for role, name in (("by", by), ("cluster", cluster)) if name is not None}
    numbers = {f"covariate {name}": name for name in covariates}
    for style in styles:
        pair = [name.strip() for name in style.split(",")]
        if len(pair) != 2 or not all(pair):
            raise ValueError(f"--style: {style!r} is not of the form COLUMN_OF_FIRST,COLUMN_OF_SECOND")
        numbers |= {f"style {style} {side}": name for side, name in enumerate(pair)}
    return Further(text, numbers)


def features_of(votes: VoteTable, covariates: Sequence[str], styles: Sequence[str]) -> Features | None:
    """Return the features that were asked for, or None.

    A covariate is a difference already, of the first side less the second. A style is two columns a and b of what
    either side has: (a - b)/(|a| + |b|), 0 where neither has any.
    """
    columns = {name: votes.extra[f"covariate {name}"] for name in covariates}
    for style in styles:
        one, other = (votes.extra[f"style {style} {side}"] for side in (0, 1))
        size = np.abs(one) + np.abs(other)
        columns[style] = np.divide(one - other, size, out=np.zeros_like(size), where=size > 0)
    if not columns:
        return None
    sign = np.where(votes.swapped, -1.0, 1.0)
    oriented = []
    for name, values in columns.items():
        spread = float(np.sqrt(np.mean(values**2)))
        if spread == 0.0:
            option = "--covariate" if name in covariates else "--style"
            raise ValueError(f"{option} {name}: both sides are alike in every row")
        oriented.append(sign * values / spread)
    return Features(list(columns), np.column_stack(oriented))


def fit_votes(arguments: Mapping[str, Any], labels: Any, asked: Asked, features: Features | None) -> "RatingFit":
    """Return the fit to what `Comparisons` takes, with features of both sides where there are any."""
    from alignment_fast.ranking import Comparisons, fit, fit_contextual

    if features is None:
        comparisons = Comparisons(**arguments, labels=labels)
        return fit(comparisons, asked.model, l2=asked.l2, home=asked.home)
    given = dict(arguments)
    winner, loser = given.pop("winner"), given.pop("loser")
    return fit_contextual(winner, loser, features.values, asked.model, **given, labels=labels, l2=asked.l2)


@dataclass(frozen=True)
class Slice:
    """The votes of one value of a column: how many, the fit to them, or why there is none."""

    name: str
    votes: float
    result: "RatingFit | None"
    reason: str


def slices_of(votes: VoteTable, asked: Asked, features: Features | None) -> list[Slice]:
    """Return a fit for every value of the column ``by``, the largest slice first; each between the items it knows."""
    from alignment_fast.errors import ConvergenceError

    values, known = votes.extra["by"], votes.comparisons.labels or ()
    found = []
    for name in sorted(set(values.tolist())):
        kept = values == name
        if votes.arguments.get("weight") is not None:
            kept &= votes.arguments["weight"] > 0
        if not kept.any():
            continue
        chosen = {key: column if column is None else column[kept] for key, column in votes.arguments.items()}
        met, both = np.unique(np.concatenate([chosen["winner"], chosen["loser"]]), return_inverse=True)
        chosen["winner"], chosen["loser"] = both[: kept.sum()], both[kept.sum() :]
        labels = [known[item] for item in met.tolist()]
        weight = chosen.get("weight")
        count = float(kept.sum() if weight is None else weight.sum())
        try:
            result = fit_votes(chosen, labels, asked, None if features is None else features.rows(kept))
            found.append(Slice(name, count, result, ""))
        except (ConvergenceError, ValueError) as error:
            reason = str(error).partition("; give a prior")[0].partition("; fit the components")[0]
            found.append(Slice(name, count, None, reason + WITH_PRIOR * (asked.l2 == 0)))
    return sorted(found, key=lambda one: -one.votes)
