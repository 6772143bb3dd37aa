"""Cases of estimates from pools of samples: pass@k and best-of-n curves, in fractions."""

import itertools
from fractions import Fraction
from math import comb

import mpmath

from oracles import pool
from vectors.common import Family

TOTALS = (1, 2, 5, 20, 200, 1000, 10_000)


def _number(fraction):
    with mpmath.workdps(60):
        return mpmath.mpf(fraction.numerator) / fraction.denominator


def passes():
    """Return the cases of pass@k."""
    family = Family("pass_at_k")
    for total in TOTALS:
        counts = sorted({0, 1, 2, total // 3, total // 2, total - 1, total} & set(range(total + 1)))
        ks = sorted({1, 2, 5, total // 2, total - 1, total} & set(range(1, total + 1)))
        for correct, k in itertools.product(counts, ks):
            value = _number(pool.pass_at_k(total, correct, k))
            allowed = 3 * min(k, correct, 65536) * 2.0**-53 * float(value)
            call = {"num_samples": total, "num_correct": correct, "k": k}
            family.add("pass_at_k", call, {"value": (value, allowed)})
    return family


def curve_value(scores, values, n, estimator):
    """Return the mean over subsets (or draws) of n samples, ties with their mean value, exactly."""
    size = len(scores)
    groups = {}
    for score, value in zip(scores, values, strict=True):
        groups.setdefault(score, []).append(Fraction(value))
    total, magnitude, below = Fraction(0), Fraction(0), 0
    for score in sorted(groups):
        group = groups[score]
        reached = below + len(group)
        if estimator == "v":
            weight = Fraction(reached**n - below**n, size**n)
        else:
            weight = Fraction(comb(reached, n) - comb(below, n), comb(size, n))
        total += weight * sum(group) / len(group)
        magnitude += weight * sum(map(abs, group)) / len(group)
        below = reached
    return _number(total), _number(magnitude)


def curves():
    """Return the cases of curves."""
    family = Family("curve")
    rng = family.random
    for size, estimator, kind in itertools.product((1, 2, 6, 33, 300), ("u", "v"), ("plain", "ties", "judged", "wide")):
        scores = [rng.gauss(0.0, 1.0) for _ in range(size)]
        if kind == "ties":
            scores = [float(rng.randint(0, 3)) for _ in scores]
        if kind == "wide":
            scores = [rng.gauss(0.0, 1.0) * 10.0 ** rng.randint(-200, 200) for _ in scores]
        values = [rng.gauss(1.0, 2.0) for _ in scores] if kind == "judged" else scores
        ns = sorted({1, 2, 3, size // 2, size} & set(range(1, size + 1))) + ([5 * size] if estimator == "v" else [])
        found = [curve_value(scores, values, n, estimator) for n in ns]
        call = {"scores": scores, "n": ns, "estimator": estimator}
        call |= {"values": values} if kind == "judged" else {}
        # What lies below 2^-52 of the weight is left out.
        left_out = 2.0**-52 * (max(values) - min(values))
        expected = {"mean": [(value, 1e-13 * magnitude + left_out) for value, magnitude in found]}
        family.add("curve", call, expected, label=kind)
    return family


FAMILIES = (passes, curves)
