"""Replicates of a fit: how scores and ranks vary over them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.scalars import as_count, as_level
from alignment_fast._operations import operations

__all__ = ["Bootstrap", "number_of_replicates"]


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicates of a fit.

    Attributes
    ----------
    scores : array (n, K)
        Scores of mean zero; NaN in replicates that have no finite maximum.
    degenerate : int
        Number of those; they are left out below.
    labels : tuple or None
        Names of the items.
    estimate : array (K,) or None
        The scores of the fit itself.

    """

    scores: NDArray[np.float64]
    degenerate: int
    labels: tuple[Hashable, ...] | None
    estimate: NDArray[np.float64] | None = None

    @classmethod
    def _of(
        cls, unknowns: NDArray[np.float64], labels: tuple[Hashable, ...] | None, estimate: NDArray[np.float64]
    ) -> Bootstrap:
        """Return the replicates behind rows of unknowns, of which the first are the scores."""
        scores = unknowns[:, : len(estimate)]
        scores -= scores.mean(axis=1, keepdims=True)
        return cls(scores, int(np.isnan(scores[:, 0]).sum()), labels, estimate)

    def __repr__(self) -> str:
        count, items = self.scores.shape
        return f"Bootstrap({count} replicates of {items} items, {self.degenerate} without a finite maximum)"

    @property
    def _finite(self) -> NDArray[np.float64]:
        return self.scores[~np.isnan(self.scores[:, 0])]

    @property
    def ranks(self) -> NDArray[np.float64]:
        """Rank of every item in every replicate, (n, K); NaN where there is no finite maximum."""
        return operations("ranking").ranks(self.scores)

    def covariance(self) -> NDArray[np.float64]:
        """Return the covariance (K, K) of the scores over replicates."""
        return np.cov(self._finite, rowvar=False)

    def standard_errors(self) -> NDArray[np.float64]:
        """Return the standard deviations of the scores over replicates."""
        return self._finite.std(axis=0, ddof=1)

    def interval(self, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (low, high), the percentile intervals of the scores at confidence `level`."""
        low, high = np.quantile(self._finite, _tails(level), axis=0)
        return low, high

    def rank_interval(self, level: float = 0.95) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (best, worst) rank of every item: the percentile interval of its ranks."""
        low, high = _tails(level)
        ranks = operations("ranking").ranks(self._finite) if self.degenerate < len(self.scores) else self.ranks
        best = np.quantile(ranks, low, axis=0, method="lower")
        worst = np.quantile(ranks, high, axis=0, method="higher")
        return best.astype(np.int64), worst.astype(np.int64)


def _tails(level: float) -> tuple[float, float]:
    level = as_level(level)
    return 0.5 - 0.5 * level, 0.5 + 0.5 * level


def number_of_replicates(n: int) -> int:
    """Return `n` as a number of replicates, or raise."""
    return as_count(n, "n")
