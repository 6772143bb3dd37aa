# Small fits of comparisons in one compiled call: start, Newton's method, and what certifies the maximum.
#
# The steps between the passes over the cells (starts, scores of mean zero) are few operations on K numbers; they are
# written here once, for small fits and all others. Sums have NumPy's order, in which earlier releases added, so that
# fits, and the bootstraps that start from them, keep their bits.

from libc.math cimport INFINITY, fabs, isfinite, sqrt
from libc.string cimport memcpy, memset

import numpy

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer

from alignment_fast.kernels.common.cpu cimport opened, opened_of

cdef object int32 = numpy.int32, int64 = numpy.int64
cdef object empty = numpy.empty, zeros = numpy.zeros, arctanh = numpy.arctanh

cdef enum:
    SHORT_ITEMS = 128       # beyond, the steps themselves take longer than the long way's overhead
    SHORT_CELLS = 1 << 14
    SUM_LEAF = 128
    HOME_SWEEPS = 8         # back and forth over the cells: random graphs need two or three

cdef double STEEPEST = 0.95  # largest entry of 2 atanh in the start: log-odds of 0.975
cdef double WIDEST = 1.0     # variance of the scores up to which they are spread
cdef double NOISE = 2.0**-50 # rounding of the gradient in standard errors, relative to the square root of all weight
cdef double EIGHTH_PI = 3.141592653589793 / 8.0


cdef double sum_of(Py_ssize_t n, const double *x) noexcept nogil:
    """Return the sum of n numbers by halves, eight lanes at the leaves: NumPy's order."""
    cdef double lane[8]
    cdef double total = 0.0
    cdef Py_ssize_t i, half
    cdef int l
    if n > SUM_LEAF:
        half = n // 2 - n // 2 % 8
        return sum_of(half, x) + sum_of(n - half, x + half)
    if n < 8:
        for i in range(n):
            total += x[i]
        return total
    for l in range(8):
        lane[l] = x[l]
    for i in range(8, n - n % 8, 8):
        for l in range(8):
            lane[l] += x[i + l]
    total = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]))
    for i in range(n - n % 8, n):
        total += x[i]
    return total


cdef void centre(Py_ssize_t items, double *u) noexcept nogil:
    """Bring the mean of the scores to zero."""
    cdef double mean = sum_of(items, u) / <double>items
    cdef Py_ssize_t i
    for i in range(items):
        u[i] -= mean


cdef double[::1] spread_start(Py_ssize_t items, const double *gradient, const double *diagonal, double *room):
    """Return the scores that one gradient at equal scores says, of mean zero; `room` has `items` numbers.

    Log-odds of each item's share of wins, by NumPy's own function, as in earlier releases. Against opponents whose
    scores have variance v, log-odds are about 1/√(1 + πv/8) of the score, so they have variance v/(1 + πv/8) themselves.
    """
    cdef double share, mean, variance, width
    cdef Py_ssize_t i
    cdef double[::1] scores = empty(items)
    for i in range(items):
        share = 0.5 * (gradient[i] / diagonal[i] if diagonal[i] > 0.0 else 0.0)
        scores[i] = STEEPEST if share > STEEPEST else -STEEPEST if share < -STEEPEST else share
    scores = arctanh(scores.base)
    for i in range(items):
        scores[i] *= 2.0
    mean = sum_of(items, &scores[0]) / <double>items
    for i in range(items):
        room[i] = (scores[i] - mean) * (scores[i] - mean)
    variance = sum_of(items, room) / <double>items
    width = sqrt(1.0 - EIGHTH_PI * (WIDEST if WIDEST < variance else variance))
    for i in range(items):
        scores[i] = scores[i] / width
    centre(items, &scores[0])
    return scores


