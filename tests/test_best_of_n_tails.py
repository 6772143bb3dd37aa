"""Tail indices and best-of-n beyond the pool: fits against definitions, intervals against simulation, refusals."""

import re

import numpy as np
import pytest

from alignment_fast.best_of_n import extrapolate, hill
from alignment_fast.best_of_n.tails import FAR, REASONS
from oracles import tails as oracle

STATED = {"hill": r"Accuracy: (1e-13) relative to max"}


def power_laws(seed, rows, size, index):
    return np.random.default_rng(seed).random((rows, size)) ** -index


def generalised(seed, rows, size, index):
    u = np.random.default_rng(seed).random((rows, size))
    return (u**-index - 1) / index if index else -np.log(u)


# ---- indices ----


@pytest.mark.parametrize("size", [2, 10, 64, 65, 500])
def test_hill_is_its_definition(size):
    scores = power_laws(size, 7, size, 0.5)
    stated = float(re.search(STATED["hill"], hill.__doc__)[1])
    for top in {1, max(size // 3, 1), size - 1}:
        found = hill(scores, top=top)
        exact = np.array([oracle.hill(row.tolist(), top) for row in scores])
        assert np.all(np.abs(found.index - exact) <= stated * np.maximum(1, exact))
        np.testing.assert_allclose(found.standard_error, found.index / np.sqrt(top))
    assert hill(scores[0]).index == hill(scores).index[0]
    assert hill(scores).top == max(min(int(size**0.6), size - 1), 1)


def test_hill_scatters_as_its_error_says():
    found = hill(power_laws(1, 4000, 64, 0.4), top=12)
    assert found.index.mean() == pytest.approx(0.4, abs=0.01)
    assert found.index.std() == pytest.approx(found.standard_error.mean(), rel=0.05)


@pytest.mark.parametrize("size", [20, 100])
def test_thresholds_that_are_not_positive_have_no_index(size):
    scores = np.linspace(-3.0, 1.0, size)
    assert np.isnan(hill(scores, top=size // 2).index)
    assert hill(scores, top=1).index > 0


# ---- extrapolation ----


@pytest.mark.parametrize("index", [0.05, 0.4, 0.8])
def test_extrapolations_by_power_laws_are_their_definition(index):
    scores, n = power_laws(4, 1, 60, index)[0], [1, 7.5, 900, 1100, 1e7]
    found = extrapolate(scores, n, tail="hill", top=20)
    expected = [oracle.extrapolated_by_power_law(scores.tolist(), 20, one) for one in n]
    np.testing.assert_allclose(found.mean, expected, rtol=1e-11)


@pytest.mark.parametrize("index", [-0.3, 0.0, 0.3])
def test_extrapolations_by_generalised_pareto_laws_are_their_definition(index):
    scores, n = generalised(7, 1, 100, index)[0], [1, 7.5, 900, 1100, 1e7]
    found = extrapolate(scores, n, top=60)
    assert found.usable.all()
    expected = [oracle.extrapolated_by_generalised_pareto(scores.tolist(), 60, one) for one in n]
    np.testing.assert_allclose(found.mean, expected, rtol=1e-8)


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize(("index", "size", "top"), [(0.3, 1000, 100), (0.5, 1000, None)])
def test_intervals_of_power_laws_cover_as_often_as_they_say(index, size, top, times):
    """95 % of 2000 pools, within 1.5 % and an error of the simulation."""
    found = extrapolate(power_laws(5, 2000, size, index), times * size, tail="hill", top=top)
    truth = oracle.best_of_n_of_pareto(index, times * size)
    assert abs(((found.lower <= truth) & (truth <= found.upper)).mean() - 0.95) < 0.015 + 0.005
    assert found.usable.mean() > 0.97


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize(("index", "size", "top"), [(0.2, 2000, 200), (0.0, 2000, 200), (-0.2, 2000, 200)])
def test_intervals_of_generalised_pareto_laws_cover_as_often_as_they_say(index, size, top, times):
    """95 % of 1200 pools, within 1.5 % and an error of the simulation."""
    found = extrapolate(generalised(5, 1200, size, index), times * size, top=top)
    truth = oracle.best_of_n_of_generalised_pareto(index, times * size)
    assert abs(((found.lower <= truth) & (truth <= found.upper)).mean() - 0.95) < 0.015 + 0.0065
    assert found.usable.mean() > 0.97


@pytest.mark.parametrize("times", [1, 10, 100])
@pytest.mark.parametrize(
    ("index", "size"),
    [(-0.5, 500), (-0.45, 500), (-0.4, 2000), (-0.3, 500), (-0.5, 64), (-0.4, 64), (-0.3, 64), (0.2, 64)],
)
def test_intervals_that_are_not_refused_hold_as_often_as_the_docstring_says(index, size, times):
    """2000 pools, less an error of the simulation."""
    found = extrapolate(generalised(5, 2000, size, index), times * size)
    truth = oracle.best_of_n_of_generalised_pareto(index, times * size)
    held = (found.lower <= truth) & (truth <= found.upper)
    assert not found.usable.any() if size == 64 and times == 100 else held[found.usable].mean() > 0.935 - 0.0055
    assert "hold at least 93.5 % of the time" in " ".join(extrapolate.__doc__.split())


def test_few_scores_above_the_threshold_say_nothing_far_beyond_the_pool():
    scores = generalised(5, 3, 64, -0.2)
    found = extrapolate(scores, [64, 640, 641, 1e9])
    np.testing.assert_array_equal(found.usable, [[True, True, False, False]] * 3)
    assert np.isnan(found.mean[:, 2:]).all()
    assert np.isneginf(found.lower[:, 2:]).all()
    assert np.isposinf(found.upper[:, 2:]).all()
    assert set(found.reason) == {REASONS[FAR]}
    assert set(extrapolate(scores, 640).reason) == {""}
    np.testing.assert_array_equal(extrapolate(scores, 640).mean, found.mean[:, 1])
    assert extrapolate(scores, 641, top=50).usable.all()
    assert extrapolate(scores + 10, 641, tail="hill").reason[0] != REASONS[FAR]


def test_pools_of_64_cover_at_least_as_often():
    found = extrapolate(power_laws(6, 4000, 64, 0.3), 640, tail="hill")
    truth = oracle.best_of_n_of_pareto(0.3, 640)
    assert ((found.lower <= truth) & (truth <= found.upper)).mean() > 0.945


def test_offset_and_scale_do_to_the_estimate_what_they_do_to_scores():
    scores = generalised(8, 2, 500, 0.1)
    plain, moved = extrapolate(scores, [500, 5000]), extrapolate(100.0 + 3.0 * scores, [500, 5000])
    np.testing.assert_allclose(moved.mean, 100 + 3 * plain.mean, rtol=1e-7)
    np.testing.assert_allclose(moved.upper, 100 + 3 * plain.upper, rtol=1e-7)
    np.testing.assert_allclose(
        extrapolate(3 * (1 + scores), 50, tail="hill").mean, 3 * extrapolate(1 + scores, 50, tail="hill").mean
    )


def test_one_draw_is_the_mean_of_the_pool_and_more_draws_are_better():
    scores = generalised(9, 3, 800, 0.1)
    found = extrapolate(scores, [1, 10, 800, 1e6, 1e9])
    np.testing.assert_allclose(found.mean[:, 0], scores.mean(axis=1), rtol=0.03)
    assert np.all(np.diff(found.mean, axis=1) > 0)
    assert extrapolate(scores[0], 10).mean == found.mean[0, 1]


def test_numbers_of_draws_of_any_size():
    """For a power law, n times as many draws are worth n^index: from any n on."""
    scores = power_laws(3, 1, 2000, 0.3)[0]
    n = np.array([1e5, 0.9999e6, 1.0001e6, 1e9, 1e30, 1e200])
    found = extrapolate(scores, n, tail="hill")
    np.testing.assert_allclose(np.diff(np.log(found.mean)) / np.diff(np.log(n)), found.index, rtol=2e-4)


# ---- where it must not be used ----


def normal(size=2000):
    return np.random.default_rng(0).normal(size=size)


@pytest.mark.parametrize(
    ("scores", "options", "reason"),
    [
        (normal(30), {"top": 9}, "fewer than 10"),
        ([1.0, 2.0], {}, "fewer than 10"),
        (normal(), {"tail": "hill", "top": 1500}, "not positive"),
        (power_laws(0, 1, 500, 1.2)[0], {"tail": "hill"}, "may be infinite"),
        (power_laws(0, 1, 500, 1.2)[0], {}, "may be infinite"),
        (np.append(np.linspace(0, 1, 500), 1.5 + 1e-3 * normal(60)), {"top": 110}, "do not follow the law"),
        (3 + normal(), {"tail": "hill", "top": 900}, "do not follow the law"),
        (np.round(normal()), {}, "tied"),
        (np.full(500, 3.0), {}, "tied"),
        (np.full(500, 3.0), {"tail": "hill"}, "tied"),
    ],
)
def test_what_must_not_be_used_says_so(scores, options, reason):
    found = extrapolate(scores, [10, 1e6], **options)
    assert reason in str(found.reason)
    assert str(found.reason) in REASONS
    assert not found.usable.any()
    assert np.isnan(found.mean).all()
    assert np.isneginf(found.lower).all()
    assert np.isposinf(found.upper).all()


def test_right_laws_are_refused_once_in_a_hundred_times():
    assert (~extrapolate(generalised(1, 1000, 1000, 0.1), 10).usable).mean() < 0.02
    assert 0.003 < (~extrapolate(power_laws(1, 3000, 500, 0.3), 10, tail="hill").usable).mean() < 0.03


@pytest.mark.parametrize(
    ("scores", "n", "options", "error", "message"),
    [
        ([1.0], 5, {}, ValueError, r"scores of shape \(1,\) are no pools of two or more"),
        ([1.0, np.nan, 3.0], 5, {}, ValueError, r"scores\[1\] = nan is not finite"),
        ([1.0, 2.0], 0.5, {}, ValueError, r"n = 0.5 is not a finite number >= 1"),
        ([1.0, 2.0], [[1]], {}, ValueError, "n must be a number or one-dimensional"),
        ([1.0, 2.0], 5, {"top": 2}, ValueError, "top = 2 is not between 1 and 1"),
        ([1.0, 2.0], 5, {"top": 1.5}, TypeError, "top must be an integer"),
        ([1.0, 2.0], 5, {"tail": "normal"}, ValueError, "tail must be one of 'gpd', 'hill', not 'normal'"),
        ([1.0, 2.0], 5, {"level": 1.0}, ValueError, "level must be between 0 and 1, not 1.0"),
    ],
    ids=str,
)
def test_bad_input(scores, n, options, error, message):
    with pytest.raises(error, match=message):
        extrapolate(scores, n, **options)


def test_bad_scores_of_hill_are_named():
    with pytest.raises(ValueError, match=r"scores\[1, 2\] = inf is not finite"):
        hill([[1.0, 2.0, 3.0], [1.0, 2.0, np.inf]])
    with pytest.raises(ValueError, match=r"scores\[70\] = nan is not finite"):
        hill(np.append(np.arange(1.0, 71.0), np.nan))
    with pytest.raises(ValueError, match="are no pools of two or more"):
        hill([3.0])
