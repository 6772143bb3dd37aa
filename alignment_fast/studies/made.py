"""What computes here: results agree bit for bit within a class of arithmetic."""

from __future__ import annotations

import functools
import os
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast import __version__, _config

__all__ = ["Made", "here"]

# The functions of NumPy whose last bits depend on the instructions that it chose.
_FUNCTIONS = "^(exp|expm1|log|log1p|power|sin|cos|tanh)$"


@dataclass(frozen=True)
class Made:
    """What computed a block: version of this library, class of arithmetic, and where."""

    version: str
    arithmetic: str
    host: str
    process: int = 0


def here(*, numpy: bool = False, device: str = "cpu") -> Made:
    """Return what computes here; with `numpy`, values pass through NumPy's functions as well."""
    kernels = _kernels() if device == "cpu" else device
    return Made(__version__, f"{kernels}, {_numpy_functions()}" if numpy else kernels, platform.node(), os.getpid())


@functools.cache
def _kernels() -> str:
    fused = platform.machine() in ("aarch64", "arm64") or _config.instruction_set() != "baseline"
    return "cpu-fma" if fused else "cpu-baseline"


@functools.cache
def _numpy_functions() -> str:
    """Return NumPy's version, and the instructions that its functions of float64 were chosen for."""
    introspect = getattr(np.lib, "introspect", None)
    if introspect is None:  # before NumPy 2.1: what the processor has must do
        return f"NumPy {np.__version__} on {platform.processor() or platform.machine()}"
    functions: dict[str, dict[str, Any]] = introspect.opt_func_info(func_name=_FUNCTIONS, signature="float64")
    chosen = {signature["current"] for one in functions.values() for signature in one.values()}
    return f"NumPy {np.__version__} for {'/'.join(sorted(chosen)) or platform.machine()}"
