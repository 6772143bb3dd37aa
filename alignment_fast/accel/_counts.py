"""Counts of calls that survive their process: small files, mapped into memory, in a folder that processes share.

A worker of a pool is often killed rather than ended, so nothing may depend on what runs at its end: calls are
counted in the mapped file itself. A forked child begins a file of its own.
"""

import json
import os

FOLDER = "ALIGNMENT_FAST_ACCEL_COUNTS"
COLUMNS = 3  # accelerated, fell back, nanoseconds
_SIZE = 8 * COLUMNS


def share():
    """Make the folder, unless this process was given one, and have it removed when this process ends."""
    if FOLDER in os.environ:
        return
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="alignment_fast_accel_")
    os.environ[FOLDER] = folder
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)


def counts_of(where):
    """Return integers [accelerated, fell back, nanoseconds], all 0, to count the calls of function `where` in."""
    folder = os.environ.get(FOLDER, "")
    if not os.path.isdir(folder):
        return [0] * COLUMNS
    import mmap

    path = os.path.join(folder, f"{os.getpid()}-{os.urandom(4).hex()}-{where}")
    with open(path, "w+b") as file:
        file.truncate(_SIZE)
        return memoryview(mmap.mmap(file.fileno(), _SIZE)).cast("q")


def write_reasons(where, reasons):
    """Leave the reasons of this process's fall-backs for the others."""
    folder = os.environ.get(FOLDER, "")
    if reasons and os.path.isdir(folder):
        with open(os.path.join(folder, f"{os.getpid()}-{where}.json"), "w", encoding="utf-8") as file:
            json.dump(reasons, file)


def of_all_processes():
    """Return {where: ([accelerated, fell back, nanoseconds], {reason: calls})} over all processes of the folder."""
    folder = os.environ.get(FOLDER, "")
    found = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if name.endswith(".json"):
            where = name.removesuffix(".json").split("-", 1)[1]
            counts, reasons = found.setdefault(where, ([0] * COLUMNS, {}))
            try:
                with open(path, encoding="utf-8") as file:
                    own = json.load(file)
            except ValueError:  # being written
                continue
            for reason, calls in own.items():
                reasons[reason] = reasons.get(reason, 0) + calls
        else:
            counts, _ = found.setdefault(name.split("-", 2)[2], ([0] * COLUMNS, {}))
            with open(path, "rb") as file:
                own = memoryview(file.read().ljust(_SIZE, b"\0")).cast("q")
            for column in range(COLUMNS):
                counts[column] += own[column]
    return found
