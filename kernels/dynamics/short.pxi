# The short path of small calls: one preference matrix at one parameter point, or a few, in; results or None out.

include "../policy/arguments.pxi"

cdef object flag = numpy.bool_
cdef object ndarray = numpy.ndarray
cdef object integer64 = numpy.int64
cdef object arange = numpy.arange

# Longer grids have work enough to hide the border.
cdef enum:
    MOST_POINTS = 64


cdef struct parameters:
    Py_ssize_t count
    bint many  # whether there is an axis of points
    double alpha[MOST_POINTS]
    double beta[MOST_POINTS]
    double lam[MOST_POINTS]


cdef bint read_parameter(object x, double most, parameters *out, double *value) noexcept:
    """Read one parameter, a number or one for each point; return whether it is in range."""
    cdef Py_buffer view
    cdef Py_ssize_t i, count = 1
    cdef char kind
    cdef bint good = plain_number(x, value)
    if not good:
        kind = opened(x, &view, 1)
        if kind == 0:
            return False
        count = view.shape[0]
        good = count <= MOST_POINTS and (not out.many or count == out.count)
        if good:
            copied(&view, kind, value)
            out.count, out.many = count, True
        PyBuffer_Release(&view)
    for i in range(count if good else 0):
        good &= 0.0 <= value[i] <= most and value[i] < float("inf")
    for i in range(count, MOST_POINTS if good else 0):
        value[i] = value[0]
    return good


cdef bint read_parameters(object alpha, object beta, object lam, parameters *out) noexcept:
    """Read the parameter points; return whether all are in range."""
    out.count, out.many = 1, False
    return (read_parameter(alpha, 1.0, out, out.alpha) and read_parameter(beta, float("inf"), out, out.beta)
            and read_parameter(lam, 1.0, out, out.lam))


cdef object over_points(const double *x, const parameters *at, Py_ssize_t size, char kind):
    """Return an array over the points, of `size` numbers each; 0: one number each."""
    if not at.many:
        return given_array(x, size, kind) if size else given_number(x[0], kind)
    if size:
        return given_array(x, (at.count, size), kind)
    return given_array(x, at.count, kind)


cdef object flags_over_points(const uint8_t *x, const parameters *at, Py_ssize_t step):
    """Return the truth values at distance `step`, one for each point."""
    cdef uint8_t[::1] view
    cdef Py_ssize_t i
    if not at.many:
        return flag(x[0])
    result = empty(at.count, flag)
    view = result.view(numpy.uint8)
    for i in range(at.count):
        view[i] = x[i * step]
    return result


cdef int method_of(object method) noexcept:
    """Return the number of a method, -1 for what is none, and what no plain string is."""
    if type(method) is not str:
        return -1
    return TRAJECTORY_IPO if method == "ipo" else TRAJECTORY_DPO if method == "dpo" else -1


cdef double *skew_of(responses *task) noexcept:
    """Return M = (P - P') / 2, in the scratch of the task."""
    cdef double *M = taken(task, task.size * task.size)
    table.policy_skew(task.size, task.P, M)
    return M


cdef bint read_equilibrium(object P, object sampler, object ref, object method, responses *task,
                           equilibrium_point *point) noexcept:
    """Open a task on what a fixed point depends on besides parameters; return whether all is good."""
    cdef double *offline
    cdef double *prior
    point.method = method_of(method)
    # Scratch is that of a fixed point (equilibrium_scratch), and what is read and written beside it.
    if point.method < 0 or not read_preferences(P, task, MOST_OF_CUBES, 7, 32 + 5 * MOST_POINTS):
        return False
    point.size = task.size
    offline, prior, point.skew = taken(task, task.size), taken(task, task.size), skew_of(task)
    point.sampler, point.ref = offline, prior
    if (read_distribution(sampler, task, offline) and read_distribution(ref, task, prior)
            and table.policy_is_positive(task.size, prior)
            and not (point.method == TRAJECTORY_DPO and table.policy_is_certain(task.size, task.P))):
        return True
    closed(task)
    return False


cdef void at_point(equilibrium_point *point, const parameters *at, Py_ssize_t i) noexcept:
    point.alpha, point.beta, point.lambda_ = at.alpha[i], at.beta[i], at.lam[i]


