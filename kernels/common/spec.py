"""The row format of every family's ``spec.py``: one row per kernel, data only.

Beside the rows, `TABLE` of each ``spec.py`` lists the C prototypes of the loops that exist once per instruction set:
``generate_tables.py`` writes the function table and its declaration for Cython from them.

Tests, benchmarks and the accuracy page are driven by these rows; a row without an implementation, an oracle or a
benchmark fails ``tests/test_spec.py``.
"""

import importlib
import pkgutil
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType


@dataclass(frozen=True)
class Holder:
    """A class of the ``cpu`` module that holds arrays for its methods: name, and arguments of the constructor."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Kernel:
    """One kernel of one family.

    Parameters
    ----------
    name : str
        Name of the entry point in the family's ``cpu`` module, without dtype suffix.
    formula : str
        What it computes, in one line.
    arguments : tuple of str
        Names of the arguments of the entry point, in its order.
    dtypes : tuple of str
        Dtypes of the results: floating ones where the entry point takes any, with a compiled variant for each.
    domain : tuple of tuple of float
        Closed interval of each real argument on which the bound below is promised.
    bounds : mapping of str to float
        Error bound per dtype, in `unit`; the same for every instruction set.
    unit : str
        "ulp", "relative" or "bits" (identical bits on every backend).
    oracle : str
        ``module:function`` below ``tests/oracles``.
    backends : tuple of str
        Where the kernel exists: "cpu" alone unless "cuda" is stated.
    reference : str
        Where formula and bound come from.
    held_by : Holder or None
        The class whose method the entry point is.

    """

    name: str
    formula: str
    arguments: tuple[str, ...]
    dtypes: tuple[str, ...]
    domain: tuple[tuple[float, float], ...]
    bounds: MappingProxyType = field(default_factory=lambda: MappingProxyType({}))
    unit: str = "ulp"
    oracle: str = ""
    backends: tuple[str, ...] = ("cpu",)
    reference: str = ""
    held_by: Holder | None = None

    def bound(self, dtype):
        """Return the error bound for `dtype`."""
        return self.bounds[str(dtype)]


def of_each_type(prototype):
    """Return the prototypes of both types of a C function: {real} stands for the type, {suffix} for its suffix."""
    return tuple(prototype.format(real=real, suffix=suffix) for real, suffix in (("float", "f32"), ("double", "f64")))


def row_modules() -> dict[str, ModuleType]:
    """Return the modules that hold rows, by family: ``spec.py`` of each, and the elementwise functions of `common`."""
    package = __name__.rpartition(".common.")[0]
    folders = [info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__) if info.ispkg]
    names = {family: f"{family}.spec" if family != "common" else "common.functions" for family in sorted(folders)}
    return {family: importlib.import_module(f"{package}.{name}") for family, name in names.items()}
