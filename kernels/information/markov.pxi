# Markov sources: loops over states, between which an interrupt may come in.

from cpython.exc cimport PyErr_CheckSignals

cdef enum:
    NODA_STEPS = 60  # the iteration converges quadratically: they bound a stalled one
    MOST_STATES = 32  # of a chain that one call is done with, in a millisecond


def communicating_classes(const uint8_t[:, ::1] support, int64_t[::1] label):
    """Write the number of the class of every state; return how many classes there are."""
    cdef Py_ssize_t n = label.shape[0]
    cdef int64_t *scratch = <int64_t*>memory_of_bytes(5 * n * sizeof(int64_t))
    count = table.markov_classes(n, &support[0, 0], &label[0], scratch)
    free(scratch)
    return count


def cycle_mean(const double[:, ::1] weights):
    """Return the largest mean weight of a cycle, -inf where there is none."""
    cdef Py_ssize_t n = weights.shape[0], k
    cdef double[:, ::1] walks = numpy.zeros((n + 1, n))
    for k in range(n):
        with nogil:
            table.markov_walk(n, k, &weights[0, 0], &walks[0, 0])
        PyErr_CheckSignals()
    return table.markov_cycle_mean(n, &walks[0, 0])


def best_walks(double[:, ::1] closure):
    """Turn weights of steps into those of the best walks, in place."""
    cdef Py_ssize_t n = closure.shape[0], k
    cdef double[::1] scratch = numpy.empty(2 * n)
    for k in range(n):
        with nogil:
            table.markov_by_way_of(n, k, &closure[0, 0], &scratch[0])
        PyErr_CheckSignals()


def perron(const double[:, ::1] matrix, double[::1] answer):
    """Return the Perron value, and write its right vector to `answer`."""
    cdef Py_ssize_t n = answer.shape[0]
    cdef double[::1] vector = numpy.ones(n), scratch = numpy.empty((n + 1) * n)
    cdef double[2] bounds
    cdef int step, again = 1
    bounds[0], bounds[1] = 1.0, float("inf")
    answer[:] = vector
    for step in range(NODA_STEPS):
        if not again:
            break
        with nogil:
            again = table.markov_noda(n, &matrix[0, 0], &vector[0], &answer[0], bounds, &scratch[0])
        PyErr_CheckSignals()
    return bounds[0]


def stationary(double[:, ::1] A, double[::1] law):
    """Write the stationary law of the matrix, given by its logarithms, which is used up."""
    cdef Py_ssize_t n = law.shape[0], k
    for k in range(n - 1, 0, -1):
        with nogil:
            table.markov_reduce(n, k, &A[0, 0])
        PyErr_CheckSignals()
    table.markov_law(n, &A[0, 0], &law[0])


def markov_rate(const double[:, ::1] P, const double[:, ::1] Q, double order):
    """Return the rate of Renyi cross entropy of one small chain; NaN where matrices have to be looked at one by one."""
    cdef Py_ssize_t n = P.shape[0]
    cdef double *memory
    if n > MOST_STATES:
        return float("nan")
    memory = <double*>memory_of_bytes(markov_bytes(n))
    value = table.markov_rate(n, &P[0, 0], &Q[0, 0], order - 1.0, memory)
    free(memory)
    return value


def markov_aligned(const double[:, ::1] P, const double[:, ::1] reward, double alpha, double[:, ::1] chain, double[::1] out):
    """Write the aligned chain, and log lambda, divergence, reward and variance rates; return whether it was small and good."""
    cdef Py_ssize_t n = P.shape[0]
    cdef double *memory
    if n > MOST_STATES:
        return False
    memory = <double*>memory_of_bytes(markov_bytes(n))
    good = table.markov_aligned(n, &P[0, 0], &reward[0, 0], alpha, &chain[0, 0], &out[0], memory) != 0
    free(memory)
    return good
