"""Operations of the over-optimisation laws on CPU arrays."""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu

# Numbers of a matrix that are gone through at a time: between them the interpreter sees Ctrl-C.
AT_ONCE = 1 << 20


def gao_fit(form, kl, gain, variance=None, covariance=None):
    """Return (alpha, beta, their covariance (2, 2)) of gains (T,) at divergences (T,), or None where points do not say.

    `form` is a number of `FORMS`, `variance` (T,) or `covariance` (T, T) that of the gains, where it is known.
    """
    out = np.empty(6)
    if not cpu.gao_fit(form, kl, gain, variance, covariance, out):
        return None
    return float(out[0]), float(out[1]), out[2:].reshape(2, 2)


def gao_gains(form, kl, alpha, beta):
    """Return the gains at divergences (T,)."""
    out = np.empty(kl.shape)
    cpu.gao_gains(form, kl, alpha, beta, out)
    return out


def gao_errors(form, kl, covariance):
    """Return the standard errors of gains at divergences (T,) from the covariance (2, 2) of the coefficients."""
    out = np.empty(kl.shape)
    cpu.gao_errors(form, kl, covariance, out)
    return out


def mean_and_covariance(x):
    """Return the mean of the rows of `x` (R, T), at least two, and the covariance (T, T) of that mean."""
    rows, columns = x.shape
    mean, covariance = np.zeros(columns), np.zeros((columns, columns))
    step = max(1, AT_ONCE // max(1, columns))
    parts = [(first, min(first + step, rows)) for first in range(0, rows, step)]
    for part in parts:
        cpu.add_columns(x, *part, mean)
    mean /= rows
    for part in parts:
        cpu.add_products(x, *part, mean, covariance)
    covariance /= rows - 1
    covariance /= rows
    return mean, covariance
