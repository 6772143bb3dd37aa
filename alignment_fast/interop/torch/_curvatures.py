"""Second derivatives of the losses: rarely asked for, so written in torch around the kernel of margins."""

from __future__ import annotations

from typing import Any

import torch

from alignment_fast._operations import operations
from alignment_fast.interop.torch._tensors import address, as_computed, contiguous, wide
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs


def curvatures(loss: Loss, loss_type: str, tensors: tuple[Any, ...]) -> torch.Tensor:
    """Return the second derivatives of every pair's loss, stacked: chosen twice, mixed, rejected twice.

    One of them where there is one side. NotImplementedError where none is at hand.
    """
    chosen, rejected, ref_chosen, ref_rejected, chosen_length, rejected_length, weight, target = tensors
    dtype = wide(chosen.dtype)
    if loss.score != "identity":
        raise NotImplementedError(f"loss_type {loss_type!r} has no second derivative of mapped scores here")
    x = _score(chosen, ref_chosen, chosen_length, dtype)
    y = None if rejected is None else _score(rejected, ref_rejected, rejected_length, dtype)
    ops = operations("pairwise", chosen.device.type)
    if loss.formula in ops.MARGIN_FORMULAS:
        of_margin = _of_margin(ops, loss, x if y is None else x - y, target)
        parts = [of_margin] if y is None else [of_margin, -of_margin, of_margin]
    elif loss.formula in _OF_PAIRS:
        parts = list(_OF_PAIRS[loss.formula](loss, x, y, lambda part, m: _of_margin(ops, part, m, None)))
    else:
        raise NotImplementedError(f"loss_type {loss_type!r} has no second derivative here")
    second = torch.stack([part if isinstance(part, torch.Tensor) else torch.full_like(x, part) for part in parts])
    if y is None:
        second = second[:1]
    elif chosen_length is not None:
        a, b = (length.to(dtype) for length in (chosen_length, rejected_length))
        second = second / torch.stack([a * a, a * b, b * b])
    return second if weight is None else second * weight.to(dtype)


def _score(own: torch.Tensor, reference: torch.Tensor | None, length: Any, dtype: torch.dtype) -> torch.Tensor:
    score = own.detach().to(dtype)
    if reference is not None:
        score = score - reference.detach().to(dtype)
    return score if length is None else score / length.to(dtype)


def _of_margin(ops: Any, loss: Loss, margin: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
    margin, target = contiguous(margin), as_computed(target, margin.dtype)
    second = torch.empty_like(margin)
    ops.evaluate(
        loss,
        Inputs(address(margin), target=address(target)),
        Outputs(second=address(second)),
        storage="own",
        wide=margin.dtype == torch.float64,
        size=margin.numel(),
    )
    return second


# ---- formulas of both scores: their parts are losses of a margin, or polynomials ----


def _sigmoid(loss: Loss, margin_kernel: Any, margin: Any) -> Any:
    return margin_kernel(Loss("sigmoid", beta=loss.beta, gamma=loss.gamma, epsilon=loss.epsilon), margin)


def _logistic(loss: Loss, margin_kernel: Any, margin: Any) -> Any:
    return margin_kernel(Loss("sigmoid", beta=loss.beta), margin)


def _falling(loss: Loss, margin_kernel: Any, margin: Any) -> Any:
    """Second derivative of σ(-β margin)."""
    return margin_kernel(Loss("kto", beta=loss.beta), margin)


def _nca(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    return 1.5 * _logistic(loss, kernel, x), 0.0, 0.5 * _logistic(loss, kernel, y)


def _bco(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    shift = loss.delta / loss.beta
    return _logistic(loss, kernel, x - shift), 0.0, _logistic(loss, kernel, y - shift)


def _sppo(_loss: Loss, _x: Any, _y: Any, _kernel: Any) -> Any:
    return 2.0, 0.0, 2.0


def _apo_zero(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    return _falling(loss, kernel, x), 0.0, _falling(loss, kernel, -y)


def _apo_down(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    of_margin = _falling(loss, kernel, x - y)
    return of_margin + _falling(loss, kernel, -x), -of_margin, of_margin


def _sft(_loss: Loss, _x: Any, _y: Any, _kernel: Any) -> Any:
    return 0.0, 0.0, 0.0


def _cpo(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    of_margin = _sigmoid(loss, kernel, x - y)
    return of_margin, -of_margin, of_margin


def _slic(_loss: Loss, _x: Any, _y: Any, _kernel: Any) -> Any:
    return 0.0, 0.0, 0.0


def _dpop(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    lacks = (x < 0).to(x.dtype)
    of_margin = _logistic(loss, kernel, x - y + loss.lam * x * lacks)
    by_chosen = 1 + loss.lam * lacks
    return of_margin * by_chosen**2, -of_margin * by_chosen, of_margin


def _bradley_terry(loss: Loss, x: Any, y: Any, kernel: Any) -> Any:
    of_margin = kernel(Loss("sigmoid", beta=1.0, gamma=loss.gamma), x - y)
    pull = 2 * loss.lam
    return of_margin + pull, pull - of_margin, of_margin + pull


_OF_PAIRS = {
    "nca_pair": _nca,
    "bco_pair": _bco,
    "sppo_hard": _sppo,
    "apo_zero": _apo_zero,
    "apo_down": _apo_down,
    "sft": _sft,
    "cpo": _cpo,
    "slic": _slic,
    "dpop": _dpop,
    "bradley_terry": _bradley_terry,
}
