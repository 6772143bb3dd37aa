"""Operations of the pool estimators on CPU arrays: sort, lay n out in groups, hand (pool, group) units to threads."""

import time
from functools import cache

import numpy as np

from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.best_of_n.structures import Pools
from alignment_fast.kernels.common import threads

ESTIMATORS = {"u": cpu.U, "v": cpu.V}
VARIANCES = {"unbiased": cpu.UNBIASED, "jackknife": cpu.JACKKNIFE}
# Largest pool whose table of weights is shared by many; nodes of `pool_interpolate` in a segment.
SMALL_POOL = cpu.SMALL
NODES = cpu.NODES

# Nanoseconds per sample (sorting) or per rank visited and n (sums, squares) on one core: decides about threads.
SORT_COST = 20.0
MEAN_COST = {"u": 0.2, "v": 1.5}
VARIANCE_COST = {"unbiased": 1.0, "jackknife": 2.0}
INTERPOLATION_COST = 3.0
PARETO_COST = 80.0
# Nanoseconds of a score above the threshold, of one below it, and of a pool and n, for power laws.
HILL_COST, BELOW_COST, BEST_COST = 8.0, 0.5, 400.0
# From so many samples on a sort takes longer than finding out whose is faster (`numpy_sorts_faster`).
LARGE_POOL = 32768
# Small pools share one table of weights; so many of them are sorted and summed at a time.
BATCH = 4096
# Where the best law is looked for: index over scale in units of the mean excess; below 0, in those of the lowest one.
PARETO_GRID = np.concatenate([-np.linspace(0.999, 0.02, 24), np.geomspace(0.01, 30, 40)])
# Pairs of a pool that are compared one by one before sorting is faster.
PAIRED = 1 << 16
# Pools of the widest vectors: a block of work.
PARETO_ROWS = 8


def pool_arrange(scores, values=None, *, num_threads=None):
    """Return the `Pools` of scores (rows, M): in ascending order of score, judged by `values` if given."""
    value, differ = np.empty(scores.shape), False
    spread = tied = None
    if values is not None:
        spread, tied = np.empty(scores.shape), np.empty(scores.shape, dtype=np.int32)

    def run(first, last):
        nonlocal differ
        part = slice(first, last)
        own = (None, None, None) if values is None else (values[part], spread[part], tied[part])
        if _arrange(scores[part], own[0], value[part], own[1], own[2]):
            differ = True

    threads.for_blocks(run, len(scores), work=SORT_COST * scores.size, num_threads=num_threads)
    return Pools(value, spread, tied) if differ else Pools(value)


def _arrange(scores, values, value, spread, tied):
    """Write pools (rows, M) in ascending order of score to `value`; returns whether any tied values differ."""
    if values is None:
        np.add(scores, 0.0, out=value)  # -0.0 becomes +0.0: among equals the order of the two would be the sort's own
        if scores.shape[1] < LARGE_POOL or numpy_sorts_faster():
            value.sort(axis=-1)
        else:
            cpu.pool_sort(value)
        return False
    return cpu.pool_arrange(scores, values, 0, len(value), value, spread, tied)


@cache
def numpy_sorts_faster():
    """Return whether NumPy's sort beats the radix sort here; both give the same values.

    On AVX2 it takes half the time. Its AVX-512 version writes compressed vectors to memory, which takes a processor
    like Zen 4 a hundred cycles each: 53 ns a value where the radix sort takes 17 (a million values).
    """
    values = np.sin(np.arange(8192.0) ** 2)[None]

    def seconds(sort):
        start = time.perf_counter()
        sort(values.copy())
        return time.perf_counter() - start

    return min(seconds(np.sort) for _ in range(3)) <= min(seconds(cpu.pool_sort) for _ in range(3))


