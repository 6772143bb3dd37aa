"""evalica: Bradley and Terry's model, with ties as half wins, and Elo ratings, by its Rust solver at its tightest."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["made"]

TOLERANCE, LIMIT = 1e-14, 100_000


def made() -> Adapter:
    """Return evalica."""
    import evalica

    def votes(case: Case) -> tuple[list[str], list[str], list[Any], list[str]]:
        names = [str(item) for item in range(case.arguments["n_items"])]
        columns = [[names[one] for one in case.arguments[side]] for side in ("winner", "loser")]
        results = [evalica.Winner.Draw if tied else evalica.Winner.X for tied in case.arguments["tied"]]
        return columns[0], columns[1], results, names

    def in_order(scores: Any, names: list[str], absent: float) -> Any:
        return np.array([scores.get(name, absent) for name in names])

    def fit(case: Case) -> Mapping[str, Any]:
        priors = case.arguments["l2"] or case.arguments.keys() & {"gamma_shape", "bias_reduction"}
        if case.arguments["model"] != "bradley-terry" or priors:
            raise NotCovered
        x, y, results, names = votes(case)
        options: dict[str, Any] = {"win_weight": 1.0, "tie_weight": 0.5, "tolerance": TOLERANCE, "limit": LIMIT}
        strengths = in_order(evalica.bradley_terry(x, y, results, **options).scores, names, np.nan)
        scores = np.log(strengths)
        return {"scores": scores - scores.mean()}

    def elo(case: Case) -> Mapping[str, Any]:
        x, y, results, names = votes(case)
        options = {name: case.arguments[name] for name in ("k", "scale", "base", "initial")}
        found = evalica.elo(x, y, results, win_weight=1.0, tie_weight=0.5, **options)
        return {"ratings": in_order(found.scores, names, options["initial"])}

    return Adapter("evalica", version("evalica"), {"fit": fit, "elo": elo})
