# The short path of small calls: one preference matrix and what goes with it in, a tuple of results or None out. The public
# functions make their named tuples of it.

from alignment_fast.kernels.common.cpu cimport (
    NO_AXIS, all_finite, array_over, drop_numbers, drop_vectors, hold, opened_of, take_numbers
)
from alignment_fast.kernels.common.short cimport numbers, vectors

include "arguments.pxi"

cdef object integer64 = numpy.int64
cdef object flag = numpy.bool_
cdef object uint8 = numpy.uint8

# Comparisons that are counted at once: a millisecond.
cdef enum:
    MOST_COMPARISONS = 500000

# Samples times KL coefficients of gains: a millisecond.
cdef enum:
    MOST_SAMPLED = 131072

# Longer grids have work enough to hide the border.
cdef enum:
    MOST_POINTS = 256


cdef struct points:
    Py_ssize_t count
    bint many  # whether there is an axis of them
    double beta[MOST_POINTS]


cdef bint read_points(object x, points *out) noexcept:
    """Read one beta or a one-dimensional array of them; return whether all are finite and not negative."""
    cdef Py_buffer view
    cdef char kind
    cdef Py_ssize_t i
    cdef bint good
    out.count, out.many = 1, False
    good = plain_number(x, out.beta)
    if not good:
        kind = opened(x, &view, 1)
        if kind == 0:
            return False
        out.count, out.many, good = view.shape[0], True, view.shape[0] <= MOST_POINTS
        if good:
            copied(&view, kind, out.beta)
        PyBuffer_Release(&view)
    for i in range(out.count if good else 0):
        good &= 0.0 <= out.beta[i] < float("inf")
    return good


cdef object given_points(const double *x, points *grid, Py_ssize_t size, char kind):
    """Return an array over the points, of `size` numbers each; 0: one number each."""
    if not grid.many:
        return given_array(x, size, kind) if size else given_number(x[0], kind)
    if size:
        return given_array(x, (grid.count, size), kind)
    return given_array(x, grid.count, kind)


cdef object tilted_by(responses *task, const double *ref, const double *score, double shift, double loss, bint squared,
                      points *grid):
    """Return log pi, scores + shift, losses, entropies and divergences of pi ~ ref exp(beta score)."""
    cdef Py_ssize_t size = task.size, point, i
    cdef double *shifted = taken(task, size)
    cdef double *scratch = taken(task, 3 * size)
    cdef double *out = <double*>malloc(sizeof(double) * grid.count * (size + 3))
    cdef double measures[2]
    if out is NULL:
        return None
    cdef double *losses = out + grid.count * size
    cdef double *entropies = losses + grid.count
    cdef double *divergences = entropies + grid.count
    for point in range(grid.count):
        table.policy_tilt(size, ref, score, grid.beta[point], out + point * size, measures, scratch)
        losses[point] = grid.beta[point] * grid.beta[point] * loss if squared else loss
        entropies[point], divergences[point] = measures[0], measures[1]
    for i in range(size):
        shifted[i] = shift + score[i] if shift else score[i]
    try:
        return (
            given_points(out, grid, size, task.kind),
            given_array(shifted, size, task.kind),
            given_points(losses, grid, 0, task.kind),
            given_points(entropies, grid, 0, task.kind),
            given_points(divergences, grid, 0, task.kind),
        )
    finally:
        free(out)


cdef bint advantages_of(responses *task, const double *mu, double *out) noexcept:
    """Write M mu, M = (P - P') / 2; return whether P holds good values."""
    if task.kind == b'd':
        return table.policy_seen_advantages_f64(task.size, <const double*>task.view.buf, tolerance_of(task), mu, out)
    return table.policy_seen_advantages_f32(task.size, <const float*>task.view.buf, tolerance_of(task), mu, out)


def short_ipo(P, mu, ref, beta):
    """Return the fields of the optimum of IPO."""
    cdef responses task
    cdef points grid
    cdef double *weight
    cdef double *prior
    cdef double *advantage
    result = None
    if not read_points(beta, &grid) or not open_matrix(P, &task, MOST_OF_SQUARES, 0, 8):
        return None
    try:
        weight, prior, advantage = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
        if (read_distribution(mu, &task, weight) and read_distribution(ref, &task, prior)
                and advantages_of(&task, weight, advantage)):
            result = tilted_by(&task, prior, advantage, 0.5, table.policy_least_ipo_loss(task.size, weight, advantage), True, &grid)
        return result
    finally:
        closed(&task)


