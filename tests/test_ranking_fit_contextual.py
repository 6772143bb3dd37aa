"""Fits with covariates of each comparison."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.ranking import Comparisons, fit, fit_contextual
from alignment_fast.ranking._recession import find_direction, longest_row
from alignment_fast.ranking._replicates import drawn_cells
from alignment_fast.ranking._rows import parse
from alignment_fast.ranking.contextual import _pair_by_pair

OPS = operations("ranking")


def votes(items=8, size=4000, width=3, seed=0):
    """Return (winner, loser, covariates) of a model with coefficients 1, -0.5, 0, ..."""
    random = np.random.default_rng(seed)
    scores, coefficients = random.normal(0, 0.7, items), np.zeros(width)
    coefficients[:2] = 1.0, -0.5
    one = random.integers(0, items, size)
    other = (one + random.integers(1, items, size)) % items
    x = random.normal(size=(size, width))
    won = random.random(size) < 1 / (1 + np.exp(scores[other] - scores[one] - x @ coefficients))
    sign = np.where(won, 1.0, -1.0)
    return np.where(won, one, other), np.where(won, other, one), sign[:, None] * x


def test_the_answer_is_that_of_a_general_optimiser():
    winner, loser, x = votes()
    result = fit_contextual(winner, loser, x)

    def loss(u):
        d = u[winner] - u[loser] + x @ u[8:]
        p = 1 / (1 + np.exp(d))
        gradient = np.zeros(11)
        np.add.at(gradient, winner, -p)
        np.add.at(gradient, loser, p)
        gradient[8:] = -(x.T @ p)
        return np.logaddexp(0, -d).sum(), gradient

    found = minimize(loss, np.zeros(11), jac=True, method="BFGS", options={"gtol": 1e-7}).x
    np.testing.assert_allclose(result.coefficients, found[8:], atol=1e-6)
    np.testing.assert_allclose(result.scores, found[:8] - found[:8].mean(), atol=1e-6)
    assert result.log_likelihood == pytest.approx(-loss(found)[0])
    assert result.gradient_norm <= 1e-12 * len(winner)


def test_sparse_covariates_are_the_same():
    winner, loser, x = votes()
    x[np.abs(x) < 1] = 0
    dense, sparse = fit_contextual(winner, loser, x), fit_contextual(winner, loser, csr_array(x))
    np.testing.assert_array_equal(dense.unknowns, sparse.unknowns)


def test_many_covariates_are_fitted_by_conjugate_gradients():
    winner, loser, x = votes(size=20_000, width=300)
    result = fit_contextual(winner, loser, x)
    assert result.converged
    assert result.gradient_norm <= 1e-9 * len(winner)
    np.testing.assert_allclose(result.coefficients[:2], [1.0, -0.5], atol=0.1)


def test_a_home_advantage_is_the_covariate_of_being_at_home():
    winner, loser, _ = votes()
    place = np.random.default_rng(1).integers(-1, 2, len(winner))
    expected = fit(Comparisons(winner, loser, home=place), home=True)
    covariate = fit_contextual(winner, loser, place[:, None].astype(float))
    other = np.random.default_rng(2).normal(size=(len(winner), 1))
    both = fit_contextual(winner, loser, other, home=place)
    np.testing.assert_allclose(covariate.coefficients[0], expected.home_advantage, atol=1e-9)
    np.testing.assert_allclose(covariate.scores, expected.scores, atol=1e-9)
    assert both.home_advantage == pytest.approx(expected.home_advantage, abs=0.01)
    assert both.coefficients.shape == (1,)
    assert both.parameter_errors().shape == (2,)


@pytest.mark.parametrize("model", ["bradley-terry", "rao-kupper"])
def test_weights_ties_and_labels_are_those_of_compressed_comparisons(model):
    """Every comparison is there twice, with the covariate 1 and -1: by symmetry its coefficient is 0."""
    winner, loser = np.array(list("abcabcab")), np.array(list("bcacabca"))
    weight, tied = np.array([1.0, 2, 1, 1, 3, 1, 1, 2]), np.array([0, 0, 1, 0, 0, 0, 1, 0], bool)
    twice = [np.concatenate([array, array]) for array in (winner, loser, weight, tied)]
    x = np.concatenate([np.ones(8), -np.ones(8)])[:, None]
    result = fit_contextual(*twice[:2], x, model, weight=twice[2], tied=twice[3])
    expected = fit(Comparisons(*twice[:2], weight=twice[2], tied=twice[3]), model)
    assert result.labels == ("a", "b", "c")
    np.testing.assert_allclose(result.scores, expected.scores, atol=1e-9)
    np.testing.assert_allclose(result.coefficients, 0, atol=1e-9)


def test_standard_errors_and_bootstrap_agree():
    winner, loser, x = votes(size=8000)
    result = fit_contextual(winner, loser, x)
    found = result.bootstrap(200, rng=0)
    np.testing.assert_allclose(found.standard_errors(), result.standard_errors(), rtol=0.25)


def test_replicates_that_are_proven_finite_have_no_direction_in_which_they_rise():
    winner, loser, x = votes(items=3, size=12, width=2)
    result = fit_contextual(winner, loser, x, l2=0.2)
    objective = result._objective
    key, limits = 5, {"tolerance": 1e-6, "limit": 50, "row": longest_row(objective.covariates)}
    _, proven = OPS.replicates(objective.problem, result.unknowns, key, 40, steepness=1.0, **limits)
    assert not OPS.replicates(objective.problem, result.unknowns, key, 40, steepness=np.inf, **limits)[1].any()
    rises = [
        find_direction(result._question.over(drawn_cells(objective, key, replicate)).rows()).direction is not None
        for replicate in range(40)
    ]
    assert not (proven & rises).any()
    assert proven.any()
    assert any(rises)


@pytest.mark.parametrize("items", [9, 255, 256, 65535, 70_000])
def test_comparisons_are_taken_pair_by_pair_and_each_pair_in_its_own_order(items):
    random = np.random.default_rng(items)
    one = random.choice([0, 1, items // 2, items - 2, items - 1], 200)
    other = (one + random.choice([1, items - 1], 200)) % items
    rows = parse(one, other, weight=None, tied=None, outcome=None, home=None, n_items=items, labels=None)
    np.testing.assert_array_equal(_pair_by_pair(rows, items), np.lexsort((other, one)))


def test_a_covariate_that_separates_is_not_converged():
    winner, loser, _ = votes(size=200)
    with pytest.raises(af.ConvergenceError):
        fit_contextual(winner, loser, np.ones((200, 1)), max_iter=20)


@pytest.mark.parametrize("x", [np.zeros(4000), np.zeros((3999, 1)), np.zeros((4000, 0)), np.full((4000, 1), np.nan)])
def test_bad_covariates(x):
    winner, loser, _ = votes()
    with pytest.raises(ValueError, match="covariates"):
        fit_contextual(winner, loser, x)
