"""Entry points of the best-of-N loops."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.kernels.common.scratch cimport scratch

cdef extern from *:
    """
    #define AF_LOOPS "best_of_n/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct law_row:
        Py_ssize_t size, groups, atoms
        double *fields
        int32_t *integers
    ctypedef struct law_point:
        double m, log_n
        int32_t k
    ctypedef struct law_partial:
        double sum, second, third
    ctypedef struct af_draw_span:
        uint64_t draws, ties, start, stop
    ctypedef struct pool_row:
        Py_ssize_t size
        const double *value
        const double *step
        const double *spread
        const int32_t *tied
    ctypedef struct difficulty_cells:
        Py_ssize_t size
        const double *samples
        const double *right
        const double *problems
    ctypedef struct difficulty_jet:
        double value
        double slope[3]
        double curvature[9]
    ctypedef struct ranked_pool:
        Py_ssize_t size, groups
        double *log_p
        double *memory
        int32_t *low
    void af_sort_values(Py_ssize_t n, double *values, uint64_t *scratch) noexcept nogil
    size_t law_scratch_bytes(Py_ssize_t size) nogil
    size_t relatives_bytes(Py_ssize_t size) nogil
    size_t samples_bytes(Py_ssize_t size) nogil
    Py_ssize_t tail_laws_at_once(Py_ssize_t top) nogil
    enum:
        AF_BLOCK
        LAW_FIELDS
        LAW_INTEGERS
        LAW_KL
        LAW_REVERSE_KL
        LAW_CHI2
        LAW_TV
        LAW_HELLINGER2
        LAW_WIN_RATE
        LAW_EXPECTED_REWARD
        LAW_REWARD_VARIANCE
        LAW_RENYI
        POOL_LANES
        POOL_SMALL
        POOL_NODES
        POOL_U
        POOL_V
        POOL_UNBIASED
        POOL_JACKKNIFE
        POOL_FOUND
        HILL_FIELDS
        SAMPLES_STATISTICS
        GAO_BEST_OF_N
        GAO_REINFORCEMENT_LEARNING
    const uint64_t AF_OK
    const double AF_INFINITY
    const double AF_NAN

include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())


# ---- exact laws (law_build.inc, law.inc, law_each.inc, law_atoms.inc, closed_forms.inc) ----

BLOCK = AF_BLOCK
FIELDS = LAW_FIELDS
INTEGERS = LAW_INTEGERS
KL = LAW_KL
REVERSE_KL = LAW_REVERSE_KL
CHI2 = LAW_CHI2
TV = LAW_TV
HELLINGER2 = LAW_HELLINGER2
WIN_RATE = LAW_WIN_RATE
EXPECTED_REWARD = LAW_EXPECTED_REWARD
REWARD_VARIANCE = LAW_REWARD_VARIANCE
RENYI = LAW_RENYI
POINT_BYTES = sizeof(law_point)
PARTIAL_BYTES = sizeof(law_partial)


