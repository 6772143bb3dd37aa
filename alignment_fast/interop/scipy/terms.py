"""`entr`, `rel_entr`, `kl_div`, `log_ndtr` and `ndtri_exp` of ``scipy.special``: functions of each element.

There they are ufuncs; with ``out``, ``where`` and other options of ufuncs, and for complex numbers, SciPy computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.interop.scipy._arrays import FLOATS, answered, floating, real_array


def entr(x: Any, /, out: Any = None, **options: Any) -> Any:
    """Return −x log x of each element, as ``scipy.special.entr`` does: 0 at 0, −inf below.

    Parameters
    ----------
    x : array_like
        Numbers.
    out : array, optional
        As of a ufunc: SciPy's own then.
    **options
        As `out`.

    Returns
    -------
    array or NumPy scalar
        float32 where it is float32, else float64.

    Notes
    -----
    Accuracy: 1e-14 relative; float32 is rounded once.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import entr
    >>> entr([0.0, 0.5, 1.0, -1.0]).round(6)
    array([ 0.      ,  0.346574, -0.      ,     -inf])

    """
    return _each("entr", out, options, x=x)


def rel_entr(x: Any, y: Any, /, out: Any = None, **options: Any) -> Any:
    """Return x log(x/y) of each pair, as ``scipy.special.rel_entr`` does.

    0 where x = 0 <= y, inf where it does not exist; where x/y is near 1, the logarithm keeps its digits.

    Parameters
    ----------
    x, y : array_like
        Numbers; they broadcast.
    out : array, optional
        As of a ufunc: SciPy's own then.
    **options
        As `out`.

    Returns
    -------
    array or NumPy scalar
        float32 where both are float32, else float64.

    Notes
    -----
    Accuracy: 1e-14 relative; float32 is rounded once.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import rel_entr
    >>> rel_entr([0.5, 0.0, 1.0], [0.25, 1.0, 0.0]).round(6)
    array([0.346574, 0.      ,      inf])

    """
    return _each("rel_entr", out, options, x=x, y=y)


def kl_div(x: Any, y: Any, /, out: Any = None, **options: Any) -> Any:
    """Return x log(x/y) − x + y of each pair, as ``scipy.special.kl_div`` does, with all its digits where x is near y.

    y where x = 0 <= y, inf where it does not exist. SciPy subtracts, and keeps no digit where x/y − 1 is below 1e-8.

    Parameters
    ----------
    x, y : array_like
        Numbers; they broadcast.
    out : array, optional
        As of a ufunc: SciPy's own then.
    **options
        As `out`.

    Returns
    -------
    array or NumPy scalar
        float32 where both are float32, else float64.

    Notes
    -----
    Accuracy: 1e-14 relative; float32 is rounded once.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import kl_div
    >>> kl_div([0.5, 0.0], [0.25, 1.0]).round(6)
    array([0.096574, 1.      ])
    >>> float(kl_div(1.0, 1.0 + 2.0**-40))
    4.135903062...e-25

    """
    return _each("kl_div", out, options, x=x, y=y)


def log_ndtr(x: Any, /, out: Any = None, **options: Any) -> Any:
    """Return log Φ(x) of each element, of the normal distribution function, as ``scipy.special.log_ndtr`` does.

    Parameters
    ----------
    x : array_like
        Numbers; complex ones are SciPy's.
    out : array, optional
        As of a ufunc: SciPy's own then.
    **options
        As `out`.

    Returns
    -------
    array or NumPy scalar
        float32 where it is float32, else float64.

    Notes
    -----
    Accuracy: 1.2e-15 (float32: 6e-7) relative.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import log_ndtr
    >>> log_ndtr([-40.0, 0.0, 10.0]).round(6)
    array([-8.04608442e+02, -6.93147000e-01, -0.00000000e+00])

    """
    return _each("log_ndtr", out, options, x=x)


def ndtri_exp(x: Any, /, out: Any = None, **options: Any) -> Any:
    """Return z with log Φ(z) = x of each element, the inverse of `log_ndtr`, as ``scipy.special.ndtri_exp``.

    Parameters
    ----------
    x : array_like
        Logarithms of probabilities, to −1e300 and beyond; above 0 NaN.
    out : array, optional
        As of a ufunc: SciPy's own then.
    **options
        As `out`.

    Returns
    -------
    array or NumPy scalar
        float32 where it is float32, else float64.

    Notes
    -----
    Accuracy: 1e-14 relative, beside the change that half a unit in the last place of x makes; float32 is rounded once.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import ndtri_exp
    >>> ndtri_exp([-1e6, -1.0, -1e-10]).round(6)
    array([-1.41420778e+03, -3.37475000e-01,  6.36134100e+00])

    """
    return _each("ndtri_exp", out, options, x=x)


def _each(name, out, options, **arrays):
    if out is None and not options:
        ops = operations("special")
        value = ops.short_elementwise(ops.ELEMENTWISE[name], *arrays.values())
        if value is not None:
            return value
    from scipy import special

    def host(**arrays):
        return getattr(special, name)(*arrays.values(), out=out, **options)

    def own(**arrays):
        return None if out is not None or options else _own(name, list(arrays.values()))

    return answered(own, host, arrays)


def _own(name, values):
    """Return the function `name` of NumPy's arrays, or None where SciPy must decide."""
    arrays = [real_array(value) for value in values]
    if any(array is None for array in arrays):
        return None
    weak = [isinstance(value, int | float) and not isinstance(value, np.generic) for value in values]
    strong = [array for array, is_weak in zip(arrays, weak, strict=True) if not is_weak]
    dtype = floating(np.result_type(*strong)) if strong else FLOATS[1]
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        return None
    flat = [np.ascontiguousarray(np.broadcast_to(array, shape), dtype=dtype).reshape(-1) for array in arrays]
    return operations("special").elementwise(name, *flat).reshape(shape)[()]
