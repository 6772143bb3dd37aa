"""Time every public name beside its plain formula: ``python benchmarks/names_report.py [--only TEXT] [--largest N]``.

One thread; ours and the peer's run in turn within each round, and a ratio is the median over rounds of the ratio within
a round. Sizes above ``--largest`` are left out.
"""

import argparse
import statistics
import sys
import time

import numpy as np
from report import measured, print_conditions, start_in_environment

from alignment_fast.benchmarks.names import Timed, agree, all_different, all_names


def timed(ours, theirs, rounds):
    """Return (seconds of ours, seconds of theirs, median ratio)."""
    ours(), theirs()
    pairs = [(measured(ours, time.process_time), measured(theirs, time.process_time)) for _ in range(rounds)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return mine, other, statistics.median(b / a for a, b in pairs)


def main():
    """Print a line for every name, size and type."""
    start_in_environment()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names that contain this text")
    parser.add_argument("--largest", type=int, default=sys.maxsize, help="largest size")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print_conditions(options.rounds)
    print(f"{'name':44} {'size':>20} {'type':8} {'ours':>10} {'peer':>10} {'ratio':>7}  peer")
    for name, entry in sorted(all_names().items()):
        if options.only not in name or not isinstance(entry, Timed):
            continue
        for size in entry.sizes:
            if size > options.largest:
                continue
            for dtype in entry.dtypes:
                calls = entry.calls(size, np.dtype(dtype))
                if name not in all_different() and not agree(calls[0](), calls[1](), dtype):
                    raise SystemExit(f"{name}, {size} {entry.axis}, {dtype}: the peer computes something else")
                mine, other, ratio = timed(*calls, options.rounds)
                row = f"{name:44} {f'{size} {entry.axis}':>20} {dtype:8} {1e6 * mine:8.2f}µs {1e6 * other:8.2f}µs"
                print(f"{row} {ratio:6.2f}x  {entry.peer}", flush=True)


if __name__ == "__main__":
    main()
