"""choix: estimates and log-likelihoods; what draws random numbers and what takes no time stays the host's.

Only arguments whose meaning is certain are taken here: exact lists, tuples and ints, arrays of integers and float64.
The host makes the call for all others, with whatever it says of them.
"""

import math
from typing import Any

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.interop import choix
from alignment_fast.interop.choix._data import count_matrix
from alignment_fast.interop.choix._spectral import rank_centrality_dense

_SMALLEST_TOLERANCE = 1e-12


def _refuse(what: str, value: Any) -> UnsupportedError:
    return UnsupportedError(f"{what}: {type(value).__name__}")


def _raising() -> Any:
    """Return the state of floating-point errors in which what the host may warn of raises, so that it does the call."""
    under: Any = "ignore" if np.geterr()["under"] == "ignore" else "raise"
    return np.errstate(divide="raise", over="raise", invalid="raise", under=under)


# ---- arguments: each function returns the value to go on with ----


def _items(value: Any) -> int:
    if not (type(value) is int or isinstance(value, np.integer)) or value < 2:
        raise _refuse("n_items is no int, or less than 2", value)
    return int(value)


def _real(value: Any) -> Any:
    if not (type(value) in (float, np.float64) or (type(value) is int and abs(value) < 2**53)) or not math.isfinite(
        value
    ):
        raise _refuse("a number is no finite float", value)
    return value


def _prior(value: Any) -> Any:
    if _real(value) < 0:
        raise UnsupportedError("alpha is negative")
    return value


def _tolerance(value: Any) -> Any:
    if _real(value) < _SMALLEST_TOLERANCE:
        raise UnsupportedError("rounding decides when steps are as small as tol")
    return value


def _steps(value: Any) -> Any:
    if value is not None and type(value) is not int:
        raise _refuse("max_iter is no int", value)
    return value


def _word(value: Any) -> Any:
    if type(value) is not str:
        raise _refuse("a word is no str", value)
    return value


def _params(value: Any, n_items: int) -> Any:
    """Return finite parameters of all items: an array of float64, or a list or tuple of floats."""
    if type(value) is np.ndarray:
        plain = value.dtype == np.float64 and value.dtype.isnative and value.shape == (n_items,)
    else:
        plain = type(value) in (list, tuple) and len(value) == n_items and {type(one) for one in value} == {float}
    if not plain or not np.isfinite(value).all():
        raise _refuse("parameters are not finite floats, one of each item", value)
    return value


def _start(value: Any, n_items: int) -> Any:
    return None if value is None else _params(value, n_items)


def _matrix(value: Any) -> Any:
    if type(value) is not np.ndarray or value.ndim != 2 or not 2 <= len(value) == value.shape[1]:
        raise _refuse("the matrix is no square array", value)
    if value.dtype.kind not in "iuf" or not np.can_cast(value.dtype, np.float64):
        raise UnsupportedError(f"the matrix is of type {value.dtype}")
    return value


# ---- data ----


def _are_indices(array: Any, n_items: int) -> bool:
    """Return whether `array` holds integers from 0 to n_items - 1 that NumPy takes for indices everywhere."""
    return (
        type(array) is np.ndarray
        and array.dtype.kind in "iu"
        and np.can_cast(array.dtype, np.int64)
        and array.size > 0
        and array.min() >= 0
        and array.max() < n_items
    )


def _pairs(data: Any, n_items: int) -> np.ndarray:
    if _are_indices(data, n_items) and data.ndim == 2 and data.shape[1] == 2:
        return data
    found = operations("common").read_index_pairs(data, n_items)
    if found is None or not len(found):
        raise _refuse("the data are no pairs of ints", data)
    return found


def _wins(data: Any, n_items: int) -> np.ndarray:
    """Return how often item i won against item j, at [i, j], of pairs that are read once."""
    wins = operations("common").count_index_pairs(data, n_items)
    if wins is None or not len(data):
        return count_matrix(n_items, _pairs(data, n_items))
    return wins


def _is_row(row: Any, n_items: int) -> bool:
    if type(row) is np.ndarray:
        return row.ndim == 1 and len(row) > 1 and _are_indices(row, n_items)
    return (
        type(row) in (list, tuple) and len(row) > 1 and all(type(item) is int and 0 <= item < n_items for item in row)
    )


def _rankings(data: Any, n_items: int) -> Any:
    """Return rankings of two items and more."""
    if _are_indices(data, n_items) and data.ndim == 2 and data.shape[1] > 1:
        return data
    found = operations("common").read_index_rows(data, n_items)
    if found is not None:
        plain = len(found[1]) > 0 and found[1].min() > 1
    else:
        plain = type(data) in (list, tuple) and len(data) > 0 and all(_is_row(row, n_items) for row in data)
    if not plain:
        raise _refuse("the data are no rankings of ints", data)
    return data


def _choices(data: Any, n_items: int) -> Any:
    """Return choices with losers."""
    found = operations("common").read_choices(data, n_items)
    if found is None or not len(found[1]) or found[1].min() < 2:
        raise _refuse("the data are no choices of ints", data)
    return data


def _refuse_repeated(rows: Any) -> None:
    """Raise UnsupportedError for rows that name an item twice: the host counts it once, or otherwise."""
    for row in rows:
        if len(set(row)) < len(row):
            raise UnsupportedError("an item stands twice in a row")


