"""Host algorithms over the operations of this family: rate function, divergence of a tilt, tilt of given divergence.

All work on rows × targets at once; rows that have converged are dropped as soon as they are half of those left.
`ops` is the table of operations of the device that holds the rows (`alignment_fast._operations`).
Notation: p the weights, r the reward, K the log-MGF of r under p, T_t ∝ p e^{t r} the tilted policy.
"""

import copy
import math
from dataclasses import replace

import numpy as np

_EPSILON = np.finfo(np.float64).eps
# Bisection alone reaches the last bit of any exponent range within this many steps.
_MAX_ITERATIONS = 200
# Below this √(2 D / K''(0)) is a tilt to three digits.
_TINY_DIVERGENCE = 1e-6
# Share of (|α| range)² below which rounding of α r, seen from an end of the range, would cost a divergence digits.
_UNMOVED = 1e-3
# Where the variance is all but 0, the tilt to start from is no larger than this.
_LARGEST_START = 1e300
# Units in the last place of a tilt that are tried after Newton's method.
_NEIGHBOURS = 4
# Logarithms of weights, to base e or 2, from which on their size counts.
_LARGE_LOG = 16
_AT_ZERO = np.zeros((1, 1))
_AT_INFINITY = np.array([[np.inf]])
_ORIGINS = (_AT_ZERO, _AT_INFINITY, -_AT_INFINITY)


