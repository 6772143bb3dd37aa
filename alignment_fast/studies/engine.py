"""The coordinator: gives blocks to workers, stores what comes back, and knows when it is enough.

Blocks may come back in any order; statistics are put together in the order of their numbers. A block that raises is
tried once more and then set aside with its traceback. Where workers die, those that had work at that moment are tried
one by one: a block whose worker dies twice while it is alone is set aside, and the others go on.
"""

from __future__ import annotations

import contextlib
import itertools
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from typing import Protocol

from alignment_fast.studies.errors import SpecError, StoreError, StudyError, UnfitBlockError
from alignment_fast.studies.executors import Workers
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.groups import Group
from alignment_fast.studies.made import Made, here
from alignment_fast.studies.schedule import JOBS_PER_WORKER, JobSchedule
from alignment_fast.studies.spec import Cell, Spec
from alignment_fast.studies.store import Damaged, SetAside, Snapshot, Store, StoredBlock, StoredGroup, read_partial
from alignment_fast.studies.tally import Progress, Tally
from alignment_fast.studies.work import Failed, Job, JobReport, Share, compute, estimator_of, stop

__all__ = ["Sink", "fold_of", "folds_of", "run"]

# Times that a block is tried.
TRIES = 2
# Times that workers may die one after the other, without a single block in between, before it is asked why.
DEATHS = 20
# Seconds between two reports of progress.
REPORT_SECONDS = 0.2
# Blocks in line between two snapshots of a cell, and at least of a complete one.
SNAPSHOT_BLOCKS, SNAPSHOT_AT_END = 4096, 256
KILLED = "the worker died {times} times while it computed this block alone (killed, or out of memory)"
_runs = itertools.count(1)

Observer = Callable[[Progress], object]


class Sink(Protocol):
    """Where blocks go: a store, or the files of a part of a study."""

    def add(self, study: int, blocks: Iterable[StoredBlock], made: Made) -> None:
        """Keep finished blocks."""
        ...

    def put_aside(self, study: int, block: SetAside) -> None:
        """Note a block that could not be computed."""
        ...

    def quarantine(self, study: int, cell: int, number: int, reason: str) -> None:
        """Take a block out that does not fit the others."""
        ...

    def put_snapshot(self, study: int, snapshot: Snapshot) -> None:
        """Keep the statistics of the first blocks of a cell."""
        ...

    def check(self, study: int, made: Made, *, mixed: bool) -> None:
        """Raise StoreError if blocks that `made` computed may not be mixed with the others."""
        ...


def fold_of(spec: Spec, cell: Cell) -> Fold:
    """Return the fold of a cell, without any blocks yet."""
    if spec.target is not None:
        names = estimator_of(spec.hash, spec.seed, spec.folder, cell).names
        if names is not None:
            spec.target.check(cell, names)
    return Fold(spec, cell)


def folds_of(spec: Spec, store: Store, study: int, *, mend: bool = False) -> list[Fold]:
    """Return the folds of all cells with what is stored.

    Parameters
    ----------
    spec, store, study
        The study and where it is.
    mend : bool
        Take damaged rows out, with a warning; otherwise they are an error.

    """
    folds = [fold_of(spec, cell) for cell in spec.cells]
    snapshots = store.snapshots(study)
    for snapshot in snapshots or ():
        folds[snapshot.cell].restore(snapshot.prefix, snapshot.content)
    damaged = []
    rows = itertools.chain(store.groups(study), store.blocks(study, after=snapshots is not None))
    for row in rows:
        problem = row.reason if isinstance(row, Damaged) else take_block(folds, row, str(store.path))
        if problem:
            damaged.append((row, problem))
    for row, problem in damaged:
        message = f"{store.path}: block {row.number} of cell {row.cell} is not what was stored ({problem})"
        if not mend:
            raise StoreError(f"{message}; `study run` computes it again")
        warnings.warn(f"{message}: it is computed again", UserWarning, stacklevel=3)
        store.quarantine(study, row.cell, row.number, problem)
    return folds


def take_block(folds: Sequence[Fold], row: StoredBlock | StoredGroup, origin: str) -> str:
    """Add a block, or a group of them, to its fold; return what is wrong with its columns, if anything.

    Raises
    ------
    StoreError
        If it is whole, but of another cell or of other replicates than any block here: it stays where it is.

    """
    place = f"{origin}: block {row.number} of cell {row.cell}"
    if not 0 <= row.cell < len(folds):
        raise StoreError(f"{place} is whole, but there are only {len(folds)} cells")
    fold = folds[row.cell]
    count = row.count if isinstance(row, StoredGroup) else 1
    first, last = fold.range_of(row.number), fold.range_of(row.number + count - 1)
    expected = sum(last) - first[0] if row.number >= 0 else 0
    if expected != row.replicates:
        raise StoreError(
            f"{place} is whole, but has {row.replicates} replicates, not {expected}: another version of "
            "alignment_fast stored it; go on with that one, or begin a new store"
        )
    try:
        if isinstance(row, StoredGroup):
            fold.add_group(row.number, Group.from_bytes(row.payload))
        else:
            fold.add(row.number, read_partial(row))
    except SpecError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        return str(error)
    return ""


