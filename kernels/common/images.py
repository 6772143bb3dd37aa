"""Machine code of a family's CUDA kernels: of the wheel, of the cache of this machine, or compiled when first used."""

import os
import tempfile
from pathlib import Path

from alignment_fast.kernels import build_cuda
from alignment_fast.kernels.common import driver

_compiler = []  # NVRTC, once it was found


def library(family):
    """Return the `driver.Library` of the kernels of `family`."""
    return driver.Library(family, lambda capability: image(family, capability))


def image(family, capability):
    """Return code that runs on devices of a compute capability such as (9, 0), with a zero behind it.

    Machine code of a wheel for that generation, else compiled by NVRTC and kept in the cache, else the wheel's PTX.
    """
    shipped = _shipped(family, capability)
    if shipped is not None:
        return shipped.read_bytes() + b"\0"
    try:
        return compiled(family, "sm_{}{}".format(*capability)) + b"\0"
    except build_cuda.CompilerMissingError:
        ptx = build_cuda.FOLDER / family / f"cuda.{build_cuda.PTX}.ptx"
        if not ptx.exists():
            raise
        return ptx.read_bytes() + b"\0"


def _shipped(family, capability):
    """Return the file of the wheel for this generation of devices, of the newest minor version that runs; or None."""
    major, minor = capability
    for older in range(minor, -1, -1):
        file = build_cuda.FOLDER / family / f"cuda.sm_{major}{older}.cubin"
        if file.exists():
            return file
    return None


def shipped(family):
    """Return the targets that this installation has code of `family` for, in order."""
    return sorted(
        file.name.split(".")[1]
        for file in (build_cuda.FOLDER / family).glob("cuda.*.*")
        if file.suffix in (".cubin", ".ptx")
    )


def compiled(family, target):
    """Return the kernels of `family` for a target, from the cache or compiled now."""
    if not _compiler:
        _compiler.append(build_cuda.Nvrtc())
    version = "{}.{}".format(*_compiler[0].version)
    file = _cache() / f"{family}.{target}.{build_cuda.source_hash(family)}.nvrtc{version}"
    try:
        return file.read_bytes()
    except OSError:
        pass
    code = _compiler[0].family(family, target)
    _keep(file, code)
    return code


def _cache():
    root = os.environ.get("ALIGNMENT_FAST_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "alignment_fast"


def _keep(file, code):
    """Put `code` into the cache; where nothing can be written it is compiled once per process."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as half:
            half.write(code)
        os.replace(half.name, file)
    except OSError:
        pass
