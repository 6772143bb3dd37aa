# Small calls: what pools of samples say about divergence and over-optimisation (short.pxi).

cdef enum:
    SHORT_SAMPLES = 4096 # times numbers of draws, some 20 passes each


def short_sample_divergence(scores, n, log_p):
    """Return (n, log n - (n - 1)/n, estimates and errors in turn) of one pool, at an integer or a row of them."""
    cdef Py_buffer view, masses
    cdef integers grid
    cdef char kind = opened(scores, &view, 1), of_masses = 0
    grid.held = False
    try:
        if not kind or not take_integers(n, &grid) or view.shape[0] * grid.size > SHORT_SAMPLES:
            return None
        if log_p is not None:
            of_masses = opened(log_p, &masses, 1)
            if not of_masses or masses.shape[0] != view.shape[0]:
                return None
        return divergence_of(&view, kind, &masses if of_masses else NULL, of_masses, &grid)
    finally:
        drop_integers(&grid)
        if of_masses:
            PyBuffer_Release(&masses)
        if kind:
            PyBuffer_Release(&view)


cdef object divergence_of(Py_buffer *scores, char kind, Py_buffer *masses, char of_masses, const integers *grid):
    cdef Py_ssize_t size = scores.shape[0], count = grid.size, columns = axis(grid.scalar, grid.size), i, s
    cdef double found[2 * SAMPLES_STATISTICS]
    cdef double *score = <double*>scratch((2 * size + (2 + 2 * SAMPLES_STATISTICS) * count) * sizeof(double)
                                          + samples_bytes(size))
    cdef double *log_p = score + size
    cdef double *at = log_p + size
    cdef double *bound = at + count
    cdef double *out = bound + count # (statistics, n)
    cdef ranked_pool pool
    pool.memory = NULL
    try:
        widen(scores, kind, score)
        if masses is not NULL:
            widen(masses, of_masses, log_p)
        if has_nan(size, score) or not table.all_between(count, grid.values, 1, size) or (
                masses is not NULL and not table.are_log_probabilities(size, log_p)):
            return None
        rank_pool(&pool, size, score, NULL if masses is NULL else log_p)
        table.pool_grid(count, grid.values, count, at)
        table.continuous_values(LAW_KL, count, at, False, 0.0, bound)
        for i in range(count):
            table.samples_divergence(&pool, at[i], out + 2 * SAMPLES_STATISTICS * count, found)
            for s in range(2 * SAMPLES_STATISTICS):
                out[s * count + i] = found[s]
        statistics = []  # no comprehension: Cython 3.3 gives an element back twice where the list cannot grow
        for s in range(2 * SAMPLES_STATISTICS):
            statistics.append(None if s < 4 and masses is NULL else array_over(b'd', NO_AXIS, columns, out + s * count))
        return numbers_of(grid), array_over(b'd', NO_AXIS, columns, bound), statistics
    finally:
        free(pool.memory)
        free(score)


# Samples whose answers are compared with one another at once, or counted, and answers that are submitted.
cdef enum:
    SHORT_VOTES = 256
    SHORT_COUNTED = 65536
    SHORT_SUBMITTED = 16


def short_best_of_majority(answers, rewards, k, least):
    """Return the places of the samples to submit, of integers and as many rewards."""
    cdef integers votes
    cdef Py_buffer view
    cdef char kind = 0
    cdef int64_t found[SHORT_SUBMITTED]
    cdef double share
    cdef double *reward = NULL
    cdef Py_ssize_t count
    votes.held = False
    try:
        if type(k) is not int or not 1 <= k <= SHORT_SUBMITTED or not number(least, &share) or not 0.0 <= share <= 1.0:
            return None
        if not take_integers(answers, &votes) or votes.scalar or not 0 < votes.size <= SHORT_COUNTED:
            return None
        kind = opened(rewards, &view, 1)
        if not kind or view.shape[0] != votes.size:
            return None
        reward = <double*>scratch(votes.size * (sizeof(double) + 2 * sizeof(int64_t)))
        widen(&view, kind, reward)
        if not all_finite(votes.size, reward):
            return None
        count = table.best_of_majority(votes.size, votes.values, reward, k, share, SHORT_VOTES,
                                       <int64_t*>(reward + votes.size), found)
        if count < 0:
            return None
        out = empty(count, int64)
        memcpy(memory_of(out), found, count * sizeof(int64_t))
        return out
    finally:
        free(reward)
        drop_integers(&votes)
        if kind:
            PyBuffer_Release(&view)


