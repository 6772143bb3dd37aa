"""choix: Bradley and Terry's model, and Plackett and Luce's, by its optimiser at its tightest."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["made"]

TOLERANCE = 1e-12


def _pairs(case: Case) -> list[tuple[int, int]]:
    """Return winners and losers: choix has no ties, and one model of pairs."""
    others = case.arguments.keys() & {"gamma_shape", "bias_reduction"}
    if case.arguments["model"] != "bradley-terry" or any(case.arguments["tied"]) or others:
        raise NotCovered
    return list(zip(case.arguments["winner"], case.arguments["loser"], strict=True))


def made() -> Adapter:
    """Return choix."""
    import choix

    def centred(params: Any) -> Any:
        return np.asarray(params) - np.mean(params)

    def fit(case: Case) -> Mapping[str, Any]:
        pairs, alpha = _pairs(case), case.arguments["l2"] / 2
        scores = centred(choix.opt_pairwise(case.arguments["n_items"], pairs, alpha=alpha, tol=TOLERANCE))
        found = {"scores": scores, "log_likelihood": choix.log_likelihood_pairwise(pairs, scores)}
        return found if case.raises else {name: found[name] for name in case.expected}

    def log_likelihood(case: Case) -> Mapping[str, Any]:
        return {"value": choix.log_likelihood_pairwise(_pairs(case), np.array(case.arguments["scores"]))}

    def fit_plackett_luce(case: Case) -> Mapping[str, Any]:
        data, items = case.arguments["rankings"], case.arguments["n_items"]
        scores = centred(choix.opt_rankings(items, data, alpha=case.arguments["l2"] / 2, tol=TOLERANCE))
        return {"scores": scores, "log_likelihood": choix.log_likelihood_rankings(data, scores)}

    functions = (fit, log_likelihood, fit_plackett_luce)
    return Adapter("choix", version("choix"), {one.__name__: one for one in functions})
