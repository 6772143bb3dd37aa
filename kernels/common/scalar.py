"""The scalar functions of ``af_math.h`` as plain Python: one body for NumPy and ``numba.njit``.

Every function below takes and returns numbers of one dtype and uses arithmetic, comparisons, and names that `bind`
supplies: the constants and polynomials of `coefficients` in that dtype, and a target's primitives:

- ``where(condition, a, b)``: select; both sides are computed
- ``step(a, b, c)``: a b + c, fused where the target allows it
- ``product(a, b)``: a b that must not be fused into the sum that follows
- ``square_root(x)``, ``to_bits(x)``, ``from_bits(bits)``

A target is made by `functions`: the NumPy twin by `numpy_functions` here, njit in ``jit.py``. With
``step`` as two roundings the results equal those of the C baseline bit for bit; so ``normal_ppf`` bound in that way is
the ``normal_ppf_rn`` of random streams on every target.

Constants are bound as numbers of the dtype, never written as literals: a bare ``1.0`` is float64 and would turn the
float32 version into float64 arithmetic. The formulae, their reasons and references stand in ``af_math_type.h``, whose
bodies these follow line by line; a test holds the two together.
"""

# ruff: noqa: F821 - names that `bind` supplies

import types

import numpy as np

from . import coefficients

DTYPES = ("float64", "float32")
NUMBERS = {"ZERO": 0, "QUARTER": 0.25, "HALF": 0.5, "ONE": 1, "TWO": 2, "INFINITY": np.inf, "NOT_A_NUMBER": np.nan}


def exp_reduce(x, low):
    """Return (r, r_low, bits with k + 2 bias) of exp(x - low) = 2^k exp(r + r_low), 0 <= low <= 1."""
    x = where(x < EXP_LOWEST, EXP_LOWEST, x)
    x = where(x > EXP_HIGHEST, EXP_HIGHEST, x)
    shifted = step(x - low, LOG2E, EXP_MAGIC)
    k = shifted - EXP_MAGIC
    upper = step(-k, LN2_HIGH, x)
    r = step(-k, LN2_LOW, upper) - low
    return r, step(-k, LN2_LOW, upper - r), to_bits(shifted)


def exp_series(r):
    """Return exp(r), |r| < 0.35."""
    return step(step(exp_polynomial(r), r, ONE), r, ONE)


def scale(y, exponent):
    """Return y 2^k with one rounding, from the bits of `exp_reduce`."""
    half = exponent >> ONE_BIT
    return y * from_bits(half << MANTISSA_BITS) * from_bits((exponent - half) << MANTISSA_BITS)


def exp(x):
    """Return exp(x)."""
    r, _, exponent = exp_reduce(x, ZERO)
    return scale(exp_series(r), exponent)


def expm1_series(r, r_low, exponent):
    """Return 2^k exp(r + r_low) - 1."""
    curved = r * r * exp_polynomial(r)
    t = r + curved
    t_low = ((r - t) + curved) + r_low
    s = from_bits((exponent - EXPM1_OFFSET) << MANTISSA_BITS)
    whole = s - HALF
    part = s * t
    total = whole + part
    return TWO * (total + step(s, t_low, (whole - total) + part))


def expm1(x):
    """Return exp(x) - 1."""
    limited = where(x < EXPM1_LOWEST, EXPM1_LOWEST, x)
    r, r_low, exponent = exp_reduce(limited, ZERO)
    y = expm1_series(r, r_low, exponent)
    return where(abs(x) < TINY, x, y)


def log_split(x):
    """Return (m, biased exponent of 2^k) of x = m 2^k, m in [sqrt(1/2), sqrt 2), x positive and normal."""
    bits = to_bits(x) + LOG_OFFSET
    return from_bits((bits & MANTISSA_MASK) + ROOT_HALF_BITS), bits >> MANTISSA_BITS


def log_exponent(exponent):
    """Return k as a real number."""
    return from_bits(exponent | EXPONENT_MAGIC_BITS) - EXPONENT_MAGIC


def log_series(k, f, low):
    """Return k log 2 + log(1 + f) + low."""
    s = f / (TWO + f)
    z = s * s
    h = product(HALF * f, f)
    bracket = step(z, log_polynomial(z), h)
    small = step(k, LN2_LOW, low)
    inner = f - (h - step(s, bracket, small))
    return step(k, LN2_HIGH, inner)


def log_positive(x):
    """Return log x for finite x > 0."""
    subnormal = x < SMALLEST_NORMAL
    m, exponent = log_split(where(subnormal, x * SUBNORMAL_SCALE, x))
    k = log_exponent(exponent) - where(subnormal, SUBNORMAL_EXPONENT, ZERO)
    return log_series(k, m - ONE, ZERO)


