"""Quantiles of many values, from a sketch that merges exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alignment_fast._border.status import refuse

__all__ = ["QuantileSketch"]

_MANTISSA = 52


class QuantileSketch:
    """Counts of values by their sign, exponent and first bits: quantiles with a relative error of at most 2^-(bits+1).

    Parameters
    ----------
    values : array_like
        Values without NaN.
    bits : int
        Bits of the significand that are kept, 1 to 20.

    Notes
    -----
    Every value is replaced by the middle of a cell [m, m + 2^-bits)·2^e, so that the q-quantile of the sketch is within
    a relative 2^-(bits+1) of the value of that rank: 0.4 % for the 7 bits by default. Zero and the extremes are exact;
    values below 2^-1022 have that error relative to 2^-1022. Counts are integers: parts merge in any order to the same
    sketch, which is that of the whole. A sketch has at most as many cells as there are different values, and 2^bits for
    each power of two between them.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.studies import QuantileSketch
    >>> sketch = QuantileSketch(np.arange(1.0, 500.0)).merge(QuantileSketch(np.arange(500.0, 1001.0)))
    >>> sketch.quantile([0.0, 0.5, 1.0])
    array([   1.,  501., 1000.])

    """

    __slots__ = ("_cells", "_counts", "_range", "bits")
    bits: int
    _cells: NDArray[np.int64]
    _counts: NDArray[np.int64]
    _range: tuple[float, float]

    def __init__(self, values: ArrayLike = (), *, bits: int = 7) -> None:
        if isinstance(bits, bool) or not hasattr(bits, "__index__") or not 1 <= bits <= 20:
            raise ValueError(f"bits must be an integer from 1 to 20, not {bits!r}")
        # Adding zero leaves no negative zero.
        array: NDArray[np.float64] = np.ascontiguousarray(values, dtype=np.float64).reshape(-1) + 0.0
        refuse(np.isnan(array), array, "values", "is NaN")
        cells, counts = np.unique(_ordered(array) >> (_MANTISSA - int(bits)), return_counts=True)
        ends = (float(array.min()), float(array.max())) if array.size else (np.inf, -np.inf)
        self._set(int(bits), cells, counts.astype(np.int64), ends)

    def _set(self, bits: int, cells: NDArray[np.int64], counts: NDArray[np.int64], ends: tuple[float, float]) -> None:
        self.bits, self._cells, self._counts, self._range = bits, cells, counts, ends

    @classmethod
    def from_array(cls, raw: ArrayLike) -> QuantileSketch:
        """Return the sketch behind an array of int64, as `to_array` gives it."""
        array = np.array(raw, dtype=np.int64)
        made = cls.__new__(cls)
        if array.ndim != 1 or array.size < 3 or (array.size - 3) % 2 or not 1 <= array[0] <= 20:
            raise ValueError("this is no array of a QuantileSketch")
        low, high = array[1:3].view(np.float64).tolist()
        cells, counts = array[3:].reshape(2, -1)
        if (counts <= 0).any() or (np.diff(cells) <= 0).any():
            raise ValueError("cells of a QuantileSketch must ascend, and their counts be positive")
        made._set(int(array[0]), cells.copy(), counts.copy(), (low, high))
        return made

    def to_array(self) -> NDArray[np.int64]:
        """Return the whole sketch as one array of int64: bits, the extremes' bits, cells, counts."""
        ends = np.array(self._range).view(np.int64)
        return np.concatenate([np.array([self.bits], dtype=np.int64), ends, self._cells, self._counts])

    @property
    def count(self) -> int:
        """Number of values."""
        return int(self._counts.sum())

    def merge(self, other: QuantileSketch) -> QuantileSketch:
        """Return the sketch of the values of both."""
        if not isinstance(other, QuantileSketch):
            raise TypeError(f"only sketches can be merged with sketches, not {type(other).__name__}")
        if self.bits != other.bits:
            raise ValueError(f"a sketch of {self.bits} bits cannot be merged with one of {other.bits}")
        cells, place = np.unique(np.concatenate([self._cells, other._cells]), return_inverse=True)
        counts = np.zeros(len(cells), dtype=np.int64)
        np.add.at(counts, place.reshape(-1), np.concatenate([self._counts, other._counts]))
        ends = min(self._range[0], other._range[0]), max(self._range[1], other._range[1])
        made = QuantileSketch.__new__(QuantileSketch)
        made._set(self.bits, cells, counts, ends)
        return made

    def quantile(self, q: ArrayLike) -> Any:
        """Return the values of rank ⌈q·count⌉, NaN without values.

        Raises
        ------
        ValueError
            If a q is not in [0, 1].

        """
        levels = np.asarray(q, dtype=np.float64)
        refuse(~((levels >= 0) & (levels <= 1)), levels, "q", "is not in [0, 1]")
        if not len(self._cells):
            return np.full(levels.shape, np.nan)[()]
        rank = np.clip(np.ceil(levels * self.count), 1, self.count)
        place = np.searchsorted(np.cumsum(self._counts), rank)
        found = np.clip(_middle(self._cells[place], _MANTISSA - self.bits), *self._range)
        found = np.where(rank == 1, self._range[0], np.where(rank == self.count, self._range[1], found))
        return found[()]

    def __reduce__(self) -> tuple[Any, ...]:
        return QuantileSketch.from_array, (self.to_array(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuantileSketch) and np.array_equal(self.to_array(), other.to_array())

    def __hash__(self) -> int:
        return hash(self.to_array().tobytes())

    def __repr__(self) -> str:
        return f"QuantileSketch({self.count} values in {len(self._cells)} cells, relative error 2^-{self.bits + 1})"


def _ordered(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return integers that ascend as float64 values do: the bits of positive ones, inverted ones of negative ones."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits - 1, bits)


def _middle(cells: NDArray[np.int64], shift: int) -> NDArray[np.float64]:
    """Return the values in the middle of cells: halfway between the least and the largest number in each."""
    least = cells << shift
    largest = least + np.int64((1 << shift) - 1)
    low, high = (np.where(one < 0, np.int64(-(2**63)) - one - 1, one).view(np.float64) for one in (least, largest))
    zero = (cells == 0) & (low == 0.0)
    finite = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore", over="ignore"):
        between = 0.5 * low + 0.5 * high
    return np.where(zero, 0.0, np.where(finite, between, np.where(np.isinf(low), low, high)))
