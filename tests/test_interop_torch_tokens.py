"""Log-probabilities and entropies of tokens on tensors, from logits and from hidden states."""

import numpy as np
import pytest

import alignment_fast as af

torch = pytest.importorskip("torch")
from alignment_fast.interop.torch import (  # noqa: E402
    _dispatch,
    _scratch,
    _vocabulary,
    calls,
    linear_logprobs,
    sequence_logprobs,
)

pytestmark = pytest.mark.frontends

FLOATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 1e-2, torch.float16: 2e-3}
CAPPED = {"scale": 0.5, "softcap": 3.0, "temperature": 0.7}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=["one tile", "many tiles"])
def tiles(request, monkeypatch):
    if request.param == "many tiles":
        monkeypatch.setattr(_vocabulary, "CHUNK", 512 * 8 * 12)
        monkeypatch.setattr(_vocabulary, "TILE", 512 * 8 * 12)
        monkeypatch.setattr(_vocabulary, "KEPT", 3 * 512 * 8 * 12)
        monkeypatch.setattr(_vocabulary, "_MOST_ROWS", 12)
        monkeypatch.setattr(_vocabulary, "LEAST_ROWS", 8)


def draws(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype) for shape in shapes]


def ids_of(shape, letters):
    ids = torch.randint(0, letters, shape, generator=torch.Generator().manual_seed(1))
    ids[..., -1] = -100
    return ids


def composed(logits, ids):
    """Return log-probabilities and entropies of PyTorch's own operations, in float64; zero where masked."""
    log_p, on = torch.log_softmax(logits.double(), -1), ids != -100
    entropy = torch.where(on, -(log_p.exp() * log_p).sum(-1), 0.0)
    return torch.where(on, log_p.gather(-1, ids.clamp(min=0)[..., None])[..., 0], 0.0), entropy


def head(hidden, weight, bias=None, scale=1.0, softcap=None, temperature=1.0):
    logits = hidden.double() @ weight.double().t()
    logits = scale * (logits if bias is None else logits + bias.double())
    return (logits if softcap is None else softcap * torch.tanh(logits / softcap)) / temperature


def assert_near(found, expected, dtype):
    size = expected.abs().max().item()
    torch.testing.assert_close(found.double(), expected.double(), rtol=0.0, atol=TOLERANCE[dtype] * (1 + size))


# ---- from logits ----


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["contiguous", "shifted", "expanded", "transposed"])
def test_sequences(dtype, layout):
    logits = draws((2, 5, 9), dtype=dtype)[0]
    logits = {
        "contiguous": logits,
        "shifted": torch.cat([logits, logits[:, :1]], 1)[:, :-1],
        "expanded": logits[:1].expand(2, 5, 9),
        "transposed": logits.permute(2, 1, 0).contiguous().permute(2, 1, 0),
    }[layout].detach()
    ids = ids_of((2, 5), 9)
    x, y = logits.clone().requires_grad_(), logits.requires_grad_()
    expected = [values.sum(-1) / 4 for values in composed(x, ids)]
    found = sequence_logprobs(y, ids, average=True, entropy=True)
    for one, other in zip(found, expected, strict=True):
        assert_near(one, other, torch.float64 if dtype == torch.float64 else torch.float32)
    weights = torch.tensor([1.0, -2.0], dtype=torch.float64)
    (expected[0] @ weights + expected[1].sum()).backward()
    (found[0].double() @ weights + found[1].sum()).backward()
    assert_near(y.grad, x.grad, dtype)
    assert y.grad.dtype == dtype


def test_sequences_have_second_derivatives_and_entropies_first_ones():
    logits, ids = draws((2, 3, 5))[0].requires_grad_(), ids_of((2, 3), 5)
    assert torch.autograd.gradcheck(lambda z: sequence_logprobs(z, ids, entropy=True), logits)
    assert torch.autograd.gradgradcheck(lambda z: sequence_logprobs(z, ids), logits)
    with pytest.raises(NotImplementedError, match="no second"):
        torch.autograd.gradgradcheck(lambda z: sequence_logprobs(z, ids, entropy=True)[1], logits)


