"""Counts of calls that survive their process: one file of each, mapped into memory, in a folder that processes share.

A worker of a pool is often killed rather than ended, so nothing may depend on what runs at its end: calls are
counted in the mapped file itself. A forked child begins a file of its own.
"""

import json
import os

FOLDER = "ALIGNMENT_FAST_ACCEL_COUNTS"
COLUMNS = 3  # accelerated, fell back, nanoseconds
# A file has a record for each function: its name, then the counts. Whoever needs more counts for itself alone.
_RECORD, _RECORDS, _NAME = 256, 128, 256 - 8 * COLUMNS
_files: dict = {}  # (process, folder) -> [map of its file, records in use]


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
    """Return integers [accelerated, fell back, nanoseconds], 0 at first, to count the calls of function `where` in."""
    folder = os.environ.get(FOLDER, "")
    if not os.path.isdir(folder):
        return [0] * COLUMNS
    key = os.getpid(), folder  # a forked child has a file of its own
    if key not in _files:
        import mmap

        path = os.path.join(folder, f"{os.getpid()}-{os.urandom(4).hex()}.counts")
        with open(path, "w+b") as file:
            file.truncate(_RECORD * _RECORDS)
            _files[key] = memoryview(mmap.mmap(file.fileno(), _RECORD * _RECORDS)), {}
    found, records = _files[key]
    name = where.encode()
    if where not in records:
        used = len(records)
        if used == _RECORDS or len(name) > _NAME:
            return [0] * COLUMNS
        record = found[_RECORD * used : _RECORD * (used + 1)]
        record[: len(name)] = name
        records[where] = record[_NAME:].cast("q")
    return records[where]  # the same when a function is replaced again


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
            with open(path, "rb") as file:
                records = file.read()
            for start in range(0, len(records), _RECORD):
                where = records[start : start + _NAME].rstrip(b"\0").decode()
                if where:
                    counts, _ = found.setdefault(where, ([0] * COLUMNS, {}))
                    own = memoryview(records)[start + _NAME : start + _RECORD].cast("q")
                    counts[:] = [one + other for one, other in zip(counts, own, strict=True)]
    return found
