"""What commands read: faults at their own line, codes of outcomes by the whole column, pools in every layout."""

import csv
import gzip
import io
import itertools
import json
import math

import hostile
import numpy as np
import pytest

from alignment_fast.cli import main
from alignment_fast.ranking import Comparisons, fit

pytestmark = pytest.mark.same_everywhere

pytest.importorskip("typer")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(autouse=True)
def small_figures(monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    for name in ("best_of_n_figure", "curve_figure", "rank_figure"):
        monkeypatch.setattr(f"alignment_fast.plot.{name}", lambda *_, **__: figure.Figure((1, 1), dpi=10))


@pytest.fixture
def run(capsys, tmp_path):
    """Return a function that runs a command on a table and gives exit code, rows of its file by name, and errors."""

    def command(name, content, *options, kind="csv"):
        path = tmp_path / f"table.{kind}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main([name, str(path), "--out", str(tmp_path / "out"), *map(str, options)])
        err = capsys.readouterr().err.replace(f"{path}", "TABLE")
        if code:
            assert err.startswith("error: ")
            assert err.count("\n") == 1
            assert len(err) < 2000
            return code, None, err.removeprefix("error: ").rstrip("\n")
        with open(tmp_path / "out" / f"{name.replace('-', '_')}.csv", newline="", encoding="utf-8") as file:
            return code, list(csv.DictReader(file)), err

    return command


def table(header, rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()


def scores(rows):
    return {row["item"]: float(row["score"]) for row in rows}


# ---- who won ----

SIDED = [
    ("ann", "bob", 1),
    ("bob", "ann", 1),
    ("bob", "cat", 1),
    ("cat", "bob", -1),
    ("cat", "ann", 0),
    ("ann", "cat", 1),
]
EXPECTED = fit(
    Comparisons(
        [a if won >= 0 else b for a, b, won in SIDED],
        [b if won >= 0 else a for a, b, won in SIDED],
        tied=[won == 0 for *_, won in SIDED],
    )
)

# Code: first, tie, second; perhaps the names of the two columns.
CODES = {
    "sides": ("model_a", "tie", "model_b"),
    "sides and bad ties": ("model_a", "tie (bothbad)", "model_b"),
    "letters": ("A", "tie", "B"),
    "votes": ("leftvote", "bothbad_vote", "rightvote"),
    "verdicts": ("A>B", "A=B", "B>A"),
    "strong verdicts": ("A>>B", "A=B", "B>>A"),
    "verdicts in brackets": ("[[A>>B]]", "[[A=B]]", "[[A<B]]"),
    "chess": ("1-0", "½-½", "0-1"),
    "chess in ASCII": ("1-0", "1/2-1/2", "0-1"),
    "goals": ("3-1", "2-2", "0-1"),
    "football": ("H", "D", "A", "HomeTeam", "AwayTeam"),
    "pools": ("1", "X", "2", "home", "away"),
    "signs": ("1", "0", "-1"),
    "shares": ("1.0", "0.5", "0.0"),
    "preferences": ("1.0", "1.5", "2.0"),
    "preferences as integers": ("1", "1.5", "2"),
    "names": (None, "draw", None),
}


@pytest.mark.parametrize("code", CODES)
def test_known_codes_of_outcomes_are_recognised_by_the_whole_column(run, code):
    first, tie, second, *sides = CODES[code]
    rows = [(a, b, {1: first or a, 0: tie, -1: second or b}[won]) for a, b, won in SIDED]
    status, found, err = run("rank", table([*(sides or ("model_a", "model_b")), "winner"], rows))
    assert (status, err) == (0, "")
    assert scores(found) == pytest.approx(dict(zip(EXPECTED.labels, EXPECTED.scores, strict=True)), abs=1e-9)


def test_truth_values_say_whether_the_first_won(run):
    votes = [(a, b, won) for a, b, won in [*SIDED, ("cat", "ann", 1)] if won]
    rows = [{"model_a": a, "model_b": b, "winner": won > 0} for a, b, won in votes]
    numbers = [(a, b, (1 + won) / 2) for a, b, won in votes]
    _, expected, _ = run("rank", table(("model_a", "model_b", "winner"), numbers))
    for content in ("\n".join(map(json.dumps, rows)), json.dumps(rows)):
        status, found, err = run("rank", content, kind="json")
        assert (status, err) == (0, "")
        assert found == expected


def test_one_column_per_outcome(run):
    header = ("model_a", "model_b", "winner_model_a", "winner_model_b", "winner_tie")
    rows = [(a, b, int(won > 0), int(won < 0), int(won == 0)) for a, b, won in SIDED]
    _, found, _ = run("rank", table(header, rows))
    assert scores(found) == pytest.approx(dict(zip(EXPECTED.labels, EXPECTED.scores, strict=True)), abs=1e-9)


@pytest.mark.parametrize("kind", hostile.WRITERS)
def test_one_column_per_outcome_may_hold_truth_values(run, kind):
    header = ("model_a", "model_b", "winner_model_a", "winner_model_b", "winner_tie")
    rows = [(a, b, won > 0, won < 0, won == 0) for a, b, won in SIDED]
    _, found, _ = run("rank", hostile.WRITERS[kind](header, rows), kind=kind)
    assert scores(found) == pytest.approx(dict(zip(EXPECTED.labels, EXPECTED.scores, strict=True)), abs=1e-9)


@pytest.mark.parametrize(("cells", "total"), [((1, 0, 1), 2), ((0, 0, 0), 0), ((1, 1, 1), 3)])
def test_a_row_in_which_not_one_outcome_is_set_is_an_error(run, cells, total):
    header = ("model_a", "model_b", "winner_model_a", "winner_model_b", "winner_tie")
    rows = [("a", "b", 1, 0, 0), ("b", "a", 0, 0, 1), ("a", "b", *cells), ("a", "b", 0, 1, 0)]
    code, _, err = run("rank", table(header, rows))
    assert code == 2
    assert f"line 4: {total} of the columns 'winner_model_a', 'winner_model_b', 'winner_tie' are set, not one" in err


def test_a_code_that_nobody_knows_is_answered_with_the_option_that_explains_it(run):
    code, _, err = run("rank", table(("left", "right", "winner"), [("a", "b", "yes"), ("b", "a", "no")]))
    assert code == 2
    assert "if it is a code, say which with --outcomes CODE=first,CODE=second,CODE=tie" in err


@pytest.mark.parametrize("ids", [(1, 2, 3), (0, 1, 2), (10, 20, 30), (-1, 0, 1)])
def test_where_every_outcome_names_a_side_of_its_row_names_win(run, ids):
    votes = [(2, 1, 1), (1, 2, 1), (2, 1, 1), (1, 2, 2), (3, 1, 1), (1, 3, 3), (3, 2, 2), (2, 3, 3), (1, 3, 1)]
    rows = [[ids[number - 1] for number in vote] for vote in votes]
    _, found, _ = run("rank", table(("model_a", "model_b", "winner"), rows))
    assert float(found[0]["score"]) == pytest.approx(0.6038, abs=1e-4)
    assert found[0]["item"] == str(ids[0])
    if min(ids) >= 0:  # a column of outcomes that passed through floats
        floats = [(a, b, f"{float(winner)}") for a, b, winner in rows]
        assert run("rank", table(("model_a", "model_b", "winner"), floats))[1] == found


AMBIGUOUS = [
    # the same word for a side and for the away team, for a side and for a tie
    (("u", "v", "w"), [("x", "y", "A")], "'A' may stand for either side or a tie"),
    # names of items that are names of sides, and one row where the named item does not play
    (
        ("one", "two", "w"),
        [("a", "b", "a"), ("b", "a", "b"), ("b", "c", "a")],
        "'b' may be the name of an item or a side",
    ),
    (("one", "two", "w"), [(1, 2, 1), (2, 1, 1), (2, 3, 1)], "'1' may be the name of an item or a side"),
    (("one", "two", "w"), [(1, 2, "1.0"), (2, 1, "1.0")], "'1.0' may be the name of an item or a side"),
    (("one", "two", "w"), [("ann", "b", "ann"), ("c", "d", "left")], "'left' names neither 'c' nor 'd' and is no tie"),
    (("one", "two", "w"), [("ann", "b", "ann"), ("c", "d", "ann")], "'ann' names neither"),
    # a name that begins like a tie
    (("one", "two", "w"), [("a", "b", "a"), ("c", "d", "Tiefighter")], "'Tiefighter' names neither 'c' nor 'd'"),
    (
        ("one", "two", "w"),
        [("Tiefighter", "b", "b"), ("c", "d", "Tiefighter")],
        "'Tiefighter' names neither 'c' nor 'd'",
    ),
    (("one", "two", "w"), [("a", "b", 0), ("c", "d", 1), ("c", "d", 2)], "'0' is no outcome"),
    (("one", "two", "w"), [("c", "d", 7)], "'7' is no outcome of 'c' against 'd'"),
]


@pytest.mark.parametrize(("header", "rows", "message"), AMBIGUOUS, ids=[f"{row[1]}" for row in AMBIGUOUS])
def test_an_outcome_that_may_mean_two_things_is_an_error(run, header, rows, message):
    options = ("--first", header[0], "--second", header[1], "--outcome", "w")
    status, _, err = run("rank", table(header, rows), *options)
    assert status == 2
    assert err.startswith("TABLE, line ")
    assert message in err


def test_outcomes_can_be_given_a_meaning(run):
    rows = [(a, b, {1: "P", 0: "Q", -1: "R"}[won]) for a, b, won in SIDED]
    content = table(("model_a", "model_b", "winner"), rows)
    assert run("rank", content)[0] == 2
    _, found, _ = run("rank", content, "--outcomes", "P=first, q=tie,R=second")
    assert scores(found) == pytest.approx(dict(zip(EXPECTED.labels, EXPECTED.scores, strict=True)), abs=1e-9)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("P", "--outcomes: 'P' is not of the form CODE=first"),
        ("P=won", "--outcomes: 'won' is none of first, second, tie"),
        ("P=first", "line 5, column 'winner': 'R' is none of the outcomes whose meaning was given"),
    ],
)
def test_meanings_that_mean_nothing(run, option, message):
    rows = [(a, b, {1: "P", 0: "Q", -1: "R"}[won]) for a, b, won in SIDED]
    status, _, err = run("rank", table(("model_a", "model_b", "winner"), rows), "--outcomes", option)
    assert status == 2
    assert message in err


