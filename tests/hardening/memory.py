"""Lets every allocation of every public function fail once.

    python -P tests/hardening/memory.py [--of kernels|objects] [--most K] [--sizes N] [--guard] [NAME...]

A call of every public name (the table of `benchmarks/names`, or with ``--guard`` every case of `tests/guard`) is made
again and again, with its first allocation failing, then its second, until none is left to fail. Each time it must raise
MemoryError or give its usual result (a short path without memory leaves the call to the general one), hold no
memory of the kernels afterwards, and give the usual bits when called again.

What fails is the memory that kernels ask of the C library, or with ``--of objects`` that of Python's objects, whoever
asks for it. Of more than K allocations per call the first K fail. Memory that NumPy asks of the C library is left out:
NumPy 2.4 itself does not survive without it (``x[i] += y`` ends the process), nor everywhere without that of objects
(RESULTS.md says where), so that each call is then made in a process of its own.
"""

import argparse
import contextlib
import functools
import json
import os
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1] / "benchmarks")]

import faults  # noqa: E402

KERNELS = "kernels/"  # in the paths of compiled modules
GOOD = "MemoryError", "usual result"
# What NumPy and Python make of it where they ask for the memory of objects themselves.
OF_OTHERS = ("SystemError", "RuntimeError: can't allocate lock")
QUIET = 30  # so many requests for objects in a row without effect: there are no more


def calls_of_names(sizes):
    """Yield (name, call) of every public name at its smallest sizes."""
    from names import Timed, all_names

    for name, entry in all_names().items():
        if isinstance(entry, Timed):
            for size in entry.sizes[:sizes]:
                yield f"{name} at {size}", entry.calls(size, np.dtype(entry.dtypes[0]))[0]


def calls_of_guard():
    """Yield (name, call) of every guarded result; those that are the words of an error would keep MemoryError."""
    from guard.results import CASES

    for name, case in CASES.items():
        if "refused" not in name:
            yield name, case.compute


def bits_of(result):
    """Return a text that changes with any bit of a result; its type only where the digest does not know it."""
    from guard.table import digest

    try:
        return digest(result)
    except TypeError:
        return type(result).__qualname__


@contextlib.contextmanager
def object_fault(at):
    """Let request `at` for the memory of Python's objects fail within the block."""
    import _testcapi

    _testcapi.set_nomemory(at - 1, at)
    try:
        yield
    finally:
        _testcapi.remove_mem_hooks()


def attempted(call, fault):
    """Return (outcome, result) of a call within `fault`."""
    result = None
    try:
        with fault:
            result = call()
    except MemoryError:
        return "MemoryError", None
    except BaseException as error:
        words = f"{type(error).__name__}: {error}"
        return ("MemoryError" if words.startswith(OF_OTHERS) else words), None
    return "usual result", result


def judged(call, fault, usual):
    """Return what becomes of a call within `fault`, and of the next one; `usual` are the bits of good results."""
    outcome, result = attempted(call, fault)
    if len(usual) == 1 and outcome == "usual result" and bits_of(result) not in usual:
        return "another result"
    del result
    if outcome in GOOD and len(usual) == 1 and bits_of(call()) not in usual:
        return "the next call gives another result"
    return outcome


def without_memory_of_kernels(call, most, usual):
    """Yield (which allocation, outcome) for those of kernels."""
    with faults.memory(KERNELS) as told:
        call()
        asked, left = told()
    for at in range(1, min(asked, most) + 1):
        with faults.memory(KERNELS, at) as told:
            outcome = judged(call, contextlib.nullcontext(), usual)
            held = told()[1]
        yield at, outcome if held <= left else f"{held - left} allocations are never given back"


def without_memory_of_objects(call, most, usual):
    """Yield (which allocation, outcome) for those of Python's objects."""
    quiet = 0
    for at in range(1, most + 1):
        outcome = judged(call, object_fault(at), usual)
        quiet = quiet + 1 if outcome == "usual result" else 0
        if quiet == QUIET:
            return
        yield at, outcome


WITHOUT = {"kernels": without_memory_of_kernels, "objects": without_memory_of_objects}


def faults_of(name, call, arguments):
    """Print what is wrong with a call without its allocations; return how many there were of every outcome."""
    call()  # what is made once is made now
    usual = {bits_of(call()), bits_of(call())}
    seen = Counter()
    for at, outcome in WITHOUT[arguments.of](call, arguments.most, usual):
        seen[outcome if outcome in GOOD else "wrong"] += 1
        if outcome not in GOOD:
            print(f"{name}: without allocation {at}: {outcome}", flush=True)
    return seen


def beside(function, *arguments):
    """Return what a function returns in a process of its own, or that it ended it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writer, "w") as file:
            file.write(json.dumps(function(*arguments)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        found = file.read()
    os.waitpid(child, 0)
    return Counter(json.loads(found) if found else {"end of the process": 1})


def run(arguments):
    calls = calls_of_guard() if arguments.guard else calls_of_names(arguments.sizes)
    total, count = Counter(), 0
    for name, call in calls:
        if arguments.names and not any(part in name for part in arguments.names):
            continue
        print(name, file=sys.stderr, flush=True)  # whose call it was, should it end this process
        seen = (faults_of if arguments.of == "kernels" else functools.partial(beside, faults_of))(name, call, arguments)
        if seen["end of the process"]:
            print(f"{name}: ends the process", flush=True)
        total += seen
        count += 1
    print(f"{count} calls, {total.total()} allocations of {arguments.of} failed: {dict(total)}")
    return 1 if total["wrong"] or total["end of the process"] or not count else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", choices=WITHOUT, default="kernels")
    parser.add_argument("--most", type=int, default=10**6, metavar="K")
    parser.add_argument("--sizes", type=int, default=2, metavar="N", help="sizes of every name")
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names")
    arguments = parser.parse_args()
    if faults.inside():
        warnings.simplefilter("ignore")
        return run(arguments)
    if reason := faults.why_not():
        print(f"not run: {reason}")
        return 0
    return faults.run_inside(__file__, *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
