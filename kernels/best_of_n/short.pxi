# The short way of small calls (kernels/common/short.pxd): exact arrays and plain numbers in, the finished result out, or
# None where the long way must decide. The same kernels run on the same numbers, so the bits are those of the long way.

import numpy

from libc.math cimport floor

from cpython.buffer cimport PyBuffer_Release, Py_buffer

from alignment_fast.kernels.common.cpu cimport (
    NO_AXIS, all_finite, all_within, are_masses, array_of, array_over, drop_integers, drop_numbers, has_nan, memory_of,
    new_array, number, opened, scalar_of, take_integers, take_numbers, widen
)
from alignment_fast.kernels.common.short cimport integers, numbers
from alignment_fast.kernels.random.cpu cimport uniforms as fill_uniforms

cdef object float64 = numpy.float64
cdef object float32 = numpy.float32
cdef object int32 = numpy.int32
cdef object int64 = numpy.int64
cdef object empty = numpy.empty

cdef enum:
    # Numbers of closed forms, and (outcomes x numbers of draws) of laws, up to which no second thread would pay and the
    # time of the long way's checks shows; outcomes of a law that is built so.
    SHORT_NUMBERS = 131072
    SHORT_WORK = 32768
    SHORT_LETTERS = 4096
    LARGEST_KL = 687 # of win-rate-optimal policies: strengths beyond 1e300 are refused


# ---- arguments ----

# The argument n | log_n: a number, or a row of numbers.
cdef struct draw_counts:
    numbers given
    bint is_log


cdef bint take_counts(object n, object log_n, draw_counts *counts) noexcept:
    """Read n or log n; return whether they are good. `drop_counts` ends what is held, either way."""
    cdef bint read = take_numbers(n if log_n is None else log_n, &counts.given)
    counts.is_log = n is None
    return read and (n is None) != (log_n is None) and all_within(counts.given.size, counts.given.values,
                                                                  0.0 if counts.is_log else 1.0)


cdef void drop_counts(draw_counts *counts) noexcept:
    drop_numbers(&counts.given)


cdef inline Py_ssize_t axis(bint scalar, Py_ssize_t size) noexcept:
    return NO_AXIS if scalar else size


cdef inline Py_ssize_t axis_of(const draw_counts *counts) noexcept:
    return axis(counts.given.scalar, counts.given.size)


# ---- closed forms ----


def short_continuous(int kind, n, log_n, double order):
    """Return the closed form `kind` for continuous rewards at a number or a row of numbers."""
    cdef draw_counts counts
    cdef object out = None
    cdef double value
    cdef double *memory
    if not take_counts(n, log_n, &counts) or counts.given.size > SHORT_NUMBERS:
        pass
    elif counts.given.scalar:
        table.continuous_values(kind, 1, counts.given.values, counts.is_log, order, &value)
        out = value
    else:
        out = empty(counts.given.size)
        memory = <double*>memory_of(out)
        with nogil:
            table.continuous_values(kind, counts.given.size, counts.given.values, counts.is_log, order, memory)
    drop_counts(&counts)
    return out


def short_kl_estimator(p, n, log_n, bint log):
    """Return the estimator of the divergence for a probability or a row of them, at a number or a row of numbers."""
    cdef draw_counts counts
    cdef Py_buffer view
    cdef char kind = opened(p, &view, 1)
    cdef bint scalar = type(p) is float or type(p) is float64
    cdef Py_ssize_t rows = view.shape[0] if kind else 1
    cdef double *memory = NULL
    cdef object out = None
    if (kind or scalar) and take_counts(n, log_n, &counts):
        if counts.given.size * rows <= SHORT_WORK:
            memory = <double*>malloc((counts.given.size + 1) * rows * sizeof(double))
        if memory is not NULL:
            if scalar:
                memory[0] = p
            else:
                widen(&view, kind, memory)
            if are_probabilities(rows, memory, log):
                table.kl_estimators(rows, memory, log, counts.given.size, counts.given.values, counts.is_log, memory + rows)
                out = array_over(kind, axis(scalar, rows), axis_of(&counts), memory + rows)
            free(memory)
    if kind or scalar:
        drop_counts(&counts)
    if kind:
        PyBuffer_Release(&view)
    return out


