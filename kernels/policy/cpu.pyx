"""Entry points of preferences over a few responses: rows first .. last - 1 of batches, and the short path of small calls.

Arrays are float64, one row per problem; arrays with a single row serve all problems.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, strchr

from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.kernels.common.scratch cimport scratch as allocated

cdef extern from *:
    """
    #define AF_LOOPS "policy/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    enum:
        AXIOM_WINNER
        AXIOM_SMITH_SIZE
        AXIOM_DOMINANT
        AXIOM_STRICT
        AXIOM_TRANSITIVE
        AXIOM_CYCLIC
        AXIOM_CYCLES
        AXIOM_TOTAL_ORDER
        AXIOMS
        GAIN_SUMS
        GAIN_MOMENTS
        GAIN_POWERS
        GAIN_FIELDS
        GAIN_GAPS
    double GAIN_STEP
    Py_ssize_t policy_pairs_scratch(Py_ssize_t size, Py_ssize_t columns) noexcept nogil
    Py_ssize_t policy_axioms_integers(Py_ssize_t size) noexcept nogil
    Py_ssize_t sampler_scratch(Py_ssize_t size) noexcept nogil

include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())

WINNER = AXIOM_WINNER
SMITH_SIZE = AXIOM_SMITH_SIZE
DOMINANT = AXIOM_DOMINANT
STRICT = AXIOM_STRICT
TRANSITIVE = AXIOM_TRANSITIVE
CYCLIC = AXIOM_CYCLIC
CYCLES = AXIOM_CYCLES
TOTAL_ORDER = AXIOM_TOTAL_ORDER
PROPERTIES = AXIOMS
SUMS = GAIN_SUMS
MOMENTS = GAIN_MOMENTS
POWERS = GAIN_POWERS
STEP = GAIN_STEP

# The largest by which P + P' of matrices that were let in may be from one (alignment_fast/policy/_arguments.py).
cdef double TOLERANCE = 1e-6


cdef inline Py_ssize_t own(Py_ssize_t rows, Py_ssize_t row) noexcept nogil:
    """Return the row of an array of `rows` that serves problem `row`."""
    return row if rows > 1 else 0


def are_preferences(const double[:, :, ::1] P, double tolerance, Py_ssize_t first, Py_ssize_t last):
    """Return whether matrices first .. last - 1 hold probabilities, P + P' = 1 within `tolerance`."""
    cdef Py_ssize_t row
    cdef bint good = True
    with nogil:
        for row in range(first, last):
            good = good and table.policy_are_preferences(P.shape[1], &P[row, 0, 0], tolerance)
    return good


def normalise(double[:, ::1] masses):
    """Divide every row of masses by its sum; return whether all are finite, not negative and have one."""
    cdef Py_ssize_t row
    cdef bint good = True
    with nogil:
        for row in range(masses.shape[0]):
            good = good and table.policy_normalise(masses.shape[1], &masses[row, 0])
    return good


