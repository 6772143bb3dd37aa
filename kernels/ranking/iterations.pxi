# Votes one by one (votes.inc), and iterations for strengths as other packages take them (iterations.inc).

VOTE_TIE, VOTE_FIRST, VOTE_SECOND = VOTES_TIE, VOTES_FIRST, VOTES_SECOND


cdef votes votes_of(const int32_t[::1] first, const int32_t[::1] second, const int8_t[::1] winner,
                    const double[::1] weight) noexcept:
    """Return votes; there is at least one, and `weight` may be None."""
    cdef votes given
    given.size, given.first, given.second, given.winner = first.shape[0], &first[0], &second[0], &winner[0]
    given.weight = reals(weight)
    return given


cdef enum:
    SMALL = 65536
    CODED = 4096  # votes whose codes are made at a time


def number_small_integers(const int64_t[::1] first, const int64_t[::1] second):
    """Return (number of each value plus 1, values) in the order of appearance; None where one is not in [0, 65536)."""
    numbers = numpy.zeros(SMALL, int32)
    cdef int32_t[::1] slot = numbers
    cdef int64_t[::1] name = empty(SMALL, numpy.int64)
    cdef Py_ssize_t known = 0
    with nogil:
        if first.shape[0]:
            known = table.votes_numbers(first.shape[0], &first[0], SMALL, known, &slot[0], &name[0])
        if second.shape[0] and known >= 0:
            known = table.votes_numbers(second.shape[0], &second[0], SMALL, known, &slot[0], &name[0])
    return None if known < 0 else (numbers, numpy.array(name[:known]))


def codes_of_small_integers(const int64_t[::1] values, const int32_t[::1] numbers):
    """Return the codes of values that `number_small_integers` has numbered."""
    codes = empty(values.shape[0], int32)
    cdef int32_t[::1] out = codes
    if values.shape[0]:
        with nogil:
            table.votes_codes(values.shape[0], &values[0], &numbers[0], &out[0])
    return codes


cdef extern from *:
    enum: VOTES_BITS

cdef enum:
    FIRST_BITS = 4
    MOST_VOTES = 0x7FFFFFFF


cdef Py_ssize_t values_in_order(const int64_t[::1] values, const uint32_t[::1] seen, Py_ssize_t first,
                                uint8_t[::1] known, int64_t[::1] name, Py_ssize_t count) noexcept:
    """Add the values in the order in which they first appear, as far as all that are seen have; return their number."""
    cdef Py_ssize_t i, left = 0
    for i in range(known.shape[0]):
        left += seen[first + i] != 0 and not known[i]
    i = 0
    while left:
        if not known[values[i]]:
            known[values[i]] = 1
            name[count] = values[i]
            count += 1
            left -= 1
        i += 1
    return count


def count_small_integers(const int64_t[::1] first, const int64_t[::1] second, const int8_t[::1] winner):
    """Return (values in the order of appearance, matrix of wins, matrix of ties) of votes between small integers.

    Return None where one is not in [0, 256), a winner is none, or votes are few beside the pairs of values.
    """
    cdef Py_ssize_t n = first.shape[0], known
    cdef int bits = FIRST_BITS
    cdef int64_t left = 1
    cdef uint32_t[::1] counts, seen
    cdef double[:, ::1] wins, ties
    cdef int64_t[::1] name = empty(1 << VOTES_BITS, numpy.int64)
    cdef uint8_t[::1] named
    if not 0 < n < MOST_VOTES:
        return None
    while left:
        if bits > VOTES_BITS or 3 << 2 * bits > 8 * n + 4096:
            return None
        counts = numpy.zeros(3 << 2 * bits, numpy.uint32)
        with nogil:
            left = table.votes_counts(n, &first[0], &second[0], &winner[0], bits, &counts[0])
        if left < 0:
            return None
        while left >> bits:
            bits += 1
            if bits > VOTES_BITS:
                return None
    seen, named = empty(2 << bits, numpy.uint32), numpy.zeros(1 << bits, numpy.uint8)
    table.votes_seen(bits, &counts[0], &seen[0])
    known = values_in_order(first, seen, 0, named, name, 0)
    known = values_in_order(second, seen, 1 << bits, named, name, known)
    won, tied = empty((known, known)), empty((known, known))
    wins, ties = won, tied
    table.votes_of_counts(known, &name[0], bits, &counts[0], &wins[0, 0], &ties[0, 0])
    return numpy.array(name[:known]), won, tied


def vote_matrices(const int32_t[::1] first, const int32_t[::1] second, const int8_t[::1] winner,
                  const double[::1] weight, double[:, ::1] wins, double[:, ::1] ties):
    """Add votes to matrices of zeros: of i over j to ``wins[i, j]``, ties to ``ties[i, j]`` and ``ties[j, i]``.

    Returns how many votes are neither.
    """
    cdef votes given
    cdef Py_ssize_t unknown = 0
    if first.shape[0]:
        given = votes_of(first, second, winner, weight)
        with nogil:
            unknown = table.votes_matrices(&given, wins.shape[0], &wins[0, 0], &ties[0, 0])
            table.votes_mirrored(wins.shape[0], &ties[0, 0])
    return unknown


