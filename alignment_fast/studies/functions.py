"""Users' functions, named ``"module:function"`` in a spec."""

from __future__ import annotations

import contextlib
import importlib
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from alignment_fast.studies.errors import SpecError

__all__ = ["code_file", "user_function"]


# What was in the files of users' modules when they were first asked for.
_content: weakref.WeakKeyDictionary[ModuleType, bytes] = weakref.WeakKeyDictionary()


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


def code_file(name: str, folder: Path) -> Path | None:
    """Return the file beside the spec that ``"module:function"`` is in, None if it is installed elsewhere."""
    place = folder.joinpath(*name.partition(":")[0].split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def user_function(name: str, folder: Path) -> Callable[..., Any]:
    """Return the function behind ``"module:function"``; modules beside the spec, in `folder`, are found too."""
    module, _, attribute = name.partition(":")
    try:
        with _importing_from(folder):
            loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise SpecError(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
    beside, origin = code_file(name, folder), getattr(loaded, "__file__", None)
    if beside is not None:
        if origin is None or not beside.samefile(origin):
            raise SpecError(
                f"this process has another module {module} already, of {origin or 'Python itself'}: rename it"
            )
        content = beside.read_bytes()
        if _content.setdefault(loaded, content) != content:
            raise SpecError(f"{beside.name} has changed since this process loaded it: begin a new process")
    found = getattr(loaded, attribute, None)
    if not callable(found):
        raise SpecError(f"{module} has no function {attribute!r}")
    return found
