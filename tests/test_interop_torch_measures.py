"""Measures of information and likelihoods of rankings on tensors: values, derivatives, routes of calls, errors."""

import pytest

import alignment_fast as af

torch = pytest.importorskip("torch")
from alignment_fast.interop.torch import (  # noqa: E402
    bradley_terry_nll,
    log_mgf,
    plackett_luce_nll,
    renyi_cross_entropy,
    renyi_divergence,
    renyi_entropy,
)

pytestmark = pytest.mark.frontends


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def of_logits(function, log):
    """Return `function` of distributions made of logits: those have derivatives in every direction."""

    def composed(*logits):
        return function(*[x.log_softmax(-1) if log else x.softmax(-1) for x in logits])

    return composed


ORDERS = [0.5, 1.0, 2.0, torch.tensor([0.3, 1.0, 3.0], dtype=torch.float64)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("log", [False, True])
def test_renyi_measures(order, log):
    x, y = draw(2, 4).requires_grad_(), draw(4, seed=1).requires_grad_()
    for function, arguments in (
        (renyi_entropy, (x,)),
        (renyi_divergence, (x, y)),
        (renyi_cross_entropy, (x, y)),
        (lambda *a, **k: renyi_cross_entropy(*a, **k, variant="natural"), (x, y)),
    ):
        composed = of_logits(lambda *p, f=function: f(*p, order, log=log), log)
        assert torch.autograd.gradcheck(composed, arguments)
    plain = af.information.renyi_divergence(x.detach().softmax(-1), y.detach().softmax(-1), order)
    torch.testing.assert_close(renyi_divergence(x.softmax(-1), y.softmax(-1), order), plain)


@pytest.mark.parametrize("t", [0.0, 1.5, torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)], ids=str)
def test_cumulant_generating_functions(t):
    reward, logits = draw(2, 4).requires_grad_(), draw(2, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda r: log_mgf(r, t), reward)
    assert torch.autograd.gradcheck(lambda r, z: log_mgf(r, t, p=z.log_softmax(-1), log=True), (reward, logits))
    assert torch.autograd.gradcheck(lambda r, z: log_mgf(r, t, p=z.softmax(-1)), (reward, logits))


def test_derivatives_by_tilts_and_orders():
    reward, t = draw(2, 4), torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: log_mgf(reward, s), t)
    assert torch.autograd.gradcheck(lambda s: renyi_entropy(reward.softmax(-1), s), t)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, at its first use of forward mode
@pytest.mark.parametrize("order", [0.5, 1.0, torch.tensor([0.3, 3.0], dtype=torch.float64)], ids=str)
def test_forward_mode(order):
    x, y = draw(2, 4).requires_grad_(), draw(4, seed=1).requires_grad_()
    divergence = of_logits(lambda p, q: renyi_divergence(p, q, order), False)
    assert torch.autograd.gradcheck(divergence, (x, y), check_forward_ad=True)
    assert torch.autograd.gradcheck(lambda r: log_mgf(r, order), x, check_forward_ad=True)
    s = torch.as_tensor(order, dtype=torch.float64).clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: renyi_entropy(x.detach().softmax(-1), t), s, check_forward_ad=True)
    with pytest.raises(NotImplementedError, match="no second"):
        torch.func.jacfwd(torch.func.jacrev(lambda r: log_mgf(r, 2.0)))(draw(4))


@pytest.mark.parametrize(
    ("shapes", "in_dims", "order"),
    [
        (((3, 4), (3, 4)), (0, 0, None), 2.0),
        (((3, 2, 4), (4,)), (0, None, None), torch.tensor([0.5, 2.0, 1.0])),
        (((4, 3), (3, 2, 4)), (1, 0, None), 0.5),
        (((3, 2, 4), (2, 4)), (0, None, 0), torch.tensor([0.5, 1.0, 2.0])),
        (((4,), (4,)), (None, None, 0), torch.tensor([[0.6, 1.0], [2.5, 3.5], [1.0, 4.0]])),
    ],
    ids=["pairs", "grid", "axes", "orders", "grids"],
)
def test_batches(shapes, in_dims, order):
    p, q = (draw(*shape, seed=k) for k, shape in enumerate(shapes))
    order = order.double() if isinstance(order, torch.Tensor) else torch.tensor(order, dtype=torch.float64)

    def divergence(x, y, t):
        return renyi_divergence(x.softmax(-1), y.softmax(-1), t)

    rows = [
        [value if dim is None else value.select(dim, k) for value, dim in zip((p, q, order), in_dims, strict=True)]
        for k in range(3)
    ]
    found = torch.vmap(divergence, in_dims)(p, q, order)
    torch.testing.assert_close(found, torch.stack([divergence(*row) for row in rows]))
    gradient = torch.func.grad(lambda *values: divergence(*values).sum(), argnums=(0, 1, 2))
    expected = zip(*(gradient(*row) for row in rows), strict=True)
    for one, other in zip(torch.vmap(gradient, in_dims)(p, q, order), expected, strict=True):
        torch.testing.assert_close(one, torch.stack(other))


