"""Host side of the pool estimators: sorts, lays n out in groups, hands (pool, group) units to the threads."""

from functools import cache

import numpy as np

from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.common import threads

# Nanoseconds per sample (sorting) or per rank visited and n (sums, squares) on one core: decides about threads.
SORT_COST = 20.0
MEAN_COST = {cpu.U: 0.2, cpu.V: 1.5}
VARIANCE_COST = {cpu.UNBIASED: 1.0, cpu.JACKKNIFE: 2.0}
INTERPOLATION_COST = 3.0
# Every n is summed exactly up to EXACT, and in pools smaller than INTERPOLATED at all n: there nodes save nothing.
EXACT = 64
INTERPOLATED = 512
# Small pools share one table of weights; so many of them are sorted and summed at a time.
BATCH = 512


def arrange(scores, values, value, spread, tied):
    """Write pools (rows, M) in ascending order of score to `value`; returns whether any tied values differ."""
    if values is None:  # nothing to carry along: NumPy's sort is the fastest
        value[:] = scores
        value.sort(axis=-1)
        return False
    return cpu.pool_arrange(scores, values, 0, len(value), value, spread, tied)


def steps(kind, size):
    """Return what the recurrence of the weights takes at each rank."""
    out = np.empty(size + 1)
    cpu.pool_steps(kind, out)
    return out


def shared_weights(kind, n, size):
    """Return the weights of every rank of a small pool at ascending n: (groups, M, LANES)."""
    grid = groups(n)
    out = np.empty((len(grid), size, cpu.LANES))
    cpu.pool_weights(kind, steps(kind, size), grid, out)
    return out


def small_means(scores, values, kind, n, *, num_threads=None):
    """Return the means of many small pools (rows, M) at ascending n (T,), sorting them batch by batch: (rows, T)."""
    rows, size = scores.shape
    weight = shared_weights(kind, n, size)
    out = np.empty((rows, len(n)))

    def run(first, last):
        length = min(BATCH, rows)
        value, spread = np.empty((length, size)), np.empty((length, size))
        tied = np.empty((length, size), dtype=np.int32)
        for start in range(first * BATCH, min(last * BATCH, rows), BATCH):
            part = slice(start, min(start + BATCH, rows))
            count = part.stop - start
            judged = None if values is None else values[part]
            arrange(scores[part], judged, value[:count], spread[:count], tied[:count])
            cpu.pool_dots(value[:count], weight, out[part])

    work = SORT_COST * scores.size + MEAN_COST[kind] * size * out.size
    threads.for_blocks(run, -(-rows // BATCH), work=work, num_threads=num_threads)
    return out


class Pools:
    """Pools of one size in ascending order of score: value (rows, M), and spread and tied where tied values differ."""

    def __init__(self, scores, values=None, *, num_threads=None):
        rows, self.size = scores.shape
        self.num_threads = num_threads
        self.value = np.empty(scores.shape)
        self.spread = self.tied = None
        spread = tied = None
        if values is not None:
            spread, tied = np.empty(scores.shape), np.empty(scores.shape, dtype=np.int32)

        def run(first, last):
            part = slice(first, last)
            own = (None, None, None) if values is None else (values[part], spread[part], tied[part])
            if arrange(scores[part], own[0], self.value[part], own[1], own[2]):
                self.spread, self.tied = spread, tied

        threads.for_blocks(run, rows, work=SORT_COST * scores.size, num_threads=num_threads)

    def _ranks_visited(self, n):
        return float(np.minimum(self.size, 36.0 * self.size / n[:, 0] + 1).sum()) * n.shape[1] * self.value.shape[0]

    def means(self, kind, n):
        """Return the means at ascending n (T,), each summed by itself: (rows, T)."""
        if self.size <= cpu.SMALL:
            out = np.empty((len(self.value), len(n)))
            cpu.pool_dots(self.value, shared_weights(kind, n, self.size), out)
            return out
        grid = groups(n)
        out = np.empty((len(self.value), *grid.shape))
        step = steps(kind, self.size)

        def run(first, last):
            cpu.pool_mean(kind, self.value, step, grid, first, last, out)

        work = MEAN_COST[kind] * self._ranks_visited(grid)
        threads.for_blocks(run, out.shape[0] * out.shape[1], work=work, num_threads=self.num_threads)
        return out.reshape(len(out), -1)[:, : len(n)]

    def all_means(self):
        """Return the means by "u" at n = 1..M: (rows, M)."""
        if self.size < INTERPOLATED:
            return self.means(cpu.U, np.arange(1.0, self.size + 1))
        ends, nodes, transform = segments(self.size)
        order = np.argsort(nodes, axis=None)
        exact = np.arange(1.0, EXACT + 1)
        sums = self.means(cpu.U, np.concatenate([exact, nodes.reshape(-1)[order]]))
        out = np.empty(self.value.shape)
        out[:, :EXACT] = sums[:, :EXACT]
        at_nodes = np.empty((len(out), nodes.size))
        at_nodes[:, order] = sums[:, EXACT:]
        at_nodes = at_nodes.reshape(len(out), *nodes.shape)

        def run(first, last):
            cpu.pool_interpolate(at_nodes, transform, ends, first, last, out)

        threads.for_blocks(run, len(out), work=INTERPOLATION_COST * out.size, num_threads=self.num_threads)
        return out

    def variances(self, kind, method, n, means):
        """Return the variances of `means` (rows, T) at ascending n (T,)."""
        grid = groups(n)
        out = np.empty((len(self.value), *grid.shape))
        padded = np.zeros(out.shape)
        padded.reshape(len(out), -1)[:, : len(n)] = means
        step = steps(kind, self.size)

        def run(first, last):
            cpu.pool_variance(kind, method, self.value, step, self.spread, self.tied, grid, padded, first, last, out)

        work = VARIANCE_COST[method] * self._ranks_visited(grid)
        threads.for_blocks(run, out.shape[0] * out.shape[1], work=work, num_threads=self.num_threads)
        return out.reshape(len(out), -1)[:, : len(n)]


def groups(n):
    """Return ascending n in rows of LANES, the last one filled up with the greatest n."""
    rows = -(-len(n) // cpu.LANES)
    grid = np.full((rows, cpu.LANES), n[-1], dtype=np.float64)
    grid.reshape(-1)[: len(n)] = n
    return grid


@cache
def segments(size):
    """Return (ends, nodes (segments, NODES), transform) that make every n above EXACT a polynomial on its octave.

    The weight below a rank is a function of n like exp(-c n), whose Chebyshev coefficients of degree m on an octave
    are at most max_z I_m(z) exp(-3z): 2e-15 at m = 18, whatever c is. So the interpolant is right to that part of the
    range of the values, for any values. It is smoother in n than in log n.
    """
    count = int(np.ceil(np.log2(size / EXACT)))
    ends = np.minimum(float(EXACT) * 2.0 ** np.arange(count + 1), size)
    angle = np.pi * (np.arange(cpu.NODES) + 0.5) / cpu.NODES
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    nodes = middle[:, None] + half[:, None] * np.cos(angle)
    transform = 2.0 / cpu.NODES * np.cos(np.outer(np.arange(cpu.NODES), angle))
    transform[0] /= 2
    for array in (ends, nodes, transform):
        array.setflags(write=False)
    return ends, nodes, transform


def pass_at_k(total, correct, k):
    """Return the chance that k of `total` samples, `correct` of them right, hold a right one: shape of `total`."""
    out = np.empty(total.shape)
    cpu.pass_at_k(total, correct, k, np.empty(int(total.max(initial=0)) + 1), out)
    return out
