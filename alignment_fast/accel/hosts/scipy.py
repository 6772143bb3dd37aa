"""scipy: `logsumexp`, `softmax`, `log_softmax` and `stats.entropy` of lists, tuples, numbers and plain arrays.

Ufuncs stay as they are, and so does what SciPy warns of: where a result is not finite, SciPy makes the call.
"""

from typing import Any

import numpy as np

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.interop.scipy.entropies import own_entropy
from alignment_fast.interop.scipy.sums import own_log_softmax, own_logsumexp, own_softmax

_KINDS: tuple[type, ...] = (np.ndarray, list, tuple, float, int, np.float64, np.float32)


def _taken(*values: Any) -> None:
    for value in values:
        if value is not None and type(value) not in _KINDS:
            raise UnsupportedError(f"no plain array, list or number: {type(value).__name__}")
    if np.geterr()["under"] != "ignore":
        raise UnsupportedError("NumPy is to say where a number is too small")


def _found(result: Any) -> Any:
    if result is None:
        raise UnsupportedError("dtype, shape, axis or option")
    return result


def logsumexp(a: Any, axis: Any, b: Any, keepdims: Any, return_sign: Any) -> Any:
    """Return what `scipy.special.logsumexp` returns, which warns of nothing."""
    _taken(a, b)
    return _found(own_logsumexp(a, axis, b, keepdims, return_sign))


def softmax(x: Any, axis: Any) -> Any:
    """Return what `scipy.special.softmax` returns of rows without NaN and inf."""
    _taken(x)
    return _without_nan(_found(own_softmax(x, axis)))


def log_softmax(x: Any, axis: Any) -> Any:
    """Return what `scipy.special.log_softmax` returns of rows without NaN and inf."""
    _taken(x)
    return _without_nan(_found(own_log_softmax(x, axis)))


def _without_nan(result: Any) -> Any:
    if np.isnan(result).any():
        raise UnsupportedError("a row has NaN or inf, or -inf alone")
    return result


def entropy(*arguments: Any, _no_deco: bool = False, **options: Any) -> Any:
    """Return what `scipy.stats.entropy` returns of masses."""
    if _no_deco:
        raise UnsupportedError("asked for without its decorator")
    return _entropy(*arguments, **options)


def _entropy(
    pk: Any,
    qk: Any = None,
    base: Any = None,
    axis: Any = 0,
    *,
    nan_policy: Any = "propagate",
    keepdims: Any = False,
) -> Any:
    _taken(pk, qk)
    found = _found(own_entropy(pk, qk, base, axis, nan_policy, keepdims))
    if not np.isfinite(found).all():
        raise UnsupportedError("no distribution, or no support in common")
    return found


FUNCTIONS = {
    "scipy.special._logsumexp": {"logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax},
    "scipy.stats._entropy": {"entropy": entropy},
}
