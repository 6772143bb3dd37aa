"""Exact best-of-n laws against their definition in many digits, and the properties every law has."""

import functools
import itertools
import math
import pickle

import mpmath
import numpy as np
import pytest
import search
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast.best_of_n import BestOfN, kl_upper_bound, win_rate_continuous
from alignment_fast.kernels.common.cpu import supported_isas
from bounds import bound
from fresh import output_of
from oracles import best_of_n as oracle

STORED = {
    "KL": lambda law, log_n: law.kl(log_n=log_n),
    "E_reward": lambda law, log_n: law.expected_reward(log_n=log_n),
    "Var_reward": lambda law, log_n: law.reward_variance(log_n=log_n),
    "win_rate": lambda law, log_n: law.win_rate(log_n=log_n),
    "reverse_KL": lambda law, log_n: law.divergence("reverse_kl", log_n=log_n),
    "chi2": lambda law, log_n: law.divergence("chi2", log_n=log_n),
    "TV": lambda law, log_n: law.divergence("tv", log_n=log_n),
    "renyi2_pi_p": lambda law, log_n: law.divergence("renyi", log_n=log_n, order=2),
    "E_beirami_estimator": lambda law, log_n: law.kl_estimate(log_n=log_n),
}
DIVERGENCES = ("reverse_kl", "chi2", "tv", "hellinger2")
TERNARY = ([0.2, 0.3, 0.5], [1.8, 0.0, 0.7])


def numbers(texts):
    return np.array([float(text) for text in texts])


def stored_law(case):
    log = "log_p" in case
    return BestOfN(numbers(case["log_p" if log else "p"]), numbers(case["reward"]), log=log)


