"""The front end of evalica beside evalica itself: results, iterations, errors, on random and hostile data."""

import dataclasses
import inspect
import pickle
import warnings

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
host = pytest.importorskip("evalica")

from alignment_fast.errors import ConvergenceError  # noqa: E402
from alignment_fast.interop import evalica  # noqa: E402

pytestmark = pytest.mark.frontends

METHODS = ("counting", "average_win_rate", "bradley_terry", "newman", "elo", "eigen", "pagerank")
SOLVERS = ("pyo3", "naive")
KINDS = ("names", "integers", "arrays", "object arrays", "series", "mixed")
each_method = pytest.mark.parametrize("method", METHODS)
each_solver = pytest.mark.parametrize("solver", SOLVERS)


def elements(kind, places):
    names = [f"m{place}" for place in places]
    return {
        "names": names,
        "integers": places.tolist(),
        "arrays": places,
        "object arrays": np.array(names, dtype=object),
        "series": pandas.Series(names, dtype=object),
        "mixed": [name if place % 2 else int(place) for name, place in zip(names, places, strict=True)],
    }[kind]


def problems(count, seed):
    """Yield (xs, ys, winners, options): empty ones, items against themselves, separable ones, huge weights."""
    rng = np.random.default_rng(seed)
    for case in range(count):
        n, m = int(rng.integers(1, 9)), int(rng.integers(0, 60))
        first = rng.integers(0, n, m)
        second = rng.integers(0, n, m) if case % 3 == 0 else (first + rng.integers(1, max(n, 2), m)) % n
        winner = rng.integers(0, 3, m)
        if case % 8 == 5:
            winner = np.where(first < second, 1, 2)  # the lower item always wins
        kind = KINDS[case % len(KINDS)]
        winners = [host.Winner(int(one)) for one in winner] if case % 2 else winner.astype(np.uint8)
        weights = None
        if case % 3 == 1:
            weights = (rng.random(m) * (1e308 if case % 24 == 1 else 2.0)).tolist()
        options = {
            "weights": np.array(weights) if weights and case % 2 else weights,
            "win_weight": float(rng.choice([1.0, 2.0, 0.3, 0.0])),
            "tie_weight": float(rng.choice([0.5, 1.0, 0.0])),
        }
        yield elements(kind, first), elements(kind, second), winners, options


def outcome(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **options)
        except Exception as error:
            return type(error).__name__, str(error)


def assert_same(ours, theirs):
    """Assert that two records agree in every field: scores to rounding, everything else exactly."""
    if isinstance(theirs, tuple):
        assert ours == theirs
        return
    assert [field.name for field in dataclasses.fields(ours)] == [field.name for field in dataclasses.fields(theirs)]
    for field in dataclasses.fields(theirs):
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        if field.name == "scores":
            assert mine.name == other.name
            pandas.testing.assert_series_equal(mine.reindex(other.index), other, rtol=1e-9, atol=1e-12)
            assert mine.is_monotonic_decreasing
        elif isinstance(other, pandas.Index):
            pandas.testing.assert_index_equal(mine, other, exact=True)
        elif isinstance(other, np.ndarray):
            np.testing.assert_allclose(mine, other, rtol=1e-12)
        elif isinstance(other, float):
            assert mine == pytest.approx(other, rel=1e-9, nan_ok=True), field.name
        else:
            assert mine == other, field.name


@each_method
def test_every_call_ends_as_that_of_the_host(method):
    for case, (xs, ys, winners, options) in enumerate(problems(200, METHODS.index(method))):
        options["solver"] = SOLVERS[case % 2]
        if method == "elo" and case % 10 == 0:
            options["initial"] = 300_000.0  # overflows the host's powers
        theirs = outcome(getattr(host, method), xs, ys, winners, **options)
        if type(winners) is np.ndarray and isinstance(theirs, tuple) and theirs[0] == "ValueError":
            continue  # the plain solver asks whether an array is empty by its truth
        assert_same(outcome(getattr(evalica, method), xs, ys, winners, **options), theirs)


@each_solver
def test_matrices_and_indexing_are_those_of_the_host(solver):
    for xs, ys, winners, options in problems(60, 20):
        theirs, ours = outcome(host.indexing, xs, ys), outcome(evalica.indexing, xs, ys)
        if not isinstance(theirs[-1], pandas.Index):
            assert ours == theirs
            continue
        assert ours[:2] == theirs[:2]
        pandas.testing.assert_index_equal(ours[2], theirs[2], exact=True)
        arguments = (*theirs[:2], winners, theirs[2], options["weights"], solver)
        assert_same(outcome(evalica.matrices, *arguments), outcome(host.matrices, *arguments))


