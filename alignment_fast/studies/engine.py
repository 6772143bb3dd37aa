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
from dataclasses import dataclass

from alignment_fast.studies.errors import SpecError, StoreError, StudyError, UnfitBlockError
from alignment_fast.studies.executors import Workers
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.spec import Cell, Spec
from alignment_fast.studies.store import Damaged, SetAside, Store, StoredBlock, here, read_partial
from alignment_fast.studies.work import Failed, Job, Report, compute, estimator_of

__all__ = ["Progress", "fold_of", "folds_of", "run"]

# Seconds of work that a job should be: enough that its overhead does not matter, little enough to lose.
JOB_SECONDS = 1.0
# Jobs in flight for each worker, so that none waits for the coordinator.
JOBS_PER_WORKER = 2
# Blocks of a job at most: what is stored at once.
MOST_BLOCKS = 10_000
# Times that a block is tried.
TRIES = 2
# Times that workers may die one after the other, without a single block in between, before it is asked why.
DEATHS = 20
# Seconds between two reports of progress.
REPORT_SECONDS = 0.2
KILLED = "the worker died {times} times while it computed this block alone (killed, or out of memory)"


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Attributes
    ----------
    cells, cells_done : int
        Cells, and those that are complete.
    blocks, blocks_done : int
        Blocks that are needed as far as is known, and those that are there.
    replicates : int
        Replicates that are there.
    seconds : float
        Since the run began.
    rate : float
        Replicates of this run per second.
    seconds_left : float
        Estimated; NaN where nothing is known yet.
    set_aside : int
        Blocks that could not be computed.
    where : str
        The cell that was worked on last.
    estimates : dict of str to (mean, standard error)
        Its columns so far.

    """

    cells: int
    cells_done: int
    blocks: int
    blocks_done: int
    replicates: int
    seconds: float
    rate: float
    seconds_left: float
    set_aside: int
    where: str
    estimates: dict[str, tuple[float, float]]


Observer = Callable[[Progress], object]


def fold_of(spec: Spec, cell: Cell) -> Fold:
    """Return the fold of a cell, without any blocks yet."""
    estimator = estimator_of(spec.hash, spec.seed, spec.folder, cell)
    if spec.target is not None and estimator.names is not None:
        spec.target.check(cell, estimator.names)
    block = cell.block or estimator.block
    return Fold(spec, cell, block, 1e-9 * estimator.nanoseconds * block)


def folds_of(spec: Spec, store: Store, study: int, *, mend: bool = False) -> list[Fold]:
    """Return the folds of all cells with what is stored.

    Parameters
    ----------
    spec, store, study
        The study and where it is.
    mend : bool
        Remove damaged rows, with a warning; otherwise they are an error.

    """
    folds = [fold_of(spec, cell) for cell in spec.cells]
    damaged = []
    for row in store.blocks(study):
        problem = row.reason if isinstance(row, Damaged) else _taken(folds, row)
        if problem:
            damaged.append((row, problem))
    for row, problem in damaged:
        message = f"{store.path}: block {row.number} of cell {row.cell} is not what was stored ({problem})"
        if not mend:
            raise StoreError(f"{message}; `study run` computes it again")
        warnings.warn(f"{message}: it is computed again", UserWarning, stacklevel=3)
        store.remove(study, row.cell, row.number)
    return folds


def _taken(folds: Sequence[Fold], row: StoredBlock) -> str:
    """Add a stored block to its fold; return what is wrong with it, if anything."""
    if not 0 <= row.cell < len(folds):
        return "there is no such cell"
    fold = folds[row.cell]
    if row.number < 0 or fold.range_of(row.number)[1] != row.replicates:
        return "it has another number of replicates"
    try:
        partial = read_partial(row)
        if partial.replicates != row.replicates:
            return "it has another number of replicates"
        fold.add(row.number, partial)
    except SpecError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        return str(error)
    return ""


def run(
    spec: Spec,
    store: Store,
    study: int,
    workers: Workers,
    *,
    mixed: bool = False,
    progress: Observer | None = None,
) -> list[Fold]:
    """Compute what is missing, store it, and return the folds of all cells."""
    folds = folds_of(spec, store, study, mend=True)
    coordinator = _Coordinator(spec, store, study, workers, folds, mixed, progress)
    coordinator.run()
    return folds


class _Coordinator:
    def __init__(
        self,
        spec: Spec,
        store: Store,
        study: int,
        workers: Workers,
        folds: list[Fold],
        mixed: bool,
        progress: Observer | None,
    ) -> None:
        self.spec, self.store, self.study, self.workers = spec, store, study, workers
        self.folds, self.mixed = folds, mixed
        self.progress = progress
        self.flying: dict[Future[Report], Job] = {}
        self.given: set[tuple[int, int]] = set()  # blocks in flight, or waiting in one of the queues
        self.again: deque[tuple[int, int]] = deque()  # blocks to try once more
        self.suspects: deque[tuple[int, int]] = deque()  # blocks to try alone, after workers died
        self.failures: dict[tuple[int, int], int] = {}
        self.deaths: dict[tuple[int, int], int] = {}
        self.deaths_in_a_row = 0
        self.seconds: dict[int, float] = {}  # of a block, by cell
        self.open = deque(fold.cell.number for fold in folds if not fold.complete)
        self.made = here()
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
        except KeyboardInterrupt:
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
            future: Future[Report] = Future()
            future.set_exception(error if isinstance(error, BrokenExecutor) else BrokenExecutor(str(error)))
            self.flying[future] = job

    def next_job(self) -> Job | None:
        if self.suspects:
            if self.flying:
                return None
            return self.job(self.suspects[0][0], [self.suspects[0][1]])
        if len(self.flying) >= JOBS_PER_WORKER * self.workers.number:
            return None
        if self.again:
            cell, number = self.again.popleft()
            return self.job(cell, [number])
        for _ in range(len(self.open)):
            cell = self.open[0]
            fold = self.folds[cell]
            missing = (number for number in fold.missing() if (cell, number) not in self.given)
            numbers = list(itertools.islice(missing, self.job_size(fold)))
            if fold.complete:
                self.open.popleft()
            elif numbers:
                return self.job(cell, numbers)
            else:
                self.open.rotate(-1)
        return None

    def job_size(self, fold: Fold) -> int:
        """Return how many blocks make a job: a second of work, but not so much that workers go idle."""
        seconds = self.seconds.get(fold.cell.number)
        if seconds is None:  # nothing is known but an estimate
            return 1
        left = fold.limit - fold.prefix
        share = -(-left // (JOBS_PER_WORKER * self.workers.number)) if len(self.open) <= self.workers.number else left
        return max(1, min(int(JOB_SECONDS / max(seconds, 1e-6)), share, MOST_BLOCKS))

    def job(self, cell: int, numbers: list[int]) -> Job:
        fold = self.folds[cell]
        self.given.update((cell, number) for number in numbers)
        ranges = tuple((number, *fold.range_of(number)) for number in numbers)
        return Job(self.spec.hash, self.spec.seed, str(self.spec.folder), fold.cell, ranges)

    # ---- taking results ----

    def take(self, done: Iterable[Future[Report]]) -> None:
        """Store what finished futures give, and see to what failed."""
        broken = self.keep(done)
        if broken:
            self.replace_workers(broken)

    def keep(self, done: Iterable[Future[Report]]) -> list[Job]:
        """Store the results of finished futures; return the jobs whose workers died."""
        blocks: list[StoredBlock] = []
        broken: list[Job] = []
        failed: list[tuple[int, Failed]] = []
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
                report = Report(self.made, tuple(Failed(number, text) for number, _, _ in job.ranges))
            if self.suspects and self.suspects[0] == (job.cell.number, job.ranges[0][0]):
                self.suspects.popleft()  # it was alone, and its worker lives
            self.check(report)
            blocks += [one for one in report.blocks if isinstance(one, StoredBlock)]
            failed += [(job.cell.number, one) for one in report.blocks if isinstance(one, Failed)]
        if blocks or failed:
            self.deaths_in_a_row = 0
        if blocks:
            self.add(blocks)
        for cell, failure in failed:
            self.fail(cell, failure)
        return broken

    def check(self, report: Report) -> None:
        if (report.made.version, report.made.arithmetic) != (self.made.version, self.made.arithmetic):
            self.store.check(self.study, report.made, mixed=self.mixed)

    def add(self, blocks: list[StoredBlock]) -> None:
        fresh = {(one.cell, one.number): one for one in blocks if not self.folds[one.cell].knows(one.number)}
        self.store.add(self.study, fresh.values(), self.made)
        for (cell, number), block in fresh.items():
            self.given.discard((cell, number))
            self.seconds[cell] = 0.7 * self.seconds.get(cell, block.seconds) + 0.3 * block.seconds
            self.computed += block.replicates
            self.last = cell
            try:
                self.folds[cell].add(number, read_partial(block))
            except UnfitBlockError as error:  # a user's function that changes its columns
                self.store.remove(self.study, cell, error.number)
                self.put_aside(cell, error.number, str(error))

    def fail(self, cell: int, failure: Failed) -> None:
        """Try a block again, or set it aside."""
        place = cell, failure.number
        self.failures[place] = self.failures.get(place, 0) + 1
        if self.failures[place] < TRIES:
            self.again.append(place)
        else:
            self.put_aside(cell, failure.number, failure.traceback)

    def put_aside(self, cell: int, number: int, reason: str) -> None:
        """Do without a block, and without those that waited for it and do not fit."""
        while True:
            self.given.discard((cell, number))
            self.store.put_aside(self.study, SetAside(cell, number, reason))
            try:
                return self.folds[cell].lose(number)
            except UnfitBlockError as error:
                number, reason = error.number, str(error)
                self.store.remove(self.study, cell, number)

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
            return
        self.suspects.extend((job.cell.number, number) for job in broken for number, _, _ in job.ranges)

    def try_workers(self) -> None:
        """Give up unless new workers live as long as they have no block: then it is the blocks that kill them."""
        try:
            self.workers.executor.submit(compute, self.job(self.folds[0].cell.number, [])).result()
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
        self.progress(self.state(now))

    def state(self, now: float) -> Progress:
        done = sum(fold.prefix + len(fold.waiting) for fold in self.folds)
        needed = sum(fold.prefix if fold.complete else fold.limit for fold in self.folds)
        rate = self.computed / now if now > 0 else 0.0
        left = [
            (fold.limit - fold.prefix) * self.seconds.get(fold.cell.number, fold.seconds)
            for fold in self.folds
            if not fold.complete
        ]
        total = self.folds[self.last].total
        estimates = {}
        if total is not None:
            pairs = zip(total.moments.mean.tolist(), total.moments.standard_error.tolist(), strict=True)
            estimates = dict(zip(total.names, pairs, strict=True))
        return Progress(
            cells=len(self.folds),
            cells_done=sum(fold.complete for fold in self.folds),
            blocks=needed,
            blocks_done=done,
            replicates=sum(0 if fold.total is None else fold.total.replicates for fold in self.folds),
            seconds=now,
            rate=rate,
            seconds_left=sum(left) / self.workers.number if self.computed or not left else float("nan"),
            set_aside=sum(len(fold.lost) for fold in self.folds),
            where=str(self.folds[self.last].cell),
            estimates=estimates,
        )