cdef bint are_probabilities(Py_ssize_t count, const double *p, bint log) noexcept:
    cdef Py_ssize_t i
    cdef bint bad = False
    for i in range(count):
        bad |= not (p[i] <= 0.0 if log else (p[i] > 0.0 and p[i] <= 1.0))
    return not bad


# ---- exact laws ----


cdef inline char kind_of(object of_type) noexcept:
    return b'f' if of_type is float32 else b'd'


def short_law_build(p, reward, bint log):
    """Return the `Laws` of one row of rewards and masses (None: all alike)."""
    cdef Py_buffer mass, view
    cdef char kind = opened(reward, &view, 1)
    cdef bint uniform = p is None
    cdef Laws laws = None
    if not kind:
        return None
    if uniform or opened(p, &mass, 1):
        if view.shape[0] <= SHORT_LETTERS and (uniform or (mass.shape[0] == view.shape[0]
                                                           and mass.format[0] == kind)):
            laws = built(NULL if uniform else &mass, &view, kind, log and not uniform)
        if not uniform:
            PyBuffer_Release(&mass)
    PyBuffer_Release(&view)
    return laws


cdef Laws built(Py_buffer *mass, Py_buffer *view, char kind, bint log):
    """Return the laws of one row of `kind`, or None where a value is bad."""
    cdef Py_ssize_t size = view.shape[0]
    cdef Laws laws = Laws(empty((1, LAW_FIELDS, size)), empty((1, LAW_INTEGERS, size), int32), empty((1, 2), int64))
    cdef double *reals = <double*>scratch(2 * size * sizeof(double) + law_scratch_bytes(size))
    cdef uint64_t[2] status
    cdef law_row row = laws.row(0)
    if mass is NULL:
        fill_ones(size, reals)
    else:
        widen(mass, kind, reals)
    widen(view, kind, reals + size)
    table.law_build(&row, reals, reals + size, log, reals + 2 * size, status)
    laws.counts[0, 0], laws.counts[0, 1] = row.groups, row.atoms
    free(reals)
    return laws if status[0] == AF_OK and status[1] == AF_OK else None


def short_law_values(Laws laws, int kind, n, log_n, double order, of_type):
    """Return the value `kind` of the one row of `laws`, a scalar of `of_type` or an array of it."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef object out = None
    cdef Py_ssize_t i
    cdef double *memory
    if not take_counts(n, log_n, &counts) or counts.given.size * row.size > SHORT_WORK:
        pass
    elif counts.given.scalar:
        out = scalar_of(kind_of(of_type), law_value_at(&row, kind, order, counts.given.one, counts.is_log))
    else:
        memory = <double*>malloc(counts.given.size * sizeof(double))
        if memory is not NULL:
            for i in range(counts.given.size):
                memory[i] = law_value_at(&row, kind, order, counts.given.values[i], counts.is_log)
            out = array_of(kind_of(of_type), counts.given.size, counts.given.size, memory)
            free(memory)
    drop_counts(&counts)
    return out


cdef double law_value_at(const law_row *row, int kind, double order, double n, bint is_log) noexcept nogil:
    cdef law_point point
    table.law_points(1, &n, is_log, &point)
    return table.law_value(row, kind, order, point)


def short_law_pmf(Laws laws, n, log_n, bint log, of_type):
    """Return the (log-)probabilities of the one row of `laws`, (V,) or (T, V)."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef law_point point
    cdef object out = None
    cdef Py_ssize_t i
    cdef double *memory
    if take_counts(n, log_n, &counts) and counts.given.size * row.size <= SHORT_WORK:
        memory = <double*>malloc((counts.given.size + 1) * row.size * sizeof(double))
        if memory is not NULL:
            for i in range(counts.given.size):
                table.law_points(1, &counts.given.values[i], counts.is_log, &point)
                table.law_pmf(&row, point, log, memory, memory + (i + 1) * row.size)
            out = array_over(kind_of(of_type), axis_of(&counts), row.size, memory + row.size)
            free(memory)
    drop_counts(&counts)
    return out


