"""Stores of studies: where they may be, what is damaged, what older versions wrote, what a run goes on from."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from alignment_fast.studies import StoreError, StoreLockedError, Study, engine, filesystems, lock
from alignment_fast.studies import store as stores
from alignment_fast.studies.made import Made, here
from alignment_fast.studies.store import Origin, SetAside, Store
from alignment_fast.studies.work import JobReport

pytestmark = pytest.mark.same_everywhere

SPEC = {
    "name": "stored",
    "seed": 3,
    "replicates": 4000,
    "source": [{"kind": "outcomes", "reward": [0.0, 1.0, 3.0]}, {"kind": "gaussian"}],
    "estimand": {"kind": "best_of_n", "block": 100, "grid": {"n": [1, 8]}},
}
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as Linux does")


class Ends(ThreadPoolExecutor):
    """Ctrl-C comes when it is given its last job."""

    def __init__(self, jobs):
        super().__init__(1)
        self.jobs = jobs

    def submit(self, function, /, *arguments, **keywords):
        self.jobs -= 1
        if self.jobs == 0:
            raise KeyboardInterrupt
        return super().submit(function, *arguments, **keywords)


@pytest.fixture
def study():
    return Study.from_dict(SPEC)


@pytest.fixture
def finished(study, tmp_path):
    path = tmp_path / "study.db"
    return path, study.run(store=path, progress=False).to_csv_bytes()


def ask(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(*statement).fetchall() for statement in statements]


def half_of(study, path, jobs=3):
    with pytest.raises(KeyboardInterrupt):
        study.run(Ends(jobs), store=path, progress=False, workers=1)


# ---- where a store may be ----


@pytest.mark.parametrize("link", ["symlink", "hard link"])
def test_two_names_of_a_store_are_one_store_or_refused(study, finished, tmp_path, link):
    path, table = finished
    other = tmp_path / "elsewhere" / "other.db"
    other.parent.mkdir()
    if link == "symlink":
        other.symlink_to(path)
        held = lock.WriterLock(path)
        held.acquire()
        try:
            with pytest.raises(StoreLockedError, match=f"is written to by process {os.getpid()} on "):
                study.run(store=other, progress=False)
            assert f"process {os.getpid()}" in study.status(other).writer
        finally:
            held.release()
        assert study.run(store=other, progress=False).to_csv_bytes() == table
        assert sorted(entry.name for entry in other.parent.iterdir()) == ["other.db"]  # no log, no lock beside the link
    else:
        os.link(path, other)
        with pytest.raises(StoreError, match="has another name as well"):
            study.run(store=other, progress=False)


@LINUX
@pytest.mark.parametrize(("kind", "refused"), [("nfs4", True), ("lustre", True), ("ext4", False), ("tmpfs", False)])
def test_network_file_systems_are_refused_and_can_be_read(study, finished, tmp_path, monkeypatch, kind, refused):
    path, table = finished
    lines = ["21 1 0:1 / / rw - ext4 /dev/x rw", f"22 21 0:2 / {tmp_path} rw shared:1 - {kind} server:/x rw"]
    (tmp_path / "mounts").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(filesystems, "MOUNTS", tmp_path / "mounts")
    assert study.results(path).to_csv_bytes() == table
    if not refused:
        assert study.run(store=path, progress=False).to_csv_bytes() == table
        return
    with pytest.raises(StoreError, match=rf"is on a network file system \({kind}\).*--part"):
        study.run(store=path, progress=False)


@LINUX
def test_a_log_that_sqlite_does_not_grant_is_an_error(study, tmp_path, monkeypatch):
    """Without locks, as SQLite's own file system unix-none has none, there is no writing ahead."""
    connect = sqlite3.connect

    def without_locks(path, **options):
        return connect(f"file:{path}?vfs=unix-none", uri=True, **options)

    monkeypatch.setattr(stores.sqlite3, "connect", without_locks)
    with pytest.raises(StoreError, match="SQLite cannot write ahead here"):
        study.run(store=tmp_path / "study.db", progress=False)


