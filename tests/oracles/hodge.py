"""The split of preferences by general least squares over pairs, and its errors by the covariance of pairs."""

import numpy as np


def pairs_of(K, weights):
    return [(i, j) for i in range(K) for j in range(i + 1, K) if weights[i][j] > 0]


def split(P, weights):
    """Return scores of mean zero, the share of the residual, and the errors of scores."""
    K = len(P)
    pairs = pairs_of(K, weights)
    design = np.zeros((len(pairs), K))
    for row, (i, j) in enumerate(pairs):
        design[row, i], design[row, j] = 1.0, -1.0
    y = np.array([P[i][j] - 0.5 for i, j in pairs])
    w = np.array([weights[i][j] for i, j in pairs], dtype=float)
    solve = np.linalg.pinv(np.sqrt(w)[:, None] * design) * np.sqrt(w)
    scores = solve @ y
    residual = y - design @ scores
    v = np.array([P[i][j] * P[j][i] / weights[i][j] for i, j in pairs])
    covariance = solve @ np.diag(v) @ solve.T
    hat = design @ solve
    noise = np.trace(np.diag(w) @ (np.eye(len(y)) - hat) @ np.diag(v) @ (np.eye(len(y)) - hat).T)
    return scores, (w @ residual**2) / (w @ y**2), np.sqrt(np.diag(covariance)), noise / (w @ y**2)
