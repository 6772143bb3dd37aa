"""Sums of independent rewards by brute force: integer convolutions, multinomials and complex powers in many digits."""

import itertools
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

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


def law_of_sums(p, rewards, m):
    """Return {sum: probability} of m letters in many digits; rewards are integers or fractions, `p` is normalised."""
    with mpmath.workdps(60):
        total = mpmath.fsum(mpmath.mpf(float(x)) for x in p)
        letter = defaultdict(mpmath.mpf)
        for x, r in zip(p, rewards, strict=True):
            letter[Fraction(r)] += mpmath.mpf(float(x)) / total
        law = {Fraction(0): mpmath.mpf(1)}
        for bit in bin(m)[2:]:
            law = _convolved(law, law)
            if bit == "1":
                law = _convolved(law, letter)
        return law


def _convolved(a, b):
    result = defaultdict(mpmath.mpf)
    for (s, x), (t, y) in itertools.product(a.items(), b.items()):
        result[s + t] += x * y
    return result


class Figures(NamedTuple):
    """Mean, variance and divergence of best-of-n, and {sum: log(π/P)}."""

    mean: mpmath.mpf
    variance: mpmath.mpf
    kl: mpmath.mpf
    ratio: dict


def best_of_n_figures(law, log_n):
    """Return the `Figures` of best-of-n over {sum: probability} for real n, in many digits."""
    with mpmath.workdps(60):
        n, above, upto = mpmath.exp(mpmath.mpf(log_n)), mpmath.mpf(0), mpmath.mpf(1)
        mass, ratio, lowest = {}, {}, min(law)
        for s in sorted(law, reverse=True):  # F^n = exp(n log(1 - Q)) from tails: nothing is lost near 1
            above += law[s]
            below = mpmath.mpf(0) if s == lowest else mpmath.exp(n * mpmath.log1p(-min(above, 1)))
            mass[s] = upto - below
            ratio[s], upto = mass[s] / law[s], below
        mean = mpmath.fsum(x * s.numerator / s.denominator for s, x in mass.items())
        variance = mpmath.fsum(x * (mpmath.mpf(s.numerator) / s.denominator - mean) ** 2 for s, x in mass.items())
        kl = mpmath.fsum(mass[s] * mpmath.log(ratio[s]) for s in law if mass[s] > 0)
        return Figures(mean, variance, kl, ratio)


def token_marginal(p, rewards, m, ratio):
    """Return the law of a token under best-of-n, p(v) Σ_s P_{m-1}(s - r(v)) (π/P)(s)."""
    with mpmath.workdps(60):
        total, fewer = mpmath.fsum(mpmath.mpf(float(x)) for x in p), law_of_sums(p, rewards, m - 1)
        return [
            mpmath.mpf(float(x)) / total * mpmath.fsum(mass * ratio[s + Fraction(r)] for s, mass in fewer.items())
            for x, r in zip(p, rewards, strict=True)
        ]


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
