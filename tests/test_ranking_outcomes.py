"""How much fits vary with soft, weighted and clustered outcomes: sandwich errors and bootstraps use the outcomes."""

import itertools
import pickle

import numpy as np
import pytest
import search

import alignment_fast as af
from alignment_fast._border.rng import DRAWS, stream_key
from alignment_fast.random import Stream
from alignment_fast.ranking import Comparisons, _models, fit, fit_contextual
from alignment_fast.ranking._replicates import poisson
from oracles import paired_models

SCORES = np.linspace(-1.0, 1.0, 6)
MODELS = sorted(_models.MODELS)


def pairs(random, size, items=6):
    first = random.integers(0, items, size)
    return first, (first + random.integers(1, items, size)) % items


def chance(first, second):
    return 1 / (1 + np.exp(SCORES[second] - SCORES[first]))


def hard(random, size=900):
    first, second = pairs(random, size)
    return Comparisons(first, second, outcome=(random.random(size) < chance(first, second)).astype(float))


def soft(random, size=900):
    """Return votes spread by a Beta distribution around the chance of a win: less than a coin would."""
    first, second = pairs(random, size)
    p = chance(first, second)
    return Comparisons(first, second, outcome=random.beta(4 * p, 4 * (1 - p)))


def weighted(random, size=900):
    first, second = pairs(random, size)
    won = random.random(size) < chance(first, second)
    winner, loser = np.where(won, first, second), np.where(won, second, first)
    return Comparisons(winner, loser, weight=random.exponential(size=size))


