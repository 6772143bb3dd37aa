"""Operations of the pool estimators on arrays of a CUDA device: sorted pools, blocks of ranks, all n from some, pass@k.

What depends on sizes and n alone (grids, weights of small pools) is laid out on the host, by the code of the CPU.
"""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu, pool
from alignment_fast.kernels.best_of_n.pool import ESTIMATORS, VARIANCES
from alignment_fast.kernels.best_of_n.structures import Pools
from alignment_fast.kernels.common import cuda as common
from alignment_fast.kernels.common import driver, images, sorting
from alignment_fast.kernels.common.launches import blocks_for, blocks_for_warps, run

_LIBRARY = images.library("best_of_n")
_FLOAT64, _INT32, _INT64 = np.dtype(np.float64), np.dtype(np.int32), np.dtype(np.int64)
_STEPS = driver.Kernel(_LIBRARY, "pool_steps", "qqp")
_JUDGED = {bits: driver.Kernel(_LIBRARY, f"pool_judged_f{bits}", "qqpppppp") for bits in (32, 64)}
_BLOCKS = driver.Kernel(_LIBRARY, "pool_blocks", "qqqppqppp")
_TOTALS = driver.Kernel(_LIBRARY, "pool_totals", "qqqpqpppqp")
_DOTS = driver.Kernel(_LIBRARY, "pool_dots", "qqppqp")
_COEFFICIENTS = driver.Kernel(_LIBRARY, "pool_coefficients", "qqpqppp")
_INTERPOLATED = driver.Kernel(_LIBRARY, "pool_interpolated", "qqpqppp")
_COLUMNS = driver.Kernel(_LIBRARY, "pool_columns", "qqpqpp")
_MAX_WEIGHTS = driver.Kernel(_LIBRARY, "pool_max_weights", "qqppqpppp")
_VARIANCES = driver.Kernel(_LIBRARY, "pool_variances", "qqqqpppppqqpp")
_ROWS, _PUT = driver.Kernel(_LIBRARY, "pool_rows", "qqpqpp"), driver.Kernel(_LIBRARY, "pool_put", "qqpppqp")
_PASS_ALL_K = driver.Kernel(_LIBRARY, "pass_all_k", "qpqpqqppp")
_REFUSED = driver.Kernel(_LIBRARY, "pass_refused", "qpqpqqp")
_PROMPTS = driver.Kernel(_LIBRARY, "prompt_means", "qqppqpppp")
_PASS_AT_K = driver.Kernel(_LIBRARY, "pass_at_k", "qpqpqqpp")
# Bytes of scratch for blocks of ranks, of as many pools as have room at a time.
SCRATCH = 1 << 28
DEPTH, CARRY = 36.05, 256  # of formulas.h


