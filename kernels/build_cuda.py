"""From CUDA C++ to machine code by NVRTC: for a wheel (``ALIGNMENT_FAST_CUDA=1``), or when a kernel is first used.

The standard library alone is used, so that ``setup.py`` can run this file before anything is installed. Nothing is
fused but what a source fuses itself (``-fmad=false``): kernels of + - * / sqrt and fma keep the bits of the processor's
builds with fma.
"""

import ctypes
import hashlib
import importlib.util
import re
from pathlib import Path

FOLDER = Path(__file__).parent
# Machine code is built for these, and PTX for what is newer; PTX of the oldest one runs on all.
ARCHITECTURES = ("sm_80", "sm_90", "sm_100", "sm_120")
PTX = "compute_80"
FLAGS = ("-fmad=false", "-std=c++17", "-default-device", "-D__STDC_LIMIT_MACROS", "-diag-suppress=161,177,550")
_INCLUDED = re.compile(r'^\s*#\s*(?:include|define AF_EACH_TYPE)\s+"([^"]+)"', re.MULTILINE)


# Hashes of sources that a report of benchmarks/gpu.py found right on a device; without one a family is unproven.
PROVEN: frozenset[str] = frozenset()


def is_proven(family):
    """Return whether this version of the kernels of `family` was run on a device and found right."""
    return source_hash(family) in PROVEN


class CompileError(RuntimeError):
    """A source that NVRTC refused; the message is NVRTC's log."""


class CompilerMissingError(ImportError):
    """No NVRTC could be found."""


def families(folder=FOLDER):
    """Return the families that have kernels for CUDA."""
    return sorted(source.parent.name for source in folder.glob("*/cuda.cu"))


def sources(family, folder=FOLDER):
    """Return every file that the kernels of `family` are made of, the first one ``cuda.cu``."""
    found, waiting = [], [folder / family / "cuda.cu"]
    while waiting:
        file = waiting.pop(0)
        found.append(file)
        for name in _INCLUDED.findall(file.read_text("utf-8")):
            below = next(path for path in (folder / name, folder / "include" / name) if path.exists())
            if below not in found and below not in waiting:
                waiting.append(below)
    return found


def source_hash(family, folder=FOLDER):
    """Return the name of this version of the kernels of `family`: a hash of their sources and the flags."""
    digest = hashlib.sha256(repr(FLAGS).encode())
    for file in sources(family, folder):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _candidates():
    """Yield paths and names of NVRTC, those of installed packages first, newer ones first."""
    spec = importlib.util.find_spec("nvidia")
    for place in list(spec.submodule_search_locations or ()) if spec else ():
        found = [*Path(place).glob("*/lib/libnvrtc.so.*"), *Path(place).glob("*/bin/**/nvrtc64_*.dll")]
        yield from sorted((str(path) for path in found if ".alt." not in path.name), reverse=True)
    yield from ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")


class Nvrtc:
    """NVRTC, found once.

    Attributes
    ----------
    version : tuple of int
        Of NVRTC.

    """

    def __init__(self):
        for candidate in _candidates():
            try:
                self._library = ctypes.CDLL(candidate)
                break
            except OSError:
                continue
        else:
            raise CompilerMissingError(
                "no NVRTC, NVIDIA's compiler for CUDA kernels: install alignment-fast[cuda12] or alignment-fast[cuda13]"
            )
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        self.version = major.value, minor.value

    def compile(self, text, target, name="kernel.cu", options=(), folder=FOLDER):
        """Return `text` as machine code for a `target` such as "sm_90", or as PTX for one such as "compute_80"."""
        include = [f"-I{folder}", f"-I{folder / 'include'}", f"-I{folder / 'include' / 'cuda_stub'}"]
        flags = [f"--gpu-architecture={target}".encode(), *(flag.encode() for flag in (*FLAGS, *include, *options))]
        program = ctypes.c_void_p()
        self._library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None)
        try:
            if self._library.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags)):
                raise CompileError(f"{name} for {target}: {self._text(program, 'ProgramLog').strip()}")
            return self._bytes(program, "PTX" if target.startswith("compute") else "CUBIN")
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def family(self, family, target, folder=FOLDER):
        """Return the kernels of `family`, compiled for `target`."""
        source = folder / family / "cuda.cu"
        return self.compile(source.read_text("utf-8"), target, f"{family}/cuda.cu", folder=folder)

    def _bytes(self, program, what):
        size = ctypes.c_size_t()
        getattr(self._library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        getattr(self._library, f"nvrtcGet{what}")(program, buffer)
        return buffer.raw

    def _text(self, program, what):
        return self._bytes(program, what).rstrip(b"\0").decode(errors="replace")


def build(family, into, folder=FOLDER):
    """Write the kernels of `family` for every architecture into the folder `into`; return the files."""
    nvrtc = Nvrtc()
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for target in (*ARCHITECTURES, PTX):
        file = into / f"cuda.{target}.{'ptx' if target == PTX else 'cubin'}"
        file.write_bytes(nvrtc.family(family, target, folder))
        written.append(file)
    return written
