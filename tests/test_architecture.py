"""Data take one path: public function, host algorithm, table of operations, kernel. Checked on the source.

Every list of what is allowed stands here once, and an entry that no file uses fails.
"""

import ast
import functools
import posixpath
import re
from fnmatch import fnmatch
from importlib.util import resolve_name
from pathlib import Path

import pytest

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface, pytest.mark.cuda]

ROOT = Path(__file__).parents[1]
PYTHON = sorted([*ROOT.glob("alignment_fast/**/*.py"), *ROOT.glob("kernels/**/*.py")])
BENCHMARKS = sorted(ROOT.glob("benchmarks/**/*.py"))  # use all of the rest, which does not use them, but for a command
CYTHON = sorted(file for kind in ("pyx", "pxd", "pxi") for file in ROOT.glob(f"kernels/**/*.{kind}"))
C = sorted([*ROOT.glob("kernels/**/*.inc"), *ROOT.glob("kernels/**/*.h"), ROOT / "kernels" / "variant.c"])

# Which families of kernels a family may use besides itself.
EDGES = {
    "common": set(),
    "random": {"common"},
    "pairwise": {"common"},
    "ranking": {"common"},
    "information": {"common"},
    "best_of_n": {"common", "random"},
    "memoryless": {"common"},
    "policy": {"common"},
    "dynamics": {"common", "policy"},
    "special": {"common", "information"},
}

# Which parts of the public layer a part may use besides itself: packages and modules of alignment_fast/. Whatever all
# may use is in EVERYWHERE; `kernels` has rules of its own below.
EVERYWHERE = {"_border", "_operations", "errors"}
PUBLIC_EDGES = {
    "__init__": {"_config"},
    "__main__": {"cli"},
    "_border": set(),
    "_config": {"__init__"},
    "_files": set(),
    "_operations": set(),
    "_scipy": set(),
    "_statistics": set(),
    "_text": set(),
    "accel": {"interop"},
    "best_of_n": {"_scipy", "_statistics", "policy", "random"},
    "benchmarks": set(),
    "cli": {"_text", "commands"},
    "commands": {
        *("__init__", "_config", "_files", "_text"),
        *("benchmarks", "best_of_n", "plot", "policy", "ranking", "reproduce", "studies", "tables"),
    },
    "conformance": {"__init__", "_files", "_text"},
    "dynamics": {"policy", "random"},
    "errors": set(),
    "information": set(),
    "interop": {"accel", "best_of_n", "information", "pairwise", "ranking"},
    "memoryless": {"best_of_n", "information", "policy"},
    "pairwise": set(),
    "plot": {"_text"},
    "policy": {"_scipy", "_statistics", "information", "random", "tables"},
    "random": set(),
    "ranking": {"random"},
    "studies": {
        *("__init__", "_config", "_files", "_statistics", "_text", "best_of_n", "dynamics"),
        *("memoryless", "plot", "policy", "random", "ranking", "tables"),
    },
    "reproduce": {
        *("__init__", "best_of_n", "dynamics", "information"),
        *("memoryless", "plot", "policy", "random", "studies", "tables"),
    },
    "tables": set(),
}

# Private modules of one package that modules of other packages use all the same.
PRIVATE_EDGES = {
    "accel": {"interop.choix._data", "interop.choix._spectral"},
    "dynamics": {"policy._arguments", "policy._optimum"},
    "interop": {"accel._imports", "pairwise._batch", "pairwise._number"},
    "policy": {"information._arguments"},
    "studies": {"tables._arrow"},
}

# Below the seam: the only modules of the public layer that know compiled modules and devices, and which of them below
# alignment_fast.kernels, as patterns. Everybody else asks `operations(family, device)`.
BELOW_THE_SEAM = {
    "alignment_fast/__init__.py": ["", "common.threads"],  # "": the package itself, whose absence has a message
    "alignment_fast/_operations.py": ["*.operations", "*.cuda", "common.driver"],
    "alignment_fast/_config.py": ["build_cuda", "common.cpu", "common.driver", "common.images", "common.threads"],
    "alignment_fast/_border/devices.py": ["common.driver", "common.streams"],
    "alignment_fast/_border/num_threads.py": ["common.threads"],
    "alignment_fast/_border/pieces.py": ["common.threads"],
    "alignment_fast/_border/status.py": ["common.status"],
}

