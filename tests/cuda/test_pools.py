"""Curves and pass@k of arrays on a device: against exact rational weights, with the bits of the processor by "u"."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from alignment_fast.best_of_n import best_at_k, curve, max_at_k_weights, pass_all_k, pass_at_k
from alignment_fast.kernels.best_of_n import cuda_pool
from alignment_fast.kernels.common import streams
from oracles import gradients
from oracles import pool as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]
LAUNCHES = [(1, 32, 0), (3, 96, 1), (64, 256, 5)]


def scores(shape, dtype="float64", seed=3):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def bits(found):
    return found.numpy().tobytes()


# ---- curves ----


@pytest.mark.parametrize("estimator", ["u", "v"])
@pytest.mark.parametrize("size", [1, 7, 64, 65, 300, 700])
def test_means_against_rational_weights(cuda, size, estimator):
    pool = scores((2, size), seed=size)
    n = sorted({1, min(2, size), min(3, size), max(size // 7, 1), max(size // 2, 1), size})
    found = curve(cuda.array(pool), n[::-1], estimator=estimator).mean.numpy()
    for row, means in zip(np.sort(pool, axis=-1), found, strict=True):
        for one, value in zip(n[::-1], means, strict=True):
            assert value == pytest.approx(oracle.mean(row, one, estimator == "v"), rel=0, abs=1e-13 * np.abs(row).max())


# Below and above the pools that share weights, the curves that are interpolated, one slice of the sort.
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(3, 5), (4, 64), (2, 65), (511,), (2, 700), (2100,)])
def test_all_n_have_the_bits_of_the_processor(cuda, shape, dtype):
    pool = scores(shape, dtype)
    found = curve(cuda.array(pool))
    assert found.mean.dtype == dtype
    assert found.mean.shape == shape
    assert bits(found.mean) == curve(pool).mean.tobytes()
    assert (found.n == np.arange(1, shape[-1] + 1)).all()


@pytest.mark.parametrize("size", [40, 1500])
def test_asked_for_n_in_any_order(cuda, size):
    pool, n = scores((2, size)), [size, 1, 7, 7, size // 2, *range(2, 40)]
    assert bits(curve(cuda.array(pool), n).mean) == curve(pool, n).mean.tobytes()
    assert curve(cuda.array(pool), 3).mean.numpy().tolist() == curve(pool, 3).mean.tolist()


@pytest.mark.parametrize("estimator", ["u", "v"])
@pytest.mark.parametrize("size", [9, 500])
def test_samples_that_tie_count_with_their_mean(cuda, size, estimator):
    generator = np.random.default_rng(size)
    score = generator.integers(0, 4, (2, size)).astype(np.float64)
    score[:, : size // 3] = generator.normal(size=(2, size // 3))
    value = generator.normal(size=(2, size))
    n = np.array([1, 2, 5, size])
    found = curve(cuda.array(score), n, values=cuda.array(value), estimator=estimator).mean.numpy()
    for i in range(2):
        mean = {s: value[i, score[i] == s].mean() for s in score[i]}
        ascending = [mean[s] for s in np.sort(score[i])]
        expected = [oracle.mean(ascending, int(one), estimator == "v") for one in n]
        np.testing.assert_allclose(found[i], expected, rtol=0, atol=3e-14)


def test_pairs_that_tie_have_the_bits_of_the_processor(cuda):
    score, value = np.repeat(scores((1, 400)), 2, axis=-1), scores((1, 800), seed=4)
    there = cuda.array(score.astype("float32")), cuda.array(value.astype("float32"))
    assert (
        bits(curve(there[0], values=there[1]).mean)
        == curve(score.astype("float32"), values=value.astype("float32")).mean.tobytes()
    )


def test_an_infinite_score_may_select(cuda):
    score, value = np.array([-np.inf, 0.0, np.inf, 1.0]), np.array([1.0, 2.0, 3.0, 4.0])
    assert curve(cuda.array(score), 4, values=cuda.array(value)).mean.numpy() == 3.0


@pytest.mark.parametrize("launch", LAUNCHES)
@pytest.mark.parametrize("estimator", ["u", "v"])
def test_the_launch_does_not_show(cuda, shaped, launch, estimator, monkeypatch):
    score, value = np.round(scores((3, 600)), 1), scores((3, 600), seed=9)
    n = [1, 2, 30, 200, 600]
    expected = curve(cuda.array(score), n, values=cuda.array(value), estimator=estimator)
    shaped(*launch)
    monkeypatch.setattr(cuda_pool, "SCRATCH", 1)  # pools one by one
    found = curve(cuda.array(score), n, values=cuda.array(value), estimator=estimator)
    assert bits(found.mean) == bits(expected.mean)


def test_results_are_on_the_stream_of_the_scores(cuda):
    found = curve(cuda.array(scores((2, 100)), stream=9))
    assert isinstance(found.mean, streams.DeviceArray)
    assert {stream for name, stream in cuda.calls() if not name.startswith("cu")} == {9}
    assert found.variance is None


def test_no_pools_have_no_curves(cuda):
    assert curve(cuda.array(np.empty((0, 5)))).mean.shape == (0, 5)


# ---- variances ----

WAYS = [("u", "unbiased"), ("u", "jackknife"), ("v", "jackknife")]


@pytest.mark.parametrize(("estimator", "method"), WAYS)
@pytest.mark.parametrize("size", [1, 9, 300])
def test_variances_are_those_of_the_processor(cuda, size, estimator, method):
    """Scores of their own, and those of tied samples that are judged by other values; where there is none, NaN."""
    n = [size, 1, *range(2, size // 2, 3)]
    pool, tied, value = scores((2, size)), np.round(scores((2, size), seed=5)), scores((2, size), seed=6)
    options = {"n": n, "estimator": estimator, "variance": method}
    for own, judged, near in ((pool, None, 1e-15 if estimator == "v" else 0.0), (tied, value, 1e-13)):
        found = curve(cuda.array(own), values=None if judged is None else cuda.array(judged), **options).variance
        expected = curve(own, values=judged, **options).variance
        np.testing.assert_allclose(found.numpy(), expected, rtol=near, atol=near)


@pytest.mark.parametrize("method", ["unbiased", "jackknife"])
def test_variances_against_all_subsets(cuda, method):
    pool, value, n = np.array([0.5, 0.5, 2.0, -1.0, 2.0, 2.0]), np.array([1.0, 4.0, -2.0, 0.0, 3.0, 7.0]), 2
    found = best_at_k(cuda.array(pool), n, values=cuda.array(value), variance=method)
    if method == "unbiased":
        expected = oracle.variance(pool, value, n)
    else:
        expected = oracle.jackknife(lambda kept: oracle.mean_over_subsets(pool, value, n, kept), len(pool))
    assert found.variance.numpy() == pytest.approx(float(expected), rel=1e-12)


# ---- pools of different sizes ----


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("estimator", ["u", "v"])
def test_pools_of_different_sizes_are_those_of_the_processor(cuda, dtype, estimator):
    """What follows the samples of a row is not read, whether `lengths` are here or there."""
    score, value = scores((2, 2, 90), dtype), scores((2, 2, 90), dtype, seed=8)
    lengths = np.array([[3, 90], [70, 3]])
    score[0, 0, 3:], value[1, 0, 70:] = np.nan, np.inf
    options = {"n": [80, 1, 3, 4], "estimator": estimator, "variance": "jackknife"}
    expected = curve(score, values=value, lengths=lengths, **options)
    for given in (lengths, cuda.array(lengths)):
        found = curve(cuda.array(score), values=cuda.array(value), lengths=given, **options)
        assert found.mean.dtype == dtype
        for mine, wanted in ((found.mean, expected.mean), (found.variance, expected.variance)):
            np.testing.assert_allclose(mine.numpy(), wanted, rtol=1e-5 if dtype == "float32" else 1e-12)


# ---- weights of samples ----


@pytest.mark.parametrize("baseline", ["none", "leave-one-out"])
def test_weights_are_those_of_the_definition(cuda, baseline):
    rewards = np.concatenate([scores((3, 6)), np.random.default_rng(1).integers(0, 3, (3, 6)).astype(float)])
    for k in (1, 3, 5):
        found = max_at_k_weights(cuda.array(rewards), k, baseline=baseline).numpy()
        exact = [[float(w) for w in gradients.weights(row.tolist(), k, baseline)] for row in rewards]
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1,), (2, 3, 16), (2, 300), (0, 4)])
def test_weights_beside_those_of_the_processor(cuda, shape, dtype):
    rewards, k = scores(shape, dtype), max(shape[-1] // 4, 1)
    for baseline in ("none", "leave-one-out")[: shape[-1]]:
        found = max_at_k_weights(cuda.array(rewards), k, baseline=baseline)
        assert (found.dtype, found.shape) == (rewards.dtype, rewards.shape)
        expected = max_at_k_weights(rewards, k, baseline=baseline)
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-6 if dtype == "float32" else 1e-12)


def test_weights_of_rewards_whose_differences_overflow(cuda):
    rewards = np.array([[1.7e308, -1.7e308, 1.0], [0.0, 1.0, 2.0]])
    found = max_at_k_weights(cuda.array(rewards), 2, baseline="leave-one-out").numpy()
    np.testing.assert_allclose(found, max_at_k_weights(rewards, 2, baseline="leave-one-out"), rtol=1e-13, atol=1e-13)


# ---- pass@k ----


def test_pass_at_k_against_binomials(cuda):
    total = np.array([[5, 9, 200], [4, 64, 1000]])
    correct = np.array([[0, 9, 3], [1, 32, 999]])
    found = pass_at_k(cuda.array(total), cuda.array(correct), [1, 2, 4]).numpy()
    assert found.shape == (2, 3, 3)
    for at in np.ndindex(total.shape):
        for k, value in zip((1, 2, 4), found[at], strict=True):
            expected = float(oracle.pass_at_k(int(total[at]), int(correct[at]), k))
            assert value == pytest.approx(expected, rel=2e-15, abs=0)


def test_pass_at_k_has_the_bits_of_the_processor(cuda):
    generator = np.random.default_rng(2)
    total = generator.integers(50, 10**6, 300)
    correct = (total * generator.random(300)).astype(np.int64)
    k = np.array([1, 7, 50])
    assert bits(pass_at_k(cuda.array(total), cuda.array(correct), k)) == pass_at_k(total, correct, k).tobytes()


def test_more_terms_than_are_summed(cuda):
    """Half of 2^40 samples and a millionth of them: by the integral, within its 2^-50."""
    total, correct, k = 2**40, 10**6, 2**18
    found = pass_at_k(total, cuda.array(np.array([correct])), k).numpy()
    assert found == pytest.approx(pass_at_k(total, np.array([correct]), k), rel=2e-15)


@pytest.mark.parametrize(
    ("total", "correct"), [(9, [0, 3, 9]), ([9, 10, 11], 4), ([9], [0, 3, 9]), (np.array(9), [[1, 2], [3, 4]])]
)
def test_one_number_serves_all_problems(cuda, total, correct):
    def there(value):
        return value if isinstance(value, int) else cuda.array(np.array(value))

    found = pass_at_k(there(total), there(correct), 3)
    assert bits(found) == pass_at_k(total, correct, 3).tobytes()


def test_pass_all_k_against_binomials(cuda):
    total, correct, k = np.array([5, 9, 200, 3]), np.array([0, 9, 150, 3]), [1, 2, 3]
    found = pass_all_k(cuda.array(total), cuda.array(correct), k)
    for i, (m, c) in enumerate(zip(total.tolist(), correct.tolist(), strict=True)):
        for j, draws in enumerate(k):
            chance, twice = (Fraction(comb(c, d), comb(m, d)) if d <= m else None for d in (draws, 2 * draws))
            variance = np.nan if twice is None else float(chance**2 - twice)
            assert found.mean.numpy()[i, j] == pytest.approx(float(chance), rel=2e-15)
            assert found.variance.numpy()[i, j] == pytest.approx(variance, abs=1e-14, nan_ok=True)


def test_pass_all_k_has_the_bits_of_the_processor(cuda):
    generator = np.random.default_rng(2)
    total = generator.integers(50, 10**6, (3, 30))
    correct = (total * generator.random(total.shape)).astype(np.int64)
    for m, k in ((total, [1, 7, 30]), (10**6, 4)):
        there = pass_all_k(m if m is not total else cuda.array(m), cuda.array(correct), k)
        expected = pass_all_k(m, correct, k)
        assert (bits(there.mean), bits(there.variance)) == (expected.mean.tobytes(), expected.variance.tobytes())


# ---- what is refused ----


BAD = {
    "a NaN": (curve, ([1.0, np.nan],), {}, ValueError, r"scores\[1\] = nan is NaN"),
    "an infinite score": (curve, ([[1.0, 2.0], [np.inf, 0.0]],), {}, ValueError, r"scores\[1, 0\] = inf is infinite"),
    "a NaN beside values": (curve, ([1.0, np.nan],), {"values": [1.0, 2.0]}, ValueError, r"scores\[1\] = nan is NaN"),
    "an infinite value": (curve, ([1.0, 2.0],), {"values": [1.0, -np.inf]}, ValueError, r"values\[1\] = -inf is inf"),
    "another shape": (curve, ([1.0, 2.0],), {"values": [1.0]}, ValueError, r"values of shape \(1,\) and scores of"),
    "no samples": (curve, (np.empty((2, 0)),), {}, ValueError, r"scores of shape \(2, 0\) have no samples"),
    "integers": (curve, ([1, 2],), {}, TypeError, "scores must be float32 or float64 on a CUDA device, not int64"),
    "too large an n": (curve, ([1.0, 2.0],), {"n": 3}, ValueError, "n = 3 exceeds the 2 samples of the largest pool"),
    "lengths": (curve, ([[1.0, 2.0]],), {"lengths": [3]}, ValueError, r"lengths\[0\] = 3 is not between 1 and 2"),
    "a NaN of a short pool": (curve, ([[np.nan, 2.0]],), {"lengths": [1]}, ValueError, r"scores\[0, 0\] = nan is NaN"),
    "all of too many": (pass_all_k, ([5, 3], [1, 2]), {"k": 4}, ValueError, r"k = 4 exceeds num_samples\[1\] = 3"),
    "an infinite reward": (
        max_at_k_weights,
        ([[0.0, 1.0], [np.inf, 2.0]],),
        {"k": 1},
        ValueError,
        r"rewards\[1, 0\] = inf is not finite",
    ),
    "rewards that are counts": (max_at_k_weights, ([1, 2],), {"k": 1}, TypeError, "rewards must be float32 or float64"),
    "too many draws": (max_at_k_weights, ([1.0, 2.0],), {"k": 3}, ValueError, "k = 3 is not between 1 and the 2 sam"),
    "more correct ones than samples": (
        pass_at_k,
        ([5, 6], [1, 7]),
        {"k": 1},
        ValueError,
        r"num_correct\[1\] = 7 exceeds num_samples\[1\] = 6",
    ),
    "a negative count": (pass_at_k, ([5, 6], [1, -2]), {"k": 1}, ValueError, r"num_correct\[1\] = -2 is below 0"),
    "a large k": (pass_at_k, ([5, 3], [1, 2]), {"k": [2, 4]}, ValueError, r"k\[1\] = 4 exceeds num_samples\[1\] = 3"),
    "k of 0": (pass_at_k, ([5, 3], [1, 2]), {"k": [2, 0]}, ValueError, r"k\[1\] = 0 is below 1"),
    "small integers": (
        pass_at_k,
        (np.array([5], "i4"), [1]),
        {"k": 1},
        TypeError,
        "num_samples must be int64 on a CUDA device, not int32",
    ),
    "counts of other shapes": (pass_at_k, ([5, 6], [1, 2, 3]), {"k": 1}, ValueError, r"of shape \(2,\) and num_corr"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(cuda, case):
    function, positional, options, error, message = BAD[case]
    moved = {key: cuda.array(np.array(value)) if key == "values" else value for key, value in options.items()}
    with pytest.raises(error, match=message):
        function(*(cuda.array(np.array(value)) for value in positional), **moved)


@pytest.mark.parametrize("function", [curve, pass_at_k])
def test_what_is_on_two_places(cuda, function):
    there = cuda.array(np.array([3.0, 4.0]) if function is curve else np.array([3, 4]))
    with pytest.raises(
        (ValueError, TypeError), match=r"different devices: scores on cuda|num_correct must be an array"
    ):
        function(there, values=np.array([1.0, 2.0])) if function is curve else function(there, np.array([1, 2]), 1)
