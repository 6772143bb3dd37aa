"""The operations of this family on a CUDA device: optima and losses of IPO and DPO, axioms, a thread each."""

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import THREADS, blocks_for, run
from alignment_fast.kernels.policy import cpu
from alignment_fast.kernels.policy.operations import Axioms, TiltedRows

__all__ = [
    "advantages",
    "axioms",
    "dpo_covariances",
    "dpo_losses",
    "ipo_covariances",
    "ipo_losses",
    "is_top",
    "keep_order",
    "least_ipo_losses",
    "masks_of",
    "raised",
    "rewards",
    "scaled_losses",
    "scaled_rows",
    "sensitivities",
    "tilted",
]

_LIBRARY = images.library("policy")
_FLOAT64, _INT64, _BOOL = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)
_ADVANTAGES = driver.Kernel(_LIBRARY, "preference_advantages", "qqpqpqp")
_LEAST = driver.Kernel(_LIBRARY, "least_ipo_losses", "qqpqpp")
_REWARDS = driver.Kernel(_LIBRARY, "dpo_rewards", "qqpqpqdqpqpp")
_DPO_LOSSES = driver.Kernel(_LIBRARY, "dpo_losses", "qqpqpqpqpqpp")
_IPO_LOSSES = driver.Kernel(_LIBRARY, "ipo_losses", "qqqpqpqpqpqpp")
_IPO_COVARIANCES = driver.Kernel(_LIBRARY, "ipo_covariances", "qqpqpqpp")
_DPO_COVARIANCES = driver.Kernel(_LIBRARY, "dpo_covariances", "qqpqpqpqpqp")
_SENSITIVITIES = driver.Kernel(_LIBRARY, "dpo_sensitivities", "qqqpqpqpqpqpqp")
_ROWS = driver.Kernel(_LIBRARY, "scaled_rows", "qqqpqpqp")
_TILTED = driver.Kernel(_LIBRARY, "tilted_policies", "qqqpqpqpqpqppp")
_RAISED = driver.Kernel(_LIBRARY, "raised_rows", "qqpqdp")
_AXIOMS = driver.Kernel(_LIBRARY, "preference_axioms", "qqpdqpqpppppppppp")
_MASKS = driver.Kernel(_LIBRARY, "response_masks", "qqpp")
_KEPT = driver.Kernel(_LIBRARY, "kept_orders", "qqpqdpqp")
_TOPS = driver.Kernel(_LIBRARY, "tops", "qqpqpqp")
_SCALED = driver.Kernel(_LIBRARY, "scaled_losses", "qqpqpqp")
# Matrices were checked before, to less.
_TOLERANCE = 1e-6
# Problems at once: further ones take turns, for each has scratch of its own.
MOST = 1 << 15


def _count(*arrays):
    """Return the number of problems that arrays of so many rows, or of one for all, describe."""
    rows = [len(array) for array in arrays]
    return max(rows) if all(rows) else 0


def _step(array):
    """Return the distance of two rows, 0 where one serves all."""
    return array[0].size if len(array) > 1 else 0


