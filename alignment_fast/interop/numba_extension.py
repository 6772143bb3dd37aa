"""What Numba calls when it starts (entry point ``numba_extensions``), and what registers the functions.

Programs that use Numba alone pay for nothing but this module: functions are registered once theirs is imported.
"""

import importlib
import sys

from alignment_fast.accel._imports import after_import

# Functions by the module that they are public in.
FUNCTIONS = {
    "alignment_fast.information": ("entropy", "cross_entropy", "kl_divergence"),
    "alignment_fast.interop.numba": (
        *("exp", "expm1", "log", "log1p", "log1mexp", "softplus", "sigmoid"),
        *("normal_cdf", "log_normal_cdf", "normal_ppf", "normal_isf"),
    ),
    "alignment_fast.interop.scipy": ("logsumexp", "softmax", "log_softmax"),
}
_registered: set[str] = set()


def init() -> None:
    """Register the functions of modules that are imported, and of others when they are."""
    for name in FUNCTIONS:
        after_import(name, "numba", lambda module: _register(module.__name__))


def register() -> None:
    """Make all functions known to Numba, whether or not the package is installed with its entry point.

    Examples
    --------
    >>> import numba, numpy as np
    >>> from alignment_fast.interop import numba as fast
    >>> fast.register()
    >>> @numba.njit
    ... def mean_loss(margin):
    ...     return fast.softplus(-margin).mean()
    >>> round(mean_loss(np.array([0.0, 1.0, 2.0])), 6)
    0.377779

    """
    for name in FUNCTIONS:
        importlib.import_module(name)
        _register(name)


def _register(name):
    if name in _registered:
        return
    _registered.add(name)
    from alignment_fast._operations import operations

    module = sys.modules[name]
    operations("special").overload_for_numba({key: getattr(module, key) for key in FUNCTIONS[name]})
