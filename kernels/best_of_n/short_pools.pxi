# Small calls: pools of scored samples (short.pxi).

cdef double LARGE = 2.0 ** 500 # beyond which values are scaled (alignment_fast/best_of_n/_pools.py)


def short_curve(scores, n, values, int kind, method, Py_ssize_t most):
    """Return (n, means, variances or None) of one pool of fewer than `most` samples; `method` is one of VARIANCES, or None.

    Of several small pools of one size, too, without values and variances. `n` is None for 1..M, an integer, or an ascending row of them.
    """
    cdef Py_buffer view, judged
    cdef integers grid
    cdef char of_scores = opened(scores, &view, 1), of_values = 0
    grid.held = False
    try:
        if not of_scores:
            return curves_of(scores, n, kind) if values is None and method is None else None
        if values is not None:
            of_values = opened(values, &judged, 1)
            if not of_values or judged.shape[0] != view.shape[0]:
                return None
        if not take_grid(n, view.shape[0], kind == POOL_U, &grid):
            return None
        if view.shape[0] >= most or grid.size * view.shape[0] > 8 * SHORT_WORK:
            return None
        return curve_of(&view, of_scores, &judged if of_values else NULL, of_values, &grid, kind, method)
    finally:
        drop_integers(&grid)
        if of_values:
            PyBuffer_Release(&judged)
        if of_scores:
            PyBuffer_Release(&view)


cdef bint take_grid(object n, Py_ssize_t size, bint within, integers *grid) noexcept:
    """Read n, 1..`size` for None; return whether they ascend, and `within` the size. `drop_integers` ends what is held."""
    if n is None:
        grid.values, grid.size, grid.scalar, grid.held = NULL, size, False, False
        return True
    return take_integers(n, grid) and table.pool_is_grid(grid.size, grid.values, size if within else <int64_t>1 << 62)


# Memory of one pool and one grid of n, all of it one allocation.
cdef struct pool_work:
    double *judged
    double *value
    double *spread
    double *step
    double *at
    double *mean
    double *variance
    double *weights # of every rank of a small pool, or the scratch of `pool_mean`
    uint64_t *words
    int32_t *integers


cdef pool_work work_for(Py_ssize_t size, Py_ssize_t padded) except *:
    cdef pool_work work
    cdef Py_ssize_t weights = padded * (size if size <= POOL_SMALL else 2)
    work.judged = <double*>scratch((8 * size + 1 + 3 * padded + weights) * sizeof(double))
    work.value = work.judged + size
    work.spread = work.value + size
    work.step = work.spread + size
    work.words = <uint64_t*>(work.step + size + 1)
    work.integers = <int32_t*>(work.words + 3 * size)
    work.at = work.step + size + 1 + 4 * size
    work.mean = work.at + padded
    work.variance = work.mean + padded
    work.weights = work.variance + padded
    return work


