"""Likelihoods of comparisons, gradients and products with Hessians at scores on a device, against many digits."""

import mpmath
import numpy as np
import pytest

from alignment_fast.kernels.common import streams
from alignment_fast.ranking import Comparisons, Rankings, gradient, hessian_product, log_likelihood
from oracles import paired_models as oracle
from oracles import plackett_luce as by_choices

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]
LAUNCHES = [(1, 32, 0), (3, 96, 1), (64, 256, 5)]
MODELS = ("bradley-terry", "thurstone", "stern", "rao-kupper", "davidson")
TIES = {"rao-kupper": 1.7, "davidson": 0.6}


def given(model, home=0.0):
    return {"model": model, "home_advantage": home, **({"tie_parameter": TIES[model]} if model in TIES else {})}


def votes(items, count, *, ties=True, home=False, seed=1):
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, items, (2, count))
    second = np.where(first == second, (first + 1) % items, second)
    tied = generator.random(count) < 0.3 if ties else None
    at_home = generator.integers(-1, 2, count) if home else None
    return Comparisons(first, second, tied=tied, home=at_home), generator.normal(size=items) * 3


def exact(model, comparisons, scores, vector, home):
    """Value, gradient and product with the Hessian, cell by cell."""
    cells, tie = comparisons.cells, np.log(TIES.get(model, 1.0))
    homes = cells.home if cells.home.size else np.zeros(len(cells.first))
    value, slopes, product = mpmath.mpf(0), [mpmath.mpf(0)] * len(scores), [mpmath.mpf(0)] * len(scores)
    ties = cells.ties if cells.ties.size else np.zeros(len(cells.first))
    wins = cells.wins_first, cells.wins_second
    for i, j, a, b, t, at_home in zip(cells.first, cells.second, *wins, ties, homes, strict=True):
        d = mpmath.mpf(scores[i]) - mpmath.mpf(scores[j]) + home * float(at_home)
        term = oracle.terms(model, d, tie, *map(float, (a, b, t)))
        value += term[0]
        slopes[i] += term[1]
        slopes[j] -= term[1]
        product[i] -= term[2] * (vector[i] - vector[j])
        product[j] += term[2] * (vector[i] - vector[j])
    return float(value), [float(x) for x in slopes], [float(x) for x in product]


@pytest.mark.parametrize(("ties", "home"), [(False, 0.0), (True, 0.0), (True, 0.4)])
@pytest.mark.parametrize("model", MODELS)
def test_values_and_derivatives_against_many_digits(cuda, model, ties, home):
    comparisons, scores = votes(6, 200, ties=ties, home=home > 0)
    vector, options = np.arange(6.0) - 1.5, given(model, home)
    value, slopes, product = exact(model, comparisons, scores, vector, home)
    there, direction = cuda.array(scores), cuda.array(vector)
    assert log_likelihood(there, comparisons, **options).numpy() == pytest.approx(value, rel=2e-15)
    np.testing.assert_allclose(gradient(there, comparisons, **options).numpy(), slopes, rtol=0, atol=2e-13)
    found = hessian_product(there, direction, comparisons, **options).numpy()
    np.testing.assert_allclose(found, product, atol=2e-13)


@pytest.mark.parametrize("model", MODELS)
def test_many_cells_beside_the_processor(cuda, model):
    """Beyond a block of the sum of all cells, and items with more cells than a warp has lanes."""
    comparisons, scores = votes(150, 40_000)
    there, vector, options = cuda.array(scores), np.cos(np.arange(150.0)), given(model)
    value = log_likelihood(there, comparisons, **options)
    assert isinstance(value, streams.DeviceArray)
    assert value.shape == ()
    assert value.numpy() == pytest.approx(log_likelihood(scores, comparisons, **options), rel=4e-15)
    expected = gradient(scores, comparisons, **options)
    np.testing.assert_allclose(gradient(there, comparisons, **options).numpy(), expected, rtol=0, atol=1e-11)
    expected = hessian_product(scores, vector, comparisons, **options)
    found = hessian_product(there, cuda.array(vector), comparisons, **options).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("launch", LAUNCHES)
def test_the_launch_does_not_show(cuda, shaped, launch):
    comparisons, scores = votes(100, 9000)

    def results():
        there = cuda.array(scores)
        found = log_likelihood(there, comparisons, **given("davidson")), gradient(there, comparisons)
        return [x.numpy().tobytes() for x in (*found, hessian_product(there, there, comparisons))]

    expected = results()
    shaped(*launch)
    assert results() == expected


