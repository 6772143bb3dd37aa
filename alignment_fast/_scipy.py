"""SciPy's modules, imported when a function of theirs is first used: SciPy takes longer to load than this package."""

from collections.abc import Callable
from typing import Any

__all__ = ["special", "stats"]


class _Module:
    """A module that is imported when one of its names is asked for."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


def _special() -> Any:
    import scipy.special

    return scipy.special


def _stats() -> Any:
    import scipy.stats

    return scipy.stats


special, stats = _Module(_special), _Module(_stats)
