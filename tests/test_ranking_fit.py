"""Fits of comparisons: maxima, their certificate and errors, priors, ties, home advantage, warm starts."""

import pickle

import numpy as np
import pytest
from arenas import chain, simulated
from mpmath import mp

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.ranking import Comparisons, fit, gradient, hessian_product, log_likelihood
from alignment_fast.ranking._models import MODELS
from oracles import paired_models

each_model = pytest.mark.parametrize("model", MODELS)

# Citations among four statistics journals (Stigler, Statist. Sci. 9 (1994) 94-108): wins[i, j] of i over j, that is,
# articles of j citing i.
JOURNALS = ("Biometrika", "Comm Statist", "JASA", "JRSS-B")
CITATIONS = np.array([[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0]])


# ---- published values ----


def test_citations_of_journals():
    """Values of the vignette of BradleyTerry2 1.1.3, section 2.1, Biometrika at 0."""
    result = fit(Comparisons.from_matrix(CITATIONS, labels=JOURNALS))
    assert (result.scores - result.scores[0]).round(4).tolist() == [0.0, -2.9491, -0.4796, 0.269]


def test_citations_with_reduced_bias():
    result = fit(Comparisons.from_matrix(CITATIONS, labels=JOURNALS), bias_reduction=True)
    assert (result.scores - result.scores[0]).round(4).tolist() == [0.0, -2.9444, -0.4791, 0.2685]


# ---- the likelihood and its maximum ----


@each_model
def test_log_likelihood_is_that_of_the_definition(model):
    votes, _ = simulated(5, 40, ties=0.3, home=0.4)
    cells = votes.cells
    scores, tie = np.random.default_rng(1).normal(size=5), 1.8
    rows = zip(
        cells.first.tolist(),
        cells.second.tolist(),
        cells.wins_first.tolist(),
        cells.wins_second.tolist(),
        cells.ties.tolist(),
        cells.home.tolist(),
        strict=True,
    )
    expected = paired_models.log_likelihood(model, scores.tolist(), np.log(tie), list(rows), home=0.25)
    found = log_likelihood(scores, votes, model, tie_parameter=tie, home_advantage=0.25)
    assert found == pytest.approx(expected, rel=1e-14)


@each_model
def test_gradient_and_hessian_products_are_derivatives(model):
    votes, _ = simulated(6, 300, ties=0.2)
    random = np.random.default_rng(2)
    scores, direction, step = random.normal(size=6), random.normal(size=6), 1e-6
    tie = {"tie_parameter": 1.5}
    ends = [scores + sign * step * direction for sign in (1, -1)]
    slope = np.subtract(*(log_likelihood(end, votes, model, **tie) for end in ends)) / (2 * step)
    assert gradient(scores, votes, model, **tie) @ direction == pytest.approx(slope, rel=1e-6)
    bend = np.subtract(*(gradient(end, votes, model, **tie) for end in ends)) / (2 * step)
    np.testing.assert_allclose(hessian_product(scores, direction, votes, model, **tie), bend, rtol=1e-6, atol=1e-5)


@each_model
@pytest.mark.parametrize("options", [{}, {"home": True}, {"l2": 0.5}, {"gamma_shape": 2.0}])
def test_the_gradient_is_zero_at_the_answer(model, options):
    votes, _ = simulated(ties=0.25, home=0.5)
    result = fit(votes, model, **options)
    assert result.converged
    assert result.last_step <= 1e-10
    assert result.gradient_norm <= 1e-12 * votes.weight
    assert result.scores.mean() == pytest.approx(0, abs=1e-14)


@each_model
def test_no_neighbour_is_better(model):
    votes, _ = simulated(ties=0.25)
    result = fit(votes, model)
    random = np.random.default_rng(0)
    for _ in range(20):
        nudged = result.scores + 1e-3 * random.normal(size=12)
        assert log_likelihood(nudged, votes, model, tie_parameter=result.tie_parameter) < result.log_likelihood


def test_home_advantage_is_found():
    votes, scores = simulated(size=200_000, home=0.5)
    result = fit(votes, home=True)
    np.testing.assert_allclose(result.home_advantage, 0.5, atol=0.03)
    np.testing.assert_allclose(result.scores, scores, atol=0.05)
    assert result.predict(0, 1, home=1) > result.predict(0, 1) > result.predict(0, 1, home=-1)


@pytest.mark.parametrize(("model", "bradley_terry"), [("rao-kupper", 1.0), ("davidson", 0.0)])
def test_models_with_ties_are_bradley_terry_where_nothing_is_tied(model, bradley_terry):
    votes, _ = simulated()
    result = fit(votes, model)
    assert result.tie_parameter == bradley_terry
    np.testing.assert_array_equal(result.scores, fit(votes).scores)
    assert result.predict_tie(0, 1) == 0


