"""choix: estimates and log-likelihoods; what draws random numbers and what takes no time stays the host's."""

from typing import Any

import numpy as np

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.interop import choix

# What can be looked at without using it up, and what parameters are.
_PLAIN = (list, tuple, np.ndarray, int, float, str, np.number, type(None))


def _fast(name: str) -> Any:
    """Return the front end's function for plain arguments and finite results: the host warns of others itself."""
    function = getattr(choix, name)

    def call(*arguments: Any) -> Any:
        for argument in arguments:
            if not isinstance(argument, _PLAIN):
                raise UnsupportedError(f"an argument is a {type(argument).__name__}")
        with np.errstate(all="ignore"):
            result = function(*arguments)
        if not np.isfinite(result).all():
            raise UnsupportedError("the result is not finite")
        return result

    return call


def _refuse_rows(data: Any, items_of: Any) -> None:
    """Raise UnsupportedError for rows that reading would use up, or that name an item twice."""
    for row in data:
        if type(row) not in (list, tuple):
            raise UnsupportedError(f"a row is a {type(row).__name__}")
        items = items_of(row)
        if len(set(items)) < len(items):
            raise UnsupportedError("an item stands twice in a row")


def _winner_and_losers(row: Any) -> Any:
    if len(row) != 2 or type(row[1]) not in (list, tuple) or not row[1]:
        raise UnsupportedError("a choice without losers")  # of which the host makes arrays of floats, and raises
    return (row[0], *row[1])


def _of_rows(name: str, position: int, items_of: Any) -> Any:
    """Return `_fast` for rankings or choices whose rows `_refuse_rows` lets through."""
    fast = _fast(name)

    def call(*arguments: Any) -> Any:
        if type(arguments[position]) not in (list, tuple):
            raise UnsupportedError(f"the data are a {type(arguments[position]).__name__}")
        _refuse_rows(arguments[position], items_of)
        return fast(*arguments)

    return call


def choicerank(digraph: Any, *arguments: Any) -> np.ndarray:
    """Return the ChoiceRank estimate, also under networkx 3, where the host asks for a function that is gone."""
    with np.errstate(all="ignore"):
        found = choix.choicerank(digraph, *arguments)
    if not np.isfinite(found).all():
        raise UnsupportedError("the result is not finite")
    return found


def ep_pairwise(n_items: Any, data: Any, alpha: Any, model: Any, max_iter: Any, initial_state: Any) -> Any:
    """Return mean and covariance of the posterior; where that fails, the global generator is put back for the host."""
    if initial_state is not None:
        raise UnsupportedError("the state to start from is given")  # the host leaves its own there
    if not isinstance(data, list | tuple | np.ndarray):
        raise UnsupportedError(f"the data are a {type(data).__name__}")
    state = np.random.get_state()  # noqa: NPY002  the generator that the host draws from
    try:
        with np.errstate(all="ignore"):
            found = choix.ep_pairwise(n_items, data, alpha, model, max_iter)
        if not all(np.isfinite(part).all() for part in found):
            raise UnsupportedError("the result is not finite")
    except Exception:
        np.random.set_state(state)  # noqa: NPY002
        raise
    return found


_LSR = ("ilsr_pairwise", "ilsr_pairwise_dense", "ilsr_rankings", "ilsr_top1")
_STEPS = ("lsr_pairwise", "lsr_pairwise_dense", "lsr_rankings", "lsr_top1", "rank_centrality")
_MM = ("mm_pairwise", "mm_rankings", "mm_top1")

FUNCTIONS = {
    "choix.ep": {"ep_pairwise": ep_pairwise},
    "choix.lsr": {name: _fast(name) for name in (*_LSR, *_STEPS)},
    "choix.mm": {**{name: _fast(name) for name in _MM}, "choicerank": choicerank},
    "choix.opt": {
        "opt_pairwise": _fast("opt_pairwise"),
        "opt_rankings": _of_rows("opt_rankings", 1, lambda row: row),
        "opt_top1": _of_rows("opt_top1", 1, _winner_and_losers),
    },
    "choix.utils": {
        **{name: _fast(name) for name in ("log_likelihood_pairwise", "log_likelihood_rankings")},
        "log_likelihood_top1": _of_rows("log_likelihood_top1", 0, _winner_and_losers),
    },
}
