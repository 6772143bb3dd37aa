"""Complex powers for Cython code: no GIL, no exceptions."""

from libc.stdint cimport uint64_t

# Raise n complex numbers, |z| <= 1, given as real and imaginary parts in turn, to the power m >= 1 in place.
# Where |z|^2 is below `negligible` the result may be 0.
cdef void complex_power(Py_ssize_t n, uint64_t m, double negligible, double *z) noexcept nogil