# Whose structures, what a family calls its data, a public package may import: names that structures.py defines.
STRUCTURES = {
    "best_of_n": {"best_of_n"},
    "dynamics": {"dynamics"},
    "information": {"information"},
    "interop": {"pairwise"},
    "memoryless": {"information", "memoryless"},
    "pairwise": {"pairwise"},
    "policy": {"information"},
    "ranking": {"ranking"},
}

# Where a module is imported whose name is computed: every string there that names a module counts as imported.
COMPUTED_IMPORTS = {
    "alignment_fast/__init__.py",
    "alignment_fast/_operations.py",
    "alignment_fast/accel/_install.py",
    "alignment_fast/conformance/adapters/__init__.py",
    "alignment_fast/studies/__init__.py",
    "alignment_fast/studies/functions.py",
    "alignment_fast/interop/__init__.py",
    "alignment_fast/interop/numba_extension.py",
    "alignment_fast/tables/_arrow.py",
    "kernels/common/spec.py",
}

# Python in kernels/ describes kernels, launches them, or compiles users' functions: algorithms are in the public layer.
KERNEL_MODULES = {"__init__", "spec", "operations", "structures", "jit", "cuda"}
COMMON_MODULES = {
    *("coefficients", "functions", "generate_coefficients", "generate_tables", "status", "threads"),
    *("images", "launches", "sorting", "streams"),  # of CUDA devices
}
# Formulas of numbers as Python bodies, which numba compiles for users' code.
TWINS = ["kernels/common/scalar.py", "kernels/random/scalar.py"]
# Parts of tables of operations, with files of their own.
PARTS_OF_TABLES = {
    "kernels/best_of_n/cuda_law.py",
    "kernels/best_of_n/cuda_pool.py",
    "kernels/best_of_n/law.py",
    "kernels/best_of_n/overoptimization.py",
    "kernels/best_of_n/pool.py",
    "kernels/best_of_n/relatives.py",
    "kernels/best_of_n/samples.py",
    "kernels/best_of_n/simulation.py",
    "kernels/pairwise/losses.py",
    "kernels/pairwise/matching.py",
    "kernels/pairwise/sequence.py",
    "kernels/pairwise/vocabulary.py",
    "kernels/ranking/choices.py",
    "kernels/ranking/chunks.py",
    "kernels/ranking/compress.py",
    "kernels/ranking/elo.py",
    "kernels/ranking/gaps.py",
    "kernels/ranking/likelihood.py",
}

# Operations of devices alone: in one pass there what host algorithms make of several.
ON_DEVICES_ONLY = {"law_rewards", "masked_logit_gradients", "masked_logprobs", "pass_refused", "pool_put", "pool_rows"}

# What kernels take from SciPy: the sparse matrix that one of their structures can be given as.
FROM_SCIPY = {"scipy.sparse.csr_array"}

# Where a library that is heavy, optional or dangerous may be imported, as patterns of paths.
ONLY_IN = {
    "numba.cuda": [],
    "cuda": [],
    "cupy": [],
    "numba": ["kernels/*/jit.py"],
    "llvmlite": ["kernels/special/jit.py"],
    "threading": ["kernels/common/threads.py", "alignment_fast/studies/executors.py", "alignment_fast/cli.py"],
    "concurrent": ["kernels/common/threads.py", "alignment_fast/studies/*"],
    "multiprocessing": ["alignment_fast/studies/executors.py"],
    "sqlite3": ["alignment_fast/studies/*"],
    "pydantic": ["alignment_fast/studies/schema.py", "alignment_fast/studies/spec.py"],
    "xarray": ["alignment_fast/studies/results.py"],
    "loky": ["alignment_fast/studies/clusters.py"],
    "distributed": ["alignment_fast/studies/clusters.py"],
    "mpi4py": ["alignment_fast/studies/clusters.py"],
    "ray": ["alignment_fast/studies/clusters.py"],
    "torch": [
        *("alignment_fast/interop/torch/*", "alignment_fast/interop/trl/*"),
        "alignment_fast/conformance/adapters/*",
    ],
    "trl": ["alignment_fast/interop/trl/*", "alignment_fast/conformance/adapters/of_trl.py"],
    "transformers": [],
    "jax": ["alignment_fast/interop/jax.py"],
    "pyarrow": ["alignment_fast/tables/_arrow.py"],
    "pandas": [
        *("alignment_fast/interop/evalica/*", "alignment_fast/accel/hosts/evalica.py"),
        *("alignment_fast/interop/arena_rank.py", "alignment_fast/interop/fastchat.py"),
        "alignment_fast/ranking/_frame.py",
    ],
    "polars": [],
    "matplotlib": [
        "alignment_fast/plot.py",
        "alignment_fast/reproduce/*/figures.py",
        "alignment_fast/studies/*s.py",
        "alignment_fast/studies/report.py",
    ],
    "typer": ["alignment_fast/cli.py", "alignment_fast/commands/*"],
    "click": [],
    "rich": ["alignment_fast/commands/printing/*"],
    "mpmath": ["kernels/common/generate_coefficients.py"],
}


