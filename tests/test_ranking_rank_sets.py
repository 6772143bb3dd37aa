"""Confidence sets of ranks, pairs that can be told apart, tiers, and systems that met the same tasks."""

import numpy as np
import pytest
from scipy import stats

from alignment_fast._operations import operations
from alignment_fast.ranking import (
    Bootstrap,
    Comparisons,
    PairedScores,
    fit,
    fit_plackett_luce,
    paired_scores,
    rank_sets,
    separable_pairs,
    tiers,
)
from alignment_fast.ranking._differences import differences_of
from alignment_fast.ranking.rank_sets import tiers_of
from bounds import bound
from oracles import rank_sets as oracle

RANDOM = np.random.default_rng(26)


def independent(means, error=1.0, freedom=10**6):
    """Return paired scores whose means are independent, all with that error."""
    means = np.asarray(means, dtype=np.float64)
    covariance = error**2 * np.eye(len(means))
    return PairedScores(means, covariance, None, freedom + 1, 1.0, covariance)


# ---- the largest differences of draws


@pytest.mark.parametrize("each_item", [False, True])
@pytest.mark.parametrize(("items", "count"), [(1, 5), (2, 31), (3, 32), (5, 33), (7, 100)])
def test_largest_gaps_are_those_of_a_loop(items, count, each_item):
    deviation = RANDOM.normal(size=(items, count)).astype(np.float32)
    above, below = (RANDOM.random((2, items, items)) * (RANDOM.random((2, items, items)) < 0.8)).astype(np.float32)
    found = operations("ranking").largest_gaps(above, below, deviation, each_item=each_item)
    expected = oracle.largest_gaps(above, below, deviation, each_item)
    np.testing.assert_allclose(found, expected, rtol=bound("ranking.largest_gaps", "float32"))


def test_largest_gaps_have_the_same_bits_for_any_number_of_threads():
    deviation = RANDOM.normal(size=(40, 5000)).astype(np.float32)
    weight = RANDOM.random((40, 40)).astype(np.float32)
    one, two = (
        operations("ranking").largest_gaps(weight, weight, deviation, each_item=False, num_threads=threads)
        for threads in (1, 2)
    )
    assert np.array_equal(one, two)


# ---- bounds: those of Tukey's studentised range, where errors are equal and independent


@pytest.mark.parametrize(("items", "freedom"), [(2, 10**6), (4, 10**6), (4, 20), (10, 10**6)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_pairs_are_sure_beyond_the_studentised_range(items, freedom, level):
    apart = stats.studentized_range.ppf(level, items, freedom)  # in errors of one mean
    means = np.zeros(items)
    for share, expected in ((0.96, False), (1.04, True)):
        means[0] = share * apart
        assert separable_pairs(independent(means, freedom=freedom), level=level)[0, 1] == expected


@pytest.mark.parametrize(("items", "freedom", "level"), [(10, 8, 0.8), (10, 8, 0.95), (20, 3, 0.9), (180, 99, 0.95)])
def test_few_tasks_for_many_items_go_by_bonferroni_without_draws(items, freedom, level):
    assert differences_of(independent(np.zeros(items), freedom=freedom)).deviation is None
    apart = np.sqrt(2) * stats.t.isf((1 - level) / (items * (items - 1)), freedom)
    means = np.zeros(items)
    for share, expected in ((0.999, False), (1.001, True)):
        means[0] = share * apart
        assert separable_pairs(independent(means, freedom=freedom), level=level)[0, 1] == expected
    apart = np.sqrt(2) * stats.t.isf((1 - level) / (2 * (items - 1)), freedom)
    for share, upper in ((0.999, items), (1.001, 1)):
        means[0] = share * apart
        assert rank_sets(independent(means, freedom=freedom), level=level, simultaneous=False).upper[0] == upper


@pytest.mark.parametrize("items", [3, 10])
def test_each_item_on_its_own_goes_by_its_own_pairs(items):
    # max over j of |Z_0 - Z_j| / √2 has the law of Dunnett's test with equal groups.
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(200_000, items))
    apart = np.quantile(np.abs(normal[:, :1] - normal[:, 1:]).max(axis=1), 0.95)
    for share, upper in ((0.97, items), (1.03, 1)):
        means = np.zeros(items)
        means[0] = share * apart
        assert rank_sets(independent(means), simultaneous=False).upper[0] == upper


def test_sets_are_those_of_their_bound():
    means, covariance = RANDOM.normal(size=6) * 3, np.cov(RANDOM.normal(size=(6, 30)))
    errors = np.sqrt(np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance)
    found = rank_sets(PairedScores(means, covariance, None, 10**6, 1.0, covariance))
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(6), covariance, 100_000)
    gaps = np.abs(draws[:, :, None] - draws[:, None]) / np.where(errors > 0, errors, np.inf)
    expected = oracle.sets(means, errors, np.quantile(gaps.max(axis=(1, 2)), 0.95))
    assert list(zip(found.lower.tolist(), found.upper.tolist(), strict=True)) == expected