def log_ends(x, y):
    """Return y, or what a logarithm of x is at the ends of its domain and outside."""
    end = where(x == ZERO, -INFINITY, NOT_A_NUMBER)
    y = where(x < INFINITY, y, x)
    return where(x > ZERO, y, end)


def log(x):
    """Return log x."""
    return log_ends(x, log_positive(x))


def log_sum(u, low, exponent_offset):
    """Return log(u + low) - exponent_offset log 2 for normal u > 0, low below half a unit in the last place of u."""
    m, exponent = log_split(u)
    f = m - ONE
    k = log_exponent(exponent) - exponent_offset
    twice = from_bits((RECIPROCAL_OFFSET - exponent) << MANTISSA_BITS)
    scaled = HALF * low * twice
    total = f + scaled
    return log_series(k, total, (f - total) + scaled)


def log1p(x):
    """Return log(1 + x)."""
    u = ONE + x
    y = log_ends(u, log_sum(u, x - (u - ONE), ZERO))
    return where(abs(x) < TINY, x, y)


def log1mexp(a):
    """Return log(1 - exp(-a)), a >= 0."""
    r, r_low, exponent = exp_reduce(-a, ZERO)
    e = scale(exp_series(r), exponent)
    m = -expm1_series(r, r_low, exponent)
    complement = where(a < TINY, a, m)
    rest = ONE - e
    rest_low = (ONE - rest) - e
    near = a < LN2
    subnormal = a < SMALLEST_NORMAL
    normal = where(subnormal, complement * SUBNORMAL_SCALE, complement)
    u = where(near, normal, rest)
    low = where(near, ZERO, rest_low)
    y = log_sum(u, low, where(subnormal, SUBNORMAL_EXPONENT, ZERO))
    return where(a > ZERO, y, where(a == ZERO, -INFINITY, NOT_A_NUMBER))


def softplus(x):
    """Return log(1 + exp x)."""
    e = exp(-abs(x))
    w = e / step(e, HALF, ONE)
    z = QUARTER * w * w
    positive = where(x < ZERO, ZERO, x)
    return positive + step(w * z, log1p_polynomial(z), w)


def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    e = exp(-abs(x))
    return where(x < ZERO, e, ONE) / (ONE + e)


def mills(t):
    """Return (y, low) with y + low = exp(t²/2) Φ(-t), t >= 0."""
    total = t + MILLS_SHIFT
    rounded = t - (total - MILLS_SHIFT)
    q = (total - TWO * MILLS_SHIFT) / total
    y = mills_polynomial(q) / total
    return y, rounded * step(t, y, -DENSITY_SCALE)


def half_square(t):
    """Return (high, low) with high + low = t²/2, high exact."""
    upper = from_bits(to_bits(t) & UPPER_HALF_MASK)
    return HALF * upper * upper, (t - upper) * (t + upper) * HALF


def normal_tail(t, y, y_low):
    """Return Φ(-t) = exp(-t²/2) (y + y_low) for 0 <= t <= CDF_HIGHEST."""
    high, low = half_square(t)
    r, _, exponent = exp_reduce(-high, low)
    e = step(r * r, exp_polynomial(r), r)
    return scale(y + step(y, e, step(y_low, e, y_low)), exponent)


def normal_cdf(x):
    """Return Φ(x)."""
    distance = abs(x)
    t = where(distance > CDF_HIGHEST, CDF_HIGHEST, distance)
    y, y_low = mills(t)
    tail = normal_tail(t, y, y_low)
    return where(x < ZERO, tail, ONE - tail)


def log_normal_cdf(x):
    """Return log Φ(x)."""
    distance = abs(x)
    far = where(distance > LOG_CDF_HIGHEST, LOG_CDF_HIGHEST, distance)
    t = where(distance > CDF_HIGHEST, CDF_HIGHEST, distance)
    scaled, scaled_low = mills(far)
    tail = normal_tail(t, scaled, scaled_low)
    rest = ONE - tail
    rest_low = (ONE - rest) - tail
    left = x < ZERO
    y = log_sum(where(left, scaled, rest), where(left, scaled_low, rest_low), ZERO)
    high, low = half_square(far)
    value = where(left, (y - low) - high, y)
    return where(x == x, value, x)


