"""How sure fitted scores are: covariances, intervals and their coverage, ranks, bootstrap."""

import numpy as np
import pytest
from arenas import simulated
from each import check_each

from alignment_fast._border.rng import BOOTSTRAP, stream_key
from alignment_fast._operations import operations
from alignment_fast.ranking import Bootstrap, Comparisons, fit, hessian_product
from alignment_fast.ranking._models import MODELS
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking._replicates import drawn_cells, repeat
from oracles import paired_models


def test_covariance_is_the_pseudo_inverse_of_the_information():
    votes, _ = simulated()
    result = fit(votes)
    information = -np.array([hessian_product(result.scores, row, votes) for row in np.eye(12)])
    np.testing.assert_allclose(result.covariance(), np.linalg.pinv(information), rtol=1e-9, atol=1e-12)


def test_with_a_prior_the_covariance_is_that_of_the_posterior():
    votes, _ = simulated()
    result = fit(votes, l2=5.0)
    information = -np.array([hessian_product(result.scores, row, votes) for row in np.eye(12)])
    centring = np.eye(12) - 1 / 12
    expected = centring @ np.linalg.inv(information + 5.0 * np.eye(12)) @ centring
    np.testing.assert_allclose(result.covariance(), expected, rtol=1e-9, atol=1e-12)


def test_errors_of_all_parameters_are_those_of_the_bordered_information():
    """Against the inverse of second differences of the log-likelihood in (scores but one, home, log tie parameter)."""
    from alignment_fast.ranking import log_likelihood

    votes, _ = simulated(4, 2000, ties=0.2, home=0.5)
    result = fit(votes, "davidson", home=True)
    at = np.array([*(result.scores[1:] - result.scores[0]), result.home_advantage, np.log(result.tie_parameter)])

    def value(x):
        scores = [0.0, *x[:3]]
        return log_likelihood(scores, votes, "davidson", tie_parameter=np.exp(x[4]), home_advantage=x[3])

    step = 1e-3
    unit = step * np.eye(5)
    information = [
        [(value(at + a - b) + value(at - a + b) - value(at + a + b) - value(at - a - b)) / (4 * step**2) for b in unit]
        for a in unit
    ]
    expected = np.sqrt(np.diag(np.linalg.inv(information))[3:])
    np.testing.assert_allclose(result.parameter_errors(), expected, rtol=1e-4)


@pytest.mark.parametrize("model", ["bradley-terry", "rao-kupper", "davidson"])
def test_sandwich_agrees_with_the_information_where_the_model_holds(model):
    votes, _ = simulated(6, 400_000, ties=0.0)
    result = fit(votes, model)
    np.testing.assert_allclose(result.standard_errors("sandwich"), result.standard_errors(), rtol=0.02)


def test_sandwich_counts_a_comparison_of_weight_two_as_two():
    one = Comparisons([0, 0, 1, 2, 0], [1, 1, 0, 0, 2])
    two = one + one
    ratio = fit(one).covariance("sandwich") / fit(two).covariance("sandwich")
    np.testing.assert_allclose(ratio, 2.0, rtol=1e-8)


each_model = pytest.mark.parametrize("model", MODELS)


def chances(model, scores, tie=1.5):
    """Return (pairs, probabilities): [i, j] and those of i winning, j winning, a tie."""
    pairs = np.stack(np.triu_indices(len(scores), 1), axis=1)
    rows = (paired_models.probabilities(model, scores[i] - scores[j], np.log(tie)) for i, j in pairs)
    return pairs, np.array([[float(p or 0) for p in row] for row in rows])


def tallied(pairs, counts):
    """Return comparisons from (pairs, 3) counts of first won, second won, tied."""
    wins, ties = np.zeros((2, pairs.max() + 1, pairs.max() + 1))
    first, second = pairs.T
    wins[first, second], wins[second, first], ties[first, second] = counts.T
    return Comparisons.from_matrix(wins, ties + ties.T)


