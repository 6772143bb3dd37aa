"""Studies as they run: the same bytes for any workers, order and interruption; what goes wrong is named."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from alignment_fast.studies import Moments, SpecError, StoreError, StoreLockedError, Study, StudyError, blocks
from alignment_fast.studies import study as studies
from alignment_fast.studies.errors import UnfitBlockError
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.made import Made, here
from alignment_fast.studies.partials import Columns, Partial
from alignment_fast.studies.results import FEWEST, TOLERATED, error_of_level, interval_of_mean, interval_of_share
from alignment_fast.studies.spec import spec_of
from alignment_fast.studies.store import Store
from alignment_fast.studies.tally import Tally
from alignment_fast.studies.work import JobReport

pytestmark = pytest.mark.same_everywhere

OUTCOMES = {"kind": "outcomes", "p": [0.5, 0.3, 0.2], "reward": [0.0, 1.0, 3.0]}
SPEC = {
    "name": "small",
    "seed": 7,
    "replicates": 5000,
    "source": [OUTCOMES, {"kind": "gaussian"}, {"kind": "random_preferences", "responses": 3}],
    "estimand": [
        {"kind": "best_of_n", "block": 300, "quantiles": [0.1, 0.9], "grid": {"n": [1, 4]}},
        {"kind": "soft_best_of_n", "block": 500, "n": 3, "temperature": 0.5},
        {"kind": "dynamics", "block": 1000, "alpha": 0.9, "beta": 8.0, "lam": 0.5, "steps": 40, "burn_in": 20},
    ],
}
TARGETED = {
    "name": "targeted",
    "seed": 3,
    "target": {"standard_error": 0.02, "column": "reward", "at_least": 1000, "at_most": 20_000},
    "source": [OUTCOMES, {"kind": "gaussian", "std": 0.5}],
    "estimand": {"kind": "best_of_n", "block": 128, "grid": {"n": [1, 16]}},
}


class OutOfOrder(Executor):
    """Holds work back, does it in another order, and reports some blocks twice."""

    _max_workers = 3

    def __init__(self, order, twice=False):
        self.order, self.twice = order, twice
        self.waiting = []
        self.last = None

    def submit(self, function, /, *arguments, **keywords):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) >= 4:
            self.work()
        else:  # there may be no more
            threading.Timer(0.05, self.work).start()
        return future

    def work(self):
        waiting, self.waiting = self.waiting, []
        for future, function, arguments in self.order(waiting):
            report = function(*arguments)
            blocks = self.order(list(report.blocks))
            if self.twice:
                blocks = [*blocks, *blocks[:1], *(self.last.blocks if self.last else ())]
            self.last = report
            future.set_result(JobReport(report.made, tuple(blocks)))


class Interrupted(ThreadPoolExecutor):
    """Ctrl-C comes when it is given its last job."""

    def __init__(self, jobs):
        super().__init__(1)
        self.jobs = jobs

    def submit(self, function, /, *arguments, **keywords):
        self.jobs -= 1
        if self.jobs == 0:
            raise KeyboardInterrupt
        return super().submit(function, *arguments, **keywords)


def shuffled(values):
    return random.Random(5).sample(values, len(values))


def stored(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        query = "SELECT cell, number, replicates, payload, checksum FROM block ORDER BY cell, number"
        return connection.execute(query).fetchall()


EXECUTORS = {
    "one thread": lambda: ThreadPoolExecutor(1),
    "seven threads": lambda: ThreadPoolExecutor(7),
    "reversed": lambda: OutOfOrder(lambda values: values[::-1]),
    "shuffled, twice": lambda: OutOfOrder(shuffled, twice=True),
    "processes": "processes",
}


@pytest.fixture(scope="module", params=[SPEC, TARGETED], ids=lambda spec: spec["name"])
def reference(request, tmp_path_factory):
    study = Study.from_dict(request.param)
    path = tmp_path_factory.mktemp("quiet") / "quiet.db"
    return study, study.run(store=path, progress=False).to_csv_bytes(), stored(path)


# ---- the same bytes ----


@pytest.mark.parametrize("executor", EXECUTORS)
def test_any_executor_and_order_give_the_same_bytes(reference, executor, tmp_path):
    study, table, rows = reference
    if executor == "processes" and study.spec.target is not None:
        return  # they take seconds to start
    results = study.run(EXECUTORS[executor], store=tmp_path / "study.db", progress=False, workers=2)
    assert results.to_csv_bytes() == table
    assert stored(tmp_path / "study.db") == rows
    assert study.results(tmp_path / "study.db").to_csv_bytes() == table


def test_a_target_is_met_with_as_few_replicates_as_its_steps_allow(tmp_path):
    """Decisions are taken after 8, 12, 18, 27, ... blocks."""
    rows = Study.from_dict(TARGETED).run(store=tmp_path / "study.db", progress=False).rows
    assert all(row["standard_error"] <= 0.02 for row in rows if row["column"] == "reward")
    steps = [8]
    while steps[-1] < 157:
        steps.append(-(-3 * steps[-1] // 2))
    assert {row["blocks"] for row in rows} <= {*steps}
    assert len({row["blocks"] for row in rows}) > 1


def test_an_interrupted_study_goes_on_and_computes_nothing_twice(reference, tmp_path):
    study, table, rows = reference
    path = tmp_path / "study.db"
    kept = 0
    for jobs in (3, 4, 5):
        with pytest.raises(KeyboardInterrupt):
            study.run(Interrupted(jobs), store=path, progress=False, workers=1)
        found = stored(path)
        assert len(found) > kept
        assert set(found) <= set(rows)
        kept = len(found)
    states = []
    assert study.run(store=path, progress=states.append).to_csv_bytes() == table
    assert stored(path) == rows
    assert states[-1].cells_done == states[-1].cells
    again = []
    assert study.run(store=path, progress=again.append).to_csv_bytes() == table
    assert [state.rate for state in again] == [0.0]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_ctrl_c_waits_for_no_job(executor, tmp_path):
    """A block that would take minutes is left behind, and what was stored before stays."""
    (tmp_path / "endless.py").write_text(
        "import time\n\ndef generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n"
        "    print('working', flush=True)\n"
        "    time.sleep(600 if data > 0.6 else 0)\n    return data\n"
    )
    (tmp_path / "main.py").write_text(
        "import sys\nfrom alignment_fast.studies import Study\n\n"
        "if __name__ == '__main__':\n"
        "    estimand = {'kind': 'user', 'generate': 'endless:generate', 'analyse': 'endless:analyse', 'block': 1}\n"
        "    study = Study.from_dict({'name': 'x', 'replicates': 100, 'estimand': estimand})\n"
        f"    try:\n        study.run({executor!r}, store='study.db', progress=False, workers=2)\n"
        "    except KeyboardInterrupt:\n        print('interrupted', flush=True)\n        sys.exit(7)\n"
    )
    path = tmp_path / "study.db"
    process = subprocess.Popen(
        [sys.executable, "main.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        while process.stdout.readline() != "working\n":
            assert process.poll() is None
        while not (path.exists() and (tmp_path / "study.db-wal").exists() and len(rows_of(path)) > 0):
            time.sleep(0.02)
        before = rows_of(path)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 7
    assert out.endswith("interrupted\n")
    assert set(before) <= set(rows_of(path))


def rows_of(path):
    """Return what is stored, nothing where there is no table yet."""
    with contextlib.suppress(sqlite3.OperationalError):
        return stored(path)
    return []


def test_kills_lose_nothing():
    """See tests/crash_studies.py, which can be run for longer."""
    if not sys.platform.startswith("linux"):
        pytest.skip("kills processes as Linux does")
    script = Path(__file__).with_name("crash_studies.py")
    process = subprocess.run([sys.executable, "-P", script, "20"], capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    assert "20 kills or more" in process.stdout
    assert "set aside, and computed once they do not" in process.stdout


# ---- users' functions ----


def user_study(folder, body, replicates=1000, **more):
    """Return a study of functions in a module of its own name."""
    name = f"user_{abs(hash((str(folder), body)))}"
    (folder / f"{name}.py").write_text(f"def generate(parameters, rng):\n    return rng.uniform()\n\n{body}\n")
    estimand = {"kind": "user", "generate": f"{name}:generate", "analyse": f"{name}:analyse", "block": 100, **more}
    return Study.from_dict({"name": "user", "replicates": replicates, "estimand": estimand}, folder)


def test_a_function_that_fails_costs_its_block_and_tells_why(tmp_path, monkeypatch):
    body = (
        "import os\n\ndef analyse(parameters, data):\n"
        "    if data > 0.995 and not os.environ.get('HEALED'):\n        raise ZeroDivisionError('too large')\n"
        "    return data\n"
    )
    study = user_study(tmp_path, body)
    results = study.run(store=tmp_path / "study.db", progress=False)
    assert 0 < len(results.set_aside) < 10
    assert not results.is_complete
    assert all("ZeroDivisionError: too large" in one.traceback for one in results.set_aside)
    (row,) = results.rows
    assert row["blocks"] + row["blocks_set_aside"] == 10
    assert row["replicates"] == 100 * row["blocks"]
    status = study.status(tmp_path / "study.db")
    assert status.set_aside == results.set_aside
    assert status.blocks_done == row["blocks"]
    assert study.results(tmp_path / "study.db").to_csv_bytes() == results.to_csv_bytes()
    monkeypatch.setenv("HEALED", "1")
    healed = study.run(store=tmp_path / "study.db", progress=False)
    assert healed.is_complete
    assert healed.rows[0]["replicates"] == 1000


def test_replicates_without_a_value_are_dropped_and_counted(tmp_path):
    body = "def analyse(parameters, data):\n    return {'x': data if data < 0.9 else float('nan'), 'low': data < 0.5}"
    rows = user_study(tmp_path, body).run(store=tmp_path / "study.db", progress=False).rows
    assert [row["column"] for row in rows] == ["x", "low"]
    assert rows[0]["dropped"] > 50
    assert rows[0]["replicates"] + rows[0]["dropped"] == 1000
    assert rows[0]["maximum"] < 0.9


def test_columns_that_change_are_an_error_of_their_block(tmp_path):
    body = "def analyse(parameters, data):\n    return {'x': data} if data < 0.999 else {'y': data}"
    results = user_study(tmp_path, body).run(store=tmp_path / "study.db", progress=False)
    assert all("gave the columns" in one.traceback or "does not belong" in one.traceback for one in results.set_aside)


@pytest.mark.parametrize("order", [lambda values: values, lambda values: values[::-1]], ids=["forward", "reversed"])
def test_a_block_of_other_columns_is_set_aside_and_no_other_one(tmp_path, order):
    """Whichever came first: some wait for blocks before them, or for those that fail."""
    body = (
        "def analyse(parameters, data):\n    if 0.8 < data < 0.85:\n        raise ValueError('no case')\n"
        "    return {'y' if data > 0.85 else 'x': data}\n"
    )
    study, path = user_study(tmp_path, body, replicates=60, block=1), tmp_path / "study.db"
    results = study.run(lambda: OutOfOrder(order), store=path, progress=False, workers=2)
    seeds = [np.random.SeedSequence(0, spawn_key=(0, replicate)) for replicate in range(60)]
    data = [np.random.default_rng(seed).uniform() for seed in seeds]
    assert data[0] < 0.8  # the first block says what the columns are
    assert [one.number for one in results.set_aside] == [place for place, value in enumerate(data) if value > 0.8]
    assert [row["replicates"] for row in results.rows] == [sum(value <= 0.8 for value in data)]
    assert sum("y does not belong to x" in one.traceback for one in results.set_aside) == sum(x > 0.85 for x in data)
    assert study.results(path).to_csv_bytes() == results.to_csv_bytes()
    assert study.run(store=path, progress=False).to_csv_bytes() == results.to_csv_bytes()


def test_truth_values_with_nan_are_shares(tmp_path):
    """Also where a whole block has none but NaN."""
    body = "def analyse(parameters, data):\n    return {'low': data < 0.6 if data > 0.4 else float('nan')}"
    study = user_study(tmp_path, body, replicates=4000, block=4)
    results = study.run(store=tmp_path / "study.db", progress=False)
    assert results.is_complete, results.set_aside
    (row,) = results.rows
    assert row["replicates"] + row["dropped"] == 4000
    assert (row["low"], row["high"]) == interval_of_share(row["mean"], row["replicates"], 0.95)


def test_sys_exit_of_a_users_function_is_a_failure_like_others(tmp_path):
    body = (
        "import sys\n\ndef analyse(parameters, data):\n    return sys.exit(3) if data > 0.995 else data\n\n"
        "def summarise(parameters, summary):\n    sys.exit(4)\n"
    )
    study = user_study(tmp_path, body)
    results = study.run(store=tmp_path / "study.db", progress=False)
    assert 0 < len(results.set_aside) < 10
    assert all("SystemExit: 3" in one.traceback for one in results.set_aside)
    content = {"kind": "user", **study.spec.cells[0].parameters}
    content["summarise"] = content["analyse"].replace("analyse", "summarise")
    full = Study.from_dict({"name": "summed", "replicates": 1000, "estimand": content}, tmp_path)
    found = full.run(store=tmp_path / "study.db", progress=False)
    assert found.failed_summaries == ("the summary failed: SystemExit: 4",)
    assert found.rows[0]["column"] == "value"  # nothing else is lost by it
    assert found.rows[0]["mean"] > 0.4
    (tmp_path / "module_that_exits.py").write_text("import sys\nsys.exit(5)\n")
    content["analyse"] = "module_that_exits:f"
    with pytest.raises(SpecError, match=r"estimand\[0\]\.analyse: .* cannot be imported: SystemExit: 5"):
        Study.from_dict({"name": "exits", "replicates": 1000, "estimand": content}, tmp_path)


def test_a_target_of_a_users_column_that_is_none_ends_at_the_first_decision(tmp_path):
    study, path = user_study(tmp_path, "def analyse(parameters, data):\n    return {'width': data}"), tmp_path / "x.db"
    content = {"name": "user", "estimand": {"kind": "user", **study.spec.cells[0].parameters, "block": 100}}
    del content["estimand"]["summarise"]
    target = {"standard_error": 1e-9, "column": "widht", "at_least": 1000, "at_most": 10**8}
    targeted = Study.from_dict({**content, "target": target}, tmp_path)
    targeted.plan()  # nothing is known of its columns yet
    for call in (lambda: targeted.run(store=path, progress=False), lambda: targeted.status(path)):
        with pytest.raises(
            SpecError, match=r"target.column: cell 0 \(user\) has no column 'widht'; did you mean 'width'"
        ):
            call()
    assert len(stored(path)) < 50


def test_a_summary_adds_figures(tmp_path):
    body = (
        "def analyse(parameters, data):\n    return data * parameters['scale']\n\n"
        "def summarise(parameters, summary):\n    return {'half': summary['value']['mean'] / 2}"
    )
    study = user_study(tmp_path, body, scale=2.0)
    content = {"kind": "user", **study.spec.cells[0].parameters, "block": 100}
    content["summarise"] = content["analyse"].replace("analyse", "summarise")
    full = Study.from_dict({"name": "user", "replicates": 1000, "estimand": content}, tmp_path)
    value, half = full.run(store=tmp_path / "study.db", progress=False).rows
    assert half["mean"] == value["mean"] / 2
    assert (half["column"], half["note"]) == ("half", "summary")


# ---- the store ----


@pytest.fixture
def finished(tmp_path):
    study = Study.from_dict({**TARGETED, "name": "stored"})
    path = tmp_path / "study.db"
    return study, path, study.run(store=path, progress=False).to_csv_bytes()


def change(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


DAMAGES = {
    "a changed byte": "UPDATE block SET payload = zeroblob(length(payload)) WHERE cell = 1 AND number = 2",
    "cut short": "UPDATE block SET payload = substr(payload, 1, 40) WHERE cell = 1 AND number = 2",
    "no bytes": "UPDATE block SET payload = 'text' WHERE cell = 1 AND number = 2",
    "another place": "UPDATE block SET number = 1000 WHERE cell = 1 AND number = 2",
    "another cell": "UPDATE block SET cell = 77 WHERE cell = 1 AND number = 2",
    "other replicates": "UPDATE block SET replicates = 5 WHERE cell = 1 AND number = 2",
    "another checksum": "UPDATE block SET checksum = x'00' WHERE cell = 1 AND number = 2",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_named_and_computed_again(finished, damage):
    study, path, table = finished
    change(path, DAMAGES[damage])
    with pytest.raises(StoreError, match="is not what was stored"):
        study.results(path)
    with pytest.warns(UserWarning, match=r"block \d+ of cell \d+ is not what was stored .*computed again"):
        assert study.run(store=path, progress=False).to_csv_bytes() == table
    assert study.run(store=path, progress=False).to_csv_bytes() == table


def test_a_changed_spec_is_refused_with_the_difference(finished):
    _, path, _ = finished
    changed = Study.from_dict({**TARGETED, "name": "stored", "seed": 4})
    with pytest.raises(StoreError, match=r"holds another study 'stored' \(seed: 3 -> 4\): give this one a new name"):
        changed.run(store=path, progress=False)
    with pytest.raises(StoreError, match="seed: 3 -> 4"):
        changed.status(path)
    other = Study.from_dict({**TARGETED, "name": "another", "seed": 4})
    other.run(store=path, progress=False)
    with Store(path, write=False) as opened:
        assert opened.names() == ["stored", "another"]


@pytest.mark.parametrize(
    ("made", "what"),
    [(Made("0.0.1", here().arithmetic, "x"), "version"), (Made(here().version, "cuda", "x"), "arithmetic")],
)
def test_versions_and_arithmetics_do_not_mix_unless_asked_for(finished, made, what, monkeypatch):
    study, path, table = finished
    monkeypatch.setattr(studies, "here", lambda numpy, device: made)
    with pytest.raises(StoreError, match=f"was begun with {what} .*, and this is {getattr(made, what)}"):
        study.run(store=path, progress=False)
    assert study.run(store=path, progress=False, mixed=True).to_csv_bytes() == table


def test_workers_of_another_arithmetic_are_refused(tmp_path):
    class Elsewhere(ThreadPoolExecutor):
        def submit(self, function, /, *arguments):
            return super().submit(lambda: JobReport(Made(here().version, "cuda", "x"), function(*arguments).blocks))

    with pytest.raises(StoreError, match=r"begun with arithmetic cpu-.*, and this is cuda"):
        Study.from_dict(SPEC).run(Elsewhere(1), store=tmp_path / "study.db", progress=False)


def test_a_second_coordinator_is_told_who_holds_the_store(tmp_path):
    study, path = Study.from_dict(SPEC), tmp_path / "study.db"
    seen = []

    def second(progress):
        if not seen:
            seen.append(study.status(path))
            with pytest.raises(StoreLockedError, match=rf"is written to by process {os.getpid()} on .*, since 2"):
                study.run(store=path, progress=False)

    study.run(store=path, progress=second)
    assert seen[0].writer is not None
    assert f"process {os.getpid()}" in seen[0].writer
    assert study.status(path).writer is None


def test_a_store_of_a_newer_version_is_refused(finished):
    study, path, _ = finished
    change(path, "PRAGMA user_version = 99")
    for call in (lambda: study.run(store=path, progress=False), lambda: study.status(path)):
        with pytest.raises(StoreError, match="was written by a newer version of alignment_fast"):
            call()


def test_what_is_no_store_is_refused(tmp_path):
    study = Study.from_dict(SPEC)
    (tmp_path / "text.db").write_text("no database at all, but a text that is long enough to be looked at" * 20)
    change(tmp_path / "other.db", "CREATE TABLE mine (x)")
    places = {
        "text.db": "file is not a database",
        "other.db": "is a database, but no store of studies",
        "absent/study.db": "there is no folder",
        ".": "is a folder",
    }
    for name, message in places.items():
        with pytest.raises(StoreError, match=message):
            study.run(store=tmp_path / name, progress=False)
    with pytest.raises(StoreError, match="there is no store"):
        study.status(tmp_path / "absent.db")


def test_a_store_in_which_nothing_was_written_yet_is_empty(tmp_path):
    """A coordinator that is killed at once leaves such a file."""
    (tmp_path / "study.db").touch()
    status = Study.from_dict(SPEC).status(tmp_path / "study.db")
    assert (status.known, status.blocks_done, status.writer) == (False, 0, None)


@pytest.mark.parametrize("pages", [8, 16], ids=["before a table is whole", "among blocks"])
def test_a_full_disk_is_named_and_what_was_stored_is_safe(tmp_path, monkeypatch, pages):
    study, path = Study.from_dict(SPEC), tmp_path / "study.db"
    connected = Store._connected

    def small(self, write):
        connection = connected(self, write)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(Store, "_connected", small)
    with pytest.raises(StoreError, match="the disk is full; what was stored before is safe"):
        study.run(EXECUTORS["one thread"], store=path, progress=False, workers=1)
    monkeypatch.undo()
    results = study.run(store=path, progress=False)
    assert results.to_csv_bytes() == study.run(store=tmp_path / "other.db", progress=False).to_csv_bytes()


def test_a_store_that_cannot_be_written_can_be_read(finished):
    """As whoever has no right to write: root may write everywhere, and reads it as an unchangeable file."""
    study, path, table = finished
    for file in (path, path.parent):
        file.chmod(0o555)
    try:
        assert study.results(path).to_csv_bytes() == table
        assert study.status(path).blocks_done > 0
        if os.geteuid() != 0:
            with pytest.raises(StoreError, match="cannot be"):
                study.run(store=path, progress=False)
    finally:
        path.parent.chmod(0o755)


def test_a_file_that_changes_while_the_study_runs_is_noticed(tmp_path):
    (tmp_path / "pool.csv").write_text("score\n1\n2\n3\n")
    content = {**SPEC, "source": {"kind": "pool", "file": "pool.csv"}, "estimand": {"kind": "best_of_n", "n": 2}}
    study = Study.from_dict(content, tmp_path)
    (tmp_path / "pool.csv").write_text("score\n1\n2\n4\n")
    with pytest.raises(ValueError, match=r"pool.csv has changed since the study was read"):
        study.run(store=tmp_path / "study.db", progress=False)


# ---- executors ----


def test_executors_that_break_are_named_or_replaced(tmp_path):
    study = Study.from_dict(SPEC)
    dead = ThreadPoolExecutor(1)
    dead.shutdown()
    with pytest.raises(StudyError, match="the executor is broken; a function that returns a new one could replace it"):
        study.run(dead, store=tmp_path / "study.db", progress=False)
    made = []

    def factory():
        made.append(ThreadPoolExecutor(1))
        if len(made) < 3:
            made[-1].shutdown()
        return made[-1]

    assert study.run(factory, store=tmp_path / "study.db", progress=False).is_complete
    assert len(made) == 3

    def never():
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        return executor

    with pytest.raises(StudyError, match="workers died 20 times"):
        study.run(never, store=tmp_path / "other.db", progress=False)


class Deadly(ThreadPoolExecutor):
    """Its workers die of every block of the first cell, and end with SystemExit over the first of the second one."""

    def submit(self, function, job, /):
        places = list(job.places())
        error = BrokenExecutor("killed") if any(cell == 0 for cell, _ in places) else None
        if places == [(1, 0)]:
            error = SystemExit(3)
        if error is None:
            return super().submit(function, job)
        future = Future()
        future.set_exception(error)
        return future


def test_a_cell_that_kills_all_its_workers_does_not_keep_the_others_from_theirs(tmp_path):
    study = Study.from_dict(SPEC)
    results = study.run(lambda: Deadly(2), store=tmp_path / "study.db", progress=False)
    assert [one.number for one in results.set_aside if one.cell == 0] == [*range(17)]
    assert all("the worker died 2 times" in one.traceback for one in results.set_aside if one.cell == 0)
    assert [one.traceback for one in results.set_aside if one.cell > 0] == ["SystemExit: 3"]
    assert all(row["complete"] for row in results.rows)
    assert {row["cell"] for row in results.rows if row["replicates"] == 5000} == {*range(2, len(study.spec.cells))}


@pytest.mark.parametrize(
    ("executor", "workers", "error"),
    [("fibres", None, ValueError), (3, None, TypeError), (None, 0, ValueError)],
)
def test_what_is_no_executor_is_refused(executor, workers, error, tmp_path):
    with pytest.raises(error, match=r"executor must be|workers must be"):
        Study.from_dict(SPEC).run(executor, store=tmp_path / "study.db", progress=False, workers=workers)


def test_an_executor_that_was_given_stays_open(tmp_path):
    with ThreadPoolExecutor(2) as executor:
        Study.from_dict(SPEC).run(executor, store=tmp_path / "study.db", progress=False)
        assert executor.submit(lambda: 3).result() == 3


# ---- the table ----


def test_the_table_goes_out_in_every_format(finished, tmp_path):
    study, path, table = finished
    results = study.results(path)
    assert set(results.table()) == set(results.fields)
    results.to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == table
    arrow = pytest.importorskip("pyarrow.parquet")
    results.to_parquet(tmp_path / "table.parquet")
    read = arrow.read_table(tmp_path / "table.parquet").to_pydict()
    assert read["mean"] == [row["mean"] for row in results.rows]
    assert read["column"] == [row["column"] for row in results.rows]


@pytest.mark.frontends
def test_the_table_is_an_xarray_dataset(finished):
    pytest.importorskip("xarray")
    study, path, _ = finished
    dataset = study.results(path).to_xarray()
    assert dataset["mean"].values.tolist() == [row["mean"] for row in study.results(path).rows]
    assert set(dataset.coords) == {"cell", "estimand", "source", "n", "column"}


@pytest.mark.frontends
def test_the_dataset_holds_text_and_numbers_and_goes_to_a_file(tmp_path):
    """Also where a parameter is text in one cell and a number in another, or absent."""
    xarray = pytest.importorskip("xarray")
    body = "def analyse(parameters, data):\n    return {'é': data, 'low': data < 0.5}"
    study = user_study(tmp_path, body)
    keys = {key: value for key, value in study.spec.cells[0].parameters.items() if value is not None}
    mine = {"kind": "user", **keys, "grid": {"mode": ["fast", 3], "size": [1, 2]}}
    content = {"name": "x", "replicates": 1000, "source": OUTCOMES, "estimand": [mine, {"kind": "best_of_n", "n": 1}]}
    results = Study.from_dict(content, tmp_path).run(store=tmp_path / "x.db", progress=False)
    dataset = results.to_xarray()
    assert dataset["mode"].values.tolist() == ["fast"] * 4 + ["3"] * 4 + [""] * 3
    assert dataset["size"].values.tolist()[:8] == [1.0, 1.0, 2.0, 2.0] * 2
    assert np.isnan(dataset["size"].values[8:]).all()
    assert dataset["column"].values.tolist()[0] == "é"
    assert dataset["replicates"].dtype.kind == "i"
    assert dataset["complete"].values.all()
    assert dataset.attrs == {"study": "x", "hash": results.hash}
    dataset.to_netcdf(tmp_path / "x.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "x.nc", engine="scipy") as read:
        assert [str(value) for value in read["note"].values] == [row["note"] for row in results.rows]
        assert read["mean"].values.tolist() == dataset["mean"].values.tolist()


def test_intervals_are_given_only_where_they_hold(tmp_path):
    content = {**SPEC, "source": OUTCOMES, "estimand": {"kind": "best_of_n", "grid": {"n": [1, 24, 1000]}}}
    rows = Study.from_dict(content).run(store=tmp_path / "study.db", progress=False).rows
    few = Study.from_dict({**content, "name": "few", "replicates": 500})
    rows_of_few = few.run(store=tmp_path / "study.db", progress=False).rows
    notes = {(row["n"], row["column"]): row["note"] for row in rows}
    assert notes[1, "reward"] == ""
    assert "too few replicates for values so skewed" in notes[24, "reward"]
    assert "all agree: another value has a probability below" in notes[1000, "reward"]
    assert all(row["low"] is None for row in rows if row["note"])
    assert all(row["note"].startswith("fewer than 1000") for row in rows_of_few)


# ---- intervals hold their level ----


def test_wilsons_interval_holds_its_level():
    """Its exact coverage, smoothed over nearby probabilities, from the least number of replicates on."""
    from scipy import stats

    count = np.arange(1001)
    low, high = np.array([interval_of_share(k / 1000, 1000, 0.95) for k in count]).T
    for middle in (0.01, 0.05, 0.3, 0.5, 0.95):
        near = np.linspace(0.97, 1.03, 41) * middle
        near = near[near < 1]
        coverage = [stats.binom.pmf(count[(low <= p) & (p <= high)], 1000, p).sum() for p in near]
        assert abs(np.mean(coverage) - 0.95) < 0.01


@pytest.mark.parametrize("law", ["standard_exponential", "standard_normal", "random"])
def test_students_interval_holds_its_level(law):
    rng = np.random.default_rng(11)
    truth = {"standard_exponential": 1.0, "standard_normal": 0.0, "random": 0.5}[law]
    hits, studies = 0, 3000
    for _ in range(studies):
        moments = Moments(getattr(rng, law)(1000))
        low, high = interval_of_mean(moments.mean, moments.standard_error, 1000, 0.95)
        hits += low <= truth <= high
    assert abs(hits / studies - 0.95) < 0.01 + 3 * np.sqrt(0.95 * 0.05 / studies) / 3


@pytest.mark.parametrize("law", ["log-normal", "Pareto", "squared exponential"])
def test_heavy_tails_have_no_interval_where_it_would_not_hold(law):
    """At the least number of replicates: Student's interval would hold in 93.6 % of log-normal studies, say."""
    rng = np.random.default_rng(4)
    draw = {
        "log-normal": lambda: rng.lognormal(0.0, 1.0, (FEWEST, 500)),
        "Pareto": lambda: rng.pareto(3.0, (FEWEST, 500)),
        "squared exponential": lambda: rng.standard_exponential((FEWEST, 500)) ** 2,
    }[law]
    found = Moments(draw())
    shapes = zip(found.skewness, found.excess_kurtosis, strict=True)
    given = sum(abs(error_of_level(*shape, FEWEST, 0.95)) <= TOLERATED for shape in shapes)
    assert given <= 5


