"""Host algorithms over the operations of this family: rate function, divergence of a tilt, tilt of given divergence.

All of them work on rows × targets at once; rows that have converged are dropped as soon as they are half of the rest.
Notation: p the weights, r the reward, K the log-MGF of r under p, T_t ∝ p e^{t r} the tilted policy.
"""

from dataclasses import replace

import numpy as np
from alignment_fast.kernels.information import cpu
from alignment_fast.kernels.information import operations as op

_EPSILON = np.finfo(np.float64).eps
# Bisection alone reaches the last bit of any exponent range within this many steps.
_MAX_ITERATIONS = 200
# Letters per slab of host work: the temporaries stay in a second-level cache.
_SLAB = 1 << 15
_AT_ZERO = np.zeros((1, 1))
_AT_INFINITY = np.array([[np.inf]])


def relative_entropy_term(x):
    """Return x e^x − expm1(x) ≥ 0, to a few ulp also near 0, where both terms cancel to x²/2.

    With x = log(π/p) for normalised π and p, D(π‖p) = Σ p (x e^x − expm1(x)): a sum of terms of one sign, so it keeps
    full relative accuracy however close π is to p. The literal Σ π log(π/p) does not.
    """
    series = np.zeros_like(x)
    for k in range(17, 1, -1):  # Σ_{k≥2} (k − 1) x^k / k!; |x| < 1/2 leaves 2^-17·16/17! ≈ 3e-19 behind
        series = series * x + _SERIES[k]
    with np.errstate(over="ignore", invalid="ignore"):
        plain = x * np.exp(x) - np.expm1(x)
    return np.where(np.abs(x) < 0.5, series * x * x, np.where(x == -np.inf, 1.0, plain))


_SERIES = [0.0, 0.0]
_factorial = 1.0
for _k in range(2, 18):
    _factorial *= _k
    _SERIES.append((_k - 1) / _factorial)


def shifted(rows, offset):
    """Return `rows` with rewards r − offset (offset (count, 1)) in float64, 0 on letters without weight."""
    rewards = rows.rewards - offset
    if rows.weight_kind != cpu.WEIGHT_UNIFORM:
        empty = rows.weights == (-np.inf if rows.weight_kind == cpu.WEIGHT_LOG else 0.0)
        rewards = np.where(empty, 0.0, rewards)
    weights = rows.weights.astype(np.float64, copy=False)
    return replace(rows, weights=weights, rewards=np.ascontiguousarray(rewards))


def log_mass_at_zero(rows):
    """Return the log-probability that the reward is exactly 0, shape (count, 1), accurate where it is close to 0."""
    p = rows.probabilities()
    inside = np.where(rows.rewards == 0.0, p, 0.0).sum(axis=1, keepdims=True)
    outside = np.where(rows.rewards == 0.0, 0.0, p).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.where(inside < 0.5, np.log(inside), np.log1p(-np.minimum(outside, 0.5)))


