r"""Preferences split into a scalar part, which scores explain, and a cyclic one, which none do.

With :math:`Y_{ij} = P_{ij} - 1/2`, skew-symmetric, and symmetric weights :math:`w_{ij} \ge 0`, scores s of mean zero
minimise :math:`\sum_{i<j} w_{ij} (Y_{ij} - (s_i - s_j))^2`: they solve :math:`L s = d`, L the Laplacian of the weights
and :math:`d_i = \sum_j w_{ij} Y_{ij}`. What is left, :math:`R_{ij} = Y_{ij} - (s_i - s_j)`, is without divergence and
orthogonal to the scalar part, so that :math:`\sum w Y^2 = \sum w (s_i - s_j)^2 + \sum w R^2`; the cyclic share is the
last term's.

Errors, where :math:`w_{ij}` is the number of comparisons of i and j, and :math:`P_{ij}` their share: :math:`Y_{ij}` has
variance :math:`v_{ij} = P_{ij} P_{ji} / w_{ij}`, so :math:`\mathrm{cov}(s) = L^+ L_v L^+` with :math:`L_v` the
Laplacian of :math:`w^2 v`; the share moves by :math:`2 w_{ij} (R_{ij} - \rho Y_{ij}) / \sum w Y^2` with :math:`Y_{ij}`.
Noise alone leaves a cyclic part of expectation :math:`\sum_{i<j} w_{ij} v_{ij} (1 - w_{ij} (L^+_{ii} + L^+_{jj} - 2
L^+_{ij}))`.

References
----------
Jiang, Lim, Yao & Ye, "Statistical ranking and combinatorial Hodge theory", Mathematical Programming 127 (2011) 203;
arXiv:2605.17342 (preferences of language models).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.pieces import in_pieces
from alignment_fast._border.status import place, refuse
from alignment_fast._operations import operations
from alignment_fast.policy._arguments import PreferenceArguments

__all__ = ["Hodge", "hodge"]

# Nanoseconds per cube of the number of responses: an eigenproblem and what follows. They decide where Ctrl-C can come.
EIGEN_COST = 2.0


class Hodge(NamedTuple):
    """The scalar and the cyclic part of preferences.

    Parameters
    ----------
    scores : array (..., K)
        Scores of mean zero, in units of probability: their differences are the scalar part of P − 1/2.
    cyclic : array (..., K, K)
        P − 1/2 less differences of scores; 0 for pairs of weight 0.
    cyclic_share : array (...)
        Share of Σ w (P − 1/2)² that is cyclic, 0 to 1; 0 where there is no preference at all.
    standard_errors : array (..., K) or None
        Of `scores`; None without weights.
    share_error : array (...) or None
        Standard error of `cyclic_share`, to first order: of no use where the share is near 0.
    noise_share : array (...) or None
        The cyclic share that sampling noise alone is expected to leave.

    """

    scores: Any
    cyclic: Any
    cyclic_share: Any
    standard_errors: Any
    share_error: Any
    noise_share: Any


def hodge(P: Any, weights: Any = None) -> Hodge:
    r"""Split preferences into scores and cycles by weighted least squares.

    .. math:: P_{ij} - \tfrac12 = (s_i - s_j) + R_{ij}, \qquad \sum_j w_{ij} R_{ij} = 0

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    weights : array_like (..., K, K), optional
        Symmetric numbers of comparisons behind each entry, not negative; the diagonal is not read. Default: all pairs
        weigh alike, and there are no errors.

    Returns
    -------
    Hodge
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        If P is not a preference matrix, weights are negative, not finite, not symmetric, or do not connect all
        responses.

    Notes
    -----
    Accuracy: 1e-12 for weights within 1e6 of each other. Cost: without weights two passes over P; with them a symmetric
    eigenproblem of order K for each matrix.

    References
    ----------
    Jiang et al., Mathematical Programming 127 (2011) 203.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.9, 0.4], [0.1, 0.5, 0.7], [0.6, 0.3, 0.5]]
    >>> found = af.policy.hodge(P)
    >>> found.scores.round(4), float(found.cyclic_share.round(4))
    (array([ 0.1   , -0.0667, -0.0333]), 0.7778)
    >>> af.policy.hodge(P, [[0, 50, 50], [50, 0, 50], [50, 50, 0]]).standard_errors.round(3)
    array([0.027, 0.026, 0.032])

    """
    found = operations("policy").short_hodge(P) if weights is None else None
    if found is not None:
        return tuple.__new__(Hodge, found)
    task = PreferenceArguments(P)
    return _unweighted(task) if weights is None else _weighted(task, weights)


def _unweighted(task):
    P = task["P"]
    leading, K = P.shape[:-2], P.shape[-1]
    found = task.operations("policy").hodge(np.ascontiguousarray(P).reshape(math.prod(leading), K, K))
    shapes = (*leading, K), P.shape, leading
    return Hodge(*(task.give(field.reshape(shape)) for field, shape in zip(found, shapes, strict=True)), *[None] * 3)


def _weighted(task, weights):
    P = task["P"]
    leading, K = P.shape[:-2], P.shape[-1]
    count = math.prod(leading)
    w = _weights(weights, P.shape).reshape(count, K, K)
    P = P.reshape(count, K, K)
    shapes = (K,), (K, K), (), (K,), (), ()
    fields = [np.empty((count, *shape)) for shape in shapes]
    connected = np.ones(count, bool)

    def run(first, last):
        part = slice(first, last)
        found = _split(P[part], w[part] * (1 - np.eye(K)), connected[part])
        for field, values in zip(fields, found or (), strict=found is not None):
            field[part] = values

    in_pieces(run, count, EIGEN_COST * K**3 * count)
    bad = np.flatnonzero(~connected)
    if bad.size:
        raise ValueError(f"weights{place(int(bad[0]), leading)} do not connect all responses")
    return Hodge(*(task.give(field.reshape((*leading, *shape))) for field, shape in zip(fields, shapes, strict=True)))


def _split(P, w, connected):
    """Return the fields of matrices P (n, K, K), or None where weights do not connect all, which `connected` says."""
    Y = P - 0.5
    inverse = _inverse(w, connected)
    if inverse is None:
        return None
    scores = (inverse @ (w * Y).sum(axis=-1)[..., None])[..., 0]
    cyclic = np.where(w > 0, Y - (scores[..., :, None] - scores[..., None, :]), 0.0)
    total, left = ((w * x**2).sum(axis=(-2, -1)) for x in (Y, cyclic))
    some = total > 0
    share = np.where(some, left / np.where(some, total, 1.0), 0.0)
    spread = w * P * (1 - P)
    covariance = inverse @ _laplacian(spread) @ inverse
    errors = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
    # Sums over i < j: total is twice that of pairs.
    pairs = np.where(some, total / 2, 1.0)
    moved = (cyclic - share[..., None, None] * Y) ** 2 * spread
    share_error = np.where(some, np.sqrt(moved.sum(axis=(-2, -1)) / 2) * 2 / pairs, np.nan)
    ends = np.diagonal(inverse, axis1=-2, axis2=-1)
    reach = w * (ends[..., :, None] + ends[..., None, :] - 2 * inverse)
    v = P * (1 - P) * (w > 0)
    noise = np.where(some, (v * (1 - reach)).sum(axis=(-2, -1)) / 2 / pairs, np.nan)
    return scores, cyclic, share, errors, share_error, noise


def _weights(weights, shape):
    w = as_floating(weights, "weights").astype(np.float64)
    if w.ndim < 2 or w.shape[-2:] != shape[-2:]:
        raise ValueError(f"weights of shape {w.shape} do not fit P of shape {shape}")
    try:
        w = np.broadcast_to(w, shape)
    except ValueError:
        raise ValueError(f"weights of shape {w.shape} do not fit P of shape {shape}") from None
    refuse(~((w >= 0) & np.isfinite(w)), w, "weights", "is not a finite number >= 0")
    refuse(w != np.swapaxes(w, -1, -2), w, "weights", "is not what it is the other way round: weights are symmetric")
    return w


def _laplacian(w):
    return w.sum(axis=-1)[..., None] * np.eye(w.shape[-1]) - w


def _inverse(w, connected):
    """Return the pseudo-inverse of Laplacians of weights (n, K, K), or None where a graph is not connected.

    `connected` (n,) says of which.
    """
    K = w.shape[-1]
    most = w.max(axis=(-2, -1), keepdims=True)
    if K == 1:
        return np.zeros(w.shape)
    scaled = w / np.where(most > 0, most, 1.0)
    values, vectors = np.linalg.eigh(_laplacian(scaled) + np.full((K, K), 1.0 / K))  # the constant vector gets 1
    connected[:] = (most[..., 0, 0] > 0) & (values[..., 0] > 1e-13)
    if not connected.all():
        return None
    inverse = (vectors / values[..., None, :]) @ np.swapaxes(vectors, -1, -2) - np.full((K, K), 1.0 / K)
    return inverse / most