@LINUX
def test_a_disk_that_fills_up_keeps_what_was_stored(study, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(StoreError, match="the disk is full; what was stored before is safe"):
            study.run(store=place / "study.db", progress=False, workers=1)
        kept = study.status(place / "study.db")
        subprocess.run(["mount", "-o", "remount,size=16m", place], check=True)
        assert study.status(place / "study.db").blocks_done >= kept.blocks_done
        table = study.run(store=place / "study.db", progress=False).to_csv_bytes()
        with Store(place / "study.db", write=False) as opened:
            assert opened.integrity() == "ok"
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert study.results(place / "study.db").to_csv_bytes() == table
        with pytest.raises(StoreError, match="cannot be"):
            study.run(store=place / "study.db", progress=False)
    finally:
        subprocess.run(["umount", place], check=True)
    assert table == study.run(store=tmp_path / "study.db", progress=False).to_csv_bytes()


def test_a_clock_that_goes_backwards_changes_nothing(study, finished, tmp_path, monkeypatch):
    """Dates are notes for people."""
    _, table = finished
    path = tmp_path / "other.db"
    half_of(study, path)
    beginning = time.gmtime(0)
    for module in (stores, lock):
        monkeypatch.setattr(module.time, "gmtime", lambda: beginning)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert study.run(store=path, progress=False).to_csv_bytes() == table
    assert [row[0][:4] for row in ask(path, ("SELECT begun FROM run ORDER BY rowid",))[0]][1:] == ["1970"]


def test_levels_may_change_over_one_store(finished):
    """They change no block: those of the table are what is asked for now."""
    path, _ = finished
    states = []
    wide = Study.from_dict({**SPEC, "level": 0.999}).run(store=path, progress=states.append)
    assert states[-1].rate == 0
    narrow = Study.from_dict(SPEC).results(path)
    for one, other in zip(wide.rows, narrow.rows, strict=True):
        assert one["mean"] == other["mean"]
        assert one["low"] is None or other["low"] is None or one["low"] < other["low"]


# ---- what is damaged ----


def test_a_damaged_row_is_kept_aside(study, finished):
    path, table = finished
    ask(path, ("UPDATE block SET payload = x'00' WHERE cell = 1 AND number = 2",))
    with pytest.warns(UserWarning, match="block 2 of cell 1 is not what was stored .*computed again"):
        assert study.run(store=path, progress=False).to_csv_bytes() == table
    (rows,) = ask(path, ("SELECT cell, number, payload, reason FROM damaged",))
    assert rows == [(1, 2, b"\0", "its checksum does not fit")]


def test_a_whole_row_of_other_replicates_is_refused_and_stays(study, finished):
    """What another version cut otherwise: it is right, only not here."""
    path, _ = finished
    with Store(path, write=True) as opened:
        number = opened.find(study.spec)
        (row,) = (one for one in opened.blocks(number) if (one.cell, one.number) == (1, 2))
        ask(path, ("DELETE FROM block WHERE cell = 1 AND number = 2",))
        opened.add(number, [stores.StoredBlock(1, 2, 50, row.payload, 0.0)], here())
    before = ask(path, ("SELECT * FROM block",))
    for call in (study.run, study.results):
        with pytest.raises(StoreError, match=r"block 2 of cell 1 is whole, but has 50 replicates, not 100"):
            call(store=path, **({"progress": False} if call == study.run else {}))
    assert ask(path, ("SELECT * FROM block",)) == before


def test_a_damaged_description_of_tables_is_an_error_of_the_store(tmp_path):
    """SQLite quotes it in its complaint, which then is no text."""
    path = tmp_path / "study.db"
    Store(path, write=True).close()
    path.write_bytes(path.read_bytes().replace(b"(\n", b"\xb7\n"))
    with pytest.raises(StoreError, match=r"study\.db: "):
        Store(path, write=False)


@pytest.mark.parametrize("column", ["spec", "hash", "version", "arithmetic", "checksum"])
def test_a_damaged_entry_of_a_study_is_named(study, finished, column):
    path, _ = finished
    ask(path, (f"UPDATE study SET {column} = 'other'",))
    with pytest.raises(StoreError, match="the entry of study 'stored' is not what was stored"):
        study.status(path)


def test_a_damaged_entry_of_a_block_set_aside_is_none(study, tmp_path):
    path = tmp_path / "study.db"
    half_of(study, path)
    with Store(path, write=True) as opened:
        number = opened.find(study.spec)
        opened.put_aside(number, SetAside(3, 39, "why \ud800"))  # what is no Unicode is stored all the same
        assert [one.traceback for one in opened.set_aside(number)] == ["why ?"]
    ask(path, ("UPDATE set_aside SET number = 38",))
    assert study.status(path).set_aside == ()
    assert study.run(store=path, progress=False).is_complete


# ---- what older versions wrote ----

FIRST_SCHEMA = """
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
    PRAGMA user_version = 1;
"""


def test_a_store_of_the_first_schema_is_brought_up_to_date(study, finished, tmp_path):
    path, table = finished
    old = tmp_path / "old.db"
    studies, blocks = ask(path, ("SELECT * FROM study",), ("SELECT * FROM block WHERE number != 7",))
    with contextlib.closing(sqlite3.connect(old)) as connection, connection:
        connection.executescript(FIRST_SCHEMA)
        connection.executemany(f"INSERT INTO study VALUES ({', '.join('?' * 9)})", [row[:9] for row in studies])
        connection.executemany(f"INSERT INTO block VALUES ({', '.join('?' * 10)})", blocks)
        connection.execute("INSERT INTO set_aside VALUES (1, 0, 7, 'why')")
    with pytest.raises(StoreError, match=r"of an older schema \(1\); `study run` brings it up to date"):
        study.status(old)
    half_of(study, old, jobs=1)
    assert [(one.cell, one.number) for one in study.status(old).set_aside] == [(0, 7)]
    assert study.run(store=old, progress=False).to_csv_bytes() == table
    assert ask(old, ("PRAGMA user_version",)) == ask(path, ("PRAGMA user_version",))
    assert ask(old, ("SELECT * FROM study",))[0] == studies


# ---- what a run goes on from ----


def test_a_run_goes_on_from_snapshots(study, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SNAPSHOT_BLOCKS", 8)
    monkeypatch.setattr(engine, "SNAPSHOT_AT_END", 8)
    path = tmp_path / "study.db"
    table = study.run(store=path, progress=False).to_csv_bytes()
    (snapshots,) = ask(path, ("SELECT cell, prefix FROM snapshot ORDER BY cell",))
    assert snapshots == [(cell, 40) for cell in range(4)]
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    ask(copy, ("DELETE FROM block WHERE number < 40",))  # they are not looked at any more
    assert study.results(copy).to_csv_bytes() == table
    ask(path, ("UPDATE snapshot SET content = x'00' WHERE cell = 2",))  # a damaged one: all blocks are read
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert study.results(path).to_csv_bytes() == table


@pytest.mark.parametrize("target", [0.02, 0.05])
def test_snapshots_keep_what_was_decided(tmp_path, monkeypatch, target):
    monkeypatch.setattr(engine, "SNAPSHOT_BLOCKS", 8)
    monkeypatch.setattr(engine, "SNAPSHOT_AT_END", 8)
    content = {key: value for key, value in SPEC.items() if key != "replicates"}
    content["target"] = {"standard_error": target, "column": "reward", "at_least": 1000}
    study = Study.from_dict(content)
    table = study.run(store=tmp_path / "quiet.db", progress=False).to_csv_bytes()
    path = tmp_path / "study.db"
    for jobs in (2, 4):
        with contextlib.suppress(KeyboardInterrupt):
            study.run(Ends(jobs), store=path, progress=False, workers=1)
    assert study.run(store=path, progress=False).to_csv_bytes() == table


# ---- who computed what ----


def test_blocks_are_recorded_under_what_computed_them(study, tmp_path):
    foreign = Made(here().version, "cuda", "elsewhere")

    class Mixed(ThreadPoolExecutor):
        """Every other job comes from somewhere else."""

        jobs = 0

        def submit(self, function, /, *arguments):
            self.jobs += 1
            made = foreign if self.jobs % 2 else here(numpy=True)
            return super().submit(lambda: JobReport(made, function(*arguments).blocks))

    path = tmp_path / "study.db"
    with pytest.raises(StoreError, match=r"begun with arithmetic .*, and this is cuda"):
        study.run(Mixed(1), store=path, progress=False)
    results = study.run(Mixed(1), store=path, progress=False, mixed=True)
    assert {one.arithmetic for one in results.origins} == {"cuda", here(numpy=True).arithmetic}
    assert sum(one.blocks for one in results.origins) == 160
    assert study.status(path).origins == results.origins
    assert ask(path, ("SELECT mixed FROM run ORDER BY rowid",)) == [[(0,), (1,)]]


def test_one_kind_of_worker_is_one_origin(study, finished):
    path, _ = finished
    made = here(numpy=True)
    assert study.results(path).origins == (Origin(made.version, made.arithmetic, 160, 1),)


def test_the_arithmetic_names_numpy_where_values_pass_through_it():
    """Its functions of float64 differ in their last bits between processors."""
    own = {**SPEC, "source": SPEC["source"][0]}
    assert not Study.from_dict(own).spec.uses_numpy
    assert Study.from_dict(SPEC).spec.uses_numpy  # divergences of continuous laws
    user = {"kind": "user", "generate": "json:dumps", "analyse": "json:dumps"}
    assert Study.from_dict({"name": "u", "replicates": 9, "estimand": user}).spec.uses_numpy
    assert here().arithmetic in ("cpu-fma", "cpu-baseline")
    assert here(numpy=True).arithmetic.startswith(f"{here().arithmetic}, NumPy ")
