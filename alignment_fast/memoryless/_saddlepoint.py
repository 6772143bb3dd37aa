r"""Sums of m rewards by saddlepoint expansions: tails by the Lugannani-Rice formula of second order, best-of-n.

Cost is independent of n and of m.

With the cumulants K, κ_j of one reward under the tilt θ, the sum reaches s = m κ_1 with probability

    log Q = log φ(w) + log(Mills(w) + 1/u - 1/w + (λ4/8 - 5 λ3²/24)/u - λ3/(2u²) - 1/u³ + 1/w³),

w = sgn θ √(2m(θ κ_1 - K)), u = θ √(m κ_2), λ_j = κ_j/κ_2^{j/2} m^{1-j/2}. Below the mean the same formula gives the
lower tail of the reflected reward. The error is of relative order m^-2 where rewards are spread out like a density.

Best-of-n is an integral against the Gumbel law: with v = log n + log(-log(1 - Q)) increasing towards smaller sums,
n independent sums are all below s(v) with probability exp(-e^v). Everything is a function of θ: s and v are analytic
in it, so a few Chebyshev points of θ carry both, and no equation is solved for the nodes.

References: Lugannani and Rice (1980); Daniels, "Tail probability approximations" (1987); Jensen, "Saddlepoint
approximations" (1995), for the terms of the error.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy import fft, interpolate, special

from alignment_fast.kernels.information.structures import LetterRows
from alignment_fast.memoryless._errors import UNIT, Errors, Summary, log_rate, most_divergence, single_share
from alignment_fast.memoryless._sampling import Ratio
from alignment_fast.memoryless.results import Law

# Degrees of the polynomials that carry s and v, the next one where v is not met to ENOUGH; Chebyshev points for each
# degree, more of them so that points near the mean can be left out; nodes of the quadrature.
DEGREES, SPARE, ENOUGH = (19, 39, 79), 5, 1e-10
NODES = 160
# exp(-e^v) is 1e-16 at v = LOWEST below and 0 at v = HIGHEST: best-of-n lies between.
LOWEST, HIGHEST = -37.0, 3.7
# 1/u - 1/w loses digits like 1/u^3: points so near the mean are left to the polynomial.
NEAR_MEAN = 0.05
# By how much the probabilities of a law that is worth the name may miss 1 in all.
FAR_FROM_ONE = 0.5
# Chebyshev points of the token marginal: e^{θ r} over the narrow range of θ.
MARGINAL_POINTS = 10
# Characteristic function: bins of the range of the reward, step of t in standard deviations of its peaks, and up to
# which t times the width of a bin it is evaluated (the bins blur it further out).
BINS, STEP, CLEAR = 1 << 12, 1.5, 0.25
# Points of a ratio between which it is interpolated: errors of about 1e-8.
FINE = 1 << 14
# Cells of a law, tilts that its tails are computed at, and how far they go.
CELLS, TILTS, FARTHEST = 4096, 257, 700.0
# Where the Gaussian peak of a characteristic function ends, in standard deviations: e^{-PEAK²/2} is 6e-13.
PEAK = 7.5


def rows_of(ops, p, reward):
    """Return letters with probabilities `p` and rewards `reward` as rows of the information kernels."""
    kinds = ops.WEIGHT_PROBABILITY, ops.REWARD_GIVEN
    return LetterRows(np.ascontiguousarray(p)[None], kinds[0], np.ascontiguousarray(reward)[None], kinds[1], 1)


def moments(ops, rows, theta, order):
    """Return K and the cumulants κ_1..κ_order under the tilts `theta` (T,), shape (1 + order, T)."""
    log_mgf, cumulants, _ = ops.tilted_moments(rows, np.ascontiguousarray(theta)[None], order, num_threads=1)
    return np.concatenate([log_mgf, cumulants[0].T])


def log_tails(theta, k, m):
    """Return log P(S >= s) for theta > 0 and log P(S <= s) for theta < 0, from the `moments` k up to order 4."""
    sign = np.sign(theta)
    w = np.sqrt(2 * m * np.maximum(theta * k[1] - k[0], 0.0))
    u = np.abs(theta) * np.sqrt(m * k[2])
    skewness = sign * k[3] / (k[2] ** 1.5 * np.sqrt(m))
    excess = k[4] / (k[2] ** 2 * m)
    mills = np.sqrt(np.pi / 2) * special.erfcx(w / np.sqrt(2))
    second = (excess / 8 - 5 * skewness**2 / 24) / u - skewness / (2 * u**2) - 1 / u**3 + 1 / w**3
    return -0.5 * w**2 - 0.5 * np.log(2 * np.pi) + np.log(mills + 1 / u - 1 / w + second)


def truncation(k, m):
    """Return the next term of the saddlepoint expansion, of order m^-2, from the `moments` k up to order 6."""
    scaled = [k[j] / k[2] ** (j / 2) * m ** (1 - j / 2) for j in range(3, 7)]
    third, fourth, fifth, sixth = scaled
    return (
        -sixth / 48
        + 7 * third * fifth / 48
        + 35 * fourth**2 / 384
        - 35 * third**2 * fourth / 64
        + 385 * third**4 / 1152
    )


def gumbel(theta, log_tail, log_n):
    """Return v = log n + log(-log(1 - Q)) from the `log_tails`."""
    upper = np.minimum(log_tail, -1e-300)
    return np.where(theta > 0, log_rate(upper, log_n), log_n + np.log(-upper))


def ripple(ops, rows, theta, m, k):
    """Return an estimate of the relative error of tails where the sum is not spread out like a density.

    It is the part of the inversion integral outside the central peak of the characteristic function f of the tilted
    reward, θ √(m κ_2/2π) ∫ |f|^m/|θ + it| dt; a few letters or nearly a lattice give f peaks of almost 1 there.
    The second value is the share of single sums in a tail in the same sense, θ √(2π m κ_2) times the mean of |f|^m.
    """
    reward, log_mass = rows.rewards[0], ops.log_tilted(rows, np.array([[theta]]), num_threads=1)[0][0, 0]
    low, high = reward.min(), reward.max()
    width = (high - low) / (BINS - 1)
    bins = np.rint((reward - low) / width).astype(np.int64)
    mass = np.bincount(bins, weights=np.exp(log_mass), minlength=BINS)
    deviation = np.sqrt(m * k[2])
    length = fft.next_fast_len(max(BINS, int(2 * np.pi * deviation / (STEP * width))), real=True)
    step = 2 * np.pi / (length * width)
    t = step * np.arange(int(CLEAR / (step * width)))
    with np.errstate(divide="ignore", under="ignore"):
        peaks = np.exp(m * np.log(np.abs(fft.rfft(mass, length)[: len(t)])))
    outside = t > PEAK / deviation
    integral = step * (peaks[outside] / np.hypot(theta, t[outside])).sum()
    mean = peaks[outside].mean() if outside.any() else 1.0
    scale = abs(theta) * deviation
    return 2 * scale / np.sqrt(2 * np.pi) * integral, scale * np.sqrt(2 * np.pi) * mean


class _TiltedBestOfN(NamedTuple):
    """Best-of-n of sums without ties.

    Parameters
    ----------
    mean, variance : float
        Of the sum.
    tilts, weights : array (MARGINAL_POINTS,)
        Averages over best-of-n of a smooth function of the tilt θ at which a sum is typical: Σ weights f(tilts).
    error : float
        Estimated absolute error of the mean.
    gap : float
        Estimate of what ties take off the divergence from the reference.
    tails : float
        Estimated relative error of tails, averaged over best-of-n.

    """

    mean: float
    variance: float
    tilts: np.ndarray
    weights: np.ndarray
    error: float
    gap: float
    tails: float


def best_of_n(ops, asked):
    """Return `_TiltedBestOfN`; None where it reaches an end of the range of sums, where no tilt is typical.

    None too where tails are known at too few tilts for a curve, or where what the curve gives is far from a law.
    """
    m = asked.m
    origin, rows = _centred(ops, asked.letters)
    ends = _range(ops, rows, asked)
    if ends is None:
        return None
    curve = _good_curve(ops, rows, asked, ends)
    if curve is None:
        return None
    nodes, weights = _legendre()
    v, slope_of_v = chebyshev.chebval(nodes, curve.v), chebyshev.chebval(nodes, chebyshev.chebder(curve.v))
    with np.errstate(over="ignore"):
        weights = weights * np.exp(v - np.exp(v)) * -slope_of_v
    total = weights.sum()
    if not abs(1 - total) < FAR_FROM_ONE:
        return None
    weights = weights / total
    s = chebyshev.chebval(nodes, curve.s)
    mean = float(weights @ s)
    points, averaging = _averaging(nodes, weights)
    tilts = curve.tilt(points)
    typical = np.array([averaging @ tilts])
    k = moments(ops, rows, typical, 2)[:, 0]
    if not k[2] > 0:  # one letter is all that the typical tilt leaves
        return None
    ripples, gap = ripple(ops, rows, typical[0], m, k)
    # An error of a tail shifts v by as much, and sums by ds/dv times that.
    shift = np.abs(chebyshev.chebval(nodes, chebyshev.chebder(curve.s)) / slope_of_v)
    terms = 2 * np.abs(chebyshev.chebval(nodes, curve.truncation)) + ripples + curve.miss + abs(1 - total)
    variance = float(weights @ (s - mean) ** 2)
    return _TiltedBestOfN(
        mean + m * origin, variance, tilts, averaging, float(weights @ (shift * terms)), gap, float(weights @ terms)
    )


def _centred(ops, letters):
    """Return the mean reward, and the `letters` with their rewards from there as rows."""
    origin = float(letters.p @ letters.reward)
    return origin, rows_of(ops, letters.p, letters.reward - origin)


class _Curve(NamedTuple):
    """Sums s, v and the truncation error of tails as Chebyshev series over the tilts between `low` and `high`."""

    low: float
    high: float
    s: np.ndarray
    v: np.ndarray
    truncation: np.ndarray
    miss: float

    def tilt(self, x):
        """Return the tilts at `x` in [-1, 1]."""
        return 0.5 * (self.low + self.high) + 0.5 * (self.high - self.low) * x


def _good_curve(ops, rows, asked, ends):
    """Return the curve of the first degree that is enough, else the last one; None without enough points for it."""
    for degree in DEGREES:
        curve = _curve(ops, rows, asked, ends, degree)
        if curve.miss < ENOUGH:
            break
    return curve if math.isfinite(curve.miss) else None


def _curve(ops, rows, asked, ends, degree):
    m = asked.m
    x = chebyshev.chebpts1(degree + SPARE)
    theta = 0.5 * (ends[0] + ends[1]) + 0.5 * (ends[1] - ends[0]) * x
    k = moments(ops, rows, theta, 6)
    with np.errstate(all="ignore"):
        v = gumbel(theta, log_tails(theta, k, m), asked.log_n)
    clear = (np.abs(theta) * np.sqrt(m * k[2]) > NEAR_MEAN) & np.isfinite(v)
    series = _fit(x[clear], v[clear], degree)
    # Through fewer points than coefficients a series goes exactly, whatever it does between them.
    enough = np.count_nonzero(clear) > degree
    miss = float(np.abs(chebyshev.chebval(x[clear], series) - v[clear]).max()) if enough else math.inf
    s, rest = (_fit(x, values, degree) for values in (m * k[1], truncation(k, m)))
    return _Curve(*ends, s, series, rest, miss)


def _fit(x, values, degree):
    """Return a Chebyshev series by least squares."""
    return chebyshev.chebfit(x, values, degree, full=True)[0]


@cache
def _legendre():
    return np.polynomial.legendre.leggauss(NODES)


def _averaging(nodes, weights):
    """Return Chebyshev points and weights with Σ weights_i f(points_i) = Σ weights f(nodes) for polynomials f."""
    points = chebyshev.chebpts1(MARGINAL_POINTS)
    averages = weights @ chebyshev.chebvander(nodes, MARGINAL_POINTS - 1)
    basis = chebyshev.chebvander(points, MARGINAL_POINTS - 1) * (2 / MARGINAL_POINTS)
    basis[:, 0] /= 2
    return points, basis @ averages


def _range(ops, rows, asked):
    """Return the tilts between which best-of-n lies, None if they do not exist."""
    m, alpha = asked.m, asked.alpha
    if not np.isfinite(alpha):
        return None

    scale = 1 / np.sqrt(m * moments(ops, rows, np.zeros(1), 2)[2, 0])

    def v_of(theta):
        if abs(theta) < NEAR_MEAN * scale:
            theta = NEAR_MEAN * scale
        at = np.array([theta])
        with np.errstate(all="ignore"):
            return float(gumbel(at, log_tails(at, moments(ops, rows, at, 4), m), asked.log_n)[0])

    ends = [_end(v_of, alpha, scale, goal, side) for goal, side in ((HIGHEST, -1), (LOWEST, 1))]
    return None if None in ends else ends


def _end(v_of, start, step, goal, side):
    """Return a tilt to one side of `start` at which v is a little beyond `goal`, None if there is none."""
    inside = outside = start
    while not side * (goal - v_of(outside)) >= 0:
        inside, outside, step = outside, outside + side * step, 1.6 * step
        if not np.isfinite(v_of(outside)):
            return None
    for _ in range(3):
        between = 0.5 * (inside + outside)
        if side * (goal - v_of(between)) >= 0:
            outside = between
        else:
            inside = between
    return outside


def marginal(ops, letters, m, best):
    """Return the token marginal of `_TiltedBestOfN`.

    Given the sum s, typical of θ, a letter has probability p e^{θ r - K} (1 + (1 - d² + γ d)/(2m)) to order m^-2, with
    d the distance of r from the mean κ_1 in standard deviations and γ the skewness of the tilted reward.
    """
    _, rows = _centred(ops, letters)
    k = moments(ops, rows, best.tilts, 3)
    log_tilted, _ = ops.log_tilted(rows, best.tilts[None], num_threads=1)
    deviation = np.sqrt(k[2])
    skewness = k[3] / deviation**3
    # 1 + (1 - d² + γ d)/(2m) as a polynomial in r, node by node: three weighted averages of tilted laws.
    mean = k[1] / deviation
    constant = 1 + (1 - mean**2 - skewness * mean) / (2 * m)
    linear = (2 * mean + skewness) / (2 * m * deviation)
    square = -1 / (2 * m * k[2])
    tilted = np.exp(log_tilted[0])
    averages = (best.weights * np.array([constant, linear, square])) @ tilted
    found = averages[0] + rows.rewards[0] * (averages[1] + rows.rewards[0] * averages[2])
    found = np.maximum(found, 0.0)  # the expansion of a letter far out may be negative
    if not found.any():  # that of every letter, where few sums of rare letters are all: the law of first order
        found = tilted[np.argmax(best.weights)]
    return found / found.sum()


def cells(ops, letters, m):
    """Return middles and log-probabilities of CELLS equal cells of the sum, and an estimate of their relative error.

    The cells reach to tails of exp(-FARTHEST), or as far as tails are known.
    """
    origin, rows = _centred(ops, letters)
    deviation = np.sqrt(m * moments(ops, rows, np.zeros(1), 2)[2, 0])
    theta = np.sinh(np.linspace(-1.0, 1.0, TILTS) * np.arcsinh(FARTHEST)) / deviation
    theta = theta[np.abs(theta) * deviation > NEAR_MEAN]
    k = moments(ops, rows, theta, 6)
    with np.errstate(all="ignore"):
        tails = log_tails(theta, k, m)
    known = np.isfinite(tails) & (tails > -FARTHEST) & (k[2] > 0)
    theta, k, tails = theta[known], k[:, known], tails[known]
    s = m * k[1]
    edges = np.linspace(s[0], s[-1], CELLS + 1)
    # Gaussian scores are smooth through the mean, where the tails change sides.
    scores = np.where(theta > 0, -1, 1) * special.ndtri_exp(tails)
    score = interpolate.CubicSpline(s, scores)(edges)
    log_pmf = np.where(score[:-1] > 0, _log_between(-score[1:], -score[:-1]), _log_between(score[:-1], score[1:]))
    log_pmf -= special.logsumexp(log_pmf)
    error = 2 * np.abs(truncation(k, m)).max()
    return m * origin + 0.5 * (edges[1:] + edges[:-1]), log_pmf, float(error)


def _log_between(low, high):
    """Return log(Φ(high) - Φ(low)) for low < high."""
    upper = special.log_ndtr(high)
    with np.errstate(divide="ignore"):  # both in the far upper tail: the other branch is taken
        return upper + np.log1p(-np.exp(special.log_ndtr(low) - upper))


def law(ops, letters, m, num_threads):
    """Return the `Law` of the sum in equal cells, each at its middle."""
    support, log_pmf, error = cells(ops, letters, m)
    return Law(support, log_pmf, "saddlepoint", error)


def summary(ops, asked):
    """Return the `Summary` of best-of-n; None where it reaches an end of the range of sums."""
    letters, m = asked.letters, asked.m
    best = best_of_n(ops, asked)
    if best is None:
        return None
    # Without ties D(best-of-n ‖ p^m) = log n - 1 + 1/n whatever the rewards are.
    most = most_divergence(asked.log_n)
    kl = min(max(most - best.gap, 0.0), most)
    tokens = marginal(ops, letters, m, best)
    # Checked by what the tokens say, which is another expansion; and nothing here knows of single sums that weigh.
    rounding = m * np.finfo(np.float64).eps * float(np.abs(letters.reward).max())
    differ = abs(m * float(tokens @ letters.reward) - best.mean)
    single = min(1.0, 4 * single_share(letters, m, asked.alpha))
    variance = max(best.variance, 0.0)  # quadrature weights have either sign
    # Best-of-n lies between the reference and the largest sum.
    ends = m * float(letters.p @ letters.reward), m * float(letters.reward[-1])
    most_off = max(best.mean - ends[0], ends[1] - best.mean)
    error = min(2 * best.error + differ + single * most_off, most_off) + rounding
    return Summary(
        best.mean,
        variance,
        kl,
        tokens,
        Errors(
            error,
            error * (2 * math.sqrt(variance) + error),
            min(max(kl, most - kl), 2 * (best.gap + best.tails) + single * (1 + most) + UNIT * (16 + 8 * most)),
            min(1.0, 16 / m**2 + 4 * single + differ / (m * float(np.ptp(letters.reward)))),
            False,
        ),
    )


def ratio(ops, asked):
    """Return the `Ratio` of best-of-n, a smooth function of sums close enough to interpolate; None as `summary`."""
    origin, rows = _centred(ops, asked.letters)
    ends = _range(ops, rows, asked)
    if ends is None:
        return None
    curve = _good_curve(ops, rows, asked, ends)
    if curve is None:
        return None
    x = np.linspace(-1.0, 1.0, FINE)
    v = chebyshev.chebval(x, curve.v)
    log_n = asked.log_n
    # log n + (n - 1) log(1 - Q)
    return Ratio(asked.m * origin + chebyshev.chebval(x, curve.s), log_n + np.expm1(-log_n) * np.exp(v), smooth=True)
