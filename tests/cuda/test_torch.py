"""PyTorch's operators through the kernels for CUDA: tensors of the processor stand in for those of a device."""

import ctypes

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from alignment_fast.interop import torch as operators  # noqa: E402
from alignment_fast.interop.torch import _cuda  # noqa: E402
from alignment_fast.kernels.common import streams  # noqa: E402

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

STREAM = 9
NUMPYS = {torch.float64: "f8", torch.float32: "f4", torch.int64: "i8", torch.int32: "i4", torch.uint32: "u4"}
NUMPYS |= {torch.float16: "u2", torch.bfloat16: "u2"}


@pytest.fixture
def there(cuda, monkeypatch):
    """Have tensors taken for tensors on a device; a launch may touch those that it is given, and its results."""
    allow, disallow = cuda.library.test_allow, cuda.library.test_disallow
    allow.argtypes = (ctypes.c_uint64, ctypes.c_size_t)
    made = []

    def allowed(tensor):
        assert tensor.is_contiguous()
        assert not allow(tensor.data_ptr(), tensor.numel() * tensor.element_size())
        made.append(tensor)
        return tensor

    def make(shape, dtype):
        return allowed(torch.empty(shape, dtype=getattr(torch, dtype)))

    def views(named):
        disallow()
        made.clear()
        place = streams.Place(0, STREAM, make)
        return place, {name: viewed(tensor, name, place) for name, tensor in named.items()}

    def viewed(tensor, _name, place):
        dtype = np.dtype(NUMPYS[tensor.dtype])
        storage = "own" if dtype.itemsize != 2 else str(tensor.dtype).removeprefix("torch.")
        if not any(tensor is known for known in made):
            allowed(tensor)
        return streams.DeviceArray(tensor.data_ptr(), tuple(tensor.shape), dtype, place, tensor, storage)

    monkeypatch.setattr(streams, "view", viewed)  # of what `make` made
    monkeypatch.setattr(_cuda, "views", views)
    monkeypatch.setattr(_cuda, "is_there", lambda tensor: True)
    cuda.forget()
    yield cuda
    disallow()


def launches(cuda, *names):
    """Return whether kernels of these names ran, all on the stream of the call, and nothing waited for them."""
    calls = cuda.calls()
    ran = [(name, stream) for name, stream in calls if name.startswith(names)]
    return bool(ran) and {stream for _, stream in ran} == {STREAM} and "cuStreamSynchronize" not in dict(calls)


def draws(*shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes]


def gradients(function, *tensors):
    found = function(*tensors)
    found = found if isinstance(found, tuple) else (found,)
    total = sum(
        (result * torch.linspace(0.5, 2, result.numel(), dtype=result.dtype).view_as(result)).sum() for result in found
    )
    return *[result.detach() for result in found], *torch.autograd.grad(total, tensors)


def composed(hidden, weight, ids, bias=None, cap=None):
    """Log-probabilities and entropies by PyTorch's own operations."""
    logits = hidden.double() @ weight.double().t() + (0 if bias is None else bias.double())
    logits = logits if cap is None else cap * torch.tanh(logits / cap)
    log_p = torch.log_softmax(logits, -1)
    on = ids != -100
    return log_p.gather(-1, ids.clamp(min=0)[..., None])[..., 0] * on, -(log_p.exp() * log_p).sum(-1) * on


IDS = torch.tensor([[0, 5, -100], [699, 512, 1]])