cdef object curve_of(Py_buffer *view, char of_scores, Py_buffer *judged, char of_values, const integers *grid,
                     int kind, object method):
    """Return (n, means, variances or None), or None where a score or a value is bad."""
    cdef Py_ssize_t size = view.shape[0], count = grid.size
    cdef Py_ssize_t padded = (count + POOL_LANES - 1) // POOL_LANES * POOL_LANES
    cdef char of_type = b'f' if of_scores == b'f' and of_values != b'd' else b'd'
    cdef Py_ssize_t columns = axis(grid.scalar, count)
    cdef object scores = empty(size), mean, variance = None
    cdef pool_work work
    cdef pool_row row
    widen(view, of_scores, <double*>memory_of(scores))
    work = work_for(size, padded)
    try:
        if not arranged(scores, judged, of_values, &work, &row):
            return None
        table.pool_grid(count, grid.values, padded, work.at)
        table.pool_steps(kind, size, work.step)
        means_of(kind, &row, count, padded // POOL_LANES, &work)
        mean = array_over(of_type, NO_AXIS, columns, work.mean)
        if method is not None:
            variances_of(kind, method, &row, count, &work)
            variance = array_over(of_type, NO_AXIS, columns, work.variance)
        return numbers_of(grid), mean, variance
    finally:
        free(work.judged)


cdef object curves_of(object scores, object n, int kind):
    """Return (n, means, None) of small pools of one size, (rows, M)."""
    cdef Py_buffer view
    cdef integers grid
    cdef char of_type = opened(scores, &view, 2)
    cdef Py_ssize_t rows, size, padded
    cdef double *given = NULL
    cdef double *means
    cdef pool_work work
    grid.held = False
    work.judged = NULL
    try:
        if not of_type or view.shape[1] > POOL_SMALL or not take_grid(n, view.shape[1], kind == POOL_U, &grid):
            return None
        rows, size = view.shape[0], view.shape[1]
        if rows * size * grid.size > 8 * SHORT_WORK:
            return None
        padded = (grid.size + POOL_LANES - 1) // POOL_LANES * POOL_LANES
        given = <double*>scratch(rows * (size + grid.size) * sizeof(double))
        means = given + rows * size
        widen(&view, of_type, given)
        if not all_finite(rows * size, given):
            return None
        work = work_for(size, padded)
        table.pool_grid(grid.size, grid.values, padded, work.at)
        table.pool_steps(kind, size, work.step)
        weigh(kind, size, padded // POOL_LANES, &work)
        table.pool_dots(False, rows, size, given, work.weights, grid.size, means)
        return numbers_of(&grid), array_over(of_type, rows, axis(grid.scalar, grid.size), means), None
    finally:
        free(work.judged)
        free(given)
        drop_integers(&grid)
        if of_type:
            PyBuffer_Release(&view)


cdef bint squares_stay(Py_ssize_t size, const double *x) noexcept nogil:
    """Return whether sums of squares of all numbers are far below the largest double: none is NaN, infinite or extreme."""
    cdef Py_ssize_t i
    cdef bint good = True
    for i in range(size):
        good &= -LARGE < x[i] < LARGE
    return good


cdef bint arranged(object scores, Py_buffer *judged, char of_values, pool_work *work, pool_row *row) except -1:
    """Write the pool in ascending order of score, unless a number is bad or extreme; return whether all are good."""
    cdef double *score = <double*>memory_of(scores)
    cdef Py_ssize_t size = scores.shape[0], i
    row.size, row.value, row.step, row.spread, row.tied = size, work.value, work.step, NULL, NULL
    if judged is NULL:
        if not squares_stay(size, score):
            return False
        for i in range(size):
            score[i] += 0.0  # -0.0 becomes +0.0, as in pool.py
        scores.sort()
        memcpy(work.value, score, size * sizeof(double))
        return True
    widen(judged, of_values, work.judged)
    if has_nan(size, score) or not squares_stay(size, work.judged):
        return False
    if table.pool_arrange(size, score, work.judged, work.words, work.words + size, work.words + 2 * size, work.integers,
                          work.value, work.spread, work.integers + size):
        row.spread, row.tied = work.spread, work.integers + size
    return True


cdef void weigh(int kind, Py_ssize_t size, Py_ssize_t groups, pool_work *work) noexcept:
    """Write the weights of every rank of a small pool."""
    cdef Py_ssize_t j
    for j in range(groups):
        table.pool_weights(kind, size, work.step, work.at + j * POOL_LANES, work.weights + j * size * POOL_LANES)


cdef void means_of(int kind, pool_row *row, Py_ssize_t count, Py_ssize_t groups, pool_work *work) noexcept:
    if row.size > POOL_SMALL:
        table.pool_mean(kind, row, groups, work.at, work.weights, work.mean)
        return
    weigh(kind, row.size, groups, work)
    table.pool_dots(True, 1, row.size, row.value, work.weights, count, work.mean)


cdef void variances_of(int kind, int method, pool_row *row, Py_ssize_t count, pool_work *work) noexcept:
    """Write the variances of the means, NaN where there is none; what fills up the last group of n ends in `at`, `mean`."""
    cdef Py_ssize_t most = row.size // 2 if method == POOL_UNBIASED else row.size - 1, usable = 0, i
    while usable < count and (work.at[usable] <= most or (kind == POOL_V and row.size > 1)):
        usable += 1
    for i in range(usable, (usable + POOL_LANES - 1) // POOL_LANES * POOL_LANES):
        work.at[i], work.mean[i] = work.at[usable - 1], 0.0
    for i in range(0, usable, POOL_LANES):
        table.pool_variance(kind, method, row, work.at + i, work.mean + i, work.variance + i)
    for i in range(usable, count):
        work.variance[i] = AF_NAN


cdef object numbers_of(const integers *grid):
    """Return n as the caller asked for it."""
    if grid.scalar:
        return grid.one
    out = empty(grid.size, int64)
    if grid.values is NULL:
        table.count_up(grid.size, <int64_t*>memory_of(out))
    else:
        memcpy(memory_of(out), grid.values, grid.size * sizeof(int64_t))
    return out


cdef enum:
    FIRST_PASSED
    ALL_PASSED
    COVERAGE


def short_pass_at_k(total, correct, k):
    """Return pass@k of one problem or a row of them, at one k or a row of them."""
    return over_problems(total, correct, k, FIRST_PASSED)


def short_pass_all_k(total, correct, k):
    """Return (k, pass^k, variances) of one problem or a row of them, at one k or a row of them."""
    return over_problems(total, correct, k, ALL_PASSED)


def short_coverage_at_cost(total, correct, k):
    """Return (k, costs, coverages and the errors of both), means over problems, at one k or a row of them."""
    return over_problems(total, correct, k, COVERAGE)


cdef object over_problems(object total, object correct, object k, int what):
    cdef integers m, c, ks
    m.held = c.held = ks.held = False
    try:
        if not take_integers(total, &m) or not take_integers(correct, &c) or not take_integers(k, &ks):
            return None
        if not (m.scalar or c.scalar or m.size == c.size) or max(m.size, c.size) * ks.size > SHORT_WORK:
            return None
        if what == COVERAGE:
            return covered(&m, &c, &ks)
        return all_passed(&m, &c, &ks) if what == ALL_PASSED else passed(&m, &c, &ks)
    finally:
        drop_integers(&m)
        drop_integers(&c)
        drop_integers(&ks)


cdef object passed(const integers *m, const integers *c, const integers *ks):
    """Return the chances, (problems, k) without the axes of scalars, or None where a count is bad."""
    cdef Py_ssize_t problems = max(m.size, c.size)
    cdef Py_ssize_t m_step = not m.scalar, c_step = not c.scalar
    cdef double *out
    if not table.pass_counts_are_good(problems, m.values, m_step, c.values, c_step, ks.size, ks.values):
        return None
    out = <double*>scratch(problems * ks.size * sizeof(double))
    try:
        table.pass_at_each_k(problems, m.values, m_step, c.values, c_step, ks.size, ks.values, out)
        return array_over(b'd', axis(m.scalar and c.scalar, problems), axis(ks.scalar, ks.size), out)
    finally:
        free(out)


cdef object all_passed(const integers *m, const integers *c, const integers *ks):
    """Return (k, chances, variances), (problems, k) without the axes of scalars; None where a count is bad or k is large."""
    cdef Py_ssize_t problems = max(m.size, c.size), columns = axis(ks.scalar, ks.size)
    cdef Py_ssize_t m_step = not m.scalar, c_step = not c.scalar, rows = axis(m.scalar and c.scalar, problems)
    cdef double *mean
    if (not table.all_between(ks.size, ks.values, 1, SHORT_WORK // (problems * ks.size))
            or not table.pass_counts_are_good(problems, m.values, m_step, c.values, c_step, ks.size, ks.values)):
        return None
    mean = <double*>scratch(2 * problems * ks.size * sizeof(double))
    try:
        table.pass_all_of_k(problems, m.values, m_step, c.values, c_step, ks.size, ks.values, mean,
                            mean + problems * ks.size)
        return (numbers_of(ks), array_over(b'd', rows, columns, mean),
                array_over(b'd', rows, columns, mean + problems * ks.size))
    finally:
        free(mean)


cdef object covered(const integers *m, const integers *c, const integers *ks):
    """Return what `short_coverage_at_cost` does; None where a count is bad or k is large."""
    cdef Py_ssize_t problems = max(m.size, c.size), count = ks.size, columns = axis(ks.scalar, ks.size), j
    cdef int64_t most = 0
    cdef double *cost
    if (not table.all_between(count, ks.values, 1, SHORT_WORK // (problems * count))
            or not table.pass_counts_are_good(problems, m.values, not m.scalar, c.values, not c.scalar, count, ks.values)):
        return None
    for j in range(count):
        most = max(most, ks.values[j])
    cost = <double*>scratch((2 * problems * count + 5 * count + most + 1) * sizeof(double))
    cdef double *coverage = cost + problems * count
    cdef double *means = coverage + problems * count # of cost and of coverage, then their errors
    try:
        table.pass_at_cost(problems, m.values, not m.scalar, c.values, not c.scalar, count, ks.values, most, means + 5 * count,
                           cost, coverage)
        for j in range(2):
            table.prompt_means(problems, count, cost + j * problems * count, NULL, 0, NULL, means + j * count,
                               means + (2 + j) * count, <int64_t*>(means + 4 * count))
        found = []  # no comprehension: Cython 3.3 gives an element back twice where the list cannot grow
        for j in range(4):
            found.append(array_over(b'd', NO_AXIS, columns, means + j * count))
        return numbers_of(ks), *found
    finally:
        free(cost)


# ---- means over prompts ----


def short_prompt_means(mean, bint single):
    """Return (means, errors, prompts) over the rows of `mean`, (P, T), or over (P,) where n is a `single` number."""
    cdef Py_buffer view
    cdef char kind = opened(mean, &view, 1 if single else 2)
    cdef Py_ssize_t rows, columns
    cdef double *memory = NULL
    cdef void *average
    cdef void *error
    try:
        if not kind or view.len > SHORT_NUMBERS:
            return None
        rows, columns = view.shape[0], 1 if single else view.shape[1]
        memory = <double*>scratch(rows * columns * sizeof(double))
        widen(&view, kind, memory)
        averages, errors = new_array(b'd', columns, &average), new_array(b'd', columns, &error)
        prompts = empty(columns, int64)
        table.prompt_means(rows, columns, memory, NULL, 0, NULL, <double*>average, <double*>error,
                           <int64_t*>memory_of(prompts))
        return (averages[0], errors[0], prompts[0]) if single else (averages, errors, prompts)
    finally:
        free(memory)
        if kind:
            PyBuffer_Release(&view)
