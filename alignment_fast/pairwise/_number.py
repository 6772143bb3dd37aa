"""Parameters of losses."""

from typing import Any

from alignment_fast._border.words import shown


def number(value: Any, name: str) -> Any:
    """Return the parameter `value` as a float; None stays."""
    if value is None or type(value) is float:
        return value
    try:
        if getattr(getattr(value, "dtype", None), "kind", "") == "c" or hasattr(value, "mask"):
            raise TypeError  # the imaginary part, or what a mask hides, would go without a word
        return float(value + 0)  # a string has no sum with 0
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be one number, not {shown(value)}") from None
    except OverflowError:
        raise ValueError(f"{name} does not fit into a float64") from None


def required_number(value: Any, name: str) -> float:
    """Return the parameter `value`, which must be there, as a float."""
    if value is None:
        raise TypeError(f"{name} must be one number, not None")
    return float(number(value, name))