@pytest.mark.parametrize("frozen", [False, True])
def test_linear_logprobs(there, frozen):
    hidden, weight, bias = draws((2, 3, 4), (700, 4), (700,))
    for entropy in (False, True):
        for cap in (None, 3.0):
            layer = (weight.detach(), bias.detach()) if frozen else (weight, bias)

            def ours(h, w=layer[0], b=layer[1], entropy=entropy, cap=cap):
                options = {"entropy": entropy, "frozen_head": frozen, "softcap": cap}
                return operators.linear_logprobs(h, w, IDS, bias=b, **options)

            def plain(h, w=layer[0], b=layer[1], entropy=entropy, cap=cap):
                found = composed(h, w, IDS, b, cap)
                return found if entropy else found[0]

            inputs = (hidden,) if frozen else (hidden, weight, bias)
            for found, expected in zip(gradients(ours, *inputs), gradients(plain, *inputs), strict=True):
                torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert launches(there, "vocabulary")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_linear_logprobs_of_shorter_numbers(there, dtype):
    hidden, weight = draws((2, 3, 4), (700, 4), dtype=dtype)
    found = gradients(lambda h, w: operators.linear_logprobs(h, w, IDS, entropy=True), hidden, weight)
    expected = gradients(lambda h, w: composed(h, w, IDS), hidden, weight)
    tolerance = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine.double(), theirs.double(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("entropy", [False, True])
def test_sequence_logprobs(there, entropy):
    (logits,) = draws((2, 4, 700))

    def plain(z):
        log_p = torch.log_softmax(z[:, :-1], -1)  # a view: as logits are shifted against tokens
        on = IDS != -100
        values = (log_p.gather(-1, IDS.clamp(min=0)[..., None])[..., 0] * on).sum(-1)
        return (values, (-(log_p.exp() * log_p).sum(-1) * on).sum(-1)) if entropy else values

    found = gradients(lambda z: operators.sequence_logprobs(z[:, :-1], IDS, entropy=entropy), logits)
    for mine, theirs in zip(found, gradients(plain, logits), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)
    assert launches(there, "vocabulary")


@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo", "apo_down", "aot", "orpo"])
def test_losses_have_the_processors_values_and_derivatives(there, loss_type, monkeypatch):
    tensors = [x.detach() - 3 for x in draws((70,), (70,), (70,), (70,))]
    tensors = [tensor.clamp(max=-0.1).requires_grad_(k < 2) for k, tensor in enumerate(tensors)]
    if loss_type == "orpo":
        tensors = [*tensors[:2], None, None]

    def step(reduction):
        loss = operators.preference_loss(*tensors, loss_type=loss_type, reduction=reduction).sum()
        first = torch.autograd.grad(loss, tensors[:2], create_graph=loss_type != "aot")
        second = torch.autograd.grad(sum(x.sum() for x in first), tensors[:2]) if loss_type != "aot" else ()
        return [loss.detach(), *[x.detach() for x in first], *second]

    found = [step(reduction) for reduction in ("mean", "none")]
    assert launches(there, "pairs_", "plain_")
    monkeypatch.setattr(_cuda, "is_there", lambda tensor: False)
    for mine, theirs in zip(found, [step(reduction) for reduction in ("mean", "none")], strict=True):
        for x, y in zip(mine, theirs, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-14)


ORDERS = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
MEASURES = {
    "log_mgf": lambda x, y, t: operators.log_mgf(x, t, p=y),
    "log_mgf, uniform": lambda x, y, t: operators.log_mgf(x, t),
    "entropy": lambda x, y, t: operators.renyi_entropy(x, t),
    "divergence": lambda x, y, t: operators.renyi_divergence(x, y, t),
    "divergence of logits": lambda x, y, t: operators.renyi_divergence(x.log(), y.log(), t, log=True),
    "cross entropy": lambda x, y, t: operators.renyi_cross_entropy(x, y, t, variant="natural"),
}
# Of the distributions and the order: rows each, one row that all share, an order for each row, a number; a view.
SHAPES = {
    "rows": lambda x, y: (x, y, ORDERS),
    "a shared row": lambda x, y: (x, y[:1], ORDERS),
    "an order for each row": lambda x, y: (x, y, ORDERS[:2, None]),
    "a row against orders for each": lambda x, y: (x[0], y[0], ORDERS[:2, None]),
    "a number": lambda x, y: (x[0], y[0], 2.0),
    "views": lambda x, y: (x.T.contiguous().T, y[:, None].expand(2, 2, 9)[:, 0], ORDERS),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("measure", MEASURES)
def test_measures_have_the_processors_values_and_derivatives(there, measure, shape, monkeypatch):
    tensors = [x.detach().softmax(-1).requires_grad_() for x in draws((2, 9), (2, 9))]

    def step():
        *arrays, order = SHAPES[shape](*tensors)
        if isinstance(order, torch.Tensor):
            order = order.clone().requires_grad_()
        wanted = [*tensors, order] if isinstance(order, torch.Tensor) else tensors
        value = MEASURES[measure](*arrays, order)
        total = (value * torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).view_as(value)).sum()
        return value.detach(), *torch.autograd.grad(total, wanted, allow_unused=True)

    found = step()
    assert launches(there, "gradient_rows")
    monkeypatch.setattr(_cuda, "is_there", lambda tensor: False)
    torch.testing.assert_close(found, step(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_measures_of_shorter_numbers(there, dtype, monkeypatch):
    tensors = [x.detach().softmax(-1).to(dtype).requires_grad_() for x in draws((2, 9), (2, 9))]

    def step():
        value = operators.renyi_divergence(*tensors, 2.0)
        return value.detach(), *torch.autograd.grad(value.sum(), tensors)

    found = step()
    monkeypatch.setattr(_cuda, "is_there", lambda tensor: False)
    torch.testing.assert_close(found, step(), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, at its first use of forward mode
def test_measures_in_forward_mode_and_by_the_operator(there, monkeypatch):
    x, y = (x.detach().softmax(-1) for x in draws((2, 9), (2, 9)))

    def step():
        forward = torch.func.jvp(lambda x, t: operators.renyi_divergence(x, y, t), (x, ORDERS), (y - x, ORDERS))
        return forward, torch.ops.alignment_fast.measure("renyi_divergence", x, y, ORDERS, False, "standard")

    found = step()
    monkeypatch.setattr(_cuda, "is_there", lambda tensor: False)
    torch.testing.assert_close(found, step(), rtol=1e-12, atol=1e-14)


def test_likelihoods_of_ratings(there, monkeypatch):
    (scores,) = draws((5,))
    winner, loser = torch.tensor([0, 0, 3, 4]), torch.tensor([1, 2, 2, 1])
    rankings = torch.tensor([[2, 0, 1, 4], [1, 3, -1, -1]])

    def step():
        found = operators.bradley_terry_nll(scores, winner, loser), operators.plackett_luce_nll(scores, rankings)
        return [(value.detach(), *torch.autograd.grad(value, scores)) for value in found]

    found = step()
    assert launches(there, "pairs_", "plain_")
    monkeypatch.setattr(_cuda, "is_there", lambda tensor: False)
    torch.testing.assert_close(found, step(), rtol=1e-12, atol=1e-14)


def test_operators_take_tensors_of_cuda_devices_and_none_of_others():
    from torch._subclasses.fake_tensor import FakeTensorMode

    import alignment_fast as af

    with FakeTensorMode():
        scores, other = torch.zeros(3, device="cuda:0"), torch.zeros(3, device="xpu:0")
        found = [
            operators.preference_loss(*[scores] * 4),
            operators.log_mgf(scores, 1.0),
            operators.renyi_divergence(scores, scores, torch.ones(2)),
            operators.renyi_entropy(scores, torch.ones(2, device="cuda:0")),
        ]
        assert {value.device.type for value in found} == {"cuda"}
        with pytest.raises(af.BackendUnavailableError, match=r"reward is on xpu:0.* the CPU and CUDA devices"):
            operators.log_mgf(other, 1.0)
        with pytest.raises(af.BackendUnavailableError, match=r"scores is on xpu:0.* the CPU and CUDA devices"):
            operators.bradley_terry_nll(other, other, other)
        with pytest.raises(TypeError, match="winner must be integers"):  # looked at after the scores
            operators.bradley_terry_nll(scores, scores, scores)
        with pytest.raises(af.BackendUnavailableError, match=r"policy_chosen is on xpu:0.* the CPU and CUDA devices"):
            operators.preference_loss(*[other] * 4)
        with pytest.raises(ValueError, match="q is on cpu and p on cuda:0"):
            operators.renyi_divergence(scores, torch.zeros(3), 1.0)
        with pytest.raises(ValueError, match="order is on cuda:0 and p on cpu"):
            operators.renyi_entropy(torch.zeros(3), torch.ones(2, device="cuda:0"))
