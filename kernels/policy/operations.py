"""The operations of this family on CPU arrays: rows of problems in, float64 arrays out, threads over rows.

Arrays are float64 and C-contiguous, (count or 1, ...): a single row serves all problems.
"""

from typing import NamedTuple

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.policy import cpu
from alignment_fast.kernels.policy.cpu import (
    CYCLES,
    CYCLIC,
    DOMINANT,
    SMITH_SIZE,
    STRICT,
    TOTAL_ORDER,
    TRANSITIVE,
    WINNER,
    gain_of_gold,
    short_axiom,
    short_classes,
    short_dpo,
    short_dpo_covariance,
    short_dpo_loss,
    short_dpo_sensitivity,
    short_gain_ends,
    short_hodge,
    short_ipo,
    short_ipo_covariance,
    short_ipo_loss,
    short_ipo_pairs,
    short_keeps_order,
    short_order_sampler,
    short_preference_matrix,
    short_proxy_gap,
    short_smith_sampler,
    short_smith_set,
    short_top,
)

__all__ = [
    "CYCLES",
    "CYCLIC",
    "DOMINANT",
    "LARGEST_GAME",
    "SMITH_SIZE",
    "STRICT",
    "TOTAL_ORDER",
    "TRANSITIVE",
    "WINNER",
    "Axioms",
    "GainBins",
    "TiltedRows",
    "advantages",
    "are_preferences",
    "axioms",
    "comparison_shares",
    "dpo_covariances",
    "dpo_losses",
    "from_scores",
    "gain_bins",
    "gain_constants",
    "gain_of_gold",
    "gain_sums",
    "gain_sums_of_bins",
    "hodge",
    "ipo_covariances",
    "ipo_losses",
    "is_top",
    "keep_order",
    "least_ipo_losses",
    "masks_of",
    "normalised",
    "order_samplers",
    "pair_potentials",
    "raised",
    "rewards",
    "scaled_losses",
    "scaled_rows",
    "sensitivities",
    "short_axiom",
    "short_classes",
    "short_dpo",
    "short_dpo_covariance",
    "short_dpo_loss",
    "short_dpo_sensitivity",
    "short_gain_ends",
    "short_hodge",
    "short_ipo",
    "short_ipo_covariance",
    "short_ipo_loss",
    "short_ipo_pairs",
    "short_keeps_order",
    "short_order_sampler",
    "short_preference_matrix",
    "short_proxy_gap",
    "short_smith_sampler",
    "short_smith_set",
    "short_top",
    "smith_samplers",
    "tilted",
]

# Nanoseconds per response, pair of responses and triple of them, for the choice of the number of threads only.
_RESPONSE, _PAIR, _TRIPLE = 20.0, 10.0, 0.5
# Nanoseconds per entry of a tableau and pivot of the simplex method, and up to how many responses it takes it.
_PIVOT, LARGEST_GAME = 0.5, 64
# Nanoseconds per sample and tilt of the sums behind a gain.
_SAMPLE = 1.5
# Nanoseconds per bin and tilt of the same from bins; samples that are put into bins at once.
_BIN, _BINNED = 4.0, 1 << 22
# Steps that Newton usually takes.
_STEPS = 6
# From so many responses and distributions of one matrix on their product is BLAS's.
_LARGE, _MANY = 64, 16


class Axioms(NamedTuple):
    """What the axioms say of each matrix, as far as it was asked for.

    Parameters
    ----------
    winner, smith_size, cycles : array of int64 (count,)
        The Condorcet winner or −1, the size of the Smith set, the number of cyclic triples.
    dominant, strictly_dominant, transitive, cyclic, total_order : array of bool (count,)
        Row dominance, strict or not; strong transitivity; a cycle of any length; whether `order` is one of wins.
    smith_set : array of bool (count, K)
        Its members.
    order : array of int64 (count, K)
        Responses by their numbers of wins, largest first.

    """

    winner: np.ndarray
    smith_size: np.ndarray
    cycles: np.ndarray
    dominant: np.ndarray
    strictly_dominant: np.ndarray
    transitive: np.ndarray
    cyclic: np.ndarray
    total_order: np.ndarray
    smith_set: np.ndarray
    order: np.ndarray


