"""Divergences and entropies near zero, of extreme totals, of rare letters: relative errors against mpmath.

The first tests are faults that were found, each named after its kind; the last ones search for more of each kind.
"""

import math
import re
import warnings

import mpmath
import numpy as np
import pytest
import search

import alignment_fast as af

INFORMATION = af.information
DIGITS = 340
SMALLEST = {np.float64: 1e-300, np.float32: 1e-37}  # as `kl_divergence` and `renyi_divergence` state
ORDERS = (0.0, 0.5, 2.0, 0.999999, 1 + 1e-9, 3.0, 0.1, 0.9, 10.0, np.inf, 1e-5)


# Bounds in float64 and float32, then down to what value; or what holds where letters of what rarity carry the sum.
STATED = {
    "entropy": r"Accuracy: ([\d.e-]+) relative \(([\d.e-]+) in float32\) for values down to ([\d.e-]+) \(([\d.e-]+)\)",
    "cross_entropy": r"Accuracy: (.+?) relative \((.+?) in float32\) for values down to ([\d.e-]+) \(([\d.e-]+)\)",
    "kl_divergence": r"Accuracy: (.+?) relative \((.+?) in float32\) for values down to ([\d.e-]+) \(([\d.e-]+)\)",
    "renyi_entropy": r"Accuracy: (.+?) relative \((.+?) in float32\) at .*; ([\d.e-]+) below .* rarer than ([\d.e-]+)",
    "renyi_divergence": r"Accuracy: (.+?) relative \((.+?) in float32\) at every order, "
    r"for values down to 1e-300 \(1e-37\), however close .* are, ([\d.e-]+) where letters rarer than ([\d.e-]+) carry",
    "renyi_cross_entropy": r"Accuracy: (.+?) relative \((.+?) in float32\) at .*; "
    r"([\d.e-]+) unless .* rarer than ([\d.e-]+)",
    "log_mgf": r"and ([\d.e-]+) · \(1 \+ κ\) relative \(([\d.e-]+) · \(1 \+ κ\) in float32\) for values down to "
    r"([\d.e-]+) \(([\d.e-]+)\)",
}


def stated(function):
    """Return the numbers in what the docstring of `function` says."""
    found = re.search(STATED[function.__name__], " ".join(function.__doc__.split()))
    return [float(number) for number in found.groups()]


def bound(function, dtype=np.float64, rarest=1.0):
    """Return the relative accuracy that is stated for `dtype`, where no letter is rarer than `rarest`."""
    double, single, *more = stated(function)
    if dtype == np.float64 and "renyi" in function.__name__:
        other, rare = more
        return max(double, other) if rarest < rare else min(double, other)
    return double if dtype == np.float64 else single


def normalised(weights, log):
    """Return the distribution behind doubles, exactly normalised."""
    weights = [mpmath.exp(float(w)) if log else mpmath.mpf(float(w)) for w in weights]
    total = mpmath.fsum(weights)
    return [w / total for w in weights]


def divergence(p, q, order=1.0, log=False, digits=DIGITS):
    """Return D_order(p‖q) of p and q, normalised, from its definition."""
    with mpmath.workdps(digits):
        pairs = [(a, b) for a, b in zip(normalised(p, log), normalised(q, log), strict=True) if a > 0]
        if order >= 1 and any(b == 0 for _, b in pairs):
            return mpmath.inf
        if order == 1:
            return mpmath.fsum(a * mpmath.log(a / b) for a, b in pairs)
        if order == np.inf:
            return mpmath.log(max(a / b for a, b in pairs))
        t = mpmath.mpf(order)
        total = mpmath.fsum(a**t * b ** (1 - t) for a, b in pairs if b > 0)
        return mpmath.log(total) / (t - 1) if total else mpmath.inf


def cross_entropy(p, q, order=1.0, log=False):
    """Return H_order(p‖q) of p and q, normalised, from its definition."""
    with mpmath.workdps(DIGITS):
        pairs = [(a, b) for a, b in zip(normalised(p, log), normalised(q, log), strict=True) if a > 0]
        if order <= 1 and any(b == 0 for _, b in pairs):
            return mpmath.inf
        if order == 1:
            return -mpmath.fsum(a * mpmath.log(b) for a, b in pairs)
        if order == np.inf:
            return -mpmath.log(max(b for _, b in pairs))
        t = mpmath.mpf(order)
        total = mpmath.fsum(a * b ** (t - 1) for a, b in pairs if b > 0)
        return mpmath.log(total) / (1 - t) if total else mpmath.inf


def relative_error(value, exact, dtype=np.float64):
    """Return the error of `value` relative to `exact`, or to the smallest size at which accuracy is promised."""
    value = float(value)
    if mpmath.isinf(exact) or np.isinf(value):
        return 0.0 if value == float(exact) else np.inf
    return float(abs(mpmath.mpf(value) - exact) / max(abs(exact), mpmath.mpf(SMALLEST[dtype])))


def test_the_smallest_values_with_digits_are_those_that_docstrings_name():
    for function in (INFORMATION.entropy, INFORMATION.cross_entropy, INFORMATION.kl_divergence):
        assert stated(function)[2:] == [SMALLEST[np.float64], SMALLEST[np.float32]]


# ---- near-equal distributions ----


