"""Requests to the system that fail: builds ``faults.c`` and speaks to it in a process that has it preloaded."""

import contextlib
import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
LOADED = "ALIGNMENT_FAST_FAULTS"  # set where the library is preloaded


def why_not():
    """Return why no faults can be made here, or None."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return "faults are made by a library for Linux with glibc"
    return None if shutil.which("gcc") else "no gcc to compile the library that makes faults"


def run_inside(script, *arguments):
    """Run a script with faults at hand, every Python of it fresh; return its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "faults.so"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
        environment = {"LD_PRELOAD": str(library), LOADED: "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-P", "-X", "faulthandler", script, *arguments]
        return subprocess.run(command, env={**os.environ, **environment}).returncode


def inside():
    """Return whether this process has the library."""
    return LOADED in os.environ


def library():
    found = ctypes.CDLL(None)
    found.faults_memory.argtypes = [ctypes.c_char_p, ctypes.c_long]
    found.faults_disk.argtypes = [ctypes.c_long, ctypes.c_int]
    for name in ("faults_memory_requests", "faults_memory_live", "faults_disk_requests"):
        getattr(found, name).restype = ctypes.c_long
    return found


@contextlib.contextmanager
def memory(of, at=0):
    """Let allocation `at` by libraries whose path holds `of` fail within the block; yield a function of (asked, live).

    It tells how many allocations there have been, and how many of them have not been given back.
    """
    faults = library()
    faults.faults_memory(of.encode(), at)
    try:
        yield lambda: (faults.faults_memory_requests(), faults.faults_memory_live())
    finally:
        faults.faults_memory(None, 0)


@contextlib.contextmanager
def disk(at=0, stays_full=True):
    """Let write `at` fail within the block, and those after it; yield a function that tells how many there were."""
    faults = library()
    faults.faults_disk(at, stays_full)
    try:
        yield faults.faults_disk_requests
    finally:
        faults.faults_disk(-1, 0)
