"""The CUDA twin of the simulation without a GPU: values in the simulator, arithmetic in PTX, resources from ptxas."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from alignment_fast.kernels.best_of_n import cpu, scalar
from alignment_fast.kernels.common.scalar import bind, numpy_functions
from alignment_fast.kernels.random import scalar as philox
from fresh import output_of, run_python

pytestmark = [pytest.mark.gpu, pytest.mark.same_everywhere]

pytest.importorskip("numba_cuda")

# The simulator is chosen before numba is first imported, hence in a process of its own; one for all checks, since every
# start costs seconds. `same` compares with the CPU bit for bit.
SIMULATED = """
import json
import numpy as np
from alignment_fast._border.rng import stream_key
from alignment_fast.best_of_n import Gaussian, Quantile, Table, Uniform, simulate
from alignment_fast.kernels.best_of_n import cpu, gpu, simulation
from alignment_fast.kernels.common.gpu import cuda

def same_winners(keys, replicate, replicates, grid):
    winner, start, rows = cuda.to_device(np.full(replicates, simulation.NO_WINNER)), 0, []
    for stop in grid:
        gpu.fold_winners(*keys, start, stop, replicate, winner)
        start = stop
        rows.append(winner.copy_to_host())
    return (np.array(rows) == simulation.winners(keys, replicate, replicates, grid)).all()

def same_range(start, stop):
    host = np.full(2, simulation.NO_WINNER)
    device = cuda.to_device(host)
    gpu.fold_winners(1, 2, start, stop, 7, device)
    cpu.fold_winners(1, 2, start, stop, 7, host)
    return (device.copy_to_host() == host).all()

def same_result(source, method):
    options = dict(seed=1, method=method, replicate=5, return_maxima=True)
    host, device = (simulate(source, [1, 9, 30], 25, device=device, **options) for device in ("cpu", "cuda"))
    return (host.values == device.values).all() and (host.mean == device.mean).all() and host.draws == device.draws

def with_setting(name, value, check, *arguments):
    before = getattr(gpu, name)
    setattr(gpu, name, value)
    try:
        return check(*arguments)
    finally:
        setattr(gpu, name, before)

