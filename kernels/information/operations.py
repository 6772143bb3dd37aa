"""The operations of this family on CPU arrays: rows of weighted letters in, float64 arrays out, threads over rows.

Host algorithms and the public layer call these functions only, so another device needs another table of the same
functions and nothing else.
"""

from dataclasses import replace

import numpy as np

from alignment_fast.kernels.common import status as status_words
from alignment_fast.kernels.common import threads
from alignment_fast.kernels.information import cpu
from alignment_fast.kernels.information.cpu import (
    OF_CONSTRAINED,
    OF_CROSS_ENTROPY,
    OF_DIVERGENCE,
    OF_ENTROPY,
    OF_LOG_MGF,
    OF_TILT,
    REWARD_GIVEN,
    REWARD_LOG_OF,
    REWARD_LOG_RATIO,
    REWARD_LOGITS,
    REWARD_OWN_LOG,
    WEIGHT_LOG,
    WEIGHT_PROBABILITY,
    WEIGHT_UNIFORM,
    short_cross_entropy,
    short_entropy,
    short_kl_constrained,
    short_kl_constrained_gradient,
    short_kl_divergence,
    short_kl_estimator_moments,
    short_kl_estimators,
    short_log_mgf,
    short_log_mgf_gradient,
    short_markov_aligned,
    short_markov_rate,
    short_matched,
    short_optimality_gap,
    short_rate_function,
    short_rate_function_gradient,
    short_renyi_cross_entropy,
    short_renyi_cross_entropy_gradient,
    short_renyi_divergence,
    short_renyi_divergence_gradient,
    short_renyi_entropy,
    short_renyi_entropy_gradient,
    short_tilt,
    short_tilt_gradient,
    short_tilted_moments,
)
from alignment_fast.kernels.information.structures import LetterRows, TiltFields

__all__ = [
    "OF_CONSTRAINED",
    "OF_CROSS_ENTROPY",
    "OF_DIVERGENCE",
    "OF_ENTROPY",
    "OF_LOG_MGF",
    "OF_TILT",
    "REWARD_GIVEN",
    "REWARD_LOGITS",
    "REWARD_LOG_OF",
    "REWARD_LOG_RATIO",
    "REWARD_OWN_LOG",
    "WEIGHT_LOG",
    "WEIGHT_PROBABILITY",
    "WEIGHT_UNIFORM",
    "LetterRows",
    "TiltFields",
    "added",
    "best_walks",
    "communicating_classes",
    "cycle_mean",
    "estimates",
    "estimator_moments",
    "exponential_mean",
    "gradients",
    "log_mgf",
    "log_tilted",
    "markov_aligned",
    "markov_rate",
    "perron",
    "plain_cross_entropy",
    "plain_divergence",
    "plain_entropy",
    "probabilities",
    "rates",
    "replaced",
    "sample_estimators",
    "short_cross_entropy",
    "short_entropy",
    "short_kl_constrained",
    "short_kl_constrained_gradient",
    "short_kl_divergence",
    "short_kl_estimator_moments",
    "short_kl_estimators",
    "short_log_mgf",
    "short_log_mgf_gradient",
    "short_markov_aligned",
    "short_markov_rate",
    "short_matched",
    "short_optimality_gap",
    "short_rate_function",
    "short_rate_function_gradient",
    "short_renyi_cross_entropy",
    "short_renyi_cross_entropy_gradient",
    "short_renyi_divergence",
    "short_renyi_divergence_gradient",
    "short_renyi_entropy",
    "short_renyi_entropy_gradient",
    "short_tilt",
    "short_tilt_gradient",
    "short_tilted_moments",
    "spread",
    "stationary",
    "tilted_moments",
    "tilts",
    "tilts_of_divergence",
]

