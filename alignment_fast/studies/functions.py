"""Users' functions, named ``"module:function"`` in a spec, and the files beside the spec that they are made of."""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from alignment_fast.studies.errors import SpecError

__all__ = ["ROLES", "code_files", "user_function"]

# Functions of a user's own estimand.
ROLES = ("generate", "analyse", "summarise")

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


def _file_of(module: str, folder: Path) -> Path | None:
    """Return the file beside the spec that a module is in, None if it is installed elsewhere."""
    place = folder.joinpath(*module.split("."))
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)


def code_files(name: str, folder: Path) -> dict[str, bytes]:
    """Return what is in the files beside the spec that ``"module:function"`` needs, by module.

    These are its own file and those that ``import`` statements in it name, wherever they stand, and so on; what is
    installed elsewhere, or imported under a name that is computed, is not found.
    """
    found: dict[str, bytes] = {}
    waiting = deque(_with_parents(name.partition(":")[0]))
    while waiting:
        module = waiting.popleft()
        file = None if module in found else _file_of(module, folder)
        if file is not None:
            found[module] = file.read_bytes()
            waiting.extend(_imported(found[module], module, is_package=file.name == "__init__.py"))
    return found


def _imported(content: bytes, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the modules that a file may import: of ``from a import b`` both a and a.b."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # its import will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[: place + 1]) for place in range(len(parts) if module else 0))


def user_function(name: str, folder: Path) -> Callable[..., Any]:
    """Return the function behind ``"module:function"``; modules beside the spec, in `folder`, are found too."""
    module, _, attribute = name.partition(":")
    try:
        with _importing_from(folder):
            loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise SpecError(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
    beside, origin = _file_of(module, folder), getattr(loaded, "__file__", None)
    if beside is not None:
        if origin is None or not beside.samefile(origin):
            raise SpecError(
                f"this process has another module {module} already, of {origin or 'Python itself'}: rename it"
            )
        _check_unchanged(name, folder)
    found = getattr(loaded, attribute, None)
    if not callable(found):
        raise SpecError(f"{module} has no function {attribute!r}")
    return found


def _check_unchanged(name: str, folder: Path) -> None:
    """Raise SpecError if one of the files behind a function is no more what this process loaded."""
    for module, content in code_files(name, folder).items():
        loaded = sys.modules.get(module)
        if loaded is not None and _content.setdefault(loaded, content) != content:
            raise SpecError(f"module {module} has changed since this process loaded it: begin a new process")
