"""Parameters of losses."""

from typing import Any

from alignment_fast._border.words import shown


def number(value: Any, name: str) -> Any:
    """Return the parameter `value` as a float; None stays."""
    if value is None:
        return value
    try:
        return float(value + 0)  # a string has no sum with 0
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be one number, not {shown(value)}") from None