# ---- faults stand where they are, however early ----

EARLY = {
    "an empty cell": (lambda row: f"{row[0]},{row[1]},", ", line 12, column 'winner': the cell is empty"),
    "a short row": (lambda row: f"{row[0]},{row[1]}", ", line 12: 2 cells under a header of 3"),
    "a long row": (lambda row: ",".join(row) + ",x", ", line 12: 4 cells under a header of 3"),
    "nothing but commas": (lambda row: ",,", ", line 12, column 'model_a': the cell is empty"),
    "a lost quote": (
        lambda row: f'{row[0]},"{row[1]},{row[2]}',
        ", line 12: the quote that opens here is never closed",
    ),
    "a byte of Latin-1": (
        lambda row: f"{row[0]},\udce9t\udce9,{row[2]}",
        ", line 12, column 'model_b': byte 0xe9 is not UTF-8",
    ),
}


@pytest.mark.parametrize("fault", EARLY)
@pytest.mark.parametrize("place", ["in the first block", "behind the first block", "in the last row"])
def test_faults_are_reported_at_their_own_line_and_column(run, monkeypatch, fault, place):
    if place != "in the first block":
        monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", 64)
    votes = list(itertools.islice(itertools.cycle([("a", "b", "model_a"), ("b", "a", "model_a")]), 10))
    break_row, message = EARLY[fault]
    rows = [",".join(vote) for vote in votes] + [break_row(("a", "b", "model_a"))]
    rows += [] if place == "in the last row" else ["a,b,model_b", "b,a,tie"]
    text = "\n".join(["model_a,model_b,winner", *rows]) + "\n"
    status, _, err = run("rank", text.encode("utf-8", "surrogateescape"))
    assert status == 2
    assert err == f"TABLE{message}"


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        (
            "jsonl",
            '{"model_a": "a", "model_b": "b", "winner": null}',
            ", line 11, key 'winner': null is not text, a number",
        ),
        ("jsonl", '{"model_a": "a", "model_b": "b"}', ", line 11, key 'winner': the key is missing"),
        (
            "jsonl",
            '{"model_a": "a", "model_b": 1.5, "winner": "tie"}',
            ", line 11, key 'model_b': 1.5 is not text or an integer",
        ),
        (
            "json",
            '{"model_a": "a", "model_b": "b", "winner": null}',
            ", row 11, key 'winner': null is not text, a number",
        ),
        ("json", '{"model_a": "a", "model_b": "b"}', ", row 11, key 'winner': the key is missing"),
        ("json", "[]", ", row 11: not a JSON object"),
    ],
)
def test_faults_of_json_are_reported_at_their_own_line_and_key(run, kind, row, message):
    good = [json.dumps({"model_a": "a", "model_b": "b", "winner": "model_a"})] * 10
    rows = [*good, row, good[0]]
    status, _, err = run("rank", "\n".join(rows) if kind == "jsonl" else f"[{','.join(rows)}]", kind=kind)
    assert status == 2
    assert err.startswith(f"TABLE{message}")