def test_step_down_finds_what_the_first_bound_misses():
    two_sided = stats.studentized_range.ppf(0.95, 3, np.inf)
    # The last is far away from both; the first two are apart by a little less than the bound of three.
    means = np.array([0.97 * two_sided, 0.0, -100.0])
    once, again = (rank_sets(independent(means), method=method) for method in ("max-t", "step-down"))
    assert (once.lower.tolist(), once.upper.tolist()) == ([1, 1, 3], [2, 2, 3])
    assert (again.lower.tolist(), again.upper.tolist()) == ([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize("simultaneous", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_step_down_is_never_wider(simultaneous, seed):
    means = np.random.default_rng(seed).normal(size=8) * 3
    once, again = (
        rank_sets(independent(means), simultaneous=simultaneous, method=method) for method in ("max-t", "step-down")
    )
    assert (again.lower >= once.lower).all()
    assert (again.upper <= once.upper).all()
    assert (again.lower <= again.upper).all()


# ---- sources


VOTES = Comparisons.from_matrix(
    RANDOM.poisson(20 / (1 + np.exp(np.subtract.outer(range(6), range(6))))) * (1 - np.eye(6))
)


def test_replicates_say_what_the_fit_says():
    result = fit(VOTES)
    sample = result.bootstrap(4000, rng=1)
    assert np.array_equal(sample.estimate, result.scores)
    for one, other in zip(
        *((rank_sets(given).lower, rank_sets(given).upper) for given in (result, sample)), strict=True
    ):
        assert np.abs(one - other).max() <= 1


def test_few_replicates_are_sure_of_nothing():
    sets = rank_sets(fit(VOTES).bootstrap(15, rng=1))
    assert sets.lower.tolist() == [1] * 6
    assert sets.upper.tolist() == [6] * 6


def test_replicates_without_a_maximum_are_left_out():
    scores = np.array([[1.0, 0.0, -1.0]]) + 0.05 * RANDOM.normal(size=(500, 3))
    scores[::7] = np.nan
    assert tiers(Bootstrap(scores, 72, None)).tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="at least two replicates with a finite maximum, not 0"):
        tiers(Bootstrap(np.full((5, 3), np.nan), 5, None))


def test_rankings_have_sets_too():
    rows = np.argsort(-(np.array([2.0, 1.0, 0.0]) + RANDOM.gumbel(size=(500, 3))), axis=1)
    assert rank_sets(fit_plackett_luce(rows)).lower.tolist() == [1, 2, 3]


def test_clustered_votes_go_by_the_sandwich():
    """Ten people repeat themselves fifty times: their number counts, not that of their votes."""
    winner = np.repeat([0] * 7 + [1] * 3, 50)
    person = np.repeat(np.arange(10), 50)
    assert separable_pairs(fit(Comparisons(winner, 1 - winner)))[0, 1]
    assert not separable_pairs(fit(Comparisons(winner, 1 - winner, cluster=person))).any()


@pytest.mark.parametrize("items", [1, 2])
def test_one_and_two_items(items):
    found = independent(np.zeros(items))
    sets = rank_sets(found)
    assert sets.lower.tolist() == [1] * items
    assert sets.upper.tolist() == [items] * items
    assert tiers(found).tolist() == [1] * items
    assert not separable_pairs(found).any()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((independent([0, 1]),), {"level": 1.0}, ValueError, "level must be between 0 and 1, not 1.0"),
        ((independent([0, 1]),), {"method": "bonferroni"}, ValueError, "method must be one of 'max-t', 'step-down'"),
        (([1.0, 2.0],), {}, TypeError, "ranks need a RatingFit, Bootstrap or PairedScores, not list"),
    ],
)
def test_errors_of_rank_sets(arguments, options, error, message):
    with pytest.raises(error, match=message):
        rank_sets(*arguments, **options)


