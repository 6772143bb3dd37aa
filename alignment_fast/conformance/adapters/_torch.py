"""Losses of log-probabilities as tensors, with gradients by differentiation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["differentiated", "options_of"]

_SIDES = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
_NAMED = ("loss_type", "reduction", *_SIDES)


def options_of(case: Case, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of a loss; NotCovered where one of them is not among those `known`."""
    options = {name: value for name, value in case.arguments.items() if name not in _NAMED}
    if options.keys() - {*known}:
        raise NotCovered
    return options


def differentiated(case: Case, loss: Callable[..., Any]) -> Mapping[str, Any]:
    """Return losses of the pairs, reduced, and their gradients; `loss` takes the four log-probabilities."""
    import torch

    if case.dtype == "float16":  # which these libraries leave to autocast
        raise NotCovered
    dtype, missing = getattr(torch, case.dtype), [0.0] * len(case.arguments["policy_chosen"])
    sides = [torch.tensor(case.arguments.get(name, missing), dtype=dtype) for name in _SIDES]
    for side in sides[:2]:
        side.requires_grad_()
    losses = loss(*sides)
    reduction = case.arguments["reduction"]
    reduced = losses.mean() if reduction == "mean" else losses.sum()
    gradients = torch.autograd.grad(reduced, sides[:2], allow_unused=True)
    found = {"loss": losses.detach() if reduction == "none" else reduced.detach()}
    for name, side, gradient in zip(("chosen", "rejected"), sides, gradients, strict=False):
        found[f"grad_policy_{name}"] = torch.zeros_like(side) if gradient is None else gradient
    return {name: value.detach().numpy() for name, value in found.items() if name in case.expected}
