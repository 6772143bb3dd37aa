"""Models of comparisons: passes over cells, products with the Hessian, factors, Newton's method, drawn counts."""

import numpy as np

from alignment_fast.kernels.common.threads import for_blocks
from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.chunks import in_chunks
from alignment_fast.kernels.ranking.structures import (
    NO_COVARIATES,
    NOTHING,
    CellCurvatures,
    Cells,
    CellTerms,
    Counts,
    DenseMaximum,
    Evaluation,
    NewtonConstants,
    NewtonRun,
    Prior,
)

MODELS_BY_NAME = cpu.MODELS_BY_NAME
NEWTON = NewtonConstants(cpu.NEWTON_CHORD, cpu.NEWTON_FLOOR, cpu.NEWTON_SLACK, cpu.NEWTON_HALVINGS)

# Nanoseconds: of a cell in a pass and in a product, of a multiply-add of the factor, of a count that is drawn, of a
# cell of a replicate side by side with others.
PASS_COST, SLOPE_COST, PRODUCT_COST, FACTOR_COST, DRAW_COST, SIDE_COST = 8.0, 4.0, 1.7, 0.1, 10.0, 8.0
# From this share of pairs with a cell on, a pass over all pairs is faster than one over the cells; it is also the bound
# on memory: at most twice that of the cells. The draws of bootstraps go by these cells: another share, other draws.
DENSE = 0.5
# States that one call takes out of a chain: of some thousands it takes 0.1 s at most.
ELIMINATED = 16


def completed(cells):
    """Return compressed cells of a dense graph as all pairs, in rows, with counts of 0 where a pair never met.

    Those of a sparse graph, and cells that are not compressed or know who was at home, are returned as they are.
    """
    pairs = cells.n_items * (cells.n_items - 1) // 2
    if not DENSE * pairs < len(cells.first) < pairs:
        return cells
    full = Cells.unwritten(cells.n_items, pairs, ties=cells.ties.size > 0, homes=False)
    return full if cpu.complete(cells, full) else cells


def problem(model, cells, *, covariates=NO_COVARIATES, ridge=0.0, gamma=0.0):
    """Return `cells` under the model of that number, with a prior, as the other operations take them.

    It has the numbers of its `unknowns` (scores, coefficients, the tie parameter), `items` and `cells`.
    """
    return cpu.ComparisonProblem(model, cells, covariates, ridge, gamma)


def unknowns(scores, others):
    """Return one vector of the scores and of a list of further unknowns, coefficients and the tie parameter."""
    return np.concatenate([scores, others]) if others else scores


def terms(problem, u):
    """Return the `CellTerms` at `u`."""
    out = np.empty((6, problem.cells))
    problem.terms(u, out)
    return CellTerms(*out)


def prior(problem, u):
    """Return the `Prior` at `u`."""
    slope, curvature = np.zeros(len(u)), np.zeros(len(u))
    return Prior(problem.prior(u, slope, curvature), slope, curvature)


def evaluate(problem, u, *, curvatures=True, num_threads=None):
    """Return the `Evaluation` of the penalised log-likelihood at `u`, with or without the curvatures of cells."""
    n, cells, ties = problem.unknowns, problem.cells, problem.has_ties
    difference = np.empty(cells) if curvatures else None
    mixed = np.empty(cells) if curvatures and ties else None

    def run(first, last, out):
        problem.gradient(u, first, last, out[:n], out[2 * n :], out[n : 2 * n], difference, mixed)

    sums = in_chunks(cells, 2 * n + 2, PASS_COST, run, num_threads)
    gradient, diagonal = sums[:n].copy(), sums[n : 2 * n].copy()
    value, tie_curvature = float(sums[2 * n]), float(sums[2 * n + 1])
    value += problem.prior(u, gradient, diagonal)
    if ties:
        diagonal[-1] += tie_curvature
    form = CellCurvatures(difference, NOTHING if mixed is None else mixed, tie_curvature) if curvatures else None
    return Evaluation(value, gradient, diagonal, form)


def gradient(problem, u, *, num_threads=None):
    """Return the gradient of the penalised log-likelihood at `u`: that of `evaluate`, alone."""

    def run(first, last, out):
        problem.gradient(u, first, last, out)

    out = in_chunks(problem.cells, problem.unknowns, SLOPE_COST, run, num_threads)
    problem.prior(u, out, np.zeros(len(u)))
    return out


def product(problem, curvatures, prior, v, *, num_threads=None):
    """Return the negated Hessian with these `CellCurvatures` and this curvature of the `prior` times `v`."""

    def run(first, last, out):
        problem.product(curvatures.difference, curvatures.mixed, v, first, last, out)

    out = in_chunks(problem.cells, problem.unknowns, PRODUCT_COST, run, num_threads)
    out += prior * v
    if problem.has_ties:
        out[-1] += curvatures.tie * v[-1]
    return out


def negated(x):
    """Return -x."""
    return -x


def probabilities(model, d, tie, outcome):
    """Return the probabilities of an outcome (0: the first wins, 1: the second, 2: a tie) at differences `d`."""
    d = np.asarray(d, dtype=np.float64)
    out = np.empty(d.shape)
    if d.size:
        cpu.probabilities(model, np.ascontiguousarray(d).reshape(-1), tie, outcome, out.reshape(-1))
    return out


