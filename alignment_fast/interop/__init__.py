"""Front ends with the names, arguments and results of other libraries: change one import line.

Front ends load on first use as attributes, as ``alignment_fast.interop.human_eval``; ``torch`` and ``trl``
need PyTorch, ``jax`` needs JAX.
"""

import importlib

_FRONT_ENDS = (
    *("arena_rank", "bigcode", "choix", "evalica", "fastchat", "human_eval", "inspect_ai", "jax"),
    *("lighteval", "numba", "scipy", "torch", "trl", "verl"),
)

__all__ = ["bigcode", "choix", "human_eval", "inspect_ai", "lighteval", "numba", "scipy", "verl"]


def __getattr__(name):
    if name in _FRONT_ENDS:
        return importlib.import_module(f"alignment_fast.interop.{name}")
    raise AttributeError(f"module 'alignment_fast.interop' has no attribute {name!r}")
