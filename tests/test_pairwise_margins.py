"""Losses of a margin with two derivatives: every margin in 60 digits, infinity, NaN, symmetries."""

import numpy as np
import pytest
import search
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from alignment_fast.kernels.pairwise import cpu
from bounds import bound
from oracles import pairwise as oracle

DTYPES = ["float32", "float64"]
OF_MARGIN = [name for name, row in af.pairwise.LOSS_TYPES.items() if row.margin_kernel]
SMOOTHED = {"sigmoid": 0.125, "robust": 0.125, "exo_pair": 0.125}
SIZES = (0.0, 1e-300, 1e-20, 1e-5, 0.1, 0.5, 1.0, 3.0, 10.0, 17.0, 37.0, 88.0, 104.0, 708.0, 745.0, 1e3, 1e4)
MARGINS = np.array([*(sign * size for size in SIZES for sign in (1, -1)), *np.linspace(-9, 9, 64)])


def evaluated(margin, name, **options):
    options = {"label_smoothing": SMOOTHED.get(name, 0.0), "reduction": "none", "grad": True, "hess": True, **options}
    return af.pairwise.margin_loss(margin, name, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", OF_MARGIN)
def test_margins_of_every_size(name, order, dtype):
    margins = MARGINS.astype(dtype)
    margins = margins[(np.abs(margins - 1) > 1e-3) | (name != "hinge")]  # its kink
    allowed = bound("pairwise.evaluate", dtype) * (4 if order == 2 and name in ("exo_pair", "discopop") else 1)
    row = af.pairwise.LOSS_TYPES[name]
    parameters = {**row.parameters, "beta": 1.0, "epsilon": SMOOTHED.get(name, 0.0)}
    result = evaluated(margins, name)[order]
    tiny = 1e3 * float(np.finfo(dtype).smallest_subnormal)  # products with what underflows
    for x, y in zip(margins, result, strict=True):
        exact, magnitude = oracle.margin(name, x, order, **parameters)
        error = float(abs(oracle.mpmath.mpf(float(y)) - exact) / (np.finfo(dtype).eps * magnitude + tiny))
        assert error <= allowed, (x, y, oracle.mpmath.nstr(exact, 20))


@pytest.mark.parametrize(
    ("name", "at_infinity", "at_minus_infinity"),
    [
        ("sigmoid", (np.inf, 0.125, 0), (np.inf, -0.875, 0)),
        ("robust", (-np.inf, -1 / 6, 0), (np.inf, -7 / 6, 0)),
        ("hinge", (0, 0, 0), (np.inf, -1, 0)),
        ("ipo", (np.inf, np.inf, 2), (np.inf, -np.inf, 2)),
        ("exo_pair", (-np.log(0.875), 0, 0), (-np.log(0.125), 0, 0)),
        ("discopop", (0, 0, 0), (np.inf, -1, 0)),
        ("simpo", (0, 0, 0), (np.inf, -1, 0)),
    ],
)
def test_infinite_margins_have_the_limits(name, at_infinity, at_minus_infinity):
    result = evaluated(np.array([np.inf, -np.inf]), name)
    np.testing.assert_allclose(np.stack(result, axis=1), [at_infinity, at_minus_infinity], rtol=1e-15)


def test_without_smoothing_the_loss_vanishes_at_infinity():
    result = evaluated(np.array([np.inf, -np.inf]), "sigmoid", label_smoothing=0.0)
    np.testing.assert_array_equal(result.loss, [0, np.inf])
    np.testing.assert_array_equal(result.grad, [0, -1])


@pytest.mark.parametrize("name", OF_MARGIN)
def test_nan_passes_through(name):
    result = evaluated(np.array([0.5, np.nan, 0.5]), name)
    assert np.isnan(result.loss).tolist() == [False, True, False]
    assert np.isnan(result.grad).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", DTYPES)
@given(x=st.floats(allow_nan=False, allow_infinity=False, width=32), name=st.sampled_from(OF_MARGIN))
def test_finite_margins_give_no_nan(x, name, dtype):
    with np.errstate(over="ignore"):
        result = evaluated(np.array([x], dtype), name)
    assert not np.isnan(np.concatenate(result)).any()


@given(x=st.floats(-1e4, 1e4), t=st.integers(0, 1024).map(lambda k: k / 1024))  # 1 - t is exact
def test_swapping_the_answers_turns_the_target_around(x, t):
    here = af.pairwise.margin_loss(np.array([x]), target=np.array([t]), grad=True, hess=True)
    there = af.pairwise.margin_loss(np.array([-x]), target=np.array([1 - t]), grad=True, hess=True)
    assert here.loss == pytest.approx(there.loss, rel=1e-12, abs=1e-300)
    assert here.grad[0] == pytest.approx(-there.grad[0], rel=1e-12, abs=1e-15)
    assert here.hess[0] == pytest.approx(there.hess[0], rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", ["sigmoid", "hinge", "discopop", "simpo"])
def test_targets_mix_the_loss_with_that_of_the_mirrored_argument(name):
    x, t = np.linspace(-5, 5, 41), np.linspace(0, 1, 41)
    parameters = {"gamma": 0.5} if name == "simpo" else {}
    axis = 2 * parameters.get("gamma", 0.0) / 0.5
    mixed = evaluated(x, name, beta=0.5, target=t, **parameters)
    plain, mirrored = evaluated(x, name, beta=0.5, **parameters), evaluated(axis - x, name, beta=0.5, **parameters)
    np.testing.assert_allclose(mixed.loss, t * plain.loss + (1 - t) * mirrored.loss, rtol=1e-14)
    np.testing.assert_allclose(mixed.grad, t * plain.grad - (1 - t) * mirrored.grad, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(mixed.hess, t * plain.hess + (1 - t) * mirrored.hess, rtol=1e-12, atol=1e-15)


def test_a_target_of_one_or_zero_leaves_the_other_term_out_at_infinity():
    result = evaluated(np.array([np.inf, np.inf]), "sigmoid", label_smoothing=0.0, target=np.array([1.0, 0.0]))
    np.testing.assert_array_equal(result.loss, [0, np.inf])


def test_a_soft_target_is_label_smoothing():
    x = np.linspace(-30, 30, 101)
    soft = evaluated(x, "sigmoid", label_smoothing=0.0, target=np.full(101, 0.9))
    smooth = evaluated(x, "sigmoid", label_smoothing=0.1)
    np.testing.assert_allclose(soft.loss, smooth.loss, rtol=1e-14)
    np.testing.assert_allclose(soft.grad, smooth.grad, rtol=1e-13, atol=1e-16)


def test_integers_are_fine_margins():
    assert af.pairwise.margin_loss([1, -1]).loss == pytest.approx(0.5 * (np.log1p(np.exp(-1)) + np.log1p(np.e)))


def test_reductions_divide_derivatives_too():
    x = np.linspace(-3, 3, 10)
    each, mean = evaluated(x, "sigmoid"), evaluated(x, "sigmoid", reduction="mean")
    assert mean.loss == pytest.approx(each.loss.mean(), rel=1e-14)
    np.testing.assert_allclose(mean.grad, each.grad / 10, rtol=1e-15)
    np.testing.assert_allclose(mean.hess, each.hess / 10, rtol=1e-15)


@pytest.mark.parametrize("name", OF_MARGIN)
def test_a_loss_of_margins_has_a_compiled_formula_of_margins(name):
    assert af.pairwise.LOSS_TYPES[name].margin_kernel in cpu.MARGIN_FORMULAS


# ---- products of limits: parameters and margins over the whole range of a double ----


@pytest.mark.parametrize("margin", [-10.0, 0.0, 10.0, 1e-160])
@pytest.mark.parametrize("beta", [1e155, 1e200, 1e308, 1e-155, 1e-320])
@pytest.mark.parametrize("name", OF_MARGIN)
def test_extreme_betas_give_the_limits(name, margin, beta):
    row = af.pairwise.LOSS_TYPES[name]
    parameters = {**row.parameters, "beta": beta, "epsilon": SMOOTHED.get(name, 0.0)}
    result = evaluated(np.array([margin]), name, beta=beta)
    for order, value in enumerate(result):
        exact, magnitude = oracle.margin(name, margin, order, **parameters)
        assert not np.isnan(value[0])
        if max(abs(exact), magnitude) < 1e200:
            error = abs(oracle.mpmath.mpf(float(value[0])) - exact)
            assert error <= 16 * np.finfo(float).eps * magnitude + 1e-300, (order, value, oracle.mpmath.nstr(exact, 20))


@pytest.mark.search
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_MARGIN)
def test_search_over_parameters_gives_no_nan(name, dtype):
    """Seeded: β, γ, τ and margins from nothing to the largest number, targets and weights of 0 among them."""
    generator = np.random.default_rng(27)
    parameters = af.pairwise.LOSS_TYPES[name].parameters
    for _ in range(search.cases(100)):
        log_beta, most = generator.uniform(-320, 308), np.log10(float(np.finfo(dtype).max))
        size = 10.0 ** np.minimum(generator.uniform(-320, most, 8), most - 8 - min(log_beta, most))
        margins = size * generator.choice([-1, 0, 1], 8)  # β m is a number: an infinite loss is none of its limits
        options = {"beta": 10.0**log_beta}
        if "gamma" in parameters:
            options["gamma"] = generator.choice([-1, 1]) * 10.0 ** generator.uniform(-320, most - 8)
        if "tau" in parameters:
            options["tau"] = 10.0 ** generator.uniform(-320, 0)
        if generator.random() < 0.5:
            options["target"] = generator.choice([0.0, 0.3, 1.0], 8)
        if generator.random() < 0.5:
            options["weight"] = generator.choice([0.0, 2.0], 8)
        with np.errstate(over="ignore", under="ignore"):
            result = evaluated(margins.astype(dtype), name, **options)
        assert not np.isnan(np.concatenate(result)).any(), (margins, options)


def test_a_weight_of_zero_leaves_an_infinite_loss_out():
    result = evaluated(np.array([-np.inf, 0.0, np.nan]), "sigmoid", label_smoothing=0.0, weight=[0.0, 1.0, 0.0])
    np.testing.assert_array_equal(result.loss, [0.0, np.log(2), np.nan])


def test_the_mirrored_argument_of_a_target_is_exact_for_any_beta():
    """-x of x = βm - γ, where 2γ/β, its place on the axis of margins, is no double."""
    result = evaluated(np.array([3.0]), "simpo", beta=1e-310, gamma=0.5, target=np.array([0.0]))
    assert result.loss[0] == pytest.approx(np.log1p(np.exp(-0.5)), rel=1e-15)
