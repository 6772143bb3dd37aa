"""Fit the coefficients of the scalar functions, and write the header that the C bodies read.

    python kernels/common/generate_coefficients.py --fit     fits (mpmath, a minute) -> coefficients.py and the header
    python kernels/common/generate_coefficients.py           coefficients.py -> af_coefficients.h
    python kernels/common/generate_coefficients.py --check   fails when the header is not what coefficients.py gives

A fit is a weighted least-squares fit at Chebyshev nodes in 50 digits, within a factor of about two of the minimax
error; a rational one is linearised and reweighted by its last denominator (Loeb 1957). Errors printed are relative to
the function that the approximation enters, in units of 2**-53 (float64) or 2**-24 (float32), in exact arithmetic with
the rounded coefficients.
"""

import argparse
import importlib.util
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE / "coefficients.py"
HEADER = HERE.parent / "include" / "alignment_fast" / "af_coefficients.h"
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class CoefficientFit:
    """One approximation: `names` get the coefficients of numerator and, if rational, denominator."""

    names: tuple[str, ...]
    function: object  # mpf -> mpf
    weight: object  # mpf -> mpf, relative to what the approximation enters
    interval: tuple[object, object]
    degrees: tuple[int, int]


def nodes(fit, m):
    """Return the m Chebyshev nodes of the interval of `fit`."""
    low, high = fit.interval
    return [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (k + mp.mpf(1) / 2) / m) for k in range(m)]


def solve(rows, right):
    """Return the least-squares solution; 50 digits make up for the normal equations."""
    matrix = mp.matrix(rows)
    return list(mp.lu_solve(matrix.T * matrix, matrix.T * mp.matrix(right)))


def polynomial(fit, dtype):
    """Return rounded coefficients, ascending: each is rounded before the higher ones are fitted to what is left."""
    degree = fit.degrees[0]
    points = nodes(fit, 4 * (degree + 1))
    known = []
    while len(known) <= degree:
        rows, right = [], []
        for x in points:
            weight = fit.weight(x)
            rows.append([weight * x**j for j in range(len(known), degree + 1)])
            right.append(weight * (fit.function(x) - mp.fsum(c * x**j for j, c in enumerate(known))))
        known.append(exact(solve(rows, right)[0], dtype))
    return known, [mp.mpf(1)]


def rational(fit, dtype):
    """Return rounded coefficients of numerator and denominator, ascending."""
    n, d = fit.degrees
    points = nodes(fit, 4 * (n + d + 1))
    scale = [mp.mpf(1)] * len(points)
    for _ in range(5):
        rows, right = [], []
        for x, last in zip(points, scale, strict=True):
            weight, value = fit.weight(x) / last, fit.function(x)
            rows.append([weight * x**j for j in range(n + 1)] + [-weight * value * x**j for j in range(1, d + 1)])
            right.append(weight * value)
        solution = solve(rows, right)
        numerator, denominator = solution[: n + 1], [mp.mpf(1), *solution[n + 1 :]]
        scale = [mp.polyval(denominator[::-1], x) for x in points]
    return [exact(c, dtype) for c in numerator], [exact(c, dtype) for c in denominator]


def largest_error(fit, numerator, denominator):
    """Return the largest weighted error on a fine grid."""

    def error(x):
        ratio = mp.polyval(numerator[::-1], x) / mp.polyval(denominator[::-1], x)
        return abs((ratio - fit.function(x)) * fit.weight(x))

    return max(error(x) for x in nodes(fit, 300))


def mills(t):
    """Return exp(t²/2) Φ(-t)."""
    if t < 30:
        return mp.exp(t * t / 2) * mp.erfc(t / mp.sqrt(2)) / 2
    total, term, k = mp.mpf(0), 1 / (t * mp.sqrt(2 * mp.pi)), 0
    while abs(term) > mp.mpf(10) ** -45 / t:
        total += term
        k += 1
        term *= -(2 * k - 1) / t**2
    return total


