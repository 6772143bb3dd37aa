"""Losses of pairs, of single answers and of margins: one operator, the routes to it, and their derivatives.

One compiled pass makes the loss and the gradients of the reduced loss. Gradients are an output of the operator, so that
autograd reaches second derivatives through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import torch

from alignment_fast._border.place import place
from alignment_fast._border.words import as_word
from alignment_fast.interop.torch import _batching, _compiled, _cuda, _dispatch
from alignment_fast.interop.torch._curvatures import curvatures
from alignment_fast.interop.torch._library import LIBRARY, implement
from alignment_fast.interop.torch._tensors import (
    address,
    as_computed,
    contiguous,
    narrowed,
    require_alike,
    require_beside,
    require_constant,
    require_tensor,
    storage_of,
    wide,
)
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs
from alignment_fast.pairwise.loss_types import LossType, Settings, find, plan

PREFERENCE, UNPAIRED, MARGIN = "preference", "unpaired", "margin"
_REDUCTIONS = ("mean", "sum", "none")
_NAMES = {
    PREFERENCE: ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected"),
    UNPAIRED: ("policy", "policy_rejected", "ref", "ref_rejected"),
    MARGIN: ("margin", "policy_rejected", "ref_chosen", "ref_rejected"),
}
_EXTRAS = ("chosen_length", "rejected_length", "weight", "target")
_NO_EXTRAS = (None,) * 4
_COMPUTED = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_TENSORS = 8  # scores, lengths, weight and target come first among the operator's arguments


class Choice(NamedTuple):
    """What a caller chooses of a loss."""

    kind: str
    loss_type: str
    beta: float
    label_smoothing: float = 0.0
    score: str = "reverse_kl"
    gamma: float | None = None
    lam: float | None = None
    alpha: float | None = None
    tau: float | None = None
    delta: float | None = None
    reduction: str = "mean"

    def packed(self) -> tuple[list[str], list[float]]:
        """Return words and numbers, the operator's two arguments behind the tensors; names of parameters are words.

        Dispatch takes time that is quadratic in the number of arguments.
        """
        given = [name for name in _PARAMETERS if getattr(self, name) is not None]
        words = [self.kind, self.loss_type, self.score, self.reduction, *given]
        return words, [self.beta, self.label_smoothing, *[getattr(self, name) for name in given]]


_PARAMETERS = ("gamma", "lam", "alpha", "tau", "delta")


@lru_cache(maxsize=256)
def _unpacked(words: tuple[str, ...], numbers: tuple[float, ...]) -> Choice:
    kind, loss_type, score, reduction, *given = words
    beta, smoothing, *values = numbers
    return Choice(kind, loss_type, beta, smoothing, score, **dict(zip(given, values, strict=True)), reduction=reduction)


class _Formula(NamedTuple):
    row: LossType
    loss: Loss
    needed: tuple[bool, ...]


@lru_cache(maxsize=256)
def _formula(choice: Choice) -> _Formula:
    """Return the formula of a choice, or raise ValueError or TypeError for what does not fit."""
    as_word(choice.reduction, "reduction", _REDUCTIONS)
    if choice.kind == UNPAIRED:
        row = find(choice.loss_type, fits=lambda row: not row.is_paired, where="unpaired_loss")
        if not 0.0 < choice.beta < inf:
            raise ValueError(f"beta must be positive and finite, not {choice.beta}")
        return _Formula(row, Loss(row.kernel, beta=choice.beta, gamma=choice.gamma or 0.0), (True, False, True, False))
    planned = plan(*Settings(*choice[1:-1], margin=choice.kind == MARGIN))
    row, loss = planned.row, planned.loss
    needed = tuple(name in row.inputs for name in _NAMES[PREFERENCE])
    return _Formula(row, loss, needed if choice.kind == PREFERENCE else (True, False, False, False))


def _check(tensors: tuple[Any, ...], choice: Choice) -> _Formula:
    """Return the formula of a call, or raise an error that names the argument at fault."""
    formula = _formula(choice)
    first = tensors[0]
    if (
        type(first) is torch.Tensor
        and first.dtype in _COMPUTED
        and first.is_cpu
        and all(
            tensor is None
            if not needed
            else tensor is not None
            and tensor.dtype is first.dtype
            and tensor.shape == first.shape
            and tensor.device == first.device
            for tensor, needed in zip(tensors[1:4], formula.needed[1:], strict=True)
        )
    ):
        if tensors[4:] == _NO_EXTRAS and not formula.row.needs_lengths:
            return formula  # the common case
    else:
        _check_scores(tensors, choice, formula)
    for name, tensor in zip(_EXTRAS, tensors[4:], strict=True):
        if tensor is not None:
            require_tensor(tensor, name)
            require_beside(first, _NAMES[choice.kind][0], tensor, name)
            require_constant(tensor, name)
    _check_lengths(tensors, choice, formula.row)
    return formula


def _check_scores(tensors: tuple[Any, ...], choice: Choice, formula: _Formula) -> None:
    names = _NAMES[choice.kind]
    for name, tensor, needed in zip(names, tensors[:4], formula.needed, strict=True):
        if tensor is None and needed:
            raise ValueError(f"loss_type {choice.loss_type!r} needs {name}; it is {formula.row.formula}")
    require_alike(names, tensors[:4])


def _check_lengths(tensors: tuple[Any, ...], choice: Choice, row: LossType) -> None:
    chosen, rejected = tensors[4:6]
    if (chosen is None) == (rejected is None):
        if chosen is None and row.needs_lengths and choice.kind == PREFERENCE:
            raise ValueError(f"loss_type {choice.loss_type!r} needs chosen_length and rejected_length")
        return
    if tensors[1] is not None or rejected is not None:
        raise ValueError(f"loss_type {choice.loss_type!r} needs chosen_length and rejected_length together")


def refuse(bad: torch.Tensor, tensor: torch.Tensor, name: str, reason: str) -> None:
    """Raise ValueError for the first position of `tensor` where `bad` is true."""
    if bad.any():
        flat = int(bad.flatten().nonzero()[0])
        raise ValueError(f"{name}{place(flat, tuple(tensor.shape))} = {tensor.flatten()[flat]:g} {reason}")


# ---- the compiled pass ----


def _sides(tensors: tuple[Any, ...]) -> int:
    return 1 if tensors[1] is None else 2


def _divisor(tensors: tuple[Any, ...], choice: Choice) -> int:
    return max(1, tensors[0].numel()) if choice.reduction == "mean" else 1


def _evaluate(tensors: tuple[Any, ...], choice: Choice, formula: _Formula, slopes: Sequence[Any]) -> torch.Tensor:
    """Run the compiled pass on checked tensors, gradients by side into `slopes` or nowhere; return the loss."""
    first = tensors[0]
    dtype = wide(first.dtype)
    scores = [None if tensor is None else contiguous(tensor) for tensor in tensors[:4]]
    if not formula.row.has_reference:
        scores[2:] = None, None
    extras = tensors[4:] if tensors[4:] == _NO_EXTRAS else _extras(tensors[4:], dtype, choice.kind)
    losses = _scratch(first, dtype) if choice.reduction == "none" else None
    size, divisor = first.numel(), _divisor(tensors, choice)
    settings: dict[str, Any] = {
        "storage": storage_of(first.dtype),
        "wide": dtype is torch.float64,
        "size": size,
        "factor": 1.0 / divisor,
        "lengths_first": choice.kind == PREFERENCE and not formula.row.has_reference,
    }
    if size and _cuda.is_there(first):
        given = (
            Inputs._make([*scores, *extras]),
            Outputs._make([losses, *slopes, *[None] * (5 - len(slopes))]),
        )
        reduced = _cuda.evaluate(formula.loss, *given, divisor=divisor, **settings)
        return reduced if losses is None else losses
    total = _compiled.evaluate(
        formula.loss,
        Inputs._make(map(address, (*scores, *extras))),
        Outputs(address(losses), *map(address, slopes)),
        **settings,
    ).loss
    if losses is not None:
        return losses
    if choice.reduction == "mean":
        total = total / size if size else torch.nan
    return torch.scalar_tensor(total, dtype=dtype, device=first.device)


def _scratch(first: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a contiguous tensor of the shape of `first` to write into."""
    return torch.empty_like(first, dtype=dtype, memory_format=torch.contiguous_format, requires_grad=False)


