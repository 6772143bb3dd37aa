"""Front ends with the names, arguments and results of other libraries: change one import line.

Front ends load on first use as attributes, as ``alignment_fast.interop.human_eval``; ``torch`` and ``trl``
need PyTorch, ``jax`` needs JAX.
"""

import importlib

_FRONT_ENDS = ("choix", "evalica", "human_eval", "jax", "numba", "scipy", "torch", "trl")

__all__ = ["choix", "human_eval", "numba", "scipy"]


def __getattr__(name):
    if name in _FRONT_ENDS:
        return importlib.import_module(f"alignment_fast.interop.{name}")
    raise AttributeError(f"module 'alignment_fast.interop' has no attribute {name!r}")
