"""What docstrings of ranking models say of their accuracy is read here, and held to it."""

import inspect
import re

import mpmath
import numpy as np
import pytest
from arenas import simulated

import alignment_fast as af
from alignment_fast.ranking._models import MODELS
from oracles import paired_models, plackett_luce

RANKING = af.ranking
STATED = {
    "Comparisons": r"Accuracy: counts are exact",
    "elo": r"error of at most (\d+) · 2\^-53 times k and the two ratings' distances from `initial`",
    "fit": r"exact to `tol`, or to 2\^-(\d+) of the number of comparisons divided by the smallest curvature",
    "fit_davidson_luce": r"Accuracy: scores are exact to `tol`",
    "fit_judges": r"Accuracy: exact to `tol`",
    "fit_plackett_luce": r"Accuracy: scores are exact to `tol`",
    "gradient": r"Accuracy: ([\d.e-]+) times the number of comparisons of each item",
    "rank_centrality": r"Accuracy: ([\d.e-]+) relative in every weight",
    "log_likelihood": r"Accuracy: ([\d.e-]+) relative",
}


def stated(name):
    """Return the numbers in what the docstring says."""
    found = re.search(STATED[name], " ".join(getattr(RANKING, name).__doc__.split()))
    return [float(number) for number in found.groups()]


def test_every_statement_is_read():
    assert {name for name in RANKING.__all__ if "Accuracy:" in inspect.getdoc(getattr(RANKING, name))} == set(STATED)


def test_counts_are_exact():
    assert stated("Comparisons") == []
    rng = np.random.default_rng(0)
    winner = rng.integers(0, 5, 40_000)
    loser = (winner + rng.integers(1, 5, 40_000)) % 5
    weight = rng.integers(1, 2**20, 40_000)
    wins = np.zeros((5, 5), dtype=object)
    for one, other, count in zip(winner.tolist(), loser.tolist(), weight.tolist(), strict=True):
        wins[one, other] += count
    assert (RANKING.Comparisons(winner, loser, weight=weight).to_matrix()[0] == wins).all()


@pytest.mark.parametrize("k", [4.0, 32.0, 1000.0])
def test_games(k):
    rng = np.random.default_rng(1)
    winner = rng.integers(0, 6, 300)
    loser = (winner + rng.integers(1, 6, 300)) % 6
    exact, reach = [mpmath.mpf(1000)] * 6, mpmath.mpf(0)
    for one, other in zip(winner.tolist(), loser.tolist(), strict=True):
        change = k / (1 + mpmath.mpf(10) ** ((exact[one] - exact[other]) / 400))
        reach += k + abs(exact[one] - 1000) + abs(exact[other] - 1000)
        exact[one] += change
        exact[other] -= change
    (allowed,) = stated("elo")
    found = RANKING.elo(winner, loser, k=k).ratings
    rounding = 2.0**-53 * float(max(map(abs, exact)))  # of the result itself
    assert max(abs(a - mpmath.mpf(float(b))) for a, b in zip(exact, found, strict=True)) <= (
        allowed * 2.0**-53 * reach + rounding
    )


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("spread", [0.5, 2.5])
def test_scores(tol, spread):
    votes, _ = simulated(12, 2000, seed=3, spread=spread)
    cells = votes.cells
    result = RANKING.fit(votes, tol=tol)
    exact = paired_models.maximum(cells.first, cells.second, cells.wins_first, cells.wins_second, result.scores)
    (bits,) = stated("fit")
    curvature = 1 / np.linalg.eigvalsh(result.covariance())[-1]
    assert np.abs(result.scores - exact).max() <= max(tol, 2.0**-bits * votes.weight / curvature)


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
def test_scores_of_rankings(tol):
    assert stated("fit_plackett_luce") == []
    rng = np.random.default_rng(2)
    rows = np.argsort(rng.gumbel(size=(60, 5)) + np.linspace(1, -1, 5), axis=1)[:, :4].copy()
    result = RANKING.fit_plackett_luce(rows, tol=tol)
    scores = np.array([mpmath.mpf(float(x)) for x in result.scores])
    rests = [[] for _ in rows]
    slope = np.array([float(x) for x in plackett_luce.gradient(rows.tolist(), rests, scores)])
    assert np.abs(np.linalg.pinv(-np.linalg.pinv(result.covariance())) @ slope).max() <= tol  # the Newton step left


@pytest.mark.parametrize("model", MODELS)
def test_log_likelihoods_and_gradients(model):
    votes, _ = simulated(6, 400, ties=0.2)
    cells, rng = votes.cells, np.random.default_rng(4)
    columns = cells.first, cells.second, cells.wins_first, cells.wins_second, cells.ties
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    options = {"tie_parameter": 1.5} if MODELS[model].tie else {}
    tie = float(np.log(1.5))
    (relative,), (per_comparison,) = stated("log_likelihood"), stated("gradient")
    for spread in (0.1, 1.0, 5.0):
        scores = rng.normal(0.0, spread, 6)
        exact, slope, count = mpmath.mpf(0), [mpmath.mpf(0)] * 6, np.zeros(6)
        for i, j, *counts in rows:
            d = mpmath.mpf(scores[i]) - mpmath.mpf(scores[j])
            exact += paired_models.cell(model, d, tie, *counts)
            change = mpmath.diff(lambda x, counts=counts: paired_models.cell(model, x, tie, *counts), d)
            slope[i], slope[j] = slope[i] + change, slope[j] - change
            count[[i, j]] += sum(counts) * max(1.0, abs(float(d))) if model == "thurstone" else sum(counts)
        assert abs(RANKING.log_likelihood(scores, votes, model, **options) - exact) <= relative * abs(exact)
        found = RANKING.gradient(scores, votes, model, **options)
        assert all(abs(a - b) <= per_comparison * n for a, b, n in zip(found, slope, count, strict=True))


@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_rank_centrality(spread):
    """Against the stationary law in whole fractions; of shares that are rounded alike."""
    (relative,) = stated("rank_centrality")
    wins = np.random.default_rng(3).integers(1, 1000, (6, 6)) * spread ** np.arange(6)[:, None]
    np.fill_diagonal(wins, 0.0)
    given = RANKING.Comparisons.from_matrix(wins)
    exact = np.log(paired_models.stationary_law((wins / (wins + wins.T + np.eye(6))).T))
    np.testing.assert_allclose(RANKING.rank_centrality(given), exact - exact.mean(), rtol=0, atol=2 * relative)
