"""Functions of log-ratios that vanish to second order at 0: what stays accurate where a tilt is weak.

The kernels have the same ones (kernels/information/weak.inc).
"""

import math

import numpy as np


def relative_entropy_term(x):
    """Return h(x) = x e^x − expm1(x) ≥ 0, to a few ulp also near 0, where both terms cancel to x²/2.

    With x = log(π/p) for normalised π and p, D(π‖p) = Σ p h(x): a sum of terms of one sign, so it keeps full relative
    accuracy however close π is to p. The literal Σ π log(π/p) does not.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        plain = x * np.exp(x) - np.expm1(x)
    return _with_series(x, _ENTROPY_SERIES, np.where(x == -np.inf, 1.0, plain))


def exponential_less_linear(x):
    """Return g(x) = e^x − 1 − x ≥ 0, to a few ulp also near 0."""
    return _with_series(x, _EXPONENTIAL_SERIES, np.expm1(x) - x)


# Coefficients of x², x³, ...: (k − 1)/k! and 1/k!. For |x| < 1/2 the 16 terms leave 2^-16·17/18! ≈ 4e-20 behind.
_EXPONENTIAL_SERIES = [1 / math.factorial(k) for k in range(2, 18)]
_ENTROPY_SERIES = [(k - 1) / math.factorial(k) for k in range(2, 18)]


def _with_series(x, coefficients, plain):
    """Return x² Σ_k coefficients[k] x^k where |x| < 1/2, `plain` elsewhere."""
    small = np.abs(x) < 0.5
    near = np.where(small, x, 0.0)
    series = np.zeros_like(near)
    for coefficient in reversed(coefficients):
        series = series * near + coefficient
    return np.where(small, series * near * near, plain)
