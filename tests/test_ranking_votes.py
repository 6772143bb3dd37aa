"""Kernels of votes one by one and of the iterations of other packages, against loops written from the formulas."""

import numpy as np
import pytest

from alignment_fast._operations import operations
from bounds import assert_same_bits, bound
from oracles import votes as oracle

OPS = operations("ranking")


def drawn(n, size, seed, kinds=3):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n, size)
    second = (first + rng.integers(1, n, size)) % n
    return first, second, rng.integers(0, kinds, size).astype(np.int8), rng.integers(1, 9, size) / 4.0


def listed(first, second, winner, weight):
    return list(zip(first.tolist(), second.tolist(), winner.tolist(), weight.tolist(), strict=True))


def tables(n):
    return np.zeros((n, n)), np.zeros((n, n))


@pytest.mark.parametrize("size", [0, 1, 50, 9000])
def test_matrices_hold_every_vote_and_what_is_neither_is_counted(size):
    first, second, winner, weight = drawn(5, size, size, kinds=5)
    second = np.where(np.arange(size) % 7 == 0, first, second)  # some against themselves
    expected = oracle.matrices(listed(first, second, winner, weight), 5)
    wins, ties = tables(5)
    unknown = OPS.vote_matrices(first.astype(np.int32), second.astype(np.int32), winner, weight, wins, ties)
    assert unknown == (winner > 2).sum()
    assert_same_bits("ranking.vote_matrices", wins, expected[0])
    assert_same_bits("ranking.vote_matrices", ties, expected[1])
    if size:
        numbers, names = OPS.number_small_integers(first, second)
        wins, ties = tables(5)
        assert OPS.integer_vote_matrices(first, second, numbers, winner, weight, wins, ties) == unknown
        known = slice(len(names))
        np.testing.assert_array_equal(wins[known, known], expected[0][np.ix_(names, names)])
        np.testing.assert_array_equal(ties[known, known], expected[1][np.ix_(names, names)])


def test_small_integers_are_numbered_as_they_appear():
    first, second = np.array([70, 3, 70, 65_535]), np.array([0, 3, 9])
    numbers, names = OPS.number_small_integers(first, second)
    assert names.tolist() == [70, 3, 65_535, 0, 9]
    np.testing.assert_array_equal(OPS.codes_of_small_integers(first, numbers), [0, 1, 0, 2])


@pytest.mark.parametrize("value", [-1, 65_536, 2**62])
def test_other_integers_are_not_numbered(value):
    assert OPS.number_small_integers(np.array([1, 2]), np.array([value])) is None


@pytest.mark.parametrize("exact", [False, True])
def test_points_go_from_vote_to_vote(exact):
    first, second, winner, weight = drawn(6, 300, 1)
    rules = {"base": 10.0, "scale": 400.0, "k": 24.0, "win_weight": 1.0, "tie_weight": 0.5}
    expected = oracle.points(listed(first, second, winner, weight), 6, initial=1000.0, **rules)
    points, worth = np.full(6, 1000.0), (np.log(10.0) / 400.0, 24.0, 1.0, 0.5)
    OPS.vote_points(first.astype(np.int32), second.astype(np.int32), winner, weight, worth, exact, points)
    np.testing.assert_allclose(points, expected, rtol=bound("ranking.vote_points"))


def test_points_that_overflow_a_power_are_expected_to_win_unless_exact():
    one, other, winner = np.array([0], np.int32), np.array([1], np.int32), np.array([0], np.int8)
    for exact, expected in ((False, [-0.5, -0.5]), (True, [0.0, 0.0])):
        points = np.full(2, 200_000.0)
        OPS.vote_points(one, other, winner, None, (np.log(10.0) / 400.0, 1.0, 1.0, 0.5), exact, points)
        np.testing.assert_array_equal(points - 200_000.0, expected)


@pytest.mark.parametrize("sweeps", [1, 3])
def test_strengths_after_few_sweeps(sweeps):
    wins = np.random.default_rng(2).integers(1, 9, (5, 5)).astype(float)
    score = np.ones(5)
    assert OPS.strengths(wins, np.ascontiguousarray(wins.T), 0.0, sweeps, score) == sweeps
    np.testing.assert_allclose(score, oracle.strengths(wins, sweeps), rtol=bound("ranking.strengths"))


@pytest.mark.parametrize("sweeps", [1, 3])
def test_tied_strengths_after_few_sweeps(sweeps):
    rng = np.random.default_rng(3)
    wins, ties = rng.integers(1, 9, (5, 5)).astype(float), rng.integers(0, 4, (5, 5)).astype(float)
    ties += ties.T
    points, score = wins + ties / 2, np.ones(5)
    lost = np.ascontiguousarray(points.T)
    found, last, following = OPS.tied_strengths(points, lost, wins, ties, 0.5, 0.0, sweeps, score)
    expected = oracle.tied_strengths(wins, ties, 0.5, sweeps)
    assert found == sweeps
    for ours, theirs in zip((score, last, following), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=bound("ranking.tied_strengths"))


def test_the_leading_vector_after_few_sweeps():
    matrix, score = np.random.default_rng(4).random((6, 6)), np.full(6, 1 / 6)
    expected = oracle.power(matrix, score, 4)
    assert OPS.power(matrix, 0.0, 4, score) == 4
    np.testing.assert_allclose(score, expected, rtol=bound("ranking.power"))


def test_iterations_stop_where_a_sweep_changes_little():
    score = np.full(4, 0.25)
    assert OPS.power(np.ones((4, 4)), 1e-9, 100, score) == 2
    assert OPS.power(np.ones((0, 0)), 1e-9, 100, np.empty(0)) == 0


def test_sums_below_the_fraction():
    first, second, _, times = drawn(7, 40, 5)
    weight, sums = np.random.default_rng(6).random(7) + 0.1, np.zeros(7)
    OPS.pair_sums(first, second, times, weight, sums)
    np.testing.assert_allclose(sums, oracle.pair_sums(first, second, times, weight), rtol=bound("ranking.pair_sums"))


@pytest.mark.parametrize("logit", [False, True])
def test_a_pass_of_expectation_propagation_matches_moments(logit):
    """Of the logistic function up to its mixture of normals, which is right to 2e-3 in natural parameters."""
    first, second, _, _ = drawn(4, 12, 7)
    pair, order, alpha = np.column_stack([first, second]), np.random.default_rng(8).permutation(12), 0.5
    tau, nu, mean, shift = np.zeros(12), np.zeros(12), np.zeros(4), np.zeros(4)
    covariance, precision = np.eye(4) / alpha, np.zeros((4, 4))
    OPS.ep_pass(pair, order, logit, tau, nu, covariance, mean, shift, precision)
    expected = oracle.ep_pass(pair.tolist(), order, logit, alpha, 4)
    tolerance = 2e-3 if logit else bound("ranking.ep_pass")
    for ours, theirs in zip((tau, nu, mean, covariance), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)
    np.testing.assert_allclose(np.linalg.inv(covariance), precision + alpha * np.eye(4), atol=1e-12)
    np.testing.assert_allclose(covariance @ shift, mean, atol=1e-12)
