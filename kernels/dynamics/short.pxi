# The short way of small calls: one preference matrix at one parameter point in, results or None out.

include "../policy/arguments.pxi"

cdef object flag = numpy.bool_
cdef double TURN = 2 * numpy.pi


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


def short_fixed_point(P, alpha, beta, lam, sampler, ref, method):
    """Return the fields of the fixed point of IPO."""
    cdef responses task
    cdef parameters at
    cdef equilibrium_point point
    cdef double *offline
    cdef double *prior
    cdef double *log_pi
    cdef double residual, frequency, speed
    cdef Py_ssize_t i
    result = None
    if method != "ipo" or not read_parameters(alpha, beta, lam, &at) or at.alpha == 1.0 or not read_preferences(P, &task, MOST_OF_CUBES, 8, 32):
        return None
    offline, prior, log_pi = taken(&task, task.size), taken(&task, task.size), taken(&task, task.size)
    if read_distribution(sampler, &task, offline) and read_distribution(ref, &task, prior):
        good = True
        for i in range(task.size):
            good = good and prior[i] > 0.0
        if good:
            point.method, point.size, point.skew = TRAJECTORY_IPO, task.size, skew_of(&task)
            point.ref, point.sampler = prior, offline
            point.alpha, point.beta, point.lambda_ = at.alpha, at.beta, at.lam
            residual = table.equilibrium(&point, log_pi, NULL, &frequency, task.free)
            if residual <= 1e-9 * largest(task.size, log_pi):
                speed = at.beta * at.lam * frequency
                result = (
                    given_array(log_pi, task.size, task.kind),
                    given_number(residual, task.kind),
                    given_number(hypot(at.alpha, speed), task.kind),
                    given_number(frequency, task.kind),
                    given_number(TURN / atan2(speed, at.alpha), task.kind),
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