def test_second_derivatives_are_errors():
    reward = draw(4).requires_grad_()
    first = torch.autograd.grad(log_mgf(reward, 2.0), reward, create_graph=True)[0].sum()
    with pytest.raises(NotImplementedError, match="no second"):
        torch.autograd.grad(first, reward)


def test_the_measure_operator():
    p, q = draw(2, 4).softmax(-1).requires_grad_(), draw(4, seed=1).softmax(-1).requires_grad_()
    order = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    arguments = ("renyi_divergence", p, q, order, False, "standard")
    assert set(torch.library.opcheck(torch.ops.alignment_fast.measure, arguments).values()) == {"SUCCESS"}

    def total(*tensors):
        return renyi_divergence(*tensors, order.detach()).sum() + log_mgf(tensors[0], 2.0).sum()

    expected = torch.autograd.grad(total(p, q), (p, q))
    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(torch.autograd.grad(compiled(p, q), (p, q)), expected)
    torch.testing.assert_close(torch.func.grad(total, argnums=(0, 1))(p, q), expected)


def test_float16_distributions():
    p = draw(4).softmax(-1).half().requires_grad_()
    value = renyi_entropy(p, 2.0)
    value.backward()
    assert value.dtype == torch.float32
    assert p.grad.dtype == torch.float16


# ---- rankings ----


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_bradley_terry(reduction):
    scores, winner, loser = draw(4).requires_grad_(), torch.tensor([0, 1, 3]), torch.tensor([1, 2, 0])
    weight, target = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([1.0, 0.5, 1.0])

    def loss(x):
        return bradley_terry_nll(x, winner, loser, weight=weight, target=target, reduction=reduction)

    assert torch.autograd.gradcheck(loss, scores)
    assert torch.autograd.gradgradcheck(loss, scores)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scores_of_16_bits_are_subtracted_in_float32(dtype):
    scores = torch.tensor([100.0, 0.1]).to(dtype)
    found = bradley_terry_nll(scores, torch.tensor([1]), torch.tensor([0]))
    assert found.item() == pytest.approx(float(scores[0]) - float(scores[1]), rel=1e-7)


def test_bradley_terry_is_the_likelihood():
    scores, votes = draw(3), af.ranking.Comparisons([0, 0, 2, 1], [1, 2, 0, 0])
    found = bradley_terry_nll(scores, torch.tensor([0, 0, 2, 1]), torch.tensor([1, 2, 0, 0]), reduction="sum")
    assert -found.item() == pytest.approx(af.ranking.log_likelihood(scores, votes))


def test_plackett_luce():
    scores, rankings = draw(4).requires_grad_(), torch.tensor([[2, 0, 1, 3], [1, 3, -1, -1], [-1, -1, -1, -1]])
    assert torch.autograd.gradcheck(lambda x: plackett_luce_nll(x, rankings, reduction="none"), scores)
    assert torch.autograd.gradgradcheck(lambda x: plackett_luce_nll(x, rankings), scores)
    rows = [[2, 0, 1, 3], [1, 3]]
    expected = af.ranking.Rankings(rows, n_items=4).log_likelihood(scores.detach())
    assert -plackett_luce_nll(scores, rankings, reduction="sum").item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: renyi_entropy([0.5, 0.5], 2.0), TypeError, "p must be a torch tensor"),
        (lambda: renyi_divergence(torch.ones(2), torch.ones(2).double(), 2.0), TypeError, "q is torch.float64"),
        (lambda: renyi_entropy(torch.tensor([-1.0, 2.0]), 2.0), ValueError, "p"),
        (lambda: bradley_terry_nll(torch.zeros(2), torch.tensor([2]), torch.tensor([0])), IndexError, "winner holds 2"),
        (lambda: plackett_luce_nll(torch.zeros(2), torch.tensor([[0, 5]])), IndexError, "rankings holds 5"),
        (lambda: plackett_luce_nll(torch.zeros(2), torch.tensor([0, 1])), ValueError, "two axes"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