def short_law_kl_estimate(Laws laws, n, log_n, of_type):
    """Return the expectation of the divergence's estimator for the one row of `laws`."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef law_point point
    cdef object out = None
    cdef Py_ssize_t i
    cdef double *memory
    if take_counts(n, log_n, &counts) and counts.given.size * row.size <= SHORT_WORK:
        memory = <double*>malloc((counts.given.size + row.size) * sizeof(double))
        if memory is not NULL:
            for i in range(counts.given.size):
                table.law_points(1, &counts.given.values[i], counts.is_log, &point)
                memory[row.size + i] = table.law_kl_estimate(&row, point, memory)
            out = array_over(kind_of(of_type), NO_AXIS, axis_of(&counts), memory + row.size)
            free(memory)
    drop_counts(&counts)
    return out


def short_law_draw(Laws laws, sampler, size, n, log_n, uint64_t key):
    """Return `size` draws of the one row of `laws` at one n, from replicate 0 of the stream of `key`."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef const double[:, ::1] reals = sampler.reals
    cdef const int32_t[::1] start = sampler.start
    cdef object out = None
    cdef Py_ssize_t count
    cdef double *uniforms
    if take_counts(n, log_n, &counts) and counts.given.scalar and type(size) is int and 0 < size <= SHORT_LETTERS:
        count = size
        uniforms = <double*>malloc(2 * count * sizeof(double))
        if uniforms is not NULL:
            fill_uniforms(key, 0, 0, 2 * count, uniforms)
            out = empty(count, int64)
            table.law_draw(&row, &reals[0, 0], &start[0], &reals[1, 0], counts.given.one, counts.is_log, count, uniforms,
                           <int64_t*>memory_of(out))
            free(uniforms)
    drop_counts(&counts)
    return out


# ---- relatives of best-of-n ----

# Masses and rewards as float64, and room for the work on them.
cdef struct outcomes:
    Py_ssize_t size
    double *p
    double *reward
    double *memory


cdef bint take_outcomes(object p, object reward, bint finite, outcomes *o) noexcept:
    """Read masses (None: all alike) and rewards; return whether they are good. `o.p` is to be freed, either way."""
    cdef Py_buffer view, mass
    cdef char kind = opened(reward, &view, 1), of_mass = 0
    cdef bint good = False
    o.p = NULL
    if not kind:
        return False
    if p is not None:
        of_mass = opened(p, &mass, 1)
    if view.shape[0] <= SHORT_LETTERS and (p is None or (of_mass and mass.shape[0] == view.shape[0])):
        o.size = view.shape[0]
        o.p = <double*>malloc(2 * o.size * sizeof(double) + relatives_bytes(o.size))
        if o.p is not NULL:
            o.reward, o.memory = o.p + o.size, o.p + 2 * o.size
            widen(&view, kind, o.reward)
            if p is None:
                fill_ones(o.size, o.p)
            else:
                widen(&mass, of_mass, o.p)
            good = are_masses(o.size, o.p) and (all_finite(o.size, o.reward) if finite else
                                                not has_nan(o.size, o.reward))
    if of_mass:
        PyBuffer_Release(&mass)
    PyBuffer_Release(&view)
    return good


cdef void fill_ones(Py_ssize_t count, double *x) noexcept:
    cdef Py_ssize_t i
    for i in range(count):
        x[i] = 1.0


