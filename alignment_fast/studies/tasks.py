"""Simulations, sweeps and bootstraps as tasks for `blocks`: the same protocol that cells of studies have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast import best_of_n, dynamics

__all__ = ["BootstrapTask", "Rows", "SimulationTask", "SweepTask"]


@dataclass(frozen=True)
class Rows:
    """Named results of consecutive replicates, a row of each array for every one of them."""

    columns: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def merge(self, other: Rows) -> Rows:
        """Return the results of both, those of `other` last."""
        if not isinstance(other, Rows):
            raise TypeError(f"only rows can be merged with rows, not {type(other).__name__}")
        if [*self.columns] != [*other.columns]:
            raise ValueError(
                f"rows of {', '.join(other.columns)} cannot be merged with those of {', '.join(self.columns)}"
            )
        return Rows({name: np.concatenate([rows, other[name]]) for name, rows in self.columns.items()})


@dataclass(frozen=True)
class SimulationTask:
    """`best_of_n.simulate` block by block: blocks of a multiple of 4096 merge to the bits of one call.

    Parameters
    ----------
    source, n, replicates, seed
        As of `best_of_n.simulate`.
    block : int
        Replicates of a block.
    options : mapping
        Other arguments of `best_of_n.simulate`.

    Examples
    --------
    >>> from alignment_fast.best_of_n import Gaussian, simulate
    >>> from alignment_fast.studies import SimulationTask, blocks
    >>> task = SimulationTask(Gaussian(), 8, 10_000, seed=0, block=4096)
    >>> blocks(task, 0, 3).mean == simulate(Gaussian(), 8, 10_000, seed=0).mean
    True

    """

    source: Any
    n: Any
    replicates: int
    seed: Any
    block: int = 1 << 16
    options: Mapping[str, Any] = field(default_factory=dict)

    def partial(self, first: int, count: int) -> best_of_n.Simulation:
        """Return the simulation of replicates first to first + count − 1."""
        return best_of_n.simulate(self.source, self.n, count, seed=self.seed, replicate=first, **self.options)


@dataclass(frozen=True)
class SweepTask:
    """`dynamics.sweep` block by block; a replicate is a matrix.

    Parameters
    ----------
    P : array (B, K, K)
        Preference matrices.
    columns : tuple of str
        Which results of the sweep are kept.
    block : int
        Matrices of a block.
    options : mapping
        The other arguments of `dynamics.sweep`.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.studies import SweepTask, blocks
    >>> P = np.array([[[0.5, 0.8], [0.2, 0.5]]] * 3)
    >>> point = {"alpha": 0.5, "beta": [1.0, 2.0], "lam": 1.0, "init": [0.5, 0.5], "steps": 10}
    >>> blocks(SweepTask(P, ("entropy",), block=2, options=point), 0, 2)["entropy"].shape
    (3, 2)

    """

    P: NDArray[np.float64]
    columns: tuple[str, ...]
    block: int
    options: Mapping[str, Any]

    @property
    def replicates(self) -> int:
        """Number of matrices."""
        return len(self.P)

    def partial(self, first: int, count: int) -> Rows:
        """Return the results of matrices first to first + count − 1."""
        run = dynamics.sweep(self.P[first : first + count], **self.options)
        return Rows({name: getattr(run, name) for name in self.columns})


@dataclass(frozen=True)
class BootstrapTask:
    """The bootstrap of a fit of ratings block by block; each block draws from a stream of its own.

    Parameters
    ----------
    fit : RatingFit or another result with ``bootstrap(n, rng=)``
        What is drawn again.
    replicates, seed : int
        How many, and from which seed.
    block : int
        Replicates of a block: results depend on it.

    Examples
    --------
    >>> from alignment_fast import ranking
    >>> from alignment_fast.studies import BootstrapTask, blocks
    >>> fit = ranking.fit(ranking.Comparisons([0, 0, 1, 1, 2, 0], [1, 2, 2, 0, 0, 1]), l2=0.1)
    >>> blocks(BootstrapTask(fit, 100, seed=1, block=64), 0, 2)["scores"].shape
    (100, 3)

    """

    fit: Any
    replicates: int
    seed: int
    block: int = 256

    def partial(self, first: int, count: int) -> Rows:
        """Return the scores of replicates first to first + count − 1."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(first,))
        return Rows({"scores": self.fit.bootstrap(count, rng=sequence).scores})
