"""The error bounds that ``spec.py`` states, for tests to read; only what some test reads is published.

A test names the kernel as "family.kernel" in a literal, so that `rows_read` finds it without running anything.
"""

import ast
from functools import cache
from pathlib import Path

import numpy as np

from alignment_fast.kernels.common.spec import row_modules

READERS = ("bound", "assert_same_bits", "rows_of")


@cache
def rows_of(family, group="KERNELS"):
    """Return rows of one family by name, those of one tuple of its module: for tests that go through all of them."""
    return {row.name: row for row in getattr(row_modules()[family], group)}


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


# ---- what tests read ----


def names_of(node):
    """Return the names of variables and of arguments (fixtures) in a part of a module."""
    return {getattr(part, "id", getattr(part, "arg", None)) for part in ast.walk(node)} - {None}


def bound_in(node):
    """Return the names that a part of a module gives another meaning: assigned, or arguments."""
    stored = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    inner = {part.name for part in ast.walk(node) if isinstance(part, ast.FunctionDef) and part is not node}
    return stored | inner | {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}


def parts_used(tree):
    """Return the parts of a module that its tests use: functions called test_*, and what these name, and so on."""
    parts = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts[node.name] = node
        elif isinstance(node, ast.Assign):
            parts |= dict.fromkeys((name for target in node.targets for name in names_of(target)), node)
    reached, left = set(), {name for name in parts if name.startswith("test_") or name == "pytestmark"}
    while left:
        reached |= left
        left = {name for part in left for name in names_of(parts[part]) if name in parts} - reached
    return [parts[name] for name in reached], set(parts)


def reads_of(text):
    """Return "family.kernel" of every row whose bound is read where the tests of a file get to."""
    tree = ast.parse(text)
    used, defined = parts_used(tree)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "bounds"]
    readers = {alias.name for node in imports for alias in node.names if not alias.asname} & set(READERS) - defined
    found = set()
    for part in used:
        calls = [
            call for call in ast.walk(part) if isinstance(call, ast.Call) and getattr(call.func, "id", 0) in readers
        ]
        given_another_meaning = bound_in(part) if calls else set()
        for call in calls:
            if call.func.id in given_another_meaning:
                continue
            literals = [getattr(argument, "value", None) for argument in call.args]
            if call.func.id == "rows_of" and literals:
                found |= {f"{literals[0]}.{name}" for name in rows_of(*literals)}
            elif literals and isinstance(literals[0], str):
                found.add(literals[0])
    return found


@cache
def rows_read():
    """Return "family.kernel" of every row whose bound some test reads."""
    texts = (file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    return set().union(*(reads_of(text) for text in texts if "from bounds import" in text))