cdef inline bint within(object x, double least, double *out) noexcept:
    """Whether `x` is a finite number not below `least`; writes it to `out`."""
    return number(x, out) and out[0] >= least and out[0] < AF_INFINITY


def short_best_of_poisson(p, reward, mu):
    """Return the law."""
    cdef outcomes o
    cdef double rate
    cdef object out = None
    if take_outcomes(p, reward, False, &o) and within(mu, 0.0, &rate):
        out = empty(o.size)
        table.best_of_poisson(o.size, o.p, o.reward, rate, o.memory, <double*>memory_of(out))
    free(o.p)
    return out


def short_win_rate_optimal(p, reward, strength, kl):
    """Return (law, strength, divergence, win rate), from the strength or the divergence."""
    cdef outcomes o
    cdef double c, divergence, win
    cdef object out = None
    if take_outcomes(p, reward, False, &o) and (strength is None) != (kl is None) and (
            within(kl, 0.0, &c) and c < LARGEST_KL if strength is None else within(strength, 0.0, &c)):
        if strength is None:
            c = table.quantile_strength(c)
        out = empty(o.size)
        table.win_rate_optimal(o.size, o.p, o.reward, c, o.memory, <double*>memory_of(out))
        table.quantile_tilt(c, &divergence, &win)
        out = out, c, divergence, win
    free(o.p)
    return out


def short_pessimism(p, scores, beta):
    """Return (threshold, weights); `p` may be None."""
    cdef outcomes o
    cdef double strength, threshold
    cdef object out = None
    if take_outcomes(p, scores, True, &o) and within(beta, 0.0, &strength) and strength > 0.0:
        out = empty(o.size)
        threshold = table.pessimism(o.size, o.p, o.reward, strength, o.memory, <double*>memory_of(out))
        out = threshold, out
    free(o.p)
    return out


def short_soft_best_of_n(p, reward, n, temperature):
    """Return the law for an integer n."""
    cdef outcomes o
    cdef double draws, heat
    cdef double *memory
    cdef object out = None
    if take_outcomes(p, reward, True, &o) and within(n, 1.0, &draws) and floor(draws) == draws \
            and within(temperature, 0.0, &heat) and heat > 0.0:
        out = empty(o.size)
        memory = <double*>memory_of(out)
        with nogil:
            table.soft_best_of_n(o.size, o.p, o.reward, draws, heat, o.memory, memory)
    free(o.p)
    return out


# ---- pools of scored samples ----


def short_curve(scores, n, values, int kind, method, Py_ssize_t most):
    """Return (n, means, variances or None) of one pool of fewer than `most` samples; `method` is one of VARIANCES, or None.

    `n` is None for 1..M, an integer, or an ascending row of them.
    """
    cdef Py_buffer view, judged
    cdef integers grid
    cdef char of_scores = opened(scores, &view, 1), of_values = 0
    cdef object out = None
    if not of_scores:
        return None
    if values is not None:
        of_values = opened(values, &judged, 1)
        if not of_values:
            PyBuffer_Release(&view)
            return None
    if n is None:
        grid.values, grid.size, grid.scalar, grid.held = NULL, view.shape[0], False, False
    elif not take_integers(n, &grid):
        grid.size = 0
    if 0 < grid.size and view.shape[0] < most and grid.size * view.shape[0] <= 8 * SHORT_WORK and (
            not of_values or judged.shape[0] == view.shape[0]) and is_grid(&grid, view.shape[0], kind):
        out = curve_of(&view, of_scores, &judged if of_values else NULL, of_values, &grid, kind, method)
    drop_integers(&grid)
    if of_values:
        PyBuffer_Release(&judged)
    PyBuffer_Release(&view)
    return out


