"""CUDA kernels of the simulation, with the bits of the CPU: same words, same float64 operations, nothing fused."""

import numpy as np

from alignment_fast.kernels.best_of_n import scalar, simulation
from alignment_fast.kernels.common import gpu
from alignment_fast.kernels.common.gpu import cuda, to_host
from alignment_fast.kernels.common.scalar import bind
from alignment_fast.kernels.random import scalar as philox

__all__ = ["brute", "order", "to_host"]

# Philox blocks of one task, where there are enough of them: the last look of a task costs two more.
TASK_BLOCKS = 1 << 8
# Draws of one launch at most: a few tens of milliseconds, after which the interpreter sees Ctrl-C.
LAUNCH_DRAWS = 1 << 35

_philox4x32 = gpu.device_function(philox.philox4x32)
_uniform_f64 = gpu.device_function(philox.uniform_f64)
_word64 = gpu.device_function(philox.word64)
_scalar = scalar.functions(bind, gpu.device_function, gpu.primitives(), gpu.scalar_functions())
_word_tail, _exponent_of, _exponent_tail = (_scalar[name] for name in ("word_tail", "exponent_of", "exponent_tail"))
_gaussian_reward, _uniform_reward = _scalar["gaussian_reward"], _scalar["uniform_reward"]

_OUTSIDE = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_FOUR = np.uint64(4)


@gpu.device_function
def high_words(key, replicate, block, start, stop):
    """Return the four high words of a block; draws outside [start, stop) have the largest word."""
    w0, w1, w2, w3 = _philox4x32(key, replicate, block)
    draw = block * _FOUR
    if draw < start or stop < draw + _FOUR:
        w0 = w0 if start <= draw and draw < stop else _OUTSIDE
        w1 = w1 if start <= draw + _ONE and draw + _ONE < stop else _OUTSIDE
        w2 = w2 if start <= draw + np.uint64(2) and draw + np.uint64(2) < stop else _OUTSIDE
        w3 = w3 if start <= draw + np.uint64(3) and draw + np.uint64(3) < stop else _OUTSIDE
    return w0, w1, w2, w3


@gpu.device_function
def block_winner(draws, ties, replicate, block, start, stop, high):
    """Return the smallest 64-bit word of those draws of a block whose high word is `high`."""
    h0, h1, h2, h3 = high_words(draws, replicate, block, start, stop)
    l0, l1, l2, l3 = _philox4x32(ties, replicate, block)
    low = l0 if h0 == high else _OUTSIDE
    low = min(low, l1) if h1 == high else low
    low = min(low, l2) if h2 == high else low
    low = min(low, l3) if h3 == high else low
    return high << _HALF | low


@gpu.device_function
def range_winner(draws, ties, replicate, first, last, start, stop, limit):
    """Return the smallest 64-bit word of blocks first..last-1, or the largest one if its high word exceeds `limit`."""
    best, where, tied = _OUTSIDE, first, False
    for block in range(first, last):
        w0, w1, w2, w3 = high_words(draws, replicate, np.uint64(block), start, stop)
        high = min(min(w0, w1), min(w2, w3))
        if high < best:
            best, where, tied = high, np.uint64(block), False
        elif high == best:
            tied = True
    if best > limit:
        return np.uint64(0xFFFFFFFFFFFFFFFF)
    if not tied:
        return block_winner(draws, ties, replicate, where, start, stop, best)
    winner = np.uint64(0xFFFFFFFFFFFFFFFF)
    for block in range(first, last):
        winner = min(winner, block_winner(draws, ties, replicate, np.uint64(block), start, stop, best))
    return winner


@cuda.jit
def fold_winners_kernel(draws, ties, start, stop, replicate, length, pieces, winner):
    """Lower ``winner[r]`` to the smallest word of draws start..stop-1 of replicate ``replicate + r``.

    A task is `length` blocks of one replicate. A stale `winner` only costs a look too many.
    """
    end = (stop - _ONE) // _FOUR + _ONE
    for task in range(cuda.grid(1), winner.size * pieces, cuda.gridsize(1)):
        r = task // pieces
        first = start // _FOUR + np.uint64(task % pieces) * length
        last = min(first + length, end)
        limit = winner[r] >> _HALF
        word = range_winner(draws, ties, replicate + np.uint64(r), first, last, start, stop, limit)
        if word < winner[r]:
            cuda.atomic.min(winner, r, word)


@cuda.jit
def word_tails_kernel(winner, tail):
    """Write the upper-tail probabilities of survival words."""
    for i in range(cuda.grid(1), tail.size, cuda.gridsize(1)):
        tail[i] = _word_tail(winner[i])


@cuda.jit
def fold_exponents_kernel(key, replicate, draw, size, exponent):
    """Lower ``exponent[r]`` to -log(u) / size, u the float64 uniform `draw` of replicate ``replicate + r``."""
    for r in range(cuda.grid(1), exponent.size, cuda.gridsize(1)):
        w0, w1, w2, w3 = _philox4x32(key, replicate + np.uint64(r), draw >> _ONE)
        odd = draw & _ONE == _ONE
        uniform = _uniform_f64(_word64(w2 if odd else w0, w3 if odd else w1))
        exponent[r] = min(exponent[r], _exponent_of(uniform, size))


