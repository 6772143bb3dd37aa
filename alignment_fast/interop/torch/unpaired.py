"""Losses of single answers that are marked desirable or not, differentiable."""

from __future__ import annotations

from math import isfinite

import torch

from alignment_fast.interop.torch._pairs import UNPAIRED, Choice, pairs
from alignment_fast.interop.torch._tensors import require_alike, require_tensor, wide
from alignment_fast.pairwise._number import number
from alignment_fast.pairwise.loss_types import LOSS_TYPES

__all__ = ["unpaired_loss"]

_WITH_REFERENCE_POINT = frozenset(name for name, row in LOSS_TYPES.items() if row.has_reference_point)


def unpaired_loss(
    policy: torch.Tensor,
    ref: torch.Tensor,
    desirable: torch.Tensor,
    *,
    kl: torch.Tensor | float | None,
    loss_type: str = "kto",
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    reduction: str = "mean",
) -> torch.Tensor:
    r"""Return the loss of answers that are marked desirable or undesirable, differentiable by both log-probabilities.

    Parameters
    ----------
    policy, ref : tensor (...,)
        Log-probabilities (nats), of one dtype and shape.
    desirable : tensor of bool (...,)
        Which answers are desirable.
    kl : float, tensor of one number, or None
        Reference point in units of the reward, as in `alignment_fast.pairwise.unpaired_loss`; no gradient flows into
        it.
    loss_type, beta, desirable_weight, undesirable_weight, reduction
        As there.

    Returns
    -------
    tensor
        float32, of float64 input float64.

    Raises
    ------
    ValueError
        For an unknown loss, shapes that differ, a missing `kl`, labels that are neither true nor false.
    TypeError
        For what is no floating-point tensor, dtypes that differ.

    Notes
    -----
    Accuracy as in `alignment_fast.pairwise.unpaired_loss`; transforms and compilers as in `preference_loss`.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import unpaired_loss
    >>> policy, labels = torch.tensor([-10.0, -9.0]), torch.tensor([True, False])
    >>> unpaired_loss(policy, torch.tensor([-11.0, -11.0]), labels, kl=0.0, beta=1.0)
    tensor(0.5749)

    """
    require_tensor(policy, "policy")
    require_tensor(desirable, "desirable")
    dtype = wide(policy.dtype)
    point = _reference_point(kl) if loss_type in _WITH_REFERENCE_POINT else 0.0
    shift = point if isinstance(point, float) else 0.0
    choice = Choice(UNPAIRED, loss_type, number(beta, "beta"), gamma=shift, reduction=reduction)
    if isinstance(point, torch.Tensor):  # in float64: float32 has four digits after the point at -2000
        require_tensor(ref, "ref")
        require_alike(("policy", "ref"), (policy, ref))
        policy, ref = policy.double(), ref.double() + point.double() / choice.beta
    weight = None
    if desirable_weight != 1.0 or undesirable_weight != 1.0:
        weights = number(desirable_weight, "desirable_weight"), number(undesirable_weight, "undesirable_weight")
        # Numbers would become the default dtype's, float32.
        filled = [torch.full((), value, dtype=wide(policy.dtype), device=desirable.device) for value in weights]
        weight = torch.where(desirable.bool(), *filled)
    return pairs((policy, None, ref, None, None, None, weight, desirable), choice).to(dtype)


def _reference_point(kl: torch.Tensor | float | None) -> torch.Tensor | float:
    """Return max(0, kl), a float wherever its value is known."""
    if isinstance(kl, torch.Tensor):
        require_tensor(kl, "kl")
        if kl.numel() != 1:
            raise ValueError(f"kl must be one number, not a tensor of shape {tuple(kl.shape)}")
        return kl.detach().reshape(()).clamp(min=0)
    value = number(kl, "kl")
    if value is None or not isfinite(value):
        raise ValueError(
            f"loss_type 'kto' needs a finite kl, not {kl!r}; alignment_fast.pairwise.batch_kl estimates it"
        )
    return max(0.0, value)
