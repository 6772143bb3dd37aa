"""Moments in exact rational arithmetic."""

from fractions import Fraction


def moments(values):
    """Return (count, mean, M2, M3, M4, minimum, maximum) of finite floats, exactly; M_k = Σ (x - mean)^k."""
    exact = [Fraction(float(value)) for value in values]
    mean = sum(exact) / len(exact)
    powers = [sum((x - mean) ** order for x in exact) for order in (2, 3, 4)]
    return (len(exact), mean, *powers, min(exact), max(exact))


def absolute_moments(values):
    """Return Σ |x - mean|^k for k = 2, 3, 4: what a bound on the rounding of M_k is proportional to."""
    exact = [Fraction(float(value)) for value in values]
    mean = sum(exact) / len(exact)
    return [sum(abs(x - mean) ** order for x in exact) for order in (2, 3, 4)]