def advantages(const double[:, :, ::1] P, const double[:, ::1] mu, double[:, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write M mu, M = (P - P') / 2."""
    cdef Py_ssize_t row
    with nogil:
        for row in range(first, last):
            table.policy_advantages(out.shape[1], &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0], &out[row, 0])


def least_ipo_losses(const double[:, ::1] mu, const double[:, ::1] advantage, double[::1] out):
    """Write the least losses of IPO at beta = 1."""
    cdef Py_ssize_t row
    with nogil:
        for row in range(out.shape[0]):
            out[row] = table.policy_least_ipo_loss(mu.shape[1], &mu[own(mu.shape[0], row), 0], &advantage[row, 0])


def ipo_losses(const double[:, ::1] h, const double[:, ::1] mu, const double[:, ::1] advantage, const double[:, ::1] beta,
               double[:, ::1] value, double[:, :, ::1] gradient):
    """Write the losses of IPO at h, (rows, points), and their gradients (rows, points, size)."""
    cdef Py_ssize_t row, point
    with nogil:
        for row in range(value.shape[0]):
            for point in range(value.shape[1]):
                value[row, point] = table.policy_ipo_loss(
                    h.shape[1], &h[own(h.shape[0], row), 0], &mu[own(mu.shape[0], row), 0],
                    &advantage[own(advantage.shape[0], row), 0], beta[own(beta.shape[0], row), point],
                    &gradient[row, point, 0])


def pair_potentials(const double[:, :, ::1] P, const double[:, :, ::1] rho, double[:, ::1] potential, double[::1] loss,
                    Py_ssize_t first, Py_ssize_t last):
    """Write the potentials of IPO under pair designs, and its least losses at beta = 1."""
    cdef Py_ssize_t row, size = potential.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * (2 * size + 2) * size + sizeof(Py_ssize_t) * 3 * size)
    cdef Py_ssize_t *index = <Py_ssize_t*>(scratch + (2 * size + 2) * size)
    with nogil:
        for row in range(first, last):
            loss[row] = table.policy_pair_potential(size, &P[own(P.shape[0], row), 0, 0],
                                                    &rho[own(rho.shape[0], row), 0, 0], &potential[row, 0], scratch, index)
    free(scratch)


def tilted(const double[:, ::1] ref, const double[:, ::1] score, const double[:, ::1] beta, double[:, :, ::1] log_pi,
           double[:, ::1] entropy, double[:, ::1] kl, Py_ssize_t first, Py_ssize_t last):
    """Write log pi of pi ~ ref exp(beta score), (rows, points, size), its entropy and D(pi||ref)."""
    cdef Py_ssize_t row, point, size = log_pi.shape[2]
    cdef double measures[2]
    cdef double *scratch = <double*>allocated(sizeof(double) * 3 * size)
    with nogil:
        for row in range(first, last):
            for point in range(log_pi.shape[1]):
                table.policy_tilt(size, &ref[own(ref.shape[0], row), 0], &score[own(score.shape[0], row), 0],
                                  beta[own(beta.shape[0], row), point], &log_pi[row, point, 0], measures, scratch)
                entropy[row, point], kl[row, point] = measures[0], measures[1]
    free(scratch)


def rewards(const double[:, :, ::1] P, const double[:, ::1] mu, double tol, Py_ssize_t most, double[:, ::1] out,
            double[::1] width, Py_ssize_t first, Py_ssize_t last):
    """Write the rewards of DPO, mean 0, and the width of the last of at most `most` steps of Newton."""
    cdef Py_ssize_t row, size = out.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * policy_pairs_scratch(size, 1))
    with nogil:
        for row in range(first, last):
            width[row] = table.policy_rewards(size, &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0], tol,
                                              most, &out[row, 0], scratch)
    free(scratch)


def dpo_losses(const double[:, ::1] reward, const double[:, :, ::1] P, const double[:, ::1] mu, double[::1] value,
               double[:, ::1] gradient, Py_ssize_t first, Py_ssize_t last):
    """Write the losses of DPO at `reward` and their gradients."""
    cdef Py_ssize_t row, size = gradient.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * size * size)
    with nogil:
        for row in range(first, last):
            value[row] = table.policy_dpo_loss(size, &reward[own(reward.shape[0], row), 0],
                                               &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0],
                                               &gradient[row, 0], scratch)
    free(scratch)


def sensitivities(const double[:, :, ::1] P, const double[:, ::1] mu, const double[:, ::1] reward,
                  const double[:, :, ::1] direction, double[:, :, ::1] change, Py_ssize_t first, Py_ssize_t last):
    """Write the derivatives of the rewards of DPO as mu moves along each column of `direction` (rows, size, columns)."""
    cdef Py_ssize_t row, size = change.shape[1], columns = change.shape[2]
    cdef double *scratch = <double*>allocated(sizeof(double) * (policy_pairs_scratch(size, columns) + size))
    with nogil:
        for row in range(first, last):
            table.policy_sensitivities(size, columns, &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0],
                                       &reward[own(reward.shape[0], row), 0],
                                       &direction[own(direction.shape[0], row), 0, 0], &change[row, 0, 0], scratch)
    free(scratch)


def ipo_covariances(const double[:, :, ::1] P, const double[:, ::1] mu, double[:, :, ::1] out, Py_ssize_t first,
                    Py_ssize_t last):
    """Write the covariances of IPO's estimates at beta = 1."""
    cdef Py_ssize_t row, size = out.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * size)
    with nogil:
        for row in range(first, last):
            table.policy_advantages(size, &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0], scratch)
            table.policy_ipo_covariance(size, &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0], scratch,
                                        &out[row, 0, 0])
    free(scratch)


