"""What training runs: forward and backward passes on tensors against torch, eager and as TRL writes it.

Elements are pairs, logits, or products of a hidden number and a weight (n V H for one matrix product). The kernels of
vocabularies are measured on NumPy's arrays too, where PyTorch is not installed.
"""

import warnings
from functools import cache, partial
from importlib.util import find_spec

import numpy as np
import pytest

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender
from alignment_fast.kernels.pairwise import operations as ops

HAS_LIGER = bool(find_spec("torch") and find_spec("liger_kernel"))
if find_spec("torch"):
    import torch

    from alignment_fast.interop.torch import linear_logprobs, preference_loss

# ---- sums and gradients over a vocabulary ----

ROWS, LETTERS = 256, 50257


@cache
def logits():
    random = np.random.default_rng(1)
    return (3 * random.standard_normal((ROWS, LETTERS))).astype(np.float32), random.integers(0, LETTERS, ROWS)


@cache
def scratch():
    return np.empty((ROWS, LETTERS), np.float32)


def our_sums(moments):
    table = ops.no_letters(ROWS)
    ops.add_letters(table, *logits(), 0, moments=moments, num_threads=1)
    return table[:, 0] + np.log(table[:, 1])


def numpys_sums():
    """In place: the partition function alone."""
    z, _ = logits()
    top = z.max(axis=1, keepdims=True)
    shifted = np.subtract(z, top, out=scratch())
    return top[:, 0] + np.log(np.exp(shifted, out=shifted).sum(axis=1))


def are_sums(result):
    z = logits()[0][:3].astype(np.float64)
    np.testing.assert_allclose(result[:3], np.log(np.exp(z).sum(axis=1)), rtol=1e-5)


@cache
def upstream():
    log_partition = our_sums(False)
    return log_partition, np.linspace(-1, 1, ROWS), np.ones(ROWS), np.full(ROWS, 5.0)


def our_gradient():
    log_partition, factor, of_entropy, entropy = upstream()
    options = {"entropy_factor": of_entropy, "entropy": entropy}
    ops.letter_gradients(*logits(), 0, log_partition, factor, scratch(), **options, num_threads=1)
    return scratch()


def numpys_gradient():
    z, ids = logits()
    log_partition, factor, of_entropy, entropy = (column[:, None].astype(np.float32) for column in upstream())
    log_p = np.subtract(z, log_partition, out=scratch())
    p = np.exp(log_p)
    log_p += entropy
    log_p *= of_entropy
    log_p += factor
    log_p *= -p
    log_p[np.arange(ROWS), ids] += factor[:, 0]
    return log_p


@cache
def first_gradients():
    return numpys_gradient()[:3].copy()


def are_gradients(result):
    np.testing.assert_allclose(result[:3], first_gradients(), rtol=1e-3, atol=1e-6)


def of_vocabulary(name, mine, peer, check, floor):
    count = ROWS * LETTERS
    contenders = {OURS: Contender(mine, count, check), "NumPy, in place": Contender(peer, count, check)}
    return Case(f"{name} float32, {ROWS} x {LETTERS}", contenders, floor=floor)


VOCABULARY_CASES = [
    of_vocabulary("vocabulary sums", partial(our_sums, False), numpys_sums, are_sums, {"read": 4, "exp_f32": 1}),
    of_vocabulary(
        "vocabulary sums and moments", partial(our_sums, True), numpys_sums, are_sums, {"read": 4, "exp_f32": 1}
    ),
    of_vocabulary("vocabulary gradients", our_gradient, numpys_gradient, are_gradients, {"copy": 4, "exp_f32": 1}),
]


@pytest.mark.kernels("pairwise.vocabulary_sums", "pairwise.vocabulary_gradients")
@each_contender(VOCABULARY_CASES)
def test_vocabularies(case, name, timed):
    timed(case, name)


# ---- losses of pairs ----


@cache
def pairs(size):
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=generator).requires_grad_(k < 2) for k in range(4)]


def step(loss, size):
    """Forward and backward."""
    tensors = pairs(size)
    tensors[0].grad = tensors[1].grad = None
    value = loss(*tensors)
    value.backward()
    return value.item()


def torchs_loss(chosen, rejected, ref_chosen, ref_rejected):
    margin = (chosen - rejected) - (ref_chosen - ref_rejected)
    return -torch.nn.functional.logsigmoid(0.1 * margin).mean()


def operators_loss(*tensors):
    settings = ["preference", "sigmoid", "reverse_kl", "mean"], [0.1, 0.0]
    return torch.ops.alignment_fast.pairs(*tensors, None, None, None, None, *settings)[0]


def is_loss(size, value):
    assert value == pytest.approx(torchs_loss(*pairs(size)).item(), rel=1e-5)


