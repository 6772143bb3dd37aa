"""Cumulant generating functions and Rényi measures, differentiable by distributions, rewards and orders."""

from __future__ import annotations

from typing import Any

import torch

import alignment_fast.information as information
from alignment_fast.interop.torch import _batching, _cuda, _dispatch
from alignment_fast.interop.torch._library import LIBRARY, implement
from alignment_fast.interop.torch._tensors import narrowed, require_floating, wide

__all__ = ["log_mgf", "renyi_cross_entropy", "renyi_divergence", "renyi_entropy"]


def log_mgf(
    reward: torch.Tensor, t: torch.Tensor | float, *, p: torch.Tensor | None = None, log: bool = False
) -> torch.Tensor:
    r"""Return :math:`\log \sum_i p_i e^{t r_i}`, differentiable by the reward, t and p.

    Parameters
    ----------
    reward : tensor (..., V)
        Rewards.
    t : float or tensor
        Tilts, laid out as in `alignment_fast.information.log_mgf`. Beside rewards on a CUDA device they must be finite,
        and a tensor on the CPU will do: one on the device is waited for.
    p : tensor (..., V), optional
        Distribution; uniform by default.
    log : bool, default False
        Whether `p` holds log-probabilities. Where it does not, the derivative by a probability of zero is NaN.

    Returns
    -------
    tensor (..., [T])
        float32, of float64 input float64.

    Raises
    ------
    ValueError, TypeError
        As `alignment_fast.information.log_mgf`.
    NotImplementedError
        In a second derivative.

    Notes
    -----
    Derivatives are those of `alignment_fast.information.log_mgf_gradient`, and so are cost and accuracy.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import log_mgf
    >>> reward = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> log_mgf(reward, 2.0).backward()
    >>> reward.grad
    tensor([0.2384, 1.7616])

    """
    return _measure("log_mgf", {"reward": reward, "p": p}, t, "t", log)


def renyi_entropy(p: torch.Tensor, order: torch.Tensor | float, *, log: bool = False) -> torch.Tensor:
    r"""Return Rényi entropies :math:`\log \sum_i p_i^\alpha / (1 - \alpha)`, differentiable by p and the order.

    Parameters
    ----------
    p : tensor (..., V)
        Distributions, normalised here.
    order : float or tensor
        Orders α, laid out as in `alignment_fast.information.renyi_entropy`.
    log : bool, default False
        Whether `p` holds log-probabilities. Where it does not, the derivative by a probability of zero is NaN.

    Returns
    -------
    tensor (..., [T])
        float32, of float64 input float64.

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `log_mgf`.

    Notes
    -----
    Derivatives are those of `alignment_fast.information.renyi_entropy_gradient`.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import renyi_entropy
    >>> renyi_entropy(torch.tensor([0.5, 0.25, 0.25]), 2.0)
    tensor(0.9808)

    """
    return _measure("renyi_entropy", {"p": p, "q": None}, order, "order", log)


def renyi_divergence(
    p: torch.Tensor, q: torch.Tensor, order: torch.Tensor | float, *, log: bool = False
) -> torch.Tensor:
    r"""Return Rényi divergences of p from q (order 1: Kullback-Leibler), differentiable by p, q and the order.

    Parameters
    ----------
    p, q : tensor (..., V)
        Distributions, normalised here.
    order, log
        As in `renyi_entropy`.

    Returns
    -------
    tensor (..., [T])
        float32, of float64 input float64.

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `log_mgf`.

    Notes
    -----
    Derivatives are those of `alignment_fast.information.renyi_divergence_gradient`.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import renyi_divergence
    >>> renyi_divergence(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]), 1.0)
    tensor(0.1438)

    """
    return _measure("renyi_divergence", {"p": p, "q": q}, order, "order", log)


def renyi_cross_entropy(
    p: torch.Tensor,
    q: torch.Tensor,
    order: torch.Tensor | float,
    *,
    variant: str = "standard",
    log: bool = False,
) -> torch.Tensor:
    r"""Return Rényi cross-entropies of p and q, differentiable by p, q and the order.

    Parameters
    ----------
    p, q : tensor (..., V)
        Distributions, normalised here.
    order, log
        As in `renyi_entropy`.
    variant : {"standard", "natural"}
        As in `alignment_fast.information.renyi_cross_entropy`.

    Returns
    -------
    tensor (..., [T])
        float32, of float64 input float64.

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `log_mgf`.

    Notes
    -----
    Derivatives are those of `alignment_fast.information.renyi_cross_entropy_gradient`.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.torch import renyi_cross_entropy
    >>> renyi_cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]), 1.0)
    tensor(0.8370)

    """
    return _measure("renyi_cross_entropy", {"p": p, "q": q}, order, "order", log, variant)


