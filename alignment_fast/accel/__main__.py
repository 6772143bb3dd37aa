"""Run a program accelerated: ``python -m alignment_fast.accel [-v] [--hosts A,B] SCRIPT ...`` or ``-m MODULE ...``."""

import argparse
import atexit
import os
import runpy
import sys

from alignment_fast.accel import _install as accel


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m alignment_fast.accel", description="Run an unchanged program with accelerated functions."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say at the end what was accelerated")
    parser.add_argument("--hosts", default="", help=f"packages, by commas (default: {','.join(accel.HOSTS)})")
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
