"""Distances between rankings and parameters."""

import math

import numpy as np
from scipy.stats import kendalltau, rankdata

from alignment_fast.interop.choix._data import Data

__all__ = ["footrule_dist", "kendalltau_dist", "rmse"]


def _ranks(params1, params2, method):
    assert params2 is None or len(params1) == len(params2)
    second = np.arange(1, len(params1) + 1, dtype=float) if params2 is None else rankdata(params2, method=method)
    return rankdata(params1, method=method), second


def footrule_dist(params1: Data, params2: Data = None) -> float:
    """Return Spearman's footrule distance of two rankings, as ``choix.footrule_dist``; None stands for 0, 1, 2, ..."""
    first, second = _ranks(params1, params2, "average")
    return np.sum(np.abs(first - second))


def kendalltau_dist(params1: Data, params2: Data = None) -> int:
    """Return how many pairs two rankings order differently, as ``choix.kendalltau_dist``."""
    tau, _ = kendalltau(*_ranks(params1, params2, "ordinal"))
    pairs = len(params1) * (len(params1) - 1) / 2
    return round((pairs - pairs * tau) / 2)


def rmse(params1: Data, params2: Data) -> float:
    """Return the root of the mean squared difference of parameters, each shifted to mean 0, as ``choix.rmse``."""
    assert len(params1) == len(params2)
    first, second = (np.asarray(params) - np.mean(params) for params in (params1, params2))
    return float(np.linalg.norm(first - second, ord=2) / math.sqrt(len(params1)))
