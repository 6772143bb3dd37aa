"""Selection by other rules, and the parameter at which the gold reward of a selection peaks."""

import itertools
import re

import numpy as np
import pytest
from scipy.optimize import minimize

from alignment_fast.best_of_n import (
    BestOfN,
    best_of_majority,
    calibrated_rewards,
    curve,
    hedge,
    inference_time_pessimism,
    tsallis_weights,
    worst_of_n,
)

STATED = {"tsallis_weights": r"Accuracy: (1e-12) absolute"}


# ---- worst of n ----


def test_the_worst_of_n_by_enumeration():
    p, reward = [0.5, 0.3, 0.2], [1.0, 0.0, 1.0]
    law = np.zeros(3)
    for draws in itertools.product(range(3), repeat=3):
        least = min(reward[i] for i in draws)
        tied = [i for i in range(3) if reward[i] == least]
        for i in tied:
            law[i] += np.prod([p[j] for j in draws]) * p[i] / sum(p[j] for j in tied)
    np.testing.assert_allclose(worst_of_n(p, reward, 3), law, rtol=1e-13)
    np.testing.assert_allclose(worst_of_n(p, reward, [1, 2.5])[0], p)
    np.testing.assert_allclose(worst_of_n(np.log(p), reward, 3, log=True), law, rtol=1e-13)
    np.testing.assert_allclose(BestOfN(p, -np.array(reward)).pmf(7), worst_of_n(p, reward, 7))


# ---- Tsallis weights ----


@pytest.mark.parametrize("order", [0.3, 0.7, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("beta", [0.2, 2.0])
def test_tsallis_weights_maximise_what_they_say(order, beta):
    reward, p = np.array([0.3, -1.0, 0.9, 0.1]), np.array([0.4, 0.3, 0.2, 0.1])

    def loss(logits):
        w = np.exp(logits - logits.max())
        w /= w.sum()
        return -(w @ reward - beta * ((p * (w / p) ** order).sum() - 1) / (order * (order - 1)))

    best = minimize(loss, np.log(p), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 20_000})
    weights = tsallis_weights(reward, beta, order=order, p=p)
    assert loss(np.log(weights + 1e-300)) <= best.fun + 1e-9
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("order", [0.2, 0.5, 1.2, 2.0, 5.0])
def test_tsallis_weights_have_their_form(order):
    """(w/p)^(q-1) is linear in the reward wherever w is positive, of slope (q - 1)/beta."""
    stated = float(re.search(STATED["tsallis_weights"], tsallis_weights.__doc__)[1])
    reward = np.random.default_rng(0).normal(size=(3, 20))
    weights = tsallis_weights(reward, 0.8, order=order)
    for r, w in zip(reward, weights, strict=True):
        some = w > 1e-6
        base = (w[some] * 20) ** (order - 1)
        level = base - (order - 1) / 0.8 * r[some]
        np.testing.assert_allclose(level, level[0], atol=1e4 * stated * np.abs(base).max())
        assert abs(w.sum() - 1) <= stated


@pytest.mark.parametrize("unit", [1e308, 1.7e308, 1e-308, 5e-324])
@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_tsallis_weights_of_any_total(unit, order):
    """Found by search: NaN where the total of p is above the largest double."""
    reward = [0.0, 1.0, 2.0]
    found = tsallis_weights(reward, 0.8, order=order, p=[unit] * 3)
    np.testing.assert_allclose(found, tsallis_weights(reward, 0.8, order=order), atol=1e-15)


def test_tsallis_weights_of_order_2_are_pessimism_and_of_order_1_the_tilted_policy():
    reward = np.random.default_rng(1).normal(size=30)
    pessimism = inference_time_pessimism(reward, 0.7)
    np.testing.assert_allclose(tsallis_weights(reward, 0.7), pessimism.weights, atol=1e-13)
    tilted = np.exp(reward / 0.7)
    np.testing.assert_allclose(tsallis_weights(reward, 0.7, order=1.0), tilted / tilted.sum(), rtol=1e-13)
    near = tsallis_weights(reward, 0.7, order=1 + 1e-5)
    np.testing.assert_allclose(near, tilted / tilted.sum(), rtol=1e-3)


def test_tsallis_weights_of_tiny_pools_and_equal_rewards():
    for order in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(tsallis_weights([3.0], 1.0, order=order), [1.0])
        np.testing.assert_allclose(tsallis_weights([3.0, 3.0], 1.0, order=order, p=[3.0, 1.0]), [0.75, 0.25])
        np.testing.assert_allclose(tsallis_weights([9.0, 3.0], 1.0, order=order, p=[0.0, 1.0]), [0.0, 1.0])
    np.testing.assert_array_equal(tsallis_weights([1e308, -1e308], 1.0), [1.0, 0.0])
    assert tsallis_weights(np.float32([0.0, 1.0]), 1.0).dtype == np.float32


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0])
def test_tsallis_weights_broadcast_p(order):
    reward, p = np.array([[0.0, 1.0, 3.0], [2.0, 1.0, 0.5]]), [0.2, 0.5, 0.3]
    found = tsallis_weights(reward, 0.8, order=order, p=p)
    np.testing.assert_array_equal(found, [tsallis_weights(row, 0.8, order=order, p=p) for row in reward])
    for shape in ((2, 3), (2,)):
        with pytest.raises(
            ValueError, match=re.escape(f"p of shape {shape} does not broadcast to reward of shape (3,)")
        ):
            tsallis_weights(reward[0], 0.8, order=order, p=np.ones(shape))


