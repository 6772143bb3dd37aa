"""Parts of studies, as jobs of an array without a coordinator, and executors of other libraries."""

import contextlib
import functools
import importlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from alignment_fast.cli import main
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.kernels.common import driver
from alignment_fast.studies import StoreError, Study, StudyError, parts
from alignment_fast.studies.clusters import ANY_PORT, CLUSTERS
from alignment_fast.studies.executors import Workers
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.groups import Group
from alignment_fast.studies.made import Made, here
from alignment_fast.studies.partials import Columns, Partial
from alignment_fast.studies.parts import folder_of

pytestmark = pytest.mark.same_everywhere

SOURCES = [{"kind": "outcomes", "reward": [0.0, 1.0, 3.0]}, {"kind": "gaussian"}]
SPEC = {
    "name": "parted",
    "seed": 3,
    "replicates": 2050,
    "source": SOURCES,
    "estimand": {"kind": "best_of_n", "block": 100, "grid": {"n": [1, 8]}},
}
TARGETED = {
    "name": "targeted",
    "target": {"standard_error": 0.02, "column": "reward", "at_least": 1000, "at_most": 20_000},
    "source": SOURCES,
    "estimand": {"kind": "best_of_n", "block": 128, "grid": {"n": [1, 16]}},
}


def rows(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT cell, number, payload FROM block ORDER BY cell, number").fetchall()


def places(path):
    """The cells and numbers of all blocks of a store, alone or in groups."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        query = "SELECT cell, number, 1 FROM block UNION ALL SELECT cell, number, count FROM block_group"
        return sorted((cell, first + more) for cell, first, n in connection.execute(query) for more in range(n))


@pytest.fixture
def quiet(tmp_path):
    study = Study.from_dict(SPEC)
    return study, study.run(store=tmp_path / "quiet.db", progress=False).to_csv_bytes(), rows(tmp_path / "quiet.db")


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2, 2]], ids=str)
def test_parts_in_any_order_fold_to_the_bytes_of_one_run(quiet, tmp_path, order):
    study, table, stored = quiet
    path = tmp_path / "study.db"
    computed = [study.run_part(part, 3, store=path, progress=False).blocks for part in order]
    assert sum(computed) == len(stored)
    assert max(computed) <= -(-len(stored) // 3) + 1
    assert not path.exists()
    assert study.fold(path).to_csv_bytes() == table
    assert places(path) == [row[:2] for row in stored]
    assert study.fold(path).to_csv_bytes() == table  # nothing is taken twice
    assert places(path) == [row[:2] for row in stored]
    again = []
    study.run(store=path, progress=again.append)
    assert again[-1].rate == 0


def test_a_part_that_ends_early_goes_on_and_missing_parts_are_computed_by_a_run(quiet, tmp_path):
    study, table, _ = quiet
    path = tmp_path / "study.db"

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run_part(1, 2, store=path, progress=stop)
    more = study.run_part(1, 2, store=path, progress=False)
    assert more.waiting == len(study.spec.cells)
    assert not study.fold(path).is_complete
    assert study.run(store=path, progress=False).to_csv_bytes() == table


def test_parts_of_a_target_go_on_as_others_finish(tmp_path):
    study, path = Study.from_dict(TARGETED), tmp_path / "study.db"
    table = study.run(store=tmp_path / "quiet.db", progress=False).to_csv_bytes()
    for _ in range(20):
        waiting = [study.run_part(part, 2, store=path, progress=False).waiting for part in (1, 2)]
        if waiting[-1] == 0:
            break
    assert waiting[-1] == 0
    assert study.fold(path).to_csv_bytes() == table


def test_damaged_files_are_named_and_their_blocks_computed(quiet, tmp_path):
    study, table, _ = quiet
    path = tmp_path / "study.db"
    for part in (1, 2):
        study.run_part(part, 2, store=path, progress=False)
    first = min(folder_of(path).iterdir())
    first.write_bytes(first.read_bytes()[:-40])
    (folder_of(path) / "alien.blocks").write_bytes(b"nothing of the kind")
    with pytest.warns(UserWarning, match="is not what was written") as warned:
        assert not study.fold(path).is_complete
    assert len(warned) == 2
    assert study.run(store=path, progress=False).to_csv_bytes() == table


def test_files_of_other_studies_are_left_alone(quiet, tmp_path):
    study, table, stored = quiet
    path = tmp_path / "study.db"
    Study.from_dict({**SPEC, "seed": 4}).run_part(1, 1, store=path, progress=False)
    study.run_part(1, 1, store=path, progress=False)
    assert study.fold(path).to_csv_bytes() == table
    assert places(path) == [row[:2] for row in stored]


def test_parts_of_another_arithmetic_are_refused_unless_asked_for(quiet, tmp_path, monkeypatch):
    study, table, _ = quiet
    path = tmp_path / "study.db"
    made = Made(here().version, "cuda", "elsewhere")
    monkeypatch.setattr(parts, "_packed", lambda study, _, *rest, packed=parts._packed: packed(study, made, *rest))
    study.run_part(1, 1, store=path, progress=False)
    with pytest.raises(StoreError, match=r"begun with arithmetic cpu-.*, and this is cuda"):
        study.fold(path)
    results = study.fold(path, mixed=True)
    assert results.to_csv_bytes() == table
    assert [one.arithmetic for one in results.origins] == ["cuda"]


def test_blocks_on_a_gpu_need_one(quiet, tmp_path, monkeypatch):
    """Computed on a stand-in in cuda/test_studies.py."""
    study, path = quiet[0], tmp_path / "study.db"
    monkeypatch.setattr("alignment_fast._operations._loaded", {})
    if not driver.device_count():
        for run in (study.run, functools.partial(study.run_part, 1, 2)):
            with pytest.raises(BackendUnavailableError, match="needs a CUDA device"):
                run(store=path, progress=False, device="cuda")
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'cuda', not 'gpu'"):
        study.run(store=path, progress=False, device="gpu")
    soft = Study.from_dict({**SPEC, "estimand": {"kind": "soft_best_of_n", "n": 2, "temperature": 1.0}})
    with pytest.raises(ValueError, match=r"estimand 'soft_best_of_n' \(soft_best_of_n\) has no blocks on cuda"):
        soft.run(store=path, progress=False, device="cuda")
    assert not path.exists()


def test_blocks_that_fail_in_a_part_are_set_aside(tmp_path):
    (tmp_path / "part_task.py").write_text(
        "def generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n    if data > 0.99:\n        raise ValueError('no case')\n    return data\n"
    )
    estimand = {"kind": "user", "generate": "part_task:generate", "analyse": "part_task:analyse", "block": 50}
    study = Study.from_dict({"name": "x", "replicates": 1000, "estimand": estimand}, tmp_path)
    done = [study.run_part(part, 2, store=tmp_path / "study.db", progress=False) for part in (1, 2)]
    results = study.fold(tmp_path / "study.db")
    quiet = study.run(store=tmp_path / "quiet.db", progress=False)
    assert len(results.set_aside) == sum(one.set_aside for one in done) == len(quiet.set_aside) > 0
    assert results.to_csv_bytes() == quiet.to_csv_bytes()


@pytest.mark.parametrize(("part", "parts"), [(0, 2), (3, 2)])
def test_there_are_only_so_many_parts(tmp_path, part, parts):
    with pytest.raises(ValueError, match=f"part must be one of 1 to 2, not {part}"):
        Study.from_dict(SPEC).run_part(part, parts, store=tmp_path / "study.db")


def test_the_command_runs_parts_and_folds_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(
        'name = "x"\nreplicates = 2000\n[source]\nkind = "uniform"\n'
        '[estimand]\nkind = "best_of_n"\nn = 2\nblock = 100\n'
    )
    for part in ("1/2", "2/2"):
        assert main(["study", "run", "study.toml", "--part", part]) == 0
        assert f"part {part}: 10 blocks computed; " in capsys.readouterr().out
    assert main(["study", "fold", "study.toml"]) == 0
    assert "win_rate" in capsys.readouterr().out
    assert main(["study", "run", "study.toml", "--part", "half"]) == 2
    assert "--part half: give I/N, I from 1 to N, say 3/40" in capsys.readouterr().err


# ---- groups: blocks that a part has folded ----

FOLDED = {
    "many blocks": {**SPEC, "estimand": {**SPEC["estimand"], "block": 5}},
    "quantiles": {**SPEC, "estimand": {**SPEC["estimand"], "block": 10, "quantiles": [0.1, 0.5]}},
    "a target": {**TARGETED, "estimand": {**TARGETED["estimand"], "block": 2}},
}


@pytest.mark.parametrize("spec", FOLDED.values(), ids=FOLDED)
def test_groups_fold_to_the_bytes_of_single_blocks(tmp_path, spec):
    study, path = Study.from_dict(spec), tmp_path / "study.db"
    table = study.run(store=tmp_path / "quiet.db", progress=False).to_csv_bytes()
    waiting = 1
    while waiting:  # a target is decided when the other parts have caught up
        waiting = sum(study.run_part(part, 3, store=path, progress=False).waiting for part in (1, 2, 3))
    assert study.fold(path).to_csv_bytes() == table
    assert len(places(path)) >= len(rows(tmp_path / "quiet.db"))
    assert len(rows(path)) < 0.2 * len(places(path))  # the others are in groups


def some_partials(counts, *, sketched=True):
    rng = np.random.default_rng(5)
    values = [rng.standard_cauchy((count, 2)) for count in counts]
    values[-1][0] = np.nan  # a replicate that is dropped
    return [Partial.of(Columns(("x", "y"), one), sketched=sketched) for one in values]


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("blocks", [1, 2, 9])
def test_a_group_adds_the_bits_of_its_blocks_and_travels_whole(before, blocks):
    partials = some_partials([7] * (before + blocks))
    total = functools.reduce(Partial.merge, partials[:before]) if before else None
    flat = functools.reduce(Partial.merge, partials)
    group = Group.from_bytes(Group.of(partials[before:]).to_bytes())
    assert group.added_to(total).to_bytes() == flat.to_bytes()
    assert (group.blocks, group.replicates) == (blocks, sum(one.replicates for one in partials[before:]))


def test_blocks_that_do_not_belong_together_are_no_group():
    one, other = some_partials([7, 7]), Partial.of(Columns(("z",), np.ones((7, 1))), sketched=True)
    assert Group.of([*one, other]) is None
    with pytest.raises(ValueError, match="no group of blocks"):
        Group.from_bytes(one[0].to_bytes())


def test_a_group_across_a_decision_is_refused(tmp_path):
    fold = Fold(Study.from_dict(TARGETED).spec, Study.from_dict(TARGETED).spec.cells[0])
    assert [fold.next_decision(number) for number in (0, 7, 8, 12)] == [8, 8, 12, 18]
    group = Group.of(some_partials([128] * 3))
    with pytest.raises(ValueError, match="blocks 6 to 8 are no group"):
        fold.add_group(6, group)
    fold.add_group(5, group)
    assert [fold.knows(number) for number in range(4, 9)] == [False, True, True, True, False]
    fold.add_group(4, group)  # one that is there in part is left alone
    assert not fold.knows(4)


def test_a_damaged_group_of_a_store_is_computed_again(quiet, tmp_path):
    study, table, stored = quiet
    path = tmp_path / "study.db"
    study.run_part(1, 1, store=path, progress=False)
    study.fold(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE block_group SET payload = zeroblob(90) WHERE cell = 2")
        connection.commit()
    with pytest.raises(StoreError, match=r"block 0 of cell 2 is not what was stored .*the checksum of its group"):
        study.results(path)
    with pytest.warns(UserWarning, match="the checksum of its group does not fit"):
        assert study.run(store=path, progress=False).to_csv_bytes() == table
    assert places(path) == [row[:2] for row in stored]


# ---- executors of other libraries ----


@pytest.mark.executors
@pytest.mark.filterwarnings("default:Tip. In future versions of Ray:FutureWarning")
@pytest.mark.parametrize(("name", "module"), [("loky", "loky"), ("dask", "distributed"), ("ray", "ray")])
def test_executors_of_other_libraries_give_the_bytes_of_threads(quiet, tmp_path, name, module):
    pytest.importorskip(module, reason=f"executor {name!r} needs {module}, which is not installed here")
    study, table, stored = quiet
    assert study.run(name, store=tmp_path / "study.db", progress=False, workers=2).to_csv_bytes() == table
    assert rows(tmp_path / "study.db") == stored


@pytest.mark.executors
@pytest.mark.parametrize(
    "launch",
    [["-n", "3", "{python}", "-P", "-m", "mpi4py.futures"], ["-n", "1", "{python}", "-P"]],
    ids=["world", "spawned"],
)
def test_mpi_gives_the_bytes_of_threads(quiet, tmp_path, launch):
    """The commands of the page: ranks of one world, or workers that the first rank starts."""
    pytest.importorskip("mpi4py", reason="executor 'mpi' needs mpi4py, which is not installed here")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if mpiexec is None:
        pytest.skip("executor 'mpi' needs an MPI library, and there is no mpiexec here: pip install mpich")
    _, table, stored = quiet
    (tmp_path / "study.json").write_text(json.dumps(SPEC))
    (tmp_path / "run.py").write_text(
        "import json, sys\nfrom alignment_fast.studies import Study\n\nif __name__ == '__main__':\n"
        "    study = Study.from_dict(json.load(open('study.json')))\n"
        "    results = study.run('mpi', store='study.db', progress=False, workers=2)\n"
        "    open('table.csv', 'wb').write(results.to_csv_bytes())\n"
    )
    command = [mpiexec, *(part.format(python=sys.executable) for part in launch), "run.py"]
    environment = {**os.environ, "PATH": f"{Path(mpiexec).parent}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "table.csv").read_bytes() == table
    assert rows(tmp_path / "study.db") == stored


@pytest.fixture
def slow(tmp_path):
    """A study whose blocks take a while, and its table; of tests that need dask."""
    pytest.importorskip("distributed")
    (tmp_path / "slow_task.py").write_text(
        "import time\n\ndef generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n    time.sleep(0.01)\n    return data\n"
    )
    estimand = {"kind": "user", "generate": "slow_task:generate", "analyse": "slow_task:analyse", "block": 20}
    study = Study.from_dict({"name": "slow", "replicates": 1000, "estimand": estimand}, tmp_path)
    yield study, study.run(store=tmp_path / "quiet.db", progress=False).to_csv_bytes()
    sys.modules.pop("slow_task", None)


class Once:
    """Does something when the first blocks are there."""

    def __init__(self, action):
        self.action, self.done = action, False

    def __call__(self, progress):
        if progress.blocks_done and not self.done:
            self.done = True
            self.action()


@pytest.mark.executors
def test_a_cluster_of_dask_does_not_mind_that_its_usual_port_is_taken(quiet, tmp_path):
    pytest.importorskip("distributed")
    study, table, _ = quiet
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # some other program has it
            other.bind(("", 8787))
            other.listen()
        results = study.run("dask", store=tmp_path / "study.db", progress=False, workers=1)
    assert results.to_csv_bytes() == table


@pytest.mark.executors
def test_a_worker_of_dask_that_is_killed_costs_nothing(slow, tmp_path):
    distributed = pytest.importorskip("distributed")
    study, table = slow
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=ANY_PORT) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        kill = Once(lambda: os.kill(pids[0], signal.SIGKILL))
        address = f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"
        results = study.run(address, store=tmp_path / "study.db", progress=kill)
    assert kill.done
    assert results.to_csv_bytes() == table


@pytest.mark.executors
def test_a_scheduler_of_dask_that_is_lost_ends_the_run_which_goes_on_elsewhere(slow, tmp_path):
    distributed = pytest.importorskip("distributed")
    study, table = slow
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=ANY_PORT)
    address = f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"
    with pytest.raises(StudyError):
        study.run(address, store=tmp_path / "study.db", progress=Once(cluster.close))
    assert 0 < study.status(tmp_path / "study.db").blocks_done < 50
    assert study.run(store=tmp_path / "study.db", progress=False).to_csv_bytes() == table


@pytest.mark.executors
def test_workers_of_dask_that_reach_their_wall_time_cost_nothing(slow, tmp_path):
    """As dask-jobqueue starts them: with `--lifetime`, after which a worker leaves."""
    distributed = pytest.importorskip("distributed")
    study, table = slow
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=ANY_PORT) as cluster:
        address = cluster.scheduler_address
        command = [sys.executable, "-P", "-m", "dask", "worker", address, "--nthreads", "1", "--lifetime", "3 s"]
        short = subprocess.Popen([*command, "--no-dashboard"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with distributed.Client(address) as client:
                client.wait_for_workers(2, timeout=60)
            results = study.run(f"dask://{address.removeprefix('tcp://')}", store=tmp_path / "study.db", progress=False)
            assert short.wait(timeout=60) == 0  # its time was up
        finally:
            short.kill()
            short.wait()
    assert results.to_csv_bytes() == table


@pytest.mark.executors
def test_a_coordinator_that_reaches_its_wall_time_goes_on_with_the_same_command(slow, tmp_path):
    """Slurm sends SIGTERM; the LocalCluster of that job ends with it."""
    pytest.importorskip("distributed")
    study, table = slow
    (tmp_path / "slow.toml").write_text(
        'name = "slow"\nreplicates = 1000\n[estimand]\nkind = "user"\ngenerate = "slow_task:generate"\n'
        'analyse = "slow_task:analyse"\nblock = 20\n'
    )
    command = [sys.executable, "-P", "-m", "alignment_fast", "study", "run", "slow.toml"]
    command += ["--store", "study.db", "--executor", "dask", "--workers", "2", "--out", "table.csv"]
    first = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while first.poll() is None:
            time.sleep(0.05)
            with contextlib.suppress(StoreError):  # not there yet
                if study.status(tmp_path / "study.db").blocks_done:
                    break
    finally:
        first.terminate()
        first.wait(timeout=60)
    before = len(rows(tmp_path / "study.db"))
    assert 0 < before < 50
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "table.csv").read_bytes() == table


def test_an_executor_can_be_named_by_a_function_beside_the_spec(quiet, tmp_path):
    (tmp_path / "my_executor.py").write_text(
        "from concurrent.futures import ThreadPoolExecutor\n\ndef make():\n    return ThreadPoolExecutor(3)\n"
    )
    _, table, _ = quiet
    study = Study.from_dict(SPEC, tmp_path)
    assert study.run("my_executor:make", store=tmp_path / "study.db", progress=False).to_csv_bytes() == table


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_library_that_is_not_there_is_named(quiet, tmp_path, name, monkeypatch):
    def absent(module):
        raise ImportError(f"No module named {module!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(BackendUnavailableError, match=r"this executor needs .*: pip install"):
        quiet[0].run(name, store=tmp_path / "study.db", progress=False)


def test_a_cluster_that_cannot_be_reached_again_ends_the_run(tmp_path):
    calls = []

    def once():
        calls.append(1)
        if len(calls) > 1:
            raise OSError("no scheduler")
        from concurrent.futures import ThreadPoolExecutor

        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        return executor

    with pytest.raises(StudyError, match="no new workers can be had: OSError: no scheduler"):
        Study.from_dict(SPEC).run(once, store=tmp_path / "study.db", progress=False)


@pytest.mark.parametrize(("workers", "job", "service"), [(100, 1.0, 1e-4), (1000, 1.0, 2.8e-3), (10_000, 10.0, 2.8e-3)])
def test_the_model_of_a_coordinator_fills_up_where_the_page_says(workers, job, service):
    """W workers with jobs of T seconds, s seconds of the coordinator for each: min(1, T / (W s)) of them are busy."""
    path = Path(__file__).parents[1] / "benchmarks" / "executors_report.py"
    loaded = importlib.util.spec_from_file_location("executors_report", path)
    report = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(report)
    assert report.efficiency(workers, job, service) == pytest.approx(min(1.0, job / (workers * service)), abs=0.04)


def test_workers_of_an_unknown_name_are_refused():
    with pytest.raises(ValueError, match="executor must be 'threads', 'processes', 'loky', 'dask', 'mpi', 'ray'"):
        Workers("slurm")
