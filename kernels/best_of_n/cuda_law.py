"""Operations of the exact laws on arrays of a CUDA device: construction, values, probabilities, distance from tilts."""

import struct
from typing import Any, NamedTuple

import numpy as np

from alignment_fast.kernels.best_of_n import cpu, law
from alignment_fast.kernels.best_of_n.structures import LawSampler
from alignment_fast.kernels.common import cuda as common
from alignment_fast.kernels.common import driver, images, sorting, status
from alignment_fast.kernels.common.launches import blocks_for, blocks_for_warps, run

_LIBRARY = images.library("best_of_n")
_FLOAT64, _INT32, _INT64 = np.dtype(np.float64), np.dtype(np.int32), np.dtype(np.int64)
_CHECK = driver.Kernel(_LIBRARY, "law_check", "qqpqpp")
_RUNS = driver.Kernel(_LIBRARY, "law_runs", "qqppqpqqpppp")
_GROUPS = driver.Kernel(_LIBRARY, "law_groups", "sqppqpppppp")
_TILES = driver.Kernel(_LIBRARY, "law_tiles", "qqpppp")
_TILE_STARTS = driver.Kernel(_LIBRARY, "law_tile_starts", "qqpppp")
_RUNNING_SUMS = driver.Kernel(_LIBRARY, "law_running_sums", "qqppppppp")
_FIELDS = driver.Kernel(_LIBRARY, "law_fields", "sqppppp")
_LOG_P = driver.Kernel(_LIBRARY, "law_log_p", "sqpqqpp")
_SUMS, _MOMENTS, _RENYI = (driver.Kernel(_LIBRARY, f"law_{name}", "sqdqppqqp") for name in ("sums", "moments", "renyi"))
_PARTIALS = {cpu.EXPECTED_REWARD: _MOMENTS, cpu.REWARD_VARIANCE: _MOMENTS, cpu.RENYI: _RENYI}  # by kind, else sums
_TOTALS = driver.Kernel(_LIBRARY, "law_totals", "sqdqppqqpp")
_PMF = driver.Kernel(_LIBRARY, "law_pmf", "sqqppqqp")
_ESTIMATES = driver.Kernel(_LIBRARY, "law_estimates", "sqppqqp")
_ESTIMATE_TOTALS = driver.Kernel(_LIBRARY, "law_estimate_totals", "qqqpp")
_STARTS = driver.Kernel(_LIBRARY, "law_starts", "sqpp")
_WITHIN = driver.Kernel(_LIBRARY, "law_within", "sqpp")
_REWARDS = driver.Kernel(_LIBRARY, "law_rewards", "sqpp")
_LOG_DEFICITS = driver.Kernel(_LIBRARY, "aligned_log_deficits", "qqqpppp")
_GAPS = driver.Kernel(_LIBRARY, "aligned_gaps", "qqppp")
_DRAWS = driver.Kernel(_LIBRARY, "law_draws", "sqqppqqp")
TILE, BLOCK = 1024, cpu.BLOCK  # groups of a running sum, of a sum, that a warp takes
CHANCES, LOGARITHMS, REWARDS = range(3)  # what is checked
_BATCH = struct.Struct("<QQQq")  # law_batch of cuda_law.inc


class DeviceLaws(NamedTuple):
    """A batch of laws on a device, in the layout of the CPU's.

    Parameters
    ----------
    fields : array (rows, FIELDS, V)
        Real numbers of each group or outcome.
    integers : array of int32 (rows, INTEGERS, V)
        Exponents and numbers of groups.
    groups : array of int64 (rows,)
        How many groups each law has.

    """

    fields: Any
    integers: Any
    groups: Any

    @property
    def size(self):
        """Number of outcomes."""
        return self.fields.shape[-1]

    def packed(self):
        """Return the structure that kernels take."""
        return _BATCH.pack(self.fields.pointer, self.integers.pointer, self.groups.pointer, self.size)


class _Scaled(NamedTuple):
    """Scaled numbers: mantissas and exponents apart."""

    mass: Any
    exponent: Any


