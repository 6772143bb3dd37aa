# The short path of small calls (kernels/common/short.pxd): a row of NumPy numbers, or a list of Python's.

from cpython.buffer cimport PyBuffer_Release, Py_buffer

from alignment_fast.kernels.common.cpu import read_reals
from alignment_fast.kernels.common.cpu cimport new_array, number, opened, scalar_of

import numpy

cdef object array_type = numpy.ndarray

cdef enum:
    ENTR, REL_ENTR, KL_DIV, LOG_NDTR, NDTRI_EXP
    LONG = 4096    # letters from which on the interpreter is let go
    LONGEST = 1 << 16  # beyond these the general path takes over, which has threads and can be interrupted


# Of `short_elementwise`, by the names of entry points.
ELEMENTWISE = {"entr": ENTR, "rel_entr": REL_ENTR, "kl_div": KL_DIV, "log_ndtr": LOG_NDTR, "ndtri_exp": NDTRI_EXP}


cdef char opened_row(object x, Py_buffer *view):
    """Open a row; return its type, or 0 where the general path must decide."""
    cdef char kind
    if type(x) is list:
        x = read_reals(x)
    kind = opened(x, view, 1)
    if kind and view.shape[0] > LONGEST:
        PyBuffer_Release(view)
        return 0
    return kind


cdef double log_sum_of(char kind, const Py_buffer *view) noexcept nogil:
    if kind == b'd':
        return log_sum_exp_f64(view.shape[0], <const double*>view.buf)
    return log_sum_exp_f32(view.shape[0], <const float*>view.buf)


cdef void row_of(bint log, char kind, const Py_buffer *view, void *out) noexcept nogil:
    cdef Py_ssize_t n = view.shape[0]
    if kind == b'd' and log:
        table.log_softmax_f64(n, <const double*>view.buf, <double*>out, 0, 1)
    elif kind == b'd':
        table.softmax_f64(n, <const double*>view.buf, <double*>out, 0, 1)
    elif log:
        table.log_softmax_f32(n, <const float*>view.buf, <float*>out, 0, 1)
    else:
        table.softmax_f32(n, <const float*>view.buf, <float*>out, 0, 1)


def short_logsumexp(x):
    """Return log Σ e^x of one row as a number, or None where the general path must decide."""
    cdef Py_buffer view
    cdef double value
    cdef char kind = opened_row(x, &view)
    if not kind:
        return None
    if view.shape[0] > LONG:
        with nogil:
            value = log_sum_of(kind, &view)
    else:
        value = log_sum_of(kind, &view)
    PyBuffer_Release(&view)
    return scalar_of(kind, value)


cdef object short_row(object x, bint log):
    cdef Py_buffer view
    cdef void *out
    cdef char kind = opened_row(x, &view)
    if not kind:
        return None
    result = new_array(kind, view.shape[0], &out)
    if view.shape[0] > LONG:
        with nogil:
            row_of(log, kind, &view, out)
    else:
        row_of(log, kind, &view, out)
    PyBuffer_Release(&view)
    return result


def short_softmax(x):
    """Return e^x / Σ e^x of one row, or None where the general path must decide."""
    return short_row(x, False)


def short_log_softmax(x):
    """Return x - log Σ e^x of one row, or None where the general path must decide."""
    return short_row(x, True)


# ---- elementwise ----

cdef bint opened_numbers(object x, Py_buffer *view, double *one, char *kind) noexcept:
    """Open a contiguous array, or read a number into `one`, as an array of one and no axis."""
    if number(x, one):
        kind[0] = 0
        return True
    kind[0] = opened(x, view, x.ndim) if type(x) is array_type and 0 < x.ndim < 8 else 0
    return kind[0] != 0


cdef void elements_f64(int which, Py_ssize_t n, const double *x, const double *y, double *out) noexcept nogil:
    if which == ENTR:
        table.entropy_terms_f64(n, x, out)
    elif which == REL_ENTR:
        table.relative_terms_f64(n, x, y, out)
    elif which == KL_DIV:
        table.divergence_terms_f64(n, x, y, out)
    elif which == LOG_NDTR:
        table.log_normal_terms_f64(n, x, out)
    else:
        table.normal_quantiles_of_logs_f64(n, x, out)


cdef void elements_f32(int which, Py_ssize_t n, const float *x, const float *y, float *out) noexcept nogil:
    if which == ENTR:
        table.entropy_terms_f32(n, x, out)
    elif which == REL_ENTR:
        table.relative_terms_f32(n, x, y, out)
    elif which == KL_DIV:
        table.divergence_terms_f32(n, x, y, out)
    elif which == LOG_NDTR:
        table.log_normal_terms_f32(n, x, out)
    else:
        table.normal_quantiles_of_logs_f32(n, x, out)


def short_elementwise(int which, x, y=None):
    """Return a function of one array or number (`which` of ELEMENTWISE), or of two of a shape, or None."""
    cdef Py_buffer views[2]
    cdef double ones[2]
    cdef char kinds[2]
    cdef double value
    cdef void *out
    cdef bint second = which == REL_ENTR or which == KL_DIV, same
    kinds[0] = kinds[1] = 0
    if not opened_numbers(x, &views[0], &ones[0], &kinds[0]):
        return None
    if second and not opened_numbers(y, &views[1], &ones[1], &kinds[1]):
        if kinds[0]:
            PyBuffer_Release(&views[0])
        return None
    result = None
    if not kinds[0] and not kinds[1]:
        elements_f64(which, 1, &ones[0], &ones[1], &value)
        return scalar_of(b'd', value)
    same = not second or (kinds[0] == kinds[1] and x.shape == y.shape)
    if same and views[0].len <= LONGEST * 8:
        result = new_array(kinds[0], x.shape, &out)
        if kinds[0] == b'd':
            elements_f64(which, views[0].len // 8, <const double*>views[0].buf, <const double*>views[1].buf, <double*>out)
        else:
            elements_f32(which, views[0].len // 4, <const float*>views[0].buf, <const float*>views[1].buf, <float*>out)
    if kinds[0]:
        PyBuffer_Release(&views[0])
    if kinds[1]:
        PyBuffer_Release(&views[1])
    return result
