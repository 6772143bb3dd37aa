"""Write ``trust.md`` and its figures from ``benchmarks/errors/errors.json``: python -P docs/generated/trust.py."""

import json
import runpy
from pathlib import Path

from alignment_fast.kernels.common.functions import FUNCTIONS

PAGE = Path(__file__).with_suffix(".md")
MEASURED = Path(__file__).parents[2] / "benchmarks" / "errors" / "errors.json"
PEERS = ("NumPy, SciPy", "PyTorch")
BOUNDS = {row.name: row.bounds for row in FUNCTIONS}
HEAD = """\
# How far to trust the numbers

Written by `docs/generated/trust.py` from `benchmarks/errors/errors.json`, into which the programs of that folder wrote
what they measured. Tests keep the page current, and compute our worst cases again.

- Every [accuracy that is stated](accuracy.md) is a bound that a test holds the code to, on every instruction set,
  beside an oracle that does not use it. What stands here was *measured*: the largest errors found, ours and those of
  others, who promise nothing here.
- Results have the same bits for any number of threads, and on AVX2 as on AVX-512 ([policies](../guides/policies.md)).
  Below, *fma* is both of these, *baseline* what runs on older processors of x86-64. CUDA kernels are made of the same
  formulas; [which have the same bits](../guides/cuda.md) is listed there.
- What cannot be computed [says so](../guides/errors.md).

A *unit* is one in the last place of the exact result (ulp); the error of the nearest number is at most half a unit. ∞
stands where a result is infinite or NaN and the exact one is neither.
"""
ELEMENTARY = """\
## Elementary functions in {dtype}

Against mpmath, at points over the stretch of the plot and over all exponents of the domain.

| function | points | bound | fma | baseline | NumPy, SciPy | worst at | PyTorch | worst at |
|---|---|---|---|---|---|---|---|---|
"""
PLOT = """
![Errors by argument in {dtype}](trust_{dtype}.svg)
"""
ENVELOPE = """\

Grey is what rounding alone costs: half a unit in the argument's last place, carried through the function (its
condition), and half a unit for the result. Where it is high, as of `log` near 1 and of `exp` far out, an argument that
was rounded before costs more digits than any function does; an error above it is the function's own.
"""
EVERY = """\
## Every float32

All 2^32 numbers, those of the domain whose exact value is finite, against our float64 functions. *Nearest* is the share
of results that are the float32 nearest to the exact value. Others are shown
where they were measured on all of them, too.

| function | arguments | by | largest error | at | nearest |
|---|---|---|---|---|---|
"""
QUANTITIES = """\
## Laws, losses and measures

Relative errors where plain formulas lose digits, from the same numbers, against 60 digits.

| function | case | ours | others |
|---|---|---|---|
"""
FORMULAS = """\
## What was compared

| function | NumPy, SciPy | PyTorch |
|---|---|---|
"""


def units(error):
    """Return an error as a cell shows it."""
    return "∞" if error is None else f"{error:.2f}" if error < 100 else f"{error:.1e}"


def row(*cells):
    """Return a line of a table."""
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |\n"


def elementary(functions, dtype):
    """Return the section of one dtype."""
    lines = [ELEMENTARY.format(dtype=dtype)]
    for name, found in functions.items():
        largest = found[dtype]["largest"]
        peers = [
            cell
            for peer in PEERS
            for cell in ((units(largest[peer]["error"]), f"{largest[peer]['at']:.3g}") if peer in largest else ("", ""))
        ]
        ours = [units(largest[arithmetic]["error"]) for arithmetic in ("fma", "baseline")]
        lines.append(row(f"`{name}`", found[dtype]["points"], f"{BOUNDS[name][dtype]:g}", *ours, *peers))
    return "".join([*lines, PLOT.format(dtype=dtype)])


def every(functions):
    """Return the section of exhaustive searches."""
    lines = [EVERY]
    for name, found in functions.items():
        ways = {f"ours, {arithmetic}": one for arithmetic, one in found["ours"].items()} | found["peers"]
        for way, one in ways.items():
            error = None if one["error"] == float("inf") else one["error"]
            nearest = f"{one['nearest'] / one['arguments']:.2%}"
            lines.append(row(f"`{name}`", one["arguments"], way, units(error), f"{one['at']:.9g}", nearest))
    return "".join(lines)


def quantities(cases):
    """Return the section of laws, losses and measures."""
    lines = [QUANTITIES]
    for one in cases.values():
        errors = ((text, "∞" if error is None else f"{error:.1e}") for text, error in one["peers"].items())
        peers = ", ".join(f"`{text}` {error}" for text, error in errors)
        lines.append(row(f"`{one['function']}`", one["case"], f"{one['ours']:.1e}", peers))
    return "".join(lines)


def formulas(functions):
    """Return the section of what the peers were."""
    lines = [FORMULAS]
    for name, found in functions.items():
        lines.append(row(f"`{name}`", *(f"`{found['formulas'][peer]}`" for peer in PEERS)))
    return "".join(lines)


def conditions(record):
    """Return with what all of it was measured, each combination once."""
    results = [one for part in record.values() for one in part.values()]
    versions = [", ".join(f"{name} {version}" for name, version in one["versions"].items()) for one in results]
    found = {f"{one['date']}, {one['processor']}, {used}" for one, used in zip(results, versions, strict=True)}
    return "".join(f"\nMeasured on {one}.\n" for one in sorted(found))


def page(record):
    """Return the text of the page."""
    points = {row.name: record["points"][row.name] for row in FUNCTIONS if row.name in record["points"]}
    by_dtype = [elementary(points, dtype) for dtype in ("float64", "float32")]
    rest = every(record["every float32"]), quantities(record["quantities"]), formulas(points) + conditions(record)
    return "\n".join([HEAD, *by_dtype[:1], by_dtype[1] + ENVELOPE, *rest])


def files(record):
    """Return {name: text} of all that is written."""
    figure = runpy.run_path(str(Path(__file__).with_name("trust_figures.py")))["figure"]
    points = {row.name: record["points"][row.name] for row in FUNCTIONS if row.name in record["points"]}
    plots = {f"trust_{dtype}.svg": figure(points, dtype) for dtype in ("float64", "float32")}
    return {PAGE.name: page(record), **plots}


def measured():
    """Return what was measured."""
    return json.loads(MEASURED.read_text("utf-8"))


if __name__ == "__main__":
    for name, content in files(measured()).items():
        PAGE.with_name(name).write_text(content, encoding="utf-8")
