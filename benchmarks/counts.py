"""The record of instructions per element, which instructions.py writes: exact, and indifferent to load."""

from collections import defaultdict
from functools import cache
from pathlib import Path

RECORD = Path(__file__).with_name("instructions.tsv")
ISAS = ("avx2", "baseline")


def read(text):
    """Return (compiler, kernels that are not reached, {(kernel, input): {isa: count}}) of a record."""
    first, second, _, *rows = text.splitlines()
    table = {}
    for row in rows:
        kernel, given, *counts = row.split("\t")
        table[kernel, given] = dict(zip(ISAS, map(float, counts), strict=True))
    return first.partition(": ")[2], set(second.partition(": ")[2].split()), table


@cache
def counts_of_names():
    """Return {(public name, dtype): (size, {kernel: {isa: count}})} of the record."""
    found = defaultdict(dict)
    for (kernel, given), counts in read(RECORD.read_text("utf-8"))[2].items():
        words = given.split()
        if len(words) > 2 and "." in words[0] and words[2].isdigit():
            found[words[0], words[1], int(words[2])][kernel] = counts
    return {(name, dtype): (size, kernels) for (name, dtype, size), kernels in found.items()}


def instructions_of(name, dtype, isa):
    """Return (size, kernel, instructions per element) of the kernel of a public name that executes most, or None."""
    size, kernels = counts_of_names().get((name, dtype), (0, {}))
    executed = {kernel: counts[isa] for kernel, counts in kernels.items() if counts.get(isa)}
    if not executed:
        return None
    kernel = max(executed, key=executed.__getitem__)
    return size, kernel, executed[kernel]
