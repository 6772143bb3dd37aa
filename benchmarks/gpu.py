"""The one GPU command: bits against the CPU, then speed against measured ceilings; writes a report.

    python benchmarks/gpu.py [report.md]

Correctness runs wherever a CUDA device or numba-cuda's simulator (NUMBA_ENABLE_CUDASIM=1) is; timing needs a device,
and without one the command ends with what is missing.
"""

import statistics
import sys
from pathlib import Path

import numpy as np

from alignment_fast import __version__
from alignment_fast.best_of_n import Gaussian, Quantile, Table, Uniform, simulate
from alignment_fast.kernels.best_of_n import gpu as family
from alignment_fast.kernels.best_of_n import simulation
from alignment_fast.kernels.common import gpu
from alignment_fast.kernels.common.gpu import cuda
from alignment_fast.kernels.random import scalar as philox

REPEATS = 7
KEYS = 0x123456789ABCDEF1, 0xFEDCBA9876543211

# ---- correctness: (keys, first replicate, replicates, grid) ----

WINNERS = [
    (KEYS, 0, 5, [1, 5, 40]),
    (KEYS, 2**32 - 2, 4, [3, 7, 1030]),
    ((2**64 - 1, 2**63), 2**63, 2, [2, 4, 4100]),
]
LONG_WINNERS = [(KEYS, 3, 2000, [10, 5000]), (KEYS, 7, 3, [2**28, 2**28 + 5]), (KEYS, 1, 1, [2**34 + 1000])]
SOURCES = {
    "gaussian": Gaussian(1.0, 2.0),
    "uniform": Uniform(),
    "table": Table([1, 2, 3, 0], [3, 2, 1, 9]),
    "quantile": Quantile(isf=lambda tail: -np.log(tail)),
}


def winners_agree(keys, replicate, replicates, grid):
    """Return whether the device finds the words of the CPU for every n of the grid."""
    winner, start = cuda.to_device(np.full(replicates, simulation.NO_WINNER)), 0
    for stop, expected in zip(grid, simulation.winners(keys, replicate, replicates, grid), strict=True):
        family.fold_winners(*keys, start, stop, replicate, winner)
        if (winner.copy_to_host() != expected).any():
            return False
        start = stop
    return True


def results_agree(source, method, replicates):
    """Return whether `simulate` gives the same bits on both."""
    options = {"seed": 1, "method": method, "return_maxima": True}
    host, device = (simulate(source, [1, 9, 30], replicates, device=d, **options) for d in ("cpu", "cuda"))
    return bool((host.values == device.values).all() and (host.variance == device.variance).all())


def tables_on_the_device_agree():
    """Return whether a table made of device arrays runs there, with the bits of the CPU."""
    p, reward = np.arange(1.0, 9.0), np.arange(8.0)
    table = Table(cuda.to_device(p), cuda.to_device(reward))
    same = simulate(table, 3, 50, seed=1).mean == simulate(Table(p, reward), 3, 50, seed=1).mean
    return table.device == "cuda" and same


def check():
    """Yield (what, whether it holds)."""
    for case in WINNERS if gpu.SIMULATED else WINNERS + LONG_WINNERS:
        yield f"words of replicates {case[1]} + {case[2]}, n = {case[3]}", winners_agree(*case)
    for name, source in SOURCES.items():
        for method in ("brute", "order"):
            yield f"{name} by {method}", results_agree(source, method, 20 if gpu.SIMULATED else 20_000)
    if not gpu.SIMULATED:  # its arrays have no interface to other libraries
        yield "table of device arrays", tables_on_the_device_agree()


# ---- speed: medians of device time between two events ----

_philox4x32 = gpu.device_function(philox.philox4x32)


@cuda.jit
def philox_floor_kernel(key, blocks, out):
    """Words consumed by one exclusive or each: what no kernel on this stream can beat."""
    total = np.uint64(0)
    for block in range(cuda.grid(1), blocks, cuda.gridsize(1)):
        w0, w1, w2, w3 = _philox4x32(key, np.uint64(1), np.uint64(block))
        total ^= w0 ^ w1 ^ w2 ^ w3
    out[cuda.grid(1)] = total


@cuda.jit
def copy_kernel(x, y):
    """One read and one write per element: the bandwidth that kernels of this shape reach."""
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        y[i] = x[i]


def seconds(run):
    """Return the median device time of `run` in seconds, after one call that compiles."""
    run()
    times = []
    for _ in range(REPEATS):
        before, after = cuda.event(), cuda.event()
        before.record()
        run()
        after.record()
        after.synchronize()
        times.append(cuda.event_elapsed_time(before, after) / 1e3)
    return statistics.median(times)


def philox_floor(words):
    """Return words per second of Philox alone."""
    out = cuda.device_array(gpu.THREADS * gpu.MOST_BLOCKS, np.uint64)
    blocks = words // 4
    return words / seconds(lambda: gpu.launch(philox_floor_kernel, blocks, np.uint64(7), blocks, out))


def bandwidth(n):
    """Return bytes per second, read and written, of a float64 copy."""
    x, y = cuda.to_device(np.ones(n)), cuda.device_array(n)
    return 16 * n / seconds(lambda: gpu.launch(copy_kernel, n, x, y))


def draws_per_second(n, replicates):
    """Return draws per second of the race."""
    winner = cuda.device_array(replicates, np.uint64)

    def run():
        winner.copy_to_device(np.full(replicates, simulation.NO_WINNER))
        family.fold_winners(*KEYS, 0, n, 0, winner)

    return n * replicates / seconds(run)


def transform_bytes_per_second(n):
    """Return bytes per second, read and written, of the Gaussian transform."""
    tail, reward = cuda.to_device(np.linspace(1e-12, 1e-3, n)), cuda.device_array(n)
    return 16 * n / seconds(lambda: gpu.launch(family.gaussian_rewards_kernel, n, tail, 0.0, 1.0, reward))


def measure():
    """Yield report rows: figure, value, share of its ceiling."""
    floor, copy = philox_floor(1 << 38), bandwidth(1 << 27)
    yield "Philox words, consumed", f"{floor:.3g} /s", ""
    yield "copy, read and written", f"{copy / 1e9:.0f} GB/s", ""
    for n, replicates in ((64, 1 << 26), (10**4, 1 << 20), (10**6, 1 << 16), (1 << 30, 256)):
        rate = draws_per_second(n, replicates)
        yield f"brute force, n = {n}, {replicates} replicates", f"{rate:.3g} draws/s", f"{rate / floor:.0%} of Philox"
    rate = transform_bytes_per_second(1 << 26)
    yield "Gaussian transform", f"{rate / 1e9:.0f} GB/s", f"{rate / copy:.0%} of the copy"


def main(path=None):
    """Check, measure and report; return the exit status."""
    try:
        gpu.require_device()
    except ImportError as error:
        print(f"benchmarks/gpu.py needs {error}", file=sys.stderr)
        return 2
    device = "simulator" if gpu.SIMULATED else ", ".join(gpu.device_names())
    lines = [f"# alignment_fast {__version__} on {device}", "", "| bits of the CPU | |", "|---|---|"]
    good = True
    for what, holds in check():
        good &= holds
        lines.append(f"| {what} | {'same' if holds else 'DIFFERENT'} |")
    if good and not gpu.SIMULATED:
        lines += ["", "| figure | median | share of the ceiling |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in measure()]
    page = "\n".join(lines) + "\n"
    print(page, end="")
    if path is not None:
        Path(path).write_text(page, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
