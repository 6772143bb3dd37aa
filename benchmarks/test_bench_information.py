"""Log-partition functions of many orders, moments and small entropies, against SciPy, NumPy, torch, JAX and dit.

Elements are pairs of letter and order. A peer does one order, in its best form, and is compared per element.
"""

from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import special, stats

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender, of_library
from alignment_fast.kernels.information import cpu

ORDER = 0.7
ORDERS = {
    "1 order": np.array([[ORDER]]),
    "16 orders": np.sort(np.random.default_rng(0).uniform(0.3, 3.0, (1, 16)), axis=1),
    "16 equispaced orders": np.linspace([0.3], [3.3], 16, axis=1),
}
CHECKED = 3  # rows that are checked: the reference is slow


@cache
def letters(rows, width, dtype):
    """Return logits of the weights, and rewards."""
    random = np.random.default_rng(1)
    return tuple(scale * random.standard_normal((rows, width), dtype=np.float32).astype(dtype) for scale in (3, 1))


@cache
def buffer(rows, width, dtype):
    return np.empty((rows, width), dtype)


def log_partition(a, r, orders):
    """Return log Σ exp(a + t r) - log Σ exp(a) of the first rows, in float64."""
    a, r = a[:CHECKED, None, :].astype(float), r[:CHECKED, None, :].astype(float)
    return special.logsumexp(a + np.asarray(orders)[:, :, None] * r, axis=2) - special.logsumexp(a, axis=2)


def is_close(size, orders, tolerance, result):
    np.testing.assert_allclose(
        np.asarray(result)[:CHECKED], log_partition(*letters(*size), orders), rtol=0, atol=tolerance
    )


def is_log_sum(size, tolerance, result):
    """The peers leave the normaliser out: one log-sum-exp."""
    a, r = letters(*size)
    normaliser = special.logsumexp(a[:CHECKED].astype(float), axis=1)
    expected = log_partition(a, r, [[ORDER]])[:, 0] + normaliser
    np.testing.assert_allclose(np.asarray(result)[:CHECKED], expected, rtol=0, atol=tolerance)


def ours(size, orders):
    a, r = letters(*size)
    out = np.empty((len(a), orders.shape[1]))
    cpu.log_mgf(a, cpu.WEIGHT_LOG, r, cpu.REWARD_GIVEN, True, orders, out, 0, len(a))
    return out


def scipys(size):
    a, r = letters(*size)
    return special.logsumexp(a + a.dtype.type(ORDER) * r, axis=1)


def numpys(size):
    (a, r), x = letters(*size), buffer(*size)
    np.multiply(r, a.dtype.type(ORDER), out=x)
    np.add(x, a, out=x)
    top = x.max(axis=1, keepdims=True)
    np.subtract(x, top, out=x)
    np.exp(x, out=x)
    return np.log(x.sum(axis=1)) + top[:, 0]


def torchs(size):
    torch = import_module("torch")
    torch.set_num_threads(1)
    a, r = map(torch.from_numpy, letters(*size))
    return torch.logsumexp(torch.add(a, r, alpha=ORDER), dim=1)