def upper_quantile(p):
    """Return -Φ⁻¹(p) for 0 < p <= 1/2 by Newton steps on log Φ."""
    target = -mp.log(p)
    x = mp.sqrt(max(2 * target - mp.log(4 * mp.pi * target), mp.mpf("0.01")))
    for _ in range(60):
        tail = mp.erfc(x / mp.sqrt(2)) / 2
        step = (mp.log(tail) + target) * tail * mp.sqrt(2 * mp.pi) * mp.exp(x * x / 2)
        x += step
        if abs(step) < mp.mpf(10) ** -44 * (1 + x):
            break
    return x


def exact(x, dtype, bits=None):
    """Round x to `dtype`, or to `bits` significant bits."""
    if bits is not None:
        with mp.workprec(bits):
            return +mp.mpf(x)
    return mp.mpf(float(x)) if dtype == "float64" else mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


MILLS_SHIFT = 4  # the K of (t-K)/(t+K): a power of two, so that t = 0 maps to -1 exactly
CENTRAL = "0.425"  # |p - 1/2| up to here is the central piece of the quantile (as in AS 241)


def fits(dtype):
    """Return every approximation for `dtype`."""
    double = dtype == "float64"
    half_log2 = mp.log(2) / 2 * mp.mpf("1.0005")
    largest_s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
    shift = mp.mpf(MILLS_SHIFT)
    central = mp.mpf(CENTRAL)
    square = exact(central**2, dtype)
    tail_start = exact(mp.sqrt(-mp.log(mp.mpf(1) / 2 - central)), dtype)
    tail_end = mp.sqrt(-mp.log(mp.mpf(2) ** (-1075 if double else -150)))
    density_scale = mp.sqrt(2 * mp.pi)

    def log_series(z):  # log((1+s)/(1-s)) = 2s + s z L(z), z = s²
        s = mp.sqrt(z)
        return (2 * mp.atanh(s) / s - 2) / z

    def scaled_tail(q):
        t = shift * (1 + q) / (1 - q)
        return (t + shift) * mills(t)

    def central_ratio(u):
        q = mp.sqrt(square - u)
        return (upper_quantile(mp.mpf(1) / 2 - q) / q - density_scale) / (q * q)

    def tail_ratio(v):
        return mp.sqrt(2) * (v + tail_start) - upper_quantile(mp.exp(-((v + tail_start) ** 2)))

    return (
        CoefficientFit(
            ("EXP",),
            lambda r: (mp.exp(r) - 1 - r) / r**2,
            lambda r: abs(r),
            (-half_log2, half_log2),
            (9 if double else 4, 0),
        ),
        CoefficientFit(("LOG",), log_series, lambda z: z / 2, (mp.mpf(0), largest_s**2), (6 if double else 2, 0)),
        CoefficientFit(
            ("LOG1P",),
            lambda z: log_series(z) / 2,
            lambda z: z,
            (mp.mpf(0), mp.mpf(1) / 9),
            (10 if double else 4, 0),
        ),
        CoefficientFit(
            ("MILLS",),
            scaled_tail,
            lambda q: 1 / scaled_tail(q),
            (mp.mpf(-1), mp.mpf(1)),
            (24 if double else 11, 0),
        ),
        CoefficientFit(
            ("PPF_CENTRAL_NUMERATOR", "PPF_CENTRAL_DENOMINATOR"),
            central_ratio,
            lambda u: (square - u) / density_scale,
            (mp.mpf(0), square),
            (7, 7) if double else (3, 3),
        ),
        CoefficientFit(
            ("PPF_TAIL_NUMERATOR", "PPF_TAIL_DENOMINATOR"),
            tail_ratio,
            lambda v: 1 / (mp.sqrt(2) * (v + tail_start) - tail_ratio(v)),
            (mp.mpf(0), tail_end - tail_start),
            (10, 10) if double else (4, 4),
        ),
    )


