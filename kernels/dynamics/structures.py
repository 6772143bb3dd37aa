"""What operations of trajectories take and return: plain data."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class SampledPairs:
    """Scores from sampled pairs: how many a round, pseudo-pairs beside them, the key of their random words."""

    count: int
    prior: float
    key: int


@dataclass(frozen=True)
class TrajectoryProblem:
    """Trajectories of `rows` preference matrices at `points` parameter points each.

    Parameters
    ----------
    method : {"ipo", "dpo"}
        The objective.
    rows : int
        Number of rows; arrays with one row serve all of them.
    skew : array (1 or rows, K, K)
        P − 1/2, exactly skew.
    log_ref, sampler, log_init : array (1 or rows, K)
        Log-policies (−inf where there is no mass), and the offline sampler as probabilities.
    alpha, beta, lam : array (1 or rows, points)
        Parameters.
    schedule : array (rounds, 3) or None
        Factors of the three parameters, round by round.
    pairs : SampledPairs or None
        None: exact scores.
    first_row : int
        Number of the first row in a larger problem that this one is a part of.
    place : Place or None
        Where on a CUDA device results are to be; None: on the CPU.

    """

    method: str
    rows: int
    skew: np.ndarray
    log_ref: np.ndarray
    sampler: np.ndarray
    log_init: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    lam: np.ndarray
    schedule: np.ndarray | None = None
    pairs: SampledPairs | None = None
    first_row: int = 0
    place: Any = None

    BY_ROW: ClassVar = ("skew", "log_ref", "sampler", "log_init", "alpha", "beta", "lam")

    @property
    def size(self):
        """Number of responses."""
        return self.skew.shape[-1]

    @property
    def points(self):
        """Number of parameter points."""
        return self.alpha.shape[1]

    def part(self, first, last):
        """Return rows first..last-1 as a problem of its own, with the same results."""
        arrays = {name: getattr(self, name) for name in self.BY_ROW}
        cut = {name: array if len(array) == 1 else array[first:last] for name, array in arrays.items()}
        return replace(self, rows=last - first, first_row=self.first_row + first, **cut)


@dataclass(frozen=True)
class TrajectoryResults:
    """One row or entry per trajectory, point after point, row after row; `path` (trajectories, times, K)."""

    log_policy: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    entropy: np.ndarray
    entropy_min: np.ndarray
    entropy_max: np.ndarray
    period: np.ndarray
    converged: np.ndarray
    path: np.ndarray

    @classmethod
    def empty(cls, trajectories, size, times, make=np.empty, flag=np.uint8):
        """Return results yet to be written: what `make` returns for shapes and dtypes, `flag` that of truth values."""
        per_response = (make((trajectories, size), np.float64) for _ in range(3))
        per_trajectory = (make((trajectories,), np.float64) for _ in range(4))
        converged = make((trajectories,), flag)
        return cls(*per_response, *per_trajectory, converged, make((trajectories, times, size), np.float64))
