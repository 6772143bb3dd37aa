"""The data's way is one way: public function, dispatch, one family, common. Checked on the source, import by import."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface, pytest.mark.gpu]

ROOT = Path(__file__).parents[1]
PYTHON = sorted([*ROOT.glob("alignment_fast/**/*.py"), *ROOT.glob("kernels/**/*.py")])
CYTHON = sorted([*ROOT.glob("kernels/**/*.pyx"), *ROOT.glob("kernels/**/*.pxd")])
C = sorted([*ROOT.glob("kernels/**/*.inc"), *ROOT.glob("kernels/include/**/*.h")])

# Which families a family may use besides itself. Everything may use `common` and `random`; the log-partition
# function and tilting live in `information` only.
EDGES = {
    "common": set(),
    "random": {"common"},
    "pairwise": {"common", "random"},
    "ranking": {"common", "random"},
    "information": {"common", "random"},
    "best_of_n": {"common", "random", "information"},
    "memoryless": {"common", "random", "information"},
    "dynamics": {"common", "random"},
}

# Where a library that is heavy, optional or dangerous may be imported, as patterns of paths.
ONLY_IN = {
    "numba.cuda": ["kernels/common/gpu.py"],
    "cuda": ["kernels/common/gpu.py"],
    "cupy": ["kernels/common/gpu.py"],
    "numba": ["kernels/*/jit.py", "kernels/*/gpu.py", "alignment_fast/interop/numba.py"],
    "llvmlite": ["kernels/*/jit.py"],
    "threading": ["kernels/common/threads.py"],
    "concurrent": ["kernels/common/threads.py", "alignment_fast/studies/*"],
    "multiprocessing": ["alignment_fast/studies/*"],
    "torch": ["alignment_fast/interop/torch.py", "alignment_fast/interop/trl.py"],
    "jax": ["alignment_fast/interop/jax.py"],
    "pyarrow": ["alignment_fast/tables.py", "alignment_fast/studies/*"],
    "pandas": ["alignment_fast/tables.py", "alignment_fast/studies/*"],
    "matplotlib": ["alignment_fast/plot.py", "alignment_fast/reproduce/*/figures.py", "alignment_fast/studies/*"],
    "typer": ["alignment_fast/cli.py", "alignment_fast/commands/*"],
    "click": ["alignment_fast/cli.py"],
    "rich": ["alignment_fast/commands/*", "alignment_fast/studies/*"],
    "mpmath": ["kernels/common/generate_coefficients.py"],
}


def path_of(file):
    return str(file.relative_to(ROOT))


def import_name(path):
    """Return the name under which the module at `path` is imported: kernels/ is alignment_fast.kernels."""
    parts = list(Path(path).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(["alignment_fast", *parts] if parts[0] == "kernels" else parts)


def python_imports(path, text):
    """Return every module that Python source imports, anywhere in it, by statement or by ``import_module("...")``."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = import_name(path).split(".")
                keep = len(package) - node.level + path.endswith("__init__.py")
                base = ".".join([*package[:keep], *([base] if base else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            argument = node.args[0]
            if isinstance(argument, ast.Constant):
                found.add(argument.value)
    return found


def cython_imports(path, text):
    """Return every module that Cython source imports or cimports."""
    found = set()
    for base, names in re.findall(r"^\s*from\s+([\w.]+)\s+c?import\s+(.+)$", text, re.MULTILINE):
        found |= {f"{base}.{name.split()[0]}" for name in re.split(r"\s*,\s*", names.strip("() "))}
    for names in re.findall(r"^\s*c?import\s+(.+)$", text, re.MULTILINE):
        found |= {name.split()[0] for name in names.split(",")}
    return found


def includes(text):
    """Return every file that C source includes by name, and the libraries it includes, as (quoted, system)."""
    return set(re.findall(r'#\s*include\s+"([^"]+)"', text)), set(re.findall(r"#\s*include\s+<([^>]+)>", text))


def family_of(name):
    """Return the family that the module or folder `name` belongs to, or None."""
    parts = re.split(r"[./]", name.removeprefix("alignment_fast.").removeprefix("kernels").lstrip("./"))
    return parts[0] if parts[0] in EDGES else None


def broken_edges(path, names):
    """Return those of the imported `names` that the module at `path` must not import."""
    inner = {name for name in names if name.split(".")[0] in ("alignment_fast", "kernels")}
    if path.startswith("alignment_fast/"):
        return {name for name in inner if name.split(".")[0] == "kernels"}  # installed as alignment_fast.kernels
    upward = {name for name in inner if not name.startswith("alignment_fast.kernels")}
    mine = family_of(path)
    allowed = EDGES[mine] | {mine} if mine else set(EDGES)
    return upward | {name for name in inner - upward if family_of(name) and family_of(name) not in allowed}


def misplaced_libraries(path, names):
    """Return the imported `names` that belong to a library with a place of its own, elsewhere."""
    wrong = set()
    for library, places in ONLY_IN.items():
        used = {name for name in names if f"{name}.".startswith(f"{library}.")}
        if not any(fnmatch(path, place) for place in places):
            wrong |= used
    return wrong


# ---- the rules find what they are for ----


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        (
            "kernels/random/solve.py",
            "from alignment_fast.best_of_n import simulate",
            {"alignment_fast.best_of_n.simulate"},
        ),
        ("kernels/random/solve.py", "def f():\n import alignment_fast.errors", {"alignment_fast.errors"}),
        ("kernels/random/solve.py", "import kernels.common", {"kernels.common"}),
        (
            "kernels/random/solve.py",
            "from alignment_fast.kernels.best_of_n import cpu",
            {"alignment_fast.kernels.best_of_n.cpu"},
        ),
        ("kernels/random/solve.py", "from ..dynamics import cpu", {"alignment_fast.kernels.dynamics.cpu"}),
        ("kernels/random/solve.py", "from . import cpu\nfrom ..common import threads", set()),
        ("kernels/best_of_n/solve.py", "from alignment_fast.kernels.information import cpu", set()),
        ("kernels/best_of_n/solve.py", "from alignment_fast.kernels import information, random", set()),
        ("alignment_fast/best_of_n/law.py", "from alignment_fast.kernels.best_of_n import cpu", set()),
        ("alignment_fast/best_of_n/law.py", "from kernels.best_of_n import cpu", {"kernels.best_of_n.cpu"}),
    ],
)
def test_edges_that_lead_the_wrong_way_are_found(path, source, found):
    assert broken_edges(path, python_imports(path, source)) == found


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("kernels/common/scalar.py", "import numba", {"numba"}),
        ("kernels/random/gpu.py", "from numba import cuda", {"numba.cuda"}),
        ("kernels/random/gpu.py", "def f():\n import numba.cuda.random", {"numba.cuda.random"}),
        ("kernels/common/gpu.py", "from numba import cuda", set()),
        ("alignment_fast/errors.py", "importlib.import_module('torch')", {"torch"}),
        ("alignment_fast/_border/arrays.py", "import torchvision", set()),
    ],
)
def test_libraries_out_of_their_place_are_found(path, source, found):
    assert misplaced_libraries(path, python_imports(path, source)) == found