def evaluate(tensors: tuple[Any, ...], choice: Choice, *, gradients: bool = True) -> tuple[torch.Tensor, list[Any]]:
    """Check the call and run the compiled pass on plain tensors; return the loss and the gradients by side."""
    formula = _check(tensors, choice)
    first = tensors[0]
    slopes = [_scratch(first, wide(first.dtype)) for _ in range(_sides(tensors))] if gradients else []
    return _evaluate(tensors, choice, formula, slopes), slopes


def _stacked(tensors: tuple[Any, ...], choice: Choice) -> tuple[torch.Tensor, torch.Tensor]:
    """As `evaluate`, gradients stacked."""
    formula = _check(tensors, choice)
    first = tensors[0]
    slopes = first.new_empty((_sides(tensors), *first.shape), dtype=wide(first.dtype))
    return _evaluate(tensors, choice, formula, slopes.unbind()), slopes


def _extras(extras: tuple[Any, ...], dtype: torch.dtype, kind: str) -> list[torch.Tensor | None]:
    """Return lengths, weight and target in the computing dtype, or raise ValueError for a bad number."""
    tensors = [as_computed(tensor, dtype) for tensor in extras]
    for name, tensor in zip(_EXTRAS[:2], tensors, strict=False):
        if tensor is not None:
            refuse(~(tensor > 0), tensor, name, "is not a positive number of tokens")
    target = tensors[-1]
    if target is not None and kind == UNPAIRED:
        refuse((target != 0) & (target != 1), target, "desirable", "is neither true nor false")
    elif target is not None:
        refuse(~((target >= 0) & (target <= 1)), target, "target", "is not in [0, 1]")
    return tensors