def short_fixed_point(P, alpha, beta, lam, sampler, ref, method):
    """Return the fields of fixed points."""
    cdef responses task
    cdef parameters at
    cdef equilibrium_point point
    cdef stability_report report
    cdef double fields[4][MOST_POINTS]
    cdef double *log_pi
    cdef Py_ssize_t i
    cdef bint good = True
    if not read_parameters(alpha, beta, lam, &at) or not read_equilibrium(P, sampler, ref, method, &task, &point):
        return None
    try:
        log_pi = taken(&task, task.size * at.count)
        for i in range(at.count):
            at_point(&point, &at, i)
            good = good and point.alpha < 1.0
            if good:
                fields[0][i] = table.equilibrium(&point, log_pi + i * task.size, &report, task.free)
                fields[1][i], fields[2][i], fields[3][i] = report.radius, report.frequency, report.period
                good = table.equilibrium_is_found(task.size, log_pi + i * task.size, fields[0][i])
        if not good:
            return None
        return (
            over_points(log_pi, &at, task.size, task.kind),
            over_points(fields[0], &at, 0, task.kind),
            over_points(fields[1], &at, 0, task.kind),
            over_points(fields[2], &at, 0, task.kind),
            over_points(fields[3], &at, 0, task.kind),
        )
    finally:
        closed(&task)


# Responses up to which a search is short enough that no interrupt has to come in between.
cdef enum:
    MOST_SEARCHED = 16


def short_critical_beta(P, alpha, lam, sampler, ref, method, largest, tol):
    """Return the least beta at which the fixed point loses its stability, infinity for none."""
    cdef responses task
    cdef parameters at
    cdef critical_search search
    cdef double *theta
    cdef int state = CRITICAL_UNCONVERGED
    if (not read_parameters(alpha, 1.0, lam, &at) or at.many or at.alpha[0] == 1.0
            or not plain_number(largest, &search.largest) or not plain_number(tol, &search.tol)
            or not 0.0 < search.largest < float("inf") or not search.tol >= 0.0
            or not read_equilibrium(P, sampler, ref, method, &task, &search.point)):
        return None
    if task.size <= MOST_SEARCHED:
        at_point(&search.point, &at, 0)
        theta = taken(&task, task.size)
        with nogil:
            table.critical_start(&search)
            state = CRITICAL_RUNNING
            while state == CRITICAL_RUNNING:
                state = table.critical_advance(&search, 1000, theta, task.free)
    closed(&task)
    if state == CRITICAL_UNCONVERGED:
        return None
    return search.point.beta if state == CRITICAL_FOUND else float("inf")


def short_spectral_radius(P, log_pi, alpha, beta, lam, sampler, method):
    """Return the spectral radii at a policy, or at one for each point."""
    cdef responses task
    cdef parameters at
    cdef equilibrium_point point
    cdef double radius[MOST_POINTS]
    cdef double *pi
    cdef Py_ssize_t i, policies = 1
    cdef bint good, paired
    if not read_parameters(alpha, beta, lam, &at) or not read_equilibrium(P, sampler, None, method, &task, &point):
        return None
    try:
        paired = at.many and type(log_pi) is ndarray and log_pi.ndim == 2
        policies = at.count if paired else 1
        pi = taken(&task, task.size * policies)
        if not (read_rows(log_pi, &task, policies, pi) if paired else read_array(log_pi, &task, 1, pi)):
            return None
        good = True
        for i in range(task.size * policies):
            good &= pi[i] < float("inf")
        if not good:
            return None
        for i in range(policies):
            table.policy_softmax(task.size, pi + i * task.size)
        if paired:
            for i in range(policies):
                table.spectral_radii(&point, pi + i * task.size, 1, at.alpha + i, at.beta + i, at.lam + i, radius + i,
                                     task.free)
        else:
            table.spectral_radii(&point, pi, at.count, at.alpha, at.beta, at.lam, radius, task.free)
        for i in range(at.count):
            if radius[i] != radius[i]:
                return None
        return over_points(radius, &at, 0, task.kind)
    finally:
        closed(&task)


def short_stability_bounds(P, alpha, beta, lam):
    """Return the fields of the stability bounds."""
    cdef responses task
    cdef parameters at
    cdef double[4] found
    cdef uint8_t holds[MOST_POINTS][STABILITY_CONDITIONS]
    cdef double *M
    cdef Py_ssize_t i
    if not read_parameters(alpha, beta, lam, &at) or not read_preferences(P, &task, MOST_OF_CUBES, 3, 16):
        return None
    M = skew_of(&task)
    table.stability_constants(task.size, M, found, task.free)
    for i in range(at.count):
        table.stability_conditions(found, at.alpha[i], at.beta[i] * at.lam[i], holds[i])
    try:
        return (
            given_number(found[0], task.kind),
            given_number(found[1], task.kind),
            given_number(found[2], task.kind),
            given_number(found[3], task.kind),
            flags_over_points(&holds[0][0], &at, STABILITY_CONDITIONS),
            flags_over_points(&holds[0][1], &at, STABILITY_CONDITIONS),
            flags_over_points(&holds[0][2], &at, STABILITY_CONDITIONS),
            flags_over_points(&holds[0][3], &at, STABILITY_CONDITIONS),
        )
    finally:
        closed(&task)


