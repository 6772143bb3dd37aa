"""Where the operators are registered: ``torch.ops.alignment_fast``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from alignment_fast.interop.torch._cuda import KEYS

LIBRARY = torch.library.Library("alignment_fast", "FRAGMENT")


def implement(name: str, function: Callable[..., Any]) -> None:
    """Register what an operator does on tensors of the devices that have kernels."""
    for key in KEYS:
        LIBRARY.impl(name, function, key)
