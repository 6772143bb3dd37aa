"""Maximum likelihood over comparisons: one Newton method, with a dense factor or with conjugate gradients.

Small problems are solved inside the kernel (``newton.inc``). Larger ones take the Newton step by preconditioned
conjugate gradients on the weighted Laplacian; where the graph is so badly connected that a dense factor is cheaper, and
the matrix is small enough, the kernel takes over. `newton_batch` solves many problems over the same cells, such as the
optima of DPO for many sampling distributions: cells (i, j) with wins mu_i mu_j P_ij and mu_i mu_j P_ji.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from alignment_fast.kernels.common.threads import for_blocks
from alignment_fast.kernels.ranking import cpu

MODELS = {
    "bradley-terry": cpu.BRADLEY_TERRY,
    "thurstone": cpu.THURSTONE,
    "rao-kupper": cpu.RAO_KUPPER,
    "davidson": cpu.DAVIDSON,
}
WITH_TIES = (cpu.RAO_KUPPER, cpu.DAVIDSON)

# Up to this many unknowns a factor costs less than the steps of conjugate gradients do in the interpreter.
ALWAYS_DENSE = 256
# Largest matrix for the kernel: its factor takes about 0.1 s, the longest that Ctrl-C may wait.
LARGEST_DENSE = 1536
# Nanoseconds: of a cell in a pass and in a product, of a multiply-add of the factor, of one step in the interpreter.
PASS, PRODUCT, FACTOR, STEP = 8.0, 1.7, 0.1, 30_000.0
# Cells are summed by chunks, a number that depends on the problem only.
CHUNK, MOST_CHUNKS = 1 << 16, 64
# Steps of conjugate gradients over which the decrease is watched.
WATCHED = 4
# As in newton.inc: decrement below which rounding may be all that is left, and rounding of the objective.
FLOOR, SLACK, HALVINGS = 1e-7, 1e-12, 40
# Largest entry of 2 atanh in the start: log-odds of 0.975.
STEEPEST = 0.95

NOTHING = np.empty(0)


@dataclass(frozen=True)
class Covariates:
    """A sparse matrix by rows, one row per cell: start (C + 1,), column and value (entries,), and its width."""

    width: int
    start: np.ndarray
    column: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, matrix):
        """Return the covariates of a SciPy sparse matrix with sorted columns, or of a dense one."""
        from scipy.sparse import csr_array

        rows = csr_array(matrix)
        rows.sum_duplicates()
        start, column = rows.indptr.astype(np.int64), rows.indices.astype(np.int32)
        return cls(rows.shape[1], start, column, rows.data.astype(np.float64))


NO_COVARIATES = Covariates(0, np.empty(0, np.int64), np.empty(0, np.int32), NOTHING)


def problem(cells, model, *, covariates=NO_COVARIATES, ridge=0.0, gamma=0.0):
    """Return the `cpu.Problem` of `cells` under the model named `model`."""
    return cpu.Problem(
        MODELS[model],
        cells.n_items,
        cells.first,
        cells.second,
        cells.wins_first,
        cells.wins_second,
        cells.ties,
        covariates.width,
        covariates.start,
        covariates.column,
        covariates.value,
        ridge,
        gamma,
    )


@dataclass(frozen=True)
class Maximum:
    """Where an objective is largest, and how that is known.

    `step` is the largest entry of the last Newton step, which was still taken; `decrement` is √(gᵀH⁻¹g) before it.
    """

    unknowns: np.ndarray
    value: float
    gradient_norm: float
    decrement: float
    step: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Evaluation:
    """The objective at one point: value, gradient, diagonal of the negated Hessian, and curvatures of the cells."""

    value: float
    gradient: np.ndarray
    diagonal: np.ndarray
    curvature: np.ndarray
    mixed: np.ndarray
    tie_curvature: float


def in_chunks(count, width, work, run, num_threads):
    """Return the sum of what ``run(first, last, out)`` adds to arrays of `width` over chunks of `count` cells."""
    chunk = max(CHUNK, -(-count // MOST_CHUNKS))
    chunks = -(-count // chunk)
    partial = np.zeros((chunks, width))

    def blocks(first, last):
        for block in range(first, last):
            run(block * chunk, min(count, (block + 1) * chunk), partial[block])

    for_blocks(blocks, chunks, work=work * count, num_threads=num_threads)
    return partial[0] if chunks == 1 else partial.sum(axis=0)


class Objective:
    """Penalised log-likelihood of a problem."""

    def __init__(self, problem, model, *, items, free, num_threads=None):
        self.problem, self.items, self.free, self.num_threads = problem, items, free, num_threads
        self.ties = MODELS[model] in WITH_TIES

    def evaluate(self, u, curvatures=True):
        """Return the `Evaluation` at `u`; without curvatures those arrays are empty."""
        n, cells = self.problem.unknowns, self.problem.cells
        curvature = np.empty(cells) if curvatures else None
        mixed = np.empty(cells) if curvatures and self.ties else None

        def run(first, last, out):
            self.problem.gradient(u, first, last, out[:n], out[2 * n :], out[n : 2 * n], curvature, mixed)

        sums = in_chunks(cells, 2 * n + 2, PASS, run, self.num_threads)
        gradient, diagonal = sums[:n].copy(), sums[n : 2 * n].copy()
        value = sums[2 * n] + self.problem.prior(u, gradient, diagonal)
        if self.ties:
            diagonal[-1] += sums[2 * n + 1]
        return Evaluation(
            float(value),
            gradient,
            diagonal,
            NOTHING if curvature is None else curvature,
            NOTHING if mixed is None else mixed,
            float(sums[2 * n + 1]),
        )

    def hessian(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`, as a function of a vector."""
        n = self.problem.unknowns
        prior = np.zeros(n)
        self.problem.prior(u, np.zeros(n), prior)

        def product(v):
            def run(first, last, out):
                self.problem.product(at.curvature, at.mixed, v, first, last, out)

            out = in_chunks(self.problem.cells, n, PRODUCT, run, self.num_threads)
            out += prior * v
            if self.ties:
                out[-1] += at.tie_curvature * v[-1]
            return out

        return product

    def matrix(self, curvature, mixed, tie_curvature, prior):
        """Return the symmetric matrix with these curvatures of the cells, of τ and of the prior."""
        n = self.problem.unknowns
        upper = np.zeros((n, n))
        self.problem.assemble(curvature, mixed, upper)
        if self.ties:
            upper[-1, -1] += tie_curvature
        upper[np.diag_indices(n)] += prior
        return np.triu(upper) + np.triu(upper, 1).T

    def centred(self, u):
        """Return `u` with scores of mean zero."""
        out = u.copy()
        out[: self.items] -= out[: self.items].mean()
        return out


