"""The operations of this family on CPU arrays: rows of weighted letters in, float64 arrays out, threads over rows.

Host algorithms (``solve.py``) and the public layer call these functions only, so another device needs another table of
the same functions and nothing else.
"""

from dataclasses import dataclass, replace

import numpy as np

from alignment_fast.kernels.common import status as status_words
from alignment_fast.kernels.common import threads
from alignment_fast.kernels.information import cpu

# Nanoseconds per letter and order, for the choice of the number of threads only.
_COST = 1.0


@dataclass(frozen=True)
class Rows:
    """Rows of weighted letters as a kernel reads them.

    Parameters
    ----------
    weights, rewards : array (count or 1, V)
        C-contiguous, of one dtype (float32 or float64). An operand that the kinds do not read repeats the other one.
    weight_kind, reward_kind : int
        How to read them: the constants ``WEIGHT_*`` and ``REWARD_*`` of ``cpu``.
    count : int
        Number of rows.
    normalize : bool
        Whether the distribution behind the rewards (kinds other than REWARD_GIVEN) is normalised.

    """

    weights: np.ndarray
    weight_kind: int
    rewards: np.ndarray
    reward_kind: int
    count: int
    normalize: bool = True

    def take(self, index):
        """Return the rows `index` (ascending, without repeats) alone; an operand shared by all rows stays shared."""
        if len(index) == self.count:
            return self

        def pick(array):
            return array if array.shape[0] == 1 else array[index]

        return replace(self, weights=pick(self.weights), rewards=pick(self.rewards), count=len(index))

    def in_float64(self):
        """Return the same rows as C-contiguous float64 arrays."""
        weights, rewards = (np.ascontiguousarray(array, dtype=np.float64) for array in (self.weights, self.rewards))
        return replace(self, weights=weights, rewards=rewards)

    def probabilities(self):
        """Return the weights of every row as normalised probabilities, float64 (count or 1, V)."""
        if self.weight_kind == cpu.WEIGHT_UNIFORM:
            width = self.rewards.shape[1]
            return np.full((1, width), 1.0 / width)
        p = self.weights.astype(np.float64)
        if self.weight_kind == cpu.WEIGHT_LOG:
            p = np.exp(p - p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)


def _over_rows(kernel, rows, orders, out, num_threads, *scratch):
    """Call `kernel` over all rows, into `out`; return the status words of weights and rewards."""
    described = (rows.weights, rows.weight_kind, rows.rewards, rows.reward_kind, rows.normalize, orders)
    words = [(status_words.OK, status_words.OK)]

    def run(first, last):
        words.append(kernel(*described, *scratch, out, first, last))

    if out.size:
        work = _COST * rows.count * rows.rewards.shape[1] * orders.shape[1]
        threads.for_blocks(run, rows.count, work=work, num_threads=num_threads)
    return tuple(map(min, zip(*words, strict=True)))


def exponential_mean(rows, orders, num_threads=None):
    """Return E(ρ) = log(Σ p e^{ρ r}) / ρ for orders (count or 1, T), any reals with their limits, and status words."""
    return _reduced(cpu.exponential_mean, rows, orders, num_threads)


def log_mgf(rows, orders, num_threads=None):
    """Return K(t) = log Σ p e^{t r} for orders (count or 1, T), and status words."""
    return _reduced(cpu.log_mgf, rows, orders, num_threads)


def _reduced(kernel, rows, orders, num_threads):
    orders = np.ascontiguousarray(orders)
    out = np.empty((rows.count, orders.shape[1]))
    return out, _over_rows(kernel, rows, orders, out, num_threads)


def tilted_moments(rows, orders, order, num_threads=None):
    """Return K(t) and the cumulants κ_1..κ_order under p e^{t r}, shape (count, T, 1 + order), and status words."""
    orders = np.ascontiguousarray(orders)
    out = np.empty((rows.count, orders.shape[1], 1 + order))
    return out, _over_rows(cpu.tilted_moments, rows, orders, out, num_threads, *_scratch(rows, orders))


def log_tilted(rows, orders, num_threads=None):
    """Return log p + t r − K(t), shape (count, T, V) and dtype of the rows, for finite t, and status words."""
    orders = np.ascontiguousarray(orders)
    out = np.empty((rows.count, orders.shape[1], rows.rewards.shape[1]), dtype=rows.rewards.dtype)
    return out, _over_rows(cpu.log_tilted, rows, orders, out, num_threads, *_scratch(rows, orders))


def _scratch(rows, orders):
    """Return what two-pass kernels hand from the first pass to the second: E per row and order, two facts per row."""
    return np.empty((rows.count, orders.shape[1])), np.empty((rows.count, 2))


def entropy_sums(p, rewards, orders, log_mgf, num_threads=None):
    """Return Σ p h(order · r − log_mgf), h(x) = x e^x − expm1(x), shape (count, T).

    `p` and `rewards` are float64 (count or 1, V), p normalised; `orders` and `log_mgf` are (count, T).
    """
    return _weak(cpu.entropy_sums, p, rewards, (orders, log_mgf), num_threads)


def exponential_rests(p, rewards, orders, num_threads=None):
    """Return Σ p g(order · r), g(x) = e^x − 1 − x, shape (count, T); arguments as in `entropy_sums`."""
    return _weak(cpu.exponential_rests, p, rewards, (orders,), num_threads)


def _weak(kernel, p, rewards, tables, num_threads):
    tables = [np.ascontiguousarray(table) for table in tables]
    out = np.empty(tables[0].shape)
    if out.size:
        work = _COST * out.size * rewards.shape[1]
        threads.for_blocks(
            lambda first, last: kernel(p, rewards, *tables, out, first, last),
            len(out),
            work=work,
            num_threads=num_threads,
        )
    return out
