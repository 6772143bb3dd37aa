"""Tensor arguments: what they must agree in, and the memory that kernels read."""

from __future__ import annotations

from typing import Any

import torch

from alignment_fast.errors import BackendUnavailableError
from alignment_fast.interop.torch._cuda import DEVICES

_STORAGE = {
    torch.float64: "own",
    torch.float32: "own",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
}
_LARGEST = torch.finfo(torch.float16).max


def require_tensor(value: Any, name: str) -> None:
    """Raise TypeError unless `value` is a tensor, BackendUnavailableError for one on a device that has no kernels."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch tensor, not {type(value).__name__}")
    if value.device.type not in DEVICES:
        where = " and CUDA devices" if "cuda" in DEVICES else ""
        raise BackendUnavailableError(f"{name} is on {value.device}, and this runs on the CPU{where}: move it there")


def require_floating(value: Any, name: str) -> None:
    """Raise TypeError unless `value` is a tensor of a floating dtype that is computed in."""
    require_tensor(value, name)
    if value.dtype not in _STORAGE:
        raise TypeError(f"{name} must be floating-point (float64, float32, bfloat16, float16), not {value.dtype}")


def require_constant(value: Any, name: str) -> None:
    """Raise TypeError for a tensor that requires grad where no derivative is defined."""
    if value is not None and value.requires_grad:
        raise TypeError(f"{name} requires grad, and is a constant here: pass {name}.detach()")


def require_alike(names: tuple[str, ...], tensors: tuple[Any, ...]) -> None:
    """Raise TypeError or ValueError unless all `tensors` but None share dtype, device and shape with the first."""
    first = tensors[0]
    require_floating(first, names[0])
    for name, tensor in zip(names[1:], tensors[1:], strict=True):
        if tensor is None:
            continue
        require_floating(tensor, name)
        if tensor.dtype != first.dtype:
            raise TypeError(f"{name} is {tensor.dtype} and {names[0]} is {first.dtype}: give both in one dtype")
        require_beside(first, names[0], tensor, name)


def require_beside(first: torch.Tensor, first_name: str, tensor: torch.Tensor, name: str) -> None:
    """Raise ValueError unless `tensor` has the device and the shape of `first`."""
    if tensor.device != first.device:
        raise ValueError(f"{name} is on {tensor.device} and {first_name} on {first.device}")
    if tensor.shape != first.shape:
        raise ValueError(f"{name} of shape {tuple(tensor.shape)} and {first_name} of shape {tuple(first.shape)} differ")


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype that `dtype` is computed in: float64 stays, everything shorter is float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def storage_of(dtype: torch.dtype) -> str:
    """Return how the kernels call the storage of `dtype`."""
    return _STORAGE[dtype]


def contiguous(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor with its numbers in one piece of memory, as the kernels read it at `data_ptr`."""
    return tensor if tensor.is_contiguous() and not tensor.is_neg() else tensor.detach().resolve_neg().contiguous()


def as_computed(tensor: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Return a tensor of numbers of any dtype in the computing `dtype`, `contiguous`; None stays."""
    return None if tensor is None else contiguous(tensor.detach().to(dtype))


def address(tensor: torch.Tensor | None) -> int | None:
    """Return where the numbers of a contiguous tensor are; None stays."""
    return None if tensor is None else tensor.data_ptr()


def narrowed(gradient: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a gradient in the `dtype` of its input; what float16 cannot hold becomes its largest number."""
    if gradient.dtype is dtype:
        return gradient
    return (gradient.clamp(-_LARGEST, _LARGEST) if dtype is torch.float16 else gradient).to(dtype)


def saturated(gradient: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a gradient in its own dtype, changed in place to what `narrowed` would keep of it; infinities too."""
    return gradient.clamp_(-_LARGEST, _LARGEST) if dtype is torch.float16 else gradient
