# The short way of small calls: one preference matrix at one parameter point in, results or None out.

include "../policy/arguments.pxi"

cdef object flag = numpy.bool_
cdef double TURN = 2 * numpy.pi
cdef double ROOT_OF_THREE = numpy.sqrt(3)

# NumPy's functions of two and one numbers, as the long way takes them; there is no mathematical library below.
cdef object hypot = numpy.hypot
cdef object arctan2 = numpy.arctan2
cdef object tan = numpy.tan


cdef struct parameters:
    double alpha, beta, lam


cdef bint read_parameters(object alpha, object beta, object lam, parameters *out) noexcept:
    """Read one parameter point; return whether it is in range."""
    return (plain_number(alpha, &out.alpha) and plain_number(beta, &out.beta) and plain_number(lam, &out.lam)
            and 0.0 <= out.alpha <= 1.0 and 0.0 <= out.beta < float("inf") and 0.0 <= out.lam <= 1.0)


cdef double *skew_of(responses *task) noexcept:
    """Return M = (P - P') / 2, in the scratch of the task."""
    cdef Py_ssize_t size = task.size, i, j
    cdef double *M = taken(task, size * size)
    for i in range(size):
        for j in range(size):
            M[i * size + j] = 0.5 * (task.P[i * size + j] - task.P[j * size + i])
    return M


cdef double largest(Py_ssize_t size, const double *x) noexcept:
    """Return max |x|, or 1 if that is larger."""
    cdef Py_ssize_t i
    cdef double most = 1.0
    for i in range(size):
        most = max(most, abs(x[i]))
    return most


cdef bint is_inner(Py_ssize_t size, const double *p) noexcept:
    """Return whether a distribution has no zeros."""
    cdef Py_ssize_t i
    cdef bint good = True
    for i in range(size):
        good &= p[i] > 0.0
    return good


cdef bint is_certain(responses *task) noexcept:
    """Return whether some response wins all comparisons with another: DPO's rewards may be infinite."""
    cdef Py_ssize_t i, j
    cdef bint found = False
    for i in range(task.size):
        for j in range(task.size):
            found |= i != j and not task.P[i * task.size + j] > 0.0
    return found


def short_fixed_point(P, alpha, beta, lam, sampler, ref, method):
    """Return the fields of the fixed point of IPO; of DPO, log pi, the residual and the gain."""
    cdef responses task
    cdef parameters at
    cdef equilibrium_point point
    cdef double *offline
    cdef double *prior
    cdef double *log_pi
    cdef double *gain
    cdef double residual, frequency, speed
    cdef bint dpo = method == "dpo"
    result = None
    if (not dpo and method != "ipo" or not read_parameters(alpha, beta, lam, &at) or at.alpha == 1.0
            or not read_preferences(P, &task, MOST_OF_CUBES, 9, 32)):
        return None
    offline, prior, log_pi = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
    gain = taken(&task, task.size * task.size)
    if (read_distribution(sampler, &task, offline) and read_distribution(ref, &task, prior)
            and is_inner(task.size, prior) and not (dpo and is_certain(&task))):
        point.method, point.size, point.skew = TRAJECTORY_DPO if dpo else TRAJECTORY_IPO, task.size, skew_of(&task)
        point.ref, point.sampler = prior, offline
        point.alpha, point.beta, point.lambda_ = at.alpha, at.beta, at.lam
        residual = table.equilibrium(&point, log_pi, gain, &frequency, task.free)
        if residual <= 1e-9 * largest(task.size, log_pi):
            result = given_array(log_pi, task.size, task.kind), given_number(residual, task.kind)
            if dpo:
                result += (given_array(gain, (task.size, task.size), b'd'),)
            else:
                speed = at.beta * at.lam * frequency
                result += (
                    given_number(hypot(at.alpha, speed), task.kind),
                    given_number(frequency, task.kind),
                    given_number(TURN / <double>arctan2(speed, at.alpha), task.kind),
                )
    closed(&task)
    return result


# Products of squares of responses and rounds up to which a trajectory is done at once: some milliseconds; for DPO a
# hundred times less.
cdef enum:
    MOST_PRODUCTS = 4000000
    DPO_PRODUCTS = 100


