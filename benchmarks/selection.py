"""What is measured: public names at sizes, and cases, chosen by name, family, size and number of threads."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module

from alignment_fast.benchmarks.cases import Case
from alignment_fast.benchmarks.names import Timed, all_names, case_of

# Family -> the modules ``test_bench_*`` with its cases.
FAMILIES = {
    "best_of_n": ("best_of_n", "pool", "samples"),
    "dynamics": ("dynamics",),
    "information": ("information",),
    "interop": ("hosts", "numba", "scipy"),
    "memoryless": ("memoryless",),
    "pairwise": ("pairwise", "sequence", "training"),
    "policy": ("policy",),
    "random": ("random",),
    "ranking": ("boards", "comparisons", "labels", "ranking"),
    "scalar": ("scalar",),
}
QUICK = 10_000  # the largest size of a quick run


@dataclass(frozen=True)
class Selection:
    """What is asked for: all, where a field is empty.

    Parameters
    ----------
    only : tuple of str
        Public names as they are, or parts of the names of operations, in which ``*`` stands for anything.
    families : tuple of str
        Of `FAMILIES`.
    sizes : tuple of int
        In place of those of the table; cases, which have sizes of their own, are left out.
    quick : bool
        Sizes up to `QUICK`.
    groups : tuple of str
        Cases by their whole names, and nothing else.
    peers : tuple of str
        Of the contenders.

    """

    only: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    quick: bool = False
    groups: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()

    def takes(self, operation):
        """Return whether an operation is asked for by its name."""
        if self.groups:
            return operation in self.groups
        return not self.only or any(
            operation == one if one in all_names() else fnmatchcase(operation, f"*{one}*") for one in self.only
        )

    def takes_family(self, family):
        return not self.families or family in self.families

    def takes_cases(self):
        """Return whether cases may be asked for, whose modules take seconds to import."""
        return not self.sizes and not (self.only and all(one in all_names() for one in self.only))


@dataclass(frozen=True)
class Job:
    """One thing to measure.

    Parameters
    ----------
    family, operation : str
        The family, and the public name or the group of the case.
    module : str, optional
        Of a case: where it stands.
    size, axis, dtype : int, str, str, optional
        Of a public name.

    """

    family: str
    operation: str
    module: str | None = None
    size: int | None = None
    axis: str | None = None
    dtype: str | None = None

    def case(self):
        """Return the case, with its data."""
        if self.module is None:
            return case_of(self.operation, self.size, self.dtype)
        return cases_of(self.module)[self.operation]


def cases_of(module):
    """Return {group: case} of a module ``test_bench_*``, whatever lists they stand in."""
    found = {}
    for value in vars(import_module(f"alignment_fast.benchmarks.test_bench_{module}")).values():
        if isinstance(value, list | tuple) and value and all(isinstance(item, Case) for item in value):
            found |= {case.group: case for case in value}
    return found


def jobs(selection, threads):
    """Return what is asked for of so many threads, by family."""
    found = []
    for family, modules in FAMILIES.items():
        if selection.takes_family(family):
            found += jobs_of_names(family, selection)
            if selection.takes_cases():
                found += jobs_of_cases(family, modules, selection, threads)
    return found


def jobs_of_names(family, selection):
    for name, entry in sorted(all_names().items()):
        if name.startswith(f"{family}.") and isinstance(entry, Timed) and selection.takes(name):
            sizes = selection.sizes or [size for size in entry.sizes if size <= QUICK or not selection.quick]
            for dtype in entry.dtypes:
                yield from (Job(family, name, None, size, entry.axis, dtype) for size in sizes)


def jobs_of_cases(family, modules, selection, threads):
    for module in modules:
        for group, case in cases_of(module).items():
            if case.threads == threads and selection.takes(group):
                yield Job(family, group, module)
