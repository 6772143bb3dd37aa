"""Bootstrap of fits of comparisons: counts are drawn anew, cell by cell, and the fit is repeated."""

from __future__ import annotations

import operator
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.rng import BOOTSTRAP, Seed, stream_key
from alignment_fast.ranking import _solve as solve

if TYPE_CHECKING:
    from alignment_fast.ranking.result import RatingFit

__all__ = ["Bootstrap", "bootstrap"]

# Largest entry of the last Newton step of a replicate, which is still taken: far below any standard error.
TOLERANCE = 1e-6


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

    """

    scores: NDArray[np.float64]
    degenerate: int
    labels: tuple[Hashable, ...] | None

    def __repr__(self) -> str:
        count, items = self.scores.shape
        return f"Bootstrap({count} replicates of {items} items, {self.degenerate} without a finite maximum)"

    @property
    def _finite(self) -> NDArray[np.float64]:
        return self.scores[~np.isnan(self.scores[:, 0])]

    @property
    def ranks(self) -> NDArray[np.float64]:
        """Rank of every item in every replicate, (n, K); NaN where there is no finite maximum."""
        from scipy.stats import rankdata

        ranks = rankdata(-self.scores, method="min", axis=1).astype(np.float64)
        return np.where(np.isnan(self.scores), np.nan, ranks)

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
        ranks = self.ranks
        best = np.nanquantile(ranks, _tails(level)[0], axis=0, method="lower")
        worst = np.nanquantile(ranks, _tails(level)[1], axis=0, method="higher")
        return best.astype(np.int64), worst.astype(np.int64)


def _tails(level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    return 0.5 - 0.5 * level, 0.5 + 0.5 * level


def bootstrap(fit: RatingFit, n: int, *, rng: Seed = None, num_threads: int | None = None) -> Bootstrap:
    """Return `n` fits to comparisons drawn anew.

    Every count becomes a Poisson variable with that mean, as if each comparison were drawn Poisson(1) times: the
    bootstrap for large samples in which their number varies too. Weights are taken as counts.

    Parameters
    ----------
    fit : RatingFit
        What is repeated; each replicate starts from its scores.
    n : int
        Number of replicates.
    rng : None, int, SeedSequence or Generator
        Seed. Counts of replicate r depend on the seed and r only.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    Bootstrap
        A replicate without a finite maximum is NaN, counted in `degenerate` and left out of intervals.

    Raises
    ------
    ValueError
        If n < 1, or the fit was made with `bias_reduction`.

    Notes
    -----
    Cost for each replicate, one thread: about 30 ns per count drawn, and two or three Newton steps.

    References
    ----------
    Hanley and MacGibbon, Comput. Methods Programs Biomed. 83 (2006) 57-62.

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons.from_matrix([[0, 30, 20], [10, 0, 25], [15, 12, 0]])
    >>> af.ranking.fit(votes).bootstrap(1000, rng=7)
    Bootstrap(1000 replicates of 3 items, 0 without a finite maximum)

    """
    count = operator.index(n)
    if count < 1:
        raise ValueError(f"n must be at least 1, not {count}")
    if fit.specification.bias_reduction:
        raise ValueError("a fit with bias_reduction has no bootstrap: its correction assumes the counts as they are")
    key = stream_key(rng, BOOTSTRAP, "rng")
    found = solve.bootstrap(
        fit._objective, fit.unknowns, key, count, tolerance=TOLERANCE, limit=50, num_threads=num_threads
    )
    scores = found[:, : len(fit.scores)]
    scores -= scores.mean(axis=1, keepdims=True)
    return Bootstrap(scores, int(np.isnan(scores[:, 0]).sum()), fit.labels)
