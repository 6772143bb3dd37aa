"""torchtune: the losses of DPO and RSO."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.adapters._torch import differentiated, options_of
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["made"]


def made() -> Adapter:
    """Return torchtune."""
    from torchtune.rlhf import loss as losses

    def preference_loss(case: Case) -> Mapping[str, Any]:
        name = case.arguments["loss_type"]
        options = options_of(case, ("beta", "label_smoothing") if name == "sigmoid" else ("beta",))
        if name == "sigmoid":
            loss = losses.DPOLoss(**options)
        elif name == "hinge":
            loss = losses.RSOLoss(gamma=options["beta"])
        else:
            raise NotCovered
        return differentiated(case, lambda *sides: loss(*sides)[0])

    return Adapter("torchtune", version("torchtune"), {"preference_loss": preference_loss})