def random_law(seed, size=40, levels=12):
    """A skewed distribution with ties and one impossible outcome, and its rewards."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(size, 0.3))
    p[seed % size] = 0.0
    return p, rng.integers(0, levels, size) / 7.0


cases = pytest.mark.parametrize(
    "case", oracle.STORED["bon_discrete"], ids=lambda case: f"log_n={float(case['logN']):.3g}"
)


@cases
def test_stored_log_probabilities(case):
    log_n, exact = float(case["logN"]), numbers(case["log_pmf"])
    allowed = bound("best_of_n.pmf") * np.maximum(max(1.0, log_n), np.abs(exact))
    assert np.all(np.abs(stored_law(case).log_pmf(log_n=log_n) - exact) <= allowed)


@cases
def test_stored_probabilities(case):
    log_n, exact, p = float(case["logN"]), numbers(case["pmf"]), stored_law(case).pmf(1)
    reward = numbers(case["reward"])
    tail = np.array([p[reward > r].sum() for r in reward])
    normal = exact > 1e-300
    error = np.abs(stored_law(case).pmf(log_n=log_n) - exact)
    with np.errstate(over="ignore"):
        allowed = bound("best_of_n.pmf") * (1 + np.exp(log_n) * tail) * exact
    assert np.all(error[normal] <= allowed[normal])
    assert np.all(error[~normal] <= 1e-300)


@cases
@pytest.mark.parametrize("name", STORED)
def test_stored_values(case, name):
    exact = float(case[name])
    if name == "E_beirami_estimator":
        # It sees 1 - p, which log p = -6e-16 in double precision gives to a tenth.
        allowed = {"rel": bound("best_of_n.kl_estimate"), "abs": 1e-15}
    else:
        allowed = {"rel": bound("best_of_n.values"), "abs": 1e-90}
    assert STORED[name](stored_law(case), float(case["logN"])) == pytest.approx(exact, **allowed)


@functools.cache
def exact_law(seed, n):
    return oracle.Law(*random_law(seed), n=n)


@pytest.mark.parametrize("n", [1 + 1e-12, 1 + 1e-6, 1.001, 1.5, 2, 3.7, 10, 1e3, 1e6, 1e15])
@pytest.mark.parametrize("seed", range(3))
def test_values_from_the_definition(seed, n):
    p, reward = random_law(seed)
    law, exact = BestOfN(p, reward), exact_law(seed, n)
    # As n -> 1 the divergences are (n-1)^2 times a difference of two terms: both ends of the bound matter.
    relative = bound("best_of_n.values")
    for name in ("kl", "expected_reward", "reward_variance", "win_rate"):
        assert getattr(law, name)(n) == pytest.approx(float(getattr(exact, name)), rel=relative), name
    for name in DIVERGENCES:
        assert law.divergence(name, n) == pytest.approx(float(getattr(exact, name)), rel=relative), name
    allowed = bound("best_of_n.pmf")
    np.testing.assert_allclose(law.log_pmf(n), [float(x) for x in exact.log_pmf], rtol=allowed, atol=allowed)


@pytest.mark.parametrize("n", [1.5, 2.0, 3.7, 10, 1e3, 1e6])
def test_the_expected_estimate_from_the_definition(n):
    p, reward = random_law(3)
    exact = float(oracle.expected_estimate(p, reward, n))
    assert BestOfN(p, reward).kl_estimate(n) == pytest.approx(exact, rel=bound("best_of_n.kl_estimate"))


@pytest.mark.parametrize("order", [-40.0, -2.0, -1e-6, 0.3, 0.5, 0.7, 1 - 1e-7, 1 + 1e-9, 1.4, 2.0, 7.0, 80.0])
@pytest.mark.parametrize("n", [1 + 1e-12, 1 + 1e-6, 1.01, 1.99, 4.0, 1e5])
def test_renyi_from_the_definition(n, order):
    exact = float(exact_law(5, n).renyi(order))
    law = BestOfN(*random_law(5))
    assert law.divergence("renyi", n, order=order) == pytest.approx(exact, rel=bound("best_of_n.values"))


@pytest.mark.parametrize("order", [-2.0, 0.4, 1 + 1e-9, 3.0])
@pytest.mark.parametrize("n", [1 + 1e-12, 1.001, 1.5])
def test_renyi_of_nearly_certain_outcomes_keeps_its_digits_as_n_goes_to_one(n, order):
    p, reward = [0.99997, 3.6e-15, 4.7e-10, 3e-5], [-2.0, 0.0, 2.0, 1.0]
    exact = float(oracle.Law(p, reward, n=n).renyi(order))
    assert BestOfN(p, reward).divergence("renyi", n, order=order) == pytest.approx(exact, rel=bound("best_of_n.values"))


@pytest.mark.parametrize("leading", [(), (3,)])
@pytest.mark.parametrize("size", [2, 9000])
def test_an_empty_grid_gives_an_empty_result(leading, size):
    law = BestOfN(reward=np.zeros((*leading, size)))
    for method in (law.kl, law.expected_reward, law.kl_estimate, law.win_rate):
        assert method([]).shape == (*leading, 0)
    assert law.pmf([]).shape == (*leading, 0, size)


def test_renyi_orders_with_a_name():
    law, n = BestOfN(*TERNARY), 6.0
    ratio = np.log(law.pmf(n) / TERNARY[0])
    assert law.divergence("renyi", n, order=1) == law.kl(n)
    assert law.divergence("renyi", n, order=0) == 0.0
    assert law.divergence("renyi", n, order=np.inf) == pytest.approx(ratio.max(), rel=1e-14)
    assert law.divergence("renyi", n, order=-np.inf) == pytest.approx(ratio.min(), rel=1e-14)
    assert law.divergence("renyi", n, order=0.5) == pytest.approx(-2 * np.log1p(-law.divergence("hellinger2", n)))
    assert law.divergence("renyi", n, order=2) == pytest.approx(np.log1p(law.divergence("chi2", n)))


@pytest.mark.parametrize("tail", [1e-3, 1e-8, 1e-15, 1e-40, 1e-200])
@pytest.mark.parametrize("n", [1.5, 2.0, 50.0])
def test_divergences_of_nearly_certain_outcomes_keep_their_digits(tail, n):
    p, reward = [tail, 1.0, 2 * tail], [0.0, 1.0, 2.0]
    law, exact = BestOfN(p, reward), oracle.Law(p, reward, n=n)
    relative = bound("best_of_n.values")
    assert law.kl(n) == pytest.approx(float(exact.kl), rel=relative)
    for name in DIVERGENCES:
        assert law.divergence(name, n) == pytest.approx(float(getattr(exact, name)), rel=relative), name


@pytest.mark.parametrize("log_n", [0.5, 30.0, 900.0, 1030.0])
def test_masses_far_below_the_range_of_a_double(log_n):
    log_p, reward = [-1020.0, 0.0, -900.0, -1010.0, -800.0], [5.0, 0.0, 3.0, 4.0, -1.0]
    law, exact = BestOfN(log_p, reward, log=True), oracle.Law(log_p, reward, log_n=log_n, log=True)
    expected, allowed = [float(x) for x in exact.log_pmf], bound("best_of_n.pmf")
    np.testing.assert_allclose(law.log_pmf(log_n=log_n), expected, rtol=allowed, atol=allowed * log_n)
    relative = bound("best_of_n.values")
    for name in ("kl", "expected_reward", "win_rate"):
        assert getattr(law, name)(log_n=log_n) == pytest.approx(float(getattr(exact, name)), rel=relative), name
    assert law.divergence("reverse_kl", log_n=log_n) == pytest.approx(float(exact.reverse_kl), rel=relative)


def test_a_million_outcomes_from_exact_sums():
    size, n = 1_000_000, 1e5
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 1000, size)
    reward = rng.permutation(size).astype(float)
    law = BestOfN(counts, reward)
    order = np.argsort(reward)
    below = np.concatenate([[0], np.cumsum(counts[order])])  # exact integers
    log_pmf = law.log_pmf(n)
    for rank in (size // 10, size // 2, size - 500, size - 2, size - 1):
        exact = oracle.Law([below[rank], counts[order[rank]], below[-1] - below[rank + 1]], [0, 1, 2], n=n).log_pmf[1]
        assert abs(log_pmf[order[rank]] - float(exact)) <= 1e-12 * max(1.0, abs(float(exact)))


def test_extremes_of_n():
    law = BestOfN(*TERNARY)
    assert law.kl(1) == 0.0
    assert law.divergence("chi2", 1.0) == 0.0
    np.testing.assert_allclose(law.pmf(1), TERNARY[0], rtol=1e-15)
    assert law.kl(log_n=1e9) == pytest.approx(-np.log(0.2), rel=1e-15)
    np.testing.assert_allclose(law.pmf(log_n=1e300), [1.0, 0.0, 0.0], rtol=1e-15)


@pytest.mark.parametrize("reward", [[1.0], [3.0, 3.0, 3.0]])
def test_one_level_of_reward_is_the_reference(reward):
    p = np.arange(1.0, len(reward) + 1)
    law = BestOfN(p, reward)
    np.testing.assert_allclose(law.pmf(50.0), p / p.sum(), rtol=1e-15)
    assert law.kl(50.0) == 0.0
    assert law.reward_variance(50.0) == 0.0
    assert law.win_rate(50.0) == pytest.approx(0.5)


def test_impossible_outcomes_count_for_nothing():
    law = BestOfN([0.0, 0.5, 0.0, 0.5, 0.0], [-np.inf, 0.0, 0.5, 1.0, np.inf])
    assert law.expected_reward(2) == pytest.approx(0.75)
    np.testing.assert_array_equal(np.isneginf(law.log_pmf(2)), [True, False, True, False, True])
    assert law.kl(2) == BestOfN([0.5, 0.5], [0.0, 1.0]).kl(2)


@pytest.mark.parametrize(
    ("reward", "expected"),
    [([-np.inf, 0.0], -np.inf), ([0.0, np.inf], np.inf), ([-np.inf, np.inf], np.nan)],
)
def test_infinite_rewards_follow_the_usual_rules(reward, expected):
    law = BestOfN(reward=reward)
    np.testing.assert_equal(float(law.expected_reward(2)), expected)
    np.testing.assert_allclose(law.pmf(2), [0.25, 0.75])


laws = st.tuples(
    st.lists(st.tuples(st.floats(0, 1), st.integers(-4, 4)), min_size=1, max_size=30).filter(
        lambda rows: any(p > 0 for p, _ in rows)
    ),
    st.floats(0, 60),
)


@given(laws)
@settings(max_examples=150, deadline=None)
def test_every_law_sums_to_one_and_respects_its_bounds(drawn):
    rows, log_n = drawn
    p, reward = np.array(rows).T
    law = BestOfN(p, reward)
    surprisal_of_top = np.log(p.sum()) - np.log(p[reward == reward[p > 0].max()].sum())
    assert law.pmf(log_n=log_n).sum() == pytest.approx(1.0, abs=1e-12)
    kl = law.kl(log_n=log_n)
    assert -1e-16 <= kl <= min(kl_upper_bound(log_n=log_n), surprisal_of_top) * (1 + 1e-12) + 1e-15
    assert kl <= law.kl_estimate(log_n=log_n) + 1e-12
    assert law.kl_estimate(log_n=log_n) <= kl_upper_bound(log_n=log_n) + 1e-12
    assert 0.5 - 1e-14 <= law.win_rate(log_n=log_n) <= win_rate_continuous(log_n=log_n) + 1e-14
    assert law.expected_reward(log_n=log_n) <= reward.max() + 1e-12
    for kind in DIVERGENCES:
        assert law.divergence(kind, log_n=log_n) >= 0.0


@given(laws)
@settings(max_examples=50, deadline=None)
def test_values_grow_with_n(drawn):
    rows, log_n = drawn
    law = BestOfN(*np.array(rows).T)
    grid = np.linspace(0.0, log_n, 9)
    for values in (law.kl(log_n=grid), law.expected_reward(log_n=grid), law.win_rate(log_n=grid)):
        assert np.all(np.diff(values) >= -1e-13)


@given(laws, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_order_and_origin_of_rewards_do_not_matter(drawn, random):
    rows, log_n = drawn
    p, reward = np.array(rows).T
    order = np.array(random.sample(range(len(p)), len(p)))
    law, moved = BestOfN(p, reward), BestOfN(p[order], reward[order] * 2.0 - 1024.0)
    np.testing.assert_allclose(moved.log_pmf(log_n=log_n), law.log_pmf(log_n=log_n)[order], rtol=1e-12, atol=1e-12)
    expected = law.expected_reward(log_n=log_n) * 2.0 - 1024.0
    assert moved.expected_reward(log_n=log_n) == pytest.approx(expected, rel=1e-14)


def test_ties_merged_or_split_give_the_same_law():
    p, reward = random_law(3)
    levels, group = np.unique(reward, return_inverse=True)
    merged = BestOfN(np.bincount(group, p), levels)
    split = BestOfN(p, reward)
    n = np.array([1.5, 7.0, 1e4])
    np.testing.assert_allclose(split.kl(n), merged.kl(n), rtol=1e-13)
    np.testing.assert_allclose(split.expected_reward(n), merged.expected_reward(n), rtol=1e-14)
    within = np.array([np.bincount(group, row) for row in split.pmf(n)])
    np.testing.assert_allclose(within, merged.pmf(n), rtol=1e-12, atol=1e-300)


def test_zeros_of_either_sign_tie():
    np.testing.assert_array_equal(BestOfN(reward=[0.0, -0.0]).pmf(9), [0.5, 0.5])


def test_batches_equal_their_rows():
    rng = np.random.default_rng(0)
    p, reward = rng.random((3, 1, 50)), rng.standard_normal((4, 50))
    batch, n = BestOfN(p, reward), np.array([2.0, 30.0])
    assert batch.kl(n).shape == (3, 4, 2)
    assert batch.pmf(5).shape == (3, 4, 50)
    for i, j in itertools.product(range(3), range(4)):
        row = BestOfN(p[i, 0], reward[j])
        np.testing.assert_array_equal(batch.kl(n)[i, j], row.kl(n))
        np.testing.assert_array_equal(batch.pmf(n)[i, j], row.pmf(n))
        np.testing.assert_array_equal(batch.kl_estimate(n)[i, j], row.kl_estimate(n))


def test_one_n_per_row_broadcasts():
    rng = np.random.default_rng(0)
    batch = BestOfN(reward=rng.standard_normal((3, 20)))
    n = np.array([[2.0], [5.0], [9.0]])
    np.testing.assert_array_equal(batch.kl(n)[:, 0], np.diagonal(batch.kl(n[:, 0])))
    assert batch.pmf(n).shape == (3, 1, 20)
    assert BestOfN(*TERNARY).kl(n).shape == (3, 1)


def test_logits_are_probabilities_up_to_a_constant():
    p, reward = random_law(2)
    with np.errstate(divide="ignore"):
        logits = np.log(p) + 300.0
    n = np.array([1.0, 12.0])
    np.testing.assert_allclose(BestOfN(logits, reward, log=True).pmf(n), BestOfN(p, reward).pmf(n), rtol=1e-12)


def test_p_is_normalised_whatever_its_scale():
    p, reward = random_law(4)
    for scale in (2.0**-950, 2.0**950):
        np.testing.assert_allclose(BestOfN(p * scale, reward).pmf(7), BestOfN(p, reward).pmf(7), rtol=1e-13)


@pytest.mark.parametrize("size", [40, 20_000])
def test_float32_stays_float32_and_is_computed_in_float64(size):
    p, reward = random_law(1, size, levels=5000)
    p, reward = p.astype(np.float32), reward.astype(np.float32)
    law, wide = BestOfN(p, reward), BestOfN(p.astype(float), reward.astype(float))
    for method in ("kl", "expected_reward", "reward_variance", "win_rate", "kl_estimate", "pmf"):
        for n in (3, 3.0, [3.0, 9.0]):
            narrow, exact = getattr(law, method)(n), getattr(wide, method)(n)
            assert narrow.dtype == np.float32
            np.testing.assert_array_equal(narrow, exact.astype(np.float32))


def test_any_layout_of_the_inputs():
    p, reward = random_law(6)
    expected = BestOfN(p, reward).pmf(3)
    strided = np.repeat(p, 2)[::2]
    read_only = reward.copy()
    read_only.setflags(write=False)
    np.testing.assert_array_equal(BestOfN(strided, read_only).pmf(3), expected)
    np.testing.assert_allclose(BestOfN(p[::-1], reward[::-1]).pmf(3), expected[::-1], rtol=1e-13)
    np.testing.assert_array_equal(BestOfN(p.tolist(), reward.tolist()).pmf(3), expected)


def test_inputs_are_left_alone():
    p, reward = random_law(7)
    before = p.copy(), reward.copy()
    BestOfN(p, reward).kl(3)
    np.testing.assert_array_equal(p, before[0])
    np.testing.assert_array_equal(reward, before[1])


def every_value(law, n, **options):
    values = [getattr(law, name)(n, **options) for name in ("kl", "expected_reward", "kl_estimate", "pmf")]
    return [*values, law.divergence("renyi", n, order=1.7, **options), law.divergence("chi2", n, **options)]


@pytest.mark.parametrize("shape", [(50, 300), (10_000,)])
def test_the_number_of_threads_changes_no_bit(shape):
    rng = np.random.default_rng(0)
    p, reward, n = rng.random(shape), rng.standard_normal(shape), np.logspace(0, 9, 80)
    expected = every_value(BestOfN(p, reward, num_threads=1), n, num_threads=1)
    for threads in (2, 7):
        law = BestOfN(p, reward, num_threads=threads)
        for value, same in zip(every_value(law, n, num_threads=threads), expected, strict=True):
            np.testing.assert_array_equal(value, same)


def test_a_value_does_not_depend_on_the_grid_it_is_part_of():
    rng = np.random.default_rng(0)
    law = BestOfN(rng.random(9000), rng.standard_normal(9000))
    n = np.logspace(0, 6, 130)
    np.testing.assert_array_equal(law.kl(n), [law.kl(float(x)) for x in n])
    np.testing.assert_array_equal(law.expected_reward(n), [law.expected_reward(float(x)) for x in n])


ISA_PROBE = """
import mpmath
import numpy as np
from alignment_fast.best_of_n import BestOfN
rng = np.random.default_rng(0)
law = BestOfN(rng.dirichlet(np.full(6000, 0.2)), rng.integers(0, 3000, 6000).astype(float))
n = np.array([1.0, 1.1, 30.0, 1e6])
values = [law.kl(n), law.expected_reward(n), law.reward_variance(n), law.win_rate(n), law.kl_estimate(n)]
values += [law.divergence(kind, n) for kind in ("reverse_kl", "chi2", "tv", "hellinger2")]
values += [law.divergence("renyi", n, order=order) for order in (-1.5, 0.4, 3.0)]
print(np.concatenate(values).tobytes().hex(), law.log_pmf(30.0)[:200].tobytes().hex())
"""


def test_instruction_sets_agree():
    parts = {isa: output_of(ISA_PROBE, ALIGNMENT_FAST_ISA=isa).split() for isa in supported_isas()}
    fused = [text for isa, text in parts.items() if isa != "baseline"]
    assert all(text == fused[0] for text in fused)
    for text in fused[:1]:
        for wide, plain in zip(text, parts["baseline"], strict=True):
            wide, plain = (np.frombuffer(bytes.fromhex(x)) for x in (wide, plain))
            np.testing.assert_allclose(wide, plain, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("arguments", [TERNARY, tuple(np.array(column) for column in TERNARY)], ids=["lists", "arrays"])
def test_laws_pickle(arguments):
    law = BestOfN(*arguments)
    law.sample(2, 3, rng=0)
    again = pickle.loads(pickle.dumps(law))
    np.testing.assert_array_equal(again.pmf([2.0, 9.0]), law.pmf([2.0, 9.0]))
    np.testing.assert_array_equal(again.sample(9, 3, rng=0), law.sample(9, 3, rng=0))


def test_repr_says_shape_and_dtype():
    assert repr(BestOfN(reward=np.zeros((2, 3), np.float32))) == "BestOfN(shape=(2, 3), dtype=float32)"


# ---- Rényi divergences where n, or v = log(pi / P), leaves the range of a double ----


def exact_renyi(p, log_n, order):
    """D_order for ascending rewards without ties, from log F^n and log1p, in 100 digits: n may be exp(1e8)."""
    with mpmath.workdps(100):
        n, order = mpmath.exp(mpmath.mpf(log_n)), mpmath.mpf(order)
        masses = [mpmath.mpf(float(x)) for x in p]
        masses = [x / mpmath.fsum(masses) for x in masses]
        excess = mpmath.mpf(0)
        for k, mass in enumerate(masses):
            below, above = mpmath.fsum(masses[:k]), mpmath.fsum(masses[k + 1 :])
            inner = -mpmath.exp(n * mpmath.log(below / (below + mass))) if below else mpmath.mpf(0)
            ratio = n * mpmath.log1p(-above) + mpmath.log1p(inner) - mpmath.log(mass)
            excess += mass * mpmath.expm1(order * ratio)
        return float(mpmath.log1p(excess) / (order - 1))


@pytest.mark.parametrize("order", [0.0, 1e-320, 1e-308, 1e-100, 1e-12, 0.2, 0.5, 0.7, 3.0, -1e-300, -1e-310])
@pytest.mark.parametrize("log_n", [30.0, 600.0, 709.0, 712.0, 740.0, 1000.0, 1e5])
def test_renyi_of_small_orders_and_large_n(log_n, order):
    p = [0.2, 0.3, 0.5]
    exact = exact_renyi(p, log_n, order)
    value = BestOfN(p, [0.0, 1.0, 2.0]).divergence("renyi", order=order, log_n=log_n)
    assert value == (-math.inf if exact < -1.8e308 else pytest.approx(exact, rel=1e-12, abs=0.0))
    assert math.copysign(1.0, value) == 1.0 or exact < 0


@pytest.mark.search
def test_renyi_search_over_orders_n_and_masses():
    """Seeded: rare outcomes, orders about 0, 1/2 and 1, n from nearly 1 to exp(1000)."""
    generator = np.random.default_rng(21)
    worst = search.Worst("N4", "BestOfN.divergence('renyi')")
    for _ in range(search.cases(200)):
        p = 10 ** generator.uniform(-12, 0, generator.integers(2, 5))
        log_n = 10 ** generator.uniform(-3, 3)
        sign = generator.choice([-1.0, 1.0])
        order = generator.choice([0.0, 0.5, 1.0]) + sign * 10 ** generator.uniform(-10, 1)
        exact = exact_renyi(p, log_n, order)
        value = float(BestOfN(p, np.arange(len(p))).divergence("renyi", order=order, log_n=log_n))
        if math.isfinite(exact):
            worst.see(abs(value - exact), 1e-12 * abs(exact) * max(1.0, log_n), (p, log_n, order))
        else:
            assert value == exact
    worst.hold()


@pytest.mark.parametrize("log_n", [709.0, 710.0, 1e3, 1e6, 1e8])
def test_log_probabilities_below_the_range_of_a_double_are_minus_infinity(log_n):
    """(n - 1) log F is a double or it is -inf, and never a number that only looks like one."""
    p = [0.2, 0.3, 0.5]
    log_pmf = BestOfN(p, [0.0, 1.0, 2.0]).log_pmf(log_n=log_n)
    with mpmath.workdps(60):
        n = mpmath.exp(mpmath.mpf(log_n))
        exact = [float(n * mpmath.log(mpmath.mpf("0.2"))), float(n * mpmath.log(mpmath.mpf("0.5")))]
    assert log_pmf[:2].tolist() == pytest.approx(exact, rel=1e-12)
    assert log_pmf[2] == 0.0


@pytest.mark.parametrize("size", [1e151, 1e160, 1e300, 1e308])
@pytest.mark.parametrize("reward", [[1.0, -1.0], [1.0, -1.0, 0.25], [-1.0, -0.5, -0.75], [1.0, 0.0, 0.0]])
@pytest.mark.parametrize("n", [1, 2, 4, 1e6])
def test_finite_rewards_of_any_size_have_a_finite_expectation(reward, size, n):
    """The distance of two rewards, or its square, may be beyond double: the expectation is not, a variance may be."""
    p, plain = np.full(len(reward), 1 / len(reward)), np.array(reward)
    law, small = BestOfN(p, size * plain), BestOfN(p, plain)
    assert float(law.expected_reward(n)) / size == pytest.approx(float(small.expected_reward(n)), rel=1e-12, abs=1e-15)
    exact = mpmath.mpf(float(small.reward_variance(n))) * mpmath.mpf(size) ** 2
    assert float(law.reward_variance(n)) == pytest.approx(float(exact) if exact < 1e308 else math.inf, rel=1e-11)


def test_large_rewards_that_are_rare_have_a_finite_variance():
    law = BestOfN([1.0, 1e-300], [0.0, 1e200])
    assert float(law.expected_reward(2)) == pytest.approx(2e-100, rel=1e-12)
    assert float(law.reward_variance(2)) == pytest.approx(2e100, rel=1e-12)


def test_an_infinite_reward_hides_no_large_one():
    law = BestOfN([0.25, 0.25, 0.5], [1e308, -math.inf, -1e308])
    assert float(law.expected_reward(2)) == -math.inf
    assert float(law.expected_reward(log_n=1e6)) == 1e308


def test_log_probabilities_are_never_positive():
    """Where one atom has all but all mass, rounding of its two parts used to leave up to 1e-14."""
    p = np.array([0.915321404048156, 0.3893389357195543, 8.5e-07, 0.0068, 3.5e-06])
    law, log_n = BestOfN(p, [1.0, 1.0, 0.0, 2.0, 0.0]), np.linspace(0.0, 700.0, 400)
    for found in (law.log_pmf(log_n=log_n), np.stack([law.log_pmf(log_n=one) for one in log_n[::20]])):
        assert found.max() == 0.0
    assert law.pmf(log_n=log_n).max() == 1.0
