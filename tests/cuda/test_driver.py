"""The driver: what it reports when something is missing or fails, and that the process goes on afterwards."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.kernels import build_cuda
from alignment_fast.kernels.common import driver, images
from alignment_fast.random import Stream

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]


def uniforms(cuda, **options):
    out = cuda.array(np.zeros(1000), **options)
    Stream.from_key(7).uniform(1000, out=out)
    return out.numpy()


EXPECTED = Stream.from_key(7).uniform(1000)


def test_devices_and_versions_are_named(cuda):
    cuda.state.devices = 2
    assert driver.device_count() == 2
    assert driver.device(1) == ("stand-in 1", (9, 0), 2)
    assert driver.driver_version() == (13, 0)
    with pytest.raises(ValueError, match="there is no CUDA device 2; there are 2"):
        driver.device(2)


def test_without_a_driver_the_request_says_so():
    driver.close()
    with pytest.raises(
        af.BackendUnavailableError, match=r"needs a CUDA device: NVIDIA's driver \(libcuda.so.1\) is not inst"
    ):
        af.best_of_n.simulate(af.best_of_n.Gaussian(), 2, 10, seed=1, device="cuda")
    assert driver.device_count() == 0


def test_without_a_device_the_request_says_so(cuda):
    cuda.state.devices = 0
    with pytest.raises(af.BackendUnavailableError, match="needs a CUDA device: an error of the stand-in"):
        af.best_of_n.simulate(af.best_of_n.Gaussian(), 2, 10, seed=1, device="cuda")


@pytest.mark.parametrize("result", [209, 222, 218])
def test_a_driver_that_is_too_old_for_the_kernels_is_named(cuda, result):
    cuda.fail("cuModuleLoadData", result)
    with pytest.raises(
        driver.DriverError, match=r"for CUDA 13.0, is too old for the kernels of random on CUDA device 0"
    ):
        uniforms(cuda)
    assert (uniforms(cuda) == EXPECTED).all()


def test_a_launch_that_fails_names_the_kernel(cuda):
    cuda.fail("cuLaunchKernel", 719)
    with pytest.raises(driver.DriverError, match="the kernel fill_uniforms_f64 of random on CUDA device 0: an error"):
        uniforms(cuda)
    assert (uniforms(cuda) == EXPECTED).all()


def test_no_room_says_how_much_was_asked_for(cuda):
    inputs = [cuda.array(np.zeros(3000, np.float32)) for _ in range(4)]
    cuda.state.free_left = 1000
    with pytest.raises(MemoryError, match="CUDA device 0 cannot allocate 12000 bytes"):
        af.pairwise.preference_loss(*inputs)
    cuda.state.free_left = -1
    assert (uniforms(cuda) == EXPECTED).all()


@pytest.mark.parametrize("pools", [0, 1])
def test_memory_is_given_back(cuda, pools):
    cuda.state.pools = pools
    before = cuda.state.n_arrays
    memory = driver.Memory(100, 0, 7)
    assert cuda.state.n_arrays == before + 1
    del memory
    assert cuda.state.n_arrays == before


def test_calls_go_to_the_device_of_the_array(cuda):
    cuda.state.devices = 2
    assert (uniforms(cuda, device=1) == EXPECTED).all()
    launched = [
        device for (name, _), device in zip(cuda.calls(), cuda.devices(), strict=True) if name.startswith("fill")
    ]
    assert launched == [1]


def test_code_of_the_wheel_comes_first_then_the_compiler_then_ptx(tmp_path, monkeypatch):
    monkeypatch.setattr(build_cuda, "FOLDER", tmp_path)
    monkeypatch.setattr(images, "compiled", lambda family, target: f"compiled {target}".encode())
    (tmp_path / "random").mkdir()
    assert images.image("random", (9, 0)) == b"compiled sm_90\0"
    for name in ("cuda.sm_80.cubin", "cuda.sm_90.cubin", "cuda.compute_80.ptx"):
        (tmp_path / "random" / name).write_bytes(name.encode())
    assert images.image("random", (8, 6)) == b"cuda.sm_80.cubin\0"
    assert images.image("random", (9, 0)) == b"cuda.sm_90.cubin\0"
    assert images.image("random", (12, 1)) == b"compiled sm_121\0"
    assert images.shipped("random") == ["compute_80", "sm_80", "sm_90"]

    def missing(family, target):
        raise build_cuda.CompilerMissingError("no NVRTC: install alignment-fast[cuda12]")

    monkeypatch.setattr(images, "compiled", missing)
    assert images.image("random", (12, 1)) == b"cuda.compute_80.ptx\0"
    (tmp_path / "random" / "cuda.compute_80.ptx").unlink()
    with pytest.raises(ImportError, match=r"install alignment-fast\[cuda12\]"):
        images.image("random", (12, 1))


@pytest.mark.parametrize("writable", [True, False])
def test_what_was_compiled_is_kept_where_it_can_be(nvrtc, tmp_path, monkeypatch, writable):
    place = tmp_path / "cache"
    if not writable:
        place.write_text("a file where the folder would be")
    monkeypatch.setenv("ALIGNMENT_FAST_CACHE", str(place))
    code = images.compiled("common", build_cuda.PTX)
    assert b".entry moments_blocks" in code
    if writable:
        (file,) = (place / "alignment_fast").iterdir()
        file.write_bytes(b"kept")
        assert images.compiled("common", build_cuda.PTX) == b"kept"
