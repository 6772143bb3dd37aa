"""The loops as C alone (tests/c): variants agree with each other and, under emulation, with AArch64.

Variants with a hardware fma must give the same bits: avx2, avx512, and the baseline of AArch64. Streamed random values
(and functions marked _rn) use no fma and must have the same bits in every variant.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.aarch64, pytest.mark.same_everywhere]

ROOT = Path(__file__).parents[1]
DRIVERS = sorted(path.stem for path in (ROOT / "tests/c").glob("*.c"))
FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]  # as in setup.py
NATIVE = shutil.which("cc") or shutil.which("gcc")
CROSS = shutil.which("aarch64-linux-gnu-gcc")
EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
each_driver = pytest.mark.parametrize("driver", DRIVERS)


def digests(compiler, driver, folder, *, runner=(), flags=()):
    """Compile and run a driver; return {variant: {loop: digest}}."""
    program = folder / f"{driver}_{Path(compiler).name}"
    include = ["-I", ROOT / "kernels/include", "-I", ROOT / "kernels"]
    source = ROOT / "tests/c" / f"{driver}.c"
    subprocess.run([compiler, *FLAGS, *flags, *include, source, "-o", program], check=True)
    printed = subprocess.run([*runner, program], capture_output=True, text=True, check=True).stdout
    found: dict[str, dict[str, str]] = {}
    for line in printed.splitlines():
        variant, loop, digest = line.split()
        found.setdefault(variant, {})[loop] = digest
    return found


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    if NATIVE is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("native")
    return {driver: digests(NATIVE, driver, folder) for driver in DRIVERS}


def fused(variants):
    """Return the digests of one variant with a hardware fma, or skip where this processor has none."""
    if "avx2" not in variants:
        pytest.skip("this processor has no variant with a hardware fma")
    return variants["avx2"]


@each_driver
def test_variants_with_fma_agree(native, driver):
    variants = native[driver]
    assert all(variants[name] == fused(variants) for name in variants if name != "baseline")


def without_fma(digests):
    return {loop: digest for loop, digest in digests.items() if "_rn_" in loop}


def test_functions_without_fma_agree_in_every_variant(native):
    variants = native["common"]
    assert without_fma(variants["baseline"])
    assert all(without_fma(found) == without_fma(variants["baseline"]) for found in variants.values())


def test_random_streams_agree_in_every_variant(native):
    variants = native["random"]
    assert all(found == variants["baseline"] for found in variants.values())


@pytest.mark.skipif(CROSS is None or EMULATOR is None, reason="needs aarch64-linux-gnu-gcc and qemu-aarch64-static")
@each_driver
def test_aarch64_agrees(native, driver, tmp_path):
    emulated = digests(CROSS, driver, tmp_path, runner=[EMULATOR], flags=["-static"])
    assert list(emulated) == ["baseline"]
    assert emulated["baseline"] == fused(native[driver])