cdef bint stays(Py_ssize_t size, const double *M, const double *p) noexcept:
    """Return whether all responses do nearly alike against p: it may be a fixed point, which the long way warns of."""
    cdef double low = float("inf"), high = -float("inf"), score
    cdef Py_ssize_t i, j
    for i in range(size):
        score = 0.0
        for j in range(size):
            score += M[i * size + j] * p[j]
        low, high = min(low, score), max(high, score)
    return not high - low > 1e-14


cdef bint read_log(const double *p, Py_ssize_t size, double *out):
    """Write NumPy's logarithms, by which trajectories have always begun."""
    cdef Py_buffer view
    PyObject_GetBuffer(numpy.log(given_array(p, size, b'd')), &view, PyBUF_SIMPLE)
    copied(&view, b'd', out)
    PyBuffer_Release(&view)
    return True


def short_simulate(P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method):
    """Return the fields of one trajectory without a path."""
    cdef responses task
    cdef parameters at
    cdef trajectory_problem problem
    cdef trajectory_results out
    cdef Py_ssize_t size, count
    cdef double *start
    cdef double *offline
    cdef double *prior
    cdef double *M
    cdef double *logs
    cdef double *results
    cdef double *state
    cdef double *room
    cdef unsigned char converged
    cdef bint dpo = method == "dpo"
    if type(steps) is not int or type(burn_in) is not int or not 0 <= burn_in <= steps <= MOST_PRODUCTS:
        return None
    if (not dpo and method != "ipo" or not read_parameters(alpha, beta, lam, &at)
            or not read_preferences(P, &task, MOST_OF_CUBES, 1, 16)):
        return None
    size, count, result = task.size, steps, None
    start, offline, prior = taken(&task, size), taken(&task, size), taken(&task, size)
    M = skew_of(&task)
    good = (read_distribution(init, &task, start) and read_distribution(sampler, &task, offline)
            and read_distribution(ref, &task, prior) and init is not None and is_inner(size, start)
            and is_inner(size, prior) and not stays(size, M, start) and not (dpo and is_certain(&task))
            and (DPO_PRODUCTS if dpo else 1) * count * size * size <= MOST_PRODUCTS)
    if good:
        logs, results = taken(&task, 2 * size), taken(&task, 3 * size + 4)
        read_log(prior, size, logs)
        read_log(start, size, logs + size)
        memset(&problem, 0, sizeof(problem))
        problem.method = TRAJECTORY_DPO if dpo else TRAJECTORY_IPO
        problem.lanes = problem.rows = problem.points = 1
        problem.size, problem.burn_in = size, burn_in
        problem.skew.value, problem.log_ref.value, problem.log_init.value = M, logs, logs + size
        problem.sampler.value = offline
        problem.alpha.value, problem.beta.value, problem.lambda_.value = &at.alpha, &at.beta, &at.lam
        state = <double*>allocated(sizeof(double) * (trajectory_state_size(size, 1) + table.trajectory_room(&problem)))
        room = state + trajectory_state_size(size, 1)
        with nogil:
            table.dynamics_start(&problem, 0, state)
            table.dynamics_run(&problem, 0, 0, count, state, room)
            out.log_policy, out.mean, out.variance = results, results + size, results + 2 * size
            out.entropy, out.entropy_min = results + 3 * size, results + 3 * size + 1
            out.entropy_max, out.period = results + 3 * size + 2, results + 3 * size + 3
            out.converged = &converged
            table.dynamics_finish(&problem, 0, state, count, CONVERGED, &out)
        free(state)
        result = (
            given_array(out.log_policy, size, task.kind),
            given_array(out.mean, size, task.kind),
            given_array(out.variance, size, task.kind),
            given_number(out.entropy[0], task.kind),
            given_number(out.entropy_min[0], task.kind),
            given_number(out.entropy_max[0], task.kind),
            None,
            None,
            given_number(out.period[0], task.kind),
            flag(converged),
        )
    closed(&task)
    return result


