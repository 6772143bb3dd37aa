"""Kernels of the information family against definitions in more digits, over kinds, sizes, orders and types."""

import hashlib
import itertools

import mpmath
import numpy as np
import pytest
from each import check_each
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast.kernels.common import status
from alignment_fast.kernels.common.cpu import supported_isas
from alignment_fast.kernels.information import cpu, operations
from bounds import bound
from fresh import output_of
from oracles import information as oracle

OK = (status.OK, status.OK)
INF = np.inf
DTYPES = ("float32", "float64")
ORDERS = (-INF, -40.0, -3.0, -1.0, -1e-3, -1e-9, 0.0, 1e-12, 1e-4, 0.3, 1.0, 2.5, 40.0, INF)
# One letter, less than a tile of rows, the last short row, the first long one, tile edges, several tiles.
LENGTHS = (1, 2, 7, 32, 127, 128, 129, 1023, 1024, 1025, 4100)
KINDS = {
    "uniform, given": (cpu.WEIGHT_UNIFORM, cpu.REWARD_GIVEN),
    "probabilities, given": (cpu.WEIGHT_PROBABILITY, cpu.REWARD_GIVEN),
    "logits, given": (cpu.WEIGHT_LOG, cpu.REWARD_GIVEN),
    "probabilities, log q": (cpu.WEIGHT_PROBABILITY, cpu.REWARD_LOG_OF),
    "logits, logits": (cpu.WEIGHT_LOG, cpu.REWARD_LOGITS),
    "uniform, log q": (cpu.WEIGHT_UNIFORM, cpu.REWARD_LOG_OF),
    "probabilities, log p/q": (cpu.WEIGHT_PROBABILITY, cpu.REWARD_LOG_RATIO),
    "logits, log p/q": (cpu.WEIGHT_LOG, cpu.REWARD_LOG_RATIO),
    "probabilities, log p": (cpu.WEIGHT_PROBABILITY, cpu.REWARD_OWN_LOG),
    "logits, log p": (cpu.WEIGHT_LOG, cpu.REWARD_OWN_LOG),
}


def reduced(function, weights, weight_kind, rewards, reward_kind, orders, *, normalize=True, rows=None):
    """Return the result of `exponential_mean` or `log_mgf` for all rows (or a range of them) and the status words."""
    weights, rewards, orders = np.atleast_2d(weights), np.atleast_2d(rewards), np.atleast_2d(np.asarray(orders, float))
    count = max(len(weights), len(rewards), len(orders))
    first, last = rows or (0, count)
    out = np.full((count, orders.shape[1]), np.nan)
    words = function(weights, weight_kind, rewards, reward_kind, normalize, orders, out, first, last)
    return out, words


def mean(*arguments, **options):
    out, words = reduced(cpu.exponential_mean, *arguments, **options)
    assert words == OK
    return out


def moments(weights, weight_kind, rewards, reward_kind, orders, order, *, normalize=True):
    weights, rewards, orders = np.atleast_2d(weights), np.atleast_2d(rewards), np.atleast_2d(np.asarray(orders, float))
    count = max(len(weights), len(rewards), len(orders))
    out = np.empty((count, orders.shape[1], 1 + order))
    scratch = np.empty((count, orders.shape[1])), np.empty((count, 2))
    words = cpu.tilted_moments(weights, weight_kind, rewards, reward_kind, normalize, orders, *scratch, out, 0, count)
    assert words == OK
    return out


def log_tilted(weights, weight_kind, rewards, reward_kind, orders):
    weights, rewards, orders = np.atleast_2d(weights), np.atleast_2d(rewards), np.atleast_2d(np.asarray(orders, float))
    count = max(len(weights), len(rewards), len(orders))
    out = np.empty((count, orders.shape[1], rewards.shape[1]), rewards.dtype)
    scratch = np.empty((count, orders.shape[1])), np.empty((count, 2))
    words = cpu.log_tilted(weights, weight_kind, rewards, reward_kind, True, orders, *scratch, out, 0, count)
    assert words == OK
    return out


def arrays(kind, dtype, rows, letters, seed=0):
    """Return weights and rewards as the kind wants them, random, with some letters off the support."""
    rng = np.random.default_rng(seed)
    weight_kind, reward_kind = kind
    logits, other = 2 * rng.standard_normal((rows, letters)), rng.standard_normal((rows, letters)) - 1
    off_support = rng.random((rows, letters)) < 0.1
    off_support[:, 0] = False
    weights = np.where(off_support, -INF, logits) if weight_kind == cpu.WEIGHT_LOG else np.exp(logits) * ~off_support
    takes_probabilities = reward_kind == cpu.REWARD_LOG_OF or (
        reward_kind == cpu.REWARD_LOG_RATIO and weight_kind != cpu.WEIGHT_LOG
    )
    rewards = np.exp(other) if takes_probabilities else other
    return np.ascontiguousarray(weights, dtype), np.ascontiguousarray(rewards, dtype)


