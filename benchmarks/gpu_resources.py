"""What ptxas makes of every CUDA kernel: registers, spills and stack, for sm_80 and sm_90, without a GPU.

    python benchmarks/gpu_resources.py [docs/generated/gpu_resources.md]

Needs libNVVM and ptxas: the extra cuda12 or cuda13 brings both.
"""

import importlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FAMILIES = ("best_of_n",)
CAPABILITIES = ((8, 0), (9, 0))
PACKAGES = ("numba", "numba-cuda", "nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc")

HEAD = """# Resources of the CUDA kernels

Written by `python benchmarks/gpu_resources.py docs/generated/gpu_resources.md`; a test holds every kernel to at most
64 registers and no spills. Compiled with {versions}.

| kernel | target | registers | spilled bytes | stack bytes | float64 lines in PTX | fused products |
|---|---|---|---|---|---|---|
"""


def ptxas():
    """Return the path of ptxas: that of the NVIDIA packages, else the one on the search path."""
    nvidia = importlib.util.find_spec("nvidia")
    folders = nvidia.submodule_search_locations if nvidia else ()
    found = next((file for folder in folders for file in Path(folder).rglob("ptxas")), None)
    path = found or shutil.which("ptxas")
    if path is None:
        raise SystemExit("ptxas was not found; install alignment-fast[cuda12] or alignment-fast[cuda13]")
    return str(path)


def resources(text, capability):
    """Return (registers, spilled bytes, stack bytes) of the one kernel in the PTX `text`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kernel.ptx")
        file.write_text(text)
        target = "sm_{}{}".format(*capability)
        command = [ptxas(), "-v", f"-arch={target}", str(file), "-o", str(Path(folder, "kernel.cubin"))]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    stack, stores, loads = map(int, re.search(r"(\d+) bytes stack frame, (\d+) .*?, (\d+)", report).groups())
    return int(re.search(r"Used (\d+) registers", report)[1]), stores + loads, stack


def rows():
    """Yield one table row per kernel and target."""
    from alignment_fast.kernels.common import gpu

    for family in FAMILIES:
        module = importlib.import_module(f"alignment_fast.kernels.{family}.gpu")
        for kernel, signature in module.SIGNATURES.items():
            for capability in CAPABILITIES:
                text = gpu.ptx(kernel, signature, capability)
                registers, spilled, stack = resources(text, capability)
                doubles = sum(".f64" in line for line in text.splitlines())
                name = f"{family}.{kernel.py_func.__name__.removesuffix('_kernel')}"
                target = "sm_{}{}".format(*capability)
                yield f"| {name} | {target} | {registers} | {spilled} | {stack} | {doubles} | {text.count('fma.')} |"


def versions():
    """Return the versions of everything that has a part in the code."""
    installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
    compiler = subprocess.run([ptxas(), "--version"], capture_output=True, text=True, check=True).stdout
    names = [f"{name} {installed[name]}" for name in PACKAGES if name in installed]
    return ", ".join([*names, f"ptxas {re.search(r'V([0-9.]+)', compiler)[1]}"])


def report():
    """Return the page as text."""
    return HEAD.format(versions=versions()) + "\n".join(rows()) + "\n"


if __name__ == "__main__":
    page = report()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page, encoding="utf-8")
    else:
        print(page, end="")
