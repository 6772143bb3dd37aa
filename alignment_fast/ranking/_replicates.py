"""Replicates of fits of comparisons: counts are drawn anew, cell by cell, and the fit is repeated."""

import dataclasses

import numpy as np

from alignment_fast._border.rng import BOOTSTRAP, DRAWS, stream_key
from alignment_fast.kernels.ranking.structures import Counts
from alignment_fast.random import Stream
from alignment_fast.ranking._newton import ALWAYS_DENSE, maximize
from alignment_fast.ranking._outcomes import spread_over
from alignment_fast.ranking._recession import constant_steepness, find_direction, longest_row, proven_by_step

# Largest entry of the last Newton step of a replicate, which is still taken: far below any standard error.
TOLERANCE = 1e-6
LIMIT = 50
# Probabilities of 0, 1, 2, ... or fewer events of a Poisson variable with mean 1, up to where the rest is below 2^-53.
POISSON = np.cumsum(np.exp(-1.0) / np.cumprod([1.0, *range(1, 19)]))


def replicates(objective, question, start, key, count, *, num_threads=None):
    """Return the unknowns (count, n) of replicates, each from `start`; NaN where there is no finite maximum.

    `question` asks whether the parent's maximum exists; replicates ask it of their own counts.
    """
    ops = objective.ops
    if len(start) <= ALWAYS_DENSE:
        limits = {"tolerance": TOLERANCE, "limit": LIMIT}
        limits |= {"row": longest_row(objective.covariates), "steepness": constant_steepness(objective)}
        found, proven = ops.replicates(objective.problem, start, key, count, **limits, num_threads=num_threads)
    else:
        found, proven = np.empty((count, len(start))), np.empty(count, dtype=bool)

        def run(first, last):
            for replicate in range(first, last):
                drawn = objective.over(drawn_cells(objective, key, replicate))
                found[replicate] = repeat(drawn, start)
                both_won = (drawn.cells.wins_first > 0) & (drawn.cells.wins_second > 0)
                proven[replicate] = not question.covariates.width and both_won.any()

        ops.each_replicate(objective.problem, run, count, num_threads=num_threads)
    if not asks_more(question):
        return found
    # The graph of wins has been asked. Without covariates a cell in which both won is all that is missing.
    exists = FiniteReplicates(question)
    for replicate in np.flatnonzero(~np.isnan(found[:, 0]) & ~proven).tolist():
        drawn = objective.over(drawn_cells(objective, key, replicate))
        if not exists(drawn, found[replicate]):
            found[replicate] = np.nan
    return found


def replicates_of_outcomes(objective, question, start, *, seed, count, content):
    """Return the unknowns (count, n) of replicates in which each cluster of outcomes is drawn Poisson(1) times.

    `content` is that of the comparisons; those that are counts are drawn as in `replicates`.
    """
    ops, cells, outcomes = objective.ops, objective.cells, content.outcomes
    cell, (group, groups) = outcomes.cells_in(cells), outcomes.groups()
    results = Counts(outcomes.wins_first, outcomes.wins_second, outcomes.ties)
    sizes = Counts(len(cells.first), len(cells.first), cells.ties.size)
    stream, key = Stream(seed, purpose=DRAWS), stream_key(seed, BOOTSTRAP)
    counted = None if content.counted is None else objective.over(spread_over(cells, content.counted))
    exists = FiniteReplicates(question) if asks_more(question) else None
    found = np.empty((count, len(start)))
    for replicate in range(count):
        times = poisson(stream, groups, replicate)[group]
        drawn = Counts._make(
            np.bincount(cell, times * weight, size) if size else np.empty(0)
            for weight, size in zip(results, sizes, strict=True)
        )
        if counted is not None:
            more = ops.resample(counted.problem, key, replicate)
            drawn = Counts._make(one + other for one, other in zip(drawn, more, strict=True))
        again = objective.over(dataclasses.replace(cells, **drawn._asdict()))
        found[replicate] = repeat(again, start)
        if exists is not None and not np.isnan(found[replicate, 0]) and not exists(again, found[replicate]):
            found[replicate] = np.nan
    return found


def poisson(stream, count, replicate):
    """Return `count` Poisson variables of mean 1 of a replicate."""
    return np.searchsorted(POISSON, stream.uniform(count, replicate=replicate)).astype(np.float64)


def asks_more(question):
    """Return whether a maximum may be infinite although the graph of wins is strongly connected."""
    return question.has_tie or question.covariates.width > 0


def drawn_cells(objective, key, replicate):
    """Return the cells of one replicate."""
    counts = objective.ops.resample(objective.problem, key, replicate)
    return dataclasses.replace(objective.cells, **counts._asdict())


def repeat(drawn, start):
    """Return the unknowns of one replicate, by `maximize`; NaN where there is no finite maximum."""
    if drawn.free and not drawn.ops.connected(drawn.problem):
        return np.full_like(start, np.nan)
    found = maximize(drawn, start, tolerance=TOLERANCE, limit=LIMIT)
    return found.unknowns if found.converged else np.full_like(start, np.nan)


class FiniteReplicates:
    """Whether maxima of replicates exist; directions that one of them has are tried on those that follow."""

    def __init__(self, question):
        self.question, self.directions = question, []

    def __call__(self, drawn, u):
        """Return whether the replicate with the objective `drawn` has a finite maximum, for which `u` is taken."""
        question = self.question.over(drawn.cells)
        if question.quick() or proven_by_step(drawn, u):
            return True
        rows = question.rows()
        if any(rows.allow(vector) for vector in self.directions):
            return False
        verdict = find_direction(rows)
        if verdict.vector is not None:
            self.directions.append(verdict.vector)
        return verdict.direction is None
