"""What every fit of comparisons reads: one cell per pair of items, with its counts."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alignment_fast.kernels.ranking import cpu

# From this share of pairs with a cell on, a pass over all pairs is faster than one over the cells; it is also the bound
# on memory: at most twice that of the cells. The draws of bootstraps go by these cells: another share, other draws.
DENSE = 0.5


def _none() -> NDArray[np.float64]:
    return np.empty(0)


def _nobody() -> NDArray[np.uint8]:
    return np.empty(0, dtype=np.uint8)


@dataclass(frozen=True)
class Cells:
    """Comparisons of pairs of items, counted.

    Parameters
    ----------
    n_items : int
        Number of items K; they are numbered 0 .. K-1.
    first, second : array of int32 (C,)
        The two items of each cell, different from each other. Compressed cells are unique and sorted by (first,
        second); the solver also takes repeated ones in any order, such as one per comparison.
    wins_first, wins_second : array of float64 (C,)
        Weight of the comparisons that `first` won, and that `second` won.
    ties : array of float64 (C,) or (0,)
        Weight of those that ended equal; empty when there are none.
    home : array of uint8 (C,) or (0,)
        1 where `first` has the advantage of home or order, 0 on neutral ground, where first < second; a pair may have
        both kinds of cell, the neutral one first. Empty when nobody is ever at home.

    """

    n_items: int
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    wins_first: NDArray[np.float64]
    wins_second: NDArray[np.float64]
    ties: NDArray[np.float64] = field(default_factory=_none)
    home: NDArray[np.uint8] = field(default_factory=_nobody)


def unwritten(n_items: int, count: int, *, ties: bool, homes: bool) -> Cells:
    """Return cells whose arrays are to be written.

    All but `home` lie in one array: NumPy asks for large pages from 4 MiB on, and small ones are slower to touch first.
    """
    items, *counts = np.empty((4 if ties else 3, count))
    first, second = items.view(np.int32).reshape(2, count)
    home = np.empty(count if homes else 0, dtype=np.uint8)
    return Cells(n_items, first, second, counts[0], counts[1], counts[2] if ties else _none(), home)


def completed(cells: Cells) -> Cells:
    """Return compressed cells of a dense graph as all pairs, in rows, with counts of 0 where a pair never met.

    Those of a sparse graph, and cells that are not compressed or know who was at home, are returned as they are.
    """
    pairs = cells.n_items * (cells.n_items - 1) // 2
    if not DENSE * pairs < len(cells.first) < pairs:
        return cells
    full = unwritten(cells.n_items, pairs, ties=cells.ties.size > 0, homes=False)
    given = cells.first, cells.second, cells.wins_first, cells.wins_second, cells.ties
    return full if cpu.complete(cells.n_items, *given, full) else cells
