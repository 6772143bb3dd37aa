"""``alignment-fast pass-at-k`` and ``gain``: what they print, what they write, and how they fail."""

import csv

import numpy as np
import pytest

from alignment_fast.best_of_n import BestOfN, fit_pass_at_k, pass_all_k, pass_at_k
from alignment_fast.cli import main
from alignment_fast.policy import achievable_gain, proxy_gap

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

pytest.importorskip("typer")
pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

TOTAL = 6
RIGHT = np.random.default_rng(0).binomial(TOTAL, np.random.default_rng(1).beta(0.5, 1.0, 40))


def run(capsys, *arguments):
    """Run a command in this process; return exit code, standard output and standard error."""
    code = main([*map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def columns_of(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def table_of(folder, header, rows, name="samples.csv"):
    path = folder / name
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows), ""]))
    return path


@pytest.fixture
def problems(tmp_path):
    flags = [[int(i < right) for i in range(TOTAL)] for right in RIGHT]
    return table_of(tmp_path, ",".join(f"s{i}" for i in range(TOTAL)), flags)


# ---- pass-at-k ----


def test_columns_are_those_of_the_library(problems, tmp_path, capsys):
    arguments = ("pass-at-k", problems, "--wide", "--correct", "s*", "--k", "1,4,50", "--out", tmp_path / "out")
    code, out, err = run(capsys, *arguments, "--model", "beta-binomial", "--level", "0.9")
    assert (code, err) == (0, "")
    found, fit = columns_of(tmp_path / "out" / "pass_at_k.csv"), fit_pass_at_k(TOTAL, RIGHT)
    np.testing.assert_array_equal(found["k"], [1, 4, 50])
    np.testing.assert_allclose(found["pass"][:2], pass_at_k(TOTAL, RIGHT, [1, 4]).mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found["pass_all"][:2], pass_all_k(TOTAL, RIGHT, [1, 4]).mean.mean(axis=0), rtol=1e-13)
    assert np.isnan(found["pass"][2])
    interval = fit.pass_at_k([1, 4, 50], level=0.9)
    for name, end in zip(("fit", "fit_low", "fit_high"), interval, strict=True):
        np.testing.assert_allclose(found[name], end, rtol=1e-12)
    assert f"Beta({fit.alpha:.4g}, {fit.beta:.4g})" in out
    assert (tmp_path / "out" / "pass_at_k.png").read_bytes().startswith(b"\x89PNG")


def test_counts_and_lists_and_first_samples_are_read(problems, tmp_path, capsys):
    counted = table_of(tmp_path, "problem,n,correct", [(i, TOTAL, c) for i, c in enumerate(RIGHT)], "counts.csv")
    whole = run(capsys, "pass-at-k", problems, "--wide", "--correct", "s*")[1].splitlines()[1:]
    assert run(capsys, "pass-at-k", counted)[1].splitlines()[1:] == whole
    some = np.minimum(RIGHT, 3)
    few = table_of(tmp_path, "problem,n,correct", [(i, 3, c) for i, c in enumerate(some)], "few.csv")
    expected = run(capsys, "pass-at-k", few)[1].splitlines()[1:]
    assert run(capsys, "pass-at-k", problems, "--wide", "--correct", "s*", "--first", 3)[1].splitlines()[1:] == expected


def test_counts_that_no_difficulty_explains_say_so(tmp_path, capsys):
    right = np.random.default_rng(0).binomial(40, np.repeat([0.1, 0.7], 300))
    path = table_of(tmp_path, "problem,n,correct", [(i, 40, c) for i, c in enumerate(right)])
    code, out, _ = run(capsys, "pass-at-k", path)
    assert code == 0
    assert "The counts speak against this difficulty" in out


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([(0, 4, 0), (1, 4, 0)], (), "num_correct: all samples are wrong"),
        ([(0, 4, 5)], (), "5"),
        ([(0, 4, 2), (1, 4, 0)], ("--k", "1.5"), "--k: 1.5 is not a whole number"),
        ([(0, 4, 2), (1, 4, 0)], ("--k", "0"), "--k: 0 is not a finite number of at least 1"),
        ([(0, 4, 2), (1, 4, 0)], ("--level", "95"), "--level: 95 is not between 0 and 1"),
        ([(0, 4, 2), (1, 4, 0)], ("--first", "1"), "2"),
        ([(0, 4, 2), (1, 4, 2)], (), "counts spread no more than those of equally hard problems"),
    ],
)
def test_failures_of_pass_at_k_are_one_line(rows, options, message, tmp_path, capsys):
    path = table_of(tmp_path, "problem,n,correct", rows)
    code, _, err = run(capsys, "pass-at-k", path, *options)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_rewards_are_not_right_or_wrong(tmp_path, capsys):
    path = table_of(tmp_path, "reward", [(0.5,), (1.5,)])
    code, _, err = run(capsys, "pass-at-k", path)
    assert (code, err.count("\n")) == (2, 1)
    assert "--correct" in err


# ---- gain ----


@pytest.fixture
def rewards(tmp_path):
    rng = np.random.default_rng(2)
    gold = rng.normal(size=300)
    rows = np.stack([gold + rng.normal(size=300), gold], axis=1)
    return table_of(tmp_path, "reward,gold", rows.tolist()), rows


def test_the_frontier_is_that_of_the_library(rewards, tmp_path, capsys):
    path, rows = rewards
    code, out, err = run(capsys, "gain", path, "--kl", "0.1,1,9", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    found = columns_of(tmp_path / "out" / "gain.csv")
    exact, gap = achievable_gain(rows[:, 0], kl=[0.1, 1, 9]), proxy_gap(rows[:, 0], rows[:, 1], kl=[0.1, 1, 9])
    for name in ("gain", "beta", "effective_samples"):
        np.testing.assert_allclose(found[name], getattr(exact, name), rtol=1e-12)
    np.testing.assert_allclose(found["gold_gain"], gap.gold_gain, rtol=1e-12)
    law = BestOfN(None, rows[:, 0])
    n = next(n for n in np.geomspace(1, 100, 100_001) if law.kl(n) >= 0.1)
    assert found["best_of_n"][0] == pytest.approx(law.expected_reward(n) - rows[:, 0].mean(), rel=1e-3)
    assert np.isnan(found["best_of_n"][2])
    assert found["best_of_n"][1] < found["gain"][1]
    assert "high inf" in out
    assert (tmp_path / "out" / "gain.png").read_bytes().startswith(b"\x89PNG")


def test_rewards_without_gold(tmp_path, capsys):
    path = table_of(tmp_path, "reward", [(x,) for x in range(20)])
    code, out, _ = run(capsys, "gain", path, "--out", tmp_path / "out")
    assert code == 0
    assert "gold gain" not in out


@pytest.mark.parametrize(
    ("header", "rows", "options", "message"),
    [
        ("prompt,reward", [("a", 1), ("b", 2)], (), "2 prompts: a frontier is that of one prompt's samples"),
        ("correct", [(1,), (0,)], (), "no column looks like rewards: name one with --reward"),
        ("reward", [("x",)], (), "x"),
        ("reward", [(1,)], ("--kl", "-1"), "--kl: -1 is not a finite number of at least 0"),
        ("reward", [(1,)], ("--level", "0"), "--level: 0 is not between 0 and 1"),
    ],
)
def test_failures_of_gain_are_one_line(header, rows, options, message, tmp_path, capsys):
    code, _, err = run(capsys, "gain", table_of(tmp_path, header, rows), *options)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
