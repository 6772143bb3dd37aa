"""Log-probabilities of tokens and their gradients from logits, against NumPy, SciPy, torch and JAX.

Elements are logits. "known" gradients are given the log-partition functions of the forward pass, as torch keeps its
log-softmax; the others find them again, so that the aim for the backward pass is one for the first kind.
"""

from functools import cache, partial
from importlib import import_module

import numpy as np
import pytest
from scipy import special

import alignment_fast as af
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender, of_library

CHECKED = 3  # rows that are checked: the reference is slow


@cache
def problem(rows, letters, dtype):
    """Return logits of sequences of one token each, and the tokens."""
    random = np.random.default_rng(1)
    logits = (3 * random.standard_normal((rows, 1, letters), dtype=np.float32)).astype(dtype)
    return logits, random.integers(0, letters, (rows, 1))


@cache
def buffer(rows, letters, dtype):
    return np.empty((rows, 1, letters), dtype)


@cache
def log_partition(size):
    return af.pairwise.sequence_logprobs(*problem(*size), return_log_partition=True)[1]


def is_log_probability(size, tolerance, result):
    logits, tokens = problem(*size)
    checked = np.asarray(logits[:CHECKED, 0], np.float64)
    expected = np.take_along_axis(special.log_softmax(checked, axis=-1), tokens[:CHECKED], -1)[:, 0]
    np.testing.assert_allclose(np.asarray(result)[:CHECKED].reshape(CHECKED), expected, rtol=tolerance)


def is_gradient(size, tolerance, result):
    logits, tokens = problem(*size)
    expected = -special.softmax(np.asarray(logits[:CHECKED, 0], np.float64), axis=-1)
    np.put_along_axis(expected, tokens[:CHECKED], 1 + np.take_along_axis(expected, tokens[:CHECKED], -1), -1)
    np.testing.assert_allclose(
        np.asarray(result)[:CHECKED].reshape(expected.shape), expected, rtol=tolerance, atol=tolerance * 1e-3
    )


# ---- contenders ----


def ours(size):
    return af.pairwise.sequence_logprobs(*problem(*size), num_threads=1)


def our_gradient(size, known):
    options = {"log_partition": log_partition(size)} if known else {}
    return af.pairwise.sequence_logprobs_grad(*problem(*size), out=buffer(*size), num_threads=1, **options)


def numpys(size):
    """In place: two passes and one buffer."""
    logits, tokens = problem(*size)
    x = np.subtract(logits, logits.max(axis=-1, keepdims=True), out=buffer(*size))
    chosen = np.take_along_axis(x, tokens[..., None], axis=-1)
    return chosen[..., 0] - np.log(np.exp(x, out=x).sum(axis=-1))


def numpys_gradient(size):
    """In place, from the logits on."""
    logits, tokens = problem(*size)
    x = np.subtract(logits, logits.max(axis=-1, keepdims=True), out=buffer(*size))
    np.exp(x, out=x)
    x /= -x.sum(axis=-1, keepdims=True)
    np.put_along_axis(x, tokens[..., None], 1 + np.take_along_axis(x, tokens[..., None], axis=-1), axis=-1)
    return x


def scipys(size):
    logits, tokens = problem(*size)
    return np.take_along_axis(special.log_softmax(logits, axis=-1), tokens[..., None], axis=-1)


@cache
def tensors(size):
    torch = import_module("torch")
    torch.set_num_threads(1)
    logits, tokens = map(torch.from_numpy, problem(*size))
    return torch, logits.clone().requires_grad_(), tokens


def torchs(size):
    torch, logits, tokens = tensors(size)
    with torch.no_grad():
        return torch.log_softmax(logits, -1).gather(-1, tokens[..., None])


def torchs_gradient(size):
    """Forward and backward: eager autograd has no backward alone."""
    torch, logits, tokens = tensors(size)
    logits.grad = None
    torch.log_softmax(logits, -1).gather(-1, tokens[..., None]).sum().backward()
    return logits.grad


