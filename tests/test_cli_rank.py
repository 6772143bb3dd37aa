"""``alignment-fast rank``: what it prints, what it writes, and how it fails."""

import csv
import gzip
import itertools
import json

import numpy as np
import pytest

from alignment_fast import ranking
from alignment_fast.cli import main
from alignment_fast.commands.rank import Model
from alignment_fast.ranking._models import MODELS

pytestmark = pytest.mark.same_everywhere

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

PNG = b"\x89PNG\r\n\x1a\n"
WINS = {
    ("ann", "bob"): 3,
    ("bob", "ann"): 1,
    ("bob", "cat"): 2,
    ("cat", "bob"): 2,
    ("cat", "ann"): 1,
    ("ann", "cat"): 2,
}
VOTES = [pair for pair, count in WINS.items() for _ in range(count)]
EXPECTED = ranking.fit(ranking.Comparisons(*zip(*VOTES, strict=True)))


@pytest.fixture
def small_figure(monkeypatch):
    """Keep what is to be drawn instead of drawing it."""
    figure = pytest.importorskip("matplotlib.figure")
    drawn = []

    def draw(columns, title, **_):
        drawn.append((columns, title))
        return figure.Figure((1, 1), dpi=10)

    monkeypatch.setattr("alignment_fast.plot.rank_figure", draw)
    return drawn