cdef bint is_grid(const integers *grid, Py_ssize_t size, int kind) noexcept:
    """Whether n ascend within what a pool of `size` samples allows; NULL are 1..M."""
    cdef Py_ssize_t i
    if grid.values is NULL:
        return True
    for i in range(grid.size):
        if grid.values[i] <= (grid.values[i - 1] if i else 0) or (kind == POOL_U and grid.values[i] > size):
            return False
    return True


# Memory of one pool and one grid of n, all of it one allocation.
cdef struct pool_work:
    double *judged
    double *value
    double *spread
    double *step
    double *at
    double *mean
    double *variance
    double *weights # of every rank of a small pool, or the scratch of `pool_mean`
    uint64_t *words
    int32_t *integers


cdef pool_work work_for(Py_ssize_t size, Py_ssize_t padded) except *:
    cdef pool_work work
    cdef Py_ssize_t weights = padded * (size if size <= POOL_SMALL else 2)
    work.judged = <double*>scratch((8 * size + 1 + 3 * padded + weights) * sizeof(double))
    work.value = work.judged + size
    work.spread = work.value + size
    work.step = work.spread + size
    work.words = <uint64_t*>(work.step + size + 1)
    work.integers = <int32_t*>(work.words + 3 * size)
    work.at = work.step + size + 1 + 4 * size
    work.mean = work.at + padded
    work.variance = work.mean + padded
    work.weights = work.variance + padded
    return work


