"""Elo ratings: games played in pieces, and shuffles of them on several threads."""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.ranking import cpu

# Nanoseconds per game, in order and through a permutation; games before the interpreter gets to see Ctrl-C.
COST, SHUFFLED_COST = 15.0, 100.0
PIECE = 1 << 20


def play(games, n_items, k, order=None):
    """Return ratings in logits after all `Games`, from 0."""
    rating, size = np.zeros(n_items), len(games.winner)

    def run(first, last):
        cpu.elo_play(*games, order, k, first * PIECE, min(last * PIECE, size), rating)

    threads.for_blocks(run, -(-size // PIECE), work=COST * size, num_threads=1)
    return rating


def play_shuffled(games, n_items, k, key, count, *, num_threads=None):
    """Return ratings (count, n_items) in logits after the games in `count` random orders."""
    size = len(games.winner)
    ratings = np.empty((count, n_items))

    def run(first, last):
        order = np.empty(size, dtype=np.int32)
        for shuffle in range(first, last):
            cpu.elo_shuffle(key, shuffle, order)
            ratings[shuffle] = play(games, n_items, k, order)

    threads.for_blocks(run, count, work=SHUFFLED_COST * size * count, num_threads=num_threads)
    return ratings