def test_the_expansion_says_by_how_much_an_interval_misses():
    """Means of 60 exponentials: the level is missed by the predicted 1.5 % or so."""
    rng = np.random.default_rng(5)
    x = rng.standard_exponential((20_000, 60))
    half = np.array(interval_of_mean(0.0, 1.0, 60, 0.95))[1] * x.std(axis=1, ddof=1) / np.sqrt(60)
    missed = (np.abs(x.mean(axis=1) - 1.0) <= half).mean() - 0.95
    assert missed == pytest.approx(error_of_level(2.0, 6.0, 60, 0.95), abs=0.006)


def test_intervals_after_sequential_stopping_hold_their_level():
    """Studies that stop by their standard error, on folds alone: exponential values, from 1000 replicates on."""
    target = {"standard_error": 0.02, "at_least": 1000, "at_most": 100_000}
    content = {"name": "x", "target": target, "source": {"kind": "gaussian"}}
    spec = spec_of({**content, "estimand": {"kind": "best_of_n", "n": 1, "block": 250}})
    rng = np.random.default_rng(2)
    hits, studies = 0, 1500
    for _ in range(studies):
        fold = Fold(spec, spec.cells[0])
        while not fold.complete:
            columns = Columns(("x",), rng.standard_exponential((250, 1)))
            fold.add(fold.prefix, Partial.of(columns, sketched=False))
        moments = fold.total.moments
        low, high = interval_of_mean(moments.mean[0], moments.standard_error[0], moments.count, 0.95)
        hits += low <= 1.0 <= high
    assert abs(hits / studies - 0.95) < 0.02


