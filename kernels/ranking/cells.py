"""What every fit of comparisons reads: one cell per pair of items, with its counts."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


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
