"""Maximum likelihood over comparisons: one Newton method, with a dense factor or with conjugate gradients.

Small problems are solved inside the kernel (``newton.inc``). Larger ones take the Newton step by preconditioned
conjugate gradients on the weighted Laplacian; where the graph is so badly connected that a dense factor is cheaper, and
the matrix is small enough, the kernel takes over. `newton_batch` solves many problems over the same cells, such as the
optima of DPO for many sampling distributions: cells (i, j) with wins mu_i mu_j P_ij and mu_i mu_j P_ji.
"""

import dataclasses
from collections import deque
from dataclasses import dataclass

import numpy as np

from alignment_fast.kernels.common.threads import for_blocks
from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.cells import completed

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
# Nanoseconds: of a cell in a pass and in a product, of a multiply-add of the factor, of one step in the interpreter, of
# a count that is drawn.
PASS, PRODUCT, FACTOR, STEP, DRAW = 8.0, 1.7, 0.1, 30_000.0, 30.0
# Cells are summed by chunks, a number that depends on the problem only.
CHUNK, MOST_CHUNKS = 1 << 16, 64
# Steps of conjugate gradients over which the decrease is watched: on the way, and for the last step, which certifies.
GLANCED, WATCHED = 2, 6
# Largest error of a step, relative, in the norm of the Hessian.
LOOSE = 0.03
# As in newton.inc: decrement, and step, below which rounding may be all that is left, and rounding of the objective.
FLOOR, CHORD, SLACK, HALVINGS = 1e-7, 0.01, 1e-12, 40
# A last step that is this part of the tolerance is not taken: the gradient after it would cost one more pass.
NEGLIGIBLE = 1e-4
# Largest entry of 2 atanh in the start: log-odds of 0.975. Variance of the scores up to which they are spread.
STEEPEST, WIDEST = 0.95, 1.0

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

    `step` is the largest entry of the last Newton step, which was still taken unless negligible; `decrement` is
    √(gᵀH⁻¹g) before it.
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
    """Penalised log-likelihood of cells under a model; `free`: without a prior, all scores may move alike."""

    def __init__(self, cells, model, *, covariates, ridge, gamma, num_threads):
        self.cells = cells if covariates.width else completed(cells)
        self.model, self.covariates, self.ridge, self.gamma = model, covariates, ridge, gamma
        self.num_threads = num_threads
        self.problem = problem(self.cells, model, covariates=covariates, ridge=ridge, gamma=gamma)
        self.items, self.free = cells.n_items, ridge == gamma == 0.0
        self.ties = MODELS[model] in WITH_TIES

    def over(self, cells):
        """Return the same objective over other counts of the same cells."""
        return objective(
            cells,
            self.model,
            covariates=self.covariates,
            ridge=self.ridge,
            gamma=self.gamma,
            num_threads=self.num_threads,
        )

    def log_prior(self, u):
        """Return what the prior adds to the log-likelihood at `u`."""
        return self.problem.prior(u, np.zeros(len(u)), np.zeros(len(u)))

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


def objective(cells, model, *, covariates=NO_COVARIATES, ridge=0.0, gamma=0.0, num_threads=None):
    """Return the `Objective` of `cells` under the model named `model`."""
    return Objective(cells, model, covariates=covariates, ridge=ridge, gamma=gamma, num_threads=num_threads)


def origin_of(objective):
    """Return unknowns for equal scores, with the tie parameter that fits the share of ties."""
    u = np.zeros(objective.problem.unknowns)
    if objective.ties:
        cells = objective.cells
        tied = cells.ties.sum()
        share = tied / (tied + cells.wins_first.sum() + cells.wins_second.sum())
        davidson = objective.model == "davidson"
        u[-1] = np.log(2.0 * share / (1.0 - share)) if davidson else 2.0 * np.arctanh(share)
    return u


def start_of(objective):
    """Return scores from one gradient at equal scores: the log-odds of each item's share of wins, spread.

    Against opponents whose scores have variance v, log-odds of a share are about 1/√(1 + πv/8) of the score, so they
    have variance v/(1 + πv/8) themselves.
    """
    u = origin_of(objective)
    at = objective.evaluate(u, curvatures=False)
    items = objective.items
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(at.diagonal[:items] > 0, at.gradient[:items] / at.diagonal[:items], 0.0)
    odds = 2.0 * np.arctanh(np.clip(0.5 * share, -STEEPEST, STEEPEST))
    u[:items] = odds / np.sqrt(1.0 - np.pi / 8.0 * min(odds.var(), WIDEST))
    return objective.centred(u)


def maximize(objective, start, *, tolerance, limit):
    """Return the `Maximum` of an objective, from `start`."""
    n = objective.problem.unknowns
    u, iterations = objective.centred(start) if objective.free else start.copy(), 0
    if n > ALWAYS_DENSE:
        u, at, report, iterations = by_conjugate_gradients(objective, u, tolerance, limit)
        if report is not None or n > LARGEST_DENSE:
            return certify(objective, u, report, iterations, at)
    u, report, more = by_factors(objective.problem, u, tolerance, limit - iterations)
    return certify(objective, u, report, iterations + more)


