"""Timing of one contender: correctness first, then pytest-benchmark, then what the figure means."""

import os
import platform
from importlib.metadata import version

import pytest

from alignment_fast.benchmarks import floors
from alignment_fast.benchmarks.cases import OURS
from alignment_fast.kernels.common import cpu


@pytest.fixture
def timed(benchmark):
    """Return a function that checks and times one contender of a case."""

    def run(case, name):
        contender = case.contenders[name]
        contender.check(contender.call())
        benchmark.group = case.group
        benchmark(contender.call)
        if benchmark.disabled:
            return
        per_element = benchmark.stats.stats.median / contender.elements
        benchmark.extra_info["ns per element"] = 1e9 * per_element
        if name == OURS and case.floor:
            floor = floors.which(**case.floor)
            benchmark.extra_info["binding floor"] = floor.part
            benchmark.extra_info["fraction of floor"] = floor.seconds / per_element

    return run


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info["instruction set"] = cpu.ISA
    machine_info["load"] = os.getloadavg()
    machine_info["versions"] = {name: version(name) for name in ("alignment-fast", "numpy", "scipy")}
    machine_info["processor"] = platform.processor() or platform.machine()
