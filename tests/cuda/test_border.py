"""The public functions on device arrays: in place, on the caller's stream, results of the caller's kind."""

import sys
import types

import numpy as np
import pytest
import stand_in
from marks import fused

import alignment_fast as af
from alignment_fast.kernels.common import streams
from alignment_fast.random import Stream

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

HOST = {"cuInit", "cuDevicePrimaryCtxRetain", "cuModuleLoadData"}  # at first use, on no stream
WAITING = {"cuStreamSynchronize", "cuEventSynchronize", "cuMemcpyDtoHAsync_v2", "cuMemcpyHtoDAsync_v2", "cuMemAlloc_v2"}


class Tensor(stand_in.Array):
    """As torch's: it knows its device and its layout, and its interface raises for bfloat16."""

    is_cuda, requires_grad = True, False

    def __init__(self, made, values, device=0, dtype=None, **options):
        super().__init__(made, values, device=device, **options)
        self.device = types.SimpleNamespace(type="cuda", index=device)
        self.dtype_name = dtype or self.dtype.name

    def __getattribute__(self, name):
        if name == "dtype" and "dtype_name" in object.__getattribute__(self, "__dict__"):
            return f"torch.{object.__getattribute__(self, 'dtype_name')}"
        return object.__getattribute__(self, name)

    def __dlpack__(self):
        raise AssertionError("not asked for")

    @property
    def __cuda_array_interface__(self):
        raise TypeError("bfloat16")

    def data_ptr(self):
        return self.pointer

    def stride(self):
        return tuple(int(np.prod(self.shape[i + 1 :])) for i in range(len(self.shape)))

    def numpy(self):
        dtype = np.dtype({"bfloat16": "uint16"}.get(self.dtype_name, self.dtype_name))
        raw = (np.ctypeslib.ctypes.c_char * (int(np.prod(self.shape)) * dtype.itemsize)).from_address(self.pointer)
        return np.frombuffer(bytes(raw), dtype).reshape(self.shape)


Tensor.__module__ = "torch"
TORCH_STREAM = 4321


@pytest.fixture
def torch(cuda, monkeypatch):
    """A library of that name with tensors on the stand-in's devices, whose current stream is TORCH_STREAM."""
    made = types.ModuleType("torch")
    made._C = types.SimpleNamespace(_cuda_getCurrentRawStream=lambda index: TORCH_STREAM)
    for name in ("float32", "float64"):
        setattr(made, name, name)
    made.empty = lambda shape, dtype, device: Tensor(cuda, np.full(shape, 7, dtype), device.index)
    monkeypatch.setitem(sys.modules, "torch", made)
    return lambda values, **options: Tensor(cuda, values, **options)


def log_probabilities(dtype="float32", size=3000):
    generator = np.random.default_rng(5)
    return [-generator.exponential(20.0, (size // 100, 100)).astype(dtype) for _ in range(4)]


def check_calls(cuda, stream, *kernels):
    """All that was called is on `stream`, nothing waits for the device, and `kernels` are launched in this order."""
    assert {where for name, where in cuda.calls() if name not in HOST} <= {stream}
    assert not {name for name, _ in cuda.calls()} & WAITING
    assert [name for name, _ in cuda.calls() if not name.startswith("cu")] == list(kernels)


@fused
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_preference_losses_run_where_the_arrays_are(cuda, dtype, reduction):
    host = log_probabilities(dtype)
    options = {"reduction": reduction, "grad": True, "metrics": True, "beta": 0.3}
    expected = af.pairwise.preference_loss(*host, **options)
    there = [cuda.array(x) for x in host]
    cuda.forget()
    found = af.pairwise.preference_loss(*there, **options)
    bits = dtype.replace("float", "f")
    main = f"pairs_{bits}" if reduction == "none" else f"plain_sigmoid_{bits}"
    check_calls(cuda, 7, main, *([] if reduction == "none" else [f"mean_loss_{bits}"]), "mean_metrics")
    for name in ("loss", "chosen_rewards", "rejected_rewards", "grad_policy_chosen", "grad_policy_rejected"):
        value = getattr(found, name)
        assert isinstance(value, streams.DeviceArray)
        assert value.__cuda_array_interface__["stream"] == 7
        assert np.array_equal(value.numpy(), getattr(expected, name)), name
    assert [float(x.numpy()) for x in found.metrics] == list(expected.metrics)


@fused
def test_results_are_tensors_on_the_tensors_stream(cuda, torch):
    host = log_probabilities()
    found = af.pairwise.preference_loss(*map(torch, host), grad=True)
    check_calls(cuda, TORCH_STREAM, "plain_sigmoid_f32", "mean_loss_f32")
    expected = af.pairwise.preference_loss(*host, grad=True)
    assert type(found.loss) is Tensor
    assert found.loss.numpy() == expected.loss
    assert np.array_equal(found.grad_policy_chosen.numpy(), expected.grad_policy_chosen)
    assert not [name for name, _ in cuda.calls() if "Alloc" in name]


@fused
def test_bfloat16_tensors_are_computed_in_float32(cuda, torch):
    words = [(x.view(np.uint32) >> 16).astype(np.uint16) for x in log_probabilities()]
    found = af.pairwise.preference_loss(*(torch(x, dtype="bfloat16") for x in words), loss_type="hinge")
    wide = [(x.astype(np.uint32) << 16).view(np.float32) for x in words]
    assert found.loss.numpy() == af.pairwise.preference_loss(*wide, loss_type="hinge").loss


@fused
def test_arrays_of_the_caller_are_written(cuda):
    host = log_probabilities()
    out = {"grad_policy_chosen": cuda.array(np.zeros_like(host[0]))}
    found = af.pairwise.preference_loss(*map(cuda.array, host), grad=True, out=out)
    assert found.grad_policy_chosen is out["grad_policy_chosen"]
    assert np.array_equal(
        found.grad_policy_chosen.numpy(), af.pairwise.preference_loss(*host, grad=True).grad_policy_chosen
    )


@fused
@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.5)])
def test_unpaired_losses_and_margins(cuda, weights):
    policy, ref = log_probabilities()[:2]
    yes = np.arange(policy.size).reshape(policy.shape) % 3 == 0
    options = {"kl": 0.1, "grad": True, "desirable_weight": weights[0], "undesirable_weight": weights[1]}
    expected = af.pairwise.unpaired_loss(policy, ref, yes, **options)
    found = af.pairwise.unpaired_loss(*map(cuda.array, (policy, ref, yes)), **options)
    assert found.loss.numpy() == expected.loss
    assert np.array_equal(found.grad_policy.numpy(), expected.grad_policy)
    expected = af.pairwise.margin_loss(policy - ref, grad=True, hess=True)
    found = af.pairwise.margin_loss(cuda.array(policy - ref), grad=True, hess=True)
    assert found.loss.numpy() == expected.loss
    assert np.array_equal(found.hess.numpy(), expected.hess)


