"""Arguments of SciPy's functions: which are computed here, laid out in rows, and results in the caller's kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import as_array, common_device, is_foreign, like

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
Array = np.ndarray[Any, np.dtype[Any]]


def answered(own: Callable[..., Any], host: Callable[..., Any], arrays: dict[str, Any], **options: Any) -> Any:
    """Return what `own` returns of the arrays and options, and where that is None, what SciPy's own function returns.

    Arrays of other libraries are read as NumPy's, and the results are of their kind.
    """
    model = next((array for array in arrays.values() if is_foreign(array)), None)
    if model is not None:
        common_device(**arrays)
        arrays = {name: None if array is None else as_array(array, name) for name, array in arrays.items()}
    found = own(**arrays, **options)
    result = host(**arrays, **options) if found is None else found
    if model is None:
        return result
    if isinstance(result, tuple):
        return tuple(like(np.asarray(part), model) for part in result)
    return like(np.asarray(result), model)


def real_array(value: Any) -> Array | None:
    """Return `value` as an array of native real numbers, or None where SciPy must decide: subclasses, other dtypes."""
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    known = array.dtype in FLOATS or (array.dtype.kind == "i" and array.dtype.itemsize >= 4)
    return array if known and array.ndim <= 32 else None


class Rows(NamedTuple):
    """An array whose `axes` are laid out as rows.

    Parameters
    ----------
    rows : array (count, n)
        C-contiguous.
    shape : tuple of int
        Of the array.
    axes : tuple of int
        Those that a row goes along, ascending.

    """

    rows: Array
    shape: tuple[int, ...]
    axes: tuple[int, ...]

    def reduced(self, values: Array, keepdims: bool) -> Any:
        """Return one value per row in the shape of a reduction along the axes; a scalar for no axes."""
        if keepdims:
            return values.reshape([1 if i in self.axes else n for i, n in enumerate(self.shape)])
        return values.reshape([n for i, n in enumerate(self.shape) if i not in self.axes])[()]

    def restored(self, values: Array) -> Array:
        """Return rows of the shape of `rows` as a C-contiguous array of the shape of the array."""
        order = _rows_last(len(self.shape), self.axes)
        moved = values.reshape([self.shape[i] for i in order])
        return np.ascontiguousarray(moved.transpose(np.argsort(order)))


def _rows_last(ndim: int, axes: tuple[int, ...]) -> list[int]:
    return [i for i in range(ndim) if i not in axes] + list(axes)


def rows_along(array: Array, axis: Any, dtype: Any) -> Rows | None:
    """Return the rows of `array` along `axis`, in `dtype`; None for axes that it lacks and for no numbers at all."""
    given = tuple(range(array.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(type(i) is int and -array.ndim <= i < array.ndim for i in given) or not array.size:
        return None
    axes = tuple(sorted({i % array.ndim for i in given}))
    if len(axes) != len(given) or not axes:
        return None
    moved = np.ascontiguousarray(array.transpose(_rows_last(array.ndim, axes)), dtype=dtype)
    n = math.prod(array.shape[i] for i in axes)
    return Rows(moved.reshape(array.size // n, n), array.shape, axes)


def floating(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of results of arrays of `dtype`: integers are float64."""
    return dtype if dtype in FLOATS else FLOATS[1]
