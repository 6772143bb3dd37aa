"""Measure the stated aims and print one table: ``python benchmarks/report.py [--rounds 15] [--only TEXT]``.

Whatever is compared runs in turn within each round, floors too, and a figure is the median over rounds of the ratio
within a round: a load that comes and goes meets all of them. One thread, BLAS included, and processor time, so that
waiting for a processor does not count (a peer that runs on threads of its own pays for all of them); elapsed time for
cases of several threads.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version

import numpy as np
import test_bench_best_of_n
import test_bench_information
import test_bench_pairwise
import test_bench_random
import test_bench_scalar
import test_bench_sequence
import test_bench_training

import floors
from alignment_fast.kernels.common import cpu
from cases import OURS

CASES = [
    *test_bench_random.CASES,
    *test_bench_best_of_n.CASES,
    *test_bench_scalar.CASES,
    *test_bench_information.CASES,
    *test_bench_information.SECOND_CASES,
    *test_bench_information.SMALL_CASES,
    *test_bench_pairwise.CASES,
    *test_bench_pairwise.MATCHED,
    *test_bench_sequence.CASES,
    *test_bench_training.VOCABULARY_CASES,
    *test_bench_training.PAIR_CASES,
    *test_bench_training.LAYER_CASES,
]
SHORTEST = 2e-3  # seconds of one measurement: calls are repeated up to it


def measured(call, clock):
    """Return the seconds of one call, from as many as fill `SHORTEST`."""
    calls, elapsed = 0, 0.0
    start = clock()
    while elapsed < SHORTEST:
        call()
        calls += 1
        elapsed = clock() - start
    return elapsed / calls


def floor_of(case):
    """Return (part, call, elements): the floor that binds and work of that part for so many elements."""
    part = floors.which(**case.floor).part
    function, amount = floors.PARTS[part]
    return part, lambda: function(amount), amount / case.floor[part]


def rounds_of(case, rounds):
    """Return {contender: seconds per element in each round}, "floor" included."""
    work = {name: (contender.call, contender.elements) for name, contender in case.contenders.items()}
    for contender in case.contenders.values():
        contender.check(contender.call())
    if case.floor:
        _, call, elements = floor_of(case)
        work["floor"] = (call, elements)
    clock = time.perf_counter if case.threads > 1 else time.process_time
    times = {name: [] for name in work}
    for _ in range(rounds):
        for name, (call, elements) in work.items():
            times[name].append(measured(call, clock) / elements)
    return {name: np.array(values) for name, values in times.items()}


def lines(case, rounds):
    """Yield the rows of a case: what, against what, ours, ratio, aim, met."""
    times = rounds_of(case, rounds)
    ours = times.pop(OURS)
    aims = {target.peer: target.bound for target in case.targets}
    nanoseconds = f"{1e9 * statistics.median(ours):.3g}"
    if "seconds" in aims:
        bound = aims["seconds"]
        met = statistics.median(ours) <= bound
        yield case.group, "time", nanoseconds, "", f"<= {1e9 * bound:g} ns", "yes" if met else "NO"
    for name, theirs in times.items():
        ratio = statistics.median(theirs / ours)
        aim = aims.get(name)
        label = f"{floor_of(case)[0]} floor" if name == "floor" else name
        shown = f"{100 * ratio:.0f} %" if name == "floor" else f"{ratio:.2f}x"
        wanted = "" if aim is None else f">= {100 * aim:.0f} %" if name == "floor" else f">= {aim:g}x"
        yield case.group, label, nanoseconds, shown, wanted, "" if aim is None else "yes" if ratio >= aim else "NO"


# Read once, when a process starts. BLAS stays on one thread: idle ones spin beside what is measured. Freed memory stays
# with the process: the page faults of fresh memory would fall on whoever comes after a peer with large temporaries.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
}


def start_in_environment():
    """Start this process anew unless it has the environment above."""
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})


def print_conditions(rounds):
    """Print where and with what the figures below were taken."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("alignment-fast", "numpy", "scipy"))
    print(f"instruction set {cpu.ISA}, {platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}, {versions}; medians of {rounds} rounds\n")


def main():
    """Print the conditions and the table."""
    start_in_environment()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    options = parser.parse_args()
    print_conditions(options.rounds)
    print("| operation | against | ours, ns per element | ratio | aim | met |\n|---|---|---|---|---|---|")
    for case in CASES:
        if options.only in case.group:
            for line in lines(case, options.rounds):
                print("| " + " | ".join(line) + " |", flush=True)
    if options.only in "tail":
        mean, exact, capped = test_bench_best_of_n.tail_scores()
        print(f"\nmean of the best of 2^30 normals {mean:.4f}: z = {exact:+.2f} from exact, {capped:+.2f} from 5.77")


if __name__ == "__main__":
    main()