def tilted_divergence(rows, alpha, num_threads=None):
    """Return D(T_α ‖ p) for finite alpha (count or 1, T), shape (count, T).

    With d = r − μ and L = log Σ p e^{α d}, log(T_α/p) = α d − L, summed by `relative_entropy_term`: relative error of a
    few ε·|r|/σ at every α, where α K'(α) − K(α) loses all digits as α → 0.
    """
    mean, _ = op.exponential_mean(rows, _AT_ZERO, num_threads)
    centred = shifted(rows, mean)
    alpha = np.broadcast_to(alpha, (rows.count, alpha.shape[1]))
    log_total = alpha * op.exponential_mean(centred, alpha, num_threads)[0]
    result = np.empty(alpha.shape)
    step = max(1, _SLAB // rows.rewards.shape[1])
    for first in range(0, rows.count, step):
        slab = slice(first, first + step)
        part = centred.take(np.arange(rows.count)[slab])
        p = part.probabilities()
        for t in range(alpha.shape[1]):
            x = alpha[slab, t, None] * part.rewards - log_total[slab, t, None]
            result[slab, t] = (p * relative_entropy_term(x)).sum(axis=1)
    return result


def newton(problem, start, low, high):
    """Solve f = 0 for an increasing f, elementwise over (rows, targets), by Newton steps kept inside a bracket.

    Parameters
    ----------
    problem : callable
        ``problem(index)`` returns a function of t (len(index), T) that gives f and its derivative on these rows.
    start, low, high : array (count, T)
        First iterate, and a bracket of the root; its ends may be infinite.

    """
    t, low, high = start.copy(), low.copy(), high.copy()
    previous = np.full(t.shape, np.inf)
    active = np.ones(t.shape, dtype=bool)
    index = np.arange(t.shape[0])
    evaluate = problem(index)
    for _ in range(_MAX_ITERATIONS):
        rows = np.flatnonzero(active.any(axis=1))
        if not rows.size:
            break
        if 2 * rows.size <= index.size:
            index = rows
            evaluate = problem(index)
        here, lower, upper = t[index], low[index], high[index]
        f, slope = evaluate(here)
        lower, upper = np.where(f < 0, here, lower), np.where(f > 0, here, upper)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(f == 0, 0.0, -f / slope)
        proposal = here + step
        inside = (proposal >= lower) & (proposal <= upper)
        proposal = np.where(inside, proposal, _split(here, lower, upper))
        step = np.abs(proposal - here)
        scale = np.abs(proposal)
        # Rounding in f makes steps stop shrinking a few ulp from the root: nothing is gained after that.
        settled = (step <= 2 * _EPSILON * scale) | ((step <= 1e-9 * scale) & (2 * step >= previous[index]))
        working = active[index]
        t[index] = np.where(working, proposal, here)
        low[index], high[index], previous[index] = lower, upper, step
        active[index] = working & ~settled
    return t


def _split(here, low, high):
    """Return a point inside (low, high): its middle, or one twice as far out where an end is infinite."""
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (low + high)
    outward = np.where(np.isinf(high), 2 * np.abs(here) + 1, -2 * np.abs(here) - 1)
    return np.where(np.isinf(low) | np.isinf(high), outward, middle)


def rate_function(rows, x, num_threads=None):
    """Return I(x) = sup_t (t x − K(t)) and its maximiser t, for x (count or 1, T), rewards finite on the support.

    Inside the range of the reward t solves K'(t) = x, and I = D(T_t‖p) + t (x − K'(t)): the second term takes what
    little error t has out to second order. At an end of the range t is infinite and I = −log P(r = end).
    """
    x = np.broadcast_to(x, (rows.count, x.shape[1]))
    top, _ = op.exponential_mean(rows, _AT_INFINITY, num_threads)
    bottom, _ = op.exponential_mean(rows, -_AT_INFINITY, num_threads)
    mean, _ = op.exponential_mean(rows, _AT_ZERO, num_threads)
    centred = shifted(rows, mean)
    y = x - mean
    inside = (x > bottom) & (x < top)
    reach = np.where(y > 0, top - mean, bottom - mean)  # signed distance from the mean to the end ahead
    t = np.where(inside & (y != 0), 0.0, np.where(x >= top, np.inf, -np.inf))
    t[(inside & (y == 0)) | ((top == bottom) & (x == top))] = 0.0

    solvable = inside & (y != 0)
    if solvable.any():
        index = np.flatnonzero(solvable.any(axis=1))
        # Targets of these rows that need no solution borrow one that does no harm.
        target = np.where(solvable[index], y[index], 0.0)
        t[index] = np.where(
            solvable[index], _solve_mean(centred.take(index), target, reach[index], num_threads), t[index]
        )

    finite = np.where(np.isfinite(t), t, 0.0)
    moments, _ = op.tilted_moments(centred, finite, 1, num_threads)
    value = tilted_divergence(rows, finite, num_threads) + finite * np.where(inside, y - moments[..., 1], 0.0)
    value = np.where(inside, value, np.inf)
    value = np.where(x == top, -log_mass_at_zero(shifted(rows, top)), value)
    value = np.where(x == bottom, -log_mass_at_zero(shifted(rows, bottom)), value)
    return value, t


def _solve_mean(centred, y, reach, num_threads):
    """Solve K'(t) = y with K the log-MGF of `centred` rewards, 0 < y/reach < 1.

    Newton runs on log(1 − K'/reach), which is nearly linear both around the mean and far out in the tail.
    """
    variance = op.tilted_moments(centred, _AT_ZERO, 2, num_threads)[0][..., 2]
    goal = np.log1p(-y / reach)
    sign = np.sign(reach)

    def problem(index):
        part, part_reach, part_goal = centred.take(index), reach[index], goal[index]

        def evaluate(t):
            moments, _ = op.tilted_moments(part, t, 2, num_threads)
            remaining = np.maximum(1.0 - moments[..., 1] / part_reach, np.finfo(np.float64).tiny)
            f = np.where(part_goal == 0, 0.0, part_goal - np.log(remaining))
            return sign[index] * f, sign[index] * moments[..., 2] / (part_reach * remaining)

        return evaluate

    low = np.where(sign > 0, 0.0, -np.inf)
    return newton(problem, y / variance, low, np.where(sign > 0, np.inf, 0.0))


def largest_divergence(rows, num_threads=None):
    """Return D(T_∞ ‖ p) = −log P(r = max r), shape (count, 1), and max r (count, 1)."""
    top, _ = op.exponential_mean(rows, _AT_INFINITY, num_threads)
    return -log_mass_at_zero(shifted(rows, top)), top


def alpha_of_divergence(rows, divergence, start=None, num_threads=None):
    """Return α ≥ 0 with D(T_α ‖ p) = divergence ≥ 0 (count or 1, T); inf where no tilt reaches it.

    `start` (count, T), positive, replaces the first iterate √(2 D / K''(0)).
    """
    divergence = np.broadcast_to(divergence, (rows.count, divergence.shape[1]))
    largest, top = largest_divergence(rows, num_threads)
    alpha = np.where(divergence >= largest, np.inf, 0.0)
    alpha[divergence == 0] = 0.0
    near = (divergence > 0) & (divergence < 0.5 * largest)
    far = (divergence >= 0.5 * largest) & (divergence < largest)
    for chosen, solve in ((near, _solve_near), (far, _solve_far)):
        index = np.flatnonzero(chosen.any(axis=1))
        if index.size:
            # A target of the other regime in one of these rows is solved at a harmless place and thrown away.
            target = np.where(chosen[index], divergence[index], 0.25 * largest[index])
            first = None if start is None else start[index]
            part = rows.take(index)
            solution = solve(part, target, top[index], largest[index], first, num_threads)
            alpha[index] = np.where(chosen[index], solution, alpha[index])
    return alpha


def _first_alpha(rows, target, start, num_threads):
    if start is not None:
        return start
    return np.sqrt(2 * target / op.tilted_moments(rows, _AT_ZERO, 2, num_threads)[0][..., 2])


def _bracket(shape):
    return np.zeros(shape), np.full(shape, np.inf)


def _solve_near(rows, target, top, largest, start, num_threads):
    """Newton on √D, which is α √(K''/2) for small α and so nearly linear; dD/dα = α K''(α)."""

    def problem(index):
        part, goal = rows.take(index), np.sqrt(target[index])

        def evaluate(alpha):
            moments, _ = op.tilted_moments(part, alpha, 2, num_threads)
            root = np.sqrt(tilted_divergence(part, alpha, num_threads))
            return root - goal, alpha * moments[..., 2] / (2 * root)

        return evaluate

    return newton(problem, _first_alpha(rows, target, start, num_threads), *_bracket(target.shape))


def _solve_far(rows, target, top, largest, start, num_threads):
    """Newton on log(D_max − D), which is nearly linear in α, written without the cancellation.

    Let o be the odds of missing the maximum, η = o / (1 + o), and k₁, k₂ mean and variance of r − max r over the
    letters that miss it, all under T_α. Then D_max − D = −α η k₁ + log1p(o), K'' = η k₂ + η (1 − η) k₁².
    """
    below = shifted(rows, top)
    rest = _without_zero(below)
    log_odds_prior = np.log(-np.expm1(-largest)) + largest

    def problem(index):
        part, prior = rest.take(index), log_odds_prior[index]
        goal = np.log(largest[index] - target[index])

        def evaluate(alpha):
            moments, _ = op.tilted_moments(part, alpha, 2, num_threads)
            log_odds = moments[..., 0] + prior
            odds = np.exp(log_odds)
            eta = odds / (1 + odds)
            mean, variance = moments[..., 1], moments[..., 2]
            with np.errstate(invalid="ignore", divide="ignore"):
                per_odds = -alpha * mean / (1 + odds) + np.where(odds > 0, np.log1p(odds) / odds, 1.0)
                curvature = (variance + (1 - eta) * mean**2) / (1 + odds)
            return goal - log_odds - np.log(per_odds), alpha * curvature / per_odds

        return evaluate

    return newton(problem, _first_alpha(below, target, start, num_threads), *_bracket(target.shape))


def _without_zero(rows):
    """Return `rows` with the letters of reward 0 removed from the weights."""
    weights = np.where(rows.rewards == 0.0, 0.0, rows.probabilities())
    return replace(rows, weights=np.ascontiguousarray(weights), weight_kind=cpu.WEIGHT_PROBABILITY)
