"""The blocks of one cell put together, in the order of their numbers, and the decision when there are enough."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from alignment_fast.studies.errors import UnfitBlockError
from alignment_fast.studies.groups import Group
from alignment_fast.studies.partials import Partial
from alignment_fast.studies.spec import Cell, Spec, Target

__all__ = ["Fold"]

# Between two decisions on whether there are enough replicates, their number grows by this factor.
GROWTH = 1.5


@dataclass
class Fold:
    """Statistics of the first blocks of a cell; blocks may come in any order, and twice.

    Whatever is decided is decided from all blocks before a certain number, so that it does not depend on which block
    came when.

    Parameters
    ----------
    spec : Spec
        The study.
    cell : Cell
        One of its cells.

    Attributes
    ----------
    total : Partial or None
        Statistics of blocks 0 to `prefix` − 1, without those that were set aside.
    limit : int
        So many blocks are needed, for all that is known yet.
    complete : bool
        Whether no more are needed.

    """

    spec: Spec
    cell: Cell
    total: Partial | None = None
    prefix: int = 0
    limit: int = field(init=False)
    complete: bool = False
    waiting: dict[int, Partial] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    grouped: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.limit = self._begin()
        self._decide()

    @property
    def block(self) -> int:
        """Replicates of a block."""
        return self.cell.block

    @property
    def seconds(self) -> float:
        """Seconds that a block takes, about."""
        return 1e-9 * self.cell.cost.nanoseconds * self.block

    @property
    def _target(self) -> Target | None:
        return self.spec.target

    def _blocks(self, replicates: int | None) -> int:
        assert replicates is not None
        return -(-replicates // self.block)

    def _begin(self) -> int:
        return self._blocks(self.spec.replicates if self._target is None else self._target.at_least)

    def _more(self, limit: int) -> int:
        return min(self.most, max(limit + 1, math.ceil(limit * GROWTH)))

    def next_decision(self, number: int) -> int:
        """Return how many blocks there are when it is decided next after so many: known before any is computed."""
        limit = self._begin()
        while limit <= number and limit < self.most:
            limit = self._more(limit)
        return limit

    @property
    def most(self) -> int:
        """Blocks that may be needed at most."""
        return self.limit if self._target is None else self._blocks(self._target.at_most)

    def range_of(self, number: int) -> tuple[int, int]:
        """Return the first replicate of a block, and how many it has."""
        first = number * self.block
        if self.spec.replicates is None:
            return first, self.block
        return first, min(self.block, self.spec.replicates - first)

    def knows(self, number: int) -> bool:
        """Return whether a block is there already, or was set aside."""
        return number < self.prefix or number in self.waiting or number in self.grouped or number in self.lost

    @property
    def known(self) -> int:
        """Number of blocks that are there already, or were set aside before one that is."""
        return self.prefix + len(self.waiting) + len(self.grouped)

    def missing(self) -> Iterator[int]:
        """Yield the numbers of the blocks that are needed and not there."""
        return (number for number in range(self.prefix, self.limit) if not self.knows(number))

    def add(self, number: int, partial: Partial) -> None:
        """Take a block, and merge what is in line.

        Raises
        ------
        UnfitBlockError
            If a block, this one or one that waited, does not fit those before it: it is out of the fold again, and all
            others are as if it had never come.

        """
        if not self.knows(number):
            self.waiting[number] = partial
            self._advance()

    def add_group(self, first: int, group: Group) -> None:
        """Take blocks `first` and following, unless one of them is there; raises as `add`.

        Raises
        ------
        ValueError
            If it is decided between them whether there are enough, so that they do not belong together.

        """
        numbers = range(first, first + group.blocks)
        if self.next_decision(first) < numbers.stop:
            raise ValueError(f"blocks {first} to {numbers.stop - 1} are no group")
        if not any(map(self.knows, numbers)):
            self.groups[first] = group
            self.grouped.update(numbers)
            self._advance()

    def lose(self, number: int) -> None:
        """Do without a block, and merge what is in line behind it; raises as `add`."""
        if not self.knows(number):
            self.lost.add(number)
            self._advance()

    def _advance(self) -> None:
        while not self.complete:
            group, partial, count = self.groups.pop(self.prefix, None), self.waiting.pop(self.prefix, None), 1
            if group is not None:
                count = group.blocks
                self.grouped.difference_update(range(self.prefix, self.prefix + count))
            elif partial is None and self.prefix not in self.lost:
                return
            found = partial if group is None else group
            if found is not None:
                self.total = self._with(found)
            self.prefix += count
            self._decide()

    def _with(self, found: Partial | Group) -> Partial:
        """Return the total after the next block, or the next ones."""
        try:
            if isinstance(found, Group):
                return found.added_to(self.total)
            return found if self.total is None else self.total.merge(found)
        except ValueError as error:
            raise UnfitBlockError(self.prefix, str(error)) from None

    def snapshot(self) -> bytes:
        """Return the statistics of all blocks in line, and what was decided by them; none of them may be lost."""
        assert self.total is not None
        assert not self.lost
        head = json.dumps({"limit": self.limit, "complete": self.complete}, sort_keys=True).encode()
        return struct.pack("<I", len(head)) + head + self.total.to_bytes()

    def restore(self, prefix: int, content: bytes) -> None:
        """Take a snapshot in the place of the first blocks."""
        (length,) = struct.unpack_from("<I", content)
        head = json.loads(content[4 : 4 + length])
        self.total, self.prefix = Partial.from_bytes(content[4 + length :]), prefix
        self.limit, self.complete = head["limit"], head["complete"]

    def _decide(self) -> None:
        """Where the blocks that were asked for are there, ask for more, or be complete."""
        if self.prefix < self.limit:
            return
        if self.limit >= self.most or self._is_good():
            self.complete = True
        else:
            self.limit = self._more(self.limit)

    def _is_good(self) -> bool:
        """Return whether the standard errors are as small as the target asks."""
        target, total = self._target, self.total
        if target is None or total is None:
            return True
        target.check(self.cell, total.names)
        errors = dict(zip(total.names, total.moments.standard_error.tolist(), strict=True))
        means = dict(zip(total.names, total.moments.mean.tolist(), strict=True))
        chosen = total.names if target.column is None else (target.column,)
        scale = {name: abs(means[name]) if target.relative else 1.0 for name in chosen}
        return all(errors[name] <= target.standard_error * scale[name] for name in chosen)