def relative_entropy_term(x):
    """Return h(x) = x e^x − expm1(x) ≥ 0, to a few ulp also near 0, where both terms cancel to x²/2.

    With x = log(π/p) for normalised π and p, D(π‖p) = Σ p h(x): a sum of terms of one sign, so it keeps full relative
    accuracy however close π is to p. The literal Σ π log(π/p) does not.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        plain = x * np.exp(x) - np.expm1(x)
    return _with_series(x, _ENTROPY_SERIES, np.where(x == -np.inf, 1.0, plain))


def exponential_less_linear(x):
    """Return g(x) = e^x − 1 − x ≥ 0, to a few ulp also near 0."""
    return _with_series(x, _EXPONENTIAL_SERIES, np.expm1(x) - x)


# Coefficients of x², x³, ...: (k − 1)/k! and 1/k!. For |x| < 1/2 the 16 terms leave 2^-16·17/18! ≈ 4e-20 behind.
_EXPONENTIAL_SERIES = [1 / math.factorial(k) for k in range(2, 18)]
_ENTROPY_SERIES = [(k - 1) / math.factorial(k) for k in range(2, 18)]


def _with_series(x, coefficients, plain):
    """Return x² Σ_k coefficients[k] x^k where |x| < 1/2, `plain` elsewhere."""
    small = np.abs(x) < 0.5
    near = np.where(small, x, 0.0)
    series = np.zeros_like(near)
    for coefficient in reversed(coefficients):
        series = series * near + coefficient
    return np.where(small, series * near * near, plain)


def shifted(ops, rows, offset):
    """Return `rows` with rewards r − offset (offset (count, 1)) in float64, 0 on letters without weight."""
    rewards = rows.rewards - offset
    if rows.weight_kind != ops.WEIGHT_UNIFORM:
        empty = rows.weights == (-np.inf if rows.weight_kind == ops.WEIGHT_LOG else 0.0)
        rewards = np.where(empty, 0.0, rewards)
    return replace(rows, rewards=rewards).in_float64()


def log_mass_at_zero(ops, rows):
    """Return the log-probability that the reward is exactly 0, shape (count, 1), accurate where it is close to 0."""
    p = ops.probabilities(rows)
    inside = np.where(rows.rewards == 0.0, p, 0.0).sum(axis=1, keepdims=True)
    outside = np.where(rows.rewards == 0.0, 0.0, p).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.where(inside < 0.5, np.log(inside), np.log1p(-np.minimum(outside, 0.5)))


def centred(ops, rows, num_threads=None):
    """Return `rows` with rewards r − μ in float64, and the mean μ (count, 1)."""
    mean, _ = ops.exponential_mean(rows, _AT_ZERO, num_threads)
    return shifted(ops, rows, mean), mean


def log_mgf(ops, rows, t, num_threads=None):
    """Return K(t), also for infinite t: ±inf, or the log-probability of the extreme reward where that is 0."""
    finite = np.isfinite(t)
    value, words = ops.log_mgf(rows, np.where(finite, t, 0.0), num_threads)
    for end in (np.inf, -np.inf):
        if (t == end).any():
            value = np.where(t == end, log_mgf_at(ops, rows, end, num_threads), value)
    return value, words


def log_mgf_at(ops, rows, end, num_threads=None):
    """Return K(end), end = ±inf, shape (count, 1)."""
    extreme, _ = ops.exponential_mean(rows, np.array([[end]]), num_threads)
    with np.errstate(invalid="ignore"):
        return np.where(extreme == 0, log_mass_at_zero(ops, shifted(ops, rows, 0.0)), end * extreme)


class Origins:
    """Rows with rewards measured from their mean, their largest and their least value, each made when it is needed.

    D(T_α ‖ p) comes out with small relative error at every α if log(T_α/p) = α r − L is of the size of its terms: that
    is so from the mean for a weak tilt, and from the end of the range that gains mass for a strong one. The textbook
    α K'(α) − K(α) loses all digits as α → 0.
    """

    def __init__(self, ops, rows, num_threads):
        self._ops, self._rows, self._num_threads = ops, rows, num_threads
        self._origins = [ops.exponential_mean(rows, at, num_threads)[0] for at in _ORIGINS]
        self._measured = [None] * len(_ORIGINS)

    def take(self, index):
        """Return the rows `index` alone."""
        part = copy.copy(self)
        part._rows = self._rows.take(index)
        part._origins = [origin[index] for origin in self._origins]
        part._measured = [rows and rows.take(index) for rows in self._measured]
        return part

    def divergence(self, alpha):
        """Return D(T_α ‖ p), and K(α) of the rewards measured from their mean, for finite alpha (count, T)."""
        mean, top, bottom = self._origins
        with np.errstate(over="ignore"):
            spread = np.abs(alpha) * (top - bottom)
        weak = spread <= 1
        divergence, log_mgf = np.zeros(alpha.shape), np.zeros(alpha.shape)
        for which, chosen in enumerate((weak, ~weak & (alpha > 0), ~weak & (alpha < 0))):
            index = np.flatnonzero(chosen.any(axis=1))
            if index.size:
                here = np.where(chosen[index], alpha[index], 0.0)
                value, log_total = self._from_origin_at(which, index, here)
                divergence[index] = np.where(chosen[index], value, divergence[index])
                with np.errstate(over="ignore"):
                    log_total = log_total + here * (self._origins[which] - mean)[index]
                log_mgf[index] = np.where(chosen[index], log_total, log_mgf[index])
        with np.errstate(over="ignore"):
            unmoved = ~weak & (divergence < _UNMOVED * spread**2)
        index = np.flatnonzero(unmoved.any(axis=1))
        if index.size:
            # A strong tilt that rare letters alone feel: seen from the mean, log(T_α/p) is as small as it is.
            here = np.where(unmoved[index], alpha[index], 0.0)
            value, log_total = self._from_origin_at(0, index, here)
            better = unmoved[index] & np.isfinite(value) & (log_total < 1)
            divergence[index] = np.where(better, value, divergence[index])
            log_mgf[index] = np.where(better, log_total, log_mgf[index])
        return divergence, log_mgf

    def _from_origin_at(self, which, index, alpha):
        """Return D and K of the rows `index` from origin `which` (0: the mean)."""
        ops, part = self._ops, self._from_origin(which).take(index)
        p, rewards = part.weights, part.rewards
        if which == 0:
            log_total = _weak_log_mgf(ops, p, rewards, alpha, self._num_threads)
        else:
            log_total, _ = ops.log_mgf(part, alpha, self._num_threads)
        return ops.entropy_sums(p, rewards, alpha, log_total, self._num_threads), log_total

    def _from_origin(self, which):
        if self._measured[which] is None:
            ops = self._ops
            measured = shifted(ops, self._rows, self._origins[which])
            p = ops.probabilities(measured)
            self._measured[which] = replace(measured, weights=p, weight_kind=ops.WEIGHT_PROBABILITY)
        return self._measured[which]


def tilted_divergence(ops, rows, alpha, num_threads=None):
    """Return D(T_α ‖ p) for finite alpha (count or 1, T), shape (count, T), with small relative error at every α."""
    return Origins(ops, rows, num_threads).divergence(np.broadcast_to(alpha, (rows.count, alpha.shape[1])))[0]


def log_tilted(ops, rows, alpha, num_threads=None):
    """Return log T_α for finite alpha (count, T), shape (count, T, V), in float64.

    Rewards are measured from the end of their range that gains mass, so that adding a constant to them changes nothing:
    from 0, α r and log Σ p e^{α r} may be large numbers with a small difference.
    """
    result = np.zeros((*alpha.shape, rows.rewards.shape[1]))
    for end, chosen in ((np.inf, alpha >= 0), (-np.inf, alpha < 0)):
        if not chosen.any():
            continue
        extreme, _ = ops.exponential_mean(rows, np.array([[end]]), num_threads)
        measured = _of_moderate_weight(ops, shifted(ops, rows, extreme))
        part, _ = ops.log_tilted(measured, np.where(chosen, alpha, 0.0), num_threads)
        result = part if chosen.all() else np.where(chosen[..., None], part, result)
    return np.minimum(result, 0.0)


def _of_moderate_weight(ops, rows):
    """Return float64 `rows` without weights of large logarithm, whose distance from that of the total costs digits."""
    if rows.weight_kind == ops.WEIGHT_UNIFORM:
        return rows
    largest = rows.weights.max(axis=1, keepdims=True)
    if rows.weight_kind == ops.WEIGHT_LOG:
        return replace(rows, weights=rows.weights - np.where(np.abs(largest) > _LARGE_LOG, largest, 0.0))
    exponent = np.frexp(largest)[1]
    return replace(rows, weights=np.ldexp(rows.weights, np.where(np.abs(exponent) > _LARGE_LOG, -exponent, 0)))


def _weak_log_mgf(ops, p, rewards, alpha, num_threads):
    """Return log Σ p e^{α r} for rewards of mean 0 up to rounding, relatively accurate where it is near 0."""
    residual = (p * rewards).sum(axis=1, keepdims=True)
    return np.log1p(ops.exponential_rests(p, rewards, alpha, num_threads) + alpha * residual)


def newton(problem, start, tolerance=2 * _EPSILON):
    """Solve f(t) = 0, t > 0, for an increasing f, elementwise over (rows, targets), by Newton steps kept in a bracket.

    Parameters
    ----------
    problem : callable
        ``problem(index)`` returns a function of t (len(index), T) that gives f and its derivative on these rows.
    start : array (count, T)
        First iterate.
    tolerance : float
        Relative size of the last step.

    """
    t, low, high = start.copy(), np.zeros(start.shape), np.full(start.shape, np.inf)
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
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.where(f == 0, 0.0, -f / slope)
        proposal = here + step
        inside = (proposal >= lower) & (proposal <= upper) & np.isfinite(proposal)
        step, before = np.abs(proposal - here), previous[index]
        # Rounding in f makes steps stop shrinking a few ulp from the root: nothing is gained after that.
        settled = inside & ((step <= tolerance * here) | ((step <= 1e-9 * here) & (2 * step >= before)))
        # Elsewhere steps that do not shrink are the start of a cycle.
        good = inside & (settled | np.isinf(upper) | (step <= 0.75 * before))
        proposal = np.where(good, proposal, _split(here, lower, upper))
        step = np.abs(proposal - here)
        settled |= step <= tolerance * here
        working = active[index]
        t[index] = np.where(working, proposal, here)
        low[index], high[index], previous[index] = lower, upper, step
        active[index] = working & ~settled
    return t


def _split(here, low, high):
    """Return a point inside (low, high) that halves the bracket: in logarithm where its ends differ by a factor.

    While the upper end is infinite the point is squared, and while the lower one is 0 its root is taken, so that a root
    behind any plateau is reached in ten steps.
    """
    with np.errstate(over="ignore"):
        outward = np.where(np.isinf(high), np.minimum(4.0 + here * here, np.finfo(np.float64).max), high)
    far_apart = (low > 0) & (outward / np.where(low > 0, low, 1.0) > 4.0)
    middle = np.where(far_apart, np.sqrt(low) * np.sqrt(outward), low + 0.5 * (outward - low))
    middle = np.where((low == 0) & (outward > 4), np.sqrt(outward), middle)
    return np.where(np.isinf(high), outward, middle)


def _scaled(ops, rows, num_threads):
    """Return `rows` with rewards times a power of two that brings their range to about 1, and its exponent (count, 1).

    Exact, and squares of deviations neither underflow nor overflow after it.
    """
    top, _ = ops.exponential_mean(rows, _AT_INFINITY, num_threads)
    bottom, _ = ops.exponential_mean(rows, -_AT_INFINITY, num_threads)
    exponent = -np.frexp(top - bottom)[1]
    return replace(rows, rewards=np.ldexp(rows.rewards.astype(np.float64), exponent)).in_float64(), exponent


def rate_function(ops, rows, x, num_threads=None):
    """Return I(x) = sup_t (t x − K(t)) and its maximiser t, for x (count or 1, T), rewards finite on the support.

    Inside the range of the reward t solves K'(t) = x, and I = D(T_t‖p). At an end of the range t is infinite and
    I = −log P(r = end); beyond it I is infinite.
    """
    rows, exponent = _scaled(ops, rows, num_threads)
    x = np.ldexp(np.broadcast_to(x, (rows.count, x.shape[1])), exponent)
    reflected = replace(rows, rewards=-rows.rewards)
    above = _maximiser_above_mean(ops, rows, x, num_threads)
    below = -_maximiser_above_mean(ops, reflected, -x, num_threads)
    t = np.where(np.isnan(above), below, above)
    finite = np.isfinite(t)
    value = np.where(finite, tilted_divergence(ops, rows, np.where(finite, t, 0.0), num_threads), np.inf)
    for part, level in ((rows, x), (reflected, -x)):
        largest, end = largest_divergence(ops, part, num_threads)
        value = np.where(level == end, largest, value)
    return value, _unscaled(t, exponent)


def _unscaled(t, exponent):
    """Return tilts of `_scaled` rewards as tilts of the rewards themselves."""
    with np.errstate(over="ignore"):
        return np.ldexp(t, exponent)


def _maximiser_above_mean(ops, rows, x, num_threads):
    """Return the root t of K'(t) = x where x is not below the mean: inf from the largest reward on; NaN elsewhere."""
    around_mean, mean = centred(ops, rows, num_threads)
    largest, top = largest_divergence(ops, rows, num_threads)
    height, reach = x - mean, top - mean
    constant = reach == 0
    t = np.where(x < mean, np.nan, np.where((x >= top) & ~(constant & (x == top)), np.inf, 0.0))
    inside = (height > 0) & (x < top)
    near = inside & (height <= 0.5 * reach)
    far = inside & ~near
    index = np.flatnonzero(near.any(axis=1))
    if index.size:
        # A level of the other regime in one of these rows is solved at a harmless place and thrown away.
        level = np.where(near[index], height[index], 0.25 * reach[index])
        t[index] = np.where(near[index], _solve_mean_near(ops, around_mean.take(index), level, num_threads), t[index])
    index = np.flatnonzero(far.any(axis=1))
    if index.size:
        gap = np.where(far[index], (top - x)[index], 0.25 * reach[index])
        below = BelowTop(ops, shifted(ops, rows.take(index), top[index]), largest[index], num_threads)
        first = (reach[index] - gap) / ops.tilted_moments(rows.take(index), _AT_ZERO, 2, num_threads)[0][..., 2]
        t[index] = np.where(far[index], _solve_mean_far(below, gap, first), t[index])
    return t


