"""Elo ratings, game by game and over shuffles, against plain Python."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_fast._border.rng import DRAWS
from alignment_fast.kernels.ranking import cpu
from alignment_fast.random import Stream
from alignment_fast.ranking import ItemIndexError, elo
from bounds import assert_same_bits
from oracles import elo as oracle

ITEMS = 6
pairs = st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=2, unique=True)


def games(size, seed=0):
    rng = np.random.default_rng(seed)
    winner = rng.integers(0, ITEMS, size)
    return winner, (winner + rng.integers(1, ITEMS, size)) % ITEMS


@given(
    st.lists(
        st.tuples(pairs, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 1.0, 2.5])), min_size=1, max_size=60
    ),
    st.sampled_from([(4.0, 400.0, 10.0, 1000.0), (32.0, 173.7, 2.718281828459045, 1500.0), (400.0, 100.0, 2.0, 0.0)]),
)
def test_ratings_are_those_of_game_after_game(rows, settings):
    k, scale, base, initial = settings
    options = {"k": k, "scale": scale, "base": base, "initial": initial}
    winner, loser = zip(*(pair for pair, _, _ in rows), strict=True)
    outcome, weight = [row[1] for row in rows], [row[2] for row in rows]
    if not any(weight):
        weight[0] = 1.0
    expected = oracle.ratings(zip(winner, loser, outcome, weight, strict=True), ITEMS, **options)
    result = elo(winner, loser, outcome=outcome, weight=weight, n_items=ITEMS, **options)
    np.testing.assert_allclose(result.ratings, expected, rtol=1e-12, atol=1e-10)
    assert result.standard_deviations is None


def test_a_tie_is_half_a_win():
    winner, loser = games(50)
    tied = np.arange(50) % 3 == 0
    by_outcome = elo(winner, loser, outcome=np.where(tied, 0.5, 1.0))
    np.testing.assert_array_equal(elo(winner, loser, tied=tied).ratings, by_outcome.ratings)


def test_points_only_change_hands():
    winner, loser = games(10_000)
    assert elo(winner, loser, k=32).ratings.mean() == pytest.approx(1000, abs=1e-9)


def test_labels_come_back():
    result = elo(["x", "y"], ["y", "z"])
    assert result.labels == ("x", "y", "z")
    assert result.ratings[0] > result.ratings[1] > result.ratings[2]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_shuffles_are_those_of_the_words(size):
    order = np.empty(size, dtype=np.int32)
    stream = Stream(5, purpose=DRAWS)
    cpu.elo_shuffle(stream.key, 3, order)
    assert_same_bits("ranking.elo_shuffle", order, oracle.shuffle(stream.uint64(size, replicate=3).tolist()))
    assert sorted(order.tolist()) == list(range(size))


def test_shuffles_are_fair():
    """All six orders of three games: chi-square on five degrees of freedom."""
    counts = {}
    order = np.empty(3, dtype=np.int32)
    for replicate in range(6000):
        cpu.elo_shuffle(1, replicate, order)
        counts[tuple(order.tolist())] = counts.get(tuple(order.tolist()), 0) + 1
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 20.5  # 0.999
    assert len(counts) == 6


def test_means_over_shuffles_are_those_of_the_orders():
    winner, loser = games(40)
    result = elo(winner, loser, k=32, shuffles=20, rng=7)
    single = []
    for replicate in range(20):
        order = oracle.shuffle(Stream(7, purpose=DRAWS).uint64(40, replicate=replicate).tolist())
        single.append(elo(winner[order], loser[order], k=32, n_items=ITEMS).ratings)
    np.testing.assert_allclose(result.ratings, np.mean(single, axis=0), rtol=1e-13)
    np.testing.assert_allclose(result.standard_deviations, np.std(single, axis=0, ddof=1), rtol=1e-9)


def test_the_same_bits_for_any_number_of_threads():
    winner, loser = games(3000)
    results = [elo(winner, loser, shuffles=50, rng=1, num_threads=threads).ratings.tobytes() for threads in (1, 2, 7)]
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("winner", "loser", "options", "error", "message"),
    [
        ([], [], {}, ValueError, "there are no comparisons"),
        ([0], [0], {}, ValueError, "are both item 0"),
        ([0, 3], [1, 0], {"n_items": 3}, ItemIndexError, r"winner\[1\] = 3"),
        ([0], [1], {"k": 1j}, TypeError, "k must be real numbers, not of dtype complex128"),
        (
            [0],
            [1],
            {"initial": np.datetime64("2020-01-01")},
            TypeError,
            "initial must be real numbers, not of dtype datetime64",
        ),
        ([0], [1], {"k": 0.0}, ValueError, "k must be positive and finite"),
        ([0], [1], {"scale": -1.0}, ValueError, "scale must be positive"),
        ([0], [1], {"base": 1.0}, ValueError, "base - 1 must be positive"),
        ([0], [1], {"shuffles": 0}, ValueError, "shuffles must be at least 1"),
        ([0], [1], {"outcome": [2.0]}, ValueError, r"outcome\[0\] = 2"),
        ([0], [1], {"initial": np.nan}, ValueError, "initial must be finite, not nan"),
        (["a"], ["b"], {"initial": -np.inf}, ValueError, "initial must be finite, not -inf"),
    ],
)
def test_bad_input_is_named(winner, loser, options, error, message):
    with pytest.raises(error, match=message):
        elo(winner, loser, **options)


@pytest.mark.parametrize(
    ("votes", "golden"),
    [
        ("classic_paired_comparisons/evalica_simple.csv", "classic_paired_comparisons/evalica_simple_golden.csv"),
        ("classic_paired_comparisons/evalica_food.csv", "classic_paired_comparisons/evalica_food_golden.csv"),
        ("llmfao_crowd/comparisons.csv.gz", "llmfao_crowd/evalica_golden.csv"),
    ],
)
def test_published_ratings(votes, golden):
    """The golden scores of evalica: k = 4, a tie counts half."""
    folder = os.environ.get("ALIGNMENT_FAST_DATA")
    if folder is None:
        pytest.skip("ALIGNMENT_FAST_DATA is not set")
    path = Path(folder) / votes
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    outcome = [{"left": 1.0, "right": 0.0, "tie": 0.5}[row["winner"]] for row in rows]
    result = elo([row["left"] for row in rows], [row["right"] for row in rows], outcome=outcome)
    with open(Path(folder) / golden, newline="") as file:
        expected = {row["item"]: float(row["score"]) for row in csv.DictReader(file) if row["algorithm"] == "elo"}
    found = dict(zip(result.labels, result.ratings.tolist(), strict=True))
    assert found == pytest.approx(expected, rel=1e-12)


def test_ratings_near_the_largest_double():
    """Deviations are finite where squares are not; what is beyond double in points is named."""
    winner, loser = [0, 0, 1, 1], [1, 1, 0, 0]
    plain, far = (elo(winner, loser, k=k, scale=k, initial=0.0, shuffles=5, rng=0) for k in (1.0, 2.0**1023))
    np.testing.assert_array_equal(far.ratings, np.ldexp(plain.ratings, 1023))
    np.testing.assert_allclose(far.standard_deviations, np.ldexp(plain.standard_deviations, 1023), rtol=1e-15)
    with pytest.raises(ValueError, match="ratings are beyond the largest double"):
        elo(winner, loser, k=1.7e308, initial=1.7e308)
    with pytest.raises(ValueError, match=r"weight goes up to 1e\+308: times k = 4.0"):
        elo(winner, loser, weight=[1.0, 1e308, 1.0, 1.0])