def short_ipo_pairs(P, rho, ref, beta):
    """Return the fields of the optimum of IPO for pairs drawn from rho."""
    cdef responses task
    cdef points grid
    cdef Py_ssize_t size
    cdef double *design
    cdef double *prior
    cdef double *potential
    result = None
    if not read_points(beta, &grid) or not read_preferences(P, &task, MOST_OF_CUBES, 3, 16):
        return None
    try:
        size = task.size
        design, prior, potential = taken(&task, size * size), taken(&task, size), taken(&task, size)
        if (read_array(rho, &task, 2, design) and table.policy_normalise(size * size, design)
                and read_distribution(ref, &task, prior)):
            loss = table.policy_pair_potential(size, task.P, design, potential, task.free,
                                               <Py_ssize_t*>(task.free + (2 * size + 2) * size))
            result = tilted_by(&task, prior, potential, 0.0, loss, True, &grid)
        return result
    finally:
        closed(&task)


# Entries of matrices that are split at once: a fifth of a millisecond.
cdef enum:
    MOST_SPLIT = 65536


def short_hodge(P):
    """Return the fields of the split of one matrix, or of several, without weights."""
    cdef Py_buffer view
    cdef int axes = 2
    cdef char kind = opened(P, &view, 2)
    cdef Py_ssize_t size, rows, entries, row
    cdef double *matrix = NULL
    cdef double *cyclic
    cdef double *score
    cdef double *share
    if kind == 0:
        axes, kind = 3, opened(P, &view, 3)
    if kind == 0:
        return None
    try:
        size, rows = view.shape[axes - 1], view.shape[0] if axes == 3 else 1
        entries = rows * size * size
        if size != view.shape[axes - 2] or entries > MOST_SPLIT:
            return None
        matrix = <double*>malloc((2 * entries + rows * (size + 1)) * sizeof(double))
        if matrix is NULL:
            return None
        leading = (rows,) if axes == 3 else ()
        cyclic, score = matrix + entries, matrix + 2 * entries
        share = score + rows * size
        copied(&view, kind, matrix)
        for row in range(rows):
            if not table.policy_are_preferences(size, matrix + row * size * size, 1e-9 if kind == b'd' else 1e-6):
                return None
            share[row] = table.policy_hodge(size, matrix + row * size * size, score + row * size, cyclic + row * size * size)
        return (
            given_array(score, leading + (size,), kind),
            given_array(cyclic, leading + (size, size), kind),
            given_array(share, rows, kind) if axes == 3 else given_number(share[0], kind),
            None,
            None,
            None,
        )
    finally:
        free(matrix)
        PyBuffer_Release(&view)


cdef bint read_sampled(object P, object mu, responses *task, double **weight, int squares) noexcept:
    """Open a task on P and mu; return whether both are good, no outcome is certain, and so DPO's optimum is finite."""
    cdef bint good
    if not read_preferences(P, task, MOST_OF_CUBES, squares, 16):
        return False
    weight[0] = taken(task, task.size)
    good = read_distribution(mu, task, weight[0]) and not table.policy_is_certain(task.size, task.P)
    if not good:
        closed(task)
    return good


cdef double *rewards_of(responses *task, const double *weight, double tol, Py_ssize_t most) noexcept:
    """Return DPO's rewards, or NULL where they do not converge."""
    cdef double *reward = taken(task, task.size)
    cdef double width = table.policy_rewards(task.size, task.P, weight, tol, most, reward, task.free)
    return reward if width <= tol else NULL


cdef bint read_search(object tol, object max_iter, double *tolerance, Py_ssize_t *most) noexcept:
    """Read the options of Newton."""
    if type(tol) is not float or type(max_iter) is not int or not 0 <= max_iter < 1 << 30:
        return False
    tolerance[0], most[0] = tol, max_iter
    return tolerance[0] > 0.0