@cache
def compiled_jax(size):
    """Return JAX's log-sum-exp, compiled, and its own arrays."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", size[2] == "float64")
    function = jax.jit(lambda a, r: jax.scipy.special.logsumexp(a + ORDER * r, axis=1))
    return function, tuple(map(jax.numpy.asarray, letters(*size)))


def jaxs(size):
    function, arrays = compiled_jax(size)
    return function(*arrays).block_until_ready()


LIBRARIES = {
    "SciPy": ("scipy", scipys),
    "NumPy, in place": ("numpy", numpys),
    "torch": ("torch", torchs),
    "JAX": ("jax", jaxs),
}
# Size -> aims for (name of the orders, peer).
SIZES = {
    (1000, 50257, "float32"): {
        ("1 order", "floor"): 1 / 1.5,
        ("16 orders", "SciPy"): 30,
        ("16 orders", "NumPy, in place"): 8,
        ("16 orders", "floor"): 1 / 1.25,
        ("16 equispaced orders", "SciPy"): 100,
    },
    (1_000_000, 32, "float32"): {("1 order", "NumPy, in place"): 8},
    (250, 50257, "float64"): {("16 orders", "SciPy"): 10},
}


def case(size, name, aims):
    rows, width, dtype = size
    orders = ORDERS[name]
    count, tolerance, bytes_ = rows * width, 2e-5 if dtype == "float32" else 1e-12, 4 if dtype == "float32" else 8
    peers = {
        peer: of_library(library, partial(call, size), count, partial(is_log_sum, size, tolerance))
        for peer, (library, call) in LIBRARIES.items()
    }
    exponentials = (3 if "equispaced" in name else 1 + orders.size) / orders.size  # one of them for the normaliser
    one = Contender(partial(ours, size, orders), count * orders.size, partial(is_close, size, orders, tolerance))
    return Case(
        f"log-mgf {dtype}, {rows} x {width}, {name}",
        {OURS: one, **peers},
        floor={"read": 2 * bytes_ / orders.size, f"exp_f{8 * bytes_}": exponentials},
        targets=tuple(Target(peer, bound) for (of, peer), bound in aims.items() if of == name),
    )


CASES = [case(size, name, aims) for size, aims in SIZES.items() for name in ORDERS]


@pytest.mark.kernels("information.log_mgf", "information.exponential_mean")
@each_contender(CASES)
def test_log_partition(case, name, timed):
    timed(case, name)


# ---- moments and tilted laws ----

SECOND = (100, 50257, "float64")


def our_moments():
    a, r = letters(*SECOND)
    out, means, normalizers = np.empty((len(a), 1, 5)), np.empty((len(a), 1)), np.empty((len(a), 2))
    cpu.tilted_moments(
        a, cpu.WEIGHT_LOG, r, cpu.REWARD_GIVEN, True, np.array([[ORDER]]), means, normalizers, out, 0, len(a)
    )
    return out[:, 0, 1:]


def numpys_moments():
    """Four cumulants from a tilted law and its central powers."""
    law = np.exp(numpys_law())
    _, r = letters(*SECOND)
    mean = np.einsum("bv,bv->b", law, r)
    distance = r - mean[:, None]
    power, central = law * distance, []
    for _ in range(3):
        power *= distance
        central.append(power.sum(axis=1))
    return np.stack([mean, central[0], central[1], central[2] - 3 * central[0] ** 2], axis=1)


def our_law():
    a, r = letters(*SECOND)
    out, means, normalizers = np.empty((len(a), 1, a.shape[1])), np.empty((len(a), 1)), np.empty((len(a), 2))
    cpu.log_tilted(
        a, cpu.WEIGHT_LOG, r, cpu.REWARD_GIVEN, True, np.array([[ORDER]]), means, normalizers, out, 0, len(a)
    )
    return out[:, 0]


def numpys_law():
    a, r = letters(*SECOND)
    x = a + ORDER * r
    x -= special.logsumexp(x, axis=1, keepdims=True)
    return x


@cache
def tilt_problem():
    """Probabilities and rewards, a tilt of each row, and results of NumPy's formulas: π, its mean reward, D(π‖p)."""
    a, r = letters(*SECOND)
    p = special.softmax(a, axis=1)
    pi = special.softmax(np.log(p) + 0.5 * r, axis=1)
    kl = special.rel_entr(pi, p).sum(axis=1, keepdims=True)
    return p, r, np.full((len(p), 1), 0.5), pi, (pi * r).sum(axis=1, keepdims=True), kl


def our_tilts():
    p, r, alphas, *_ = tilt_problem()
    log_pi, out = np.empty((len(p), 1, p.shape[1])), np.empty((len(p), 1, 4))
    cpu.tilts(p, cpu.WEIGHT_PROBABILITY, r, alphas, log_pi, out, 0, len(p))
    return out[..., 0]


def numpys_tilts():
    p, r, alphas, *_ = tilt_problem()
    log_pi = special.log_softmax(np.log(p) + alphas * r, axis=1)
    pi = np.exp(log_pi)
    return (pi * (log_pi - np.log(p))).sum(axis=1, keepdims=True)


def our_budgets():
    p, r, _, _, _, kl = tilt_problem()
    alpha, reached = np.empty(kl.shape), np.empty(kl.shape)
    cpu.tilts_of_divergence(p, cpu.WEIGHT_PROBABILITY, r, kl, None, None, alpha, reached, 0, len(p))
    return alpha


def our_rates():
    p, r, _, _, mean, _ = tilt_problem()
    value, t = np.empty(mean.shape), np.empty(mean.shape)
    cpu.rates(p, cpu.WEIGHT_PROBABILITY, r, mean, value, t, 0, len(p))
    return t


def numpys_root(residual):
    """Solve by Newton's method on all rows, in as many rounds as the kernels take."""
    p, r, alphas, _, mean, kl = tilt_problem()
    t = np.full(alphas.shape, 0.3)
    for _ in range(6):
        log_pi = special.log_softmax(np.log(p) + t * r, axis=1)
        pi = np.exp(log_pi)
        m = (pi * r).sum(axis=1, keepdims=True)
        variance = (pi * (r - m) ** 2).sum(axis=1, keepdims=True)
        t = t - residual(t, (pi * (log_pi - np.log(p))).sum(axis=1, keepdims=True) - kl, m - mean, variance)
    return t


def numpys_budgets():
    return numpys_root(lambda t, off_divergence, _, variance: off_divergence / (t * variance))