@pytest.mark.interface
@pytest.mark.same_everywhere
@each_model
@pytest.mark.parametrize("kind", ["information", "sandwich", "bootstrap"])
def test_intervals_cover_95_percent(model, kind):
    """1600 scores, correlated by their mean only: the share within has standard error 0.6 %."""
    scores, inside = np.linspace(-1, 1, 8), 0
    pairs, probabilities = chances(model, scores)
    for seed in range(200):
        result = fit(tallied(pairs, np.random.default_rng(seed).multinomial(60, probabilities)), model)
        low, high = result.bootstrap(300, rng=seed).interval() if kind == "bootstrap" else result.interval(kind=kind)
        inside += ((low <= scores) & (scores <= high)).sum()
    assert 0.93 <= inside / 1600 <= 0.97


@pytest.mark.interface
@pytest.mark.same_everywhere
@pytest.mark.parametrize("model", ["davidson", "rao-kupper"])
def test_intervals_of_the_tie_parameter_cover_95_percent(model):
    """1000 fits: the share within has standard error 0.7 %."""
    (pairs, probabilities), inside = chances(model, np.linspace(-1, 1, 4), tie=1.5), 0
    for seed in range(1000):
        result = fit(tallied(pairs, np.random.default_rng(seed).multinomial(100, probabilities)), model)
        inside += abs(np.log(result.tie_parameter / 1.5)) <= 1.96 * result.parameter_errors()[0]
    assert 0.93 <= inside / 1000 <= 0.97


def test_rank_intervals_hold_the_rank_and_tell_far_items_apart():
    votes, _ = simulated(6, 20_000)
    result = fit(votes)
    for best, worst in (result.rank_interval(), result.bootstrap(200, rng=0).rank_interval()):
        assert (best <= result.ranks).all()
        assert (result.ranks <= worst).all()
        assert worst[result.ranks == 1] <= 2


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, np.nan])
def test_levels_are_between_0_and_1(level):
    result = fit(simulated()[0])
    for interval in (result.interval, result.rank_interval, result.bootstrap(10, rng=0).interval):
        with pytest.raises(ValueError, match="level must be"):
            interval(level)


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="kind must be"):
        fit(simulated()[0]).covariance("robust")


# ---- bootstrap ----


@pytest.mark.parametrize("model", ["bradley-terry", "davidson", "rao-kupper"])
def test_bootstrap_has_the_covariance_of_the_sandwich(model):
    votes, _ = simulated(5, 5000, ties=0.2)
    result = fit(votes, model)
    found = result.bootstrap(4000, rng=1)
    assert found.degenerate == 0
    assert found.scores.shape == (4000, 5)
    np.testing.assert_allclose(found.standard_errors(), result.standard_errors("sandwich"), rtol=0.06)
    np.testing.assert_allclose(found.covariance(), result.covariance("sandwich"), atol=0.06 * result.covariance().max())
    np.testing.assert_allclose(found.scores.mean(axis=0), result.scores, atol=4 * found.standard_errors().max() / 60)
    low, high = found.interval()
    assert ((low < result.scores) & (result.scores < high)).all()


@each_model
def test_bootstrap_has_the_covariance_of_the_information_where_the_model_holds(model):
    """At the expected counts information and sandwich are one; 4000 replicates have an error of 1.1 %."""
    pairs, probabilities = chances(model, np.linspace(-1, 1, 6))
    result = fit(tallied(pairs, 400 * probabilities), model)
    covariance = result.covariance()
    np.testing.assert_allclose(result.covariance("sandwich"), covariance, atol=1e-9 * covariance.max())
    found = result.bootstrap(4000, rng=2)
    np.testing.assert_allclose(found.standard_errors(), result.standard_errors(), rtol=0.045)
    np.testing.assert_allclose(found.covariance(), covariance, atol=0.08 * covariance.max())


def test_a_replicate_is_the_fit_of_its_counts():
    votes, _ = simulated()
    result = fit(votes)
    found = result.bootstrap(3, rng=5)
    cells = votes.cells
    ops = operations("ranking")
    problem = Objective(ops, cells, "bradley-terry").problem
    wins_first, wins_second, _ = ops.resample(problem, stream_key(5, BOOTSTRAP, "rng"), 2)
    wins = np.zeros((12, 12))
    wins[cells.first, cells.second], wins[cells.second, cells.first] = wins_first, wins_second
    np.testing.assert_allclose(found.scores[2], fit(Comparisons.from_matrix(wins)).scores, atol=1e-7)


