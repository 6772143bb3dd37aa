# The short path of small calls (kernels/common/short.pxd): exact arrays and plain numbers in, the finished result out, or
# None where the general path must decide. The same kernels run on the same numbers, so both give the same bits.

import numpy

from libc.math cimport floor, sqrt

from cpython.buffer cimport PyBuffer_Release, Py_buffer

from alignment_fast.kernels.common.cpu cimport (
    NO_AXIS, all_finite, all_within, are_masses, array_of, array_over, drop_integers, drop_numbers, drop_vectors, has_nan,
    hold, memory_of, moments_of, narrowed, natural, new_array, number, opened, opened_of, scalar_of, take_integers, take_numbers, widen
)
from alignment_fast.kernels.common.short cimport integers, is_flag, numbers, vectors
from alignment_fast.kernels.random.cpu cimport uniforms as fill_uniforms

cdef object float64 = numpy.float64
cdef object float32 = numpy.float32
cdef object int32 = numpy.int32
cdef object int64 = numpy.int64
cdef object empty = numpy.empty

cdef enum:
    # Numbers of closed forms, and (outcomes x numbers of draws) of laws, up to which no second thread would pay and the
    # time of the general path's checks shows; outcomes of a law that is built so.
    SHORT_NUMBERS = 131072
    SHORT_WORK = 32768
    SHORT_LETTERS = 4096
    SHORT_NORMALS = 256
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
    cdef double value
    cdef void *memory
    try:
        if not take_counts(n, log_n, &counts) or counts.given.size > SHORT_NUMBERS:
            return None
        if counts.given.scalar:
            table.continuous_values(kind, 1, counts.given.values, counts.is_log, order, &value)
            return value
        out = new_array(b'd', counts.given.size, &memory)
        with nogil:
            table.continuous_values(kind, counts.given.size, counts.given.values, counts.is_log, order, <double*>memory)
        return out
    finally:
        drop_counts(&counts)


def short_gaussian_reward(n, log_n, const double[::1] node, const double[::1] weight, double largest):
    """Return (mean, variance) of the best of n normals at a number or a row of numbers of logarithm up to `largest`."""
    cdef draw_counts counts
    cdef Py_ssize_t size, i
    cdef double *memory = NULL
    cdef double *mean
    try:
        if not take_counts(n, log_n, &counts) or counts.given.size > SHORT_NORMALS:
            return None
        size = counts.given.size
        memory = <double*>scratch((3 * node.shape[0] + 3 * size) * sizeof(double))
        mean = memory + 3 * node.shape[0]
        table.log_draws(size, counts.given.values, counts.is_log, mean + 2 * size)
        for i in range(size):
            if mean[2 * size + i] > largest:
                return None
        table.gaussian_best(size, mean + 2 * size, node.shape[0], &node[0], &weight[0], memory, mean, mean + size)
        if counts.given.scalar:
            return mean[0], mean[1]
        return array_of(b'd', size, size, mean), array_of(b'd', size, size, mean + size)
    finally:
        free(memory)
        drop_counts(&counts)


def short_kl_estimator(p, n, log_n, log):
    """Return the estimator of the divergence for a probability or a row of them, at a number or a row of numbers."""
    cdef draw_counts counts
    cdef Py_buffer view
    cdef char kind = opened(p, &view, 1)
    cdef bint scalar = type(p) is float or type(p) is float64
    cdef Py_ssize_t rows = view.shape[0] if kind else 1
    cdef double *memory = NULL
    counts.given.held, counts.given.widened = False, NULL
    try:
        if not ((kind or scalar) and is_flag(log)) or not take_counts(n, log_n, &counts) or counts.given.size * rows > SHORT_WORK:
            return None
        memory = <double*>scratch((counts.given.size + 1) * rows * sizeof(double))
        if scalar:
            memory[0] = p
        else:
            widen(&view, kind, memory)
        if not table.are_probabilities(rows, memory, log):
            return None
        table.kl_estimators(rows, memory, log, counts.given.size, counts.given.values, counts.is_log, memory + rows)
        return array_over(kind, axis(scalar, rows), axis_of(&counts), memory + rows)
    finally:
        free(memory)
        drop_counts(&counts)
        if kind:
            PyBuffer_Release(&view)


