"""What the operations of this family take and return: pure data."""

from typing import Any, NamedTuple


class Transform(NamedTuple):
    """A decreasing function of the tail probability: how a reward depends on the tail probability of its draw.

    Parameters
    ----------
    kind : str
        "gaussian" (mean, std), "uniform" (), "table" (ladder, values) or "function" (vectorised callable, its name).
    parameters : tuple
        What the kind needs.

    """

    kind: str
    parameters: tuple[Any, ...]


class LawSampler(NamedTuple):
    """What draws from one row of a batch of laws need, for any n.

    Parameters
    ----------
    row : int
        The row.
    reals : array (2, V)
        Tail masses of the groups of equal reward, and cumulative masses within them.
    start : array of int32 (V + 1,)
        First outcome of each group.

    """

    row: int
    reals: Any
    start: Any


class Pools(NamedTuple):
    """Pools of one size M in ascending order of score.

    Parameters
    ----------
    value : array (rows, M)
        What the samples are judged by; equal for samples that tie.
    spread : array (rows, M) or None
        For variances: how far apart the values of tied samples are; None where no tied values differ.
    tied : array of int32 (rows, M) or None
        How many samples tie; None where `spread` is.

    """

    value: Any
    spread: Any = None
    tied: Any = None
