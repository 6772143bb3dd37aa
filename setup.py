"""Build of the compiled kernels: the folder ``kernels/`` is installed as ``alignment_fast.kernels``.

Switches (environment, read at build time):

- ``ALIGNMENT_FAST_ABI3=1``      one cp311-abi3 wheel for every Python from 3.11 on
- ``ALIGNMENT_FAST_DEBUG=1``     bounds checks, initialisation checks and C assertions on, -O1
- ``ALIGNMENT_FAST_CUDA=1``      machine code of the kernels for CUDA, by NVRTC, in the wheel
- ``SOURCE_DATE_EPOCH=SECONDS``    the time of every file in a source distribution (default: 1980) and a wheel
- ``ALIGNMENT_FAST_SANITIZE=avx2``  AddressSanitizer and UndefinedBehaviorSanitizer in the wrappers and in the loops of
  this instruction set (baseline, avx2, avx512), which must be the one in use: all three take ten minutes to compile
"""

import gzip
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import CCompilerError, CompileError, ExecError, PlatformError

ROOT = Path(__file__).parent
ABI3 = os.environ.get("ALIGNMENT_FAST_ABI3") == "1"
DEBUG = os.environ.get("ALIGNMENT_FAST_DEBUG") == "1"
SANITIZE = os.environ.get("ALIGNMENT_FAST_SANITIZE", "").upper()
CUDA = os.environ.get("ALIGNMENT_FAST_CUDA") == "1"

TOPS = ("alignment_fast", "kernels", "benchmarks")
# What developers run in a checkout, beside what is installed.
TOOLS = {
    *("executors_report", "gpu", "instructions", "random_battery", "readme_tables", "studies_report"),
    "training_memory",
}
START_FILE = "alignment_fast/accel/alignment_fast_accel.pth"
# Those that take the compiler longest come first: units are compiled side by side, and should end together.
LONGEST_FIRST = (
    *("dynamics", "information", "pairwise", "best_of_n", "random", "ranking"),
    *("policy", "common", "memoryless"),
)
# Compiled on a machine that lacks machine code: sources of CUDA kernels, and texts of the loops that they run too.
CUDA_SOURCES = (
    *("cuda.cu", "cuda_*.inc", "formulas.h", "structures.h"),
    *("axioms.inc", "pairs.inc", "prompts.inc"),
    *("aligned.inc", "gradient.inc", "law_each.inc", "law_values.inc", "lyapunov.inc", "optimum.inc"),
    *("pool_variances.inc", "relative.inc", "responses.inc", "rewards.inc", "scaled.inc", "single.inc", "solve.inc"),
    *("statistics.inc", "tilted_row.inc", "trajectories.inc"),
)
VARIANTS = ("AVX512", "AVX2", "BASELINE")  # of the loops of a family: units of their own (af_simd.h)
if SANITIZE not in ("", *VARIANTS):
    sys.exit(f"ALIGNMENT_FAST_SANITIZE={SANITIZE.lower()}: must be baseline, avx2 or avx512")
SHARED = "alignment_fast.kernels.common._cython_shared"  # Cython's memory views, once instead of in every module
DRIVER = "alignment_fast.kernels.common.driver"  # of CUDA's devices: found at run time, without loops of its own


def families():
    """Return the families, folders with a compiled module, those that take longest first; new ones come last."""
    found = sorted(file.parent.name for file in (ROOT / "kernels").glob("*/cpu.pyx"))
    return sorted(found, key=lambda family: (*LONGEST_FIRST, family).index(family))


FAMILIES = families()


def packages():
    """Return every package by its import name, and its folder: kernels/ is installed as alignment_fast.kernels."""
    found = {}
    for top in TOPS:
        name = top if top == "alignment_fast" else f"alignment_fast.{top}"
        for file in sorted((ROOT / top).rglob("__init__.py")):
            inner = file.parent.relative_to(ROOT / top).parts
            found[".".join([name, *inner])] = "/".join([top, *inner])
    return found


PACKAGES = packages()