def certify(objective, u, report, iterations, at=None):
    """Return the `Maximum` at `u`, evaluated there as `at`; `report` is (decrement, step, converged) or None."""
    u = objective.centred(u) if objective.free else u
    at = objective.evaluate(u, curvatures=False) if at is None else at
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


def by_conjugate_gradients(objective, u, tolerance, limit, budget=None):
    """Return (u, its evaluation or None, report, iterations).

    The report is (decrement, step, converged), or None where the graph wants a factor.
    `budget` is the number of products for each step; by default it is what a factor costs, if that is possible.
    """
    n = objective.problem.unknowns
    if budget is None:
        step_cost = PRODUCT * objective.problem.cells + STEP
        budget = max(2 * WATCHED, int(FACTOR * n**3 / 3 / step_cost)) if n <= LARGEST_DENSE else 20 * n
    at, previous, decrement = objective.evaluate(u), np.inf, np.inf
    for iteration in range(1, limit + 1):
        # The error that is left is about `relative` of a step of about previous²: no more is asked for than counts.
        relative = min(LOOSE, max(previous, 0.1 * tolerance / previous**2))
        # Rounding must leave no part of the null vector in it: nothing would ever take that away.
        right = objective.centred(at.gradient) if objective.free else at.gradient
        for watched in (GLANCED, WATCHED) if previous**2 > tolerance else (WATCHED,):
            product = objective.hessian(u, at)
            step, found = conjugate_gradients(product, at.diagonal, right, relative, watched, budget)
            if not found:
                return u, at, None, iteration - 1
            step = objective.centred(step) if objective.free else step
            size = float(np.abs(step).max())
            if size > tolerance:
                break
        decrement = float(np.sqrt(max((at.gradient * step).sum(), 0.0)))
        if size <= tolerance or (CHORD >= size > 0.5 * previous and decrement <= FLOOR):
            taken = size > NEGLIGIBLE * tolerance
            return u + taken * step, None if taken else at, (decrement, size, True), iteration
        u, at = improve(objective, u, at, step)
        previous = size
    return u, at, (decrement, previous, False), limit


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


def conjugate_gradients(product, diagonal, right, relative, watched, budget):
    """Return (x, whether it was found): the solution of ``product(x) = right``, by Jacobi's preconditioner.

    The error, in the norm of the matrix, is at most about `relative` of the solution: what the last `watched` steps
    added to its square bounds what is missing where convergence is steady (Strakoš and Tichý, ETNA 13 (2002) 56-80).
    Sums are NumPy's own, whose order does not depend on threads.
    """
    weight = 1.0 / np.where(diagonal > 0, diagonal, 1.0)
    x, residual = np.zeros_like(right), right.copy()
    z = weight * residual
    direction, power = z, (residual * z).sum()
    total, recent = 0.0, deque(maxlen=watched)
    start = power
    for _ in range(budget):
        if power <= 1e-30 * start:
            return x, True
        image = product(direction)
        bend = (direction * image).sum()
        if not bend > 0:  # the direction is rounding
            return x, True
        length = power / bend
        x += length * direction
        residual -= length * image
        recent.append(length * power)
        total += length * power
        if len(recent) == watched and sum(recent) <= relative**2 * total:
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
    wins_first, wins_second = np.ascontiguousarray(wins_first), np.ascontiguousarray(wins_second)
    u, report = np.array(start, dtype=np.float64, order="C"), np.empty((count, 5))

    def run(first, last):
        rows = slice(first, last)
        problem.newton(u[rows], tolerance, limit, report[rows], wins_first[rows], wins_second[rows])

    work = count * 5 * (PASS * problem.cells + FACTOR * n**3 / 3)
    for_blocks(run, count, work=work, num_threads=num_threads)
    items = problem.items
    u[:, :items] -= u[:, :items].mean(axis=1, keepdims=True)
    return u, report[:, 0] == cpu.CONVERGED


def reduce_bias(cells, covariates, start, *, tolerance, limit, num_threads=None):
    """Return the `Maximum` of the Bradley-Terry likelihood with Jeffreys's prior, by which Firth's bias reduction acts.

    It is that of the likelihood with half the leverage of each cell added to the wins of either side (Firth 1993): the
    leverages are found anew until scores stay.
    """
    plain = objective(cells, "bradley-terry", covariates=covariates, num_threads=num_threads)
    cells = plain.cells
    u, iterations = start, 0
    while True:
        at = plain.evaluate(u)
        half = 0.5 * at.curvature * difference_variances(plain, covariance(plain, u))
        more = dataclasses.replace(cells, wins_first=cells.wins_first + half, wins_second=cells.wins_second + half)
        found = maximize(plain.over(more), u, tolerance=tolerance, limit=limit)
        iterations += found.iterations
        move = float(np.abs(found.unknowns - u).max())
        u = found.unknowns
        if not found.converged or move <= tolerance or iterations >= limit:
            return dataclasses.replace(
                found, step=move, iterations=iterations, converged=found.converged and move <= tolerance
            )


