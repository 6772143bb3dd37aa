"""Sums of rewards on a lattice by tilted Fourier transforms."""

import math
from typing import NamedTuple

import numpy as np
from scipy import fft, signal, special

from alignment_fast.best_of_n.law import BestOfN
from alignment_fast.memoryless._errors import UNIT, Summary, Tails, figure_errors, log_rate, relative_tails
from alignment_fast.memoryless._ladder import (
    DEPTH,
    LAYER,
    MISSED,
    VANISHED,
    Lattice,
    ladder,
    positive_tilts,
    spans,
    tilts,
)
from alignment_fast.memoryless._sampling import Ratio
from alignment_fast.memoryless.results import Law

# Relative error of a probability at the edges of the window of one tilt. They are 8 deviations from the centre, where
# best-of-n is, and their errors count for as little as they weigh.
WINDOW = 0.5
# A window that leaves out so much of best-of-n, in units of the range of the sum, is not enough: the whole law is.
LEFT_OUT = 1e-11
# Best-of-n is below a sum with probability exp(-CERTAIN) at most: what is below that sum need not be told apart.
CERTAIN = 40.0
# Errors that are enough: of the mean in its deviations (or in so many spans if that is more), of the divergence
# relative to itself or 1.
ENOUGH, SPANS = 1e-7, 1e-3
# Points of a law that sums of products are taken of: a third of a second.
FEW_POINTS = 1 << 15
# A complement below this is summed up instead.
ROUGH = 1e-10
# Numbers in one transform: the arrays of one tilt take about 40 bytes for each.
LARGEST = 1 << 26


def of(letters):
    """Return the lattice that the rewards of `letters` lie on."""
    steps = letters.keys.steps
    log_weight = np.full(int(steps[-1]) + 1, -np.inf)
    log_weight[steps] = np.log(letters.p)
    return Lattice(log_weight)


def points(letters, m):
    """Return the number of points of the lattice of the sum."""
    return m * int(letters.keys.steps[-1]) + 1


def refuse_large(size, m):
    """Raise ValueError if transforms of `size` points would not fit."""
    if size > LARGEST:
        raise ValueError(
            f"the sum of m = {m} rewards lies on a lattice of {size} points, whose transforms would take "
            f"{40 * size / 2**30:.1f} GiB; use method='saddlepoint', or round the rewards to a coarser lattice"
        )


def law(ops, letters, m, num_threads):
    """Return the `Law` of the sum: every point to relative accuracy."""
    refuse_large(points(letters, m), m)
    whole = ladder(ops, of(letters), m, num_threads=num_threads)
    found = whole.log_pmf > -np.inf
    support = _rewards(letters, m, np.flatnonzero(found))
    return Law(support, whole.log_pmf[found], "fft", float(whole.error.max()))


def _rewards(letters, m, sums):
    return m * letters.keys.offset + letters.keys.span * sums


def summary(ops, asked):
    """Return the `Summary` of best-of-n from one tilt, that of the aligned policy, or from the whole law.

    Where transforms cannot see sums that count, and there are few of them, sums of products take their place.
    """
    letters, m = asked.letters, asked.m
    refuse_large(points(letters, m), m)
    lattice = of(letters)
    theta = np.array([_tilt(lattice, m, asked.alpha * letters.keys.span)])
    found = _of_tilt(ops, asked, lattice, tilts(ops, lattice, m, theta, asked.num_threads))
    if found is not None and not poor(found, letters):
        return found
    if points(letters, m) <= FEW_POINTS:
        found = _of_tilt(ops, asked, lattice, positive_tilts(lattice, m, theta))
    return _of_ladder(ops, asked, lattice) if found is None else found


def poor(found, letters):
    """Return whether the errors of a `Summary` are such that another method should be asked."""
    unit = max(math.sqrt(found.reward_variance), SPANS * letters.keys.span)
    return not (found.errors.expected_reward <= ENOUGH * unit and found.errors.kl <= ENOUGH * max(1.0, found.kl))


def _of_tilt(ops, asked, lattice, known):
    """Return the `Summary` from one tilt, None where best-of-n may reach beyond what the tilt knows."""
    atoms = _window(ops, known, asked.m, asked.log_n)
    if atoms.left_out > LEFT_OUT:
        return None
    best = _Best.of(asked, atoms)
    marginal, off = _tilted_marginal(ops, asked, lattice, known, best)
    tails, log_ratio = _tails(asked, lattice, known, best)
    errors = figure_errors(tails, log_ratio, asked.log_n, best.figures, _largest_sum(asked))
    marginal_error = min(1.0, errors.marginal + off)
    return Summary(*best.figures, marginal, errors._replace(marginal=marginal_error))


