"""What a block of replicates leaves behind: statistics of named columns, which merge and are stored as bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from alignment_fast._statistics import Moments, QuantileSketch

__all__ = ["Columns", "Mergeable", "Partial", "Task", "blocks"]

_MAGIC = b"AFB1"


class Mergeable(Protocol):
    """Statistics of some replicates that those of the next ones can be added to."""

    def merge(self, other: Self) -> Self:
        """Return the statistics of both, those of `other` last."""
        ...


M_co = TypeVar("M_co", bound=Mergeable, covariant=True)
M = TypeVar("M", bound=Mergeable)


class Task(Protocol[M_co]):
    """Replicates that are computed block by block: what simulations, sweeps, bootstraps and users' functions share.

    Attributes
    ----------
    replicates : int
        Number of replicates.
    block : int
        Replicates of a block; the last one may have less.

    """

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        ...

    @property
    def block(self) -> int:
        """Replicates of a block."""
        ...

    def partial(self, first: int, count: int) -> M_co:
        """Return the statistics of replicates first to first + count − 1; they depend on nothing else."""
        ...


def blocks(task: Task[M], first: int, last: int) -> M:
    """Return the statistics of blocks `first` to `last` − 1 of a task, merged in their order.

    Parameters
    ----------
    task : Task
        Anything with `replicates`, `block` and ``partial(first, count)``.
    first, last : int
        Numbers of blocks, ``0 <= first < last``.

    Raises
    ------
    ValueError
        If there are no such blocks.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from alignment_fast.best_of_n import Gaussian, simulate
    >>> from alignment_fast.studies import blocks
    >>> @dataclass
    ... class BestOfEight:
    ...     replicates: int = 10_000
    ...     block: int = 4096
    ...
    ...     def partial(self, first, count):
    ...         return simulate(Gaussian(), 8, count, seed=0, replicate=first)
    >>> blocks(BestOfEight(), 0, 3).mean == simulate(Gaussian(), 8, 10_000, seed=0).mean
    True

    """
    number = -(-task.replicates // task.block)
    if not 0 <= first < last <= number:
        raise ValueError(f"blocks {first} to {last} - 1 are not among the {number} of the task")
    merged: M | None = None
    for place in range(first, last):
        start = place * task.block
        part = task.partial(start, min(task.block, task.replicates - start))
        merged = part if merged is None else merged.merge(part)
    assert merged is not None
    return merged


@dataclass(frozen=True)
class Columns:
    """Values (R, C) of R replicates in named columns; those in `shares` are 0 or 1."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    shares: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Partial:
    """Statistics of a range of replicates.

    Parameters
    ----------
    names : tuple of str
        Names of the columns.
    shares : frozenset of str
        Names of those that hold 0 or 1; of a block that dropped all of its replicates nothing is known.
    moments : Moments
        A column for each name.
    sketches : tuple of QuantileSketch
        One for each name, or none.
    dropped : int
        Replicates without a value (NaN), which are left out.

    """

    names: tuple[str, ...]
    shares: frozenset[str]
    moments: Moments
    sketches: tuple[QuantileSketch, ...]
    dropped: int

    @classmethod
    def of(cls, columns: Columns, *, sketched: bool) -> Partial:
        """Return the statistics of values; rows with a NaN are dropped."""
        lost = np.isnan(columns.values).any(axis=1)
        values = columns.values[~lost] if lost.any() else columns.values
        sketches = tuple(QuantileSketch(column) for column in values.T) if sketched else ()
        return cls(columns.names, columns.shares, Moments(values), sketches, int(lost.sum()))

    @property
    def replicates(self) -> int:
        """Number of replicates, those that were dropped included."""
        return self.moments.count + self.dropped

    def merge(self, other: Partial) -> Partial:
        """Return the statistics of both, those of `other` last."""
        known = [one.shares for one in (self, other) if one.moments.count]
        if self.names != other.names or len({*known}) > 1:
            raise ValueError(
                f"a block with the columns {', '.join(other.names)} does not belong to {', '.join(self.names)}"
            )
        sketches = tuple(one.merge(two) for one, two in zip(self.sketches, other.sketches, strict=True))
        moments = self.moments.merge(other.moments)
        shares = known[0] if known else self.shares
        return Partial(self.names, shares, moments, sketches, self.dropped + other.dropped)

    def to_bytes(self) -> bytes:
        """Return all of it as bytes, the same ones on every machine."""
        arrays = [sketch.to_array() for sketch in self.sketches]
        header = {
            "names": self.names,
            "shares": sorted(self.shares),
            "dropped": self.dropped,
            "sketches": [len(array) for array in arrays],
        }
        text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        content = [
            self.moments.to_array().astype("<f8").tobytes(),
            *(array.astype("<i8").tobytes() for array in arrays),
        ]
        return b"".join([_MAGIC, struct.pack("<I", len(text)), text, *content])

    @classmethod
    def from_bytes(cls, content: bytes) -> Partial:
        """Return what `to_bytes` was called on; a ValueError if these bytes are nothing of the kind."""
        if content[:4] != _MAGIC or len(content) < 8:
            raise ValueError("these bytes are no block of a study")
        (length,) = struct.unpack_from("<I", content, 4)
        header = json.loads(content[8 : 8 + length])
        names, place = tuple(header["names"]), 8 + length
        size = 7 * len(names)
        raw = np.frombuffer(content, "<f8", size, place).reshape(len(names), 7)
        place += 8 * size
        sketches = []
        for number in header["sketches"]:
            sketches.append(QuantileSketch.from_array(np.frombuffer(content, "<i8", number, place)))
            place += 8 * number
        return cls(names, frozenset(header["shares"]), Moments.from_array(raw), tuple(sketches), header["dropped"])