@cache
def compiled_loss(size):
    made = torch.compile(torchs_loss, fullgraph=True, dynamic=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the compiler's own
        made(*pairs(size)).backward()
    return made


def through_compiler(*tensors):
    return compiled_loss(len(tensors[0]))(*tensors)


@cache
def jaxs(ours):
    import jax

    from alignment_fast.interop import jax as front_end

    def composed(chosen, rejected, ref_chosen, ref_rejected):
        margin = (chosen - rejected) - (ref_chosen - ref_rejected)
        return -jax.nn.log_sigmoid(0.1 * margin).mean()

    return jax.jit(jax.value_and_grad(front_end.preference_loss if ours else composed, argnums=(0, 1)))


def jax_step(ours, size):
    value, gradients = jaxs(ours)(*jax_arrays(size))
    gradients[1].block_until_ready()
    return float(value)


@cache
def jax_arrays(size):
    import jax.numpy as jnp

    return [jnp.asarray(x.detach().numpy()) for x in pairs(size)]


def of_pairs(size):
    calls = {OURS: lambda *x: preference_loss(*x), "our bare operator": operators_loss, "torch": torchs_loss}
    calls["torch.compile"] = through_compiler
    check = partial(is_loss, size)
    contenders = {name: Contender(partial(step, call, size), size, check) for name, call in calls.items()}
    if find_spec("jax"):
        for name, ours in (("ours in JAX", True), ("JAX", False)):
            contenders[name] = Contender(partial(jax_step, ours, size), size, check)
    aim = 1 / 1.1 if size <= 100 else 3.0 if size >= 1_000_000 else 1.0
    return Case(f"preference_loss on tensors, {size} pairs", contenders, targets=(Target("torch", aim),))


PAIR_CASES = [of_pairs(size) for size in (10**2, 10**3, 10**4, 10**5, 10**6, 10**7)] if find_spec("torch") else []


@each_contender(PAIR_CASES)
def test_pairs(case, name, timed):
    timed(case, name)


# ---- hidden states ----

TOKENS, UNITS, WORDS = 128, 512, 32000


@cache
def layer(trained):
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(TOKENS, UNITS, generator=generator).requires_grad_()
    weight = (0.05 * torch.randn(WORDS, UNITS, generator=generator)).requires_grad_(trained)
    return hidden, weight, torch.randint(0, WORDS, (TOKENS,), generator=generator)


def layer_step(function, trained):
    hidden, weight, ids = layer(trained)
    hidden.grad = weight.grad = None
    function(hidden, weight, ids).sum().backward()
    return hidden.grad


def products(trained):
    """The matrix products of the pass alone, and the memory of the gradients that it returns."""
    hidden, weight, _ = layer(trained)
    with torch.no_grad():
        logits = hidden @ weight.t()
        of_hidden = logits @ weight
        if trained:
            torch.mm(hidden, weight.t(), out=logits)
            torch.mm(logits.t(), hidden)
    return of_hidden


def whole_logits(hidden, weight, ids):
    return torch.log_softmax(hidden @ weight.t(), -1).gather(1, ids[:, None])


def in_chunks(hidden, weight, ids):
    """As TRL does on a CPU."""
    from trl.kernels import ChunkedLogProbFunction

    return ChunkedLogProbFunction.apply(hidden, weight, None, ids, 1.0, 8192, None, 1.0, ())[0]


def is_gradient(trained, found):
    expected = layer_step(whole_logits, trained).clone()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def of_layer(trained):
    mine = partial(linear_logprobs, frozen_head=not trained)
    calls = {OURS: mine, "torch, logits as a whole": whole_logits}
    if find_spec("trl"):
        calls["TRL, in chunks"] = in_chunks
    count, check = TOKENS * UNITS * WORDS, partial(is_gradient, trained)
    contenders = {name: Contender(partial(layer_step, call, trained), count, check) for name, call in calls.items()}
    contenders["the products alone"] = Contender(partial(products, trained), count, lambda found: None)
    kind = "trained" if trained else "frozen"
    sizes = f"{TOKENS} tokens x {UNITS} x {WORDS}"
    return Case(f"linear_logprobs, {kind} head, {sizes}", contenders, targets=(Target("the products alone", 1 / 1.15),))


LAYER_CASES = [of_layer(trained) for trained in (True, False)] if find_spec("torch") else []


@each_contender(LAYER_CASES)
def test_layers(case, name, timed):
    timed(case, name)


# ---- from hidden states to a loss ----

ANSWERS, PLACES = 4, 16  # of each side, and tokens of each


@cache
def answers():
    hidden, weight, ids = layer(True)
    states = hidden.detach().view(2 * ANSWERS, -1, UNITS).clone()
    return states.requires_grad_(), weight, ids.view(2 * ANSWERS, -1)


def whole_step(loss):
    hidden, weight, ids = answers()
    hidden.grad = weight.grad = None
    loss(hidden, weight, ids).backward()
    return hidden.grad


def our_dpo(hidden, weight, ids):
    chosen, rejected = linear_logprobs(hidden, weight, ids).sum(-1).chunk(2)
    zeros = torch.zeros(ANSWERS)
    return preference_loss(chosen, rejected, zeros, zeros)


def torchs_dpo(hidden, weight, ids):
    log_p = torch.log_softmax(hidden @ weight.t(), -1).gather(-1, ids[..., None])[..., 0]
    chosen, rejected = log_p.sum(-1).chunk(2)
    return torchs_loss(chosen, rejected, torch.zeros(ANSWERS), torch.zeros(ANSWERS))


@cache
def ligers():
    from liger_kernel.chunked_loss import LigerFusedLinearDPOLoss

    return LigerFusedLinearDPOLoss(beta=0.1, use_ref_model=False, compiled=False)


def ligers_dpo(hidden, weight, ids):
    return ligers()(weight, hidden, ids)[0]


def is_gradient_of_dpo(found):
    torch.testing.assert_close(found, whole_step(torchs_dpo).clone(), rtol=1e-3, atol=1e-6)


def of_dpo():
    calls = {OURS: our_dpo, "torch, logits as a whole": torchs_dpo}
    if HAS_LIGER:
        calls["Liger, in chunks"] = ligers_dpo
    count = 2 * ANSWERS * PLACES * UNITS * WORDS
    contenders = {name: Contender(partial(whole_step, call), count, is_gradient_of_dpo) for name, call in calls.items()}
    return Case(f"DPO from hidden states, {ANSWERS} pairs of {PLACES} tokens x {UNITS} x {WORDS}", contenders)


DPO_CASES = [of_dpo()] if find_spec("torch") else []


@each_contender(DPO_CASES)
def test_dpo(case, name, timed):
    timed(case, name)