cdef class Laws:
    """A batch of laws over one alphabet size, over arrays that the caller allocates.

    `fields` (rows, FIELDS, size), `integers` (rows, INTEGERS, size) and `counts` (rows, 2) are filled by `build` and
    only read afterwards. `row_of` arguments map results to rows of the batch; `points` are rows of law_point as bytes,
    one row for all results or one per result.
    """

    cdef double[:, :, ::1] fields
    cdef int32_t[:, :, ::1] integers
    cdef int64_t[:, ::1] counts
    cdef object given

    def __init__(self, fields, integers, counts):
        self.fields, self.integers, self.counts = fields, integers, counts
        self.given = fields, integers, counts

    def __reduce__(self):
        return Laws, self.given

    @property
    def size(self):
        """Number of outcomes."""
        return self.fields.shape[2]

    cdef inline law_row row(self, Py_ssize_t which) noexcept nogil:
        cdef law_row row
        row.size, row.groups, row.atoms = self.fields.shape[2], self.counts[which, 0], self.counts[which, 1]
        row.fields, row.integers = &self.fields[which, 0, 0], &self.integers[which, 0, 0]
        return row

    def build(self, const double[:, ::1] p, const double[:, ::1] reward, bint log, Py_ssize_t first, Py_ssize_t last,
              uint64_t[:, ::1] status):
        """Build rows first..last-1; `p` or `reward` of one row serves all. Writes (status of p, of reward) per row."""
        cdef void *memory = scratch(law_scratch_bytes(self.fields.shape[2]))
        cdef law_row row
        cdef Py_ssize_t i
        with nogil:
            for i in range(first, last):
                row = self.row(i)
                table.law_build(&row, &p[i if p.shape[0] > 1 else 0, 0], &reward[i if reward.shape[0] > 1 else 0, 0],
                                log, memory, &status[i, 0])
                self.counts[i, 0], self.counts[i, 1] = row.groups, row.atoms
        free(memory)

    def values(self, int kind, double order, const int64_t[::1] row_of, const unsigned char[:, ::1] points,
               Py_ssize_t chunk, Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
        """Write units first..last-1 of `out` (results, n): unit = (result, chunk of n), for rows of one block."""
        cdef Py_ssize_t columns = out.shape[1], chunks = (columns + chunk - 1) // chunk, unit, r, j
        cdef const law_point *point
        cdef law_row row
        with nogil:
            for unit in range(first, last):
                r = unit // chunks
                row = self.row(row_of[r])
                point = <const law_point*>&points[r if points.shape[0] > 1 else 0, 0]
                for j in range(unit % chunks * chunk, min(columns, (unit % chunks + 1) * chunk)):
                    out[r, j] = table.law_value(&row, kind, order, point[j])

    def partials(self, int kind, double order, const int64_t[::1] row_of, const unsigned char[:, ::1] points,
                 Py_ssize_t chunk, Py_ssize_t first, Py_ssize_t last, unsigned char[:, :, ::1] out):
        """Write units first..last-1 of `out` (results, blocks, n of law_partial): unit = (result, block, chunk of n).

        The arrays of a block are read once for a whole chunk of n.
        """
        cdef Py_ssize_t columns = out.shape[2] // sizeof(law_partial), chunks = (columns + chunk - 1) // chunk
        cdef Py_ssize_t blocks = out.shape[1], unit, r, b, j
        cdef const law_point *point
        cdef law_partial *partial
        cdef law_row row
        with nogil:
            for unit in range(first, last):
                r, b = unit // chunks // blocks, unit // chunks % blocks
                row = self.row(row_of[r])
                point = <const law_point*>&points[r if points.shape[0] > 1 else 0, 0]
                partial = <law_partial*>&out[r, b, 0]
                for j in range(unit % chunks * chunk, min(columns, (unit % chunks + 1) * chunk)):
                    table.law_block(&row, kind, order, b * AF_BLOCK, max(0, min(AF_BLOCK, row.groups - b * AF_BLOCK)),
                                    point[j], &partial[j])

    def fold(self, int kind, double order, const int64_t[::1] row_of, const unsigned char[:, ::1] points,
             unsigned char[:, :, ::1] partials, double[:, ::1] out):
        """Fold the blocks of `partials`, from left to right, into `out` (results, n)."""
        cdef Py_ssize_t r, j, b
        cdef const law_point *point
        cdef law_partial total
        cdef law_row row
        with nogil:
            for r in range(out.shape[0]):
                row = self.row(row_of[r])
                point = <const law_point*>&points[r if points.shape[0] > 1 else 0, 0]
                for j in range(out.shape[1]):
                    total = (<law_partial*>&partials[r, 0, 0])[j]
                    for b in range(1, (row.groups + AF_BLOCK - 1) // AF_BLOCK):
                        table.law_fold(kind, &total, &(<law_partial*>&partials[r, b, 0])[j])
                    out[r, j] = table.law_finish(&row, kind, order, point[j], &total)

    def pmf(self, bint log, const int64_t[::1] row_of, const unsigned char[:, ::1] points, Py_ssize_t first,
            Py_ssize_t last, double[:, :, ::1] out):
        """Write units first..last-1 of `out` (results, n, size): unit = (result, n)."""
        cdef double *ratios = <double*>scratch(self.fields.shape[2] * sizeof(double))
        cdef Py_ssize_t unit, r, j
        cdef law_row row
        with nogil:
            for unit in range(first, last):
                r, j = unit // out.shape[1], unit % out.shape[1]
                row = self.row(row_of[r])
                table.law_ratios(&row, 0, row.groups,
                                 (<const law_point*>&points[r if points.shape[0] > 1 else 0, 0])[j], ratios)
                table.law_pmf(&row, log, ratios, 0, row.size, &out[r, j, 0])
        free(ratios)

    def ratios(self, Py_ssize_t which, const unsigned char[::1] point, Py_ssize_t first, Py_ssize_t last, double[::1] out):
        """Write the log-ratios of the groups of blocks first..last-1 of row `which` at one n."""
        cdef law_row row = self.row(which)
        cdef Py_ssize_t start = first * AF_BLOCK, stop = min(last * AF_BLOCK, row.groups)
        if start < stop:
            with nogil:
                table.law_ratios(&row, start, stop - start, (<const law_point*>&point[0])[0], &out[start])

    def pmf_of(self, bint log, Py_ssize_t which, const double[::1] ratios, Py_ssize_t first, Py_ssize_t last,
               double[::1] out):
        """Write blocks first..last-1 of row `which` from the log-ratios of its groups."""
        cdef law_row row = self.row(which)
        cdef Py_ssize_t start = first * AF_BLOCK, stop = min(last * AF_BLOCK, row.size)
        with nogil:
            table.law_pmf(&row, log, &ratios[0], start, stop - start, &out[0])

    def kl_estimate(self, const int64_t[::1] row_of, const unsigned char[:, ::1] points, Py_ssize_t first,
                    Py_ssize_t last, double[:, ::1] out):
        """Write units first..last-1 of `out` (results, n): unit = (result, n)."""
        cdef double *ratios = <double*>scratch(self.fields.shape[2] * sizeof(double))
        cdef Py_ssize_t unit, r, j
        cdef law_row row
        with nogil:
            for unit in range(first, last):
                r, j = unit // out.shape[1], unit % out.shape[1]
                row = self.row(row_of[r])
                out[r, j] = kl_estimate_at(&row, (<const law_point*>&points[r if points.shape[0] > 1 else 0, 0])[j], ratios)
        free(ratios)

    def kl_estimate_of(self, Py_ssize_t which, const unsigned char[::1] point, const double[::1] ratios, Py_ssize_t first,
                       Py_ssize_t last, double[::1] out):
        """Write what blocks first..last-1 of row `which` add, from the log-ratios of its groups."""
        cdef law_row row = self.row(which)
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                out[block] = table.law_kl_estimate(&row, (<const law_point*>&point[0])[0], &ratios[0], block * AF_BLOCK,
                                                   min(<Py_ssize_t>AF_BLOCK, row.size - block * AF_BLOCK))

    def sampler(self, Py_ssize_t which, double[:, ::1] reals, int32_t[::1] start):
        """Write what `draw` needs for row `which`: `reals` (2, size), `start` (size + 1)."""
        cdef law_row row = self.row(which)
        with nogil:
            table.law_sampler(&row, &reals[0, 0], &start[0], &reals[1, 0])

    def draw(self, Py_ssize_t which, const double[:, ::1] reals, const int32_t[::1] start, double n, bint is_log,
             const double[::1] uniforms, int64_t[::1] out):
        """Write draws of best-of-n for row `which`, two uniforms each."""
        cdef law_row row = self.row(which)
        if out.shape[0]:
            with nogil:
                table.law_draw(&row, &reals[0, 0], &start[0], &reals[1, 0], n, is_log, out.shape[0], &uniforms[0],
                               &out[0])


cdef double kl_estimate_at(const law_row *row, law_point n, double *ratios) noexcept nogil:
    """Return the expectation of the divergence's estimator, block after block; `ratios` has a number for each group."""
    cdef double total = 0.0
    cdef Py_ssize_t first = 0
    table.law_ratios(row, 0, row.groups, n, ratios)
    while first < row.size:
        total += table.law_kl_estimate(row, n, ratios, first, min(<Py_ssize_t>AF_BLOCK, row.size - first))
        first += AF_BLOCK
    return total


def points(const double[:, ::1] n, bint is_log, unsigned char[:, ::1] out):
    """Write n (or log n) as rows of law_point."""
    cdef Py_ssize_t i
    for i in range(n.shape[0]):
        if n.shape[1]:
            table.law_points(n.shape[1], &n[i, 0], is_log, <law_point*>&out[i, 0])


cdef double kl_upper_bound(double log_n) noexcept nogil:
    cdef double value
    table.continuous_values(LAW_KL, 1, &log_n, True, 0.0, &value)
    return value


cdef double kl_estimator(double log_p, double log_n) noexcept nogil:
    cdef double value
    table.kl_estimators(1, &log_p, True, 1, &log_n, True, &value)
    return value


def continuous_values(int kind, const double[::1] value, bint is_log, double order, double[::1] out):
    """Write the closed form `kind` for continuous rewards at every n (or log n) `value`."""
    if value.shape[0]:
        with nogil:
            table.continuous_values(kind, value.shape[0], &value[0], is_log, order, &out[0])


def kl_estimators(const double[::1] p, bint log, const double[::1] n, bint is_log, double[:, ::1] out):
    """Write the estimator of D(best-of-n || p) for every outcome (rows) and n or log n (columns)."""
    if out.shape[0] and out.shape[1]:
        with nogil:
            table.kl_estimators(p.shape[0], &p[0], log, n.shape[0], &n[0], is_log, &out[0, 0])


# ---- best-of-n beside the tilted policy, the best of n normals (aligned.inc) ----


def aligned_log_deficits(const double[:, ::1] log_p, const double[:, ::1] reward, const double[:, :, ::1] log_pi,
                         double[:, ::1] out):
    """Write log(D_max - D(pi || p)) of the laws (rows, T) over the references (rows)."""
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] = table.aligned_log_deficit(log_p.shape[1], &log_p[i, 0], &reward[i, 0], &log_pi[i, j, 0])


def aligned_gaps(const double[:, :, ::1] log_pi, const double[:, :, ::1] log_phi, double[:, ::1] out):
    """Write D(pi || phi) of the laws (rows, T)."""
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] = table.aligned_gap(log_pi.shape[2], &log_pi[i, j, 0], &log_phi[i, j, 0])


