"""Rows of the ranking kernels.

Cells hold exact counts, or sums of weights in the order of the comparisons: the same bits however they are counted.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_BITS = MappingProxyType({"float64": 0.0})

COMPARISONS = (
    Kernel(
        name="tally",
        formula="table[kind, winner, loser] += weight, by way of a table of all pairs",
        arguments=("first", "last", "tallies", "status"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="comparisons:cells",
        backends=("cpu",),
        reference="counting",
    ),
    Kernel(
        name="word_cells",
        formula="sums of weights over equal (first, second, home) of sorted words",
        arguments=("words", "ends", "first", "last", "starts", "cells", "count"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="comparisons:cells",
        backends=("cpu",),
        reference="radix sort by most, then by least significant digits",
    ),
    Kernel(
        name="reach",
        formula="marks passed on along wins: i is reached if it beat, or tied with, someone reached",
        arguments=("first", "second", "wins_first", "wins_second", "ties", "against", "backwards", "reached"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="comparisons:beaten_chains",
        backends=("cpu",),
        reference="Ford, American Mathematical Monthly 64 (1957): a finite maximum exists where everybody is reached",
    ),
)

KERNELS: tuple[Kernel, ...] = COMPARISONS
