"""Covariances of fitted unknowns: the inverse of the information, and the sandwich."""

import dataclasses

import numpy as np

from alignment_fast.kernels.ranking.structures import NOTHING, CellCurvatures, Counts
from alignment_fast.ranking._design import design
from alignment_fast.ranking._outcomes import spread_over

# Up to this many unknowns a matrix is inverted by our own factor; LAPACK's blocks pay above.
SMALL = 128


def centred_inverse(ops, matrix, items):
    """Return the inverse of a negated Hessian, for scores of mean zero.

    Without a prior it does not see equal changes of all scores; a multiple of the matrix of ones fixes that, and drops
    out in the centring.
    """
    found = ops.centred_inverse(matrix, items) if len(matrix) <= SMALL else None
    return _centred(_inverse(matrix, items), items) if found is None else found


def _inverse(matrix, items):
    from scipy.linalg.lapack import dpotrf, dpotrs  # without what cho_factor and cho_solve check

    matrix[:items, :items] += matrix.diagonal()[:items].mean() / items
    factor, failed = dpotrf(matrix, lower=False, clean=False)
    if failed:
        raise np.linalg.LinAlgError(f"{failed}-th leading minor of the information is not positive definite")
    return dpotrs(factor, np.eye(len(matrix)), lower=False)[0]


def _centred(covariance, items):
    covariance[:items] -= covariance[:items].mean(axis=0)
    covariance[:, :items] -= covariance[:, :items].mean(axis=1, keepdims=True)
    return 0.5 * (covariance + covariance.T)


def covariance(objective, u):
    """Return the covariance of the unknowns at `u`, scores of mean zero: H⁻¹."""
    found = objective.ops.covariance(objective.problem, u) if objective.unknowns <= SMALL else None
    if found is not None:
        return found
    return _centred(_inverse(objective.matrix(u, objective.evaluate(u)), objective.items), objective.items)


def sandwich(objective, u, content):
    """Return the covariance H⁻¹ J H⁻¹, whatever the model, J = Σ s sᵀ being the observed variance of the gradient.

    The sum is over comparisons, or over clusters of them, of the gradients s of their own outcomes: those that the
    `Content` of comparisons knows one by one, and all others by their counts.
    """
    inverse = _inverse(objective.matrix(u, objective.evaluate(u)), objective.items)
    squares = np.zeros_like(inverse)
    if content.counted is not None:
        counts = objective
        if content.outcomes is not None:
            counts = objective.over(spread_over(objective.cells, content.counted))
        squares += objective.ops.matrix(counts.problem, _squares_of_counts(counts, u), np.zeros(len(u)))
    if content.outcomes is not None:
        squares += _squares_of_outcomes(objective, u, content.outcomes)
    return _centred(inverse @ squares @ inverse, objective.items)


def _slopes(objective, u):
    """Return for each result, first won, second won, tied, the slopes of all cells in the difference and in τ."""
    cells = objective.cells
    count = len(cells.first)
    for result in Counts._fields:
        one = {other: np.ones(count) if other == result else np.zeros(count) for other in Counts._fields}
        alone = dataclasses.replace(cells, **one)
        terms = objective.ops.terms(objective.over(alone).problem, u)
        yield terms.slope, terms.tie_slope


def _squares_of_counts(objective, u):
    """Return Σ s_d², Σ s_d s_τ of every cell, and Σ s_τ² of all, over results that are as many as they count."""
    cells = objective.cells
    squares = np.zeros((3, len(cells.first)))
    for weight, (slope, tie_slope) in zip(
        (cells.wins_first, cells.wins_second, cells.ties), _slopes(objective, u), strict=True
    ):
        if weight.size:
            squares += weight * np.stack([slope * slope, slope * tie_slope, tie_slope * tie_slope])
    return _form(objective, *squares)


def _form(objective, difference, mixed, tie):
    return CellCurvatures(difference, NOTHING if objective.tie is None else mixed, float(tie.sum()))


def _squares_of_outcomes(objective, u, outcomes):
    """Return Σ s sᵀ over the clusters of outcomes."""
    cell = outcomes.cells_in(objective.cells)
    slope, tie_slope = np.zeros((2, len(cell)))
    for weight, (of_cell, tie_of_cell) in zip(
        (outcomes.wins_first, outcomes.wins_second, outcomes.ties), _slopes(objective, u), strict=True
    ):
        slope += weight * of_cell[cell]
        tie_slope += weight * tie_of_cell[cell]
    group, groups = outcomes.groups()
    if groups == len(cell):  # each comparison is alone
        products = (slope * slope, slope * tie_slope, tie_slope * tie_slope)
        sums = (np.bincount(cell, product, len(objective.cells.first)) for product in products)
        return objective.ops.matrix(objective.problem, _form(objective, *sums), np.zeros(len(u)))
    from scipy.sparse import csr_array, hstack

    gradients = design(objective.cells, objective.covariates)[cell] * slope[:, None]
    if objective.tie is not None:
        gradients = hstack([gradients, csr_array(tie_slope[:, None])])
    together = csr_array((np.ones(len(cell)), (group, np.arange(len(cell)))), shape=(groups, len(cell)))
    totals = (together @ gradients).tocsr()
    return (totals.T @ totals).toarray()
