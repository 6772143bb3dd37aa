"""Instructions per element of every kernel: ``python benchmarks/instructions.py [--write | --check]``.

A count is exact and does not depend on what else the machine does, so that a change of 3 % shows: callgrind runs every
public call of benchmarks/names (and the kernels that these do not reach) once on a middle size, in one process for each
instruction set, and counts what each function of the tables of kernels/ executes with all that it calls. The counts are
in instructions.tsv. With ``--check`` one that has grown by more than 3 % is an error, where the modules were compiled
by the compiler that the file names; by another one the counts are printed only. Valgrind has no AVX-512.
"""

import argparse
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from alignment_fast.benchmarks.counts import ISAS, read
from alignment_fast.benchmarks.environment import compiler

HERE = Path(__file__).parent
RECORD = HERE / "instructions.tsv"
LARGEST = 1024  # elements: every loop is in its middle, and callgrind takes 50 times as long
OF_MATRICES = 128  # the same of what counts rows of square matrices
MATRICES = ("responses", "items", "states")
GROWTH = 1.03
ROUNDING = 0.06  # of the counts in the record
LEAST = 0.5  # instructions per element below which a kernel hardly takes part in a call
ENVIRONMENT = {
    "ALIGNMENT_FAST_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",  # valgrind knows no AVX-512
    "PYTHONHASHSEED": "0",
}


# ---- what is counted ----


def is_compiled_by_numba(name):
    """Whether a public name runs code that numba compiles: no kernel of a table, and minutes under valgrind."""
    return name == "best_of_n.Sampler"


def public_calls():
    """Yield (heading, elements, call) of every public name of the benchmarks, float64 and float32."""
    import numpy as np

    from alignment_fast.benchmarks.names import Timed, all_names

    for name, entry in sorted(all_names().items()):
        if isinstance(entry, Timed) and not is_compiled_by_numba(name):
            most = OF_MATRICES if entry.axis in MATRICES else LARGEST
            size = max((size for size in entry.sizes if size <= most), default=entry.sizes[0])
            for dtype in entry.dtypes:
                yield f"{name} {dtype} {size} {entry.axis}", size, entry.calls(size, np.dtype(dtype))[0]


def elementwise_calls():
    """Yield the same of the elementwise functions, which the public calls reach only inlined."""
    import numpy as np

    from alignment_fast.kernels.common import cpu
    from alignment_fast.kernels.common.functions import FUNCTIONS

    for row in FUNCTIONS:
        for dtype in row.dtypes:
            x, out = np.linspace(0.01, 0.99, LARGEST).astype(dtype), np.empty(LARGEST, dtype)
            yield f"{row.name} {dtype} {LARGEST}", LARGEST, partial(getattr(cpu, row.name), x, out)


def further_calls():
    """Yield the same of what the benchmarks of names reach at other sizes or with other options only."""
    import numpy as np

    import alignment_fast as af

    bon, rng, size = af.best_of_n, np.random.default_rng(0), LARGEST
    p, reward, long = rng.dirichlet(np.ones(size)), rng.normal(size=size), 5 * size
    several = bon.BestOfN(np.stack([p, p[::-1]]), reward, num_threads=1)
    large = bon.BestOfN(rng.dirichlet(np.ones(long)), rng.normal(size=long), num_threads=1)
    source, one = bon.Table(p, reward), {"num_threads": 1}
    winner, loser = rng.integers(0, 10_000, size), rng.integers(10_000, 20_000, size)
    yield "order statistic", size, lambda: bon.simulate(bon.Gaussian(), 1e6, size, seed=1, method="order", **one)
    yield "table", size, lambda: bon.simulate(source, 10, size, seed=1, method="brute", **one)
    yield "draws of two laws", 2 * size, lambda: several.sample(size, 50, rng=1, **one)
    yield "law of two blocks", long, lambda: large.kl(16.0, **one)
    yield "variance of a curve", size, lambda: bon.curve(reward, [1, 4, 64], variance="unbiased", **one)
    yield "sparse comparisons", size, lambda: af.ranking.Comparisons(winner, loser, weight=p, n_items=20_000, **one)
    many = rng.normal(size=4 * size)
    yield "gains of many samples", 4 * size, lambda: af.policy.achievable_gain(many, kl=[0.1, 0.5])
    for dtype in (np.float64, np.float32):
        pairs = rng.normal(size=(4, size)).astype(dtype)
        yield f"aot {dtype.__name__}", size, partial(af.pairwise.preference_loss, *pairs, loss_type="aot", beta=0.1)