def short_dpo(P, mu, ref, beta, tol, max_iter):
    """Return the fields of the optimum of DPO."""
    cdef responses task
    cdef points grid
    cdef double tolerance, loss
    cdef Py_ssize_t most
    cdef double *weight
    cdef double *prior
    cdef double *reward
    cdef double *gradient
    result = None
    if (not read_search(tol, max_iter, &tolerance, &most) or not read_points(beta, &grid)
            or not read_sampled(P, mu, &task, &weight, 3)):
        return None
    try:
        prior, gradient = taken(&task, task.size), taken(&task, task.size)
        if read_distribution(ref, &task, prior):
            reward = rewards_of(&task, weight, tolerance, most)
            if reward is not NULL:
                loss = table.policy_dpo_loss(task.size, reward, task.P, weight, gradient, task.free)
                result = tilted_by(&task, prior, reward, 0.0, loss, False, &grid)
        return result
    finally:
        closed(&task)


def short_ipo_loss(h, P, mu, beta):
    """Return the loss of IPO and its gradient."""
    cdef responses task
    cdef double strength, value
    cdef double *weight
    cdef double *at
    cdef double *advantage
    cdef double *gradient
    result = None
    if not plain_number(beta, &strength) or not 0.0 <= strength < float("inf") or not open_matrix(P, &task, MOST_OF_SQUARES, 0, 8):
        return None
    try:
        weight, at, advantage = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
        gradient = taken(&task, task.size)
        if read_distribution(mu, &task, weight) and read_vector(h, &task, at) and advantages_of(&task, weight, advantage):
            value = table.policy_ipo_loss(task.size, at, weight, advantage, strength, gradient)
            result = given_number(value, task.kind), given_array(gradient, task.size, task.kind)
        return result
    finally:
        closed(&task)


def short_dpo_loss(r, P, mu):
    """Return the loss of DPO and its gradient."""
    cdef responses task
    cdef double value
    cdef double *weight
    cdef double *at
    cdef double *gradient
    result = None
    if not read_preferences(P, &task, MOST_OF_SQUARES, 1, 8):
        return None
    try:
        weight, at, gradient = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
        if read_distribution(mu, &task, weight) and read_vector(r, &task, at):
            value = table.policy_dpo_loss(task.size, at, task.P, weight, gradient, task.free)
            result = given_number(value, task.kind), given_array(gradient, task.size, task.kind)
        return result
    finally:
        closed(&task)


def short_dpo_sensitivity(P, mu, direction, tol, max_iter):
    """Return the derivative of DPO's rewards as mu moves along `direction`."""
    cdef responses task
    cdef double tolerance
    cdef Py_ssize_t most
    cdef double *weight
    cdef double *reward
    cdef double *along
    cdef double *change
    result = None
    if not read_search(tol, max_iter, &tolerance, &most) or not read_sampled(P, mu, &task, &weight, 3):
        return None
    try:
        along, change = taken(&task, task.size), taken(&task, task.size)
        if read_vector(direction, &task, along):
            reward = rewards_of(&task, weight, tolerance, most)
            if reward is not NULL:
                table.policy_sensitivities(task.size, 1, task.P, weight, reward, along, change, task.free)
                result = given_array(change, task.size, task.kind)
        return result
    finally:
        closed(&task)


def short_ipo_covariance(P, mu, beta):
    """Return m times the covariance of IPO's estimate from m pairs."""
    cdef responses task
    cdef Py_buffer view
    cdef double strength
    cdef Py_ssize_t i
    cdef double *weight
    cdef double *advantage
    cdef double *copy
    cdef double *out
    if not plain_number(beta, &strength) or not 0.0 <= strength < float("inf") or not open_matrix(P, &task, MOST_OF_SQUARES, 1, 8):
        return None
    try:
        weight, advantage = taken(&task, task.size), taken(&task, task.size)
        if not (read_distribution(mu, &task, weight) and table.policy_is_positive(task.size, weight)
                and advantages_of(&task, weight, advantage)):
            return None
        if task.kind == b'd':
            result = empty((task.size, task.size))
            PyObject_GetBuffer(result, &view, PyBUF_SIMPLE | PyBUF_WRITABLE)
            out = <double*>view.buf
        else:
            copy, out = taken(&task, task.size * task.size), taken(&task, task.size * task.size)
            copied(&task.view, task.kind, copy)
            task.P = copy
        table.policy_ipo_covariance(task.size, task.P, weight, advantage, out)
        for i in range(task.size * task.size):
            out[i] *= strength * strength
        if task.kind == b'd':
            PyBuffer_Release(&view)
            return result
        return given_array(out, (task.size, task.size), task.kind)
    finally:
        closed(&task)


