"""The operations of this family on CPU arrays: sums and weights of types, powers and windows of transforms."""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.memoryless import cpu
from alignment_fast.kernels.memoryless.cpu import MOST_LETTERS, recognise
from alignment_fast.kernels.memoryless.structures import SortedSums, TypeSums

__all__ = ["MOST_LETTERS", "merge", "power", "recognise", "sort", "types", "types_means"]

# Nanoseconds on one core: for a type; for a complex number raised to a power.
TYPE_COST, POWER_COST = 3.0, 6.0
# Complex numbers raised to a power in one unit of work.
CHUNK = 1 << 14


def types(problem, size, num_threads=None):
    """Return the `TypeSums` of the `size` types of a `TypesProblem`."""
    reward, log_mass = np.empty(size), np.empty(size)

    def run(first, last):
        cpu.types(*problem, first, last, reward, log_mass)

    threads.for_blocks(run, len(problem.start), work=TYPE_COST * size, num_threads=num_threads)
    return TypeSums(reward, log_mass)


def types_means(letters, m, start, weight, num_threads=None):
    """Return Σ weight n_k over the types (types,) of each block, shape (blocks, letters)."""
    sums = np.empty((len(start), letters))

    def run(first, last):
        cpu.types_means(letters, m, start, weight, first, last, sums)

    threads.for_blocks(run, len(start), work=TYPE_COST * weight.size, num_threads=num_threads)
    return sums


def sort(reward):
    """Return the `SortedSums` of finite `reward` (n,), n >= 1, equal ones in the order they came in."""
    order, ascending = np.empty(len(reward), dtype=np.int32), np.empty(len(reward))
    cpu.sort(reward, np.empty((3, len(reward)), dtype=np.uint64), order, ascending)
    return SortedSums(ascending, order)


def power(z, m, negligible, num_threads=None):
    """Raise the complex array `z` to the power m >= 1 in place; where |z|² is below `negligible` it may become 0."""
    numbers = z.reshape(-1).view(np.float64)

    def run(first, last):
        cpu.power(m, negligible, numbers, first * CHUNK, min(last * CHUNK, z.size))

    threads.for_blocks(run, -(-z.size // CHUNK), work=POWER_COST * z.size, num_threads=num_threads)


def merge(window, log_pmf, error):
    """Take over what a `TiltedWindow` knows with less `error` than is known so far, into `log_pmf` and `error`."""
    tilt = window.theta, window.shift, window.noise, window.smooth, window.least
    cpu.merge(*tilt, window.first, window.size, window.mass, log_pmf, error)
