"""Every public function takes arrays of every library, and gives results of that kind on that device.

The calls are those of the table of benchmarks (benchmarks/names), at their smallest size, with every array that a call
names replaced by one of the library.
"""

import dataclasses
import types

import numpy as np
import pytest
from each import grouped

import alignment_fast as af
from alignment_fast.benchmarks.names import Timed, all_names

pytestmark = [pytest.mark.frontends, pytest.mark.same_everywhere]


class OnlyDlpack:
    """An array that has nothing but DLPack: results are NumPy's."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return (1, 0)


class OfType(OnlyDlpack):
    """An array whose type takes DLPack back."""

    @classmethod
    def from_dlpack(cls, array):
        return cls(np.from_dlpack(array))


class Namespace:
    """A library with several devices in the memory of the processor, as array-api-strict has them."""

    @staticmethod
    def from_dlpack(array):
        return OnDevice(np.from_dlpack(array), "first")


class OnDevice(OnlyDlpack):
    """An array of `Namespace`."""

    def __init__(self, array, device):
        super().__init__(array)
        self.device = device

    def __array_namespace__(self, api_version=None):
        return Namespace

    def to_device(self, device):
        return OnDevice(self.array, device)


def strict(device):
    library = pytest.importorskip("array_api_strict")
    return (lambda array: library.asarray(array, device=library.Device(device))), type(library.asarray(0.0))


def torch():
    library = pytest.importorskip("torch")
    return library.from_numpy, library.Tensor


def jax():
    library = pytest.importorskip("jax")
    library.config.update("jax_enable_x64", True)
    return library.numpy.asarray, library.Array


def pandas(arrow):
    library = pytest.importorskip("pandas")
    if arrow:
        pytest.importorskip("pyarrow")

    def make(array):
        table = library.Series(array) if array.ndim == 1 else library.DataFrame(array) if array.ndim == 2 else array
        return table.convert_dtypes(dtype_backend="pyarrow") if arrow and array.ndim in (1, 2) else table

    return make, np.ndarray


def polars():
    library = pytest.importorskip("polars")
    kinds = {1: library.Series, 2: library.DataFrame}
    return (lambda array: kinds[array.ndim](array) if array.ndim in kinds else array), np.ndarray


def pyarrow(chunked):
    library = pytest.importorskip("pyarrow")
    make = library.chunked_array if chunked else library.array

    def table(array):
        if array.ndim == 2:
            return library.table({str(i): column for i, column in enumerate(array.T)})
        return make([array] if chunked else array) if array.ndim == 1 else array

    return table, np.ndarray


# By name: how to make one of an array, and of what type results are.
KINDS = {
    "DLPack alone": lambda: (OnlyDlpack, np.ndarray),
    "DLPack both ways": lambda: (OfType, OfType),
    "second device": lambda: ((lambda array: OnDevice(array, "second")), OnDevice),
    "array-api-strict": lambda: strict("CPU_DEVICE"),
    "array-api-strict, device1": lambda: strict("device1"),
    "torch": torch,
    "jax": jax,
    "pandas": lambda: pandas(arrow=False),
    "pandas, Arrow": lambda: pandas(arrow=True),
    "polars": polars,
    "pyarrow": lambda: pyarrow(chunked=False),
    "pyarrow, chunks": lambda: pyarrow(chunked=True),
}


def is_numbers(value):
    return type(value) is np.ndarray and value.dtype.kind in "fiub" and value.dtype.isnative and value.size > 0


def made(value, make):
    """Return a value of a closure with its arrays, those of a tuple too, made anew by `make`."""
    if type(value) is tuple:
        return tuple(made(part, make) for part in value)
    return make(value.copy()) if is_numbers(value) else value


def over(call, make):
    """Return `call`, a function without arguments, with the arrays that it closes over made anew by `make`."""
    cells = tuple(types.CellType(made(cell.cell_contents, make)) for cell in call.__closure__ or ())
    return types.FunctionType(call.__code__, call.__globals__, call.__name__, call.__defaults__, cells)


def is_text(value):
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "U"


def parts(result):
    """Yield the arrays of a result in order, numbers of NumPy's and Python's among them."""
    if dataclasses.is_dataclass(result):
        result = [getattr(result, field.name) for field in dataclasses.fields(result) if field.name[0] != "_"]
    if isinstance(result, tuple | list):
        for part in result:
            yield from parts(part)
    elif not is_text(result) and (hasattr(result, "__dlpack__") or isinstance(result, float | np.generic)):
        yield result


def as_numpy(value):
    """Return an array or a number of any library as NumPy's."""
    foreign = hasattr(value, "__dlpack__") and not isinstance(value, np.ndarray | np.generic)
    return np.from_dlpack(value) if foreign else np.asarray(value)


def closes_over_arrays(name):
    ours, _ = all_names()[name].calls(all_names()[name].sizes[0], np.dtype("float64"))
    held = [cell.cell_contents for cell in getattr(ours, "__closure__", None) or ()]
    parts_of = [part for value in held for part in (value if type(value) is tuple else (value,))]
    return isinstance(ours, types.FunctionType) and any(map(is_numbers, parts_of))


