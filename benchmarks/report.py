"""Time the benchmarks beside their peers and floors: ``python benchmarks/report.py [--only TEXT] [--isa avx2]``.

Whatever is compared runs in turn within each round, floors too, and a figure is a ratio of least times: load can only
add to a time. Nothing is measured by one call: what takes longer than a round is called in at least `FEWEST` rounds
after its first call. One thread, BLAS included, and processor time, so that waiting for a processor does not count (a
peer that runs on threads of its own pays for all of them); elapsed time for cases of several threads.

``--isa avx2`` holds NumPy, torch and OpenBLAS to that set, too. ``--json FILE`` writes the figures; ``--readme``
measures the cases of the README's tables for every instruction set that the processor has and writes figures.json and
the tables (readme_tables.py): about five minutes.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import readme_tables

from alignment_fast.benchmarks import floors
from alignment_fast.benchmarks.cases import OURS, Case
from alignment_fast.kernels.common import cpu

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
README = HERE.parent / "README.md"
SHORTEST = 2e-3  # seconds of one measurement: calls are repeated up to it
FEWEST = 3  # measurements of each contender


def all_cases():
    """Return every case of every ``test_bench_*.py``, whatever lists it stands in."""
    found = {}
    for file in sorted(HERE.glob("test_bench_*.py")):
        for value in vars(importlib.import_module(f"alignment_fast.benchmarks.{file.stem}")).values():
            if isinstance(value, list | tuple) and value and all(isinstance(item, Case) for item in value):
                found |= {case.group: case for case in value}
    return list(found.values())


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


def work_of(case, peers):
    """Return {contender: function of the clock that returns seconds per element}, "floor" included."""
    work = {}
    for name, contender in case.contenders.items():
        if name == OURS or peers is None or name in peers:
            contender.check(contender.call())
            work[name] = lambda clock, of=contender: (
                (of.call() if of.returns_seconds else measured(of.call, clock)) / of.elements
            )
    if case.floor:
        _, call, elements = floor_of(case)
        work["floor"] = lambda clock: measured(call, clock) / elements
    return work


def least_times(case, rounds, seconds, peers=None):
    """Return {contender: least seconds per element} of the rounds that fit into so many seconds, `FEWEST` at least."""
    clock = time.perf_counter if case.threads > 1 else time.process_time
    work = work_of(case, peers)
    least = dict.fromkeys(work, float("inf"))
    start = time.perf_counter()
    for done in range(rounds):
        if done >= FEWEST and time.perf_counter() - start > seconds:
            break
        for name, seconds_of in work.items():
            least[name] = min(least[name], seconds_of(clock))
    return least


def figure_of(case, rounds, seconds, peers=None):
    """Return what is kept of a case: nanoseconds per element, ratios to peers, share of the floor, aims."""
    times = least_times(case, rounds, seconds, peers)
    ours, floor = times.pop(OURS), times.pop("floor", None)
    return {
        "nanoseconds": 1e9 * ours,
        "ratios": {name: theirs / ours for name, theirs in times.items()},
        "floor": None if floor is None else {"part": floor_of(case)[0], "share": floor / ours},
        "aims": {target.peer: target.bound for target in case.targets},
    }


def lines(group, figure):
    """Yield the rows of a case: what, against what, ours, ratio, aim, met."""
    aims, nanoseconds = figure["aims"], figure["nanoseconds"]
    shown = f"{nanoseconds:.3g}"
    if "seconds" in aims:
        bound = 1e9 * aims["seconds"]
        yield group, "time", shown, "", f"<= {bound:g} ns", "yes" if nanoseconds <= bound else "NO"
    for name, ratio in figure["ratios"].items():
        aim = aims.get(name)
        met = "" if aim is None else "yes" if ratio >= aim else "NO"
        yield group, name, shown, f"{ratio:.2f}x", "" if aim is None else f">= {aim:g}x", met
    if figure["floor"]:
        aim, share = aims.get("floor"), figure["floor"]["share"]
        met = "" if aim is None else "yes" if share >= aim else "NO"
        wanted = "" if aim is None else f">= {100 * aim:.0f} %"
        yield group, f"{figure['floor']['part']} floor", shown, f"{100 * share:.0f} %", wanted, met


# Read once, when a process starts. BLAS stays on one thread: idle ones spin beside what is measured. Freed memory stays
# with the process: the page faults of fresh memory would fall on whoever comes after a peer with large temporaries.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
}
# Peers run as on a processor without more: NumPy, torch and OpenBLAS choose by what they find. NumPy refuses names that
# it does not have.
NUMPY_ABOVE_AVX2 = ("X86_V4", "AVX512_ICL", "AVX512_SPR")


def environment_of(isa):
    """Return what makes peers use this instruction set, too; a baseline has no such choice."""
    if isa != "avx2":
        return {"ALIGNMENT_FAST_ISA": isa}
    found = np._core._multiarray_umath.__cpu_features__
    above = " ".join(name for name in NUMPY_ABOVE_AVX2 if name in found)
    return {
        "ALIGNMENT_FAST_ISA": isa,
        "NPY_DISABLE_CPU_FEATURES": above,
        "ATEN_CPU_CAPABILITY": "avx2",
        "OPENBLAS_CORETYPE": "Haswell",
    }


def start_in_environment(**more):
    """Start this process anew unless it has the environment above, and `more`."""
    wanted = ENVIRONMENT | more
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)


def conditions():
    """Return where and with what figures are taken."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "isa": cpu.ISA,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("alignment-fast", "numpy", "scipy")},
    }


