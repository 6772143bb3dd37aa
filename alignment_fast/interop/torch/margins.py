"""Losses of margins, differentiable."""

from __future__ import annotations

import torch

from alignment_fast.interop.torch._pairs import MARGIN, Choice, pairs
from alignment_fast.pairwise._number import number

__all__ = ["margin_loss"]


def margin_loss(
    margin: torch.Tensor,
    loss_type: str = "sigmoid",
    *,
    beta: float = 1.0,
    label_smoothing: float = 0.0,
    target: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
    gamma: float | None = None,
    tau: float | None = None,
) -> torch.Tensor:
    r"""Return a preference loss of margins, :math:`L(\beta m - \gamma)`, differentiable twice.

    Parameters
    ----------
    margin : tensor (...,)
        Differences of rewards or of log-ratios.
    loss_type, beta, label_smoothing, reduction, gamma, tau
        As in `alignment_fast.pairwise.margin_loss`.
    target, weight : tensor (...,), optional
        As there; constants under differentiation.

    Returns
    -------
    tensor
        float32, of float64 input float64.

    Raises
    ------
    ValueError
        As `alignment_fast.pairwise.margin_loss`.
    TypeError
        For what is no floating-point tensor, a weight or target that requires grad.

    Notes
    -----
    Accuracy as in `alignment_fast.pairwise.margin_loss`; transforms and compilers as in `preference_loss`.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import margin_loss
    >>> margin_loss(torch.tensor([0.0, 40.0]), reduction="none")
    tensor([6.9315e-01, 4.2484e-18])

    """
    choice = Choice(
        MARGIN,
        loss_type,
        number(beta, "beta"),
        number(label_smoothing, "label_smoothing"),
        gamma=number(gamma, "gamma"),
        tau=number(tau, "tau"),
        reduction=reduction,
    )
    return pairs((margin, None, None, None, None, None, weight, target), choice)
