"""Philox4x32-10 and the rules for draws in plain Python integers, straight from the paper (Salmon et al., SC11)."""

from fractions import Fraction

import mpmath

MASK = 2**32 - 1


def philox4x32(counter, key, rounds=10):
    """Return the four words of one block; `counter` has four words, `key` two."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(rounds):
        left, right = 0xD2511F53 * x0, 0xCD9E8D57 * x2
        x0, x1, x2, x3 = (right >> 32) ^ x1 ^ k0, right & MASK, (left >> 32) ^ x3 ^ k1, left & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return x0, x1, x2, x3


def block(key, replicate, index):
    """Return block `index` of one replicate's stream."""
    counter = (index & MASK, index >> 32, replicate & MASK, replicate >> 32)
    return philox4x32(counter, (key & MASK, key >> 32))


def word32(key, replicate, draw):
    """Return the 32-bit word of a draw."""
    return block(key, replicate, draw // 4)[draw % 4]


def word64(key, replicate, draw):
    """Return the 64-bit word of a draw: two words of a block, the first one high."""
    words = block(key, replicate, draw // 2)
    return words[draw % 2 * 2] << 32 | words[draw % 2 * 2 + 1]


def probability(key, replicate, draw, dtype):
    """Return the exact probability that a normal draw is made of."""
    if dtype == "float32":
        return (Fraction(word32(key, replicate, draw)) + Fraction(1, 2)) / 2**32
    return uniform(key, replicate, draw, dtype)


def uniform(key, replicate, draw, dtype):
    """Return the exact value of a uniform draw."""
    if dtype == "float32":
        return (Fraction(word32(key, replicate, draw) >> 9) + Fraction(1, 2)) / 2**23
    return (Fraction(word64(key, replicate, draw) >> 12) + Fraction(1, 2)) / 2**52


def normal(key, replicate, draw, dtype):
    """Return a normal draw to 40 digits: the inverse error function of mpmath."""
    p = probability(key, replicate, draw, dtype)
    with mpmath.workdps(60):
        return mpmath.sqrt(2) * mpmath.erfinv(mpmath.mpf(2 * p.numerator - p.denominator) / p.denominator)
