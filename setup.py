"""Build of the compiled kernels: the folder ``kernels/`` is installed as ``alignment_fast.kernels``.

Switches (environment, read at build time):

- ``ALIGNMENT_FAST_ABI3=1``      one cp311-abi3 wheel for every Python from 3.11 on
- ``ALIGNMENT_FAST_DEBUG=1``     bounds checks, initialisation checks and C assertions on, -O1
- ``ALIGNMENT_FAST_SANITIZE=1``  AddressSanitizer and UndefinedBehaviorSanitizer
"""

import os
import platform
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, CompileError, ExecError, PlatformError

ROOT = Path(__file__).parent
ABI3 = os.environ.get("ALIGNMENT_FAST_ABI3") == "1"
DEBUG = os.environ.get("ALIGNMENT_FAST_DEBUG") == "1"
SANITIZE = os.environ.get("ALIGNMENT_FAST_SANITIZE") == "1"

# Those that take the compiler longest come first: modules are compiled side by side.
FAMILIES = ("dynamics", "information", "best_of_n", "pairwise", "common", "random", "ranking", "memoryless")


def packages():
    """Return every package by its import name, and its folder: kernels/ is installed as alignment_fast.kernels."""
    found = {}
    for top, name in (("alignment_fast", "alignment_fast"), ("kernels", "alignment_fast.kernels")):
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
    "-O1" if DEBUG or SANITIZE else "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-g" if DEBUG or SANITIZE else "-g0",
    "-Wall",
    "-Wno-unused-function",
    "-Wno-unknown-pragmas",
]
SANITIZER_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
MSVC_FLAGS = ["/O2", "/std:c11", "/fp:precise"]

NO_COMPILER = """
alignment_fast could not compile its kernels ({reason}).
A C compiler and the Python headers are needed:
  Debian/Ubuntu  apt install gcc python3-dev
  Fedora         dnf install gcc python3-devel
  macOS          xcode-select --install
  Windows        Visual Studio Build Tools with the clang-cl component
"""


class BuildExt(build_ext):
    """Adds the flags of the compiler in use, and says plainly what is missing when there is none."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or True  # one compiler per CPU

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        compile_flags = list(MSVC_FLAGS if msvc else GCC_FLAGS)
        link_flags = []
        if not msvc and platform.machine() in ("x86_64", "AMD64"):
            compile_flags.append("-mprefer-vector-width=512")  # acts in the AVX-512 variant only
        if SANITIZE and not msvc:
            compile_flags += SANITIZER_FLAGS
            link_flags += SANITIZER_FLAGS
        for extension in self.extensions:
            extension.extra_compile_args += compile_flags
            extension.extra_link_args += link_flags
        try:
            super().build_extensions()
        except (CCompilerError, CompileError, ExecError, PlatformError) as error:
            raise type(error)(NO_COMPILER.format(reason=error)) from error


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
        shutil.copytree(ROOT / "kernels", package / "kernels", ignore=shutil.ignore_patterns("*.c", "*.so", "*.pyd"))
    return str(package.parent)


def extensions():
    headers = [str(path.relative_to(ROOT)) for path in (ROOT / "kernels" / "include").rglob("*.h")]
    macros = [("Py_LIMITED_API", "0x030B0000")] if ABI3 else []
    modules = []
    for family in FAMILIES:
        folder = f"kernels/{family}"
        # What stands in `depends` also goes into the sdist: no MANIFEST.in is needed.
        loops = [str(path.relative_to(ROOT)) for end in ("inc", "pxi") for path in (ROOT / folder).glob(f"*.{end}")]
        depends = [*headers, *loops, f"{folder}/cpu.pyx"]
        modules.append(
            Extension(
                f"alignment_fast.kernels.{family}.cpu",
                [f"{folder}/cpu.pyx"],
                include_dirs=["kernels/include", "kernels"],
                depends=depends,
                define_macros=macros,
            )
        )
    built = cythonize(
        modules,
        include_path=[staged_tree()],
        compiler_directives={
            "language_level": "3",
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
    )
    for extension in built:
        extension.py_limited_api = ABI3
    return built


setup(
    packages=list(PACKAGES),
    package_dir=PACKAGES,
    package_data={
        "alignment_fast": ["py.typed", "*.pyi"],
        "alignment_fast.interop": ["*.pyi"],
        "alignment_fast.kernels": ["__init__.pxd", "include/alignment_fast/*.h"],
        **{f"alignment_fast.kernels.{family}": ["*.pxd", "*.pyi"] for family in FAMILIES},
    },
    include_package_data=False,
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
    zip_safe=False,
)