def _of_ladder(ops, asked, lattice):
    """Return the `Summary` from the whole law, with errors that are estimates like those of the law."""
    atoms = _ladder_atoms(ops, asked, lattice)
    best = _Best.of(asked, atoms)
    tails = relative_tails(_rewards(asked.letters, asked.m, atoms.sums), atoms.log_pmf, atoms.error)
    errors = figure_errors(tails, best.log_ratio, asked.log_n, best.figures, _largest_sum(asked))
    return Summary(*best.figures, _marginal(ops, asked, lattice, best), errors._replace(bound=False))


def _largest_sum(asked):
    return asked.m * float(np.abs(asked.letters.reward).max())


class _Best(NamedTuple):
    """Best-of-n over `_Atoms`: its main numbers, log π and log π/P of each."""

    mean: float
    variance: float
    kl: float
    log_pi: np.ndarray
    log_ratio: np.ndarray
    atoms: "_Atoms"

    @property
    def figures(self):
        """Mean, variance and divergence."""
        return self.mean, self.variance, self.kl

    @classmethod
    def of(cls, asked, atoms):
        """Return best-of-n over `_Atoms`."""
        options = {"log_n": asked.log_n, "num_threads": asked.num_threads}
        rewards = _rewards(asked.letters, asked.m, atoms.sums)
        best = BestOfN(atoms.log_pmf, rewards, log=True, num_threads=asked.num_threads)
        log_pi = best.log_pmf(**options)
        figures = [float(figure(**options)) for figure in (best.expected_reward, best.reward_variance, best.kl)]
        return cls(*figures, log_pi, log_pi - atoms.log_pmf, atoms)


def ratio(ops, asked):
    """Return the `Ratio` of best-of-n."""
    letters, m, num_threads = asked.letters, asked.m, asked.num_threads
    refuse_large(points(letters, m), m)
    lattice = of(letters)
    theta = np.array([_tilt(lattice, m, asked.alpha * letters.keys.span)])
    few = points(letters, m) <= FEW_POINTS
    known = positive_tilts(lattice, m, theta) if few else tilts(ops, lattice, m, theta, num_threads)
    atoms = _window(ops, known, m, asked.log_n)
    if atoms.left_out > LEFT_OUT:
        atoms = _ladder_atoms(ops, asked, lattice)
    rewards = _rewards(letters, m, atoms.sums)
    best = BestOfN(atoms.log_pmf, rewards, log=True, num_threads=num_threads)
    return Ratio(rewards, best.log_pmf(log_n=asked.log_n, num_threads=num_threads) - atoms.log_pmf, False)


def _ladder_atoms(ops, asked, lattice):
    every = ladder(ops, lattice, asked.m, num_threads=asked.num_threads)
    sums = np.flatnonzero(every.log_pmf > -np.inf)
    return _Atoms(sums, every.log_pmf[sums], every.error[sums], 0.0, False)


def _tilt(lattice, m, theta):
    """Return the tilt `theta`, or one at which a few of the m letters miss the largest step if that is less."""
    most = 1.0 / lattice.top
    while most < theta and 1 - lattice.tilted(np.array([most]))[0][0, -1] > min(MISSED / m, 0.5):
        most *= 1.5
    return min(theta, most)


class _Atoms(NamedTuple):
    """Sums, the logarithms of their probabilities with relative errors, and how much of best-of-n they may miss.

    Where the sums below have been `merged`, the first atom is all of them.
    """

    sums: np.ndarray
    log_pmf: np.ndarray
    error: np.ndarray
    left_out: float
    merged: bool


