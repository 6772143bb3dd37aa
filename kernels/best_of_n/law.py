"""Operations of the exact laws on CPU arrays: allocate, cut the work into fixed units, hand them to the threads."""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.best_of_n.structures import LawSampler
from alignment_fast.kernels.common import threads
from alignment_fast.kernels.random import operations as random

# Nanoseconds per atom (construction) or per atom and n (evaluation) on one core: decides when threads are worth it.
BUILD_COST = 80.0
EVALUATION_COST = 5.0
# The same for the log-ratio of a group, and for the probability of an atom from it.
RATIO_COST = 2.5
# Atoms from which on the threads share one row at one n: a third of a millisecond.
LONG = 1 << 16
# Nanoseconds per n of a closed form, per outcome and n of the estimator of the divergence.
CLOSED_FORM_COST = 4.0
ESTIMATOR_COST = 15.0
# Nanoseconds per node of the quadrature for the best of n normals.
NORMAL_COST = 12.0
# Values of n that share one reading of a block of atoms; also bounds a unit of work to about a millisecond.
CHUNK = 64
# Nanoseconds per draw, and draws whose uniforms are held at once.
DRAW_COST = 100.0
BATCH = 8192


# The numbers of what `law_values`, `continuous_values` and their short paths compute.
VALUES = {
    "kl": cpu.KL,
    "reverse_kl": cpu.REVERSE_KL,
    "chi2": cpu.CHI2,
    "tv": cpu.TV,
    "hellinger2": cpu.HELLINGER2,
    "renyi": cpu.RENYI,
    "win_rate": cpu.WIN_RATE,
    "expected_reward": cpu.EXPECTED_REWARD,
    "reward_variance": cpu.REWARD_VARIANCE,
}


def law_build(p, reward, rows, *, log, num_threads=None):
    """Build `rows` laws from `p` or None, and `reward`, (1 or rows, V); returns (Laws, status words (rows, 2))."""
    size = reward.shape[1]
    p = np.ones((1, size)) if p is None else p
    laws = cpu.Laws(
        np.empty((rows, cpu.FIELDS, size)),
        np.empty((rows, cpu.INTEGERS, size), dtype=np.int32),
        np.zeros((rows, 2), dtype=np.int64),
    )
    status = np.empty((rows, 2), dtype=np.uint64)

    def run(first, last):
        laws.build(p, reward, log, first, last, status)

    threads.for_blocks(run, rows, work=BUILD_COST * rows * size, num_threads=num_threads)
    return laws, status


def points(n, is_log):
    """Return n (or log n) of shape (rows, T) in the kernels' form."""
    out = np.empty((n.shape[0], n.shape[1] * cpu.POINT_BYTES), dtype=np.uint8)
    cpu.points(n, is_log, out)
    return out


