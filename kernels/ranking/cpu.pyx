"""Entry points of the ranking loops: comparisons and their compression, likelihoods and their maxima."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc

from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.kernels.common.scratch cimport scratch

cdef extern from *:
    """
    #define AF_LOOPS "ranking/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct ranking_terms:
        double *value
        double *slope
        double *curvature
        double *tie_slope
        double *mixed
        double *tie_curvature
    ctypedef struct ranking_problem:
        int model
        Py_ssize_t items, cells, covariates
        const int32_t *first
        const int32_t *second
        const double *wins_first
        const double *wins_second
        const double *ties
        const int64_t *start
        const int32_t *column
        const double *value
        const double *columns
        double ridge, gamma
        int complete
    ctypedef struct ranking_sums:
        double *gradient
        double *diagonal
        double *curvature
        double *mixed
        double *matrix
        Py_ssize_t stride
        double *totals
    ctypedef struct ranking_report:
        double value, decrement, step, iterations
    ctypedef struct elo_games:
        Py_ssize_t size
        const int32_t *winner
        const int32_t *loser
        const double *outcome
        const double *weight
        const int32_t *order
    ctypedef struct choices:
        const int32_t *item
        const int64_t *start
        const int32_t *depth
        const double *weight
    ctypedef struct compress_rows:
        Py_ssize_t size
        int64_t n_items
        int wide
        const void *winner
        const void *loser
        const uint8_t *kind
        const double *weight
        const double *outcome
    ctypedef struct compress_cells:
        int32_t *first
        int32_t *second
        uint8_t *home
        double *wins_first
        double *wins_second
        double *ties
    ctypedef struct ranking_alias:
        uint32_t *entry
        uint32_t *rest
    ctypedef struct ranking_draws:
        const int32_t *place
        const uint8_t *whole[3]
        const int32_t *other[3]
        Py_ssize_t others[3]
        const double *mean[3]
        const double *log_mean_or_decay[3]
        const double *b[3]
        const double *squeeze[3]
        const double *height[3]
        double *log_factorial
        ranking_alias *table
    ctypedef struct compress_layout:
        int item_bits, payload_bits, indexed
    int64_t choices_read(Py_ssize_t rows, Py_ssize_t width, int wide, const void *given, int32_t *item, int64_t *start,
                         int32_t *depth) noexcept nogil
    uint64_t choices_check(const choices*, Py_ssize_t, Py_ssize_t, int32_t, int32_t*) noexcept nogil
    const uint64_t AF_OK
    enum:
        AF_BLOCK
        CHOICES_ITEM
        CHOICES_REPEATED
        CHOICES_TILE
        COMPRESS_WINNER
        COMPRESS_LOSER
        COMPRESS_SELF
        COMPRESS_WEIGHT
        COMPRESS_OUTCOME
        COMPRESS_STATUS
        COMPRESS_NEUTRAL
        COMPRESS_WINNER_AT_HOME
        COMPRESS_LOSER_AT_HOME
        COMPRESS_RESULT_BITS
    Py_ssize_t ranking_unknowns(const ranking_problem *p) noexcept nogil
    Py_ssize_t ranking_stride(Py_ssize_t n) noexcept nogil
    Py_ssize_t ranking_maximum_scratch(Py_ssize_t n) noexcept nogil
    Py_ssize_t ranking_bias_scratch(Py_ssize_t n, Py_ssize_t cells) noexcept nogil
    Py_ssize_t ranking_scratch(Py_ssize_t n) noexcept nogil
    int ranking_is_free(const ranking_problem *p) noexcept nogil
    int ranking_has_ties(int model) noexcept nogil
    int ranking_is_complete(const ranking_problem *p) noexcept nogil
    int ranking_complete(Py_ssize_t items, Py_ssize_t n, const int32_t *first, const int32_t *second,
                         const double *const *counts, int kinds, int32_t *all_first, int32_t *all_second,
                         double *const *all_counts) noexcept nogil
    ctypedef struct ranking_parent:
        const double *start
        const float *inverse
        const float *slopes
    Py_ssize_t ranking_side_scratch(Py_ssize_t items, Py_ssize_t cells) noexcept nogil
    const Py_ssize_t RANKING_TERMS, RANKING_SHARED, RANKING_ORDERED
    const char *const ranking_model_names[]
    enum:
        RANKING_BRADLEY_TERRY, RANKING_MODELS
        RANKING_CONVERGED, RANKING_UNFINISHED, RANKING_SINGULAR
        RANKING_SIDE, RANKING_DEGREE
        RANKING_SIDE_FOUND, RANKING_SIDE_SLOW