# ---- tiers


@pytest.mark.parametrize("seed", range(20))
def test_tiers_are_the_longest_chains(seed):
    rng = np.random.default_rng(seed)
    estimate = rng.normal(size=5)
    better = (rng.random((5, 5)) < 0.5) & (estimate[:, None] > estimate)
    assert tiers_of(better, estimate).tolist() == oracle.tiers(better.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_tiers_do_not_depend_on_how_items_are_numbered(seed):
    rng = np.random.default_rng(seed)
    wins = rng.poisson(8.0 / (1 + np.exp(np.subtract.outer(np.arange(9), np.arange(9)) / 2))) * (1 - np.eye(9)) + 0.0
    order = rng.permutation(9)
    one, other = (
        tiers(fit(Comparisons.from_matrix(wins))),
        tiers(fit(Comparisons.from_matrix(wins[np.ix_(order, order)]))),
    )
    assert one[order].tolist() == other.tolist()
    assert one.max() > 1


def test_nobody_in_a_tier_is_surely_better_than_another_and_somebody_just_above_is():
    table = RANDOM.normal(size=(60, 12)) + np.linspace(0, 2, 12)
    found, better = tiers(paired_scores(table)), separable_pairs(paired_scores(table))
    same = found[:, None] == found
    assert not better[same].any()
    for item in np.flatnonzero(found > 1):
        assert better[found == found[item] - 1, item].any()


def test_pairs_are_those_that_rank_sets_count():
    given = paired_scores(RANDOM.normal(size=(60, 12)) + np.linspace(0, 2, 12))
    sets, better = rank_sets(given), separable_pairs(given)
    assert np.array_equal(sets.lower, 1 + better.sum(axis=0))
    assert np.array_equal(sets.upper, 12 - better.sum(axis=1))


# ---- paired scores


CLUSTERS = {"none": None, "numbers": [3, 3, 1, 1, 1, 0, 7], "names": list("ééaabbb"), "mixed sizes": [0] * 5 + [1] * 2}


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=list(CLUSTERS))
@pytest.mark.parametrize("weight", [None, [1, 2, 0.5, 3, 1, 1, 4]])
def test_paired_scores_are_sums_over_clusters(cluster, weight):
    table = RANDOM.normal(size=(7, 4))
    found = paired_scores(table, cluster=cluster, weight=weight)
    names = [str(value) for value in (range(7) if cluster is None else cluster)]
    means, covariance = oracle.paired(table.tolist(), names, [1.0] * 7 if weight is None else weight)
    np.testing.assert_allclose(found.means, means, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-11, atol=1e-15)
    assert found.clusters == len(set(names))


def test_two_systems_are_the_paired_t_test():
    table = RANDOM.normal(size=(12, 2)) + RANDOM.normal(size=(12, 1))
    found = paired_scores(table)
    t = (found.means[0] - found.means[1]) / np.sqrt(np.array([1, -1]) @ found.covariance @ [1, -1])
    np.testing.assert_allclose(t, stats.ttest_rel(*table.T).statistic, rtol=1e-12)
    low, high = found.interval(0.9)
    for system in (0, 1):
        expected = stats.ttest_1samp(table[:, system], 0.0).confidence_interval(0.9)
        np.testing.assert_allclose((low[system], high[system]), expected, rtol=1e-12)


def test_tasks_of_weight_zero_are_left_out():
    table = RANDOM.normal(size=(6, 3))
    one, other = paired_scores(table, weight=[1, 1, 0, 1, 1, 1]), paired_scores(np.delete(table, 2, axis=0))
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-12)
    assert one.clusters == 5


def test_systems_with_equal_scores_are_never_apart():
    table = RANDOM.normal(size=(50, 1)).repeat(3, axis=1)
    table[:, 2] -= 5 + RANDOM.normal(size=50)
    assert tiers(paired_scores(table)).tolist() == [1, 1, 2]