def test_a_badly_conditioned_graph_of_1000_items_is_exact():
    votes = chain()
    result = fit(votes)
    cells = votes.cells
    expected = paired_models.maximum(cells.first, cells.second, cells.wins_first, cells.wins_second, result.scores)
    np.testing.assert_allclose(result.scores, expected, atol=1e-8)


def test_probabilities_of_all_results_add_up_to_one():
    votes, _ = simulated(ties=0.3)
    for model in MODELS:
        result = fit(votes, model)
        i, j = np.meshgrid(np.arange(12), np.arange(12))
        total = result.predict(i, j) + result.predict(j, i) + result.predict_tie(i, j)
        np.testing.assert_allclose(total, 1, rtol=1e-14)


def test_predictions_take_labels_and_indices_one_or_many():
    result = fit(Comparisons.from_matrix(CITATIONS, labels=JOURNALS))
    expected = [result.predict("JASA", name) for name in JOURNALS]
    for many in (list(JOURNALS), np.array(JOURNALS), [0, 1, 2, 3], np.arange(4, dtype=np.uint8)):
        assert result.predict("JASA", many).tolist() == expected


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (4, "4 is not the index"),
        (-1, "-1 is not the index"),
        ([0, 4], "4 is not the index"),
        (np.array([0, -1]), "-1 is not the index"),
        ("Nature", "'Nature' is not one of"),
        (["JASA", "Nature"], "'Nature' is not one of"),
        ([0.5], "0.5 is not one of"),
    ],
)
def test_predictions_for_unknown_items_are_refused(item, message):
    result = fit(Comparisons.from_matrix(CITATIONS, labels=JOURNALS))
    with pytest.raises(ValueError, match=message):
        result.predict(item, 0)


# ---- priors ----


@pytest.mark.parametrize(("model", "prior"), [(name, prior) for name, row in MODELS.items() for prior in row.priors])
def test_every_prior_of_the_table_is_taken(model, prior):
    """The stronger it is, the nearer are the scores of who won everything and of the others."""
    votes = Comparisons([0, 0, 1, 1], [1, 2, 2, 2], tied=[False, False, False, True])
    weak, strong = (np.ptp(fit(votes, model, **{prior: value}).scores) for value in (1.5, 5.0))
    assert 0 < strong < weak


def test_ridge_is_the_gaussian_prior():
    votes, _ = simulated()
    result = fit(votes, l2=3.0)
    np.testing.assert_allclose(gradient(result.scores, votes), 3.0 * result.scores, atol=1e-9)


def test_gamma_prior_satisfies_its_own_condition():
    votes, _ = simulated()
    result = fit(votes, gamma_shape=2.5)
    strength = np.exp(result.scores)
    strength /= strength.mean()
    np.testing.assert_allclose(gradient(result.scores, votes), -1.5 * (1 - strength), atol=1e-9)


def test_bias_reduction_of_two_items_adds_half_a_win_to_each():
    """One pair with a wins to b: the leverage is 1, so the log-odds are those of (a + 1/2) to (b + 1/2)."""
    result = fit(Comparisons([0, 0, 0, 1], [1, 1, 1, 0]), bias_reduction=True)
    assert result.scores[0] - result.scores[1] == pytest.approx(np.log(3.5 / 1.5), abs=1e-9)


@pytest.mark.parametrize("options", [{"l2": 1e-3}, {"gamma_shape": 1.1}, {"bias_reduction": True}])
def test_undefeated_items_get_finite_scores_from_a_prior(options):
    result = fit(Comparisons([0, 0, 1, 2], [1, 2, 2, 1]), **options)
    assert np.isfinite(result.scores).all()
    assert result.scores.argmax() == 0


# ---- warm starts ----


def test_a_warm_start_takes_fewer_steps_to_the_same_answer():
    votes, _ = simulated(100, 50_000)
    more = votes + Comparisons([3, 5], [5, 9], n_items=100)
    cold, warm = fit(more), fit(more, start=fit(votes))
    assert warm.iterations < cold.iterations
    np.testing.assert_allclose(warm.scores, cold.scores, atol=1e-10)


def test_a_warm_start_matches_labels():
    votes = Comparisons(list("abcab"), list("bcaca"))
    more = votes + Comparisons(["d", "a"], ["a", "d"])
    np.testing.assert_allclose(fit(more, start=fit(votes)).scores, fit(more).scores, atol=1e-10)


# ---- what has no answer ----


def test_disconnected_comparisons_are_refused():
    with pytest.raises(ValueError, match="2 components"):
        fit(Comparisons([0, 1, 2, 3], [1, 0, 3, 2]))


