"""Log-probabilities of token sequences from logits, differentiable."""

from __future__ import annotations

from typing import Any

import torch

from alignment_fast.interop.torch import _batching, _compiled, _cuda, _dispatch
from alignment_fast.interop.torch._library import LIBRARY, implement
from alignment_fast.interop.torch._tensors import require_floating, saturated, wide
from alignment_fast.interop.torch._tokens import IGNORED, as_rows, checked_ids, masked_ids
from alignment_fast.interop.torch._vocabulary import Upstream, of_logits, through_logits

__all__ = ["sequence_logprobs"]


def sequence_logprobs(
    logits: torch.Tensor,
    ids: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    average: bool = False,
    entropy: bool = False,
) -> Any:
    r"""Return log-probabilities of token sequences, :math:`\sum_t m_t (z_{t, y_t} - \log\sum_v e^{z_{t,v}})`.

    Nothing of the logits' size is made forward; backward their gradient alone.

    Parameters
    ----------
    logits : tensor (..., T, V)
        Unnormalised log-probabilities on the CPU or a CUDA device, those at place t for token t (shift them by a view);
        float64, float32, bfloat16 or float16, of any strides (on a device a sequence is copied where it has gaps).
    ids : tensor of int (..., T)
        Tokens y. -100 counts as masked.
    mask : tensor of bool (..., T), optional
        Which tokens count. Default: all.
    average : bool, default False
        Whether to divide by the number of tokens that count.
    entropy : bool, default False
        Whether to return the sums (or means) of the tokens' entropies too.

    Returns
    -------
    tensor (...), or two of them with `entropy`
        float32, of float64 logits float64.

    Raises
    ------
    IndexError
        For a token id outside of 0..V−1 that counts.
    ValueError
        For shapes that do not fit.
    TypeError
        For logits that are no floating-point tensor, ids that are not integers.
    NotImplementedError
        In a second derivative with `entropy`, and in a third one.

    Notes
    -----
    Accuracy as `alignment_fast.pairwise.sequence_logprobs`. A sequence without tokens has the average NaN. The second
    derivative of log-probabilities is made of PyTorch's own operations. Reference: arXiv:1805.02867.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import sequence_logprobs
    >>> logits = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]).log().requires_grad_()
    >>> sequence_logprobs(logits, torch.tensor([0, 2])).backward()
    >>> logits.grad[0]
    tensor([ 0.5000, -0.2500, -0.2500])

    """
    require_floating(logits, "logits")
    if logits.ndim < 2 or logits.shape[-1] == 0:
        raise ValueError(f"logits of shape {tuple(logits.shape)} have no axes (T, V) of tokens and letters")
    tokens = masked_ids(ids, mask, logits.shape[:-1])
    if tokens.device != logits.device:
        raise ValueError(f"ids is on {tokens.device} and logits on {logits.device}")
    log_p, entropies = _apply(logits, tokens, entropy)[:2]
    results = [values.sum(-1) for values in ((log_p, entropies) if entropy else (log_p,))]
    if average:
        counts = (tokens != IGNORED).sum(-1)
        results = [total / counts for total in results]
    return tuple(results) if entropy else results[0]


def _apply(*arguments: Any) -> tuple[torch.Tensor, ...]:
    if torch.compiler.is_compiling():
        return tuple(torch.ops.alignment_fast.token_logprobs(*arguments))
    route = _dispatch.choose(arguments[:2])
    if route == _dispatch.OPERATOR:
        return tuple(torch.ops.alignment_fast.token_logprobs(*arguments))
    _dispatch.took(route)
    found: tuple[torch.Tensor, ...] = _Tokens.apply(*arguments)
    return found


# ---- on plain tensors ----


def _forward(logits: Any, ids: Any, entropy: bool) -> tuple[torch.Tensor, ...]:
    """Return log-probability, entropy (empty where not asked for) and log Σ e^z of every token; zero where masked."""
    rows, tokens = as_rows(logits.detach()), checked_ids(ids, logits.shape[-1])
    if entropy or _cuda.is_there(rows):
        log_p, entropies, log_partition = of_logits(rows, tokens, entropy)
    else:
        log_p, log_partition = _compiled.token_logprobs(rows, tokens)
    if not entropy:
        entropies = log_p.new_empty(0)
    dtype, shape, off = wide(logits.dtype), logits.shape[:-1], tokens < 0
    return (
        log_p.to(dtype).reshape(shape),
        entropies.masked_fill(off, 0.0).to(dtype).reshape(shape) if entropy else entropies.to(dtype),
        log_partition.masked_fill(off, 0.0).reshape(shape),
    )