def _window(ops, known, m, log_n):
    """Return the `_Atoms` that one tilt knows and best-of-n may reach; everything below them is one more atom."""
    (mass,), (noise,), (theta,), (log_mgf,) = known.mass, known.noise, known.theta, known.log_mgf
    log_pmf, error = np.full(len(mass), -np.inf), np.full(len(mass), np.inf)
    known.merge(ops, m, WINDOW, log_pmf, error)
    sums = np.flatnonzero(mass > noise / WINDOW)
    log_pmf, error, first, last = log_pmf[sums], error[sums], sums[0], sums[-1]
    # Tilted laws fall off faster than geometrically beyond the ends of the window.
    beyond = math.log(len(sums) * noise)
    above = -math.inf if last == len(mass) - 1 else beyond + m * log_mgf - theta * last
    left_out = math.exp(min(0.0, log_n + above))
    log_tail = np.minimum(np.logaddexp.accumulate(log_pmf[::-1])[::-1], 0.0)
    rate = log_rate(log_tail, log_n)  # log P(best-of-n below a sum) = -exp(rate)
    certain = np.flatnonzero(rate >= math.log(CERTAIN))
    start = int(certain[-1]) if certain.size else 0
    if first + start == 0:
        return _Atoms(sums, log_pmf, error + np.exp(log_pmf) @ error, left_out, False)
    below = -math.expm1(min(0.0, special.logsumexp(log_pmf[start:])))
    if below < ROUGH:  # mostly rounding: what is known of it is more
        below = math.exp(np.logaddexp(special.logsumexp(log_pmf[:start]) if start else -math.inf, beyond))
    left_out += math.exp(-math.exp(min(rate[start], 700.0))) if rate[start] > -math.inf else 1.0
    return _Atoms(
        np.concatenate([[sums[start] - 1], sums[start:]]),
        np.concatenate([[math.log(below)], log_pmf[start:]]),
        np.concatenate([[0.0], error[start:]]),
        left_out,
        True,
    )


class _Points(NamedTuple):
    """Points of the lattice, ascending, with bounds of logarithms of their tails, and log π/P where it is known."""

    sums: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    log_ratio: np.ndarray

    def followed_by(self, others):
        """Return these points and the `others`, which lie above."""
        return _Points._make(np.concatenate(pair) for pair in zip(self, others, strict=True))


def _tails(asked, lattice, known, best):
    """Return the `Tails` of the sum that one tilt proves, at every point of the lattice that counts; log π/P there.

    In T(s) = Σ_{t >= s} P_θ(t) e^{-θ(t - s)}, tails without their scale, all terms are moderate; what lies above the
    window, and below it, is bounded by Chernoff.
    """
    m, log_n, atoms = asked.m, asked.log_n, best.atoms
    (mass,), (theta,), (log_mgf,) = known.mass, known.theta, known.log_mgf
    (absolute,), (relative,) = known.absolute, known.relative
    kept, top = atoms.sums[int(atoms.merged) :], m * lattice.top
    low, high = int(kept[0]), max(int(kept[-1]), int(spans(lattice, m, known.theta)[1, 0]))
    sums = np.arange(low, high + 1)
    upper = np.maximum(mass[low : high + 1], 0.0) * (1 + relative) + absolute
    lower = np.zeros(len(sums))
    lower[kept - low] = np.maximum(mass[kept] * (1 - relative) - absolute, 0.0)
    beyond, decay = (math.exp(-DEPTH) if high < top else 0.0), math.exp(-theta)
    masses = upper
    upper = signal.lfilter([1.0], [1.0, -decay], upper[::-1], zi=[decay * beyond])[0][::-1]
    lower = signal.lfilter([1.0], [1.0, -decay], lower[::-1])[::-1]
    scale, whole = m * log_mgf - theta * sums, special.logsumexp(atoms.log_pmf)
    slack = UNIT * (8 * abs(m * log_mgf) + 8 * theta * high + 4 * log_n + 8) + abs(whole)
    with np.errstate(divide="ignore"):
        upper = np.minimum.accumulate(np.minimum(np.log(upper) + scale + slack, 0.0))
        lower = np.maximum.accumulate((np.log(lower) + scale - slack)[::-1])[::-1]
        below = max(_log_below(lattice, m, low), atoms.log_pmf[0] if atoms.merged else -np.inf)
        below = np.logaddexp.accumulate(np.concatenate([[below], np.log(masses[:-1]) + scale[:-1]])) + slack
        certain = np.log1p(-np.exp(np.minimum(below, 0.0)))
    lower = np.minimum(np.maximum(lower, certain), upper)
    ratio = np.full(len(sums), np.nan)
    ratio[kept - low] = best.log_ratio[int(atoms.merged) :]
    known_points = _Points(sums, lower, upper, ratio)
    if atoms.merged:
        first = [0] if low == 1 else [0, low - 1]
        ends = [0.0] if low == 1 else [0.0, lower[0]]
        ratios = [*[np.nan] * (len(first) - 1), best.log_ratio[0]]
        known_points = _Points(first, ends, [0.0] * len(first), ratios).followed_by(known_points)
    else:
        lower[0] = upper[0] = 0.0
    if high < top:
        last = [high + 1] if high + 1 == top else [high + 1, top]
        above = -DEPTH + m * log_mgf - theta * (high + 1) + slack
        count = len(last)
        known_points = known_points.followed_by(
            _Points(last, [-np.inf] * count, [min(above, 0.0)] * count, [np.nan] * count)
        )
    rewards = _rewards(asked.letters, m, known_points.sums)
    return Tails(rewards, known_points.lower, known_points.upper), known_points.log_ratio


