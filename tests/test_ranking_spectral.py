"""Rank Centrality against exact stationary laws, its model, and other implementations."""

import numpy as np
import pytest

from alignment_fast.errors import ConvergenceError
from alignment_fast.kernels.ranking import cpu
from alignment_fast.ranking import Comparisons, fit, rank_centrality
from bounds import bound
from oracles import choix, paired_models

RANDOM = np.random.default_rng(12)


@pytest.mark.parametrize("spread", [1.0, 1e10, 1e30])
@pytest.mark.parametrize("size", [1, 2, 3, 6, 9])
def test_stationary_laws_keep_the_digits_of_small_weights(size, spread):
    rates = RANDOM.random((size, size)) * spread ** -RANDOM.random((size, size))
    left, law = rates.copy(), np.ones(size)
    if size > 1:
        cpu.eliminate(left, size, 2)
        cpu.eliminate(left, 2, 1)
    for state in range(1, size):
        law[state] = law[:state] @ left[:state, state]
    exact = paired_models.stationary_law(rates)
    np.testing.assert_allclose(law / law.sum(), exact, rtol=bound("ranking.eliminate"))


def test_shares_of_the_model_give_its_strengths():
    strength = 10.0 ** np.array([0.0, -3.0, 4.0, 1.0, -6.0])
    wins = 1e9 * strength[:, None] / (strength[:, None] + strength)
    np.fill_diagonal(wins, 0.0)
    wins[0, 1] = wins[1, 0] = 0.0  # a pair that never met
    wins[2] *= 3.0
    wins[:, 2] *= 3.0  # and others that met more often
    scores = rank_centrality(Comparisons.from_matrix(wins))
    expected = np.log(strength)
    np.testing.assert_allclose(scores, expected - expected.mean(), atol=1e-11)
    assert abs(scores.mean()) < 1e-15


@pytest.mark.parametrize("prior", [0.0, 0.7])
def test_against_the_definition_and_ties_by_halves(prior):
    pairs = [(int(a), int(b)) for a, b in RANDOM.integers(0, 7, size=(150, 2)) if a != b]
    winner, loser = np.array(pairs).T
    expected = choix.rank_centrality(7, pairs, prior)
    np.testing.assert_allclose(rank_centrality(Comparisons(winner, loser), prior=prior), expected, atol=1e-10)
    tied = RANDOM.random(len(pairs)) < 0.4
    given = Comparisons(winner, loser, tied=tied)
    wins, ties = given.to_matrix()
    halves = Comparisons.from_matrix(wins + ties / 2)
    np.testing.assert_allclose(rank_centrality(given, prior=prior), rank_centrality(halves, prior=prior), atol=1e-12)


def test_many_votes_agree_with_the_fit():
    scores = np.linspace(-1, 1, 8)
    first, second = RANDOM.integers(0, 8, size=(2, 200_000))
    kept = first != second
    won = RANDOM.random(kept.sum()) < 1 / (1 + np.exp(scores[second] - scores[first]))[kept]
    one, other = first[kept], second[kept]
    given = Comparisons(np.where(won, one, other), np.where(won, other, one))
    np.testing.assert_allclose(rank_centrality(given), fit(given).scores, atol=0.02)


@pytest.mark.parametrize(
    ("wins", "kind", "message"),
    [
        ([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], ValueError, "components.*give a prior"),
        ([[0, 1, 1], [1, 0, 1], [0, 0, 0]], ConvergenceError, "give a prior"),
    ],
)
def test_comparisons_without_a_law_of_positive_weights(wins, kind, message):
    given = Comparisons.from_matrix(wins)
    with pytest.raises(kind, match=message):
        rank_centrality(given)
    assert np.isfinite(rank_centrality(given, prior=0.5)).all()


def test_arguments():
    with pytest.raises(ValueError, match="prior must be finite and not negative, not -1"):
        rank_centrality(Comparisons([0], [1]), prior=-1)
    with pytest.raises(TypeError):
        rank_centrality([[0, 1], [1, 0]])
