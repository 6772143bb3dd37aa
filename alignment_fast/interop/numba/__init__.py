"""Functions of the package inside a user's own ``@numba.njit`` code.

Elementwise functions of this module, of numbers and of arrays; `alignment_fast.information.entropy`, `cross_entropy`
and `kl_divergence` of one row each; `logsumexp`, `softmax` and `log_softmax` of `alignment_fast.interop.scipy`, of one
row. With an installed package Numba finds them by itself (entry point ``numba_extensions``), else by `register`.
"""

from alignment_fast.interop.numba.elementwise import (
    exp,
    expm1,
    log,
    log1mexp,
    log1p,
    log_normal_cdf,
    normal_cdf,
    normal_isf,
    normal_ppf,
    sigmoid,
    softplus,
)
from alignment_fast.interop.numba_extension import register

__all__ = [
    "exp",
    "expm1",
    "log",
    "log1mexp",
    "log1p",
    "log_normal_cdf",
    "normal_cdf",
    "normal_isf",
    "normal_ppf",
    "register",
    "sigmoid",
    "softplus",
]
