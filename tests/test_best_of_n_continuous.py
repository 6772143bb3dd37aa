"""Closed forms for continuous rewards, bounds and the estimator, against quadrature and many digits."""

import math

import mpmath
import numpy as np
import pytest
import search

from alignment_fast.best_of_n import BestOfN, continuous, kl_estimator, kl_upper_bound, win_rate_continuous
from bounds import bound
from oracles import best_of_n as oracle

FORMS = ("kl", "reverse_kl", "chi2", "tv", "hellinger2")


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("n", [1.25, 2.0, 7.0, 40.0])
def test_closed_forms_by_quadrature(name, n):
    assert getattr(continuous, name)(n) == pytest.approx(float(oracle.continuous(name, n)), rel=1e-10)


@pytest.mark.parametrize("order", [-0.02, 0.5, 2.0, 3.5])
@pytest.mark.parametrize("n", [2.0, 12.0])
def test_renyi_by_quadrature(n, order):
    exact = float(oracle.continuous("renyi", n, order))
    assert continuous.renyi(n, order=order) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("name", [*FORMS, "win_rate"])
@pytest.mark.parametrize("n", [1 + 2.0**-40, 1 + 2.0**-20, 1.1, 1.7, 3.0, 1e3, 1e12, 1e100])
def test_closed_forms_keep_their_digits(name, n):
    assert getattr(continuous, name)(n) == pytest.approx(
        oracle.closed_form(name, n), rel=bound("best_of_n.continuous_values")
    )


@pytest.mark.parametrize("order", [-0.5, 0.5, 1 + 1e-9, 1.5, 2.0, 100.0])
@pytest.mark.parametrize("n", [1 + 2.0**-20, 1.1, 2.5])
def test_renyi_keeps_its_digits(n, order):
    assert continuous.renyi(n, order=order) == pytest.approx(
        oracle.closed_form("renyi", n, order), rel=bound("best_of_n.continuous_values")
    )


@pytest.mark.parametrize("name", FORMS)
def test_n_and_its_logarithm_agree(name):
    log_n = np.array([0.0, 0.1, 3.0, 200.0])
    by_n, by_log = (getattr(continuous, name)(**{key: x}) for key, x in (("n", np.exp(log_n)), ("log_n", log_n)))
    np.testing.assert_allclose(by_n, by_log, rtol=1e-13)


def test_renyi_orders_with_a_name():
    n = 9.0
    assert continuous.renyi(n, order=1) == continuous.kl(n)
    assert continuous.renyi(n, order=0) == pytest.approx(0.0, abs=1e-15)
    assert continuous.renyi(n, order=np.inf) == pytest.approx(np.log(n), rel=1e-15)
    assert continuous.renyi(n, order=-1 / (n - 1)) == -np.inf
    assert continuous.renyi(n, order=-np.inf) == -np.inf
    assert continuous.renyi(1, order=-np.inf) == 0.0


def test_one_draw_is_the_reference():
    for name in FORMS:
        assert getattr(continuous, name)(1) == 0.0
    assert win_rate_continuous(1) == 0.5


def test_huge_n():
    assert kl_upper_bound(log_n=1e6) == 1e6 - 1
    assert continuous.tv(log_n=1e6) == 1.0
    assert continuous.hellinger2(log_n=1e6) == 1.0
    assert continuous.chi2(log_n=1e6) == np.inf
    assert continuous.reverse_kl(log_n=1e6) == np.inf


def test_scalars_give_floats_and_arrays_arrays():
    for n in (3, 3.0, np.float64(3), np.int64(3), np.float32(3)):
        assert type(kl_upper_bound(n)) is float
    assert kl_upper_bound([[1, 2], [3, 4]]).shape == (2, 2)
    assert kl_upper_bound(np.ones((2, 0))).shape == (2, 0)


def test_many_levels_approach_the_closed_forms_from_below():
    law = BestOfN(reward=np.arange(100_000.0))
    for n in (2.0, 10.0):
        assert law.kl(n) == pytest.approx(continuous.kl(n), rel=1e-3)
        assert law.win_rate(n) == pytest.approx(continuous.win_rate(n), rel=1e-6)
        for kind in ("chi2", "tv", "hellinger2", "reverse_kl"):
            exact, bound = law.divergence(kind, n), getattr(continuous, kind)(n)
            assert exact <= bound * (1 + 1e-12)
            assert exact == pytest.approx(bound, rel=1e-3)
        for order in (0.5, 3.0):
            bound = continuous.renyi(n, order=order)
            assert law.divergence("renyi", n, order=order) == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize("row", oracle.STORED["beirami_estimator"], ids=lambda row: f"{row['n']}-{row['eps']}")
def test_stored_estimates(row):
    assert kl_estimator(float(row["eps"]), row["n"]) == pytest.approx(float(row["Dhat"]), rel=1e-14)


@pytest.mark.parametrize("p", [1e-300, 1e-9, 0.3, 1 - 2.0**-50, 1.0])
@pytest.mark.parametrize("n", [1.0, 1.5, 10.0, 1e9])
def test_estimates_from_the_definition(p, n):
    assert kl_estimator(p, n) == pytest.approx(
        float(oracle.estimator(p, n)), rel=bound("best_of_n.kl_estimators"), abs=1e-15
    )


def test_estimates_lie_between_zero_and_the_bound():
    p = np.logspace(-320, 0, 400)
    log_n = np.array([0.0, 1e-9, 0.5, 20.0, 1000.0])
    values = kl_estimator(p, log_n=log_n)
    assert values.shape == (400, 5)
    assert np.all(values >= 0.0)
    assert np.all(values <= kl_upper_bound(log_n=log_n) * (1 + 1e-14) + 1e-15)