# ---- folds and blocks ----


def test_folds_do_not_depend_on_the_order_of_arrival():
    spec = spec_of({**SPEC, "source": OUTCOMES, "estimand": {"kind": "best_of_n", "n": 2, "block": 500}})
    rng = np.random.default_rng(0)
    parts = [Partial.of(Columns(("x",), rng.normal(size=(500, 1))), sketched=True) for _ in range(10)]
    totals = []
    for order in (range(10), reversed(range(10)), shuffled(list(range(10)) * 2)):
        fold = Fold(spec, spec.cells[0])
        for number in order:
            fold.add(number, parts[number])
        assert fold.complete
        totals.append(fold.total.to_bytes())
    assert len(set(totals)) == 1
    assert Partial.from_bytes(totals[0]).to_bytes() == totals[0]


def test_a_block_that_does_not_fit_is_named_and_those_before_it_stay():
    spec = spec_of({**SPEC, "source": OUTCOMES, "estimand": {"kind": "best_of_n", "n": 2, "block": 500}})
    part, other = (Partial.of(Columns((name,), np.zeros((500, 1))), sketched=True) for name in "xy")
    fold = Fold(spec, spec.cells[0])
    for number in (0, 1, 2):
        fold.add(number, part)
    fold.add(4, other)
    fold.add(5, part)
    with pytest.raises(UnfitBlockError, match="the columns y does not belong to x") as caught:
        fold.add(3, part)
    assert caught.value.number == 4
    assert (fold.prefix, fold.total.replicates, next(fold.missing())) == (4, 2000, 4)
    fold.lose(4)
    assert (fold.prefix, fold.total.replicates) == (6, 2500)


