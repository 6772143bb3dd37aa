"""Every row of every family's spec.py has what it promises: an entry point, an oracle, a benchmark, a bound."""

import ast
import importlib
import runpy
from pathlib import Path

import pytest

from alignment_fast.kernels.common.spec import row_modules

ROOT = Path(__file__).parents[1]


ROWS = [(family, row) for family, module in row_modules().items() for row in module.KERNELS]
each_row = pytest.mark.parametrize(("family", "row"), ROWS, ids=lambda value: getattr(value, "name", value))


def benchmarked():
    """Return every "family.kernel" that a benchmark names: ``@pytest.mark.kernels("family.kernel", ...)``."""
    found = set()
    for file in (ROOT / "benchmarks").glob("test_bench_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "kernels":
                found |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return found


def test_there_are_rows_and_names_are_unique():
    names = [f"{family}.{row.name}" for family, row in ROWS]
    assert names
    assert len(names) == len(set(names))


@each_row
def test_entry_points_exist(family, row):
    for backend, module in (("cpu", "cpu"), ("cuda", "gpu")):
        if backend in row.backends:
            text = (ROOT / "kernels" / family / (f"{module}.pyi" if backend == "cpu" else f"{module}.py")).read_text()
            names = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
            assert any(name == row.name or name.startswith(f"{row.name}_") for name in names), f"{backend}: {row.name}"


@each_row
def test_oracles_exist(family, row):
    module, _, name = row.oracle.partition(":")
    assert callable(getattr(importlib.import_module(f"oracles.{module}"), name))


@each_row
def test_every_dtype_has_a_bound(family, row):
    assert row.unit in {"ulp", "relative", "bits"}
    for dtype in row.dtypes:
        assert row.bound(dtype) >= 0
        assert row.unit != "bits" or row.bound(dtype) == 0


@each_row
def test_domains_are_intervals(family, row):
    assert len(row.domain) <= len(row.arguments)
    assert all(low <= high for low, high in row.domain)


@each_row
def test_formula_and_reference_are_stated(family, row):
    assert row.formula
    assert row.reference


@each_row
def test_a_benchmark_names_the_kernel(family, row):
    assert f"{family}.{row.name}" in benchmarked()


def test_the_accuracy_page_is_current():
    page = runpy.run_path(str(ROOT / "docs" / "generated" / "accuracy.py"))["page"]()
    assert (ROOT / "docs" / "generated" / "accuracy.md").read_text("utf-8") == page, (
        "run python -P docs/generated/accuracy.py"
    )
