"""alignment_fast itself, by its public functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import alignment_fast as af
from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.cases import Case

__all__ = ["made"]

# Arrays of real numbers, in the dtype of the case.
_REAL = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected", "policy", "ref", "margin", "logits")
_ARRAYS = ("chosen_length", "rejected_length", "weight", "desirable", "token_ids", "mask")
_PRIORS = ("l2", "gamma_shape", "bias_reduction")

Results = Mapping[str, Any]


def _arguments(case: Case) -> dict[str, Any]:
    found = dict(case.arguments)
    for name in _REAL:
        if name in found:
            found[name] = np.array(found[name], dtype=case.dtype)
    return {name: np.array(value) if name in _ARRAYS else value for name, value in found.items()}


def _kept(case: Case, found: Any) -> Results:
    return {name: getattr(found, name) for name in case.expected}


def _preference_loss(case: Case) -> Results:
    return _kept(case, af.pairwise.preference_loss(**_arguments(case), grad=True))


def _unpaired_loss(case: Case) -> Results:
    return _kept(case, af.pairwise.unpaired_loss(**_arguments(case), grad=True))


def _margin_loss(case: Case) -> Results:
    return _kept(case, af.pairwise.margin_loss(**_arguments(case), grad=True, hess=True))


def _sequence_logprobs(case: Case) -> Results:
    return {"logprob": af.pairwise.sequence_logprobs(**_arguments(case))}


def _sequence_logprobs_grad(case: Case) -> Results:
    return {"grad": af.pairwise.sequence_logprobs_grad(**_arguments(case))}


def _comparisons(case: Case) -> Any:
    winner, loser = (np.array(case.arguments[name]) for name in ("winner", "loser"))
    tied = np.array(case.arguments["tied"], dtype=bool)
    return af.ranking.Comparisons(winner, loser, tied=tied, n_items=case.arguments["n_items"])


def _of_scores(case: Case, function: Any) -> Any:
    options = {name: case.arguments[name] for name in ("model", "tie_parameter") if name in case.arguments}
    return function(case.arguments["scores"], _comparisons(case), **options)


def _log_likelihood(case: Case) -> Results:
    return {"value": _of_scores(case, af.ranking.log_likelihood)}


def _gradient(case: Case) -> Results:
    return {"gradient": _of_scores(case, af.ranking.gradient)}


def _fit(case: Case) -> Results:
    options = {name: case.arguments[name] for name in (*_PRIORS, "model") if name in case.arguments}
    return _kept(case, af.ranking.fit(_comparisons(case), **options))


def _fit_plackett_luce(case: Case) -> Results:
    return _kept(case, af.ranking.fit_plackett_luce(**case.arguments))


def _elo(case: Case) -> Results:
    given = {**case.arguments, "tied": np.array(case.arguments["tied"], dtype=bool)}
    return {"ratings": af.ranking.elo(**given).ratings}


def _pass_at_k(case: Case) -> Results:
    return {"value": af.best_of_n.pass_at_k(**case.arguments)}


def _curve(case: Case) -> Results:
    return {"mean": af.best_of_n.curve(**case.arguments).mean}


def _measure(case: Case) -> Results:
    return {"value": getattr(af.information, case.function)(**case.arguments)}


def _cumulants(case: Case) -> Results:
    return {"cumulants": af.information.cumulants(**case.arguments)}


def _log_sum_exp(case: Case) -> Results:
    _, log_sum = af.pairwise.sequence_logprobs(
        np.array([case.arguments["x"]]), np.array([0]), return_log_partition=True
    )
    return {"value": log_sum}


def _law(case: Case) -> tuple[Any, dict[str, float]]:
    size = {name: case.arguments[name] for name in ("n", "log_n") if name in case.arguments}
    return af.best_of_n.BestOfN(case.arguments["p"], case.arguments["reward"]), size


def _best_of_n(case: Case) -> Results:
    law, size = _law(case)
    return {name: getattr(law, name)(**size) for name in case.expected}


def _divergences(case: Case) -> Results:
    law, size = _law(case)
    return {name: law.divergence(name, **size) for name in case.expected}


def _continuous(case: Case) -> Results:
    kind, n = case.arguments["kind"], case.arguments["n"]
    return {"value": getattr(af.best_of_n.continuous, kind)(n)}


def _soft_best_of_n(case: Case) -> Results:
    return {"pmf": af.best_of_n.soft_best_of_n(**case.arguments)}


def _best_of_poisson(case: Case) -> Results:
    return {"pmf": af.best_of_n.best_of_poisson(**case.arguments)}


def _draws(case: Case, kind: str, **options: Any) -> Any:
    stream = af.random.Stream(int(case.arguments["seed"]), purpose=case.arguments["purpose"])
    place = {name: int(case.arguments[name]) for name in ("replicate", "draw")}
    return getattr(stream, kind)(case.arguments["count"], **place, **options)


def _uint32(case: Case) -> Results:
    return {"words": _draws(case, "uint32")}


def _values(case: Case) -> Results:
    return {"values": _draws(case, case.function, dtype=case.dtype)}


def made() -> Adapter:
    """Return this package, every function of the cases."""
    measures = ("renyi_divergence", "renyi_entropy", "renyi_cross_entropy", "kl_divergence", "entropy")
    functions = {
        "preference_loss": _preference_loss,
        "unpaired_loss": _unpaired_loss,
        "margin_loss": _margin_loss,
        "sequence_logprobs": _sequence_logprobs,
        "sequence_logprobs_grad": _sequence_logprobs_grad,
        "log_likelihood": _log_likelihood,
        "gradient": _gradient,
        "fit": _fit,
        "fit_plackett_luce": _fit_plackett_luce,
        "elo": _elo,
        "pass_at_k": _pass_at_k,
        "curve": _curve,
        **dict.fromkeys((*measures, "cross_entropy", "log_mgf"), _measure),
        "cumulants": _cumulants,
        "log_sum_exp": _log_sum_exp,
        "best_of_n": _best_of_n,
        "best_of_n_divergences": _divergences,
        "continuous": _continuous,
        "soft_best_of_n": _soft_best_of_n,
        "best_of_poisson": _best_of_poisson,
        "uint32": _uint32,
        "uniform": _values,
        "normal": _values,
    }
    return Adapter("alignment_fast", af.__version__, functions)
