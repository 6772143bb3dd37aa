# Small calls: relatives of best-of-n (short.pxi).

# Masses and rewards as float64, and room for the work on them.
cdef struct outcomes:
    Py_ssize_t size
    double *p
    double *reward
    double *memory


cdef bint take_outcomes(object p, object reward, bint finite, outcomes *o) noexcept:
    """Read masses (None: all alike) and rewards; return whether they are good. `o.p` is to be freed, either way."""
    cdef Py_buffer view, mass
    cdef char kind = opened(reward, &view, 1), of_mass = 0
    cdef bint good = False
    o.p = NULL
    if not kind:
        return False
    if p is not None:
        of_mass = opened(p, &mass, 1)
    if view.shape[0] <= SHORT_LETTERS and (p is None or (of_mass and mass.shape[0] == view.shape[0])):
        o.size = view.shape[0]
        o.p = <double*>malloc(2 * o.size * sizeof(double) + relatives_bytes(o.size))
        if o.p is not NULL:
            o.reward, o.memory = o.p + o.size, o.p + 2 * o.size
            widen(&view, kind, o.reward)
            if p is None:
                table.fill(o.size, 1.0, o.p)
            else:
                widen(&mass, of_mass, o.p)
            good = are_masses(o.size, o.p) and (all_finite(o.size, o.reward) if finite else
                                                not has_nan(o.size, o.reward))
    if of_mass:
        PyBuffer_Release(&mass)
    PyBuffer_Release(&view)
    return good


cdef inline bint within(object x, double least, double *out) noexcept:
    """Whether `x` is a finite number not below `least`; writes it to `out`."""
    return number(x, out) and out[0] >= least and out[0] < AF_INFINITY


def short_best_of_poisson(p, reward, mu):
    """Return the law."""
    cdef outcomes o
    cdef double rate
    cdef void *memory
    try:
        if not take_outcomes(p, reward, False, &o) or not within(mu, 0.0, &rate):
            return None
        out = new_array(b'd', o.size, &memory)
        table.best_of_poisson(o.size, o.p, o.reward, rate, o.memory, <double*>memory)
        return out
    finally:
        free(o.p)


def short_win_rate_optimal(p, reward, strength, kl):
    """Return (law, strength, divergence, win rate), from the strength or the divergence."""
    cdef outcomes o
    cdef double c, divergence, win
    cdef void *memory
    try:
        if not take_outcomes(p, reward, False, &o) or (strength is None) == (kl is None):
            return None
        if strength is None:
            if not within(kl, 0.0, &c) or not c < LARGEST_KL:
                return None
            c = table.quantile_strength(c)
        elif not within(strength, 0.0, &c):
            return None
        out = new_array(b'd', o.size, &memory)
        table.win_rate_optimal(o.size, o.p, o.reward, c, o.memory, <double*>memory)
        table.quantile_tilt(c, &divergence, &win)
        return out, c, divergence, win
    finally:
        free(o.p)


def short_pessimism(p, scores, beta):
    """Return (threshold, weights); `p` may be None."""
    cdef outcomes o
    cdef double strength, threshold
    cdef void *memory
    try:
        if not take_outcomes(p, scores, True, &o) or not within(beta, 0.0, &strength) or strength == 0.0:
            return None
        out = new_array(b'd', o.size, &memory)
        threshold = table.pessimism(o.size, o.p, o.reward, strength, o.memory, <double*>memory)
        return threshold, out
    finally:
        free(o.p)


def short_soft_best_of_n(p, reward, n, temperature):
    """Return the law for an integer n."""
    cdef outcomes o
    cdef double draws, heat
    cdef void *memory
    try:
        if not take_outcomes(p, reward, True, &o) or not within(n, 1.0, &draws) or floor(draws) != draws \
                or not within(temperature, 0.0, &heat) or heat == 0.0:
            return None
        out = new_array(b'd', o.size, &memory)
        with nogil:
            table.soft_best_of_n(o.size, o.p, o.reward, draws, heat, o.memory, <double*>memory)
        return out
    finally:
        free(o.p)


def short_tsallis_weights(reward, beta):
    """Return the weights of order 2 of samples of one mass: those of pessimism on rewards below the best, in units of beta."""
    cdef outcomes o
    cdef Py_buffer view
    cdef double strength, best
    cdef double *weight = NULL
    cdef char kind = opened(reward, &view, 1)
    cdef Py_ssize_t i
    if not kind:
        return None
    PyBuffer_Release(&view)
    try:
        if not take_outcomes(None, reward, True, &o) or not within(beta, 0.0, &strength) or strength == 0.0:
            return None
        best = o.reward[0]
        for i in range(o.size):
            best = o.reward[i] if o.reward[i] > best else best
        for i in range(o.size):
            o.reward[i] = (o.reward[i] - best) / strength
        if not all_finite(o.size, o.reward):
            return None
        table.fill(o.size, 1.0 / o.size, o.p)
        weight = <double*>scratch(o.size * sizeof(double))
        table.pessimism(o.size, o.p, o.reward, 1.0, o.memory, weight)
        return array_of(kind, o.size, o.size, weight)
    finally:
        free(weight)
        free(o.p)