tied = (stream_key(0, 0), stream_key(0, 1)), 22470, 1, [1192, 2048]
sources = dict(gaussian=Gaussian(1.0, 2.0), uniform=Uniform(), table=Table([1, 2, 3, 0], [3, 2, 1, 9]))
sources["quantile"] = Quantile(isf=lambda tail: -np.log(tail))
print(json.dumps({name: bool(eval(code)) for name, code in json.loads(CHECKS).items()}))
"""

CHECKS = {
    "short grids": "same_winners((11, 22), 0, 3, [1, 5, 40])",
    "replicates around 2^32": "same_winners((11, 22), 2**32 - 2, 4, [3, 7, 1030])",
    "large keys and replicates": "same_winners((2**64 - 1, 2**63), 2**63, 2, [2, 4, 4100])",
    "blocks around 2^32": "same_range(2**34 - 6, 2**34 + 70)",
    "launches cut": "with_setting('LAUNCH_DRAWS', 300, same_winners, (5, 6), 9, 3, [10, 1000])",
    # Under seed 0, draws 970 and 1192 of replicate 22470 share the smallest high word of the first 2048.
    "tie in one task": "with_setting('TASK_BLOCKS', 512, same_winners, *tied)",
    "tie between tasks": "with_setting('TASK_BLOCKS', 32, same_winners, *tied)",
    **{
        f"{source} by {method}": f"same_result(sources['{source}'], '{method}')"
        for source in ("gaussian", "uniform", "table", "quantile")
        for method in ("brute", "order")
    },
}


@pytest.fixture(scope="module")
def simulated():
    """Return check -> whether the simulator gave the bits of the CPU."""
    code = f"CHECKS = {json.dumps(CHECKS)!r}\n{SIMULATED}"
    return json.loads(output_of(code, NUMBA_ENABLE_CUDASIM="1"))


@pytest.mark.parametrize("check", CHECKS)
def test_the_simulator_gives_the_bits_of_the_cpu(simulated, check):
    assert simulated[check]


def test_without_a_device_the_request_fails_and_says_why():
    code = (
        "from alignment_fast.best_of_n import Gaussian, simulate\n"
        "from alignment_fast.kernels.common import gpu\n"
        "print(gpu.device_names())\n"
        "simulate(Gaussian(), 2, 10, seed=1, device='cuda')"
    )
    process = run_python(code, CUDA_VISIBLE_DEVICES="", NUMBA_ENABLE_CUDASIM="0")
    assert process.stdout.strip() == "[]"
    assert "BackendUnavailableError: best_of_n on 'cuda' needs a CUDA device" in process.stderr


def test_a_sampler_has_no_cuda_version():
    code = (
        "from alignment_fast.best_of_n import Sampler, simulate\n"
        "simulate(Sampler(max, 2), 2, 10, seed=1, device='cuda')"
    )
    assert "a Sampler has no CUDA version" in run_python(code).stderr


# ---- one body, two languages ----


def twin():
    """Return the scalar steps bound to NumPy."""
    elementary = numpy_functions("float64")
    primitives = {"where": np.where, "step": lambda a, b, c: a * b + c, "product": lambda a, b: a * b}
    return scalar.functions(bind, lambda function: function, primitives, elementary)


def test_scalar_steps_equal_the_c_loops():
    generator = np.random.default_rng(3)
    words = np.concatenate([generator.integers(0, 2**64, 4000, dtype=np.uint64), np.uint64([0, 1, 2**64 - 1])])
    tail, again = np.empty(words.size), np.empty(words.size)
    body = twin()
    cpu.word_tails(words, tail)
    assert (tail == body["word_tail"](words)).all()
    cpu.gaussian_rewards(tail, 0.5, 3.0, again)
    assert (again == body["gaussian_reward"](tail, 0.5, 3.0)).all()
    cpu.uniform_rewards(tail, again)
    assert (again == body["uniform_reward"](tail)).all()
    exponent = np.full(words.size, np.inf)
    cpu.fold_exponents(5, 0, 3, 7.0, exponent)
    uniform = np.array([philox.uniform_f64(philox.word64(*philox.philox4x32(5, r, 1)[2:])) for r in range(words.size)])
    assert (exponent == body["exponent_of"](uniform, 7.0)).all()
    cpu.exponent_tails(exponent, again)
    assert (again == body["exponent_tail"](exponent)).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-16, 1e-3, 0.5, 1.0, 37.0])
def test_exponent_tail_is_accurate_to_10_ulp(scale):
    exponent = scale * np.linspace(0.5, 1.0, 200)
    tail = np.empty(exponent.size)
    cpu.exponent_tails(exponent, tail)
    for x, value in zip(exponent, tail, strict=True):
        exact = -mp.expm1(-mp.mpf(float(x)))
        assert abs(value - exact) <= 10 * np.spacing(float(exact))


# ---- what the compiler makes of it ----

LIBNVVM = importlib.util.find_spec("nvidia") is not None
PTXAS = shutil.which("ptxas")
if LIBNVVM:
    wheels = [Path(folder) for folder in importlib.util.find_spec("nvidia").submodule_search_locations]
    PTXAS = next((str(file) for folder in wheels for file in folder.glob("*/bin/ptxas")), PTXAS)

each_capability = pytest.mark.parametrize("capability", [(8, 0), (9, 0)], ids=["sm_80", "sm_90"])
needs_libnvvm = pytest.mark.skipif(not LIBNVVM, reason="libNVVM of the extra cuda12 or cuda13 is not installed")


@pytest.fixture(scope="module")
def ptx():
    """Return (kernel name, capability) -> PTX, compiled in one process of its own."""
    code = (
        "import json\n"
        "from alignment_fast.kernels.best_of_n import gpu as family\n"
        "from alignment_fast.kernels.common import gpu\n"
        "print(json.dumps([[kernel.py_func.__name__, major, gpu.ptx(kernel, signature, (major, 0))]\n"
        "                  for kernel, signature in family.SIGNATURES.items() for major in (8, 9)]))"
    )
    return {(name, (major, 0)): text for name, major, text in json.loads(output_of(code, NUMBA_ENABLE_CUDASIM="0"))}


@needs_libnvvm
@each_capability
def test_no_product_is_fused_into_a_float64_sum(ptx, capability):
    texts = {name: text for (name, cc), text in ptx.items() if cc == capability}
    assert len(texts) == 7
    assert [name for name, text in texts.items() if "fma." in text] == []


@needs_libnvvm
@each_capability
def test_the_race_is_integers_only(ptx, capability):
    text = ptx["fold_winners_kernel", capability]
    assert ".f64" not in text
    assert ".f32" not in text


@needs_libnvvm
@pytest.mark.skipif(PTXAS is None, reason="ptxas is not installed")
@each_capability
def test_registers_and_spills(ptx, capability, tmp_path):
    """At most 64 registers: 1024 threads per multiprocessor, enough to hide the latency of a multiplication."""
    for (name, cc), text in ptx.items():
        if cc == capability:
            file = tmp_path / f"{name}.ptx"
            file.write_text(text)
            command = [PTXAS, "-v", f"-arch=sm_{cc[0]}{cc[1]}", str(file), "-o", str(tmp_path / "out.cubin")]
            report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
            registers = int(report.split("Used ")[1].split()[0])
            assert registers <= 64, name
            assert "0 bytes spill stores" in report, name
