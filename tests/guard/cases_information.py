"""Guarded results of `af.information`."""

import itertools

import numpy as np
from guard.table import FLOATS, add, masses, reals, tied, whole

import alignment_fast as af

INFORMATION = af.information

ORDERS = np.array([-np.inf, -3.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-7, 2.0, 10.0, np.inf])
TILTS = np.array([-np.inf, -40.0, -2.0, -1e-9, 0.0, 1e-12, 0.5, 1.0, 3.0, 200.0, np.inf])
FINITE = np.array([-40.0, -2.0, -1e-9, 0.0, 1e-12, 0.5, 1.0, 3.0, 200.0])
SHAPES = {
    "one": (1,),
    "few": (7,),
    "block": (64,),
    "batch": (3, 11),
    "axes": (2, 3, 17),
    "long": (5000,),
    "vocabulary": (50257,),
}
SHORT = ("one", "few", "batch", "axes")


def _grids(shape, grid):
    """Return `grid`, or a part of it for many letters."""
    return grid if shape[-1] < 5000 else grid[1::3]


def _weights(kind, seed, shape, dtype):
    return {
        "uniform": {"p": None},
        "p": {"p": masses(seed, shape, dtype, zeros=shape[-1] > 4)},
        "log": {"p": reals(seed, shape, -9.0, 3.0, dtype), "log": True},
    }[kind]


def _log_mgf():
    for (label, shape), (precision, dtype), kind in itertools.product(
        SHAPES.items(), FLOATS.items(), ("uniform", "p", "log")
    ):
        name = f"{label}-{precision}-{kind}"
        reward = reals(1, shape, -2.0, 3.0, dtype)
        options = _weights(kind, 2, shape, dtype)
        yield f"log_mgf/{name}", "log_mgf", INFORMATION.log_mgf, (reward, _grids(shape, TILTS)), options
        if label in SHORT or kind == "p":
            grid = _grids(shape, FINITE)
            yield (
                f"tilted_moments/{name}",
                "tilted_moments TiltedMoments",
                INFORMATION.tilted_moments,
                (reward, grid),
                options | {"order": {"uniform": 8, "p": 4, "log": 2}[kind]},
            )
        if label in SHORT and kind != "uniform":
            yield (
                f"log_mgf_gradient/{name}",
                "log_mgf_gradient LogMgfGradient",
                INFORMATION.log_mgf_gradient,
                (reward, FINITE[1:-1]),
                options,
            )


def _rates():
    levels = np.array([-5.0, -1.9, -0.5, 0.0, 0.5, 0.500001, 2.0, 5.0])
    for (label, shape), (precision, dtype), kind in itertools.product(SHAPES.items(), FLOATS.items(), ("p", "log")):
        reward = reals(1, shape, -2.0, 3.0, dtype)
        options = _weights(kind, 2, shape, dtype)
        arguments = (reward, _grids(shape, levels))
        name = f"{label}-{precision}-{kind}"
        yield f"rate_function/{name}", "rate_function RateFunction", INFORMATION.rate_function, arguments, options
        if label in ("few", "batch"):
            arguments = (reward, levels[2:-1] * 0.5 + 0.25)
            uses = "rate_function_gradient RateFunctionGradient"
            yield f"rate_function_gradient/{name}", uses, INFORMATION.rate_function_gradient, arguments, options


def _rewards():
    ties, shape = tied(3, (4, 30)), (4, 30)
    forbidden = np.where(whole(5, shape, 0, 3) == 0, -np.inf, ties)
    per_row = np.array([[0.5], [1.0], [-2.0], [0.0]])
    for name, reward, t in (
        ("ties", ties, TILTS),
        ("forbidden", forbidden, np.array([0.0, 0.5, 3.0])),
        ("per-row", ties, per_row),
        ("scalar", ties, 0.5),
        ("constant", np.full(9, 2.5), TILTS),
    ):
        yield f"log_mgf/{name}", "log_mgf", INFORMATION.log_mgf, (reward, t), {"p": masses(4, 30)[: reward.shape[-1]]}
    for order, t in itertools.product((1, 4, 8), (0.0, 1.5)):
        options = {"t": t, "p": masses(4, 30)}
        yield f"cumulants/ties-{order}-{t}", "cumulants", INFORMATION.cumulants, (ties, order), options
    yield "rate_function/ties", "rate_function", INFORMATION.rate_function, (ties, [-1.0, 0.0, 1.25]), {}


