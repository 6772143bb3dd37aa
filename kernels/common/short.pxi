# Arguments and results of small calls, read and made once for all families (short.pxd says why). Nothing here raises but
# what makes a result, which raises MemoryError.

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer
from cpython.exc cimport PyErr_Clear
from cpython.float cimport PyFloat_AsDouble, PyFloat_Check
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, strchr

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

cdef object array_type = numpy.ndarray
cdef object integer_type = numpy.integer
cdef object float64 = numpy.float64
cdef object float32 = numpy.float32


# ---- arguments ----


cdef char opened_of(const char *kinds, object x, Py_buffer *view, int ndim) noexcept:
    if type(x) is not array_type:
        return 0
    if af_get_buffer(x, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0:
        PyErr_Clear()  # strided, or of a dtype that has no buffer
        return 0
    cdef char kind = view.format[0]
    if kind == b'i' or kind == b'l' or kind == b'q':
        kind = b'l' if view.itemsize == 8 else b'i'  # C's names of one width differ between systems
    if view.ndim == ndim and view.len > 0 and kind and view.format[1] == 0 and strchr(kinds, kind) is not NULL:
        return kind
    PyBuffer_Release(view)
    return 0


cdef char opened(object x, Py_buffer *view, int ndim) noexcept:
    return opened_of(b"df", x, view, ndim)


cdef bint number(object x, double *out) noexcept:
    if PyFloat_Check(x):
        out[0] = PyFloat_AsDouble(x)
        return True
    if type(x) is int:
        return af_int_to_double(x, out)
    return isinstance(x, integer_type) and af_int_to_double(int(x), out)


cdef bint whole(object x, int64_t *out) noexcept:
    if type(x) is int:
        return af_int_to_signed(x, out)
    return isinstance(x, integer_type) and af_int_to_signed(int(x), out)


cdef bint natural(object x, uint64_t *out) noexcept:
    return type(x) is int and af_int_to_unsigned(x, out)


cdef void widen(const Py_buffer *view, char kind, double *out) noexcept nogil:
    if kind == b'd':
        memcpy(out, view.buf, view.len)
    elif kind == b'f':
        table.widen_f32(view.len // <Py_ssize_t>sizeof(float), <const float*>view.buf, out)
    else:
        table.widen_i64(view.len // <Py_ssize_t>sizeof(int64_t), <const int64_t*>view.buf, out)


cdef bint take_numbers(object x, numbers *out) noexcept:
    cdef char kind
    out.widened, out.held, out.scalar, out.size, out.values = NULL, False, True, 1, &out.one
    if number(x, &out.one):
        return True
    kind = opened_of(b"dfl", x, &out.view, 1)
    if not kind:
        return False
    out.held, out.scalar, out.size = True, False, out.view.shape[0]
    out.values = <const double*>out.view.buf
    if kind != b'd':
        out.widened = <double*>malloc(out.size * sizeof(double))
        if out.widened is NULL:
            return False
        widen(&out.view, kind, out.widened)
        out.values = out.widened
    return True


cdef void drop_numbers(numbers *taken) noexcept:
    free(taken.widened)
    if taken.held:
        PyBuffer_Release(&taken.view)


cdef bint take_integers(object x, integers *out) noexcept:
    out.held, out.scalar, out.size, out.values = False, True, 1, &out.one
    if whole(x, &out.one):
        return True
    if not opened_of(b"l", x, &out.view, 1):
        return False
    out.held, out.scalar, out.size, out.values = True, False, out.view.shape[0], <const int64_t*>out.view.buf
    return True


cdef void drop_integers(integers *taken) noexcept:
    if taken.held:
        PyBuffer_Release(&taken.view)


cdef bint hold(object x, vectors *held) noexcept:
    cdef Py_buffer *view = &held.view[held.held]
    cdef char kind = opened(x, view, 1)
    if not kind:
        return False
    held.held += 1
    if held.held == 1:
        held.kind, held.size = kind, view.shape[0]
    return kind == held.kind and view.shape[0] == held.size


cdef void drop_vectors(vectors *held) noexcept:
    while held.held > 0:
        held.held -= 1
        PyBuffer_Release(&held.view[held.held])


# ---- checks of a row ----


cdef bint all_within(Py_ssize_t n, const double *x, double least) noexcept nogil:
    return table.all_within(n, x, least)


cdef bint all_finite(Py_ssize_t n, const double *x) noexcept nogil:
    return table.all_finite(n, x)


cdef bint has_nan(Py_ssize_t n, const double *x) noexcept nogil:
    return table.has_nan(n, x)


cdef bint are_masses(Py_ssize_t n, const double *p) noexcept nogil:
    return table.are_masses(n, p)


# ---- results ----


cdef object scalar_of(char kind, double value):
    return float32(<double><float>value) if kind == b'f' else float64(value)


cdef void *memory_of(object array) except NULL:
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_SIMPLE)
    PyBuffer_Release(&view)
    return view.buf


cdef object new_array(char kind, object shape, void **memory):
    cdef object array = empty(shape, float32) if kind == b'f' else empty(shape)
    memory[0] = memory_of(array)
    return array


cdef object array_of(char kind, object shape, Py_ssize_t count, const double *values):
    cdef void *memory
    cdef object array = new_array(kind, shape, &memory)
    if kind == b'f':
        table.narrow_f32(count, values, <float*>memory)
    else:
        memcpy(memory, values, count * sizeof(double))
    return array


cdef object narrowed(object x):
    cdef void *memory
    cdef Py_buffer view
    if type(x) is not array_type:
        return scalar_of(b'f', x)
    array = new_array(b'f', x.shape, &memory)
    if opened(x, &view, x.ndim):
        table.narrow_f32(view.len // <Py_ssize_t>sizeof(double), <const double*>view.buf, <float*>memory)
        PyBuffer_Release(&view)
    return array


cdef void moments_of(Py_ssize_t n, const double *x, double *out) noexcept nogil:
    table.moments_blocks(n, x, 0, 1, <af_moments*>out)


cdef object array_over(char kind, Py_ssize_t rows, Py_ssize_t columns, const double *values):
    if rows == NO_AXIS and columns == NO_AXIS:
        return scalar_of(kind, values[0])
    if rows == NO_AXIS or columns == NO_AXIS:
        rows = columns if rows == NO_AXIS else rows
        return array_of(kind, rows, rows, values)
    return array_of(kind, (rows, columns), rows * columns, values)
