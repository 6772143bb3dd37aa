"""Plackett-Luce: likelihood and derivatives against their definition, fits against published ones."""

import csv
import json
import os
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast._operations import operations
from alignment_fast.errors import ConvergenceError
from alignment_fast.ranking import Comparisons, ItemIndexError, Rankings, fit, fit_plackett_luce
from alignment_fast.ranking import _choices as choices
from oracles import plackett_luce as oracle

ITEMS = 5
FULL = [[0, 1, 2], [1, 0, 2], [2, 0, 1]]


def parts():
    """Return a strategy for (ranking, rest): a permutation of some items, cut in two."""
    order = st.permutations(range(ITEMS)).flatmap(lambda order: st.integers(2, ITEMS).map(lambda n: order[:n]))
    return order.flatmap(lambda order: st.integers(1, len(order)).map(lambda cut: (order[:cut], order[cut:])))


scores_of_items = st.lists(st.floats(-20, 20), min_size=ITEMS, max_size=ITEMS)


def close(found, expected, rtol=1e-13, atol=1e-13):
    np.testing.assert_allclose(found, np.array(expected, dtype=float), rtol=rtol, atol=atol)


@settings(max_examples=30)
@given(st.lists(parts(), min_size=1, max_size=5), scores_of_items, st.booleans())
def test_likelihood_and_derivatives_are_those_of_the_definition(rows, scores, weighted):
    listed, rests = map(list, zip(*rows, strict=True))
    if all(len(ranking) + len(rest) < 2 for ranking, rest in rows):
        return
    weights = [0.5 * (i + 1) for i in range(len(rows))] if weighted else None
    rankings = Rankings(listed, rest=rests, n_items=ITEMS, weight=weights)
    close(rankings.log_likelihood(scores), float(oracle.log_likelihood(listed, rests, scores, weights)))
    close(rankings.gradient(scores), oracle.gradient(listed, rests, scores, weights), atol=1e-12)
    hessian = np.array(oracle.hessian(listed, rests, scores, weights), dtype=float)
    vector = np.arange(ITEMS) - 1.5
    close(rankings.hessian_product(scores, vector), hessian @ vector, atol=1e-11)
    objective = rankings._objective(None)
    close(objective.matrix(np.array(scores), objective.evaluate(np.array(scores))), -hessian, atol=1e-11)


@pytest.mark.parametrize("rest", [[], [3], [3, 4, 1]])
def test_a_top_is_the_sum_over_all_ways_to_go_on(rest):
    strengths = [mpmath.exp(score) for score in (0.3, -1, 2, 0, 1)]
    close(float(oracle.probability([2, 0], rest, strengths)), float(oracle.probability_of_top([2, 0], rest, strengths)))


def test_top_means_all_others_are_below():
    top = Rankings([[3, 1], [2, -1]], top=True, n_items=ITEMS)
    rest = Rankings([[3, 1], [2]], rest=[[0, 2, 4], [0, 1, 3, 4]])
    scores = np.linspace(-1, 2, ITEMS)
    assert top.log_likelihood(scores) == rest.log_likelihood(scores)


def test_many_rankings_in_tiles_are_the_sum_of_single_ones():
    rng = np.random.default_rng(1)
    listed = [rng.permutation(700)[: rng.integers(2, 700)].tolist() for _ in range(20)]
    listed += [rng.permutation(700)[: rng.integers(2, 5)].tolist() for _ in range(500)]
    scores = rng.standard_normal(700)
    whole = Rankings(listed, n_items=700)
    single = [Rankings([ranking], n_items=700) for ranking in listed]
    close(whole.log_likelihood(scores), sum(one.log_likelihood(scores) for one in single))
    close(whole.gradient(scores), sum(one.gradient(scores) for one in single), atol=1e-12)


# ---- fits ----


