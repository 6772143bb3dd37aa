"""Entry points of the ranking loops: comparisons and their compression, likelihoods and their maxima."""

from alignment_fast.kernels.common.cpu import ISA

cdef extern from *:
    """
    #define AF_LOOPS "ranking/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct ranking_terms:
        pass
    ctypedef struct af_table:
        # likelihood.inc
        void (*cell_terms)(int, Py_ssize_t, const double*, const double*, const double*, const double*, double,
                           ranking_terms*) noexcept nogil
    const af_table *af_select(const char *isa)
    const Py_ssize_t RANKING_TERMS

cdef const af_table *table = af_select(ISA.encode())