def scaled(size, factor):
    """Return comparisons of 40 items whose counts are multiplied by `factor`."""
    cells, wins = simulated(40, size)[0].cells, np.zeros((40, 40))
    wins[cells.first, cells.second], wins[cells.second, cells.first] = cells.wins_first, cells.wins_second
    return Comparisons.from_matrix(factor * wins)


SIDE_BY_SIDE = (
    ("means on both sides of 10", "bradley-terry", simulated(40, 20_000)[0], {}),
    ("ties", "bradley-terry", simulated(40, 30_000, ties=0.3)[0], {}),
    ("a prior", "thurstone", simulated(40, 30_000, ties=0.1)[0], {"l2": 3.0}),
    ("wide scores", "stern", simulated(40, 30_000, spread=2.0)[0], {}),
    ("means beyond tables, not whole", "bradley-terry", scaled(20_000, 40.25), {}),
    ("means beyond 16 bits", "bradley-terry", scaled(20_000, 5000.0), {}),
    ("steps that do not shrink, and no maximum", "bradley-terry", simulated(40, 500)[0], {}),
    ("hardly a prior", "bradley-terry", simulated(40, 150)[0], {"l2": 1e-9}),
)


def test_replicates_side_by_side_are_the_fits_of_their_counts():
    """From 32 items on; 18 are one group and a part of the next."""

    def check(model, votes, options):
        result = fit(votes, model, **options)
        objective, start, key = result._objective, result.unknowns, stream_key(5, BOOTSTRAP, "rng")
        found = result.bootstrap(18, rng=5).scores
        for replicate in range(18):
            expected = repeat(objective.over(drawn_cells(objective, key, replicate)), start)
            np.testing.assert_allclose(found[replicate], expected - expected.mean(), atol=2e-7)

    check_each([(what, case) for what, *case in SIDE_BY_SIDE], check)


@pytest.mark.parametrize("items", [12, 40, 300])
def test_bootstrap_has_the_same_bits_for_any_number_of_threads(items):
    votes, _ = simulated(items, 200 * items)
    result = fit(votes)
    one = result.bootstrap(20, rng=3, num_threads=1).scores
    for threads in (2, 7):
        np.testing.assert_array_equal(one, result.bootstrap(20, rng=3, num_threads=threads).scores)
    np.testing.assert_array_equal(one[:5], result.bootstrap(5, rng=3).scores)


def test_degenerate_replicates_are_nan_and_counted():
    """Item 2 won once of two: the win, or the loss, is drawn no time in 1 - (1 - 1/e)^2 = 60 % of the replicates."""
    result = fit(Comparisons.from_matrix([[0, 50, 1], [50, 0, 0], [1, 0, 0]]))
    found = result.bootstrap(2000, rng=0)
    missing = np.isnan(found.scores).all(axis=1)
    assert found.degenerate == missing.sum() == np.isnan(found.ranks).all(axis=1).sum()
    assert abs(found.degenerate / 2000 - 0.6004) < 0.05
    assert np.isfinite(found.standard_errors()).all()
    assert fit(result.comparisons, l2=0.1).bootstrap(500, rng=0).degenerate == 0


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-3, ValueError), (1.5, TypeError)])
def test_numbers_of_replicates(n, error):
    with pytest.raises(error):
        fit(simulated()[0]).bootstrap(n)


def test_bias_reduction_has_no_bootstrap():
    with pytest.raises(ValueError, match="bias_reduction"):
        fit(simulated()[0], bias_reduction=True).bootstrap(10)


def test_ranks_of_replicates_share_the_best_place_among_equals():
    scores = np.random.default_rng(0).integers(0, 4, (50, 9)).astype(float)
    scores[7] = np.nan
    found = Bootstrap(scores, 1, None).ranks
    higher = (scores[:, None, :] > scores[:, :, None]).sum(axis=2) + 1.0
    np.testing.assert_array_equal(found, np.where(np.isnan(scores), np.nan, higher))
