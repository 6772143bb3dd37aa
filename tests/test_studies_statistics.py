"""Statistics that merge: moments, sketches of quantiles, simulations."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alignment_fast import dynamics, ranking
from alignment_fast.best_of_n import Gaussian, Sampler, Table, Uniform, simulate
from alignment_fast.studies import (
    BootstrapTask,
    Moments,
    QuantileSketch,
    Rows,
    SimulationTask,
    Study,
    SweepTask,
    blocks,
)

pytestmark = pytest.mark.same_everywhere

VALUES = arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_nan=False, allow_infinity=False, width=32))
ANY = arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_nan=False))


# ---- moments ----


def test_moments_are_those_of_the_definition():
    x = np.random.default_rng(1).gamma(2.0, size=9000)
    found = Moments(x)
    d = x - x.mean()
    assert found.count == 9000
    for value, definition in (
        (found.mean, x.mean()),
        (found.M2, (d**2).sum()),
        (found.M3, (d**3).sum()),
        (found.M4, (d**4).sum()),
        (found.variance, x.var(ddof=1)),
        (found.standard_error, x.std(ddof=1) / np.sqrt(9000)),
        (found.skewness, (d**3).mean() / x.std() ** 3),
        (found.excess_kurtosis, (d**4).mean() / x.var() ** 2 - 3),
    ):
        assert value == pytest.approx(definition, rel=1e-11)
    assert (found.min, found.max) == (x.min(), x.max())


def test_columns_are_moments_side_by_side():
    x = np.random.default_rng(2).normal(size=(5000, 3))
    whole = Moments(x)
    for place in range(3):
        assert whole.to_array()[place].tobytes() == Moments(x[:, place]).to_array().tobytes()
    assert whole.variance.shape == (3,)


@given(VALUES, st.integers(0, 40))
def test_merged_moments_are_those_of_all_values(x, cut):
    merged, whole = Moments(x[:cut]).merge(Moments(x[cut:])), Moments(x)
    assert merged.count == whole.count
    scale = max(1.0, float(np.abs(x).max(initial=0.0)))
    assert merged.mean == pytest.approx(whole.mean, rel=1e-12, abs=1e-12 * scale, nan_ok=True)
    assert pytest.approx(whole.M2, rel=1e-10, abs=1e-10 * scale**2, nan_ok=True) == merged.M2
    assert merged.min == pytest.approx(whole.min, nan_ok=True)


def test_parts_of_4096_merge_to_the_bits_of_the_whole():
    x = np.random.default_rng(3).normal(size=3 * 4096 + 17)
    merged = Moments(x[:4096])
    for first in range(4096, len(x), 4096):
        merged = merged.merge(Moments(x[first : first + 4096]))
    assert merged == Moments(x)


def test_moments_survive_pickling_and_their_array():
    found = Moments([[1.0, 2.0], [3.0, 5.0]])
    assert pickle.loads(pickle.dumps(found)) == found
    assert Moments.from_array(found.to_array()) == found
    assert repr(Moments([1.0, 2.0, 6.0])) == "Moments(count=3, mean=3 ± 1.5, variance=7, range=[1, 6])"


def test_no_values_have_no_mean():
    empty = Moments([])
    assert empty.count == 0
    assert np.isnan([empty.mean, empty.variance, empty.standard_error, empty.min]).all()
    assert empty.merge(Moments([2.0])) == Moments([2.0])
    assert np.isnan(Moments([2.0]).variance)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Moments([1.0, np.nan]), r"values\[1\] = nan is NaN"),
        (lambda: Moments(np.zeros((2, 2, 2))), "must have shape"),
        (lambda: Moments([1.0]).merge(Moments([[1.0]])), "one column cannot be merged with those of 1 columns"),
        (lambda: Moments.from_array(np.zeros(6)), r"must have shape \(7,\)"),
        (lambda: Moments.from_array([-1.0, 0, 0, 0, 0, 0, 0]), "a count of values must be an integer"),
        (lambda: Moments.from_array(np.eye(2, 7)), "must have the same count"),
        (lambda: QuantileSketch([np.nan]), r"values\[0\] = nan is NaN"),
        (lambda: QuantileSketch([1.0], bits=0), "bits must be an integer from 1 to 20"),
        (lambda: QuantileSketch([1.0]).quantile(1.5), "q = 1.5 is not in"),
        (lambda: QuantileSketch([1.0]).merge(QuantileSketch([1.0], bits=8)), "7 bits cannot be merged with one of 8"),
        (lambda: QuantileSketch.from_array([7, 0]), "no array of a QuantileSketch"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_other_things_cannot_be_merged():
    for one in (Moments([1.0]), QuantileSketch([1.0]), simulate(Uniform(), 2, 10, seed=0)):
        with pytest.raises(TypeError, match="can be merged with"):
            one.merge(3)


# ---- quantiles ----


@given(ANY, st.integers(1, 12))
def test_quantiles_are_within_the_stated_error(x, bits):
    q = np.linspace(0, 1, 23)
    found = QuantileSketch(x, bits=bits).quantile(q)
    if not len(x):
        assert np.isnan(found).all()
        return
    exact = np.sort(x)[np.clip(np.ceil(q * len(x)), 1, len(x)).astype(int) - 1]
    finite = np.isfinite(exact)
    assert (found[~finite] == exact[~finite]).all()
    allowed = 2.0 ** -(bits + 1) * np.maximum(np.abs(exact[finite]), 2.0**-1022)
    assert (np.abs(found[finite] / 2 - exact[finite] / 2) <= allowed / 2 * (1 + 1e-12)).all()
    assert (found[0], found[-1]) == (x.min() + 0.0, x.max() + 0.0)


@given(ANY, st.integers(0, 40), st.integers(0, 40))
def test_sketches_merge_in_any_order_to_that_of_the_whole(x, one, other):
    first, last = sorted((one, other))
    parts = [QuantileSketch(part) for part in (x[:first], x[first:last], x[last:])]
    whole = QuantileSketch(x)
    assert parts[2].merge(parts[0]).merge(parts[1]) == whole
    assert parts[0].merge(parts[1].merge(parts[2])) == whole
    assert QuantileSketch.from_array(whole.to_array()) == whole
    assert pickle.loads(pickle.dumps(whole)) == whole


# ---- simulations ----


@pytest.mark.parametrize(
    "source",
    [Gaussian(), Table([1, 2], [0.0, 1.0]), Sampler(lambda u: u, 1)],
    ids=lambda source: type(source).__name__,
)
def test_simulations_of_ranges_merge_to_that_of_the_whole(source):
    parts = [simulate(source, [1, 3], 4096, seed=5, replicate=4096 * r, return_maxima=True) for r in range(3)]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    whole = simulate(source, [1, 3], 3 * 4096, seed=5, return_maxima=True)
    assert merged.moments == whole.moments
    assert merged.values.tobytes() == whole.values.tobytes()
    assert (merged.replicates, merged.draws) == (whole.replicates, whole.draws)
    assert merged.standard_error.tobytes() == whole.standard_error.tobytes()


TASKS = {
    "simulation": lambda: SimulationTask(Table([1, 2], [0.0, 1.0]), [1, 3], 10_000, seed=5, block=4096),
    "sweep": lambda: SweepTask(
        0.5 + (U := np.random.default_rng(0).uniform(size=(7, 3, 3)) / 2) - np.swapaxes(U, 1, 2),
        ("entropy", "converged"),
        block=3,
        options={"alpha": 0.5, "beta": [1.0, 4.0], "lam": 1.0, "init": [0.2, 0.3, 0.5], "steps": 20},
    ),
    "bootstrap": lambda: BootstrapTask(
        ranking.fit(ranking.Comparisons([0, 0, 1, 1, 2, 0], [1, 2, 2, 0, 0, 1]), l2=0.1), 100, seed=1, block=40
    ),
    "cell": lambda: Study.from_dict(
        {
            "name": "x",
            "replicates": 1000,
            "source": {"kind": "uniform"},
            "estimand": {"kind": "best_of_n", "n": 2, "block": 400, "quantiles": [0.5]},
        }
    ).task(0),
}


@pytest.mark.parametrize("kind", TASKS)
def test_blocks_of_every_kind_of_task_merge_to_the_whole(kind):
    def content(found):
        if isinstance(found, Rows):
            return {name: rows.tobytes() for name, rows in found.columns.items()}
        return found.moments.to_array().tobytes()

    task = TASKS[kind]()
    number = -(-task.replicates // task.block)
    parts = [blocks(task, place, place + 1) for place in range(number)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert number == 3
    assert content(merged) == content(blocks(task, 0, number))
    if kind == "simulation":
        assert merged.moments == simulate(task.source, task.n, task.replicates, seed=5).moments
    if kind == "sweep":
        whole = dynamics.sweep(task.P, **task.options)
        assert merged["entropy"].tobytes() == np.ascontiguousarray(whole.entropy).tobytes()
    with pytest.raises(ValueError, match=f"are not among the {number} of the task"):
        blocks(task, 1, number + 1)


def test_rows_of_other_columns_do_not_merge():
    with pytest.raises(ValueError, match="rows of b cannot be merged with those of a"):
        Rows({"a": np.zeros(2)}).merge(Rows({"b": np.zeros(2)}))
    with pytest.raises(TypeError, match="only rows can be merged with rows, not int"):
        Rows({}).merge(3)


def test_simulations_of_other_n_do_not_merge():
    with pytest.raises(ValueError, match="n = 2 cannot be merged with one of n = 3"):
        simulate(Uniform(), 2, 10, seed=0).merge(simulate(Uniform(), 3, 10, seed=0))