def _scratch(place, tasks, own):
    """Return so many doubles for each thread of a launch, and the function that says how many threads it has."""
    blocks = -(-min(tasks, MOST) // THREADS)
    return place.empty((blocks * THREADS, own), _FLOAT64), lambda _tasks, _device: (blocks, THREADS)


def advantages(P, mu):
    """Return M μ, M = (P − Pᵀ)/2, for each row."""
    count, size = _count(P, mu), mu.shape[-1]
    out = mu.place.empty((count, size), _FLOAT64)
    run(_ADVANTAGES, blocks_for, count, mu.place, count, size, P, _step(P), mu, _step(mu), out)
    return out


def least_ipo_losses(mu, advantage):
    """Return the least pair loss of IPO at beta = 1 for each row of `advantage`."""
    count, size = advantage.shape
    out = mu.place.empty((count,), _FLOAT64)
    run(_LEAST, blocks_for, count, mu.place, count, size, mu, _step(mu), advantage, out)
    return out


def rewards(P, mu, tol, max_iter):
    """Return DPO's rewards (count, K), mean zero, and on the host the width (count,) of the last step of Newton."""
    place, count, size = mu.place, _count(P, mu), mu.shape[-1]
    out, width = place.empty((count, size), _FLOAT64), place.empty((count,), _FLOAT64)
    own = _pairs_scratch(size, 1)
    scratch, shape = _scratch(place, count, own)
    arguments = (P, _step(P), mu, _step(mu), tol, max_iter, scratch, own, out, width)
    run(_REWARDS, shape, count, place, count, size, *arguments)
    return out, width.numpy()


def _pairs_scratch(size, columns):
    """Return `policy_pairs_scratch` of rewards.inc."""
    return 3 * (size * (size - 1) // 2) + size * size + (1 + columns) * size


def ipo_losses(h, mu, advantage, beta):
    """Return IPO's losses at h (count, T) and their gradients (count, T, K), for beta (count or 1, T) from the host."""
    place, count, size, points = mu.place, _count(h, mu, advantage, beta), mu.shape[-1], beta.shape[1]
    value, gradient = (place.empty((count, points, *more), _FLOAT64) for more in ((), (size,)))
    rows = (both for array in (h, mu, advantage, place.copy(beta)) for both in (array, _step(array)))
    run(_IPO_LOSSES, blocks_for, value.size, place, count, points, size, *rows, value, gradient)
    return value, gradient


def ipo_covariances(P, mu):
    """Return m × covariance of IPO's h at beta = 1, (count, K, K)."""
    place, count, size = mu.place, _count(P, mu), mu.shape[-1]
    out = place.empty((count, size, size), _FLOAT64)
    given = (P, _step(P), mu, _step(mu), advantages(P, mu))
    run(_IPO_COVARIANCES, blocks_for, count * size, place, count, size, *given, out)
    return out


def dpo_covariances(P, mu, reward):
    """Return m × covariance of DPO's rewards, (count, K, K)."""
    place, count, size = mu.place, _count(P, mu, reward), mu.shape[-1]
    out, own = place.empty((count, size, size), _FLOAT64), _pairs_scratch(size, size) + size
    scratch, shape = _scratch(place, count, own)
    rows = (both for array in (P, mu, reward) for both in (array, _step(array)))
    run(_DPO_COVARIANCES, shape, count, place, count, size, *rows, scratch, own, out)
    return out


def sensitivities(P, mu, reward, direction):
    """Return the derivatives (count, K, D) of DPO's rewards as μ moves along the columns of `direction`."""
    place, count, size = mu.place, _count(P, mu, reward, direction), mu.shape[-1]
    columns = direction.shape[-1]
    out, own = place.empty((count, size, columns), _FLOAT64), _pairs_scratch(size, columns) + size
    scratch, shape = _scratch(place, count, own)
    rows = (both for array in (P, mu, reward, direction) for both in (array, _step(array)))
    run(_SENSITIVITIES, shape, count, place, count, size, columns, *rows, scratch, own, out)
    return out


def scaled_rows(x, factor, count):
    """Return rows `x` (count or 1, n) times factors (count or 1, T) from the host: (count, T, n)."""
    place, width, points, there = x.place, x.shape[-1], factor.shape[1], x.place.copy(factor)
    out = place.empty((count, points, width), _FLOAT64)
    arguments = (count, points, width, x, _step(x), there, _step(there), out)
    run(_ROWS, blocks_for, out.size, place, *arguments)
    return out


def dpo_losses(reward, P, mu):
    """Return DPO's losses (count,) and their gradients (count, K)."""
    place, count, size = mu.place, _count(reward, P, mu), mu.shape[-1]
    value, gradient = place.empty((count,), _FLOAT64), place.empty((count, size), _FLOAT64)
    scratch, shape = _scratch(place, count, size * size)
    rows = (both for array in (reward, P, mu) for both in (array, _step(array)))
    arguments = (*rows, scratch, size * size, value, gradient)
    run(_DPO_LOSSES, shape, count, place, count, size, *arguments)
    return value, gradient


def tilted(ref, scores, beta):
    """Return `TiltedRows` of reference, scores (count or 1, K) and, from the host, beta (count or 1, T)."""
    place, count, size, points = ref.place, _count(ref, scores, beta), ref.shape[-1], beta.shape[1]
    out = TiltedRows(*(place.empty((count, points, *more), _FLOAT64) for more in ((size,), (), ())))
    scratch, shape = _scratch(place, count * points, 3 * size)
    there = place.copy(beta)
    arguments = (ref, _step(ref), scores, _step(scores), there, _step(there), scratch, 3 * size, *out)
    run(_TILTED, shape, count * points, place, count, points, size, *arguments)
    return out


def raised(x, by, count):
    """Return `x` (count or 1, K) plus a number, for so many rows."""
    size = x.shape[-1]
    out = x.place.empty((count, size), _FLOAT64)
    run(_RAISED, blocks_for, out.size, x.place, count, size, x, _step(x), by, out)
    return out


def scaled_losses(loss, factor, count, points):
    """Return losses (count or 1,) times factors (count or 1, points) from the host, None: 1, as (count, points)."""
    place = loss.place
    out, there = place.empty((count, points), _FLOAT64), None if factor is None else place.copy(factor)
    steps = int(len(loss) > 1), 0 if there is None else _step(there)
    run(_SCALED, blocks_for, out.size, place, count, points, loss, steps[0], there, steps[1], out)
    return out


def _axiom_integers(size):
    """Return `policy_axioms_integers` of axioms.inc."""
    return (6 + 2 * (-(-size // 64))) * size


def axioms(P, *wanted):
    """Return the `Axioms` of matrices P (count, K, K), as far as `wanted`: WINNER, CYCLES, ...; None otherwise."""
    place, count, size = P.place, len(P), P.shape[-1]
    bits, own = sum(1 << property for property in wanted), size * size + _axiom_integers(size)

    def made(property, dtype, *more):
        return place.empty((count, *more), dtype) if bits >> property & 1 else None

    out = Axioms(
        *(made(of, _INT64) for of in (cpu.WINNER, cpu.SMITH_SIZE, cpu.CYCLES)),
        *(made(cpu.DOMINANT, _BOOL) for _ in range(3)),
        *(made(of, _BOOL) for of in (cpu.CYCLIC, cpu.TOTAL_ORDER)),
        made(cpu.SMITH_SIZE, _BOOL, size),
        made(cpu.TOTAL_ORDER, _INT64, size),
    )
    scratch, shape = _scratch(place, count, own)
    run(_AXIOMS, shape, count, place, count, size, P, _TOLERANCE, bits, scratch, own, *out)
    return out


def masks_of(response, size):
    """Return masks (count, size) of one response each, of none where it is −1."""
    out = response.place.empty((len(response), size), _BOOL)
    run(_MASKS, blocks_for, out.size, out.place, len(response), size, response, out)
    return out


def keep_order(P, scores):
    """Return whether scores (count or 1, K) put every winner of a pair of P (count or 1, K, K) above the loser."""
    place, count = P.place, _count(P, scores)
    out = place.empty((count,), _BOOL)
    run(_KEPT, blocks_for, count, place, count, scores.shape[-1], P, _step(P), _TOLERANCE, scores, _step(scores), out)
    return out


def is_top(members, scores):
    """Return whether scores put all of `members` (count or 1, K), a mask, above every other response."""
    place, count = scores.place, _count(members, scores)
    out = place.empty((count,), _BOOL)
    size = scores.shape[-1]
    run(_TOPS, blocks_for, count, place, count, size, members, _step(members), scores, _step(scores), out)
    return out