def path_of(file):
    return str(file.relative_to(ROOT))


def import_name(path):
    """Return the name under which the module at `path` is imported: kernels/ is alignment_fast.kernels, and so on."""
    parts = list(Path(path).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(["alignment_fast", *parts] if parts[0] in ("benchmarks", "kernels") else parts)


# What an import of a module counts as whose name cannot be read in the source.
UNREADABLE = "?"
IMPORTERS = {"import_module", "__import__"}


def absolute(path, name):
    """Return the module that `name`, with leading dots if it is relative, is in the module at `path`, or UNREADABLE."""
    package = import_name(path)
    if not path.endswith(("__init__.py", "__init__.pxd")):
        package = package.rpartition(".")[0]
    try:
        return resolve_name(name, package).rstrip(".")
    except ImportError:
        return UNREADABLE


def imported_by_call(call):
    """Return the module that ``import_module(...)`` or ``__import__(...)`` imports, or UNREADABLE."""
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    name = call.args[0] if call.args else options.get("name")
    package = call.args[1] if len(call.args) > 1 else options.get("package")
    text = getattr(name, "value", None)
    if not isinstance(text, str):
        return UNREADABLE
    anchor = getattr(package, "value", None)
    if not text.startswith("."):
        return text
    return resolve_name(text, anchor) if isinstance(anchor, str) else UNREADABLE


def name_in(node):
    """Return the name by which an expression calls something: ``f`` of ``f`` and of ``module.f``."""
    return getattr(node, "id", None) or getattr(node, "attr", None)


def python_imports(path, text):
    """Return every module that Python source imports, anywhere in it, by statement or by call.

    An attribute ``kernels`` counts, as does a function that imports and is not called on the spot.
    """
    found, called = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute(path, "." * node.level + (node.module or ""))
            found |= {f"{base}.{alias.name}" for alias in node.names}
            found |= {UNREADABLE for alias in node.names if alias.name in IMPORTERS and alias.asname}
        elif isinstance(node, ast.Call) and name_in(node.func) in IMPORTERS:
            called.add(node.func)
            found.add(imported_by_call(node))
        elif isinstance(node, ast.Name | ast.Attribute) and name_in(node) in IMPORTERS and node not in called:
            found.add(UNREADABLE)
        elif isinstance(node, ast.Attribute) and node.attr == "kernels":
            found.add("alignment_fast.kernels")
    return found


def names_of_modules(text):
    """Return every string of Python source that is, with a dot, the name of a module of ours or of a library."""
    strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    roots = "|".join(map(re.escape, ["alignment_fast", *ONLY_IN]))
    pattern = re.compile(rf"(?:{roots})\.(?:\w+\.)*\w*")
    return {text.rstrip(".") for text in strings if isinstance(text, str) and pattern.fullmatch(text)}


def cython_imports(path, text, word="c?import"):
    """Return every module that Cython source imports or cimports, or what it imports by that `word` alone."""
    found = {UNREADABLE for name in IMPORTERS if re.search(rf"\b{name}\b", text)}
    text = re.sub(r"#.*", "", text).replace("\\\n", " ")
    start = r"(?:^|[:;])[ \t]*"
    for base, names in re.findall(rf"{start}from\s+([\w.]+)\s+{word}\s*(\([^)]*\)|[^;\n]+)", text, re.MULTILINE):
        module = absolute(path, base)
        found |= {f"{module}.{name.split()[0]}" for name in names.strip("() \n").split(",") if name.strip()}
    for names in re.findall(rf"{start}{word}\s+([^;\n]+)", text, re.MULTILINE):
        found |= {name.split()[0] for name in names.split(",")}
    return found


def includes(text):
    """Return every file that C source includes by name, and the libraries it includes, as (quoted, system).

    A macro that is the name of a file counts, for another file includes it.
    """
    quoted = r'#\s*include\s+"([^"]+)"|#\s*define\s+\w+\s+"([^"\n]+\.(?:inc|h|c))"'
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found = {included or defined for included, defined in re.findall(quoted, text)}
    return found, set(re.findall(r"#\s*include\s+<([^>]+)>", text))


def cython_includes(path, text):
    """Return the files below kernels/ that Cython source at `path` includes, as "family/file"."""
    if not path.endswith((".pyx", ".pxi", ".pxd")):
        return set()
    included = re.findall(r"""^include ["']([^"']+)["']""", text, re.MULTILINE)
    return {posixpath.normpath(f"{posixpath.dirname(path)}/{name}").removeprefix("kernels/") for name in included}


# Headers of the operating system: of libraries that are looked for at run time, and of memory in huge pages.
OF_THE_SYSTEM = {"kernels/common/driver.h": {"dlfcn.h", "windows.h"}, "kernels/common/scratch.pxd": {"sys/mman.h"}}


def broken_includes(path, text):
    """Return what C or Cython source at `path`, or C within Cython, includes from where it must not."""
    mine = family_of(path)
    quoted, system = includes(text)
    quoted = quoted | cython_includes(path, text)
    wrong = {name for name in quoted if not name.startswith("alignment_fast/af_")}
    if mine is not None:  # a header knows no family
        wrong = {name for name in wrong if name.split("/")[0] not in EDGES[mine] | {mine}}
    system = system - OF_THE_SYSTEM.get(path, set())
    return wrong | (system - {"stddef.h", "stdint.h", "stdlib.h", "string.h", "immintrin.h", "arm_neon.h", "math.h"})


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


def below_kernels(name):
    """Return the module `name` below alignment_fast.kernels, "" for that package itself, None for other modules."""
    head, found = "alignment_fast.kernels.", f"{name}."
    return found.removeprefix(head).rstrip(".") if found.startswith(head) else None


def stands_in(inner, place):
    """Return whether a module below alignment_fast.kernels, or a name in it, is what the pattern `place` allows."""
    return fnmatch(inner, place) or (place != "" and fnmatch(inner, f"{place}.*"))


@functools.cache
def defined_structures(family):
    """Return the names that structures.py of the family defines, not those that it imports."""
    file = ROOT / "kernels" / family / "structures.py"
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body if file.exists() else []:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {target.id for target in getattr(node, "targets", None) or [node.target]}
    return found


def is_structure(path, name):
    """Return whether `name`, below alignment_fast.kernels, is data that the module at `path` may know."""
    family, _, rest = name.partition(".")
    module, _, structure = rest.partition(".")
    if module != "structures" or family not in STRUCTURES.get(part_of(import_name(path)), ()):
        return False
    return structure in defined_structures(family)


def around_the_seam(path, names):
    """Return those of the imported `names` with which a module of the public layer reaches around the seam."""
    compiled = {name: below_kernels(name) for name in names if below_kernels(name) is not None}
    allowed = BELOW_THE_SEAM.get(path, ())
    return {
        name
        for name, inner in compiled.items()
        if not is_structure(path, inner) and not any(stands_in(inner, place) for place in allowed)
    }


def private_of_others(path, names):
    """Return those of the imported `names` that are private to another package than that of the module at `path`."""
    mine = part_of(import_name(path))
    allowed = tuple(f"alignment_fast.{module}." for module in PRIVATE_EDGES.get(mine, ()))
    found = set()
    for name in names:
        inner = name.split(".")[2:]
        private = [part for part in inner if part.startswith("_") and not part.startswith("__")]
        if private and part_of(name) not in (None, "__init__", mine) and not f"{name}.".startswith(allowed):
            found.add(name)
    return found


def unread_modules(path, names):
    """Return whether a module is imported whose name the source does not say, where that is not expected."""
    return UNREADABLE in {name.split(".")[0] for name in names} and path not in COMPUTED_IMPORTS


def circles(imports):
    """Return the modules that import themselves by way of others, from a mapping of module to imported modules."""
    reached = {module: set(found) for module, found in imports.items()}
    for _ in imports:
        for found in reached.values():
            found |= set().union(*(reached.get(other, set()) for other in found))
    return {module for module, found in reached.items() if module in found}


@functools.cache
def imports_by_statement(file):
    """Return what a file of Python or Cython imports where it says so."""
    read = python_imports if file.suffix == ".py" else cython_imports
    return read(path_of(file), file.read_text("utf-8"))


@functools.cache
def imports_of(file):
    """Return what a file of Python or Cython imports, or may import if it computes names of modules."""
    found = imports_by_statement(file)
    return found | names_of_modules(file.read_text("utf-8")) if path_of(file) in COMPUTED_IMPORTS else found


@functools.cache
def graph_of_imports():
    """Return the modules that each module of Python imports where it says so, both as the most inner ones."""
    modules = {import_name(path_of(file)): file for file in PYTHON}

    def module_of(name):
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return name

    return {module: {module_of(name) for name in imports_by_statement(file)} - {""} for module, file in modules.items()}


@functools.cache
def modules_in_circles():
    return circles(graph_of_imports())


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
        ("kernels/random/cuda.py", "from numba import cuda", {"numba.cuda"}),
        ("kernels/random/jit.py", "def f():\n import numba.cuda.random", {"numba.cuda.random"}),
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
        (
            "alignment_fast/ranking/fit.py",
            "from alignment_fast.kernels.ranking import structures",
            {"alignment_fast.kernels.ranking.structures"},  # whatever that module imports would come with it
        ),
        (
            "alignment_fast/_border/rng.py",
            "from alignment_fast.kernels.random import cpu",
            {"alignment_fast.kernels.random.cpu"},
        ),
        ("alignment_fast/_border/status.py", "from alignment_fast.kernels.common import status", set()),
        (
            "alignment_fast/_border/status.py",
            "from alignment_fast.kernels.common import cpu",
            {"alignment_fast.kernels.common.cpu"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "from importlib import import_module; import_module('alignment_fast.kernels.ranking.cpu')",
            {"alignment_fast.kernels.ranking.cpu"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "__import__('alignment_fast.kernels.ranking.cpu')",
            {"alignment_fast.kernels.ranking.cpu"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "import_module('.cpu', 'alignment_fast.kernels.ranking')",
            {"alignment_fast.kernels.ranking.cpu"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "import_module(package='alignment_fast.kernels', name='.ranking.cpu')",
            {"alignment_fast.kernels.ranking.cpu"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "from alignment_fast.kernels.ranking.structures import np",
            {"alignment_fast.kernels.ranking.structures.np"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "from alignment_fast.kernels.dynamics.structures import TrajectoryProblem",
            {"alignment_fast.kernels.dynamics.structures.TrajectoryProblem"},
        ),
        (
            "alignment_fast/ranking/_newton.py",
            "import alignment_fast as af\naf.kernels.ranking.cpu.reach",
            {"alignment_fast.kernels"},
        ),
    ],
)
def test_ways_around_the_seam_are_found(path, source, found):
    assert around_the_seam(path, python_imports(path, source)) == found


@pytest.mark.parametrize(
    "source",
    [
        "name = 'alignment_fast.kernels.ranking.cpu'\nimportlib.import_module(name)",
        "importlib.import_module(f'alignment_fast.kernels.{family}.cpu')",
        "importlib.import_module('.cpu', package)",
        "importlib.import_module(name=name)",
        "importlib.import_module()",
        "from importlib import import_module as load",
        "load = importlib.import_module",
        "load = __import__",
        "from ...... import cpu",
    ],
)
def test_imports_whose_module_the_source_does_not_say_are_found(source):
    names = python_imports("alignment_fast/ranking/_newton.py", source)
    assert unread_modules("alignment_fast/ranking/_newton.py", names)
    assert not unread_modules("alignment_fast/_operations.py", names)


def test_strings_that_name_modules_are_read():
    source = '"""alignment_fast is a package."""\nX = {"a": "alignment_fast.kernels.a"}\nf"pyarrow.{x}", "numbat", "on"'
    assert names_of_modules(source) == {"alignment_fast.kernels.a", "pyarrow"}


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        (
            "alignment_fast/tables/_csv.py",
            "from alignment_fast.ranking import _rows",
            {"alignment_fast.ranking._rows"},
        ),
        (
            "alignment_fast/policy/tilting.py",
            "from alignment_fast.information._markov import f",
            {"alignment_fast.information._markov.f"},
        ),
        ("alignment_fast/policy/tilting.py", "from alignment_fast.information._arguments import f", set()),
        ("alignment_fast/policy/tilting.py", "from alignment_fast.policy._axioms import f", set()),
        (
            "alignment_fast/policy/tilting.py",
            "from alignment_fast._border.call import _f",
            {"alignment_fast._border.call._f"},
        ),
        ("alignment_fast/policy/tilting.py", "from alignment_fast._border.call import f", set()),
    ],
)
def test_private_modules_of_other_packages_are_found(path, source, found):
    assert private_of_others(path, python_imports(path, source)) == found


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


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ..dynamics cimport cpu", {"alignment_fast.kernels.dynamics.cpu"}),
        ("from . cimport cpu", {"alignment_fast.kernels.ranking.cpu"}),
        (
            "from libc.stdint cimport (\n    int32_t,\n    int64_t as word,\n)",
            {"libc.stdint.int32_t", "libc.stdint.int64_t"},
        ),
        ("from libc.math \\\n    cimport exp", {"libc.math.exp"}),
        ("if X: import numba; import torch", {"numba", "torch"}),
        ("importlib.import_module(name)", {UNREADABLE}),
    ],
)
def test_every_form_of_a_cython_import_is_read(source, found):
    assert cython_imports("kernels/ranking/cpu.pyx", source) == found


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("kernels/ranking/reach.inc", '#include "dynamics/rewards.inc"', {"dynamics/rewards.inc"}),
        ("kernels/ranking/cpu.pyx", '    #include "dynamics/rewards.inc"', {"dynamics/rewards.inc"}),
        ("kernels/ranking/cpu.pyx", '    #define AF_LOOPS "dynamics/loops.inc"', {"dynamics/loops.inc"}),
        ("kernels/ranking/cpu.pyx", '    #define AF_LOOPS "ranking/loops.inc"', set()),
        ("kernels/best_of_n/cpu.pyx", '#include "random/loops.inc"\n#include <math.h>', set()),
        ("kernels/include/alignment_fast/af_math.h", '#include "random/loops.inc"', {"random/loops.inc"}),
        ("kernels/ranking/reach.inc", "#include <stdio.h>", {"stdio.h"}),
        ("kernels/ranking/short.pxi", 'include "../policy/arguments.pxi"', {"policy/arguments.pxi"}),
        ("kernels/dynamics/short.pxi", 'include "../policy/arguments.pxi"', set()),
        ("kernels/ranking/cpu.pyx", 'include "short.pxi"', set()),
    ],
)
def test_includes_that_go_the_wrong_way_are_found(path, source, found):
    assert broken_includes(path, source) == found


