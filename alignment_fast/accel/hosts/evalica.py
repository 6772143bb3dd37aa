"""evalica: scores, matrices, bootstrap and alpha; results are the host's own records."""

from typing import Any

import evalica as host
import numpy as np
import pandas as pd

from alignment_fast._operations import operations
from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.interop import evalica

# Kinds of elements and winners that can be read twice (iterators cannot), with the length that the host sees.
_ELEMENTS = (list, tuple, np.ndarray, pd.Series)
_DRAWN = (str, int, float, complex, np.number, np.bool_, type(None))
# Up to this size no product of numbers that are formed here overflows.
_LARGEST = 1e100


def _check(solver: Any, elements: Any, winners: Any) -> None:
    if solver not in ("pyo3", "naive") or (solver == "pyo3" and not host.PYO3_AVAILABLE):
        raise UnsupportedError(f"the solver is {solver!r}")
    for one in (*elements, winners):
        if type(one) not in _ELEMENTS:
            raise UnsupportedError(f"elements or winners are a {type(one).__name__}")
        if type(one) is np.ndarray and one.ndim != 1:
            raise UnsupportedError("an array is no vector")
    if type(winners) in (list, tuple):
        if operations("common").read_codes(winners, 3) is None:
            raise UnsupportedError("winners are not 0, 1, 2")
    elif winners.dtype != np.uint8:
        raise UnsupportedError(f"winners are of type {winners.dtype}")


def _check_options(values: dict[str, Any]) -> None:
    """Raise UnsupportedError for weights and numbers that the host may take otherwise, or refuse."""
    weights = values.get("weights")
    if type(weights) is np.ndarray:
        plain = weights.ndim == 1 and weights.dtype.kind in "iuf" and np.can_cast(weights.dtype, np.float64)
    else:
        plain = weights is None or (type(weights) is list and operations("common").read_reals(weights) is not None)
    if not plain:
        raise UnsupportedError("weights are no list of floats and no array of them")
    for name, value in values.items():
        if name == "limit":
            plain = type(value) is int and 0 < value < 2**31
        elif name not in ("index", "weights", "solver"):
            # Scores that tie but for rounding end in the order that their signs give them.
            least = 0 if name in ("win_weight", "tie_weight") else -_LARGEST
            plain = type(value) in (int, float) and least <= value < _LARGEST
        if not plain:
            raise UnsupportedError(f"{name} is {type(value).__name__} {value!r}")


def _scored(name: str, options: tuple[str, ...]) -> Any:
    """Return the fast version of a method: (xs, ys, winners, then `options`, then whatever the host ignores)."""
    method, record = getattr(evalica, name), getattr(host, RECORDS[name])

    def call(xs: Any, ys: Any, winners: Any, *given: Any, **_: Any) -> Any:
        values = dict(zip(options, given, strict=True))
        _check(values["solver"], (xs, ys), winners)
        if not len(xs):
            raise UnsupportedError("no votes")
        _check_options(values)
        found = dict(vars(method(xs, ys, winners, **values)))
        if name == "newman" and values["solver"] == "naive":
            found["v"] = np.float64(found["v"])
        return record(**found)

    return call


RECORDS = {
    "counting": "CountingResult",
    "average_win_rate": "AverageWinRateResult",
    "bradley_terry": "BradleyTerryResult",
    "newman": "NewmanResult",
    "elo": "EloResult",
    "eigen": "EigenResult",
    "pagerank": "PageRankResult",
}
_POINTS = ("index", "weights", "win_weight", "tie_weight", "solver")
_ITERATED = ("tolerance", "limit")
_OPTIONS = {
    "counting": _POINTS,
    "average_win_rate": _POINTS,
    "bradley_terry": (*_POINTS, *_ITERATED),
    "newman": ("index", "v_init", *_POINTS[1:], *_ITERATED),
    "elo": ("index", "initial", "base", "scale", "k", *_POINTS[1:]),
    "eigen": (*_POINTS, *_ITERATED),
    "pagerank": ("index", "damping", *_POINTS[1:], *_ITERATED),
}


