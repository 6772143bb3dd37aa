"""The elementwise functions in 140 bits: a finite mpf in, an mpf out."""

import mpmath

mp = mpmath.mp.clone()
mp.prec = 140

ROOT_TWO = mp.sqrt(2)
ROOT_TWO_PI = mp.sqrt(2 * mp.pi)


def exp(x):
    return mp.exp(x)


def expm1(x):
    return mp.expm1(x)


def log(x):
    return mp.log(x)


def log1p(x):
    return mp.log1p(x)


def log1mexp(x):
    return mp.log(-mp.expm1(-x)) if x < 1 else mp.log1p(-mp.exp(-x))


def softplus(x):
    return max(x, mp.zero) + mp.log1p(mp.exp(-abs(x)))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def normal_cdf(x):
    return mp.erfc(-x / ROOT_TWO) / 2


def log_normal_cdf(x):
    if x > 0:
        return mp.log1p(-normal_cdf(-x))
    if x > -40:
        return mp.log(normal_cdf(x))
    # Φ(x) = φ(x)/|x| Σ (-1)^k (2k-1)!! x^(-2k), far enough out for 140 bits
    total, term, k = mp.zero, mp.one, 0
    while abs(term) > mp.eps:
        total += term
        k += 1
        term *= -(2 * k - 1) / x**2
    return -x * x / 2 - mp.log(-x * ROOT_TWO_PI / total)


def normal_ppf(p):
    """Newton's method on Φ near the middle, on log Φ (concave, so it cannot overshoot for long) in the tail."""
    if p > 0.5:
        return -normal_ppf(1 - p)
    central = p > 0.25
    x = -(mp.mpf(1) / 2 - p) * ROOT_TWO_PI if central else -mp.sqrt(-2 * mp.log(p))
    for _ in range(100):
        if central:
            move = (p - mp.mpf(1) / 2 - mp.erf(x / ROOT_TWO) / 2) * ROOT_TWO_PI * mp.exp(x * x / 2)
        else:
            tail = normal_cdf(x)
            move = mp.log(p / tail) * tail * ROOT_TWO_PI * mp.exp(x * x / 2)
        x += move
        if abs(move) <= abs(x) * mp.mpf(2) ** -110:
            return x
    raise ArithmeticError(f"no convergence at {p}")


def normal_isf(p):
    return -normal_ppf(p)


def normal_ppf_rn(p):
    return normal_ppf(p)


def error_in_ulp(actual, exact, dtype):
    """Return |actual - exact| in units in the last place of `exact`; the smallest subnormal below the normal range."""
    digits, smallest_exponent = (52, -1022) if dtype == "float64" else (23, -126)
    if not mp.isfinite(actual):
        return mp.inf
    exponent = max(mp.mag(exact) - 1, smallest_exponent) if exact else smallest_exponent
    return abs(mp.mpf(actual) - exact) / mp.mpf(2) ** (exponent - digits)