class TiltedRows(NamedTuple):
    """Policies ref · exp(beta · scores): log-probabilities (count, T, K), entropies and divergences (count, T)."""

    log_pi: np.ndarray
    entropy: np.ndarray
    kl: np.ndarray


def _count(*arrays):
    """Return the number of problems that arrays of so many rows, or of one for all, describe."""
    rows = [len(array) for array in arrays]
    return max(rows) if all(rows) else 0


def _over_rows(kernel, count, cost, *arrays):
    """Call ``kernel(*arrays, first, last)`` over all rows; `cost` in nanoseconds per row."""
    if count:
        threads.for_blocks(lambda first, last: kernel(*arrays, first, last), count, work=cost * count)


def are_preferences(P, tolerance):
    """Return whether matrices P (count, K, K) hold probabilities, and P + Pᵀ = 1 within `tolerance`."""
    good = []
    if len(P):
        threads.for_blocks(
            lambda first, last: good.append(cpu.are_preferences(P, tolerance, first, last)), len(P), work=P.size
        )
    return all(good)


def normalised(masses):
    """Return masses (count, K), every row divided by its sum; None if some are not finite, negative, or all zero."""
    out = np.array(masses, dtype=np.float64, order="C")
    return out if cpu.normalise(out) else None


def advantages(P, mu):
    """Return M μ, M = (P − Pᵀ)/2, for each row."""
    count, K = _count(P, mu), mu.shape[-1]
    if K >= _LARGE and len(P) == 1 and count >= _MANY:
        M = 0.5 * (P - np.swapaxes(P, -1, -2))
        return mu @ M[0].T
    out = np.empty((count, K))
    _over_rows(cpu.advantages, count, K * K, P, mu, out)
    return out


def least_ipo_losses(mu, advantage):
    """Return the least pair loss of IPO at beta = 1 for each row of `advantage`."""
    out = np.empty(len(advantage))
    cpu.least_ipo_losses(mu, advantage, out)
    return out


def ipo_losses(h, mu, advantage, beta):
    """Return IPO's losses at h (count, T) and their gradients (count, T, K), for beta (count or 1, T)."""
    count, K = _count(h, mu, advantage, beta), h.shape[-1]
    value, gradient = np.empty((count, beta.shape[1])), np.empty((count, beta.shape[1], K))
    cpu.ipo_losses(h, mu, advantage, beta, value, gradient)
    return value, gradient


def pair_potentials(P, rho):
    """Return IPO's scores z (count, K) under designs `rho` (count or 1, K, K), and the least losses at beta = 1."""
    count, K = _count(P, rho), P.shape[-1]
    potential, loss = np.empty((count, K)), np.empty(count)
    _over_rows(cpu.pair_potentials, count, _TRIPLE * K**3, P, rho, potential, loss)
    return potential, loss


def hodge(P):
    """Return scores (count, K), cyclic parts (count, K, K) and their shares (count,), all pairs weighing alike."""
    count, K = P.shape[:2]
    scores, cyclic, share = np.empty((count, K)), np.empty(P.shape), np.empty(count)
    _over_rows(cpu.hodge, count, 4 * K * K, P, scores, cyclic, share)
    return scores, cyclic, share


def tilted(ref, scores, beta):
    """Return `TiltedRows` of reference, scores (count or 1, K) and beta (count or 1, T)."""
    count, K, T = _count(ref, scores, beta), ref.shape[-1], beta.shape[1]
    out = TiltedRows(np.empty((count, T, K)), np.empty((count, T)), np.empty((count, T)))
    _over_rows(cpu.tilted, count, _RESPONSE * K * T, ref, scores, beta, *out)
    return out


def raised(x, by, count):
    """Return `x` (count or 1, K) plus a number, for so many rows."""
    return np.broadcast_to(x + by, (count, x.shape[-1]))


def scaled_losses(loss, factor, count, points):
    """Return losses (count or 1,) times factors (count or 1, points), None: 1, as (count, points)."""
    return np.broadcast_to(loss[:, None] if factor is None else factor * loss[:, None], (count, points))