def test_estimates_take_grids_dtypes_and_logarithms():
    p = np.array([[0.1, 0.2], [0.3, 0.4]])
    assert kl_estimator(p, 3).shape == (2, 2)
    assert kl_estimator(p, [3, 4, 5]).shape == (2, 2, 3)
    assert kl_estimator(p[0], np.array([[3.0], [4.0]])).shape == (2, 1)
    np.testing.assert_allclose(kl_estimator(np.log(p), 3, log=True), kl_estimator(p, 3), rtol=1e-14)
    assert kl_estimator(np.float32(0.1), 3).dtype == np.float32
    # A probability times a number of draws of one: log n less a constant, wherever the two are.
    constant = np.log(1e300) - kl_estimator(1e-300, 1e300)
    assert kl_estimator(-2000.0, log_n=2000.0, log=True) == pytest.approx(2000.0 - constant, rel=1e-13)


@pytest.mark.parametrize(
    ("p", "options", "message"),
    [
        ([0.5, 0.0], {}, r"p_selected\[1\] = 0.0 is not a probability in \(0, 1\]"),
        (1.5, {}, r"p_selected = 1.5"),
        (np.nan, {}, "p_selected = nan"),
        ([[-1.0, 0.5]], {"log": True}, r"p_selected\[0, 1\] = 0.5 is not a log-probability"),
    ],
)
def test_bad_selected_probabilities(p, options, message):
    with pytest.raises(ValueError, match=message):
        kl_estimator(p, 3, **options)


@pytest.mark.parametrize("function", [kl_upper_bound, win_rate_continuous, continuous.tv])
@pytest.mark.parametrize("arguments", [{}, {"n": 2, "log_n": 2}, {"n": 0.9}, {"n": np.nan}, {"log_n": -1}])
def test_bad_numbers_of_draws(function, arguments):
    with pytest.raises(ValueError, match="n"):
        function(**arguments)


@pytest.mark.parametrize("row", oracle.STORED["gaussian_reward"], ids=lambda row: f"log_n={row['logN'][:5]}")
def test_best_of_n_normals(row):
    mean, variance = continuous.gaussian_reward(log_n=float(row["logN"]))
    assert mean == pytest.approx(float(row["E_max"]), rel=1e-14)
    assert variance == pytest.approx(float(row["Var_max"]), rel=1e-12)


@pytest.mark.parametrize(
    ("log_n", "mean"),
    [(10, 4.041563967059651), (50, 9.732849115417645), (300, 24.35005899506278), (1000, 44.62866763045257)],
)
def test_best_of_n_normals_at_any_n(log_n, mean):
    """Published with 19 digits; the Gaussian policy of the same divergence gives sqrt(2 (log n - 1))."""
    assert continuous.gaussian_reward(log_n=log_n).mean == pytest.approx(mean, rel=1e-14)
    assert mean < math.sqrt(2 * (log_n - 1))


def test_one_normal_and_grids_of_them():
    mean, variance = continuous.gaussian_reward([1.0, 2.0, 1e6])
    assert mean[:2] == pytest.approx([0.0, 1 / math.sqrt(math.pi)], abs=1e-15)
    assert variance[:2] == pytest.approx([1.0, 1 - 1 / math.pi], rel=1e-14)
    assert continuous.gaussian_reward(1e6) == (pytest.approx(mean[2]), pytest.approx(variance[2]))


# ---- Rényi divergences of every order, for every n ----


def exact_renyi(order, n=None, log_n=None):
    """The definition, in enough digits for any n and order."""
    with mpmath.workdps(100):
        n = mpmath.mpf(n) if log_n is None else mpmath.exp(mpmath.mpf(log_n))
        order = mpmath.mpf(order)
        excess = order * (n - 1)
        return float((order * mpmath.log(n) - mpmath.log1p(excess)) / (order - 1)) if excess > -1 else -math.inf


@pytest.mark.parametrize(
    ("order", "given"),
    [
        (0.0, {"n": 1e16}),
        (0.0, {"log_n": 100.0}),
        (0.0, {"log_n": 1e6}),
        (1e-300, {"n": 3.0}),
        (1e-16, {"n": 1e16}),
        (1e-16, {"log_n": 100.0}),
        (1e-3, {"log_n": 2000.0}),
        (0.5, {"log_n": 800.0}),
        (-1e-20, {"n": 1e19}),
        (-1e-20, {"n": 1e21}),
        (1e300, {"n": 2.0}),
        (1e300, {"log_n": 1e-9}),
    ],
)
def test_renyi_of_small_orders_and_large_n(order, given):
    assert continuous.renyi(order=order, **given) == pytest.approx(exact_renyi(order, **given), rel=1e-14)


@pytest.mark.search
def test_renyi_search_over_orders_and_n():
    """Seeded: n and order over their whole range, many of them near the orders 0, 1/2 and 1 and near n = 1."""
    generator = np.random.default_rng(20)
    worst = search.Worst("N4", "continuous.renyi")
    for _ in range(search.cases(300)):
        log_n = 10 ** generator.uniform(-8, 2.5)
        n = max(math.exp(log_n), 1 + 2.0**-50) if log_n < 700 else None
        near, sign = generator.choice([0.0, 0.5, 1.0]), generator.choice([-1.0, 1.0])
        order = near + sign * 10 ** generator.uniform(-12, 3)
        if n is not None:
            if order < 0 and -order * (n - 1) > 0.9:
                continue  # the divergence jumps to -inf from order -1/(n - 1) down
            value, exact = continuous.renyi(n, order=order), exact_renyi(order, n=n)
            worst.see(abs(value - exact), 1e-14 * abs(exact), (n, order))
    worst.hold()