def _solve_mean_near(ops, rows, level, num_threads):
    """Solve K'(t) = level for rewards of mean 0, with K' = (D + K)/t: both are ≥ 0, nothing cancels."""
    variance = ops.tilted_moments(rows, _AT_ZERO, 2, num_threads)[0][..., 2]
    origins = Origins(ops, rows, num_threads)

    def problem(index):
        part, from_origins, goal = rows.take(index), origins.take(index), level[index]

        def evaluate(t):
            divergence, log_mgf = from_origins.divergence(t)
            return (divergence + log_mgf) / t - goal, ops.tilted_moments(part, t, 2, num_threads)[0][..., 2]

        return evaluate

    return newton(problem, level / variance)


def _solve_mean_far(below, gap, start):
    """Solve max r − K'(t) = gap by Newton on its logarithm, which is nearly linear in t."""

    def problem(index):
        part, goal = below.take(index), np.log(gap[index])

        def evaluate(t):
            log_odds, odds, mean, curvature = part.at(t)
            per_odds = -mean / (1 + odds)
            return goal - log_odds - np.log(per_odds), curvature / per_odds

        return evaluate

    return newton(problem, start)


class BelowTop:
    """The letters that miss the largest reward: what remains to be gained, without cancellation however little it is.

    Let o be the odds of missing the maximum, η = o/(1 + o), and k₁, k₂ mean and variance of r − max r over the letters
    that miss it, all under T_t. Then max r − K' = −η k₁, D_max − D = −t η k₁ + log1p(o), K'' = η k₂ + η (1 − η) k₁².

    Parameters
    ----------
    below : LetterRows
        Rewards r − max r.
    largest : array (count, 1)
        D_max = −log P(r = max r).

    """

    def __init__(self, ops, below, largest, num_threads):
        weights = np.ascontiguousarray(np.where(below.rewards == 0.0, 0.0, ops.probabilities(below)))
        self._rows = replace(below, weights=weights, weight_kind=ops.WEIGHT_PROBABILITY)
        self._log_prior_odds = np.log(-np.expm1(-largest)) + largest
        self._ops, self._num_threads = ops, num_threads

    def take(self, index):
        """Return the rows `index` alone."""
        part = copy.copy(self)
        part._rows, part._log_prior_odds = self._rows.take(index), self._log_prior_odds[index]
        return part

    def at(self, t):
        """Return log o, o, k₁ and K''/o at t (count, T)."""
        moments, _ = self._ops.tilted_moments(self._rows, t, 2, self._num_threads)
        log_odds = moments[..., 0] + self._log_prior_odds
        odds = np.exp(log_odds)
        mean, variance = moments[..., 1], moments[..., 2]
        return log_odds, odds, mean, (variance + mean**2 / (1 + odds)) / (1 + odds)


