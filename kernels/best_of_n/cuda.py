"""The operations of this family on a CUDA device: simulation with the bits of the CPU, pools of scores, laws."""

import ctypes

import numpy as np

from alignment_fast.kernels.best_of_n import simulation
from alignment_fast.kernels.best_of_n.cuda_law import (
    aligned_gaps,
    aligned_log_deficits,
    law_build,
    law_draw,
    law_kl_estimate,
    law_pmf,
    law_rewards,
    law_sampler,
    law_values,
)
from alignment_fast.kernels.best_of_n.cuda_pool import (
    max_weights,
    pass_all_k,
    pass_at_k,
    pass_refused,
    pool_arrange,
    pool_columns,
    pool_interpolate,
    pool_means,
    pool_put,
    pool_rows,
    pool_small_means,
    pool_variances,
    prompt_means,
)
from alignment_fast.kernels.best_of_n.law import VALUES
from alignment_fast.kernels.best_of_n.pool import ESTIMATORS, NODES, SMALL_POOL
from alignment_fast.kernels.common import driver, images, streams
from alignment_fast.kernels.common.launches import THREADS, blocks_for, blocks_for_warps
from alignment_fast.kernels.common.streams import to_host

__all__ = [
    "ESTIMATORS",
    "NODES",
    "SMALL_POOL",
    "VALUES",
    "aligned_gaps",
    "aligned_log_deficits",
    "brute",
    "law_build",
    "law_draw",
    "law_kl_estimate",
    "law_pmf",
    "law_rewards",
    "law_sampler",
    "law_values",
    "max_weights",
    "order",
    "pass_all_k",
    "pass_at_k",
    "pass_refused",
    "pool_arrange",
    "pool_columns",
    "pool_interpolate",
    "pool_means",
    "pool_put",
    "pool_rows",
    "pool_small_means",
    "pool_variances",
    "prompt_means",
    "to_host",
]

_LIBRARY = images.library("best_of_n")
_FOLD = driver.Kernel(_LIBRARY, "fold_winners", "sqqqqqqp")
_FOLD_SHORT = driver.Kernel(_LIBRARY, "fold_short_winners", "sqqqqp")
_WORD_TAILS = driver.Kernel(_LIBRARY, "word_tails", "qpp")
_EXPONENT_TAILS = driver.Kernel(_LIBRARY, "exponent_tails", "qqqdqpp")
_REWARDS = {
    "gaussian": driver.Kernel(_LIBRARY, "gaussian_rewards", "qpddp"),
    "uniform": driver.Kernel(_LIBRARY, "uniform_rewards", "qpp"),
    "table": driver.Kernel(_LIBRARY, "table_rewards", "qpqppp"),
}
# Blocks of four draws in one task of a warp: finding the winner at its end costs two more steps. Many replicates of
# fewer draws take a thread each.
TASK_BLOCKS = 1 << 13
SHORT_BLOCKS = 1 << 9
MANY = 1 << 14
# Draws of one launch at most: some tens of milliseconds, after which the interpreter sees Ctrl-C.
LAUNCH_DRAWS = 1 << 35
# Where a simulation runs whose arguments are on no device.
DEFAULT = streams.Place(0, streams.LEGACY)


class _RaceKeys(ctypes.Structure):
    """`stream_keys` of cuda.cu."""

    _fields_ = (("low", ctypes.c_uint32 * 10), ("high", ctypes.c_uint32 * 10), ("ties", ctypes.c_uint64))


def stream_keys(draws, ties):
    """Return the round keys of the stream of draws, and the key of that of ties, as the kernels take them."""
    words = draws & 0xFFFFFFFF, draws >> 32
    of_rounds = [
        [(word + i * step) % 2**32 for i in range(10)]
        for word, step in zip(words, (0x9E3779B9, 0xBB67AE85), strict=True)
    ]
    return bytes(_RaceKeys(*((ctypes.c_uint32 * 10)(*keys) for keys in of_rounds), ties))


def _launch(kernel, tasks, *arguments, place=DEFAULT, warps=False):
    shape = blocks_for_warps(tasks, place.device) if warps else blocks_for(tasks, place.device, THREADS)
    kernel.launch(place.device, place.stream, *shape, arguments)


def fold_winners(keys, start, stop, replicate, winner):
    """Lower the device array `winner` to the smallest words of draws start..stop-1."""
    packed, replicates = stream_keys(*keys), winner.size
    step = max(LAUNCH_DRAWS // replicates // 4 * 4, 4)
    for low in range(start, stop, step):
        high = min(low + step, stop)
        blocks = (high - 1) // 4 + 1 - low // 4
        if blocks <= SHORT_BLOCKS and replicates >= MANY:
            _launch(_FOLD_SHORT, replicates, packed, low, high, replicate, replicates, winner.pointer)
        else:
            pieces = -(-blocks // TASK_BLOCKS)
            length = -(-blocks // pieces)
            arguments = (packed, low, high, replicate, length, pieces, replicates, winner.pointer)
            _launch(_FOLD, replicates * pieces, *arguments, warps=True)
        if high < stop:
            driver.synchronize(winner.place.device, winner.place.stream)


def brute(keys, replicate, replicates, grid, transform, num_threads=None):
    """Return the rewards (G, R) of the best of the first n draws; the twin of `simulation.brute`."""
    winner = DEFAULT.copy(np.full(replicates, simulation.NO_WINNER))
    rewards, tail = _rewards_and_tail(len(grid), replicates)
    start = 0
    for row, stop in zip(rewards, grid, strict=True):
        if stop > start:
            fold_winners(keys, start, stop, replicate, winner)
        _launch(_WORD_TAILS, replicates, replicates, winner.pointer, tail.pointer)
        _apply(transform, tail, row)
        start = stop
    return rewards


def order(keys, replicate, replicates, sizes, transform, num_threads=None):
    """Return the rewards (G, R) of the best of n draws by order statistics; the twin of `simulation.order`."""
    exponent = DEFAULT.copy(np.full(replicates, np.inf))
    rewards, tail = _rewards_and_tail(len(sizes), replicates)
    for g, (row, size) in enumerate(zip(rewards, sizes, strict=True)):
        arguments = (keys[0], replicate, g, size, replicates, exponent.pointer, tail.pointer)
        _launch(_EXPONENT_TAILS, replicates, *arguments)
        _apply(transform, tail, row)
    return rewards


def _rewards_and_tail(entries, replicates):
    dtype = np.dtype(np.float64)
    return DEFAULT.empty((entries, replicates), dtype), DEFAULT.empty((replicates,), dtype)


def _apply(transform, tail, reward):
    """Write the rewards at the tail probabilities; a user's function is called on the host."""
    if transform.kind == "function":
        values = np.empty(tail.shape)
        simulation.call_function(*transform.parameters, tail.numpy(), values)
        reward.fill_from(values)
    elif transform.kind == "table":
        ladder, value = (DEFAULT.copy(array) for array in transform.parameters)
        _launch(
            _REWARDS["table"],
            tail.size,
            tail.size,
            tail.pointer,
            ladder.size,
            ladder.pointer,
            value.pointer,
            reward.pointer,
        )
    else:
        _launch(_REWARDS[transform.kind], tail.size, tail.size, tail.pointer, *transform.parameters, reward.pointer)
