# Arguments of small calls, read in place. A compiled short way takes what nearly every call passes (exact NumPy arrays,
# contiguous, native float64 or float32, and plain numbers) and declines everything else by returning None: the long way
# of the public function then decides and raises, so that no error is written twice.
#
# These functions never raise; `array_type` is numpy.ndarray, which a declaration file cannot hold.

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_Clear, PyErr_Occurred
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check


cdef extern from *:
    """
    static int af_get_buffer(PyObject *x, Py_buffer *view, int flags) { return PyObject_GetBuffer(x, view, flags); }
    static double af_long_as_double(PyObject *x) { return PyLong_AsDouble(x); }
    """
    int af_get_buffer(object x, Py_buffer *view, int flags) noexcept
    double af_long_as_double(object x) noexcept


cdef inline char opened(object x, object array_type, Py_buffer *view, int ndim) noexcept:
    """Return 'd' or 'f', the type of an exact, contiguous, native, nonempty array of `ndim` axes, and hold its buffer.

    Return 0, and hold nothing, for anything else. What is held goes back by ``PyBuffer_Release(view)``.
    """
    if type(x) is not array_type:
        return 0
    if af_get_buffer(x, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0:
        PyErr_Clear()  # strided, or of a dtype that has no buffer
        return 0
    if view.ndim == ndim and view.len > 0 and view.format[1] == 0 and (view.format[0] == b'd' or view.format[0] == b'f'):
        return view.format[0]
    PyBuffer_Release(view)
    return 0


cdef inline bint number(object x, double *out) noexcept:
    """Write the float, NumPy float64 or exact Python int `x` to `out`; return whether it is one that a double holds."""
    if PyFloat_Check(x):
        out[0] = PyFloat_AS_DOUBLE(x)
        return True
    if type(x) is not int:
        return False
    out[0] = af_long_as_double(x)
    if out[0] == -1.0 and PyErr_Occurred():
        PyErr_Clear()
        return False
    return True