def start_of(objective, tie):
    """Return scores from one gradient at equal scores: the log-odds of each item's share of wins."""
    u = np.zeros(objective.problem.unknowns)
    if objective.ties:
        u[-1] = tie
    at = objective.evaluate(u, curvatures=False)
    items = objective.items
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(at.diagonal[:items] > 0, at.gradient[:items] / at.diagonal[:items], 0.0)
    u[:items] = 2.0 * np.arctanh(np.clip(0.5 * share, -STEEPEST, STEEPEST))
    return objective.centred(u)


def maximize(objective, start, *, tolerance, limit):
    """Return the `Maximum` of an objective, from `start`."""
    n = objective.problem.unknowns
    u, iterations = objective.centred(start) if objective.free else start.copy(), 0
    if n > ALWAYS_DENSE:
        u, report, iterations = by_conjugate_gradients(objective, u, tolerance, limit)
        if report is not None or n > LARGEST_DENSE:
            return certify(objective, u, report, iterations, tolerance)
    u, report, more = by_factors(objective.problem, u, tolerance, limit - iterations)
    return certify(objective, u, report, iterations + more, tolerance)


def certify(objective, u, report, iterations, tolerance):
    u = objective.centred(u) if objective.free else u
    at = objective.evaluate(u, curvatures=False)
    decrement, step, converged = (np.inf, np.inf, False) if report is None else report
    return Maximum(u, at.value, float(np.abs(at.gradient).max()), decrement, step, iterations, converged)