@pytest.mark.parametrize("way", ["direct", "operator"])
def test_sequences_have_no_third_derivatives(way, monkeypatch):
    logits, ids = draws((2, 3, 5))[0].requires_grad_(), ids_of((2, 3), 5)
    monkeypatch.setattr(_dispatch, "choose", lambda _: way)
    first = torch.autograd.grad(sequence_logprobs(logits, ids).sum(), logits, create_graph=True)[0]
    vector = draws((2, 3, 5), seed=2)[0].requires_grad_()
    product = torch.autograd.grad(first, logits, vector, create_graph=True)[0]
    again = torch.autograd.grad(product, vector, vector.detach(), retain_graph=True)[0]
    torch.testing.assert_close(again, product)  # a Hessian is symmetric, and linear in the vector
    with pytest.raises(NotImplementedError, match="no third"):
        torch.autograd.grad(product.square().sum(), logits)


def test_hessians_of_sequences():
    logits, ids = draws((3, 5))[0], ids_of((3,), 5)
    expected = torch.func.jacrev(torch.func.grad(lambda z: composed(z, ids)[0].sum()))(logits)
    found = torch.func.jacrev(torch.func.grad(lambda z: sequence_logprobs(z, ids)))(logits)
    torch.testing.assert_close(found, expected)


def test_a_mask_is_the_same_as_ignored_tokens():
    logits, ids = draws((2, 4, 6))[0], torch.zeros(2, 4, dtype=torch.int64)
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 1]])
    masked = sequence_logprobs(logits, ids, mask)
    assert torch.equal(masked, sequence_logprobs(logits, ids.masked_fill(mask == 0, -100)))
    plain = af.pairwise.sequence_logprobs(logits, ids, mask)
    torch.testing.assert_close(masked, plain)


@pytest.mark.parametrize("entropy", [False, True])
def test_token_operators_keep_the_rules_of_torch_library(entropy):
    logits = draws((4, 2, 5), dtype=torch.bfloat16)[0].transpose(0, 1).requires_grad_()
    outcome = torch.library.opcheck(torch.ops.alignment_fast.token_logprobs, (logits, ids_of((2, 4), 5), entropy))
    assert set(outcome.values()) == {"SUCCESS"}


# ---- from hidden states ----


