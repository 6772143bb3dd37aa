"""Information measures in 50-digit arithmetic, straight from their definitions. Arguments are taken exactly."""

import json
from fractions import Fraction
from pathlib import Path

import mpmath

DIGITS = 50
FILE = json.loads((Path(__file__).parent / "renyi.json").read_text("utf-8"))


def exact(value):
    """Return a float, or a string such as "3/32", "0.1" or "-inf", as an mpf without rounding beyond 50 digits."""
    with mpmath.workdps(DIGITS):
        if isinstance(value, str) and "inf" not in value:
            value = Fraction(value)
            return mpmath.mpf(value.numerator) / value.denominator
        return mpmath.mpf(value)


def normalised(weights):
    total = mpmath.fsum(weights)
    return [w / total for w in weights]


def log(x):
    return mpmath.log(x) if x > 0 else mpmath.ninf


def log_sum_exp(x, b=None, digits=400):
    """Return log |Σ b e^x| and the sign of the sum, in so many digits that 1 + e^-745 is more than 1."""
    with mpmath.workdps(digits):
        total = mpmath.fsum(w * mpmath.exp(value) for value, w in zip(x, b or [1] * len(x), strict=True) if w != 0)
        return log(abs(total)), mpmath.sign(total)


def exponential_mean(p, r, rho):
    """Return log(Σ p e^{ρ r})/ρ over the letters with p > 0, with the limits at 0 and ±inf."""
    pairs = [(w, x) for w, x in zip(p, r, strict=True) if w > 0]
    if rho == mpmath.inf:
        return max(x for _, x in pairs)
    if rho == mpmath.ninf:
        return min(x for _, x in pairs)
    if rho == 0:
        return mpmath.fsum(w * x for w, x in pairs)
    terms = [w * mpmath.exp(rho * x) for w, x in pairs]
    if any(mpmath.isinf(t) for t in terms):
        return mpmath.inf / rho
    return log(mpmath.fsum(terms)) / rho


def _at_digits(function):
    def wrapped(*arguments, **options):
        with mpmath.workdps(DIGITS):
            return function(*arguments, **options)

    wrapped.__doc__ = function.__doc__
    return wrapped


@_at_digits
def renyi_cross_entropy(p, q, order):
    """H_t(p‖q) = log(Σ p q^{t−1})/(1 − t)."""
    p, q = normalised(list(map(exact, p))), normalised(list(map(exact, q)))
    return -exponential_mean(p, [log(x) for x in q], exact(order) - 1)


@_at_digits
def renyi_entropy(p, order):
    """H_t(p) = log(Σ p^t)/(1 − t)."""
    p = normalised(list(map(exact, p)))
    return -exponential_mean(p, [log(x) for x in p], exact(order) - 1)


@_at_digits
def renyi_divergence(p, q, order):
    """D_t(p‖q) = log(Σ p^t q^{1−t})/(t − 1)."""
    p, q = normalised(list(map(exact, p))), normalised(list(map(exact, q)))
    ratio = [log(a) - log(b) if a > 0 else mpmath.mpf(0) for a, b in zip(p, q, strict=True)]
    return exponential_mean(p, ratio, exact(order) - 1)


@_at_digits
def log_mgf(p, r, t):
    """K(t) = log Σ p e^{t r}."""
    p, r, t = normalised(list(map(exact, p))), list(map(exact, r)), exact(t)
    return log(mpmath.fsum(w * mpmath.exp(t * x) for w, x in zip(p, r, strict=True)))


@_at_digits
def tilted(p, r, alpha):
    """The law T ∝ p e^{α r}."""
    p, r, alpha = list(map(exact, p)), list(map(exact, r)), exact(alpha)
    top = max(alpha * x for w, x in zip(p, r, strict=True) if w > 0)
    return normalised([w * mpmath.exp(alpha * x - top) if w > 0 else w for w, x in zip(p, r, strict=True)])


@_at_digits
def cumulants(p, r, t, order):
    """κ_1..κ_order of r under p e^{t r}, from the central moments."""
    law, r = tilted(p, r, t), list(map(exact, r))
    mean = mpmath.fsum(w * x for w, x in zip(law, r, strict=True))
    moment = [mpmath.fsum(w * (x - mean) ** k for w, x in zip(law, r, strict=True)) for k in range(order + 1)]
    kappa = [mpmath.mpf(0), mpmath.mpf(0)]
    for n in range(2, order + 1):
        kappa.append(
            moment[n] - mpmath.fsum(mpmath.binomial(n - 1, j - 1) * kappa[j] * moment[n - j] for j in range(2, n))
        )
    return [mean, *kappa[2:]]


@_at_digits
def divergence(law, p):
    """D(law‖p) of two normalised laws."""
    return mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(law, p, strict=True) if a > 0)


@_at_digits
def tilted_divergence(p, r, alpha):
    """D(T_α‖p)."""
    return divergence(tilted(p, r, alpha), normalised(list(map(exact, p))))


def entropy_term(x):
    """h(x) = x e^x − expm1(x), to the digits that are set: it cancels to x²/2."""
    return x * mpmath.exp(x) - mpmath.expm1(x)


def exponential_rest(x):
    """g(x) = expm1(x) − x, to the digits that are set: it cancels to x²/2."""
    return mpmath.expm1(x) - x


@_at_digits
def alpha_of_divergence(p, r, delta, guess):
    """The α with D(T_α‖p) = delta, near `guess`."""
    return mpmath.findroot(lambda a: mpmath.sqrt(tilted_divergence(p, r, a)) - mpmath.sqrt(exact(delta)), guess)


@_at_digits
def rate_function(p, r, x, guess):
    """(I(x), t): the Legendre transform of K at x, its maximiser near `guess`."""
    x = exact(x)
    t = mpmath.findroot(lambda s: cumulants(p, r, s, 1)[0] - x, guess)
    return t * x - log_mgf(p, r, t), t


@_at_digits
def derivative(function, at, relative_step=1e-12):
    """The derivative of a real function by central differences: 24 correct digits and more for smooth functions."""
    at = exact(at)
    h = mpmath.mpf(relative_step) * max(1, abs(at))
    return (function(at + h) - function(at - h)) / (2 * h)
