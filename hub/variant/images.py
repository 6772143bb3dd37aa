"""Machine code of the kernels for CUDA: of this folder, for the generation of the device, else its PTX."""

from pathlib import Path

from . import driver

_FOLDER = Path(__file__).parent


def library(family):
    """Return the `driver.Library` of the kernels of `family`."""
    return driver.Library(family, lambda capability: image(family, capability))


def image(family, capability):
    """Return code that runs on devices of a compute capability such as (9, 0), with a zero behind it."""
    major, newest = capability
    files = [_FOLDER / f"{family}.sm_{major}{minor}.cubin" for minor in range(newest, -1, -1)]
    files += sorted(_FOLDER.glob(f"{family}.compute_*.ptx"))
    return next(file for file in files if file.exists()).read_bytes() + b"\0"
