"""Preference losses of pairs, differentiable."""

from __future__ import annotations

from typing import Any

import torch

from alignment_fast.interop.torch._pairs import MARGIN, PREFERENCE, Choice, pairs
from alignment_fast.interop.torch._tensors import require_alike, require_floating, wide
from alignment_fast.pairwise._number import number
from alignment_fast.pairwise.loss_types import LOSS_TYPES

__all__ = ["preference_loss"]

_MATCHED = {name: row.matched for name, row in LOSS_TYPES.items() if row.matched}
_OVER_TOKENS = frozenset(name for name, row in LOSS_TYPES.items() if row.averages_tokens)
_NAMES = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")


def preference_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor | None = None,
    ref_chosen: torch.Tensor | None = None,
    ref_rejected: torch.Tensor | None = None,
    *,
    loss_type: str = "sigmoid",
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
    score: str = "reverse_kl",
    chosen_length: torch.Tensor | None = None,
    rejected_length: torch.Tensor | None = None,
    gamma: float | None = None,
    lam: float | None = None,
    alpha: float | None = None,
    tau: float | None = None,
    delta: float | None = None,
) -> torch.Tensor:
    r"""Return a preference loss of pairs of log-probabilities, differentiable with respect to all four.

    The losses of `alignment_fast.pairwise.preference_loss`, from the same compiled pass: it makes the gradients along
    with the loss, and the backward pass multiplies them by the incoming one.

    Parameters
    ----------
    policy_chosen, policy_rejected, ref_chosen, ref_rejected : tensor (...,)
        Log-probabilities (nats) on one device, of one dtype and shape, of any layout: float64, float32, bfloat16 or
        float16.
    loss_type, beta, label_smoothing, reduction, score, gamma, lam, alpha, tau, delta
        As in `alignment_fast.pairwise.preference_loss`.
    weight, chosen_length, rejected_length : tensor (...,), optional
        As there; constants under differentiation.

    Returns
    -------
    tensor
        float32, of float64 input float64. Gradients have the dtype of their inputs.

    Raises
    ------
    ValueError
        For an unknown loss, a parameter that is not the loss's or out of range, a missing reference or missing lengths,
        shapes that differ.
    TypeError
        For what is no floating-point tensor, dtypes that differ, a weight or length that requires grad.
    NotImplementedError
        For third derivatives.
    BackendUnavailableError
        For tensors on another device than the CPU, as from all functions here.

    Notes
    -----
    Safe under ``torch.compile(fullgraph=True)``, ``torch.func``, forward mode, autocast, checkpointing; `calls` counts
    which way calls went. Accuracy as in `alignment_fast.pairwise.preference_loss`. References: there.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import preference_loss
    >>> chosen = torch.tensor([-10.0, -12.0], requires_grad=True)
    >>> reference = torch.tensor([-11.0, -11.0])
    >>> loss = preference_loss(chosen, torch.tensor([-11.0, -10.0]), reference, reference, beta=1.0)
    >>> loss.backward()
    >>> round(loss.item(), 5), chosen.grad
    (1.22009, tensor([-0.1345, -0.4404]))

    """
    choice = Choice(
        PREFERENCE,
        loss_type,
        number(beta, "beta"),
        number(label_smoothing, "label_smoothing"),
        score,
        number(gamma, "gamma"),
        number(lam, "lam"),
        number(alpha, "alpha"),
        number(tau, "tau"),
        number(delta, "delta"),
        reduction,
    )
    if loss_type in _MATCHED:
        return _matched((policy_chosen, policy_rejected, ref_chosen, ref_rejected), choice, weight, chosen_length)
    over_tokens = loss_type in _OVER_TOKENS and chosen_length is not None
    if over_tokens:
        policy_rejected = ref_chosen = ref_rejected = None
        if reduction == "mean":
            choice = choice._replace(reduction="sum")
    lengths = (None, None) if over_tokens else (chosen_length, rejected_length)
    tensors = (policy_chosen, policy_rejected, ref_chosen, ref_rejected, *lengths, weight, None)
    loss = pairs(tensors, choice)
    if chosen_length is not None and over_tokens and reduction == "mean":
        return loss / chosen_length.sum()
    return loss


def _matched(tensors: tuple[Any, ...], choice: Choice, weight: Any, length: Any) -> torch.Tensor:
    """Return a loss that matches its batch quantile by quantile: the loss of the margins of two sorted lists."""
    if weight is not None:
        raise ValueError(f"loss_type {choice.loss_type!r} couples the pairs of a batch by sorting: it has no weights")
    if length is not None:
        raise ValueError(f"loss_type {choice.loss_type!r} takes no lengths; divide the log-probabilities by them")
    for name, tensor in zip(_NAMES, tensors, strict=True):
        require_floating(tensor, name)
    require_alike(_NAMES, tensors)
    dtype = wide(tensors[0].dtype)
    chosen, rejected, ref_chosen, ref_rejected = (tensor.to(dtype).flatten() for tensor in tensors)
    if _MATCHED[choice.loss_type] == "differences":
        lists = chosen - rejected, ref_chosen - ref_rejected
    else:
        lists = chosen - ref_chosen, rejected - ref_rejected
    upper, lower = (values.sort().values for values in lists)
    loss = pairs((upper - lower, *[None] * 7), choice._replace(kind=MARGIN, loss_type="sigmoid"))
    return loss.reshape(tensors[0].shape) if choice.reduction == "none" else loss
