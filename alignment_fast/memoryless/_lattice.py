"""Sums of rewards on a lattice by tilted Fourier transforms."""

import math
from typing import NamedTuple

import numpy as np
from scipy import fft, special

from alignment_fast.best_of_n.law import BestOfN
from alignment_fast.memoryless._ladder import MISSED, Lattice, ladder, tilts
from alignment_fast.memoryless._sampling import Ratio
from alignment_fast.memoryless.results import Law, Summary

# Relative error of a probability at the edges of the window of one tilt. They are 8 deviations from the centre, where
# best-of-n is, and their errors count for as little as they weigh.
WINDOW = 0.5
# A window that leaves out so much of best-of-n, in units of the range of the sum, is not enough: the whole law is.
LEFT_OUT = 1e-11
# Best-of-n is below a sum with probability exp(-CERTAIN) at most: what is below that sum need not be told apart.
CERTAIN = 40.0
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


def summary(ops, letters, m, log_n, alpha, num_threads):
    """Return the `Summary` of best-of-n from one tilt, that of the aligned policy, or from the whole law."""
    lattice, theta, atoms = _atoms(ops, letters, m, log_n, alpha, num_threads)
    rewards = _rewards(letters, m, atoms.sums)
    best = BestOfN(atoms.log_pmf, rewards, log=True, num_threads=num_threads)
    log_pi = best.log_pmf(log_n=log_n, num_threads=num_threads)
    log_ratio = log_pi - atoms.log_pmf
    if theta is None:
        marginal = _marginal(ops, letters, lattice, m, atoms.sums, log_ratio, num_threads)
    else:
        marginal = _tilted_marginal(ops, letters, lattice, m, theta, atoms.sums, log_ratio, num_threads)
    mean = float(best.expected_reward(log_n=log_n, num_threads=num_threads))
    # A relative error e of tails moves the quantiles of best-of-n by about e / alpha, and spreads them by itself.
    spread = np.abs(rewards - mean) + 1 / max(alpha, 1e-3)
    error = float((np.exp(log_pi) * atoms.error) @ spread) + atoms.left_out * m * float(np.ptp(letters.reward))
    return Summary(
        mean,
        float(best.reward_variance(log_n=log_n, num_threads=num_threads)),
        float(best.kl(log_n=log_n, num_threads=num_threads)),
        marginal,
        error + np.finfo(np.float64).eps * abs(mean),
    )


def ratio(ops, letters, m, log_n, alpha, num_threads):
    """Return the `Ratio` of best-of-n."""
    _, _, atoms = _atoms(ops, letters, m, log_n, alpha, num_threads)
    rewards = _rewards(letters, m, atoms.sums)
    best = BestOfN(atoms.log_pmf, rewards, log=True, num_threads=num_threads)
    return Ratio(rewards, best.log_pmf(log_n=log_n, num_threads=num_threads) - atoms.log_pmf, False)


def _atoms(ops, letters, m, log_n, alpha, num_threads):
    """Return the lattice, the tilt used (None: a ladder of them) and the `_Atoms` that best-of-n may reach."""
    refuse_large(points(letters, m), m)
    lattice = of(letters)
    theta = np.array([_tilt(lattice, m, alpha * letters.keys.span)])
    atoms = _window(ops, tilts(ops, lattice, m, theta, num_threads), m, log_n)
    if atoms.left_out <= LEFT_OUT:
        return lattice, theta, atoms
    every = ladder(ops, lattice, m, num_threads=num_threads)
    sums = np.flatnonzero(every.log_pmf > -np.inf)
    return lattice, None, _Atoms(sums, every.log_pmf[sums], every.error[sums], 0.0)


def _tilt(lattice, m, theta):
    """Return the tilt `theta`, or one at which about one of the m letters misses the largest step if that is less."""
    most = 1.0 / lattice.top
    while most < theta and m * (1 - lattice.tilted(np.array([most]))[0][0, -1]) > MISSED:
        most *= 1.5
    return min(theta, most)


class _Atoms(NamedTuple):
    """Sums, the logarithms of their probabilities with relative errors, and how much of best-of-n they may miss."""

    sums: np.ndarray
    log_pmf: np.ndarray
    error: np.ndarray
    left_out: float


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
    with np.errstate(divide="ignore"):
        # log P(best-of-n below a sum) = -exp(log_rate)
        log_rate = log_n + np.where(log_tail < -36, log_tail, np.log(-np.log1p(-np.exp(log_tail))))
    certain = np.flatnonzero(log_rate >= math.log(CERTAIN))
    start = int(certain[-1]) if certain.size else 0
    if first + start == 0:
        return _Atoms(sums, log_pmf, error + np.exp(log_pmf) @ error, left_out)
    below = max(-math.expm1(min(0.0, special.logsumexp(log_pmf[start:]))), math.exp(beyond))
    left_out += math.exp(-math.exp(min(log_rate[start], 700.0))) if log_rate[start] > -math.inf else 1.0
    return _Atoms(
        np.concatenate([[sums[start] - 1], sums[start:]]),
        np.concatenate([[math.log(below)], log_pmf[start:]]),
        np.concatenate([[0.0], error[start:]]),
        left_out,
    )


def _marginal(ops, letters, lattice, m, sums, log_ratio, num_threads):
    """Return the token marginal p_j Σ_s (π(s)/P_m(s)) P_{m-1}(s - j), from whole laws."""
    fewer = ladder(ops, lattice, m - 1, num_threads=num_threads).log_pmf if m > 1 else np.zeros(1)
    marginal = np.empty(len(letters.p))
    for at, step in enumerate(letters.keys.steps):
        place = sums - step
        inside = (place >= 0) & (place < len(fewer))
        marginal[at] = letters.p[at] * np.exp(log_ratio[inside] + fewer[place[inside]]).sum()
    return marginal / marginal.sum()


def _tilted_marginal(ops, letters, lattice, m, theta, sums, log_ratio, num_threads):
    """Return the same from laws under one tilt, in which all factors are moderate: one correlation by transforms.

    p_j P_{m-1}(s - j)/P_m(s) is the same expression of the tilted laws.
    """
    weight, log_mgf = lattice.tilted(theta)
    fewer = tilts(ops, lattice, m - 1, theta, num_threads).mass[0] if m > 1 else np.ones(1)
    ratio = np.zeros(m * lattice.top + 1)
    ratio[sums] = np.exp(log_ratio + m * log_mgf[0] - theta[0] * sums)
    length = fft.next_fast_len(len(ratio), real=True)
    overlap = fft.irfft(fft.rfft(ratio, length) * fft.rfft(fewer, length).conj(), length)
    marginal = (weight[0] * overlap[: lattice.top + 1])[letters.keys.steps]
    return marginal / marginal.sum()