@pytest.mark.parametrize(
    ("reward", "beta", "options", "message"),
    [
        ([], 1.0, {}, "holds no samples"),
        ([1.0, np.nan], 1.0, {}, r"reward\[1\] = nan is not finite"),
        ([1.0], 0.0, {}, "beta = 0.0 is not a finite number > 0"),
        ([1.0], 1.0, {"order": -1.0}, "order = -1.0 is not"),
        ([1.0], 1.0, {"p": [0.0]}, "p has a row without positive mass"),
        ([1.0, 2.0], 1.0, {"p": [-1.0, 2.0]}, r"p\[0\] = -1.0 is not"),
    ],
    ids=str,
)
def test_bad_tsallis_input(reward, beta, options, message):
    with pytest.raises(ValueError, match=message):
        tsallis_weights(reward, beta, **options)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64, np.float64, str])
def test_answers_of_every_kind_are_the_same_answers(kind):
    """Integers that lie close together are counted, all others sorted; ties go to the first sample."""
    rng = np.random.default_rng(4)
    numbers, rewards = rng.integers(0, 7, 400), rng.integers(-3, 4, 400) / 2
    number = 1 if kind in (str, np.uint8, np.uint64) else -1
    close, far = (number * numbers * step for step in (1, 12 if kind in (np.int8, np.uint8) else 10**6))
    for k in (1, 5):
        frequent = np.bincount(numbers)[numbers] >= 0.12 * 400
        best = {}
        for place in np.argsort(-rewards, kind="stable"):
            if frequent[place]:
                best.setdefault(int(numbers[place]), int(place))
        for answers in (close.astype(kind), far.astype(kind)):
            assert best_of_majority(answers, rewards, k, least=0.12).tolist() == list(best.values())[:k], (k, kind)


# ---- calibrated rewards ----


def test_calibrated_rewards_are_quantiles_with_ties_in_the_middle():
    rng = np.random.default_rng(2)
    rewards, reference = rng.integers(0, 5, (3, 6)).astype(float), rng.integers(0, 5, (3, 11)).astype(float)
    exact = [
        [((known < x).sum() + 0.5 * (known == x).sum()) / 11 for x in row]
        for row, known in zip(rewards, reference, strict=True)
    ]
    np.testing.assert_allclose(calibrated_rewards(rewards, reference=reference), exact, rtol=1e-15)
    np.testing.assert_allclose(calibrated_rewards(rewards).mean(axis=-1), 0.5)
    np.testing.assert_array_equal(calibrated_rewards(np.exp(rewards)), calibrated_rewards(rewards))
    np.testing.assert_allclose(calibrated_rewards(rewards, reference=reference, t=-3.0), -np.exp(-3 * np.array(exact)))
    assert calibrated_rewards(np.float32([1.0, 2.0])).dtype == np.float32


@pytest.mark.parametrize("known", [5, 700])
def test_calibrated_rewards_of_few_and_of_many_references(known):
    """Few are compared one by one, many are sorted."""
    rng = np.random.default_rng(0)
    rewards, reference = rng.integers(0, 40, (3, 101)) / 4, rng.integers(0, 40, (3, known)) / 4
    below, equal = (test(reference[:, None], rewards[:, :, None]).sum(axis=-1) for test in (np.less, np.equal))
    np.testing.assert_array_equal(calibrated_rewards(rewards, reference=reference), (2 * below + equal) / (2 * known))


@pytest.mark.parametrize(
    ("rewards", "options", "message"),
    [
        ([], {}, "rewards of shape .* hold no samples"),
        ([1.0, np.nan], {}, r"rewards\[1\] = nan is not finite"),
        ([1.0], {"reference": [np.inf]}, r"reference\[0\] = inf is not finite"),
        ([[1.0]], {"reference": [1.0]}, "are not for the same prompts"),
        ([1.0], {"t": 0.0}, "t = 0.0 is not a finite number other than 0"),
    ],
    ids=str,
)
def test_bad_rewards_to_calibrate(rewards, options, message):
    with pytest.raises(ValueError, match=message):
        calibrated_rewards(rewards, **options)


# ---- best of majority ----


