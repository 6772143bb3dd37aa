"""Divergence and win rate of best-of-n from a pool of samples of the reference, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array, as_floating
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.best_of_n.bounds import kl_upper_bound


@dataclass(frozen=True)
class SampledDivergence:
    """What a pool says about best-of-n: D(best-of-n ‖ reference) by several estimates, and the win rate.

    Parameters
    ----------
    n : array (T,) or int
        Numbers of draws.
    kl_estimate, kl_plug_in : array (T,) or None
        The estimator of Beirami et al. averaged with the pool's weights, and the plug-in; None without `log_p`.
    kl_small_atoms : array (T,)
        The plug-in's limit for outcomes of no mass of their own; it knows of ties only.
    kl_upper_bound : array (T,)
        log n − (n − 1)/n.
    win_rate : array (T,)
        Probability to beat one draw of the reference, ties counting one half; unbiased.
    kl_estimate_error, kl_plug_in_error, kl_small_atoms_error, win_rate_error : array (T,) or None
        Standard errors, by jackknife; NaN where n = M.

    """

    n: Any
    kl_estimate: Any
    kl_estimate_error: Any
    kl_plug_in: Any
    kl_plug_in_error: Any
    kl_small_atoms: Any
    kl_small_atoms_error: Any
    kl_upper_bound: Any
    win_rate: Any
    win_rate_error: Any


def divergence_from_samples(scores: Any, n: Any, *, log_p: Any = None) -> SampledDivergence:
    r"""Estimate D(best-of-n ‖ reference) and the win rate of best-of-n from scored samples of the reference.

    With :math:`w_i` the weights of `curve`, which say how likely each sample of the pool is to be selected,

    .. math:: \sum_i w_i \hat D(p_i, n), \qquad
              \sum_i w_i \log \frac{\hat F_i^n - (\hat F_i - p_i)^n}{p_i}, \qquad
              \log n + (n - 1) \sum_i w_i \log \hat F^{\circ}_i

    are the estimator of Beirami et al. (`kl_estimator`; no fresh draws are needed, and the average is unbiased for its
    expectation, which is not below the divergence), the plug-in with the empirical distribution function
    :math:`\hat F` (right where equal scores are one outcome), and its limit for small :math:`p_i`,
    in which :math:`\hat F^{\circ}` counts half of a sample's own ties.

    Parameters
    ----------
    scores : array (M,)
        Scores of independent samples; not NaN. Equal scores are a tie.
    n : int or array of int (T,)
        Numbers of draws, 1 <= n <= M.
    log_p : array (M,), optional
        Log-probability of each sample under the reference, at most 0.

    Returns
    -------
    SampledDivergence

    Raises
    ------
    ValueError
        If a score is NaN, a log-probability is NaN, infinite or positive, shapes differ, or n is out of range.
    TypeError
        If `log_p` are integers.

    Notes
    -----
    Standard errors leave out one sample at a time, ranks and weights and all: for continuous scores the win rate is
    n / (n + 1) and the small-atom limit a number of n and M alone, without error. Cost: about 20 passes over the pool
    for each n.

    References
    ----------
    Beirami et al., "Theoretical guarantees on the best-of-n alignment policy", arXiv:2401.01879.

    Examples
    --------
    >>> import numpy as np
    >>> import alignment_fast as af
    >>> drawn = np.array([0, 1, 1, 2, 0, 1, 2, 1])  # outcomes of a reference with these probabilities and scores
    >>> p, reward = np.array([0.25, 0.5, 0.25]), np.array([0.0, 1.0, 3.0])
    >>> result = af.best_of_n.divergence_from_samples(reward[drawn], 2, log_p=np.log(p[drawn]))
    >>> round(float(result.kl_estimate), 4), round(float(result.kl_estimate_error), 4)
    (0.1854, 0.0033)
    >>> round(float(result.win_rate), 4)
    0.6548

    """
    ops = operations("best_of_n")
    found = ops.short_sample_divergence(scores, n, log_p)
    if found is not None:
        return _result(*found)
    given = in_callers_kind(divergence_from_samples, {"scores": scores, "log_p": log_p}, n=n)
    if given is not None:
        return given
    scores = as_floating(scores, "scores").astype(np.float64)
    _check_axis(scores, "scores")
    refuse(np.isnan(scores), scores, "scores", "is NaN")
    if log_p is not None:
        log_p = as_floating(log_p, "log_p", floating_only=True).astype(np.float64)
        if log_p.shape != scores.shape:
            raise ValueError(f"log_p of shape {log_p.shape} and scores of shape {scores.shape} differ")
        refuse(~((log_p <= 0.0) & np.isfinite(log_p)), log_p, "log_p", "is not a finite number <= 0")
    grid = _draws(n, len(scores))
    counts = grid.reshape(-1).astype(np.float64)
    found = ops.sample_divergence(scores, log_p, counts)
    statistics = list(np.ascontiguousarray(found.T) if grid.ndim else found[0])
    if log_p is None:
        statistics[:4] = [None] * 4
    bound = kl_upper_bound(counts) if grid.ndim else np.float64(kl_upper_bound(counts[0]))
    return _result(grid if grid.ndim else int(grid), bound, statistics)


def _result(n, bound, statistics):
    """Return the result of the estimates and their errors, in turn."""
    *of_divergence, win_rate, win_rate_error = statistics
    return SampledDivergence(n, *of_divergence, bound, win_rate, win_rate_error)


def _draws(n, size):
    grid = as_array(n, "n")
    if grid.dtype.kind not in "iu" or grid.ndim > 1:
        raise ValueError(f"n must be an integer or a one-dimensional array of integers, not {n!r}")
    refuse((grid < 1) | (grid > size), grid, "n", f"is not between 1 and the {size} samples")
    return grid


def _check_axis(array, name):
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be one-dimensional and not empty, not of shape {array.shape}")
