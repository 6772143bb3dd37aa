"""Scalar arguments: numbers, flags, and counts of what is asked for. Errors name the argument."""

import operator
import sys
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array, as_parameter, is_array
from alignment_fast._border.words import shown

# Replicates, rounds or draws beyond would take days at a nanosecond each, and an array of them 2 PB.
MOST = 1 << 48
# The largest double; integers may be beyond.
LARGEST = sys.float_info.max
# Iterations are counted by 32 bits.
MOST_ITERATIONS = (1 << 31) - 1


def as_number(value: Any, name: str) -> float:
    """Return a number, which may be an array without axes of any library on the CPU, as a float."""
    is_plain = isinstance(value, float | np.floating) or (isinstance(value, int) and not isinstance(value, bool))
    if is_plain and (not isinstance(value, int) or -LARGEST <= value <= LARGEST):
        return float(value)
    if value is None:
        raise TypeError(f"{name} must be a number, not None")
    array = as_parameter(value, name)
    if array.ndim:
        raise TypeError(f"{name} must be a number, not an array of shape {array.shape}")
    return float(array)


def as_flag(value: Any, name: str) -> bool:
    """Return an option that is True or False, or 1 or 0, which may be an array without axes on the CPU, as a bool.

    Nothing else has a truth value here: ``log="no"`` is a TypeError.
    """
    if value is True or value is False:
        return value
    if is_array(value) or isinstance(value, int | np.generic):
        array = as_array(value, name)
        if array.ndim == 0 and array.dtype.kind in "biu" and array in (0, 1):
            return bool(array)
    raise TypeError(f"{name} must be True or False, not {shown(value)}")


def as_level(value: Any, name: str = "level") -> float:
    """Return a confidence level, a number between 0 and 1, as a float."""
    level = as_number(value, name)
    if not 0 < level < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {value}")
    return level


def as_integer(value: Any, name: str) -> int:
    """Return an integer of any kind but bool as an int."""
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{name} must be an integer, not {shown(value)}")
    return number


def as_count(value: Any, name: str, *, least: int = 1, most: int | None = MOST) -> int:
    """Return an integer from `least` to `most`, if there is any such bound, as an int."""
    number = as_integer(value, name)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    if most is not None:
        refuse_beyond(number, name, most)
    return number


def refuse_beyond(number: int, name: str, most: int = MOST) -> None:
    """Raise ValueError for a count beyond `most`."""
    if number > most:
        raise ValueError(f"{name} = {number} is too large: at most {most} can be asked for")


def check_search(tol: Any, max_iter: Any) -> None:
    """Raise unless a search ends at a positive `tol`, or after at least one iteration."""
    if type(tol) is float and type(max_iter) is int and tol > 0 and 1 <= max_iter <= MOST_ITERATIONS:
        return
    number, count = as_number(tol, "tol"), as_integer(max_iter, "max_iter")
    refuse_beyond(count, "max_iter", MOST_ITERATIONS)
    if not number > 0 or count < 1:
        raise ValueError(f"tol must be positive and max_iter at least 1, not {tol} and {max_iter}")
