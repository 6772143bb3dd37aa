"""The operations of this family on arrays of a CUDA device: rows of weighted letters in, arrays of their dtype out.

What is wrong with a row makes its results NaN: nothing waits for the device, and status words say that all is well.
Orders and tilts come from the host, and few of them travel with a launch.
"""

import struct

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common import status as status_words
from alignment_fast.kernels.common.launches import THREADS, blocks_for, blocks_for_warps
from alignment_fast.kernels.common.streams import DeviceArray
from alignment_fast.kernels.information.cpu import (
    GRADIENT_SIZES,
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
    "exponential_mean",
    "gradients",
    "log_mgf",
    "plain_cross_entropy",
    "plain_divergence",
    "plain_entropy",
    "rates",
    "replaced",
    "sample_estimators",
    "spread",
    "tilted_moments",
    "tilts",
    "tilts_of_divergence",
]

_LIBRARY = images.library("information")
_PUT = driver.Kernel(_LIBRARY, "put_numbers", "sqp")
_CLEAR = driver.Kernel(_LIBRARY, "clear", "qp")
_SUM_TILES = driver.Kernel(_LIBRARY, "sum_tiles", "sqqp")
_FOLD_TILES = driver.Kernel(_LIBRARY, "fold_tiles", "sqqppp")
_MEANS = driver.Kernel(_LIBRARY, "exponential_means", "sqdppp")
_MOMENTS = driver.Kernel(_LIBRARY, "tilted_moments", "sqqppp")
_TILTS = driver.Kernel(_LIBRARY, "tilt_rows", "sqppppppp")
_RATES = driver.Kernel(_LIBRARY, "rate_rows", "sqppppp")
_DIVERGENCES = driver.Kernel(_LIBRARY, "divergence_rows", "sqppppp")
_GRADIENTS = driver.Kernel(_LIBRARY, "gradient_rows", "sqqppps")
_GRADIENT_ARRAYS = struct.Struct("<12Q")
_REPLACE = driver.Kernel(_LIBRARY, "replace_finite", "qqqpqpp")
_ADD = driver.Kernel(_LIBRARY, "add", "qqqpp")
_ESTIMATORS = driver.Kernel(_LIBRARY, "sample_estimators", "qqpqpqs")
_ESTIMATOR_ARRAYS = struct.Struct("<6Q")
_SPREAD = driver.Kernel(_LIBRARY, "spread_numbers", "qqqpqp")
_ROWS = struct.Struct("<QQqqqiiiiQqq")  # af_rows of structures.h
_FLOAT64 = np.dtype(np.float64)
_NO_STATUS = status_words.OK, status_words.OK
# Numbers in one launch, and how many launches of them are cheaper than a copy that is waited for.
_AT_ONCE = 32
_MOST_LAUNCHES = 8
# Doubles of scratch for every letter of a row that a warp works on, and rows at once: further ones take turns.
_SCRATCH, _FIELDS = 6, 4
MOST_ROWS = 1 << 12
# Letters of a tile, and numbers that it keeps beside the sum of each order (cuda_sums.inc).
_TILE, _OF_TILE = 256, 6


def _numbers(values, place):
    """Return parameters from the host as an array on the device, where they may be already."""
    if isinstance(values, DeviceArray):
        return values
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
    out = place.empty(values.shape, _FLOAT64)
    if flat.size > _AT_ONCE * _MOST_LAUNCHES:
        out.fill_from(flat)
        return out
    for first in range(0, flat.size, _AT_ONCE):
        few = flat[first : first + _AT_ONCE]
        packed = few.tobytes().ljust(8 * _AT_ONCE, b"\0")
        _PUT.launch(place.device, place.stream, 1, _AT_ONCE, (packed, few.size, out.pointer + 8 * first))
    return out


def _packed(rows, orders):
    """Return (place, `af_rows` as bytes, the orders on the device, which must live until the launch)."""
    weights, rewards = rows.weights, rows.rewards
    place, letters, there = rewards.place, rewards.shape[-1], _numbers(orders, rewards.place)
    packed = _ROWS.pack(
        0 if rows.weight_kind == WEIGHT_UNIFORM else weights.pointer,
        0 if rows.reward_kind == REWARD_OWN_LOG else rewards.pointer,
        0 if weights.shape[0] == 1 else letters,
        0 if rewards.shape[0] == 1 else letters,
        letters,
        rows.weight_kind,
        rows.reward_kind,
        rows.normalize,
        rewards.dtype != _FLOAT64,
        there.pointer,
        0 if orders.shape[0] == 1 else orders.shape[1],
        orders.shape[1],
    )
    return place, packed, there


