"""The fewest votes whose removal turns an order: against all removals of small data, and on votes with a design."""

import math

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.ranking import Comparisons, fit, fragility
from alignment_fast.ranking._fragility_bound import least_removal
from alignment_fast.ranking._removal import Removals
from oracles import fragility as oracle


def small_wins(rng):
    """Return a matrix of wins of three or four items whose scores are finite, and one item is the best."""
    while True:
        items = int(rng.integers(2, 5))
        wins = rng.integers(0, 4 if items > 2 else 8, (items, items)) * (1 - np.eye(items, dtype=int))
        wins = wins * (rng.random((items, items)) < 0.85)
        if oracle.reach(wins[None] > 0).all():
            scores = np.sort(oracle.scores(wins[None].astype(float))[0])
            if scores[-1] - scores[-2] > 1e-6:
                return wins.astype(float)


def remains_turned(wins, found, item, others):
    """Return whether the order is turned after what was found has gone."""
    left = wins.copy()
    for votes in found.cells:
        left[votes.winner, votes.loser] -= votes.weight
    assert (left >= 0).all()
    return (oracle.leads(left[None], item)[0, others] < -oracle.EQUAL).any()


def best_against_others(seed, count, most):
    """Yield questions (wins, item, others, most) of small data: the best item, and all others."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        wins = small_wins(rng)
        best = int(oracle.scores(wins[None])[0].argmax())
        yield wins, best, np.delete(np.arange(len(wins)), best).tolist(), most


def neighbours(seed, count):
    """Yield questions (wins, item, others, most) of small data: an item, and the one behind it."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        wins = small_wins(rng)
        scores = oracle.scores(wins[None])[0]
        order = np.argsort(-scores)
        place = int(rng.integers(0, len(order) - 1))
        i, j = int(order[place]), int(order[place + 1])
        if scores[i] - scores[j] >= 1e-6:
            yield wins, i, [j], 3


def questions():
    """Yield all that the tests below ask: what oracles/fragility.json holds."""
    yield from (one for block in range(10) for one in best_against_others(block, 100, 4))
    yield from (one for block in range(3) for one in neighbours(100 + block, 60))
    yield from (one for block in range(5) for one in best_against_others(200 + block, 60, 3))


def test_the_stored_answers_are_those_of_the_oracle():
    for text in list(oracle.stored())[::40]:
        question = oracle.question(text)
        assert oracle.key(*question) == text
        assert oracle.fewest_votes(*question) == oracle.stored()[text]


# The first two read and write all memory that the others do.
BLOCKS = [0, 1, *(pytest.param(block, marks=pytest.mark.optimised) for block in range(2, 10))]


@pytest.mark.parametrize("block", BLOCKS)
def test_top_of_small_data_is_that_of_all_removals(block):
    """1 000 data sets: bounds never lie above the fewest, removals never below, and nearly all are the fewest."""
    exact = 0
    for wins, best, others, most in best_against_others(block, 100, 4):
        found = fragility(Comparisons.from_matrix(wins))
        fewest = oracle.fewest_votes_stored(wins, best, others, most)
        if fewest is None:
            assert found.removed is None or found.removed > most
        else:
            assert found.lower_bound <= fewest <= found.removed
            assert remains_turned(wins, found, best, others)
            exact += found.removed == fewest
            continue
        exact += 1
    assert exact >= 99


@pytest.mark.parametrize("block", range(3))
def test_orders_of_small_data_are_those_of_all_removals(block):
    for wins, i, others, most in neighbours(100 + block, 60):
        found = fragility(Comparisons.from_matrix(wins), ("order", i, others[0]))
        fewest = oracle.fewest_votes_stored(wins, i, others, most)
        if fewest is None:
            assert found.removed is None or found.removed > most
        else:
            assert found.lower_bound <= fewest <= found.removed <= fewest + 1
            assert remains_turned(wins, found, i, others)


