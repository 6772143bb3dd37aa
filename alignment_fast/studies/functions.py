"""Users' functions, named ``"module:function"`` in a spec."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alignment_fast.studies.errors import SpecError

__all__ = ["user_function"]


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Let modules beside the spec be found, before others of the same name."""
    place = str(folder.absolute())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(place)


def user_function(name: str, folder: Path) -> Callable[..., Any]:
    """Return the function behind ``"module:function"``; modules beside the spec, in `folder`, are found too."""
    module, _, attribute = name.partition(":")
    try:
        with _importing_from(folder):
            found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        raise SpecError(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise SpecError(f"{module} has no function {attribute!r}")
    return found  # type: ignore[no-any-return]
