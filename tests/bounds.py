"""The error bounds that ``spec.py`` states, for tests to read; only what some test reads is published.

A test names the kernel as "family.kernel" in a literal, so that `rows_read` finds it without running anything.
"""

import ast
from functools import cache
from pathlib import Path

import numpy as np

from alignment_fast.kernels.common.spec import row_modules

READERS = ("bound", "assert_same_bits")


@cache
def rows_of(family):
    """Return the rows of one family by name: for tests that go through all of them."""
    return {row.name: row for row in row_modules()[family].KERNELS}


def row(name):
    family, _, kernel = name.partition(".")
    return rows_of(family)[kernel]


def bound(name, dtype="float64"):
    """Return the bound of "family.kernel", in the unit of its row."""
    return row(name).bound(np.dtype(dtype).name)


def assert_same_bits(name, found, expected):
    """Assert that a kernel whose unit is "bits" gave exactly what was expected, NaN included."""
    assert row(name).unit == "bits"
    np.testing.assert_array_equal(found, expected)


@cache
def rows_read():
    """Return "family.kernel" of every row whose bound some test reads."""
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                literal = getattr(node.args[0], "value", None)
                if node.func.id in READERS and isinstance(literal, str):
                    found.add(literal)
                elif node.func.id == "rows_of" and isinstance(literal, str):
                    found |= {f"{literal}.{name}" for name in rows_of(literal)}
    return found