def short_votes(answers, correct):
    """Return [(how often the right answer is given, how often each other one, ascending)] of rows of booleans or integers."""
    cdef Py_buffer view
    cdef integers right
    cdef char kind = opened_of(b"?l", answers, &view, 2)
    right.held = False
    try:
        if not kind or view.shape[1] > SHORT_VOTES or view.shape[0] > SHORT_SAMPLES or (kind == b'?') != (correct is None):
            return None
        if kind == b'?':
            return flags_of(&view)
        if not take_integers(correct, &right) or right.scalar or right.size != view.shape[0]:
            return None
        return votes_of(&view, right.values)
    finally:
        drop_integers(&right)
        if kind:
            PyBuffer_Release(&view)


cdef object flags_of(const Py_buffer *flags):
    """Return the counts of rows of booleans, all wrong ones of which are one answer."""
    cdef Py_ssize_t rows = flags.shape[0], size = flags.shape[1], i, j, own
    cdef const unsigned char *flag = <const unsigned char*>flags.buf
    out = []
    for i in range(rows):
        own = 0
        for j in range(size):
            own += flag[i * size + j] != 0
        out.append((own, (size - own,) if own < size else ()))
    return out


cdef object votes_of(const Py_buffer *answers, const int64_t *right):
    cdef Py_ssize_t size = answers.shape[1], i, j, kinds
    cdef int64_t memory[2 * SHORT_VOTES]
    cdef int64_t own
    out = []
    for i in range(answers.shape[0]):
        kinds = table.majority_votes(size, <const int64_t*>answers.buf + i * size, right[i], &own, memory,
                                     memory + SHORT_VOTES)
        others = []
        for j in range(kinds):
            others.append(memory[SHORT_VOTES + j])
        out.append((own, tuple(others)))
    return out


# ---- over-optimisation ----


def short_proxy_versus_gold(scores, values, n):
    """Return (n, log n - (n - 1)/n, means and their covariance of the scores and of the values) of several pools.

    `n` is None for the powers of two, or ascending integers from 1.
    """
    cdef Py_buffer view, judged
    cdef integers grid
    cdef char kind = opened(scores, &view, 2), of_values = 0
    grid.held = False
    try:
        if not kind or view.shape[0] < 2 or view.shape[0] * view.shape[1] > SHORT_WORK:
            return None
        of_values = opened(values, &judged, 2)
        if not of_values or judged.shape[0] != view.shape[0] or judged.shape[1] != view.shape[1]:
            return None
        if n is None:
            n = 1 << numpy.arange((<object>view.shape[1]).bit_length())
        if not take_grid(n, view.shape[1], True, &grid) or grid.scalar or grid.values[0] != 1:
            return None
        if view.shape[0] * view.shape[1] * grid.size > 8 * SHORT_WORK:
            return None
        return over_prompts(scores, kind, &judged, of_values, &grid)
    finally:
        drop_integers(&grid)
        if of_values:
            PyBuffer_Release(&judged)
        if kind:
            PyBuffer_Release(&view)