# -ffp-contract=off: a fused product happens only where the source says AF_FMA, so every instruction set with
# hardware fma gives the same bits. -fno-trapping-math: without it GCC turns selects into branches and stops
# vectorising. -std=gnu11: the strict dialects change the contraction default. Never -ffast-math: linked into a
# shared library it flushes subnormals in the whole process.
GCC_FLAGS = [
    "-std=gnu11",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-g" if DEBUG or SANITIZE else "-g0",
    "-Wall",
    "-Wno-unused-function",
    "-Wno-unused-const-variable",
    "-Wno-unknown-pragmas",
]
SANITIZER_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
MSVC_FLAGS = ["/O2", "/std:c11", "/fp:precise"]
CLANG_CL_FLAGS = [
    *MSVC_FLAGS,
    *("/clang:-O3", "/clang:-fno-math-errno", "/clang:-fno-trapping-math"),
    "/clang:-ffp-contract=off",  # after /fp:precise, which lets it fuse
]
X86 = platform.machine() in ("x86_64", "AMD64")

DIRECTIVES = {
    "language_level": "3",
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": True,
}

NO_COMPILER = """
alignment_fast could not compile its kernels ({reason}).
A C compiler and the Python headers are needed:
  Debian/Ubuntu  apt install gcc python3-dev
  Fedora         dnf install gcc python3-devel
  macOS          xcode-select --install
  Windows        Visual Studio Build Tools with the clang-cl component
"""


def optimisation(unit):
    """Return the flags that say how hard GCC and clang are to try on a unit."""
    if DEBUG or SANITIZE:
        return ["-O1", *(SANITIZER_FLAGS if SANITIZE and unit in (SANITIZE, "WRAPPER") else [])]
    if unit == "BASELINE" and X86:
        return ["-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic"]  # for processors older than AVX2
    if unit == "WRAPPER":
        # Argument handling only: the loops are units of their own. What GCC then takes for uninitialised is not.
        return ["-O1", "-Wno-maybe-uninitialized"]
    return ["-O3"]


def folder_of(*made_with):
    """Return the folder of what is made with these commands, flags and versions; nothing else is found in it."""
    return os.path.join("build", hashlib.sha256(repr(made_with).encode()).hexdigest()[:12])


def is_newer(sources, target):
    """Return whether a source is newer than `target`, or there is no target yet."""
    return not os.path.exists(target) or any(os.path.getmtime(one) > os.path.getmtime(target) for one in sources)