@pytest.mark.parametrize("shape", ["one row", "rows"])
def test_near_equal_distributions_have_the_divergence_of_their_difference(shape):
    p, q = np.array([0.1, 0.9]), np.array([0.1 + 1e-12, 0.9])
    found = INFORMATION.kl_divergence(p, q) if shape == "one row" else INFORMATION.kl_divergence(p[None], q[None])[0]
    assert relative_error(found, divergence(p, q)) <= bound(INFORMATION.kl_divergence)
    assert float(found) == pytest.approx(4.5000507048092776512e-24, rel=1e-14)


def test_near_equal_counts():
    found = INFORMATION.kl_divergence([1e6, 1e6], [1e6, 1e6 + 1])
    assert float(found) == pytest.approx(1.2499987500010937e-13, rel=1e-14)


def test_near_equal_distributions_in_float32():
    random = np.random.default_rng(3)
    p = random.dirichlet(np.ones(50)).astype(np.float32)
    q = (p * (1 + 1e-4 * random.normal(size=50))).astype(np.float32)
    exact = divergence(p, q)
    assert exact < 1e-7
    assert relative_error(INFORMATION.kl_divergence(p, q), exact) <= bound(INFORMATION.kl_divergence, np.float32)


def test_divergences_of_distributions_whose_ratio_is_no_double():
    """Neighbouring Fibonacci numbers: the ratio of the totals rounds by more than p and q differ."""
    a, b, c = 308061521170129.0, 498454011879264.0, 806515533049393.0
    found = INFORMATION.kl_divergence([a, b], [b, c])
    exact = divergence([a, b], [b, c])
    assert exact < 1e-58
    assert relative_error(found, exact) <= bound(INFORMATION.kl_divergence)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([1e-300, 1.0], [2e-300, 1.0]),
        ([1e-300, 1.0, 2.0], [2e-300, 3.0, 6.0]),
        ([1e-200, 0.3], [2e-200, 0.7]),
        ([1e-3, 7.73510625e-214, 0.0], [8.89680248e-163, 7.73510622e-214, 1.96159844e-184]),
        ([1e-3, 0.5, 0.0], [1e-120, 0.5, 1e-30]),
    ],
)
def test_letters_too_rare_for_the_totals_still_count(p, q):
    assert relative_error(INFORMATION.kl_divergence(p, q), divergence(p, q)) <= bound(INFORMATION.kl_divergence)


@pytest.mark.parametrize(
    ("p", "q", "log"),
    [
        ([0.0, -1.0, -2000.0], [0.0, -1.1, -1000.0], True),  # 0 before: what is masked in both, by other numbers
        ([0.0, -1.0, -1000.0], [0.0, -1.1, -2000.0], True),
        ([7e-113, 1e304, 1e303], [4e-111, 1e304, 2e303], False),
        (
            [1e-38, 1e116, 2e116],
            [1e-131, 1e304, 2.1e304],
            False,
        ),  # infinite before
        ([1e-39, 1e116], [1.66e-131, 1e304], False),
        ([-4.3e17, 4.3e17, -7.4e16], [-2.4e17, -7.3e16, -2.6e17], True),
    ],
)
def test_letters_that_are_no_double_beside_the_largest(p, q, log):
    exact = divergence(p, q, log=log, digits=400)
    alone, among = INFORMATION.kl_divergence(p, q, log=log), INFORMATION.kl_divergence([p] * 3, [q] * 3, log=log)[1]
    assert alone == among
    assert relative_error(alone, exact) <= bound(INFORMATION.kl_divergence)


RARE_BESIDE_THE_LARGEST = [
    ([1e-39, 1e116], [1.66e-131, 1e304]),  # at order 1 + 1e-7: negative
    ([7.7e180, 2e187, 3.4e-248, 5.7e249, 6e-296], [8.3e240, 1.3e-212, 5.2e-36, 4e-53, 1.4e-299]),  # infinite
    ([3.5e-216, 1.3e-253, 1.2e159, 3.1e-151], [2.4e-250, 5.1e-170, 2.3e187, 1.6e-258]),  # by a letter of 2.5e-310
    ([4e-260, 2e230], [4e240, 2e-284]),
    ([1e-60, 1e-123], [1.6e208, 4.7e-226]),
]


@pytest.mark.parametrize("order", [0.3, 0.6, 1 - 1e-7, 1 + 1e-7, 1.001, 1.5, 3.0])
@pytest.mark.parametrize(("p", "q"), RARE_BESIDE_THE_LARGEST)
@pytest.mark.parametrize("padding", [0, 300])
def test_renyi_divergences_by_letters_that_are_no_double_beside_the_largest(p, q, order, padding):
    p, q = p + [0.0] * padding, q + [0.0] * padding
    exact = divergence(p, q, order, digits=700)
    assert relative_error(INFORMATION.renyi_divergence(p, q, order), exact) <= bound(
        INFORMATION.renyi_divergence, rarest=0.0
    )


@pytest.mark.parametrize("offset", [0.0, 5.1, -700.0, 1e3])
@pytest.mark.parametrize("difference", [1e-150, 1e-12, 1e-3])
def test_near_equal_logits_of_any_offset(difference, offset):
    p, q = np.array([0.1, 0.2, -3.0]) * (difference > 1e-20), np.zeros(3)
    q[:2] += difference
    p, q = p + offset, p + q
    exact = divergence(p, q, log=True)
    assert relative_error(INFORMATION.kl_divergence(p, q, log=True), exact) <= bound(INFORMATION.kl_divergence)


