"""Markov sources: Perron eigenvalue and vectors of P ∘ e^{ρ r}, and what follows from them. Dense, O(K³) per order.

Reference: Dembo & Zeitouni, Large Deviations Techniques and Applications, section 3.1; Rached, Alajaji & Campbell,
IEEE Trans. Inf. Theory 47 (2001) 1553 (Rényi rates of Markov sources). Iteration: Noda, Numer. Math. 17 (1971) 382.

A matrix is given by logarithms (K, K), −inf where there is no transition. One matrix at a time: a batch is a loop of
the public layer, since the communicating classes differ from matrix to matrix.
"""

from dataclasses import dataclass

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.information._weak import exponential_less_linear, relative_entropy_term

_EPSILON = np.finfo(np.float64).eps
# From this |α| range(r) on, rewards are measured from the best cycles: their rounding, times α, would be that of log v.
_STRONG = 64.0
# Units of roundoff per state that the distance of a reward from the best cycles may have; what stands for infinity.
_CYCLE_ROUNDING, _FARTHEST = 4.0, 1e300


def communicating_classes(support):
    """Return the communicating classes of a boolean transition matrix, as a list of sorted index arrays."""
    labels, count = operations("information").communicating_classes(support)
    return [np.arange(len(support))] if count == 1 else [np.flatnonzero(labels == c) for c in range(count)]


def reachable(support, initial):
    """Return a mask of the states that can be reached from the states of mask `initial`, these included."""
    seen = initial.copy()
    frontier = initial
    while frontier.any():
        frontier = support[frontier].any(axis=0) & ~seen
        seen |= frontier
    return seen


def stationary(log_P):
    """Return the stationary law of an irreducible stochastic matrix, given by its logarithms."""
    return operations("information").stationary(log_P)


def max_cycle_mean(weights):
    """Return the largest mean weight of a cycle; −inf where there is none."""
    return operations("information").cycle_mean(weights)


def balance(log_matrix):
    """Return (c, v) such that exp(log_matrix − c + v_j − v_i) has entries of at most 1 and a cycle of ones.

    c is the largest cycle mean and v a max-plus eigenvector: the scaled matrix neither overflows nor loses the Perron
    vector to underflow, however large the order.
    """
    c = max_cycle_mean(log_matrix)
    closure = operations("information").best_walks(log_matrix - c)
    return c, closure[:, np.argmax(np.diag(closure))]


def perron(log_matrix):
    """Return log λ and log v, the Perron value and right vector of an irreducible matrix."""
    c, potential = balance(log_matrix)
    scaled = np.exp(log_matrix - c + potential - potential[:, None])
    value, right = operations("information").perron(scaled)
    return c + np.log(value), np.log(right) + potential


@dataclass(frozen=True)
class Tilt:
    """The tilted chain P_α ∝ P_ij e^{α r_ij} v_j / v_i of an irreducible chain, per transition."""

    log_ratio: np.ndarray  # log(P_α / P), −inf where there is no transition
    stationary: np.ndarray
    level: float  # m of log λ = α m + excess: the reward rate of the untilted chain; or the largest cycle mean
    excess: float


def tilt(P, reward, alpha):
    """Return the tilted chain of an irreducible stochastic matrix with rewards finite where P > 0.

    The rewards are centred at their stationary mean, so that log λ = α m + O(α²). Where the tilt is weak the right
    vector 1 + w and the excess are solved for directly: both keep their relative accuracy as α → 0.
    """
    with np.errstate(divide="ignore"):
        log_P = np.log(P)
    support = P > 0
    r = np.where(support, reward, 0.0)
    if abs(alpha) * np.ptp(r[support]) > _STRONG:
        return _tilt_by_cycles(log_P, r, alpha)
    law = stationary(log_P)
    flow = law[:, None] * P
    mean = (flow * r).sum()
    mean += (flow * (r - mean)).sum()
    d = np.where(support, r - mean, 0.0)
    log_value, log_right = perron(log_P + alpha * d)
    if abs(alpha) * np.ptp(d[support]) <= 1:
        G = P * np.expm1(alpha * d)
        value_minus_one = np.expm1(log_value)
        for _ in range(2):  # the first right vector is wrong by a rounding error over α, the second no longer
            system = np.eye(len(P)) * (1 + value_minus_one) - P - G + law
            w = np.linalg.solve(system, (G - P * value_minus_one).sum(axis=1))
            value_minus_one = _flow_excess(flow, alpha * d) + law @ (G @ w)
        log_value, log_right = np.log1p(value_minus_one), np.log1p(w)
    log_ratio = np.where(support, alpha * d - log_value + log_right - log_right[:, None], -np.inf)
    return Tilt(log_ratio, stationary(log_P + np.where(support, log_ratio, 0.0)), mean, log_value)


