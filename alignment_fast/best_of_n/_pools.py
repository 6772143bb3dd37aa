"""Means and variances of pools of one size over a grid of n: what is summed, and what is interpolated between sums."""

from functools import cache

import numpy as np

# Every n is summed exactly up to EXACT, and in pools smaller than INTERPOLATED at all n: there nodes save nothing.
EXACT = 64
INTERPOLATED = 512
# Beyond this differences of values, or their squares, may have been infinite: values are scaled by a power of two then.
_LARGE = 2.0**500


def of_one_size(ops, scores, values, grid, **how):
    """Return (means, variances or None) of pools of one size (rows, M) at `grid` (None: 1..M), in its order.

    `kind` is "u" or "v", `method` "unbiased", "jackknife" or None; then `num_threads`.
    """
    judged = scores if values is None else values
    with np.errstate(over="ignore", invalid="ignore"):
        found = _of_one_size(ops, scores, values, grid, **how)
        if not isinstance(judged, np.ndarray) or _are_finite(found) or not np.abs(judged).max(initial=0.0) >= _LARGE:
            return found
        exponent = np.frexp(np.abs(judged).max(axis=1, keepdims=True))[1]
        mean, variance = _of_one_size(ops, scores, np.ldexp(judged, -exponent), grid, **how)
        return np.ldexp(mean, exponent), None if variance is None else np.ldexp(variance, 2 * exponent)


def _are_finite(found):
    """Return whether all means are finite, and variances: those that are none are NaN."""
    return all(part is None or bool(np.isfinite(part).all()) for part in found)


def _of_one_size(ops, scores, values, grid, *, kind, method, num_threads):
    rows, size = scores.shape
    every = grid is None and kind == "u"
    if every and method is None and rows and size > ops.SMALL_POOL:
        return all_means(ops, ops.pool_arrange(scores, values, num_threads=num_threads), num_threads), None
    ascending, back = (np.arange(1, size + 1), None) if grid is None else np.unique(grid, return_inverse=True)
    at = ascending.astype(np.float64)
    if rows * len(at) == 0:
        return np.empty((rows, len(at))), None if method is None else np.empty((rows, len(at)))
    if size <= ops.SMALL_POOL and method is None:
        means = ops.pool_small_means(scores, values, kind, at, num_threads=num_threads)
        return ops.pool_columns(means, back), None
    pools = ops.pool_arrange(scores, values, num_threads=num_threads)
    if every:
        means = all_means(ops, pools, num_threads)
    else:
        means = ops.pool_means(pools, kind, at, num_threads=num_threads)
    if method is None:
        return ops.pool_columns(means, back), None
    most = {"unbiased": size // 2, "jackknife": size - 1}[method]
    usable = len(at) if kind == "v" and size > 1 else int(np.searchsorted(ascending, most, side="right"))
    variances = ops.pool_variances(pools, kind, method, at, means, usable, num_threads=num_threads)
    return ops.pool_columns(means, back), ops.pool_columns(variances, back)


def all_means(ops, pools, num_threads):
    """Return the means by "u" at n = 1..M: (rows, M)."""
    size = pools.value.shape[1]
    if size < INTERPOLATED:
        return ops.pool_means(pools, "u", np.arange(1.0, size + 1), num_threads=num_threads)
    ends, nodes, transform = segments(size, ops.NODES)
    order = np.argsort(nodes, axis=None)
    at = np.empty(nodes.size, np.int64)
    at[order] = np.arange(EXACT, EXACT + nodes.size)
    summed = np.concatenate([np.arange(1.0, EXACT + 1), nodes.reshape(-1)[order]])
    sums = ops.pool_means(pools, "u", summed, num_threads=num_threads)
    return ops.pool_interpolate(sums, at.reshape(nodes.shape), transform, ends, num_threads=num_threads)


@cache
def segments(size, count):
    """Return (ends, nodes (segments, count), transform) that make every n above EXACT a polynomial on its octave.

    The weight below a rank is a function of n like exp(-c n), whose Chebyshev coefficients of degree m on an octave
    are at most max_z I_m(z) exp(-3z): 2e-15 at m = 18, whatever c is. So the interpolant is right to that part of the
    range of the values, for any values. It is smoother in n than in log n.
    """
    octaves = int(np.ceil(np.log2(size / EXACT)))
    ends = np.minimum(float(EXACT) * 2.0 ** np.arange(octaves + 1), size)
    angle = np.pi * (np.arange(count) + 0.5) / count
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    nodes = middle[:, None] + half[:, None] * np.cos(angle)
    transform = 2.0 / count * np.cos(np.outer(np.arange(count), angle))
    transform[0] /= 2
    for array in (ends, nodes, transform):
        array.setflags(write=False)
    return ends, nodes, transform