def log_draws(const double[::1] value, bint is_log, double[::1] out):
    """Write log n of numbers n, or of their logarithms."""
    if value.shape[0]:
        table.log_draws(value.shape[0], &value[0], is_log, &out[0])


def gaussian_best(const double[::1] log_n, const double[::1] node, const double[::1] weight, double[::1] mean,
                  double[::1] variance):
    """Write mean and variance of the best of n normals, log n <= 650, by quadrature over at most BLOCK nodes."""
    cdef double *memory = <double*>scratch(3 * node.shape[0] * sizeof(double))
    if log_n.shape[0]:
        with nogil:
            table.gaussian_best(log_n.shape[0], &log_n[0], node.shape[0], &node[0], &weight[0], memory, &mean[0],
                                &variance[0])
    free(memory)


# ---- relatives of best-of-n (relatives.inc) ----


def best_of_poisson(const double[::1] p, const double[::1] reward, double mu, double[::1] out):
    """Write the law of the best of 1 + Poisson(mu) draws."""
    cdef double *memory = <double*>scratch(relatives_bytes(p.shape[0]))
    with nogil:
        table.best_of_poisson(p.shape[0], &p[0], &reward[0], mu, memory, &out[0])
    free(memory)


def win_rate_optimal(const double[::1] p, const double[::1] reward, double strength, double[::1] out):
    """Write the policy proportional to p exp(strength quantile)."""
    cdef double *memory = <double*>scratch(relatives_bytes(p.shape[0]))
    with nogil:
        table.win_rate_optimal(p.shape[0], &p[0], &reward[0], strength, memory, &out[0])
    free(memory)


