"""The build for the kernel hub: its folder loads offline, and gives what the package gives."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from alignment_fast.interop import torch as package  # noqa: E402

pytestmark = pytest.mark.frontends

ROOT = Path(__file__).parents[1]


def built(folder, **options):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    sys.path.insert(0, str(ROOT / "hub"))
    try:
        import build
    finally:
        sys.path.pop(0)
    return build.build(folder, "-O1", **options)


@pytest.fixture(scope="module")
def variant(tmp_path_factory):
    return built(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def of_cuda(tmp_path_factory):
    """The variant for CUDA, without the code of its kernels."""
    return built(tmp_path_factory.mktemp("hub"), backend="cuda", targets=())


@pytest.fixture(scope="module")
def kernel(variant):
    """Loaded by Hugging Face's loader, or as it loads where that is not installed."""
    if importlib.util.find_spec("kernels"):
        import os

        os.environ["HF_HUB_OFFLINE"] = "1"
        from kernels import get_local_kernel

        return get_local_kernel(variant.parents[1])
    return loaded(variant)


def loaded(variant):
    name = json.loads((variant / "metadata.json").read_text("utf-8"))["id"]
    spec = importlib.util.spec_from_file_location(name, variant / "__init__.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draws(*shapes, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


def same(both, function, tensors):
    """Compare `function` of `both`, with its gradients; another compiler's flags may round differently."""
    found = []
    for operators in both:
        result = function(operators, *tensors)
        found.append((result, torch.autograd.grad(result, tensors)))
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("loss_type", ["sigmoid", "orpo", "alphapo", "aot", "discopop"])
def test_losses(kernel, dtype, loss_type):
    tensors = draws(*[(1500,)] * 4, dtype=dtype)
    count = 2 if loss_type in ("orpo", "alphapo") else 4

    def loss(ops, *x):
        return ops.preference_loss(*[-y.abs() for y in x], loss_type=loss_type)

    same((kernel, package), loss, tensors[:count])


def test_answers_and_margins(kernel):
    policy, ref = draws((7,), (7,))
    labels = torch.arange(7) % 2 == 0
    same((kernel, package), lambda ops, *x: ops.unpaired_loss(*x, labels, kl=0.1), [policy, ref])
    same((kernel, package), lambda ops, x: ops.margin_loss(x, weight=torch.arange(7.0)), [policy])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("entropy", [False, True])
def test_tokens(kernel, dtype, entropy):
    logits, hidden, weight = draws((2, 4, 50), (8, 6), (50, 6), dtype=dtype)
    ids = torch.randint(0, 50, (2, 4), generator=torch.Generator().manual_seed(1))
    ids[0, 1] = -100

    def total(found):
        return (found[0] + found[1]).sum() if entropy else found.sum()

    same((kernel, package), lambda ops, z: total(ops.sequence_logprobs(z, ids, entropy=entropy)), [logits])
    flat = ids.flatten()

    def trained(ops, h, w):
        return total(ops.linear_logprobs(h, w, flat, entropy=entropy))

    same((kernel, package), trained, [hidden, weight])
    frozen = {"entropy": entropy, "frozen_head": True}
    same((kernel, package), lambda ops, h: total(ops.linear_logprobs(h, weight.detach(), flat, **frozen)), [hidden])


def test_operators_are_its_own(kernel, variant):
    name = json.loads((variant / "metadata.json").read_text("utf-8"))["id"]
    before = kernel.calls()["direct"], package.calls()["direct"]
    kernel.preference_loss(*draws(*[(3,)] * 4)).backward()
    assert (kernel.calls()["direct"], package.calls()["direct"]) == (before[0] + 1, before[1])
    words, numbers = ["preference", "sigmoid", "reverse_kl", "mean"], [0.1, 0.0]
    operator = getattr(torch.ops, name).pairs
    outcome = torch.library.opcheck(operator, (*draws(*[(3,)] * 4), *[None] * 4, words, numbers))
    assert set(outcome.values()) == {"SUCCESS"}


def test_layers_take_the_place_of_modules(kernel):
    layer = kernel.layers.PreferenceLoss()
    tensors = draws(*[(3,)] * 4)
    torch.testing.assert_close(layer(*tensors), package.preference_loss(*tensors))
    assert not layer.state_dict()
    assert (layer.has_backward, layer.can_torch_compile) == (True, True)
    hidden, weight = draws((4, 6), (9, 6))
    ids = torch.tensor([0, 3, 8, 1])
    torch.testing.assert_close(
        kernel.layers.LinearLogprobs()(hidden, weight, ids), package.linear_logprobs(hidden, weight, ids)
    )


@pytest.mark.parametrize("backend", ["cpu", "cuda"])
def test_it_needs_neither_the_package_nor_an_array_library(variant, of_cuda, backend):
    """PyTorch itself imports NumPy where it is: here it is not."""
    folder = {"cpu": variant, "cuda": of_cuda}[backend]
    code = f"""
import importlib.util, sys
sys.modules["numpy"] = sys.modules["alignment_fast"] = None
import torch
spec = importlib.util.spec_from_file_location("variant", {str(folder / "__init__.py")!r})
module = sys.modules["variant"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
{"" if backend == "cpu" else "import variant.pairwise_cuda"}
x = torch.tensor([-1.0, -2.0], requires_grad=True)
module.preference_loss(x, x.detach() - 1, x.detach(), x.detach()).backward()
module.linear_logprobs(torch.eye(2), torch.ones(3, 2), torch.tensor([0, 2])).sum()
print(x.grad.tolist())
"""
    printed = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True)
    assert printed.stdout.startswith("[-0.02")


def test_the_variant_for_cuda_has_the_name_and_metadata_that_its_loader_takes(of_cuda):
    assert of_cuda.name == "torch-cuda"
    assert json.loads((of_cuda / "metadata.json").read_text("utf-8"))["backend"] == {"type": "cuda"}
    if importlib.util.find_spec("kernels"):
        from kernels._rust import Backend, Metadata

        from kernels import variants

        assert variants.get_variants_local(of_cuda.parent) == [variants.parse_variant("torch-cuda")]
        metadata = Metadata.read_from_file(of_cuda / "metadata.json")
        assert metadata.backend.backend_type == Backend.CUDA


def test_the_variant_for_cuda_runs_on_the_processor_and_says_what_a_device_lacks(of_cuda, monkeypatch):
    kernel = loaded(of_cuda)
    same((kernel, package), lambda ops, *x: ops.preference_loss(*x), draws(*[(9,)] * 4))
    hidden, weight = draws((4, 6), (9, 6))
    ids = torch.tensor([0, 3, 8, 1])
    same((kernel, package), lambda ops, h, w: ops.linear_logprobs(h, w, ids).sum(), [hidden, weight])
    monkeypatch.setattr(kernel.driver, "_NAME", "no-driver-of-nvidia.so")
    monkeypatch.setattr(kernel._cuda, "is_there", lambda tensor: True)
    message = r"chosen is a CUDA tensor, which needs a CUDA device: NVIDIA's driver \(no-driver.*\) is not installed"
    with pytest.raises(kernel.errors.BackendUnavailableError, match=message):
        kernel.preference_loss(*draws(*[(3,)] * 4))
