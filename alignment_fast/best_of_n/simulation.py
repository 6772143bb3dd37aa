"""Monte Carlo of best-of-N: `simulate` and its result."""

import math
import operator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alignment_fast._border.arrays import as_array, as_parameter
from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.rng import DRAWS, TIES, Seed, seed_sequence, stream_key
from alignment_fast._border.scalars import as_flag, refuse_beyond
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast._statistics import Moments
from alignment_fast.best_of_n.sources import Gaussian, Quantile, Sampler, Table, Uniform
from alignment_fast.errors import BackendUnavailableError

__all__ = ["Simulation", "simulate"]

Source = Gaussian | Uniform | Table | Quantile | Sampler

# method="auto" takes the order statistic above this n: its cost does not depend on n, and that of brute force, which
# exceeds it from n of about 30, is still two microseconds per replicate here. A constant, so that a call means the
# same on every machine.
ORDER_FROM = 4096
# exp(-650) 2^-53 is still a normal float64: beyond it tail probabilities would lose digits.
LARGEST_LOG_N = 650.0
# Counters of draws have 64 bits; this leaves room for the uniforms of a `Sampler`.
LARGEST_BRUTE_N = 1 << 60
# Values of one batch by default: a few arrays of 8 MiB.
BATCH_VALUES = 1 << 20


@dataclass(frozen=True, eq=False)
class Simulation:
    """Result of `simulate`; fields are scalars for scalar n and arrays (G,) for a grid of n.

    Parameters
    ----------
    n : int, float or array (G,)
        Number of draws the best is taken of.
    replicates : int
        Number of independent replicates R.
    mean, variance : float or array (G,)
        Mean of the R maxima and their unbiased variance Σ(x − mean)²/(R − 1), NaN for R = 1.
    standard_error : float or array (G,)
        Of the mean: √(variance / R).
    minimum, maximum : float or array (G,)
        Extremes of the R maxima.
    draws : int
        Random 32-bit words consumed, the low words that decide between equal high words not counted.
    values : array (R,) or (R, G), optional
        The maxima, with ``return_maxima=True``.

    """

    n: int | float | NDArray[np.float64]
    replicates: int
    mean: float | NDArray[np.float64]
    variance: float | NDArray[np.float64]
    standard_error: float | NDArray[np.float64]
    minimum: float | NDArray[np.float64]
    maximum: float | NDArray[np.float64]
    draws: int
    values: NDArray[np.float64] | None = None
    _moments: ClassVar[Moments | None] = None  # of one instance: what `simulate` found, for `merge`

    @property
    def moments(self) -> Moments:
        """Moments of the maxima, a column for each entry of a grid."""
        if self._moments is None:
            raise ValueError("only a result of simulate has moments")
        return self._moments

    def merge(self, other: "Simulation") -> "Simulation":
        """Return the simulation of the replicates of both, those of `other` last.

        Ranges of replicates of one seed, merged in the same order, give the same bits on any machine. Ranges of 4096
        replicates each give the bits of one simulation of all of them, others are equal to it up to rounding.

        Raises
        ------
        ValueError
            If the two are not of the same n.

        Examples
        --------
        >>> from alignment_fast.best_of_n import Gaussian, simulate
        >>> first, second = (simulate(Gaussian(), 8, 4096, seed=0, replicate=r) for r in (0, 4096))
        >>> first.merge(second).mean == simulate(Gaussian(), 8, 8192, seed=0).mean
        True

        """
        if not isinstance(other, Simulation):
            raise TypeError(f"only simulations can be merged with simulations, not {type(other).__name__}")
        if not np.array_equal(self.n, other.n) or np.ndim(self.n) != np.ndim(other.n):
            raise ValueError(f"a simulation of n = {self.n} cannot be merged with one of n = {other.n}")
        values = None
        if self.values is not None and other.values is not None:
            values = np.concatenate([self.values, other.values])
        return _of_moments(self.n, self.moments.merge(other.moments), self.draws + other.draws, values)

    def __repr__(self) -> str:
        if np.ndim(self.n) == 0:
            estimate = f"n={self.n:.6g}, mean={self.mean:.6g} ± {self.standard_error:.2g}, variance={self.variance:.6g}"
            return f"Simulation({estimate}, range=[{self.minimum:.6g}, {self.maximum:.6g}], {self._size()})"
        columns = np.broadcast_arrays(self.n, self.mean, self.standard_error, self.variance)
        rows = zip(*columns, strict=True)
        lines = (f"  n={n:<12.6g} mean={mean:.6g} ± {error:.2g}, variance={v:.6g}" for n, mean, error, v in rows)
        return "\n".join((f"Simulation({self._size()})", *lines))

    def _size(self):
        return f"replicates={self.replicates}, draws={self.draws}"


