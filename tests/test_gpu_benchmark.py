"""The one GPU command: its correctness part in the simulator, its answer where there is no device."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.same_everywhere]

pytest.importorskip("numba_cuda")

COMMAND = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-P", str(COMMAND), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_the_simulator_has_the_bits_of_the_cpu(tmp_path):
    process = run(str(tmp_path / "report.md"), NUMBA_ENABLE_CUDASIM="1")
    assert process.returncode == 0, process.stderr
    report = (tmp_path / "report.md").read_text("utf-8")
    assert report == process.stdout
    assert report.count("| same |") == 11
    assert "DIFFERENT" not in report


def test_without_a_device_it_says_so():
    process = run(CUDA_VISIBLE_DEVICES="", NUMBA_ENABLE_CUDASIM="0")
    assert process.returncode == 2
    assert process.stderr.startswith("benchmarks/gpu.py needs a CUDA device: ")
