"""Fuzzes every reader and the border that arrays cross, by the lines of the package that an input reaches (atheris).

    pip install atheris; python -P tests/hardening/fuzz.py [--runs N] [--seconds N] [--keep] [HARNESS...]

N inputs for every harness (`harnesses.py`), or N seconds of each. They begin with the inputs of the folder ``corpus``;
with ``--keep`` those that reach new lines are put there, smallest first. Without atheris the inputs that are kept are
run once each. An input that a harness fails on is written to the working folder, and named.
"""

import argparse
import importlib
import importlib.util
import os
import shlex
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]
LARGEST = {"store": 1 << 16, "parquet": 1 << 14}  # bytes of an input

REACHED = {  # modules whose lines count; those of `tables` where a harness is not named
    "commands": ["commands", "tables"],
    "spec": ["studies.spec"],
    "store": ["studies.store"],
    "border": ["best_of_n", "information", "pairwise", "policy", "ranking"],
}


def fuzz(name, options):
    """Fuzz one harness in this process, which ends with it.

    LAUNCHER is the program that libFuzzer runs again where it merges: this script is none by itself.
    """
    import atheris

    with atheris.instrument_imports(include=["alignment_fast"]):
        for module in REACHED.get(name, ["tables"]):
            importlib.import_module(f"alignment_fast.{module}")
    import harnesses

    warnings.simplefilter("ignore")
    atheris.Setup([os.environ.get("LAUNCHER", sys.argv[0]), *options], harnesses.HARNESSES[name])
    atheris.Fuzz()


def replay(name):
    """Run the inputs of a harness that are kept; return how many there are."""
    import harnesses

    inputs = sorted((CORPUS / name).iterdir())
    for path in inputs:
        harnesses.HARNESSES[name](path.read_bytes())
    return len(inputs)


def keep(name, command, largest, folder):
    """Put beside the inputs that are kept those of `folder` that reach lines which none of them reaches."""
    with tempfile.TemporaryDirectory() as beside:
        launcher = Path(beside, "launcher")
        launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', "utf-8")
        launcher.chmod(0o755)
        subprocess.run(
            [*command, "-merge=1", "-use_counters=0", *largest, str(CORPUS / name), folder],
            env={**os.environ, "PYTHONHASHSEED": "0", "LAUNCHER": str(launcher)},
            capture_output=True,
            check=True,
        )


def begun(name, arguments):
    """Fuzz one harness in a process of its own; return whether it is without a fault."""
    with tempfile.TemporaryDirectory() as folder:
        limits = [f"-max_total_time={arguments.seconds}"] if arguments.seconds else [f"-runs={arguments.runs}"]
        fixed = [
            "-seed=1",
            f"-max_len={LARGEST.get(name, 4096)}",
            "-verbosity=0",
            "-print_final_stats=1",
            "-timeout=60",
            "-report_slow_units=60",
        ]
        command = [sys.executable, "-P", __file__, "--inside", name]
        process = subprocess.run(
            [*command, *limits, *fixed, folder, str(CORPUS / name)],
            env={**os.environ, "PYTHONHASHSEED": "0"},  # the same inputs every time
            capture_output=True,
            text=True,
            errors="replace",
        )
        for line in process.stderr.splitlines():
            if "number_of_executed_units" in line or "new_units_added" in line:
                print(f"{name}: {line.removeprefix('stat::')}", flush=True)
        if process.returncode:
            print(process.stdout[-3000:], process.stderr[-500:], sep="\n")
        elif arguments.keep:
            keep(name, command, fixed[1:2], folder)
        return process.returncode == 0


def main():
    if sys.argv[1:2] == ["--inside"]:
        fuzz(sys.argv[2], sys.argv[3:])
    import harnesses

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, metavar="N")
    parser.add_argument("--seconds", type=int, metavar="N")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*", metavar="HARNESS", default=list(harnesses.HARNESSES))
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        warnings.simplefilter("ignore")
        print("no atheris here: inputs that are kept,", {name: replay(name) for name in arguments.names})
        return 0
    faults = [name for name in arguments.names if not begun(name, arguments)]
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
