"""The kernels under the laws of sums: types, complex powers, ladders of tilts, integer keys."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_fast.kernels.memoryless import operations as ops
from alignment_fast.kernels.memoryless.structures import TiltedWindow
from alignment_fast.memoryless import _keys as keys
from alignment_fast.memoryless import _ladder as ladder
from alignment_fast.memoryless import _types as types
from bounds import bound
from oracles import memoryless as oracle

P = np.array([0.2, 0.3, 0.5])


def enumerated(p, reward, m, num_threads=None):
    return types.enumerate_types(ops, np.asarray(p), keys.keys_of(ops, np.asarray(reward, dtype=float)), m, num_threads)


# ---- types ----


@pytest.mark.parametrize(("letters", "m"), [(2, 1), (2, 40), (3, 1), (3, 25), (4, 9), (7, 4)])
def test_log_probabilities_of_types(letters, m):
    p = np.arange(1.0, letters + 1)
    found = enumerated(p / p.sum(), np.sqrt(np.arange(letters)), m).log_mass
    for counts, log_mass in zip(oracle.compositions(m, letters), found, strict=True):
        expected = oracle.log_multinomial(counts, p)
        assert abs(log_mass - expected) <= bound("memoryless.types") * (m + abs(expected))


def test_log_probabilities_keep_their_digits_at_great_length():
    found = enumerated(P, np.log([1.0, 2.0, 6.0]), 1600)
    for index in (0, 123_456, 777_777, len(found.order) - 1):
        counts = composition(index, 1600)
        expected = oracle.log_multinomial(counts, [mpmath.mpf(float(x)) for x in P])
        assert abs(found.log_mass[index] - expected) <= 2e-12 + bound("memoryless.types") * abs(expected)
    assert np.logaddexp.reduce(found.log_mass) == pytest.approx(0.0, abs=1e-12)


def composition(index, m):
    """Return the type of three letters at a place of the lexicographic order."""
    first = 0
    while index > m - first:
        index -= m - first + 1
        first += 1
    return first, index, m - first - index


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_types_have_the_same_bits_for_any_number_of_threads(threads):
    one, many = (enumerated(P, np.log([1.0, 2.0, 6.0]), 400, n) for n in (1, threads))
    np.testing.assert_array_equal(one.support, many.support)
    np.testing.assert_array_equal(one.log_pmf, many.log_pmf)


@pytest.mark.parametrize(("letters", "m"), [(2, 9), (3, 6), (5, 4)])
def test_means_of_types(letters, m):
    weight = np.random.default_rng(0).random(types.number_of_types(letters, m))
    found = types.weighted_counts(ops, letters, m, weight)
    expected = [float(x) for x in oracle.type_means(letters, m, weight)]
    np.testing.assert_allclose(found, expected, rtol=bound("memoryless.types_means"))


@pytest.mark.parametrize(
    "reward",
    [
        [3.0],
        [1.0, 1.0, 0.0],
        np.random.default_rng(0).integers(0, 50, 3000) * 1.0,  # many ties
        np.random.default_rng(0).normal(size=5000),
        np.random.default_rng(0).normal(size=5000) ** 9,  # too uneven for insertion
        [0.0, 5e-324, 1e-310, 0.0],
        [-1e300, 0.0, 1e300],
    ],
    ids=len,
)
def test_the_order_of_sums_is_ascending_and_stable(reward):
    reward = np.array(reward)
    found = ops.sort(reward)
    np.testing.assert_array_equal(found.order, np.argsort(reward, kind="stable"))
    np.testing.assert_array_equal(found.reward, reward[found.order])


# ---- ties ----


@pytest.mark.parametrize(
    ("reward", "integers"),
    [
        (np.log([6, 1, 2]), [(1, 1), (0, 0), (0, 1)]),  # powers of 3 and 2: no two types tie
        (np.log([4, 2, 1]), [(2,), (1,), (0,)]),  # (1, 0, 1) and (0, 2, 0) tie
        ([0.1, 0.2, 0.3], [(1,), (2,), (3,)]),  # 0.1 + 0.2 != 0.3 in floating point
        (np.log([6, 3, 2, 1]), [(1, 1), (1, 0), (0, 1), (0, 0)]),
        ([0.0, math.pi, 2 * math.pi, 1.0], [(0, 0), (1, 0), (2, 0), (0, 1)]),  # merged within rounding
    ],
)
def test_sums_that_are_equal_are_merged(reward, integers):
    found = enumerated(np.full(len(reward), 1 / len(reward)), reward, 12)
    sums = {
        tuple(sum(n * key[i] for n, key in zip(counts, integers, strict=True)) for i in range(len(integers[0])))
        for counts in oracle.compositions(12, len(reward))
    }
    assert len(found.support) == len(sums)
    assert (np.diff(found.support) > 0).all()


@given(st.lists(st.integers(0, 50), min_size=2, max_size=5, unique=True), st.floats(0.01, 10), st.floats(-5, 5))
def test_lattices_are_recognised_with_their_span(steps, span, offset):
    found = keys.keys_of(ops, np.array(steps) * span + offset)
    assert found.exact
    divisor = math.gcd(*(step - min(steps) for step in steps))
    assert found.span == pytest.approx(span * divisor, rel=1e-9)


def test_rewards_in_general_position_are_on_no_lattice():
    found = keys.keys_of(ops, np.random.default_rng(0).normal(size=5))
    assert found.span is None
    assert not found.exact


# ---- complex powers ----


def assert_powers(found, z, m):
    for start, result in zip(z, found, strict=True):
        expected = oracle.power(start, m)
        assert abs(mpmath.mpc(result) - expected) <= bound("memoryless.power") * m * abs(expected)


@pytest.mark.parametrize("m", [1, 2, 3, 7, 64, 1000, 65_535])
def test_complex_powers(m):
    random = np.random.default_rng(m)
    modulus = np.exp(-random.exponential(10 / m, 70))
    z = modulus * np.exp(1j * random.uniform(-np.pi, np.pi, 70))
    found = z.copy()
    ops.power(found, m, ladder.NEGLIGIBLE ** (2 / m))
    assert_powers(found, z, m)


def test_negligible_powers_may_vanish_and_others_stay():
    z = np.concatenate([np.full(64, 0.5 + 0.1j), np.full(70, 0.99j)])
    found = z.copy()
    ops.power(found, 1000, ladder.NEGLIGIBLE ** (2 / 1000))
    assert (found[:64] == 0).all()
    assert_powers(found[64:], z[64:], 1000)


# ---- merging windows ----


def merged(mass, first, size, theta=0.3, shift=5.0, noise=1e-12, least=1e-3, error=math.inf):
    log_pmf, error = np.full(1000, -math.inf), np.full(1000, error)
    ops.merge(TiltedWindow(theta, shift, noise, 1e-13, least, first, size, mass), log_pmf, error)
    return log_pmf, error


@pytest.mark.parametrize(("first", "size"), [(0, 300), (250, 200), (295, 1), (700, 300)])
def test_a_merged_window(first, size):
    """Masses lie at their sum modulo 300; the window shrinks to its first and last mass above the least."""
    mass = np.random.default_rng(size).random(300) ** 6
    log_pmf, error = merged(mass, first, size)
    above = [s for s in range(first, first + size) if mass[s % 300] > 1e-3]
    written = range(above[0], above[-1] + 1) if above else range(0)
    assert np.flatnonzero(np.isfinite(error)).tolist() == list(written)
    for s in written:
        known = max(mass[s % 300], 1e-13)
        size_of_terms = abs(math.log(known)) + 0.3 * s + 5.0
        assert abs(log_pmf[s] - oracle.untilted(known, 0.3, s, 5.0)) <= bound("memoryless.merge") * size_of_terms
        assert error[s] == pytest.approx(1e-12 / known + 1e-13 + 2**-51 * (0.3 * s + 5.0), rel=1e-12, abs=0.0)


def test_a_window_is_taken_only_where_it_is_better():
    mass = np.linspace(0.01, 1.0, 300)
    log_pmf, error = merged(mass, 100, 300, noise=1e-10, error=3e-10)
    better = np.isfinite(log_pmf)
    everywhere, errors = merged(mass, 100, 300, noise=1e-10)
    np.testing.assert_array_equal(better, errors < 3e-10)
    np.testing.assert_array_equal(log_pmf[better], everywhere[better])
    np.testing.assert_array_equal(error[better], errors[better])
    assert 0 < better.sum() < 300


# ---- ladders ----


def lattice_of(weights):
    with np.errstate(divide="ignore"):
        return ladder.Lattice(np.log(np.array(weights) / sum(weights)))


@pytest.mark.parametrize(
    ("weights", "m"),
    [
        ([7, 11, 0, 5, 3, 0, 0, 1], 50),
        ([7, 11, 0, 5, 3, 0, 0, 1], 200),
        ([1, 0, 0, 1, 0, 1], 7),  # sums with gaps at both ends
        ([3, 1], 300),
        ([1, 10**6, 1], 60),
        ([1] + [0] * 30 + [1, 1], 3),
        ([5, 4, 3, 2, 1], 1),
    ],
)
def test_every_probability_is_within_its_bound(weights, m):
    found = ladder.ladder(ops, lattice_of(weights), m)
    counts = oracle.integer_law(weights, m)
    total = m * mpmath.log(sum(weights))
    for log_pmf, error, count in zip(found.log_pmf, found.error, counts, strict=True):
        if count == 0:
            assert log_pmf == -math.inf
        else:
            expected = mpmath.log(count) - total
            assert abs(log_pmf - expected) <= error + 2e-16 * abs(expected)
            assert error < 5e-11


def window_of(lattice, m, theta):
    theta = np.array([theta])
    return ladder.windows(ops, lattice, m, theta, ladder.spans(lattice, m, theta))


@pytest.mark.parametrize("theta", [-3.0, -0.2, 0.0, 0.4, 6.0])
@pytest.mark.parametrize(("weights", "m"), [([7, 11, 0, 5, 3, 0, 0, 1], 800), ([1, 1], 1), ([1, 10**6, 1], 400)])
def test_a_window_shows_what_the_whole_law_has(weights, m, theta):
    lattice = lattice_of(weights)
    part, whole = window_of(lattice, m, theta), ladder.tilts(ops, lattice, m, np.array([theta]))
    sums = np.arange(part.first[0], part.first[0] + part.size)
    left_out = np.delete(whole.mass[0], sums)
    assert np.abs(left_out).max(initial=0.0) <= whole.noise[0]
    found = part.mass[0, sums % part.mass.shape[1]]
    smooth = ladder.RELATIVE * m * ladder.UNIT * whole.mass[0, sums]
    assert (np.abs(found - whole.mass[0, sums]) <= part.noise[0] + whole.noise[0] + smooth).all()


def test_windows_are_short():
    lattice = lattice_of([7, 11, 0, 5, 3, 0, 0, 1])
    lengths = [window_of(lattice, m, 0.0).mass.shape[1] for m in (1000, 100_000)]
    assert lengths[1] < 11 * lengths[0]


@pytest.mark.parametrize("threads", [2, 7])
def test_ladders_have_the_same_bits_for_any_number_of_threads(threads):
    lattice = lattice_of(range(1, 60))
    one, many = (ladder.ladder(ops, lattice, 900, num_threads=n) for n in (1, threads))
    np.testing.assert_array_equal(one.log_pmf, many.log_pmf)
    np.testing.assert_array_equal(one.error, many.error)


def test_a_sum_that_no_tilt_shows_has_a_bound_that_says_so():
    """A letter of probability 1e-40 alone gives odd sums: next to the even ones they drown in noise."""
    log_weight = np.log([0.5, 1e-40, 0.5])
    found = ladder.ladder(ops, ladder.Lattice(log_weight), 40)
    assert found.error[1::2].max() > 0.1
    assert found.error[0::2].max() < 5e-11


# ---- recognition of rewards ----


def spans_by_fractions(values):
    """Return ascending values as multiples of one span above the lowest, by exact fractions, or None."""
    ratio = [(x - values[0]) / (values[-1] - values[0]) for x in values]
    nearest = [Fraction(x).limit_denominator(1 << 16) for x in ratio]
    if any(abs(float(fraction) - x) > 1e-14 for fraction, x in zip(nearest, ratio, strict=True)):
        return None
    common = math.lcm(*(fraction.denominator for fraction in nearest))
    steps = [int(fraction * common) for fraction in nearest]
    return [step // math.gcd(*steps) for step in steps]


@pytest.mark.parametrize(
    "rewards",
    [
        [0.0, 1.0],
        [-0.3, 0.1, 0.5, 2.5],
        [3.0, 3.0 + 1 / 7, 3.0 + 5 / 9],
        [0.0, 1 / 65521, 1.0],
        [0.0, 2.0**-0.5, 1.0],
        [1.0, math.pi, 10.0],
    ],
)
def test_multiples_of_a_span_are_found_as_exact_fractions_find_them(rewards):
    values, group_of, steps, _ = ops.recognise(np.array(rewards))
    expected = spans_by_fractions(values.tolist())
    assert (None if steps is None else steps.tolist()) == expected
    assert values[group_of].tolist() == rewards


@pytest.mark.parametrize(
    ("ratios", "recognised"),
    [
        ([1, 2, 3], True),
        ([2, 5, 9], True),
        ([1, 65521], True),
        ([1, 1.5, math.sqrt(5)], False),
        ([1, 70000, 90000], False),
    ],
)
def test_ratios_of_small_numbers_are_found(ratios, recognised):
    rewards = np.log(np.array(ratios, dtype=float))
    _, _, steps, found = ops.recognise(rewards)
    assert (found is not None or steps is not None) == recognised
    if steps is None and recognised:
        np.testing.assert_allclose(found[0] / found[1], np.array(ratios) / ratios[0], rtol=1e-14)


def test_rewards_within_rounding_are_one():
    values, group_of, _, _ = ops.recognise(np.array([1.0, 2.0, 1.0 + 2.0**-52, -0.0, 0.0]))
    assert values.tolist() == [0.0, 1.0, 2.0]
    assert group_of.tolist() == [1, 2, 1, 0, 0]
