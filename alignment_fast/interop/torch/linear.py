"""Log-probabilities and entropies of tokens from hidden states, differentiable, without the logits."""

from __future__ import annotations

from math import inf
from typing import Any

import torch

from alignment_fast.interop.torch import _batching, _dispatch
from alignment_fast.interop.torch._library import LIBRARY, implement
from alignment_fast.interop.torch._scratch import Mark
from alignment_fast.interop.torch._tensors import narrowed, require_floating, require_tensor, wide
from alignment_fast.interop.torch._tokens import checked_ids, masked_ids
from alignment_fast.interop.torch._vocabulary import Found, Head, Upstream, changes, frozen, gradients, statistics
from alignment_fast.pairwise._number import number

__all__ = ["linear_logprobs"]

# What else the pass over the logits gives, in the order of the operator's last result.
STATISTICS = ("entropy", "log_square", "mean_logit", "top_id")


def linear_logprobs(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    ids: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    bias: torch.Tensor | None = None,
    entropy: bool = False,
    frozen_head: bool = False,
    temperature: float = 1.0,
    softcap: float | None = None,
    scale: float = 1.0,
) -> Any:
    r"""Return log-probabilities of tokens under logits :math:`z = W h + b`, which never exist as a whole.

    :math:`z_{t, y_t} - \log\sum_v e^{z_{t,v}}`, and with `entropy` also :math:`-\sum_v p_{t,v} \log p_{t,v}`; gradients
    are exact. Logits are those of the models that trainers load: softcap · tanh(scale · z / softcap) / temperature.

    Parameters
    ----------
    hidden : tensor (..., T, H)
        Hidden states h on the CPU or a CUDA device, each of the place that predicts its token.
    weight : tensor (V, H)
        Rows of the output layer W, one per letter. float64, float32, bfloat16 or float16, as `hidden`; 16-bit ones are
        widened tile by tile and all products are in float32.
    ids : tensor of int (..., T)
        Tokens y; -100 counts as masked.
    mask : tensor of bool (..., T), optional
        Which tokens count. Default: all. Nothing is computed for the others.
    bias : tensor (V,), optional
        Bias b.
    entropy : bool, default False
        Whether to return entropies too, differentiable as well.
    frozen_head : bool, default False
        Whether neither `weight` nor `bias` is trained (LoRA, frozen embeddings). Then two products are enough, both in
        the forward pass; with `entropy` three.
    temperature, scale : float, default 1
        Divisor of the logits, and factor of the products.
    softcap : float, optional
        Bound of the logits before the temperature.

    Returns
    -------
    tensor (..., T), or two of them with `entropy`
        float32, of float64 input float64; zero where masked.

    Raises
    ------
    IndexError
        For a token id outside of 0..V−1 that counts.
    ValueError
        For shapes that do not fit, and parameters that are not positive.
    TypeError
        For dtypes that differ, except under autocast; for `frozen_head` with a weight or bias that requires grad.
    NotImplementedError
        In a second derivative.

    Notes
    -----
    Safe under ``torch.compile(fullgraph=True)``, ``torch.func`` with ``vmap``, forward mode, autocast, checkpointing.
    Products are PyTorch's own. Four of n V H operations (n tokens that count) for a trained head, by tiles of at least
    512 letters; two for a frozen one, by chunks of at least 128 tokens. Beside results and gradients a trained head
    takes at most 64 MiB, which hold tiles of logits for the backward pass: as many as are still there when it comes
    need not be made again, and of a batch whose logits fit in all of them three products are enough. A frozen head
    takes a chunk of logits, 32 MiB or 128 rows, and 8 MiB for each of these: the entropy's gradient, `softcap`, a
    weight that is widened. Kept for the next call: of each dtype of products 64 MiB, and 16 MiB of passes without
    gradients. Accuracy as `alignment_fast.pairwise.sequence_logprobs` for exact products. References:
    arXiv:1805.02867; Wijmans et al., "Cut your losses in large-vocabulary language models", arXiv:2411.09009.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import linear_logprobs
    >>> weight = torch.tensor([[0.5, 0.1], [0.25, 0.2], [0.25, 0.7]]).log().requires_grad_()
    >>> log_p, entropy = linear_logprobs(torch.eye(2), weight, torch.tensor([0, 2]), entropy=True)
    >>> log_p.sum().backward()
    >>> log_p.detach(), weight.grad[0]
    (tensor([-0.6931, -0.3567]), tensor([ 0.5000, -0.1000]))

    """
    shape = _check(hidden, weight, ids, bias, frozen_head)
    tokens = masked_ids(ids, mask, shape).reshape(-1)
    numbers = [number(scale, "scale"), number(temperature, "temperature"), number(softcap, "softcap") or 0.0]
    if not all(0.0 < value < inf for value in numbers[:2]) or not 0.0 <= numbers[2] < inf:
        raise ValueError(f"scale, temperature and softcap must be positive: {scale}, {temperature}, {softcap}")
    arguments = (hidden.reshape(-1, hidden.shape[-1]), weight, bias, tokens, numbers, entropy, frozen_head, False)
    log_p, entropies = _apply(arguments)[:2]
    log_p = log_p.reshape(shape)
    return (log_p, entropies.reshape(shape)) if entropy else log_p


