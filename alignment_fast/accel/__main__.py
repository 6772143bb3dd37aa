"""Run a program accelerated: ``python -m alignment_fast.accel [-v] [--hosts A,B] SCRIPT ...`` or ``-m MODULE ...``."""

import argparse
import atexit
import os
import runpy
import site
import sys

from alignment_fast.accel import _install as accel


def say_whether_the_variable_acts() -> None:
    """Say where Python does not look at the variable when it starts: editable installations lack the start file."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    if not any(os.path.exists(os.path.join(folder, accel.START_FILE)) for folder in folders):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), accel.START_FILE)
        print(
            f"accel: {accel.VARIABLE} has no effect on other programs here: {accel.START_FILE} is not in "
            f"site-packages, as after an editable installation; copy {source} there",
            file=sys.stderr,
        )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m alignment_fast.accel", description="Run an unchanged program with accelerated functions."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say at the end what was accelerated")
    others = ",".join(name for name in accel.HOSTS if name not in accel.DEFAULT)
    said = f"packages, by commas (default: {','.join(accel.DEFAULT)}; there is also {others})"
    parser.add_argument("--hosts", default="", help=said)
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="a module and its arguments")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="a script and its arguments")
    options = parser.parse_args()
    words = options.module or options.script
    if not words:
        parser.error("a script or -m MODULE is needed")
    try:
        accel.install(*[host for host in options.hosts.split(",") if host])
    except ValueError as error:
        parser.error(str(error))
    if options.verbose or os.environ.get(accel.VERBOSE, "") not in ("", "0"):
        atexit.register(accel.print_report)
        say_whether_the_variable_acts()
    sys.argv = words
    if options.module:
        if not sys.flags.safe_path:
            sys.path[0] = os.getcwd()
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        if not sys.flags.safe_path:
            sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
