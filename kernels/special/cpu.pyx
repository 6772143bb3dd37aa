"""Entry points of the functions with SciPy's names and limits: NaN and infinite numbers pass through, nothing raises."""

from alignment_fast.kernels.common.cpu import ISA

from cpython.pycapsule cimport PyCapsule_New

from alignment_fast.kernels.common.api cimport AF_API_ABI, af_api
from alignment_fast.kernels.common.cpu cimport put_elementwise
from alignment_fast.kernels.information.cpu cimport cross_entropy_f64, divergence_f64, entropy_f64

cdef extern from *:
    """
    #define AF_LOOPS "special/loops.inc"
    #include "alignment_fast/af_simd.h"
    """

include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())

ctypedef fused real:
    float
    double


cdef double log_sum_exp_f64(Py_ssize_t n, const double *x) noexcept nogil:
    cdef double log_sum
    table.log_sum_exp_f64(n, x, n, NULL, 0, &log_sum, NULL, 0, 1)
    return log_sum


cdef float log_sum_exp_f32(Py_ssize_t n, const float *x) noexcept nogil:
    cdef float log_sum
    table.log_sum_exp_f32(n, x, n, NULL, 0, &log_sum, NULL, 0, 1)
    return log_sum


cdef void softmax_f64(Py_ssize_t n, const double *x, double *out) noexcept nogil:
    table.softmax_f64(n, x, out, 0, 1)


cdef void log_softmax_f64(Py_ssize_t n, const double *x, double *out) noexcept nogil:
    table.log_softmax_f64(n, x, out, 0, 1)


cdef void softmax_f32(Py_ssize_t n, const float *x, float *out) noexcept nogil:
    table.softmax_f32(n, x, out, 0, 1)


cdef void log_softmax_f32(Py_ssize_t n, const float *x, float *out) noexcept nogil:
    table.log_softmax_f32(n, x, out, 0, 1)


def log_sum_exp(const real[:, ::1] x, const real[:, ::1] b, real[::1] log_sum, real[::1] sign, Py_ssize_t first_row,
                Py_ssize_t last_row):
    """Write log |Σ b e^x| and the sign of the sum (or None) of rows first_row..last_row-1; `b` has one row or all, or None."""
    if first_row == last_row:
        return
    cdef Py_ssize_t n = x.shape[1]
    cdef const real *numbers = &x[0, 0] if n > 0 else NULL
    cdef const real *weights = &b[0, 0] if b is not None and n > 0 else NULL
    cdef Py_ssize_t stride = 0 if b is None or b.shape[0] == 1 else n
    cdef real *signs = &sign[0] if sign is not None else NULL
    with nogil:
        if real is float:
            table.log_sum_exp_f32(n, numbers, n, weights, stride, &log_sum[0], signs, first_row, last_row)
        else:
            table.log_sum_exp_f64(n, numbers, n, weights, stride, &log_sum[0], signs, first_row, last_row)


def softmax(const real[:, ::1] x, real[:, ::1] out, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write e^x / Σ e^x of rows first_row..last_row-1, which have a letter at least."""
    with nogil:
        if real is float:
            table.softmax_f32(x.shape[1], &x[0, 0], &out[0, 0], first_row, last_row)
        else:
            table.softmax_f64(x.shape[1], &x[0, 0], &out[0, 0], first_row, last_row)


def log_softmax(const real[:, ::1] x, real[:, ::1] out, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write x - log Σ e^x of rows first_row..last_row-1, which have a letter at least."""
    with nogil:
        if real is float:
            table.log_softmax_f32(x.shape[1], &x[0, 0], &out[0, 0], first_row, last_row)
        else:
            table.log_softmax_f64(x.shape[1], &x[0, 0], &out[0, 0], first_row, last_row)


def entr(const real[::1] x, real[::1] out):
    """Write -x log x of every element."""
    with nogil:
        if real is float:
            table.entropy_terms_f32(x.shape[0], &x[0], &out[0])
        else:
            table.entropy_terms_f64(x.shape[0], &x[0], &out[0])


def rel_entr(const real[::1] x, const real[::1] y, real[::1] out):
    """Write x log(x/y) of every pair of elements."""
    with nogil:
        if real is float:
            table.relative_terms_f32(x.shape[0], &x[0], &y[0], &out[0])
        else:
            table.relative_terms_f64(x.shape[0], &x[0], &y[0], &out[0])


def kl_div(const real[::1] x, const real[::1] y, real[::1] out):
    """Write x log(x/y) - x + y of every pair of elements."""
    with nogil:
        if real is float:
            table.divergence_terms_f32(x.shape[0], &x[0], &y[0], &out[0])
        else:
            table.divergence_terms_f64(x.shape[0], &x[0], &y[0], &out[0])


def log_ndtr(const real[::1] x, real[::1] out):
    """Write log Φ(x) of every element."""
    with nogil:
        if real is float:
            table.log_normal_terms_f32(x.shape[0], &x[0], &out[0])
        else:
            table.log_normal_terms_f64(x.shape[0], &x[0], &out[0])


def ndtri_exp(const real[::1] x, real[::1] out):
    """Write the quantile of the normal distribution whose logarithm of a probability is given, of every element."""
    with nogil:
        if real is float:
            table.normal_quantiles_of_logs_f32(x.shape[0], &x[0], &out[0])
        else:
            table.normal_quantiles_of_logs_f64(x.shape[0], &x[0], &out[0])


def entropies(const double[:, ::1] p, const double[:, ::1] q, double[::1] out, Py_ssize_t first_row,
              Py_ssize_t last_row):
    """Write the entropies of rows, or their divergences from the rows q where there is one; NaN where a row is no masses."""
    cdef Py_ssize_t row, n = p.shape[1]
    with nogil:
        for row in range(first_row, last_row):
            out[row] = entropy_f64(n, &p[row, 0]) if q is None else divergence_f64(n, &p[row, 0], &q[row, 0], True)

include "short.pxi"
include "capsule.pxi"
