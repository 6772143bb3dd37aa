"""Covariances of fitted unknowns: the inverse of the information, and the sandwich."""

import dataclasses

import numpy as np

from alignment_fast.kernels.ranking.structures import NOTHING, CellCurvatures


def centred_inverse(matrix, items):
    """Return the inverse of a negated Hessian, for scores of mean zero, by LAPACK.

    Without a prior it does not see equal changes of all scores; a multiple of the matrix of ones fixes that, and drops
    out in the centring.
    """
    inverse = _inverse(matrix, items)
    return _centred(inverse, items)


def _inverse(matrix, items):
    from scipy.linalg import cho_factor, cho_solve

    matrix[:items, :items] += matrix.diagonal()[:items].mean() / items
    return cho_solve(cho_factor(matrix, check_finite=False), np.eye(len(matrix)), check_finite=False)


def _centred(covariance, items):
    covariance[:items] -= covariance[:items].mean(axis=0)
    covariance[:, :items] -= covariance[:, :items].mean(axis=1, keepdims=True)
    return 0.5 * (covariance + covariance.T)


def covariance(objective, u, *, sandwich=False):
    """Return the covariance of the unknowns at `u`, scores of mean zero: H⁻¹, or H⁻¹ J H⁻¹.

    J = Σ s sᵀ is the sum of squared slopes of the results that were seen.
    """
    inverse = _inverse(objective.matrix(u, objective.evaluate(u)), objective.items)
    if sandwich:
        squares = objective.ops.matrix(objective.problem, slope_squares(objective, u), np.zeros(len(u)))
        inverse = inverse @ squares @ inverse
    return _centred(inverse, objective.items)


def slope_squares(objective, u):
    """Return Σ s_d², Σ s_d s_τ of every cell, and Σ s_τ² of all: squared slopes of the results that were seen."""
    cells = objective.cells
    count = len(cells.first)
    seen = [cells.wins_first, cells.wins_second, cells.ties]
    squares = np.zeros((3, count))
    for result, weight in enumerate(seen):
        if not weight.size:
            continue
        one = [np.ones(count) if other == result else np.zeros(count) for other in range(3)]
        alone = dataclasses.replace(cells, wins_first=one[0], wins_second=one[1], ties=one[2])
        terms = objective.ops.terms(objective.over(alone).problem, u)
        slope, tie_slope = terms.slope, terms.tie_slope
        squares += weight * np.stack([slope * slope, slope * tie_slope, tie_slope * tie_slope])
    return CellCurvatures(squares[0], NOTHING if objective.tie is None else squares[1], float(squares[2].sum()))
