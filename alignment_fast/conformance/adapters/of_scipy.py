"""SciPy: entropies, divergences, sums of exponentials, and log-probabilities by log_softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["made"]


def made() -> Adapter:
    """Return SciPy."""
    import scipy
    from scipy import special, stats

    def entropy(case: Case) -> Mapping[str, Any]:
        return {"value": stats.entropy(case.arguments["p"])}

    def kl_divergence(case: Case) -> Mapping[str, Any]:
        return {"value": stats.entropy(case.arguments["p"], case.arguments["q"])}

    def log_sum_exp(case: Case) -> Mapping[str, Any]:
        return {"value": special.logsumexp(case.arguments["x"])}

    def log_mgf(case: Case) -> Mapping[str, Any]:
        p, reward = np.array(case.arguments["p"]), np.array(case.arguments["reward"])
        return {"value": special.logsumexp(case.arguments["t"] * reward, b=p / p.sum())}

    def sequence_logprobs(case: Case) -> Mapping[str, Any]:
        masked = "mask" in case.arguments or min(case.arguments["token_ids"]) < 0
        if masked or case.dtype == "float16":  # whose results are float16 there
            raise NotCovered
        rows = special.log_softmax(np.array(case.arguments["logits"], dtype=case.dtype), axis=-1)
        tokens = rows[np.arange(len(rows)), case.arguments["token_ids"]]
        return {"logprob": tokens.mean() if case.arguments["average"] else tokens.sum()}

    functions = (entropy, kl_divergence, log_sum_exp, log_mgf, sequence_logprobs)
    return Adapter("scipy", scipy.__version__, {one.__name__: one for one in functions})