def test_separable_comparisons_are_refused():
    with pytest.raises(af.ConvergenceError, match="separable") as caught:
        fit(Comparisons([0, 0, 1, 2], [1, 2, 2, 1]))
    assert caught.value.result is None


def test_a_home_side_that_always_wins_is_not_converged():
    with pytest.raises(af.ConvergenceError, match="not converged") as caught:
        fit(Comparisons([0, 1, 0, 1], [1, 0, 1, 0], home=[1, 1, 1, 1]), home=True, max_iter=15)
    assert caught.value.result.home_advantage > 5


def test_too_few_steps_are_said():
    with pytest.raises(af.ConvergenceError, match="max_iter") as caught:
        fit(simulated()[0], max_iter=1)
    assert not caught.value.result.converged


def test_nothing_but_ties_has_no_tie_parameter():
    with pytest.raises(ValueError, match="every comparison is a tie"):
        fit(Comparisons([0, 1], [1, 2], tied=[True, True]), "davidson")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "elo"}, "model must be one of"),
        ({"l2": -1.0}, "l2 must be"),
        ({"l2": np.nan}, "l2 must be"),
        ({"gamma_shape": 0.5}, "gamma_shape must be"),
        ({"tol": 0.0}, "tol must be"),
        ({"max_iter": 0}, "max_iter"),
        ({"home": True}, "who was at home"),
        ({"bias_reduction": True, "l2": 1.0}, "bias_reduction"),
        ({"start": [0.0]}, "start must have one entry"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        fit(simulated()[0], **options)


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ([0.0, 1.0], {}, "scores must have one entry"),
        ([0.0, np.nan, 0.0], {}, r"scores\[1\] = nan"),
        ([0.0, 0.0, 0.0], {"model": "davidson"}, "tie_parameter"),
        ([0.0, 0.0, 0.0], {"model": "rao-kupper", "tie_parameter": 1.0}, "above 1"),
        ([0.0, 0.0, 0.0], {"home_advantage": 1.0}, "who was at home"),
    ],
)
def test_bad_points(scores, options, message):
    with pytest.raises(ValueError, match=message):
        log_likelihood(scores, Comparisons([0, 1, 2], [1, 2, 0]), **options)


FAR = {"bradley-terry": 1.0, "thurstone": np.inf, "stern": 2.0, "rao-kupper": 1.0, "davidson": 1.0}


@pytest.mark.parametrize("size", [1e155, 1e200, 1.7e308])
@pytest.mark.parametrize("model", FAR)
def test_scores_of_any_size_have_the_limits(model, size):
    """Item 0 is `size` above 1, from 60 items on by the general path: a certain win, and an upset."""
    tie = {"tie_parameter": 2.0} if model in ("rao-kupper", "davidson") else {}
    for items in (2, 200):
        scores, direction = np.zeros(items), np.zeros(items)
        scores[0], direction[0] = size, 1.0
        certain, upset = Comparisons([0], [1], n_items=items), Comparisons([1], [0], n_items=items)
        assert log_likelihood(scores, certain, model, **tie) == 0.0
        with np.errstate(over="ignore"):
            lost = FAR[model] * size
        np.testing.assert_allclose(log_likelihood(scores, upset, model, **tie), -lost, rtol=1e-12)
        assert not gradient(scores, certain, model, **tie).any()
        slope = size if model == "thurstone" else FAR[model]
        np.testing.assert_allclose(gradient(scores, upset, model, **tie)[:2], [-slope, slope], rtol=1e-12)
        bend = float(model == "thurstone")
        np.testing.assert_allclose(
            hessian_product(scores, direction, upset, model, **tie)[:2], [-bend, bend], rtol=1e-12
        )
        assert not hessian_product(scores, direction, certain, model, **tie).any()


@pytest.mark.parametrize("model", FAR)
def test_differences_beyond_the_largest_double_are_refused(model):
    tie = {"tie_parameter": 2.0} if model in ("rao-kupper", "davidson") else {}
    votes = Comparisons([0, 1], [1, 0], home=[1, 0])
    for call in (
        log_likelihood,
        gradient,
        lambda *given, **tie: hessian_product(given[0], [1.0, 0.0], *given[1:], **tie),
    ):
        with pytest.raises(ValueError, match="scores are too far apart"):
            call([1e308, -1e308], votes, model, **tie)
        with pytest.raises(ValueError, match="scores are too far apart"):
            call([1e308, 0.0], votes, model, home_advantage=1e308, **tie)
    with pytest.raises(ValueError, match="vector are too far apart"):
        hessian_product([0.0, 0.0], [1e308, -1e308], votes, model, **tie)