# Nanoseconds per letter and order, for the number of threads and for Ctrl-C: a row that lasts longer than is thought
# cannot be interrupted. Of one pass over a row, of moments under a tilt, of estimates, of a search for a tilt.
_COST = 1.0
_MOMENTS_COST = 5.0
_ESTIMATES_COST = 20.0
_SEARCH_COST = 60.0
# Of a measure of order 1, by letter; rows that are longer than this are cut for threads.
_PLAIN_COST = 2.0
_LONG_ROW = 1 << 16
# Of each of two passes over a long row at one order; and orders ρ that powers.inc takes in one pass.
_ORDER_COST = 3.0
_POWERS = (1.0, 2.0, -0.5)
# Samples of a block of elementwise work.
_SAMPLES = 4096
_OUT_OF_RANGE = status_words.TOTAL_OUT_OF_RANGE
# Exponents of the largest probability of a row: below the first and above the second a kernel refuses the total of some
# length of row; rows that are too large are brought down to the third, so that what is rare in them stays normal.
_MODERATE = {np.dtype(np.float32): (-14, 85, 60), np.dtype(np.float64): (-98, 840, 800)}


def probabilities(rows):
    """Return the weights of every row as normalised probabilities, float64 (count or 1, V)."""
    if rows.weight_kind == WEIGHT_UNIFORM:
        width = rows.rewards.shape[1]
        return np.full((1, width), 1.0 / width)
    p = rows.weights.astype(np.float64)
    p = np.exp(p - p.max(axis=1, keepdims=True)) if rows.weight_kind == WEIGHT_LOG else _moderate(p)
    return p / p.sum(axis=1, keepdims=True)


def _over_rows(kernel, rows, orders, out, num_threads, *scratch):
    """Call `kernel` over all rows, into `out`; return the status words of weights and rewards.

    Rows that the kernel refuses for their totals alone are multiplied by powers of two, which changes no result.
    """
    words = _over_rows_as_given(kernel, rows, orders, out, num_threads, *scratch)
    if any(word != status_words.OK and status_words.decode(word)[1] == _OUT_OF_RANGE for word in words):
        words = _over_rows_as_given(kernel, _with_moderate_totals(rows), orders, out, num_threads, *scratch)
    return words


def _with_moderate_totals(rows):
    """Return `rows` with the largest probability of every row of extreme total brought to a moderate size."""
    weights, rewards = rows.weights, rows.rewards
    if rows.weight_kind == WEIGHT_PROBABILITY:
        weights = _moderate(weights)
    if rows.reward_kind == REWARD_LOG_OF or (rows.reward_kind == REWARD_LOG_RATIO and rows.weight_kind != WEIGHT_LOG):
        rewards = _moderate(rewards) if rows.normalize else rewards
    return replace(rows, weights=weights, rewards=rewards)


def _moderate(array):
    """Return rows of probabilities with those of extreme size multiplied by a power of two."""
    least, most, high = _MODERATE[array.dtype]
    exponent = np.frexp(array.max(axis=1, keepdims=True))[1]  # of NaN and infinity 0: the kernel will name them
    return np.ldexp(array, np.where(exponent > most, high - exponent, np.where(exponent < least, -exponent, 0)))


def _over_rows_as_given(kernel, rows, orders, out, num_threads, *scratch):
    described = (rows.weights, rows.weight_kind, rows.rewards, rows.reward_kind, rows.normalize, orders)
    words = [(status_words.OK, status_words.OK)]

    def run(first, last):
        words.append(kernel(*described, *scratch, out, first, last))

    if out.size:
        cost = _MOMENTS_COST if scratch else _COST
        work = cost * rows.count * rows.rewards.shape[1] * orders.shape[1]
        threads.for_blocks(run, rows.count, work=work, num_threads=num_threads)
    return tuple(map(min, zip(*words, strict=True)))


def _is_long(rows, orders):
    """Return whether threads share the one row: of Rényi measures, not at orders where bandwidth is all it takes."""
    one = rows.count == 1 and orders.shape[1] == 1 and rows.rewards.shape[1] > _LONG_ROW
    if not (one and rows.rewards.dtype == np.float64 and rows.reward_kind != REWARD_GIVEN):
        return False
    return not (rows.weight_kind == WEIGHT_PROBABILITY and orders[0, 0] in _POWERS)