def largest_divergence(ops, rows, num_threads=None):
    """Return D(T_∞ ‖ p) = −log P(r = max r), shape (count, 1), and max r (count, 1)."""
    top, _ = ops.exponential_mean(rows, _AT_INFINITY, num_threads)
    return -log_mass_at_zero(ops, shifted(ops, rows, top)), top


def alpha_of_divergence(ops, rows, divergence, *, log_deficit=None, start=None, num_threads=None):
    """Return α ≥ 0 with D(T_α ‖ p) = divergence ≥ 0 (count or 1, T); inf where no tilt reaches it.

    `log_deficit` (count, T) is log(D_max − divergence) where the caller knows it better than the subtraction does;
    `start` (count, T), positive, replaces the first iterate √(2 D / K''(0)).
    """
    rows, exponent = _scaled(ops, rows, num_threads)
    start = None if start is None else np.ldexp(start, -exponent)
    divergence = np.broadcast_to(divergence, (rows.count, divergence.shape[1]))
    largest, top = largest_divergence(ops, rows, num_threads)
    with np.errstate(divide="ignore"):
        if log_deficit is None:
            log_deficit = np.log(np.maximum(largest - divergence, 0.0))
        log_quarter = np.log(0.25 * largest)
    alpha = np.where(log_deficit == -np.inf, np.inf, 0.0)
    alpha[divergence == 0] = 0.0
    near = (divergence > 0) & (divergence < 0.5 * largest)
    far = (divergence >= 0.5 * largest) & (log_deficit > -np.inf)
    for chosen, solve, goal, harmless in (
        (near, _solve_near, divergence, 0.25 * largest),
        (far, _solve_far, log_deficit, log_quarter),
    ):
        index = np.flatnonzero(chosen.any(axis=1))
        if index.size:
            # A target of the other regime in one of these rows is solved at a harmless place and thrown away.
            target = np.where(chosen[index], goal[index], harmless[index])
            first = None if start is None else start[index]
            part = rows.take(index)
            solution = solve(ops, part, target, top[index], largest[index], first, num_threads)
            alpha[index] = np.where(chosen[index], solution, alpha[index])
    return _unscaled(alpha, exponent)


