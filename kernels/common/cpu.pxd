from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint64_t

from alignment_fast.kernels.common.short cimport integers, numbers, vectors

# Scalar functions for cimport, in the instruction set that `ISA` names; the same bits as the elementwise entry points.
# A call costs a jump through a table: in a loop over an array use those, or include alignment_fast/af_math.h.
cdef double exp_f64(double x) noexcept nogil
cdef float exp_f32(float x) noexcept nogil
cdef double expm1_f64(double x) noexcept nogil
cdef float expm1_f32(float x) noexcept nogil
cdef double log_f64(double x) noexcept nogil
cdef float log_f32(float x) noexcept nogil
cdef double log1p_f64(double x) noexcept nogil
cdef float log1p_f32(float x) noexcept nogil
cdef double log1mexp_f64(double x) noexcept nogil
cdef float log1mexp_f32(float x) noexcept nogil
cdef double softplus_f64(double x) noexcept nogil
cdef float softplus_f32(float x) noexcept nogil
cdef double sigmoid_f64(double x) noexcept nogil
cdef float sigmoid_f32(float x) noexcept nogil
cdef double normal_cdf_f64(double x) noexcept nogil
cdef float normal_cdf_f32(float x) noexcept nogil
cdef double log_normal_cdf_f64(double x) noexcept nogil
cdef float log_normal_cdf_f32(float x) noexcept nogil
cdef double normal_ppf_f64(double x) noexcept nogil
cdef float normal_ppf_f32(float x) noexcept nogil
cdef double normal_isf_f64(double x) noexcept nogil
cdef float normal_isf_f32(float x) noexcept nogil
cdef double normal_ppf_rn_f64(double x) noexcept nogil
cdef float normal_ppf_rn_f32(float x) noexcept nogil

# Write the elementwise functions of the instruction set into the table of functions, an af_api: untyped, so that a
# cimport of this module needs no header.
cdef void put_elementwise(void *table_of_functions) noexcept

# Arguments and results of the small calls of the families here (short.pxd).

cdef enum:
    NO_AXIS = -1

# Hold the buffer of an exact, contiguous, native, nonempty array of `ndim` axes, and return its type: one of the letters
# `kinds`, of 'd' and 'f' (float64, float32), 'l' and 'i' (int64, int32), '?' (flags). Return 0, and hold nothing, for
# anything else. What is held goes back by ``PyBuffer_Release(view)``. `opened`: 'd' or 'f'.
cdef char opened_of(const char *kinds, object x, Py_buffer *view, int ndim) noexcept
cdef char opened(object x, Py_buffer *view, int ndim) noexcept
# Write `x` to `out` and return whether it is a number: a Python float or int, a NumPy float64 or integer (`number`); a
# Python int or NumPy integer that 64 bits hold (`whole`); an exact Python int, not negative, that they hold (`natural`).
cdef bint number(object x, double *out) noexcept
cdef bint whole(object x, int64_t *out) noexcept
cdef bint natural(object x, uint64_t *out) noexcept
# Write what an open buffer of type 'd', 'f' or 'l' holds to `out` as float64.
cdef void widen(const Py_buffer *view, char kind, double *out) noexcept nogil
# Read a number or a row; return whether it is one. Either way, what is held goes back by the function that drops it.
cdef bint take_numbers(object x, numbers *out) noexcept
cdef void drop_numbers(numbers *taken) noexcept
cdef bint take_integers(object x, integers *out) noexcept
cdef void drop_integers(integers *taken) noexcept
# Hold one more vector, in `held` whose count `held` started at 0; return whether it is one, of the type and the length of
# those held before.
cdef bint hold(object x, vectors *held) noexcept
cdef void drop_vectors(vectors *held) noexcept
# Whether all of a row lie in [least, inf); are finite; one is NaN; all are masses, some of them positive.
cdef bint all_within(Py_ssize_t n, const double *x, double least) noexcept nogil
cdef bint all_finite(Py_ssize_t n, const double *x) noexcept nogil
cdef bint has_nan(Py_ssize_t n, const double *x) noexcept nogil
cdef bint are_masses(Py_ssize_t n, const double *p) noexcept nogil
# A NumPy scalar; where the elements of a new, contiguous array lie; a new array and where its elements lie; a new array of
# `count` values, of any shape and over (rows, columns), where NO_AXIS stands for one without an axis of its own. All of
# type 'f' or, for any other letter, 'd'.
cdef object scalar_of(char kind, double value)
cdef void *memory_of(object array) except NULL
cdef object new_array(char kind, object shape, void **memory)
cdef object array_of(char kind, object shape, Py_ssize_t count, const double *values)
cdef object array_over(char kind, Py_ssize_t rows, Py_ssize_t columns, const double *values)
# A float64 scalar or contiguous array as float32.
cdef object narrowed(object x)
# Write count, mean, Σ (x - mean)^k for k = 2, 3, 4, least and largest of 1 to AF_BLOCK numbers.
cdef void moments_of(Py_ssize_t n, const double *x, double *out) noexcept nogil