def quantile_tilt(double strength):
    """Return divergence and win rate of a continuous reward's win-rate-optimal policy."""
    cdef double kl, win
    table.quantile_tilt(strength, &kl, &win)
    return kl, win


def quantile_strength(double kl):
    """Return the strength of that policy from its divergence, below 687."""
    return table.quantile_strength(kl)


def pessimism(const double[::1] p, const double[::1] reward, double beta, double[::1] out):
    """Write the weights of inference-time pessimism; return its threshold."""
    cdef double *memory = <double*>scratch(relatives_bytes(p.shape[0]))
    cdef double threshold
    with nogil:
        threshold = table.pessimism(p.shape[0], &p[0], &reward[0], beta, memory, &out[0])
    free(memory)
    return threshold


def soft_best_of_n(const double[::1] p, const double[::1] reward, double n, double temperature, double[::1] out):
    """Write the law of soft best-of-n for an integer n."""
    cdef double *memory = <double*>scratch(relatives_bytes(p.shape[0]))
    with nogil:
        table.soft_best_of_n(p.shape[0], &p[0], &reward[0], n, temperature, memory, &out[0])
    free(memory)


def soft_outcomes(const double[::1] p, const double[::1] reward, double temperature, double n, double[::1] mass,
                  double[::1] scaled):
    """Write p / sum p and (reward - best) / temperature, the best among outcomes with mass, 0 for those without.

    Gaps too wide to matter for `n` are narrowed.
    """
    cdef double *memory = <double*>scratch(relatives_bytes(p.shape[0]))
    table.soft_outcomes(p.shape[0], &p[0], &reward[0], temperature, n, memory, &mass[0], &scaled[0])
    free(memory)


def soft_trapezes(const double[::1] mass, const double[::1] scaled, double n, double shift, double[::1] out):
    """Write the integrals over log s by the trapezoidal rule, its nodes moved up by `shift` of their spacing."""
    cdef double *memory = <double*>scratch(3 * mass.shape[0] * sizeof(double))
    with nogil:
        table.soft_trapezes(mass.shape[0], &mass[0], &scaled[0], n, shift, memory, &out[0])
    free(memory)


def soft_sums(const double[:, ::1] log_s, const double[:, ::1] weight, const double[::1] mass,
              const double[::1] scaled, double n, double[:, ::1] out):
    """Write the weighted sums of the integrand over the nodes of every panel (rows)."""
    cdef double *memory = <double*>scratch(3 * mass.shape[0] * sizeof(double))
    cdef Py_ssize_t i
    with nogil:
        for i in range(log_s.shape[0]):
            table.soft_sums(log_s.shape[1], &log_s[i, 0], &weight[i, 0], mass.shape[0], &mass[0], &scaled[0], n, memory,
                            &out[i, 0])
    free(memory)


# ---- simulation (simulation.inc) ----


def fold_winners(uint64_t draws, uint64_t ties, uint64_t start, uint64_t stop, uint64_t replicate, uint64_t[::1] winner):
    """Lower ``winner[r]`` to the smallest 64-bit survival word of draws start..stop-1 of replicate ``replicate + r``.

    `draws` and `ties` are the keys of the streams of the high and the low words.
    """
    cdef af_draw_span span
    span.draws, span.ties, span.start, span.stop = draws, ties, start, stop
    if winner.shape[0] and start < stop:
        with nogil:
            table.fold_winners(&span, replicate, winner.shape[0], &winner[0])


cdef uint64_t winning_word(uint64_t draws, uint64_t ties, uint64_t start, uint64_t stop, uint64_t replicate) noexcept nogil:
    cdef af_draw_span span
    cdef uint64_t word = <uint64_t>-1
    span.draws, span.ties, span.start, span.stop = draws, ties, start, stop
    if start < stop:
        table.fold_winners(&span, replicate, 1, &word)
    return word


def word_tails(const uint64_t[::1] winner, double[::1] tail):
    """Write the upper-tail probabilities (w + 1/2) 2^-64 of survival words, below 1."""
    if winner.shape[0]:
        with nogil:
            table.word_tails(winner.shape[0], &winner[0], &tail[0])