def dpo_covariances(const double[:, :, ::1] P, const double[:, ::1] mu, const double[:, ::1] reward,
                    double[:, :, ::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write the covariances of DPO's estimates of the rewards."""
    cdef Py_ssize_t row, size = out.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * (policy_pairs_scratch(size, size) + size))
    with nogil:
        for row in range(first, last):
            table.policy_dpo_covariance(size, &P[own(P.shape[0], row), 0, 0], &mu[own(mu.shape[0], row), 0],
                                        &reward[own(reward.shape[0], row), 0], &out[row, 0, 0], scratch)
    free(scratch)


def axioms(const double[:, :, ::1] P, int wanted, int64_t[:, ::1] properties, uint8_t[:, ::1] smith, int64_t[:, ::1] order,
           Py_ssize_t first, Py_ssize_t last):
    """Write the properties of each matrix (rows, PROPERTIES), which is one of preferences, whose bits are set in `wanted`.

    SMITH_SIZE comes with the Smith sets, TOTAL_ORDER with the responses in the order of wins.
    """
    cdef Py_ssize_t row, size = smith.shape[1]
    cdef double *M = <double*>allocated(sizeof(double) * size * size + sizeof(int64_t) * policy_axioms_integers(size))
    cdef int64_t *integers = <int64_t*>(M + size * size)
    with nogil:
        for row in range(first, last):
            table.policy_axioms_f64(size, &P[row, 0, 0], TOLERANCE, wanted, &properties[row, 0], &smith[row, 0], &order[row, 0],
                                    M, integers)
    free(M)


def order_samplers(const double[:, :, ::1] P, const int64_t[:, ::1] order, double[:, ::1] mu, double[:, ::1] q,
                   double[::1] margin, Py_ssize_t first, Py_ssize_t last):
    """Write the samplers that keep orders, the weights of pairs of neighbours that prove them best, and margins."""
    cdef Py_ssize_t row, size = mu.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * sampler_scratch(size))
    with nogil:
        for row in range(first, last):
            margin[row] = table.order_sampler(size, &P[row, 0, 0], &order[row, 0], &mu[row, 0], &q[row, 0], scratch)
    free(scratch)


def smith_samplers(const double[:, :, ::1] P, const uint8_t[:, ::1] members, const double[:, ::1] ref, double[:, ::1] mu,
                   double[:, ::1] w, double[:, ::1] fields, Py_ssize_t first, Py_ssize_t last):
    """Write the samplers that put members on top, the weights that prove them best, and (margin, beta)."""
    cdef Py_ssize_t row, size = mu.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * sampler_scratch(size))
    with nogil:
        for row in range(first, last):
            fields[row, 0] = table.smith_sampler(size, &P[row, 0, 0], &members[row, 0], &ref[own(ref.shape[0], row), 0],
                                                 &mu[row, 0], &w[row, 0], &fields[row, 1], scratch)
    free(scratch)


def keep_order(const double[:, :, ::1] P, const double[:, ::1] score, uint8_t[::1] out, Py_ssize_t first, Py_ssize_t last):
    """Write whether scores put every winner of a pair above the loser."""
    cdef Py_ssize_t row
    with nogil:
        for row in range(first, last):
            out[row] = table.policy_keeps_order_f64(score.shape[1], &P[own(P.shape[0], row), 0, 0], TOLERANCE,
                                                    &score[own(score.shape[0], row), 0])


def is_top(const uint8_t[:, ::1] members, const double[:, ::1] score, uint8_t[::1] out):
    """Write whether the members of each row have larger scores than all others."""
    cdef Py_ssize_t row
    with nogil:
        for row in range(out.shape[0]):
            out[row] = table.policy_is_top(score.shape[1], &members[own(members.shape[0], row), 0],
                                           &score[own(score.shape[0], row), 0])


def count(const int64_t[::1] winner, const int64_t[::1] loser, const uint8_t[::1] tied, const double[::1] weight,
          double[:, ::1] wins, double[:, ::1] ties):
    """Add comparisons to `wins`, and the other half of ties to `ties`; return how many were good, up to the first bad one.

    `tied` and `weight` may be empty.
    """
    cdef Py_ssize_t found
    with nogil:
        found = table.policy_count(winner.shape[0], wins.shape[0], &winner[0], &loser[0],
                                   &tied[0] if tied.shape[0] else NULL, &weight[0] if weight.shape[0] else NULL,
                                   &wins[0, 0], &ties[0, 0] if tied.shape[0] else NULL)
    return found