def random_rankings(items=30, count=2000, length=6, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal(items)
    sets = np.argsort(rng.random((count, items)), axis=1)[:, :length]
    order = np.argsort(-(scores[sets] + rng.gumbel(size=sets.shape)), axis=1)
    return np.take_along_axis(sets, order, axis=1), scores - scores.mean()


def test_gradient_is_zero_at_the_answer():
    rankings, _ = random_rankings()
    result = fit_plackett_luce(rankings)
    assert result.converged
    assert result.last_step <= 1e-10
    assert np.abs(Rankings(rankings).gradient(result.scores)).max() <= 1e-12 * len(rankings)
    assert result.log_likelihood == pytest.approx(Rankings(rankings).log_likelihood(result.scores), rel=1e-14)


def test_scores_are_recovered_within_their_errors():
    """Mean square of errors in standard errors over 20 data sets: 1, with a standard deviation of about 0.1."""
    squares = []
    for seed in range(20):
        rankings, scores = random_rankings(items=10, count=400, seed=seed)
        result = fit_plackett_luce(rankings)
        squares.append(np.mean(((result.scores - scores) / result.standard_errors()) ** 2))
    assert np.mean(squares) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("dense", [False, True])
def test_products_and_the_matrix_find_the_same_maximum(monkeypatch, dense):
    rankings, _ = random_rankings()
    expected = fit_plackett_luce(rankings)
    monkeypatch.setattr(choices, "LARGEST_DENSE", 10**6 if dense else 0)
    close(fit_plackett_luce(rankings).scores, expected.scores, atol=1e-11)


def test_pairs_are_bradley_terry():
    pairs, _ = random_rankings(items=8, count=300, length=2)
    expected = fit(Comparisons(pairs[:, 0], pairs[:, 1]))
    result = fit_plackett_luce(pairs)
    close(result.scores, expected.scores, atol=1e-10)
    close(result.covariance(), expected.covariance(), atol=1e-10)
    assert result.predict(0, 1) == pytest.approx(expected.predict(0, 1), rel=1e-10)
    assert fit_plackett_luce(pairs, l2=0.7).scores == pytest.approx(
        fit(Comparisons(pairs[:, 0], pairs[:, 1]), l2=0.7).scores, abs=1e-10
    )


def test_weights_are_repetitions():
    rankings, _ = random_rankings(items=6, count=100, length=4)
    counts = np.random.default_rng(3).integers(0, 4, 100)
    once = fit_plackett_luce(rankings, weight=counts)
    close(once.scores, fit_plackett_luce(np.repeat(rankings, counts, axis=0)).scores, atol=1e-11)


def test_the_same_bits_for_any_number_of_threads():
    rankings, _ = random_rankings(count=70_000)
    results = [fit_plackett_luce(rankings, num_threads=threads).scores.tobytes() for threads in (1, 2, 7)]
    assert len(set(results)) == 1


def test_labels_come_back():
    result = fit_plackett_luce([["tea", "milk", "juice"], ["milk", "juice", "tea"], ["juice", "tea"]])
    assert result.labels == ("juice", "milk", "tea")
    assert result.predict("tea", "milk") + result.predict("milk", "tea") == pytest.approx(1)


def test_names_may_be_tuples():
    assert fit_plackett_luce([[("m", 1), ("m", 2)], [("m", 2), ("m", 1)]]).labels == (("m", 1), ("m", 2))


@pytest.mark.parametrize("far", [15.0, 35.0, 140.0, 1e4, -1e60, -1e200, 1.7e308])
def test_a_start_far_from_the_maximum_is_none(far):
    """Scores of 1e18 to 1e117 were called converged, as were those of a likelihood of NaN; or there was no step."""
    rankings = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]
    for l2 in (0.0, 0.1):
        expected = fit_plackett_luce(rankings, l2=l2)
        found = fit_plackett_luce(rankings, l2=l2, start=[0.0, far, -far])
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_start_saves_steps():
    rankings, _ = random_rankings()
    first = fit_plackett_luce(rankings)
    again = fit_plackett_luce(rankings[:-5], start=first)
    assert again.iterations < fit_plackett_luce(rankings[:-5]).iterations
    assert again.converged


# ---- bootstrap ----


