# Arguments of small calls, read in place. A compiled short way takes what nearly every call passes (exact NumPy arrays,
# contiguous, native float64 or float32, and plain numbers) and declines everything else by returning None: the long way
# of the public function then decides and raises, so that no error is written twice.
#
# These functions never raise; `array_type` is numpy.ndarray and `integer_type` numpy.integer, which a declaration file
# cannot hold.

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_Clear
from cpython.float cimport PyFloat_AsDouble, PyFloat_Check
from libc.stdint cimport int64_t, uint64_t


cdef extern from *:
    """
    static int af_get_buffer(PyObject *x, Py_buffer *view, int flags) { return PyObject_GetBuffer(x, view, flags); }

    /* 1 where the last call of Python's C interface succeeded; else 0, and its error is forgotten. */
    static int af_succeeded(int suspect) {
        if (!suspect || !PyErr_Occurred()) return 1;
        PyErr_Clear();
        return 0;
    }
    static int af_int_to_double(PyObject *x, double *out) {
        *out = PyLong_AsDouble(x);
        return af_succeeded(*out == -1.0);
    }
    static int af_int_to_signed(PyObject *x, int64_t *out) {
        *out = PyLong_AsLongLong(x);
        return af_succeeded(*out == -1);
    }
    static int af_int_to_unsigned(PyObject *x, uint64_t *out) {
        *out = PyLong_AsUnsignedLongLong(x);
        return af_succeeded(*out == (uint64_t)-1);
    }
    """
    int af_get_buffer(object x, Py_buffer *view, int flags) noexcept
    bint af_int_to_double(object x, double *out) noexcept
    bint af_int_to_signed(object x, int64_t *out) noexcept
    bint af_int_to_unsigned(object x, uint64_t *out) noexcept


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
        out[0] = PyFloat_AsDouble(x)
        return True
    return type(x) is int and af_int_to_double(x, out)


cdef inline bint real(object x, object integer_type, double *out) noexcept:
    """Write the number `x`, a Python float or int, a NumPy float64 or integer, to `out`; return whether it is one."""
    if PyFloat_Check(x):
        out[0] = PyFloat_AsDouble(x)
        return True
    if type(x) is int:
        return af_int_to_double(x, out)
    return isinstance(x, integer_type) and af_int_to_double(int(x), out)


cdef inline bint whole(object x, object integer_type, int64_t *out) noexcept:
    """Write the Python int or NumPy integer `x` to `out`; return whether it is one that 64 bits hold."""
    if type(x) is int:
        return af_int_to_signed(x, out)
    return isinstance(x, integer_type) and af_int_to_signed(int(x), out)


cdef inline bint natural(object x, uint64_t *out) noexcept:
    """Write the exact Python int `x`, not negative, to `out`; return whether it is one that 64 bits hold."""
    return type(x) is int and af_int_to_unsigned(x, out)


cdef inline char opened_numbers(object x, object array_type, Py_buffer *view) noexcept:
    """As `opened` for one axis, where 'l' stands for native 64-bit integers as well."""
    if type(x) is not array_type:
        return 0
    if af_get_buffer(x, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0:
        PyErr_Clear()
        return 0
    if view.ndim == 1 and view.len > 0 and view.format[1] == 0:
        if view.format[0] == b'd' or view.format[0] == b'f':
            return view.format[0]
        if view.itemsize == 8 and (view.format[0] == b'l' or view.format[0] == b'q'):
            return b'l'
    PyBuffer_Release(view)
    return 0


cdef inline void *memory_of(object array) noexcept:
    """Return where the elements of a new, contiguous array lie; NULL, with no error set, for what has no buffer."""
    cdef Py_buffer view
    if af_get_buffer(array, &view, PyBUF_SIMPLE) != 0:
        PyErr_Clear()
        return NULL
    PyBuffer_Release(&view)
    return view.buf
