"""What is compared with what: one `Case` per operation and size, run by pytest-benchmark and by report.py alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    contenders : mapping of str to Contender
        `OURS` first, peers after it.
    floor : mapping of str to float
        Parts of the work per element (see floors.py), such as ``{"philox": 1}``.
    targets : tuple of Target
        Aims, if any.
    threads : int
        Threads of the contender with the most of them.

    """

    group: str
    contenders: Mapping[str, Contender]
    floor: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    targets: tuple[Target, ...] = ()
    threads: int = 1


def each_contender(cases):
    """Parametrise a test over every contender of every case."""
    parameters = [pytest.param(case, name, id=f"{case.group}-{name}") for case in cases for name in case.contenders]
    return pytest.mark.parametrize(("case", "name"), parameters)
