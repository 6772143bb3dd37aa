# Cells of two sets of comparisons put together, or taken apart.

# What subtracting a sum of weights from itself, added up in another order, may leave of it.
cdef double CANCELLED = 1e-12


cdef struct sorted_cells:
    Py_ssize_t count
    const int32_t *first
    const int32_t *second
    const double *wins_first
    const double *wins_second
    const double *ties
    const uint8_t *home


cdef sorted_cells sorted_of(cells):
    """Return pointers into the arrays of cells."""
    cdef sorted_cells out
    cdef const int32_t[::1] first = cells.first, second = cells.second
    cdef const double[::1] wins_first = cells.wins_first, wins_second = cells.wins_second, ties = cells.ties
    cdef const uint8_t[::1] home = cells.home
    memset(&out, 0, sizeof(sorted_cells))
    out.count = first.shape[0]
    if out.count:
        out.first, out.second, out.wins_first, out.wins_second = &first[0], &second[0], &wins_first[0], &wins_second[0]
    out.ties = reals(ties)
    out.home = &home[0] if home.shape[0] else NULL
    return out


cdef inline int64_t order_of(const sorted_cells *a, Py_ssize_t i, const sorted_cells *b, Py_ssize_t j) noexcept nogil:
    """Return which comes first, cell i of `a` (negative) or cell j of `b` (positive), 0 where they are the same."""
    if i == a.count or j == b.count:
        return 1 if i == a.count else -1
    if a.first[i] != b.first[j]:
        return <int64_t>a.first[i] - b.first[j]
    if a.second[i] != b.second[j]:
        return <int64_t>a.second[i] - b.second[j]
    return (a.home[i] if a.home is not NULL else 0) - <int64_t>(b.home[j] if b.home is not NULL else 0)


cdef inline double total_of(const double *mine, Py_ssize_t i, const double *others, Py_ssize_t j, double sign) noexcept nogil:
    """Return the sum of two counts, of which either may be missing (-1); what rounding alone keeps from 0 is 0."""
    cdef double one = mine[i] if i >= 0 and mine is not NULL else 0.0
    cdef double other = sign * others[j] if j >= 0 and others is not NULL else 0.0
    cdef double total = one + other
    return 0.0 if fabs(total) <= CANCELLED * (fabs(one) + fabs(other)) else total


cdef Py_ssize_t merged_into(const sorted_cells *a, const sorted_cells *b, double sign, compress_cells *out) noexcept nogil:
    """Return how many cells of a + sign b say anything, and write them where `out` is not NULL."""
    cdef Py_ssize_t i = 0, j = 0, mine, other, count = 0
    cdef const sorted_cells *here
    cdef Py_ssize_t at
    cdef int64_t order
    cdef double won, lost, tied
    while i < a.count or j < b.count:
        order = order_of(a, i, b, j)
        mine, other = i if order <= 0 else -1, j if order >= 0 else -1
        i += order <= 0
        j += order >= 0
        won = total_of(a.wins_first, mine, b.wins_first, other, sign)
        lost = total_of(a.wins_second, mine, b.wins_second, other, sign)
        tied = total_of(a.ties, mine, b.ties, other, sign)
        if won == 0.0 and lost == 0.0 and tied == 0.0:
            continue
        if out is not NULL:
            here = a if mine >= 0 else b
            at = mine if mine >= 0 else other
            out.first[count], out.second[count] = here.first[at], here.second[at]
            out.wins_first[count], out.wins_second[count] = won, lost
            if out.ties is not NULL:
                out.ties[count] = tied
            if out.home is not NULL:
                out.home[count] = here.home[at] if here.home is not NULL else 0
        count += 1
    return count


def merged_cells(a, b, double sign):
    """Return (first, second, wins of first, wins of second, ties, home) of the cells of a + sign b, both in order.

    Counts that rounding alone keeps from 0 are 0, true deficits are negative; cells without any are left out.
    """
    cdef sorted_cells one = sorted_of(a), other = sorted_of(b)
    cdef compress_cells out
    cdef Py_ssize_t count
    with nogil:
        count = merged_into(&one, &other, sign, NULL)
    arrays = unwritten(count, one.ties is not NULL or other.ties is not NULL,
                       one.home is not NULL or other.home is not NULL, &out)
    with nogil:
        merged_into(&one, &other, sign, &out)
    return arrays
