"""Entry points of the trajectories of policies."""

from cython cimport auto_pickle
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.kernels.common.scratch cimport scratch as allocated

cdef extern from *:
    """
    #define AF_LOOPS "dynamics/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct trajectory_rows:
        const double *value
        Py_ssize_t step
    ctypedef struct trajectory_problem:
        int method
        Py_ssize_t lanes, size, rows, points, blocks_per_row
        trajectory_rows skew, log_ref, sampler, log_init
        trajectory_rows alpha, beta
        trajectory_rows lambda_ "lambda"
        const double *schedule
        int64_t pairs
        double prior
        uint64_t key, replicate
        Py_ssize_t burn_in, n_times
        const int64_t *times
        double *path
    ctypedef struct trajectory_results:
        double *log_policy
        double *mean
        double *variance
        double *entropy
        double *entropy_min
        double *entropy_max
        double *period
        unsigned char *converged
    ctypedef struct equilibrium_point:
        int method
        Py_ssize_t size
        const double *skew
        const double *ref
        const double *sampler
        double alpha, beta
        double lambda_ "lambda"
    ctypedef struct stability_report:
        double radius, frequency, period
    ctypedef struct critical_search:
        equilibrium_point point
        double largest, tol
        Py_ssize_t index
        int started
        double here, last, across
        double here_value, last_value, across_value
        double step, before
        double residual
    enum:
        CRITICAL_RUNNING, CRITICAL_FOUND, CRITICAL_NONE, CRITICAL_UNCONVERGED
        STABILITY_CONDITIONS
    enum:
        AF_TRAJECTORY_LANES
        SINGLE_HALF
        TRAJECTORY_IPO
        TRAJECTORY_DPO
    Py_ssize_t trajectory_state_size(Py_ssize_t size, Py_ssize_t lanes) noexcept nogil
    Py_ssize_t equilibrium_scratch(Py_ssize_t size) noexcept nogil
    Py_ssize_t critical_scratch(Py_ssize_t size) noexcept nogil

include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())

LANES = AF_TRAJECTORY_LANES
IPO = TRAJECTORY_IPO
DPO = TRAJECTORY_DPO


# The largest change of a probability in the last round of a trajectory that counts as converged.
CONVERGENCE = 1e-12
cdef double CONVERGED = CONVERGENCE


def state_size(Py_ssize_t size, Py_ssize_t lanes):
    """Return the number of float64 values that a block of `lanes` trajectories over `size` responses carries."""
    return trajectory_state_size(size, lanes)


cdef trajectory_rows rows_of(const double[:, ::1] array) noexcept:
    cdef trajectory_rows rows
    rows.value, rows.step = &array[0, 0], array.shape[1] if array.shape[0] > 1 else 0
    return rows


@auto_pickle(False)  # holds addresses
cdef class Trajectories:
    """Trajectories of `rows` problems at `points` parameter points each, advanced block by block of `lanes`, LANES or 1.

    Arrays with one row serve all problems: `skew` (rows, size²), the matrices P - 1/2; `log_ref`, `sampler`,
    `log_init` (rows, size); `alpha`, `beta`, `lam` (rows, points). `schedule` (rounds, 3) holds factors of the three, or is None.
    `times` are the ascending rounds recorded in `path` (trajectories, times, size). With `pairs` > 0, scores come from
    so many sampled pairs a round and `prior` pseudo-pairs, by the random words of replicates `replicate` on under
    `key`. `state` (blocks, state_size).
    """

    cdef trajectory_problem problem
    cdef double[:, ::1] state
    cdef tuple arrays

    def __init__(self, int method, Py_ssize_t lanes, Py_ssize_t rows, bint shared, const double[:, ::1] skew,
                 const double[:, ::1] log_ref, const double[:, ::1] sampler, const double[:, ::1] log_init,
                 const double[:, ::1] alpha, const double[:, ::1] beta, const double[:, ::1] lam,
                 const double[:, ::1] schedule, Py_ssize_t burn_in, const int64_t[::1] times, double[:, :, ::1] path,
                 double[:, ::1] state, int64_t pairs=0, double prior=0.0, uint64_t key=0, uint64_t replicate=0):
        self.arrays = (skew, log_ref, sampler, log_init, alpha, beta, lam, schedule, times, path)
        self.state = state
        self.problem.method, self.problem.size, self.problem.rows = method, log_ref.shape[1], rows
        self.problem.points, self.problem.lanes = alpha.shape[1], lanes
        self.problem.blocks_per_row = (alpha.shape[1] + AF_TRAJECTORY_LANES - 1) // AF_TRAJECTORY_LANES if shared else 0
        self.problem.skew, self.problem.log_ref = rows_of(skew), rows_of(log_ref)
        self.problem.sampler, self.problem.log_init = rows_of(sampler), rows_of(log_init)
        self.problem.alpha, self.problem.beta, self.problem.lambda_ = rows_of(alpha), rows_of(beta), rows_of(lam)
        self.problem.pairs, self.problem.prior = pairs, prior
        self.problem.key, self.problem.replicate = key, replicate
        self.problem.burn_in, self.problem.n_times = burn_in, times.shape[0]
        if schedule is not None and schedule.shape[0]:
            self.problem.schedule = &schedule[0, 0]
        if times.shape[0]:
            self.problem.times, self.problem.path = &times[0], &path[0, 0, 0]

    def start(self, Py_ssize_t first, Py_ssize_t last):
        """Put blocks first..last-1 into round 0."""
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.dynamics_start(&self.problem, block, &self.state[block, 0])

    def run(self, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t first, Py_ssize_t last):
        """Advance blocks first..last-1 from round `begin` to round `end`."""
        cdef double *scratch = <double*>allocated(table.trajectory_scratch(&self.problem) * sizeof(double))
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.dynamics_run(&self.problem, block, begin, end, &self.state[block, 0], scratch)
        free(scratch)

    @property
    def scratch_size(self):
        """Number of float64 values of scratch memory that a block needs."""
        return table.trajectory_scratch(&self.problem)

    def prepare(self, Py_ssize_t first, Py_ssize_t last, double[:, ::1] scratch):
        """Lay out the `scratch` (blocks, scratch_size) of blocks first..last-1 for `advance`."""
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.trajectory_prepare(&self.problem, block, &scratch[block, 0])

    def advance(self, Py_ssize_t round, Py_ssize_t first, Py_ssize_t last, const double[:, ::1] scores,
                double[:, ::1] policies, double[:, ::1] scratch):
        """Bring blocks first..last-1, of one row, to round `round` by `scores`; write new `policies` (size, points)."""
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.dynamics_advance(&self.problem, block, round, &scores[0, 0], &policies[0, 0],
                                       &self.state[block, 0], &scratch[block, 0])

    def finish(self, Py_ssize_t round, double tolerance, Py_ssize_t first, Py_ssize_t last, double[:, ::1] log_policy,
               double[:, ::1] mean, double[:, ::1] variance, double[::1] entropy, double[::1] entropy_min,
               double[::1] entropy_max, double[::1] period, unsigned char[::1] converged):
        """Write what blocks first..last-1 have come to at round `round`: one row or entry per trajectory."""
        cdef trajectory_results out
        cdef Py_ssize_t block
        out.log_policy, out.mean, out.variance = &log_policy[0, 0], &mean[0, 0], &variance[0, 0]
        out.entropy, out.entropy_min, out.entropy_max = &entropy[0], &entropy_min[0], &entropy_max[0]
        out.period, out.converged = &period[0], &converged[0]
        with nogil:
            for block in range(first, last):
                table.dynamics_finish(&self.problem, block, &self.state[block, 0], round, tolerance, &out)

    def lyapunov_start(self, Py_ssize_t first, Py_ssize_t last, double[:, ::1] tangent):
        """Put a direction into `tangent` (blocks, (size + 1) lanes), of blocks first..last-1 that are in round 0."""
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.lyapunov_start(self.problem.lanes, self.problem.size, &tangent[block, 0])

    def lyapunov_run(self, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t first, Py_ssize_t last,
                     double[:, ::1] tangent):
        """Advance blocks first..last-1 and their tangents from round `begin` to round `end`."""
        cdef double *scratch = <double*>allocated(table.trajectory_scratch(&self.problem) * sizeof(double))
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.lyapunov_run(&self.problem, block, begin, end, &self.state[block, 0], &tangent[block, 0], scratch)
        free(scratch)

    def lyapunov_finish(self, double count, Py_ssize_t first, Py_ssize_t last, const double[:, ::1] tangent,
                        double[::1] exponent):
        """Write the exponents of blocks first..last-1 after `count` counted rounds: one entry per trajectory."""
        cdef Py_ssize_t block
        with nogil:
            for block in range(first, last):
                table.lyapunov_finish(&self.problem, block, &tangent[block, 0], count, &exponent[0])


cdef inline Py_ssize_t own(Py_ssize_t rows, Py_ssize_t row) noexcept nogil:
    """Return the row of an array of `rows` that serves problem `row`."""
    return row if rows > 1 else 0


cdef equilibrium_point point_of(int method, const double[:, :, ::1] skew, const double[:, ::1] ref,
                                const double[:, ::1] sampler, const double[:, ::1] alpha, const double[:, ::1] beta,
                                const double[:, ::1] lam, Py_ssize_t index) noexcept nogil:
    """Return point `index` of trajectories, points after each other, row after row."""
    cdef equilibrium_point point
    cdef Py_ssize_t row = index // alpha.shape[1], column = index % alpha.shape[1]
    point.method, point.size = method, skew.shape[1]
    point.skew = &skew[own(skew.shape[0], row), 0, 0]
    point.ref, point.sampler = &ref[own(ref.shape[0], row), 0], &sampler[own(sampler.shape[0], row), 0]
    point.alpha, point.beta = alpha[own(alpha.shape[0], row), column], beta[own(beta.shape[0], row), column]
    point.lambda_ = lam[own(lam.shape[0], row), column]
    return point


def equilibria(int method, const double[:, :, ::1] skew, const double[:, ::1] ref, const double[:, ::1] sampler,
               const double[:, ::1] alpha, const double[:, ::1] beta, const double[:, ::1] lam, double[:, ::1] log_pi,
               double[:, ::1] report, uint8_t[::1] found, Py_ssize_t first, Py_ssize_t last):
    """Write the fixed points of trajectories first .. last - 1, and whether they were found; of each, as columns, the
    largest change of log pi in one more round, the spectral radius, the frequency and the period beside it."""
    cdef equilibrium_point point
    cdef stability_report beside
    cdef Py_ssize_t index, size = log_pi.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * equilibrium_scratch(size))
    with nogil:
        for index in range(first, last):
            point = point_of(method, skew, ref, sampler, alpha, beta, lam, index)
            report[index, 0] = table.equilibrium(&point, &log_pi[index, 0], &beside, scratch)
            report[index, 1], report[index, 2], report[index, 3] = beside.radius, beside.frequency, beside.period
            found[index] = table.equilibrium_is_found(size, &log_pi[index, 0], report[index, 0])
    free(scratch)


def radii(int method, const double[:, :, ::1] skew, const double[:, ::1] pi, const double[:, ::1] sampler,
          const double[:, ::1] alpha, const double[:, ::1] beta, const double[:, ::1] lam, double[:, ::1] out,
          Py_ssize_t first, Py_ssize_t last):
    """Write the spectral radii at the policies of rows first .. last - 1: `out` (rows, points)."""
    cdef equilibrium_point point
    cdef Py_ssize_t row, size = pi.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * equilibrium_scratch(size))
    point.method, point.size = method, size
    with nogil:
        for row in range(first, last):
            point.skew, point.sampler = &skew[own(skew.shape[0], row), 0, 0], &sampler[own(sampler.shape[0], row), 0]
            table.spectral_radii(&point, &pi[own(pi.shape[0], row), 0], out.shape[1], &alpha[own(alpha.shape[0], row), 0],
                                 &beta[own(beta.shape[0], row), 0], &lam[own(lam.shape[0], row), 0], &out[row, 0], scratch)
    free(scratch)


def frequencies(const double[:, :, ::1] skew, const double[:, ::1] pi, double[::1] out, Py_ssize_t first,
                Py_ssize_t last):
    """Write the largest frequencies at policies with M pi = const."""
    cdef Py_ssize_t row, size = pi.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * (size + 5) * size)
    with nogil:
        for row in range(first, last):
            out[row] = table.policy_frequency(size, &skew[own(skew.shape[0], row), 0, 0],
                                              &pi[own(pi.shape[0], row), 0], scratch)
    free(scratch)


@auto_pickle(False)  # holds addresses
cdef class CriticalSearch:
    """The search for the beta at which the fixed point of one matrix loses its stability; `log_pi` is the last one."""

    cdef critical_search search
    cdef double[::1] theta, scratch
    cdef tuple arrays

    def __init__(self, int method, const double[:, ::1] skew, const double[::1] ref, const double[::1] sampler,
                 double alpha, double lam, double largest, double tol, double[::1] log_pi):
        cdef Py_ssize_t size = skew.shape[0]
        self.arrays = skew, ref, sampler
        self.theta, self.scratch = log_pi, empty(critical_scratch(size))
        self.search.point.method, self.search.point.size = method, size
        self.search.point.skew, self.search.point.ref, self.search.point.sampler = &skew[0, 0], &ref[0], &sampler[0]
        self.search.point.alpha, self.search.point.lambda_ = alpha, lam
        self.search.largest, self.search.tol = largest, tol
        table.critical_start(&self.search)

    def advance(self, Py_ssize_t count):
        """Evaluate up to `count` values of beta; return RUNNING, FOUND, NONE or UNCONVERGED."""
        with nogil:
            state = table.critical_advance(&self.search, count, &self.theta[0], &self.scratch[0])
        return state

    @property
    def beta(self):
        """The value of beta found; before, the one evaluated last or next."""
        return self.search.point.beta

    @property
    def residual(self):
        """The largest change of log pi in one more round."""
        return self.search.residual


RUNNING, FOUND, UNCONVERGED = CRITICAL_RUNNING, CRITICAL_FOUND, CRITICAL_UNCONVERGED


def constants(const double[:, :, ::1] skew, double[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write the norm of each matrix, that of it without means, its span and its largest entry."""
    cdef Py_ssize_t row, size = skew.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * (size + 4) * size)
    with nogil:
        for row in range(first, last):
            table.stability_constants(size, &skew[row, 0, 0], &out[row, 0], scratch)
    free(scratch)


