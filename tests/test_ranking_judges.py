"""Judges of different discrimination, how far they agree, and which pair to compare next."""

import re

import numpy as np
import pytest
from scipy import stats

import alignment_fast as af
from alignment_fast.ranking import Comparisons, fit, fit_judges, krippendorff_alpha, next_pairs
from oracles import judges as oracle

# ---- judges


def votes_of(rng, gamma, items, size, bias=0.0, sides=False):
    """Return comparisons by judges, and the same as rows (winner, loser, judge, h)."""
    scores = np.linspace(-1.5, 1.5, items)
    first = rng.integers(0, items, size)
    second = (first + rng.integers(1, items, size)) % items
    judge = rng.integers(0, len(gamma), size)
    won = rng.random(size) < 1 / (1 + np.exp(-np.asarray(gamma)[judge] * (scores[first] - scores[second]) - bias))
    winner, loser, h = np.where(won, first, second), np.where(won, second, first), np.where(won, 1, -1)
    names = np.array([f"jüdge {number}" for number in range(len(gamma))])
    home = {"home": h} if sides else {}
    given = Comparisons(winner, loser, cluster=names[judge], n_items=items, **home)
    return given, list(zip(winner.tolist(), loser.tolist(), judge.tolist(), (h * sides).tolist(), strict=True)), names


def in_order(found, names):
    return [found.judges.index(name) for name in names]


@pytest.mark.parametrize("position", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_the_maximum_of_the_plain_likelihood(seed, position):
    given, rows, names = votes_of(np.random.default_rng(seed), [1.5, 1.0, 0.3, -1.0], 4, 300, 0.4 * position, position)
    found = fit_judges(given, position=position)
    u = oracle.normalised(oracle.maximum(rows, 4, 4, position), 4, 4, rows)
    order = in_order(found, names)
    np.testing.assert_allclose(found.scores, u[:4], atol=2e-5)
    np.testing.assert_allclose(found.discrimination[order], u[4:8], atol=2e-5)
    if position:
        np.testing.assert_allclose(found.position_bias[order], u[8:], atol=2e-5)
    np.testing.assert_allclose(
        found.log_likelihood, oracle.log_likelihood(*oracle.split(u, 4, 4, position), rows), atol=1e-7
    )
    errors = np.sqrt(np.diag(oracle.covariance(u, rows, 4, 4, position)))
    np.testing.assert_allclose(found.standard_errors(), errors[:4], rtol=1e-3)
    np.testing.assert_allclose(found.discrimination_errors()[order], errors[4:8], rtol=1e-3)
    if position:
        np.testing.assert_allclose(found.position_bias_errors()[order], errors[8:], rtol=1e-3)


@pytest.mark.parametrize(("l2", "prior"), [(0.0, 2.0), (0.5, 2.0)])
def test_priors_are_penalties(l2, prior):
    given, rows, names = votes_of(np.random.default_rng(9), [1.5, 0.3, -1.0], 3, 90, 0.4, True)
    found = fit_judges(given, position=True, l2=l2, prior=prior)
    u = oracle.maximum(rows, 3, 3, True, l2, prior)
    order = in_order(found, names)
    np.testing.assert_allclose(np.diff(found.scores), np.diff(u[:3]), atol=3e-5)
    np.testing.assert_allclose(found.discrimination[order], u[3:6], atol=3e-5)
    np.testing.assert_allclose(found.position_bias[order], u[6:], atol=3e-5)


def test_noise_and_reversed_judges_are_named():
    given, _, _ = votes_of(np.random.default_rng(3), [1.2, 1.0, 0.8, 0.0, -1.0], 6, 2500)
    found = fit_judges(given)
    assert found.noise() == ("jüdge 3",)
    assert found.reversed() == ("jüdge 4",)
    assert "1 like noise, 1 reversed" in repr(found)
    assert found.votes.sum() == 2500


def test_judges_may_be_given_beside_other_clusters():
    rng = np.random.default_rng(4)
    judge, winner = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    loser = (winner + rng.integers(1, 3, 300)) % 3
    prompt = rng.integers(0, 30, 300)
    one = fit_judges(Comparisons(winner, loser, cluster=prompt), judge, prior=1.0)
    other = fit_judges(Comparisons(winner, loser, cluster=judge), prior=1.0)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-8)
    assert set(one.judges) == set(other.judges)


def test_equal_judges_are_one():
    given, _, _ = votes_of(np.random.default_rng(5), [1.0, 1.0], 4, 20_000)
    found = fit_judges(given)
    np.testing.assert_allclose(found.discrimination, 1.0, atol=0.05)
    np.testing.assert_allclose(found.scores, fit(given).scores, atol=0.02)


