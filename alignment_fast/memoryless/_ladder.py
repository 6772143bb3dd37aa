"""The law of a sum of m lattice rewards by tilted Fourier transforms, with the accuracy of every point.

With steps j = 0..J and log-weights a_j, the law of the sum s under the tilt θ is

    P_θ(s) = IFFT(FFT(p_θ)^m)(s),     p_θ(j) = exp(a_j + θ j - K(θ)),     log P(s) = log P_θ(s) - θ s + m K(θ).

Rounding leaves an error of about the same absolute size everywhere, so one tilt gives small relative errors within a
few standard deviations of its mean; a ladder of tilts, about one per eight of them, covers the whole law. Each needs
a transform of about twenty standard deviations only, however long the law: what lies beyond is below exp(-DEPTH).

The error is measured: a transform is longer than the law or its window, and what should be zero behind
its end shows the noise of that very transform. The bound of a point is `SAFETY` times the largest noise seen, relative
to the point, plus `RELATIVE` m u for the errors of the weights and of the power, which scale the law smoothly
(power.inc), and 4 u for each product in the exponent (merge.inc).
References: spec of the method in arXiv:2404.01730's setting; Granville and Walker (2020) for the support.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from alignment_fast.kernels.memoryless.structures import TiltedWindow

# Points behind the law that show the noise, at least.
PADDING = 64
SAFETY = 8.0
# Products below the smallest double are lost: together they are below this.
VANISHED = 1e-290
# Units of rounding in one binary layer of a transform, at most: sums of up to eleven products with roots of unity.
LAYER = 10.0
RELATIVE = 8.0
# A ladder for more letters than its tolerance allows for is as accurate as this many times m u.
ATTAINABLE = 8.0
UNIT = np.finfo(np.float64).eps / 2
# Powers that are left out: with 2^30 of them the law changes by less than 1e-30.
NEGLIGIBLE = 1e-40
# Neighbouring windows of a ladder are planned to overlap by this part, for laws that are not quite Gaussian.
OVERLAP = 0.85
# A ladder ends where this many of the m letters are expected to miss the extreme step.
MISSED = 3.0
# Points of the grid of tilts that a ladder is planned on, and the largest tilt considered, times J.
PLAN = 160
LARGEST_TILT = 1e6
# A window leaves out at most exp(-DEPTH) of a tilted law at either end: far below the noise.
DEPTH = 52.0
# Sets up to here are added without transforms.
SHORT = 256
# Numbers transformed at once: transforms and what is made of them stay in the second-level cache.
BATCH = 1 << 14


@dataclass(frozen=True)
class Lattice:
    """The law of one reward on a lattice.

    Parameters
    ----------
    log_weight : array (J + 1,)
        Normalised log-probability of step j; -inf where the law has no mass. The first and the last are finite.

    """

    log_weight: np.ndarray

    @property
    def top(self):
        """J, the largest step."""
        return len(self.log_weight) - 1

    def tilted(self, theta):
        """Return probabilities (T, J + 1) of the steps under the tilts `theta` (T,), and K(theta)."""
        exponent = self.log_weight + np.multiply.outer(theta, np.arange(len(self.log_weight)))
        most = exponent.max(axis=1, keepdims=True)
        exponent -= most
        weight = np.exp(exponent, out=exponent)
        total = weight.sum(axis=1, keepdims=True)
        weight /= total
        return weight, (most + np.log(total))[:, 0]

    def moments(self, theta):
        """Return means and standard deviations of a step under the tilts `theta`."""
        return _moments(self.tilted(theta)[0])


def _moments(weight):
    """Return means and standard deviations of steps with probabilities `weight` (T, J + 1)."""
    step = np.arange(weight.shape[1])
    mean = weight @ step
    return mean, np.sqrt((weight * (step - mean[:, None]) ** 2).sum(axis=1))


def transform_length(lattice, m):
    """Return the length of the transforms for sums of m rewards: the law and some noise behind it."""
    return fft.next_fast_len(m * lattice.top + 1 + PADDING, real=True)


@dataclass(frozen=True)
class Tilts:
    """Windows of the law of the sum under several tilts, by transforms or, of the whole law, by sums of products.

    Parameters
    ----------
    theta, log_mgf : array (T,)
        The tilts and K(theta).
    first : array (T,) of int
        Smallest sum of each window.
    size : int
        Number of sums in every window.
    mass : array (T, n)
        Probabilities under each tilt of the sums s of its window, at s modulo n; noise where they are below `noise`.
    noise : array (T,)
        What is seen of the absolute error, eight times over.
    absolute, relative : array (T,)
        Bounds of the errors of the masses, which add up.

    """

    theta: np.ndarray
    log_mgf: np.ndarray
    first: np.ndarray
    size: int
    mass: np.ndarray
    noise: np.ndarray
    absolute: np.ndarray
    relative: np.ndarray

    def merge(self, ops, m, allowed, log_pmf, error):
        """Take over into `log_pmf` and `error` (m J + 1,) the log-probabilities that these tilts know better.

        Each tilt offers the sums between the first and the last whose noise is within the part `allowed` of them. Where
        there is less than noise, at impossible sums for one, the bound of the relative error is above 1.
        """
        smooth = RELATIVE * m * UNIT
        rows = zip(self.theta, m * self.log_mgf, self.noise, self.first, self.mass, strict=True)
        for theta, shift, noise, first, mass in rows:
            window = TiltedWindow(theta, shift, noise, smooth, noise / allowed, first, self.size, mass)
            ops.merge(window, log_pmf, error)


def tilts(ops, lattice, m, theta, num_threads=None):
    """Return the `Tilts` theta (T,) of the sum of m >= 1 rewards, with the whole law as the window."""
    size = m * lattice.top + 1
    weight, log_mgf = lattice.tilted(theta)
    length = transform_length(lattice, m)
    mass, level = _convolved(ops, weight, m, length, num_threads)
    noise = _noise(mass, mass[:, size:])
    first = np.zeros(len(theta), dtype=np.int64)
    return Tilts(theta, log_mgf, first, size, mass[:, :size], noise, *_bounds(lattice, m, theta, length, level))


def windows(ops, lattice, m, theta, span, *, num_threads=None):
    """Return the same where only a window of each law is shown, at least its `span` (see `spans`).

    Transforms are as short as the longest span. A short transform adds up the probabilities of all sums that are equal
    modulo its length: outside of the window they come to at most 2 exp(-DEPTH) together, which the noise includes.
    """
    weight, log_mgf = lattice.tilted(theta)
    first, last = span
    size = int((last - first).max()) + 1
    first = np.minimum(first, m * lattice.top + 1 - size)
    length = fft.next_fast_len(max(size + PADDING, weight.shape[1]), real=True)
    mass, level = _convolved(ops, weight, m, length, num_threads)
    behind = (first[:, None] + np.arange(size, size + PADDING)) % length
    noise = _noise(mass, np.take_along_axis(mass, behind, axis=1)) + 2 * np.exp(-DEPTH)
    absolute, relative = _bounds(lattice, m, theta, length, level)
    return Tilts(theta, log_mgf, first, size, mass, noise, absolute + 2 * np.exp(-DEPTH), relative)


def spans(lattice, m, theta):
    """Return first and last sums (2, T) beyond which there is at most exp(-DEPTH) under each tilt, at either end.

    By Chernoff's bound P_θ(S >= b) <= exp(m (K(θ + δ) - K(θ)) - δ b) for every δ > 0, and likewise below. This δ is
    the best where the law is Gaussian.
    """
    weight, log_mgf = lattice.tilted(theta)
    _, deviation = _moments(weight)
    delta = np.sqrt(2 * DEPTH / np.maximum(m * deviation**2, 1.0))
    _, around = lattice.tilted(np.concatenate([theta - delta, theta + delta]))
    below, above = np.split(around, 2)
    first = np.floor((m * (log_mgf - below) - DEPTH) / delta)
    last = np.ceil((m * (above - log_mgf) + DEPTH) / delta)
    return np.clip([first, last], 0, m * lattice.top).astype(np.int64)


def _convolved(ops, weight, m, length, num_threads):
    """Return the m-fold convolution powers of rows of `weight`, cyclic, and mean moduli of their transforms at most."""
    z = fft.rfft(weight, length, axis=1)
    ops.power(z, m, NEGLIGIBLE ** (2 / m), num_threads)
    level = 2 * np.abs(z.view(np.float64)).sum(axis=1) / length
    return fft.irfft(z, length, axis=1, overwrite_x=True), level


def _bounds(lattice, m, theta, length, level):
    """Return bounds of the absolute and of the relative errors of convolution powers by transforms.

    A transform of length N is log2 N layers of sums of products: its error is at most LAYER log2 N u times the sum of
    what is transformed forward, 1, and times the mean modulus, `level`, of what is transformed back. The power makes m
    times that of the first, and adds 3 m u of its own.
    """
    layers = LAYER * np.log2(length)
    absolute = UNIT * level * (m * (layers + 3) + layers) * (1 + m * layers * UNIT) + NEGLIGIBLE
    return absolute, np.array([weight_error(lattice, m, each) for each in theta])


def weight_error(lattice, m, theta):
    """Return a bound of the relative error of every probability by rounding of the weights of the tilt `theta`."""
    possible = np.flatnonzero(lattice.log_weight > -np.inf)
    exponents = 2 * np.abs(lattice.log_weight[possible]) + 3 * abs(theta) * possible
    return m * UNIT * (16 + 2 * float(exponents.max()))


def positive_tilts(lattice, m, theta):
    """Return the `Tilts` of one tilt, the whole law by sums of products: every probability to its own accuracy.

    Nothing cancels, however much less probable a sum is than its neighbours; the cost is (m J)².
    """
    (weight,), log_mgf = lattice.tilted(theta)
    mass, relative = weight, 0.0
    for bit in bin(m)[3:]:
        mass, relative = np.convolve(mass, mass), 2 * relative + UNIT * (len(mass) + 2)
        if bit == "1":
            mass, relative = np.convolve(mass, weight), relative + UNIT * (len(weight) + 2)
    relative = np.array([relative + weight_error(lattice, m, theta[0])])
    vanished = np.array([VANISHED])
    return Tilts(theta, log_mgf, np.zeros(1, dtype=np.int64), len(mass), mass[None], vanished, vanished, relative)


def _noise(mass, nothing):
    """Return bounds of the errors of `mass` by rows, from what is seen where there is `nothing` but them."""
    return SAFETY * np.maximum(np.abs(nothing).max(axis=1), UNIT * mass.max(axis=1))


def reachable(lattice, m):
    """Return which sums 0..m J some m letters have, as booleans.

    Let the steps have greatest common divisor 1. From m = J - (number of steps) + 2 on, exactly those sums are missing
    that are no sum of any number of steps, and the same from the other end (Granville and Walker, "A tight structure
    theorem for sumsets", 2020): fewer letters are enough to find both.
    """
    steps = lattice.log_weight > -np.inf
    few = min(m, max(lattice.top - int(steps.sum()) + 2, 1))
    sums = _power_of_support(steps, few)
    if few == m:
        return sums
    half = len(sums) // 2 + 1
    result = np.ones(m * lattice.top + 1, dtype=bool)
    result[:half] = sums[:half]
    result[-half:] &= sums[-half:]
    return result


def _power_of_support(steps, m):
    """Return the m-fold sumset of the set `steps`, both as booleans, by repeated doubling."""
    result = steps
    for bit in bin(m)[3:]:
        result = _sumset(result, result)
        if bit == "1":
            result = _sumset(result, steps)
    return result


def _sumset(a, b):
    """Return the sumset of two sets. Counts of pairs are integers far below 2^53: rounding them is exact."""
    size = len(a) + len(b) - 1
    if size <= SHORT:
        return np.convolve(a, b)
    length = fft.next_fast_len(size, real=True)
    pairs = fft.irfft(fft.rfft(a.astype(np.float64), length) * fft.rfft(b.astype(np.float64), length), length)
    return pairs[:size] > 0.5


@dataclass(frozen=True)
class Ladder:
    """The whole law of a sum.

    Parameters
    ----------
    log_pmf : array (m J + 1,)
        Logarithms of probabilities; -inf exactly where the sum cannot occur.
    error : array (m J + 1,)
        Bound of the relative error of each probability.
    tilts : int
        Number of tilts, two real transforms each.

    """

    log_pmf: np.ndarray
    error: np.ndarray
    tilts: int


def ladder(ops, lattice, m, tolerance=1e-11, num_threads=None):
    """Return the `Ladder` of the sum of m rewards, with relative errors within `tolerance` where that is possible.

    It is not possible at a sum that is much less probable than its neighbours under every tilt.
    """
    return _LadderBuilder(ops, lattice, m, tolerance, num_threads).run(tolerance)


class _LadderBuilder:
    """A ladder in construction."""

    def __init__(self, ops, lattice, m, tolerance, num_threads):
        self.ops, self.lattice, self.m, self.num_threads = ops, lattice, m, num_threads
        self.allowed = max(tolerance - RELATIVE * m * UNIT, 0.01 * tolerance, ATTAINABLE * m * UNIT)
        self.log_pmf = np.full(m * lattice.top + 1, -np.inf)
        self.error = np.where(reachable(lattice, m), np.inf, 0.0)
        self.tilts = 0

    def run(self, tolerance):
        self._add_in_batches(self._plan(OVERLAP * self._reach()))
        missing = np.flatnonzero(self.error > 2 * tolerance)
        if missing.size:  # laws far from Gaussian between two tilts: the tilts that are centred on the gaps
            self._add_in_batches(self._centred_on(missing))
        return Ladder(self.log_pmf, self.error, self.tilts)

    def _reach(self):
        """Return the half width of what a tilt knows well in standard deviations, seen at the untilted law."""
        theta = np.zeros(1)
        known = self._add(theta, spans(self.lattice, self.m, theta))
        return np.sqrt(2 * max(1.0, np.log(known.mass.max() * self.allowed / known.noise[0])))

    def _plan(self, reach):
        """Return tilts whose windows of `reach` standard deviations to each side meet.

        Along u(θ) = √m ∫ √K'' dθ, in which every tilted law has standard deviation about 1, they are 2 reach apart.
        """
        theta, _, deviation = self._grid
        rate = np.sqrt(self.m) * deviation
        u = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(theta))])
        return np.interp(np.linspace(0.0, u[-1], max(2, int(np.ceil(u[-1] / (2 * reach))) + 1)), u, theta)

    @cached_property
    def _grid(self):
        """Return a grid of tilts from one end of the law to the other, with means and deviations of a step there."""
        candidates = LARGEST_TILT ** np.linspace(0.0, 1.0, PLAN) / self.lattice.top
        weight, _ = self.lattice.tilted(np.concatenate([candidates, -candidates]))
        highest = candidates[np.argmax(self.m * (1.0 - weight[:PLAN, -1]) <= MISSED)]
        lowest = candidates[np.argmax(self.m * (1.0 - weight[PLAN:, 0]) <= MISSED)]
        # Tilts crowd near 0 where rewards spread far: half of the grid is there, half evenly up to the ends.
        bend = np.linspace(-1.0, 1.0, PLAN) ** 3
        theta = np.where(bend < 0, bend * lowest, bend * highest)
        return theta, *self.lattice.moments(theta)

    def _centred_on(self, sums):
        """Return tilts centred on the middles of the runs of neighbours in `sums`."""
        runs = np.split(sums, np.flatnonzero(np.diff(sums) > 1) + 1)
        theta, mean, _ = self._grid
        return np.interp([0.5 * (run[0] + run[-1]) for run in runs], self.m * mean, theta)

    def _add_in_batches(self, theta):
        """Add neighbours in batches: their windows have about the same size."""
        span = spans(self.lattice, self.m, theta)
        size = span[1] - span[0] + 1
        start = 0
        while start < len(theta):
            fitting = np.maximum.accumulate(size[start:]) * np.arange(1, len(theta) - start + 1) <= BATCH
            stop = start + max(1, int(fitting.sum()))
            self._add(theta[start:stop], span[:, start:stop])
            start = stop

    def _add(self, theta, span):
        """Take over what each of the tilts `theta` knows best, and return them."""
        known = windows(self.ops, self.lattice, self.m, theta, span, num_threads=self.num_threads)
        self.tilts += len(theta)
        known.merge(self.ops, self.m, self.allowed, self.log_pmf, self.error)
        return known
