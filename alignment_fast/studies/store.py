"""The store of studies: an SQLite file with every finished block, written by one coordinator at a time."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from alignment_fast import _config
from alignment_fast._border.words import as_path
from alignment_fast.studies import checksums
from alignment_fast.studies.errors import StoreError
from alignment_fast.studies.filesystems import network_of
from alignment_fast.studies.lock import WriterLock
from alignment_fast.studies.made import Made
from alignment_fast.studies.migrations import MIGRATIONS, migrate
from alignment_fast.studies.partials import Partial
from alignment_fast.studies.spec import differences

__all__ = ["Damaged", "Origin", "SetAside", "Snapshot", "Store", "StoredBlock", "StoredGroup", "read_partial"]

# Seconds between two times that what was committed is made safe from a crash of the machine, too.
CHECKPOINT = 5.0


class Description(Protocol):
    """What studies are told from each other by: a name, a hash, and the JSON that was hashed."""

    @property
    def name(self) -> str:
        """Name in the store."""
        ...

    @property
    def hash(self) -> str:
        """Hash of everything that the blocks depend on."""
        ...

    @property
    def canonical(self) -> str:
        """JSON of all that."""
        ...


@dataclass(frozen=True)
class StoredBlock:
    """A finished block."""

    cell: int
    number: int
    replicates: int
    payload: bytes
    seconds: float


@dataclass(frozen=True)
class StoredGroup:
    """Finished blocks `number` to `number` + `count` − 1, folded."""

    cell: int
    number: int
    count: int
    replicates: int
    payload: bytes
    seconds: float


@dataclass(frozen=True)
class SetAside:
    """A block that could not be computed, and why."""

    cell: int
    number: int
    traceback: str


@dataclass(frozen=True)
class Damaged:
    """A row that is not what was stored."""

    cell: int
    number: int
    reason: str


@dataclass(frozen=True)
class Snapshot:
    """Statistics of the first blocks of a cell, as bytes."""

    cell: int
    prefix: int
    content: bytes


@dataclass(frozen=True)
class Origin:
    """How many blocks of a study were computed by which version and arithmetic, and on how many machines."""

    version: str
    arithmetic: str
    blocks: int
    hosts: int


class Store:
    """A store, open for reading or for writing.

    Parameters
    ----------
    path : path
        The file; made if need be when it is written to.
    write : bool
        Take the lock of the only writer.
    shared : bool
        Write without that lock: for writers that compute the same blocks, and take what others stored.

    """

    def __init__(self, path: str | PathLike[str], *, write: bool, shared: bool = False) -> None:
        # Behind all links: the lock and SQLite's own files stand beside the file itself.
        self.path = as_path(path, "store").resolve()
        self._writes = write
        self._hashes: dict[int, str] = {}
        self._lock = WriterLock(self.path) if write and not shared else None
        if write and not self.path.absolute().parent.is_dir():
            raise StoreError(f"{path}: there is no folder {Path(path).parent}")
        if self.path.is_dir():
            raise StoreError(f"{path} is a folder")
        if not write and not self.path.is_file():
            raise StoreError(f"there is no store {path}")
        if write:
            self._check_place()
        if self._lock is not None:
            self._lock.acquire()
        try:
            with self._errors():
                self._connection = self._connected(write)
                try:
                    self._migrate(write)
                except BaseException:  # what was begun does not stay open, and locked
                    self._connection.close()
                    raise
        except BaseException:
            self._release()
            raise
        self._last_checkpoint = time.monotonic()

    def _connected(self, write: bool) -> sqlite3.Connection:
        if write:
            connection = sqlite3.connect(self.path, timeout=10.0, isolation_level=None, check_same_thread=False)
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            if mode != "wal":
                connection.close()
                raise StoreError(
                    f"{self.path}: SQLite cannot write ahead here (journal mode {mode!r} in place of 'wal'), which the "
                    "file system must allow: keep the store on a local disk"
                )
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection
        address = self.path.absolute().as_uri()
        try:
            connection = sqlite3.connect(f"{address}?mode=ro", uri=True, isolation_level=None)
            connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError:  # a folder in which the index of the log cannot be made: nobody writes there
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise StoreError(
                    f"{self.path}: its last blocks are in {log.name}, which is read in a writable folder only: copy "
                    "both into one"
                ) from None
            connection = sqlite3.connect(f"{address}?immutable=1", uri=True, isolation_level=None)
        return connection

    def _check_place(self) -> None:
        """Raise StoreError where two coordinators would not see each other's locks."""
        kind = network_of(self.path)
        if kind is not None:
            raise StoreError(
                f"{self.path} is on a network file system ({kind}), whose locks a store cannot rely on: keep it on a "
                "local disk; parts of a study (--part) may be anywhere"
            )
        if self.path.exists() and self.path.stat().st_nlink > 1:
            raise StoreError(f"{self.path} has another name as well (a hard link), under which it could be written to")

    def _migrate(self, write: bool) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{self.path} was written by a newer version of alignment_fast (schema {version}, known here: "
                f"{len(MIGRATIONS)})"
            )
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version == 0 and tables:
            raise StoreError(f"{self.path} is a database, but no store of studies")
        self._is_empty = not tables  # a coordinator that was killed at once leaves such a file
        if self._is_empty and not write:
            return
        if version < len(MIGRATIONS) and not write:
            raise StoreError(f"{self.path} is of an older schema ({version}); `study run` brings it up to date")
        if version < len(MIGRATIONS):
            migrate(self._connection)
            self._is_empty = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and give back the lock."""
        with contextlib.suppress(sqlite3.Error):
            if self._writes:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            reason = str(error)
            if "readonly" in reason:
                reason = "it cannot be written to"
            elif "full" in reason:
                reason = "the disk is full; what was stored before is safe, and the same command goes on from there"
            raise StoreError(f"{self.path}: {reason}") from None
        except UnicodeDecodeError:  # of a complaint of SQLite that quotes the file
            raise StoreError(f"{self.path}: the database is damaged") from None

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    # ---- studies ----

    def names(self) -> list[str]:
        """Return the names of the studies in the store."""
        if self._is_empty:
            return []
        with self._errors():
            return [name for (name,) in self._connection.execute("SELECT name FROM study ORDER BY id")]

    def find(self, spec: Description) -> int | None:
        """Return the number of a study, None if it is not in the store.

        Raises
        ------
        StoreError
            If the store has another study of that name; the message says what differs.

        """
        if self._is_empty:
            return None
        with self._errors():
            query = "SELECT id, checksum, name, hash, spec, version, arithmetic FROM study WHERE name = ?"
            row = self._connection.execute(query, (spec.name,)).fetchone()
        if row is None:
            return None
        number, checksum, *entry = row
        if checksum != checksums.of_study(*entry):
            raise StoreError(f"{self.path}: the entry of study {spec.name!r} is not what was stored: take a copy of it")
        _, stored, canonical, *_ = entry
        if stored != spec.hash:
            changed = differences(canonical, spec.canonical)
            shown = "; ".join(changed[:8]) + (f"; and {len(changed) - 8} more" if len(changed) > 8 else "")
            raise StoreError(
                f"{self.path} holds another study {spec.name!r} ({shown}): give this one a new name, or another store"
            )
        return int(number)

    def begin(self, spec: Description, made: Made, *, mixed: bool = False) -> int:
        """Return the number of a study, after entering it if it is new, and note that `made` goes on with it.

        Raises
        ------
        StoreError
            As `find`; if the study was begun by another version or in another class of arithmetic, unless `mixed`.

        """
        known = self.find(spec)
        now = _now()
        if known is None:
            row = (spec.name, spec.hash, spec.canonical, made.version, made.arithmetic)
            with self._errors():
                self._connection.execute(
                    "INSERT OR IGNORE INTO study (name, hash, spec, version, arithmetic, isa, numpy, created, "
                    "checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, _config.instruction_set(), np.__version__, now, checksums.of_study(*row)),
                )
            known = self.find(spec)
            assert known is not None
        self.check(known, made, mixed=mixed)
        entry = (known, now, made.version, made.arithmetic, _config.instruction_set(), made.host, made.process, mixed)
        with self._errors():
            self._connection.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entry)
        return known

    def check(self, study: int, made: Made, *, mixed: bool) -> None:
        """Raise StoreError if a study was begun by something else than `made`, and they may not be mixed."""
        with self._errors():
            query = "SELECT version, arithmetic, name FROM study WHERE id = ?"
            version, arithmetic, name = self._connection.execute(query, (study,)).fetchone()
        if mixed:
            return
        for what, old, new in (("version", version, made.version), ("arithmetic", arithmetic, made.arithmetic)):
            if old != new:
                raise StoreError(
                    f"study {name!r} of {self.path} was begun with {what} {old}, and this is {new}: results may differ "
                    "in their last bits. Begin a new store, or allow mixed ones"
                )

    def _hash(self, study: int) -> str:
        if study not in self._hashes:
            with self._errors():
                (found,) = self._connection.execute("SELECT hash FROM study WHERE id = ?", (study,)).fetchone()
            self._hashes[study] = str(found)
        return self._hashes[study]

    # ---- blocks ----

    def add(self, study: int, blocks: Iterable[StoredBlock], made: Made) -> None:
        """Store finished blocks, all of them or none; those that are there already stay as they are."""
        origin, name = (made.version, made.arithmetic, made.host), self._hash(study)
        rows = [
            (
                *(study, one.cell, one.number, one.replicates, one.payload),
                *(checksums.of_block(name, one.cell, one.number, one.replicates, one.payload), one.seconds, *origin),
            )
            for one in blocks
        ]
        with self._errors():
            with self._all_or_nothing():
                self._connection.executemany("INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
                places = [row[:3] for row in rows]
                self._connection.executemany(
                    "DELETE FROM set_aside WHERE study = ? AND cell = ? AND number = ?", places
                )
            if time.monotonic() - self._last_checkpoint > CHECKPOINT:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._last_checkpoint = time.monotonic()

    def add_groups(self, study: int, groups: Iterable[StoredGroup], made: Made) -> None:
        """Store folded blocks, all of them or none; not those of which some blocks are there already."""
        origin, name = (made.version, made.arithmetic, made.host), self._hash(study)
        alone = "(SELECT 1 FROM block WHERE study = ?1 AND cell = ?2 AND number >= ?3 AND number < ?3 + ?4)"
        within = (
            "(SELECT 1 FROM block_group WHERE study = ?1 AND cell = ?2 AND number < ?3 + ?4 AND number + count > ?3)"
        )
        values = ", ".join(f"?{place}" for place in range(1, 12))
        insert = f"INSERT INTO block_group SELECT {values} WHERE NOT EXISTS {alone} AND NOT EXISTS {within}"
        with self._errors(), self._all_or_nothing():
            for one in groups:
                place = (one.cell, one.number, one.count, one.replicates)
                checksum = checksums.of_group(name, *place, one.payload)
                row = (study, *place, one.payload, checksum, one.seconds, *origin)
                self._connection.execute(insert, row)
                self._connection.execute(
                    "DELETE FROM set_aside WHERE study = ? AND cell = ? AND number >= ? AND number < ?",
                    (study, one.cell, one.number, one.number + one.count),
                )

    def quarantine(self, study: int, cell: int, number: int, reason: str) -> None:
        """Take a row that is not what it should be, a block or a group, out, and keep it among the damaged ones."""
        place = (study, cell, number)
        with self._errors(), self._all_or_nothing():
            where = "study = ? AND cell = ? AND number = ?"
            columns = "study, cell, number, replicates, payload, checksum, seconds, version, arithmetic, host"
            for table in ("block", "block_group"):
                copy = f"INSERT INTO damaged SELECT {columns}, ?, ? FROM {table} WHERE {where}"
                self._connection.execute(copy, (reason, _now(), *place))
                self._connection.execute(f"DELETE FROM {table} WHERE {where}", place)

    def put_aside(self, study: int, block: SetAside) -> None:
        """Note a block that could not be computed."""
        # What a user's function raises may hold what is no Unicode.
        traceback = block.traceback.encode("utf-8", "replace").decode()
        place = block.cell, block.number, traceback
        row = (study, *place, checksums.of_set_aside(self._hash(study), *place))
        with self._errors():
            self._connection.execute("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?, ?)", row)

    def blocks(self, study: int, *, after: bool = False) -> Iterator[StoredBlock | Damaged]:
        """Yield the blocks of a study in the order of cells and numbers, each checked.

        With `after`, only those behind the snapshots of their cells.
        """
        behind = (
            "AND number >= ifnull((SELECT prefix FROM snapshot WHERE snapshot.study = block.study "
            "AND snapshot.cell = block.cell), 0) "
        )
        query = (
            "SELECT cell, number, replicates, payload, checksum, seconds FROM block WHERE study = ? "
            f"{behind if after else ''}ORDER BY cell, number"
        )
        name = self._hash(study)
        with self._errors():
            for cell, number, replicates, payload, checksum, seconds in self._connection.execute(query, (study,)):
                whole = isinstance(payload, bytes)
                if not whole or checksum != checksums.of_block(name, cell, number, replicates, payload):
                    yield Damaged(cell, number, "its checksum does not fit")
                else:
                    yield StoredBlock(cell, number, replicates, payload, seconds)

    def groups(self, study: int) -> Iterator[StoredGroup | Damaged]:
        """Yield the folded blocks of a study in the order of cells and numbers, each checked."""
        query = (
            "SELECT cell, number, count, replicates, payload, seconds, checksum FROM block_group WHERE study = ? "
            "ORDER BY cell, number"
        )
        name = self._hash(study)
        with self._errors():
            for *row, checksum in self._connection.execute(query, (study,)):
                if not isinstance(row[4], bytes) or checksum != checksums.of_group(name, *row[:5]):
                    yield Damaged(row[0], row[1], "the checksum of its group does not fit")
                else:
                    yield StoredGroup(*row)

    def set_aside(self, study: int) -> list[SetAside]:
        """Return the blocks that could not be computed; entries that are damaged are none: such blocks are missing."""
        query = "SELECT cell, number, traceback, checksum FROM set_aside WHERE study = ? ORDER BY cell, number"
        name = self._hash(study)
        with self._errors():
            rows = self._connection.execute(query, (study,)).fetchall()
        return [SetAside(*row) for *row, checksum in rows if checksum == checksums.of_set_aside(name, *row)]

    def origins(self, study: int) -> tuple[Origin, ...]:
        """Return what computed the blocks."""
        query = (
            "SELECT version, arithmetic, sum(count), count(DISTINCT host) FROM "
            "(SELECT study, version, arithmetic, 1 AS count, host FROM block UNION ALL "
            "SELECT study, version, arithmetic, count, host FROM block_group) "
            "WHERE study = ? GROUP BY version, arithmetic ORDER BY version, arithmetic"
        )
        with self._errors():
            return tuple(Origin(*row) for row in self._connection.execute(query, (study,)))

    # ---- snapshots ----

    def snapshots(self, study: int) -> list[Snapshot] | None:
        """Return the statistics of the first blocks of cells; None, and hence all blocks, if one of them is damaged."""
        name = self._hash(study)
        with self._errors():
            query = "SELECT cell, prefix, content, checksum FROM snapshot WHERE study = ?"
            rows = self._connection.execute(query, (study,)).fetchall()
        if any(checksum != checksums.of_snapshot(name, *row) for *row, checksum in rows):
            return None
        return [Snapshot(*row) for *row, _ in rows]

    def put_snapshot(self, study: int, snapshot: Snapshot) -> None:
        """Store the statistics of the first blocks of a cell: a run that goes on begins with them."""
        row = snapshot.cell, snapshot.prefix, snapshot.content
        with self._errors():
            self._connection.execute(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?)",
                (study, *row, checksums.of_snapshot(self._hash(study), *row)),
            )

    def integrity(self) -> str:
        """Return "ok", or what SQLite finds wrong with the file."""
        with self._errors():
            return str(self._connection.execute("PRAGMA integrity_check").fetchone()[0])


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())


def read_partial(block: StoredBlock) -> Partial:
    """Return the statistics of a stored block."""
    return Partial.from_bytes(block.payload)
