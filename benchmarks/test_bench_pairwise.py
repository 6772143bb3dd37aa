"""Mean preference losses with two gradients, against NumPy, SciPy, torch and JAX.

Elements are pairs; losses of means per token take lengths, and no reference. Ours writes into preallocated arrays
("preallocated") or returns new ones ("fresh"); so do the NumPy and SciPy forms. torch and JAX always allocate. The
floor is a plain loop that reads four arrays and writes two.
"""

from functools import cache, partial
from importlib import import_module

import numpy as np
import pytest
from scipy import special

import alignment_fast as af
from alignment_fast.benchmarks.cases import OURS, Case, Target, each_contender, of_library
from alignment_fast.kernels.common import threads

BETA = 0.1
OF_MEANS = ("simper",)
SIZES = tuple(10**k for k in range(2, 8))
DTYPES = ("float32", "float64")


@cache
def log_probabilities(size, dtype):
    """Return chosen, rejected, and both under the reference."""
    random = np.random.default_rng(0)
    return tuple((5 * random.standard_normal(size, dtype=np.float32) - 50).astype(dtype) for _ in range(4))


LENGTHS = ("chosen_length", "rejected_length")


@cache
def lengths(name, size, dtype):
    """Return the lengths of chosen and rejected answers where the loss is one of means per token."""
    random = np.random.default_rng(1)
    of_means = name in OF_MEANS
    return tuple(random.integers(20, 80, size).astype(dtype) for _ in LENGTHS) if of_means else ()


@cache
def buffers(size, dtype):
    return tuple(np.ones(size, dtype) for _ in range(4))


@cache
def expected(name, size, dtype):
    """Return the mean loss and the gradient of the chosen log-probabilities, in float64 by SciPy."""
    a, c, b, d = (x.astype(np.float64) for x in log_probabilities(size, dtype))
    return with_scipy(name, a, c, b, d, *(np.empty(size) for _ in range(4)), *lengths(name, size, "float64"))[:2]


def with_scipy(name, a, c, b, d, x, y, up, down, n=None, k=None):
    """Return (mean loss, gradient chosen, gradient rejected) of elementwise functions, all of them in place."""
    if name == "simper":
        np.exp(np.divide(a, n, out=x), out=x)
        np.exp(np.divide(c, k, out=y), out=y)
        np.divide(np.multiply(x, -1 / len(x), out=up), n, out=up)
        np.divide(np.multiply(y, 1 / len(x), out=down), k, out=down)
        return np.mean(np.subtract(y, x, out=x)), up, down
    np.subtract(a, b, out=x)
    np.subtract(c, d, out=y)
    np.subtract(x, y, out=x)
    if name == "ipo":
        np.subtract(x, 0.5 / BETA, out=x)
        np.multiply(x, 2 / len(x), out=up)
        loss = np.mean(np.multiply(x, x, out=y))
    else:
        np.multiply(x, BETA, out=x)
        special.expit(np.negative(x, out=x), out=up)
        np.multiply(up, -BETA / len(x), out=up)
        loss = np.mean(np.logaddexp(0, x, out=y))
    return loss, up, np.negative(up, out=down)


def ours(name, size, dtype, count=1):
    up, down = buffers(size, dtype)[2:]
    out = {"grad_policy_chosen": up, "grad_policy_rejected": down}
    result = af.pairwise.preference_loss(
        *log_probabilities(size, dtype),
        loss_type=name,
        grad=True,
        out=out,
        num_threads=count,
        **dict(zip(LENGTHS, lengths(name, size, dtype), strict=False)),
    )
    return result.loss, result.grad_policy_chosen


def ours_fresh(name, size, dtype):
    options = dict(zip(LENGTHS, lengths(name, size, dtype), strict=False))
    result = af.pairwise.preference_loss(
        *log_probabilities(size, dtype), loss_type=name, grad=True, num_threads=1, **options
    )
    return result.loss, result.grad_policy_chosen


def numpys(name, size, dtype):
    given = *log_probabilities(size, dtype), *buffers(size, dtype), *lengths(name, size, dtype)
    return with_scipy(name, *given)[:2]


def numpys_fresh(name, size, dtype):
    fresh = (np.empty(size, dtype) for _ in range(4))
    return with_scipy(name, *log_probabilities(size, dtype), *fresh, *lengths(name, size, dtype))[:2]


def torch_loss(name, a, c, b, d, n=None, k=None):
    torch = import_module("torch")
    if name == "simper":
        return (torch.exp(c / k) - torch.exp(a / n)).mean()
    margin = (a - b) - (c - d)
    if name == "ipo":
        return ((margin - 0.5 / BETA) ** 2).mean()
    if name == "aot":
        margin = torch.sort(a - c).values - torch.sort(b - d).values
    return -torch.nn.functional.logsigmoid(BETA * margin).mean()


@cache
def torch_arrays(size, dtype):
    torch = import_module("torch")
    arrays = [torch.from_numpy(x) for x in log_probabilities(size, dtype)]
    return [x.detach().clone().requires_grad_(i < 2) for i, x in enumerate(arrays)]


@cache
def torch_lengths(name, size, dtype):
    return [import_module("torch").from_numpy(x) for x in lengths(name, size, dtype)]


