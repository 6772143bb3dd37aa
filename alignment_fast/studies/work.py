"""What a worker does: the blocks of one cell, each a function of the study's hash, the cell and the block's number."""

from __future__ import annotations

import time
import traceback
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from alignment_fast import num_threads
from alignment_fast.studies.errors import SpecError
from alignment_fast.studies.estimands import ESTIMATORS, Estimator, Setting
from alignment_fast.studies.partials import Partial
from alignment_fast.studies.spec import Cell
from alignment_fast.studies.store import Made, StoredBlock, here

__all__ = ["Failed", "Job", "Report", "compute", "estimator_of"]

# Estimators that are kept for the next blocks of their cells.
KEPT = 64
_kept: OrderedDict[tuple[str, int, str], Estimator] = OrderedDict()


@dataclass(frozen=True)
class Job:
    """Blocks of one cell: (number, first replicate, replicates) of each."""

    study: str
    seed: int
    folder: str
    cell: Cell
    ranges: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Failed:
    """A block that raised an exception."""

    number: int
    traceback: str


@dataclass(frozen=True)
class Report:
    """What became of a job."""

    made: Made
    blocks: tuple[StoredBlock | Failed, ...]


def estimator_of(study: str, seed: int, folder: Path, cell: Cell) -> Estimator:
    """Return the estimator of a cell; the last ones are kept."""
    key = study, cell.number, str(folder)
    found = _kept.get(key)
    if found is None:
        try:
            found = _kept[key] = ESTIMATORS[cell.kind](
                Setting(seed, cell.number, cell.parameters, cell.source_keys, folder)
            )
        except ValueError as error:
            raise SpecError(f"cell {cell.number} ({cell}): {error}") from error
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def compute(job: Job) -> Report:
    """Compute the blocks of a job; one that raises does not keep the others from it."""
    done: list[StoredBlock | Failed] = []
    with num_threads(1):
        for number, first, count in job.ranges:
            begun = time.perf_counter()
            try:
                estimator = estimator_of(job.study, job.seed, Path(job.folder), job.cell)
                partial = Partial.of(estimator.values(first, count), sketched=bool(job.cell.quantiles))
                seconds = time.perf_counter() - begun
                done.append(StoredBlock(job.cell.number, number, count, partial.to_bytes(), seconds))
            except KeyboardInterrupt:
                raise
            except BaseException:  # users' functions may raise SystemExit, too, which would end the coordinator
                done.append(Failed(number, traceback.format_exc()))
    return Report(here(), tuple(done))