def fold_exponents(uint64_t key, uint64_t replicate, uint64_t draw, double size, double[::1] exponent):
    """Lower ``exponent[r]`` to -log(u) / size, u the float64 uniform `draw` of replicate ``replicate + r``."""
    if exponent.shape[0]:
        with nogil:
            table.fold_exponents(key, replicate, draw, size, exponent.shape[0], &exponent[0])


def exponent_tails(const double[::1] exponent, double[::1] tail):
    """Write -expm1(-exponent), below 1."""
    if exponent.shape[0]:
        with nogil:
            table.exponent_tails(exponent.shape[0], &exponent[0], &tail[0])


def gaussian_rewards(const double[::1] tail, double mean, double std, double[::1] reward):
    """Write mean + std * isf(tail)."""
    if tail.shape[0]:
        with nogil:
            table.gaussian_rewards(tail.shape[0], &tail[0], mean, std, &reward[0])


def uniform_rewards(const double[::1] tail, double[::1] reward):
    """Write 1 - tail, below 1."""
    if tail.shape[0]:
        with nogil:
            table.uniform_rewards(tail.shape[0], &tail[0], &reward[0])


def table_rewards(const double[::1] tail, const double[::1] ladder, const double[::1] value, double[::1] reward):
    """Write ``value[j]`` for the last j with ``ladder[j] <= tail``; `ladder` ascends from 0."""
    if tail.shape[0]:
        with nogil:
            table.table_rewards(tail.shape[0], &tail[0], ladder.shape[0], &ladder[0], &value[0], &reward[0])


def table_ladder(const double[::1] p, const double[::1] reward):
    """Return (rewards descending, P(R > reward)) over the distinct rewards of positive mass."""
    return ladder_of(p.shape[0], &p[0], &reward[0])


# ---- pools of scored samples (pool.inc) ----

LANES = POOL_LANES
SMALL = POOL_SMALL
NODES = POOL_NODES
LAW_OF_HILL = HILL_FIELDS
U = POOL_U
V = POOL_V
UNBIASED = POOL_UNBIASED
JACKKNIFE = POOL_JACKKNIFE


def pool_steps(int kind, double[::1] step):
    """Write what the recurrence of the weights takes at every rank 0..size, for pools of up to `size` samples."""
    table.pool_steps(kind, step.shape[0] - 1, &step[0])


def pool_arrange(const double[:, ::1] score, const double[:, ::1] judged, Py_ssize_t first, Py_ssize_t last,
                 double[:, ::1] value, double[:, ::1] spread, int32_t[:, ::1] tied):
    """Write the values of pools first..last-1 in ascending order of score; returns whether any tied values differ."""
    cdef Py_ssize_t size = score.shape[1], i
    cdef uint64_t *words = <uint64_t*>scratch(size * (3 * sizeof(uint64_t) + sizeof(int32_t)))
    cdef bint differ = False
    with nogil:
        if size <= POOL_SMALL and last > first:
            differ = table.pool_arrange_small(last - first, size, &score[first, 0], &judged[first, 0], words,
                                              <int32_t*>(words + 3 * size), &value[first, 0], &spread[first, 0],
                                              &tied[first, 0])
        for i in range(first, last if size > POOL_SMALL else first):
            differ |= table.pool_arrange(size, &score[i, 0], &judged[i, 0], words, words + size, words + 2 * size,
                                         <int32_t*>(words + 3 * size), &value[i, 0], &spread[i, 0], &tied[i, 0])
    free(words)
    return differ


def pool_sort(double[:, ::1] value):
    """Put every pool (a row) into ascending order, in place."""
    cdef Py_ssize_t size = value.shape[1], i
    cdef uint64_t *words = <uint64_t*>scratch(2 * size * sizeof(uint64_t))
    with nogil:
        for i in range(value.shape[0]):
            af_sort_values(size, &value[i, 0], words)
    free(words)


cdef inline pool_row pool_of(Py_ssize_t which, const double[:, ::1] value, const double[::1] step,
                             const double[:, ::1] spread, const int32_t[:, ::1] tied) noexcept nogil:
    cdef pool_row row
    row.size, row.value, row.step, row.spread, row.tied = value.shape[1], &value[which, 0], &step[0], NULL, NULL
    if tied is not None:
        row.spread, row.tied = &spread[which, 0], &tied[which, 0]
    return row


def pool_mean(int kind, const double[:, ::1] value, const double[::1] step, const double[:, ::1] n, Py_ssize_t first,
              Py_ssize_t last, double[:, :, ::1] out):
    """Write units first..last-1 of `out` (pools, groups, LANES): unit = (pool, group of n, a row of `n`)."""
    cdef double *memory = <double*>scratch(n.shape[0] * 2 * POOL_LANES * sizeof(double))
    cdef Py_ssize_t unit = first, i, j, groups
    cdef pool_row row
    with nogil:
        while unit < last:
            i, j = unit // n.shape[0], unit % n.shape[0]
            groups = min(n.shape[0] - j, last - unit)
            row = pool_of(i, value, step, None, None)
            table.pool_mean(kind, &row, groups, &n[j, 0], memory, &out[i, j, 0])
            unit += groups
    free(memory)


