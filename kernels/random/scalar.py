"""Philox4x32-10 and the rules for draws as plain Python bodies; the C twin is ``af_random.h``.

One body serves NumPy integers and arrays and ``numba.njit``: words are unsigned 64-bit
integers below 2^32, because mixed or 32-bit integer types would be promoted differently in each of them, and because a
vector unit multiplies 32-bit words only in 64-bit lanes.
"""

import numpy as np

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
M0 = np.uint64(0xD2511F53)
M1 = np.uint64(0xCD9E8D57)
W0 = np.uint64(0x9E3779B9)
W1 = np.uint64(0xBB67AE85)


def philox4x32(key, replicate, block):
    """Return the four words of one block of one replicate's stream.

    Parameters are unsigned 64-bit integers (or arrays of them). Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", SC11 (2011), section 3.3.
    """
    k0, k1 = np.uint64(key) & LOW, np.uint64(key) >> HALF
    c0, c1 = np.uint64(block) & LOW, np.uint64(block) >> HALF
    c2, c3 = np.uint64(replicate) & LOW, np.uint64(replicate) >> HALF
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


def word64(high, low):
    """Return the 64-bit word made of two 32-bit words."""
    return np.uint64(high) << HALF | np.uint64(low)


def uniform_f32(word):
    """Return ((u >> 9) + 1/2) 2^-23 of a 32-bit word: exact, strictly inside (0, 1)."""
    return (np.float32(np.uint64(word) >> np.uint64(9)) + np.float32(0.5)) * np.float32(2.0**-23)


def uniform_f64(word):
    """Return ((w >> 12) + 1/2) 2^-52 of a 64-bit word: exact, strictly inside (0, 1)."""
    return (np.float64(np.uint64(word) >> np.uint64(12)) + 0.5) * 2.0**-52


def normal_f32(word, normal_lower):
    """Return the float32 normal of a 32-bit word, given the target's float32 `normal_lower` (`common.scalar`)."""
    upper = np.uint64(word) >> np.uint64(31)
    nearer = np.uint64(word) ^ (upper * LOW)
    p = (np.float32(nearer) + np.float32(0.5)) * np.float32(2.0**-32)
    q = (np.float32(np.uint64(0x7FFFFFFF) - nearer) + np.float32(0.5)) * np.float32(2.0**-32)
    return normal_lower(p, q) * (np.float32(upper) * np.float32(2) - np.float32(1))