def short_spectral_radius(P, log_pi, alpha, beta, lam, sampler, method):
    """Return the spectral radius of IPO at a policy."""
    cdef responses task
    cdef parameters at
    cdef double *pi
    cdef double *M
    cdef double frequency
    cdef bint good
    cdef Py_ssize_t i
    result = None
    if (method != "ipo" or sampler is not None or not read_parameters(alpha, beta, lam, &at)
            or not read_preferences(P, &task, MOST_OF_CUBES, 3, 16)):
        return None
    pi = taken(&task, task.size)
    good = read_array(log_pi, &task, 1, pi)
    for i in range(task.size if good else 0):
        good &= pi[i] < float("inf")
    if good:
        table.policy_softmax(task.size, pi)
        M = skew_of(&task)
        frequency = table.policy_frequency(task.size, M, pi, task.free)
        if frequency == frequency:
            result = given_number(hypot(at.alpha, at.beta * at.lam * frequency), task.kind)
    closed(&task)
    return result


def short_stability_bounds(P, alpha, beta, lam):
    """Return the fields of the stability bounds."""
    cdef responses task
    cdef parameters at
    cdef double[4] found
    cdef double feedback, force
    cdef double *M
    if not read_parameters(alpha, beta, lam, &at) or not read_preferences(P, &task, MOST_OF_CUBES, 3, 16):
        return None
    M = skew_of(&task)
    table.stability_constants(task.size, M, found, task.free)
    feedback = at.beta * at.lam
    force = feedback * found[3]
    result = (
        given_number(found[0], task.kind),
        given_number(found[1], task.kind),
        given_number(found[2], task.kind),
        given_number(found[3], task.kind),
        flag(at.alpha + feedback * found[0] / 2 < 1),
        flag(at.alpha + feedback * found[1] / 2 < 1),
        flag(at.alpha + feedback * found[2] / 4 < 1),
        flag(at.alpha < 1 and force * force <= at.alpha * (1 - at.alpha)),
    )
    closed(&task)
    return result


def short_collapse_rates(P, beta, lam, sampler, top, method):
    """Return the rates at which a policy collapses on response `top`."""
    cdef responses task
    cdef parameters at
    cdef double *offline
    cdef double *gap
    cdef double *score
    cdef Py_ssize_t chosen, i
    cdef bint dpo = method == "dpo"
    result = None
    if (type(top) is not int or not read_parameters(1.0, beta, lam, &at) or dpo and at.lam != 1.0
            or not dpo and method != "ipo" or not read_preferences(P, &task, MOST_OF_SQUARES, 0, 8)):
        return None
    offline, gap, score = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
    if -task.size <= top < task.size and read_distribution(sampler, &task, offline):
        chosen = top
        chosen += task.size if chosen < 0 else 0
        if dpo:
            table.policy_log_odds_of(task.size, task.P + chosen * task.size, gap, task.free)
            for i in range(task.size):
                gap[i] *= at.beta
        else:
            table.policy_advantages(task.size, task.P, offline, score)
            for i in range(task.size):
                gap[i] = task.P[chosen * task.size + i] - 0.5
                gap[i] = at.beta * (at.lam * gap[i] + (1 - at.lam) * (score[chosen] - score[i]))
        result = given_array(gap, task.size, task.kind)
    closed(&task)
    return result


def short_onset(strength, alpha, beta, lam):
    """Return the fields of the onset of oscillation on a three-cycle."""
    cdef parameters at
    cdef double force, kappa, radius, angle, growth = 0.0, slowing = 0.0
    if not plain_number(strength, &force) or not 0.0 <= force <= 0.5 or not read_parameters(alpha, beta, lam, &at):
        return None
    kappa = force * at.beta * at.lam / ROOT_OF_THREE
    radius, angle = hypot(at.alpha, kappa), arctan2(kappa, at.alpha)
    if kappa > 0.0:
        growth = max(1.0 - (1.0 - at.alpha) * (1.0 + at.alpha) / kappa / kappa, 0.0) / (radius + 1.0)
    if growth > 0.0:
        slowing = (at.alpha / 2.0 + kappa / (4.0 * <double>tan(1.5 * angle))) * kappa
    period = TURN / (angle - growth * (4.0 / 3.0) * slowing)
    return float64(radius), float64(8.0 * growth / 27.0), float64(period)