def test_best_of_majority_takes_frequent_answers_by_reward():
    answers, rewards = [1, 1, 2, 3, 1, 3, 4], [0.2, 0.6, 0.9, 0.5, 0.1, 0.8, 0.7]
    np.testing.assert_array_equal(best_of_majority(answers, rewards, 9), [2, 5, 6, 1])
    np.testing.assert_array_equal(best_of_majority(answers, rewards, 9, least=2 / 7), [5, 1])
    np.testing.assert_array_equal(best_of_majority(answers, rewards, 1, least=2 / 7), [5])
    np.testing.assert_array_equal(
        best_of_majority(answers, rewards, 5, least=1.0), [1]
    )  # none has it: the most frequent
    np.testing.assert_array_equal(best_of_majority(["a"], [0.0]), [0])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([1], [1.0, 2.0]), {}, ValueError, "are not one each for some samples"),
        (([], []), {}, ValueError, "are not one each for some samples"),
        (([1], [np.nan]), {}, ValueError, r"rewards\[0\] = nan is not finite"),
        (([1], [1.0], 0), {}, ValueError, "k = 0 is below 1"),
        (([1], [1.0], 1.5), {}, TypeError, "k must be an integer"),
        (([1], [1.0]), {"least": 2.0}, ValueError, "least = 2.0 is not between 0 and 1"),
    ],
    ids=str,
)
def test_bad_majorities(arguments, options, error, message):
    with pytest.raises(error, match=message):
        best_of_majority(*arguments, **options)


# ---- where gold reward peaks ----


def pools(seed, size=3000, prompts=None):
    rng = np.random.default_rng(seed)
    proxy = rng.normal(size=size if prompts is None else (prompts, size))
    return proxy, proxy - 0.4 * proxy**2 + rng.normal(size=proxy.shape)


def test_the_peak_of_best_of_n_is_that_of_the_curve():
    proxy, gold = pools(0)
    found = hedge(proxy, gold)
    by_n = curve(proxy, np.arange(1, 60), values=gold, estimator="v").mean
    assert abs(np.argmax(by_n) + 1 - found.parameter) < 1
    assert found.gold == pytest.approx(by_n.max(), abs=1e-3)


@pytest.mark.parametrize("family", ["best_of_n", "poisson", "soft"])
def test_the_peak_is_where_a_search_finds_it(family):
    proxy, gold = np.round(pools(1, 300)[0], 1), pools(1, 300)[1]
    u = np.array([(proxy < x).mean() + (proxy == x).mean() for x in proxy])
    step = np.array([(proxy == x).sum() for x in proxy])

    def reward(theta):
        if family == "soft":
            e = np.exp(theta * proxy)
            return e @ gold / e.sum()
        below = (lambda v: v**theta) if family == "best_of_n" else (lambda v: v * np.exp(-theta * (1 - v)))
        return ((below(u) - below(u - step / 300)) / step) @ gold

    found = hedge(proxy, gold, family=family)
    grid = found.parameter * np.linspace(0.5, 1.5, 2001)
    values = [reward(theta) for theta in grid]
    assert found.parameter == pytest.approx(grid[np.argmax(values)], rel=1e-3)
    assert found.gold == pytest.approx(max(values), abs=1e-9)


@pytest.mark.optimised
@pytest.mark.parametrize("family", ["best_of_n", "poisson", "soft"])
@pytest.mark.parametrize("prompts", [None, 25])
def test_errors_are_the_scatter_of_repeated_experiments(family, prompts):
    size = 3000 if prompts is None else 1000
    found = [hedge(*pools(seed, size, prompts), family=family) for seed in range(120)]
    found = [one for one in found if one.parameter < np.inf]  # what is left of a peak that is not reached
    assert len(found) > 100
    parameter = np.array([one.parameter for one in found])
    spread = np.subtract(*np.quantile(parameter, [0.75, 0.25])) / 1.349
    assert np.median([one.standard_error for one in found]) == pytest.approx(spread, rel=0.25)
    scatter = np.std([one.gold for one in found])
    assert np.mean([one.gold_standard_error for one in found]) == pytest.approx(scatter, rel=0.2)


@pytest.mark.parametrize(("family", "least"), [("best_of_n", 1.0), ("poisson", 0.0), ("soft", 0.0)])
def test_proxies_that_harm_always_help_or_say_nothing(family, least):
    proxy, _ = pools(2, 200)
    harm, good = hedge(proxy, -proxy, family=family), hedge(proxy, proxy, family=family)
    assert harm.parameter == least
    assert harm.gold == pytest.approx(-proxy.mean())
    assert np.isnan(harm.standard_error)
    assert good.parameter == np.inf
    for equal in (hedge(np.ones(5), np.arange(5.0), family=family), hedge(np.arange(5.0), np.ones(5), family=family)):
        assert equal.parameter == least
    assert hedge([0.0, 1.0], [0.0, 1.0], family=family).parameter == np.inf


@pytest.mark.parametrize(
    ("proxy", "gold", "options", "message"),
    [
        ([1.0], [1.0], {}, "are no pools of two samples or more"),
        ([1.0, 2.0], [1.0], {}, "are no pools"),
        ([1.0, np.nan], [1.0, 2.0], {}, r"proxy\[1\] = nan is not finite"),
        ([1.0, 2.0], [1.0, np.inf], {}, r"gold\[1\] = inf is not finite"),
        (
            [1.0, 2.0],
            [1.0, 2.0],
            {"family": "worst"},
            "family must be one of 'best_of_n', 'soft', 'poisson', not 'worst'",
        ),
    ],
    ids=str,
)
def test_bad_pools_to_hedge(proxy, gold, options, message):
    with pytest.raises(ValueError, match=message):
        hedge(proxy, gold, **options)