NAMES = [name for name, entry in all_names().items() if isinstance(entry, Timed) and closes_over_arrays(name)]

# Tables of labelled items and what is fitted to them, and transforms for simulations, hold NumPy's arrays, whatever
# they were made of.
HOLD_NUMPYS = {
    "best_of_n.Table",
    "ranking.Rankings",
    "ranking.fit_contextual",
    "ranking.fit_plackett_luce",
}
# An array there is unpacked into arguments.
UNPACKED = {"ranking.RatingFit.predict", "ranking.RatingFit.predict_tie"}


@grouped(
    (f"{kind}, {name.partition('.')[0]}", name, (name, kind))
    for kind in KINDS
    for name in NAMES
    if name not in UNPACKED
)
def test_results_are_of_the_callers_kind_on_its_device(name, kind):
    make, expected = KINDS[kind]()
    entry = all_names()[name]
    ours, _ = entry.calls(entry.sizes[0], np.dtype("float64"))
    plain, found = list(parts(ours())), list(parts(over(ours, make)()))
    assert len(found) == len(plain)
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))
        if name in HOLD_NUMPYS or type(other) is float:
            continue
        assert isinstance(one, expected if expected is not np.ndarray else np.ndarray | np.generic)
        if expected is not np.ndarray:
            assert getattr(one, "device", None) == getattr(make(np.ones(1)), "device", None)


P, REWARD = np.array([0.2, 0.3, 0.5]), np.array([0.0, 2.0, 1.0])
TOTAL, RIGHT = np.full(9, 8), np.array([0, 0, 1, 0, 2, 4, 8, 1, 3])
ANSWERS = np.array([[0, 1, 1, 2], [1, 0, 0, 2]])
SCORES = np.random.default_rng(0).normal(size=(6, 8))


def model(make):
    return af.memoryless.MemorylessModel(make(P), reward=make(REWARD))


def fitted(make):
    return af.best_of_n.fit_pass_at_k(make(TOTAL), make(RIGHT))


def two_rewards(make):
    return af.best_of_n.proxy_versus_gold(make(SCORES), make(SCORES**2))


def paired(make):
    return af.ranking.paired_scores(make(SCORES), weight=make(np.arange(1.0, 7.0)))


ORDER = np.array([[0.5, 0.9, 0.9], [0.1, 0.5, 0.9], [0.1, 0.1, 0.5]])
ROUNDS = {"alpha": 0.5, "beta": 1.0, "lam": 0.5, "steps": 3}


def trajectory(make):
    return af.dynamics.simulate(make(ORDER), init=make(P), **ROUNDS)


# Attributes and methods of what was made of arrays.
OF_OBJECTS = {
    "MemorylessModel.tilt": lambda make: (model(make).tilt(0.5), model(make).tilt(make(P))),
    "MemorylessModel.aligned": lambda make: (model(make).aligned(0.1), model(make).aligned(delta=make(P))),
    "MemorylessModel.reward_law": lambda make: model(make).reward_law(3),
    "MemorylessModel.best_of_n": lambda make: model(make).best_of_n(5, log_n=2.0),
    "MemorylessModel.rate": lambda make: model(make).rate(make(P)),
    "MemorylessModel.scaled_cumulant": lambda make: model(make).scaled_cumulant([0.5, 1.0]),
    "MemorylessModel.sample_sequences": lambda make: model(make).sample_sequences(4, 3, log_n=2.0, rng=1),
    "PassAtKFit": fitted,
    "PassAtKFit.pass_at_k": lambda make: fitted(make).pass_at_k([1, 100]),
    "PassAtKFit.posterior": lambda make: fitted(make).posterior([8, 9], 3, 10),
    "ProxyVersusGold": two_rewards,
    "ProxyVersusGold.fit": lambda make: two_rewards(make).fit(),
    "ProxyVersusGold.gold_standard_error": lambda make: two_rewards(make).gold_standard_error,
    "PairedScores": paired,
    "PairedScores.interval": lambda make: (paired(make).interval(), paired(make).standard_errors()),
    "EloRatings": lambda make: af.ranking.elo(make(np.array([0, 1])), make(np.array([1, 2])), shuffles=3, rng=1),
    "TiltedPolicy.pi": lambda make: af.policy.tilt(make(P), make(REWARD), 0.5).pi,
    "PreferenceOptimum.pi": lambda make: af.policy.ipo(make(ORDER), make(P), make(P), 0.5).pi,
    "OrderSampler.exists": lambda make: af.policy.order_sampler(make(ORDER)).exists,
    "Trajectory.pi": lambda make: trajectory(make).pi,
    "Trajectory.cycle_strength": lambda make: (trajectory(make).cycle_strength, trajectory(make).rotation_number),
    "StabilityBounds.stable": lambda make: (
        af.dynamics.stability_bounds(make(ORDER), alpha=0.5, beta=10.0, lam=[0.1, 1.0]).stable
    ),
    "Curve.n": lambda make: (af.best_of_n.curve(make(SCORES)).n, af.best_of_n.curve(make(SCORES)).mean),
    "pass_all_k": lambda make: af.best_of_n.pass_all_k(make(TOTAL), make(RIGHT), [1, 2]),
    "majority_at_k": lambda make: af.best_of_n.majority_at_k(make(ANSWERS), [1, 3], correct=make(np.array([1, 0]))),
    "MeanCurve": lambda make: af.best_of_n.mean_over_prompts(af.best_of_n.curve(make(SCORES))),
}