@each_method
@each_solver
@pytest.mark.parametrize(
    ("xs", "ys", "winners", "options"),
    [
        (["a", "b"], ["b"], [1, 1], {}),
        (["a"], ["b"], [1, 1], {}),
        (["a"], ["b"], [1], {"weights": [1.0, 2.0]}),
        (["a"], ["b"], [1], {"weights": (1.0,)}),
        (["a"], ["b"], [1], {"weights": [float("nan")]}),
        (["a"], ["b"], [1], {"index": pandas.Index(["a", "c"])}),
        (["a"], ["b"], [1], {"index": pandas.Index(["c", "b", "a"])}),
        ([], [], [], {"index": pandas.Index(["a"])}),
        (["a"], ["b"], [1], {"win_weight": float("inf")}),
        ([None, "a"], ["a", "b"], [1, 2], {}),
        ([1.5, 2.5], [2.5, 1.5], [1, 2], {}),
        ([(1, 2), "a"], ["a", (1, 2)], [1, 2], {}),
        ([True, 1], [0, 0], [1, 2], {}),
        ([2**70, 1], [1, 2**70], [1, 2], {}),
    ],
)
def test_hostile_calls_end_as_those_of_the_host(method, solver, xs, ys, winners, options):
    arguments = {**options, "solver": solver}
    assert_same(
        outcome(getattr(evalica, method), xs, ys, winners, **arguments),
        outcome(getattr(host, method), xs, ys, winners, **arguments),
    )


@each_method
def test_signatures_are_those_of_the_host_and_strict(method):
    theirs, ours = (inspect.signature(getattr(module, method)).parameters for module in (host, evalica))
    assert [name for name in ours if name != "strict"] == list(theirs)
    assert all(ours[name].default == theirs[name].default for name in theirs)


def test_names_are_those_of_the_host_but_for_its_solvers():
    missing = {"PYO3_AVAILABLE", "SOLVER", "RustExtensionWarning", "SolverError", "__version__"}
    assert set(evalica.__all__) == set(host.__all__) - missing


def test_records_are_frozen_and_pickled_and_results():
    result = evalica.bradley_terry(["a", "b"], ["b", "a"], [evalica.Winner.X, evalica.Winner.Draw])
    assert isinstance(result, evalica.Result)
    assert isinstance(evalica.bradley_terry, evalica.RankingMethod)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.limit = 3
    assert pickle.loads(pickle.dumps(result)).iterations == result.iterations


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["percentile", "basic", "BCa"])
@pytest.mark.parametrize("weighted", [False, True])
def test_bootstraps_are_those_of_the_host(name, kind, weighted):
    rng = np.random.default_rng(len(name))
    places = rng.integers(0, 5, (2, 40))
    xs, ys = (elements("names", side) for side in places)
    options = {
        "weights": (rng.random(40) + 0.5).tolist() if weighted else None,
        "n_resamples": 30,
        "bootstrap_method": kind,
        "random_state": 7,
        "confidence_level": 0.9,
    }
    winners = rng.integers(0, 3, 40).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = host.bootstrap(getattr(host, name), xs, ys, winners, **options)
        ours = evalica.bootstrap(getattr(evalica, name), xs, ys, winners, **options)
    assert_same(ours.result, theirs.result)
    pandas.testing.assert_frame_equal(ours.distribution, theirs.distribution, rtol=1e-8)
    for field in ("low", "high", "stderr"):
        pandas.testing.assert_series_equal(getattr(ours, field), getattr(theirs, field), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("state", [np.random.default_rng, np.random.RandomState])
def test_bootstraps_take_generators(state):
    data = ["a", "b", "a", "c"], ["b", "a", "c", "a"], [1, 0, 2, 1]
    options = {"n_resamples": 9, "bootstrap_method": "percentile"}
    theirs = host.bootstrap(host.counting, *data, random_state=state(1), **options)
    ours = evalica.bootstrap(evalica.counting, *data, random_state=state(1), **options)
    pandas.testing.assert_frame_equal(ours.distribution, theirs.distribution)


def test_bad_bootstraps_are_named():
    data = ["a", "b"], ["b", "a"], [1, 2]
    with pytest.raises(ValueError, match="none of the methods"):
        evalica.bootstrap(len, *data)
    with pytest.raises(ValueError, match="two or more observations"):
        evalica.bootstrap(evalica.counting, ["a"], ["b"], [1])
    for options in ({"n_resamples": 0}, {"bootstrap_method": "t"}):
        with pytest.raises(ValueError, match=r"`(n_resamples|method)` must be"):
            evalica.bootstrap(evalica.counting, *data, **options)


def ratings(seed, values=5, text=False):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, values, (4, 12)).astype(object)
    table[rng.random(table.shape) < 0.2] = None
    return pandas.DataFrame([[None if cell is None else f"v{cell}" if text else cell for cell in row] for row in table])