def conditions(const double[:, ::1] constants, const double[:, ::1] alpha, const double[:, ::1] beta,
               const double[:, ::1] lam, uint8_t[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write which of the sufficient conditions hold at points first .. last - 1, of rows of `constants`."""
    cdef Py_ssize_t index, row, column
    with nogil:
        for index in range(first, last):
            row, column = index // alpha.shape[1], index % alpha.shape[1]
            table.stability_conditions(
                &constants[own(constants.shape[0], row), 0],
                alpha[own(alpha.shape[0], row), column],
                beta[own(beta.shape[0], row), column] * lam[own(lam.shape[0], row), column],
                &out[index, 0],
            )


def onsets(const double[::1] strength, const double[::1] alpha, const double[::1] beta, const double[::1] lam,
           double[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write spectral radius, variance and period of three-cycles, as columns."""
    cdef Py_ssize_t index
    with nogil:
        for index in range(first, last):
            table.stability_onset(strength[index], alpha[index], beta[index], lam[index], &out[index, 0])


def collapse(int method, const double[:, :, ::1] P, const double[:, ::1] sampler, Py_ssize_t top,
             const double[:, ::1] beta, const double[:, ::1] lam, double[:, :, ::1] out, Py_ssize_t first,
             Py_ssize_t last):
    """Write the rates of collapse on `top` of rows first .. last - 1: `out` (rows, points, size)."""
    cdef Py_ssize_t row, size = P.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * 2 * size)
    with nogil:
        for row in range(first, last):
            table.collapse_rates(method, size, &P[own(P.shape[0], row), 0, 0],
                                 &sampler[own(sampler.shape[0], row), 0], top, beta.shape[1],
                                 &beta[own(beta.shape[0], row), 0], &lam[own(lam.shape[0], row), 0],
                                 &out[row, 0, 0], scratch)
    free(scratch)


def multiplayer(const double[:, ::1] transposed, const double[::1] sampler, const double[::1] log_ref, double alpha,
                double beta, double lam, double[:, :, ::1] path):
    """Write all rounds but the first of `path` (rounds, players, K), logarithms of policies."""
    cdef double *scratch = <double*>allocated(sizeof(double) * (path.shape[1] + 3) * path.shape[2])
    with nogil:
        table.multiplayer_rounds(path.shape[1], path.shape[2], &transposed[0, 0], &sampler[0], &log_ref[0], alpha, beta,
                                 lam, path.shape[0] - 1, &path[0, 0, 0], scratch)
    free(scratch)


def softmax(double[:, ::1] x):
    """Turn log-probabilities into probabilities."""
    cdef Py_ssize_t row
    with nogil:
        for row in range(x.shape[0]):
            table.policy_softmax(x.shape[1], &x[row, 0])


include "short.pxi"
