"""Curves from pools of samples, their variances and pass@k, against their definition over subsets."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import search
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast.best_of_n import _pools, curve, mean_over_prompts, pass_at_k
from alignment_fast.interop.human_eval import estimate_pass_at_k
from alignment_fast.kernels.common.cpu import supported_isas
from bounds import bound
from fresh import output_of
from oracles import pool as oracle

STORED = oracle.STORED["pool"]
SCORES = np.array([float(text) for text in STORED["scores_sorted"]])


def stored(key):
    rows = [row for row in STORED["unbiased"] if key in row]
    return np.array([row["n"] for row in rows]), np.array([float(row[key]) for row in rows])


def samples(size, seed=0):
    return np.random.default_rng(seed).standard_normal(size)


def tied_pool(seed, size=8, levels=4):
    """Scores with ties, and values that differ within them, as fractions of 8."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, levels, size).tolist(), [Fraction(int(x), 8) for x in rng.integers(-40, 40, size)]


@pytest.mark.parametrize(
    ("key", "variance"), [("unbiased", None), ("unbiased_var", "unbiased"), ("jackknife_var", "jackknife")]
)
def test_stored_values(key, variance):
    n, exact = stored(key)
    result = curve(np.random.default_rng(3).permutation(SCORES), n, variance=variance)
    np.testing.assert_allclose(result.mean if variance is None else result.variance, exact, rtol=1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_ties_are_averages_over_subsets(seed):
    scores, values = tied_pool(seed)
    size = len(scores)
    floats = [float(x) for x in values]
    unbiased, jackknife = (curve(scores, values=floats, variance=kind) for kind in ("unbiased", "jackknife"))
    for n in range(1, size + 1):
        assert unbiased.mean[n - 1] == pytest.approx(float(oracle.mean_over_subsets(scores, values, n)), abs=1e-14)
        if 2 * n <= size:
            exact = float(oracle.variance(scores, values, n))
            assert unbiased.variance[n - 1] == pytest.approx(
                exact, rel=0.1 * bound("best_of_n.pool_variance"), abs=1e-14
            )
        if n < size:

            def without(members, n=n):
                return oracle.mean_over_subsets(scores, values, n, members)

            exact = float(oracle.jackknife(without, size))
            assert jackknife.variance[n - 1] == pytest.approx(
                exact, rel=0.1 * bound("best_of_n.pool_variance"), abs=1e-14
            )


def test_variances_exist_where_they_can():
    assert np.isnan(curve(SCORES, variance="unbiased").variance).tolist() == [2 * n > 12 for n in range(1, 13)]
    assert np.isnan(curve(SCORES, variance="jackknife").variance).tolist() == [n == 12 for n in range(1, 13)]
    assert not np.isnan(curve(SCORES, [1, 12, 50], estimator="v", variance="jackknife").variance).any()


@pytest.mark.parametrize("size", [7, 64, 65, 300, 600])
@pytest.mark.parametrize("estimator", ["u", "v"])
def test_means_against_rational_weights(size, estimator):
    ascending = np.sort(samples(size, size))
    n = [1, 2, 3, size // 2, size - 1, size] + ([3 * size] if estimator == "v" else [])
    exact = [oracle.mean(ascending, k, estimator == "v") for k in n]
    allowed = bound("best_of_n.pool_dots") * np.abs(ascending).max()  # longer pools are summed as closely
    np.testing.assert_allclose(curve(samples(size, size), n, estimator=estimator).mean, exact, rtol=0, atol=allowed)


@pytest.mark.parametrize("n", [1, 2, 9, 50, 10**6])
def test_jackknife_with_replacement(n):
    scores = np.sort(samples(9, 4))

    def statistic(members):
        ranks = np.arange(1, len(members) + 1) / len(members)
        return (ranks**n - (ranks - 1 / len(members)) ** n) @ scores[members]

    result = curve(scores, n, estimator="v", variance="jackknife")
    assert result.variance == pytest.approx(oracle.jackknife(statistic, 9), rel=1e-9)


def test_weights_of_a_large_pool():
    """The top indicator has mean C(M - k, n)-wise known in 40 digits, after 1e6 steps of the recurrence."""
    size, k, n = 10**6, 250_000, np.array([1, 2, 3, 10, 60, 100])
    scores = np.arange(size, dtype=np.float64)
    exact = [float(1 - oracle.missed_by_all(size, k, int(m))) for m in n]
    found = curve(scores, n, values=(scores >= size - k).astype(float)).mean
    np.testing.assert_allclose(found, exact, rtol=bound("best_of_n.pool_mean"))


@pytest.mark.parametrize("size", [512, 1000, 20_000])
def test_interpolation_is_right_for_any_values(size):
    """Every curve is a mixture of curves of top indicators: its error is at most the largest of theirs, times range."""
    n = np.unique(np.geomspace(65, size, 60).astype(int))
    for k in np.unique(np.geomspace(1, size // 2, 25).astype(int)):
        scores = (np.arange(size) >= size - k).astype(float)
        assert np.abs(curve(scores).mean[n - 1] - curve(scores, n).mean).max() < bound("best_of_n.pool_interpolate")


@pytest.mark.parametrize("size", [100, 300, 10_000])
@pytest.mark.parametrize("variance", ["unbiased", "jackknife"])
def test_n_do_not_disturb_each_other(size, variance):
    """Small n visit all ranks, and great n beside them have no weight there."""
    scores, n = samples(size), np.array([1, 2, 50, size // 3, size // 2 - 1, size // 2, size - 2, size - 1, size])
    together, alone = curve(scores, n, variance=variance), [curve(scores, int(k), variance=variance) for k in n]
    np.testing.assert_allclose(together.mean, [one.mean for one in alone], rtol=0, atol=1e-14)
    np.testing.assert_allclose(together.variance, [one.variance for one in alone], rtol=1e-10)


def test_no_n_is_left_out_of_a_long_curve():
    scores = np.exp(samples(3000))
    np.testing.assert_allclose(curve(scores).mean, curve(scores, np.arange(1, 3001)).mean, rtol=0, atol=1e-13)


pools = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=90)


@settings(max_examples=60, deadline=None)
@given(pools, st.integers(-8, 8), st.randoms(use_true_random=False))
def test_properties_of_every_curve(scores, power, random):
    result = curve(scores).mean
    scale = max(map(abs, scores), default=0.0) + 1e-300
    assert np.all(np.diff(result) >= -1e-12 * scale)  # more draws are not worse
    assert abs(result[0] - np.mean(scores)) <= 1e-13 * scale
    assert result[-1] == pytest.approx(max(scores), abs=1e-13 * scale)
    shuffled = random.sample(scores, len(scores))
    np.testing.assert_array_equal(curve(shuffled).mean, result)
    np.testing.assert_array_equal(curve([x * 2.0**power for x in scores]).mean, result * 2.0**power)
    np.testing.assert_allclose(curve(scores, values=scores).mean, result, rtol=0, atol=1e-13 * scale)


def test_unbiased_and_its_variance_too():
    """2000 pools of 16 exponential samples: the mean of estimates and of variances, each within 4 standard errors."""
    scores = np.random.default_rng(11).exponential(size=(2000, 16))
    result = curve(scores, [1, 2, 4, 8], variance="unbiased")
    harmonic = [sum(1 / k for k in range(1, n + 1)) for n in (1, 2, 4, 8)]
    error = result.mean.std(axis=0, ddof=1) / np.sqrt(2000)
    assert np.all(np.abs(result.mean.mean(axis=0) - harmonic) < 4 * error)
    spread = result.variance.std(axis=0, ddof=1) / np.sqrt(2000)
    true = result.mean.var(axis=0, ddof=1)
    assert np.all(np.abs(result.variance.mean(axis=0) - true) < 4 * np.hypot(spread, true * np.sqrt(2 / 2000) * 2))


def test_jackknife_intervals_cover():
    """95 % intervals hold the expected best of 4 of 40 normal samples between 91 % and 98 % of the time."""
    result = curve(np.random.default_rng(12).standard_normal((2000, 40)), 4, variance="jackknife")
    covered = np.abs(result.mean - 1.0293753730039641) < 1.96 * result.standard_error
    assert 0.91 < covered.mean() < 0.98


# ---- batches, ragged pools, prompts ----


@pytest.mark.parametrize("size", [16, 100])
def test_a_batch_is_its_rows(size):
    scores, values = samples((3, 5, size)), samples((3, 5, size), 1)
    batch = curve(scores, values=values, variance="jackknife")
    assert batch.mean.shape == (3, 5, size)
    for row in itertools.product(range(3), range(5)):
        one = curve(scores[row], values=values[row], variance="jackknife")
        np.testing.assert_array_equal(one.mean, batch.mean[row])
        np.testing.assert_array_equal(one.variance, batch.variance[row])


@pytest.mark.parametrize("size", [3, 16, 33, 64])
def test_small_pools_whose_scores_hardly_differ(size):
    """The network sorts scores without their last bits: what it cannot tell apart is sorted by all of them."""
    rng = np.random.default_rng(size)
    order = np.argsort(rng.random((9, size)), axis=1)
    steps = np.arange(size) - size // 2
    ladders = [
        1 + steps * 2.0**-52,
        -1 - steps * 2.0**-52,
        steps * 5e-324,
        np.ldexp(steps * 1.0, 1016),
        steps // 2 * 1.0,
    ]
    ladders += [np.where(steps == 0, -0.0, steps // 3 * 0.0), np.where(steps > 1, np.inf, steps)]
    ladders += [np.where(steps < 0, -np.inf, steps), rng.normal(size=size)]
    scores = np.take_along_axis(np.stack(ladders), order, axis=1)
    values = rng.normal(size=scores.shape)
    together = curve(scores, values=values, variance=None).mean
    for row, value, mean in zip(scores, values, together, strict=True):
        places = np.argsort(row, kind="stable")
        ranked = value[places]
        groups = np.concatenate([[0], np.cumsum(row[places][1:] > row[places][:-1])])
        averaged = (np.bincount(groups, ranked) / np.bincount(groups))[groups]
        weights = [[math.comb(i, n) / math.comb(size, n + 1) for i in range(size)] for n in range(size)]
        np.testing.assert_allclose(mean, np.array(weights) @ averaged, rtol=0, atol=1e-12)


def test_ragged_pools():
    rows = [samples(size, size) for size in (5, 1, 9, 5)]
    result = curve(rows, variance="unbiased")
    assert result.mean.shape == (4, 9)
    for row, own in zip(rows, result.mean, strict=True):
        np.testing.assert_array_equal(own[: len(row)], curve(row).mean)
        assert np.isnan(own[len(row) :]).all()
    padded = np.full((4, 9), np.nan)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    again = curve(padded, lengths=[5, 1, 9, 5], variance="unbiased")
    np.testing.assert_array_equal(again.mean, result.mean)
    np.testing.assert_array_equal(again.variance, result.variance)
    assert not np.isnan(curve(rows, [20], estimator="v").mean).any()


def test_asked_for_order_dtype_and_shape():
    scores = samples(30).astype(np.float32)
    result = curve(scores, [7, 1, 7])
    assert result.mean.dtype == np.float32
    assert result.mean[0] == result.mean[2] == curve(scores, 7).mean
    assert result.mean[1] == np.float32(scores.astype(np.float64).mean())
    assert curve(scores, 7).n == 7
    assert curve(np.empty((0, 5))).mean.shape == (0, 5)
    assert curve(scores, []).mean.shape == (0,)


@pytest.mark.parametrize("isa", supported_isas())
def test_same_bits_for_every_instruction_set(isa):
    code = """
import hashlib, numpy as np
from alignment_fast.best_of_n import curve
x = np.random.default_rng(0).standard_normal(5000)
parts = [curve(x).mean, curve(x[:700], [1, 5, 90], variance="unbiased").variance, curve(x[:640].reshape(40, 16)).mean]
print(hashlib.sha256(b"".join(p.tobytes() for p in parts)).hexdigest())
"""
    assert output_of(code, ALIGNMENT_FAST_ISA=isa) == output_of(code)


@pytest.mark.parametrize("shape", [(1, 20_000), (3000, 16), (40, 700)])
def test_same_bits_for_any_number_of_threads(shape):
    scores = samples(shape)
    np.testing.assert_array_equal(curve(scores, num_threads=1).mean, curve(scores, num_threads=3).mean)


def test_mean_over_prompts():
    curves = curve(samples((40, 6)))
    result = mean_over_prompts(curves)
    np.testing.assert_allclose(result.mean, curves.mean.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(result.standard_error, curves.mean.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-13)


def test_prompts_of_one_cluster_count_as_one():
    scores = samples((10, 6))
    single = mean_over_prompts(curve(scores))
    tripled = mean_over_prompts(curve(np.repeat(scores, 3, axis=0)), clusters=np.repeat(np.arange(10), 3))
    np.testing.assert_allclose(tripled.standard_error, single.standard_error, rtol=1e-13)
    assert tripled.prompts.tolist() == [30] * 6


@pytest.mark.parametrize("exponent", [1020, 600, -600, -1000])
@pytest.mark.parametrize("clusters", [None, np.arange(40) // 3])
def test_means_over_prompts_keep_their_digits_where_squares_leave_the_range_of_double(exponent, clusters):
    scores = np.random.default_rng(3).normal(size=(40, 12))
    plain, scaled = (
        mean_over_prompts(curve(given), clusters=clusters) for given in (scores, np.ldexp(scores, exponent))
    )
    np.testing.assert_array_equal(scaled.mean, np.ldexp(plain.mean, exponent))
    np.testing.assert_array_equal(scaled.standard_error, np.ldexp(plain.standard_error, exponent))


def test_prompts_without_a_value_are_left_out():
    result = mean_over_prompts(curve([[1.0, 2.0, 3.0], [5.0]]))
    assert result.prompts.tolist() == [2, 1, 1]
    assert result.mean.tolist() == pytest.approx([3.5, 8 / 3, 3.0])
    assert np.isnan(result.standard_error).tolist() == [False, True, True]


# ---- pass@k ----


def test_pass_at_k_against_binomials():
    total, correct = np.meshgrid([5, 20, 200], [0, 1, 3, 5], indexing="ij")
    for k in (1, 2, 5):
        exact = [float(oracle.pass_at_k(int(m), int(c), k)) for m, c in zip(total.flat, correct.flat, strict=True)]
        np.testing.assert_allclose(
            pass_at_k(total, correct, k).reshape(-1), exact, rtol=0.1 * bound("best_of_n.pass_at_k")
        )


def test_rare_successes_keep_their_digits():
    assert pass_at_k(10**6, 1, 1) == 1e-6
    exact = float(oracle.pass_at_k(10**6, 2, 3))
    assert pass_at_k(10**6, 2, 3) == pytest.approx(exact, rel=1e-15)


def test_pass_at_k_is_the_curve_of_zeros_and_ones():
    scores = (np.arange(40) < 7).astype(float)
    np.testing.assert_allclose(pass_at_k(40, 7, np.arange(1, 41)), curve(scores).mean, rtol=1e-13)


def test_human_eval_front_end():
    np.testing.assert_allclose(estimate_pass_at_k(5, [0, 2, 4], 3), [0.0, 0.9, 1.0], rtol=1e-15)
    np.testing.assert_allclose(estimate_pass_at_k([2, 5], [0, 1], 4), [1.0, 0.8], rtol=1e-15)  # k = 4 of 2: 1, as there


# ---- what is refused ----

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: curve([1.0, NAN]), r"scores\[1\] = nan is NaN"),
        (lambda: curve([[1.0, 2.0], [INF, 2.0]]), r"scores\[1, 0\] = inf is infinite"),
        (lambda: curve([1.0, 2.0], values=[0.0, NAN]), r"values\[1\] = nan is NaN"),
        (lambda: curve([1.0, 2.0], values=[0.0]), r"values of shape \(1,\) and scores of shape \(2,\) differ"),
        (lambda: curve([]), r"scores of shape \(0,\) have no samples"),
        (lambda: curve([[1.0], []]), r"lengths\[1\] = 0 is not between 1 and 1"),
        (lambda: curve([[1.0, 2.0], [1.0]], values=[[1.0], [1.0]]), r"values"),
        (lambda: curve([1.0, 2.0], 3), r"n = 3 exceeds the 2 samples of the largest pool"),
        (lambda: curve([1.0, 2.0], [1, 0]), r"n\[1\] = 0 is below 1"),
        (lambda: curve([1.0, 2.0], 1.5), r"n must be integers, not 1.5"),
        (lambda: curve([1.0], estimator="w"), r"estimator must be one of 'u', 'v', not 'w'"),
        (lambda: curve([1.0], variance="w"), r"variance must be one of None, 'unbiased', 'jackknife', not 'w'"),
        (lambda: curve([1.0], estimator="v", variance="unbiased"), r"variance 'unbiased' needs estimator 'u'"),
        (lambda: curve([[1.0, 2.0]], lengths=[3]), r"lengths\[0\] = 3 is not between 1 and 2"),
        (lambda: mean_over_prompts(curve([1.0, 2.0])), r"no axis of prompts"),
        (lambda: mean_over_prompts(curve([[1.0, 2.0]]), clusters=[1, 2]), r"clusters of shape \(2,\)"),
        (lambda: pass_at_k(5, 2, 6), r"k = 6 exceeds num_samples = 5"),
        (lambda: pass_at_k([9, 5], 2, [1, 6]), r"k\[1\] = 6 exceeds num_samples\[1\] = 5"),
        (lambda: pass_at_k(5, 6, 1), r"num_correct = 6 exceeds num_samples = 5"),
        (lambda: pass_at_k(5, -1, 1), r"num_correct = -1 is below 0"),
        (lambda: pass_at_k(5, 2, 0), r"k = 0 is below 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_infinite_scores_may_select():
    assert curve([-INF, 1.0, INF], values=[1.0, 2.0, 4.0]).mean.tolist() == pytest.approx([7 / 3, 10 / 3, 4.0])


def test_nodes_cover_every_n():
    ends, nodes, _ = _pools.segments(1000, 18)
    assert ends[0] == _pools.EXACT
    assert ends[-1] == 1000
    assert np.all((nodes > ends[:-1, None]) & (nodes < ends[1:, None]))


# ---- pass@k: exact at its ends, at any size ----


def exact_pass_at_k(total, correct, k):
    """1 - C(m - c, k) / C(m, k) by log-gammas in many digits, for sizes where binomials would not fit into memory."""
    if correct == 0 or correct + k > total:
        return float(correct > 0)
    with mpmath.workdps(130):
        m, c, k = map(mpmath.mpf, (total, correct, k))
        log_missed = mpmath.loggamma(m - c + 1) + mpmath.loggamma(m - k + 1)
        return float(-mpmath.expm1(log_missed - mpmath.loggamma(m - c - k + 1) - mpmath.loggamma(m + 1)))


@pytest.mark.parametrize("total", [1, 2, 50, 200, 10**6, 2**53 + 1, 2**63 - 1])
def test_pass_at_k_is_exact_at_its_ends(total):
    some = sorted({k for k in (1, 2, 49, 50, total // 3, total - 1, total) if 0 < k <= total})
    for k in some:
        assert pass_at_k(total, 0, k) == 0.0
        assert pass_at_k(total, total, k) == 1.0
        assert pass_at_k(total, 1, k) == pass_at_k(total, k, 1)
        assert pass_at_k(total, 1, k) == (k / total if total <= 2**53 else pytest.approx(k / total, rel=3e-16))
        assert pass_at_k(total, total - k + 1, k) == 1.0  # a draw of k cannot miss


def test_pass_at_k_is_a_probability_that_grows_with_both_counts():
    for total in (3, 17, 200):
        table = np.array([pass_at_k(total, np.arange(total + 1), k) for k in range(1, total + 1)])
        assert table.min() == 0.0
        assert table.max() == 1.0
        np.testing.assert_array_equal(table[:, 1:], table[:, 1:].T)  # symmetric in k and c
        assert (np.diff(table, axis=0) >= -3e-14).all()


@pytest.mark.parametrize(
    ("total", "correct", "k"),
    [
        (2**53 + 1, 1, 1),
        (2**62, 2**31, 2**30),
        (2**62, 2**40, 2**41),
        (2**40, 70_000, 80_000),
        (2**33, 65_536, 2**17),
        (2**33, 65_537, 2**17),
        (10**9, 100_000, 200_000),
        (10**12, 10**6, 10**3),
        (2**63 - 1, 2**63 - 5, 3),
    ],
)
def test_pass_at_k_of_counts_of_any_size_in_constant_memory(total, correct, k):
    exact = exact_pass_at_k(total, correct, k)
    assert pass_at_k(total, correct, k) == pytest.approx(exact, rel=1e-14)
    assert pass_at_k(total, k, correct) == pass_at_k(total, correct, k)


@pytest.mark.search
def test_pass_at_k_search_over_sizes():
    """Seeded: counts on a logarithmic scale up to 2^62, and at the end where a draw can hardly miss."""
    generator, worst = np.random.default_rng(24), search.Worst("N9", "pass_at_k")
    for _ in range(search.cases(200)):
        total = int(2 ** generator.uniform(1, 62))
        correct, k = (min(total, max(1, int(2 ** generator.uniform(0, np.log2(total))))) for _ in range(2))
        if generator.random() < 0.2:
            correct = max(1, total - k - int(generator.integers(0, 3)))
        exact, found = exact_pass_at_k(total, correct, k), pass_at_k(total, correct, k)
        assert 0 <= found <= 1
        worst.see(abs(found - exact), (4e-16 * min(correct, k, 65536) + 2e-15) * exact, (total, correct, k))
    worst.hold()


def test_pass_at_k_does_not_depend_on_its_neighbours():
    """Problems of one total share what was found; others come between, with the same number of correct samples."""
    generator = np.random.default_rng(25)
    total = generator.integers(5, 60, 3000)
    correct = generator.integers(0, total + 1)
    alone = [pass_at_k(int(m), int(c), 5) for m, c in zip(total, correct, strict=True)]
    assert pass_at_k(total, correct, 5).tolist() == alone


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pass_at_k(10, 3, np.uint64(2**63 + 5)), ValueError, r"k = 9223372036854775813 is not below 2\*\*63"),
        (lambda: pass_at_k(np.uint64(2**63), 3, 1), ValueError, r"num_samples = 9223372036854775808 is not below"),
        (lambda: pass_at_k(2**64, 3, 1), TypeError, r"num_samples must be integers"),
        (lambda: pass_at_k(4.0, 3, 1), TypeError, r"num_samples must be integers, not float64"),
        (lambda: estimate_pass_at_k([5], [1, 2], 1), ValueError, r"of shape \(1,\) and num_correct of shape \(2,\)"),
        (lambda: estimate_pass_at_k([5, 6.5], [1, 2], 1), ValueError, r"num_samples\[1\] = 6.5 is no whole number"),
        (lambda: estimate_pass_at_k([5.0], [np.nan], 1), ValueError, r"num_correct\[0\] = nan is no whole number"),
    ],
)
def test_counts_that_are_none(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_human_eval_front_end_takes_what_the_original_takes():
    empty = estimate_pass_at_k([], [], 1)
    assert empty.shape == (0,)
    assert empty.dtype == np.float64
    assert estimate_pass_at_k(5, [], 1).shape == (0,)
    np.testing.assert_array_equal(estimate_pass_at_k([5.0, 9.0], [1.0, 2.0], 2), estimate_pass_at_k([5, 9], [1, 2], 2))


def test_a_bad_number_of_threads_is_refused_where_there_is_nothing_to_do():
    with pytest.raises(ValueError, match="num_threads must be a positive integer, not -5"):
        curve(np.empty((0, 5)), num_threads=-5)
