"""Liger: the loss of DPO and its relatives after the fused head."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.adapters._torch import differentiated, options_of
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["made"]

_LOSSES = ("sigmoid", "hinge", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "apo_zero", "apo_down")
_SMOOTHED = ("exo_pair", "robust")


def made() -> Adapter:
    """Return Liger."""
    import torch
    from liger_kernel.chunked_loss.dpo_loss import LigerFusedLinearDPOFunction

    compute = LigerFusedLinearDPOFunction.preference_loss_fn

    def preference_loss(case: Case) -> Mapping[str, Any]:
        name = case.arguments["loss_type"]
        if name not in (*_LOSSES, "discopop"):
            raise NotCovered
        options = options_of(case, ("beta", "label_smoothing") if name in _SMOOTHED else ("beta", "tau"))
        tau = {"discopop_tau": options.pop("tau")} if "tau" in options else {}

        def one(chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any) -> Any:
            target = torch.zeros(2, 1)
            return compute(chosen, rejected, target, ref_chosen, ref_rejected, loss_type=name, **options, **tau)[0]

        def pairs(*sides: Any) -> Any:
            return torch.stack([one(*rows) for rows in zip(*(side.split(1) for side in sides), strict=True)])

        return differentiated(case, pairs)

    return Adapter("liger_kernel", version("liger-kernel"), {"preference_loss": preference_loss})
