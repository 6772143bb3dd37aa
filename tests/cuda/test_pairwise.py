"""Losses of pairs on CUDA: the bits of the processor's builds with fma, for every formula and whatever surrounds it."""

import numpy as np
import pytest
from marks import fused

from alignment_fast.kernels.pairwise import cpu, losses
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.same_everywhere,
    fused,
]

PARAMETERS = {"beta": 0.3, "epsilon": 0.1, "gamma": 0.5, "lam": 1.5, "tau": 0.7, "delta": 0.2, "exponent": -0.6}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 3e38, 1e-40]
SIZE = 2500  # three tiles, the last one cut within a warp


def values(name, wide, size=SIZE):
    generator = np.random.default_rng([*name.encode()])
    x = -generator.exponential(3.0, size)
    at = generator.permutation(size)[: 2 * len(SPECIAL)]
    with np.errstate(over="ignore"):
        x[at] = np.tile(SPECIAL, 2)
        return x.astype(np.float64 if wide else np.float32)


def stored(x, storage):
    if storage == "own":
        return x
    with np.errstate(over="ignore"):
        return (
            x.astype(np.float16).view(np.uint16)
            if storage == "float16"
            else (x.view(np.uint32) >> 16).astype(np.uint16)
        )


def both(cuda, loss, inputs, outputs, **options):
    """Evaluate on the processor and on the device; return the results of each, and the sums."""
    from alignment_fast.kernels.common import streams
    from alignment_fast.kernels.pairwise import cuda as table

    wide = options["wide"]
    dtype = np.dtype(np.float64 if wide else np.float32)
    size = next(len(array) for array in inputs if array is not None)
    host = Outputs(*(np.zeros(size, dtype) if wanted else None for wanted in outputs))
    with np.errstate(all="ignore"):
        host_sums = losses.evaluate(loss, inputs, host, size=size, **options)
    place = streams.Place(0, 7)
    there = Inputs(*(None if array is None else place.copy(array) for array in inputs))
    results = Outputs(*(place.empty((size,), dtype) if wanted else None for wanted in outputs))
    sums = table.evaluate(loss, there, results, size=size, **options)
    found = Outputs(*(None if array is None else array.numpy() for array in results))
    total = table.reduced_loss(sums, 7.0, dtype).numpy()
    with np.errstate(all="ignore"):
        assert total.tobytes() == dtype.type(host_sums.loss / 7.0).tobytes() or (
            total != total and host_sums.loss != host_sums.loss
        )
    if options.get("metrics"):
        chosen, rejected, _, accuracy = (float(x.numpy()) for x in table.reduced_metrics(sums, 2.0))
        expected = np.array([host_sums.chosen_rewards, host_sums.rejected_rewards, host_sums.wins]) / 2
        assert np.array_equal(expected, [chosen, rejected, accuracy], equal_nan=True)
    return host, found


def assert_same(host, found):
    for name in Outputs._fields:
        expected, value = getattr(host, name), getattr(found, name)
        if expected is not None:
            assert np.array_equal(np.isnan(expected), np.isnan(value)), name
            assert np.array_equal(
                np.nan_to_num(expected).view(f"u{expected.itemsize}"), np.nan_to_num(value).view(f"u{value.itemsize}")
            ), name


FOUR = ("chosen", "rejected", "ref_chosen", "ref_rejected")
ALL = Outputs(True, True, True, None, True, True)
PLAIN = Outputs(None, True, True, None, True, True)


@pytest.mark.parametrize("wide", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("formula", cpu.FORMULAS_BY_NAME)
def test_every_formula(cuda, formula, wide):
    loss = Loss(formula, **PARAMETERS)
    inputs = Inputs(**{name: values(name, wide) for name in FOUR})
    for outputs in (ALL, PLAIN):
        assert_same(*both(cuda, loss, inputs, outputs, storage="own", wide=wide, factor=0.37, metrics=True))


SURROUNDINGS = {
    "float16": {"storage": "float16"},
    "bfloat16": {"storage": "bfloat16"},
    "lengths": {"lengths": True},
    "lengths first": {"lengths": True, "lengths_first": True},
    "weights": {"weight": True},
    "exponential scores": {"score": "exponential"},
    "Jensen-Shannon scores": {"score": "jensen_shannon", "lengths": True},
    "no reference": {"names": FOUR[:2]},
}


@pytest.mark.parametrize(
    ("case", "wide"),
    [(case, wide) for case in SURROUNDINGS for wide in (False, True) if not (wide and "storage" in SURROUNDINGS[case])],
)
@pytest.mark.parametrize("formula", ["sigmoid", "ipo", "orpo"])
def test_what_surrounds_a_formula(cuda, formula, case, wide):
    case = dict(SURROUNDINGS[case])
    storage = case.get("storage", "own")
    given = {name: stored(values(name, wide), storage) for name in case.get("names", FOUR)}
    if case.get("lengths"):
        given |= {
            name: 1 + np.abs(np.nan_to_num(values(name, wide), posinf=3, neginf=3))
            for name in ("chosen_length", "rejected_length")
        }
    if case.get("weight"):
        given["weight"] = np.arange(SIZE).astype(given["chosen"].dtype) % 5
    loss = Loss(formula, score=case.get("score", "identity"), **PARAMETERS)
    options = {
        "storage": storage,
        "wide": wide,
        "factor": 0.37,
        "metrics": True,
        "lengths_first": case.get("lengths_first", False),
    }
    assert_same(*both(cuda, loss, Inputs(**given), ALL, **options))


TARGETS = {"none": None, "soft": np.arange(SIZE) % 5 / 4, "labels": np.arange(SIZE) % 2}


@pytest.mark.parametrize("wide", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("formula", cpu.MARGIN_FORMULAS)
@pytest.mark.parametrize("kind", TARGETS)
def test_margins_with_targets_and_second_derivatives(cuda, formula, kind, wide):
    margin, target = values("margin", wide), TARGETS[kind]
    inputs = Inputs(margin, target=None if target is None else target.astype(margin.dtype))
    for second in (None, True):
        outputs = Outputs(True, True, None, second)
        assert_same(*both(cuda, Loss(formula, **PARAMETERS), inputs, outputs, storage="own", wide=wide))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_order_of_threads_does_not_show(cuda, order):
    cuda.state.order = order
    inputs = Inputs(**{name: values(name, False) for name in FOUR})
    assert_same(*both(cuda, Loss("sigmoid", **PARAMETERS), inputs, PLAIN, storage="own", wide=False, metrics=True))


@pytest.mark.parametrize("size", [1, 31, 32, 33, 1023, 1024, 1025])
def test_every_end_of_a_tile(cuda, size):
    inputs = Inputs(**{name: values(name, False)[:size] for name in FOUR})
    for outputs in (ALL, PLAIN):
        assert_same(
            *both(cuda, Loss("sigmoid", **PARAMETERS), inputs, outputs, storage="own", wide=False, metrics=True)
        )