# ---- the rules hold ----


@pytest.mark.parametrize("file", PYTHON, ids=path_of)
def test_python_imports_go_one_way(file):
    path, names = path_of(file), imports_of(file)
    assert not unread_modules(path, names)
    assert not broken_edges(path, names)
    assert not misplaced_libraries(path, names)
    if path.startswith("alignment_fast/"):
        assert not broken_public_edges(path, names)
        assert not around_the_seam(path, names)
        assert not private_of_others(path, names)


@pytest.mark.parametrize("file", CYTHON, ids=path_of)
def test_cython_imports_go_one_way(file):
    path, names = path_of(file), imports_of(file)
    assert not unread_modules(path, names)
    assert not broken_edges(path, names)
    assert not misplaced_libraries(path, names)
    assert not broken_includes(path, file.read_text("utf-8"))
    cimported = cython_imports(path, file.read_text("utf-8"), "cimport")
    assert not {name for name in cimported if name.split(".")[0] == "numpy"}, "a NumPy ABI question"
    assert not {name for name in names if name.startswith("cython.parallel")}, "prange is OpenMP"


@pytest.mark.parametrize("file", C, ids=path_of)
def test_c_includes_go_one_way(file):
    assert not broken_includes(path_of(file), file.read_text("utf-8"))


def used_families(mine):
    """Return the families that the files of the family `mine` use."""
    used = set()
    for file in [*PYTHON, *CYTHON]:
        if path_of(file).startswith(f"kernels/{mine}/"):
            used |= {family_of(name) for name in imports_of(file) if name.startswith("alignment_fast.kernels.")}
    for file in [*C, *CYTHON]:
        if path_of(file).startswith(f"kernels/{mine}/"):
            text = file.read_text("utf-8")
            quoted = includes(text)[0] | cython_includes(path_of(file), text)
            used |= {name.split("/")[0] for name in quoted} & set(EDGES)
    return used


