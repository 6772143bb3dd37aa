"""Kills coordinators and workers of studies at random, and compares what is left after going on with a quiet run.

    python -P tests/crash_studies.py [KILLS] [SEED]      20 kills, as in the suite; 200 by hand

Linux only: coordinators are forked from a process that has imported everything, so that a kill takes milliseconds.
"""

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from alignment_fast.studies import Study
from alignment_fast.studies.executors import follow_the_coordinator
from alignment_fast.studies.store import Store

MODULE = """\
import os, signal, time

def generate(parameters, rng):
    time.sleep(0.0002)
    return rng.normal(size=3)

def analyse(parameters, data):
    if os.path.exists("poison") and data[0] > parameters["deadly"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"mean": data.mean(), "positive": bool(data[0] > 0)}
"""
SPEC = {
    "name": "crash",
    "replicates": 3000,
    "source": {"kind": "gaussian"},
    "estimand": [
        {
            "kind": "user",
            "generate": "crash_task:generate",
            "analyse": "crash_task:analyse",
            "block": 16,
            "deadly": 3.0,
        },
        {"kind": "best_of_n", "block": 16, "quantiles": [0.5], "grid": {"n": [2, 8]}},
    ],
}


def processes():
    context = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(2, mp_context=context, initializer=follow_the_coordinator)


def start(study, store, executor):
    """Fork a coordinator and return its number."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            study.run(executor, store=store, progress=False, workers=2)
            os._exit(0)
        os._exit(3)
    return pid


def children(pid):
    with contextlib.suppress(OSError):
        return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill(number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


def rows(store):
    """Return every stored block by its place; a place that is there twice would show in the count."""
    if not store.exists():
        return {}
    with contextlib.closing(sqlite3.connect(store)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'block'").fetchone()[0]:
            return {}
        found = connection.execute("SELECT cell, number, checksum FROM block").fetchall()
    assert len({row[:2] for row in found}) == len(found), "a block is there twice"
    return {row[:2]: row[2] for row in found}


def killed_once_or_more(pid, rng):
    """Kill workers of a coordinator, then itself; return (kills, whether it finished before)."""
    for kills in range(rng.randint(1, 3)):
        time.sleep(rng.uniform(0.03, 0.25))
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return kills, True
        workers = children(pid)
        if not workers or rng.random() < 0.5:
            break
        kill(rng.choice(workers))
    kill(pid)
    os.waitpid(pid, 0)
    return kills + 1, False


def killed_at_random(folder, kills, rng):
    """Kill until there were so many, study after study; return how many studies that took."""
    study = Study.from_dict(SPEC, folder)
    reference = study.run(store=folder / "quiet.db", progress=False).to_csv_bytes()
    expected = rows(folder / "quiet.db")
    done = studies = 0
    while done < kills:
        studies += 1
        store, finished = folder / f"study{studies}.db", False
        while done < kills and not finished:
            before = rows(store)
            more, finished = killed_once_or_more(start(study, store, rng.choice([processes, "threads"])), rng)
            done += more
            after = rows(store)
            assert before.items() <= after.items(), "a block that was stored is lost, or another one"
            assert after.items() <= expected.items(), "a block differs from that of the quiet run"
            if store.exists():  # else it was killed before its first word
                assert study.status(store).writer is None, "a dead coordinator holds the store"
        results = study.run("threads", store=store, progress=False)
        assert results.is_complete, results.set_aside
        assert results.to_csv_bytes() == reference, "the table differs from that of the quiet run"
        assert rows(store) == expected
        with Store(store, write=False) as opened:
            assert opened.integrity() == "ok"
    return studies


def poisoned(folder):
    """A block that kills its worker is set aside, the others are those of the quiet run; without its cause it heals."""
    study, store = Study.from_dict(SPEC, folder), folder / "poisoned.db"
    (folder / "poison").touch()
    results = study.run(processes, store=store, progress=False, workers=2)
    assert results.set_aside, "nothing was set aside"
    assert all("the worker died 2 times" in one.traceback for one in results.set_aside)
    expected = rows(folder / "quiet.db")
    lost = {(one.cell, one.number) for one in results.set_aside}
    assert rows(store) == {place: value for place, value in expected.items() if place not in lost}
    (folder / "poison").unlink()
    healed = study.run("threads", store=store, progress=False)
    assert healed.is_complete
    assert rows(store) == expected
    return len(lost)


def main(kills=20, seed=0):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "crash_task.py").write_text(MODULE)
        os.chdir(folder)
        begun = time.monotonic()
        studies = killed_at_random(folder, kills, random.Random(seed))
        print(f"{kills} kills or more, over {studies} studies: the same bytes")
        print(f"{poisoned(folder)} blocks that kill their workers set aside, and computed once they do not")
        print(f"{time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
