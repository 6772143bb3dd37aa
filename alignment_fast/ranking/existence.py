"""Whether scores can be estimated at all: which of them are finite, and why the others are not."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking import _graph as graph

__all__ = ["Existence"]

# So many items are named in a message.
NAMED = 3


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
    reasons : dict
        For every item without a finite score, by label (or index): why.

    """

    limit: NDArray[np.float64]
    components: int
    groups: tuple[NDArray[np.int64], ...]
    reasons: dict[Hashable, str]

    @property
    def finite(self) -> bool:
        """Whether all items have a finite score."""
        return len(self.groups) == 1

    @classmethod
    def of(cls, cells: Cells, labels: tuple[Hashable, ...] | None = None) -> Self:
        """Return the existence of the scores of compressed comparisons."""
        groups = graph.members(graph.strongly_connected(operations("ranking"), cells))
        limit = np.zeros(cells.n_items)
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
        if self.finite:
            return "all scores are finite"
        named = "; ".join(f"{item!r} {reason}" for item, reason in list(self.reasons.items())[:NAMED])
        more = len(self.reasons) - NAMED
        rest = f"; and {more} more" if more > 0 else ""
        if self.components > 1:
            return f"the comparisons fall into {self.components} components that never met: {named}{rest}"
        return f"the comparisons are separable, so some scores are infinite: {named}{rest}"


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
            reason = "was never compared"
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