def _curvatures(tensors: tuple[Any, ...], choice: Choice) -> torch.Tensor:
    """Return second derivatives of the reduced loss by (chosen, chosen), (chosen, rejected), (rejected, rejected)."""
    formula = _check(tensors, choice)
    if not formula.row.has_reference:
        tensors = (*tensors[:2], None, None, *tensors[4:])
    lengths_first = choice.kind == PREFERENCE and not formula.row.has_reference
    return curvatures(formula.loss, tensors, lengths_first=lengths_first) / _divisor(tensors, choice)


# ---- the operators ----

_SCHEMA = (
    "(Tensor chosen, Tensor? rejected, Tensor? ref_chosen, Tensor? ref_rejected, Tensor? chosen_length, "
    "Tensor? rejected_length, Tensor? weight, Tensor? target, str[] words, float[] numbers)"
)
LIBRARY.define(f"pairs{_SCHEMA} -> (Tensor, Tensor)", tags=[torch.Tag.pt2_compliant_tag])
LIBRARY.define(f"pairs_curvature{_SCHEMA} -> Tensor", tags=[torch.Tag.pt2_compliant_tag])


def _split(arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], Choice]:
    return arguments[:_TENSORS], _unpacked(*map(tuple, arguments[_TENSORS:]))


def _pairs_on_device(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
    _dispatch.took(_dispatch.OPERATOR)
    return _stacked(*_split(arguments))


def _pairs_fake(*arguments: Any) -> tuple[torch.Tensor, ...]:
    tensors, choice = _split(arguments)
    _check(tensors, choice)
    first, sides = tensors[0], _sides(tensors)
    dtype = wide(first.dtype)
    return (
        first.new_empty(first.shape if choice.reduction == "none" else (), dtype=dtype),
        first.new_empty((sides, *first.shape), dtype=dtype),
    )


def _curvature_fake(*arguments: Any) -> torch.Tensor:
    tensors, _ = _split(arguments)
    first = tensors[0]
    return first.new_empty((3 if _sides(tensors) == 2 else 1, *first.shape), dtype=wide(first.dtype))


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    tensors, ctx.choice = _split(inputs)
    ctx.save_for_backward(*tensors, output[1])
    ctx.set_materialize_grads(False)


class _Joined(torch.autograd.Function):
    """The operator in a graph: what ``register_autograd`` would make, at a third of its cost per call."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[torch.Tensor, ...]:
        output = _below_autograd(arguments)
        _setup(ctx, arguments, output)
        return output

    @staticmethod
    def backward(ctx: Any, *of_outputs: Any) -> tuple[Any, ...]:
        return _backward(ctx, *of_outputs)


def _below_autograd(arguments: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    with torch._C._AutoDispatchBelowAutograd():
        output: tuple[torch.Tensor, ...] = torch.ops.alignment_fast.pairs.default(*arguments)
    return output


def _joined(arguments: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    if _dispatch.wants_gradient(arguments[:_TENSORS]):
        joined: tuple[torch.Tensor, ...] = _Joined.apply(*arguments)
        return joined
    return _below_autograd(arguments)


def _backward(ctx: Any, of_loss: Any, of_gradients: Any) -> tuple[Any, ...]:
    *tensors, gradients = ctx.saved_tensors  # an output: it carries the graph of the second derivative
    sides: list[Any] = [None] * 2
    if of_loss is not None:
        sides[: len(gradients)] = (gradients * of_loss).unbind()
    if of_gradients is not None:
        second = _second(tensors, ctx.choice)
        for side, change in enumerate(_times_hessian(second, of_gradients)):
            sides[side] = change if sides[side] is None else sides[side] + change
    return _of_inputs(tuple(tensors), ctx.choice, sides, ctx.needs_input_grad)


def _times_hessian(second: torch.Tensor, vector: torch.Tensor) -> tuple[torch.Tensor, ...]:
    if len(second) == 1:
        return (second[0] * vector[0],)
    return second[0] * vector[0] + second[1] * vector[1], second[1] * vector[0] + second[2] * vector[1]


def _of_inputs(tensors: tuple[Any, ...], choice: Choice, sides: list[Any], needed: tuple[bool, ...]) -> tuple[Any, ...]:
    """Return the gradients of the arguments from those of both sides: log-ratios are differences."""
    has_reference = _formula(choice).row.has_reference
    gradients: list[Any] = [None] * len(needed)
    for k in range(4):
        of_side = sides[k % 2]
        if needed[k] and of_side is not None and (k < 2 or has_reference):
            gradients[k] = narrowed(of_side if k < 2 else -of_side, tensors[k].dtype)
    return tuple(gradients)


def _no_third(ctx: Any, *_: Any) -> Any:
    raise NotImplementedError("preference losses have first and second derivatives here, no third ones")


implement("pairs", _pairs_on_device)
implement("pairs_curvature", lambda *arguments: _curvatures(*_split(arguments)))
torch.library.register_fake("alignment_fast::pairs", _pairs_fake, lib=LIBRARY)
torch.library.register_fake("alignment_fast::pairs_curvature", _curvature_fake, lib=LIBRARY)
LIBRARY.impl("pairs", lambda *arguments: _joined(arguments), "Autograd")
torch.library.register_autograd("alignment_fast::pairs_curvature", _no_third, lib=LIBRARY)


# ---- batching, for the operator and for torch.func alike ----


def _batched(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    """Return the outputs of `batch` calls, batched in their first axis: losses by pair, then the reduction."""
    tensors, choice = _split(arguments)
    moved = _batching.moved(batch, tensors, in_dims[:_TENSORS])
    loss, gradients = apply(*moved, *choice._replace(reduction="none").packed())
    gradients = gradients.movedim(0, 1)
    if choice.reduction != "none":
        loss = loss.reshape(batch, -1)
        if choice.reduction == "mean":
            gradients = gradients / max(1, loss.shape[1])
        loss = loss.mean(1) if choice.reduction == "mean" else loss.sum(1)
    return (loss, gradients), (0, 0)


def _vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
    return _batched(torch.ops.alignment_fast.pairs, info.batch_size, in_dims, arguments)


def _vmap_curvature(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
    return _batched_curvature(torch.ops.alignment_fast.pairs_curvature, info.batch_size, in_dims, arguments)


def _batched_curvature(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    tensors, choice = _split(arguments)
    moved = _batching.moved(batch, tensors, in_dims[:_TENSORS])
    second = apply(*moved, *choice._replace(reduction="none").packed())
    if choice.reduction == "mean":
        second = second * batch / max(1, second[0].numel())
    return second.movedim(0, 1), 0


torch.library.register_vmap("alignment_fast::pairs", _vmap, lib=LIBRARY)
torch.library.register_vmap("alignment_fast::pairs_curvature", _vmap_curvature, lib=LIBRARY)


class _Second(torch.autograd.Function):
    """Second derivatives for ``torch.func``; an error where somebody asks for their own."""

    @staticmethod
    def forward(*arguments: Any) -> torch.Tensor:
        return _curvatures(*_split(arguments))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        pass

    backward = staticmethod(_no_third)
    jvp = staticmethod(_no_third)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched_curvature(_Second.apply, info.batch_size, in_dims, arguments)


def _second(tensors: Any, choice: Choice) -> torch.Tensor:
    route = _dispatch.choose(tensors)
    apply = _Second.apply if route == _dispatch.TRANSFORM else torch.ops.alignment_fast.pairs_curvature
    second: torch.Tensor = apply(*tensors, *choice.packed())
    return second


class _Transformed(torch.autograd.Function):
    """The operator for ``torch.func``, which takes functions with ``setup_context`` only; and forward mode."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[torch.Tensor, ...]:
        tensors, choice = _split(arguments)
        _dispatch.took(_dispatch.TRANSFORM)
        return _stacked(tensors, choice)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        _setup(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:_TENSORS], output[1])

    @staticmethod
    def backward(ctx: Any, *of_outputs: Any) -> tuple[Any, ...]:
        return _backward(ctx, *of_outputs)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Any, ...]:
        _dispatch.refuse_nested_forward_mode()
        *tensors, gradients = ctx.saved_tensors
        moves = _of_sides(tangents, len(gradients), _formula(ctx.choice).row.has_reference)
        change = (gradients * torch.stack(moves)).sum(0)
        second = _second(tensors, ctx.choice)
        of_gradients = torch.stack(_times_hessian(second, torch.stack(moves)))
        return change if ctx.choice.reduction == "none" else change.sum(), of_gradients

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched(_Transformed.apply, info.batch_size, in_dims, arguments)


