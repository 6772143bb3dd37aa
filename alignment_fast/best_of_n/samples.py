"""Divergence and win rate of best-of-n from a pool of samples of the reference, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array, as_floating
from alignment_fast._border.status import refuse
from alignment_fast.best_of_n.bounds import kl_estimator, kl_upper_bound


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
    scores = as_floating(scores, "scores").astype(np.float64)
    _check_axis(scores, "scores")
    refuse(np.isnan(scores), scores, "scores", "is NaN")
    if log_p is not None:
        log_p = as_floating(log_p, "log_p", floating_only=True).astype(np.float64)
        if log_p.shape != scores.shape:
            raise ValueError(f"log_p of shape {log_p.shape} and scores of shape {scores.shape} differ")
        refuse(~((log_p <= 0.0) & np.isfinite(log_p)), log_p, "log_p", "is not a finite number <= 0")
    grid = _draws(n, len(scores))
    pool = _RankedPool(scores, log_p)
    rows = np.array([pool.at(int(draws)) for draws in grid.reshape(-1)]).reshape(*grid.shape, 9)
    columns = [rows[..., i][()] for i in range(9)]
    known = log_p is not None
    return SampledDivergence(
        n=int(grid) if grid.ndim == 0 else grid,
        kl_estimate=columns[0] if known else None,
        kl_estimate_error=columns[1] if known else None,
        kl_plug_in=columns[2] if known else None,
        kl_plug_in_error=columns[3] if known else None,
        kl_small_atoms=columns[4],
        kl_small_atoms_error=columns[5],
        kl_upper_bound=columns[6],
        win_rate=columns[7],
        win_rate_error=columns[8],
    )


class _RankedPool:
    """A pool in ascending order of score, its groups of ties, and statistics of it with their jackknife errors.

    A statistic is a sum over groups of (weight of the group) x (mean of a value over its samples) + (a rest), all of
    which depend on the ranks low + 1..high of the group and on the size of the pool. Without one sample of group H,
    groups below H keep their ranks, those above move down by one, and H loses its highest rank: so prefix sums give the
    statistic without each sample in turn.
    """

    def __init__(self, scores, log_p):
        order = np.argsort(scores, kind="stable")
        self.size = len(scores)
        self.log_p = None if log_p is None else log_p[order]
        _, self.low, self.count = np.unique(scores[order], return_index=True, return_counts=True)
        self.high = self.low + self.count
        self.group = np.repeat(np.arange(len(self.count)), self.count)

    def at(self, n):
        """Return estimates and errors for one n, in the order of `SampledDivergence`."""

        def small(low, high, size):
            return (np.log(n) + (n - 1.0) * np.log((low + high) / (2.0 * size)))[self.group]

        def beaten(low, high, size):
            return ((0.5 * (low + high) - n) / (size - n))[self.group]

        def tied(weight, count, size):
            return 0.5 * weight * count / (size - n)

        known = []
        if self.log_p is not None:
            beirami = kl_estimator(self.log_p, n, log=True)
            known += [lambda low, high, size: beirami]
            known += [lambda low, high, size: _plug_in((high / size)[self.group], self.log_p, n)]
        found = [self._statistic(n, value) for value in (*known, small)]
        win = self._statistic(n, beaten, tied) if n < self.size else (np.nan, np.nan)
        missing = [(np.nan, np.nan)] * (2 - len(known))
        return [*sum([*missing, *found], ()), kl_upper_bound(n), *win]

    def _mean(self, values):
        return np.add.reduceat(values, self.low) / self.count

    def _statistic(self, n, value, rest=None):
        """Return (estimate, standard error)."""
        with np.errstate(divide="ignore", invalid="ignore"):  # n = M - 1: nothing is left to be beaten
            weight = _weights(n, self.size)
            terms = np.add.reduceat(weight, self.low) * self._mean(value(self.low, self.high, self.size))
            if rest is not None:
                terms += rest(weight[self.high - 1], self.count, self.size)
            if n >= self.size:
                return float(terms.sum()), np.nan
            without = self._without_each(n, value, rest)
        away = without - without.mean()
        return float(terms.sum()), float(np.sqrt((self.size - 1) / self.size * (away @ away)))

    def _without_each(self, n, value, rest):
        """Return the statistic without each sample in turn."""
        size = self.size - 1
        weight = _weights(n, size)
        kept, moved = np.append(weight, 0.0), np.concatenate([[0.0], weight])  # by rank: below, and from above
        below = np.add.reduceat(kept, self.low) * self._mean(value(self.low, np.minimum(self.high, size), size))
        above = np.add.reduceat(moved, self.low) * self._mean(value(np.maximum(self.low - 1, 0), self.high - 1, size))
        own_value = value(self.low, np.maximum(self.high - 1, 1), size)
        own_weight = np.where(self.count > 1, np.add.reduceat(kept, self.low) - kept[self.high - 1], 0.0)
        others = np.add.reduceat(own_value, self.low)[self.group] - own_value
        own = (own_weight / np.maximum(self.count - 1, 1))[self.group] * others
        if rest is not None:
            below += rest(kept[self.high - 1], self.count, size)
            above += rest(moved[self.high - 1], self.count, size)
            own += rest(np.where(self.count > 1, moved[self.high - 1], 0.0), self.count - 1, size)[self.group]
        lower = np.concatenate([[0.0], np.cumsum(below)[:-1]])
        upper = np.concatenate([np.cumsum(above[:0:-1])[::-1], [0.0]])
        return own + (lower + upper)[self.group]


def _weights(n, size):
    """Return the chance of each rank 1..size to be the best of n samples without replacement."""
    ranks = np.arange(size, 1, -1, dtype=np.float64)
    return np.cumprod(np.concatenate([[n / size], np.maximum(ranks - n, 0.0) / (ranks - 1.0)]))[::-1]


def _plug_in(f, log_p, n):
    """Return log[(F^n - (F - p)^n) / p]; an outcome more probable than everything up to it stands for F itself."""
    log_part = np.minimum(log_p - np.log(f), 0.0)  # log p / F
    missed = n * np.log1p(-np.exp(log_part))
    log_gain = np.where(log_part < -60.0, np.log(n) + log_part, np.log(-np.expm1(missed)))
    return n * np.log(f) + log_gain - log_p


def _draws(n, size):
    grid = as_array(n, "n")
    if grid.dtype.kind not in "iu" or grid.ndim > 1:
        raise ValueError(f"n must be an integer or a one-dimensional array of integers, not {n!r}")
    refuse((grid < 1) | (grid > size), grid, "n", f"is not between 1 and the {size} samples")
    return grid


def _check_axis(array, name):
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be one-dimensional and not empty, not of shape {array.shape}")