def _backward(
    logits: Any, ids: Any, log_partition: Any, entropies: Any, of_log_p: Any, of_entropy: Any
) -> torch.Tensor:
    """Return the gradient by the logits, contiguous and in their dtype."""
    rows, tokens = as_rows(logits.detach()), checked_ids(ids, logits.shape[-1])
    columns: list[Any] = [
        None if tensor is None or tensor.numel() != len(tokens) else tensor.detach().double().reshape(-1).contiguous()
        for tensor in (of_log_p, of_entropy, log_partition, entropies)
    ]
    factor = torch.zeros_like(columns[2]) if columns[0] is None else columns[0]
    out = torch.empty_like(rows, memory_format=torch.contiguous_format)
    if _cuda.is_there(rows):
        entropy = columns[3] if columns[1] is not None else None
        through_logits(rows, tokens, Upstream(factor, columns[1], columns[2], entropy), out)
    elif columns[1] is None:
        _compiled.logit_gradients(rows, tokens, columns[2], factor, out)
    else:
        through_logits(rows, tokens, Upstream(factor, *columns[1:]), out)
    return saturated(out, out.dtype).reshape(logits.shape)


# ---- joined to the graph ----


def _saved(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:2], output[2], output[1])
    ctx.mark_non_differentiable(output[2])
    ctx.set_materialize_grads(False)


def _gradients_of(ctx: Any, apply: Any, of_log_p: Any, of_entropy: Any) -> tuple[Any, ...]:
    logits, ids, log_partition, entropies = ctx.saved_tensors
    of_entropy = of_entropy if entropies.numel() else None
    if of_log_p is None and of_entropy is None:
        return None, None, None
    return apply(logits, ids, log_partition, entropies.detach(), of_log_p, of_entropy), None, None


