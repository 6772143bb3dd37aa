"""Firth's bias reduction of Bradley-Terry fits: the likelihood with Jeffreys's prior."""

import dataclasses

import numpy as np

from alignment_fast.ranking._covariance import covariance
from alignment_fast.ranking._newton import certified, maximize
from alignment_fast.ranking._objective import Objective


def reduce_bias(ops, cells, covariates, start, *, tolerance, limit, num_threads=None):
    """Return the `Maximum` of the Bradley-Terry likelihood with Jeffreys's prior, by which Firth's bias reduction acts.

    It is that of the likelihood with half the leverage of each cell added to the wins of either side (Firth 1993): the
    leverages are found anew until scores stay.
    """
    plain = Objective(ops, cells, "bradley-terry", covariates=covariates, num_threads=num_threads)
    cells = plain.cells
    u, iterations = start, 0
    while True:
        at = plain.evaluate(u)
        half = ops.half_leverages(plain.problem, at.curvatures.difference, covariance(plain, u))
        more = dataclasses.replace(cells, wins_first=cells.wins_first + half, wins_second=cells.wins_second + half)
        penalised = plain.over(more)
        found = maximize(penalised, u, tolerance=tolerance, limit=limit)
        found = certified(penalised, found, tolerance=tolerance, limit=limit)
        iterations += found.iterations
        move = float(np.abs(found.unknowns - u).max())
        u = found.unknowns
        if not found.converged or move <= tolerance or iterations >= limit:
            return dataclasses.replace(
                found, step=move, iterations=iterations, converged=found.converged and move <= tolerance
            )
