"""Fixtures of the tests of CUDA: a compiler, and a stand-in for the driver. Without NVRTC they are skipped, loudly."""

import ptx
import pytest
import stand_in

from alignment_fast.kernels import build_cuda
from alignment_fast.kernels.common import images, launches


@pytest.fixture(scope="session")
def nvrtc():
    try:
        return build_cuda.Nvrtc()
    except build_cuda.CompilerMissingError as error:
        pytest.skip(f"KERNELS FOR CUDA ARE NOT TESTED: {error}")


@pytest.fixture(scope="session")
def ptx_of(nvrtc):
    """PTX by family. NVRTC runs before there is a stand-in: it looks for a driver too, and takes this one for real."""
    return {family: images.compiled(family, build_cuda.PTX) for family in build_cuda.families()}


@pytest.fixture(scope="session")
def kernels_of(ptx_of):
    """Return the kernels of a family, made runnable."""
    return lambda family: ptx.module(ptx_of[family].decode())


@pytest.fixture
def cuda(ptx_of, tmp_path_factory, monkeypatch):
    """The stand-in driver with one device, whose kernels come as PTX."""
    monkeypatch.setattr(images, "image", lambda family, capability: ptx_of[family] + b"\0")
    made = stand_in.StandIn(tmp_path_factory.getbasetemp())
    yield made
    made.close()


@pytest.fixture
def shaped(cuda, monkeypatch):
    """Return a function that makes all launches have so many blocks at most, of so many threads, run in an order."""

    def shape(blocks, threads, order):
        monkeypatch.setattr(launches, "_most", lambda _device: blocks)
        monkeypatch.setattr(launches.blocks_for, "__defaults__", (threads,))
        cuda.state.order = order

    return shape
