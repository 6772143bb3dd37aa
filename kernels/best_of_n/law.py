"""Host side of the exact laws: allocates, cuts the work into fixed units, hands them to the threads."""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu
from alignment_fast.kernels.common import threads

# Nanoseconds per atom (construction) or per atom and n (evaluation) on one core: decides when threads are worth it.
BUILD_COST = 30.0
EVALUATION_COST = 5.0
# Values of n that share one reading of a block of atoms; also bounds a unit of work to about a millisecond.
CHUNK = 64
# Nanoseconds per draw, and draws whose uniforms are held at once.
DRAW_COST = 100.0
BATCH = 8192


def build(p, reward, rows, *, log, num_threads=None):
    """Build `rows` laws from `p` (1 or rows, V) and `reward` (1 or rows, V); returns (Laws, status words (rows, 2))."""
    size = p.shape[1]
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


def values(laws, kind, order, row_of, n, is_log, *, num_threads=None):
    """Return the value `kind` (a constant of ``cpu``) for results `row_of` at n of shape (1 or results, T)."""
    size, columns = laws.arrays[0].shape[2], n.shape[1]
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


def pmf(laws, row_of, n, is_log, *, log, num_threads=None):
    """Return (log-)probabilities (results, T, V)."""
    size = laws.arrays[0].shape[2]
    out = np.empty((len(row_of), n.shape[1], size))
    at = points(n, is_log)

    def run(first, last):
        laws.pmf(log, row_of, at, first, last, out)

    work = EVALUATION_COST * out.size
    threads.for_blocks(run, len(row_of) * n.shape[1], work=work, num_threads=num_threads)
    return out


def kl_estimate(laws, row_of, n, is_log, *, num_threads=None):
    """Return the expectation of the divergence's estimator, (results, T)."""
    out = np.empty((len(row_of), n.shape[1]))
    at = points(n, is_log)

    def run(first, last):
        laws.kl_estimate(row_of, at, first, last, out)

    work = 3 * EVALUATION_COST * out.size * laws.arrays[0].shape[2]
    threads.for_blocks(run, out.size, work=work, num_threads=num_threads)
    return out


class Sampler:
    """Draws from one row of a batch of laws, for any n."""

    def __init__(self, laws, row):
        size = laws.arrays[0].shape[2]
        self._laws, self._row = laws, row
        self._reals = np.empty((2, size))
        self._start = np.empty(size + 1, dtype=np.int32)
        laws.sampler(row, self._reals, self._start)

    def draw(self, log_n, uniforms, out):
        """Fill `out` with indices, from the two uniforms of each draw."""
        self._laws.draw(self._row, self._reals, self._start, log_n, uniforms, out)


def draw(samplers, log_n, count, stream, *, num_threads=None):
    """Return `count` draws for each sampler and log n, (samplers, count); sampler k uses replicate k of `stream`."""
    out = np.empty((len(samplers), count), dtype=np.int64)
    batches = -(-count // BATCH)

    def run(first, last):
        for unit in range(first, last):
            which, start = unit // batches, unit % batches * BATCH
            stop = min(start + BATCH, count)
            uniforms = stream.uniform(2 * (stop - start), replicate=which, draw=2 * start)
            samplers[which].draw(log_n[which], uniforms, out[which, start:stop])

    threads.for_blocks(run, len(samplers) * batches, work=DRAW_COST * out.size, num_threads=num_threads)
    return out
