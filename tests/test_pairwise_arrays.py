"""Arrays of the pairwise losses: storage, layouts, threads, instruction sets, outputs, invariances, other libraries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from alignment_fast.kernels.common.cpu import supported_isas
from fresh import output_of

pytestmark = pytest.mark.frontends

SIGMOID = {"beta": 0.1, "grad": True}


def four(size=300, dtype="float64", seed=0):
    random = np.random.default_rng(seed)
    return [(5 * random.standard_normal(size) - 40).astype(dtype) for _ in range(4)]


def assert_same(one, other):
    for x, y in zip(one, other, strict=True):
        np.testing.assert_array_equal(x, y)


# ---- layouts ----


@pytest.mark.parametrize(
    "layout",
    [
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.repeat(x, 3)[::3],
        lambda x: np.stack([x, x], axis=1)[:, 0],
        lambda x: x.tolist(),
    ],
    ids=["reversed", "strided", "column", "list"],
)
def test_layouts_make_no_difference(layout):
    arrays = four()
    assert_same(
        af.pairwise.preference_loss(*map(layout, arrays), **SIGMOID), af.pairwise.preference_loss(*arrays, **SIGMOID)
    )


def test_inputs_may_be_read_only_and_of_any_shape():
    arrays = [x.reshape(3, 10, 10) for x in four()]
    for x in arrays:
        x.flags.writeable = False
    result = af.pairwise.preference_loss(*arrays, **SIGMOID)
    assert result.grad_policy_chosen.shape == (3, 10, 10)
    fortran = af.pairwise.preference_loss(*map(np.asfortranarray, arrays), **SIGMOID)
    assert_same(result, fortran)


def test_scalars_are_batches_of_one():
    result = af.pairwise.preference_loss(-1.0, -2.0, -1.5, -1.5, beta=1.0, reduction="none")
    assert result.loss.shape == ()
    assert float(result.loss) == pytest.approx(np.log1p(np.exp(-1)))


def test_mixed_types_are_computed_in_the_widest():
    a, c, b, d = four(dtype="float32")
    result = af.pairwise.preference_loss(a, c, b.astype("float64"), d, **SIGMOID)
    assert result.loss.dtype == "float64"


# ---- 16-bit storage ----


def bfloat16(x):
    return x.astype(pytest.importorskip("ml_dtypes").bfloat16)


@pytest.mark.parametrize("name", ["sigmoid", "nca_pair", "aot"])
@pytest.mark.parametrize("narrow", [np.float16, bfloat16], ids=["float16", "bfloat16"])
def test_16_bit_storage_is_computed_in_float32(narrow, name):
    arrays = [x.astype(narrow) if narrow is np.float16 else narrow(x) for x in four()]
    result = af.pairwise.preference_loss(*arrays, loss_type=name, **SIGMOID)
    wide = af.pairwise.preference_loss(*(x.astype(np.float32) for x in arrays), loss_type=name, **SIGMOID)
    assert result.grad_policy_chosen.dtype == np.float32
    np.testing.assert_allclose(result.loss, wide.loss, rtol=1e-6)
    assert_same(result[1:], wide[1:])


def test_every_float16_is_converted_exactly():
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    result = af.pairwise.margin_loss(every, "ipo", beta=1e30, grad=True, reduction="none")
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(result.grad, 2 * every.astype(np.float32) - np.float32(1e-30))


# ---- same bits ----

ROW = """
import hashlib
import numpy as np
import alignment_fast as af
random = np.random.default_rng(3)
digest = hashlib.sha256()
for dtype in ("float32", "float64"):
    arrays = [(5 * random.standard_normal(3001) - 40).astype(dtype) for _ in range(4)]
    for name, row in af.pairwise.LOSS_TYPES.items():
        if not row.is_paired:
            continue
        for score in ("reverse_kl", "js_divergence", "alpha_divergence") if row.has_scores else ("reverse_kl",):
            lengths = dict.fromkeys(("chosen_length", "rejected_length"), np.full(3001, 7)) if row.needs_lengths else {}
            result = af.pairwise.preference_loss(
                *arrays, loss_type=name, grad=True, label_smoothing=0.125, score=score, **lengths
            )
            for part in result[:-1]:
                digest.update(np.asarray(part).tobytes())
