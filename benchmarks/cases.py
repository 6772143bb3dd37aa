"""What is compared with what: one `Case` per operation and size, run by pytest-benchmark and by the command alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType

import pytest

OURS = "alignment_fast"


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Parameters
    ----------
    call : callable
        Does the work once, on this thread unless the name says otherwise, and returns the result.
    elements : float
        How many draws, atoms, calls ... that is: a slow peer may do fewer and is compared per element.
    check : callable
        Takes the result and raises AssertionError if it is wrong; called before each timing.
    returns_seconds : bool
        Whether the call does the work in another process and returns the seconds that it took there.

    """

    call: Callable[[], object]
    elements: float
    check: Callable[[object], None]
    returns_seconds: bool = False


@dataclass(frozen=True)
class Missing:
    """A contender whose library is not installed here: not run, and said in the report."""

    library: str


@dataclass(frozen=True)
class Target:
    """A stated aim: at least so many times as fast as `peer`, or as the fraction of the speed of the binding floor.

    For `peer` "seconds" it is the largest time per element.
    """

    peer: str
    bound: float


@dataclass(frozen=True)
class Case:
    """One operation at one size.

    Parameters
    ----------
    group : str
        Operation and size.
    contenders : mapping of str to Contender or Missing
        `OURS` first, peers after it.
    floor : mapping of str to float
        Parts of the work per element (see floors.py), such as ``{"philox": 1}``.
    targets : tuple of Target
        Aims, if any.
    threads : int
        Threads of the contender with the most of them.
    given : int, optional
        Bytes of the arrays that the call is given, of a case without `floor`: it cannot take less time than it takes to
        read them once, or to write its result.

    """

    group: str
    contenders: Mapping[str, Contender | Missing]
    floor: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    targets: tuple[Target, ...] = ()
    threads: int = 1
    given: int | None = None


def of_library(library, call, elements, check):
    """Return the contender that a call is, which needs a library unless that is None."""
    if library is None or find_spec(library):
        return Contender(call, elements, check)
    return Missing(library)


def each_contender(cases):
    """Parametrise a test over every contender of every case whose library is here."""
    parameters = [
        pytest.param(case, name, id=f"{case.group}-{name}")
        for case in cases
        for name, contender in case.contenders.items()
        if not isinstance(contender, Missing)
    ]
    return pytest.mark.parametrize(("case", "name"), parameters)
