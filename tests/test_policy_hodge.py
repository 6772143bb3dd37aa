"""Scalar and cyclic parts of preferences, against least squares over pairs, simulation, and pure cases."""

import re
import threading

import numpy as np
import pytest

from alignment_fast.policy import hodge
from oracles import hodge as oracle

STATED = {"hodge": r"Accuracy: (1e-12) for weights within (1e6) of each other"}


def random_preferences(seed, *shape):
    upper = np.triu(np.random.default_rng(seed).random(shape), 1)
    return upper + np.tril(1 - np.swapaxes(upper, -1, -2), -1) + 0.5 * np.eye(shape[-1])


def random_weights(seed, K, missing=()):
    w = np.triu(np.random.default_rng(seed).integers(1, 60, (K, K)), 1).astype(float)
    for i, j in missing:
        w[i, j] = 0.0
    return w + w.T


@pytest.mark.parametrize("K", [2, 3, 5, 9])
def test_scores_shares_and_errors_are_those_of_least_squares(K):
    P, w = random_preferences(K, K, K), random_weights(K, K, [(0, 2)] if K > 3 else [])
    found = hodge(P, w)
    scores, share, errors, noise = oracle.split(P, w)
    stated = float(re.search(STATED["hodge"], hodge.__doc__)[1])
    np.testing.assert_allclose(found.scores, scores, atol=stated)
    np.testing.assert_allclose(found.standard_errors, errors, rtol=1e-10)
    assert found.cyclic_share == pytest.approx(share, abs=stated)
    assert found.noise_share == pytest.approx(noise, abs=1e-10)
    plain, equal = hodge(P), oracle.split(P, 1 - np.eye(K))
    np.testing.assert_allclose(plain.scores, equal[0], atol=stated)
    assert plain.standard_errors is plain.share_error is plain.noise_share is None


def test_parts_are_orthogonal_and_the_cyclic_one_has_no_divergence():
    P, w = random_preferences(1, 6, 6), random_weights(1, 6)
    found = hodge(P, w)
    scalar = found.scores[:, None] - found.scores
    np.testing.assert_allclose(found.cyclic + scalar, P - 0.5, atol=1e-14)
    np.testing.assert_allclose((w * found.cyclic).sum(axis=1), 0.0, atol=1e-12)
    assert (w * found.cyclic * scalar).sum() == pytest.approx(0.0, abs=1e-11)


def test_pure_scores_have_no_cycles_and_a_pure_cycle_no_scores():
    scores = np.array([0.2, 0.05, -0.25])
    found = hodge(0.5 + scores[:, None] - scores)
    np.testing.assert_allclose(found.scores, scores, atol=1e-15)
    assert found.cyclic_share == pytest.approx(0.0, abs=1e-28)
    cycle = hodge([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]])
    np.testing.assert_allclose(cycle.scores, 0.0, atol=1e-15)
    assert cycle.cyclic_share == pytest.approx(1.0)


def test_nothing_preferred_and_one_response():
    equal = hodge(np.full((4, 4), 0.5), np.ones((4, 4)))
    np.testing.assert_array_equal(equal.scores, 0.0)
    assert equal.cyclic_share == 0
    assert np.isnan(equal.share_error)
    assert hodge([[0.5]]).scores == [0.0]


def test_errors_are_the_scatter_of_repeated_experiments():
    P, number = random_preferences(5, 5, 5), 400.0 * (1 - np.eye(5))
    rng = np.random.default_rng(0)
    wins = np.triu(rng.binomial(400, np.triu(P, 1), (3000, 5, 5)) / 400, 1)
    shares = wins + np.tril(1 - np.swapaxes(wins, -1, -2), -1) + 0.5 * np.eye(5)
    found = hodge(shares, number)
    assert found.scores.shape == (3000, 5)
    np.testing.assert_allclose(found.standard_errors.mean(axis=0), found.scores.std(axis=0), rtol=0.05)
    assert found.share_error.mean() == pytest.approx(found.cyclic_share.std(), rel=0.05)
    inside = np.abs(found.scores[:, 0] - hodge(P).scores[0]) < 1.959964 * found.standard_errors[:, 0]
    assert abs(inside.mean() - 0.95) < 0.015