def _of_sides(tangents: tuple[Any, ...], sides: int, has_reference: bool) -> list[torch.Tensor]:
    """Return the change of each side's log-ratio from the tangents of the inputs."""
    moves: list[Any] = []
    for side in range(sides):
        own, reference = tangents[side], tangents[2 + side] if has_reference else None
        known = own if own is not None else reference
        zero = torch.zeros_like(next(t for t in tangents[:4] if t is not None)) if known is None else None
        move = zero if known is None else (own if own is not None else 0) - (reference if reference is not None else 0)
        moves.append(move)
    return moves


class _Direct(torch.autograd.Function):
    """Joins a finished pass to the graph; asked for a graph of the gradient, it goes through the operator."""

    @staticmethod
    def forward(ctx: Any, done: tuple[Any, ...], choice: Choice, extras: tuple[Any, ...], *scores: Any) -> Any:
        ctx.save_for_backward(*scores, *extras)
        loss, ctx.gradients = done
        ctx.choice = choice
        return loss

    @staticmethod
    def backward(ctx: Any, of_loss: torch.Tensor) -> tuple[Any, ...]:
        tensors = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            gradients = torch.ops.alignment_fast.pairs(*tensors, *ctx.choice.packed())[1].unbind()
        else:
            # Given away: autograd may keep it as somebody's .grad and add to it. A second backward computes it anew.
            gradients, ctx.gradients = ctx.gradients, None
            if gradients is None:
                gradients = evaluate(tensors, ctx.choice)[1]
        if of_loss.ndim or of_loss.requires_grad or float(of_loss) != 1.0:
            gradients = [gradient * of_loss for gradient in gradients]
        sides = [gradients[0], gradients[1] if len(gradients) > 1 else None]
        return None, None, None, *_of_inputs(tensors, ctx.choice, sides, ctx.needs_input_grad[3:])


def pairs(tensors: tuple[Any, ...], choice: Choice) -> torch.Tensor:
    """Return the loss, by the route that the call has to take."""
    if torch.compiler.is_compiling():
        return _by_operator(tensors, choice)
    route = _dispatch.choose(tensors)
    if route == _dispatch.OPERATOR:
        return _by_operator(tensors, choice)
    if route == _dispatch.TRANSFORM:
        _check(tensors, choice)
        transformed: torch.Tensor = _Transformed.apply(*tensors, *choice.packed())[0]
        return transformed
    _dispatch.took(_dispatch.DIRECT)
    if not _dispatch.wants_gradient(tensors):
        return evaluate(tensors, choice, gradients=False)[0]
    loss: torch.Tensor = _Direct.apply(evaluate(tensors, choice), choice, tensors[4:], *tensors[:4])
    return loss


def _by_operator(tensors: tuple[Any, ...], choice: Choice) -> torch.Tensor:
    loss: torch.Tensor = torch.ops.alignment_fast.pairs(*tensors, *choice.packed())[0]
    return loss
