"""Guarded results of `af.memoryless`: transforms and special functions of SciPy take part in all but a few."""

import numpy as np
from guard.table import add, masses, reals, whole

import alignment_fast as af

MODELS = {
    "ternary": lambda: af.memoryless.MemorylessModel([1 / 5, 3 / 10, 1 / 2], [2 / 3, 1 / 9, 2 / 9]),
    "coin": lambda: af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]),
    "lattice": lambda: af.memoryless.MemorylessModel(masses(1, 12, zeros=True), reward=whole(2, 12, -3, 9) * 0.5),
    "reals": lambda: af.memoryless.MemorylessModel(masses(3, 6), reward=reals(4, 6, -1.0, 2.0)),
}
METHODS = ("auto", "types", "fft", "saddlepoint")


def _uses(names):
    return " ".join(f"memoryless.{name}" for name in ("MemorylessModel", *names.split()))


def _policies(make):
    model = make()
    return model.delta_max, model.tilt([0.0, 1.0, 3.0]), model.aligned([0.0, 0.01, 0.1])


def _rates(make):
    model = make()
    levels, orders = np.array([-0.4, 0.0, 0.5, 1.0]), np.array([0.0, 0.3, 1.0, 2.0])
    kinds = ("reference", "aligned", "best_of_n")
    return (
        [model.rate(levels, delta=0.1, which=which) for which in kinds],
        [model.scaled_cumulant(orders, delta=0.1, which=which) for which in kinds],
    )


def _at(make, what, /, *args, **options):
    return getattr(make(), what)(*args, **options)


def policies(label, make):
    uses = _uses("MemorylessModel.delta_max MemorylessModel.tilt MemorylessModel.aligned")
    add(f"memoryless.model/policies-{label}", uses, _policies, make, own=False)
    uses = _uses("MemorylessModel.rate MemorylessModel.scaled_cumulant")
    add(f"memoryless.model/rates-{label}", uses, _rates, make, own=False)
    uses = _uses("MemorylessModel.second_order SecondOrder")
    add(f"memoryless.model/second_order-{label}", uses, _at, make, "second_order", 200, 0.05, own=False)


def laws(label, make):
    for method in METHODS:
        uses = _uses("MemorylessModel.reward_law Law")
        add(f"memoryless.reward_law/{label}-{method}", uses, _at, make, "reward_law", 9, method=method, own=False)
        uses = _uses("MemorylessModel.best_of_n BestOfNLaw BestOfNErrors")
        # Saddlepoints are for sums far from their ends; all types are enumerated.
        options = {"m": 8, "log_n": 0.6} if method == "types" else {"m": 150, "delta": 0.03}
        add(f"memoryless.best_of_n/{label}-{method}", uses, _at, make, "best_of_n", method=method, own=False, **options)
    add(f"memoryless.best_of_n/{label}-long", _uses("BestOfNLaw"), _at, make, "best_of_n", 300, delta=0.05, own=False)


def sampling(label, make):
    uses = _uses("MemorylessModel.sample_sequences")
    options = {"delta": 0.05, "rng": 1, "own": False}
    add(f"memoryless.sampling/sequences-{label}", uses, _at, make, "sample_sequences", 60, 5, **options)
    uses = _uses("MemorylessModel.tail_probability TailEstimate")
    level = {"ternary": -60.0, "coin": 80.0, "lattice": 300.0, "reals": 120.0}[label]
    add(f"memoryless.sampling/tail-{label}", uses, _at, make, "tail_probability", 100, level, 500, rng=2, own=False)


for part in (policies, laws, sampling):
    for label, make in MODELS.items():
        part(label, make)
uses = _uses("MemorylessModel.reward_bounds")
add("memoryless.best_of_n/bounds-reals", uses, _at, MODELS["reals"], "reward_bounds", 30, log_n=2.0, own=False)
