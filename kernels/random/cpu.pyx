"""Fills of arrays with draws of the streams: words, uniforms, normals.

Row r of `out` holds draws ``draw .. draw + n - 1`` of replicate ``replicate + r``. A call works on tiles ``first`` to
``last - 1`` of `tile_count`; tiles partition the array, and any cut gives the same values.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #define AF_LOOPS "random/loops.inc"
    #include "alignment_fast/af_simd.h"
    #include "random/seed.h"
    """
    ctypedef struct af_request:
        uint64_t key, replicate, draw
        Py_ssize_t rows, n
    Py_ssize_t af_tile_count(const af_request *request) noexcept nogil
    void af_philox_block(uint64_t key, uint64_t replicate, uint64_t block, uint32_t *word) noexcept nogil
    uint64_t af_word64(uint32_t high, uint32_t low) noexcept nogil
    double af_uniform_f64(uint64_t w) noexcept nogil
    uint64_t af_seed_key(uint64_t entropy, uint32_t purpose) noexcept nogil
    const int AF_WORDS_U32
    const int AF_WORDS_U64
    const int AF_UNIFORMS_F32
    const int AF_UNIFORMS_F64
    const int AF_NORMALS_F32
    const int AF_NORMALS_F64

include "table.pxi"

from alignment_fast.kernels.common.cpu import ISA

cdef const af_table *table = af_select(ISA.encode())


cdef inline af_request _request(uint64_t key, uint64_t replicate, uint64_t draw, Py_ssize_t rows,
                                Py_ssize_t n) noexcept nogil:
    cdef af_request request
    request.key = key
    request.replicate = replicate
    request.draw = draw
    request.rows = rows
    request.n = n
    return request


def tile_count(Py_ssize_t rows, Py_ssize_t n):
    """Return the number of tiles that an array of `rows` rows of `n` draws is cut into."""
    cdef af_request request = _request(0, 0, 0, rows, n)
    return af_tile_count(&request)


cdef void philox_block(uint64_t key, uint64_t replicate, uint64_t index, uint32_t *word) noexcept nogil:
    af_philox_block(key, replicate, index, word)


cdef double uniform(uint64_t key, uint64_t replicate, uint64_t draw) noexcept nogil:
    cdef uint32_t word[4]
    cdef int at = 2 * <int>(draw % 2)
    af_philox_block(key, replicate, draw // 2, word)
    return af_uniform_f64(af_word64(word[at], word[at + 1]))


cdef void uniforms(uint64_t key, uint64_t replicate, uint64_t draw, Py_ssize_t n, double *out) noexcept nogil:
    cdef af_request request = _request(key, replicate, draw, 1, n)
    table.fill(AF_UNIFORMS_F64, &request, out, 0, af_tile_count(&request))


def block(uint64_t key, uint64_t replicate, uint64_t index):
    """Return the four 32-bit words of one block."""
    cdef uint32_t word[4]
    af_philox_block(key, replicate, index, word)
    return word[0], word[1], word[2], word[3]


ctypedef fused draws:
    uint32_t
    uint64_t
    float
    double


cdef void _fill(
    int kind, uint64_t key, uint64_t replicate, uint64_t draw, draws[:, ::1] out, Py_ssize_t first, Py_ssize_t last
):
    cdef af_request request = _request(key, replicate, draw, out.shape[0], out.shape[1])
    if last > first:
        with nogil:
            table.fill(kind, &request, &out[0, 0], first, last)


def uint32(uint64_t key, uint64_t replicate, uint64_t draw, uint32_t[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write 32-bit words: word d mod 4 of block d div 4."""
    _fill(AF_WORDS_U32, key, replicate, draw, out, first, last)


def uint64(uint64_t key, uint64_t replicate, uint64_t draw, uint64_t[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write 64-bit words: words 2(d mod 2), 2(d mod 2) + 1 of block d div 2, the first one high."""
    _fill(AF_WORDS_U64, key, replicate, draw, out, first, last)


def uniform_f32(uint64_t key, uint64_t replicate, uint64_t draw, float[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write ((u >> 9) + 1/2) 2^-23 of the 32-bit words."""
    _fill(AF_UNIFORMS_F32, key, replicate, draw, out, first, last)


def uniform_f64(uint64_t key, uint64_t replicate, uint64_t draw, double[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write ((w >> 12) + 1/2) 2^-52 of the 64-bit words."""
    _fill(AF_UNIFORMS_F64, key, replicate, draw, out, first, last)


def normal_f32(uint64_t key, uint64_t replicate, uint64_t draw, float[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write Φ⁻¹((u + 1/2) 2^-32) of the 32-bit words, evaluated in float32 without fma."""
    _fill(AF_NORMALS_F32, key, replicate, draw, out, first, last)


def normal_f64(uint64_t key, uint64_t replicate, uint64_t draw, double[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write Φ⁻¹ of the float64 uniforms, without fma."""
    _fill(AF_NORMALS_F64, key, replicate, draw, out, first, last)


# ---- small calls ----

include "short.pxi"
