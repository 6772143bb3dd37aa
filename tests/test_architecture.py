"""The data's way is one way: public function, host algorithm, table of operations, kernel. Checked on the source.

Every list of what is allowed stands here once, and an entry that no file uses fails.
"""

import ast
import functools
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface, pytest.mark.gpu]

ROOT = Path(__file__).parents[1]
PYTHON = sorted([*ROOT.glob("alignment_fast/**/*.py"), *ROOT.glob("kernels/**/*.py")])
CYTHON = sorted([*ROOT.glob("kernels/**/*.pyx"), *ROOT.glob("kernels/**/*.pxd")])
C = sorted([*ROOT.glob("kernels/**/*.inc"), *ROOT.glob("kernels/include/**/*.h")])

# Which families of kernels a family may use besides itself.
EDGES = {
    "common": set(),
    "random": {"common"},
    "pairwise": {"common"},
    "ranking": {"common"},
    "information": {"common"},
    "best_of_n": {"common", "random"},
    "memoryless": {"common"},
    "dynamics": {"common"},
}

# Which parts of the public layer a part may use besides itself: packages and modules of alignment_fast/. Whatever all
# may use is in EVERYWHERE; `kernels` has rules of its own below.
EVERYWHERE = {"_border", "_operations", "errors"}
PUBLIC_EDGES = {
    "__init__": set(),
    "__main__": {"cli"},
    "_border": set(),
    "_config": {"__init__"},
    "_files": set(),
    "_operations": set(),
    "_text": set(),
    "best_of_n": {"information", "policy", "random"},
    "cli": {"_text", "commands"},
    "commands": {
        *("__init__", "_config", "_files", "_text"),
        *("best_of_n", "plot", "ranking", "reproduce", "tables"),
    },
    "dynamics": {"policy", "random"},
    "errors": set(),
    "information": set(),
    "interop": {"best_of_n", "information", "pairwise"},
    "memoryless": {"best_of_n", "information", "policy"},
    "pairwise": set(),
    "plot": {"_text"},
    "policy": {"information", "random", "tables"},
    "random": set(),
    "ranking": {"random"},
    "reproduce": {
        *("__init__", "_files", "best_of_n", "dynamics", "information"),
        *("memoryless", "plot", "policy", "random", "tables"),
    },
    "tables": set(),
}

# Below the seam: the only places of the public layer that know compiled modules and devices. Everybody else asks
# `operations(family, device)`, and may import what a family calls its data (`structures`).
BELOW_THE_SEAM = [
    "alignment_fast/_operations.py",
    "alignment_fast/_config.py",
    "alignment_fast/_border/*",
]

# Python in kernels/ describes kernels, launches them, or compiles users' functions: algorithms are in the public layer.
KERNEL_MODULES = {"__init__", "spec", "operations", "structures", "jit"}
COMMON_MODULES = {"coefficients", "functions", "generate_coefficients", "generate_tables", "status", "threads"}
# The simulation of best-of-n on numba-cuda, with the twins of formulas that it compiles, until kernels in CUDA C++
# stand in its place.
NUMBA_CUDA_SIMULATION = ["kernels/*/gpu.py", "kernels/*/scalar.py"]
# Parts of tables of operations, with files of their own.
PARTS_OF_TABLES = {
    "kernels/best_of_n/law.py",
    "kernels/best_of_n/pool.py",
    "kernels/best_of_n/simulation.py",
    "kernels/pairwise/losses.py",
    "kernels/pairwise/matching.py",
    "kernels/pairwise/sequence.py",
    "kernels/pairwise/vocabulary.py",
    "kernels/ranking/choices.py",
    "kernels/ranking/chunks.py",
    "kernels/ranking/compress.py",
    "kernels/ranking/elo.py",
    "kernels/ranking/likelihood.py",
}

# What kernels take from SciPy: matrix products, and the sparse matrix that one of their structures can be given as.
FROM_SCIPY = {"scipy.linalg.get_blas_funcs", "scipy.sparse.csr_array"}

