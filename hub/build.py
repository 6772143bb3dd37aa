"""Build of the operators of PyTorch as a kernel for Hugging Face's ``kernels``: a folder that its loader takes offline.

    python hub/build.py FOLDER

writes FOLDER/build/torch-cpu: modules of `alignment_fast.interop.torch` with what they need of the package, under
relative imports, and the loops of ``kernels/pairwise`` as a plain shared library of this platform, called through
ctypes. A variant depends on PyTorch alone, not on a version of Python, not on NumPy, and not on an installed
`alignment_fast`; its operators have a namespace of their own.

Where NVRTC is installed it writes FOLDER/build/torch-cuda too: the same for tensors of the processor, and the kernels
of ``kernels/pairwise/cuda.cu`` as machine code for every generation that wheels have, and as PTX for newer ones,
launched through NVIDIA's driver by ctypes.
"""

import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "hub" / "variant"
OPERATORS = (
    *("_batching", "_curvatures", "_library", "_pairs", "_scratch", "_tensors", "_tokens", "_vocabulary", "_dispatch"),
    *("linear", "margins", "preference", "sequence", "unpaired"),
)
# Of the rest of the package, by the names that the variant gives them.
SHARED = {
    "alignment_fast._border.place": ("place", "alignment_fast/_border/place.py"),
    "alignment_fast._border.words": ("words", "alignment_fast/_border/words.py"),
    "alignment_fast.errors": ("errors", "alignment_fast/errors.py"),
    "alignment_fast.kernels.common.threads": ("threads", "kernels/common/threads.py"),
    "alignment_fast.kernels.pairwise.structures": ("structures", "kernels/pairwise/structures.py"),
    "alignment_fast.pairwise._number": ("number", "alignment_fast/pairwise/_number.py"),
    "alignment_fast.pairwise.loss_types": ("loss_types", "alignment_fast/pairwise/loss_types.py"),
}
OWN = ("__init__", "_compiled", "layers")
# What the variants for CUDA have besides, and in whose place the variant for the processor has a module of its own.
OWN_OF_CUDA = ("devices", "driver", "dtypes", "images", "operations")
SHARED_OF_CUDA = {
    "_cuda": "alignment_fast/interop/torch/_cuda.py",
    "launches": "kernels/common/launches.py",
    "pairwise_cuda": "kernels/pairwise/cuda.py",
}
# Imports of those: the launches of kernels are written for NumPy's dtypes and a compiled table of the processor.
IMPORTS_OF_CUDA = {
    "from alignment_fast._border.devices import ": "from .devices import ",
    "from alignment_fast._operations import ": "from .operations import ",
    "from alignment_fast.kernels.common import ": "from . import ",
    "from alignment_fast.kernels.common.launches import ": "from .launches import ",
    "from alignment_fast.kernels.pairwise import cpu\n": "from . import _compiled as cpu\n",
    "import numpy as np\n": "from . import dtypes as np\n",
}
FLAGS = ("-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fvisibility=hidden")  # setup.py


def build(folder, optimisation="-O3", backend="cpu", targets=None):
    """Write the variant for a backend below `folder`, with kernels for `targets` (default: all); return its folder."""
    sources = texts(backend)
    binaries = {library_name(): compiled(optimisation)}
    if backend == "cuda":
        binaries |= device_code(targets)
    digest = hashlib.sha256(repr((sorted(sources.items()), sorted(binaries.items()))).encode()).hexdigest()[:10]
    namespace = f"_alignment_fast_{backend}_{digest}"
    variant = Path(folder) / "build" / f"torch-{backend}"
    shutil.rmtree(variant, ignore_errors=True)
    variant.mkdir(parents=True)
    for name, text in sources.items():
        (variant / f"{name}.py").write_text(renamed(text, namespace), encoding="utf-8")
    for name, code in binaries.items():
        (variant / name).write_bytes(code)
    metadata = {
        "id": namespace,
        "name": "alignment-fast",
        "version": 1,
        "license": "BSD-3-Clause",
        "python-depends": [],
        "backend": {"type": backend},
    }
    (variant / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return variant


def texts(backend):
    """Return the modules of a variant by name, with relative imports."""
    own = (*OWN, *(OWN_OF_CUDA if backend == "cuda" else ("_cuda",)))
    found = {name: (HERE / f"{name}.py").read_text("utf-8") for name in own}
    for name in OPERATORS:
        found[name] = relative((ROOT / f"alignment_fast/interop/torch/{name}.py").read_text("utf-8"))
    for name, path in SHARED.values():
        found[name] = relative((ROOT / path).read_text("utf-8"))
    for name, path in SHARED_OF_CUDA.items() if backend == "cuda" else ():
        text = (ROOT / path).read_text("utf-8")
        for before, after in IMPORTS_OF_CUDA.items():
            text = re.sub(f"^{re.escape(before)}", after, text, flags=re.MULTILINE)
        found[name] = relative(text)
    return found


def relative(text):
    """Return a module's text with its imports of the package relative to the variant; an error where one is left."""
    text = re.sub(r"^from alignment_fast\.interop\.torch import ", "from . import ", text, flags=re.MULTILINE)
    text = re.sub(r"^from alignment_fast\.interop\.torch\.(\w+) import ", r"from .\1 import ", text, flags=re.MULTILINE)
    for module, (name, _) in SHARED.items():
        text = re.sub(rf"^from {re.escape(module)} import ", f"from .{name} import ", text, flags=re.MULTILINE)
    left = re.findall(r"^(?:from alignment_fast|import alignment_fast|import numpy|from numpy).*", text, re.MULTILINE)
    if left:
        raise ValueError(f"a variant has no {left[0]!r}")
    return text


def renamed(text, namespace):
    """Return a module's text with the operators in another namespace of PyTorch."""
    text = text.replace("torch.ops.alignment_fast.", f"torch.ops.{namespace}.").replace(
        '"alignment_fast::', f'"{namespace}::'
    )
    return text.replace('Library("alignment_fast"', f'Library("{namespace}"')


def library_name():
    """Return the name of the shared library of this platform."""
    return f"pairwise-{os.uname().sysname}-{os.uname().machine}.so".lower()


def compiled(optimisation):
    """Return the shared library of the loops."""
    command = [
        *shlex.split(os.environ.get("CC", "cc")),
        *FLAGS,
        optimisation,
        "-shared",
        "-fPIC",
        "-mprefer-vector-width=512",
    ]
    if os.uname().machine != "x86_64":
        command.pop()
    command += ["-I", ROOT / "kernels/include", "-I", ROOT / "kernels", HERE / "library.c", "-lm", "-o"]
    target = Path(subprocess.check_output(["mktemp"], text=True).strip())
    try:
        subprocess.run([*command, target], check=True)
        return target.read_bytes()
    finally:
        target.unlink()


def device_code(targets=None):
    """Return the kernels for CUDA by the names of their files, for `targets` such as "sm_90" and "compute_80"."""
    spec = importlib.util.spec_from_file_location("build_cuda", ROOT / "kernels" / "build_cuda.py")
    build_cuda = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_cuda)
    targets = (*build_cuda.ARCHITECTURES, build_cuda.PTX) if targets is None else targets
    nvrtc, found = build_cuda.Nvrtc() if targets else None, {}
    for target in targets:
        kind = "ptx" if target.startswith("compute") else "cubin"
        found[f"pairwise.{target}.{kind}"] = nvrtc.family("pairwise", target)
    return found


def main(folder):
    """Write every variant that can be built here, and say which ones cannot."""
    print(build(folder))
    try:
        print(build(folder, backend="cuda"))
    except ImportError as error:
        print(f"no variant for CUDA: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
