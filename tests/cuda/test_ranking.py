"""Likelihoods of comparisons, gradients and products with Hessians at scores on a device, against many digits."""

import mpmath
import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.kernels.common import streams
from alignment_fast.ranking import Comparisons, gradient, hessian_product, log_likelihood
from oracles import paired_models as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]
LAUNCHES = [(1, 32, 0), (3, 96, 1), (64, 256, 5)]
MODELS = ("bradley-terry", "thurstone", "stern")


def votes(items, count, *, ties=True, seed=1):
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, items, (2, count))
    second = np.where(first == second, (first + 1) % items, second)
    outcome = generator.choice(3 if ties else 2, count) / 2 if ties else None
    return Comparisons(first, second, outcome=outcome), generator.normal(size=items) * 3


def exact(model, comparisons, scores, vector):
    """Value, gradient and product with the Hessian, cell by cell."""
    cells = comparisons.cells
    value, slopes, product = mpmath.mpf(0), [mpmath.mpf(0)] * len(scores), [mpmath.mpf(0)] * len(scores)
    ties = cells.ties if cells.ties.size else np.zeros(len(cells.first))
    for i, j, a, b, t in zip(cells.first, cells.second, cells.wins_first, cells.wins_second, ties, strict=True):
        term = oracle.terms(model, mpmath.mpf(scores[i]) - mpmath.mpf(scores[j]), 0, *map(float, (a, b, t)))
        value += term[0]
        slopes[i] += term[1]
        slopes[j] -= term[1]
        product[i] -= term[2] * (vector[i] - vector[j])
        product[j] += term[2] * (vector[i] - vector[j])
    return float(value), [float(x) for x in slopes], [float(x) for x in product]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_values_and_derivatives_against_many_digits(cuda, model, ties):
    comparisons, scores = votes(6, 200, ties=ties)
    vector = np.arange(6.0) - 1.5
    value, slopes, product = exact(model, comparisons, scores, vector)
    there, direction = cuda.array(scores), cuda.array(vector)
    assert log_likelihood(there, comparisons, model).numpy() == pytest.approx(value, rel=2e-15)
    np.testing.assert_allclose(gradient(there, comparisons, model).numpy(), slopes, rtol=0, atol=2e-13)
    np.testing.assert_allclose(hessian_product(there, direction, comparisons, model).numpy(), product, atol=2e-13)


@pytest.mark.parametrize("model", MODELS)
def test_many_cells_beside_the_processor(cuda, model):
    """Beyond a block of the sum of all cells, and items with more cells than a warp has lanes."""
    comparisons, scores = votes(150, 40_000)
    there, vector = cuda.array(scores), np.cos(np.arange(150.0))
    value = log_likelihood(there, comparisons, model)
    assert isinstance(value, streams.DeviceArray)
    assert value.shape == ()
    assert value.numpy() == pytest.approx(log_likelihood(scores, comparisons, model), rel=4e-15)
    expected = gradient(scores, comparisons, model)
    np.testing.assert_allclose(gradient(there, comparisons, model).numpy(), expected, rtol=0, atol=1e-11)
    expected = hessian_product(scores, vector, comparisons, model)
    found = hessian_product(there, cuda.array(vector), comparisons, model).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("launch", LAUNCHES)
def test_the_launch_does_not_show(cuda, shaped, launch):
    comparisons, scores = votes(100, 9000)

    def results():
        there = cuda.array(scores)
        found = log_likelihood(there, comparisons), gradient(there, comparisons)
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
        {"model": "davidson", "tie_parameter": 1.0},
        af.BackendUnavailableError,
        "model 'davidson' has no CUDA version: pass scores on the CPU",
    ),
    "a home advantage": (
        [0.0, 1.0],
        {"home_advantage": 0.5},
        af.BackendUnavailableError,
        "home_advantage has no CUDA version: pass scores on the CPU",
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
