"""Sandwich variances of Bradley-Terry scores, row by row, from their definition."""

import numpy as np


def design_of(pairs, n_items, features=None):
    rows = np.eye(n_items)[pairs[:, 0]] - np.eye(n_items)[pairs[:, 1]]
    return rows if features is None else np.hstack([rows, features])


def sandwich(design, share, weight, u, ridge, correction, times=1.0, n_items=None):
    """Return the variances of scores: H⁻¹ G H⁻¹ with a ridge in H (0: scores of mean zero), G less a correction.

    Rows of weight `weight` occurred `times` times each.
    """
    chance = 1 / (1 + np.exp(-design @ u))
    hessian, squares = np.diag(np.broadcast_to(ridge, len(u)).astype(float)), -np.outer(correction, correction)
    for row, p, s, w, t in zip(design, chance, share, weight, np.broadcast_to(times, len(share)), strict=True):
        hessian += t * w * p * (1 - p) * np.outer(row, row)
        squares += t * (w * (s - p)) ** 2 * np.outer(row, row)
    inverse = np.linalg.pinv(hessian, rcond=1e-10)
    return np.diag(inverse @ squares @ inverse)[: n_items or len(u)]


def slopes(design, share, weight, u, penalty):
    """Return the gradient of Σ w (log(1 + e^d) - s d) + ½ Σ penalty u²."""
    return design.T @ (weight * (1 / (1 + np.exp(-design @ u)) - share)) + penalty * u
