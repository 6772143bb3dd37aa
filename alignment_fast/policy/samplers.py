"""Sampling distributions under which IPO keeps an axiom, found by linear programming, or the proof that none exists."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.kinds import in_kind_of_its_arrays
from alignment_fast._border.status import place
from alignment_fast._operations import operations
from alignment_fast.policy import _samplers as samplers
from alignment_fast.policy._arguments import PreferenceArguments


class SmithSampler(NamedTuple):
    """A sampling distribution whose scores P μ put the Smith set on top.

    Parameters
    ----------
    mu : array (..., K)
        Sampling distribution; uniform where all responses are in the Smith set.
    margin : array (...)
        Least score inside the Smith set minus largest score outside; inf where there is no outside.
    smith_set : array of bool (..., K)
        Its members.
    certificate : array (..., K)
        Weights w, a distribution over the Smith set minus one over the rest: max_k (wᵀP)_k bounds the margin of every
        sampler, and equals `margin` up to the tolerance of the solver. Zero where there is no outside.
    beta : array (...)
        The IPO optimum from `ref` under `mu` is Smith-top for every beta above this; 0 for a uniform reference.

    """

    mu: Any
    margin: Any
    smith_set: Any
    certificate: Any
    beta: Any


class OrderSampler(NamedTuple):
    """The sampling distribution whose scores P μ come closest to keeping the order of the responses.

    Parameters
    ----------
    mu : array (..., K)
        Sampling distribution.
    margin : array (...)
        Least difference of the scores of neighbours in the order. Where it is not positive, no sampler keeps the order.
    order : array of int64 (..., K)
        Responses, best first.
    certificate : array (..., K − 1)
        Distribution q over the pairs of neighbours: max_k Σ_t q_t (P[order[t], k] − P[order[t+1], k]) bounds the margin
        of every sampler, and equals `margin` up to the tolerance of the solver. If it is not positive it proves
        impossibility.

    """

    mu: Any
    margin: Any
    order: Any
    certificate: Any

    @property
    @in_kind_of_its_arrays
    def exists(self) -> Any:
        """Whether `mu` keeps the order."""
        return self.margin > 0


def _rows(matrices):
    """Return matrices (..., K, K), one row each."""
    return matrices.reshape(math.prod(matrices.shape[:-2]), *matrices.shape[-2:])


def smith_sampler(P: ArrayLike, ref: ArrayLike | None = None) -> SmithSampler:
    """Return the sampling distribution that puts the Smith set on top of the scores P μ by the largest margin.

    It always exists, with a positive margin: by the minimax theorem its absence would be a pair x on the Smith set and
    y outside with xᵀP ≤ yᵀP, and so 1/2 ≤ yᵀP x, though members of the Smith set beat all others.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    ref : array_like (..., K) or None
        Reference policy, self-normalised; None is uniform. It decides from which beta on the policy follows the scores.

    Returns
    -------
    SmithSampler
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `condorcet_winner`, and for a bad `ref`.

    Notes
    -----
    A matrix game, up to 64 responses by the simplex method, rows over threads.
    Above, a linear programme by SciPy's HiGHS, whose tolerance is 1e-7. Margins are evaluated at the distribution
    returned, so they hold in any case; where several distributions are best, one of them is returned. Reference:
    arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.45, 0.0], [0.55, 0.5, 0.55], [1.0, 0.45, 0.5]]
    >>> sampler = af.policy.smith_sampler(P)
    >>> round(float(sampler.margin), 9), bool(af.policy.is_smith_top(P, af.policy.ipo(P, sampler.mu, None, 1.0).log_pi))
    (0.05, True)

    """
    found = operations("policy").short_smith_sampler(P, ref)
    if found is not None:
        return tuple.__new__(SmithSampler, found)
    task = PreferenceArguments(P, distributions={"ref": ref})
    matrices, ops = task["P"], operations("policy")
    rows, K = _rows(matrices), matrices.shape[-1]
    members = ops.axioms(rows, ops.SMITH_SIZE).smith_set
    leading = np.broadcast_shapes(matrices.shape[:-2], task["ref"].shape[:-1])
    if K <= ops.LARGEST_GAME and leading == matrices.shape[:-2]:
        mu, certificate, margin, beta = ops.smith_samplers(rows, members, task.rows("ref", leading))
    else:
        mu, certificate, margin, beta = _large_smith_samplers(rows, members, task["ref"], matrices.shape[:-1])
    return SmithSampler(
        task.give(mu.reshape(matrices.shape[:-1])),
        task.give(margin.reshape(matrices.shape[:-2])),
        task.give(members.reshape(matrices.shape[:-1]), dtype=np.bool_),
        task.give(certificate.reshape(matrices.shape[:-1])),
        task.give(beta.reshape(leading)),
    )


def _large_smith_samplers(matrices, members, ref, shape):
    """Return (mu, certificate, margin, beta) of matrices (count, K, K) of many responses, one after the other."""
    mu = np.full(members.shape, 1 / members.shape[-1])
    certificate = np.zeros(members.shape)
    for index in np.flatnonzero(~members.all(axis=-1)):
        mu[index], certificate[index] = samplers.separating_sampler(matrices[index], members[index])
    scores = np.matmul(matrices, mu[..., None])[..., 0]
    margin = np.where(members, scores, np.inf).min(axis=-1) - np.where(members, -np.inf, scores).max(axis=-1)
    return mu, certificate, margin, _least_beta(scores.reshape(shape), members.reshape(shape), ref)


def _least_beta(scores, members, ref):
    """Return the beta above which log ref + beta · scores is larger on `members` than elsewhere."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ref = np.log(ref)
        behind = log_ref[..., None, :] - log_ref[..., :, None]
        needed = behind / (scores[..., :, None] - scores[..., None, :])
    # A response without mass under the reference never gets any.
    needed = np.where(np.isneginf(log_ref)[..., None, :], 0.0, needed)
    pairs = members[..., :, None] & ~members[..., None, :]
    return np.where(pairs, np.maximum(needed, 0.0), 0.0).max(axis=(-2, -1))


