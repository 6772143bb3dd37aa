"""Rényi family, cumulants and rate function against 50-digit arithmetic and the published values."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from each import grouped
from hypothesis import given, settings
from hypothesis import strategies as st

import alignment_fast as af
from oracles import information as oracle

CASES = oracle.FILE["renyi_cases"]
V64 = oracle.FILE["cumulants_V64"]
TOLERANCE = 2e-15

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


def doubles(values):
    return np.array([float(oracle.exact(v)) for v in values])


def relative_error(value, reference, scale=0.0):
    """Return |value − reference| over the larger of |reference| and `scale`; 0 where both are the same infinity."""
    value = float(value)
    if not np.isfinite(value) or not np.isfinite(float(reference)):
        return 0.0 if value == float(reference) else np.inf
    size = max(abs(reference), scale)
    return float(abs(oracle.exact(value) - reference) / size) if size else abs(value)


def conditioning(reference, printed, scale=0.0):
    """Return what rounding the exact inputs of the file to doubles has cost already."""
    if not np.isfinite(float(printed)):
        return 0.0
    return float(abs(reference - printed) / max(abs(printed), scale)) if printed or scale else 0.0


def probabilities(min_size=1, max_size=40):
    size = st.integers(min_size, max_size)
    return size.flatmap(lambda n: hnp.arrays(np.float64, n, elements=st.floats(1e-6, 1.0)))


def pairs(max_size=40):
    size = st.integers(1, max_size)
    element = st.floats(1e-6, 1.0)
    return size.flatmap(lambda n: st.tuples(*[hnp.arrays(np.float64, n, elements=element)] * 2))


# ---- the oracle file: the oracle reproduces it from exact inputs, the library reproduces the oracle from doubles ----


@each_case
def test_oracle_reproduces_the_file(case):
    for order, expected in case["H"].items():
        value = oracle.renyi_cross_entropy(case["p"], case["q"], order)
        assert value == oracle.exact(expected) or abs(value / oracle.exact(expected) - 1) < 1e-38


@each_case
def test_cross_entropy_of_the_file(case):
    p, q = doubles(case["p"]), doubles(case["q"])
    orders = list(case["H"])
    values = af.information.renyi_cross_entropy(p, q, [float(t) for t in orders])
    for order, value in zip(orders, values, strict=True):
        reference, printed = oracle.renyi_cross_entropy(p, q, float(order)), oracle.exact(case["H"][order])
        assert relative_error(value, reference) <= TOLERANCE, order
        assert relative_error(value, printed) <= TOLERANCE + conditioning(reference, printed), order


@each_case
def test_divergence_of_the_file(case):
    p, q = doubles(case["p"]), doubles(case["q"])
    orders = list(case["renyi_div"])
    values = af.information.renyi_divergence(p, q, [float(t) for t in orders]) if orders else []
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.nanmax(np.abs(np.log(p[p > 0] / q[p > 0])))
    for order, value in zip(orders, values, strict=True):
        reference, printed = oracle.renyi_divergence(p, q, float(order)), oracle.exact(case["renyi_div"][order])
        assert relative_error(value, reference, scale) <= TOLERANCE, order
        assert relative_error(value, printed, scale) <= TOLERANCE + conditioning(reference, printed, scale), order


@each_case
def test_natural_cross_entropy_of_the_file(case):
    p, q = doubles(case["p"]), doubles(case["q"])
    for order, expected in case["natural"].items():
        value = af.information.renyi_cross_entropy(p, q, float(order), variant="natural")
        assert relative_error(value, oracle.exact(expected), 1.0) <= 2 * TOLERANCE, order


@pytest.mark.parametrize("batch", oracle.FILE["batch"], ids=["first", "second"])
def test_batch_of_the_file(batch):
    orders = list(batch["H"])
    values = af.information.renyi_cross_entropy(batch["p_int"], batch["q_int"], [float(t) for t in orders])
    for order, value in zip(orders, values, strict=True):
        assert relative_error(value, oracle.exact(batch["H"][order])) <= TOLERANCE, order


# ---- near order 1 ----


def plain_form(p, q, order):
    """The definition as it stands, in doubles."""
    return np.log(np.sum(p / p.sum() * (q / q.sum()) ** (order - 1))) / (1 - order)


@pytest.mark.parametrize("offset", [1e-3, 1e-6, 1e-9, 1e-12, 1e-15, -1e-3, -1e-6, -1e-9, -1e-12, -1e-15])
def test_no_digit_is_lost_near_order_one(offset):
    random = np.random.default_rng(5)
    p, q = random.random(400), random.random(400)
    reference = oracle.renyi_cross_entropy(p, q, 1 + offset)
    assert relative_error(af.information.renyi_cross_entropy(p, q, 1 + offset), reference) <= 1e-15


def test_the_plain_form_loses_twelve_digits():
    random = np.random.default_rng(5)
    p, q = random.random(400), random.random(400)
    order = 1 + 1e-13
    reference = oracle.renyi_cross_entropy(p, q, order)
    assert relative_error(plain_form(p, q, order), reference) > 1e-5
    assert relative_error(af.information.renyi_cross_entropy(p, q, order), reference) <= 1e-15


# ---- zeros, degenerate alphabets ----

INFINITY = np.inf


@pytest.mark.parametrize(
    ("p", "q", "order", "expected"),
    [
        ([0.5, 0.5, 0], [0.25, 0.25, 0.5], 1, np.log(4)),  # p = 0: left out
        ([0.5, 0.5], [1, 0], 1, INFINITY),  # q = 0 < p: infinite to order 1, nothing beyond
        ([0.5, 0.5], [1, 0], 0.5, INFINITY),
        ([0.5, 0.5], [1, 0], -INFINITY, INFINITY),
        ([0.5, 0.5], [1, 0], 2, np.log(2)),
        ([0.5, 0.5], [1, 0], INFINITY, 0.0),
        ([1, 0], [0, 1], 3, INFINITY),  # no common letter
        ([1, 0], [0, 1], INFINITY, INFINITY),
        ([3.0], [7.0], 0.3, 0.0),  # one letter
        ([1, 1, 1, 1], [1, 1, 1, 1], 17, np.log(4)),  # constant reward
    ],
)
def test_zeros_of_the_cross_entropy(p, q, order, expected):
    assert af.information.renyi_cross_entropy(p, q, order) == pytest.approx(expected, abs=1e-15)
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log(q)
    assert af.information.renyi_cross_entropy(log_p, log_q, order, log=True) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("p", "q", "order", "expected"),
    [
        ([0.5, 0.5], [1, 0], 1, INFINITY),  # q = 0 < p: infinite from order 1, nothing before
        ([0.5, 0.5], [1, 0], 2, INFINITY),
        ([0.5, 0.5], [1, 0], INFINITY, INFINITY),
        ([0.5, 0.5], [1, 0], 0.5, np.log(2)),
        ([0.5, 0.5], [1, 0], 0, 0.0),
        ([1, 0], [0, 1], 0.5, INFINITY),
        ([1, 0], [0, 1], 0, INFINITY),
        ([1, 0], [0.25, 0.75], 0, np.log(4)),  # −log q(p > 0)
        ([0.25, 0.75], [0.5, 0.5], INFINITY, np.log(1.5)),
        ([0.25, 0.75], [0.5, 0.5], -INFINITY, np.log(0.5)),
        ([2.0], [5.0], 4, 0.0),
    ],
)
def test_zeros_of_the_divergence(p, q, order, expected):
    assert af.information.renyi_divergence(p, q, order) == pytest.approx(expected, abs=1e-15)


def test_orders_that_count_and_select():
    p = [0.5, 0.25, 0.125, 0.125, 0]
    values = af.information.renyi_entropy(p, [0, 1, np.inf, -np.inf])
    np.testing.assert_allclose(values, [np.log(4), 1.75 * np.log(2), np.log(2), np.log(8)], rtol=1e-15)


def test_logits_with_forbidden_letters():
    logits = np.array([1.0, -np.inf, 0.0])
    kept = af.information.entropy(np.exp([1.0, 0.0]))
    assert af.information.entropy(logits, log=True) == pytest.approx(kept, rel=1e-15)
    assert af.information.kl_divergence(logits, np.zeros(3), log=True) == pytest.approx(np.log(3) - kept, rel=1e-14)


@pytest.mark.parametrize("log", [False, True])
def test_unnormalised_second_argument(log):
    p, q = np.array([0.2, 0.3, 0.5]), np.array([6.0, 1.0, 2.0])
    given = (np.log(p), np.log(q)) if log else (p, q)
    for function, order in ((af.information.renyi_cross_entropy, 0.5), (af.information.renyi_divergence, 2.0)):
        plain = function(*given, order, log=log)
        raw = function(*given, order, log=log, normalize_q=False)
        assert raw == pytest.approx(plain - np.log(9), rel=1e-14)
    direct = -np.sum(p * np.log(q))
    assert af.information.cross_entropy(*given, log=log, normalize_q=False) == pytest.approx(direct, rel=1e-14)
    assert af.information.kl_divergence(*given, log=log, normalize_q=False) == pytest.approx(
        direct - af.information.entropy(p), rel=1e-14
    )


# ---- properties ----

ORDERS = np.array([-np.inf, -5, -1, 0, 0.5, 1 - 1e-9, 1, 1 + 1e-9, 1.5, 2, 10, 500, np.inf])


@given(pairs())
def test_cross_entropy_does_not_increase_with_the_order(pair):
    values = af.information.renyi_cross_entropy(*pair, ORDERS)
    assert (np.diff(values) <= 4e-15 * np.abs(values[:-1])).all()


@given(pairs())
def test_divergence_does_not_decrease_with_the_order_and_is_positive(pair):
    values = af.information.renyi_divergence(*pair, ORDERS)
    assert (np.diff(values) >= -1e-13).all()
    assert (values[ORDERS >= 0] >= -1e-13).all()


@given(probabilities())
def test_cross_entropy_of_p_with_itself_is_its_entropy(p):
    own = af.information.renyi_entropy(p, ORDERS)
    np.testing.assert_allclose(af.information.renyi_cross_entropy(p, p, ORDERS), own, rtol=2e-15, atol=1e-15)
    np.testing.assert_allclose(
        af.information.renyi_cross_entropy(p, p, ORDERS, variant="natural"), own, rtol=1e-14, atol=1e-14
    )


@given(pairs(), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_scale_of_the_arguments_does_not_matter(pair, a, b):
    p, q = pair
    np.testing.assert_allclose(
        af.information.renyi_cross_entropy(a * p, b * q, ORDERS),
        af.information.renyi_cross_entropy(p, q, ORDERS),
        rtol=1e-13,
        atol=1e-13,
    )


@given(pairs())
def test_shannon_is_order_one(pair):
    p, q = pair
    kl, cross = af.information.kl_divergence(p, q), af.information.cross_entropy(p, q)
    scale = 1.0 + np.abs(np.log(p / p.sum())).max() + np.abs(np.log(q / q.sum())).max()
    assert af.information.entropy(p) == pytest.approx(af.information.renyi_entropy(p, 1), abs=4e-15 * scale)
    assert kl == pytest.approx(af.information.renyi_divergence(p, q, 1), abs=4e-15 * scale)
    assert cross == pytest.approx(kl + af.information.entropy(p), rel=4e-15, abs=4e-15 * scale)


@given(pairs(), st.floats(-20, 20))
def test_shift_of_the_reward(pair, shift):
    p, reward = pair
    t = np.array([-3.0, 0.0, 0.1, 7.0])
    plain = af.information.tilted_moments(reward, t, p=p)
    moved = af.information.tilted_moments(reward + shift, t, p=p)
    np.testing.assert_allclose(moved.log_mgf, plain.log_mgf + t * shift, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(moved.cumulants[:, 0], plain.cumulants[:, 0] + shift, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(moved.cumulants[:, 1:], plain.cumulants[:, 1:], rtol=1e-11, atol=1e-13)


# ---- cumulants and rate function ----


def test_cumulants_of_the_file():
    p, q = doubles(V64["p"]), doubles(V64["q"])
    reward = np.log(q / q.sum())
    for row in V64["rows"]:
        t = float(row["theta"])
        moments = af.information.tilted_moments(reward, t, p=p, order=8)
        assert relative_error(moments.log_mgf, oracle.log_mgf(p, reward, t), abs(t)) <= TOLERANCE
        expected = oracle.cumulants(p, reward, t, 8)
        width = float(expected[1]) ** 0.5
        for n, (value, reference) in enumerate(zip(moments.cumulants, expected, strict=True), start=1):
            assert relative_error(value, reference, width**n) <= 5e-14, (t, n)
            printed = oracle.exact(row["cumulants_1_8"][n - 1])
            assert relative_error(value, printed, width**n) <= 1e-12, (t, n)


def test_aligned_family_of_the_file():
    family = oracle.FILE["aligned_family_cumulants"]
    p, q = doubles(family["p"]), doubles(family["q"])
    for row in family["rows"]:
        alpha = float(oracle.exact(row["alpha"]))
        policy = np.array([float(x) for x in oracle.tilted(p, np.log(q), alpha)])
        for rho, expected in row["E_rho"].items():
            value = -af.information.renyi_cross_entropy(policy, q, 1 + float(rho))
            assert relative_error(value, oracle.exact(expected)) <= 1e-14


def test_cumulants_do_not_cancel():
    reward = 1e8 + np.arange(3.0)
    np.testing.assert_allclose(
        af.information.cumulants(reward, 8),
        af.information.cumulants(np.arange(3.0), 8) + np.eye(8)[0] * 1e8,
        rtol=1e-15,
    )


def test_rate_function_of_the_file():
    p, q = doubles(V64["p"]), doubles(V64["q"])
    reward = np.log(q / q.sum())
    rows = oracle.FILE["legendre_V64"]["rows"]
    result = af.information.rate_function(reward, [float(row["x"]) for row in rows], p=p)
    for row, value, t in zip(rows, *result, strict=True):
        expected, maximiser = oracle.rate_function(p, reward, float(row["x"]), float(oracle.exact(row["theta"])))
        assert relative_error(value, expected) <= 1e-14
        assert relative_error(t, maximiser) <= 1e-14
        assert relative_error(value, oracle.exact(row["I"])) <= 1e-13


@pytest.mark.parametrize("distance", [1e-1, 1e-4, 1e-8, 1e-12])
def test_rate_function_near_the_mean(distance):
    p, reward = np.array([0.25, 0.5, 0.25]), np.array([-1.0, 0.0, 1.0])
    value, t = af.information.rate_function(reward, distance, p=p)
    expected, maximiser = oracle.rate_function(p, reward, distance, 2 * distance)
    assert relative_error(value, expected) <= 1e-14
    assert relative_error(t, maximiser) <= 1e-14


@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-10, 1e-15])
def test_rate_function_near_the_largest_reward(distance):
    p, reward = np.array([0.25, 0.5, 0.25]), np.array([-2.0, -1.0, 0.0])
    value, t = af.information.rate_function(reward, -distance, p=p)
    expected, maximiser = oracle.rate_function(p, reward, -distance, np.log(2 / distance))
    assert relative_error(value, expected) <= 1e-14
    assert relative_error(t, maximiser) <= 1e-14


def test_rate_function_at_and_beyond_the_ends():
    value, t = af.information.rate_function([0.0, 1.0, 1.0, 3.0], [-1, 0, 1.25, 3, 4, np.inf])
    np.testing.assert_array_equal(value, [np.inf, np.log(4), 0, np.log(4), np.inf, np.inf])
    np.testing.assert_array_equal(t, [-np.inf, -np.inf, 0, np.inf, np.inf, np.inf])


def test_rate_function_of_a_constant_reward():
    value, t = af.information.rate_function([2.0, 2.0], [1, 2, 3])
    np.testing.assert_array_equal(value, [np.inf, 0, np.inf])
    np.testing.assert_array_equal(t, [-np.inf, 0, np.inf])


@given(pairs(), st.floats(0.01, 0.99))
def test_rate_function_and_log_mgf_are_dual(pair, place):
    p, reward = pair
    low, high = reward.min(), reward.max()
    x = low + place * (high - low)
    if not low < x < high:
        return
    value, t = af.information.rate_function(reward, x, p=p)
    assert af.information.tilted_moments(reward, t, p=p).cumulants[0] == pytest.approx(x, rel=1e-12, abs=1e-13)
    assert t * x - af.information.log_mgf(reward, t, p=p) == pytest.approx(value, rel=1e-9, abs=1e-11)
    # Fenchel's inequality at other tilts.
    for other in (t - 1, t + 1):
        assert other * x - af.information.log_mgf(reward, other, p=p) <= value + 1e-11


def test_log_mgf_at_infinite_tilts():
    np.testing.assert_array_equal(af.information.log_mgf([-1.0, 2.0], [-np.inf, np.inf]), [np.inf, np.inf])
    assert af.information.log_mgf([-1.0, -2.0], np.inf) == -np.inf
    # Where the extreme reward is 0, K tends to the log of its probability.
    np.testing.assert_allclose(af.information.log_mgf([-1.0, 0.0, 0.0], [1e4, np.inf]), np.log(2 / 3), rtol=1e-15)


# ---- shapes, dtypes, reproducibility ----


def test_grid_rule():
    random = np.random.default_rng(0)
    p, q = random.random((4, 1, 5)), random.random((3, 5))
    cross = af.information.renyi_cross_entropy
    assert cross(p, q, 2.0).shape == (4, 3)
    assert cross(p, q, [0.5, 2.0]).shape == (4, 3, 2)
    assert cross(p, q, np.full((3, 1), 2.0)).shape == (4, 3, 1)
    assert cross(p[0, 0], q[0], np.full((6, 2), 2.0)).shape == (6, 2)
    assert af.information.cumulants(q, 3, t=[0.0, 1.0]).shape == (3, 2, 3)
    orders = random.random((3, 2))
    grid = cross(p, q, orders)
    for i, j, k in np.ndindex(grid.shape):
        assert grid[i, j, k] == cross(p[i, 0], q[j], orders[j, k])


@pytest.mark.parametrize("function", ["entropy", "renyi_entropy", "log_mgf", "rate_function"])
def test_float32_stays(function):
    x = np.array([0.1, 0.2, 0.7], dtype=np.float32)
    arguments = {"entropy": (x,), "renyi_entropy": (x, 2.0), "log_mgf": (x, 1.0), "rate_function": (x, 0.5)}[function]
    single = getattr(af.information, function)(*arguments)
    double = getattr(af.information, function)(x.astype(np.float64), *arguments[1:])
    for a, b in zip(np.atleast_1d(single), np.atleast_1d(double), strict=True):
        assert a.dtype == np.float32
        assert a == pytest.approx(b, rel=1e-6)


def test_layout_of_the_memory_does_not_matter():
    random = np.random.default_rng(1)
    p = random.random((6, 50))
    expected = af.information.renyi_entropy(p, [0.5, 2.0])
    frozen = p.copy()
    frozen.setflags(write=False)
    wide = np.zeros((6, 100))
    wide[:, ::2] = p
    for view in (frozen, wide[:, ::2], np.asfortranarray(p), p[:, ::-1][:, ::-1], p.tolist()):
        np.testing.assert_array_equal(af.information.renyi_entropy(view, [0.5, 2.0]), expected)


def test_whole_and_chunked_have_the_same_bits():
    random = np.random.default_rng(2)
    p, reward = random.random((40, 5000)), random.normal(size=(40, 5000))
    t = [-1.0, 0.0, 1e-9, 2.0]
    whole = af.information.tilted_moments(reward, t, p=p, num_threads=1)
    for threads in (2, 7):
        again = af.information.tilted_moments(reward, t, p=p, num_threads=threads)
        np.testing.assert_array_equal(again.cumulants, whole.cumulants)
    for rows in (slice(0, 1), slice(13, 27)):
        part = af.information.tilted_moments(reward[rows], t, p=p[rows])
        np.testing.assert_array_equal(part.log_mgf, whole.log_mgf[rows])
    rate = af.information.rate_function(reward, [-0.5, 0.5], p=p)
    np.testing.assert_array_equal(af.information.rate_function(reward[7:9], [-0.5, 0.5], p=p[7:9]).t, rate.t[7:9])
    cross = af.information.renyi_cross_entropy(p, p[::-1], t)
    np.testing.assert_array_equal(af.information.renyi_cross_entropy(p[5:6], p[::-1][5:6], t), cross[5:6])


def test_no_rows_give_no_results():
    assert af.information.renyi_entropy(np.ones((0, 4)), [1.0, 2.0]).shape == (0, 2)
    assert af.information.rate_function(np.ones((0, 4)), 1.0).value.shape == (0,)
    assert af.information.renyi_entropy(np.ones((2, 4)), []).shape == (2, 0)


# ---- bad input ----

P = [0.2, 0.3, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.entropy([0.5, -0.5]), r"p\[1\] = -0.5 is negative"),
        (lambda i: i.entropy(np.array([0.5, -0.5])), r"p\[1\] = -0.5 is negative"),
        (lambda i: i.entropy(np.array([0.5, np.nan])), r"p\[1\] = nan is NaN"),
        (lambda i: i.entropy([[1.0, 1.0], [0.5, np.nan]]), r"p\[1, 1\] = nan is NaN"),
        (lambda i: i.entropy([0.0, 0.0]), "p has no positive mass"),
        (lambda i: i.entropy(np.zeros(3)), "p has no positive mass"),
        (lambda i: i.entropy([[1.0, 1.0], [0.0, 0.0]]), "p in row 1 has no positive mass"),
        (lambda i: i.entropy([-np.inf, -np.inf], log=True), "p has no positive mass"),
        (lambda i: i.kl_divergence(P, [0.0, 0.0, 0.0]), "q has no positive mass"),
        (lambda i: i.kl_divergence(np.array(P), np.array([0.1, -0.1, 1.0])), r"q\[1\] = -0.1 is negative"),
        (lambda i: i.kl_divergence([0.5, 0.5], [-1.0, -2.0]), r"q\[0\] = -1.0 is negative"),
        (lambda i: i.cross_entropy([[0.5, 0.5]], [[-1.0, -2.0]]), r"q\[0, 0\] = -1.0 is negative"),
        (lambda i: i.kl_divergence(P, [0.5, 0.5]), r"last axes .* differ: p of shape \(3,\), q of shape \(2,\)"),
        (lambda i: i.kl_divergence(np.ones((2, 3)), np.ones((4, 3))), "leading axes do not broadcast"),
        (lambda i: i.entropy(0.5), "p must have at least one axis"),
        (lambda i: i.entropy([]), r"p of shape \(0,\) has an empty alphabet"),
        (lambda i: i.entropy(np.array([])), r"p of shape \(0,\) has an empty alphabet"),
        (lambda i: i.renyi_entropy(P, np.nan), "order is NaN"),
        (lambda i: i.renyi_entropy(P, [1.0, np.nan]), r"order\[1\] is NaN"),
        (
            lambda i: i.renyi_cross_entropy(P, P, 2, variant="other"),
            "variant must be one of 'standard', 'natural', not 'other'",
        ),
        (lambda i: i.log_mgf([1.0, np.nan], 1.0), r"reward\[1\] = nan is NaN"),
        (lambda i: i.log_mgf(np.ones((2, 3)), np.ones((3, 1))), "t of shape"),
        (lambda i: i.tilted_moments(P, np.inf), "t must be finite"),
        (lambda i: i.cumulants(P, 9), "order must be an integer from 1 to 8, not 9"),
        (lambda i: i.cumulants(P, 0), "order must be an integer from 1 to 8, not 0"),
        (lambda i: i.rate_function(P, np.nan), "x is NaN"),
        (lambda i: i.rate_function([0.0, np.inf], 1.0), "reward is infinite on a letter of positive weight"),
        (lambda i: i.rate_function_gradient(P, 0.5), "x must lie strictly between"),
        (lambda i: i.renyi_entropy_gradient(P, np.inf), "order must be finite"),
        (
            lambda i: i.kl_divergence(np.ones((3, 1, 2)), np.array([[1.0, 1.0], [2.0, -1.0]])),
            r"q\[1, 1\] = -1.0 is negative",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(af.information)


def test_integer_log_probabilities_are_a_type_error():
    with pytest.raises(TypeError, match="p must be floating-point"):
        af.information.entropy([0, 1], log=True)


@settings(max_examples=30)
@given(pairs(), st.sampled_from([0.5, 1.0, 2.0, 30.0]))
def test_against_fifty_digits(pair, order):
    p, q = pair
    value = af.information.renyi_cross_entropy(p, q, order)
    largest = np.abs(np.log(q / q.sum())).max()
    assert relative_error(value, oracle.renyi_cross_entropy(p, q, order), largest) <= 2e-15  # as documented


# ---- fields: an order of its own for every row ----

FIELDS = {
    "log_mgf": lambda p, q, x: af.information.log_mgf(np.log(q), x, p=p),
    "tilted_moments": lambda p, q, x: af.information.tilted_moments(np.log(q), x, p=p),
    "rate_function": lambda p, q, x: af.information.rate_function(q, q.mean(-1, keepdims=True) * (1 + 0.02 * x), p=p),
    "renyi_entropy": lambda p, q, x: af.information.renyi_entropy(p, x),
    "renyi_divergence": af.information.renyi_divergence,
    "renyi_cross_entropy": af.information.renyi_cross_entropy,
    "natural": lambda p, q, x: af.information.renyi_cross_entropy(p, q, x, variant="natural"),
    "log_mgf_gradient": lambda p, q, x: af.information.log_mgf_gradient(np.log(q), x, p=p),
    "renyi_entropy_gradient": lambda p, q, x: af.information.renyi_entropy_gradient(p, x),
    "renyi_divergence_gradient": af.information.renyi_divergence_gradient,
    "tilt": lambda p, q, x: af.policy.tilt(p, np.log(q), x),
}


def numbers(result):
    """Return all arrays of a result in one."""
    parts = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(part) for part in parts if isinstance(part, np.ndarray | np.floating)])


@grouped(
    (name, f"{dtype.__name__}, {rows} rows of {letters}", (name, dtype, rows, letters))
    for name in FIELDS
    for dtype in (np.float64, np.float32)
    for rows in (1, 4, 5, 9, 17)
    for letters in (3, 40, 300)
)
def test_rows_of_a_field_do_not_see_each_other(name, dtype, rows, letters):
    """Orders on both sides of 0 and of 1, and these themselves: of all rows at once, and of every row alone."""
    random = np.random.default_rng(rows)
    p, q = (random.dirichlet(np.ones(letters), rows).astype(dtype) + dtype(1e-6) for _ in range(2))
    orders = random.choice([-2.0, -0.3, 0.0, 0.4, 0.5, 1.0, 1.2, 2.0, 2.6, 7.0], (rows, 3))
    together = numbers(FIELDS[name](p, q, orders))
    alone = [FIELDS[name](p[i : i + 1], q[i : i + 1], orders[i : i + 1]) for i in range(rows)]
    fields = zip(*(one if isinstance(one, tuple) else (one,) for one in alone), strict=True)
    expected = numbers(tuple(np.concatenate(rows) for rows in fields if isinstance(rows[0], np.ndarray)))
    np.testing.assert_allclose(together, expected, rtol=1e-12 if dtype == np.float64 else 3e-5, atol=1e-12)


@pytest.mark.parametrize("unit", [1e40, 1e90, 1e155, 1e300])
def test_cumulants_whose_powers_overflow_are_infinite(unit):
    """Those of rewards in the unit, times its powers; each row by itself."""
    rewards, t = np.array([[0.0, 1.0, 1.5], [1.0, 2.0, 4.0]]), [0.0, 0.5]
    options = {"p": [0.2, 0.5, 0.3], "order": 8}
    plain = af.information.tilted_moments(rewards, t, **options).cumulants
    tilts = np.array([[t[0], t[1] / unit], t])
    big = af.information.tilted_moments([unit * rewards[0], rewards[1]], tilts, **options)
    with np.errstate(over="ignore"):
        expected = plain[0] * np.cumprod(np.full(8, unit))
    np.testing.assert_allclose(big.cumulants[0], expected, rtol=1e-9)
    np.testing.assert_array_equal(big.cumulants[1], plain[1])
    small = np.array([af.information.cumulants(unit * rewards[0], t=one / unit, **options) for one in t])
    np.testing.assert_allclose(small, expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("letters", [2, 100, 1000])
def test_zeros_have_no_sign(letters, dtype):
    """Mass on a letter without mass in q is an infinite divergence from order 1 on, in one row and in several."""
    p = np.full(letters, 1 / letters, dtype)
    q = p.copy()
    q[0] = 0.0
    signed = np.copysign(q, np.where(q == 0, -1, 1).astype(dtype))
    orders = [0.5, 1.0, 2.0, 3.0]
    for rows in (1, 2):
        plain, other, weights = (np.tile(one, (rows, 1)) for one in (q, signed, p))
        expected = af.information.renyi_divergence(weights, plain, orders)
        assert np.isinf(expected[:, 1:]).all()
        np.testing.assert_array_equal(af.information.renyi_divergence(weights, other, orders), expected)
        np.testing.assert_array_equal(af.information.kl_divergence(weights, other), np.full(rows, np.inf))
        np.testing.assert_array_equal(af.information.renyi_divergence(weights, other, 2.0), np.full(rows, np.inf))
