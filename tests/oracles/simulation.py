"""Best-of-N simulation in plain Python: winners draw by draw, exact moments of the maximum."""

import mpmath as mp

from oracles.philox import word32, word64

DIGITS = 40


def winner(draws, ties, replicate, n, start=0):
    """Return the smallest 64-bit survival word of draws start..n-1; `draws` and `ties` are keys."""
    return min(word32(draws, replicate, d) << 32 | word32(ties, replicate, d) for d in range(start, n))


def word_tail(word):
    """Return the exact tail probability of a survival word."""
    with mp.workdps(DIGITS):
        return (mp.mpf(word) + mp.mpf("0.5")) / 2**64


def exponent(key, replicate, entry, n):
    """Return -log u / n of float64 uniform `entry` of a replicate: the smallest of n standard exponentials."""
    with mp.workdps(DIGITS):
        u = (mp.mpf(word64(key, replicate, entry) >> 12) + mp.mpf("0.5")) / 2**52
        return -mp.log(u) / mp.mpf(n)


def exponent_tail(x):
    """Return the tail probability of a draw whose exponential is x."""
    with mp.workdps(DIGITS):
        return -mp.expm1(-mp.mpf(x))


def order_tail(key, replicate, entry, n):
    """Return the tail probability of the best of n draws made from float64 uniform `entry` of a replicate."""
    return exponent_tail(exponent(key, replicate, entry, n))


def uniform_reward(tail):
    """Return 1 - tail rounded once, below 1."""
    with mp.workdps(DIGITS + 330):
        return min(float(1 - mp.mpf(tail)), 1 - 2.0**-53)


def table_reward(tail, ladder, value):
    """Return the value whose step of the ladder the tail stands on."""
    return value[max(j for j, step in enumerate(ladder) if step <= tail)]


def gaussian_isf(tail):
    """Return x with P(Z > x) = tail, for 0 < tail < 1."""
    with mp.workdps(50):
        tail = mp.mpf(tail)
        if tail > mp.mpf("0.5"):
            return -gaussian_isf(1 - tail)
        x = mp.sqrt(-2 * mp.log(tail)) if tail < mp.mpf("0.1") else mp.mpf(0)
        for _ in range(60):  # Newton on log P(Z > x), which is concave
            survival = mp.erfc(x / mp.sqrt(2)) / 2
            step = (mp.log(survival) - mp.log(tail)) * survival / mp.npdf(x)
            x += step
            if abs(step) < mp.mpf(10) ** -30:
                break
        return x


def gaussian_max_moments(n):
    """Return mean and variance of the largest of n standard normals, by quadrature."""
    n = mp.mpf(n)
    with mp.workdps(30):

        def density(x):
            return n * mp.npdf(x) * mp.exp((n - 1) * mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2))

        centre = gaussian_isf(1 / (n + 1)) if n > 1 else mp.mpf(0)
        nodes = [centre + step for step in range(-9, 10)]
        mean = mp.quad(lambda x: x * density(x), nodes)
        return mean, mp.quad(lambda x: (x - mean) ** 2 * density(x), nodes)


def table_max_law(p, reward, n):
    """Return {reward: probability that it is the best of n draws}, in exact arithmetic for rational p."""
    total, below, law = sum(p), 0, {}
    for value in sorted(set(reward)):
        at_most = below + sum(q for q, r in zip(p, reward, strict=True) if r == value)
        law[value] = (at_most / total) ** n - (below / total) ** n
        below = at_most
    return law