def simulate(
    source: Source,
    n: ArrayLike | None = None,
    replicates: int | None = None,
    *,
    seed: Seed,
    log_n: ArrayLike | None = None,
    method: str = "auto",
    batch: int | None = None,
    replicate: int = 0,
    return_maxima: bool = False,
    device: str | None = None,
    num_threads: int | None = None,
) -> Simulation:
    r"""Simulate the reward of the best of n draws.

    Each of `replicates` independent replicates takes the largest of n rewards. For a monotone source (all but
    `Sampler`) the reward is a decreasing function :math:`r(\tau)` of a uniform tail probability, so that

    .. math:: \max_{d < n} r(\tau_d) = r\bigl(\min_{d < n} \tau_d\bigr), \qquad P(\min_d \tau_d > t) = (1 - t)^n .

    ``"brute"`` takes the minimum over n random words and evaluates r once per replicate; ``"order"`` draws the minimum
    itself from one uniform u, :math:`\tau = -\mathrm{expm1}(\log(u)/n)`, at a cost that does not depend on n. Both have
    the same law, exactly; they do not give the same numbers.

    Parameters
    ----------
    source : Gaussian, Uniform, Table, Quantile or Sampler
        Law of one reward.
    n : int, float or array (G,)
        Number of draws, at least 1; real with ``method="order"``. A grid must ascend: its entries are nested prefixes
        of one stream of draws, so its results are correlated.
    replicates : int
        Number of replicates R.
    seed : None, int, SeedSequence or Generator
        A result depends on the seed, the source, n, the method and the range of replicates only: not on threads,
        batches, instruction set or device. A generator contributes one 64-bit integer.
    log_n : float or array (G,), optional
        log n in place of n, 0 to 650, with ``method="order"``.
    method : {"auto", "brute", "order"}
        "auto" is "order" for a monotone source with some n above 4096 or not an integer, and "brute" otherwise.
    batch : int, optional
        Replicates held in memory at a time, rounded up to a multiple of 4096.
    replicate : int
        Index of the first replicate: runs with the same seed over disjoint ranges are independent.
    return_maxima : bool
        Return the maxima as `values` also.
    device : {None, "cpu", "cuda"}
        None: where the arrays of a `Table` are, else the CPU. An explicit request never falls back.
    num_threads : int, optional
        Number of threads, see `alignment_fast.set_num_threads`.

    Returns
    -------
    Simulation
        Mean, unbiased variance, standard error, extremes, and the number of random words consumed.

    Raises
    ------
    ValueError
        If n is below 1, descends or is not an integer where it must be; if a source returns NaN, naming the replicate.
    BackendUnavailableError
        If ``device="cuda"`` cannot be used, or the source has no CUDA version.

    Notes
    -----
    Accuracy: brute force works with 64-bit tail probabilities, order statistics with float64 ones to 10 ulp; the
    normal quantile adds 4 ulp. Nothing saturates: the largest `Gaussian` reward is that of τ = 2⁻⁶⁵, 9.2 standard
    deviations, by brute force, and follows n up to ``log_n = 650`` by order statistics.

    Cost, one thread with AVX-512: about 0.3 ns per draw by brute force, 10 ns per replicate by order statistics.

    References
    ----------
    L. Devroye, "Non-Uniform Random Variate Generation", Springer (1986), section V.2 (uniform order statistics).

    Examples
    --------
    >>> from alignment_fast.best_of_n import Gaussian, simulate
    >>> result = simulate(Gaussian(), 2, 100_000, seed=0)
    >>> abs(result.mean - 3.141592653589793**-0.5) < 4 * result.standard_error
    True
    >>> simulate(Gaussian(), [1, 10, 100], 10_000, seed=0).mean.shape
    (3,)

    """
    return_maxima = as_flag(return_maxima, "return_maxima")
    on_cpu = device is None or (type(device) is str and device == "cpu")
    if log_n is None and batch is None and num_threads is None and on_cpu:
        found = _of_few(source, n, replicates, seed, method, replicate, return_maxima, device)
        if found is not None:
            return found
    check_num_threads(num_threads)
    grid = _Grid.of(n, log_n)
    replicates = _at_least_one(replicates, "replicates")
    _check_range(replicate, replicates)
    method = _method(method, source, grid)
    keys = _keys(seed)
    device = _device(source, device)
    ops, common = operations("best_of_n", device), operations("common", device)
    run = getattr(ops, "sampler" if isinstance(source, Sampler) else method)
    size, transform = _work(source, method, grid)
    step = _batch(batch, len(grid.values), common.BLOCK)
    total = np.zeros((len(grid.values), 7))
    values = np.empty((replicates, len(grid.values))) if return_maxima else None
    for done in range(0, replicates, step):
        count = min(step, replicates - done)
        maxima = run(keys, replicate + done, count, size, transform, num_threads)
        if isinstance(source, Quantile | Sampler):
            _refuse_nan(ops.to_host(maxima), replicate + done)
        for row, moments in zip(maxima, total, strict=True):
            common.add_moments(row, moments, num_threads)
        if values is not None:
            values[done : done + count] = ops.to_host(maxima).T
    words = _words(source, method, grid) * replicates
    return _result(grid, replicates, total, words, values)


