r"""Other ways to select from samples: by majority, by Tsallis-regularised weights, the worst of n, calibrated rewards.

Tsallis weights. The policy that maximises :math:`E_\pi r - \beta D_q(\pi \| p)` with

.. math:: D_q = \frac{\sum p (\pi/p)^q - 1}{q(q - 1)}

has, by the Lagrangian :math:`r - \beta (\pi/p)^{q-1}/(q-1) = \tau` wherever π is positive,

.. math:: \pi = p \Big( \frac{(q-1)(r - \tau)}{\beta} \Big)_+^{1/(q-1)},

where τ is such that the weights sum to 1. Their sum falls as τ grows. For q > 1 rewards below τ get none; τ is between
the value at which the best reward alone has weight 1 and the best reward. For q < 1 all rewards are below τ. q = 2 is
the χ² regularisation of `inference_time_pessimism`, q → 1 the tilted policy.

References
----------
arXiv:2510.03199 (Best-of-Majority), arXiv:2603.06797 (Tsallis), arXiv:2412.19792 (InfAlign).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_array, as_floating
from alignment_fast._border.call import give
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.scalars import as_number
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.best_of_n.law import BestOfN

__all__ = ["best_of_majority", "calibrated_rewards", "tsallis_weights", "worst_of_n"]

# Halvings of the interval that holds the threshold: to the last digit.
HALVINGS = 1100


def worst_of_n(p: Any, reward: Any, n: Any, *, log: bool = False) -> Any:
    """Return the law of the outcome of least reward among n draws: an adversary's choice.

    Parameters
    ----------
    p : array (..., V) or None
        Reference, self-normalised; None is uniform.
    reward : array (..., V)
        Reward of each outcome. Tied ones share by `p`.
    n : float or array (T,)
        Draws, at least 1, real.
    log : bool
        Whether `p` holds log-probabilities.

    Returns
    -------
    array (..., [T,] V)
        Probabilities.

    Raises
    ------
    ValueError
        As `BestOfN`.

    References
    ----------
    arXiv:2412.19792 (worst-of-n).

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.worst_of_n([0.5, 0.3, 0.2], [1.0, 2.0, 3.0], 2)
    array([0.75, 0.21, 0.04])

    """
    return BestOfN(p, -as_floating(reward, "reward"), log=log).pmf(n)


def calibrated_rewards(rewards: Any, *, reference: Any = None, t: float | None = None) -> Any:
    r"""Return rewards as their quantiles among those of the reference for the same prompt, and tilted ones of those.

    .. math:: C(r) = P_0(R < r) + \tfrac12 P_0(R = r), \qquad \mathrm{sign}(t)\, e^{t\, C(r)}

    Training for the calibrated reward is the same for every increasing transformation of a reward; the exponential is
    what InfAlign trains for where answers will be selected by best-of-n (t > 0) or by worst-of-n (t < 0).

    Parameters
    ----------
    rewards : array (..., M)
        Rewards; finite.
    reference : array (..., N), optional
        Rewards of samples of the reference for the same prompts; leading axes are those of `rewards`. Default: the
        rewards themselves.
    t : float, optional
        Strength of the exponential transformation, not 0. Default: the quantiles.

    Returns
    -------
    array (..., M)
        float32 for float32 rewards, else float64.

    Raises
    ------
    ValueError
        If a reward is not finite, shapes do not fit, there are no samples, or t is 0 or not finite.

    References
    ----------
    Balashankar et al., "InfAlign", arXiv:2412.19792.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.calibrated_rewards([3.0, -1.0, 3.0, 10.0])
    array([0.5  , 0.125, 0.5  , 0.875])
    >>> af.best_of_n.calibrated_rewards([0.0, 5.0], reference=[1.0, 2.0, 5.0], t=-2.0).round(4)
    array([-1.    , -0.1889])

    """
    array = as_floating(rewards, "rewards")
    given = array if reference is None else as_floating(reference, "reference")
    for name, values in (("rewards", array), *([] if reference is None else [("reference", given)])):
        if values.ndim == 0 or values.shape[-1] == 0:
            raise ValueError(f"{name} of shape {values.shape} hold no samples")
        refuse(~np.isfinite(values), values, name, "is not finite")
    if given.shape[:-1] != array.shape[:-1]:
        raise ValueError(
            f"reference of shape {given.shape} and rewards of shape {array.shape} are not for the same prompts"
        )
    if t is not None and not (np.isfinite(t) and t != 0):
        raise ValueError(f"t = {t} is not a finite number other than 0")
    rows, known = (
        np.ascontiguousarray(values.reshape(-1, values.shape[-1]), dtype=np.float64) for values in (array, given)
    )
    quantiles = operations("best_of_n").ranks_among(rows, known)
    quantiles /= 2 * given.shape[-1]
    if t is not None:
        with np.errstate(over="ignore"):
            quantiles = np.sign(t) * np.exp(t * quantiles)
    return give(quantiles, rewards, dtype=array.dtype, shape=array.shape)


def tsallis_weights(reward: Any, beta: float, *, order: float = 2.0, p: Any = None) -> Any:
    r"""Return the weights of samples that maximise the expected reward less a Tsallis divergence from the reference.

    .. math:: w = p \Big( \frac{(q-1)(r-\tau)}{\beta} \Big)_+^{1/(q-1)}, \quad \sum w = 1; \qquad
              w \propto p\, e^{r/\beta} \text{ for } q = 1

    Parameters
    ----------
    reward : array (..., V)
        Rewards of samples; finite.
    beta : float
        Strength of the divergence, positive.
    order : float
        q, positive: heavy tails of rewards ask for a large one, which puts less on the best. 2 is χ² pessimism.
    p : array (..., V), optional
        Weights of the samples in the reference, normalised here. Default: equal ones.

    Returns
    -------
    array (..., V)
        Weights that sum to 1.

    Raises
    ------
    ValueError
        If a reward is not finite, p is negative or all zero, or a parameter is not positive and finite.

    Notes
    -----
    Accuracy: 1e-12 absolute for q from 0.2 to 5. Cost: a sort for q = 2, otherwise about 60 powers for each sample.

    References
    ----------
    arXiv:2603.06797; Huang et al., arXiv:2503.21878 (q = 2).

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.tsallis_weights([0.0, 1.0, 2.0], 1.0).round(4)
    array([0.    , 0.3333, 0.6667])
    >>> af.best_of_n.tsallis_weights([0.0, 1.0, 2.0], 1.0, order=1.0).round(4)
    array([0.09  , 0.2447, 0.6652])

    """
    if p is None and type(order) is float and order == 2.0:
        found = operations("best_of_n").short_tsallis_weights(reward, beta)
        if found is not None:
            return found
    r = as_floating(reward, "reward")
    if r.ndim == 0 or r.shape[-1] == 0:
        raise ValueError(f"reward of shape {r.shape} holds no samples")
    refuse(~np.isfinite(r), r, "reward", "is not finite")
    beta, order = as_number(beta, "beta"), as_number(order, "order")
    for name, value in (("beta", beta), ("order", order)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} = {value} is not a finite number > 0")
    mass = np.ones(r.shape) if p is None else _weights_of(r, as_floating(p, "p"))
    refuse(~((mass >= 0) & np.isfinite(mass)), mass, "p", "is not a finite number >= 0")
    largest = mass.max(axis=-1, keepdims=True)
    if not (largest > 0).all():
        raise ValueError("p has a row without positive mass")
    mass = np.ldexp(mass, -np.frexp(largest)[1])  # their total may be above the largest double
    mass = mass / mass.sum(axis=-1, keepdims=True)
    some = np.where(mass > 0, r, -np.inf).astype(np.float64)
    with np.errstate(over="ignore"):  # infinitely far below the best
        below = np.where(mass > 0, some - some.max(axis=-1, keepdims=True), 0.0) / beta
    return give(_tsallis(below, mass, float(order)), reward, dtype=r.dtype, shape=r.shape)


def _weights_of(reward, p):
    """Return weights for every reward, float64 and contiguous."""
    try:
        return np.array(np.broadcast_to(p, reward.shape), dtype=np.float64, order="C")
    except ValueError:
        raise ValueError(f"p of shape {p.shape} does not broadcast to reward of shape {reward.shape}") from None


def _tsallis(below, mass, q):
    """Return weights for rewards that are below the best by `below` <= 0, in units of beta."""
    if q == 1.0:
        e = mass * np.exp(below)
        return e / e.sum(axis=-1, keepdims=True)
    if q == 2.0:
        pessimism = operations("best_of_n").pessimism
        rows = zip(mass.reshape(-1, mass.shape[-1]), below.reshape(-1, mass.shape[-1]), strict=True)
        return np.array([pessimism(*row, 1.0)[1] for row in rows]).reshape(mass.shape)
    best = (mass * (below == 0)).sum(axis=-1, keepdims=True)
    # s = |τ - best reward|: between where the best alone has weight 1 and where nobody has more than its mass.
    ends = (best ** (1 - q) / abs(q - 1), np.full(best.shape, 1 / abs(q - 1)))
    low, high = (np.zeros_like(best), ends[0]) if q > 1 else ends

    def shares(s):
        base = np.maximum((q - 1) * (below + s), 0.0) if q > 1 else (1 - q) * (s - below)
        with np.errstate(divide="ignore"):
            return mass * base ** (1 / (q - 1))

    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if np.all((middle == low) | (middle == high)):
            break
        more = shares(middle).sum(axis=-1, keepdims=True) > 1
        down = more if q > 1 else ~more
        low, high = np.where(down, low, middle), np.where(down, middle, high)
    w = shares(high if q > 1 else low)
    return w / w.sum(axis=-1, keepdims=True)


def best_of_majority(answers: Any, rewards: Any, k: int = 1, *, least: float = 0.0) -> Any:
    """Return which samples to submit: of the answers that are frequent enough, the k of largest reward.

    Parameters
    ----------
    answers : array (M,)
        Answers of the samples: integers or strings. Samples of the same answer support each other.
    rewards : array (M,)
        Rewards of the samples; finite.
    k : int
        Different answers to submit, at least 1.
    least : float
        Share of the samples that an answer needs, 0 to 1. 0 is best-of-n; where no answer has it, the most frequent
        ones count.

    Returns
    -------
    array of int (at most k,)
        Places of the samples, best first: of each answer its best sample. Fewer where fewer answers are frequent
        enough.

    Raises
    ------
    ValueError
        If shapes differ, a reward is not finite, there are no samples, k < 1, or `least` is not within 0 and 1.

    References
    ----------
    "Best-of-Majority", arXiv:2510.03199.

    Examples
    --------
    >>> import alignment_fast as af
    >>> answers, rewards = ["4", "4", "7", "5", "4", "5"], [0.2, 0.6, 0.9, 0.5, 0.1, 0.8]
    >>> af.best_of_n.best_of_majority(answers, rewards)  # the sample of largest reward
    array([2])
    >>> af.best_of_n.best_of_majority(answers, rewards, 2, least=0.3)
    array([5, 1])

    """
    found = operations("best_of_n").short_best_of_majority(answers, rewards, k, least)
    if found is not None:
        return found
    found = in_callers_kind(best_of_majority, {"answers": answers, "rewards": rewards}, k=k, least=least)
    if found is not None:
        return found
    given, r = as_array(answers, "answers"), as_floating(rewards, "rewards")
    if given.ndim != 1 or given.shape != r.shape or given.size == 0:
        raise ValueError(
            f"answers of shape {given.shape} and rewards of shape {r.shape} are not one each for some samples"
        )
    refuse(~np.isfinite(r), r, "rewards", "is not finite")
    try:
        number = operator.index(k)
    except TypeError:
        raise TypeError(f"k must be an integer, not {k!r}") from None
    if number < 1:
        raise ValueError(f"k = {number} is below 1")
    least = as_number(least, "least")
    if not 0 <= least <= 1:
        raise ValueError(f"least = {least} is not between 0 and 1")
    which, frequency = _kinds(given)
    kept = (frequency >= least * given.size) | (frequency == frequency.max()) & (frequency.max() < least * given.size)
    if number == 1:
        return np.argmax(np.where(kept[which], r, -np.inf)).reshape(1)
    order = np.argsort(-r, kind="stable")
    _, first = np.unique(which[order], return_index=True)
    best = order[np.sort(first)]
    return best[kept[which[best]]][:number]


def _kinds(answers):
    """Return a number for each answer, equal ones having the same, and how often each number occurs."""
    if answers.dtype.kind in "iu":
        lowest = answers.min()
        if int(answers.max()) - int(lowest) < 4 * answers.size:  # counted without sorting
            which = answers - lowest if answers.dtype.kind == "u" else answers.astype(np.int64) - int(lowest)
            which = which.astype(np.intp, copy=False)
            return which, np.bincount(which)
    try:
        _, which, frequency = np.unique(answers, return_inverse=True, return_counts=True)
    except TypeError:
        raise TypeError(
            "answers must be of one kind that can be sorted, such as text: some cannot be compared"
        ) from None
    return which, frequency