@pytest.mark.parametrize("mine", EDGES)
def test_every_edge_between_families_is_used(mine):
    assert EDGES[mine] <= used_families(mine)


@pytest.mark.parametrize("mine", PUBLIC_EDGES)
def test_every_edge_between_public_packages_is_used(mine):
    files = [file for file in (*PYTHON, *BENCHMARKS) if part_of(import_name(path_of(file))) == mine]
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
        if family and not any(fnmatch(path, place) for place in TWINS):
            known = KERNEL_MODULES | (COMMON_MODULES if family == "common" else set())
            others |= {path} if file.stem not in known else set()
            solvers = {name for name in imports_of(file) if name.startswith("scipy.")} - FROM_SCIPY
            assert not solvers, f"{path} computes by itself"
    assert others == PARTS_OF_TABLES


def test_every_twin_is_there():
    for place in TWINS:
        assert any(fnmatch(path_of(file), place) for file in PYTHON)


@pytest.mark.parametrize("package", sorted({file.parent for file in PYTHON}), ids=path_of)
def test_modules_of_a_package_do_not_import_each_other_in_circles(package):
    """Nor those of several packages. Imports inside of functions count: a circle that is put off is a circle."""
    modules = {import_name(path_of(file)) for file in PYTHON if file.parent == package}
    assert not modules & modules_in_circles()


