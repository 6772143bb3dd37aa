"""Write ``accuracy.md`` from the rows of every family's ``spec.py``: python -P docs/generated/accuracy.py."""

import inspect
import json
import runpy
from pathlib import Path

from alignment_fast.kernels.common.spec import row_modules

PAGE = Path(__file__).with_suffix(".md")
TESTS = Path(__file__).parents[2] / "tests"
HEAD = """\
# Accuracy of the kernels

Written by `docs/generated/accuracy.py` from the rows in `kernels/*/spec.py` and `kernels/common/functions.py`; a test
keeps it current. Only bounds that a test reads from its row are here (`tests/bounds.py` looks for them); every bound
holds for all instruction sets and is tested against the oracle named beside it, a function in `tests/oracles/` that
does not use the kernels. Units: *ulp*, units in the last place of the exact result;
*relative*, to what the family's introduction says; *bits*, the same bits on every backend and for any number of
threads. Documented accuracy of the public functions is in their docstrings.
"""
MEASURED = """\
Largest errors found, in ulp, measured once and not tested, unlike the bounds (when and how: the head of
`kernels/common/functions.py`; fma is AVX2 and AVX-512, whose results are the same bits):

| kernel | float64 baseline | float64 fma | float32 baseline | float32 fma |
|---|---|---|---|---|
"""


SEARCHED = """\
## Searches

Worst cases of the seeded searches for kinds of wrong numbers (`pytest -m search`, `tests/search.py`), run by hand with
more cases than CI has: kind, what was searched, number of cases, the largest error as a share of what is allowed (1 is
the bound that a docstring or a result states), where it was, and the date. Written to `tests/searches.json` by hand.

| kind | searched | cases | largest share of the bound | error there | case | date |
|---|---|---|---|---|---|---|
"""


def cell(text):
    """Return text that stands in one cell of a table: a bar would end it."""
    return text.replace("|", "\\|")


def interval(low, high):
    """Return a closed interval, or an open end where it is infinite."""
    left = "(" if low == float("-inf") else "["
    right = ")" if high == float("inf") else "]"
    return f"{left}{low:g}, {high:g}{right}".replace("inf", "∞")


def bounds(kernel):
    """Return the bound of each dtype with its unit."""
    if kernel.unit == "bits":
        return f"same bits ({', '.join(kernel.dtypes)})"
    unit = " ulp" if kernel.unit == "ulp" else ""
    return ", ".join(f"{kernel.bound(dtype):g}{unit} ({dtype})" for dtype in kernel.dtypes)


def table(kernels):
    """Yield the lines of one family's table."""
    yield "| kernel | formula | domain | bound | where | oracle | reference |"
    yield "|---|---|---|---|---|---|---|"
    for kernel in kernels:
        domain = " × ".join(interval(*ends) for ends in kernel.domain) or "any"
        module, _, function = kernel.oracle.partition(":")
        oracle, where = f"`{module}.py` {function}", ", ".join(kernel.backends)
        cells = f"`{kernel.name}`", kernel.formula, domain, bounds(kernel), where, oracle, kernel.reference
        yield f"| {' | '.join(map(cell, cells))} |"


def section(family, module, read):
    """Return the section of one family: introduction, table of the rows whose bounds tests read, measured errors."""
    introduction = inspect.getdoc(module).partition("\n\n")[2]
    kernels = [row for row in module.KERNELS if f"{family}.{row.name}" in read]
    lines = [f"## {family}", "", introduction, "", *table(kernels), ""]
    if hasattr(module, "MEASURED"):
        rows = (f"| `{name}` | {' | '.join(map(str, errors))} |" for name, errors in module.MEASURED.items())
        lines += [MEASURED + "\n".join(rows), ""]
    return "\n".join(lines)


def searches():
    """Return the section of the searches."""
    lines = []
    for one in json.loads((TESTS / "searches.json").read_text("utf-8")):
        numbers = f"{one['count']}", f"{one['share']:.2g}", "" if one["error"] is None else f"{one['error']:.2g}"
        cells = one["kind"], one["quantity"], *numbers, f"`{one['case']}`", one["date"]
        lines.append(f"| {' | '.join(map(cell, cells))} |\n")
    return SEARCHED + "".join(lines)


def page():
    """Return the text of the page."""
    read = runpy.run_path(str(TESTS / "bounds.py"))["rows_read"]()
    families = [section(family, module, read) for family, module in row_modules().items()]
    return "\n".join([HEAD, *families, searches()])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