def short_collapse_rates(P, beta, lam, sampler, top, method):
    """Return the rates at which a policy collapses on response `top`."""
    cdef responses task
    cdef parameters at
    cdef double *offline
    cdef double *rates
    cdef Py_ssize_t chosen, i
    cdef int number = method_of(method)
    if type(top) is not int or number < 0 or not read_parameters(1.0, beta, lam, &at):
        return None
    for i in range(at.count if number == TRAJECTORY_DPO else 0):
        if at.lam[i] != 1.0:
            return None
    if not read_preferences(P, &task, MOST_OF_SQUARES, 0, 8 + MOST_POINTS):
        return None
    try:
        offline, rates = taken(&task, task.size), taken(&task, task.size * at.count)
        if not -task.size <= top < task.size or not read_distribution(sampler, &task, offline):
            return None
        chosen = top
        chosen += task.size if chosen < 0 else 0
        table.collapse_rates(number, task.size, task.P, offline, chosen, at.count, at.beta, at.lam, rates, task.free)
        return over_points(rates, &at, task.size, task.kind)
    finally:
        closed(&task)


def short_onset(strength, alpha, beta, lam):
    """Return the fields of the onset of oscillation on a three-cycle."""
    cdef parameters at
    cdef double force
    cdef double found[3]
    cdef double fields[3][MOST_POINTS]
    cdef Py_ssize_t i
    if not plain_number(strength, &force) or not 0.0 <= force <= 0.5 or not read_parameters(alpha, beta, lam, &at):
        return None
    for i in range(at.count):
        table.stability_onset(force, at.alpha[i], at.beta[i], at.lam[i], found)
        fields[0][i], fields[1][i], fields[2][i] = found[0], found[1], found[2]
    return (
        over_points(fields[0], &at, 0, b'd'),
        over_points(fields[1], &at, 0, b'd'),
        over_points(fields[2], &at, 0, b'd'),
    )


# ---- trajectories ----

# Products of squares of responses and rounds up to which trajectories are done at once: some milliseconds; for DPO a
# hundred times less. From SMALL responses on the lanes of a block share a matrix where there are enough points.
cdef enum:
    MOST_PRODUCTS = 4000000
    DPO_PRODUCTS = 100
    MOST_RECORDS = 4096
    SMALL = 8
    FEW = 4

SMALL_MATRIX, FEW_TRAJECTORIES, HALVED_MATRIX = SMALL, FEW, SINGLE_HALF


cdef struct trajectories:
    responses task
    parameters at
    trajectory_problem problem
    Py_ssize_t blocks, state_size
    double *state
    double *scratch


cdef bint read_log(const double *p, Py_ssize_t size, double *out):
    """Write NumPy's logarithms, by which trajectories have always begun."""
    cdef Py_buffer view
    PyObject_GetBuffer(numpy.log(given_array(p, size, b'd')), &view, PyBUF_SIMPLE)
    copied(&view, b'd', out)
    PyBuffer_Release(&view)
    return True


cdef bint open_trajectories(trajectories *run, object P, object alpha, object beta, object lam, object init,
                            object sampler, object ref, object steps, object burn_in, object method, bint tangents):
    """Describe trajectories from `init`; return whether all arguments are good, and few.

    `tangents`: of a trajectory that stays where it is too. What is held goes back by `close_trajectories`.
    """
    cdef responses *task = &run.task
    cdef trajectory_problem *problem = &run.problem
    cdef parameters *at = &run.at
    cdef Py_ssize_t size, points, i
    cdef double *start
    cdef double *offline
    cdef double *prior
    cdef double *logs
    cdef double *M
    cdef int number = method_of(method)
    cdef bint dpo = number == TRAJECTORY_DPO, good, single
    if type(steps) is not int or type(burn_in) is not int or not 0 <= burn_in <= steps <= MOST_PRODUCTS:
        return False
    if number < 0 or not read_parameters(alpha, beta, lam, at) or not read_preferences(P, task, MOST_OF_CUBES, 1, 16):
        return False
    size, points = task.size, at.count
    start, offline, prior, logs = taken(task, size), taken(task, size), taken(task, size), taken(task, 2 * size)
    M = skew_of(task)
    try:
        good = (init is not None and read_distribution(init, task, start) and read_distribution(sampler, task, offline)
                and read_distribution(ref, task, prior) and table.policy_is_positive(size, start)
                and table.policy_is_positive(size, prior) and (tangents or not table.dynamics_stays(size, M, start))
                and not (dpo and table.policy_is_certain(size, task.P))
                and (DPO_PRODUCTS if dpo else 1) * points * <Py_ssize_t>steps * size * size <= MOST_PRODUCTS
                and not (size > SMALL and points >= AF_TRAJECTORY_LANES))
        if good:
            read_log(prior, size, logs)
            read_log(start, size, logs + size)
    except BaseException:
        closed(task)
        raise
    if not good:
        closed(task)
        return False
    single = points <= FEW
    if tangents and dpo:
        single &= size < SINGLE_HALF
    else:
        single |= size > SMALL
    memset(problem, 0, sizeof(trajectory_problem))
    problem.method, problem.lanes = number, 1 if single else AF_TRAJECTORY_LANES
    problem.rows, problem.points, problem.size, problem.burn_in = 1, points, size, burn_in
    problem.skew.value, problem.log_ref.value, problem.log_init.value = M, logs, logs + size
    problem.sampler.value = offline
    problem.alpha.value, problem.beta.value, problem.lambda_.value = at.alpha, at.beta, at.lam
    run.blocks = (points + problem.lanes - 1) // problem.lanes
    run.state_size = trajectory_state_size(size, problem.lanes)
    run.state = <double*>malloc(sizeof(double) * (run.blocks * run.state_size + table.trajectory_scratch(problem)))
    if run.state is NULL:
        closed(task)
        return False
    run.scratch = run.state + run.blocks * run.state_size
    return True


