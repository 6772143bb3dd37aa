# The short path of small calls (kernels/common/short.pxd): a few draws of plain arguments, the key of an integer seed.

import numpy

from alignment_fast.kernels.common.cpu cimport memory_of, natural

cdef object float64 = numpy.float64
cdef object float32 = numpy.float32
cdef object empty = numpy.empty

cdef enum:
    SHORT_DRAWS = 4096 # that no second thread would help with


cdef bint from_start(object start, uint64_t count, uint64_t *out) noexcept:
    """Write the first of `count` counters to `out`; return whether all of them fit 64 bits."""
    return natural(start, out) and out[0] <= <uint64_t>-1 - (count - 1 if count else 0)


cdef object drawn(int kind, object dtype, uint64_t key, object shape, object replicate, object draw):
    """Return draws of `kind` as an array of `shape`, n or (R, n), or None where the general path must decide."""
    cdef uint64_t rows = 1, n, first_row, first_draw
    cdef af_request request
    cdef bint flat = type(shape) is not tuple
    if not flat and (len(<tuple>shape) != 2 or not natural((<tuple>shape)[0], &rows)):
        return None
    if not natural(shape if flat else (<tuple>shape)[1], &n) or rows > SHORT_DRAWS or n > SHORT_DRAWS:
        return None
    if rows * n > SHORT_DRAWS or not from_start(replicate, rows, &first_row) or not from_start(draw, n, &first_draw):
        return None
    out = empty(shape, dtype)
    if rows * n:
        request = _request(key, first_row, first_draw, rows, n)
        table.fill(kind, &request, memory_of(out), 0, af_tile_count(&request))
    return out


def short_words(dtype, uint64_t key, shape, replicate, draw):
    """Return words of `dtype`, numpy.uint32 or uint64."""
    return drawn(AF_WORDS_U32 if dtype is numpy.uint32 else AF_WORDS_U64, dtype, key, shape, replicate, draw)


def short_uniforms(dtype, uint64_t key, shape, replicate, draw):
    """Return uniforms of `dtype`, where that is numpy.float64 or float32 itself."""
    if dtype is float64:
        return drawn(AF_UNIFORMS_F64, dtype, key, shape, replicate, draw)
    return drawn(AF_UNIFORMS_F32, dtype, key, shape, replicate, draw) if dtype is float32 else None


def short_normals(dtype, uint64_t key, shape, replicate, draw):
    """Return normals of `dtype`, where that is numpy.float64 or float32 itself."""
    if dtype is float64:
        return drawn(AF_NORMALS_F64, dtype, key, shape, replicate, draw)
    return drawn(AF_NORMALS_F32, dtype, key, shape, replicate, draw) if dtype is float32 else None


def short_stream_key(seed, purpose):
    """Return the key of an integer seed below 2^64 and a purpose below 2^32."""
    cdef uint64_t entropy, number
    if not natural(seed, &entropy) or not natural(purpose, &number) or number >> 32:
        return None
    return af_seed_key(entropy, <uint32_t>number)