def test_a_divergence_from_a_measure_that_is_not_normalised_keeps_the_measures_total():
    p, q = np.array([0.1, 0.9]), np.array([0.1 + 1e-12, 0.9])
    with mpmath.workdps(DIGITS):
        exact = divergence(p, q) - mpmath.log(mpmath.mpf(float(q[0])) + mpmath.mpf(float(q[1])))
    for found in (
        INFORMATION.kl_divergence(p, q, normalize_q=False),
        INFORMATION.kl_divergence(p[None], q[None], normalize_q=False)[0],
    ):
        assert relative_error(found, exact) <= bound(INFORMATION.kl_divergence)


@pytest.mark.parametrize("order", [-2.0, -1e-3, 1e-12, 0.25, 0.5, 0.75, 1 - 1e-12, 2.0, 50.0, 1e6, 1e14, np.inf])
def test_renyi_divergences_of_near_equal_distributions(order):
    p, q = np.array([0.1, 0.4, 0.5]), np.array([0.1 + 1e-12, 0.4, 0.5 - 3e-12])
    exact = divergence(p, q, order)
    assert relative_error(INFORMATION.renyi_divergence(p, q, order), exact) <= bound(INFORMATION.renyi_divergence)


def test_the_divergence_of_order_zero_is_zero_where_the_supports_agree():
    p, q = np.array([0.1, 0.9, 0.0]), np.array([0.3, 0.7, 0.0])
    assert INFORMATION.renyi_divergence(p, q, 0.0) == 0
    q[2] = 1e-30
    assert relative_error(INFORMATION.renyi_divergence(p, q, 0.0), divergence(p, q, 0.0)) <= 1e-14


def test_near_one_orders_where_a_letter_of_p_has_no_q():
    """Below order 1 such a letter takes its mass away, which is more than rounding where the order is near 1."""
    p, q = np.array([1e-13, 0.4, 0.6]), np.array([0.0, 0.5, 0.5])
    for order in (1 - 1e-9, 0.999, 0.5):
        exact = divergence(p, q, order)
        assert relative_error(INFORMATION.renyi_divergence(p, q, order), exact) <= bound(INFORMATION.renyi_divergence)


# ---- extreme totals, entropies near zero ----


@pytest.mark.parametrize("q", [[0.6, 0.4, 0.0], [0.2, 0.0, 0.8], [0.0, 0.0, 1.0]])
@pytest.mark.parametrize("order", [-30.0, -1.0, -1e-9, 0.0, 1e-9, 0.1, 0.3, 0.4, 0.499, 0.5, 0.6, 0.999999, 1.0, 2.0])
def test_logarithms_of_a_q_without_a_letter_of_p(q, order):
    """A q of 0 < p made NaN of the constant c between p and q where logarithms were given."""
    p = np.array([0.5, 0.3, 0.2])
    with np.errstate(divide="ignore"):
        found = float(INFORMATION.renyi_divergence(np.log(p), np.log(q), order, log=True))
    if order >= 1:
        assert found == np.inf
        return
    with mpmath.workdps(60):
        exact = mpmath.mpf(order) - 1
        kept = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(p.tolist(), q, strict=True) if b > 0]
        exact = mpmath.log(mpmath.fsum(a**order * b ** (1 - mpmath.mpf(order)) for a, b in kept)) / exact
    assert found == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("copies", [1, 4, 150, 40_000])
def test_letters_rarer_than_any_double_count_at_small_orders(copies):
    """Logarithms `depth` below the others are below double, e^{-depth t} is not: order 0 counts them.

    What is left of `order` − 1 counts `depth` times in the entropies.
    """
    for depth, order in (
        (740.0, 0.0),
        (746.0, 0.0),
        (800.0, 1e-4),
        (1e5, 0.0),
        (1e5, 1e-6),
        (746.0, -0.5),
        (800.0, 0.5),
    ):
        p = np.concatenate([np.full(copies, -depth), np.zeros(copies)])
        p = p if depth < 1e5 else p[::-1].copy()
        rare = max(-order * depth, 0.0) + math.log1p(math.exp(-abs(order) * depth))
        entropy, divergence = math.log(copies) + rare / (1 - order), math.log(2) - rare / (1 - order)
        assert INFORMATION.renyi_entropy(p, order, log=True) == pytest.approx(entropy, rel=1e-11, abs=1e-150)
        assert INFORMATION.renyi_cross_entropy(p, p, order, log=True) == pytest.approx(entropy, rel=1e-11, abs=1e-150)
        found = INFORMATION.renyi_divergence(p, np.zeros_like(p), order, log=True)
        assert found == pytest.approx(divergence, rel=1e-13, abs=1e-300)
    assert INFORMATION.renyi_entropy(np.float32([0, -800]), 0.0, log=True) == np.float32(math.log(2))
    for least, largest in ((5e-324, 1.0), (1e-20, 1e300)):
        counts = np.concatenate([np.full(copies, least), np.full(copies, largest)])
        assert INFORMATION.renyi_entropy(counts, 0.0) == pytest.approx(math.log(2 * copies), rel=1e-12)


