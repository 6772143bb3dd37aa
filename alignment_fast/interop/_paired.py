"""Bradley-Terry likelihoods of outcomes between pairs, with features or without, as arena-rank and FastChat fit them.

An outcome s in [0, 1] of first against second, of weight w, costs w [log(1 + e^d) - s d] at the difference
d = θ_first - θ_second + x β.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from alignment_fast.errors import ConvergenceError

# Largest entry of the last Newton step, in logits; that step is still taken.
_TOLERANCE = 1e-10
_STEPS = 100


@dataclass(frozen=True)
class Pairs:
    """Outcomes between pairs of `n_items` items.

    Parameters
    ----------
    n_items : int
        Number of items K.
    first, second : array of int (M,)
        Who is compared.
    share : array of float64 (M,)
        What the first one has of the win: 1, 0, or 1/2 of a tie.
    weight : array of float64 (M,)
        How much each counts.
    features : array of float64 (M, q)
        Covariates of each; of none, q is 0.

    """

    n_items: int
    first: np.ndarray
    second: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    features: np.ndarray

    @property
    def unknowns(self) -> int:
        """Number of scores and coefficients."""
        return self.n_items + self.features.shape[1]

    def merged(self) -> Pairs:
        """Return the same likelihood with one row for each two items that met; without features."""
        k = self.n_items
        swapped = self.first > self.second
        low, high = np.where(swapped, self.second, self.first), np.where(swapped, self.first, self.second)
        won = self.weight * np.where(swapped, 1.0 - self.share, self.share)
        weight, won = (np.bincount(low * k + high, weights=one, minlength=k * k) for one in (self.weight, won))
        met = np.flatnonzero(weight)
        return Pairs(k, met // k, met % k, won[met] / weight[met], weight[met], np.empty((len(met), 0)))

    def weighing(self, weight: np.ndarray) -> Pairs:
        """Return the same rows with other weights."""
        return replace(self, weight=weight)

    def differences(self, u: np.ndarray) -> np.ndarray:
        """Return d of every row."""
        found = u[self.first] - u[self.second]
        return found + self.features @ u[self.n_items :] if self.features.shape[1] else found

    def slopes(self, per_row: np.ndarray) -> np.ndarray:
        """Return Σ over rows of a number times the slope of d in the unknowns."""
        k = self.n_items
        found = np.bincount(self.first, per_row, k) - np.bincount(self.second, per_row, k)
        return np.concatenate([found, self.features.T @ per_row]) if self.features.shape[1] else found

    def loss(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the negative log-likelihood and its gradient."""
        d = self.differences(u)
        small = np.exp(-np.abs(d))
        value = float(self.weight @ (np.log1p(small) + np.maximum(d, 0.0) - self.share * d))
        chance = np.where(d > 0, 1.0, small) / (1.0 + small)
        return value, self.slopes(self.weight * (chance - self.share))

    def matrix(self, per_row: np.ndarray) -> np.ndarray:
        """Return Σ over rows of a number times the square of the slope of d, (unknowns, unknowns)."""
        k = self.n_items
        found = np.zeros((self.unknowns, self.unknowns))
        both = np.bincount(self.first * k + self.second, per_row, k * k).reshape(k, k)
        found[:k, :k] = np.diag(both.sum(axis=1) + both.sum(axis=0)) - both - both.T
        for column, feature in enumerate(self.features.T, start=k):
            times = per_row * feature
            found[:k, column] = np.bincount(self.first, times, k) - np.bincount(self.second, times, k)
            found[column, :k] = found[:k, column]
        found[k:, k:] = self.features.T @ (per_row[:, None] * self.features)
        return found

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Return the Hessian of `loss`."""
        chance = expit(self.differences(u))
        return self.matrix(self.weight * chance * (1.0 - chance))

    def is_separable(self) -> bool:
        """Return whether some items lost nothing against the others, so that no finite scores are best."""
        won, lost = self.weight * self.share > 0, self.weight * (1.0 - self.share) > 0
        winner = np.concatenate([self.first[won], self.second[lost]])
        loser = np.concatenate([self.second[won], self.first[lost]])
        edges = csr_array((np.ones(len(winner)), (winner, loser)), shape=(self.n_items, self.n_items))
        return connected_components(edges, directed=True, connection="strong", return_labels=False) > 1


def by_host_steps(pairs: Pairs, penalty: np.ndarray, scale: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """Return where SciPy's L-BFGS-B ends that starts at 0: parameters p with u = scale p, penalty ½ Σ penalty p²."""

    def objective(p: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = pairs.loss(scale * p)
        return value + 0.5 * float(penalty @ (p * p)), scale * gradient + penalty * p

    return minimize(objective, np.zeros(pairs.unknowns), jac=True, method="L-BFGS-B", options=options).x


def maximum(pairs: Pairs, penalty: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Return the unknowns that minimise the loss and ½ Σ penalty u², by Newton's method.

    Raises
    ------
    ConvergenceError
        If there is no finite minimum.

    """
    free = not penalty[: pairs.n_items].any()
    if free and pairs.is_separable():
        raise ConvergenceError("no finite scores are best: some items won or lost everything against the others")
    u = np.zeros(pairs.unknowns) if start is None else start
    value, gradient = pairs.loss(u)
    value, gradient = value + 0.5 * float(penalty @ (u * u)), gradient + penalty * u
    for _ in range(_STEPS):
        matrix = pairs.curvature(u) + np.diag(penalty)
        if free:  # all scores may move alike
            matrix[: pairs.n_items, : pairs.n_items] += matrix.trace() / pairs.n_items**2
        step = -np.linalg.solve(matrix, gradient)
        size = float(np.abs(step).max())
        for _ in range(_STEPS):
            new = u + step
            new_value, new_gradient = pairs.loss(new)
            new_value += 0.5 * float(penalty @ (new * new))
            if new_value <= value or size <= 1e-6:
                break
            step *= 0.5
        u, value, gradient = new, new_value, new_gradient + penalty * new
        if size <= _TOLERANCE:
            return u
    raise ConvergenceError(f"the scores did not converge in {_STEPS} Newton steps", u)