def test_infinite_slopes_of_both_signs_are_refused():
    votes = Comparisons([0, 1], [1, 2], weight=[4.0, 4.0], n_items=3)
    assert gradient([-1e308, 0.0, 0.0], votes, "thurstone")[0] == np.inf
    with pytest.raises(ValueError, match="terms of item 1 are beyond the largest double"):
        gradient([-8e307, 0.0, 8e307], votes, "thurstone")


@pytest.mark.parametrize("d", [-100.0, -255.9, -256.1, -1e3, -1e6])
def test_curvatures_of_thurstone_far_out(d):
    x = mp.mpf(d)
    with mp.workdps(60):
        mills = mp.npdf(x) / mp.ncdf(x)
        expected = float(mills * (mills + x))
    found = hessian_product([d, 0.0], [1.0, 0.0], Comparisons([0], [1]), "thurstone")
    np.testing.assert_allclose(found, [-expected, expected], rtol=1e-11)


@pytest.mark.parametrize("wrong", [None, [[0, 1], [1, 0]]])
def test_what_is_no_comparisons_is_refused(wrong):
    for call in (lambda: fit(wrong), lambda: log_likelihood([0.0, 1.0], wrong)):
        with pytest.raises(TypeError, match="comparisons must be Comparisons, not"):
            call()


# ---- results ----


def test_results_have_ranks_elo_and_a_repr():
    result = fit(Comparisons.from_matrix(CITATIONS, labels=JOURNALS))
    assert result.ranks.tolist() == [2, 4, 3, 1]
    assert result.elo()[3] - result.elo()[0] == pytest.approx(400 / np.log(10) * 0.2689, abs=0.02)
    assert "JRSS-B" in repr(result)


def test_results_pickle_with_all_they_can_do():
    result = fit(simulated()[0])
    errors = result.standard_errors()
    copy = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(copy.scores, result.scores)
    np.testing.assert_array_equal(copy.standard_errors(), errors)


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_do_not_change_a_bit(threads):
    votes, _ = simulated(300, 300_000)
    one, many = fit(votes, num_threads=1), fit(votes, num_threads=threads)
    np.testing.assert_array_equal(one.scores, many.scores)


# ---- small fits ----


def bits(call):
    """Return the bits of all numbers of a fit, or why there is none."""
    try:
        result = call()
    except (ValueError, af.ConvergenceError) as error:
        return str(error)
    return [
        np.asarray(value).tobytes() for value in vars(result).values() if isinstance(value, np.ndarray | float | int)
    ]


@each_model
@pytest.mark.parametrize("options", [{}, {"l2": 0.3}, {"l2": 0.1, "gamma_shape": 2.0}, {"tol": 1e-12}])
@pytest.mark.parametrize(("items", "count"), [(2, 10), (7, 60), (10, 1000), (33, 4000), (60, 900)])
@pytest.mark.parametrize("ties", [0.0, 0.3])
def test_one_compiled_call_gives_the_bits_of_many(model, options, items, count, ties, monkeypatch):
    votes, _ = simulated(items, count, ties=ties, seed=items)
    near = fit(votes, model, l2=0.5)
    calls = [lambda: fit(votes, model, **options), lambda: fit(votes, model, start=near, **options)]
    found = [bits(call) for call in calls]
    monkeypatch.setattr(operations("ranking"), "short_fit", lambda *_: None)
    assert found == [bits(call) for call in calls]


@each_model
def test_predictions_are_the_same_one_by_one_and_together(model):
    result = fit(simulated(5, 300, seed=3, ties=0.2)[0], model)
    i, j = np.array([0, 1, 4, 2]), np.array([1, 0, 3, 2])
    for predict in (result.predict, result.predict_tie):
        one_by_one = [predict(int(a), int(b), home=0.5) for a, b in zip(i, j, strict=True)]
        for together in (predict(i, j, home=0.5), predict(i.tolist(), j.tolist(), home=0.5)):
            np.testing.assert_array_equal(together, one_by_one)


@pytest.mark.parametrize("l2", [1e12, 1e20, 1e100, 1e300])
@pytest.mark.parametrize("model", ["bradley-terry", "thurstone", "rao-kupper"])
def test_scores_under_a_strong_prior_are_the_gradient_over_it(model, l2):
    """To first order; that prior's curvature is no rounding of the gradient, which the certificate took it for."""
    votes = Comparisons([0, 1, 0, 2, 1], [1, 0, 2, 1, 2], tied=[False, False, False, False, True])
    found = fit(votes, model, l2=l2)
    tie = {} if found.tie_parameter is None else {"tie_parameter": found.tie_parameter}
    slopes = gradient([0.0, 0.0, 0.0], votes, model, **tie)
    np.testing.assert_allclose(found.scores * l2, slopes, rtol=1e-9, atol=1e-11)
