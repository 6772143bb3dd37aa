"""A long sweep that stores what is finished: one file per block, and a run that was stopped computes what is missing.

Several runs may share a folder: blocks appear whole under their names, and two runs write the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignment_fast import __version__, dynamics
from alignment_fast._files import replacing

__all__ = ["FIELDS", "StoredSweep"]

# What is stored of each trajectory.
FIELDS = np.dtype([("cycle_strength", "<f8"), ("entropy", "<f8"), ("period", "<f8"), ("converged", "?")])
_NAME = re.compile(r"\d{4,}-(\d{8,})-(\d{8,})\.npy")
_DIGEST = hashlib.sha256().digest_size
# Seconds after which a temporary file is nobody's any more: one is written in milliseconds.
_LEFTOVER_AGE = 86_400


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
            Where the blocks are; made if need be. It must belong to this sweep alone: put `key` into its name. Runs of
            the same sweep may use it at the same time.
        finished : callable
            Called with the number of trajectories of each block that is at hand.
        threads : int, optional
            Threads to use; results have the same bits for any number.

        Warns
        -----
        UserWarning
            For each stored block that is not what its name says; it is computed again, and so are missing ones.

        """
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        results = np.empty((len(self.P), len(self.alpha), len(self.beta)), dtype=FIELDS)
        for number in range(len(self.alpha)):
            for first, last, values in self._blocks(folder, number, threads):
                results[first:last, number] = values
                finished(values.size)
        return results

    def _blocks(self, folder: Path, number: int, threads: int | None) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield matrices first to last − 1 at one α: those stored, and once they are stored the others."""
        sound, bad = self._stored(folder, number)
        start = 0
        for first, last, values in sound:
            if first > start:
                yield from self._computed(folder, number, start, first, threads)
            if last > start:  # else blocks of another size, from another run, cover it
                yield max(first, start), last, values[max(0, start - first) :]
                start = last
        yield from self._computed(folder, number, start, len(self.P), threads)
        for path in bad:
            if self._read(path) is None:  # nothing of the same name took its place
                path.unlink(missing_ok=True)

    def _stored(self, folder: Path, number: int) -> tuple[list[tuple[int, int, np.ndarray]], list[Path]]:
        """Return the blocks at one α that are what their names say, and the paths of others, after a warning."""
        sound, bad = [], []
        for path in sorted(folder.glob(f"{number:04d}-*.npy")):
            name = _NAME.fullmatch(path.name)
            if name is None:
                continue
            values = self._read(path)
            if values is not None:
                sound.append((int(name[1]), int(name[2]), values))
                continue
            bad.append(path)
            warnings.warn(
                f"{path} is not what its name says (empty, cut short, changed or from elsewhere): "
                "its part of the sweep is computed again",
                UserWarning,
                stacklevel=4,
            )
        return sound, bad

    def _computed(
        self, folder: Path, number: int, start: int, stop: int, threads: int | None
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Compute and store matrices start to stop − 1 at one α, and yield them block by block."""
        blocks = dynamics.sweep_blocks(
            self.P[:stop],
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
            self._write(folder / f"{number:04d}-{first:08d}-{last:08d}.npy", values)
            yield first, last, values

    def _write(self, path: Path, values: np.ndarray) -> None:
        """Store a block: an array in NumPy's format, and behind it a digest of its name, its sweep and every byte."""
        content = io.BytesIO()
        np.save(content, values)
        with replacing(path) as file:
            file.write(content.getvalue())
            file.write(self._digest(path, content.getvalue()))

    def _read(self, path: Path) -> np.ndarray | None:
        """Return the block at `path`, None if it is not what its name says."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        array, digest = content[:-_DIGEST], content[-_DIGEST:]
        return np.load(io.BytesIO(array)) if digest == self._digest(path, array) else None

    def _digest(self, path: Path, content: bytes) -> bytes:
        return hashlib.sha256(f"{self.key} {path.name} ".encode() + content).digest()


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files of runs that were killed while they wrote; young ones may be another run's at work."""
    for leftover in folder.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_AGE:
                leftover.unlink()
