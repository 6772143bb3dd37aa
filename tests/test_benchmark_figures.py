"""Figures: how they are taken, the README's tables of them, and the record of instructions."""

import json
from pathlib import Path
from types import SimpleNamespace

import instructions
import pytest
import readme_tables
from json_schema import valid

from alignment_fast.benchmarks import timing
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Missing
from alignment_fast.benchmarks.timing import Limits, figure_of

pytestmark = pytest.mark.same_everywhere

README = Path(__file__).parents[1] / "README.md"
GROUP, PEERS = next(item for item in readme_tables.PEERS.items() if item[1])
ROW = {
    "operation": GROUP,
    "isa": "avx2",
    "threads": 1,
    "nanoseconds": 1234.0,
    "peers": [{"name": name, "nanoseconds": 1234.0 * 12.34, "failed": None} for name in PEERS],
    "floor": {"part": "philox", "nanoseconds": 1234.0 * 0.876},
}
FOUND = {
    "date": "2026-01-01T00:00:00+00:00",
    "machine": {"processor": "some processor", "processors": 2},
    "versions": {"python": "3.11", "numpy": "2.4", "scipy": "1.17"},
    "runs": [{"isa": "avx2", "threads": 1, "load": 0.1}],
    "rows": [ROW],
}


# ---- how a figure is taken ----