cdef extern from *:
    const double RANKING_CHORD, RANKING_FLOOR, RANKING_SLACK
    const int RANKING_HALVINGS

include "iterations_structs.pxi"
include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())
cdef double NOT_A_NUMBER = float("nan")
# Replicates side by side, and numbers of the polynomials of a cell.
SIDE, COEFFICIENTS = RANKING_SIDE, 2 * (RANKING_DEGREE + 1)

# ---- models (likelihood.inc, problem.inc, cholesky.inc, newton.inc, bootstrap.inc) ----

MODELS_BY_NAME = {ranking_model_names[i].decode(): i for i in range(RANKING_MODELS)}
CONVERGED = RANKING_CONVERGED
UNFINISHED = RANKING_UNFINISHED
SINGULAR = RANKING_SINGULAR
NEWTON_CHORD = RANKING_CHORD
NEWTON_FLOOR = RANKING_FLOOR
NEWTON_SLACK = RANKING_SLACK
NEWTON_HALVINGS = RANKING_HALVINGS


cdef inline const double *reals(const double[::1] x) noexcept nogil:
    return &x[0] if x.shape[0] else NULL


def complete(given, cells):
    """Write the `given` cells to `cells` as all pairs of their items in rows, with counts of 0 where a pair never met.

    False where the given ones do not ascend by (first, second), or `first` is not below `second`.
    """
    cdef Py_ssize_t items = given.n_items
    cdef const int32_t[::1] first = given.first, second = given.second
    cdef const double[::1] wins_first = given.wins_first, wins_second = given.wins_second, ties = given.ties
    cdef compress_cells all_pairs = pointers(cells, 0)
    cdef const double **counts = [&wins_first[0], &wins_second[0], reals(ties)]
    cdef double **written = [all_pairs.wins_first, all_pairs.wins_second, all_pairs.ties]
    cdef int ascending
    with nogil:
        ascending = ranking_complete(items, first.shape[0], &first[0], &second[0], counts, 3 if ties.shape[0] else 2,
                                     all_pairs.first, all_pairs.second, written)
    return bool(ascending)


cdef double *allocate(Py_ssize_t n) except NULL:
    return <double*>scratch(<size_t>n * sizeof(double))


