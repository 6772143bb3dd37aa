"""``alignment-fast curve``: what it prints, what it writes, and how it fails."""

import csv
import gzip
import json
import math

import numpy as np
import pytest

from alignment_fast.cli import main
from oracles import pools as oracle

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

PNG = b"\x89PNG\r\n\x1a\n"

# Two prompts; scores tie within each, and the gold values disagree with the scores.
SCORES = [[0.5, 2.0, 2.0, -1.0, 3.0, 0.5], [1.0, 0.0, 4.0, 4.0, 4.0, -2.0]]
VALUES = [[1.0, 7.0, 3.0, 0.0, 2.0, 5.0], [2.0, 1.0, 0.0, 8.0, 4.0, 6.0]]


@pytest.fixture
def small_figure(monkeypatch):
    """Keep what is to be drawn instead of drawing it."""
    figure = pytest.importorskip("matplotlib.figure")
    drawn = []

    def draw(columns, title, **_):
        drawn.append((columns, title))
        return figure.Figure((1, 1), dpi=10)

    monkeypatch.setattr("alignment_fast.plot.curve_figure", draw)
    return drawn


def run(capsys, *arguments):
    """Run the command in this process; return exit code, standard output and standard error."""
    code = main(["curve", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def curve(capsys, tmp_path, small_figure):
    """Return a function that runs the command and gives the columns of its CSV file."""

    def columns(*arguments):
        code, _, err = run(capsys, *arguments, "--out", tmp_path / "out")
        assert (code, err) == (0, "")
        with open(tmp_path / "out" / "curve.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}

    return columns


def long_rows(prompts=("a", "b"), scores=SCORES, values=VALUES):
    """Return rows (prompt, score, gold) with the prompts taking turns."""
    pools = [list(zip(*pool, strict=True)) for pool in zip(scores, values, strict=True)]
    most = max(map(len, pools))
    return [
        (prompt, *pool[index])
        for index in range(most)
        for prompt, pool in zip(prompts, pools, strict=True)
        if index < len(pool)
    ]


def long_table(folder, header="prompt,score,gold", rows=None, name="samples.csv"):
    path = folder / name
    lines = [",".join(map(str, row)) for row in (long_rows() if rows is None else rows)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def wide_table(folder, scores=SCORES, values=None):
    path = folder / "wide.csv"
    header = ["task_id", *(f"s{i}" for i in range(len(scores[0])))]
    rows = [[f"prompt {index}", *row] for index, row in enumerate(scores)]
    if values is not None:
        header += [f"g{i}" for i in range(len(values[0]))]
        rows = [[*row, *gold] for row, gold in zip(rows, values, strict=True)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
    return path


# --- the main job


def test_curves_are_what_going_through_all_subsets_says(curve, tmp_path):
    result = curve(long_table(tmp_path), "--n", "1,2,3,6")
    assert result["n"].tolist() == [1, 2, 3, 6]
    for name, judged in (("score", SCORES), ("value", VALUES)):
        by_prompt = [[oracle.curve(s, v, n) for n in (1, 2, 3, 6)] for s, v in zip(SCORES, judged, strict=True)]
        np.testing.assert_allclose(result[name], np.mean(by_prompt, axis=0), rtol=1e-13)
        clustered = np.std(by_prompt, axis=0, ddof=1) / math.sqrt(2)
        np.testing.assert_allclose(result[f"{name}_se"], clustered, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(result["kl_bound"], [math.log(n) - (n - 1) / n for n in (1, 2, 3, 6)], atol=1e-15)


@pytest.mark.parametrize(
    ("variance", "by_subsets"),
    [("unbiased", oracle.unbiased_variance), ("jackknife", oracle.jackknife_variance)],
)
def test_variances_over_samples_are_what_going_through_all_subsets_says(curve, tmp_path, variance, by_subsets):
    result = curve(long_table(tmp_path), "--n", "1,2,3", "--variance", variance)
    for at, n in enumerate((1, 2, 3)):
        total = sum(by_subsets(np.array(s), np.array(v), n) for s, v in zip(SCORES, VALUES, strict=True))
        expected = math.sqrt(total) / 2 if total >= 0 else math.nan
        np.testing.assert_allclose(result["value_se"][at], expected, rtol=1e-10)


def test_without_prompts_all_rows_are_one_pool_with_the_jackknife(curve, tmp_path):
    rows = [row[1:] for row in long_rows()]
    path = long_table(tmp_path, "reward,gold_score", rows)
    scores, values = np.array(rows).T
    result = curve(path, "--n", "2")
    assert result["value"][0] == pytest.approx(oracle.curve(scores, values, 2), rel=1e-13)
    assert result["value_se"][0] == pytest.approx(math.sqrt(oracle.jackknife_variance(scores, values, 2)), rel=1e-10)


def test_pools_may_differ_in_size(curve, tmp_path):
    scores, values = [SCORES[0], SCORES[1][:3]], [VALUES[0], VALUES[1][:3]]
    result = curve(long_table(tmp_path, rows=long_rows(("a", "b"), scores, values)))
    assert result["n"].tolist() == [1, 2]  # of 1, 2, 5, ... those that the smallest pool allows
    expected = np.mean([oracle.curve(s, v, 2) for s, v in zip(scores, values, strict=True)])
    assert result["value"][1] == pytest.approx(expected, rel=1e-13)


def test_wide_and_long_tables_give_the_same_file(curve, tmp_path):
    long = curve(long_table(tmp_path), "--n", "1,2,4")
    wide = curve(wide_table(tmp_path, SCORES, VALUES), "--wide", "--score", "s*", "--value", "g*", "--n", "1,2,4")
    assert list(long) == list(wide)
    for name, column in long.items():
        np.testing.assert_array_equal(column, wide[name])


def test_a_wide_table_is_all_scores_but_for_the_name_of_the_row(curve, tmp_path):
    result = curve(wide_table(tmp_path), "--wide", "--n", "1,6")
    assert list(result) == ["n", "kl_bound", "score", "score_se"]
    np.testing.assert_allclose(result["score"], [np.mean(SCORES), 3.5], rtol=1e-15)


@pytest.mark.parametrize(("right", "wrong"), [("1", "0"), ("true", "false"), ("True", "False"), ("1.0", "0.0")])
def test_pass_at_k(curve, tmp_path, right, wrong):
    counts = [0, 1, 3, 6]
    rows = [(f"task/{task}", right if i < count else wrong) for task, count in enumerate(counts) for i in range(6)]
    result = curve(long_table(tmp_path, "task_id,passed", rows), "--n", "1,2,5")
    assert list(result) == ["n", "kl_bound", "pass", "pass_se", "pass_error_bound"]
    for at, k in enumerate((1, 2, 5)):
        by_task = [1 - math.comb(6 - count, k) / math.comb(6, k) for count in counts]
        assert result["pass"][at] == pytest.approx(np.mean(by_task), rel=1e-13)
        assert result["pass_se"][at] == pytest.approx(np.std(by_task, ddof=1) / 2, rel=1e-12)


def test_pass_at_k_of_a_wide_table(curve, tmp_path):
    result = curve(wide_table(tmp_path, [[0, 1, 0], [0, 0, 0]]), "--wide", "--correct", "s*", "--n", "1,3")
    np.testing.assert_allclose(result["pass"], [1 / 6, 0.5], rtol=1e-15)


def test_columns_can_be_named(curve, tmp_path):
    guessed = curve(long_table(tmp_path), "--n", "2")
    path = long_table(tmp_path, "question,a,b", name="other.csv")
    named = curve(path, "--prompt", "question", "--score", "a", "--value", "B", "--n", "2")
    for name, column in guessed.items():
        np.testing.assert_array_equal(column, named[name])


@pytest.mark.parametrize("kind", ["tsv.gz", "jsonl", "parquet", "npz"])
def test_every_kind_of_table_gives_the_same_file(curve, tmp_path, kind):
    first = curve(long_table(tmp_path))
    rows, path = long_rows(), tmp_path / f"other.{kind}"
    columns = dict(zip(("prompt", "score", "gold"), zip(*rows, strict=True), strict=True))
    match kind:
        case "tsv.gz":
            lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
            path.write_bytes(gzip.compress("\n".join(lines).encode()))
        case "jsonl":
            path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
        case "parquet":
            from pyarrow import parquet, table

            parquet.write_table(table({name: list(column) for name, column in columns.items()}), path)
        case "npz":
            np.savez(path, **{name: np.array(column) for name, column in columns.items()})
    other = curve(path)
    for name, column in first.items():
        np.testing.assert_array_equal(column, other[name])


def test_a_table_of_several_chunks_keeps_its_prompts_together(curve, tmp_path, monkeypatch):
    first = curve(long_table(tmp_path))
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", 32)
    other = curve(long_table(tmp_path))
    for name, column in first.items():
        np.testing.assert_array_equal(column, other[name])


# --- what is printed and drawn


def test_the_printed_table_is_plain_in_a_pipe(capsys, tmp_path):
    code, out, err = run(capsys, long_table(tmp_path), "--n", "1,2,4")
    assert (code, err) == (0, "")
    assert out.isascii()
    assert "\x1b" not in out
    assert "2 prompts, 6 samples each; score 'score', value 'gold', prompt 'prompt'" in out
    assert "Standard errors: clustered" in out
    assert [line.split()[0] for line in out.splitlines() if line.strip()[:1].isdigit()] == ["1", "2", "4"]


def test_gold_that_follows_the_law_gives_the_fit_back(curve, capsys, small_figure, tmp_path):
    rng = np.random.default_rng(5)
    proxy = rng.normal(size=(60, 40))
    gold = 0.8 * proxy + rng.normal(size=proxy.shape)
    rows = [(p, *pair) for p in range(60) for pair in zip(proxy[p], gold[p], strict=True)]
    path = long_table(tmp_path, rows=rows)
    result = curve(path)
    np.testing.assert_allclose(result["value_fit"], result["value"], atol=0.1)
    drawn, title = small_figure[0]
    assert title == "samples.csv"
    assert list(drawn) == list(result)
    _, out, _ = run(capsys, path)
    assert "Fit: gain in value = d (alpha - beta d)" in out
    without_one = curve(path, "--n", "2,5,10,20")  # the gain is over n = 1, asked for or not
    np.testing.assert_allclose(without_one["value_fit"], result["value_fit"][1:5], atol=0.02)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--n", "1,2"], "kl holds fewer than 2 different positive"), (["--n", "1"], "kl holds fewer than 2 different")],
)
def test_where_there_is_no_fit_it_says_why(capsys, tmp_path, arguments, reason):
    code, out, _ = run(capsys, long_table(tmp_path), *arguments)
    assert code == 0
    assert f"No fit: {reason}" in out


def test_out_holds_the_table_and_the_figure_and_nothing_else(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    for arguments in ([], ["--value", "gold"]):
        folder = tmp_path / "deep" / "out"
        code, _, err = run(capsys, long_table(tmp_path), *arguments, "--out", folder)
        assert (code, err) == (0, "")
        assert sorted(path.name for path in folder.iterdir()) == ["curve.csv", "curve.png"]
        assert (folder / "curve.png").read_bytes().startswith(PNG)


# --- failures: one line, exit code 2, nothing written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "1,x"], "--n: 'x' is not a number"),
        (["--n", "0"], "--n: 0 is not a finite number of at least 1"),
        (["--n", "1.5"], "--n: 1.5 is not a whole number"),
        (["--n", "1,7"], "--n: 7 is more than the samples of a: 6"),
        (["--score", "nothing"], "no column 'nothing'; its columns are: prompt, score, gold"),
        (["--value", "prompt"], "samples.csv, line 2, column 'prompt': 'a' is not a number"),
        (["--correct", "score"], "samples.csv, line 2, column 'score': 0.5 is neither 0 nor 1"),
        (["--correct", "score", "--score", "score"], "--correct is what selects and judges"),
        (["--correct", "score", "--value", "gold"], "--correct is what selects and judges"),
        (["--wide", "--score", "x*"], "has no column like 'x*' (--score); its columns are: score, gold"),
        (["--variance", "none"], "--variance"),
        (["--threads", "0"], "--threads"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(capsys, tmp_path, arguments, message):
    code, out, err = run(capsys, long_table(tmp_path), *arguments, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("prompt,score\na,1\nb,x\n", [], "table.csv, line 3, column 'score': 'x' is not a number"),
        ("prompt,score\na,1\nb,nan\n", [], "table.csv, line 3, column 'score': 'nan' is not a number"),
        ("prompt,score\na,1\nb,inf\n", [], "table.csv, line 3, column 'score': inf is infinite"),
        ("prompt,score,gold\na,1,-inf\n", [], "table.csv, line 2, column 'gold': -inf is infinite"),
        ("id,s0,s1\na,1,1e999\n", ["--wide"], "table.csv, line 2, column 's1': 1e999 is infinite"),
        ("prompt,score\na,1\n,2\n", [], "table.csv, line 3, column 'prompt': the cell is empty"),
        ("prompt,score\na,1\nb\n", [], "table.csv, line 3: 1 cells under a header of 2"),
        ("task_id,s0,s1\na,1,2\nb,1,\n", ["--wide"], "table.csv, line 3, column 's1': the cell is empty"),
        ("task_id,s0,s1\na,1,2\nb,1\n", ["--wide"], "table.csv, line 3: 2 cells under a header of 3"),
        ("prompt,correct\na,1\nb,2\n", [], "table.csv, line 3, column 'correct': 2 is neither 0 nor 1"),
        ("a,b\n1,1\n", [], "no column looks like scores: name one with --score or --correct, or say --wide"),
        ("prompt,score\n", [], "table.csv has columns but no rows"),
        ("id,s0,s1,g0\na,1,2,3\n", ["--wide", "--value", "g*"], "table.csv: 2 columns of scores, but 1 of values"),
        ("task_id\na\n", ["--wide"], "has no column like '*' (--score)"),
        ("", [], "table.csv is empty"),
        ("score\n1\n2\n", ["--variance", "clustered"], "--variance clustered needs several prompts"),
    ],
)
def test_bad_tables_are_one_line_and_exit_code_2(capsys, tmp_path, content, arguments, message):
    (tmp_path / "table.csv").write_text(content)
    code, out, err = run(capsys, tmp_path / "table.csv", *arguments, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_truncated_file_is_one_line_and_exit_code_2(capsys, tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"score\n" + b"0.123\n" * 100_000)[:-40])
    code, _, err = run(capsys, path, "--out", tmp_path / "out")
    assert code == 2
    assert "table.csv.gz: the compressed file is truncated" in err
    assert not (tmp_path / "out").exists()
