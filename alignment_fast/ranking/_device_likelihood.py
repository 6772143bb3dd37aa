"""Scores on a CUDA device: the objective of `likelihood.py` there, which keeps its results there too."""

import numpy as np

from alignment_fast._border.arrays import FLOAT32, FLOAT64, common_device
from alignment_fast._border.devices import views
from alignment_fast._operations import operations
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking.comparisons import check_comparisons


def is_on_device(scores):
    """Return whether scores are on a CUDA device."""
    return common_device(scores=scores) == "cuda"


def device_objective(given, comparisons, model, covariates, others, check):
    """Return the `Objective` and the arrays `given` by name, one number per item, in float64 on their device.

    The first of them is the scores, which come back with the `others`, unknowns from the host, behind them.
    ``check(array, name, n_items)`` raises for an array of the host with a bad number.
    """
    cells = check_comparisons(comparisons).cells
    scores, *arrays = device_arrays(given, cells.n_items, check)
    ops = operations("ranking", "cuda")
    return Objective(ops, cells, model, covariates=covariates), ops.unknowns(scores, others), *arrays


def device_arrays(given, n_items, check):
    """Return the arrays `given` by name, one number per item, in float64 on their device; `check` as there."""
    common_device(**given)
    _, found = views(given)
    common = operations("common", "cuda")
    for name, array in found.items():
        if array.dtype not in (FLOAT32, FLOAT64):
            kind = array.dtype if array.storage == "own" else array.storage
            raise TypeError(f"{name} must be float32 or float64 on a CUDA device, not {kind}")
        if array.shape != (n_items,) or common.first_not_finite(array) is not None:
            check(array.numpy(), name, n_items)
    return [common.cast(array, np.dtype(np.float64)) for array in found.values()]
