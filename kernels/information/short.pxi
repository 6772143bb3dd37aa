# The short path of small calls (kernels/common/short.pxd): one row of NumPy numbers and plain parameters in, what the
# public function of that name returns out, or None where the general path must decide.

import numpy

from libc.math cimport fabs, isfinite

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer

from alignment_fast.kernels.common.cpu cimport number, opened
from alignment_fast.kernels.common.short cimport is_flag

cdef object float64 = numpy.float64
cdef object float32 = numpy.float32
cdef object empty = numpy.empty

cdef enum:
    # More orders than these leave the stack; the general path's overhead is no matter then.
    MOST_ORDERS = 256
    # Letters times orders from which on the interpreter is let go.
    LONG = 4096
    # Beyond these the general path takes over, which gives up its thread and can be interrupted, and refuses results that
    # fit in no memory: its arguments cost nothing beside such rows. Solvers go over a row some ten times.
    LONGEST = 1 << 16  # letters
    MOST_TERMS = 1 << 20  # letters times points of a solver

cdef double NEAR_ZERO = 1.0 / 64
cdef double INFINITE = float("inf")
# How well a budget is met, relatively (alignment_fast/policy/tilting.py).
cdef double MET = 1e-13


# ---- arguments ----

cdef struct Operands:
    Py_buffer views[3]
    int held
    char real
    Py_ssize_t letters


cdef bint hold(Operands *operands, object x) noexcept:
    """Hold the buffer of one more array; return whether it is one, of the type and the length of those held."""
    cdef Py_buffer *view = &operands.views[operands.held]
    cdef char real = opened(x, view, 1)
    if real == 0:
        return False
    if view.shape[0] > LONGEST:
        PyBuffer_Release(view)
        return False
    operands.held += 1
    if operands.held == 1:
        operands.real, operands.letters = real, view.shape[0]
    return real == operands.real and view.shape[0] == operands.letters


cdef void let_go(Operands *operands) noexcept:
    while operands.held > 0:
        operands.held -= 1
        PyBuffer_Release(&operands.views[operands.held])


cdef struct Points:
    double at[MOST_ORDERS]
    Py_ssize_t count
    bint scalar


cdef bint take_points(object x, Points *points) noexcept:
    """Read a number or a short vector; return whether it is one, without NaN."""
    cdef Py_buffer view
    cdef char real
    cdef Py_ssize_t k
    points.scalar = number(x, &points.at[0])
    points.count = 1
    if not points.scalar:
        real = opened(x, &view, 1)
        if real == 0:
            return False
        points.count = view.shape[0] if view.shape[0] <= MOST_ORDERS else 0
        for k in range(points.count):
            points.at[k] = (<const double*>view.buf)[k] if real == b'd' else (<const float*>view.buf)[k]
        PyBuffer_Release(&view)
    for k in range(points.count):
        if points.at[k] != points.at[k]:
            return False
    return points.count > 0


cdef bint all_finite(const Points *points) noexcept:
    cdef Py_ssize_t k
    for k in range(points.count):
        if not (-INFINITE < points.at[k] < INFINITE):
            return False
    return True


cdef af_rows one_row(const Operands *operands, int weights, int weight_kind, int rewards, int reward_kind, bint normalize,
                     const double *orders, Py_ssize_t n_orders) noexcept:
    """Return the row of the operands number `weights` and `rewards`; of a kind that reads none, any number."""
    cdef af_rows rows
    rows.weights = operands.views[weights].buf if weight_kind != AF_WEIGHT_UNIFORM else NULL
    rows.rewards = operands.views[rewards].buf if reward_kind != AF_REWARD_OWN_LOG else NULL
    rows.weights_stride = rows.rewards_stride = rows.orders_stride = 0
    rows.letters = operands.letters
    rows.weight_kind, rows.reward_kind, rows.normalize = weight_kind, reward_kind, normalize
    rows.single = operands.real == b'f'
    rows.orders, rows.n_orders = orders, n_orders
    return rows


# ---- results ----

cdef object scalar_of(char real, double value):
    return float64(value) if real == b'd' else float32(<double>(<float>value))