cdef double evaluate_at(const ranking_problem *problem, const double *u, double *gradient,
                        double *diagonal) noexcept nogil:
    """Return the objective at `u`; write its gradient and the diagonal of its negated Hessian."""
    cdef Py_ssize_t n = ranking_unknowns(problem)
    cdef double totals[2]
    cdef ranking_sums sums
    memset(gradient, 0, <size_t>n * sizeof(double))
    memset(diagonal, 0, <size_t>n * sizeof(double))
    totals[0] = totals[1] = 0.0
    memset(&sums, 0, sizeof(ranking_sums))
    sums.gradient, sums.diagonal, sums.totals = gradient, diagonal, totals
    table.ranking_pass(problem, u, 0, problem.cells, &sums)
    if ranking_has_ties(problem.model):
        diagonal[n - 1] += totals[1]
    return totals[0] + prior_at(problem, u, gradient, diagonal)


cdef double prior_at(const ranking_problem *problem, const double *u, double *gradient,
                     double *diagonal) noexcept nogil:
    """Return the logarithm of the prior at `u`, and add its slope and curvature."""
    cdef double value = 0.0
    table.ranking_prior(problem, u, &value, gradient, diagonal, 1)
    return value


cdef inline bint is_free(const ranking_problem *problem) noexcept nogil:
    """Return whether all scores may move alike: there is no prior."""
    return problem.ridge == 0.0 and problem.gamma == 0.0


cdef inline Py_ssize_t room_of(Py_ssize_t n) noexcept nogil:
    """Return how many doubles `maximum_of` needs, and `spread_start`."""
    return ranking_scratch(n) + 3 * n


cdef double maximum_of(const ranking_problem *problem, double tolerance, int limit, double *u, double *room,
                       ranking_report *report, int *status) noexcept nogil:
    """Maximise from `u`, in place; return the largest entry of the gradient there, and its value in the report."""
    cdef Py_ssize_t n = ranking_unknowns(problem), i
    cdef double *gradient = room
    cdef double *diagonal = room + n
    cdef double largest = 0.0, entry
    if is_free(problem):
        centre(problem.items, u)
    status[0] = table.ranking_newton(problem, tolerance, limit, u, room + 2 * n, report)
    if is_free(problem):
        centre(problem.items, u)
    report.value = evaluate_at(problem, u, gradient, diagonal)
    for i in range(n):
        entry = fabs(gradient[i])
        if entry > largest or entry != entry:
            largest = entry
    return largest


def spread_scores(const double[::1] gradient, const double[::1] diagonal, Py_ssize_t items):
    """Return the scores of mean zero that the gradient at equal scores and the curvatures there say."""
    cdef double *room = allocate(items)
    try:
        return spread_start(items, &gradient[0], &diagonal[0], room).base
    finally:
        free(room)


# ---- one call for a fit ----


cdef bint both_won(const ranking_problem *problem) noexcept nogil:
    """Return whether there is a cell in which either item won."""
    cdef Py_ssize_t k
    for k in range(problem.cells):
        if problem.wins_first[k] > 0.0 and problem.wins_second[k] > 0.0:
            return True
    return False


cdef double total_of(Py_ssize_t n, const double *x) noexcept nogil:
    return 0.0 if x is NULL else sum_of(n, x)


cdef double weight_of(const ranking_problem *problem) noexcept nogil:
    cdef Py_ssize_t n = problem.cells
    return total_of(n, problem.ties) + total_of(n, problem.wins_first) + total_of(n, problem.wins_second)


cdef double share_of_ties(const ranking_problem *problem) noexcept nogil:
    return total_of(problem.cells, problem.ties) / weight_of(problem)


cdef double *lay_out(ranking_problem *problem, cells) except NULL:
    """Point `problem` to the cells, laid out as all pairs as `completed` does; return the memory behind them."""
    cdef const int32_t[::1] first = cells.first, second = cells.second
    cdef const double[::1] wins_first = cells.wins_first, wins_second = cells.wins_second, ties = cells.ties
    cdef const double **counts = [&wins_first[0], &wins_second[0], reals(ties)]
    cdef Py_ssize_t items = cells.n_items, given = first.shape[0], pairs = items * (items - 1) // 2
    cdef double *memory = allocate(4 * pairs + 1)
    cdef double **written = [memory, memory + pairs, memory + 2 * pairs]
    cdef int32_t *all_first = <int32_t*>(memory + 3 * pairs)
    problem.items, problem.cells, problem.first, problem.second = items, given, &first[0], &second[0]
    if pairs < 2 * given < 2 * pairs and ranking_complete(
        items, given, &first[0], &second[0], counts, 3 if ties.shape[0] else 2, all_first, all_first + pairs, written
    ):
        problem.cells, problem.first, problem.second = pairs, all_first, all_first + pairs
        counts[0], counts[1], counts[2] = memory, memory + pairs, memory + 2 * pairs if ties.shape[0] else NULL
    problem.wins_first, problem.wins_second, problem.ties = counts[0], counts[1], counts[2]
    problem.complete = ranking_is_complete(problem)
    return memory


