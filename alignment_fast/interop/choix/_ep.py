"""Expectation propagation (EP) over pairs: a Gaussian posterior of all parameters, by the host's own passes.

Each pair is a factor that matches the moments of its chance, of the logistic function by a mixture of normals as in the
host. Pairs are visited in the order that NumPy's global generator gives the host. Chu & Ghahramani (2005).
"""

import numpy as np
from scipy.linalg import solve_triangular

from alignment_fast._operations import operations
from alignment_fast.interop.choix._data import Data, pairs_of

__all__ = ["ep_pairwise"]

# Largest change of a natural parameter in a pass that is the last one.
_THRESHOLD = 1e-4


def _inverse(precision):
    """Return the inverse of a positive definite matrix."""
    inverse = solve_triangular(np.linalg.cholesky(precision), np.eye(len(precision)), lower=True)
    return inverse.T @ inverse


def _state_of(pairs, n_items, tau, nu):
    """Return precision and shift of the items that follow from the factors of the pairs."""
    winner, loser = pairs.T
    precision, shift = np.zeros((n_items, n_items)), np.zeros(n_items)
    for places, sign in (((winner, winner), 1), ((loser, loser), 1), ((winner, loser), -1), ((loser, winner), -1)):
        np.add.at(precision, places, sign * tau)
    np.add.at(shift, winner, nu)
    np.add.at(shift, loser, -nu)
    return precision, shift


def ep_pairwise(
    n_items: int,
    data: Data,
    alpha: float,
    model: str = "logit",
    max_iter: int = 100,
    initial_state: tuple | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the Gaussian posterior, as ``choix.ep_pairwise``.

    Arrays in `initial_state` are those of the factors where the passes start, and are left where they end, as in the
    host.
    """
    if model not in ("logit", "probit"):
        raise ValueError(f"unknown model '{model}'")
    pairs, prior = pairs_of(n_items, data), alpha * np.eye(n_items)
    if initial_state is None:
        tau, nu = np.zeros(len(pairs)), np.zeros(len(pairs))
    else:
        tau, nu = (np.ascontiguousarray(part[: len(pairs)], np.float64) for part in initial_state)
    precision, shift = _state_of(pairs, n_items, tau, nu)
    covariance = (1 / alpha) * np.eye(n_items) if initial_state is None else _inverse(prior + precision)
    mean = covariance @ shift
    for _ in range(max_iter):
        before = tau.copy(), nu.copy()
        order = np.random.permutation(len(pairs))  # noqa: NPY002  the host's generator
        operations("ranking").ep_pass(pairs, order, model == "logit", tau, nu, covariance, mean, shift, precision)
        covariance = _inverse(prior + precision)
        mean = covariance @ shift
        if all(np.abs(new - old).max(initial=0.0) <= _THRESHOLD for new, old in zip((tau, nu), before, strict=True)):
            return mean, covariance
    raise RuntimeError(f"EP did not converge after {max_iter} iterations")
