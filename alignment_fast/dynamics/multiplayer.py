r"""Trajectories of several policies that are trained against each other: the n-player form of `simulate`.

Every player i starts its round from the others, and is asked about by their samples:

.. math:: \pi_i^{t+1} \propto \prod_{j \ne i} (\pi_j^t)^{\alpha/(n-1)}\, \mathrm{ref}^{1-\alpha}\, e^{\beta P \mu_i^t},
          \qquad \mu_i^t = \lambda\, \frac{1}{n-1} \sum_{j \ne i} \pi_j^t + (1-\lambda)\, \mathrm{sampler}.

Players that start alike stay alike, and then move as the one policy of mixed reference and sampling does; α = λ = 1 is
the update of multiplayer Nash preference optimisation. What the players' mean policy loses to the best single response,
:math:`\max_y P(y \succ \bar\pi) - 1/2`, is 0 at a Nash equilibrium.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.scalars import as_count, as_number
from alignment_fast._operations import operations
from alignment_fast.dynamics._arguments import check_parameter
from alignment_fast.policy._arguments import PreferenceArguments

__all__ = ["MultiplayerTrajectory", "multiplayer"]

# Matrices of more responses than this are multiplied by BLAS.
LARGE = 256


class MultiplayerTrajectory(NamedTuple):
    """What `multiplayer` returns.

    Parameters
    ----------
    log_pi : array (n, K)
        Log-policies of the last round.
    path : array (steps + 1, n, K)
        Log-policies of all rounds; round 0 is `init`.
    exploitability : array (steps + 1,)
        What the mean of the policies loses to the best response, in probability.
    average_exploitability : array (steps + 1,)
        The same of the mean over rounds 0 to t.
    distance : array (steps + 1,)
        The largest total variation between a player and the mean of all.

    """

    log_pi: Any
    path: Any
    exploitability: Any
    average_exploitability: Any
    distance: Any


def multiplayer(
    P: ArrayLike,
    *,
    alpha: float = 1.0,
    beta: float,
    lam: float = 1.0,
    init: ArrayLike,
    sampler: ArrayLike | None = None,
    ref: ArrayLike | None = None,
    steps: int,
) -> MultiplayerTrajectory:
    r"""Return the trajectory of n policies, each trained against the mean of the others.

    Parameters
    ----------
    P : array_like (K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    alpha : float
        Weight of the others' policies in the reference, 0 to 1.
    beta : float
        Strength of the preference signal, not negative: the inverse of the KL coefficient.
    lam : float
        Share of samples that come from the others, 0 to 1.
    init : array_like (n, K)
        Policies of round 0, at least two, self-normalised.
    sampler, ref : array_like (K,), optional
        Offline sampler and reference policy; uniform if not given.
    steps : int
        Number of rounds.

    Returns
    -------
    MultiplayerTrajectory
        float64.

    Raises
    ------
    ValueError
        If P is no preference matrix, a policy is bad, there are fewer than two players, or a parameter is out of range.

    Notes
    -----
    Accuracy: a round adds 1e-15 (1 + β + |log π|) to logarithms. Cost: two products (n, K) × (K, K) for each round,
    those of more than 256 responses by BLAS.

    References
    ----------
    "Multiplayer Nash preference optimization", arXiv:2509.23102; arXiv:2602.12180 (mixed reference and sampling).

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
    >>> init = [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]]  # one champion each
    >>> found = af.dynamics.multiplayer(P, alpha=0.5, beta=1.0, init=init, steps=50)
    >>> bool(found.distance[-1] < 1e-9), bool(found.exploitability[-1] < 1e-9)
    (True, True)

    """
    given = in_callers_kind(
        multiplayer,
        {"P": P, "init": init, "sampler": sampler, "ref": ref},
        alpha=alpha,
        beta=beta,
        lam=lam,
        steps=steps,
    )
    if given is not None:
        return given
    policies = as_floating(init, "init")
    if policies.ndim != 2 or len(policies) < 2:
        raise ValueError(f"init of shape {policies.shape} is not (n, K) with two players or more")
    task = PreferenceArguments(P, distributions={"init": init, "sampler": sampler, "ref": ref})
    if task["P"].ndim != 2 or task["sampler"].ndim != 1 or task["ref"].ndim != 1:
        raise ValueError("P, sampler and ref of several problems: give one at a time")
    numbers = {name: as_number(value, name) for name, value in (("alpha", alpha), ("beta", beta), ("lam", lam))}
    for name, number in numbers.items():
        check_parameter(np.array(number), name)
    rounds = as_count(steps, "steps", least=0)
    return _trajectory(task, numbers["alpha"], numbers["beta"], numbers["lam"], rounds)


def _trajectory(task, alpha, beta, lam, steps):
    matrix, sampler = task["P"], task["sampler"]
    with np.errstate(divide="ignore"):
        log_pi, log_ref = np.log(task["init"]), np.log(task["ref"])
    path = np.empty((steps + 1, *log_pi.shape))
    path[0] = log_pi
    if len(matrix) <= LARGE:
        operations("dynamics").multiplayer(matrix.T.copy(), sampler, log_ref, alpha, beta, lam, path)
    else:
        _large_rounds(path, matrix, sampler, log_ref, alpha, beta, lam)
    pi = np.exp(path)
    mean = pi.mean(axis=1)
    average = np.cumsum(mean, axis=0) / np.arange(1, steps + 2)[:, None]
    lost = [(x @ matrix.T).max(axis=1) - 0.5 for x in (mean, average)]
    distance = 0.5 * np.abs(pi - mean[:, None]).sum(axis=-1).max(axis=1)
    return MultiplayerTrajectory(path[-1].copy(), path, *lost, distance)


def _large_rounds(path, matrix, sampler, log_ref, alpha, beta, lam):
    """Write all rounds but the first, of matrices for BLAS."""
    players = path.shape[1]
    for t, log_pi in enumerate(path[:-1]):
        pi = np.exp(log_pi)
        others = (pi.sum(axis=0) - pi) / (players - 1)
        start = _times(alpha, _mean_of_others(log_pi)) + _times(1 - alpha, log_ref)
        new = start + beta * ((lam * others + (1 - lam) * sampler) @ matrix.T)
        new = new - new.max(axis=1, keepdims=True)
        path[t + 1] = new - np.log(np.exp(new).sum(axis=1, keepdims=True))


def _mean_of_others(log_pi):
    """Return the mean of the other players' logarithms; one that is -inf takes all but its own player with it."""
    out = np.empty_like(log_pi)
    for i in range(len(log_pi)):
        out[i] = np.delete(log_pi, i, axis=0).mean(axis=0)
    return out


def _times(weight, logarithm):
    """Return weight · logarithm, 0 · -inf being 0."""
    return weight * logarithm if weight else np.zeros_like(logarithm)
