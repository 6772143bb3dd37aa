"""Options that are words, one of a few strings, and names of files. Errors name the argument and what it was given."""

import os
import reprlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

_LONGEST = 60
_short = reprlib.Repr()
_short.maxstring = _short.maxother = _LONGEST


def as_word(value: Any, name: str, allowed: Collection[str | None]) -> Any:
    """Return `value`, one of the `allowed` strings (or None, where that is among them); else raise ValueError.

    Nothing but strings and None is compared: arrays compare letter by letter, and lists have no hash.

    Examples
    --------
    >>> from alignment_fast._border.words import as_word
    >>> as_word("dpo", "method", ("ipo", "dpo"))
    'dpo'
    >>> as_word(["dpo"], "method", ("ipo", "dpo"))
    Traceback (most recent call last):
    ValueError: method must be one of 'ipo', 'dpo', not ['dpo']

    """
    if (value is None or isinstance(value, str)) and value in allowed:
        return value
    raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {shown(value)}")


def as_path(value: Any, name: str = "path") -> Path:
    """Return the name of a file, text or an object of `os.PathLike` that gives text, as a Path.

    Examples
    --------
    >>> from alignment_fast._border.words import as_path
    >>> as_path(None)
    Traceback (most recent call last):
    TypeError: path must be a path, not None

    """
    try:
        return Path(os.fspath(value))
    except TypeError:
        raise TypeError(f"{name} must be a path, not {shown(value)}") from None


def shown(value: Any) -> str:
    """Return any argument as a message shows it: in one line, and shortened.

    Examples
    --------
    >>> from alignment_fast._border.words import shown
    >>> shown(list(range(1000)))
    '[0, 1, 2, 3, 4, 5, ...]'

    """
    return " ".join(_short.repr(value).split())