# What a small simulation may be of: sources whose draws no Python function makes.
_MONOTONE = Gaussian, Uniform, Table, Quantile
METHODS = ("auto", "brute", "order")
DEVICES = (None, "cpu", "cuda")


def _of_few(source, n, replicates, seed, method, replicate, keep, device):
    """Return the `Simulation` of few replicates at one integer n, or None where the general path must decide."""
    if type(n) is not int or type(source) not in _MONOTONE or type(seed) is not int or seed < 0:
        return None
    if type(method) is not str or method not in METHODS:
        return None
    if device is None and type(source) is Table and source.device != "cpu":
        return None
    by_order = method == "order" or (method == "auto" and n > ORDER_FROM)
    keys = stream_key(seed, DRAWS), stream_key(seed, TIES)
    ops = operations("best_of_n")
    found = ops.short_simulate(*source.transform(), *keys, n, by_order, replicates, replicate, keep)
    if found is None:
        return None
    raw, mean, variance, error, least, largest, values = found
    words = (2 if by_order else n) * replicates
    made = Simulation(n, replicates, mean, variance, error, least, largest, words, values)
    object.__setattr__(made, "_moments", Moments._of_raw(raw))
    return made


@dataclass(frozen=True)
class _Grid:
    """The grid of n: as given, as integers where they are (else None), and by increments."""

    values: list
    integers: list | None
    scalar: bool

    @classmethod
    def of(cls, n, log_n):
        if (n is None) == (log_n is None):
            raise ValueError("give exactly one of n and log_n")
        name, given = ("n", n) if log_n is None else ("log_n", log_n)
        if name == "n":  # as objects: integers of any size stay what they are
            held = as_array(given, name) if hasattr(given, "dtype") else given
            array = np.asarray(held, dtype=object)
        else:
            array = as_parameter(given, name)
        if array.ndim > 1 or array.size == 0:
            raise ValueError(f"{name} must be a number or have shape (G,) with G >= 1, not {array.shape}")
        convert = _number if name == "n" else _exponential
        scalar = array.ndim == 0
        values = [convert(x, name if scalar else f"{name}[{i}]") for i, x in enumerate(array.reshape(-1).tolist())]
        for i in range(1, len(values)):
            if values[i] < values[i - 1]:
                raise ValueError(f"{name} must ascend, but {name}[{i}] is below {name}[{i - 1}]")
        integral = all(isinstance(value, int) for value in values)
        return cls(values, values if integral else None, scalar)

    def increments(self):
        return [float(b - a) for a, b in zip([0, *self.values], self.values, strict=False)]