class Clock:
    """A clock that calls move on by what they take."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def call(self, *seconds):
        times = iter(seconds)

        def run():
            self.now += next(times)

        return run


def checked(_):
    pass


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", SimpleNamespace(process_time=clock, perf_counter=clock))
    return clock


def least_times(case, rounds, seconds, **options):
    return figure_of(case, Limits(rounds, seconds, longest=1e6), **options).seconds


def test_a_figure_is_the_least_of_several_calls_however_slow_they_are(clock):
    ours, theirs = clock.call(9.0, 3.0, 1.0, 2.0), clock.call(9.0, 7.0, 5.0, 4.0)
    case = Case("slow", {OURS: Contender(ours, 1, checked), "peer": Contender(theirs, 2, checked)})
    assert least_times(case, rounds=15, seconds=0.5) == {OURS: 1.0, "peer": 2.0}  # the first calls do not count


def test_there_is_no_round_more_than_was_asked_for(clock):
    case = Case("few", {OURS: Contender(clock.call(9.0, 3.0, 1.0), 1, checked)})
    assert least_times(case, rounds=2, seconds=100.0) == {OURS: 1.0}


def test_peers_that_are_not_asked_for_are_not_run(clock):
    case = Case(
        "one", {OURS: Contender(clock.call(*[1.0] * 9), 1, checked), "peer": Contender(clock.call(), 1, checked)}
    )
    assert set(least_times(case, rounds=3, seconds=0.0, without={"peer"})) == {OURS}


def test_a_call_may_tell_its_seconds_itself(clock):
    case = Case("first call", {OURS: Contender(lambda: 0.25, 10, checked, returns_seconds=True)})
    assert least_times(case, rounds=3, seconds=0.0) == {OURS: 0.025}


def test_calls_are_repeated_until_they_fill_what_the_clock_can_tell(clock):
    call = clock.call(*[timing.SHORTEST / 10] * (1 + 4 + 16))
    assert timing.measured(call, clock) == pytest.approx(timing.SHORTEST / 10)


def raising(error):
    def call():
        raise error

    return call


def refuse(_):
    raise AssertionError("3.0 is not 2.0")


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (Contender(raising(ValueError("no such\n mode")), 1, checked), "ValueError: no such mode"),
        (Contender(raising(MemoryError()), 1, checked), "out of memory"),
        (Contender(lambda: 3.0, 1, refuse), "wrong result: 3.0 is not 2.0"),
        (Missing("some_library"), "some_library is not installed"),
    ],
)
def test_what_goes_wrong_with_a_peer_is_its_result(peer, why, clock):
    case = Case("faults", {OURS: Contender(clock.call(*[1.0] * 4), 1, checked), "peer": peer})
    figure = figure_of(case, Limits(3, 0.0, longest=1e6))
    assert figure.seconds == {OURS: 1.0}
    assert figure.failed == {"peer": why}


def test_a_contender_that_would_take_too_long_is_left_out(clock):
    case = Case(
        "slow peer",
        {OURS: Contender(clock.call(*[1.0] * 4), 1, checked), "peer": Contender(clock.call(10.0), 1, checked)},
    )
    figure = figure_of(case, Limits(3, 0.0, longest=30.0))
    assert figure.seconds == {OURS: 1.0}
    assert figure.failed == {"peer": "one call takes 10 s"}


# ---- the README's tables ----


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [(0.3912, "0.391 ns"), (999.4, "999 ns"), (1234.0, "1.23 µs"), (4.56e7, "45.6 ms"), (2.5e9, "2.5 s")],
)
def test_a_time_has_the_unit_that_suits_it(nanoseconds, expected):
    assert readme_tables.duration(nanoseconds) == expected


@pytest.mark.parametrize(("ratio", "expected"), [(0.857, "0.86x"), (5.04, "5.0x"), (168.2, "168x")])
def test_a_ratio_has_two_digits(ratio, expected):
    assert readme_tables.times(ratio) == expected


def test_a_line_says_time_ratios_and_share_of_the_floor():
    text = readme_tables.replaced(f"a\n{readme_tables.BEGIN}\nold\n{readme_tables.END}\nb\n", FOUND)
    assert text.startswith("a\n")
    assert text.endswith("\nb\n")
    assert "old" not in text
    ratios = "; ".join(["12x"] * len(PEERS))
    assert f"| {'; '.join(PEERS.values())} | 1.23 µs | {ratios} | 88 % philox |" in text


def test_a_peer_that_was_not_installed_is_a_dash():
    (row,) = (row for rows in readme_tables.TABLES.values() for row in rows if row.group == GROUP)
    assert readme_tables.cells(row, ROW | {"peers": []})[1] == "; ".join("-" * len(PEERS))


def test_a_case_stands_in_one_line():
    groups = [row.group for rows in readme_tables.TABLES.values() for row in rows]
    assert len(groups) == len(set(groups))


def test_the_readme_shows_the_figures_of_the_file():
    text = README.read_text("utf-8")
    assert text.count(readme_tables.BEGIN) == text.count(readme_tables.END) == 1
    document = json.loads(readme_tables.FIGURES.read_text("utf-8"))
    schema = json.loads(readme_tables.FIGURES.with_name("schema.json").read_text("utf-8"))
    assert valid(document, schema, schema)
    assert readme_tables.replaced(text, document) == text


def test_the_file_keeps_what_the_readme_shows_of_a_record():
    other = [ROW | {"operation": "another"}, ROW | {"threads": 2}, ROW | {"isa": "baseline"}]
    assert readme_tables.kept(FOUND | {"rows": [*other, ROW]})["rows"] == [ROW]


# ---- instructions ----

CALLGRIND = """\
desc: Trigger: Client Request: 4 some input
fn=inner_avx2
0 30
fn=outer_avx2
0 10
cfn=inner_avx2
calls=2 0
0 30
"""


def test_a_function_counts_what_it_calls():
    assert instructions.inclusive(CALLGRIND) == {"inner_avx2": 30, "outer_avx2": 40}


def test_the_record_is_read_as_it_was_written(monkeypatch):
    monkeypatch.setattr(instructions, "kernels", lambda: {"outer": "family.outer", "other": "family.other"})
    found = {("family.outer", "some input"): {"avx2": 10.0, "baseline": 20.0}}
    compiler, unreached, table = instructions.read(instructions.written(found))
    assert (compiler, unreached, table) == (instructions.compiler(), {"family.other"}, found)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"avx2": 102.9, "baseline": 200.0}, 0),
        ({"avx2": 103.2, "baseline": 200.0}, 1),
        ({"avx2": 50.0, "baseline": 300.0}, 1),
        ({"avx2": 100.0}, 1),
    ],
)
def test_growth_beyond_three_per_cent_is_said(now, said):
    key = ("family.outer", "some input")
    assert len([*instructions.grown({key: {"avx2": 100.0, "baseline": 200.0}}, {key: now})]) == said


@pytest.mark.parametrize(("used", "holds"), [("GCC 1.2", False), ("GCC 3.4", True)])
def test_the_record_binds_for_the_compiler_that_it_names(used, holds, monkeypatch, tmp_path, capsys):
    record = tmp_path / "record.tsv"
    record.write_text(
        "# compiler: GCC 1.2\n# not reached: \nkernel\tinput\tavx2\tbaseline\nfamily.outer\tx\t10.0\t20.0\n"
    )
    monkeypatch.setattr(instructions, "RECORD", record)
    monkeypatch.setattr(instructions, "kernels", lambda: {"outer": "family.outer"})
    monkeypatch.setattr(instructions, "compiler", lambda: used)
    assert instructions.check({("family.outer", "x"): {"avx2": 11.0, "baseline": 20.0}}) is holds
    assert "10.0 -> 11.0" in capsys.readouterr().out
