"""The formulas that CUDA kernels share with the loops of the processor compile as CUDA, and have the same bits there.

Without a device the CUDA branch of the headers is compiled as C++ for the processor (tests/c/cuda_host.h) and run.
"""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from marks import fused

from alignment_fast import random
from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.common import cpu as common
from alignment_fast.kernels.information import cpu as information

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "tests" / "c" / "cuda_formulas.cu"
INCLUDE = ["-I", str(ROOT / "kernels" / "include"), "-I", str(ROOT / "kernels")]
WORDS = np.array([0, 1, 2**32, 2**53 + 1, 2**63, 2**64 - 1], dtype=np.uint64)
TAILS = np.array([5e-324, 1e-300, 1e-17, 0.01, 0.3, 0.5, 0.75, 1 - 2.0**-53])
EXPONENTS = np.concatenate([[0.0, 1e-300], np.geomspace(1e-16, 37.0, 100)])
REALS = np.concatenate([[-np.inf, np.inf, 0.0, -0.0], np.linspace(-40, 40, 201)])


@pytest.fixture(scope="module")
def formulas(tmp_path_factory):
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    library = tmp_path_factory.mktemp("cuda") / "formulas.so"
    flags = ["-O1", "-shared", "-fPIC", "-ffp-contract=off", "-Wall", "-Werror", "-Wno-unused-function", "-DAF_HOST"]
    host = ["-include", str(ROOT / "tests" / "c" / "cuda_host.h")]
    command = [compiler, *flags, *INCLUDE, *host, "-x", "c++", str(SOURCE), "-o", str(library)]
    subprocess.run(command, check=True, timeout=120)
    return ctypes.CDLL(str(library))


def applied(formulas, name, x, dtype=np.float64):
    out = np.empty(x.size, dtype)
    pointer = ctypes.c_void_p
    getattr(formulas, name)(ctypes.c_ssize_t(x.size), pointer(x.ctypes.data), pointer(out.ctypes.data))
    return out


def by_kernel(kernel, x, *parameters, dtype=np.float64):
    out = np.empty(x.size, dtype)
    kernel(x, *parameters, out)
    return out


def test_rewards_have_the_bits_of_every_instruction_set(formulas):
    for name, kernel, x, parameters in (
        ("word_tails", cpu.word_tails, WORDS, ()),
        ("exponent_tails", cpu.exponent_tails, EXPONENTS, ()),
        ("gaussian_rewards", cpu.gaussian_rewards, TAILS, (0.25, 3.0)),
        ("uniform_rewards", cpu.uniform_rewards, TAILS, ()),
    ):
        assert applied(formulas, name, x).tobytes() == by_kernel(kernel, x, *parameters).tobytes(), name


def test_streams_have_the_bits_of_every_instruction_set(formulas):
    stream = random.Stream.from_key(7)
    words = applied(formulas, "words", np.arange(25, dtype=np.uint64), np.uint32)
    assert words.tobytes() == stream.uint32(100)[::4].tobytes()
    all_words = stream.uint32(1000)
    assert (
        applied(formulas, "normals", all_words, np.float32).tobytes() == stream.normal(1000, dtype="float32").tobytes()
    )
    assert applied(formulas, "uniforms", stream.uint64(500)).tobytes() == stream.uniform(500).tobytes()


@fused
def test_elementary_functions_have_the_bits_of_builds_with_fma(formulas):
    size = np.abs(REALS)
    assert applied(formulas, "exps", REALS).tobytes() == by_kernel(common.exp, REALS).tobytes()
    assert applied(formulas, "logs", size).tobytes() == by_kernel(common.log, size).tobytes()
    estimates, slopes = np.empty(REALS.size), np.empty(REALS.size)
    information.estimates(REALS, estimates, slopes, 0, REALS.size)
    finite = -np.inf < REALS  # whose limit the loop knows
    assert applied(formulas, "estimates", REALS)[finite].tobytes() == estimates[finite].tobytes()
    single = REALS.astype(np.float32)
    found, expected = applied(formulas, "expm1s", single, np.float32), by_kernel(common.expm1, single, dtype=np.float32)
    assert found.tobytes() == expected.tobytes()


def test_the_formulas_compile_for_a_device(tmp_path):
    compiler = shutil.which("nvcc")
    if compiler is None:
        pytest.skip("no nvcc")
    ptx = tmp_path / "formulas.ptx"
    command = [compiler, "-ptx", "-fmad=false", "-arch=compute_80", *INCLUDE, str(SOURCE), "-o", str(ptx)]
    # NVIDIA's compiler does not run under a sanitizer of ours.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run(command, check=True, timeout=300, env=environment)
    text = ptx.read_text("utf-8")
    body = text[text.index(".entry gaussian_rewards") :]
    body = body[: body.index("\n}")]
    assert "fma." not in body  # simulations promise the same bits everywhere
    assert "mul.rn.f64" in body or "mul.f64" in body
