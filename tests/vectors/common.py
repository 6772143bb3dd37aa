"""Cases of the conformance vectors: arguments that are exact, results in decimals, absolute tolerances."""

import decimal
import math
import random

import mpmath

# Decimals of a result; they are computed with 50 or more.
WRITTEN = 22
HALF_EVEN = decimal.Context(prec=WRITTEN, rounding=decimal.ROUND_HALF_EVEN, Emin=-(10**6), Emax=10**6)
EPSILON = {"float64": mpmath.mpf(2) ** -52, "float32": mpmath.mpf(2) ** -23, "float16": mpmath.mpf(2) ** -23}
# Results below are zero, and every rounding may be off by a few of the smallest numbers there are.
UNDERFLOW = mpmath.mpf(10) ** -330
LEAST = {"float64": 2.0**-1072, "float32": 2.0**-147, "float16": 2.0**-147}


def written(value):
    """Return a result as a string of decimals, or "nan", "inf", "-inf"."""
    value = mpmath.mpf(value)
    if mpmath.isnan(value):
        return "nan"
    if mpmath.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) < UNDERFLOW:
        return "0.0"
    # Ties are rounded here: versions of mpmath differ in them.
    rounded = HALF_EVEN.create_decimal(mpmath.nstr(value, 3 * WRITTEN))
    return mpmath.nstr(mpmath.mpf(str(rounded)), WRITTEN, strip_zeros=True)


def rounded_up(tolerance):
    """Return a tolerance as a float of two digits, not below what it is."""
    tolerance = float(tolerance)
    if tolerance == 0 or not math.isfinite(tolerance):
        return tolerance
    unit = 10.0 ** (math.floor(math.log10(tolerance)) - 1)
    if unit == 0.0:  # of the smallest doubles, which have no two digits
        return tolerance
    return float(f"{math.ceil(tolerance / unit * (1 - 1e-12)) * unit:.1e}")


def plain(value):
    """Return an argument as JSON has it: infinite numbers and NaN are strings."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return written(value)
    return value


def exactly(value):
    """Return the float of an argument as an mpf."""
    return mpmath.mpf(float(value))


class Family:
    """Cases of one file."""

    def __init__(self, name):
        self.name, self.cases, self._numbers = name, [], {}
        self.random = random.Random(name)

    def _add(self, function, label, dtype, arguments, rest):
        key = f"{function}/{label}" if label else function
        number = self._numbers[key] = self._numbers.get(key, 0) + 1
        head = {"id": f"{key}/{number}", "function": function, "dtype": dtype}
        self.cases.append({**head, "arguments": {name: plain(one) for name, one in arguments.items()}, **rest})

    def add(self, function, arguments, expected, *, label="", dtype="float64"):
        """Add a case; `expected` maps results to lists of pairs (value, tolerance), or to one pair."""
        results, tolerances = {}, {}
        for name, found in expected.items():
            alone = isinstance(found, tuple)
            pairs = [found] if alone else found
            values = [written(value) for value, _ in pairs]
            allowed = [rounded_up(one) if one == 0 else max(rounded_up(one), LEAST[dtype]) for _, one in pairs]
            results[name] = values[0] if alone else values
            tolerances[name] = allowed[0] if alone or len(set(allowed)) == 1 else allowed
        self._add(function, label, dtype, arguments, {"expected": results, "tolerance": tolerances})

    def refuse(self, function, arguments, reason, *, label="", dtype="float64"):
        """Add a case that has no result, and why."""
        self._add(function, label, dtype, arguments, {"raises": reason})
