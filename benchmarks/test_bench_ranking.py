"""Fits of comparisons from index arrays, and bootstraps of them, against their peers."""

from functools import partial

import numpy as np
import pytest

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender, of_library
from alignment_fast.benchmarks.ranking_peers import FITS, arena
from alignment_fast.ranking import Comparisons, fit, gradient

RANDOM = np.random.default_rng(2)


def agrees(expected, tolerance):
    """Return a check that scores of mean zero agree."""

    def check(scores):
        np.testing.assert_allclose(scores - scores.mean(), expected, atol=tolerance)

    return check


# Largest errors in logits that are let pass; how large they are says ranking_peers.py.
TOLERANCES = {
    "choix dense": 1e-6,
    "choix": 1e-6,
    "evalica": 1e-5,
    "evalica._brzo": 1e-5,
    "arena-rank": 0.01,
    "FastChat's formula": 0.3,
    "scikit-learn": 0.3,
}


def fit_case(n_items, size, peers, targets=()):
    winner, loser = arena(n_items, size, RANDOM)
    expected = FITS[OURS][1](winner, loser, n_items)
    contenders = {}
    for name in (OURS, *peers):
        library, call, *_ = FITS[name]
        check = agrees(expected, TOLERANCES.get(name, 1e-9))
        contenders[name] = of_library(library, partial(call, winner, loser, n_items), size, check)
    return Case(f"Bradley-Terry fit, K = {n_items}, M = {size}, per comparison", contenders, targets=targets)


def bootstrap_case(n_items=100, size=1_000_000, replicates=20):
    winner, loser = arena(n_items, size, RANDOM)
    votes_once = Comparisons(winner, loser, n_items=n_items)
    result = fit(votes_once)
    wins = votes_once.to_matrix()[0]

    def spread(scores):
        np.testing.assert_allclose(scores.std(axis=0).mean(), result.standard_errors().mean(), rtol=0.3)

    def choix_loop():
        import choix

        random, share = np.random.default_rng(0), wins.reshape(-1) / size
        drawn = random.multinomial(size, share, replicates).reshape(replicates, n_items, n_items)
        return np.array([choix.ilsr_pairwise_dense(counts.astype(np.float64)) for counts in drawn])

    contenders = {
        OURS: Contender(lambda: result.bootstrap(replicates, rng=0, num_threads=1).scores, replicates, spread),
        "multinomial, choix ilsr_pairwise_dense": of_library("choix", choix_loop, replicates, spread),
    }
    return Case(
        f"bootstrap, K = {n_items}, M = {size}, per replicate", contenders, targets=(Target("seconds", 0.5e-3),)
    )


def gradient_case(n_items=1000, size=1_000_000):
    winner, loser = arena(n_items, size, RANDOM)
    cells = Comparisons(winner, loser, n_items=n_items)
    pairs, scores = len(cells.cells.first), RANDOM.normal(size=n_items)
    first, second = cells.cells.first, cells.cells.second
    total = cells.cells.wins_first + cells.cells.wins_second

    def numpy():
        slope = cells.cells.wins_first - total / (1 + np.exp(scores[second] - scores[first]))
        return np.bincount(first, slope, n_items) - np.bincount(second, slope, n_items)

    def check(found):
        np.testing.assert_allclose(found, numpy(), atol=1e-9)

    return Case(
        f"gradient, K = {n_items}, M = {size}, per pair",
        {
            OURS: Contender(lambda: gradient(scores, cells, num_threads=1), pairs, check),
            "NumPy bincount": Contender(numpy, pairs, check),
        },
    )


CASES = [
    fit_case(
        100,
        1_000_000,
        ["choix dense", "choix", "evalica._brzo", "evalica", "arena-rank", "FastChat's formula", "scikit-learn"],
        (Target("evalica", 250.0), Target("evalica._brzo", 4.0), Target("arena-rank", 3000.0)),
    ),
    fit_case(1000, 1_000_000, ["choix dense", "evalica._brzo", "evalica", "scikit-learn"], (Target("evalica", 15.0),)),
    fit_case(20_000, 1_000_000, ["scikit-learn"], (Target("scikit-learn", 3.0),)),
    bootstrap_case(),
    gradient_case(),
]


@pytest.mark.kernels(
    "ranking.terms",
    "ranking.gradient",
    "ranking.product",
    "ranking.prior",
    "ranking.matrix",
    "ranking.cholesky",
    "ranking.solve",
    "ranking.eliminate",
    "ranking.newton",
    "ranking.bootstrap",
    "ranking.resample",
)
@each_contender(CASES)
def test_ranking(case, name, timed):
    timed(case, name)
