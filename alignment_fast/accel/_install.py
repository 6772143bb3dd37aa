"""Hosts are installed and uninstalled, and what became of their calls is reported."""

import os
import sys
from _thread import RLock  # threading would cost every process that has the variable a millisecond
from operator import attrgetter
from typing import NamedTuple

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.accel._hosts import DEFAULT, HOSTS, refusal

VARIABLE = "ALIGNMENT_FAST_ACCEL"
VERBOSE = VARIABLE + "_VERBOSE"
START_FILE = "alignment_fast_accel.pth"
_lock = RLock()
_active: dict = {}  # host -> {where: Detour}
_refused: dict = {}  # host -> reason
_children_count_apart = False


class Row(NamedTuple):
    """What happened to the calls of one function of a host, in this process and in those it started.

    Parameters
    ----------
    function : str
        "choix.lsr.ilsr_pairwise"; the name of a host that was refused.
    calls, accelerated, fell_back : int
        All calls, those of the fast version, and those that the host's own code made.
    reasons : dict of str to int
        Why calls fell back, and how many did; of processes that were killed, each reason once.
    seconds : float
        Time in accelerated calls.
    refused : str
        Why the host was left alone; "" where it was not.

    """

    function: str
    calls: int
    accelerated: int
    fell_back: int
    reasons: dict
    seconds: float
    refused: str = ""


def _check_names(hosts):
    for name in hosts:
        if name not in HOSTS:
            raise ValueError(f"hosts: {refusal(name)}")


def install(*hosts: str, inherit: bool = True) -> None:
    """Accelerate `hosts`, imported already or later; what is installed stays as it is.

    Parameters
    ----------
    *hosts : str
        Names in `HOSTS`; none stands for all but those that other packages call, too (``scipy``).
    inherit : bool, default True
        Whether processes that this one starts accelerate the same hosts, by the environment variable
        ``ALIGNMENT_FAST_ACCEL``; their calls are then counted in `report`.

    Raises
    ------
    ValueError
        For a host that is not known, or whose functions cannot be replaced.

    """
    _check_names(hosts)
    if not isinstance(inherit, bool):
        from alignment_fast._border.scalars import as_flag  # loads NumPy

        inherit = as_flag(inherit, "inherit")
    from alignment_fast.accel._imports import after_import

    with _lock:
        if inherit:
            from alignment_fast.accel._counts import share

            share()
        for name in hosts or DEFAULT:
            if name not in _active:
                _active[name] = {}
                for module in HOSTS[name].modules:
                    after_import(module, name, lambda found, host=HOSTS[name]: _replace_functions(found, host))
        if inherit:
            os.environ[VARIABLE] = ",".join(_active)


def _replace_functions(module, host):
    """Put the fast functions into a module of the host; only now are its version and NumPy checked."""
    import importlib
    import importlib.metadata

    from alignment_fast.accel._counts import counts_of, write_reasons
    from alignment_fast.accel._detour import Detour

    if host.name in _refused or host.name not in _active:
        return
    try:
        version = importlib.metadata.version(host.distribution) if host.distribution else ""
        if host.distribution and not version.startswith(host.versions):
            raise UnsupportedError(f"version {version} is not one of those tried: {', '.join(host.versions)}")
        table = importlib.import_module(f"alignment_fast.accel.hosts.{host.name}")
        if not host.distribution:
            _check_sources(module, table.SOURCES)
        _count_children_apart()
        for name, fast in table.FUNCTIONS[module.__name__].items():
            where = f"{module.__name__}.{name}"
            _active[host.name][where] = Detour(attrgetter(name)(module), fast, where, counts_of(where), write_reasons)
    except Exception as error:  # the import of the host must not fail for it
        _refused[host.name] = str(error) if isinstance(error, UnsupportedError) else f"{type(error).__name__}: {error}"
        for detour in _active[host.name].values():
            detour.remove()
        _active[host.name].clear()