# ---- every permission has a user ----


@pytest.mark.parametrize("part", sorted(EVERYWHERE))
def test_what_all_may_use_several_use(part):
    users = {part_of(import_name(path_of(file))) for file in PYTHON if part in map(part_of, imports_of(file))}
    assert len(users - {part}) > 1


def pairs(mapping):
    """Return (key, one of its values) for every value of every key."""
    return [(key, value) for key, values in mapping.items() for value in sorted(values)]


@pytest.mark.parametrize(("part", "module"), pairs(PRIVATE_EDGES))
def test_every_private_module_that_others_may_use_is_used_by_them(part, module):
    users = [file for file in PYTHON if part_of(import_name(path_of(file))) == part]
    assert any(f"{name}.".startswith(f"alignment_fast.{module}.") for file in users for name in imports_of(file))


@pytest.mark.parametrize(("path", "place"), pairs(BELOW_THE_SEAM))
def test_every_place_below_the_seam_is_used(path, place):
    inner = {below_kernels(name) for name in imports_of(ROOT / path)} - {None}
    assert any(stands_in(name, place) for name in inner)


@pytest.mark.parametrize(("part", "family"), pairs(STRUCTURES))
def test_every_family_whose_structures_a_package_may_know_is_known_by_it(part, family):
    head = f"alignment_fast.kernels.{family}.structures."
    files = [file for file in PYTHON if part_of(import_name(path_of(file))) == part]
    assert any(name.startswith(head) for file in files for name in imports_of(file))