def letters_of(kind, weights, rewards):
    """Return normalised p and the rewards of one row in extended precision, straight from the definitions."""
    weight_kind, reward_kind = kind
    w, x = weights.astype(np.longdouble), rewards.astype(np.longdouble)
    with np.errstate(divide="ignore"):
        if weight_kind == cpu.WEIGHT_UNIFORM:
            w = np.ones_like(x)
        elif weight_kind == cpu.WEIGHT_LOG:
            w = np.exp(w - w.max())
        p = w / w.sum()
        if reward_kind == cpu.REWARD_GIVEN:
            return p, x
        if reward_kind == cpu.REWARD_OWN_LOG:
            return p, np.log(p)
        if reward_kind == cpu.REWARD_LOGITS or weight_kind == cpu.WEIGHT_LOG:
            x = np.exp(x - x.max())
        r = np.log(x / x.sum())
        return p, (np.log(p) - r if reward_kind == cpu.REWARD_LOG_RATIO else r)


def normaliser_size(kind, weights, rewards):
    """Return how large the logarithms are that normalisation takes away again: their rounding stays."""
    if kind[1] == cpu.REWARD_GIVEN:
        return 0.0
    sizes = [0.0]
    for values in (weights, rewards):
        values = values[np.isfinite(values)]
        sizes.append(abs(values).max())
        sizes.append(abs(np.log(abs(values[values != 0]))).max() + np.log(len(values)))
    return max(sizes)


def definition(p, r, order):
    """Return E(order) in extended precision and the size that its error is relative to."""
    r, p = r[p > 0], p[p > 0]
    size = float(abs(r).max())
    if np.isinf(order):
        return (r.max() if order > 0 else r.min()), size
    centre = (p * r).sum()
    size += float(1 / max(abs(order), 1 / max(float(np.ptp(r)), 1e-300)))
    if abs(order) * np.ptp(r) <= 1:
        value = centre + (np.log1p((p * np.expm1(order * (r - centre))).sum()) / order if order else 0)
        return value, size
    top = (order * r).max()
    return (top + np.log((p * np.exp(order * r - top)).sum())) / order, size


# ---- exponential means ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("letters", LENGTHS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_size_and_order(kind, letters, dtype):
    weights, rewards = arrays(kind, dtype, 3, letters)
    got = mean(weights, kind[0], rewards, kind[1], ORDERS)
    for row in range(3):
        p, r = letters_of(kind, weights[row], rewards[row])
        lost = normaliser_size(kind, weights[row], rewards[row])
        for value, order in zip(got[row], ORDERS, strict=True):
            expected, size = definition(p, r, order)
            assert abs(value - expected) <= bound("information.exponential_mean", dtype) * (size + lost), order


@pytest.mark.parametrize("case", oracle.FILE["batch"], ids=lambda case: str(len(case["p_int"])))
def test_cross_entropies_of_the_oracle_file(case):
    orders = np.array([float(t) for t in case["H"]])
    got = -mean(
        np.array(case["p_int"], float),
        cpu.WEIGHT_PROBABILITY,
        np.array(case["q_int"], float),
        cpu.REWARD_LOG_OF,
        orders - 1,
    )[0]
    expected = np.array([float(value) for value in case["H"].values()])
    conditioning = np.where(np.isin(orders, [1.0001]), 2, 1)  # the order is rounded
    np.testing.assert_allclose(got / expected, 1, rtol=0, atol=2e-15 * conditioning.max())


def test_near_order_zero_nothing_is_lost_where_the_plain_form_loses_twelve_digits():
    p, r = np.array([0.2, 0.3, 0.5]), np.log([2 / 3, 1 / 9, 2 / 9])
    order = 1e-13
    with mpmath.workdps(60):
        exact = oracle.exponential_mean(
            oracle.normalised([mpmath.mpf(x) for x in p]), [mpmath.mpf(x) for x in r], order
        )
        plain = abs(np.log(np.sum(p * np.exp(order * r))) / order / float(exact) - 1)
        ours = abs(float(mean(p, cpu.WEIGHT_PROBABILITY, r, cpu.REWARD_GIVEN, order)[0, 0] / exact - 1))
    assert plain > 1e-4
    assert ours < 1e-15


@pytest.mark.parametrize("letters", [1, 3, 128, 129, 3000])
@pytest.mark.parametrize("value", [0.0, -3.7, 1e30])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_reward_gives_itself_exactly(dtype, value, letters):
    weights = np.random.default_rng(letters).random((2, letters)).astype(dtype)
    rewards = np.full((2, letters), value, dtype)
    np.testing.assert_array_equal(
        mean(weights, cpu.WEIGHT_PROBABILITY, rewards, cpu.REWARD_GIVEN, ORDERS), float(rewards[0, 0])
    )


