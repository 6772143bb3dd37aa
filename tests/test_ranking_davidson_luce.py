"""Rankings with ties against the probabilities of all sets, and against the models of which they are a part."""

import math

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.ranking import Comparisons, fit, fit_davidson_luce, fit_plackett_luce
from alignment_fast.ranking.davidson_luce import _choices, _Likelihood
from oracles import davidson_luce as oracle


def tied_rankings(seed, items=4, size=25, most=3):
    """Return rankings as lists of tuples, in which neighbours are put together at random."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(size):
        order = rng.permutation(items)[: rng.integers(2, items + 1)].tolist()
        row = []
        while order:
            count = min(int(rng.choice([1, 1, 1, 2, most])), len(order))
            row.append(tuple(order[:count]))
            order = order[count:]
        found.append(row)
    return found


SIZES = [2, 3]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"l2": 0.7}, {"gamma_shape": 2.0}, {"weighted": True}])
def test_the_fit_is_the_maximum_over_all_sets(seed, options):
    rankings = tied_rankings(seed)
    weights = np.random.default_rng(1).integers(0, 4, 25) + 0.5 if options.get("weighted") else None
    given = {name: value for name, value in options.items() if name != "weighted"}
    found = fit_davidson_luce([[list(place) for place in row] for row in rankings], weight=weights, **given)
    gamma = given.get("gamma_shape", 1.0) - 1.0
    theta, delta, _ = oracle.maximum(rankings, 4, SIZES, weights=weights, l2=given.get("l2", 0.0), gamma=gamma)
    np.testing.assert_allclose(found.scores, theta - theta.mean(), atol=3e-6)
    np.testing.assert_allclose([found.tie_parameters[size] for size in SIZES], list(delta.values()), rtol=3e-6)
    expected = oracle.log_likelihood(rankings, theta.tolist(), delta, weights)
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-8)
    assert found.last_step <= 1e-10


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_covariates_of_items(l2):
    rankings, features = tied_rankings(7), np.random.default_rng(2).normal(size=(4, 2))
    found = fit_davidson_luce([[list(place) for place in row] for row in rankings], covariates=features, l2=l2)
    theta, _, coefficients = oracle.maximum(rankings, 4, SIZES, features=features, l2=l2)
    np.testing.assert_allclose(found.coefficients, coefficients, atol=3e-6)
    np.testing.assert_allclose(found.scores, theta - theta.mean(), atol=3e-6)
    assert found.standard_errors().shape == (4,)


def test_gradient_and_hessian_are_those_of_the_value():
    choices = _choices(tied_rankings(3), np.ones(25), np.arange(25) % 2)
    likelihood = _Likelihood(choices, 4, None, (0.3, 0.5, 0.2), 2)
    u = np.random.default_rng(0).normal(size=8) * 0.5
    gradient, information, bend = likelihood.slopes(u)
    hessian = information - bend
    for k, unit in enumerate(1e-5 * np.eye(8)):
        slope = (likelihood.value(u + unit) - likelihood.value(u - unit)) / 2e-5
        bend = (likelihood.slopes(u + unit)[0] - likelihood.slopes(u - unit)[0]) / 2e-5
        np.testing.assert_allclose(gradient[k], slope, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(hessian[k], -bend, rtol=1e-5, atol=1e-6)


def test_probabilities_of_all_sets_add_up_to_one():
    found = oracle.chances([0, 1, 2, 3], [0.3, -1.0, 0.2, 2.0], {2: 0.4, 3: 1.5})
    assert math.isclose(math.fsum(found.values()), 1.0)
    assert len(found) == 4 + 6 + 4


def test_pairs_are_the_model_of_davidson():
    rng = np.random.default_rng(4)
    first = rng.integers(0, 5, 300)
    second = (first + rng.integers(1, 5, 300)) % 5
    tied = rng.random(300) < 0.3
    rows = [[[a, b]] if tie else [a, b] for a, b, tie in zip(first.tolist(), second.tolist(), tied, strict=True)]
    found = fit_davidson_luce(rows)
    expected = fit(Comparisons(first, second, tied=tied), "davidson")
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
    np.testing.assert_allclose(found.tie_parameters[2], expected.tie_parameter, rtol=1e-9)
    np.testing.assert_allclose(found.standard_errors(), expected.standard_errors(), rtol=1e-7)
    np.testing.assert_allclose(found.log_likelihood, expected.log_likelihood, rtol=1e-9)
    assert found.ranks.tolist() == expected.ranks.tolist()


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_without_ties_it_is_the_model_of_plackett_and_luce(l2):
    rng = np.random.default_rng(5)
    rows = [rng.permutation(5)[: rng.integers(2, 6)].tolist() for _ in range(80)]
    found, expected = fit_davidson_luce(rows, l2=l2), fit_plackett_luce(rows, l2=l2)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
    np.testing.assert_allclose(found.standard_errors(), expected.standard_errors(), rtol=1e-6)
    assert found.tie_parameters == {}


def test_the_gamma_prior_is_that_of_pairs():
    rows = [[0, 1], [1, 0], [0, 1], [1, 2]]
    found = fit_davidson_luce(rows, gamma_shape=2.0)
    expected = fit(Comparisons([0, 1, 0, 1], [1, 0, 1, 2]), gamma_shape=2.0)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)


@pytest.mark.optimised
def test_intervals_hold_as_often_as_they_say():
    rng, theta, delta = np.random.default_rng(6), np.array([0.8, 0.2, -0.2, -0.8]), {2: 0.5}
    first = oracle.chances(range(4), theta.tolist(), delta)
    held = []
    for _ in range(100):
        rows = []
        for chosen in rng.choice(len(first), 150, p=list(first.values())):
            place = list(first)[chosen]
            left, row = [item for item in range(4) if item not in place], [list(place)]
            while left:
                found = oracle.chances(left, theta.tolist(), {2: 0.5} if len(left) > 1 else {})
                place = list(found)[rng.choice(len(found), p=list(found.values()))]
                row.append(list(place))
                left = [item for item in left if item not in place]
            rows.append(row)
        low, high = fit_davidson_luce(rows).interval(0.9)
        held.append((low <= theta) & (theta <= high))
    assert abs(np.mean(held) - 0.9) <= 0.015 + 2.5 * np.sqrt(0.09 / 200)


@pytest.mark.parametrize("prior", [0.0, 1.5])
@pytest.mark.parametrize("seed", range(2))
def test_adherence_of_rankers(seed, prior):
    rng = np.random.default_rng(seed)
    theta, eta, who = np.linspace(1, -1, 4), np.array([1.5, 0.8, 0.0]), rng.integers(0, 3, 150)
    rankings = [[(int(item),) for item in np.argsort(-(eta[one] * theta + rng.gumbel(size=4)))] for one in who.tolist()]
    for row in rankings[::5]:
        row[1:3] = [row[1] + row[2]]
    found = fit_davidson_luce(
        [[list(place) for place in row] for row in rankings], ranker=np.array(["ä", "b", "c"])[who], prior=prior
    )
    order = [found.rankers.index(name) for name in "äbc"]
    scores, delta, adherence = oracle.maximum_with_adherence(rankings, who.tolist(), 4, 3, prior)
    np.testing.assert_allclose(found.scores, scores, atol=5e-5)
    np.testing.assert_allclose(found.adherence[order], adherence, atol=5e-5)
    np.testing.assert_allclose(found.tie_parameters[2], delta, rtol=5e-5)
    assert found.parameter_errors().shape == (4,)


def test_equal_rankers_adhere_alike():
    rng = np.random.default_rng(8)
    rows = np.argsort(-(np.linspace(1, -1, 5) + rng.gumbel(size=(600, 5))), axis=1).tolist()
    one, both = fit_davidson_luce(rows), fit_davidson_luce(rows, ranker=np.arange(600) % 2)
    np.testing.assert_allclose(both.adherence, 1.0, atol=0.15)
    np.testing.assert_allclose(both.scores, one.scores, atol=0.05)


@pytest.mark.optimised
def test_intervals_of_adherences_hold_as_often_as_they_say():
    rng, theta, eta = np.random.default_rng(9), np.linspace(1, -1, 4), np.array([1.4, 1.0, 0.3])
    held = []
    for _ in range(100):
        who = np.arange(600) % 3
        rows = np.argsort(-(eta[who, None] * theta + rng.gumbel(size=(600, 4))), axis=1).tolist()
        found = fit_davidson_luce(rows, ranker=who)
        errors = found.parameter_errors()
        held.append(np.abs(found.adherence - eta / np.sqrt((eta**2).mean())) <= 1.6449 * errors)
    assert abs(np.mean(held) - 0.9) <= 0.015 + 2.5 * np.sqrt(0.09 / 200)


def test_names_and_kinds_of_places():
    rows = [["ä", ("b", "c")], [{"b"}, "ä", frozenset(["c"])], [["ä", "b"], "c"], ["c", "ä", "b"]]
    found = fit_davidson_luce(rows)
    assert found.labels == ("b", "c", "ä")
    numbers = [[2, [0, 1]], [0, 2, 1], [[2, 0], 1], [1, 2, 0]]
    np.testing.assert_allclose(found.scores, fit_davidson_luce(numbers).scores, atol=1e-12)


ROWS = [[0, 1], [1, 0]]
ERRORS = [
    ([], {}, ValueError, "there are no rankings"),
    ([[0]], {}, ValueError, "no ranking says anything"),
    ([[0, [1, 0]]], {}, ValueError, r"rankings\[0\] has item 0 twice"),
    ([[0, 5]], {"n_items": 3}, ValueError, r"rankings\[0\]: 5 is not the index of one of 3 items"),
    (ROWS, {"weight": [1.0]}, ValueError, "weight must have one value for each of 2 rankings"),
    (ROWS, {"weight": [1.0, -1.0]}, ValueError, r"weight\[1\] = -1.0 is not a finite number of at least 0"),
    (ROWS, {"weight": [1e308, 1e308]}, ValueError, "weights of all rankings add up to more than the largest double"),
    (ROWS, {"prior": 1e100, "ranker": ["a", "b"]}, ValueError, r"prior must be between 0 and .*, not 1e\+100"),
    (ROWS, {"l2": -1.0}, ValueError, "l2 must be finite and not negative"),
    (ROWS, {"gamma_shape": 0.5}, ValueError, "gamma_shape must be finite and at least 1"),
    (ROWS, {"gamma_shape": 2.0, "covariates": [[1.0], [0]]}, ValueError, "and 1 with covariates, not 2.0"),
    (ROWS, {"prior": 1.0}, ValueError, "prior must be between 0 and .*, and 0 without ranker, not 1.0"),
    (ROWS, {"ranker": ["a", "b"], "l2": 1.0}, ValueError, "a prior of the scores needs one of the adherences"),
    (ROWS, {"ranker": ["a"]}, ValueError, "ranker must have one value for each of 2 rankings; it has 1"),
    (ROWS, {"tol": 0}, ValueError, "tol must be positive"),
    (ROWS, {"covariates": [[1.0]]}, ValueError, "covariates must have one row for each of 2 items"),
    (ROWS, {"covariates": [[1.0], [np.nan]]}, ValueError, "covariates must be finite"),
    (ROWS, {"covariates": [[1.0], [1.0]]}, ValueError, "covariates cannot be told apart"),
    ([[0, 1], [0, 1]], {}, af.ConvergenceError, "separable"),
    ([[0, 1], [2, 3], [1, 0], [3, 2]], {}, ValueError, "2 components"),
    ([["a", "b"], ["b", "a"]], {"labels": ["a", "c"]}, ValueError, "'b'"),
    ([[[0, 1]], [[1, 0]]], {}, af.ConvergenceError, "there may be no finite maximum"),
    (
        [list(range(60)), [list(range(6)), *range(6, 60)], list(range(59, -1, -1))],
        {},
        ValueError,
        "sets of items could",
    ),
]


@pytest.mark.parametrize(("rankings", "options", "error", "message"), ERRORS)
def test_errors(rankings, options, error, message):
    with pytest.raises(error, match=message):
        fit_davidson_luce(rankings, **options)


def test_a_memoryview_is_its_rows():
    rankings = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    of_rows, of_memory = fit_davidson_luce(rankings.tolist()), fit_davidson_luce(memoryview(rankings))
    np.testing.assert_array_equal(of_memory.scores, of_rows.scores)


def test_scores_under_a_prior_near_the_largest_double_are_the_gradient_over_it():
    found = fit_davidson_luce([[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 2, 1]], l2=1e308)
    np.testing.assert_allclose(found.scores * 1e308, [2 / 3, 1 / 6, -5 / 6], rtol=1e-12)


def test_a_frame_is_its_rows():
    """Its columns' names were taken for rankings, letter by letter."""
    pandas = pytest.importorskip("pandas")
    rows = [["x", "y", "z"], ["y", "z", "x"], ["z", "x", "y"], ["x", "z", "y"]]
    frame = pandas.DataFrame(rows, index=[3, 1, 0, 2], columns=["first", "second", "third"])
    found, expected = (af.ranking.fit_davidson_luce(given) for given in (frame, rows))
    assert found.labels == expected.labels == ("x", "y", "z")
    np.testing.assert_array_equal(found.scores, expected.scores)