@pytest.mark.parametrize("path", sorted(COMPUTED_IMPORTS))
def test_every_module_that_may_compute_names_of_modules_does(path):
    assert UNREADABLE in imports_by_statement(ROOT / path)


@pytest.mark.parametrize("name", sorted(FROM_SCIPY))
def test_what_kernels_may_take_from_scipy_is_taken(name):
    assert any(name in imports_of(file) for file in PYTHON if path_of(file).startswith("kernels/"))


@pytest.mark.parametrize("stem", sorted(KERNEL_MODULES))
def test_every_kind_of_module_of_a_family_exists(stem):
    assert list((ROOT / "kernels").glob(f"*/{stem}.py"))


@pytest.mark.parametrize("stem", sorted(COMMON_MODULES))
def test_every_module_that_is_common_exists(stem):
    assert (ROOT / "kernels" / "common" / f"{stem}.py").exists()


# ---- tables of operations, the build ----


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


def offered(path):
    """Return what a table of operations says it offers: `__all__` of the module at `path`."""
    for node in ast.parse((ROOT / path).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{path} does not say what it offers")


@pytest.mark.parametrize("table", sorted((ROOT / "kernels").glob("*/cuda.py")), ids=path_of)
def test_a_table_of_cuda_offers_what_the_cpu_does(table):
    """Fewer operations, none of its own: a caller that asks which device it is on would go around the seam."""
    if family_of(path_of(table)) != "common":
        assert offered(path_of(table)) <= offered(path_of(table.with_name("operations.py"))) | ON_DEVICES_ONLY