cdef bint is_hopeful(const ranking_problem *problem, double *room) noexcept nogil:
    """Return whether the graph of wins, and pairs in which both won, show a finite maximum."""
    if is_free(problem) and not table.ranking_connected(problem, <uint8_t*>room):
        return False
    return not ranking_has_ties(problem.model) or both_won(problem)


cdef bint is_certain(const ranking_problem *problem, double tolerance, int limit, const double *u, double *room,
                     ranking_report *report) noexcept nogil:
    """Return whether the decrement is at most `tolerance`: before the last step, or else, by one more step, at `u`."""
    cdef ranking_report again
    cdef Py_ssize_t n = ranking_unknowns(problem), i
    cdef double *trial = room
    for i in range(n):
        if not isfinite(u[i]):
            return False
        trial[i] = u[i]
    if report.decrement <= tolerance:
        return isfinite(report.value)
    if report.iterations >= limit or NOISE * sqrt(weight_of(problem)) > tolerance:
        return False
    table.ranking_newton(problem, tolerance, 1, trial, room + n, &again)
    report.decrement = again.decrement
    report.iterations += 1
    return report.decrement <= tolerance and isfinite(again.step)


def short_fit(cells, int model, unknown_of_share, double ridge, double gamma, start, double tolerance, int limit):
    """Return the maximum, or None where the long way must decide: large, hopeless, or hard to certify.

    (unknowns, (value, largest entry of the gradient, decrement, last step, iterations), the prior's part of the value,
    whether there is a tie parameter). `unknown_of_share` is None for a model without one; else it gives the unknown for a
    share of ties. `start` are unknowns, or None.
    """
    cdef ranking_problem problem
    cdef ranking_report report
    cdef double share, largest, prior
    cdef double[::1] view, scores
    cdef double *u
    cdef double *room = NULL
    cdef double *memory = NULL
    cdef Py_ssize_t n
    cdef int status
    cdef bint has_tie
    if cells.n_items > SHORT_ITEMS or len(cells.first) > SHORT_CELLS:
        return None
    memset(&problem, 0, sizeof(ranking_problem))
    problem.model, problem.ridge, problem.gamma = model, ridge, gamma
    memory = lay_out(&problem, cells)
    try:
        share = share_of_ties(&problem)
        if unknown_of_share is not None and share == 0.0:
            problem.model = RANKING_BRADLEY_TERRY
        has_tie, n = ranking_has_ties(problem.model), ranking_unknowns(&problem)
        room = allocate(room_of(n) + n)
        if not is_hopeful(&problem, room):
            return None
        unknowns = zeros(n)
        view = unknowns
        u = &view[0]
        if start is not None:
            scores = start
            if scores.shape[0] != n:
                return None
            memcpy(u, &scores[0], <size_t>n * sizeof(double))
        else:
            if has_tie:
                u[n - 1] = unknown_of_share(share)
            evaluate_at(&problem, u, room, room + n)
            scores = spread_start(problem.items, room, room + n, room + 2 * n)
            memcpy(u, &scores[0], <size_t>problem.items * sizeof(double))
        largest = maximum_of(&problem, tolerance, limit, u, room, &report, &status)
        if status != RANKING_CONVERGED or not is_certain(&problem, tolerance, limit, u, room, &report):
            return None
        prior = prior_at(&problem, u, room, room + n)
        return (
            unknowns, (report.value, largest, report.decrement, report.step, <int>report.iterations), prior, has_tie
        )
    finally:
        free(room)
        free(memory)


