"""One writer at a time: a lock beside the store that says who holds it, and that a killed process cannot keep."""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import time
from pathlib import Path
from typing import Any

from alignment_fast.studies.errors import StoreError, StoreLockedError

__all__ = ["WriterLock", "holder_of"]


def _path(store: Path) -> Path:
    """Return where the lock of a store is: one lock, whatever links lead to the store."""
    store = store.resolve()
    return store.with_name(store.name + ".lock")


class WriterLock:
    """Held from `acquire` to `release`, or to the end of the process, however it comes.

    The lock is SQLite's on a small file of its own, hence the system's on that file: it needs no clock, is not
    inherited by children, and works wherever the store itself does.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        StoreLockedError
            If another coordinator has it; the message says which.
        StoreError
            If no lock can be had here at all.

        """
        path = _path(self._store)
        try:
            connection = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("CREATE TABLE IF NOT EXISTS holder (host TEXT, pid INTEGER, since TEXT)")
                connection.execute("DELETE FROM holder")
                since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
                connection.execute("INSERT INTO holder VALUES (?, ?, ?)", (platform.node(), os.getpid(), since))
                connection.execute("COMMIT")
                connection.execute("BEGIN IMMEDIATE")  # held from here on; readers see who holds it
            except BaseException:
                connection.close()
                raise
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreLockedError(
                    f"{self._store} is written to by {_described(_read(path))}; wait for it, or stop it"
                ) from None
            raise StoreError(
                f"{path} cannot be locked ({error}): the folder must be writable, on a file system with locks"
            ) from None
        self._connection = connection

    def release(self) -> None:
        """Give the lock back."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            self._connection.close()
            self._connection = None


def holder_of(store: Path) -> str | None:
    """Return who writes to a store now, None if nobody does."""
    path = _path(store)
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return None
        except sqlite3.OperationalError as error:
            return _described(_read(path)) if "locked" in str(error) else None
        finally:
            connection.close()
    except sqlite3.Error:
        return None


def _read(path: Path) -> tuple[Any, ...] | None:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=0.2)) as connection:
        row = connection.execute("SELECT host, pid, since FROM holder").fetchone()
        return None if row is None else tuple(row)
    return None


def _described(row: tuple[Any, ...] | None) -> str:
    return "another process" if row is None else f"process {row[1]} on {row[0]}, since {row[2]}"