@pytest.mark.parametrize("letters", [4, 2000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_letters_of_tiny_weight_count_where_the_tilt_lifts_them(letters, dtype):
    """Log-weights down to -2000 and tilts that bring them back: the general form alone would lose the winners."""
    rng = np.random.default_rng(5)
    weights = np.where(np.arange(letters) % 2, -2000.0, -0.5) + rng.random(letters)
    rewards = np.where(np.arange(letters) % 2, 50.0, 0.0) + rng.random(letters)
    weights, rewards = weights.astype(dtype), rewards.astype(dtype)
    for order in (1.0, 39.5, 41.0, -3.0):
        p, r = letters_of((cpu.WEIGHT_LOG, cpu.REWARD_GIVEN), weights, rewards)
        expected, size = definition(p, r, order)
        got = mean(weights, cpu.WEIGHT_LOG, rewards, cpu.REWARD_GIVEN, order)[0, 0]
        assert abs(got - expected) <= bound("information.exponential_mean", dtype) * size, order


@pytest.mark.parametrize("letters", [3, 500])
def test_zeros_follow_the_conventions(letters):
    """A letter with p = 0 does not count; q = 0 < p decides the sign that it has in the limit."""
    p, q = np.ones(letters), np.ones(letters)
    p[0], q[0], q[1] = 0.0, 5.0, 0.0  # letter 0 off the support of p, letter 1 off that of q
    cross = -mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_OF, np.array([-INF, 0.5, 1.0, 2.0, 3.0, INF]) - 1)[0]
    total, alive = q.sum(), (letters - 2) / (letters - 1)
    expected = [INF, INF, INF, np.log(total) - np.log(alive), np.log(total) - np.log(alive) / 2, np.log(total)]
    np.testing.assert_allclose(cross, expected, rtol=1e-14)
    divergence = mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_RATIO, np.array([0.0, 0.5, 1.0, 2.0, INF]) - 1)[0]
    ratio = total / (letters - 1)
    np.testing.assert_allclose(
        divergence, [np.log(ratio) - np.log(alive), np.log(ratio) - 2 * np.log(alive), INF, INF, INF], rtol=1e-13
    )


def test_disjoint_supports_are_infinitely_apart():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    orders = [-2.0, -1e-9, 0.0, 1e-9, 2.0, INF]
    np.testing.assert_array_equal(mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_OF, orders), -INF)
    np.testing.assert_array_equal(mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_RATIO, orders), INF)


def test_the_log_mgf_is_the_order_times_the_mean():
    weights, rewards = arrays((cpu.WEIGHT_LOG, cpu.REWARD_GIVEN), "float64", 5, 300)
    orders = np.array([-3.0, -1e-9, 0.0, 1e-3, 2.0, 30.0])
    got, words = reduced(cpu.log_mgf, weights, cpu.WEIGHT_LOG, rewards, cpu.REWARD_GIVEN, orders)
    assert words == OK
    np.testing.assert_allclose(
        got, orders * mean(weights, cpu.WEIGHT_LOG, rewards, cpu.REWARD_GIVEN, orders), rtol=1e-15
    )


@pytest.mark.parametrize("normalize", [True, False])
def test_a_second_distribution_is_normalised_unless_told(normalize):
    p, q = np.array([1.0, 3.0]), np.array([2.0, 6.0])
    shift = np.log(8.0) if normalize else 0.0
    got = mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_OF, [0.0], normalize=normalize)[0, 0]
    assert got == pytest.approx(0.25 * np.log(2) + 0.75 * np.log(6) - shift, rel=1e-15)


# ---- equispaced orders ----


