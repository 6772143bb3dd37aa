"""SciPy's modules, imported when a function of theirs is first used: SciPy takes longer to load than this package."""

import importlib
from typing import Any

__all__ = ["special", "stats"]


class _Module:
    """A module that is imported when one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self._name), name)
        setattr(self, name, value)
        return value


special, stats = _Module("scipy.special"), _Module("scipy.stats")