def test_bootstrap_spreads_like_the_information_says_and_has_a_seed():
    rankings, _ = random_rankings(items=5, count=1000, length=4)
    result = fit_plackett_luce(rankings)
    sample = result.bootstrap(300, rng=1)
    assert sample.degenerate == 0
    close(sample.standard_errors(), result.standard_errors(), rtol=0.2)
    np.testing.assert_array_equal(result.bootstrap(5, rng=1).scores, sample.scores[:5])
    assert (result.bootstrap(5, rng=2).scores != sample.scores[:5]).all()


def test_replicates_without_a_maximum_are_counted():
    sample = fit_plackett_luce(FULL).bootstrap(50, rng=1)
    assert 0 < sample.degenerate < 50
    assert np.isnan(sample.scores[:, 0]).sum() == sample.degenerate


# ---- bad input ----


@pytest.mark.parametrize(
    ("rankings", "options", "error", "message"),
    [
        ([], {}, ValueError, "there are no rankings"),
        ([[0], [1]], {}, ValueError, "no ranking says anything"),
        ([[0, 1]], {"weight": [0]}, ValueError, "no ranking says anything"),
        ([[0, 1, 0]], {}, ValueError, r"rankings\[0\] has item 0 twice"),
        ([[0, 1], [2, 1]], {"rest": [[2], [1]]}, ValueError, r"rankings\[1\] has item 1 twice"),
        ([[0, -1, 1]], {}, ValueError, r"rankings\[0\] has an item behind a -1"),
        (np.array([[0, 1], [-1, 1]]), {}, ValueError, r"rankings\[1\] has an item behind a -1"),
        ([[0, 1], [1, -2]], {}, ItemIndexError, r"rankings\[1\]\[1\] = -2"),
        (
            [[0, 1], [1, 5]],
            {"n_items": 3},
            ItemIndexError,
            r"rankings\[1\]\[1\] = 5 is not the index of one of 3 items",
        ),
        ([[0, 1]], {"rest": [[7]], "n_items": 3}, ItemIndexError, r"rest\[0\]\[0\] = 7"),
        ([[0, 1]], {"rest": [[2], [3]]}, ValueError, "lengths differ: 1 rankings, rest has 2 rows"),
        ([[0, 1]], {"rest": [[2]], "top": True}, ValueError, "give top=True or rest"),
        ([[0, 1]], {"weight": [-1]}, ValueError, r"weight\[0\] = -1.0"),
        ([[0, 1]], {"weight": [1, 2]}, ValueError, "weight must have one value for each of 1 rankings"),
        (np.array([0, 1]), {}, ValueError, "rankings must have two axes"),
        ([[0.5, 1.5]], {}, TypeError, "items are integers counted from 0, or labels"),
        (np.array([[0.0, 1.0]]), {}, TypeError, "items are integers"),
        (3, {}, TypeError, "sequence of sequences"),
        (
            [["a", ("b", "c"), "d"]],
            {},
            TypeError,
            r"rankings\[0\]\[1\] = \('b', 'c'\) holds several items: ties within",
        ),
        ([["a", "b"], ["a", ["b", "c"]]], {}, TypeError, r"rankings\[1\]\[1\] = \['b', 'c'\] holds several items"),
        ([["a", None]], {}, ValueError, r"rankings\[1\] is missing"),
    ],
)
def test_bad_rankings_are_named(rankings, options, error, message):
    with pytest.raises(error, match=message):
        Rankings(rankings, **options)


@pytest.mark.parametrize(
    ("rankings", "options", "error", "message"),
    [
        ([[0, 1, 2], [1, 0, 2]], {}, ConvergenceError, "separable.*2 lost every comparison; give a prior"),
        ([[0, 1], [1, 0], [2, 3], [3, 2]], {}, ValueError, "2 components"),
        ([[0, 1], [1, 0]], {"n_items": 3}, ValueError, "2 was never compared"),
        (FULL, {"l2": -1.0}, ValueError, "l2 must be finite and not negative"),
        (FULL, {"tol": 0.0}, ValueError, "tol must be positive"),
        (FULL, {"max_iter": 1}, ConvergenceError, "not converged: after 1 Newton steps"),
        (FULL, {"start": [0.0]}, ValueError, "start must have one entry for each of 3 items"),
    ],
)
def test_fits_that_cannot_be(rankings, options, error, message):
    with pytest.raises(error, match=message):
        fit_plackett_luce(rankings, **options)


