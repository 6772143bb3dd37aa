"""The page of measured errors is current, and our worst cases are what the record says, within the stated bounds."""

import json
import platform
import runpy
from pathlib import Path

import numpy as np
import pytest

from alignment_fast.kernels.common import cpu
from bounds import rows_of
from oracles import scalar as oracle

ROOT = Path(__file__).parents[1]
WRITER = runpy.run_path(str(ROOT / "docs" / "generated" / "trust.py"))
RECORD = json.loads((ROOT / "benchmarks" / "errors" / "errors.json").read_text("utf-8"))
ROWS = rows_of("common", "FUNCTIONS")
ARITHMETIC = "baseline" if cpu.ISA == "baseline" and platform.machine() in ("x86_64", "AMD64") else "fma"
DTYPES = ("float64", "float32")
EVERY = "every float32"


def error_at(name, dtype, x):
    """Return the error of ours at one argument, in units in the last place."""
    argument, out = np.array([x], dtype), np.empty(1, dtype)
    getattr(cpu, name)(argument, out)
    return float(oracle.error_in_ulp(float(out[0]), getattr(oracle, name)(oracle.mp.mpf(float(argument[0]))), dtype))


@pytest.mark.same_everywhere
@pytest.mark.parametrize("name", ["trust.md", "trust_float64.svg", "trust_float32.svg"])
def test_the_page_and_its_figures_are_current(name):
    written = (ROOT / "docs" / "generated" / name).read_text("utf-8")
    assert written == WRITER["files"](RECORD)[name], "run python -P docs/generated/trust.py"


@pytest.mark.same_everywhere
def test_every_function_but_the_one_of_the_streams_was_measured():
    assert set(RECORD["points"]) == set(ROWS) - {"normal_ppf_rn"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(RECORD["points"]))
def test_the_largest_error_found_is_there_and_within_the_bound(name, dtype):
    found = RECORD["points"][name][dtype]["largest"][ARITHMETIC]
    assert found["error"] <= ROWS[name].bound(dtype)
    assert error_at(name, dtype, found["at"]) == pytest.approx(found["error"], rel=1e-12)


@pytest.mark.parametrize("name", sorted(RECORD[EVERY]))
def test_the_largest_error_of_every_float32_is_there_and_within_the_bound(name):
    found = RECORD[EVERY][name]["ours"][ARITHMETIC]
    assert found["error"] <= ROWS[name].bound("float32")
    assert error_at(name, "float32", found["at"]) == pytest.approx(found["error"], abs=1e-6)
    assert found["error"] >= RECORD["points"][name]["float32"]["largest"][ARITHMETIC]["error"] - 1e-6


@pytest.mark.same_everywhere
def test_errors_of_quantities_are_small_beside_those_of_others():
    for case, found in RECORD["quantities"].items():
        least = min(float("inf") if error is None else error for error in found["peers"].values())
        assert found["ours"] <= max(1e-15, least), case
