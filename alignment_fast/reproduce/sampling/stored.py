"""A long sweep that stores what is finished: a block per α and some matrices, and a run computes what is missing.

Several runs may share a folder: blocks are stored whole or not at all, and two runs store the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alignment_fast import __version__
from alignment_fast.studies import SweepTask, blocks
from alignment_fast.studies.made import here
from alignment_fast.studies.store import Damaged, Store, StoredBlock

__all__ = ["FIELDS", "FILE", "StoredSweep"]

# What is stored of each trajectory.
FIELDS = np.dtype([("cycle_strength", "<f8"), ("entropy", "<f8"), ("period", "<f8"), ("converged", "?")])
# The store, in the folder of the sweep.
FILE = "blocks.db"
# A block is at most so many trajectories, and about so many nanoseconds of work.
_TRAJECTORIES, _WORK = 65_536, 2e9


class _Described(NamedTuple):
    """What the store tells sweeps from each other by."""

    name: str
    hash: str
    canonical: str


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
        Matrices per block; by default about two seconds of work.

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

    @property
    def rows(self) -> int:
        """Matrices of a block."""
        if self.block is not None:
            return self.block
        K, points = self.P.shape[-1], max(1, len(self.beta))
        cost = 2.3 * K**3 if self.method == "dpo" else max(10.0, 0.1 * K**2)  # of a round, in nanoseconds
        return max(1, min(_TRAJECTORIES // points, int(_WORK / (points * cost * max(1, self.steps)))))

    def run(
        self, folder: Path, finished: Callable[[int], object] = lambda trajectories: None, threads: int | None = None
    ) -> np.ndarray:
        """Return all results (B, A, F) of `FIELDS`, taking what is stored in `folder` and storing the rest there.

        Parameters
        ----------
        folder : path
            Where the store is; made if need be. Put `key` into its name. Runs of the same sweep may use it at the same
            time.
        finished : callable
            Called with the number of trajectories of each block that is at hand.
        threads : int, optional
            Threads to use; results have the same bits for any number.

        Warns
        -----
        UserWarning
            For each stored block that is not what was stored; it is computed again, and so are missing ones.

        """
        folder.mkdir(parents=True, exist_ok=True)
        results = np.empty((len(self.P), len(self.alpha), len(self.beta)), dtype=FIELDS)
        with Store(folder / FILE, write=True, shared=True) as store:
            # Blocks of another size, or of another arithmetic, are other blocks.
            name = f"{self.rows} {here().arithmetic}"
            study = store.begin(_Described(name, self.key, json.dumps({"key": self.key})), here())
            stored = self._stored(store, study)
            for number in range(len(self.alpha)):
                task = self._task(number, threads)
                for block in range(-(-task.replicates // task.block)):
                    values = stored.get((number, block))
                    if values is None:
                        values = self._computed(store, study, task, number, block)
                    first = block * task.block
                    results[first : first + len(values), number] = values
                    finished(values.size)
        return results

    def _stored(self, store: Store, study: int) -> dict[tuple[int, int], np.ndarray]:
        """Return the blocks that are what was stored, by their places, and remove others, after a warning."""
        found, bad = {}, []
        for row in store.blocks(study):
            if isinstance(row, Damaged):
                bad.append(row)
            else:
                values = np.frombuffer(row.payload, FIELDS).reshape(row.replicates, len(self.beta))
                found[row.cell, row.number] = values
        for row in bad:
            warnings.warn(
                f"{store.path}: block {row.number} at number {row.cell} of α is not what was stored ({row.reason}): "
                "its part of the sweep is computed again",
                UserWarning,
                stacklevel=3,
            )
            store.quarantine(study, row.cell, row.number, row.reason)
        return found

    def _task(self, number: int, threads: int | None) -> SweepTask:
        """Return the sweep at one α."""
        options = {
            "alpha": self.alpha[number],
            "beta": self.beta,
            "lam": 1.0,
            "init": np.arange(1.0, self.P.shape[-1] + 1.0),
            "steps": self.steps,
            "burn_in": 2 * self.steps // 3,
            "method": self.method,
            "num_threads": threads,
        }
        return SweepTask(self.P, FIELDS.names or (), self.rows, options)

    def _computed(self, store: Store, study: int, task: SweepTask, number: int, block: int) -> np.ndarray:
        """Compute a block and store it."""
        begun = time.perf_counter()
        found = blocks(task, block, block + 1)
        values = np.empty(found["entropy"].shape, dtype=FIELDS)
        for field in task.columns:
            values[field] = found[field]
        seconds = time.perf_counter() - begun
        store.add(study, [StoredBlock(number, block, len(values), values.tobytes(), seconds)], here())
        return values