def test_a_null_in_parquet_is_an_empty_cell(run):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"model_a": ["a"] * 3, "model_b": ["b"] * 3, "winner": ["a", None, "b"]}), file)
    assert run("rank", file.getvalue(), kind="parquet")[2] == "TABLE, row 2, column 'winner': the cell is empty"


def test_names_are_stripped_of_spaces(run):
    _, found, _ = run("rank", "winner, loser\nalpha, beta\nbeta ,alpha\n beta,\talpha\n")
    assert set(scores(found)) == {"alpha", "beta"}


# ---- pools ----


def curve_of(pools):
    """Return pass@1 and pass@2 over prompts."""
    return [
        np.mean([1 - math.comb(len(pool) - sum(pool), k) / math.comb(len(pool), k) for pool in pools]) for k in (1, 2)
    ]


RIGHT = {"p": [1, 0, 0, 1], "q": [0, 0, 1], "r": [1, 1]}


@pytest.mark.parametrize("prompt", ["doc_id", "problem", "qid", "question_id", "task_id"])
def test_prompts_are_found_by_the_names_that_people_use(run, prompt):
    rows = [(name, value) for name, values in RIGHT.items() for value in values]
    _, found, _ = run("curve", table((prompt, "correct"), rows), "--n", "1,2")
    assert [float(row["pass"]) for row in found] == pytest.approx(curve_of(RIGHT.values()))


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_lists_of_samples(run, kind):
    rows = [{"problem": name, "is_corrects": [bool(value) for value in values]} for name, values in RIGHT.items()]
    if kind == "parquet":
        file = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(rows), file)
        content = file.getvalue()
    else:
        content = json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows))
    _, found, err = run("curve", content, "--n", "1,2", kind=kind)
    assert err == ""
    assert [float(row["pass"]) for row in found] == pytest.approx(curve_of(RIGHT.values()))