@each_solver
@pytest.mark.parametrize("distance", ["nominal", "ordinal", "interval", "ratio", lambda a, b: abs(a - b)])
def test_alpha_is_that_of_the_host(distance, solver):
    for seed in range(40):
        signed = ratings(seed).replace({0: -1, 1: 1})  # whose sum is 0
        for data in (ratings(seed), ratings(seed, text=True), ratings(seed, values=1), signed):
            theirs, ours = (outcome(module.alpha, data, distance, solver) for module in (host, evalica))
            assert_same(ours, theirs)


def test_alpha_refuses_as_the_host():
    for data, distance in ((pandas.DataFrame([[1, None], [None, 2]]), "nominal"), (ratings(1), "euclidean")):
        theirs, ours = (outcome(module.alpha, data, distance, "naive") for module in (host, evalica))
        assert ours == theirs
    with pytest.raises(evalica.ScoreDimensionError, match="one-dimensional, 2 was"):
        evalica.pairwise_scores(np.ones((2, 2)))


def test_bootstraps_of_alpha_are_those_of_the_plain_solver():
    for seed in range(5):
        options = {"n_resamples": 40, "random_state": seed, "confidence_level": 0.8}
        theirs = host.alpha_bootstrap(ratings(seed), "interval", "naive", **options)
        ours = evalica.alpha_bootstrap(ratings(seed), "interval", "naive", **options)
        np.testing.assert_allclose(ours.distribution, theirs.distribution, atol=1e-12)
        assert (ours.low, ours.high, ours.alpha) == pytest.approx((theirs.low, theirs.high, theirs.alpha), abs=1e-12)


def test_shares_are_those_of_the_host():
    scores = pandas.Series([2.0, 1.0, 0.0, 0.0], index=list("abcd"))
    pandas.testing.assert_frame_equal(evalica.pairwise_frame(scores), host.pairwise_frame(scores))
    assert evalica.pairwise_scores(np.empty(0)).shape == (0, 0)


# ---- where the host is wrong ----

SEPARABLE = ["a", "a", "b"], ["b", "c", "c"], [1, 1, 1]


def test_the_host_gives_everybody_the_same_where_nobody_has_a_maximum():
    same = host.bradley_terry(*SEPARABLE).scores
    assert same.max() - same.min() < 1e-9
    with pytest.raises(ConvergenceError):
        evalica.bradley_terry(*SEPARABLE, strict=True)


def test_strict_strengths_maximise_the_likelihood():
    xs, ys = ["a", "b", "a", "c", "b", "c", "a"], ["b", "a", "c", "a", "c", "b", "b"]
    winners = [1, 1, 2, 2, 1, 1, 0]
    loose = evalica.bradley_terry(xs, ys, winners, tolerance=1e-13, limit=10_000).scores.sort_index()
    strict = evalica.bradley_terry(xs, ys, winners, strict=True).scores.sort_index()
    np.testing.assert_allclose(strict, loose, rtol=1e-8)
    xs, ys, winners = [*xs, "a", "a"], [*ys, "c", "b"], [*winners, 1, 0]  # or v stays as it began, as in the host
    tied = evalica.newman(xs, ys, winners, tolerance=1e-14, limit=100_000)
    exact = evalica.newman(xs, ys, winners, strict=True)
    relative = tied.scores.sort_index() / np.exp(np.log(tied.scores).mean())
    np.testing.assert_allclose(exact.scores.sort_index(), relative, rtol=1e-6)
    assert exact.v == pytest.approx(tied.v, rel=1e-6)


def test_strict_points_do_not_overflow():
    call = {"xs": ["a"], "ys": ["b"], "winners": [0], "initial": 200_000.0}
    assert set(host.elo(**call).scores) == {199_998.0}  # both lose half a win
    assert set(evalica.elo(**call, strict=True).scores) == {200_000.0}


@pytest.mark.parametrize("method", ["eigen", "pagerank"])
def test_strict_iterations_are_counted_and_must_converge(method):
    data = ["a", "b", "c", "a"], ["b", "c", "a", "c"], [1, 1, 1, 0]
    assert getattr(host, method)(*data).iterations == 100  # whatever it took
    assert 1 < getattr(evalica, method)(*data, limit=10_000, strict=True).iterations < 10_000
    with pytest.raises(RuntimeError, match="Did not converge after 2 iterations"):
        getattr(evalica, method)(*data, limit=2, strict=True)