def test_totals_below_the_normal_range():
    found = INFORMATION.renyi_entropy(np.exp([-711.0, -712.0, -713.0]), [0, 1, 2])
    np.testing.assert_allclose(found, [1.0986122886681097, 0.8323955818399389, 0.6722803003888611], rtol=1e-14)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-200, 1.0, 1e200, 4e307])
def test_counts_of_any_size_have_the_same_measures(size):
    p = np.array([1.0, 2.0, 4.0]) * size
    q = np.array([3.0, 1.0, 2.0])
    for p_of_any_kind in (p, p[None]):
        found = (
            INFORMATION.entropy(p_of_any_kind),
            INFORMATION.cross_entropy(q, p_of_any_kind),
            INFORMATION.kl_divergence(p_of_any_kind, q),
            INFORMATION.kl_divergence(q, p_of_any_kind),
        )
        exact = cross_entropy(p, p), cross_entropy(q, p), divergence(p, q), divergence(q, p)
        for value, reference in zip(found, exact, strict=True):
            assert relative_error(np.ravel(value)[0], reference) <= 1e-14


def test_entropies_of_all_but_certain_letters():
    assert float(INFORMATION.entropy([1e308, 1e308])) == pytest.approx(np.log(2), rel=1e-15)
    assert float(INFORMATION.entropy([1e308, 1.0])) == pytest.approx(7.10196208642166e-306, rel=1e-14)
    assert float(INFORMATION.kl_divergence([1e307, 1], [1, 3])) == pytest.approx(1.3862943611198906, rel=1e-14)


def test_a_bad_value_is_named_beside_a_row_of_extreme_total():
    p = np.array([[1e308, 1e308], [1.0, 1.0], [1.0, np.nan]])
    with pytest.raises(ValueError, match=r"p\[2, 1\] = nan is NaN"):
        INFORMATION.entropy(p)
    p[2] = 0.0
    with pytest.raises(ValueError, match=r"p in row 2 has no positive mass"):
        INFORMATION.entropy(p)


def test_rows_of_moderate_total_keep_their_bits_beside_rows_of_extreme_total():
    random = np.random.default_rng(8)
    p = random.random((40, 300))
    alone = INFORMATION.renyi_entropy(p, [0.5, 1.0, 2.0])
    p[7] = 1e307
    np.testing.assert_array_equal(
        np.delete(INFORMATION.renyi_entropy(p, [0.5, 1.0, 2.0]), 7, axis=0), np.delete(alone, 7, axis=0)
    )


# ---- products of orders and rewards beyond double ----


def test_log_mgf_of_rewards_whose_range_is_beyond_double():
    found = INFORMATION.log_mgf([1e308, -1e308], [1e-308, 3e-309], p=[0.25, 0.75])
    np.testing.assert_allclose(found, [-0.045541407206759453, -0.1130809445033665695], rtol=1e-13)
    assert INFORMATION.log_mgf([1e308, -1e308], 0.0, p=[0.25, 0.75]) == 0


def conditioned(dtype):
    """Return what `log_mgf` states: the factor of 1 + κ, and the smallest value."""
    double, single, smallest, smallest_single = stated(INFORMATION.log_mgf)
    return (double, smallest) if dtype == np.float64 else (single, smallest_single)


def log_mgf_and_size(reward, t, weights, log, digits=DIGITS):
    """Return K(t) and |K| (1 + κ), κ the condition number in rewards and weights, from their definitions."""
    with mpmath.workdps(digits):
        p = normalised(weights, log) if weights is not None else [mpmath.mpf(1) / len(reward)] * len(reward)
        exponents = [mpmath.mpf(float(t)) * mpmath.mpf(float(r)) for r in reward]
        powers = [mpmath.exp(x) for x in exponents]
        whole = mpmath.fsum(a * b for a, b in zip(p, powers, strict=True))
        value = mpmath.log(whole)
        by_weight = [a * abs(b - whole) * (1 - (mpmath.log(a / max(p)) if log else 0)) if a else mpmath.mpf(0)
                     for a, b in zip(p, powers, strict=True)]  # fmt: skip
        by_reward = [a * abs(x) * b for a, b, x in zip(p, powers, exponents, strict=True) if b]
        return value, abs(value) + mpmath.fsum(by_weight + by_reward) / whole


