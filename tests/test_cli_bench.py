"""``alignment-fast bench``: what it measures, how it reports what goes wrong, and what the report says."""

import dataclasses
import inspect
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from json_schema import valid

from alignment_fast import benchmarks
from alignment_fast.benchmarks import analysis, environment, floors, page, running, selection, worker
from alignment_fast.benchmarks.counts import instructions_of
from alignment_fast.benchmarks.names import Timed, all_names, bytes_given, case_of
from alignment_fast.benchmarks.running import Record, Settings
from alignment_fast.benchmarks.selection import FAMILIES, Job, Selection
from alignment_fast.benchmarks.timing import Limits
from alignment_fast.cli import main
from alignment_fast.kernels.common import cpu

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

pytest.importorskip("typer")

FOLDER = Path(benchmarks.__file__).parent
SCHEMA = json.loads((FOLDER / "schema.json").read_text("utf-8"))
ONE = ("--only", "random.Stream.uniform")
SHORT = ("--quick", "--isa", "native", "--threads", "1")


def run(capsys, *arguments):
    code = main(["bench", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def report(folder):
    """Return the record that a command wrote, which is as the schema says, and the page."""
    document = json.loads((folder / "bench.json").read_text("utf-8"))
    assert valid(document, SCHEMA, SCHEMA)
    return document, (folder / "bench.md").read_text("utf-8")


class InThisProcess(running.Worker):
    """Measures here instead of in a process of its own."""

    def ask(self, order, seconds):
        assert seconds > 0
        return worker.listed(order) if "list" in order else worker.measured(order, lambda _: None)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(running, "Worker", InThisProcess)


# ---- processes ----


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the memory of a process so")
def test_a_process_has_the_instruction_set_and_the_memory_that_were_asked_for(tmp_path, capsys):
    sizes = "--sizes", f"10,{10**10}"
    options = ("--quick", "--isa", "baseline", "--threads", "1", "--memory-mib", "768")
    code, out, err = run(capsys, "--only", "information.entropy", *sizes, *options, "--out", tmp_path)
    assert (code, err) == (0, "")
    assert out == f"4 measurements: {tmp_path / 'bench'}.md\n"
    document, text = report(tmp_path)
    assert document["runs"][0]["isa"] == "baseline"
    assert {(row["size"], row["dtype"], row["failed"]) for row in document["rows"]} == {
        *((10, dtype, None) for dtype in ("float64", "float32")),
        *((10**10, dtype, "out of memory") for dtype in ("float64", "float32")),
    }
    assert all((row["nanoseconds"] is None) == (row["size"] == 10**10) for row in document["rows"])
    assert f"| information.entropy, {10**10} letters, float64 |  | none: out of memory |  |  |" in text


class Ending:
    """Answers as told: a figure, or a process that ends while a contender runs."""

    process = object()

    def __init__(self, *answers):
        self.answers, self.without = [*answers], []

    def ask(self, order, _seconds):
        self.without.append(order["without"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


JOB = Job("random", "random.Stream.uniform", None, 10, "draws", "float64")
FIGURE = {
    "figure": {"seconds": {"alignment_fast": 1e-9}, "failed": {}, "floor": None},
    "contenders": ["alignment_fast", "peer"],
    "elements": 10,
    "clock": "processor",
}


@pytest.mark.parametrize("why", ["more than 60 s", "ended by signal 11"])
def test_a_peer_that_ends_the_process_is_left_out_and_the_rest_measured_anew(why):
    ending = Ending(running.EndedError("peer", why), FIGURE)
    settings = Settings(Selection(), ("avx2",), (1,), Limits(), 1000)
    row = running.row_of(JOB, "avx2", 1, running.measured(ending, settings, JOB, 1))
    assert ending.without == [[], ["peer"]]
    assert row["nanoseconds"] == pytest.approx(1.0)
    assert row["peers"] == [{"name": "peer", "nanoseconds": None, "failed": why}]


def test_a_process_that_ends_before_a_contender_runs_is_the_result():
    ending = Ending(running.EndedError(running.LIST, "ended by the system: out of memory"))
    answer = running.measured(ending, Settings(Selection(), ("avx2",), (1,), Limits(), 1000), JOB, 1)
    assert answer == {"failed": "ended by the system: out of memory"}
    assert running.row_of(JOB, "avx2", 1, answer)["failed"] == "ended by the system: out of memory"


def test_a_process_that_takes_too_long_is_ended():
    settings = Settings(Selection(), (cpu.ISA,), (1,), Limits(), 4000)
    order = {"list": dataclasses.asdict(Selection()), "threads": 1}
    with running.Worker(settings, cpu.ISA, 1) as one, pytest.raises(running.EndedError, match=r"more than 0\.001 s"):
        one.ask(order, 0.001)


def test_a_process_that_cannot_begin_says_why():
    settings = Settings(Selection(), ("no_set",), (1,), Limits(), 4000)
    with running.Worker(settings, "no_set", 1) as one, pytest.raises(ValueError, match=r"cannot begin: .*'no_set'"):
        running.jobs_of(one, settings, 1)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_peers_are_held_to_the_instruction_set(isa):
    found = environment.environment_of(isa, 2)
    assert found["ALIGNMENT_FAST_ISA"] == isa
    assert found["ALIGNMENT_FAST_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == "2"
    assert found.get("OPENBLAS_CORETYPE") == {"avx2": "Haswell", "baseline": "Nehalem"}.get(isa)
    disabled = found.get("NPY_DISABLE_CPU_FEATURES", "").split()
    assert {*disabled} <= {*np._core._multiarray_umath.__cpu_dispatch__}
    assert ("X86_V3" in disabled) == (isa == "baseline" and "X86_V3" in np._core._multiarray_umath.__cpu_dispatch__)


# ---- what goes wrong with a peer is a line of the report ----


def raising(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (raising(ZeroDivisionError("by | zero")), "ZeroDivisionError: by | zero"),
        (raising(MemoryError()), "out of memory"),
        (lambda: 3.0, "wrong result: another result than ours"),
    ],
)
def test_a_failing_peer_is_a_result(peer, why, here, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(all_names(), "random.fake", Timed("its peer", "draws", (10,), lambda *_: (lambda: 2.0, peer)))
    code, _, err = run(capsys, "--only", "random.fake", *SHORT, "--out", tmp_path)
    assert (code, err) == (0, "")
    document, text = report(tmp_path)
    for row in document["rows"]:
        assert row["nanoseconds"] > 0
        assert row["peers"] == [{"name": "its peer", "nanoseconds": None, "failed": why}]
    shown = why.replace("|", "\\|")
    assert f"| {shown} |" in text.partition("## What has no figure")[2]


def test_data_that_cannot_be_made_are_a_result(here, tmp_path, capsys, monkeypatch):
    def calls(size, dtype):
        raise MemoryError

    monkeypatch.setitem(all_names(), "random.fake", Timed("its peer", "draws", (10,), calls, ("float64",)))
    assert run(capsys, "--only", "random.fake", *SHORT, "--out", tmp_path)[0] == 0
    (row,) = report(tmp_path)[0]["rows"]
    assert (row["nanoseconds"], row["failed"], row["peers"]) == (None, "out of memory", [])


def test_names_are_measured_at_sizes_with_floor_and_picture(here, tmp_path, capsys):
    assert run(capsys, *ONE, "--sizes", "10,40000", *SHORT, "--out", tmp_path)[0] == 0
    document, text = report(tmp_path)
    rows = {(row["dtype"], row["size"]): row for row in document["rows"]}
    assert {*rows} == {(dtype, size) for dtype in ("float64", "float32") for size in (10, 40000)}
    assert all(row["failed"] is None and row["peers"][0]["failed"] is None for row in rows.values())
    assert rows["float64", 10]["floor"]["part"] == "call"
    assert "cost of an element, by size](bench-random.png)" in text
    assert (tmp_path / "bench-random.png").read_bytes().startswith(b"\x89PNG")
    titles = "Ratios by size", "Where a peer is faster", "What an element costs", "Instructions", "What has no figure"
    assert all(f"\n## {title}\n" in text for title in titles)


def test_ctrl_c_leaves_a_report_of_what_was_measured(here, tmp_path, capsys, monkeypatch):
    done = []

    def interrupted(order, tell):
        if done:
            raise KeyboardInterrupt
        done.append(order)
        return FIGURE

    monkeypatch.setattr(worker, "measured", interrupted)
    assert run(capsys, *ONE, "--only", "information.entropy", "--sizes", "10", *SHORT, "--out", tmp_path)[0] == 130
    assert len(report(tmp_path)[0]["rows"]) == 1


# ---- options ----


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--isa", "avx1024"), "--isa: 'avx1024' is none of native, baseline"),
        (("--isa", ""), "--isa: '' is none of native"),
        (("--family", "rankings"), "--family: 'rankings' is none of best_of_n, dynamics"),
        (("--threads", "0"), "--threads: 0 is not a finite number of at least 1"),
        (("--threads", "two"), "--threads: 'two' is not a number"),
        (("--threads", "99999"), "--threads: 99999 is no whole number of at most 1024"),
        (("--sizes", "10,1.5"), "--sizes: 1.5 is no whole number"),
        (("--sizes", "inf"), "--sizes: inf is not a finite number"),
        (("--sizes", "1e30"), "--sizes: 1e+30 is no whole number of at most"),
        (("--seconds", "0"), "'--seconds'"),
        (("--memory-mib", "1"), "'--memory-mib'"),
        (("--only", "no such name"), "there is nothing to measure"),
    ],
)
def test_bad_options_are_one_line(options, said, here, tmp_path, capsys):
    code, out, err = run(capsys, "--family", "random", "--out", tmp_path / "new", *options)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_is_refused_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, *SHORT, "--out", tmp_path / "file")
    assert code == 2
    assert err == f"error: {tmp_path / 'file'} is not a folder\n"


# ---- what is selected ----


def test_every_module_of_cases_stands_in_one_family():
    modules = [module for several in FAMILIES.values() for module in several]
    assert sorted(modules) == sorted(file.stem.removeprefix("test_bench_") for file in FOLDER.glob("test_bench_*.py"))


def test_every_timed_name_has_a_family():
    timed = {name.partition(".")[0] for name, entry in all_names().items() if isinstance(entry, Timed)}
    assert timed <= {*FAMILIES}


@pytest.mark.parametrize(
    ("only", "operation", "taken"),
    [
        ((), "anything", True),
        (("random.Stream",), "random.Stream.uniform", False),  # a public name stands for itself
        (("random.Stream",), "random.Stream", True),
        (("Stream.u",), "random.Stream.uniform", True),
        (("fit, *K = 100,",), "Bradley-Terry fit, K = 100, M = 1000000", True),
        (("fit, *K = 100,",), "Bradley-Terry fit, K = 1000, M = 1000000", False),
    ],
)
def test_operations_are_chosen_by_names_and_parts_of_names(only, operation, taken):
    assert Selection(only).takes(operation) is taken


def test_cases_are_chosen_by_family_and_number_of_threads():
    chosen = selection.jobs(Selection(only=("float32 normal*", "random normal float64"), families=("random",)), 1)
    assert [(job.module, job.operation) for job in chosen] == [("random", "random normal float64, 65536 draws")]
    assert not [
        job for job in selection.jobs(Selection(only=("random normal",), families=("random",)), 2) if job.module
    ]


def test_a_quick_run_has_small_sizes():
    sizes = {
        job.size for job in selection.jobs(Selection(only=("Stream.uniform",), families=("random",), quick=True), 1)
    }
    assert max(size for size in sizes if size) <= selection.QUICK


def test_peers_are_chosen_by_name():
    job = dataclasses.asdict(selection.jobs(Selection(only=("random normal float32",), families=("random",)), 1)[0])
    limits = dataclasses.asdict(Limits(1, 0.0))
    order = {"measure": job, "threads": 1, "limits": limits, "peers": ["NumPy SFC64"], "without": []}
    assert worker.measured(order, lambda _: None)["contenders"] == ["alignment_fast", "NumPy SFC64"]


def test_arrays_that_a_call_is_given_count_once():
    x = np.zeros(100)
    assert bytes_given(lambda: (x, x.sum())) == 800
    assert case_of("information.entropy", 1000, "float32").given == 4000


# ---- what follows from rows ----


def row(size, nanoseconds, theirs=None, floor=None, threads=1, elements=None):
    return {
        "family": "f",
        "operation": "f.name",
        "size": size,
        "axis": "items",
        "dtype": "float64",
        "isa": "avx2",
        "threads": threads,
        "clock": "processor",
        "elements": elements or size,
        "nanoseconds": nanoseconds,
        "peers": [] if theirs is None else [{"name": "peer", "nanoseconds": theirs, "failed": None}],
        "failed": None,
        "instructions": None,
        "floor": floor and {"part": floor[0], "nanoseconds": floor[1]},
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(10, 90.0), row(1000, 1.1), row(10**5, 1.0)], "flat: 1 ns each"),
        ([row(10, 101.0), row(1000, 2.0), row(10**5, 1.01)], "a call costs 1 µs, and each 1.01 ns"),
        ([row(1000, 0.2), row(10**7, 1.0, floor=("read", 0.7))], "memory: 70 % of the floor at 10000000"),
        ([row(1000, 1.0, 2.0), row(10**4, 10.0, 200.0)], "work grows as size^2.0 up to 10000; the peer's as size^3.0"),
        ([row(1000, 1.0), row(10**4, 2.0), row(10**5, 1.0)], "not flat, unexplained: 1 ns to 2 ns"),
        ([row(10, 9.0), row(1000, 2.0), row(10**5, 1.0)], "falls from 9 ns at 10 to 1 ns at 100000"),
    ],
)
def test_what_an_element_costs_is_flat_or_explained(rows, said):
    assert analysis.explanation(rows) == said


