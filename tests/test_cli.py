"""The command ``alignment-fast``: what it prints, what it writes, and how it fails."""

import contextlib
import csv
import gzip
import itertools
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alignment_fast import _config
from alignment_fast._files import replacing
from alignment_fast.cli import main

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

pytest.importorskip("typer")

LETTERS = Path(__file__).parent.parent / "examples" / "english_letters.csv"
PNG = b"\x89PNG\r\n\x1a\n"
FAST = ["--replicates", "2000"]


@pytest.fixture(autouse=True)
def small_figure(monkeypatch):
    """Drawing takes longer than all the rest: the real figure is for the test that runs the program as a whole."""
    figure = pytest.importorskip("matplotlib.figure")
    monkeypatch.setattr("alignment_fast.plot.best_of_n_figure", lambda *_, **__: figure.Figure((1, 1), dpi=10))


def run_python(*arguments):
    return subprocess.run([sys.executable, "-P", *arguments], capture_output=True, text=True, encoding="utf-8")


def run(capsys, *arguments):
    """Run the command line in this process; return exit code, standard output and standard error."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def best_of_n(capsys, folder, *arguments):
    """Run best-of-n and return the rows of its CSV file, numbers as floats."""
    code, _, err = run(capsys, "best-of-n", *arguments, *FAST, "--out", folder)
    assert (code, err) == (0, "")
    with open(folder / "best_of_n.csv", newline="") as file:
        return [
            {key: text if key == "method" else float(text) for key, text in row.items()} for row in csv.DictReader(file)
        ]


def pairs_by_brute_force():
    """Return expected reward, variance, win rate and KL of best-of-2 on the letters, by going through all draws."""
    with open(LETTERS, newline="") as file:
        rows = [(float(row["frequency"]), float(row["reward"])) for row in csv.DictReader(file)]
    total = math.fsum(weight for weight, _ in rows)
    law = {}
    for (p, r), (q, s) in itertools.product(rows, repeat=2):
        law[max(r, s)] = law.get(max(r, s), 0) + p * q / total**2
    mass = {r: math.fsum(p for p, s in rows if s == r) / total for r in law}
    mean = math.fsum(p * r for r, p in law.items())
    return {
        "expected_reward": mean,
        "reward_variance": math.fsum(p * (r - mean) ** 2 for r, p in law.items()),
        "win_rate": math.fsum(p * ((s < r) + (s == r) / 2) * mass[s] for r, p in law.items() for s in mass),
        "kl": math.fsum(p * math.log(p / mass[r]) for r, p in law.items()),
    }


# --- the main job


def test_best_of_two_letters_is_what_going_through_all_pairs_says(capsys, tmp_path):
    (row,) = best_of_n(capsys, tmp_path, LETTERS, "--n", "2")
    for name, value in pairs_by_brute_force().items():
        assert row[name] == pytest.approx(value, rel=1e-13), name
    assert row["kl_bound"] == pytest.approx(math.log(2) - 0.5, rel=1e-15)
    assert row["win_rate_continuous"] == 2 / 3
    assert row["reward_sd"] == math.sqrt(row["reward_variance"])


def test_best_of_one_is_the_reference(capsys, tmp_path):
    (row,) = best_of_n(capsys, tmp_path, LETTERS, "--n", "1")
    assert row["kl"] == row["kl_bound"] == 0
    assert row["win_rate"] == pytest.approx(0.5, abs=1e-15)


def test_estimates_stand_within_their_standard_errors(capsys, tmp_path):
    rows = best_of_n(capsys, tmp_path, LETTERS, "--seed", "3")
    assert [row["n"] for row in rows] == sorted(row["n"] for row in rows)
    assert {row["method"] for row in rows} == {"brute", "order"}
    for row in rows:
        for name in ("expected_reward", "win_rate"):
            error = abs(row[f"{name}_estimate"] - row[name])
            bound = row[f"{name}_error_bound"]
            assert math.isnan(bound) != math.isnan(row[f"{name}_se"])
            assert error <= (5 * row[f"{name}_se"] if math.isnan(bound) else bound), (row["n"], name)
        assert 0 <= row["kl"] <= row["kl_bound"] + 1e-15
        assert row["win_rate"] <= row["win_rate_continuous"] + 1e-15


def test_standard_errors_are_those_of_the_exact_law(capsys, tmp_path):
    rows = best_of_n(capsys, tmp_path, LETTERS, "--n", "2,2.5,20,20.5")
    assert [row["method"] for row in rows] == ["brute", "order"] * 2
    for row in rows:
        assert row["expected_reward_se"] == pytest.approx(row["reward_sd"] / math.sqrt(row["replicates"]), rel=0.15)


def test_n_may_be_real_or_a_logarithm_far_beyond_floats(capsys, tmp_path):
    rows = best_of_n(capsys, tmp_path, LETTERS, "--n", "1e6,1.5", "--log-n", "1000,0,20")
    assert [row["log_n"] for row in rows] == [0, math.log(1.5), math.log(1e6), 20, 1000]
    assert [row["n"] for row in rows] == [1, 1.5, 1e6, math.exp(20), math.inf]
    assert [row["method"] for row in rows] == ["brute", "order", "order", "order", "order"]
    last = rows[-1]
    assert last["expected_reward"] == last["expected_reward_estimate"] == 10
    assert last["kl"] == pytest.approx(math.log(99.98 / 0.21), rel=1e-13)  # Q and Z are left
    assert last["kl_bound"] == pytest.approx(999)


@pytest.mark.parametrize("kind", ["csv", "tsv.gz", "jsonl", "parquet", "npz"])
def test_every_kind_of_table_gives_the_same_files(capsys, tmp_path, kind):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    with open(LETTERS, newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [float(row[name]) for row in rows] for name in ("frequency", "reward")}
    path = tmp_path / f"letters.{kind}"
    match kind:
        case "csv":
            path.write_text(LETTERS.read_text())
        case "tsv.gz":
            path.write_bytes(gzip.compress(LETTERS.read_text().replace(",", "\t").encode()))
        case "jsonl":
            pairs = zip(*columns.values(), strict=True)
            path.write_text("".join(json.dumps(dict(zip(columns, pair, strict=True))) + "\n" for pair in pairs))
        case "parquet":
            parquet.write_table(pyarrow.table(columns), path)
        case "npz":
            np.savez(path, **columns)
    best_of_n(capsys, tmp_path / "a", path, "--n", "1,4,1e6")
    best_of_n(capsys, tmp_path / "b", LETTERS, "--n", "1,4,1e6")
    assert (tmp_path / "a" / "best_of_n.csv").read_bytes() == (tmp_path / "b" / "best_of_n.csv").read_bytes()


def test_probabilities_counts_and_log_probabilities_are_the_same_distribution(capsys, tmp_path):
    weights = [3.0, 5.0, 2.0]
    lines = [f"{w / 10!r},{w!r},{math.log(w)!r},{r}" for w, r in zip(weights, [0.5, -1, 2], strict=True)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["share,number,logit,gain", *lines]))
    results = [
        best_of_n(capsys, tmp_path / column, path, option, column, "--reward", "gain", "--n", "1,3")
        for option, column in [("--p", "share"), ("--count", "number"), ("--log-p", "logit")]
    ]
    for rows in results[1:]:
        for row, first in zip(rows, results[0], strict=True):
            for name in ("expected_reward", "kl", "win_rate"):
                assert row[name] == pytest.approx(first[name], rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("scale", ["1e308", "5e-320"])
def test_counts_of_any_total_are_the_same_distribution(capsys, tmp_path, scale):
    path = tmp_path / "law.csv"
    outs = []
    for count in (scale, "1"):
        path.write_text(f"count,reward\n{count},1\n{count},2\n{count},4\n")
        outs.append(run(capsys, "best-of-n", path, "--n", "2,5", "--replicates", "1000")[1])
    assert outs[0] == outs[1]


def test_the_printed_table_is_plain_in_a_pipe(capsys):
    code, out, err = run(capsys, "best-of-n", LETTERS, "--n", "1,2,1e6", *FAST)
    assert (code, err) == (0, "")
    assert out.isascii()
    assert "\x1b" not in out
    assert "26 outcomes; weight 'frequency', reward 'reward'" in out
    first = [line.split() for line in out.splitlines()]
    assert [line[0] for line in first if line and line[0] in ("1", "2", "1e+06")] == ["1", "2", "1e+06"] * 2


def test_the_same_seed_gives_the_same_file_on_any_number_of_threads(capsys, tmp_path):
    files = []
    for name, options in {"a": [], "b": ["--threads", "1"], "c": ["--threads", "3"], "d": ["--seed", "1"]}.items():
        best_of_n(capsys, tmp_path / name, LETTERS, "--n", "1,100,1e7", *options)
        files.append((tmp_path / name / "best_of_n.csv").read_bytes())
    assert files[0] == files[1] == files[2] != files[3]


def test_out_holds_the_table_and_the_figure_and_nothing_else(capsys, tmp_path):
    folder = tmp_path / "deep" / "out"
    best_of_n(capsys, folder, LETTERS, "--n", "1,10")
    assert sorted(path.name for path in folder.iterdir()) == ["best_of_n.csv", "best_of_n.png"]
    assert (folder / "best_of_n.png").read_bytes().startswith(PNG)


def test_it_runs_as_a_module_too(tmp_path):
    result = run_python("-m", "alignment_fast", "best-of-n", LETTERS, "--n", "1,2", *FAST, "--out", tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "best_of_n.csv").stat().st_size > 0
    assert (tmp_path / "best_of_n.png").read_bytes().startswith(PNG)


# --- info and help


def test_info_says_what_is_in_use_and_no_paths(capsys):
    code, out, err = run(capsys, "info")
    assert (code, err) == (0, "")
    for entry in ("alignment_fast:", "instruction set:", "instruction sets available:", "threads:", "gpus:"):
        assert entry in out
    assert os.sep not in out


def test_without_a_command_there_is_help(capsys):
    code, out, _ = run(capsys)
    assert code == 0
    assert "best-of-n" in out
    assert "info" in out


# --- failures: one line, exit code 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "1,x"], "--n: 'x' is not a number"),
        (["--n", "0.5"], "--n: 0.5 is not a finite number of at least 1"),
        (["--n", "nan"], "--n: nan is not a finite number of at least 1"),
        (["--n", "1e999"], "--n: 1e999 is not a finite number of at least 1"),
        (["--n", ""], "--n: '' is not a number"),
        (["--log-n", "-1"], "--log-n: -1 is not a finite number of at least 0"),
        (["--p", "nothing"], "no column 'nothing'; its columns are: letter, frequency, reward"),
        (["--p", "letter"], "english_letters.csv, line 2, column 'letter': 'E' is not a number"),
        (["--p", "frequency", "--count", "frequency"], "only one of --p, --log-p and --count can be given"),
        (["--replicates", "1"], "--replicates"),
        (["--threads", "0"], "--threads"),
        (["--seed", "-1"], "--seed"),
        (["--colour"], "No such option"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(capsys, tmp_path, arguments, message):
    code, out, err = run(capsys, "best-of-n", LETTERS, "--out", tmp_path / "out", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("p,reward\n0.5,1\n-0.5,2\n", "table.csv, line 3, column 'p': -0.5 is negative"),
        ("p,reward\n0.5,1\n0.5,\n", "table.csv, line 3, column 'reward': the cell is empty"),
        ("p,reward\n0,1\n0,2\n", "table.csv, column 'p': no outcome has a positive probability"),
        ("log_p,reward\n-inf,1\n", "table.csv, column 'log_p': no outcome has a positive probability"),
        ("p,reward\n0,2\ninf,1\n", "table.csv, line 3, column 'p': inf is no weight"),
        ("log_p,reward\ninf,1\n", "table.csv, line 2, column 'log_p': inf is no weight"),
        ("p,reward\n", "table.csv has columns but no rows"),
        ("", "table.csv is empty"),
        ("a,reward\n1,1\n", "no column looks like probabilities: name one with --p, --log-p or --count"),
        ("p,b\n1,1\n", "no column looks like rewards: name one with --reward; its columns are: p, b"),
    ],
)
def test_bad_tables_are_one_line_and_exit_code_2(capsys, tmp_path, content, message):
    (tmp_path / "table.csv").write_text(content)
    code, out, err = run(capsys, "best-of-n", tmp_path / "table.csv", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_file_and_an_unknown_command_are_one_line(capsys, tmp_path):
    for arguments in (["best-of-n", tmp_path / "nothing.csv"], ["best-of-n"], ["align"]):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1


def test_an_output_folder_that_is_a_file_is_one_line(capsys, tmp_path):
    (tmp_path / "out").write_text("in the way")
    code, _, err = run(capsys, "best-of-n", LETTERS, "--n", "1", *FAST, "--out", tmp_path / "out")
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_ctrl_c_is_exit_code_130(capsys, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(_config, "config", interrupt)
    assert run(capsys, "info") == (130, "", "")


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_without_its_libraries_the_extra_is_named(library):
    code = f"import sys; sys.modules[{library!r}] = None; from alignment_fast.cli import main; sys.exit(main())"
    result = run_python("-c", code)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f'error: the command line needs {library}: pip install "alignment-fast[app]"\n'


def test_the_command_line_loads_no_plots_and_no_tables_before_they_are_needed():
    code = "import sys, alignment_fast.commands; print({'matplotlib', 'pyarrow', 'numba'} & set(sys.modules))"
    assert run_python("-c", code).stdout == "set()\n"


# --- writing


def test_what_is_written_replaces_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_an_exception_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with contextlib.suppress(RuntimeError), replacing(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_process_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = (
        "import os, signal; from alignment_fast._files import replacing\n"
        f"with replacing({str(path)!r}) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert run_python("-c", code).returncode == -signal.SIGKILL
    assert path.read_text() == "old"