# ---- one call for a likelihood ----

cdef enum:
    VALUE, GRADIENT, PRODUCT

SHORT_VALUE = VALUE
SHORT_GRADIENT = GRADIENT
SHORT_PRODUCT = PRODUCT


cdef bint read_scores(object given, Py_ssize_t items, double *out) noexcept:
    """Write one finite number per item; return whether `given` is an array of that many."""
    cdef Py_buffer view
    cdef Py_ssize_t i
    cdef char kind = opened(given, &view, 1)
    cdef bint good = kind != 0 and view.shape[0] == items
    for i in range(items if good else 0):
        out[i] = (<const double*>view.buf)[i] if kind == b'd' else (<const float*>view.buf)[i]
        good = good and isfinite(out[i])
    if kind:
        PyBuffer_Release(&view)
    return good


cdef void hessian_times(const ranking_problem *problem, const double *u, const double *v, double *room,
                        double *out) noexcept:
    """Write the Hessian of the log-likelihood at `u` times `v`; `room` has 2 (unknowns + cells) numbers."""
    cdef Py_ssize_t n = ranking_unknowns(problem), i
    cdef double totals[2]
    cdef ranking_sums sums
    cdef bint ties = ranking_has_ties(problem.model)
    memset(&sums, 0, sizeof(ranking_sums))
    memset(room, 0, <size_t>(2 * n) * sizeof(double))
    totals[0] = totals[1] = 0.0
    sums.gradient, sums.diagonal, sums.totals = room, room + n, totals
    sums.curvature, sums.mixed = room + 2 * n, room + 2 * n + problem.cells if ties else NULL
    table.ranking_pass(problem, u, 0, problem.cells, &sums)
    memset(out, 0, <size_t>n * sizeof(double))
    table.ranking_product(problem, sums.curvature, sums.mixed, v, 0, problem.cells, out)
    for i in range(problem.items):
        out[i] = -(out[i] + 0.0 * v[i])


def short_likelihood(int wanted, cells, int model, scores, vector, unknown):
    """Return the log-likelihood, its gradient, or its Hessian times `vector`, or None where the long way must decide.

    `unknown` is the logarithm of the tie parameter, or None.
    """
    cdef ranking_problem problem
    cdef double *memory = NULL
    cdef double *room = NULL
    cdef Py_ssize_t n
    cdef double[::1] out
    if cells.n_items > SHORT_ITEMS or len(cells.first) > SHORT_CELLS:
        return None
    memset(&problem, 0, sizeof(ranking_problem))
    problem.model = model
    memory = lay_out(&problem, cells)
    try:
        n = ranking_unknowns(&problem)
        room = allocate(6 * n + 2 * problem.cells)
        if not read_scores(scores, problem.items, room):
            return None
        if wanted == PRODUCT and not read_scores(vector, problem.items, room + n):
            return None
        if unknown is not None:
            room[n - 1], room[2 * n - 1] = unknown, 0.0
        if wanted == VALUE:
            return evaluate_at(&problem, room, room + 2 * n, room + 3 * n)
        if wanted == GRADIENT:
            evaluate_at(&problem, room, room + 2 * n, room + 3 * n)
        else:
            hessian_times(&problem, room, room + n, room + 3 * n, room + 2 * n)
        found = empty(problem.items)
        out = found
        memcpy(&out[0], room + 2 * n, <size_t>problem.items * sizeof(double))
        return found
    finally:
        free(room)
        free(memory)


# ---- home advantage ----