def indexing(xs: Any, ys: Any, index: Any = None) -> Any:
    """Return the places of elements, as lists."""
    for one in (xs, ys):
        if type(one) not in _ELEMENTS:
            raise UnsupportedError(f"elements are a {type(one).__name__}")
    return evalica.indexing(xs, ys, index)


def matrices(xs_indexed: Any, ys_indexed: Any, winners: Any, index: Any, weights: Any, solver: Any) -> Any:
    """Return the matrices of wins and ties."""
    _check(solver, (xs_indexed, ys_indexed), winners)
    _check_options({"weights": weights})
    for side in (xs_indexed, ys_indexed):  # lists of ints, as `indexing` gives them
        if operations("common").read_index_rows([side], len(index)) is None or not len(side):
            raise UnsupportedError("places are no list of ints, or there are none")
    return host.MatricesResult(**vars(evalica.matrices(xs_indexed, ys_indexed, winners, index, weights, solver)))


def pairwise_scores(scores: Any, solver: Any) -> Any:
    """Return shares of row against column."""
    _check(solver, (), [])
    if type(scores) is not np.ndarray or scores.dtype != np.float64:
        raise UnsupportedError("scores are no array of floats")
    if solver == "naive":
        raise UnsupportedError("NumPy does that as fast")  # and warns as the host does
    return evalica.pairwise_scores(scores)


def _check_resampling(xs: Any, ys: Any, n_resamples: Any, confidence_level: Any) -> None:
    """Raise UnsupportedError for elements that SciPy would not draw from, and for numbers of which it warns."""
    for one in (xs, ys):
        kinds = set(map(type, one)) if type(one) in (list, tuple) or one.dtype == object else {one.dtype.type}
        if not all(issubclass(kind, _DRAWN) for kind in kinds):
            raise UnsupportedError("elements are neither numbers nor strings")
    if type(n_resamples) is not int or n_resamples < 2:
        raise UnsupportedError("n_resamples is no int, or less than 2")
    if type(confidence_level) is not float or not 0.0 < confidence_level < 1.0:
        raise UnsupportedError("the confidence level is no float between 0 and 1")


def bootstrap(
    method: Any, xs: Any, ys: Any, winners: Any, weights: Any, index: Any, *options: Any, **named: Any
) -> Any:
    """Return scores with intervals, for the host's own methods."""
    name = next((name for name in RECORDS if getattr(host, name) is method), None)
    if name is None:
        raise UnsupportedError("the method is none of evalica's")
    _check(options[-1], (xs, ys), winners)
    _check_options({"weights": weights})
    _check_resampling(xs, ys, named["n_resamples"], named["confidence_level"])
    state = named["random_state"]
    if not isinstance(state, int | np.integer):  # what a call has drawn could not be put back for the host
        raise UnsupportedError("random_state is no seed")
    found = evalica.bootstrap(getattr(evalica, name), xs, ys, winners, weights, index, *options, **named)
    if np.isnan(found.low).any() or np.isnan(found.high).any():
        raise UnsupportedError("an interval is not a number")  # of which the host warns
    return host.BootstrapResult(**{**vars(found), "result": getattr(host, RECORDS[name])(**vars(found.result))})


def alpha(data: Any, distance: Any, solver: Any) -> Any:
    """Return Krippendorff's alpha."""
    _check(solver, (), [])
    if callable(distance):
        raise UnsupportedError("the distance is a function")
    with np.errstate(all="raise"):  # of what the host warns of, it warns itself
        found = evalica.alpha(data, distance, solver)
    if not np.isfinite([found.alpha, found.observed, found.expected]).all():
        raise UnsupportedError("the result is not finite")
    return host.AlphaResult(**vars(found))


FUNCTIONS = {
    "evalica": {
        **{name: _scored(name, options) for name, options in _OPTIONS.items()},
        "alpha": alpha,
        "bootstrap": bootstrap,
        "indexing": indexing,
        "matrices": matrices,
        "pairwise_scores": pairwise_scores,
    }
}
