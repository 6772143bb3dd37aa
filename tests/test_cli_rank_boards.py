"""``alignment-fast rank`` as maintainers publish it: slices, style, anchors, tiers, weekly votes, fragility."""

import csv

import numpy as np
import pytest

from alignment_fast import ranking
from alignment_fast.cli import main

pytestmark = pytest.mark.same_everywhere

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

RANDOM = np.random.default_rng(11)
NAMES = np.array(["ann", "bøb", "cat", "dan"])
SIZE = 400
FIRST = RANDOM.integers(0, 4, SIZE)
SECOND = (FIRST + RANDOM.integers(1, 4, SIZE)) % 4
LENGTHS = RANDOM.integers(0, 50, (2, SIZE))
DIFFERENCE = RANDOM.normal(size=SIZE).round(4)
LANGUAGE = np.array(["de", "en", "日本"])[RANDOM.integers(0, 3, SIZE)]
PERSON = np.array([f"p{number}" for number in RANDOM.integers(0, 40, SIZE)])
CHANCE = 1 / (1 + np.exp(SECOND - FIRST - 0.5 * DIFFERENCE))
WORD = np.where(RANDOM.random(SIZE) < 0.1, "tie", np.where(RANDOM.random(SIZE) < CHANCE, "model_a", "model_b"))
HEADER = ("model_a", "model_b", "winner", "language", "length_a", "length_b", "difference", "person")
COLUMNS = (NAMES[FIRST], NAMES[SECOND], WORD, LANGUAGE, *LENGTHS, DIFFERENCE, PERSON)


def write(path, rows):
    lines = [HEADER, *rows]
    path.write_text("\n".join(",".join(map(str, row)) for row in lines) + "\n", encoding="utf-8")
    return path


def rows_where(kept):
    return list(zip(*(column[kept] for column in COLUMNS), strict=True))


@pytest.fixture
def table(tmp_path):
    return write(tmp_path / "votes.csv", rows_where(np.ones(SIZE, dtype=bool)))


@pytest.fixture
def small_figures(monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    drawn = {}

    def of(name):
        def draw(*arguments, **options):
            drawn[name] = arguments, options
            return figure.Figure((1, 1), dpi=10)

        return draw

    for name in ("rank_figure", "board_figure"):
        monkeypatch.setattr(f"alignment_fast.plot.{name}", of(name))
    return drawn


def run(capsys, *arguments):
    code = main(["rank", *map(str, arguments)])
    return code, *capsys.readouterr()


@pytest.fixture
def rank(capsys, tmp_path, table, small_figures):
    """Return a function that runs the command on the table; it gives what it prints and the rows of its CSV file."""

    def found(*arguments):
        code, out, err = run(capsys, table, *arguments, "--out", tmp_path / "out")
        assert (code, err) == (0, "")
        return out, read(tmp_path / "out" / "rank.csv")

    return found


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["item"]: row for row in rows} if "slice" not in rows[0] else rows


def arguments_of(kept=slice(None)):
    tied, won = WORD[kept] == "tie", WORD[kept] != "model_b"
    first, second = NAMES[FIRST[kept]], NAMES[SECOND[kept]]
    return np.where(won, first, second), np.where(won, second, first), tied, np.where(won, 1.0, -1.0)


def votes_of(kept=slice(None), **options):
    winner, loser, tied, _ = arguments_of(kept)
    return ranking.Comparisons(winner, loser, tied=tied, labels=NAMES.tolist(), **options)


def column(rows, name):
    return np.array([float(rows[item][name]) for item in NAMES])


# ---- Elo


def test_an_anchor_has_its_rating(rank):
    out, rows = rank("--anchor", "cat=1114")
    result = ranking.fit(votes_of())
    expected = result.elo(anchor=("cat", 1114.0))
    np.testing.assert_allclose(column(rows, "elo"), expected, rtol=1e-10)
    low, _ = result.interval()
    np.testing.assert_allclose(column(rows, "elo_low"), expected + 400 / np.log(10) * (low - result.scores), rtol=1e-10)
    assert "1114.0" in out


def test_figures_are_by_the_anchor(rank, small_figures):
    rank("--anchor", "cat=1114", "--tiers")
    (columns, *_), options = small_figures["rank_figure"]
    place = columns["item"].tolist().index("cat")
    np.testing.assert_allclose(options["mean"] + 400 / np.log(10) * columns["score"][place], 1114.0)
    (columns, title), options = small_figures["board_figure"]
    np.testing.assert_allclose(columns["score"][columns["item"].tolist().index("cat")], 1114.0)
    assert (title, options["axis"]) == ("Ranking: votes.csv", "Elo")