def logprobs_and_statistics(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    ids: torch.Tensor,
    numbers: list[float],
    entropy: bool,
    frozen_head: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return log-probabilities (N,), entropies (empty unless asked for) and `STATISTICS`, which have no graph.

    `numbers` are scale, temperature and softcap, 0 for none; hidden states are (N, H).
    """
    log_p, entropies, *_, statistics = _apply((hidden, weight, bias, ids, numbers, entropy, frozen_head, True))
    return log_p, entropies, statistics


def _check(hidden: Any, weight: Any, ids: Any, bias: Any, frozen_head: bool) -> torch.Size:
    """Return the shape of the tokens, or raise an error that names the argument at fault."""
    require_floating(hidden, "hidden")
    require_floating(weight, "weight")
    require_tensor(ids, "ids")
    others = {"weight": weight, "ids": ids}
    if bias is not None:
        require_floating(bias, "bias")
        others["bias"] = bias
    for name, tensor in others.items():
        if tensor.device != hidden.device:
            raise ValueError(f"{name} is on {tensor.device} and hidden on {hidden.device}")
        if frozen_head and tensor.requires_grad:
            raise TypeError(f"{name} requires grad, and with frozen_head it is a constant: pass {name}.detach()")
    if hidden.ndim < 2 or weight.ndim != 2 or hidden.shape[-1] != weight.shape[1] or len(weight) == 0:
        raise ValueError(
            f"hidden of shape {tuple(hidden.shape)} and weight of shape {tuple(weight.shape)} are not (..., T, H) and "
            "(V, H)"
        )
    if hidden.dtype != weight.dtype and (
        not torch.is_autocast_enabled(hidden.device.type) or wide(hidden.dtype) != wide(weight.dtype)
    ):
        raise TypeError(f"weight is {weight.dtype} and hidden is {hidden.dtype}: give both in one dtype")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias of shape {tuple(bias.shape)} does not fit weight of shape {tuple(weight.shape)}")
    return hidden.shape[:-1]


def _apply(arguments: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    if torch.compiler.is_compiling():
        return tuple(torch.ops.alignment_fast.linear_logprobs(*arguments))
    route = _dispatch.choose(arguments[:4])
    if route == _dispatch.OPERATOR:
        return tuple(torch.ops.alignment_fast.linear_logprobs(*arguments))
    _dispatch.took(route)
    differentiated = route == _dispatch.TRANSFORM or _dispatch.wants_gradient(arguments[:1])
    found: tuple[torch.Tensor, ...] = _Linear.apply(*arguments, differentiated)
    return found


# ---- on plain tensors ----


def _prepared(hidden: Any, weight: Any, bias: Any, numbers: Any) -> tuple[torch.Tensor, Head]:
    scale, temperature, softcap = numbers
    head = Head(weight.detach(), None if bias is None else bias.detach(), scale, softcap or None, temperature)
    return hidden.detach().to(head.dtype), head


def _rows(tokens: torch.Tensor) -> torch.Tensor | None:
    """Return the rows whose token counts; None for all."""
    counting = tokens >= 0
    return None if counting.all() else counting.nonzero()[:, 0]


def _spread(values: torch.Tensor, rows: torch.Tensor | None, count: int, dtype: torch.dtype) -> torch.Tensor:
    """Return values of `rows` as a tensor over all rows, zero elsewhere."""
    values = values.to(dtype)
    if rows is None:
        return values
    out = values.new_zeros((count, *values.shape[1:]))
    out[rows] = values
    return out


def _forward(
    hidden: Any,
    weight: Any,
    bias: Any,
    ids: Any,
    numbers: Any,
    entropy: bool,
    frozen_head: bool,
    more: bool,
    differentiated: bool,
) -> tuple[torch.Tensor, ...]:
    """Return log-probabilities, entropies, log Σ e^z, the gradients of a frozen head's, and `STATISTICS`."""
    states, head = _prepared(hidden, weight, bias, numbers)
    count, dtype = len(states), head.dtype
    tokens = checked_ids(ids, len(weight))
    rows = _rows(tokens)
    if rows is not None:
        states, tokens = states[rows], tokens[rows]
    slopes: list[Any] = [None, None]
    mark = Mark() if differentiated and not frozen_head else None
    if frozen_head and differentiated:
        found, *slopes = frozen(states, head, tokens, entropy=entropy, moments=more)
    else:
        found = statistics(states, head, tokens, moments=entropy or more, leaves=mark)
    empty = states.new_empty(0)
    log_partition = _spread(found.log_partition, rows, count, torch.float64)
    if mark is not None:
        mark.by = log_partition
    return (
        _spread(found.log_p, rows, count, dtype),
        _spread(found.entropy, rows, count, dtype) if entropy else empty,
        log_partition,
        empty.clone() if slopes[0] is None else _spread(slopes[0], rows, count, dtype),
        empty.clone() if slopes[1] is None else _spread(slopes[1], rows, count, dtype),
        _statistics(found, rows, count) if more else empty.double(),
    )


def _statistics(found: Found, rows: torch.Tensor | None, count: int) -> torch.Tensor:
    return torch.stack([_spread(getattr(found, name), rows, count, torch.float64) for name in STATISTICS])


def _upstream(log_partition: torch.Tensor, entropies: torch.Tensor, of_log_p: Any, of_entropy: Any) -> Upstream:
    """Return incoming gradients, None for none, in float64."""
    log_p = torch.zeros_like(log_partition) if of_log_p is None else of_log_p.detach().double()
    if of_entropy is None:
        return Upstream(log_p, None, log_partition, None)
    return Upstream(log_p, of_entropy.detach().double(), log_partition, entropies.detach().double())


def _backward(
    hidden: Any,
    weight: Any,
    bias: Any,
    ids: Any,
    numbers: Any,
    log_partition: Any,
    entropies: Any,
    of_log_p: Any,
    of_entropy: Any,
    wanted: tuple[bool, bool, bool],
) -> list[Any]:
    """Return the gradients of a trained head by hidden states, weight and bias, None where not `wanted`."""
    states, head = _prepared(hidden, weight, bias, numbers)
    tokens = checked_ids(ids, len(weight))
    rows = _rows(tokens)
    upstream = _upstream(log_partition.detach(), entropies, of_log_p, of_entropy)
    if rows is not None:
        states, tokens, upstream = states[rows], tokens[rows], upstream.at(rows)
    of_hidden, of_weight, of_bias = gradients(states, head, tokens, upstream, wanted, log_partition)
    if of_hidden is not None:
        of_hidden = narrowed(_spread(of_hidden, rows, len(hidden), head.dtype), hidden.dtype)
    return [of_hidden, of_weight, of_bias]


def _change(
    hidden: Any,
    weight: Any,
    bias: Any,
    ids: Any,
    numbers: Any,
    log_partition: Any,
    entropies: Any,
    *,
    tangents: tuple[Any, Any, Any],
    of_entropy: bool,
) -> torch.Tensor:
    """Return the derivatives of log-probabilities, or of entropies, along tangents."""
    states, head = _prepared(hidden, weight, bias, numbers)
    tokens = checked_ids(ids, len(weight))
    rows = _rows(tokens)
    ones = torch.ones_like(log_partition)
    upstream = _upstream(log_partition, entropies, *((None, ones) if of_entropy else (ones, None)))
    if rows is not None:
        states, tokens, upstream = states[rows], tokens[rows], upstream.at(rows)
        tangents = (None if tangents[0] is None else tangents[0][rows], *tangents[1:])
    return _spread(changes(states, head, tokens, upstream, tangents), rows, len(hidden), head.dtype)


def _of_frozen(hidden: Any, slopes: Any, of_log_p: Any, of_entropy: Any) -> torch.Tensor:
    """Return the gradient by the hidden states of a frozen head."""
    parts = [
        slope * upstream[:, None]
        for slope, upstream in zip(slopes, (of_log_p, of_entropy), strict=True)
        if upstream is not None
    ]
    return narrowed(sum(parts[1:], parts[0]), hidden.dtype)


def _all_gradients(
    hidden: Any,
    weight: Any,
    bias: Any,
    ids: Any,
    first: Any,
    second: Any,
    numbers: Any,
    of_log_p: Any,
    of_entropy: Any,
    wanted: Any,
    frozen_head: bool,
) -> tuple[torch.Tensor, ...]:
    """Return the gradients by hidden states, weight and bias, empty where not `wanted`.

    `first` and `second` are log Σ e^z and the entropies, of a frozen head the gradients of both results.
    """
    if frozen_head:
        found = [_of_frozen(hidden, (first, second), of_log_p, of_entropy), None, None]
    else:
        found = _backward(hidden, weight, bias, ids, numbers, first, second, of_log_p, of_entropy, tuple(wanted))
    return tuple(hidden.new_empty(0) if tensor is None else tensor for tensor in found)


# ---- joined to the graph ----


def _saved(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    hidden, weight, bias, ids, ctx.numbers, ctx.entropy, ctx.frozen = inputs[:7]
    log_partition, *slopes = output[2:5]
    kept = slopes if ctx.frozen else [log_partition, output[1]]
    ctx.save_for_backward(hidden, weight, bias, ids, *kept)
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)


def _gradients_of(ctx: Any, apply: Any, of_log_p: Any, of_entropy: Any) -> tuple[Any, ...]:
    others = len(ctx.needs_input_grad) - 3
    of_entropy = of_entropy if ctx.entropy else None
    if of_log_p is None and of_entropy is None:
        return (None,) * len(ctx.needs_input_grad)
    wanted = list(ctx.needs_input_grad[:3])
    found = apply(*ctx.saved_tensors, ctx.numbers, of_log_p, of_entropy, wanted, ctx.frozen)
    return *[tensor if want else None for tensor, want in zip(found, wanted, strict=True)], *[None] * others


def _no_second(ctx: Any, *_: Any) -> Any:
    raise NotImplementedError("linear_logprobs has first derivatives, no second ones")


class _Gradient(torch.autograd.Function):
    """The backward pass: a function of its own, so that its derivative is an error and not a wrong number."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[torch.Tensor, ...]:
        return _all_gradients(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        pass

    backward = staticmethod(_no_second)
    jvp = staticmethod(_no_second)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched_gradients(_Gradient.apply, info.batch_size, in_dims, arguments)


class _Linear(torch.autograd.Function):
    """The pass outside of graphs, for eager mode and ``torch.func`` alike."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[torch.Tensor, ...]:
        return _forward(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        _saved(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:4], output[1], *output[2:5])

    @staticmethod
    def backward(ctx: Any, of_log_p: Any, of_entropy: Any, *_: Any) -> tuple[Any, ...]:
        return _gradients_of(ctx, _Gradient.apply, of_log_p, of_entropy)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Any, ...]:
        hidden, weight, bias, ids, entropies, log_partition, *slopes = ctx.saved_tensors
        known = (hidden, weight, bias, ids, ctx.numbers, log_partition, entropies)
        found: list[Any] = []
        for of_entropy in (False, True) if ctx.entropy else (False,):
            if ctx.frozen:
                slope = slopes[of_entropy]
                found.append((slope * tangents[0].to(slope.dtype)).sum(1))
            else:
                found.append(_Change.apply(*known, *tangents[:3], of_entropy))
        return found[0], found[1] if ctx.entropy else torch.zeros_like(entropies), *[None] * 4

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched(_Linear.apply, info.batch_size, in_dims, arguments)