def constants(dtype):
    """Single numbers: name -> mpf, exact in `dtype` where the name ends in HIGH or the value is a power of two."""
    double = dtype == "float64"
    digits, bias, largest = (52, 1023, 1024) if double else (23, 127, 128)
    # k LN2_HIGH is exact for every exponent k, also without fma
    log2_high = exact(mp.log(2), dtype, bits=42 if double else 16)
    root = exact(mp.sqrt(2), dtype)
    density_scale = exact(mp.sqrt(2 * mp.pi), dtype)
    central = mp.mpf(CENTRAL)
    return {
        "LOG2E": 1 / mp.log(2),
        "LN2": mp.log(2),
        "LN2_HIGH": log2_high,
        "LN2_LOW": mp.log(2) - log2_high,
        # 1.5·2^digits pushes an integer into the low mantissa bits; 2·bias makes both halves of it biased exponents
        "EXP_MAGIC": mp.mpf(3) * 2 ** (digits - 1) + 2 * bias,
        "EXP_LOWEST": mp.floor(-mp.log(2) * (bias + digits + 1)),
        "EXP_HIGHEST": mp.ceil(mp.log(2) * largest),
        "EXPM1_LOWEST": -mp.mpf(digits + 4) * mp.log(2),
        "TINY": mp.mpf(2) ** -(digits + 2),
        "SMALLEST_NORMAL": mp.mpf(2) ** (1 - bias),
        "SUBNORMAL_SCALE": mp.mpf(2) ** (digits + 2),
        "SUBNORMAL_EXPONENT": mp.mpf(digits + 2),
        "EXPONENT_MAGIC": mp.mpf(2) ** digits + bias,
        "MILLS_SHIFT": mp.mpf(MILLS_SHIFT),
        "DENSITY_SCALE": 1 / mp.sqrt(2 * mp.pi),
        "CDF_HIGHEST": mp.mpf(39 if double else 15),
        "LOG_CDF_HIGHEST": mp.mpf(2) ** (513 if double else 65),
        "PPF_CENTRAL": central,
        "PPF_CENTRAL_SQUARE": exact(central**2, dtype),
        "PPF_TAIL_START": exact(mp.sqrt(-mp.log(mp.mpf(1) / 2 - central)), dtype),
        "SQRT2": root,
        "SQRT2_LOW": mp.sqrt(2) - root,
        "SQRT2PI": density_scale,
        "SQRT2PI_LOW": mp.sqrt(2 * mp.pi) - density_scale,
    }