def shares(double prior, double[:, ::1] wins):
    """Turn wins into the shares of comparisons won."""
    with nogil:
        table.policy_shares(wins.shape[0], prior, &wins[0, 0])


def from_scores(double scale, const double[:, :, ::1] score, const int64_t[:, ::1] chosen, double[:, :, ::1] P,
                Py_ssize_t first, Py_ssize_t last):
    """Write the preferences by scores (rows, size, attributes), one attribute for each pair; single rows of it serve all."""
    cdef Py_ssize_t row, size = P.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * size * size)
    with nogil:
        for row in range(first, last):
            table.policy_from_scores(size, score.shape[2], scale, &score[row, 0, 0],
                                     &chosen[own(chosen.shape[0], row), 0] if chosen.shape[1] else NULL,
                                     &P[row, 0, 0], scratch)
    free(scratch)


def gain_sums(const double[::1] x, const double[::1] weight, double centre, const double[::1] tilt, Py_ssize_t first,
              Py_ssize_t last, double[:, ::1] out):
    """Write the sums at tilts first .. last - 1, (tilts, GAIN_SUMS); `weight` may be None."""
    cdef const double *given = NULL
    if weight is not None:
        given = &weight[0]
    if last > first:
        with nogil:
            table.gain_sums(x.shape[0], &x[0], given, centre, last - first, &tilt[first], &out[first, 0])


def gain_bin(const double[::1] x, const double[::1] weight, double width, double[:, ::1] moments):
    """Add the moments (GAIN_MOMENTS, bins) of samples in bins of this width below 0; `weight` may be None."""
    cdef Py_ssize_t bins = moments.shape[1]
    cdef double *scratch = <double*>allocated(sizeof(double) * GAIN_MOMENTS * bins)
    cdef const double *given = NULL
    if weight is not None:
        given = &weight[0]
    with nogil:
        table.gain_bin(x.shape[0], &x[0], given, width, bins, scratch, &moments[0, 0])
    free(scratch)


def gain_binned(const double[:, ::1] moments, double width, double centre, const double[::1] tilt, Py_ssize_t first,
                Py_ssize_t last, double[:, ::1] out):
    """Write the sums at tilts first .. last - 1, (tilts, GAIN_POWERS), of samples in bins."""
    if last > first:
        with nogil:
            table.gain_binned(moments.shape[1], &moments[0, 0], width, centre, last - first, &tilt[first],
                              &out[first, 0])


def gain_of_gold(const double[::1] x, double centre, const double[::1] away, double tilt, bint held,
                 double[::1] influence):
    """Return (gain of gold, mean of x - centre, log-partition) under a tilt; write the influence of samples on the gain."""
    cdef double *e = <double*>allocated(sizeof(double) * x.shape[0])
    cdef double out[3]
    with nogil:
        table.gain_of_gold(x.shape[0], &x[0], centre, &away[0], tilt, held, e, &influence[0], out)
    free(e)
    return out[0], out[1], out[2]


def gain_constants(const double[:, ::1] masses, const double[::1] t, const double[::1] log_mgf, const double[::1] mean,
                   bint held, Py_ssize_t first, Py_ssize_t last, double[:, ::1] out):
    """Write constants of intervals at tilts first .. last - 1, (tilts, 3), of `masses` (4, samples or bins)."""
    cdef double *scratch = <double*>allocated(sizeof(double) * masses.shape[1])
    cdef Py_ssize_t i
    with nogil:
        for i in range(first, last):
            table.gain_constants(masses.shape[1], &masses[0, 0], &masses[1, 0], &masses[2, 0], &masses[3, 0], t[i],
                                 log_mgf[i], mean[i], held, scratch, &out[i, 0])
    free(scratch)


def hodge(const double[:, :, ::1] P, double[:, ::1] scores, double[:, :, ::1] cyclic, double[::1] share, Py_ssize_t first,
          Py_ssize_t last):
    """Write the scores, the cyclic parts and their shares of matrices first .. last - 1, all pairs weighing alike."""
    cdef Py_ssize_t row
    with nogil:
        for row in range(first, last):
            share[row] = table.policy_hodge(P.shape[1], &P[row, 0, 0], &scores[row, 0], &cyclic[row, 0, 0])


include "short.pxi"
