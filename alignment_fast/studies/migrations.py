"""The tables of a store, and how a store of an older version gets those of this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from alignment_fast.studies.checksums import of_set_aside, of_study

__all__ = ["MIGRATIONS", "migrate"]

_FIRST = """
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
"""
_SECOND = """
    ALTER TABLE study ADD COLUMN checksum BLOB;
    ALTER TABLE set_aside ADD COLUMN checksum BLOB;
    CREATE TABLE run (
        study INTEGER NOT NULL REFERENCES study (id), begun TEXT NOT NULL, version TEXT NOT NULL,
        arithmetic TEXT NOT NULL, isa TEXT NOT NULL, host TEXT NOT NULL, process INTEGER NOT NULL,
        mixed INTEGER NOT NULL);
    CREATE TABLE snapshot (
        study INTEGER NOT NULL REFERENCES study (id), cell INTEGER NOT NULL, prefix INTEGER NOT NULL,
        content BLOB NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (study, cell));
    CREATE TABLE damaged (
        study INTEGER, cell INTEGER, number INTEGER, replicates INTEGER, payload BLOB, checksum BLOB, seconds REAL,
        version TEXT, arithmetic TEXT, host TEXT, reason TEXT NOT NULL, found TEXT NOT NULL);
"""
_THIRD = """
    CREATE TABLE block_group (
        study INTEGER NOT NULL REFERENCES study (id), cell INTEGER NOT NULL, number INTEGER NOT NULL,
        count INTEGER NOT NULL, replicates INTEGER NOT NULL, payload BLOB NOT NULL, checksum BLOB NOT NULL,
        seconds REAL NOT NULL, version TEXT NOT NULL, arithmetic TEXT NOT NULL, host TEXT NOT NULL,
        PRIMARY KEY (study, cell, number));
"""


def _begun(connection: sqlite3.Connection) -> None:
    _run(connection, _FIRST)


def _checked(connection: sqlite3.Connection) -> None:
    """Add checksums of studies and of blocks set aside, runs, snapshots, and what was damaged."""
    _run(connection, _SECOND)
    for number, *columns in connection.execute(
        "SELECT id, name, hash, spec, version, arithmetic FROM study"
    ).fetchall():
        connection.execute("UPDATE study SET checksum = ? WHERE id = ?", (of_study(*columns), number))
    query = "SELECT set_aside.rowid, hash, cell, number, traceback FROM set_aside JOIN study ON study = id"
    for row, *columns in connection.execute(query).fetchall():
        connection.execute("UPDATE set_aside SET checksum = ? WHERE rowid = ?", (of_set_aside(*columns), row))


def _grouped(connection: sqlite3.Connection) -> None:
    """Add blocks that parts of a study have folded: `count` of them, from `number` on."""
    _run(connection, _THIRD)


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";"):
        connection.execute(statement)


# Each takes a store from one version of its schema to the next; PRAGMA user_version counts them.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_begun, _checked, _grouped)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a store up to date, all of it or nothing; another writer may have done so meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        step(connection)
        connection.execute(f"PRAGMA user_version={number}")
    connection.execute("COMMIT")