print(digest.hexdigest())
"""


def test_avx2_and_avx512_agree_to_the_bit():
    fused = [isa for isa in supported_isas() if isa != "baseline"]
    digests = {output_of(ROW, ALIGNMENT_FAST_ISA=isa) for isa in fused}
    assert len(digests) <= 1


@pytest.mark.parametrize("name", ["sigmoid", "ipo", "orpo", "aot"])
def test_threads_and_chunks_make_no_difference(name):
    arrays = four(150_000)
    one = af.pairwise.preference_loss(*arrays, loss_type=name, metrics=True, num_threads=1, **SIGMOID)
    for threads in (2, 7):
        assert_same(
            one, af.pairwise.preference_loss(*arrays, loss_type=name, metrics=True, num_threads=threads, **SIGMOID)
        )


def test_a_batch_is_the_sum_of_its_tiles():
    """Sums go from tile to tile: whole tiles can be computed apart."""
    arrays = four(4096)
    whole = af.pairwise.preference_loss(*arrays, reduction="sum").loss
    tiles = [[x[i : i + 1024] for x in arrays] for i in range(0, 4096, 1024)]
    assert whole == sum(af.pairwise.preference_loss(*tile, reduction="sum").loss for tile in tiles)


# ---- output arrays ----


def test_an_earlier_result_serves_as_output():
    arrays, others = four(), four(seed=1)
    first = af.pairwise.preference_loss(*arrays, **SIGMOID)
    second = af.pairwise.preference_loss(*others, out=first, **SIGMOID)
    assert second.grad_policy_chosen is first.grad_policy_chosen
    assert second.chosen_rewards is first.chosen_rewards
    assert_same(second, af.pairwise.preference_loss(*others, **SIGMOID))


def test_what_is_not_among_the_outputs_is_not_computed():
    out = {"grad_policy_rejected": np.empty(300)}
    result = af.pairwise.preference_loss(*four(), out=out, **SIGMOID)
    assert result.grad_policy_rejected is out["grad_policy_rejected"]
    assert result.grad_policy_chosen is None
    assert result.chosen_rewards is None


# ---- properties ----


@given(
    shift=st.integers(-1000, 1000),
    name=st.sampled_from([name for name, row in af.pairwise.LOSS_TYPES.items() if row.has_reference and row.is_paired]),
)
def test_a_constant_added_to_policy_and_reference_changes_nothing(shift, name):
    a, c, b, d = (np.round(x * 64) / 64 for x in four(20))
    options = {"loss_type": name, "label_smoothing": 0.125, "reduction": "none", "grad": True}
    if name == "sigmoid_norm":
        options |= {"chosen_length": np.full(20, 2), "rejected_length": np.full(20, 4)}
    here = af.pairwise.preference_loss(a, c, b, d, **options)
    there = af.pairwise.preference_loss(a + shift, c + shift, b + shift, d + shift, **options)
    assert_same(here[:-1], there[:-1])


@pytest.mark.parametrize("score", ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"])
def test_swapping_chosen_and_rejected_turns_the_smoothing_around(score):
    a, c, b, d = (x / 10 for x in four(20))
    here = af.pairwise.preference_loss(a, c, b, d, label_smoothing=0.25, score=score, reduction="none", grad=True)
    there = af.pairwise.preference_loss(c, a, d, b, label_smoothing=0.75, score=score, reduction="none", grad=True)
    np.testing.assert_allclose(here.loss, there.loss, rtol=1e-14)
    np.testing.assert_allclose(here.grad_policy_chosen, there.grad_policy_rejected, rtol=1e-14, atol=1e-16)


SCORES = ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence")
SCORED = [
    (name, score)
    for name, row in af.pairwise.LOSS_TYPES.items()
    if row.is_paired
    for score in (SCORES if row.has_scores else SCORES[:1])
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "score"), SCORED)
def test_finite_inputs_give_finite_results(name, score, dtype):
    """Where others overflow: margins of -89 (discopop), log-probabilities near 0 (ORPO), below -200 (AlphaPO), ..."""
    row = af.pairwise.LOSS_TYPES[name]
    values = -np.array([0.0, 1e-30, 1e-8, 1e-3, 1.0, 40.0, 89.0, 300.0, 1000.0, 1e4])
    if row.kernel == "orpo" or "alpha" in row.parameters:
        grids = np.meshgrid(values, values, [-1.0], [-1.0])
    else:
        grids = np.meshgrid(values, values, values, values)
    arrays = [x.ravel().astype(dtype) for x in grids]
    lengths = np.ones_like(arrays[0])
    options = {"chosen_length": lengths, "rejected_length": lengths} if row.needs_lengths else {}
    result = af.pairwise.preference_loss(
        *arrays, loss_type=name, label_smoothing=0.125, score=score, reduction="none", grad=True, **options
    )
    for part in (result.loss, result.grad_policy_chosen, result.grad_policy_rejected):
        assert np.isfinite(part).all()
    mean = af.pairwise.preference_loss(*arrays, loss_type=name, label_smoothing=0.125, score=score, **options)
    assert np.isfinite(mean.loss)


@pytest.mark.parametrize("score", ["forward_kl", "alpha_divergence"])
def test_the_gradient_does_not_vanish_where_the_policy_is_worst(score):
    alpha = {"alpha": 0.5} if score == "alpha_divergence" else {}
    result = af.pairwise.preference_loss(
        np.array([-1000.0]), np.array([-1.0]), np.array([-1.0]), np.array([-1.0]), score=score, grad=True, **alpha
    )
    assert result.grad_policy_chosen[0] < -1e100


def test_beta_is_the_inverse_of_the_beta_of_the_policy_module():
    """The KL-regularised optimum π ∝ ref · exp(reward / β) has the implicit reward β log(π / ref), up to a constant."""
    reference, reward, beta = np.array([0.2, 0.3, 0.5]), np.array([1.0, -0.5, 0.25]), 0.4
    optimum = af.policy.tilt(reference, reward, 1 / beta).log_pi
    log_ref = np.log(reference)
    result = af.pairwise.preference_loss(
        optimum[[0, 1]], optimum[[1, 2]], log_ref[[0, 1]], log_ref[[1, 2]], beta=beta, reduction="none"
    )
    np.testing.assert_allclose(
        result.chosen_rewards - result.rejected_rewards, reward[[0, 1]] - reward[[1, 2]], rtol=1e-13
    )


# ---- torch ----


def trl(torch, name, a, c, b, d, beta, epsilon):
    """Return TRL's losses per pair (1.16; `sigmoid` with the smoothing of 0.28), as its trainers write them."""
    log = torch.nn.functional.logsigmoid
    chosen, rejected = a - b, c - d
    delta = chosen - rejected
    if name == "sigmoid":
        return -log(beta * delta) * (1 - epsilon) - log(-beta * delta) * epsilon
    if name == "robust":
        return (-log(beta * delta) * (1 - epsilon) + log(-beta * delta) * epsilon) / (1 - 2 * epsilon)
    if name == "hinge":
        return torch.relu(1 - beta * delta)
    if name == "ipo":
        return (delta - 1 / (2 * beta)) ** 2
    if name == "exo_pair":
        q = torch.sigmoid(beta * delta)
        keep, flip = np.log1p(-epsilon), np.log(epsilon)
        return q * (log(beta * delta) - keep) + torch.sigmoid(-beta * delta) * (log(-beta * delta) - flip)
    if name == "nca_pair":
        return -log(beta * chosen) - 0.5 * log(-beta * chosen) - 0.5 * log(-beta * rejected)
    if name == "bco_pair":
        return -log(beta * chosen) - log(-beta * rejected)
    if name == "sppo_hard":
        return (chosen - 0.5 / beta) ** 2 + (rejected + 0.5 / beta) ** 2
    if name in ("aot", "aot_unpaired"):
        upper, lower = (a - c, b - d) if name == "aot" else (chosen, rejected)
        delta = torch.sort(upper).values - torch.sort(lower).values
        return -log(beta * delta) * (1 - epsilon) - log(-beta * delta) * epsilon
    if name == "apo_zero":
        return 1 - torch.sigmoid(beta * chosen) + torch.sigmoid(beta * rejected)
    if name == "apo_down":
        return torch.sigmoid(beta * chosen) + 1 - torch.sigmoid(beta * delta)
    if name == "discopop":
        gate = torch.sigmoid(beta * delta / 0.05)
        return -log(beta * delta) * (1 - gate) + torch.exp(-beta * delta) * gate
    if name == "cpo":
        return -log(beta * (a - c)) * (1 - epsilon) - log(-beta * (a - c)) * epsilon - a
    if name == "simpo":
        return -log(beta * (a - c) - 0.5)
    if name == "alphapo":
        reward = [(1 - torch.exp(x) ** -0.25) / 0.25 for x in (a, c)]
        return -log(beta * (reward[0] - reward[1]) - 0.5)
    odds = (a - c) - (torch.log1p(-torch.exp(a)) - torch.log1p(-torch.exp(c)))  # orpo
    return -a - 0.1 * log(odds)