def nearest_doubles(ops, rows, divergence, alpha, tolerance, num_threads=None):
    """Return `alpha` moved by a few units in the last place where that meets `divergence` better, and D(T_α ‖ p) there.

    Where D grows by more than `tolerance` from a double to the next, the last Newton step may land beside the nearest.
    """
    reached = tilted_divergence(ops, rows, np.where(np.isfinite(alpha), alpha, 0.0), num_threads)
    for _ in range(_NEIGHBOURS):
        gap = np.abs(reached - divergence)
        missed = np.isfinite(alpha) & ~(gap <= tolerance * divergence)
        index = np.flatnonzero(missed.any(axis=1))
        if not index.size:
            break
        beside = np.nextafter(alpha, np.where(reached < divergence, np.inf, 0.0))
        there = reached.copy()
        there[index] = tilted_divergence(ops, rows.take(index), np.where(missed, beside, 0.0)[index], num_threads)
        better = missed & (np.abs(there - divergence) < gap)
        alpha, reached = np.where(better, beside, alpha), np.where(better, there, reached)
    return alpha, reached


def _first_alpha(ops, rows, target, start, num_threads):
    if start is not None:
        return start
    variance = ops.tilted_moments(rows, _AT_ZERO, 2, num_threads)[0][..., 2]
    with np.errstate(over="ignore", divide="ignore"):
        return np.minimum(np.sqrt(2 * target) / np.sqrt(variance), _LARGEST_START)


