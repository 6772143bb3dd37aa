"""Preference losses on tensors: derivatives, transformations, compilation, and which route a call took."""

import numpy as np
import pytest

import alignment_fast as af

torch = pytest.importorskip("torch")
from alignment_fast.interop.torch import calls, margin_loss, preference_loss, unpaired_loss  # noqa: E402

pytestmark = pytest.mark.frontends

PAIRED = [name for name, row in af.pairwise.LOSS_TYPES.items() if row.is_paired]
OF_MARGINS = [name for name, row in af.pairwise.LOSS_TYPES.items() if row.margin_kernel]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def four(shape=(4, 2), dtype=torch.float64, seed=0, grad=True):
    generator = torch.Generator().manual_seed(seed)
    draws = [torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(4)]
    return [(-3 * draw.abs() - 0.1).to(dtype).requires_grad_(grad) for draw in draws]


def arguments_of(loss_type, lengths):
    row = af.pairwise.LOSS_TYPES[loss_type]
    options = {"loss_type": loss_type, "beta": 0.7}
    if row.smoothing:
        options["label_smoothing"] = 0.1
    if lengths:
        options |= {"chosen_length": torch.arange(8.0).view(4, 2) + 1, "rejected_length": torch.full((4, 2), 3.0)}
    tensors = four() if row.has_reference else four()[:2]
    return (tensors[:1] if loss_type == "sft" else tensors), options


def with_lengths():
    for name in PAIRED:
        row = af.pairwise.LOSS_TYPES[name]
        if not row.needs_lengths:
            yield name, False
        if not row.is_matched:
            yield name, True


def way_of(function):
    before = calls()
    function()
    return {way for way, count in calls().items() if count > before[way]}


# ---- values and derivatives ----


@pytest.mark.parametrize(("loss_type", "lengths"), [*with_lengths()])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_values_are_those_of_the_plain_function(loss_type, lengths, reduction):
    tensors, options = arguments_of(loss_type, lengths)
    plain = {name: value.numpy() if hasattr(value, "numpy") else value for name, value in options.items()}
    arrays = [tensor.detach().numpy() for tensor in tensors]
    arrays += [None] if loss_type == "sft" else []
    expected = af.pairwise.preference_loss(*arrays, reduction=reduction, **plain).loss
    got = preference_loss(*tensors, reduction=reduction, **options)
    if af.pairwise.LOSS_TYPES[loss_type].is_matched and reduction == "none":
        expected = np.reshape(expected, got.shape)
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize(("loss_type", "lengths"), [*with_lengths()])
def test_first_and_second_derivatives(loss_type, lengths):
    tensors, options = arguments_of(loss_type, lengths)

    def loss(*values):
        return preference_loss(*values, **options)

    assert torch.autograd.gradcheck(loss, tensors)
    assert torch.autograd.gradgradcheck(loss, tensors)


@pytest.mark.parametrize("score", ["forward_kl", "js_divergence", "alpha_divergence"])
@pytest.mark.parametrize("lengths", [False, True])
def test_derivatives_of_score_maps(score, lengths):
    _, options = arguments_of("ipo", lengths)
    tensors = [(0.3 * x).detach().requires_grad_() for x in four()]

    def loss(*values):
        return preference_loss(*values, score=score, weight=torch.arange(8.0).view(4, 2), **options)

    assert torch.autograd.gradcheck(loss, tensors)
    assert torch.autograd.gradgradcheck(loss, tensors)


@pytest.mark.parametrize("loss_type", OF_MARGINS)
def test_margins(loss_type):
    margin, options = four()[0], {"label_smoothing": 0.2} if af.pairwise.LOSS_TYPES[loss_type].smoothing else {}
    target, weight = torch.rand(4, 2, dtype=torch.float64), torch.rand(4, 2, dtype=torch.float64)

    def loss(values):
        return margin_loss(values, loss_type, target=target, weight=weight, **options)

    plain = af.pairwise.margin_loss(margin.detach(), loss_type, target=target, weight=weight, **options)
    assert loss(margin).item() == pytest.approx(float(plain.loss), rel=1e-14)
    assert torch.autograd.gradcheck(loss, margin)
    assert torch.autograd.gradgradcheck(loss, margin)


@pytest.mark.parametrize("loss_type", ["kto", "apo_zero_unpaired"])
@pytest.mark.parametrize("kl", [0.3, torch.tensor(0.3, dtype=torch.float64)])
def test_unpaired(loss_type, kl):
    policy, ref = four()[:2]
    labels = torch.tensor([[True, False]] * 4)
    options = {"loss_type": loss_type, "desirable_weight": 2.0, "undesirable_weight": 0.5}

    def loss(*values):
        return unpaired_loss(*values, labels, kl=kl, **options)

    plain = af.pairwise.unpaired_loss(policy.detach(), ref.detach(), labels, kl=float(kl), **options)
    assert loss(policy, ref).item() == pytest.approx(float(plain.loss), rel=1e-13)
    assert torch.autograd.gradcheck(loss, (policy, ref))
    assert torch.autograd.gradgradcheck(loss, (policy, ref))