def short_dpo_covariance(P, mu, tol, max_iter):
    """Return m times the covariance of DPO's estimate from m pairs."""
    cdef responses task
    cdef double tolerance
    cdef Py_ssize_t most
    cdef double *weight
    cdef double *reward
    cdef double *out
    result = None
    if not read_search(tol, max_iter, &tolerance, &most) or not read_sampled(P, mu, &task, &weight, 5):
        return None
    try:
        out = taken(&task, task.size * task.size)
        if table.policy_is_positive(task.size, weight):
            reward = rewards_of(&task, weight, tolerance, most)
            if reward is not NULL:
                table.policy_dpo_covariance(task.size, task.P, weight, reward, out, task.free)
                result = given_array(out, (task.size, task.size), task.kind)
        return result
    finally:
        closed(&task)


cdef enum:
    ALL_AXIOMS = (1 << AXIOMS) - 1


cdef struct axioms_found:
    int64_t *property
    int64_t *order
    uint8_t *smith


cdef bint axioms_of(responses *task, int wanted, axioms_found *found) noexcept:
    """Find the properties of which bits are set in `wanted`, in the scratch of the task; return whether P holds good values."""
    cdef double *M = taken(task, task.size * task.size)
    found.property = <int64_t*>taken(task, AXIOMS)
    found.order = <int64_t*>taken(task, task.size)
    found.smith = <uint8_t*>taken(task, task.size)
    if task.kind == b'd':
        return table.policy_axioms_f64(task.size, <const double*>task.view.buf, tolerance_of(task), wanted, found.property,
                                       found.smith, found.order, M, <int64_t*>task.free)
    return table.policy_axioms_f32(task.size, <const float*>task.view.buf, tolerance_of(task), wanted, found.property,
                                   found.smith, found.order, M, <int64_t*>task.free)


def short_classes(P):
    """Return all properties of a matrix, in the order of PreferenceClasses."""
    cdef responses task
    cdef axioms_found found
    if not open_matrix(P, &task, MOST_OF_SQUARES, 2, 20):
        return None
    try:
        if not axioms_of(&task, ALL_AXIOMS, &found):
            return None
        result = (flag(found.property[AXIOM_CYCLIC]), flag(found.property[AXIOM_TRANSITIVE]), flag(found.property[AXIOM_DOMINANT]),
                  integer64(found.property[AXIOM_WINNER]), integer64(found.property[AXIOM_SMITH_SIZE]),
                  integer64(found.property[AXIOM_CYCLES]))
        return result
    finally:
        closed(&task)


def short_axiom(P, int which):
    """Return one property of a matrix: WINNER, CYCLES, DOMINANT, ..."""
    cdef responses task
    cdef axioms_found found
    if not open_matrix(P, &task, MOST_OF_SQUARES, 2, 20):
        return None
    try:
        if not axioms_of(&task, 1 << (AXIOM_DOMINANT if which == AXIOM_STRICT or which == AXIOM_TRANSITIVE else which), &found):
            return None
        is_number = which == AXIOM_WINNER or which == AXIOM_CYCLES
        result = integer64(found.property[which]) if is_number else flag(found.property[which])
        return result
    finally:
        closed(&task)


cdef object mask_of(const uint8_t *x, Py_ssize_t size):
    """Return a new array of truth values."""
    cdef uint8_t[::1] view
    result = empty(size, flag)
    view = result.view(uint8)
    memcpy(&view[0], x, size)
    return result


def short_smith_set(P):
    """Return the mask of the Smith set."""
    cdef responses task
    cdef axioms_found found
    if not open_matrix(P, &task, MOST_OF_SQUARES, 2, 20):
        return None
    try:
        if not axioms_of(&task, 1 << AXIOM_SMITH_SIZE, &found):
            return None
        result = mask_of(found.smith, task.size)
        return result
    finally:
        closed(&task)