cdef object over_prompts(object scores, char kind, Py_buffer *values, char of_values, const integers *grid):
    """Return what `short_proxy_versus_gold` does, or None where a score or a value is bad."""
    cdef Py_ssize_t rows = values.shape[0], size = values.shape[1], count = grid.size
    cdef Py_ssize_t padded = (count + POOL_LANES - 1) // POOL_LANES * POOL_LANES
    cdef double *curves = <double*>scratch((rows * (2 * count + 2 * size) + count) * sizeof(double))
    cdef double *bound = curves + 2 * rows * count
    cdef double *given = bound + count
    cdef double *judged = given + rows * size
    cdef pool_work work
    cdef Py_buffer view
    work.judged = NULL
    try:
        if not opened(scores, &view, 2):
            return None
        widen(&view, kind, given)
        PyBuffer_Release(&view)
        widen(values, of_values, judged)
        if not all_finite(rows * size, given) or not all_finite(rows * size, judged):
            return None
        work = work_for(size, padded)
        table.pool_grid(count, grid.values, padded, work.at)
        table.pool_steps(POOL_U, size, work.step)
        table.continuous_values(LAW_KL, count, work.at, False, 0.0, bound)
        ordered = array_of(b'd', (rows, size), rows * size, given)
        ordered.sort()
        arrange_rows(rows, size, given, judged, &work)
        curves_at(rows, size, <double*>memory_of(ordered), count, padded, &work, curves)
        curves_at(rows, size, judged, count, padded, &work, curves + rows * count)
        if kind == b'f':
            table.round_f32(rows * count, curves)
            if of_values == b'f':
                table.round_f32(rows * count, curves + rows * count)
        proxy, gold = mean_and_covariance(rows, count, curves), mean_and_covariance(rows, count, curves + rows * count)
        if proxy is None or gold is None:
            return None
        return numbers_of(grid), array_of(b'd', count, count, bound), *proxy, *gold
    finally:
        free(work.judged)
        free(curves)


cdef void arrange_rows(Py_ssize_t rows, Py_ssize_t size, const double *scores, double *judged, pool_work *work) noexcept:
    """Bring what samples are judged by into the order of their scores, in every pool."""
    cdef Py_ssize_t i
    for i in range(rows):
        memcpy(work.judged, judged + i * size, size * sizeof(double))
        table.pool_arrange(size, scores + i * size, work.judged, work.words, work.words + size, work.words + 2 * size,
                           work.integers, judged + i * size, work.spread, work.integers + size)


cdef void curves_at(Py_ssize_t rows, Py_ssize_t size, const double *values, Py_ssize_t count, Py_ssize_t padded,
                    pool_work *work, double *out) noexcept:
    """Write the means of pools, (rows, count), whose values are in the order of their scores."""
    cdef Py_ssize_t groups = padded // POOL_LANES, i
    cdef pool_row row
    if size <= POOL_SMALL:
        for i in range(groups):
            table.pool_weights(POOL_U, size, work.step, work.at + i * POOL_LANES, work.weights + i * size * POOL_LANES)
        table.pool_dots(True, rows, size, values, work.weights, count, out)
        return
    row.size, row.step, row.spread, row.tied = size, work.step, NULL, NULL
    for i in range(rows):
        row.value = values + i * size
        table.pool_mean(POOL_U, &row, groups, work.at, work.weights, work.mean)
        memcpy(out + i * count, work.mean, count * sizeof(double))


cdef object mean_and_covariance(Py_ssize_t rows, Py_ssize_t columns, const double *x):
    """Return the mean of the rows of x, and the covariance of that mean; None where one of them is beyond double."""
    cdef void *mean
    cdef void *covariance
    means, covariances = new_array(b'd', columns, &mean), new_array(b'd', (columns, columns), &covariance)
    cdef double *away = <double*>scratch(columns * sizeof(double))
    table.fill(columns, 0.0, <double*>mean)
    table.fill(columns * columns, 0.0, <double*>covariance)
    table.add_columns(rows, columns, x, <double*>mean)
    table.divide(columns, <double>rows, <double*>mean)
    table.add_products(rows, columns, x, <double*>mean, away, <double*>covariance)
    table.divide(columns * columns, <double>(rows - 1), <double*>covariance)
    table.divide(columns * columns, <double>rows, <double*>covariance)
    free(away)
    cdef bint good = all_finite(columns, <double*>mean) and all_finite(columns * columns, <double*>covariance)
    return (means, covariances) if good else None