def home_is_told(cells):
    """Return whether a few sweeps show a cycle around which home advantage adds up: no scores can take its place.

    Scores whose differences are 1 where `first` is at home, and 0 elsewhere, are laid along a spanning tree; they are
    whole numbers. False where they fit every comparison, or where items are left that no sweep reached.
    """
    cdef const int32_t[::1] first = cells.first, second = cells.second
    cdef const double[::1] wins_first = cells.wins_first, wins_second = cells.wins_second, ties = cells.ties
    cdef const uint8_t[::1] home = cells.home
    cdef Py_ssize_t n = first.shape[0], reached = 1, before = 0, k, at, i, j
    cdef int64_t[::1] potential = zeros(cells.n_items, int64)
    cdef uint8_t[::1] known = bytearray(cells.n_items)
    cdef int sweep
    known[0] = 1
    for sweep in range(HOME_SWEEPS):
        before = reached
        for at in range(n):
            k = n - 1 - at if sweep % 2 else at
            i, j = first[k], second[k]
            if known[i] == known[j] or not (wins_first[k] + wins_second[k] + (ties[k] if ties.shape[0] else 0.0) > 0.0):
                continue
            if known[i]:
                potential[j] = potential[i] - home[k]
            else:
                potential[i] = potential[j] + home[k]
            known[i] = known[j] = 1
            reached += 1
        if reached == before and sweep:
            break
    if reached < cells.n_items:
        return False
    for k in range(n):
        if wins_first[k] + wins_second[k] + (ties[k] if ties.shape[0] else 0.0) > 0.0:
            if potential[first[k]] - potential[second[k]] != home[k]:
                return True
    return False


# ---- ranks ----


def ranks(const int64_t[:, ::1] order, const double[:, ::1] scores, double[:, ::1] out):
    """Write one more than the number of higher scores of the same row; `order` sorts rows, NaN last."""
    cdef Py_ssize_t items = scores.shape[1], row, place, item
    cdef double rank, above
    for row in range(scores.shape[0]):
        rank, above = 1.0, INFINITY
        for place in range(items - 1, -1, -1):
            item = order[row, place]
            if scores[row, item] < above:
                rank, above = <double>(items - place), scores[row, item]
            out[row, item] = rank if scores[row, item] == scores[row, item] else NOT_A_NUMBER


# ---- one call for a matrix of wins ----