def build_cuda():
    """Return the module that compiles kernels for CUDA, by its path: nothing is installed yet."""
    specification = importlib.util.spec_from_file_location("build_cuda", ROOT / "kernels" / "build_cuda.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class BuildPy(build_py):
    """Puts a line beside the package by which Python looks, when it starts, whether a program is to be accelerated.

    And with ALIGNMENT_FAST_CUDA machine code for CUDA devices.
    """

    def run(self):
        super().run()
        if not self.editable_mode:
            self.copy_file(START_FILE, os.path.join(self.build_lib, os.path.basename(START_FILE)))
        if CUDA and not self.editable_mode:
            for family in build_cuda().families():
                build_cuda().build(family, Path(self.build_lib) / "alignment_fast" / "kernels" / family)

    def find_package_modules(self, package, package_dir):
        found = super().find_package_modules(package, package_dir)
        return [one for one in found if package != "alignment_fast.benchmarks" or one[1] not in TOOLS]

    def get_outputs(self, include_bytecode=1):
        return [
            *super().get_outputs(include_bytecode),
            *([] if self.editable_mode else [os.path.join(self.build_lib, os.path.basename(START_FILE))]),
            *([] if not CUDA or self.editable_mode else map(str, Path(self.build_lib).rglob("cuda.*_*"))),
        ]


class Sdist(sdist):
    """Writes the same bytes whenever, wherever and by whomever it is run."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        if format != "gztar":
            raise ExecError(f"source distributions are .tar.gz files, not {format}")
        time = int(os.environ.get("SOURCE_DATE_EPOCH", 315532800))

        def without_origin(member):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = time
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            return member

        with (
            open(f"{base_name}.tar.gz", "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=time) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            for path in sorted(path.as_posix() for path in Path(base_dir).rglob("*") if path.is_file()):
                archive.add(path, path, filter=without_origin)
        return f"{base_name}.tar.gz"


class BuildExt(build_ext):
    """Compiles every unit of every module in one pool, and nothing that is up to date, however it was asked for.

    What was compiled stays in ``build/``, under the flags it was compiled with: wheels, editable installations and
    ``build_ext --inplace`` of one checkout use the same objects.
    """

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        self.flags = self.flags_on_windows() if msvc else GCC_FLAGS
        self.link_flags = SANITIZER_FLAGS if SANITIZE and not msvc else []
        if X86 and not msvc:
            self.flags = [*self.flags, "-mprefer-vector-width=512"]  # acts in the AVX-512 variant only
        command = getattr(self.compiler, "compiler_so", "msvc")
        made_with = (self.flags, optimisation("WRAPPER"), self.link_flags, sys.version, Cython.__version__, ABI3, DEBUG)
        self.wrappers = folder_of(command, *made_with)
        self.loops = {variant: folder_of(command, self.flags, optimisation(variant)) for variant in VARIANTS}
        try:
            self.compile_all()
            super().build_extensions()
        except (CCompilerError, CompileError, ExecError, PlatformError) as error:
            raise type(error)(NO_COMPILER.format(reason=error)) from error

    def flags_on_windows(self):
        """Take clang-cl where there is one, since cl compiles the baseline only; return the flags of the compiler."""
        clang = shutil.which("clang-cl")
        if clang is None:
            return MSVC_FLAGS
        self.compiler.initialize()
        self.compiler.cc = clang
        return CLANG_CL_FLAGS

    def compile_all(self):
        """Compile loops while Cython translates, then the wrappers that it wrote."""
        families = [extension for extension in self.extensions if extension.name not in (SHARED, DRIVER)]
        with ThreadPoolExecutor(self.parallel) as pool:
            units = [
                pool.submit(self.compile_loops, extension, variant) for extension in families for variant in VARIANTS
            ]
            translate(self.extensions)
            units += [pool.submit(self.compile_wrapper, extension) for extension in self.extensions]
            objects = [unit.result() for unit in units]
        for extension in families:
            extension.extra_objects, objects = objects[: len(VARIANTS)], objects[len(VARIANTS) :]
        for extension, wrapper in zip(self.extensions, objects, strict=True):
            extension.extra_objects = [*extension.extra_objects, wrapper]

    def compile_loops(self, extension, variant):
        family = extension.name.split(".")[-2]
        macros = [("AF_UNIT", f"AF_UNIT_{variant}"), ("AF_LOOPS", f'"{family}/loops.inc"')]
        return self.compile_unit(extension, "kernels/variant.c", self.loops[variant], variant, macros)

    def compile_wrapper(self, extension):
        return self.compile_unit(extension, extension.sources[0], self.wrappers, "WRAPPER", extension.define_macros)

    def compile_unit(self, extension, source, folder, unit, macros):
        """Compile `source` unless that has been done; return the object file."""
        output = os.path.join(folder, extension.name, unit)
        (target,) = self.compiler.object_filenames([source], output_dir=output)
        if is_newer([source, *extension.depends], target):
            harder = [] if self.compiler.compiler_type == "msvc" else optimisation(unit)
            self.compiler.compile(
                [source],
                output_dir=output,
                macros=macros,
                include_dirs=extension.include_dirs,
                extra_postargs=[*self.flags, *harder],
            )
        return target

    def build_extension(self, extension):
        """Link a module unless that has been done, and put it where it is wanted."""
        target = self.get_ext_fullpath(extension.name)
        linked = os.path.join(self.wrappers, extension.name, os.path.basename(target))
        if is_newer(extension.extra_objects, linked):
            self.compiler.link_shared_object(
                extension.extra_objects,
                linked,
                libraries=self.get_libraries(extension),
                extra_postargs=self.link_flags,
                export_symbols=self.get_export_symbols(extension),
                build_temp=self.wrappers,
            )
        self.mkpath(os.path.dirname(target))
        self.copy_file(linked, target)


def staged_tree():
    """Return a folder whose layout matches the import names, for Cython's include path.

    Cython looks for the .pxd of ``alignment_fast.kernels.random.cpu`` by its import path and knows nothing of
    ``package_dir``: without this tree the module's own .pxd is silently not found.
    """
    package = ROOT / "build" / "cython_tree" / "alignment_fast"
    shutil.rmtree(package.parent, ignore_errors=True)
    package.mkdir(parents=True)
    (package / "__init__.pxd").touch()
    try:
        (package / "kernels").symlink_to(ROOT / "kernels", target_is_directory=True)
    except OSError:  # Windows without the right to make links
        shutil.copytree(ROOT / "kernels", package / "kernels", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    return str(package.parent)


def translate(modules):
    """Have Cython write the C file of every module whose sources are newer, and make it the module's source."""
    written = cythonize(
        modules,
        build_dir=folder_of(Cython.__version__, DIRECTIVES),
        include_path=[staged_tree()],
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=SHARED,
    )
    for module, translated in zip(modules, written, strict=True):
        if module.name != SHARED:
            check_declarations(module.sources[0], translated.sources[0])
        module.sources = translated.sources


def check_declarations(source, translated):
    """Refuse a C file that was written without the functions which the module's .pxd declares for cimport."""
    declaration = Path(source).with_suffix(".pxd")
    text = declaration.read_text(encoding="utf-8") if declaration.exists() else ""
    declares = re.search(r"^cdef .*\(", text, re.MULTILINE)
    if declares and "__pyx_capi__" not in Path(translated).read_text(encoding="utf-8"):
        os.remove(translated)
        raise CompileError(f"Cython did not find the declarations beside {source}")


def sources_of(family):
    """Return what the loops of a family are made of: its own files, and those of others that ``loops.inc`` includes."""
    own = [path for path in (ROOT / "kernels" / family).iterdir() if path.suffix in (".inc", ".pxi", ".h")]
    included = re.findall(
        r'#include "(?!alignment_fast/)([^"]+)"', (ROOT / "kernels" / family / "loops.inc").read_text("utf-8")
    )
    return sorted({path.relative_to(ROOT).as_posix() for path in own} | {f"kernels/{name}" for name in included})


def extensions():
    headers = [str(path.relative_to(ROOT)) for path in (ROOT / "kernels" / "include").rglob("*.h")]
    macros = [("Py_LIMITED_API", "0x030B0000")] if ABI3 else []
    modules = [Extension(SHARED, [], define_macros=macros, py_limited_api=ABI3)]
    for family in FAMILIES:
        folder = f"kernels/{family}"
        modules.append(
            Extension(
                f"alignment_fast.kernels.{family}.cpu",
                [f"{folder}/cpu.pyx"],
                include_dirs=["kernels/include", "kernels"],
                depends=["setup.py", "kernels/variant.c", *headers, *sources_of(family)],
                define_macros=[*macros, ("AF_UNIT", "AF_UNIT_SELECT")],
                py_limited_api=ABI3,
            )
        )
    modules.append(
        Extension(
            DRIVER,
            ["kernels/common/driver.pyx"],
            include_dirs=["kernels"],
            depends=["setup.py", "kernels/common/driver.h"],
            define_macros=macros,
            py_limited_api=ABI3,
        )
    )
    return modules


setup(
    packages=list(PACKAGES),
    package_dir=PACKAGES,
    package_data={
        "alignment_fast": ["py.typed", "*.pyi"],
        "alignment_fast.accel": ["*.pth"],
        "alignment_fast.benchmarks": ["floors.c", "floors.inc", "instructions.tsv", "schema.json"],
        "alignment_fast.conformance": ["schema.json", "vectors/*.json"],
        "alignment_fast.interop": ["*.pyi"],
        "alignment_fast.kernels": ["__init__.pxd", "include/alignment_fast/*.h", "include/cuda_stub/*.h"],
        **{f"alignment_fast.kernels.{family}": ["*.pxd", "*.pyi", *CUDA_SOURCES] for family in FAMILIES},
    },
    include_package_data=False,
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExt, "build_py": BuildPy, "sdist": Sdist},
    options={
        "build": {"build_base": folder_of(ABI3, DEBUG, SANITIZE)},  # no module of another kind gets into a wheel
        **({"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {}),
    },
    zip_safe=False,
)
