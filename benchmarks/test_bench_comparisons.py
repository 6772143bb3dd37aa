"""Compression of comparisons and the check that scores exist, against NumPy's and SciPy's ways to them."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from alignment_fast.kernels.ranking import graph
from alignment_fast.ranking import Comparisons
from cases import OURS, Case, Contender, each_contender

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
            OURS: Contender(lambda: graph.is_strongly_connected(cells), size, holds),
            "SciPy csgraph": Contender(scipy, size, holds),
        },
    )


CASES = [dense_case(), sparse_case(), graph_case()]


@pytest.mark.kernels("ranking.tally", "ranking.word_cells", "ranking.reach")
@each_contender(CASES)
def test_comparisons(case, name, timed):
    timed(case, name)