cdef inline double entry(const double[:, ::1] x, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
    return x[i, j] if x.shape[0] else 0.0


cdef Py_ssize_t matrix_cells(const double[:, ::1] wins, const double[:, ::1] ties, compress_cells *cells) noexcept nogil:
    """Return how many pairs met, or -1 for a bad entry; write their cells unless `cells` is NULL."""
    cdef Py_ssize_t n = wins.shape[0], count = 0, i, j
    cdef double won, lost, tied
    for i in range(n):
        if wins[i, i] != 0.0 or entry(ties, i, i) != 0.0:
            return -1
        for j in range(i + 1, n):
            won, lost, tied = wins[i, j], wins[j, i], entry(ties, i, j)
            if not (0.0 <= won < INFINITY and 0.0 <= lost < INFINITY and 0.0 <= tied < INFINITY):
                return -1
            if tied != entry(ties, j, i):
                return -1
            if won + lost + tied > 0.0:
                if cells is not NULL:
                    cells.first[count], cells.second[count] = <int32_t>i, <int32_t>j
                    cells.wins_first[count], cells.wins_second[count] = won + 0.0, lost + 0.0  # no negative zeros
                    if cells.ties is not NULL:
                        cells.ties[count] = tied + 0.0
                count += 1
    return count


def short_matrix(const double[:, ::1] wins, ties):
    """Return what `short_compress` does of a matrix of wins and one of ties, or None for what is bad or says nothing."""
    cdef const double[:, ::1] tied = empty((0, 0)) if ties is None else ties
    cdef compress_cells out
    cdef Py_ssize_t n = wins.shape[0], count
    if wins.shape[1] != n or (ties is not None and (tied.shape[0] != n or tied.shape[1] != n)):
        return None
    count = matrix_cells(wins, tied, NULL)
    if count <= 0:
        return None
    arrays = unwritten(count, ties is not None, &out)
    matrix_cells(wins, tied, &out)
    return (n, *arrays)


# ---- one call for a compression ----

cdef enum:
    SHORT_ROWS = 1 << 13
    SHORT_TABLE_ITEMS = 64
    SHORT_TABLE = 2 * SHORT_TABLE_ITEMS * SHORT_TABLE_ITEMS


cdef int64_t number_of_items(const compress_rows *rows) noexcept nogil:
    """Return one more than the highest index, or 0 where one is negative."""
    cdef int64_t highest = -1, one, other
    cdef Py_ssize_t i
    for i in range(rows.size):
        one = (<const int64_t*>rows.winner)[i] if rows.wide else (<const int32_t*>rows.winner)[i]
        other = (<const int64_t*>rows.loser)[i] if rows.wide else (<const int32_t*>rows.loser)[i]
        if one < 0 or other < 0:
            return 0
        highest = max(highest, one, other)
    return highest + 1


cdef object unwritten(Py_ssize_t count, bint ties, compress_cells *out):
    """Return new arrays (first, second, wins of first, wins of second, ties) of so many cells, and point `out` to them."""
    cdef int32_t[::1] first, second
    cdef double[::1] wins_first, wins_second, tied
    arrays = empty(count, int32), empty(count, int32), empty(count), empty(count), empty(count if ties else 0)
    first, second, wins_first, wins_second, tied = arrays
    memset(out, 0, sizeof(compress_cells))
    out.first, out.second, out.wins_first, out.wins_second = &first[0], &second[0], &wins_first[0], &wins_second[0]
    out.ties = &tied[0] if ties else NULL
    return arrays


cdef object new_cells(const uint32_t *tallies, int32_t n_items, bint ties):
    """Return what `unwritten` does, for the cells of `tallies`, and written."""
    cdef compress_cells out
    memset(&out, 0, sizeof(compress_cells))
    arrays = unwritten(table.compress_table_cells(tallies, False, n_items, ties, False, &out), ties, &out)
    table.compress_table_cells(tallies, False, n_items, ties, False, &out)
    return arrays


cdef object counted(compress_rows *rows, n_items, tied):
    """Return what `short_compress` does of rows whose indices are held."""
    cdef uint32_t tallies[SHORT_TABLE]
    cdef uint64_t words[COMPRESS_STATUS]
    cdef Py_buffer kinds
    cdef bint ties = tied is not None
    cdef Py_ssize_t i
    if n_items is not None and (type(n_items) is not int or not 0 < n_items <= SHORT_TABLE_ITEMS):
        return None
    rows.n_items = number_of_items(rows) if n_items is None else n_items
    if not 0 < rows.n_items <= SHORT_TABLE_ITEMS or rows.size > SHORT_ROWS:
        return None
    if ties:
        if not opened_of(b"?", tied, &kinds, 1):
            return None
        rows.kind = <const uint8_t*>kinds.buf
    memset(tallies, 0, <size_t>(2 * rows.n_items * rows.n_items) * sizeof(uint32_t))
    for i in range(COMPRESS_STATUS):
        words[i] = AF_OK
    if not ties or kinds.shape[0] == rows.size:
        table.compress_tally(rows, 0, rows.size, tallies, words)
    else:
        words[0] = 0
    if ties:
        PyBuffer_Release(&kinds)
    for i in range(COMPRESS_STATUS):
        if words[i] != AF_OK:
            return None
    return (rows.n_items, *new_cells(tallies, <int32_t>rows.n_items, ties))


def short_compress(winner, loser, n_items, tied):
    """Return (number of items, first, second, wins of first, wins of second, ties) of the cells of few comparisons.

    Each row counts one; None where the long way must decide. `tied` is an array of truth values or None.
    """
    cdef Py_buffer one, other
    cdef compress_rows rows
    memset(&rows, 0, sizeof(compress_rows))
    if not opened_of(b"il", winner, &one, 1):
        return None
    try:
        if not opened_of(b"il", loser, &other, 1):
            return None
        try:
            if other.format[0] != one.format[0] or other.shape[0] != one.shape[0]:
                return None
            rows.size, rows.wide, rows.winner, rows.loser = one.shape[0], one.itemsize == 8, one.buf, other.buf
            return counted(&rows, n_items, tied)
        finally:
            PyBuffer_Release(&other)
    finally:
        PyBuffer_Release(&one)
