"""`logsumexp`, `softmax` and `log_softmax` of ``scipy.special``."""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.interop.scipy._arrays import answered, floating, real_array, rows_along


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Return log Σ b e^a along `axis`, as ``scipy.special.logsumexp`` does.

    With m the sum of b over the largest a and rest what the others add, relative to it, the value is
    a_max + log m + log1p(rest/m): what is small beside the largest keeps its digits.

    Parameters
    ----------
    a : array_like
        Exponents; −inf, inf and NaN as in SciPy. Complex ones are SciPy's.
    axis : int, tuple of int or None, default None
        Axes to sum over; None: all.
    b : array_like, optional
        Factors of any sign, broadcast with `a`; where one is 0 its exponent does not count, whatever it is.
    keepdims : bool, default False
        Whether the axes stay, of length 1.
    return_sign : bool, default False
        Whether to return log |Σ| and the sign, 1, 0 or −1; else a negative sum gives NaN.

    Returns
    -------
    array or NumPy scalar (or a pair of them)
        float32 where all is float32, else float64; arrays of other libraries give their own kind.

    Raises
    ------
    ValueError
        As in SciPy, for axes that are not there and shapes that do not broadcast.

    Notes
    -----
    Accuracy: 1e-13 relative where b has one sign, else that of Σ |b| e^a. Cost: one exponential per number. Reference:
    Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021).

    Examples
    --------
    >>> from alignment_fast.interop.scipy import logsumexp
    >>> float(logsumexp([0.0, -40.0]))
    4.248354255291589e-18
    >>> value, sign = logsumexp([1.0, 2.0], b=[1.0, -1.0], return_sign=True)
    >>> float(value.round(6)), float(sign)
    (1.541325, -1.0)

    """
    if b is None and not keepdims and not return_sign and (axis is None or (type(axis) is int and axis in (0, -1))):
        value = operations("special").short_logsumexp(a)
        if value is not None:
            return value
    from scipy.special import logsumexp as host

    return answered(own_logsumexp, host, {"a": a, "b": b}, axis=axis, keepdims=keepdims, return_sign=return_sign)


def own_logsumexp(a: Any, axis: Any, b: Any, keepdims: bool, return_sign: bool) -> Any:
    """Return `logsumexp` of NumPy's arrays, or None where SciPy must decide."""
    numbers, factors = real_array(a), None if b is None else real_array(b)
    if numbers is None or (b is not None and factors is None):
        return None
    dtype = floating(numbers.dtype)
    if factors is not None:
        if np.isinf(factors).any() or ((factors == 0).any() and not (numbers < np.inf).all()):
            return None  # infinite sums, and 0 times inf
        weak = isinstance(b, int | float) and not isinstance(b, np.generic)
        dtype = dtype if weak else floating(np.result_type(numbers, factors))
        try:
            numbers, factors = np.broadcast_arrays(numbers, factors)
        except ValueError:
            return None
    rows = rows_along(np.atleast_1d(numbers), axis, dtype)
    of_factors = None if factors is None else rows_along(np.atleast_1d(factors), axis, dtype)
    if rows is None:
        return None
    values, signs = operations("special").log_sum_exp(rows.rows, None if of_factors is None else of_factors.rows)
    if return_sign:
        return rows.reduced(values, keepdims), rows.reduced(signs, keepdims)
    if b is not None:
        values[signs < 0] = np.nan
    return rows.reduced(values, keepdims)


def softmax(x: Any, axis: Any = None) -> Any:
    """Return e^x / Σ e^x along `axis`, as ``scipy.special.softmax`` does.

    Parameters
    ----------
    x : array_like
        Logits. A row with NaN or inf, or of −inf alone, gives NaN.
    axis : int, tuple of int or None, default None
        Axes that sum to 1; None: all.

    Returns
    -------
    array of the shape of `x`
        float32 where it is float32, else float64; of other kinds of numbers what SciPy returns.

    Raises
    ------
    ValueError
        As in SciPy, for no numbers at all and for axes that are not there.

    Notes
    -----
    Accuracy: 1e-13 (float32: 8e-6) relative. Cost: one exponential and one
    division per number, three passes over memory. Reference: as `logsumexp`.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import softmax
    >>> softmax([0.0, 0.0, 700.0, 701.0]).round(6)
    array([0.      , 0.      , 0.268941, 0.731059])

    """
    if axis is None or (type(axis) is int and axis in (0, -1)):
        value = operations("special").short_softmax(x)
        if value is not None:
            return value
    from scipy.special import softmax as host

    return answered(own_softmax, host, {"x": x}, axis=axis)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """Return x − log Σ e^x along `axis`, as ``scipy.special.log_softmax`` does, with all digits of logarithms near 0.

    Parameters
    ----------
    x : array_like
        Logits. NaN makes its row NaN; a row of −inf alone is NaN; beside inf all is −inf, and inf itself NaN.
    axis : int, tuple of int or None, default None
        Axes whose exponentials sum to 1; None: all.

    Returns
    -------
    array of the shape of `x`
        As of `softmax`.

    Raises
    ------
    ValueError
        As `softmax`.

    Notes
    -----
    Accuracy: 1e-13 (float32: 8e-6) relative. Cost: one exponential per
    number, two passes over memory. Reference: as `logsumexp`.

    Examples
    --------
    >>> from alignment_fast.interop.scipy import log_softmax
    >>> log_softmax([0.0, -40.0])
    array([-4.24835426e-18, -4.00000000e+01])

    """
    if axis is None or (type(axis) is int and axis in (0, -1)):
        value = operations("special").short_log_softmax(x)
        if value is not None:
            return value
    from scipy.special import log_softmax as host

    return answered(own_log_softmax, host, {"x": x}, axis=axis)


def own_softmax(x: Any, axis: Any) -> Any:
    """Return `softmax` of NumPy's arrays, or None where SciPy must decide."""
    return _of_rows("softmax", x, axis)


def own_log_softmax(x: Any, axis: Any) -> Any:
    """Return `log_softmax` of NumPy's arrays, or None where SciPy must decide."""
    return _of_rows("log_softmax", x, axis)


def _of_rows(name, x, axis):
    numbers = real_array(x)
    rows = None if numbers is None else rows_along(numbers, axis, floating(numbers.dtype))
    return None if rows is None else rows.restored(getattr(operations("special"), name)(rows.rows))