def test_peers_that_are_faster_are_listed_from_a_thousand_elements_on():
    rows = [row(10, 1.0, 0.1), row(1000, 1.0, 0.5), row(10**4, 1.0, 2.0), row(10**5, 1.0, 0.25)]
    assert [(one["size"], ratio) for one, _, ratio in analysis.slower(rows)] == [(10**5, 0.25), (1000, 0.5)]


def test_gains_of_threads_are_of_calls_of_a_millisecond():
    rows = [row(10**6, 4.0), row(10**6, 2.5, threads=2), row(1000, 4.0), row(1000, 2.0, threads=2)]
    assert [(one["size"], gain) for one, gain in analysis.gains_of_threads(rows)] == [(10**6, 1.6)]


def test_ratios_are_counted_by_decade():
    rows = [row(10, 1.0, 3.0), row(50, 1.0, 0.5), row(10**7, 1.0, 2.0)]
    found = analysis.by_decade(rows)
    assert found == {(("avx2", 1), 10): [3.0, 0.5], (("avx2", 1), 10**6): [2.0]}
    assert analysis.summary([3.0, 0.5]) == (2, 1.75, 0.5, 1)


def test_instructions_are_those_of_the_record():
    size, kernel, count = instructions_of("information.entropy", "float64", "avx2")
    assert (
        f"{kernel}\tinformation.entropy float64 {size} letters\t{count:.1f}\t"
        in (FOLDER / "instructions.tsv").read_text()
    )
    assert instructions_of("information.entropy", "float64", "avx512") is None


