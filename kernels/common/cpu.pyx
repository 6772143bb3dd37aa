"""The instruction set in use, and the loops that belong to no family: moments, elementwise scalar functions.

The choice is made once, when this module is first imported: the widest variant that this processor runs, or what
``ALIGNMENT_FAST_ISA`` says. Every family takes its table from the same name, `ISA`.
"""

import os

cdef extern from *:
    """
    #define AF_LOOPS "common/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct af_moments:
        double count, mean, m2, m3, m4, minimum, maximum
    ctypedef struct af_table:
        void (*moments_blocks)(Py_ssize_t, const double*, Py_ssize_t, Py_ssize_t, af_moments*) noexcept nogil
        void (*moments_fold)(Py_ssize_t, const af_moments*, af_moments*) noexcept nogil
    int af_isa_supported(const char *isa)
    const af_table *af_select(const char *isa)
    const Py_ssize_t AF_BLOCK

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
