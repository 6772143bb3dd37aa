"""The one place that knows which module runs the operations of a family on a device; modules load on first use.

A table of operations is a module of plain functions over arrays of its device (``kernels/<family>/operations.py`` on
the CPU). Host algorithms take such a table as their first argument, `ops`, and call nothing else that is compiled: the
same algorithm then serves every device that has a table.
"""

import importlib
from types import ModuleType
from typing import Any

from alignment_fast.errors import BackendUnavailableError

_MODULES = {
    ("best_of_n", "cpu"): "alignment_fast.kernels.best_of_n.operations",
    ("best_of_n", "cuda"): "alignment_fast.kernels.best_of_n.cuda",
    ("common", "cpu"): "alignment_fast.kernels.common.operations",
    ("common", "cuda"): "alignment_fast.kernels.common.cuda",
    ("dynamics", "cpu"): "alignment_fast.kernels.dynamics.operations",
    ("dynamics", "cuda"): "alignment_fast.kernels.dynamics.cuda",
    ("information", "cpu"): "alignment_fast.kernels.information.operations",
    ("information", "cuda"): "alignment_fast.kernels.information.cuda",
    ("memoryless", "cpu"): "alignment_fast.kernels.memoryless.operations",
    ("pairwise", "cpu"): "alignment_fast.kernels.pairwise.operations",
    ("pairwise", "cuda"): "alignment_fast.kernels.pairwise.cuda",
    ("policy", "cpu"): "alignment_fast.kernels.policy.operations",
    ("policy", "cuda"): "alignment_fast.kernels.policy.cuda",
    ("random", "cpu"): "alignment_fast.kernels.random.operations",
    ("random", "cuda"): "alignment_fast.kernels.random.cuda",
    ("ranking", "cpu"): "alignment_fast.kernels.ranking.operations",
    ("ranking", "cuda"): "alignment_fast.kernels.ranking.cuda",
    ("special", "cpu"): "alignment_fast.kernels.special.operations",
}
_EXTRA = {"cuda": "cuda12 or cuda13"}
_loaded: dict[tuple[str, str], ModuleType] = {}


class _Fewer(ModuleType):
    """A table that lacks operations of the CPU's: asking for one of those says so."""

    def __init__(self, table: ModuleType, family: str, device: str):
        super().__init__(table.__name__)
        self.__dict__.update({name: getattr(table, name) for name in table.__all__})
        self._missing = f"of {family} there is no {{}} on {device!r}: pass the arrays on the CPU"

    def __getattr__(self, name: str) -> Any:
        raise BackendUnavailableError(self._missing.format(name))


def operations(family: str, device: str = "cpu") -> ModuleType:
    """Return the table of operations of `family` on `device` ("cpu" or "cuda").

    Raises
    ------
    BackendUnavailableError
        If the family has no table for the device, or a library behind it is not installed; the message names the extra
        to install.

    """
    table = _loaded.get((family, device))
    return _load(family, device) if table is None else table


def _load(family: str, device: str) -> ModuleType:
    name = _MODULES.get((family, device))
    if name is None:
        raise BackendUnavailableError(f"{family} has no operations on {device!r}: pass its arrays on the CPU")
    try:
        if device == "cuda":
            importlib.import_module("alignment_fast.kernels.common.driver").require_device()
        table = importlib.import_module(name)
    except ImportError as error:
        hint = f"; install alignment-fast[{_EXTRA[device]}]" if error.name and device in _EXTRA else ""
        raise BackendUnavailableError(f"{family} on {device!r} needs {error.name or error}{hint}") from error
    if device != "cpu":
        table = _Fewer(table, family, device)
    _loaded[family, device] = table
    return table