def scaled_rows(x, factor, count):
    """Return rows `x` (count or 1, n) times factors (count or 1, T): (count, T, n)."""
    return np.broadcast_to(factor[:, :, None], (count, factor.shape[1], 1)) * x[:, None, :]


def rewards(P, mu, tol, max_iter):
    """Return DPO's rewards (count, K), mean zero, and the width (count,) of the last Newton step, the certificate."""
    count, K = _count(P, mu), mu.shape[-1]
    out, width = np.empty((count, K)), np.empty(count)
    _over_rows(cpu.rewards, count, _STEPS * (_PAIR * K**2 + _TRIPLE * K**3), P, mu, tol, max_iter, out, width)
    return out, width


def dpo_losses(reward, P, mu):
    """Return DPO's losses (count,) and their gradients (count, K)."""
    count, K = _count(reward, P, mu), mu.shape[-1]
    value, gradient = np.empty(count), np.empty((count, K))
    _over_rows(cpu.dpo_losses, count, _PAIR * K**2, reward, P, mu, value, gradient)
    return value, gradient


def sensitivities(P, mu, reward, direction):
    """Return the derivatives (count, K, D) of DPO's rewards as μ moves along the columns of `direction`."""
    count, K, columns = _count(P, mu, reward, direction), mu.shape[-1], direction.shape[-1]
    change = np.empty((count, K, columns))
    cost = _PAIR * K**2 + _TRIPLE * (K**3 + K**2 * columns)
    _over_rows(cpu.sensitivities, count, cost, P, mu, reward, direction, change)
    return change


def ipo_covariances(P, mu):
    """Return m × covariance of IPO's h at beta = 1, (count, K, K)."""
    count, K = _count(P, mu), mu.shape[-1]
    out = np.empty((count, K, K))
    _over_rows(cpu.ipo_covariances, count, K * K, P, mu, out)
    return out


def dpo_covariances(P, mu, reward):
    """Return m × covariance of DPO's rewards, (count, K, K)."""
    count, K = _count(P, mu, reward), mu.shape[-1]
    out = np.empty((count, K, K))
    _over_rows(cpu.dpo_covariances, count, 4 * _TRIPLE * K**3, P, mu, reward, out)
    return out


def axioms(P, *wanted):
    """Return the `Axioms` of matrices P (count, K, K), as far as `wanted`: WINNER, CYCLES, ...

    SMITH_SIZE brings the sets, TOTAL_ORDER the order, DOMINANT its relatives; what is not wanted is undefined.
    """
    count, K = len(P), P.shape[-1]
    properties, order = (np.empty((count, columns), np.int64) for columns in (cpu.PROPERTIES, K))
    smith = np.empty((count, K), np.uint8)
    _over_rows(cpu.axioms, count, _PAIR * K**2, P, sum(1 << property for property in wanted), properties, smith, order)
    yes = properties.astype(np.bool_)
    return Axioms(
        *(properties[:, of] for of in (cpu.WINNER, cpu.SMITH_SIZE, cpu.CYCLES)),
        *(yes[:, of] for of in (cpu.DOMINANT, cpu.STRICT, cpu.TRANSITIVE, cpu.CYCLIC, cpu.TOTAL_ORDER)),
        smith.view(np.bool_),
        order,
    )


def order_samplers(P, order):
    """Return (mu, q, margin): samplers that keep orders (count, K) of matrices, and the proof that they are best."""
    count, K = len(P), P.shape[-1]
    mu, q, margin = np.empty((count, K)), np.empty((count, K - 1)), np.empty(count)
    _over_rows(cpu.order_samplers, count, _PIVOT * K**3, P, order, mu, q, margin)
    return mu, q, margin


def smith_samplers(P, members, ref):
    """Return (mu, w, margin, beta): samplers that put members (count, K) on top, and the proof that they are best."""
    count, K = len(P), P.shape[-1]
    mu, w, fields = np.empty((count, K)), np.empty((count, K)), np.empty((count, 2))
    _over_rows(cpu.smith_samplers, count, _PIVOT * K**4, P, members.view(np.uint8), ref, mu, w, fields)
    return mu, w, *fields.T


