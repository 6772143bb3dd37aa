# Largest differences of replicates (gaps.inc).

cdef extern from *:
    enum: GAPS_LANES_ "GAPS_LANES"

GAPS_LANES = GAPS_LANES_


def largest_gaps(const float[:, ::1] above, const float[:, ::1] below, const float[:, ::1] deviation,
                 Py_ssize_t first, Py_ssize_t last, float[:, ::1] out):
    """Write the largest weighted differences of blocks [first, last) of GAPS_LANES replicates of (items, count).

    `out` is (1, count) for all pairs, or (items, count) for those of every item.
    """
    cdef Py_ssize_t items = deviation.shape[0], count = deviation.shape[1], rows = out.shape[0], block
    cdef float *scratch
    if not items or not count:
        return
    scratch = <float *> allocate((items * GAPS_LANES_ + 1) // 2)
    with nogil:
        for block in range(first, last):
            table.gaps_largest(items, count, block * GAPS_LANES_, rows, &above[0, 0], &below[0, 0],
                               &deviation[0, 0], scratch, &out[0, 0])
    free(scratch)