def bound_of(wins, item, others):
    """Return the lower bound as it is, whatever removal was found."""
    removals = Removals(operations("ranking"), Comparisons.from_matrix(wins), "votes")
    return least_removal(removals, item, np.array(others))


@pytest.mark.parametrize("block", range(5))
def test_the_bound_itself_is_never_above_the_fewest(block):
    for wins, best, others, most in best_against_others(200 + block, 60, 3):
        fewest = oracle.fewest_votes_stored(wins, best, others, most)
        assert fewest is None or bound_of(wins, best, others) <= fewest


@pytest.mark.parametrize("lost", [1, 2, 5, 30, 300, 5000])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 2.0, 10.0])
def test_the_bound_of_two_items_is_below_their_difference_and_a_part_of_it(lost, share):
    """One more win must go than one has more than the other."""
    more = math.ceil(share * lost)
    bound = bound_of(np.array([[0.0, lost + more], [lost, 0.0]]), 0, [1])
    assert bound <= more + 1
    if share <= 0.5:
        assert bound >= more / 5


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_of_balanced_boards_is_below_twice_the_lead_in_wins(seed):
    rng = np.random.default_rng(seed)
    wins = rng.binomial(30, 1 / (1 + np.exp(np.subtract.outer(np.linspace(2, 0, 12), np.linspace(2, 0, 12)))).T)
    wins = (np.triu(wins, 1) + np.tril(30 - wins.T, -1)).astype(float)
    best, second = np.argsort(-wins.sum(axis=1))[:2].tolist()
    lead = wins.sum(axis=1)[best] - wins.sum(axis=1)[second]
    assert bound_of(wins, best, [second]) <= 2 * (lead + 1)


@pytest.mark.parametrize("kind", ["voters", "tasks"])
@pytest.mark.parametrize("seed", range(8))
def test_whole_clusters_go_together(seed, kind):
    rng = np.random.default_rng(seed)
    person, first = np.repeat(np.arange(7), 6), rng.integers(0, 3, 42)
    second = (first + rng.integers(1, 3, 42)) % 3
    names = np.array([f"pérson {number}" for number in range(7)])
    votes = Comparisons(first, second, cluster=names[person], n_items=3)
    wins = votes.to_matrix()[0]
    best = int(oracle.scores(wins[None])[0].argmax())
    units = []
    for one in range(7):
        part = np.zeros((3, 3))
        np.add.at(part, (first[person == one], second[person == one]), 1.0)
        units.append((part, 1))
    found = fragility(votes, kind=kind)
    fewest = oracle.fewest(units, wins, best, np.delete(np.arange(3), best), 7)
    assert found.lower_bound <= fewest <= found.removed <= fewest + 1
    assert found.share == found.removed / 7
    assert len(found.names) == found.removed
    gone = np.isin(names[person], found.names)
    assert sum(votes.weight for votes in found.cells) == gone.sum()


def test_ties_are_half_a_win_for_each():
    """Of 2 wins and a tie against 1 win: two votes must go, of which a tie is worth nothing."""
    votes = Comparisons([0, 0, 0, 1], [1, 1, 1, 0], tied=[False, False, True, False])
    found = fragility(votes)
    assert (found.removed, found.lower_bound) == (2, 2)
    assert found.cells == ((0, 1, False, 2.0),)
    assert found.challenger == 1


def test_weighted_votes_go_one_by_one():
    votes = Comparisons([0, 0, 1, 0, 1], [1, 1, 0, 1, 0], weight=[5.5, 0.25, 3.0, 0.25, 1.0])
    found = fragility(votes)
    assert (found.removed, found.lower_bound, found.share) == (1, 1, 0.2)
    assert found.cells == ((0, 1, False, 5.5),)


def test_soft_votes_go_one_by_one():
    votes = Comparisons([0, 0, 0], [1, 1, 1], outcome=[0.9, 0.6, 0.3])
    found = fragility(votes)
    assert (found.removed, found.lower_bound) == (1, 1)
    assert [(votes.winner, votes.loser) for votes in found.cells] == [(0, 1), (1, 0)]


