"""How far a study is, as running sums: what a report costs does not depend on the number of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alignment_fast.studies.folds import Fold

__all__ = ["Progress", "Tally"]


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


class _Counts(NamedTuple):
    """Of one cell, or of all."""

    cells_done: int
    blocks: int
    blocks_done: int
    replicates: int
    set_aside: int


def _of(fold: Fold) -> _Counts:
    return _Counts(
        cells_done=int(fold.complete),
        blocks=fold.prefix if fold.complete else fold.limit,
        blocks_done=fold.known,
        replicates=0 if fold.total is None else fold.total.replicates,
        set_aside=len(fold.lost),
    )


class Tally:
    """Sums over the cells of a study, brought up to date cell by cell."""

    def __init__(self, folds: Sequence[Fold]) -> None:
        self._folds = folds
        self._counts = [_of(fold) for fold in folds]
        self._sums = [sum(column) for column in zip(*self._counts, strict=True)]

    def update(self, cell: int) -> None:
        """Take in what changed in a cell."""
        counts = _of(self._folds[cell])
        for place, (new, old) in enumerate(zip(counts, self._counts[cell], strict=True)):
            self._sums[place] += new - old
        self._counts[cell] = counts

    def progress(self, cell: int, *, seconds: float, computed: int, seconds_left: float) -> Progress:
        """Return how far the study is; `cell` is the one that was worked on last, `computed` replicates of this run."""
        total = self._folds[cell].total
        estimates = {}
        if total is not None:
            pairs = zip(total.moments.mean.tolist(), total.moments.standard_error.tolist(), strict=True)
            estimates = dict(zip(total.names, pairs, strict=True))
        return Progress(
            cells=len(self._folds),
            **_Counts(*self._sums)._asdict(),
            seconds=seconds,
            rate=computed / seconds if seconds > 0 else 0.0,
            seconds_left=seconds_left,
            where=str(self._folds[cell].cell),
            estimates=estimates,
        )
