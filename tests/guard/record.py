"""The file ``results.json``: what every result was, for each instruction set, and what it was made with.

One line is one case: its kind, and its hash for each of `ISAS` (null where there is none yet).
"""

import contextlib
import ctypes
import io
import json
import platform
from pathlib import Path

import numpy as np
import scipy

FILE = Path(__file__).with_name("results.json")
ISAS = ("baseline", "avx2", "avx512")


def read(file=FILE):
    """Return {"made_with": {isa: fingerprint}, "cases": {name: [kind, hash, ...]}}; both empty without a file."""
    if not file.exists():
        return {"made_with": {}, "cases": {}}
    return json.loads(file.read_text())


def write(record, file=FILE):
    """Write the record, one line per case."""
    sections = []
    for title in ("made_with", "cases"):
        lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(record[title].items()))
        sections.append(f'"{title}": {{\n' + ",\n".join(lines) + "\n}")
    file.write_text("{\n" + ",\n".join(sections) + "\n}\n")


def fingerprint():
    """Return what the last bits of results by libraries depend on: versions, and the code that they chose to run.

    NumPy and BLAS choose by processor, and so does the C library, from the same features.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        config = np.show_config(mode="dicts")
    return {
        "machine": platform.machine(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numpy_cpu_features": " ".join(config["SIMD Extensions"].get("found", [])),
        "blas": [_blas_core(np), _blas_core(scipy)],
        "libc": " ".join(platform.libc_ver()),
    }


def _blas_core(package):
    """Return the name of the processor that the OpenBLAS in the wheel of `package` has chosen its code for."""
    folder = Path(package.__file__).parent.with_name(f"{package.__name__}.libs")
    for library in sorted(folder.glob("libscipy_openblas*")):
        for suffix in ("64_", ""):
            with contextlib.suppress(AttributeError):
                name = getattr(ctypes.CDLL(str(library)), f"scipy_openblas_get_corename{suffix}")
                name.restype = ctypes.c_char_p
                return name().decode()
    return "unknown"
