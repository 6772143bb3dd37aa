"""Routes of a call to the compiled passes, and how often each was taken.

- "direct": plain tensors in eager mode; the compiled pass is called at once, and autograd learns of the result only.
- "transform": under ``torch.func``, ``vmap`` or forward-mode differentiation, by a function with ``setup_context``.
- "operator": everything that traces or intercepts, by the operator registered with ``torch.library``; it is also what
  compiled graphs call, and is counted where it runs, not where it is traced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.autograd import forward_ad

DIRECT, TRANSFORM, OPERATOR = "direct", "transform", "operator"

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_transforms = torch._C._functorch.peek_interpreter_stack
_modes = torch._C._len_torch_dispatch_stack
_taken = {DIRECT: 0, TRANSFORM: 0, OPERATOR: 0}


def calls() -> dict[str, int]:
    """Return how many calls of this process took each route: "direct", "transform" or "operator".

    A test that training really runs on compiled passes reads it before and after.

    Returns
    -------
    dict of str to int
        A copy.

    Examples
    --------
    >>> from alignment_fast.interop.torch import calls
    >>> sorted(calls())
    ['direct', 'operator', 'transform']

    """
    return dict(_taken)


def took(route: str) -> None:
    """Count one call that took `route`."""
    _taken[route] += 1


def choose(tensors: Iterable[Any]) -> str:
    """Return the route of a call on `tensors` (None where absent) outside of a compiler."""
    if _transforms() is not None or forward_ad._current_level >= 0:
        return TRANSFORM
    if _modes():
        return OPERATOR
    for tensor in tensors:
        if tensor is not None and type(tensor) not in _PLAIN and isinstance(tensor, torch.Tensor):
            return OPERATOR
    return DIRECT  # what is no tensor is refused there


def refuse_nested_forward_mode() -> None:
    """Raise NotImplementedError inside another forward mode: PyTorch would take the inner derivative for a constant."""
    forward = torch._C._functorch.TransformType.Jvp
    levels = torch._C._functorch.get_interpreter_stack() or ()
    if sum(level.key() == forward for level in levels) > 1:
        raise NotImplementedError("forward mode inside forward mode: use torch.func.hessian, or jacrev inside")


def wants_gradient(tensors: Iterable[Any]) -> bool:
    """Return whether autograd is on and one of `tensors` requires grad."""
    return torch.is_grad_enabled() and any(getattr(tensor, "requires_grad", False) for tensor in tensors)