def difference_variances(objective, covariance):
    """Return the variance of the difference that each cell compares."""
    from scipy.sparse import coo_array, csr_array, hstack

    cells, covariates = objective.cells, objective.covariates
    count = len(cells.first)
    row, sign = np.tile(np.arange(count), 2), np.repeat([1.0, -1.0], count)
    pairs = coo_array((sign, (row, np.concatenate([cells.first, cells.second]))), shape=(count, cells.n_items))
    design = csr_array(pairs)
    if covariates.width:
        rows = csr_array((covariates.value, covariates.column, covariates.start), shape=(count, covariates.width))
        design = hstack([design, rows]).tocsr()
    return np.asarray(design.multiply(design @ covariance).sum(axis=1)).reshape(count)


def covariance(objective, u, *, sandwich=False):
    """Return the covariance of the unknowns at `u`, scores of mean zero: H⁻¹, or H⁻¹ J H⁻¹.

    J = Σ s sᵀ is the sum of squared slopes of the results that were seen. Without a prior H does not see equal changes
    of the scores; a multiple of the matrix of ones fixes that, and drops out in the centring.
    """
    from scipy.linalg import cho_factor, cho_solve

    n, items, at = len(u), objective.items, objective.evaluate(u)
    prior = np.zeros(n)
    objective.problem.prior(u, np.zeros(n), prior)
    hessian = objective.matrix(at.curvature, at.mixed, at.tie_curvature, prior)
    hessian[:items, :items] += hessian.diagonal()[:items].mean() / items
    inverse = cho_solve(cho_factor(hessian, check_finite=False), np.eye(n), check_finite=False)
    if sandwich:
        inverse = inverse @ objective.matrix(*slope_squares(objective, u), np.zeros(n)) @ inverse
    inverse[:items] -= inverse[:items].mean(axis=0)
    inverse[:, :items] -= inverse[:, :items].mean(axis=1, keepdims=True)
    return 0.5 * (inverse + inverse.T)


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
        terms = np.empty((6, count))
        objective.over(alone).problem.terms(u, terms)
        slope, tie_slope = terms[1], terms[3]
        squares += weight * np.stack([slope * slope, slope * tie_slope, tie_slope * tie_slope])
    return squares[0], squares[1] if objective.ties else NOTHING, float(squares[2].sum())


def probabilities(model, d, tie):
    """Return (first wins, second wins, tie) at differences `d` and the unknown `tie`."""
    from scipy.special import expit, ndtr

    if model == "bradley-terry":
        return expit(d), expit(-d), np.zeros_like(d)
    if model == "thurstone":
        return ndtr(d), ndtr(-d), np.zeros_like(d)
    if model == "rao-kupper":
        first, second = expit(d - tie), expit(-d - tie)
        return first, second, np.expm1(2.0 * tie) * first * second
    half = np.abs(0.5 * d)
    top = np.maximum(half, tie)
    first, second, equal = np.exp(0.5 * d - top), np.exp(-0.5 * d - top), np.exp(tie - top)
    total = first + second + equal
    return first / total, second / total, equal / total


def bootstrap(objective, start, key, count, *, tolerance, limit, num_threads=None):
    """Return the unknowns (count, n) of replicates, each from `start`; NaN where there is no finite maximum."""
    out = np.empty((count, len(start)))
    small = len(start) <= ALWAYS_DENSE

    def run(first, last):
        if small:
            objective.problem.bootstrap(key, first, last, start, tolerance, limit, out)
            return
        for replicate in range(first, last):
            out[replicate] = repeat(objective, start, key, replicate, tolerance, limit)

    cells = objective.problem.cells
    work = count * (DRAW * cells * 2 + 5 * PASS * cells + (3 * FACTOR * len(start) ** 3 / 3 if small else 0))
    for_blocks(run, count, work=work, num_threads=num_threads)
    return out


def repeat(objective, start, key, replicate, tolerance, limit):
    """Return the unknowns of one replicate, by `maximize`."""
    cells = objective.cells
    counts = [np.empty_like(array) for array in (cells.wins_first, cells.wins_second, cells.ties)]
    objective.problem.resample(key, replicate, *counts)
    drawn = objective.over(dataclasses.replace(cells, wins_first=counts[0], wins_second=counts[1], ties=counts[2]))
    if objective.free and not drawn.problem.connected():
        return np.full_like(start, np.nan)
    found = maximize(drawn, start, tolerance=tolerance, limit=limit)
    return found.unknowns if found.converged else np.full_like(start, np.nan)