cdef object curve_of(Py_buffer *view, char of_scores, Py_buffer *judged, char of_values, const integers *grid,
                     int kind, object method):
    """Return (n, means, variances or None), or None where a score or a value is bad."""
    cdef Py_ssize_t size = view.shape[0], count = grid.size
    cdef Py_ssize_t padded = (count + POOL_LANES - 1) // POOL_LANES * POOL_LANES
    cdef char of_type = b'f' if of_scores == b'f' and of_values != b'd' else b'd'
    cdef Py_ssize_t columns = axis(grid.scalar, count)
    cdef object scores = empty(size), mean, variance = None
    cdef pool_work work
    cdef pool_row row
    widen(view, of_scores, <double*>memory_of(scores))
    work = work_for(size, padded)
    try:
        if not arranged(scores, judged, of_values, &work, &row):
            return None
        fill_grid(grid, padded, work.at)
        table.pool_steps(kind, size, work.step)
        means_of(kind, &row, count, padded // POOL_LANES, &work)
        mean = array_over(of_type, NO_AXIS, columns, work.mean)
        if method is not None:
            variances_of(kind, method, &row, count, &work)
            variance = array_over(of_type, NO_AXIS, columns, work.variance)
        return numbers_of(grid), mean, variance
    finally:
        free(work.judged)


cdef bint arranged(object scores, Py_buffer *judged, char of_values, pool_work *work, pool_row *row) except -1:
    """Write the pool in ascending order of score, unless a number is bad; return whether all are good."""
    cdef double *score = <double*>memory_of(scores)
    cdef Py_ssize_t size = scores.shape[0]
    row.size, row.value, row.step, row.spread, row.tied = size, work.value, work.step, NULL, NULL
    if judged is NULL:
        if not all_finite(size, score):
            return False
        scores.sort()  # nothing to carry along: NumPy's sort is the fastest
        memcpy(work.value, score, size * sizeof(double))
        return True
    widen(judged, of_values, work.judged)
    if has_nan(size, score) or not all_finite(size, work.judged):
        return False
    if table.pool_arrange(size, score, work.judged, work.words, work.words + size, work.words + 2 * size, work.integers,
                          work.value, work.spread, work.integers + size):
        row.spread, row.tied = work.spread, work.integers + size
    return True


cdef void fill_grid(const integers *grid, Py_ssize_t padded, double *at) noexcept:
    cdef Py_ssize_t i, from_grid
    for i in range(padded):
        from_grid = min(i, grid.size - 1)
        at[i] = from_grid + 1 if grid.values is NULL else grid.values[from_grid]


cdef void means_of(int kind, pool_row *row, Py_ssize_t count, Py_ssize_t groups, pool_work *work) noexcept:
    cdef Py_ssize_t j
    if row.size > POOL_SMALL:
        table.pool_mean(kind, row, groups, work.at, work.weights, work.mean)
        return
    for j in range(groups):
        table.pool_weights(kind, row.size, work.step, work.at + j * POOL_LANES,
                           work.weights + j * row.size * POOL_LANES)
    table.pool_dots(True, 1, row.size, row.value, work.weights, count, work.mean)


cdef void variances_of(int kind, int method, pool_row *row, Py_ssize_t count, pool_work *work) noexcept:
    """Write the variances of the means, NaN where there is none; what fills up the last group of n ends in `at`, `mean`."""
    cdef Py_ssize_t most = row.size // 2 if method == POOL_UNBIASED else row.size - 1, usable = 0, i
    while usable < count and (work.at[usable] <= most or (kind == POOL_V and row.size > 1)):
        usable += 1
    for i in range(usable, (usable + POOL_LANES - 1) // POOL_LANES * POOL_LANES):
        work.at[i], work.mean[i] = work.at[usable - 1], 0.0
    for i in range(0, usable, POOL_LANES):
        table.pool_variance(kind, method, row, work.at + i, work.mean + i, work.variance + i)
    for i in range(usable, count):
        work.variance[i] = AF_NAN


cdef object numbers_of(const integers *grid):
    """Return n as the caller asked for it."""
    cdef object out
    cdef int64_t *memory
    cdef Py_ssize_t i
    if grid.scalar:
        return grid.one
    out = empty(grid.size, int64)
    memory = <int64_t*>memory_of(out)
    for i in range(grid.size):
        memory[i] = i + 1 if grid.values is NULL else grid.values[i]
    return out


def short_pass_at_k(total, correct, k):
    """Return pass@k of one problem or a row of them, at one k or a row of them."""
    cdef integers m, c, ks
    cdef object out = None
    cdef bint good = take_integers(total, &m)
    good = take_integers(correct, &c) and good
    good = take_integers(k, &ks) and good
    if good and (m.scalar or c.scalar or m.size == c.size) and max(m.size, c.size) * ks.size <= SHORT_WORK \
            and are_counts(&m, &c, &ks):
        out = passed(&m, &c, &ks)
    drop_integers(&m)
    drop_integers(&c)
    drop_integers(&ks)
    return out


cdef inline int64_t integer_at(const integers *row, Py_ssize_t i) noexcept:
    return row.one if row.scalar else row.values[i]


cdef bint are_counts(const integers *m, const integers *c, const integers *ks) noexcept:
    cdef int64_t most = 0, total
    cdef Py_ssize_t i
    cdef bint bad = False
    for i in range(ks.size):
        bad |= ks.values[i] < 1
        most = max(most, ks.values[i])
    for i in range(max(m.size, c.size)):
        total = integer_at(m, i)
        bad |= integer_at(c, i) < 0 or integer_at(c, i) > total or total < most
    return not bad


cdef object passed(const integers *m, const integers *c, const integers *ks):
    """Return the chances, (problems, k) without the axes of scalars."""
    cdef Py_ssize_t problems = max(m.size, c.size), i, j
    cdef int64_t *counts = <int64_t*>scratch((2 * problems + problems * (ks.size + 1)) * sizeof(int64_t))
    cdef double *column = <double*>(counts + 2 * problems)
    cdef double *all = column + problems
    cdef object out
    for i in range(problems):
        counts[i], counts[problems + i] = integer_at(m, i), integer_at(c, i)
    for j in range(ks.size):
        table.pass_at_k(problems, counts, counts + problems, ks.values[j], NULL, column)
        for i in range(problems):
            all[i * ks.size + j] = column[i]
    out = array_over(b'd', axis(m.scalar and c.scalar, problems), axis(ks.scalar, ks.size), all)
    free(counts)
    return out
