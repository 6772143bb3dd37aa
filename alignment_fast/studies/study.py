"""A study: read from a file, planned, run, and its status and results."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

from alignment_fast._border.scalars import as_flag
from alignment_fast._border.words import as_path, as_word
from alignment_fast._files import replacing
from alignment_fast._operations import operations
from alignment_fast._text import visible
from alignment_fast.studies import engine
from alignment_fast.studies.errors import StoreError, UnfitBlockError
from alignment_fast.studies.executors import Workers
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.lock import holder_of
from alignment_fast.studies.made import Made, here
from alignment_fast.studies.parts import PartFiles, folder_of, read_files, run_length
from alignment_fast.studies.results import Results, results_of
from alignment_fast.studies.spec import Cell, Spec, read_spec, spec_of
from alignment_fast.studies.store import Origin, SetAside, Store, StoredBlock, StoredGroup
from alignment_fast.studies.tally import Progress
from alignment_fast.studies.work import CellTask, estimator_of

__all__ = ["PartDone", "PlannedCell", "Status", "Study"]

DEVICES = ("cpu", "cuda")
# Seconds between two lines of progress.
LINE_SECONDS = 10.0


@dataclass(frozen=True)
class PlannedCell:
    """What a cell will take: blocks and replicates (the least of them, where a target is set), time and memory.

    Seconds are those of one worker; bytes those that a block holds at once.
    """

    cell: Cell
    block: int
    blocks: int
    most_blocks: int
    replicates: int
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Status:
    """How far a stored study is, which process writes to the store, if any, and what computed the blocks."""

    cells: int
    cells_done: int
    blocks: int
    blocks_done: int
    replicates: int
    set_aside: tuple[SetAside, ...]
    writer: str | None
    known: bool
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class PartDone:
    """What became of a part: blocks that it computed now, those set aside, and cells that wait for other parts."""

    blocks: int
    set_aside: int
    waiting: int


class Study:
    """A study, checked: sources, estimands, grids, seed, and how many replicates.

    Parameters
    ----------
    spec : Spec
        What `from_toml` and `from_dict` read.

    Notes
    -----
    Blocks are fixed ranges of replicates, and functions of the spec's hash, the cell and their number. Their statistics
    merge in the order of these numbers, and whether there are enough is decided from all blocks before a number that
    does not depend on any timing: the table has the same bytes for any executor, any number of workers and of
    interruptions, within a class of arithmetic, which the store records. Users' functions are outside of that promise.

    Examples
    --------
    >>> import os, tempfile
    >>> from alignment_fast.studies import Study
    >>> study = Study.from_dict(
    ...     {
    ...         "name": "best-of-n",
    ...         "seed": 1,
    ...         "replicates": 20_000,
    ...         "source": {"kind": "gaussian"},
    ...         "estimand": {"kind": "best_of_n", "grid": {"n": [1, 16]}},
    ...     }
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = study.run(store=os.path.join(folder, "study.db"), progress=False)
    >>> [(row["n"], row["column"], round(row["mean"], 2)) for row in results.rows if row["column"] == "win_rate"]
    [(1, 'win_rate', 0.5), (16, 'win_rate', 0.94)]

    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Self:
        """Return the study in a TOML file; files that it names are looked for beside it."""
        return cls(read_spec(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], folder: str | PathLike[str] = ".") -> Self:
        """Return the study that a dictionary describes, with the keys of the file."""
        return cls(spec_of(content, folder))

    def __repr__(self) -> str:
        return f"Study({self.spec.name!r}, {len(self.spec.cells)} cells, hash {self.spec.hash[:12]})"

    def _folds(self) -> list[Fold]:
        return [engine.fold_of(self.spec, cell) for cell in self.spec.cells]

    def _estimator(self, cell: Cell) -> Any:
        return estimator_of(self.spec.hash, self.spec.seed, self.spec.folder, cell)

    def _check(self) -> None:
        """Raise SpecError where the first cell of an estimand and a source cannot be computed: files are read."""
        for cell in {(cell.estimand, cell.source): cell for cell in reversed(self.spec.cells)}.values():
            self._estimator(cell)

    def _made(self, device: str) -> Made:
        """Return what computes on a device here.

        Raises
        ------
        ValueError
            If there is no such device, or an estimand cannot be computed there.
        BackendUnavailableError
            If this machine has none.

        """
        as_word(device, "device", DEVICES)
        for cell in self.spec.cells:
            if device not in self._estimator(cell).devices:
                raise ValueError(f"estimand {cell.estimand!r} ({cell.kind}) has no blocks on {device}")
        if device != "cpu":
            operations("best_of_n", device)  # or what is missing
        return here(numpy=self.spec.uses_numpy, device=device)

    def plan(self) -> list[PlannedCell]:
        """Return what each cell will take, about; nothing runs."""
        planned = []
        for fold in self._folds():
            self._estimator(fold.cell)  # reads its files
            cost = fold.cell.cost
            last_first, last_count = fold.range_of(max(fold.limit - 1, 0))
            replicates = last_first + last_count
            planned.append(
                PlannedCell(
                    cell=fold.cell,
                    block=fold.block,
                    blocks=fold.limit,
                    most_blocks=fold.most,
                    replicates=replicates,
                    seconds=1e-9 * cost.nanoseconds * replicates,
                    bytes=8 * cost.numbers * min(fold.block, replicates),
                )
            )
        return planned

    def run(
        self,
        executor: Executor | Callable[[], Executor] | str | None = None,
        *,
        store: str | PathLike[str] = "study.db",
        progress: bool | Callable[[Progress], object] = True,
        workers: int | None = None,
        mixed: bool = False,
        device: str = "cpu",
    ) -> Results:
        """Compute what the store does not have yet, and return the table.

        Parameters
        ----------
        executor : {None, "threads", "processes", "loky", "dask", "mpi", "ray"}, Executor, or function that returns one
            Where blocks are computed. A function can be called again for new workers in the place of dead ones; it can
            also be named: ``"module:function"``. ``"dask://address"`` is a cluster that runs already.
        store : path
            SQLite file; several studies may share it. What was stored is never computed again.
        progress : bool or callable
            True prints a line on standard error every ten seconds; a function is called with a `Progress`, at most
            five times a second.
        workers : int, optional
            Number of workers; default `alignment_fast.get_num_threads`.
        mixed : bool
            Go on although the store was begun by another version, or in another class of arithmetic.
        device : {"cpu", "cuda"}
            Where workers compute. On GPUs, a class of arithmetic of their own, there are blocks of ``"best_of_n"``.

        Returns
        -------
        Results
            The table; blocks that could not be computed are in its `set_aside`, and are tried again by the next run.

        Raises
        ------
        StoreLockedError
            If another coordinator writes to the store.
        StoreError
            If the store holds another study of this name, was begun by another version, or cannot be written.
        StudyError
            If workers die one after the other, or an executor that cannot be replaced is broken.
        BackendUnavailableError
            If this machine has no such device, or the library of the executor is not installed.

        Warns
        -----
        UserWarning
            For each stored block that is damaged; it is computed again.

        """
        self._check()
        made, mixed = self._made(device), as_flag(mixed, "mixed")
        observer = _observer(progress)
        with Store(store, write=True) as opened:
            study = opened.begin(self.spec, made, mixed=mixed)
            folds = engine.folds_of(self.spec, opened, study, mend=True)
            pool = Workers(executor, workers, self.spec.folder)
            finished = False
            try:
                engine.run(self.spec, opened, study, pool, folds, mixed=mixed, progress=observer, device=device)
                finished = True
            finally:
                pool.close(wait=finished)
            return results_of(self.spec, folds, opened.set_aside(study), opened.origins(study))

    def run_part(
        self,
        part: int,
        parts: int,
        executor: Executor | Callable[[], Executor] | str | None = None,
        *,
        store: str | PathLike[str] = "study.db",
        progress: bool | Callable[[Progress], object] = True,
        workers: int | None = None,
        device: str = "cpu",
    ) -> PartDone:
        """Compute part 1 to `parts` of the study, as a job of an array: without a coordinator, into files.

        They stand in a folder beside the store, ``store + ".parts"``, which all parts share; `fold` takes them into the
        store. What is there already is not computed again. With a target, a part knows how many blocks are needed from
        the files that are there: where others are missing it ends before its cells are complete.

        Returns
        -------
        PartDone
            Blocks computed now, blocks set aside, and cells that wait for other parts.

        Raises
        ------
        ValueError
            If there is no such part.
        StudyError
            As `run`.

        """
        if not 1 <= part <= parts:
            raise ValueError(f"part must be one of 1 to {parts}, not {part}")
        self._check()
        made = self._made(device)
        folds = self._folds()
        label = f"{self.spec.hash[:16]}-{part}-of-{parts}"
        files = PartFiles(folder_of(as_path(store, "store")), self.spec.hash, label, made, folds)
        runs = [run_length(fold.limit, parts) for fold in folds]
        for file in read_files(files.folder, self.spec.hash):
            rows: list[StoredBlock | StoredGroup] = [*file.groups, *file.blocks]
            for row in rows:
                engine.take_block(folds, row, str(file.path))
        before = sum(fold.known for fold in folds)
        pool, finished = Workers(executor, workers, self.spec.folder), False
        observer = _observer(progress)
        try:
            # Small cells, too, are spread over the parts.
            mine = lambda cell, number: (cell + number // runs[cell]) % parts == part - 1  # noqa: E731
            engine.run(self.spec, files, 0, pool, folds, progress=observer, mine=mine, device=device)
            finished = True
        finally:
            files.write()
            pool.close(wait=finished)
        lost = sum(len(fold.lost) for fold in folds)
        after = sum(fold.known for fold in folds)
        return PartDone(after - before - lost, lost, sum(not fold.complete for fold in folds))

    def fold(self, store: str | PathLike[str] = "study.db", *, mixed: bool = False) -> Results:
        """Take the files of parts into the store, and return the table; files stay, and nothing is taken twice.

        Raises
        ------
        StoreError, StoreLockedError
            As `run`.

        Warns
        -----
        UserWarning
            For each file that is damaged; `run` computes what is missing.

        """
        mixed = as_flag(mixed, "mixed")
        with Store(store, write=True) as opened:
            number = opened.begin(self.spec, here(numpy=self.spec.uses_numpy), mixed=mixed)
            for file in read_files(folder_of(opened.path), self.spec.hash):
                opened.check(number, file.made, mixed=mixed)
                for one in file.set_aside:
                    opened.put_aside(number, one)
                opened.add_groups(number, file.groups, file.made)
                opened.add(number, file.blocks, file.made)
        return self.results(store)

    def status(self, store: str | PathLike[str] = "study.db") -> Status:
        """Return how far the study is in a store, whether or not it is running."""
        with Store(store, write=False) as opened:
            folds, aside, known, origins = self._read(opened)
            writer = holder_of(opened.path)
        return Status(
            cells=len(folds),
            cells_done=sum(fold.complete for fold in folds),
            blocks=sum(fold.prefix if fold.complete else fold.limit for fold in folds),
            blocks_done=sum(fold.known - len(fold.lost) for fold in folds),
            replicates=sum(0 if fold.total is None else fold.total.replicates for fold in folds),
            set_aside=tuple(aside),
            writer=writer,
            known=known,
            origins=origins,
        )

    def results(self, store: str | PathLike[str] = "study.db") -> Results:
        """Return the table of what is stored, complete or not."""
        with Store(store, write=False) as opened:
            folds, aside, _, origins = self._read(opened)
        return results_of(self.spec, folds, aside, origins)

    def report(
        self,
        path: str | PathLike[str],
        store: str | PathLike[str] = "study.db",
        *,
        text: str | None = None,
        command: str | None = None,
    ) -> None:
        """Write what is stored as one HTML page: tables, pictures, spec, versions; needs matplotlib.

        Parameters
        ----------
        path : path
            Where to write it.
        store : path
            The store.
        text : str, optional
            The spec as it was written; default: its canonical JSON.
        command : str, optional
            What computes it again.

        """
        from alignment_fast.studies.report import page, spec_text

        results = self.results(store)
        command = command or f"alignment-fast study run SPEC --store {as_path(store, 'store').name}"
        content = page(self.spec, results, results.figures(), text=text or spec_text(self.spec), command=command)
        with replacing(path) as file:
            file.write(content.encode())

    def _read(self, store: Store) -> tuple[list[Fold], list[SetAside], bool, tuple[Origin, ...]]:
        number = store.find(self.spec)
        if number is None:
            return self._folds(), [], False, ()
        folds = engine.folds_of(self.spec, store, number)
        aside = store.set_aside(number)
        for one in aside:
            try:
                folds[one.cell].lose(one.number)
            except UnfitBlockError as error:  # its coordinator was killed before it could set this one aside
                raise StoreError(
                    f"{store.path}: block {error.number} of cell {one.cell} does not fit ({error}); `study run` tries "
                    "it again"
                ) from None
        return folds, aside, True, store.origins(number)

    def task(self, cell: int) -> CellTask:
        """Return a cell as a task for `blocks`: its `replicates` are the most that it can have.

        Raises
        ------
        ValueError
            If there is no such cell.

        """
        fold = Fold(self.spec, self._cell(cell))
        first, count = fold.range_of(fold.most - 1)
        return CellTask(self._estimator(fold.cell), bool(fold.cell.quantiles), first + count, fold.block)

    def _cell(self, number: int) -> Cell:
        if not 0 <= number < len(self.spec.cells):
            raise ValueError(f"cell must be one of 0 to {len(self.spec.cells) - 1}, not {number}")
        return self.spec.cells[number]

    def replicate(self, cell: int, replicate: int) -> dict[str, float]:
        """Return the values of one replicate by its address, computed alone: number of the cell, of the replicate.

        Raises
        ------
        ValueError
            If there is no such cell or replicate.

        """
        task = self.task(cell)
        if not 0 <= replicate < task.replicates:
            raise ValueError(f"replicate must be one of 0 to {task.replicates - 1}, not {replicate}")
        estimator = task.estimator
        first, count = replicate, 1
        if not estimator.alone:
            first = replicate // task.block * task.block
            count = min(task.block, task.replicates - first)
        columns = estimator.values(first, count)
        return dict(zip(columns.names, columns.values[replicate - first].tolist(), strict=True))


def _observer(progress: Any) -> Callable[[Progress], object] | None:
    """Return who is told of the progress, or None."""
    if callable(progress):
        return progress
    return _Lines() if as_flag(progress, "progress") else None


class _Lines:
    """Progress as lines of text, for a log."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, progress: Progress) -> None:
        """Print a line, if the last one is long enough ago."""
        if progress.seconds - self.last < LINE_SECONDS and progress.cells_done < progress.cells:
            return
        self.last = progress.seconds
        print(described(progress), file=sys.stderr, flush=True)


def described(progress: Progress) -> str:
    """Return a line of text about a running study."""
    parts = [
        f"{progress.blocks_done}/{progress.blocks} blocks, {progress.cells_done}/{progress.cells} cells",
        f"{progress.rate:.3g} replicates/s",
    ]
    if progress.seconds_left > 0:
        parts.append(f"{progress.seconds_left:.0f} s left")
    if progress.set_aside:
        parts.append(f"{progress.set_aside} set aside")
    estimates = ", ".join(
        f"{name} {mean:.6g}" + ("" if math.isnan(error) else f" ± {error:.2g}")
        for name, (mean, error) in progress.estimates.items()
    )
    return visible("; ".join([*parts, *([f"{progress.where}: {estimates}"] if estimates else [])]))