TRL = (
    "sigmoid", "robust", "hinge", "ipo", "exo_pair", "nca_pair", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
    "apo_zero", "apo_down", "discopop", "cpo", "simpo", "alphapo", "orpo",
)  # fmt: skip


@pytest.mark.parametrize("name", TRL)
def test_gradients_are_those_of_autograd_on_the_formulas_of_trl(name):
    torch = pytest.importorskip("torch")
    arrays = [x / 20 for x in four(200)]
    tensors = [torch.from_numpy(x).requires_grad_(i < 2) for i, x in enumerate(arrays)]
    loss = trl(torch, name, *tensors, 0.5, 0.125).mean()
    loss.backward()
    result = af.pairwise.preference_loss(*arrays, loss_type=name, beta=0.5, label_smoothing=0.125, grad=True)
    assert float(result.loss) == pytest.approx(loss.item(), rel=1e-12)
    for mine, tensor in zip((result.grad_policy_chosen, result.grad_policy_rejected), tensors, strict=False):
        np.testing.assert_allclose(mine, tensor.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_tensors_come_back_as_tensors(dtype):
    torch = pytest.importorskip("torch")
    tensors = [torch.from_numpy(x).to(getattr(torch, dtype)) for x in four(50)]
    result = af.pairwise.preference_loss(*tensors, **SIGMOID)
    wide = torch.float64 if dtype == "float64" else torch.float32
    for part in result[:-1]:
        assert isinstance(part, torch.Tensor)
        assert part.dtype == wide
    plain = af.pairwise.preference_loss(*(x.to(wide).numpy() for x in tensors), **SIGMOID)
    np.testing.assert_allclose(result.loss, plain.loss, rtol=1e-6)
    np.testing.assert_array_equal(result.grad_policy_chosen.numpy(), plain.grad_policy_chosen)
