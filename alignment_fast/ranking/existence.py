"""Whether scores can be estimated at all: which of them are finite, and why the others are not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, Cells, Covariates
from alignment_fast.ranking import _graph as graph
from alignment_fast.ranking._identify import confounded
from alignment_fast.ranking._labels import shown
from alignment_fast.ranking._models import MODELS, check_model, effective_model
from alignment_fast.ranking._recession import (
    Direction,
    OutcomeRows,
    Verdict,
    find_direction,
    outcome_rows,
    surely_finite,
)

__all__ = ["Existence"]

# So many items are named in a message.
NAMED = 3
NEVER_COMPARED = "was never compared"
TIE_PARAMETER, HOME_ADVANTAGE = "tie parameter", "home advantage"


@dataclass(frozen=True)
class Existence:
    """Which items have a finite maximum-likelihood score, relative to the largest group that determines its own.

    Parameters
    ----------
    limit : array (K,)
        Where the score of each item goes: 0 where it is finite, inf or -inf where the likelihood rises for ever as it
        does, NaN where the comparisons say nothing about it.
    components : int
        Number of connected components; scores of different ones cannot be compared.
    groups : tuple of arrays
        Items of the strong components of the graph of wins, the largest first: within each all differences are finite.
        Where it is other parameters that make scores infinite, items that move alike.
    reasons : dict
        For every item without a finite score, by label (or index): why.
    direction, parameters : dict
        A direction along which the likelihood rises for ever, where it takes more than scores: by how much each score
        changes, by label (or index), and each parameter that has no finite value ("home advantage", "tie parameter",
        of which it is the logarithm, "coefficients[0]", ...). Both are empty where the graph of wins tells it all.
    proven : bool
        Whether the verdict is proven: by the graph, in whole numbers or fractions, or by a bound that holds in spite of
        rounding. Otherwise it is that of a linear programme in floating point.

    """

    limit: NDArray[np.float64]
    components: int
    groups: tuple[NDArray[np.int64], ...]
    reasons: dict[Hashable, str]
    direction: Mapping[Hashable, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    proven: bool = True

    @property
    def finite(self) -> bool:
        """Whether all items have a finite score, and all other parameters a finite value."""
        return len(self.groups) == 1 and not self.parameters

    @classmethod
    def of(cls, cells: Cells, labels: tuple[Hashable, ...] | None = None) -> Self:
        """Return the existence of the scores of compressed comparisons, other parameters held."""
        limit = np.zeros(cells.n_items)
        if graph.is_strongly_connected(operations("ranking"), cells):
            return cls(limit, 1, (np.arange(cells.n_items),), {})
        groups = graph.members(graph.strongly_connected(cells))
        if len(groups) == 1:
            return cls(limit, 1, groups, {})
        component = graph.connected(cells)
        core = np.zeros(cells.n_items, dtype=bool)
        core[groups[0]] = True
        above, below = graph.reachable(cells, core)
        limit[above & ~core], limit[below & ~core] = np.inf, -np.inf
        limit[~above & ~below] = np.nan
        reasons = {
            (item if labels is None else labels[item]): reason
            for item, reason in _reasons(cells, limit, component, core)
        }
        return cls(limit, int(component.max()) + 1, groups, reasons)

    def explain(self) -> str:
        """Return one sentence: that all scores are finite, or which are not, and why."""
        caveat = "" if self.proven else "; as far as a linear programme in floating point can tell"
        if self.finite:
            return f"all scores are finite{caveat}"
        if self.parameters:
            return (
                "the comparisons are separable, so there is no finite maximum: the likelihood rises for ever as "
                f"{_moves(self.direction, self.parameters)}{caveat}"
            )
        named = "; ".join(f"{shown(item)} {reason}" for item, reason in list(self.reasons.items())[:NAMED])
        more = len(self.reasons) - NAMED
        rest = f"; and {more} more" if more > 0 else ""
        if self.reasons.get(0) == NEVER_COMPARED and all(type(item) is int for item in self.reasons):
            rest += ". Items are numbered from 0: where these numbers are names, give them as text, or labels="
        if self.components > 1:
            return f"the comparisons fall into {self.components} components that never met: {named}{rest}"
        return f"the comparisons are separable, so some scores are infinite: {named}{rest}"


def _moves(direction: Mapping[Hashable, float], parameters: Mapping[str, float]) -> str:
    """Return a direction in words: "scores change by 'a' +1, 'b' -1, the home advantage by -1, again and again"."""
    scores = sorted(((item, move) for item, move in direction.items() if move), key=lambda pair: -abs(pair[1]))
    parts = []
    if scores:
        named = ", ".join(f"{shown(item)} {move:+.6g}" for item, move in scores[:NAMED])
        more = f", ... ({len(scores) - NAMED} more)" if len(scores) > NAMED else ""
        parts.append(f"scores change by {named}{more}")
    for name, move in parameters.items():
        of = f"the logarithm of the {name}" if name == TIE_PARAMETER else f"the {name}"
        parts.append(f"{of} {'by' if scores else 'changes by'} {move:+.6g}")
    return f"{', '.join(parts)}, again and again"


@dataclass(frozen=True)
class Question:
    """Whether a maximum exists: of these cells, under the model of that name, with these covariates.

    `home` says that the first of the covariates is the home advantage, `prior` that scores have one.
    """

    cells: Cells
    labels: tuple[Hashable, ...] | None
    model: str
    covariates: Covariates
    home: bool
    prior: bool

    @property
    def has_tie(self) -> bool:
        """Whether a tie parameter is fitted."""
        return MODELS[effective_model(self.model, self.cells)].tie is not None

    def over(self, cells: Cells) -> Question:
        """Return the same question about other counts of the same cells."""
        return replace(self, cells=cells)

    def name(self, column: int) -> str:
        """Return the name of a column of the covariates."""
        if self.home and column == 0:
            return HOME_ADVANTAGE
        return f"coefficients[{column - self.home}]"

    def check_identified(self) -> None:
        """Raise ValueError if there are unknowns that the comparisons cannot tell apart."""
        alone = self.home and self.covariates.width == 1 and not self.prior
        if alone and operations("ranking").home_is_told(self.cells):
            return
        found = confounded(self.cells, self.covariates, prior=self.prior)
        if found is None:
            return
        names = [self.name(column) for column in found.columns]
        if found.with_scores:
            names.append("the scores")
        one, *others = names
        if not others:
            raise ValueError(f"{one} cannot be estimated: its covariate is 0 throughout")
        told = f"{one} cannot be told from {' and '.join(others)}"
        raise ValueError(f"{told}: a change of the one can be undone by the others in every comparison")

    def quick(self) -> bool:
        """Return whether pairs in which both won show a finite maximum, the graph of wins being strongly connected."""
        if self.covariates.width > self.home:
            return False
        return surely_finite(self.cells, home=self.home, has_tie=self.has_tie, prior=self.prior)

    def rows(self) -> OutcomeRows:
        """Return the rows of the outcomes seen."""
        return outcome_rows(self.cells, self.covariates, has_tie=self.has_tie, prior=self.prior)

    def verdict(self) -> Verdict:
        """Return the verdict of the linear programme; its direction has the logarithm of the tie parameter."""
        verdict = find_direction(self.rows())
        if verdict.direction is None:
            return verdict
        tie = MODELS[self.model].tie
        reach = 1.0 if tie is None else tie.reach
        found = verdict.direction
        times = 2.0 if (found.tie * reach) % 1.0 == 0.5 else 1.0
        return replace(
            verdict, direction=Direction(times * found.scores, times * found.coefficients, times * reach * found.tie)
        )

    def existence(self, verdict: Verdict) -> Existence:
        """Return a verdict in words, the graph of wins being strongly connected or the scores having a prior."""
        items = self.cells.n_items
        found = verdict.direction
        if found is None:
            return Existence(np.zeros(items), 1, (np.arange(items),), {}, proven=verdict.proven)
        values, group = np.unique(found.scores, return_inverse=True)
        scores = found.scores - values[np.bincount(group).argmax()]
        names = range(items) if self.labels is None else self.labels
        direction: dict[Hashable, float] = dict(zip(names, scores.tolist(), strict=True))
        moves = {TIE_PARAMETER: found.tie} | {self.name(c): b for c, b in enumerate(found.coefficients.tolist())}
        limit = np.where(scores == 0, 0.0, np.copysign(np.inf, scores))
        return Existence(
            limit,
            1,
            graph.members(group),
            {item: "moves with other parameters" for item, move in direction.items() if move},
            direction,
            {name: move for name, move in moves.items() if move},
            verdict.proven,
        )


def existence_of(cells: Cells, labels: tuple[Hashable, ...] | None, model: str, home: bool) -> Existence:
    """Return the existence of all parameters of a model without a prior."""
    check_model(model)
    question = Question(cells, labels, model, home_covariate(cells) if home else NO_COVARIATES, home, prior=False)
    existence = Existence.of(cells, labels)
    if not existence.finite:
        return existence
    question.check_identified()
    if question.quick():
        return existence
    return question.existence(question.verdict())


def home_covariate(cells: Cells) -> Covariates:
    """Return the covariate that is 1 where `first` is at home; raise ValueError if nobody ever is."""
    if not cells.home.any():
        raise ValueError("home advantage: the comparisons do not say who was at home; give Comparisons(..., home=...)")
    start = np.zeros(len(cells.home) + 1, dtype=np.int64)
    np.cumsum(cells.home, dtype=np.int64, out=start[1:])
    return Covariates(1, start, np.zeros(start[-1], dtype=np.int32), np.ones(start[-1]))


def _reasons(
    cells: Cells, limit: NDArray[np.float64], component: NDArray[np.int32], core: NDArray[np.bool_]
) -> list[tuple[int, str]]:
    ties = cells.ties if cells.ties.size else 0.0
    won, lost = np.zeros(cells.n_items), np.zeros(cells.n_items)
    for items, wins, losses in (
        (cells.first, cells.wins_first, cells.wins_second),
        (cells.second, cells.wins_second, cells.wins_first),
    ):
        np.add.at(won, items, wins + ties)
        np.add.at(lost, items, losses + ties)
    home = component[np.flatnonzero(core)[0]]
    found = []
    for item in np.flatnonzero(limit != 0).tolist():
        if won[item] == lost[item] == 0:
            reason = NEVER_COMPARED
        elif lost[item] == 0:
            reason = "won every comparison"
        elif won[item] == 0:
            reason = "lost every comparison"
        elif component[item] != home:
            reason = "never met the largest group"
        elif limit[item] > 0:
            reason = "is in a group that never lost against the largest group"
        elif limit[item] < 0:
            reason = "is in a group that never won against the largest group"
        else:
            reason = "met the largest group only by way of items with infinite scores"
        found.append((item, reason))
    return found