def integer_vote_matrices(const int64_t[::1] first, const int64_t[::1] second, const int32_t[::1] numbers,
                          const int8_t[::1] winner, const double[::1] weight, double[:, ::1] wins, double[:, ::1] ties):
    """Add votes between numbered values to matrices, as `vote_matrices`; codes are made a block at a time."""
    cdef votes given
    cdef Py_ssize_t block, at, unknown = 0, n = first.shape[0]
    cdef int32_t[CODED] one
    cdef int32_t[CODED] other
    cdef const double *weights = reals(weight)
    with nogil:
        given.first, given.second = &one[0], &other[0]
        for block in range((n + CODED - 1) // CODED):
            at = block * CODED
            given.size = min(n - at, <Py_ssize_t>CODED)
            given.winner = &winner[at]
            given.weight = weights + at if weights is not NULL else weights
            table.votes_codes(given.size, &first[at], &numbers[0], one)
            table.votes_codes(given.size, &second[at], &numbers[0], other)
            unknown += table.votes_matrices(&given, wins.shape[0], &wins[0, 0], &ties[0, 0])
        if n:
            table.votes_mirrored(wins.shape[0], &ties[0, 0])
    return unknown


def vote_points(const int32_t[::1] first, const int32_t[::1] second, const int8_t[::1] winner,
                const double[::1] weight, rules, bint exact, double[::1] points):
    """Add what votes are worth to points, vote by vote; `rules`: logits in a point, k, weight of wins, of ties.

    Returns how many votes have no winner and are no tie.
    """
    cdef votes given
    cdef Py_ssize_t unknown = 0
    cdef votes_rules of
    of.unit, of.k, of.win_weight, of.tie_weight = rules
    if first.shape[0]:
        given = votes_of(first, second, winner, weight)
        with nogil:
            unknown = table.votes_points(&given, &of, exact, &points[0])
    return unknown


def strengths(const double[:, ::1] wins, const double[:, ::1] losses, double tolerance, Py_ssize_t limit,
              double[::1] score):
    """Iterate strengths in place, from the matrix of wins and its transpose; return the number of sweeps."""
    cdef strengths_counts counts
    cdef Py_ssize_t n = score.shape[0], sweeps = 0
    cdef double *scratch
    if n:
        counts.items, counts.wins, counts.losses = n, &wins[0, 0], &losses[0, 0]
        scratch = allocate(3 * n)
        with nogil:
            sweeps = table.strengths(&counts, tolerance, limit, scratch, &score[0])
        free(scratch)
    return sweeps


def tied_strengths(const double[:, ::1] points, const double[:, ::1] points_lost, const double[:, ::1] wins,
                   const double[:, ::1] ties, double v, double tolerance, Py_ssize_t limit, double[::1] score):
    """Iterate strengths and tie parameter, strengths in place; return (sweeps, the last v, the one after it)."""
    cdef tied_counts counts
    cdef Py_ssize_t n = score.shape[0], sweeps = 0
    cdef double *scratch
    cdef double[2] chance = [v, v]
    if n:
        counts.items, counts.points, counts.points_lost = n, &points[0, 0], &points_lost[0, 0]
        counts.wins, counts.ties = &wins[0, 0], &ties[0, 0]
        scratch = allocate(6 * n)
        with nogil:
            sweeps = table.tied(&counts, tolerance, limit, scratch, chance, &score[0])
        free(scratch)
    return sweeps, chance[0], chance[1]


def power(const double[:, ::1] matrix, double tolerance, Py_ssize_t limit, double[::1] score):
    """Iterate the leading eigenvector of the transpose of `matrix` in place; return the number of sweeps."""
    cdef Py_ssize_t n = score.shape[0], sweeps = 0
    cdef double *scratch
    if n:
        scratch = allocate(n)
        with nogil:
            sweeps = table.power(n, &matrix[0, 0], tolerance, limit, scratch, &score[0])
        free(scratch)
    return sweeps


def pair_sums(const int64_t[::1] first, const int64_t[::1] second, const double[::1] times, const double[::1] weight,
              double[::1] sums):
    """Add times / (weight of first + weight of second) to the sums of both."""
    if first.shape[0]:
        with nogil:
            table.pair_sums(first.shape[0], &first[0], &second[0], &times[0], &weight[0], &sums[0])


def ep_pass(const int64_t[:, ::1] pair, const int64_t[::1] order, bint logit, double[::1] tau, double[::1] nu,
            double[:, ::1] covariance, double[::1] mean, double[::1] shift, double[:, ::1] precision):
    """Match moments of each pair once, in order; everything behind `logit` is carried along in place."""
    cdef ep_state state
    cdef double *scratch
    if order.shape[0]:
        state.pairs, state.items, state.logit = order.shape[0], mean.shape[0], logit
        state.pair, state.order, state.tau, state.nu = &pair[0, 0], &order[0], &tau[0], &nu[0]
        state.covariance, state.mean, state.shift = &covariance[0, 0], &mean[0], &shift[0]
        state.precision = &precision[0, 0]
        scratch = allocate(mean.shape[0])
        with nogil:
            table.ep_pass(&state, scratch)
        free(scratch)
