"""How a figure is taken.

Whatever is compared runs in turn within each round, floors too, and a figure is the least time: load can only add to
one. Nothing is measured by one call: what takes longer than a round is called in at least `FEWEST` rounds after its
first call, which checks the result. Processor time of one thread, so that waiting for a processor does not count (a
peer that runs on threads of its own pays for all of them); elapsed time of several threads.

What goes wrong with a contender is its result: the others are measured all the same.
"""

import subprocess
import time
from dataclasses import dataclass, field

from alignment_fast.benchmarks import floors
from alignment_fast.benchmarks.cases import OURS, Missing

SHORTEST = 2e-3  # seconds of one measurement: calls are repeated up to it
GROWTH = 4  # of the number of calls until they fill it
FEWEST = 3  # measurements of each contender
LONGEST_REASON = 200


@dataclass(frozen=True)
class Limits:
    """How long a case may take.

    Parameters
    ----------
    rounds : int
        The most measurements of each contender.
    seconds : float
        After which there is no further round, once there were `FEWEST`.
    longest : float
        Seconds of the case as a whole: the slowest contenders are left out until it fits.

    """

    rounds: int = 15
    seconds: float = 1.0
    longest: float = 60.0


@dataclass
class Figure:
    """What is known of a case: seconds per element of each contender, why others have none, and the binding floor."""

    seconds: dict[str, float]
    failed: dict[str, str] = field(default_factory=dict)
    floor: tuple[str, float] | None = None


def measured(call, clock):
    """Return the seconds of one call, from as many as fill `SHORTEST`; the clock, as slow as a call, is read twice."""
    calls = 1
    while True:
        start = clock()
        for _ in range(calls):
            call()
        elapsed = clock() - start
        if elapsed >= SHORTEST:
            return elapsed / calls
        calls *= GROWTH


def reason(error):
    """Return in a line why a contender has no figure."""
    if isinstance(error, MemoryError):
        return "out of memory"
    said = " ".join(str(error).split())[:LONGEST_REASON]
    if isinstance(error, AssertionError):
        return f"wrong result: {said}" if said else "wrong result"
    return f"{type(error).__name__}: {said}"


class Measurement:
    """The contenders of a case that can be measured, and why the others cannot.

    Parameters
    ----------
    case : Case
        What is compared.
    longest : float
        Seconds that the case may take as a whole.
    tell : callable
        Takes the name of each contender before its first call: who may be the one that ends the process.
    without : collection of str
        Contenders that are left out.

    """

    def __init__(self, case, longest, tell, without=()):
        self.case, self.failed, self.made = case, {}, 0
        self.end = time.perf_counter() + longest
        first = {}
        for name, contender in case.contenders.items():
            if name not in without:
                tell(name)
                first[name] = self.first_call(name, contender)
        self.runs = {name: case.contenders[name] for name in first if name not in self.failed}
        self.drop_slow({name: first[name] for name in self.runs})

    def first_call(self, name, contender):
        """Return the seconds of a call whose result is checked; what goes wrong is kept."""
        if isinstance(contender, Missing):
            self.failed[name] = f"{contender.library} is not installed"
            return None
        start = time.perf_counter()
        try:
            result = contender.call()
            seconds = time.perf_counter() - start
            contender.check(result)
        except Exception as error:
            self.failed[name] = reason(error)
            return None
        if name == OURS:
            self.made = floors.size_of(result)
        return seconds

    def drop_slow(self, first):
        """Leave out the slowest until several calls of each fit into what is left of the time."""
        for name, seconds in sorted(first.items(), key=lambda one: -one[1]):
            left = sum(max(first[other], SHORTEST) for other in self.runs)
            if FEWEST * left <= self.end - time.perf_counter():
                return
            self.failed[name] = f"one call takes {seconds:.2g} s"
            del self.runs[name]

    def floor(self):
        """Return (part, call, elements) of the floor that binds; None where none is stated, or without a compiler."""
        case = self.case
        try:
            if case.floor:
                part = floors.which(**case.floor).part
                function, amount = floors.PARTS[part]
                return part, lambda: function(amount), amount / case.floor[part]
            if case.given is not None and OURS in self.runs:
                return *floors.of_data(case.given, self.made), self.runs[OURS].elements
        except (RuntimeError, OSError, subprocess.CalledProcessError):
            pass
        return None


def seconds_of(contender, clock):
    """Return the seconds per element of one measurement."""
    seconds = contender.call() if contender.returns_seconds else measured(contender.call, clock)
    return seconds / contender.elements


def figure_of(case, limits, tell=lambda name: None, without=()):
    """Return the figure of a case: least times of the rounds that fit into the limits, `FEWEST` at least."""
    measurement = Measurement(case, limits.longest, tell, without)
    floor = measurement.floor()
    clock = time.perf_counter if case.threads > 1 else time.process_time
    least, floor_seconds = dict.fromkeys(measurement.runs, float("inf")), float("inf")
    start = time.perf_counter()
    for done in range(limits.rounds):
        if not measurement.runs or (done >= FEWEST and time.perf_counter() - start > limits.seconds):
            break
        for name, contender in measurement.runs.items():
            least[name] = min(least[name], seconds_of(contender, clock))
        if floor:
            floor_seconds = min(floor_seconds, measured(floor[1], clock) / floor[2])
    return Figure(least, measurement.failed, (floor[0], floor_seconds) if floor and least else None)
