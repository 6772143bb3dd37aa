"""Functions with SciPy's names in mpmath, which does not know NaN: limits are tested beside SciPy."""

import mpmath

from oracles.information import log_sum_exp

__all__ = ["entr", "kl_div", "log_ndtr", "log_softmax", "log_sum_exp", "ndtri_exp", "rel_entr", "softmax"]

DIGITS = 60


def softmax(x):
    """Return e^x / Σ e^x of finite numbers."""
    with mpmath.workdps(DIGITS):
        powers = [mpmath.exp(mpmath.mpf(float(value))) for value in x]
        return [power / mpmath.fsum(powers) for power in powers]


def log_softmax(x):
    """Return −log(1 + Σ_{j≠i} e^{x_j − x_i}) for every i."""
    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(float(value)) for value in x]
        return [
            -mpmath.log1p(mpmath.fsum(mpmath.exp(other - one) for j, other in enumerate(numbers) if j != i))
            for i, one in enumerate(numbers)
        ]


def entr(x):
    """Return −x log x, x > 0."""
    with mpmath.workdps(DIGITS):
        return -mpmath.mpf(float(x)) * mpmath.log(mpmath.mpf(float(x)))


def rel_entr(x, y):
    """Return x log(x/y) of positive numbers."""
    with mpmath.workdps(DIGITS):
        one, other = mpmath.mpf(float(x)), mpmath.mpf(float(y))
        return one * mpmath.log(one / other)


def kl_div(x, y):
    """Return x log(x/y) − x + y of positive numbers."""
    with mpmath.workdps(DIGITS):
        return rel_entr(x, y) - mpmath.mpf(float(x)) + mpmath.mpf(float(y))


def log_ndtr(x):
    """Return log Φ(x), from the tail that is small."""
    with mpmath.workdps(DIGITS):
        number = x if isinstance(x, mpmath.mpf) else mpmath.mpf(float(x))
        if number > 0:
            return mpmath.log1p(-mpmath.ncdf(-number))
        if number > -1e4:
            return mpmath.log(mpmath.erfc(-number / mpmath.sqrt(2)) / 2)
        square = number * number  # −x²/2 − log(√(2π)|x|) + log(1 − 1/x² + 3/x⁴ − 15/x⁶)
        series = 1 - 1 / square + 3 / square**2 - 15 / square**3
        return -square / 2 - mpmath.log(mpmath.sqrt(2 * mpmath.pi) * -number) + mpmath.log(series)


def ndtri_exp(y):
    """Return x with log Φ(x) = y < 0, by secants."""
    with mpmath.workdps(DIGITS):
        number = mpmath.mpf(float(y))
        if number > -mpmath.log(2):  # where the complement is what varies
            complement = -mpmath.expm1(number)
            return -_quantile(complement, mpmath.log(complement))
        return _quantile(mpmath.exp(number), number)


def _quantile(p, log_p):
    """Return Φ⁻¹(p), 0 < p <= 1/2, by Newton on log Φ."""
    x = -mpmath.sqrt(-2 * log_p) + mpmath.mpf("0.1")
    for _ in range(60):
        if x > -1e4:
            slope = mpmath.npdf(x) / (mpmath.erfc(-x / mpmath.sqrt(2)) / 2)
        else:
            slope = -x - 1 / x
        step = (log_ndtr(x) - log_p) / slope
        x -= step
        if abs(step) < mpmath.mpf(10) ** (8 - DIGITS) * (1 + abs(x)):
            break
    return x