def _measure(
    name: str, arrays: dict[str, Any], parameter: Any, parameter_name: str, log: bool, variant: str = "standard"
) -> torch.Tensor:
    first, second = arrays.values()
    first_name, second_name = arrays
    require_floating(first, first_name)
    for other, value in ((second_name, second), (parameter_name, parameter)):
        if isinstance(value, torch.Tensor):
            require_floating(value, other)
            if value.device != first.device and not (other == parameter_name and first.is_cuda and value.is_cpu):
                raise ValueError(f"{other} is on {value.device} and {first_name} on {first.device}")
        elif other != parameter_name and value is not None:
            require_floating(value, other)
    if second is not None and second.dtype != first.dtype:
        raise TypeError(f"{second_name} is {second.dtype} and {first_name} is {first.dtype}: give both in one dtype")
    if not isinstance(parameter, torch.Tensor):
        device = "cpu" if first.is_cuda else first.device  # kernels for CUDA are given it by the host
        parameter = torch.as_tensor(parameter, dtype=torch.float64, device=device)
    return _apply(name, first, second, parameter, log, variant)


def _apply(*arguments: Any) -> torch.Tensor:
    operator: Any = torch.ops.alignment_fast.measure
    route = _dispatch.OPERATOR if torch.compiler.is_compiling() else _dispatch.choose(arguments[1:4])
    if route != _dispatch.OPERATOR:
        _dispatch.took(route)
        operator = _Measure.apply
    value: torch.Tensor = operator(*arguments)[0]
    return value


# ---- on plain tensors ----


def _evaluate(name: str, first: Any, second: Any, parameter: Any, log: bool, variant: str) -> tuple[torch.Tensor, ...]:
    """Return the measure, and its derivatives by both arrays (empty without a second one) and by the parameter."""
    first, parameter = first.detach(), parameter.detach()
    second = None if second is None else second.detach()
    read: Any = (first, second)
    if _cuda.is_there(first):
        parameter = parameter.cpu()
        read = _cuda.rows(wide(first.dtype), parameter.shape[:-1], first, second)
    if name == "log_mgf":
        value = information.log_mgf(read[0], parameter, p=read[1], log=log)
        by = information.log_mgf_gradient(read[0], parameter, p=read[1], log=log)
        found = [by.reward, by.log_p, by.t]
        distributions: tuple[Any, ...] = (None, second)
    else:
        arrays = read[:1] if second is None else read
        options: dict[str, Any] = {"log": log}
        if name == "renyi_cross_entropy":
            options["variant"] = variant
        value = getattr(information, name)(*arrays, parameter, **options)
        of_order = getattr(information, f"{name}_gradient")(*arrays, parameter, **options)
        found = [of_order.log_p, of_order.log_q, of_order.order]
        distributions = (first, second)
    if second is None:
        found[1] = first.new_empty(0)
    if not log:  # derivatives by logarithms become those by probabilities
        for k, p in enumerate(distributions):
            if p is not None:
                axis = p.unsqueeze(-2) if parameter.ndim else p
                found[k] = found[k] / axis
    dtype = wide(first.dtype)
    return tuple(part.to(dtype) for part in (value, *found))


def _of_arrays(upstream: torch.Tensor, slope: torch.Tensor, array: torch.Tensor, has_grid: bool) -> torch.Tensor:
    """Return the gradient by one array: over the grid and over broadcast axes it adds up."""
    gradient = slope * upstream.unsqueeze(-1)
    if has_grid:
        gradient = gradient.sum(-2)
    return narrowed(gradient.sum_to_size(array.shape), array.dtype)


# ---- joined to the graph ----


def _saved(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[1:4], *output[1:])
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, upstream: Any, *_: Any) -> tuple[Any, ...]:
    if upstream is None:
        return (None,) * 6
    first, second, parameter, *slopes = ctx.saved_tensors
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        upstream = _Once.apply(upstream, first, second, parameter)
    has_grid = parameter.ndim > 0
    gradients = [
        _of_arrays(upstream, slope, array, has_grid) if array is not None and needed else None
        for array, slope, needed in zip((first, second), slopes[:2], ctx.needs_input_grad[1:3], strict=True)
    ]
    of_parameter = None
    if ctx.needs_input_grad[3]:
        of_parameter = (upstream * slopes[2]).sum_to_size(parameter.shape).to(parameter)
    return None, *gradients, of_parameter, None, None


