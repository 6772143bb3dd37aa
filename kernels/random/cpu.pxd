"""Scalar access to the streams for Cython code: plain names, no GIL, no exceptions."""

from libc.stdint cimport uint32_t, uint64_t

# word[0..3] = the four words of block `index`.
cdef void philox_block(uint64_t key, uint64_t replicate, uint64_t index, uint32_t *word) noexcept nogil
# The float64 uniform number `draw`.
cdef double uniform(uint64_t key, uint64_t replicate, uint64_t draw) noexcept nogil
# The float64 uniforms draw .. draw + n - 1 of one replicate.
cdef void uniforms(uint64_t key, uint64_t replicate, uint64_t draw, Py_ssize_t n, double *out) noexcept nogil
