"""Elementwise functions, in Python and in ``@numba.njit`` code: arrays at the speed of the kernels, numbers inlined.

All take ``(x, out=None)``: `x` any numbers, NaN outside of the domain; `out` a C-contiguous array of the shape and the
dtype of the result, which may be `x`. Results are float32 where `x` is float32, else float64. In compiled code arrays
give the same bits, numbers the same to the accuracy stated (no product is fused there).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_floating, is_foreign, like
from alignment_fast._border.outputs import fits
from alignment_fast._operations import operations


def exp(x: Any, out: Any = None) -> Any:
    """Return e^x of each element, within 2 ulp, as the module says."""
    return _each("exp", x, out)


def expm1(x: Any, out: Any = None) -> Any:
    """Return e^x − 1 of each element, within 2 ulp, as the module says."""
    return _each("expm1", x, out)


def log(x: Any, out: Any = None) -> Any:
    """Return log x of each element, within 2 ulp, as the module says."""
    return _each("log", x, out)


def log1p(x: Any, out: Any = None) -> Any:
    """Return log(1 + x) of each element, within 2 ulp, as the module says."""
    return _each("log1p", x, out)


def log1mexp(x: Any, out: Any = None) -> Any:
    """Return log(1 − e^−x), x >= 0 of each element, within 4 ulp, as the module says."""
    return _each("log1mexp", x, out)


def softplus(x: Any, out: Any = None) -> Any:
    """Return log(1 + e^x) of each element, within 4 ulp, as the module says."""
    return _each("softplus", x, out)


def sigmoid(x: Any, out: Any = None) -> Any:
    """Return 1 / (1 + e^−x) of each element, within 4 ulp, as the module says."""
    return _each("sigmoid", x, out)


def normal_cdf(x: Any, out: Any = None) -> Any:
    """Return Φ(x) of each element, within 4 ulp, as the module says."""
    return _each("normal_cdf", x, out)


def log_normal_cdf(x: Any, out: Any = None) -> Any:
    """Return log Φ(x) of each element, within 5 ulp, as the module says."""
    return _each("log_normal_cdf", x, out)


def normal_ppf(x: Any, out: Any = None) -> Any:
    """Return Φ⁻¹(x) of each element, within 4 ulp, as the module says."""
    return _each("normal_ppf", x, out)


def normal_isf(x: Any, out: Any = None) -> Any:
    """Return Φ⁻¹(1 − x) of each element, within 4 ulp, as the module says."""
    return _each("normal_isf", x, out)


def _each(name, x, out):
    array = as_floating(x, "x")
    if out is not None and not fits(out, array.dtype, array.shape):
        raise ValueError(f"out must be a writable, C-contiguous array of {array.dtype} and shape {array.shape}")
    result = np.empty(array.shape, array.dtype) if out is None else out
    operations("common").elementwise(name, array.reshape(-1), result.reshape(-1))
    if out is not None:
        return out
    return like(result, x) if is_foreign(x) else result[()]