def test_noise_leaves_the_share_that_is_said():
    """Preferences by scores alone, from 40 comparisons a pair."""
    scores = np.linspace(-0.2, 0.2, 6)
    P = 0.5 + scores[:, None] - scores
    rng = np.random.default_rng(1)
    wins = np.triu(rng.binomial(40, np.clip(np.triu(P, 1), 0, 1), (2000, 6, 6)) / 40, 1)
    shares = wins + np.tril(1 - np.swapaxes(wins, -1, -2), -1) + 0.5 * np.eye(6)
    found = hodge(shares, 40.0 * np.ones((6, 6)))
    assert found.cyclic_share.mean() == pytest.approx(found.noise_share.mean(), rel=0.05)


def test_rows_types_and_weights_of_any_size():
    P, w = random_preferences(2, 3, 4, 4), random_weights(2, 4)
    found = hodge(P, w)
    np.testing.assert_allclose(found.scores[1], hodge(P[1], w).scores, atol=1e-14)
    np.testing.assert_allclose(hodge(P, 1e200 * w).scores, found.scores, atol=1e-13)
    assert hodge(P.astype(np.float32), w.astype(np.float32)).scores.dtype == np.float32


def test_eigenproblems_leave_room_for_ctrl_c(monkeypatch):
    """Many go to LAPACK in pieces, with the bits of each alone, and a large one goes there on another thread."""
    sizes, on_main, eigh = [], [], np.linalg.eigh

    def noted(x):
        sizes.append(len(x))
        on_main.append(threading.current_thread() is threading.main_thread())
        return eigh(x)

    monkeypatch.setattr(np.linalg, "eigh", noted)
    P, w = random_preferences(3, 40, 64, 64), random_weights(3, 64)
    found = hodge(P, w)
    assert sum(sizes) == 40
    assert max(sizes) < 40
    assert all(on_main)
    for row in (0, 17, 39):
        for field, alone in zip(found, hodge(P[row], w), strict=True):
            np.testing.assert_array_equal(field[row], alone)
    on_main.clear()
    hodge(random_preferences(4, 180, 180), random_weights(4, 180))
    assert on_main == [False]
    weights = np.broadcast_to(w, P.shape).copy()
    weights[25, 0] = weights[25, :, 0] = weights[39] = 0.0
    with pytest.raises(ValueError, match=r"weights\[25\] do not connect all responses"):
        hodge(P, weights)


@pytest.mark.parametrize(
    ("P", "weights", "message"),
    [
        ([[0.5, 0.7], [0.4, 0.5]], None, "not complementary"),
        ([[0.5, np.nan], [0.4, 0.5]], None, r"P\[0, 1\] = nan is NaN"),
        ([[0.5, 0.7], [0.3, 0.5]], [[0.0, 1.0]], r"weights of shape \(1, 2\) do not fit P"),
        ([[0.5, 0.7], [0.3, 0.5]], np.ones((3, 2, 2)), "do not fit P"),
        ([[0.5, 0.7], [0.3, 0.5]], [[0.0, -1.0], [-1.0, 0.0]], r"weights\[0, 1\] = -1.0 is not a finite number >= 0"),
        ([[0.5, 0.7], [0.3, 0.5]], [[0.0, 1.0], [2.0, 0.0]], r"weights\[0, 1\] = 1.0 is not what it is the other way"),
        ([[0.5, 0.7], [0.3, 0.5]], np.zeros((2, 2)), "weights do not connect all responses"),
        (random_preferences(0, 4, 4), np.kron(np.eye(2), np.ones((2, 2))), "weights do not connect all responses"),
    ],
)
def test_bad_input(P, weights, message):
    with pytest.raises(ValueError, match=message):
        hodge(P, weights)