# ---- errors


@pytest.mark.parametrize(
    ("options", "kind", "clustered"),
    [
        ((), "information", False),
        (("--intervals", "information"), "information", False),
        (("--intervals", "sandwich"), "sandwich", False),
        (("--cluster", "person"), "sandwich", True),
        (("--cluster", "person", "--intervals", "information"), "information", True),
    ],
)
def test_where_errors_come_from(rank, options, kind, clustered):
    _, rows = rank(*options)
    result = ranking.fit(votes_of(cluster=PERSON) if clustered else votes_of())
    np.testing.assert_allclose(column(rows, "standard_error"), result.standard_errors(kind), rtol=1e-9)


@pytest.mark.parametrize("options", [("--intervals", "bootstrap"), ("--bootstrap", "1000")])
def test_errors_of_replicates(rank, options):
    _, rows = rank(*options)
    sample = ranking.fit(votes_of()).bootstrap(1000, rng=0)
    np.testing.assert_allclose(column(rows, "standard_error"), sample.standard_errors(), rtol=1e-9)


# ---- tiers


def test_tiers_are_a_column_and_a_sentence(rank, tmp_path):
    out, rows = rank("--tiers", "--print")
    assert column(rows, "tier").tolist() == ranking.tiers(ranking.fit(votes_of())).tolist()
    better = ranking.separable_pairs(ranking.fit(votes_of()))
    assert f"{better.sum()} of 6 pairs, and " in out
    assert "\ntier  rank  item" in out
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"rank.csv", "rank.png", "board.png", "board.pdf"}


# ---- slices


def test_slices_stand_side_by_side(rank, tmp_path):
    out, _ = rank("--by", "language")
    rows = read(tmp_path / "out" / "slices.csv")
    for language in ("de", "en", "日本"):
        kept = language == LANGUAGE
        result = ranking.fit(votes_of(kept))
        found = {row["item"]: row for row in rows if row["slice"] == language}
        np.testing.assert_allclose([float(found[item]["score"]) for item in NAMES], result.scores, atol=1e-9)
        assert [int(found[item]["rank"]) for item in NAMES] == result.ranks.tolist()
        assert float(found["ann"]["votes"]) == kept.sum()
        assert f"{language}, {kept.sum()} votes" in out


def test_a_slice_without_scores_says_why(capsys, tmp_path):
    rows = rows_where(np.ones(SIZE, dtype=bool))
    rows += [("ann", "bøb", "model_a", "fr", 1, 1, 0.5, "x"), ("ann", "new", "model_a", "fr", 1, 1, 0.5, "x")]
    rows += [("new", "ann", "model_a", "de", 1, 1, 0.5, "x"), ("ann", "new", "model_a", "de", 1, 1, 0.5, "x")]
    code, out, err = run(capsys, write(tmp_path / "votes.csv", rows), "--by", "language")
    assert (code, err) == (0, "")
    reason = "'bøb' lost every comparison; 'new' lost every comparison; --l2 1 makes all scores finite"
    assert f"fr, 2 votes: the comparisons are separable, so some scores are infinite: {reason}" in out
    (line,) = [line for line in out[out.index("Elo (rank) by slice") :].splitlines() if line.startswith("new")]
    assert line.split().count("-") == 2  # it met nobody in two of the slices that have scores


# ---- control for style


@pytest.mark.parametrize("kind", ["covariate", "style"])
def test_features_are_oriented_and_standardised(rank, kind):
    if kind == "covariate":
        options, feature = ("--covariate", "difference"), DIFFERENCE
    else:
        options = ("--style", "length_a,length_b")
        feature = (LENGTHS[0] - LENGTHS[1]) / np.maximum(LENGTHS.sum(axis=0), 1)
    out, rows = rank(*options)
    winner, loser, tied, sign = arguments_of()
    values = sign * feature / np.sqrt(np.mean(feature**2))
    expected = ranking.fit_contextual(winner, loser, values[:, None], tied=tied, labels=NAMES.tolist())
    np.testing.assert_allclose(column(rows, "score"), expected.scores, atol=1e-8)
    assert f"{expected.coefficients[0]:+.4f} (s.e. {expected.parameter_errors()[0]:.2g})" in out


def test_several_features_and_slices_go_together(rank):
    out, _ = rank("--covariate", "difference", "--style", "length_a,length_b", "--by", "language", "--tiers")
    assert "difference +" in out
    assert "length_a,length_b " in out
    assert "Elo (rank) by slice" in out