def test_a_third_derivative_is_an_error():
    margin = four()[0]
    first = torch.autograd.grad(margin_loss(margin), margin, create_graph=True)[0].sum()
    second = torch.autograd.grad(first, margin, create_graph=True)[0].sum()
    with pytest.raises(NotImplementedError, match="no third"):
        torch.autograd.grad(second, margin)


@pytest.mark.parametrize("kl", [None, 0.3, torch.tensor(0.3, dtype=torch.float64)])
def test_weights_of_answers_are_not_rounded_to_float32(kl):
    policy, ref = four((2,), grad=False)[:2]
    weights, labels = {"desirable_weight": 0.3, "undesirable_weight": 0.7}, torch.tensor([True, False])
    options = {"loss_type": "apo_zero_unpaired" if kl is None else "kto", "beta": 1.0, "reduction": "none"}
    shifted = (policy - ref) - (0.0 if kl is None else kl)
    expected = torch.stack([0.3 * torch.sigmoid(-shifted[0]), 0.7 * torch.sigmoid(shifted[1])])
    found = unpaired_loss(policy, ref, labels, kl=kl, **options, **weights)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("kl", [0.3, torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.3)])
def test_a_reference_point_keeps_its_digits_beside_large_log_probabilities(kl):
    policy, ref = torch.tensor([-2000.0, -2001.0]), torch.tensor([-2000.5, -2000.25])
    found = unpaired_loss(policy, ref, torch.tensor([True, False]), kl=kl, beta=0.9, reduction="none")
    reward = 0.9 * (policy.double() - ref.double()) - float(kl)
    expected = torch.stack([torch.sigmoid(-reward[0]), torch.sigmoid(reward[1])]).float()
    torch.testing.assert_close(found, expected, rtol=3e-7, atol=0.0)


# ---- storage and layouts ----


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_layouts_and_dtypes(dtype):
    tensors = four((3, 5), dtype)
    plain = preference_loss(*tensors)
    plain.backward()
    for layout in (lambda x: x.t().contiguous().t(), lambda x: torch.stack([x, x], -1)[..., 0]):
        others = [layout(tensor.detach()).requires_grad_() for tensor in tensors]
        loss = preference_loss(*others)
        loss.backward()
        assert loss.item() == plain.item()
        assert all(torch.equal(x.grad, y.grad) for x, y in zip(tensors, others, strict=True))
    assert plain.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert tensors[0].grad.dtype == dtype


def test_expanded_tensors():
    reference = torch.tensor([-1.0, -2.0]).expand(3, 2).requires_grad_()
    chosen, rejected = four((3, 2), torch.float32)[:2]
    preference_loss(chosen, rejected, reference, reference).backward()
    assert reference.grad.shape == (3, 2)


@pytest.mark.parametrize("loss_type", PAIRED)
def test_every_finite_float16_pair_gives_finite_numbers(loss_type):
    """Every exponent with 16 fractions, against every other."""
    words = torch.arange(-(1 << 15), 1 << 15, 64, dtype=torch.int32).to(torch.int16).view(torch.float16)
    values = words[words.isfinite()]
    pairs = [x.contiguous() for x in torch.meshgrid(values, values, indexing="ij")]
    if loss_type in ("simpo", "orpo", "alphapo", "tpo_l"):
        pairs = [-x.abs() for x in pairs]
    tensors = [x.requires_grad_() for x in pairs]
    reference = [torch.zeros_like(x) for x in pairs] if af.pairwise.LOSS_TYPES[loss_type].has_reference else []
    options = {"label_smoothing": 0.1} if loss_type == "exo_pair" else {}
    if loss_type == "sigmoid_norm":
        options |= {"chosen_length": torch.ones_like(pairs[0]), "rejected_length": torch.ones_like(pairs[0])}
    loss = preference_loss(*tensors, *reference, loss_type=loss_type, reduction="none", **options)
    assert loss.isfinite().all()
    loss.backward(torch.ones_like(loss))
    assert all(x.grad.float().isfinite().all() for x in tensors if x.grad is not None)


# ---- ways ----


def test_plain_tensors_go_the_direct_way():
    assert way_of(lambda: preference_loss(*four()).backward()) == {"direct"}
    with torch.no_grad():
        loss = preference_loss(*four())
    assert not loss.requires_grad