def keep_order(P, scores):
    """Return whether scores (count or 1, K) put every winner of a pair of P (count or 1, K, K) above the loser."""
    count = _count(P, scores)
    out = np.empty(count, np.uint8)
    _over_rows(cpu.keep_order, count, scores.shape[-1] ** 2, P, scores, out)
    return out.view(np.bool_)


def masks_of(response, size):
    """Return masks (count, size) of one response each, of none where it is −1."""
    return np.arange(size) == response[:, None]


def is_top(members, scores):
    """Return whether scores put all of `members` (count or 1, K), a mask, above every other response."""
    out = np.empty(_count(members, scores), np.uint8)
    if len(out):
        cpu.is_top(members.view(np.uint8), scores, out)
    return out.view(np.bool_)


def comparison_shares(winner, loser, tied, weight, K, prior):
    """Return the shares of comparisons won (K, K), with `prior` wins on each side; None if some comparison is bad.

    `winner` and `loser` are int64 (M,), `tied` bool and `weight` float64 (M,) or None.
    """
    wins = np.zeros((K, K))
    ties = wins if tied is None else np.zeros((K, K))
    given = (np.empty(0, np.uint8) if tied is None else tied.view(np.uint8), np.empty(0) if weight is None else weight)
    if len(winner) and cpu.count(winner, loser, *given, wins, ties) < len(winner):
        return None
    if tied is not None:
        wins += ties
    cpu.shares(prior, wins)
    return wins


def from_scores(scores, chosen, scale):
    """Return P (count, K, K) by `scores` (count, K, A), each pair by attribute `chosen` (count or 1, pairs)."""
    count, K = scores.shape[:2]
    P = np.empty((count, K, K))
    _over_rows(cpu.from_scores, count, _PAIR * K**2, scale, scores, chosen, P)
    return P


def gain_sums(x, weight, centre, tilt):
    """Return sums (T, 3, 3) at tilts (T,) over samples x (M,) <= 0: of e, e w, e², times 1, d, d².

    e = w exp(t x) and d = x − centre; `weight` (M,) may be None, for ones.
    """
    out = np.empty((len(tilt), cpu.SUMS))
    work = _SAMPLE * len(x) * len(tilt)
    threads.for_blocks(
        lambda first, last: cpu.gain_sums(x, weight, centre, tilt, first, last, out), len(tilt), work=work
    )
    return out.reshape(-1, 3, 3)


def gain_constants(masses, t, log_mgf, mean, held):
    """Return the constants (3, T) of intervals of gains at tilts t (T,) > 0, from `masses` (4, samples or bins)."""
    out = np.empty((len(t), 3))
    work = _SAMPLE * masses.shape[1] * len(t)
    threads.for_blocks(
        lambda first, last: cpu.gain_constants(masses, t, log_mgf, mean, held, first, last, out), len(t), work=work
    )
    return out.T


class GainBins(NamedTuple):
    """Samples x <= 0 in bins of one width below 0: their moments (8, bins) within each."""

    moments: np.ndarray
    width: float

    @property
    def largest_tilt(self):
        """The largest tilt at which sums from these bins have their digits."""
        return 2.0 * cpu.STEP / self.width


def gain_bins(x, weight, bins):
    """Return the `GainBins` of samples x (M,) <= 0, some below 0; `weight` (M,) may be None, for ones."""
    found = GainBins(np.zeros((cpu.MOMENTS, bins)), -float(x.min()) / bins)
    for first in range(0, len(x), _BINNED):
        part = slice(first, first + _BINNED)
        cpu.gain_bin(x[part], None if weight is None else weight[part], found.width, found.moments)
    return found


def gain_sums_of_bins(bins, centre, tilt):
    """Return sums (T, 3) of e, e d, e d² as in `gain_sums`, from `GainBins`, at tilts (T,) that these allow."""
    out = np.empty((len(tilt), cpu.POWERS))
    work = _BIN * bins.moments.shape[1] * len(tilt)
    threads.for_blocks(lambda first, last: cpu.gain_binned(*bins, centre, tilt, first, last, out), len(tilt), work=work)
    return out