@pytest.mark.parametrize("draw", ["uniform", "normal", "uint32"])
def test_streams_fill_arrays_on_a_device(cuda, draw):
    expected = getattr(Stream(3), draw)((4, 50), draw=3)
    out = cuda.array(np.zeros_like(expected), stream=9)
    assert getattr(Stream(3), draw)((4, 50), draw=3, out=out) is out
    assert (out.numpy() == expected).all()
    assert {stream for name, stream in cuda.calls() if name.startswith("fill")} == {9}


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        ({"stream": 7}, {"stream": 7}, []),
        ({"stream": 7}, {"stream": 8}, [("cuEventRecord", 8), ("cuStreamWaitEvent", 7)]),
        ({"stream": 7}, {"stream": None}, []),
        ({"version": 2}, {"stream": 2}, [("cuEventRecord", 2), ("cuStreamWaitEvent", 1)]),
    ],
)
def test_the_stream_of_the_call_waits_for_those_of_other_arrays(cuda, first, second, waits):
    arrays = [cuda.array(np.zeros(10), **options) for options in (first, second)]
    af.pairwise.preference_loss(*arrays, loss_type="simpo")
    assert [call for call in cuda.calls() if "Event" in call[0]] == waits


def losses(*arrays, **options):
    return af.pairwise.preference_loss(*arrays, **{"loss_type": "simpo"} | options)


def on(device):
    return lambda cuda: cuda.array(np.zeros(10), device=device)


BAD = {
    "host and device": (
        lambda c: losses(on(0)(c), np.zeros(10)),
        ValueError,
        "policy_chosen on cuda, policy_rejected on cpu",
    ),
    "two devices": (
        lambda c: losses(on(0)(c), on(1)(c)),
        ValueError,
        "policy_rejected is on CUDA device 1, and other arg",
    ),
    "strides": (
        lambda c: losses(on(0)(c), c.array(np.zeros(10), strides=(16,))),
        ValueError,
        r"policy_rejected of shape \(10,\) is not C-contiguous",
    ),
    "dtypes": (
        lambda c: losses(on(0)(c), c.array(np.zeros(10, "f4"))),
        TypeError,
        "dtypes differ: policy_chosen is float64",
    ),
    "integers": (
        lambda c: losses(*[c.array(np.zeros(10, int))] * 2),
        TypeError,
        "policy_chosen must be floating-point",
    ),
    "byte order": (
        lambda c: losses(*[c.array(np.zeros(10, ">f8"))] * 2),
        TypeError,
        "whose bytes are in another order",
    ),
    "shapes": (
        lambda c: losses(on(0)(c), c.array(np.zeros(9))),
        ValueError,
        r"shapes differ: policy_chosen of shape \(10,\)",
    ),
    "read-only": (
        lambda c: losses(on(0)(c), on(0)(c), out={"chosen_rewards": c.array(np.zeros(10), readonly=True)}),
        ValueError,
        r"out\['chosen_rewards'\] is read-only",
    ),
    "an input": (
        lambda c: (lambda x: losses(x, on(0)(c), out={"chosen_rewards": x}))(on(0)(c)),
        ValueError,
        r"out\['chosen_rewards'\] shares memory with policy_chosen",
    ),
    "another dtype of out": (
        lambda c: losses(on(0)(c), on(0)(c), out={"chosen_rewards": c.array(np.zeros(10, "f4"))}),
        ValueError,
        r"out\['chosen_rewards'\] must be a writable C-contiguous float64 array of shape \(10,\), not float32",
    ),
    "labels": (lambda c: af.pairwise.unpaired_loss(*[on(0)(c)] * 3, kl=0.0), TypeError, "desirable must be booleans"),
    "sorted losses": (
        lambda c: losses(*[on(0)(c)] * 4, loss_type="aot"),
        af.BackendUnavailableError,
        "of pairwise there is no MOST_SORTED on 'cuda': pass the arrays on the CPU",
    ),
    "sums of differences": (
        lambda c: af.pairwise.batch_kl(on(0)(c), on(0)(c), beta=0.1),
        af.BackendUnavailableError,
        "policy is a CUDA array and this function has no CUDA version",
    ),
    "families without": (
        lambda c: af.policy.hodge(on(0)(c)),
        af.BackendUnavailableError,
        "CUDA",
    ),
    "shape of draws": (
        lambda c: Stream(1).uniform(9, out=on(0)(c)),
        ValueError,
        r"out must be an array of shape \(9,\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_says_why(cuda, case):
    cuda.state.devices = 2
    call, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        call(cuda)
