# Arguments and results of small calls. The short path of a public function is one compiled call. It takes what nearly
# every call passes (exact NumPy arrays, contiguous, native float64 or float32, and plain numbers) and declines everything
# else by returning None: the general path, the rest of the public function, then computes or raises, so that no error is
# written twice.
#
# Here are the structures; the functions that fill them are in cpu.pxd (short.pxi), once for all families.

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t

cdef enum:
    MOST_ARRAYS = 13  # of one call


# A number, or a row of numbers, as float64.
cdef struct numbers:
    const double *values
    Py_ssize_t size
    bint scalar     # a number, not a row
    double one      # the number
    double *widened # a row of float32 or integers, as float64
    bint held
    Py_buffer view  # the row


# An integer, or a row of integers.
cdef struct integers:
    const int64_t *values
    Py_ssize_t size
    bint scalar
    int64_t one
    bint held
    Py_buffer view


# Vectors of one type and one length.
cdef struct vectors:
    Py_buffer view[MOST_ARRAYS]
    int held
    char kind # 'd' or 'f'
    Py_ssize_t size


# Whether an option is one of the two flags themselves: of any other value the general path decides.
cdef inline bint is_flag(object x) noexcept:
    return x is True or x is False