def pool_arrange(scores, values=None, *, num_threads=None):
    """Return the `Pools` of scores (rows, M): in ascending order of score, judged by `values` if given."""
    if values is None:
        return Pools(sorting.sorted_values(sorting.sorted_keys(scores)))
    (rows, size), place = scores.shape, scores.place
    keys, order = sorting.sorted_keys(scores, ordered=True)
    found = Pools(*(place.empty(scores.shape, dtype) for dtype in (_FLOAT64, _FLOAT64, _INT32)))
    kernel = _JUDGED[8 * keys.dtype.itemsize]
    arguments = rows, size, keys, order, common.cast(values, _FLOAT64), *found
    run(kernel, blocks_for_warps, rows * -(-size // 32), place, *arguments)
    return found


def pool_small_means(scores, values, kind, n, *, num_threads=None):
    """Return the means of small pools (rows, M) at ascending n (T,): (rows, T), by the weights of the CPU."""
    return _dots(pool_arrange(scores, values).value, kind, n)


def _dots(value, kind, n):
    (rows, size), place = value.shape, value.place
    weight = place.copy(pool.shared_weights(kind, n, size))
    out = place.empty((rows, len(n)), _FLOAT64)
    run(_DOTS, blocks_for, out.size, place, rows, size, value, weight, len(n), out)
    return out


def pool_means(pools, kind, n, *, num_threads=None):
    """Return the means at ascending n (T,), each summed by itself: (rows, T)."""
    (rows, size), place = pools.value.shape, pools.value.place
    if size <= pool.SMALL_POOL:
        return _dots(pools.value, kind, n)
    grid = pool.groups(n)
    starts = _starts(size, grid[:, 0])
    laid_out, start = place.copy(grid), place.copy(starts)
    step, out = place.empty((size + 1,), _FLOAT64), place.empty((rows, len(n)), _FLOAT64)
    which, total = ESTIMATORS[kind], int(starts[-1])
    run(_STEPS, blocks_for, size + 1, place, which, size, step)
    at_once = min(max(SCRATCH // (16 * cpu.LANES * total), 1), rows)
    block = place.empty((at_once, total, cpu.LANES, 2), _FLOAT64)
    for first in range(0, rows, at_once):
        here = min(at_once, rows - first)
        value, own = pools.value[first], out[first]
        shared = (which, here, size, value)
        run(_BLOCKS, blocks_for_warps, here * total, place, *shared, step, len(grid), laid_out, start, block)
        totals = (len(grid), laid_out, start, block, len(n), own)
        run(_TOTALS, blocks_for, here * grid.size, place, *shared, *totals)
    return out


def _starts(size, smallest):
    """Return how many blocks of ranks the groups of n before each have, by the smallest n of each: (groups + 1,)."""
    depth = DEPTH * size / smallest + 1.0
    reached = np.where(depth < size, np.floor(depth), size).astype(np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(-(-reached // CARRY))])


def pool_variances(pools, kind, method, n, means, usable, *, num_threads=None):
    """Return the variances by `method` of `means` (rows, T) at ascending n (T,), NaN from number `usable` on."""
    (rows, size), place = pools.value.shape, pools.value.place
    which, grid = ESTIMATORS[kind], place.copy(pool.groups(n))
    step, out = place.empty((size + 1,), _FLOAT64), place.empty(means.shape, _FLOAT64)
    run(_STEPS, blocks_for, size + 1, place, which, size, step)
    arguments = (which, VARIANCES[method], rows, size, pools.value, step, pools.spread, pools.tied)
    run(_VARIANCES, blocks_for, out.size, place, *arguments, grid, len(n), usable, means, out)
    return out


def pool_rows(x, rows, size):
    """Return the first `size` columns of some rows of `x`, float64."""
    place = x.place
    out = place.empty((len(rows), size), _FLOAT64)
    run(_ROWS, blocks_for, out.size, place, *out.shape, x, x.shape[1], place.copy(rows.astype(np.int64)), out)
    return out


def pool_put(x, rows, columns, out):
    """Write `x` into some rows and columns of `out`."""
    place, where = x.place, [at.astype(np.int64) for at in (rows, columns)]
    run(_PUT, blocks_for, x.size, place, *x.shape, x, *map(place.copy, where), out.shape[1], out)


def pool_interpolate(sums, at, transform, ends, *, num_threads=None):
    """Return the means at n = 1..ends[-1] from those up to ends[0] and at the nodes of segments, as on the CPU."""
    (rows, width), segments, place = sums.shape, len(ends) - 1, sums.place
    coefficient = place.empty((rows, *at.shape), _FLOAT64)
    out = place.empty((rows, int(ends[-1])), _FLOAT64)
    where, by = place.copy(at), place.copy(transform)
    run(_COEFFICIENTS, blocks_for, coefficient.size, place, rows, width, sums, segments, where, by, coefficient)
    edges = place.copy(ends)
    run(_INTERPOLATED, blocks_for, out.size, place, rows, width, sums, segments, edges, coefficient, out)
    return out


def max_weights(rewards, centred, own, below, above, *, num_threads=None):
    """Return the weights of samples of pools (rows, M) of any size, and True: rewards are finite here."""
    (rows, size), place = rewards.shape, rewards.place
    _keys, order = sorting.sorted_keys(rewards, ordered=True)
    out, coefficients = place.empty((rows, size), _FLOAT64), map(place.copy, (own, below, above))
    given = common.cast(rewards, _FLOAT64), order, centred, *coefficients
    run(_MAX_WEIGHTS, blocks_for, rows, place, rows, size, *given, out)
    return out, True


def pool_columns(x, index):
    """Return the columns `index` of `x` (rows, columns), or all of them in their order if it is None."""
    if index is None:
        return x
    (rows, width), place = x.shape, x.place
    out = place.empty((rows, len(index)), _FLOAT64)
    run(_COLUMNS, blocks_for, out.size, place, rows, width, x, len(index), place.copy(index.astype(np.int64)), out)
    return out


def pass_refused(total, correct, most):
    """Return whether a problem has more correct samples than samples, fewer than none, or fewer than `most` of them.

    `total` and `correct` are int64, of one shape or of one element; waits for the device.
    """
    place, problems = correct.place, max(total.size, correct.size)
    first = common.no_place(place)
    run(_REFUSED, blocks_for, problems, place, problems, *_stepping(total), *_stepping(correct), most, first)
    return common.found_place(first) is not None


def pass_at_k(total, correct, ks):
    """Return the chance that k of `total` samples, `correct` of them right, hold a right one: (problems, ks)."""
    place, problems = correct.place, max(total.size, correct.size)
    out = place.empty((problems, len(ks)), _FLOAT64)
    arguments = (*_stepping(total), *_stepping(correct), len(ks), place.copy(ks), out)
    run(_PASS_AT_K, blocks_for, out.size, place, problems, *arguments)
    return out


def pass_all_k(total, correct, ks):
    """Return the chance that k of `total` samples are all right, and its unbiased variance: (problems, ks) each."""
    place, problems = correct.place, max(total.size, correct.size)
    mean, variance = (place.empty((problems, len(ks)), _FLOAT64) for _ in range(2))
    arguments = (*_stepping(total), *_stepping(correct), len(ks), place.copy(ks), mean, variance)
    run(_PASS_ALL_K, blocks_for, mean.size, place, problems, *arguments)
    return mean, variance


def prompt_means(x, group, groups):
    """Return mean, standard error and number of prompts of each column of x, as the CPU does; `group` from the host."""
    place, (prompts, columns) = x.place, x.shape
    mean, error, present = (place.empty((columns,), dtype) for dtype in (_FLOAT64, _FLOAT64, _INT64))
    of_group = None if group is None else place.copy(group.astype(np.int64))
    memory = place.empty((columns, 2 * groups), _FLOAT64)
    run(_PROMPTS, blocks_for, columns, place, prompts, columns, x, of_group, groups, memory, mean, error, present)
    return mean, error, present


def _stepping(numbers):
    return numbers, int(numbers.size > 1)
