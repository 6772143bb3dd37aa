"""Every row of every family's spec.py has what it promises: an entry point, an oracle, a benchmark, a bound."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

from alignment_fast import kernels

ROOT = Path(__file__).parents[1]


def spec_modules():
    """Return the modules that hold rows: spec.py of each family, and the elementwise functions of `common`."""
    names = [f"{info.name}.spec" for info in pkgutil.iter_modules(kernels.__path__) if info.ispkg]
    names = [name for name in names if name != "common.spec"] + ["common.functions"]
    return [importlib.import_module(f"alignment_fast.kernels.{name}") for name in names]


ROWS = [(module.__name__.split(".")[2], row) for module in spec_modules() for row in module.KERNELS]
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