# ---- exact laws ----


cdef inline char kind_of(object of_type) noexcept:
    return b'f' if of_type is float32 else b'd'


def short_law_build(p, reward, log):
    """Return the `Laws` of one row of rewards and masses (None: all alike)."""
    cdef vectors given
    given.held = 0
    try:
        if is_flag(log) and hold(reward, &given) and given.size <= SHORT_LETTERS and (p is None or hold(p, &given)):
            return built(&given, log is True and p is not None)
        return None
    finally:
        drop_vectors(&given)


cdef Laws built(vectors *given, bint log):
    """Return the laws of one row of rewards, and of masses where there are some, or None where a value is bad."""
    cdef Py_ssize_t size = given.size
    cdef Laws laws = Laws(empty((1, LAW_FIELDS, size)), empty((1, LAW_INTEGERS, size), int32), empty((1, 2), int64))
    cdef double *reals = <double*>scratch(2 * size * sizeof(double) + law_scratch_bytes(size))
    cdef uint64_t[2] status
    cdef law_row row = laws.row(0)
    if given.held > 1:
        widen(&given.view[1], given.kind, reals)
    else:
        table.fill(size, 1.0, reals)
    widen(&given.view[0], given.kind, reals + size)
    table.law_build(&row, reals, reals + size, log, reals + 2 * size, status)
    laws.counts[0, 0], laws.counts[0, 1] = row.groups, row.atoms
    free(reals)
    return laws if status[0] == AF_OK and status[1] == AF_OK else None


cdef inline bint take_few(object n, object log_n, const law_row *row, draw_counts *counts) noexcept:
    """As `take_counts`, for so few that no second thread would help with the law `row`."""
    return take_counts(n, log_n, counts) and counts.given.size * row.size <= SHORT_WORK


cdef inline law_point point_at(double n, bint is_log) noexcept nogil:
    cdef law_point point
    table.law_points(1, &n, is_log, &point)
    return point


def short_law_values(Laws laws, int kind, n, log_n, double order, of_type):
    """Return the value `kind` of the one row of `laws`, a scalar of `of_type` or an array of it."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef Py_ssize_t i
    cdef double *memory = NULL
    try:
        if not take_few(n, log_n, &row, &counts):
            return None
        if counts.given.scalar:
            return scalar_of(kind_of(of_type), table.law_value(&row, kind, order, point_at(counts.given.one, counts.is_log)))
        memory = <double*>scratch(counts.given.size * sizeof(double))
        for i in range(counts.given.size):
            memory[i] = table.law_value(&row, kind, order, point_at(counts.given.values[i], counts.is_log))
        return array_of(kind_of(of_type), counts.given.size, counts.given.size, memory)
    finally:
        free(memory)
        drop_counts(&counts)


def short_law_pmf(Laws laws, n, log_n, bint log, of_type):
    """Return the (log-)probabilities of the one row of `laws`, (V,) or (T, V)."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef double *memory = NULL
    try:
        if not take_few(n, log_n, &row, &counts):
            return None
        memory = <double*>scratch((counts.given.size + 1) * row.size * sizeof(double))
        pmf_at(&row, &counts, log, memory, memory + row.size)
        return array_over(kind_of(of_type), axis_of(&counts), row.size, memory + row.size)
    finally:
        free(memory)
        drop_counts(&counts)


cdef void pmf_at(const law_row *row, const draw_counts *counts, bint log, double *ratios, double *out) noexcept:
    """Write the (log-)probabilities (T, V) at every n; `ratios` has V numbers of scratch."""
    cdef Py_ssize_t i
    for i in range(counts.given.size):
        table.law_ratios(row, 0, row.groups, point_at(counts.given.values[i], counts.is_log), ratios)
        table.law_pmf(row, log, ratios, 0, row.size, out + i * row.size)


