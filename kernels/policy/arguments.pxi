# Arguments of small calls over K responses, included by the modules that have such calls (kernels/common/short.pxd): a
# preference matrix and distributions, checked as the general path does, in float64; and results, made once.

import numpy

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer
from cpython.float cimport PyFloat_AsDouble

from alignment_fast.kernels.common.cpu cimport opened

cdef object empty = numpy.empty
cdef object float32 = numpy.float32
cdef object float64 = numpy.float64

# Responses up to which work that grows with their square, and with their cube, is done at once: a millisecond or so that
# the interpreter does not see. From there on the border costs nothing.
cdef enum:
    MOST_OF_SQUARES = 1024
    MOST_OF_CUBES = 64


cdef struct responses:
    Py_ssize_t size
    char kind  # of every array: 'd' or 'f'
    const double *P
    double *scratch
    double *free  # what is left of it
    Py_buffer view


cdef bint plain_number(object x, double *out) noexcept:
    """Write a Python float or int or a float64 to `out`; return whether `x` is one."""
    if type(x) is float or type(x) is float64:
        out[0] = PyFloat_AsDouble(x)
        return True
    if type(x) is int and -(1 << 53) < x < (1 << 53):
        out[0] = x
        return True
    return False


cdef void copied(Py_buffer *view, char kind, double *out) noexcept:
    """Write what an open buffer holds to `out` as float64."""
    cdef Py_ssize_t i
    if kind == b'd':
        for i in range(view.len // 8):
            out[i] = (<double*>view.buf)[i]
    else:
        for i in range(view.len // 4):
            out[i] = (<float*>view.buf)[i]


cdef bint open_matrix(object P, responses *task, Py_ssize_t most, int squares, int vectors) noexcept:
    """Open a task on the square matrix P of at most `most` responses, with scratch of so many squares and vectors.

    Return whether there is one; then what the task holds goes back by `closed`. What P holds is not looked at.
    """
    cdef Py_ssize_t size
    task.kind = opened(P, &task.view, 2)
    if task.kind == 0:
        return False
    size = task.size = task.view.shape[0]
    task.scratch = NULL
    if size == task.view.shape[1] and size <= most:
        squares += task.kind == b'f'
        task.scratch = <double*>malloc(sizeof(double) * (squares * size * size + vectors * size + 16))
    if task.scratch is NULL:
        PyBuffer_Release(&task.view)
        return False
    task.free, task.P = task.scratch, <const double*>task.view.buf
    return True


cdef inline double tolerance_of(responses *task) noexcept:
    """Return how far P + P' may be from one."""
    return 1e-9 if task.kind == b'd' else 1e-6


cdef bint read_preferences(object P, responses *task, Py_ssize_t most, int squares, int vectors) noexcept:
    """Open a task as `open_matrix` does, with P in float64; return whether P holds good values."""
    cdef double *copy
    if not open_matrix(P, task, most, squares, vectors):
        return False
    if task.kind == b'f':
        copy = taken(task, task.size * task.size)
        copied(&task.view, task.kind, copy)
        task.P = copy
    if table.policy_are_preferences(task.size, task.P, tolerance_of(task)):
        return True
    closed(task)
    return False


cdef void closed(responses *task) noexcept:
    """Give back what the task holds."""
    free(task.scratch)
    PyBuffer_Release(&task.view)


cdef double *taken(responses *task, Py_ssize_t count) noexcept:
    """Return `count` doubles of the scratch."""
    cdef double *memory = task.free
    task.free += count
    return memory


cdef bint read_array(object x, responses *task, int ndim, double *out) noexcept:
    """Write an array over the responses, of `ndim` axes, to `out`; return whether `x` is one."""
    cdef Py_buffer view
    cdef char kind = opened(x, &view, ndim)
    cdef bint good
    if kind == 0:
        return False
    good = kind == task.kind and view.shape[0] == task.size and view.shape[ndim - 1] == task.size
    if good:
        copied(&view, kind, out)
    PyBuffer_Release(&view)
    return good


cdef bint read_rows(object x, responses *task, Py_ssize_t rows, double *out) noexcept:
    """Write `rows` rows over the responses to `out`; return whether `x` is an array of so many."""
    cdef Py_buffer view
    cdef char kind = opened(x, &view, 2)
    cdef bint good
    if kind == 0:
        return False
    good = kind == task.kind and view.shape[0] == rows and view.shape[1] == task.size
    if good:
        copied(&view, kind, out)
    PyBuffer_Release(&view)
    return good


cdef bint read_vector(object x, responses *task, double *out) noexcept:
    """Write finite numbers, one for each response, to `out`; return whether `x` holds such."""
    cdef Py_ssize_t i
    cdef bint good = read_array(x, task, 1, out)
    if good:
        for i in range(task.size):
            good &= out[i] - out[i] == 0.0
    return good


cdef bint read_distribution(object x, responses *task, double *out) noexcept:
    """Write a normalised distribution to `out`, uniform for None; return whether `x` is one."""
    cdef Py_ssize_t i
    if x is None:
        for i in range(task.size):
            out[i] = 1.0 / task.size
        return True
    return read_array(x, task, 1, out) and table.policy_normalise(task.size, out)


cdef object given_number(double x, char kind):
    """Return a NumPy scalar of the type of the arguments."""
    return float64(x) if kind == b'd' else float32(<double><float>x)


cdef object given_array(const double *x, object shape, char kind):
    """Return a new array of `shape`, of the type of the arguments."""
    cdef Py_buffer view
    cdef Py_ssize_t i
    result = empty(shape) if kind == b'd' else empty(shape, float32)
    PyObject_GetBuffer(result, &view, PyBUF_SIMPLE | PyBUF_WRITABLE)
    if kind == b'd':
        for i in range(view.len // 8):
            (<double*>view.buf)[i] = x[i]
    else:
        for i in range(view.len // 4):
            (<float*>view.buf)[i] = <float>x[i]
    PyBuffer_Release(&view)
    return result