# Responses up to which a sampler is found at once: a millisecond.
cdef enum:
    MOST_OF_GAMES = 16


def short_smith_sampler(P, ref):
    """Return the fields of the sampler that puts the Smith set on top."""
    cdef responses task
    cdef axioms_found found
    cdef double *prior
    cdef double *mu
    cdef double *w
    cdef double beta, margin
    if not read_preferences(P, &task, MOST_OF_GAMES, 2 + 2 * MOST_OF_GAMES, 64):
        return None
    try:
        prior, mu, w = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
        if not read_distribution(ref, &task, prior):
            return None
        axioms_of(&task, 1 << AXIOM_SMITH_SIZE, &found)
        margin = table.smith_sampler(task.size, task.P, found.smith, prior, mu, w, &beta, task.free)
        return (
            given_array(mu, task.size, task.kind),
            given_number(margin, task.kind),
            mask_of(found.smith, task.size),
            given_array(w, task.size, task.kind),
            given_number(beta, task.kind),
        )
    finally:
        closed(&task)


def short_order_sampler(P):
    """Return the fields of the sampler that keeps the order of the responses."""
    cdef responses task
    cdef axioms_found found
    cdef double *mu
    cdef double *q
    cdef double margin
    cdef int64_t[::1] order
    if not read_preferences(P, &task, MOST_OF_GAMES, 2 + 2 * MOST_OF_GAMES, 64):
        return None
    try:
        mu, q = taken(&task, task.size), taken(&task, task.size)
        axioms_of(&task, 1 << AXIOM_TOTAL_ORDER, &found)
        if task.size < 2 or not found.property[AXIOM_TOTAL_ORDER]:
            return None
        margin = table.order_sampler(task.size, task.P, found.order, mu, q, task.free)
        ranked = empty(task.size, integer64)
        order = ranked
        memcpy(&order[0], found.order, sizeof(int64_t) * task.size)
        return (
            given_array(mu, task.size, task.kind),
            given_number(margin, task.kind),
            ranked,
            given_array(q, task.size - 1, task.kind),
        )
    finally:
        closed(&task)


def short_top(P, scores, bint winner_only):
    """Return whether scores put the Condorcet winner, or all of the Smith set, above every other response."""
    cdef responses task
    cdef axioms_found found
    cdef double *score
    cdef Py_ssize_t i
    cdef int wanted
    result = None
    if not open_matrix(P, &task, MOST_OF_SQUARES, 2, 20):
        return None
    try:
        score = taken(&task, task.size)
        wanted = 1 << (AXIOM_WINNER if winner_only else AXIOM_SMITH_SIZE)
        if read_vector(scores, &task, score) and axioms_of(&task, wanted, &found):
            if winner_only:
                for i in range(task.size):
                    found.smith[i] = i == found.property[AXIOM_WINNER]
            result = flag(table.policy_is_top(task.size, found.smith, score))
        return result
    finally:
        closed(&task)


def short_keeps_order(P, scores):
    """Return whether scores put every winner of a pair above the loser."""
    cdef responses task
    cdef double *score
    cdef int keeps
    result = None
    if not open_matrix(P, &task, MOST_OF_SQUARES, 0, 2):
        return None
    try:
        score = taken(&task, task.size)
        if read_vector(scores, &task, score):
            if task.kind == b'd':
                keeps = table.policy_keeps_order_f64(task.size, <const double*>task.view.buf, tolerance_of(&task), score)
            else:
                keeps = table.policy_keeps_order_f32(task.size, <const float*>task.view.buf, tolerance_of(&task), score)
            result = flag(keeps) if keeps >= 0 else None
        return result
    finally:
        closed(&task)


cdef struct columns:
    Py_buffer views[4]
    int held
    Py_ssize_t size


cdef bint held_column(columns *given, object x, const char *kinds, const void **data) noexcept:
    """Hold an exact, contiguous array of one of these formats, as long as those before; return whether `x` is one.

    Its elements are at `data`: NULL for None, which is good too where there are arrays before.
    """
    cdef Py_buffer *view = &given.views[given.held]
    data[0] = NULL
    if x is None and given.held:
        return True
    if not opened_of(kinds, x, view, 1):
        return False
    given.held += 1
    given.size = view.shape[0] if given.held == 1 else given.size
    data[0] = view.buf
    return view.shape[0] == given.size