def test_cython_imports_are_read():
    source = "from libc.stdint cimport uint64_t, int64_t as word\ncimport numpy as np, cython\nimport os\n"
    expected = {"libc.stdint.uint64_t", "libc.stdint.int64_t", "numpy", "cython", "os"}
    assert cython_imports("x.pyx", source) == expected


# ---- the rules hold ----


@pytest.mark.parametrize("file", PYTHON, ids=path_of)
def test_python_imports_go_one_way(file):
    path = path_of(file)
    names = python_imports(path, file.read_text("utf-8"))
    assert not broken_edges(path, names)
    assert not misplaced_libraries(path, names)


@pytest.mark.parametrize("file", CYTHON, ids=path_of)
def test_cython_imports_go_one_way(file):
    path = path_of(file)
    names = cython_imports(path, file.read_text("utf-8"))
    assert not broken_edges(path, names)
    assert not {name for name in names if name.split(".")[0] == "numpy"}, "a NumPy ABI question"
    assert not {name for name in names if name.startswith("cython.parallel")}, "prange is OpenMP"


@pytest.mark.parametrize("file", C, ids=path_of)
def test_c_includes_go_one_way(file):
    path = path_of(file)
    quoted, system = includes(file.read_text("utf-8"))
    mine = family_of(path)
    if mine is None:
        assert all(name.startswith("alignment_fast/af_") for name in quoted), "a header knows no family"
    for name in quoted:
        assert name.startswith("alignment_fast/af_") or name.split("/")[0] in EDGES[mine] | {mine}
    assert not system - {"stddef.h", "stdint.h", "string.h", "immintrin.h", "math.h"}


def test_the_dispatch_table_names_families():
    text = (ROOT / "alignment_fast/_dispatch.py").read_text("utf-8")
    targets = re.findall(r'"([\w.]+):\w+"', text)
    assert targets
    assert all(target.startswith("alignment_fast.kernels.") and family_of(target) for target in targets)


def test_nothing_installs_a_top_level_module_called_kernels():
    """PyPI has a package of that name: the folder is installed as alignment_fast.kernels."""
    assert '"kernels":' not in (ROOT / "setup.py").read_text("utf-8")


@pytest.mark.parametrize("word", ["-ffast-math", "-march=native", "-fopenmp", "-Ofast"])
def test_flags_that_change_results_or_the_process_are_not_used(word):
    """Reasons in setup.py; only the floors of benchmarks/ are compiled for the machine at hand."""
    code = re.sub(r"#.*", "", (ROOT / "setup.py").read_text("utf-8"))
    assert word not in code