def _tilt_by_cycles(log_P, r, alpha):
    """Return the tilted chain from the distances of rewards to those of the best cycles.

    With c the largest cycle mean and f a max-plus eigenvector, r_ij = c + f_i − f_j − gap_ij, gap ≥ 0, and α f goes
    into the right vector. Every state has a transition of gap 0 towards a best cycle, so what is left of log λ and
    log v is as small as log P, however strong the tilt. Gaps of the size of rounding count as 0.
    """
    support = log_P > -np.inf
    signed = np.where(support, np.sign(alpha) * r, -np.inf)
    cycle_mean, potential = balance(signed)
    gap = cycle_mean + potential[:, None] - potential - np.where(support, signed, 0.0)
    rounding = _CYCLE_ROUNDING * len(r) * _EPSILON * np.abs(r).max()
    gap = np.where(gap <= rounding, 0.0, gap)
    with np.errstate(over="ignore"):
        cost = np.minimum(abs(alpha) * gap, _FARTHEST)
    log_value, log_right = perron(np.where(support, log_P - cost, -np.inf))
    log_ratio = np.where(support, -cost - log_value + log_right - log_right[:, None], -np.inf)
    law = stationary(log_P + np.where(support, log_ratio, 0.0))
    return Tilt(log_ratio, law, float(np.sign(alpha) * cycle_mean), log_value)


def _flow_excess(flow, x):
    """Return Σ flow (e^x − 1) where Σ flow x = 0 up to rounding: the linear terms are summed apart."""
    return (flow * exponential_less_linear(x)).sum() + (flow * x).sum()


def divergence_rate(P, tilted):
    """Return the divergence rate Σ π_i Σ_j P_ij h(log P_α/P) of a `Tilt` from P: h ≥ 0, so nothing cancels."""
    return float((tilted.stationary[:, None] * P * relative_entropy_term(tilted.log_ratio)).sum())


def asymptotic_mean_and_variance(P, law, reward):
    """Return Σ π P r and lim Var(Σ r) / m of the additive reward along the irreducible chain P of stationary law π.

    σ² = Σ π_i P_ij d_ij (d_ij + 2 z_j) with d = r − mean and z the solution of Poisson's equation (I − P) z = P d.
    """
    flow = law[:, None] * P
    r = np.where(P > 0, reward, 0.0)
    mean = (flow * r).sum()
    d = np.where(P > 0, r - mean, 0.0)
    z = np.linalg.solve(np.eye(len(P)) - P + law, (P * d).sum(axis=1))
    return mean, max(0.0, float((flow * d * (d + 2 * z)).sum()))


def cross_entropy_rate(P, log_q, order, initial):
    """Return the Rényi cross entropy rate lim (1/m) H_t(p^m ‖ q^m) of one chain at one order t (any real, ±inf).

    P (K, K) stochastic rows, log_q (K, K) log transition probabilities of q, initial (K,) the law of the first state.
    """
    support = P > 0
    rho = order - 1.0
    seen = reachable(support, initial > 0)
    if rho <= 0 and (support & (log_q == -np.inf))[seen].any():
        return np.inf
    allowed = support & (log_q > -np.inf)
    seen = reachable(allowed, initial > 0)
    r = np.where(allowed, log_q, 0.0)
    if rho == 0.0:
        return -_absorbed_mean(P, r, initial)
    rates = [_class_exponential_mean(P, r, allowed, c, rho) for c in communicating_classes(allowed) if seen[c[0]]]
    return -max(rates) if rho > 0 else -min(rates)


def _class_exponential_mean(P, r, allowed, states, rho):
    """Return log λ(ρ) / ρ of the transitions inside one communicating class; its limit for ρ = ±inf."""
    block = np.ix_(states, states)
    inside, P, r = allowed[block], P[block], r[block]
    if not inside.any():  # a state that is left at once and for good
        return -np.inf if rho > 0 else np.inf
    if np.isinf(rho):
        sign = np.sign(rho)
        return sign * max_cycle_mean(np.where(inside, sign * r, -np.inf))
    closed = np.where(inside, P, 0.0).sum(axis=1).min() > 1 - 8 * _EPSILON * len(P)
    if closed and abs(rho) * np.ptp(r[inside]) <= 1:
        tilted = tilt(P, r, rho)
        return tilted.level + tilted.excess / rho
    with np.errstate(divide="ignore"):
        return perron(np.where(inside, np.log(P) + rho * r, -np.inf))[0] / rho


def _stationary_mean(P, r):
    with np.errstate(divide="ignore"):
        return (stationary(np.log(P))[:, None] * P * r).sum()


def _absorbed_mean(P, r, initial):
    """Return the long-run mean of r: that of each closed class, weighted with the chance to end in it."""
    support = P > 0
    classes = communicating_classes(support)
    closed = [c for c in classes if not np.delete(support[c], c, axis=1).any()]
    means = [_stationary_mean(P[np.ix_(c, c)], r[np.ix_(c, c)]) for c in closed]
    transient = np.setdiff1d(np.arange(len(P)), np.concatenate(closed))
    # Expected visits to the transient states, then the flow from there into each closed class.
    visits = np.linalg.solve(np.eye(len(transient)) - P[np.ix_(transient, transient)].T, initial[transient])
    chances = [initial[c].sum() + visits @ P[np.ix_(transient, c)].sum(axis=1) for c in closed]
    # A class that is never entered must not spoil the sum with an infinite reward.
    return sum(chance * mean for chance, mean in zip(chances, means, strict=True) if chance > 0) / sum(chances)