def short_law_kl_estimate(Laws laws, n, log_n, of_type):
    """Return the expectation of the divergence's estimator for the one row of `laws`."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef Py_ssize_t i
    cdef double *memory = NULL
    try:
        if not take_few(n, log_n, &row, &counts):
            return None
        memory = <double*>scratch((counts.given.size + row.size) * sizeof(double))
        for i in range(counts.given.size):
            memory[row.size + i] = kl_estimate_at(&row, point_at(counts.given.values[i], counts.is_log), memory)
        return array_over(kind_of(of_type), NO_AXIS, axis_of(&counts), memory + row.size)
    finally:
        free(memory)
        drop_counts(&counts)


def short_law_draw(Laws laws, sampler, size, n, log_n, uint64_t key):
    """Return `size` draws of the one row of `laws` at one n, from replicate 0 of the stream of `key`."""
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef const double[:, ::1] reals = sampler.reals
    cdef const int32_t[::1] start = sampler.start
    cdef uint64_t count
    cdef double *uniforms = NULL
    try:
        if not take_counts(n, log_n, &counts) or not counts.given.scalar or not natural(size, &count):
            return None
        if not 0 < count <= SHORT_LETTERS:
            return None
        uniforms = <double*>scratch(2 * count * sizeof(double))
        fill_uniforms(key, 0, 0, 2 * count, uniforms)
        out = empty(count, int64)
        table.law_draw(&row, &reals[0, 0], &start[0], &reals[1, 0], counts.given.one, counts.is_log, count, uniforms,
                       <int64_t*>memory_of(out))
        return out
    finally:
        free(uniforms)
        drop_counts(&counts)


def short_law_aligned(Laws laws, matched, reward, n, log_n, of_type):
    """Return (fields of the tilt, divergence from it) for the one row of `laws`, of rewards `reward`.

    ``matched(log_p, reward, kl, log_deficit)`` finds the fields of the tilts of those divergences, or None.
    """
    cdef draw_counts counts
    cdef law_row row = laws.row(0)
    cdef Py_buffer view
    cdef char kind = opened(reward, &view, 1)
    counts.given.held, counts.given.widened = False, NULL
    try:
        if not kind or view.shape[0] != row.size or not take_few(n, log_n, &row, &counts):
            return None
        return aligned(&row, matched, &view, kind, &counts, kind_of(of_type))
    finally:
        drop_counts(&counts)
        if kind:
            PyBuffer_Release(&view)


cdef object aligned(const law_row *row, object matched, Py_buffer *reward, char kind, const draw_counts *counts,
                    char of_type):
    cdef Py_ssize_t size = row.size, count = counts.given.size, i
    cdef Py_ssize_t columns = axis_of(counts)
    cdef double *log_pi = <double*>scratch((count * (size + 2) + size) * sizeof(double))
    cdef double *kl = log_pi + count * size
    cdef double *deficit = kl + count
    cdef const double *log_phi
    cdef void *log_p
    cdef void *rewards
    try:
        of_reference = new_array(b'd', size, &log_p)
        of_reward = new_array(b'd', size, &rewards)
        widen(reward, kind, <double*>rewards)
        table.law_ratios(row, 0, row.groups, point_at(1.0, False), deficit + count)
        table.law_pmf(row, True, deficit + count, 0, row.size, <double*>log_p)
        pmf_at(row, counts, True, deficit + count, log_pi)
        for i in range(count):
            kl[i] = table.law_value(row, LAW_KL, 0.0, point_at(counts.given.values[i], counts.is_log))
            deficit[i] = table.aligned_log_deficit(size, <double*>log_p, <double*>rewards, log_pi + i * size)
        fields = matched(of_reference, of_reward, array_over(b'd', NO_AXIS, columns, kl),
                         array_over(b'd', NO_AXIS, columns, deficit))
        if fields is None:
            return None
        log_phi = <const double*>memory_of(fields[1])
        for i in range(count):
            kl[i] = table.aligned_gap(size, log_pi + i * size, log_phi + i * size)
        if of_type == b'f':
            fields = tuple([narrowed(field) for field in fields])
        return fields, array_over(of_type, NO_AXIS, columns, kl)
    finally:
        free(log_pi)