def conditioned_error(reward, t, weights, log, dtype):
    """Return the error of `log_mgf`, of one row or of one among others, as a share of what is stated."""
    log, factor_and_smallest = log and weights is not None, conditioned(dtype)
    rows = (reward[None], None if weights is None else weights[None])
    alone = float(INFORMATION.log_mgf(reward, t, p=weights, log=log))
    among = float(INFORMATION.log_mgf(rows[0], [t, 0.5 * t], p=rows[1], log=log)[0, 0])
    exact, size = log_mgf_and_size(reward, t, weights, log, 60 if abs(alone) > 1e-15 else DIGITS)
    factor, smallest = map(mpmath.mpf, factor_and_smallest)
    return float(max(abs(mpmath.mpf(x) - exact) for x in (alone, among)) / (factor * max(size, smallest)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("reward", "t", "p", "log"),
    [
        ([0.0, -700.0], 1.0, [1.0, 1e-12], False),
        ([0.0, 1e-9, -700.0, 40.0], 1.0, [1.0, 1.0, 1e-12, 1e-30], False),
        ([0.0, -40.0], 1.0, [1.0, 1e-25], False),
        ([-3.0, 0.0, 5.0], 2.0, [-60.0, 0.0, -70.0], True),
        ([0.0, 1.0], 300.0, [0.0, -340.0], True),
        ([0.0, 2.0, -np.inf], 8.0, [0.0, -30.0, -40.0], True),
        ([-np.inf, 0.02], 0.1, [300.0, 140.0], True),
        ([-np.inf, 0.3], 0.004, [1e-5, 1e-30], False),
        ([1e-3, -1e-3], 1e-6, None, False),
    ],
)
def test_log_mgfs_near_zero_have_the_digits_that_their_conditioning_leaves(reward, t, p, log, dtype):
    weights = None if p is None else np.array(p, dtype)
    assert conditioned_error(np.array(reward, dtype), t, weights, log, dtype) <= 1


def test_log_mgfs_that_cancel_are_ill_conditioned_and_no_worse():
    """A reward moved by its last bit moves K(t) = 0 by as much as the result errs: no algorithm knows better."""
    reward, t = np.array([1.0, -1.5]), 0.5
    weights = np.array([-math.expm1(t * reward[1]), math.expm1(t * reward[0])])
    exact, size = log_mgf_and_size(reward, t, weights, False)
    moved, _ = log_mgf_and_size(np.nextafter(reward, np.inf), t, weights, False)
    assert abs(exact) < 1e-15 < 0.1 < size
    assert abs(moved - exact) > 1e-17
    assert conditioned_error(reward, t, weights, False, np.float64) <= 1


def test_log_mgf_beyond_double_is_infinite():
    assert INFORMATION.log_mgf([1.0, 50.0], 1e308) == np.inf
    assert INFORMATION.log_mgf(np.array([1.0, 50.0], dtype=np.float32), 1e39) == np.inf
    assert INFORMATION.log_mgf([-1.0, -50.0], 1e308) == -1e308


# ---- strong tilts of chains ----


@pytest.mark.parametrize("alpha", [1e3, 1e10, 1e50, 1e100, 1e300])
def test_a_strongly_tilted_chain_runs_on_the_best_cycle(alpha):
    """The cycle 0 → 1 → 0 has the largest mean, 0.85; along it the chain P goes with chance 0.5 · 0.1."""
    P = [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]
    reward = np.array([[0.1, 0.9, 0.2], [0.8, 0.3, 0.5], [0.4, 0.7, 0.6]])
    for sign in (1, -1):
        policy = INFORMATION.markov_aligned(P, sign * reward, sign * alpha)
        np.testing.assert_allclose(sign * policy.reward_rate, 0.85, rtol=1e-13)
        np.testing.assert_allclose(policy.kl_rate, -0.5 * np.log(0.05), rtol=1e-13)
        np.testing.assert_allclose(policy.log_perron / alpha, 0.85 + 0.5 * np.log(0.05) / alpha, rtol=1e-13)
        np.testing.assert_allclose(policy.P[:2], [[0, 1, 0], [1, 0, 0]], atol=1e-12)


def test_of_two_best_cycles_the_more_likely_one_takes_all():
    P = [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]
    policy = INFORMATION.markov_aligned(P, np.diag([1.0, 1.0, 0.0]), 1e100)
    np.testing.assert_allclose([policy.reward_rate, policy.kl_rate], [1.0, -np.log(0.6)], rtol=1e-13)


def test_chains_agree_where_the_forms_of_a_tilt_meet():
    random = np.random.default_rng(6)
    P, reward = random.dirichlet(np.ones(6), 6), random.random((6, 6))
    reward[0, 0], reward[1, 1] = 0.0, 1.0
    below, above = (INFORMATION.markov_aligned(P, reward, 64 * (1 + change)) for change in (-1e-13, 1e-13))
    for name in ("P", "log_perron", "kl_rate", "reward_rate", "variance_rate"):
        np.testing.assert_allclose(getattr(below, name), getattr(above, name), rtol=3e-11, atol=1e-20)


# ---- searches ----


def any_pair(random):
    """Return two rows and whether they are logarithms: near-equal or not, of any total, with rare letters and zeros."""
    letters, log = int(random.integers(2, 7)), random.random() < 0.4
    spread = 10 ** random.uniform(-1, 2.3) if random.random() < 0.6 else random.choice([0.0, 1.0, 690.0])
    level = random.uniform(-spread, 0, letters)
    size = 10 ** (random.uniform(-18, 1) if random.random() < 0.7 else random.uniform(-150, 0))
    change = size * random.normal(size=letters) * (random.random(letters) < random.choice([0.3, 1.0]))
    if log:
        p = level + random.choice([0.0, 5.0, -700.0, 1e3, random.normal() * 10])
        return p, p + change + random.choice([0.0, 0.0, 1.0, -3.7, 1e3]), log
    p = np.exp(level) * (2.0 ** random.integers(-1060, 1020) if random.random() < 0.1 else 1.0)
    if random.random() < 0.2:
        p = random.integers(1, 10 ** int(random.integers(1, 15)), letters).astype(np.float64)
    q = p * np.exp(np.clip(change, -30, 30))
    q = q * random.choice([1.0, float(random.integers(1, 20)), 2.0 ** random.integers(-100, 100)])
    if p.max() < 1e3 and p.min() > 1e-40 and random.random() < 0.3:
        q = q * 10 ** random.uniform(-250, 250)
    if random.random() < 0.05:
        p[random.integers(1, letters) :] = 0.0
    return p, q, log


def rarity(weights, log):
    """Return the share of the rarest letter that has one."""
    logs = weights.astype(float) if log else np.log(weights[weights > 0].astype(float))
    return np.exp(logs.min() - np.logaddexp.reduce(logs))


def any_order(random):
    return float(random.choice([*ORDERS, random.uniform(0, 2), 10 ** random.uniform(0, 4)]))


def look(kind, function, exact, with_order, dtype=np.float64, *, seed, least=0.0):
    """Search for relative errors of `function` beyond its bound, and for values below `least`.

    In float32 nineteen of twenty are compared with float64, whose errors are searched for by themselves.
    """
    random = np.random.default_rng(seed)
    worst = search.Worst(kind, f"{function.__name__}, {np.dtype(dtype).name}")
    for number in range(search.cases(200)):
        with np.errstate(over="ignore"):
            p, q, log = any_pair(random)
        order = any_order(random) if with_order else 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # float32 has its own extremes
            p, q = p.astype(dtype), q.astype(dtype)
        if not (np.isfinite(p).all() and np.isfinite(q).all()) or (not log and not (p.max() > 0 and q.max() > 0)):
            continue
        value, *wide = (
            function(*rows, order, log=log) if with_order else function(*rows, log=log)
            for rows in ((p, q), (p.astype(float), q.astype(float)))[: 1 if dtype == np.float64 else 2]
        )
        assert value >= least, (p, q, order, log)
        rarest = min(rarity(p, log), rarity(q, log))
        reference = mpmath.mpf(float(wide[0])) if wide and number % 20 else exact(p, q, order, log)
        error = relative_error(value, reference, dtype)
        worst.see(error, bound(function, dtype, rarest), (p, q, order, log))
    worst.hold()


@pytest.mark.search
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_search_finds_no_divergence_below_zero_or_beyond_its_bound(dtype):
    look("N1", INFORMATION.kl_divergence, divergence, False, dtype, seed=1)


@pytest.mark.search
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_search_finds_no_renyi_divergence_beyond_its_bound(dtype):
    look("N1", INFORMATION.renyi_divergence, divergence, True, dtype, seed=2)


@pytest.mark.search
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_search_finds_no_cross_entropy_beyond_its_bound(dtype):
    look("N2", INFORMATION.renyi_cross_entropy, cross_entropy, True, dtype, seed=3, least=-np.inf)


@pytest.mark.search
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_search_finds_no_entropy_beyond_its_bound(dtype):
    def entropy(p, _, order, log):
        return INFORMATION.renyi_entropy(p, order, log=log)

    def exact(p, _, order, log):
        return cross_entropy(p, p, order, log)

    entropy.__name__, entropy.__doc__ = "renyi_entropy", INFORMATION.renyi_entropy.__doc__
    look("N2", entropy, exact, True, dtype, seed=5)


def long_rows(random):
    """Return rows (p, q) in float32 and whether they are logarithms: 2 to 4096 letters, of which few or many count."""
    letters = int(random.choice([2, 5, 20, 64, 100, 127, 128, 129, 1000, 4096]))
    shape, log = (20_000 // letters + 2, letters), random.random() < 0.5
    level = -(10 ** random.uniform(0.3, 1.6)) * random.random(shape) ** random.choice([0.3, 1, 3])
    change = random.normal(size=shape) * random.choice([0.0, 1e-4, 0.1, 1.0])
    p, q = (level, level + change) if log else (np.exp(level), np.exp(level + change))
    return p.astype(np.float32), q.astype(np.float32), log


@pytest.mark.search
def test_a_search_finds_no_long_row_in_float32_beyond_its_bound():
    """Against float64, at orders near and far from 1, where sums of single precision are divided by the distance."""
    random = np.random.default_rng(22)
    functions = {
        "renyi_entropy": lambda p, q, order, log: INFORMATION.renyi_entropy(p, order, log=log),
        "renyi_cross_entropy": lambda p, q, order, log: INFORMATION.renyi_cross_entropy(p, q, order, log=log),
        "renyi_divergence": lambda p, q, order, log: INFORMATION.renyi_divergence(p, q, order, log=log),
    }
    worst = {name: search.Worst("N2", f"{name}, float32, up to 4096 letters") for name in functions}
    while worst["renyi_entropy"].count < search.cases(500):
        p, q, log = long_rows(random)
        for order in (random.uniform(0.02, 3.0), 1 - 10 ** random.uniform(-1.7, -0.3), 1 + 10 ** random.uniform(-2, 1)):
            for name, function in functions.items():
                found, exact = function(p, q, order, log), function(p.astype(float), q.astype(float), order, log)
                allowed = bound(getattr(INFORMATION, name), np.float32) * np.maximum(
                    np.abs(exact), SMALLEST[np.float32]
                )
                share = np.abs(found - exact) / allowed
                row = int(np.argmax(share))
                worst[name].see_all(share, (p[row], q[row], order, log))
    for one in worst.values():
        one.hold()


def any_rewards(random, dtype, rows=500):
    """Return rows (reward, t, weights, log): rewards of every sign and size, forbidden and rare letters, any total."""
    shape, log = (rows, int(random.integers(1, 9))), random.random() < 0.5
    each, uniform = (rows, 1), random.uniform
    reward = random.normal(size=shape) * 10 ** uniform(-5, 5, each) * (random.random(shape) < 0.8)
    sign = random.choice([-1.0, 0.0, 1.0], each)
    reward = np.where(sign == 0, reward, sign * np.abs(reward))
    reward *= 10.0 ** (-uniform(0, 20, shape) * (random.random(each) < 0.3))
    reward += random.choice([0.0, 0.0, 0.0, 1.0, -1.0], each) * 10 ** uniform(-3, 3, each)
    t = 10 ** uniform(-4, 3, each) / np.maximum(np.abs(reward).max(axis=1, keepdims=True), 1e-3)
    forbidden = random.random(rows) < 0.1 * (shape[1] > 1)
    reward[forbidden, 0] = -np.inf
    t *= np.where(forbidden[:, None], 1.0, random.choice([1.0, -1.0], each))
    if log:
        weights = -(10 ** uniform(-2, 2.8, shape)) * (random.random(shape) < 0.8)
        weights += random.choice([0.0, 5.0, -300.0, 300.0], each)
    else:
        weights = np.exp(
            -uniform(0, 1, shape) * random.choice([1.0, 30.0, 690.0 if dtype == np.float64 else 80.0], each)
        )
    return reward.astype(dtype), t, weights.astype(dtype), log


def log_mgf_and_size_of_rows(reward, t, weights, log):
    """Return what `log_mgf_and_size` does, of rows in extended precision, by M - 1 where M is about 1."""
    reward, t, weights = (array.astype(np.longdouble) for array in (reward, t, weights))
    p = np.exp(weights - weights.max(axis=1, keepdims=True)) if log else weights
    p /= p.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        exponent = t * reward
        power = np.exp(exponent)
        less_one = (p * np.expm1(exponent)).sum(axis=1, keepdims=True)
        by_weight = (1 - np.log(p / p.max(axis=1, keepdims=True)) * log) * np.abs(np.expm1(exponent) - less_one)
        sizes = p * (np.where(power > 0, np.abs(exponent), 0) * power + np.where(p > 0, by_weight, 0))
        value = np.where(
            less_one > -0.5, np.log1p(np.maximum(less_one, -0.5)), np.log((p * power).sum(axis=1, keepdims=True))
        )[:, 0]
    return value, np.abs(value) + sizes.sum(axis=1) / np.exp(value)


@pytest.mark.search
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_search_finds_no_log_mgf_beyond_its_conditioning(dtype):
    random, worst = np.random.default_rng(15), search.Worst("N15", f"log_mgf, {np.dtype(dtype).name}")
    factor, smallest = conditioned(dtype)
    for _ in range(max(2, search.cases(1000) // 500)):
        reward, t, weights, log = any_rewards(random, dtype)
        found = INFORMATION.log_mgf(reward, t, p=weights, log=log)[:, 0]
        exact, size = log_mgf_and_size_of_rows(reward, t, weights, log)
        share = np.abs(found.astype(np.longdouble) - exact) / (factor * np.maximum(size, smallest))
        row = int(np.argmax(share))
        worst.see_all(share, (reward[row], float(t[row, 0]), weights[row], log))
        case = reward[row], float(t[row, 0]), weights[row]
        assert conditioned_error(*case, log, dtype) == pytest.approx(float(share[row]), rel=0.05, abs=0.05)
    worst.hold()


@pytest.mark.parametrize("letters", [3, 128, 129, 2100])
@pytest.mark.parametrize("log", [False, True])
def test_near_equal_long_and_short_rows(log, letters):
    random = np.random.default_rng(letters)
    p = random.dirichlet(np.ones(letters), 18)
    q = p * np.exp(10.0 ** random.uniform(-12, -1, (18, 1)) * random.normal(size=p.shape))
    operands = (np.log(p), np.log(q)) if log else (p, q)
    orders = np.array([0.3, 1.0])
    found = INFORMATION.renyi_divergence(*operands, orders, log=log)
    for value, order in zip(found[17], orders, strict=True):
        exact = divergence(operands[0][17], operands[1][17], float(order), log, digits=60)
        assert relative_error(value, exact) <= bound(INFORMATION.renyi_divergence)
    for threads in (2, 7):
        np.testing.assert_array_equal(
            INFORMATION.renyi_divergence(*operands, orders, log=log, num_threads=threads), found
        )


# ---- bounds that docstrings state ----


def test_cumulants_are_as_accurate_as_their_central_moments_allow():
    """Uniform letters: odd cumulants are 0, those of order 8 are what cancellation leaves of much larger moments."""
    stated = float(re.search(r"κ_n to ([\d.e-]+) · n! · E\|r − κ_1\|\^n", INFORMATION.tilted_moments.__doc__).group(1))
    random = np.random.default_rng(12)
    for reward in (
        np.linspace(0, 1, 41),
        random.normal(size=50),
        random.random(9) ** 8,
        np.array([1e3, 1e3 + 1, 1e3 + 5]),
    ):
        for t in (0.0, 0.7, -2.0):
            found = INFORMATION.cumulants(reward, 8, t=t)
            with mpmath.workdps(80):
                r = [mpmath.mpf(float(x)) for x in reward]
                weights = normalised([t * x for x in reward], True)
                centre = mpmath.fsum(w * x for w, x in zip(weights, r, strict=True))
                pairs = [(w, x - centre) for w, x in zip(weights, r, strict=True)]
                moments = [mpmath.fsum(w * d**k for w, d in pairs) for k in range(9)]
                exact = [mpmath.mpf(0)] * 9
                for n in range(1, 9):
                    known = mpmath.fsum(mpmath.binomial(n - 1, j - 1) * exact[j] * moments[n - j] for j in range(1, n))
                    exact[n] = moments[n] - known
                exact[1] = centre
                sizes = [mpmath.factorial(n) * mpmath.fsum(w * abs(d) ** n for w, d in pairs) for n in range(9)]
            sizes[1] = max(abs(x) for x in r)
            for n in range(1, 9):
                assert abs(float(found[n - 1]) - exact[n]) <= stated * sizes[n]


def test_log_mgfs_are_as_accurate_as_stated():
    stated = float(re.search(r"Accuracy: ([\d.e-]+) · \(1 \+ \|t\| max\|r\|\)", INFORMATION.log_mgf.__doc__).group(1))
    random = np.random.default_rng(13)
    for _ in range(100):
        reward = random.normal(size=int(random.integers(1, 9))) * 10 ** random.uniform(-3, 3) + random.choice(
            [0.0, 30.0]
        )
        t = random.normal() * 10 ** random.uniform(-6, 2)
        with mpmath.workdps(60):
            terms = [mpmath.exp(mpmath.mpf(float(t)) * mpmath.mpf(float(x))) for x in reward]
            exact = mpmath.log(mpmath.fsum(terms) / len(terms))
        assert abs(float(INFORMATION.log_mgf(reward, t)) - exact) <= stated * (1 + abs(t) * abs(reward).max())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("t", [1.0, -1.0, 0.3])
def test_a_row_may_leave_the_range_in_which_e_to_the_x_less_one_is_summed(t, log, dtype):
    """Rewards that grow letter by letter, and fall from a first one: tiles within 2.5 / t of each other, then not."""
    random = np.random.default_rng(7)
    ascending = np.sort(random.uniform(-1e-3, 9.0, 9000)) ** 3 / 100
    weights = random.uniform(-3, 0, 9000) if log else random.random(9000)
    for reward in (ascending, -ascending, np.roll(ascending, 1)):
        rows = reward[None].astype(dtype), np.full((1, 1), t), weights[None].astype(dtype)
        found = INFORMATION.log_mgf(rows[0], rows[1], p=rows[2], log=log)[:, 0]
        exact, size = log_mgf_and_size_of_rows(*rows, log)
        factor, smallest = conditioned(dtype)
        assert abs(found - exact) <= factor * size + smallest


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 3e-15), (np.float32, 5e-6)])
@pytest.mark.parametrize("spread", [0.3, 0.03])
def test_sums_of_many_equal_blocks_do_not_round_alike(spread, dtype, tolerance):
    """All p equal, q on two levels: 3907 blocks of the same sum, added plainly, were 8e-14 off."""
    levels = np.array([1 - spread, 1 + spread], dtype)
    low, high = levels.astype(np.float64)
    v = (high - low) / (high + low)
    found = af.information.kl_divergence(np.ones(1_000_000, dtype), np.tile(levels, 500_000))
    assert found == pytest.approx(-math.log1p(-v * v) / 2, rel=tolerance, abs=0)


def test_totals_of_millions_take_no_digits_of_orders_near_zero():
    """Found by search: of counts whose logarithms are 15 apart 1.1e-14 was lost, where 1e-14 is stated."""
    p, q = [0.998965655829167, 0.5874365304677072], [0.6376366723812945, 3899448.1548853563]
    for order in (1e-6, 1e-5, 1e-4, 1e-3):
        expected = float(divergence(p, q, order))
        assert af.information.renyi_divergence(p, q, order) == pytest.approx(expected, rel=3e-15, abs=0)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, 0.5])
def test_close_rows_of_counts_keep_their_digits_whatever_their_totals(order):
    """Products of the two totals were beyond the type: 0, or less than a tenth of a per cent too small."""
    random = np.random.default_rng(7)
    for p_total, q_total in ((2e-183, 4e155), (1.0, 1e160), (1e-80, 1e290), (1e-250, 1e-280), (1e300, 1e300)):
        p = p_total * random.dirichlet(np.ones(299))
        q = p / p_total * q_total
        q[150] *= 1.09
        with mpmath.workdps(40):
            small, large = [mpmath.mpf(float(x)) for x in p], [mpmath.mpf(float(x)) for x in q]
            small, large = ([x / mpmath.fsum(row) for x in row] for row in (small, large))
            if order == 1.0:
                exact = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(small, large, strict=True))
            else:
                sum_less_1 = mpmath.fsum(x * ((x / y) ** (order - 1) - 1) for x, y in zip(small, large, strict=True))
                exact = mpmath.log1p(sum_less_1) / (order - 1)
            found = af.information.renyi_divergence(p, q, order)
            assert abs(mpmath.mpf(float(found)) / exact - 1) < 1e-14