def law_values(laws, kind, order, row_of, n, is_log, *, num_threads=None):
    """Return the value `kind`, a number of `VALUES`, for results `row_of` at n of shape (1 or results, T)."""
    size, columns = laws.size, n.shape[1]
    out = np.empty((len(row_of), columns))
    at = points(n, is_log)
    chunks = -(-columns // CHUNK)
    blocks = -(-size // cpu.BLOCK)
    work = EVALUATION_COST * out.size * size
    if blocks == 1 or columns == 0:

        def run(first, last):
            laws.values(kind, order, row_of, at, CHUNK, first, last, out)

        threads.for_blocks(run, len(row_of) * chunks, work=work, num_threads=num_threads)
        return out
    partials = np.empty((len(row_of), blocks, columns * cpu.PARTIAL_BYTES), dtype=np.uint8)

    def run_blocks(first, last):
        laws.partials(kind, order, row_of, at, CHUNK, first, last, partials)

    threads.for_blocks(run_blocks, len(row_of) * blocks * chunks, work=work, num_threads=num_threads)
    laws.fold(kind, order, row_of, at, partials, out)
    return out


def _each_point(laws, row_of, at, columns, num_threads):
    """Yield (result, column, row, point, log-ratios of its groups) of every n, whose groups share the threads."""
    ratios, blocks = np.empty(laws.size), -(-laws.size // cpu.BLOCK)
    for result, row in enumerate(row_of.tolist()):
        points = at[result if len(at) > 1 else 0].reshape(columns, cpu.POINT_BYTES)
        for column, point in enumerate(points):

            def run(first, last, row=row, point=point):
                laws.ratios(row, point, first, last, ratios)

            threads.for_blocks(run, blocks, work=RATIO_COST * laws.size, num_threads=num_threads)
            yield result, column, row, point, ratios


def law_pmf(laws, row_of, n, is_log, *, log, num_threads=None):
    """Return (log-)probabilities (results, T, V)."""
    size = laws.size
    out = np.empty((len(row_of), n.shape[1], size))
    at = points(n, is_log)
    if size > LONG:
        for result, column, row, _, ratios in _each_point(laws, row_of, at, n.shape[1], num_threads):

            def atoms(first, last, row=row, ratios=ratios, here=out[result, column]):
                laws.pmf_of(log, row, ratios, first, last, here)

            threads.for_blocks(atoms, -(-size // cpu.BLOCK), work=RATIO_COST * size, num_threads=num_threads)
        return out

    def run(first, last):
        laws.pmf(log, row_of, at, first, last, out)

    work = EVALUATION_COST * out.size
    threads.for_blocks(run, len(row_of) * n.shape[1], work=work, num_threads=num_threads)
    return out


def law_kl_estimate(laws, row_of, n, is_log, *, num_threads=None):
    """Return the expectation of the divergence's estimator, (results, T)."""
    out = np.empty((len(row_of), n.shape[1]))
    at = points(n, is_log)
    if laws.size > LONG:
        partial = np.empty(-(-laws.size // cpu.BLOCK))
        for result, column, row, point, ratios in _each_point(laws, row_of, at, n.shape[1], num_threads):

            def blocks(first, last, row=row, point=point, ratios=ratios):
                laws.kl_estimate_of(row, point, ratios, first, last, partial)

            work = 3 * EVALUATION_COST * laws.size
            threads.for_blocks(blocks, len(partial), work=work, num_threads=num_threads)
            out[result, column] = np.add.accumulate(partial)[-1]  # from left to right
        return out

    def run(first, last):
        laws.kl_estimate(row_of, at, first, last, out)

    work = 3 * EVALUATION_COST * out.size * laws.size
    threads.for_blocks(run, out.size, work=work, num_threads=num_threads)
    return out


def law_sampler(laws, row):
    """Return what draws from row `row` need."""
    sampler = LawSampler(row, np.empty((2, laws.size)), np.empty(laws.size + 1, dtype=np.int32))
    threads.for_blocks(lambda first, last: laws.sampler(*sampler), 1, work=BUILD_COST * laws.size)
    return sampler


def law_draw(laws, samplers, n, is_log, count, key, *, num_threads=None):
    """Return `count` draws for each sampler and n (or log n), (samplers, count).

    Sampler k uses replicate k of the stream of uniforms of `key`.
    """
    out = np.empty((len(samplers), count), dtype=np.int64)
    batches = -(-count // BATCH)

    def run(first, last):
        for unit in range(first, last):
            which, start = unit // batches, unit % batches * BATCH
            stop = min(start + BATCH, count)
            uniforms = np.empty((1, 2 * (stop - start)))
            random.fill_uniforms(key, which, 2 * start, uniforms)
            laws.draw(*samplers[which], n[which], is_log, uniforms[0], out[which, start:stop])

    threads.for_blocks(run, len(samplers) * batches, work=DRAW_COST * out.size, num_threads=num_threads)
    return out


def aligned_log_deficits(log_p, reward, log_pi):
    """Return log(D_max - D(pi || p)) of laws (rows, T, V) over references (rows, V): (rows, T)."""
    out = np.empty(log_pi.shape[:2])
    cpu.aligned_log_deficits(log_p, reward, log_pi, out)
    return out


def aligned_gaps(log_pi, log_phi):
    """Return D(pi || phi) of laws and tilted policies (rows, T, V): (rows, T)."""
    out = np.empty(log_pi.shape[:2])
    cpu.aligned_gaps(log_pi, np.ascontiguousarray(log_phi), out)
    return out


def log_draws(n, is_log):
    """Return log n of `n` (T,), which may be that already."""
    out = np.empty(n.size)
    cpu.log_draws(n, is_log, out)
    return out


def gaussian_best(log_n, node, weight):
    """Return mean and variance of the best of n normals at every log n <= 650 (T,), by the quadrature given."""
    mean, variance = np.empty(log_n.size), np.empty(log_n.size)

    def run(first, last):
        part = slice(first, last)
        cpu.gaussian_best(log_n[part], node, weight, mean[part], variance[part])

    threads.for_blocks(run, log_n.size, work=NORMAL_COST * log_n.size * node.size)
    return mean, variance


def continuous_values(kind, value, is_log, order=0.0):
    """Return the closed form `kind`, a number of `VALUES`, at every n (or log n) of `value` (T,)."""
    out = np.empty(value.size)

    def run(first, last):
        part = slice(first * cpu.BLOCK, last * cpu.BLOCK)
        cpu.continuous_values(kind, value[part], is_log, order, out[part])

    threads.for_blocks(run, -(-value.size // cpu.BLOCK), work=CLOSED_FORM_COST * value.size)
    return out


def kl_estimators(p, log, n, is_log):
    """Return the estimator of D(best-of-n || p) for outcomes `p` (rows,) at every n (or log n): (rows, T).

    `n` is (T,), or (rows, T) with its own values for each outcome.
    """
    out = np.empty((p.size, n.shape[-1]))

    def run(first, last):
        part = slice(first * cpu.BLOCK, last * cpu.BLOCK)
        cpu.kl_estimators(p[part], log, n, is_log, out[part])

    if n.ndim == 1:
        threads.for_blocks(run, -(-p.size // cpu.BLOCK), work=ESTIMATOR_COST * out.size)
        return out
    for row in range(p.size):
        cpu.kl_estimators(p[row : row + 1], log, n[row], is_log, out[row : row + 1])
    return out