def pool_weights(int kind, const double[::1] step, const double[:, ::1] n, double[:, :, ::1] weight):
    """Write the weights of ranks 1..size for every group of n: `weight` (groups, size, LANES)."""
    cdef Py_ssize_t j
    for j in range(n.shape[0]):
        table.pool_weights(kind, weight.shape[1], &step[0], &n[j, 0], &weight[j, 0, 0])


def pool_dots(const double[:, ::1] value, bint sorted, const double[:, :, ::1] weight, double[:, ::1] out):
    """Write the means of every pool (rows), `sorted` or not, at every n (columns) from weights (groups, size, LANES)."""
    if out.shape[0] and out.shape[1]:
        with nogil:
            table.pool_dots(sorted, out.shape[0], value.shape[1], &value[0, 0], &weight[0, 0, 0], out.shape[1],
                            &out[0, 0])


def pool_variance(int kind, int method, const double[:, ::1] value, const double[::1] step,
                  const double[:, ::1] spread, const int32_t[:, ::1] tied, const double[:, ::1] n,
                  const double[:, :, ::1] mean, Py_ssize_t first, Py_ssize_t last, double[:, :, ::1] out):
    """Write units first..last-1 of `out`, as `pool_mean` does; `spread` and `tied` may be None."""
    cdef Py_ssize_t unit, i, j
    cdef pool_row row
    with nogil:
        for unit in range(first, last):
            i, j = unit // n.shape[0], unit % n.shape[0]
            row = pool_of(i, value, step, spread, tied)
            table.pool_variance(kind, method, &row, &n[j, 0], &mean[i, j, 0], &out[i, j, 0])


