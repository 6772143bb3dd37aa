"""Where figures are taken: the variables that a process starts with, and what is said of the machine."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from alignment_fast.kernels.common import cpu

# Freed memory stays with the process: the page faults of fresh memory would fall on whoever comes after a peer with
# large temporaries.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
# Idle threads of other libraries go to sleep at once: they would spin beside what is measured.
THREADS = (*("OPENBLAS", "OMP", "MKL", "NUMBA"), "ALIGNMENT_FAST")
ASLEEP = {"OPENBLAS_THREAD_TIMEOUT": "4", "OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}
# Peers run as on a processor without more: NumPy, torch and OpenBLAS choose by what they find. NumPy refuses names that
# it does not have.
NUMPY_ABOVE_AVX2 = ("X86_V4", "AVX512_ICL", "AVX512_SPR")
PEERS = {
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell"},
    "baseline": {"ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Nehalem"},
}
# Packages whose versions a figure depends on; those that are not here are said to be missing.
PACKAGES = (
    *("alignment-fast", "numpy", "scipy", "numba", "torch", "jax", "evalica", "choix", "scikit-learn", "statsmodels"),
    *("arena-rank", "trl", "liger-kernel", "dit", "pandas", "pyarrow"),
)


def environment_of(isa, threads):
    """Return what makes this package and its peers use an instruction set and so many threads."""
    found = {**ENVIRONMENT, **ASLEEP, "ALIGNMENT_FAST_ISA": isa}
    found |= {f"{library}_NUM_THREADS": str(threads) for library in THREADS}
    if isa in PEERS:
        umath = np._core._multiarray_umath
        above = NUMPY_ABOVE_AVX2 if isa == "avx2" else umath.__cpu_dispatch__
        found["NPY_DISABLE_CPU_FEATURES"] = " ".join(name for name in above if umath.__cpu_features__.get(name))
        found |= PEERS[isa]
    return found


def compiler():
    """Return what compiled the kernels in use, as it wrote into them: ``GCC 12.2.0``."""
    named = re.search(rb"GCC: \([^)]*\) ([0-9.]+)", Path(cpu.__file__).read_bytes())
    return f"GCC {named[1].decode()}" if named else "another compiler"


def processor():
    """Return the processor's name, as far as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory():
    """Return the MiB of memory of this machine, or None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    except (AttributeError, ValueError, OSError):
        return None


def load():
    """Return how many processes ran or waited for a processor in the last minute, or None."""
    try:
        return round(os.getloadavg()[0], 1)
    except (AttributeError, OSError):
        return None


def machine():
    """Return what is said of the machine."""
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "memory_mib": memory(),
        "system": platform.platform(),
        "compiler": compiler(),
    }


def versions():
    """Return the versions of what takes part, None for what is not installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