def test_a_page_without_rows_says_so():
    record = Record(Settings(Selection(), ("avx2",), (1,), Limits(), 1000))
    document = json.loads(json.dumps(record.document()))
    assert valid(document, SCHEMA, SCHEMA)
    assert "Nothing." in page.text(document)


def test_the_guide_says_what_the_command_does():
    from alignment_fast.commands import bench

    guide = (Path(__file__).parents[1] / "docs" / "guides" / "how_fast.md").read_text("utf-8")
    rounds, seconds = bench.THOROUGH
    assert f"up to {rounds} rounds or a second" in guide
    assert seconds == 1
    assert f"`--seconds` ({inspect.signature(bench.bench).parameters['seconds'].default:g})" in guide
    assert bench.SHARE_OF_MEMORY == 0.75
    assert "`--memory-mib` (three quarters of the machine's)" in guide
    assert f"sizes up to {selection.QUICK:,}".replace(",", " ") in guide
    assert f"below {floors.SMALLEST >> 10} KiB" in guide
    assert f"within {100 * (analysis.FLAT - 1):.0f} % from {analysis.LARGE} elements on" in guide
    assert f"(version {running.VERSION})" in guide


def test_the_default_number_of_threads_is_one_and_two(monkeypatch):
    from alignment_fast.commands import bench

    for cpus, expected in ((1, (1,)), (8, (1, 2))):
        monkeypatch.setattr(os, "cpu_count", lambda cpus=cpus: cpus)
        assert bench._default_threads() == expected