def test_scores_are_those_of_what_is_left():
    wins = np.array([[0, 30, 25, 9], [24, 0, 28, 7], [20, 22, 0, 9], [5, 5, 5, 0.0]])
    found = fragility(Comparisons.from_matrix(wins, labels=list("abcd")))
    left = wins.copy()
    for votes in found.cells:
        left["abcd".index(votes.winner), "abcd".index(votes.loser)] -= votes.weight
    np.testing.assert_allclose(found.scores, fit(Comparisons.from_matrix(left)).scores, atol=1e-8)
    assert found.challenger == "abcd"[int(found.scores.argmax())]
    assert found.removed == sum(votes.weight for votes in found.cells)
    assert found.share == found.removed / wins.sum()


@pytest.mark.parametrize("items", [30, 300])
def test_large_boards(items):
    """Every pair meets as often: the lead in wins is what must go, against the runner-up above all."""
    rng = np.random.default_rng(items)
    wins = rng.binomial(40, 1 / (1 + np.exp(np.subtract.outer(np.linspace(2, 0, items), np.linspace(2, 0, items)))).T)
    wins = np.triu(wins, 1) + np.tril(40 - wins.T, -1)
    votes = Comparisons.from_matrix(wins.astype(float))
    best, second = np.argsort(-fit(votes).scores)[:2].tolist()
    found = fragility(votes)
    lead = int(wins.sum(axis=1)[best] - wins.sum(axis=1)[second])
    # Both have one score when their expected wins are equal: each vote takes away a win at most, half of one at least.
    assert lead <= found.removed <= 2 * (lead + 1)
    assert lead / 8 <= found.lower_bound <= found.removed


def test_one_vote_that_alone_keeps_somebody_from_winning_all():
    found = fragility(Comparisons.from_matrix([[0, 8, 0], [2, 0, 1], [0, 1, 0.0]]))
    assert (found.removed, found.lower_bound, found.challenger) == (1, 1, 2)
    assert found.cells == ((1, 2, False, 1.0),)


def test_equal_leaders_hold_nothing():
    """Neither is ahead, so one vote of either turns it."""
    found = fragility(Comparisons.from_matrix([[0, 4, 3], [4, 0, 3], [1, 1, 0.0]]))
    assert (found.removed, found.lower_bound) == (1, 1)


ERRORS = [
    ([[0, 1], [1, 0]], {"kind": "people"}, ValueError, "kind must be one of 'votes', 'voters', 'tasks', not 'people'"),
    ([[0, 1], [1, 0]], {"target": "top"}, ValueError, r"target must be \('top',\) or \('order', i, j\), not 'top'"),
    ([[0, 1], [1, 0]], {"target": ("order", 0)}, ValueError, "target must be"),
    ([[0, 2], [1, 0]], {"target": ("order", 1, 0)}, ValueError, "target: 1 is not ahead of 0"),
    ([[0, 2], [1, 0]], {"target": ("order", 0, 5)}, ValueError, "5 is not the index of one of 2 items"),
    ([[0, 2], [1, 0]], {"kind": "voters"}, ValueError, "kind 'voters' needs to know who each vote is of"),
    ([[0, 2], [0, 0]], {}, af.ConvergenceError, "separable"),
    (np.kron(np.eye(2), [[0, 2], [1, 0]]), {}, ValueError, "2 components"),
]


@pytest.mark.parametrize(("wins", "options", "error", "message"), ERRORS)
def test_errors(wins, options, error, message):
    with pytest.raises(error, match=message):
        fragility(Comparisons.from_matrix(wins), **options)


def test_what_is_no_comparisons_is_refused():
    with pytest.raises(TypeError, match="comparisons must be Comparisons, not list"):
        fragility([[0, 1], [1, 0]])
