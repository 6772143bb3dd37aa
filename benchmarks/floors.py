"""Floors: how fast this processor, with the instruction set in use, can do the parts that an operation is made of.

An operation that reads so many bytes, takes so many exponentials and needs so many random words cannot take less time
than the slowest of these parts alone: `which` says which one that is. Each floor is also a plain function that does so
much of its part, so that a benchmark can time it in turn with what it is compared with.

The loops are in floors.inc, compiled on first use by the system's C compiler into the folder for temporary files.
"""

import ctypes
import dataclasses
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

import alignment_fast as af
from alignment_fast.kernels.common import cpu

SOURCES = [Path(__file__).parent / name for name in ("floors.c", "floors.inc")]
FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
FIRST_LEVEL = 1024  # elements: input and output of an exponential stay in the first level of cache
MEMORY = 1 << 23  # float64 elements, 64 MiB: beyond the caches


class _Table(ctypes.Structure):
    """The row of floors.inc."""

    _fields_ = (
        ("isa", ctypes.c_char_p),
        ("read", ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_ssize_t, ctypes.c_void_p)),
        ("exp_f64", ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)),
        ("exp_f32", ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)),
        ("fma_f64", ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_ssize_t)),
        ("philox", ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_ssize_t)),
        ("pairs_f32", ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)),
        ("pairs_f64", ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)),
        ("fmas_per_step", ctypes.c_ssize_t),
        ("words_per_step", ctypes.c_ssize_t),
    )


@cache
def _table():
    """Compile the loops unless that was done before, and return the row of the instruction set in use."""
    text = b"".join(source.read_bytes() for source in SOURCES)
    name = f"alignment_fast_floors_{os.getuid()}_{hashlib.sha256(text).hexdigest()[:16]}.so"
    library = Path(tempfile.gettempdir(), name)
    if not library.exists():
        compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
        if compiler is None:
            raise RuntimeError("floors need a C compiler")
        unfinished = library.with_suffix(f".{os.getpid()}")
        include = ["-I", af.get_include(), "-I", str(SOURCES[0].parent)]
        subprocess.run(
            [compiler, *FLAGS, *include, "-shared", "-fPIC", str(SOURCES[0]), "-o", str(unfinished)], check=True
        )
        unfinished.rename(library)
    floors = ctypes.CDLL(str(library)).floors
    floors.restype = ctypes.POINTER(_Table)
    return floors(cpu.ISA.encode()).contents


@cache
def _array(length, dtype):
    """Return an array whose pages exist, with values in [-1, 1)."""
    return np.linspace(-1, 1, length, endpoint=False, dtype=dtype)