def with_torch(function, name, size, dtype):
    torch = import_module("torch")
    torch.set_num_threads(1)
    arrays = torch_arrays(size, dtype)
    for x in arrays:
        x.grad = None
    loss = function(name, *arrays, *torch_lengths(name, size, dtype))
    loss.backward()
    return loss.detach().numpy(), arrays[0].grad.numpy()


def torchs(name, size, dtype):
    return with_torch(torch_loss, name, size, dtype)


@cache
def compiled_torch():
    return import_module("torch").compile(torch_loss)


def torchs_compiled(name, size, dtype):
    return with_torch(compiled_torch(), name, size, dtype)


@cache
def compiled_jax(name, size, dtype):
    """Return JAX's loss and gradient, compiled, and its own arrays."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", dtype == "float64")

    def loss(a, c, b, d, n=None, k=None):
        if name == "simper":
            return (jax.numpy.exp(c / k) - jax.numpy.exp(a / n)).mean()
        margin = (a - b) - (c - d)
        if name == "ipo":
            return ((margin - 0.5 / BETA) ** 2).mean()
        return -jax.nn.log_sigmoid(BETA * margin).mean()

    arrays = tuple(map(jax.numpy.asarray, (*log_probabilities(size, dtype), *lengths(name, size, dtype))))
    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1))), arrays


def jaxs(name, size, dtype):
    function, arrays = compiled_jax(name, size, dtype)
    loss, (up, down) = function(*arrays)
    down.block_until_ready()
    return loss, up


# Contender -> (library, function). torch.compile needs a compiler of its own and several seconds for every shape.
CALLS = {
    OURS: (None, ours),
    "fresh": (None, ours_fresh),
    "2 threads": (None, partial(ours, count=2)),
    "NumPy and SciPy": ("scipy", numpys),
    "NumPy and SciPy, fresh": ("scipy", numpys_fresh),
    "torch": ("torch", torchs),
    "torch.compile": ("torch", torchs_compiled),
    "JAX": ("jax", jaxs),
}
TARGETS = {
    10**2: (Target("seconds", 5e-8),),
    10**6: (Target("torch", 5), Target("NumPy and SciPy", 15)),
    10**7: (Target("torch", 15), Target("torch.compile", 4), Target("floor", 1 / 1.4)),
}


def is_close(name, size, dtype, result):
    loss, gradient = result
    exact, slope = expected(name, size, dtype)
    tolerance = 2e-6 if dtype == "float32" else 1e-12
    cancels = tolerance if name in OF_MEANS else 0.0  # a loss that is a difference of two numbers below 1
    np.testing.assert_allclose(float(loss), exact, rtol=tolerance, atol=cancels)
    np.testing.assert_allclose(np.asarray(gradient), slope, rtol=100 * tolerance, atol=tolerance / size)


def case(name, size, dtype):
    check = partial(is_close, name, size, dtype)
    contenders = {
        peer: of_library(library, partial(call, name, size, dtype), size, check)
        for peer, (library, call) in CALLS.items()
        if (peer != "2 threads" or (size >= 10**6 and threads.cpu_count() > 1))
        and (peer != "torch.compile" or size == 10**7)
    }
    floor = {f"pairs_{dtype}": 1} if size == SIZES[-1] else {}  # smaller ones stay in a cache
    return Case(f"{name} {dtype}, {size} pairs", contenders, floor=floor, targets=TARGETS.get(size, ()))


CASES = [case(name, size, dtype) for name in ("sigmoid", "ipo") for dtype in DTYPES for size in SIZES]
CASES += [case(name, 10**6, dtype) for name in OF_MEANS for dtype in DTYPES]


@pytest.mark.kernels("pairwise.evaluate")
@each_contender(CASES)
def test_mean_loss_with_gradients(case, name, timed):
    timed(case, name)


# ---- losses that sort their batch ----


def numpys_matched(name, size, dtype):
    a, c, b, d = log_probabilities(size, dtype)
    order = np.argsort(a - c)
    margin = BETA * ((a - c)[order] - np.sort(b - d))
    gradient = np.empty_like(margin)
    gradient[order] = -BETA / size * special.expit(-margin)
    return np.logaddexp(0, -margin).mean(), gradient


def matched_case(size, dtype):
    def check(result):
        exact, slope = numpys_matched("aot", size, dtype)
        assert float(result[0]) == pytest.approx(float(exact), rel=1e-5)
        np.testing.assert_allclose(np.asarray(result[1]), slope, rtol=1e-3, atol=1e-7 / size)

    calls = {OURS: (None, ours), "NumPy": ("numpy", numpys_matched), "torch": ("torch", torchs)}
    contenders = {
        peer: of_library(library, partial(call, "aot", size, dtype), size, check)
        for peer, (library, call) in calls.items()
    }
    return Case(f"aot {dtype}, {size} pairs", contenders, targets=(Target("torch", 6),))


MATCHED = [matched_case(10**6, dtype) for dtype in DTYPES]


@pytest.mark.kernels("pairwise.sort_differences", "pairwise.scatter")
@each_contender(MATCHED)
def test_sorted_losses(case, name, timed):
    timed(case, name)
