"""The rule that turns ``seed=`` or ``rng=`` into the keys of random streams; every public function goes through it."""

import operator

import numpy as np
from numpy.random import BitGenerator, Generator, SeedSequence

from alignment_fast._border.scalars import as_count
from alignment_fast._operations import operations

# What the streams of one seed are for. Different purposes have unrelated keys: ties never reuse the words of draws.
DRAWS = 0
TIES = 1
BOOTSTRAP = 2
NOISE = 3

Seed = int | SeedSequence | BitGenerator | Generator | None


def seed_sequence(seed: Seed, name: str = "seed") -> SeedSequence:
    """Return the `numpy.random.SeedSequence` behind a seed.

    Parameters
    ----------
    seed : None, int, SeedSequence, BitGenerator or Generator
        None takes fresh entropy from the operating system. A generator contributes one 64-bit integer and moves on: a
        function that needs streams for several purposes calls this once and passes the result to `stream_key`.
    name : str
        Name of the argument, for the error message.

    """
    if isinstance(seed, SeedSequence):
        return seed
    if isinstance(seed, BitGenerator):
        seed = Generator(seed)
    if isinstance(seed, Generator):
        return SeedSequence(int(seed.integers(2**64 - 1, dtype=np.uint64, endpoint=True)))
    if seed is None:
        return SeedSequence()
    try:
        entropy = operator.index(seed)
    except TypeError:
        kind = type(seed).__name__
        raise TypeError(f"{name} must be None, an int, a SeedSequence or a Generator, not {kind}") from None
    if entropy < 0:
        raise ValueError(f"{name} must not be negative, got {entropy}")
    return SeedSequence(entropy)


def stream_key(seed: Seed, purpose: int = DRAWS, name: str = "seed") -> int:
    """Return the 64-bit Philox key of a seed for one purpose.

    ``SeedSequence(entropy, spawn_key=(*spawn_key, purpose)).generate_state(1, uint64)``: spawned seed sequences give
    unrelated keys, and so do purposes.
    """
    key = operations("random").short_stream_key(seed, purpose)
    if key is not None:
        return key
    number = as_count(purpose, "purpose", least=0, most=None)
    root = seed_sequence(seed, name)
    child = SeedSequence(root.entropy, spawn_key=(*root.spawn_key, number), pool_size=root.pool_size)
    return int(child.generate_state(1, np.uint64)[0])
