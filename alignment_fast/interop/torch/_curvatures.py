"""Second derivatives of the losses: rarely asked for, so written in torch around the kernel of margins."""

from __future__ import annotations

from math import log
from typing import Any, NamedTuple

import torch

from alignment_fast.interop.torch import _compiled, _cuda
from alignment_fast.interop.torch._tensors import address, as_computed, contiguous, wide
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs


def curvatures(loss: Loss, tensors: tuple[Any, ...], *, lengths_first: bool) -> torch.Tensor:
    """Return the second derivatives of every pair's loss, stacked: chosen twice, mixed, rejected twice.

    One of them where there is one side. With `lengths_first`, lengths divide before the score map.
    """
    chosen, rejected, ref_chosen, ref_rejected, chosen_length, rejected_length, weight, target = tensors
    dtype = wide(chosen.dtype)
    if loss.score != "identity":
        own = _mapped(loss, chosen, ref_chosen, chosen_length, lengths_first)
        other = _mapped(loss, rejected, ref_rejected, rejected_length, lengths_first)
        second = torch.stack(_of_mapped(loss, own, other))
        return second if weight is None else second * weight.to(dtype)
    x = _score(chosen, ref_chosen, chosen_length, dtype)
    y = None if rejected is None else _score(rejected, ref_rejected, rejected_length, dtype)
    if loss.formula in _compiled.MARGIN_FORMULAS:
        of_margin = _of_margin(loss, x if y is None else x - y, target)[1]
        parts = [of_margin] if y is None else [of_margin, -of_margin, of_margin]
    else:
        parts = list(_OF_PAIRS[loss.formula](loss, x, y, _second_of_margin))
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


def _of_margin(
    loss: Loss, margin: torch.Tensor, target: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return first and second derivatives of the loss of a margin."""
    margin, target = contiguous(margin), as_computed(target, margin.dtype)
    first, second = torch.empty_like(margin), torch.empty_like(margin)
    settings: Any = {"storage": "own", "wide": margin.dtype == torch.float64, "size": margin.numel()}
    if margin.numel() and _cuda.is_there(margin):
        given = Inputs._make([margin, *[None] * 6, target]), Outputs._make([None, first, None, second, None, None])
        _cuda.evaluate(loss, *given, divisor=1.0, **settings)
    else:
        of_margin = Inputs(margin.data_ptr(), target=address(target))
        _compiled.evaluate(loss, of_margin, Outputs(grad_chosen=address(first), second=address(second)), **settings)
    return first, second


def _second_of_margin(loss: Loss, margin: torch.Tensor) -> torch.Tensor:
    return _of_margin(loss, margin)[1]


# ---- mapped scores ----


class _Mapped(NamedTuple):
    """A score with its first and second derivatives by the log-probability."""

    value: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor


def _mapped(loss: Loss, own: torch.Tensor, reference: Any, length: Any, lengths_first: bool) -> _Mapped:
    dtype = wide(own.dtype)
    ratio = _score(own, reference, length if lengths_first else None, dtype)
    per_token = torch.ones((), dtype=dtype) if length is None else 1 / length.to(dtype)
    if loss.score == "jensen_shannon":
        falling = torch.sigmoid(-ratio)
        value = log(2) + torch.nn.functional.logsigmoid(ratio)
        found = _Mapped(value, falling, -falling * torch.sigmoid(ratio))
    else:
        growth = torch.exp(loss.exponent * ratio)
        found = _Mapped(torch.expm1(loss.exponent * ratio) / loss.exponent, growth, loss.exponent * growth)
    if lengths_first:
        return _Mapped(found.value, found.first * per_token, found.second * per_token**2)
    return _Mapped(*[part * per_token for part in found])


def _of_mapped(loss: Loss, x: _Mapped, y: _Mapped) -> list[torch.Tensor]:
    first, second = _of_margin(loss._replace(score="identity"), x.value - y.value)
    return [
        second * x.first**2 + first * x.second,
        -second * x.first * y.first,
        second * y.first**2 - first * y.second,
    ]


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


def _simper(_loss: Loss, x: Any, y: Any, _kernel: Any) -> Any:
    largest = 2.0**110 if x.dtype == torch.float32 else 2.0**900  # as note (c) of the formulas
    return -x.exp().clamp(max=largest), 0.0, y.exp().clamp(max=largest)


def _orpo(loss: Loss, x: Any, y: Any, _kernel: Any) -> Any:
    """With d = f(x) - f(y), f = x - log(1 - e^x): f' = 1/(1 - e^x), f'' = e^x/(1 - e^x)²."""
    rest, other_rest = -torch.expm1(x), -torch.expm1(y)
    odds = (x - y) - (rest.log() - other_rest.log())
    falling = torch.sigmoid(-odds)
    bend = loss.lam * falling * torch.sigmoid(odds)
    return (
        bend / rest**2 - loss.lam * falling * x.exp() / rest**2,
        -bend / (rest * other_rest),
        bend / other_rest**2 + loss.lam * falling * y.exp() / other_rest**2,
    )


_OF_PAIRS = {
    "orpo": _orpo,
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
    "simper": _simper,
}
