"""The store of studies: an SQLite file with every finished block, written by one coordinator at a time."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from alignment_fast import __version__, _config
from alignment_fast.studies.errors import StoreError
from alignment_fast.studies.lock import WriterLock
from alignment_fast.studies.partials import Partial
from alignment_fast.studies.spec import differences

__all__ = ["Damaged", "Made", "SetAside", "Store", "StoredBlock", "here", "read_partial"]

# Each script takes a store from one version of its schema to the next; PRAGMA user_version counts them.
MIGRATIONS = (
    """
    CREATE TABLE study (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, spec TEXT NOT NULL,
        version TEXT NOT NULL, arithmetic TEXT NOT NULL, isa TEXT NOT NULL, numpy TEXT NOT NULL, created TEXT NOT NULL);
    CREATE TABLE block (
        study INTEGER NOT NULL REFERENCES study (id), cell INTEGER NOT NULL, number INTEGER NOT NULL,
        replicates INTEGER NOT NULL, payload BLOB NOT NULL, checksum BLOB NOT NULL,
        seconds REAL NOT NULL, version TEXT NOT NULL, arithmetic TEXT NOT NULL, host TEXT NOT NULL);
    CREATE UNIQUE INDEX block_place ON block (study, cell, number);
    CREATE TABLE set_aside (
        study INTEGER NOT NULL REFERENCES study (id), cell INTEGER NOT NULL, number INTEGER NOT NULL,
        traceback TEXT NOT NULL, PRIMARY KEY (study, cell, number));
    """,
)
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
class Made:
    """What computed a block: version of this library, class of arithmetic, and where."""

    version: str
    arithmetic: str
    host: str


@functools.cache
def here() -> Made:
    """Return what computes here: results agree bit for bit within a class of arithmetic."""
    fused = platform.machine() in ("aarch64", "arm64") or _config.instruction_set() != "baseline"
    return Made(__version__, "cpu-fma" if fused else "cpu-baseline", platform.node())


@dataclass(frozen=True)
class StoredBlock:
    """A finished block."""

    cell: int
    number: int
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
        self.path = Path(path)
        self._writes = write
        self._hashes: dict[int, str] = {}
        self._lock = WriterLock(self.path) if write and not shared else None
        if write and not self.path.absolute().parent.is_dir():
            raise StoreError(f"{self.path}: there is no folder {self.path.parent}")
        if not write and not self.path.is_file():
            raise StoreError(f"there is no store {self.path}")
        if self._lock is not None:
            self._lock.acquire()
        try:
            with self._errors():
                self._connection = self._connected(write)
                self._migrate(write)
        except BaseException:
            self._release()
            raise
        self._last_checkpoint = time.monotonic()

    def _connected(self, write: bool) -> sqlite3.Connection:
        if write:
            connection = sqlite3.connect(self.path, timeout=10.0, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
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
            self._run_scripts()

    def _run_scripts(self) -> None:
        """Bring the schema up to date; another writer may have done so meanwhile."""
        self._connection.execute("BEGIN IMMEDIATE")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            for statement in script.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version={number}")
        self._connection.execute("COMMIT")
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
            row = self._connection.execute("SELECT id, hash, spec FROM study WHERE name = ?", (spec.name,)).fetchone()
        if row is None:
            return None
        if row[1] != spec.hash:
            changed = differences(row[2], spec.canonical)
            shown = "; ".join(changed[:8]) + (f"; and {len(changed) - 8} more" if len(changed) > 8 else "")
            raise StoreError(
                f"{self.path} holds another study {spec.name!r} ({shown}): give this one a new name, or another store"
            )
        return int(row[0])

    def begin(self, spec: Description, *, mixed: bool = False) -> int:
        """Return the number of a study, after entering it if it is new.

        Raises
        ------
        StoreError
            As `find`; if the study was begun by another version or in another class of arithmetic, unless `mixed`.

        """
        known, made = self.find(spec), here()
        if known is None:
            row = (spec.name, spec.hash, spec.canonical, made.version, made.arithmetic)
            now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
            with self._errors():
                self._connection.execute(
                    "INSERT OR IGNORE INTO study (name, hash, spec, version, arithmetic, isa, numpy, created) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, _config.instruction_set(), np.__version__, now),
                )
            known = self.find(spec)
            assert known is not None
        self.check(known, made, mixed=mixed)
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
            (study, one.cell, one.number, one.replicates, one.payload, _checksum(name, one), one.seconds, *origin)
            for one in blocks
        ]
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR IGNORE INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
                places = [row[:3] for row in rows]
                self._connection.executemany(
                    "DELETE FROM set_aside WHERE study = ? AND cell = ? AND number = ?", places
                )
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            if time.monotonic() - self._last_checkpoint > CHECKPOINT:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._last_checkpoint = time.monotonic()

    def remove(self, study: int, cell: int, number: int) -> None:
        """Remove a row that is not what was stored."""
        with self._errors():
            where = "study = ? AND cell = ? AND number = ?"
            self._connection.execute(f"DELETE FROM block WHERE {where}", (study, cell, number))

    def put_aside(self, study: int, block: SetAside) -> None:
        """Note a block that could not be computed."""
        row = (study, block.cell, block.number, block.traceback)
        with self._errors():
            self._connection.execute("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?)", row)

    def blocks(self, study: int) -> Iterator[StoredBlock | Damaged]:
        """Yield the blocks of a study in the order of cells and numbers, each checked."""
        query = (
            "SELECT cell, number, replicates, payload, checksum, seconds FROM block WHERE study = ? "
            "ORDER BY cell, number"
        )
        name = self._hash(study)
        with self._errors():
            for cell, number, replicates, payload, checksum, seconds in self._connection.execute(query, (study,)):
                found = StoredBlock(cell, number, replicates, payload, seconds)
                if not isinstance(payload, bytes) or checksum != _checksum(name, found):
                    yield Damaged(cell, number, "its checksum does not fit")
                else:
                    yield found

    def set_aside(self, study: int) -> list[SetAside]:
        """Return the blocks that could not be computed."""
        query = "SELECT cell, number, traceback FROM set_aside WHERE study = ? ORDER BY cell, number"
        with self._errors():
            return [SetAside(*row) for row in self._connection.execute(query, (study,))]

    def integrity(self) -> str:
        """Return "ok", or what SQLite finds wrong with the file."""
        with self._errors():
            return str(self._connection.execute("PRAGMA integrity_check").fetchone()[0])


def _checksum(study: str, block: StoredBlock) -> bytes:
    """Return a digest of a block, of its place and of the hash of its study."""
    place = f"{study} {block.cell} {block.number} {block.replicates} ".encode()
    return hashlib.blake2b(place + bytes(block.payload), digest_size=16).digest()


def read_partial(block: StoredBlock) -> Partial:
    """Return the statistics of a stored block."""
    return Partial.from_bytes(block.payload)