def _launch(kernel, tasks, place, *arguments):
    if tasks:
        kernel.launch(place.device, place.stream, *blocks_for_warps(tasks, place.device), arguments)


def _means(rows, orders, factor):
    place, packed, there = _packed(rows, orders)
    shape = rows.count, orders.shape[1]
    means, out = place.empty(shape, _FLOAT64), place.empty(shape, rows.rewards.dtype)
    pointers = None, means.pointer, out.pointer
    _launch(_MEANS, rows.count if out.size else 0, place, packed, rows.count, factor, *pointers)
    return means, out, packed, there


def exponential_mean(rows, orders, num_threads=None, *, negated=False):
    """Return E(ρ), or −E(ρ), for orders (count or 1, T) and status words, as `operations.exponential_mean` does."""
    return _means(rows, orders, -1.0 if negated else 1.0)[1], _NO_STATUS


def log_mgf(rows, orders, num_threads=None):
    """Return K(t) for finite orders (count or 1, T), and status words."""
    place, packed, _there = _packed(rows, orders)
    points, tiles = orders.shape[1], -(-rows.rewards.shape[-1] // _TILE)
    out = place.empty((rows.count, points), rows.rewards.dtype)
    if not out.size:
        return out, _NO_STATUS
    found = place.empty((rows.count, tiles, _OF_TILE + points), _FLOAT64)
    needed, means = place.empty((rows.count,), np.int32), place.empty(out.shape, _FLOAT64)
    _CLEAR.launch(place.device, place.stream, *blocks_for(rows.count, place.device), (rows.count, needed.pointer))
    _launch(_SUM_TILES, rows.count * tiles, place, packed, rows.count, tiles, found.pointer)
    pointers = found.pointer, needed.pointer, out.pointer
    _launch(_FOLD_TILES, out.size, place, packed, rows.count, tiles, *pointers)
    _launch(_MEANS, rows.count, place, packed, rows.count, 0.0, needed.pointer, means.pointer, out.pointer)
    return out, _NO_STATUS


def tilted_moments(rows, orders, order, num_threads=None):
    """Return K(t) (count, T), the cumulants (count, T, order) and status words."""
    means, log_mgf, packed, _there = _means(rows, orders, 0.0)
    place, tasks = means.place, rows.count * orders.shape[1]
    cumulants = place.empty((*means.shape, order), log_mgf.dtype)
    pointers = means.pointer, log_mgf.pointer, cumulants.pointer
    _launch(_MOMENTS, tasks, place, packed, rows.count, order, *pointers)
    return log_mgf, cumulants, _NO_STATUS


def _of_rows(kernel, rows, packed, place, *arguments, before=()):
    """Launch a kernel whose warps have scratch for a row each."""
    at_once = min(rows.count, MOST_ROWS)
    scratch = place.empty((-(-at_once * 32 // THREADS) * THREADS // 32, _SCRATCH, rows.rewards.shape[-1]), _FLOAT64)
    pointers = (array if array is None or isinstance(array, bytes) else array.pointer for array in arguments)
    shape = -(-at_once * 32 // THREADS), THREADS
    kernel.launch(place.device, place.stream, *shape, (packed, rows.count, *before, scratch.pointer, *pointers))


def tilts(rows, alphas, num_threads=None, *, with_log_pi=True):
    """Return log-probabilities (count, T, V) of tilts, their `TiltFields`, and True: bad rows are NaN."""
    place, packed, _there = _packed(rows, alphas)
    shape, dtype = (rows.count, alphas.shape[1]), rows.rewards.dtype
    log_pi = place.empty((*shape, rows.rewards.shape[-1]), dtype) if with_log_pi else None
    fields = TiltFields(*(place.empty(shape, dtype) for _ in range(_FIELDS)))
    if fields.kl.size:
        _of_rows(_TILTS, rows, packed, place, place.empty((*shape, _FIELDS), _FLOAT64), log_pi, *fields)
    return log_pi, fields, True


def tilts_of_divergence(rows, divergence, num_threads=None, *, log_deficit=None, start=None):
    """Return the tilts of divergence (count or 1, T), None and True: bad rows and divergences that are missed are NaN.

    `start` (count, T) is from the host; divergences may be there or here, `log_deficit` (count, T), with which none is
    missed, is here.
    """
    place, packed, _there = _packed(rows, divergence)
    alpha = place.empty((rows.count, divergence.shape[1]), _FLOAT64)
    if alpha.size:
        first = None if start is None else _numbers(start, place)
        _of_rows(_DIVERGENCES, rows, packed, place, log_deficit, first, place.empty(alpha.shape, _FLOAT64), alpha)
    return alpha, None, True


def rates(rows, levels, num_threads=None):
    """Return I(x) at the levels x (count or 1, T), its maximisers t, and True: bad rows are NaN."""
    place, packed, _there = _packed(rows, levels)
    shape, dtype = (rows.count, levels.shape[1]), rows.rewards.dtype
    value, t = place.empty(shape, dtype), place.empty(shape, dtype)
    if value.size:
        own = (place.empty(shape, _FLOAT64) for _ in range(2))
        _of_rows(_RATES, rows, packed, place, *own, value, t)
    return value, t, True


def gradients(rows, points, quantity, num_threads=None):
    """Return derivatives of `quantity` at points (count or 1, T), as `operations.gradients` does, and True."""
    place, packed, _there = _packed(rows, points)
    shape, letters, dtype = (rows.count, points.shape[1]), rows.rewards.shape[-1], rows.rewards.dtype
    n, wide = GRADIENT_SIZES[quantity]
    scalars = [place.empty(shape, dtype) for _ in range(n)]
    vectors = [place.empty((*shape, letters), dtype) for _ in range(wide)]
    if scalars[0].size:
        own = place.empty((*shape, n), _FLOAT64), place.empty((*shape, wide, letters), _FLOAT64)
        to = _GRADIENT_ARRAYS.pack(*(array.pointer for array in (*scalars, *vectors)), *[0] * (12 - n - wide))
        _of_rows(_GRADIENTS, rows, packed, place, *own, to, before=(quantity,))
    return scalars, vectors, True


def replaced(values, others, factors):
    """Return `values` (count, T), where factors (count or 1, T) are not NaN `others` times them if that is finite."""
    there, (count, points) = _numbers(factors, values.place), values.shape
    arguments = count, points, values.dtype != _FLOAT64, there.pointer, 0 if len(factors) == 1 else points
    arguments = (*arguments, others.pointer, values.pointer)
    if values.size:
        place = values.place
        _REPLACE.launch(place.device, place.stream, *blocks_for(values.size, place.device), arguments)
    return values


def added(results, others):
    """Return the sum of two results of one call, as `operations.added` does; libraries of arrays add by themselves."""
    if not isinstance(results, DeviceArray):
        return results + others
    place, arguments = results.place, (results.size, others.size, results.dtype != _FLOAT64)
    arguments = (*arguments, others.pointer, results.pointer)
    if results.size:
        _ADD.launch(place.device, place.stream, *blocks_for(results.size, place.device), arguments)
    return results


def spread(rows, orders):
    """Return parameters (count or 1, T) for every row, (count, T), as an array beside the rows."""
    place, (length, points) = rows.rewards.place, orders.shape
    out, there = place.empty((rows.count, points), rows.rewards.dtype), _numbers(orders, place)
    if out.size:
        which = rows.count, points, out.dtype != _FLOAT64, there.pointer, 0 if length == 1 else points
        _SPREAD.launch(place.device, place.stream, *blocks_for(out.size, place.device), (*which, out.pointer))
    return out


def sample_estimators(policy, reference):
    """Return the six arrays that `operations.sample_estimators` does, of arrays of one shape, or one number."""
    place, shape = policy.place, np.broadcast_shapes(policy.shape, reference.shape)
    found = [place.empty(shape, policy.dtype) for _ in range(6)]
    size = found[0].size
    given = (policy.pointer, int(policy.size > 1), reference.pointer, int(reference.size > 1))
    to = _ESTIMATOR_ARRAYS.pack(*(array.pointer for array in found))
    if size:
        kind = policy.dtype != _FLOAT64
        _ESTIMATORS.launch(place.device, place.stream, *blocks_for(size, place.device), (size, kind, *given, to))
    return found


def plain_entropy(*_arrays, num_threads=None):
    """Return NaN, which leaves the answer to `exponential_mean`: one row is no special case here."""
    return np.nan


plain_cross_entropy = plain_divergence = plain_entropy
