"""A long sweep that stores what is finished: one file per block, and a run that was stopped goes on behind the last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignment_fast import __version__, dynamics
from alignment_fast._files import replacing

__all__ = ["FIELDS", "StoredSweep"]

# What is stored of each trajectory.
FIELDS = np.dtype([("cycle_strength", "<f8"), ("entropy", "<f8"), ("period", "<f8"), ("converged", "?")])


@dataclass(frozen=True)
class StoredSweep:
    """Every matrix at every α and β, λ = 1, from policies that are proportional to 1, 2, ..., K.

    Parameters
    ----------
    P : array (B, K, K)
        Matrices.
    method : {"ipo", "dpo"}
        The objective.
    alpha, beta : array (A,), (F,)
        The grid.
    steps : int
        Rounds; statistics are those of the last third.
    block : int, optional
        Matrices per file; by default about two seconds of work.

    """

    P: np.ndarray
    method: str
    alpha: np.ndarray
    beta: np.ndarray
    steps: int
    block: int | None = None

    @property
    def key(self) -> str:
        """A name that no sweep with other results has."""
        numbers = [array.astype("<f8").tobytes() for array in (self.P, self.alpha, self.beta)]
        rest = [__version__, self.method, self.steps, self.P.shape, self.alpha.shape, self.beta.shape]
        return hashlib.sha256(b"".join([*numbers, json.dumps(rest).encode()])).hexdigest()[:16]

    def run(
        self, folder: Path, finished: Callable[[int], object] = lambda trajectories: None, threads: int | None = None
    ) -> np.ndarray:
        """Return all results (B, A, F) of `FIELDS`, taking what is stored in `folder` and storing the rest there.

        Parameters
        ----------
        folder : path
            Where the blocks are; made if need be. It must belong to this sweep alone: put `key` into its name.
        finished : callable
            Called with the number of trajectories of each block that is at hand.
        threads : int, optional
            Threads to use; results have the same bits for any number.

        """
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".*.tmp"):  # of a run that was killed while it wrote
            leftover.unlink()
        results = np.empty((len(self.P), len(self.alpha), len(self.beta)), dtype=FIELDS)
        for number in range(len(self.alpha)):
            for first, last, values in self._blocks(folder, number, threads):
                results[first:last, number] = values
                finished(values.size)
        return results

    def _blocks(self, folder: Path, number: int, threads: int | None) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield matrices first to last − 1 at one α: those stored, then, once they are stored, the others."""
        start = 0
        for path in sorted(folder.glob(f"{number:04d}-*.npy")):
            first, last = (int(part) for part in path.stem.split("-")[1:])
            yield first, last, np.load(path)
            start = last
        blocks = dynamics.sweep_blocks(
            self.P,
            alpha=self.alpha[number],
            beta=self.beta,
            lam=1.0,
            init=np.arange(1.0, self.P.shape[-1] + 1.0),
            steps=self.steps,
            burn_in=2 * self.steps // 3,
            method=self.method,
            block=self.block,
            start=start,
            num_threads=threads,
        )
        for first, last, run in blocks:
            values = np.empty(run.entropy.shape, dtype=FIELDS)
            for field in FIELDS.names or ():
                values[field] = getattr(run, field)
            with replacing(folder / f"{number:04d}-{first:08d}-{last:08d}.npy") as file:
                np.save(file, values)
            yield first, last, values