def test_votes_that_cancel_each_other_are_no_end():
    winner = ["a", "a", "b", "b", "c", "a"] * 4 + ["b", "c", "c", "a", "b", "c"] * 4
    loser = ["b", "c", "c", "a", "b", "c"] * 4 + ["a", "a", "b", "b", "c", "a"] * 4
    found = fit_judges(Comparisons(winner, loser, cluster=["x"] * 24 + ["y"] * 24))
    np.testing.assert_allclose(np.sort(found.discrimination), [-1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("turned", [1.0, -1.0])
def test_intervals_of_two_judges_say_the_same(turned):
    """Their squares have mean 1, so that each end of one is an end of the other."""
    given, _, _ = votes_of(np.random.default_rng(2), [1.5, 0.6 * turned], 5, 900)
    found = fit_judges(given)
    low, high = found.discrimination_interval()
    share = found.votes / found.votes.sum()
    best = int(found.discrimination.argmax())
    other = 1 - best
    ends = np.sqrt((1.0 - share[best] * np.array([high[best], low[best]]) ** 2) / share[other])
    np.testing.assert_allclose(np.sort(np.abs([low[other], high[other]])), ends, rtol=1e-9)
    reach = stats.norm.ppf(0.975) * found.discrimination_errors()
    np.testing.assert_allclose(high - low, 2 * reach, rtol=0.05)
    assert np.all((low < found.discrimination) & (found.discrimination < high))


@pytest.mark.optimised
def test_intervals_of_discriminations_hold_as_often_as_they_say():
    gamma, held = np.array([1.4, 1.0, 0.5, 0.0]), []
    for seed in range(250):
        given, rows, names = votes_of(np.random.default_rng(seed), gamma, 5, 4000)
        count = np.bincount([row[2] for row in rows])
        found = fit_judges(given)
        low, high = (ends[in_order(found, names)] for ends in found.discrimination_interval(0.95))
        truth = gamma / np.sqrt(count @ gamma**2 / count.sum())
        held.append((low <= truth) & (truth <= high))
    assert abs(np.mean(held) - 0.95) <= 0.015
    assert np.abs(np.mean(held, axis=0) - 0.95).max() <= 0.015 + 2.5 * np.sqrt(0.95 * 0.05 / 250)


@pytest.mark.optimised
def test_intervals_of_discriminations_hold_from_the_stated_number_of_votes_on():
    votes, least, most = map(int, re.search(r"with (\d+)\s+in (\d+) to (\d+) %", fit_judges.__doc__).groups())
    gamma, held = np.array([1.4, 1.0, 0.5]), []
    for seed in range(400):
        given, rows, names = votes_of(np.random.default_rng(seed), gamma, 5, 3 * votes)
        count = np.bincount([row[2] for row in rows])
        found = fit_judges(given)
        low, high = (ends[in_order(found, names)] for ends in found.discrimination_interval(0.95))
        truth = gamma / np.sqrt(count @ gamma**2 / count.sum())
        held.append((low <= truth) & (truth <= high))
    error = 100 * np.sqrt(0.95 * 0.05 / 400)
    share = 100 * np.mean(held, axis=0)
    assert np.all((least - 2.5 * error <= share) & (share <= most + 2.5 * error))


SIDES = {"winner": [0, 1, 0, 1], "loser": [1, 0, 1, 0]}
JUDGE_ERRORS = [
    ({}, {}, ValueError, "judges need votes one by one: give Comparisons"),
    ({"weight": [0.5, 1, 1, 1]}, {}, ValueError, "judges are not known: give judge="),
    ({"cluster": list("aabb")}, {"position": True}, ValueError, "position bias: the comparisons do not say who came"),
    ({"cluster": list("aabb")}, {"prior": -1.0}, ValueError, "prior must be between 0 and 1000000000000.0, not -1.0"),
    (
        {"cluster": list("aabb")},
        {"prior": 1e100},
        ValueError,
        r"prior must be between 0 and 1000000000000.0, not 1e\+100",
    ),
    ({"cluster": list("aabb")}, {"judge": ["a"]}, ValueError, "judge must have one value for each of 4"),
    ({"cluster": list("aabb")}, {"judge": ["a", None, "b", "b"]}, ValueError, r"judge\[1\] is missing"),
    ({"cluster": list("aabb")}, {"l2": 1.0}, ValueError, "l2 needs a prior of the discriminations"),
    ({"cluster": list("aabb")}, {"tol": 0.0}, ValueError, "tol must be positive"),
    (
        {"cluster": list("abab")},
        {},
        af.ConvergenceError,
        "judge .* agrees with the order in every vote; give l2 and prior",
    ),
    ({"cluster": list("aabb"), "n_items": 3}, {}, ValueError, "2 components"),
]


@pytest.mark.parametrize(("given", "options", "error", "message"), JUDGE_ERRORS)
def test_errors_of_judges(given, options, error, message):
    with pytest.raises(error, match=message):
        fit_judges(Comparisons(**SIDES, **given), **options)


# ---- agreement


NONE = None
# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part C.
PUBLISHED = [
    [1, 1, NONE, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [NONE, 5, 5, 5],
    [NONE, NONE, 1, 1],
    [NONE, NONE, 3, NONE],
]


def table(rows):
    return np.array(rows, dtype=float)


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_the_published_one(level, expected):
    found = krippendorff_alpha(table(PUBLISHED), level, replicates=0)
    assert round(found.alpha, 3) == expected
    assert found.ratings == 40
    assert np.isnan(found.low)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_all_pairs(seed, level):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(0, 4, (12, 3)) * 1.5
    rows = [[None if rng.random() < 0.2 else value for value in row] for row in ratings.tolist()]
    found = krippendorff_alpha(table(rows), level, replicates=0)
    np.testing.assert_allclose(found.alpha, oracle.alpha(rows, getattr(oracle, level)), rtol=1e-12)


def test_intervals_of_alpha_hold_it():
    rng, held = np.random.default_rng(0), []
    for _ in range(300):
        truth = rng.integers(0, 2, 100)
        ratings = np.where(rng.random((100, 3)) < 0.2, 1 - truth[:, None], truth[:, None])
        found = krippendorff_alpha(ratings, confidence=0.9, replicates=400, rng=rng)
        held.append(found.low <= 0.36 <= found.high)  # (1 - 2 · 0.2)²
    assert abs(np.mean(held) - 0.9) <= 0.015 + 2.5 * np.sqrt(0.09 / 300)


def test_agreement_of_judges_is_alpha_over_pairs():
    given, _, _ = votes_of(np.random.default_rng(6), [2.0, 2.0], 4, 60)
    wins = given.to_matrix()[0]
    rows = [[0] * int(wins[i, j]) + [1] * int(wins[j, i]) for i in range(4) for j in range(i + 1, 4)]
    found = fit_judges(given, l2=1.0, prior=1.0).agreement(replicates=200)
    np.testing.assert_allclose(found.alpha, oracle.alpha(rows, oracle.nominal), rtol=1e-12)
    assert found.low <= found.alpha <= found.high


def test_ratings_that_are_all_equal_have_no_alpha():
    assert np.isnan(krippendorff_alpha([[1, 1], [1, 1]], replicates=5).alpha)


@pytest.mark.parametrize(
    ("ratings", "options", "message"),
    [
        ([1.0, 2.0], {}, "ratings must have two axes, units and judges"),
        ([[1.0, np.nan], [np.nan, 1.0]], {}, "no unit has two ratings"),
        ([[1.0, np.inf]], {}, r"ratings\[0, 1\] = inf is not finite"),
        ([[1.0, 2.0]], {"level": "ratio"}, "level must be one of 'nominal', 'ordinal', 'interval'"),
        ([[1.0, 2.0]], {"confidence": 95}, "confidence must be between 0 and 1, not 95"),
        ([[1.0, 2.0]], {"replicates": -1}, "replicates must be at least 0, got -1"),
    ],
)
def test_errors_of_alpha(ratings, options, message):
    with pytest.raises(ValueError, match=message):
        krippendorff_alpha(ratings, **options)


# ---- next pairs


def board(seed=0, items=6):
    rng = np.random.default_rng(seed)
    wins = rng.poisson(4 / (1 + np.exp(np.subtract.outer(np.arange(items), np.arange(items)) / 3))) + 1.0
    return Comparisons.from_matrix(wins * (1 - np.eye(items)))


def spread(covariance, i, j):
    return covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]


@pytest.mark.parametrize("seed", range(3))
def test_d_optimal_pairs_have_the_largest_determinants(seed):
    """The determinant of the information, in all coordinates but one, after each pick that could be made."""
    result = fit(board(seed))
    information, scores = np.linalg.pinv(result.covariance()), result.scores
    for i, j in next_pairs(result, 8, objective="d-optimal"):
        gains = {}
        for a in range(6):
            for b in range(a + 1, 6):
                e = np.eye(6)[a] - np.eye(6)[b]
                p = 1 / (1 + np.exp(scores[b] - scores[a]))
                gains[a, b] = np.linalg.det((information + p * (1 - p) * np.outer(e, e))[1:, 1:])
        best = max(gains.values())
        assert gains[min(i, j), max(i, j)] >= best * (1 - 1e-9)
        e = np.eye(6)[i] - np.eye(6)[j]
        p = 1 / (1 + np.exp(scores[j] - scores[i]))
        information = information + p * (1 - p) * np.outer(e, e)


def test_uncertain_pairs_are_those_whose_order_becomes_most_certain():
    result = fit(board(1))
    (i, j), *_ = next_pairs(result, 1)
    covariance, scores = result.covariance(), result.scores
    gains = {}
    for a in range(6):
        for b in range(a + 1, 6):
            e, p = np.eye(6)[a] - np.eye(6)[b], 1 / (1 + np.exp(scores[b] - scores[a]))
            after = np.linalg.pinv(np.linalg.pinv(covariance) + p * (1 - p) * np.outer(e, e))
            lead = abs(scores[a] - scores[b])
            wrong = [stats.norm.sf(lead / np.sqrt(spread(known, a, b))) for known in (covariance, after)]
            gains[a, b] = wrong[0] - wrong[1]
    assert gains[min(i, j), max(i, j)] >= max(gains.values()) * (1 - 1e-9)
    assert scores[i] >= scores[j]


def test_the_top_is_asked_of_by_what_tells_most_of_its_hardest_challenger():
    result = fit(board(2))
    covariance, scores = result.covariance(), result.scores
    best = int(scores.argmax())
    others = [item for item in range(6) if item != best]
    rival = min(others, key=lambda j: (scores[best] - scores[j]) / np.sqrt(spread(covariance, best, j)))
    left = {}
    for a in range(6):
        for b in range(a + 1, 6):
            e, p = np.eye(6)[a] - np.eye(6)[b], 1 / (1 + np.exp(scores[b] - scores[a]))
            after = np.linalg.pinv(np.linalg.pinv(covariance) + p * (1 - p) * np.outer(e, e))
            left[a, b] = spread(after, best, rival)
    (i, j), *_ = next_pairs(result, 1, objective="top")
    assert left[min(i, j), max(i, j)] <= min(left.values()) * (1 + 1e-9)


def more_votes(rng, truth, pairs):
    won = rng.random(len(pairs)) < 1 / (1 + np.exp(truth[pairs[:, 1]] - truth[pairs[:, 0]]))
    return Comparisons(np.where(won, *pairs.T), np.where(won, *pairs.T[::-1]), n_items=len(truth))


def studied(objective, studies=60):
    """Return Kendall's correlation with the truth, and how often the best item is found, after 400 + 8 · 50 votes."""
    correlation, found = [], []
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        truth, popular = rng.normal(size=20), rng.permutation(1 / (1 + np.arange(20)))

        def at_random(count, rng=rng, popular=popular):
            first, second = rng.choice(20, (2, count), p=popular / popular.sum())
            return np.column_stack([first, np.where(first == second, (first + 1) % 20, second)])

        votes = more_votes(rng, truth, at_random(400))
        for _ in range(8):
            result = fit(votes, l2=0.1)
            pairs = at_random(50) if objective is None else next_pairs(result, 50, objective=objective)
            votes = votes + more_votes(rng, truth, pairs)
        scores = fit(votes, l2=0.1).scores
        correlation.append(stats.kendalltau(scores, truth).statistic)
        found.append(scores.argmax() == truth.argmax())
    return np.mean(correlation), np.mean(found)


@pytest.mark.optimised
def test_chosen_pairs_say_more_than_pairs_at_random():
    order, best = studied(None)
    for objective in ("uncertainty", "d-optimal"):
        assert studied(objective)[0] > order + 0.04
    assert studied("top")[1] > best + 0.08


@pytest.mark.parametrize("objective", ["uncertainty", "d-optimal", "top"])
def test_two_items_are_the_only_pair(objective):
    result = fit(Comparisons([0, 1, 1], [1, 0, 0]))
    assert next_pairs(result, 3, objective=objective).tolist() == [[1, 0]] * 3
    assert next_pairs(result, 0, objective=objective).shape == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((board(), 1), {}, TypeError, "fit must be a RatingFit, not Comparisons"),
        ((fit(board()), -1), {}, ValueError, "n must not be negative, not -1"),
        ((fit(board()), 1), {"objective": "random"}, ValueError, "objective must be one of 'uncertainty', 'd-optimal'"),
    ],
)
def test_errors_of_next_pairs(arguments, options, error, message):
    with pytest.raises(error, match=message):
        next_pairs(*arguments, **options)


@pytest.mark.parametrize("exponent", [1023, -1000])
def test_agreement_does_not_depend_on_the_unit_of_ratings(exponent):
    ratings = np.array([[1.0, 0.5, 1.0], [0.25, 0.25, 0.5], [np.nan, 0.75, 0.75], [1.25, 1.0, 1.5]])
    of_one, of_other = (krippendorff_alpha(given, "interval") for given in (ratings, np.ldexp(ratings, exponent)))
    assert of_one == of_other