def test_lists_of_scores_and_values(run):
    rows = [{"rewards": [1.0, 2.0, 3.0], "gold": [1, 2, 0]}, {"rewards": [5, 4, 3.5], "gold": [0.5, 1, 1]}]
    _, found, _ = run("curve", "\n".join(map(json.dumps, rows)), "--n", "1,3", kind="jsonl")
    assert [float(row["score"]) for row in found] == pytest.approx([(2 + 12.5 / 3) / 2, 4])
    assert [float(row["value"]) for row in found] == pytest.approx([(1 + 2.5 / 3) / 2, 0.25])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"rewards": [1, 2], "gold": [1, 2]}, {"rewards": [1, 2], "gold": [1]}],
            "TABLE, line 2: lists of 2 and 1 samples",
        ),
        ([{"rewards": [1]}, {"rewards": []}], "TABLE, line 2: lists of 0 samples"),
        ([{"rewards": [1]}, {"rewards": [1, "x"]}], "TABLE, line 2, key 'rewards': element 2: 'x' is not a number"),
        ([{"rewards": [1]}, {"rewards": 2}], "TABLE, line 2, key 'rewards': 2 is not a list of numbers"),
        ([{"rewards": [1], "gold": 1}], "TABLE: one of 'rewards' and 'gold' holds lists only"),
    ],
)
def test_lists_that_do_not_fit(run, rows, message):
    assert run("curve", "\n".join(map(json.dumps, rows)), kind="jsonl")[2] == message