def _distinct_pairs(data: Any, n_items: int) -> np.ndarray:
    pairs = _pairs(data, n_items)
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise UnsupportedError("an item is compared with itself")
    return pairs


def _distinct_rankings(data: Any, n_items: int) -> Any:
    if type(data) not in (list, tuple):
        raise _refuse("the data are no list", data)
    _refuse_repeated(_rankings(data, n_items))
    return data


def _distinct_choices(data: Any, n_items: int) -> Any:
    _refuse_repeated((row[0], *row[1]) for row in _choices(data, n_items))
    return data


_ALONE = {"alpha": _prior, "tol": _tolerance, "max_iter": _steps, "method": _word, "model": _word, "comp_mat": _matrix}
_OF_ITEMS = {"initial_params": _start, "params": _params}


def _fast(name: str, read: Any = None, dense: Any = None) -> Any:
    """Return the front end's function behind checks of its arguments; `read`, one of those above, checks its data.

    Where `read` is `_wins`, `dense` is the function of its matrix.
    """
    function = getattr(choix, name)
    names = [name for name in function.__code__.co_varnames[: function.__code__.co_argcount] if name != "strict"]
    of_items = {**_OF_ITEMS, "data": read}

    def call(*arguments: Any) -> Any:
        values = dict(zip(names, arguments, strict=True))
        if "n_items" in values:
            n_items = values["n_items"] = _items(values["n_items"])
        else:
            n_items = _items(len(values["comp_mat" if "comp_mat" in values else "params"]))
        for key, value in values.items():
            if key in _ALONE:
                _ALONE[key](value)
            elif key in of_items:
                values[key] = of_items[key](value, n_items)
        if dense is not None:
            del values["n_items"]
            values["comp_mat"] = values.pop("data")
        with _raising():
            result = (function if dense is None else dense)(**values)
        if not np.isfinite(result).all():
            raise UnsupportedError("the result is not finite")
        return result

    return call


def choicerank(
    digraph: Any, traffic_in: Any, traffic_out: Any, weight: Any, initial_params: Any, alpha: Any, *rest: Any
) -> np.ndarray:
    """Return the ChoiceRank estimate, also under networkx 3, where the host asks for a function that is gone."""
    n_items = _items(len(digraph))
    for traffic in (traffic_in, traffic_out):
        if type(traffic) not in (list, tuple, np.ndarray):
            raise _refuse("traffic is no list and no array", traffic)
        _params(np.asarray(traffic).astype(np.float64, casting="safe"), n_items)
    _start(initial_params, n_items)
    _prior(alpha)
    with np.errstate(all="ignore"):
        found = choix.choicerank(digraph, traffic_in, traffic_out, weight, initial_params, alpha, *rest)
    if not np.isfinite(found).all():
        raise UnsupportedError("the result is not finite")
    return found


def ep_pairwise(n_items: Any, data: Any, alpha: Any, model: Any, max_iter: Any, initial_state: Any) -> Any:
    """Return mean and covariance of the posterior; where that fails, the global generator is put back for the host."""
    if initial_state is not None:
        raise UnsupportedError("the state to start from is given")  # the host leaves its own there
    n_items = _items(n_items)
    pairs = _distinct_pairs(data, n_items)
    if not _prior(alpha) or max_iter is None:
        raise UnsupportedError("alpha or max_iter is none")
    _steps(max_iter)
    _word(model)
    state = np.random.get_state()  # noqa: NPY002  the generator that the host draws from
    try:
        with _raising():
            found = choix.ep_pairwise(n_items, pairs, alpha, model, max_iter)
        if not all(np.isfinite(part).all() for part in found):
            raise UnsupportedError("the result is not finite")
    except Exception:
        np.random.set_state(state)  # noqa: NPY002
        raise
    return found


_PAIRWISE = {
    "lsr_pairwise": choix.lsr_pairwise_dense,
    "ilsr_pairwise": choix.ilsr_pairwise_dense,
    "rank_centrality": rank_centrality_dense,
}
_DENSE = ("lsr_pairwise_dense", "ilsr_pairwise_dense")

FUNCTIONS = {
    "choix.ep": {"ep_pairwise": ep_pairwise},
    "choix.lsr": {
        **{name: _fast(name, _wins, dense) for name, dense in _PAIRWISE.items()},
        **{name: _fast(name) for name in _DENSE},
        **{name: _fast(name, _rankings) for name in ("lsr_rankings", "ilsr_rankings")},
        **{name: _fast(name, _choices) for name in ("lsr_top1", "ilsr_top1")},
    },
    "choix.mm": {
        "mm_pairwise": _fast("mm_pairwise", _pairs),
        "mm_rankings": _fast("mm_rankings", _rankings),
        "mm_top1": _fast("mm_top1", _choices),
        "choicerank": choicerank,
    },
    "choix.opt": {
        "opt_pairwise": _fast("opt_pairwise", _pairs),
        "opt_rankings": _fast("opt_rankings", _distinct_rankings),
        "opt_top1": _fast("opt_top1", _distinct_choices),
    },
    "choix.utils": {
        "log_likelihood_pairwise": _fast("log_likelihood_pairwise", _pairs),
        "log_likelihood_rankings": _fast("log_likelihood_rankings", _rankings),
        "log_likelihood_top1": _fast("log_likelihood_top1", _distinct_choices),
    },
}