@pytest.mark.parametrize(("tasks", "sure"), [(4, False), (20, True)])
def test_a_difference_that_all_tasks_agree_on_is_sure_where_coins_would_hardly_fall_so(tasks, sure):
    table = np.zeros((tasks, 2))
    table[:, 0] = 1.0
    assert separable_pairs(paired_scores(table))[0, 1] == sure


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ([1.0, 2.0], {}, r"scores must have two axes, tasks and systems; they have shape \(2,\)"),
        (np.zeros((3, 0)), {}, "scores must have two axes"),
        ([[1.0, np.nan], [1, 2]], {}, r"scores\[0, 1\] = nan is not finite: every system needs all tasks"),
        ([[1.0, 2.0]], {}, "scores need at least two tasks, not 1"),
        (np.zeros((0, 2)), {}, "scores need at least two tasks, not 0"),
        ([[1e200, 0.0], [-1e200, 1.0]], {}, "scores are so large, or so close"),
        ([[1e-170, 1e10], [2e-170, 3e10]], {}, "scores are so large, or so close"),
        ([[1.0, 2.0], [2, 3]], {"cluster": ["a", "a"]}, "scores need at least two clusters of tasks, not 1"),
        ([[1.0, 2.0], [2, 3]], {"cluster": ["a"]}, "cluster must have one value for each of 2"),
        ([[1.0, 2.0], [2, 3]], {"weight": [1.0]}, "weight must have one value for each of 2 tasks"),
        ([[1.0, 2.0], [2, 3]], {"weight": [1.0, -1.0]}, r"weight\[1\] = -1.0 is not a finite number of at least 0"),
        ([[1.0, 2.0], [2, 3]], {"weight": [1.0, 0.0]}, "scores need at least two tasks, not 1"),
        ([[1.0, 2.0], [2, 3]], {"labels": ["a"]}, "labels has 1 names for 2 systems"),
        ([[1.0, 2.0], [2, 3]], {"labels": ["a", "a"]}, "'a'"),
    ],
)
def test_errors_of_paired_scores(scores, options, message):
    with pytest.raises(ValueError, match=message):
        paired_scores(scores, **options)


@pytest.mark.parametrize("cluster", [None, [0, 0, 1, 2, 3, 3, 4, 5]])
@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e200, 8e307])
def test_paired_scores_of_any_size(size, cluster):
    """A factor changes nothing but the unit."""
    table = np.random.default_rng(4).integers(-2, 3, size=(8, 4)).astype(float)
    found, plain = (paired_scores(factor * table, cluster=cluster) for factor in (size, 1.0))
    rounding = 1e-14 * size + 5e-324
    np.testing.assert_allclose(found.means, size * plain.means, rtol=1e-12, atol=rounding)
    np.testing.assert_allclose(found.standard_errors(), size * plain.standard_errors(), rtol=1e-12, atol=rounding)
    assert tiers(found).tolist() == tiers(plain).tolist()
    np.testing.assert_array_equal(rank_sets(found).upper, rank_sets(plain).upper)
    np.testing.assert_array_equal(separable_pairs(found), separable_pairs(plain))


# ---- coverage: all ranks are in all sets, and every step between tiers is real


def clear(rng):
    return paired_scores(rng.normal(size=(100, 8)) + 2 * np.arange(8)), 2.0 * np.arange(8)


def near_ties(rng):
    means = np.array([0.0, 0.0, 0.02, 0.02, 0.05, 0.1, 0.3, 1.0])
    return paired_scores(rng.normal(size=(60, 8)) + rng.normal(size=(60, 1)) + means), means


def in_clusters(rng):
    means, names = np.linspace(0, 1, 6), np.repeat(np.arange(15), 8)
    table = rng.normal(size=(120, 6)) + rng.normal(size=(15, 6))[names] + means
    return paired_scores(table, cluster=names), means


def heavy_tails(rng):
    means = np.array([0.0, 0.0, 0.0, 0.5, 0.5, 2.0])
    return paired_scores(rng.standard_t(3, size=(80, 6)) + means), means


def right_or_wrong(rng):
    means = np.array([0.5, 0.5, 0.55, 0.6, 0.9, 0.95])
    return paired_scores((rng.random((150, 6)) < means).astype(float)), means


def votes_near_ties(rng):
    scores = np.array([0.0, 0.0, 0.05, 0.1, 0.6, 1.0])
    first, second = rng.integers(0, 6, 800), rng.integers(1, 6, 800)
    second = (first + second) % 6
    won = rng.random(800) < 1 / (1 + np.exp(scores[second] - scores[first]))
    return fit(Comparisons(np.where(won, first, second), np.where(won, second, first), n_items=6)), scores