def by_factors(problem, u, tolerance, limit):
    """Return (u, (decrement, step, converged), iterations) of the kernel, called so that Ctrl-C is seen."""
    rows, report = u[None].copy(), np.empty((1, 5))
    each = limit if problem.unknowns <= ALWAYS_DENSE else 3
    iterations = 0
    while True:
        problem.newton(rows, tolerance, min(each, limit - iterations), report)
        status, _, decrement, step, made = report[0].tolist()
        iterations += int(made)
        if status != cpu.UNFINISHED or iterations >= limit:
            return rows[0], (decrement, step, status == cpu.CONVERGED), iterations


def by_conjugate_gradients(objective, u, tolerance, limit):
    """Return (u, (decrement, step, converged) or None where the graph wants a factor, iterations)."""
    n = objective.problem.unknowns
    step_cost = PRODUCT * objective.problem.cells + STEP
    budget = max(WATCHED, int(FACTOR * n**3 / 3 / step_cost)) if n <= LARGEST_DENSE else 20 * n
    at, previous, decrement = objective.evaluate(u), np.inf, np.inf
    for iteration in range(1, limit + 1):
        relative = min(0.03, max(1e-5, previous))
        step, found = conjugate_gradients(objective.hessian(u, at), at.diagonal, at.gradient, relative, budget)
        if not found:
            return u, None, iteration - 1
        if objective.free:
            step = objective.centred(step)
        size, decrement = float(np.abs(step).max()), float(np.sqrt(max((at.gradient * step).sum(), 0.0)))
        if size <= tolerance or (size > 0.5 * previous and decrement <= FLOOR):
            return u + step, (decrement, size, True), iteration
        u, at = improve(objective, u, at, step)
        previous = size
    return u, (decrement, previous, False), limit


def improve(objective, u, at, step):
    """Return the point after `step`, halved until the objective does not fall, and the evaluation there."""
    share = 1.0
    if objective.problem.is_rao_kupper and u[-1] + step[-1] < 0.1 * u[-1]:
        share = -0.9 * u[-1] / step[-1]
    for _ in range(HALVINGS):
        trial = u + share * step
        there = objective.evaluate(trial)
        if there.value >= at.value - SLACK * abs(at.value):
            break
        share *= 0.5
    return trial, there


def conjugate_gradients(product, diagonal, right, relative, budget):
    """Return (x, whether it was found): the solution of ``product(x) = right``, by Jacobi's preconditioner.

    The error, in the norm of the matrix, is at most about `relative` of the solution: what the last `WATCHED` steps
    added to its square bounds what is missing where convergence is steady (Strakoš and Tichý, ETNA 13 (2002) 56-80).
    Sums are NumPy's own, whose order does not depend on threads.
    """
    weight = 1.0 / np.where(diagonal > 0, diagonal, 1.0)
    x, residual = np.zeros_like(right), right.copy()
    z = weight * residual
    direction, power = z, (residual * z).sum()
    total, recent = 0.0, deque(maxlen=WATCHED)
    start = power
    for _ in range(budget):
        if power <= 1e-30 * start:
            return x, True
        image = product(direction)
        length = power / (direction * image).sum()
        x += length * direction
        residual -= length * image
        recent.append(length * power)
        total += length * power
        if len(recent) == WATCHED and sum(recent) <= relative**2 * total:
            return x, True
        z = weight * residual
        power, before = (residual * z).sum(), power
        direction = z + (power / before) * direction
    return x, False


def newton_batch(problem, start, wins_first, wins_second, *, tolerance=1e-12, limit=100, num_threads=None):
    """Return (unknowns (B, n), converged (B,)) of `problem` with each row of wins in turn, from rows of `start`.

    Rows do not depend on each other; scores are centred. For up to `LARGEST_DENSE` unknowns.
    """
    count, n = start.shape
    u, report = np.array(start, dtype=np.float64, order="C"), np.empty((count, 5))

    def run(first, last):
        rows = slice(first, last)
        problem.newton(u[rows], tolerance, limit, report[rows], wins_first[rows], wins_second[rows])

    work = count * 5 * (PASS * problem.cells + FACTOR * n**3 / 3)
    for_blocks(run, count, work=work, num_threads=num_threads)
    items = problem.items
    u[:, :items] -= u[:, :items].mean(axis=1, keepdims=True)
    return u, report[:, 0] == cpu.CONVERGED
