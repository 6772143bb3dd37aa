"""Comparisons, rankings and games: compression, the check that scores exist, Plackett-Luce fits, Elo ratings."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from alignment_fast._operations import operations
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.ranking import Comparisons, elo, fit_plackett_luce
from alignment_fast.ranking import _graph as graph

RANDOM = np.random.default_rng(1)


def votes(n_items, size):
    """Return winners and losers, uniformly at random."""
    winner = RANDOM.integers(0, n_items, size, dtype=np.int32)
    loser = ((winner + RANDOM.integers(1, n_items, size)) % n_items).astype(np.int32)
    return winner, loser


def weighs(size):
    """Return a check that every comparison is in the result once."""

    def check(result):
        assert (result.weight if isinstance(result, Comparisons) else result.sum()) == size

    return check


def dense_case(n_items=100, size=1_000_000):
    winner, loser = votes(n_items, size)
    check = weighs(size)
    return Case(
        f"compress, K = {n_items}, M = {size}",
        {
            OURS: Contender(lambda: Comparisons(winner, loser, num_threads=1), size, check),
            "NumPy bincount": Contender(lambda: np.bincount(winner * n_items + loser), size, check),
        },
    )


def sparse_case(n_items=20_000, size=1_000_000):
    winner, loser = votes(n_items, size)
    check = weighs(size)
    ones = np.ones(size, dtype=np.int32)

    def unique():
        key = np.minimum(winner, loser).astype(np.int64) * n_items + np.maximum(winner, loser)
        return np.unique(key, return_counts=True)[1]

    return Case(
        f"compress, K = {n_items}, M = {size}",
        {
            OURS: Contender(lambda: Comparisons(winner, loser, num_threads=1), size, check),
            "SciPy coo to csr": Contender(lambda: coo_array((ones, (winner, loser))).tocsr(), size, check),
            "NumPy unique": Contender(unique, size, check),
        },
    )


def graph_case(n_items=20_000, size=1_000_000):
    winner, loser = votes(n_items, size)
    cells = Comparisons(winner, loser).cells

    def scipy():
        wins = coo_array((np.ones(size, dtype=np.int8), (loser, winner)), shape=(n_items, n_items))
        return connected_components(wins, connection="strong")[0] == 1

    def holds(result):
        assert result

    return Case(
        f"strongly connected, K = {n_items}, M = {size}",
        {
            OURS: Contender(lambda: graph.is_strongly_connected(operations("ranking"), cells), size, holds),
            "SciPy csgraph": Contender(scipy, size, holds),
        },
    )


def plackett_luce_case(n_items=100, size=100_000, length=10, fewer=100):
    """Choix gets a hundredth of the rankings: its time per ranking is the same."""
    scores = RANDOM.standard_normal(n_items)
    sets = np.argsort(RANDOM.random((size, n_items)), axis=1)[:, :length]
    order = np.argsort(-(scores[sets] + RANDOM.gumbel(size=sets.shape)), axis=1)
    rankings = np.take_along_axis(sets, order, axis=1)
    contenders = {OURS: Contender(lambda: fit_plackett_luce(rankings, num_threads=1), size, converged)}
    try:
        import choix
    except ImportError:
        return Case(f"Plackett-Luce, {size} rankings of {length}", contenders)
    some = rankings[: size // fewer]
    expected, data = fit_plackett_luce(some, tol=1e-12).scores, some.tolist()

    def agrees(result):
        np.testing.assert_allclose(result, expected, atol=1e-6)

    contenders["choix.ilsr_rankings"] = Contender(lambda: choix.ilsr_rankings(n_items, data), size / fewer, agrees)
    return Case(
        f"Plackett-Luce, {size} rankings of {length}",
        contenders,
        targets=(Target("choix.ilsr_rankings", 100.0),),
    )


def converged(result):
    assert result.converged


def elo_case(n_items=100, size=1_000_000, fewer=100):
    winner, loser = votes(n_items, size)
    pairs = list(zip(winner[: size // fewer].tolist(), loser[: size // fewer].tolist(), strict=True))

    def python():
        rating = [1000.0] * n_items
        for one, other in pairs:
            taken = 4.0 / (1.0 + 10.0 ** ((rating[one] - rating[other]) / 400.0))
            rating[one] += taken
            rating[other] -= taken
        return np.array(rating)

    def conserves(result):
        ratings = result if isinstance(result, np.ndarray) else result.ratings
        assert abs(ratings.mean() - 1000.0) < 1e-6

    return Case(
        f"Elo, K = {n_items}, M = {size}",
        {
            OURS: Contender(lambda: elo(winner, loser), size, conserves),
            "Python": Contender(python, size / fewer, conserves),
        },
    )


CASES = [dense_case(), sparse_case(), graph_case(), plackett_luce_case(), elo_case()]


@pytest.mark.kernels(
    "ranking.tally",
    "ranking.word_cells",
    "ranking.reach",
    "ranking.choices_gradient",
    "ranking.choices_matrix",
    "ranking.choices_product",
    "ranking.elo_play",
    "ranking.elo_shuffle",
)
@each_contender(CASES)
def test_comparisons(case, name, timed):
    timed(case, name)
