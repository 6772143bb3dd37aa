"""The instruction set in use, and the loops that belong to no family: moments, elementwise scalar functions.

The choice is made once, when this module is first imported: the widest variant that this processor runs, or what
``ALIGNMENT_FAST_ISA`` says. Every family takes its table from the same name, `ISA`.
"""

import os

from cpython.ref cimport PyObject
from cython cimport floating
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t

from alignment_fast.kernels.common.api cimport af_api

cdef extern from *:
    """
    #define AF_LOOPS "common/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct af_moments:
        double count, mean, m2, m3, m4, minimum, maximum
    int af_isa_supported(const char *isa)
    const Py_ssize_t AF_BLOCK

include "table.pxi"

ISA_NAMES = ("baseline", "avx2", "avx512")
BLOCK = AF_BLOCK


def supported_isas():
    """Return the names of the instruction-set variants that this build and this processor can run."""
    return tuple(name for name in ISA_NAMES if af_select(name.encode()) is not NULL)


def choose_isa(request):
    """Return the variant to use: the widest one for "", else `request` itself, or raise ValueError."""
    supported = supported_isas()
    if not request:
        return supported[len(supported) - 1]  # wraparound is off in compiled modules
    if request not in ISA_NAMES:
        raise ValueError(f"ALIGNMENT_FAST_ISA={request!r} is not one of {', '.join(ISA_NAMES)}")
    if request not in supported:
        raise ValueError(f"ALIGNMENT_FAST_ISA={request!r}: this processor or build has only {', '.join(supported)}")
    return request


ISA = choose_isa(os.environ.get("ALIGNMENT_FAST_ISA", ""))
cdef const af_table *table = af_select(ISA.encode())


include "lists.pxi"
include "objects.pxi"
include "short.pxi"


def moments_blocks(const double[::1] x, Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
    """Write the moments (count, mean, M2, M3, M4, min, max) of blocks first..last-1 of `x` into the rows of `out`."""
    if last > first:
        with nogil:
            table.moments_blocks(x.shape[0], &x[0], first, last, <af_moments*>&out[0, 0])


def moments_fold(const double[:, ::1] blocks, double[::1] total):
    """Merge the rows of `blocks`, in order, into `total` (count 0: empty)."""
    if blocks.shape[0]:
        with nogil:
            table.moments_fold(blocks.shape[0], <const af_moments*>&blocks[0, 0], <af_moments*>&total[0])


cdef int apply(void (*map_f32)(Py_ssize_t, const float*, float*) noexcept nogil,
               void (*map_f64)(Py_ssize_t, const double*, double*) noexcept nogil,
               const floating[::1] x, floating[::1] out) except -1:
    """Write map(x[i]) into out[i]; `out` may be `x`."""
    cdef Py_ssize_t n = x.shape[0]
    if out.shape[0] != n:
        raise ValueError(f"out has {out.shape[0]} elements, x has {n}")
    if n:
        with nogil:
            if floating is double:
                map_f64(n, &x[0], &out[0])
            else:
                map_f32(n, &x[0], &out[0])
    return 0


def exp(const floating[::1] x, floating[::1] out):
    """Write exp(x) for every element of `x` into `out`."""
    apply(table.map_exp_f32, table.map_exp_f64, x, out)


def expm1(const floating[::1] x, floating[::1] out):
    """Write exp(x) - 1 for every element of `x` into `out`."""
    apply(table.map_expm1_f32, table.map_expm1_f64, x, out)


def log(const floating[::1] x, floating[::1] out):
    """Write log(x) for every element of `x` into `out`."""
    apply(table.map_log_f32, table.map_log_f64, x, out)


def log1p(const floating[::1] x, floating[::1] out):
    """Write log(1 + x) for every element of `x` into `out`."""
    apply(table.map_log1p_f32, table.map_log1p_f64, x, out)


def log1mexp(const floating[::1] x, floating[::1] out):
    """Write log(1 - exp(-x)), x >= 0 for every element of `x` into `out`."""
    apply(table.map_log1mexp_f32, table.map_log1mexp_f64, x, out)


def softplus(const floating[::1] x, floating[::1] out):
    """Write log(1 + exp(x)) for every element of `x` into `out`."""
    apply(table.map_softplus_f32, table.map_softplus_f64, x, out)


def sigmoid(const floating[::1] x, floating[::1] out):
    """Write 1 / (1 + exp(-x)) for every element of `x` into `out`."""
    apply(table.map_sigmoid_f32, table.map_sigmoid_f64, x, out)


def normal_cdf(const floating[::1] x, floating[::1] out):
    """Write Φ(x) for every element of `x` into `out`."""
    apply(table.map_normal_cdf_f32, table.map_normal_cdf_f64, x, out)


def log_normal_cdf(const floating[::1] x, floating[::1] out):
    """Write log Φ(x) for every element of `x` into `out`."""
    apply(table.map_log_normal_cdf_f32, table.map_log_normal_cdf_f64, x, out)


def normal_ppf(const floating[::1] x, floating[::1] out):
    """Write Φ⁻¹(x) for every element of `x` into `out`."""
    apply(table.map_normal_ppf_f32, table.map_normal_ppf_f64, x, out)


def normal_isf(const floating[::1] x, floating[::1] out):
    """Write Φ⁻¹(1 - x) for every element of `x` into `out`."""
    apply(table.map_normal_isf_f32, table.map_normal_isf_f64, x, out)


def normal_ppf_rn(const floating[::1] x, floating[::1] out):
    """Write Φ⁻¹(x) without fused products: the same bits on every machine for every element of `x` into `out`."""
    apply(table.map_normal_ppf_rn_f32, table.map_normal_ppf_rn_f64, x, out)


cdef double exp_f64(double x) noexcept nogil:
    return table.scalar_exp_f64(x)


cdef float exp_f32(float x) noexcept nogil:
    return table.scalar_exp_f32(x)


cdef double expm1_f64(double x) noexcept nogil:
    return table.scalar_expm1_f64(x)


cdef float expm1_f32(float x) noexcept nogil:
    return table.scalar_expm1_f32(x)


cdef double log_f64(double x) noexcept nogil:
    return table.scalar_log_f64(x)


cdef float log_f32(float x) noexcept nogil:
    return table.scalar_log_f32(x)


cdef double log1p_f64(double x) noexcept nogil:
    return table.scalar_log1p_f64(x)


cdef float log1p_f32(float x) noexcept nogil:
    return table.scalar_log1p_f32(x)


cdef double log1mexp_f64(double x) noexcept nogil:
    return table.scalar_log1mexp_f64(x)


cdef float log1mexp_f32(float x) noexcept nogil:
    return table.scalar_log1mexp_f32(x)


cdef double softplus_f64(double x) noexcept nogil:
    return table.scalar_softplus_f64(x)


cdef float softplus_f32(float x) noexcept nogil:
    return table.scalar_softplus_f32(x)


cdef double sigmoid_f64(double x) noexcept nogil:
    return table.scalar_sigmoid_f64(x)


cdef float sigmoid_f32(float x) noexcept nogil:
    return table.scalar_sigmoid_f32(x)


cdef double normal_cdf_f64(double x) noexcept nogil:
    return table.scalar_normal_cdf_f64(x)


cdef float normal_cdf_f32(float x) noexcept nogil:
    return table.scalar_normal_cdf_f32(x)


cdef double log_normal_cdf_f64(double x) noexcept nogil:
    return table.scalar_log_normal_cdf_f64(x)


cdef float log_normal_cdf_f32(float x) noexcept nogil:
    return table.scalar_log_normal_cdf_f32(x)


cdef double normal_ppf_f64(double x) noexcept nogil:
    return table.scalar_normal_ppf_f64(x)


cdef float normal_ppf_f32(float x) noexcept nogil:
    return table.scalar_normal_ppf_f32(x)


cdef double normal_isf_f64(double x) noexcept nogil:
    return table.scalar_normal_isf_f64(x)


cdef float normal_isf_f32(float x) noexcept nogil:
    return table.scalar_normal_isf_f32(x)


cdef double normal_ppf_rn_f64(double x) noexcept nogil:
    return table.scalar_normal_ppf_rn_f64(x)


cdef float normal_ppf_rn_f32(float x) noexcept nogil:
    return table.scalar_normal_ppf_rn_f32(x)


cdef void put_elementwise(void *table_of_functions) noexcept:
    cdef af_api *api = <af_api*>table_of_functions
    api.exp_f64, api.exp_f32 = table.map_exp_f64, table.map_exp_f32
    api.expm1_f64, api.expm1_f32 = table.map_expm1_f64, table.map_expm1_f32
    api.log_f64, api.log_f32 = table.map_log_f64, table.map_log_f32
    api.log1p_f64, api.log1p_f32 = table.map_log1p_f64, table.map_log1p_f32
    api.log1mexp_f64, api.log1mexp_f32 = table.map_log1mexp_f64, table.map_log1mexp_f32
    api.softplus_f64, api.softplus_f32 = table.map_softplus_f64, table.map_softplus_f32
    api.sigmoid_f64, api.sigmoid_f32 = table.map_sigmoid_f64, table.map_sigmoid_f32
    api.normal_cdf_f64, api.normal_cdf_f32 = table.map_normal_cdf_f64, table.map_normal_cdf_f32
    api.log_normal_cdf_f64, api.log_normal_cdf_f32 = table.map_log_normal_cdf_f64, table.map_log_normal_cdf_f32
    api.normal_ppf_f64, api.normal_ppf_f32 = table.map_normal_ppf_f64, table.map_normal_ppf_f32
    api.normal_isf_f64, api.normal_isf_f32 = table.map_normal_isf_f64, table.map_normal_isf_f32