cdef object array_of(char real, object shape, const double *values, Py_ssize_t count):
    """Return `count` values as a new array of `shape`."""
    cdef object result = empty(shape, float64 if real == b'd' else float32)
    cdef Py_buffer view
    cdef Py_ssize_t k
    PyObject_GetBuffer(result, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    if real == b'd':
        memcpy(view.buf, values, count * sizeof(double))
    else:
        for k in range(count):
            (<float*>view.buf)[k] = <float>values[k]
    PyBuffer_Release(&view)
    return result


cdef object values_of(char real, const Points *points, const double *values):
    """Return one value for every point: a scalar for a scalar."""
    return scalar_of(real, values[0]) if points.scalar else array_of(real, points.count, values, points.count)


cdef object vectors_of(char real, const Points *points, Py_ssize_t width, const double *values):
    """Return `width` values for every point: a vector for a scalar."""
    if points.scalar:
        return array_of(real, width, values, width)
    return array_of(real, (points.count, width), values, points.count * width)


# ---- exponential means ----

cdef bint means(char real, const af_rows *rows, int times_order, double *out, double *normalizers) noexcept:
    """Write the exponential means of one row; return whether all of it was good."""
    cdef af_verdict verdict
    if rows.letters * rows.n_orders > LONG:
        with nogil:
            verdict = means_as(real, rows, times_order, out, normalizers)
    else:
        verdict = means_as(real, rows, times_order, out, normalizers)
    return verdict.weights == AF_OK and verdict.rewards == AF_OK


cdef af_verdict means_as(char real, const af_rows *rows, int times_order, double *out, double *normalizers) noexcept nogil:
    if real == b'd':
        return table.exponential_mean_f64(rows, times_order, out, normalizers, 0, 1)
    return table.exponential_mean_f32(rows, times_order, out, normalizers, 0, 1)


cdef bint renyi(const Operands *operands, bint log, int reward_kind, bint normalize, const Points *points,
                double *out) noexcept:
    """Write E(order − 1) of weights and rewards of that kind, negated unless these are log-ratios, to `out`."""
    cdef double less_one[MOST_ORDERS]
    cdef Py_ssize_t k
    cdef int weight_kind = AF_WEIGHT_LOG if log else AF_WEIGHT_PROBABILITY
    cdef bint of_ratios = reward_kind == AF_REWARD_LOG_RATIO, mirrored = False
    cdef af_rows rows = one_row(operands, 0, weight_kind, 1, reward_kind, normalize, less_one, points.count)
    for k in range(points.count):
        less_one[k] = points.at[k] - 1.0
        mirrored |= -NEAR_ZERO < points.at[k] < NEAR_ZERO and points.at[k] != 0
    if not means(operands.real, &rows, 0, out, NULL):
        return False
    if not of_ratios:
        for k in range(points.count):
            out[k] = 0.0 - out[k]
    elif normalize and mirrored:
        return mirror(operands, weight_kind, points, out)
    return True


cdef bint mirror(const Operands *operands, int weight_kind, const Points *points, double *out) noexcept:
    """Replace divergences of orders near 0 by those of q from p: D_t(p‖q) = t/(1 − t) D_{1−t}(q‖p)."""
    cdef double orders[MOST_ORDERS]
    cdef double values[MOST_ORDERS]
    cdef double t, value
    cdef Py_ssize_t k
    cdef af_rows rows = one_row(operands, 1, weight_kind, 0, AF_REWARD_LOG_RATIO, True, orders, points.count)
    for k in range(points.count):
        orders[k] = -points.at[k] if -NEAR_ZERO < points.at[k] < NEAR_ZERO else -0.0
    if not means(operands.real, &rows, 0, values, NULL):
        return False
    for k in range(points.count):
        t = -orders[k]
        value = values[k] * (t / (1.0 - t))
        if t != 0 and -INFINITE < value < INFINITE:
            out[k] = value
    return True


cdef object renyi_of(object p, object q, object order, object log, int reward_kind, object normalize, bint with_own):
    """Return a Rényi measure of one row each of p and q (None: without q), plus the entropy of p if `with_own`."""
    cdef Operands operands
    cdef Points points
    cdef double out[MOST_ORDERS]
    cdef double own[MOST_ORDERS]
    cdef Py_ssize_t k
    cdef bint good
    operands.held = 0
    good = (is_flag(log) and is_flag(normalize) and hold(&operands, p) and (q is None or hold(&operands, q))
            and take_points(order, &points) and renyi(&operands, log, reward_kind, normalize, &points, out))
    if good and with_own:
        good = renyi(&operands, log, AF_REWARD_OWN_LOG, True, &points, own)
        for k in range(points.count if good else 0):
            out[k] = out[k] + own[k] if operands.real == b'd' else <double>(<float>out[k] + <float>own[k])
    let_go(&operands)
    return values_of(operands.real, &points, out) if good else None


def short_renyi_entropy(p, order, log):
    """Return what `renyi_entropy` does of one row and a number or a few orders, or None: the general path must decide."""
    return renyi_of(p, None, order, log, AF_REWARD_OWN_LOG, True, False)


def short_renyi_divergence(p, q, order, log, normalize_q):
    """Return what `renyi_divergence` does, as `short_renyi_entropy`."""
    return None if q is None else renyi_of(p, q, order, log, AF_REWARD_LOG_RATIO, normalize_q, False)


def short_renyi_cross_entropy(p, q, order, natural, log, normalize_q):
    """Return what `renyi_cross_entropy` does, as `short_renyi_entropy`."""
    cdef int kind = AF_REWARD_LOGITS if log is True else AF_REWARD_LOG_OF
    return None if q is None else renyi_of(p, q, order, log, AF_REWARD_LOG_RATIO if natural else kind, normalize_q, natural)


# ---- order 1 ----

cdef double plain_as(int kind, Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil:
    if kind == AF_REWARD_OWN_LOG:
        return table.plain_entropy(n, p)
    if kind == AF_REWARD_LOG_OF:
        return table.plain_cross_entropy(n, p, q, normalize)
    return table.plain_divergence(n, p, q, normalize)


cdef double plain(int kind, Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept:
    cdef double value
    if n <= LONG:
        return plain_as(kind, n, p, q, normalize)
    with nogil:
        value = plain_as(kind, n, p, q, normalize)
    return value


cdef object of_order_one(object p, object q, object log, int reward_kind, object normalize):
    """Return the measure of order 1 of one row each of p and q (None: without q), or None."""
    cdef Operands operands
    cdef Points points
    cdef double value = 0.0
    cdef bint good
    operands.held = 0
    good = is_flag(log) and is_flag(normalize) and hold(&operands, p) and (q is None or hold(&operands, q))
    if good and operands.real == b'd' and log is False:
        value = plain(reward_kind, operands.letters, <const double*>operands.views[0].buf,
                      <const double*>operands.views[operands.held - 1].buf, normalize)
        good = value == value
    elif good:
        points.at[0], points.count, points.scalar = 1.0, 1, True
        good = renyi(&operands, log, reward_kind, normalize, &points, &value)
    let_go(&operands)
    return scalar_of(operands.real, value) if good else None


def short_entropy(p, log):
    """Return the entropy of one row in nats, or None where the general path must decide."""
    return of_order_one(p, None, log, AF_REWARD_OWN_LOG, True)


def short_cross_entropy(p, q, log, normalize_q):
    """Return the cross entropy of two rows in nats, or None where the general path must decide."""
    return None if q is None else of_order_one(p, q, log, AF_REWARD_LOGITS if log is True else AF_REWARD_LOG_OF, normalize_q)


def short_kl_divergence(p, q, log, normalize_q):
    """Return the divergence of two rows in nats, or None where the general path must decide."""
    return None if q is None else of_order_one(p, q, log, AF_REWARD_LOG_RATIO, normalize_q)


# ---- log-MGF and its derivatives ----

cdef bint hold_rewards(Operands *operands, object reward, object p, object log) noexcept:
    """Hold the rewards, number 0, and the weights, number 1, unless they are None; `log` must be a flag."""
    return is_flag(log) and hold(operands, reward) and (p is None or hold(operands, p))


cdef int kind_of(const Operands *operands, bint log) noexcept:
    """Return the kind of the weights held by `hold_rewards`."""
    if operands.held == 1:
        return AF_WEIGHT_UNIFORM
    return AF_WEIGHT_LOG if log else AF_WEIGHT_PROBABILITY


def short_log_mgf(reward, t, p, log):
    """Return what `log_mgf` does of one row and a number or a few finite tilts, or None."""
    cdef Operands operands
    cdef Points points
    cdef af_rows rows
    cdef double out[MOST_ORDERS]
    cdef bint good
    operands.held = 0
    good = hold_rewards(&operands, reward, p, log) and take_points(t, &points) and all_finite(&points)
    if good:
        rows = one_row(&operands, 1, kind_of(&operands, log), 0, AF_REWARD_GIVEN, True, points.at, points.count)
        good = means(operands.real, &rows, 1, out, NULL)
    let_go(&operands)
    return values_of(operands.real, &points, out) if good else None


cdef bint moments(char real, const af_rows *rows, int order, double *out) noexcept:
    """Write K and the first cumulants at every order of one row; return whether all of it was good."""
    cdef double mean[MOST_ORDERS]
    cdef double normalizers[2]
    if not means(real, rows, 0, mean, normalizers):
        return False
    if rows.letters * rows.n_orders > LONG:
        with nogil:
            moments_as(real, rows, order, mean, normalizers, out)
    else:
        moments_as(real, rows, order, mean, normalizers, out)
    return True


cdef void moments_as(char real, const af_rows *rows, int order, const double *mean, const double *normalizers,
                     double *out) noexcept nogil:
    if real == b'd':
        table.tilted_moments_f64(rows, order, mean, normalizers, out, 0, 1)
    else:
        table.tilted_moments_f32(rows, order, mean, normalizers, out, 0, 1)


def short_tilted_moments(reward, t, p, order, log):
    """Return the fields of `tilted_moments` of one row and a number or a few tilts, or None."""
    cdef Operands operands
    cdef Points points
    cdef af_rows rows
    cdef double out[MOST_ORDERS * 9]
    cdef double log_mgf[MOST_ORDERS]
    cdef double cumulants[MOST_ORDERS * 8]
    cdef Py_ssize_t k, width
    cdef int highest
    cdef bint good
    if type(order) is not int or not 1 <= order <= 8:
        return None
    highest, width = order, order
    operands.held = 0
    good = hold_rewards(&operands, reward, p, log) and take_points(t, &points) and all_finite(&points)
    if good:
        rows = one_row(&operands, 1, kind_of(&operands, log), 0, AF_REWARD_GIVEN, True, points.at, points.count)
        good = moments(operands.real, &rows, highest, out)
    let_go(&operands)
    for k in range(points.count * (1 + width) if good else 0):
        good = good and isfinite(out[k])
    if not good:
        return None
    for k in range(points.count):
        log_mgf[k] = out[k * (width + 1)]
        memcpy(cumulants + k * width, out + k * (width + 1) + 1, width * sizeof(double))
    return (
        values_of(operands.real, &points, points.at),
        values_of(operands.real, &points, log_mgf),
        vectors_of(operands.real, &points, width, cumulants),
    )


# ---- tilts ----

cdef struct Tilts:
    # Weights, rewards and points of a call on tilts, and what is found; `rows` refers to the rest.
    Operands operands
    Points points
    af_rows rows
    double fields[MOST_ORDERS * 4]
    double alpha[MOST_ORDERS]
    double reached[MOST_ORDERS]
    const double *deficit # log(D_max - divergence) of every point, where it is known


cdef bint hold_tilts(Tilts *call, object reward, object p, object at, object log) noexcept:
    """Read the arguments; return whether the short path takes them. The operands are to be let go in any case."""
    call.operands.held, call.deficit = 0, NULL
    if not (hold_rewards(&call.operands, reward, p, log) and take_points(at, &call.points)):
        return False
    call.rows = one_row(&call.operands, 1, kind_of(&call.operands, log), 0, AF_REWARD_GIVEN, True,
                        call.points.at, call.points.count)
    return call.rows.letters * call.rows.n_orders <= MOST_TERMS


cdef bint is_long(const af_rows *rows) noexcept:
    return rows.letters * rows.n_orders > LONG // 4


cdef enum:
    TILTS, TILTS_OF_DIVERGENCE, RATES


cdef int found_as(int what, Tilts *call, void *log_pi, double *scratch) noexcept nogil:
    cdef bint single = call.operands.real == b'f'
    if what == TILTS:
        return table.tilts(&call.rows, single, log_pi, call.fields, scratch, 0, 1)
    if what == TILTS_OF_DIVERGENCE:
        return table.tilts_of_divergence(&call.rows, single, call.deficit, NULL, call.alpha, call.reached, scratch, 0, 1)
    return table.rates(&call.rows, single, call.reached, call.alpha, scratch, 0, 1)


cdef bint found(int what, Tilts *call, void *log_pi) noexcept:
    """Run a loop over the points of the one row; return whether that was good."""
    cdef double *scratch = <double*>pages(AF_ROW_SCRATCH * call.rows.letters * sizeof(double))
    cdef int status
    if scratch == NULL:
        return False
    if is_long(&call.rows):
        with nogil:
            status = found_as(what, call, log_pi, scratch)
    else:
        status = found_as(what, call, log_pi, scratch)
    free(scratch)
    return status == AF_ROWS_GOOD


cdef bint find_tilts(Tilts *call, void *log_pi) noexcept:
    """Find the fields of the tilts `alpha`; return whether the row was good."""
    call.rows.orders = call.alpha
    return found(TILTS, call, log_pi)


cdef bint find_alpha(Tilts *call) noexcept:
    """Find the tilts whose divergences are the points; return whether the row was good and every budget is met."""
    cdef Py_ssize_t k
    for k in range(call.points.count):
        if not call.points.at[k] >= 0:
            return False
    if not found(TILTS_OF_DIVERGENCE, call, NULL):
        return False
    for k in range(call.points.count):
        if call.alpha[k] < INFINITE and not fabs(call.reached[k] - call.points.at[k]) <= MET * call.points.at[k]:
            return False
    return True


cdef object field_of(const Tilts *call, int which):
    cdef double values[MOST_ORDERS]
    cdef Py_ssize_t k
    for k in range(call.points.count):
        values[k] = call.fields[k * AF_TILT_FIELDS + which]
    return values_of(call.operands.real, &call.points, values)


cdef object policy_of(Tilts *call):
    """Return the fields of a TiltedPolicy at `alpha`, or None where the row is bad."""
    cdef object shape = call.operands.letters
    cdef object log_pi
    cdef Py_buffer view
    cdef bint good
    if not call.points.scalar:
        shape = (call.points.count, call.operands.letters)
    log_pi = empty(shape, float64 if call.operands.real == b'd' else float32)
    PyObject_GetBuffer(log_pi, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    good = find_tilts(call, view.buf)
    PyBuffer_Release(&view)
    if not good:
        return None
    return (
        values_of(call.operands.real, &call.points, call.alpha),
        log_pi,
        field_of(call, AF_TILT_DIVERGENCE),
        field_of(call, AF_TILT_MEAN),
        field_of(call, AF_TILT_VARIANCE),
        field_of(call, AF_TILT_LOG_MGF),
    )


def short_tilt(p, reward, alpha, log):
    """Return the fields of `tilt` of one row and a number or a few tilts, or None."""
    cdef Tilts call
    cdef object fields = None
    if hold_tilts(&call, reward, p, alpha, log):
        memcpy(call.alpha, call.points.at, call.points.count * sizeof(double))
        fields = policy_of(&call)
    let_go(&call.operands)
    return fields


def short_kl_constrained(p, reward, kl, log):
    """Return the fields of `kl_constrained` of one row and one or a few budgets that are met, or None."""
    cdef Tilts call
    cdef object fields = None
    if hold_tilts(&call, reward, p, kl, log) and find_alpha(&call):
        fields = policy_of(&call)
    let_go(&call.operands)
    return fields


def short_matched(log_p, reward, kl, log_deficit):
    """Return the fields of the tilts of divergence `kl` of one row, where log(D_max - kl) is known, or None."""
    cdef Tilts call
    cdef Points deficit
    cdef object fields = None
    if hold_tilts(&call, reward, log_p, kl, True) and take_points(log_deficit, &deficit) \
            and deficit.count == call.points.count:
        call.deficit = deficit.at
        if found(TILTS_OF_DIVERGENCE, &call, NULL):
            fields = policy_of(&call)
    let_go(&call.operands)
    return fields


def short_rate_function(reward, x, p, log):
    """Return the fields of `rate_function` of one row and one or a few levels, or None."""
    cdef Tilts call
    cdef object fields = None
    if hold_tilts(&call, reward, p, x, log) and found(RATES, &call, NULL):
        fields = (
            values_of(call.operands.real, &call.points, call.reached),
            values_of(call.operands.real, &call.points, call.alpha),
        )
    let_go(&call.operands)
    return fields


def short_optimality_gap(psi, p, reward, kl, log):
    """Return what `optimality_gap` does of one row each and a budget that is met, or None."""
    cdef Tilts call
    cdef double gap = 0.0
    cdef bint good = False
    if p is not None and hold_tilts(&call, reward, p, kl, log):
        good = call.points.scalar and hold(&call.operands, psi) and find_alpha(&call) and find_gap(&call, log, &gap)
    elif p is None:
        return None
    let_go(&call.operands)
    return scalar_of(call.operands.real, gap) if good else None


cdef bint find_gap(Tilts *call, bint log, double *gap) noexcept:
    """Find the divergence of the third operand, psi, from the tilt `alpha`."""
    cdef Py_ssize_t letters = call.operands.letters, size = 8 if call.operands.real == b'd' else 4
    cdef char *scratch = <char*>calloc(3 * letters, size)
    cdef double zero = 0.0
    cdef double mean
    cdef double normalizers[2]
    cdef af_rows rows = call.rows
    cdef bint good
    if scratch == NULL:
        return False
    rows.weights, rows.rewards = call.operands.views[2].buf, scratch
    rows.orders, rows.n_orders = &zero, 1
    rows.weight_kind = AF_WEIGHT_LOG if log else AF_WEIGHT_PROBABILITY
    good = find_tilts(call, scratch + letters * size) and means(call.operands.real, &rows, 0, &mean, normalizers)
    if good:
        if size == 8:
            table.log_tilted_f64(&rows, &mean, normalizers, <double*>(scratch + 2 * letters * size), 0, 1)
        else:
            table.log_tilted_f32(&rows, &mean, normalizers, <float*>(scratch + 2 * letters * size), 0, 1)
        rows.weights, rows.rewards = scratch + 2 * letters * size, scratch + letters * size
        rows.weight_kind, rows.reward_kind = AF_WEIGHT_LOG, AF_REWARD_LOG_RATIO
        good = means(call.operands.real, &rows, 0, gap, NULL)
    free(scratch)
    return good


# ---- derivatives ----

cdef object vectors_at(char real, const Points *points, Py_ssize_t letters, const double *values, Py_ssize_t stride,
                       bint negative):
    """Return one vector over letters for every point, from `values` with `stride` vectors a point."""
    cdef Py_ssize_t k, i
    cdef object result
    cdef double *taken
    if points.count == 1 and not negative:  # it lies as it is wanted
        return vectors_of(real, points, letters, values)
    taken = <double*>pages(points.count * letters * sizeof(double))
    if taken == NULL:
        raise MemoryError
    for k in range(points.count):
        for i in range(letters):
            taken[k * letters + i] = -values[k * stride * letters + i] if negative else values[k * stride * letters + i]
    try:
        result = vectors_of(real, points, letters, taken)
    finally:
        free(taken)
    return result


cdef object derivatives(const Operands *operands, const Points *points, const af_rows *rows, int quantity, bint negative):
    """Return a list of scalars and a list of vectors over letters, of every point, or None where the row is bad.

    `negative`: of the vectors the opposite.
    """
    cdef Py_ssize_t n = af_gradient_scalars[quantity], m = af_gradient_vectors[quantity], k, j
    cdef Py_ssize_t letters = operands.letters
    cdef double scalars[MOST_ORDERS * 4]
    cdef double of_point[MOST_ORDERS]
    cdef double *vectors = <double*>pages((points.count * m + AF_ROW_SCRATCH) * letters * sizeof(double))
    cdef double *scratch = vectors + points.count * m * letters
    cdef int status
    cdef bint single = operands.real == b'f'
    if vectors == NULL:
        return None
    try:
        if is_long(rows):
            with nogil:
                status = table.gradients(rows, single, quantity, scalars, vectors, scratch, 0, 1)
        else:
            status = table.gradients(rows, single, quantity, scalars, vectors, scratch, 0, 1)
        if status != AF_ROWS_GOOD:
            return None
        by_parameter, by_letters = [], []
        for j in range(n):
            for k in range(points.count):
                of_point[k] = scalars[k * n + j]
            by_parameter.append(values_of(operands.real, points, of_point))
        for j in range(m):  # no comprehension: Cython 3.3 gives an element back twice where the list cannot grow
            by_letters.append(vectors_at(operands.real, points, letters, vectors + j * letters, m, negative))
    finally:
        free(vectors)
    return by_parameter, by_letters


def short_log_mgf_gradient(reward, t, p, log):
    """Return the fields of `log_mgf_gradient` of one row and one or a few finite tilts, or None."""
    cdef Tilts call
    cdef object result = None
    if hold_tilts(&call, reward, p, t, log) and all_finite(&call.points):
        result = derivatives(&call.operands, &call.points, &call.rows, AF_OF_LOG_MGF, False)
    let_go(&call.operands)
    return None if result is None else (*result[0], *result[1])


def short_rate_function_gradient(reward, x, p, log):
    """Return the fields of `rate_function_gradient` of one row and one or a few levels inside the range, or None."""
    cdef Tilts call
    cdef object result = None
    cdef Py_ssize_t k
    cdef bint inside = hold_tilts(&call, reward, p, x, log) and found(RATES, &call, NULL)
    for k in range(call.points.count if inside else 0):
        inside = inside and call.reached[k] < INFINITE and -INFINITE < call.alpha[k] < INFINITE
    if inside:
        call.rows.orders = call.alpha
        result = derivatives(&call.operands, &call.points, &call.rows, AF_OF_LOG_MGF, True)
    let_go(&call.operands)
    if result is None:
        return None
    return (values_of(call.operands.real, &call.points, call.alpha), *result[1])


def short_tilt_gradient(p, reward, alpha, log):
    """Return the scalars' and the letters' derivatives of `tilt_gradient` of one row, or None."""
    cdef Tilts call
    cdef object result = None
    if hold_tilts(&call, reward, p, alpha, log) and all_finite(&call.points):
        result = derivatives(&call.operands, &call.points, &call.rows, AF_OF_TILT, False)
    let_go(&call.operands)
    return result


def short_kl_constrained_gradient(p, reward, kl, log):
    """Return the scalars' and the letters' derivatives of `kl_constrained_gradient` of one row, or None."""
    cdef Tilts call
    cdef object result = None
    cdef Py_ssize_t k
    cdef bint inside = hold_tilts(&call, reward, p, kl, log) and find_alpha(&call)
    for k in range(call.points.count if inside else 0):
        inside = inside and 0 < call.alpha[k] < INFINITE
    if inside:
        call.rows.orders = call.alpha
        result = derivatives(&call.operands, &call.points, &call.rows, AF_OF_CONSTRAINED, False)
    let_go(&call.operands)
    return result


cdef object measure_gradient(object p, object q, object order, object log, int quantity):
    """Return the fields of the gradient of a Rényi measure of one row each and one or a few orders, or None."""
    cdef Operands operands
    cdef Points points
    cdef af_rows rows
    cdef object result = None
    operands.held = 0
    if (is_flag(log) and hold(&operands, p) and (q is None or hold(&operands, q)) and take_points(order, &points)
            and all_finite(&points)):
        rows = one_row(&operands, 0, AF_WEIGHT_LOG if log else AF_WEIGHT_PROBABILITY, operands.held - 1,
                       AF_REWARD_GIVEN, True, points.at, points.count)
        result = derivatives(&operands, &points, &rows, quantity, False)
    let_go(&operands)
    return None if result is None else (*result[0], *result[1])


def short_renyi_entropy_gradient(p, order, log):
    """Return the fields of `renyi_entropy_gradient` but the last, or None."""
    return measure_gradient(p, None, order, log, AF_OF_ENTROPY)


def short_renyi_divergence_gradient(p, q, order, log):
    """Return the fields of `renyi_divergence_gradient`, or None."""
    return None if q is None else measure_gradient(p, q, order, log, AF_OF_DIVERGENCE)


def short_renyi_cross_entropy_gradient(p, q, order, log):
    """Return the fields of `renyi_cross_entropy_gradient`, standard variant, or None."""
    return None if q is None else measure_gradient(p, q, order, log, AF_OF_CROSS_ENTROPY)


# ---- estimators ----

cdef object column_of(char real, const double *values, Py_ssize_t n):
    return array_of(real, n, values, n)


def short_kl_estimators(log_policy, log_reference):
    """Return the fields of `kl_estimators` of vectors of one length, or None."""
    cdef Operands operands
    cdef Py_ssize_t i, n
    cdef float half, of_float
    cdef double *work
    cdef const double *a
    cdef const double *b
    cdef object fields = None
    operands.held = 0
    if hold(&operands, log_policy) and hold(&operands, log_reference) and operands.letters <= LONG:
        n = operands.letters
        work = <double*>malloc(5 * n * sizeof(double))
        if work == NULL:
            let_go(&operands)
            return None
        if operands.real == b'd':
            a, b = <const double*>operands.views[0].buf, <const double*>operands.views[1].buf
            for i in range(n):
                work[i] = a[i] - b[i]
                work[n + i] = 0.5 * work[i] * work[i]
        else:
            half = 0.5
            for i in range(n):
                of_float = (<const float*>operands.views[0].buf)[i] - (<const float*>operands.views[1].buf)[i]
                work[i] = of_float
                work[n + i] = half * of_float * of_float
        table.estimates(n, work, work + 2 * n, work + 3 * n)
        for i in range(n):
            work[4 * n + i] = 1.0 if work[i] == work[i] else work[i]
        try:
            rho = column_of(operands.real, work, n)
            fields = (
                rho,
                column_of(operands.real, work + n, n),
                column_of(operands.real, work + 2 * n, n),
                column_of(operands.real, work + 4 * n, n),
                rho,
                column_of(operands.real, work + 3 * n, n),
            )
        finally:
            free(work)
    let_go(&operands)
    return fields


def short_kl_estimator_moments(p, reference, log):
    """Return the fields of `kl_estimator_moments` of one row each, or None."""
    cdef Operands operands
    cdef af_rows rows
    cdef double scalars[AF_ESTIMATOR_SCALARS]
    cdef double *vectors = NULL
    cdef Py_ssize_t letters
    cdef bint good = False
    cdef object fields = None
    operands.held = 0
    if is_flag(log) and hold(&operands, p) and hold(&operands, reference) and operands.letters <= LONG:
        letters = operands.letters
        rows = one_row(&operands, 0, AF_WEIGHT_LOG if log else AF_WEIGHT_PROBABILITY, 1, AF_REWARD_GIVEN, True, NULL, 0)
        vectors = <double*>pages((AF_ESTIMATOR_VECTORS + AF_ROW_SCRATCH) * letters * sizeof(double))
        good = vectors != NULL and table.estimator_moments(
            &rows, operands.real == b'f', scalars, vectors, vectors + AF_ESTIMATOR_VECTORS * letters, 0, 1
        ) == AF_ROWS_GOOD
    let_go(&operands)
    try:
        if good:
            fields = (
                float64(scalars[0]),
                float64(scalars[1]),
                array_of(b'd', 3, scalars + 2, 3),
                array_of(b'd', 3, scalars + 5, 3),
                array_of(b'd', 3, scalars + 8, 3),
                array_of(b'd', (3, letters), vectors, 3 * letters),
                array_of(b'd', (3, letters), vectors + 3 * letters, 3 * letters),
                array_of(b'd', letters, vectors + 6 * letters, letters),
                array_of(b'd', letters, vectors + 7 * letters, letters),
            )
    finally:
        free(vectors)
    return fields


# ---- Markov sources ----


cdef struct Chains:
    Py_ssize_t states
    char real
    double *P
    double *other  # behind P, and what a kernel needs behind that
    double *memory


cdef bint read_chains(object P, object other, Chains *out) except -1:
    """Read two matrices of one type, the rows of the first normalised; return whether they are good. P is to be freed."""
    cdef Py_buffer view
    cdef object given
    cdef char real
    cdef Py_ssize_t n = 0, k
    cdef double *to
    cdef bint good
    out.P = NULL
    for given in (P, other):
        real = opened(given, &view, 2)
        if real == 0:
            return False
        if out.P is NULL:
            n, out.real = view.shape[0], real
        good = real == out.real and view.shape[0] == n and view.shape[1] == n and n <= MOST_STATES
        try:
            if good and out.P is NULL:
                out.P = <double*>memory_of_bytes(3 * n * n * sizeof(double) + markov_bytes(n))
                out.states, out.other, out.memory = n, out.P + n * n, out.P + 3 * n * n
                to = out.P
            elif good:
                to = out.other
            if good:
                for k in range(n * n):
                    to[k] = (<const double*>view.buf)[k] if real == b'd' else (<const float*>view.buf)[k]
        finally:
            PyBuffer_Release(&view)
        if not good:
            return False
    return table.markov_normalise(n, out.P)


def short_markov_rate(P, Q, order, normalize):
    """Return the rate of Renyi cross entropy of one small chain, whose states are all possible at first."""
    cdef Chains chains
    cdef Py_ssize_t n
    cdef double t, value
    cdef double *normal
    if not (is_flag(normalize) and number(order, &t)):
        return None
    chains.P = NULL
    try:
        if not read_chains(P, Q, &chains):
            return None
        n = chains.states
        normal = chains.other + n * n
        memcpy(normal, chains.other, n * n * sizeof(double))
        if not table.markov_normalise(n, normal):
            return None
        value = table.markov_rate(n, chains.P, normal if normalize else chains.other, t - 1.0, chains.memory)
        return scalar_of(chains.real, value) if value == value else None
    finally:
        free(chains.P)


def short_markov_aligned(P, reward, alpha):
    """Return the fields of the aligned policy of one small chain."""
    cdef Chains chains
    cdef Py_ssize_t n
    cdef double tilt
    cdef double out[4]
    cdef double *chain
    if not number(alpha, &tilt):
        return None
    chains.P = NULL
    try:
        if not read_chains(P, reward, &chains):
            return None
        n = chains.states
        chain = chains.other + n * n
        if not table.markov_aligned(n, chains.P, chains.other, tilt, chain, out, chains.memory):
            return None
        return (array_of(chains.real, (n, n), chain, n * n), scalar_of(chains.real, out[0]), scalar_of(chains.real, out[1]),
                scalar_of(chains.real, out[2]), scalar_of(chains.real, out[3]))
    finally:
        free(chains.P)
