"""Moments in exact rational arithmetic."""

from fractions import Fraction


def centred(values):
    """Return (mean, deviations, unit): the exact mean, and whole numbers that are x - mean in a common unit."""
    exact = [Fraction(float(value)) for value in values]
    scale = max(x.denominator for x in exact)  # a power of two, which all denominators divide
    whole = [x.numerator * (scale // x.denominator) for x in exact]
    total, count = sum(whole), len(whole)
    return Fraction(total, count * scale), [count * x - total for x in whole], Fraction(1, count * scale)


def moments(values):
    """Return (count, mean, M2, M3, M4, minimum, maximum) of finite floats, exactly; M_k = Σ (x - mean)^k."""
    mean, deviations, unit = centred(values)
    powers = [sum(x**order for x in deviations) * unit**order for order in (2, 3, 4)]
    return (len(values), mean, *powers, Fraction(float(min(values))), Fraction(float(max(values))))


def absolute_moments(values):
    """Return Σ |x - mean|^k for k = 2, 3, 4: what a bound on the rounding of M_k is proportional to."""
    _, deviations, unit = centred(values)
    return [sum(abs(x) ** order for x in deviations) * unit**order for order in (2, 3, 4)]