def _of_long_row(rows, orders, times_order, num_threads):
    """Return E, or K, of one long row at one order; NaN where the general path has to find it."""
    described = rows.weights, rows.weight_kind, rows.rewards, rows.reward_kind, rows.normalize, orders
    near = cpu.near_mean(*described, times_order)  # by one thread: a nanosecond a letter
    if near == near:
        return near
    parts = -(-rows.rewards.shape[1] // cpu.BLOCK)
    found, sums = (np.empty((parts, size)) for size in cpu.ORDER_SIZES)

    def in_parts(kernel, *arrays):
        work = _ORDER_COST * rows.rewards.shape[1]
        threads.for_blocks(lambda *part: kernel(*described, *arrays, *part), parts, work=work, num_threads=num_threads)

    in_parts(cpu.order_found, found)
    frame, value = cpu.order_begin(*described, times_order, found), np.nan
    while frame is not None:
        in_parts(cpu.order_parts, frame, sums)
        value, frame = cpu.order_end(*described, frame, times_order, sums)
    return value


def exponential_mean(rows, orders, num_threads=None, *, negated=False):
    """Return E(ρ) = log(Σ p e^{ρ r}) / ρ for orders (count or 1, T), any reals with their limits, and status words.

    With `negated` −E(ρ), without a negative zero.
    """
    result, words = _reduced(cpu.exponential_mean, rows, orders, num_threads, times_order=False)
    return (0.0 - result if negated else result), words


def log_mgf(rows, orders, num_threads=None):
    """Return K(t) = log Σ p e^{t r} for orders (count or 1, T), and status words."""
    return _reduced(cpu.log_mgf, rows, orders, num_threads, times_order=True)


def _reduced(kernel, rows, orders, num_threads, *, times_order):
    orders = np.ascontiguousarray(orders)
    out = np.empty((rows.count, orders.shape[1]))
    if _is_long(rows, orders):
        out[0, 0] = _of_long_row(rows, orders, times_order, num_threads)
        if out[0, 0] == out[0, 0]:
            return out, (status_words.OK, status_words.OK)
    return out, _over_rows(kernel, rows, orders, out, num_threads)


def tilted_moments(rows, orders, order, num_threads=None):
    """Return K(t) (count, T), the cumulants κ_1..κ_order under p e^{t r} (count, T, order), and status words."""
    orders = np.ascontiguousarray(orders)
    out = np.empty((rows.count, orders.shape[1], 1 + order))
    words = _over_rows(cpu.tilted_moments, rows, orders, out, num_threads, *_scratch(rows, orders))
    return out[..., 0], out[..., 1:], words


def replaced(values, others, factors):
    """Return `values` (count, T), where factors (count or 1, T) are not NaN `others` times them if that is finite."""
    with np.errstate(invalid="ignore"):
        scaled = others * factors
    return np.where(np.isfinite(scaled), scaled, values)


def added(results, others):
    """Return the sum of two results of one call, of the caller's kind; the second may serve every row of the first."""
    return results + others


def spread(rows, orders):
    """Return parameters (count or 1, T) for every row, (count, T)."""
    return np.broadcast_to(orders, (rows.count, orders.shape[1]))


def log_tilted(rows, orders, num_threads=None):
    """Return log p + t r − K(t), shape (count, T, V) and dtype of the rows, for finite t, and status words."""
    orders = np.ascontiguousarray(orders)
    out = np.empty((rows.count, orders.shape[1], rows.rewards.shape[1]), dtype=rows.rewards.dtype)
    return out, _over_rows(cpu.log_tilted, rows, orders, out, num_threads, *_scratch(rows, orders))


def _scratch(rows, orders):
    """Return what a first pass hands to the second: E by row and order, mass and shift by row."""
    return np.empty((rows.count, orders.shape[1])), np.empty((rows.count, 2))


def tilts(rows, alphas, num_threads=None, *, with_log_pi=True):
    """Return the tilts of `rows` by any reals (count or 1, T): their log-probabilities (count, T, V) and `TiltFields`.

    The third result is whether all rows are good: as `exponential_mean` finds, with finite rewards on the support, of a
    range that is a double. Otherwise nothing else is meaningful.
    """
    alphas = np.ascontiguousarray(alphas)
    shape = rows.count, alphas.shape[1]
    fields = np.empty((*shape, len(TiltFields._fields)))
    log_pi = np.empty((*shape, rows.rewards.shape[1]), dtype=rows.rewards.dtype) if with_log_pi else None
    good = _over_points(cpu.tilts, rows, (alphas, log_pi, fields), shape, num_threads)
    return log_pi, TiltFields(*np.moveaxis(fields, -1, 0)), good


def tilts_of_divergence(rows, divergence, num_threads=None, *, log_deficit=None, start=None):
    """Return the tilts α ≥ 0 of divergence (count or 1, T), inf where none reaches it, and the divergences reached.

    `log_deficit` (count, T) is log(D_max − divergence) where the caller knows it better than the subtraction does;
    `start` (count, T), positive, is where iterations start. The third result is that of `tilts`.
    """
    given = (array if array is None else np.ascontiguousarray(array) for array in (divergence, log_deficit, start))
    shape = rows.count, divergence.shape[1]
    alpha, reached = np.empty(shape), np.empty(shape)
    good = _over_points(cpu.tilts_of_divergence, rows, (*given, alpha, reached), shape, num_threads)
    return alpha, reached, good


def rates(rows, levels, num_threads=None):
    """Return I(x) = sup_t (t x − K(t)) at the levels x (count or 1, T), its maximisers t, and the third of `tilts`."""
    shape = rows.count, levels.shape[1]
    value, t = np.empty(shape), np.empty(shape)
    good = _over_points(cpu.rates, rows, (np.ascontiguousarray(levels), value, t), shape, num_threads)
    return value, t, good


def gradients(rows, points, quantity, num_threads=None):
    """Return derivatives of `quantity` (an ``OF_`` constant) at points (count or 1, T), and whether rows are good.

    The first are those by the parameter, (count, T) each, the second those by letters, (count, T, V) each; for Rényi
    measures rows, with q in the place of rewards, are good only if q has mass wherever p has.
    """
    points = np.ascontiguousarray(points)
    shape = rows.count, points.shape[1]
    n_scalars, n_vectors = cpu.GRADIENT_SIZES[quantity]
    scalars, vectors = np.empty((*shape, n_scalars)), np.empty((*shape, n_vectors, rows.rewards.shape[1]))
    good = _over_points(cpu.gradients, rows, (quantity, points, scalars, vectors), shape, num_threads)
    return list(np.moveaxis(scalars, -1, 0)), list(np.moveaxis(vectors, -2, 0)), good


def plain_entropy(p, num_threads=None):
    """Return the entropy of one row of probabilities (V,), by threads where it is long; NaN where values are bad."""
    return _of_blocks(cpu.PLAIN_ENTROPY, p, p, True, num_threads) if len(p) > _LONG_ROW else cpu.plain_entropy(p)


def plain_cross_entropy(p, q, normalize, num_threads=None):
    """Return the cross entropy of two rows (V,), as `plain_entropy`."""
    if len(p) > _LONG_ROW:
        return _of_blocks(cpu.PLAIN_CROSS_ENTROPY, p, q, normalize, num_threads)
    return cpu.plain_cross_entropy(p, q, normalize)


def plain_divergence(p, q, normalize, num_threads=None):
    """Return the divergence D(p‖q) of two rows (V,), as `plain_entropy`."""
    if len(p) > _LONG_ROW:
        near = cpu.near_mean(
            p[None], WEIGHT_PROBABILITY, q[None], REWARD_LOG_RATIO, normalize, np.zeros((1, 1)), times_order=False
        )
        return near if near == near else _of_blocks(cpu.PLAIN_DIVERGENCE, p, q, normalize, num_threads)
    return cpu.plain_divergence(p, q, normalize)


def _of_blocks(kind, p, q, normalize, num_threads):
    blocks = -(-len(p) // cpu.BLOCK)
    parts = np.empty((blocks, 4))
    threads.for_blocks(
        lambda first, last: cpu.plain_parts(kind, p, q, parts, first, last),
        blocks,
        work=_PLAIN_COST * len(p),
        num_threads=num_threads,
    )
    return cpu.plain_from_parts(kind, p, q, normalize, parts)


def _over_points(kernel, rows, arrays, shape, num_threads):
    """Call a kernel over rows and points; return whether all rows were good."""
    found = []
    if shape[0] and shape[1]:
        given = rows.weights, rows.weight_kind, rows.rewards, *arrays
        threads.for_blocks(
            lambda first, last: found.append(kernel(*given, first, last)),
            rows.count,
            work=_SEARCH_COST * shape[0] * shape[1] * rows.rewards.shape[1],
            num_threads=num_threads,
        )
    return all(found)


def estimates(rho, num_threads=None):
    """Return e^−ρ − 1 + ρ and 1 − e^−ρ of a float64 array of log-ratios, with their limits at ±inf."""
    flat = np.ascontiguousarray(rho).reshape(-1)
    k3, slope = np.empty(flat.shape), np.empty(flat.shape)
    threads.for_blocks(
        lambda first, last: cpu.estimates(flat, k3, slope, first * _SAMPLES, min(last * _SAMPLES, flat.size)),
        -(-flat.size // _SAMPLES),
        work=_ESTIMATES_COST * flat.size,
        num_threads=num_threads,
    )
    return k3.reshape(rho.shape), slope.reshape(rho.shape)


def sample_estimators(policy, reference):
    """Return ρ, ρ²/2 and e^−ρ − 1 + ρ of log-probabilities that broadcast, then their derivatives 1, ρ and 1 − e^−ρ."""
    dtype = np.result_type(policy, reference)
    with np.errstate(invalid="ignore"):  # -inf − -inf is NaN
        rho = np.subtract(policy, reference, dtype=dtype)
    k3, slope = estimates(rho.astype(np.float64, copy=False))
    with np.errstate(over="ignore"):
        exact = (rho, 0.5 * rho * rho, k3, np.where(np.isnan(rho), rho, 1.0), rho, slope)
        return [np.asarray(column).astype(dtype, copy=False) for column in exact]


def estimator_moments(p, reference, log, num_threads=None):
    """Return moments of estimators of the divergence of rows p from a reference: scalars (B, 11) and vectors (B, 8, V).

    D(π‖b) and D(b‖π), then mean, bias and variance of three estimators; gradients of each in the loss and in the
    reward, then those of both divergences. Rows are good, with a reference that has mass wherever p has.
    """
    scalars, vectors = np.empty((len(p), 11)), np.empty((len(p), 8, p.shape[1]))
    kind = WEIGHT_LOG if log else WEIGHT_PROBABILITY
    if not len(p):
        return scalars, vectors
    threads.for_blocks(
        lambda first, last: cpu.estimator_moments(p, kind, reference, scalars, vectors, first, last),
        len(p),
        work=2 * _ESTIMATES_COST * p.size,
        num_threads=num_threads,
    )
    return scalars, vectors


# ---- Markov sources: one matrix (K, K) at a time ----


def communicating_classes(support):
    """Return the communicating class of every state of a boolean transition matrix, and how many there are."""
    label = np.empty(len(support), dtype=np.int64)
    return label, cpu.communicating_classes(np.ascontiguousarray(support).view(np.uint8), label)


def cycle_mean(weights):
    """Return the largest mean weight of a cycle; -inf where there is none."""
    return cpu.cycle_mean(np.ascontiguousarray(weights))


def best_walks(weights):
    """Return the largest weight of a walk between any two states, where no cycle has a positive weight."""
    closure = np.array(weights, order="C")
    cpu.best_walks(closure)
    return closure


def perron(matrix):
    """Return Perron value and positive right vector of an irreducible non-negative matrix."""
    vector = np.empty(len(matrix))
    return cpu.perron(np.ascontiguousarray(matrix), vector), vector


def stationary(log_p):
    """Return the stationary law of an irreducible stochastic matrix."""
    law = np.empty(len(log_p))
    cpu.stationary(np.array(log_p, order="C"), law)
    return law


def markov_rate(P, Q, order):
    """Return the rate of Rényi cross entropy of one small irreducible chain; NaN where the pieces have to serve."""
    return cpu.markov_rate(np.ascontiguousarray(P), np.ascontiguousarray(Q), order)


def markov_aligned(P, reward, alpha):
    """Return chain, log λ, divergence, reward and variance rates under a tilt; None where the pieces have to serve."""
    chain, rates = np.empty(P.shape), np.empty(4)
    good = cpu.markov_aligned(np.ascontiguousarray(P), np.ascontiguousarray(reward), alpha, chain, rates)
    return (chain, *rates) if good else None