cdef void close_trajectories(trajectories *run) noexcept:
    """Give back what is held."""
    free(run.state)
    closed(&run.task)


def short_simulate(P, alpha, beta, lam, init, sampler, ref, steps, burn_in, record, method):
    """Return the fields of trajectories, whose path is recorded every `record` rounds, or not at all."""
    cdef trajectories run
    cdef trajectory_results out
    cdef Py_ssize_t size, points, rounds = 0, records = 0, i
    cdef double *results
    cdef double *path = NULL
    cdef double *state
    cdef uint8_t converged[MOST_POINTS]
    cdef int64_t[::1] times
    if record is not None and (type(record) is not int or record < 1 or type(steps) is not int
                               or not 0 <= steps // record < MOST_RECORDS):
        return None
    if not open_trajectories(&run, P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method, False):
        return None
    size, points, rounds = run.task.size, run.at.count, steps
    recorded = None if record is None else arange(0, rounds + 1, record, dtype=integer64)
    if recorded is not None:
        times = recorded
        records = times.shape[0]
    results = <double*>malloc(sizeof(double) * points * (size * (3 + records) + 4))
    try:
        if results is NULL:
            return None
        out.log_policy, out.mean, out.variance = results, results + points * size, results + 2 * points * size
        out.entropy = results + 3 * points * size
        out.entropy_min, out.entropy_max = out.entropy + points, out.entropy + 2 * points
        out.period, path, out.converged = out.entropy + 3 * points, out.entropy + 4 * points, converged
        if records:
            run.problem.n_times, run.problem.times, run.problem.path = records, &times[0], path
        with nogil:
            for i in range(run.blocks):
                state = run.state + i * run.state_size
                table.dynamics_start(&run.problem, i, state)
                table.dynamics_run(&run.problem, i, 0, rounds, state, run.scratch)
                table.dynamics_finish(&run.problem, i, state, rounds, CONVERGED, &out)
        shape = (points, records, size)
        shape = shape if run.at.many else shape[1:]
        return (
            over_points(out.log_policy, &run.at, size, run.task.kind),
            over_points(out.mean, &run.at, size, run.task.kind),
            over_points(out.variance, &run.at, size, run.task.kind),
            over_points(out.entropy, &run.at, 0, run.task.kind),
            over_points(out.entropy_min, &run.at, 0, run.task.kind),
            over_points(out.entropy_max, &run.at, 0, run.task.kind),
            recorded,
            None if recorded is None else given_array(path, shape, run.task.kind),
            over_points(out.period, &run.at, 0, run.task.kind),
            flags_over_points(converged, &run.at, 1),
        )
    finally:
        free(results)
        close_trajectories(&run)


def short_lyapunov_exponent(P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method):
    """Return the largest Lyapunov exponents of trajectories."""
    cdef trajectories run
    cdef double exponent[MOST_POINTS]
    cdef double *tangent
    cdef double *state
    cdef Py_ssize_t width, i, first, last
    if not open_trajectories(&run, P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method, True):
        return None
    first, last = burn_in, steps
    width = (run.task.size + 1) * run.problem.lanes
    tangent = <double*>malloc(sizeof(double) * width)
    try:
        if tangent is NULL or first == last:
            return None
        with nogil:
            for i in range(run.blocks):
                state = run.state + i * run.state_size
                table.dynamics_start(&run.problem, i, state)
                table.lyapunov_start(run.problem.lanes, run.problem.size, tangent)
                table.lyapunov_run(&run.problem, i, 0, last, state, tangent, run.scratch)
                table.lyapunov_finish(&run.problem, i, tangent, <double>(last - first), exponent)
        return over_points(exponent, &run.at, 0, run.task.kind)
    finally:
        free(tangent)
        close_trajectories(&run)
