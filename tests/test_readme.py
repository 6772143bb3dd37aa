"""The README keeps its word: its tour runs as printed, and its commands are those that work."""

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def shell_commands():
    return re.findall(r"```sh\n(.*?)\n```", TEXT, re.DOTALL)


def test_the_tour_runs_as_printed():
    (tour,) = re.findall(r"```python\n(.*?)\n```", TEXT, re.DOTALL)
    test = doctest.DocTestParser().get_doctest(tour + "\n", {}, "tour", str(README), 0)
    assert len(test.examples) >= 10
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_training_loop_runs():
    pytest.importorskip("torch")
    (code,) = re.findall(r"```py\n(.*?)\n```", TEXT, re.DOTALL)
    namespace = {}
    exec(compile(code, str(README), "exec"), namespace)
    assert namespace["hidden"].grad.abs().sum() > 0


def test_there_is_one_command_to_run_and_one_to_test_and_each_is_one_line():
    main_job, tests = shell_commands()
    assert main_job.startswith("python3 -m venv .venv && ")
    assert tests.startswith("python3 -m venv .venv-test && ")
    assert "\n" not in main_job + tests
    assert [line for line in TEXT.splitlines() if "pytest" in line] == [tests]  # continuous integration runs that line


def test_the_main_job_does_what_it_promises(tmp_path, monkeypatch, capsys):
    pytest.importorskip("typer")
    from alignment_fast.cli import main

    parts = [shlex.split(part) for part in shell_commands()[0].split(" && ")]
    folder, commands = parts[2], [part[1:] for part in parts[3:]]
    assert all(part[0].endswith("/alignment-fast") for part in parts[3:])
    shutil.copytree(README.parent / "examples", tmp_path / "examples")
    spec = tmp_path / commands[0][2]
    text = spec.read_text("utf-8")
    assert text.count("\nreplicates = 500_000\n") == 1
    spec.write_text(text.replace("replicates = 500_000", "replicates = 1_500"), "utf-8")  # not a minute here
    monkeypatch.chdir(tmp_path)
    assert folder[:2] == ["mkdir", "-p"]
    (tmp_path / folder[2]).mkdir()
    for command in commands:
        assert main(command) == 0
    printed = capsys.readouterr().out
    found = re.findall(r"`(out/[^`]+)`", TEXT)
    assert len(found) >= 2
    for path in found:
        assert (tmp_path / path).exists()
    assert "best_of_n" in printed
    assert "written: out/report.html" in printed