def unsigned(dtype):
    """Bit patterns and shifts."""
    total, digits, bias, root_half = (
        (64, 52, 1023, 0x3FE6A09E667F3BCD) if dtype == "float64" else (32, 23, 127, 0x3F3504F3)
    )
    return {
        "MANTISSA_BITS": digits,
        "MANTISSA_MASK": (1 << digits) - 1,
        "ABSOLUTE_MASK": (1 << (total - 1)) - 1,
        "UPPER_HALF_MASK": (1 << total) - (1 << (digits // 2 + 1)),
        "ROOT_HALF_BITS": root_half,
        "LOG_OFFSET": (bias << digits) - root_half,
        "EXPONENT_MAGIC_BITS": (bias + digits) << digits,
        "EXPM1_OFFSET": bias + 1,
        "RECIPROCAL_OFFSET": 2 * bias + 1,
    }


TABLE_TEXT = '''"""Coefficients and constants of the scalar functions, for the C header and for ``scalar.py`` alike.

Written by ``python kernels/common/generate_coefficients.py --fit``; every real number as hexadecimal text, so that
nothing is lost in rounding. Polynomials have ascending powers. Meaning: ``af_math_type.h``.
"""

# fmt: off
POLYNOMIALS = {polynomials}

CONSTANTS = {constants}

UNSIGNED = {unsigned}
# fmt: on
'''


def show(value, indent=""):
    """Return `value` as Python source, wrapped as the formatter would."""
    deeper = indent + "    "
    if isinstance(value, dict):
        body = "".join(f"{deeper}{key!r}: {show(item, deeper)},\n" for key, item in value.items())
        return "{\n" + body.replace("'", '"') + indent + "}"
    if isinstance(value, tuple):
        return "(\n" + "".join(f'{deeper}"{item}",\n' for item in value) + indent + ")"
    return f'"{value}"' if isinstance(value, str) else hex(value) if value > 4096 else str(value)


def fit_all():
    """Return the text of coefficients.py from new fits."""
    polynomials = {}
    for dtype in DTYPES:
        polynomials[dtype] = {}
        for fit in fits(dtype):
            numerator, denominator = (rational if fit.degrees[1] else polynomial)(fit, dtype)
            unit = mp.mpf(2) ** (-53 if dtype == "float64" else -24)
            print(dtype, *fit.names, mp.nstr(largest_error(fit, numerator, denominator) / unit, 3))
            for name, values in zip(fit.names, (numerator, denominator), strict=False):
                polynomials[dtype][name] = tuple(float(c).hex() for c in values)
    return TABLE_TEXT.format(
        polynomials=show(polynomials),
        constants=show(
            {d: {name: float(exact(c, d)).hex() for name, c in constants(d).items()} for d in DTYPES},
        ),
        unsigned=show({d: unsigned(d) for d in DTYPES}),
    )


def load_table():
    """Return coefficients.py as a module, without importing the package."""
    specification = importlib.util.spec_from_file_location("coefficients", TABLE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def shorten(literal):
    """Return a hexadecimal literal without trailing zeros."""
    mantissa, exponent = literal.split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}"


def header_text(table):
    """Return the text of af_coefficients.h."""
    lines = [
        "/* af_coefficients.h -- coefficients of af_math.h. Written by kernels/common/generate_coefficients.py from",
        " * kernels/common/coefficients.py: change those. A polynomial is a macro of (step, fused, z) that nests",
        " * step(fused, a, b, c) = a b + c by Horner's rule. */",
        "#ifndef AF_COEFFICIENTS_H",
        "#define AF_COEFFICIENTS_H",
    ]
    for dtype, letter, integer in (("float64", "", "UINT64_C"), ("float32", "f", "UINT32_C")):
        tag = "F64" if dtype == "float64" else "F32"
        lines.append(f"\n/* {dtype} */")
        for name, value in table.UNSIGNED[dtype].items():
            lines.append(f"#define AF_{name}_{tag} {integer}({value:#x})")
        for name, literal in table.CONSTANTS[dtype].items():
            lines.append(f"#define AF_{name}_{tag} {shorten(literal)}{letter}")
        for name, literals in table.POLYNOMIALS[dtype].items():
            literals = [f"{shorten(literal)}{letter}" for literal in literals]
            lines.append(f"#define AF_{name}_{tag}(step, fused, z) \\")
            opening = len(literals) - 1
            while opening:
                lines.append(f"    {'step(fused, ' * min(opening, 8)}\\")
                opening -= min(opening, 8)
            lines.append(f"    {literals[-1]} \\")
            lines += [f"    , z, {literal}) \\" for literal in literals[-2::-1]]
            lines[-1] = lines[-1].removesuffix(" \\")
    lines += ["", "#endif /* AF_COEFFICIENTS_H */", ""]
    return "\n".join(lines)


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--fit", action="store_true", help="fit anew and rewrite coefficients.py")
    choice.add_argument("--check", action="store_true", help="only compare the header with coefficients.py")
    options = parser.parse_args()
    if options.fit:
        global mp
        from mpmath import mp

        mp.dps = 50
        TABLE.write_text(fit_all(), encoding="utf-8")
    text = header_text(load_table())
    if options.check:
        if HEADER.read_text(encoding="utf-8") != text:
            sys.exit(f"{HEADER.name} does not belong to {TABLE.name}: run {Path(__file__).name}")
    else:
        HEADER.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