def run(capsys, *arguments):
    """Run the command in this process; return exit code, standard output and standard error."""
    code = main(["rank", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def rank(capsys, tmp_path, small_figure):
    """Return a function that runs the command and gives the rows of its CSV file by item."""

    def rows(*arguments):
        code, _, err = run(capsys, *arguments, "--out", tmp_path / "out")
        assert (code, err) == (0, "")
        with open(tmp_path / "out" / "rank.csv", newline="") as file:
            return {row["item"]: row for row in csv.DictReader(file)}

    return rows


def write(path, header, rows):
    text = "\n".join(",".join(map(str, row)) for row in [header, *rows]) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def sided(votes, left="left", right="right", tie="tie"):
    """Return rows (first, second, outcome): the winner is on either side in turn."""
    sides = itertools.cycle([(0, left), (1, right)])
    return [(*(vote if turn == 0 else vote[::-1]), name) for vote, (turn, name) in zip(votes, sides, strict=False)]


def scores(rows):
    return [float(rows[item]["score"]) for item in ("ann", "bob", "cat")]


# --- what is read


LAYOUTS = {
    "winner and loser": (("winner", "loser"), VOTES, ()),
    "sides and who won": (("model_a", "model_b", "winner"), sided(VOTES, "model_a", "model_b"), ()),
    "sides and words": (("Left", "Right", "Preference"), sided(VOTES), ()),
    "sides and numbers": (("home", "away", "result"), sided(VOTES, 1, 0), ()),
    "sides and names": (("player1", "player2", "winner"), [(*sorted(vote), vote[0]) for vote in VOTES], ()),
    "counts": (
        ("item_i", "item_j", "wins_i", "wins_j", "ties"),
        [(i, j, WINS[i, j], WINS[j, i], 0) for i, j in itertools.combinations(("ann", "bob", "cat"), 2)],
        (),
    ),
    "weights": (("winner", "loser", "weight"), [(*pair, count) for pair, count in WINS.items()], ()),
    "by option": (
        ("u", "v", "w", "count"),
        [(*row, 1) for row in sided(VOTES)],
        ("--first", "u", "--second", "v", "--outcome", "w"),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_votes_are_read_however_they_are_kept(rank, tmp_path, layout):
    header, rows, options = LAYOUTS[layout]
    result = rank(write(tmp_path / "votes.csv", header, rows), *options)
    np.testing.assert_allclose(scores(result), EXPECTED.scores, rtol=1e-12, atol=1e-12)


def test_the_models_are_those_of_the_table():
    """The command does not import the fits to say what its options are."""
    assert [model.value for model in Model] == list(MODELS)


@pytest.mark.parametrize("name", ["votes.csv.gz", "votes.jsonl", "votes.parquet"])
def test_formats(rank, tmp_path, name):
    path = tmp_path / name
    if name.endswith("gz"):
        write(path, ("winner", "loser"), VOTES)
    elif name.endswith("jsonl"):
        path.write_text("\n".join(json.dumps({"first": a, "second": b, "outcome": 1.0}) for a, b in VOTES))
    else:
        parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
        winner, loser = zip(*VOTES, strict=True)
        parquet.write_table(arrow.table({"a": winner, "b": loser, "outcome": [1.0] * len(VOTES)}), path)
    np.testing.assert_allclose(scores(rank(path)), EXPECTED.scores, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("word", ["tie", "Tie (bothbad)", "draw", "0.5"])
def test_ties(rank, tmp_path, word):
    rows = [*sided(VOTES), ("ann", "bob", word)]
    expected = ranking.Comparisons(
        [a for a, _ in VOTES] + ["ann"], [b for _, b in VOTES] + ["bob"], tied=[False] * len(VOTES) + [True]
    )
    path = write(tmp_path / "votes.csv", ("left", "right", "winner"), rows)
    np.testing.assert_allclose(scores(rank(path)), ranking.fit(expected).scores, atol=1e-12)
    davidson = rank(path, "--model", "davidson")
    np.testing.assert_allclose(scores(davidson), ranking.fit(expected, "davidson").scores, atol=1e-10)


# --- what is written


def test_the_file_holds_everything_to_the_last_bit(rank, tmp_path, small_figure):
    result = rank(write(tmp_path / "votes.csv", ("winner", "loser"), VOTES))
    order = np.argsort(-EXPECTED.scores)
    assert list(result) == [EXPECTED.labels[i] for i in order]
    low, high = EXPECTED.interval()
    best, worst = EXPECTED.rank_interval()
    for item, row in result.items():
        i = EXPECTED.labels.index(item)
        assert [float(row[name]) for name in ("low", "score", "high")] == pytest.approx(
            [low[i], EXPECTED.scores[i], high[i]], rel=1e-12
        )
        assert [int(row[name]) for name in ("best_rank", "rank", "worst_rank")] == [
            best[i],
            EXPECTED.ranks[i],
            worst[i],
        ]
        assert float(row["elo"]) == pytest.approx(EXPECTED.elo()[i])
        assert float(row["wins"]) == sum(count for (winner, _), count in WINS.items() if winner == item)
        assert float(row["comparisons"]) == sum(count for pair, count in WINS.items() if item in pair)
    ((drawn, title),) = small_figure
    assert title == "votes.csv"
    probability = drawn["win_probability"]
    np.testing.assert_allclose(probability + probability.T, 1)
    assert probability[0, 1] == pytest.approx(float(EXPECTED.predict(*(EXPECTED.labels[i] for i in order[:2]))))


def test_a_figure_is_a_png(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    path = write(tmp_path / "votes.csv", ("winner", "loser"), VOTES)
    assert run(capsys, path, "--out", tmp_path)[0] == 0
    assert (tmp_path / "rank.png").read_bytes().startswith(PNG)


def test_the_table_is_for_people(capsys, tmp_path):
    code, out, err = run(capsys, write(tmp_path / "votes.csv", ("winner", "loser"), VOTES))
    assert (code, err) == (0, "")
    assert "11 rows, 3 items; winner 'winner', loser 'loser'" in out
    assert "Model bradley-terry: log-likelihood" in out
    assert [line.split()[1] for line in out.splitlines()[-3:]] == ["ann", "cat", "bob"]


def test_long_tables_are_cut(capsys, tmp_path):
    rows = [(f"item {i}", f"item {(i + 1) % 60}") for i in range(60)]
    code, out, _ = run(capsys, write(tmp_path / "votes.csv", ("winner", "loser"), rows))
    assert code == 0
    assert "... and 10 more" in out


def test_bootstrap_intervals_have_a_seed(rank, tmp_path):
    path = write(tmp_path / "votes.csv", ("winner", "loser"), VOTES * 5)
    first, again, other = (rank(path, "--bootstrap", 200, "--seed", seed) for seed in (1, 1, 2))
    assert first == again != other
    assert float(first["ann"]["standard_error"]) == pytest.approx(float(rank(path)["ann"]["standard_error"]), rel=0.3)


def test_home_advantage(capsys, tmp_path):
    path = write(
        tmp_path / "votes.csv", ("home", "away", "winner"), [*sided(VOTES), *[(*vote, "home") for vote in VOTES]]
    )
    code, out, _ = run(capsys, path, "--home")
    first, second, outcome = zip(*[*sided(VOTES), *[(*vote, "home") for vote in VOTES]], strict=True)
    votes = {"left": first, "right": second, "outcome": [word.replace("home", "left") for word in outcome]}
    expected = ranking.fit(ranking.Comparisons.from_frame(votes, home=True), home=True)
    assert code == 0
    assert f"home advantage {expected.home_advantage:.6g}" in out


# --- what is refused


@pytest.mark.parametrize(
    ("header", "rows", "options", "code", "message"),
    [
        (("winner", "loser"), [("a", "b"), ("b", "b")], (), 2, "votes.csv, line 3: 'b' is compared with itself"),
        (
            ("left", "right", "winner"),
            [("a", "b", "left"), ("a", "b", "??")],
            (),
            2,
            "votes.csv, line 3, column 'winner': '??' is no outcome",
        ),
        (
            ("left", "right", "winner"),
            [("a", "b", "left"), ("a", "", "left")],
            (),
            2,
            "line 3, column 'right': the cell is",
        ),
        (("winner", "loser", "weight"), [("a", "b", -1)], (), 2, "line 2, column 'weight'"),
        (
            ("u", "v"),
            [("a", "b")],
            (),
            2,
            "no two columns look like the two sides of a comparison; its columns are: u, v",
        ),
        (("left", "right"), [("a", "b")], (), 2, "no column looks like the outcome"),
        (("winner", "loser"), [("a", "b")], ("--weight", "w"), 2, "has no column 'w' (weight)"),
        (("winner", "loser"), [("a", "b")], ("--home",), 2, "--home needs columns of two sides"),
        (("winner", "loser"), [("a", "b")], (), 3, "'b' lost every comparison; --l2 1 makes all scores finite"),
        (("winner", "loser"), [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")], (), 3, "2 components"),
        (("winner", "loser"), [], (), 2, "votes.csv"),
    ],
)
def test_bad_votes_are_one_line_and_an_exit_code(capsys, tmp_path, header, rows, options, code, message):
    found, out, err = run(capsys, write(tmp_path / "votes.csv", header, rows), *options)
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("l2", [0, 1])
def test_where_only_the_home_advantage_is_infinite_no_prior_is_advised(capsys, tmp_path, l2):
    path = write(
        tmp_path / "votes.csv", ("home", "away", "winner"), [(a, b, a) for a in "abc" for b in "abc" if a != b]
    )
    code, _, err = run(capsys, path, "--home", "--l2", l2)
    assert code == 3
    assert "the home advantage" in err
    assert err.endswith("leave --home away\n")
    assert "--l2 1" not in err


def test_lines_are_counted_as_an_editor_does(capsys, tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text('winner,loser\n"a\nb",c\n\n\nd,d\n')
    assert "line 6: 'd' is compared with itself" in run(capsys, path)[2]
    lines = tmp_path / "votes.jsonl"
    lines.write_text('{"winner": "a", "loser": "b"}\n\n{"winner": "b", "loser": "b"}\n')
    assert "line 3: 'b' is compared with itself" in run(capsys, lines)[2]


def test_a_prior_ranks_what_has_no_finite_scores(rank, tmp_path):
    result = rank(write(tmp_path / "votes.csv", ("winner", "loser"), [("a", "b")]), "--l2", 1)
    assert float(result["a"]["score"]) > 0 > float(result["b"]["score"])
