"""What a worker does: blocks of cells, each a function of the study's hash, the cell and the block's number."""

from __future__ import annotations

import time
import traceback
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alignment_fast import num_threads
from alignment_fast.studies.errors import SpecError
from alignment_fast.studies.estimands import ESTIMATORS, CellSetting, Estimator
from alignment_fast.studies.made import Made, here
from alignment_fast.studies.partials import Partial
from alignment_fast.studies.spec import Cell
from alignment_fast.studies.store import StoredBlock

__all__ = ["CellTask", "Failed", "Job", "JobReport", "Share", "compute", "estimator_of", "stop"]

# Estimators that are kept for the next blocks of their cells.
KEPT = 64
_kept: OrderedDict[tuple[str, int, str, str], Estimator] = OrderedDict()
# Runs of this process that were interrupted: their jobs end after the block that they are at.
_stopped: set[int] = set()


@dataclass(frozen=True)
class Share:
    """Blocks of one cell: (number, first replicate, replicates) of each."""

    cell: Cell
    ranges: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Job:
    """Blocks of some cells, for a device; `run` is that of the coordinator, `numpy` whether its arithmetic counts."""

    study: str
    seed: int
    folder: str
    run: int
    numpy: bool
    shares: tuple[Share, ...]
    device: str = "cpu"

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield the cell and the number of each block."""
        return ((share.cell.number, number) for share in self.shares for number, _, _ in share.ranges)


@dataclass(frozen=True)
class Failed:
    """A block that raised an exception."""

    cell: int
    number: int
    traceback: str


@dataclass(frozen=True)
class JobReport:
    """What became of a job."""

    made: Made
    blocks: tuple[StoredBlock | Failed, ...]


@dataclass(frozen=True)
class CellTask:
    """A cell of a study, by the protocol of `blocks`."""

    estimator: Estimator
    sketched: bool
    replicates: int
    block: int

    def partial(self, first: int, count: int) -> Partial:
        """Return the statistics of replicates first to first + count − 1."""
        return Partial.of(self.estimator.values(first, count), sketched=self.sketched)


def estimator_of(study: str, seed: int, folder: Path, cell: Cell, device: str = "cpu") -> Estimator:
    """Return the estimator of a cell; the last ones are kept."""
    key = study, cell.number, str(folder), device
    found = _kept.get(key)
    if found is None:
        try:
            found = _kept[key] = ESTIMATORS[cell.kind](
                CellSetting(seed, cell.number, cell.parameters, cell.source_keys, folder, device)
            )
        except ValueError as error:
            raise SpecError(f"cell {cell.number} ({cell}): {error}") from error
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def stop(run: int) -> None:
    """Let the jobs of a run in this process end after the block that they are at."""
    _stopped.add(run)


def compute(job: Job) -> JobReport:
    """Compute the blocks of a job; one that raises does not keep the others from it."""
    done: list[StoredBlock | Failed] = []
    with num_threads(1):
        for share in job.shares:
            for number, first, count in share.ranges:
                if job.run in _stopped:
                    break
                done.append(_computed(job, share.cell, number, first, count))
    return JobReport(here(numpy=job.numpy, device=job.device), tuple(done))


def _computed(job: Job, cell: Cell, number: int, first: int, count: int) -> StoredBlock | Failed:
    begun = time.perf_counter()
    try:
        estimator = estimator_of(job.study, job.seed, Path(job.folder), cell, job.device)
        partial = CellTask(estimator, bool(cell.quantiles), first + count, cell.block).partial(first, count)
        return StoredBlock(cell.number, number, count, partial.to_bytes(), time.perf_counter() - begun)
    except KeyboardInterrupt:
        raise
    except BaseException:  # users' functions may raise SystemExit, too, which would end the coordinator
        return Failed(cell.number, number, traceback.format_exc())