def _check_sources(module, digests):
    """Raise UnsupportedError where a function of the module is another than the one that was tried."""
    import hashlib
    import inspect

    for name, digest in digests.items():
        if hashlib.sha256(inspect.getsource(getattr(module, name)).encode()).hexdigest() != digest:
            raise UnsupportedError(f"{name} is not the one that was tried")


def _count_children_apart():
    """Give a forked child counts of its own, and have every process leave its reasons when it ends."""
    global _children_count_apart
    if _children_count_apart:
        return
    _children_count_apart = True
    import atexit

    from alignment_fast.accel._counts import counts_of, write_reasons

    def each():
        return [detour for detours in _active.values() for detour in detours.values()]

    def start_anew():
        for detour in each():
            detour.reasons.clear()
            detour.count_in(counts_of(detour.where))

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=start_anew)
    atexit.register(lambda: [write_reasons(detour.where, detour.reasons) for detour in each()])


def uninstall(*hosts: str) -> None:
    """Give `hosts` (none stands for all) their own code back, everywhere.

    Raises
    ------
    ValueError
        For a host that is not known.

    """
    _check_names(hosts)
    from alignment_fast.accel._imports import forget

    with _lock:
        for host in hosts or tuple(_active):
            forget(host)
            _refused.pop(host, None)
            for detour in _active.pop(host, {}).values():
                detour.remove()
        if VARIABLE in os.environ:
            os.environ[VARIABLE] = ",".join(_active)


def installed() -> tuple[str, ...]:
    """Return the names of the hosts that are accelerated, or will be once they are imported."""
    return tuple(_active)


def report() -> list[Row]:
    """Return a row for each replaced function, this process and its children together, and for each refused host."""
    from alignment_fast.accel._counts import of_all_processes, write_reasons

    detours = {where: detour for functions in _active.values() for where, detour in functions.items()}
    for where, detour in detours.items():
        write_reasons(where, detour.reasons)
    shared = of_all_processes()
    rows = []
    for where in sorted({*detours, *shared}):
        counts, reasons = shared.get(where) or (detours[where].counts, detours[where].reasons)
        accelerated, fell_back, nanoseconds = counts
        rows.append(Row(where, accelerated + fell_back, accelerated, fell_back, dict(reasons), 1e-9 * nanoseconds))
    return rows + [Row(host, 0, 0, 0, {}, 0.0, why) for host, why in sorted(_refused.items())]


def print_report(file=None) -> None:
    """Print `report`, the functions that were called, to `file` (default: standard error)."""
    file = sys.stderr if file is None else file
    for row in report():
        if row.refused:
            print(f"accel: {row.function}: left alone: {row.refused}", file=file)
        elif row.calls:
            print(
                f"accel: {row.function}: {row.calls} calls, {row.accelerated} accelerated in {row.seconds:.3g} s, "
                f"{row.fell_back} fell back",
                file=file,
            )
            for reason, calls in sorted(row.reasons.items(), key=lambda item: -item[1]):
                print(f"accel:     {calls} x {reason}", file=file)


def start() -> None:
    """Install what the environment variable names: called when Python starts, by ``alignment_fast_accel.pth``."""
    try:
        asked = [host for host in os.environ[VARIABLE].split(",") if host]
        known = [host for host in asked if host in HOSTS]
        if known != asked:
            print(f"accel: hosts: {refusal(next(host for host in asked if host not in HOSTS))}", file=sys.stderr)
        if not known:
            return
        install(*known)
        if os.environ.get(VERBOSE, "") not in ("", "0") and "ALIGNMENT_FAST_ACCEL_CHILD" not in os.environ:
            import atexit

            os.environ["ALIGNMENT_FAST_ACCEL_CHILD"] = "1"  # one report, of the process that began
            atexit.register(print_report)
    except Exception as error:  # never stop a foreign program
        print(f"accel: not installed: {error}", file=sys.stderr)
