# Small calls: tables of rewards, and few replicates of one number of draws (short.pxi).

cdef enum:
    SHORT_DRAWS = 1 << 18 # of all replicates, by brute force


def short_table_ladder(p, reward):
    """Return (rewards descending, P(R > reward)) over the distinct rewards of positive mass of one table."""
    cdef outcomes o
    o.p = NULL  # of None nothing is taken, and nothing is to be freed
    try:
        if p is None or not take_outcomes(p, reward, False, &o):
            return None
        return ladder_of(o.size, o.p, o.reward)
    finally:
        free(o.p)


cdef object ladder_of(Py_ssize_t size, const double *p, const double *reward):
    cdef double *memory = <double*>scratch(size * (3 * sizeof(uint64_t) + 3 * sizeof(double) + sizeof(int32_t)))
    cdef uint64_t *words = <uint64_t*>(memory + 3 * size)
    cdef Py_ssize_t count
    try:
        with nogil:
            count = table.table_ladder(size, p, reward, words, words + size, words + 2 * size, <int32_t*>(words + 3 * size),
                                       memory, memory + size, memory + 2 * size)
        return array_of(b'd', count, count, memory + size), array_of(b'd', count, count, memory + 2 * size)
    finally:
        free(memory)


def short_simulate(str kind, tuple parameters, uint64_t draws, uint64_t ties, n, bint by_order, replicates, replicate,
                   bint keep):
    """Return (moments, mean, variance, standard error, least, largest, maxima) of the best of n draws.

    Maxima are None unless they are to be kept. `draws` and `ties` are keys of streams.
    """
    cdef uint64_t size, rows, first
    cdef double *reward
    cdef double *memory
    cdef void *kept = NULL
    cdef void *raw
    if not natural(n, &size) or not natural(replicates, &rows) or not natural(replicate, &first):
        return None
    if not (0 < size < <uint64_t>1 << 60 and 0 < rows <= AF_BLOCK and first <= <uint64_t>-1 - rows):
        return None
    if not by_order and size * rows > SHORT_DRAWS:
        return None
    memory = <double*>scratch(3 * rows * sizeof(double))
    try:
        if keep:
            maxima = new_array(b'd', <Py_ssize_t>rows, &kept)
        reward = <double*>kept if keep else memory + 2 * rows
        if by_order:
            table.fill(rows, AF_INFINITY, memory)
            table.fold_exponents(draws, first, 0, <double>size, rows, memory)
            table.exponent_tails(rows, memory, memory + rows)
        else:
            best_words(draws, ties, size, first, rows, <uint64_t*>memory)
            table.word_tails(rows, <uint64_t*>memory, memory + rows)
        if not rewards_at(kind, parameters, rows, memory + rows, reward):
            return None
        moments = new_array(b'd', (1, 7), &raw)
        moments_of(rows, reward, <double*>raw)
        return (moments, *statistics_of(<double*>raw), maxima if keep else None)
    finally:
        free(memory)


cdef void best_words(uint64_t draws, uint64_t ties, uint64_t size, uint64_t first, Py_ssize_t rows, uint64_t *word) noexcept:
    """Write the survival words of the best of `size` draws."""
    cdef af_draw_span span
    span.draws, span.ties, span.start, span.stop = draws, ties, 0, size
    memset(word, 0xff, rows * sizeof(uint64_t))
    table.fold_winners(&span, first, rows, word)


cdef bint rewards_at(str kind, tuple parameters, Py_ssize_t rows, const double *tail, double *out) except -1:
    """Write the rewards of tail probabilities, the transform `kind` of `parameters`; return whether all are good."""
    cdef const double[::1] ladder, value
    if kind == "gaussian":
        table.gaussian_rewards(rows, tail, parameters[0], parameters[1], out)
    elif kind == "uniform":
        table.uniform_rewards(rows, tail, out)
    elif kind == "table":
        ladder, value = parameters
        table.table_rewards(rows, tail, ladder.shape[0], &ladder[0], &value[0], out)
    else:
        return rewards_called(parameters[0], rows, tail, out)
    return True


cdef bint rewards_called(object function, Py_ssize_t rows, const double *tail, double *out) except -1:
    """Write what a user's function returns of tail probabilities; return whether that is one number each, none NaN."""
    cdef Py_buffer view
    cdef bint good
    result = function(array_of(b'd', rows, rows, tail))
    if not opened_of(b"d", result, &view, 1):
        return False
    good = view.shape[0] == rows
    if good:
        memcpy(out, view.buf, view.len)
        good = not has_nan(rows, out)
    PyBuffer_Release(&view)
    return good


cdef object statistics_of(const double *moments):
    """Return mean, unbiased variance, standard error of the mean, least and largest."""
    cdef double count = moments[0]
    cdef double variance = moments[2] / (count - 1.0) if count > 1.0 else AF_NAN
    return moments[1], variance, sqrt(variance / count), moments[5], moments[6]
