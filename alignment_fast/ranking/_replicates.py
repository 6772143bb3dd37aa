"""Replicates of fits of comparisons: counts are drawn anew, cell by cell, and the fit is repeated."""

import dataclasses

import numpy as np

from alignment_fast.ranking._newton import ALWAYS_DENSE, maximize

# Largest entry of the last Newton step of a replicate, which is still taken: far below any standard error.
TOLERANCE = 1e-6
LIMIT = 50


def replicates(objective, start, key, count, *, num_threads=None):
    """Return the unknowns (count, n) of replicates, each from `start`; NaN where there is no finite maximum."""
    ops = objective.ops
    if len(start) <= ALWAYS_DENSE:
        return ops.replicates(
            objective.problem, start, key, count, tolerance=TOLERANCE, limit=LIMIT, num_threads=num_threads
        )
    out = np.empty((count, len(start)))

    def run(first, last):
        for replicate in range(first, last):
            out[replicate] = repeat(objective, start, key, replicate)

    ops.each_replicate(objective.problem, run, count, num_threads=num_threads)
    return out


def repeat(objective, start, key, replicate):
    """Return the unknowns of one replicate, by `maximize`."""
    ops = objective.ops
    wins_first, wins_second, ties = ops.resample(objective.problem, key, replicate)
    cells = dataclasses.replace(objective.cells, wins_first=wins_first, wins_second=wins_second, ties=ties)
    drawn = objective.over(cells)
    if objective.free and not ops.connected(drawn.problem):
        return np.full_like(start, np.nan)
    found = maximize(drawn, start, tolerance=TOLERANCE, limit=LIMIT)
    return found.unknowns if found.converged else np.full_like(start, np.nan)
