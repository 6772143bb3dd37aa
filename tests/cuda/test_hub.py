"""The variant for CUDA of the kernel-hub build: tensors of the processor stand in for those of a device."""

import _ctypes
import ctypes
import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from alignment_fast.kernels import build_cuda  # noqa: E402

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

ROOT = Path(__file__).parents[2]
STREAM = 9


@pytest.fixture(scope="module")
def variant(tmp_path_factory, ptx_of):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    sys.path.insert(0, str(ROOT / "hub"))
    try:
        import build
    finally:
        sys.path.pop(0)
    folder = build.build(tmp_path_factory.mktemp("hub"), "-O1", "cuda", targets=())
    (folder / f"pairwise.{build_cuda.PTX}.ptx").write_bytes(ptx_of["pairwise"])
    return folder


@pytest.fixture(scope="module")
def kernel(variant):
    name = json.loads((variant / "metadata.json").read_text("utf-8"))["id"]
    spec = importlib.util.spec_from_file_location(name, variant / "__init__.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def there(cuda, kernel, monkeypatch):
    """Have tensors taken for tensors on a device; a launch may touch those that it is given, and its results."""
    allow, disallow = cuda.library.test_allow, cuda.library.test_disallow
    allow.argtypes = (ctypes.c_uint64, ctypes.c_size_t)
    known = {}

    class Posed(kernel.devices.DeviceArray):
        def __init__(self, tensor, place):
            super().__init__(tensor, place)
            if known.get(self.pointer) is None:
                assert not allow(self.pointer, tensor.numel() * tensor.element_size())
                known[self.pointer] = tensor

    def place_of(tensor):
        disallow()
        known.clear()
        return kernel.devices.Place(torch.device("cpu"), 0, STREAM)

    monkeypatch.setattr(kernel.devices, "DeviceArray", Posed)
    monkeypatch.setattr(kernel.devices, "place_of", place_of)
    monkeypatch.setattr(kernel._cuda, "is_there", lambda tensor: True)
    cuda.forget()
    yield cuda
    disallow()
    _ctypes.dlclose(kernel.driver._driver()._handle)
    kernel.driver._driver.cache_clear()


def draws(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def test_losses_and_log_probabilities_are_those_of_the_processor(there, kernel, monkeypatch):
    pairs = [(x.detach() - 3).requires_grad_() for x in draws(*[(70,)] * 4)]
    logits, hidden, weight = draws((2, 3, 700), (2, 3, 4), (700, 4))
    ids = torch.tensor([[0, 5, -100], [699, 512, 1]])

    def step():
        both = kernel.linear_logprobs(hidden, weight, ids, entropy=True)
        return [
            (value.detach(), *torch.autograd.grad(value.sum(), tensors))
            for value, tensors in (
                (kernel.preference_loss(*pairs), pairs),
                (kernel.preference_loss(*pairs[:2], loss_type="simper"), pairs[:2]),
                (kernel.preference_loss(*[x.float() for x in pairs], reduction="none"), pairs),
                (kernel.preference_loss(*[x.bfloat16() for x in pairs], loss_type="ipo"), pairs),
                (kernel.margin_loss(pairs[0], weight=pairs[1].detach().abs()), pairs[:1]),
                (kernel.sequence_logprobs(logits, ids), [logits]),
                (kernel.sequence_logprobs(logits.bfloat16(), ids), [logits]),
                (both[0] + both[1], [hidden, weight]),
            )
        ]

    found = step()
    ran = there.calls()
    assert {name.split("_")[0] for name, _ in ran} >= {"pairs", "plain", "mean", "vocabulary"}
    assert {stream for name, stream in ran if not name.startswith("cu")} == {STREAM}
    assert "cuStreamSynchronize" not in dict(ran)
    monkeypatch.setattr(kernel._cuda, "is_there", lambda tensor: False)
    for mine, theirs in zip(found, step(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2e-6, atol=1e-7)


def test_code_is_that_of_the_generation_of_the_device_or_ptx(kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(kernel.images, "_FOLDER", tmp_path)
    for target in ("sm_80.cubin", "sm_90.cubin", "compute_80.ptx"):
        (tmp_path / f"pairwise.{target}").write_text(target)
    chosen = {capability: kernel.images.image("pairwise", capability) for capability in [(8, 6), (9, 0), (12, 1)]}
    assert chosen == {(8, 6): b"sm_80.cubin\0", (9, 0): b"sm_90.cubin\0", (12, 1): b"compute_80.ptx\0"}
