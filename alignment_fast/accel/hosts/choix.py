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


def _of_choices(name: str, position: int) -> Any:
    """Return `_fast` for choices that all have losers: of others the host makes arrays of floats, and raises."""
    fast = _fast(name)

    def call(*arguments: Any) -> Any:
        data = arguments[position]
        if not isinstance(data, list | tuple) or not all(len(losers) for _, losers in data):
            raise UnsupportedError("a choice without losers")
        return fast(*arguments)

    return call


def choicerank(digraph: Any, *arguments: Any) -> np.ndarray:
    """Return the ChoiceRank estimate, also under networkx 3, where the host asks for a function that is gone."""
    return choix.choicerank(digraph, *arguments)


_LSR = ("ilsr_pairwise", "ilsr_pairwise_dense", "ilsr_rankings", "ilsr_top1")
_STEPS = ("lsr_pairwise", "lsr_pairwise_dense", "lsr_rankings", "lsr_top1", "rank_centrality")
_MM = ("mm_pairwise", "mm_rankings", "mm_top1")

FUNCTIONS = {
    "choix.lsr": {name: _fast(name) for name in (*_LSR, *_STEPS)},
    "choix.mm": {**{name: _fast(name) for name in _MM}, "choicerank": choicerank},
    "choix.opt": {
        **{name: _fast(name) for name in ("opt_pairwise", "opt_rankings")},
        "opt_top1": _of_choices("opt_top1", 1),
    },
    "choix.utils": {
        **{name: _fast(name) for name in ("log_likelihood_pairwise", "log_likelihood_rankings")},
        "log_likelihood_top1": _of_choices("log_likelihood_top1", 0),
    },
}