# ---- weekly votes


def test_new_votes_come_to_those_so_far(capsys, tmp_path, small_figures):
    early = np.arange(SIZE) < 300
    old, new = write(tmp_path / "old.csv", rows_where(early)), write(tmp_path / "new.csv", rows_where(~early))
    code, out, err = run(capsys, new, "--update", old, "--out", tmp_path / "out", "--anchor", "cat=1000")
    assert (code, err) == (0, "")
    rows = read(tmp_path / "out" / "rank.csv")
    both, before = ranking.fit(votes_of()), ranking.fit(votes_of(early))
    np.testing.assert_allclose(column(rows, "score"), both.scores, atol=1e-8)
    anchor = ("cat", 1000.0)
    np.testing.assert_allclose(
        column(rows, "elo_change"), both.elo(anchor=anchor) - before.elo(anchor=anchor), atol=1e-6
    )
    assert column(rows, "rank_change").tolist() == (before.ranks - both.ranks).tolist()
    assert "since" in out
    assert "100 rows, 4 items" in out


def test_a_newcomer_of_the_week_is_new(capsys, tmp_path):
    old = write(tmp_path / "old.csv", rows_where(np.ones(SIZE, dtype=bool)))
    more = [("new", "ann", "model_a", "de", 1, 1, 0, "x"), ("ann", "new", "model_a", "de", 1, 1, 0, "x")]
    code, out, _ = run(capsys, write(tmp_path / "new.csv", more), "--update", old)
    assert code == 0
    (line,) = [line for line in out.splitlines() if " new " in line and "ann" not in line]
    assert line.split().count("new") == 2


# ---- fragility


def test_how_few_votes_hold_the_top(rank):
    out, _ = rank("--fragility", "votes")
    found = ranking.fragility(votes_of())
    assert f"The top place: without {found.removed} votes ({100 * found.share:.3g} %; " in out
    assert f"{found.challenger} is ahead" in out


def test_how_few_people_hold_the_top(rank):
    out, _ = rank("--fragility", "voters", "--cluster", "person")
    found = ranking.fragility(votes_of(cluster=PERSON), kind="voters")
    assert f"The top place: without {found.removed} voters ({100 * found.share:.3g} %; " in out


def test_one_vote_is_a_vote(capsys, tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("winner,loser\na,b\na,b\nb,a\n", encoding="utf-8")
    code, out, _ = run(capsys, path, "--fragility", "votes")
    assert code == 0
    assert "The top place: without 2 votes (66.7 %; 2 wins of a over b) b is ahead" in out
    path.write_text("winner,loser,tied\na,b,0\nb,a,0\na,b,0\nb,a,0\na,b,1\n", encoding="utf-8")
    assert "without 1 vote (20 %; 1 win of a over b) b is ahead" in run(capsys, path, "--fragility", "votes")[1]


# ---- what does not go


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--anchor", "cat"), "--anchor: 'cat' is not of the form NAME=RATING"),
        (("--anchor", "cat=x"), "--anchor: 'cat=x' is not of the form NAME=RATING"),
        (("--anchor", "cat=nan"), "--anchor: 'cat=nan' is not of the form NAME=RATING"),
        (("--anchor", "zed=1000"), "--anchor: 'zed' is not one of the 4 items"),
        (("--by", "country"), "has no column 'country'"),
        (("--cluster", "country"), "has no column 'country'"),
        (("--covariate", "language"), "column 'language': "),
        (("--style", "length_a"), "--style: 'length_a' is not of the form COLUMN_OF_FIRST,COLUMN_OF_SECOND"),
        (("--style", "length_a,length_a"), "--style length_a,length_a: both sides are alike in every row"),
        (("--intervals", "sandwich", "--bootstrap", "5"), "--intervals sandwich has no replicates"),
        (("--intervals", "jackknife"), "jackknife"),
        (("--fragility", "voters"), "--fragility voters needs --cluster"),
        (("--fragility", "votes", "--l2", "1"), "--fragility is of the model bradley-terry, without --home, --l2"),
        (("--fragility", "votes", "--home"), "--fragility is of the model bradley-terry, without --home, --l2"),
        (("--fragility", "votes", "--model", "davidson"), "--fragility is of the model bradley-terry"),
        (("--update", "old.csv", "--by", "language"), "--update goes without --by"),
        (("--update", "no such file.csv"), "no such file.csv"),
        (("--print",), "--print needs --out: the folder of board.pdf"),
    ],
)
def test_options_that_do_not_go(capsys, table, options, message):
    code, out, err = run(capsys, table, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
