"""Entry points of the information loops: exponential means, log-partition functions, tilted moments and policies.

Rows are given as weights (uniform, probabilities, or logarithms with any additive constant) and rewards (given, or
formed from another distribution); see the ``WEIGHT_`` and ``REWARD_`` constants.
"""

from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from alignment_fast.kernels.common.scratch cimport pages, scratch as memory_of_bytes
from alignment_fast.kernels.common.cpu import ISA

cdef extern from *:
    """
    #define AF_LOOPS "information/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    size_t markov_bytes(Py_ssize_t n) nogil
    ctypedef struct af_rows:
        const void *weights
        const void *rewards
        Py_ssize_t weights_stride, rewards_stride, letters
        int weight_kind, reward_kind, normalize, single
        const double *orders
        Py_ssize_t orders_stride, n_orders
    ctypedef struct af_order_frame:
        double rho, inner
        double mass, top, other, other_top, log_mass, log_other, end
        double inverse_mass, inverse_other, unit, centre
        int swapped, form
    ctypedef struct af_verdict:
        uint64_t weights, rewards
    const uint64_t AF_OK
    const int *af_gradient_scalars
    const int *af_gradient_vectors
    enum:
        AF_OF_LOG_MGF, AF_OF_TILT, AF_OF_CONSTRAINED, AF_OF_ENTROPY, AF_OF_CROSS_ENTROPY, AF_OF_DIVERGENCE
        AF_ROWS_GOOD, AF_ROW_SCRATCH, AF_ESTIMATOR_SCALARS, AF_ESTIMATOR_VECTORS
        AF_TILT_DIVERGENCE, AF_TILT_MEAN, AF_TILT_VARIANCE, AF_TILT_LOG_MGF, AF_TILT_FIELDS
        AF_BLOCK, AF_PLAIN_ENTROPY, AF_PLAIN_CROSS_ENTROPY, AF_PLAIN_DIVERGENCE, ORDER_FOUND, ORDER_SUMS
        AF_WEIGHT_UNIFORM, AF_WEIGHT_PROBABILITY, AF_WEIGHT_LOG
        AF_REWARD_GIVEN, AF_REWARD_LOG_OF, AF_REWARD_LOGITS, AF_REWARD_LOG_RATIO, AF_REWARD_OWN_LOG

include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())

BLOCK = AF_BLOCK
ORDER_SIZES = ORDER_FOUND, ORDER_SUMS
PLAIN_ENTROPY = AF_PLAIN_ENTROPY
PLAIN_CROSS_ENTROPY = AF_PLAIN_CROSS_ENTROPY
PLAIN_DIVERGENCE = AF_PLAIN_DIVERGENCE
OF_LOG_MGF = AF_OF_LOG_MGF
OF_TILT = AF_OF_TILT
OF_CONSTRAINED = AF_OF_CONSTRAINED
OF_ENTROPY = AF_OF_ENTROPY
OF_CROSS_ENTROPY = AF_OF_CROSS_ENTROPY
OF_DIVERGENCE = AF_OF_DIVERGENCE
WEIGHT_UNIFORM = AF_WEIGHT_UNIFORM
WEIGHT_PROBABILITY = AF_WEIGHT_PROBABILITY
WEIGHT_LOG = AF_WEIGHT_LOG
REWARD_GIVEN = AF_REWARD_GIVEN
REWARD_LOG_OF = AF_REWARD_LOG_OF
REWARD_LOGITS = AF_REWARD_LOGITS
REWARD_LOG_RATIO = AF_REWARD_LOG_RATIO
REWARD_OWN_LOG = AF_REWARD_OWN_LOG
GRADIENT_SIZES = [(af_gradient_scalars[quantity], af_gradient_vectors[quantity]) for quantity in range(6)]

ctypedef fused real:
    float
    double


cdef af_rows describe(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, int reward_kind,
                      bint normalize, const double[:, ::1] orders) noexcept:
    """Return the rows behind the arrays; an array of one row serves every row."""
    cdef af_rows rows
    rows.letters = rewards.shape[1] if reward_kind != AF_REWARD_OWN_LOG else weights.shape[1]
    rows.weights = &weights[0, 0] if weight_kind != AF_WEIGHT_UNIFORM else NULL
    rows.rewards = &rewards[0, 0] if reward_kind != AF_REWARD_OWN_LOG else NULL
    rows.weights_stride = 0 if weights.shape[0] == 1 else rows.letters
    rows.rewards_stride = 0 if rewards.shape[0] == 1 else rows.letters
    rows.weight_kind = weight_kind
    rows.reward_kind = reward_kind
    rows.normalize, rows.single = normalize, real is float
    rows.orders = &orders[0, 0]
    rows.orders_stride = 0 if orders.shape[0] == 1 else orders.shape[1]
    rows.n_orders = orders.shape[1]
    return rows


def exponential_mean(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, int reward_kind,
                     bint normalize, const double[:, ::1] orders, double[:, ::1] out,
                     Py_ssize_t first_row, Py_ssize_t last_row):
    """Write E(ρ) = log(Σ p e^{ρ r})/ρ of rows first_row..last_row-1 to `out`; return two status words."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_verdict verdict
    with nogil:
        if real is float:
            verdict = table.exponential_mean_f32(&rows, 0, &out[0, 0], NULL, first_row, last_row)
        else:
            verdict = table.exponential_mean_f64(&rows, 0, &out[0, 0], NULL, first_row, last_row)
    return verdict.weights, verdict.rewards