def _number(value, name):
    """Return one n as an int where it is one, else as a float."""
    try:
        number = operator.index(value) if not isinstance(value, bool) else None
    except TypeError:
        number = float(value) if isinstance(value, float | np.floating) else None
    if number is None:
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not number >= 1:
        raise ValueError(f"{name} must be at least 1, not {value!r}")
    if (log_n := math.log(number)) > LARGEST_LOG_N:
        raise ValueError(f"{name} is too large: the logarithm of n must not exceed {LARGEST_LOG_N:g}, and is {log_n:g}")
    return int(number) if number < LARGEST_BRUTE_N and number == int(number) else float(number)


def _exponential(value, name):
    """Return exp(log n), correctly rounded: the C library's differs between machines."""
    if not 0 <= value <= LARGEST_LOG_N:
        raise ValueError(f"{name} must lie in [0, {LARGEST_LOG_N:g}], not {value!r}")
    return float(Decimal(value).exp())


def _at_least_one(value, name):
    if value is None or isinstance(value, bool) or not hasattr(value, "__index__") or operator.index(value) < 1:
        raise ValueError(f"{name} must be a positive integer, not {value!r}")
    refuse_beyond(operator.index(value), name)
    return operator.index(value)


def _check_range(replicate, replicates):
    if not hasattr(replicate, "__index__") or not 0 <= operator.index(replicate) <= 2**64 - replicates:
        raise ValueError(f"replicate must be an integer from 0 to 2**64 - replicates, not {replicate!r}")


def _method(method, source, grid):
    as_word(method, "method", METHODS)
    if not isinstance(source, Source):
        raise TypeError(f"source must be a Gaussian, Uniform, Table, Quantile or Sampler, not {source!r}")
    monotone = not isinstance(source, Sampler)
    if method == "auto":
        long = grid.integers is None or grid.integers[-1] > ORDER_FROM
        method = "order" if monotone and long else "brute"
    if method == "order" and not monotone:
        raise ValueError("method='order' needs a monotone source; a Sampler is simulated by brute force only")
    if method == "brute" and (grid.integers is None or grid.integers[-1] >= LARGEST_BRUTE_N):
        raise ValueError("brute force needs integers n below 2**60; a monotone source takes any n with method='order'")
    return method


def _keys(seed):
    root = seed if type(seed) is int else seed_sequence(seed)  # a generator contributes one integer to both
    return stream_key(root, DRAWS), stream_key(root, TIES)


def _device(source, device):
    """Return the device to run on: the one asked for, else where the arrays of the source are."""
    as_word(device, "device", DEVICES)
    if device is None:
        device = source.device if isinstance(source, Table) else "cpu"
    if device == "cuda" and isinstance(source, Sampler):
        raise BackendUnavailableError("a Sampler has no CUDA version; use device='cpu'")
    return device


def _work(source, method, grid):
    """Return what the runner needs beside the range of replicates: the grid, and what turns draws into rewards."""
    size = grid.increments() if method == "order" else grid.integers
    return size, source if isinstance(source, Sampler) else source.transform()


def _batch(batch, entries, block):
    """Return the replicates of a batch: whole blocks of the sums, so that these do not depend on it."""
    step = BATCH_VALUES // entries if batch is None else _at_least_one(batch, "batch")
    return -(-step // block) * block


def _words(source, method, grid):
    """Return the number of 32-bit words that one replicate consumes."""
    if method == "order":
        return 2 * len(grid.values)
    return grid.integers[-1] * (2 * source.uniforms if isinstance(source, Sampler) else 1)


def _refuse_nan(maxima, first):
    bad = np.isnan(maxima).any(axis=0)
    if bad.any():
        raise ValueError(f"the reward of replicate {first + int(np.argmax(bad))} is NaN")


def _result(grid, replicates, total, words, values):
    if grid.scalar:
        values = values if values is None else values[:, 0]
        return _of_moments(grid.values[0], Moments.from_array(total[0]), words, values)
    n = np.array(grid.values, dtype=np.float64 if grid.integers is None else np.int64)
    return _of_moments(n, Moments.from_array(total), words, values)


def _of_moments(n, moments, words, values):
    spread = moments.variance, moments.standard_error, moments.min, moments.max
    made = Simulation(n, moments.count, moments.mean, *spread, words, values)
    object.__setattr__(made, "_moments", moments)
    return made