def test_a_backward_pass_may_run_twice_and_accumulates():
    tensors = four()
    loss = preference_loss(*tensors)
    loss.backward(retain_graph=True)
    once = tensors[0].grad.clone()
    (3 * loss).backward()
    torch.testing.assert_close(tensors[0].grad, 4 * once, rtol=1e-15, atol=0.0)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_modified_inputs_are_noticed():
    tensors = four()
    chosen = tensors[0] * 1
    loss = preference_loss(chosen, *tensors[1:])
    chosen.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["chosen_length", "rejected_length", "weight"])
def test_modified_constants_are_noticed(name):
    constants = {key: torch.ones(4, 2) for key in ("chosen_length", "rejected_length", "weight")}
    loss = preference_loss(*four(), **constants)
    loss.backward(retain_graph=True)
    constants[name].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_functional_transforms():
    tensors = four((3, 4))

    def loss(*values):
        return preference_loss(*values, label_smoothing=0.1)

    rows = [[tensor[i] for tensor in tensors] for i in range(3)]
    assert way_of(lambda: torch.func.grad(loss)(*tensors)) == {"transform"}
    torch.testing.assert_close(torch.vmap(loss)(*tensors), torch.stack([loss(*row) for row in rows]))
    batched = torch.vmap(torch.func.grad(loss))(*tensors)
    torch.testing.assert_close(batched, torch.stack([torch.func.grad(loss)(*row) for row in rows]))
    some = torch.vmap(loss, in_dims=(0, 1, None, None))(tensors[0], tensors[1].t(), rows[0][2], rows[0][3])
    torch.testing.assert_close(some[0], loss(*rows[0]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, at its first use of forward mode
def test_hessians_and_forward_mode():
    chosen, *others = (tensor[0].detach() for tensor in four())

    def loss(values):
        return preference_loss(values, *others, reduction="mean")

    def composed(values):
        margin = 0.1 * ((values - others[0]) - (others[1] - others[2]))
        return -torch.nn.functional.logsigmoid(margin).mean()

    expected = torch.func.hessian(composed)(chosen)
    torch.testing.assert_close(torch.func.hessian(loss)(chosen), expected)
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(loss))(chosen), expected)
    torch.testing.assert_close(torch.func.jacfwd(loss)(chosen), torch.func.grad(composed)(chosen))
    assert torch.autograd.gradcheck(loss, chosen.requires_grad_(), check_forward_ad=True)
    with pytest.raises(NotImplementedError, match="forward mode inside forward mode"):
        torch.func.jacfwd(torch.func.jacfwd(loss))(chosen)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_operator_keeps_the_rules_of_torch_library(dtype):
    words, numbers = ["preference", "sigmoid", "reverse_kl", "mean"], [0.1, 0.1]
    for tensors in (four((3, 2), dtype), [x.t().requires_grad_() for x in four((3, 2), dtype, grad=False)]):
        outcome = torch.library.opcheck(
            torch.ops.alignment_fast.pairs, (*tensors, None, None, None, None, words, numbers)
        )
        assert set(outcome.values()) == {"SUCCESS"}
    plain = [x.detach() for x in four()]
    outcome = torch.library.opcheck(
        torch.ops.alignment_fast.pairs_curvature, (*plain, None, None, None, None, words, numbers)
    )
    assert set(outcome.values()) == {"SUCCESS"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_graphs_call_the_operator():
    def step(chosen, rejected, *reference):
        loss = preference_loss(2 * chosen, rejected.sin(), *reference)
        loss = loss + preference_loss(chosen, rejected, *reference, loss_type="aot")
        return loss + unpaired_loss(chosen, rejected, chosen > -1, kl=rejected.mean()) + margin_loss(chosen - rejected)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager", dynamic=True)
    for size in (3, 5):
        tensors = four((size,), torch.float32)
        assert way_of(lambda tensors=tensors: compiled(*tensors).backward()) == {"operator"}
        gradients = [tensor.grad for tensor in tensors]
        others = four((size,), torch.float32)
        step(*others).backward()
        torch.testing.assert_close(gradients, [tensor.grad for tensor in others])


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing(reentrant):
    from torch.utils.checkpoint import checkpoint

    tensors, others = four(), four()
    checkpoint(lambda *x: preference_loss(*x), *tensors, use_reentrant=reentrant).backward()
    preference_loss(*others).backward()
    assert all(torch.equal(x.grad, y.grad) for x, y in zip(tensors, others, strict=True))


def test_autocast_changes_nothing():
    tensors = four((5,), torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = preference_loss(*tensors)
    assert inside.item() == preference_loss(*tensors).item()


# ---- bad input ----


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"loss_type": "sigmo"}, ValueError, "sigmoid"),
        ({"ref_chosen": None}, ValueError, "needs ref_chosen"),
        ({"ref_chosen": torch.zeros(4)}, TypeError, "ref_chosen is torch.float32 and policy_chosen is torch.float64"),
        ({"policy_rejected": torch.zeros(3, dtype=torch.float64)}, ValueError, r"policy_rejected of shape \(3,\)"),
        ({"policy_chosen": [0.0]}, TypeError, "policy_chosen must be a torch tensor, not list"),
        ({"policy_chosen": torch.zeros(4, dtype=torch.int64)}, TypeError, "policy_chosen must be floating-point"),
        ({"policy_rejected": torch.zeros(4, dtype=torch.float64, device="meta")}, ValueError, "policy_rejected is on"),
        ({"weight": torch.zeros(4, requires_grad=True)}, TypeError, r"pass weight.detach\(\)"),
        ({"weight": torch.zeros(3)}, ValueError, "weight of shape"),
        ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum', 'none', not 'avg'"),
        ({"beta": -1.0}, ValueError, "beta must be positive"),
        ({"beta": "a"}, TypeError, "beta must be one number"),
        ({"gamma": 1.0}, ValueError, "takes no gamma"),
        ({"loss_type": "sigmoid_norm"}, ValueError, "needs chosen_length and rejected_length"),
        ({"chosen_length": torch.ones(4)}, ValueError, "needs chosen_length and rejected_length together"),
        (
            {"chosen_length": torch.zeros(4), "rejected_length": torch.ones(4)},
            ValueError,
            r"chosen_length\[0\] = 0 is not a positive",
        ),
        ({"loss_type": "aot", "weight": torch.ones(4)}, ValueError, "it has no weights"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    names = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
    arguments = dict(zip(names, four((4,)), strict=True)) | change
    with pytest.raises(error, match=message):
        preference_loss(**arguments)


def test_tensors_on_other_devices_are_refused():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(), pytest.raises(af.BackendUnavailableError, match=r"policy_chosen is on xpu:0.* the CPU"):
        preference_loss(*[torch.zeros(3, device="xpu:0")] * 4)


def test_dpo_is_an_alias():
    assert preference_loss(*four(), loss_type="dpo").item() == preference_loss(*four()).item()


def test_bad_targets_and_labels():
    with pytest.raises(ValueError, match=r"target\[1\] = 2 is not in"):
        margin_loss(torch.zeros(2), target=torch.tensor([0.0, 2.0]))
    with pytest.raises(ValueError, match="desirable"):
        unpaired_loss(torch.zeros(2), torch.zeros(2), torch.tensor([0, 3]), kl=0.0)
    with pytest.raises(ValueError, match="finite kl"):
        unpaired_loss(torch.zeros(2), torch.zeros(2), torch.tensor([True, False]), kl=None)


def test_plain_functions_name_the_operators():
    with pytest.raises(TypeError, match=r"alignment_fast\.interop\.torch"):
        af.pairwise.preference_loss(*four())


# ---- in training ----


def one_of_two(rank, address, results):
    """Train one step on half of a batch, gradients averaged over both processes."""
    import torch.distributed as distributed
    from torch.nn.parallel import DistributedDataParallel

    distributed.init_process_group("gloo", init_method=f"file://{address}", rank=rank, world_size=2)
    torch.set_num_threads(1)
    model = DistributedDataParallel(linear_model())
    features, reference = batch_of_pairs()
    half = slice(2 * rank, 2 * rank + 2)
    chosen, rejected = model(features[:, half])[..., 0]
    preference_loss(chosen, rejected, *reference[:, half]).backward()
    results[rank] = [parameter.grad.tolist() for parameter in model.parameters()]
    distributed.destroy_process_group()


def linear_model():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 1)


def batch_of_pairs():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 4, 3, generator=generator), torch.randn(2, 4, generator=generator)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # JAX's word, where another test has loaded it
def test_two_processes_train_on_halves_of_a_batch(tmp_path):
    import torch.multiprocessing as processes

    model = linear_model()
    features, reference = batch_of_pairs()
    preference_loss(*model(features)[..., 0], *reference).backward()
    expected = [parameter.grad for parameter in model.parameters()]
    with processes.get_context("fork").Manager() as manager:
        results = manager.dict()
        processes.start_processes(one_of_two, (str(tmp_path / "address"), results), nprocs=2, start_method="fork")
        for rank in (0, 1):
            for found, right in zip(results[rank], expected, strict=True):
                torch.testing.assert_close(torch.tensor(found), right)


def test_gradients_accumulate_over_micro_batches():
    whole, parts = linear_model(), linear_model()
    features, reference = batch_of_pairs()
    preference_loss(*whole(features)[..., 0], *reference).backward()
    for half in (slice(0, 2), slice(2, 4)):
        (preference_loss(*parts(features[:, half])[..., 0], *reference[:, half]) / 2).backward()
    for one, other in zip(parts.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
