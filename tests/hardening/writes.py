"""Lets every write of every command fail once: the disk is full from there on, or for that moment only.

    python -P tests/hardening/writes.py [--most K] [COMMAND...]

A write is one to a regular file, and what makes, renames, resizes or settles files. With its first write failing, then
its second, until none is left to fail, a command must end with exit code 2 and one line on standard error, or as usual
where it can do without (SQLite writes again later); every file that it was to write is the old or the whole new one;
no temporary file is left; what a store of a study said it had stays there, and the next run gives the usual table. Of
more than K writes per command K are spread evenly.
"""

import argparse
import contextlib
import io
import os
import re
import sqlite3
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]

import faults  # noqa: E402

OLD = b"what was there before\n"
STUDY = """\
name = "full"
seed = 3
replicates = 64

[[source]]
kind = "gaussian"

[[estimand]]
kind = "best_of_n"
block = 16
grid = { n = [2, 8] }
"""
STORE = "study", "run", "spec.toml", "--store", "out/study.db"
FEW_ROUNDS = "--rounds", "3", "--points", "2"
PROGRESS = re.compile(r"\d+/\d+ blocks; ")
NEW = "study new"  # which replaces no file


def commands():
    """Return {name: arguments}; files to read stand in the working folder."""
    from hostile import TABLES, as_csv

    found = {}
    for name, (header, rows, options) in TABLES.items():
        Path(f"{name}.csv").write_bytes(as_csv(header, rows))
        found[name] = (name, f"{name}.csv", *options, "--out", "out")
    Path("spec.toml").write_text(STUDY)
    run((*STORE[:3], "--store", "done.db"))
    return {
        **found,
        "study run": (*STORE, "--out", "out/table.csv", "--workers", "1"),
        "study new": ("study", "new", "best_of_n", "out/spec.toml"),
        "study report": ("study", "report", "spec.toml", "--store", "done.db", "--out", "out/page.html"),
        "study export": ("study", "export", "spec.toml", "--store", "done.db", "--out", "out/table.parquet"),
        "reproduce asymptotics": ("reproduce", "asymptotics", "--replicates", "100", "--threads", "1", "--out", "out"),
        "reproduce sampling": ("reproduce", "sampling", *FEW_ROUNDS, "--threads", "1", "--out", "out"),
    }


def run(arguments):
    """Run a command in this process; return exit code and standard error."""
    from alignment_fast import cli

    error = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error):
        try:
            code = cli.main(list(arguments))
        except BaseException as failure:
            return f"{type(failure).__name__}: {failure}", error.getvalue()
    return code, error.getvalue()


def contents():
    """Return {name: bytes} of the files in ``out``, but those of SQLite."""
    return {path.name: path.read_bytes() for path in Path("out").iterdir() if not path.name.startswith("study.db")}


def stored():
    """Return the blocks of the store by place."""
    if not Path("out/study.db").exists():
        return {}
    with contextlib.closing(sqlite3.connect("out/study.db")) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'block'").fetchone()[0]:
            return {}
        return {row[:2]: row[2] for row in connection.execute("SELECT cell, number, checksum FROM block")}


def begin(old=()):
    """Empty ``out``, and put old files there."""
    Path("out").mkdir(exist_ok=True)
    for path in Path("out").iterdir():
        path.unlink()
    for name in old:
        Path("out", name).write_bytes(OLD)


def wrong_after(arguments, usual, blocks, at, stays_full, replaces):
    """Return what is wrong when write `at` fails; `usual` are the files that should come out, and `blocks`.

    `replaces`: whether the command takes the place of files that are there.
    """
    begin(usual if replaces else ())
    with faults.disk(at, stays_full):
        code, error = run(arguments)
    found, kept = contents(), stored()
    if code not in (0, 2):
        return f"exit code {code}: {error[-300:]}"
    if stays_full and code == 0 and found != usual:
        return "exit code 0, but the files are not there"
    lines = [line for line in error.splitlines() if not PROGRESS.match(line)]
    if code == 2 and (len(lines) != 1 or not lines[0].startswith("error: ")):
        return f"not one line: {error[:300]!r}"
    for name, content in found.items():
        if content not in (usual.get(name), OLD):
            return f"{name} is neither the old file nor the new one ({len(content)} bytes)"
    if not kept.items() <= blocks.items():
        return "a stored block is not that of the quiet run"
    if not replaces:
        begin()
    code, error = run(arguments)
    if (code, contents(), stored()) != (0, usual, blocks):
        return f"the next run ends with {code}: {error}"
    return None


def faults_of(name, arguments, most):
    """Print what is wrong with a command whose writes fail; return how many failed, and how many went wrong."""
    begin()
    run(arguments)  # what is kept in the home folder is made now
    begin()
    with faults.disk() as asked:
        code, error = run(arguments)
        writes = asked()
    if code != 0:
        print(f"{name}: {code} {error}")
        return 0, 1
    usual, blocks, wrong, replaces = contents(), stored(), 0, name != NEW
    places = sorted({*np.linspace(1, writes, min(writes, most), dtype=int).tolist()})
    for at in places:
        for stays_full in (True, False):
            if fault := wrong_after(arguments, usual, blocks, at, stays_full, replaces):
                print(f"{name}: write {at} of {writes}{' and all after it' if stays_full else ''}: {fault}", flush=True)
                wrong += 1
    print(f"{name}: {len(places)} of {writes} writes failed", file=sys.stderr)
    return 2 * len(places), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10**6, metavar="K")
    parser.add_argument("names", nargs="*", metavar="COMMAND")
    arguments = parser.parse_args()
    if not faults.inside():
        if reason := faults.why_not():
            print(f"not run: {reason}")
            return 0
        return faults.run_inside(__file__, *sys.argv[1:])
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        chosen = {name: one for name, one in commands().items() if not arguments.names or name in arguments.names}
        counts = [faults_of(name, one, arguments.most) for name, one in chosen.items()]
        os.chdir("/")
    print(f"{len(chosen)} commands, {sum(count for count, _ in counts)} failures of writes")
    return 1 if not counts or any(wrong for _, wrong in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
