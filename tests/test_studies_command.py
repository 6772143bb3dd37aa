"""The command ``alignment-fast study``."""

import base64
import contextlib
import csv
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alignment_fast.cli import main
from alignment_fast.studies import Study
from alignment_fast.studies.lock import WriterLock

pytestmark = pytest.mark.same_everywhere

ROOT = Path(__file__).parents[1]
SPEC = """\
name = "letters"
replicates = 4000
[[source]]
kind = "outcomes"
reward = [0.0, 1.0, 2.0]
[[estimand]]
kind = "best_of_n"
block = 500
grid.n = [1, 8]
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(SPEC)
    return tmp_path


def called(capsys, *arguments, code=0):
    """Return what a call of the command prints, on both channels."""
    assert main(["study", *arguments]) == code
    return capsys.readouterr()


@pytest.mark.usefixtures("spec")
def test_a_study_from_its_template_to_its_table(capsys):
    called(capsys, "new", "best_of_n", "mine.toml")
    assert "is there already" in called(capsys, "new", "best_of_n", "mine.toml", code=2).err
    assert "12 cells, hash " in called(capsys, "validate", "mine.toml").out
    assert called(capsys, "new").out.startswith("kinds: best_of_n, soft_best_of_n, tilted, dynamics")
    assert called(capsys, "new", "tilted").out.startswith("# A study of alignment_fast.")
    plan = called(capsys, "plan", "study.toml", "--workers", "2").out
    assert "best_of_n, outcomes, n=8       8  500        4000" in plan
    assert "2 cells, 16 blocks, 8000 replicates; about " in plan
    (first, _) = json.loads(called(capsys, "plan", "study.toml", "--json").out)
    assert (first["blocks"], first["replicates"]) == (8, 4000)
    printed = called(capsys, "run", "study.toml", "--out", "table.csv")
    assert "16/16 blocks; " in printed.err
    assert "best_of_n  outcomes  8  win_rate" in printed.out
    assert "16/16 blocks, 2/2 cells, 8000 replicates\nnot running" in called(capsys, "status", "study.toml").out
    called(capsys, "export", "study.toml", "--out", "again.csv")
    with open("table.csv", "rb") as one, open("again.csv", "rb") as other:
        assert one.read() == other.read()
    with open("table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["n"], row["column"]) for row in rows][:3] == [("1", "reward"), ("1", "kl"), ("1", "win_rate")]
    assert all(abs(float(row["mean"]) - float(row["exact"])) < 5 * float(row["standard_error"] or 1) for row in rows)
    replayed = called(capsys, "replay", "study.toml", "--cell", "1", "--replicate", "3").out
    assert replayed.startswith("reward = ")


@pytest.mark.usefixtures("spec")
def test_json_is_for_machines(capsys):
    printed = called(capsys, "run", "study.toml", "--json")
    table = json.loads(printed.out)
    assert table["name"] == "letters"
    assert len(table["rows"]) == 6
    states = [json.loads(line) for line in printed.err.splitlines()]
    assert states[-1]["blocks_done"] == 16
    status = json.loads(called(capsys, "status", "study.toml", "--json").out)
    assert (status["cells_done"], status["known"]) == (2, True)


def test_json_has_no_infinities(spec, capsys):
    (spec / "infinite.py").write_text(
        "def generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n    return {'x': float('inf') if data > 0.5 else data}\n"
    )
    (spec / "user.toml").write_text(
        'name = "user"\nreplicates = 1000\n[estimand]\nkind = "user"\n'
        'generate = "infinite:generate"\nanalyse = "infinite:analyse"\n'
    )

    def parsed(text):
        return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    printed = called(capsys, "run", "user.toml", "--json")
    (row,) = parsed(printed.out)["rows"]
    assert (row["mean"], row["maximum"], row["replicates"]) == (None, None, 1000)
    for line in [*printed.err.splitlines(), called(capsys, "plan", "user.toml", "--json").out]:
        parsed(line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate", "absent.toml"], "No such file or directory"),
        (["validate", "bad.toml"], "bad.toml: replicate: unknown key; did you mean 'replicates'?"),
        (
            ["validate", "law.toml"],
            "source[0].distribution: scipy.stats has no continuous distribution 'gumbl'; did",
        ),
        (["validate", "column.toml"], "cell 0 (best_of_n, pool): pool.csv has no column 'score'; its columns are: x"),
        (["new", "best"], "kind must be one of 'best_of_n',"),
        (
            ["run", "study.toml", "--out", "table.xls"],
            "--out table.xls: the name must end with one of .csv, .parquet, .nc",
        ),
        (
            ["report", "study.toml", "--store", "s.html", "--out", "s.html"],
            "--out s.html is the store: give another name",
        ),
        (["report", "study.toml", "--out", "study.toml"], "the name must end with one of .html, .htm"),
        (["report", "study.toml", "--out", "study.db"], "the name must end with one of .html, .htm"),
        (["report", "study.html", "--out", "./study.html"], "--out study.html is the spec: give another name"),
        (["report", "study.toml", "--out", "no/page.html"], "there is no folder no"),
        (["run", "study.toml", "--store", "s.csv", "--out", "s.csv"], "--out s.csv is the store: give another name"),
        (["run", "study.toml", "--out", "no/such/table.csv"], "there is no folder no/such"),
        (["run", "study.toml", "--out", "folder.csv"], "folder.csv is no regular file"),
        (["run", "linked.toml", "--out", "link.csv"], "--out link.csv is pool.csv, a source of the study"),
        (
            ["run", "study.toml", "--part", "1/2", "--out", "x.csv"],
            "--out: a part writes no table; `study fold`",
        ),
        *(
            (["run", "study.toml", "--part", part], f"--part {part}: give I/N, I from 1 to N, say 3/40")
            for part in ("1/0", "0/1", "3/2", "1", "/", "٣/٤", "1/²", "1/2/3", "-1/2", "1/" + "9" * 10)
        ),
        (
            ["run", "study.toml", "--executor", "taking:pool"],
            "executor 'taking:pool' must be callable without arguments: missing",
        ),
        (["run", "study.toml", "--executor", "giving:three"], "executor 'giving:three' must return an Executor, not 3"),
        (["run", "study.toml", "--executor", ""], "executor must be 'threads', 'processes'"),
        (["validate", "deep.toml"], "deep.toml: lists or tables are nested too deeply"),
        (["run", "study.toml", "--executor", "fibres"], "executor must be 'threads', 'processes'"),
        (["run", "study.toml", "--store", "no/such/study.db"], "there is no folder no/such"),
        (["status", "study.toml", "--store", "absent.db"], "there is no store absent.db"),
        (["export", "study.toml", "--out", "x.csv"], "there is no store study.db"),
        (["replay", "study.toml", "--cell", "9", "--replicate", "0"], "cell must be one of 0 to 1, not 9"),
        (["rnu"], "No such command 'rnu'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(spec, capsys, arguments, message):
    (spec / "bad.toml").write_text(SPEC.replace("replicates", "replicate"))
    head = 'name = "x"\nreplicates = 9\n[estimand]\nkind = "best_of_n"\nn = 2\n[source]\n'
    (spec / "law.toml").write_text(head + 'kind = "quantile"\ndistribution = "gumbl"\n')
    (spec / "column.toml").write_text(head + 'kind = "pool"\nfile = "pool.csv"\n')
    (spec / "pool.csv").write_text("x\n1\n")
    (spec / "linked.toml").write_text(head + 'kind = "pool"\nfile = "pool.csv"\nscore = "x"\n')
    (spec / "link.csv").symlink_to("pool.csv")
    (spec / "study.html").write_text(SPEC)
    (spec / "deep.toml").write_text("x = " + "[" * 100_000)
    (spec / "taking.py").write_text("def pool(size): ...\n")
    (spec / "giving.py").write_text("def three():\n    return 3\n")
    (spec / "folder.csv").mkdir()
    error = called(capsys, *arguments, code=2).err
    assert error.count("\n") == 1
    assert message in error
    assert "--executor" in arguments or not (spec / "study.db").exists()  # said before the work


def test_a_table_or_a_page_never_takes_the_place_of_the_store(spec, capsys):
    called(capsys, "run", "study.toml", "--store", "study.html")
    (spec / "other.csv").symlink_to("study.html")
    before = (spec / "study.html").read_bytes()
    for name, out in [("report", "study.html"), ("export", "other.csv"), ("run", "other.csv")]:
        error = called(capsys, name, "study.toml", "--store", "study.html", "--out", out, code=2).err
        assert error == f"error: --out {out} is the store: give another name\n"
    assert (spec / "study.html").read_bytes() == before


NAMED = (
    """\