def _log_below(lattice, m, low):
    """Return the logarithm of a bound of P(S < low), Chernoff's."""
    if low == 0:
        return -math.inf
    (_, (deviation,)) = lattice.moments(np.zeros(1))
    tilt = np.sqrt(2 * DEPTH / max(m * deviation**2, 1.0)) * np.array([0.25, 0.5, 1.0, 2.0])
    return float((m * lattice.tilted(-tilt)[1] + tilt * (low - 1)).min())


def _marginal(ops, asked, lattice, best):
    """Return the token marginal p_j Σ_s (π(s)/P_m(s)) P_{m-1}(s - j), from whole laws."""
    letters, m = asked.letters, asked.m
    fewer = ladder(ops, lattice, m - 1, num_threads=asked.num_threads).log_pmf if m > 1 else np.zeros(1)
    marginal = np.zeros(len(letters.p))
    for at, step in enumerate(letters.keys.steps):
        place = best.atoms.sums - step
        inside = (place >= 0) & (place < len(fewer))
        marginal[at] = letters.p[at] * np.exp(best.log_ratio[inside] + fewer[place[inside]]).sum()
    return marginal / marginal.sum()


def _tilted_marginal(ops, asked, lattice, known, best):
    """Return the same from laws under one tilt, in which all factors are moderate, and the error of an entry at most.

    p_j P_{m-1}(s - j)/P_m(s) is the same expression of the tilted laws. The error is that of these laws and of the
    correlation; that of best-of-n itself comes to it. Sums that are merged are left out, and what best-of-n gives them
    is an error: under the tilt they are so unlikely that rounding of their factor would be all that is left.
    """
    m, atoms, steps, theta = asked.m, best.atoms, asked.letters.keys.steps, known.theta
    weight, log_mgf = lattice.tilted(theta)
    ratio = np.zeros(m * lattice.top + 1)
    apart = slice(int(atoms.merged), None)
    kept, log_pi = atoms.sums[apart], best.log_pi[apart]
    ratio[kept] = np.exp(best.log_ratio[apart] + m * log_mgf[0] - theta[0] * kept)
    positive, correlating = known.noise[0] == VANISHED, 0.0
    if m == 1:
        fewer, absolute, relative = np.ones(1), 0.0, known.relative[0]
    else:
        less = (
            positive_tilts(lattice, m - 1, theta) if positive else tilts(ops, lattice, m - 1, theta, asked.num_threads)
        )
        fewer, absolute, relative = less.mass[0], less.absolute[0], less.relative[0]
    if positive:
        overlap = np.array([ratio[step : step + len(fewer)] @ fewer for step in steps])
    else:
        length = fft.next_fast_len(len(ratio), real=True)
        overlap = fft.irfft(fft.rfft(ratio, length) * fft.rfft(fewer, length).conj(), length)[steps]
        one, two = float(ratio.sum()), np.sqrt([fewer @ fewer, ratio @ ratio])
        correlating = LAYER * math.log2(length) * UNIT * float(2 * two[0] * one + two[1])
    marginal = np.maximum(weight[0][steps] * overlap, 0.0)
    uncertainty = known.absolute[0] / np.maximum(known.mass[0][kept], known.absolute[0])
    merged = float(np.exp(best.log_pi[: int(atoms.merged)]).sum())
    own = float(np.exp(log_pi) @ uncertainty) + known.relative[0] + relative + merged
    return marginal / marginal.sum(), 2 * (own + (absolute * float(ratio.sum()) + correlating) * float(weight[0].max()))
