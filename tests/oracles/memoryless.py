"""Sums of independent rewards by brute force: integer convolutions, multinomials and complex powers in many digits."""

import itertools
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import mpmath

# In 40 digits, from exact types and integer convolutions.
STORED = json.loads((Path(__file__).parent / "memoryless.json").read_text())


def log_multinomial(counts, p):
    """Return log(m!/Π n_k! Π p_k^n_k) with p normalised, in many digits."""
    with mpmath.workdps(50):
        total = mpmath.fsum(p)
        terms = [n * mpmath.log(mpmath.mpf(x) / total) - mpmath.loggamma(n + 1) for n, x in zip(counts, p, strict=True)]
        return mpmath.loggamma(sum(counts) + 1) + mpmath.fsum(terms)


def compositions(m, letters):
    """Yield all (n_1, ..., n_letters) of sum m in lexicographic order."""
    if letters == 1:
        yield (m,)
        return
    for first in range(m + 1):
        for rest in compositions(m - first, letters - 1):
            yield (first, *rest)


def type_means(letters, m, weight):
    """Return Σ w(n) n_k over the types in lexicographic order."""
    types = list(compositions(m, letters))
    return [sum(Fraction(w) * n[k] for w, n in zip(weight, types, strict=True)) for k in range(letters)]


def power(z, m):
    """Return z^m in many digits."""
    with mpmath.workdps(50):
        return mpmath.mpc(z) ** m


def untilted(mass, theta, s, shift):
    """Return log(mass) - theta s + shift in many digits."""
    with mpmath.workdps(50):
        return mpmath.log(mass) - mpmath.mpf(theta) * s + mpmath.mpf(shift)


def integer_law(weights, m):
    """Return the exact counts of the sums of m steps 0, 1, ... of integer `weights`, by one power of an integer."""
    digit = sum(weights).bit_length() * m + 1
    number = sum(weight << digit * step for step, weight in enumerate(weights)) ** m
    return [number >> digit * s & (1 << digit) - 1 for s in range(m * (len(weights) - 1) + 1)]


def best_of_n_sequences(p, reward, m, n):
    """Return π(y) of every sequence y for integer n, by enumeration in rationals: (F(y)^n - F'(y)^n) p(y)/P(ties)."""
    mass = defaultdict(Fraction)
    sequences = {}
    for y in itertools.product(range(len(p)), repeat=m):
        probability, total = Fraction(1), sum(Fraction(reward[v]) for v in y)
        for v in y:
            probability *= Fraction(p[v])
        sequences[y] = probability, total
        mass[total] += probability
    below, ratio = Fraction(0), {}
    for total in sorted(mass):
        upto = below + mass[total]
        ratio[total] = (upto**n - below**n) / mass[total]
        below = upto
    return {y: probability * ratio[total] for y, (probability, total) in sequences.items()}
