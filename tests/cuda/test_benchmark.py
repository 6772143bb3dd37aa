"""The command for a machine with a GPU: its comparisons on the stand-in, its answer where there is no device."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from marks import fused

COMMAND = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]


@fused
@pytest.mark.parametrize("family", ["random", "pairwise", "information"])
def test_its_comparisons_are_right_on_the_stand_in(cuda, family):
    found = dict(runpy.run_path(str(COMMAND))["COMPARISONS"][family](7))
    assert len(found) >= 6
    assert all(found.values()), found


@fused
def test_trajectories_are_right_on_the_stand_in(cuda):
    found = dict(runpy.run_path(str(COMMAND))["COMPARISONS"]["dynamics"](7, 2, 6))
    assert len(found) == 6
    assert all(found.values()), found


@fused
def test_optima_are_right_on_the_stand_in(cuda):
    found = dict(runpy.run_path(str(COMMAND))["COMPARISONS"]["policy"](7, 2))
    assert len(found) == 10
    assert all(found.values()), found


@pytest.mark.parametrize(("what", "sizes"), [("pools", [1001]), ("laws", [1001]), ("ranking", [101, 20_000])])
def test_its_comparisons_are_right_at_reduced_sizes(cuda, what, sizes):
    found = dict(runpy.run_path(str(COMMAND))["COMPARISONS"][what](7, *sizes))
    assert len(found) >= 9
    assert all(found.values()), found


def test_without_a_device_it_says_so(tmp_path):
    command = [sys.executable, "-P", str(COMMAND), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("benchmarks/gpu.py needs a CUDA device: ")
