"""Kernels behind evaluation from samples, against their definitions."""

import numpy as np
import pytest

from alignment_fast._operations import operations
from bounds import bound
from oracles import gains, tails


@pytest.mark.parametrize("size", [2, 3, 7, 16, 33, 64])
def test_hill_is_the_mean_logarithm_over_the_threshold(size):
    scores = np.abs(np.random.default_rng(size).standard_t(2, size=(11, size))) + 1e-3
    scores[3] = 2.0
    for top in {1, size // 2, size - 1}:
        index, threshold, good = operations("best_of_n").hills(scores, top)
        assert good
        np.testing.assert_array_equal(threshold, np.sort(scores, axis=-1)[:, -top - 1])
        exact = np.array([tails.hill(row.tolist(), top) for row in scores])
        assert np.all(np.abs(index - exact) <= bound("best_of_n.hill") * np.maximum(1, exact))


def test_hill_of_thresholds_that_are_not_positive_is_nan_and_of_bad_scores_is_refused():
    ops = operations("best_of_n")
    index, _, good = ops.hills(np.array([[-1.0, 0.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]]), 2)
    assert good
    assert np.isnan(index[0])
    assert index[1] > 0
    for bad in (np.nan, np.inf, -np.inf):
        assert not ops.hills(np.array([[1.0, bad, 3.0, 4.0]]), 2)[2]


def excesses(seed, rows, top, index):
    u = np.random.default_rng(seed).random((rows, top))
    return (u**-index - 1) / index if index else -np.log(u)


def is_largest_likelihood(excess, found):
    exact = np.array([tails.pareto(row.tolist()) for row in excess])
    index, scale = exact.T
    stated = bound("best_of_n.pareto")
    assert np.all(np.abs(found[0] - index) <= stated * np.maximum(1, np.abs(index)))
    assert np.all(np.abs(found[1] - scale) <= stated * scale)


@pytest.mark.parametrize("index", [-0.8, -0.3, 0.0, 0.3, 1.5])
@pytest.mark.parametrize("top", [2, 3, 18, 33, 200])
def test_pareto_laws_are_those_of_largest_likelihood(top, index):
    """Where the likelihood rises down to an index of -1/2, which few excesses or bounded ones make it do, that one."""
    excess = 1e-3 * excesses(top, 5, top, index)
    is_largest_likelihood(excess, operations("best_of_n").paretos(excess))


def test_pareto_laws_of_exponential_quantiles_have_an_index_near_zero():
    excess = -np.log1p(-(np.arange(500) + 0.5) / 500)[None]
    excess = np.concatenate([excess, excess * (1 + 0.004 * excess), excess * (1 - 0.004 * excess)])
    is_largest_likelihood(excess, operations("best_of_n").paretos(excess))


def test_a_pool_is_fitted_as_it_is_alone_and_flat_ones_are_none():
    ops, excess = operations("best_of_n"), excesses(1, 21, 40, 0.2)
    excess[5], excess[9, :30] = 0.0, 0.0
    index, scale = ops.paretos(excess, num_threads=1)
    for row in range(len(excess)):
        assert [part[0] for part in ops.paretos(excess[row : row + 1])] == [index[row], scale[row]]
    assert (index[5], scale[5]) == (0.0, 0.0)
    for wide in (np.inf, np.nan):
        excess[2, 3] = wide
        assert not np.isfinite(ops.paretos(excess)[0][2])
    np.testing.assert_array_equal(ops.paretos(excess)[0][6:], index[6:])


@pytest.mark.parametrize("size", [1, 3, 8, 2047, 2048, 2049, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_gain_sums(size, weighted):
    rng = np.random.default_rng(size)
    x = -rng.exponential(size=size)
    weight = rng.random(size) if weighted else None
    tilts = np.array([0.0, 0.3, 5.0, 900.0])
    found = operations("policy").gain_sums(x, weight, -0.7, tilts).reshape(4, 9)
    for row, tilt in zip(found, tilts, strict=True):
        exact, scale = gains.sums(x.tolist(), np.ones(size).tolist() if weight is None else weight.tolist(), -0.7, tilt)
        assert np.all(np.abs(row - exact) <= bound("policy.gain_sums") * np.array(scale) + 1e-300)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("size", "bins"), [(1, 512), (300, 512), (3000, 2048), (70_000, 4096)])
def test_sums_from_bins_are_those_over_samples(size, bins, weighted):
    """Up to the largest tilt that bins allow; in many digits where samples are few."""
    rng = np.random.default_rng(size)
    ops = operations("policy")
    x = -rng.exponential(size=size)
    weight = rng.random(size) if weighted else None
    found = ops.gain_bins(x, weight, bins)
    tilts = found.largest_tilt * np.array([0.0, 1e-6, 0.01, 0.5, 1.0])
    sums = ops.gain_sums_of_bins(found, -0.7, tilts)
    exact, scale = ops.gain_sums(x, weight, -0.7, tilts)[:, 0], np.ones((5, 3))
    if size <= 300:
        ones = np.ones(size) if weight is None else weight
        pairs = [gains.sums(x.tolist(), ones.tolist(), -0.7, tilt) for tilt in tilts]
        exact, scale = (np.array(values)[:, :3] for values in zip(*pairs, strict=True))
    else:
        scale = ops.gain_sums(x, weight, x.min(), tilts)[:, 0]
    assert np.all(np.abs(sums - exact) <= bound("policy.gain_binned") * scale + 1e-300)


def test_bins_of_millions_of_equal_rewards_keep_their_digits():
    x = np.full(3_000_000, -0.3)
    x[:2] = 0.0, -1.0
    found = operations("policy").gain_bins(x, None, 512)
    sums = operations("policy").gain_sums_of_bins(found, 0.0, np.array([50.0]))[0]
    count = len(x) - 2
    e = np.exp([0.0, -50.0 * 0.3, -50.0])
    exact = [e[0] + count * e[1] + e[2], -0.3 * count * e[1] - e[2], 0.09 * count * e[1] + e[2]]
    np.testing.assert_allclose(sums, exact, rtol=1e-12)
