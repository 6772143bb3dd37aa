"""The maximum of an objective: one Newton method, with a dense factor or with conjugate gradients.

Small problems are solved inside the kernel (``newton.inc``). Larger ones take the Newton step by preconditioned
conjugate gradients on the negated Hessian; where the graph is so badly connected that a dense factor is cheaper, and
the matrix is small enough, the kernel takes over.

An objective has its `ops`, whether these factor its Hessian (`has_factors`), the numbers of its `unknowns` and of the
`items` whose scores come first, the total `weight` of its terms, whether it is `free` (all scores may move alike) and
`keeps_last_positive`, its `product_cost` in nanoseconds, and ``evaluate``, ``hessian``, ``maximum``, ``newton``,
``centred`` as `Objective` of comparisons has them; ``compiled_steps`` does at once, where it can, what
`by_conjugate_gradients` does.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

# Up to this many unknowns a factor costs less than the steps of conjugate gradients do in the interpreter.
ALWAYS_DENSE = 256
# Largest matrix for the kernel: its factor takes about 0.1 s, the longest that Ctrl-C may wait.
LARGEST_DENSE = 1536
# Nanoseconds of one step in the interpreter.
STEP_COST = 30_000.0
# Steps of conjugate gradients over which the decrease is watched: for early Newton steps, and for the last one, which
# certifies the maximum.
WATCH_EARLY, WATCH_LAST = 2, 6
# Largest error of a step, relative, in the norm of the Hessian.
LOOSE = 0.03
# A last step that is this part of the tolerance is not taken: the gradient after it would cost one more pass.
NEGLIGIBLE = 1e-4
# Rounding of the gradient in standard errors, relative to the square root of all weight.
NOISE = 2.0**-50


@dataclass(frozen=True)
class NewtonReport:
    """How the last Newton step was: √(gᵀH⁻¹g) before it, its largest entry, and whether it ended the search."""

    decrement: float
    step: float
    converged: bool


@dataclass(frozen=True)
class Maximum:
    """Where an objective is largest, and how that is known.

    `step` is the largest entry of the last Newton step, which was still taken unless negligible; `decrement` is
    √(gᵀH⁻¹g) before it, or at the point itself.
    """

    unknowns: np.ndarray
    value: float
    gradient_norm: float
    decrement: float
    step: float
    iterations: int
    converged: bool


def maximize(objective, start, *, tolerance, limit):
    """Return the `Maximum` of an objective, from `start`."""
    n = objective.unknowns
    if n <= ALWAYS_DENSE:
        return Maximum(*objective.maximum(start, tolerance=tolerance, limit=limit))
    u = objective.centred(start) if objective.free else start.copy()
    u, at, report, iterations = by_conjugate_gradients(objective, u, tolerance, limit)
    if report is not None or n > LARGEST_DENSE:
        return certify(objective, u, report, iterations, at)
    u, report, more = by_factors(objective, u, tolerance, limit - iterations)
    return certify(objective, u, report, iterations + more)


def certified(objective, found, *, tolerance, limit):
    """Return a `Maximum` whose decrement is at most `tolerance` at the point itself, or that has not converged.

    The decrement before the last step bounds that after it. Where it is larger than asked for, the point is measured by
    another step, which is taken where it must be. Rounding of the gradient is worth `NOISE` of the square root of all
    weight: more is never asked for.
    """
    allowed = max(tolerance, NOISE * np.sqrt(objective.weight))
    while found.converged and not found.decrement <= allowed:
        if found.iterations >= limit:
            return replace(found, converged=False)
        u, report = one_step(objective, found.unknowns, tolerance)
        if report is None:
            return replace(found, converged=False)
        if report.decrement <= allowed:
            return replace(found, decrement=report.decrement, iterations=found.iterations + 1)
        if not report.decrement < 0.5 * found.decrement:  # rounding is all that is left
            return replace(found, decrement=report.decrement, converged=False)
        found = certify(objective, u, replace(report, converged=True), found.iterations + 1)
    return found


def one_step(objective, u, tolerance):
    """Return (the point after one Newton step from u, its `NewtonReport`, None where there is none)."""
    factored = objective.has_factors and objective.unknowns <= LARGEST_DENSE
    budget = None if factored else 20 * objective.unknowns + 2 * WATCH_LAST
    if not factored or objective.unknowns > ALWAYS_DENSE:
        stepped, _, report, _ = by_conjugate_gradients(objective, u, tolerance, 1, budget)
        if report is not None or not factored:
            return stepped, report
    u, report, _ = by_factors(objective, u, tolerance, 1)
    return u, report if np.isfinite(report.step) else None


def certify(objective, u, report, iterations, at=None):
    """Return the `Maximum` at `u`, evaluated there as `at`; `report` may be None."""
    u = objective.centred(u) if objective.free else u
    at = objective.evaluate(u, curvatures=False) if at is None else at
    report = NewtonReport(np.inf, np.inf, False) if report is None else report
    gradient_norm = float(np.abs(at.gradient).max())
    return Maximum(u, at.value, gradient_norm, report.decrement, report.step, iterations, report.converged)


def by_factors(objective, u, tolerance, limit):
    """Return (u, `NewtonReport`, iterations) of the kernel, called so that Ctrl-C is seen."""
    each = limit if objective.unknowns <= ALWAYS_DENSE else 3
    iterations = 0
    while True:
        run = objective.newton(u, tolerance=tolerance, limit=min(each, limit - iterations))
        u, iterations = run.unknowns, iterations + run.iterations
        if run.finished or iterations >= limit:
            return u, NewtonReport(run.decrement, run.step, run.converged), iterations


def by_conjugate_gradients(objective, u, tolerance, limit, budget=None):
    """Return (u, its evaluation or None, `NewtonReport`, iterations); no report where the graph wants a factor.

    `budget` is the number of products for each step; by default it is what a factor costs, if that is possible.
    """
    run = objective.compiled_steps(u, tolerance, limit, budget)
    if run is not None:
        return run
    n, constants = objective.unknowns, objective.ops.NEWTON
    if budget is None:
        step_cost = objective.product_cost + STEP_COST
        factor_cost = objective.ops.FACTOR_COST * n**3 / 3
        budget = max(2 * WATCH_LAST, int(factor_cost / step_cost)) if n <= LARGEST_DENSE else 20 * n
    at, previous, decrement = objective.evaluate(u), np.inf, np.inf
    for iteration in range(1, limit + 1):
        # The error that is left is about `relative` of a step of about previous²: no more is asked for than counts.
        relative = min(LOOSE, max(previous, 0.1 * tolerance / previous**2))
        # Rounding must leave no part of the null vector in it: nothing would ever take that away.
        right = objective.centred(at.gradient) if objective.free else at.gradient
        for watched in (WATCH_EARLY, WATCH_LAST) if previous**2 > tolerance else (WATCH_LAST,):
            product = objective.hessian(u, at)
            step, found = conjugate_gradients(product, at.diagonal, right, relative, watched, budget)
            if not found:
                return u, at, None, iteration - 1
            step = objective.centred(step) if objective.free else step
            size = float(np.abs(step).max())
            if size > tolerance:
                break
        decrement = float(np.sqrt(max((at.gradient * step).sum(), 0.0)))
        rounding = constants.chord >= size > 0.5 * previous and decrement <= constants.floor
        if size <= tolerance or rounding:
            taken = size > NEGLIGIBLE * tolerance
            return u + taken * step, None if taken else at, NewtonReport(decrement, size, True), iteration
        u, at = improve(objective, u, at, step)
        previous = size
    return u, at, NewtonReport(decrement, previous, False), limit


def improve(objective, u, at, step):
    """Return the point after `step`, halved until the objective does not fall, and the evaluation there."""
    share, constants = 1.0, objective.ops.NEWTON
    if objective.keeps_last_positive and u[-1] + step[-1] < 0.1 * u[-1]:
        share = -0.9 * u[-1] / step[-1]
    for _ in range(constants.halvings):
        trial = u + share * step
        there = objective.evaluate(trial)
        if there.value >= at.value - constants.slack * abs(at.value):
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