def clustered(random, size=900, each=4):
    """Return votes of voters who see one pair four times, and mostly repeat themselves."""
    first, second = (side.repeat(each) for side in pairs(random, size // each))
    won = random.random(size) < chance(first, second)
    won = np.where(random.random(size) < 0.7, won[::each].repeat(each), won)
    winner, loser = np.where(won, first, second), np.where(won, second, first)
    return Comparisons(winner, loser, cluster=np.arange(size // each).repeat(each))


KINDS = {"hard": hard, "soft": soft, "weighted": weighted, "clustered": clustered}


def coverage(make, kind, fits, replicates=400):
    """Return the share of 95 % intervals that hold the score, over fits to simulated votes."""
    inside = 0
    for seed in range(fits):
        result = fit(make(np.random.default_rng(seed)))
        if kind == "bootstrap":
            low, high = result.bootstrap(replicates, rng=seed).interval()
        else:
            low, high = result.interval(kind=kind)
        inside += ((low <= SCORES) & (high >= SCORES)).sum()
    return inside / (fits * len(SCORES))


# ---- kinds of faults ----


def test_votes_that_all_agree_do_not_vary():
    """100 soft votes of 0.6 each have no spread: their mean is known without error, whatever the model says."""
    result = fit(Comparisons([0] * 100, [1] * 100, outcome=[0.6] * 100))
    assert result.standard_errors("sandwich").max() < 1e-12
    assert result.bootstrap(200, rng=0).standard_errors().max() < 1e-6
    assert result.standard_errors().max() == pytest.approx(0.5 / np.sqrt(100 * 0.24))


@pytest.mark.parametrize("kind", KINDS)
def test_sandwich_intervals_cover_95_percent(kind):
    """1800 scores, correlated by their mean only: the share within has standard error 0.5 %."""
    assert 0.93 <= coverage(KINDS[kind], "sandwich", 300) <= 0.97


@pytest.mark.optimised
@pytest.mark.parametrize("kind", KINDS)
def test_bootstrap_intervals_cover_95_percent(kind):
    """1200 scores: the share within has standard error 0.6 %; of 400 replicates the ends alone cost 0.2 %."""
    assert 0.93 <= coverage(KINDS[kind], "bootstrap", 200) <= 0.97


def test_intervals_of_the_model_cover_95_percent_of_single_coins():
    assert 0.93 <= coverage(hard, "information", 300) <= 0.97


@pytest.mark.parametrize("kind", ["soft", "weighted", "clustered"])
def test_errors_of_the_model_alone_are_wrong_where_outcomes_are_not_single_coins(kind):
    share = coverage(KINDS[kind], "information", 60)
    assert share > 0.99 if kind == "soft" else share < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_bootstrap_has_the_covariance_of_the_sandwich(kind):
    result = fit(KINDS[kind](np.random.default_rng(5), 4000))
    found = result.bootstrap(1500, rng=3)
    assert found.degenerate == 0
    np.testing.assert_allclose(found.standard_errors(), result.standard_errors("sandwich"), rtol=0.09)


# ---- the sandwich, comparison by comparison ----


def rows(random, size=40, items=4):
    """Return (first, second, outcome, weight, home, cluster) of comparisons of which some are tied (NaN)."""
    first, second = pairs(random, size, items)
    outcome = np.where(random.random(size) < 0.3, np.nan, random.integers(0, 2, size).astype(float))
    weight, home = random.exponential(size=size), random.integers(-1, 2, size)
    return first, second, outcome, weight, home, random.integers(0, 9, size)


def slopes(model, result, table):
    """Return the gradient of each comparison in (scores, home, log tie parameter), by imaginary steps."""
    first, second, outcome, weight, home, _ = table
    tie = float(np.log(result.tie_parameter)) if result.tie_parameter else 0.0
    d = result.scores[first] - result.scores[second] + result.home_advantage * home
    equal, won = np.isnan(outcome), np.where(np.isnan(outcome), 0.0, outcome)
    counts = weight * won, weight * np.where(equal, 0.0, 1 - won), weight * equal
    by_difference, by_tie = (
        paired_models.complex_cells(model, d + 1e-100j * at, tie + 1e-100j * (1 - at), *counts).imag / 1e-100
        for at in (1, 0)
    )
    out, row = np.zeros((len(first), 6)), np.arange(len(first))
    out[row, first], out[row, second] = by_difference, -by_difference
    out[:, 4], out[:, 5] = by_difference * home, by_tie
    return out


@pytest.mark.parametrize("model", MODELS)
def test_slopes_by_complex_steps_are_those_by_differences_in_many_digits(model):
    for d, tie, counts in ((0.3, 0.7, (1.5, 0, 0)), (-1.2, 0.4, (0, 0.3, 0)), (2.0, 0.9, (0, 0, 2.5))):
        expected = paired_models.terms(model, d, tie, *counts)
        steps = ((1e-100j, 0), (0, 1e-100j))
        found = [paired_models.complex_cells(model, d + x, tie + y, *counts).imag / 1e-100 for x, y in steps]
        assert [float(x) for x in found] == pytest.approx([expected[1], expected[3]], rel=1e-13, abs=1e-14)


def covariances(table, model, with_clusters):
    """Return the sandwich of parameters that a fit gives, and the one from the gradient of every comparison."""
    first, second, outcome, weight, home, cluster = table
    won = np.where(np.isnan(outcome), 1.0, outcome) == 1.0
    winner, loser = np.where(won, first, second), np.where(won, second, first)
    votes = Comparisons(
        winner,
        loser,
        weight=weight,
        tied=np.isnan(outcome),
        home=np.where(won, home, -home),
        cluster=cluster if with_clusters else None,
    )
    result = fit(votes, model, home=True)
    gradients = slopes(model, result, table)
    if with_clusters:
        gradients = np.array([gradients[cluster == name].sum(axis=0) for name in range(9)])
    used = 6 if result.tie_parameter else 5
    squares = (gradients.T @ gradients)[:used, :used]
    inverse = result._parameter_covariance("information")  # of scores of mean zero: the gauge drops out
    return result._parameter_covariance("sandwich"), inverse @ squares @ inverse


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("with_clusters", [False, True])
def test_sandwich_is_that_of_the_gradients_of_single_comparisons(model, with_clusters):
    found, expected = covariances(rows(np.random.default_rng(2)), model, with_clusters)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.search
def test_sandwich_search_over_weights_ties_home_and_clusters():
    random, worst = np.random.default_rng(32), search.Worst("R6", "covariance('sandwich') of a fit")
    for _ in range(search.cases(20)):
        seed, model, with_clusters = int(random.integers(2**32)), random.choice(MODELS), bool(random.integers(2))
        try:
            found, expected = covariances(rows(np.random.default_rng(seed)), model, with_clusters)
        except af.ConvergenceError:  # a fit without a finite maximum
            continue
        worst.see(abs(found - expected).max(), 1e-6 * abs(expected).max(), (seed, model, with_clusters))
    assert worst.count > search.cases(20) / 2
    worst.hold()


def test_sandwich_of_covariates_knows_weights_and_clusters():
    random = np.random.default_rng(4)
    first, second = pairs(random, 300, 4)
    x, weight, cluster = random.normal(size=(300, 2)), random.exponential(size=300), random.integers(0, 40, 300)
    for clusters in (None, cluster):
        result = fit_contextual(first, second, x, weight=weight, cluster=clusters)
        d = result.scores[first] - result.scores[second] + x @ result.coefficients
        gradients = np.zeros((300, 6))
        gradients[np.arange(300), first], gradients[np.arange(300), second] = 1.0, -1.0
        gradients[:, 4:] = x
        gradients *= (weight / (1 + np.exp(d)))[:, None]
        if clusters is not None:
            gradients = np.array([gradients[cluster == name].sum(axis=0) for name in range(40)])
        inverse = result._parameter_covariance("information")
        expected = inverse @ gradients.T @ gradients @ inverse
        np.testing.assert_allclose(result._parameter_covariance("sandwich"), expected, rtol=1e-8, atol=1e-12)


def test_repeating_every_vote_of_a_voter_adds_nothing():
    random = np.random.default_rng(1)
    winner, loser = pairs(random, 200, 4)
    voter = np.arange(200)
    once = fit(Comparisons(winner, loser))
    twice = fit(Comparisons(np.tile(winner, 2), np.tile(loser, 2), cluster=np.tile(voter, 2)))
    np.testing.assert_allclose(twice.covariance("sandwich"), once.covariance("sandwich"), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(twice.covariance(), 0.5 * once.covariance(), rtol=1e-8, atol=1e-12)


def test_whole_weights_of_hard_outcomes_are_counts():
    winner, loser, weight = [0, 1, 1, 2, 0], [1, 0, 2, 0, 2], [3, 2, 4, 1, 2]
    counted = fit(Comparisons(winner, loser, weight=weight))
    repeated = fit(Comparisons(np.repeat(winner, weight), np.repeat(loser, weight)))
    np.testing.assert_array_equal(counted.covariance("sandwich"), repeated.covariance("sandwich"))
    single = fit(Comparisons(winner, loser, weight=np.array(weight) + 1e-9)).covariance("sandwich")
    assert (np.diag(single) > 1.2 * np.diag(counted.covariance("sandwich"))).all()


# ---- the bootstrap, replicate by replicate ----


def test_a_replicate_draws_every_cluster_poisson_many_times():
    random = np.random.default_rng(7)
    winner, loser, share = *pairs(random, 120, 3), random.random(120)
    cluster = random.integers(0, 50, 120)
    result = fit(Comparisons(winner, loser, outcome=share, cluster=cluster))
    found = result.bootstrap(3, rng=9)
    stream = Stream.from_key(stream_key(9, DRAWS))
    _, group = np.unique([list(dict.fromkeys(cluster.tolist())).index(name) for name in cluster], return_inverse=True)
    for replicate in range(3):
        times = poisson(stream, int(group.max()) + 1, replicate)[group]
        again = fit(Comparisons(winner, loser, outcome=share, weight=times, n_items=3))
        np.testing.assert_allclose(found.scores[replicate], again.scores, atol=1e-7)


def test_replicates_of_mixed_comparisons_draw_both_kinds():
    random = np.random.default_rng(8)
    counts = Comparisons.from_matrix([[0, 300, 200], [250, 0, 220], [210, 190, 0]])
    votes = Comparisons(*pairs(random, 400, 3), outcome=random.random(400))
    result = fit(counts + votes)
    found = result.bootstrap(1000, rng=1)
    np.testing.assert_allclose(found.standard_errors(), result.standard_errors("sandwich"), rtol=0.1)


# ---- sums, differences, parts ----


def same(one, other):
    for kind in ("information", "sandwich"):
        np.testing.assert_allclose(one.covariance(kind), other.covariance(kind), rtol=1e-9, atol=1e-13)


def test_sums_and_differences_keep_the_outcomes():
    random = np.random.default_rng(3)
    winner, loser = pairs(random, 400, 4)
    share, voter = random.random(400), random.integers(0, 60, 400)
    parts = [slice(0, 150), slice(150, 400)]
    whole = fit(Comparisons(winner, loser, outcome=share, cluster=voter))
    some, more = (Comparisons(winner[p], loser[p], outcome=share[p], cluster=voter[p], n_items=4) for p in parts)
    same(fit(some + more), whole)
    same(fit(some + more - some), fit(more))
    counts = Comparisons([0, 1, 2, 3, 0], [1, 2, 3, 0, 2])
    same(fit(more + counts - counts), fit(more))
    same(fit(counts + more - more), fit(counts))
    with pytest.raises(ValueError, match="some of the comparisons that are to be taken away are not among these"):
        more - some
    with pytest.raises(ValueError, match="there are fewer comparisons of"):
        more - counts


def test_some_items_and_new_labels_keep_the_outcomes():
    random = np.random.default_rng(3)
    winner, loser = pairs(random, 300, 4)
    share, names = random.random(300), np.array(list("dbca"))
    votes = Comparisons(names[winner], names[loser], outcome=share)
    kept = np.isin(winner, [0, 1, 3]) & np.isin(loser, [0, 1, 3])
    expected = Comparisons(names[winner[kept]], names[loser[kept]], outcome=share[kept], labels=["b", "d", "a"])
    part = votes.among([votes.index(name) for name in "bda"])
    same(fit(part), fit(expected))
    joined = Comparisons(["z", "a"], ["a", "z"]) + votes
    assert set(joined.labels) == {"a", "z", "b", "c", "d"}
    assert fit(pickle.loads(pickle.dumps(joined))).covariance("sandwich").shape == (5, 5)


def test_clusters_are_one_value_for_each_comparison():
    with pytest.raises(ValueError, match="cluster must have one value for each of 2 comparisons; it has 3"):
        Comparisons([0, 1], [1, 0], cluster=[1, 2, 3])
    with pytest.raises(ValueError, match=r"cluster\[1\] is missing"):
        Comparisons([0, 1], [1, 0], cluster=["a", None])


def test_names_of_clusters_of_any_kind_group_alike():
    random = np.random.default_rng(6)
    winner, loser, voter = *pairs(random, 100, 3), random.integers(0, 12, 100)
    found = [
        fit(Comparisons(winner, loser, cluster=names)).covariance("sandwich")
        for names in (voter, voter.astype(float), [f"voter {v}" for v in voter], [(v, "x") for v in voter.tolist()])
    ]
    for one, other in itertools.pairwise(found):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)
