"""The one table that says which function runs an operation on which device; imported on first use."""

import importlib
from collections.abc import Callable

from alignment_fast.errors import BackendUnavailableError

_TABLE = {
    ("best_of_n.brute", "cpu"): "alignment_fast.kernels.best_of_n.solve:brute_cpu",
    ("best_of_n.brute", "cuda"): "alignment_fast.kernels.best_of_n.gpu:brute",
    ("best_of_n.order", "cpu"): "alignment_fast.kernels.best_of_n.solve:order_cpu",
    ("best_of_n.order", "cuda"): "alignment_fast.kernels.best_of_n.gpu:order",
    ("best_of_n.sampler", "cpu"): "alignment_fast.kernels.best_of_n.solve:sampler_cpu",
}
_EXTRA = {"cuda": "cuda12 or cuda13"}
_loaded: dict[tuple[str, str], Callable] = {}


def resolve(operation, device):
    """Return the function that runs `operation` on `device` ("cpu" or "cuda").

    Raises
    ------
    BackendUnavailableError
        If the library behind it is not installed; the message names the extra to install.

    """
    key = operation, device
    if key not in _loaded:
        module, _, name = _TABLE[key].partition(":")
        try:
            if device == "cuda":
                importlib.import_module("alignment_fast.kernels.common.gpu").require_device()
            _loaded[key] = getattr(importlib.import_module(module), name)
        except ImportError as error:
            hint = f"; install alignment-fast[{_EXTRA[device]}]" if error.name and device in _EXTRA else ""
            raise BackendUnavailableError(f"{operation} on {device!r} needs {error.name or error}{hint}") from error
    return _loaded[key]
