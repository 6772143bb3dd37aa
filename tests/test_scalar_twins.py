"""One formula, many bodies: C per instruction set, plain Python under NumPy, njit: same bits, one coefficient table."""

import ctypes
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alignment_fast.kernels.common import cpu, jit, scalar
from fresh import output_of
from oracles.scalar_grid import digest, grid

pytestmark = pytest.mark.same_everywhere

TESTS = Path(__file__).parent
DTYPES = ("float64", "float32")
PUBLIC = [function.__name__ for function in scalar.PUBLIC]
ISAS = cpu.supported_isas()
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_name = pytest.mark.parametrize("name", PUBLIC)

DIGESTS = """
import numpy as np
from alignment_fast.kernels.common import cpu
from oracles.scalar_grid import digest, grid

for dtype in ("float64", "float32"):
    x = grid(dtype)
    for name in {names}:
        out = np.empty_like(x)
        getattr(cpu, name)(x, out)
        print(name, dtype, digest(out))
"""


@functools.cache
def c_digests(isa):
    code = DIGESTS.format(names=[*PUBLIC, "normal_ppf_rn"])
    lines = output_of(code, ALIGNMENT_FAST_ISA=isa, PYTHONPATH=str(TESTS)).splitlines()
    return {tuple(line.split()[:2]): line.split()[2] for line in lines}


def compiled_body(function, dtype):
    """Return `function` of arrays, made from an njit `function` of numbers."""
    import numba

    @numba.njit(error_model="numpy")
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    def call(x):
        out = np.empty(x.shape, dtype)
        loop(x, out)
        return out

    return call


@each_dtype
@each_name
def test_numpy_twin_has_the_bits_of_the_baseline(name, dtype):
    assert digest(scalar.numpy_functions(dtype)[name](grid(dtype))) == c_digests("baseline")[name, dtype]


@each_dtype
@each_name
def test_njit_body_has_the_bits_of_the_baseline(name, dtype):
    body = jit.scalar_functions(dtype)[name]
    assert digest(compiled_body(body, dtype)(grid(dtype))) == c_digests("baseline")[name, dtype]
    (signature,) = {overload.signature.return_type.name for overload in body.overloads.values()}
    assert signature == dtype


@pytest.mark.parametrize("isa", [isa for isa in ISAS if isa not in ("baseline", "avx2")])
def test_instruction_sets_with_fma_give_the_same_bits(isa):
    assert c_digests(isa) == c_digests("avx2")


@pytest.mark.parametrize("isa", ISAS)
def test_the_quantile_of_random_streams_has_the_same_bits_everywhere(isa):
    for dtype in DTYPES:
        assert c_digests(isa)["normal_ppf_rn", dtype] == c_digests("baseline")["normal_ppf", dtype]


CAPSULE_TYPES = {"float64": (ctypes.c_double, "double", "f64"), "float32": (ctypes.c_float, "float", "f32")}


@each_dtype
@each_name
def test_scalar_functions_for_cimport_have_the_bits_of_the_loops(name, dtype):
    number, c_name, suffix = CAPSULE_TYPES[dtype]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(cpu.__pyx_capi__[f"{name}_{suffix}"], f"{c_name} ({c_name})".encode())
    function = ctypes.CFUNCTYPE(number, number)(address)
    x = grid(dtype)[-3000:]
    out = np.empty_like(x)
    getattr(cpu, name)(x, out)
    assert digest(np.array([function(value) for value in x.tolist()], dtype)) == digest(out)


def test_the_header_belongs_to_the_coefficient_table():
    generator = TESTS.parent / "kernels" / "common" / "generate_coefficients.py"
    process = subprocess.run([sys.executable, str(generator), "--check"], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr


@functools.cache
def disassembly():
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", cpu.__file__], capture_output=True, text=True)
    return dict(re.findall(r"^[0-9a-f]+ <((?:map|af_array)_\w+)>:\n((?:.+\n)+)", listing.stdout, re.MULTILINE))


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize(("isa", "register"), [("avx2", "ymm"), ("avx512", "zmm")])
@each_dtype
@each_name
def test_loops_are_vector_code_without_calls(name, dtype, isa, register):
    """A lost flag costs the vectors without a word from the compiler; so look at the code."""
    suffix, packed = ("f64", "pd") if dtype == "float64" else ("f32", "ps")
    loops = disassembly()
    body = loops.get(f"map_{name}_{suffix}_{isa}")
    if body is not None and dtype == "float64":  # a jump to what other families use too (af_side.h)
        body = loops.get(f"af_array_{name}_{isa}", body)
    if body is None:
        pytest.skip("this build has no symbols or no such variant")
    assert len(re.findall(rf"vfn?m(?:add|sub)\w+{packed}\s.*%{register}", body)) >= 5
    assert "call" not in body


HEADER_ALONE = r"""
#include "alignment_fast/af_math.h"
double f64(int which, double x) { return which ? af_log1p_f64(x) : af_exp_f64(x); }
float f32(int which, float x) { return which ? af_log1p_f32(x) : af_exp_f32(x); }
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("standard", ["c99", "gnu11"])
def test_header_stands_alone(standard, tmp_path):
    """Strict warnings, no libm, and the bits of the baseline in a user's own file."""
    source, library = tmp_path / "alone.c", tmp_path / "alone.so"
    source.write_text(HEADER_ALONE, encoding="utf-8")
    include = TESTS.parent / "kernels" / "include"
    flags = [f"-std={standard}", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-math-errno"]
    flags += ["-Wno-unused-function", "-shared", "-fPIC", "-nostdlib", "-Wl,--no-undefined", f"-I{include}"]
    subprocess.run(["cc", *flags, str(source), "-o", str(library)], check=True, timeout=60)
    alone = ctypes.CDLL(str(library))
    alone.f64.restype, alone.f64.argtypes = ctypes.c_double, [ctypes.c_int, ctypes.c_double]
    x = grid("float64")[-3000:]
    for which, name in enumerate(["exp", "log1p"]):
        values = np.array([alone.f64(which, value) for value in x.tolist()])
        assert digest(values) == digest(scalar.numpy_functions("float64")[name](x))