def short_gao_fit(int form, kl, gain, standard_error, covariance):
    """Return (alpha, beta, their covariance) of gains at divergences, at least three (two, of known errors) different ones."""
    cdef vectors given
    cdef Py_buffer square
    cdef char kind = 0
    cdef bint known = standard_error is not None or covariance is not None
    given.held = 0
    try:
        if not hold(kl, &given) or not hold(gain, &given) or given.size > SHORT_LETTERS // 8:
            return None
        if standard_error is not None and (covariance is not None or not hold(standard_error, &given)):
            return None
        if covariance is not None:
            kind = opened(covariance, &square, 2)
            if not kind or square.shape[0] != given.size or square.shape[1] != given.size:
                return None
        return fitted(form, &given, &square if kind else NULL, kind, 2 if known else 3)
    finally:
        drop_vectors(&given)
        if kind:
            PyBuffer_Release(&square)


cdef object fitted(int form, vectors *given, Py_buffer *square, char kind, int needed):
    """Return what `short_gao_fit` does; `given` are kl, gain and perhaps standard errors. None where a value is bad."""
    cdef Py_ssize_t size = given.size, i
    cdef Py_ssize_t squares = size * size if square is not NULL else 0
    cdef double *kl = <double*>scratch((7 * size + squares) * sizeof(double))
    cdef double *errors = kl + 2 * size
    cdef double *covariance = kl + 7 * size
    cdef double *variance = NULL
    cdef double out[6]
    try:
        for i in range(given.held):
            widen(&given.view[i], given.kind, kl + i * size)
        if square is not NULL:
            widen(square, kind, covariance)
        if given.held > 2:
            table.square(size, errors)
            variance = errors
        if (not all_within(size, kl, 0.0) or not all_finite(size, kl + size)
                or (variance is not NULL and not all_finite(size, variance)) or not all_finite(squares, covariance)
                or table.gao_points(size, kl, variance, covariance if squares else NULL) < needed
                or not table.gao_fit(form, size, kl, kl + size, variance, covariance if squares else NULL, kl + 3 * size, out)):
            return None
        return out[0], out[1], array_of(b'd', (2, 2), 4, out + 2)
    finally:
        free(kl)


def short_gao_gains(int form, kl, double alpha, double beta):
    """Return the gains at a number or a row of divergences."""
    cdef numbers points
    cdef double *memory = NULL
    try:
        if not take_numbers(kl, &points) or points.size > SHORT_NUMBERS:
            return None
        memory = <double*>scratch(points.size * sizeof(double))
        table.gao_gains(form, points.size, points.values, alpha, beta, memory)
        return array_over(b'd', NO_AXIS, axis(points.scalar, points.size), memory)
    finally:
        free(memory)
        drop_numbers(&points)


def short_gao_errors(int form, kl, covariance):
    """Return the standard errors of the gains at a number or a row of divergences."""
    cdef numbers points
    cdef Py_buffer square
    cdef double *memory = NULL
    cdef bint held = opened_of(b"d", covariance, &square, 2) != 0
    try:
        if not take_numbers(kl, &points) or points.size > SHORT_NUMBERS or not held or square.len != 4 * sizeof(double):
            return None
        memory = <double*>scratch(points.size * sizeof(double))
        table.gao_errors(form, points.size, points.values, <double*>square.buf, memory)
        return array_over(b'd', NO_AXIS, axis(points.scalar, points.size), memory)
    finally:
        free(memory)
        drop_numbers(&points)
        if held:
            PyBuffer_Release(&square)
