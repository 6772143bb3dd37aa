"""What an import costs (printed) and what it must not load (asserted)."""

import statistics
import subprocess
import sys

HEAVY = ("numba", "llvmlite", "scipy", "torch", "jax", "cupy", "cuda", "pyarrow", "matplotlib", "typer", "rich")
CODE = (
    "import sys, time; {first}; t = time.perf_counter(); import {module}; print(time.perf_counter() - t, *sys.modules)"
)


def measure(module, first="pass", repetitions=15):
    """Return the median time in milliseconds of importing `module` after `first`, and the modules loaded then."""
    times = []
    for _ in range(repetitions):
        code = "import sys, time; " + CODE.format(module=module, first=first)
        printed = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
        seconds, *loaded = printed.split()
        times.append(float(seconds))
    return 1e3 * statistics.median(times), set(loaded)


for module, first in (
    ("alignment_fast", "pass"),
    ("alignment_fast", "import numpy"),
    ("alignment_fast.best_of_n", "import numpy, alignment_fast"),
    ("numpy", "pass"),
):
    milliseconds, loaded = measure(module, first)
    heavy = sorted(set(HEAVY) & loaded)
    print(
        f"import {module:26} after {first:28} {milliseconds:8.2f} ms   {'loads ' + ', '.join(heavy) if heavy else ''}"
    )
    assert not heavy, f"import {module} loads {heavy}"
