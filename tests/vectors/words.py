"""Cases of random words: Philox4x32-10 with the key of a seed."""

import itertools

import mpmath
import numpy as np

from oracles import philox
from vectors.common import Family

SEEDS = (0, 1, 7, 2**32 - 1, 2**64 + 5, 12345678901234567890)
PLACES = ((0, 0), (3, 1), (2**32 + 1, 2**33 + 6), (2**63, 2**40 - 2))


def key_of(seed, purpose):
    """Return the key of a stream."""
    return int(np.random.SeedSequence(seed, spawn_key=(purpose,)).generate_state(1, np.uint64)[0])


def words():
    """Return the cases."""
    family = Family("random_words")
    for seed, purpose, (replicate, draw) in itertools.product(SEEDS, (0, 2), PLACES):
        key = key_of(seed, purpose)
        place = {"seed": str(seed), "purpose": purpose, "key": str(key), "replicate": str(replicate), "draw": str(draw)}
        call = {**place, "count": 4}
        draws = range(draw, draw + 4)
        found = [(philox.word32(key, replicate, one), 0) for one in draws]
        family.add("uint32", call, {"words": found}, label="words")
        for dtype in ("float64", "float32"):
            uniform = [philox.uniform(key, replicate, one, dtype) for one in draws]
            exact = [(_decimal(one), 0) for one in uniform]
            family.add("uniform", call, {"values": exact}, label=dtype, dtype=dtype)
        normal = [philox.normal(key, replicate, one, "float64") for one in draws]
        family.add("normal", call, {"values": [(x, 5 * 2.0**-52 * abs(x)) for x in normal]}, label="float64")
    return family


def _decimal(fraction):
    """Return a fraction as an mpf: uniforms have at most 53 bits."""
    return mpmath.mpf(fraction.numerator) / fraction.denominator


FAMILIES = (words,)
