# Arguments of small calls over K responses, included by the modules that have such calls (kernels/common/short.pxd): a
# preference matrix and distributions, checked as the long way does, in float64; and results, made once.

import numpy

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyObject_GetBuffer
from cpython.float cimport PyFloat_AS_DOUBLE

from alignment_fast.kernels.common.short cimport PyBuffer_Release, Py_buffer, opened

cdef object array_type = numpy.ndarray
cdef object empty = numpy.empty
cdef object float32 = numpy.float32
cdef object float64 = numpy.float64

# From here on time goes into the work; 16 K^2 + 64 K doubles of scratch stay below a megabyte.
cdef enum:
    MOST_RESPONSES = 64


cdef struct responses:
    Py_ssize_t size
    char kind  # of every array: 'd' or 'f'
    double *P
    double *free  # scratch behind P, of which 15 size² + 64 size doubles are left


cdef bint plain_number(object x, double *out) noexcept:
    """Write a Python float or int or a float64 to `out`; return whether `x` is one."""
    if type(x) is float or type(x) is float64:
        out[0] = PyFloat_AS_DOUBLE(x)
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


cdef bint read_preferences(object P, responses *task) noexcept:
    """Open a task on the matrix P, of good values; return whether there is one. What it holds goes back by `free`."""
    cdef Py_buffer view
    cdef Py_ssize_t size
    task.kind = opened(P, array_type, &view, 2)
    if task.kind == 0:
        return False
    size = task.size = view.shape[0]
    task.P = NULL
    if size == view.shape[1] and size <= MOST_RESPONSES:
        task.P = <double*>malloc(sizeof(double) * (16 * size + 64) * size)
    if task.P is not NULL:
        copied(&view, task.kind, task.P)
    PyBuffer_Release(&view)
    if task.P is NULL:
        return False
    task.free = task.P + size * size
    if not table.policy_are_preferences(size, task.P, 1e-9 if task.kind == b'd' else 1e-6):
        free(task.P)
        return False
    return True


cdef double *taken(responses *task, Py_ssize_t count) noexcept:
    """Return `count` doubles of the scratch."""
    cdef double *memory = task.free
    task.free += count
    return memory


cdef bint read_array(object x, responses *task, int ndim, double *out) noexcept:
    """Write an array over the responses, of `ndim` axes, to `out`; return whether `x` is one."""
    cdef Py_buffer view
    cdef char kind = opened(x, array_type, &view, ndim)
    cdef bint good
    if kind == 0:
        return False
    good = kind == task.kind and view.shape[0] == task.size and view.shape[ndim - 1] == task.size
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