class _Once(torch.autograd.Function):
    """The identity, whose derivative is an error: what it is made of was differentiated as far as it can be."""

    generate_vmap_rule = True

    @staticmethod
    def forward(upstream: torch.Tensor, *_: Any) -> torch.Tensor:
        return upstream.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise NotImplementedError("measures of information have first derivatives, no second ones")

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> Any:
        raise NotImplementedError("measures of information have first derivatives, no second ones")


class _Measure(torch.autograd.Function):
    """The pass outside of graphs, for eager mode and ``torch.func`` alike."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[torch.Tensor, ...]:
        return _evaluate(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        _saved(ctx, inputs, output)
        ctx.save_for_forward(*inputs[1:4], *output[1:])

    backward = staticmethod(_backward)

    @staticmethod
    def jvp(ctx: Any, _name: Any, *tangents: Any) -> tuple[Any, ...]:
        """Return what the moves of both arrays and of the parameter add up to."""
        parameter, *slopes = ctx.saved_tensors[2:]
        parts = [
            (slope * (move.unsqueeze(-2) if parameter.ndim else move)).sum(-1)
            for move, slope in zip(tangents[:2], slopes[:2], strict=True)
            if move is not None
        ]
        if tangents[2] is not None:
            parts.append(slopes[2] * tangents[2].to(slopes[2].device))
        change = _Once.apply(sum(parts[1:], parts[0]), *ctx.saved_tensors[:3])
        return change.to(slopes[2].dtype), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        return _batched(_Measure.apply, info.batch_size, in_dims, arguments)


def _batched(apply: Any, batch: int, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
    """Return the results of `batch` calls: of one call whose arrays have an axis more in front.

    A parameter that differs between calls is a grid of its own then, of one point where it was a number.
    """
    name, *tensors, log, variant = arguments
    first, second, parameter = _batching.moved(batch, tensors, in_dims[1:4])
    is_number = parameter.ndim == 1
    if is_number:
        parameter = parameter.unsqueeze(-1) if in_dims[3] is not None else parameter[0]
    axes = max(tensor.ndim for tensor in (first, second, parameter) if tensor is not None)
    first, second, parameter = (
        tensor
        if tensor is None or tensor.ndim == 0
        else tensor.reshape(batch, *[1] * (axes - tensor.ndim), *tensor.shape[1:])
        for tensor in (first, second, parameter)
    )
    value, *slopes, by_parameter = apply(name, first, second, parameter, log, variant)
    if is_number and parameter.ndim:
        value, by_parameter = value.squeeze(-1), by_parameter.squeeze(-1)
        slopes = [slope.squeeze(-2) if slope.numel() else slope for slope in slopes]
    return (value, *slopes, by_parameter), (0, 0, None if second is None else 0, 0)


# ---- the operator ----

LIBRARY.define(
    "measure(str name, Tensor first, Tensor? second, Tensor parameter, bool log, str variant)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    tags=[torch.Tag.pt2_compliant_tag],
)


def _on_device(*arguments: Any) -> tuple[torch.Tensor, ...]:
    _dispatch.took(_dispatch.OPERATOR)
    return _evaluate(*arguments)


def _fake(name: str, first: Any, second: Any, parameter: Any, log: bool, variant: str) -> tuple[torch.Tensor, ...]:
    leading = first.shape[:-1] if second is None else torch.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    grid: tuple[int, ...] = ()
    if parameter.ndim:
        leading, grid = torch.broadcast_shapes(leading, parameter.shape[:-1]), parameter.shape[-1:]
    shape, dtype = (*leading, *grid), wide(first.dtype)
    of_letters = (*shape, first.shape[-1])
    shapes = (shape, of_letters, (0,) if second is None else of_letters, shape)
    return tuple(first.new_empty(one, dtype=dtype) for one in shapes)


implement("measure", _on_device)
torch.library.register_fake("alignment_fast::measure", _fake, lib=LIBRARY)
torch.library.register_autograd("alignment_fast::measure", _backward, setup_context=_saved, lib=LIBRARY)
torch.library.register_vmap(
    "alignment_fast::measure",
    lambda info, in_dims, *arguments: _batched(torch.ops.alignment_fast.measure, info.batch_size, in_dims, arguments),
    lib=LIBRARY,
)
