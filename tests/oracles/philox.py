"""Philox4x32-10 and the rules for draws in plain Python integers, straight from the paper (Salmon et al., SC11)."""

from fractions import Fraction

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


def uniform32(key, replicate, draw):
    """Return the exact value of a float32 uniform."""
    return (Fraction(word32(key, replicate, draw) >> 9) + Fraction(1, 2)) / 2**23


def uniform64(key, replicate, draw):
    """Return the exact value of a float64 uniform."""
    return (Fraction(word64(key, replicate, draw) >> 12) + Fraction(1, 2)) / 2**52