class _Change(torch.autograd.Function):
    """Forward mode of a trained head: an error where somebody asks for its derivative."""

    @staticmethod
    def forward(*arguments: Any) -> torch.Tensor:
        *known, by_hidden, by_weight, by_bias, of_entropy = arguments
        return _change(*known, tangents=(by_hidden, by_weight, by_bias), of_entropy=of_entropy)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        pass

    backward = staticmethod(_no_second)
    jvp = staticmethod(_no_second)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batching.one_by_one(_Change.apply, info.batch_size, in_dims, arguments)


# ---- batches ----


def _batched(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    """Return the results of `batch` calls: of one call on all their rows, unless weights differ."""
    if in_dims[1] is not None or in_dims[2] is not None:
        return _batching.one_by_one(apply, batch, in_dims, arguments)
    hidden, ids = _batching.moved(batch, (arguments[0], arguments[3]), (in_dims[0], in_dims[3]))
    found = apply(hidden.flatten(0, 1), *arguments[1:3], ids.flatten(), *arguments[4:])
    *by_row, statistics = found
    parted = [tensor.unflatten(0, (batch, -1)) if tensor.numel() else tensor for tensor in by_row]
    dims = [0 if tensor.numel() else None for tensor in by_row]
    if not statistics.numel():
        return (*parted, statistics), (*dims, None)
    return (*parted, statistics.unflatten(1, (batch, -1))), (*dims, 1)


def _batched_gradients(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    """Return the gradients of `batch` calls: those by hidden states of one call on all rows."""
    wanted = arguments[-2]
    if in_dims[1] is not None or in_dims[2] is not None or wanted[1] or wanted[2]:
        return _batching.one_by_one(apply, batch, in_dims, arguments)
    rows = (0, 3, 4, 5, 7, 8)  # what has one row per token
    moved = _batching.moved(batch, [arguments[k] for k in rows], [in_dims[k] for k in rows])
    flat = list(arguments)
    for k, tensor in zip(rows, moved, strict=True):
        flat[k] = None if tensor is None else tensor.flatten(0, 1)
    of_hidden, *others = apply(*flat)
    return (of_hidden.unflatten(0, (batch, -1)), *others), (0, None, None)


# ---- the operator ----

_ARGUMENTS = "Tensor hidden, Tensor weight, Tensor? bias, Tensor ids, float[] numbers"
LIBRARY.define(
    f"linear_logprobs({_ARGUMENTS}, bool entropy, bool frozen_head, bool more)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    tags=[torch.Tag.pt2_compliant_tag],
)
LIBRARY.define(
    "linear_logprobs_grad(Tensor hidden, Tensor weight, Tensor? bias, Tensor ids, Tensor first, Tensor second, "
    "float[] numbers, Tensor? of_log_p, Tensor? of_entropy, bool[] wanted, bool frozen_head)"
    " -> (Tensor, Tensor, Tensor)",
    tags=[torch.Tag.pt2_compliant_tag],
)


def _on_device(*arguments: Any) -> tuple[torch.Tensor, ...]:
    _dispatch.took(_dispatch.OPERATOR)
    return _forward(*(*arguments, True))


def _fake(
    hidden: Any, weight: Any, bias: Any, ids: Any, numbers: Any, entropy: bool, frozen_head: bool, more: bool
) -> tuple[torch.Tensor, ...]:
    count, dtype = len(hidden), wide(weight.dtype)
    slopes = [
        hidden.new_empty(hidden.shape if made else 0, dtype=dtype) for made in (frozen_head, frozen_head and entropy)
    ]
    return (
        hidden.new_empty(count, dtype=dtype),
        hidden.new_empty(count if entropy else 0, dtype=dtype),
        hidden.new_empty(count, dtype=torch.float64),
        *slopes,
        hidden.new_empty((len(STATISTICS), count) if more else 0, dtype=torch.float64),
    )


def _grad_fake(hidden: Any, weight: Any, bias: Any, *arguments: Any) -> tuple[torch.Tensor, ...]:
    wanted = arguments[-2]
    return tuple(
        tensor.new_empty(tensor.shape) if want and tensor is not None else hidden.new_empty(0)
        for tensor, want in zip((hidden, weight, bias), wanted, strict=True)
    )


def _graph_backward(ctx: Any, of_log_p: Any, of_entropy: Any, *_: Any) -> tuple[Any, ...]:
    return _gradients_of(ctx, torch.ops.alignment_fast.linear_logprobs_grad, of_log_p, of_entropy)


implement("linear_logprobs", _on_device)
implement("linear_logprobs_grad", _all_gradients)
torch.library.register_fake("alignment_fast::linear_logprobs", _fake, lib=LIBRARY)
torch.library.register_fake("alignment_fast::linear_logprobs_grad", _grad_fake, lib=LIBRARY)
torch.library.register_autograd("alignment_fast::linear_logprobs", _graph_backward, setup_context=_saved, lib=LIBRARY)
torch.library.register_autograd("alignment_fast::linear_logprobs_grad", _no_second, lib=LIBRARY)
torch.library.register_vmap(
    "alignment_fast::linear_logprobs",
    lambda info, in_dims, *arguments: _batched(
        torch.ops.alignment_fast.linear_logprobs, info.batch_size, in_dims, arguments
    ),
    lib=LIBRARY,
)
torch.library.register_vmap(
    "alignment_fast::linear_logprobs_grad",
    lambda info, in_dims, *arguments: _batched_gradients(
        torch.ops.alignment_fast.linear_logprobs_grad, info.batch_size, in_dims, arguments
    ),
    lib=LIBRARY,
)