def normal_lower(p, q):
    """Return -Φ⁻¹(p) for 0 < p <= 1/2, given q = 1/2 - p."""
    z = product(q, q)
    central = q <= PPF_CENTRAL
    u = PPF_CENTRAL_SQUARE - z
    r = square_root(-log_positive(p))
    v = r - PPF_TAIL_START
    numerator = where(central, ppf_central_numerator_polynomial(u), ppf_tail_numerator_polynomial(v))
    denominator = where(central, ppf_central_denominator_polynomial(u), ppf_tail_denominator_polynomial(v))
    ratio = numerator / denominator
    correction = q * step(z, ratio, SQRT2PI_LOW)
    inner = step(q, SQRT2PI, correction)
    outer = step(r, SQRT2, step(r, SQRT2_LOW, -ratio))
    return where(central, inner, outer)


def normal_ppf(p):
    """Return Φ⁻¹(p)."""
    lower = where(p > HALF, ONE - p, p)
    y = normal_lower(lower, HALF - lower)
    size = where(lower > ZERO, y, where(lower == ZERO, INFINITY, NOT_A_NUMBER))
    return where(p < HALF, -size, size)


def normal_isf(p):
    """Return Φ⁻¹(1 - p)."""
    return ZERO - normal_ppf(p)


# In the order in which they use each other.
PARTS = (
    exp_reduce,
    exp_series,
    scale,
    expm1_series,
    log_split,
    log_exponent,
    log_series,
    log_positive,
    log_ends,
    log_sum,
    mills,
    half_square,
    normal_tail,
    normal_lower,
)
PUBLIC = (exp, expm1, log, log1p, log1mexp, softplus, sigmoid, normal_cdf, log_normal_cdf, normal_ppf, normal_isf)


def constants(dtype):
    """Return name -> number for `dtype`: real constants in it, bit patterns in the unsigned integer of its size."""
    real, unsigned = np.dtype(dtype).type, np.dtype(f"uint{8 * np.dtype(dtype).itemsize}").type
    values = {name: real(number) for name, number in NUMBERS.items()}
    values |= {name: real(float.fromhex(text)) for name, text in coefficients.CONSTANTS[dtype].items()}
    values |= {name: unsigned(number) for name, number in coefficients.UNSIGNED[dtype].items()}
    return values | {"ONE_BIT": unsigned(1)}


def bind(function, compiler, names):
    """Return a copy of the plain function `function` whose global names are `names`, passed through `compiler`."""
    copy = types.FunctionType(function.__code__, {"__builtins__": __builtins__, **names}, function.__name__)
    copy.__module__, copy.__qualname__, copy.__doc__ = __name__, function.__qualname__, function.__doc__
    return compiler(copy)


def horner(coefficients):
    """Return the function step(... step(step(c_n, z, c_n-1), z, ...), z, c_0) and its names; coefficients ascending.

    Written out, not looped: LLVM keeps a loop over a long tuple in memory, and then the caller is not vectorised.
    """
    names = {f"c{power}": number for power, number in enumerate(coefficients)}
    expression = f"c{len(coefficients) - 1}"
    for power in reversed(range(len(coefficients) - 1)):
        expression = f"step({expression}, z, c{power})"
    return eval(f"lambda z: {expression}"), names


def functions(dtype, compiler, primitives):
    """Return name -> compiled function for `dtype` on one target.

    Parameters
    ----------
    dtype : str
        "float64" or "float32".
    compiler : callable
        Takes a plain function and returns what the target calls: the identity, ``numba.njit``.
    primitives : dict
        The target's ``where``, ``step``, ``product``, ``square_root``, ``to_bits``, ``from_bits``, compiled already.

    """
    real = np.dtype(dtype).type
    names = constants(dtype) | primitives
    for name, texts in coefficients.POLYNOMIALS[dtype].items():
        chain, numbers = horner([real(float.fromhex(text)) for text in texts])
        names[f"{name.lower()}_polynomial"] = bind(chain, compiler, numbers | {"step": primitives["step"]})
    for function in PARTS + PUBLIC:
        names[function.__name__] = bind(function, compiler, names)
    return {function.__name__: names[function.__name__] for function in (normal_lower, *PUBLIC)}


def numpy_functions(dtype):
    """Return name -> function of arrays: the oracle twin, equal to the C baseline bit for bit."""
    real = np.dtype(dtype)
    unsigned = np.dtype(f"uint{8 * real.itemsize}")

    def quiet(function):
        def call(*arguments):
            with np.errstate(all="ignore"):  # limits are reached on purpose
                return function(*arguments)

        return call

    primitives = {
        "where": np.where,
        "step": lambda a, b, c: a * b + c,
        "product": lambda a, b: a * b,
        "square_root": np.sqrt,
        "to_bits": lambda x: np.asarray(x, real).view(unsigned),
        "from_bits": lambda bits: np.asarray(bits, unsigned).view(real),
    }
    return functions(dtype, quiet, primitives)