name = "named"
replicates = 64
[estimand]
kind = "user"
generate = "named:generate"
analyse = "named:analyse"
grid."axis\\u001b\\u202e" = ["a\\u202eb"]
grid."x\\u001b" = [1, 2]
"""
    + "#\ttabs stay\n"
)


def test_names_do_not_move_the_cursor_or_turn_the_line(spec, capsys):
    (spec / "named.py").write_text(
        "def generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n    return {'[red]\\x1b[31m\\u202e': data}\n"
    )
    (spec / "named.toml").write_text(NAMED)
    printed = called(capsys, "run", "named.toml")
    assert r"[red]\x1b[31m\u202e 0." in printed.err
    assert r"axis\x1b\u202e=a\u202eb, x\x1b=" in printed.err
    Study.from_toml("named.toml").run(store="other.db")
    said = capsys.readouterr().err
    assert r"[red]\x1b[31m\u202e 0." in said
    called(capsys, "report", "named.toml")
    page = (spec / "report.html").read_text("utf-8")
    assert r"<button>axis\x1b\u202e</button>" in page
    assert "#\ttabs stay" in page
    pictures = [base64.b64decode(found).decode() for found in re.findall(r"svg\+xml;base64,([^\"]+)", page)]
    assert pictures
    for text in (printed.err, printed.out, said, page, *pictures):
        assert not {"\x1b", "\u202e"} & {*text}


def test_one_replicate_has_no_error_to_show(spec, capsys):
    (spec / "study.toml").write_text(SPEC.replace("4000", "1"))
    said = called(capsys, "run", "study.toml").err
    Study.from_toml("study.toml").run(store="other.db")
    for text in (said, capsys.readouterr().err):
        assert "reward " in text
        assert "±" not in text
        assert "nan" not in text


def test_a_changed_spec_and_a_locked_store_are_refused(spec, capsys):
    called(capsys, "run", "study.toml")
    (spec / "study.toml").write_text(SPEC.replace("4000", "5000"))
    error = called(capsys, "run", "study.toml", code=2).err
    assert (
        "holds another study 'letters' (replicates: 4000 -> 5000): give this one a new name, or another store" in error
    )
    lock = WriterLock(spec / "study.db")
    lock.acquire()
    try:
        assert f"is written to by process {os.getpid()} on " in called(capsys, "run", "study.toml", code=2).err
    finally:
        lock.release()


def test_blocks_set_aside_have_an_exit_code_of_their_own(spec, capsys):
    (spec / "failing.py").write_text(
        "def generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n"
        "    if data > 0.999:\n        raise ValueError('no such case')\n    return data\n"
    )
    (spec / "user.toml").write_text(
        'name = "user"\nreplicates = 4000\n[estimand]\nkind = "user"\n'
        'generate = "failing:generate"\nanalyse = "failing:analyse"\nblock = 400\n'
    )
    printed = called(capsys, "run", "user.toml", code=4).out
    assert "set aside: block " in printed
    assert "ValueError: no such case" in printed
    assert "set aside: block " in called(capsys, "status", "user.toml").out
    assert "the study is not complete" in called(capsys, "export", "user.toml", "--out", "x.csv").out


def test_ctrl_c_stops_cleanly_and_the_command_goes_on(spec):
    (spec / "slow.py").write_text(
        "import time\n\ndef generate(parameters, rng):\n    time.sleep(0.002)\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n    return data\n"
    )
    (spec / "slow.toml").write_text(
        'name = "slow"\nreplicates = 1000\n[estimand]\nkind = "user"\n'
        'generate = "slow:generate"\nanalyse = "slow:analyse"\nblock = 20\n'
    )
    command = [sys.executable, "-P", "-m", "alignment_fast", "study", "run", "slow.toml", "--workers", "1"]
    process = subprocess.Popen(command, cwd=spec, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def stored():
        if not (spec / "study.db").exists():
            return 0
        with contextlib.closing(sqlite3.connect(spec / "study.db")) as connection:
            with contextlib.suppress(sqlite3.Error):
                return connection.execute("SELECT count(*) FROM block").fetchone()[0]
            return 0

    limit = time.monotonic() + 60
    while not stored() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b""), error
    assert b"Traceback" not in error
    before = stored()
    assert 0 < before < 50
    again = subprocess.run(command, cwd=spec, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert stored() == 50


def test_the_example_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    for name in ("letters_study.toml", "english_letters.csv"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "guides" / "studies.md").read_text("utf-8")
    (text,) = re.findall(r"^```console study\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for command, printed in re.findall(r"^\$ alignment-fast study (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        assert called(capsys, *shlex.split(command)).out == printed
    (spec,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert spec in (ROOT / "examples" / "letters_study.toml").read_text("utf-8")