def order_sampler(P: ArrayLike) -> OrderSampler:
    """Return the sampling distribution whose scores P μ keep the order of transitive preferences by the largest margin.

    Every sampler keeps it if P is strictly row-dominant; from K = 4 on there are transitive preferences that none does.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1; K ≥ 2, a total order without ties.

    Returns
    -------
    OrderSampler
        float32 for float32 input, else float64. `exists` says whether the order is kept.

    Raises
    ------
    ValueError
        As `condorcet_winner`, and for preferences that have cycles or ties.

    Notes
    -----
    A matrix game, as that of `smith_sampler`; margins are evaluated at the distribution returned. Reference:
    arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.51, 0.6, 0.51], [0.49, 0.5, 0.9, 0.6], [0.4, 0.1, 0.5, 0.51], [0.49, 0.4, 0.49, 0.5]]
    >>> sampler = af.policy.order_sampler(P)
    >>> bool(sampler.exists), round(float(sampler.margin), 9), sampler.certificate.round(6)
    (False, -0.04, array([0.5, 0. , 0.5]))

    """
    found = operations("policy").short_order_sampler(P)
    if found is not None:
        return tuple.__new__(OrderSampler, found)
    task = PreferenceArguments(P)
    matrices, ops = task["P"], operations("policy")
    rows, K = _rows(matrices), matrices.shape[-1]
    if K < 2:
        raise ValueError("P must compare at least two responses")
    axioms = ops.axioms(rows, ops.TOTAL_ORDER)
    if not axioms.total_order.all():
        where = place(int(np.flatnonzero(~axioms.total_order)[0]), matrices.shape[:-2])
        raise ValueError(f"P{where} is not a total order without ties: it has no order to keep")
    solve = ops.order_samplers if K <= ops.LARGEST_GAME else _large_order_samplers
    mu, certificate, margin = solve(rows, axioms.order)
    leading = matrices.shape[:-2]
    return OrderSampler(
        task.give(mu.reshape(*leading, K)),
        task.give(margin.reshape(leading)),
        task.give(axioms.order.reshape(*leading, K), dtype=np.int64),
        task.give(certificate.reshape(*leading, K - 1)),
    )


def _large_order_samplers(matrices, order):
    """Return (mu, certificate, margin) of matrices (count, K, K) of many responses, one after the other."""
    mu, certificate = np.empty(order.shape), np.empty((len(order), order.shape[1] - 1))
    for index in range(len(order)):
        mu[index], certificate[index] = samplers.ordering_sampler(matrices[index], order[index])
    scores = np.matmul(matrices, mu[..., None])[..., 0]
    return mu, certificate, -np.diff(np.take_along_axis(scores, order, axis=-1), axis=-1).max(axis=-1)