def watched(library):
    """Make every call once, and have callgrind write what it executed: the work of the process under callgrind."""
    tool = ctypes.CDLL(library)
    calls = [*public_calls(), *elementwise_calls(), *further_calls()]
    for _, _, call in calls:
        call()  # imports, first allocations
    tool.start()
    for heading, elements, call in calls:
        tool.zero()
        call()
        tool.dump(f"{elements} {heading}".encode())


# ---- callgrind's files ----


def inclusive(text):
    """Return {function: instructions of its own and of what it calls} of one file of callgrind."""
    found, function = defaultdict(int), None
    for line in text.splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif function and line[:1].isdigit():  # place and cost, of its own or of a call
            found[function] += int(line.split()[1])
    return found


def kernels():
    """Return {name of a function of a table: family.name}; those of one number are the arrays' formulas."""
    from alignment_fast.kernels.common.spec import row_modules

    found = {}
    for family, module in row_modules().items():
        for prototype in module.TABLE:
            name = re.search(r"(\w+)\(", prototype)[1]
            if not name.startswith("scalar_"):
                found[name] = f"{family}.{name}"
    return found


def callgrind(isa, folder):
    """Run the calls under callgrind and return its files."""
    library = folder / "instructions.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", HERE / "instructions.c", "-o", library], check=True)
    out = folder / f"callgrind.{isa}"
    tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--compress-strings=no", "--compress-pos=no"]
    command = [*tool, f"--callgrind-out-file={out}", sys.executable, "-P", __file__, "--watched", library]
    environment = os.environ | ENVIRONMENT | {"ALIGNMENT_FAST_ISA": isa}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"callgrind failed: {done.stderr[-2000:]}")
    return folder.glob(f"callgrind.{isa}.*")


def counted(isa, folder):
    """Return {(kernel, input): instructions per element} under an instruction set."""
    names, found = kernels(), {}
    for file in callgrind(isa, folder):
        text = file.read_text()
        heading = re.search(r"^desc: Trigger: Client Request: (\d+) (.*)$", text, re.MULTILINE)
        if heading:
            for function, instructions in inclusive(text).items():
                name = names.get(function.removesuffix(f"_{isa}"))
                if name and instructions >= LEAST * int(heading[1]):
                    found[name, heading[2]] = instructions / int(heading[1])
    return found


def all_counts():
    """Return {(kernel, input): {isa: instructions per element}}, a process for each instruction set side by side."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        parts = [Path(folder, isa) for isa in ISAS]
        for part in parts:
            part.mkdir()
        found = defaultdict(dict)
        for isa, counts in zip(ISAS, pool.map(counted, ISAS, parts), strict=True):
            for key, count in counts.items():
                found[key][isa] = count
        return found


# ---- the record ----


def written(found):
    """Return the text of the record."""
    missing = sorted(set(kernels().values()) - {kernel for kernel, _ in found})
    lines = [f"# compiler: {compiler()}", f"# not reached: {' '.join(missing)}", "\t".join(["kernel", "input", *ISAS])]
    for kernel, given in sorted(found):
        counts = [f"{found[kernel, given].get(isa, 0.0):.1f}" for isa in ISAS]
        lines.append("\t".join([kernel, given, *counts]))
    return "\n".join(lines) + "\n"


def grown(recorded, found):
    """Yield a line for every count that has grown by more than 3 %, and for every kernel that has none any more."""
    for (kernel, given), counts in sorted(recorded.items()):
        for isa, before in counts.items():
            now = found.get((kernel, given), {}).get(isa, 0.0)
            if before and not now:
                yield f"{kernel} ({given}, {isa}): is not reached any more"
            elif now > GROWTH * before + ROUNDING:
                yield f"{kernel} ({given}, {isa}): {before:.1f} -> {now:.1f} instructions per element"


def check(found):
    """Compare with the record; return whether what binds holds."""
    named, unreached, recorded = read(RECORD.read_text("utf-8"))
    problems = [*grown(recorded, found)]
    known = unreached | {kernel for kernel, _ in recorded}
    problems += [f"{name}: is not in {RECORD.name}" for name in sorted(set(kernels().values()) - known)]
    for line in problems:
        print(line)
    used = compiler()
    print(f"{len(recorded)} counts by {used}; the record is of {named}; {len(problems)} to look at")
    return not problems or used != named


def main():
    """Count, and print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--check", action="store_true", help=f"compare with {RECORD.name}")
    parser.add_argument("--watched", metavar="LIBRARY", help="make the calls: what runs under callgrind")
    options = parser.parse_args()
    if options.watched:
        watched(options.watched)
        return 0
    if not shutil.which("valgrind"):
        print("valgrind is needed", file=sys.stderr)
        return 2
    found = all_counts()
    if options.write:
        RECORD.write_text(written(found), "utf-8")
    elif options.check:
        return int(not check(found))
    else:
        print(written(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
