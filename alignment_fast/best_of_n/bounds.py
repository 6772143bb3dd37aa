"""Bounds and estimates that need n, or the probability of the selected outcome, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.call import give, operations_of
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.best_of_n import continuous
from alignment_fast.best_of_n._count import draws_grid


def kl_upper_bound(n: Any = None, *, log_n: Any = None) -> Any:
    """Return log n − (n − 1)/n, which D(best-of-n ‖ reference) never exceeds.

    Exact for continuous rewards (it is `continuous.kl`); for a discrete reference see `BestOfN.kl`.

    Parameters
    ----------
    n, log_n : float or array
        Number of draws, any real >= 1, or its logarithm; exactly one of them.

    Returns
    -------
    float or array of float64
        In nats, of the shape of the argument. Relative error below 1e-14, as n -> 1 too.

    Raises
    ------
    ValueError
        If not exactly one argument is given, or one is NaN, infinite or too small.

    References
    ----------
    Beirami et al., "Theoretical guarantees on the best-of-n alignment policy", arXiv:2401.01879, Theorem 3.1.

    Examples
    --------
    >>> import alignment_fast as af
    >>> round(af.best_of_n.kl_upper_bound(10), 6)
    1.402585
    >>> af.best_of_n.kl_upper_bound(log_n=[0.0, 1000.0])
    array([  0., 999.])

    """
    return continuous.kl(n, log_n=log_n)


def win_rate_continuous(n: Any = None, *, log_n: Any = None) -> Any:
    """Return n / (n + 1): the win rate of best-of-n against one draw under a continuous reward, the most there is.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.win_rate_continuous(4)
    0.8

    """
    return continuous.win_rate(n, log_n=log_n)


def kl_estimator(p_selected: Any, n: Any = None, *, log_n: Any = None, log: bool = False) -> Any:
    r"""Return the estimate of D(best-of-n ‖ reference) from the probability of the selected outcome.

    .. math:: (1-p)^n \left[\log n + (n-1) \log(1-p) - \tfrac{n-1}{n}\right]
              + \left(1 - (1-p)^n\right) \log \frac{1 - (1-p)^n}{p}

    It lies between 0 and `kl_upper_bound`; its expectation under best-of-n is `BestOfN.kl_estimate`.

    Parameters
    ----------
    p_selected : array
        Reference probability of the selected outcome, in (0, 1]; used as it is.
    n, log_n : float or array
        Number of draws, or its logarithm; shape (T,) adds an axis after those of `p_selected`.
    log : bool
        `p_selected` holds log-probabilities.

    Returns
    -------
    array or scalar
        In nats; float32 if `p_selected` is. Absolute error below 1e-14 (1 + log n) given the arguments.

    Raises
    ------
    ValueError
        If a probability is NaN or outside (0, 1], or for n as in `kl_upper_bound`.

    References
    ----------
    Beirami et al., "Theoretical guarantees on the best-of-n alignment policy", arXiv:2401.01879, section 4.

    Examples
    --------
    >>> import alignment_fast as af
    >>> float(af.best_of_n.kl_estimator(0.1, 10).round(6))
    1.378887

    """
    found = operations("best_of_n").short_kl_estimator(p_selected, n, log_n, log)
    if found is not None:
        return found
    log = as_flag(log, "log")
    p = as_floating(p_selected, "p_selected", floating_only=log)
    good = p <= 0.0 if log else (p > 0.0) & (p <= 1.0)
    refuse(~good, p, "p_selected", f"is not {'a log-probability' if log else 'a probability in (0, 1]'}")
    grid, is_log = draws_grid(n, log_n, p.shape)
    values, exact = grid.values, p.astype(np.float64, copy=False)
    if values.ndim > 1:
        exact = np.broadcast_to(exact, grid.leading)
        values = values.reshape(exact.size, values.shape[-1])
    ops = operations_of("best_of_n", p_selected=p_selected)
    out = ops.kl_estimators(exact.reshape(-1), log, values, is_log)
    return give(out, p_selected, dtype=p.dtype, shape=grid.shape)