def test_scores_in_single_precision_and_items_that_never_met(cuda):
    comparisons = Comparisons([0, 1], [1, 0], n_items=4)
    scores = np.array([0.5, 1.5, -3.0, 7.0], np.float32)
    found = gradient(cuda.array(scores, stream=9), comparisons)
    assert found.dtype == np.float64
    assert {stream for name, stream in cuda.calls() if not name.startswith("cu")} == {9}
    np.testing.assert_allclose(found.numpy(), gradient(scores, comparisons), rtol=1e-15)


VOTES = Comparisons([0, 0, 1], [1, 1, 0])
BAD = {
    "a NaN": ([0.0, np.nan], {}, ValueError, r"scores\[1\] = nan is not finite"),
    "too many": ([0.0, 1.0, 2.0], {}, ValueError, r"scores must have one entry for each of 2 items"),
    "integers": ([0, 1], {}, TypeError, "scores must be float32 or float64 on a CUDA device, not int64"),
    "a tie parameter": (
        [0.0, 1.0],
        {"model": "davidson", "tie_parameter": 0.0},
        ValueError,
        "tie_parameter of 'davidson' must be finite and positive, not 0",
    ),
    "a home advantage": (
        [0.0, 1.0],
        {"home_advantage": 0.5},
        ValueError,
        "home advantage: the comparisons do not say who was at home",
    ),
}


@pytest.mark.parametrize("function", [log_likelihood, gradient])
@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(cuda, case, function):
    scores, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        function(cuda.array(np.array(scores)), VOTES, **options)


def test_a_direction_is_where_the_scores_are(cuda):
    with pytest.raises(ValueError, match="different devices: scores on cuda, vector on cpu"):
        hessian_product(cuda.array(np.zeros(2)), np.zeros(2), VOTES)


# ---- rankings ----

ORDERS, RESTS = [[2, 0, 1], [1, 3], [3, 0, 2, 1], [0, 2], [3]], [[3], [], [], [1, 3], [0, 1]]


def test_rankings_against_their_definition(cuda):
    """Of the top few of some, with weights; items that no ranking has are none of its business."""
    weight, scores, vector = [1.0, 2.5, 0.0, 1.0, 3.0], [0.3, -1.2, 0.8, 0.1, 2.0], [1.0, -0.5, 0.0, 2.0, 1.0]
    rankings = Rankings(ORDERS, rest=RESTS, weight=weight, n_items=5)
    of = ORDERS, RESTS, scores, weight
    there, along = cuda.array(np.array(scores)), cuda.array(np.array(vector))
    value, slopes = rankings.log_likelihood(there), rankings.gradient(there)
    assert value.shape == ()
    assert value.numpy() == pytest.approx(float(by_choices.log_likelihood(*of)), rel=1e-14)
    np.testing.assert_allclose(slopes.numpy(), [float(x) for x in by_choices.gradient(*of)], atol=1e-13)
    expected = np.array(by_choices.hessian(*of), float) @ vector
    np.testing.assert_allclose(rankings.hessian_product(there, along).numpy(), expected, atol=1e-13)


@pytest.mark.parametrize("launch", LAUNCHES)
def test_many_rankings_are_those_of_the_processor_for_any_launch(cuda, shaped, launch):
    generator = np.random.default_rng(4)
    rankings = Rankings([generator.permutation(9)[: generator.integers(2, 9)] for _ in range(600)])
    scores, vector = generator.normal(size=(2, 9)).astype("float32")
    there = cuda.array(scores), cuda.array(vector)

    def results():
        return [rankings.log_likelihood(there[0]), rankings.gradient(there[0]), rankings.hessian_product(*there)]

    found = [x.numpy() for x in results()]
    expected = rankings.log_likelihood(scores), rankings.gradient(scores), rankings.hessian_product(scores, vector)
    for mine, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-13, atol=1e-12)
    shaped(*launch)
    assert [x.numpy().tobytes() for x in results()] == [x.tobytes() for x in found]


def test_scores_far_apart_are_those_of_the_processor(cuda):
    rankings, scores, vector = Rankings(ORDERS), np.array([0.0, 700.0, -700.0, 1.0]), np.arange(4.0)
    there, along = cuda.array(scores), cuda.array(vector)
    assert rankings.log_likelihood(there).numpy() == rankings.log_likelihood(scores)
    np.testing.assert_array_equal(rankings.gradient(there).numpy(), rankings.gradient(scores))
    found = rankings.hessian_product(there, along).numpy()
    np.testing.assert_array_equal(found, rankings.hessian_product(scores, vector))


def test_bad_scores_of_rankings_are_refused(cuda):
    for bad, message in (([0.0, np.nan, 0.0, 0.0], r"scores\[1\] = nan"), ([0.0], "one entry for each of 4 items")):
        with pytest.raises(ValueError, match=message):
            Rankings(ORDERS).gradient(cuda.array(np.array(bad)))