def _entropies():
    for (label, shape), (precision, dtype), log in itertools.product(SHAPES.items(), FLOATS.items(), (False, True)):
        p = _weights("log" if log else "p", 6, shape, dtype)["p"]
        q = _weights("log", 7, shape, dtype)["p"] if log else masses(7, shape, dtype)
        name, options, orders = f"{label}-{precision}{'-log' * log}", {"log": log}, _grids(shape, ORDERS)
        yield f"renyi_entropy/{name}", "renyi_entropy", INFORMATION.renyi_entropy, (p, orders), options
        yield f"renyi_divergence/{name}", "renyi_divergence", INFORMATION.renyi_divergence, (p, q, orders), options
        yield f"renyi_cross_entropy/{name}", "renyi_cross_entropy", _cross_entropies, (p, q, orders), options
        yield f"shannon/{name}", "entropy cross_entropy kl_divergence", _shannon, (p, q), options
        if label in SHORT:
            uses = "renyi_entropy_gradient renyi_divergence_gradient renyi_cross_entropy_gradient RenyiGradient"
            yield f"renyi_gradients/{name}", uses, _renyi_gradients, (p, q), options


def _cross_entropies(p, q, orders, *, log):
    return [
        INFORMATION.renyi_cross_entropy(p, q, orders, variant=variant, log=log, normalize_q=normalize)
        for variant, normalize in (("standard", True), ("natural", True), ("standard", False))
    ]


def _shannon(p, q, *, log):
    return (
        INFORMATION.entropy(p, log=log),
        INFORMATION.cross_entropy(p, q, log=log),
        INFORMATION.kl_divergence(p, q, log=log),
        INFORMATION.kl_divergence(p, q, log=log, normalize_q=False),
    )


def _renyi_gradients(p, q, *, log):
    orders = [-1.0, 0.5, 1.0, 2.0]
    return (
        INFORMATION.renyi_entropy_gradient(p, orders, log=log),
        INFORMATION.renyi_divergence_gradient(p, q, orders, log=log),
        INFORMATION.renyi_cross_entropy_gradient(p, q, orders, log=log),
        INFORMATION.renyi_cross_entropy_gradient(p, q, orders, variant="natural", log=log),
    )


def _broadcast():
    p, q = masses(8, (5, 1, 13)), masses(9, (4, 13), zeros=True)
    yield "renyi_divergence/broadcast", "renyi_divergence", INFORMATION.renyi_divergence, (p, q, ORDERS), {}
    yield "renyi_divergence/scalar", "renyi_divergence", INFORMATION.renyi_divergence, (p[0, 0], q[0], 0.5), {}
    yield "renyi_entropy/counts", "renyi_entropy", INFORMATION.renyi_entropy, (whole(1, (6, 40), 0, 9), ORDERS), {}


def _threads():
    reward, p = reals(1, (6, 50257), -2.0, 3.0), masses(2, (6, 50257))
    for threads in (1, 2):
        options = {"p": p, "num_threads": threads}
        yield f"log_mgf/threads-{threads}", "log_mgf", INFORMATION.log_mgf, (reward, [0.5, 2.0]), options
        options = {"num_threads": threads}
        yield f"renyi_entropy/threads-{threads}", "renyi_entropy", INFORMATION.renyi_entropy, (p, [0.5, 2.0]), options


def _chains():
    for size in (2, 3, 8):
        P, Q = masses(10, (2, size, size)), masses(11, (2, size, size))
        reward = reals(12, (2, size, size), -1.0, 1.0)
        orders = [0.0, 0.5, 1.0 - 1e-9, 1.0, 2.0, np.inf]
        uses = "markov_renyi_cross_entropy_rate"
        yield f"markov_rate/{size}", uses, INFORMATION.markov_renyi_cross_entropy_rate, (P, Q, orders), {}
        uses = "markov_aligned MarkovPolicy"
        yield f"markov_aligned/{size}", uses, INFORMATION.markov_aligned, (P, reward, [-1.0, 0.0, 1e-8, 2.0]), {}


# Logarithms and exponentials of NumPy take part in these, by themselves or in a Newton iteration.
BY_LIBRARIES = ("rate_function", "rate_function_gradient", "renyi_gradients", "markov_rate", "markov_aligned")
BY_LIBRARIES += ("log_mgf_gradient",)
FAMILIES = {
    "tilted_moments": "moments",
    "cumulants": "moments",
    "log_mgf_gradient": "gradients",
    "rate_function_gradient": "gradients",
    "renyi_gradients": "gradients",
    "renyi_entropy": "renyi",
    "renyi_divergence": "renyi",
    "renyi_cross_entropy": "renyi",
    "markov_rate": "markov",
    "markov_aligned": "markov",
}

for made in (_log_mgf, _rates, _rewards, _entropies, _broadcast, _threads, _chains):
    for name, uses, function, arguments, options in made():
        topic, _, what = name.partition("/")
        name = f"{FAMILIES[topic]}/{topic}-{what}" if topic in FAMILIES else name
        public = " ".join(f"information.{one}" for one in uses.split())
        add(f"information.{name}", public, function, *arguments, own=topic not in BY_LIBRARIES, **options)
