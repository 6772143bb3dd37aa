# The maximum of few rankings in one compiled call: the steps of Newton's method by conjugate gradients on a dense matrix,
# as alignment_fast/ranking/_newton.py takes them for all others. Sums have NumPy's order, and exponentials are NumPy's
# own, so that both ways give the same bits.

from libc.math cimport pow

cdef object exponential = numpy.exp, zeros = numpy.zeros

cdef enum:
    WATCH_EARLY = 2  # steps over which the decrease is watched: on the way, and for the last step, which certifies
    WATCH_LAST = 6

cdef double LOOSE = 0.03       # largest error of a step, relative, in the norm of the Hessian
cdef double NEGLIGIBLE = 1e-4  # a last step that is this part of the tolerance is not taken
cdef double CHORD = 0.01       # a matrix from so near serves


cdef double dot(Py_ssize_t n, const double *x, const double *y, double *scratch) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        scratch[i] = x[i] * y[i]
    return table.ranking_sum(n, scratch)


cdef double largest_of(Py_ssize_t n, const double *x) noexcept nogil:
    """Return the largest magnitude; NaN where there is one."""
    cdef double largest = 0.0, entry
    cdef Py_ssize_t i
    for i in range(n):
        entry = fabs(x[i])
        if entry > largest or entry != entry:
            largest = entry
    return largest


