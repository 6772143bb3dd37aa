"""Functions of rows and of elements on CPU arrays, with SciPy's names."""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.special import cpu
from alignment_fast.kernels.special.cpu import (
    ELEMENTWISE,
    short_elementwise,
    short_log_softmax,
    short_logsumexp,
    short_softmax,
)

__all__ = [
    "ELEMENTWISE",
    "elementwise",
    "entropies",
    "log_softmax",
    "log_sum_exp",
    "overload_for_numba",
    "short_elementwise",
    "short_log_softmax",
    "short_logsumexp",
    "short_softmax",
    "softmax",
]

# Nanoseconds per element, which only decide about threads.
_COST = 3.0
_ELEMENTS = 4096  # of a block of an elementwise function


def log_sum_exp(x, b=None, num_threads=None):
    """Return log |Σ b e^x| of the rows of x (count, n), of its dtype, and the signs of the sums; no mass is -inf and 0.

    `b` are weights of any sign, (count or 1, n) and of the same dtype, or None for 1.
    """
    log_sum, sign = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
    threads.for_blocks(
        lambda first, last: cpu.log_sum_exp(x, b, log_sum, sign, first, last),
        len(x),
        work=_COST * x.size,
        num_threads=num_threads,
    )
    return log_sum, sign


def softmax(x, num_threads=None):
    """Return e^x / Σ e^x of the rows of x (count, n), n > 0, of its dtype."""
    return _of_rows(cpu.softmax, x, num_threads)


def log_softmax(x, num_threads=None):
    """Return x − log Σ e^x of the rows of x (count, n), n > 0, of its dtype."""
    return _of_rows(cpu.log_softmax, x, num_threads)


def _of_rows(kernel, x, num_threads):
    out = np.empty_like(x)
    if len(x):
        threads.for_blocks(
            lambda first, last: kernel(x, out, first, last), len(x), work=_COST * x.size, num_threads=num_threads
        )
    return out


def elementwise(name, *arrays, num_threads=None):
    """Return the function `name` ("entr", "rel_entr", ...) of vectors of one length and dtype."""
    kernel, size = getattr(cpu, name), arrays[0].size
    out = np.empty_like(arrays[0])

    def run(first, last):
        cut = slice(first * _ELEMENTS, last * _ELEMENTS)
        kernel(*(array[cut] for array in arrays), out[cut])

    if size:
        threads.for_blocks(run, -(-size // _ELEMENTS), work=_COST * size, num_threads=num_threads)
    return out


def entropies(p, q=None, num_threads=None):
    """Return entropies of float64 rows (count, n > 0), or divergences from the rows q; NaN where a row is no masses."""
    out = np.empty(len(p))
    if len(p):
        threads.for_blocks(
            lambda first, last: cpu.entropies(p, q, out, first, last),
            len(p),
            work=2 * _COST * p.size,
            num_threads=num_threads,
        )
    return out


def overload_for_numba(functions):
    """Make public functions, by name, callable in users' compiled code (jit.py, which imports numba)."""
    from alignment_fast.kernels.special.jit import overload_all

    overload_all(functions)