def pool_small_means(scores, values, kind, n, *, num_threads=None):
    """Return the means of many small pools (rows, M) at ascending n (T,), sorting them batch by batch: (rows, T)."""
    rows, size = scores.shape
    weight = shared_weights(kind, n, size)
    out = np.empty((rows, len(n)))

    def run(first, last):
        for start in range(first * BATCH, min(last * BATCH, rows), BATCH):
            part = slice(start, min(start + BATCH, rows))
            if values is None:
                cpu.pool_dots(np.ascontiguousarray(scores[part]), False, weight, out[part])
            else:
                cpu.pool_dots(pool_arrange(scores[part], values[part], num_threads=1).value, True, weight, out[part])

    work = SORT_COST * scores.size + MEAN_COST[kind] * size * out.size
    threads.for_blocks(run, -(-rows // BATCH), work=work, num_threads=num_threads)
    return out


def pool_means(pools, kind, n, *, num_threads=None):
    """Return the means at ascending n (T,), each summed by itself: (rows, T). `kind` is one of `ESTIMATORS`."""
    rows, size = pools.value.shape
    if size <= SMALL_POOL:
        out = np.empty((rows, len(n)))
        cpu.pool_dots(pools.value, True, shared_weights(kind, n, size), out)
        return out
    grid = groups(n)
    out = np.empty((rows, *grid.shape))
    step = _steps(kind, size)

    def run(first, last):
        cpu.pool_mean(ESTIMATORS[kind], pools.value, step, grid, first, last, out)

    work = MEAN_COST[kind] * _ranks_visited(pools, grid)
    threads.for_blocks(run, out.shape[0] * out.shape[1], work=work, num_threads=num_threads)
    return out.reshape(len(out), -1)[:, : len(n)]


def pool_interpolate(sums, at, transform, ends, *, num_threads=None):
    """Return the means at n = 1..ends[-1], those above ends[0] by the polynomials on n = ends[s] + 1 .. ends[s + 1].

    `sums` (rows, columns) begin with the means up to ends[0]; those at node k of segment s are in column at[s, k].
    `transform` (NODES, NODES) is the Chebyshev transform of a segment.
    """
    exact = int(ends[0])
    out = np.empty((len(sums), int(ends[-1])))
    out[:, :exact] = sums[:, :exact]
    at_nodes = np.take(sums, at, axis=1)

    def run(first, last):
        cpu.pool_interpolate(at_nodes, transform, ends, first, last, out)

    threads.for_blocks(run, len(out), work=INTERPOLATION_COST * out.size, num_threads=num_threads)
    return out


def pool_columns(x, index):
    """Return the columns `index` of `x` (rows, columns), or all of them in their order if it is None."""
    return x if index is None else x[:, index]


def pool_variances(pools, kind, method, n, means, usable, *, num_threads=None):
    """Return the variances by `method` of `means` (rows, T) at ascending n (T,), NaN from number `usable` on."""
    rows, size = pools.value.shape
    found = np.full(means.shape, np.nan)
    if not usable:
        return found
    grid = groups(n[:usable])
    out = np.empty((rows, *grid.shape))
    padded = np.zeros(out.shape)
    padded.reshape(rows, -1)[:, :usable] = means[:, :usable]
    step = _steps(kind, size)
    kind, way = ESTIMATORS[kind], VARIANCES[method]

    def run(first, last):
        cpu.pool_variance(kind, way, pools.value, step, pools.spread, pools.tied, grid, padded, first, last, out)

    work = VARIANCE_COST[method] * _ranks_visited(pools, grid)
    threads.for_blocks(run, out.shape[0] * out.shape[1], work=work, num_threads=num_threads)
    found[:, :usable] = out.reshape(rows, -1)[:, :usable]
    return found


def pass_at_k(total, correct, ks):
    """Return the chance that k of `total` samples, `correct` of them right, hold a right one: (problems, ks)."""
    out = np.empty((len(total), len(ks)))
    column = np.empty(len(total))
    for i, k in enumerate(ks):
        cpu.pass_at_k(total, correct, k, column)
        out[:, i] = column
    return out


def pass_all_k(total, correct, ks):
    """Return the chance that k of `total` samples, `correct` of them right, are all right, and its unbiased variance.

    Both are (problems, ks); the variance is NaN for fewer than 2 k samples.
    """
    mean, twice = np.split(drawn_shares(np.concatenate([ks, 2 * ks]), correct, total), 2, axis=-1)
    return mean, np.where(2 * ks <= total[:, None], mean**2 - twice, np.nan)


def drawn_shares(ks, part, total):
    """Return C(part, k) / C(total, k), 0 for k > part, at every k of `ks` (T,): (problems, T)."""
    out, share = np.zeros((len(total), len(ks))), np.ones(len(total))
    most = min(int(ks.max(initial=0)), int(part.max(initial=0)))
    for drawn in range(most):
        share = share * np.maximum(part - drawn, 0) / np.maximum(total - drawn, 1)
        out[:, ks == drawn + 1] = share[:, None]
    return out


def max_weights(rewards, centred, own, below, above, *, num_threads=None):
    """Return the weights of samples of small pools (rows, M), and whether all rewards are finite.

    They are `own` of a sample's rank times its reward, and the sums of `below` and `above` times those of lower and of
    higher ranks; `centred` where these add up to nothing.
    """
    out = np.empty(rewards.shape)
    good = _of_small_pools(
        lambda first, last: cpu.max_weights(rewards, centred, own, below, above, first, last, out), rewards, num_threads
    )
    return out, good


def ranks_among(rewards, reference, *, num_threads=None):
    """Return how many of `reference` (rows, L) are below `rewards` (rows, M), twice, and equal to them, once."""
    (rows, size), known = rewards.shape, reference.shape[1]
    out = np.empty(rewards.shape)
    if size * known <= PAIRED:

        def run(first, last):
            cpu.ranks_among(rewards, reference, first, last, out)
    else:

        def run(first, last):
            for row in range(first, last):
                ordered = np.sort(reference[row])
                below, upto = (np.searchsorted(ordered, rewards[row], side) for side in ("left", "right"))
                out[row] = below + upto

    threads.for_blocks(run, rows, work=min(size * known, PAIRED) * rows, num_threads=num_threads)
    return out


def hills(scores, top, *, num_threads=None):
    """Return Hill's index over the `top` highest scores of small pools (rows, M), the score below, if all are finite.

    NaN stands for the index where the score below is not positive.
    """
    index, threshold = np.empty(len(scores)), np.empty(len(scores))
    good = _of_small_pools(
        lambda first, last: cpu.hill(scores, top, first, last, index, threshold), scores, num_threads
    )
    return index, threshold, good


def paretos(excess, *, num_threads=None):
    """Return index and scale of the generalised Pareto laws of largest likelihood of excesses (rows, k) >= 0."""
    index, scale = np.empty(len(excess)), np.empty(len(excess))

    def run(first, last):
        end = min(last * PARETO_ROWS, len(excess))
        cpu.pareto(excess, PARETO_GRID, first * PARETO_ROWS, end, index, scale)

    work = PARETO_COST * excess.size
    threads.for_blocks(run, -(-len(excess) // PARETO_ROWS), work=work, num_threads=num_threads)
    return index, scale


def hill_laws(ordered, top, quantiles, largest, least, *, num_threads=None):
    """Return (threshold, index, both ends of the index, code) of power laws of ascending pools (rows, M): (rows, 5).

    The ends are by `quantiles` (2,) of k index'/index; the code says why a law must not be used, 0 where it may:
    `largest` is the statistic of Cramér and von Mises that it may have, `least` the fewest highest scores.
    """
    law = np.empty((len(ordered), cpu.LAW_OF_HILL))
    threads.for_blocks(
        lambda first, last: cpu.hill_laws(ordered, top, quantiles, largest, least, first, last, law),
        len(ordered),
        work=HILL_COST * top * len(ordered),
        num_threads=num_threads,
    )
    return law


def hill_best(ordered, laws, chances, log_scales, series, *, num_threads=None):
    """Return the expected best of n and both ends of it, (rows, 3), of pools (rows, M) with `hill_laws`.

    `chances` (M − top,) are those that each score up to the threshold is the best; `log_scales` (3,) and `series`
    (3, terms) those of `partials` at the chance to exceed the threshold and at both ends of it.
    """
    out = np.empty((len(ordered), 3))
    threads.for_blocks(
        lambda first, last: cpu.hill_best(ordered, laws, chances, log_scales, series, first, last, out),
        len(ordered),
        work=(BELOW_COST * len(chances) + BEST_COST) * len(ordered),
        num_threads=num_threads,
    )
    return out


def _of_small_pools(kernel, pools, num_threads):
    """Call ``kernel(first, last)`` over all pools (rows, M), in batches; return whether all calls returned True."""
    found, rows = [], len(pools)

    def run(first, last):
        for start in range(first * BATCH, min(last * BATCH, rows), BATCH):
            found.append(kernel(start, min(start + BATCH, rows)))

    threads.for_blocks(run, -(-rows // BATCH), work=SORT_COST * pools.size, num_threads=num_threads)
    return all(found)


def _ranks_visited(pools, grid):
    rows, size = pools.value.shape
    return float(np.minimum(size, 36.0 * size / grid[:, 0] + 1).sum()) * grid.shape[1] * rows


def _steps(kind, size):
    """Return what the recurrence of the weights takes at each rank."""
    out = np.empty(size + 1)
    cpu.pool_steps(ESTIMATORS[kind], out)
    return out


def shared_weights(kind, n, size):
    """Return the weights of every rank of a small pool at ascending n: (groups, M, LANES)."""
    grid = groups(n)
    out = np.empty((len(grid), size, cpu.LANES))
    cpu.pool_weights(ESTIMATORS[kind], _steps(kind, size), grid, out)
    return out


def groups(n):
    """Return ascending n in rows of LANES, the last one filled up with the greatest n."""
    rows = -(-len(n) // cpu.LANES)
    grid = np.full((rows, cpu.LANES), n[-1], dtype=np.float64)
    grid.reshape(-1)[: len(n)] = n
    return grid