cdef class ChoiceSearch:
    """Newton's method for the penalised log-likelihood of `Choices`, which keeps its matrix from step to step."""

    cdef Choices rankings
    cdef double ridge
    cdef Py_ssize_t n
    cdef object relative, strengths
    cdef double[::1] shifted, weight, memory, kept
    cdef double[:, ::1] matrix
    cdef bint has_matrix
    cdef double *gradient
    cdef double *diagonal
    cdef double *scratch

    def __init__(self, Choices rankings, Py_ssize_t items, double ridge):
        self.rankings, self.n, self.ridge, self.has_matrix = rankings, items, ridge, False
        self.relative, self.strengths = empty(items), empty(items)
        self.shifted, self.weight, self.kept = self.relative, self.strengths, empty(items)
        self.matrix = empty((items, items))
        self.memory = empty(12 * items + 2 * rankings.tile)
        self.gradient, self.diagonal = &self.memory[0], &self.memory[items]
        self.scratch = &self.memory[2 * items]

    cdef double evaluate(self, const double *u):
        """Return the objective at `u`; its gradient, and the diagonal of its negated Hessian, are kept."""
        cdef Py_ssize_t n = self.n, i
        cdef double most = u[0], total = 0.0
        cdef double *scratch = self.scratch
        for i in range(n):
            most = u[i] if u[i] > most else most
        for i in range(n):
            self.shifted[i] = u[i] - most
        exponential(self.relative, self.strengths)
        memset(self.gradient, 0, <size_t>(2 * n) * sizeof(double))
        table.choices_pass(&self.rankings.rankings, &self.shifted[0], &self.weight[0], 0, self.rankings.count,
                           self.rankings.tile, scratch + 10 * n, self.gradient, self.diagonal, &total)
        for i in range(n):
            self.gradient[i] -= self.ridge * u[i]
            self.diagonal[i] += self.ridge
        return total - 0.5 * self.ridge * dot(n, u, u, scratch)

    cdef void refresh(self, const double *u) noexcept:
        """Make the negated Hessian at `u`, the point evaluated last, unless that of a point nearby serves."""
        cdef Py_ssize_t n = self.n, i, j
        cdef double *scratch = self.scratch
        cdef double[:, ::1] h = self.matrix
        if self.has_matrix:
            for i in range(n):
                scratch[i] = u[i] - self.kept[i]
            if not largest_of(n, scratch) > CHORD:
                return
        memset(&h[0, 0], 0, <size_t>(n * n) * sizeof(double))
        table.choices_matrix(&self.rankings.rankings, &self.weight[0], 0, self.rankings.count, n, scratch + 10 * n, &h[0, 0])
        for i in range(n):
            for j in range(i):
                h[i, j] = h[j, i] = h[i, j] + h[j, i]
        for i in range(n):
            h[i, i] = self.diagonal[i]
            self.kept[i] = u[i]
            for j in range(n):
                if i != j:
                    h[i, j] = -h[i, j] * self.weight[j] * self.weight[i]
        self.has_matrix = True

    cdef bint solve(self, const double *right, double tolerance, int watched, Py_ssize_t budget, double *x) noexcept:
        """Write the solution of matrix x = right, by Jacobi's preconditioner; return whether it was found."""
        cdef Py_ssize_t n = self.n, i, step
        cdef double *inverse = self.scratch + n
        cdef double *residual = self.scratch + 2 * n
        cdef double *z = self.scratch + 3 * n
        cdef double *direction = self.scratch + 4 * n
        cdef double *image = self.scratch + 5 * n
        cdef double *scratch = self.scratch
        cdef double recent[WATCH_LAST]
        cdef double power, start, before, bend, length, total = 0.0, last
        for i in range(n):
            inverse[i] = 1.0 / (self.diagonal[i] if self.diagonal[i] > 0.0 else 1.0)
            x[i], residual[i] = 0.0, right[i]
            z[i] = inverse[i] * residual[i]
            direction[i] = z[i]
        power = dot(n, residual, z, scratch)
        start = power
        for step in range(budget):
            if power <= 1e-30 * start:
                return True
            for i in range(n):
                image[i] = dot(n, &self.matrix[i, 0], direction, scratch)
            bend = dot(n, direction, image, scratch)
            if not bend > 0.0:  # the direction is rounding
                return True
            length = power / bend
            for i in range(n):
                x[i] += length * direction[i]
                residual[i] -= length * image[i]
            recent[step % watched] = length * power
            total += length * power
            if step + 1 >= watched:
                last = 0.0
                for i in range(step + 1, step + 1 + watched):  # the oldest first
                    last += recent[i % watched]
                if last <= pow(tolerance, 2.0) * total:
                    return True
            before = power
            for i in range(n):
                z[i] = inverse[i] * residual[i]
            power = dot(n, residual, z, scratch)
            for i in range(n):
                direction[i] = z[i] + (power / before) * direction[i]
        return False

    cdef double advance(self, double *u, double value, const double *step):
        """Move `u` by a step, halved until the objective does not fall; return its value there."""
        cdef Py_ssize_t n = self.n, i
        cdef double *trial = self.scratch + 8 * n
        cdef double share = 1.0, there = value
        cdef int halving
        for halving in range(RANKING_HALVINGS):
            for i in range(n):
                trial[i] = u[i] + share * step[i]
            there = self.evaluate(trial)
            if there >= value - RANKING_SLACK * fabs(value):
                break
            share *= 0.5
        memcpy(u, trial, <size_t>n * sizeof(double))
        return there

    cdef void centred(self, double *u) noexcept:
        if self.ridge == 0.0:
            table.ranking_centre(self.n, u)

    def newton(self, double[::1] given, double tolerance, int limit, Py_ssize_t budget):
        """Maximise from `given`, in place; return (value or None where it was not evaluated, decrement, step, iterations,
        whether it converged), or None where a step was not found within `budget` products."""
        cdef Py_ssize_t n = self.n, i
        cdef double *u = &given[0]
        cdef double *right = self.scratch + 6 * n
        cdef double *step = self.scratch + 7 * n
        cdef double previous = INFINITY, decrement = INFINITY, size = INFINITY, loose, value
        cdef int iteration, first, watched
        cdef bint found, rounding, taken
        value = self.evaluate(u)
        for iteration in range(1, limit + 1):
            loose = 0.1 * tolerance / pow(previous, 2.0)
            loose = min(LOOSE, max(previous, loose))
            memcpy(right, self.gradient, <size_t>n * sizeof(double))
            self.centred(right)
            self.refresh(u)
            first = WATCH_EARLY if pow(previous, 2.0) > tolerance else WATCH_LAST
            for watched in (WATCH_EARLY, WATCH_LAST):
                if watched < first:
                    continue
                found = self.solve(right, loose, watched, budget, step)
                if not found:
                    return None
                self.centred(step)
                size = largest_of(n, step)
                if size > tolerance:
                    break
            decrement = dot(n, self.gradient, step, self.scratch)
            decrement = sqrt(0.0 if decrement < 0.0 else decrement)  # NaN stays
            rounding = RANKING_CHORD >= size > 0.5 * previous and decrement <= RANKING_FLOOR
            if size <= tolerance or rounding:
                taken = size > NEGLIGIBLE * tolerance
                if taken:
                    for i in range(n):
                        u[i] += step[i]
                return None if taken else value, decrement, size, iteration, True
            value = self.advance(u, value, step)
            previous = size
        return value, decrement, previous, limit, False

    def first_scores(self):
        """Return the scores that one gradient at equal scores says."""
        cdef double[::1] equal = zeros(self.n)
        self.evaluate(&equal[0])
        return spread_start(self.n, self.gradient, self.diagonal, self.scratch).base

    def maximum(self, const double[::1] start, double tolerance, int limit, Py_ssize_t budget):
        """Return what `Maximum` holds, from `start`, or None where a step was not found within `budget` products."""
        found = empty(self.n)
        cdef double[::1] u = found
        memcpy(&u[0], &start[0], <size_t>self.n * sizeof(double))
        self.centred(&u[0])
        run = self.newton(u, tolerance, limit, budget)
        if run is None:
            return None
        value, decrement, step, iterations, converged = run
        self.centred(&u[0])
        if value is None:
            value = self.evaluate(&u[0])
        return found, value, largest_of(self.n, self.gradient), decrement, step, iterations, converged

    def slope(self):
        """Return the gradient at the point that was evaluated last."""
        out = empty(self.n)
        cdef double[::1] view = out
        memcpy(&view[0], self.gradient, <size_t>self.n * sizeof(double))
        return out


