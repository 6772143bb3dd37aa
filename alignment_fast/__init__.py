"""Compiled kernels for preference alignment, on CPU and CUDA, under a thin Python API.

Submodules load on first use as attributes: ``import alignment_fast as af; af.best_of_n.BestOfN(...)``.
"""

import importlib

__version__ = "0.1.0"

_SUBMODULES = (
    "accel",
    "best_of_n",
    "dynamics",
    "information",
    "interop",
    "memoryless",
    "pairwise",
    "policy",
    "random",
    "ranking",
    "studies",
)
_ATTRIBUTES = {
    "get_num_threads": "alignment_fast.kernels.common.threads",
    "set_num_threads": "alignment_fast.kernels.common.threads",
    "num_threads": "alignment_fast.kernels.common.threads",
    "show_config": "alignment_fast._config",
    "get_include": "alignment_fast._config",
    "BackendUnavailableError": "alignment_fast.errors",
    "ConvergenceError": "alignment_fast.errors",
}

__all__ = [
    *_SUBMODULES,
    *_ATTRIBUTES,
    "__version__",
]

_SOURCE_FOLDER = (
    "alignment_fast was imported from its source folder, where alignment_fast.kernels does not exist; "
    "run `pip install -e .` first, or start Python elsewhere or with -P"
)


def __getattr__(name):
    try:
        if name in _SUBMODULES:
            return importlib.import_module(f"alignment_fast.{name}")
        if name in _ATTRIBUTES:
            value = globals()[name] = getattr(importlib.import_module(_ATTRIBUTES[name]), name)
            return value
    except ModuleNotFoundError as error:
        if error.name == "alignment_fast.kernels":
            raise ImportError(_SOURCE_FOLDER) from error
        raise
    raise AttributeError(f"module 'alignment_fast' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