@cache
def compiled_jax(size, gradient):
    """Return JAX's function, compiled, and its own arrays."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", size[2] == "float64")

    def forward(z, y):
        return jax.numpy.take_along_axis(jax.nn.log_softmax(z, axis=-1), y[..., None], axis=-1)

    function = jax.grad(lambda z, y: forward(z, y).sum()) if gradient else forward
    return jax.jit(function), tuple(map(jax.numpy.asarray, problem(*size)))


def jaxs(size, gradient):
    function, arrays = compiled_jax(size, gradient)
    return function(*arrays).block_until_ready()


FORWARD = {
    "NumPy, in place": ("numpy", numpys),
    "SciPy": ("scipy", scipys),
    "torch": ("torch", torchs),
    "JAX": ("jax", partial(jaxs, gradient=False)),
}
BACKWARD = {
    "NumPy, in place": ("numpy", numpys_gradient),
    "torch, forward and backward": ("torch", torchs_gradient),
    "JAX": ("jax", partial(jaxs, gradient=True)),
}
# Tokens, letters, dtype: whether the aims are for this size.
SIZES = {(1000, 50257, "float32"): True, (80, 262144, "float32"): False, (200, 50257, "float64"): False}


def contenders(size, mine, peers, check):
    count = size[0] * size[1]
    calls = {OURS: (None, mine), **peers}
    return {name: of_library(library, partial(call, size), count, check) for name, (library, call) in calls.items()}


def cases(size, aimed):
    rows, letters, dtype = size
    tolerance, bytes_ = (2e-5, 4) if dtype == "float32" else (1e-12, 8)
    name, exponential = f"{dtype}, {rows} x {letters}", f"exp_f{8 * bytes_}"
    aims = (Target("floor", 1 / 1.25),) if aimed else ()
    yield Case(
        f"sequence_logprobs {name}",
        contenders(size, ours, FORWARD, partial(is_log_probability, size, tolerance)),
        floor={"read": bytes_, exponential: 1},
        targets=aims,
    )
    for known in (True, False):
        yield Case(
            f"sequence_logprobs_grad {'known ' if known else ''}{name}",
            contenders(size, partial(our_gradient, known=known), BACKWARD, partial(is_gradient, size, tolerance)),
            floor={"copy": bytes_, exponential: 1},
            targets=aims if known else (),
        )


CASES = [case for size, aimed in SIZES.items() for case in cases(size, aimed)]


@pytest.mark.kernels("pairwise.token_logprobs", "pairwise.logit_gradients")
@each_contender(CASES)
def test_sequence_logprobs(case, name, timed):
    timed(case, name)


# ---- from hidden states ----

STATES = (256, 512, 50257)  # tokens, width, letters


@cache
def layer():
    random = np.random.default_rng(2)
    tokens, width, letters = STATES
    hidden = random.standard_normal((tokens, 1, width), dtype=np.float32)
    return (
        hidden,
        0.1 * random.standard_normal((letters, width), dtype=np.float32),
        random.integers(0, letters, (tokens, 1)),
    )


def our_hidden():
    return af.pairwise.sequence_logprobs_hidden(*layer(), num_threads=1)


def product_first():
    """The logits as a whole, then their log-probabilities."""
    hidden, weight, tokens = layer()
    return af.pairwise.sequence_logprobs(hidden @ weight.T, tokens, num_threads=1)


def agrees(result):
    np.testing.assert_allclose(result, product_first(), rtol=1e-4)


HIDDEN_CASES = [
    Case(
        f"sequence_logprobs_hidden float32, {' x '.join(map(str, STATES))}",
        {
            OURS: Contender(our_hidden, STATES[0], agrees),
            "logits as a whole": Contender(product_first, STATES[0], agrees),
        },
    )
]


@pytest.mark.kernels("pairwise.token_logprobs")
@each_contender(HIDDEN_CASES)
def test_hidden_states(case, name, timed):
    timed(case, name)