def law_build(p, reward, rows, *, log, num_threads=None):
    """Build `rows` laws from `p` or None, and `reward`, (1 or rows, V); returns (laws, status words (rows, 2)).

    Waits for the device, as what is wrong with `p` or `reward` is found there.
    """
    place, size = reward.place, reward.shape[1]
    p = place.copy(np.ones((1, size))) if p is None else common.cast(p, _FLOAT64)
    reward = common.cast(reward, _FLOAT64)
    words = np.empty((rows, 2), np.uint64)
    found, greatest = _checked(p, LOGARITHMS if log else CHANCES)
    lowest = np.uint64(0x000FFFFFFFFFFFFF if log else 1 << 63)  # keys of -inf and of 0
    found[(found == np.uint64(status.OK)) & (greatest.numpy() <= lowest)] = status.ALL_ZERO
    words[:, 0], words[:, 1] = found, _checked(reward, REWARDS)[0]
    laws = DeviceLaws(
        place.empty((rows, cpu.FIELDS, size), _FLOAT64),
        place.empty((rows, cpu.INTEGERS, size), _INT32),
        place.empty((rows,), _INT64),
    )
    if (words == np.uint64(status.OK)).all():
        _fill(laws, p, reward, log, greatest)
    return laws, words


def _checked(x, what):
    """Return the status of each row, and the keys of their largest values on the device."""
    place, (rows, size) = x.place, x.shape
    word, greatest = (place.copy(np.full(rows, start, np.uint64)) for start in (status.OK, 0))
    run(_CHECK, blocks_for_warps, rows * -(-size // TILE), place, rows, size, x, what, word, greatest)
    return word.numpy(), greatest


def _fill(laws, p, reward, log, greatest):
    rows, size, place, batch = len(laws.groups), laws.size, reward.place, laws.packed()
    keys, order = sorting.sorted_keys(reward, ordered=True)
    runs, number = _scaled(place, rows, size), place.empty((rows * size,), _INT64)
    chances = (p, len(p), log, greatest)
    tasks = rows * -(-size // 32)
    run(_RUNS, blocks_for_warps, tasks, place, rows, size, keys, order, len(reward), *chances, *runs, number)
    sorting.add_up(number)
    own = _scaled(place, rows, size)
    arguments = (rows, keys, order, len(reward), *runs, number, *own, laws.groups)
    run(_GROUPS, blocks_for, rows * size, place, batch, *arguments)
    upto, above, total = _running_sums(place, rows, size, laws.groups, own)
    run(_FIELDS, blocks_for, rows * size, place, batch, rows, *own, upto, above, total)
    run(_LOG_P, blocks_for, rows * size, place, batch, rows, *chances, total)


def _scaled(place, rows, size):
    return _Scaled(place.empty((rows, size), _FLOAT64), place.empty((rows, size), _INT32))


def _running_sums(place, rows, size, groups, own):
    """Return the masses up to each group, from each on, and of each row: pairs of doubles, as kernels have them."""
    tiles = -(-size // TILE)
    tile, below, above = (place.empty((rows, tiles, 2), _FLOAT64) for _ in range(3))
    total, upto, onwards = (place.empty((rows, many, 2), _FLOAT64) for many in (1, size, size))
    run(_TILES, blocks_for_warps, rows * tiles, place, rows, size, groups, *own, tile)
    run(_TILE_STARTS, blocks_for, rows, place, rows, tiles, tile, below, above, total)
    run(_RUNNING_SUMS, blocks_for_warps, rows * tiles, place, rows, size, groups, *own, below, above, upto, onwards)
    return upto, onwards, total


def _laid_out(laws, row_of, n, is_log):
    """Return (results, rows of results, points, their rows, columns) of n on the device."""
    place = laws.groups.place
    points = law.points(n, is_log)
    return len(row_of), place.copy(row_of.astype(np.int64)), place.copy(points), len(points), n.shape[1]


def law_values(laws, kind, order, row_of, n, is_log, *, num_threads=None):
    """Return the value `kind`, a number of `VALUES`, for results `row_of` at n of shape (1 or results, T)."""
    place, columns, blocks = laws.groups.place, n.shape[1], -(-laws.size // BLOCK)
    partial = place.empty((len(row_of), blocks, columns, 3), _FLOAT64)
    out = place.empty((len(row_of), columns), _FLOAT64)
    arguments = (laws.packed(), kind, order, *_laid_out(laws, row_of, n, is_log))
    run(_PARTIALS.get(kind, _SUMS), blocks_for_warps, partial.size // 3, place, *arguments, partial)
    run(_TOTALS, blocks_for, out.size, place, *arguments, partial, out)
    return out


def law_pmf(laws, row_of, n, is_log, *, log, num_threads=None):
    """Return (log-)probabilities (results, T, V)."""
    place = laws.groups.place
    out = place.empty((len(row_of), n.shape[1], laws.size), _FLOAT64)
    run(_PMF, blocks_for, out.size, place, laws.packed(), log, *_laid_out(laws, row_of, n, is_log), out)
    return out


def law_kl_estimate(laws, row_of, n, is_log, *, num_threads=None):
    """Return the expectation of the divergence's estimator, (results, T)."""
    place, columns, blocks = laws.groups.place, n.shape[1], -(-laws.size // BLOCK)
    partial = place.empty((len(row_of), blocks, columns), _FLOAT64)
    out = place.empty((len(row_of), columns), _FLOAT64)
    run(_ESTIMATES, blocks_for_warps, partial.size, place, laws.packed(), *_laid_out(laws, row_of, n, is_log), partial)
    run(_ESTIMATE_TOTALS, blocks_for, out.size, place, len(row_of), blocks, columns, partial, out)
    return out


def law_sampler(laws, row):
    """Return what draws from row `row` need, on the device."""
    place, size, batch = laws.groups.place, laws.size, laws.packed()
    sampler = LawSampler(row, place.empty((2, size), _FLOAT64), place.empty((size + 1,), _INT32))
    tails, within = sampler.reals[0], sampler.reals[1]
    run(_STARTS, blocks_for, size, place, batch, row, tails, sampler.start)
    run(_WITHIN, blocks_for_warps, size, place, batch, row, sampler.start, within)
    return sampler


def law_draw(laws, samplers, n, is_log, count, key, *, num_threads=None):
    """Return `count` draws for each sampler and n (or log n), (samplers, count), from the uniforms of the CPU."""
    place = laws.groups.place
    out = place.empty((len(samplers), count), _INT64)
    if out.size:
        listed = [(of.row, of.reals[0].pointer, of.reals[1].pointer, of.start.pointer) for of in samplers]
        given = place.copy(np.array(listed, np.uint64)), place.copy(np.array(n, np.float64))
        run(_DRAWS, blocks_for, out.size, place, laws.packed(), key, len(samplers), *given, is_log, count, out)
    return out


def law_rewards(laws, row_of):
    """Return the rewards (results, V) of the groups of all outcomes."""
    place = laws.groups.place
    out = place.empty((len(row_of), laws.size), _FLOAT64)
    run(_REWARDS, blocks_for, out.size, place, laws.packed(), len(row_of), place.copy(row_of.astype(np.int64)), out)
    return out


def aligned_log_deficits(log_p, reward, log_pi):
    """Return log(D_max - D(pi || p)) of laws (rows, T, V) over references (rows, V): (rows, T)."""
    place, (rows, columns, size) = log_pi.place, log_pi.shape
    out = place.empty((rows, columns), _FLOAT64)
    run(_LOG_DEFICITS, blocks_for_warps, out.size, place, rows, columns, size, log_p, reward, log_pi, out)
    return out


def aligned_gaps(log_pi, log_phi):
    """Return D(pi || phi) of laws and tilted policies (rows, T, V): (rows, T)."""
    place, (rows, columns, size) = log_pi.place, log_pi.shape
    out = place.empty((rows, columns), _FLOAT64)
    run(_GAPS, blocks_for_warps, out.size, place, out.size, size, log_pi, log_phi, out)
    return out