def log_mgf(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, int reward_kind,
            bint normalize, const double[:, ::1] orders, double[:, ::1] out,
            Py_ssize_t first_row, Py_ssize_t last_row):
    """Write K(ρ) = log Σ p e^{ρ r} of rows first_row..last_row-1 to `out`; return two status words.

    For finite orders: at ±inf, where K needs the mass of the extreme reward if that is 0, `out` is unspecified.
    """
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_verdict verdict
    with nogil:
        if real is float:
            verdict = table.exponential_mean_f32(&rows, 1, &out[0, 0], NULL, first_row, last_row)
        else:
            verdict = table.exponential_mean_f64(&rows, 1, &out[0, 0], NULL, first_row, last_row)
    return verdict.weights, verdict.rewards


def tilted_moments(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, int reward_kind,
                   bint normalize, const double[:, ::1] orders, double[:, ::1] means, double[:, ::1] normalizers,
                   double[:, :, ::1] out, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write K(ρ) and the cumulants of the reward under p e^{ρ r} to ``out[row, order, :]``; return two status words.

    ``out.shape[2] - 1``, at most 8, is the highest cumulant. `means` (rows, orders) receives E(ρ) and `normalizers` (rows, 2)
    the logarithm of the row's mass and what normalisers add to its rewards.
    """
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_verdict verdict
    cdef int order = <int>out.shape[2] - 1
    with nogil:
        if real is float:
            verdict = table.exponential_mean_f32(&rows, 0, &means[0, 0], &normalizers[0, 0], first_row, last_row)
            table.tilted_moments_f32(&rows, order, &means[0, 0], &normalizers[0, 0], &out[0, 0, 0], first_row, last_row)
        else:
            verdict = table.exponential_mean_f64(&rows, 0, &means[0, 0], &normalizers[0, 0], first_row, last_row)
            table.tilted_moments_f64(&rows, order, &means[0, 0], &normalizers[0, 0], &out[0, 0, 0], first_row, last_row)
    return verdict.weights, verdict.rewards


def log_tilted(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, int reward_kind,
               bint normalize, const double[:, ::1] orders, double[:, ::1] means, double[:, ::1] normalizers,
               real[:, :, ::1] out, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write log(p e^{ρ r} / Σ p e^{ρ r}), finite ρ, to ``out[row, order, :]``; return two status words.

    `means` and `normalizers` as in `tilted_moments`.
    """
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_verdict verdict
    with nogil:
        if real is float:
            verdict = table.exponential_mean_f32(&rows, 0, &means[0, 0], &normalizers[0, 0], first_row, last_row)
            table.log_tilted_f32(&rows, &means[0, 0], &normalizers[0, 0], &out[0, 0, 0], first_row, last_row)
        else:
            verdict = table.exponential_mean_f64(&rows, 0, &means[0, 0], &normalizers[0, 0], first_row, last_row)
            table.log_tilted_f64(&rows, &means[0, 0], &normalizers[0, 0], &out[0, 0, 0], first_row, last_row)
    return verdict.weights, verdict.rewards


cdef double entropy_f64(Py_ssize_t n, const double *p) noexcept nogil:
    return table.plain_entropy(n, p)


cdef double cross_entropy_f64(Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil:
    return table.plain_cross_entropy(n, p, q, normalize)


cdef double divergence_f64(Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil:
    return table.plain_divergence(n, p, q, normalize)


def plain_entropy(const double[::1] p):
    """Return the entropy of one row in nats; NaN where the row is not a distribution up to scale."""
    return entropy_f64(p.shape[0], &p[0])


def plain_cross_entropy(const double[::1] p, const double[::1] q, bint normalize):
    """Return the cross entropy of two rows of equal length in nats; NaN as in `plain_entropy`."""
    return cross_entropy_f64(p.shape[0], &p[0], &q[0], normalize)


def plain_divergence(const double[::1] p, const double[::1] q, bint normalize):
    """Return the Kullback-Leibler divergence D(p‖q) of two rows of equal length in nats; NaN as in `plain_entropy`."""
    return divergence_f64(p.shape[0], &p[0], &q[0], normalize)


def plain_parts(int kind, const double[::1] p, const double[::1] q, double[:, ::1] parts, Py_ssize_t first, Py_ssize_t last):
    """Write what blocks first .. last - 1 of a row add to the sums of a measure, of a ``PLAIN_`` kind."""
    with nogil:
        table.plain_parts(kind, p.shape[0], &p[0], &q[0], first, last, &parts[0, 0])


def plain_from_parts(int kind, const double[::1] p, const double[::1] q, bint normalize, const double[:, ::1] parts):
    """Return the measure from what all blocks add."""
    cdef double value
    with nogil:
        value = table.plain_from_parts(kind, p.shape[0], &p[0], &q[0], normalize, &parts[0, 0])
    return value


def near_mean(const double[:, ::1] weights, int weight_kind, const double[:, ::1] rewards, int reward_kind,
              bint normalize, const double[:, ::1] orders, bint times_order):
    """Return E or K of one row of log-ratios whose distributions are close, else NaN."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef double value = NAN
    with nogil:
        table.mean_of_near_f64(&rows, 0, orders[0, 0], times_order, &value)
    return value


def order_found(const double[:, ::1] weights, int weight_kind, const double[:, ::1] rewards, int reward_kind,
                bint normalize, const double[:, ::1] orders, double[:, ::1] found, Py_ssize_t first, Py_ssize_t last):
    """Write what parts first .. last - 1 of one row, of `BLOCK` letters each, hold: the first of two passes over it."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    with nogil:
        table.order_found_f64(&rows, 0, first, last, &found[first, 0])


def order_begin(const double[:, ::1] weights, int weight_kind, const double[:, ::1] rewards, int reward_kind,
                bint normalize, const double[:, ::1] orders, bint times_order, const double[:, ::1] found):
    """Return what the second pass goes by, as bytes; None where the row has no such value."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_order_frame frame
    if not table.order_begin_f64(&rows, 0, orders[0, 0], times_order, &found[0, 0], &frame):
        return None
    return (<char*>&frame)[:sizeof(af_order_frame)]


def order_parts(const double[:, ::1] weights, int weight_kind, const double[:, ::1] rewards, int reward_kind,
                bint normalize, const double[:, ::1] orders, frame, double[:, ::1] sums, Py_ssize_t first, Py_ssize_t last):
    """Write what parts first .. last - 1 of one row add to its sums; `frame` is what `order_begin` has returned."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_order_frame now
    memcpy(&now, <const char*>frame, sizeof(af_order_frame))
    with nogil:
        table.order_parts_f64(&rows, 0, &now, first, last, &sums[first, 0])


def order_end(const double[:, ::1] weights, int weight_kind, const double[:, ::1] rewards, int reward_kind,
              bint normalize, const double[:, ::1] orders, frame, bint times_order, const double[:, ::1] sums):
    """Return E or K, NaN where these sums may lack digits; and, where others may have them, what to go by, else None."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, reward_kind, normalize, orders)
    cdef af_order_frame now
    memcpy(&now, <const char*>frame, sizeof(af_order_frame))
    cdef double value = table.order_end_f64(&rows, 0, &now, times_order, &sums[0, 0])
    if value == value or not table.order_again_f64(&rows, &now):
        return value, None
    return value, (<char*>&now)[:sizeof(af_order_frame)]


cdef double *scratch_of(const af_rows *rows) except NULL:
    """Return what the loops over tilts keep of a row; to be freed."""
    return <double*>memory_of_bytes(AF_ROW_SCRATCH * rows.letters * sizeof(double))


def tilts(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, const double[:, ::1] alphas,
          real[:, :, ::1] log_pi, double[:, :, ::1] out, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write divergence, mean, variance and log-MGF of the tilts to ``out[row, alpha, :]``, their logarithms to `log_pi`.

    Return whether all rows are good: as `exponential_mean` finds, with finite rewards on the support, of a range that is
    a double. `log_pi` may be None.
    """
    cdef af_rows rows = describe(weights, weight_kind, rewards, AF_REWARD_GIVEN, True, alphas)
    cdef void *logs = NULL
    cdef double *scratch = scratch_of(&rows)
    cdef int status
    if log_pi is not None:
        logs = &log_pi[0, 0, 0]
    with nogil:
        status = table.tilts(&rows, real is float, logs, &out[0, 0, 0], scratch, first_row, last_row)
    free(scratch)
    return status == AF_ROWS_GOOD


def tilts_of_divergence(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards,
                        const double[:, ::1] divergences, const double[:, ::1] log_deficit, const double[:, ::1] start,
                        double[:, ::1] alpha, double[:, ::1] reached, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write the tilts α >= 0 of given divergence, inf where none reaches it, and what they reach; return as `tilts` does.

    `log_deficit`, the logarithm of the largest divergence less the given one, and `start` are by row and point, or None.
    """
    cdef af_rows rows = describe(weights, weight_kind, rewards, AF_REWARD_GIVEN, True, divergences)
    cdef const double *deficits = NULL
    cdef const double *starts = NULL
    cdef double *scratch = scratch_of(&rows)
    cdef int status
    if log_deficit is not None:
        deficits = &log_deficit[0, 0]
    if start is not None:
        starts = &start[0, 0]
    with nogil:
        status = table.tilts_of_divergence(&rows, real is float, deficits, starts, &alpha[0, 0], &reached[0, 0],
                                           scratch, first_row, last_row)
    free(scratch)
    return status == AF_ROWS_GOOD


def rates(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, const double[:, ::1] levels,
          double[:, ::1] value, double[:, ::1] t, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write the rate function at the levels to `value` and its maximisers to `t`; return as `tilts` does."""
    cdef af_rows rows = describe(weights, weight_kind, rewards, AF_REWARD_GIVEN, True, levels)
    cdef double *scratch = scratch_of(&rows)
    cdef int status
    with nogil:
        status = table.rates(&rows, real is float, &value[0, 0], &t[0, 0], scratch, first_row, last_row)
    free(scratch)
    return status == AF_ROWS_GOOD


def gradients(const real[:, ::1] weights, int weight_kind, const real[:, ::1] rewards, int quantity,
              const double[:, ::1] points, double[:, :, ::1] scalars, double[:, :, :, ::1] vectors,
              Py_ssize_t first_row, Py_ssize_t last_row):
    """Write the derivatives of `quantity` (``OF_`` constants) by its parameter and by letters; return as `tilts` does.

    Also where q, in the place of the rewards of a Rényi measure, has no mass on a letter of p.
    """
    cdef af_rows rows = describe(weights, weight_kind, rewards, AF_REWARD_GIVEN, True, points)
    cdef double *scratch = scratch_of(&rows)
    cdef int status
    with nogil:
        status = table.gradients(&rows, real is float, quantity, &scalars[0, 0, 0], &vectors[0, 0, 0, 0],
                                 scratch, first_row, last_row)
    free(scratch)
    return status == AF_ROWS_GOOD


def estimates(const double[::1] rho, double[::1] k3, double[::1] slope, Py_ssize_t first, Py_ssize_t last):
    """Write the estimator k3 = e^−ρ − 1 + ρ of a divergence and its derivative 1 − e^−ρ, of samples first..last-1."""
    with nogil:
        table.estimates(last - first, &rho[first], &k3[first], &slope[first])


def estimator_moments(const real[:, ::1] p, int weight_kind, const real[:, ::1] reference, double[:, ::1] scalars,
                      double[:, :, ::1] vectors, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write the moments of estimators of the divergence of p from a reference (gradient.inc); return as `tilts` does."""
    cdef af_rows rows = describe(p, weight_kind, reference, AF_REWARD_GIVEN, True, scalars)
    cdef double *scratch = scratch_of(&rows)
    cdef int status
    with nogil:
        status = table.estimator_moments(&rows, real is float, &scalars[0, 0], &vectors[0, 0, 0], scratch, first_row,
                                         last_row)
    free(scratch)
    return status == AF_ROWS_GOOD

include "markov.pxi"
include "short.pxi"
