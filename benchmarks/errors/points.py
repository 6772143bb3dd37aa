"""Elementary functions at some thousand points each, against mpmath: python benchmarks/errors/points.py, some minutes.

Two sets of arguments: one over the stretch of a plot, cut into bins, and one over all floating numbers of the domain,
each exponent as often as any other. The envelope of a plot is what half a unit in the argument's last place changes the
exact value by, and half a unit for rounding it: no function of rounded arguments means anything below that.
"""

import json
import sys

import numpy as np
import record
from peers import peers_of

from alignment_fast.kernels.common import cpu
from alignment_fast.kernels.common.functions import FUNCTIONS

sys.path.insert(0, str(record.ROOT / "tests"))
from oracles import scalar as oracle

BINS, PER_BIN, SPREAD = 48, 24, 1200
# What a plot shows of each function: ends for float64 and for float32.
STRETCHES = {
    "exp": ((-744.0, 709.0), (-103.0, 88.0)),
    "expm1": ((-40.0, 40.0), (-20.0, 20.0)),
    "log": ((0.02, 4.0), (0.02, 4.0)),
    "log1p": ((-0.98, 3.0), (-0.98, 3.0)),
    "log1mexp": ((0.0, 5.0), (0.0, 5.0)),
    "softplus": ((-40.0, 40.0), (-20.0, 20.0)),
    "sigmoid": ((-40.0, 40.0), (-20.0, 20.0)),
    "normal_cdf": ((-38.0, 8.0), (-14.0, 5.0)),
    "log_normal_cdf": ((-38.0, 8.0), (-14.0, 5.0)),
    "normal_ppf": ((0.0, 1.0), (0.0, 1.0)),
    "normal_isf": ((0.0, 1.0), (0.0, 1.0)),
}
REACH = {"normal_cdf": 45.0, "log_normal_cdf": 45.0}  # beyond it these are 0, 1 or -x²/2, and mpmath fails
ROWS = {row.name: row for row in FUNCTIONS if row.name in STRETCHES}
DTYPES = ("float64", "float32")
MP = oracle.mp


def density(x):
    return MP.exp(-x * x / 2) / oracle.ROOT_TWO_PI


# Derivatives, from argument and exact value.
SLOPES = {
    "exp": lambda x, y: y,
    "expm1": lambda x, y: y + 1,
    "log": lambda x, y: 1 / x,
    "log1p": lambda x, y: 1 / (1 + x),
    "log1mexp": lambda x, y: 1 / MP.expm1(x),
    "softplus": lambda x, y: oracle.sigmoid(x),
    "sigmoid": lambda x, y: y * oracle.sigmoid(-x),
    "normal_cdf": lambda x, y: density(x),
    "log_normal_cdf": lambda x, y: density(x) / MP.exp(y),
    "normal_ppf": lambda x, y: 1 / density(y),
    "normal_isf": lambda x, y: -1 / density(y),
}


def stretch_of(name, dtype):
    return STRETCHES[name][DTYPES.index(dtype)]


def arguments(name, dtype):
    """Return the arguments of the plot, bin by bin, then those of all exponents of the domain."""
    rng = np.random.default_rng([len(name), *name.encode(), len(dtype)])
    low, high = stretch_of(name, dtype)
    edges = np.linspace(low, high, BINS + 1)
    plotted = (edges[:-1, None] + rng.random((BINS, PER_BIN)) * np.diff(edges)[:, None]).astype(dtype)
    unsigned = np.dtype(dtype.replace("float", "uint"))
    spread = rng.integers(0, np.iinfo(unsigned).max, 8 * SPREAD, unsigned).view(dtype)
    low, high = ROWS[name].domain[0]
    inside = (spread > low) & (spread < high) & (np.abs(spread) < REACH.get(name, np.inf))
    spread = spread[np.isfinite(spread) & inside][:SPREAD]
    return np.concatenate([plotted.ravel(), spread])


def ours(name, x):
    out = np.empty_like(x)
    getattr(cpu, name)(x, out)
    return out


def short(number):
    """Return three digits of a number; None where there is no finite one."""
    return float(f"{float(number):.3g}") if np.isfinite(float(number)) else None


def errors_of(values, exact, dtype):
    return [float(oracle.error_in_ulp(float(value), one, dtype)) for value, one in zip(values, exact, strict=True)]


def largest(errors, x):
    """Return the largest error, None if it is infinite, and its argument, the first of several."""
    at = int(np.argmax(errors))
    return {"error": errors[at] if np.isfinite(errors[at]) else None, "at": float(x[at])}


def envelope(name, x, exact, dtype):
    """Return what rounding of argument and result alone amounts to, in units in the last place of the result."""

    def unit(value):
        digits, least = (52, -1022) if dtype == "float64" else (23, -126)
        return MP.mpf(2) ** (max(MP.mag(value) - 1, least) - digits)

    return [
        float(abs(SLOPES[name](MP.mpf(float(one)), value)) * unit(MP.mpf(float(one))) / unit(value) / 2 + 0.5)
        for one, value in zip(x, exact, strict=True)
    ]


def by_bins(numbers):
    return [short(max(numbers[first : first + PER_BIN])) for first in range(0, BINS * PER_BIN, PER_BIN)]


def measure(name, dtype, ours_by_arithmetic):
    """Return the largest errors of a function, and those of each bin of its plot."""
    x = arguments(name, dtype)
    exact = [getattr(oracle, name)(MP.mpf(float(one))) for one in x]
    kept = [at for at, one in enumerate(exact) if one and abs(one) <= float(np.finfo(dtype).max)]
    with np.errstate(all="ignore"):
        found = {library: function(x) for library, (function, _) in peers_of(name).items()}
    for arithmetic, values in ours_by_arithmetic.items():
        found[arithmetic] = np.array(values[f"{name} {dtype}"], dtype)
    errors = {
        way: dict(zip(kept, errors_of(values[kept], [exact[at] for at in kept], dtype), strict=True))
        for way, values in found.items()
    }
    lines = {way: by_bins([in_one.get(at, 0.0) for at in range(BINS * PER_BIN)]) for way, in_one in errors.items()}
    shape = dict(zip(kept, envelope(name, x[kept], [exact[at] for at in kept], dtype), strict=True))
    return {
        "points": len(kept),
        "largest": {way: largest(list(in_one.values()), x[kept]) for way, in_one in errors.items()},
        "stretch": stretch_of(name, dtype),
        "lines": lines | {"envelope": by_bins([shape.get(at, 0.0) for at in range(BINS * PER_BIN)])},
    }


def main():
    values = record.on_each_instruction_set("points.py", "--values")
    for name in ROWS:
        found = {dtype: measure(name, dtype, values) for dtype in DTYPES}
        formulas = {library: formula for library, (_, formula) in peers_of(name).items()}
        record.write("points", {name: {**found, "formulas": formulas, **record.conditions()}})
        print(name, found["float64"]["largest"], found["float32"]["largest"], flush=True)


if __name__ == "__main__":
    if "--values" in sys.argv:
        with np.errstate(all="ignore"):
            printed = {f"{n} {d}": ours(n, arguments(n, d)).astype(float).tolist() for n in ROWS for d in DTYPES}
        print(json.dumps(printed))
    else:
        main()
