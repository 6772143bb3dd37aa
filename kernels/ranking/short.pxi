# Small fits of comparisons in one compiled call: start, Newton's method, and what certifies the maximum.
#
# The steps between the passes over the cells (starts, scores of mean zero) are few operations on K numbers; they are
# written here once, for small fits and all others. Sums have NumPy's order, in which earlier releases added, so that
# fits, and the bootstraps that start from them, keep their bits.

from libc.float cimport DBL_MAX
from libc.math cimport INFINITY, fabs, isnan, sqrt
from libc.string cimport memcpy, memset

import numpy

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer

from alignment_fast.kernels.common.cpu cimport opened, opened_of

cdef object int32 = numpy.int32, int64 = numpy.int64, float64 = numpy.float64, uint8 = numpy.uint8
cdef object empty = numpy.empty, arctanh = numpy.arctanh

cdef enum:
    SHORT_ITEMS = 128       # beyond, the steps themselves take longer than the general path's overhead
    SHORT_CELLS = 1 << 14

cdef double STEEPEST = 0.95  # largest entry of 2 atanh in the start: log-odds of 0.975
cdef double WIDEST = 1.0     # variance of the scores up to which they are spread
cdef double EIGHTH_PI = 3.141592653589793 / 8.0


cdef double[::1] spread_start(Py_ssize_t items, const double *gradient, const double *diagonal, double *scratch):
    """Return the scores that one gradient at equal scores says, of mean zero; `scratch` has `items` numbers.

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
    mean = table.ranking_sum(items, &scores[0]) / <double>items
    for i in range(items):
        scratch[i] = (scores[i] - mean) * (scores[i] - mean)
    variance = table.ranking_sum(items, scratch) / <double>items
    width = sqrt(1.0 - EIGHTH_PI * (WIDEST if WIDEST < variance else variance))
    for i in range(items):
        scores[i] = scores[i] / width
    table.ranking_centre(items, &scores[0])
    return scores


cdef double prior_at(const ranking_problem *problem, const double *u, double *gradient,
                     double *diagonal) noexcept nogil:
    """Return the logarithm of the prior at `u`, and add its slope and curvature."""
    cdef double value = 0.0
    table.ranking_prior(problem, u, &value, gradient, diagonal, 1)
    return value


def spread_scores(const double[::1] gradient, const double[::1] diagonal, Py_ssize_t items):
    """Return the scores of mean zero that the gradient at equal scores and the curvatures there say."""
    cdef double *scratch = allocate(items)
    try:
        return spread_start(items, &gradient[0], &diagonal[0], scratch).base
    finally:
        free(scratch)


# ---- one call for a fit ----


cdef bint both_won(const ranking_problem *problem) noexcept nogil:
    """Return whether there is a cell in which either item won."""
    cdef Py_ssize_t k
    for k in range(problem.cells):
        if problem.wins_first[k] > 0.0 and problem.wins_second[k] > 0.0:
            return True
    return False


cdef double *lay_out(ranking_problem *problem, cells, bint in_rows) except NULL:
    """Point `problem` to the cells, `in_rows` as all pairs as `completed` does; return the memory behind them."""
    cdef const int32_t[::1] first = cells.first, second = cells.second
    cdef const double[::1] wins_first = cells.wins_first, wins_second = cells.wins_second, ties = cells.ties
    cdef const double **counts = [&wins_first[0], &wins_second[0], reals(ties)]
    cdef Py_ssize_t items = cells.n_items, given = first.shape[0], pairs = items * (items - 1) // 2
    cdef double *memory = allocate(4 * pairs + 1)
    cdef double **written = [memory, memory + pairs, memory + 2 * pairs]
    cdef int32_t *all_first = <int32_t*>(memory + 3 * pairs)
    problem.items, problem.cells, problem.first, problem.second = items, given, &first[0], &second[0]
    if in_rows and pairs < 2 * given < 2 * pairs and ranking_complete(
        items, given, &first[0], &second[0], counts, 3 if ties.shape[0] else 2, all_first, all_first + pairs, written
    ):
        problem.cells, problem.first, problem.second = pairs, all_first, all_first + pairs
        counts[0], counts[1], counts[2] = memory, memory + pairs, memory + 2 * pairs if ties.shape[0] else NULL
    problem.wins_first, problem.wins_second, problem.ties = counts[0], counts[1], counts[2]
    problem.complete = ranking_is_complete(problem)
    return memory


cdef bint is_joined(const ranking_problem *problem) except -1:
    """Return whether the graph of those who met is connected."""
    cdef ranking_problem both = problem[0]
    cdef double *met = allocate(problem.cells + problem.items)
    cdef Py_ssize_t k
    for k in range(problem.cells):
        met[k] = problem.wins_first[k] + problem.wins_second[k]
    both.wins_first = both.wins_second = met
    joined = table.ranking_connected(&both, <uint8_t*>(met + problem.cells))
    free(met)
    return joined


cdef bint is_hopeful(const ranking_problem *problem, const uint8_t *home, bint reduced) except -1:
    """Return whether the graph of wins, and pairs in which both won, show a finite maximum.

    `home`: whether each first item was at home, where that advantage is fitted; `reduced`: with bias reduction.
    """
    cdef Py_ssize_t n = problem.items
    cdef bint good = True
    cdef double *scratch = allocate(2 * n + 2 * n * n)
    if ranking_is_free(problem):
        good = table.ranking_connected(problem, <uint8_t*>scratch) or (reduced and is_joined(problem))
    if good and home is not NULL:
        good = (ranking_is_free(problem) and table.home_is_told(problem, home, <int64_t*>scratch, <uint8_t*>(scratch + n))
                and (reduced or table.home_is_bounded(problem, home, <int8_t*>scratch)))
    elif good and ranking_has_ties(problem.model):
        good = both_won(problem)
    free(scratch)
    return good


cdef void with_home(ranking_problem *problem, covariates) except *:
    """Add the column of home advantage, which `covariates` holds as long as the problem lives."""
    cdef const int64_t[::1] start = covariates.start
    cdef const int32_t[::1] column = covariates.column
    cdef const double[::1] value = covariates.value
    problem.covariates, problem.start, problem.column, problem.value = 1, &start[0], &column[0], &value[0]


cdef bint start_from(const ranking_problem *problem, start, object tie_unknown, double *u, double *scratch) except -1:
    """Write the first unknowns; return whether `start`, if it is given, fits. `scratch` has 3 numbers for each."""
    cdef Py_ssize_t n = ranking_unknowns(problem)
    cdef double[::1] scores
    memset(u, 0, <size_t>n * sizeof(double))
    if start is not None:
        scores = start
        if scores.shape[0] != n:
            return False
        memcpy(u, &scores[0], <size_t>n * sizeof(double))
        return True
    if ranking_has_ties(problem.model):
        u[n - 1] = tie_unknown(table.ranking_sum(problem.cells, problem.ties),
                               table.ranking_sum(problem.cells, problem.wins_first),
                               table.ranking_sum(problem.cells, problem.wins_second))
    table.ranking_evaluate(problem, u, scratch, scratch + n)
    scores = spread_start(problem.items, scratch, scratch + n, scratch + 2 * n)
    memcpy(u, &scores[0], <size_t>problem.items * sizeof(double))
    return True


cdef bint maximised(const ranking_problem *problem, double tolerance, int limit, bint reduced, double *u, double *scratch,
                    ranking_report *report, double *largest) noexcept nogil:
    """Maximise from `u`, in place; return whether that is certain."""
    if reduced:
        return table.ranking_reduce_bias(problem, tolerance, limit, u, scratch, report, largest)
    return (table.ranking_maximum(problem, tolerance, limit, u, scratch, report, largest) == RANKING_CONVERGED
            and table.ranking_is_certain(problem, tolerance, limit, u, scratch, report))


def short_fit(cells, int model, tie_unknown, double ridge, double gamma, covariates, bint reduced, start,
              double tolerance, int limit):
    """Return the maximum, or None where the general path must decide: large, hopeless, or hard to certify.

    (unknowns, (value, largest entry of the gradient, decrement, last step, iterations), the prior's part of the value,
    whether there is a tie parameter). `tie_unknown` is None for a model without one; else it gives the unknown for
    weights of ties and of wins of either side. `covariates` are those of home advantage, or none; `reduced`: with bias
    reduction. `start` are unknowns, or None.
    """
    cdef ranking_problem problem
    cdef ranking_report report
    cdef double largest, prior
    cdef double[::1] view
    cdef const uint8_t[::1] sides
    cdef const uint8_t *home = NULL
    cdef double *scratch = NULL
    cdef double *memory = NULL
    cdef Py_ssize_t n
    cdef bint has_tie, found
    if cells.n_items > SHORT_ITEMS or len(cells.first) > SHORT_CELLS:
        return None
    memset(&problem, 0, sizeof(ranking_problem))
    problem.model, problem.ridge, problem.gamma = model, ridge, gamma
    memory = lay_out(&problem, cells, not covariates.width)
    try:
        if covariates.width:
            sides = cells.home
            home = &sides[0]
            with_home(&problem, covariates)
        if tie_unknown is not None and (problem.ties is NULL or not table.ranking_sum(problem.cells, problem.ties) > 0.0):
            problem.model = RANKING_BRADLEY_TERRY
        has_tie, n = ranking_has_ties(problem.model), ranking_unknowns(&problem)
        if not is_hopeful(&problem, home, reduced):
            return None
        scratch = allocate(ranking_bias_scratch(n, problem.cells if reduced else 0))
        unknowns = empty(n)
        view = unknowns
        if not start_from(&problem, start, tie_unknown, &view[0], scratch):
            return None
        with nogil:
            found = maximised(&problem, tolerance, limit, reduced, &view[0], scratch, &report, &largest)
        if not found:
            return None
        prior = prior_at(&problem, &view[0], scratch, scratch + n)
        return (
            unknowns, (report.value, largest, report.decrement, report.step, <int>report.iterations), prior, has_tie
        )
    finally:
        free(scratch)
        free(memory)


# ---- one call for a likelihood ----

cdef enum:
    VALUE, GRADIENT, PRODUCT

SHORT_VALUE = VALUE
SHORT_GRADIENT = GRADIENT
SHORT_PRODUCT = PRODUCT


cdef bint read_scores(object given, Py_ssize_t items, double *out) noexcept:
    """Write one number per item; return whether `given` is an array of that many, whose differences are finite."""
    cdef Py_buffer view
    cdef Py_ssize_t i
    cdef char kind = opened(given, &view, 1)
    cdef bint good = kind != 0 and view.shape[0] == items
    for i in range(items if good else 0):
        out[i] = (<const double*>view.buf)[i] if kind == b'd' else (<const float*>view.buf)[i]
        good = good and fabs(out[i]) <= 0.25 * DBL_MAX
    if kind:
        PyBuffer_Release(&view)
    return good


cdef void hessian_times(const ranking_problem *problem, const double *u, const double *v, double *scratch,
                        double *out) noexcept:
    """Write the Hessian of the log-likelihood at `u` times `v`; `scratch` has 2 (unknowns + cells) numbers."""
    cdef Py_ssize_t n = ranking_unknowns(problem), i
    cdef double totals[2]
    cdef ranking_sums sums
    cdef bint ties = ranking_has_ties(problem.model)
    memset(&sums, 0, sizeof(ranking_sums))
    memset(scratch, 0, <size_t>(2 * n) * sizeof(double))
    totals[0] = totals[1] = 0.0
    sums.gradient, sums.diagonal, sums.totals = scratch, scratch + n, totals
    sums.curvature, sums.mixed = scratch + 2 * n, scratch + 2 * n + problem.cells if ties else NULL
    table.ranking_pass(problem, u, 0, problem.cells, &sums)
    memset(out, 0, <size_t>n * sizeof(double))
    table.ranking_product(problem, sums.curvature, sums.mixed, v, 0, problem.cells, out)
    for i in range(problem.items):
        out[i] = -(out[i] + 0.0 * v[i])


def short_likelihood(int wanted, cells, int model, scores, vector, unknown):
    """Return the log-likelihood, its gradient, or its Hessian times `vector`, or None where the general path must decide.

    `unknown` is the logarithm of the tie parameter, or None.
    """
    cdef ranking_problem problem
    cdef double *memory = NULL
    cdef double *scratch = NULL
    cdef Py_ssize_t n, i
    cdef double[::1] out
    if cells.n_items > SHORT_ITEMS or len(cells.first) > SHORT_CELLS:
        return None
    memset(&problem, 0, sizeof(ranking_problem))
    problem.model = model
    memory = lay_out(&problem, cells, True)
    try:
        n = ranking_unknowns(&problem)
        scratch = allocate(6 * n + 2 * problem.cells)
        if not read_scores(scores, problem.items, scratch):
            return None
        if wanted == PRODUCT and not read_scores(vector, problem.items, scratch + n):
            return None
        if unknown is not None:
            scratch[n - 1], scratch[2 * n - 1] = unknown, 0.0
        if wanted == VALUE:
            return table.ranking_evaluate(&problem, scratch, scratch + 2 * n, scratch + 3 * n)
        if wanted == GRADIENT:
            table.ranking_evaluate(&problem, scratch, scratch + 2 * n, scratch + 3 * n)
        else:
            hessian_times(&problem, scratch, scratch + n, scratch + 3 * n, scratch + 2 * n)
        found = empty(problem.items)
        out = found
        for i in range(problem.items):
            if isnan(scratch[2 * n + i]):
                return None
            out[i] = scratch[2 * n + i]
        return found
    finally:
        free(scratch)
        free(memory)


# ---- home advantage ----


def home_is_told(cells):
    """Return whether a few sweeps show a cycle around which home advantage adds up: no scores can take its place."""
    cdef ranking_problem problem
    cdef const uint8_t[::1] home = cells.home
    cdef double *memory
    cdef int64_t[::1] potential = empty(cells.n_items, int64)
    cdef uint8_t[::1] known = bytearray(cells.n_items)
    cdef bint told
    memset(&problem, 0, sizeof(ranking_problem))
    memory = lay_out(&problem, cells, False)
    try:
        with nogil:
            told = table.home_is_told(&problem, &home[0], &potential[0], &known[0])
    finally:
        free(memory)
    return told


# ---- ranks ----


def ranks(const int64_t[:, ::1] order, const double[:, ::1] scores, double[:, ::1] out):
    """Write one more than the number of higher scores of the same row; `order` sorts rows, NaN last."""
    cdef Py_ssize_t items = scores.shape[1], row
    with nogil:
        for row in range(scores.shape[0] if items else 0):
            table.ranks_of(items, &order[row, 0], &scores[row, 0], &out[row, 0])


# ---- predictions ----


def short_predict(const double[::1] scores, i, j, double shift, int model, double tie, int outcome):
    """Return the probability of one outcome for items i and j, or None where they are no indices."""
    cdef Py_ssize_t first, second, items = scores.shape[0]
    cdef double difference, chance
    if type(i) is not int or type(j) is not int or not 0 <= i < items or not 0 <= j < items:
        return None
    first, second = i, j
    difference = scores[first] - scores[second] + shift
    table.ranking_probabilities(model, 1, &difference, tie, outcome, &chance)
    return float64(chance)


def short_predictions(const double[::1] scores, i, j, double shift, int model, double tie, int outcome):
    """Return the probabilities of one outcome for arrays of indices, or None where the general path must decide."""
    cdef Py_buffer one, other
    cdef compress_rows rows
    cdef double[::1] chance
    cdef Py_ssize_t k, first, second
    if not open_games(i, j, &one, &other, &rows):
        return None
    try:
        if not 0 < rows.size <= SHORT_ROWS:
            return None
        found = empty(rows.size)
        chance = found
        for k in range(rows.size):
            first = (<const int64_t*>rows.winner)[k] if rows.wide else (<const int32_t*>rows.winner)[k]
            second = (<const int64_t*>rows.loser)[k] if rows.wide else (<const int32_t*>rows.loser)[k]
            if not (0 <= first < scores.shape[0] and 0 <= second < scores.shape[0]):
                return None
            chance[k] = scores[first] - scores[second] + shift
        table.ranking_probabilities(model, rows.size, &chance[0], tie, outcome, &chance[0])
        return found
    finally:
        PyBuffer_Release(&other)
        PyBuffer_Release(&one)


# ---- one call for a matrix of wins ----


cdef inline const double *matrix_or_null(const double[:, ::1] x) noexcept nogil:
    return &x[0, 0] if x.shape[0] else NULL


def short_matrix(const double[:, ::1] wins, ties):
    """Return what `short_compress` does of a matrix of wins and one of ties, or None for what is bad or says nothing."""
    cdef const double[:, ::1] tied = empty((0, 0)) if ties is None else ties
    cdef compress_cells out
    cdef Py_ssize_t n = wins.shape[0], count
    cdef double total
    if n == 0 or wins.shape[1] != n or (ties is not None and (tied.shape[0] != n or tied.shape[1] != n)):
        return None
    with nogil:
        count = table.matrix_cells(n, &wins[0, 0], matrix_or_null(tied), NULL)
    if count <= 0:
        return None
    arrays = unwritten(count, ties is not None, False, &out)
    with nogil:
        table.matrix_cells(n, &wins[0, 0], matrix_or_null(tied), &out)
        total = table.ranking_sum(count, out.wins_first) + table.ranking_sum(count, out.wins_second)
        total += table.ranking_sum(count, out.ties) if out.ties is not NULL else 0.0
    return (n, *arrays) if total < INFINITY else None


# ---- one call for a compression ----

cdef enum:
    SHORT_ROWS = 1 << 13
    SHORT_TABLE_ITEMS = 64
    PLANES = 6  # of tallies, where there may be a home side
    MOST_COUNTED = 1 << 30


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


cdef object unwritten(Py_ssize_t count, bint ties, bint homes, compress_cells *out):
    """Return new arrays (first, second, wins of first, wins of second, ties, home) of so many cells, and point `out` to
    them."""
    cdef int32_t[::1] first, second
    cdef double[::1] wins_first, wins_second, tied
    cdef uint8_t[::1] sides
    arrays = empty(count, int32), empty(count, int32), empty(count), empty(count), empty(count if ties else 0)
    home = empty(count if homes else 0, uint8)
    first, second, wins_first, wins_second, tied = arrays
    sides = home
    memset(out, 0, sizeof(compress_cells))
    if count:
        out.first, out.second, out.wins_first, out.wins_second = &first[0], &second[0], &wins_first[0], &wins_second[0]
        out.ties = &tied[0] if ties else NULL
        out.home = &sides[0] if homes else NULL
    return (*arrays, home)


cdef bint kinds_of(object tied, object home, Py_ssize_t size, uint8_t *out) noexcept:
    """Write tied + 2 home of every row; return whether both are None or columns of good values."""
    cdef Py_buffer view
    cdef Py_ssize_t i
    cdef int64_t side
    cdef bint good = True
    memset(out, 0, <size_t>size)
    if tied is not None:
        if not opened_of(b"?", tied, &view, 1):
            return False
        good = view.shape[0] == size
        for i in range(size if good else 0):
            out[i] = (<const uint8_t*>view.buf)[i]
        PyBuffer_Release(&view)
    if home is not None and good:
        if not opened_of(b"bl", home, &view, 1):
            return False
        good = view.shape[0] == size
        for i in range(size if good else 0):
            side = (<const int64_t*>view.buf)[i] if view.itemsize == 8 else (<const int8_t*>view.buf)[i]
            good = good and -1 <= side <= 1
            out[i] += 2 * (COMPRESS_WINNER_AT_HOME if side == 1 else COMPRESS_LOSER_AT_HOME if side else COMPRESS_NEUTRAL)
        PyBuffer_Release(&view)
    return good


cdef bint are_whole(Py_ssize_t size, const double *weight) noexcept:
    """Return whether weights are counts, and not so many that sums of them are rounded."""
    cdef Py_ssize_t i
    cdef bint good = True
    for i in range(size):
        good = good and 0.0 <= weight[i] <= MOST_COUNTED and weight[i] == <double><int64_t>weight[i]
    return good


cdef object tallied(compress_rows *rows, bint ties, bint homes):
    """Return the cells of rows of which all is known, as `short_compress` does; None for a bad row, or no cell."""
    cdef uint64_t words[COMPRESS_STATUS]
    cdef compress_cells out
    cdef bint real = rows.weight is not NULL
    cdef Py_ssize_t n = rows.n_items, count, i
    cdef Py_ssize_t entries = (PLANES if homes else 2) * n * n
    cdef double *tallies = allocate(entries if real else (entries + 1) // 2)
    try:
        memset(tallies, 0, <size_t>entries * (sizeof(double) if real else sizeof(uint32_t)))
        for i in range(COMPRESS_STATUS):
            words[i] = AF_OK
        if real:
            table.compress_tally_weights(rows, 0, rows.size, tallies, words)
        else:
            table.compress_tally(rows, 0, rows.size, <uint32_t*>tallies, words)
        for i in range(COMPRESS_STATUS):
            if words[i] != AF_OK:
                return None
        memset(&out, 0, sizeof(compress_cells))
        count = table.compress_table_cells(tallies, real, <int32_t>n, ties, homes, &out)
        if count == 0:
            return None
        arrays = unwritten(count, ties, homes, &out)
        table.compress_table_cells(tallies, real, <int32_t>n, ties, homes, &out)
        return (n, *arrays)
    finally:
        free(tallies)


cdef object counted(compress_rows *rows, n_items, tied, home, weight):
    """Return what `short_compress` does of rows whose indices are held."""
    cdef Py_buffer weights
    cdef uint8_t *kinds
    cdef bint weighted = False, good
    if n_items is not None and (type(n_items) is not int or not 0 < n_items <= SHORT_TABLE_ITEMS):
        return None
    rows.n_items = number_of_items(rows) if n_items is None else n_items
    if not 0 < rows.n_items <= SHORT_TABLE_ITEMS or rows.size > SHORT_ROWS:
        return None
    kinds = <uint8_t*>allocate(rows.size // 8 + 1)
    try:
        good = kinds_of(tied, home, rows.size, kinds)
        rows.kind = kinds if tied is not None or home is not None else NULL
        if good and weight is not None:
            weighted = opened_of(b"d", weight, &weights, 1) != 0
            good = weighted and weights.shape[0] == rows.size and are_whole(rows.size, <const double*>weights.buf)
            rows.weight = <const double*>weights.buf
        return tallied(rows, tied is not None, home is not None) if good else None
    finally:
        if weighted:
            PyBuffer_Release(&weights)
        free(kinds)


cdef bint open_games(winner, loser, Py_buffer *one, Py_buffer *other, compress_rows *rows):
    """Hold two arrays of as many indices of one type; return whether they are such."""
    if not opened_of(b"il", winner, one, 1):
        return False
    if opened_of(b"il", loser, other, 1):
        if other.format[0] == one.format[0] and other.shape[0] == one.shape[0]:
            rows.size, rows.wide, rows.winner, rows.loser = one.shape[0], one.itemsize == 8, one.buf, other.buf
            return True
        PyBuffer_Release(other)
    PyBuffer_Release(one)
    return False


def short_elo(winner, loser, n_items, tied, double k, double initial, double point):
    """Return the ratings after few games of weight one, in points, or None where the general path must decide.

    `k` is the step in logits, a `point` of which makes a point. `tied` is an array of truth values or None.
    """
    cdef Py_buffer one, other, kinds
    cdef compress_rows rows
    cdef elo_games games
    cdef int32_t *items
    cdef double *outcome = NULL
    cdef double[::1] rating
    cdef Py_ssize_t i
    cdef bint good = True
    if not open_games(winner, loser, &one, &other, &rows):
        return None
    memset(&games, 0, sizeof(elo_games))
    items = NULL
    try:
        rows.n_items = number_of_items(&rows)
        if n_items is not None:
            if type(n_items) is not int or not rows.n_items <= n_items <= SHORT_ROWS:
                return None
            rows.n_items = n_items if rows.n_items else 0
        if not 0 < rows.n_items <= SHORT_ROWS or rows.size > SHORT_ROWS:
            return None
        items = <int32_t*>allocate(2 * rows.size)
        if tied is not None:
            if not opened_of(b"?", tied, &kinds, 1):
                return None
            outcome = <double*>(items + 2 * rows.size)
            good = kinds.shape[0] == rows.size
            for i in range(rows.size if good else 0):
                outcome[i] = 0.5 if (<const uint8_t*>kinds.buf)[i] else 1.0
            PyBuffer_Release(&kinds)
        for i in range(rows.size):
            items[i] = <int32_t>((<const int64_t*>rows.winner)[i] if rows.wide else (<const int32_t*>rows.winner)[i])
            items[rows.size + i] = <int32_t>(
                (<const int64_t*>rows.loser)[i] if rows.wide else (<const int32_t*>rows.loser)[i]
            )
            good = good and items[i] != items[rows.size + i]
        if not good:
            return None
        games.size, games.winner, games.loser, games.outcome = rows.size, items, items + rows.size, outcome
        found = numpy.zeros(rows.n_items)
        rating = found
        table.elo_play(&games, k, 0, rows.size, &rating[0])
        for i in range(rows.n_items):
            rating[i] = initial + point * rating[i]
        return found
    finally:
        free(items)
        PyBuffer_Release(&other)
        PyBuffer_Release(&one)


def short_compress(winner, loser, n_items, tied, home=None, weight=None):
    """Return (number of items, first, second, wins of first, wins of second, ties, home) of the cells of few comparisons.

    None where the general path must decide. `tied` is an array of truth values or None, `home` one of -1, 0 and 1; each row
    counts one, or so many times as `weight` says in whole numbers.
    """
    cdef Py_buffer one, other
    cdef compress_rows rows
    memset(&rows, 0, sizeof(compress_rows))
    if not open_games(winner, loser, &one, &other, &rows):
        return None
    try:
        return counted(&rows, n_items, tied, home, weight)
    finally:
        PyBuffer_Release(&other)
        PyBuffer_Release(&one)