def _solve_near(ops, rows, target, top, largest, start, num_threads):
    """Newton on √D, which is α √(K''/2) for small α and so nearly linear; dD/dα = α K''(α).

    The first iterations take D = α K' − K from rewards measured from their largest value: half the cost, and right to
    many digits unless D is tiny, where the first iterate is good by itself. The last ones take the exact sum.
    """
    below = shifted(ops, rows, top)
    origins = Origins(ops, rows, num_threads)

    def rough_problem(index):
        part, goal = below.take(index), np.sqrt(np.maximum(target[index], _TINY_DIVERGENCE))

        def evaluate(alpha):
            moments, _ = ops.tilted_moments(part, alpha, 2, num_threads)
            root = np.sqrt(np.maximum(alpha * moments[..., 1] - moments[..., 0], _EPSILON))
            return root - goal, alpha * moments[..., 2] / (2 * root)

        return evaluate

    def problem(index):
        part, from_origins, goal = rows.take(index), origins.take(index), np.sqrt(target[index])

        def evaluate(alpha):
            moments, _ = ops.tilted_moments(part, alpha, 2, num_threads)
            root = np.sqrt(from_origins.divergence(alpha)[0])
            return root - goal, alpha * moments[..., 2] / (2 * root)

        return evaluate

    first = _first_alpha(ops, rows, target, start, num_threads)
    rough = newton(rough_problem, first, tolerance=1e-5)
    return newton(problem, np.where(target > _TINY_DIVERGENCE, rough, first))


def _solve_far(ops, rows, target, top, largest, start, num_threads):
    """Newton on log(D_max − D), which is nearly linear in α; the target is log(D_max − D)."""
    shifted_rows = shifted(ops, rows, top)
    below = BelowTop(ops, shifted_rows, largest, num_threads)

    def problem(index):
        part, goal = below.take(index), target[index]

        def evaluate(alpha):
            log_odds, odds, mean, curvature = part.at(alpha)
            with np.errstate(invalid="ignore", divide="ignore"):
                per_odds = -alpha * mean / (1 + odds) + np.where(odds > 0, np.log1p(odds) / odds, 1.0)
            return goal - log_odds - np.log(per_odds), alpha * curvature / per_odds

        return evaluate

    return newton(problem, _first_alpha(ops, shifted_rows, largest - np.exp(target), start, num_threads))