@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("options", [{}, CAPPED], ids=["plain", "capped"])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_hidden_states(dtype, options, with_bias, frozen):
    hidden, weight, bias = draws((3, 10, 6), (1100, 6), (1100,), dtype=dtype)
    tensors = [hidden, weight, bias] if with_bias else [hidden, weight]
    expected_of = [x.double().clone().requires_grad_() for x in tensors]
    found_of = [x.clone().requires_grad_(i == 0 or not frozen) for i, x in enumerate(tensors)]
    ids = ids_of((3, 10), 1100)
    expected = composed(head(*expected_of, **options), ids)
    named = {"bias": found_of[2]} if with_bias else {}
    found = linear_logprobs(*found_of[:2], ids, entropy=True, frozen_head=frozen, **named, **options)
    up = torch.linspace(-1, 1, 30, dtype=torch.float64).view(3, 10)
    for one, other in zip(found, expected, strict=True):
        assert_near(one, other, torch.float64 if dtype == torch.float64 else torch.float32)
    ((expected[0] + 0.5 * expected[1]) * up).sum().backward()
    ((found[0] + 0.5 * found[1]) * up).sum().backward()
    for x, y in zip(found_of, expected_of, strict=True):
        if x.requires_grad:
            assert_near(x.grad, y.grad, dtype)
            assert x.grad.dtype == dtype
    without = linear_logprobs(*found_of[:2], ids, frozen_head=frozen, **named, **options)
    torch.testing.assert_close(without, found[0], rtol=1e-6, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, at its first use of forward mode
@pytest.mark.parametrize("entropy", [False, True])
def test_forward_mode_and_batches_of_sequences(entropy):
    logits, ids = draws((3, 2, 4, 5))[0], ids_of((3, 2, 4), 5)

    def found(z, y):
        results = sequence_logprobs(z, y, entropy=entropy)
        return results[0] + 0.5 * results[1] if entropy else results

    def expected(z, y):
        log_p, entropies = composed(z, y)
        return (log_p + 0.5 * entropies if entropy else log_p).sum(-1)

    assert torch.autograd.gradcheck(lambda z: found(z, ids), logits.clone().requires_grad_(), check_forward_ad=True)
    torch.testing.assert_close(torch.vmap(found)(logits, ids), expected(logits, ids))
    torch.testing.assert_close(torch.vmap(found, (1, 0))(logits.movedim(0, 1), ids), expected(logits, ids))
    torch.testing.assert_close(torch.vmap(found, (0, None))(logits, ids[0]), expected(logits, ids[0].expand(3, 2, 4)))
    of_rows = torch.vmap(torch.func.jacrev(found))(logits, ids)
    torch.testing.assert_close(
        of_rows, torch.stack([torch.func.jacrev(expected)(*one) for one in zip(logits, ids, strict=True)])
    )
    torch.testing.assert_close(torch.vmap(torch.func.jacfwd(found))(logits, ids), of_rows)
    if not entropy:
        hessian = torch.func.hessian(lambda z: found(z, ids[0]).sum())(logits[0])
        torch.testing.assert_close(hessian, torch.func.hessian(lambda z: expected(z, ids[0]).sum())(logits[0]))


@pytest.mark.usefixtures("tiles")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("options", [{}, CAPPED], ids=["plain", "capped"])
def test_forward_mode_of_hidden_states(frozen, options):
    tensors = draws((6, 4), (1100, 4), (1100,))
    ids = ids_of((6,), 1100)
    moving = tensors[:1] if frozen else tensors

    def found(hidden, weight=tensors[1], bias=tensors[2]):
        results = linear_logprobs(hidden, weight, ids, bias=bias, entropy=True, frozen_head=frozen, **options)
        return results[0] + 0.5 * results[1]

    def expected(hidden, weight=tensors[1], bias=tensors[2]):
        log_p, entropies = composed(head(hidden, weight, bias, **options), ids)
        return log_p + 0.5 * entropies

    tangents = tuple(torch.randn_like(x, generator=torch.Generator().manual_seed(k)) for k, x in enumerate(moving))
    for one, other in zip(*(torch.func.jvp(f, tuple(moving), tangents) for f in (found, expected)), strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(NotImplementedError, match="no second"):
        torch.func.jacfwd(torch.func.jacrev(lambda h: found(h).sum()))(tensors[0])


@pytest.mark.parametrize("frozen", [False, True])
def test_batches_of_hidden_states(frozen):
    hidden, weight, weights = draws((3, 6, 4), (9, 4), (3, 9, 4))
    ids = ids_of((3, 6), 9)

    def found(states, letters, tokens):
        return sum(linear_logprobs(states, letters, tokens, entropy=True, frozen_head=frozen))

    def expected(states, letters, tokens):
        return sum(composed(head(states, letters), tokens))

    def gradient(function, argument):
        return torch.func.grad(lambda *x: function(*x).sum(), argument)

    for batch, letters in (((0, None, 0), weight), ((0, 0, 0), weights)):
        arguments = hidden, letters, ids
        rows = [(hidden[k], letters if batch[1] is None else letters[k], ids[k]) for k in range(3)]
        torch.testing.assert_close(torch.vmap(found, batch)(*arguments), torch.stack([expected(*row) for row in rows]))
        for argument in (0,) if frozen else (0, 1):
            torch.testing.assert_close(
                torch.vmap(gradient(found, argument), batch)(*arguments),
                torch.stack([gradient(expected, argument)(*row) for row in rows]),
            )


def test_derivatives_of_a_trained_head():
    hidden, weight, bias = (x.requires_grad_() for x in draws((6, 4), (9, 4), (9,)))
    ids = ids_of((6,), 9)

    def results(*tensors):
        return linear_logprobs(*tensors[:2], ids, bias=tensors[2], entropy=True)

    assert torch.autograd.gradcheck(results, (hidden, weight, bias))
    first = torch.autograd.grad(results(hidden, weight, bias)[0].sum(), hidden, create_graph=True)[0].sum()
    with pytest.raises(NotImplementedError, match="no second"):
        torch.autograd.grad(first, weight)


def test_gradient_operators_keep_the_rules_of_torch_library():
    ops, ids = torch.ops.alignment_fast, ids_of((2, 4), 5)
    logits, hidden, weight = draws((2, 4, 5), (8, 4), (5, 4))
    _, entropies, log_partition = ops.token_logprobs(logits, ids, True)
    ones = torch.ones(2, 4, dtype=torch.float64)
    calls_of = {ops.token_logprobs_grad: (logits, ids, log_partition, entropies, ones, ones)}
    flat = ids.flatten()
    _, entropies, log_partition, *_ = ops.linear_logprobs(
        hidden, weight, None, flat, [1.0, 1.0, 0.0], True, False, False
    )
    known = (hidden, weight, None, flat, log_partition, entropies)
    wanted = [True, True, False]
    calls_of[ops.linear_logprobs_grad] = (*known, [1.0, 1.0, 0.0], ones.flatten(), ones.flatten(), wanted, False)
    for operator, arguments in calls_of.items():
        assert set(torch.library.opcheck(operator, arguments).values()) == {"SUCCESS"}


@pytest.mark.parametrize("frozen", [False, True])
def test_linear_operator_and_transforms(frozen):
    hidden, weight = (x.requires_grad_() for x in draws((6, 4), (9, 4)))
    weight = weight.detach() if frozen else weight
    ids, numbers = ids_of((6,), 9), [1.0, 1.0, 0.0]
    outcome = torch.library.opcheck(
        torch.ops.alignment_fast.linear_logprobs, (hidden, weight, None, ids, numbers, True, frozen, False)
    )
    assert set(outcome.values()) == {"SUCCESS"}

    def total(states):
        return sum(x.sum() for x in linear_logprobs(2 * states, weight, ids, entropy=True, frozen_head=frozen))

    expected = torch.autograd.grad(total(hidden), hidden)[0]
    torch.testing.assert_close(torch.func.grad(total)(hidden), expected)
    before = calls()["operator"]
    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(torch.autograd.grad(compiled(hidden), hidden)[0], expected)
    assert calls()["operator"] > before


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_accumulate_over_two_backward_passes(frozen):
    hidden, weight = draws((6, 4), (9, 4))
    hidden.requires_grad_()
    log_p = linear_logprobs(hidden, weight, ids_of((6,), 9), frozen_head=frozen)
    log_p.sum().backward(retain_graph=True)
    once = hidden.grad.clone()
    log_p.sum().backward()
    torch.testing.assert_close(hidden.grad, 2 * once)


def test_autocast_mixes_dtypes_and_nothing_else_does():
    hidden, weight = draws((6, 4), (9, 4), dtype=torch.float32)
    ids = ids_of((6,), 9)
    half = hidden.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = linear_logprobs(half, weight, ids)
    torch.testing.assert_close(inside, linear_logprobs(half.float(), weight, ids))
    with pytest.raises(TypeError, match=r"weight is torch\.float32 and hidden is torch\.bfloat16"):
        linear_logprobs(half, weight, ids)


def test_a_frozen_head_without_gradients_and_without_tokens():
    hidden, weight = draws((2, 3, 4), (9, 4))
    nothing = torch.full((2, 3), -100)
    for frozen in (False, True):
        hidden.requires_grad_()
        log_p, entropy = linear_logprobs(hidden, weight, nothing, entropy=True, frozen_head=frozen)
        (log_p.sum() + entropy.sum()).backward()
        assert (log_p == 0).all()
        assert (entropy == 0).all()
        assert (hidden.grad == 0).all()
        with torch.no_grad():
            assert not linear_logprobs(hidden, weight, nothing + 101, frozen_head=frozen).requires_grad


def test_scratch_is_kept_within_its_limits():
    hidden, weight = draws((128, 8), (3000, 8), dtype=torch.float32)
    for grad in (False, True):
        linear_logprobs(hidden.requires_grad_(grad), weight, torch.zeros(128, dtype=torch.int64))
    limits = {False: _scratch.KEPT, True: _scratch.KEPT_FORWARD_ONLY}
    assert {forward_only for _, forward_only in _scratch._kept} == {False, True}
    for (_, forward_only), (memory, _) in _scratch._kept.items():
        assert 0 < memory.nbytes <= limits[forward_only]
    kind = torch.uint8, torch.device("cpu")
    with _scratch.scratch(_scratch.KEPT, *kind) as (one, _), _scratch.scratch(8, *kind) as (other, _):
        assert one.data_ptr() != other.data_ptr()
    _scratch._kept.clear()
    with _scratch.scratch(_scratch.KEPT + 1, *kind):
        pass
    assert (torch.uint8, False) not in _scratch._kept


def products(function):
    """Return how many matrix products a function calls."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        function()
    return sum(event.name == "aten::addmm_" for event in profiler.events())


def test_logits_that_are_still_there_are_not_made_again(monkeypatch):
    """Two tiles, with memory for one: logits of both forward, of one backward, and two gradients of each."""
    hidden, weight = (x.requires_grad_() for x in draws((6, 4), (1024, 4)))
    ids = ids_of((6,), 1024)[:5]
    monkeypatch.setattr(_vocabulary, "TILE", 1)
    monkeypatch.setattr(_vocabulary, "KEPT", 1)
    expected = torch.autograd.grad(linear_logprobs(hidden[:5], weight, ids).sum(), (hidden, weight))

    def both(between=lambda: None):
        log_p = linear_logprobs(hidden[:5], weight, ids)
        between()
        found = torch.autograd.grad(log_p.sum(), (hidden, weight), retain_graph=True)
        again = torch.autograd.grad(log_p.sum(), (hidden, weight))
        assert all(torch.equal(x, y) for x, y in zip((*found, *again), expected * 2, strict=True))

    def forward_only():
        with torch.no_grad():
            linear_logprobs(hidden[:5] + 1, weight, ids)

    def another():
        linear_logprobs(hidden[:5] + 1, weight, ids)

    once = 2 + 1 + 4
    again = 2 + 4  # the gradient has taken the logits' place
    assert products(both) == once + again
    assert products(lambda: both(forward_only)) == once + again + 2
    assert products(lambda: both(another)) == once + 1 + again + 2
    monkeypatch.setattr(_vocabulary, "KEPT", 1 << 20)
    assert products(both) == once - 1 + again


@pytest.mark.parametrize("frozen", [False, True])
def test_training_after_an_evaluation_in_inference_mode(frozen):
    _scratch._kept.clear()
    hidden, weight = draws((6, 4), (9, 4), dtype=torch.float32)
    with torch.inference_mode():
        evaluated = linear_logprobs(hidden, weight, ids_of((6,), 9), frozen_head=frozen)
    log_p = linear_logprobs(hidden.requires_grad_(), weight, ids_of((6,), 9), frozen_head=frozen)
    log_p.sum().backward()
    assert torch.equal(log_p, evaluated)


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_of_transposed_tensors_are_contiguous(frozen):
    """As the operators tell compilers, which lay out what comes after."""
    hidden, weight = (x.t() for x in draws((4, 6), (4, 9), dtype=torch.float32))
    ids, numbers = torch.zeros(6, dtype=torch.int64), [1.0, 1.0, 0.0]
    ops = torch.ops.alignment_fast
    _, entropies, log_partition, *slopes, _ = ops.linear_logprobs(
        hidden, weight, None, ids, numbers, True, frozen, False
    )
    known = slopes if frozen else (log_partition, entropies)
    found = ops.linear_logprobs_grad(
        hidden, weight, None, ids, *known, numbers, torch.ones(6), None, [True, True, False], frozen
    )
    assert all(tensor.is_contiguous() for tensor in (*slopes, *found))


def test_float16_gradients_of_a_head_are_finite():
    hidden, weight, bias = (x.requires_grad_() for x in draws((6, 4), (9, 4), (9,), dtype=torch.float16))
    log_p = linear_logprobs(hidden, weight, torch.zeros(6, dtype=torch.int64), bias=bias)
    (log_p * 1e6).sum().backward()
    largest = torch.finfo(torch.float16).max
    for tensor in (hidden, weight, bias):
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().max() == largest


@pytest.mark.parametrize("entropy", [False, True])
def test_float16_gradients_of_sequences_are_finite(entropy):
    logits = draws((2, 3, 5), dtype=torch.float16)[0].requires_grad_()
    found = sequence_logprobs(logits, ids_of((2, 3), 5), entropy=entropy)
    (sum(x.sum() for x in found) if entropy else found.sum()).mul(1e6).backward()
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().max() == torch.finfo(torch.float16).max


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("entropy", [False, True])
def test_sequences_take_no_memory_of_the_size_of_logits(dtype, entropy):
    """Beside the gradient of the logits themselves; 2 % is allowed."""
    from torch.profiler import ProfilerActivity, profile

    logits, ids = draws((2, 32, 9000), dtype=dtype)[0].requires_grad_(), torch.zeros(2, 32, dtype=torch.int64)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        found = sequence_logprobs(logits, ids, entropy=entropy)
        (found[0] + found[1] if entropy else found).sum().backward()
    taken = sorted(event.self_cpu_memory_usage for event in profiler.events())
    assert taken[-1] == logits.nbytes
    assert sum(size for size in taken[:-1] if size > 0) <= 0.02 * logits.nbytes


def test_the_logits_never_exist():
    """The largest tensor that PyTorch allocates in both passes is a tile, a gradient or the scratch."""
    from torch.profiler import ProfilerActivity, profile

    _scratch._kept.clear()
    hidden, weight = draws((8192, 2), (8192, 2), dtype=torch.float32)
    hidden.requires_grad_()
    weight.requires_grad_()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        linear_logprobs(hidden, weight, torch.zeros(8192, dtype=torch.int64)).sum().backward()
    taken = [event.self_cpu_memory_usage for event in profiler.events()]
    assert sum(size for size in taken if size > 0) <= _scratch.KEPT + (1 << 21) < 4 * 8192 * 8192 / 3


# ---- bad input ----


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"ids": torch.tensor([0, 9])}, IndexError, r"ids\[1\] = 9 is not one of the 9 letters"),
        ({"ids": torch.tensor([-3, 0])}, IndexError, r"ids\[0\] = -3"),
        ({"ids": torch.tensor([0.0, 1.0])}, TypeError, "ids must be integers"),
        ({"ids": torch.tensor([0])}, ValueError, r"ids of shape \(1,\)"),
        ({"mask": torch.ones(3)}, ValueError, "mask of shape"),
        ({"weight": torch.zeros(9, 5)}, ValueError, "hidden of shape"),
        ({"weight": torch.zeros(9, 4, device="meta")}, ValueError, "weight is on meta"),
        ({"bias": torch.zeros(8)}, ValueError, "bias of shape"),
        ({"hidden": np.zeros((2, 4))}, TypeError, "hidden must be a torch tensor"),
        ({"weight": torch.zeros(9, 4, requires_grad=True), "frozen_head": True}, TypeError, r"weight.detach\(\)"),
        ({"temperature": 0.0}, ValueError, "temperature"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {"hidden": torch.zeros(2, 4), "weight": torch.zeros(9, 4), "ids": torch.tensor([0, 1])} | change
    with pytest.raises(error, match=message):
        linear_logprobs(**arguments)


def test_tensors_on_other_devices_are_refused():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        states, ids = torch.zeros(2, 3, 4, device="xpu:0"), torch.zeros(2, 3, dtype=torch.int64, device="xpu:0")
        with pytest.raises(af.BackendUnavailableError, match=r"hidden is on xpu:0.* the CPU"):
            linear_logprobs(states, torch.zeros(9, 4, device="xpu:0"), ids)
        with pytest.raises(af.BackendUnavailableError, match=r"logits is on xpu:0.* the CPU"):
            sequence_logprobs(states, ids)


def test_bad_tokens_of_logits_are_named():
    logits = torch.zeros(2, 3, 5)
    with pytest.raises(IndexError, match=r"ids\[0, 1\] = 5"):
        sequence_logprobs(logits, torch.tensor([[0, 5, 0], [0, 0, 0]]))
    with pytest.raises(ValueError, match="no axes"):
        sequence_logprobs(torch.zeros(3), torch.zeros(3, dtype=torch.int64))
