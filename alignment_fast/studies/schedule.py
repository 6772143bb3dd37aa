"""Which blocks are computed next, and how many of them make a job."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from alignment_fast.studies.folds import Fold

__all__ = ["JOBS_PER_WORKER", "JobSchedule"]

# Seconds of work that a job should be: enough that its overhead does not matter, little enough to lose.
JOB_SECONDS = 1.0
# Where little is left for each worker, jobs are smaller, but not smaller than this.
LEAST_SECONDS = 0.05
# Jobs in flight for each worker, so that none waits for the coordinator.
JOBS_PER_WORKER = 2
# Blocks and cells of a job at most: what is stored at once, and what has to travel.
MOST_BLOCKS, MOST_CELLS = 10_000, 1000

Chosen = list[tuple[int, list[int]]]


class JobSchedule:
    """Blocks that nobody has been given yet, cell by cell, in the order of their numbers.

    Parameters
    ----------
    folds : sequence of Fold
        Of all cells.
    workers : int
        How many there are.
    mine : callable, optional
        Whether a block, by the numbers of its cell and of itself, is computed here at all.

    """

    def __init__(
        self, folds: Sequence[Fold], workers: int, mine: Callable[[int, int], bool] = lambda cell, number: True
    ) -> None:
        self.folds, self.workers, self.mine = folds, workers, mine
        self._cursor = [fold.prefix for fold in folds]  # all blocks before it are known, or were given to somebody
        self._limit = list(self._cursor)
        self._open: deque[int] = deque()
        self._left: dict[str, float] = defaultdict(float)  # estimated seconds that nobody was given, by estimand
        self._rate: dict[str, float] = {}  # measured by estimated seconds, by estimand
        self._seconds: dict[int, float] = {}  # measured, of a block, by cell
        for cell in range(len(folds)):
            self.update(cell)

    def update(self, cell: int) -> None:
        """Take in that more blocks of a cell are needed, or none."""
        fold = self.folds[cell]
        limit = self._cursor[cell] if fold.complete else fold.limit
        more = limit - self._limit[cell]
        if not more:
            return
        if self._cursor[cell] >= self._limit[cell] and more > 0:
            self._open.append(cell)
        self._left[fold.cell.estimand] += more * fold.seconds
        self._limit[cell] = limit

    def measured(self, cell: int, seconds: float) -> None:
        """Learn how long a block took."""
        fold = self.folds[cell]
        rate = seconds / fold.seconds
        known = self._rate.get(fold.cell.estimand, rate)
        self._rate[fold.cell.estimand] = 0.7 * known + 0.3 * rate
        self._seconds[cell] = 0.7 * self._seconds.get(cell, seconds) + 0.3 * seconds

    @property
    def seconds_left(self) -> float:
        """Seconds of work that nobody was given, about."""
        return sum(left * self._rate.get(estimand, 1.0) for estimand, left in self._left.items())

    def take(self) -> Chosen:
        """Return blocks for one job, by cell; none if there are none that anybody needs."""
        budget = min(JOB_SECONDS, max(LEAST_SECONDS, self.seconds_left / (JOBS_PER_WORKER * self.workers)))
        chosen: Chosen = []
        blocks = 0
        while self._open and len(chosen) < MOST_CELLS:
            cell = self._open[0]
            seconds = self._seconds_of(cell)
            if seconds is None:  # nothing is known but an estimate
                most = 0 if chosen else 1
            else:
                most = min(int(budget / max(seconds, 1e-9)), MOST_BLOCKS - blocks)
                most = most if chosen else max(1, most)
            if most <= 0:
                break
            numbers = self._next(cell, most)
            if self._cursor[cell] >= self._limit[cell]:
                self._open.popleft()
            if numbers:
                chosen.append((cell, numbers))
                blocks += len(numbers)
                budget -= len(numbers) * (JOB_SECONDS if seconds is None else seconds)
        return chosen

    def _seconds_of(self, cell: int) -> float | None:
        measured = self._seconds.get(cell)
        if measured is not None:
            return measured
        rate = self._rate.get(self.folds[cell].cell.estimand)
        return None if rate is None else rate * self.folds[cell].seconds

    def _next(self, cell: int, most: int) -> list[int]:
        """Return the next blocks of a cell, `most` of them, and move on."""
        fold, numbers = self.folds[cell], list[int]()
        first = number = self._cursor[cell]
        while number < self._limit[cell] and len(numbers) < most:
            if not fold.knows(number) and self.mine(cell, number):
                numbers.append(number)
            number += 1
        self._cursor[cell] = number
        self._left[fold.cell.estimand] -= (number - first) * fold.seconds
        return numbers