def short_preference_matrix(winner, loser, n_items, tied, weight, prior):
    """Return the shares of comparisons won."""
    cdef columns given
    cdef const void *data[4]
    cdef double *wins = NULL
    cdef double *ties
    cdef double added
    cdef Py_ssize_t size, i, taken_in
    if type(n_items) is not int or not 1 <= n_items <= MOST_OF_CUBES or not plain_number(prior, &added):
        return None
    if not 0.0 <= added < float("inf"):
        return None
    size, given.held = n_items, 0
    try:
        if not (held_column(&given, winner, b"l", &data[0]) and loser is not None and held_column(&given, loser, b"l", &data[1])
                and held_column(&given, tied, b"?", &data[2]) and held_column(&given, weight, b"d", &data[3])):
            return None
        wins = <double*>calloc(2 * size * size, sizeof(double))
        if wins is NULL or given.size > MOST_COMPARISONS:
            return None
        ties = wins + size * size
        with nogil:
            taken_in = table.policy_count(given.size, size, <const int64_t*>data[0], <const int64_t*>data[1],
                                          <const uint8_t*>data[2], <const double*>data[3], wins, ties)
        if taken_in < given.size:
            return None
        for i in range(size * size if tied is not None else 0):
            wins[i] += ties[i]
        table.policy_shares(size, added, wins)
        return given_array(wins, (size, size), b'd')
    finally:
        free(wins)
        for i in range(given.held):
            PyBuffer_Release(&given.views[i])


# ---- gains ----


def short_gain_ends(double z, double fewest, double skewed, fields):
    """Return the ends of intervals of gains from six numbers, or six rows, of float64."""
    cdef numbers field[GAIN_FIELDS]
    cdef const double *values[GAIN_FIELDS]
    cdef Py_ssize_t held = 0, size
    cdef double *ends = NULL
    cdef bint good = True
    try:
        while good and held < GAIN_FIELDS:
            good = take_numbers(fields[held], &field[held])
            held += 1
            good = (good and field[held - 1].scalar == field[0].scalar and field[held - 1].size == field[0].size
                    and field[held - 1].widened is NULL)
            values[held - 1] = field[held - 1].values
        size = field[0].size
        if not good or size > MOST_SAMPLED:
            return None
        ends = <double*>allocated(2 * size * sizeof(double))
        table.gain_ends(size, values, z, fewest, skewed, ends, ends + size)
        axis = NO_AXIS if field[0].scalar else size
        return array_over(b'd', NO_AXIS, axis, ends), array_over(b'd', NO_AXIS, axis, ends + size)
    finally:
        free(ends)
        while held > 0:
            held -= 1
            drop_numbers(&field[held])


def short_proxy_gap(proxy, gold, beta):
    """Return the fields of `ProxyGap` of one proxy at a number or a row of KL coefficients."""
    cdef vectors rewards
    cdef numbers grid
    cdef Py_ssize_t i, axis, size
    cdef double *scratch = NULL
    cdef double *out
    rewards.held = 0
    grid.held, grid.widened = False, NULL
    try:
        if not hold(proxy, &rewards) or not hold(gold, &rewards) or rewards.kind != b'd' or not take_numbers(beta, &grid):
            return None
        size = rewards.size
        if size * grid.size > MOST_SAMPLED:
            return None
        for i in range(grid.size):
            if not 0.0 < grid.values[i] < float("inf"):
                return None
        for i in range(2):
            if not all_finite(size, <const double*>rewards.view[i].buf):
                return None
        scratch = <double*>allocated((6 * size + GAIN_GAPS * grid.size) * sizeof(double))
        out = scratch + 6 * size
        with nogil:
            i = table.gain_gaps(size, <const double*>rewards.view[0].buf, <const double*>rewards.view[1].buf, grid.size,
                                grid.values, scratch, out)
        if not i:
            return None
        axis = NO_AXIS if grid.scalar else grid.size
        found = []
        for i in range(GAIN_GAPS):
            found.append(array_over(b'd', NO_AXIS, axis, out + i * grid.size))
        return found
    finally:
        free(scratch)
        drop_numbers(&grid)
        drop_vectors(&rewards)
