"""Moments of many values, which merge without the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alignment_fast._border.status import refuse
from alignment_fast._operations import operations

__all__ = ["Moments"]

# Per column: count, mean, M2, M3, M4, min, max.
_WIDTH = 7


class Moments:
    """Count, mean, central sums M2 to M4, min and max of values: of one column, or of C columns side by side.

    Parameters
    ----------
    values : array_like (R,) or (R, C)
        Values without NaN; infinite ones are counted, and leave NaN behind where a moment has no value.

    Attributes
    ----------
    count, mean, M2, M3, M4, min, max : float or array (C,)
        ``M2`` is Σ (x − mean)², and so on. Without values the count is 0, and the others are NaN.

    Notes
    -----
    Values are summed in blocks of 4096, from left to right. Merging is associative up to rounding only: the same parts
    in the same order give the same bits, whoever computed them, and parts of 4096 values each give the bits of the
    whole.

    Reference: P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
    statistical moments", Sandia report SAND2008-6212.

    Examples
    --------
    >>> from alignment_fast.studies import Moments
    >>> whole = Moments([1.0, 2.0]).merge(Moments([6.0]))
    >>> whole
    Moments(count=3, mean=3 ± 1.5, variance=7, range=[1, 6])

    """

    __slots__ = ("_raw", "_scalar")
    _raw: NDArray[np.float64]
    _scalar: bool

    def __init__(self, values: ArrayLike) -> None:
        array = np.asarray(values, dtype=np.float64)
        if array.ndim not in (1, 2):
            raise ValueError(f"values must have shape (R,) or (R, C), not {array.shape}")
        refuse(np.isnan(array), array, "values", "is NaN")
        columns = np.ascontiguousarray(array.T if array.ndim == 2 else array[None])
        raw = np.zeros((len(columns), _WIDTH))
        for column, total in zip(columns, raw, strict=True):
            operations("common").add_moments(column, total, 1)
        self._set(raw, array.ndim == 1)

    def _set(self, raw: NDArray[np.float64], scalar: bool) -> None:
        raw.flags.writeable = False
        self._raw, self._scalar = raw, scalar

    @classmethod
    def from_array(cls, raw: ArrayLike) -> Moments:
        """Return the moments behind an array (7,) or (C, 7) of them, as `to_array` gives it.

        Raises
        ------
        ValueError
            If the shape is another one, a count is negative or no integer, or counts differ.

        """
        array = np.array(raw, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[-1] != _WIDTH:
            raise ValueError(f"moments must have shape ({_WIDTH},) or (C, {_WIDTH}), not {array.shape}")
        counts = array[..., 0].reshape(-1)
        if not ((counts >= 0) & (counts == np.floor(counts)) & np.isfinite(counts)).all():
            raise ValueError("a count of values must be an integer that is not negative")
        if counts.size and (counts != counts[0]).any():
            raise ValueError("columns of moments must have the same count")
        made = cls.__new__(cls)
        made._set(array.reshape(-1, _WIDTH), array.ndim == 1)
        return made

    @classmethod
    def _of_raw(cls, raw: NDArray[np.float64]) -> Moments:
        """Return the moments of one column behind a new array (1, 7) of good ones."""
        made = cls.__new__(cls)
        made._set(raw, True)
        return made

    def to_array(self) -> NDArray[np.float64]:
        """Return (7,) or (C, 7): count, mean, M2, M3, M4, min, max."""
        return self._raw[0].copy() if self._scalar else self._raw.copy()

    def merge(self, other: Moments) -> Moments:
        """Return the moments of the values of both, those of `other` last."""
        if not isinstance(other, Moments):
            raise TypeError(f"only Moments can be merged with Moments, not {type(other).__name__}")
        if self._scalar != other._scalar or self._raw.shape != other._raw.shape:
            raise ValueError(f"moments of {_columns(self)} cannot be merged with those of {_columns(other)}")
        raw = self._raw.copy()
        merge = operations("common").merge_moments
        for place, total in enumerate(raw):
            merge(other._raw[place : place + 1], total)
        made = Moments.__new__(Moments)
        made._set(raw, self._scalar)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Moments.from_array, (self.to_array(),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Moments):
            return NotImplemented
        return self._scalar == other._scalar and self._raw.tobytes() == other._raw.tobytes()

    def __hash__(self) -> int:
        return hash((self._scalar, self._raw.tobytes()))

    def __repr__(self) -> str:
        columns = zip(*(self._raw[:, place].tolist() for place in (1, 5, 6)), strict=True)
        rows = zip(columns, np.atleast_1d(self.variance), np.atleast_1d(self.standard_error), strict=True)
        described = [
            f"mean={mean:.6g} ± {error:.2g}, variance={variance:.6g}, range=[{low:.6g}, {high:.6g}]"
            for (mean, low, high), variance, error in rows
        ]
        if self._scalar:
            return f"Moments(count={self.count}, {described[0]})"
        return "\n  ".join([f"Moments(count={self.count}, {_columns(self)})", *described])

    def _column(self, place: int) -> Any:
        if self.count == 0:
            column = np.full(len(self._raw), np.nan)
        else:
            column = self._raw[:, place].copy()
        return float(column[0]) if self._scalar else column

    @property
    def count(self) -> int:
        """Number of values of each column."""
        return int(self._raw[0, 0]) if len(self._raw) else 0

    @property
    def mean(self) -> Any:
        """Mean."""
        return self._column(1)

    @property
    def M2(self) -> Any:  # noqa: N802
        """Σ (x − mean)²."""
        return self._column(2)

    @property
    def M3(self) -> Any:  # noqa: N802
        """Σ (x − mean)³."""
        return self._column(3)

    @property
    def M4(self) -> Any:  # noqa: N802
        """Σ (x − mean)⁴."""
        return self._column(4)

    @property
    def min(self) -> Any:
        """Least value."""
        return self._column(5)

    @property
    def max(self) -> Any:
        """Largest value."""
        return self._column(6)

    @property
    def variance(self) -> Any:
        """Unbiased variance M2/(count − 1), NaN for less than two values."""
        return self.M2 / (self.count - 1) if self.count > 1 else self.M2 * np.nan

    @property
    def standard_error(self) -> Any:
        """Standard error of the mean, √(variance / count)."""
        return self._given(np.sqrt(self.variance / max(self.count, 1)))

    @property
    def skewness(self) -> Any:
        """√count · M3 / M2^(3/2), NaN where all values agree."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._given(np.sqrt(self.count) * self.M3 / np.power(self.M2, 1.5))

    @property
    def excess_kurtosis(self) -> Any:
        """Count · M4 / M2² − 3, NaN where all values agree."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._given(np.float64(self.count) * self.M4 / np.square(self.M2) - 3.0)

    def _given(self, value: Any) -> Any:
        return float(value) if self._scalar else value


def _columns(moments: Moments) -> str:
    return "one column" if moments._scalar else f"{len(moments._raw)} columns"