def run(
    spec: Spec,
    sink: Sink,
    study: int,
    workers: Workers,
    folds: list[Fold],
    *,
    mixed: bool = False,
    progress: Observer | None = None,
    mine: Callable[[int, int], bool] = lambda cell, number: True,
    device: str = "cpu",
) -> None:
    """Compute what is missing in the folds, as far as it is `mine`, and keep it."""
    _Coordinator(spec, sink, study, workers, folds, mixed, progress, mine, device).run()


class _Coordinator:
    def __init__(
        self,
        spec: Spec,
        sink: Sink,
        study: int,
        workers: Workers,
        folds: list[Fold],
        mixed: bool,
        progress: Observer | None,
        mine: Callable[[int, int], bool],
        device: str,
    ) -> None:
        self.device = device
        self.spec, self.sink, self.study, self.workers = spec, sink, study, workers
        self.folds, self.mixed = folds, mixed
        self.progress = progress
        self.number = next(_runs)
        self.schedule = JobSchedule(folds, workers.number, mine)
        self.tally = Tally(folds)
        self.flying: dict[Future[JobReport], Job] = {}
        self.again: deque[tuple[int, int]] = deque()  # blocks to try once more
        self.suspects: deque[tuple[int, int]] = deque()  # blocks to try alone, after workers died
        self.failures: dict[tuple[int, int], int] = {}
        self.deaths: dict[tuple[int, int], int] = {}
        self.deaths_in_a_row = 0
        self.snapped = {fold.cell.number: fold.prefix for fold in folds}
        self.made = here(numpy=spec.uses_numpy, device=device)
        self.begun = time.monotonic()
        self.reported = -REPORT_SECONDS
        self.computed = 0
        self.last = 0

    def run(self) -> None:
        try:
            self.fill()
            while self.flying:
                done, _ = wait(self.flying, timeout=REPORT_SECONDS, return_when=FIRST_COMPLETED)
                self.take(done)
                self.fill()
                if self.flying:
                    self.report()
            self.report(last=True)
        except BaseException as error:
            stop(self.number)
            if isinstance(error, KeyboardInterrupt):
                with contextlib.suppress(StoreError):
                    self.keep([future for future in self.flying if future.done()])
            raise

    # ---- giving work ----

    def fill(self) -> None:
        """Give work to all workers that can have some."""
        while job := self.next_job():
            self.submit(job)

    def submit(self, job: Job) -> None:
        try:
            self.flying[self.workers.executor.submit(compute, job)] = job
        except (BrokenExecutor, RuntimeError) as error:
            future: Future[JobReport] = Future()
            future.set_exception(error if isinstance(error, BrokenExecutor) else BrokenExecutor(str(error)))
            self.flying[future] = job

    def next_job(self) -> Job | None:
        if self.suspects:
            cell, number = self.suspects[0]
            return None if self.flying else self.job([(cell, [number])])
        if len(self.flying) >= JOBS_PER_WORKER * self.workers.number:
            return None
        if self.again:
            cell, number = self.again.popleft()
            return self.job([(cell, [number])])
        chosen = self.schedule.take()
        return self.job(chosen) if chosen else None

    def job(self, chosen: Iterable[tuple[int, list[int]]]) -> Job:
        shares = tuple(
            Share(self.folds[cell].cell, tuple((number, *self.folds[cell].range_of(number)) for number in numbers))
            for cell, numbers in chosen
        )
        spec = self.spec
        return Job(spec.hash, spec.seed, str(spec.folder), self.number, spec.uses_numpy, shares, self.device)

    # ---- taking results ----

    def take(self, done: Iterable[Future[JobReport]]) -> None:
        """Store what finished futures give, and see to what failed."""
        broken = self.keep(done)
        if broken:
            self.replace_workers(broken)

    def keep(self, done: Iterable[Future[JobReport]]) -> list[Job]:
        """Store the results of finished futures; return the jobs whose workers died."""
        blocks: dict[Made, list[StoredBlock]] = {}
        broken: list[Job] = []
        failed: list[Failed] = []
        for future in done:
            job = self.flying.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if isinstance(error, KeyboardInterrupt):
                raise error
            if isinstance(error, BrokenExecutor | CancelledError):
                broken.append(job)
                continue
            if error is None:
                report = future.result()
            else:  # of the executor: what it was given cannot travel, say
                text = f"{type(error).__name__}: {error}"
                report = JobReport(self.made, tuple(Failed(*place, text) for place in job.places()))
            if self.suspects and self.suspects[0] in job.places():
                self.suspects.popleft()  # it was alone, and its worker lives
            self.check(report)
            blocks.setdefault(report.made, []).extend(one for one in report.blocks if isinstance(one, StoredBlock))
            failed += [one for one in report.blocks if isinstance(one, Failed)]
        if blocks:
            self.deaths_in_a_row = 0
        for made, found in blocks.items():
            self.add(found, made)
        for failure in failed:
            self.fail(failure)
        return broken

    def check(self, report: JobReport) -> None:
        if (report.made.version, report.made.arithmetic) != (self.made.version, self.made.arithmetic):
            self.sink.check(self.study, report.made, mixed=self.mixed)

    def add(self, blocks: list[StoredBlock], made: Made) -> None:
        """Keep blocks, and merge them."""
        fresh = {(one.cell, one.number): one for one in blocks if not self.folds[one.cell].knows(one.number)}
        if not fresh:
            return
        self.sink.add(self.study, fresh.values(), made)
        for (cell, number), block in fresh.items():
            self.schedule.measured(cell, block.seconds)
            self.computed += block.replicates
            self.last = cell
            try:
                self.folds[cell].add(number, read_partial(block))
            except UnfitBlockError as error:  # a user's function that changes its columns
                self.sink.quarantine(self.study, cell, error.number, str(error))
                self.put_aside(cell, error.number, str(error))
            self.changed(cell)

    def changed(self, cell: int) -> None:
        """Take in what changed in a cell."""
        fold = self.folds[cell]
        self.tally.update(cell)
        self.schedule.update(cell)
        new = fold.prefix - self.snapped[cell]
        if new >= (SNAPSHOT_AT_END if fold.complete else SNAPSHOT_BLOCKS) and not fold.lost:
            self.sink.put_snapshot(self.study, Snapshot(cell, fold.prefix, fold.snapshot()))
            self.snapped[cell] = fold.prefix

    def fail(self, failure: Failed) -> None:
        """Try a block again, or set it aside."""
        place = failure.cell, failure.number
        if self.folds[failure.cell].knows(failure.number):
            return
        self.failures[place] = self.failures.get(place, 0) + 1
        if self.failures[place] < TRIES:
            self.again.append(place)
        else:
            self.put_aside(*place, failure.traceback)
            self.changed(failure.cell)

    def put_aside(self, cell: int, number: int, reason: str) -> None:
        """Do without a block, and without those that waited for it and do not fit."""
        while True:
            self.sink.put_aside(self.study, SetAside(cell, number, reason))
            try:
                return self.folds[cell].lose(number)
            except UnfitBlockError as error:
                number, reason = error.number, str(error)
                self.sink.quarantine(self.study, cell, number, reason)

    def replace_workers(self, broken: list[Job]) -> None:
        """Make new workers, and find out which block kills them."""
        if not self.workers.can_be_replaced:
            raise StudyError("the executor is broken; a function that returns a new one could replace it")
        others, _ = wait(self.flying, timeout=5.0)  # the pool is dead: all of its futures end
        broken += self.keep(others)
        broken += [self.flying.pop(future) for future in list(self.flying)]
        self.workers.replace()
        self.deaths_in_a_row += 1
        if self.deaths_in_a_row > DEATHS:
            self.try_workers()
        if self.suspects:
            place = self.suspects[0]
            self.deaths[place] = self.deaths.get(place, 0) + 1
            if self.deaths[place] >= TRIES:
                self.suspects.popleft()
                self.put_aside(*place, KILLED.format(times=self.deaths[place]))
                self.changed(place[0])
            return
        self.suspects.extend(place for job in broken for place in job.places())

    def try_workers(self) -> None:
        """Give up unless new workers live as long as they have no block: then it is the blocks that kill them."""
        try:
            self.workers.executor.submit(compute, self.job([])).result()
        except (CancelledError, RuntimeError) as error:
            raise StudyError(
                f"workers died {DEATHS} times without finishing a single block, and do so without one; is there enough "
                f"memory? ({type(error).__name__}: {error})"
            ) from None
        self.deaths_in_a_row = 0

    # ---- progress ----

    def report(self, *, last: bool = False) -> None:
        now = time.monotonic() - self.begun
        if self.progress is None or (now - self.reported < REPORT_SECONDS and not last):
            return
        self.reported = now
        left = self.schedule.seconds_left / self.workers.number
        known = self.computed > 0 or left <= 0
        self.progress(
            self.tally.progress(
                self.last, seconds=now, computed=self.computed, seconds_left=left if known else float("nan")
            )
        )