def processor():
    """Return the processor's name, as far as Linux tells it."""
    file = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in file.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def print_conditions(rounds):
    """Print the same."""
    found = conditions()
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    print(f"instruction set {found['isa']}, {found['processor']}, {found['processors']} CPUs, load {found['load']}")
    print(f"Python {found['python']}, {versions}; at most {rounds} rounds\n")


def table_of(options):
    """Print the table of all cases and return the figures."""
    print("| operation | against | ours, ns per element | ratio | aim | met |\n|---|---|---|---|---|---|")
    figures = {}
    for case in all_cases():
        if options.only in case.group and (not options.headlines or case.group in readme_tables.PEERS):
            peers = readme_tables.PEERS[case.group] if options.headlines else None
            figures[case.group] = figure_of(case, options.rounds, options.seconds, peers)
            for line in lines(case.group, figures[case.group]):
                print("| " + " | ".join(line) + " |", flush=True)
    return figures


def write_readme(options):
    """Measure the README's cases in one process for each instruction set, and write figures.json and the tables."""
    found = {}
    for isa in ("avx512", "avx2"):
        if isa in cpu.supported_isas():
            part = FIGURES.with_suffix(f".{isa}")
            command = [sys.executable, __file__, "--isa", isa, "--headlines"]
            more = ["--json", str(part), "--seconds", str(options.seconds), "--rounds", str(options.rounds)]
            subprocess.run([*command, *more], check=True)
            found[isa] = json.loads(part.read_text("utf-8"))
            part.unlink()
    FIGURES.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    README.write_text(readme_tables.replaced(README.read_text("utf-8"), found), "utf-8")


def main():
    """Print the conditions and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds of a case at most")
    parser.add_argument("--seconds", type=float, default=1.0, help="after which a case has no further round")
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--isa", default=cpu.ISA, help="instruction set")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--readme", action="store_true", help="write figures.json and the README's tables")
    parser.add_argument("--headlines", action="store_true", help="only what the README shows")
    options = parser.parse_args()
    if options.readme:
        write_readme(options)
        return
    start_in_environment(**environment_of(options.isa))
    print_conditions(options.rounds)
    found = {"conditions": conditions(), "figures": table_of(options)}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