def _saved_gradient(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    logits, ids, log_partition, _, of_log_p, of_entropy = inputs
    ctx.save_for_backward(logits, ids, log_partition, of_log_p)
    ctx.has_entropy = of_entropy is not None


def _second(ctx: Any, vector: torch.Tensor) -> tuple[Any, ...]:
    """Return the derivatives of ⟨v, g (1[y] - p)⟩ by the logits and by g."""
    if ctx.has_entropy:
        raise NotImplementedError("entropies have first derivatives, no second ones")
    logits, ids, log_partition, of_log_p = ctx.saved_tensors
    p, mean, hit = _moments(logits, ids, log_partition, vector)
    by_factor = (hit - mean).squeeze(-1).to(of_log_p.dtype)
    by_logits = (-of_log_p[..., None] * p * (vector.to(p.dtype) - mean)).to(logits.dtype)
    return by_logits, None, None, None, by_factor, None


def _moments(logits: Any, ids: Any, log_partition: Any, vector: Any) -> tuple[torch.Tensor, ...]:
    """Return p, ⟨p, v⟩ and v_y, zero where masked: the derivatives of ⟨v, g (1[y] - p)⟩ are made of them."""
    on = (ids != IGNORED)[..., None]
    p = torch.where(on, _Probabilities.apply(logits, log_partition), 0.0)
    vector = vector.to(p.dtype)
    hit = torch.where(on, vector.gather(-1, ids.clamp(min=0)[..., None]), 0.0)
    return p, (p * vector).sum(-1, keepdim=True), hit


class _Probabilities(torch.autograd.Function):
    """Probabilities of letters; log Σ e^z is a constant here, so that their derivative is an error."""

    generate_vmap_rule = True  # for Hessians by torch.func

    @staticmethod
    def forward(logits: torch.Tensor, log_partition: torch.Tensor) -> torch.Tensor:
        return (logits.to(log_partition.dtype) - log_partition[..., None]).exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise NotImplementedError("sequence_logprobs has first and second derivatives, no third ones")


class _Gradient(torch.autograd.Function):
    @staticmethod
    def forward(*arguments: Any) -> torch.Tensor:
        return _backward(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        _saved_gradient(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:3], inputs[4])

    backward = staticmethod(_second)

    @staticmethod
    def jvp(ctx: Any, by_logits: Any, _ids: Any, _partition: Any, _entropies: Any, by_factor: Any, _: Any) -> Any:
        """Hessians are symmetric: along a tangent of the logits it is what `_second` gives for that vector."""
        logits, ids, log_partition = ctx.saved_tensors[:3]
        found = torch.zeros_like(logits)
        if by_logits is not None:
            found = found + _second(ctx, by_logits)[0]
        if by_factor is not None:
            found = found + _Gradient.apply(logits, ids, log_partition, log_partition[:0], by_factor, None)
        return found

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched_gradient(_Gradient.apply, info.batch_size, in_dims, arguments)


class _Tokens(torch.autograd.Function):
    """The pass outside of graphs, for eager mode and ``torch.func`` alike."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[torch.Tensor, ...]:
        return _forward(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        _saved(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2], output[2], output[1])

    @staticmethod
    def backward(ctx: Any, of_log_p: Any, of_entropy: Any, _: Any) -> tuple[Any, ...]:
        return _gradients_of(ctx, _Gradient.apply, of_log_p, of_entropy)

    @staticmethod
    def jvp(ctx: Any, move: torch.Tensor, *_: Any) -> tuple[Any, ...]:
        """Along v: v_y - ⟨p, v⟩, and of entropies ⟨gradient, v⟩."""
        logits, ids, log_partition, entropies = ctx.saved_tensors
        mean, hit = _moments(logits, ids, log_partition, move)[1:]
        dtype = wide(logits.dtype)
        of_entropy = torch.zeros_like(entropies)
        if entropies.numel():
            ones = torch.ones_like(entropies)
            slope = _Gradient.apply(logits, ids, log_partition, entropies, None, ones)
            of_entropy = (slope * move).sum(-1, dtype=dtype)
        return (hit - mean).squeeze(-1).to(dtype), of_entropy, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched(_Tokens.apply, info.batch_size, in_dims, arguments)


# ---- batches: one axis more ----


def _batched(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    logits, ids, entropy = arguments
    found = apply(*_batching.moved(batch, (logits, ids), in_dims[:2]), entropy)
    return found, (0, 0 if entropy else None, 0)


def _batched_gradient(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    return apply(*_batching.moved(batch, arguments, in_dims)), 0


# ---- the operator ----

LIBRARY.define(
    "token_logprobs(Tensor logits, Tensor ids, bool entropy) -> (Tensor, Tensor, Tensor)",
    tags=[torch.Tag.pt2_compliant_tag],
)
LIBRARY.define(
    "token_logprobs_grad(Tensor logits, Tensor ids, Tensor log_partition, Tensor entropies, Tensor? of_log_p, "
    "Tensor? of_entropy) -> Tensor",
    tags=[torch.Tag.pt2_compliant_tag],
)


def _on_device(*arguments: Any) -> tuple[torch.Tensor, ...]:
    _dispatch.took(_dispatch.OPERATOR)
    return _forward(*arguments)


def _fake(logits: Any, ids: Any, entropy: bool) -> tuple[torch.Tensor, ...]:
    dtype, shape = wide(logits.dtype), logits.shape[:-1]
    return (
        logits.new_empty(shape, dtype=dtype),
        logits.new_empty(shape if entropy else 0, dtype=dtype),
        logits.new_empty(shape, dtype=torch.float64),
    )


def _graph_backward(ctx: Any, of_log_p: Any, of_entropy: Any, _: Any) -> tuple[Any, ...]:
    return _gradients_of(ctx, torch.ops.alignment_fast.token_logprobs_grad, of_log_p, of_entropy)


implement("token_logprobs", _on_device)
implement("token_logprobs_grad", _backward)
torch.library.register_fake("alignment_fast::token_logprobs", _fake, lib=LIBRARY)
torch.library.register_fake(
    "alignment_fast::token_logprobs_grad", lambda logits, *_: logits.new_empty(logits.shape), lib=LIBRARY
)
torch.library.register_autograd("alignment_fast::token_logprobs", _graph_backward, setup_context=_saved, lib=LIBRARY)
torch.library.register_autograd(
    "alignment_fast::token_logprobs_grad", _second, setup_context=_saved_gradient, lib=LIBRARY
)
torch.library.register_vmap(
    "alignment_fast::token_logprobs",
    lambda info, in_dims, *arguments: _batched(
        torch.ops.alignment_fast.token_logprobs, info.batch_size, in_dims, arguments
    ),
    lib=LIBRARY,
)
torch.library.register_vmap(
    "alignment_fast::token_logprobs_grad",
    lambda info, in_dims, *arguments: _batched_gradient(
        torch.ops.alignment_fast.token_logprobs_grad, info.batch_size, in_dims, arguments
    ),
    lib=LIBRARY,
)