@pytest.mark.parametrize("letters", [32, 5000])
@pytest.mark.parametrize(("start", "stop"), [(0.25, 8.0), (-6.0, 6.0), (-0.5, -12.0), (8.0, 0.25)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equispaced_orders_agree_with_single_ones(dtype, start, stop, letters):
    weights, rewards = arrays((cpu.WEIGHT_LOG, cpu.REWARD_GIVEN), dtype, 3, letters)
    orders = np.linspace(start, stop, 37)
    arguments = weights, cpu.WEIGHT_LOG, rewards, cpu.REWARD_GIVEN
    together = mean(*arguments, orders)
    alone = np.concatenate([mean(*arguments, order) for order in orders], axis=1)
    size = abs(rewards).max() + 1 / np.maximum(abs(orders), 1 / np.ptp(rewards))
    assert (abs(together - alone) <= 3 * bound("information.exponential_mean", dtype) * size).all()


# ---- later tiles of a row, which are settled before they are surveyed ----

TILE = 2048  # letters
LATER = 4 * TILE + 5
RISE = np.linspace(0, 1, LATER)
SPIKE = np.arange(LATER) == 3 * TILE + 7
# What is added to random logits or rewards of spread 1: later tiles keep within what the first ones have shown, pass
# it by a little, and by far.
DRIFTS = {
    "none": 0 * RISE,
    "a little up": 3 * RISE,
    "a little down": -3 * RISE,
    "far up": 70 * RISE,
    "far down": -70 * RISE,
    "one far above": 50.0 * SPIKE,
    "one far below": -50.0 * SPIKE,
}


def drifting(weight_drift, reward_drift, dtype):
    rng = np.random.default_rng(8)
    logits, rewards = rng.standard_normal((2, LATER))
    return (logits + DRIFTS[weight_drift]).astype(dtype), (rewards + DRIFTS[reward_drift]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight_kind", [cpu.WEIGHT_LOG, cpu.WEIGHT_PROBABILITY])
@pytest.mark.parametrize("reward_drift", DRIFTS)
@pytest.mark.parametrize("weight_drift", DRIFTS)
def test_rows_whose_later_tiles_leave_the_range_of_the_first(weight_drift, reward_drift, weight_kind, dtype):
    weights, rewards = drifting(weight_drift, reward_drift, dtype)
    if weight_kind == cpu.WEIGHT_PROBABILITY:
        weights = np.exp(weights)
    p, r = letters_of((weight_kind, cpu.REWARD_GIVEN), weights, rewards)
    for orders in ([0.7], [-3.0], [0.5, -2.0, 1.5], np.linspace(0.3, 3.3, 16)):
        got = mean(weights, weight_kind, rewards, cpu.REWARD_GIVEN, orders)[0]
        for value, order in zip(got, orders, strict=True):
            expected, size = definition(p, r, order)
            assert abs(value - expected) <= bound("information.exponential_mean", dtype) * size, order


@pytest.mark.parametrize("letter", [3 * TILE + 7, LATER - 1])
@pytest.mark.parametrize("orders", [[0.7], [0.5, -2.0], np.linspace(0.3, 3.3, 16)], ids=["one", "two", "equispaced"])
@pytest.mark.parametrize("reward", [INF, -INF])
def test_an_infinite_reward_in_a_later_tile(reward, orders, letter):
    weights, rewards = drifting("none", "none", "float32")
    rewards[letter] = reward
    got = mean(weights, cpu.WEIGHT_LOG, rewards, cpu.REWARD_GIVEN, orders)[0]
    p, r = letters_of((cpu.WEIGHT_LOG, cpu.REWARD_GIVEN), weights, rewards)
    for value, order in zip(got, orders, strict=True):
        if order * reward > 0:
            assert value == reward
        else:
            others = p[np.isfinite(r)], r[np.isfinite(r)]
            expected, size = definition(*others, order)
            assert abs(value - expected) <= bound("information.exponential_mean", "float32") * size


@pytest.mark.parametrize("orders", [[0.7], [0.5, -2.0], np.linspace(0.3, 3.3, 16)], ids=["one", "two", "equispaced"])
@pytest.mark.parametrize("weight_kind", [cpu.WEIGHT_LOG, cpu.WEIGHT_PROBABILITY])
def test_letters_off_the_support_in_a_later_tile_do_not_count(weight_kind, orders):
    weights, rewards = drifting("none", "none", "float64")
    weights, nothing = (weights, -INF) if weight_kind == cpu.WEIGHT_LOG else (np.exp(weights), 0.0)
    weights[3 * TILE : 3 * TILE + 5], rewards[3 * TILE : 3 * TILE + 5] = nothing, 90.0
    got = mean(weights, weight_kind, rewards, cpu.REWARD_GIVEN, orders)[0]
    for value, order in zip(got, orders, strict=True):
        expected, size = definition(*letters_of((weight_kind, cpu.REWARD_GIVEN), weights, rewards), order)
        assert abs(value - expected) <= bound("information.exponential_mean", "float64") * size


QUIET_NANS = {"plain": 0x7FC00000, "with a payload": 0x7FC00155, "negative": 0xFFC00100}


@pytest.mark.parametrize("pattern", QUIET_NANS.values(), ids=QUIET_NANS)
@pytest.mark.parametrize("orders", [[0.7], [0.5, -2.0], np.linspace(0.3, 3.3, 16)], ids=["one", "two", "equispaced"])
@pytest.mark.parametrize("operand", [0, 1])
@pytest.mark.parametrize("weight_kind", [cpu.WEIGHT_LOG, cpu.WEIGHT_PROBABILITY])
def test_not_a_number_in_a_later_tile_is_found(weight_kind, operand, orders, pattern):
    operands = list(drifting("none", "none", "float32"))
    if weight_kind == cpu.WEIGHT_PROBABILITY:
        operands[0] = np.exp(operands[0])
    operands[operand].view(np.uint32)[3 * TILE + 7] = pattern
    _, words = reduced(cpu.exponential_mean, operands[0], weight_kind, operands[1], cpu.REWARD_GIVEN, orders)
    expected = [status.OK, status.OK]
    expected[operand] = (3 * TILE + 7) * 8 + status.NOT_A_NUMBER
    assert words == tuple(expected)


# ---- bits ----


@pytest.mark.parametrize("letters", [1, 32, 128, 129, 5000])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_row_has_the_same_bits_alone_in_a_batch_and_in_any_range(kind, letters):
    weights, rewards = arrays(kind, "float32", 37, letters)
    orders = np.random.default_rng(1).normal(size=21)
    whole = mean(weights, kind[0], rewards, kind[1], orders)
    for first, last in ((0, 1), (0, 16), (5, 30), (36, 37)):
        part, _ = reduced(cpu.exponential_mean, weights, kind[0], rewards, kind[1], orders, rows=(first, last))
        np.testing.assert_array_equal(part[first:last], whole[first:last])
        assert np.isnan(part[:first]).all()
        assert np.isnan(part[last:]).all()
    np.testing.assert_array_equal(mean(weights[7], kind[0], rewards[7], kind[1], orders), whole[7:8])
    np.testing.assert_array_equal(
        mean(weights, kind[0], rewards, kind[1], np.tile(orders, (37, 1))), whole, err_msg="orders of each row"
    )


def test_an_operand_of_one_row_serves_every_row():
    weights, rewards = arrays((cpu.WEIGHT_PROBABILITY, cpu.REWARD_GIVEN), "float64", 20, 40)
    for w, r in ((weights[:1], rewards), (weights, rewards[:1])):
        repeated = [np.ascontiguousarray(np.broadcast_to(x, (20, 40))) for x in (w, r)]
        np.testing.assert_array_equal(
            mean(w, cpu.WEIGHT_PROBABILITY, r, cpu.REWARD_GIVEN, ORDERS),
            mean(repeated[0], cpu.WEIGHT_PROBABILITY, repeated[1], cpu.REWARD_GIVEN, ORDERS),
        )


DIGEST = """
import hashlib
import numpy as np
from alignment_fast.kernels.information import cpu, operations
rng = np.random.default_rng(3)
digest = hashlib.sha256()
for dtype in ("float32", "float64"):
    for letters in (5, 64, 128, 5000):
        a, r = rng.normal(size=(2, 20, letters)).astype(dtype)
        p, q = np.exp(a), np.exp(r)
        for w, wk, x, rk in ((a, 2, r, 0), (p, 1, q, 1), (p, 1, q, 3), (a, 2, r, 2), (a, 0, r, 0)):
            for orders in (rng.normal(size=9), np.linspace(0.5, 4, 16), np.array([0.0, 1e-7, 80.0])):
                out = np.empty((20, len(orders)))
                cpu.exponential_mean(w, wk, x, rk, True, orders[None], out, 0, 20)
                digest.update(out.tobytes())
                means, normalizers, moments = np.empty_like(out), np.empty((20, 2)), np.empty((20, len(orders), 5))
                cpu.tilted_moments(w, wk, x, rk, True, orders[None], means, normalizers, moments, 0, 20)
                digest.update(moments.tobytes())
print(digest.hexdigest())
"""


def test_variants_with_fma_have_the_same_bits():
    fused = [isa for isa in supported_isas() if isa != "baseline"]
    digests = {output_of(DIGEST, ALIGNMENT_FAST_ISA=isa) for isa in fused}
    assert len(digests) <= 1
    assert all(len(digest) == 2 * hashlib.sha256().digest_size for digest in digests)


# ---- bad values ----


@pytest.mark.parametrize("letters", [4, 200, 2000])
@pytest.mark.parametrize("row", [0, 3, 17])
@pytest.mark.parametrize(
    ("kind", "operand", "value", "code"),
    [
        ("probabilities, given", 0, np.nan, status.NOT_A_NUMBER),
        ("probabilities, given", 0, -0.5, status.NEGATIVE),
        ("probabilities, given", 0, INF, status.NOT_FINITE),
        ("logits, given", 0, np.nan, status.NOT_A_NUMBER),
        ("logits, given", 0, INF, status.NOT_FINITE),
        ("probabilities, given", 1, np.nan, status.NOT_A_NUMBER),
        ("probabilities, log q", 1, -1.0, status.NEGATIVE),
        ("probabilities, log q", 1, np.nan, status.NOT_A_NUMBER),
        ("probabilities, log q", 1, INF, status.NOT_FINITE),
        ("logits, logits", 1, INF, status.NOT_FINITE),
        ("probabilities, log p/q", 1, -1.0, status.NEGATIVE),
        ("logits, log p/q", 1, np.nan, status.NOT_A_NUMBER),
        ("probabilities, log p", 0, -1.0, status.NEGATIVE),
    ],
)
def test_the_first_bad_value_is_found(kind, operand, value, code, row, letters):
    kinds = KINDS[kind]
    operands = arrays(kinds, "float64", 18, letters)
    operands[operand][row, letters - 2] = value
    operands[operand][17, letters - 1] = value
    _, words = reduced(cpu.exponential_mean, operands[0], kinds[0], operands[1], kinds[1], [0.5, 0.0])
    expected = [status.OK, status.OK]
    expected[operand] = (row * letters + letters - 2) * 8 + code
    assert words == tuple(expected)


@pytest.mark.parametrize("letters", [4, 300])
@pytest.mark.parametrize(
    ("kind", "operand", "empty"),
    [("probabilities, given", 0, 0.0), ("logits, given", 0, -INF), ("probabilities, log q", 1, 0.0)],
)
def test_a_row_without_mass_is_reported_at_its_start(kind, operand, empty, letters):
    kinds = KINDS[kind]
    operands = arrays(kinds, "float32", 20, letters)
    operands[operand][18] = empty
    _, words = reduced(cpu.exponential_mean, operands[0], kinds[0], operands[1], kinds[1], [0.5])
    assert words[operand] == 18 * letters * 8 + status.ALL_ZERO
    assert words[1 - operand] == status.OK


@pytest.mark.parametrize("letters", [4, 300])
@pytest.mark.parametrize("row", [0, 17])
@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("probabilities, given", np.nan, status.NOT_A_NUMBER),
        ("probabilities, log q", -1.0, status.NEGATIVE),
        ("probabilities, log p/q", -1.0, status.NEGATIVE),
        ("logits, log p/q", np.nan, status.NOT_A_NUMBER),
    ],
)
def test_weights_are_not_blamed_where_all_rewards_are_bad(kind, value, code, row, letters):
    kinds = KINDS[kind]
    weights, rewards = arrays(kinds, "float64", 18, letters)
    rewards[row] = value
    _, words = reduced(cpu.exponential_mean, weights, kinds[0], rewards, kinds[1], [0.5])
    assert words == (status.OK, row * letters * 8 + code)


@pytest.mark.parametrize("letters", [1, 32, 129])
def test_a_row_near_order_zero_leaves_the_bits_of_its_neighbours(letters):
    """Rows in the lanes of one vector take different forms: each its own."""
    weights, rewards = arrays((cpu.WEIGHT_LOG, cpu.REWARD_GIVEN), "float64", 16, letters)
    arguments = weights, cpu.WEIGHT_LOG, rewards, cpu.REWARD_GIVEN, [0.7, 2.0]
    alone, _ = reduced(cpu.log_mgf, *arguments)
    rewards[5] = 1e-3 * rewards[5]
    together, _ = reduced(cpu.log_mgf, *arguments)
    others = np.arange(16) != 5
    np.testing.assert_array_equal(together[others], alone[others])


# ---- moments and tilted laws ----


@pytest.mark.parametrize("weight_kind", [cpu.WEIGHT_PROBABILITY, cpu.WEIGHT_LOG])
@pytest.mark.parametrize("case", oracle.FILE["cumulants_V64"]["rows"], ids=lambda case: case["theta"])
def test_cumulants_of_the_oracle_file(case, weight_kind):
    p = np.array([float(oracle.exact(x)) for x in oracle.FILE["cumulants_V64"]["p"]])
    q = np.array([float(oracle.exact(x)) for x in oracle.FILE["cumulants_V64"]["q"]])
    weights = np.log(p) + 3 if weight_kind == cpu.WEIGHT_LOG else p
    got = moments(weights, weight_kind, q, cpu.REWARD_LOG_OF, float(case["theta"]), 8)[0, 0]
    expected = np.array([float(x) for x in (case["log_mgf"], *case["cumulants_1_8"])])
    np.testing.assert_allclose(got[:5], expected[:5], rtol=4e-15, atol=1e-17)
    np.testing.assert_allclose(got[5:], expected[5:], rtol=bound("information.tilted_moments", "float64"))


@pytest.mark.parametrize("letters", [1, 33, 129, 2100])
@pytest.mark.parametrize("order", [1, 2, 4, 8])
@pytest.mark.parametrize("dtype", DTYPES)
def test_moments_of_long_and_short_rows(dtype, order, letters):
    kind = (cpu.WEIGHT_LOG, cpu.REWARD_GIVEN)
    weights, rewards = arrays(kind, dtype, 3, letters)
    got = moments(weights, *kind[:1], rewards, kind[1], [-1.5, 0.0, 2.0], order)
    for row in range(3):
        p, r = letters_of(kind, weights[row], rewards[row])
        for values, tilt in zip(got[row], (-1.5, 0.0, 2.0), strict=True):
            law = p * np.exp(tilt * (r - r.max()))
            law /= law.sum()
            centre = (law * r).sum()
            central = [(law * (r - centre) ** k).sum() for k in range(9)]
            expected = [centre, central[2], central[3], central[4] - 3 * central[2] ** 2][:order]
            sizes = [abs(r).max(), central[2], (law * abs(r - centre) ** 3).sum(), 4 * central[4]][:order]
            errors = abs(np.array(expected) - values[1 : 1 + len(expected)])
            assert (errors <= bound("information.tilted_moments", dtype) * np.array(sizes)).all()


@pytest.mark.parametrize("letters", [5, 128, 1500])
@pytest.mark.parametrize("kind", ["probabilities, given", "logits, given", "probabilities, log q", "uniform, given"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tilted_laws(dtype, kind, letters):
    kinds = KINDS[kind]
    weights, rewards = arrays(kinds, dtype, 2, letters)
    orders = [-2.0, 0.0, 0.5, 30.0]
    got = log_tilted(weights, kinds[0], rewards, kinds[1], orders)
    assert got.dtype == dtype
    for row in range(2):
        p, r = letters_of(kinds, weights[row], rewards[row])
        for values, order in zip(got[row], orders, strict=True):
            with np.errstate(divide="ignore"):
                log_law = np.log(p) + order * (r - r.max())
            log_law -= np.log(np.exp(log_law - log_law.max()).sum()) + log_law.max()
            off_support = p == 0
            assert (values[off_support] == -INF).all()
            values, log_law = values[~off_support], log_law[~off_support]
            size = 1 + abs(log_law) + abs(order) * abs(r).max()
            assert (abs(values - log_law) <= bound("information.log_tilted", dtype) * size).all()


# ---- plain rows ----


@pytest.mark.parametrize("letters", [1, 2, 31, 32, 33, 5000])
def test_plain_entropies_agree_with_the_general_route(letters):
    rng = np.random.default_rng(letters)
    p, q = rng.random(letters) * (rng.random(letters) < 0.8), rng.random(letters)
    p[0] = 0.5
    pairs = {
        cpu.plain_entropy(p): -mean(p, cpu.WEIGHT_PROBABILITY, p, cpu.REWARD_OWN_LOG, 0.0)[0, 0],
        cpu.plain_cross_entropy(p, q, True): -mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_OF, 0.0)[0, 0],
        cpu.plain_divergence(p, q, True): mean(p, cpu.WEIGHT_PROBABILITY, q, cpu.REWARD_LOG_RATIO, 0.0)[0, 0],
    }
    for plain, general in pairs.items():
        assert plain == pytest.approx(general, rel=2e-15, abs=4e-15)


@pytest.mark.parametrize("letters", [65_537, 300_000])
def test_long_rows_have_the_same_bits_for_any_number_of_threads(letters):
    rng = np.random.default_rng(letters)
    p, q = rng.random(letters) * (rng.random(letters) < 0.8), rng.random(letters) + 0.1
    rows = {"plain_entropy": (p,), "plain_cross_entropy": (p, q, True), "plain_divergence": (p, q, False)}
    for name, arguments in rows.items():
        whole = getattr(cpu, name)(*arguments)
        for threads in (1, 2, 7):
            assert getattr(operations, name)(*arguments, num_threads=threads) == whole
    for bad in (np.nan, -1.0, INF):
        p[letters // 2] = bad
        assert np.isnan(operations.plain_divergence(p, q, True, num_threads=2))


# Values of few letters that stand for many: p and q by group, and how many letters there are of each.
GROUPS = {
    "far": ((1e-4, 3e-5, 2e-4, 1e-6), (2e-5, 3e-4, 1e-5, 2e-4), (1700, 900, 2000, 400)),
    "a tenth of a nat": ((3.0, 2.0, 1.0), (2.5, 3.0, 1.0), (1500, 1700, 1300)),
    "half a nat": ((2.7, 1.0), (1.0, 2.7), (2500, 2500)),
    "close": ((1.0, 1.01, 0.98), (1.0, 1.0, 1.0), (2000, 1000, 1500)),
    "off the support": ((0.0, 1.0, 2.0), (1.0, 3.0, 1.0), (500, 2300, 2000)),
    "counts": ((900.0, 1.0, 0.0), (5.0, 7.0, 1.0), (8, 4200, 1)),
}
REWARDS_OF_ORDER = {
    "log p/q": (cpu.REWARD_LOG_RATIO, lambda p, q: mpmath.log(p / q)),
    "log q": (cpu.REWARD_LOG_OF, lambda p, q: mpmath.log(q)),
    "log p": (cpu.REWARD_OWN_LOG, lambda p, q: mpmath.log(p)),
}


@pytest.mark.parametrize("rho", [-1.7, -0.6, -0.3, -1e-3, 0.0, 0.4, 2.3])
@pytest.mark.parametrize("kind", REWARDS_OF_ORDER)
@pytest.mark.parametrize("groups", GROUPS)
def test_measures_of_one_order_of_many_letters_have_all_their_digits(groups, kind, rho):
    """By whichever of its sums (one_order.inc), as probabilities and as logarithms, alone and beside another order."""
    p, q, counts = (np.array(values, float) for values in GROUPS[groups])
    reward_kind, reward = REWARDS_OF_ORDER[kind]
    with mpmath.workdps(40):
        exact = [[mpmath.mpf(float(value)) for value in values] for values in (p, q, counts)]
        P, Q = (mpmath.fdot(values, exact[2]) for values in exact[:2])
        law = [(n * x / P, reward(x / P, y / Q)) for x, y, n in zip(*exact, strict=True) if x]
        total = sum(w * (mpmath.exp(rho * r) if rho else r) for w, r in law)
        expected = total if rho == 0 else mpmath.log(total) / rho
    mixed = np.random.default_rng(0).permutation(int(counts.sum()))
    p, q = (np.repeat(values, counts.astype(int))[mixed] for values in (p, q))
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log(q)
    of_logs = cpu.REWARD_LOGITS if kind == "log q" else reward_kind
    found = [
        mean(p, cpu.WEIGHT_PROBABILITY, q, reward_kind, rho)[0, 0],
        mean(p, cpu.WEIGHT_PROBABILITY, q, reward_kind, [rho, rho + 0.7])[0, 0],
    ]
    np.testing.assert_allclose(found, float(expected), rtol=1e-14)
    # The logarithms themselves are rounded, by up to half a unit of 14.
    np.testing.assert_allclose(mean(log_p, cpu.WEIGHT_LOG, log_q, of_logs, rho)[0, 0], float(expected), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_close_distributions_have_all_their_digits(dtype):
    """By the series in q/p - 1 (near.inc), few terms or many: other totals, zeros, a first part unlike the rest."""
    accuracy = 1e-14 if dtype is np.float64 else 5e-6

    def check(size, parts, rho):
        counts = [parts * n for n in (40, 60, 9, 20, 2)]
        p = np.array([0.3, 1.7, 2.1, 0.9, 0.0], dtype)
        q = (37.3 * p * (1 + size * np.array([-2.0, 1.0, 0.5, 3.0, 0.0]))).astype(dtype)
        with mpmath.workdps(40):
            exact = [[mpmath.mpf(float(value)) for value in values] for values in (p, q, counts)]
            P, Q = (mpmath.fdot(values, exact[2]) for values in exact[:2])
            law = [(n * x / P, x * Q / (y * P)) for x, y, n in zip(*exact, strict=True) if x]
            total = sum(w * (r**rho if rho else mpmath.log(r)) for w, r in law)
            expected = float(total if rho == 0 else mpmath.log(total) / rho)
        rows = (np.repeat(p, counts), cpu.WEIGHT_PROBABILITY, np.repeat(q, counts), cpu.REWARD_LOG_RATIO)
        alone = mean(*rows, rho)[0, 0]
        assert alone == pytest.approx(expected, rel=accuracy)
        assert mean(*rows, [rho, rho + 0.7])[0, 0] == alone

    cases = itertools.product((1e-5, 1e-3, 8e-3), (1, 50), (-2.5, -0.5, 0.0, 1.0, 6.0))
    check_each([(case, case) for case in cases], check)


def test_bad_values_of_close_distributions_are_named():
    p = np.full(600, 0.25)
    negative, none = status.NEGATIVE, status.NOT_A_NUMBER
    for which, value, code in ((0, -1e-9, negative), (1, -0.25, negative), (1, np.nan, none)):
        rows = [p.copy(), p * 1.001]
        rows[which][500] = value
        if which == 1 and value < 0:
            rows[0][500] = value
        words = reduced(cpu.exponential_mean, rows[0], cpu.WEIGHT_PROBABILITY, rows[1], cpu.REWARD_LOG_RATIO, 1.0)[1]
        assert (500, code) in [status.decode(word) for word in words if word != status.OK]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_a_long_row_at_one_order_without_a_trace(kind):
    """The same bits as the kernel has alone, at orders that each of its sums serves and one that neither does."""
    generator = np.random.default_rng(3)
    weights, rewards = generator.dirichlet(np.ones(70_001)), generator.dirichlet(np.full(70_001, 3.0))
    weight_kind, reward_kind = KINDS[kind]
    weights = np.log(weights) if weight_kind == cpu.WEIGHT_LOG else weights
    logs = reward_kind == cpu.REWARD_LOGITS or (weight_kind == cpu.WEIGHT_LOG and reward_kind == cpu.REWARD_LOG_RATIO)
    rewards = np.log(rewards) if logs else rewards * (1e5 if reward_kind == cpu.REWARD_GIVEN else 1.0)
    rows = operations.LetterRows(weights[None], weight_kind, rewards[None], reward_kind, 1, True)
    for order in (-0.3, 0.05, 2.5, INF):
        alone = mean(weights, weight_kind, rewards, reward_kind, order)
        for num_threads in (1, 2, 3):
            shared, words = operations.exponential_mean(rows, np.array([[order]]), num_threads)
            assert words == OK
            np.testing.assert_array_equal(shared, alone)


def test_bad_values_of_a_row_that_threads_share_are_named():
    p = np.full(70_000, 0.5)
    p[66_000] = -1.0
    expected = (66_000, status.NEGATIVE)
    rows = operations.LetterRows(p[None], cpu.WEIGHT_PROBABILITY, p[None], cpu.REWARD_OWN_LOG, 1, True)
    _, (weights, _) = operations.exponential_mean(rows, np.array([[0.3]]))
    assert status.decode(weights) == expected


def test_plain_entropies_of_a_known_pair():
    p, q = np.array([0.2, 0.3, 0.5]), np.array([6.0, 1.0, 2.0])
    assert cpu.plain_cross_entropy(p, q, True) == pytest.approx(1.4922990932106357, rel=1e-15)
    assert cpu.plain_cross_entropy(p, q, False) == pytest.approx(1.4922990932106357 - np.log(9), rel=1e-15)
    assert cpu.plain_divergence(np.array([5e-324, 1.0]), np.array([1.0, 5e-324]), True) == pytest.approx(
        -np.log(5e-324), rel=1e-15
    )
    assert cpu.plain_divergence(np.array([1.0, 1.0]), np.array([1.0, 0.0]), True) == INF


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [-1.0, 2.0], [INF, 1.0], [0.0, 0.0]])
def test_plain_entropies_are_nan_where_the_row_is_not_a_distribution(bad):
    bad, good = np.array(bad), np.array([0.5, 0.5])
    assert np.isnan(cpu.plain_entropy(bad))
    for function in (cpu.plain_cross_entropy, cpu.plain_divergence):
        for normalize in (True, False):
            assert np.isnan(function(bad, good, normalize))
            assert np.isnan(function(good, bad, normalize))


# ---- properties ----

REWARDS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(rewards=REWARDS, data=st.data(), order=st.floats(-50, 50))
def test_any_letters_any_order(rewards, data, order):
    n = len(rewards)
    weights = np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    rewards = np.array(rewards)
    weights[0] = 1.0
    p, r = letters_of((cpu.WEIGHT_PROBABILITY, cpu.REWARD_GIVEN), weights, rewards)
    expected, size = definition(p, r, order)
    got = mean(weights, cpu.WEIGHT_PROBABILITY, rewards, cpu.REWARD_GIVEN, order)[0, 0]
    assert abs(got - expected) <= bound("information.exponential_mean", "float64") * size


@settings(max_examples=100, deadline=None)
@given(rewards=REWARDS, shift=st.floats(-1e3, 1e3), lower=st.floats(-20, 20), upper=st.floats(-20, 20))
def test_means_grow_with_the_order_and_follow_shifts(rewards, shift, lower, upper):
    rewards = np.array(rewards)
    orders = sorted((lower, upper))
    weights = np.zeros_like(rewards)
    got = mean(weights, cpu.WEIGHT_UNIFORM, rewards, cpu.REWARD_GIVEN, orders)[0]
    size = 1e-14 * (abs(rewards).max() + abs(shift) + 1e-300)
    assert got[0] <= got[1] + size
    moved = mean(weights, cpu.WEIGHT_UNIFORM, rewards + shift, cpu.REWARD_GIVEN, orders)[0]
    assert (abs(moved - got - shift) <= size).all()
