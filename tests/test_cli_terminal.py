"""What people see: names as they are, numbers whole, files before tables, and answers to what was probably meant."""

import contextlib
import csv
import gzip
import io
import os
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import hostile
import numpy as np
import pytest
from each import check_each

from alignment_fast._text import shortened, shortened_apart, visible, width_of
from alignment_fast.cli import main

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

from alignment_fast.commands import app, pass_at_k
from alignment_fast.commands.printing import terminal

pytestmark = pytest.mark.same_everywhere

LETTERS = "examples/english_letters.csv"
README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def small_figures(monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    for name in ("best_of_n_figure", "curve_figure", "rank_figure", "board_figure"):
        monkeypatch.setattr(f"alignment_fast.plot.{name}", lambda *_, **__: figure.Figure((1, 1), dpi=10))


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def votes_of(folder, names, kind="csv"):
    """Write votes in which every name beats the next one, and the last the first."""
    rows = [*zip(names, [*names[1:], names[0]], strict=True), (names[0], names[1]), (names[1], names[0])]
    path = folder / f"votes.{kind}"
    path.write_bytes(hostile.WRITERS[kind](("winner", "loser"), rows))
    return path


# ---- the alphabet ----


def alphabet(kind):
    """Return all names that a kind of file can hold, by what is odd about them."""
    return hostile.NAMES | (hostile.ONLY_JSON if kind.startswith("json") else {})


def new_folder(folder, number):
    path = folder / f"{number}"
    path.mkdir()
    return path


@pytest.mark.parametrize("kind", hostile.WRITERS)
def test_rank_prints_and_writes_any_name(capsys, tmp_path, small_figures, kind):
    def check(folder, name):
        path = votes_of(folder, [name, "plain", "other"], kind)
        code, out, err = run(capsys, "rank", path, "--out", folder / "out")
        assert (code, err) == (0, "")
        expected = hostile.read_back(name)
        with open(folder / "out" / "rank.csv", newline="", encoding="utf-8") as file:
            items = [row["item"] for row in csv.DictReader(file)]
        assert expected.encode("utf-8", "backslashreplace").decode() in items
        table = out[out.index("rank  item") :].splitlines()
        assert len(table) == 4
        assert visible(expected) in out
        unseen = ("Cc", "Cs", "Zl", "Zp")
        assert not [letter for letter in out if unicodedata.category(letter) in unseen and letter != "\n"]

    names = alphabet(kind).items()
    check_each([(label, (new_folder(tmp_path, at), name)) for at, (label, name) in enumerate(names)], check)


@pytest.mark.parametrize("kind", hostile.WRITERS)
def test_curve_takes_any_name_of_a_prompt(capsys, tmp_path, kind):
    def check(name):
        rows = [(prompt, score) for prompt in (name, "plain") for score in (1.5, 2.5)]
        path = tmp_path / f"samples.{kind}"
        path.write_bytes(hostile.WRITERS[kind](("prompt", "score"), rows))
        code, out, err = run(capsys, "curve", path)
        assert (code, err) == (0, "")
        assert "2 prompts, 2 samples each" in out
        code, _, err = run(capsys, "curve", path, "--n", "3")
        assert code == 2
        assert err.count("\n") == 1
        assert visible(hostile.read_back(name))[:20] in err

    check_each([(label, (name,)) for label, name in alphabet(kind).items()], check)


@pytest.mark.parametrize("command", ["rank", "curve", "best-of-n"])
def test_commands_take_any_name_of_a_column_and_of_a_file(capsys, tmp_path, small_figures, command):
    def check(folder, name):
        header, rows, options = {
            "rank": ((name, "other column"), hostile.rows_of("a", "b"), ("--winner", name, "--loser", "other column")),
            "curve": (("prompt", name), [("a", 1), ("a", 2)], ("--score", name)),
            "best-of-n": ((name, "reward"), [(0.5, 1), (0.5, 2)], ("--p", name, "--replicates", "10", "--n", "1")),
        }[command]
        safe = re.sub(r"[/\x00]", "-", name)[:60]
        path = folder / f"{safe}.csv"
        path.write_bytes(hostile.as_csv(header, rows))
        code, out, err = run(capsys, command, path, *options, "--out", folder / "out")
        assert (code, err) == (0, "")
        assert len(list((folder / "out").iterdir())) == 2
        assert visible(safe) in out
        code, _, err = run(capsys, command, path, *options[:-1], "no such column")
        assert code == 2
        assert err.count("\n") == 1

    names = {label: hostile.read_back(name) for label, name in hostile.NAMES.items()}
    check_each([(label, (new_folder(tmp_path, at), name)) for at, (label, name) in enumerate(names.items())], check)


@pytest.fixture(scope="module")
def plain_outputs():
    """Hold what commands have said of plain tables, by command and kind."""
    return {}


@pytest.fixture(scope="module")
def columns_of_pass_at_k():
    """Hold what `alignment-fast pass-at-k` computes from its numbers, by these: they are the same in other bytes."""
    plain, found = pass_at_k._columns, {}

    def columns(total, right, draws, fit, level):
        key = (*(part.tobytes() for part in (total, right, draws)), level)
        return found[key] if key in found else found.setdefault(key, plain(total, right, draws, fit, level))

    return columns


@pytest.mark.parametrize("command", hostile.TABLES)
@pytest.mark.parametrize("how", hostile.SAME)
def test_the_same_table_in_other_bytes_is_the_same_result(
    capsys, tmp_path, monkeypatch, plain_outputs, columns_of_pass_at_k, command, how
):
    """Read in one block, and in blocks of 16 bytes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pass_at_k, "_columns", columns_of_pass_at_k)
    (change, kinds), (header, rows, options) = hostile.SAME[how], hostile.TABLES[command]

    def check(kind, block):
        path, content = f"table.{kind}", hostile.WRITERS[kind](header, rows)
        if (command, kind) not in plain_outputs:
            (tmp_path / path).write_bytes(content)
            plain_outputs[command, kind] = run(capsys, command, path, *options)
            assert plain_outputs[command, kind][::2] == (0, "")
        (tmp_path / path).write_bytes(change(content))
        with monkeypatch.context() as patch:
            patch.setattr("alignment_fast.tables._table.CHUNK_BYTES", block)
            assert run(capsys, command, path, *options) == plain_outputs[command, kind]

    check_each([(f"{kind}, blocks of {block}", (kind, block)) for kind in kinds for block in (4 << 20, 16)], check)


# What one row does not tell.
TOO_FEW = {
    "pass-at-k": "{path}: num_samples: no problem has two samples, and one each say nothing of how problems differ",
    "compare": "scores need at least two tasks, not 1: one has no error",
}


@pytest.mark.parametrize("command", hostile.TABLES)
@pytest.mark.parametrize("kind", hostile.WRITERS)
def test_every_command_reads_a_table_of_one_row(capsys, tmp_path, command, kind):
    header, rows, _ = hostile.TABLES[command]
    path = tmp_path / f"table.{kind}"
    path.write_bytes(hostile.WRITERS[kind](header, rows[:1]))
    options = {"rank": ("--l2", "1"), "best-of-n": ("--n", "1", "--replicates", "20")}.get(command, ())
    code, out, err = run(capsys, command, path, *options)
    if command in TOO_FEW:
        assert (code, out, err) == (2, "", f"error: {TOO_FEW[command].format(path=path)}\n")
        return
    assert (code, err) == (0, "")
    assert out


FAULTS = {
    "empty": (b"", "table.csv is empty"),
    "only blank lines": (b"\n\n\n", "table.csv is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "table.csv is empty"),
    "no rows": (b"HEADER\n", "table.csv has columns but no rows"),
    "duplicate columns": (b"HEADER,FIRST\n1,2,3\n", "more than one column 'FIRST'"),
    "UTF-16": ("HEADER\n1,2\n".encode("utf-16"), "line 1: the file is UTF-16, not UTF-8"),
    "a zip file": (b"PK\x03\x04" + bytes(30), "look"),
    "zeros": (bytes(100), "look"),
}


def test_every_command_has_its_row_in_the_readme():
    rows = [line for line in README.read_text("utf-8").splitlines() if line.startswith("| `alignment-fast ")]
    named = {row.split("`")[1].split()[1] for row in rows}
    assert named == set(app.commands)


# Commands to which any name can be that of a column of data: of a system.
ANY_COLUMN = ("compare",)


@pytest.mark.parametrize("command", hostile.TABLES)
@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_hold_nothing_are_one_line(capsys, tmp_path, command, fault):
    content, message = FAULTS[fault]
    if command in ANY_COLUMN and message == "look":
        message = "table.csv has columns but no rows"
    header, _, _ = hostile.TABLES[command]
    if b"HEADER" in content:
        content = content.replace(b"HEADER", ",".join(header).encode()).replace(b"FIRST", header[0].encode())
    (tmp_path / "table.csv").write_bytes(content)
    code, out, err = run(capsys, command, tmp_path / "table.csv")
    assert (code, out) == (2, "")
    assert message.replace("FIRST", header[0]) in err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


@pytest.mark.parametrize("command", hostile.TABLES)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet", "npz"])
def test_a_truncated_gzip_file_is_one_line(capsys, tmp_path, command, kind):
    header, rows, _ = hostile.TABLES[command]
    path = tmp_path / f"table.{kind}.gz"
    path.write_bytes(gzip.compress(hostile.WRITERS[kind](header, rows))[:-9])
    code, out, err = run(capsys, command, path)
    assert (code, out) == (2, "")
    assert err == f"error: {path}: the compressed file is truncated\n"


BROKEN = {
    "ragged": (lambda cells: cells[:-1], "1 cells under a header of 2"),
    "longer": (lambda cells: [*cells, b"x"], "3 cells under a header of 2"),
    "empty first": (lambda cells: [b"", cells[1]], "column 'FIRST': the cell is empty"),
    "empty last": (lambda cells: [cells[0], b'""'], "column 'LAST': the cell is empty"),
    "only a comma": (lambda cells: [b"", b""], "column 'FIRST': the cell is empty"),
    "blank": (lambda cells: [b"  ", cells[1]], "column 'FIRST': the cell is empty"),
    "undecodable": (lambda cells: [cells[0], b"caf\xe9"], "column 'LAST': byte 0xe9 is not UTF-8"),
    "unclosed": (lambda cells: [cells[0], b'"open'], "the quote that opens here is never closed"),
}


@pytest.mark.parametrize("command", hostile.TABLES)
@pytest.mark.parametrize("row", ["first", "behind the first block", "last"])
def test_a_broken_row_is_named_wherever_it_stands(capsys, tmp_path, monkeypatch, command, row):
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", 64)
    header, plain, _ = hostile.TABLES[command]
    at = {"first": 0, "behind the first block": 60, "last": 95}[row]

    def check(change, message):
        rows = [[str(cell).encode() for cell in row] for row in plain] * 8
        rows[at] = change(rows[at])
        lines = [",".join(header).encode(), *(b",".join(cells) for cells in rows)]
        (tmp_path / "table.csv").write_bytes(b"\n".join(lines))
        code, out, err = run(capsys, command, tmp_path / "table.csv")
        assert (code, out) == (2, "")
        assert f"table.csv, line {at + 2}" in err
        assert message.replace("FIRST", header[0]).replace("LAST", header[1]) in err

    check_each(list(BROKEN.items()), check)


@pytest.mark.parametrize("command", hostile.TABLES)
@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_a_null_in_any_column_is_named_wherever_it_stands(capsys, tmp_path, command, kind):
    header, plain, _ = hostile.TABLES[command]

    def check(column, at):
        rows = [list(row) for row in plain]
        rows[at][column] = None
        path = tmp_path / f"table.{kind}"
        path.write_bytes(hostile.WRITERS[kind](header, rows))
        code, _, err = run(capsys, command, path)
        assert code == 2
        assert f"{'line' if kind == 'jsonl' else 'row'} {at + 1}, " in err
        assert repr(header[column]) in err

    check_each([(f"column {column}, row {at}", (column, at)) for column in (0, 1) for at in (0, 6, 11)], check)


# ---- widths ----

LONG = [f"organisation/a-model-with-a-long-name-{number:02d}-instruct" for number in range(12)]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_on_a_narrow_terminal_names_lose_their_middle_and_numbers_lose_nothing(capsys, tmp_path, monkeypatch, width):
    path = votes_of(tmp_path, LONG)
    _, full, _ = run(capsys, "rank", path)
    monkeypatch.setattr(terminal, "terminal_width", lambda: width)
    _, narrow, _ = run(capsys, "rank", path)
    rows, whole = narrow.splitlines()[-12:], full.splitlines()[-12:]
    for row, line in zip(rows, whole, strict=True):
        cells, complete = re.split(r"\s{2,}", row.strip()), re.split(r"\s{2,}", line.strip())
        assert cells[:1] + cells[2:] == complete[:1] + complete[2:]
        assert cells[1] == complete[1] or "..." in cells[1]
    names = [re.split(r"\s{2,}", row.strip())[1] for row in rows]
    assert len(set(names)) == 12
    assert all(width_of(row) <= width for row in rows) or width < 100


def test_in_a_pipe_nothing_is_shortened_whatever_its_length(capsys, tmp_path):
    names = ["x" * 300, "y" * 500, "z"]
    _, out, _ = run(capsys, "rank", votes_of(tmp_path, names))
    assert all(name in out for name in names)


@pytest.mark.parametrize("width", range(5, 40))
def test_a_short_name_is_as_wide_as_asked(width):
    for name in (*hostile.NAMES.values(), *LONG):
        look = shortened(visible(name), width)
        assert width_of(look) <= max(width, 5)
        assert look == visible(name) or "..." in look


@pytest.mark.parametrize(
    "names",
    [
        ["model-small-2026", "model-large-2026"],
        ["x" * 100 + "1" + "x" * 100, "x" * 100 + "2" + "x" * 100],
        ["a" * 50, "a" * 51],
        ["same" * 20, "same" * 20, "other" * 20],
    ],
)
def test_different_names_look_different(names):
    looks = shortened_apart(names, 14)
    assert len(set(looks)) == len(set(names))


def test_a_terminal_that_lacks_letters_shows_their_numbers(tmp_path):
    path = votes_of(tmp_path, ["🤖", "plain", "ünï"])
    result = subprocess.run(
        [sys.executable, "-P", "-m", "alignment_fast", "rank", path],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"\\U0001f916" in result.stdout
    assert "ünï".encode("latin-1") in result.stdout


# ---- files, pipes ----


def test_files_are_written_before_the_table_is_printed(capsys, tmp_path, monkeypatch, small_figures):
    def refuse(*_, **__):
        raise OSError("the output is gone")

    for command, content in (
        ("rank", "winner,loser\na,b\nb,a\n"),
        ("curve", "score\n1\n2\n"),
        ("compare", "a,b\n1,2\n2,1\n"),
        ("best-of-n", "p,reward\n1,1\n1,2\n"),
    ):
        (tmp_path / "table.csv").write_text(content)
        with monkeypatch.context() as patch:
            patch.setattr(f"alignment_fast.commands.printing.{command.replace('-', '_')}.say", refuse)
            code, _, err = run(capsys, command, tmp_path / "table.csv", "--out", tmp_path / command)
        assert (code, err) == (2, "error: the output is gone\n")
        assert len(list((tmp_path / command).iterdir())) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="this system has no SIGPIPE")
def test_a_closed_pipe_ends_the_program_in_silence(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "alignment_fast", "rank", votes_of(tmp_path, LONG)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == -signal.SIGPIPE


@pytest.mark.parametrize("closed", ["stdout", "stderr", "stdin"])
def test_closed_streams_are_no_faults_of_the_program(tmp_path, closed):
    (tmp_path / "law.csv").write_text("p,reward\n0.5,1\n0.5,2\n")
    number = ("stdin", "stdout", "stderr").index(closed)
    code = f"import os, sys; os.close({number}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    file = "-" if closed == "stdin" else "law.csv"
    command = ["-P", "-m", "alignment_fast", "best-of-n", file, "--n", "1", "--replicates", "10", "--out", "out"]
    result = subprocess.run(
        [sys.executable, "-P", "-c", code, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if closed == "stdin":
        assert (result.returncode, result.stderr) == (2, "error: standard input is closed\n")
    else:
        assert (result.returncode, result.stderr) == (0, "")
        assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits on the size of files are those of Linux")
def test_what_cannot_be_written_is_printed_all_the_same(tmp_path):
    """A disk that is full behind the first 2000 bytes: the table is whole, the picture is named and not there."""
    (tmp_path / "law.csv").write_text("p,reward\n0.5,1\n0.5,2\n")
    code = (
        "import resource, sys; from alignment_fast.cli import main; import matplotlib.font_manager\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main(sys.argv[1:]))"
    )
    command = ["best-of-n", "law.csv", "--n", "1", "--replicates", "10", "--out", "out"]
    result = subprocess.run(
        [sys.executable, "-P", "-c", code, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == f"error: {os.path.join('out', 'best_of_n.png')}: File too large\n"
    assert "KL in nats from the reference" in result.stdout
    assert os.listdir(tmp_path / "out") == ["best_of_n.csv"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_command_that_is_stopped_leaves_whole_files_or_none(tmp_path, kind):
    votes_of(tmp_path, [f"m{number}" for number in range(300)])
    program = "import sys; from alignment_fast.cli import main; print(flush=True); sys.exit(main())"
    command = [sys.executable, "-P", "-c", program, "rank", "votes.csv", "--out", "out"]
    for wait in (1, 2):
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            process.stdout.readline()  # the program is the command's from here on
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait)
            process.send_signal(getattr(signal, kind))
            err = process.stderr.read()
        assert process.returncode in ((0, 130) if kind == "SIGINT" else (0, -getattr(signal, kind)))
        assert err == ""
        for file in (tmp_path / "out").glob("rank.*"):
            content = file.read_bytes()
            assert content.endswith(b"\n" if file.suffix == ".csv" else b"IEND\xaeB`\x82")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_an_interrupt_in_a_callback_whose_exceptions_are_dropped_still_ends_the_command(tmp_path):
    program = """
import _thread, sys, time, weakref
from alignment_fast import cli
class Referent: ...
def work(arguments):
    referent = Referent()
    reference = weakref.ref(referent, lambda _: _thread.interrupt_main())
    del referent
    for _ in range(6000):
        time.sleep(0.01)
cli._answer = work
sys.exit(cli.main())
"""
    run = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")


@pytest.mark.parametrize(
    "command", ["rank", "curve", "compare", "best-of-n", "reproduce asymptotics", "reproduce sampling"]
)
@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_a_folder_that_cannot_be_written_is_found_before_the_work(capsys, tmp_path, monkeypatch, command, place):
    monkeypatch.setattr("alignment_fast.tables.column_names", lambda path: pytest.fail("work began"))
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" if place == "a file" else tmp_path / "file" / "out"
    table = [] if command.startswith("reproduce") else [LETTERS]
    code, _, err = run(capsys, *command.split(), *table, "--out", out)
    assert code == 2
    assert err == f"error: {tmp_path / 'file'} is not a folder\n"


# ---- sizes ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["best-of-n", LETTERS, "--n", "1e9", "--replicates", "1000000000000000"],
            "--replicates 1000000000000000 would need 21.3 PiB of memory; this machine has ",
        ),
        (["reproduce", "sampling", "--out", "x", "--points", "100000000"], "--points 100000000 would need"),
        (["reproduce", "asymptotics", "--replicates", "1000000000000000"], "would need 28.4 PiB of memory"),
    ],
)
def test_sizes_beyond_the_memory_are_refused_before_the_work(capsys, arguments, message):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_bootstrap_beyond_the_memory_is_refused(capsys, tmp_path):
    code, _, err = run(capsys, "rank", votes_of(tmp_path, LONG), "--bootstrap", 10**15)
    assert code == 2
    assert "--bootstrap 1000000000000000 would need" in err


def test_data_without_a_matrix_to_sweep_over_is_one_line(capsys, tmp_path, monkeypatch):
    from alignment_fast.reproduce import sampling

    empty = sampling.Matrices("x", [], np.zeros((0, 4, 4)))
    monkeypatch.setattr(sampling, "of_scored_responses", lambda path, seed: empty)
    code, _, err = run(capsys, "reproduce", "sampling", "--data", tmp_path / "x.jsonl", "--out", tmp_path / "out")
    assert code == 2
    assert err.endswith("x.jsonl: none of its preference matrices is cyclic or strongly transitive\n")
    assert not (tmp_path / "out").exists()


def test_messages_of_megabytes_are_shortened(capsys, tmp_path):
    (tmp_path / "a.csv").write_text(",".join(f"column {number}" for number in range(20_000)) + "\n1\n")
    for arguments in (["best-of-n"], ["rank"], ["curve"], ["curve", "--wide"], ["rank", "--winner", "x" * 10**5]):
        code, _, err = run(capsys, arguments[0], tmp_path / "a.csv", *arguments[1:])
        assert code == 2
        assert len(err) < 2000


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux")
def test_a_name_of_a_file_that_is_not_utf8(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    with open(name, "wb") as file:
        file.write(b"winner,loser\na,b\nb,a\n")
    command = [sys.executable, "-P", "-m", "alignment_fast", "rank", name]
    result = subprocess.run([*command, "--out", tmp_path / "out"], capture_output=True)
    assert (result.returncode, result.stderr) == (0, b"")
    assert len(list((tmp_path / "out").iterdir())) == 2
    with open(name, "wb") as file:
        file.write(b"winner,loser\na\n")
    result = subprocess.run(command, capture_output=True)
    assert result.returncode == 2
    assert b"caf\\udce9.csv, line 2" in result.stderr


# ---- spreadsheets ----


def test_names_that_look_like_formulas_can_be_escaped_for_spreadsheets(capsys, tmp_path, small_figures):
    names = ['=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", "plain"]
    path = votes_of(tmp_path, names)
    found = []
    for options in ((), ("--escape-formulas",)):
        assert run(capsys, "rank", path, "--out", tmp_path / "out", *options)[0] == 0
        with open(tmp_path / "out" / "rank.csv", newline="") as file:
            found.append({row["item"]: row["score"] for row in csv.DictReader(file)})
    assert set(found[0]) == set(names)
    assert set(found[1]) == {name if name == "plain" else f"'{name}" for name in names}
    assert sorted(found[0].values()) == sorted(found[1].values())  # numbers are as they are, negative ones too


# ---- what was meant ----


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ("95", "--level: 95 is not between 0 and 1; for 95 % say 0.95"),
        ("99.9", "--level: 99.9 is not between 0 and 1; for 99.9 % say 0.999"),
        ("0", "--level: 0 is not between 0 and 1"),
        ("1", "--level: 1 is not between 0 and 1"),
        ("-1", "--level: -1 is not between 0 and 1"),
        ("nan", "--level: nan is not between 0 and 1"),
    ],
)
def test_a_level_in_percent_is_answered_with_what_was_meant(capsys, tmp_path, level, message):
    code, _, err = run(capsys, "rank", votes_of(tmp_path, ["a", "b"]), "--level", level)
    assert (code, err) == (2, f"error: {message}\n")


@pytest.mark.parametrize(
    "command",
    ["rank", "curve", "compare", "best-of-n", "info", "reproduce", "reproduce asymptotics", "reproduce sampling"],
)
def test_every_command_tells_the_version(capsys, command):
    code, out, _ = run(capsys, *command.split(), "--version")
    assert (code, out) == (0, run(capsys, "--version")[1])


@pytest.mark.parametrize("command", ["rank", "curve", "best-of-n"])
def test_limits_are_options(capsys, tmp_path, small_figures, command):
    header, row = {"rank": ("winner,loser", "a,b"), "curve": ("score,x", "1,2"), "best-of-n": ("p,reward", "1,2")}[
        command
    ]
    path = tmp_path / "long.csv"
    path.write_text(f"{header},note\n{row},{'x' * (6 << 20)}\n")
    code, _, err = run(capsys, command, path, "--row-mib", "1")
    assert code == 2
    assert "long.csv, line 2: the row is longer than 1 MiB; --row-mib or ALIGNMENT_FAST_ROW_MIB raises the limit" in err
    options = {"best-of-n": ("--n", "1", "--replicates", "10"), "rank": ("--l2", "1")}.get(command, ())
    assert run(capsys, command, path, "--row-mib", "8", *options)[0] == 0


def test_version(capsys):
    from alignment_fast import __version__

    assert run(capsys, "--version") == (0, f"alignment-fast {__version__}\n", "")


@pytest.mark.parametrize(
    "command", ["", "rank", "curve", "compare", "best-of-n", "info", "reproduce", "reproduce asymptotics"]
)
def test_h_is_help(capsys, command):
    long, short = (run(capsys, *command.split(), option) for option in ("--help", "-h"))
    assert long == short
    assert long[0] == 0
    assert "Usage: alignment-fast" in long[1]


def test_the_shell_completes_commands(tmp_path):
    completion = {
        "_ALIGNMENT_FAST_COMPLETE": "complete_bash",
        "COMP_WORDS": "alignment-fast re",
        "COMP_CWORD": "1",
    }
    result = subprocess.run(
        [sys.executable, "-P", "-c", "from alignment_fast.cli import main; main()"],
        capture_output=True,
        text=True,
        env=os.environ | completion,
    )
    assert result.stdout.strip() == "reproduce"


@pytest.mark.parametrize("code", ["3"])
def test_every_exit_code_is_in_the_help_of_its_command(capsys, code):
    assert f"{code} the votes have no finite" in " ".join(run(capsys, "rank", "--help")[1].replace("│", "").split())
    assert f"{code} (rank)" in " ".join(run(capsys, "--help")[1].split())


# ---- what is known where all replicates agree ----


def test_an_estimate_whose_replicates_agree_has_a_bound_instead_of_no_error(capsys, tmp_path, small_figures):
    path = tmp_path / "law.csv"
    path.write_text("p,reward\n0.001,10\n0.999,0\n")
    options = ("--n", "1,30000", "--replicates", "500", "--out", tmp_path)
    code, out, _ = run(capsys, "best-of-n", path, *options)
    assert code == 0
    assert "s.e. <x: all replicates agree; with 95 % confidence the estimate is off by less than x." in out
    with open(tmp_path / "best_of_n.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    bound = 10 * -np.expm1(np.log(0.05) / 500)
    assert float(rows[1]["expected_reward_error_bound"]) == pytest.approx(bound)
    assert rows[1]["expected_reward_se"] == "nan"
    assert abs(float(rows[1]["expected_reward_estimate"]) - float(rows[1]["expected_reward"])) < bound
    assert f"<{bound:.2g}" in out


def test_a_pass_rate_on_which_all_prompts_agree_has_a_bound(capsys, tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text("task_id,correct\n" + "".join(f"t{row // 2},1\n" for row in range(80)))
    _, out, _ = run(capsys, "curve", path, "--n", "1")
    bound = -np.expm1(np.log(0.05) / 40)
    assert f"<{bound:.2g}" in out
    assert "s.e. <x: all prompts agree" in out


@pytest.mark.parametrize("right", [0, 1])
def test_a_pool_whose_samples_agree_has_a_bound(capsys, tmp_path, small_figures, right):
    """Of 40 wrong samples: with 95 % confidence p < 1 - 0.05^(1/40), and pass@n < 1 - 0.05^(n/40)."""
    path = tmp_path / "samples.csv"
    path.write_text("correct\n" + f"{right}\n" * 40)
    _, out, _ = run(capsys, "curve", path, "--n", "1,10", "--out", tmp_path)
    with open(tmp_path / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    bounds = [-np.expm1(np.log(0.05) / 40), -np.expm1(np.log(0.05) * 10 / 40)]
    bounds = [bounds[0], bounds[0]] if right else bounds
    assert [row["pass_se"] for row in rows] == ["nan", "nan"]
    assert [float(row["pass_error_bound"]) for row in rows] == pytest.approx(bounds)
    assert "s.e. <x: all samples agree" in out
    assert all(f"<{bound:.2g}" in out for bound in bounds)


def test_prompts_whose_scores_agree_have_an_unknown_error(capsys, tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text("prompt,score\na,1\na,2\nb,2\nb,1\n")
    _, out, _ = run(capsys, "curve", path, "--n", "1")
    assert out.splitlines()[4].split() == ["1", "0", "1.5", "?"]
    assert "s.e. ?: these numbers say nothing about the error" in out


def test_a_bootstrap_whose_replicates_agree_has_an_unknown_error(capsys, tmp_path, small_figures):
    path = tmp_path / "votes.csv"
    path.write_text("home,away,result\na,b,0.6\nb,a,0.4\na,b,0.6\n")
    _, out, _ = run(capsys, "rank", path, "--bootstrap", "20", "--out", tmp_path)
    assert out.splitlines()[4].split()[3:5] == ["?", "?"]
    assert "s.e. ?: all replicates agree" in out
    with open(tmp_path / "rank.csv", newline="") as file:
        assert {row["standard_error"] for row in csv.DictReader(file)} == {"nan"}


def test_a_reward_that_is_always_the_same_has_no_error(capsys, tmp_path):
    path = tmp_path / "law.csv"
    path.write_text("p,reward\n0.5,3\n0.5,3\n")
    _, out, _ = run(capsys, "best-of-n", path, "--n", "5", "--replicates", "100")
    assert out.splitlines()[4].split() == ["5", "3", "3", "0", "0", "brute"]


# ---- the pieces ----


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\tc\x1b", "a\\nb\\tc\\x1b"),
        ("half \ud83d", "half \\ud83d"),
        ("x\u202ey", "x\\u202ey"),
        ("ünï 通 👩‍👧 نموذج", "ünï 通 👩‍👧 نموذج"),
    ],
)
def test_what_moves_a_cursor_is_escaped_and_letters_stay(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("通义", 4), ("e\u0301", 1), ("", 0), ("a\u200bb", 2)])
def test_widths_of_letters(text, width):
    assert width_of(text) == width


def test_tables_line_up_whatever_letters_are_in_them(capsys):
    terminal.print_table(("item", "n"), [("通义", "1"), ("e\u0301te\u0301", "22")], left=("item",))
    lines = capsys.readouterr().out.splitlines()
    assert {width_of(line) for line in lines} == {8}


def test_csv_files_hold_what_utf8_cannot():
    text = terminal.csv_bytes(["item"], [["half \ud83d"]])
    assert next(csv.reader(io.StringIO(text.decode().splitlines()[1]))) == ["half \\ud83d"]