@cuda.jit
def exponent_tails_kernel(exponent, tail):
    """Write -expm1(-exponent)."""
    for i in range(cuda.grid(1), tail.size, cuda.gridsize(1)):
        tail[i] = _exponent_tail(exponent[i])


@cuda.jit
def gaussian_rewards_kernel(tail, mean, std, reward):
    """Write mean + std isf(tail)."""
    for i in range(cuda.grid(1), tail.size, cuda.gridsize(1)):
        reward[i] = _gaussian_reward(tail[i], mean, std)


@cuda.jit
def uniform_rewards_kernel(tail, reward):
    """Write 1 - tail."""
    for i in range(cuda.grid(1), tail.size, cuda.gridsize(1)):
        reward[i] = _uniform_reward(tail[i])


@cuda.jit
def table_rewards_kernel(tail, ladder, value, reward):
    """Write ``value[j]`` for the last j with ``ladder[j] <= tail``."""
    for i in range(cuda.grid(1), tail.size, cuda.gridsize(1)):
        at, length = 0, ladder.size
        while length > 1:
            half = length // 2
            if ladder[at + half] <= tail[i]:
                at += half
            length -= half
        reward[i] = value[at]


def fold_winners(draws, ties, start, stop, replicate, winner):
    """Lower the device array `winner` in launches of at most LAUNCH_DRAWS draws."""
    step = max(LAUNCH_DRAWS // winner.size // 4 * 4, 4)
    for low in range(start, stop, step):
        high = min(low + step, stop)
        blocks = (high - 1) // 4 + 1 - low // 4
        enough = gpu.THREADS * gpu.MOST_BLOCKS
        pieces = min(-(-blocks // TASK_BLOCKS), max(1, enough // winner.size))
        length = -(-blocks // pieces)
        pieces = -(-blocks // length)
        words = (np.uint64(x) for x in (draws, ties, low, high, replicate, length))
        gpu.launch(fold_winners_kernel, winner.size * pieces, *words, pieces, winner)


def brute(keys, replicate, replicates, grid, transform, num_threads=None):
    """Return the rewards (G, R) of the best of the first n draws; the twin of `simulation.brute`."""
    winner = cuda.to_device(np.full(replicates, simulation.NO_WINNER))
    rewards = np.empty((len(grid), replicates))
    tail = gpu.empty((replicates,), np.float64)
    start = 0
    for g, stop in enumerate(grid):
        if stop > start:
            fold_winners(*keys, start, stop, replicate, winner)
        gpu.launch(word_tails_kernel, replicates, winner, tail)
        _rewards(transform, tail, rewards[g])
        start = stop
    return rewards


def order(keys, replicate, replicates, sizes, transform, num_threads=None):
    """Return the rewards (G, R) of the best of n draws by order statistics; the twin of `simulation.order`."""
    exponent = cuda.to_device(np.full(replicates, np.inf))
    rewards = np.empty((len(sizes), replicates))
    tail = gpu.empty((replicates,), np.float64)
    for g, size in enumerate(sizes):
        if size:
            words = (np.uint64(x) for x in (keys[0], replicate, g))
            gpu.launch(fold_exponents_kernel, replicates, *words, size, exponent)
        gpu.launch(exponent_tails_kernel, replicates, exponent, tail)
        _rewards(transform, tail, rewards[g])
    return rewards


def _rewards(transform, tail, out):
    """Write the rewards at the tail probabilities of a device array into the host array `out`."""
    if transform.kind == "function":
        simulation.call_function(*transform.parameters, tail.copy_to_host(), out)
        return
    reward = gpu.empty(tail.shape, np.float64)
    arrays = transform.kind == "table"
    parameters = [cuda.to_device(p) for p in transform.parameters] if arrays else transform.parameters
    gpu.launch(_KERNELS[transform.kind], tail.size, tail, *parameters, reward)
    out[:] = reward.copy_to_host()


_KERNELS = {
    "gaussian": gaussian_rewards_kernel,
    "uniform": uniform_rewards_kernel,
    "table": table_rewards_kernel,
}

# Argument types of every kernel: what launches compile, and what is compiled without a device to check it.
_words, _reals = "uint64[::1]", "float64[::1]"
SIGNATURES = {
    fold_winners_kernel: f"void({'uint64, ' * 6}int64, {_words})",
    word_tails_kernel: f"void({_words}, {_reals})",
    fold_exponents_kernel: f"void(uint64, uint64, uint64, float64, {_reals})",
    exponent_tails_kernel: f"void({_reals}, {_reals})",
    gaussian_rewards_kernel: f"void({_reals}, float64, float64, {_reals})",
    uniform_rewards_kernel: f"void({_reals}, {_reals})",
    table_rewards_kernel: f"void({_reals}, {_reals}, {_reals}, {_reals})",
}
