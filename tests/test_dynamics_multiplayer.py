"""Several policies trained against each other: by the definition, player by player, and beside the one of MRS."""

import importlib
import re

import numpy as np
import pytest
from scipy.special import logsumexp

from alignment_fast.dynamics import multiplayer, simulate

STATED = {"multiplayer": r"a round adds (1e-15) \(1 \+ β"}
P = np.array([[0.5, 0.8, 0.3, 0.6], [0.2, 0.5, 0.9, 0.4], [0.7, 0.1, 0.5, 0.55], [0.4, 0.6, 0.45, 0.5]])
SAMPLER, REF = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.3, 0.2, 0.1])


def by_definition(init, alpha, beta, lam, steps):
    policies = [np.log(np.array(pi) / np.sum(pi)) for pi in init]
    for _ in range(steps):
        new = []
        for i in range(len(policies)):
            others = [pi for j, pi in enumerate(policies) if j != i]
            mu = lam * sum(np.exp(pi) for pi in others) / len(others) + (1 - lam) * SAMPLER
            theta = alpha * sum(others) / len(others) + (1 - alpha) * np.log(REF) + beta * P @ mu
            new.append(theta - logsumexp(theta))
        policies = new
    return np.array(policies)


@pytest.mark.parametrize("players", [2, 3, 5])
@pytest.mark.parametrize(("alpha", "lam"), [(1.0, 1.0), (0.6, 0.3), (0.0, 1.0)])
def test_rounds_are_those_of_the_definition(players, alpha, lam):
    init = np.random.default_rng(players).dirichlet(np.ones(4), players)
    found = multiplayer(P, alpha=alpha, beta=1.3, lam=lam, init=init, sampler=SAMPLER, ref=REF, steps=6)
    exact = by_definition(init, alpha, 1.3, lam, 6)
    stated = float(re.search(STATED["multiplayer"], multiplayer.__doc__)[1])
    assert np.all(np.abs(found.log_pi - exact) <= 6 * 4 * stated * (1 + 1.3 + np.abs(exact).max()))
    np.testing.assert_array_equal(found.path[-1], found.log_pi)


@pytest.mark.parametrize("players", [2, 4])
def test_players_that_start_alike_move_as_one_policy(players):
    start = np.array([0.4, 0.3, 0.2, 0.1])
    found = multiplayer(P, alpha=0.7, beta=2.0, lam=0.5, init=np.tile(start, (players, 1)), ref=REF, steps=30)
    one = simulate(P, alpha=0.7, beta=2.0, lam=0.5, init=start, ref=REF, steps=30, record=1)
    np.testing.assert_allclose(found.path, np.repeat(one.path[:, None], players, axis=1), atol=1e-12)
    np.testing.assert_allclose(found.distance, 0.0, atol=1e-15)


def test_exploitability_is_what_the_best_response_wins_from_the_mean():
    init = np.random.default_rng(0).dirichlet(np.ones(4), 3)
    found = multiplayer(P, beta=0.5, init=init, steps=4)
    mean = np.exp(found.path).mean(axis=1)
    np.testing.assert_allclose(found.exploitability, [(P @ pi).max() - 0.5 for pi in mean], atol=1e-15)
    averages = [mean[: t + 1].mean(axis=0) for t in range(5)]
    np.testing.assert_allclose(found.average_exploitability, [(P @ pi).max() - 0.5 for pi in averages], atol=1e-15)
    assert np.all(found.exploitability >= -1e-15)


def test_policies_without_mass_somewhere():
    init = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    found = multiplayer(P, beta=1.0, init=init, steps=3)
    np.testing.assert_array_equal(np.exp(found.path[1]), [init[1], init[0]])  # each starts from the other
    assert np.isfinite(multiplayer(P, alpha=0.0, beta=1.0, init=init, steps=1).log_pi).all()
    assert multiplayer(P, beta=1.0, init=init, steps=0).path.shape == (1, 2, 4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"init": [0.5, 0.5, 0.0, 0.0]}, ValueError, r"init of shape \(4,\) is not \(n, K\)"),
        ({"init": [[0.25] * 4]}, ValueError, "with two players or more"),
        ({"init": [[0.5, 0.5]] * 2}, ValueError, "init must have shape"),
        ({"init": [[0.0] * 4] * 2}, ValueError, "init.* has no positive mass"),
        ({"init": [[np.nan, 1.0, 1.0, 1.0]] * 2}, ValueError, r"init\[0, 0\] = nan is NaN"),
        ({"alpha": 1.5}, ValueError, "alpha = 1.5 must be between 0 and 1"),
        ({"beta": -1.0}, ValueError, "beta = -1.0 must be finite and not negative"),
        ({"lam": [0.5]}, TypeError, "lam must be a number"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"steps": 1.5}, TypeError, "steps must be an integer"),
        ({"sampler": np.ones((2, 4))}, ValueError, "give one at a time"),
    ],
)
def test_bad_input(options, error, message):
    given = {"beta": 1.0, "init": np.ones((2, 4)), "steps": 2} | options
    with pytest.raises(error, match=message):
        multiplayer(P, **given)


@pytest.mark.parametrize(("alpha", "lam"), [(1.0, 1.0), (0.6, 0.3), (0.0, 0.5)])
def test_matrices_of_many_responses_are_left_to_blas(monkeypatch, alpha, lam):
    init = [[0.7, 0.1, 0.2, 0.0], [0.2, 0.3, 0.4, 0.1], [0.1, 0.3, 0.3, 0.3]]
    options = {"alpha": alpha, "beta": 1.3, "lam": lam, "init": init, "sampler": SAMPLER, "ref": REF, "steps": 5}
    found = multiplayer(P, **options)
    monkeypatch.setattr(importlib.import_module("alignment_fast.dynamics.multiplayer"), "LARGE", 0)
    for one, other in zip(found, multiplayer(P, **options), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-13)