cdef class ComparisonProblem:
    """A model of comparisons: `Cells`, `Covariates`, and a prior on the scores.

    Unknowns u: scores, coefficients of covariates, and the tie parameter where the model has one. There is at least one
    cell. Ranges of cells add to their outputs.
    """

    cdef ranking_problem problem
    cdef ranking_draws *draws  # NULL until counts are drawn; followed by what they share of each cell
    cdef object given  # keeps the arrays behind the pointers
    cdef readonly Py_ssize_t unknowns

    def __init__(self, int model, cells, covariates, double ridge, double gamma):
        cdef const int32_t[::1] first = cells.first, second = cells.second, column = covariates.column
        cdef const double[::1] wins_first = cells.wins_first, wins_second = cells.wins_second, ties = cells.ties
        cdef const int64_t[::1] start = covariates.start
        cdef const double[::1] value = covariates.value, columns = covariates.columns
        self.given = cells, covariates
        self.problem.model, self.problem.items, self.problem.cells = model, cells.n_items, first.shape[0]
        self.problem.covariates = covariates.width
        self.problem.first, self.problem.second = &first[0], &second[0]
        self.problem.wins_first, self.problem.wins_second = &wins_first[0], &wins_second[0]
        self.problem.ties = reals(ties)
        self.problem.start = &start[0] if self.problem.covariates else NULL
        self.problem.column = &column[0] if column.shape[0] else NULL
        self.problem.value, self.problem.columns = reals(value), reals(columns)
        self.problem.ridge, self.problem.gamma = ridge, gamma
        self.problem.complete = ranking_is_complete(&self.problem)
        self.unknowns = ranking_unknowns(&self.problem)

    @property
    def cells(self):
        return self.problem.cells

    @property
    def items(self):
        return self.problem.items

    @property
    def has_ties(self):
        """Whether the last unknown is a tie parameter."""
        return bool(ranking_has_ties(self.problem.model))

    @property
    def tied(self):
        """Whether the cells count ties."""
        return self.problem.ties is not NULL

    def terms(self, const double[::1] u, double[:, ::1] out):
        """Write (value, slope, curvature, slope in τ, mixed, curvature in τ) of every cell to the rows of `out`."""
        cdef ranking_terms *terms = <ranking_terms*>allocate(6 * RANKING_TERMS)
        cdef Py_ssize_t block, at, n, k, cells = self.problem.cells
        cdef bint ties = ranking_has_ties(self.problem.model)
        with nogil:
            for block in range((cells + RANKING_TERMS - 1) // RANKING_TERMS):
                at = block * RANKING_TERMS
                n = min(<Py_ssize_t>RANKING_TERMS, cells - at)
                table.ranking_terms_at(&self.problem, &u[0], at, n, terms)
                for k in range(n):
                    out[0, at + k], out[1, at + k] = terms.value[k], terms.slope[k]
                    out[2, at + k] = terms.curvature[k]
                    out[3, at + k] = terms.tie_slope[k] if ties else 0.0
                    out[4, at + k] = terms.mixed[k] if ties else 0.0
                    out[5, at + k] = terms.tie_curvature[k] if ties else 0.0
        free(terms)

    def gradient(self, const double[::1] u, Py_ssize_t first, Py_ssize_t last, double[::1] gradient,
                 double[::1] totals=None, double[::1] diagonal=None, double[::1] curvature=None, double[::1] mixed=None):
        """Add cells first..last-1: slopes to `gradient`, (log-likelihood, curvature in τ) to `totals`, unless that is None.

        Where given, the diagonal of the negated Hessian is added to `diagonal`, and the cells' own curvatures are
        written to `curvature` and `mixed`.
        """
        cdef ranking_sums sums
        sums.gradient, sums.matrix, sums.stride = &gradient[0], NULL, 0
        sums.totals = NULL if totals is None else &totals[0]
        sums.diagonal = NULL if diagonal is None else &diagonal[0]
        sums.curvature = NULL if curvature is None else &curvature[0]
        sums.mixed = NULL if mixed is None or not mixed.shape[0] else &mixed[0]
        with nogil:
            table.ranking_pass(&self.problem, &u[0], first, last, &sums)

    def prior(self, const double[::1] u, double[::1] gradient, double[::1] diagonal):
        """Return the logarithm of the prior at `u`; its slope and its curvature are added to the arrays."""
        cdef double value = 0.0
        table.ranking_prior(&self.problem, &u[0], &value, &gradient[0], &diagonal[0], 1)
        return value

    def product(self, const double[::1] curvature, const double[::1] mixed, const double[::1] v, Py_ssize_t first,
                Py_ssize_t last, double[::1] out):
        """Add the negated Hessian of cells first..last-1 times `v` to `out`, but for its entry (τ, τ)."""
        with nogil:
            table.ranking_product(&self.problem, &curvature[0], reals(mixed), &v[0], first, last, &out[0])

    def matrix(self, const double[::1] curvature, const double[::1] mixed, double tie, const double[::1] prior,
               double[:, ::1] out):
        """Add the symmetric matrix with these curvatures, and that of the prior on its diagonal, to zeros in `out`."""
        cdef Py_ssize_t n = self.unknowns, i, j
        with nogil:
            table.ranking_assemble(&self.problem, 0, self.problem.cells, &curvature[0], reals(mixed), &out[0, 0], n)
            if ranking_has_ties(self.problem.model):
                out[n - 1, n - 1] += tie
            for i in range(n):
                out[i, i] += prior[i]
                for j in range(i):
                    out[i, j] = out[j, i]

    def newton(self, double[::1] u, double tolerance, int limit):
        """Maximise from `u`, in place; returns (status, decrement, step, iterations)."""
        cdef ranking_report report
        cdef double *scratch = allocate(ranking_scratch(self.unknowns))
        cdef int status
        with nogil:
            status = table.ranking_newton(&self.problem, tolerance, limit, &u[0], scratch, &report)
        free(scratch)
        return status, report.decrement, report.step, <int>report.iterations

    def maximum(self, double[::1] u, double tolerance, int limit):
        """Maximise from `u`, in place, scores of mean zero where all may move alike.

        Returns (value, largest entry of the gradient, decrement, step, iterations, status).
        """
        cdef ranking_report report
        cdef double *scratch = allocate(ranking_maximum_scratch(self.unknowns))
        cdef double largest
        cdef int status
        with nogil:
            status = table.ranking_maximum(&self.problem, tolerance, limit, &u[0], scratch, &report, &largest)
        free(scratch)
        return report.value, largest, report.decrement, report.step, <int>report.iterations, status

    def covariance(self, const double[::1] u, double[:, ::1] out):
        """Write the covariance of the unknowns at `u`, scores of mean zero; return whether the Hessian has an inverse."""
        cdef double *scratch = allocate(ranking_maximum_scratch(self.unknowns))
        cdef int found
        with nogil:
            found = table.ranking_covariance(&self.problem, &u[0], NULL, &out[0, 0], scratch)
        free(scratch)
        return bool(found)

    def half_leverages(self, const double[::1] curvature, const double[:, ::1] covariance, double[::1] out):
        """Write half the leverage of every cell, from its curvature and the covariance of the unknowns."""
        cdef double *along = allocate(self.unknowns)
        with nogil:
            table.ranking_half_leverages(&self.problem, &curvature[0], &covariance[0, 0], along, &out[0])
        free(along)

    def __dealloc__(self):
        free(self.draws)

    def prepare(self):
        """Compute what draws of all replicates share, unless it is there; before threads draw."""
        cdef const int32_t[::1] row = self.given[0].row
        cdef Py_ssize_t shared = RANKING_SHARED * self.problem.cells
        if self.draws is not NULL:
            return
        if row.shape[0]:
            shared += RANKING_ORDERED * self.problem.cells + self.problem.items + 1
        self.draws = <ranking_draws*>scratch(sizeof(ranking_draws) + shared * sizeof(double))
        table.ranking_prepare(&self.problem, &row[0] if row.shape[0] else NULL, self.draws, <double*>(self.draws + 1))

    def resample(self, uint64_t key, uint64_t replicate, double[::1] wins_first, double[::1] wins_second,
                 double[::1] ties):
        """Write the Poisson counts of one replicate."""
        cdef double *drawn
        self.prepare()
        drawn = allocate(2 * self.problem.cells)
        with nogil:
            table.ranking_resample(&self.problem, self.draws, key, replicate, &wins_first[0], &wins_second[0],
                                   &ties[0] if ties.shape[0] else NULL, drawn)
        free(drawn)

    def connected(self):
        """Return whether wins lead from every item to every other."""
        cdef uint8_t[::1] reached = bytearray(self.problem.items)
        return bool(table.ranking_connected(&self.problem, &reached[0]))

    def chord_factor(self, const double[::1] u, double[:, ::1] factor, double[:, ::1] known):
        """Write the factor of the negated Hessian at `u`, n rows of ``stride(n)``; return whether steps by it pay.

        Slopes of every outcome there go to `known`: 2 rows of the cells, 6 where the model has ties.
        """
        cdef double *scratch = allocate(self.unknowns)
        cdef bint found
        with nogil:
            found = table.ranking_chord_factor(&self.problem, &u[0], &factor[0, 0], &known[0, 0], scratch)
        free(scratch)
        return found

    def parent(self, const double[::1] u, float[:, ::1] inverse, float[:, ::1] slopes):
        """Write what replicates side by side take from their parent, whose maximum is at `u`.

        `inverse` is the covariance of the scores, `slopes` (cells, COEFFICIENTS) are polynomials of those of each outcome.
        Returns whether replicates of this problem go side by side.
        """
        self.prepare()
        cdef Py_ssize_t n = self.problem.items
        cdef double *scratch = allocate(ranking_maximum_scratch(n) + n * n)
        cdef bint usable
        with nogil:
            usable = table.ranking_side_parent(&self.problem, self.draws, &u[0], &inverse[0, 0], &slopes[0, 0], scratch)
        free(scratch)
        return usable

    def side_by_side(self, uint64_t key, Py_ssize_t first, Py_ssize_t last, const double[::1] start,
                     const float[:, ::1] inverse, const float[:, ::1] slopes, double tolerance, double[:, ::1] out,
                     uint8_t[::1] proven, uint8_t[::1] slow):
        """Write the maxima of groups first..last-1 of SIDE replicates to the rows of `out`, as far as there are rows.

        `inverse` and `slopes` are those of ``parent``. NaN where there is no maximum, and where steps do not shrink, which
        `slow` says. `proven` says of each whether there is a cell in which both items won.
        """
        self.prepare()
        cdef Py_ssize_t group, i, r, l, n = self.problem.items
        cdef double *scratch = allocate(ranking_side_scratch(n, self.problem.cells) + RANKING_SIDE * n)
        cdef double *u = scratch + ranking_side_scratch(n, self.problem.cells)
        cdef ranking_parent parent
        cdef int[RANKING_SIDE] state
        cdef uint8_t[RANKING_SIDE] both
        parent.start, parent.inverse, parent.slopes = &start[0], &inverse[0, 0], &slopes[0, 0]
        with nogil:
            for group in range(first, last):
                table.ranking_side(&self.problem, self.draws, &parent, key, group * RANKING_SIDE, tolerance, scratch, u, state,
                                   both)
                for l in range(min(<Py_ssize_t>RANKING_SIDE, out.shape[0] - group * RANKING_SIDE)):
                    r = group * RANKING_SIDE + l
                    proven[r], slow[r] = both[l], state[l] == RANKING_SIDE_SLOW
                    for i in range(n):
                        out[r, i] = u[i * RANKING_SIDE + l] if state[l] == RANKING_SIDE_FOUND else NOT_A_NUMBER
        free(scratch)

    def bootstrap(self, uint64_t key, Py_ssize_t first, Py_ssize_t last, const double[::1] start,
                  const double[:, ::1] factor, const double[:, ::1] known, double tolerance, int limit, double row,
                  double steepness, double[:, ::1] out, uint8_t[::1] proven):
        """Write the maxima of replicates first..last-1 to the rows of `out`; NaN where there is none.

        Steps are by `factor`, of ``chord_factor`` like the `known` slopes, unless it is None. `proven` says of each whether
        it is known to be finite, given that wins connect all items: without covariates by a cell in which both items won;
        with them by a step, `row` and `steepness` being bounds of what outcomes see, unless `steepness` is infinite.
        """
        self.prepare()
        cdef ranking_problem problem = self.problem
        cdef ranking_report report
        cdef Py_ssize_t r, i, k, cells = problem.cells, n = self.unknowns
        cdef bint free_prior = ranking_is_free(&problem)
        cdef double *counts = allocate(5 * cells + problem.items + ranking_scratch(n))
        cdef double *drawn = counts + 3 * cells + problem.items
        cdef double *scratch = drawn + 2 * cells
        cdef double *ties = counts + 2 * cells if problem.ties is not NULL else NULL
        cdef bint found, near = factor is not None
        with nogil:
            problem.wins_first, problem.wins_second, problem.ties = counts, counts + cells, ties
            for r in range(first, last):
                table.ranking_resample(&self.problem, self.draws, key, r, counts, counts + cells, ties, drawn)
                proven[r] = 0
                for k in range(0 if problem.covariates else cells):
                    if counts[k] > 0.0 and counts[cells + k] > 0.0:
                        proven[r] = 1
                        break
                for i in range(n):
                    out[r, i] = start[i]
                found = not free_prior or table.ranking_connected(&problem, <uint8_t*>(counts + 3 * cells))
                if found and not (near and table.ranking_chord(&problem, &factor[0, 0], &known[0, 0], tolerance, &out[r, 0],
                                                               scratch)):
                    for i in range(n):
                        out[r, i] = start[i]
                    found = table.ranking_newton(&problem, tolerance, limit, &out[r, 0], scratch, &report) == RANKING_CONVERGED
                if not found:
                    for i in range(n):
                        out[r, i] = NOT_A_NUMBER
                elif problem.covariates and steepness < INFINITY:
                    proven[r] = table.ranking_proves(&problem, &out[r, 0], row, steepness, scratch)
        free(counts)


def cholesky(double[:, ::1] a, Py_ssize_t n):
    """Write U with UᵀU = the symmetric matrix in the upper triangle of `a` over it; False where not positive definite.

    `a` has rows of `stride(n)` doubles.
    """
    cdef int done
    with nogil:
        done = table.ranking_cholesky(n, &a[0, 0], a.shape[1])
    return bool(done)


def eliminate(double[:, ::1] rates, Py_ssize_t high, Py_ssize_t low):
    """Take states high - 1, ..., low >= 1 out of a chain of these rates, in place."""
    with nogil:
        table.ranking_eliminate(rates.shape[0], high, low, &rates[0, 0])


def solve(const double[:, ::1] u, double[::1] x):
    """Replace `x` by the solution of UᵀU y = x."""
    with nogil:
        table.ranking_solve(x.shape[0], &u[0, 0], u.shape[1], &x[0])


def centred_inverse(double[:, ::1] a, Py_ssize_t items, double[:, ::1] out):
    """Write the inverse of the matrix in the upper triangle of `a`, which is used up, for scores of mean zero.

    `a` has rows of `stride(n)` doubles. False where it is not positive definite.
    """
    cdef int found
    with nogil:
        found = table.ranking_centred_inverse(out.shape[0], items, &a[0, 0], &out[0, 0])
    return bool(found)


def probabilities(int model, const double[::1] d, double tie, int outcome, double[::1] out):
    """Write the probabilities that the first wins (outcome 0), the second (1), of a tie (2) at differences `d`."""
    with nogil:
        table.ranking_probabilities(model, d.shape[0], &d[0], tie, outcome, &out[0])


def stride(Py_ssize_t n):
    """Return how many doubles a row of a matrix for `cholesky` takes."""
    return ranking_stride(n)

BLOCK = AF_BLOCK


include "short.pxi"
include "merge.pxi"
include "labels.pxi"

# ---- compression (compress.inc) ----

WINNER = COMPRESS_WINNER
LOSER = COMPRESS_LOSER
SELF = COMPRESS_SELF
WEIGHT = COMPRESS_WEIGHT
OUTCOME = COMPRESS_OUTCOME
STATUS = COMPRESS_STATUS
NEUTRAL = COMPRESS_NEUTRAL
WINNER_AT_HOME = COMPRESS_WINNER_AT_HOME
LOSER_AT_HOME = COMPRESS_LOSER_AT_HOME
RESULT_BITS = COMPRESS_RESULT_BITS


cdef compress_cells pointers(cells, Py_ssize_t start) except *:
    """Return where cells `start` and on go; no arrays for None."""
    cdef compress_cells out
    cdef int32_t[::1] first, second
    cdef uint8_t[::1] home
    cdef double[::1] wins_first, wins_second, ties
    out.first = NULL
    if cells is None or start >= len(cells.first):
        return out
    first, second, home = cells.first, cells.second, cells.home
    wins_first, wins_second, ties = cells.wins_first, cells.wins_second, cells.ties
    out.first, out.second = &first[start], &second[start]
    out.home = &home[start] if home.shape[0] else NULL
    out.wins_first, out.wins_second = &wins_first[start], &wins_second[start]
    out.ties = &ties[start] if ties.shape[0] else NULL
    return out


cdef class ComparisonRows:
    """One row per comparison: indices of `n_items` items as the bytes of int32, or of int64 where `wide`.

    `kind` (tied + 2 home), `weight` and `outcome` may be None. There is at least one row.
    """

    cdef compress_rows rows
    cdef compress_layout layout
    cdef readonly object arrays

    def __init__(self, const uint8_t[::1] winner, const uint8_t[::1] loser, bint wide, int64_t n_items,
                 const uint8_t[::1] kind, const double[::1] weight, const double[::1] outcome):
        self.arrays = winner, loser, kind, weight, outcome
        self.rows.size, self.rows.n_items, self.rows.wide = winner.shape[0] // (8 if wide else 4), n_items, wide
        self.rows.winner, self.rows.loser = &winner[0], &loser[0]
        if kind is not None:
            self.rows.kind = &kind[0]
        if weight is not None:
            self.rows.weight = &weight[0]
        if outcome is not None:
            self.rows.outcome = &outcome[0]

    @property
    def size(self):
        return self.rows.size

    @property
    def n_items(self):
        return self.rows.n_items

    @property
    def weighted(self):
        """Whether rows count other than one."""
        return self.rows.weight is not NULL or self.rows.outcome is not NULL

    def tally(self, Py_ssize_t first, Py_ssize_t last, tallies, uint64_t[::1] status):
        """Add rows first..last-1 to `tallies`: doubles where weighted, else uint32."""
        cdef double[::1] weights
        cdef uint32_t[::1] counts
        if self.weighted:
            weights = tallies
            with nogil:
                table.compress_tally_weights(&self.rows, first, last, &weights[0], &status[0])
        else:
            counts = tallies
            with nogil:
                table.compress_tally(&self.rows, first, last, &counts[0], &status[0])

    def table_cells(self, tallies, bint homes, cells):
        """Write the cells of `tallies` to `cells`; returns how many there are."""
        cdef compress_cells out = pointers(cells, 0)
        cdef const uint8_t[::1] content = tallies.view("u1")
        cdef bint real = self.weighted
        cdef Py_ssize_t count
        with nogil:
            count = table.compress_table_cells(&content[0], real, <int32_t>self.rows.n_items,
                                               self.rows.kind is not NULL, homes, &out)
        return count

    def lay_out(self, int item_bits, int payload_bits):
        """Settle the layout of words."""
        self.layout.item_bits, self.layout.payload_bits, self.layout.indexed = item_bits, payload_bits, self.weighted

    def words(self, Py_ssize_t first, Py_ssize_t last, int shift, uint64_t[::1] words, int64_t[::1] bucket,
              uint64_t[::1] status):
        """Write the words of rows first..last-1, and count them by bucket."""
        with nogil:
            table.compress_words(&self.rows, self.layout, first, last, shift, &words[0], &bucket[0], &status[0])

    def word_cells(self, const uint64_t[::1] words, const int64_t[::1] ends, Py_ssize_t first, Py_ssize_t last,
                   const int64_t[::1] starts, cells, int64_t[::1] count):
        """Write the cells of sorted buckets first..last-1 from `starts` on, unless `cells` is None, and their counts."""
        cdef Py_ssize_t b, low
        cdef compress_cells out
        for b in range(first, last):
            low = ends[b - 1] if b else 0
            if ends[b] == low:
                count[b] = 0
                continue
            out = pointers(cells, 0 if starts is None else starts[b])
            with nogil:
                count[b] = table.compress_word_cells(&self.rows, self.layout, ends[b] - low, &words[low], &out)


def scatter(const uint64_t[::1] words, Py_ssize_t first, Py_ssize_t last, int shift, int64_t[::1] place,
            uint64_t[::1] out):
    """Move words first..last-1 to `place` of their bucket (word >> shift) in `out`, and advance it."""
    with nogil:
        table.compress_scatter(&words[0], first, last, shift, &place[0], &out[0])


def sort_buckets(uint64_t[::1] words, uint64_t[::1] other, const int64_t[::1] ends, Py_ssize_t first, Py_ssize_t last,
                 int low_bit, int high_bit):
    """Sort buckets first..last-1 of `words`, which end at `ends`, by bits low_bit..high_bit-1; `other` is scratch."""
    cdef Py_ssize_t b, low
    with nogil:
        for b in range(first, last):
            low = ends[b - 1] if b else 0
            if ends[b] > low:
                table.compress_sort(ends[b] - low, &words[low], &other[low], low_bit, high_bit)


# ---- the graph of wins (reach.inc) ----


def reach(const int32_t[::1] first, const int32_t[::1] second, const double[::1] wins_first,
          const double[::1] wins_second, const double[::1] ties, bint against, bint backwards, uint8_t[::1] reached):
    """Mark what is one edge away from a marked item, cell by cell; returns how many marks are new."""
    cdef const double *tied = &ties[0] if ties.shape[0] else NULL
    cdef Py_ssize_t found = 0
    if first.shape[0]:
        with nogil:
            found = table.reach_sweep(first.shape[0], &first[0], &second[0], &wins_first[0], &wins_second[0], tied,
                                      against, backwards, reached.shape[0], &reached[0])
    return found


# ---- Elo (elo.inc) ----


def elo_play(const int32_t[::1] winner, const int32_t[::1] loser, const double[::1] outcome, const double[::1] weight,
             const int32_t[::1] order, double k, Py_ssize_t first, Py_ssize_t last, double[::1] rating):
    """Play games first..last-1 of `order` (None: as they come); `outcome` and `weight` may be None."""
    cdef elo_games games
    games.size, games.winner, games.loser = winner.shape[0], &winner[0], &loser[0]
    games.outcome = reals(outcome)
    games.weight = reals(weight)
    games.order = NULL
    if order is not None:
        games.order = &order[0]
    with nogil:
        table.elo_play(&games, k, first, last, &rating[0])


def elo_shuffle(uint64_t key, uint64_t replicate, int32_t[::1] order):
    """Write a permutation: number `replicate` of the stream `key`."""
    with nogil:
        table.elo_shuffle(key, replicate, order.shape[0], &order[0])


# ---- Plackett-Luce (plackett_luce.inc) ----

ITEM = CHOICES_ITEM
REPEATED = CHOICES_REPEATED


cdef class Choices:
    """Rankings: `item` in rows from `start` (N + 1) on, the first `depth` (N) of each chosen in order; `weight` or None.

    Scores `u` are in units of the greatest, `w` are their exponentials. Ranges of rankings add to their outputs.
    """

    cdef choices rankings
    cdef readonly object arrays
    cdef readonly Py_ssize_t count, places, tile

    def __init__(self, const int32_t[::1] item, const int64_t[::1] start, const int32_t[::1] depth,
                 const double[::1] weight):
        cdef Py_ssize_t number
        self.arrays = item, start, depth, weight
        self.count, self.places, self.tile = depth.shape[0], item.shape[0], CHOICES_TILE
        for number in range(self.count):
            self.tile = max(self.tile, <Py_ssize_t>(start[number + 1] - start[number]))
        self.rankings.item, self.rankings.start, self.rankings.depth = &item[0], &start[0], &depth[0]
        self.rankings.weight = reals(weight)

    def beaten_neighbours(self):
        """Return (winner, loser, weight or None) of pairs: every place over the next one, the last one chosen over all
        that were not."""
        cdef Py_ssize_t number, place, last, at = 0, count = 0
        cdef int32_t[::1] won, lost
        cdef double[::1] weight
        cdef bint weighted = self.rankings.weight is not NULL
        for number in range(self.count):
            if self.rankings.depth[number] > 0:
                count += max(0, self.rankings.start[number + 1] - self.rankings.start[number] - 1)
        winner, loser, weights = empty(count, int32), empty(count, int32), empty(count if weighted else 0)
        won, lost, weight = winner, loser, weights
        for number in range(self.count):
            if self.rankings.depth[number] <= 0:
                continue
            last = self.rankings.start[number] + self.rankings.depth[number] - 1
            for place in range(self.rankings.start[number], self.rankings.start[number + 1] - 1):
                won[at], lost[at] = self.rankings.item[min(place, last)], self.rankings.item[place + 1]
                if weighted:
                    weight[at] = self.rankings.weight[number]
                at += 1
        return winner, loser, weights if weighted else None

    def check(self, Py_ssize_t first, Py_ssize_t last, int32_t n_items, int32_t[::1] seen):
        """Return the status word of the first place that is no item, or repeats one."""
        cdef uint64_t word
        with nogil:
            word = choices_check(&self.rankings, first, last, n_items, &seen[0])
        return word

    def choices_gradient(self, const double[::1] u, const double[::1] w, Py_ssize_t first, Py_ssize_t last,
                 double[::1] gradient, double[::1] diagonal, double[::1] total):
        """Add slopes, the diagonal of the negated Hessian, and the log-likelihood."""
        cdef double *scratch = allocate(2 * self.tile)
        with nogil:
            table.choices_pass(&self.rankings, &u[0], &w[0], first, last, self.tile, scratch, &gradient[0],
                               &diagonal[0], &total[0])
        free(scratch)

    def choices_matrix(self, const double[::1] w, Py_ssize_t first, Py_ssize_t last, double[::1] matrix):
        """Add what -w_i w_j makes the off-diagonal entries of the negated Hessian, each in either triangle."""
        cdef double *scratch = allocate(self.tile)
        with nogil:
            table.choices_matrix(&self.rankings, &w[0], first, last, w.shape[0], scratch, &matrix[0])
        free(scratch)

    def choices_product(self, const double[::1] w, const double[::1] v, Py_ssize_t first, Py_ssize_t last, double[::1] out):
        """Add the negated Hessian times `v`."""
        cdef double *scratch = allocate(2 * self.tile)
        with nogil:
            table.choices_product(&self.rankings, &w[0], &v[0], first, last, self.tile, scratch, &out[0])
        free(scratch)


include "choices.pxi"
include "iterations.pxi"
include "gaps.pxi"
