"""Negative log-likelihoods of comparisons and rankings in the scores of items, differentiable."""

from __future__ import annotations

from typing import Any

import torch

from alignment_fast._border.words import as_word
from alignment_fast.interop.torch._tensors import require_floating, require_tensor, wide
from alignment_fast.interop.torch.margins import margin_loss

__all__ = ["bradley_terry_nll", "plackett_luce_nll"]

_REDUCTIONS = ("mean", "sum", "none")


def bradley_terry_nll(
    scores: torch.Tensor,
    winner: torch.Tensor,
    loser: torch.Tensor,
    *,
    target: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    r"""Return the negative log-likelihood of comparisons, :math:`-\log\sigma(\theta_i - \theta_j)` each.

    Parameters
    ----------
    scores : tensor (K,)
        Scores θ of the items.
    winner, loser : tensor of int (M,)
        The items i and j that were compared.
    target : tensor (M,), optional
        Probabilities that i is the better one, ½ for a tie; 1 by default.
    weight : tensor (M,), optional
        Weights; ``"mean"`` divides by the number of comparisons all the same.
    reduction : {"mean", "sum", "none"}
        What to do with the M losses.

    Returns
    -------
    tensor
        float32, of float64 scores float64.

    Raises
    ------
    IndexError
        For an item that is none of the K; the check waits for a CUDA device.
    ValueError, TypeError
        As `margin_loss`; for items that are no integers.

    Notes
    -----
    `margin_loss` of differences of scores, and differentiable as often as that: twice.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import bradley_terry_nll
    >>> scores = torch.zeros(2, requires_grad=True)
    >>> bradley_terry_nll(scores, torch.tensor([0, 0, 1]), torch.tensor([1, 1, 0]), reduction="sum").backward()
    >>> scores.grad
    tensor([-0.5000,  0.5000])

    """
    _check_scores(scores)
    for name, items in (("winner", winner), ("loser", loser)):
        _check_items(items, name, scores)
    if winner.shape != loser.shape:
        raise ValueError(f"winner of shape {tuple(winner.shape)} and loser of shape {tuple(loser.shape)} differ")
    scores = scores.to(wide(scores.dtype))
    margin = scores[winner] - scores[loser]
    return margin_loss(margin, "bradley_terry", target=target, weight=weight, reduction=reduction)


def plackett_luce_nll(scores: torch.Tensor, rankings: torch.Tensor, *, reduction: str = "mean") -> torch.Tensor:
    r"""Return the negative log-likelihood of rankings: of each place, its item chosen among those that are left.

    :math:`\sum_k \big(\log \sum_{l \ge k} e^{\theta_{y_l}} - \theta_{y_k}\big)` for a ranking y.

    Parameters
    ----------
    scores : tensor (K,)
        Scores θ of the items.
    rankings : tensor of int (N, L)
        Items, best first; -1 fills up a shorter one.
    reduction : {"mean", "sum", "none"}
        What to do with the N losses.

    Returns
    -------
    tensor
        float32, of float64 scores float64.

    Raises
    ------
    IndexError
        For an item that is none of the K; the check waits for a CUDA device.
    ValueError, TypeError
        For shapes and dtypes that do not fit.

    Notes
    -----
    Made of PyTorch's own operations (one cumulative log-sum-exp), and as often differentiable. Reference: Plackett,
    Applied Statistics 24 (1975) 193.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import plackett_luce_nll
    >>> plackett_luce_nll(torch.zeros(3), torch.tensor([[2, 0, 1], [1, 0, -1]]), reduction="none")
    tensor([1.7918, 0.6931])

    """
    _check_scores(scores)
    require_tensor(rankings, "rankings")
    if rankings.ndim != 2:
        raise ValueError(f"rankings must have two axes, (N, L), not the shape {tuple(rankings.shape)}")
    as_word(reduction, "reduction", _REDUCTIONS)
    there = rankings >= 0
    _check_items(torch.where(rankings == -1, 0, rankings), "rankings", scores)
    dtype = wide(scores.dtype)
    # Far below every score, and finite: the log-sum-exp of none has no derivative.
    chosen = torch.where(there, scores.to(dtype)[rankings.clamp(min=0)], torch.finfo(dtype).min / 4)
    left = chosen.flip(-1).logcumsumexp(-1).flip(-1)
    losses = torch.where(there, left - chosen, 0.0).sum(-1)
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def _check_scores(scores: Any) -> None:
    require_floating(scores, "scores")
    if scores.ndim != 1:
        raise ValueError(f"scores must have one axis, (K,), not the shape {tuple(scores.shape)}")


def _check_items(items: Any, name: str, scores: torch.Tensor) -> None:
    require_tensor(items, name)
    if items.dtype.is_floating_point or items.dtype == torch.bool:
        raise TypeError(f"{name} must be integers, not {items.dtype}")
    if items.device != scores.device:
        raise ValueError(f"{name} is on {items.device} and scores on {scores.device}")
    if torch.compiler.is_compiling() or not items.numel():
        return
    low, high = items.min(), items.max()
    if bool(low < 0) or bool(high >= len(scores)):
        raise IndexError(f"{name} holds {int(low) if low < 0 else int(high)}, which is none of {len(scores)} items")
