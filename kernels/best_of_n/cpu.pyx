"""Entry points of the best-of-N loops."""

from alignment_fast.kernels.common.cpu import ISA

cdef extern from *:
    """
    #define AF_LOOPS "best_of_n/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct af_table:
        const char *isa
    const af_table *af_select(const char *isa)

cdef const af_table *table = af_select(ISA.encode())


# ---- exact laws (law.inc) ----


# ---- simulation (simulation.inc) ----
