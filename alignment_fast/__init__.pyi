from typing import Final

from alignment_fast import accel as accel
from alignment_fast import best_of_n as best_of_n
from alignment_fast import dynamics as dynamics
from alignment_fast import information as information
from alignment_fast import interop as interop
from alignment_fast import memoryless as memoryless
from alignment_fast import pairwise as pairwise
from alignment_fast import policy as policy
from alignment_fast import random as random
from alignment_fast import ranking as ranking
from alignment_fast import studies as studies
from alignment_fast._config import get_include as get_include
from alignment_fast._config import show_config as show_config
from alignment_fast.errors import BackendUnavailableError as BackendUnavailableError
from alignment_fast.errors import ConvergenceError as ConvergenceError
from alignment_fast.kernels.common.threads import get_num_threads as get_num_threads
from alignment_fast.kernels.common.threads import num_threads as num_threads
from alignment_fast.kernels.common.threads import set_num_threads as set_num_threads

__all__ = [
    "BackendUnavailableError",
    "ConvergenceError",
    "__version__",
    "accel",
    "best_of_n",
    "dynamics",
    "get_include",
    "get_num_threads",
    "information",
    "interop",
    "memoryless",
    "num_threads",
    "pairwise",
    "policy",
    "random",
    "ranking",
    "set_num_threads",
    "show_config",
    "studies",
]

__version__: Final[str]
