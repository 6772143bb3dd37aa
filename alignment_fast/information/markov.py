"""Markov sources: Rényi cross entropy rates, and the KL-regularised optimal chain."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import place, refuse
from alignment_fast._operations import operations
from alignment_fast.information import _markov as markov
from alignment_fast.information._arguments import LetterArguments


class MarkovPolicy(NamedTuple):
    """The tilted chain and its rates per transition.

    Parameters
    ----------
    P : array (..., [T,] K, K)
        Transition probabilities R_ij v_j / (λ v_i) with R = P ∘ e^{α r} and λ, v its Perron value and vector.
    log_perron : array (..., [T])
        log λ.
    kl_rate : array (..., [T])
        Divergence rate from the reference chain, α (log λ)' − log λ.
    reward_rate : array (..., [T])
        Mean reward (log λ)'.
    variance_rate : array (..., [T])
        Asymptotic variance (log λ)'' of the summed reward per transition.

    """

    P: Any
    log_perron: Any
    kl_rate: Any
    reward_rate: Any
    variance_rate: Any


class _MatrixArguments(LetterArguments):
    """Square matrices over an alphabet of transitions."""

    __slots__ = ()

    def core(self, _name):
        return 2

    def accept(self, arrays):
        arrays = super().accept(arrays)
        for name, array in arrays.items():
            if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
                raise ValueError(f"{name} must have shape (..., K, K), not {array.shape}")
        return arrays


def _stochastic(array, name):
    """Return the rows of `array` normalised in float64; NaN, negative and infinite entries and empty rows raise."""
    for bad, reason in ((np.isnan(array), "is NaN"), (array < 0, "is negative"), (np.isinf(array), "is infinite")):
        refuse(bad, array, name, reason)
    array = np.ascontiguousarray(array)  # in one order of its sums
    total = array.sum(axis=-1, keepdims=True, dtype=np.float64)
    if (total == 0).any():
        where = place(int(np.argmax(total == 0)), total.shape[:-1])
        raise ValueError(f"{name}{where} (a row) has no positive mass")
    return array.astype(np.float64) / total


def _broadcast(array, leading):
    """Return matrices (rows, K, K) over `leading` axes."""
    return np.broadcast_to(array, (*leading, *array.shape[-2:])).reshape(-1, *array.shape[-2:])


def _points(grid):
    """Return the values of a grid over matrices as (rows, T)."""
    values = grid.rows()
    return np.broadcast_to(values, (math.prod(grid.leading), values.shape[1]))


def markov_renyi_cross_entropy_rate(
    P: ArrayLike, Q: ArrayLike, order: ArrayLike, *, initial: ArrayLike | None = None, normalize_q: bool = True
) -> Any:
    """Return the Rényi cross entropy rate lim (1/m) H_t(p^m‖q^m) of two Markov sources, in nats per transition.

    For t ≠ 1 the rate is log λ_max(P ∘ Q^{t−1}) / (1 − t), the largest over the communicating classes that `initial`
    reaches; at t = 1 it is −Σ π_i P_ij log Q_ij, and at t = ±inf it is minus the largest (least) cycle mean of log Q.

    Parameters
    ----------
    P, Q : array_like (..., K, K)
        Transition probabilities or counts; rows are self-normalised. Leading axes broadcast.
    order : array_like, scalar, (T,) or (..., T)
        Orders t, any reals including 0, 1 and ±inf.
    initial : array_like (K,), optional
        Law of the first state; by default every state is possible. Matters for reducible P only.
    normalize_q : bool, default True
        False leaves the rows of `Q` as they are.

    Returns
    -------
    array (..., [T])
        float32 for float32 input, else float64. +inf where t ≤ 1 and a transition that p takes has Q = 0; where t > 1
        such transitions contribute nothing.

    Raises
    ------
    ValueError
        For NaN, negative entries, a row without mass, matrices that are not square or do not broadcast, an order that
        is NaN, an `initial` of another length.

    Notes
    -----
    At t = 1 a reducible chain has the mean over its closed classes weighted with the chance to end there, whereas t → 1
    gives an extreme over classes. Accuracy: 1e-13 relative, also near t = 1. Cost: O(K³) per matrix and order.
    Reference: Rached, Alajaji & Campbell, IEEE Trans. Inf. Theory 47 (2001) 1553.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P, Q = [[0.7, 0.3], [0.4, 0.6]], [[0.5, 0.5], [0.5, 0.5]]
    >>> af.information.markov_renyi_cross_entropy_rate(P, Q, [0.5, 1, 2]).round(6)
    array([0.693147, 0.693147, 0.693147])

    """
    if initial is None:
        value = operations("information").short_markov_rate(P, Q, order, normalize_q)
        if value is not None:
            return value
    normalize_q = as_flag(normalize_q, "normalize_q")
    arguments = _MatrixArguments(P=P, Q=Q)
    chain = _stochastic(arguments["P"], "P")
    other = _stochastic(arguments["Q"], "Q")
    other = other if normalize_q else arguments["Q"].astype(np.float64)
    grid = arguments.grid(order, "order")
    orders = _points(grid)
    first = _initial(initial, arguments.width)
    chain, other = _broadcast(chain, grid.leading), _broadcast(other, grid.leading)
    rates = [[_rate(p, q, t, first) for t in row] for p, q, row in zip(chain, other, orders.tolist(), strict=True)]
    return arguments.give(np.array(rates, dtype=np.float64), grid.shape)


def _rate(p, q, order, initial):
    found = operations("information").markov_rate(p, q, order)
    if not np.isnan(found):
        return found
    with np.errstate(divide="ignore"):
        return markov.cross_entropy_rate(p, np.log(q), order, initial)


def _initial(initial, n_states):
    if initial is None:
        return np.full(n_states, 1.0 / n_states)
    law = as_floating(initial, "initial")
    if law.shape != (n_states,):
        raise ValueError(f"initial must have shape ({n_states},), not {law.shape}")
    return _stochastic(law, "initial")


def markov_aligned(P: ArrayLike, reward: ArrayLike, alpha: ArrayLike) -> MarkovPolicy:
    """Return the chain that maximises reward rate − (divergence rate from P)/α.

    It is P_α(i, j) = P_ij e^{α r_ij} v_j / (λ v_i), with λ and v the Perron value and right vector of P ∘ e^{α r}.

    Parameters
    ----------
    P : array_like (..., K, K)
        Transition probabilities or counts of an irreducible chain; rows are self-normalised.
    reward : array_like (..., K, K)
        Reward per transition, finite wherever P is positive.
    alpha : array_like, scalar, (T,) or (..., T)
        Tilts, finite.

    Returns
    -------
    MarkovPolicy
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative entries, a row without mass, shapes that do not fit, a reducible P, an infinite reward or
        alpha.

    Notes
    -----
    Accuracy: 1e-13 relative, also of the divergence rate as α → 0; as |α| grows the limit is reached, the chain on the
    cycles of largest (least) mean reward, where cycle means that differ by rounding count as equal, and the reward rate
    is that mean. Cost: O(K³) per matrix and tilt. Reference: Dembo &
    Zeitouni, section 3.1; Todorov, PNAS 106 (2009) 11478.

    Examples
    --------
    >>> import alignment_fast as af
    >>> policy = af.information.markov_aligned([[0.7, 0.3], [0.4, 0.6]], [[0.0, 1.0], [0.0, 1.0]], 0.5)
    >>> policy.P.round(4)
    array([[0.5334, 0.4666],
           [0.2462, 0.7538]])

    """
    found = operations("information").short_markov_aligned(P, reward, alpha)
    if found is not None:
        return tuple.__new__(MarkovPolicy, found)
    arguments = _MatrixArguments(P=P, reward=reward)
    chain = _stochastic(arguments["P"], "P")
    rewards = arguments["reward"].astype(np.float64)
    grid = arguments.grid(alpha, "alpha")
    tilts = _points(grid)
    if np.isinf(tilts).any():
        raise ValueError("alpha must be finite")
    chain, rewards = _broadcast(chain, grid.leading), _broadcast(rewards, grid.leading)
    for row, (p, r) in enumerate(zip(chain, rewards, strict=True)):
        _require_irreducible(p, r, f" of chain {row}" if grid.leading else "")
    results = [_aligned(p, r, a) for p, r, row in zip(chain, rewards, tilts, strict=True) for a in row]
    columns = zip(*results, strict=True)
    shapes = ((*grid.shape, arguments.width, arguments.width), *[grid.shape] * 4)
    return MarkovPolicy(*(arguments.give(np.array(c), shape) for c, shape in zip(columns, shapes, strict=True)))


def _require_irreducible(P, reward, where):
    n_classes = len(markov.communicating_classes(P > 0))
    if n_classes > 1:
        raise ValueError(f"P{where} is reducible ({n_classes} communicating classes): the tilted chain is not unique")
    bad = np.argwhere((P > 0) & ~np.isfinite(reward))
    if bad.size:
        i, j = bad[0]
        raise ValueError(f"reward[{i}, {j}]{where} = {reward[i, j]} is not finite where P is positive")


def _aligned(P, reward, alpha):
    found = operations("information").markov_aligned(P, reward, alpha)
    if found is not None:
        return found
    tilted = markov.tilt(P, reward, alpha)
    chain = P * np.exp(tilted.log_ratio)
    chain /= chain.sum(axis=1, keepdims=True)
    reward_rate, variance_rate = markov.asymptotic_mean_and_variance(chain, tilted.stationary, reward)
    with np.errstate(over="ignore"):
        log_perron = alpha * tilted.level + tilted.excess
    return chain, log_perron, markov.divergence_rate(P, tilted), reward_rate, variance_rate