def covariance(problem, u):
    """Return the covariance of the unknowns at `u`, scores of mean zero; None where the Hessian has no inverse."""
    out = np.empty((problem.unknowns, problem.unknowns))
    return out if problem.covariance(u, out) else None


def half_leverages(problem, curvature, covariance):
    """Return half the leverage of every cell: what bias reduction adds to the wins of either side."""
    out = np.empty(problem.cells)
    problem.half_leverages(curvature, np.ascontiguousarray(covariance), out)
    return out


def centred_inverse(matrix, items):
    """Return the inverse of a negated Hessian, for scores of mean zero; None where there is none."""
    n = len(matrix)
    scratch, out = np.empty((n, cpu.stride(n))), np.empty((n, n))
    scratch[:, :n] = matrix
    return out if cpu.centred_inverse(scratch, items, out) else None


def matrix(problem, curvatures, prior):
    """Return the symmetric matrix of `CellCurvatures` and of this curvature of the `prior`."""
    out = np.zeros((problem.unknowns, problem.unknowns))
    problem.matrix(curvatures.difference, curvatures.mixed, curvatures.tie, prior, out)
    return out


def newton(problem, u, *, tolerance, limit):
    """Return the `NewtonRun` of at most `limit` steps from `u`, with dense factors, on one thread."""
    at = u.copy()
    status, decrement, step, iterations = problem.newton(at, tolerance, limit)
    return NewtonRun(at, decrement, step, iterations, status == cpu.CONVERGED, status != cpu.UNFINISHED)


def maximum(problem, u, *, tolerance, limit):
    """Return the `DenseMaximum` from `u`, with dense factors, on one thread; scores have mean zero without a prior."""
    at = u.copy()
    *report, status = problem.maximum(at, tolerance, limit)
    return DenseMaximum(at, *report, status == cpu.CONVERGED)


def spread_scores(at, items):
    """Return the scores of mean zero that the `Evaluation` at equal scores says."""
    return cpu.spread_scores(at.gradient, at.diagonal, items)


def resample(problem, key, replicate):
    """Return the Poisson `Counts` of one replicate of the cells."""
    wins_first, wins_second = np.empty(problem.cells), np.empty(problem.cells)
    ties = np.empty(problem.cells if problem.tied else 0)
    problem.resample(key, replicate, wins_first, wins_second, ties)
    return Counts(wins_first, wins_second, ties)


def connected(problem):
    """Return whether wins lead from every item to every other."""
    return problem.connected()


def replicates(problem, start, key, count, *, tolerance, limit, row, steepness, num_threads=None):
    """Return the maxima (count, unknowns) of replicates of the counts, each from `start`, with dense factors.

    A replicate without a finite maximum, as far as the graph of wins or Newton's method shows, is NaN. The second array
    says of each whether it is proven to be finite where the graph of wins is connected: without covariates by a cell in
    which both items won, else by a step, `row` bounding what outcomes see and `steepness` slopes by curvatures.
    """
    out, proven = np.empty((count, len(start))), np.empty(count, dtype=np.uint8)
    cells, limits = problem.cells, (tolerance, limit, row, steepness, out, proven)
    problem.prepare()
    parent = np.empty((len(start), len(start)), np.float32), np.empty((cells, cpu.COEFFICIENTS), np.float32)
    if problem.parent(start, *parent):
        slow = np.empty(count, dtype=np.uint8)

        def side_by_side(first, last):
            problem.side_by_side(key, first, last, start, *parent, tolerance, out, proven, slow)
            for replicate in np.flatnonzero(slow[first * cpu.SIDE : last * cpu.SIDE]) + first * cpu.SIDE:
                problem.bootstrap(key, replicate, replicate + 1, start, None, None, *limits)

        groups = -(-count // cpu.SIDE)
        work = groups * cpu.SIDE * SIDE_COST * cells
        for_blocks(side_by_side, groups, work=work, num_threads=num_threads)
        return out, proven.astype(bool)
    factor = np.empty((len(start), cpu.stride(len(start))))
    known = np.empty((6 if problem.has_ties else 2, cells))
    factor = factor if problem.chord_factor(start, factor, known) else None

    def run(first, last):
        problem.bootstrap(key, first, last, start, factor, known, *limits)

    work = count * (DRAW_COST * cells * 2 + 5 * PASS_COST * cells + 3 * FACTOR_COST * len(start) ** 3 / 3)
    for_blocks(run, count, work=work, num_threads=num_threads)
    return out, proven.astype(bool)


def each_replicate(problem, run, count, *, num_threads=None):
    """Call ``run(first, last)`` over ranges of `count` replicates, each of which draws counts and fits them itself."""
    problem.prepare()
    work = count * (DRAW_COST * problem.cells * 2 + 5 * PASS_COST * problem.cells)
    for_blocks(run, count, work=work, num_threads=num_threads)


def stationary(rates):
    """Return the stationary law, of sum 1, of an irreducible chain of these rates between different states (K, K)."""
    left, law = np.array(rates, order="C"), np.ones(len(rates))
    for high in range(len(left), 1, -ELIMINATED):
        cpu.eliminate(left, high, max(high - ELIMINATED, 1))
    for state in range(1, len(left)):
        law[state] = law[:state] @ left[:state, state]
    return law / law.sum()


def ranks(scores):
    """Return one more than the number of higher scores of the same row; NaN in rows that hold one."""
    out = np.empty(scores.shape)
    cpu.ranks(np.argsort(scores, axis=1), np.ascontiguousarray(scores), out)
    return out
