"""Makes every call many times, and looks whether memory grows.

    python -P tests/hardening/leaks.py [--calls N] [--seconds S] [NAME...]

Calls of public names (the table of `benchmarks/names`) at their smallest size, N times (a million by hand) or for S
seconds, whichever is less. Half way and at the end are counted the blocks of Python's allocator, and the bytes that the
C library has given out.
"""

import argparse
import ctypes
import gc
import sys
import time
import warnings
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1] / "benchmarks")]

# Growth by a block for every fiftieth call, and by some more, is one where it comes again and again: caches fill up.
ROUNDS, FEW, BLOCK = 3, 100, 64


class Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t) for name in ["arena", "a", "b", "mapped_blocks", "mapped", "d", "e", "in_use", "f", "g"]
    ]


def memory():
    """Return (blocks of Python, bytes of the C library) that are in use."""
    gc.collect()
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):  # another C library, or an old one
        return sys.getallocatedblocks(), 0
    ask.restype = Mallinfo
    told = ask()
    return sys.getallocatedblocks(), told.in_use + told.mapped


def grown(call, calls, seconds):
    """Return (calls made in one half, growth of blocks, growth of bytes) of the second half of many calls."""
    begun, made = time.perf_counter(), 0
    while made < calls // 2 and time.perf_counter() - begun < seconds / 2:
        call()
        made += 1
    before = memory()
    for _ in range(made):
        call()
    after = memory()
    return made, after[0] - before[0], after[1] - before[1]


def main():
    from names import Timed, all_names

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10**6, metavar="N")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    memory()
    count, total, wrong = 0, 0, []
    for name, entry in all_names().items():
        if not isinstance(entry, Timed) or (arguments.names and not any(part in name for part in arguments.names)):
            continue
        call = entry.calls(entry.sizes[0], np.dtype(entry.dtypes[0]))[0]
        call()
        rounds = 0
        while rounds < ROUNDS:
            made, blocks, size = grown(call, arguments.calls, arguments.seconds)
            total += 2 * made
            if max(blocks, size / BLOCK) < FEW + made / 50:
                break
            rounds += 1
        else:
            print(f"{name}: {blocks} blocks and {size} bytes more after {made} calls", flush=True)
            wrong.append(name)
        count += 1
    print(f"{count} names, {total} calls; memory grows with {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
