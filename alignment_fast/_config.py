"""What this installation is and can do: `show_config`, `get_include`."""

import importlib.metadata
import importlib.resources
import platform

OPTIONAL_LIBRARIES = ("numba", "torch", "jax", "cupy", "pyarrow", "matplotlib", "typer", "rich")


def get_include() -> str:
    """Return the folder to add to a C compiler's include path to use the headers ``alignment_fast/af_*.h``.

    Examples
    --------
    >>> import alignment_fast as af, pathlib
    >>> (pathlib.Path(af.get_include()) / "alignment_fast" / "af_math.h").exists()
    True

    """
    return str(importlib.resources.files("alignment_fast.kernels") / "include")


def _version(distribution):
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def instruction_set() -> str:
    """Return the name of the instruction set in use."""
    from alignment_fast.kernels.common import cpu

    return cpu.ISA


def gpu_names() -> list[str]:
    """Return the names of the CUDA devices that can be used, without failing where there is none."""
    from alignment_fast.kernels.common import driver

    return [driver.device(index)[0] for index in range(driver.device_count())]


def cuda() -> dict[str, object]:
    """Return what there is for CUDA: the driver, its devices, machine code by family, whether it was seen to run."""
    from alignment_fast.kernels import build_cuda
    from alignment_fast.kernels.common import driver, images

    found: dict[str, object] = {"driver": None, "devices": []}
    if driver.device_count():
        found["driver"] = "CUDA {}.{}".format(*driver.driver_version())
        devices = (driver.device(index) for index in range(driver.device_count()))
        found["devices"] = [f"{name}, compute capability {major}.{minor}" for name, (major, minor), _ in devices]
    for family in build_cuda.families():
        targets = ", ".join(images.shipped(family)) or "compiled when first used"
        proof = "proven on hardware" if build_cuda.is_proven(family) else "unproven on hardware"
        found[f"kernels of {family}"] = f"{targets}; {proof}"
    return found


def config() -> dict[str, object]:
    """Return version, instruction sets, threads, GPUs and versions of optional libraries; no paths."""
    from alignment_fast import __version__
    from alignment_fast.kernels.common import cpu, threads

    return {
        "alignment_fast": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "numpy": _version("numpy"),
        "scipy": _version("scipy"),
        "instruction set": instruction_set(),
        "instruction sets available": list(cpu.supported_isas()),
        "threads": threads.get_num_threads(),
        "cpus": threads.cpu_count(),
        "gpus": gpu_names(),
        "cuda": cuda(),
        "optional libraries": {name: _version(name) for name in OPTIONAL_LIBRARIES},
    }


def show_config() -> None:
    """Print what `config` returns, one line per entry.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.show_config()  # doctest: +ELLIPSIS
    alignment_fast: ...

    """
    for key, value in config().items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items() if version) or "none"
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        print(f"{key}: {value}")