def replicates_of_votes(rng):
    result, scores = votes_near_ties(rng)
    return result.bootstrap(1000, rng=rng), scores


def votes_of_people(rng):
    """People differ in what they like, by as much as items do."""
    scores, person = np.array([0.0, 0.0, 0.0, 0.4, 0.8]), np.repeat(np.arange(60), 12)
    own = scores + 0.7 * rng.normal(size=(60, 5))
    first = rng.integers(0, 5, 720)
    second = (first + rng.integers(1, 5, 720)) % 5
    won = rng.random(720) < 1 / (1 + np.exp(own[person, second] - own[person, first]))
    winner, loser = np.where(won, first, second), np.where(won, second, first)
    return fit(Comparisons(winner, loser, cluster=person, n_items=5)), scores


def few_clusters(rng):
    names = np.repeat(np.arange(4), 6)
    return paired_scores(rng.normal(size=(4, 6))[names] + 0.1 * rng.normal(size=(24, 6)), cluster=names), np.zeros(6)


def few_tasks(rng):
    return paired_scores(rng.normal(size=(12, 20))), np.zeros(20)


DESIGNS = (
    few_clusters,
    few_tasks,
    clear,
    near_ties,
    in_clusters,
    heavy_tails,
    right_or_wrong,
    votes_near_ties,
    votes_of_people,
)
LEVEL, STUDIES = 0.9, 400
# Level less 1.5 %, and two and a half standard errors of the share over so many studies.
LEAST = LEVEL - 0.015 - 2.5 * np.sqrt(LEVEL * (1 - LEVEL) / STUDIES)


def holds(sets, truth):
    best = 1 + (truth > truth[:, None]).sum(axis=1)
    worst = len(truth) - (truth < truth[:, None]).sum(axis=1)
    return (sets.lower <= best) & (worst <= sets.upper)


@pytest.mark.optimised
@pytest.mark.parametrize("method", ["max-t", "step-down"])
@pytest.mark.parametrize("design", DESIGNS)
def test_simultaneous_sets_hold_all_ranks(design, method):
    rng = np.random.default_rng(7)
    held = [
        holds(rank_sets(given, level=LEVEL, method=method), truth).all()
        for given, truth in map(design, [rng] * STUDIES)
    ]
    assert np.mean(held) >= LEAST


@pytest.mark.optimised
def test_sets_of_replicates_hold_all_ranks():
    rng = np.random.default_rng(8)
    held = [holds(rank_sets(given, level=LEVEL), truth).all() for given, truth in map(replicates_of_votes, [rng] * 100)]
    assert np.mean(held) >= LEVEL - 0.015 - 2.5 * np.sqrt(LEVEL * (1 - LEVEL) / 100)


@pytest.mark.optimised
@pytest.mark.parametrize("design", DESIGNS)
def test_each_set_holds_its_rank(design):
    rng = np.random.default_rng(9)
    held = [
        holds(rank_sets(given, level=LEVEL, simultaneous=False), truth) for given, truth in map(design, [rng] * STUDIES)
    ]
    assert np.mean(held, axis=0).min() >= LEAST


@pytest.mark.optimised
@pytest.mark.parametrize("design", DESIGNS)
def test_steps_between_tiers_are_real(design):
    rng, real = np.random.default_rng(10), []
    for given, truth in map(design, [rng] * STUDIES):
        real.append(bool((truth[:, None] > truth)[separable_pairs(given, level=LEVEL)].all()))
    assert np.mean(real) >= LEAST


def test_where_all_are_equal_sets_hold_as_often_as_they_say():
    """All pairs are hypotheses that hold, so the level is met on either side."""
    rng = np.random.default_rng(11)
    tables = (paired_scores(rng.normal(size=(40, 6)) + rng.normal(size=(40, 1))) for _ in range(2000))
    held = np.mean([not separable_pairs(given, level=LEVEL).any() for given in tables])
    assert abs(held - LEVEL) <= 0.015 + 2.5 * np.sqrt(LEVEL * (1 - LEVEL) / 2000)


def test_intervals_of_means_hold_as_often_as_they_say():
    rng, held = np.random.default_rng(12), []
    for _ in range(2000):
        low, high = paired_scores(rng.normal(size=(20, 3)), cluster=np.repeat(np.arange(10), 2)).interval(0.9)
        held.append((low <= 0) & (high >= 0))
    assert abs(np.mean(held) - 0.9) <= 0.015