def numpys_rates():
    return numpys_root(lambda _, __, off_mean, variance: off_mean / variance)


def our_gradients():
    p, r, alphas, *_ = tilt_problem()
    scalars, vectors = np.empty((len(p), 1, 1)), np.empty((len(p), 1, 2, p.shape[1]))
    cpu.gradients(p, cpu.WEIGHT_PROBABILITY, r, cpu.OF_LOG_MGF, alphas, scalars, vectors, 0, len(p))
    return vectors[:, 0, 1]


def numpys_gradients():
    p, r, alphas, *_ = tilt_problem()
    return special.softmax(np.log(p) + alphas * r, axis=1) - p


@cache
def log_ratios():
    return letters(*SECOND)[0].reshape(-1)


def our_estimates():
    rho = log_ratios()
    k3, slope = np.empty(rho.shape), np.empty(rho.shape)
    cpu.estimates(rho, k3, slope, 0, len(rho))
    return k3


def numpys_estimates():
    less_one = np.expm1(-log_ratios())
    return less_one + log_ratios()


def agrees(reference, result):
    np.testing.assert_allclose(result, reference(), rtol=1e-9, atol=1e-9)


def second_case(name, mine, numpys):
    count, check = SECOND[0] * SECOND[1], partial(agrees, numpys)
    contenders = {OURS: Contender(mine, count, check), "NumPy": Contender(numpys, count, check)}
    return Case(f"{name} float64, {SECOND[0]} x {SECOND[1]}", contenders, floor={"read": 16, "exp_f64": 1})


SECOND_CASES = [
    second_case("cumulants 1..4", our_moments, numpys_moments),
    second_case("tilted log-probabilities", our_law, numpys_law),
    second_case("tilts", our_tilts, numpys_tilts),
    second_case("tilts of given divergence", our_budgets, numpys_budgets),
    second_case("rate functions", our_rates, numpys_rates),
    second_case("gradients of the log-MGF", our_gradients, numpys_gradients),
    second_case("estimates of a divergence", our_estimates, numpys_estimates),
]


@pytest.mark.kernels(
    "information.tilted_moments",
    "information.log_tilted",
    "information.tilts",
    "information.tilts_of_divergence",
    "information.rates",
    "information.gradients",
    "information.estimates",
)
@each_contender(SECOND_CASES)
def test_second_pass(case, name, timed):
    timed(case, name)


# ---- small rows ----

P, Q = np.random.default_rng(2).dirichlet(np.ones(32), 2)


def dits(measure):
    dit = import_module("dit")
    first, second = (dit.Distribution([(i,) for i in range(32)], x) for x in (P, Q))
    return partial(getattr(dit.divergences, measure), first, second)


def small_case(name, mine, expected, peers):
    def check(result):
        assert float(np.sum(result)) == pytest.approx(expected, rel=1e-12)

    calls = {OURS: mine, **peers}
    contenders = {peer: Contender(call, 1, check) for peer, call in calls.items()}
    return Case(f"{name}, 32 probabilities", contenders, targets=(Target("seconds", 3e-6),))


SMALL_CASES = [
    small_case(
        "entropy",
        lambda: af.information.entropy(P),
        float(-(P @ np.log(P))),
        {"SciPy": lambda: stats.entropy(P), "NumPy": lambda: -(P @ np.log(P))},
    ),
    small_case(
        "Kullback-Leibler divergence",
        lambda: af.information.kl_divergence(P, Q),
        float(P @ np.log(P / Q)),
        {
            "SciPy": lambda: special.rel_entr(P, Q).sum(),
            "NumPy": lambda: P @ np.log(P / Q),
            **({"dit": lambda: np.log(2) * dits("kullback_leibler_divergence")()} if find_spec("dit") else {}),
        },
    ),
]


def log_sum_exp_case(dtype):
    x = letters(64, 50_257, dtype)[0]

    def check(result):
        np.testing.assert_allclose(result, special.logsumexp(x.astype(np.float64), axis=1), rtol=1e-6)

    return Case(
        f"logarithms of 64 sums of 50257 exponentials, {dtype}",
        {
            OURS: Contender(lambda: operations("special").log_sum_exp(x)[0], x.size, check),
            "SciPy": Contender(lambda: special.logsumexp(x, axis=1), x.size, check),
        },
        targets=(Target("SciPy", 8),),
    )


@pytest.mark.kernels("special.log_sum_exp")
@each_contender([log_sum_exp_case(dtype) for dtype in ("float64", "float32")])
def test_logarithms_of_sums_of_exponentials(case, name, timed):
    timed(case, name)


@pytest.mark.kernels("information.plain_entropy", "information.plain_cross_entropy", "information.plain_divergence")
@each_contender(SMALL_CASES)
def test_small_rows(case, name, timed):
    timed(case, name)