def test_a_block_that_dropped_all_its_replicates_fits_shares_and_others():
    nothing = Partial.of(Columns(("x",), np.full((3, 1), np.nan), frozenset("x")), sketched=True)
    for shares in (frozenset("x"), frozenset()):
        some = Partial.of(Columns(("x",), np.ones((2, 1)), shares), sketched=True)
        for merged in (nothing.merge(some), some.merge(nothing), nothing.merge(nothing).merge(some)):
            assert merged.shares == shares
            assert merged.moments == some.moments
    with pytest.raises(ValueError, match="does not belong to"):
        some.merge(Partial.of(Columns(("x",), np.ones((2, 1)), frozenset("x")), sketched=True))


def test_blocks_of_a_task_are_merged_in_order():
    class Task:
        replicates, block = 10, 4

        def partial(self, first, count):
            return Partial.of(Columns(("x",), np.arange(first, first + count, dtype=float)[:, None]), sketched=False)

    assert blocks(Task(), 0, 3).moments.mean == [4.5]
    assert blocks(Task(), 2, 3).replicates == 2
    for first, last in ((0, 4), (1, 1), (-1, 2)):
        with pytest.raises(ValueError, match="are not among the 3 of the task"):
            blocks(Task(), first, last)


def test_small_cells_share_a_job(tmp_path):
    """A thousand cells of a block each are a few jobs."""
    jobs = []

    class Counting(ThreadPoolExecutor):
        def submit(self, function, job, /):
            jobs.append(len({cell for cell, _ in job.places()}))
            return super().submit(function, job)

    grid = {"n": [1.0 + cell / 7 for cell in range(1000)]}
    content = {"name": "many", "replicates": 8, "source": OUTCOMES, "estimand": {"kind": "best_of_n", "grid": grid}}
    results = Study.from_dict(content).run(Counting(1), store=tmp_path / "study.db", progress=False)
    assert results.is_complete
    assert sum(jobs) == 1000
    assert len(jobs) < 100
    assert max(jobs) > 20


def test_tallies_are_sums_over_the_cells():
    spec = spec_of({**SPEC, "replicates": 2000})
    folds = [Fold(spec, cell) for cell in spec.cells]
    tally = Tally(folds)
    part = Partial.of(Columns(("x",), np.zeros((300, 1))), sketched=False)
    for cell, number in ((0, 0), (0, 2), (1, 0)):
        folds[cell].add(number, part)
        tally.update(cell)
    folds[1].lose(1)
    tally.update(1)
    state = tally.progress(1, seconds=2.0, computed=900, seconds_left=1.0)
    assert (state.cells, state.cells_done, state.blocks_done, state.set_aside) == (len(folds), 0, 4, 1)
    assert state.blocks == sum(-(-2000 // cell.block) for cell in spec.cells)
    assert (state.replicates, state.rate) == (600, 450.0)
    assert state.where == str(spec.cells[1])


@pytest.mark.parametrize("content", [b"", b"nothing", b"AFB1" + bytes(20)])
def test_bytes_that_are_no_block_are_refused(content):
    with pytest.raises(ValueError, match=r".*"):
        Partial.from_bytes(content)
