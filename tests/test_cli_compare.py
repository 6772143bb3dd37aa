"""``alignment-fast compare``: what it reads, prints and writes, and how it fails."""

import csv

import numpy as np
import pytest

from alignment_fast import ranking
from alignment_fast.cli import main

pytestmark = pytest.mark.same_everywhere

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

RANDOM = np.random.default_rng(3)
SYSTEMS = ("ann", "bøb", "cat")
TABLE = np.add(RANDOM.normal(size=(40, 3)).round(6), [0.0, 0.1, 2.0])
DOCUMENT = np.repeat(np.arange(10), 4)


def run(capsys, *arguments):
    code = main(["compare", *map(str, arguments)])
    return code, *capsys.readouterr()


def write(path, header, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]) + "\n", encoding="utf-8")
    return path


def wide(path, extra=(), values=()):
    rows = [(f"t{task}", *row, *more) for task, (row, *more) in enumerate(zip(TABLE.tolist(), *values, strict=True))]
    return write(path, ("task", *SYSTEMS, *extra), rows)


def long(path, keep=lambda task, system: True):
    rows = [
        (f"t{task}", name, TABLE[task, system], f"d{DOCUMENT[task]}")
        for system, name in enumerate(SYSTEMS)
        for task in RANDOM.permutation(40).tolist()
        if keep(task, system)
    ]
    return write(path, ("task", "model", "score", "document"), rows)


def written(folder):
    with open(folder / "compare.csv", newline="", encoding="utf-8") as file:
        return {row["system"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("layout", [wide, long])
def test_both_layouts_are_the_same_scores(capsys, tmp_path, layout):
    code, out, err = run(capsys, layout(tmp_path / "scores.csv"), "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    rows, expected = written(tmp_path / "out"), ranking.paired_scores(TABLE)
    sets = ranking.rank_sets(expected)
    low, high = expected.interval()
    for system, name in enumerate(SYSTEMS):
        row = rows[name]
        for column, values in (("mean", expected.means), ("low", low), ("high", high)):
            np.testing.assert_allclose(float(row[column]), values[system], rtol=1e-12, atol=1e-15)
        for column, values in (
            ("tier", ranking.tiers(expected)),
            ("best_rank", sets.lower),
            ("worst_rank", sets.upper),
        ):
            assert int(row[column]) == values[system]
    assert list(rows) == ["cat", *sorted(SYSTEMS[:2], key=lambda name: -float(rows[name]["mean"]))]
    assert "3 systems on 40 tasks" in out
    assert "2 of 3 pairs, and 1 of 2 neighbours in the order, can be told apart with 95 % confidence" in out


def test_clusters_and_weights(capsys, tmp_path):
    weight = RANDOM.random(40).round(6)
    path = wide(tmp_path / "scores.csv", ("document", "weight"), (DOCUMENT.tolist(), weight.tolist()))
    code, out, _ = run(capsys, path, "--cluster", "document", "--out", tmp_path / "out", "--print")
    assert code == 0
    assert "in 10 clusters" in out
    expected = ranking.paired_scores(TABLE, cluster=DOCUMENT, weight=weight).standard_errors()
    rows = written(tmp_path / "out")
    found = [float(rows[name]["standard_error"]) for name in SYSTEMS]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (tmp_path / "out" / "compare.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "out" / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_the_lowest_can_be_the_best(capsys, tmp_path):
    run(capsys, wide(tmp_path / "scores.csv"), "--lower", "--out", tmp_path / "out")
    rows = written(tmp_path / "out")
    assert list(rows)[-1] == "cat"
    assert float(rows["cat"]["low"]) < float(rows["cat"]["mean"]) == pytest.approx(TABLE[:, 2].mean())


def test_a_pattern_chooses_systems(capsys, tmp_path):
    _, out, _ = run(capsys, wide(tmp_path / "scores.csv"), "--score", "*a*")
    assert "2 systems on 40 tasks" in out


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("task,a\n1,2\n", (), "scores need at least two tasks, not 1"),
        ("task\n1\n2\n", (), "has no column of scores; its columns are"),
        ("task,a\n1,2\n2,3\n", ("--score", "s*"), "has no column of scores like 's*' (--score)"),
        ("task,a\n1,2\n2,x\n", (), "line 3, column 'a': 'x' is not a number"),
        ("task,a\n1,2\n2,\n", (), "line 3, column 'a'"),
        ("task,a\n1,2\n2,nan\n", (), "line 3, column 'a'"),
        ("task,a,a\n1,2,3\n2,1,1\n", (), "has more than one column 'a'"),
        ("model,score\nx,2\ny,3\n", (), "no column looks like tasks: name it with --task"),
        ("model,task\nx,2\ny,3\n", (), "no column looks like scores: name it with --score"),
        ("task,model,score\n1,x,2\n1,x,3\n", (), "line 3: 'x' has a score on '1' already"),
        ("task,model,score\n1,x,2\n1,y,3\n2,x,1\n", (), "'y' has no score on '2'; every system needs all tasks"),
        (
            "task,model,score,c\n1,x,2,u\n1,y,3,v\n",
            ("--cluster", "c"),
            "line 3: the cluster of a task must be the same",
        ),
        ("task,a\n1,2\n2,3\n", ("--cluster", "task"), None),
        ("task,a\n1,2\n2,3\n", ("--level", "95"), "--level: 95 is not between 0 and 1; for 95 % say 0.95"),
        ("task,a\n1,2\n2,3\n", ("--task", "zzz"), "has no column 'zzz'"),
        ("task,a,weight\n1,2,-1\n2,3,1\n", (), "weight[0] = -1.0 is not a finite number of at least 0"),
        ("task,a\n1,2\n2,3\n", ("--print",), "--print needs --out: the folder of compare.pdf"),
    ],
)
def test_errors_are_one_line(capsys, tmp_path, content, options, message):
    path = tmp_path / "scores.csv"
    path.write_text(content)
    code, out, err = run(capsys, path, *options)
    if message is None:
        assert (code, err) == (0, "")
        return
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_one_system_is_alone(capsys, tmp_path):
    (tmp_path / "scores.csv").write_text("a\n1\n2\n4\n")
    code, out, _ = run(capsys, tmp_path / "scores.csv")
    assert code == 0
    assert "0 of 0 pairs, and 0 of 0 neighbours" in out


def test_a_task_with_two_rows_is_refused(capsys, tmp_path):
    """It would count twice; rows that only share a group are told apart by --cluster or another --task."""
    rows = [(f"t{task % 39}", f"q{task}", *row) for task, row in enumerate(TABLE.tolist())]
    path = write(tmp_path / "scores.csv", ("task", "question", *SYSTEMS), rows)
    pattern = ("--score", "[!qt]*")
    code, out, err = run(capsys, path, *pattern)
    assert (code, out) == (2, "")
    assert "scores.csv, line 41: task 't0' (column 'task') has scores already, in line 2" in err
    assert "--cluster task" in err
    for option in (("--task", "question"), ("--cluster", "task")):
        code, out, _ = run(capsys, path, *pattern, *option)
        assert code == 0
        assert "40 tasks" in out