# ---- one call for a likelihood ----

cdef enum:
    SHORT_PLACES = 1 << 13  # beyond, there is work for threads


def short_order(rankings, n_items):
    """Return (items, starts, depths, number of items) of a small table of rankings, or None."""
    cdef Py_buffer view
    cdef int32_t[::1] item, depth
    cdef int64_t[::1] start
    cdef int32_t *seen
    cdef choices read
    cdef int64_t found, asked = 0
    cdef Py_ssize_t rows
    cdef bint good
    if n_items is not None:
        if type(n_items) is not int or not 0 < n_items <= SHORT_PLACES:
            return None
        asked = n_items
    if not opened_of(b"il", rankings, &view, 2):
        return None
    try:
        rows = view.shape[0]
        if rows == 0 or view.shape[1] == 0 or rows * view.shape[1] > SHORT_PLACES:
            return None
        items, starts, depths = empty(rows * view.shape[1], int32), empty(rows + 1, int64), empty(rows, int32)
        item, start, depth = items, starts, depths
        found = choices_read(rows, view.shape[1], view.itemsize == 8, view.buf, &item[0], &start[0], &depth[0])
    finally:
        PyBuffer_Release(&view)
    asked = asked if asked else found
    if not 0 < found <= asked <= SHORT_PLACES:
        return None
    seen = <int32_t*>allocate(asked)
    memset(seen, 0, <size_t>asked * sizeof(int32_t))
    memset(&read, 0, sizeof(choices))
    read.item, read.start, read.depth = &item[0], &start[0], &depth[0]
    good = choices_check(&read, 0, rows, <int32_t>asked, seen) == AF_OK
    free(seen)
    if not good:
        return None
    return items if start[rows] == item.shape[0] else items[: start[rows]].copy(), starts, depths, asked


def short_rankings(int wanted, Choices rankings, Py_ssize_t items, scores, vector, double widest):
    """Return the log-likelihood, its gradient, or its Hessian times `vector`, or None where the general path must decide."""
    cdef double *scratch
    cdef double *gradient
    cdef double *along
    cdef double total = 0.0, most, least
    cdef double[::1] shifted, weight, out
    cdef Py_ssize_t i
    if items > SHORT_ITEMS or rankings.places > SHORT_PLACES:
        return None
    scratch = allocate(4 * items + 2 * rankings.tile)
    try:
        if not read_scores(scores, items, scratch):
            return None
        gradient, along = scratch + items, scratch + 3 * items
        if wanted == PRODUCT and not read_scores(vector, items, along):
            return None
        most = least = scratch[0]
        for i in range(items):
            most, least = max(most, scratch[i]), min(least, scratch[i])
        if not most - least <= widest:
            return None
        relative = empty(items)
        shifted = relative
        for i in range(items):
            shifted[i] = scratch[i] - most
        weight = exponential(relative)
        memset(gradient, 0, <size_t>(2 * items) * sizeof(double))
        if wanted == PRODUCT:
            table.choices_product(&rankings.rankings, &weight[0], along, 0, rankings.count, rankings.tile,
                                  scratch + 4 * items, gradient)
            for i in range(items):
                gradient[i] = -(gradient[i] + 0.0 * along[i])
        else:
            table.choices_pass(&rankings.rankings, &shifted[0], &weight[0], 0, rankings.count, rankings.tile,
                               scratch + 4 * items, gradient, gradient + items, &total)
        if wanted == VALUE:
            return total
        found = empty(items)
        out = found
        memcpy(&out[0], gradient, <size_t>items * sizeof(double))
        return found
    finally:
        free(scratch)
