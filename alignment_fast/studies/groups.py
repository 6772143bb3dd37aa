"""Blocks of a cell that are kept together: what a part of a study folds, so that the whole need not do it."""

from __future__ import annotations

import dataclasses
import functools
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._operations import operations
from alignment_fast._statistics import Moments, QuantileSketch
from alignment_fast.studies.partials import Partial

__all__ = ["Group"]

_MAGIC = b"AFG1"
_WIDTH = 7


@dataclass(frozen=True)
class Group:
    """Statistics of consecutive blocks, to be added to those before them as if the blocks came one by one.

    What merges exactly, counts and sketches, is merged. Moments merge up to rounding only, so that those of every block
    stay, side by side: one call of a kernel adds them all, in order, with the bits of one call for each.

    Parameters
    ----------
    head : Partial
        Moments of the first block; sketches and dropped replicates of all blocks.
    rest : array (C, B − 1, 7)
        Moments of the others, by column.

    """

    head: Partial
    rest: NDArray[np.float64]

    @classmethod
    def of(cls, partials: Sequence[Partial]) -> Group | None:
        """Return blocks as a group; None if they are not of one kind, or one of them dropped all it had."""
        first = partials[0]
        if any((one.names, one.shares) != (first.names, first.shares) or not one.moments.count for one in partials):
            return None
        sketches = tuple(
            functools.reduce(QuantileSketch.merge, column)
            for column in zip(*(one.sketches for one in partials), strict=True)
        )
        head = dataclasses.replace(first, sketches=sketches, dropped=sum(one.dropped for one in partials))
        moments = np.array([one.moments.to_array() for one in partials[1:]]).reshape(-1, len(first.names), _WIDTH)
        return cls(head, np.ascontiguousarray(moments.transpose(1, 0, 2)))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return 1 + self.rest.shape[1]

    @property
    def replicates(self) -> int:
        """Number of replicates, those that were dropped included."""
        return self.head.replicates + (int(self.rest[0, :, 0].sum()) if len(self.rest) else 0)

    def added_to(self, total: Partial | None) -> Partial:
        """Return the statistics of `total`, if any, and of the blocks; a ValueError if their columns differ."""
        merged = self.head if total is None else total.merge(self.head)
        raw = merged.moments.to_array()
        merge = operations("common").merge_moments
        for parts, column in zip(self.rest, raw, strict=True):
            merge(parts, column)
        return dataclasses.replace(merged, moments=Moments.from_array(raw))

    def to_bytes(self) -> bytes:
        """Return all of it as bytes, the same ones on every machine."""
        head = self.head.to_bytes()
        text = json.dumps([len(head), *self.rest.shape[:2]]).encode()
        return b"".join([_MAGIC, struct.pack("<I", len(text)), text, head, self.rest.astype("<f8").tobytes()])

    @classmethod
    def from_bytes(cls, content: bytes) -> Group:
        """Return what `to_bytes` was called on; a ValueError if these bytes are nothing of the kind."""
        if content[:4] != _MAGIC or len(content) < 8:
            raise ValueError("these bytes are no group of blocks")
        (length,) = struct.unpack_from("<I", content, 4)
        size, columns, others = json.loads(content[8 : 8 + length])
        place = 8 + length + size
        raw: NDArray[Any] = np.frombuffer(content, "<f8", columns * others * _WIDTH, place)
        head = Partial.from_bytes(content[8 + length : place])
        return cls(head, raw.reshape(columns, others, _WIDTH).astype(np.float64))