def pool_interpolate(const double[:, :, ::1] sums, const double[:, ::1] transform, const double[::1] ends,
                     Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
    """Write out[i, ends[s] - 1:ends[s + 1]], the means at those n, from sums (pools, segments, NODES)."""
    cdef Py_ssize_t i, s, start
    with nogil:
        for i in range(first, last):
            for s in range(sums.shape[1]):
                start = <Py_ssize_t>ends[s]
                table.pool_interpolate(&sums[i, s, 0], &transform[0, 0], ends[s], ends[s + 1],
                                       <Py_ssize_t>ends[s + 1] - start, ends[s] + 1.0, &out[i, start])


def pass_at_k(const int64_t[::1] total, const int64_t[::1] correct, int64_t k, double[::1] out):
    """Write 1 - C(total - correct, k) / C(total, k) for every problem."""
    cdef double *found = <double*>scratch(POOL_FOUND * sizeof(double))
    if out.shape[0]:
        with nogil:
            table.pass_at_k(out.shape[0], &total[0], &correct[0], k, found, &out[0])
    free(found)


# ---- ranks of small pools (pool_ranks.inc) ----


def max_weights(const double[:, ::1] reward, bint centred, const double[::1] own, const double[::1] below,
                const double[::1] above, Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
    """Write the weights of pools first..last-1; return whether all of their rewards are finite."""
    cdef bint good = True
    if last > first:
        with nogil:
            good = table.pool_max_weights(last - first, reward.shape[1], &reward[first, 0], centred, &own[0], &below[0],
                                          &above[0], &out[first, 0])
    return good


def ranks_among(const double[:, ::1] score, const double[:, ::1] reference, Py_ssize_t first, Py_ssize_t last,
                double[:, ::1] out):
    """Write how many references of pools first..last-1 are below each score, counting twice, and equal to it, once."""
    if last > first:
        with nogil:
            table.pool_ranks_among(last - first, score.shape[1], &score[first, 0], reference.shape[1], &reference[first, 0],
                                   &out[first, 0])


def hill(const double[:, ::1] score, Py_ssize_t top, Py_ssize_t first, Py_ssize_t last, double[::1] index,
         double[::1] threshold):
    """Write index and threshold of pools first..last-1; return whether all of their scores are finite."""
    cdef bint good = True
    if last > first:
        with nogil:
            good = table.pool_hill(last - first, score.shape[1], top, &score[first, 0], &index[first], &threshold[first])
    return good


# ---- tails of pools (pool_tails.inc) ----


def pareto(const double[:, ::1] excess, const double[::1] grid, Py_ssize_t first, Py_ssize_t last, double[::1] index,
           double[::1] scale):
    """Write the generalised Pareto laws of the excesses of pools first..last-1."""
    cdef double *memory
    if last > first:
        memory = <double*>scratch(excess.shape[1] * POOL_LANES * sizeof(double))
        with nogil:
            table.pool_pareto(last - first, excess.shape[1], &excess[first, 0], grid.shape[0], &grid[0], memory,
                              &index[first], &scale[first])
        free(memory)


def partials(const double[::1] a, double log_scale, const double[::1] series, double[::1] out):
    """Write I(a) of the tail below a threshold, whose smooth part is a Chebyshev series."""
    if a.shape[0]:
        with nogil:
            table.pool_partials(a.shape[0], &a[0], log_scale, series.shape[0], &series[0], &out[0])


def hill_laws(const double[:, ::1] ordered, Py_ssize_t top, const double[::1] quantile, double largest, Py_ssize_t least,
              Py_ssize_t first, Py_ssize_t last, double[:, ::1] law):
    """Write the power laws above thresholds of pools first..last-1 of ascending scores: `law` (pools, LAW_OF_HILL)."""
    cdef double *memory
    if last > first:
        memory = <double*>scratch(tail_laws_at_once(top) * top * sizeof(double))
        with nogil:
            table.pool_hill_laws(last - first, ordered.shape[1], top, &ordered[first, 0], &quantile[0], largest, least, memory,
                                 &law[first, 0])
        free(memory)


def hill_best(const double[:, ::1] ordered, const double[:, ::1] law, const double[::1] chance, const double[::1] log_scale,
              const double[:, ::1] series, Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
    """Write the expected best of n of pools first..last-1, and both ends of it: `out` (pools, 3)."""
    if last > first:
        with nogil:
            table.pool_hill_best(last - first, ordered.shape[1], chance.shape[0], &ordered[first, 0], &law[first, 0],
                                 &chance[0], &log_scale[0], series.shape[1], &series[0, 0], &out[first, 0])


# ---- majorities (majority.inc) ----


cdef class Majorities:
    """Majorities of k samples: nodes of their sums, and the logarithms of 0!, 1!, ... up to the samples of a problem."""

    cdef int64_t k
    cdef const int64_t[::1] least
    cdef const double[::1] y, weight, log_factorial

    def __init__(self, int64_t k, least, y, weight, log_factorial):
        self.k, self.least, self.y, self.weight, self.log_factorial = k, least, y, weight, log_factorial

    def chance(self, int64_t right, others):
        """Return the chance that the majority is right; `others` are counts of other answers, ascending."""
        cdef Py_ssize_t kinds = len(others), nodes = self.least.shape[0]
        cdef int64_t *count
        cdef double *memory = NULL
        if right == 0:
            return 0.0
        count = counts_of(others)
        try:
            memory = <double*>scratch((nodes + 3) * (self.k + 1) * sizeof(double))
            with nogil:
                found = table.majority_chance(right, kinds, count, self.k, nodes, &self.least[0], &self.y[0],
                                              &self.weight[0], &self.log_factorial[0], memory)
            return found
        finally:
            free(memory)
            free(count)

    def product(self, int64_t right, others):
        """Return the mean over disjoint pairs of subsets of the product of their chances."""
        cdef Py_ssize_t kinds = len(others), different = len(set(others))
        cdef int64_t *count
        cdef double *memory = NULL
        if right < 2:
            return 0.0
        count = counts_of(others)
        try:
            memory = <double*>scratch((different + 2) * (self.k + 1) * (self.k + 1) * sizeof(double))
            with nogil:
                found = table.majority_product(right, kinds, count, self.k, self.least.shape[0], &self.least[0],
                                               &self.y[0], &self.weight[0], &self.log_factorial[0], count + kinds, memory)
            return found
        finally:
            free(memory)
            free(count)


cdef int64_t *counts_of(others) except NULL:
    """Return the counts in memory of its own, with as much room behind them."""
    cdef int64_t *out = <int64_t*>scratch(2 * (len(others) + 1) * sizeof(int64_t))
    cdef Py_ssize_t i
    for i in range(len(others)):
        out[i] = others[i]
    return out


# ---- difficulty of problems (difficulty.inc) ----


cdef difficulty_cells cells_of(const double[:, ::1] cells) noexcept:
    cdef difficulty_cells out
    out.size = cells.shape[1]
    out.samples, out.right, out.problems = &cells[0, 0], &cells[1, 0], &cells[2, 0]
    return out


def difficulty_likelihood(const double[::1] x, Py_ssize_t sought, const double[:, ::1] cells, double[::1] slope,
                          double[:, ::1] curvature):
    """Return the log-likelihood of cells (samples, right ones, problems); write derivatives by the first `sought` of x."""
    cdef difficulty_cells of = cells_of(cells)
    cdef difficulty_jet jet
    with nogil:
        table.difficulty_likelihood(x.shape[0], sought, &x[0], &of, &jet)
    memcpy(&slope[0], jet.slope, sought * sizeof(double))
    memcpy(&curvature[0, 0], jet.curvature, sought * sought * sizeof(double))
    return jet.value


def difficulty_extreme(const double[::1] x, Py_ssize_t sought, const double[:, ::1] cells, double least, double k,
                       double sign):
    """Return the extreme log-chance that k samples all fail where the log-likelihood is `least`, or NaN."""
    cdef difficulty_cells of = cells_of(cells)
    cdef double from_here[3]
    memcpy(from_here, &x[0], x.shape[0] * sizeof(double))
    with nogil:
        found = table.difficulty_extreme(x.shape[0], sought, from_here, &of, least, k, sign)
    return found


def difficulty_intervals(const double[::1] x, const double[:, ::1] covariance, const double[:, ::1] cells, double largest,
                         double reach, const double[::1] k, double[:, ::1] out):
    """Write pass@k and both ends of its interval at every k: `out` (k, 3), ends that are not found NaN."""
    cdef difficulty_cells of = cells_of(cells)
    cdef Py_ssize_t i
    with nogil:
        for i in range(k.shape[0]):
            table.difficulty_interval(x.shape[0], &x[0], &covariance[0, 0], &of, largest, reach, k[i], &out[i, 0])


# ---- divergence from samples, means over prompts (samples.inc) ----

STATISTICS = SAMPLES_STATISTICS


cdef int rank_pool(ranked_pool *pool, Py_ssize_t size, const double *score, const double *log_p) except -1:
    """Sort a pool; `pool.memory` is to be freed."""
    cdef uint64_t *words
    # log-probabilities, and groups; sorting takes three words and an index for each sample
    pool.memory = <double*>scratch(size * sizeof(double) + (size + 1) * sizeof(int32_t))
    pool.size, pool.log_p, pool.low = size, NULL if log_p is NULL else pool.memory, <int32_t*>(pool.memory + size)
    words = <uint64_t*>scratch(size * (3 * sizeof(uint64_t) + sizeof(int32_t)))
    with nogil:
        table.samples_rank(pool, score, log_p, words, words + size, words + 2 * size, <int32_t*>(words + 3 * size))
    free(words)
    return 0


cdef class RankedPool:
    """A pool of scored samples in order of score, with log-probabilities of its samples or without."""

    cdef ranked_pool pool

    def __cinit__(self, const double[::1] score, const double[::1] log_p=None):
        cdef const double *given = NULL
        if log_p is not None:
            given = &log_p[0]
        rank_pool(&self.pool, score.shape[0], &score[0], given)

    def __dealloc__(self):
        free(self.pool.memory)

    def divergence(self, const double[::1] n, Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
        """Write rows first..last-1 of `out` (n, 2 STATISTICS): estimates and errors in turn."""
        cdef double *memory = <double*>scratch(samples_bytes(self.pool.size))
        cdef Py_ssize_t i
        with nogil:
            for i in range(first, last):
                table.samples_divergence(&self.pool, n[i], memory, &out[i, 0])
        free(memory)


def prompt_means(const double[:, ::1] x, const int64_t[::1] group, Py_ssize_t groups, double[::1] mean,
                 double[::1] error, int64_t[::1] present):
    """Write mean, standard error and number of prompts (rows of `x`) of each column; `group` may be None."""
    cdef double *memory = <double*>scratch((2 * groups * x.shape[1] + 1) * sizeof(double))
    cdef const double *rows = NULL
    cdef const int64_t *group_of = NULL
    if x.shape[0] and x.shape[1]:
        rows = &x[0, 0]
        if group is not None:
            group_of = &group[0]
    if x.shape[1]:
        with nogil:
            table.prompt_means(x.shape[0], x.shape[1], rows, group_of, groups, memory, &mean[0], &error[0], &present[0])
    free(memory)


# ---- over-optimisation (overoptimization.inc) ----

FORMS = {"best-of-n": GAO_BEST_OF_N, "reinforcement-learning": GAO_REINFORCEMENT_LEARNING}


def gao_fit(int form, const double[::1] kl, const double[::1] gain, const double[::1] variance,
            const double[:, ::1] covariance, double[::1] out):
    """Write (alpha, beta, their covariance); `variance` (T,) or `covariance` (T, T) may be None. Return whether there is one."""
    cdef const double *of_points = NULL
    cdef const double *of_all = NULL
    cdef double *memory = <double*>scratch(4 * kl.shape[0] * sizeof(double))
    if variance is not None:
        of_points = &variance[0]
    if covariance is not None:
        of_all = &covariance[0, 0]
    found = table.gao_fit(form, kl.shape[0], &kl[0], &gain[0], of_points, of_all, memory, &out[0])
    free(memory)
    return found


def gao_gains(int form, const double[::1] kl, double alpha, double beta, double[::1] out):
    """Write the gains at divergences."""
    if kl.shape[0]:
        table.gao_gains(form, kl.shape[0], &kl[0], alpha, beta, &out[0])


def gao_errors(int form, const double[::1] kl, const double[:, ::1] covariance, double[::1] out):
    """Write the standard errors of gains from the covariance of the coefficients."""
    if kl.shape[0]:
        table.gao_errors(form, kl.shape[0], &kl[0], &covariance[0, 0], &out[0])


def add_columns(const double[:, ::1] x, Py_ssize_t first, Py_ssize_t last, double[::1] total):
    """Add rows first..last-1 of x to `total`."""
    with nogil:
        table.add_columns(last - first, x.shape[1], &x[first, 0], &total[0])


def add_products(const double[:, ::1] x, Py_ssize_t first, Py_ssize_t last, const double[::1] mean, double[:, ::1] total):
    """Add the products of the columns of x - mean, over rows first..last-1, to `total`."""
    cdef double *away = <double*>scratch(x.shape[1] * sizeof(double))
    with nogil:
        table.add_products(last - first, x.shape[1], &x[first, 0], &mean[0], away, &total[0, 0])
    free(away)


# ---- small calls ----

include "short.pxi"
include "short_relatives.pxi"
include "short_pools.pxi"
include "short_samples.pxi"
include "short_simulation.pxi"