# Where a library that is heavy, optional or dangerous may be imported, as patterns of paths.
ONLY_IN = {
    "numba.cuda": ["kernels/common/gpu.py"],
    "cuda": [],
    "cupy": [],
    "numba": ["kernels/*/jit.py", "kernels/common/gpu.py"],
    "llvmlite": [],
    "threading": ["kernels/common/threads.py"],
    "concurrent": ["kernels/common/threads.py"],
    "multiprocessing": [],
    "torch": ["alignment_fast/interop/torch/*", "alignment_fast/interop/trl/*"],
    "trl": ["alignment_fast/interop/trl/*"],
    "transformers": [],
    "jax": ["alignment_fast/interop/jax.py"],
    "pyarrow": ["alignment_fast/tables/_arrow.py"],
    "pandas": [],
    "polars": [],
    "matplotlib": ["alignment_fast/plot.py", "alignment_fast/reproduce/*/figures.py"],
    "typer": ["alignment_fast/cli.py", "alignment_fast/commands/*"],
    "click": [],
    "rich": ["alignment_fast/commands/printing/*"],
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


def part_of(name):
    """Return the part of the public layer that the module `name` belongs to, or None: kernels, other libraries."""
    package, _, rest = name.partition(".")
    if package != "alignment_fast":
        return None
    part = rest.partition(".")[0]
    return part if part in PUBLIC_EDGES else None if part == "kernels" else "__init__"


def broken_public_edges(path, names):
    """Return those of the imported `names` that the module at `path` of the public layer must not import."""
    mine = part_of(import_name(path))
    allowed = {mine, *EVERYWHERE, *PUBLIC_EDGES[mine]}
    return {name for name in names if part_of(name) and part_of(name) not in allowed}


def around_the_seam(path, names):
    """Return those of the imported `names` with which a module of the public layer reaches around the seam."""
    if any(fnmatch(path, place) for place in BELOW_THE_SEAM):
        return set()
    compiled = {name for name in names if f"{name}.".startswith("alignment_fast.kernels.")}
    return {name for name in compiled if not re.match(r"alignment_fast\.kernels\.\w+\.structures(\.|$)", name)}


def circles(imports):
    """Return the modules that import themselves by way of others, from a mapping of module to imported modules."""
    reached = {module: set(found) for module, found in imports.items()}
    for _ in imports:
        for found in reached.values():
            found |= set().union(*(reached.get(other, set()) for other in found))
    return {module for module, found in reached.items() if module in found}


@functools.cache
def imports_of(file):
    """Return what a file of Python or Cython imports."""
    read = python_imports if file.suffix == ".py" else cython_imports
    return read(path_of(file), file.read_text("utf-8"))


# ---- the rules find what they are for ----


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        (
            "kernels/random/operations.py",
            "from alignment_fast.best_of_n import simulate",
            {"alignment_fast.best_of_n.simulate"},
        ),
        ("kernels/random/operations.py", "def f():\n import alignment_fast.errors", {"alignment_fast.errors"}),
        ("kernels/random/operations.py", "import kernels.common", {"kernels.common"}),
        (
            "kernels/random/operations.py",
            "from alignment_fast.kernels.best_of_n import cpu",
            {"alignment_fast.kernels.best_of_n.cpu"},
        ),
        ("kernels/random/operations.py", "from ..dynamics import cpu", {"alignment_fast.kernels.dynamics.cpu"}),
        ("kernels/random/operations.py", "from . import cpu\nfrom ..common import threads", set()),
        (
            "kernels/best_of_n/operations.py",
            "from alignment_fast.kernels.information import cpu",
            {"alignment_fast.kernels.information.cpu"},
        ),
        (
            "kernels/best_of_n/operations.py",
            "from alignment_fast.kernels import information, random",
            {"alignment_fast.kernels.information"},
        ),
        ("kernels/best_of_n/operations.py", "from alignment_fast.kernels import common, random", set()),
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


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("alignment_fast/tables/_csv.py", "from alignment_fast import ranking", {"alignment_fast.ranking"}),
        ("alignment_fast/random.py", "def f():\n import alignment_fast.tables", {"alignment_fast.tables"}),
        ("alignment_fast/ranking/elo.py", "from ..commands import rank", {"alignment_fast.commands.rank"}),
        ("alignment_fast/plot.py", "from alignment_fast import __version__", {"alignment_fast.__version__"}),
        ("alignment_fast/ranking/elo.py", "from . import fit\nfrom alignment_fast import errors, random", set()),
        ("alignment_fast/ranking/elo.py", "from alignment_fast.kernels.ranking import structures", set()),
    ],
)
def test_edges_between_public_packages_that_nobody_allowed_are_found(path, source, found):
    assert broken_public_edges(path, python_imports(path, source)) == found


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        (
            "alignment_fast/random.py",
            "from alignment_fast.kernels.random import cpu",
            {"alignment_fast.kernels.random.cpu"},
        ),
        ("alignment_fast/random.py", "from alignment_fast.kernels import random", {"alignment_fast.kernels.random"}),
        (
            "alignment_fast/random.py",
            "importlib.import_module('alignment_fast.kernels.random.cpu')",
            {"alignment_fast.kernels.random.cpu"},
        ),
        (
            "alignment_fast/ranking/fit.py",
            "from alignment_fast.kernels.ranking.structures_of import Cells",
            {"alignment_fast.kernels.ranking.structures_of.Cells"},
        ),
        ("alignment_fast/ranking/fit.py", "from alignment_fast.kernels.ranking.structures import Cells", set()),
        ("alignment_fast/ranking/fit.py", "from alignment_fast.kernels.ranking import structures", set()),
        ("alignment_fast/_border/rng.py", "from alignment_fast.kernels.random import cpu", set()),
    ],
)
def test_ways_around_the_seam_are_found(path, source, found):
    assert around_the_seam(path, python_imports(path, source)) == found


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, set()),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, {"a", "b"}),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"a"}}, {"a", "b", "c", "d"}),
    ],
)
def test_circles_of_imports_are_found(imports, found):
    assert circles(imports) == found


