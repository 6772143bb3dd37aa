"""Best-of-N simulation over the kernels of this family: cutting the work, and words to rewards.

Maxima are written as (grid, replicates) arrays. Nothing depends on how the work is cut: winners merge by an integer
minimum, everything else is elementwise.
"""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.common import threads
from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.kernels.random import operations as random

# Draws in one task: about 5 ms, so that a call returns to the interpreter often and threads share evenly.
PIECE = 1 << 24
# Slots of winners of pieces that wait for their minimum.
SLOTS = 1 << 16
# Replicates of one elementwise task: its arrays stay in the second-level cache.
BLOCK = 4096

NO_WINNER = np.uint64(2**64 - 1)
# Nanoseconds on one thread: they decide how many threads take part and how often the interpreter sees Ctrl-C.
NS_PER_DRAW = {"avx512": 0.4, "avx2": 0.6}.get(ISA, 2.5)
NS_PER_REPLICATE = 25 * NS_PER_DRAW


def brute(keys, replicate, replicates, grid, transform, num_threads=None):
    """Return the rewards (G, R) of the best of the first n draws, for every n of the ascending integer `grid`."""
    words = winners(keys, replicate, replicates, grid, num_threads)

    def tails(g, rows, tail, state):
        cpu.word_tails(words[g, rows], tail)

    return _rewards(tails, len(grid), replicates, transform, num_threads)


def winners(keys, replicate, replicates, grid, num_threads=None):
    """Return the winners' 64-bit survival words, uint64 (G, R). `keys`: of the streams of draws and of ties."""
    words = np.full((len(grid), replicates), NO_WINNER)
    start = 0
    for g, stop in enumerate(grid):
        if g:
            words[g] = words[g - 1]
        if stop - start <= PIECE:
            _fold_replicates(keys, replicate, start, stop, words[g], num_threads)
        else:
            _fold_pieces(keys, replicate, start, stop, words[g], num_threads)
        start = stop
    return words


def _fold_replicates(keys, replicate, start, stop, winner, num_threads):
    """Fold by tasks of a run of replicates, whose length is a multiple of every vector width."""
    length = max(32, PIECE // (4 * max(1, stop - start)) // 32 * 32) if stop - start < PIECE // 128 else 1

    def run(first, last):
        part = winner[first * length : last * length]
        cpu.fold_winners(*keys, start, stop, replicate + first * length, part)

    work = NS_PER_DRAW * (stop - start + 8) * winner.size
    threads.for_blocks(run, -(-winner.size // length), work=work, num_threads=num_threads)


def _fold_pieces(keys, replicate, start, stop, winner, num_threads):
    """Fold by tasks of a piece of the draws of one replicate."""
    pieces = -(-(stop - start) // PIECE)
    for r in range(winner.size):
        for base in range(0, pieces, SLOTS):
            slots = np.full(min(SLOTS, pieces - base), winner[r])

            def run(first, last, r=r, base=base, slots=slots):
                for piece in range(first, last):
                    low = start + (base + piece) * PIECE
                    cpu.fold_winners(*keys, low, min(low + PIECE, stop), replicate + r, slots[piece : piece + 1])

            threads.for_blocks(run, slots.size, work=NS_PER_DRAW * PIECE * slots.size, num_threads=num_threads)
            winner[r] = slots.min()


def order(keys, replicate, replicates, sizes, transform, num_threads=None):
    """Return the rewards (G, R) of the best of n draws, one uniform per replicate and entry of the grid.

    `sizes` are the increments of the grid, so that entry g is the best of the first ``sizes[0] + ... + sizes[g]``
    draws: the smallest of independent minima, in the joint law that brute force has. Entry g uses float64 draw g.
    """

    def tails(g, rows, tail, state):
        if sizes[g]:
            cpu.fold_exponents(keys[0], replicate + rows.start, g, sizes[g], state)
        cpu.exponent_tails(state, tail)

    return _rewards(tails, len(sizes), replicates, transform, num_threads)


def _rewards(tails, grid, replicates, transform, num_threads):
    """Return the rewards (G, R), block by block of replicates, all of a block in the first-level cache.

    ``tails(g, rows, tail, state)`` writes the tail probabilities of entry g; `state` starts as inf and is carried from
    entry to entry.
    """
    rewards = np.empty((grid, replicates))

    def run(first, last):
        tail, state = np.empty(BLOCK), np.empty(BLOCK)
        for block in range(first, last):
            rows = slice(block * BLOCK, min((block + 1) * BLOCK, replicates))
            part = slice(rows.stop - rows.start)
            state.fill(np.inf)
            for g in range(grid):
                tails(g, rows, tail[part], state[part])
                apply_transform(transform, tail[part], rewards[g, rows])

    n_blocks = -(-replicates // BLOCK)
    if transform.kind == "function":  # the caller's code: on the caller's thread
        run(0, n_blocks)
    else:
        work = NS_PER_REPLICATE * replicates * grid
        threads.for_blocks(run, n_blocks, work=work, num_threads=num_threads)
    return rewards


def apply_transform(transform, tail, reward):
    """Write the reward at each tail probability."""
    if transform.kind == "function":
        function, name = transform.parameters
        call_function(function, name, tail, reward)
    else:
        getattr(cpu, _KERNELS[transform.kind])(tail, *transform.parameters, reward)


_KERNELS = {"gaussian": "gaussian_rewards", "uniform": "uniform_rewards", "table": "table_rewards"}


def call_function(function, name, tail, reward):
    """Write ``function(tail)``, which must return one number per element."""
    result = np.asarray(function(tail))
    if result.dtype.kind not in "biuf":
        raise TypeError(f"{name} must return real numbers, not {result.dtype}")
    if result.shape != tail.shape:
        raise ValueError(f"{name} returned shape {result.shape} for an argument of shape {tail.shape}")
    reward[:] = result


def sampler(keys, replicate, replicates, grid, source, num_threads=None):
    """Return the rewards (G, R) of the best of the first n draws of a user's function of k uniforms."""
    from alignment_fast.kernels.best_of_n import jit

    fold = jit.fold(source.function, source.uniforms)
    return _fold_sampler(fold, source.uniforms, keys[0], replicate, replicates, grid, num_threads)


def _fold_sampler(fold, k, key, replicate, replicates, grid, num_threads):
    """Fold by tasks of a few replicates, with chunks of uniforms that stay in the second-level cache."""
    rewards = np.full((len(grid), replicates), -np.inf)
    rows = max(1, min(256, 8192 // (k * max(grid))))

    def run(first, last):
        buffer = np.empty(8192 + k)
        for block in range(first, last):
            low = block * rows
            count = min(rows, replicates - low)
            columns = max(1, 8192 // (k * count))
            start = 0
            for g, stop in enumerate(grid):
                best = rewards[g, low : low + count]
                if g:
                    best[:] = rewards[g - 1, low : low + count]
                for draw in range(start, stop, columns):
                    width = k * min(columns, stop - draw)
                    uniforms = buffer[: count * width].reshape(count, width)
                    random.fill_uniforms(key, replicate + low, draw * k, uniforms)
                    fold(uniforms, best)
                start = stop

    work = 10.0 * k * max(grid) * replicates
    threads.for_blocks(run, -(-replicates // rows), work=work, num_threads=num_threads)
    return rewards