def test_a_prior_makes_every_maximum_finite():
    result = fit_plackett_luce([[0, 1, 2], [1, 0, 2]], l2=0.1, n_items=4)
    assert result.converged
    assert np.isfinite(result.scores).all()


@pytest.mark.parametrize(
    "scores", [[0, 0, 700], [-2000.0, 0.0, 0.5], [400.0, 1.0, 0.0], [599.0, 0.0, 0.1], [1e5, -1e5, 0.0]]
)
def test_scores_may_lie_any_distance_apart(scores):
    rankings = Rankings([*FULL, [1, 2]], weight=[1.0, 2.0, 0.5, 3.0])
    listed, rests, weights = [*FULL, [1, 2]], [[]] * 4, [1.0, 2.0, 0.5, 3.0]
    exact = float(oracle.log_likelihood(listed, rests, scores, weights))
    assert rankings.log_likelihood(scores) == pytest.approx(exact, rel=1e-13)
    close(rankings.gradient(scores), oracle.gradient(listed, rests, scores, weights), atol=1e-12)
    hessian = np.array(oracle.hessian(listed, rests, scores, weights), dtype=float)
    vector = np.array([0.3, -1.0, 2.0])
    close(rankings.hessian_product(scores, vector), hessian @ vector, atol=1e-11)


# ---- published ----


@pytest.fixture
def classic():
    folder = os.environ.get("ALIGNMENT_FAST_DATA")
    if folder is None:
        pytest.skip("ALIGNMENT_FAST_DATA is not set")
    return Path(folder) / "classic_paired_comparisons"


def test_nascar_2002(classic):
    """Hunter (2004), table 2, and the vignette of PlackettLuce: 36 races; drivers 84 to 87 only ever came last."""
    with open(classic / "nascar2002_orderings.csv", newline="") as file:
        races = [[int(cell) - 1 for cell in list(row.values())[1:] if cell] for row in csv.DictReader(file)]
    result = fit_plackett_luce([[driver for driver in race if 0 <= driver < 83] for race in races])
    published = json.loads((classic / "reference_values.json").read_text())["nascar2002"]
    with open(classic / "nascar2002_drivers.csv", newline="") as file:
        number = {row[1]: int(row[0]) - 1 for row in csv.reader(file) if row[0].isdigit()}
    for name, worth in published["log_worth"].items():
        assert round(float(result.scores[number[name]] - result.scores[0]), 2) == worth


# ---- few rankings ----


def bits(call):
    """Return the bits of all numbers of a fit and of two replicates, or why there is none."""
    try:
        result = call()
    except (ValueError, ConvergenceError) as error:
        return str(error)
    numbers = [value for value in vars(result).values() if isinstance(value, np.ndarray | float | int)]
    return [np.asarray(value).tobytes() for value in (*numbers, result.bootstrap(2, rng=1).scores)]


@pytest.mark.parametrize("options", [{}, {"l2": 0.2}, {"tol": 1e-5}, {"top": True, "l2": 0.01}, {"max_iter": 2}])
@pytest.mark.parametrize(("items", "count"), [(3, 12), (10, 100), (40, 300)])
@pytest.mark.parametrize("weighted", [False, True])
def test_compiled_steps_give_the_bits_of_those_in_the_interpreter(items, count, weighted, options, monkeypatch):
    rng = np.random.default_rng(items)
    noisy = rng.gumbel(size=(count, items)) + np.linspace(-1, 1, items)
    rows = np.argsort(-noisy, axis=1)[:, rng.permutation(items)[: min(items, 6)]].copy()
    weight = rng.random(count) if weighted else None

    def call():
        return fit_plackett_luce(rows, n_items=items, weight=weight, **options)

    found = bits(call)
    monkeypatch.setattr(operations("ranking"), "choice_search", lambda *_: None)
    assert found == bits(call)