def test_cython_imports_are_read():
    source = "from libc.stdint cimport uint64_t, int64_t as word\ncimport numpy as np, cython\nimport os\n"
    expected = {"libc.stdint.uint64_t", "libc.stdint.int64_t", "numpy", "cython", "os"}
    assert cython_imports("x.pyx", source) == expected


# ---- the rules hold ----


@pytest.mark.parametrize("file", PYTHON, ids=path_of)
def test_python_imports_go_one_way(file):
    path, names = path_of(file), imports_of(file)
    assert not broken_edges(path, names)
    assert not misplaced_libraries(path, names)
    if path.startswith("alignment_fast/"):
        assert not broken_public_edges(path, names)
        assert not around_the_seam(path, names)


@pytest.mark.parametrize("file", CYTHON, ids=path_of)
def test_cython_imports_go_one_way(file):
    names = imports_of(file)
    assert not broken_edges(path_of(file), names)
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
    assert not system - {"stddef.h", "stdint.h", "string.h", "immintrin.h", "arm_neon.h", "math.h"}


def used_families(mine):
    """Return the families that the files of the family `mine` use."""
    used = set()
    for file in [*PYTHON, *CYTHON]:
        if path_of(file).startswith(f"kernels/{mine}/"):
            used |= {family_of(name) for name in imports_of(file) if name.startswith("alignment_fast.kernels.")}
    for file in C:
        if path_of(file).startswith(f"kernels/{mine}/"):
            used |= {name.split("/")[0] for name in includes(file.read_text("utf-8"))[0]} & set(EDGES)
    return used


@pytest.mark.parametrize("mine", EDGES)
def test_every_edge_between_families_is_used(mine):
    assert EDGES[mine] <= used_families(mine)


@pytest.mark.parametrize("mine", PUBLIC_EDGES)
def test_every_edge_between_public_packages_is_used(mine):
    files = [file for file in PYTHON if part_of(import_name(path_of(file))) == mine]
    assert files, f"there is no {mine} any more"
    used = {part_of(name) for file in files for name in imports_of(file)}
    assert used >= PUBLIC_EDGES[mine] - {mine}


@pytest.mark.parametrize("library", ONLY_IN)
def test_every_place_of_a_library_imports_it(library):
    users = [path_of(file) for file in PYTHON if any(f"{n}.".startswith(f"{library}.") for n in imports_of(file))]
    for place in ONLY_IN[library]:
        assert any(fnmatch(user, place) for user in users), f"nothing in {place} imports {library}"


def test_kernels_hold_no_host_algorithms():
    """What stands in kernels/ besides compiled code launches it or describes it."""
    others = set()
    for file in PYTHON:
        path = path_of(file)
        family = family_of(path) if path.startswith("kernels/") else None
        if family and not any(fnmatch(path, place) for place in NUMBA_CUDA_SIMULATION):
            known = KERNEL_MODULES | (COMMON_MODULES if family == "common" else set())
            others |= {path} if file.stem not in known else set()
            solvers = {name for name in imports_of(file) if name.startswith("scipy.")} - FROM_SCIPY
            assert not solvers, f"{path} computes by itself"
    assert others == PARTS_OF_TABLES


def test_nothing_outside_the_numba_cuda_simulation_is_excused_by_it():
    for place in NUMBA_CUDA_SIMULATION:
        assert any(fnmatch(path_of(file), place) for file in PYTHON)


@pytest.mark.parametrize("package", sorted({file.parent for file in PYTHON}), ids=path_of)
def test_modules_of_a_package_do_not_import_each_other_in_circles(package):
    """Imports inside of functions count: a circle that is put off is a circle."""
    files = [file for file in PYTHON if file.parent == package and file.stem != "__init__"]
    modules = {import_name(path_of(file)) for file in files}
    imports = {
        import_name(path_of(file)): {
            other for other in modules if any(f"{name}.".startswith(f"{other}.") for name in imports_of(file))
        }
        for file in files
    }
    assert not circles(imports)


def test_the_tables_of_operations_are_modules_of_families():
    text = (ROOT / "alignment_fast/_operations.py").read_text("utf-8")
    targets = re.findall(r'"(alignment_fast\.kernels\.[\w.]+)"', text)
    assert targets
    assert all(family_of(target) for target in targets)


def test_nothing_installs_a_top_level_module_called_kernels():
    """PyPI has a package of that name: the folder is installed as alignment_fast.kernels."""
    assert '"kernels":' not in (ROOT / "setup.py").read_text("utf-8")


@pytest.mark.parametrize("word", ["-ffast-math", "-march=native", "-fopenmp", "-Ofast"])
def test_flags_that_change_results_or_the_process_are_not_used(word):
    """Reasons in setup.py; only the floors of benchmarks/ are compiled for the machine at hand."""
    code = re.sub(r"#.*", "", (ROOT / "setup.py").read_text("utf-8"))
    assert word not in code
