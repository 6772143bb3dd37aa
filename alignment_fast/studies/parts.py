"""Parts of a study without any coordinator, as jobs of an array: each leaves files of blocks, which are folded later.

A file appears under its name whole or not at all, so that any file system will do, and says of which study its blocks
are, what computed them, and what they should hash to.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignment_fast._border.words import as_path
from alignment_fast._files import replacing
from alignment_fast.studies.errors import StoreError
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.groups import Group
from alignment_fast.studies.made import Made
from alignment_fast.studies.store import SetAside, Snapshot, StoredBlock, StoredGroup, read_partial

__all__ = ["BlockFile", "PartFiles", "folder_of", "read_files", "run_length"]

MAGIC = b"alignment_fast blocks 2\n"
# Consecutive blocks that one part computes, and folds, at most; and such runs of a cell for each part at least, where
# there are enough blocks, so that no part has much more than another.
MOST_IN_RUN, LEAST_RUNS = 1024, 16
# Seconds of finished work that a job holds back at most, so that there are few files.
HELD = 10.0


def folder_of(store: Path) -> Path:
    """Return where the files of parts are, beside the store that they are folded into."""
    store = as_path(store, "store").resolve()
    return store.with_name(store.name + ".parts")


def run_length(blocks: int, parts: int) -> int:
    """Return how many consecutive blocks of a cell belong to the same part."""
    return max(1, min(MOST_IN_RUN, blocks // (LEAST_RUNS * parts)))


@dataclass(frozen=True)
class BlockFile:
    """What one file holds."""

    path: Path
    made: Made
    groups: tuple[StoredGroup, ...]
    blocks: tuple[StoredBlock, ...]
    set_aside: tuple[SetAside, ...]


class PartFiles:
    """Takes blocks as a store does, and writes them into files.

    Parameters
    ----------
    folder : path
        Where; made if need be.
    study : str
        Hash of the study.
    label : str
        Begins the names of the files.
    made : Made
        What computes here.
    folds : sequence of Fold
        Of all cells: consecutive blocks between two decisions are folded.

    """

    def __init__(self, folder: Path, study: str, label: str, made: Made, folds: Sequence[Fold]) -> None:
        self.folder, self._hash, self._label, self._made, self._folds = folder, study, label, made, folds
        self._blocks: dict[Made, list[StoredBlock]] = {}
        self._aside: list[SetAside] = []
        self._last = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, study: int, blocks: Iterable[StoredBlock], made: Made) -> None:
        """Keep finished blocks; those of some seconds go into one file."""
        self._blocks.setdefault(made, []).extend(blocks)
        if time.monotonic() - self._last > HELD:
            self.write()

    def put_aside(self, study: int, block: SetAside) -> None:
        """Note a block that could not be computed."""
        self._aside.append(block)

    def quarantine(self, study: int, cell: int, number: int, reason: str) -> None:
        """Take a block out that does not fit the others: if it is in a file already, folding finds it out again."""
        for made, blocks in self._blocks.items():
            self._blocks[made] = [one for one in blocks if (one.cell, one.number) != (cell, number)]

    def put_snapshot(self, study: int, snapshot: Snapshot) -> None:
        """Do nothing: a part has only some of the blocks."""

    def check(self, study: int, made: Made, *, mixed: bool) -> None:
        """Raise StoreError if a worker computes with another version or arithmetic than this process."""
        if not mixed and (made.version, made.arithmetic) != (self._made.version, self._made.arithmetic):
            raise StoreError(f"a worker computes with {made.version}, {made.arithmetic}; this process is {self._made}")

    def write(self) -> None:
        """Write what is held back."""
        groups = {made: blocks for made, blocks in self._blocks.items() if blocks}
        if self._aside:
            groups.setdefault(self._made, [])
        for place, (made, blocks) in enumerate(groups.items()):
            folded, alone = grouped(blocks, self._folds)
            content = _packed(self._hash, made, folded, alone, self._aside if place == 0 else [])
            with replacing(self.folder / f"{self._label}-{secrets.token_hex(6)}.blocks") as file:
                file.write(content)
        self._blocks, self._aside, self._last = {}, [], time.monotonic()


def grouped(blocks: Iterable[StoredBlock], folds: Sequence[Fold]) -> tuple[list[StoredGroup], list[StoredBlock]]:
    """Return blocks as groups of those that are consecutive, and those that stay alone."""
    runs: list[list[StoredBlock]] = []
    end: tuple[int, int] | None = None  # what would go on with the last run
    for one in sorted(blocks, key=lambda block: (block.cell, block.number)):
        if (one.cell, one.number) != end or folds[one.cell].next_decision(runs[-1][0].number) <= one.number:
            runs.append([])
        runs[-1].append(one)
        end = one.cell, one.number + 1
    groups: list[StoredGroup] = []
    alone: list[StoredBlock] = []
    for run in runs:
        found = Group.of([read_partial(one) for one in run]) if len(run) > 1 else None
        if found is None:
            alone += run
        else:
            sums = sum(one.replicates for one in run), found.to_bytes(), sum(one.seconds for one in run)
            groups.append(StoredGroup(run[0].cell, run[0].number, len(run), *sums))
    return groups, alone


def _packed(
    study: str,
    made: Made,
    groups: Sequence[StoredGroup],
    blocks: Sequence[StoredBlock],
    aside: Iterable[SetAside],
) -> bytes:
    head = {
        "study": study,
        "made": [made.version, made.arithmetic, made.host, made.process],
        "groups": [[one.cell, one.number, one.count, one.replicates, one.seconds, len(one.payload)] for one in groups],
        "blocks": [[one.cell, one.number, one.replicates, one.seconds, len(one.payload)] for one in blocks],
        "aside": [[one.cell, one.number, one.traceback] for one in aside],
    }
    payloads = [one.payload for one in groups] + [one.payload for one in blocks]
    content = MAGIC + json.dumps(head).encode() + b"\n" + b"".join(payloads)
    return content + hashlib.blake2b(content, digest_size=16).digest()


def read_files(folder: Path, study: str) -> Iterator[BlockFile]:
    """Yield the files of a study by their names; others are left alone.

    Warns
    -----
    UserWarning
        For each file that is not what was written: its blocks are missing.

    """
    for path in sorted(folder.glob("*.blocks")):
        try:
            found = _unpacked(path, study)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            warnings.warn(
                f"{path} is not what was written ({error}): its blocks are missing", UserWarning, stacklevel=2
            )
            continue
        if found is not None:
            yield found


def _unpacked(path: Path, study: str) -> BlockFile | None:
    """Return what is in a file, None if that is of another study."""
    content = path.read_bytes()
    body, digest = content[:-16], content[-16:]
    if not body.startswith(MAGIC) or hashlib.blake2b(body, digest_size=16).digest() != digest:
        raise ValueError("its checksum does not fit")
    end = body.index(b"\n", len(MAGIC))
    head = json.loads(body[len(MAGIC) : end])
    if head["study"] != study:
        return None
    place, groups, blocks = end + 1, list[StoredGroup](), list[StoredBlock]()
    for cell, number, count, replicates, seconds, length in head["groups"]:
        groups.append(StoredGroup(cell, number, count, replicates, body[place : place + length], seconds))
        place += length
    for cell, number, replicates, seconds, length in head["blocks"]:
        blocks.append(StoredBlock(cell, number, replicates, body[place : place + length], seconds))
        place += length
    aside = tuple(SetAside(*one) for one in head["aside"])
    return BlockFile(path, Made(*head["made"]), tuple(groups), tuple(blocks), aside)
