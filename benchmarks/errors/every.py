"""Elementary functions of every float32: python benchmarks/errors/every.py NAME..., minutes for each.

The exact value is that of our float64 function, which is wrong by at most 3e-8 units of float32's last place. Arguments
outside of the domain are left out, and those whose exact value is no finite float32.
"""

import json
import sys

import numba
import numpy as np
import record
from peers import peers_of

from alignment_fast.kernels.common import cpu
from alignment_fast.kernels.common.functions import FUNCTIONS

BLOCK = 1 << 18
# One by the unit of the last place of float32, by binary exponent from -126 on.
SCALES = 2.0 ** np.arange(149, -105, -1)
DOMAINS = {row.name: row.domain[0] for row in FUNCTIONS}


@numba.njit
def compare(found, exact, bits, x, low, high, totals):
    """Add a block to [arguments, nearest results, largest error in ulp, its argument]."""
    count, nearest, largest, at = 0, 0, totals[2], totals[3]
    for i in range(x.size):
        exponent = ((bits[i] >> 52) & 2047) - 1023
        if not low <= x[i] <= high or abs(exact[i]) > 3.4028234663852886e38 or exponent == 1024:
            continue
        error = abs(np.float64(found[i]) - exact[i]) * SCALES[max(exponent, -126) + 126]
        count += 1
        nearest += error <= 0.5000001
        if not error <= largest:
            largest, at = error, np.float64(x[i])
    totals[:] = totals[0] + count, totals[1] + nearest, largest, at


def apply(name, x):
    out = np.empty_like(x)
    getattr(cpu, name)(x, out)
    return out


def ways(name, with_peers):
    """Return {way: function}: ours, and in one of the runs the peers."""
    peers = {library: function for library, (function, _) in peers_of(name).items()} if with_peers else {}
    return {"ours": lambda x: apply(name, x), **peers}


def measure(name, with_peers):
    """Return {way: {...}} over all 2^32 patterns."""
    low, high = DOMAINS[name]
    functions = ways(name, with_peers)
    totals = {way: np.array([0.0, 0.0, -1.0, np.nan]) for way in functions}
    patterns = np.arange(BLOCK, dtype=np.uint32)
    x = patterns.view(np.float32)
    for first in range(0, 1 << 32, BLOCK):
        patterns += np.uint32(first - int(patterns[0]))
        if not ((x >= low) & (x <= high)).any():
            continue
        with np.errstate(all="ignore"):  # of NaN and of peers
            exact = apply(name, x.astype(np.float64))
            for way, function in functions.items():
                compare(function(x), exact, exact.view(np.int64), x, low, high, totals[way])
    return {
        way: {"arguments": int(count), "nearest": int(nearest), "error": error, "at": at}
        for way, (count, nearest, error, at) in totals.items()
    }


def main(names):
    for name in names:
        printed = record.on_each_instruction_set("every.py", "--one", name)
        ours = {arithmetic: found.pop("ours") for arithmetic, found in printed.items()}
        record.write("every float32", {name: {"ours": ours, "peers": printed["fma"], **record.conditions()}})
        print(name, ours, printed["fma"], flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        print(json.dumps(measure(sys.argv[2], cpu.ISA != "baseline")))
    else:
        main(sys.argv[1:])