def test_counts_of_samples(run):
    rows = [(name, len(values), sum(values)) for name, values in RIGHT.items()]
    for options in ((), ("--samples", "n", "--correct", "correct")):
        _, found, err = run("curve", table(("task_id", "n", "correct"), rows), "--n", "1,2", *options)
        assert err == ""
        assert [float(row["pass"]) for row in found] == pytest.approx(curve_of(RIGHT.values()))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", 4, 5)], "TABLE, line 2: 5 of 4 samples correct ('correct', 'n')"),
        ([("a", 4, 1), ("b", 2.5, 1)], "TABLE, line 3: 1 of 2.5 samples correct"),
        ([("a", 4, 1), ("a", 4, 0)], "TABLE: 'n' and 'correct' may be counts or not: say --samples n"),
    ],
)
def test_counts_that_do_not_fit(run, rows, message):
    assert run("curve", table(("task_id", "n", "correct"), rows))[2].startswith(message)


def test_a_short_pool_is_named_and_can_be_left_out(run, capsys):
    rows = [("long", value) for value in range(8)] + [("short", 1)]
    content = table(("prompt", "score"), rows)
    status, found, _ = run("curve", content, "--n", "1")
    assert (status, len(found)) == (0, 1)
    _, _, err = run("curve", content, "--n", "4")
    assert err == "--n: 4 is more than the samples of short: 1; --at-least leaves out prompts with fewer samples"
    status, found, _ = run("curve", content, "--n", "4", "--at-least", "2")
    assert float(found[0]["score"]) == pytest.approx(np.mean([max(c) for c in itertools.combinations(range(8), 4)]))
    assert run("curve", content, "--at-least", "9")[2] == "--at-least: no prompt has 9 samples"


# ---- where it comes from ----


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet", "npz"])
@pytest.mark.parametrize("zipped", [False, True])
def test_standard_input(monkeypatch, capsys, kind, zipped):
    votes = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c")]
    rows = [dict(zip(("winner", "loser"), vote, strict=True)) for vote in votes]
    match kind:
        case "csv" | "tsv":
            content = table(("winner", "loser"), votes).replace(",", "," if kind == "csv" else "\t").encode()
        case "jsonl":
            content = "\n".join(map(json.dumps, rows)).encode()
        case "json":
            content = json.dumps(rows, indent=2).encode()
        case "parquet":
            file = io.BytesIO()
            parquet.write_table(pyarrow.Table.from_pylist(rows), file)
            content = file.getvalue()
        case "npz":
            file = io.BytesIO()
            np.savez(file, winner=[a for a, _ in votes], loser=[b for _, b in votes])
            content = file.getvalue()
    content = gzip.compress(content) if zipped else content
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["rank", "-"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("standard input: 4 rows, 3 items; winner 'winner', loser 'loser'")


def test_faults_of_standard_input_have_a_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"winner,loser\na,b\na,\n")))
    assert main(["rank", "-"]) == 2
    assert capsys.readouterr().err == "error: standard input, line 3, column 'loser': the cell is empty\n"