def read(count):
    """Read `count` bytes of memory."""
    x = _array(MEMORY, np.float64)
    for start in range(0, max(1, int(count) // 8), len(x)):
        _table().read(min(len(x), int(count) // 8 - start), x.ctypes.data)


def copy(count):
    """Read `count` bytes of memory and write as many."""
    x, y = _array(MEMORY, np.float64), _array(MEMORY + 1, np.float64)[:-1]
    for start in range(0, max(1, int(count) // 8), len(x)):
        part = min(len(x), int(count) // 8 - start)
        np.copyto(y[:part], x[:part])


def write(count):
    """Write `count` bytes of memory."""
    x = _array(MEMORY + 2, np.float64)
    for start in range(0, max(1, int(count) // 8), len(x)):
        x[: int(count) // 8 - start].fill(0.0)


def _exp(function, count, dtype):
    x, y = _array(FIRST_LEVEL, dtype), _array(FIRST_LEVEL + 64, dtype)[:FIRST_LEVEL]
    function(max(1, round(count / FIRST_LEVEL)), FIRST_LEVEL, x.ctypes.data, y.ctypes.data)


def exp_f64(count):
    """Take `count` exponentials, rounded to a multiple of `FIRST_LEVEL`."""
    _exp(_table().exp_f64, count, np.float64)


def exp_f32(count):
    """Take `count` exponentials, rounded to a multiple of `FIRST_LEVEL`."""
    _exp(_table().exp_f32, count, np.float32)


def fma_f64(count):
    """Do `count` fused products in registers."""
    _table().fma_f64(max(1, round(count / _table().fmas_per_step)))


def philox(count):
    """Make `count` 32-bit words by the rounds of Philox4x32-10, in registers."""
    _table().philox(max(1, round(count / _table().words_per_step)))


@cache
def _six(dtype):
    """Return pointers to four arrays in and two out, beyond the caches, and the arrays."""
    arrays = [np.ones(MEMORY // 2, dtype) for _ in range(6)]
    pointers = [x.ctypes.data for x in arrays]
    return (ctypes.c_void_p * 4)(*pointers[:4]), (ctypes.c_void_p * 2)(*pointers[4:]), arrays


def _pairs(function, count, dtype):
    given, taken, _ = _six(dtype)
    for start in range(0, int(count), MEMORY // 2):
        function(min(MEMORY // 2, int(count) - start), given, taken)


def pairs_float32(count):
    """Read four float32 arrays of `count` elements and write two, by plain stores."""
    _pairs(_table().pairs_f32, count, np.float32)


def pairs_float64(count):
    """Read four float64 arrays of `count` elements and write two, by plain stores."""
    _pairs(_table().pairs_f64, count, np.float64)


def sort_f64(count):
    """Sort `count` random float64 values with NumPy, which does so with vectors where the processor has them."""
    np.sort(_shuffled(int(count)))


@cache
def _shuffled(count):
    return np.random.default_rng(0).permutation(count).astype(np.float64)


# Part -> (function, amount that takes a few milliseconds: short enough to fall between two interruptions).
PARTS = {
    "read": (read, 8 * MEMORY),
    "copy": (copy, 8 * MEMORY),
    "write": (write, 8 * MEMORY),
    "exp_f64": (exp_f64, 2e6),
    "exp_f32": (exp_f32, 4e6),
    "fma_f64": (fma_f64, 3e7),
    "philox": (philox, 3e6),
    "pairs_float32": (pairs_float32, MEMORY // 2),
    "pairs_float64": (pairs_float64, MEMORY // 2),
    "sort_f64": (sort_f64, 2**16),
}
REPETITIONS = 50


@cache
def rate(part):
    """Return how much of `part` this processor does in a second: the best of `REPETITIONS` short runs."""
    function, amount = PARTS[part]
    function(amount)
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        function(amount)
        times.append(time.perf_counter() - start)
    return amount / min(times)


@dataclass(frozen=True)
class Floor:
    """The part that binds, and the least time in seconds that it leaves."""

    part: str
    seconds: float


SMALLEST = 1 << 18  # bytes: below, the call from Python that reads them takes a large part of the time


def size_of(result):
    """Return the bytes of the arrays of a result, of its fields and parts."""
    if dataclasses.is_dataclass(result):
        result = [getattr(result, field.name) for field in dataclasses.fields(result)]
    if isinstance(result, tuple | list):
        return sum(map(size_of, result))
    return result.nbytes if isinstance(result, np.ndarray) else 0


def of_data(given, made):
    """Return (part, call): reading so many bytes once or writing so many, or a call that makes an array at all."""
    calls = {"read": partial(read, given), "write": partial(write, made)}
    amounts = {"read": given, "write": made}
    if max(amounts.values()) < SMALLEST:
        return "call", partial(np.empty, min(made // 8, FIRST_LEVEL))
    seconds = {}
    for part, call in calls.items():
        if amounts[part] >= SMALLEST:
            call()
            start = time.perf_counter()
            call()
            seconds[part] = time.perf_counter() - start
    part = max(seconds, key=seconds.__getitem__)
    return part, calls[part]


def which(**amounts):
    """Return the floor that binds for so much of each part: ``which(read=8e6, exp_f64=1e6)``."""
    return max((Floor(part, amount / rate(part)) for part, amount in amounts.items()), key=lambda floor: floor.seconds)


if __name__ == "__main__":
    print(f"instruction set {cpu.ISA}")
    for part in PARTS:
        print(f"{part:8} {rate(part) / 1e9:8.2f} G/s")