@pytest.mark.parametrize("call", OF_OBJECTS.values(), ids=OF_OBJECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_objects_hold_and_their_methods_give_is_of_the_callers_kind(kind, call):
    make, expected = KINDS[kind]()
    plain, found = list(parts(call(np.copy))), list(parts(call(make)))
    assert len(found) == len(plain) > 0
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))
        if type(other) is not float:
            assert isinstance(one, expected if expected is not np.ndarray else np.ndarray | np.generic)
            if expected is not np.ndarray:
                assert getattr(one, "device", None) == getattr(make(np.ones(1)), "device", None)


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_among_the_arguments_of_a_method_decides(kind):
    make, expected = KINDS[kind]()
    found = (
        model(np.copy).rate(make(P)),
        fitted(np.copy).pass_at_k(make(np.array([1, 9]))).mean,
        fitted(np.copy).posterior(make(TOTAL), make(RIGHT), 10).lower,
    )
    assert all(isinstance(one, expected) for one in found)


def test_errors_and_ranks_of_objects_that_hold_tensors():
    library = pytest.importorskip("torch")
    plain, held = fitted(np.copy), fitted(library.from_numpy)
    assert held.exponent_error == plain.exponent_error
    assert two_rewards(library.from_numpy).fit().standard_errors == two_rewards(np.copy).fit().standard_errors
    assert two_rewards(library.from_numpy).fit().standard_error(0.5) == two_rewards(np.copy).fit().standard_error(0.5)
    assert repr(paired(library.from_numpy)) == repr(paired(np.copy))
    np.testing.assert_array_equal(af.ranking.tiers(paired(library.from_numpy)), af.ranking.tiers(paired(np.copy)))


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_for_arrays_and_columns_of_items_are_of_the_callers_kind(kind):
    make, expected = KINDS[kind]()
    wins = np.array([[0.0, 3.0, 1.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]])
    result = af.ranking.fit(af.ranking.Comparisons.from_matrix(wins, labels=("tea", "milk", "rum")))
    one, other = np.array([0, 1, 2]), np.array([1, 2, 0])
    plain = result.predict(one, other)
    for found in (result.predict(make(one), make(other)), result.predict(one, make(other))):
        assert isinstance(found, expected)
        np.testing.assert_array_equal(as_numpy(found), plain)


def test_predictions_for_columns_of_labels():
    polars, pandas, arrow = (pytest.importorskip(name) for name in ("polars", "pandas", "pyarrow"))
    wins = np.array([[0.0, 3.0, 1.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]])
    result = af.ranking.fit(af.ranking.Comparisons.from_matrix(wins, labels=("tea", "milk", "rum")))
    names = ["rum", "tea"]
    for column in (polars.Series(names), pandas.Series(names), pandas.Categorical(names), arrow.array(names)):
        np.testing.assert_array_equal(result.predict(column, "milk"), result.predict(names, "milk"))


def test_names_that_hold_numpys_are_names():
    assert set(NAMES) >= HOLD_NUMPYS | UNPACKED


PREFERENCES = np.array([[0.5, 0.9, 0.3], [0.1, 0.5, 0.7], [0.7, 0.3, 0.5]])
POINT = {"alpha": 0.5, "beta": 1.0, "lam": 0.5}
# Calls with a column or a table, and what they are given.
BY_POSITION = {
    "information.kl_divergence": (lambda q: af.information.kl_divergence([0.2, 0.3, 0.5], q), [0.1, 0.3, 0.6]),
    "dynamics.simulate": (
        lambda q: af.dynamics.simulate(PREFERENCES, init=q, steps=3, **POINT).log_pi,
        [0.1, 0.3, 0.6],
    ),
    "dynamics.fixed_point": (lambda P: af.dynamics.fixed_point(P, **POINT).log_pi, PREFERENCES),
    "memoryless.best_of_n": (
        lambda r: af.memoryless.MemorylessModel([0.2, 0.3, 0.5], reward=r).best_of_n(4, log_n=2.0).token_marginal,
        [0.0, 2.0, 1.0],
    ),
    "ranking.fit": (
        lambda w: af.ranking.fit(af.ranking.Comparisons([0, 1, 2], [1, 2, 0], weight=w)).scores,
        [1.0, 2.0, 5.0],
    ),
    "ranking.paired_scores": (lambda x: af.ranking.paired_scores(x).means, PREFERENCES),
}


@pytest.mark.parametrize(("call", "given"), BY_POSITION.values(), ids=BY_POSITION)
def test_series_and_frames_are_read_by_position_whatever_their_index(call, given):
    library = pytest.importorskip("pandas")
    make = library.Series if np.ndim(given) == 1 else library.DataFrame
    np.testing.assert_array_equal(call(make(given, index=[2, 0, 1])), call(np.array(given)))
