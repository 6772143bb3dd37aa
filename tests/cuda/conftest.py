"""Fixtures of the tests of CUDA: a compiler, and a stand-in for the driver. Without NVRTC they are skipped, loudly."""


import ptx
import pytest
import stand_in

from alignment_fast.kernels import build_cuda
from alignment_fast.kernels.common import images


@pytest.fixture(scope="session")
def nvrtc():
    try:
        return build_cuda.Nvrtc()
    except build_cuda.CompilerMissingError as error:
        pytest.skip(f"KERNELS FOR CUDA ARE NOT TESTED: {error}")


@pytest.fixture(scope="session")
def kernels_of(nvrtc):
    """Return the kernels of a family, compiled to PTX and made runnable; a cache of the session."""
    return lambda family: ptx.module(images.compiled(family, build_cuda.PTX).decode())


@pytest.fixture
def cuda(nvrtc, tmp_path_factory, monkeypatch):
    """The stand-in driver with one device, whose kernels come as PTX."""
    monkeypatch.setattr(images, "image", lambda family, capability: images.compiled(family, build_cuda.PTX) + b"\0")
    made = stand_in.StandIn(tmp_path_factory.getbasetemp())
    yield made
    made.close()
