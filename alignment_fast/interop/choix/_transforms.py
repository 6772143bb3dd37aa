"""Parameters (logarithms, mean 0) and weights (mean 1), stationary distributions, when an iteration has converged."""

import numpy as np
from scipy.linalg import lapack

SEVERAL_CLASSES = (
    "stationary distribution could not be computed. Perhaps the Markov chain has more than one absorbing class?"
)


def log_transform(weights):
    """Return the logarithms of `weights`, shifted to mean 0."""
    params = np.log(weights)
    return params - params.mean()


def exp_transform(params):
    """Return the exponentials of `params`, scaled to mean 1."""
    params = np.asarray(params)
    weights = np.exp(params - np.mean(params))
    return (len(weights) / weights.sum()) * weights


def statdist(generator):
    """Return the stationary distribution of a Markov chain with rates `generator`, scaled to mean 1.

    Raises
    ------
    ValueError
        If the chain has more than one absorbing class.

    """
    return statdist_in_place(np.array(generator, dtype=np.float64, order="C"))


def statdist_in_place(generator):
    """Return what `statdist` does; `generator`, float64 in C order, is overwritten.

    Rows sum to 0. The last row of U in generatorᵀ = P L U is then 0, and U π = 0 is solved from the last component on,
    which is 1, as the host does.
    """
    n = len(generator)
    upper, _, _ = lapack.dgetrf(generator.T, overwrite_a=True)
    last = np.zeros(n)
    upper[-1, -1] = last[-1] = 1.0
    found, info = lapack.dtrtrs(upper, last)
    if info:
        raise ValueError(SEVERAL_CLASSES)
    return (n / found.sum()) * found


class Converged:
    """Whether successive parameters, each shifted to mean 0, differ by at most `tolerance` per item."""

    def __init__(self, tolerance):
        self.tolerance, self.last = tolerance, None

    def __call__(self, params):
        """Return whether `params` are as the ones before; the first ones are not."""
        params = np.asarray(params) - np.mean(params)
        last, self.last = self.last, params
        return last is not None and bool(np.abs(last - params).sum() <= self.tolerance * len(params))


def iterated(step, params, max_iter, tol):
    """Return the first of step(params), step(step(params)), ... that differs little from the one before.

    Raises
    ------
    RuntimeError
        After `max_iter` steps without that.

    """
    converged = Converged(tol)
    for _ in range(max_iter):
        params = step(params)
        if converged(params):
            return params
    raise RuntimeError(f"Did not converge after {max_iter} iterations")
