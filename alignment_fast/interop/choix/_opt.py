"""Maximum likelihood with a Gaussian penalty, by SciPy's general minimisers: the host's iterations, on counts.

Objective: alpha ‖θ‖² − log-likelihood. The values that the minimiser sees are the host's up to rounding, so that it
stops where the host's does; `alignment_fast.ranking.fit` with ``l2=2 * alpha`` finds the maximum itself.
"""

import numpy as np
from scipy.optimize import minimize

from alignment_fast.interop.choix._data import Data, choices_of, counts_of, pieces, rankings_of
from alignment_fast.interop.choix._strict import edges_of, refuse_unbounded

__all__ = ["opt_pairwise", "opt_rankings", "opt_top1"]

_LARGEST_EXPONENT = 500


class _Pairs:
    """Negative log-likelihood of pairs, its gradient and Hessian."""

    def __init__(self, n_items, data):
        self.counts, self.n_items = counts_of(n_items, data), n_items

    def difference(self, params):
        return params[self.counts.winner] - params[self.counts.loser]

    def value(self, params):
        return float(self.counts.times @ np.logaddexp(0, -self.difference(params)))

    def gradient(self, params):
        odds = np.exp(np.clip(self.difference(params), -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
        lost = self.counts.times / (1 + odds)
        found = np.bincount(self.counts.loser, weights=lost, minlength=self.n_items)
        return found - np.bincount(self.counts.winner, weights=lost, minlength=self.n_items)

    def hessian(self, params):
        odds = np.exp(np.clip(self.difference(params), -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
        curvature = self.counts.times / (1 / odds + 2 + odds)
        square = np.bincount(
            self.counts.winner * self.n_items + self.counts.loser, weights=curvature, minlength=self.n_items**2
        ).reshape(self.n_items, self.n_items)
        square = square + square.T
        return np.diag(square.sum(axis=1)) - square


class _Choices:
    """Negative log-likelihood of rankings or choices, its gradient and Hessian."""

    def __init__(self, n_items, rows):
        self.n_items = n_items
        self.rows = list(pieces(rows, lambda part: part.items.shape[1] ** 2))

    def stages(self, params):
        """Yield, stage by stage, the items that are left and their parameters less that of the item chosen."""
        for part in self.rows:
            for stage in range(part.stages):
                items = part.items[:, stage:]
                yield items, params[items] - params[items[:, :1]]

    def value(self, params):
        total = 0.0
        for _, gaps in self.stages(params):
            top = gaps.max(axis=1, keepdims=True)
            total += float((np.log(np.exp(gaps - top).sum(axis=1)) + top[:, 0]).sum())
        return total

    def probabilities(self, params):
        """Yield, stage by stage, the items that are left and the probabilities with which each is chosen."""
        for items, gaps in self.stages(params):
            odds = np.exp(gaps - gaps.max(axis=1, keepdims=True))
            yield items, odds / odds.sum(axis=1, keepdims=True)

    def gradient(self, params):
        found = np.zeros(self.n_items)
        for items, chances in self.probabilities(params):
            found += np.bincount(items.ravel(), weights=chances.ravel(), minlength=self.n_items)
            found -= np.bincount(items[:, 0], minlength=self.n_items)
        return found

    def hessian(self, params):
        found = np.zeros(self.n_items**2)
        for items, chances in self.probabilities(params):
            keys = items[:, :, None] * self.n_items + items[:, None, :]
            products = chances[:, :, None] * chances[:, None, :]
            found -= np.bincount(keys.ravel(), weights=products.ravel(), minlength=found.size)
            found += np.bincount((items * (self.n_items + 1)).ravel(), weights=chances.ravel(), minlength=found.size)
        return found.reshape(self.n_items, self.n_items)


def _minimised(terms, n_items, alpha, method, initial_params, max_iter, tol):
    start = np.zeros(n_items) if initial_params is None else initial_params
    functions = {"jac": lambda x: 2 * alpha * x + terms.gradient(x)}
    if method == "Newton-CG":
        functions["hess"] = lambda x: 2 * alpha * np.identity(n_items) + terms.hessian(x)
        options = {"xtol": tol, "maxiter": max_iter}
    elif method == "BFGS":
        options = {"gtol": tol, "maxiter": max_iter}
    else:
        raise ValueError("method not known")
    return minimize(
        lambda x: alpha * np.sum(x**2) + terms.value(x), start, method=method, options=options, **functions
    ).x


def opt_pairwise(
    n_items: int,
    data: Data,
    alpha: float = 1e-6,
    method: str = "Newton-CG",
    initial_params: Data = None,
    max_iter: int | None = None,
    tol: float = 1e-5,
    strict: bool = False,
) -> np.ndarray:
    """Return the maximum-likelihood estimate from pairs (winner, loser), as ``choix.opt_pairwise``."""
    terms = _Pairs(n_items, data)
    if strict and not alpha:
        refuse_unbounded(n_items, terms.counts.winner, terms.counts.loser)
    return _minimised(terms, n_items, alpha, method, initial_params, max_iter, tol)


def _of_rows(rows, n_items, alpha, method, initial_params, max_iter, tol, strict):
    if strict and not alpha:
        refuse_unbounded(n_items, *edges_of(rows))
    return _minimised(_Choices(n_items, rows), n_items, alpha, method, initial_params, max_iter, tol)


def opt_rankings(
    n_items: int,
    data: Data,
    alpha: float = 1e-6,
    method: str = "Newton-CG",
    initial_params: Data = None,
    max_iter: int | None = None,
    tol: float = 1e-5,
    strict: bool = False,
) -> np.ndarray:
    """Return the maximum-likelihood estimate from rankings, as ``choix.opt_rankings``."""
    return _of_rows(rankings_of(n_items, data), n_items, alpha, method, initial_params, max_iter, tol, strict)


def opt_top1(
    n_items: int,
    data: Data,
    alpha: float = 1e-6,
    method: str = "Newton-CG",
    initial_params: Data = None,
    max_iter: int | None = None,
    tol: float = 1e-5,
    strict: bool = False,
) -> np.ndarray:
    """Return the maximum-likelihood estimate from choices (winner, losers), as ``choix.opt_top1``."""
    return _of_rows(choices_of(n_items, data), n_items, alpha, method, initial_params, max_iter, tol, strict)
